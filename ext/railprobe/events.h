/*
 * The events of Rails that probes are fired for, and what each argument is read from: one table, in events.c.
 */
#ifndef RAILPROBE_EVENTS_H
#define RAILPROBE_EVENTS_H

#include "payload.h"
#include "rails_probes.h"

/* The slots that every probe begins with. */
enum { RP_SLOT_OVERHEAD, RP_SLOT_SUBJECT, RP_SLOT_CTX, RP_SLOT_DURATION, RP_SLOT_STATUS };

/* A probe and what its arguments are read from: the subject, then the specifics in their order. */
struct rp_event_probe {
    enum rp_builtin probe; /* RP_BUILTIN_COUNT for none */
    struct rp_field *fields;
    size_t count;
};

/* What else is done at an event; bits. */
enum rp_event_role {
    RP_EVENT_UNIT = 1,   /* it is a unit of work: a request or a job */
    RP_EVENT_ACTION = 2, /* what it allocates, collects and queries is counted */
    RP_EVENT_QUERY = 4,  /* it is a query, and counts as one of its unit's */
    RP_EVENT_TRACED = 8  /* its request may be part of a trace: trace__context follows its start */
};

struct rp_event {
    const char *name;   /* as Rails calls it */
    const char *word;   /* what rp_read_word reads */
    const char *object; /* the payload's key of what both ends name; NULL for the payload itself */
    struct rp_event_probe start; /* fired at its start */
    struct rp_event_probe done;  /* fired at its end: an X__done, or a moment */
    unsigned roles;
    int64_t (*waited_us)(VALUE payload); /* how long it had waited when it began; or NULL */
};

/* Once: makes the symbols. */
void rp_events_init(void);

/* All of ActiveSupport::Notifications. */
struct rp_event *rp_events(size_t *count);

/* What is no event of it: the payload of a wrapped method is its receiver. */
enum rp_event_single { RP_EVENT_CHECKOUT, RP_EVENT_HTTP, RP_EVENT_REPORTED, RP_EVENT_NOTIFIED };
struct rp_event *rp_event(enum rp_event_single number);

/* request.action_dispatch. */
const struct rp_event *rp_event_request(void);

/* Fills in slots from the fields of a probe: the subject, and the specifics from firing->next on. */
void rp_event_read(const struct rp_event_probe *probe, struct rp_firing *firing);

#endif
