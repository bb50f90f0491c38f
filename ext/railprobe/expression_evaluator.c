/*
 * Runs a program on a host's values. Everything that could go wrong was refused by the verifier, so
 * nothing is checked here.
 */
#include "expression.h"

/* -- comparisons -- */

enum relation {
    UNKNOWN, /* at least one side is missing or an object: no comparison is true */
    BELOW,
    ALIKE, /* as numbers, which have an order too */
    ABOVE,
    SAME, /* as texts and truths, which have none */
    DIFFERENT,
};

static enum relation compare_decimals(double left, double right)
{
    return left < right ? BELOW : left > right ? ABOVE : left == right ? ALIKE : DIFFERENT;
}

/* Exactly: a double can't hold every whole number, so it is the decimal that is taken apart. */
static enum relation compare_mixed(int64_t integer, double decimal)
{
    if (decimal != decimal) {
        return DIFFERENT;
    }
    if (decimal >= 0x1p63 || decimal < -0x1p63) {
        return decimal > 0 ? BELOW : ABOVE;
    }
    int64_t whole = (int64_t)decimal;
    if (integer != whole) {
        return integer < whole ? BELOW : ABOVE;
    }
    return compare_decimals(0, decimal - (double)whole);
}

static enum relation compare_texts(const struct rp_expression_value *left,
                                   const struct rp_expression_value *right)
{
    if (left->text.size != right->text.size) {
        return DIFFERENT;
    }
    if (left->text.size > RP_EXPRESSION_COMPARED_MAX) {
        return UNKNOWN; /* it would take longer than what was stated */
    }
    bool same = !left->text.size || !memcmp(left->text.bytes, right->text.bytes, left->text.size);
    return same ? SAME : DIFFERENT;
}

static enum relation compare(const struct rp_expression_value *left,
                             const struct rp_expression_value *right)
{
    if (left->tag == RP_EXPRESSION_NONE || left->tag == RP_EXPRESSION_OBJECT ||
        right->tag == RP_EXPRESSION_NONE || right->tag == RP_EXPRESSION_OBJECT) {
        return UNKNOWN;
    }
    if (left->tag == RP_EXPRESSION_FLOAT && right->tag == RP_EXPRESSION_INTEGER) {
        enum relation turned = compare_mixed(right->integer, left->decimal);
        return turned == BELOW ? ABOVE : turned == ABOVE ? BELOW : turned;
    }
    if (left->tag == RP_EXPRESSION_INTEGER && right->tag == RP_EXPRESSION_FLOAT) {
        return compare_mixed(left->integer, right->decimal);
    }
    if (left->tag != right->tag) {
        return DIFFERENT;
    }
    switch (left->tag) {
    case RP_EXPRESSION_INTEGER:
        return left->integer < right->integer   ? BELOW
               : left->integer > right->integer ? ABOVE
                                                : ALIKE;
    case RP_EXPRESSION_FLOAT:
        return compare_decimals(left->decimal, right->decimal);
    case RP_EXPRESSION_TEXT:
        return compare_texts(left, right);
    default:
        return left->boolean == right->boolean ? SAME : DIFFERENT;
    }
}

static bool holds(enum rp_expression_op op, const struct rp_expression_value *left,
                  const struct rp_expression_value *right)
{
    enum relation relation = compare(left, right);
    bool equal = relation == ALIKE || relation == SAME;
    switch (op) {
    case RP_EXPRESSION_EQUAL:
        return equal;
    case RP_EXPRESSION_UNEQUAL:
        return !equal && relation != UNKNOWN;
    case RP_EXPRESSION_LESS:
        return relation == BELOW;
    case RP_EXPRESSION_LESS_EQUAL:
        return relation == BELOW || relation == ALIKE;
    case RP_EXPRESSION_GREATER:
        return relation == ABOVE;
    default:
        return relation == ABOVE || relation == ALIKE;
    }
}

/* -- reading -- */

static bool read_root(const struct rp_expression *expression, const struct rp_expression_host *host,
                      void *context, const struct rp_expression_instruction *instruction,
                      struct rp_expression_value *value)
{
    switch (instruction->op) {
    case RP_EXPRESSION_CONSTANT:
        *value = expression->constants[instruction->operand].value;
        return true;
    case RP_EXPRESSION_PARAMETER:
        return host->read_parameter(context, instruction->operand, value);
    case RP_EXPRESSION_POSITION:
        return host->read_position(context, instruction->operand, value);
    case RP_EXPRESSION_IVAR:
        return host->read_ivar(context, instruction->operand, value);
    case RP_EXPRESSION_SELF:
        return host->read_self(context, value);
    case RP_EXPRESSION_RESULT:
        return host->read_result(context, value);
    default:
        return host->read_duration(context, value);
    }
}

