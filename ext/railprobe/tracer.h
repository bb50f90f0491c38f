/*
 * Method wrappers: armed while a tracer is attached, gone when it has left.
 *
 * A method that is not armed is the original, in every respect. To arm it, a module is prepended to its
 * class, once, and the method's entry stub is defined in it; to disarm it, that is removed again, and
 * the empty module stays. Ruby's lock is held wherever this is called, by the main Ractor.
 */
#ifndef RAILPROBE_TRACER_H
#define RAILPROBE_TRACER_H

#include <ruby.h>
#include <stdbool.h>

enum { RP_ARM_BATCH = 50 }; /* what is armed or disarmed at a time, while Ruby's lock is held */

/* Defines Railprobe::TracedMethod. */
void rp_tracer_define(VALUE railprobe);

/*
 * Arms what has become attached and disarms what is so no more, at most RP_ARM_BATCH methods of it.
 * True when there is more to do. Raises nothing: a method that can't be armed says why. Runs between
 * two instructions of any Ruby thread, and takes no Ruby lock. O(methods traced).
 */
bool rp_tracer_settle(void);

/* Whether a tracer is on any method. O(methods traced). */
bool rp_tracer_is_any_wanted(void);

#endif
