/*
 * Method wrappers. Start reading at rp_tracer_settle(); what a wrapper does is in call.c.
 */
#include "tracer.h"

#include "call.h"
#include "collector.h"
#include "common_pair.h"
#include "object.h"
#include "runtime.h"
#include "wrapper.h"

#include <ruby/encoding.h>
#include <stdlib.h>
#include <string.h>

/* A traced method, as it is kept here. Ruby objects of it are marked by its TracedMethod. */
struct traced {
    struct rp_method method; /* first: entry stubs lead to it */
    struct traced *next;
    VALUE target;  /* the class, or singleton class, that the method is looked up in */
    VALUE wrapper; /* the module that is prepended to it; nil before it was first armed */
    char *subject;
    VALUE probes;     /* the Array of them: calls in progress fire them even after a drop */
    VALUE captures;   /* for each moment an Array of Expressions */
    VALUE condition;  /* an Expression or nil */
    VALUE own;        /* nil, or for each moment an Array of OwnTypes */
    VALUE parameters; /* of the method when programs were made for it last; nil before */
    bool is_armed;
    bool is_dropped; /* disarmed for good, and no longer in the list of methods */
    VALUE failure;   /* why it can't be armed, a String; nil */
};

static struct traced *methods;
static VALUE wrappers; /* target => its module, by identity; both go with the class */
static VALUE class_traced_method;
static uint32_t last_group;

/* -- the object -- */

static void traced_mark(void *data)
{
    const struct traced *traced = data;
    rb_gc_mark(traced->target);
    rb_gc_mark(traced->wrapper);
    rb_gc_mark(traced->method.original);
    rb_gc_mark(traced->method.aliases);
    rb_gc_mark(traced->failure);
    rb_gc_mark(traced->probes);
    rb_gc_mark(traced->captures);
    rb_gc_mark(traced->method.headers);
    rb_gc_mark(traced->condition);
    rb_gc_mark(traced->own);
    rb_gc_mark(traced->parameters);
}

static size_t traced_size(const void *data)
{
    const struct traced *traced = data;
    return sizeof *traced + strlen(traced->subject) + 1;
}

/* Never freed. */
static const rb_data_type_t traced_type = {
    .wrap_struct_name = "Railprobe::TracedMethod",
    .function = {.dmark = traced_mark, .dsize = traced_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static struct traced *traced_of(VALUE self)
{
    return rb_check_typeddata(self, &traced_type);
}

/* -- which methods can be traced -- */

/*
 * Methods of Ruby's core that look at the frame of their caller, or that the wrapper itself needs: in
 * their place it would change what they do, or never end.
 */
static bool is_refused(VALUE owner, const char *name)
{
    static const char *const names[] = {
        "lambda",
        "proc",
        "binding",
        "__method__",
        "__callee__",
        "caller",
        "caller_locations",
        "local_variables",
        "block_given?",
        "require",
        "require_relative",
        "load",
        "eval",
        "send",
        "__send__",
        "public_send",
        "method_missing",
        "raise",
        "fork",
        "instance_method",
        "respond_to_missing?",
    };
    static const char *const owners[] = {"Kernel", "BasicObject", "Module", "Object", "GC"};
    VALUE path = rb_class_path_cached(owner);
    const char *text = RB_TYPE_P(path, T_STRING) ? RSTRING_PTR(path) : "";
    bool is_core = false;
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++) {
        is_core |= strcmp(text, owners[i]) == 0;
    }
    bool is_named = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        is_named |= strcmp(name, names[i]) == 0;
    }
    return is_core && is_named;
}

/* -- arming -- */

static VALUE module_of(struct traced *traced)
{
    VALUE module = rb_funcall(wrappers, rb_intern("[]"), 1, traced->target);
    if (NIL_P(module)) {
        module = rp_wrapper_prepend(traced->target);
        rb_funcall(wrappers, rb_intern("[]="), 2, traced->target, module);
    }
    return module;
}

static bool set_condition(struct traced *traced, VALUE parameters)
{
    struct rp_program *program = rp_program_new(traced->condition, parameters);
    if (program) {
        traced->method.is_late = rp_program_reads_return(program);
        traced->method.is_span = rp_program_durations(program, &traced->method.span);
        traced->method.condition = program;
    }
    return program;
}

/*
 * Programs know where the method's parameters are, so they are made when it is armed, and anew when it
 * was defined with other ones. A thread may be inside with the old ones: these stay.
 */
