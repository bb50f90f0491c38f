/*
 * Memory that is taken piece by piece and given back at once.
 *
 * A piece that can't be had marks the arena failed; the taker gets NULL, skips what it was doing,
 * and whoever owns the arena asks for .failed once, at the end. A zeroed struct is an empty arena.
 */
#ifndef RAILPROBE_ARENA_H
#define RAILPROBE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct rp_arena_chunk;

struct rp_arena {
    struct rp_arena_chunk *chunks; /* the newest first */
    bool failed;                   /* some piece could not be had */
};

/*
 * Takes count pieces of size bytes each, zeroed, aligned for any type, in one row.
 *
 * Returns NULL, and marks the arena failed, when memory ran out or the product overflows. The arena
 * owns what it returns. O(bytes).
 */
void *rp_arena_take(struct rp_arena *arena, size_t count, size_t size);

/* A copy of size bytes of text with a NUL behind it; NULL as above. */
char *rp_arena_text(struct rp_arena *arena, const char *text, size_t size);

/* Gives everything back; the arena is empty again. */
void rp_arena_free(struct rp_arena *arena);

#endif
