/*
 * limit.h: the arithmetic of rates and budgets, against a list of all firings; limits that change under it; forks.
 */
// LINK: -Wl,--wrap=clock_gettime
#include "limit.h"

#include "check.h"
#include "clock.h"
#include "samples.h"

#include <stdlib.h>

static void limit_to(uint32_t rate)
{
    struct rp_limits limits = rp_limit_none();
    limits.rate = rate;
    (void)rp_limit_set(&limits);
}

static bool fires(struct rp_meter *meter)
{
    const uint64_t number = rp_meter_count(meter);
    return !number || rp_meter_look(meter, number);
}

/* How many of most firings keep to the limit before one doesn't. */
static uint64_t burst(struct rp_meter *meter, uint64_t most)
{
    uint64_t count = 0;
    while (count < most && fires(meter)) {
        count++;
    }
    return count;
}

static const uint32_t rates[] = {1, 2, 3, 4, 5, 6, 7, 9, 10, 99, 1000, 4096, 100001};
enum { RATES = sizeof rates / sizeof *rates };

/* -- limits -- */

static void a_limit_that_is_there_already_changes_nothing(void)
{
    struct rp_limits limits = {.rate = 5, .cpu = 6, .pause = 7, .string = 80, .frames = 9};
    CHECK(rp_limit_set(&limits));
    uint64_t generation = atomic_load(&rp_limits.generation);
    CHECK(!rp_limit_set(&limits));
    CHECK_EQ(atomic_load(&rp_limits.generation), generation);
    uint32_t *const each[] = {&limits.rate, &limits.cpu, &limits.pause, &limits.string,
                              &limits.frames};
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        *each[i] += 1;
        CHECK(rp_limit_set(&limits));
        CHECK(atomic_load(&rp_limits.generation) > generation);
    }
    const struct rp_limits got = rp_limit_get();
    CHECK_MEM(&got, &limits, sizeof got);
    CHECK_EQ(rp_limit_string(1000), 81);
    CHECK_EQ(rp_limit_string(80), 80);
}

static void none_is_no_rate_and_no_cpu(void)
{
    const struct rp_limits none = rp_limit_none();
    CHECK_EQ(none.rate, 0);
    CHECK_EQ(none.cpu, 0);
    CHECK_EQ(none.string, RP_STRING_MAX);
    CHECK(none.pause > 0 && none.frames > 0);
}

/* -- the rate -- */

static void a_burst_is_stopped_after_exactly_the_rate(void)
{
    for (size_t i = 0; i < RATES; i++) {
        struct rp_meter meter = {0};
        limit_to(rates[i]);
        clock_ns = 77 * SECOND;
        CHECK_EQ(burst(&meter, rates[i] * 2), rates[i]);
        CHECK(!fires(&meter));
        CHECK_EQ(atomic_load(&meter.fired), rates[i] + 2);
    }
}

static void a_second_later_there_is_as_much_again(void)
{
    for (size_t i = 0; i < RATES; i++) {
        struct rp_meter meter = {0};
        limit_to(rates[i]);
        for (int round = 0; round < 5; round++) {
            CHECK_EQ(burst(&meter, rates[i] * 2), rates[i]);
            clock_ns += SECOND - 1;
            CHECK_EQ(burst(&meter, 1), 0);
            clock_ns += 1;
        }
    }
}

static void who_keeps_to_the_rate_is_never_stopped(void)
{
    for (size_t i = 0; i < RATES; i++) {
        struct rp_meter meter = {0};
        const uint64_t firings = rates[i] * 12ull;
        limit_to(rates[i]);
        for (uint64_t fired = 0; fired < firings; fired++) {
            clock_ns += SECOND / rates[i] + 1;
            CHECK(fires(&meter));
        }
    }
}

static void nothing_is_saved_up(void)
{
    for (uint64_t wait = SECOND; wait < 4000000 * SECOND; wait *= 3) {
        struct rp_meter meter = {0};
        limit_to(1000);
        CHECK_EQ(burst(&meter, 700), 700);
        clock_ns += wait;
        CHECK_EQ(burst(&meter, 10000), 50 + 1000); /* what was left of a slice, then all */
    }
}

static void no_limit_is_no_look_at_the_clock(void)
{
    struct rp_meter meter = {0};
    limit_to(0);
    clock_looked_at = abort;
    meter.slices = 3;
    CHECK(rp_meter_next(&meter, 0, 1) >= 1u << 30);
    CHECK_EQ(meter.slices, 3);
    clock_looked_at = NULL;
    CHECK_EQ(burst(&meter, 100000), 100000);
}

