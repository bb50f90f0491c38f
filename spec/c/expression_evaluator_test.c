/*
 * Evaluation: every operation, what is missing, what a short circuit leaves out.
 */
#include "check.h"
#include "expression_host.h"

#include <inttypes.h>

static struct rp_expression_value evaluated(struct host *host, const char *text)
{
    struct rp_expression *expression = NULL;
    struct rp_expression_error error = {0};
    struct rp_expression_value value = OBJECT(99);
    CHECK_EQ(rp_expression_parse(text, strlen(text), &expression, &error), RP_OK);
    if (!expression) {
        fprintf(stderr, "%s: %u: %s\n", text, error.column, error.message);
        return value;
    }
    host->expression = expression;
    host->calls = 0;
    rp_expression_evaluate(expression, &callbacks, host, &value);
    rp_expression_free(expression);
    return value;
}

static bool holds(struct host *host, const char *text)
{
    struct rp_expression_value value = evaluated(host, text);
    CHECK_EQ(value.tag, RP_EXPRESSION_BOOLEAN);
    return value.tag == RP_EXPRESSION_BOOLEAN && value.boolean;
}

/* -- operations -- */

static void each_root_and_part_asks_its_callback(void)
{
    static const struct {
        const char *text;
        const char *asked;
        unsigned calls;
    } reads[] = {
        {"amount", "amount", 1},  {"args.7", "args.7", 1},    {"@state", "@state", 1},
        {"self", "self", 1},      {"result", "result", 1},    {"duration", "duration", 1},
        {"a.class", ".class", 2}, {"a.length", ".length", 2}, {"a.size", ".length", 2},
        {"a.id", ".id", 2},       {"a.total", ".total", 2},   {"a[-3]", "[-3]", 2},
        {"a[:sku]", "[:sku]", 2}, {"a['sku']", "['sku']", 2},
    };
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        struct host host = {.parameters = {OBJECT(1)}, .seed = 3};
        (void)evaluated(&host, reads[i].text);
        CHECK_STR(host.last, reads[i].asked);
        CHECK_EQ(host.calls, reads[i].calls);
    }
}

static void literals_are_what_they_say(void)
{
    struct host host = {.seed = 0};
    const struct {
        const char *text;
        struct rp_expression_value value;
    } literals[] = {{"true", BOOLEAN(true)},
                    {"false", BOOLEAN(false)},
                    {"-5ms", INTEGER(-5000000)},
                    {"2.5", FLOAT(2.5)},
                    {"10kb", INTEGER(10240)}};
    for (size_t i = 0; i < sizeof literals / sizeof *literals; i++) {
        struct rp_expression_value value = evaluated(&host, literals[i].text);
        CHECK(same_value(&value, &literals[i].value));
        CHECK_EQ(value.object, 0);
    }
}

/* What a relation makes true: ==, !=, <, <=, >, >=. */
#define BELOW "011100"
#define ALIKE "100101"
#define ABOVE "010011"
#define SAME "100000"
#define DIFFERENT "010000"
#define UNKNOWN "000000"

