/*
 * Ruby values as text. See render.h for the contract.
 */
#include "render.h"

#include "utf8.h"

#include <ruby/debug.h>
#include <ruby/encoding.h>
#include <stdio.h>
#include <string.h>

enum { NESTING_MAX = 2, WORD_SIZE = 64 };

static void begin(struct rp_text *text)
{
    text->size = 0;
    text->is_cut = false;
    text->bytes[0] = '\0';
}

/* Cuts at a character when there is no room for all: bytes are taken for UTF-8. */
static void put(struct rp_text *text, const char *bytes, size_t size)
{
    const size_t most = rp_limit_string(RP_TEXT_MAX); /* may have become less meanwhile */
    const size_t room = most > text->size && !text->is_cut ? most - text->size : 0;
    text->is_cut |= size > room;
    size = rp_utf8_cut(bytes, size, room);
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
}

static void put_word(struct rp_text *text, const char *word)
{
    put(text, word, strlen(word));
}

static void put_string(struct rp_text *text, VALUE string)
{
    put(text, RSTRING_PTR(string), (size_t)RSTRING_LEN(string));
    RB_GC_GUARD(string);
}

/* rb_class_path_cached() makes no string; an anonymous class has none. */
static void put_class(struct rp_text *text, VALUE object)
{
    VALUE path = rb_class_path_cached(rb_obj_class(object));
    if (RB_TYPE_P(path, T_STRING)) {
        put_string(text, path);
    }
}

static void put_number(struct rp_text *text, VALUE number)
{
    char word[WORD_SIZE];
    if (FIXNUM_P(number)) {
        (void)snprintf(word, sizeof word, "%ld", FIX2LONG(number));
    } else if (RB_FLOAT_TYPE_P(number)) {
        (void)snprintf(word, sizeof word, "%.17g", RFLOAT_VALUE(number));
    } else {
        (void)snprintf(word, sizeof word, "#<Integer of %zu bytes>", rb_absint_size(number, NULL));
    }
    put_word(text, word);
}

static void put_value(struct rp_text *text, VALUE value, int nesting);

static void put_array(struct rp_text *text, VALUE array, int nesting)
{
    char word[WORD_SIZE];
    long count = RARRAY_LEN(array);
    if (nesting >= NESTING_MAX) {
        (void)snprintf(word, sizeof word, "[..] of %ld", count);
        put_word(text, word);
        return;
    }
    put_word(text, "[");
    for (long i = 0; i < count && i < RP_RENDER_ELEMENTS; i++) {
        put_word(text, i ? ", " : "");
        put_value(text, RARRAY_AREF(array, i), nesting + 1);
    }
    put_word(text, count > RP_RENDER_ELEMENTS ? ", .." : "");
    put_word(text, "]");
}

static void put_other(struct rp_text *text, VALUE value)
{
    char word[WORD_SIZE];
    if (RB_TYPE_P(value, T_HASH)) {
        (void)snprintf(word, sizeof word, "{..} of %zu", (size_t)RHASH_SIZE(value));
        put_word(text, word);
    } else if (RB_TYPE_P(value, T_CLASS) || RB_TYPE_P(value, T_MODULE)) {
        VALUE path = rb_class_path_cached(value);
        if (RB_TYPE_P(path, T_STRING)) {
            put_string(text, path);
        }
    } else {
        put_word(text, "#<");
        put_class(text, value);
        put_word(text, ">");
    }
}

static void put_value(struct rp_text *text, VALUE value, int nesting)
{
    if (NIL_P(value)) {
        put_word(text, "nil");
    } else if (value == Qtrue || value == Qfalse) {
        put_word(text, value == Qtrue ? "true" : "false");
    } else if (RB_INTEGER_TYPE_P(value) || RB_FLOAT_TYPE_P(value)) {
        put_number(text, value);
    } else if (RB_SYMBOL_P(value)) {
        put_word(text, ":");
        put_string(text, rb_sym2str(value));
    } else if (RB_TYPE_P(value, T_STRING)) {
        put_word(text, "\"");
        put_string(text, value);
        put_word(text, "\"");
    } else if (RB_TYPE_P(value, T_ARRAY)) {
        put_array(text, value, nesting);
    } else {
        put_other(text, value);
    }
}

void rp_render_value(struct rp_text *text, VALUE value)
{
    begin(text);
    put_value(text, value, 0);
}

