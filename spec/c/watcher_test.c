/*
 * watcher.h: changes that are seen, repeated and taken; the thread that comes and goes, and fork.
 *
 * Plain memory stands in for the kernel, which raises semaphores without asking anybody.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup
// LINK: -Wl,--wrap=pthread_create -Wl,--wrap=pthread_mutex_init -Wl,--wrap=pthread_cond_init
// LINK: -Wl,--wrap=pthread_condattr_init -Wl,--wrap=pthread_attr_init
#include "watcher.h"

#include "check.h"
#include "fault.h"
#include "scratch.h"

#include <signal.h>
#include <time.h>

FAULT_ALLOCATIONS
FAULT_CALL(int, pthread_create,
           (pthread_t * thread, const pthread_attr_t *attributes, void *(*body)(void *),
            void *context),
           (thread, attributes, body, context), EAGAIN, EAGAIN)
FAULT_CALL(int, pthread_mutex_init, (pthread_mutex_t * mutex, const pthread_mutexattr_t *with),
           (mutex, with), ENOMEM, ENOMEM)
FAULT_CALL(int, pthread_cond_init, (pthread_cond_t * condition, const pthread_condattr_t *with),
           (condition, with), ENOMEM, ENOMEM)
FAULT_CALL(int, pthread_condattr_init, (pthread_condattr_t * with), (with), ENOMEM, ENOMEM)
FAULT_CALL(int, pthread_attr_init, (pthread_attr_t * with), (with), ENOMEM, ENOMEM)

enum { COUNT = 11 }; /* two words of four, and three over */

static struct rp_watcher watcher;
static volatile uint16_t semaphores[2][COUNT + 5] __attribute__((aligned(8)));
static volatile uint16_t more[8][4] __attribute__((aligned(8)));

static atomic_uint ticks;
static atomic_uint changes;
static atomic_uint first_polls;  /* as the first change told it */
static atomic_uint last_polls;   /* and the newest */
static atomic_ullong told_ms[6]; /* when, by the number of polls */
static atomic_bool has_signals;
static atomic_bool is_named;

static void note_change(void *context, unsigned polls)
{
    (void)context;
    atomic_store(&last_polls, polls);
    if (!atomic_load(&changes)) {
        atomic_store(&first_polls, polls);
    }
    if (polls < sizeof told_ms / sizeof *told_ms) {
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        atomic_store(&told_ms[polls], (unsigned long long)now.tv_sec * 1000 +
                                          (unsigned long long)now.tv_nsec / 1000000);
    }
    atomic_fetch_add(&changes, 1);
}

static void note_tick(void *context)
{
    sigset_t blocked;
    char name[16] = "";
    CHECK(context == &ticks);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++) {
        if (!sigismember(&blocked, signal)) {
            atomic_store(&has_signals, true);
        }
    }
    if (!sigismember(&blocked, SIGINT) || !sigismember(&blocked, SIGPROF)) {
        atomic_store(&has_signals, true);
    }
    (void)pthread_getname_np(pthread_self(), name, sizeof name);
    atomic_store(&is_named, strcmp(name, "railprobe") == 0);
    atomic_fetch_add(&ticks, 1);
}

static void begin(unsigned interval_ms)
{
    watcher = (struct rp_watcher){
        .interval_ms = interval_ms, .changed = note_change, .tick = note_tick, .context = &ticks};
    memset((void *)semaphores, 0, sizeof semaphores);
    memset((void *)more, 0, sizeof more);
    atomic_store(&ticks, 0);
    atomic_store(&changes, 0);
    CHECK_EQ(rp_watcher_init(&watcher), RP_OK);
}

static void end(void)
{
    rp_watcher_stop(&watcher);
    while (watcher.region_count) {
        rp_watcher_unwatch(&watcher, watcher.regions[0].now);
    }
    free(watcher.regions);
    pthread_mutex_destroy(&watcher.lock);
    pthread_cond_destroy(&watcher.wake);
}

