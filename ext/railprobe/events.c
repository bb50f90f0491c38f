/*
 * The events of Rails, and what each argument of their probes is read from. See events.h.
 *
 * The first field of a list is the subject; the rest is in the order of rails_probes.h, which
 * spec/e2e/rails_arguments_spec.rb holds them to.
 */
#include "events.h"

#define FIELDS(name, ...) static struct rp_field name[] = {__VA_ARGS__}
#define READ(reader, key)                                                                          \
    {                                                                                              \
        rp_read_##reader, key, 0                                                                   \
    }
#define PAYLOAD NULL /* read from all of it */

/* clang-format off */
FIELDS(request_start,
       READ(request_subject, "request"),
       READ(waited, PAYLOAD),
       READ(request_id, "request"),
       READ(header, "request"), READ(header, "request"), READ(header, "request"),
       READ(header, "request"), READ(header, "request"), READ(header, "request"),
       READ(header, "request"));
FIELDS(request_done,
       READ(request_subject, "request"),
       READ(request_status, "request"),
       READ(waited, PAYLOAD),
       READ(request_id, "request"));
FIELDS(action_start,
       READ(action_subject, PAYLOAD),
       READ(text, "method"),
       READ(action_path, PAYLOAD),
       READ(text, "format"));
FIELDS(action_done,
       READ(action_subject, PAYLOAD),
       READ(ms, "db_runtime"),
       READ(ms, "view_runtime"),
       READ(action_status, PAYLOAD),
       READ(queries, PAYLOAD),
       READ(allocations, PAYLOAD),
       READ(gc_ns, PAYLOAD));
FIELDS(sql_start,
       READ(sql_name, "name"),
       READ(sql, "sql"));
FIELDS(sql_done,
       READ(sql_name, "name"),
       READ(sql, "sql"),
       READ(fingerprint, "sql"),
       READ(integer, "row_count"),
       READ(flag, "cached"),
       READ(flag, "async"),
       READ(ms, "lock_wait"),
       READ(connection, "connection"));
FIELDS(instantiate_done,
       READ(text, "class_name"),
       READ(integer, "record_count"));
FIELDS(transaction_start,
       READ(database, "connection"),
       READ(connection, "connection"));
FIELDS(transaction_done,
       READ(database, "connection"),
       READ(text, "outcome"),
       READ(connection, "connection"));
FIELDS(view_start,
       READ(view_subject, "identifier"),
       READ(word, PAYLOAD));
FIELDS(view_done,
       READ(view_subject, "identifier"),
       READ(word, PAYLOAD),
       READ(integer, "count"),
       READ(integer, "cache_hits"));
FIELDS(cache_done,
       READ(cache_key, "key"),
       READ(known, "hit"),
       READ(text, "store"));
FIELDS(cache_change_done,
       READ(cache_key, "key"),
       READ(nothing, PAYLOAD),
       READ(text, "store"));
FIELDS(cache_multi_done,
       READ(cache_keys, "key"),
       READ(count, "hits"),
       READ(text, "store"),
       READ(count, "key"),
       READ(word, PAYLOAD));
FIELDS(job_enqueue_done,
       READ(class, "job"),
       READ(job_queue, "job"),
       READ(job_wait, "job"),
       READ(job_id, "job"),
       READ(executions, "job"),
       READ(error_class, PAYLOAD));
FIELDS(job_start,
       READ(class, "job"),
       READ(job_queue, "job"),
       READ(waited, PAYLOAD),
       READ(job_id, "job"),
       READ(executions_before, "job"));
FIELDS(job_done,
       READ(class, "job"),
       READ(job_queue, "job"),
       READ(waited, PAYLOAD),
       READ(job_id, "job"),
       READ(executions, "job"),
       READ(error_class, PAYLOAD));
FIELDS(job_retry,
       READ(class, "job"),
       READ(job_queue, "job"),
       READ(retry_wait, "wait"),
       READ(job_id, "job"),
       READ(executions, "job"),
       READ(error_class, PAYLOAD));
FIELDS(job_discard,
       READ(class, "job"),
       READ(job_queue, "job"),
       READ(nothing, PAYLOAD),
       READ(job_id, "job"),
       READ(executions, "job"),
       READ(error_class, PAYLOAD));
