/*
 * Entries in the order they came, and a hash table with open addressing of their numbers, never more
 * than half full. The seed is an address, which the kernel makes different in every run, so a file
 * can't be written to make all its names collide.
 */
#include "name_set.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 64 };

struct rp_name_set_entry {
    struct rp_name name;
    uint64_t hash;
    uint32_t line;
};

static uint64_t hash_bytes(uint64_t hash, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3ULL;
    }
    return hash;
}

static uint64_t hash_name(const struct rp_name *name)
{
    static const char seed;
    uint64_t hash = 0xcbf29ce484222325ULL ^ (uint64_t)(uintptr_t)&seed ^ name->kind;
    hash = hash_bytes(hash, name->first, name->first_size);
    hash = (hash ^ name->first_size) * 0x9e3779b97f4a7c15ULL;
    hash = hash_bytes(hash, name->second, name->second_size);
    return hash ^ hash >> 29;
}

static bool same_bytes(const char *a, size_t a_size, const char *b, size_t b_size)
{
    return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

static bool same_name(const struct rp_name *a, const struct rp_name *b)
{
    return a->kind == b->kind && same_bytes(a->first, a->first_size, b->first, b->first_size) &&
           same_bytes(a->second, a->second_size, b->second, b->second_size);
}

/* Where the number of name's entry is, or would go: there it is 0. The table has such a place. */
static uint32_t *locate(const struct rp_name_set *set, const struct rp_name *name, uint64_t hash)
{
    size_t i = (size_t)hash & (set->capacity - 1);
    while (set->numbers[i]) {
        const struct rp_name_set_entry *entry = &set->entries[set->numbers[i] - 1];
        if (entry->hash == hash && same_name(&entry->name, name)) {
            break;
        }
        i = (i + 1) & (set->capacity - 1);
    }
    return &set->numbers[i];
}

/* Doubles both. What is there goes to the first free place: no two entries are the same. */
static bool grow(struct rp_name_set *set)
{
    size_t capacity = set->capacity ? set->capacity * 2 : CAPACITY_MIN;
    struct rp_name_set_entry *entries = NULL;
    uint32_t *numbers = calloc(capacity, sizeof *numbers);
    if (numbers) {
        entries = reallocarray(set->entries, capacity / 2, sizeof *entries);
    }
    if (!entries) {
        free(numbers);
        set->failed = true;
        return false;
    }
    free(set->numbers);
    set->entries = entries;
    set->numbers = numbers;
    set->capacity = capacity;
    for (uint32_t number = 0; number < set->count; number++) {
        size_t i = (size_t)entries[number].hash & (capacity - 1);
        while (numbers[i]) {
            i = (i + 1) & (capacity - 1);
        }
        numbers[i] = number + 1;
    }
    return true;
}

uint32_t rp_name_set_add(struct rp_name_set *set, const struct rp_name *name, uint32_t line)
{
    if (set->count >= set->capacity / 2 && !grow(set)) {
        return 0;
    }
    uint64_t hash = hash_name(name);
    uint32_t *number = locate(set, name, hash);
    if (*number) {
        return set->entries[*number - 1].line;
    }
    set->entries[set->count] = (struct rp_name_set_entry){*name, hash, line};
    *number = ++set->count;
    return 0;
}

uint32_t rp_name_set_line(const struct rp_name_set *set, const struct rp_name *name)
{
    uint32_t number = set->capacity ? *locate(set, name, hash_name(name)) : 0;
    return number ? set->entries[number - 1].line : 0;
}

void rp_name_set_free(struct rp_name_set *set)
{
    free(set->entries);
    free(set->numbers);
    *set = (struct rp_name_set){0};
}
