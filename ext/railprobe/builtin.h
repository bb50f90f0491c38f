/*
 * The builtin image: the probes that depend on nothing but the version of this library. Their table is
 * rails_probes.h.
 */
#ifndef RAILPROBE_BUILTIN_H
#define RAILPROBE_BUILTIN_H

#include "error.h"
#include "rails_probes.h"
#include "registry.h"

/* What the table says of a probe beyond its declaration. */
struct rp_builtin_facts {
    struct rp_declaration declaration;
    enum rp_probe_kind kind;
    const char *group;   /* under `rails: except`; "" if it belongs to none */
    const char *subject; /* an example, or what it is */
    const char *source;
    const char *needs;
    const char *const *meanings; /* of each argument */
};

/* A row of the table; number is below RP_BUILTIN_COUNT. */
const struct rp_builtin_facts *rp_builtin_facts(size_t number);

/* Declares them all; again is fine. Returns RP_OK or RP_MEMORY. */
enum rp_error rp_builtin_declare(struct rp_registry *registry);

#endif
