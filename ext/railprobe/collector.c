/*
 * What Ruby's collector tells of itself. See collector.h.
 */
#include "collector.h"

static VALUE gc_total_time; /* the Method GC.total_time, as Ruby has made it */
static VALUE sym_total_allocated_objects;

void rp_collector_init(void)
{
    sym_total_allocated_objects = ID2SYM(rb_intern("total_allocated_objects"));
    /* The first call makes a table: two Ractors that made it at once would not find the key. */
    (void)rb_gc_stat(sym_total_allocated_objects);
    gc_total_time = rb_obj_method(rb_mGC, ID2SYM(rb_intern("total_time")));
    rb_global_variable(&gc_total_time);
}

static VALUE call_gc_time(VALUE unused)
{
    (void)unused;
    return rb_method_call(0, NULL, gc_total_time);
}

/*
 * GC.total_time, ns; it is a C method that makes no object below 2**62. The one method that is called here,
 * and not by its name: somebody may have put another one in its place, or be tracing it.
 */
uint64_t rp_collector_ns(void)
{
    int state = 0;
    VALUE before = rb_errinfo();
    VALUE time = rb_protect(call_gc_time, Qnil, &state);
    if (state) {
        rb_set_errinfo(RTEST(rb_obj_is_kind_of(before, rb_eException)) ? before : Qnil);
    }
    return FIXNUM_P(time) ? (uint64_t)FIX2LONG(time) : 0;
}

uint64_t rp_collector_allocated(void)
{
    return rb_gc_stat(sym_total_allocated_objects);
}
