/*
 * What a call costs: the clocks, and the time that probes fired inside it took.
 *
 * Time spent in probes must not count as the app's. Each thread keeps, for the fibers that it ran last,
 * how long their probes have taken in all; a call takes the difference between its end and its begin.
 * Nothing here allocates, locks or raises.
 */
#ifndef RAILPROBE_MEASURE_H
#define RAILPROBE_MEASURE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Where a fiber's probe time stood. Of use in the same thread only; elsewhere it counts as unknown. */
struct rp_mark {
    uint64_t epoch;
    uint64_t probe_ns;
};

/*
 * Where a fiber's probe time is kept. A thread's table of them is a cache: a fiber that loses its place to
 * another one gets a new epoch with the next, so a call that spans the loss sees that its mark is void, and
 * counts no probe time rather than a wrong one.
 */
struct rp_place {
    uintptr_t fiber;
    uint64_t epoch;
    uint64_t probe_ns;
    uint64_t taken_ns;  /* of it, what rp_measure_take() gave */
    uint64_t firing_ns; /* what a firing took, as of late */
    uint32_t firings;   /* that no open call waited for */
    uint32_t
        open; /* traced calls that have begun and not ended; too many after a fiber that never did */
    bool is_asking; /* the block of a helper type runs, and what it calls fires nothing */
};

/* Of so many firings that nobody waits for one is timed. */
enum { RP_MEASURE_SAMPLED = 16 };

static inline uint64_t rp_clock_ns(clockid_t clock)
{
    struct timespec time;
    (void)clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline uint64_t rp_now_ns(void)
{
    return rp_clock_ns(CLOCK_MONOTONIC);
}

/*
 * The place of the fiber, which is any number that tells it from others. Good until the thread may have let
 * another one run: Ruby can put it on another thread of the system then. O(1).
 */
struct rp_place *rp_measure_place(uintptr_t fiber);

/* Where the fiber's probe time stands now. */
static inline struct rp_mark rp_measure_mark(const struct rp_place *place)
{
    return (struct rp_mark){place->epoch, place->probe_ns};
}

/* How long the fiber's probes took since mark; 0 if that can't be told any more. */
static inline uint64_t rp_measure_since(const struct rp_place *place, struct rp_mark mark)
{
    return place->epoch == mark.epoch ? place->probe_ns - mark.probe_ns : 0;
}

/* Adds to the fiber's probe time. */
static inline void rp_measure_add(struct rp_place *place, uint64_t ns)
{
    place->probe_ns += ns;
}

/*
 * A traced call, or an event of Rails, begins and ends in the fiber of the place. Gives whether it was in no other
 * one, whose duration the time of its probes would have to be taken off.
 */
static inline void rp_measure_open(struct rp_place *place)
{
    place->open++;
}

static inline bool rp_measure_close(struct rp_place *place, struct rp_mark mark)
{
    place->open -= place->epoch == mark.epoch && place->open;
    return !place->open;
}

/* Whether to time the next firing that no call waits for. Where not, firing_ns stands for it. */
static inline bool rp_measure_is_sampled(struct rp_place *place)
{
    return place->firings++ % RP_MEASURE_SAMPLED == 0;
}

/* What a firing took. Interrupted ones, which stand for others, count for no more than one event may. */
void rp_measure_learn(struct rp_place *place, uint64_t ns);

/* What was added since this was last asked. */
static inline uint64_t rp_measure_take(struct rp_place *place)
{
    const uint64_t ns = place->probe_ns - place->taken_ns;
    place->taken_ns = place->probe_ns;
    return ns;
}

/* What reading the clock costs here, ns: the part of the wrapper that no pair of readings can see. */
uint64_t rp_measure_clock_cost(void);

#endif
