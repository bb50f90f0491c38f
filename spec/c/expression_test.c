/*
 * expression.h, from text to program: what is written for which text, what is refused and where, the
 * limits, and what happens without memory.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=realloc
#include "check.h"
#include "expression.h"

#define REFUSED "spec/fixtures/expressions/refused.txt"

/* Volatile: the compiler takes malloc() and realloc() for functions that touch none of our
 * variables. */
static volatile long failing_allocation; /* counts down; 0: none */
static volatile size_t allocations;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_realloc(void *bytes, size_t size);
void *__wrap_realloc(void *bytes, size_t size);

static bool fails(void)
{
    allocations++;
    return failing_allocation && --failing_allocation == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *bytes, size_t size)
{
    return fails() ? NULL : __real_realloc(bytes, size);
}

static struct rp_expression_error error;

static struct rp_expression *parsed_bytes(const char *text, size_t size)
{
    struct rp_expression *expression = NULL;
    error = (struct rp_expression_error){0};
    enum rp_error code = rp_expression_parse(text, size, &expression, &error);
    CHECK(code == (expression ? RP_OK : RP_EXPRESSION));
    return expression;
}

static struct rp_expression *parsed(const char *text)
{
    struct rp_expression *expression = parsed_bytes(text, strlen(text));
    if (!expression) {
        fprintf(stderr, "%s\n%*s %s\n", text, (int)error.character, "^", error.message);
    }
    return expression;
}

static void check_refused(const char *text, size_t size, unsigned column, const char *message)
{
    struct rp_expression *expression = parsed_bytes(text, size);
    CHECK(!expression);
    CHECK_EQ(error.column, column);
    CHECK_STR(error.message, message);
    rp_expression_free(expression);
}

/* -- programs -- */

static void check_program(const char *text, const char *program)
{
    struct rp_expression *expression = parsed(text);
    REQUIRE(expression);
    struct rp_buffer description = {0};
    CHECK_EQ(rp_expression_describe(expression, &description), RP_OK);
    rp_buffer_append(&description, "", 1);
    CHECK_STR((const char *)description.bytes, program);
    CHECK_STR(expression->text, text);
    rp_buffer_free(&description);
    rp_expression_free(expression);
}

static void roots_become_instructions(void)
{
    check_program("amount", " 0    70 ns  parameter   amount\n"
                            "unknown, depth 1, at most 90 ns; reads amount\n");
    check_program("args.31", " 0    10 ns  position    31\n"
                             "unknown, depth 1, at most 30 ns; reads args.31\n");
    check_program("@state", " 0    40 ns  ivar        @state\n"
                            "unknown, depth 1, at most 60 ns; reads @state\n");
    check_program("self", " 0    10 ns  self\n"
                          "unknown, depth 1, at most 30 ns; reads self\n");
    check_program("result", " 0    10 ns  result\n"
                            "unknown, depth 1, at most 30 ns; reads result\n");
    check_program("duration", " 0    10 ns  duration\n"
                              "integer, depth 1, at most 30 ns; reads duration\n");
    check_program("gr\u00f6\u00dfe", " 0    70 ns  parameter   gr\u00f6\u00dfe\n"
                                     "unknown, depth 1, at most 90 ns; reads gr\u00f6\u00dfe\n");
}

static void parts_become_instructions(void)
{
    check_program("self.class", " 0    10 ns  self\n"
                                " 1    30 ns  class\n"
                                "string, depth 1, at most 60 ns; reads self\n");
    check_program("self.id", " 0    10 ns  self\n"
                             " 1   800 ns  id\n"
                             "unknown, depth 1, at most 830 ns; reads self\n");
    check_program("result.length", " 0    10 ns  result\n"
                                   " 1    30 ns  length\n"
                                   "integer, depth 1, at most 60 ns; reads result\n");
    check_program("( result ) . size", " 0    10 ns  result\n"
                                       " 1    30 ns  length\n"
                                       "integer, depth 1, at most 60 ns; reads result\n");
    check_program("self.total_cents", " 0    10 ns  self\n"
                                      " 1   800 ns  attribute   total_cents\n"
                                      "unknown, depth 1, at most 830 ns; reads self\n");
    check_program("@a[-1]['sku'][:id].if", " 0    40 ns  ivar        @a\n"
                                           " 1    60 ns  integer key -1\n"
                                           " 2   120 ns  string key  \"sku\"\n"
                                           " 3    60 ns  symbol key  :id\n"
                                           " 4   800 ns  attribute   if\n"
                                           "unknown, depth 1, at most 1100 ns; reads @a\n");
}

