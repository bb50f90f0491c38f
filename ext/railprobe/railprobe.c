/*
 * The bindings, and nothing else: Railprobe::Native. All policy is in Ruby, all work in the files
 * beside this one. This is the only file that raises an error of ours.
 *
 * Ractors: Native is called by the main one, through Railprobe::Runtime; only Native.find by all.
 */
#include "configuration.h"
#include "error.h"
#include "evaluate.h"
#include "expression_object.h"
#include "header.h"
#include "image.h"
#include "name.h"
#include "object.h"
#include "runtime.h"
#include "tracer.h"
#include "wake.h"

#include <limits.h>
#include <ruby.h>
#include <ruby/encoding.h>
#include <ruby/ractor.h>
#include <ruby/vm.h>

static VALUE error_declaration;
static VALUE registry_guard; /* marks the probes that are declared */
static ID id_deliver;

/* -- errors -- */

NORETURN(static void raise_declaration(enum rp_error error, VALUE provider, VALUE name,
                                       const struct rp_probe *other));

static void raise_declaration(enum rp_error error, VALUE provider, VALUE name,
                              const struct rp_probe *other)
{
    rb_raise(error_declaration, "%" PRIsVALUE ":%" PRIsVALUE ": %s%s%s", provider, name,
             rp_error_message(error), other ? "; the other is " : "",
             other ? other->declaration.label : "");
}

/* -- declaring -- */

static void mark_owner(void *context, struct rp_probe *probe)
{
    (void)context;
    if (probe->owner) {
        rb_gc_mark((VALUE)probe->owner);
    }
}

/*
 * No Ruby object is made while the runtime's lock is held, so a collection never waits for itself. Ruby
 * calls it for an object with data only, so the guard has some, though none is needed.
 */
static void guard_mark(void *data)
{
    (void)data;
    rp_runtime_probes(mark_owner, NULL);
}

static const rb_data_type_t guard_type = {
    .wrap_struct_name = "Railprobe::Native registry",
    .function = {.dmark = guard_mark},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

/* The number of a symbol in a table of names; raises for one that is not there. */
static int number_of(VALUE symbol, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        if (symbol == ID2SYM(rb_intern(names[i]))) {
            return i;
        }
    }
    rb_raise(error_declaration, "unexpected %+" PRIsVALUE, symbol);
}

/* pairs is an array of [name, type]; the names are not copied. */
static uint32_t read_arguments(VALUE pairs, struct rp_argument *arguments)
{
    const char *types[RP_TYPE_COUNT];
    for (int type = 0; type < RP_TYPE_COUNT; type++) {
        types[type] = rp_type_facts((enum rp_type)type)->name;
    }
    Check_Type(pairs, T_ARRAY);
    long count = RARRAY_LEN(pairs);
    if (count > RP_SLOTS_MAX) {
        rb_raise(error_declaration, "%s", rp_error_message(RP_ARGUMENTS));
    }
    for (long i = 0; i < count; i++) {
        VALUE pair = RARRAY_AREF(pairs, i);
        Check_Type(pair, T_ARRAY);
        VALUE name = rb_ary_entry(pair, 0);
        arguments[i].name = StringValueCStr(name);
        arguments[i].type = (enum rp_type)number_of(rb_ary_entry(pair, 1), types, RP_TYPE_COUNT);
    }
    return (uint32_t)count;
}

static VALUE native_m_declare(VALUE self, VALUE provider, VALUE name, VALUE pairs, VALUE group)
{
    struct rp_argument arguments[RP_SLOTS_MAX];
    struct rp_probe *probe = NULL;
    struct rp_declaration declaration = {
        .provider = StringValueCStr(provider),
        .name = StringValueCStr(name),
        .arguments = arguments,
        .argument_count = read_arguments(pairs, arguments),
        .group = NUM2UINT(group),
    };
    VALUE object = rp_object_new();
    enum rp_error error = rp_runtime_declare(&declaration, &probe);
    RB_GC_GUARD(pairs);
    if (error) {
        raise_declaration(error, provider, name, probe);
    }
    if (probe->owner) {
        return (VALUE)probe->owner;
    }
    rp_object_own(object, probe);
    return object;
}