void rp_render_values(struct rp_text *text, int count, const VALUE *values)
{
    begin(text);
    put_word(text, "(");
    for (int i = 0; i < count && i < RP_RENDER_ELEMENTS; i++) {
        put_word(text, i ? ", " : "");
        put_value(text, values[i], 1);
    }
    put_word(text, count > RP_RENDER_ELEMENTS ? ", ..)" : ")");
}

void rp_render_more(struct rp_text *text, const char *bytes, size_t size)
{
    put(text, bytes, size);
}

void rp_render_more_text(struct rp_text *text, VALUE value)
{
    if (RB_TYPE_P(value, T_STRING)) {
        put_string(text, value);
    } else if (RB_SYMBOL_P(value)) {
        put_string(text, rb_sym2str(value));
    }
}

void rp_render_text(struct rp_text *text, VALUE value)
{
    begin(text);
    rp_render_more_text(text, value);
}

static void put_key(struct rp_text *text, VALUE key, int nesting)
{
    if (RB_TYPE_P(key, T_STRING) || RB_SYMBOL_P(key)) {
        rp_render_more_text(text, key);
    } else if (RB_INTEGER_TYPE_P(key) || RB_FLOAT_TYPE_P(key)) {
        put_number(text, key);
    } else if (RB_TYPE_P(key, T_ARRAY) && nesting < NESTING_MAX) {
        for (long i = 0; i < RARRAY_LEN(key) && i < RP_RENDER_ELEMENTS; i++) {
            put_word(text, i ? "/" : "");
            put_key(text, RARRAY_AREF(key, i), nesting + 1);
        }
    } else if (!NIL_P(key)) {
        put_class(text, key);
    }
}

void rp_render_more_key(struct rp_text *text, VALUE key)
{
    put_key(text, key, 0);
}

struct pairs {
    struct rp_text *text;
    int count;
};

static int put_pair(VALUE key, VALUE value, VALUE argument)
{
    struct pairs *pairs = (struct pairs *)argument;
    put_word(pairs->text, pairs->count++ ? ", " : "");
    if (RB_SYMBOL_P(key)) {
        put_string(pairs->text, rb_sym2str(key));
        put_word(pairs->text, ": ");
    } else {
        put_value(pairs->text, key, 1);
        put_word(pairs->text, " => ");
    }
    put_value(pairs->text, value, 1);
    return pairs->text->is_cut ? ST_STOP : ST_CONTINUE;
}

void rp_render_pairs(struct rp_text *text, VALUE hash)
{
    struct pairs pairs = {text, 0};
    begin(text);
    put_word(text, "{");
    rb_hash_foreach(hash, put_pair, (VALUE)&pairs);
    put_word(text, "}");
}

void rp_render_class(struct rp_text *text, VALUE object)
{
    begin(text);
    put_class(text, object);
}

void rp_render_message(struct rp_text *text, VALUE exception)
{
    begin(text);
    VALUE message =
        rb_attr_get(exception, rb_intern("mesg")); /* where Exception#initialize keeps it */
    if (RB_TYPE_P(message, T_STRING)) {
        put_string(text, message);
    }
}

/* Whether the file belongs to a gem or to Ruby, and not to the app. */
static bool is_library(const char *path, size_t size)
{
    static const char *const parts[] = {"/gems/", "/lib/ruby/", "<internal:"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (memmem(path, size, parts[i], strlen(parts[i]))) {
            return true;
        }
    }
    return false;
}

static void put_frame(struct rp_text *text, VALUE path, VALUE frame, int line)
{
    char word[WORD_SIZE];
    VALUE label = rb_profile_frame_base_label(frame);
    put_word(text, text->size ? "\n" : "");
    put_string(text, path);
    (void)snprintf(word, sizeof word, ":%d:in ", line);
    put_word(text, word);
    if (RB_TYPE_P(label, T_STRING)) {
        put_string(text, label);
    }
}

void rp_render_stack(struct rp_text *text, int frames)
{
    VALUE found[RP_FRAMES_MAX];
    int lines[RP_FRAMES_MAX];
    int count = rb_profile_frames(0, RP_FRAMES_MAX, found, lines);
    int put_so_far = 0;
    begin(text);
    for (int library = 0; library <= 1; library++) {
        for (int i = 0; i < count && put_so_far < frames; i++) {
            VALUE path = rb_profile_frame_path(found[i]);
            /* A frame of C code has no path, and the bottom of the stack has no line. */
            if (RB_TYPE_P(path, T_STRING) && lines[i] &&
                is_library(RSTRING_PTR(path), (size_t)RSTRING_LEN(path)) == library) {
                put_frame(text, path, found[i], lines[i]);
                put_so_far++;
            }
        }
    }
}