static void comparisons_become_instructions(void)
{
    static const char *const signs[] = {"==", "!=", "<", "<=", ">", ">="};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        char text[32];
        char program[256];
        (void)snprintf(text, sizeof text, "duration%s-50ms", signs[i]);
        (void)snprintf(program, sizeof program,
                       " 0    10 ns  duration\n"
                       " 1     5 ns  constant    -50000000\n"
                       " 2    10 ns  %s\n"
                       "boolean, depth 2, at most 45 ns; reads duration\n",
                       signs[i]);
        check_program(text, program);
    }
    check_program("@a == 'x'", " 0    40 ns  ivar        @a\n"
                               " 1     5 ns  constant    \"x\"\n"
                               " 2    40 ns  ==\n"
                               "boolean, depth 2, at most 105 ns; reads @a\n");
    check_program("@a < @b", " 0    40 ns  ivar        @a\n"
                             " 1    40 ns  ivar        @b\n"
                             " 2    40 ns  <\n"
                             "boolean, depth 2, at most 140 ns; reads @a, @b\n");
    check_program("@a == nil || nil != @a", " 0    40 ns  ivar        @a\n"
                                            " 1     5 ns  == nil\n"
                                            " 2     5 ns  ||          or go to 5\n"
                                            " 3    40 ns  ivar        @a\n"
                                            " 4     5 ns  != nil\n"
                                            "boolean, depth 1, at most 115 ns; reads @a\n");
}

static void logic_becomes_jumps_forward(void)
{
    check_program("!@a", " 0    40 ns  ivar        @a\n"
                         " 1     5 ns  !\n"
                         "boolean, depth 1, at most 65 ns; reads @a\n");
    check_program("@a && !!@b || @c && true",
                  " 0    40 ns  ivar        @a\n"
                  " 1     5 ns  &&          or go to 5\n"
                  " 2    40 ns  ivar        @b\n"
                  " 3     5 ns  !\n"
                  " 4     5 ns  !\n"
                  " 5     5 ns  ||          or go to 10\n"
                  " 6    40 ns  ivar        @c\n"
                  " 7     5 ns  &&          or go to 10\n"
                  " 8     5 ns  constant    true\n"
                  " 9     5 ns  truth\n"
                  "boolean, depth 1, at most 175 ns; reads @a, @b, @c\n");
    check_program("@a && (@b || @c)", " 0    40 ns  ivar        @a\n"
                                      " 1     5 ns  &&          or go to 6\n"
                                      " 2    40 ns  ivar        @b\n"
                                      " 3     5 ns  ||          or go to 6\n"
                                      " 4    40 ns  ivar        @c\n"
                                      " 5     5 ns  truth\n"
                                      "boolean, depth 1, at most 155 ns; reads @a, @b, @c\n");
}

/* -- literals -- */

static void numbers_are_read_exactly(void)
{
    static const struct {
        const char *text;
        int64_t value;
    } integers[] = {
        {"0", 0},
        {"-0", 0},
        {"1_000_000", 1000000},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"100ns", 100},
        {"10us", 10000},
        {"50ms", 50000000},
        {"2s", 2000000000},
        {"10kb", 10240},
        {"4mb", 4194304},
        {"1.5us", 1500},
        {"0.000000001s", 1},
        {"-1.5kb", -1536},
        {"9.223372036s", 9223372036},
    };
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        struct rp_expression *expression = parsed(integers[i].text);
        REQUIRE(expression);
        CHECK_EQ(expression->type, RP_EXPRESSION_TYPE_INTEGER);
        CHECK_EQ(expression->constants[0].value.tag, RP_EXPRESSION_INTEGER);
        CHECK_EQ(expression->constants[0].value.integer, integers[i].value);
        rp_expression_free(expression);
    }
    static const struct {
        const char *text;
        double value;
    } decimals[] = {{"0.1", 0.1},       {"-2.50", -2.5},
                    {"0.0", 0.0},       {"123456789012.345", 123456789012.345},
                    {"1_0.0_1", 10.01}, {"0.000000000000001", 1e-15}};
    for (size_t i = 0; i < sizeof decimals / sizeof *decimals; i++) {
        struct rp_expression *expression = parsed(decimals[i].text);
        REQUIRE(expression);
        CHECK_EQ(expression->type, RP_EXPRESSION_TYPE_FLOAT);
        CHECK(expression->constants[0].value.decimal == decimals[i].value);
        rp_expression_free(expression);
    }
}

