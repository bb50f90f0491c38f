/*
 * Railprobe::Expression: a verified program as a Ruby object.
 */
#ifndef RAILPROBE_EXPRESSION_OBJECT_H
#define RAILPROBE_EXPRESSION_OBJECT_H

#include "expression.h"

#include <ruby.h>

/* Defines the class, and Railprobe::Native.expression which makes one of a text. */
void rp_expression_object_define(VALUE railprobe);

/*
 * The program of an Expression, which owns it, and the keys of its constants as Ruby values, which it
 * marks. Raises TypeError for any other object.
 */
const struct rp_expression *rp_expression_of(VALUE object, const VALUE **keys);

#endif
