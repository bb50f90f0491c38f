/*
 * Helper types of the user's own. Start reading at rp_own_types_append().
 *
 *   rb_protect            what must reach the app is kept until the probe has fired
 *     handle_interrupt    what other threads send waits
 *       rb_protect        for each block: what it does wrong ends here
 *         the block
 */
#include "own_type.h"

#include "measure.h"
#include "object.h"

#include <ruby/ractor.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct rp_own_type {
    struct rp_declaration declaration; /* label and arguments; they are kept behind it */
    VALUE block;
    bool is_shareable; /* the block is, and so runs in every Ractor */
    atomic_uint failures;
    size_t size;
};

static VALUE class_own_type;
static VALUE class_call;
static VALUE never; /* {Object => :never} */
static VALUE mask;  /* ask_each() as a Proc */
static ID id_handle_interrupt;
static ID id_type_failed;
static ID id_type_refused;
static ID id_type_unshareable;
static rb_ractor_local_key_t main_key; /* has a value in the main Ractor only */

/* -- Railprobe::OwnType -- */

static void own_type_mark(void *data)
{
    rb_gc_mark(((const struct rp_own_type *)data)->block);
}

static size_t own_type_size(const void *data)
{
    return ((const struct rp_own_type *)data)->size;
}

static const rb_data_type_t own_type = {
    .wrap_struct_name = "Railprobe::OwnType",
    .function = {.dmark = own_type_mark, .dfree = RUBY_DEFAULT_FREE, .dsize = own_type_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static struct rp_own_type *own_type_of(VALUE self)
{
    return rb_check_typeddata(self, &own_type);
}

static void set_block(struct rp_own_type *type, VALUE block)
{
    type->block = block;
    type->is_shareable = rb_ractor_shareable_p(block);
}

static char *append_text(char *at, VALUE text)
{
    size_t size = (size_t)RSTRING_LEN(text) + 1;
    memcpy(at, StringValueCStr(text), size);
    return at + size;
}

/* How many bytes label and names take; raises for what is none of these. */
static size_t text_size(VALUE label, VALUE pairs)
{
    size_t size = strlen(StringValueCStr(label)) + 1;
    for (long i = 0; i < RARRAY_LEN(pairs); i++) {
        VALUE pair = RARRAY_AREF(pairs, i);
        Check_Type(pair, T_ARRAY);
        VALUE name = rb_ary_entry(pair, 0);
        size += strlen(StringValueCStr(name)) + 1;
        (void)NUM2UINT(rb_ary_entry(pair, 1));
    }
    return size;
}

/*
 * own_type(label, [[name, number of the type], ...], block): label is for complaints. All was checked: the
 * arguments fit into a probe.
 */
static VALUE native_m_own_type(VALUE self, VALUE label, VALUE pairs, VALUE block)
{
    Check_Type(pairs, T_ARRAY);
    long count = RARRAY_LEN(pairs);
    size_t texts = text_size(label, pairs);
    size_t size = sizeof(struct rp_own_type) + (size_t)count * sizeof(struct rp_argument) + texts;
    struct rp_own_type *type = ruby_xcalloc(1, size);
    struct rp_argument *arguments = (struct rp_argument *)(type + 1);
    char *at = (char *)(arguments + count);
    type->size = size;
    type->block = Qnil;
    type->declaration.label = at;
    type->declaration.arguments = arguments;
    type->declaration.argument_count = (uint32_t)count;
    at = append_text(at, label);
    for (long i = 0; i < count; i++) {
        VALUE pair = RARRAY_AREF(pairs, i);
        arguments[i].name = at;
        arguments[i].type = (enum rp_type)NUM2UINT(rb_ary_entry(pair, 1));
        at = append_text(at, rb_ary_entry(pair, 0));
    }
    VALUE object = TypedData_Wrap_Struct(class_own_type, &own_type, type);
    set_block(type, block);
    RB_GC_GUARD(pairs);
    return object;
}

/* For calls from now on. */
static VALUE own_type_m_set_block(VALUE self, VALUE block)
{
    set_block(own_type_of(self), block);
    return block;
}

/* How often what the block gave could not be used. */
static VALUE own_type_m_failures(VALUE self)
{
    return UINT2NUM(atomic_load(&own_type_of(self)->failures));
}

void rp_own_types_read(struct rp_own_types *types, VALUE array)
{
    types->count = 0;
    for (long i = 0; i < RARRAY_LEN(array) && types->count < RP_SLOTS_MAX; i++) {
        types->types[types->count++] = own_type_of(RARRAY_AREF(array, i));
    }
}

/* -- Railprobe::Call -- */

/* Its data is the scene, for as long as blocks run, and NULL then. */
static const rb_data_type_t call_type = {
    .wrap_struct_name = "Railprobe::Call",
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static const struct rp_own_scene *scene_of(VALUE self)
{
    return rb_check_typeddata(self, &call_type);
}

static VALUE call_m_receiver(VALUE self)
{
    const struct rp_own_scene *scene = scene_of(self);
    return scene ? scene->call->self : Qnil;
}

static VALUE call_m_method_name(VALUE self)
{
    const struct rp_own_scene *scene = scene_of(self);
    return scene ? ID2SYM(scene->name) : Qnil;
}

/* Made when it is asked for. The keywords too, as the method gets those that the caller gave. */
static VALUE call_m_arguments(VALUE self)
{
    const struct rp_own_scene *scene = scene_of(self);
    if (!scene) {
        return Qnil;
    }
    const struct rp_scene *call = scene->call;
    VALUE arguments = rb_ary_new_from_values(call->argc, call->argv);
    if (call->keywords && call->argc) {
        rb_ary_store(arguments, call->argc - 1, rb_hash_dup(call->argv[call->argc - 1]));
    }
    return arguments;
}

static VALUE call_m_result(VALUE self)
{
    const struct rp_own_scene *scene = scene_of(self);
    return scene && scene->call->result != Qundef ? scene->call->result : Qnil;
}

static VALUE call_m_exception(VALUE self)
{
    const struct rp_own_scene *scene = scene_of(self);
    return scene ? scene->exception : Qnil;
}

static VALUE call_m_duration_ns(VALUE self)
{
    const struct rp_own_scene *scene = scene_of(self);
    return scene && scene->call->duration >= 0 ? LL2NUM(scene->call->duration) : Qnil;
}

/* -- asking -- */

struct asking {
    const struct rp_own_types *types;
    const struct rp_own_scene *scene;
    char (*texts)[RP_STRING_MAX + 1];
    uint64_t *slots;
    VALUE call;
};

static __thread struct asking *asking_now; /* from ask_all() to ask_each(), which follows at once */

/* Counts what could not be used, and tells of the first. */
static void reject(struct rp_own_type *type, ID method, VALUE first, VALUE second)
{
    uint32_t before = atomic_fetch_add_explicit(&type->failures, 1, memory_order_relaxed);
    if (!before || rp_object_is_strict()) {
        rp_object_notify(method, rb_utf8_str_new_cstr(type->declaration.label), first, second);
    }
}

struct question {
    VALUE block;
    VALUE call;
};

static VALUE call_block(VALUE argument)
{
    const struct question *question = (const struct question *)argument;
    return rb_proc_call_with_block(question->block, 1, &question->call, Qnil);
}

/* Behind a throw, a break or a return rb_errinfo() is none of Ruby's objects. */
static bool is_exception(VALUE error)
{
    return !RB_SPECIAL_CONST_P(error) && RB_BUILTIN_TYPE(error) != RUBY_T_IMEMO &&
           RTEST(rb_obj_is_kind_of(error, rb_eException));
}

/* A number is a Thread#kill. */
static bool is_for_thread(VALUE error)
{
    return RB_FIXNUM_P(error) ||
           (is_exception(error) && (RTEST(rb_obj_is_kind_of(error, rb_eSystemExit)) ||
                                    RTEST(rb_obj_is_kind_of(error, rb_eSignal)) ||
                                    RTEST(rb_obj_is_kind_of(error, rb_eFatal))));
}

/* What the block gives; Qundef when it was left otherwise. */
static VALUE values_of(struct rp_own_type *type, VALUE call)
{
    int state = 0;
    VALUE before = rb_errinfo();
    struct question question = {type->block, call};
    VALUE values = rb_protect(call_block, (VALUE)&question, &state);
    if (!state) {
        return values;
    }
    VALUE error = rb_errinfo();
    if (is_for_thread(error)) {
        rb_jump_tag(state);
    }
    error = is_exception(error) ? error : Qnil;
    rb_set_errinfo(is_exception(before) ? before : Qnil);
    reject(type, id_type_failed, error, Qnil);
    return Qundef;
}

static void fill_unknown(const struct rp_own_type *type, uint64_t *slots,
                         char (*texts)[RP_STRING_MAX + 1])
{
    VALUE nothing[RP_SLOTS_MAX];
    uint32_t wrong = 0;
    for (int i = 0; i < RP_SLOTS_MAX; i++) {
        nothing[i] = Qnil;
    }
    (void)rp_capture_values(&type->declaration, (int)type->declaration.argument_count, nothing,
                            slots, texts, &wrong);
}

static void ask(struct rp_own_type *type, VALUE call, uint64_t *slots,
                char (*texts)[RP_STRING_MAX + 1])
{
    uint32_t wrong = 0;
    if (!type->is_shareable && NIL_P(rb_ractor_local_storage_value(main_key))) {
        reject(type, id_type_unshareable, Qnil, Qnil);
        return;
    }
    VALUE values = values_of(type, call);
    if (values == Qundef) {
        return;
    }
    bool is_array = RB_TYPE_P(values, T_ARRAY);
    long count = is_array ? RARRAY_LEN(values) : 1;
    enum rp_error error = count > RP_SLOTS_MAX
                              ? RP_ARITY
                              : rp_capture_values(&type->declaration, (int)count,
                                                  is_array ? RARRAY_CONST_PTR(values) : &values,
                                                  slots, texts, &wrong);
    if (error) {
        VALUE given = is_array ? values : rb_ary_new_from_values(1, &values);
        VALUE name = rb_utf8_str_new_cstr(type->declaration.arguments[wrong].name);
        fill_unknown(type, slots, texts);
        reject(type, id_type_refused, given,
               error == RP_TYPE ? rb_assoc_new(UINT2NUM(wrong), name) : Qnil);
    }
    RB_GC_GUARD(values);
}

static VALUE ask_each(RB_BLOCK_CALL_FUNC_ARGLIST(unused, data))
{
    struct asking *asking = asking_now;
    size_t next = 0;
    (void)unused;
    (void)data;
    asking->call = TypedData_Wrap_Struct(class_call, &call_type, (void *)asking->scene);
    for (int i = 0; i < asking->types->count; i++) {
        struct rp_own_type *type = asking->types->types[i];
        ask(type, asking->call, asking->slots + next, asking->texts + next);
        next += rp_declaration_slots(&type->declaration);
    }
    return Qnil;
}

static VALUE ask_all(VALUE argument)
{
    asking_now = (struct asking *)argument;
    return rb_funcall_with_block(rb_cThread, id_handle_interrupt, 1, &never, mask);
}

size_t rp_own_types_append(const struct rp_own_types *types, const struct rp_own_scene *scene,
                           char (*texts)[RP_STRING_MAX + 1], uint64_t *slots, size_t next,
                           int *interrupt)
{
    struct asking asking = {types, scene, texts + next, slots + next, Qnil};
    for (int i = 0; i < types->count; i++) {
        fill_unknown(types->types[i], slots + next, texts + next);
        next += rp_declaration_slots(&types->types[i]->declaration);
    }
    if (!types->count || *interrupt) {
        return next;
    }
    rp_measure_place(scene->fiber)->is_asking = true;
    (void)rb_protect(ask_all, (VALUE)&asking, interrupt);
    rp_measure_place(scene->fiber)->is_asking =
        false; /* another place, if the block let others run */
    if (!NIL_P(asking.call)) {
        RTYPEDDATA_DATA(asking.call) = NULL;
    }
    return next;
}

/* -- setting up -- */

/* By identity: newer Rubies then take the Hash as it is. */
static VALUE frozen_mask(void)
{
    VALUE hash = rb_funcall(rb_hash_new(), rb_intern("compare_by_identity"), 0);
    rb_hash_aset(hash, rb_cObject, ID2SYM(rb_intern("never")));
    return rb_obj_freeze(hash);
}

static void define_call(VALUE railprobe)
{
    class_call = rb_define_class_under(railprobe, "Call", rb_cObject);
    rb_global_variable(&class_call);
    rb_undef_alloc_func(class_call);
    rb_define_method(class_call, "receiver", call_m_receiver, 0);
    rb_define_method(class_call, "method_name", call_m_method_name, 0);
    rb_define_method(class_call, "arguments", call_m_arguments, 0);
    rb_define_method(class_call, "result", call_m_result, 0);
    rb_define_method(class_call, "exception", call_m_exception, 0);
    rb_define_method(class_call, "duration_ns", call_m_duration_ns, 0);
}

void rp_own_type_define(VALUE railprobe)
{
    id_handle_interrupt = rb_intern("handle_interrupt");
    id_type_failed = rb_intern("type_failed");
    id_type_refused = rb_intern("type_refused");
    id_type_unshareable = rb_intern("type_unshareable");
    main_key = rb_ractor_local_storage_value_newkey();
    rb_ractor_local_storage_value_set(main_key, Qtrue);
    never = frozen_mask();
    rb_global_variable(&never);
    mask = rb_proc_new(ask_each, Qnil);
    rb_global_variable(&mask);
    class_own_type = rb_define_class_under(railprobe, "OwnType", rb_cObject);
    rb_global_variable(&class_own_type);
    rb_undef_alloc_func(class_own_type);
    rb_define_method(class_own_type, "block=", own_type_m_set_block, 1);
    rb_define_method(class_own_type, "failures", own_type_m_failures, 0);
    rb_define_singleton_method(rb_define_module_under(railprobe, "Native"), "own_type",
                               native_m_own_type, 3);
    define_call(railprobe);
}
