/*
 * Ruby values -> the 64-bit slots of a probe.
 *
 * Contract of everything here: Ruby's lock is held; nothing is raised; no Ruby object is allocated
 * and no Ruby code is run. Worst case: RP_SLOTS_MAX strings of RP_STRING_MAX bytes copied.
 */
#ifndef RAILPROBE_CAPTURE_H
#define RAILPROBE_CAPTURE_H

#include "declaration.h"
#include "error.h"
#include "limit.h"

#include <ruby.h>

/*
 * Slots, and the room that strings are copied to: a tracer can't read what is not in memory, so
 * they lie on the stack, just written. Only slots need to be cleared before use.
 */
struct rp_captured {
    uint64_t slots[RP_SLOTS_MAX];
    char text[RP_SLOTS_MAX][RP_STRING_MAX + 1];
};

/*
 * Fills slots with count values for the declared arguments, and texts, of which there are as many, with the
 * strings that slots of the same numbers lead to.
 *
 * integer   an Integer, saturated to 64 bits; nil is -1
 * string    a String or Symbol, NUL at the end, cut at limits.string bytes (UTF-8 at a character); nil is ""
 * symbol    likewise
 * boolean   true 1, false 0, nil -1
 * float     a Float or Integer as the bits of a double; nil is NaN
 * time      a Time, or an Integer of ns since 1970; nil is -1
 * bytes     as string, and in the slot behind it how many bytes these are
 * value     any of these, each as it would be captured; anything else is -1
 *
 * Returns RP_OK; RP_ARITY; RP_TYPE, with the argument's number in *wrong.
 */
enum rp_error rp_capture_values(const struct rp_declaration *declaration, int count,
                                const VALUE *values, uint64_t *slots,
                                char (*texts)[RP_STRING_MAX + 1], uint32_t *wrong);

#endif
