/*
 * What tracing may cost in this process. See limit.h.
 */
#include "limit.h"

#include "measure.h"

enum { PAUSE_DEFAULT = 10, UNLIMITED_SLICE = 1 << 30 };

static const uint64_t second = 1000000000;

struct rp_limits_state rp_limits = {.pause = PAUSE_DEFAULT,
                                    .string = RP_STRING_MAX,
                                    .frames = RP_FRAMES_DEFAULT,
                                    .next_end = UINT64_MAX,
                                    .process = 1};

/* -- limits -- */

struct rp_limits rp_limit_none(void)
{
    return (struct rp_limits){
        .pause = PAUSE_DEFAULT, .string = RP_STRING_MAX, .frames = RP_FRAMES_DEFAULT};
}

struct rp_limits rp_limit_get(void)
{
    return (struct rp_limits){.rate = atomic_load(&rp_limits.rate),
                              .cpu = atomic_load(&rp_limits.cpu),
                              .pause = atomic_load(&rp_limits.pause),
                              .string = atomic_load(&rp_limits.string),
                              .frames = atomic_load(&rp_limits.frames)};
}

bool rp_limit_set(const struct rp_limits *limits)
{
    const struct rp_limits before = rp_limit_get();
    if (before.rate == limits->rate && before.cpu == limits->cpu && before.pause == limits->pause &&
        before.string == limits->string && before.frames == limits->frames) {
        return false;
    }
    atomic_store(&rp_limits.rate, limits->rate);
    atomic_store(&rp_limits.cpu, limits->cpu);
    atomic_store(&rp_limits.pause, limits->pause);
    atomic_store(&rp_limits.string, limits->string);
    atomic_store(&rp_limits.frames, limits->frames);
    atomic_fetch_add(&rp_limits.generation, 1);
    return true;
}

void rp_limit_note_end(uint64_t until)
{
    uint64_t next = atomic_load(&rp_limits.next_end);
    bool is_noted = until >= next;
    while (!is_noted) {
        is_noted = atomic_compare_exchange_weak(&rp_limits.next_end, &next, until) || until >= next;
    }
}

void rp_limit_note_trip(uint64_t until)
{
    rp_limit_note_end(until);
    atomic_fetch_add(&rp_limits.trips, 1);
    atomic_fetch_add(&rp_limits.untold, 1);
    void (*tripped)(void) = atomic_load(&rp_limits.tripped);
    if (tripped) {
        tripped();
    }
}

void rp_limit_after_fork_in_child(void)
{
    atomic_fetch_add(&rp_limits.process, 1);
    atomic_fetch_add(&rp_limits.generation, 1);
    atomic_store(&rp_limits.are_all_tripped, false);
    atomic_store(&rp_limits.next_end, UINT64_MAX);
    atomic_store(&rp_limits.trips, 0);
    atomic_store(&rp_limits.untold, 0);
    atomic_store(&rp_limits.spent_ns, 0);
}

/* -- the rate of a probe -- */

uint64_t rp_meter_next(struct rp_meter *meter, uint32_t rate, uint64_t now)
{
    if (!rate) {
        return UNLIMITED_SLICE;
    }
    const uint64_t slices = rate < RP_METER_SLICES ? rate : RP_METER_SLICES;
    const uint64_t number = meter->slices % slices;
    const uint64_t begun = meter->begun[number];
    if (meter->slices >= slices && now >= begun && now - begun < second) {
        return 0;
    }
    meter->begun[number] = now;
    meter->slices++;
    return rate * (number + 1) / slices - rate * number / slices;
}

/* Whether that firing is of the slice that has begun. */
static bool is_looked_at(const struct rp_meter *meter, uint64_t fired)
{
    return (int64_t)(atomic_load(&meter->ceiling) - fired) >= 0;
}

/*
 * One thread at a time; a second one, of another Ractor, fires meanwhile, and one that only comes in when the first
 * is done finds the slice begun: it would use one up for nothing. One that a fork left in here is not of this process.
 *
 * The limits may change while they are applied, and whoever changes them sets the ceiling back (breaker.c):
 * seen here before that, it is overwritten there, and after that the generation is another one.
 */
bool rp_meter_look(struct rp_meter *meter, uint64_t fired)
{
    const uint64_t process = atomic_load(&rp_limits.process);
    uint64_t keeper = atomic_load(&meter->keeper);
    if (keeper == process || !atomic_compare_exchange_strong(&meter->keeper, &keeper, process)) {
        return true;
    }
    if (is_looked_at(meter, fired)) {
        atomic_store(&meter->keeper, 0);
        return true;
    }
    uint64_t slice;
    uint64_t generation;
    do {
        generation = atomic_load(&rp_limits.generation);
        if (meter->generation != generation) {
            meter->generation = generation;
            meter->slices = 0;
        }
        slice = rp_meter_next(meter, atomic_load(&rp_limits.rate), rp_now_ns());
        atomic_store(&meter->ceiling, fired - 1 + slice);
    } while (generation != atomic_load(&rp_limits.generation));
    atomic_store(&meter->keeper, 0);
    return slice > 0;
}

void rp_meter_learn(struct rp_meter *meter, uint64_t ns)
{
    uint64_t before = atomic_load_explicit(&meter->cost_ns, memory_order_relaxed);
    uint64_t cost = before ? (before + ns) / 2 : ns;
    atomic_store_explicit(&meter->cost_ns, cost < UINT32_MAX ? (uint32_t)cost : UINT32_MAX,
                          memory_order_relaxed);
}

/* -- the CPU time of all -- */

/* Ractors that count in the same ns can set what was spent back a little: that is no time at all. */
bool rp_budget_is_over(struct rp_budget *budget, uint32_t percent, uint64_t now, uint64_t spent)
{
    const uint64_t elapsed = now > budget->began ? now - budget->began : 0;
    const uint64_t used = spent > budget->spent ? spent - budget->spent : 0;
    const uint64_t allowed = (elapsed > second ? elapsed : second) / 100 * percent;
    const bool is_over = percent && used > allowed;
    if (is_over || elapsed >= second || now < budget->began) {
        *budget = (struct rp_budget){.began = now, .spent = spent};
    }
    return is_over;
}
