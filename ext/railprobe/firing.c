/*
 * From an event to a firing. See firing.h.
 */
#include "firing.h"

#include "builtin.h"
#include "collector.h"
#include "ctx.h"
#include "header.h"
#include "rails.h"
#include "tracer.h"

#include <string.h>

static uint64_t clock_cost;
static uint64_t
    hearing; /* counts how often the queries were begun to be heard; 0 while they are not */
static uint64_t hearings;

void rp_firing_init(void)
{
    clock_cost = rp_measure_clock_cost();
}

void rp_firing_hear_queries(bool are_heard)
{
    hearing = are_heard ? ++hearings : 0;
}

static bool is_wanted(const struct rp_event_probe *probe)
{
    return probe->fields && rp_rails_is_wanted(probe->probe);
}

bool rp_event_is_wanted(const struct rp_event *event)
{
    return is_wanted(&event->start) || is_wanted(&event->done) ||
           (event->roles & RP_EVENT_UNIT &&
            (rp_rails_is_any_wanted() || rp_tracer_is_any_wanted()));
}

/* How many queries the action has made; not known unless all were heard. */
static uint64_t queries_of(const struct rp_open *open)
{
    bool is_known = open && open->hearing && open->hearing == hearing;
    return is_known ? rp_ctx_queries(open->ctx) - open->queries : UINT64_MAX;
}

/* A firing takes 10 KiB of stack, so it has a function that is called for nothing else. */
static void fire(const struct rp_event_probe *probe, const struct rp_occasion *occasion,
                 const uint64_t *common, size_t count, uint64_t overhead)
{
    struct rp_firing firing; /* its texts are not cleared */
    memset(firing.slots, 0, sizeof firing.slots);
    memcpy(firing.slots, common, count * sizeof *common);
    firing.next = count;
    firing.event = occasion->event;
    firing.payload = occasion->payload;
    firing.argument = occasion->argument;
    firing.result = occasion->result;
    firing.open = occasion->open;
    firing.queries = queries_of(occasion->open);
    firing.header_count = 0;
    firing.text_count = 0;
    rp_event_read(probe, &firing);
    firing.slots[RP_SLOT_OVERHEAD] = overhead + rp_now_ns() - occasion->at;
    rp_probe_fire(rp_rails_probe(probe->probe), firing.slots);
}

/* Who has sent the request, if a header says so. */
static void fire_trace(const struct rp_occasion *occasion, uint64_t ctx)
{
    uint64_t slots[RP_SLOTS_MAX] = {0};
    struct rp_text id;
    VALUE request = rp_payload_get(occasion->payload, "request");
    if (rp_rails_settings()->traceparent && rp_rails_is_wanted(RP_BUILTIN_trace__context) &&
        rp_header_parent(rp_request_env(request), slots + RP_SLOT_CTX + 1)) {
        uint64_t at = rp_now_ns();
        rp_render_text(&id, rp_request_id(request));
        slots[RP_SLOT_SUBJECT] = (uint64_t)(uintptr_t)id.bytes;
        slots[RP_SLOT_CTX] = ctx;
        slots[RP_SLOT_OVERHEAD] = rp_now_ns() - at + clock_cost;
        rp_probe_fire(rp_rails_probe(RP_BUILTIN_trace__context), slots);
    }
}

void rp_firing_begin(const struct rp_occasion *occasion)
{
    const struct rp_event *event = occasion->event;
    struct rp_open *open = occasion->open;
    uintptr_t fiber = (uintptr_t)rb_fiber_current();
    uint64_t ctx = rp_ctx_current(fiber);
    if (is_wanted(&event->start)) {
        const uint64_t common[] = {0, 0, ctx};
        fire(&event->start, occasion, common, 3, clock_cost);
    }
    if (event->roles & RP_EVENT_TRACED) {
        fire_trace(occasion, ctx);
    }
    if (open) {
        open->ctx = ctx;
        open->queries = rp_ctx_queries(ctx);
        open->hearing = hearing;
        if (event->roles & RP_EVENT_ACTION) {
            open->gc_ns = rp_collector_ns();
            open->allocated = rp_collector_allocated();
        }
    }
    uint64_t begun = rp_now_ns();
    struct rp_place *place = rp_measure_place(fiber);
    rp_measure_add(place, begun - occasion->at);
    rp_limit_spend_clocked(rp_measure_take(place));
    if (open) {
        open->work = begun - occasion->at;
        open->mark = rp_measure_mark(place);
        open->begun = begun;
        rp_measure_open(place); /* so that methods traced inside time what is taken off here */
    }
}

static void end(const struct rp_occasion *occasion, uint64_t duration, uint64_t status,
                uint64_t overhead)
{
    const struct rp_event_probe *probe = &occasion->event->done;
    uintptr_t fiber = (uintptr_t)rb_fiber_current();
    uint64_t ctx = occasion->open ? occasion->open->ctx : rp_ctx_current(fiber);
    if (rp_builtin_facts(probe->probe)->kind == RP_KIND_DONE) {
        const uint64_t common[] = {0, 0, ctx, duration, status};
        fire(probe, occasion, common, 5, overhead);
    } else {
        const uint64_t common[] = {0, 0, ctx};
        fire(probe, occasion, common, 3, overhead);
    }
    struct rp_place *place = rp_measure_place(fiber);
    rp_measure_add(place, rp_now_ns() - occasion->at);
    rp_limit_spend_clocked(rp_measure_take(place));
}

void rp_firing_end(const struct rp_occasion *occasion, uint64_t status)
{
    const struct rp_open *open = occasion->open;
    struct rp_place *place = rp_measure_place((uintptr_t)rb_fiber_current());
    if (open) {
        (void)rp_measure_close(place, open->mark);
    }
    if (!is_wanted(&occasion->event->done)) {
        return;
    }
    if (!open) {
        end(occasion, 0, status, clock_cost);
        return;
    }
    uint64_t nested = rp_measure_since(place, open->mark);
    uint64_t took = occasion->at - open->begun;
    end(occasion, took > nested ? took - nested : 0, status, open->work + nested + clock_cost);
}

void rp_firing_published(const struct rp_occasion *occasion, uint64_t duration, uint64_t status)
{
    if (is_wanted(&occasion->event->done)) {
        end(occasion, duration, status, clock_cost);
    }
}
