/*
 * Captures and conditions over Ruby values. Start reading at the table of callbacks, host.
 */
#include "evaluate.h"

#include "expression_object.h"
#include "utf8.h"

#include <ruby/encoding.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_LOOKS_AT = 1024 }; /* bytes of a string that may have characters of several */

/* Where a parameter is found: number from the front or the back, or number of the optional ones. */
enum place_kind { NOWHERE, FROM_FRONT, FROM_BACK, OPTIONAL, KEYWORD };

struct place {
    enum place_kind kind;
    int number;
    int before; /* of an optional one: the required ones in front of them */
};

struct rp_program {
    const struct rp_expression *expression;
    int required;         /* positional parameters that must be there */
    ID *ids;              /* of each name */
    struct place *places; /* of each name that is a parameter */
    const VALUE
        *keys; /* of each constant that is a string key, a String; the Expression marks them */
};

struct reader {
    const struct rp_program *program;
    const struct rp_scene *scene;
};

static ID id_attributes;
static ID id_id;
static ID id_values;
static ID id_value;
static ID id_value_before_type_cast;

/* -- values -- */

static void text_value(VALUE string, struct rp_expression_value *value)
{
    value->tag = RP_EXPRESSION_TEXT;
    value->text.bytes = RSTRING_PTR(string);
    value->text.size = (size_t)RSTRING_LEN(string);
}

static int64_t saturated(VALUE bignum)
{
    int64_t integer = 0;
    int sign = rb_integer_pack(bignum, &integer, 1, sizeof integer, 0,
                               INTEGER_PACK_NATIVE_BYTE_ORDER | INTEGER_PACK_2COMP);
    bool fits = (sign == 1 && integer >= 0) || (sign == -1 && integer < 0);
    return fits ? integer : sign < 0 ? INT64_MIN : INT64_MAX;
}

/* False for nil, which is missing. */
static bool to_value(VALUE ruby, struct rp_expression_value *value)
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
        value->integer = FIXNUM_P(ruby) ? FIX2LONG(ruby) : saturated(ruby);
    } else if (RB_FLOAT_TYPE_P(ruby)) {
        value->tag = RP_EXPRESSION_FLOAT;
        value->decimal = RFLOAT_VALUE(ruby);
    } else if (RB_SYMBOL_P(ruby)) {
        text_value(rb_sym2str(ruby), value);
    } else if (RB_TYPE_P(ruby, T_STRING)) {
        text_value(ruby, value);
    }
    return true;
}

static void integer_value(int64_t integer, struct rp_expression_value *value)
{
    *value = (struct rp_expression_value){.tag = RP_EXPRESSION_INTEGER, .integer = integer};
}

/* -- roots -- */

static int positional_count(const struct rp_scene *scene)
{
    return scene->argc - (scene->keywords && scene->argc ? 1 : 0);
}

static VALUE keyword(const struct rp_scene *scene, ID name)
{
    VALUE hash = scene->keywords && scene->argc ? scene->argv[scene->argc - 1] : Qnil;
    return RB_TYPE_P(hash, T_HASH) ? rb_hash_lookup2(hash, ID2SYM(name), Qnil) : Qnil;
}

static bool read_parameter(void *context, unsigned name, struct rp_expression_value *value)
{
    const struct reader *reader = context;
    const struct place *place = &reader->program->places[name];
    int count = positional_count(reader->scene);
    int index = -1;
    switch (place->kind) {
    case NOWHERE:
        break;
    case FROM_FRONT:
        index = place->number;
        break;
    case OPTIONAL: /* there if the caller gave more than what must be there */
        index =
            count - reader->program->required > place->number ? place->before + place->number : -1;
        break;
    case FROM_BACK:
        index = count - place->number;
        break;
    case KEYWORD:
        return to_value(keyword(reader->scene, reader->program->ids[name]), value);
    }
    return index >= 0 && index < count && to_value(reader->scene->argv[index], value);
}

static bool read_position(void *context, unsigned position, struct rp_expression_value *value)
{
    const struct rp_scene *scene = ((const struct reader *)context)->scene;
    return (int)position < scene->argc && to_value(scene->argv[position], value);
}

static bool read_ivar(void *context, unsigned name, struct rp_expression_value *value)
{
    const struct reader *reader = context;
    return to_value(rb_attr_get(reader->scene->self, reader->program->ids[name]), value);
}

static bool read_self(void *context, struct rp_expression_value *value)
{
    return to_value(((const struct reader *)context)->scene->self, value);
}

static bool read_result(void *context, struct rp_expression_value *value)
{
    return to_value(((const struct reader *)context)->scene->result, value);
}

