/*
 * A configuration as Ruby sees it. Nothing is decided here: keys and values are those of config.h.
 */
#include "configuration.h"

#include "config.h"
#include "suggestion.h"

#include <ruby/encoding.h>

/* A macro, so that Ruby keeps the ID of each key where it is used: a file may have 50,000 tracers. */
#define SET(hash, key, value) rb_hash_aset(hash, ID2SYM(rb_intern(key)), value)

static VALUE text_or_nil(const struct rp_config_text *text)
{
    return text->bytes ? rb_utf8_str_new(text->bytes, (long)text->size) : Qnil;
}

static VALUE empty; /* an Array, frozen: most tracers have several, and no two need their own */

/* Ours in the order of their table, and then the user's own as they were written. Frozen. */
static VALUE types_value(const struct rp_config_types *types)
{
    VALUE names = rb_ary_new();
    for (int helper = 0; helper < RP_HELPER_COUNT; helper++) {
        if (types->helpers & 1u << helper) {
            rb_ary_push(names, ID2SYM(rb_intern(rp_helper_facts((enum rp_helper)helper)->name)));
        }
    }
    for (uint32_t i = 0; i < types->own_count; i++) {
        rb_ary_push(names, ID2SYM(rb_intern(types->own[i].name.bytes)));
    }
    return rb_ary_freeze(names);
}

static VALUE place_value(struct rp_place place)
{
    return rb_ary_new_from_args(3, UINT2NUM(place.line), UINT2NUM(place.column),
                                UINT2NUM(place.width));
}

/* [[name, whether on the class], ...], each with its place behind it where places are asked for. */
static VALUE methods_value(const struct rp_config_method *methods, uint32_t count, bool has_places)
{
    VALUE rows = count ? rb_ary_new_capa((long)count) : empty;
    for (uint32_t i = 0; i < count; i++) {
        VALUE row =
            rb_assoc_new(text_or_nil(&methods[i].name), methods[i].on_class ? Qtrue : Qfalse);
        if (has_places) {
            rb_ary_push(row, place_value(methods[i].name.place));
        }
        rb_ary_push(rows, row);
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
        SET(hash, key, text_or_nil(text));
    }
}

/*
 * At most 8 keys where there is no condition, no provider and no place: Ruby keeps so many without a table, and a file
 * may have 50,000 of these.
 */
