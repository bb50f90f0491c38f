/*
 * What a call costs: the clocks, and the time that probes fired inside it took.
 *
 * Time spent in probes must not count as the app's. Each thread keeps, for the fibers that it ran last,
 * how long their probes have taken in all; a call takes the difference between its end and its begin.
 * Nothing here allocates, locks or raises.
 */
#ifndef RAILPROBE_MEASURE_H
#define RAILPROBE_MEASURE_H

#include <stdint.h>
#include <time.h>

/* Where a fiber's probe time stood. Of use in the same thread only; elsewhere it counts as unknown. */
struct rp_mark {
    uint64_t epoch;
    uint64_t probe_ns;
};

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

/* Where the fiber's probe time stands now. fiber is any number that tells it from others. O(1). */
struct rp_mark rp_measure_mark(uintptr_t fiber);

/* How long the fiber's probes took since mark; 0 if that can't be told any more. O(1). */
uint64_t rp_measure_since(uintptr_t fiber, struct rp_mark mark);

/* Adds to the fiber's probe time. O(1). */
void rp_measure_add(uintptr_t fiber, uint64_t ns);

/* What reading the clock costs here, ns: the part of the wrapper that no pair of readings can see. */
uint64_t rp_measure_clock_cost(void);

#endif
