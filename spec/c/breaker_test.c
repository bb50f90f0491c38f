/*
 * breaker.h: what is tripped, for how long, and who is told; with probes that fire for real and a clock that is
 * set by hand.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup
// LINK: -Wl,--wrap=clock_gettime
#include "breaker.h"

#include "check.h"
#include "clock.h"
#include "fault.h"
#include "samples.h"

#include <stdlib.h>

FAULT_ALLOCATIONS

/* -- three probes, the last of another registry -- */

enum { PROBES = 3 };
static struct rp_registry registries[RP_BREAKER_REGISTRIES];
static struct rp_breaker breaker;
static struct rp_probe *probes[PROBES];
static struct rp_site sites[PROBES];
static volatile uint16_t semaphores[PROBES];
static unsigned hits;
static unsigned calls;

static void hit(void)
{
    hits++;
}

static void count_call(void)
{
    calls++;
}

static void limit_to(uint32_t rate, uint32_t cpu, uint32_t pause)
{
    struct rp_limits limits = rp_limit_none();
    limits.rate = rate;
    limits.cpu = cpu;
    limits.pause = pause;
    (void)rp_breaker_set(&breaker, &limits);
}

static void begin(void)
{
    static const char *const names[PROBES] = {"one", "two", "three"};
    void (*const function)(void) = hit;
    breaker = (struct rp_breaker){.registries = {&registries[0], &registries[1]}};
    clock_ns = 1000 * SECOND;
    rp_limit_after_fork_in_child();
    atomic_store(&rp_limits.tripped, count_call);
    for (size_t i = 0; i < PROBES; i++) {
        const struct rp_declaration declaration = sample("p", names[i], 0);
        CHECK_EQ(rp_registry_declare(&registries[i / 2], &declaration, &probes[i]), RP_OK);
        semaphores[i] = 1;
        sites[i] = (struct rp_site){.semaphore = &semaphores[i]};
        memcpy(&sites[i].address, &function, sizeof function);
        atomic_store(&probes[i]->sites, &sites[i]);
    }
    hits = calls = 0;
}

static void end(void)
{
    limit_to(0, 0, 10);
    for (size_t i = 0; i < RP_BREAKER_REGISTRIES; i++) {
        for (size_t at = 0; at < registries[i].capacity; at++) {
            rp_probe_free(registries[i].table[at]);
        }
        free(registries[i].table);
        registries[i] = (struct rp_registry){0};
    }
    atomic_store(&rp_limits.tripped, NULL);
}

/* How many of count firings got through. */
static unsigned fire(struct rp_probe *probe, unsigned count)
{
    static const uint64_t slots[RP_SLOTS_MAX];
    const unsigned before = hits;
    unsigned fired = 0;
    for (unsigned i = 0; i < count; i++) {
        fired += rp_probe_fire(probe, slots);
    }
    CHECK_EQ(hits - before, fired);
    return fired;
}

/* -- who is told -- */

static struct rp_trips told[8];
static size_t told_count;

static void note(void *context, const struct rp_trips *trips)
{
    CHECK(context == &told_count);
    told[told_count++ % 8] = *trips;
}

static size_t new_trips(void)
{
    told_count = 0;
    rp_breaker_new_trips(&breaker, note, &told_count);
    return told_count;
}

static size_t all_trips(void)
{
    told_count = 0;
    rp_breaker_trips(&breaker, note, &told_count);
    return told_count;
}

/* -- the rate -- */

static void a_probe_over_its_rate_is_tripped_alone_for_the_pause(void)
{
    begin();
    limit_to(100, 0, 7);
    CHECK_EQ(fire(probes[0], 1000), 100);
    CHECK_EQ(calls, 1);
    CHECK(rp_probe_is_attached(probes[0]) && rp_probe_is_tripped(probes[0]));
    CHECK(!rp_probe_is_wanted(probes[0]) && rp_probe_is_wanted(probes[1]));
    CHECK_EQ(fire(probes[1], 100), 100);
    CHECK_EQ(calls, 1);
    CHECK(rp_breaker_look(&breaker)); /* in case that the call was of no use */
    CHECK(rp_breaker_look(&breaker));
    CHECK_EQ(new_trips(), 1);
    clock_ns += 7 * SECOND - 1;
    CHECK(!rp_breaker_look(&breaker));
    CHECK_EQ(fire(probes[0], 5), 0);
    clock_ns += 1;
    CHECK(rp_probe_is_tripped(probes[0]));
    CHECK(rp_breaker_look(&breaker));
    CHECK(rp_probe_is_wanted(probes[0]));
    CHECK(!rp_breaker_look(&breaker));
    CHECK_EQ(fire(probes[0], 1000), 100);
    CHECK_EQ(calls, 2);
    end();
}

