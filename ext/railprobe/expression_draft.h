/*
 * A room of expression.c: a program while it grows, on the C stack, and its way into one
 * allocation.
 */
#ifndef RAILPROBE_EXPRESSION_DRAFT_H
#define RAILPROBE_EXPRESSION_DRAFT_H

#include "expression.h"

struct rp_expression_draft {
    struct rp_expression expression; /* its pointers lead into what follows */
    struct rp_expression_instruction instructions[RP_EXPRESSION_INSTRUCTIONS_MAX];
    struct rp_expression_constant constants[RP_EXPRESSION_INSTRUCTIONS_MAX];
    struct rp_expression_name names[RP_EXPRESSION_INSTRUCTIONS_MAX];
    /* The source; names and strings, which are parts of it, each once; a NUL behind each. */
    char pool[2 * RP_EXPRESSION_TEXT_MAX + RP_EXPRESSION_INSTRUCTIONS_MAX + 1];
    size_t pool_size;
};

/* An empty draft for a text of at most RP_EXPRESSION_TEXT_MAX bytes; copies it. */
void rp_expression_draft_start(struct rp_expression_draft *draft, const char *text, size_t size);

/*
 * Adds an instruction, whose text starts at the byte at. False when the program is full.
 *
 * add_constant  its operand is a constant, added too; of a text the backslashes are undone, each of
 *               which has a byte behind it unless it is a symbol's
 * add_name      its operand is a name, added unless it is there for the same op
 */
bool rp_expression_draft_add(struct rp_expression_draft *draft, enum rp_expression_op op,
                             unsigned operand, size_t at);
bool rp_expression_draft_add_constant(struct rp_expression_draft *draft, enum rp_expression_op op,
                                      const struct rp_expression_value *value, bool symbol,
                                      size_t at);
bool rp_expression_draft_add_name(struct rp_expression_draft *draft, enum rp_expression_op op,
                                  const char *text, size_t size, size_t at);

/* The program in one allocation, which the caller frees; NULL when there is no memory. */
struct rp_expression *rp_expression_draft_pack(const struct rp_expression_draft *draft);

#endif
