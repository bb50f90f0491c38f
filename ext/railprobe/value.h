/*
 * Ruby's values as those that an expression computes with.
 *
 * Ruby's lock is held; nothing is raised, no Ruby object is allocated and no Ruby code is run.
 */
#ifndef RAILPROBE_VALUE_H
#define RAILPROBE_VALUE_H

#include "expression.h"

#include <ruby.h>

/* An Integer in 64 bits; one that does not fit is the nearest that does. */
int64_t rp_value_saturated(VALUE integer);

/*
 * False for what is missing: nil, and Qundef. Text stays where it is, in the String or the Symbol. What is
 * neither number, text nor truth is an object.
 */
bool rp_value_read(VALUE ruby, struct rp_expression_value *value);

/* These have no object of Ruby's behind them, and so no parts that could be read. */
void rp_value_set_boolean(struct rp_expression_value *value, bool boolean);
void rp_value_set_integer(struct rp_expression_value *value, int64_t integer);
void rp_value_set_decimal(struct rp_expression_value *value, double decimal);
/* Something that is there, of which no more is known. */
void rp_value_set_opaque(struct rp_expression_value *value);

/* The object of Ruby's behind a value; nil where there is none. */
VALUE rp_value_object(const struct rp_expression_value *value);

#endif
