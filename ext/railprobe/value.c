/*
 * Ruby's values as those that an expression computes with.
 */
#include "value.h"

static const uint64_t no_object = (uint64_t)Qundef; /* 0 would be false */

int64_t rp_value_saturated(VALUE integer)
{
    int64_t number = 0;
    if (FIXNUM_P(integer)) {
        return FIX2LONG(integer);
    }
    int sign = rb_integer_pack(integer, &number, 1, sizeof number, 0,
                               INTEGER_PACK_NATIVE_BYTE_ORDER | INTEGER_PACK_2COMP);
    bool fits = (sign == 1 && number >= 0) || (sign == -1 && number < 0);
    return fits ? number : sign < 0 ? INT64_MIN : INT64_MAX;
}

static void set_text(struct rp_expression_value *value, VALUE string)
{
    value->tag = RP_EXPRESSION_TEXT;
    value->text.bytes = RSTRING_PTR(string);
    value->text.size = (size_t)RSTRING_LEN(string);
}

bool rp_value_read(VALUE ruby, struct rp_expression_value *value)
{
    *value = (struct rp_expression_value){.tag = RP_EXPRESSION_OBJECT, .object = (uint64_t)ruby};
    if (NIL_P(ruby) || ruby == Qundef) {
        return false;
    }
    if (ruby == Qtrue || ruby == Qfalse) {
        value->tag = RP_EXPRESSION_BOOLEAN;
        value->boolean = ruby == Qtrue;
    } else if (RB_INTEGER_TYPE_P(ruby)) {
        value->tag = RP_EXPRESSION_INTEGER;
        value->integer = rp_value_saturated(ruby);
    } else if (RB_FLOAT_TYPE_P(ruby)) {
        value->tag = RP_EXPRESSION_FLOAT;
        value->decimal = RFLOAT_VALUE(ruby);
    } else if (RB_SYMBOL_P(ruby)) {
        set_text(value, rb_sym2str(ruby));
    } else if (RB_TYPE_P(ruby, T_STRING)) {
        set_text(value, ruby);
    }
    return true;
}

void rp_value_set_boolean(struct rp_expression_value *value, bool boolean)
{
    *value = (struct rp_expression_value){
        .tag = RP_EXPRESSION_BOOLEAN, .object = no_object, .boolean = boolean};
}

void rp_value_set_integer(struct rp_expression_value *value, int64_t integer)
{
    *value = (struct rp_expression_value){
        .tag = RP_EXPRESSION_INTEGER, .object = no_object, .integer = integer};
}

void rp_value_set_decimal(struct rp_expression_value *value, double decimal)
{
    *value = (struct rp_expression_value){
        .tag = RP_EXPRESSION_FLOAT, .object = no_object, .decimal = decimal};
}

void rp_value_set_opaque(struct rp_expression_value *value)
{
    *value = (struct rp_expression_value){.tag = RP_EXPRESSION_OBJECT, .object = no_object};
}

VALUE rp_value_object(const struct rp_expression_value *value)
{
    return value->object == no_object ? Qnil : (VALUE)value->object;
}
