/*
 * A program, for people to read.
 */
#include "expression.h"

#include <inttypes.h>

void rp_expression_bound(const struct rp_expression *expression, char out[32])
{
    (void)snprintf(out, 32, "at most %" PRIu32 " ns", expression->cost_ns);
}

static void describe_constant(struct rp_buffer *text, const struct rp_expression_constant *constant)
{
    const struct rp_expression_value *value = &constant->value;
    switch (value->tag) {
    case RP_EXPRESSION_BOOLEAN:
        rp_buffer_text(text, value->boolean ? "true" : "false");
        break;
    case RP_EXPRESSION_INTEGER:
        rp_buffer_printf(text, "%" PRId64, value->integer);
        break;
    case RP_EXPRESSION_FLOAT:
        rp_buffer_printf(text, "%.15g", value->decimal); /* a literal has no more digits */
        break;
    default:
        rp_buffer_text(text, constant->symbol ? ":" : "\"");
        rp_buffer_append(text, value->text.bytes, value->text.size);
        rp_buffer_text(text, constant->symbol ? "" : "\"");
    }
}

static void describe_instruction(struct rp_buffer *text, const struct rp_expression *expression,
                                 const struct rp_expression_instruction *instruction)
{
    enum { NOTHING, CONSTANT, NAME, NUMBER, TARGET };
#define OP(code, word, operand, takes, cost) {word, operand},
    static const struct {
        const char *word;
        int operand;
    } ops[] = {RP_EXPRESSION_OPS(OP)};
#undef OP
    rp_buffer_printf(text, "%4u ns  ", instruction->cost_ns);
    if (ops[instruction->op].operand == NOTHING) {
        rp_buffer_text(text, ops[instruction->op].word);
        return;
    }
    rp_buffer_printf(text, "%-11s ", ops[instruction->op].word);
    switch (ops[instruction->op].operand) {
    case CONSTANT:
        describe_constant(text, &expression->constants[instruction->operand]);
        break;
    case NAME:
        rp_buffer_text(text, expression->names[instruction->operand].text);
        break;
    case NUMBER:
        rp_buffer_printf(text, "%u", instruction->operand);
        break;
    default:
        rp_buffer_printf(text, "or go to %u", instruction->operand);
    }
}

static void describe_reads(struct rp_buffer *text, const struct rp_expression *expression)
{
    const char *before = "; reads ";
    for (unsigned i = 0; i < expression->name_count; i++) {
        if (expression->names[i].op != RP_EXPRESSION_ATTRIBUTE) {
            rp_buffer_printf(text, "%s%s", before, expression->names[i].text);
            before = ", ";
        }
    }
    for (unsigned i = 0; i <= RP_EXPRESSION_POSITION_MAX; i++) {
        if (expression->positions >> i & 1) {
            rp_buffer_printf(text, "%sargs.%u", before, i);
            before = ", ";
        }
    }
    static const struct {
        unsigned reads;
        const char *word;
    } roots[] = {{RP_EXPRESSION_READS_SELF, "self"},
                 {RP_EXPRESSION_READS_RESULT, "result"},
                 {RP_EXPRESSION_READS_DURATION, "duration"}};
    for (unsigned i = 0; i < sizeof roots / sizeof *roots; i++) {
        if (expression->reads & roots[i].reads) {
            rp_buffer_printf(text, "%s%s", before, roots[i].word);
            before = ", ";
        }
    }
}

enum rp_error rp_expression_describe(const struct rp_expression *expression, struct rp_buffer *text)
{
    static const char *const types[] = {"unknown", "boolean", "integer", "float", "string"};
    for (unsigned i = 0; i < expression->instruction_count; i++) {
        rp_buffer_printf(text, "%2u  ", i);
        describe_instruction(text, expression, &expression->instructions[i]);
        rp_buffer_text(text, "\n");
    }
    char bound[32];
    rp_expression_bound(expression, bound);
    rp_buffer_printf(text, "%s, depth %u, %s", types[expression->type], expression->depth, bound);
    describe_reads(text, expression);
    rp_buffer_text(text, "\n");
    return rp_buffer_error(text);
}