static bool read_duration(void *context, struct rp_expression_value *value)
{
    int64_t duration = ((const struct reader *)context)->scene->duration;
    integer_value(duration, value);
    return duration >= 0;
}

/* -- parts of a value -- */

static bool read_class(void *context, struct rp_expression_value *value)
{
    (void)context;
    VALUE path = rb_class_path_cached(rb_obj_class((VALUE)value->object));
    if (!RB_TYPE_P(path, T_STRING)) {
        return false;
    }
    *value = (struct rp_expression_value){.object = (uint64_t)path};
    text_value(path, value);
    return true;
}

/* Characters of a string, as in Ruby, if that can be told at once. */
static bool string_length(VALUE string, int64_t *length)
{
    long bytes = RSTRING_LEN(string);
    if (rb_enc_mbmaxlen(rb_enc_get(string)) > 1 &&
        RB_ENC_CODERANGE(string) != RUBY_ENC_CODERANGE_7BIT && bytes > LENGTH_LOOKS_AT) {
        return false;
    }
    *length = rb_str_strlen(string);
    return true;
}

static bool read_length(void *context, struct rp_expression_value *value)
{
    VALUE ruby = (VALUE)value->object;
    int64_t length = 0;
    (void)context;
    if (RB_TYPE_P(ruby, T_STRING)) {
        if (!string_length(ruby, &length)) {
            return false;
        }
    } else if (RB_SYMBOL_P(ruby)) {
        length = rb_str_strlen(rb_sym2str(ruby));
    } else if (RB_TYPE_P(ruby, T_ARRAY)) {
        length = RARRAY_LEN(ruby);
    } else if (RB_TYPE_P(ruby, T_HASH)) {
        length = (int64_t)RHASH_SIZE(ruby);
    } else {
        return false;
    }
    integer_value(length, value);
    return true;
}

/*
 * An attribute of an Active Record, from where Active Model keeps it: the record's set of attributes
 * has a Hash of those that were looked at and, for a row that was loaded, one of raw values. Nothing is
 * cast, so a raw value that only a cast would tell (a date from a database without dates) is text.
 */
static VALUE attribute(VALUE record, VALUE name)
{
    if (!RB_TYPE_P(record, T_OBJECT)) {
        return Qnil;
    }
    VALUE set = rb_attr_get(record, id_attributes);
    if (!RB_TYPE_P(set, T_OBJECT)) {
        return Qnil;
    }
    VALUE known = rb_attr_get(set, id_attributes);
    VALUE held = RB_TYPE_P(known, T_HASH) ? rb_hash_lookup2(known, name, Qnil) : Qnil;
    if (RB_TYPE_P(held, T_OBJECT)) {
        VALUE cast = rb_attr_get(held, id_value);
        return NIL_P(cast) ? rb_attr_get(held, id_value_before_type_cast) : cast;
    }
    VALUE raw = rb_attr_get(set, id_values);
    return RB_TYPE_P(raw, T_HASH) ? rb_hash_lookup2(raw, name, Qnil) : Qnil;
}

static bool read_id(void *context, struct rp_expression_value *value)
{
    (void)context;
    return to_value(attribute((VALUE)value->object, rb_id2str(id_id)), value);
}

static bool read_attribute(void *context, unsigned name, struct rp_expression_value *value)
{
    const struct reader *reader = context;
    return to_value(attribute((VALUE)value->object, rb_id2str(reader->program->ids[name])), value);
}

static bool read_key(void *context, unsigned constant, struct rp_expression_value *value)
{
    const struct reader *reader = context;
    const struct rp_expression_constant *key = &reader->program->expression->constants[constant];
    VALUE ruby = (VALUE)value->object;
    bool is_integer = key->value.tag == RP_EXPRESSION_INTEGER;
    if (RB_TYPE_P(ruby, T_ARRAY)) {
        return is_integer && to_value(rb_ary_entry(ruby, (long)key->value.integer), value);
    }
    return RB_TYPE_P(ruby, T_HASH) &&
           to_value(rb_hash_lookup2(ruby, reader->program->keys[constant], Qnil), value);
}

static const struct rp_expression_host host = {
    .read_parameter = read_parameter,
    .read_position = read_position,
    .read_ivar = read_ivar,
    .read_self = read_self,
    .read_result = read_result,
    .read_duration = read_duration,
    .read_class = read_class,
    .read_length = read_length,
    .read_id = read_id,
    .read_attribute = read_attribute,
    .read_key = read_key,
};

/* -- programs -- */

/* How many of the parameters, from number from on, are of that kind. */
static int count_kind(VALUE parameters, const char *kind, long from)
{
    int count = 0;
    for (long i = from; i < RARRAY_LEN(parameters); i++) {
        count += rb_ary_entry(rb_ary_entry(parameters, i), 0) == ID2SYM(rb_intern(kind));
    }
    return count;
}

