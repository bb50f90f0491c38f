/*
 * The bytes of a text file before anything reads them as a language: size, encoding, stray bytes.
 */
#ifndef RAILPROBE_SOURCE_H
#define RAILPROBE_SOURCE_H

#include "diagnostic.h"

enum { RP_SOURCE_MAX = 16 << 20 }; /* bytes in a file */

struct rp_source {
    const char *text; /* behind a byte order mark; not owned */
    size_t size;
};

/*
 * Checks size bytes of text and puts what is to be read of it into source.
 *
 * True when it is UTF-8 of at most RP_SOURCE_MAX bytes, with no NUL and nothing invisible in it
 * that would break a line or be obeyed by a terminal; else every line's first fault is in errors. A
 * UTF-8 byte order mark at the front is left out. O(size).
 */
bool rp_source_open(struct rp_source *source, const char *text, size_t size,
                    struct rp_diagnostics *errors);

#endif
