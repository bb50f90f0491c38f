/*
 * Single values of a configuration: numbers, switches, words out of a few, helper types, providers.
 * Everything here takes nodes that config_schema.c has found to be of the right kind.
 */
#include "config_reader.h"
#include "ruby_name.h"
#include "suggestion.h"

#include <string.h>

enum { OWN_TYPES_MAX = 32 }; /* helper types of the user's own in one list */

struct rp_config_text rp_config_text(struct rp_config_reader *reader, const struct rp_node *node,
                                     size_t skip, size_t size)
{
    struct rp_config_text text = {
        .bytes = rp_arena_text(&reader->config->arena, node->text + skip, size),
        .size = (uint32_t)size,
        .verbatim = node->verbatim,
        .place = node->place};
    if (node->verbatim) {
        text.place.column += (node->plain ? 0 : 1) + (uint32_t)skip;
        text.place.width = (uint32_t)size;
    }
    return text;
}

const struct rp_node *rp_config_key_named(const struct rp_node *mapping, const char *name)
{
    const struct rp_node *key = mapping->first;
    while (key && !(key->kind == RP_NODE_SCALAR && strcmp(key->text, name) == 0)) {
        key = key->next;
    }
    return key;
}

/* Digits, with single underscores between them as in Ruby; false when the text is anything else. */
static bool parse_integer(const struct rp_node *value, uint64_t *out)
{
    const char *text = value->text;
    *out = 0;
    if (!value->plain || (text[0] == '0' && value->size > 1)) {
        return false;
    }
    for (size_t i = 0; i < value->size; i++) {
        bool between = i > 0 && i + 1 < value->size && text[i - 1] != '_';
        if (text[i] == '_' && between) {
            continue;
        }
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        if (*out < UINT32_MAX) {
            *out = *out * 10 + (uint64_t)(text[i] - '0');
        }
    }
    return true;
}

void rp_config_integer(struct rp_config_reader *reader, const struct rp_node *key, uint32_t least,
                       uint32_t most, uint32_t *out)
{
    const struct rp_node *value = key->value;
    uint64_t number;
    if (!parse_integer(value, &number)) {
        rp_diagnostics_add(reader->errors, value->place, "\"%s\" takes a whole number, not %s",
                           key->text, rp_quote(value->text, value->size).text);
        rp_diagnostics_hint(reader->errors, "digits only, no quotes and no unit; from %u to %u",
                            least, most);
    } else if (number < least || number > most) {
        rp_diagnostics_add(reader->errors, value->place, "\"%s\" is out of range: %s", key->text,
                           rp_quote(value->text, value->size).text);
        rp_diagnostics_hint(reader->errors, "from %u to %u", least, most);
    } else {
        *out = (uint32_t)number;
    }
}

void rp_config_boolean(struct rp_config_reader *reader, const struct rp_node *key, bool *out)
{
    static const char *const meant[][2] = {{"true", "true"}, {"yes", "true"},   {"on", "true"},
                                           {"1", "true"},    {"no", "false"},   {"off", "false"},
                                           {"0", "false"},   {"none", "false"}, {"false", "false"}};
    const struct rp_node *value = key->value;
    bool yes = strcmp(value->text, "true") == 0;
    if (value->plain && (yes || strcmp(value->text, "false") == 0)) {
        *out = yes;
        return;
    }
    rp_diagnostics_add(reader->errors, value->place, "\"%s\" takes true or false, not %s",
                       key->text, rp_quote(value->text, value->size).text);
    for (size_t i = 0; i < sizeof meant / sizeof *meant; i++) {
        if (strcmp(meant[i][0], value->text) == 0) {
            rp_diagnostics_hint(reader->errors, "write %s: %s%s", key->text, meant[i][1],
                                value->plain ? "" : ", without quotes");
        }
    }
}

bool rp_config_is_text(struct rp_config_reader *reader, const struct rp_node *key,
                       const struct rp_node *item)
{
    if (item->kind == RP_NODE_BROKEN) {
        return false;
    }
    if (item->kind != RP_NODE_SCALAR) {
        rp_diagnostics_add(reader->errors, item->place, "an item of \"%s\" is %s", key->text,
                           item->kind == RP_NODE_MAPPING ? "a mapping" : "a list");
        rp_diagnostics_hint(reader->errors, "%s",
                            item->kind == RP_NODE_SEQUENCE && item->size == 0
                                ? "the method [] is written in quotes: \"[]\""
                                : "each item is a single word");
        return false;
    }
    if (item->size == 0) {
        rp_diagnostics_add(reader->errors, item->place, "an item of \"%s\" is empty", key->text);
        rp_diagnostics_hint(reader->errors, "is there a comma or a dash too many?");
        return false;
    }
    return true;
}

