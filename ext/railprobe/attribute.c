/*
 * Attributes of Active Record and Active Model. Start reading at rp_attribute_read().
 *
 *   record.@attributes     the set
 *     .@attributes         Hash: name => attribute, of those that were assigned or taken out of the row
 *     .@casted_values      Hash: name => value, of those of the row that were looked at
 *     .@values             the row, as the database gave it
 *     .@additional_types   of what the query has named itself
 *     .@types              of the columns, and of what the model declares
 *     .@default_attributes attributes that are not in the row, as they begin
 *
 * The last five are there for a row that was loaded, and in a set that came through YAML they are one object
 * further in. An attribute has @value once it was looked at, until then @value_before_type_cast and @type.
 */
#include "attribute.h"

#include "number_text.h"
#include "value.h"

#include <math.h>
#include <string.h>

#define NAMED(text) (text), sizeof(text) - 1
#define ATTRIBUTE "ActiveModel::Attribute::"
#define ACTIVE_MODEL "ActiveModel::Type::"
#define ACTIVE_RECORD "ActiveRecord::Type::"
#define SQLITE "ActiveRecord::ConnectionAdapters::SQLite3Adapter::"
#define POSTGRESQL "ActiveRecord::ConnectionAdapters::PostgreSQL::OID::"
#define TIME_ZONES "ActiveRecord::AttributeMethods::TimeZoneConversion::"

/* What a type makes of a value. */
enum cast { UNKNOWN, PLAIN, INTEGER, FLOAT, DECIMAL, BOOLEAN, TEXT, MOMENT, ENUM };

/* Rails' own types by the names of their classes; one that descends from them may do anything. */
static const struct {
    const char *name;
    size_t size;
    enum cast cast;
} types[] = {
    {NAMED(ACTIVE_MODEL "Value"), PLAIN},
    {NAMED(ACTIVE_MODEL "Integer"), INTEGER},
    {NAMED(ACTIVE_MODEL "BigInteger"), INTEGER},
    {NAMED(ACTIVE_RECORD "UnsignedInteger"), INTEGER},
    {NAMED(ACTIVE_RECORD "DecimalWithoutScale"), INTEGER},
    {NAMED(SQLITE "SQLite3Integer"), INTEGER},
    {NAMED(POSTGRESQL "Oid"), INTEGER},
    {NAMED(ACTIVE_MODEL "Float"), FLOAT},
    {NAMED(ACTIVE_MODEL "Decimal"), DECIMAL},
    {NAMED(POSTGRESQL "Decimal"), DECIMAL},
    {NAMED(ACTIVE_MODEL "Boolean"), BOOLEAN},
    {NAMED(ACTIVE_MODEL "String"), TEXT},
    {NAMED(ACTIVE_MODEL "ImmutableString"), TEXT},
    {NAMED(ACTIVE_RECORD "Text"), TEXT},
    {NAMED(POSTGRESQL "SpecializedString"), TEXT},
    {NAMED(ACTIVE_MODEL "Date"), MOMENT},
    {NAMED(ACTIVE_MODEL "DateTime"), MOMENT},
    {NAMED(ACTIVE_MODEL "Time"), MOMENT},
    {NAMED(ACTIVE_RECORD "Date"), MOMENT},
    {NAMED(ACTIVE_RECORD "DateTime"), MOMENT},
    {NAMED(ACTIVE_RECORD "Time"), MOMENT},
    {NAMED(TIME_ZONES "TimeZoneConverter"), MOMENT},
    {NAMED(POSTGRESQL "Date"), MOMENT},
    {NAMED(POSTGRESQL "DateTime"), MOMENT},
    {NAMED(POSTGRESQL "Timestamp"), MOMENT},
    {NAMED(POSTGRESQL "TimestampWithTimeZone"), MOMENT},
    {NAMED("ActiveRecord::Enum::EnumType"), ENUM},
};

/* A value that was not cast yet. */
struct raw {
    VALUE value;
    VALUE type;     /* nil where none is known, which is the type that changes nothing */
    bool is_stored; /* by the database, and not assigned */
};

static ID id_additional_types;
static ID id_attributes;
static ID id_bind_call;
static ID id_casted_values;
static ID id_column_indexes;
static ID id_default_attributes;
static ID id_delegate_hash;
static ID id_mapping;
static ID id_precision;
static ID id_primary_key;
static ID id_row;
static ID id_scale;
static ID id_subtype;
static ID id_type;
static ID id_types;
static ID id_user_provided_value;
static ID id_value;
static ID id_value_before_type_cast;
static ID id_values;
static VALUE name_id;
static VALUE big_decimal = Qnil;      /* the class, and its to_f as it was found: */
static VALUE big_decimal_to_f = Qnil; /* an app may have another put in its place */

