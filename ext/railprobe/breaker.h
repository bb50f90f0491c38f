/*
 * The circuit breaker: what went over a limit stays tripped for a pause, and then may go on.
 *
 * A firing itself finds that its probe is over its rate (registry.h). What all probes took of the CPU is
 * looked at here, as are the pauses, from the watcher's thread. Nothing here is called by two threads at once:
 * runtime.c holds the lock of the registries.
 */
#ifndef RAILPROBE_BREAKER_H
#define RAILPROBE_BREAKER_H

#include "limit.h"
#include "registry.h"

enum { RP_BREAKER_REGISTRIES = 2 };

/* Zeroed before use, but for the registries. */
struct rp_breaker {
    const struct rp_registry *registries[RP_BREAKER_REGISTRIES];
    struct rp_budget budget;
    uint64_t seen_spent; /* at the last look */
    uint64_t all_until;  /* when the pause of all ends, ns */
    uint32_t all_trips;  /* how often all were tripped, */
    uint32_t all_told;   /* how many of these were told, */
    uint32_t all_cpu;    /* what was the limit, */
    uint32_t all_pause;  /* and how long the pause, at the last of them */
};

/*
 * Puts limits in force. Unless they are already, every probe starts afresh under them, those that are tripped
 * as well. True when there is something to arm again. O(probes).
 */
bool rp_breaker_set(struct rp_breaker *breaker, const struct rp_limits *limits);

/*
 * At each poll: trips all probes if they took too much, and ends the pauses that are over. True when there is
 * something to arm, to disarm or to tell. A few loads while nothing fires and nothing is tripped; O(probes) when a
 * pause is over.
 */
bool rp_breaker_look(struct rp_breaker *breaker);

/* How often a probe was tripped, and at the last time for going over which limit, and for how long. */
struct rp_trips {
    const struct rp_probe *probe; /* NULL is all of them, for the CPU time they took */
    uint32_t count;
    uint32_t limit;
    uint32_t pause;
};

typedef void rp_breaker_teller(void *context, const struct rp_trips *trips);

/* Tells of every probe that was ever tripped. O(probes) if there are any. */
void rp_breaker_trips(const struct rp_breaker *breaker, rp_breaker_teller *teller, void *context);

/* Tells of those trips that it did not tell of yet. O(probes) if there are any. */
void rp_breaker_new_trips(struct rp_breaker *breaker, rp_breaker_teller *teller, void *context);

/*
 * In a forked child nothing is tripped, and nothing was. True when there is something to arm again. O(probes)
 * if there was.
 */
bool rp_breaker_after_fork_in_child(struct rp_breaker *breaker);

#endif
