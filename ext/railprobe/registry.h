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
#include "loader.h"

#include <stdatomic.h>
#include <stdbool.h>

struct rp_probe {
    struct rp_declaration declaration; /* its strings and arguments lie behind the struct */
    struct rp_site *_Atomic sites;     /* newest first; NULL before the first load */
    struct rp_image *image;            /* the current one, or NULL. Under the lock */
    const void *method;                /* the traced method it tells of, or NULL */
    uintptr_t owner;                   /* the caller's object for it; 0 until set */
    atomic_uint_least32_t rejected;    /* fires dropped for their values */
    uint16_t slots;
    bool was_attached; /* as last told to the caller. Under the lock */
    bool is_declared;  /* false once removed. Under the lock */
};

struct rp_registry {
    struct rp_probe **table; /* open addressing, a power of two, NULL is free */
    size_t capacity;
    size_t count;
};

/* Whether a tracer is on the probe. Any thread. O(generations not yet retired), usually 1. */
static inline bool rp_probe_is_attached(struct rp_probe *probe)
{
    const struct rp_site *site = atomic_load_explicit(&probe->sites, memory_order_acquire);
    for (; site; site = atomic_load_explicit(&site->next, memory_order_acquire)) {
        if (*site->semaphore) {
            return true;
        }
    }
    return false;
}

/* Fires every site of the probe that a tracer is on. Any thread; no call but the site itself. */
void rp_probe_fire(struct rp_probe *probe, const uint64_t slots[RP_SLOTS_MAX]);

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
