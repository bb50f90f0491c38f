/*
 * The builtin image, as a table.
 */
#include "builtin.h"

/* The common pair, which every traced method fires as well: one attach sees all of them. */
static const struct rp_argument method_arguments[] = {
    {"overhead_ns", RP_TYPE_INTEGER}, {"subject", RP_TYPE_STRING}, {"ctx", RP_TYPE_INTEGER},
    {"duration_ns", RP_TYPE_INTEGER}, {"status", RP_TYPE_INTEGER},
};

static const struct rp_declaration declarations[] = {
    {.provider = "tracers",
     .name = "method__entry",
     .arguments = method_arguments,
     .argument_count = 3},
    {.provider = "tracers",
     .name = "method__return",
     .arguments = method_arguments,
     .argument_count = 5},
};

enum rp_error rp_builtin_declare(struct rp_registry *registry)
{
    enum rp_error error = RP_OK;
    struct rp_probe *probe;
    for (size_t i = 0; i < sizeof declarations / sizeof *declarations && !error; i++) {
        error = rp_registry_declare(registry, &declarations[i], &probe);
    }
    return error;
}
