/*
 * The first room of expression.c: text -> tokens. All that looks like Ruby beyond the language is
 * refused here, where its spelling is known.
 */
#ifndef RAILPROBE_EXPRESSION_LEXER_H
#define RAILPROBE_EXPRESSION_LEXER_H

#include "expression.h"

enum rp_expression_token_kind {
    RP_TOKEN_END,
    RP_TOKEN_NUMBER, /* value: an integer or a float */
    RP_TOKEN_STRING, /* value: what is between the quotes, backslashes still in it */
    RP_TOKEN_SYMBOL, /* value: the name behind the colon */
    RP_TOKEN_NAME,
    RP_TOKEN_IVAR,
    RP_TOKEN_POSITION, /* a dot and digits; value: an integer */
    RP_TOKEN_DOT,
    RP_TOKEN_OPEN,
    RP_TOKEN_CLOSE,
    RP_TOKEN_KEY_OPEN,
    RP_TOKEN_KEY_CLOSE,
    RP_TOKEN_OPERATOR, /* op: a comparison, NOT, AND or OR */
};

struct rp_expression_token {
    enum rp_expression_token_kind kind;
    size_t at; /* where it starts in the text, from 0 */
    size_t size;
    enum rp_expression_op op;
    struct rp_expression_value value;
};

/* Zeroed but for text, size and error, it is at the start of a text. */
struct rp_expression_lexer {
    const char *text;
    size_t size;
    struct rp_expression_error *error;
    size_t at;
    bool after_value; /* what comes must be an operator, so a minus is no sign */
};

/*
 * Reads the next token; at the end, and ever after, RP_TOKEN_END. A token of zero bytes is none but
 * that. False when there is no token to be made, with the lexer's error filled.
 */
bool rp_expression_lexer_next(struct rp_expression_lexer *lexer, struct rp_expression_token *token);

/* False, and an error at the first offender, if the text is too long, not UTF-8 or has a NUL. */
bool rp_expression_lexer_check(const struct rp_expression_lexer *lexer);

/* If the characters are the name of a unit. */
bool rp_expression_is_unit(const char *name, size_t size);

#endif
