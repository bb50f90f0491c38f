/*
 * Railprobe::Hook. See hook.h; start reading at call_hooked().
 */
#include "hook.h"

#include "firing.h"
#include "guard.h"
#include "rails.h"
#include "wrapper.h"

#include <string.h>

enum { STATUS_OK, STATUS_EXCEPTION, STATUS_OTHER };

enum { HOOK_POOL, HOOK_HTTP, HOOK_LOGGER, HOOKS };

struct hook {
    const char *class_name;
    const char *method;
    VALUE (*function)(int, VALUE *, VALUE);
    enum rp_builtin first; /* armed while one of these two is wanted */
    enum rp_builtin second;
    VALUE module;   /* prepended to the class; 0 before it was first armed */
    VALUE original; /* an UnboundMethod */
    ID name;
    bool is_armed;
};

struct hooked {
    const struct hook *hook;
    int argc;
    const VALUE *argv;
    VALUE self;
    int keywords;
    VALUE result;
    bool is_done;
    struct rp_open open;
    const struct rp_event *event;
};

static VALUE hooks_of_ruby; /* an Array of all */
static ID id_inside; /* of a Net::HTTP that is in a request; no name that Ruby code can write */

/* -- around a method -- */

static VALUE call_super(VALUE argument)
{
    struct hooked *hooked = (struct hooked *)argument;
    hooked->result = rb_call_super_kw(hooked->argc, hooked->argv, hooked->keywords);
    hooked->is_done = true;
    return hooked->result;
}

static struct rp_occasion occasion_of(struct hooked *hooked)
{
    return (struct rp_occasion){.event = hooked->event,
                                .open = &hooked->open,
                                .payload = hooked->self,
                                .argument = hooked->argc ? hooked->argv[0] : Qnil,
                                .result = hooked->result,
                                .at = rp_now_ns()};
}

static VALUE begin(VALUE argument)
{
    struct rp_occasion occasion = occasion_of((struct hooked *)argument);
    rp_firing_begin(&occasion);
    return Qnil;
}

static bool is_timeout(VALUE exception)
{
    for (VALUE class = rb_obj_class(exception); RTEST(class); class = rb_class_superclass(class)) {
        VALUE path = rb_class_path_cached(class);
        if (RB_TYPE_P(path, T_STRING) &&
            strcmp(RSTRING_PTR(path), "ActiveRecord::ConnectionTimeoutError") == 0) {
            return true;
        }
    }
    return false;
}

/* For the pool 2 is a time-out, for all other ways out than an exception it is that. */
static uint64_t status_of(const struct hooked *hooked, VALUE exception)
{
    if (hooked->is_done) {
        return STATUS_OK;
    }
    if (!RTEST(rb_obj_is_kind_of(exception, rb_eException)) || is_timeout(exception)) {
        return STATUS_OTHER;
    }
    return STATUS_EXCEPTION;
}

struct ending {
    struct hooked *hooked;
    VALUE exception;
};

static VALUE end(VALUE argument)
{
    const struct ending *ending = (const struct ending *)argument;
    struct rp_occasion occasion = occasion_of(ending->hooked);
    rp_firing_end(&occasion, status_of(ending->hooked, ending->exception));
    return Qnil;
}

static VALUE finish(VALUE argument)
{
    struct hooked *hooked = (struct hooked *)argument;
    struct ending ending = {hooked, hooked->is_done ? Qnil : rb_errinfo()};
    (void)rp_guard_run(end, (VALUE)&ending, hooked->event->name);
    return Qnil;
}

/* Super does not look how much stack is left, and an alias of a wrapper has no super. See call.c. */
static bool is_called_by_name(const struct hook *hook)
{
    if (rp_guard_lacks_room()) {
        rb_raise(rb_eSysStackError, "stack level too deep");
    }
    return rb_frame_callee() == hook->name;
}

static VALUE call_hooked(const struct hook *hook, const struct rp_event *event, int argc,
                         const VALUE *argv, VALUE self)
{
    struct hooked hooked = {.hook = hook,
                            .argc = argc,
                            .argv = argv,
                            .self = self,
                            .keywords = rb_keyword_given_p(),
                            .result = Qnil,
                            .event = event};
    (void)rp_guard_run(begin, (VALUE)&hooked, event->name);
    return rb_ensure(call_super, (VALUE)&hooked, finish, (VALUE)&hooked);
}

/* -- the methods -- */

static struct hook hooks[HOOKS];

static VALUE pool_checkout(int argc, VALUE *argv, VALUE self)
{
    const struct hook *hook = &hooks[HOOK_POOL];
    if (!is_called_by_name(hook)) {
        return rp_wrapper_call(hook->original, argc, argv, self);
    }
    return call_hooked(hook, rp_event(RP_EVENT_CHECKOUT), argc, argv, self);
}

struct http_request {
    int argc;
    const VALUE *argv;
    VALUE self;
};

static VALUE request_once(VALUE argument)
{
    const struct http_request *request = (const struct http_request *)argument;
    return call_hooked(&hooks[HOOK_HTTP], rp_event(RP_EVENT_HTTP), request->argc, request->argv,
                       request->self);
}

static VALUE leave_request(VALUE self)
{
    rb_ivar_set(self, id_inside, Qnil);
    return Qnil;
}

