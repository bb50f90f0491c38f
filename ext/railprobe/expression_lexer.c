/*
 * Text -> tokens. Start with rp_expression_lexer_next(), at the end.
 */
#include "expression_lexer.h"

#include "expression_refusal.h"
#include "utf8.h"

#include <inttypes.h>

/* Nanoseconds, and bytes. */
static const struct {
    const char *name;
    uint64_t factor;
} units[] = {
    {"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"kb", 1024}, {"mb", 1024 * 1024},
};

#define REFUSE(at, ...) rp_expression_refuse(lexer->error, lexer->text, (at), __VA_ARGS__)

bool rp_expression_lexer_check(const struct rp_expression_lexer *lexer)
{
    for (size_t at = 0; at < lexer->size && at < RP_EXPRESSION_TEXT_MAX;) {
        uint32_t character = 0;
        size_t size = rp_utf8_read(lexer->text + at, lexer->size - at, &character);
        if (!size || !character) {
            return REFUSE(at, size ? "an expression has no NUL byte in it"
                                   : "an expression is UTF-8, and this byte is not");
        }
        at += size;
    }
    if (lexer->size > RP_EXPRESSION_TEXT_MAX) {
        return REFUSE(RP_EXPRESSION_TEXT_MAX, "an expression has at most %d bytes",
                      RP_EXPRESSION_TEXT_MAX);
    }
    return true;
}

/* -- characters; beyond the end they are NUL, which no text has in it -- */

static char character_at(const struct rp_expression_lexer *lexer, size_t at)
{
    return at < lexer->size ? lexer->text[at] : '\0';
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* Signs that are found where a text was pasted from, and are no letters in any language: Latin-1's,
 * then punctuation, arrows, mathematics and boxes, then the wide space and the byte order mark. */
static bool is_sign(uint32_t character)
{
    return (character >= 0x80 && character < 0xc0 && character != 0xaa && character != 0xb5 &&
            character != 0xba) ||
           character == 0xd7 || character == 0xf7 || (character >= 0x2000 && character < 0x2070) ||
           (character >= 0x2190 && character < 0x2c00) ||
           (character >= 0x3000 && character < 0x3003) || character == 0xfeff;
}

/* The bytes of a name's character, as Ruby sees names; 0 if it is none of one. */
static size_t letter(const struct rp_expression_lexer *lexer, size_t at)
{
    char first = character_at(lexer, at);
    if ((first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first == '_') {
        return 1;
    }
    if (!((unsigned char)first & 0x80)) {
        return 0;
    }
    uint32_t character = 0;
    size_t size = rp_utf8_read(lexer->text + at, lexer->size - at, &character);
    return is_sign(character) ? 0 : size;
}

/* The bytes of the name at; 0 if there is none. */
static size_t name_size(const struct rp_expression_lexer *lexer, size_t at)
{
    size_t end = at;
    for (size_t size;
         (size = letter(lexer, end)) || (end > at && is_digit(character_at(lexer, end)));) {
        end += size ? size : 1;
    }
    return end - at;
}

/* -- numbers -- */

/* Of the unit of that name; 0 if it is none. */
static uint64_t factor_of(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strlen(units[i].name) == size && memcmp(units[i].name, name, size) == 0) {
            return units[i].factor;
        }
    }
    return 0;
}

bool rp_expression_is_unit(const char *name, size_t size)
{
    return factor_of(name, size) != 0;
}

struct number {
    bool negative;
    bool too_long;    /* more than 64 bits of digits */
    uint64_t digits;  /* all of them, the point left out */
    unsigned count;   /* of them, leading zeros aside */
    unsigned behind;  /* the point */
    size_t unit;      /* where it starts */
    size_t unit_size; /* 0: it has none */
};

/* The digits from at on, _ between two left out. */
static size_t digits(const struct rp_expression_lexer *lexer, size_t at, struct number *number,
                     unsigned *count)
{
    for (char c; is_digit(c = character_at(lexer, at)) ||
                 (c == '_' && is_digit(character_at(lexer, at + 1)));
         at++) {
        if (c != '_') {
            number->too_long |= __builtin_mul_overflow(number->digits, 10u, &number->digits);
            number->too_long |=
                __builtin_add_overflow(number->digits, (uint64_t)(c - '0'), &number->digits);
            number->count += number->digits || number->too_long;
            ++*count;
        }
    }
    return at;
}

static bool integer_value(const struct rp_expression_lexer *lexer, const struct number *number,
                          struct rp_expression_token *token)
{
    uint64_t limit = number->negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t magnitude = number->digits;
    bool too_long = number->too_long;
    if (number->unit_size) {
        uint64_t factor = factor_of(lexer->text + number->unit, number->unit_size);
        uint64_t divisor = 1;
        for (unsigned i = 0; i < number->behind && !too_long; i++) {
            too_long |= __builtin_mul_overflow(divisor, 10u, &divisor);
        }
        too_long |= __builtin_mul_overflow(magnitude, factor, &magnitude);
        if (!too_long && magnitude % divisor) {
            return REFUSE(token->at, "%.*s is no whole number of %s",
                          rp_expression_quoted(lexer->text + token->at, token->size),
                          lexer->text + token->at, factor % 1024 ? "nanoseconds" : "bytes");
        }
        magnitude /= divisor;
    }
    if (too_long || magnitude > limit) {
        return REFUSE(token->at, "a whole number is %" PRId64 " to %" PRId64, INT64_MIN, INT64_MAX);
    }
    token->value.tag = RP_EXPRESSION_INTEGER;
    token->value.integer = (int64_t)(number->negative ? 0 - magnitude : magnitude);
    return true;
}

/* Up to 15 digits and powers of ten up to 22 are exact in a double, so that one division rounds as
 * it should. */
static bool decimal_value(const struct rp_expression_lexer *lexer, const struct number *number,
                          struct rp_expression_token *token)
{
    enum { DIGITS_MAX = 15 };
    if (number->count > DIGITS_MAX || number->behind > DIGITS_MAX) {
        return REFUSE(token->at, "a decimal number has at most %d digits", DIGITS_MAX);
    }
    double power = 1;
    for (unsigned i = 0; i < number->behind; i++) {
        power *= 10;
    }
    token->value.tag = RP_EXPRESSION_FLOAT;
    token->value.decimal = (double)number->digits / power * (number->negative ? -1 : 1);
    return true;
}

static bool number_token(struct rp_expression_lexer *lexer, struct rp_expression_token *token)
{
    struct number number = {.negative = character_at(lexer, token->at) == '-'};
    size_t start = token->at + number.negative;
    unsigned before = 0;
    size_t end = digits(lexer, start, &number, &before);
    if (character_at(lexer, end) == '.' && is_digit(character_at(lexer, end + 1))) {
        end = digits(lexer, end + 1, &number, &number.behind);
    }
    number.unit = end;
    number.unit_size = name_size(lexer, end);
    token->kind = RP_TOKEN_NUMBER;
    token->size = end + number.unit_size - token->at;
    const char *unit = lexer->text + end;
    if (lexer->text[start] == '0' &&
        (before > 1 || memchr("xXbBoO", character_at(lexer, end), 6))) {
        return REFUSE(token->at, "a number is written in decimal, without leading zeros");
    }
    if (number.unit_size && (*unit == 'e' || *unit == 'E') &&
        (number.unit_size == 1 || is_digit(unit[1]))) {
        return REFUSE(token->at, "a number is written out, without an exponent");
    }
    if (number.unit_size && !factor_of(unit, number.unit_size)) {
        return REFUSE(end, "\"%.*s\" is no unit: write ns, us, ms, s, kb or mb",
                      rp_expression_quoted(unit, number.unit_size), unit);
    }
    return number.behind && !number.unit_size ? decimal_value(lexer, &number, token)
                                              : integer_value(lexer, &number, token);
}

/* A dot and digits, which only args has. */
static bool position_token(struct rp_expression_lexer *lexer, struct rp_expression_token *token)
{
    struct number number = {0};
    unsigned count = 0;
    size_t end = digits(lexer, token->at + 1, &number, &count);
    token->kind = RP_TOKEN_POSITION;
    token->size = end - token->at;
    token->value.tag = RP_EXPRESSION_INTEGER;
    if (letter(lexer, end) || number.too_long || number.digits > RP_EXPRESSION_POSITION_MAX) {
        return REFUSE(token->at, "a position is 0 to %d, as in args.0", RP_EXPRESSION_POSITION_MAX);
    }
    token->value.integer = (int64_t)number.digits;
    return true;
}

/* -- texts -- */

static bool string_token(struct rp_expression_lexer *lexer, struct rp_expression_token *token)
{
    char quote = lexer->text[token->at];
    size_t at = token->at + 1;
    for (; character_at(lexer, at) != quote; at++) {
        char c = character_at(lexer, at);
        char next = character_at(lexer, at + 1);
        if (!c) {
            return REFUSE(token->at, "the string has no end: a %c is missing", quote);
        }
        if (c == '#' && quote == '"' && (next == '{' || next == '@' || next == '$')) {
            return REFUSE(at, "nothing is interpolated here; for the characters #%c write '...'",
                          next);
        }
        if (c == '\\' && next != '\\' && next != quote) {
            return REFUSE(at, "a backslash in a string is only possible before another, or %c",
                          quote);
        }
        at += c == '\\';
    }
    token->kind = RP_TOKEN_STRING;
    token->size = at + 1 - token->at;
    token->value.tag = RP_EXPRESSION_TEXT;
    token->value.text.bytes = lexer->text + token->at + 1;
    token->value.text.size = token->size - 2;
    return true;
}

/* A name, behind a colon or at signs that are prefix bytes long. */
static bool name_token(struct rp_expression_lexer *lexer, struct rp_expression_token *token,
                       enum rp_expression_token_kind kind, size_t prefix)
{
    token->kind = kind;
    token->size = prefix + name_size(lexer, token->at + prefix);
    token->value.tag = RP_EXPRESSION_TEXT;
    token->value.text.bytes = lexer->text + token->at + prefix;
    token->value.text.size = token->size - prefix;
    char next = character_at(lexer, token->at + token->size);
    bool bang = next == '!' && character_at(lexer, token->at + token->size + 1) != '=';
    if (kind == RP_TOKEN_NAME && (next == '?' || bang)) {
        return rp_expression_refuse_method(lexer->error, lexer->text, token->at, token->size + 1);
    }
    return true;
}

/* -- signs -- */

static const struct {
    const char *text;
    enum rp_expression_token_kind kind;
    enum rp_expression_op op;
} signs[] = {
    {"==", RP_TOKEN_OPERATOR, RP_EXPRESSION_EQUAL},
    {"!=", RP_TOKEN_OPERATOR, RP_EXPRESSION_UNEQUAL},
    {"<=", RP_TOKEN_OPERATOR, RP_EXPRESSION_LESS_EQUAL},
    {">=", RP_TOKEN_OPERATOR, RP_EXPRESSION_GREATER_EQUAL},
    {"<", RP_TOKEN_OPERATOR, RP_EXPRESSION_LESS},
    {">", RP_TOKEN_OPERATOR, RP_EXPRESSION_GREATER},
    {"&&", RP_TOKEN_OPERATOR, RP_EXPRESSION_AND},
    {"||", RP_TOKEN_OPERATOR, RP_EXPRESSION_OR},
    {"!", RP_TOKEN_OPERATOR, RP_EXPRESSION_NOT},
    {".", RP_TOKEN_DOT, RP_EXPRESSION_OP_COUNT},
    {"(", RP_TOKEN_OPEN, RP_EXPRESSION_OP_COUNT},
    {")", RP_TOKEN_CLOSE, RP_EXPRESSION_OP_COUNT},
    {"[", RP_TOKEN_KEY_OPEN, RP_EXPRESSION_OP_COUNT},
    {"]", RP_TOKEN_KEY_CLOSE, RP_EXPRESSION_OP_COUNT},
};

/* Ours, unless Ruby has a longer one that starts alike: === is no == and an =. */
static bool sign_token(const struct rp_expression_lexer *lexer, struct rp_expression_token *token)
{
    const char *text = lexer->text + token->at;
    size_t rest = lexer->size - token->at;
    const char *message = NULL;
    size_t refused = rp_expression_refused_sign(text, rest, &message);
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t size = strlen(signs[i].text);
        if (size > refused && size <= rest && memcmp(text, signs[i].text, size) == 0) {
            token->kind = signs[i].kind;
            token->op = signs[i].op;
            token->size = size;
            return true;
        }
    }
    if (message) {
        return REFUSE(token->at, "%s", message);
    }
    if ((unsigned char)*text & 0x80) {
        return REFUSE(token->at, "this sign means nothing here: quotes are ' or \", a space is a "
                                 "plain one, and signs are <=, >= and !=");
    }
    return REFUSE(token->at, "the byte 0x%02x means nothing here", (unsigned char)*text);
}

