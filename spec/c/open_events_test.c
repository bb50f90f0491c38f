/*
 * What has begun and not ended: found by its object, in any order, and never more of it than there is room for.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup
#include "open_events.h"

#include "check.h"
#include "fault.h"

FAULT_ALLOCATIONS

static const int request;
static const int query;
static uintptr_t seen;
static size_t seen_count;

static void see(uintptr_t object)
{
    seen += object;
    seen_count++;
}

static void see_open(const struct rp_open *open)
{
    see(open->object);
}

static void forget_all(void)
{
    rp_open_forget(&request, see_open);
    rp_open_forget(&query, see_open);
    seen = seen_count = 0;
}

static void an_end_finds_its_start(void)
{
    struct rp_open *one = rp_open_add(8, &request);
    struct rp_open *other = rp_open_add(16, &request);
    REQUIRE(one && other);
    one->begun = 5;
    CHECK(rp_open_find(8, &request) == one);
    CHECK(rp_open_find(16, &request) == other);
    CHECK(!rp_open_find(24, &request));
    CHECK(!rp_open_find(8, &query));
    rp_open_remove(one);
    CHECK(!rp_open_find(8, &request));
    CHECK_EQ(one->begun, 5);
    CHECK_EQ(rp_open_count(), 1);
    forget_all();
}

static void of_two_for_one_object_the_newer_is_found(void)
{
    struct rp_open *outer = rp_open_add(8, &query);
    struct rp_open *inner = rp_open_add(8, &query);
    CHECK(rp_open_find(8, &query) == inner);
    rp_open_remove(inner);
    CHECK(rp_open_find(8, &query) == outer);
    rp_open_remove(outer);
    CHECK(!rp_open_find(8, &query));
}

static void objects_that_share_a_place_are_kept_apart(void)
{
    /* 512 places: so many objects have to share. */
    for (uintptr_t i = 1; i <= 2000; i++) {
        struct rp_open *open = rp_open_add(i * 40, &query);
        REQUIRE(open);
        open->queries = i;
    }
    for (uintptr_t i = 1; i <= 2000; i += 3) {
        rp_open_remove(rp_open_find(i * 40, &query));
    }
    for (uintptr_t i = 1; i <= 2000; i++) {
        const struct rp_open *open = rp_open_find(i * 40, &query);
        CHECK_EQ(open != NULL, i % 3 != 1);
        CHECK(!open || open->queries == i);
    }
    forget_all();
    CHECK_EQ(rp_open_count(), 0);
}

static void one_event_is_forgotten_and_others_stay(void)
{
    (void)rp_open_add(8, &request);
    (void)rp_open_add(16, &query);
    (void)rp_open_add(24, &request);
    rp_open_forget(&request, see_open);
    CHECK_EQ(seen, 32);
    CHECK_EQ(rp_open_count(), 1);
    CHECK(rp_open_find(16, &query));
    forget_all();
}

static void all_objects_are_told(void)
{
    (void)rp_open_add(8, &request);
    (void)rp_open_add(16, &query);
    rp_open_objects(see);
    CHECK_EQ(seen, 24);
    CHECK_EQ(seen_count, 2);
    forget_all();
}

static void the_oldest_makes_room(void)
{
    for (uintptr_t i = 1; i <= RP_OPEN_MAX + 3; i++) {
        CHECK(rp_open_add(i * 8, &query));
    }
    CHECK_EQ(rp_open_count(), RP_OPEN_MAX);
    CHECK(!rp_open_find(3 * 8, &query));
    CHECK(rp_open_find(4 * 8, &query));
    CHECK(rp_open_find((RP_OPEN_MAX + 3) * 8, &query));
    forget_all();
}

/* First of all tests: what there is once is never asked for again. */
static void without_memory_there_is_none(void)
{
    fault_begin(&fault_allocation, 1);
    CHECK(!rp_open_add(8, &request));
    fault_begin(&fault_allocation, 0);
    CHECK_EQ(rp_open_count(), 0);
}

int main(void)
{
    RUN(without_memory_there_is_none);
    RUN(an_end_finds_its_start);
    RUN(of_two_for_one_object_the_newer_is_found);
    RUN(objects_that_share_a_place_are_kept_apart);
    RUN(one_event_is_forgotten_and_others_stay);
    RUN(all_objects_are_told);
    RUN(the_oldest_makes_room);
    return check_finish();
}