static void a_probe_nobody_is_on_is_not_wanted(void)
{
    begin();
    semaphores[1] = 0;
    CHECK(!rp_probe_is_wanted(probes[1]) && !rp_probe_is_tripped(probes[1]));
    end();
}

static void pauses_end_each_at_its_own_time(void)
{
    begin();
    limit_to(10, 0, 5);
    CHECK_EQ(fire(probes[0], 11), 10);
    clock_ns += 2 * SECOND;
    CHECK_EQ(fire(probes[2], 11), 10);
    CHECK_EQ(new_trips(), 2);
    clock_ns += 3 * SECOND;
    CHECK(rp_breaker_look(&breaker));
    CHECK(rp_probe_is_wanted(probes[0]) && rp_probe_is_tripped(probes[2]));
    clock_ns += 2 * SECOND - 1;
    CHECK(!rp_breaker_look(&breaker));
    clock_ns += 1;
    CHECK(rp_breaker_look(&breaker));
    CHECK(rp_probe_is_wanted(probes[2]));
    CHECK_EQ(atomic_load(&rp_limits.next_end), UINT64_MAX);
    end();
}

static void each_trip_is_told_once_and_counted(void)
{
    begin();
    limit_to(10, 0, 1);
    CHECK_EQ(new_trips(), 0);
    CHECK_EQ(all_trips(), 0);
    CHECK_EQ(fire(probes[0], 30), 10);
    CHECK_EQ(new_trips(), 1);
    CHECK(told[0].probe == probes[0] && told[0].count == 1);
    CHECK(told[0].limit == 10 && told[0].pause == 1);
    CHECK_EQ(new_trips(), 0);
    for (int i = 0; i < 3; i++) {
        clock_ns += SECOND;
        CHECK(rp_breaker_look(&breaker));
        CHECK_EQ(fire(probes[0], 30), 10);
    }
    CHECK_EQ(fire(probes[2], 30), 10);
    CHECK_EQ(new_trips(), 2);
    CHECK(told[0].probe == probes[0] && told[0].count == 3);
    CHECK(told[1].probe == probes[2] && told[1].count == 1);
    CHECK_EQ(new_trips(), 0);
    CHECK_EQ(all_trips(), 2);
    CHECK(told[0].probe == probes[0] && told[0].count == 4);
    CHECK(told[1].probe == probes[2] && told[1].count == 1);
    end();
}

static void a_counter_of_trips_at_its_end_goes_on(void)
{
    begin();
    limit_to(10, 0, 1);
    struct rp_meter *meter = rp_probe_meter(probes[0]);
    REQUIRE(meter != NULL);
    atomic_store(&meter->trips, UINT32_MAX);
    atomic_store(&meter->told, UINT32_MAX);
    CHECK_EQ(fire(probes[0], 30), 10);
    CHECK_EQ(new_trips(), 1);
    CHECK_EQ(told[0].count, 1);
    end();
}

/* -- limits that change -- */

static void other_limits_let_everything_go_on(void)
{
    begin();
    limit_to(10, 0, 86400);
    CHECK_EQ(fire(probes[0], 30), 10);
    struct rp_limits limits = rp_limit_get();
    CHECK(!rp_breaker_set(&breaker, &limits));
    CHECK(rp_probe_is_tripped(probes[0]));
    limits.rate = 20;
    CHECK(rp_breaker_set(&breaker, &limits));
    CHECK(rp_probe_is_wanted(probes[0]));
    CHECK_EQ(new_trips(), 1);
    CHECK_EQ(told[0].limit, 10); /* as it was */
    CHECK_EQ(fire(probes[0], 30), 20);
    limits.rate = 0;
    CHECK(rp_breaker_set(&breaker, &limits));
    CHECK_EQ(fire(probes[0], 3000), 3000);
    limits.rate = 5;
    CHECK(!rp_breaker_set(&breaker, &limits));
    CHECK_EQ(fire(probes[0], 3000), 5);
    CHECK_EQ(all_trips(), 1);
    CHECK_EQ(told[0].count, 3);
    end();
}

/* -- the CPU time of all -- */

