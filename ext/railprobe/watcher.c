/*
 * The native thread that sees tracers come and go. Start reading at run().
 */
#include "watcher.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STACK_SIZE = 64 * 1024, WORD = sizeof(uint64_t) / sizeof(uint16_t), QUICK_POLLS = 4 };

/* -- one look -- */

/* Four semaphores at a time; what is over at the end one by one. */
static bool has_changed(const struct rp_watcher_region *region)
{
    size_t words = region->count / WORD;
    const volatile uint64_t *now = (const volatile void *)region->now;
    uint64_t difference = 0;
    for (size_t i = 0; i < words; i++) {
        uint64_t seen;
        memcpy(&seen, region->seen + i * WORD, sizeof seen);
        difference |= now[i] ^ seen;
    }
    for (size_t i = words * WORD; i < region->count; i++) {
        difference |= (uint64_t)(region->now[i] ^ region->seen[i]);
    }
    return difference != 0;
}

static bool any_changed(const struct rp_watcher *watcher)
{
    for (size_t i = 0; i < watcher->region_count; i++) {
        if (has_changed(&watcher->regions[i])) {
            return true;
        }
    }
    return false;
}

bool rp_watcher_take(struct rp_watcher *watcher)
{
    bool changed = false;
    pthread_mutex_lock(&watcher->lock);
    watcher->is_nudged = false;
    for (size_t i = 0; i < watcher->region_count; i++) {
        struct rp_watcher_region *region = &watcher->regions[i];
        for (size_t number = 0; number < region->count; number++) {
            uint16_t now = region->now[number];
            changed |= now != region->seen[number];
            region->seen[number] = now;
        }
    }
    pthread_mutex_unlock(&watcher->lock);
    return changed;
}

void rp_watcher_nudge(struct rp_watcher *watcher, bool at_once)
{
    pthread_mutex_lock(&watcher->lock);
    watcher->is_nudged = true;
    if (at_once) {
        pthread_cond_signal(&watcher->wake);
    }
    pthread_mutex_unlock(&watcher->lock);
}

void rp_watcher_nudge_unless_busy(struct rp_watcher *watcher)
{
    if (pthread_mutex_trylock(&watcher->lock) == 0) {
        watcher->is_nudged = true;
        pthread_cond_signal(&watcher->wake);
        pthread_mutex_unlock(&watcher->lock);
    }
}

/* -- the thread -- */

/*
 * A tenth of a poll after a change, for four times: a process that sleeps through it is woken well within two. The
 * first waking may be in vain: Ruby notes a job with the thread that ran last, which need not be the main thread, and
 * that is the one a signal wakes. It has run then, so at the second the job is noted with it.
 */
static struct timespec next_poll(const struct rp_watcher *watcher)
{
    struct timespec time;
    unsigned interval_ms = watcher->interval_ms;
    if (watcher->polls_with_change >= 1 && watcher->polls_with_change <= QUICK_POLLS) {
        interval_ms = (interval_ms + 9) / 10;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += interval_ms / 1000;
    time.tv_nsec += (long)(interval_ms % 1000) * 1000 * 1000;
    if (time.tv_nsec >= 1000 * 1000 * 1000) {
        time.tv_nsec -= 1000 * 1000 * 1000;
        time.tv_sec++;
    }
    return time;
}

static void *run(void *argument)
{
    struct rp_watcher *watcher = argument;
    pthread_mutex_lock(&watcher->lock);
    while (!watcher->is_stopping) {
        struct timespec time = next_poll(watcher);
        (void)pthread_cond_timedwait(&watcher->wake, &watcher->lock, &time);
        if (watcher->is_stopping) {
            break;
        }
        bool changed = any_changed(watcher) || watcher->is_nudged;
        unsigned polls = watcher->polls_with_change;
        watcher->polls_with_change = changed ? polls + 1 : 0;
        pthread_mutex_unlock(&watcher->lock);
        if (changed) {
            watcher->changed(watcher->context, polls);
        }
        watcher->tick(watcher->context);
        pthread_mutex_lock(&watcher->lock);
    }
    pthread_mutex_unlock(&watcher->lock);
    return NULL;
}

static size_t stack_size(void)
{
    long least = sysconf(_SC_THREAD_STACK_MIN);
    size_t size = STACK_SIZE;
    return least > 0 && (size_t)least + STACK_SIZE / 2 > size ? (size_t)least + STACK_SIZE / 2
                                                              : size;
}

/* The lock is held, or nobody else can be there. The thread is born with every signal blocked. */
static enum rp_error start(struct rp_watcher *watcher)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    if (watcher->is_running) {
        return RP_OK;
    }
    if (pthread_attr_init(&attributes) != 0) {
        return RP_THREAD;
    }
    sigfillset(&all);
    (void)pthread_attr_setstacksize(&attributes, stack_size());
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    watcher->is_stopping = false;
    watcher->is_running = pthread_create(&watcher->thread, &attributes, run, watcher) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
#ifdef __linux__
    if (watcher->is_running) {
        (void)pthread_setname_np(watcher->thread, "railprobe");
    }
#endif
    return watcher->is_running ? RP_OK : RP_THREAD;
}

