/*
 * The list "tracers": an entry for each class. Start at rp_config_read_tracers(): every entry is
 * read by itself, then all are compared with those that name every method of a class.
 */
#include "config_reader.h"
#include "ruby_name.h"

#include <string.h>

/* How reader->methods tells its names apart; a namespace adds NAMESPACE. */
enum { ON_INSTANCE, ON_CLASS, ALL, EXCEPT, NAMESPACE };

static void refuse_class(struct rp_config_reader *reader, const struct rp_node *value)
{
    char guess[RP_RUBY_NAME_MAX + 1];
    const char *hash = strchr(value->text, '#');
    size_t size = hash ? (size_t)(hash - value->text) : value->size;
    rp_diagnostics_add(reader->errors, value->place, "%s is not the name of a class",
                       rp_quote(value->text, value->size).text);
    if (strcmp(value->text, "*") == 0) {
        rp_diagnostics_hint(reader->errors,
                            "not every class can be traced; name a namespace: \"Search::*\"");
    } else if (value->size > RP_RUBY_NAME_MAX) {
        rp_diagnostics_hint(reader->errors, "it is longer than %d bytes", RP_RUBY_NAME_MAX);
    } else if (strchr(value->text, '*')) {
        rp_diagnostics_hint(reader->errors, "a pattern is a namespace and \"::*\": \"Search::*\"");
    } else if (rp_ruby_name_guess_class(value->text, size, guess)) {
        rp_diagnostics_hint(
            reader->errors,
            hash ? "write class: %s, and the method under \"methods\"" : "write class: %s", guess);
    } else {
        rp_diagnostics_hint(reader->errors, "write it as in Ruby: Order, Admin::Order");
    }
}

static void read_class(struct rp_config_reader *reader, const struct rp_node *value,
                       struct rp_config_tracer *tracer)
{
    size_t size = value->size;
    bool is_namespace = size > 3 && strcmp(value->text + size - 3, "::*") == 0;
    size -= is_namespace ? 3 : 0;
    if (!rp_ruby_name_is_class(value->text, size)) {
        refuse_class(reader, value);
        return;
    }
    tracer->is_namespace = is_namespace;
    tracer->class_name = rp_config_text(reader, value, 0, size);
}

static void refuse_method(struct rp_config_reader *reader, const struct rp_node *item)
{
    char guess[RP_RUBY_NAME_MAX + 1];
    rp_diagnostics_add(reader->errors, item->place, "%s is not the name of a method",
                       rp_quote(item->text, item->size).text);
    if (item->size > RP_RUBY_NAME_MAX) {
        rp_diagnostics_hint(reader->errors, "it is longer than %d bytes", RP_RUBY_NAME_MAX);
    } else if (strchr(item->text, '*')) {
        rp_diagnostics_hint(reader->errors,
                            "there are no patterns; all public methods are methods: "
                            "\"*\", and \"except\" names those to leave out");
    } else if (rp_ruby_name_guess_method(item->text, item->size, guess)) {
        rp_diagnostics_hint(reader->errors, "write %s", guess);
    } else {
        rp_diagnostics_hint(reader->errors,
                            "write it as after def; a class method with a dot: .import");
    }
}

/* The list under key: methods or except. Items with an error are left out. */
static const struct rp_config_method *read_methods(struct rp_config_reader *reader,
                                                   const struct rp_node *key, uint32_t *count)
{
    const struct rp_node *list = key->value;
    struct rp_config_method *methods =
        rp_arena_take(&reader->config->arena, list->size, sizeof *methods);
    if (!methods) {
        return NULL;
    }
    for (const struct rp_node *item = list->first; item; item = item->next) {
        if (!rp_config_is_text(reader, key, item)) {
            continue;
        }
        bool on_class = item->text[0] == '.';
        bool is_except = strcmp(key->text, "except") == 0;
        bool all = strcmp(item->text, "*") == 0 && list->size == 1;
        if (is_except && on_class) {
            rp_diagnostics_add(reader->errors, item->place, "class methods are not in \"*\"");
            rp_diagnostics_hint(reader->errors, "remove %s", rp_quote(item->text, item->size).text);
        } else if (all && !is_except) {
            rp_diagnostics_add(reader->errors, item->place, "all methods are \"*\" without a list");
            rp_diagnostics_hint(reader->errors,
                                "write methods: \"*\", or \"'*'\" for the operator alone");
        } else if (rp_ruby_name_is_method(item->text + on_class, item->size - on_class)) {
            methods[(*count)++] = (struct rp_config_method){
                rp_config_text(reader, item, on_class, item->size - on_class), on_class};
        } else {
            refuse_method(reader, item);
        }
    }
    return methods;
}

