/*
 * The keys of config/tracers.yml, in one table: what is not here is refused, and what is here is in
 * the reference (config/tracers.yml) and in the schema for editors (config/tracers.schema.json)
 * word for word; spec/c/config_test.c keeps them the same.
 */
#ifndef RAILPROBE_CONFIG_SCHEMA_H
#define RAILPROBE_CONFIG_SCHEMA_H

#include "diagnostic.h"
#include "yaml_reader.h"

/* What a key takes; RP_TAKES_NOTHING: it may be left empty. */
enum { RP_TAKES_VALUE = 1, RP_TAKES_LIST = 2, RP_TAKES_MAPPING = 4, RP_TAKES_NOTHING = 8 };

/* Code, name in rp_config_keys(), what an error calls the place. */
#define RP_CONFIG_SECTIONS(XX)                                                                     \
    XX(ROOT, "", "at the top of the file")                                                         \
    XX(RAILS, "rails", "in \"rails\"")                                                             \
    XX(LIMITS, "limits", "in \"limits\"")                                                          \
    XX(DEFAULTS, "defaults", "in \"defaults\"")                                                    \
    XX(TRACERS, "tracers", "in a tracer")                                                          \
    XX(PROBES, "probes", "in a probe")

/* Section, code, key, what it takes, value when absent, an example, what it does. */
#define RP_CONFIG_KEYS(XX)                                                                         \
    XX(ROOT, VERSION, "version", RP_TAKES_VALUE, "1", "1", "The version of this format.")          \
    XX(ROOT, SITE, "site", RP_TAKES_VALUE, "safe", "safe",                                         \
       "How probe sites are built: safe, or fast (cheaper while attached, on newer kernels).")     \
    XX(ROOT, RELOAD, "reload", RP_TAKES_VALUE, "true", "true",                                     \
       "Whether edits of this file are taken into running processes.")                             \
    XX(ROOT, DIRECTORY, "directory", RP_TAKES_VALUE, "tmp/railprobe", "tmp/railprobe",             \
       "Where images are written; only this user or root may be able to write there.")             \
    XX(ROOT, RAILS, "rails", RP_TAKES_VALUE | RP_TAKES_MAPPING | RP_TAKES_NOTHING, "true",         \
       "{except: [view]}", "The probes of Rails itself; false leaves all of them out.")            \
    XX(ROOT, LIMITS, "limits", RP_TAKES_MAPPING | RP_TAKES_NOTHING, "{}", "{rate: 100000}",        \
       "What tracing may cost; what goes over a limit is disarmed for a while.")                   \
    XX(ROOT, DEFAULTS, "defaults", RP_TAKES_MAPPING | RP_TAKES_NOTHING, "{}",                      \
       "{types: [latency]}", "What a tracer gets that does not say otherwise.")                    \
    XX(ROOT, TRACERS, "tracers", RP_TAKES_LIST | RP_TAKES_NOTHING, "[]",                           \
       "[{class: Order, methods: [checkout]}]", "The methods to trace: an entry for each class.")  \
    XX(ROOT, PROBES, "probes", RP_TAKES_LIST | RP_TAKES_NOTHING, "[]",                             \
       "[{probe: \"inventory:reserved\", args: {sku: string}}]",                                   \
       "Probes that the app fires by hand.")                                                       \
    XX(RAILS, EXCEPT, "except", RP_TAKES_LIST, "[]", "[view, cable]",                              \
       "Groups of probes to leave out.")                                                           \
    XX(RAILS, HEADERS, "headers", RP_TAKES_LIST, "[]", "[X-Request-Start]",                        \
       "Request headers that request__start and the type header carry, at most 7.")                \
    XX(RAILS, REDACT, "redact", RP_TAKES_LIST, "[]", "[sql, path]",                                \
       "Strings to leave empty in the probes: sql, path, key (of a cache).")                       \
    XX(RAILS, TRACEPARENT, "traceparent", RP_TAKES_VALUE, "true", "true",                          \
       "Whether trace__context reads the ids of a traceparent header.")                            \
    XX(LIMITS, RATE, "rate", RP_TAKES_VALUE, "100000", "100000",                                   \
       "Firings a second of one probe in a process; 0 for no limit.")                              \
    XX(LIMITS, CPU, "cpu", RP_TAKES_VALUE, "10", "10",                                             \
       "Percent of one CPU for all probes of a process; 0 for no limit.")                          \
    XX(LIMITS, PAUSE, "pause", RP_TAKES_VALUE, "10", "10",                                         \
       "Seconds that what went over a limit stays disarmed.")                                      \
    XX(LIMITS, STRING, "string", RP_TAKES_VALUE, "1024", "1024",                                   \
       "Bytes of a string argument, at most 1024; a longer one is cut at a character.")            \
    XX(LIMITS, FRAMES, "frames", RP_TAKES_VALUE, "16", "16",                                       \
       "Frames that the type stack carries, those of the app first.")                              \
    XX(DEFAULTS, TYPES, "types", RP_TAKES_LIST, "[latency]", "[latency]",                          \
       "Helper types of a tracer that names none.")                                                \
    XX(TRACERS, CLASS, "class", RP_TAKES_VALUE, "", "Order",                                       \
       "The class or module, or \"Search::*\" for every class in a namespace.")                    \
    XX(TRACERS, METHODS, "methods", RP_TAKES_VALUE | RP_TAKES_LIST, "", "[checkout, .import]",     \
       "Its methods; a leading dot is a class method, \"*\" every public one it defines itself.")  \
    XX(TRACERS, EXCEPT, "except", RP_TAKES_LIST, "[]", "[to_s]",                                   \
       "Methods to leave out; only with methods: \"*\".")                                          \
    XX(TRACERS, TYPES, "types", RP_TAKES_LIST, "[latency]", "[latency, allocations]",              \
       "What to measure: the helper types, yours too.")                                            \
    XX(TRACERS, CAPTURE, "capture", RP_TAKES_MAPPING, "{}", "{id: \"self.id\"}",                   \
       "Further arguments of its probes: name and expression.")                                    \
    XX(TRACERS, IF, "if", RP_TAKES_VALUE, "true", "\"duration > 50ms\"",                           \
       "Fire only when this expression is true.")                                                  \
    XX(TRACERS, PROVIDER, "provider", RP_TAKES_VALUE, "the class", "order",                        \
       "The provider of its probes; by default the last name of the class, in lower case.")        \
    XX(PROBES, PROBE, "probe", RP_TAKES_VALUE, "", "\"inventory:reserved\"",                       \
       "Its provider and its name.")                                                               \
    XX(PROBES, ARGS, "args", RP_TAKES_MAPPING | RP_TAKES_NOTHING, "{}", "{sku: string}",           \
       "Its arguments in order: name and type.")

