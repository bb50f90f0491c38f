/*
 * Numbers that are written as text.
 */
#include "number_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_MAX = 63,
    DIGITS = 15, /* of a decimal number that is the same when it was a double */
};

/* Where the digits from there on end. */
static size_t skip_digits(const char *text, size_t size, size_t from)
{
    while (from < size && text[from] >= '0' && text[from] <= '9') {
        from++;
    }
    return from;
}

static size_t skip_sign(const char *text, size_t size, size_t from)
{
    return from < size && (text[from] == '-' || text[from] == '+') ? from + 1 : from;
}

bool rp_number_text_integer(const char *text, size_t size, int64_t *integer)
{
    size_t start = skip_sign(text, size, 0);
    bool is_negative = start && text[0] == '-';
    uint64_t most = is_negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    uint64_t number = 0;
    if (start == size || skip_digits(text, size, start) != size) {
        return false;
    }
    for (size_t i = start; i < size; i++) {
        uint64_t digit = (uint64_t)(text[i] - '0');
        number = number > (most - digit) / 10 ? most : number * 10 + digit;
    }
    *integer = is_negative ? (int64_t)(0 - number) : (int64_t)number;
    return true;
}

/* strtod() takes more than that: blanks, hexadecimal numbers, names. */
static bool is_decimal(const char *text, size_t size)
{
    size_t start = skip_sign(text, size, 0);
    size_t at = skip_digits(text, size, start);
    bool is_right = at > start;
    if (at < size && text[at] == '.') {
        start = at + 1;
        at = skip_digits(text, size, start);
        is_right = is_right && at > start;
    }
    if (at < size && (text[at] == 'e' || text[at] == 'E')) {
        start = skip_sign(text, size, at + 1);
        at = skip_digits(text, size, start);
        is_right = is_right && at > start;
    }
    return is_right && at == size;
}

bool rp_number_text_decimal(const char *text, size_t size, double *decimal)
{
    char copy[TEXT_MAX + 1];
    char *end = copy;
    if (size > TEXT_MAX || !is_decimal(text, size)) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    *decimal = strtod(copy, &end);
    return end == copy + size && isfinite(*decimal); /* not so where the locale has another point */
}

bool rp_number_text_is_rounded(double number, int digits, int scale)
{
    char text[32]; /* -d.dddddddddddddde-ddd */
    int used = DIGITS;
    if (digits < 0 && scale < 0) {
        return true;
    }
    (void)snprintf(text, sizeof text, "%.*e", DIGITS - 1, number);
    if (!isfinite(number) || strtod(text, NULL) != number) {
        return false;
    }
    const char *digit = strchr(text, 'e') - 1;
    while (used > 1 && *digit == '0') {
        used--;
        digit--;
    }
    int exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    return (digits < 0 || used <= digits || number == 0) &&
           (scale < 0 || used - 1 - exponent <= scale || number == 0);
}