static enum rp_error init_lock(struct rp_watcher *watcher)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return RP_THREAD;
    }
    bool done = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_mutex_init(&watcher->lock, NULL) == 0 &&
                pthread_cond_init(&watcher->wake, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    return done ? RP_OK : RP_THREAD;
}

enum rp_error rp_watcher_init(struct rp_watcher *watcher)
{
    return init_lock(watcher);
}

void rp_watcher_stop(struct rp_watcher *watcher)
{
    pthread_mutex_lock(&watcher->lock);
    bool was_running = watcher->is_running;
    watcher->is_stopping = true;
    watcher->is_running = false;
    pthread_cond_signal(&watcher->wake);
    pthread_mutex_unlock(&watcher->lock);
    if (was_running) {
        pthread_join(watcher->thread, NULL);
    }
}

/* -- what is watched -- */

static bool make_room(struct rp_watcher *watcher)
{
    if (watcher->region_count < watcher->region_capacity) {
        return true;
    }
    size_t capacity = watcher->region_capacity ? 2 * watcher->region_capacity : 4;
    struct rp_watcher_region *regions =
        reallocarray(watcher->regions, capacity, sizeof *watcher->regions);
    if (!regions) {
        return false;
    }
    watcher->regions = regions;
    watcher->region_capacity = capacity;
    return true;
}

static bool is_watched(const struct rp_watcher *watcher, const volatile uint16_t *semaphores)
{
    for (size_t i = 0; i < watcher->region_count; i++) {
        if (watcher->regions[i].now == semaphores) {
            return true;
        }
    }
    return false;
}

/* The lock is held. */
static bool add_region(struct rp_watcher *watcher, const volatile uint16_t *semaphores,
                       size_t count)
{
    uint16_t *seen = calloc(count + 1, sizeof *seen);
    if (!seen || !make_room(watcher)) {
        free(seen);
        return false;
    }
    watcher->regions[watcher->region_count++] = (struct rp_watcher_region){semaphores, seen, count};
    return true;
}

enum rp_error rp_watcher_watch(struct rp_watcher *watcher, const volatile uint16_t *semaphores,
                               size_t count)
{
    pthread_mutex_lock(&watcher->lock);
    bool is_there = is_watched(watcher, semaphores) || add_region(watcher, semaphores, count);
    enum rp_error error = is_there ? start(watcher) : RP_MEMORY;
    pthread_mutex_unlock(&watcher->lock);
    return error;
}

void rp_watcher_unwatch(struct rp_watcher *watcher, const volatile uint16_t *semaphores)
{
    pthread_mutex_lock(&watcher->lock);
    for (size_t i = 0; i < watcher->region_count; i++) {
        if (watcher->regions[i].now == semaphores) {
            free(watcher->regions[i].seen);
            watcher->regions[i] = watcher->regions[--watcher->region_count];
            break;
        }
    }
    pthread_mutex_unlock(&watcher->lock);
}

/* -- fork -- */

void rp_watcher_before_fork(struct rp_watcher *watcher)
{
    pthread_mutex_lock(&watcher->lock);
}

void rp_watcher_after_fork_in_parent(struct rp_watcher *watcher)
{
    pthread_mutex_unlock(&watcher->lock);
}

/* The thread is not in the child, and its condition variable may have been in use: begin afresh. */
void rp_watcher_after_fork_in_child(struct rp_watcher *watcher)
{
    bool was_running = watcher->is_running;
    watcher->is_running = false;
    if (!init_lock(watcher) && was_running) {
        (void)start(watcher);
    }
}
