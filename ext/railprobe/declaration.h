/*
 * What is asked for, before it is in an image: plain structs that every file shares.
 *
 * Nothing here owns memory. Whoever makes a declaration keeps its strings and its arguments alive
 * for as long as the declaration is in use.
 */
#ifndef RAILPROBE_DECLARATION_H
#define RAILPROBE_DECLARATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    RP_SLOTS_MAX = 12, /* what a reader takes: libbpf refuses a 13th, systemtap aborts on one */
    RP_GROUP_MAX = 1 << 24,
    RP_NAME_MAX = 63, /* what the kernel takes in an event's name */
    RP_PROVIDER_MAX =
        59 /* and in its group's, which perf makes from the provider with "sdt_" before it */
};

/*
 * The types of an argument: code, name in Ruby and YAML, slots it takes, whether a slot is signed, unit.
 *
 *   integer  64-bit, saturating
 *   unsigned 64-bit without a sign, saturating, for hashes and ids; unknown is all ones
 *   string   NUL-terminated bytes
 *   symbol   as a string
 *   boolean  1 true, 0 false, -1 nil
 *   float    the bits of an IEEE 754 double
 *   time     ns since 1970
 *   bytes    a string and, behind it, its length, for text with NUL bytes in it
 *   value    whatever comes, as integer, boolean, float or string would have it; the reader knows which
 */
#define RP_TYPES(XX)                                                                               \
    XX(INTEGER, "integer", 1, 1, "")                                                               \
    XX(UNSIGNED, "unsigned", 1, 0, "")                                                             \
    XX(STRING, "string", 1, 0, "")                                                                 \
    XX(SYMBOL, "symbol", 1, 0, "")                                                                 \
    XX(BOOLEAN, "boolean", 1, 1, "")                                                               \
    XX(FLOAT, "float", 1, 0, "IEEE 754 bits")                                                      \
    XX(TIME, "time", 1, 1, "ns")                                                                   \
    XX(BYTES, "bytes", 2, 0, "bytes")                                                              \
    XX(VALUE, "value", 1, 1, "")

#define RP_TYPE_CODE(code, name, slots, is_signed, unit) RP_TYPE_##code,
enum rp_type { RP_TYPES(RP_TYPE_CODE) RP_TYPE_COUNT };
#undef RP_TYPE_CODE

struct rp_type_facts {
    const char *name;
    uint8_t slots;
    uint8_t is_signed;
    const char *unit;
};

/* What there is to know of a type; type is one of enum rp_type. */
static inline const struct rp_type_facts *rp_type_facts(enum rp_type type)
{
#define RP_TYPE_FACTS(code, name, slots, is_signed, unit) {name, slots, is_signed, unit},
    static const struct rp_type_facts facts[] = {RP_TYPES(RP_TYPE_FACTS)};
#undef RP_TYPE_FACTS
    return &facts[type];
}

struct rp_argument {
    const char *name;
    enum rp_type type;
};

struct rp_declaration {
    const char *provider; /* a C identifier of 1 to RP_PROVIDER_MAX bytes (see name.h) */
    const char *
        name; /* one of 1 to RP_NAME_MAX bytes; provider and name together are unique in an image */
    const char *label; /* provider:name as the user wrote it, before mangling */
    const struct rp_argument *arguments;
    uint32_t argument_count;
    uint32_t
        group; /* 0: a semaphore of its own; else all of one group share one, and an entry stub */
};

/* How many slots (USDT arguments) the declaration's arguments take. */
static inline uint32_t rp_declaration_slots(const struct rp_declaration *declaration)
{
    uint32_t slots = 0;
    for (uint32_t i = 0; i < declaration->argument_count; i++) {
        slots += rp_type_facts(declaration->arguments[i].type)->slots;
    }
    return slots;
}

/* Whether both have the same arguments: types and names, in their order. */
static inline bool rp_declaration_has_arguments_of(const struct rp_declaration *declaration,
                                                   const struct rp_declaration *other)
{
    bool same = declaration->argument_count == other->argument_count;
    for (uint32_t i = 0; same && i < declaration->argument_count; i++) {
        same = declaration->arguments[i].type == other->arguments[i].type &&
               strcmp(declaration->arguments[i].name, other->arguments[i].name) == 0;
    }
    return same;
}

#endif
