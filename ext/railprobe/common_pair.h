/*
 * The common pair, tracers:method__entry and tracers:method__return, which every traced method fires as well. It is in
 * the builtin image, of which there is one in a process: so its semaphores stay where they are, and a call looks at
 * them and at nothing else while nobody is attached to the pair.
 */
#ifndef RAILPROBE_COMMON_PAIR_H
#define RAILPROBE_COMMON_PAIR_H

#include "registry.h"

struct rp_common_pair {
    struct rp_probe *entry; /* NULL before the image is loaded */
    struct rp_probe *returned;
    const volatile uint16_t *entry_semaphore; /* never NULL */
    const volatile uint16_t *returned_semaphore;
};
extern struct rp_common_pair rp_common_pair;

/* Looks the pair up; after the builtin image was loaded. */
void rp_common_pair_use(void);

/* Whether a tracer is on it, and so on every method. Any thread. O(1). */
static inline bool rp_common_pair_is_attached(void)
{
    return *rp_common_pair.entry_semaphore | *rp_common_pair.returned_semaphore;
}

#endif