static bool has_reached(void *counter)
{
    return atomic_load((atomic_uint *)counter) >= 1;
}

/* Waits for number more of the counter, or fails the test. */
static void wait_for(atomic_uint *counter, unsigned number)
{
    for (unsigned i = 0; i < number; i++) {
        atomic_store(counter, 0);
        CHECK(wait_until(has_reached, counter));
    }
}

static void a_semaphore_that_rises_or_falls_is_a_change(void)
{
    begin(10);
    CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_OK);
    wait_for(&ticks, 2);
    CHECK_EQ(atomic_load(&changes), 0);
    for (int i = 0; i < COUNT; i++) {
        for (int level = 2; level >= 0; level--) {
            semaphores[0][i] = (uint16_t)level;
            wait_for(&changes, 1);
            CHECK(rp_watcher_take(&watcher));
            CHECK(!rp_watcher_take(&watcher));
        }
    }
    end();
}

static void a_change_is_repeated_until_it_is_taken(void)
{
    begin(1);
    CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_OK);
    semaphores[0][COUNT - 1] = 1;
    wait_for(&changes, 5);
    CHECK(atomic_load(&last_polls) >= 4);
    CHECK(rp_watcher_take(&watcher));
    wait_for(&ticks, 2); /* one may have been on its way */
    atomic_store(&changes, 0);
    wait_for(&ticks, 3);
    CHECK_EQ(atomic_load(&changes), 0);
    end();
}

/* The first waking of Ruby may be in vain, and two polls are what an attach may take. */
static void what_is_not_taken_is_told_four_times_soon(void)
{
    begin(400);
    CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_OK);
    semaphores[0][0] = 1;
    wait_for(&changes, 6);
    CHECK_EQ(atomic_load(&last_polls), 5);
    for (int i = 1; i <= 4; i++) {
        CHECK(told_ms[i] - told_ms[i - 1] >= 39);
    }
    CHECK(told_ms[4] - told_ms[0] <
          800); /* 160 and what the machine takes; 1600 without the haste */
    CHECK(told_ms[5] - told_ms[4] >= 399);
    end();
}

static void a_nudge_is_repeated_until_it_is_taken(void)
{
    begin(1);
    CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_OK);
    rp_watcher_nudge(&watcher, true);
    wait_for(&changes, 5);
    CHECK(atomic_load(&last_polls) >= 4);
    CHECK(!rp_watcher_take(&watcher));
    wait_for(&ticks, 2); /* one may have been on its way */
    atomic_store(&changes, 0);
    wait_for(&ticks, 3);
    CHECK_EQ(atomic_load(&changes), 0);
    end();
}

static void a_nudge_from_anywhere_waits_for_nobody(void)
{
    begin(1);
    CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_OK);
    pthread_mutex_lock(&watcher.lock);
    rp_watcher_nudge_unless_busy(&watcher);
    CHECK(!watcher.is_nudged);
    pthread_mutex_unlock(&watcher.lock);
    while (!atomic_load(&changes)) {
        rp_watcher_nudge_unless_busy(&watcher);
    }
    CHECK(!rp_watcher_take(&watcher));
    end();
}

static void polls_are_counted_from_each_change(void)
{
    begin(1);
    CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_OK);
    for (unsigned round = 1; round < 4; round++) {
        atomic_store(&changes, 0);
        semaphores[0][0] = (uint16_t)round;
        CHECK(wait_until(has_reached, &changes));
        CHECK_EQ(atomic_load(&first_polls), 0);
        (void)rp_watcher_take(&watcher);
        wait_for(&ticks, 2);
    }
    end();
}

static void what_is_up_already_is_a_change(void)
{
    begin(10);
    semaphores[0][4] = 1;
    CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_OK);
    wait_for(&changes, 1);
    CHECK(rp_watcher_take(&watcher));
    end();
}