static VALUE tracer_value(const struct rp_config_tracer *tracer, VALUE types, bool has_places)
{
    VALUE row = rb_hash_new();
    SET(row, "line", UINT2NUM(tracer->place.line));
    SET(row, "class_name", text_or_nil(&tracer->class_name));
    SET(row, "namespace", tracer->is_namespace ? Qtrue : Qfalse);
    SET(row, "methods",
        tracer->all_methods ? Qnil
                            : methods_value(tracer->methods, tracer->method_count, has_places));
    SET(row, "except", methods_value(tracer->except, tracer->except_count, has_places));
    SET(row, "types", types);
    SET(row, "captures", captures_value(tracer));
    set_text(row, "condition", &tracer->condition);
    set_text(row, "provider", &tracer->provider);
    if (has_places) {
        SET(row, "class_place", place_value(tracer->class_name.place));
        SET(row, "methods_place", place_value(tracer->methods_place));
    }
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
        SET(row, "line", UINT2NUM(item->place.line));
        SET(row, "column", UINT2NUM(item->place.column));
        SET(row, "message", rb_utf8_str_new_cstr(item->message));
        SET(row, "hint", item->hint ? rb_utf8_str_new_cstr(item->hint) : Qnil);
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

/* [except, redact, traceparent]: bits as in config.h; with "rails: false" all is left out. */
static VALUE rails_value(const struct rp_config_rails *rails)
{
    uint32_t except = rails->on ? rails->except : UINT32_MAX;
    return rb_ary_new_from_args(3, UINT2NUM(except), UINT2NUM(rails->redact),
                                rails->traceparent ? Qtrue : Qfalse);
}

static VALUE limits_value(const struct rp_limits *limits)
{
    VALUE value = rb_hash_new();
    SET(value, "rate", UINT2NUM(limits->rate));
    SET(value, "cpu", UINT2NUM(limits->cpu));
    SET(value, "pause", UINT2NUM(limits->pause));
    SET(value, "string", UINT2NUM(limits->string));
    SET(value, "frames", UINT2NUM(limits->frames));
    return value;
}

static VALUE config_value(const struct rp_config *config, bool has_places)
{
    VALUE value = rb_hash_new();
    VALUE tracers = rb_ary_new_capa((long)config->tracer_count);
    VALUE probes = rb_ary_new_capa((long)config->probe_count);
    const struct rp_config_types *shared = NULL; /* with the tracer before, as most tracers do */
    VALUE types = Qnil;
    for (uint32_t i = 0; i < config->tracer_count; i++) {
        const struct rp_config_tracer *tracer = &config->tracers[i];
        if (!shared || tracer->types.own_count || shared->own_count ||
            tracer->types.helpers != shared->helpers) {
            shared = &tracer->types;
            types = types_value(shared);
        }
        rb_ary_push(tracers, tracer_value(tracer, types, has_places));
    }
    for (uint32_t i = 0; i < config->probe_count; i++) {
        rb_ary_push(probes, probe_value(&config->probes[i]));
    }
    SET(value, "site", ID2SYM(rb_intern(config->site_fast ? "fast" : "safe")));
    SET(value, "reload", config->reload ? Qtrue : Qfalse);
    SET(value, "directory", text_or_nil(&config->directory));
    SET(value, "limits", limits_value(&config->limits));
    SET(value, "headers", headers_value(&config->rails));
    SET(value, "rails", rails_value(&config->rails));
    SET(value, "tracers", tracers);
    SET(value, "probes", probes);
    return value;
}

struct reading {
    struct rp_config config;
    struct rp_buffer rendered;
    const char *file;
    bool has_places;
    enum rp_error error;
};

/* Makes Ruby objects, and so may raise NoMemoryError: under rb_ensure(), which frees. */
static VALUE reading_value(VALUE argument)
{
    struct reading *reading = (struct reading *)argument;
    if (reading->error == RP_MEMORY) {
        rb_memerror();
    }
    VALUE value = config_value(&reading->config, reading->has_places);
    SET(value, "errors", diagnostics_value(&reading->config.errors));
    if (reading->error == RP_CONFIG &&
        !rp_diagnostics_render(&reading->config.errors, reading->file, &reading->rendered)) {
        SET(value, "rendered",
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

/* A helper type of the user's own, from [name, number of its moment, slots, names of its arguments]. */
static struct rp_config_own_type own_type(VALUE row)
{
    Check_Type(row, T_ARRAY);
    VALUE name = rb_ary_entry(row, 0);
    VALUE arguments = rb_ary_entry(row, 3);
    return (struct rp_config_own_type){.name = StringValueCStr(name),
                                       .moment = (enum rp_moment)NUM2UINT(rb_ary_entry(row, 1)),
                                       .slots = NUM2UINT(rb_ary_entry(row, 2)),
                                       .arguments = StringValueCStr(arguments)};
}

/*
 * read_config(text, file, own_types, places): file is the name that errors are told with; own_types are the
 * rows of the helper types that the app has registered, or nil where the app is not there to ask; places is
 * whether classes and methods come with their places, [line, column, width].
 */
static VALUE native_m_read_config(VALUE self, VALUE text, VALUE file, VALUE own_types, VALUE places)
{
    struct reading reading = {.file = StringValueCStr(file), .has_places = RTEST(places)};
    VALUE rows = NIL_P(own_types) ? empty : own_types;
    StringValue(text);
    Check_Type(rows, T_ARRAY);
    size_t count = (size_t)RARRAY_LEN(rows);
    VALUE memory = rb_str_tmp_new((long)((count + 1) * sizeof(struct rp_config_own_type)));
    struct rp_config_own_type *types = (struct rp_config_own_type *)(void *)RSTRING_PTR(memory);
    for (size_t i = 0; i < count; i++) {
        types[i] = own_type(RARRAY_AREF(rows, (long)i));
    }
    const struct rp_config_options options = {
        .own_types = types, .own_type_count = (uint32_t)count, .any_type = NIL_P(own_types)};
    reading.error =
        rp_config_read(&reading.config, RSTRING_PTR(text), (size_t)RSTRING_LEN(text), &options);
    VALUE value = rb_ensure(reading_value, (VALUE)&reading, reading_free, (VALUE)&reading);
    RB_GC_GUARD(memory);
    RB_GC_GUARD(rows);
    RB_GC_GUARD(text);
    RB_GC_GUARD(file);
    return value;
}

/* -- for what Ruby finds in a file -- */

/* The one of the words that is most like the text, or nil when none is. */
static VALUE native_m_suggest(VALUE self, VALUE text, VALUE words)
{
    struct rp_suggestion suggestion = {.text = StringValueCStr(text),
                                       .size = (size_t)RSTRING_LEN(text)};
    VALUE best = Qnil;
    Check_Type(words, T_ARRAY);
    for (long i = 0; i < RARRAY_LEN(words); i++) {
        VALUE word = RARRAY_AREF(words, i);
        const char *before = suggestion.best;
        rp_suggestion_offer(&suggestion, StringValueCStr(word));
        best = suggestion.best != before ? word : best;
    }
    RB_GC_GUARD(text);
    RB_GC_GUARD(words);
    return best;
}

static struct rp_place place_of(VALUE place)
{
    Check_Type(place, T_ARRAY);
    return (struct rp_place){NUM2UINT(rb_ary_entry(place, 0)), NUM2UINT(rb_ary_entry(place, 1)),
                             NUM2UINT(rb_ary_entry(place, 2))};
}

struct rendering {
    VALUE text;
    VALUE rows;
    const char *file;
    struct rp_diagnostics list;
    struct rp_buffer out;
};

static VALUE rendering_value(VALUE argument)
{
    struct rendering *rendering = (struct rendering *)argument;
    struct rp_diagnostics *list = &rendering->list;
    for (long i = 0; i < RARRAY_LEN(rendering->rows); i++) {
        VALUE row = RARRAY_AREF(rendering->rows, i);
        Check_Type(row, T_ARRAY);
        VALUE message = rb_ary_entry(row, 1);
        VALUE hint = rb_ary_entry(row, 2);
        rp_diagnostics_add(list, place_of(rb_ary_entry(row, 0)), "%s", StringValueCStr(message));
        if (!NIL_P(hint)) {
            rp_diagnostics_hint(list, "%s", StringValueCStr(hint));
        }
    }
    if (rp_diagnostics_finish(list, RSTRING_PTR(rendering->text),
                              (size_t)RSTRING_LEN(rendering->text)) ||
        rp_diagnostics_render(list, rendering->file, &rendering->out)) {
        rb_memerror();
    }
    return rb_utf8_str_new((const char *)rendering->out.bytes, (long)rendering->out.size);
}

static VALUE rendering_free(VALUE argument)
{
    struct rendering *rendering = (struct rendering *)argument;
    rp_diagnostics_free(&rendering->list);
    rp_buffer_free(&rendering->out);
    return Qnil;
}

/* render(text, file, [[place, message, hint or nil], ...]): as the errors of read_config are shown. */
static VALUE native_m_render(VALUE self, VALUE text, VALUE file, VALUE rows)
{
    struct rendering rendering = {.text = text, .rows = rows, .file = StringValueCStr(file)};
    Check_Type(text, T_STRING);
    Check_Type(rows, T_ARRAY);
    VALUE shown = rb_ensure(rendering_value, (VALUE)&rendering, rendering_free, (VALUE)&rendering);
    RB_GC_GUARD(file);
    return shown;
}

void rp_configuration_define(VALUE railprobe)
{
    VALUE native = rb_define_module_under(railprobe, "Native");
    empty = rb_ary_freeze(rb_ary_new());
    rb_global_variable(&empty);
    rb_define_singleton_method(native, "read_config", native_m_read_config, 4);
    rb_define_singleton_method(native, "suggest", native_m_suggest, 2);
    rb_define_singleton_method(native, "render", native_m_render, 3);
}
