/*
 * The judge of a program: walks it once, in order, which is every path there is, since jumps only
 * lead forward and what they skip leaves the stack as they do.
 */
#include "expression.h"

#include "expression_refusal.h"

enum operand_kind { NOTHING, CONSTANT, NAME, NUMBER, TARGET };

struct op_facts {
    enum operand_kind operand;
    uint8_t takes;
    uint16_t cost_ns;
};

#define OP_FACTS(code, word, operand, takes, cost) {operand, takes, cost},
static const struct op_facts ops[] = {RP_EXPRESSION_OPS(OP_FACTS)};
#undef OP_FACTS

/* The types on the stack. */
struct stack {
    uint8_t depth;
    uint8_t types[RP_EXPRESSION_DEPTH_MAX];
};

struct verifier {
    struct rp_expression *expression;
    struct rp_expression_error *error;
    unsigned at; /* the instruction looked at */
    struct stack stack;
    /* What a jump to an instruction brings there, the one behind the last included; depth 0: there
     * is no jump to it. */
    struct stack arriving[RP_EXPRESSION_INSTRUCTIONS_MAX + 1];
};

#define REFUSE(...)                                                                                \
    rp_expression_refuse(verifier->error, verifier->expression->text, place(verifier), __VA_ARGS__)

/* The byte of the text that the instruction looked at is from. */
static size_t place(const struct verifier *verifier)
{
    const struct rp_expression *expression = verifier->expression;
    bool any = verifier->at < expression->instruction_count;
    unsigned column = any ? expression->instructions[verifier->at].column : 0;
    return column && column <= expression->size + 1u ? column - 1 : 0;
}

/* Never of what rp_expression_parse() writes. */
static bool malformed(struct verifier *verifier)
{
    return REFUSE("the program is malformed at instruction %u", verifier->at);
}

/* -- types -- */

static const char *type_name(unsigned type)
{
    static const char *const names[] = {"a value", "true or false", "a whole number",
                                        "a decimal number", "text"};
    return names[type];
}

static bool is_number(unsigned type)
{
    return type == RP_EXPRESSION_TYPE_INTEGER || type == RP_EXPRESSION_TYPE_FLOAT;
}

static bool may_be_condition(unsigned type)
{
    return type == RP_EXPRESSION_TYPE_UNKNOWN || type == RP_EXPRESSION_TYPE_BOOLEAN;
}

/* The words for a type that is no condition. */
static const char *no_condition(unsigned type)
{
    return is_number(type) ? "this is a number, not true or false: compare it, as in "
                             "duration > 50ms"
                           : "this is text, not true or false: compare it, as in @state == 'paid'";
}

static bool check_compared(struct verifier *verifier, unsigned op, unsigned left, unsigned right)
{
    bool ordering = op != RP_EXPRESSION_EQUAL && op != RP_EXPRESSION_UNEQUAL;
    for (unsigned i = 0; ordering && i < 2; i++) {
        unsigned type = i ? right : left;
        if (type != RP_EXPRESSION_TYPE_UNKNOWN && !is_number(type)) {
            return REFUSE("only numbers have an order, and this compares %s: write == or !=",
                          type_name(type));
        }
    }
    if (left && right && left != right && !(is_number(left) && is_number(right))) {
        return REFUSE("this compares %s with %s, which are never equal", type_name(left),
                      type_name(right));
    }
    /* As long as neither side is known to be none, both may be texts. */
    bool texts = (left == RP_EXPRESSION_TYPE_UNKNOWN || left == RP_EXPRESSION_TYPE_STRING) &&
                 (right == RP_EXPRESSION_TYPE_UNKNOWN || right == RP_EXPRESSION_TYPE_STRING);
    if (texts) {
        verifier->expression->instructions[verifier->at].cost_ns += RP_EXPRESSION_TEXT_NS;
    }
    return true;
}

static unsigned type_of_constant(const struct rp_expression_value *value)
{
    static const uint8_t types[] = {
        [RP_EXPRESSION_BOOLEAN] = RP_EXPRESSION_TYPE_BOOLEAN,
        [RP_EXPRESSION_INTEGER] = RP_EXPRESSION_TYPE_INTEGER,
        [RP_EXPRESSION_FLOAT] = RP_EXPRESSION_TYPE_FLOAT,
        [RP_EXPRESSION_TEXT] = RP_EXPRESSION_TYPE_STRING,
    };
    return types[value->tag];
}

/* -- operands -- */

static bool constant_fits(const struct rp_expression *expression,
                          const struct rp_expression_instruction *instruction)
{
    if (instruction->operand >= expression->constant_count) {
        return false;
    }
    const struct rp_expression_constant *constant = &expression->constants[instruction->operand];
    unsigned tag = constant->value.tag;
    switch (instruction->op) {
    case RP_EXPRESSION_INTEGER_KEY:
        return tag == RP_EXPRESSION_INTEGER;
    case RP_EXPRESSION_SYMBOL_KEY:
        return tag == RP_EXPRESSION_TEXT && constant->symbol;
    case RP_EXPRESSION_STRING_KEY:
        return tag == RP_EXPRESSION_TEXT && !constant->symbol;
    default:
        return tag >= RP_EXPRESSION_BOOLEAN && tag <= RP_EXPRESSION_TEXT;
    }
}

