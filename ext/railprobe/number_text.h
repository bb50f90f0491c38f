/*
 * Numbers that are written as text, as databases and forms write them, and what is left of a number by rounding.
 */
#ifndef RAILPROBE_NUMBER_TEXT_H
#define RAILPROBE_NUMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The whole text as an integer: digits, with a sign or without. One beyond 64 bits is the nearest within. False
 * for any other text.
 */
bool rp_number_text_integer(const char *text, size_t size, int64_t *integer);

/*
 * The whole text as the nearest double: digits, with a sign or without, perhaps a point and digits, perhaps an
 * exponent, in at most 63 bytes. False for any other text, and for a number that no double comes near.
 */
bool rp_number_text_decimal(const char *text, size_t size, double *decimal);

/*
 * Whether the decimal number that is meant by a double stays what it is when it is rounded to so many digits in
 * all and so many behind the point; below 0 is no rounding. False too where 15 digits don't tell.
 */
bool rp_number_text_is_rounded(double number, int digits, int scale);

#endif
