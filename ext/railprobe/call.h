/*
 * A call of a traced method, while it is armed: measure, fire, and get out of the way.
 */
#ifndef RAILPROBE_CALL_H
#define RAILPROBE_CALL_H

#include "evaluate.h"
#include "helper.h"
#include "own_type.h"
#include "registry.h"

#include <ruby.h>

/* What a probe carries behind its own arguments. */
struct rp_captures {
    int count;
    struct rp_program *programs[RP_SLOTS_MAX];
};

/*
 * A method that is traced, as the call needs it. Filled and kept by tracer.c; never freed. What every call
 * reads comes first: behind a trap each further line of memory takes 5 ns.
 */
struct rp_method {
    ID name;
    struct rp_program *condition;             /* fire only if it is true; NULL for always */
    struct rp_expression_span span;           /* for these durations it is */
    bool is_span;                             /* and of nothing else does it depend */
    bool is_late;                             /* whether it is, is known only at the end */
    struct rp_probe *probes[RP_MOMENT_COUNT]; /* NULL where no helper type asks for it */
    const char *subject;                      /* Order#checkout */
    uint32_t helpers;                         /* 1u << RP_HELPER_... for each */
    int frames;                               /* of a stack */
    bool is_long[RP_MOMENT_COUNT]; /* the probe carries more than what all of its kind do */
    struct rp_captures captures[RP_MOMENT_COUNT];
    const struct rp_own_types
        *own;       /* for each moment; NULL where the app's own types ask nothing */
    VALUE headers;  /* names in a Rack env, an Array of Strings */
    VALUE original; /* an UnboundMethod, taken before the wrapper was made */
    VALUE aliases;  /* nil, or a Hash: names that were given to the wrapper before original was the
                      method => the UnboundMethod that it then was */
};

/* Once, before any method is traced. */
void rp_call_init(void);

/*
 * The C function behind every entry stub: number and owners say which method. Ruby calls it in place of
 * the method. It calls the original with the same arguments, block and keywords, gives its value and
 * lets its exceptions through; nothing of ours is raised but the SystemStackError that the original
 * would have met with one frame later.
 *
 * Worst case beside the original, for each call: 4 clock readings, 2 of the thread's CPU time, and for
 * each attached probe 12 texts of RP_TEXT_MAX bytes, and what the verifier stated for captures. No Ruby object is allocated.
 * Helper types of the app's own come on top: what their blocks take, and what own_type.h states.
 */
VALUE rp_call_traced(int argc, VALUE *argv, VALUE self, uint32_t number, void *const *owners);

#endif
