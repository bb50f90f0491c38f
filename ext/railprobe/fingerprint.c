/*
 * SQL text as tokens, which shape.h makes a hash of. Read rp_fingerprint() first, and then read_mark(): the first
 * character of a token says what it is, and what was before decides where it says two things.
 */
#include "shape.h"

#include <string.h>

/* What a backslash and a double quote mean. */
enum dialect {
    DIALECT_UNKNOWN,
    DIALECT_STANDARD,  /* a backslash is a character, "x" a name */
    DIALECT_BACKSLASH, /* a backslash escapes, "x" is a string */
};

/* The token before, as far as the next one depends on it. */
enum previous {
    PREVIOUS_OTHER,   /* an operator, a separator, nothing */
    PREVIOUS_OPERAND, /* a value, a name in quotes, a closed group */
    PREVIOUS_WORD,
};

struct reader {
    const unsigned char *at;
    const unsigned char *end;
    enum dialect dialect;
    enum previous previous;
    uint64_t word; /* the last eight characters of the word before, folded */
    struct rp_shape shape;
};

/* -- characters -- */

#define FOUR(first) (first), (first) + 1, (first) + 2, (first) + 3
#define SIXTEEN(first) FOUR(first), FOUR((first) + 4), FOUR((first) + 8), FOUR((first) + 12)

/* What a character counts as in a word; 0 for those that end one. */
static const unsigned char folded[256] = {
    /* clang-format off */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, '$', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    FOUR('0'), FOUR('4'), '8', '9', 0, 0, 0, 0, 0, 0,
    0, 'a', 'b', 'c', FOUR('d'), FOUR('h'), FOUR('l'),
    FOUR('p'), FOUR('t'), 'x', 'y', 'z', 0, 0, 0, 0, '_',
    0, 'a', 'b', 'c', FOUR('d'), FOUR('h'), FOUR('l'),
    FOUR('p'), FOUR('t'), 'x', 'y', 'z', 0, 0, 0, 0, 0,
    SIXTEEN(0x80), SIXTEEN(0x90), SIXTEEN(0xa0), SIXTEEN(0xb0),
    SIXTEEN(0xc0), SIXTEEN(0xd0), SIXTEEN(0xe0), SIXTEEN(0xf0),
    /* clang-format on */
};

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool begins_word(unsigned char c)
{
    return folded[c] && !is_digit(c) && c != '$';
}

/* The character so far from the next one, or 0 behind the end. */
static unsigned char ahead(const struct reader *reader, size_t distance)
{
    return (size_t)(reader->end - reader->at) > distance ? reader->at[distance] : 0;
}

static void fold(struct reader *reader, uint64_t token, enum previous kind)
{
    rp_shape_fold(&reader->shape, token);
    reader->previous = kind;
}

static void separate(struct reader *reader, enum rp_shape_token separator)
{
    rp_shape_separate(&reader->shape, separator);
    reader->previous = PREVIOUS_OTHER;
}

static void open_group(struct reader *reader, unsigned char c)
{
    rp_shape_open(&reader->shape, c);
    reader->previous = PREVIOUS_OTHER;
}

static void fold_value(struct reader *reader)
{
    fold(reader, RP_SHAPE_VALUE, PREVIOUS_OPERAND);
}

/* -- words -- */

/* A word of at most eight letters as a number, right-aligned; of longer ones, the last eight. */
#define WORD8(a, b, c, d, e, f, g, h)                                                              \
    ((uint64_t)(a) << 56 | (uint64_t)(b) << 48 | (uint64_t)(c) << 40 | (uint64_t)(d) << 32 |       \
     (uint64_t)(e) << 24 | (uint64_t)(f) << 16 | (uint64_t)(g) << 8 | (uint64_t)(h))
#define WORD4(a, b, c, d) WORD8(0, 0, 0, 0, a, b, c, d)
#define WORD_VALUES WORD8(0, 0, 'v', 'a', 'l', 'u', 'e', 's')
#define WORD_DEFAULT WORD8(0, 'd', 'e', 'f', 'a', 'u', 'l', 't')
#define WORD_SAVEPOINT WORD8('a', 'v', 'e', 'p', 'o', 'i', 'n', 't')