static bool read_token(struct rp_expression_lexer *lexer, struct rp_expression_token *token)
{
    char first = character_at(lexer, token->at);
    char second = character_at(lexer, token->at + 1);
    if (!first) {
        token->kind = RP_TOKEN_END;
        return true;
    }
    if (is_digit(first) || (first == '-' && is_digit(second) && !lexer->after_value)) {
        return number_token(lexer, token);
    }
    if (first == '.' && is_digit(second)) {
        return position_token(lexer, token);
    }
    if (first == '\'' || first == '"') {
        return string_token(lexer, token);
    }
    if (first == ':' && letter(lexer, token->at + 1)) {
        return name_token(lexer, token, RP_TOKEN_SYMBOL, 1);
    }
    if (first == '@' && letter(lexer, token->at + 1)) {
        return name_token(lexer, token, RP_TOKEN_IVAR, 1);
    }
    if (letter(lexer, token->at)) {
        return name_token(lexer, token, RP_TOKEN_NAME, 0);
    }
    return sign_token(lexer, token);
}

bool rp_expression_lexer_next(struct rp_expression_lexer *lexer, struct rp_expression_token *token)
{
    while (character_at(lexer, lexer->at) && memchr(" \t\r\n", lexer->text[lexer->at], 4)) {
        lexer->at++;
    }
    *token = (struct rp_expression_token){.at = lexer->at};
    bool ok = read_token(lexer, token);
    lexer->at += token->size;
    lexer->after_value = token->kind != RP_TOKEN_OPERATOR && token->kind != RP_TOKEN_OPEN &&
                         token->kind != RP_TOKEN_KEY_OPEN;
    return ok;
}