FIELDS(mail_deliver_done,
       READ(text, "mailer"),
       READ(recipients, PAYLOAD),
       READ(text, "message_id"));
FIELDS(cable_action_done,
       READ(channel_subject, PAYLOAD));
FIELDS(cable_broadcast_done,
       READ(text, "broadcasting"),
       READ(coder, "coder"));
FIELDS(storage_done,
       READ(text, "service"),
       READ(word, PAYLOAD),
       READ(text, "key"));
FIELDS(deprecation,
       READ(text, "message"),
       READ(text, "gem_name"),
       READ(location, "callstack"));

#define FIRES(probe, fields) {RP_BUILTIN_##probe, fields, sizeof fields / sizeof *fields}
#define NOTHING {RP_BUILTIN_COUNT, NULL, 0}

static struct rp_event events[] = {
    {.name = "request.action_dispatch", .object = "request",
     .roles = RP_EVENT_UNIT | RP_EVENT_TRACED,
     .start = FIRES(request__start, request_start), .done = FIRES(request__done, request_done),
     .waited_us = rp_request_waited_us},
    {.name = "process_action.action_controller", .roles = RP_EVENT_ACTION,
     .start = FIRES(action__start, action_start), .done = FIRES(action__done, action_done)},
    {.name = "sql.active_record", .roles = RP_EVENT_QUERY,
     .start = FIRES(sql__start, sql_start), .done = FIRES(sql__done, sql_done)},
    {.name = "instantiation.active_record",
     .start = NOTHING, .done = FIRES(instantiate__done, instantiate_done)},
    {.name = "start_transaction.active_record",
     .start = FIRES(transaction__start, transaction_start), .done = NOTHING},
    {.name = "transaction.active_record",
     .start = NOTHING, .done = FIRES(transaction__done, transaction_done)},
    {.name = "render_template.action_view", .word = "template",
     .start = FIRES(view__start, view_start), .done = FIRES(view__done, view_done)},
    {.name = "render_partial.action_view", .word = "partial",
     .start = FIRES(view__start, view_start), .done = FIRES(view__done, view_done)},
    {.name = "render_collection.action_view", .word = "collection",
     .start = FIRES(view__start, view_start), .done = FIRES(view__done, view_done)},
    {.name = "render_layout.action_view", .word = "layout",
     .start = FIRES(view__start, view_start), .done = FIRES(view__done, view_done)},
    {.name = "cache_read.active_support",
     .start = NOTHING, .done = FIRES(cache__read__done, cache_done)},
    {.name = "cache_write.active_support",
     .start = NOTHING, .done = FIRES(cache__write__done, cache_change_done)},
    {.name = "cache_delete.active_support",
     .start = NOTHING, .done = FIRES(cache__delete__done, cache_change_done)},
    {.name = "cache_generate.active_support",
     .start = NOTHING, .done = FIRES(cache__generate__done, cache_change_done)},
    {.name = "cache_read_multi.active_support", .word = "read_multi",
     .start = NOTHING, .done = FIRES(cache__multi__done, cache_multi_done)},
    {.name = "cache_write_multi.active_support", .word = "write_multi",
     .start = NOTHING, .done = FIRES(cache__multi__done, cache_multi_done)},
    {.name = "cache_delete_multi.active_support", .word = "delete_multi",
     .start = NOTHING, .done = FIRES(cache__multi__done, cache_multi_done)},
    {.name = "enqueue.active_job",
     .start = NOTHING, .done = FIRES(job__enqueue__done, job_enqueue_done)},
    {.name = "enqueue_at.active_job",
     .start = NOTHING, .done = FIRES(job__enqueue__done, job_enqueue_done)},
    {.name = "perform.active_job", .roles = RP_EVENT_UNIT,
     .start = FIRES(job__start, job_start), .done = FIRES(job__done, job_done),
     .waited_us = rp_job_waited_us},
    {.name = "enqueue_retry.active_job",
     .start = NOTHING, .done = FIRES(job__retry, job_retry)},
    {.name = "retry_stopped.active_job",
     .start = NOTHING, .done = FIRES(job__discard, job_discard)},
    {.name = "discard.active_job",
     .start = NOTHING, .done = FIRES(job__discard, job_discard)},
    {.name = "deliver.action_mailer",
     .start = NOTHING, .done = FIRES(mail__deliver__done, mail_deliver_done)},
    {.name = "perform_action.action_cable",
     .start = NOTHING, .done = FIRES(cable__action__done, cable_action_done)},
    {.name = "broadcast.action_cable",
     .start = NOTHING, .done = FIRES(cable__broadcast__done, cable_broadcast_done)},
#define STORAGE(operation)                                                                         \
    {.name = "service_" operation ".active_storage", .word = operation,                            \
     .start = NOTHING, .done = FIRES(storage__done, storage_done)}
    STORAGE("upload"), STORAGE("download"), STORAGE("streaming_download"),
    STORAGE("download_chunk"), STORAGE("delete"), STORAGE("delete_prefixed"), STORAGE("exist"),
    STORAGE("url"), STORAGE("mirror"), STORAGE("update_metadata"),
    {.name = "deprecation.rails",
     .start = NOTHING, .done = FIRES(deprecation, deprecation)},
};

