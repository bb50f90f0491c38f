/*
 * What has begun and not ended. See open_events.h.
 *
 * Records come in chunks, which are never freed: what was open at once will be so again.
 */
#include "open_events.h"

#include <stdbool.h>
#include <stdlib.h>

enum { PLACES = 512, CHUNK = 128 };

static struct rp_open *places[PLACES];
static struct rp_open *free_records;
static struct rp_open *oldest;
static struct rp_open *newest;
static size_t made;
static size_t count;

static struct rp_open **place_of(uintptr_t object)
{
    return &places[(object >> 3 ^ object >> 12) % PLACES];
}

/* False when there is no memory. */
static bool make_chunk(void)
{
    struct rp_open *chunk = made < RP_OPEN_MAX ? calloc(CHUNK, sizeof *chunk) : NULL;
    for (size_t i = 0; chunk && i < CHUNK; i++) {
        chunk[i].next = free_records;
        free_records = &chunk[i];
    }
    made += chunk ? CHUNK : 0;
    return chunk;
}

static struct rp_open *take_free(void)
{
    if (!free_records && !make_chunk() && oldest) {
        rp_open_remove(oldest);
    }
    struct rp_open *open = free_records;
    if (open) {
        free_records = open->next;
    }
    return open;
}

struct rp_open *rp_open_add(uintptr_t object, const void *event)
{
    struct rp_open **place = place_of(object);
    struct rp_open *open = take_free();
    if (!open) {
        return NULL;
    }
    *open = (struct rp_open){.object = object, .event = event, .next = *place, .older = newest};
    *place = open;
    if (newest) {
        newest->newer = open;
    } else {
        oldest = open;
    }
    newest = open;
    count++;
    return open;
}

struct rp_open *rp_open_find(uintptr_t object, const void *event)
{
    struct rp_open *open = *place_of(object);
    while (open && (open->object != object || open->event != event)) {
        open = open->next;
    }
    return open;
}

void rp_open_remove(struct rp_open *open)
{
    struct rp_open **at = place_of(open->object);
    while (*at != open) {
        at = &(*at)->next;
    }
    *at = open->next;
    if (open->older) {
        open->older->newer = open->newer;
    } else {
        oldest = open->newer;
    }
    if (open->newer) {
        open->newer->older = open->older;
    } else {
        newest = open->older;
    }
    open->next = free_records;
    free_records = open;
    count--;
}

void rp_open_forget(const void *event, void (*forgotten)(const struct rp_open *open))
{
    for (struct rp_open *open = oldest; open;) {
        struct rp_open *newer = open->newer;
        if (open->event == event) {
            forgotten(open);
            rp_open_remove(open);
        }
        open = newer;
    }
}

size_t rp_open_count(void)
{
    return count;
}

void rp_open_objects(void (*visit)(uintptr_t object))
{
    for (const struct rp_open *open = oldest; open; open = open->newer) {
        visit(open->object);
    }
}
