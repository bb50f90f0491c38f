/*
 * Railprobe::Probe: a probe as a Ruby object. Ruby's lock is held wherever this is called.
 */
#ifndef RAILPROBE_OBJECT_H
#define RAILPROBE_OBJECT_H

#include "registry.h"

#include <ruby.h>

/* Defines the class; Railprobe::Runtime must be there. */
void rp_object_define(VALUE railprobe);

/* An object without a probe yet, which no Ruby code can see; and then its probe: it is frozen, and
 * frees the probe when collected. */
VALUE rp_object_new(void);
void rp_object_own(VALUE object, struct rp_probe *probe);

/* The probe of an object, or NULL for one that has none yet. Raises TypeError for any other object. */
struct rp_probe *rp_object_probe(VALUE object);

/* Whether wrong values raise. */
void rp_object_set_strict(bool strict);
bool rp_object_is_strict(void);

/*
 * Calls Railprobe::Runtime.METHOD(probe, first, second), which complains. An error that it raises
 * is dropped, and $! stays as it was, unless strict is set: then it is raised.
 */
void rp_object_notify(ID method, VALUE probe, VALUE first, VALUE second);

#endif