static VALUE owner_of(struct rp_probe *probe)
{
    return probe && probe->owner ? (VALUE)probe->owner : Qnil;
}

static VALUE native_m_find(VALUE self, VALUE provider, VALUE name)
{
    return owner_of(rp_runtime_find(StringValueCStr(provider), StringValueCStr(name)));
}

static VALUE native_m_remove(VALUE self, VALUE provider, VALUE name)
{
    return owner_of(rp_runtime_remove(StringValueCStr(provider), StringValueCStr(name)));
}

static void collect_owner(void *context, struct rp_probe *probe)
{
    struct rp_buffer *owners = context;
    rp_buffer_append(owners, &probe->owner, sizeof probe->owner);
}

static VALUE native_m_probes(VALUE self)
{
    struct rp_buffer owners = {0};
    VALUE probes = rb_ary_new();
    rp_runtime_probes(collect_owner, &owners);
    for (size_t at = 0; at + sizeof(VALUE) <= owners.size; at += sizeof(VALUE)) {
        VALUE owner;
        memcpy(&owner, owners.bytes + at, sizeof owner);
        if (owner) {
            rb_ary_push(probes, owner);
        }
    }
    rp_buffer_free(&owners);
    return probes;
}

/* -- loading -- */

enum { DIRECTORIES_MAX = 8 };

/* The paths stay valid as long as the array and its strings do. */
static size_t read_directories(VALUE directories, const char *paths[DIRECTORIES_MAX])
{
    Check_Type(directories, T_ARRAY);
    long count = RARRAY_LEN(directories);
    if (count > DIRECTORIES_MAX) {
        rb_raise(rb_eArgError, "at most %d directories", DIRECTORIES_MAX);
    }
    for (long i = 0; i < count; i++) {
        VALUE path = RARRAY_AREF(directories, i);
        paths[i] = StringValueCStr(path);
    }
    return (size_t)count;
}

static enum rp_site_kind site_kind(VALUE fast)
{
    return RTEST(fast) ? RP_SITE_FAST : RP_SITE_SAFE;
}

static VALUE outcome(enum rp_error error)
{
    return error ? rb_str_new_cstr(rp_error_message(error)) : Qnil;
}

/* nil, or what went wrong in words; Native.attempts tells the rest. */
static VALUE native_m_load(VALUE self, VALUE directories, VALUE fast)
{
    const char *paths[DIRECTORIES_MAX];
    size_t count = read_directories(directories, paths);
    enum rp_error error = rp_runtime_load(paths, count, site_kind(fast));
    RB_GC_GUARD(directories);
    return outcome(error);
}

/* The same of the builtin image, which tracers need. */
static VALUE native_m_load_builtin(VALUE self, VALUE directories, VALUE fast)
{
    const char *paths[DIRECTORIES_MAX];
    size_t count = read_directories(directories, paths);
    enum rp_error error = rp_runtime_load_builtin(paths, count, site_kind(fast));
    if (!error) {
        rp_tracer_use_common_pair();
    }
    RB_GC_GUARD(directories);
    return outcome(error);
}

static VALUE native_m_unload(VALUE self)
{
    return rp_runtime_unload() ? Qtrue : Qfalse;
}

static void set(VALUE hash, const char *key, VALUE value)
{
    rb_hash_aset(hash, ID2SYM(rb_intern(key)), value);
}

static VALUE native_m_images(VALUE self)
{
    static const char *const states[] = {"current", "retiring", "retired"};
    VALUE images = rb_ary_new();
    const struct rp_image *image = rp_runtime_loader()->images;
    for (; image; image = image->next) {
        const struct rp_layout *layout = &image->mapping.layout;
        VALUE facts = rb_hash_new();
        char path[PATH_MAX];
        rp_image_path(image, path, sizeof path);
        set(facts, "path", rb_str_new_cstr(path));
        set(facts, "state", ID2SYM(rb_intern(states[image->state])));
        set(facts, "generation", UINT2NUM(image->number));
        set(facts, "probes", UINT2NUM(layout->count));
        set(facts, "attached", UINT2NUM(rp_mapping_attached(&image->mapping)));
        set(facts, "site", ID2SYM(rb_intern(layout->site == RP_SITE_FAST ? "fast" : "safe")));
        set(facts, "bytes", UINT2NUM(layout->file_size));
        set(facts, "in_memory", image->path ? Qfalse : Qtrue);
        rb_ary_push(images, facts);
    }
    return images;
}

