/*
 * Readers of any payload, and what readers are made of. See payload.h.
 */
#include "payload.h"

#include "events.h"
#include "time_text.h"

#include <string.h>

/* -- slots -- */

void rp_put(struct rp_firing *firing, uint64_t slot)
{
    if (firing->next < RP_SLOTS_MAX) {
        firing->slots[firing->next++] = slot;
    }
}

void rp_put_word(struct rp_firing *firing, const char *word)
{
    rp_put(firing, (uint64_t)(uintptr_t)(word ? word : ""));
}

struct rp_text *rp_put_text(struct rp_firing *firing)
{
    struct rp_text *text = &firing->texts[firing->text_count];
    firing->text_count += firing->text_count < RP_TEXTS_MAX - 1;
    rp_render_text(text, Qnil);
    rp_put(firing, (uint64_t)(uintptr_t)text->bytes);
    return text;
}

/* -- values -- */

VALUE rp_payload_value(VALUE payload, ID name)
{
    return RB_TYPE_P(payload, T_HASH) ? rb_hash_lookup2(payload, ID2SYM(name), Qnil) : Qnil;
}

VALUE rp_payload_attribute(VALUE object, ID name)
{
    return RB_SPECIAL_CONST_P(object) ? Qnil : rb_attr_get(object, name);
}

static uint64_t saturated(double number)
{
    if (number >= 9.2e18) {
        return INT64_MAX;
    }
    return number > -9.2e18 ? (uint64_t)(int64_t)number : (uint64_t)INT64_MIN;
}

uint64_t rp_payload_number(VALUE value, double scale)
{
    if (FIXNUM_P(value)) {
        return scale == 1 ? (uint64_t)FIX2LONG(value) : saturated((double)FIX2LONG(value) * scale);
    }
    return RB_FLOAT_TYPE_P(value) ? saturated(RFLOAT_VALUE(value) * scale) : UINT64_MAX;
}

static int64_t time_us(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

int64_t rp_payload_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return time_us(now);
}

/* An ActiveSupport::TimeWithZone is no Time, and has one. */
int64_t rp_payload_time_us(VALUE value)
{
    if (!RB_SPECIAL_CONST_P(value) && RB_TYPE_P(value, T_OBJECT)) {
        value = rp_payload_variable(value, "@utc");
    }
    if (RB_TYPE_P(value, T_STRING)) {
        return rp_time_text_iso8601(RSTRING_PTR(value), (size_t)RSTRING_LEN(value));
    }
    if (RTEST(rb_obj_is_kind_of(value, rb_cTime))) {
        return time_us(rb_time_timespec(value));
    }
    return (int64_t)rp_payload_number(value, 1e6);
}

/* -- readers -- */

void rp_read_text(struct rp_firing *firing, VALUE value)
{
    rp_render_text(rp_put_text(firing), value);
}

void rp_read_class(struct rp_firing *firing, VALUE value)
{
    struct rp_text *text = rp_put_text(firing);
    if (!NIL_P(value)) {
        rp_render_class(text, value);
    }
}

void rp_read_argument_class(struct rp_firing *firing, VALUE value)
{
    (void)value;
    rp_read_class(firing, firing->argument);
}

void rp_read_argument_message(struct rp_firing *firing, VALUE value)
{
    struct rp_text *text = rp_put_text(firing);
    (void)value;
    if (RTEST(rb_obj_is_kind_of(firing->argument, rb_eException))) {
        rp_render_message(text, firing->argument);
    }
}

void rp_read_pairs(struct rp_firing *firing, VALUE value)
{
    struct rp_text *text = rp_put_text(firing);
    if (RB_TYPE_P(value, T_HASH)) {
        rp_render_pairs(text, value);
    }
}

void rp_read_integer(struct rp_firing *firing, VALUE value)
{
    rp_put(firing, rp_payload_number(value, 1));
}

void rp_read_ms(struct rp_firing *firing, VALUE value)
{
    rp_put(firing, rp_payload_number(value, 1e6));
}

void rp_read_flag(struct rp_firing *firing, VALUE value)
{
    rp_put(firing, RTEST(value));
}

void rp_read_known(struct rp_firing *firing, VALUE value)
{
    rp_put(firing, NIL_P(value) ? UINT64_MAX : RTEST(value));
}

void rp_read_count(struct rp_firing *firing, VALUE value)
{
    rp_put(firing, RB_TYPE_P(value, T_ARRAY)  ? (uint64_t)RARRAY_LEN(value)
                   : RB_TYPE_P(value, T_HASH) ? (uint64_t)RHASH_SIZE(value)
                                              : UINT64_MAX);
}

void rp_read_word(struct rp_firing *firing, VALUE value)
{
    (void)value;
    rp_put_word(firing, firing->event->word);
}

void rp_read_waited(struct rp_firing *firing, VALUE value)
{
    (void)value;
    rp_put(firing, firing->open ? (uint64_t)firing->open->waited_us : UINT64_MAX);
}

void rp_read_nothing(struct rp_firing *firing, VALUE value)
{
    (void)value;
    rp_put(firing, UINT64_MAX);
}
