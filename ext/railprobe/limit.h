/*
 * What tracing may cost in this process, and when it costs more: the rate of each probe, the CPU time of all.
 *
 * What is over a limit is tripped: it fires no more and is disarmed, until a pause has passed. breaker.h
 * does that; here is what a firing reads and writes, and the arithmetic. Any thread, no lock; nothing is
 * allocated.
 *
 * A probe's firings are counted by its meter. The limit is cut in RP_METER_SLICES slices, and only when one is
 * used up is the clock looked at:
 *
 *      rate firings since this slice was begun: less than a second ago?
 *      |
 *      0          1          2          3          0          1
 *   ---|----------|----------|----------|----------|----------|--- firings
 *                                                  |
 *                                                  then this one is over the limit
 *
 * So a probe that keeps to its rate is never tripped; from a standstill one that does not is stopped after
 * exactly rate firings, and no second has more than rate and a slice. That is exact for the threads of a
 * Ractor, which Ruby's lock keeps apart. Ractors that fire the same probe in the same ns can lose a count.
 */
#ifndef RAILPROBE_LIMIT_H
#define RAILPROBE_LIMIT_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    RP_METER_SLICES = 4,
    RP_METER_SAMPLED = 1024, /* of so many firings by hand one is timed; of the first ones more */
    RP_STRING_MAX = 1024, /* bytes of a string argument, without its NUL: what room there is for */
    RP_STRING_MIN = 16,
    RP_FRAMES_DEFAULT = 16,
    RP_FRAMES_MAX = 64,
    RP_WRAPPER_NS = 100,     /* about what a wrapper takes beside what it times */
    RP_WORK_MAX_NS = 500000, /* of one event: what took longer was interrupted */
    RP_LINE_SIZE = 64
};

/* The limits: of the YAML, or none. */
struct rp_limits {
    uint32_t rate;   /* firings of a probe in a second; 0 for no limit */
    uint32_t cpu;    /* percent of one CPU for all probes; 0 for no limit */
    uint32_t pause;  /* seconds that what went over a limit stays tripped, at least 1 */
    uint32_t string; /* bytes of a string argument, RP_STRING_MIN to RP_STRING_MAX */
    uint32_t frames; /* of a stack */
};

/* The same, in force, and what goes with them. Static storage, one for a process. */
struct rp_limits_state {
    atomic_uint_least32_t rate;
    atomic_uint_least32_t cpu;
    atomic_uint_least32_t pause;
    atomic_uint_least32_t string;
    atomic_uint_least32_t frames;
    atomic_bool are_all_tripped;      /* for the CPU limit */
    atomic_uint_least32_t trips;      /* of probes and of all together, since the process began */
    atomic_uint_least32_t untold;     /* of these, those that nobody was told of yet */
    atomic_uint_least64_t next_end;   /* of the pauses the first to end, ns; UINT64_MAX for none */
    atomic_uint_least64_t generation; /* counts changes of the limits, and forks */
    atomic_uint_least64_t process;    /* counts forks, from 1: tells a child from its parent */
    void (*_Atomic tripped)(void);    /* called by whoever trips something; or NULL */
    alignas(RP_LINE_SIZE) atomic_uint_least64_t spent_ns; /* all probes, since the process began */
};
extern struct rp_limits_state rp_limits;

/* Counts the firings of a probe. Zeroed before use. */
struct rp_meter {
    atomic_uint_least64_t fired;   /* asked for, whether they were let through or not */
    atomic_uint_least64_t ceiling; /* up to this one there is nothing to look at */
    atomic_uint_least32_t cost_ns; /* of a firing by hand, as of late */
    atomic_uint_least32_t trips;
    atomic_uint_least32_t told;   /* of these */
    atomic_uint_least32_t rate;   /* that was the limit, */
    atomic_uint_least32_t pause;  /* and how long the pause, at the last of them */
    atomic_uint_least64_t until;  /* when its pause ends, ns */
    atomic_uint_least64_t keeper; /* the process with a thread in rp_meter_look(); 0 for none */
    uint64_t generation;          /* that and what follows belongs to the keeper */
    uint64_t slices;              /* begun since */
    uint64_t begun[RP_METER_SLICES];
};

/* -- limits -- */

/* What holds where no YAML says otherwise: no rate, no CPU limit. */
struct rp_limits rp_limit_none(void);

/* Puts the limits in force. False when they were in force already, and nothing has changed. */
bool rp_limit_set(const struct rp_limits *limits);

/* The limits in force. */
struct rp_limits rp_limit_get(void);

/* Counts a trip whose pause ends then, and calls rp_limits.tripped. */
void rp_limit_note_trip(uint64_t until);

/* Has next_end be no later than that. */
void rp_limit_note_end(uint64_t until);

/* Forgets what the parent process spent, and whoever of it was in here. */
void rp_limit_after_fork_in_child(void);

/* The bytes that a string argument may have where there is room for most. */
static inline uint32_t rp_limit_string(uint32_t most)
{
    uint32_t string = atomic_load_explicit(&rp_limits.string, memory_order_relaxed);
    return string < most ? string : most;
}

/* Counts CPU time that was taken by what tracing does. */
static inline void rp_limit_spend(uint64_t ns)
{
    uint64_t spent = atomic_load_explicit(&rp_limits.spent_ns, memory_order_relaxed);
    atomic_store_explicit(&rp_limits.spent_ns, spent + ns, memory_order_relaxed);
}

/* The same of time that a clock on the wall has told, of one event: others may have run in it. */
static inline void rp_limit_spend_clocked(uint64_t ns)
{
    rp_limit_spend(ns < RP_WORK_MAX_NS ? ns : RP_WORK_MAX_NS);
}

/* -- the rate of a probe -- */

/*
 * Begins the next slice: how many firings it has, or 0 when that would be too many in a second. A clock that
 * goes back counts as one that has gone far. For rp_meter_look() and tests.
 */
uint64_t rp_meter_next(struct rp_meter *meter, uint32_t rate, uint64_t now);

/* The firing of that number goes beyond what was looked at: whether it keeps to the limit. */
bool rp_meter_look(struct rp_meter *meter, uint64_t fired);

/* Counts a firing: its number where rp_meter_look() has to be asked, and 0 where all is well. */
static inline uint64_t rp_meter_count(struct rp_meter *meter)
{
    uint64_t fired = atomic_load_explicit(&meter->fired, memory_order_relaxed) + 1;
    atomic_store_explicit(&meter->fired, fired, memory_order_relaxed);
    uint64_t left = atomic_load_explicit(&meter->ceiling, memory_order_relaxed) - fired;
    return (int64_t)left >= 0 ? 0 : fired;
}

/* Whether to time the next firing; and what came of it. */
static inline bool rp_meter_is_sampled(const struct rp_meter *meter)
{
    uint64_t number = atomic_load_explicit(&meter->fired, memory_order_relaxed) + 1;
    return (number & (number - 1)) == 0 || number % RP_METER_SAMPLED == 0;
}
void rp_meter_learn(struct rp_meter *meter, uint64_t ns);

/* -- the CPU time of all -- */

/* Where the second began that is looked at. Zeroed before use. */
struct rp_budget {
    uint64_t began;
    uint64_t spent;
};

/*
 * Whether more than percent of the time since the second began was spent, spent being all that was ever; of a
 * second that is not over yet all of it counts. 0 percent is no limit. Then, or after a second, the next one
 * begins.
 */
bool rp_budget_is_over(struct rp_budget *budget, uint32_t percent, uint64_t now, uint64_t spent);

#endif