static void what_goes_up_and_down_between_two_polls_is_none(void)
{
    begin(60 * 1000);
    CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_OK);
    semaphores[0][4] = 1;
    semaphores[0][4] = 0;
    CHECK(!rp_watcher_take(&watcher));
    end(); /* and a long interval holds nobody up */
}

static void several_regions_are_watched(void)
{
    begin(5);
    for (int i = 0; i < 8; i++) { /* more than the first room has */
        CHECK_EQ(rp_watcher_watch(&watcher, more[i], 4), RP_OK);
    }
    CHECK_EQ(watcher.region_count, 8);
    for (int i = 0; i < 8; i++) {
        more[i][i % 4] = 1;
        wait_for(&changes, 1);
        CHECK(rp_watcher_take(&watcher));
    }
    end();
}

static void what_is_watched_already_is_not_watched_twice(void)
{
    begin(60 * 1000);
    CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_OK);
    semaphores[0][1] = 1;
    CHECK(rp_watcher_take(&watcher));
    CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_OK);
    CHECK_EQ(watcher.region_count, 1);
    CHECK(!rp_watcher_take(&watcher)); /* and what was seen stays seen */
    end();
}

static void what_is_not_watched_any_more_is_no_change(void)
{
    begin(5);
    CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_OK);
    CHECK_EQ(rp_watcher_watch(&watcher, semaphores[1], COUNT), RP_OK);
    rp_watcher_unwatch(&watcher, semaphores[0]);
    rp_watcher_unwatch(&watcher, more[0]);
    CHECK_EQ(watcher.region_count, 1);
    semaphores[0][0] = 1;
    wait_for(&ticks, 3);
    CHECK_EQ(atomic_load(&changes), 0);
    semaphores[1][0] = 1;
    wait_for(&changes, 1);
    rp_watcher_unwatch(&watcher, semaphores[1]);
    CHECK(!rp_watcher_take(&watcher));
    end();
}

static void a_region_of_nothing_never_changes(void)
{
    begin(5);
    CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], 0), RP_OK);
    semaphores[0][0] = 1;
    wait_for(&ticks, 2);
    CHECK_EQ(atomic_load(&changes), 0);
    end();
}

static void the_thread_takes_no_signal_and_has_a_name(void)
{
    begin(5);
    atomic_store(&has_signals, false);
    CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_OK);
    wait_for(&ticks, 2);
    CHECK(!atomic_load(&has_signals));
    CHECK(atomic_load(&is_named));
    sigset_t blocked;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    CHECK(!sigismember(&blocked, SIGINT)); /* ours are as they were */
    end();
}

static void a_stopped_one_is_silent_and_starts_again(void)
{
    begin(1);
    rp_watcher_stop(&watcher); /* before it ever ran */
    for (int round = 0; round < 20; round++) {
        CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_OK);
        CHECK(watcher.is_running);
        wait_for(&ticks, 1);
        rp_watcher_stop(&watcher);
        CHECK(!watcher.is_running);
        const unsigned before = atomic_load(&ticks);
        semaphores[0][0]++;
        CHECK(rp_watcher_take(&watcher)); /* needs no thread */
        CHECK_EQ(atomic_load(&ticks), before);
        rp_watcher_stop(&watcher);
    }
    end();
}

static void without_memory_nothing_is_watched(void)
{
    for (unsigned n = 1; fault_in(&fault_allocation, n); n++) {
        begin(1000);
        enum rp_error error = rp_watcher_watch(&watcher, semaphores[0], COUNT);
        bool failed = fault_end(&fault_allocation);
        CHECK_EQ(error, failed ? RP_MEMORY : RP_OK);
        CHECK_EQ(watcher.region_count, !failed);
        CHECK_EQ(watcher.is_running, !failed);
        end();
    }
}

