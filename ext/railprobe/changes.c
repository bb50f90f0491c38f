/*
 * What comes and goes while the app runs: tracers, and the file. See changes.h.
 *
 *   the watcher's thread --wake.c--> job() --> Railprobe::Runtime.deliver --> changes, classes, the file
 *                                          \-> arms and disarms what is wanted now
 */
#include "changes.h"

#include "buffer.h"
#include "common_pair.h"
#include "object.h"
#include "runtime.h"
#include "tracer.h"
#include "vm_events.h"
#include "wake.h"

#include <ruby/vm.h>

static ID id_deliver;

struct change {
    VALUE owner;
    VALUE attached;
};

static void collect_change(void *context, struct rp_probe *probe, bool attached)
{
    const struct change change = {(VALUE)probe->owner, attached ? Qtrue : Qfalse};
    if (probe->owner) {
        rp_buffer_append(context, &change, sizeof change);
    }
}

/* [[probe, attached], ...] of what has changed since the last call. */
static VALUE native_m_changes(VALUE self)
{
    struct rp_buffer changes = {0};
    VALUE result = rb_ary_new();
    rp_runtime_changes(collect_change, &changes);
    for (size_t at = 0; at + sizeof(struct change) <= changes.size; at += sizeof(struct change)) {
        struct change change;
        memcpy(&change, changes.bytes + at, sizeof change);
        rb_ary_push(result, rb_assoc_new(change.owner, change.attached));
    }
    rp_buffer_free(&changes);
    return result;
}

/* The postponed job: between two instructions of some Ruby thread. */
static void job(void *unused)
{
    (void)unused;
    rp_object_notify(id_deliver, Qnil, Qnil, Qnil); /* may find classes, whose methods to arm */
    rp_vm_events_settle();
    if (rp_tracer_settle()) {
        rp_runtime_nudge(true);
    }
}

static void stop_watcher(ruby_vm_t *vm)
{
    (void)vm;
    rp_runtime_stop();
}

static VALUE native_m_start(VALUE self, VALUE interval_ms)
{
    enum rp_error error = rp_runtime_init(NUM2UINT(interval_ms), rp_wake_request);
    return error ? rb_str_new_cstr(rp_error_message(error)) : Qnil;
}

static VALUE native_m_set_wake_signal(VALUE self, VALUE signal)
{
    rp_wake_set_signal(NUM2INT(signal));
    return signal;
}

static VALUE native_m_signal_free_p(VALUE self, VALUE signal)
{
    return rp_wake_is_free(NUM2INT(signal)) ? Qtrue : Qfalse;
}

static VALUE native_m_watch_file(VALUE self, VALUE path)
{
    return rp_runtime_watch_file(NIL_P(path) ? NULL : StringValueCStr(path)) ? Qfalse : Qtrue;
}

static VALUE native_m_take_file_change(VALUE self)
{
    return rp_runtime_take_file_change() ? Qtrue : Qfalse;
}

/* Has the job run again at the next poll. */
static VALUE native_m_look_again(VALUE self)
{
    rp_runtime_nudge(false);
    return Qnil;
}

static VALUE native_m_common_attached_p(VALUE self)
{
    return rp_common_pair_is_attached() ? Qtrue : Qfalse;
}

/* Arms and disarms what there is to do, all of it. */
static VALUE native_m_settle(VALUE self)
{
    rp_vm_events_settle();
    while (rp_tracer_settle()) {
        rb_thread_schedule();
    }
    return Qnil;
}

static VALUE native_m_watching_p(VALUE self)
{
    return rp_runtime_is_watching() ? Qtrue : Qfalse;
}

void rp_changes_define(VALUE railprobe)
{
    VALUE native = rb_define_module_under(railprobe, "Native");
    id_deliver = rb_intern("deliver");
    rb_define_singleton_method(native, "start", native_m_start, 1);
    rb_define_singleton_method(native, "changes", native_m_changes, 0);
    rb_define_singleton_method(native, "wake_signal=", native_m_set_wake_signal, 1);
    rb_define_singleton_method(native, "signal_free?", native_m_signal_free_p, 1);
    rb_define_singleton_method(native, "watch_file", native_m_watch_file, 1);
    rb_define_singleton_method(native, "take_file_change", native_m_take_file_change, 0);
    rb_define_singleton_method(native, "look_again", native_m_look_again, 0);
    rb_define_singleton_method(native, "common_attached?", native_m_common_attached_p, 0);
    rb_define_singleton_method(native, "settle", native_m_settle, 0);
    rb_define_singleton_method(native, "watching?", native_m_watching_p, 0);
    rp_wake_init(job);
    ruby_vm_at_exit(stop_watcher);
}