static void refuse_twice(struct rp_config_reader *reader, const struct rp_node *key,
                         const struct rp_node *item)
{
    rp_diagnostics_add(reader->errors, item->place, "%s is in \"%s\" twice",
                       rp_quote(item->text, item->size).text, key->text);
    rp_diagnostics_hint(reader->errors, "keep one of them");
}

/* Lists all words as the hint, which is what helps when none is near. */
static void hint_words(struct rp_config_reader *reader, const struct rp_config_word *words,
                       size_t count)
{
    char list[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < count && used < sizeof list; i++) {
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", words[i].name);
    }
    rp_diagnostics_hint(reader->errors, "there are: %s", list);
}

static void refuse_word(struct rp_config_reader *reader, const struct rp_node *item,
                        const struct rp_config_word *words, size_t count, const char *what)
{
    struct rp_suggestion suggestion = {.text = item->text, .size = item->size};
    for (size_t i = 0; i < count; i++) {
        rp_suggestion_offer(&suggestion, words[i].name);
    }
    rp_diagnostics_add(reader->errors, item->place, "%s is not %s",
                       rp_quote(item->text, item->size).text, what);
    if (suggestion.best) {
        rp_diagnostics_hint(reader->errors, "did you mean \"%s\"?", suggestion.best);
    } else {
        hint_words(reader, words, count);
    }
}

uint32_t rp_config_words(struct rp_config_reader *reader, const struct rp_node *key,
                         const struct rp_config_word *words, size_t count, const char *what)
{
    uint32_t bits = 0;
    for (const struct rp_node *item = key->value->first; item; item = item->next) {
        size_t i = 0;
        if (!rp_config_is_text(reader, key, item)) {
            continue;
        }
        while (i < count && strcmp(words[i].name, item->text) != 0) {
            i++;
        }
        if (i == count) {
            refuse_word(reader, item, words, count, what);
        } else if (bits & words[i].bit) {
            refuse_twice(reader, key, item);
        } else {
            bits |= words[i].bit;
        }
    }
    return bits;
}

/* All types, of which our own come first; as many of the others as a line takes. */
static void hint_types(struct rp_config_reader *reader)
{
    char list[512] = "";
    size_t used = 0;
    for (int i = 0; i < RP_HELPER_COUNT; i++) {
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                                 rp_helper_facts((enum rp_helper)i)->name);
    }
    for (uint32_t i = 0; i < reader->options->own_type_count; i++) {
        const char *name = reader->options->own_types[i].name;
        if (strlen(name) + sizeof ", ..." > sizeof list - used) {
            (void)snprintf(list + used, sizeof list - used, ", ...");
            break;
        }
        used += (size_t)snprintf(list + used, sizeof list - used, ", %s", name);
    }
    rp_diagnostics_hint(reader->errors,
                        "there are: %s; one of your own is known once Railprobe.helper_type was "
                        "called for it, before the file is read",
                        list);
}

static void refuse_type(struct rp_config_reader *reader, const struct rp_node *item,
                        const char *meant)
{
    rp_diagnostics_add(reader->errors, item->place, "unknown helper type %s",
                       rp_quote(item->text, item->size).text);
    if (meant) {
        rp_diagnostics_hint(reader->errors, "did you mean \"%s\"?", meant);
    } else {
        hint_types(reader);
    }
}

/* What is most like an unknown helper type, or NULL. */
static const char *type_meant(const struct rp_config_options *options, const struct rp_node *item)
{
    struct rp_suggestion suggestion = {.text = item->text, .size = item->size};
    for (int i = 0; i < RP_HELPER_COUNT; i++) {
        rp_suggestion_offer(&suggestion, rp_helper_facts((enum rp_helper)i)->name);
    }
    for (uint32_t i = 0; i < options->own_type_count; i++) {
        rp_suggestion_offer(&suggestion, options->own_types[i].name);
    }
    const char *synonym = rp_config_schema_synonym("types", item->text);
    return synonym ? synonym : suggestion.best;
}

