/*
 * Declarations to test with.
 */
#ifndef RAILPROBE_SAMPLES_H
#define RAILPROBE_SAMPLES_H

#include "declaration.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

static const struct rp_argument sample_arguments[] = {
    {"sku", RP_TYPE_STRING},    {"quantity", RP_TYPE_INTEGER}, {"paid", RP_TYPE_BOOLEAN},
    {"price", RP_TYPE_FLOAT},   {"at", RP_TYPE_TIME},          {"state", RP_TYPE_SYMBOL},
    {"payload", RP_TYPE_BYTES}, {"a", RP_TYPE_INTEGER},        {"b", RP_TYPE_INTEGER},
    {"c", RP_TYPE_INTEGER},     {"d", RP_TYPE_INTEGER},        {"e", RP_TYPE_INTEGER},
};

/* One with the first count of sample_arguments. */
static inline struct rp_declaration sample(const char *provider, const char *name, uint32_t count)
{
    return (struct rp_declaration){.provider = provider,
                                   .name = name,
                                   .label = name,
                                   .arguments = sample_arguments,
                                   .argument_count = count};
}

enum { SAMPLES_MAX = 4500 };

/* Providers p000, p001... of per_provider probes each; sorted. Overwritten by the next call. */
static inline const struct rp_declaration *samples(uint32_t count, uint32_t per_provider)
{
    static char names[SAMPLES_MAX][2][16];
    static struct rp_declaration declarations[SAMPLES_MAX];
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(names[i][0], sizeof names[i][0], "p%03u", i / per_provider);
        (void)snprintf(names[i][1], sizeof names[i][1], "n%04u", i % per_provider);
        declarations[i] = sample(names[i][0], names[i][1], i % 6);
    }
    return declarations;
}

/* Numbers that look random and are the same in every run. */
static inline uint32_t sample_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

#endif
