/*
 * The rows of rails_probes.h as Hashes: see the header.
 */
#include "builtin_table.h"

#include "builtin.h"
#include "rails.h"
#include "runtime.h"

#include <limits.h>
#include <ruby/encoding.h>

static void set(VALUE row, const char *key, VALUE value)
{
    rb_hash_aset(row, ID2SYM(rb_intern(key)), value);
}

static VALUE arguments_of(const struct rp_builtin_facts *facts)
{
    VALUE arguments = rb_hash_new();
    for (uint32_t i = 0; i < facts->declaration.argument_count; i++) {
        const struct rp_argument *argument = &facts->declaration.arguments[i];
        VALUE type = ID2SYM(rb_intern(rp_type_facts(argument->type)->name));
        set(arguments, argument->name,
            rb_assoc_new(type, rb_utf8_str_new_cstr(facts->meanings[i])));
    }
    return arguments;
}

/* What a tracer opens; nil where the probe is in no image. */
static VALUE path_of(const struct rp_probe *probe)
{
    char path[PATH_MAX];
    if (!probe || !probe->image) {
        return Qnil;
    }
    rp_image_path(probe->image, path, sizeof path);
    return rb_utf8_str_new_cstr(path);
}

static VALUE row_of(enum rp_builtin number)
{
    const struct rp_builtin_facts *facts = rp_builtin_facts(number);
    const struct rp_declaration *declaration = &facts->declaration;
    struct rp_probe *probe = rp_runtime_builtin(declaration->provider, declaration->name);
    VALUE row = rb_hash_new();
    set(row, "name",
        rb_enc_sprintf(rb_utf8_encoding(), "%s:%s", declaration->provider, declaration->name));
    set(row, "arguments", arguments_of(facts));
    set(row, "group", rb_utf8_str_new_cstr(facts->group));
    set(row, "subject", rb_utf8_str_new_cstr(facts->subject));
    set(row, "source", rb_utf8_str_new_cstr(facts->source));
    set(row, "needs", rb_utf8_str_new_cstr(facts->needs));
    set(row, "path", path_of(probe));
    set(row, "attached", probe && rp_probe_is_attached(probe) ? Qtrue : Qfalse);
    set(row, "left_out", rp_rails_is_left_out(number) ? Qtrue : Qfalse);
    return row;
}

static VALUE native_m_builtin_probes(VALUE self)
{
    VALUE rows = rb_ary_new();
    for (int i = 0; i < RP_BUILTIN_COUNT; i++) {
        rb_ary_push(rows, row_of((enum rp_builtin)i));
    }
    return rows;
}

void rp_builtin_table_define(VALUE native)
{
    rb_define_singleton_method(native, "builtin_probes", native_m_builtin_probes, 0);
}
