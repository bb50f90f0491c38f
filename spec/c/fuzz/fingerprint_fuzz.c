/*
 * Fingerprints under libFuzzer. The first byte of an input chooses between two invariants:
 *
 *   a statement whose values, lengths of lists and layout differ, in front of any bytes at all
 *   a statement of random tokens, written twice with other values, lists, spaces, comments and cases
 *
 * have one fingerprint, and the second with another name at its end has not. Texts lie in memory of their
 * own size, so that reading on is a fault.
 *
 *   rake fuzz SECONDS=300
 */
#include "fingerprint.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 1 << 17 };

struct text {
    char bytes[TEXT_MAX];
    size_t size;
    uint64_t random;
    bool is_mysql;
};

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

static uint64_t fingerprint(const char *bytes, size_t size)
{
    char *copy = malloc(size ? size : 1);
    require(copy != NULL);
    memcpy(copy, bytes, size);
    uint64_t hash = rp_fingerprint(copy, size);
    free(copy);
    return hash;
}

static unsigned choose(struct text *text, unsigned count)
{
    text->random ^= text->random << 13;
    text->random ^= text->random >> 7;
    text->random ^= text->random << 17;
    return (unsigned)(text->random >> 20) % count;
}

static void add_bytes(struct text *text, const void *bytes, size_t size)
{
    require(text->size + size <= TEXT_MAX);
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

static void add(struct text *text, const char *string)
{
    add_bytes(text, string, strlen(string));
}

/* -- any bytes behind a statement -- */

static uint64_t behind(const char *statement, const uint8_t *data, size_t size)
{
    static struct text text;
    text.size = 0;
    add(&text, statement);
    add_bytes(&text, data, size);
    return fingerprint(text.bytes, text.size);
}

static void check_any_bytes(const uint8_t *data, size_t size)
{
    static const char *const same[] = {
        "SELECT \"a\" FROM t WHERE b = 123 AND c IN (1) AND d = 'x' ",
        "SELECT \"a\" FROM t WHERE b = 9 AND c IN (1) AND d = 'x' ",
        "SELECT \"a\" FROM t WHERE b = -0.5e7 AND c IN ($1) AND d = '' ",
        "SELECT \"a\" FROM t WHERE b = 123 AND c IN (1, 2, 'three') AND d = 'it''s' ",
        "select \"a\"/* \" ' */from T where B=0x12 and C in (1,2)and D='x'--\n",
    };
    uint64_t first = behind(same[0], data, size);
    require(first != 0);
    for (size_t i = 1; i < sizeof same / sizeof *same; i++) {
        require(behind(same[i], data, size) == first);
    }
    require(behind("SELECT \"a\" FROM t WHERE x = 123 AND c IN (1) AND d = 'x' ", data, size) !=
            first);
    (void)fingerprint((const char *)data, size);
}

/* -- random tokens -- */

static void add_space(struct text *text)
{
    static const char *const spaces[] = {" ", "\n\t ", " /* it's a \"comment\" */ ", "/**/",
                                         " -- 'to the end'\n"};
    add(text, spaces[choose(text, sizeof spaces / sizeof *spaces)]);
}

static void add_value(struct text *text)
{
    static const char *const values[] = {
        "0",    "42",      "-1",      "3.14",    "6e-23",  "0xdef",   "'text'",
        "''",   "'it''s'", "E'\\''",  "$1",      "?",      ":name",   "@p1",
        "NULL", "true",    "X'00ff'", "'-- /*'", "'\\\\'", "$$a'b$$", "$t$ $$ $t$"};
    static const char *const more[] = {"\"text\"", "'it\\'s'", "'\\\\\\''", "\"it's\""};
    unsigned count = sizeof values / sizeof *values;
    unsigned chosen = choose(text, count + (text->is_mysql ? sizeof more / sizeof *more : 0));
    add(text, chosen < count ? values[chosen] : more[chosen - count]);
}

static void add_list(struct text *text)
{
    add(text, "(");
    for (unsigned left = choose(text, 4); left; left--) {
        add_value(text);
        add(text, ",");
        add_space(text);
    }
    add_value(text);
    add(text, ")");
}

static void add_rows(struct text *text, unsigned columns)
{
    add(text, "VALUES");
    for (unsigned left = choose(text, 4) + 1; left; left--) {
        add(text, "(");
        for (unsigned i = 0; i <= columns; i++) {
            add(text, i ? " , u, " : "");
            add_value(text);
        }
        add(text, left > 1 ? "), " : ")");
    }
    add(text, " x");
}

static void add_word(struct text *text, unsigned number)
{
    static const char *const words[] = {"select", "from", "a1", "a2", "where", "in", "_x\xc3\xa9"};
    const char *word = words[number % (sizeof words / sizeof *words)];
    for (; *word; word++) {
        bool is_letter = *word >= 'a' && *word <= 'z';
        char c = is_letter && choose(text, 2) ? (char)(*word - 32) : *word;
        add_bytes(text, &c, 1);
    }
}

static void add_name(struct text *text, unsigned number)
{
    static const char *const names[] = {"users", "Users", "it's", "a-1", "a-2", "--", "/*"};
    const char *quote = text->is_mysql ? "`" : "\"";
    add(text, quote);
    add(text, names[number % (sizeof names / sizeof *names)]);
    add(text, quote);
}

static void add_token(struct text *text, uint8_t byte)
{
    static const char *const operators[] = {"=", "<>", "+", "*", "||", "."};
    unsigned number = byte >> 3;
    switch (byte & 7) {
    case 0:
    case 1:
        add_word(text, number);
        break;
    case 2:
    case 3:
        add_name(text, number);
        break;
    case 4:
        add(text, operators[number % (sizeof operators / sizeof *operators)]);
        break;
    case 5:
        add(text, "= ");
        add_value(text);
        break;
    case 6:
        add(text, "IN ");
        add_list(text);
        break;
    default:
        add_rows(text, number & 3);
    }
    add_space(text);
}

static void write_tokens(struct text *text, const uint8_t *data, size_t size, uint64_t seed)
{
    text->size = 0;
    text->random = seed;
    add_name(text, 0); /* tells the dialect */
    for (size_t i = 0; i < size; i++) {
        add_space(text);
        add_token(text, data[i]);
    }
}

static void check_tokens(const uint8_t *data, size_t size, bool is_mysql)
{
    static struct text first, second;
    size = size < 256 ? size : 256;
    first.is_mysql = second.is_mysql = is_mysql;
    write_tokens(&first, data, size, 0x9e3779b97f4a7c15U);
    write_tokens(&second, data, size, 0xd1b54a32d192ed03U);
    uint64_t hash = fingerprint(first.bytes, first.size);
    require(hash != 0);
    require(fingerprint(second.bytes, second.size) == hash);
    add(&second, " other");
    require(fingerprint(second.bytes, second.size) != hash);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    if (data[0] & 1) {
        check_tokens(data + 1, size - 1, data[0] & 2);
    } else {
        check_any_bytes(data + 1, size - 1);
    }
    return 0;
}