static struct place find_place(VALUE parameters, ID name)
{
    int required = 0;
    int optional = 0;
    bool is_behind = false;
    for (long i = 0; i < RARRAY_LEN(parameters); i++) {
        VALUE parameter = rb_ary_entry(parameters, i);
        VALUE kind = rb_ary_entry(parameter, 0);
        bool found = rb_ary_entry(parameter, 1) == ID2SYM(name);
        if (kind == ID2SYM(rb_intern("req"))) {
            if (found) {
                return is_behind ? (struct place){FROM_BACK, count_kind(parameters, "req", i), 0}
                                 : (struct place){FROM_FRONT, required, 0};
            }
            required++;
        } else if (kind == ID2SYM(rb_intern("opt"))) {
            is_behind = true;
            if (found) {
                return (struct place){OPTIONAL, optional, required};
            }
            optional++;
        } else if (kind == ID2SYM(rb_intern("rest"))) {
            is_behind = true;
        } else if (found &&
                   (kind == ID2SYM(rb_intern("key")) || kind == ID2SYM(rb_intern("keyreq")))) {
            return (struct place){KEYWORD, 0, 0};
        }
    }
    return (struct place){NOWHERE, 0, 0};
}

struct rp_program *rp_program_new(VALUE expression, VALUE parameters)
{
    struct rp_program *program = calloc(1, sizeof *program);
    if (!program) {
        return NULL;
    }
    program->expression = rp_expression_of(expression, &program->keys);
    size_t names = program->expression->name_count;
    program->required = count_kind(parameters, "req", 0);
    program->ids = calloc(names + 1, sizeof *program->ids);
    program->places = calloc(names + 1, sizeof *program->places);
    if (!program->ids || !program->places) {
        rp_program_free(program);
        return NULL;
    }
    for (size_t i = 0; i < names; i++) {
        const struct rp_expression_name *name = &program->expression->names[i];
        program->ids[i] = rb_intern3(name->text, name->size, rb_utf8_encoding());
        if (name->op == RP_EXPRESSION_PARAMETER) {
            program->places[i] = find_place(parameters, program->ids[i]);
        }
    }
    return program;
}

void rp_program_free(struct rp_program *program)
{
    if (program) {
        free(program->ids);
        free(program->places);
        free(program);
    }
}

bool rp_program_reads_return(const struct rp_program *program)
{
    return program->expression->reads & (RP_EXPRESSION_READS_RESULT | RP_EXPRESSION_READS_DURATION);
}

uint32_t rp_program_cost_ns(const struct rp_program *program)
{
    return program->expression->cost_ns;
}

bool rp_program_is_true(const struct rp_program *program, const struct rp_scene *scene)
{
    struct reader reader = {program, scene};
    struct rp_expression_value value;
    rp_expression_evaluate(program->expression, &host, &reader, &value);
    return rp_expression_truth(&value);
}

static uint64_t copy_text(const struct rp_expression_value *value, char *text, size_t size)
{
    size_t length = rp_utf8_cut(value->text.bytes, value->text.size, size - 1);
    memcpy(text, value->text.bytes, length);
    text[length] = '\0';
    return (uint64_t)(uintptr_t)text;
}

uint64_t rp_program_slot(const struct rp_program *program, const struct rp_scene *scene, char *text,
                         size_t size)
{
    struct reader reader = {program, scene};
    struct rp_expression_value value;
    uint64_t slot = UINT64_MAX;
    rp_expression_evaluate(program->expression, &host, &reader, &value);
    switch (value.tag) {
    case RP_EXPRESSION_BOOLEAN:
        return value.boolean;
    case RP_EXPRESSION_INTEGER:
        return (uint64_t)value.integer;
    case RP_EXPRESSION_FLOAT:
        memcpy(&slot, &value.decimal, sizeof slot);
        return slot;
    case RP_EXPRESSION_TEXT:
        return copy_text(&value, text, size);
    case RP_EXPRESSION_NONE:
    case RP_EXPRESSION_OBJECT:
        break;
    }
    if (program->expression->type == RP_EXPRESSION_TYPE_STRING) {
        text[0] = '\0';
        return (uint64_t)(uintptr_t)text;
    }
    return UINT64_MAX;
}

void rp_evaluate_init(void)
{
    id_id = rb_intern("id");
    id_attributes = rb_intern("@attributes");
    id_values = rb_intern("@values");
    id_value = rb_intern("@value");
    id_value_before_type_cast = rb_intern("@value_before_type_cast");
}
