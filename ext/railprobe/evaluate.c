/*
 * Captures and conditions over Ruby values. Start reading at the table of callbacks, host.
 */
#include "evaluate.h"

#include "attribute.h"
#include "expression_object.h"
#include "limit.h"
#include "utf8.h"
#include "value.h"

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
        return rp_value_read(keyword(reader->scene, reader->program->ids[name]), value);
    }
    return index >= 0 && index < count && rp_value_read(reader->scene->argv[index], value);
}

static bool read_position(void *context, unsigned position, struct rp_expression_value *value)
{
    const struct rp_scene *scene = ((const struct reader *)context)->scene;
    return (int)position < scene->argc && rp_value_read(scene->argv[position], value);
}

static bool read_ivar(void *context, unsigned name, struct rp_expression_value *value)
{
    const struct reader *reader = context;
    return rp_value_read(rb_attr_get(reader->scene->self, reader->program->ids[name]), value);
}

static bool read_self(void *context, struct rp_expression_value *value)
{
    return rp_value_read(((const struct reader *)context)->scene->self, value);
}

static bool read_result(void *context, struct rp_expression_value *value)
{
    return rp_value_read(((const struct reader *)context)->scene->result, value);
}

static bool read_duration(void *context, struct rp_expression_value *value)
{
    int64_t duration = ((const struct reader *)context)->scene->duration;
    rp_value_set_integer(value, duration);
    return duration >= 0;
}

/* -- parts of a value -- */

static bool read_class(void *context, struct rp_expression_value *value)
{
    (void)context;
    VALUE object = rp_value_object(value);
    VALUE path = NIL_P(object) ? Qnil : rb_class_path_cached(rb_obj_class(object));
    return RB_TYPE_P(path, T_STRING) && rp_value_read(path, value);
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
    VALUE ruby = rp_value_object(value);
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
    rp_value_set_integer(value, length);
    return true;
}

static bool read_id(void *context, struct rp_expression_value *value)
{
    (void)context;
    return rp_attribute_read_key(rp_value_object(value), value);
}

static bool read_attribute(void *context, unsigned name, struct rp_expression_value *value)
{
    const struct reader *reader = context;
    return rp_attribute_read(rp_value_object(value), rb_id2str(reader->program->ids[name]), value);
}

static bool read_key(void *context, unsigned constant, struct rp_expression_value *value)
{
    const struct reader *reader = context;
    const struct rp_expression_constant *key = &reader->program->expression->constants[constant];
    VALUE ruby = rp_value_object(value);
    bool is_integer = key->value.tag == RP_EXPRESSION_INTEGER;
    if (RB_TYPE_P(ruby, T_ARRAY)) {
        return is_integer && rp_value_read(rb_ary_entry(ruby, (long)key->value.integer), value);
    }
    return RB_TYPE_P(ruby, T_HASH) &&
           rp_value_read(rb_hash_lookup2(ruby, reader->program->keys[constant], Qnil), value);
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
    rp_attribute_prepare();
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

bool rp_program_durations(const struct rp_program *program, struct rp_expression_span *span)
{
    return rp_expression_durations(program->expression, span);
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
    const size_t most = rp_limit_string((uint32_t)size - 1);
    size_t length = rp_utf8_cut(value->text.bytes, value->text.size, most);
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