static void a_clock_that_goes_back_stops_nobody(void)
{
    struct rp_meter meter = {0};
    limit_to(8);
    clock_ns = 1000 * SECOND;
    CHECK_EQ(burst(&meter, 9), 8);
    clock_ns -= 500 * SECOND;
    CHECK_EQ(burst(&meter, 9), 8);
    clock_ns += SECOND;
    CHECK_EQ(burst(&meter, 9), 8);
    clock_ns = 0;
    CHECK_EQ(burst(&meter, 9), 8);
    clock_ns = UINT64_MAX - 5;
    CHECK_EQ(burst(&meter, 9), 8);
}

static void a_counter_at_its_end_goes_on(void)
{
    struct rp_meter meter = {0};
    limit_to(100);
    clock_ns = SECOND;
    atomic_store(&meter.fired, UINT64_MAX - 150);
    atomic_store(&meter.ceiling, UINT64_MAX - 150);
    for (int round = 0; round < 4; round++) {
        CHECK_EQ(burst(&meter, 200), 100);
        clock_ns += SECOND;
    }
    CHECK(atomic_load(&meter.fired) < 1000);
}

/* -- against a list of all firings -- */

enum { FIRINGS = 20000 };
static uint64_t admitted[FIRINGS];

/* How many of the first count firings were in the second up to now, which is no part of it. */
static uint64_t in_last_second(size_t count, uint64_t now)
{
    uint64_t found = 0;
    while (found < count && now - admitted[count - 1 - found] < SECOND) {
        found++;
    }
    return found;
}

static void random_firings(uint32_t rate, uint64_t seed)
{
    struct rp_meter meter = {0};
    size_t count = 0;
    uint64_t most = 0;
    unsigned refused = 0;
    limit_to(rate);
    clock_ns = 5 * SECOND;
    while (count < FIRINGS) {
        /* Bursts with pauses between them, some at about the rate. */
        const uint32_t pick = sample_random(&seed) % (3 * rate);
        clock_ns += pick == 0 ? SECOND / 2 : pick < 2 * rate ? 0 : 3 * SECOND / rate;
        const uint64_t before = in_last_second(count, clock_ns);
        if (fires(&meter)) {
            admitted[count++] = clock_ns;
            most = before + 1 > most ? before + 1 : most;
            continue;
        }
        refused++;
        CHECK(before >= rate);
        clock_ns += SECOND;
    }
    CHECK(refused > 0);
    CHECK(most <= rate + (rate + RP_METER_SLICES - 1) / RP_METER_SLICES);
    CHECK(most >= rate);
}

static void no_second_has_more_than_the_rate_and_a_slice(void)
{
    for (uint64_t seed = 1; seed < 8; seed++) {
        random_firings(3, seed);
        random_firings(10, seed);
        random_firings(101, seed);
        random_firings(1000, seed);
    }
}

/* -- what changes meanwhile -- */

static struct rp_meter *watched;

/* As breaker.c does it, when the firing has read the old rate but not yet used it. */
static void lower_the_rate(void)
{
    clock_looked_at = NULL;
    limit_to(8);
    atomic_store(&watched->ceiling, 0);
}

static void limits_that_change_during_a_look_hold_at_once(void)
{
    struct rp_meter meter = {0};
    watched = &meter;
    limit_to(1000000);
    clock_ns = 9 * SECOND;
    clock_looked_at = lower_the_rate;
    CHECK_EQ(burst(&meter, 100), 8);
}

static void a_limit_begins_afresh(void)
{
    struct rp_meter meter = {0};
    limit_to(100);
    CHECK_EQ(burst(&meter, 1000), 100);
    limit_to(50);
    atomic_store(&meter.ceiling, 0);
    CHECK_EQ(burst(&meter, 1000), 50);
    limit_to(0);
    atomic_store(&meter.ceiling, 0);
    CHECK_EQ(burst(&meter, 1000), 1000);
}

static void a_second_one_fires_while_one_looks(void)
{
    struct rp_meter meter = {0};
    limit_to(10);
    atomic_store(&meter.keeper, atomic_load(&rp_limits.process));
    CHECK_EQ(burst(&meter, 100), 100);
    atomic_store(&meter.keeper, 0);
    CHECK_EQ(burst(&meter, 100), 10);
}

