/*
 * A hash table with open addressing, never more than half full. The seed is an address, which the
 * kernel makes different in every run, so a file can't be written to make all its names collide.
 */
#include "name_set.h"

#include <stdlib.h>
#include <string.h>

struct rp_name_set_entry {
    struct rp_name name;
    uint64_t hash;
    uint32_t line; /* 0: the entry is free */
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

/* The entry that holds name, or the free one where it would go. The table has a free entry. */
static struct rp_name_set_entry *locate(const struct rp_name_set *set, const struct rp_name *name,
                                        uint64_t hash)
{
    size_t i = (size_t)hash & (set->capacity - 1);
    while (set->entries[i].line &&
           !(set->entries[i].hash == hash && same_name(&set->entries[i].name, name))) {
        i = (i + 1) & (set->capacity - 1);
    }
    return &set->entries[i];
}

static bool grow(struct rp_name_set *set)
{
    struct rp_name_set larger = {.capacity = set->capacity ? set->capacity * 2 : 64,
                                 .count = set->count};
    larger.entries = calloc(larger.capacity, sizeof *larger.entries);
    if (!larger.entries) {
        set->failed = true;
        return false;
    }
    for (size_t i = 0; i < set->capacity; i++) {
        const struct rp_name_set_entry *entry = &set->entries[i];
        if (entry->line) {
            *locate(&larger, &entry->name, entry->hash) = *entry;
        }
    }
    free(set->entries);
    *set = larger;
    return true;
}

uint32_t rp_name_set_add(struct rp_name_set *set, const struct rp_name *name, uint32_t line)
{
    if (set->count >= set->capacity / 2 && !grow(set)) {
        return 0;
    }
    uint64_t hash = hash_name(name);
    struct rp_name_set_entry *entry = locate(set, name, hash);
    if (!entry->line) {
        *entry = (struct rp_name_set_entry){*name, hash, line};
        set->count++;
        return 0;
    }
    return entry->line;
}

uint32_t rp_name_set_line(const struct rp_name_set *set, const struct rp_name *name)
{
    return set->capacity ? locate(set, name, hash_name(name))->line : 0;
}

void rp_name_set_free(struct rp_name_set *set)
{
    free(set->entries);
    *set = (struct rp_name_set){0};
}
