/*
 * Readers of what tells of jobs, mails, channels and deprecations. See payload.h.
 */
#include "payload.h"

#include "guard.h"

#include <string.h>

/* -- jobs -- */

/* A job that has a block for a queue's name does not know it yet. */
void rp_read_job_queue(struct rp_firing *firing, VALUE job)
{
    rp_read_text(firing, rp_payload_variable(job, "@queue_name"));
}

void rp_read_job_id(struct rp_firing *firing, VALUE job)
{
    rp_read_text(firing, rp_payload_variable(job, "@job_id"));
}

void rp_read_executions(struct rp_firing *firing, VALUE job)
{
    rp_read_integer(firing, rp_payload_variable(job, "@executions"));
}

/* Rails 6.1 tells of a job that it has counted already; later ones, which have a method more, do that after. */
void rp_read_executions_before(struct rp_firing *firing, VALUE job)
{
    VALUE executions = rp_payload_variable(job, "@executions");
    bool counts_later =
        !NIL_P(job) && rb_method_boundp(rb_obj_class(job), rb_intern("_perform_job"), 0);
    if (!FIXNUM_P(executions)) {
        rp_put(firing, NIL_P(executions) ? 0 : UINT64_MAX);
    } else {
        rp_put(firing, (uint64_t)(FIX2LONG(executions) - !counts_later));
    }
}

void rp_read_job_wait(struct rp_firing *firing, VALUE job)
{
    int64_t due = rp_payload_time_us(rp_payload_variable(job, "@scheduled_at"));
    int64_t now = rp_payload_now_us();
    rp_put(firing, due > now ? (uint64_t)(due - now) : 0);
}

/* Seconds; an ActiveSupport::Duration has them as its value. */
void rp_read_retry_wait(struct rp_firing *firing, VALUE wait)
{
    if (!RB_SPECIAL_CONST_P(wait) && RB_TYPE_P(wait, T_OBJECT)) {
        wait = rp_payload_variable(wait, "@value");
    }
    rp_put(firing, NIL_P(wait) ? 0 : rp_payload_number(wait, 1e6));
}

int64_t rp_job_waited_us(VALUE payload)
{
    VALUE job = rp_payload_get(payload, "job");
    int64_t enqueued = rp_payload_time_us(rp_payload_variable(job, "@enqueued_at"));
    int64_t due = rp_payload_time_us(rp_payload_variable(job, "@scheduled_at"));
    int64_t since = due > enqueued ? due : enqueued;
    int64_t now = rp_payload_now_us();
    return enqueued < 0 ? -1 : since < now ? now - since : 0;
}

/* Of the exception that the payload names as error or, where something was raised, as exception_object. */
void rp_read_error_class(struct rp_firing *firing, VALUE payload)
{
    VALUE error = rp_payload_get(payload, "error");
    rp_read_class(firing, NIL_P(error) ? rp_payload_get(payload, "exception_object") : error);
}

/* -- mails -- */

static uint64_t addresses(VALUE list)
{
    return RB_TYPE_P(list, T_ARRAY) ? (uint64_t)RARRAY_LEN(list) : !NIL_P(list);
}

void rp_read_recipients(struct rp_firing *firing, VALUE payload)
{
    rp_put(firing, addresses(rp_payload_get(payload, "to")) +
                       addresses(rp_payload_get(payload, "cc")) +
                       addresses(rp_payload_get(payload, "bcc")));
}

/* -- channels -- */

void rp_read_channel_subject(struct rp_firing *firing, VALUE payload)
{
    struct rp_text *text = rp_put_text(firing);
    rp_render_text(text, rp_payload_get(payload, "channel_class"));
    rp_render_more(text, "#", 1);
    rp_render_more_text(text, rp_payload_get(payload, "action"));
}

/* A module or class, by its name. */
void rp_read_coder(struct rp_firing *firing, VALUE coder)
{
    struct rp_text *text = rp_put_text(firing);
    if (RB_TYPE_P(coder, T_MODULE) || RB_TYPE_P(coder, T_CLASS)) {
        rp_render_more_text(text, rb_class_path_cached(coder));
    } else if (!NIL_P(coder)) {
        rp_render_class(text, coder);
    }
}

/* -- deprecations -- */

/* The first frame of a callstack: a Thread::Backtrace::Location, or a line as in a backtrace. */
void rp_read_location(struct rp_firing *firing, VALUE callstack)
{
    char line[32];
    VALUE frame = RB_TYPE_P(callstack, T_ARRAY) ? rb_ary_entry(callstack, 0) : Qnil;
    struct rp_text *text = rp_put_text(firing);
    if (RB_TYPE_P(frame, T_STRING)) {
        const char *end = memmem(RSTRING_PTR(frame), (size_t)RSTRING_LEN(frame), ":in ", 4);
        rp_render_more(text, RSTRING_PTR(frame),
                       end ? (size_t)(end - RSTRING_PTR(frame)) : (size_t)RSTRING_LEN(frame));
    } else if (!NIL_P(frame)) {
        VALUE number = rp_guard_ask(frame, "lineno", 0, NULL);
        rp_render_text(text, rp_guard_ask(frame, "path", 0, NULL));
        if (FIXNUM_P(number)) {
            rp_render_more(text, line,
                           (size_t)snprintf(line, sizeof line, ":%ld", FIX2LONG(number)));
        }
    }
    RB_GC_GUARD(frame);
}
