/*
 * The list "probes": what the app fires by hand.
 */
#include "config_reader.h"
#include "ruby_name.h"
#include "suggestion.h"

#include <string.h>

/* Takes provider:name apart. */
static void read_label(struct rp_config_reader *reader, const struct rp_node *value,
                       struct rp_config_probe *probe)
{
    const char *colon = strchr(value->text, ':');
    size_t size = colon ? (size_t)(colon - value->text) : 0;
    const char *name = colon ? colon + 1 : value->text;
    size_t name_size = colon ? value->size - size - 1 : value->size;
    if (!colon || !rp_ruby_name_is_identifier(name, name_size)) {
        rp_diagnostics_add(reader->errors, value->place, "%s is no provider:name",
                           rp_quote(value->text, value->size).text);
        rp_diagnostics_hint(reader->errors, "letters, digits and underscores on both sides of the "
                                            "colon: \"inventory:reserved\"");
        return;
    }
    if (name_size > RP_NAME_MAX) {
        rp_diagnostics_add(reader->errors, value->place,
                           "the name of a probe is longer than %d bytes", RP_NAME_MAX);
        rp_diagnostics_hint(reader->errors, "perf takes no longer one");
        return;
    }
    if (!rp_config_is_provider(reader, value->text, size, value->place)) {
        return;
    }
    probe->label = rp_config_text(reader, value, 0, value->size);
    probe->provider = rp_arena_text(&reader->config->arena, value->text, size);
    probe->name = rp_arena_text(&reader->config->arena, name, name_size);
    if (!probe->name || !probe->provider || !probe->label.bytes) {
        return;
    }
    struct rp_name seen = {.first = probe->label.bytes, .first_size = probe->label.size};
    uint32_t line = rp_name_set_add(&reader->probes, &seen, value->place.line);
    if (line) {
        rp_diagnostics_add(reader->errors, value->place, "the probe \"%s\" is there twice",
                           probe->label.bytes);
        rp_diagnostics_hint(reader->errors, "the first is on line %u", line);
    }
}

static void refuse_type(struct rp_config_reader *reader, const struct rp_node *key)
{
    const struct rp_node *value = key->value;
    bool text = value->kind == RP_NODE_SCALAR;
    struct rp_suggestion suggestion = {.text = value->text, .size = text ? value->size : 0};
    for (int i = 0; i < RP_TYPE_COUNT; i++) {
        rp_suggestion_offer(&suggestion, rp_type_facts((enum rp_type)i)->name);
    }
    const char *synonym = text ? rp_config_schema_synonym("args", value->text) : NULL;
    const char *meant = synonym ? synonym : suggestion.best;
    rp_diagnostics_add(reader->errors, text && !value->size ? key->place : value->place,
                       "the argument %s has no type that is known",
                       rp_quote(key->text, key->size).text);
    if (meant) {
        rp_diagnostics_hint(reader->errors, "did you mean \"%s\"?", meant);
    } else {
        rp_diagnostics_hint(reader->errors,
                            "there are: integer, unsigned, string, symbol, boolean, "
                            "float, time, bytes, value");
    }
}

/* The type that the value of key names; RP_TYPE_COUNT and an error for none. */
static enum rp_type read_type(struct rp_config_reader *reader, const struct rp_node *key)
{
    const struct rp_node *value = key->value;
    if (value->kind == RP_NODE_BROKEN) {
        return RP_TYPE_COUNT;
    }
    for (int i = 0; i < RP_TYPE_COUNT && value->kind == RP_NODE_SCALAR; i++) {
        if (strcmp(rp_type_facts((enum rp_type)i)->name, value->text) == 0) {
            return (enum rp_type)i;
        }
    }
    refuse_type(reader, key);
    return RP_TYPE_COUNT;
}

/* Reads one argument. True when nothing was wrong with it. */
static bool read_argument(struct rp_config_reader *reader, const struct rp_node *key,
                          struct rp_argument *argument)
{
    bool named = key->size <= RP_NAME_MAX && rp_ruby_name_is_identifier(key->text, key->size);
    if (!named) {
        rp_diagnostics_add(reader->errors, key->place, "%s is no name for an argument",
                           rp_quote(key->text, key->size).text);
        rp_diagnostics_hint(reader->errors,
                            "letters, digits and underscores, no digit first, at most %d",
                            RP_NAME_MAX);
    }
    argument->type = read_type(reader, key);
    argument->name = rp_arena_text(&reader->config->arena, key->text, key->size);
    return named && argument->type != RP_TYPE_COUNT && argument->name;
}

static void read_arguments(struct rp_config_reader *reader, const struct rp_node *args,
                           struct rp_config_probe *probe)
{
    const struct rp_node *mapping = args->value;
    struct rp_argument *arguments =
        rp_arena_take(&reader->config->arena, mapping->size, sizeof *arguments);
    uint64_t slots = 0;
    if (!arguments) {
        return;
    }
    for (const struct rp_node *key = mapping->first; key; key = key->next) {
        if (key->kind == RP_NODE_SCALAR && key->value &&
            read_argument(reader, key, &arguments[probe->argument_count])) {
            slots += rp_type_facts(arguments[probe->argument_count].type)->slots;
            probe->argument_count++;
        }
    }
    probe->arguments = arguments;
    if (slots > RP_SLOTS_MAX) {
        rp_diagnostics_add(reader->errors, args->place,
                           "the probe would carry %llu arguments, at most %d go into one",
                           (unsigned long long)slots, RP_SLOTS_MAX);
        rp_diagnostics_hint(reader->errors, "bytes counts as two; make it two probes");
    }
}

/* Reads one entry. True when nothing was wrong with it. */
static bool read_probe(struct rp_config_reader *reader, const struct rp_node *entry,
                       struct rp_config_probe *probe)
{
    size_t before = reader->errors->total;
    *probe = (struct rp_config_probe){0};
    if (entry->kind == RP_NODE_BROKEN) {
        return false;
    }
    if (entry->kind != RP_NODE_MAPPING) {
        rp_diagnostics_add(reader->errors, entry->place, "a probe is a mapping");
        rp_diagnostics_hint(reader->errors,
                            "write - probe: \"inventory:reserved\", and args: {...} below it");
        return false;
    }
    for (const struct rp_node *key = entry->first; key; key = key->next) {
        switch (rp_config_schema_find(RP_SECTION_PROBES, key, reader->errors)) {
        case RP_KEY_PROBES_PROBE:
            read_label(reader, key->value, probe);
            break;
        case RP_KEY_PROBES_ARGS:
            read_arguments(reader, key, probe);
            break;
        default:
            break;
        }
    }
    rp_config_schema_require(RP_KEY_PROBES_PROBE, entry, reader->errors);
    return reader->errors->total == before && !entry->open && !entry->faulty &&
           !reader->config->arena.failed;
}

void rp_config_read_probes(struct rp_config_reader *reader, const struct rp_node *list)
{
    uint32_t room = list->size < RP_CONFIG_TRACERS_MAX ? list->size : RP_CONFIG_TRACERS_MAX;
    struct rp_config_probe *probes = rp_arena_take(&reader->config->arena, room, sizeof *probes);
    uint32_t read = 0;
    uint32_t kept = 0;
    for (const struct rp_node *entry = list->first; entry && probes; entry = entry->next) {
        if (read == room) {
            rp_diagnostics_add(reader->errors, entry->place, "more than %d probes",
                               RP_CONFIG_TRACERS_MAX);
            break;
        }
        read++;
        kept += read_probe(reader, entry, &probes[kept]);
    }
    reader->config->probes = probes;
    reader->config->probe_count = kept;
}
