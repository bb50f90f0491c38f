/*
 * What a call costs. See measure.h.
 */
#include "measure.h"

#include "limit.h"

enum { PLACES = 16, SAMPLES = 64 };

/* One struct, as each variable of its own would be looked up by itself. */
static __thread struct {
    uint64_t last_epoch;
    struct rp_place places[PLACES];
} thread;

struct rp_place *rp_measure_place(uintptr_t fiber)
{
    struct rp_place *place = &thread.places[(fiber >> 6 ^ fiber >> 12) % PLACES];
    if (place->fiber != fiber || !place->epoch) {
        /* The address of the epoch tells threads apart; marks of another one never fit. */
        if (!thread.last_epoch) {
            thread.last_epoch = (uint64_t)(uintptr_t)&thread.last_epoch << 16;
        }
        rp_limit_spend_clocked(
            rp_measure_take(place)); /* of the other fiber's last call, before it is lost */
        *place = (struct rp_place){.fiber = fiber, .epoch = ++thread.last_epoch};
    }
    return place;
}

void rp_measure_learn(struct rp_place *place, uint64_t ns)
{
    uint64_t most = ns < RP_WORK_MAX_NS ? ns : RP_WORK_MAX_NS;
    place->firing_ns = place->firing_ns ? (place->firing_ns + most) / 2 : most;
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