static void values_compare_as_documented(void)
{
    const struct {
        struct rp_expression_value a;
        struct rp_expression_value b;
        const char *truths;
    } pairs[] = {
        {INTEGER(1), INTEGER(2), BELOW},
        {INTEGER(2), INTEGER(2), ALIKE},
        {INTEGER(INT64_MAX), INTEGER(INT64_MIN), ABOVE},
        {FLOAT(1.5), FLOAT(2.5), BELOW},
        {FLOAT(-0.0), FLOAT(0.0), ALIKE},
        {FLOAT(INFINITY), FLOAT(1e308), ABOVE},
        {FLOAT(NAN), FLOAT(NAN), DIFFERENT},
        {FLOAT(NAN), INTEGER(0), DIFFERENT},
        {INTEGER(0), FLOAT(NAN), DIFFERENT},
        {INTEGER(1), FLOAT(1.0), ALIKE},
        {INTEGER(1), FLOAT(1.5), BELOW},
        {INTEGER(-1), FLOAT(-1.5), ABOVE},
        {INTEGER(0), FLOAT(-0.5), ABOVE},
        {INTEGER(-1), FLOAT(-0.5), BELOW},
        {FLOAT(2.5), INTEGER(2), ABOVE},
        {FLOAT(1.5), INTEGER(2), BELOW},
        /* 2^53 + 1 is none of a double, and 2^63 - 1 would round to 2^63. */
        {INTEGER((INT64_C(1) << 53) + 1), FLOAT(0x1p53), ABOVE},
        {INTEGER(INT64_MAX), FLOAT(0x1p63), BELOW},
        {INTEGER(INT64_MIN), FLOAT(-0x1p63), ALIKE},
        {INTEGER(INT64_MIN), FLOAT(-0x1.8p63), ABOVE},
        {INTEGER(INT64_MAX), FLOAT(INFINITY), BELOW},
        {INTEGER(INT64_MIN), FLOAT(-INFINITY), ABOVE},
        {TEXT("x"), TEXT("x"), SAME},
        {TEXT(""), TEXT(""), SAME},
        {TEXT("a\0b"), TEXT("a\0c"), DIFFERENT},
        {TEXT("x"), TEXT("xx"), DIFFERENT},
        {BOOLEAN(true), BOOLEAN(true), SAME},
        {BOOLEAN(true), BOOLEAN(false), DIFFERENT},
        {TEXT("1"), INTEGER(1), DIFFERENT},
        {BOOLEAN(true), INTEGER(1), DIFFERENT},
        {NONE, NONE, UNKNOWN},
        {NONE, INTEGER(0), UNKNOWN},
        {BOOLEAN(false), NONE, UNKNOWN},
        {OBJECT(1), OBJECT(1), UNKNOWN},
        {OBJECT(1), TEXT("x"), UNKNOWN},
        {INTEGER(1), OBJECT(1), UNKNOWN},
    };
    static const char *const signs[] = {"a == b", "a != b", "a < b", "a <= b", "a > b", "a >= b"};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct host host = {.parameters = {pairs[i].a, pairs[i].b}};
        char truths[] = UNKNOWN;
        for (size_t j = 0; j < sizeof signs / sizeof *signs; j++) {
            truths[j] = holds(&host, signs[j]) ? '1' : '0';
        }
        CHECK_STR(truths, pairs[i].truths);
    }
}

static void texts_compare_within_the_bound(void)
{
    static char left[RP_EXPRESSION_COMPARED_MAX + 1];
    static char right[RP_EXPRESSION_COMPARED_MAX + 1];
    struct host host = {.parameters = {TEXT(""), TEXT("")}};
    host.parameters[0].text.bytes = left;
    host.parameters[1].text.bytes = right;
    host.parameters[0].text.size = host.parameters[1].text.size = RP_EXPRESSION_COMPARED_MAX;
    CHECK(holds(&host, "a == b"));
    right[RP_EXPRESSION_COMPARED_MAX - 1] = 'x';
    CHECK(holds(&host, "a != b"));
    host.parameters[0].text.size = host.parameters[1].text.size = sizeof left;
    CHECK(!holds(&host, "a == b"));
    CHECK(!holds(&host, "a != b"));
    host.parameters[1].text.size--;
    CHECK(holds(&host, "a != b"));
}

static void a_symbol_equals_the_string_of_its_bytes(void)
{
    struct host host = {.parameters = {TEXT("paid")}};
    CHECK(holds(&host, "a == :paid && a == 'paid' && :paid == 'paid'"));
    CHECK(holds(&host, "a != :done && 'it\\'s' == \"it's\""));
}

static void only_a_test_for_nil_sees_what_is_missing(void)
{
    struct host host = {.parameters = {NONE, BOOLEAN(false), OBJECT(1)}};
    CHECK(holds(&host, "a == nil"));
    CHECK(!holds(&host, "nil != a"));
    CHECK(!holds(&host, "b == nil"));
    CHECK(holds(&host, "b != nil"));
    CHECK(holds(&host, "nil != c"));
    CHECK(!holds(&host, "a == 1 || a != 1 || a == a"));
    CHECK(holds(&host, "!a && !b && !!c"));
    CHECK(holds(&host, "!(a == 1)"));
}

static void nothing_is_read_of_what_is_missing(void)
{
    struct host host = {.parameters = {NONE}};
    struct rp_expression_value value = evaluated(&host, "a.class");
    CHECK_EQ(value.tag, RP_EXPRESSION_NONE);
    CHECK(!rp_expression_truth(&value));
    CHECK_EQ(host.calls, 1);
    value = evaluated(&host, "a.id[0][:b]['c'].d.length");
    CHECK_EQ(value.tag, RP_EXPRESSION_NONE);
    CHECK_EQ(host.calls, 1);
}

