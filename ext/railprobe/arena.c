/*
 * Memory that is taken piece by piece and given back at once: a list of chunks, filled from the
 * front, and with texts, which need no alignment, from the end. A chunk doubles the one before it up
 * to a bound, so a small file costs one page-sized chunk and a large one few. Chunks at the bound
 * come from the system with all their pages there: else each page would be a fault of its own, and
 * these were a third of the time that a large file took.
 */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CHUNK_MIN = 4096, CHUNK_MAX = 1 << 20 };

#define ALIGNMENT _Alignof(max_align_t)

struct rp_arena_chunk {
    struct rp_arena_chunk *next;
    size_t capacity;
    size_t used;    /* bytes in front */
    size_t end;     /* where the texts begin; what is free lies between */
    bool is_mapped; /* CHUNK_MAX bytes of the system's, not of malloc() */
    max_align_t bytes[];
};

static struct rp_arena_chunk *map_chunk(void)
{
    void *chunk = mmap(NULL, CHUNK_MAX, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    return chunk == MAP_FAILED ? NULL : chunk;
}

static struct rp_arena_chunk *grow(struct rp_arena *arena, size_t size)
{
    const size_t most = CHUNK_MAX - sizeof(struct rp_arena_chunk);
    size_t capacity = arena->chunks ? arena->chunks->capacity : CHUNK_MIN / 2;
    capacity = capacity < most / 2 ? capacity * 2 : most;
    bool is_mapped = capacity == most && size <= most;
    if (capacity < size) {
        capacity = size;
    }
    if (capacity > SIZE_MAX - sizeof(struct rp_arena_chunk)) {
        return NULL;
    }
    struct rp_arena_chunk *chunk = is_mapped ? map_chunk() : malloc(sizeof *chunk + capacity);
    if (!chunk) {
        return NULL;
    }
    *chunk = (struct rp_arena_chunk){arena->chunks, capacity, 0, capacity, is_mapped};
    arena->chunks = chunk;
    return chunk;
}

static void release(struct rp_arena_chunk *chunk)
{
    if (chunk->is_mapped) {
        (void)munmap(chunk, CHUNK_MAX);
    } else {
        free(chunk);
    }
}

/* The newest chunk if it has room for so many bytes, else one that has. NULL when memory ran out. */
static struct rp_arena_chunk *chunk_for(struct rp_arena *arena, size_t bytes)
{
    struct rp_arena_chunk *chunk = arena->chunks;
    if (!chunk || chunk->end - chunk->used < bytes) {
        chunk = grow(arena, bytes);
    }
    arena->failed |= !chunk;
    return chunk;
}

void *rp_arena_take(struct rp_arena *arena, size_t count, size_t size)
{
    if (size && count > (SIZE_MAX - ALIGNMENT) / size) {
        arena->failed = true;
        return NULL;
    }
    size_t bytes = (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct rp_arena_chunk *chunk = chunk_for(arena, bytes);
    if (!chunk) {
        return NULL;
    }
    void *piece = (char *)chunk->bytes + chunk->used;
    chunk->used += bytes;
    memset(piece, 0, bytes);
    return piece;
}

char *rp_arena_text(struct rp_arena *arena, const char *text, size_t size)
{
    struct rp_arena_chunk *chunk = size < SIZE_MAX ? chunk_for(arena, size + 1) : NULL;
    if (!chunk) {
        arena->failed = true;
        return NULL;
    }
    chunk->end -= size + 1;
    char *copy = (char *)chunk->bytes + chunk->end;
    if (size) {
        memcpy(copy, text, size);
    }
    copy[size] = '\0';
    return copy;
}

void rp_arena_free(struct rp_arena *arena)
{
    while (arena->chunks) {
        struct rp_arena_chunk *next = arena->chunks->next;
        release(arena->chunks);
        arena->chunks = next;
    }
    arena->failed = false;
}
