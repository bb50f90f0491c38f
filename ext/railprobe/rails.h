/*
 * The probes of Rails in this process: which of them somebody wants, and what the file says of them.
 */
#ifndef RAILPROBE_RAILS_H
#define RAILPROBE_RAILS_H

#include "rails_names.h"
#include "rails_probes.h"
#include "registry.h"

#include <ruby.h>
#include <stdbool.h>

/* The key rails of the file. */
struct rp_rails_settings {
    uint32_t except; /* 1u << RP_GROUP_... for each */
    uint32_t redact; /* 1u << RP_REDACT_... for each */
    bool traceparent;
    VALUE headers; /* names in a Rack env, an Array of Strings */
};

/* Once, before the others; defines .rails= of Native. */
void rp_rails_define(VALUE native);

/* Looks up the probes; after they were loaded. */
void rp_rails_use_probes(void);

const struct rp_rails_settings *rp_rails_settings(void);

/* The probe, or NULL before it is loaded. */
struct rp_probe *rp_rails_probe(enum rp_builtin probe);

/* Whether to fire it: a tracer is on it, it is not tripped, and the file does not leave it out. */
bool rp_rails_is_wanted(enum rp_builtin probe);

/* Whether the file leaves it out. */
bool rp_rails_is_left_out(enum rp_builtin probe);

/* Whether any builtin probe is wanted. O(probes). */
bool rp_rails_is_any_wanted(void);

/* Whether a string of that kind stays empty. */
static inline bool rp_rails_redacts(enum rp_config_redaction kind)
{
    return rp_rails_settings()->redact & 1u << kind;
}

#endif
