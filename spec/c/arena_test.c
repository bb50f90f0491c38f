/*
 * arena.h: pieces and texts from chunks of every size.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup
// LINK: -Wl,--wrap=mmap
#include "arena.h"

#include "check.h"
#include "fault.h"

#include <stdint.h>

FAULT_ALLOCATIONS
FAULT_CALL(void *, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset),
           (at, size, protection, flags, fd, offset), MAP_FAILED, ENOMEM)

enum { PIECES = 3000, PIECE = 700 };

static bool is_filled(const unsigned char *bytes, size_t size, unsigned char with)
{
    size_t i = 0;
    while (i < size && bytes[i] == with) {
        i++;
    }
    return i == size;
}

static void pieces_are_zeroed_aligned_and_apart(void)
{
    static unsigned char *pieces[PIECES];
    struct rp_arena arena = {0};
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = rp_arena_take(&arena, 1, PIECE);
        REQUIRE(pieces[i] && is_filled(pieces[i], PIECE, 0));
        CHECK_EQ((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        memset(pieces[i], (int)(i % 251), PIECE);
    }
    for (size_t i = 0; i < PIECES; i++) {
        CHECK(is_filled(pieces[i], PIECE, (unsigned char)(i % 251)));
    }
    rp_arena_free(&arena);
    CHECK(arena.chunks == NULL);
}

static void texts_lie_between_pieces_and_keep_their_bytes(void)
{
    static char *texts[PIECES];
    static unsigned char *pieces[PIECES];
    struct rp_arena arena = {0};
    char text[32];
    for (int i = 0; i < PIECES; i++) {
        (void)snprintf(text, sizeof text, "text %d", i);
        texts[i] = rp_arena_text(&arena, text, strlen(text));
        pieces[i] = rp_arena_take(&arena, 3, 333);
        REQUIRE(texts[i] && pieces[i]);
        memset(pieces[i], 0xff, 999);
    }
    for (int i = 0; i < PIECES; i++) {
        (void)snprintf(text, sizeof text, "text %d", i);
        CHECK_STR(texts[i], text);
        CHECK(is_filled(pieces[i], 999, 0xff));
    }
    CHECK_STR(rp_arena_text(&arena, NULL, 0), "");
    CHECK_MEM(rp_arena_text(&arena, "a\0b", 3), "a\0b", 4);
    rp_arena_free(&arena);
}

static void a_piece_may_be_larger_than_any_chunk(void)
{
    struct rp_arena arena = {0};
    for (size_t size = 1; size < 5u << 20; size = size * 3 + 1) {
        unsigned char *piece = rp_arena_take(&arena, size, 1);
        REQUIRE(piece && is_filled(piece, size, 0));
        memset(piece, 1, size);
    }
    rp_arena_free(&arena);
}

static void what_can_not_be_had_marks_the_arena_failed(void)
{
    struct rp_arena arena = {0};
    CHECK(rp_arena_take(&arena, SIZE_MAX / 2, 3) == NULL && arena.failed);
    rp_arena_free(&arena);
    CHECK(!arena.failed);
    CHECK(rp_arena_take(&arena, 1, SIZE_MAX - 16) == NULL && arena.failed);
    rp_arena_free(&arena);
    CHECK(rp_arena_text(&arena, "", SIZE_MAX) == NULL && arena.failed);
    rp_arena_free(&arena);
}

static void fill(struct rp_arena *arena)
{
    for (int i = 0; i < PIECES && !arena->failed; i++) {
        (void)rp_arena_take(arena, 1, PIECE);
        (void)rp_arena_text(arena, "text", 4);
    }
}

static void every_chunk_may_fail(struct fault *fault)
{
    unsigned failures = 0;
    for (unsigned n = 1; fault_in(fault, n); n++) {
        struct rp_arena arena = {0};
        fill(&arena);
        CHECK_EQ(arena.failed, fault_end(fault));
        failures += arena.failed;
        rp_arena_free(&arena);
    }
    CHECK(failures > 0);
}

static void small_chunks_may_fail(void)
{
    every_chunk_may_fail(&fault_allocation);
}

static void large_chunks_may_fail(void)
{
    every_chunk_may_fail(&fault_system);
}

int main(void)
{
    RUN(pieces_are_zeroed_aligned_and_apart);
    RUN(texts_lie_between_pieces_and_keep_their_bytes);
    RUN(a_piece_may_be_larger_than_any_chunk);
    RUN(what_can_not_be_had_marks_the_arena_failed);
    RUN(small_chunks_may_fail);
    RUN(large_chunks_may_fail);
    return check_finish();
}
