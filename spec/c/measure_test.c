/*
 * measure.h: what is kept for each fiber, and that none of it is lost for the limit of all.
 */
// LINK: -Wl,--wrap=clock_gettime
#include "measure.h"

#include "limit.h"

#include "check.h"
#include "clock.h"

/* Fibers are told apart by their addresses, of which these share a place. */
static const uintptr_t fiber = 64;
static const uintptr_t rival = 64 + ((uintptr_t)16 << 16);

static void time_of_probes_is_kept_by_fiber(void)
{
    const struct rp_mark mark = rp_measure_mark(rp_measure_place(fiber));
    const struct rp_mark other = rp_measure_mark(rp_measure_place(2 * fiber));
    CHECK(rp_measure_place(fiber) != rp_measure_place(2 * fiber));
    rp_measure_add(rp_measure_place(fiber), 30);
    rp_measure_add(rp_measure_place(fiber), 12);
    CHECK_EQ(rp_measure_since(rp_measure_place(fiber), mark), 42);
    CHECK_EQ(rp_measure_since(rp_measure_place(2 * fiber), other), 0);
}

static void a_fiber_that_lost_its_place_counts_no_time(void)
{
    const struct rp_mark mark = rp_measure_mark(rp_measure_place(fiber));
    CHECK(rp_measure_place(fiber) == rp_measure_place(rival));
    rp_measure_add(rp_measure_place(fiber), 5);
    CHECK_EQ(rp_measure_since(rp_measure_place(fiber), mark), 0);
}

static void what_is_taken_is_taken_once(void)
{
    struct rp_place *place = rp_measure_place(fiber);
    (void)rp_measure_take(place);
    rp_measure_add(place, 7);
    rp_measure_add(place, 8);
    CHECK_EQ(rp_measure_take(place), 15);
    CHECK_EQ(rp_measure_take(place), 0);
}

static void what_was_not_taken_is_spent_when_the_place_is_lost(void)
{
    struct rp_place *place = rp_measure_place(fiber);
    (void)rp_measure_take(place);
    rp_measure_add(place, 1000);
    const uint64_t before = atomic_load(&rp_limits.spent_ns);
    CHECK_EQ(rp_measure_take(rp_measure_place(rival)), 0);
    CHECK_EQ(atomic_load(&rp_limits.spent_ns) - before, 1000);
}

static void a_call_that_is_in_no_other_one_is_known(void)
{
    struct rp_place *place = rp_measure_place(3 * fiber);
    const struct rp_mark outer = rp_measure_mark(place);
    rp_measure_open(place);
    rp_measure_open(place);
    CHECK(!rp_measure_close(place, outer));
    CHECK(rp_measure_close(place, outer));
    CHECK(rp_measure_close(place, outer)); /* one too many: it stays at none */
    rp_measure_open(place);
    CHECK(rp_measure_close(place, outer));
}

static void a_call_whose_fiber_lost_its_place_closes_no_other_one(void)
{
    const struct rp_mark lost = rp_measure_mark(rp_measure_place(fiber));
    rp_measure_open(rp_measure_place(fiber));
    rp_measure_open(rp_measure_place(rival));
    struct rp_place *place = rp_measure_place(fiber);
    rp_measure_open(place);
    CHECK(!rp_measure_close(place, lost));
    CHECK(rp_measure_close(place, rp_measure_mark(place)));
}

static void one_firing_of_many_is_timed_and_the_first_one_is(void)
{
    struct rp_place *place = rp_measure_place(4 * fiber);
    int timed = 0;
    CHECK(rp_measure_is_sampled(place));
    for (int i = 0; i < 10 * RP_MEASURE_SAMPLED; i++) {
        timed += rp_measure_is_sampled(place);
    }
    CHECK_EQ(timed, 10);
}

static void a_firing_that_was_interrupted_stands_for_little(void)
{
    struct rp_place *place = rp_measure_place(5 * fiber);
    rp_measure_learn(place, 700);
    CHECK_EQ(place->firing_ns, 700);
    rp_measure_learn(place, 900);
    CHECK_EQ(place->firing_ns, 800);
    rp_measure_learn(place, 40 * SECOND);
    CHECK_EQ(place->firing_ns, (800 + RP_WORK_MAX_NS) / 2);
}

static void a_clock_that_stands_still_costs_nothing(void)
{
    clock_ns = 7 * SECOND;
    CHECK_EQ(rp_now_ns(), 7 * SECOND);
    CHECK_EQ(rp_measure_clock_cost(), 0);
}

int main(void)
{
    RUN(time_of_probes_is_kept_by_fiber);
    RUN(a_fiber_that_lost_its_place_counts_no_time);
    RUN(what_is_taken_is_taken_once);
    RUN(what_was_not_taken_is_spent_when_the_place_is_lost);
    RUN(a_call_that_is_in_no_other_one_is_known);
    RUN(a_call_whose_fiber_lost_its_place_closes_no_other_one);
    RUN(one_firing_of_many_is_timed_and_the_first_one_is);
    RUN(a_firing_that_was_interrupted_stands_for_little);
    RUN(a_clock_that_stands_still_costs_nothing);
    return check_finish();
}
