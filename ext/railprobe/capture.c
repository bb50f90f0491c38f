/*
 * Ruby values -> the 64-bit slots of a probe. See capture.h for the contract.
 */
#include "capture.h"

#include "utf8.h"
#include "value.h"

#include <math.h>
#include <ruby/encoding.h>
#include <time.h>

enum { NS_PER_SECOND = 1000000000, DOUBLE_BYTES_MAX = 120 };

static bool capture_integer(VALUE value, uint64_t *slot)
{
    if (NIL_P(value)) {
        *slot = UINT64_MAX;
        return true;
    }
    if (!RB_INTEGER_TYPE_P(value)) {
        return false;
    }
    *slot = (uint64_t)rp_value_saturated(value);
    return true;
}

/* Below zero is 0: an id or a hash has no sign. */
static bool capture_unsigned(VALUE value, uint64_t *slot)
{
    if (!RB_TYPE_P(value, T_BIGNUM)) {
        bool fits = capture_integer(value, slot);
        *slot = fits && FIXNUM_P(value) && FIX2LONG(value) < 0 ? 0 : *slot;
        return fits;
    }
    uint64_t number = 0;
    int sign = rb_integer_pack(value, &number, 1, sizeof number, 0, INTEGER_PACK_NATIVE_BYTE_ORDER);
    *slot = sign < 0 ? 0 : sign > 1 ? UINT64_MAX : number;
    return true;
}

static bool capture_float(VALUE value, uint64_t *slot)
{
    double number;
    if (RB_FLOAT_TYPE_P(value)) {
        number = RFLOAT_VALUE(value);
    } else if (FIXNUM_P(value)) {
        number = (double)FIX2LONG(value);
    } else if (NIL_P(value)) {
        number = NAN;
    } else if (RB_TYPE_P(value, T_BIGNUM) && rb_absint_size(value, NULL) <= DOUBLE_BYTES_MAX) {
        number = rb_big2dbl(value); /* warns beyond a double's range, which is far beyond this */
    } else {
        return false;
    }
    memcpy(slot, &number, sizeof number);
    return true;
}

static bool capture_boolean(VALUE value, uint64_t *slot)
{
    *slot = NIL_P(value) ? UINT64_MAX : value == Qtrue;
    return NIL_P(value) || value == Qtrue || value == Qfalse;
}

struct timespec_call {
    VALUE time;
    struct timespec result;
};

static VALUE call_timespec(VALUE argument)
{
    struct timespec_call *call = (struct timespec_call *)argument;
    call->result = rb_time_timespec(call->time);
    return Qtrue;
}

/* Protected: rb_time_timespec() raises for a year that time_t can't hold. */
static bool time_to_timespec(VALUE value, struct timespec *time)
{
    struct timespec_call call = {.time = value};
    int state = 0;
    VALUE before = rb_errinfo();
    (void)rb_protect(call_timespec, (VALUE)&call, &state);
    if (state) {
        rb_set_errinfo(before);
        return false;
    }
    *time = call.result;
    return true;
}

static bool capture_time(VALUE value, uint64_t *slot)
{
    struct timespec time;
    if (!rb_obj_is_kind_of(value, rb_cTime)) {
        return capture_integer(value, slot);
    }
    if (!time_to_timespec(value, &time)) {
        return false;
    }
    const int64_t most = INT64_MAX / NS_PER_SECOND - 1;
    if (time.tv_sec > most || time.tv_sec < -most) {
        *slot = (uint64_t)(time.tv_sec < 0 ? INT64_MIN : INT64_MAX);
    } else {
        *slot = (uint64_t)((int64_t)time.tv_sec * NS_PER_SECOND + time.tv_nsec);
    }
    return true;
}

static bool capture_text(VALUE value, char *text, uint64_t *slot, size_t *size)
{
    VALUE string = RB_SYMBOL_P(value) ? rb_sym2str(value) : value;
    *slot = (uint64_t)(uintptr_t)text;
    *size = 0;
    if (RB_TYPE_P(string, T_STRING)) {
        const char *from = RSTRING_PTR(string);
        bool is_utf8 = rb_enc_get_index(string) == rb_utf8_encindex();
        size_t bytes = (size_t)RSTRING_LEN(string);
        size_t most = rp_limit_string(RP_STRING_MAX);
        *size = is_utf8 ? rp_utf8_cut(from, bytes, most) : bytes < most ? bytes : most;
        memcpy(text, from, *size);
    } else if (!NIL_P(value)) {
        return false;
    }
    text[*size] = '\0';
    RB_GC_GUARD(string);
    return true;
}

static bool capture_anything(VALUE value, char *text, uint64_t *slot)
{
    size_t size = 0;
    if (RB_FLOAT_TYPE_P(value)) {
        return capture_float(value, slot);
    }
    if (capture_integer(value, slot) || capture_boolean(value, slot) ||
        capture_text(value, text, slot, &size)) {
        return true;
    }
    *slot = UINT64_MAX;
    return true;
}

/* Fills the slots of one argument from out on; text is the room that belongs to the first of them. */
static bool capture_value(enum rp_type type, VALUE value, uint64_t *out, char *text)
{
    size_t size = 0;
    bool fits = false;
    switch (type) {
    case RP_TYPE_INTEGER:
        fits = capture_integer(value, out);
        break;
    case RP_TYPE_UNSIGNED:
        fits = capture_unsigned(value, out);
        break;
    case RP_TYPE_BOOLEAN:
        fits = capture_boolean(value, out);
        break;
    case RP_TYPE_FLOAT:
        fits = capture_float(value, out);
        break;
    case RP_TYPE_TIME:
        fits = capture_time(value, out);
        break;
    case RP_TYPE_STRING:
    case RP_TYPE_SYMBOL:
        fits = capture_text(value, text, out, &size);
        break;
    case RP_TYPE_BYTES:
        fits = capture_text(value, text, out, &size);
        out[1] = size;
        break;
    case RP_TYPE_VALUE:
        fits = capture_anything(value, text, out);
        break;
    case RP_TYPE_COUNT:
    default:
        return false;
    }
    return fits;
}

enum rp_error rp_capture_values(const struct rp_declaration *declaration, int count,
                                const VALUE *values, uint64_t *slots,
                                char (*texts)[RP_STRING_MAX + 1], uint32_t *wrong)
{
    uint32_t slot = 0;
    if (count < 0 || (uint32_t)count != declaration->argument_count) {
        return RP_ARITY;
    }
    for (uint32_t i = 0; i < declaration->argument_count; i++) {
        enum rp_type type = declaration->arguments[i].type;
        if (!capture_value(type, values[i], &slots[slot], texts[slot])) {
            *wrong = i;
            return RP_TYPE;
        }
        slot += rp_type_facts(type)->slots;
    }
    return RP_OK;
}