static void all_probes_together_are_tripped_for_their_time(void)
{
    begin();
    limit_to(0, 10, 3);
    CHECK(!rp_breaker_look(&breaker));
    rp_limit_spend(SECOND / 10);
    clock_ns += SECOND / 10;
    CHECK(!rp_breaker_look(&breaker)); /* the first second begins with the first look at it */
    rp_limit_spend(SECOND / 10 + 1);
    clock_ns += SECOND / 10;
    CHECK(rp_breaker_look(&breaker));
    CHECK_EQ(calls, 1);
    for (size_t i = 0; i < PROBES; i++) {
        CHECK(!rp_probe_is_wanted(probes[i]));
    }
    limit_to(0, 10, 3); /* changes nothing */
    CHECK_EQ(new_trips(), 1);
    CHECK(told[0].probe == NULL && told[0].count == 1);
    CHECK(told[0].limit == 10 && told[0].pause == 3);
    CHECK_EQ(new_trips(), 0);
    clock_ns += 3 * SECOND - 1;
    CHECK(!rp_breaker_look(&breaker));
    rp_limit_spend(SECOND); /* calls that were in progress: no second trip */
    CHECK(!rp_breaker_look(&breaker));
    clock_ns += 1;
    CHECK(rp_breaker_look(&breaker));
    CHECK(rp_probe_is_wanted(probes[0]));
    CHECK(!rp_breaker_look(&breaker));
    CHECK_EQ(all_trips(), 1);
    CHECK(told[0].probe == NULL && told[0].count == 1);
    end();
}

static void one_pause_may_outlast_the_other(void)
{
    begin();
    limit_to(10, 10, 3);
    rp_limit_spend(1);
    CHECK(!rp_breaker_look(&breaker));
    CHECK_EQ(fire(probes[0], 11), 10);
    clock_ns += SECOND / 2;
    rp_limit_spend(SECOND);
    CHECK(rp_breaker_look(&breaker));
    CHECK_EQ(new_trips(), 2);
    CHECK(!rp_breaker_look(&breaker));
    clock_ns += 2 * SECOND + SECOND / 2;
    CHECK(rp_breaker_look(&breaker));
    CHECK(!atomic_load(&probes[0]->is_tripped) && rp_probe_is_tripped(probes[0]));
    clock_ns += SECOND / 2;
    CHECK(rp_breaker_look(&breaker));
    CHECK(rp_probe_is_wanted(probes[0]));
    end();
}

static void nothing_new_is_no_look_at_the_clock(void)
{
    begin();
    limit_to(10, 10, 3);
    rp_limit_spend(1);
    CHECK(!rp_breaker_look(&breaker));
    clock_looked_at = abort;
    CHECK(!rp_breaker_look(&breaker));
    clock_looked_at = NULL;
    end();
}

/* -- forks, and no memory -- */

static void a_child_has_nothing_tripped(void)
{
    begin();
    limit_to(10, 10, 3);
    CHECK(!rp_breaker_after_fork_in_child(&breaker));
    CHECK_EQ(fire(probes[0], 30), 10);
    CHECK(rp_breaker_after_fork_in_child(&breaker));
    CHECK(rp_probe_is_wanted(probes[0]));
    CHECK_EQ(new_trips(), 0);
    CHECK_EQ(all_trips(), 0);
    CHECK_EQ(fire(probes[0], 30), 10);
    clock_ns += 3 * SECOND;
    CHECK(rp_breaker_look(&breaker));
    rp_limit_spend(20 * SECOND);
    clock_ns += SECOND;
    CHECK(rp_breaker_look(&breaker));
    CHECK(rp_breaker_after_fork_in_child(&breaker));
    CHECK(rp_probe_is_wanted(probes[1]));
    CHECK_EQ(all_trips(), 0);
    end();
}

static void without_memory_there_is_no_limit(void)
{
    begin();
    limit_to(10, 0, 3);
    fault_begin_for_good(&fault_allocation, 1);
    CHECK_EQ(fire(probes[0], 30), 30);
    (void)fault_end(&fault_allocation);
    CHECK_EQ(fire(probes[0], 30), 10);
    end();
}

int main(void)
{
    RUN(a_probe_over_its_rate_is_tripped_alone_for_the_pause);
    RUN(a_probe_nobody_is_on_is_not_wanted);
    RUN(pauses_end_each_at_its_own_time);
    RUN(each_trip_is_told_once_and_counted);
    RUN(a_counter_of_trips_at_its_end_goes_on);
    RUN(other_limits_let_everything_go_on);
    RUN(all_probes_together_are_tripped_for_their_time);
    RUN(one_pause_may_outlast_the_other);
    RUN(nothing_new_is_no_look_at_the_clock);
    RUN(a_child_has_nothing_tripped);
    RUN(without_memory_there_is_no_limit);
    return check_finish();
}
