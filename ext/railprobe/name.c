/*
 * Ruby names -> probe names. One pass over the characters; see name.h for the spelling. Most are
 * identifiers, and as fast as can be: a file may have 50,000 methods.
 *
 * Operators are names as a whole (`<=>`), suffixes are ends (`paid?`), anything else is taken
 * character by character.
 */
#include "name.h"

#include "utf8.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct spelling {
    const char *from;
    const char *to;
};

static const struct spelling operators[] = {
    {"[]", "aref"},  {"[]=", "aset"},   {"+", "plus"},     {"-", "minus"},   {"*", "mul"},
    {"/", "div"},    {"%", "mod"},      {"**", "pow"},     {"+@", "uplus"},  {"-@", "uminus"},
    {"~", "inv"},    {"!", "not"},      {"==", "eq"},      {"!=", "ne"},     {"===", "eqq"},
    {"=~", "match"}, {"!~", "nomatch"}, {"<=>", "cmp"},    {"<", "lt"},      {"<=", "le"},
    {">", "gt"},     {">=", "ge"},      {"<<", "lshift"},  {">>", "rshift"}, {"&", "and"},
    {"|", "or"},     {"^", "xor"},      {"`", "backtick"},
};

static const struct spelling suffixes[] = {{"?", "_p"}, {"!", "_bang"}, {"=", "_set"}};

struct writer {
    char *out;
    size_t size;
    bool full;
};

static void put(struct writer *writer, const char *text)
{
    size_t size = strlen(text);
    if (size > RP_NAME_MAX - writer->size) {
        writer->full = true;
        return;
    }
    memcpy(writer->out + writer->size, text, size);
    writer->size += size;
}

static bool is_letter(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           character == '_';
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static const char *spelled(const struct spelling *spellings, size_t count, const char *text,
                           size_t size)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(spellings[i].from) == size && memcmp(spellings[i].from, text, size) == 0) {
            return spellings[i].to;
        }
    }
    return NULL;
}

static enum rp_error put_characters(struct writer *writer, const char *text, size_t size)
{
    if (size && is_digit(text[0])) {
        put(writer, "_"); /* an identifier does not start with a digit */
    }
    for (size_t i = 0; i < size;) {
        uint32_t character = 0;
        size_t length = rp_utf8_read(text + i, size - i, &character);
        if (!length || !character) {
            return RP_NAME_INVALID;
        }
        char word[16] = {is_letter(text[i]) || is_digit(text[i]) ? text[i] : '_'};
        if (character >= 0x80) {
            (void)snprintf(word, sizeof word, "u%04X", character);
        }
        put(writer, word);
        i += length;
    }
    return RP_OK;
}

static bool is_identifier(const char *text, size_t size)
{
    size_t i = 0;
    while (i < size && (is_letter(text[i]) || is_digit(text[i]))) {
        i++;
    }
    return i == size && size && !is_digit(text[0]);
}

enum rp_error rp_name_mangle(const char *text, size_t size, char out[RP_NAME_MAX + 1])
{
    struct writer writer = {.out = out};
    enum rp_error error = RP_OK;
    if (size <= RP_NAME_MAX && is_identifier(text, size)) {
        memcpy(out, text, size);
        out[size] = '\0';
        return RP_OK;
    }
    const char *word = spelled(operators, sizeof operators / sizeof *operators, text, size);
    if (!size) {
        error = RP_NAME_EMPTY;
    } else if (word) {
        put(&writer, word);
    } else {
        const char *suffix =
            spelled(suffixes, sizeof suffixes / sizeof *suffixes, text + size - 1, 1);
        error = put_characters(&writer, text, suffix ? size - 1 : size);
        put(&writer, suffix ? suffix : "");
    }
    if (!error && writer.full) {
        error = RP_NAME_LONG;
    }
    out[error ? 0 : writer.size] = '\0';
    return error;
}
