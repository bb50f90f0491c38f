/*
 * YAML text -> a tree of nodes. Start at rp_yaml_read(): it asks libyaml for one event after the
 * other and hangs what comes into the innermost open list or mapping, of which there are at most
 * depth_max, so nothing here recurses.
 */
#include "yaml_reader.h"
#include "name_set.h"
#include "utf8.h"
#include "yaml_problem.h"

#include <string.h>
#include <yaml.h>

enum { DEPTH_LIMIT = 32, FEW_KEYS = 8 };

_Static_assert((int)RP_YAML_DEPTH_MAX <= (int)DEPTH_LIMIT, "the stack holds every level");

/* A list or mapping whose end has not come yet. */
struct level {
    struct rp_node *node;
    struct rp_node **tail; /* where its next item or key goes */
    struct rp_node *key;   /* of a mapping: the key that waits for its value */
    size_t errors;         /* how many there were before it */
};

struct builder {
    struct rp_arena *arena;
    struct rp_diagnostics *errors;
    struct rp_node *root;
    struct rp_node *last;       /* the list or mapping that ended last */
    struct rp_node *last_lines; /* what was read last, if it is a plain text of several lines */
    struct level levels[DEPTH_LIMIT];
    uint32_t depth;
    uint32_t depth_max;
    uint32_t nodes;
    uint32_t documents;
    bool done; /* nothing more is to be read */
    bool cut;  /* nothing more can be read, though there is more */
};

static struct rp_place place_between(const yaml_mark_t *start, const yaml_mark_t *end)
{
    struct rp_place place = {(uint32_t)start->line + 1, (uint32_t)start->column + 1, 1};
    if (end->line == start->line && end->column > start->column) {
        place.width = (uint32_t)(end->column - start->column);
    }
    return place;
}

/* Hangs node into the innermost level: as root, item, key or value. */
static void hang(struct builder *builder, struct rp_node *node)
{
    if (!builder->depth) {
        builder->root = node;
        return;
    }
    struct level *level = &builder->levels[builder->depth - 1];
    if (level->key) {
        level->key->value = node;
        level->key = NULL;
        return;
    }
    *level->tail = node;
    level->tail = &node->next;
    level->node->size++;
    if (level->node->kind != RP_NODE_MAPPING) {
        return;
    }
    level->key = node;
    if (node->kind == RP_NODE_SEQUENCE || node->kind == RP_NODE_MAPPING) {
        rp_diagnostics_add(builder->errors, node->place, "a key must be a single word");
        rp_diagnostics_hint(builder->errors,
                            "a value that begins with [ or { is written in quotes");
    }
}

static struct rp_node *add_node(struct builder *builder, enum rp_node_kind kind,
                                const yaml_event_t *event)
{
    struct rp_node *node = rp_arena_take(builder->arena, 1, sizeof *node);
    if (!node) {
        return NULL;
    }
    node->kind = (uint8_t)kind;
    node->place = place_between(&event->start_mark, &event->end_mark);
    if (++builder->nodes > RP_YAML_NODES_MAX) {
        rp_diagnostics_add(builder->errors, node->place, "more than %d values in one file",
                           RP_YAML_NODES_MAX);
        rp_diagnostics_hint(builder->errors, "write methods: \"*\", or a namespace as the class");
        builder->cut = true;
        return NULL;
    }
    hang(builder, node);
    return node;
}

static void refuse_properties(struct builder *builder, const yaml_event_t *event,
                              const yaml_char_t *anchor, const yaml_char_t *tag)
{
    struct rp_place place = place_between(&event->start_mark, &event->start_mark);
    if (anchor) {
        place.width =
            1 + (uint32_t)rp_utf8_count((const char *)anchor, strlen((const char *)anchor));
        rp_diagnostics_add(builder->errors, place,
                           "anchors (&name) and aliases (*name) are not taken");
        rp_diagnostics_hint(builder->errors, "write the value out where it is used; a text that "
                                             "begins with & is quoted: \"&\"");
    }
    if (tag) {
        rp_diagnostics_add(builder->errors, place, "tags (!name) are not taken");
        rp_diagnostics_hint(builder->errors,
                            "remove it; a text that begins with ! is quoted: \"!\", \"!=\"");
    }
}

/* Whether a scalar stands in the file just as it reads: as many characters between the same quotes. */
static bool is_verbatim(const yaml_event_t *event)
{
    yaml_scalar_style_t style = event->data.scalar.style;
    size_t quotes = style == YAML_PLAIN_SCALAR_STYLE ? 0 : 2;
    size_t length = event->end_mark.index - event->start_mark.index;
    if (event->data.scalar.anchor || event->data.scalar.tag || style == YAML_LITERAL_SCALAR_STYLE ||
        style == YAML_FOLDED_SCALAR_STYLE || event->start_mark.line != event->end_mark.line) {
        return false;
    }
    return rp_utf8_count((const char *)event->data.scalar.value, event->data.scalar.length) +
               quotes ==
           length;
}

