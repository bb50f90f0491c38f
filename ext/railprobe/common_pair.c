/*
 * The common pair. See common_pair.h.
 */
#include "common_pair.h"

#include "runtime.h"

static const volatile uint16_t nobody;

struct rp_common_pair rp_common_pair = {NULL, NULL, &nobody, &nobody};

static const volatile uint16_t *semaphore_of(struct rp_probe *probe)
{
    const struct rp_site *site = probe ? atomic_load(&probe->sites) : NULL;
    return site ? site->semaphore : &nobody;
}

void rp_common_pair_use(void)
{
    struct rp_probe *entry = rp_runtime_builtin("tracers", "method__entry");
    struct rp_probe *returned = rp_runtime_builtin("tracers", "method__return");
    rp_common_pair =
        (struct rp_common_pair){entry, returned, semaphore_of(entry), semaphore_of(returned)};
}
