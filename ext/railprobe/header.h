/*
 * What the helper type header adds: who sent the request, read from the Rack env among the arguments.
 *
 * Contract: Ruby's lock is held; nothing is raised, no Ruby object is allocated, no Ruby code runs.
 * Worst case: RP_HEADERS_MAX + 1 look-ups in a Hash by a String, and as many texts copied.
 */
#ifndef RAILPROBE_HEADER_H
#define RAILPROBE_HEADER_H

#include <ruby.h>
#include <stdbool.h>

enum { RP_HEADERS_MAX = 6, RP_HEADER_SIZE = 256 };

/* The texts of headers, cut at RP_HEADER_SIZE - 1 bytes, or limits.string. */
struct rp_header_texts {
    char bytes[RP_HEADERS_MAX][RP_HEADER_SIZE];
};

/* Once, before the others. */
void rp_header_init(void);

/*
 * The two halves of the trace's id and the id of the calling span, from the header traceparent of a Rack
 * env, which may be nil. False, and zeros, where there is none, or it is malformed.
 */
bool rp_header_parent(VALUE env, uint64_t ids[3]);

/*
 * Fills slots from next on: the two halves of the trace's id and the id of the calling span, from the
 * header traceparent (0 where there is none, or it is malformed), then each of the headers in keys, an
 * Array of the env's names for them ("HTTP_X_REQUEST_START"; "" where it is missing). The env is the
 * first argument that is a Hash. Gives the next free slot.
 */
size_t rp_header_read(int argc, const VALUE *argv, VALUE keys, struct rp_header_texts *texts,
                      uint64_t *slots, size_t next);

#endif
