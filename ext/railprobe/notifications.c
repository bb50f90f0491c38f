/*
 * Railprobe::Listener. See notifications.h; start reading at listener_m_start().
 *
 * A listener may hear an end without its start (it came in between), and no end after a start (it left): both are as if
 * the event had not been.
 */
#include "notifications.h"

#include "builtin.h"
#include "ctx.h"
#include "firing.h"
#include "guard.h"

enum { STATUS_OK, STATUS_EXCEPTION, STATUS_OTHER };

static VALUE listeners; /* an Array of all */
static VALUE name_schema;
static VALUE name_transaction;
static VALUE
    open_guard; /* marks what open events are found by: it may not move, nor its place be taken */

/* -- the object -- */

static const rb_data_type_t listener_type = {
    .wrap_struct_name = "Railprobe::Listener",
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED,
};

static struct rp_event *event_of(VALUE self)
{
    return rb_check_typeddata(self, &listener_type);
}

static void mark_object(uintptr_t object)
{
    rb_gc_mark((VALUE)object);
}

/* Ruby calls it for an object with data only, so the guard has some, though none is needed. */
static void guard_mark(void *data)
{
    (void)data;
    rp_open_objects(mark_object);
}

static const rb_data_type_t guard_type = {
    .wrap_struct_name = "Railprobe::Native open events",
    .function = {.dmark = guard_mark},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

/* -- what is told -- */

struct notice {
    struct rp_event *event;
    VALUE payload;
    uint64_t at;
    uint64_t duration; /* of what was published */
};

/* What both ends name. */
static uintptr_t object_of(const struct notice *notice)
{
    const char *key = notice->event->object;
    VALUE object = key ? rp_payload_get(notice->payload, key) : notice->payload;
    return (uintptr_t)(NIL_P(object) ? notice->payload : object);
}

static struct rp_occasion occasion_of(const struct notice *notice, struct rp_open *open)
{
    return (struct rp_occasion){.event = notice->event,
                                .open = open,
                                .payload = notice->payload,
                                .argument = Qnil,
                                .result = Qnil,
                                .at = notice->at};
}

/* Whether its end is told with a duration. */
static bool is_measured(const struct rp_event *event)
{
    return event->done.fields && rp_builtin_facts(event->done.probe)->kind == RP_KIND_DONE;
}

static VALUE begin(VALUE argument)
{
    const struct notice *notice = (const struct notice *)argument;
    const struct rp_event *event = notice->event;
    struct rp_open *open = is_measured(event) ? rp_open_add(object_of(notice), event) : NULL;
    struct rp_occasion occasion = occasion_of(notice, open);
    if (open) {
        open->http_status = -1;
        open->waited_us = event->waited_us ? event->waited_us(notice->payload) : -1;
    }
    if (open && event->roles & RP_EVENT_UNIT) {
        open->ctx = rp_ctx_begin(&open->outer_ctx);
    }
    rp_firing_begin(&occasion);
    return Qnil;
}

/*
 * A request has no exception in its payload: one that did not come to an answer has raised, and is told of while
 * that is on its way.
 */
static uint64_t status_of(const struct notice *notice, const struct rp_open *open)
{
    VALUE payload = notice->payload;
    if (!NIL_P(rp_payload_get(payload, "exception_object")) ||
        !NIL_P(rp_payload_get(payload, "exception"))) {
        return STATUS_EXCEPTION;
    }
    if (RTEST(rp_payload_get(payload, "aborted"))) {
        return STATUS_OTHER;
    }
    bool has_raised =
        notice->event->object && open && open->http_status < 0 && !NIL_P(rb_gv_get("$!"));
    return has_raised ? STATUS_EXCEPTION : STATUS_OK;
}

/* Counts as Rails 7.2 does. */
static void count_query(VALUE payload, uint64_t ctx)
{
    VALUE name = rp_payload_get(payload, "name");
    bool is_ours = RB_TYPE_P(name, T_STRING) && (rb_str_equal(name, name_schema) == Qtrue ||
                                                 rb_str_equal(name, name_transaction) == Qtrue);
    if (!is_ours && !RTEST(rp_payload_get(payload, "cached"))) {
        (void)rp_ctx_count_query(ctx);
    }
}

static VALUE finish(VALUE argument)
{
    const struct notice *notice = (const struct notice *)argument;
    const struct rp_event *event = notice->event;
    struct rp_open *open = rp_open_find(object_of(notice), event);
    struct rp_occasion occasion = occasion_of(notice, open);
    if (event->roles & RP_EVENT_QUERY) {
        count_query(notice->payload, open ? open->ctx : 0);
    }
    if (open || !is_measured(event)) {
        rp_firing_end(&occasion, status_of(notice, open));
    }
    if (open && event->roles & RP_EVENT_UNIT) {
        rp_ctx_end(open->ctx, open->outer_ctx);
    }
    if (open) {
        rp_open_remove(open);
    }
    return Qnil;
}

/* Of an end for which there is no room: what began is as if it had not been. No method of Ruby is called. */
static void forget(const struct notice *notice)
{
    struct rp_open *open = rp_open_find(object_of(notice), notice->event);
    if (open && notice->event->roles & RP_EVENT_UNIT) {
        rp_ctx_forget(open->ctx);
    }
    if (open) {
        rp_open_remove(open);
    }
}

/* A query that another thread has made, told by the one that wanted it. */
static VALUE publish(VALUE argument)
{
    const struct notice *notice = (const struct notice *)argument;
    struct rp_occasion occasion = occasion_of(notice, NULL);
    if (notice->event->roles & RP_EVENT_QUERY) {
        count_query(notice->payload, rp_ctx_current((uintptr_t)rb_fiber_current()));
    }
    rp_firing_published(&occasion, notice->duration, status_of(notice, NULL));
    return Qnil;
}

/* -- methods of Listener -- */

static VALUE listener_m_start(VALUE self, VALUE name, VALUE id, VALUE payload)
{
    struct notice notice = {.event = event_of(self), .payload = payload, .at = rp_now_ns()};
    (void)rp_guard_run(begin, (VALUE)&notice, notice.event->name);
    return Qnil;
}

static VALUE listener_m_finish(VALUE self, VALUE name, VALUE id, VALUE payload)
{
    struct notice notice = {.event = event_of(self), .payload = payload, .at = rp_now_ns()};
    if (!rp_guard_run(finish, (VALUE)&notice, notice.event->name)) {
        forget(&notice);
    }
    return Qnil;
}

/* publish_event(event): an ActiveSupport::Notifications::Event, whose times are in ms. */
static VALUE listener_m_publish_event(VALUE self, VALUE event)
{
    uint64_t from = rp_payload_number(rp_payload_variable(event, "@time"), 1e6);
    uint64_t to = rp_payload_number(rp_payload_variable(event, "@end"), 1e6);
    struct notice notice = {.event = event_of(self),
                            .payload = rp_payload_variable(event, "@payload"),
                            .at = rp_now_ns(),
                            .duration = to > from ? to - from : 0};
    (void)rp_guard_run(publish, (VALUE)&notice, notice.event->name);
    return Qnil;
}

static VALUE listener_m_name(VALUE self)
{
    return rb_utf8_str_new_cstr(event_of(self)->name);
}

/* Whether it should be subscribed. Takes no lock. */
static VALUE listener_m_wanted_p(VALUE self)
{
    return rp_event_is_wanted(event_of(self)) ? Qtrue : Qfalse;
}

static void forget_unit(const struct rp_open *open)
{
    rp_ctx_forget(open->ctx);
}

static void forget_nothing(const struct rp_open *open)
{
    (void)open;
}

/* subscribed(whether): is told so. What began and was not told to have ended is forgotten. */
static VALUE listener_m_subscribed(VALUE self, VALUE is_subscribed)
{
    const struct rp_event *event = event_of(self);
    if (event->roles & RP_EVENT_QUERY) {
        rp_firing_hear_queries(RTEST(is_subscribed));
    }
    rp_open_forget(event, event->roles & RP_EVENT_UNIT ? forget_unit : forget_nothing);
    return Qnil;
}

static VALUE native_m_listeners(VALUE self)
{
    return listeners;
}

void rp_notifications_define(VALUE railprobe, VALUE native)
{
    size_t count;
    struct rp_event *events = rp_events(&count);
    VALUE listener = rb_define_class_under(railprobe, "Listener", rb_cObject);
    rb_undef_alloc_func(listener);
    rb_undef_method(CLASS_OF(listener), "new");
    rb_define_method(listener, "start", listener_m_start, 3);
    rb_define_method(listener, "finish", listener_m_finish, 3);
    rb_define_method(listener, "publish_event", listener_m_publish_event, 1);
    rb_define_method(listener, "name", listener_m_name, 0);
    rb_define_method(listener, "wanted?", listener_m_wanted_p, 0);
    rb_define_method(listener, "subscribed", listener_m_subscribed, 1);
    rb_define_singleton_method(native, "listeners", native_m_listeners, 0);

    name_schema = rb_obj_freeze(rb_utf8_str_new_cstr("SCHEMA"));
    name_transaction = rb_obj_freeze(rb_utf8_str_new_cstr("TRANSACTION"));
    rb_global_variable(&name_schema);
    rb_global_variable(&name_transaction);
    listeners = rb_ary_new();
    rb_global_variable(&listeners);
    for (size_t i = 0; i < count; i++) {
        rb_ary_push(listeners, TypedData_Wrap_Struct(listener, &listener_type, &events[i]));
    }
    rb_ary_freeze(listeners);
    open_guard = TypedData_Wrap_Struct(rb_cObject, &guard_type, &open_guard);
    rb_global_variable(&open_guard);
}