/* The type that item names: from 0 ours, from RP_HELPER_COUNT own ones; -1 and an error for none. */
static int64_t find_type(struct rp_config_reader *reader, const struct rp_node *item)
{
    const struct rp_config_options *options = reader->options;
    for (int i = 0; i < RP_HELPER_COUNT; i++) {
        if (strcmp(rp_helper_facts((enum rp_helper)i)->name, item->text) == 0) {
            return i;
        }
    }
    for (uint32_t i = 0; i < options->own_type_count; i++) {
        if (strcmp(options->own_types[i].name, item->text) == 0) {
            return (int64_t)RP_HELPER_COUNT + i;
        }
    }
    const char *meant = type_meant(options, item);
    if (options->any_type && !meant && rp_ruby_name_is_identifier(item->text, item->size)) {
        return (int64_t)RP_HELPER_COUNT + UINT32_MAX;
    }
    refuse_type(reader, item, meant);
    return -1;
}

/* Adds a helper type that is not one of ours; own has room. */
static void add_own(struct rp_config_reader *reader, const struct rp_node *key,
                    const struct rp_node *item, int64_t found, struct rp_config_own_use *own,
                    uint32_t *count)
{
    if (*count == OWN_TYPES_MAX) {
        rp_diagnostics_add(reader->errors, item->place, "more than %d helper types of your own",
                           OWN_TYPES_MAX);
        return;
    }
    for (uint32_t i = 0; i < *count; i++) {
        if (strcmp(own[i].name.bytes, item->text) == 0) {
            refuse_twice(reader, key, item);
            return;
        }
    }
    own[*count].name = rp_config_text(reader, item, 0, item->size);
    own[*count].index = (uint32_t)(found - RP_HELPER_COUNT);
    *count += own[*count].name.bytes != NULL;
}

void rp_config_types(struct rp_config_reader *reader, const struct rp_node *key,
                     struct rp_config_types *types)
{
    const struct rp_node *list = key->value;
    struct rp_config_types found = {.place = list->place};
    struct rp_config_own_use *own = NULL;
    if (list->size == 0 && !list->open) {
        rp_diagnostics_add(reader->errors, list->place, "\"types\" is empty");
        rp_diagnostics_hint(reader->errors, "write types: [latency], or remove the key");
    }
    for (const struct rp_node *item = list->first; item; item = item->next) {
        int64_t type = rp_config_is_text(reader, key, item) ? find_type(reader, item) : -1;
        if (type >= RP_HELPER_COUNT) {
            if (!own) {
                own = rp_arena_take(&reader->config->arena, OWN_TYPES_MAX, sizeof *own);
            }
            if (own) {
                add_own(reader, key, item, type, own, &found.own_count);
            }
        } else if (type >= 0 && found.helpers & 1u << type) {
            refuse_twice(reader, key, item);
        } else if (type >= 0) {
            found.helpers |= 1u << type;
        }
    }
    found.own = own;
    *types = found;
}

bool rp_config_is_provider(struct rp_config_reader *reader, const char *text, size_t size,
                           struct rp_place place)
{
    static const char *const taken[] = {"rails", "rubyvm", "tracers", "ruby"};
    if (!rp_ruby_name_is_identifier(text, size)) {
        rp_diagnostics_add(reader->errors, place, "%s is no name for a provider",
                           rp_quote(text, size).text);
        rp_diagnostics_hint(reader->errors,
                            "letters, digits and underscores, no digit first: order");
        return false;
    }
    if (size > RP_NAME_MAX) {
        rp_diagnostics_add(reader->errors, place, "the name of a provider is longer than %d bytes",
                           RP_NAME_MAX);
        rp_diagnostics_hint(reader->errors, "perf takes no longer one");
        return false;
    }
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (strlen(taken[i]) == size && memcmp(taken[i], text, size) == 0) {
            rp_diagnostics_add(reader->errors, place, "the provider \"%s\" is taken", taken[i]);
            rp_diagnostics_hint(reader->errors,
                                "rails, rubyvm, tracers and ruby are built in; name "
                                "another one");
            return false;
        }
    }
    return true;
}