/* [path, why, what the system said or nil] of each place that did not take an image. */
static VALUE native_m_attempts(VALUE self)
{
    const struct rp_loader *loader = rp_runtime_loader();
    VALUE attempts = rb_ary_new();
    for (size_t i = 0; i < loader->attempt_count; i++) {
        const struct rp_attempt *attempt = &loader->attempts[i];
        const char *system = attempt->system_error ? strerror(attempt->system_error) : NULL;
        rb_ary_push(attempts,
                    rb_ary_new_from_args(3, rb_str_new_cstr(attempt->path ? attempt->path : "?"),
                                         rb_str_new_cstr(rp_error_message(attempt->error)),
                                         system ? rb_str_new_cstr(system) : Qnil));
    }
    return attempts;
}

/* -- images as bytes -- */

/* A declaration from [provider, name, argument names, type numbers, group]; strings are not copied.
 */
static void read_declaration(VALUE row, struct rp_declaration *declaration,
                             struct rp_argument *arguments)
{
    Check_Type(row, T_ARRAY);
    VALUE provider = rb_ary_entry(row, 0);
    VALUE name = rb_ary_entry(row, 1);
    *declaration = (struct rp_declaration){
        .provider = StringValueCStr(provider),
        .name = StringValueCStr(name),
        .arguments = arguments,
        .argument_count = read_arguments(rb_ary_entry(row, 2), arguments),
        .group = NUM2UINT(rb_ary_entry(row, 3)),
    };
}

/* The bytes of an image for any machine, without loading it. Names are taken as they are. */
static VALUE native_m_image(VALUE self, VALUE rows, VALUE machine, VALUE site)
{
    static const char *const machines[] = {"x86_64", "aarch64"};
    static const char *const sites[] = {"safe", "fast"};
    struct rp_buffer bytes = {0};
    struct rp_layout layout;
    const size_t arguments_size = RP_SLOTS_MAX * sizeof(struct rp_argument);
    Check_Type(rows, T_ARRAY);
    size_t count = (size_t)RARRAY_LEN(rows);
    int machine_number = number_of(machine, machines, RP_MACHINE_COUNT);
    int site_number = number_of(site, sites, RP_SITE_KIND_COUNT);
    VALUE memory =
        rb_str_tmp_new((long)((count + 1) * (sizeof(struct rp_declaration) + arguments_size)));
    struct rp_argument *arguments = (struct rp_argument *)(void *)RSTRING_PTR(memory);
    struct rp_declaration *declarations =
        (struct rp_declaration *)(void *)(arguments + (count + 1) * RP_SLOTS_MAX);
    for (size_t i = 0; i < count; i++) {
        read_declaration(RARRAY_AREF(rows, (long)i), &declarations[i],
                         arguments + i * RP_SLOTS_MAX);
    }
    enum rp_error error = rp_image_build(declarations, count, (enum rp_machine)machine_number,
                                         (enum rp_site_kind)site_number, &bytes, &layout);
    VALUE image = error ? Qnil : rb_str_new((const char *)bytes.bytes, (long)bytes.size);
    rp_buffer_free(&bytes);
    rp_layout_free(&layout);
    RB_GC_GUARD(rows);
    RB_GC_GUARD(memory);
    if (error) {
        rb_raise(error_declaration, "%s", rp_error_message(error));
    }
    return image;
}

/* -- changes -- */

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
    rp_object_notify(id_deliver, Qnil, Qnil,
                     Qnil); /* may find classes, whose methods are then armed */
    if (rp_tracer_settle()) {
        rp_runtime_nudge(true);
    }
}

static void stop_watcher(ruby_vm_t *vm)
{
    (void)vm;
    rp_runtime_stop();
}

/* -- the rest of Native -- */

