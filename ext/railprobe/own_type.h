/*
 * Helper types of the user's own: a block that is asked, in a call of a traced method, for arguments of
 * its probe.
 *
 * Nothing that a block does reaches the app: what it raises, and what doesn't fit, makes its arguments
 * unknown, is counted and told once. What is meant for the thread does reach it, once the probe has fired: a
 * kill, an exit, a signal, and what Thread#raise brings, which waits while blocks run, so that a timeout is
 * neither lost nor taken for the block's.
 *
 * Costs, besides what the blocks take, the Railprobe::Call for each probe, and a Hash that handle_interrupt
 * makes in Ruby 3.1.
 */
#ifndef RAILPROBE_OWN_TYPE_H
#define RAILPROBE_OWN_TYPE_H

#include "capture.h"
#include "evaluate.h"

#include <ruby.h>

/* The helper types whose arguments a probe carries, in the order of the arguments. */
struct rp_own_type;
struct rp_own_types {
    int count;
    struct rp_own_type *types[RP_SLOTS_MAX];
};

/* What a block can ask of the call. The values are on the stack of whoever has them. */
struct rp_own_scene {
    const struct rp_scene *call;
    ID name;
    VALUE exception; /* nil where there is none */
    uintptr_t fiber; /* the current one, as in measure.h */
};

/* Defines Native.own_type and Railprobe::Call; Railprobe::Runtime must be there. */
void rp_own_type_define(VALUE railprobe);

/* Those of an Array of OwnTypes, which must stay marked for as long as types is in use. */
void rp_own_types_read(struct rp_own_types *types, VALUE array);

/*
 * A block may switch fibers: those are traced as ever, while what this one calls fires nothing. But Ruby keeps
 * interrupts waiting by thread, so a block that is never resumed keeps its thread from being interrupted.
 *
 * Asks every block, and appends its arguments to slots from next on; strings are copied to the texts of the
 * same numbers. Returns the next free slot.
 *
 * *interrupt becomes what must reach the app: not 0, it is to be given to rb_jump_tag() once the probe has
 * fired, and $! belongs to it until then. If it is so already, no block is asked and all is unknown.
 */
size_t rp_own_types_append(const struct rp_own_types *types, const struct rp_own_scene *scene,
                           char (*texts)[RP_STRING_MAX + 1], uint64_t *slots, size_t next,
                           int *interrupt);

#endif
