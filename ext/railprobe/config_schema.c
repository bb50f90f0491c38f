/*
 * The keys of config/tracers.yml: the table of config_schema.h, asked for a key.
 */
#include "config_schema.h"
#include "config.h"
#include "suggestion.h"

#include <string.h>

struct section {
    const char *name;
    const char *where;
};

#define SECTION(code, name, where) {name, where},
static const struct section sections[] = {RP_CONFIG_SECTIONS(SECTION)};
#undef SECTION

#define KEY(section, code, name, takes, fallback, example, doc)                                    \
    {NAME_##section, name, fallback, example, doc},
#define NAME_ROOT ""
#define NAME_RAILS "rails"
#define NAME_LIMITS "limits"
#define NAME_DEFAULTS "defaults"
#define NAME_TRACERS "tracers"
#define NAME_PROBES "probes"
static const struct rp_config_key keys[] = {RP_CONFIG_KEYS(KEY)};
#undef KEY

#define TAKES(section, code, name, takes, fallback, example, doc) takes,
static const unsigned takes[] = {RP_CONFIG_KEYS(TAKES)};
#undef TAKES

#define SECTION_OF(section, code, name, takes, fallback, example, doc) RP_SECTION_##section,
static const enum rp_section section_of[] = {RP_CONFIG_KEYS(SECTION_OF)};
#undef SECTION_OF

static const struct {
    const char *where;
    const char *written;
    const char *meant;
} synonyms[] = {
    {"", "probe", "probes"},
    {"", "tracing", "tracers"},
    {"", "trace", "tracers"},
    {"", "hot_reload", "reload"},
    {"", "dir", "directory"},
    {"", "path", "directory"},
    {"rails", "exclude", "except"},
    {"rails", "skip", "except"},
    {"rails", "filter", "redact"},
    {"limits", "rate_limit", "rate"},
    {"limits", "budget", "cpu"},
    {"limits", "stack", "frames"},
    {"limits", "string_size", "string"},
    {"tracers", "name", "class"},
    {"tracers", "klass", "class"},
    {"tracers", "module", "class"},
    {"tracers", "namespace", "class"},
    {"tracers", "only", "methods"},
    {"tracers", "exclude", "except"},
    {"tracers", "skip", "except"},
    {"tracers", "helpers", "types"},
    {"tracers", "measure", "types"},
    {"tracers", "args", "capture"},
    {"tracers", "arguments", "capture"},
    {"tracers", "condition", "if"},
    {"tracers", "when", "if"},
    {"tracers", "filter", "if"},
    {"probes", "name", "probe"},
    {"probes", "arguments", "args"},
    {"probes", "params", "args"},
    {"types", "arguments", "args"},
    {"types", "params", "args"},
    {"types", "duration", "latency"},
    {"types", "time", "latency"},
    {"types", "timing", "latency"},
    {"types", "call", "entry"},
    {"types", "return", "result"},
    {"types", "error", "exception"},
    {"types", "raise", "exception"},
    {"types", "backtrace", "stack"},
    {"types", "memory", "allocations"},
    {"types", "objects", "allocations"},
    {"args", "int", "integer"},
    {"args", "number", "integer"},
    {"args", "fixnum", "integer"},
    {"args", "uint", "unsigned"},
    {"args", "hash", "unsigned"},
    {"args", "str", "string"},
    {"args", "text", "string"},
    {"args", "sym", "symbol"},
    {"args", "bool", "boolean"},
    {"args", "double", "float"},
    {"args", "decimal", "float"},
    {"args", "datetime", "time"},
    {"args", "binary", "bytes"},
};

const struct rp_config_key *rp_config_keys(size_t *count)
{
    *count = sizeof keys / sizeof *keys;
    return keys;
}

const char *rp_config_schema_synonym(const char *where, const char *text)
{
    for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++) {
        if (strcmp(synonyms[i].where, where) == 0 && strcmp(synonyms[i].written, text) == 0) {
            return synonyms[i].meant;
        }
    }
    return NULL;
}

