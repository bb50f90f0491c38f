/*
 * config/tracers.yml: YAML text -> what it asks for, as plain structs with the place of each.
 *
 *   struct rp_config config;
 *   enum rp_error error = rp_config_read(&config, text, size, &options);
 *   if (error == RP_CONFIG) {
 *       rp_diagnostics_render(&config.errors, "config/tracers.yml", &out);
 *   }
 *   rp_config_free(&config);
 *
 * The annotated reference of the format is config/tracers.yml; rp_config_keys() is its table.
 */
#ifndef RAILPROBE_CONFIG_H
#define RAILPROBE_CONFIG_H

#include "declaration.h"
#include "diagnostic.h"
#include "error.h"
#include "helper.h"
#include "limit.h"
#include "rails_names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RP_CONFIG_TRACERS_MAX = 50000, /* entries under "tracers", and as many under "probes" */
    RP_CONFIG_HEADERS_MAX = 7      /* what is left of request__start's 12 arguments */
};

/* Text of the file. bytes is NUL-terminated, and NULL where nothing was written. */
struct rp_config_text {
    const char *bytes;
    uint32_t size;
    bool verbatim; /* character i of the text stands in the file at column place.column + i */
    struct rp_place place; /* of the first character, behind a quote */
};

/* A helper type declared from Ruby, as the caller knows it: the probe it adds arguments to, how
 * many slots these take, their names with a space between two. */
struct rp_config_own_type {
    const char *name;
    enum rp_moment moment;
    uint32_t slots;
    const char *arguments;
};

/* Zeroed: no helper types but ours. */
struct rp_config_options {
    const struct rp_config_own_type *own_types; /* must outlive the call only */
    uint32_t own_type_count;
    bool any_type; /* the app is not loaded, so a helper type that is unlike all of ours may be its
                      own */
};

/* A helper type in use that is not one of ours. */
struct rp_config_own_use {
    struct rp_config_text name;
    uint32_t index; /* in options.own_types, or UINT32_MAX: not declared (only with any_type) */
};

struct rp_config_types {
    uint32_t helpers; /* 1u << RP_HELPER_... for each */
    const struct rp_config_own_use *own;
    uint32_t own_count;
    struct rp_place place;
};

struct rp_config_method {
    struct rp_config_text name; /* without the dot */
    bool on_class;              /* written with a leading dot */
};

struct rp_config_capture {
    const char *name; /* a lower-case identifier of 1 to RP_NAME_MAX bytes */
    struct rp_config_text expression;
};

struct rp_config_tracer {
    struct rp_place place;
    struct rp_config_text class_name; /* "Order"; of "Search::*" it is "Search" */
    bool is_namespace;                /* every class in class_name */
    bool all_methods;                 /* "*": methods is empty */
    struct rp_place methods_place;    /* of the list, or of "*" */
    const struct rp_config_method *methods;
    uint32_t method_count;
    const struct rp_config_method *except; /* only with all_methods */
    uint32_t except_count;
    struct rp_config_types types; /* the defaults filled in; never empty */
    const struct rp_config_capture *captures;
    uint32_t capture_count;
    struct rp_config_text condition; /* "if" */
    struct rp_config_text provider;
};

struct rp_config_probe {
    struct rp_config_text label; /* provider:name as written */
    const char *provider;        /* C identifiers of 1 to RP_NAME_MAX bytes */
    const char *name;
    const struct rp_argument *arguments; /* at most RP_SLOTS_MAX slots */
    uint32_t argument_count;
};

struct rp_config_rails {
    bool on; /* false after "rails: false" */
    bool traceparent;
    uint32_t except; /* 1u << RP_GROUP_... for each */
    uint32_t redact; /* 1u << RP_REDACT_... for each */
    const struct rp_config_text *headers;
    uint32_t header_count;
};

struct rp_config {
    uint32_t version;
    bool site_fast; /* "site: fast" */
    bool reload;
    struct rp_config_text directory; /* NULL bytes: the usual order */
    struct rp_config_rails rails;
    struct rp_limits limits;
    struct rp_config_types defaults;
    const struct rp_config_tracer *tracers;
    uint32_t tracer_count;
    const struct rp_config_probe *probes;
    uint32_t probe_count;
    struct rp_diagnostics errors; /* finished; empty after RP_OK */
    struct rp_arena arena;        /* what all the pointers above point into */
};

/*
 * Reads size bytes of text into config, whatever config held before. text may go afterwards.
 *
 * Returns
 *   RP_OK      all of it was right; an empty file is, and declares nothing
 *   RP_CONFIG  config->errors has every error; config has the rest: a tracer or probe with an error
 * is left out, a setting with one keeps its default, so an app can go on with what is right
 *   RP_MEMORY  config is empty
 * The caller frees config with rp_config_free(), whatever was returned. options may be NULL.
 * O(size).
 */
enum rp_error rp_config_read(struct rp_config *config, const char *text, size_t size,
                             const struct rp_config_options *options);

/* Frees all that config holds; config is zeroed. */
void rp_config_free(struct rp_config *config);

/* One key of the format. All strings are static. */
struct rp_config_key {
    const char *section; /* "", "rails", "limits", "defaults", "tracers" or "probes" */
    const char *name;
    const char *fallback; /* what holds when the key is not there; "" when it must be */
    const char *example;  /* a value, as in the file */
    const char *doc;      /* what it does, in a line */
};

/* All keys, section by section; *count is how many. Static storage. */
const struct rp_config_key *rp_config_keys(size_t *count);

#endif