static void texts_are_read_without_their_quotes(void)
{
    static const struct {
        const char *text;
        const char *value;
        bool symbol;
    } texts[] = {
        {"'paid'", "paid", false},
        {"\"paid\"", "paid", false},
        {"''", "", false},
        {"'it\\'s \\\\'", "it's \\", false},
        {"\"a \\\"b\\\" 'c'\"", "a \"b\" 'c'", false},
        {"'#{a} #@b'", "#{a} #@b", false},
        {"\"a # b\"", "a # b", false},
        {"'gr\u00fcn \u201c\n'", "gr\u00fcn \u201c\n", false},
        {":paid", "paid", true},
        {":\u00fcber9", "\u00fcber9", true},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct rp_expression *expression = parsed(texts[i].text);
        REQUIRE(expression);
        CHECK_EQ(expression->type, RP_EXPRESSION_TYPE_STRING);
        CHECK(!expression->condition);
        CHECK_EQ(expression->constants[0].symbol, texts[i].symbol);
        CHECK_EQ(expression->constants[0].value.text.size, strlen(texts[i].value));
        CHECK_STR(expression->constants[0].value.text.bytes, texts[i].value);
        rp_expression_free(expression);
    }
}

static void truths_are_conditions(void)
{
    struct rp_expression *expression = parsed("\t\r\n true ");
    REQUIRE(expression);
    CHECK(expression->condition);
    CHECK(expression->constants[0].value.boolean);
    CHECK_EQ(expression->instructions[0].column, 5);
    rp_expression_free(expression);
}

/* -- refusals -- */

static void check_refused_lines(FILE *file, unsigned *count)
{
    char text[RP_EXPRESSION_TEXT_MAX];
    char expected[512];
    while (fgets(text, sizeof text, file)) {
        if (text[0] != '>') {
            CHECK(strchr("#\n", text[0]));
            continue;
        }
        text[strcspn(text, "\n")] = '\0';
        REQUIRE(fgets(expected, sizeof expected, file));
        expected[strcspn(expected, "\n")] = '\0';
        char actual[512] = "accepted";
        struct rp_expression *expression = parsed_bytes(text + 2, strlen(text + 2));
        if (!expression) {
            (void)snprintf(actual, sizeof actual, "%u %s", error.column, error.message);
        }
        if (strcmp(actual, expected) != 0) {
            fprintf(stderr, "%s\n", text);
        }
        CHECK_STR(actual, expected);
        rp_expression_free(expression);
        ++*count;
    }
}

static void the_corpus_is_refused_word_for_word(void)
{
    FILE *file = fopen(REFUSED, "r");
    REQUIRE(file);
    unsigned count = 0;
    check_refused_lines(file, &count);
    CHECK(count >= 60);
    (void)fclose(file);
}

static void texts_that_are_none_are_refused(void)
{
    check_refused("", 0, 1, "the expression is empty");
    check_refused(" \t\n", 3, 4, "the expression is empty");
    check_refused("a\0b", 3, 2, "an expression has no NUL byte in it");
    check_refused("'a\0'", 4, 3, "an expression has no NUL byte in it");
    static const char *const broken[] = {
        "a\xff", "a\xc3", "a\xc0\x80", "a\xed\xa0\x80", "a\x80", "a\xf4\x90\x80\x80", "a\xe2\x80'"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        check_refused(broken[i], strlen(broken[i]), 2,
                      "an expression is UTF-8, and this byte is not");
    }
    check_refused("a \x01", 3, 3, "the byte 0x01 means nothing here");
    check_refused("a\x7f", 2, 2, "the byte 0x7f means nothing here");
}

static void columns_count_bytes_and_characters(void)
{
    const char *text = "'\u00e9\u20ac\U0001f600' + 1";
    check_refused(text, strlen(text), 13,
                  "there is no arithmetic here: leave it to the script that reads the probe");
    CHECK_EQ(error.character, 7);
}

/* A name of the text is quoted, cut at a character: what is cut would not be UTF-8. */
static void what_a_message_quotes_is_cut_at_a_character(void)
{
    check_refused(
        "a.b\u00fcb\u00fcb\u00fcb\u00fcb\u00fcb\u00fcb\u00fcb\u00fcb\u00fcb\u00fcb\u00fcb\u00fc?",
        39, 3,
        "\"b\u00fcb\u00fcb\u00fcb\u00fcb\u00fcb\u00fcb\u00fcb\u00fcb\u00fcb\u00fcb\" is a "
        "method; method calls are not possible here: an expression runs inside the app at "
        "every call; allowed after a dot are class, length, size, id and the name of an "
        "Active Record attribute");
}

/* -- limits -- */

/* first, then count times each, then last. */
static const char *repeated(const char *first, const char *each, unsigned count, const char *last)
{
    static char text[4 * RP_EXPRESSION_TEXT_MAX];
    size_t size = 0;
    size += (size_t)snprintf(text, sizeof text, "%s", first);
    for (unsigned i = 0; i < count; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%s", each);
    }
    (void)snprintf(text + size, sizeof text - size, "%s", last);
    return text;
}

static void check_accepted(const char *text)
{
    struct rp_expression *expression = parsed(text);
    CHECK(expression);
    rp_expression_free(expression);
}