#define RP_SECTION_CODE(code, name, where) RP_SECTION_##code,
enum rp_section { RP_CONFIG_SECTIONS(RP_SECTION_CODE) RP_SECTION_COUNT };
#undef RP_SECTION_CODE

#define RP_KEY_CODE(section, code, name, takes, fallback, example, doc) RP_KEY_##section##_##code,
enum rp_config_key_code { RP_CONFIG_KEYS(RP_KEY_CODE) RP_KEY_COUNT };
#undef RP_KEY_CODE

/*
 * The key of section that key names, when its value is of a kind that the key takes.
 *
 * Returns RP_KEY_COUNT when the key is to be passed over: it is unknown, its value is missing or of
 * the wrong kind (errors then says so), or an error has been told of it already.
 */
enum rp_config_key_code rp_config_schema_find(enum rp_section section, const struct rp_node *key,
                                              struct rp_diagnostics *errors);

/*
 * Adds an error when entry, a tracer or a probe that was read to its end, lacks the key. One that is
 * there under a wrong name, or with a wrong value, has been told of and is not missing.
 */
void rp_config_schema_require(enum rp_config_key_code code, const struct rp_node *entry,
                              struct rp_diagnostics *errors);

/*
 * The word that people write for what we call otherwise ("arguments" for "args"), or NULL. where is
 * a section's name, "types" for helper types or "args" for the types of arguments.
 */
const char *rp_config_schema_synonym(const char *where, const char *text);

#endif
