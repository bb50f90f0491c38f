/*
 * What Ruby takes as a name. Beyond ASCII Ruby takes any character in an identifier, and so does
 * this; whether such a constant begins with an upper-case letter is left to Ruby.
 */
#include "ruby_name.h"
#include "utf8.h"

#include <string.h>

static bool is_upper(char byte)
{
    return byte >= 'A' && byte <= 'Z';
}

static bool is_lower(char byte)
{
    return byte >= 'a' && byte <= 'z';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_wide(char byte)
{
    return (unsigned char)byte >= 0x80;
}

static bool is_word(char byte)
{
    return is_upper(byte) || is_lower(byte) || is_digit(byte) || byte == '_' || is_wide(byte);
}

/* How many bytes at text are an identifier. */
static size_t word_length(const char *text, size_t size)
{
    size_t length = 0;
    while (length < size && is_word(text[length])) {
        length++;
    }
    return length && is_digit(text[0]) ? 0 : length;
}

/* Characters that Ruby would take but nobody sees, or a terminal would obey. */
static bool is_hidden(const char *text, size_t size)
{
    size_t i = 0;
    while (i < size) {
        uint32_t code;
        size_t length = rp_utf8_read(text + i, size - i, &code);
        if (length == 0 || (code >= 0x7f && code <= 0xa0) || (code >= 0x2000 && code < 0x2070) ||
            code == 0x3000 || code == 0xfeff) {
            return true;
        }
        i += length;
    }
    return false;
}

bool rp_ruby_name_is_class(const char *text, size_t size)
{
    size_t i = 0;
    if (size > RP_RUBY_NAME_MAX || is_hidden(text, size)) {
        return false;
    }
    for (;;) {
        size_t length = word_length(text + i, size - i);
        if (!length || !(is_upper(text[i]) || is_wide(text[i]))) {
            return false;
        }
        i += length;
        if (i == size) {
            return true;
        }
        if (size - i < 2 || text[i] != ':' || text[i + 1] != ':') {
            return false;
        }
        i += 2;
    }
}

static bool is_operator(const char *text, size_t size)
{
    static const char *const operators[] = {
        "+",  "-", "*",  "/",  "%",  "**", "+@", "-@", "==", "!=", "===", "=~", "!~", "<=>", "<",
        "<=", ">", ">=", "<<", ">>", "&",  "|",  "^",  "~",  "~@", "!",   "!@", "[]", "[]=", "`"};
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (strlen(operators[i]) == size && memcmp(operators[i], text, size) == 0) {
            return true;
        }
    }
    return false;
}

bool rp_ruby_name_is_method(const char *text, size_t size)
{
    if (size == 0 || size > RP_RUBY_NAME_MAX || is_hidden(text, size)) {
        return false;
    }
    size_t length = word_length(text, size);
    if (length == 0) {
        return is_operator(text, size);
    }
    return length == size || (length == size - 1 && memchr("?!=", text[length], 3));
}

bool rp_ruby_name_is_identifier(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (is_wide(text[i])) {
            return false;
        }
    }
    return size > 0 && word_length(text, size) == size;
}

/* The next constant out of *text: its letters, with those behind an underscore or at the front
 * raised. */
static size_t raise_word(const char **text, const char *end, char *out)
{
    size_t used = 0;
    bool raised = !is_upper(**text);
    bool upper = raised;
    for (; *text < end && is_word(**text); (*text)++) {
        if (raised && **text == '_') {
            upper = true;
            continue;
        }
        out[used++] = upper && is_lower(**text) ? (char)(**text - 'a' + 'A') : **text;
        upper = false;
    }
    return used;
}

/* How many of the characters that people put between constants stand at text. */
static size_t marks_length(const char *text, const char *end)
{
    size_t length = 0;
    while (text + length < end && memchr(":/. ", text[length], 4)) {
        length++;
    }
    return length;
}

bool rp_ruby_name_guess_class(const char *text, size_t size, char *out)
{
    const char *end = text + size;
    size_t used = 0;
    if (size > RP_RUBY_NAME_MAX / 2) {
        return false;
    }
    text += marks_length(text, end);
    if (end - text > 4 && memcmp(text, "app/", 4) == 0) {
        const char *slash = memchr(text + 4, '/', (size_t)(end - text) - 4);
        text = slash ? slash + 1 : text;
    }
    if (end - text > 3 && memcmp(end - 3, ".rb", 3) == 0) {
        end -= 3;
    }
    while (text < end) {
        used += raise_word(&text, end, out + used);
        const char *mark = text;
        text += marks_length(text, end);
        if (text < end && text == mark) {
            return false;
        }
        if (text < end) {
            memcpy(out + used, "::", 2);
            used += 2;
        }
    }
    out[used] = '\0';
    return rp_ruby_name_is_class(out, used);
}

bool rp_ruby_name_guess_method(const char *text, size_t size, char *out)
{
    size_t begin = 0;
    bool on_class = false;
    if (size > RP_RUBY_NAME_MAX - 1) {
        return false;
    }
    for (size_t i = 0; i + 1 < size; i++) {
        if (memchr("#.:", text[i], 3)) {
            on_class = text[i] == '.' || (i > 0 && text[i] == ':');
            begin = i + 1;
        }
    }
    const char *paren = memchr(text + begin, '(', size - begin);
    size_t length = paren ? (size_t)(paren - text) - begin : size - begin;
    out[0] = '.';
    memcpy(out + on_class, text + begin, length);
    for (size_t i = on_class; i < length + on_class; i++) {
        out[i] = out[i] == '-' || out[i] == ' ' ? '_' : out[i];
    }
    out[length + on_class] = '\0';
    bool changed = length + on_class != size || memcmp(out, text, size) != 0;
    return changed && word_length(text + begin, length) &&
           rp_ruby_name_is_method(out + on_class, length);
}
