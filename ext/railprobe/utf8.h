/*
 * UTF-8, one character at a time.
 */
#ifndef RAILPROBE_UTF8_H
#define RAILPROBE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Reads the character at text, of which size bytes (at least one) are there, into code.
 *
 * Returns its length in bytes, or 0 when no character begins there: a stray or missing continuation
 * byte, an overlong form, a surrogate, or above U+10FFFF.
 */
static inline size_t rp_utf8_read(const char *text, size_t size, uint32_t *code)
{
    const unsigned char *bytes = (const unsigned char *)text;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length;
    if (bytes[0] < 0x80) {
        *code = bytes[0];
        return 1;
    }
    if (bytes[0] >= 0xc2 && bytes[0] < 0xe0) {
        length = 2;
        *code = bytes[0] & 0x1fu;
    } else if (bytes[0] >= 0xe0 && bytes[0] < 0xf0) {
        length = 3;
        *code = bytes[0] & 0x0fu;
    } else if (bytes[0] >= 0xf0 && bytes[0] < 0xf5) {
        length = 4;
        *code = bytes[0] & 0x07u;
    } else {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if (i >= size || (bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
        *code = *code << 6 | (bytes[i] & 0x3fu);
    }
    int surrogate = *code >= 0xd800 && *code < 0xe000;
    return *code < smallest[length] || *code > 0x10ffff || surrogate ? 0 : length;
}

/*
 * How many of size bytes of text to keep where there is room for most: no half of a character at the end.
 * Goes back three bytes at the very most, so text that is no UTF-8 loses no more than these.
 */
static inline size_t rp_utf8_cut(const char *text, size_t size, size_t most)
{
    if (size <= most) {
        return size;
    }
    size_t end = most;
    while (end && most - end < 3 && ((unsigned char)text[end] & 0xc0) == 0x80) {
        end--;
    }
    return end;
}

/* How many characters size bytes of text are; a byte that is no character counts as one. */
static inline size_t rp_utf8_count(const char *text, size_t size)
{
    size_t count = 0;
    size_t i = 0;
    while (i < size) {
        uint32_t code;
        size_t length = rp_utf8_read(text + i, size - i, &code);
        i += length ? length : 1;
        count++;
    }
    return count;
}

#endif
