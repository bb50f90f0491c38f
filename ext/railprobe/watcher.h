/*
 * The native thread that sees tracers come and go: semaphores now against semaphores seen.
 *
 * It knows nothing of Ruby: it never takes the VM's lock, has every signal blocked and a small
 * stack. A change stays a change until rp_watcher_take() has seen it, so a notice that is lost is
 * repeated at the next poll. It costs one wake-up and a comparison of 2 bytes for each semaphore a
 * poll.
 */
#ifndef RAILPROBE_WATCHER_H
#define RAILPROBE_WATCHER_H

#include "error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rp_watcher_region {
    const volatile uint16_t *now; /* aligned to 8 bytes */
    uint16_t *seen;
    size_t count;
};

struct rp_watcher {
    unsigned interval_ms;
    /* Called by the thread, which holds no lock, at each poll with a change: how often in a row
     * before. */
    void (*changed)(void *context, unsigned polls);
    /* Called by the thread, which holds no lock, at each poll. */
    void (*tick)(void *context);
    void *context;

    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t wake;
    pthread_t thread;
    bool is_running;
    bool is_stopping;
    bool is_nudged;
    unsigned polls_with_change;
    struct rp_watcher_region *regions;
    size_t region_count;
    size_t region_capacity;
};

/* Prepares a zeroed watcher whose first four members are set. Returns RP_OK or RP_THREAD. */
enum rp_error rp_watcher_init(struct rp_watcher *watcher);

/*
 * Watches count semaphores, and starts the thread if it is not running. They are taken to have been
 * 0: one that is up already is a change at the next poll. Those that are watched already stay as
 * they are.
 *
 * Returns RP_OK; RP_MEMORY (nothing is watched); RP_THREAD (watched, but only rp_watcher_take()
 * sees it).
 */
enum rp_error rp_watcher_watch(struct rp_watcher *watcher, const volatile uint16_t *semaphores,
                               size_t count);

/* Watches them no more. Unknown ones are ignored. */
void rp_watcher_unwatch(struct rp_watcher *watcher, const volatile uint16_t *semaphores);

/* Has the thread call changed as if there was a change: at once or at the next poll, and again at each
 * until rp_watcher_take(). */
void rp_watcher_nudge(struct rp_watcher *watcher, bool at_once);

/* At once, unless somebody holds the lock, for which it does not wait. */
void rp_watcher_nudge_unless_busy(struct rp_watcher *watcher);

/* Takes what is as seen, and a nudge as heard. True if anything had changed. Any thread. O(semaphores). */
bool rp_watcher_take(struct rp_watcher *watcher);

/* Ends the thread, if it runs, and waits for its end. Not from a callback. */
void rp_watcher_stop(struct rp_watcher *watcher);

/*
 * Around fork: before it in the parent, then once in the parent and once in the child, where the
 * thread is started anew if it was running. For pthread_atfork().
 */
void rp_watcher_before_fork(struct rp_watcher *watcher);
void rp_watcher_after_fork_in_parent(struct rp_watcher *watcher);
void rp_watcher_after_fork_in_child(struct rp_watcher *watcher);

#endif