static VALUE native_m_start(VALUE self, VALUE interval_ms)
{
    enum rp_error error = rp_runtime_init(NUM2UINT(interval_ms), rp_wake_request);
    return error ? rb_str_new_cstr(rp_error_message(error)) : Qnil;
}

static VALUE native_m_set_strict(VALUE self, VALUE value)
{
    rp_object_set_strict(RTEST(value));
    return value;
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
    return rp_tracer_is_common_attached() ? Qtrue : Qfalse;
}

/* Arms and disarms what there is to do, all of it. */
static VALUE native_m_settle(VALUE self)
{
    while (rp_tracer_settle()) {
        rb_thread_schedule();
    }
    return Qnil;
}

static VALUE native_m_watching_p(VALUE self)
{
    return rp_runtime_is_watching() ? Qtrue : Qfalse;
}

static VALUE native_m_fast_site_p(VALUE self)
{
    return rp_runtime_has_fast_site() ? Qtrue : Qfalse;
}

static VALUE native_m_mangle(VALUE self, VALUE name)
{
    char mangled[RP_NAME_MAX + 1];
    StringValue(name);
    enum rp_error error = rp_name_mangle(RSTRING_PTR(name), (size_t)RSTRING_LEN(name), mangled);
    if (error) {
        rb_raise(error_declaration, "%+" PRIsVALUE ": %s", name, rp_error_message(error));
    }
    return rb_utf8_str_new_cstr(mangled);
}

static void define_native(VALUE railprobe)
{
    VALUE native = rb_define_module_under(railprobe, "Native");
    rb_define_singleton_method(native, "start", native_m_start, 1);
    rb_define_singleton_method(native, "declare", native_m_declare, 4);
    rb_define_singleton_method(native, "find", native_m_find, 2);
    rb_define_singleton_method(native, "remove", native_m_remove, 2);
    rb_define_singleton_method(native, "probes", native_m_probes, 0);
    rb_define_singleton_method(native, "load", native_m_load, 2);
    rb_define_singleton_method(native, "load_builtin", native_m_load_builtin, 2);
    rb_define_singleton_method(native, "unload", native_m_unload, 0);
    rb_define_singleton_method(native, "images", native_m_images, 0);
    rb_define_singleton_method(native, "attempts", native_m_attempts, 0);
    rb_define_singleton_method(native, "changes", native_m_changes, 0);
    rb_define_singleton_method(native, "strict=", native_m_set_strict, 1);
    rb_define_singleton_method(native, "wake_signal=", native_m_set_wake_signal, 1);
    rb_define_singleton_method(native, "signal_free?", native_m_signal_free_p, 1);
    rb_define_singleton_method(native, "watch_file", native_m_watch_file, 1);
    rb_define_singleton_method(native, "take_file_change", native_m_take_file_change, 0);
    rb_define_singleton_method(native, "look_again", native_m_look_again, 0);
    rb_define_singleton_method(native, "common_attached?", native_m_common_attached_p, 0);
    rb_define_singleton_method(native, "settle", native_m_settle, 0);
    rb_define_singleton_method(native, "watching?", native_m_watching_p, 0);
    rb_define_singleton_method(native, "fast_site?", native_m_fast_site_p, 0);
    rb_define_singleton_method(native, "mangle", native_m_mangle, 1);
    rb_define_singleton_method(native, "image", native_m_image, 3);
}

RUBY_FUNC_EXPORTED void Init_railprobe(void)
{
    rb_ext_ractor_safe(true);
    VALUE railprobe = rb_define_module("Railprobe");
    id_deliver = rb_intern("deliver");
    error_declaration = rb_const_get(railprobe, rb_intern("DeclarationError"));
    rb_global_variable(&error_declaration);
    registry_guard = TypedData_Wrap_Struct(rb_cObject, &guard_type, &registry_guard);
    rb_global_variable(&registry_guard);
    rp_object_define(railprobe);
    rp_tracer_define(railprobe);
    rp_configuration_define(railprobe);
    rp_expression_object_define(railprobe);
    rp_evaluate_init();
    rp_header_init();
    define_native(railprobe);
    rp_wake_init(job);
    ruby_vm_at_exit(stop_watcher);
}
