/*
 * Text -> program: a parser that goes down the grammar of expression.h and writes instructions as
 * it comes back, into a draft on the C stack. The verifier judges the draft; only then is it copied
 * into its one allocation.
 *
 * Rooms: expression_lexer.c (tokens), expression_draft.c (the program while it grows),
 * expression_refusal.c (what Ruby has and we have not), expression_verifier.c,
 * expression_describe.c, expression_evaluator.c.
 */
#include "expression.h"

#include "expression_draft.h"
#include "expression_lexer.h"
#include "expression_refusal.h"

struct parser {
    struct rp_expression_lexer lexer;
    struct rp_expression_token token; /* the next one */
    unsigned nesting;
    struct rp_expression_draft *draft;
};

#define REFUSE(at, ...)                                                                            \
    rp_expression_refuse(parser->lexer.error, parser->lexer.text, (at), __VA_ARGS__)
#define NIL_ALONE "nil is only possible beside == and !="

/* -- the draft -- */

static bool refuse_more(struct parser *parser, size_t at)
{
    return REFUSE(at, "the expression takes more than %d steps: split it into several",
                  RP_EXPRESSION_INSTRUCTIONS_MAX);
}

static bool emit(struct parser *parser, enum rp_expression_op op, unsigned operand, size_t at)
{
    return rp_expression_draft_add(parser->draft, op, operand, at) || refuse_more(parser, at);
}

static bool emit_constant(struct parser *parser, enum rp_expression_op op,
                          const struct rp_expression_token *token)
{
    return rp_expression_draft_add_constant(parser->draft, op, &token->value,
                                            token->kind == RP_TOKEN_SYMBOL, token->at) ||
           refuse_more(parser, token->at);
}

static bool emit_name(struct parser *parser, enum rp_expression_op op, const char *text,
                      size_t size, size_t at)
{
    return rp_expression_draft_add_name(parser->draft, op, text, size, at) ||
           refuse_more(parser, at);
}

/* -- tokens -- */

static bool advance(struct parser *parser)
{
    return rp_expression_lexer_next(&parser->lexer, &parser->token);
}

static bool is_operator(const struct parser *parser, enum rp_expression_op op)
{
    return parser->token.kind == RP_TOKEN_OPERATOR && parser->token.op == op;
}

static bool is_comparison(const struct parser *parser)
{
    return parser->token.kind == RP_TOKEN_OPERATOR && parser->token.op >= RP_EXPRESSION_EQUAL &&
           parser->token.op <= RP_EXPRESSION_GREATER_EQUAL;
}

static bool is_word(const struct rp_expression_token *token, const char *word)
{
    return token->kind == RP_TOKEN_NAME && token->size == strlen(word) &&
           memcmp(token->value.text.bytes, word, token->size) == 0;
}

static const char *spelling(const struct parser *parser)
{
    return parser->lexer.text + parser->token.at;
}

static int quoted(const struct parser *parser)
{
    return rp_expression_quoted(spelling(parser), parser->token.size);
}

/* -- the grammar -- */

static bool parse_expression(struct parser *parser);

/* Goes on behind a name; a parenthesis would make it a call. */
static bool end_name(struct parser *parser)
{
    size_t at = parser->token.at;
    size_t size = parser->token.size;
    return advance(parser) &&
           (parser->token.kind != RP_TOKEN_OPEN ||
            rp_expression_refuse_method(parser->lexer.error, parser->lexer.text, at, size));
}

/* Goes on behind a word of the language. */
static bool end_word(struct parser *parser, const char *word)
{
    return advance(parser) &&
           (parser->token.kind != RP_TOKEN_OPEN ||
            REFUSE(parser->token.at, "write %s alone, without a parenthesis behind it", word));
}