static bool make_programs(struct traced *traced)
{
    VALUE parameters = rb_funcall(traced->method.original, rb_intern("parameters"), 0);
    if (RTEST(rb_equal(parameters, traced->parameters))) {
        return true;
    }
    for (int moment = 0; moment < RP_MOMENT_COUNT; moment++) {
        VALUE expressions = rb_ary_entry(traced->captures, moment);
        struct rp_captures captures = {.count = 0};
        for (long i = 0; i < RARRAY_LEN(expressions) && i < RP_SLOTS_MAX; i++) {
            struct rp_program *program = rp_program_new(rb_ary_entry(expressions, i), parameters);
            if (!program) {
                return false;
            }
            captures.programs[captures.count++] = program;
        }
        traced->method.captures[moment] = captures;
    }
    if (!NIL_P(traced->condition) && !set_condition(traced, parameters)) {
        return false;
    }
    traced->parameters = parameters;
    return true;
}

static VALUE fail(struct traced *traced, const char *why)
{
    traced->failure = rb_utf8_str_new_cstr(why);
    return Qfalse;
}

/*
 * The method is another one than when it was last armed. Names that the wrapper was given then, as by an
 * alias chain, stand for what the method was then. O(methods of the class).
 */
static void remember_aliases(struct traced *traced, const char *list)
{
    struct rp_method *method = &traced->method;
    VALUE names = rp_wrapper_ask(traced->target, list, Qfalse);
    if (NIL_P(method->aliases)) {
        method->aliases = rb_hash_new();
    }
    for (long i = 0; i < RARRAY_LEN(names); i++) {
        VALUE name = RARRAY_AREF(names, i);
        VALUE found = rp_wrapper_ask(traced->target, "instance_method", name);
        if (name != ID2SYM(method->name) && NIL_P(rb_hash_lookup(method->aliases, name)) &&
            rb_funcall(found, rb_intern("original_name"), 0) == ID2SYM(method->name)) {
            rb_hash_aset(method->aliases, name, method->original);
        }
    }
}

/* The pointer goes into the method table; it stays valid, as no image is ever unmapped. */
static VALUE arm(VALUE argument)
{
    struct traced *traced = (struct traced *)argument;
    struct rp_method *method = &traced->method;
    VALUE name = ID2SYM(method->name);
    struct rp_probe *probe = NULL;
    for (int i = 0; i < RP_MOMENT_COUNT && !probe; i++) {
        probe = method->probes[i];
    }
    void *stub = probe ? rp_runtime_stub(probe) : NULL;
    if (!stub) {
        return Qfalse; /* declared since the last load; the common pair may want it before the next */
    }
    VALUE original = rp_wrapper_ask(traced->target, "instance_method", name);
    if (!NIL_P(method->original) && !RTEST(rb_equal(method->original, original))) {
        remember_aliases(traced, "instance_methods");
        remember_aliases(traced, "private_instance_methods");
    }
    method->original = original;
    VALUE owner = rb_funcall(method->original, rb_intern("owner"), 0);
    if (is_refused(owner, rb_id2name(method->name))) {
        return fail(traced, "a wrapper would change what this method of Ruby's core does");
    }
    if (!make_programs(traced)) {
        return fail(traced, "there is no memory for its captures");
    }
    traced->wrapper = module_of(traced);
    VALUE (*function)(ANYARGS);
    memcpy(&function, &stub, sizeof function);
    rp_wrapper_define(traced->wrapper, traced->target, method->name, function);
    return Qtrue;
}

static VALUE disarm(VALUE argument)
{
    struct traced *traced = (struct traced *)argument;
    rp_wrapper_remove(traced->wrapper, traced->method.name);
    return Qtrue;
}

/*
 * False when the change was not made, and why is the method's failure. $! stays as it was. Ruby would warn of
 * an initialize that is removed; it is the wrapper's.
 */
