/*
 * What a program says of itself, and the verifier on programs that no parser writes.
 */
#include "check.h"
#include "expression.h"

static struct rp_expression_error error;

static struct rp_expression *parsed(const char *text)
{
    struct rp_expression *expression = NULL;
    CHECK_EQ(rp_expression_parse(text, strlen(text), &expression, &error), RP_OK);
    return expression;
}

/* -- what a program says of itself -- */

static void names_are_there_once_for_each_use(void)
{
    struct rp_expression *expression = parsed("a == a.a && @a == a && args.3 == args.0");
    REQUIRE(expression);
    REQUIRE(expression->name_count == 3);
    CHECK_STR(expression->names[0].text, "a");
    CHECK_EQ(expression->names[0].op, RP_EXPRESSION_PARAMETER);
    CHECK_STR(expression->names[1].text, "a");
    CHECK_EQ(expression->names[1].op, RP_EXPRESSION_ATTRIBUTE);
    CHECK_STR(expression->names[2].text, "@a");
    CHECK_EQ(expression->names[2].op, RP_EXPRESSION_IVAR);
    CHECK_EQ(expression->names[2].size, 2);
    CHECK_EQ(expression->positions, 9);
    CHECK_EQ(expression->reads, RP_EXPRESSION_READS_PARAMETER | RP_EXPRESSION_READS_IVAR |
                                    RP_EXPRESSION_READS_POSITION);
    rp_expression_free(expression);
}

static void a_place_refuses_roots_it_has_not(void)
{
    static const struct {
        const char *text;
        unsigned reads;
        const char *message;
    } roots[] = {
        {"1 == a", RP_EXPRESSION_READS_PARAMETER, "there are no parameters here"},
        {"1 == args.0", RP_EXPRESSION_READS_POSITION, "there are no arguments here"},
        {"1 == @a", RP_EXPRESSION_READS_IVAR, "there are no instance variables here"},
        {"1 == self", RP_EXPRESSION_READS_SELF, "there is no self here"},
        {"1 == result", RP_EXPRESSION_READS_RESULT,
         "there is no result here: it is known when the method returns"},
        {"1 == duration", RP_EXPRESSION_READS_DURATION,
         "there is no duration here: it is known when the method returns"},
    };
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        struct rp_expression *expression = parsed(roots[i].text);
        REQUIRE(expression);
        CHECK_EQ(expression->reads, roots[i].reads);
        CHECK_EQ(rp_expression_check_reads(expression, ~roots[i].reads, &error), RP_OK);
        CHECK_EQ(rp_expression_check_reads(expression, roots[i].reads, &error), RP_EXPRESSION);
        CHECK_EQ(error.column, 6);
        CHECK_STR(error.message, roots[i].message);
        rp_expression_free(expression);
    }
}