/* Names that are none of a parameter: false, and an error. */
static bool check_word(struct parser *parser)
{
    static const char *const words[] = {
        "BEGIN",  "END",   "__ENCODING__", "__FILE__", "__LINE__", "alias", "begin",  "break",
        "case",   "class", "def",          "defined",  "do",       "else",  "elsif",  "end",
        "ensure", "for",   "if",           "in",       "lambda",   "loop",  "module", "next",
        "proc",   "redo",  "rescue",       "retry",    "return",   "super", "then",   "undef",
        "unless", "until", "when",         "while",    "yield",
    };
    static const char *const logic[][2] = {{"and", "&&"}, {"or", "||"}, {"not", "!"}};
    const struct rp_expression_token *token = &parser->token;
    for (size_t i = 0; i < sizeof logic / sizeof *logic; i++) {
        if (is_word(token, logic[i][0])) {
            return REFUSE(token->at, "write %s instead of %s", logic[i][1], logic[i][0]);
        }
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (is_word(token, words[i])) {
            return REFUSE(token->at,
                          "%s is not possible here: an expression is values, comparisons, &&, "
                          "|| and !, and nothing else",
                          words[i]);
        }
    }
    if (is_word(token, "nil")) {
        return REFUSE(token->at, NIL_ALONE);
    }
    if (*spelling(parser) >= 'A' && *spelling(parser) <= 'Z') {
        return REFUSE(token->at,
                      "constants are not read here: compare .class with the name, as in .class == "
                      "'Order'");
    }
    return true;
}

static bool parse_position(struct parser *parser, size_t at)
{
    if (!advance(parser)) {
        return false;
    }
    if (parser->token.kind != RP_TOKEN_POSITION) {
        return REFUSE(at, "args takes a position, from 0, as in args.0");
    }
    return emit(parser, RP_EXPRESSION_POSITION, (unsigned)parser->token.value.integer, at) &&
           advance(parser);
}

static bool parse_name(struct parser *parser)
{
    static const struct {
        const char *word;
        enum rp_expression_op op;
    } roots[] = {{"self", RP_EXPRESSION_SELF},
                 {"result", RP_EXPRESSION_RESULT},
                 {"duration", RP_EXPRESSION_DURATION}};
    const struct rp_expression_token token = parser->token;
    if (is_word(&token, "args")) {
        return parse_position(parser, token.at);
    }
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        if (is_word(&token, roots[i].word)) {
            return emit(parser, roots[i].op, 0, token.at) && end_word(parser, roots[i].word);
        }
    }
    if (is_word(&token, "true") || is_word(&token, "false")) {
        struct rp_expression_token truth = token;
        truth.value = (struct rp_expression_value){.tag = RP_EXPRESSION_BOOLEAN,
                                                   .boolean = is_word(&token, "true")};
        return emit_constant(parser, RP_EXPRESSION_CONSTANT, &truth) && advance(parser);
    }
    return check_word(parser) &&
           emit_name(parser, RP_EXPRESSION_PARAMETER, token.value.text.bytes, token.size,
                     token.at) &&
           end_name(parser);
}

static bool parse_parentheses(struct parser *parser)
{
    size_t at = parser->token.at;
    if (parser->nesting == RP_EXPRESSION_NESTING_MAX) {
        return REFUSE(at, "there are at most %d parentheses inside each other",
                      RP_EXPRESSION_NESTING_MAX);
    }
    parser->nesting++;
    if (!advance(parser) || !parse_expression(parser)) {
        return false;
    }
    if (parser->token.kind == RP_TOKEN_END) {
        return REFUSE(at, "this parenthesis is not closed");
    }
    parser->nesting--;
    return advance(parser);
}

/* What a value starts with. */
static bool parse_root(struct parser *parser)
{
    const struct rp_expression_token token = parser->token;
    switch (token.kind) {
    case RP_TOKEN_NUMBER:
    case RP_TOKEN_STRING:
    case RP_TOKEN_SYMBOL:
        return emit_constant(parser, RP_EXPRESSION_CONSTANT, &token) && advance(parser);
    case RP_TOKEN_IVAR:
        return emit_name(parser, RP_EXPRESSION_IVAR, spelling(parser), token.size, token.at) &&
               advance(parser);
    case RP_TOKEN_NAME:
        return parse_name(parser);
    case RP_TOKEN_OPEN:
        return parse_parentheses(parser);
    case RP_TOKEN_END:
        return REFUSE(token.at, "a value is missing at the end");
    case RP_TOKEN_POSITION:
        return REFUSE(token.at, "a number starts with a digit, as in 0.5, a position with args, "
                                "as in args.0");
    case RP_TOKEN_KEY_OPEN:
        return REFUSE(token.at, "there are no lists here: write a == 1 || a == 2");
    default:
        return REFUSE(token.at, "a value is missing before %.*s", quoted(parser), spelling(parser));
    }
}

