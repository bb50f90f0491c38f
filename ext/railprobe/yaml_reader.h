/*
 * YAML text -> a tree of nodes, with the place of each. libyaml scans; what a configuration file
 * has no use for is refused here, so that nobody above has to think of it: anchors, aliases, tags,
 * merge keys, duplicate keys, ERB, several documents, and more depth or more values than the
 * bounds.
 */
#ifndef RAILPROBE_YAML_READER_H
#define RAILPROBE_YAML_READER_H

#include "arena.h"
#include "diagnostic.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RP_YAML_DEPTH_MAX = 8,      /* lists and mappings inside each other */
    RP_YAML_NODES_MAX = 2000000 /* values and keys in a file */
};

enum rp_node_kind {
    RP_NODE_BROKEN, /* an error has been told of it: pass it over */
    RP_NODE_SCALAR,
    RP_NODE_SEQUENCE,
    RP_NODE_MAPPING
};

struct rp_node {
    const char *text;      /* of a scalar: UTF-8 and a NUL */
    struct rp_node *first; /* of a sequence its first item, of a mapping its first key */
    struct rp_node *next;  /* the next item or key */
    struct rp_node *value; /* of a key; NULL when the file ended in between */
    uint32_t size;         /* bytes of a scalar; items or keys of the others */
    struct rp_place place; /* of the first character, a quote or bracket included */
    uint8_t kind;          /* enum rp_node_kind */
    bool plain;            /* a scalar without quotes */
    bool verbatim;         /* the scalar stands in the file as in text: no escape, no second line */
    bool open;             /* reading stopped before its end */
    bool faulty;           /* a list or mapping: an error has been told of it or of what is in it */
};

/*
 * Reads size bytes of text, which rp_source_open() has found good, into a tree in arena.
 *
 * Returns RP_OK, also for text with errors: they are added to errors, and *root is what could be
 * read up to the first error of syntax or the first bound; it is NULL for an empty file. RP_MEMORY:
 * *root is NULL. The tree lives as long as arena. O(size).
 */
enum rp_error rp_yaml_read(const char *text, size_t size, uint32_t depth_max,
                           struct rp_arena *arena, struct rp_diagnostics *errors,
                           struct rp_node **root);

/* True for a plain scalar without text: what is left of "key:" with nothing behind it. */
static inline bool rp_node_is_empty(const struct rp_node *node)
{
    return node->kind == RP_NODE_SCALAR && node->plain && node->size == 0;
}

#endif