/* Words behind which a sign belongs to the number that follows: they are no operands. */
static bool is_operator(uint64_t word)
{
    static const uint64_t operators[] = {
        WORD4(0, 0, 'b', 'y'),
        WORD4(0, 0, 'o', 'n'),
        WORD4(0, 'a', 'n', 'd'),
        WORD4(0, 'n', 'o', 't'),
        WORD4(0, 's', 'e', 't'),
        WORD4('c', 'a', 's', 'e'),
        WORD4('e', 'l', 's', 'e'),
        WORD4('l', 'i', 'k', 'e'),
        WORD4('t', 'h', 'e', 'n'),
        WORD4('w', 'h', 'e', 'n'),
        WORD8(0, 0, 0, 'l', 'i', 'm', 'i', 't'),
        WORD8(0, 0, 0, 'w', 'h', 'e', 'r', 'e'),
        WORD8(0, 0, 'h', 'a', 'v', 'i', 'n', 'g'),
        WORD8(0, 0, 'o', 'f', 'f', 's', 'e', 't'),
        WORD8(0, 0, 's', 'e', 'l', 'e', 'c', 't'),
        WORD8(0, 'b', 'e', 't', 'w', 'e', 'e', 'n'),
    };
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (operators[i] == word) {
            return true;
        }
    }
    return false;
}

static bool follows(const struct reader *reader, uint64_t word)
{
    return reader->previous == PREVIOUS_WORD && reader->word == word;
}

static bool is_value_word(const struct reader *reader, uint64_t word, size_t size)
{
    switch (size) {
    case 4:
    case 5:
        return (word == WORD4('n', 'u', 'l', 'l') || word == WORD4('t', 'r', 'u', 'e') ||
                word == WORD8(0, 0, 0, 'f', 'a', 'l', 's', 'e')) &&
               !follows(reader, WORD4(0, 0, 'i', 's')) && !follows(reader, WORD4(0, 'n', 'o', 't'));
    case 7:
        return word == WORD_DEFAULT && reader->previous == PREVIOUS_OTHER;
    default:
        return false;
    }
}

static void read_string(struct reader *reader, unsigned char quote, enum dialect dialect);

/* Whether the letter that was just read stands in front of a string: E'', B'', X'', N'', U&''. */
static bool read_prefixed_string(struct reader *reader, uint64_t letter)
{
    if (letter == 'u' && ahead(reader, 0) == '&' && ahead(reader, 1) == '\'') {
        reader->at++;
    } else if (ahead(reader, 0) != '\'' || !memchr("ebxn", (int)letter, 4)) {
        return false;
    }
    reader->at++;
    read_string(reader, '\'', letter == 'e' ? DIALECT_BACKSLASH : reader->dialect);
    return true;
}

static void read_word(struct reader *reader)
{
    const unsigned char *at = reader->at;
    uint64_t word = 0;
    uint64_t hash = RP_SHAPE_WORD;
    while (at < reader->end && folded[*at]) {
        word = word << 8 | folded[*at++];
        if (((at - reader->at) & 7) == 0) {
            hash = rp_shape_mix(hash, word);
        }
    }
    size_t size = (size_t)(at - reader->at);
    reader->at = at;
    if (size == 1 && read_prefixed_string(reader, word)) {
        return;
    }
    if (size == 2 && word == WORD4(0, 0, 'o', 'r')) {
        separate(reader, RP_SHAPE_OR);
        return;
    }
    if (is_value_word(reader, word, size) || follows(reader, WORD_SAVEPOINT)) {
        fold_value(reader);
        return;
    }
    fold(reader, rp_shape_mix(hash, word + size), PREVIOUS_WORD);
    reader->word = word;
    if (size == 6 && word == WORD_VALUES) {
        rp_shape_expect_rows(&reader->shape);
    }
}

/* -- values and names in quotes -- */

/* Whether the quote behind a backslash is part of the string, where the dialect is not known. */
static bool is_escaped(const struct reader *reader)
{
    unsigned char next = ahead(reader, 1);
    return next && !is_space(next) && !memchr("),;:|]", next, 6);
}

