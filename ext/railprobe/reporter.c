/*
 * Railprobe::Reporter. See reporter.h.
 */
#include "reporter.h"

#include "firing.h"
#include "guard.h"
#include "rails.h"

static VALUE reporter;

static VALUE fire(VALUE argument)
{
    rp_firing_end((const struct rp_occasion *)argument, 0);
    return Qnil;
}

static VALUE tell(enum rp_event_single number, VALUE payload, VALUE argument)
{
    struct rp_occasion occasion = {.event = rp_event(number),
                                   .payload = payload,
                                   .argument = argument,
                                   .result = Qnil,
                                   .at = rp_now_ns()};
    (void)rp_guard_run(fire, (VALUE)&occasion, occasion.event->name);
    return Qnil;
}

/* report(error, handled:, severity:, context:, source:): Rails before 7.1 has no source. */
static VALUE reporter_m_report(int argc, VALUE *argv, VALUE self)
{
    VALUE keywords = argc > 1 ? argv[argc - 1] : Qnil;
    return tell(RP_EVENT_REPORTED, keywords, argc ? argv[0] : Qnil);
}

/* emit(event): a Hash with a name, a payload and more. */
static VALUE reporter_m_emit(VALUE self, VALUE event)
{
    return tell(RP_EVENT_NOTIFIED, event, Qnil);
}

static VALUE wanted(enum rp_event_single number)
{
    return rp_event_is_wanted(rp_event(number)) ? Qtrue : Qfalse;
}

static VALUE reporter_m_error_wanted_p(VALUE self)
{
    return wanted(RP_EVENT_REPORTED);
}

static VALUE reporter_m_event_wanted_p(VALUE self)
{
    return wanted(RP_EVENT_NOTIFIED);
}

static VALUE native_m_hook_errors(VALUE self)
{
    return ULL2NUM(rp_guard_errors());
}

static VALUE native_m_reporter(VALUE self)
{
    return reporter;
}

void rp_reporter_define(VALUE railprobe, VALUE native)
{
    VALUE class = rb_define_class_under(railprobe, "Reporter", rb_cObject);
    rb_define_method(class, "report", reporter_m_report, -1);
    rb_define_method(class, "emit", reporter_m_emit, 1);
    rb_define_method(class, "error_wanted?", reporter_m_error_wanted_p, 0);
    rb_define_method(class, "event_wanted?", reporter_m_event_wanted_p, 0);
    rb_define_singleton_method(native, "reporter", native_m_reporter, 0);
    rb_define_singleton_method(native, "hook_errors", native_m_hook_errors, 0);
    reporter = rb_class_new_instance(0, NULL, class);
    rb_global_variable(&reporter);
}
