/*
 * What is wrong in a file, and where: collected while reading, shown once, in the order of the
 * file.
 *
 *   config/tracers.yml:8:5: unknown key "typs" in a tracer
 *     8 |     typs: [latency]
 *       |     ^^^^
 *       = did you mean "types"?
 *
 * A list holds the first RP_DIAGNOSTICS_MAX that it was told of and counts the rest. It owns
 * everything it holds; a zeroed struct is an empty list.
 */
#ifndef RAILPROBE_DIAGNOSTIC_H
#define RAILPROBE_DIAGNOSTIC_H

#include "arena.h"
#include "buffer.h"
#include "error.h"

#include <stdint.h>

enum { RP_DIAGNOSTICS_MAX = 100, RP_QUOTE_SIZE = 64 };

/* A place in a file. Lines and columns begin at 1 and count characters; line 0 is the file as a
 * whole. */
struct rp_place {
    uint32_t line;
    uint32_t column;
    uint32_t width; /* characters that the caret line marks */
};

struct rp_diagnostic {
    struct rp_place place;
    const char *message; /* what is wrong */
    const char *hint;    /* what to write instead, or NULL */
    const char *excerpt; /* the line, or what fits of it; NULL before rp_diagnostics_finish() */
    uint32_t caret;      /* characters of the excerpt before the place */
};

struct rp_diagnostics {
    struct rp_arena arena;
    struct rp_diagnostic *items; /* by line and column once finished */
    size_t count;
    size_t total;   /* with those beyond RP_DIAGNOSTICS_MAX */
    bool last_kept; /* whether a hint has an item to go to */
};

/* Text as a message shows it; see rp_quote(). */
struct rp_quote {
    char text[RP_QUOTE_SIZE];
};

/*
 * Adds what is wrong at place, as printf. Text that comes from the file goes through rp_quote().
 * Memory that runs out marks list->arena failed.
 */
__attribute__((format(printf, 3, 4))) void
rp_diagnostics_add(struct rp_diagnostics *list, struct rp_place place, const char *format, ...);

/* Says what to write instead of what was added last, as printf. The last hint stays. */
__attribute__((format(printf, 2, 3))) void rp_diagnostics_hint(struct rp_diagnostics *list,
                                                               const char *format, ...);

/*
 * Sorts the list and takes from text (the file, size bytes) the line of each. Call once, when
 * everything has been added; text may go afterwards. O(size).
 *
 * Returns RP_OK, or RP_MEMORY when that or an earlier step ran out of memory.
 */
enum rp_error rp_diagnostics_finish(struct rp_diagnostics *list, const char *text, size_t size);

/*
 * Appends all of a finished list to out in the form above; file is the name that every first line
 * begins with.
 *
 * Returns RP_OK or RP_MEMORY.
 */
enum rp_error rp_diagnostics_render(const struct rp_diagnostics *list, const char *file,
                                    struct rp_buffer *out);

void rp_diagnostics_free(struct rp_diagnostics *list);

/*
 * Size bytes of text in double quotes, cut after some 40 characters, with escapes for all that a
 * terminal would obey.
 */
struct rp_quote rp_quote(const char *text, size_t size);

#endif
