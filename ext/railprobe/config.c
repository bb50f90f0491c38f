/*
 * config/tracers.yml: YAML text -> what it asks for. Start at rp_config_read(): the bytes are
 * checked (source.c), read into a tree (yaml_reader.c), and the tree is walked here for the
 * settings, in config_tracer.c and config_probe.c for the two lists. What is wrong goes into
 * config->errors, and the walk goes on.
 */
#include "config.h"
#include "config_reader.h"
#include "source.h"
#include "suggestion.h"

#include <string.h>

static const struct rp_config_word groups[] = {
#define GROUP(code, name) {name, 1u << RP_GROUP_##code},
    RP_CONFIG_GROUPS(GROUP)
#undef GROUP
};

static const struct rp_config_word redactions[] = {
#define REDACTION(code, name) {name, 1u << RP_REDACT_##code},
    RP_CONFIG_REDACTIONS(REDACTION)
#undef REDACTION
};

/* What holds when the file does not say otherwise; the table of config_schema.h says the same. */
static const struct rp_config usual = {
    .version = 1,
    .reload = true,
    .rails = {.on = true, .traceparent = true},
    .limits = {.rate = 100000,
               .cpu = 10,
               .pause = 10,
               .string = RP_STRING_MAX,
               .frames = RP_FRAMES_DEFAULT},
    .defaults = {.helpers = 1u << RP_HELPER_LATENCY},
};

static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static bool same_header(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}

/* Adds what is wrong with a header's name. True when nothing is. */
static bool check_header(struct rp_config_reader *reader, const struct rp_node *item)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "!#$%&'*+-.^_`|~";
    if (strncmp(item->text, "HTTP_", 5) == 0) {
        rp_diagnostics_add(reader->errors, item->place, "%s is Rack's name of a header",
                           rp_quote(item->text, item->size).text);
        rp_diagnostics_hint(reader->errors, "write it as it is sent: X-Request-Start");
        return false;
    }
    if (item->size > RP_NAME_MAX || strspn(item->text, letters) != item->size) {
        rp_diagnostics_add(reader->errors, item->place, "%s is no name of a header",
                           rp_quote(item->text, item->size).text);
        rp_diagnostics_hint(reader->errors,
                            "letters, digits and dashes, at most %d: X-Request-Start", RP_NAME_MAX);
        return false;
    }
    return true;
}

static void read_headers(struct rp_config_reader *reader, const struct rp_node *key)
{
    struct rp_config_rails *rails = &reader->config->rails;
    struct rp_config_text *headers =
        rp_arena_take(&reader->config->arena, RP_CONFIG_HEADERS_MAX, sizeof *headers);
    for (const struct rp_node *item = key->value->first; item && headers; item = item->next) {
        uint32_t i = 0;
        if (!rp_config_is_text(reader, key, item) || !check_header(reader, item)) {
            continue;
        }
        while (i < rails->header_count && headers[i].bytes &&
               !same_header(headers[i].bytes, item->text)) {
            i++;
        }
        if (i < rails->header_count) {
            rp_diagnostics_add(reader->errors, item->place, "%s is in \"headers\" twice",
                               rp_quote(item->text, item->size).text);
            rp_diagnostics_hint(reader->errors, "keep one of them; case does not matter");
        } else if (rails->header_count == RP_CONFIG_HEADERS_MAX) {
            rp_diagnostics_add(reader->errors, item->place, "more than %d headers",
                               RP_CONFIG_HEADERS_MAX);
            rp_diagnostics_hint(reader->errors, "a probe carries at most %d arguments",
                                RP_SLOTS_MAX);
            break;
        } else {
            headers[rails->header_count++] = rp_config_text(reader, item, 0, item->size);
        }
    }
    rails->headers = headers;
}

