/*
 * runtime.h: limits: the watcher is woken for what was tripped and for what may go on, in a child as well.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup
// LINK: -Wl,--wrap=pthread_create -Wl,--wrap=pthread_condattr_init -Wl,--wrap=pthread_atfork
#include "runtime_stage.h"

static struct rp_probe *probe;

static void begin(uint32_t rate, uint32_t cpu)
{
    struct rp_limits limits = rp_limit_none();
    init();
    limits.rate = rate;
    limits.cpu = cpu;
    limits.pause = 1;
    rp_runtime_set_limits(&limits);
    probe = declare("p", "n", 0);
    CHECK_EQ(load(), RP_OK);
    attach(site_of(probe), 1);
    CHECK(poll_comes());
    CHECK_EQ(look(), 1);
}

static unsigned fire(unsigned count)
{
    static const uint64_t slots[RP_SLOTS_MAX];
    unsigned fired = 0;
    for (unsigned i = 0; i < count; i++) {
        fired += rp_probe_fire(probe, slots);
    }
    return fired;
}

static uint32_t trips_of_all;
static uint32_t trips_of_probe;

static void note_trips(void *context, const struct rp_trips *trips)
{
    CHECK(context == NULL && (!trips->probe || trips->probe == probe));
    *(trips->probe ? &trips_of_probe : &trips_of_all) += trips->count;
}

static void count_trips(void)
{
    trips_of_all = trips_of_probe = 0;
    rp_runtime_trips(note_trips, NULL);
}

static bool is_wanted(void *unused)
{
    (void)unused;
    return rp_probe_is_wanted(probe);
}

static bool is_unwanted(void *unused)
{
    return !is_wanted(unused);
}

static void a_trip_and_the_end_of_its_pause_are_polls(void)
{
    begin(100, 0);
    atomic_store(&polls_with_change, 0);
    CHECK_EQ(fire(1000), 100);
    CHECK(wait_until(has_poll, NULL));
    CHECK(is_unwanted(NULL));
    CHECK_EQ(look(), 0); /* the tracer is still there */
    CHECK(wait_until(is_wanted, NULL));
    CHECK(poll_comes());
    count_trips();
    CHECK_EQ(trips_of_probe, 1);
    CHECK_EQ(trips_of_all, 0);
    trips_of_probe = 0;
    rp_runtime_new_trips(note_trips, NULL);
    rp_runtime_new_trips(note_trips, NULL);
    CHECK_EQ(trips_of_probe, 1);
}
RUN_APART(a_trip_and_the_end_of_its_pause_are_polls)

static bool has_spent_too_much(void *unused)
{
    rp_limit_spend(20000000);
    return is_unwanted(unused);
}

static void time_spent_is_looked_at_by_the_watcher(void)
{
    begin(0, 1);
    CHECK(wait_until(has_spent_too_much, NULL));
    CHECK(poll_comes());
    CHECK_EQ(fire(1000), 0);
    CHECK(wait_until(is_wanted, NULL));
    count_trips();
    CHECK_EQ(trips_of_probe, 0);
    CHECK(trips_of_all >= 1);
}
RUN_APART(time_spent_is_looked_at_by_the_watcher)

static void other_limits_are_a_poll_where_something_was_tripped(void)
{
    struct rp_limits limits = rp_limit_none();
    begin(100, 0);
    CHECK_EQ(fire(1000), 100);
    CHECK(poll_comes());
    atomic_store(&polls_with_change, 0);
    rp_runtime_set_limits(&limits);
    CHECK(is_wanted(NULL));
    CHECK(wait_until(has_poll, NULL));
    CHECK_EQ(fire(1000), 1000);
}
RUN_APART(other_limits_are_a_poll_where_something_was_tripped)

/* -- forks -- */

static int fire_in_child(void *unused)
{
    (void)unused;
    if (!is_wanted(NULL)) {
        return 10;
    }
    if (!wait_until(has_poll, NULL)) {
        return 11;
    }
    count_trips();
    if (trips_of_probe) {
        return 12;
    }
    return fire(1000) == 100 ? 0 : 13;
}

static void a_child_starts_afresh(void)
{
    begin(100, 0);
    CHECK_EQ(fire(1000), 100);
    CHECK(poll_comes());
    (void)look();
    atomic_store(&polls_with_change, 0);
    CHECK_EQ(in_child(fire_in_child, NULL), 0);
    count_trips();
    CHECK_EQ(trips_of_probe, 1);
}
RUN_APART(a_child_starts_afresh)

/* -- threads that nothing keeps apart -- */

enum { THREADS = 4 };

static void *fire_until_refused(void *unused)
{
    (void)unused;
    while (fire(1)) {
    }
    return NULL;
}

static void all_threads_are_stopped_by_one_trip(void)
{
    pthread_t threads[THREADS];
    begin(50000, 0);
    for (int i = 0; i < THREADS; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, fire_until_refused, NULL) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    count_trips();
    CHECK_EQ(trips_of_probe, 1);
}
RUN_APART(all_threads_are_stopped_by_one_trip)

int main(void)
{
    RUN(apart_a_trip_and_the_end_of_its_pause_are_polls);
    RUN(apart_time_spent_is_looked_at_by_the_watcher);
    RUN(apart_other_limits_are_a_poll_where_something_was_tripped);
    RUN(apart_a_child_starts_afresh);
    RUN(apart_all_threads_are_stopped_by_one_trip);
    return check_finish();
}
