/*
 * A call of a traced method, while it is armed: measure, fire, and get out of the way.
 */
#ifndef RAILPROBE_CALL_H
#define RAILPROBE_CALL_H

#include "evaluate.h"
#include "helper.h"
#include "registry.h"

#include <ruby.h>

/* What a probe carries behind its own arguments. */
struct rp_captures {
    int count;
    struct rp_program *programs[RP_SLOTS_MAX];
};

/* A method that is traced, as the call needs it. Filled and kept by tracer.c; never freed. */
struct rp_method {
    ID name;
    VALUE original; /* an UnboundMethod, taken before the wrapper was made */
    VALUE aliases;  /* nil, or a Hash: names that were given to the wrapper before original was the
                      method => the UnboundMethod that it then was */
    const char *subject;                      /* Order#checkout */
    uint32_t helpers;                         /* 1u << RP_HELPER_... for each */
    int frames;                               /* of a stack */
    VALUE headers;                            /* names in a Rack env, an Array of Strings */
    struct rp_probe *probes[RP_MOMENT_COUNT]; /* NULL where no helper type asks for it */
    struct rp_captures captures[RP_MOMENT_COUNT];
    struct rp_program *condition; /* fire only if it is true; NULL for always */
};

/* The common pair, tracers:method__entry and method__return, or NULL before it is loaded. */
struct rp_common {
    struct rp_probe *entry;
    struct rp_probe *returned;
};

void rp_call_init(const struct rp_common *common);

/*
 * The C function behind every entry stub: number and owners say which method. Ruby calls it in place of
 * the method. It calls the original with the same arguments, block and keywords, gives its value and
 * lets its exceptions through; nothing of ours is raised but the SystemStackError that the original
 * would have met with one frame later.
 *
 * Worst case beside the original, for each call: 4 clock readings, 2 of the thread's CPU time, and for
 * each attached probe 12 texts of RP_TEXT_MAX bytes, and what the verifier stated for captures. No Ruby object is allocated.
 */
VALUE rp_call_traced(int argc, VALUE *argv, VALUE self, uint32_t number, void *const *owners);

#endif