static bool operand_fits(const struct verifier *verifier,
                         const struct rp_expression_instruction *instruction)
{
    const struct rp_expression *expression = verifier->expression;
    unsigned operand = instruction->operand;
    switch (ops[instruction->op].operand) {
    case CONSTANT:
        return constant_fits(expression, instruction);
    case NAME:
        return operand < expression->name_count && expression->names[operand].op == instruction->op;
    case NUMBER:
        return operand <= RP_EXPRESSION_POSITION_MAX;
    case TARGET:
        return operand > verifier->at && operand <= expression->instruction_count;
    default:
        return operand == 0;
    }
}

/* -- the walk -- */

/* Two ways lead to one place: the stacks must be alike, of the types stays what both have. */
static bool join(struct verifier *verifier, struct stack *stack, const struct stack *other)
{
    if (stack->depth != other->depth) {
        return malformed(verifier);
    }
    for (unsigned i = 0; i < stack->depth; i++) {
        if (stack->types[i] != other->types[i]) {
            stack->types[i] = RP_EXPRESSION_TYPE_UNKNOWN;
        }
    }
    return true;
}

/* What jumps to here joins what comes from the instruction before. */
static bool land(struct verifier *verifier)
{
    const struct stack *arriving = &verifier->arriving[verifier->at];
    return !arriving->depth || join(verifier, &verifier->stack, arriving);
}

/* The type at the top is a condition; if that decides, it is at target, as true or false. */
static bool jump(struct verifier *verifier, unsigned target)
{
    struct stack *stack = &verifier->stack;
    uint8_t *top = &stack->types[stack->depth - 1];
    if (!may_be_condition(*top)) {
        return REFUSE("%s", no_condition(*top));
    }
    *top = RP_EXPRESSION_TYPE_BOOLEAN;
    struct stack *arriving = &verifier->arriving[target];
    if (!arriving->depth) {
        *arriving = *stack;
    } else if (!join(verifier, arriving, stack)) {
        return false;
    }
    stack->depth--;
    return true;
}

/* The type that a value has which is made of those taken; false, and an error, if none can be. */
static bool result(struct verifier *verifier, const struct rp_expression_instruction *instruction,
                   const uint8_t *taken, uint8_t *type)
{
    *type = RP_EXPRESSION_TYPE_UNKNOWN;
    switch (instruction->op) {
    case RP_EXPRESSION_CONSTANT:
        *type =
            (uint8_t)type_of_constant(&verifier->expression->constants[instruction->operand].value);
        return true;
    case RP_EXPRESSION_DURATION:
        *type = RP_EXPRESSION_TYPE_INTEGER;
        return true;
    case RP_EXPRESSION_PARAMETER:
    case RP_EXPRESSION_POSITION:
    case RP_EXPRESSION_IVAR:
    case RP_EXPRESSION_SELF:
    case RP_EXPRESSION_RESULT:
        return true;
    case RP_EXPRESSION_MISSING:
    case RP_EXPRESSION_PRESENT:
        *type = RP_EXPRESSION_TYPE_BOOLEAN;
        return true;
    case RP_EXPRESSION_NOT:
    case RP_EXPRESSION_TRUTH:
        *type = RP_EXPRESSION_TYPE_BOOLEAN;
        return may_be_condition(*taken) || REFUSE("%s", no_condition(*taken));
    case RP_EXPRESSION_CLASS:
        *type = RP_EXPRESSION_TYPE_STRING;
        break;
    case RP_EXPRESSION_LENGTH:
        *type = RP_EXPRESSION_TYPE_INTEGER;
        break;
    case RP_EXPRESSION_ID:
    case RP_EXPRESSION_ATTRIBUTE:
    case RP_EXPRESSION_INTEGER_KEY:
    case RP_EXPRESSION_SYMBOL_KEY:
    case RP_EXPRESSION_STRING_KEY:
        break;
    default:
        *type = RP_EXPRESSION_TYPE_BOOLEAN;
        return check_compared(verifier, instruction->op, taken[0], taken[1]);
    }
    return *taken == RP_EXPRESSION_TYPE_UNKNOWN ||
           REFUSE("there is nothing to read of %s", type_name(*taken));
}

