/*
 * Limits and what went over them, as Ruby sees it.
 */
#include "breaker_report.h"

#include "buffer.h"
#include "runtime.h"

/* No object can be made under the lock. A probe that is found there lives until Ruby's lock is given up. */
static void collect(void *context, const struct rp_trips *trips)
{
    rp_buffer_append(context, trips, sizeof *trips);
}

static VALUE name_of(const struct rp_probe *probe)
{
    return rb_utf8_str_new_cstr(probe->declaration.label);
}

static void set(VALUE hash, const char *key, VALUE value)
{
    rb_hash_aset(hash, ID2SYM(rb_intern(key)), value);
}

static uint32_t number_at(VALUE hash, const char *key)
{
    return NUM2UINT(rb_hash_fetch(hash, ID2SYM(rb_intern(key))));
}

/* Puts limits in force, a Hash with all of them; nil is none. */
static VALUE native_m_set_limits(VALUE self, VALUE hash)
{
    struct rp_limits limits = rp_limit_none();
    if (!NIL_P(hash)) {
        limits = (struct rp_limits){.rate = number_at(hash, "rate"),
                                    .cpu = number_at(hash, "cpu"),
                                    .pause = number_at(hash, "pause"),
                                    .string = number_at(hash, "string"),
                                    .frames = number_at(hash, "frames")};
    }
    rp_runtime_set_limits(&limits);
    return hash;
}

/* The limits in force, what is over them, how often that was, and what all probes took so far. */
static VALUE native_m_limits(VALUE self)
{
    const struct rp_limits limits = rp_limit_get();
    struct rp_buffer rows = {0};
    VALUE report = rb_hash_new();
    VALUE tripped = rb_ary_new();
    VALUE trips = rb_hash_new();
    uint32_t cpu_trips = 0;
    rp_runtime_trips(collect, &rows);
    for (size_t at = 0; at + sizeof(struct rp_trips) <= rows.size; at += sizeof(struct rp_trips)) {
        struct rp_trips row;
        memcpy(&row, rows.bytes + at, sizeof row);
        if (!row.probe) {
            cpu_trips = row.count;
            continue;
        }
        rb_hash_aset(trips, name_of(row.probe), UINT2NUM(row.count));
        if (atomic_load(&row.probe->is_tripped)) {
            rb_ary_push(tripped, name_of(row.probe));
        }
    }
    rp_buffer_free(&rows);
    set(report, "rate", UINT2NUM(limits.rate));
    set(report, "cpu", UINT2NUM(limits.cpu));
    set(report, "pause", UINT2NUM(limits.pause));
    set(report, "string", UINT2NUM(limits.string));
    set(report, "frames", UINT2NUM(limits.frames));
    set(report, "tripped", tripped);
    set(report, "all_tripped", atomic_load(&rp_limits.are_all_tripped) ? Qtrue : Qfalse);
    set(report, "trips", trips);
    set(report, "cpu_trips", UINT2NUM(cpu_trips));
    set(report, "spent_ns", ULL2NUM(atomic_load(&rp_limits.spent_ns)));
    return report;
}

/*
 * [name, limit, pause] of what was tripped since the last call, as often as it was. Without a name it is all
 * probes together, and the limit that of the CPU.
 */
static VALUE native_m_new_trips(VALUE self)
{
    struct rp_buffer rows = {0};
    VALUE trips = rb_ary_new();
    rp_runtime_new_trips(collect, &rows);
    for (size_t at = 0; at + sizeof(struct rp_trips) <= rows.size; at += sizeof(struct rp_trips)) {
        struct rp_trips row;
        memcpy(&row, rows.bytes + at, sizeof row);
        for (uint32_t i = 0; i < row.count; i++) {
            rb_ary_push(trips, rb_ary_new_from_args(3, row.probe ? name_of(row.probe) : Qnil,
                                                    UINT2NUM(row.limit), UINT2NUM(row.pause)));
        }
    }
    rp_buffer_free(&rows);
    return trips;
}

void rp_breaker_report_define(VALUE railprobe)
{
    VALUE native = rb_define_module_under(railprobe, "Native");
    rb_define_singleton_method(native, "limits=", native_m_set_limits, 1);
    rb_define_singleton_method(native, "limits", native_m_limits, 0);
    rb_define_singleton_method(native, "new_trips", native_m_new_trips, 0);
}
