/*
 * Captures and conditions over Ruby values: the host that expression.h asks for.
 *
 * A program belongs to one method, whose parameters tell where a name is found among the arguments.
 * Evaluating holds Ruby's lock, raises nothing and runs no Ruby code; it costs at most what the verifier
 * stated (expression.h). It allocates no Ruby object, but for an attribute that is a BigDecimal (attribute.h).
 */
#ifndef RAILPROBE_EVALUATE_H
#define RAILPROBE_EVALUATE_H

#include "expression.h"

#include <ruby.h>

/* What can be read at one moment of a call. */
struct rp_scene {
    VALUE self;
    int argc;
    const VALUE *argv;
    int keywords;     /* the last argument is a Hash of keywords */
    VALUE result;     /* Qundef before the method returned */
    int64_t duration; /* ns, or -1 before */
};

struct rp_program;

/*
 * Makes the program of an Expression for a method with those parameters (as of Method#parameters).
 * NULL when there is no memory. The expression must outlive it; the caller frees it, or never.
 */
struct rp_program *rp_program_new(VALUE expression, VALUE parameters);
void rp_program_free(struct rp_program *program);

/* Whether it needs what is there only when the method has returned. */
bool rp_program_reads_return(const struct rp_program *program);

/* As rp_expression_durations(). */
bool rp_program_durations(const struct rp_program *program, struct rp_expression_span *span);

/* The worst case that the verifier stated, ns. */
uint32_t rp_program_cost_ns(const struct rp_program *program);

bool rp_program_is_true(const struct rp_program *program, const struct rp_scene *scene);

/*
 * The value as a slot: an integer, 1 or 0 for true and false, the bits of a decimal, or the address of a
 * text, which is copied to text, at most size - 1 bytes of it, or limits.string. Missing is -1, or "" where only a text can be.
 */
uint64_t rp_program_slot(const struct rp_program *program, const struct rp_scene *scene, char *text,
                         size_t size);

#endif