/* The first quote is read. One that never ends is a value, too. */
static void read_string(struct reader *reader, unsigned char quote, enum dialect dialect)
{
    while (reader->at < reader->end) {
        unsigned char c = *reader->at++;
        if (c == quote) {
            if (ahead(reader, 0) != quote) {
                break;
            }
            reader->at++;
        } else if (c == '\\' && dialect != DIALECT_STANDARD && reader->at < reader->end) {
            bool is_character =
                dialect == DIALECT_UNKNOWN && *reader->at == quote && !is_escaped(reader);
            reader->at += !is_character;
        }
    }
    fold_value(reader);
}

/* The first quote is read; doubled ones belong to the name. */
static void read_name(struct reader *reader, unsigned char quote)
{
    uint64_t word = 0;
    uint64_t hash = rp_shape_mix(RP_SHAPE_NAME, quote);
    size_t size = 0;
    while (reader->at < reader->end) {
        unsigned char c = *reader->at++;
        if (c == quote) {
            if (ahead(reader, 0) != quote) {
                break;
            }
            reader->at++;
        }
        word = word << 8 | c;
        if ((++size & 7) == 0) {
            hash = rp_shape_mix(hash, word);
        }
    }
    if (follows(reader, WORD_SAVEPOINT)) {
        fold_value(reader);
    } else {
        fold(reader, rp_shape_mix(rp_shape_mix(hash, word), size), PREVIOUS_OPERAND);
    }
}

/* "x", whose first quote is read. */
static void read_double_quoted(struct reader *reader)
{
    if (reader->dialect == DIALECT_BACKSLASH) {
        read_string(reader, '"', DIALECT_BACKSLASH);
        return;
    }
    reader->dialect = DIALECT_STANDARD;
    read_name(reader, '"');
}

/* 12, 1.5e-3, 0xff, 1_000: the first character is read, or stands for it. */
static void read_number(struct reader *reader)
{
    bool is_hexadecimal = ahead(reader, 0) == '0' && (ahead(reader, 1) | 0x20) == 'x';
    while (reader->at < reader->end && is_digit(*reader->at)) {
        reader->at++;
    }
    while (reader->at < reader->end && (folded[*reader->at] || *reader->at == '.')) {
        unsigned char c = folded[*reader->at++];
        unsigned char sign = ahead(reader, 0);
        if (c == 'e' && !is_hexadecimal && (sign == '-' || sign == '+') &&
            is_digit(ahead(reader, 1))) {
            reader->at++;
        }
    }
    fold_value(reader);
}

static void skip_word(struct reader *reader)
{
    while (reader->at < reader->end && folded[*reader->at]) {
        reader->at++;
    }
}

/* $1, $name, $$..$$ or $tag$..$tag$; the dollar is read. */
static void read_dollar(struct reader *reader)
{
    const unsigned char *tag = reader->at - 1;
    if (is_digit(ahead(reader, 0)) && reader->dialect == DIALECT_UNKNOWN) {
        reader->dialect = DIALECT_STANDARD;
    }
    while (ahead(reader, 0) != '$' && folded[ahead(reader, 0)]) {
        reader->at++;
    }
    if (ahead(reader, 0) == '$') {
        size_t size = (size_t)(++reader->at - tag);
        const unsigned char *close = reader->at;
        /* What is compared holds no dollar but its ends, so no character is compared more than twice. */
        while (reader->at < reader->end) {
            close = memchr(reader->at, '$', (size_t)(reader->end - reader->at));
            bool fits = close && (size_t)(reader->end - close) >= size;
            reader->at = fits ? close + 1 : reader->end;
            if (fits && memcmp(close, tag, size) == 0) {
                reader->at = close + size;
                break;
            }
        }
    }
    fold_value(reader);
}

/* -- the rest -- */

static void skip_line(struct reader *reader)
{
    const unsigned char *line_end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
    reader->at = line_end ? line_end : reader->end;
}

static void skip_comment(struct reader *reader)
{
    const unsigned char *star = reader->at + 1;
    do {
        star = memchr(star, '*', (size_t)(reader->end - star));
    } while (star && ++star < reader->end && *star != '/');
    reader->at = star && star < reader->end ? star + 1 : reader->end;
}

/* Whether a sign, or a point, begins a number; it is read. */
static bool begins_number(const struct reader *reader)
{
    bool is_number =
        is_digit(ahead(reader, 0)) || (ahead(reader, 0) == '.' && is_digit(ahead(reader, 1)));
    return is_number && (reader->previous == PREVIOUS_OTHER ||
                         (reader->previous == PREVIOUS_WORD && is_operator(reader->word)));
}