static void note_reads(struct rp_expression *expression,
                       const struct rp_expression_instruction *instruction)
{
    static const uint8_t reads[RP_EXPRESSION_OP_COUNT] = {
        [RP_EXPRESSION_PARAMETER] = RP_EXPRESSION_READS_PARAMETER,
        [RP_EXPRESSION_POSITION] = RP_EXPRESSION_READS_POSITION,
        [RP_EXPRESSION_IVAR] = RP_EXPRESSION_READS_IVAR,
        [RP_EXPRESSION_SELF] = RP_EXPRESSION_READS_SELF,
        [RP_EXPRESSION_RESULT] = RP_EXPRESSION_READS_RESULT,
        [RP_EXPRESSION_DURATION] = RP_EXPRESSION_READS_DURATION,
    };
    expression->reads |= reads[instruction->op];
    if (instruction->op == RP_EXPRESSION_POSITION) {
        expression->positions |= UINT32_C(1) << instruction->operand;
    }
}

static bool step(struct verifier *verifier)
{
    struct rp_expression *expression = verifier->expression;
    struct rp_expression_instruction *instruction = &expression->instructions[verifier->at];
    struct stack *stack = &verifier->stack;
    if (instruction->op >= RP_EXPRESSION_OP_COUNT || !operand_fits(verifier, instruction)) {
        return malformed(verifier);
    }
    const struct op_facts *op = &ops[instruction->op];
    if (stack->depth < op->takes) {
        return malformed(verifier);
    }
    instruction->cost_ns = op->cost_ns;
    if (op->operand == TARGET) {
        return jump(verifier, instruction->operand);
    }
    uint8_t type = 0;
    if (!result(verifier, instruction, stack->types + stack->depth - op->takes, &type)) {
        return false;
    }
    stack->depth = (uint8_t)(stack->depth - op->takes);
    if (stack->depth == RP_EXPRESSION_DEPTH_MAX) {
        return REFUSE("the expression holds more than %d values at a time: split it into several",
                      RP_EXPRESSION_DEPTH_MAX);
    }
    stack->types[stack->depth++] = type;
    expression->depth = stack->depth > expression->depth ? stack->depth : expression->depth;
    note_reads(expression, instruction);
    return true;
}

enum rp_error rp_expression_verify(struct rp_expression *expression,
                                   struct rp_expression_error *error)
{
    struct verifier verifier = {.expression = expression, .error = error};
    unsigned count = expression->instruction_count;
    expression->depth = 0;
    expression->reads = 0;
    expression->positions = 0;
    expression->cost_ns = RP_EXPRESSION_BASE_NS;
    if (count > RP_EXPRESSION_INSTRUCTIONS_MAX) {
        malformed(&verifier);
        return RP_EXPRESSION;
    }
    for (; verifier.at < count; verifier.at++) {
        if (!land(&verifier) || !step(&verifier)) {
            return RP_EXPRESSION;
        }
        expression->cost_ns += expression->instructions[verifier.at].cost_ns;
    }
    if (!land(&verifier)) {
        return RP_EXPRESSION;
    }
    if (verifier.stack.depth != 1) {
        malformed(&verifier);
        return RP_EXPRESSION;
    }
    expression->type = verifier.stack.types[0];
    expression->condition = may_be_condition(expression->type);
    return RP_OK;
}

/* -- what a place asks for -- */

enum rp_error rp_expression_check_reads(const struct rp_expression *expression, unsigned missing,
                                        struct rp_expression_error *error)
{
    static const struct {
        unsigned reads;
        uint8_t op;
        const char *message;
    } roots[] = {
        {RP_EXPRESSION_READS_PARAMETER, RP_EXPRESSION_PARAMETER, "there are no parameters here"},
        {RP_EXPRESSION_READS_POSITION, RP_EXPRESSION_POSITION, "there are no arguments here"},
        {RP_EXPRESSION_READS_IVAR, RP_EXPRESSION_IVAR, "there are no instance variables here"},
        {RP_EXPRESSION_READS_SELF, RP_EXPRESSION_SELF, "there is no self here"},
        {RP_EXPRESSION_READS_RESULT, RP_EXPRESSION_RESULT,
         "there is no result here: it is known when the method returns"},
        {RP_EXPRESSION_READS_DURATION, RP_EXPRESSION_DURATION,
         "there is no duration here: it is known when the method returns"},
    };
    for (unsigned i = 0; i < expression->instruction_count; i++) {
        const struct rp_expression_instruction *instruction = &expression->instructions[i];
        for (unsigned j = 0; j < sizeof roots / sizeof *roots; j++) {
            if (instruction->op == roots[j].op && (roots[j].reads & missing)) {
                rp_expression_refuse(error, expression->text, instruction->column - 1u, "%s",
                                     roots[j].message);
                return RP_EXPRESSION;
            }
        }
    }
    return RP_OK;
}

enum rp_error rp_expression_check_condition(const struct rp_expression *expression,
                                            struct rp_expression_error *error)
{
    if (expression->condition) {
        return RP_OK;
    }
    rp_expression_refuse(error, expression->text, 0, "%s", no_condition(expression->type));
    return RP_EXPRESSION;
}
