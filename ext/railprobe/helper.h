/*
 * The helper types: what a tracer measures, and what each adds to which probe.
 */
#ifndef RAILPROBE_HELPER_H
#define RAILPROBE_HELPER_H

#include <stdint.h>

/* The probes of a method: m__entry, m__return, m__raise; and the arguments that all of a kind
 * carry. */
enum rp_moment { RP_MOMENT_ENTRY, RP_MOMENT_RETURN, RP_MOMENT_RAISE, RP_MOMENT_COUNT };

/* As the names of its probes end; moment is one of enum rp_moment. */
static inline const char *rp_moment_name(enum rp_moment moment)
{
    static const char *const names[] = {"entry", "return", "raise"};
    return names[moment];
}

enum {
    RP_ENTRY_COMMON = 3,  /* overhead_ns, subject, ctx */
    RP_RETURN_COMMON = 5, /* overhead_ns, subject, ctx, duration_ns, status */
    RP_RAISE_COMMON = 5   /* overhead_ns, subject, ctx, exception, message */
};

/*
 * Code, name in the YAML, the probe it belongs to, how many arguments it adds there (header: and
 * one for each configured header) and their names, what it measures. In the order in which arguments
 * are appended.
 */
#define RP_HELPERS(XX)                                                                             \
    XX(LATENCY, "latency", RETURN, 0, "", "how long the call took")                                \
    XX(ENTRY, "entry", ENTRY, 0, "", "that the call began")                                        \
    XX(ARGS, "args", ENTRY, 1, "args", "the arguments, as text")                                   \
    XX(RESULT, "result", RETURN, 1, "result", "what the call returned, as text")                   \
    XX(EXCEPTION, "exception", RAISE, 0, "", "class and message of what it raised")                \
    XX(STACK, "stack", ENTRY, 1, "stack", "who called, as text, app frames first")                 \
    XX(ALLOCATIONS, "allocations", RETURN, 2, "objects bytes",                                     \
       "objects and bytes allocated in the call")                                                  \
    XX(GC, "gc", RETURN, 1, "gc_ns", "time in garbage collection, ns")                             \
    XX(CPU, "cpu", RETURN, 1, "cpu_ns", "CPU time of the thread, ns")                              \
    XX(HEADER, "header", ENTRY, 3, "trace_id_hi trace_id_lo span_id",                              \
       "the trace ids and the configured headers of a Rack env")

#define RP_HELPER_CODE(code, name, moment, slots, arguments, meaning) RP_HELPER_##code,
enum rp_helper { RP_HELPERS(RP_HELPER_CODE) RP_HELPER_COUNT };
#undef RP_HELPER_CODE

struct rp_helper_facts {
    const char *name;
    enum rp_moment moment;
    uint32_t slots;
    const char *arguments; /* the names of those, with a space between two */
    const char *meaning;
};

/* What there is to know of a helper type; helper is one of enum rp_helper. */
static inline const struct rp_helper_facts *rp_helper_facts(enum rp_helper helper)
{
#define RP_HELPER_FACTS(code, name, moment, slots, arguments, meaning)                             \
    {name, RP_MOMENT_##moment, slots, arguments, meaning},
    static const struct rp_helper_facts facts[] = {RP_HELPERS(RP_HELPER_FACTS)};
#undef RP_HELPER_FACTS
    return &facts[helper];
}

#endif
