/*
 * UTF-8, one character at a time.
 */
#ifndef RAILPROBE_UTF8_H
#define RAILPROBE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The bytes of the character at text, of which at least one of size is there, and in *character
 * which it is; 0 if it is none: a stray or missing byte, an overlong form, a surrogate, beyond
 * U+10FFFF.
 */
static inline size_t rp_utf8_decode(const char *text, size_t size, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *bytes = (const uint8_t *)text;
    size_t length = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : bytes[0] >= 0xc0 ? 2 : 1;
    if (bytes[0] < 0x80) {
        *character = bytes[0];
        return 1;
    }
    if (length == 1 || length > size || bytes[0] >= 0xf8) {
        return 0;
    }
    *character = bytes[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
        *character = *character << 6 | (bytes[i] & 0x3fu);
    }
    bool surrogate = *character >= 0xd800 && *character <= 0xdfff;
    return *character < least[length] || *character > 0x10ffff || surrogate ? 0 : length;
}

#endif
