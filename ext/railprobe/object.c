/*
 * Railprobe::Probe: a probe as a Ruby object. Start reading at probe_m_fire().
 *
 * A probe is frozen and shareable between Ractors; firing takes no lock, raises nothing (but under
 * strict, where Ruby raises) and allocates nothing unless a value is wrong.
 */
#include "object.h"

#include "capture.h"
#include "measure.h"
#include "runtime.h"

#include <limits.h>
#include <pthread.h>
#include <ruby/encoding.h>
#include <stdatomic.h>

static VALUE class_probe;
static VALUE class_runtime; /* Railprobe::Runtime, which hears of what happens */
static ID id_reject;
static ID id_block_failed;
static atomic_bool strict;

/* -- the object -- */

static void probe_free(void *data)
{
    if (data) {
        rp_runtime_free(data);
    }
}

static size_t probe_size(const void *data)
{
    return data ? rp_probe_size(data) : 0;
}

static const rb_data_type_t probe_type = {
    .wrap_struct_name = "Railprobe::Probe",
    .function = {.dfree = probe_free, .dsize = probe_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED | RUBY_TYPED_FROZEN_SHAREABLE,
};

/*
 * In line where it is what it has to be, as fire is called much more often than it fires. Ruby's own
 * check raises for what a subclass in C may have made up. Never NULL: see rp_object_new().
 */
static inline struct rp_probe *probe_of(VALUE self)
{
    if (RB_LIKELY(RB_TYPE_P(self, T_DATA) && RTYPEDDATA_P(self) &&
                  RTYPEDDATA_TYPE(self) == &probe_type)) {
        return RTYPEDDATA_DATA(self);
    }
    return rb_check_typeddata(self, &probe_type);
}

static VALUE utf8(const char *text)
{
    return rb_enc_interned_str_cstr(text, rb_utf8_encoding());
}

static VALUE probe_m_name(VALUE self)
{
    return utf8(probe_of(self)->declaration.label);
}

static VALUE probe_m_provider(VALUE self)
{
    return utf8(probe_of(self)->declaration.provider);
}

static VALUE probe_m_usdt_name(VALUE self)
{
    return utf8(probe_of(self)->declaration.name);
}

static VALUE probe_m_arguments(VALUE self)
{
    const struct rp_declaration *declaration = &probe_of(self)->declaration;
    VALUE arguments = rb_hash_new();
    for (uint32_t i = 0; i < declaration->argument_count; i++) {
        const struct rp_argument *argument = &declaration->arguments[i];
        rb_hash_aset(arguments, rb_to_symbol(utf8(argument->name)),
                     ID2SYM(rb_intern(rp_type_facts(argument->type)->name)));
    }
    return arguments;
}

static VALUE probe_m_path(VALUE self)
{
    const struct rp_image *image = probe_of(self)->image;
    char path[PATH_MAX];
    if (!image || image->state == RP_IMAGE_RETIRED) {
        return Qnil;
    }
    rp_image_path(image, path, sizeof path);
    return rb_str_new_cstr(path);
}

static VALUE probe_m_attached_p(VALUE self)
{
    return rp_probe_is_attached(probe_of(self)) ? Qtrue : Qfalse;
}

static VALUE probe_m_tripped_p(VALUE self)
{
    struct rp_probe *probe = probe_of(self);
    return rp_probe_is_attached(probe) && rp_probe_is_tripped(probe) ? Qtrue : Qfalse;
}

static VALUE probe_m_inspect(VALUE self)
{
    const struct rp_declaration *declaration = &probe_of(self)->declaration;
    VALUE text = rb_sprintf("#<%s %s(", rb_obj_classname(self), declaration->label);
    for (uint32_t i = 0; i < declaration->argument_count; i++) {
        const struct rp_argument *argument = &declaration->arguments[i];
        rb_str_catf(text, "%s%s: %s", i ? ", " : "", argument->name,
                    rp_type_facts(argument->type)->name);
    }
    return rb_str_cat_cstr(text, ")>");
}

static VALUE probe_m_rejected(VALUE self)
{
    return UINT2NUM(atomic_load(&probe_of(self)->rejected));
}

/* -- firing -- */

struct notice {
    ID method;
    VALUE probe;
    VALUE first;
    VALUE second;
};

static VALUE call_notice(VALUE argument)
{
    const struct notice *notice = (const struct notice *)argument;
    return rb_funcall(class_runtime, notice->method, 3, notice->probe, notice->first,
                      notice->second);
}

static VALUE drop(VALUE unused, VALUE error)
{
    (void)unused;
    (void)error;
    return Qnil;
}

/* rb_rescue2() puts $! back, and what is meant for the thread (kill, Interrupt, exit) gets through. */
void rp_object_notify(ID method, VALUE probe, VALUE first, VALUE second)
{
    struct notice notice = {method, probe, first, second};
    if (atomic_load(&strict)) {
        (void)call_notice((VALUE)&notice);
    } else {
        (void)rb_rescue2(call_notice, (VALUE)&notice, drop, Qnil, rb_eStandardError,
                         rb_eScriptError, rb_eSysStackError, rb_eNoMemError, (VALUE)0);
    }
}

/* Counts the fire that is dropped, and tells of the first one of each probe. */
static void reject(VALUE self, struct rp_probe *probe, int count, const VALUE *values,
                   enum rp_error error, uint32_t wrong)
{
    uint32_t before = atomic_fetch_add_explicit(&probe->rejected, 1, memory_order_relaxed);
    if (!before || atomic_load(&strict)) {
        rp_object_notify(id_reject, self, rb_ary_new_from_values(count, values),
                         error == RP_ARITY ? Qnil : UINT2NUM(wrong));
    }
}

/* Without firing it only finds out what is wrong with the values. */
static VALUE capture_and_fire(VALUE self, struct rp_probe *probe, int count, const VALUE *values,
                              bool is_firing)
{
    struct rp_captured captured;
    uint32_t wrong = 0;
    rp_slots_clear(captured.slots);
    enum rp_error error = rp_capture_values(&probe->declaration, count, values, captured.slots,
                                            captured.text, &wrong);
    if (error) {
        reject(self, probe, count, values, error, wrong);
        return Qfalse;
    }
    return is_firing && rp_probe_fire(probe, captured.slots) ? Qtrue : Qfalse;
}

static VALUE call_block(VALUE unused)
{
    (void)unused;
    return rb_yield_values(0);
}

static VALUE keep_error(VALUE to, VALUE error)
{
    *(VALUE *)to = error;
    return Qundef;
}

/*
 * The values that the block gives; Qundef when it raised, which attaching a tracer must not bring
 * about. Not with rb_protect(): behind a throw or a break rb_errinfo() is none of Ruby's objects, and
 * must not be asked for its class.
 */
static VALUE values_of_block(VALUE self, struct rp_probe *probe)
{
    VALUE error = Qnil;
    VALUE values;
    if (atomic_load(&strict)) {
        values = call_block(Qnil);
    } else {
        values = rb_rescue2(call_block, Qnil, keep_error, (VALUE)&error, rb_eStandardError,
                            rb_eScriptError, (VALUE)0);
    }
    if (values != Qundef) {
        return RB_TYPE_P(values, T_ARRAY) ? values : rb_ary_new_from_values(1, &values);
    }
    if (!atomic_fetch_add_explicit(&probe->rejected, 1, memory_order_relaxed)) {
        rp_object_notify(id_block_failed, self, error, Qnil);
    }
    return Qundef;
}

static VALUE fire_with_block(VALUE self, struct rp_probe *probe)
{
    VALUE values = values_of_block(self, probe);
    if (values == Qundef) {
        return Qfalse;
    }
    VALUE fired =
        capture_and_fire(self, probe, (int)RARRAY_LEN(values), RARRAY_CONST_PTR(values), true);
    RB_GC_GUARD(values);
    return fired;
}

static VALUE fire_values(VALUE self, struct rp_probe *probe, int count, const VALUE *values)
{
    return !count && rb_block_given_p() ? fire_with_block(self, probe)
                                        : capture_and_fire(self, probe, count, values, true);
}

/* Time that the thread waits, in the block, is none of the CPU's. */
static __attribute__((noinline)) VALUE fire_timed(VALUE self, struct rp_probe *probe, int count,
                                                  const VALUE *values)
{
    const pthread_t thread = pthread_self();
    const uint64_t before = rp_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    VALUE fired = fire_values(self, probe, count, values);
    if (pthread_equal(thread, pthread_self())) {
        rp_meter_learn(atomic_load(&probe->meter), rp_clock_ns(CLOCK_THREAD_CPUTIME_ID) - before);
    }
    return fired;
}

/*
 * Counts what the firing takes of the CPU, for the limit of all: what the last one took that was timed, as the
 * clock takes half as long as a firing. It is counted first, so that no frame is left to come back to: behind
 * a trap that costs some ns.
 */
static VALUE fire_counted(VALUE self, struct rp_probe *probe, int count, const VALUE *values)
{
    struct rp_meter *meter = rp_probe_meter(probe);
    if (meter) {
        rp_limit_spend(atomic_load_explicit(&meter->cost_ns, memory_order_relaxed));
        if (rp_meter_is_sampled(meter)) {
            return fire_timed(self, probe, count, values);
        }
    }
    return fire_values(self, probe, count, values);
}

/* A tracer is on the probe, or something is to be said of the values or of their number. Out of line:
 * it would cost the way past it a stack frame. */
static __attribute__((noinline)) VALUE fire_or_check(VALUE self, struct rp_probe *probe, int count,
                                                     const VALUE *values)
{
    if (rp_probe_is_wanted(probe)) {
        return fire_counted(self, probe, count, values);
    }
    bool is_strict = atomic_load(&strict);
    bool is_right = (uint32_t)count == probe->declaration.argument_count;
    bool has_block = rb_block_given_p();
    if (!is_strict && (is_right || has_block)) {
        return Qfalse;
    }
    return has_block && !count ? Qfalse : capture_and_fire(self, probe, count, values, false);
}

/*
 * Nothing but a look at the semaphores unless a tracer is on the probe. Under strict the values are
 * checked in any case, so that specs find what is wrong without a tracer.
 */
static VALUE probe_m_fire(int count, VALUE *values, VALUE self)
{
    struct rp_probe *probe = probe_of(self);
    if (RB_LIKELY(!rp_probe_is_attached(probe) &&
                  !atomic_load_explicit(&strict, memory_order_relaxed) &&
                  (uint32_t)count == probe->declaration.argument_count)) {
        return Qfalse;
    }
    return fire_or_check(self, probe, count, values);
}

/* -- for railprobe.c -- */

struct rp_probe *rp_object_probe(VALUE object)
{
    return probe_of(object);
}

/* Without a class it can't be found, with ObjectSpace or otherwise, before it has its probe. */
VALUE rp_object_new(void)
{
    return TypedData_Wrap_Struct(0, &probe_type, NULL);
}

void rp_object_own(VALUE object, struct rp_probe *probe)
{
    RTYPEDDATA_DATA(object) = probe;
    probe->owner = (uintptr_t)object;
    (void)rb_obj_reveal(object, class_probe);
    rb_obj_freeze(object);
}

void rp_object_set_strict(bool new_strict)
{
    atomic_store(&strict, new_strict);
}

bool rp_object_is_strict(void)
{
    return atomic_load(&strict);
}

void rp_object_define(VALUE railprobe)
{
    id_reject = rb_intern("reject");
    id_block_failed = rb_intern("block_failed");
    class_runtime = rb_const_get(railprobe, rb_intern("Runtime"));
    rb_global_variable(&class_runtime);
    class_probe = rb_define_class_under(railprobe, "Probe", rb_cObject);
    rb_global_variable(&class_probe);
    rb_undef_alloc_func(class_probe);
    rb_define_method(class_probe, "name", probe_m_name, 0);
    rb_define_method(class_probe, "provider", probe_m_provider, 0);
    rb_define_method(class_probe, "usdt_name", probe_m_usdt_name, 0);
    rb_define_method(class_probe, "arguments", probe_m_arguments, 0);
    rb_define_method(class_probe, "path", probe_m_path, 0);
    rb_define_method(class_probe, "attached?", probe_m_attached_p, 0);
    rb_define_method(class_probe, "tripped?", probe_m_tripped_p, 0);
    rb_define_method(class_probe, "inspect", probe_m_inspect, 0);
    rb_define_method(class_probe, "rejected", probe_m_rejected, 0);
    rb_define_method(class_probe, "fire", probe_m_fire, -1);
}
