/*
 * The bindings, and nothing else: Railprobe::Native. All policy is in Ruby, all work in the files
 * beside this one. This is the only file that raises an error of ours.
 *
 * Ractors: Native is called by the main one, through Railprobe::Runtime; only Native.find by all.
 */
#include "attribute.h"
#include "breaker_report.h"
#include "builtin_table.h"
#include "changes.h"
#include "common_pair.h"
#include "configuration.h"
#include "error.h"
#include "expression_object.h"
#include "header.h"
#include "helper.h"
#include "image.h"
#include "loader_report.h"
#include "name.h"
#include "object.h"
#include "own_type.h"
#include "rails_hooks.h"
#include "runtime.h"
#include "tracer.h"
#include "vm_events.h"

#include <ruby.h>
#include <ruby/encoding.h>
#include <ruby/ractor.h>

static VALUE error_declaration;
static VALUE registry_guard; /* marks the probes that are declared */

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
    const char *name = rb_id2name(rb_sym2id(symbol));
    for (int i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
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

/* Raises for a name that has no spelling. */
static void mangle(VALUE name, char out[RP_NAME_MAX + 1])
{
    StringValue(name);
    enum rp_error error = rp_name_mangle(RSTRING_PTR(name), (size_t)RSTRING_LEN(name), out);
    if (error) {
        rb_raise(error_declaration, "%+" PRIsVALUE ": %s", name, rp_error_message(error));
    }
}

/* The probes of a method, by moment; those that it does not have have no name. */
struct method_probes {
    struct rp_declaration declared[RP_MOMENT_COUNT];
    struct rp_argument arguments[RP_MOMENT_COUNT][RP_SLOTS_MAX];
    char names[RP_MOMENT_COUNT][2 * RP_NAME_MAX]; /* self_METHOD__MOMENT at most */
};

/* Raises if one of them is there already. */
static void read_method(struct method_probes *probes, const char *provider, VALUE name,
                        bool on_class, VALUE pairs, uint32_t group)
{
    char stem[RP_NAME_MAX + 1];
    mangle(name, stem);
    Check_Type(pairs, T_ARRAY);
    for (int moment = 0; moment < RP_MOMENT_COUNT; moment++) {
        VALUE own_pairs = rb_ary_entry(pairs, moment);
        struct rp_declaration *declared = &probes->declared[moment];
        *declared = (struct rp_declaration){.provider = provider, .group = group};
        if (NIL_P(own_pairs)) {
            continue;
        }
        char *end = stpcpy(stpcpy(probes->names[moment], on_class ? "self_" : ""), stem);
        (void)stpcpy(stpcpy(end, "__"), rp_moment_name((enum rp_moment)moment));
        declared->name = probes->names[moment];
        declared->arguments = probes->arguments[moment];
        declared->argument_count = read_arguments(own_pairs, probes->arguments[moment]);
        if (rp_runtime_find(provider, declared->name)) {
            rb_raise(error_declaration, "there is a probe %s:%s already; give one another provider",
                     provider, declared->name);
        }
    }
}

/*
 * declare_method(provider, name, on_class, pairs, group): [probe or nil, ...] by moment, as pairs have it. Raises
 * when one of them can't be declared, and then has declared none.
 */
static VALUE native_m_declare_method(VALUE self, VALUE provider, VALUE name, VALUE on_class,
                                     VALUE pairs, VALUE group)
{
    struct method_probes probes;
    VALUE objects = rb_ary_new_capa(RP_MOMENT_COUNT);
    read_method(&probes, StringValueCStr(provider), name, RTEST(on_class), pairs, NUM2UINT(group));
    for (int moment = 0; moment < RP_MOMENT_COUNT; moment++) {
        const struct rp_declaration *declared = &probes.declared[moment];
        struct rp_probe *probe = NULL;
        VALUE object = declared->name ? rp_object_new() : Qnil;
        enum rp_error error = declared->name ? rp_runtime_declare(declared, &probe) : RP_OK;
        if (error) {
            while (moment--) {
                if (probes.declared[moment].name) {
                    (void)rp_runtime_remove(declared->provider, probes.names[moment]);
                }
            }
            raise_declaration(error, provider, rb_utf8_str_new_cstr(declared->name), probe);
        }
        if (probe) {
            rp_object_own(object, probe);
        }
        rb_ary_push(objects, object);
    }
    RB_GC_GUARD(provider);
    RB_GC_GUARD(pairs);
    return objects;
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
        rp_common_pair_use();
        rp_vm_events_use_probes();
        rp_rails_hooks_use_probes();
    }
    RB_GC_GUARD(directories);
    return outcome(error);
}

static VALUE native_m_unload(VALUE self)
{
    return rp_runtime_unload() ? Qtrue : Qfalse;
}

/* -- images as bytes -- */

/* A declaration from [provider, name, [[argument, type], ...], group]; strings are not copied. */
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

/* -- the rest of Native -- */

static VALUE native_m_set_strict(VALUE self, VALUE value)
{
    rp_object_set_strict(RTEST(value));
    return value;
}

static VALUE native_m_fast_site_p(VALUE self)
{
    return rp_runtime_has_fast_site() ? Qtrue : Qfalse;
}

static VALUE native_m_mangle(VALUE self, VALUE name)
{
    char mangled[RP_NAME_MAX + 1];
    mangle(name, mangled);
    return rb_utf8_str_new_cstr(mangled);
}

static void define_native(VALUE railprobe)
{
    VALUE native = rb_define_module_under(railprobe, "Native");
    rb_define_singleton_method(native, "declare", native_m_declare, 4);
    rb_define_singleton_method(native, "declare_method", native_m_declare_method, 5);
    rb_define_singleton_method(native, "find", native_m_find, 2);
    rb_define_singleton_method(native, "remove", native_m_remove, 2);
    rb_define_singleton_method(native, "probes", native_m_probes, 0);
    rb_define_singleton_method(native, "load", native_m_load, 2);
    rb_define_singleton_method(native, "load_builtin", native_m_load_builtin, 2);
    rb_define_singleton_method(native, "unload", native_m_unload, 0);
    rb_define_singleton_method(native, "strict=", native_m_set_strict, 1);
    rb_define_singleton_method(native, "fast_site?", native_m_fast_site_p, 0);
    rb_define_singleton_method(native, "mangle", native_m_mangle, 1);
    rb_define_singleton_method(native, "image", native_m_image, 3);
    rp_vm_events_define(native);
    rp_builtin_table_define(native);
}

RUBY_FUNC_EXPORTED void Init_railprobe(void)
{
    rb_ext_ractor_safe(true);
    VALUE railprobe = rb_define_module("Railprobe");
    error_declaration = rb_const_get(railprobe, rb_intern("DeclarationError"));
    rb_global_variable(&error_declaration);
    registry_guard = TypedData_Wrap_Struct(rb_cObject, &guard_type, &registry_guard);
    rb_global_variable(&registry_guard);
    rp_object_define(railprobe);
    rp_own_type_define(railprobe);
    rp_tracer_define(railprobe);
    rp_configuration_define(railprobe);
    rp_breaker_report_define(railprobe);
    rp_loader_report_define(railprobe);
    rp_changes_define(railprobe);
    rp_expression_object_define(railprobe);
    rp_attribute_init();
    rp_header_init();
    define_native(railprobe);
    rp_rails_hooks_define(railprobe);
}
