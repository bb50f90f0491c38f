/*
 * Ruby values as text, for the arguments that people read: args, result, exception, stack.
 *
 * Contract: Ruby's lock is held; nothing is raised, no Ruby object is allocated, no Ruby code runs: what
 * would need the object's own methods is shown as its class. Worst case: RP_TEXT_MAX bytes written and
 * RP_RENDER_ELEMENTS elements of a collection looked at.
 */
#ifndef RAILPROBE_RENDER_H
#define RAILPROBE_RENDER_H

#include "limit.h"

#include <ruby.h>
#include <stdbool.h>

enum { RP_TEXT_MAX = RP_STRING_MAX, RP_RENDER_ELEMENTS = 8 };

/* Text of at most limits.string bytes, always with a NUL, cut at a character. */
struct rp_text {
    size_t size;
    bool is_cut; /* nothing more is put behind a cut */
    char bytes[RP_TEXT_MAX + 1];
};

/* 42, 1.5, nil, true, :name, "text", [1, 2], {..} of 3, #<Order>. */
void rp_render_value(struct rp_text *text, VALUE value);

/* The values as (1, "two", #<Order>). */
void rp_render_values(struct rp_text *text, int count, const VALUE *values);

/* A String or a Symbol as it is; "" for anything else. */
void rp_render_text(struct rp_text *text, VALUE value);

/* The same behind what is there, or size bytes. */
void rp_render_more_text(struct rp_text *text, VALUE value);
void rp_render_more(struct rp_text *text, const char *bytes, size_t size);

/*
 * A key of a cache behind what is there, as it was given: texts and numbers as they are, an Array's elements with /
 * between them, anything else as its class.
 */
void rp_render_more_key(struct rp_text *text, VALUE key);

/* The pairs of a Hash as {id: 1, name: "x"}. */
void rp_render_pairs(struct rp_text *text, VALUE hash);

/* The name of the object's class; "" when it has none. */
void rp_render_class(struct rp_text *text, VALUE object);

/* An exception's message as it was given, without calling #message; "" when it is no string. */
void rp_render_message(struct rp_text *text, VALUE exception);

/*
 * The calling frames, one to a line as path:line:in label, at most frames of them: first those of the
 * app, then those in gems and in Ruby's own library.
 */
void rp_render_stack(struct rp_text *text, int frames);

#endif