static void read_rails(struct rp_config_reader *reader, const struct rp_node *key)
{
    struct rp_config_rails *rails = &reader->config->rails;
    if (key->value->kind == RP_NODE_SCALAR) {
        rp_config_boolean(reader, key, &rails->on);
        return;
    }
    for (key = key->value->first; key; key = key->next) {
        switch (rp_config_schema_find(RP_SECTION_RAILS, key, reader->errors)) {
        case RP_KEY_RAILS_EXCEPT:
            rails->except =
                rp_config_words(reader, key, groups, RP_GROUP_COUNT, "a group of Rails probes");
            break;
        case RP_KEY_RAILS_HEADERS:
            read_headers(reader, key);
            break;
        case RP_KEY_RAILS_REDACT:
            rails->redact = rp_config_words(reader, key, redactions, RP_REDACT_COUNT,
                                            "one of the strings to redact");
            break;
        case RP_KEY_RAILS_TRACEPARENT:
            rp_config_boolean(reader, key, &rails->traceparent);
            break;
        default:
            break;
        }
    }
}

static void read_limits(struct rp_config_reader *reader, const struct rp_node *mapping)
{
    struct rp_limits *limits = &reader->config->limits;
    for (const struct rp_node *key = mapping->first; key; key = key->next) {
        switch (rp_config_schema_find(RP_SECTION_LIMITS, key, reader->errors)) {
        case RP_KEY_LIMITS_RATE:
            rp_config_integer(reader, key, 0, 100000000, &limits->rate);
            break;
        case RP_KEY_LIMITS_CPU:
            rp_config_integer(reader, key, 0, 100, &limits->cpu);
            break;
        case RP_KEY_LIMITS_PAUSE:
            rp_config_integer(reader, key, 1, 86400, &limits->pause);
            break;
        case RP_KEY_LIMITS_STRING:
            rp_config_integer(reader, key, RP_STRING_MIN, RP_STRING_MAX, &limits->string);
            break;
        case RP_KEY_LIMITS_FRAMES:
            rp_config_integer(reader, key, 1, RP_FRAMES_MAX, &limits->frames);
            break;
        default:
            break;
        }
    }
}

static void read_defaults(struct rp_config_reader *reader, const struct rp_node *mapping)
{
    for (const struct rp_node *key = mapping->first; key; key = key->next) {
        if (rp_config_schema_find(RP_SECTION_DEFAULTS, key, reader->errors) ==
            RP_KEY_DEFAULTS_TYPES) {
            struct rp_config_types types = {0};
            size_t before = reader->errors->total;
            rp_config_types(reader, key, &types);
            if (reader->errors->total == before && !key->value->faulty && !key->value->open) {
                reader->config->defaults = types;
            }
        }
    }
}

static void read_site(struct rp_config_reader *reader, const struct rp_node *value)
{
    bool fast = strcmp(value->text, "fast") == 0;
    if (fast || strcmp(value->text, "safe") == 0) {
        reader->config->site_fast = fast;
        return;
    }
    struct rp_suggestion suggestion = {.text = value->text, .size = value->size};
    rp_suggestion_offer(&suggestion, "safe");
    rp_suggestion_offer(&suggestion, "fast");
    rp_diagnostics_add(reader->errors, value->place, "\"site\" takes safe or fast, not %s",
                       rp_quote(value->text, value->size).text);
    rp_diagnostics_hint(reader->errors, "did you mean \"%s\"?",
                        suggestion.best ? suggestion.best : "safe");
}

static void read_directory(struct rp_config_reader *reader, const struct rp_node *value)
{
    if (value->size == 0) {
        rp_diagnostics_add(reader->errors, value->place, "\"directory\" is empty");
        rp_diagnostics_hint(reader->errors, "write directory: tmp/railprobe, or remove the key");
        return;
    }
    reader->config->directory = rp_config_text(reader, value, 0, value->size);
}

static void check_version(struct rp_config_reader *reader, const struct rp_node *value)
{
    if (value->plain && strcmp(value->text, "1") == 0) {
        return;
    }
    rp_diagnostics_add(reader->errors, value->place, "version %s of the format is not known",
                       rp_quote(value->text, value->size).text);
    rp_diagnostics_hint(reader->errors, "%s",
                        strcmp(value->text, "1") == 0
                            ? "write version: 1, without quotes"
                            : "write version: 1; a later one takes a later railprobe");
}

