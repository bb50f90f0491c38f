/*
 * Every probe of the builtin image, in one table: PROBES.md is made from it, and the image is tested
 * against it. A name or an argument that was released keeps its meaning; additions go to the end.
 */
#ifndef RAILPROBE_RAILS_PROBES_H
#define RAILPROBE_RAILS_PROBES_H

#include "declaration.h"

/* What every probe of a kind carries first, before the arguments of its row. */
enum rp_probe_kind {
    RP_KIND_START,  /* overhead_ns, subject, ctx */
    RP_KIND_DONE,   /* these and duration_ns, status */
    RP_KIND_MOMENT, /* as a start; nothing follows */
    RP_KIND_COUNT
};

/*
 * PROBE(provider, name, group, kind, subject, source, needs, arguments...): group is its name under
 * `rails: except`; source is what it comes from; needs is what it takes beyond Rails 6.1, or "".
 * ARGUMENT(type, name, meaning), most wanted first: older readers see the first six slots only. An integer
 * that is not known is -1, a text "".
 */
/* clang-format off */
#define RP_BUILTIN_PROBES(PROBE, ARGUMENT)                                                         \
    PROBE(tracers, method__entry, "", START, "Order#checkout", "a traced method", "", )            \
    PROBE(tracers, method__return, "", DONE, "Order#checkout", "a traced method", "", )            \
    PROBE(rails, request__start, "request", START, "GET /path", "request.action_dispatch", "",     \
          ARGUMENT(INTEGER, queue_us, "us between X-Request-Start and now")                        \
          ARGUMENT(STRING, request_id, "id of the request")                                        \
          ARGUMENT(STRING, header1, "first of the headers that the file lists")                    \
          ARGUMENT(STRING, header2, "second")                                                      \
          ARGUMENT(STRING, header3, "third")                                                       \
          ARGUMENT(STRING, header4, "fourth")                                                      \
          ARGUMENT(STRING, header5, "fifth")                                                       \
          ARGUMENT(STRING, header6, "sixth")                                                       \
          ARGUMENT(STRING, header7, "seventh"))                                                    \
    PROBE(rails, request__done, "request", DONE, "GET /path", "request.action_dispatch", "",       \
          ARGUMENT(INTEGER, http_status, "status of the response")                                 \
          ARGUMENT(INTEGER, queue_us, "us between X-Request-Start and the start")                  \
          ARGUMENT(STRING, request_id, "id of the request"))                                       \
    PROBE(rails, trace__context, "trace", MOMENT, "id of the request",                             \
          "request.action_dispatch", "a header traceparent",                                       \
          ARGUMENT(UNSIGNED, trace_id_hi, "upper half of the trace id")                            \
          ARGUMENT(UNSIGNED, trace_id_lo, "lower half")                                            \
          ARGUMENT(UNSIGNED, span_id, "id of the span that sent the request"))                     \
    PROBE(rails, action__start, "action", START, "OrdersController#show",                          \
          "process_action.action_controller", "",                                                  \
          ARGUMENT(STRING, method, "GET, POST, ...")                                               \
          ARGUMENT(STRING, path, "path with its filtered query")                                   \
          ARGUMENT(STRING, format, "html, json, ..."))                                             \
    PROBE(rails, action__done, "action", DONE, "OrdersController#show",                            \
          "process_action.action_controller", "",                                                  \
          ARGUMENT(INTEGER, db_ns, "time in the database")                                         \
          ARGUMENT(INTEGER, view_ns, "time in views")                                              \
          ARGUMENT(INTEGER, http_status, "status of the response")                                 \
          ARGUMENT(INTEGER, queries,                                                               \
                   "queries, cached ones left out; before Rails 7.2 -1 unless sql is attached")    \
          ARGUMENT(INTEGER, allocations, "objects allocated, by all threads")                      \
          ARGUMENT(INTEGER, gc_ns, "time in garbage collection, for all threads"))                 \
    PROBE(rails, sql__start, "sql", START, "User Load", "sql.active_record", "",                   \
          ARGUMENT(STRING, sql, "text of the query; bound values never are in it"))                \
    PROBE(rails, sql__done, "sql", DONE, "User Load", "sql.active_record", "",                     \
          ARGUMENT(STRING, sql, "text of the query; bound values never are in it")                 \
          ARGUMENT(UNSIGNED, fingerprint, "the same for queries of one shape")                     \
          ARGUMENT(INTEGER, rows, "rows; -1 before Rails 7.2")                                     \
          ARGUMENT(BOOLEAN, cached, "answered by the query cache")                                 \
          ARGUMENT(BOOLEAN, async, "run by load_async on another thread; without sql__start")      \
          ARGUMENT(INTEGER, lock_wait_ns, "an async query's wait for its thread; else -1")         \
          ARGUMENT(UNSIGNED, connection, "tells one connection from another"))                     \
    PROBE(rails, instantiate__done, "instantiate", DONE, "User",                                   \
          "instantiation.active_record", "",                                                       \
          ARGUMENT(INTEGER, records, "records made"))                                              \
    PROBE(rails, transaction__start, "transaction", START, "primary",                              \
          "start_transaction.active_record", "7.2 or later",                                       \
          ARGUMENT(UNSIGNED, connection, "as in sql__done"))                                       \
    PROBE(rails, transaction__done, "transaction", DONE, "primary",                                \
          "transaction.active_record", "7.1 or later",                                             \
          ARGUMENT(STRING, outcome, "commit, rollback, restart or incomplete")                     \
          ARGUMENT(UNSIGNED, connection, "as in sql__done"))                                       \
    PROBE(rails, pool__checkout__start, "pool", START, "primary", "ConnectionPool#checkout", "",   \
          ARGUMENT(INTEGER, size, "connections the pool may have")                                 \
          ARGUMENT(INTEGER, busy, "those that are in use")                                         \
          ARGUMENT(INTEGER, waiting, "threads that wait for one"))                                 \
    PROBE(rails, pool__checkout__done, "pool", DONE, "primary", "ConnectionPool#checkout", "",     \
          ARGUMENT(INTEGER, size, "connections the pool may have")                                 \
          ARGUMENT(INTEGER, busy, "those that are in use")                                         \
          ARGUMENT(INTEGER, waiting, "threads that wait for one"))                                 \
    PROBE(rails, view__start, "view", START, "orders/index", "render_*.action_view", "",           \
          ARGUMENT(STRING, kind, "template, partial, collection or layout"))                       \
    PROBE(rails, view__done, "view", DONE, "orders/index", "render_*.action_view", "",             \
          ARGUMENT(STRING, kind, "template, partial, collection or layout")                        \
          ARGUMENT(INTEGER, count, "records of a collection; else -1")                             \
          ARGUMENT(INTEGER, cache_hits, "fragments of a collection that were cached; else -1"))    \
    PROBE(rails, cache__read__done, "cache", DONE, "key", "cache_read.active_support", "",         \
          ARGUMENT(BOOLEAN, hit, "found")                                                          \
          ARGUMENT(STRING, store, "class of the store"))                                           \
    PROBE(rails, cache__write__done, "cache", DONE, "key", "cache_write.active_support", "",       \
          ARGUMENT(BOOLEAN, hit, "-1")                                                             \
          ARGUMENT(STRING, store, "class of the store"))                                           \
    PROBE(rails, cache__delete__done, "cache", DONE, "key", "cache_delete.active_support", "",     \
          ARGUMENT(BOOLEAN, hit, "-1")                                                             \
          ARGUMENT(STRING, store, "class of the store"))                                           \
    PROBE(rails, cache__generate__done, "cache", DONE, "key", "cache_generate.active_support",     \
          "",                                                                                      \
          ARGUMENT(BOOLEAN, hit, "-1")                                                             \
          ARGUMENT(STRING, store, "class of the store"))                                           \
    PROBE(rails, cache__multi__done, "cache", DONE, "keys", "cache_*_multi.active_support", "",    \
          ARGUMENT(INTEGER, hits, "keys found by a read; else -1")                                 \
          ARGUMENT(STRING, store, "class of the store")                                            \
          ARGUMENT(INTEGER, keys, "keys asked for")                                                \
          ARGUMENT(STRING, operation, "read_multi, write_multi, delete_multi"))                    \
    PROBE(rails, job__enqueue__done, "job", DONE, "ReportJob",                                     \
          "enqueue.active_job, enqueue_at.active_job", "",                                         \
          ARGUMENT(STRING, queue, "name of the queue")                                             \
          ARGUMENT(INTEGER, latency_us, "us until it may run; 0 for at once")                      \
          ARGUMENT(STRING, job_id, "id of the job")                                                \
          ARGUMENT(INTEGER, executions, "how often it has run")                                    \
          ARGUMENT(STRING, error_class, "class of what was raised"))                               \
    PROBE(rails, job__start, "job", START, "ReportJob", "perform.active_job", "",                  \
          ARGUMENT(STRING, queue, "name of the queue")                                             \
          ARGUMENT(INTEGER, latency_us, "us it has waited; in whole seconds before Rails 7.1")     \
          ARGUMENT(STRING, job_id, "id of the job")                                                \
          ARGUMENT(INTEGER, executions, "how often it has run before"))                            \
    PROBE(rails, job__done, "job", DONE, "ReportJob", "perform.active_job", "",                    \
          ARGUMENT(STRING, queue, "name of the queue")                                             \
          ARGUMENT(INTEGER, latency_us, "us it had waited")                                        \
          ARGUMENT(STRING, job_id, "id of the job")                                                \
          ARGUMENT(INTEGER, executions, "how often it has run")                                    \
          ARGUMENT(STRING, error_class, "class of what was raised"))                               \
    PROBE(rails, job__retry, "job", MOMENT, "ReportJob", "enqueue_retry.active_job", "",           \
          ARGUMENT(STRING, queue, "name of the queue")                                             \
          ARGUMENT(INTEGER, latency_us, "us until it runs again")                                  \
          ARGUMENT(STRING, job_id, "id of the job")                                                \
          ARGUMENT(INTEGER, executions, "how often it has run")                                    \
          ARGUMENT(STRING, error_class, "class of what was raised"))                               \
    PROBE(rails, job__discard, "job", MOMENT, "ReportJob",                                         \
          "discard.active_job, retry_stopped.active_job", "",                                      \
          ARGUMENT(STRING, queue, "name of the queue")                                             \
          ARGUMENT(INTEGER, latency_us, "-1")                                                      \
          ARGUMENT(STRING, job_id, "id of the job")                                                \
          ARGUMENT(INTEGER, executions, "how often it has run")                                    \
          ARGUMENT(STRING, error_class, "class of what was raised"))                               \
    PROBE(rails, mail__deliver__done, "mail", DONE, "OrderMailer", "deliver.action_mailer", "",    \
          ARGUMENT(INTEGER, recipients, "addresses in to, cc and bcc")                             \
          ARGUMENT(STRING, message_id, "id of the message"))                                       \
    PROBE(rails, cable__action__done, "cable", DONE, "ChatChannel#speak",                          \
          "perform_action.action_cable", "", )                                                     \
    PROBE(rails, cable__broadcast__done, "cable", DONE, "name of the stream",                      \
          "broadcast.action_cable", "",                                                            \
          ARGUMENT(STRING, coder, "what encodes the message"))                                     \
    PROBE(rails, storage__done, "storage", DONE, "Disk", "service_*.active_storage", "",           \
          ARGUMENT(STRING, operation, "upload, download, delete, ...")                             \
          ARGUMENT(STRING, key, "key of the blob"))                                                \
    PROBE(rails, http__start, "http", START, "api.example.com", "Net::HTTP#request", "",           \
          ARGUMENT(STRING, method, "GET, POST, ...")                                               \
          ARGUMENT(STRING, path, "path, without its query")                                        \
          ARGUMENT(INTEGER, port, "port of the server"))                                           \
    PROBE(rails, http__done, "http", DONE, "api.example.com", "Net::HTTP#request", "",             \
          ARGUMENT(INTEGER, http_status, "status of the response; -1 without one")                 \
          ARGUMENT(STRING, method, "GET, POST, ...")                                               \
          ARGUMENT(STRING, path, "path, without its query")                                        \
          ARGUMENT(INTEGER, port, "port of the server"))                                           \
    PROBE(rails, error__reported, "error", MOMENT, "KeyError", "Rails.error", "7.0 or later",      \
          ARGUMENT(STRING, message, "message of the error")                                        \
          ARGUMENT(BOOLEAN, handled, "handled")                                                    \
          ARGUMENT(STRING, severity, "error, warning or info")                                     \
          ARGUMENT(STRING, source, "who reported it; Rails 7.1 or later"))                         \
    PROBE(rails, event, "event", MOMENT, "user.signup", "Rails.event", "8.1 or later",             \
          ARGUMENT(STRING, payload, "its payload, as text"))                                       \
    PROBE(rails, deprecation, "deprecation", MOMENT, "the message", "deprecation.rails",           \
          "an app whose deprecation behavior is :notify",                                          \
          ARGUMENT(STRING, gem, "gem that deprecates")                                             \
          ARGUMENT(STRING, location, "file:line of the caller"))                                   \
    PROBE(rubyvm, gc__done, "", DONE, "newobj oldgen", "the VM", "",                               \
          ARGUMENT(BOOLEAN, major, "a major collection")                                           \
          ARGUMENT(INTEGER, count, "collections so far")                                           \
          ARGUMENT(INTEGER, longest_ns, "longest of the pauses that make up duration_ns"))         \
    PROBE(rubyvm, thread__start, "", MOMENT, "name of the thread", "the VM",                       \
          "Ruby 3.3 or later where YJIT is on",                                                    \
          ARGUMENT(INTEGER, threads, "threads that are there, this one included"))                 \
    PROBE(rubyvm, thread__exit, "", MOMENT, "name of the thread", "the VM",                        \
          "Ruby 3.3 or later where YJIT is on, and for threads that raise or are killed",          \
          ARGUMENT(INTEGER, threads, "threads that are left"))                                     \
    PROBE(rubyvm, gvl__wait__done, "", DONE, "name of the thread", "the VM",                       \
          "Ruby 3.2 or later",                                                                     \
          ARGUMENT(INTEGER, waiting, "threads that still wait"))
/* clang-format on */

/* A number for each, in the order of the table. */
#define RP_NOTHING(...)
#define RP_BUILTIN_CODE(provider, name, ...) RP_BUILTIN_##name,
enum rp_builtin { RP_BUILTIN_PROBES(RP_BUILTIN_CODE, RP_NOTHING) RP_BUILTIN_COUNT };
#undef RP_BUILTIN_CODE
#undef RP_NOTHING

#endif