static bool is_environment(const char *text)
{
    static const char *const names[] = {"development", "test", "production", "staging", "shared"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* The section where a key that is unknown here would be right, or NULL. */
static const char *home_of(const char *text)
{
    for (size_t i = 0; i < RP_KEY_COUNT; i++) {
        if (strcmp(keys[i].name, text) == 0) {
            return sections[section_of[i]].where;
        }
    }
    return NULL;
}

/* The key of section that was meant by key, which is none of them; NULL when none is like it. */
static const char *meant_by(enum rp_section section, const struct rp_node *key)
{
    struct rp_suggestion suggestion = {.text = key->text, .size = key->size};
    for (size_t i = 0; i < RP_KEY_COUNT; i++) {
        if (section_of[i] == section) {
            rp_suggestion_offer(&suggestion, keys[i].name);
        }
    }
    const char *synonym = rp_config_schema_synonym(sections[section].name, key->text);
    return synonym ? synonym : suggestion.best;
}

static void hint_keys(enum rp_section section, struct rp_diagnostics *errors)
{
    char list[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < RP_KEY_COUNT && used < sizeof list; i++) {
        if (section_of[i] == section) {
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "",
                                     keys[i].name);
        }
    }
    rp_diagnostics_hint(errors, "there are: %s", list);
}

static void refuse_unknown(enum rp_section section, const struct rp_node *key,
                           struct rp_diagnostics *errors)
{
    const char *meant = meant_by(section, key);
    const char *home = home_of(key->text);
    rp_diagnostics_add(errors, key->place, "unknown key %s %s", rp_quote(key->text, key->size).text,
                       sections[section].where);
    if (meant && !home) {
        rp_diagnostics_hint(errors, "did you mean \"%s\"?", meant);
    } else if (meant) {
        rp_diagnostics_hint(errors, "did you mean \"%s\"? (\"%s\" belongs %s)", meant, key->text,
                            home);
    } else if (section == RP_SECTION_ROOT && is_environment(key->text)) {
        rp_diagnostics_hint(errors,
                            "one file serves every environment; move what is below to the top");
    } else if (home) {
        rp_diagnostics_hint(errors, "it belongs %s", home);
    } else {
        hint_keys(section, errors);
    }
}

static const char *kind_word(const struct rp_node *node)
{
    return node->kind == RP_NODE_SEQUENCE  ? "a list"
           : node->kind == RP_NODE_MAPPING ? "a mapping"
                                           : "a single value";
}

static const char *takes_words(unsigned taken)
{
    bool value = taken & RP_TAKES_VALUE;
    bool list = taken & RP_TAKES_LIST;
    bool mapping = taken & RP_TAKES_MAPPING;
    return value && list      ? "a list or \"*\""
           : value && mapping ? "a mapping, true or false"
           : list             ? "a list"
           : mapping          ? "a mapping"
                              : "a single value";
}

/* How the value of a key would be written that is of a kind the key does not take. */
static void hint_shape(enum rp_config_key_code code, const struct rp_node *value,
                       struct rp_diagnostics *errors)
{
    if (code == RP_KEY_ROOT_TRACERS || code == RP_KEY_ROOT_PROBES) {
        rp_diagnostics_hint(errors, "every entry begins with a dash: - %s",
                            code == RP_KEY_ROOT_TRACERS ? "class: Order"
                                                        : "probe: \"inventory:reserved\"");
    } else if (takes[code] & RP_TAKES_LIST && value->kind == RP_NODE_SCALAR) {
        rp_diagnostics_hint(errors, "write %s: [%s]", keys[code].name,
                            rp_quote(value->text, value->size).text);
    } else {
        rp_diagnostics_hint(errors, "for example %s: %s", keys[code].name, keys[code].example);
    }
}

/* Whether the value of key is of a kind that the key takes; adds an error if not. */
static bool fits(enum rp_config_key_code code, const struct rp_node *key,
                 struct rp_diagnostics *errors)
{
    const struct rp_node *value = key->value;
    unsigned kind = value->kind == RP_NODE_SEQUENCE  ? RP_TAKES_LIST
                    : value->kind == RP_NODE_MAPPING ? RP_TAKES_MAPPING
                                                     : RP_TAKES_VALUE;
    if (rp_node_is_empty(value)) {
        if (!(takes[code] & RP_TAKES_NOTHING)) {
            rp_diagnostics_add(errors, key->place, "\"%s\" has no value", key->text);
            rp_diagnostics_hint(errors, "write %s: %s%s", key->text, keys[code].example,
                                *keys[code].fallback ? ", or remove the key" : "");
        }
        return false;
    }
    if (!(takes[code] & kind)) {
        rp_diagnostics_add(errors, value->place, "\"%s\" takes %s, not %s", key->text,
                           takes_words(takes[code]), kind_word(value));
        hint_shape(code, value, errors);
        return false;
    }
    return true;
}

enum rp_config_key_code rp_config_schema_find(enum rp_section section, const struct rp_node *key,
                                              struct rp_diagnostics *errors)
{
    if (key->kind != RP_NODE_SCALAR) {
        return RP_KEY_COUNT;
    }
    for (size_t i = 0; i < RP_KEY_COUNT; i++) {
        if (section_of[i] == section && strcmp(keys[i].name, key->text) == 0) {
            bool there = key->value && key->value->kind != RP_NODE_BROKEN;
            return there && fits((enum rp_config_key_code)i, key, errors)
                       ? (enum rp_config_key_code)i
                       : RP_KEY_COUNT;
        }
    }
    refuse_unknown(section, key, errors);
    return RP_KEY_COUNT;
}

void rp_config_schema_require(enum rp_config_key_code code, const struct rp_node *entry,
                              struct rp_diagnostics *errors)
{
    for (const struct rp_node *key = entry->first; key; key = key->next) {
        /* What was meant by a key that is refused (<<) is not known. */
        if (key->kind != RP_NODE_SCALAR || strcmp(key->text, keys[code].name) == 0) {
            return;
        }
    }
    for (const struct rp_node *key = entry->first; key; key = key->next) {
        const char *meant = meant_by(section_of[code], key);
        if (meant && strcmp(meant, keys[code].name) == 0) {
            return;
        }
    }
    if (entry->open) {
        return;
    }
    rp_diagnostics_add(errors, entry->place, "a key is missing %s: \"%s\"",
                       sections[section_of[code]].where, keys[code].name);
    rp_diagnostics_hint(errors, "write %s: %s", keys[code].name, keys[code].example);
}