/* Behind a dot. */
static bool parse_part(struct parser *parser)
{
    static const struct {
        const char *word;
        enum rp_expression_op op;
    } parts[] = {{"class", RP_EXPRESSION_CLASS},
                 {"length", RP_EXPRESSION_LENGTH},
                 {"size", RP_EXPRESSION_LENGTH},
                 {"id", RP_EXPRESSION_ID}};
    if (!advance(parser)) {
        return false;
    }
    const struct rp_expression_token token = parser->token;
    if (token.kind != RP_TOKEN_NAME) {
        return REFUSE(token.at, "after a dot comes class, length, size, id or the name of an "
                                "Active Record attribute");
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (is_word(&token, parts[i].word)) {
            return emit(parser, parts[i].op, 0, token.at) && end_word(parser, parts[i].word);
        }
    }
    if (rp_expression_is_method(token.value.text.bytes, token.size)) {
        return rp_expression_refuse_method(parser->lexer.error, parser->lexer.text, token.at,
                                           token.size);
    }
    return emit_name(parser, RP_EXPRESSION_ATTRIBUTE, token.value.text.bytes, token.size,
                     token.at) &&
           end_name(parser);
}

/* Between brackets. */
static bool parse_key(struct parser *parser)
{
    size_t open = parser->token.at;
    if (!advance(parser)) {
        return false;
    }
    const struct rp_expression_token token = parser->token;
    enum rp_expression_op op = token.kind == RP_TOKEN_STRING   ? RP_EXPRESSION_STRING_KEY
                               : token.kind == RP_TOKEN_SYMBOL ? RP_EXPRESSION_SYMBOL_KEY
                                                               : RP_EXPRESSION_INTEGER_KEY;
    if (op == RP_EXPRESSION_INTEGER_KEY && token.value.tag != RP_EXPRESSION_INTEGER) {
        return REFUSE(token.at, "a key is a whole number, a string or a symbol as it is written, "
                                "as in [0], ['sku'] or [:sku]");
    }
    if (!emit_constant(parser, op, &token) || !advance(parser)) {
        return false;
    }
    if (parser->token.kind != RP_TOKEN_KEY_CLOSE) {
        return parser->token.kind == RP_TOKEN_END
                   ? REFUSE(open, "this bracket is not closed")
                   : REFUSE(parser->token.at, "there is one key in a bracket, and nothing else");
    }
    return advance(parser);
}

static bool parse_value(struct parser *parser)
{
    enum rp_expression_token_kind first = parser->token.kind;
    if (!parse_root(parser)) {
        return false;
    }
    while (parser->token.kind == RP_TOKEN_DOT || parser->token.kind == RP_TOKEN_KEY_OPEN) {
        if (first == RP_TOKEN_NUMBER) {
            return REFUSE(parser->token.at,
                          "there is nothing to read of a number; a unit is written at once, as in "
                          "50ms");
        }
        if (!(parser->token.kind == RP_TOKEN_DOT ? parse_part(parser) : parse_key(parser))) {
            return false;
        }
    }
    if (parser->token.kind == RP_TOKEN_POSITION) {
        return REFUSE(parser->token.at, "only args has positions; an element is read with [0]");
    }
    return true;
}

/* A side of a comparison. *nil: it is nil, and no instruction was written. */
static bool parse_side(struct parser *parser, bool *nil)
{
    *nil = is_word(&parser->token, "nil");
    if (*nil) {
        return advance(parser);
    }
    unsigned nots = 0;
    for (; is_operator(parser, RP_EXPRESSION_NOT); nots++) {
        if (!advance(parser)) {
            return false;
        }
    }
    size_t at = parser->token.at;
    bool ok = parse_value(parser);
    for (; ok && nots; nots--) {
        ok = emit(parser, RP_EXPRESSION_NOT, 0, at);
    }
    return ok;
}