/* It found the slice used up, and another one has begun the next before it was its turn to look. */
static void a_second_one_that_looks_late_begins_no_slice(void)
{
    struct rp_meter meter = {0};
    limit_to(100);
    CHECK_EQ(burst(&meter, 26), 26);
    CHECK_EQ(meter.slices, 2);
    CHECK(rp_meter_look(&meter, 27));
    CHECK_EQ(meter.slices, 2);
    CHECK_EQ(atomic_load(&meter.keeper), 0);
    CHECK_EQ(burst(&meter, 1000), 100 - 26);
}

static void a_child_starts_afresh_whoever_was_looking(void)
{
    struct rp_meter meter = {0};
    limit_to(100);
    CHECK_EQ(burst(&meter, 90), 90);
    rp_limit_spend(12345);
    atomic_store(&meter.keeper, atomic_load(&rp_limits.process));
    atomic_store(&rp_limits.trips, 4);
    atomic_store(&rp_limits.are_all_tripped, true);
    rp_limit_note_end(5);
    rp_limit_after_fork_in_child();
    CHECK_EQ(burst(&meter, 1000), 10 + 100); /* what was left of a slice, then all */
    CHECK_EQ(atomic_load(&meter.keeper), 0);
    CHECK_EQ(atomic_load(&rp_limits.spent_ns), 0);
    CHECK_EQ(atomic_load(&rp_limits.trips), 0);
    CHECK_EQ(atomic_load(&rp_limits.next_end), UINT64_MAX);
    CHECK(!atomic_load(&rp_limits.are_all_tripped));
}

static unsigned told;

static void count_call(void)
{
    told++;
}

static void a_trip_is_counted_told_and_its_end_noted(void)
{
    atomic_store(&rp_limits.tripped, count_call);
    rp_limit_after_fork_in_child();
    rp_limit_note_trip(500);
    rp_limit_note_trip(700);
    rp_limit_note_trip(300);
    CHECK_EQ(told, 3);
    CHECK_EQ(atomic_load(&rp_limits.trips), 3);
    CHECK_EQ(atomic_load(&rp_limits.untold), 3);
    CHECK_EQ(atomic_load(&rp_limits.next_end), 300);
    atomic_store(&rp_limits.tripped, NULL);
    rp_limit_note_trip(400);
    CHECK_EQ(told, 3);
}

/* -- what a firing costs -- */

static void time_by_the_clock_counts_up_to_a_limit(void)
{
    const uint64_t before = atomic_load(&rp_limits.spent_ns);
    rp_limit_spend_clocked(700);
    rp_limit_spend_clocked(UINT64_MAX);
    CHECK_EQ(atomic_load(&rp_limits.spent_ns) - before, 700 + RP_WORK_MAX_NS);
    rp_limit_spend(3 * RP_WORK_MAX_NS);
    CHECK_EQ(atomic_load(&rp_limits.spent_ns) - before, 700 + 4 * RP_WORK_MAX_NS);
}

static void the_first_firings_and_then_one_of_many_are_timed(void)
{
    struct rp_meter meter = {0};
    unsigned timed_early = 0;
    unsigned timed = 0;
    for (unsigned number = 1; number <= 100 * RP_METER_SAMPLED; number++) {
        timed_early += number <= RP_METER_SAMPLED && rp_meter_is_sampled(&meter);
        timed += rp_meter_is_sampled(&meter);
        (void)rp_meter_count(&meter);
    }
    CHECK_EQ(timed_early, 11); /* 1, 2, 4 ... 1024 */
    CHECK_EQ(timed, 11 + 99);
}

static void a_cost_follows_what_is_measured(void)
{
    struct rp_meter meter = {0};
    rp_meter_learn(&meter, 800);
    CHECK_EQ(atomic_load(&meter.cost_ns), 800);
    rp_meter_learn(&meter, 400);
    CHECK_EQ(atomic_load(&meter.cost_ns), 600);
    rp_meter_learn(&meter, UINT64_MAX / 2);
    CHECK_EQ(atomic_load(&meter.cost_ns), UINT32_MAX);
    for (int i = 0; i < 40; i++) {
        rp_meter_learn(&meter, 700);
    }
    CHECK(atomic_load(&meter.cost_ns) >= 699 && atomic_load(&meter.cost_ns) <= 701);
}

/* -- the CPU time of all -- */

