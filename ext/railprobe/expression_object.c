/*
 * Railprobe::Expression: a verified program as a Ruby object.
 */
#include "expression_object.h"

#include <ruby/encoding.h>
#include <stdlib.h>

static VALUE class_expression;

struct expression_object {
    struct rp_expression *expression;
    VALUE *keys;
};

static void object_mark(void *data)
{
    const struct expression_object *object = data;
    for (int i = 0; object->keys && i < object->expression->constant_count; i++) {
        rb_gc_mark(object->keys[i]);
    }
}

static void object_free(void *data)
{
    struct expression_object *object = data;
    rp_expression_free(object->expression);
    free(object->keys);
    free(object);
}

static const rb_data_type_t object_type = {
    .wrap_struct_name = "Railprobe::Expression",
    .function = {.dmark = object_mark, .dfree = object_free},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static const struct expression_object *object_of(VALUE self)
{
    return rb_check_typeddata(self, &object_type);
}

const struct rp_expression *rp_expression_of(VALUE object, const VALUE **keys)
{
    *keys = object_of(object)->keys;
    return object_of(object)->expression;
}

static VALUE make_key(const struct rp_expression_constant *constant)
{
    if (constant->value.tag == RP_EXPRESSION_INTEGER) {
        return LL2NUM(constant->value.integer);
    }
    if (constant->value.tag != RP_EXPRESSION_TEXT) {
        return Qnil;
    }
    const char *bytes = constant->value.text.bytes;
    long size = (long)constant->value.text.size;
    return constant->symbol ? ID2SYM(rb_intern3(bytes, size, rb_utf8_encoding()))
                            : rb_obj_freeze(rb_utf8_str_new(bytes, size));
}

/* Native.expression(text): an Expression, or [message, column] of why it is none. */
static VALUE native_m_expression(VALUE self, VALUE text)
{
    struct rp_expression_error refusal;
    struct rp_expression *expression = NULL;
    StringValue(text);
    enum rp_error error =
        rp_expression_parse(RSTRING_PTR(text), (size_t)RSTRING_LEN(text), &expression, &refusal);
    if (error == RP_EXPRESSION) {
        return rb_assoc_new(rb_utf8_str_new_cstr(refusal.message), UINT2NUM(refusal.character));
    }
    struct expression_object *object = calloc(1, sizeof *object);
    VALUE *keys = expression ? calloc((size_t)expression->constant_count + 1, sizeof *keys) : NULL;
    if (error || !object || !keys) {
        free(object);
        free(keys);
        rp_expression_free(expression);
        rb_memerror();
    }
    for (int i = 0; i < expression->constant_count; i++) {
        keys[i] = Qnil;
    }
    *object = (struct expression_object){expression, keys};
    VALUE made = TypedData_Wrap_Struct(class_expression, &object_type, object);
    for (int i = 0; i < expression->constant_count; i++) {
        keys[i] = make_key(&expression->constants[i]);
    }
    return made;
}

static VALUE expression_m_cost(VALUE self)
{
    return UINT2NUM(object_of(self)->expression->cost_ns);
}

/* :integer, :float, :boolean, :string, or :value where that is known only when it is read. */
static VALUE expression_m_type(VALUE self)
{
    static const char *const names[] = {"value", "boolean", "integer", "float", "string"};
    return ID2SYM(rb_intern(names[object_of(self)->expression->type]));
}

static VALUE expression_m_condition_p(VALUE self)
{
    return object_of(self)->expression->condition ? Qtrue : Qfalse;
}

static VALUE expression_m_reads_return_p(VALUE self)
{
    unsigned reads = object_of(self)->expression->reads;
    return reads & (RP_EXPRESSION_READS_RESULT | RP_EXPRESSION_READS_DURATION) ? Qtrue : Qfalse;
}

void rp_expression_object_define(VALUE railprobe)
{
    VALUE native = rb_define_module_under(railprobe, "Native");
    rb_define_singleton_method(native, "expression", native_m_expression, 1);
    class_expression = rb_define_class_under(railprobe, "Expression", rb_cObject);
    rb_global_variable(&class_expression);
    rb_undef_alloc_func(class_expression);
    rb_define_method(class_expression, "cost_ns", expression_m_cost, 0);
    rb_define_method(class_expression, "type", expression_m_type, 0);
    rb_define_method(class_expression, "condition?", expression_m_condition_p, 0);
    rb_define_method(class_expression, "reads_return?", expression_m_reads_return_p, 0);
}
