/*
 * What the files that read a configuration share: config.c (the whole), config_tracer.c,
 * config_probe.c and config_value.c (single values). Nobody else includes this.
 */
#ifndef RAILPROBE_CONFIG_READER_H
#define RAILPROBE_CONFIG_READER_H

#include "config.h"
#include "config_schema.h"
#include "name_set.h"
#include "yaml_reader.h"

/* One reading of a file. What goes wrong with memory is marked in the arena, errors or sets. */
struct rp_config_reader {
    struct rp_config *config;
    const struct rp_config_options *options;
    struct rp_diagnostics *errors; /* &config->errors */
    struct rp_name_set methods;    /* class and method of every tracer */
    struct rp_name_set probes;     /* every probe:, in full */
};

/* A word and the bit it stands for. */
struct rp_config_word {
    const char *name;
    uint32_t bit;
};

/* Size bytes of text that begin skip bytes into node, with their place; copied. */
struct rp_config_text rp_config_text(struct rp_config_reader *reader, const struct rp_node *node,
                                     size_t skip, size_t size);

/* The value of key as a number from least to most into out, which stays as it is on an error. */
void rp_config_integer(struct rp_config_reader *reader, const struct rp_node *key, uint32_t least,
                       uint32_t most, uint32_t *out);

/* The value of key, true or false, into out, which stays as it is on an error. */
void rp_config_boolean(struct rp_config_reader *reader, const struct rp_node *key, bool *out);

/* True when item of the list under key is text and not empty; else an error is added. */
bool rp_config_is_text(struct rp_config_reader *reader, const struct rp_node *key,
                       const struct rp_node *item);

/* The bits of the words in the list under key; what names one of them in errors ("a group"). */
uint32_t rp_config_words(struct rp_config_reader *reader, const struct rp_node *key,
                         const struct rp_config_word *words, size_t count, const char *what);

/* The helper types in the list under key. */
void rp_config_types(struct rp_config_reader *reader, const struct rp_node *key,
                     struct rp_config_types *types);

/*
 * True when size bytes of text at place may be the name of a provider of the app's; else an error
 * is added.
 */
bool rp_config_is_provider(struct rp_config_reader *reader, const char *text, size_t size,
                           struct rp_place place);

/* The key of mapping that is called name, even one whose value was refused; NULL if there is none. */
const struct rp_node *rp_config_key_named(const struct rp_node *mapping, const char *name);

/* The list under the key "tracers" into config->tracers; the defaults must have been read. */
void rp_config_read_tracers(struct rp_config_reader *reader, const struct rp_node *list);

/*
 * Adds an error for each capture of tracer that is no expression, and for a condition that is none
 * or is known too late for its types; these must have been read. Nothing is kept of them.
 */
void rp_config_check_expressions(struct rp_config_reader *reader,
                                 const struct rp_config_tracer *tracer);

/*
 * Adds an error when a probe of tracer, which stands at entry, would carry too many arguments, and for
 * each argument that would have the name of another one. Types and captures must have been read.
 */
void rp_config_check_arguments(struct rp_config_reader *reader, const struct rp_node *entry,
                               const struct rp_config_tracer *tracer);

/* The declared helper type that own stands for, or NULL when it is not known. */
const struct rp_config_own_type *rp_config_own_type(const struct rp_config_reader *reader,
                                                    const struct rp_config_own_use *own);

/* The list under the key "probes" into config->probes. */
void rp_config_read_probes(struct rp_config_reader *reader, const struct rp_node *list);

#endif
