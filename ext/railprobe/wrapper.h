/*
 * A method put in front of another one, and taken away again: what a traced method and a hook where Rails has no
 * event are armed by.
 *
 * It is defined in a module that is prepended to the class, once; to disarm is to remove it from there. The empty
 * module stays, as what is prepended can't be taken back, and costs nothing. Ruby's lock is held. What is asked of a
 * class is Module's own method of that name, whatever the class has made of it. All but the call raise what Ruby
 * raises: to be called under rb_protect().
 */
#ifndef RAILPROBE_WRAPPER_H
#define RAILPROBE_WRAPPER_H

#include <ruby.h>

/* Once, before the others. */
void rp_wrapper_init(void);

/* What Module's own method of that name says of the target. */
VALUE rp_wrapper_ask(VALUE target, const char *question, VALUE name);

/* A module of its own, prepended to the target. */
VALUE rp_wrapper_prepend(VALUE target);

/* Defines function in the module, with -1 for its arity, as visible as the target's method. Works in every Ractor. */
void rp_wrapper_define(VALUE module, VALUE target, ID name, VALUE (*function)(ANYARGS));

void rp_wrapper_remove(VALUE module, ID name);

/* Calls an UnboundMethod in the place of the method whose frame this is, with its block and keywords. */
VALUE rp_wrapper_call(VALUE original, int argc, const VALUE *argv, VALUE self);

#endif