static void a_short_circuit_asks_for_nothing_more(void)
{
    static const struct {
        const char *text;
        bool truth;
        unsigned calls;
    } texts[] = {
        /* a is true, b is false, c is missing, d is an object */
        {"a && b", false, 2},
        {"b && a", false, 1},
        {"c && a && d.id == 1", false, 1},
        {"a || b", true, 1},
        {"b || a", true, 2},
        {"b || c || d || a", true, 3},
        {"b && a || a", true, 2},
        {"a || b && c", true, 1},
        {"(a || b) && (c || d)", true, 3},
        {"a && (b || c)", false, 3},
        {"!(a || d) || d", true, 2},
        {"b && (a || d) && (a || d)", false, 1},
        {"a == true || d == 1", true, 1},
        {"d && true", true, 1},
        {"false || d", true, 1},
    };
    struct host host = {.parameters = {BOOLEAN(true), BOOLEAN(false), NONE, OBJECT(1)}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CHECK_EQ(holds(&host, texts[i].text), texts[i].truth);
        CHECK_EQ(host.calls, texts[i].calls);
    }
}

/* -- durations -- */

static const int64_t moments[] = {INT64_MIN, -2, -1, 0, 1, 2, 50000000, INT64_MAX - 1, INT64_MAX};
enum { MOMENTS = sizeof moments / sizeof *moments };

/* A host that knows nothing but the duration, which below 0 is missing. */
static bool tell_duration(void *context, struct rp_expression_value *value)
{
    *value = INTEGER(*(const int64_t *)context);
    return value->integer >= 0;
}

static void compare_with_the_span(const struct rp_expression *expression)
{
    static const struct rp_expression_host host = {.read_duration = tell_duration};
    struct rp_expression_span span = {0};
    CHECK(rp_expression_durations(expression, &span));
    for (size_t i = 0; i < MOMENTS; i++) {
        int64_t duration = moments[i];
        struct rp_expression_value value;
        rp_expression_evaluate(expression, &host, &duration, &value);
        CHECK_EQ(rp_expression_spans(span, duration), rp_expression_truth(&value));
    }
}

static void a_span_is_what_the_condition_says_of_durations(void)
{
    static const char *const comparisons[] = {"==", "<", "<=", ">", ">="};
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
        for (size_t moment = 1; moment < MOMENTS; moment++) {
            char texts[2][64];
            (void)snprintf(texts[0], sizeof *texts, "duration %s %" PRId64, comparisons[i],
                           moments[moment]);
            (void)snprintf(texts[1], sizeof *texts, "%" PRId64 " %s duration", moments[moment],
                           comparisons[i]);
            for (size_t side = 0; side < 2; side++) {
                struct rp_expression *expression = NULL;
                struct rp_expression_error error;
                CHECK_EQ(rp_expression_parse(texts[side], strlen(texts[side]), &expression, &error),
                         RP_OK);
                compare_with_the_span(expression);
                rp_expression_free(expression);
            }
        }
    }
}

static void what_asks_for_more_or_less_has_no_span(void)
{
    static const char *const others[] = {
        "duration",        "duration != 5", "duration > 1.5",       "duration == nil",
        "result > 5",      "5 > result",    "duration > amount",    "duration > 5 && a",
        "!(duration > 5)", "5 > 4",         "duration == duration",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct rp_expression *expression = NULL;
        struct rp_expression_error error;
        struct rp_expression_span span;
        CHECK_EQ(rp_expression_parse(others[i], strlen(others[i]), &expression, &error), RP_OK);
        CHECK(expression && !rp_expression_durations(expression, &span));
        rp_expression_free(expression);
    }
}

int main(void)
{
    RUN(each_root_and_part_asks_its_callback);
    RUN(literals_are_what_they_say);
    RUN(values_compare_as_documented);
    RUN(texts_compare_within_the_bound);
    RUN(a_symbol_equals_the_string_of_its_bytes);
    RUN(only_a_test_for_nil_sees_what_is_missing);
    RUN(nothing_is_read_of_what_is_missing);
    RUN(a_short_circuit_asks_for_nothing_more);
    RUN(a_span_is_what_the_condition_says_of_durations);
    RUN(what_asks_for_more_or_less_has_no_span);
    return check_finish();
}
