/*
 * Memory that is taken piece by piece and given back at once: a list of chunks, filled from the
 * front. A chunk doubles the one before it up to a bound, so a small file costs one page-sized
 * chunk and a large one few calls of malloc.
 */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_MIN = 4096, CHUNK_MAX = 1 << 20 };

#define ALIGNMENT _Alignof(max_align_t)

struct rp_arena_chunk {
    struct rp_arena_chunk *next;
    size_t capacity;
    size_t used;
    max_align_t bytes[];
};

static struct rp_arena_chunk *grow(struct rp_arena *arena, size_t size)
{
    size_t capacity = arena->chunks ? arena->chunks->capacity : CHUNK_MIN / 2;
    capacity = capacity < CHUNK_MAX / 2 ? capacity * 2 : CHUNK_MAX;
    if (capacity < size) {
        capacity = size;
    }
    if (capacity > SIZE_MAX - sizeof(struct rp_arena_chunk)) {
        return NULL;
    }
    struct rp_arena_chunk *chunk = malloc(sizeof *chunk + capacity);
    if (!chunk) {
        return NULL;
    }
    chunk->capacity = capacity;
    chunk->used = 0;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *rp_arena_take(struct rp_arena *arena, size_t count, size_t size)
{
    struct rp_arena_chunk *chunk = arena->chunks;
    if (size && count > (SIZE_MAX - ALIGNMENT) / size) {
        arena->failed = true;
        return NULL;
    }
    size_t bytes = (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!chunk || chunk->capacity - chunk->used < bytes) {
        chunk = grow(arena, bytes);
    }
    if (!chunk) {
        arena->failed = true;
        return NULL;
    }
    void *piece = (char *)chunk->bytes + chunk->used;
    chunk->used += bytes;
    memset(piece, 0, bytes);
    return piece;
}

char *rp_arena_text(struct rp_arena *arena, const char *text, size_t size)
{
    if (size == SIZE_MAX) {
        arena->failed = true;
        return NULL;
    }
    char *copy = rp_arena_take(arena, size + 1, 1);
    if (copy && size) {
        memcpy(copy, text, size);
    }
    return copy;
}

void rp_arena_free(struct rp_arena *arena)
{
    while (arena->chunks) {
        struct rp_arena_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
    arena->failed = false;
}
