/*
 * From what Rails tells of an event to the arguments of a probe.
 *
 * Each argument has a reader, which takes a value of the payload and puts one slot: events.c says which reader
 * reads what. Contract of all of them: Ruby's lock is held; no Ruby object is allocated; instance variables are read
 * and no method is called, but where rp_guard_ask() says so. Worst case: RP_TEXTS_MAX texts of RP_TEXT_MAX bytes.
 */
#ifndef RAILPROBE_PAYLOAD_H
#define RAILPROBE_PAYLOAD_H

#include "declaration.h"
#include "open_events.h"
#include "render.h"

#include <ruby.h>
#include <stdbool.h>

enum { RP_TEXTS_MAX = 10 };

struct rp_event;

/* A firing in the making: its slots, and the room for their texts, of which only what is used is touched. */
struct rp_firing {
    uint64_t slots[RP_SLOTS_MAX];
    size_t next; /* the slot that the next reader puts */
    const struct rp_event *event;
    VALUE payload;
    VALUE argument; /* of a wrapped method: its first argument, and what it gave; nil */
    VALUE result;
    const struct rp_open *open; /* what is known of the start, or NULL */
    uint64_t queries;           /* of the unit of work since the start; -1 if that is not known */
    size_t header_count;        /* headers read so far */
    size_t text_count;
    struct rp_text texts[RP_TEXTS_MAX];
};

typedef void rp_reader(struct rp_firing *firing, VALUE value);

/* An argument: what reads it, from the payload's value under key, or from the payload itself if that is NULL. */
struct rp_field {
    rp_reader *read;
    const char *key;
    VALUE symbol; /* of the key; filled in once */
};

/* -- for readers -- */

void rp_put(struct rp_firing *firing, uint64_t slot);
void rp_put_word(struct rp_firing *firing, const char *word); /* static storage */
/* Room for a text, which is the next slot. */
struct rp_text *rp_put_text(struct rp_firing *firing);
/*
 * The payload's value under the name, and an instance variable of an object; nil for what is not there, or can have
 * none. Macros: where the name is a literal Ruby keeps its ID, and a firing looks none up.
 */
#define rp_payload_get(payload, name) rp_payload_value(payload, rb_intern(name))
#define rp_payload_variable(object, name) rp_payload_attribute(object, rb_intern(name))
VALUE rp_payload_value(VALUE payload, ID name);
VALUE rp_payload_attribute(VALUE object, ID name);
/* The us since 1970 that a Time, a TimeWithZone, a number of seconds or an ISO 8601 text says; -1 for others. */
int64_t rp_payload_time_us(VALUE value);
/* Now, us since 1970. */
int64_t rp_payload_now_us(void);
/* 64 bits of an Integer or of a Float times scale; -1 for what is neither. */
uint64_t rp_payload_number(VALUE value, double scale);

/* -- readers of any payload -- */

rp_reader rp_read_text;             /* a String or a Symbol; else "" */
rp_reader rp_read_class;            /* the class of an object; "" for nil */
rp_reader rp_read_argument_class;   /* of an exception that is the argument */
rp_reader rp_read_argument_message; /* as it was given */
rp_reader rp_read_pairs;            /* a Hash as text; else "" */
rp_reader rp_read_integer;          /* an Integer or a Float; else -1 */
rp_reader rp_read_ms;               /* milliseconds as ns; else -1 */
rp_reader rp_read_flag;             /* 1 for true, else 0 */
rp_reader rp_read_known;            /* 1, 0, and -1 for nil */
rp_reader rp_read_count;            /* how many elements; else -1 */
rp_reader rp_read_word;             /* the word of the event */
rp_reader rp_read_waited;           /* us that it had waited when it began */
rp_reader rp_read_nothing;          /* -1 */

/* -- payload_request.c: requests, actions, views -- */

rp_reader rp_read_request_subject;
rp_reader rp_read_request_id;
rp_reader rp_read_header; /* the next of those that the file lists */
rp_reader rp_read_request_status;
rp_reader rp_read_action_subject;
rp_reader rp_read_action_path;
rp_reader rp_read_action_status;
rp_reader rp_read_queries;
rp_reader rp_read_allocations;
rp_reader rp_read_gc_ns;
rp_reader rp_read_view_subject;

/* Once, before the others. */
void rp_request_init(void);
/* The Rack env of a request; nil if there is none. */
VALUE rp_request_env(VALUE request);
/* Its id, a String; nil if it has none. */
VALUE rp_request_id(VALUE request);
/* us between the time in X-Request-Start (or X-Queue-Start) and now; -1 without one. */
int64_t rp_request_waited_us(VALUE payload);

/* -- payload_record.c: queries, records, transactions, caches -- */

rp_reader rp_read_sql_name;
rp_reader rp_read_sql;
rp_reader rp_read_fingerprint;
rp_reader rp_read_connection;
rp_reader rp_read_database;
rp_reader rp_read_pool_name; /* the payload of these is the pool itself */
rp_reader rp_read_pool_size;
rp_reader rp_read_pool_busy;
rp_reader rp_read_pool_waiting;
rp_reader rp_read_cache_key;
rp_reader rp_read_cache_keys;

/* -- payload_job.c: jobs, mails, cables, deprecations -- */

rp_reader rp_read_job_queue;
rp_reader rp_read_job_wait;   /* us until it may run */
rp_reader rp_read_retry_wait; /* us from seconds */
rp_reader rp_read_job_id;
rp_reader rp_read_executions;
rp_reader rp_read_executions_before;
rp_reader rp_read_error_class;
rp_reader rp_read_recipients;
rp_reader rp_read_channel_subject;
rp_reader rp_read_coder;
rp_reader rp_read_location;

/* -- payload_http.c: requests to others -- */

rp_reader rp_read_http_host;
rp_reader rp_read_http_method;
rp_reader rp_read_http_path;
rp_reader rp_read_http_port;
rp_reader rp_read_http_status;

/* us since it was enqueued, or since it was due; -1 if that is not known. */
int64_t rp_job_waited_us(VALUE payload);

#endif