static void the_longest_text_is_1024_bytes(void)
{
    check_accepted(repeated("'", "x", RP_EXPRESSION_TEXT_MAX - 2, "'"));
    check_accepted(repeated("", "n", RP_EXPRESSION_TEXT_MAX, ""));
    const char *text = repeated("'", "x", RP_EXPRESSION_TEXT_MAX - 1, "'");
    check_refused(text, strlen(text), 1025, "an expression has at most 1024 bytes");
}

static void the_longest_program_has_64_instructions(void)
{
    struct rp_expression *expression = parsed(repeated("", "!", 63, "@a"));
    REQUIRE(expression);
    CHECK_EQ(expression->instruction_count, RP_EXPRESSION_INSTRUCTIONS_MAX);
    rp_expression_free(expression);
    const char *message = "the expression takes more than 64 steps: split it into several";
    const char *text = repeated("", "!", 64, "@a");
    check_refused(text, strlen(text), 65, message);
    /* As many texts as there can be, which fill the pool. */
    check_accepted(repeated("a", "['xyzuvw123']", 63, ""));
    text = repeated("a", "['xyzuvw123']", 64, "");
    check_refused(text, strlen(text), 63 * 13 + 3, message);
    text = repeated("a", ".b", 64, "");
    check_refused(text, strlen(text), 129, message);
    text = repeated("", "a||", 40, "a");
    check_refused(text, strlen(text), 64, message);
}

static void the_deepest_stack_has_8_values(void)
{
    struct rp_expression *expression = parsed("a == (b == (c == (d == (e == (f == (g == h))))))");
    REQUIRE(expression);
    CHECK_EQ(expression->depth, RP_EXPRESSION_DEPTH_MAX);
    rp_expression_free(expression);
    const char *text = "a == (b == (c == (d == (e == (f == (g == (h == i)))))))";
    check_refused(text, strlen(text), 48,
                  "the expression holds more than 8 values at a time: split it into several");
}

static void parentheses_go_16_deep(void)
{
    check_accepted("((((((((((((((((a))))))))))))))))");
    check_accepted("((((((((((((((((a)))))))))))))))) && ((b))");
    const char *text = "(((((((((((((((((a)))))))))))))))))";
    check_refused(text, strlen(text), 17, "there are at most 16 parentheses inside each other");
    text = repeated("", "(", RP_EXPRESSION_TEXT_MAX, "");
    check_refused(text, strlen(text), 17, "there are at most 16 parentheses inside each other");
}

/* -- memory -- */

static void a_program_is_one_allocation(void)
{
    allocations = 0;
    struct rp_expression *expression = parsed("@a == 'x' && b[:c] == 1 || self.id == args.0");
    CHECK_EQ(allocations, 1);
    rp_expression_free(expression);
    rp_expression_free(NULL);
    allocations = 0;
    check_refused("a +", 3, 3,
                  "there is no arithmetic here: leave it to the script that reads the probe");
    CHECK_EQ(allocations, 0);
}

static void every_allocation_may_fail(void)
{
    const char *text = "@a == 'x' && b[:c] == 1.5 || self.total == args.0 || a.class == 'Order'";
    enum rp_error code = RP_MEMORY;
    long failing = 0;
    for (; code == RP_MEMORY && failing < 20; failing++) {
        struct rp_expression *expression = NULL;
        struct rp_buffer description = {0};
        failing_allocation = failing + 1;
        code = rp_expression_parse(text, strlen(text), &expression, &error);
        CHECK((code == RP_OK) == (expression != NULL));
        if (!code) {
            code = rp_expression_describe(expression, &description);
        }
        failing_allocation = 0;
        rp_buffer_free(&description);
        rp_expression_free(expression);
    }
    CHECK_EQ(code, RP_OK);
    CHECK(failing > 3); /* the program, the description, its growth, and the one that went well */
}

int main(void)
{
    RUN(roots_become_instructions);
    RUN(parts_become_instructions);
    RUN(comparisons_become_instructions);
    RUN(logic_becomes_jumps_forward);
    RUN(numbers_are_read_exactly);
    RUN(texts_are_read_without_their_quotes);
    RUN(truths_are_conditions);
    RUN(the_corpus_is_refused_word_for_word);
    RUN(texts_that_are_none_are_refused);
    RUN(columns_count_bytes_and_characters);
    RUN(what_a_message_quotes_is_cut_at_a_character);
    RUN(the_longest_text_is_1024_bytes);
    RUN(the_longest_program_has_64_instructions);
    RUN(the_deepest_stack_has_8_values);
    RUN(parentheses_go_16_deep);
    RUN(a_program_is_one_allocation);
    RUN(every_allocation_may_fail);
    return check_finish();
}