static bool attempt(VALUE (*change)(VALUE), struct traced *traced)
{
    int state = 0;
    VALUE before = rb_errinfo();
    VALUE verbose = ruby_verbose;
    traced->failure = Qnil;
    ruby_verbose = Qnil;
    VALUE done = rb_protect(change, (VALUE)traced, &state);
    ruby_verbose = verbose;
    if (!state) {
        return RTEST(done);
    }
    VALUE error = rb_errinfo();
    rb_set_errinfo(RTEST(rb_obj_is_kind_of(before, rb_eException)) ? before : Qnil);
    bool is_error = RTEST(rb_obj_is_kind_of(error, rb_eException));
    VALUE message = is_error ? rb_attr_get(error, rb_intern("mesg")) : Qnil;
    traced->failure =
        RB_TYPE_P(message, T_STRING) ? message : rb_utf8_str_new_cstr("it could not be changed");
    return false;
}

static bool is_attached(struct rp_probe *probe)
{
    return probe && rp_probe_is_attached(probe);
}

static bool is_probe_wanted(struct rp_probe *probe)
{
    return probe && rp_probe_is_wanted(probe);
}

/* Whether it holds for a probe that the method fires. */
static bool any_probe(const struct traced *traced, bool (*holds)(struct rp_probe *probe))
{
    bool any = holds(rp_common_pair.entry) || holds(rp_common_pair.returned);
    for (int i = 0; i < RP_MOMENT_COUNT && !any; i++) {
        any = holds(traced->method.probes[i]);
    }
    return any;
}

static bool is_wanted(const struct traced *traced)
{
    return !traced->is_dropped && any_probe(traced, is_probe_wanted);
}

bool rp_tracer_is_any_wanted(void)
{
    for (const struct traced *traced = methods; traced; traced = traced->next) {
        if (is_wanted(traced)) {
            return true;
        }
    }
    return false;
}

/* A failure is tried again when a tracer comes anew, not at every look. */
static bool settle(struct traced *traced)
{
    bool wanted = is_wanted(traced);
    if (wanted == traced->is_armed || (wanted && !NIL_P(traced->failure))) {
        if (!wanted) {
            traced->failure = Qnil;
        }
        return false;
    }
    bool has_changed = attempt(wanted ? arm : disarm, traced);
    if (has_changed) {
        traced->is_armed = wanted;
    }
    return has_changed;
}

bool rp_tracer_settle(void)
{
    int changed = 0;
    for (struct traced *traced = methods; traced && changed < RP_ARM_BATCH; traced = traced->next) {
        /* Until nothing changes: arming may let other threads run, and the tracer has left meanwhile. */
        while (changed < RP_ARM_BATCH && settle(traced)) {
            changed++;
        }
    }
    return changed >= RP_ARM_BATCH;
}

/* -- methods of TracedMethod -- */

/* The helper types of the app's own; false when there is no memory. Kept for as long as the process lives. */
static bool read_own_types(struct rp_method *method, VALUE own)
{
    if (NIL_P(own)) {
        return true;
    }
    struct rp_own_types *types = calloc(RP_MOMENT_COUNT, sizeof *types);
    for (long i = 0; types && i < RP_MOMENT_COUNT; i++) {
        rp_own_types_read(&types[i], rb_ary_entry(own, i));
        method->is_long[i] = types[i].count > 0;
    }
    method->own = types;
    return types != NULL;
}

static void find_long_probes(struct traced *traced)
{
    for (int helper = 0; helper < RP_HELPER_COUNT; helper++) {
        const struct rp_helper_facts *facts = rp_helper_facts((enum rp_helper)helper);
        if (facts->slots && traced->method.helpers & 1u << helper) {
            traced->method.is_long[facts->moment] = true;
        }
    }
    for (int moment = 0; moment < RP_MOMENT_COUNT; moment++) {
        if (RARRAY_LEN(rb_ary_entry(traced->captures, moment))) {
            traced->method.is_long[moment] = true;
        }
    }
}

/*
 * TracedMethod.new(target, name, subject, helpers, [entry, return, raise], frames, captures, condition, headers,
 * own): probes are Railprobe::Probe or nil, declared with the group that .next_group gave; captures are three
 * Arrays of Expressions, for the probes in that order; condition is an Expression or nil; headers are the
 * env's names of those that the type header carries; own is nil or three Arrays of OwnTypes, likewise.
 */