static bool read_part(const struct rp_expression_host *host, void *context,
                      const struct rp_expression_instruction *instruction,
                      struct rp_expression_value *value)
{
    if (value->tag == RP_EXPRESSION_NONE) {
        return false;
    }
    switch (instruction->op) {
    case RP_EXPRESSION_CLASS:
        return host->read_class(context, value);
    case RP_EXPRESSION_LENGTH:
        return host->read_length(context, value);
    case RP_EXPRESSION_ID:
        return host->read_id(context, value);
    case RP_EXPRESSION_ATTRIBUTE:
        return host->read_attribute(context, instruction->operand, value);
    default:
        return host->read_key(context, instruction->operand, value);
    }
}

static void set_truth(struct rp_expression_value *value, bool truth)
{
    *value = (struct rp_expression_value){.tag = RP_EXPRESSION_BOOLEAN, .boolean = truth};
}

void rp_expression_evaluate(const struct rp_expression *expression,
                            const struct rp_expression_host *host, void *context,
                            struct rp_expression_value *out)
{
    struct rp_expression_value stack[RP_EXPRESSION_DEPTH_MAX];
    struct rp_expression_value *top = stack; /* the first free one */
    for (unsigned at = 0; at < expression->instruction_count; at++) {
        const struct rp_expression_instruction *instruction = &expression->instructions[at];
        enum rp_expression_op op = instruction->op;
        if (op <= RP_EXPRESSION_DURATION) {
            if (!read_root(expression, host, context, instruction, top)) {
                top->tag = RP_EXPRESSION_NONE;
            }
            top++;
        } else if (op <= RP_EXPRESSION_STRING_KEY) {
            if (!read_part(host, context, instruction, top - 1)) {
                top[-1].tag = RP_EXPRESSION_NONE;
            }
        } else if (op <= RP_EXPRESSION_GREATER_EQUAL) {
            top--;
            set_truth(top - 1, holds(op, top - 1, top));
        } else if (op <= RP_EXPRESSION_PRESENT) {
            bool missing = top[-1].tag == RP_EXPRESSION_NONE;
            set_truth(top - 1, missing == (op == RP_EXPRESSION_MISSING));
        } else if (op <= RP_EXPRESSION_TRUTH) {
            set_truth(top - 1, rp_expression_truth(top - 1) == (op == RP_EXPRESSION_TRUTH));
        } else if (rp_expression_truth(top - 1) == (op == RP_EXPRESSION_OR)) {
            set_truth(top - 1, op == RP_EXPRESSION_OR);
            at = instruction->operand - 1u; /* decided: on behind what is on the right */
        } else {
            top--;
        }
    }
    *out = stack[0];
}

/* -- conditions on the duration alone -- */

/* The same with its sides changed over. */
static enum rp_expression_op turned(enum rp_expression_op op)
{
    switch (op) {
    case RP_EXPRESSION_LESS:
        return RP_EXPRESSION_GREATER;
    case RP_EXPRESSION_LESS_EQUAL:
        return RP_EXPRESSION_GREATER_EQUAL;
    case RP_EXPRESSION_GREATER:
        return RP_EXPRESSION_LESS;
    case RP_EXPRESSION_GREATER_EQUAL:
        return RP_EXPRESSION_LESS_EQUAL;
    default:
        return op;
    }
}

bool rp_expression_durations(const struct rp_expression *expression,
                             struct rp_expression_span *span)
{
    static const struct rp_expression_span none = {.least = 1, .most = 0};
    const struct rp_expression_instruction *left = &expression->instructions[0];
    if (expression->instruction_count != 3) {
        return false;
    }
    const bool is_turned = left->op == RP_EXPRESSION_CONSTANT;
    const struct rp_expression_instruction *duration = left + is_turned;
    const struct rp_expression_instruction *number = left + !is_turned;
    if (duration->op != RP_EXPRESSION_DURATION || number->op != RP_EXPRESSION_CONSTANT ||
        expression->constants[number->operand].value.tag != RP_EXPRESSION_INTEGER) {
        return false;
    }
    const int64_t value = expression->constants[number->operand].value.integer;
    const int64_t from = value > 0 ? value : 0;
    switch (is_turned ? turned(left[2].op) : (enum rp_expression_op)left[2].op) {
    case RP_EXPRESSION_EQUAL:
        *span = (struct rp_expression_span){from, value};
        return true;
    case RP_EXPRESSION_LESS:
        *span = value > 0 ? (struct rp_expression_span){0, value - 1} : none;
        return true;
    case RP_EXPRESSION_LESS_EQUAL:
        *span = (struct rp_expression_span){0, value};
        return true;
    case RP_EXPRESSION_GREATER:
        *span = value < 0           ? (struct rp_expression_span){0, INT64_MAX}
                : value < INT64_MAX ? (struct rp_expression_span){value + 1, INT64_MAX}
                                    : none;
        return true;
    case RP_EXPRESSION_GREATER_EQUAL:
        *span = (struct rp_expression_span){from, INT64_MAX};
        return true;
    default:
        return false;
    }
}