static void a_place_asks_for_a_condition(void)
{
    static const struct {
        const char *text;
        const char *message;
    } texts[] = {
        {"@a", NULL},
        {"duration > 5", NULL},
        {"duration", "this is a number, not true or false: compare it, as in duration > 50ms"},
        {"0.5", "this is a number, not true or false: compare it, as in duration > 50ms"},
        {"self.class", "this is text, not true or false: compare it, as in @state == 'paid'"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct rp_expression *expression = parsed(texts[i].text);
        REQUIRE(expression);
        CHECK_EQ(expression->condition, !texts[i].message);
        enum rp_error code = rp_expression_check_condition(expression, &error);
        CHECK_EQ(code, texts[i].message ? RP_EXPRESSION : RP_OK);
        if (texts[i].message) {
            CHECK_EQ(error.column, 1);
            CHECK_STR(error.message, texts[i].message);
        }
        rp_expression_free(expression);
    }
}

static void the_bound_is_the_sum_of_all_instructions(void)
{
    struct rp_expression *expression = parsed("a.b.c.d && @e");
    REQUIRE(expression);
    CHECK_EQ(expression->cost_ns, RP_EXPRESSION_BASE_NS + 70 + 3 * 800 + 5 + 40 + 5);
    char bound[32];
    rp_expression_bound(expression, bound);
    CHECK_STR(bound, "at most 2540 ns");
    rp_expression_free(expression);
}

/* -- the verifier, alone -- */

#define PROGRAM_MAX (RP_EXPRESSION_INSTRUCTIONS_MAX + 1)

struct program {
    unsigned count;
    uint8_t code[PROGRAM_MAX][2];
    const char *message; /* NULL: fine */
};

static enum rp_error verify(const struct program *program, struct rp_expression *expression)
{
    static struct rp_expression_constant constants[] = {
        {{.tag = RP_EXPRESSION_INTEGER, .integer = 1}, false},
        {{.tag = RP_EXPRESSION_TEXT, .text = {"x", 1}}, false},
        {{.tag = RP_EXPRESSION_TEXT, .text = {"x", 1}}, true},
        {{.tag = RP_EXPRESSION_NONE}, false},
        {{.tag = RP_EXPRESSION_OBJECT}, false},
    };
    static struct rp_expression_name names[] = {{"a", 1, RP_EXPRESSION_PARAMETER},
                                                {"@a", 2, RP_EXPRESSION_IVAR},
                                                {"b", 1, RP_EXPRESSION_ATTRIBUTE}};
    static struct rp_expression_instruction instructions[PROGRAM_MAX];
    *expression = (struct rp_expression){.text = "",
                                         .instructions = instructions,
                                         .instruction_count = (uint8_t)program->count,
                                         .constants = constants,
                                         .constant_count = 5,
                                         .names = names,
                                         .name_count = 3};
    for (unsigned i = 0; i < program->count; i++) {
        instructions[i] = (struct rp_expression_instruction){
            .op = program->code[i][0], .operand = program->code[i][1], .column = 999};
    }
    error = (struct rp_expression_error){0};
    return rp_expression_verify(expression, &error);
}

#define OP(code) RP_EXPRESSION_##code

static void malformed_programs_are_refused(void)
{
    static const struct program programs[] = {
        {0, {{0}}, "the program is malformed at instruction 0"},
        {1, {{OP(OP_COUNT), 0}}, "the program is malformed at instruction 0"},
        {1, {{255, 0}}, "the program is malformed at instruction 0"},
        {1, {{OP(CONSTANT), 5}}, "the program is malformed at instruction 0"},
        {1, {{OP(CONSTANT), 3}}, "the program is malformed at instruction 0"},
        {1, {{OP(CONSTANT), 4}}, "the program is malformed at instruction 0"},
        {1, {{OP(PARAMETER), 3}}, "the program is malformed at instruction 0"},
        {1, {{OP(PARAMETER), 1}}, "the program is malformed at instruction 0"},
        {1, {{OP(POSITION), 32}}, "the program is malformed at instruction 0"},
        {1, {{OP(SELF), 1}}, "the program is malformed at instruction 0"},
        {2, {{OP(SELF), 0}, {OP(INTEGER_KEY), 1}}, "the program is malformed at instruction 1"},
        {2, {{OP(SELF), 0}, {OP(SYMBOL_KEY), 1}}, "the program is malformed at instruction 1"},
        {2, {{OP(SELF), 0}, {OP(STRING_KEY), 2}}, "the program is malformed at instruction 1"},
        {1, {{OP(CLASS), 0}}, "the program is malformed at instruction 0"},
        {2, {{OP(SELF), 0}, {OP(EQUAL), 0}}, "the program is malformed at instruction 1"},
        {2, {{OP(SELF), 0}, {OP(SELF), 0}}, "the program is malformed at instruction 2"},
        {1, {{OP(AND), 1}}, "the program is malformed at instruction 0"},
        {2, {{OP(SELF), 0}, {OP(AND), 1}}, "the program is malformed at instruction 1"},
        {2, {{OP(SELF), 0}, {OP(AND), 0}}, "the program is malformed at instruction 1"},
        {2, {{OP(SELF), 0}, {OP(OR), 3}}, "the program is malformed at instruction 1"},
        /* Jumps that bring another stack than the way through. */
        {2, {{OP(SELF), 0}, {OP(AND), 2}}, "the program is malformed at instruction 2"},
        {4,
         {{OP(SELF), 0}, {OP(AND), 4}, {OP(SELF), 0}, {OP(SELF), 0}},
         "the program is malformed at instruction 4"},
        {5,
         {{OP(SELF), 0}, {OP(AND), 5}, {OP(SELF), 0}, {OP(SELF), 0}, {OP(OR), 5}},
         "the program is malformed at instruction 4"},
        {3, {{OP(SELF), 0}, {OP(AND), 3}, {OP(SELF), 0}}, NULL},
        {RP_EXPRESSION_DEPTH_MAX + 1,
         {{OP(SELF), 0},
          {OP(SELF), 0},
          {OP(SELF), 0},
          {OP(SELF), 0},
          {OP(SELF), 0},
          {OP(SELF), 0},
          {OP(SELF), 0},
          {OP(SELF), 0},
          {OP(SELF), 0}},
         "the expression holds more than 8 values at a time: split it into several"},
    };
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        struct rp_expression expression;
        enum rp_error code = verify(&programs[i], &expression);
        CHECK_EQ(code, programs[i].message ? RP_EXPRESSION : RP_OK);
        CHECK_STR(error.message, programs[i].message ? programs[i].message : "");
        CHECK_EQ(error.column, programs[i].message ? 1 : 0);
    }
}

/* A text on one way and a number on the other: what is known of both is nothing. */
static void ways_that_meet_keep_the_types_they_share(void)
{
    struct program program = {.count = 3, .code = {{OP(SELF), 0}, {OP(AND), 3}, {OP(CONSTANT), 1}}};
    struct rp_expression expression;
    CHECK_EQ(verify(&program, &expression), RP_OK);
    CHECK_EQ(expression.type, RP_EXPRESSION_TYPE_UNKNOWN);
    CHECK(expression.condition);
}

static void a_program_of_65_instructions_is_refused(void)
{
    struct program program = {.count = PROGRAM_MAX, .code = {{OP(SELF), 0}}};
    for (unsigned i = 1; i < PROGRAM_MAX; i++) {
        program.code[i][0] = OP(NOT);
    }
    struct rp_expression expression;
    CHECK_EQ(verify(&program, &expression), RP_EXPRESSION);
    program.count--;
    CHECK_EQ(verify(&program, &expression), RP_OK);
}

int main(void)
{
    RUN(names_are_there_once_for_each_use);
    RUN(a_place_refuses_roots_it_has_not);
    RUN(a_place_asks_for_a_condition);
    RUN(the_bound_is_the_sum_of_all_instructions);
    RUN(malformed_programs_are_refused);
    RUN(ways_that_meet_keep_the_types_they_share);
    RUN(a_program_of_65_instructions_is_refused);
    return check_finish();
}
