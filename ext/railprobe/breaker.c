/*
 * The circuit breaker. See breaker.h.
 */
#include "breaker.h"

#include "measure.h"

/* Calls visit for each probe that ever fired, with its meter. True if any call was. */
static bool each_meter(const struct rp_breaker *breaker,
                       bool (*visit)(void *context, struct rp_probe *probe, struct rp_meter *meter),
                       void *context)
{
    bool any = false;
    for (size_t i = 0; i < RP_BREAKER_REGISTRIES; i++) {
        const struct rp_registry *registry = breaker->registries[i];
        for (size_t at = 0; at < registry->capacity; at++) {
            struct rp_probe *probe = registry->table[at];
            struct rp_meter *meter = probe ? atomic_load(&probe->meter) : NULL;
            any |= meter && visit(context, probe, meter);
        }
    }
    return any;
}

/* -- limits that change -- */

/* The next firing looks at the clock, and at the limits. */
static bool start_afresh(void *unused, struct rp_probe *probe, struct rp_meter *meter)
{
    (void)unused;
    atomic_store(&meter->ceiling, 0);
    return atomic_exchange(&probe->is_tripped, false);
}

bool rp_breaker_set(struct rp_breaker *breaker, const struct rp_limits *limits)
{
    if (!rp_limit_set(limits)) {
        return false;
    }
    atomic_store(&rp_limits.next_end, UINT64_MAX);
    bool any = each_meter(breaker, start_afresh, NULL);
    breaker->budget = (struct rp_budget){0};
    return atomic_exchange(&rp_limits.are_all_tripped, false) || any;
}

/* -- a look at each poll -- */

static void trip_all(struct rp_breaker *breaker, uint64_t now)
{
    breaker->all_cpu = atomic_load(&rp_limits.cpu);
    breaker->all_pause = atomic_load(&rp_limits.pause);
    breaker->all_until = now + (uint64_t)breaker->all_pause * 1000000000;
    breaker->all_trips++;
    atomic_store(&rp_limits.are_all_tripped, true);
    rp_limit_note_trip(breaker->all_until);
}

/* Notes the next end of those whose pause is not over. */
static bool end_pause(void *now, struct rp_probe *probe, struct rp_meter *meter)
{
    const uint64_t until = atomic_load(&meter->until);
    if (!atomic_load(&probe->is_tripped)) {
        return false;
    }
    if (until > *(const uint64_t *)now) {
        rp_limit_note_end(until);
        return false;
    }
    atomic_store(&probe->is_tripped, false);
    return true;
}

/* What is tripped meanwhile is marked first, and its end noted then: it is seen here, or noted again. */
static bool end_pauses(struct rp_breaker *breaker, uint64_t now)
{
    atomic_store(&rp_limits.next_end, UINT64_MAX);
    bool any = each_meter(breaker, end_pause, &now);
    if (atomic_load(&rp_limits.are_all_tripped)) {
        if (breaker->all_until > now) {
            rp_limit_note_end(breaker->all_until);
        } else {
            atomic_store(&rp_limits.are_all_tripped, false);
            any = true;
        }
    }
    return any;
}

bool rp_breaker_look(struct rp_breaker *breaker)
{
    const uint64_t spent = atomic_load(&rp_limits.spent_ns);
    const uint64_t next_end = atomic_load(&rp_limits.next_end);
    bool any = atomic_load(&rp_limits.untold);
    if (spent == breaker->seen_spent && next_end == UINT64_MAX) {
        return any;
    }
    const uint64_t now = rp_now_ns();
    breaker->seen_spent = spent;
    if (rp_budget_is_over(&breaker->budget, atomic_load(&rp_limits.cpu), now, spent) &&
        !atomic_load(&rp_limits.are_all_tripped)) {
        trip_all(breaker, now);
        any = true;
    }
    return (now >= next_end && end_pauses(breaker, now)) || any;
}

/* -- what is told -- */

struct telling {
    rp_breaker_teller *tell;
    void *context;
};

/* False where there is nothing to tell. */
static bool tell(const struct telling *telling, const struct rp_probe *probe,
                 const struct rp_meter *meter, uint32_t count)
{
    const struct rp_trips trips = {.probe = probe,
                                   .count = count,
                                   .limit = atomic_load(&meter->rate),
                                   .pause = atomic_load(&meter->pause)};
    if (count) {
        telling->tell(telling->context, &trips);
    }
    return count;
}

static void tell_of_all(const struct telling *telling, const struct rp_breaker *breaker,
                        uint32_t count)
{
    const struct rp_trips trips = {
        .count = count, .limit = breaker->all_cpu, .pause = breaker->all_pause};
    if (count) {
        telling->tell(telling->context, &trips);
    }
}

static bool tell_trips(void *telling, struct rp_probe *probe, struct rp_meter *meter)
{
    return tell(telling, probe, meter, atomic_load(&meter->trips));
}

static bool tell_new_trips(void *telling, struct rp_probe *probe, struct rp_meter *meter)
{
    const uint32_t trips = atomic_load(&meter->trips);
    return tell(telling, probe, meter, trips - atomic_exchange(&meter->told, trips));
}

void rp_breaker_trips(const struct rp_breaker *breaker, rp_breaker_teller *teller, void *context)
{
    struct telling telling = {teller, context};
    if (atomic_load(&rp_limits.trips)) {
        (void)each_meter(breaker, tell_trips, &telling);
        tell_of_all(&telling, breaker, breaker->all_trips);
    }
}

void rp_breaker_new_trips(struct rp_breaker *breaker, rp_breaker_teller *teller, void *context)
{
    struct telling telling = {teller, context};
    if (atomic_exchange(&rp_limits.untold, 0)) {
        (void)each_meter(breaker, tell_new_trips, &telling);
        tell_of_all(&telling, breaker, breaker->all_trips - breaker->all_told);
        breaker->all_told = breaker->all_trips;
    }
}

/* -- fork -- */

static bool forget(void *unused, struct rp_probe *probe, struct rp_meter *meter)
{
    (void)unused;
    atomic_store(&meter->trips, 0);
    atomic_store(&meter->told, 0);
    return atomic_exchange(&probe->is_tripped, false);
}

bool rp_breaker_after_fork_in_child(struct rp_breaker *breaker)
{
    bool any = atomic_load(&rp_limits.are_all_tripped);
    if (atomic_load(&rp_limits.trips)) {
        any |= each_meter(breaker, forget, NULL);
    }
    rp_limit_after_fork_in_child();
    breaker->budget = (struct rp_budget){0};
    breaker->seen_spent = breaker->all_until = 0;
    breaker->all_trips = breaker->all_told = 0;
    return any;
}
