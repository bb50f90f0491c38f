/*
 * What has begun and not ended: a record for each, found again by the object that both ends name.
 *
 * Rails names the same payload (or request) at the start and at the end of an event, wherever the end
 * comes: in another fiber, in another thread, or never. So this is a table by object and not a stack by
 * fiber. It holds RP_OPEN_MAX records; a record more, and the oldest is given up: its end counts as one
 * whose start was not seen. Nothing here locks: Ruby's lock is held.
 */
#ifndef RAILPROBE_OPEN_EVENTS_H
#define RAILPROBE_OPEN_EVENTS_H

#include "measure.h"

#include <stddef.h>
#include <stdint.h>

enum { RP_OPEN_MAX = 4096 };

struct rp_open {
    uintptr_t object;  /* what it is found by */
    const void *event; /* and of what kind it is */

    /* What the end wants to know of the start. Whoever opens it fills this in. */
    uint64_t begun; /* when our work was done, ns */
    uint64_t work;  /* what that took */
    struct rp_mark mark;
    uint64_t ctx;
    uint64_t outer_ctx; /* what ctx was before a unit of work began here; 0 */
    uint64_t allocated;
    uint64_t gc_ns;
    uint64_t queries;  /* of the unit of work so far */
    uint64_t hearing;  /* since when queries were heard; 0 if they are not */
    int64_t waited_us; /* before it began, in a queue */
    int64_t http_status;

    struct rp_open *next; /* in the same place of the table, newest first; or free */
    struct rp_open *older;
    struct rp_open *newer;
};

/* A record for object and event, zeroed but for these; NULL when there is no memory for the first ones. O(1). */
struct rp_open *rp_open_add(uintptr_t object, const void *event);

/* The newest for object and event, or NULL. O(1). */
struct rp_open *rp_open_find(uintptr_t object, const void *event);

/* Takes it out. What is in it stays readable until the next rp_open_add(). */
void rp_open_remove(struct rp_open *open);

/* Takes out all of an event, whose ends nobody will hear, and calls forgotten for each before. O(records). */
void rp_open_forget(const void *event, void (*forgotten)(const struct rp_open *open));

/* How many there are. */
size_t rp_open_count(void);

/* Calls visit for each object, which has to stay where it is. O(records). */
void rp_open_objects(void (*visit)(uintptr_t object));

#endif
