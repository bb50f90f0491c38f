/*
 * The probes of this process, by name: what was declared, and where each fires now.
 *
 * Probes are found and fired from any thread. The table changes under runtime.c's lock; a probe's
 * list of sites is read without one.
 */
#ifndef RAILPROBE_REGISTRY_H
#define RAILPROBE_REGISTRY_H

#include "declaration.h"
#include "error.h"
#include "limit.h"
#include "loader.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

/* What every firing reads comes first: behind a trap each further line of memory takes 5 ns. */
struct rp_probe {
    struct rp_site *_Atomic sites;  /* newest first; NULL before the first load */
    struct rp_meter *_Atomic meter; /* NULL before the first firing */
    atomic_bool is_tripped;         /* it is over its rate, or was not long ago */
    bool was_attached;              /* as last told to the caller. Under the lock */
    bool is_declared;               /* false once removed. Under the lock */
    uint8_t slots;
    atomic_uint_least32_t rejected;    /* fires dropped for their values */
    struct rp_declaration declaration; /* its strings and arguments lie behind the struct */
    struct rp_image *image;            /* the current one, or NULL. Under the lock */
    const void *method;                /* the traced method it tells of, or NULL */
    uintptr_t owner;                   /* the caller's object for it; 0 until set */
};

struct rp_registry {
    struct rp_probe **table; /* open addressing, a power of two, NULL is free */
    size_t capacity;
    size_t count;
};

/* For what every call runs through: the way past what is rare is laid out in one piece. */
#define RP_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define RP_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* Whether a tracer is on the probe. Any thread. O(generations not yet retired), usually 1. */
static inline bool rp_probe_is_attached(struct rp_probe *probe)
{
    const struct rp_site *site = atomic_load_explicit(&probe->sites, memory_order_acquire);
    bool is_attached = false;
    while (site && !(is_attached = *site->semaphore)) {
        site = atomic_load_explicit(&site->next, memory_order_acquire);
    }
    return is_attached;
}

/* Whether the probe, or all of them, went over a limit and its pause lasts. Any thread. O(1). */
static inline bool rp_probe_is_tripped(const struct rp_probe *probe)
{
    return atomic_load_explicit(&probe->is_tripped, memory_order_relaxed) |
           atomic_load_explicit(&rp_limits.are_all_tripped, memory_order_relaxed);
}

/*
 * Whether to do anything for the probe: a tracer is on it, and it is not tripped. What arms, captures or
 * fires asks this. Any thread. O(generations not yet retired).
 */
static inline bool rp_probe_is_wanted(struct rp_probe *probe)
{
    return rp_probe_is_attached(probe) && !rp_probe_is_tripped(probe);
}

struct rp_meter *rp_probe_make_meter(struct rp_probe *probe);

/* The probe's meter, made if there is none yet; NULL when there is no memory. Any thread. */
static inline struct rp_meter *rp_probe_meter(struct rp_probe *probe)
{
    struct rp_meter *meter = atomic_load_explicit(&probe->meter, memory_order_acquire);
    return RP_LIKELY(meter) ? meter : rp_probe_make_meter(probe);
}

/*
 * Makes every slot 0. One by one: of an initialiser or a loop GCC makes a `rep stos`, and a slot that is read
 * soon after one waits for it, 20 ns.
 */
static inline void rp_slots_clear(uint64_t slots[RP_SLOTS_MAX])
{
    _Static_assert(RP_SLOTS_MAX == 12, "one line for each pair of slots");
    slots[0] = slots[1] = 0;
    slots[2] = slots[3] = 0;
    slots[4] = slots[5] = 0;
    slots[6] = slots[7] = 0;
    slots[8] = slots[9] = 0;
    slots[10] = slots[11] = 0;
}

typedef void rp_site_function(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                              uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

/* Calls the site if a tracer is on it. */
static inline void rp_site_fire(const struct rp_site *site, const uint64_t slots[RP_SLOTS_MAX])
{
    if (RP_LIKELY(*site->semaphore)) {
        /* POSIX lets an address from mmap() be a function's; ISO C has no cast for it. */
        rp_site_function *function;
        memcpy(&function, &site->address, sizeof function);
        function(slots[0], slots[1], slots[2], slots[3], slots[4], slots[5], slots[6], slots[7],
                 slots[8], slots[9], slots[10], slots[11]);
    }
}

/* The same of all from that one on. */
void rp_sites_fire(const struct rp_site *site, const uint64_t slots[RP_SLOTS_MAX]);

/* Whether a firing of that number, 0 for none yet, keeps to the rate. If not, the probe is tripped. */
bool rp_probe_look(struct rp_probe *probe, uint64_t number);

/*
 * Fires every site of the probe that a tracer is on, and counts that. Any thread. False when that would go
 * over its rate: it is tripped then, and nothing was fired. Waits for nothing, and calls nothing but the site;
 * the clock is read a few times in as many firings as the limit allows in a second. The first one takes memory
 * for a meter, unless rp_probe_meter() was asked for it before. In line: behind a trap a frame to leave costs
 * 7 ns, and what is read anew as much, so the next site is known before.
 */
static inline bool rp_probe_fire(struct rp_probe *probe, const uint64_t slots[RP_SLOTS_MAX])
{
    const struct rp_site *site = atomic_load_explicit(&probe->sites, memory_order_acquire);
    struct rp_meter *meter = atomic_load_explicit(&probe->meter, memory_order_acquire);
    const uint64_t number = RP_LIKELY(meter) ? rp_meter_count(meter) : 0;
    if (RP_UNLIKELY(!meter || number) && !rp_probe_look(probe, number)) {
        return false;
    }
    if (RP_LIKELY(site)) {
        const struct rp_site *next = atomic_load_explicit(&site->next, memory_order_acquire);
        rp_site_fire(site, slots);
        if (RP_UNLIKELY(next)) {
            rp_sites_fire(next, slots);
        }
    }
    return true;
}

/*
 * Declares a probe. provider and name are mangled here; declaration->provider and ->name are what
 * the user wrote, NUL-terminated; the label is made here, and the rest is copied.
 *
 * Returns RP_OK and the probe, which is the one there is if it was declared with the same
 * arguments; RP_SIGNATURE (other arguments); RP_NAME_CLASH (another label); RP_ARGUMENTS;
 * RP_NAME_*; RP_MEMORY. On RP_SIGNATURE and RP_NAME_CLASH *probe is the one that is in the way. Who
 * frees it: rp_probe_free(), once it is removed, or never.
 */
enum rp_error rp_registry_declare(struct rp_registry *registry,
                                  const struct rp_declaration *declaration,
                                  struct rp_probe **probe);

/* The probe of that provider and name, as they were declared or as readers see them; NULL if none. */
struct rp_probe *rp_registry_find(const struct rp_registry *registry, const char *provider,
                                  const char *name);

/* Takes the probe out of the table. It is not freed, and goes on firing until the next load. */
void rp_registry_remove(struct rp_registry *registry, struct rp_probe *probe);

/*
 * All probes by provider and name, as an array that the caller frees; NULL when there is no memory.
 * The order depends on the names only: it decides the image's bytes.
 */
struct rp_probe **rp_registry_sorted(const struct rp_registry *registry);

void rp_probe_free(struct rp_probe *probe);

/* The bytes that the probe takes. */
size_t rp_probe_size(const struct rp_probe *probe);

#endif