/* -- numbers -- */

static VALUE call_to_f(VALUE number)
{
    return rb_funcallv(big_decimal_to_f, id_bind_call, 1, &number);
}

/* Protected: it raises for what no double comes near, if BigDecimal.mode says so. */
static bool read_big_decimal(VALUE number, struct rp_expression_value *value)
{
    int state = 0;
    VALUE before = rb_errinfo();
    VALUE result = rb_protect(call_to_f, number, &state);
    if (state) {
        rb_set_errinfo(before);
        return false;
    }
    rp_value_set_decimal(value, RB_FLOAT_TYPE_P(result) ? RFLOAT_VALUE(result) : NAN);
    return RB_FLOAT_TYPE_P(result);
}

/* A value that is what the reader would return. */
static bool read_value(VALUE ruby, struct rp_expression_value *value)
{
    if (RB_TYPE_P(ruby, T_DATA) && !NIL_P(big_decimal) && rb_obj_class(ruby) == big_decimal) {
        return read_big_decimal(ruby, value);
    }
    return rp_value_read(ruby, value);
}

static bool to_decimal(struct rp_expression_value *value)
{
    double decimal = 0;
    switch (value->tag) {
    case RP_EXPRESSION_FLOAT:
        return true;
    case RP_EXPRESSION_INTEGER:
        rp_value_set_decimal(value, (double)value->integer);
        return true;
    case RP_EXPRESSION_BOOLEAN:
        rp_value_set_decimal(value, value->boolean);
        return true;
    case RP_EXPRESSION_TEXT:
        if (!rp_number_text_decimal(value->text.bytes, value->text.size, &decimal)) {
            return false;
        }
        rp_value_set_decimal(value, decimal);
        return true;
    default:
        return false;
    }
}

static bool to_integer(struct rp_expression_value *value)
{
    int64_t integer = 0;
    switch (value->tag) {
    case RP_EXPRESSION_INTEGER:
        return true;
    case RP_EXPRESSION_FLOAT:
        if (!(fabs(value->decimal) < 0x1p63)) {
            return false;
        }
        rp_value_set_integer(value, (int64_t)value->decimal);
        return true;
    case RP_EXPRESSION_BOOLEAN:
        rp_value_set_integer(value, value->boolean);
        return true;
    case RP_EXPRESSION_TEXT:
        if (!rp_number_text_integer(value->text.bytes, value->text.size, &integer)) {
            return false;
        }
        rp_value_set_integer(value, integer);
        return true;
    default:
        return false;
    }
}

/* How many digits a type leaves, or -1. */
static int digits_of(VALUE type, ID name)
{
    VALUE digits = rb_attr_get(type, name);
    return FIXNUM_P(digits) && FIX2LONG(digits) >= 0 && FIX2LONG(digits) < 1000
               ? (int)FIX2LONG(digits)
               : -1;
}

static bool is_rounded(const struct rp_expression_value *value, VALUE type)
{
    return rp_number_text_is_rounded(value->decimal, digits_of(type, id_precision),
                                     digits_of(type, id_scale));
}

/* -- the other kinds -- */

static bool is_text(const struct rp_expression_value *value, const char *text, size_t size)
{
    return value->tag == RP_EXPRESSION_TEXT && value->text.size == size &&
           !memcmp(value->text.bytes, text, size);
}

static bool to_boolean(struct rp_expression_value *value)
{
    static const struct {
        const char *text;
        size_t size;
    } words[] = {{NAMED("0")},     {NAMED("f")},   {NAMED("F")},  {NAMED("false")},
                 {NAMED("FALSE")}, {NAMED("off")}, {NAMED("OFF")}};
    bool is_true = value->tag == RP_EXPRESSION_BOOLEAN   ? value->boolean
                   : value->tag == RP_EXPRESSION_INTEGER ? value->integer != 0
                                                         : true;
    if (is_text(value, NAMED(""))) {
        return false;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        is_true = is_true && !is_text(value, words[i].text, words[i].size);
    }
    rp_value_set_boolean(value, is_true);
    return true;
}

static bool is_class(VALUE object, const char *name, size_t size)
{
    VALUE path = rb_class_path_cached(rb_obj_class(object));
    return RB_TYPE_P(path, T_STRING) && (size_t)RSTRING_LEN(path) == size &&
           !memcmp(RSTRING_PTR(path), name, size);
}