/* Where the connection is not started, request starts it and calls itself. */
static VALUE http_request(int argc, VALUE *argv, VALUE self)
{
    const struct hook *hook = &hooks[HOOK_HTTP];
    struct http_request request = {argc, argv, self};
    if (!is_called_by_name(hook)) {
        return rp_wrapper_call(hook->original, argc, argv, self);
    }
    if (RTEST(rb_attr_get(self, id_inside)) || RB_OBJ_FROZEN(self)) {
        return rb_call_super_kw(argc, argv, rb_keyword_given_p());
    }
    rb_ivar_set(self, id_inside, Qtrue);
    return rb_ensure(request_once, (VALUE)&request, leave_request, self);
}

/* call_app(request, env) gives status, headers and body. */
static VALUE logger_call_app(int argc, VALUE *argv, VALUE self)
{
    const struct hook *hook = &hooks[HOOK_LOGGER];
    if (!is_called_by_name(hook)) {
        return rp_wrapper_call(hook->original, argc, argv, self);
    }
    VALUE answer = rb_call_super_kw(argc, argv, rb_keyword_given_p());
    VALUE status = RB_TYPE_P(answer, T_ARRAY) ? rb_ary_entry(answer, 0) : Qnil;
    struct rp_open *open = argc ? rp_open_find((uintptr_t)argv[0], rp_event_request()) : NULL;
    if (open && FIXNUM_P(status)) {
        open->http_status = FIX2LONG(status);
    }
    return answer;
}

static struct hook hooks[HOOKS] = {
    [HOOK_POOL] = {.class_name = "ActiveRecord::ConnectionAdapters::ConnectionPool",
                   .method = "checkout",
                   .function = pool_checkout,
                   .first = RP_BUILTIN_pool__checkout__start,
                   .second = RP_BUILTIN_pool__checkout__done},
    [HOOK_HTTP] = {.class_name = "Net::HTTP",
                   .method = "request",
                   .function = http_request,
                   .first = RP_BUILTIN_http__start,
                   .second = RP_BUILTIN_http__done},
    [HOOK_LOGGER] = {.class_name = "Rails::Rack::Logger",
                     .method = "call_app",
                     .function = logger_call_app,
                     .first = RP_BUILTIN_request__done,
                     .second = RP_BUILTIN_request__done},
};

/* -- methods of Hook -- */

static void hook_mark(void *data)
{
    const struct hook *hook = data;
    rb_gc_mark(hook->module);
    rb_gc_mark(hook->original);
}

static const rb_data_type_t hook_type = {
    .wrap_struct_name = "Railprobe::Hook",
    .function = {.dmark = hook_mark},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static struct hook *hook_of(VALUE self)
{
    return rb_check_typeddata(self, &hook_type);
}

static VALUE hook_m_name(VALUE self)
{
    const struct hook *hook = hook_of(self);
    return rb_sprintf("%s#%s", hook->class_name, hook->method);
}

static VALUE hook_m_class_name(VALUE self)
{
    return rb_utf8_str_new_cstr(hook_of(self)->class_name);
}

/* Whether it should be armed. Takes no lock. */
static VALUE hook_m_wanted_p(VALUE self)
{
    const struct hook *hook = hook_of(self);
    return rp_rails_is_wanted(hook->first) || rp_rails_is_wanted(hook->second) ? Qtrue : Qfalse;
}

/* arm(class): again is fine. */
static VALUE hook_m_arm(VALUE self, VALUE target)
{
    struct hook *hook = hook_of(self);
    VALUE (*function)(ANYARGS);
    memcpy(&function, &hook->function, sizeof function);
    Check_Type(target, T_CLASS);
    if (!hook->is_armed) {
        hook->original = rp_wrapper_ask(target, "instance_method", ID2SYM(hook->name));
        hook->module = hook->module ? hook->module : rp_wrapper_prepend(target);
        rp_wrapper_define(hook->module, target, hook->name, function);
        hook->is_armed = true;
    }
    return Qnil;
}

static VALUE hook_m_disarm(VALUE self)
{
    struct hook *hook = hook_of(self);
    if (hook->is_armed) {
        rp_wrapper_remove(hook->module, hook->name);
        hook->is_armed = false;
    }
    return Qnil;
}

static VALUE native_m_hooks(VALUE self)
{
    return hooks_of_ruby;
}

void rp_hook_define(VALUE railprobe, VALUE native)
{
    VALUE class = rb_define_class_under(railprobe, "Hook", rb_cObject);
    rb_undef_alloc_func(class);
    rb_undef_method(CLASS_OF(class), "new");
    rb_define_method(class, "name", hook_m_name, 0);
    rb_define_method(class, "class_name", hook_m_class_name, 0);
    rb_define_method(class, "wanted?", hook_m_wanted_p, 0);
    rb_define_method(class, "arm", hook_m_arm, 1);
    rb_define_method(class, "disarm", hook_m_disarm, 0);
    rb_define_singleton_method(native, "hooks", native_m_hooks, 0);
    id_inside = rb_intern("railprobe inside");
    hooks_of_ruby = rb_ary_new();
    rb_global_variable(&hooks_of_ruby);
    for (int i = 0; i < HOOKS; i++) {
        hooks[i].name = rb_intern(hooks[i].method);
        rb_ary_push(hooks_of_ruby, TypedData_Wrap_Struct(class, &hook_type, &hooks[i]));
    }
    rb_ary_freeze(hooks_of_ruby);
}
