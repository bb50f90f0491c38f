/*
 * The bytes of a text file before anything reads them as a language. libyaml would refuse the same
 * bytes, but tells an offset only, and stops at the first.
 */
#include "source.h"
#include "utf8.h"

#include <string.h>

static const char save_as_utf8[] = "save the file as UTF-8";

/* True when the file is UTF-16 or UTF-32: a byte order mark, or its first letter has a NUL beside it. */
static bool is_wide(const char *text, size_t size)
{
    if (size < 2) {
        return false;
    }
    bool marked = memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0;
    bool beside = (text[0] == 0 && text[1] >= ' ') || (text[1] == 0 && text[0] >= ' ');
    return marked || beside;
}

/* Why a character may not stand in the file, or NULL. */
static const char *refusal(size_t length, uint32_t code)
{
    if (length == 0) {
        return "a byte that is not UTF-8";
    }
    if (code == 0) {
        return "a NUL byte";
    }
    if ((code < 0x20 && code != '\t' && code != '\n' && code != '\r') || code == 0x7f ||
        (code >= 0x80 && code < 0xa0)) {
        return "a control character";
    }
    if (code == 0x2028 || code == 0x2029) {
        return "an invisible line separator";
    }
    if (code >= 0x202a && code <= 0x202e) {
        return "an invisible character that turns the direction of the text";
    }
    return code == 0xfeff                     ? "a byte order mark inside the file"
           : code == 0xfffe || code == 0xffff ? "a code that is no character"
                                              : NULL;
}

static void add_refusal(struct rp_diagnostics *errors, struct rp_place place, const char *why,
                        const char *text, size_t length, uint32_t code)
{
    if (length) {
        rp_diagnostics_add(errors, place, "%s (U+%04X)", why, code);
        rp_diagnostics_hint(errors, "remove it");
    } else {
        rp_diagnostics_add(errors, place, "%s (0x%02X)", why, (unsigned char)*text);
        rp_diagnostics_hint(errors, "%s", save_as_utf8);
    }
}

/* Tells of the first fault of each line. True when there is none. */
static bool check_characters(const struct rp_source *source, struct rp_diagnostics *errors)
{
    struct rp_place place = {1, 1, 1};
    uint32_t faulty_line = 0;
    size_t i = 0;
    while (i < source->size) {
        const char *at = source->text + i;
        uint32_t code = 0;
        size_t length = rp_utf8_read(at, source->size - i, &code);
        const char *why = length == 1 && code >= 0x20 && code < 0x7f ? NULL : refusal(length, code);
        if (why && faulty_line != place.line) {
            add_refusal(errors, place, why, at, length, code);
            faulty_line = place.line;
        }
        i += length ? length : 1;
        bool ends_line = length == 1 && (code == '\n' || code == '\r');
        bool half = code == '\r' && i < source->size && source->text[i] == '\n';
        place.column = ends_line ? 1 : place.column + 1;
        place.line += ends_line && !half;
    }
    return faulty_line == 0;
}

bool rp_source_open(struct rp_source *source, const char *text, size_t size,
                    struct rp_diagnostics *errors)
{
    *source = (struct rp_source){text, size};
    if (size > RP_SOURCE_MAX) {
        *source = (struct rp_source){text, 0};
        rp_diagnostics_add(errors, (struct rp_place){0},
                           "the file has %zu bytes, at most %d are read", size, RP_SOURCE_MAX);
        rp_diagnostics_hint(errors,
                            "name a namespace (class: \"Search::*\") instead of each class");
        return false;
    }
    if (is_wide(text, size)) {
        rp_diagnostics_add(errors, (struct rp_place){0}, "the file is UTF-16 or UTF-32");
        rp_diagnostics_hint(errors, "%s", save_as_utf8);
        return false;
    }
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        *source = (struct rp_source){text + 3, size - 3};
    }
    return check_characters(source, errors);
}