/* A day or a time: that it is there, for it is no number. A text that was assigned may be no date. */
static bool to_moment(const struct raw *raw, struct rp_expression_value *value)
{
    bool is_there = rb_obj_is_kind_of(raw->value, rb_cTime) ||
                    is_class(raw->value, NAMED("ActiveSupport::TimeWithZone")) ||
                    is_class(raw->value, NAMED("ActiveRecord::Type::Time::Value")) ||
                    is_class(raw->value, NAMED("Date")) || is_class(raw->value, NAMED("DateTime"));
    if (raw->is_stored && value->tag == RP_EXPRESSION_TEXT) {
        is_there = value->text.size >= 8 && value->text.bytes[0] >= '0' &&
                   value->text.bytes[0] <= '9' && memcmp(value->text.bytes, "0000", 4) != 0;
    }
    rp_value_set_opaque(value);
    return is_there;
}

struct label {
    struct rp_expression_value *wanted;
    bool by_name;
    int left;
    VALUE name;
};

static int find_label(VALUE name, VALUE number, VALUE argument)
{
    struct label *label = (struct label *)argument;
    struct rp_expression_value held;
    VALUE side = label->by_name ? name : number;
    const struct rp_expression_value *wanted = label->wanted;
    if (label->left-- == 0) {
        return ST_STOP;
    }
    bool is_it = rp_value_read(side, &held) && held.tag == wanted->tag &&
                 (held.tag == RP_EXPRESSION_TEXT
                      ? is_text(&held, wanted->text.bytes, wanted->text.size)
                      : held.tag == RP_EXPRESSION_INTEGER && held.integer == wanted->integer);
    label->name = is_it ? name : Qnil;
    return is_it ? ST_STOP : ST_CONTINUE;
}

static bool find_in(VALUE mapping, bool by_name, struct rp_expression_value *value)
{
    struct label label = {value, by_name, RP_ATTRIBUTE_LABELS, Qnil};
    rb_hash_foreach(mapping, find_label, (VALUE)&label);
    return !NIL_P(label.name) && rp_value_read(label.name, value);
}

static bool cast(const struct raw *raw, struct rp_expression_value *value);

/* The database has the number of a label, or what else stands for it; assigned is either. */
static bool to_label(const struct raw *raw, struct rp_expression_value *value)
{
    VALUE mapping = rb_attr_get(raw->type, id_mapping);
    struct raw part = {raw->value, rb_attr_get(raw->type, id_subtype), true};
    if (!RB_TYPE_P(mapping, T_HASH)) {
        return false;
    }
    if (!raw->is_stored) {
        return find_in(mapping, true, value) || find_in(mapping, false, value);
    }
    return !is_class(part.type, NAMED("ActiveRecord::Enum::EnumType")) && cast(&part, value) &&
           find_in(mapping, false, value);
}

/* -- casts -- */

static enum cast cast_of(VALUE type)
{
    VALUE path = NIL_P(type) ? Qnil : rb_class_path_cached(rb_obj_class(type));
    if (NIL_P(type)) {
        return PLAIN;
    }
    for (size_t i = 0; RB_TYPE_P(path, T_STRING) && i < sizeof types / sizeof *types; i++) {
        if ((size_t)RSTRING_LEN(path) == types[i].size &&
            !memcmp(RSTRING_PTR(path), types[i].name, types[i].size)) {
            return types[i].cast;
        }
    }
    return UNKNOWN;
}

static bool cast(const struct raw *raw, struct rp_expression_value *value)
{
    enum cast cast = cast_of(raw->type);
    if (cast == UNKNOWN || !read_value(raw->value, value)) {
        return false;
    }
    switch (cast) {
    case PLAIN:
        return true;
    case INTEGER:
        return to_integer(value);
    case FLOAT:
        return to_decimal(value);
    case DECIMAL:
        return to_decimal(value) && is_rounded(value, raw->type);
    case BOOLEAN:
        return to_boolean(value);
    case TEXT:
        return value->tag == RP_EXPRESSION_TEXT;
    case MOMENT:
        return to_moment(raw, value);
    case ENUM:
        return to_label(raw, value);
    default:
        return false;
    }
}

/* -- where they are kept -- */

/* Qundef if there is none; a Hash is not asked for its default. */
static VALUE element(VALUE hash, VALUE name)
{
    return RB_TYPE_P(hash, T_HASH) ? rb_hash_lookup2(hash, name, Qundef) : Qundef;
}

static bool read_held(VALUE held, struct rp_expression_value *value)
{
    struct raw raw = {rb_attr_get(held, id_value_before_type_cast), rb_attr_get(held, id_type),
                      false};
    if (rb_ivar_defined(held, id_value)) {
        return read_value(rb_attr_get(held, id_value), value);
    }
    if (is_class(held, NAMED(ATTRIBUTE "WithCastValue"))) {
        return read_value(raw.value, value);
    }
    if (is_class(held, NAMED(ATTRIBUTE "UserProvidedDefault"))) {
        raw.value = rb_attr_get(held, id_user_provided_value);
        return !rb_obj_is_proc(raw.value) && cast(&raw, value); /* a proc was not asked yet */
    }
    raw.is_stored = is_class(held, NAMED(ATTRIBUTE "FromDatabase"));
    return (raw.is_stored || is_class(held, NAMED(ATTRIBUTE "FromUser"))) && cast(&raw, value);
}

