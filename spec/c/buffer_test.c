/*
 * buffer.h: growth, alignment, formatted text, and what is left when there is no memory.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=realloc
#include "buffer.h"
#include "check.h"

/* Volatile: the compiler takes malloc() and realloc() for functions that touch none of our variables. */
static volatile bool no_memory;
static volatile size_t allocations;

/* Both, since the compiler may write realloc(NULL, size) as malloc(size). */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_realloc(void *bytes, size_t size);
void *__wrap_realloc(void *bytes, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return no_memory ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *bytes, size_t size)
{
    allocations++;
    return no_memory ? NULL : __real_realloc(bytes, size);
}

static void an_empty_buffer_owns_nothing(void)
{
    struct rp_buffer buffer = {0};
    rp_buffer_append(&buffer, NULL, 0);
    rp_buffer_zero(&buffer, 0);
    rp_buffer_text(&buffer, "");
    CHECK_EQ(rp_buffer_error(&buffer), RP_OK);
    CHECK_EQ(buffer.size, 0);
    CHECK(buffer.bytes == NULL);
    rp_buffer_free(&buffer);
}

static void appends_follow_each_other(void)
{
    struct rp_buffer buffer = {0};
    rp_buffer_append(&buffer, "\0\1\2", 3);
    rp_buffer_text(&buffer, "text");
    rp_buffer_string(&buffer, "string");
    rp_buffer_zero(&buffer, 2);
    REQUIRE(rp_buffer_error(&buffer) == RP_OK);
    CHECK_EQ(buffer.size, 16);
    CHECK_MEM(buffer.bytes, "\0\1\2textstring\0\0\0", 16);
    rp_buffer_free(&buffer);
}

static void growth_keeps_what_is_there(void)
{
    struct rp_buffer buffer = {0};
    allocations = 0;
    for (unsigned i = 0; i < 100000; i++) {
        uint8_t byte = (uint8_t)(i % 251);
        rp_buffer_append(&buffer, &byte, 1);
    }
    REQUIRE(rp_buffer_error(&buffer) == RP_OK);
    CHECK_EQ(buffer.size, 100000);
    for (unsigned i = 0; i < 100000; i++) {
        REQUIRE(buffer.bytes[i] == i % 251);
    }
    CHECK(allocations < 20);
    rp_buffer_free(&buffer);
}

static void one_append_may_be_larger_than_a_doubling(void)
{
    static uint8_t large[5000];
    struct rp_buffer buffer = {0};
    rp_buffer_text(&buffer, "x");
    rp_buffer_append(&buffer, large, sizeof large);
    CHECK_EQ(rp_buffer_error(&buffer), RP_OK);
    CHECK_EQ(buffer.size, 5001);
    CHECK(buffer.capacity >= buffer.size);
    rp_buffer_free(&buffer);
}

static void alignment_pads_with_zeroes_up_to_the_next_multiple(void)
{
    struct rp_buffer buffer = {0};
    rp_buffer_align(&buffer, 16);
    CHECK_EQ(buffer.size, 0);
    rp_buffer_text(&buffer, "abc");
    rp_buffer_align(&buffer, 4);
    CHECK_EQ(buffer.size, 4);
    rp_buffer_align(&buffer, 4);
    CHECK_EQ(buffer.size, 4);
    rp_buffer_text(&buffer, "d");
    rp_buffer_align(&buffer, 4096);
    REQUIRE(buffer.size == 4096);
    CHECK_MEM(buffer.bytes, "abc\0d\0\0\0", 8);
    CHECK_EQ(buffer.bytes[4095], 0);
    rp_buffer_align(&buffer, 1);
    CHECK_EQ(buffer.size, 4096);
    rp_buffer_free(&buffer);
}

static void printf_appends_without_its_nul(void)
{
    struct rp_buffer buffer = {0};
    rp_buffer_printf(&buffer, "%d:%s", 23, "reserved");
    rp_buffer_printf(&buffer, "%s", "");
    rp_buffer_printf(&buffer, "!");
    REQUIRE(rp_buffer_error(&buffer) == RP_OK);
    CHECK_EQ(buffer.size, 12);
    CHECK_MEM(buffer.bytes, "23:reserved!", 12);
    rp_buffer_free(&buffer);
}

static void printf_fits_at_every_distance_from_the_capacity(void)
{
    for (size_t before = 250; before <= 260; before++) {
        struct rp_buffer buffer = {0};
        rp_buffer_zero(&buffer, before);
        rp_buffer_printf(&buffer, "%s", "12345");
        REQUIRE(rp_buffer_error(&buffer) == RP_OK);
        CHECK_EQ(buffer.size, before + 5);
        CHECK_MEM(buffer.bytes + before, "12345", 5);
        rp_buffer_free(&buffer);
    }
}