/* Whether the character that was read, with what follows, is a comment; it is skipped then. */
static bool read_comment(struct reader *reader, unsigned char c)
{
    unsigned char next = ahead(reader, 0);
    unsigned char third = ahead(reader, 1);
    if (c == '/' && next == '*') {
        skip_comment(reader);
        return true;
    }
    bool is_line = c == '-' && next == '-' &&
                   (reader->dialect != DIALECT_BACKSLASH || !third || is_space(third));
    if (c == '#') {
        is_line = reader->dialect == DIALECT_BACKSLASH ||
                  (reader->dialect == DIALECT_UNKNOWN && (!next || !memchr(">-=", next, 3)));
    }
    if (is_line) {
        skip_line(reader);
    }
    return is_line;
}

/* The place of a bound value, of which the first character is read; false if it is something else. */
static bool read_bind(struct reader *reader, unsigned char c)
{
    unsigned char next = ahead(reader, 0);
    bool is_bind = c == '?' || (c == '@' && folded[next]) || (c == ':' && folded[next]);
    if (is_bind) {
        skip_word(reader);
        fold_value(reader);
    }
    return is_bind;
}

/* In brackets there is a name or, close behind an operand, an index or the elements of an array. */
static void read_bracket(struct reader *reader)
{
    bool is_close = reader->previous != PREVIOUS_OTHER && !is_space(reader->at[-2]);
    if (!is_close && begins_word(ahead(reader, 0))) {
        read_name(reader, ']');
    } else {
        open_group(reader, '[');
    }
}

static void read_operator(struct reader *reader, unsigned char c)
{
    unsigned char next = ahead(reader, 0);
    if (read_comment(reader, c)) {
        return;
    }
    if ((c == '-' || c == '+' || c == '.') && (c != '.' || is_digit(next)) &&
        begins_number(reader)) {
        read_number(reader);
        return;
    }
    if (read_bind(reader, c)) {
        return;
    }
    fold(reader, RP_SHAPE_CHARACTER + c, PREVIOUS_OTHER);
    /* The second half of these begins no bound value. */
    if ((c == ':' && next == ':') || ((c == '@' || c == '<') && next == '@')) {
        reader->at++;
        fold(reader, RP_SHAPE_CHARACTER + next, PREVIOUS_OTHER);
    }
}

static void read_mark(struct reader *reader, unsigned char c)
{
    switch (c) {
    case '\'':
        read_string(reader, c, reader->dialect);
        break;
    case '"':
        read_double_quoted(reader);
        break;
    case '`':
        reader->dialect = reader->dialect ? reader->dialect : DIALECT_BACKSLASH;
        read_name(reader, c);
        break;
    case '$':
        read_dollar(reader);
        break;
    case '[':
        read_bracket(reader);
        break;
    case '(':
        open_group(reader, c);
        break;
    case ')':
    case ']':
        rp_shape_close(&reader->shape, c);
        reader->previous = PREVIOUS_OPERAND;
        break;
    case ',':
        separate(reader, RP_SHAPE_COMMA);
        break;
    case ';':
        rp_shape_end_statement(&reader->shape);
        reader->previous = PREVIOUS_OTHER;
        break;
    default:
        read_operator(reader, c);
    }
}

uint64_t rp_fingerprint(const char *sql, size_t size)
{
    struct reader reader; /* not cleared: its frames are large */
    reader.at = (const unsigned char *)sql;
    reader.end = reader.at + (size < RP_FINGERPRINT_BYTES_MAX ? size : RP_FINGERPRINT_BYTES_MAX);
    reader.dialect = DIALECT_UNKNOWN;
    reader.previous = PREVIOUS_OTHER;
    rp_shape_begin(&reader.shape);
    while (reader.at < reader.end) {
        unsigned char c = *reader.at;
        if (begins_word(c)) {
            read_word(&reader);
        } else if (is_digit(c)) {
            read_number(&reader);
        } else {
            reader.at++;
            if (!is_space(c)) {
                read_mark(&reader, c);
            }
        }
    }
    return rp_shape_finish(&reader.shape);
}