static void check_scalar(struct builder *builder, struct rp_node *node)
{
    if (node->size && memchr(node->text, 0, node->size)) {
        rp_diagnostics_add(builder->errors, node->place, "a NUL character in a text");
        rp_diagnostics_hint(builder->errors, "remove the \\0 or \\x00");
        node->kind = RP_NODE_BROKEN;
    } else if (node->size && strstr(node->text, "<%")) {
        rp_diagnostics_add(builder->errors, node->place, "ERB (<%% %%>) is not run in this file");
        rp_diagnostics_hint(builder->errors,
                            "write the value itself; what differs by environment is "
                            "set in the app's configuration");
        node->kind = RP_NODE_BROKEN;
    }
}

static void add_scalar(struct builder *builder, const yaml_event_t *event)
{
    size_t size = event->data.scalar.length;
    struct rp_node *node = add_node(builder, RP_NODE_SCALAR, event);
    refuse_properties(builder, event, event->data.scalar.anchor, event->data.scalar.tag);
    if (!node) {
        return;
    }
    node->text = rp_arena_text(builder->arena, (const char *)event->data.scalar.value, size);
    if (!node->text) {
        return;
    }
    node->size = (uint32_t)size;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (node->plain && event->end_mark.line > event->start_mark.line) {
        builder->last_lines = node;
    }
    node->verbatim = is_verbatim(event);
    if (event->data.scalar.tag) {
        node->kind = RP_NODE_BROKEN;
    } else {
        check_scalar(builder, node);
    }
}

static void add_alias(struct builder *builder, const yaml_event_t *event)
{
    const struct level *level = builder->depth ? &builder->levels[builder->depth - 1] : NULL;
    const struct rp_node *key = level ? level->key : NULL;
    struct rp_node *node = add_node(builder, RP_NODE_BROKEN, event);
    /* Of "<<: *name" the merge is reported, which is what has to go. */
    bool merged = key && key->kind == RP_NODE_SCALAR && strcmp(key->text, "<<") == 0;
    if (node && !merged) {
        rp_diagnostics_add(builder->errors, node->place,
                           "anchors (&name) and aliases (*name) are not taken");
        rp_diagnostics_hint(builder->errors, "write the value out; a text that begins with * is "
                                             "quoted: \"*\"");
    }
}

static void open_level(struct builder *builder, enum rp_node_kind kind, const yaml_event_t *event)
{
    size_t errors = builder->errors->total;
    struct rp_node *node = add_node(builder, kind, event);
    if (kind == RP_NODE_SEQUENCE) {
        refuse_properties(builder, event, event->data.sequence_start.anchor,
                          event->data.sequence_start.tag);
    } else {
        refuse_properties(builder, event, event->data.mapping_start.anchor,
                          event->data.mapping_start.tag);
    }
    if (!node) {
        return;
    }
    if (builder->depth == builder->depth_max) {
        rp_diagnostics_add(builder->errors, node->place,
                           "more than %u lists and mappings inside each other", builder->depth_max);
        rp_diagnostics_hint(builder->errors, "a tracer needs four; is a bracket not closed?");
        node->kind = RP_NODE_BROKEN;
        /* What libyaml does with a long row of brackets grows with the square of its length. */
        builder->cut = true;
        return;
    }
    node->open = true;
    builder->levels[builder->depth++] = (struct level){node, &node->first, NULL, errors};
}

/* Marks the second of two keys with the same name as broken. */
static void refuse_duplicate(struct builder *builder, struct rp_node *key, uint32_t earlier)
{
    rp_diagnostics_add(builder->errors, key->place, "the key %s is there twice",
                       rp_quote(key->text, key->size).text);
    rp_diagnostics_hint(builder->errors, "the first is on line %u; keep one of them", earlier);
    key->kind = RP_NODE_BROKEN;
}

static uint32_t earlier_among_few(const struct rp_node *mapping, const struct rp_node *key)
{
    for (const struct rp_node *other = mapping->first; other != key; other = other->next) {
        if (other->kind == RP_NODE_SCALAR && other->size == key->size &&
            memcmp(other->text, key->text, key->size) == 0) {
            return other->place.line;
        }
    }
    return 0;
}