static void a_size_that_overflows_fails_the_buffer_before_any_allocation(void)
{
    struct rp_buffer buffer = {0};
    rp_buffer_text(&buffer, "kept");
    allocations = 0;
    CHECK(!rp_buffer_reserve(&buffer, SIZE_MAX));
    CHECK_EQ(rp_buffer_error(&buffer), RP_MEMORY);
    CHECK_EQ(allocations, 0);
    CHECK_EQ(buffer.size, 4);
    CHECK_MEM(buffer.bytes, "kept", 4);
    rp_buffer_free(&buffer);

    CHECK(!rp_buffer_reserve(&buffer, SIZE_MAX / 2 + 2));
    CHECK_EQ(rp_buffer_error(&buffer), RP_MEMORY);
    rp_buffer_free(&buffer);
}

static void without_memory_the_first_append_fails_and_later_ones_are_ignored(void)
{
    struct rp_buffer buffer = {0};
    no_memory = true;
    rp_buffer_text(&buffer, "lost");
    no_memory = false;
    CHECK_EQ(rp_buffer_error(&buffer), RP_MEMORY);
    rp_buffer_text(&buffer, "ignored");
    rp_buffer_zero(&buffer, 8);
    rp_buffer_align(&buffer, 64);
    rp_buffer_printf(&buffer, "%d", 1);
    CHECK_EQ(buffer.size, 0);
    CHECK_EQ(rp_buffer_error(&buffer), RP_MEMORY);
    rp_buffer_free(&buffer);
}

static void without_memory_what_was_written_stays(void)
{
    static const uint8_t more[300];
    struct rp_buffer buffer = {0};
    rp_buffer_text(&buffer, "kept");
    no_memory = true;
    rp_buffer_append(&buffer, more, sizeof more);
    no_memory = false;
    CHECK_EQ(rp_buffer_error(&buffer), RP_MEMORY);
    CHECK_EQ(buffer.size, 4);
    CHECK_MEM(buffer.bytes, "kept", 4);
    rp_buffer_free(&buffer);
}

static void without_room_in_the_address_space_what_was_written_stays(void)
{
    static uint8_t large[RP_BUFFER_MAPPED];
    for (size_t size = 4; size <= sizeof large; size += sizeof large - 4) {
        struct rp_buffer buffer = {0};
        memset(large, 0x23, size);
        rp_buffer_append(&buffer, large, size);
        CHECK(!rp_buffer_reserve(&buffer, (size_t)1 << 60));
        CHECK_EQ(rp_buffer_error(&buffer), RP_MEMORY);
        CHECK_EQ(buffer.size, size);
        CHECK_MEM(buffer.bytes, large, size);
        rp_buffer_free(&buffer);
    }
}

static void a_cleared_buffer_is_empty_and_keeps_its_memory(void)
{
    struct rp_buffer buffer = {0};
    no_memory = true;
    rp_buffer_text(&buffer, "lost");
    no_memory = false;
    rp_buffer_clear(&buffer);
    rp_buffer_text(&buffer, "first");
    allocations = 0;
    rp_buffer_clear(&buffer);
    CHECK_EQ(buffer.size, 0);
    rp_buffer_text(&buffer, "next");
    CHECK_EQ(rp_buffer_error(&buffer), RP_OK);
    CHECK_MEM(buffer.bytes, "next", 4);
    CHECK_EQ(allocations, 0);
    rp_buffer_free(&buffer);
}

static void a_freed_buffer_is_an_empty_one(void)
{
    struct rp_buffer buffer = {0};
    no_memory = true;
    rp_buffer_text(&buffer, "lost");
    no_memory = false;
    rp_buffer_free(&buffer);
    CHECK_EQ(rp_buffer_error(&buffer), RP_OK);
    rp_buffer_text(&buffer, "again");
    CHECK_EQ(buffer.size, 5);
    rp_buffer_free(&buffer);
    rp_buffer_free(&buffer);
}

int main(void)
{
    RUN(an_empty_buffer_owns_nothing);
    RUN(appends_follow_each_other);
    RUN(growth_keeps_what_is_there);
    RUN(one_append_may_be_larger_than_a_doubling);
    RUN(alignment_pads_with_zeroes_up_to_the_next_multiple);
    RUN(printf_appends_without_its_nul);
    RUN(printf_fits_at_every_distance_from_the_capacity);
    RUN(a_size_that_overflows_fails_the_buffer_before_any_allocation);
    RUN(without_memory_the_first_append_fails_and_later_ones_are_ignored);
    RUN(without_memory_what_was_written_stays);
    RUN(without_room_in_the_address_space_what_was_written_stays);
    RUN(a_cleared_buffer_is_empty_and_keeps_its_memory);
    RUN(a_freed_buffer_is_an_empty_one);
    return check_finish();
}