static bool parse_comparison(struct parser *parser)
{
    size_t start = parser->token.at;
    bool nil = false;
    if (!parse_side(parser, &nil)) {
        return false;
    }
    if (!is_comparison(parser)) {
        return !nil || REFUSE(start, NIL_ALONE);
    }
    enum rp_expression_op op = parser->token.op;
    size_t at = parser->token.at;
    bool nil_too = false;
    if (!advance(parser) || !parse_side(parser, &nil_too)) {
        return false;
    }
    if (nil || nil_too) {
        if ((nil && nil_too) || op > RP_EXPRESSION_UNEQUAL) {
            return REFUSE(at, nil && nil_too ? "nil is compared with nil" : NIL_ALONE);
        }
        op = op == RP_EXPRESSION_EQUAL ? RP_EXPRESSION_MISSING : RP_EXPRESSION_PRESENT;
    }
    if (is_comparison(parser)) {
        return REFUSE(parser->token.at, "comparisons can't be chained: write a < b && b < c");
    }
    return emit(parser, op, 0, at);
}

/* Makes the last value true or false, if its instruction does not. */
static bool emit_truth(struct parser *parser, size_t at)
{
    const struct rp_expression *expression = &parser->draft->expression;
    unsigned op = expression->instructions[expression->instruction_count - 1].op;
    return op >= RP_EXPRESSION_EQUAL || emit(parser, RP_EXPRESSION_TRUTH, 0, at);
}

/* One or more operands joined by op. Each jump leads behind the operand on its right, where there
 * is either what decided, or that operand. */
static bool parse_joined(struct parser *parser, enum rp_expression_op op,
                         bool (*parse_operand)(struct parser *))
{
    struct rp_expression *expression = &parser->draft->expression;
    size_t at = parser->token.at;
    if (!parse_operand(parser)) {
        return false;
    }
    while (is_operator(parser, op)) {
        unsigned jump = expression->instruction_count;
        if (!emit(parser, op, 0, at) || !advance(parser)) {
            return false;
        }
        at = parser->token.at;
        if (!parse_operand(parser) || !emit_truth(parser, at)) {
            return false;
        }
        expression->instructions[jump].operand = expression->instruction_count;
    }
    return true;
}

static bool parse_and(struct parser *parser)
{
    return parse_joined(parser, RP_EXPRESSION_AND, parse_comparison);
}

/* Ends at the end of the text, or at the parenthesis that closes one which is open. */
static bool parse_expression(struct parser *parser)
{
    if (!parse_joined(parser, RP_EXPRESSION_OR, parse_and)) {
        return false;
    }
    const struct rp_expression_token *token = &parser->token;
    switch (token->kind) {
    case RP_TOKEN_END:
        return true;
    case RP_TOKEN_CLOSE:
        return parser->nesting || REFUSE(token->at, "this parenthesis was not opened");
    case RP_TOKEN_KEY_CLOSE:
        return REFUSE(token->at, "this bracket was not opened");
    case RP_TOKEN_NAME:
        if (rp_expression_is_unit(spelling(parser), token->size)) {
            return REFUSE(token->at, "a unit is written at once, as in 50%.*s", quoted(parser),
                          spelling(parser));
        }
        if (!check_word(parser)) {
            return false;
        }
        /* fall through */
    default:
        return REFUSE(token->at,
                      "an operator is missing before %.*s: arguments of a call, or a "
                      "second expression, are not possible here",
                      quoted(parser), spelling(parser));
    }
}

/* -- the program -- */

enum rp_error rp_expression_parse(const char *text, size_t size, struct rp_expression **made,
                                  struct rp_expression_error *error)
{
    struct rp_expression_draft draft;
    struct parser parser = {.lexer = {.text = text, .size = size, .error = error}, .draft = &draft};
    *made = NULL;
    if (!rp_expression_lexer_check(&parser.lexer)) {
        return RP_EXPRESSION;
    }
    rp_expression_draft_start(&draft, text, size);
    if (!advance(&parser)) {
        return RP_EXPRESSION;
    }
    if (parser.token.kind == RP_TOKEN_END) {
        rp_expression_refuse(error, text, parser.token.at, "the expression is empty");
        return RP_EXPRESSION;
    }
    if (!parse_expression(&parser)) {
        return RP_EXPRESSION;
    }
    enum rp_error refused = rp_expression_verify(&draft.expression, error);
    if (refused) {
        return refused;
    }
    *made = rp_expression_draft_pack(&draft);
    return *made ? RP_OK : RP_MEMORY;
}

void rp_expression_free(struct rp_expression *expression)
{
    free(expression);
}