/* Short mappings, which nearly all are, are compared pair by pair; the others through a set. */
static void refuse_duplicates(struct builder *builder, struct rp_node *mapping)
{
    struct rp_name_set seen = {0};
    for (struct rp_node *key = mapping->first; key; key = key->next) {
        uint32_t earlier = 0;
        if (key->kind != RP_NODE_SCALAR) {
            continue;
        }
        if (mapping->size <= FEW_KEYS) {
            earlier = earlier_among_few(mapping, key);
        } else {
            struct rp_name name = {.first = key->text, .first_size = key->size};
            earlier = rp_name_set_add(&seen, &name, key->place.line);
        }
        if (earlier) {
            refuse_duplicate(builder, key, earlier);
        }
    }
    builder->arena->failed |= seen.failed;
    rp_name_set_free(&seen);
}

static void refuse_merges(struct builder *builder, struct rp_node *mapping)
{
    for (struct rp_node *key = mapping->first; key; key = key->next) {
        if (key->kind == RP_NODE_SCALAR && key->plain && strcmp(key->text, "<<") == 0) {
            rp_diagnostics_add(builder->errors, key->place, "merge keys (<<) are not taken");
            rp_diagnostics_hint(
                builder->errors,
                "write the keys out; what all tracers share goes under \"defaults\"");
            key->kind = RP_NODE_BROKEN;
        }
    }
}

/* What is checked of a mapping once no more keys come. */
static void finish_mapping(struct builder *builder, struct rp_node *mapping)
{
    if (mapping->kind != RP_NODE_MAPPING || builder->arena->failed) {
        return;
    }
    refuse_merges(builder, mapping);
    refuse_duplicates(builder, mapping);
}

static void close_level(struct builder *builder)
{
    const struct level *level = &builder->levels[--builder->depth];
    struct rp_node *node = level->node;
    finish_mapping(builder, node);
    node->open = false;
    node->faulty = builder->errors->total != level->errors;
    builder->last = node;
}

static void begin_document(struct builder *builder, const yaml_event_t *event)
{
    if (builder->documents++) {
        rp_diagnostics_add(builder->errors, place_between(&event->start_mark, &event->end_mark),
                           "a second YAML document in the file");
        rp_diagnostics_hint(builder->errors, "one file holds one; remove the line ---");
        builder->done = true;
    }
    if (event->data.document_start.tag_directives.start !=
        event->data.document_start.tag_directives.end) {
        rp_diagnostics_add(builder->errors, place_between(&event->start_mark, &event->start_mark),
                           "tags are not taken, and no %%TAG");
        rp_diagnostics_hint(builder->errors, "remove the line");
    }
}

static void take(struct builder *builder, const yaml_event_t *event)
{
    builder->last_lines = NULL;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        begin_document(builder, event);
        break;
    case YAML_SCALAR_EVENT:
        add_scalar(builder, event);
        break;
    case YAML_ALIAS_EVENT:
        add_alias(builder, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        open_level(builder, RP_NODE_SEQUENCE, event);
        break;
    case YAML_MAPPING_START_EVENT:
        open_level(builder, RP_NODE_MAPPING, event);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_level(builder);
        break;
    case YAML_STREAM_END_EVENT:
        builder->done = true;
        break;
    default:
        break;
    }
}

/*
 * The file ended early, mostly by an error of syntax: what is open stays so, but is checked as far as it
 * goes. What was read just before may be what the error is about: a wrong indentation ends a mapping too
 * early, and makes two lines one text.
 */
static void abandon(struct builder *builder)
{
    if (builder->last) {
        builder->last->open = true;
    }
    if (builder->last_lines) {
        builder->last_lines->kind = RP_NODE_BROKEN;
    }
    while (builder->depth) {
        finish_mapping(builder, builder->levels[--builder->depth].node);
    }
}

enum rp_error rp_yaml_read(const char *text, size_t size, uint32_t depth_max,
                           struct rp_arena *arena, struct rp_diagnostics *errors,
                           struct rp_node **root)
{
    struct builder builder = {.arena = arena,
                              .errors = errors,
                              .depth_max = depth_max < DEPTH_LIMIT ? depth_max : DEPTH_LIMIT};
    enum rp_error error = RP_OK;
    yaml_parser_t parser;
    *root = NULL;
    if (!yaml_parser_initialize(&parser)) {
        return RP_MEMORY;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    while (!builder.done && !builder.cut && !arena->failed) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            rp_yaml_problem_add(&parser, text, size, errors);
            builder.cut = true;
            break;
        }
        take(&builder, &event);
        yaml_event_delete(&event);
    }
    if (builder.cut) {
        abandon(&builder);
    }
    if (arena->failed || errors->arena.failed || parser.error == YAML_MEMORY_ERROR) {
        error = RP_MEMORY;
    } else {
        *root = builder.root;
    }
    yaml_parser_delete(&parser);
    return error;
}
