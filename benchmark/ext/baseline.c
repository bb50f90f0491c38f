/*
 * What things cost at least: methods in C that do nothing, and a wrapper that times the original, fires and does no
 * more. The benchmarks compare with these.
 */
#include <ruby.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

typedef void site_function(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

static site_function *site;

static VALUE one(VALUE self, VALUE first)
{
    return Qfalse;
}

static VALUE two(VALUE self, VALUE first, VALUE second)
{
    return Qfalse;
}

static uint64_t now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static VALUE timed(int argc, VALUE *argv, VALUE self)
{
    uint64_t begun = now();
    VALUE result = rb_call_super(argc, argv);
    site(0, 0, 0, now() - begun, 0, 0);
    return result;
}

/* wrap(module, name, address): the method of that name in module times super, and calls the site there. */
static VALUE wrap(VALUE self, VALUE module, VALUE name, VALUE address)
{
    uintptr_t place = NUM2ULL(address);
    memcpy(&site, &place, sizeof site);
    rb_define_method(module, rb_id2name(SYM2ID(name)), timed, -1);
    return module;
}

RUBY_FUNC_EXPORTED void Init_railprobe_baseline(void)
{
    rb_ext_ractor_safe(true);
    VALUE baseline = rb_define_class("Baseline", rb_cObject);
    rb_define_method(baseline, "one", one, 1);
    rb_define_method(baseline, "two", two, 2);
    rb_define_singleton_method(baseline, "wrap", wrap, 3);
}