/* Reads what one key at the top says. The lists come second, as what they mean depends on the rest. */
static void read_key(struct rp_config_reader *reader, enum rp_config_key_code code,
                     const struct rp_node *key, bool lists)
{
    bool is_list = code == RP_KEY_ROOT_TRACERS || code == RP_KEY_ROOT_PROBES;
    if (is_list != lists) {
        return;
    }
    switch (code) {
    case RP_KEY_ROOT_VERSION:
        check_version(reader, key->value);
        break;
    case RP_KEY_ROOT_SITE:
        read_site(reader, key->value);
        break;
    case RP_KEY_ROOT_RELOAD:
        rp_config_boolean(reader, key, &reader->config->reload);
        break;
    case RP_KEY_ROOT_DIRECTORY:
        read_directory(reader, key->value);
        break;
    case RP_KEY_ROOT_RAILS:
        read_rails(reader, key);
        break;
    case RP_KEY_ROOT_LIMITS:
        read_limits(reader, key->value);
        break;
    case RP_KEY_ROOT_DEFAULTS:
        read_defaults(reader, key->value);
        break;
    case RP_KEY_ROOT_TRACERS:
        rp_config_read_tracers(reader, key->value);
        break;
    case RP_KEY_ROOT_PROBES:
        rp_config_read_probes(reader, key->value);
        break;
    default:
        break;
    }
}

static void read_root(struct rp_config_reader *reader, const struct rp_node *root)
{
    enum rp_config_key_code *codes = NULL;
    size_t i = 0;
    if (!root || root->kind == RP_NODE_BROKEN || rp_node_is_empty(root)) {
        return;
    }
    /* "version:1" reads as text that goes on over the next lines: what stopped it has been told. */
    if (root->kind == RP_NODE_SCALAR && reader->errors->total) {
        return;
    }
    if (root->kind != RP_NODE_MAPPING) {
        rp_diagnostics_add(reader->errors, root->place, "the file is %s, not a mapping",
                           root->kind == RP_NODE_SEQUENCE ? "a list" : "a single value");
        rp_diagnostics_hint(reader->errors, "it begins with \"tracers:\", and the list below that");
        return;
    }
    codes = rp_arena_take(&reader->config->arena, root->size, sizeof *codes);
    if (!codes) {
        return;
    }
    for (const struct rp_node *key = root->first; key; key = key->next) {
        codes[i] = rp_config_schema_find(RP_SECTION_ROOT, key, reader->errors);
        read_key(reader, codes[i++], key, false);
    }
    i = 0;
    for (const struct rp_node *key = root->first; key; key = key->next) {
        read_key(reader, codes[i++], key, true);
    }
}

enum rp_error rp_config_read(struct rp_config *config, const char *text, size_t size,
                             const struct rp_config_options *options)
{
    static const struct rp_config_options none;
    struct rp_config_reader reader = {
        .config = config, .options = options ? options : &none, .errors = &config->errors};
    struct rp_arena nodes = {0};
    struct rp_node *root = NULL;
    struct rp_source source;
    *config = usual;
    enum rp_error error = RP_OK;
    if (rp_source_open(&source, text, size, reader.errors)) {
        error =
            rp_yaml_read(source.text, source.size, RP_YAML_DEPTH_MAX, &nodes, reader.errors, &root);
    }
    if (error == RP_OK) {
        read_root(&reader, root);
        error = rp_diagnostics_finish(reader.errors, source.text, source.size);
    }
    if (config->arena.failed || reader.methods.failed || reader.probes.failed) {
        error = RP_MEMORY;
    }
    rp_name_set_free(&reader.methods);
    rp_name_set_free(&reader.probes);
    rp_arena_free(&nodes);
    if (error != RP_OK) {
        rp_config_free(config);
        return error;
    }
    return config->errors.total ? RP_CONFIG : RP_OK;
}

void rp_config_free(struct rp_config *config)
{
    rp_diagnostics_free(&config->errors);
    rp_arena_free(&config->arena);
    *config = (struct rp_config){0};
}