static void a_budget_is_of_one_second(void)
{
    struct rp_budget budget = {0};
    uint64_t spent = 1000;
    CHECK(!rp_budget_is_over(&budget, 10, 50 * SECOND, spent));
    spent += SECOND / 10;
    CHECK(!rp_budget_is_over(&budget, 10, 50 * SECOND + 1, spent));
    CHECK(rp_budget_is_over(&budget, 10, 50 * SECOND + 2, spent + 1));
    /* Then a new second has begun. */
    CHECK(!rp_budget_is_over(&budget, 10, 50 * SECOND + 3, spent + SECOND / 10));
    CHECK(rp_budget_is_over(&budget, 10, 50 * SECOND + 4, spent + SECOND / 10 + 2));
}

static void seconds_are_looked_at_one_by_one(void)
{
    struct rp_budget budget = {0};
    uint64_t spent = 0;
    uint64_t now = SECOND;
    for (int poll = 0; poll < 200; poll++) {
        now += SECOND / 10;
        spent += SECOND / 100; /* exactly 10 % */
        CHECK(!rp_budget_is_over(&budget, 10, now, spent));
    }
    bool is_over = false;
    for (int poll = 0; poll < 12 && !is_over; poll++) {
        now += SECOND / 10;
        spent += SECOND / 80; /* 12.5 % */
        is_over = rp_budget_is_over(&budget, 10, now, spent);
    }
    CHECK(is_over);
}

static void a_look_that_comes_late_allows_for_all_that_time(void)
{
    struct rp_budget budget = {0};
    CHECK(!rp_budget_is_over(&budget, 10, 10 * SECOND, 0));
    CHECK(!rp_budget_is_over(&budget, 10, 70 * SECOND, 6 * SECOND));
    CHECK(rp_budget_is_over(&budget, 10, 130 * SECOND, 12 * SECOND + 1));
}

static void no_percent_is_no_limit_and_a_hundred_is_a_cpu(void)
{
    struct rp_budget budget = {0};
    CHECK(!rp_budget_is_over(&budget, 0, 10 * SECOND, 0));
    CHECK(!rp_budget_is_over(&budget, 0, 10 * SECOND + 1, UINT64_MAX));
    budget = (struct rp_budget){.began = SECOND};
    CHECK(!rp_budget_is_over(&budget, 100, SECOND + 1, SECOND));
    CHECK(rp_budget_is_over(&budget, 100, SECOND + 2, SECOND + 1));
}

static void what_goes_back_is_no_time(void)
{
    struct rp_budget budget = {.began = 100 * SECOND, .spent = 50 * SECOND};
    CHECK(!rp_budget_is_over(&budget, 1, 101 * SECOND, 49 * SECOND));
    CHECK_EQ(budget.spent, 49 * SECOND);
    CHECK(!rp_budget_is_over(&budget, 1, 3 * SECOND, 49 * SECOND + 1));
    CHECK_EQ(budget.began, 3 * SECOND);
    CHECK(rp_budget_is_over(&budget, 1, 3 * SECOND + 1, 50 * SECOND));
}

int main(void)
{
    RUN(a_limit_that_is_there_already_changes_nothing);
    RUN(none_is_no_rate_and_no_cpu);
    RUN(a_burst_is_stopped_after_exactly_the_rate);
    RUN(a_second_later_there_is_as_much_again);
    RUN(who_keeps_to_the_rate_is_never_stopped);
    RUN(nothing_is_saved_up);
    RUN(no_limit_is_no_look_at_the_clock);
    RUN(a_clock_that_goes_back_stops_nobody);
    RUN(a_counter_at_its_end_goes_on);
    RUN(no_second_has_more_than_the_rate_and_a_slice);
    RUN(limits_that_change_during_a_look_hold_at_once);
    RUN(a_limit_begins_afresh);
    RUN(a_second_one_fires_while_one_looks);
    RUN(a_second_one_that_looks_late_begins_no_slice);
    RUN(a_child_starts_afresh_whoever_was_looking);
    RUN(a_trip_is_counted_told_and_its_end_noted);
    RUN(time_by_the_clock_counts_up_to_a_limit);
    RUN(the_first_firings_and_then_one_of_many_are_timed);
    RUN(a_cost_follows_what_is_measured);
    RUN(a_budget_is_of_one_second);
    RUN(seconds_are_looked_at_one_by_one);
    RUN(a_look_that_comes_late_allows_for_all_that_time);
    RUN(no_percent_is_no_limit_and_a_hundred_is_a_cpu);
    RUN(what_goes_back_is_no_time);
    return check_finish();
}