static void read_method_list(struct rp_config_reader *reader, const struct rp_node *key,
                             struct rp_config_tracer *tracer)
{
    const struct rp_node *value = key->value;
    tracer->methods_place = value->place;
    if (value->kind == RP_NODE_SEQUENCE) {
        tracer->methods = read_methods(reader, key, &tracer->method_count);
        if (value->size == 0 && !value->open) {
            rp_diagnostics_add(reader->errors, value->place, "\"methods\" is empty");
            rp_diagnostics_hint(reader->errors, "name some, or write methods: \"*\" for all");
        }
    } else if (strcmp(value->text, "*") == 0) {
        tracer->all_methods = true;
    } else {
        rp_diagnostics_add(reader->errors, value->place,
                           "\"methods\" takes a list or \"*\", not a single value");
        rp_diagnostics_hint(reader->errors, "write methods: [%s]",
                            rp_quote(value->text, value->size).text);
    }
}

static bool is_reserved(const char *name)
{
    static const char *const reserved[] = {"overhead_ns", "subject", "ctx", "duration_ns",
                                           "status"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strcmp(reserved[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether key may be the name of a captured argument. */
static bool check_capture_name(struct rp_config_reader *reader, const struct rp_node *key)
{
    bool lower = key->size && (key->text[0] == '_' || (key->text[0] >= 'a' && key->text[0] <= 'z'));
    if (!lower || !rp_ruby_name_is_identifier(key->text, key->size) || key->size > RP_NAME_MAX) {
        rp_diagnostics_add(reader->errors, key->place, "%s is no name for a captured argument",
                           rp_quote(key->text, key->size).text);
        rp_diagnostics_hint(reader->errors,
                            "lower-case letters, digits and underscores, at most %d", RP_NAME_MAX);
        return false;
    }
    if (is_reserved(key->text)) {
        rp_diagnostics_add(reader->errors, key->place, "the argument \"%s\" is there already",
                           key->text);
        rp_diagnostics_hint(reader->errors,
                            "every probe of a method has it; name this one otherwise");
        return false;
    }
    return true;
}

/* Whether value may be an expression; its grammar is checked when the types are known. */
static bool check_expression(struct rp_config_reader *reader, const struct rp_node *key,
                             const struct rp_node *value)
{
    if (value->kind == RP_NODE_BROKEN) {
        return false;
    }
    if (value->kind != RP_NODE_SCALAR) {
        rp_diagnostics_add(reader->errors, value->place, "the expression for %s is %s",
                           rp_quote(key->text, key->size).text,
                           value->kind == RP_NODE_MAPPING ? "a mapping" : "a list");
        rp_diagnostics_hint(reader->errors, "write it in quotes: \"args.0\"");
        return false;
    }
    if (strspn(value->text, " \t\r\n") == value->size) {
        rp_diagnostics_add(reader->errors, key->place, "the expression for %s is empty",
                           rp_quote(key->text, key->size).text);
        rp_diagnostics_hint(reader->errors, "for example \"args.0\"");
        return false;
    }
    return true;
}

static void read_captures(struct rp_config_reader *reader, const struct rp_node *mapping,
                          struct rp_config_tracer *tracer)
{
    struct rp_config_capture *captures =
        rp_arena_take(&reader->config->arena, mapping->size, sizeof *captures);
    if (!captures) {
        return;
    }
    for (const struct rp_node *key = mapping->first; key; key = key->next) {
        if (key->kind != RP_NODE_SCALAR || !key->value) {
            continue;
        }
        bool named = check_capture_name(reader, key);
        if (check_expression(reader, key, key->value) && named) {
            captures[tracer->capture_count++] = (struct rp_config_capture){
                rp_arena_text(&reader->config->arena, key->text, key->size),
                rp_config_text(reader, key->value, 0, key->value->size)};
        }
    }
    tracer->captures = captures;
}

static void read_key(struct rp_config_reader *reader, const struct rp_node *key,
                     struct rp_config_tracer *tracer)
{
    const struct rp_node *value = key->value;
    switch (rp_config_schema_find(RP_SECTION_TRACERS, key, reader->errors)) {
    case RP_KEY_TRACERS_CLASS:
        read_class(reader, value, tracer);
        break;
    case RP_KEY_TRACERS_METHODS:
        read_method_list(reader, key, tracer);
        break;
    case RP_KEY_TRACERS_EXCEPT:
        tracer->except = read_methods(reader, key, &tracer->except_count);
        break;
    case RP_KEY_TRACERS_TYPES:
        rp_config_types(reader, key, &tracer->types);
        break;
    case RP_KEY_TRACERS_CAPTURE:
        read_captures(reader, value, tracer);
        break;
    case RP_KEY_TRACERS_IF:
        if (check_expression(reader, key, value)) {
            tracer->condition = rp_config_text(reader, value, 0, value->size);
        }
        break;
    case RP_KEY_TRACERS_PROVIDER:
        if (rp_config_is_provider(reader, value->text, value->size, value->place)) {
            tracer->provider = rp_config_text(reader, value, 0, value->size);
        }
        break;
    default:
        break;
    }
}

/* What an entry must have, and what it may not have together. */
static void check_keys(struct rp_config_reader *reader, const struct rp_node *entry,
                       const struct rp_config_tracer *tracer)
{
    rp_config_schema_require(RP_KEY_TRACERS_CLASS, entry, reader->errors);
    rp_config_schema_require(RP_KEY_TRACERS_METHODS, entry, reader->errors);
    const struct rp_node *except = rp_config_key_named(entry, "except");
    if (except && tracer->methods) {
        rp_diagnostics_add(reader->errors, except->place, "\"except\" without methods: \"*\"");
        rp_diagnostics_hint(reader->errors, "remove it; the methods are named one by one");
    }
}

static struct rp_name name_of(const struct rp_config_tracer *tracer, unsigned kind,
                              const struct rp_config_method *method)
{
    return (struct rp_name){.first = tracer->class_name.bytes,
                            .first_size = tracer->class_name.size,
                            .second = method ? method->name.bytes : NULL,
                            .second_size = method ? method->name.size : 0,
                            .kind = kind + (tracer->is_namespace ? NAMESPACE : 0)};
}

static void refuse_method_twice(struct rp_config_reader *reader,
                                const struct rp_config_tracer *tracer,
                                const struct rp_config_method *method, uint32_t line)
{
    rp_diagnostics_add(reader->errors, method->name.place, "%s%s%s%s is traced twice",
                       tracer->class_name.bytes, tracer->is_namespace ? "::*" : "",
                       method->on_class ? "." : "#", method->name.bytes);
    rp_diagnostics_hint(reader->errors,
                        "the first is on line %u; one tracer can have several types", line);
}

/* Enters the class and methods of tracer into reader->methods. */
static void check_twice(struct rp_config_reader *reader, const struct rp_config_tracer *tracer)
{
    for (uint32_t i = 0; i < tracer->method_count; i++) {
        const struct rp_config_method *method = &tracer->methods[i];
        struct rp_name name = name_of(tracer, method->on_class ? ON_CLASS : ON_INSTANCE, method);
        uint32_t line = rp_name_set_add(&reader->methods, &name, method->name.place.line);
        if (line) {
            refuse_method_twice(reader, tracer, method, line);
        }
    }
    for (uint32_t i = 0; i < tracer->except_count; i++) {
        struct rp_name name = name_of(tracer, EXCEPT, &tracer->except[i]);
        (void)rp_name_set_add(&reader->methods, &name, tracer->except[i].name.place.line);
    }
    if (tracer->all_methods) {
        struct rp_name name = name_of(tracer, ALL, NULL);
        uint32_t line = rp_name_set_add(&reader->methods, &name, tracer->place.line);
        if (line) {
            rp_diagnostics_add(reader->errors, tracer->class_name.place,
                               "all methods of %s%s are traced twice", tracer->class_name.bytes,
                               tracer->is_namespace ? "::*" : "");
            rp_diagnostics_hint(reader->errors, "the first is on line %u", line);
        }
    }
}

/* Reads one entry. True when nothing was wrong with it. */
static bool read_tracer(struct rp_config_reader *reader, const struct rp_node *entry,
                        struct rp_config_tracer *tracer)
{
    size_t before = reader->errors->total;
    *tracer = (struct rp_config_tracer){.place = entry->place};
    if (entry->kind == RP_NODE_BROKEN) {
        return false;
    }
    if (entry->kind != RP_NODE_MAPPING) {
        rp_diagnostics_add(reader->errors, entry->place, "a tracer is a mapping");
        rp_diagnostics_hint(reader->errors, "write - class: Order, and methods: [...] below it");
        return false;
    }
    for (const struct rp_node *key = entry->first; key; key = key->next) {
        read_key(reader, key, tracer);
    }
    check_keys(reader, entry, tracer);
    if (tracer->types.helpers == 0 && tracer->types.own_count == 0) {
        tracer->types = reader->config->defaults;
    }
    rp_config_check_arguments(reader, entry, tracer);
    rp_config_check_expressions(reader, tracer);
    if (tracer->class_name.bytes && !reader->config->arena.failed) {
        check_twice(reader, tracer);
    }
    return reader->errors->total == before && !entry->open && !entry->faulty;
}

/* Whether some method of tracer is also traced by an entry with methods: "*" of the same class. */
static bool overlaps(struct rp_config_reader *reader, const struct rp_config_tracer *tracer)
{
    struct rp_name all = name_of(tracer, ALL, NULL);
    uint32_t line = rp_name_set_line(&reader->methods, &all);
    bool found = false;
    for (uint32_t i = 0; line && i < tracer->method_count; i++) {
        const struct rp_config_method *method = &tracer->methods[i];
        struct rp_name except = name_of(tracer, EXCEPT, method);
        if (!method->on_class && !rp_name_set_line(&reader->methods, &except)) {
            rp_diagnostics_add(reader->errors, method->name.place,
                               "%s is traced by methods: \"*\" already",
                               rp_quote(method->name.bytes, method->name.size).text);
            rp_diagnostics_hint(reader->errors, "the tracer on line %u needs except: [%s]", line,
                                rp_quote(method->name.bytes, method->name.size).text);
            found = true;
        }
    }
    return found;
}

void rp_config_read_tracers(struct rp_config_reader *reader, const struct rp_node *list)
{
    uint32_t room = list->size < RP_CONFIG_TRACERS_MAX ? list->size : RP_CONFIG_TRACERS_MAX;
    struct rp_config_tracer *tracers = rp_arena_take(&reader->config->arena, room, sizeof *tracers);
    uint32_t read = 0;
    uint32_t kept = 0;
    for (const struct rp_node *entry = list->first; entry && tracers; entry = entry->next) {
        if (read == room) {
            rp_diagnostics_add(reader->errors, entry->place, "more than %d tracers",
                               RP_CONFIG_TRACERS_MAX);
            rp_diagnostics_hint(reader->errors,
                                "name a namespace (class: \"Search::*\") instead of each class");
            break;
        }
        read++;
        kept += read_tracer(reader, entry, &tracers[kept]);
    }
    uint32_t read_well = kept;
    kept = 0;
    for (uint32_t i = 0; i < read_well && !reader->config->arena.failed; i++) {
        if (!overlaps(reader, &tracers[i])) {
            tracers[kept++] = tracers[i];
        }
    }
    reader->config->tracers = tracers;
    reader->config->tracer_count = kept;
}
