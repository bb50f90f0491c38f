/*
 * A configuration as Ruby sees it. Nothing is decided here: keys and values are those of config.h.
 */
#include "configuration.h"

#include "config.h"

#include <ruby/encoding.h>

static void set(VALUE hash, const char *key, VALUE value)
{
    rb_hash_aset(hash, ID2SYM(rb_intern(key)), value);
}

static VALUE text_or_nil(const struct rp_config_text *text)
{
    return text->bytes ? rb_utf8_str_new(text->bytes, (long)text->size) : Qnil;
}

static VALUE empty; /* an Array, frozen: most tracers have several, and no two need their own */

static VALUE types_value(const struct rp_config_types *types)
{
    VALUE names = rb_ary_new();
    for (int helper = 0; helper < RP_HELPER_COUNT; helper++) {
        if (types->helpers & 1u << helper) {
            rb_ary_push(names, ID2SYM(rb_intern(rp_helper_facts((enum rp_helper)helper)->name)));
        }
    }
    return names;
}

/* [[name, whether on the class], ...] */
static VALUE methods_value(const struct rp_config_method *methods, uint32_t count)
{
    VALUE rows = count ? rb_ary_new_capa((long)count) : empty;
    for (uint32_t i = 0; i < count; i++) {
        rb_ary_push(rows, rb_assoc_new(text_or_nil(&methods[i].name),
                                       methods[i].on_class ? Qtrue : Qfalse));
    }
    return rows;
}

static VALUE captures_value(const struct rp_config_tracer *tracer)
{
    VALUE rows = tracer->capture_count ? rb_ary_new() : empty;
    for (uint32_t i = 0; i < tracer->capture_count; i++) {
        rb_ary_push(rows, rb_assoc_new(rb_utf8_str_new_cstr(tracer->captures[i].name),
                                       text_or_nil(&tracer->captures[i].expression)));
    }
    return rows;
}

static void set_text(VALUE hash, const char *key, const struct rp_config_text *text)
{
    if (text->bytes) {
        set(hash, key, text_or_nil(text));
    }
}

/* At most 8 keys where there is no condition and no provider: Ruby keeps so many without a table. */
static VALUE tracer_value(const struct rp_config_tracer *tracer)
{
    VALUE row = rb_hash_new();
    set(row, "line", UINT2NUM(tracer->place.line));
    set(row, "class_name", text_or_nil(&tracer->class_name));
    set(row, "namespace", tracer->is_namespace ? Qtrue : Qfalse);
    set(row, "methods",
        tracer->all_methods ? Qnil : methods_value(tracer->methods, tracer->method_count));
    set(row, "except", methods_value(tracer->except, tracer->except_count));
    set(row, "types", types_value(&tracer->types));
    set(row, "captures", captures_value(tracer));
    set_text(row, "condition", &tracer->condition);
    set_text(row, "provider", &tracer->provider);
    return row;
}

/* [label, [[argument, type], ...]] */
static VALUE probe_value(const struct rp_config_probe *probe)
{
    VALUE arguments = rb_ary_new();
    for (uint32_t i = 0; i < probe->argument_count; i++) {
        const struct rp_argument *argument = &probe->arguments[i];
        rb_ary_push(arguments,
                    rb_assoc_new(rb_utf8_str_new_cstr(argument->name),
                                 ID2SYM(rb_intern(rp_type_facts(argument->type)->name))));
    }
    return rb_assoc_new(text_or_nil(&probe->label), arguments);
}

static VALUE diagnostics_value(const struct rp_diagnostics *errors)
{
    VALUE rows = rb_ary_new();
    for (size_t i = 0; i < errors->count; i++) {
        const struct rp_diagnostic *item = &errors->items[i];
        VALUE row = rb_hash_new();
        set(row, "line", UINT2NUM(item->place.line));
        set(row, "column", UINT2NUM(item->place.column));
        set(row, "message", rb_utf8_str_new_cstr(item->message));
        set(row, "hint", item->hint ? rb_utf8_str_new_cstr(item->hint) : Qnil);
        rb_ary_push(rows, row);
    }
    return rows;
}

static VALUE headers_value(const struct rp_config_rails *rails)
{
    VALUE names = rb_ary_new();
    for (uint32_t i = 0; i < rails->header_count; i++) {
        rb_ary_push(names, text_or_nil(&rails->headers[i]));
    }
    return names;
}

static VALUE config_value(const struct rp_config *config)
{
    VALUE value = rb_hash_new();
    VALUE tracers = rb_ary_new_capa((long)config->tracer_count);
    VALUE probes = rb_ary_new_capa((long)config->probe_count);
    for (uint32_t i = 0; i < config->tracer_count; i++) {
        rb_ary_push(tracers, tracer_value(&config->tracers[i]));
    }
    for (uint32_t i = 0; i < config->probe_count; i++) {
        rb_ary_push(probes, probe_value(&config->probes[i]));
    }
    set(value, "site", ID2SYM(rb_intern(config->site_fast ? "fast" : "safe")));
    set(value, "reload", config->reload ? Qtrue : Qfalse);
    set(value, "directory", text_or_nil(&config->directory));
    set(value, "frames", UINT2NUM(config->limits.frames));
    set(value, "headers", headers_value(&config->rails));
    set(value, "tracers", tracers);
    set(value, "probes", probes);
    return value;
}

struct reading {
    struct rp_config config;
    struct rp_buffer rendered;
    const char *file;
    enum rp_error error;
};

/* Makes Ruby objects, and so may raise NoMemoryError: under rb_ensure(), which frees. */
static VALUE reading_value(VALUE argument)
{
    struct reading *reading = (struct reading *)argument;
    if (reading->error == RP_MEMORY) {
        rb_memerror();
    }
    VALUE value = config_value(&reading->config);
    set(value, "errors", diagnostics_value(&reading->config.errors));
    if (reading->error == RP_CONFIG &&
        !rp_diagnostics_render(&reading->config.errors, reading->file, &reading->rendered)) {
        set(value, "rendered",
            rb_utf8_str_new((const char *)reading->rendered.bytes, (long)reading->rendered.size));
    }
    return value;
}

static VALUE reading_free(VALUE argument)
{
    struct reading *reading = (struct reading *)argument;
    rp_config_free(&reading->config);
    rp_buffer_free(&reading->rendered);
    return Qnil;
}

/* read_config(text, file): file is the name that errors are told with. */
static VALUE native_m_read_config(VALUE self, VALUE text, VALUE file)
{
    struct reading reading = {.file = StringValueCStr(file)};
    StringValue(text);
    reading.error =
        rp_config_read(&reading.config, RSTRING_PTR(text), (size_t)RSTRING_LEN(text), NULL);
    VALUE value = rb_ensure(reading_value, (VALUE)&reading, reading_free, (VALUE)&reading);
    RB_GC_GUARD(text);
    RB_GC_GUARD(file);
    return value;
}

void rp_configuration_define(VALUE railprobe)
{
    VALUE native = rb_define_module_under(railprobe, "Native");
    empty = rb_ary_freeze(rb_ary_new());
    rb_global_variable(&empty);
    rb_define_singleton_method(native, "read_config", native_m_read_config, 2);
}