static VALUE traced_m_new(VALUE self, VALUE target, VALUE name, VALUE subject, VALUE helpers,
                          VALUE probes, VALUE frames, VALUE captures, VALUE condition,
                          VALUE headers, VALUE own)
{
    struct traced *traced = calloc(1, sizeof *traced);
    Check_Type(target, RB_TYPE_P(target, T_MODULE) ? T_MODULE : T_CLASS);
    Check_Type(probes, T_ARRAY);
    Check_Type(captures, T_ARRAY);
    for (int i = 0; i < RP_MOMENT_COUNT; i++) {
        Check_Type(rb_ary_entry(captures, i), T_ARRAY);
    }
    Check_Type(headers, T_ARRAY);
    if (!traced || !read_own_types(&traced->method, own) ||
        !(traced->subject = strdup(StringValueCStr(subject)))) {
        free(traced);
        rb_memerror();
    }
    traced->target = target;
    traced->probes = probes;
    traced->captures = captures;
    traced->method.headers = headers;
    traced->condition = condition;
    traced->own = own;
    traced->parameters = Qnil;
    traced->wrapper = traced->failure = traced->method.original = Qnil;
    traced->method.aliases = Qnil;
    traced->method.name = rb_sym2id(name);
    traced->method.subject = traced->subject;
    traced->method.frames = NUM2INT(frames);
    VALUE object = TypedData_Wrap_Struct(self, &traced_type, traced);
    traced->method.helpers = NUM2UINT(helpers) & ((1u << RP_HELPER_COUNT) - 1);
    find_long_probes(traced);
    for (int i = 0; i < RP_MOMENT_COUNT; i++) {
        VALUE probe = rb_ary_entry(probes, i);
        if (!NIL_P(probe)) {
            traced->method.probes[i] = rp_object_probe(probe);
            rp_runtime_set_method(traced->method.probes[i], &traced->method);
        }
    }
    traced->next = methods;
    methods = traced;
    rb_gc_register_mark_object(
        object); /* entry stubs may lead to it for as long as the process lives */
    return object;
}

static VALUE traced_m_next_group(VALUE self)
{
    return UINT2NUM(++last_group);
}

static VALUE traced_m_armed_p(VALUE self)
{
    return traced_of(self)->is_armed ? Qtrue : Qfalse;
}

/* Whether it would be armed if nothing were over a limit. */
static VALUE traced_m_tripped_p(VALUE self)
{
    const struct traced *traced = traced_of(self);
    bool is_attached_to = !traced->is_dropped && any_probe(traced, is_attached);
    return is_attached_to && !is_wanted(traced) ? Qtrue : Qfalse;
}

static VALUE traced_m_failure(VALUE self)
{
    return traced_of(self)->failure;
}

static VALUE traced_m_subject(VALUE self)
{
    return rb_utf8_str_new_cstr(traced_of(self)->subject);
}

static VALUE traced_m_target(VALUE self)
{
    return traced_of(self)->target;
}

/* Disarms it for good. */
static VALUE traced_m_drop(VALUE self)
{
    struct traced *traced = traced_of(self);
    traced->is_dropped = true;
    (void)settle(traced);
    for (struct traced **at = &methods; *at; at = &(*at)->next) {
        if (*at == traced) {
            *at = traced->next;
            break;
        }
    }
    traced->target = traced->wrapper = Qnil; /* a class that was reloaded can go */
    return Qnil;
}

void rp_tracer_define(VALUE railprobe)
{
    wrappers = rb_class_new_instance(0, NULL, rb_path2class("ObjectSpace::WeakMap"));
    rb_global_variable(&wrappers);
    class_traced_method = rb_define_class_under(railprobe, "TracedMethod", rb_cObject);
    rb_global_variable(&class_traced_method);
    rb_undef_alloc_func(class_traced_method);
    rb_define_singleton_method(class_traced_method, "new", traced_m_new, 10);
    rb_define_singleton_method(class_traced_method, "next_group", traced_m_next_group, 0);
    rb_define_method(class_traced_method, "armed?", traced_m_armed_p, 0);
    rb_define_method(class_traced_method, "tripped?", traced_m_tripped_p, 0);
    rb_define_method(class_traced_method, "failure", traced_m_failure, 0);
    rb_define_method(class_traced_method, "subject", traced_m_subject, 0);
    rb_define_method(class_traced_method, "target", traced_m_target, 0);
    rb_define_method(class_traced_method, "drop", traced_m_drop, 0);

    rp_collector_init();
    rp_call_init();
    void (*handler)(void);
    VALUE (*call)(int, VALUE *, VALUE, uint32_t, void *const *) = rp_call_traced;
    memcpy(&handler, &call, sizeof handler);
    rp_runtime_set_handler(handler);
}
