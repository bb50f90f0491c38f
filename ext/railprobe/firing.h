/*
 * From an event to a firing: what is measured, and what every probe begins with.
 *
 *   entered          begun                      ended               fired
 *      |--- our work ---|------- Rails' work -------|--- our work --- trap --|
 *
 * Ruby's lock is held. Nothing is raised; nothing is allocated but what a reader has to ask Rails for.
 */
#ifndef RAILPROBE_FIRING_H
#define RAILPROBE_FIRING_H

#include "events.h"

/* What is told of a start or an end. */
struct rp_occasion {
    const struct rp_event *event;
    struct rp_open *open; /* NULL where the start was not seen, or is of no interest */
    VALUE payload;
    VALUE argument; /* of a wrapped method; else nil */
    VALUE result;
    uint64_t at; /* when we were told */
};

/* Once, before the others. */
void rp_firing_init(void);

/* Whether a probe of the event is wanted, or it is a unit of work and anything is. */
bool rp_event_is_wanted(const struct rp_event *event);

/* Fires the start, if it is wanted, and notes in open what the end wants to know. */
void rp_firing_begin(const struct rp_occasion *occasion);

/* Fires the end, with a duration and a status, or a moment. */
void rp_firing_end(const struct rp_occasion *occasion, uint64_t status);

/* Fires the end of what somebody else has measured. */
void rp_firing_published(const struct rp_occasion *occasion, uint64_t duration, uint64_t status);

/* Whether queries are heard from now on. */
void rp_firing_hear_queries(bool are_heard);

#endif