/* A row is a Hash, or from Rails 8.0 on an Array and where in it each name is. */
static VALUE in_row(VALUE row, VALUE name)
{
    if (!RB_TYPE_P(row, T_OBJECT)) {
        return element(row, name);
    }
    VALUE index = element(rb_attr_get(row, id_column_indexes), name);
    VALUE values = rb_attr_get(row, id_row);
    return FIXNUM_P(index) && RB_TYPE_P(values, T_ARRAY) ? rb_ary_entry(values, FIX2LONG(index))
                                                         : Qundef;
}

static bool read_from_row(VALUE set, VALUE name, struct rp_expression_value *value)
{
    VALUE known = element(rb_attr_get(set, id_casted_values), name);
    if (known != Qundef) {
        return read_value(known, value);
    }
    VALUE column = element(rb_attr_get(set, id_types), name);
    VALUE additional = element(rb_attr_get(set, id_additional_types), name);
    VALUE type = additional != Qundef ? additional : column;
    struct raw raw = {in_row(rb_attr_get(set, id_values), name), type == Qundef ? Qnil : type,
                      true};
    if (raw.value != Qundef) {
        return cast(&raw, value);
    }
    VALUE held = column == Qundef ? Qundef : element(rb_attr_get(set, id_default_attributes), name);
    return RB_TYPE_P(held, T_OBJECT) && read_held(held, value);
}

bool rp_attribute_read(VALUE record, VALUE name, struct rp_expression_value *value)
{
    VALUE set = RB_TYPE_P(record, T_OBJECT) ? rb_attr_get(record, id_attributes) : Qnil;
    VALUE known = RB_TYPE_P(set, T_OBJECT) ? rb_attr_get(set, id_attributes) : Qnil;
    if (RB_TYPE_P(known, T_OBJECT)) {
        set = known;
        known = rb_attr_get(set, id_delegate_hash);
    }
    VALUE held = element(known, name);
    if (RB_TYPE_P(held, T_OBJECT)) {
        return read_held(held, value);
    }
    return RB_TYPE_P(set, T_OBJECT) && read_from_row(set, name, value);
}

bool rp_attribute_read_key(VALUE record, struct rp_expression_value *value)
{
    VALUE key = RB_TYPE_P(record, T_OBJECT) ? rb_attr_get(record, id_primary_key) : Qnil;
    VALUE name = NIL_P(key) ? name_id : key;
    return RB_TYPE_P(name, T_STRING) && rp_attribute_read(record, name, value);
}

void rp_attribute_prepare(void)
{
    ID name = rb_intern("BigDecimal");
    if (!NIL_P(big_decimal) || !rb_const_defined_at(rb_cObject, name) ||
        !NIL_P(rb_funcall(rb_cObject, rb_intern("autoload?"), 1, ID2SYM(name)))) {
        return;
    }
    VALUE found = rb_const_get_at(rb_cObject, name);
    if (!RB_TYPE_P(found, T_CLASS) || !rb_method_boundp(found, rb_intern("to_f"), 0)) {
        return; /* the app's own */
    }
    VALUE to_f = rb_funcall(found, rb_intern("instance_method"), 1, ID2SYM(rb_intern("to_f")));
    if (NIL_P(rb_funcall(to_f, rb_intern("source_location"), 0))) { /* it is not written in Ruby */
        big_decimal_to_f = to_f;
        big_decimal = found;
    }
}

void rp_attribute_init(void)
{
    id_additional_types = rb_intern("@additional_types");
    id_attributes = rb_intern("@attributes");
    id_bind_call = rb_intern("bind_call");
    id_casted_values = rb_intern("@casted_values");
    id_column_indexes = rb_intern("@column_indexes");
    id_default_attributes = rb_intern("@default_attributes");
    id_delegate_hash = rb_intern("@delegate_hash");
    id_mapping = rb_intern("@mapping");
    id_precision = rb_intern("@precision");
    id_primary_key = rb_intern("@primary_key");
    id_row = rb_intern("@row");
    id_scale = rb_intern("@scale");
    id_subtype = rb_intern("@subtype");
    id_type = rb_intern("@type");
    id_types = rb_intern("@types");
    id_user_provided_value = rb_intern("@user_provided_value");
    id_value = rb_intern("@value");
    id_value_before_type_cast = rb_intern("@value_before_type_cast");
    id_values = rb_intern("@values");
    name_id = rb_interned_str_cstr("id");
    rb_gc_register_mark_object(name_id);
    rb_gc_register_address(&big_decimal);
    rb_gc_register_address(&big_decimal_to_f);
}
