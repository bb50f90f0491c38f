/*
 * Attributes of Active Record and Active Model, read from where these keep them: the value that record.name
 * gives where the model has no reader of its own, or none at all.
 *
 * A value that was looked at or assigned as what it is, is read as it is. One that only the database or a form
 * has spoken of is cast here, as Rails' own types do it, where the result is certain; anything else, such as
 * what a type of the app's makes of it, is missing until somebody has asked for it. docs/attributes.md has the
 * list.
 *
 * Contract: Ruby's lock is held; nothing is raised, and no code of the app is run: no reader, no callback, no
 * type, and so no query. No Ruby object is allocated, but for a BigDecimal, which only BigDecimal#to_f can turn
 * into a number: that takes two objects and 340 ns. The worst case is what expression.h states for an attribute:
 * up to eight instance variables and five Hash probes, and then that, a text of 63 bytes as a number, or an enum
 * of RP_ATTRIBUTE_LABELS.
 */
#ifndef RAILPROBE_ATTRIBUTE_H
#define RAILPROBE_ATTRIBUTE_H

#include "expression.h"

#include <ruby.h>

enum { RP_ATTRIBUTE_LABELS = 64 }; /* of an enum with more, the ones behind are not found */

/* Once, before anything is read. */
void rp_attribute_init(void);

/* Finds BigDecimal, which may be loaded late. Not to be called on the way to a firing: it may allocate. */
void rp_attribute_prepare(void);

/*
 * The attribute of that name, a String, of a record: false if it is missing, or if that is no record. A column
 * has its own name only: an alias_attribute is known to Ruby code alone.
 */
bool rp_attribute_read(VALUE record, VALUE name, struct rp_expression_value *value);

/* The attribute that is the record's primary key. One of several columns is missing. */
bool rp_attribute_read_key(VALUE record, struct rp_expression_value *value);

#endif
