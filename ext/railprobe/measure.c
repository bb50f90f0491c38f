/*
 * What a call costs. See measure.h.
 *
 * The table is a cache: a fiber that loses its place to another one gets a new epoch with the next, so
 * a call that spans the loss sees that its mark is void, and counts no probe time rather than a wrong one.
 */
#include "measure.h"

enum { PLACES = 16, SAMPLES = 64 };

struct place {
    uintptr_t fiber;
    uint64_t epoch;
    uint64_t probe_ns;
};

static __thread struct place places[PLACES];
static __thread uint64_t last_epoch;

static struct place *place_of(uintptr_t fiber)
{
    struct place *place = &places[(fiber >> 6 ^ fiber >> 12) % PLACES];
    if (place->fiber != fiber || !place->epoch) {
        /* The address of the epoch tells threads apart; marks of another one never fit. */
        if (!last_epoch) {
            last_epoch = (uint64_t)(uintptr_t)&last_epoch << 16;
        }
        *place = (struct place){.fiber = fiber, .epoch = ++last_epoch};
    }
    return place;
}

struct rp_mark rp_measure_mark(uintptr_t fiber)
{
    const struct place *place = place_of(fiber);
    return (struct rp_mark){place->epoch, place->probe_ns};
}

uint64_t rp_measure_since(uintptr_t fiber, struct rp_mark mark)
{
    const struct place *place = place_of(fiber);
    return place->epoch == mark.epoch ? place->probe_ns - mark.probe_ns : 0;
}

void rp_measure_add(uintptr_t fiber, uint64_t ns)
{
    place_of(fiber)->probe_ns += ns;
}

uint64_t rp_measure_clock_cost(void)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t begin = rp_now_ns();
        uint64_t cost = rp_now_ns() - begin;
        least = cost < least ? cost : least;
    }
    return least;
}
