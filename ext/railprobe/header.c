/*
 * What the helper type header adds. See header.h.
 *
 * traceparent is VERSION-TRACE-SPAN-FLAGS in lower-case hexadecimal digits, 2, 32, 16 and 2 of them; a
 * later version may go on behind that. An id of zeros is none (W3C Trace Context).
 */
#include "header.h"

#include "declaration.h"
#include "limit.h"
#include "utf8.h"

#include <stdbool.h>
#include <string.h>

enum { TRACE_AT = 3, SPAN_AT = 36, FLAGS_AT = 53, PARENT_SIZE = 55, ID_DIGITS = 16 };

static VALUE key_traceparent;

void rp_header_init(void)
{
    key_traceparent = rb_obj_freeze(rb_str_new_cstr("HTTP_TRACEPARENT"));
    rb_global_variable(&key_traceparent);
}

static VALUE find_env(int argc, const VALUE *argv)
{
    for (int i = 0; i < argc; i++) {
        if (RB_TYPE_P(argv[i], T_HASH)) {
            return argv[i];
        }
    }
    return Qnil;
}

static VALUE look_up(VALUE env, VALUE key)
{
    VALUE value = NIL_P(env) ? Qnil : rb_hash_lookup2(env, key, Qnil);
    return RB_TYPE_P(value, T_STRING) ? value : Qnil;
}

static bool read_id(const char *digits, uint64_t *id)
{
    *id = 0;
    for (int i = 0; i < ID_DIGITS; i++) {
        char c = digits[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        *id = *id << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return true;
}

static void read_parent(VALUE header, uint64_t ids[3])
{
    const uint64_t none[3] = {0};
    memcpy(ids, none, sizeof none);
    if (NIL_P(header) || RSTRING_LEN(header) < PARENT_SIZE) {
        return;
    }
    const char *text = RSTRING_PTR(header);
    bool is_whole = text[TRACE_AT - 1] == '-' && text[SPAN_AT - 1] == '-' &&
                    text[FLAGS_AT - 1] == '-' && read_id(text + TRACE_AT, &ids[0]) &&
                    read_id(text + TRACE_AT + ID_DIGITS, &ids[1]) &&
                    read_id(text + SPAN_AT, &ids[2]);
    if (!is_whole || !(ids[0] | ids[1]) || !ids[2]) {
        memcpy(ids, none, sizeof none);
    }
    RB_GC_GUARD(header);
}

bool rp_header_parent(VALUE env, uint64_t ids[3])
{
    read_parent(look_up(env, key_traceparent), ids);
    return ids[2];
}

static void copy_text(VALUE string, char out[RP_HEADER_SIZE])
{
    size_t size = 0;
    if (!NIL_P(string)) {
        size = rp_utf8_cut(RSTRING_PTR(string), (size_t)RSTRING_LEN(string),
                           rp_limit_string(RP_HEADER_SIZE - 1));
    }
    if (size) {
        memcpy(out, RSTRING_PTR(string), size);
    }
    out[size] = '\0';
    RB_GC_GUARD(string);
}

size_t rp_header_read(int argc, const VALUE *argv, VALUE keys, struct rp_header_texts *texts,
                      uint64_t *slots, size_t next)
{
    VALUE env = find_env(argc, argv);
    read_parent(look_up(env, key_traceparent), slots + next);
    next += 3;
    for (long i = 0; i < RARRAY_LEN(keys) && i < RP_HEADERS_MAX && next < RP_SLOTS_MAX; i++) {
        copy_text(look_up(env, RARRAY_AREF(keys, i)), texts->bytes[i]);
        slots[next++] = (uint64_t)(uintptr_t)texts->bytes[i];
    }
    return next;
}
