/*
 * The room of expression.c that says no: one way to fill an error, and what is known of Ruby.
 */
#ifndef RAILPROBE_EXPRESSION_REFUSAL_H
#define RAILPROBE_EXPRESSION_REFUSAL_H

#include "expression.h"

/* Fills error: the place is the byte at of text, the message printed as by printf and cut where the
 * room ends. Returns false, for callers to return. */
__attribute__((format(printf, 4, 5))) bool rp_expression_refuse(struct rp_expression_error *error,
                                                                const char *text, size_t at,
                                                                const char *format, ...);

/* As rp_expression_refuse(): the size bytes at are a method of Ruby, not something to be read. */
bool rp_expression_refuse_method(struct rp_expression_error *error, const char *text, size_t at,
                                 size_t size);

/* If the name after a dot is a method that no Active Record attribute can be called like. */
bool rp_expression_is_method(const char *name, size_t size);

/* The bytes of the sign of Ruby's at text, of size bytes, that we have not, and in *message why; 0,
 * and *message left alone, if there is none. */
size_t rp_expression_refused_sign(const char *text, size_t size, const char **message);

/* How many of size bytes a message quotes: whole characters, at most 32 bytes. For "%.*s". */
int rp_expression_quoted(const char *text, size_t size);

#endif
