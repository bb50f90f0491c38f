/*
 * A host for expressions, for the tests of evaluation: values, a way to compare them, and callbacks
 * that count.
 */
#ifndef RAILPROBE_EXPRESSION_HOST_H
#define RAILPROBE_EXPRESSION_HOST_H

#include "expression.h"

#include <math.h>

/* -- values -- */

#define NONE ((struct rp_expression_value){.tag = RP_EXPRESSION_NONE})
#define BOOLEAN(truth)                                                                             \
    ((struct rp_expression_value){.tag = RP_EXPRESSION_BOOLEAN, .boolean = (truth)})
#define INTEGER(number)                                                                            \
    ((struct rp_expression_value){.tag = RP_EXPRESSION_INTEGER, .integer = (number)})
#define FLOAT(number)                                                                              \
    ((struct rp_expression_value){.tag = RP_EXPRESSION_FLOAT, .decimal = (number)})
#define TEXT(characters)                                                                           \
    ((struct rp_expression_value){.tag = RP_EXPRESSION_TEXT,                                       \
                                  .text = {(characters), sizeof(characters) - 1}})
#define OBJECT(number)                                                                             \
    ((struct rp_expression_value){.tag = RP_EXPRESSION_OBJECT, .object = (number)})

static inline bool same_value(const struct rp_expression_value *a,
                              const struct rp_expression_value *b)
{
    if (a->tag != b->tag) {
        return false;
    }
    switch (a->tag) {
    case RP_EXPRESSION_BOOLEAN:
        return a->boolean == b->boolean;
    case RP_EXPRESSION_INTEGER:
        return a->integer == b->integer;
    case RP_EXPRESSION_FLOAT:
        return memcmp(&a->decimal, &b->decimal, sizeof a->decimal) == 0;
    case RP_EXPRESSION_TEXT:
        return a->text.size == b->text.size &&
               memcmp(a->text.bytes, b->text.bytes, a->text.size) == 0;
    case RP_EXPRESSION_OBJECT:
        return a->object == b->object;
    default:
        return true;
    }
}

/* -- the host: parameters a to h with values of their own, all else is one of a few values, chosen
 * by what is read, of what, and a seed -- */

enum { PARAMETERS = 8 };

struct host {
    const struct rp_expression *expression;
    struct rp_expression_value parameters[PARAMETERS];
    uint64_t seed;
    unsigned calls;
    char last[64]; /* what was read last */
};

static inline struct rp_expression_value chosen(const struct host *host, const char *what,
                                                uint64_t receiver)
{
    const struct rp_expression_value values[] = {
        NONE,        BOOLEAN(true), BOOLEAN(false), INTEGER(-1), INTEGER(0), INTEGER(1),
        INTEGER(50), FLOAT(-1),     FLOAT(0.5),     FLOAT(1),    FLOAT(NAN), TEXT(""),
        TEXT("x"),   TEXT("y"),     OBJECT(0),      OBJECT(0),   OBJECT(0),  OBJECT(0),
    };
    uint64_t hash = host->seed ^ receiver * UINT64_C(0x9e3779b97f4a7c15);
    for (const char *c = what; *c; c++) {
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    }
    hash ^= hash >> 29;
    struct rp_expression_value value = values[hash % (sizeof values / sizeof *values)];
    value.object = hash | 1;
    return value;
}

static inline bool read_by_word(struct host *host, const char *what,
                                struct rp_expression_value *value, uint64_t receiver)
{
    host->calls++;
    (void)snprintf(host->last, sizeof host->last, "%s", what);
    *value = chosen(host, what, receiver);
    bool there = value->tag != RP_EXPRESSION_NONE;
    if (!there) {
        value->tag = RP_EXPRESSION_OBJECT; /* false says enough: what is filled in must not count */
    }
    return there;
}

static inline bool read_parameter(void *context, unsigned name, struct rp_expression_value *value)
{
    struct host *host = context;
    const char *text = host->expression->names[name].text;
    if (text[0] < 'a' || text[0] >= 'a' + PARAMETERS || text[1]) {
        return read_by_word(host, text, value, 0);
    }
    host->calls++;
    (void)snprintf(host->last, sizeof host->last, "%s", text);
    *value = host->parameters[text[0] - 'a'];
    return value->tag != RP_EXPRESSION_NONE;
}

static inline bool read_position(void *context, unsigned position,
                                 struct rp_expression_value *value)
{
    char word[32];
    (void)snprintf(word, sizeof word, "args.%u", position);
    return read_by_word(context, word, value, 0);
}

static inline bool read_ivar(void *context, unsigned name, struct rp_expression_value *value)
{
    struct host *host = context;
    return read_by_word(host, host->expression->names[name].text, value, 0);
}

static inline bool read_self(void *context, struct rp_expression_value *value)
{
    return read_by_word(context, "self", value, 0);
}

static inline bool read_result(void *context, struct rp_expression_value *value)
{
    return read_by_word(context, "result", value, 0);
}

static inline bool read_duration(void *context, struct rp_expression_value *value)
{
    struct host *host = context;
    host->calls++;
    (void)snprintf(host->last, sizeof host->last, "duration");
    *value = INTEGER((int64_t)(host->seed % 100));
    return true;
}

static inline bool read_class(void *context, struct rp_expression_value *value)
{
    return read_by_word(context, ".class", value, value->object);
}

static inline bool read_length(void *context, struct rp_expression_value *value)
{
    return read_by_word(context, ".length", value, value->object);
}

static inline bool read_id(void *context, struct rp_expression_value *value)
{
    return read_by_word(context, ".id", value, value->object);
}

static inline bool read_attribute(void *context, unsigned name, struct rp_expression_value *value)
{
    struct host *host = context;
    char word[64];
    (void)snprintf(word, sizeof word, ".%s", host->expression->names[name].text);
    return read_by_word(host, word, value, value->object);
}

static inline bool read_key(void *context, unsigned constant, struct rp_expression_value *value)
{
    struct host *host = context;
    const struct rp_expression_constant *key = &host->expression->constants[constant];
    char word[64];
    if (key->value.tag == RP_EXPRESSION_INTEGER) {
        (void)snprintf(word, sizeof word, "[%lld]", (long long)key->value.integer);
    } else {
        (void)snprintf(word, sizeof word, key->symbol ? "[:%s]" : "['%s']", key->value.text.bytes);
    }
    return read_by_word(host, word, value, value->object);
}

static const struct rp_expression_host callbacks = {
    .read_parameter = read_parameter,
    .read_position = read_position,
    .read_ivar = read_ivar,
    .read_self = read_self,
    .read_result = read_result,
    .read_duration = read_duration,
    .read_class = read_class,
    .read_length = read_length,
    .read_id = read_id,
    .read_attribute = read_attribute,
    .read_key = read_key,
};

#endif
