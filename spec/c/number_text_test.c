/*
 * Numbers that are written as text.
 */
#include "number_text.h"

#include "check.h"

#include <math.h>
#include <stdlib.h>

static int64_t integer;
static double decimal;

/* In memory of exactly that size, so that a byte too far is found. */
static char *exactly(const char *text, size_t size)
{
    char *copy = malloc(size ? size : 1);
    if (!copy) {
        abort();
    }
    memcpy(copy, text, size);
    return copy;
}

static bool is_integer(const char *text)
{
    char *copy = exactly(text, strlen(text));
    bool is = rp_number_text_integer(copy, strlen(text), &integer);
    free(copy);
    return is;
}

static bool is_decimal(const char *text)
{
    char *copy = exactly(text, strlen(text));
    bool is = rp_number_text_decimal(copy, strlen(text), &decimal);
    free(copy);
    return is;
}

static void an_integer_is_digits_and_a_sign(void)
{
    CHECK(is_integer("42") && integer == 42);
    CHECK(is_integer("-42") && integer == -42);
    CHECK(is_integer("+0042") && integer == 42);
    CHECK(is_integer("-0") && integer == 0);
}

static void an_integer_beyond_64_bits_is_the_nearest(void)
{
    CHECK(is_integer("9223372036854775807") && integer == INT64_MAX);
    CHECK(is_integer("9223372036854775808") && integer == INT64_MAX);
    CHECK(is_integer("-9223372036854775808") && integer == INT64_MIN);
    CHECK(is_integer("-9223372036854775809") && integer == INT64_MIN);
    CHECK(is_integer("99999999999999999999999999999999999999") && integer == INT64_MAX);
}

static void other_texts_are_no_integers(void)
{
    static const char *const texts[] = {"",   "-",   "+",   "x",   " 1",  "1 ", "1x",
                                        "1.", "1.5", "1e3", "--1", "0x1", "1_0"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CHECK(!is_integer(texts[i]));
    }
}

static void a_decimal_may_have_a_point_and_an_exponent(void)
{
    CHECK(is_decimal("42") && decimal == 42);
    CHECK(is_decimal("-0.125") && decimal == -0.125);
    CHECK(is_decimal("+150.25") && decimal == 150.25);
    CHECK(is_decimal("1.5e3") && decimal == 1500);
    CHECK(is_decimal("15E-1") && decimal == 1.5);
    CHECK(is_decimal("100000000000000000000000000000000000000000000000000000000000001"));
}

static void other_texts_are_no_decimals(void)
{
    static const char *const texts[] = {
        "",         "-",      ".",
        ".5",       "5.",     "1.e3",
        "e3",       "1e",     "1e+",
        "1.2.3",    "1,5",    "0x1p3",
        "nan",      "NaN",    "inf",
        "Infinity", " 1",     "1 ",
        "1e999",    "-1e999", "1000000000000000000000000000000000000000000000000000000000000001"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CHECK(!is_decimal(texts[i]));
    }
}

static void what_has_as_many_digits_is_rounded(void)
{
    CHECK(rp_number_text_is_rounded(150.25, 10, 2));
    CHECK(rp_number_text_is_rounded(-150.25, 5, 2));
    CHECK(!rp_number_text_is_rounded(150.25, 4, 2));
    CHECK(!rp_number_text_is_rounded(150.25, 10, 1));
    CHECK(!rp_number_text_is_rounded(12.345, -1, 2));
    CHECK(rp_number_text_is_rounded(12.345, -1, 3));
    CHECK(rp_number_text_is_rounded(12.345, 5, -1));
    CHECK(!rp_number_text_is_rounded(12.345, 4, -1));
    CHECK(rp_number_text_is_rounded(1200, 2, 0));
    CHECK(!rp_number_text_is_rounded(0.001, -1, 2));
    CHECK(rp_number_text_is_rounded(1e300, 1, 0));
    CHECK(!rp_number_text_is_rounded(1e-300, 1, 30));
    CHECK(rp_number_text_is_rounded(0, 0, 0));
    CHECK(rp_number_text_is_rounded(-0.0, 1, 0));
}

static void what_fifteen_digits_do_not_tell_is_not_rounded_for_sure(void)
{
    CHECK(!rp_number_text_is_rounded(0.1 + 0.2, 30, 30));
    CHECK(!rp_number_text_is_rounded((double)NAN, 30, 30));
    CHECK(!rp_number_text_is_rounded((double)INFINITY, 30, 30));
}

static void no_rounding_leaves_everything(void)
{
    CHECK(rp_number_text_is_rounded(0.1 + 0.2, -1, -1));
    CHECK(rp_number_text_is_rounded((double)INFINITY, -1, -1));
}

int main(void)
{
    RUN(an_integer_is_digits_and_a_sign);
    RUN(an_integer_beyond_64_bits_is_the_nearest);
    RUN(other_texts_are_no_integers);
    RUN(a_decimal_may_have_a_point_and_an_exponent);
    RUN(other_texts_are_no_decimals);
    RUN(what_has_as_many_digits_is_rounded);
    RUN(what_fifteen_digits_do_not_tell_is_not_rounded_for_sure);
    RUN(no_rounding_leaves_everything);
    return check_finish();
}
