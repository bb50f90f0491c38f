/*
 * Numbers as text under libFuzzer, against the C library: what is taken is what strtoll() and strtod() make of all of
 * the text, and what counts as rounded stays the same number when it is printed with so many digits.
 *
 *   rake fuzz SECONDS=300
 */
#include "number_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DIGITS_MOST = 15, SCALE_MOST = 30 };

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static bool is_digits_and_a_sign(const char *text, size_t size)
{
    size_t i = size && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    bool is_right = i < size;
    for (; i < size; i++) {
        is_right = is_right && is_digit(text[i]);
    }
    return is_right;
}

/* text has its own size in memory, terminated is the same with a NUL behind it. */
static void check_text(const char *text, const char *terminated, size_t size)
{
    int64_t integer = 0;
    double decimal = 0;
    char *end = NULL;
    bool is_integer = rp_number_text_integer(text, size, &integer);
    bool is_decimal = rp_number_text_decimal(text, size, &decimal);
    require(is_integer == is_digits_and_a_sign(text, size));
    if (is_integer) {
        require(integer == strtoll(terminated, &end, 10) && end == terminated + size);
        require(is_decimal || size > 63);
    }
    if (is_decimal) {
        double expected = strtod(terminated, &end);
        require(end == terminated + size && isfinite(decimal));
        require(memcmp(&decimal, &expected, sizeof decimal) == 0);
        require(is_digit(text[size - 1]) && !memchr(text, 'x', size) && !memchr(text, ' ', size));
    }
}

static double printed(const char *format, int precision, double number)
{
    char text[512];
    (void)snprintf(text, sizeof text, format, precision, number);
    return strtod(text, NULL);
}

static void check_number(double number, int digits, int scale)
{
    bool is_rounded = rp_number_text_is_rounded(number, digits, scale);
    if (digits < 0 && scale < 0) {
        require(is_rounded);
    } else if (is_rounded) {
        require(isfinite(number));
        require(digits < 1 || printed("%.*e", digits - 1, number) == number);
        require(scale < 0 || printed("%.*f", scale, number) == number);
        require(rp_number_text_is_rounded(number, digits < 0 ? digits : digits + 1,
                                          scale < 0 ? scale : scale + 1));
        require(rp_number_text_is_rounded(-number, digits, scale));
    }
}

/* What was made with so many digits and so many behind the point. */
static void check_made(uint64_t random, int scale)
{
    char text[64];
    uint64_t digits = random % 1000000000000000u;
    scale %= DIGITS_MOST;
    (void)snprintf(text, sizeof text, "%llue-%d", (unsigned long long)digits, scale);
    require(rp_number_text_is_rounded(strtod(text, NULL), DIGITS_MOST, scale));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1);
    char *terminated = malloc(size + 1);
    require(text && terminated);
    memcpy(text, data, size);
    memcpy(terminated, data, size);
    terminated[size] = '\0';
    check_text(text, terminated, size);
    free(text);
    free(terminated);
    if (size >= sizeof(double) + 2) {
        double number;
        uint64_t random;
        memcpy(&number, data, sizeof number);
        memcpy(&random, data, sizeof random);
        check_number(number, data[8] % (DIGITS_MOST + 2) - 1, data[9] % (SCALE_MOST + 2) - 1);
        check_made(random, data[8]);
    }
    return 0;
}
