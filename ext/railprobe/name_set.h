/*
 * A set of names that remembers where each was first seen: how a duplicate is found in a file of
 * any length without comparing every pair.
 */
#ifndef RAILPROBE_NAME_SET_H
#define RAILPROBE_NAME_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rp_name_set_entry;

/* A zeroed struct is an empty set. It keeps pointers to the names; they must outlive it. */
struct rp_name_set {
    struct rp_name_set_entry *entries; /* room for half of capacity */
    uint32_t *numbers;                 /* of entries, from 1; 0: a free place */
    size_t capacity;                   /* of numbers: a power of two, or 0 */
    uint32_t count;                    /* of entries */
    bool failed;                       /* memory ran out; names may be missing */
};

/* Two parts, so that a class and a method need not be joined; second may be NULL with size 0. */
struct rp_name {
    const char *first;
    size_t first_size;
    const char *second;
    size_t second_size;
    uint32_t kind; /* names of different kinds never are the same */
};

/*
 * Adds name, first seen on line.
 *
 * Returns 0 when it is new, else the line that it was added with before (lines begin at 1). When
 * memory runs out the set is marked failed, nothing is added and 0 returned. O(bytes of the name).
 */
uint32_t rp_name_set_add(struct rp_name_set *set, const struct rp_name *name, uint32_t line);

/* The line that name was added with, or 0. */
uint32_t rp_name_set_line(const struct rp_name_set *set, const struct rp_name *name);

/* Frees the set's own memory; the set is empty again. */
void rp_name_set_free(struct rp_name_set *set);

#endif
