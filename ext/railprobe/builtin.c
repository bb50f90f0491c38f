/*
 * The builtin image: the table of rails_probes.h as declarations.
 */
#include "builtin.h"

/* What comes first, by kind. */
#define COMMON_START(ARGUMENT)                                                                     \
    ARGUMENT(INTEGER, overhead_ns, "what tracing itself took")                                     \
    ARGUMENT(STRING, subject, "what it is about")                                                  \
    ARGUMENT(INTEGER, ctx, "number of the request or job; 0 outside of one")
#define COMMON_MOMENT(ARGUMENT) COMMON_START(ARGUMENT)
#define COMMON_DONE(ARGUMENT)                                                                      \
    COMMON_START(ARGUMENT)                                                                         \
    ARGUMENT(INTEGER, duration_ns, "how long it took, less what tracing took")                     \
    ARGUMENT(INTEGER, status, "0 ok, 1 exception, 2 any other way out")

#define NAMED(type, name, meaning) {#name, RP_TYPE_##type},
#define MEANING(type, name, meaning) meaning,

#define ARGUMENTS(provider, name, group, kind, subject, source, needs, ...)                        \
    static const struct rp_argument name##_arguments[] = {COMMON_##kind(NAMED) __VA_ARGS__};
RP_BUILTIN_PROBES(ARGUMENTS, NAMED)

#define MEANINGS(provider, name, group, kind, subject, source, needs, ...)                         \
    static const char *const name##_meanings[] = {COMMON_##kind(MEANING) __VA_ARGS__};
RP_BUILTIN_PROBES(MEANINGS, MEANING)

#define NOTHING(...)
#define ROW(provider_, name_, group_, kind_, subject_, source_, needs_, ...)                       \
    {.declaration = {.provider = #provider_,                                                       \
                     .name = #name_,                                                               \
                     .arguments = name_##_arguments,                                               \
                     .argument_count = sizeof name_##_arguments / sizeof *name_##_arguments},      \
     .kind = RP_KIND_##kind_,                                                                      \
     .group = group_,                                                                              \
     .subject = subject_,                                                                          \
     .source = source_,                                                                            \
     .needs = needs_,                                                                              \
     .meanings = name_##_meanings},
static const struct rp_builtin_facts facts[] = {RP_BUILTIN_PROBES(ROW, NOTHING)};

#define FITS(provider, name, ...)                                                                  \
    _Static_assert(sizeof name##_arguments / sizeof *name##_arguments <= RP_SLOTS_MAX,             \
                   #name " has more arguments than readers take");
RP_BUILTIN_PROBES(FITS, NOTHING)

const struct rp_builtin_facts *rp_builtin_facts(size_t number)
{
    return &facts[number];
}

enum rp_error rp_builtin_declare(struct rp_registry *registry)
{
    enum rp_error error = RP_OK;
    struct rp_probe *probe;
    for (size_t i = 0; i < RP_BUILTIN_COUNT && !error; i++) {
        error = rp_registry_declare(registry, &facts[i].declaration, &probe);
    }
    return error;
}