/* What is fired around a wrapped method: its name is Class#method, and its payload the receiver. */
FIELDS(pool,
       READ(pool_name, PAYLOAD),
       READ(pool_size, PAYLOAD),
       READ(pool_busy, PAYLOAD),
       READ(pool_waiting, PAYLOAD));
FIELDS(http_start,
       READ(http_host, PAYLOAD),
       READ(http_method, PAYLOAD),
       READ(http_path, PAYLOAD),
       READ(http_port, PAYLOAD));
FIELDS(http_done,
       READ(http_host, PAYLOAD),
       READ(http_status, PAYLOAD),
       READ(http_method, PAYLOAD),
       READ(http_path, PAYLOAD),
       READ(http_port, PAYLOAD));

/* What subscribers are told: with an error, which is the argument, its keywords as the payload. */
FIELDS(error_reported,
       READ(argument_class, PAYLOAD),
       READ(argument_message, PAYLOAD),
       READ(flag, "handled"),
       READ(text, "severity"),
       READ(text, "source"));
FIELDS(event_notified,
       READ(text, "name"),
       READ(pairs, "payload"));

static struct rp_event checkout = {
    .name = "ActiveRecord::ConnectionAdapters::ConnectionPool#checkout",
    .start = FIRES(pool__checkout__start, pool), .done = FIRES(pool__checkout__done, pool)};
static struct rp_event http_request = {
    .name = "Net::HTTP#request",
    .start = FIRES(http__start, http_start), .done = FIRES(http__done, http_done)};
static struct rp_event reported = {
    .name = "Rails.error",
    .start = NOTHING, .done = FIRES(error__reported, error_reported)};
static struct rp_event notified = {
    .name = "Rails.event",
    .start = NOTHING, .done = FIRES(event, event_notified)};
/* clang-format on */

static void intern(struct rp_event_probe *probe)
{
    for (size_t i = 0; i < probe->count; i++) {
        if (probe->fields[i].key) {
            probe->fields[i].symbol = ID2SYM(rb_intern(probe->fields[i].key));
        }
    }
}

static struct rp_event *const single[] = {&checkout, &http_request, &reported, &notified};

void rp_events_init(void)
{
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        intern(&events[i].start);
        intern(&events[i].done);
    }
    for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
        intern(&single[i]->start);
        intern(&single[i]->done);
    }
}

struct rp_event *rp_events(size_t *count)
{
    *count = sizeof events / sizeof *events;
    return events;
}

struct rp_event *rp_event(enum rp_event_single number)
{
    return single[number];
}

const struct rp_event *rp_event_request(void)
{
    return &events[0];
}

static void read_field(const struct rp_field *field, struct rp_firing *firing)
{
    VALUE value = firing->payload;
    if (field->key) {
        value = RB_TYPE_P(value, T_HASH) ? rb_hash_lookup2(value, field->symbol, Qnil) : Qnil;
    }
    field->read(firing, value);
}

void rp_event_read(const struct rp_event_probe *probe, struct rp_firing *firing)
{
    size_t specifics = firing->next;
    firing->next = RP_SLOT_SUBJECT;
    read_field(&probe->fields[0], firing);
    firing->next = specifics;
    for (size_t i = 1; i < probe->count; i++) {
        read_field(&probe->fields[i], firing);
    }
}