static void without_a_thread_changes_can_still_be_taken(void)
{
    for (unsigned n = 1; n <= 2; n++) {
        begin(5);
        fault_begin(&fault_system, n);
        CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_THREAD);
        CHECK(fault_end(&fault_system));
        CHECK(!watcher.is_running);
        semaphores[0][2] = 1;
        CHECK(rp_watcher_take(&watcher));
        CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_OK); /* tried again */
        wait_for(&ticks, 1);
        end();
    }
}

static void without_a_lock_there_is_no_watcher(void)
{
    unsigned failures = 0;
    for (unsigned n = 1; fault_in(&fault_system, n); n++) {
        struct rp_watcher other = {.interval_ms = 5, .changed = note_change, .tick = note_tick};
        enum rp_error error = rp_watcher_init(&other);
        bool failed = fault_end(&fault_system);
        CHECK_EQ(error, failed ? RP_THREAD : RP_OK);
        failures += failed;
    }
    CHECK_EQ(failures, 3);
}

/* -- fork -- */

static int watch_in_child(void *context)
{
    const bool *is_expected = context;
    rp_watcher_after_fork_in_child(&watcher);
    if (watcher.is_running != *is_expected) {
        return 1;
    }
    if (!*is_expected) {
        return 0;
    }
    atomic_store(&changes, 0);
    semaphores[0][0] = 9;
    if (!wait_until(has_reached, &changes) || !rp_watcher_take(&watcher)) {
        return 2;
    }
    rp_watcher_stop(&watcher);
    return watcher.is_running ? 3 : 0;
}

static void a_child_has_a_watcher_again(void)
{
    bool is_expected = true;
    begin(1);
    CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_OK);
    for (int round = 0; round < 10; round++) {
        wait_for(&ticks, 1);
        rp_watcher_before_fork(&watcher);
        int result = in_child(watch_in_child, &is_expected);
        rp_watcher_after_fork_in_parent(&watcher);
        CHECK_EQ(result, 0);
        CHECK_EQ(semaphores[0][0], 0);
    }
    semaphores[0][1] = 1;
    wait_for(&changes, 1); /* the parent's goes on */
    end();
}

static void a_child_has_none_where_none_ran(void)
{
    bool is_expected = false;
    begin(1);
    rp_watcher_before_fork(&watcher);
    CHECK_EQ(in_child(watch_in_child, &is_expected), 0);
    rp_watcher_after_fork_in_parent(&watcher);
    CHECK_EQ(rp_watcher_watch(&watcher, semaphores[0], COUNT), RP_OK);
    rp_watcher_stop(&watcher);
    rp_watcher_before_fork(&watcher);
    CHECK_EQ(in_child(watch_in_child, &is_expected), 0);
    rp_watcher_after_fork_in_parent(&watcher);
    end();
}

int main(void)
{
    RUN(a_semaphore_that_rises_or_falls_is_a_change);
    RUN(a_change_is_repeated_until_it_is_taken);
    RUN(what_is_not_taken_is_told_four_times_soon);
    RUN(a_nudge_is_repeated_until_it_is_taken);
    RUN(a_nudge_from_anywhere_waits_for_nobody);
    RUN(polls_are_counted_from_each_change);
    RUN(what_is_up_already_is_a_change);
    RUN(what_goes_up_and_down_between_two_polls_is_none);
    RUN(several_regions_are_watched);
    RUN(what_is_watched_already_is_not_watched_twice);
    RUN(what_is_not_watched_any_more_is_no_change);
    RUN(a_region_of_nothing_never_changes);
    RUN(the_thread_takes_no_signal_and_has_a_name);
    RUN(a_stopped_one_is_silent_and_starts_again);
    RUN(without_memory_nothing_is_watched);
    RUN(without_a_thread_changes_can_still_be_taken);
    RUN(without_a_lock_there_is_no_watcher);
    RUN(a_child_has_a_watcher_again);
    RUN(a_child_has_none_where_none_ran);
    return check_finish();
}
