/*
 * What a call of a C method costs at least: methods that do nothing. The benchmarks divide by it.
 */
#include <ruby.h>

static VALUE one(VALUE self, VALUE first)
{
    return Qfalse;
}

static VALUE two(VALUE self, VALUE first, VALUE second)
{
    return Qfalse;
}

RUBY_FUNC_EXPORTED void Init_railprobe_baseline(void)
{
    rb_ext_ractor_safe(true);
    VALUE baseline = rb_define_class("Baseline", rb_cObject);
    rb_define_method(baseline, "one", one, 1);
    rb_define_method(baseline, "two", two, 2);
}
