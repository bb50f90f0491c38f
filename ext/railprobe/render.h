/*
 * Ruby values as text, for the arguments that people read: args, result, exception, stack.
 *
 * Contract: Ruby's lock is held; nothing is raised, no Ruby object is allocated, no Ruby code runs: what
 * would need the object's own methods is shown as its class. Worst case: RP_TEXT_MAX bytes written and
 * RP_RENDER_ELEMENTS elements of a collection looked at.
 */
#ifndef RAILPROBE_RENDER_H
#define RAILPROBE_RENDER_H

#include <ruby.h>

enum { RP_TEXT_MAX = 1024, RP_RENDER_ELEMENTS = 8, RP_FRAMES_MAX = 64 };

/* Text of at most RP_TEXT_MAX bytes, always with a NUL, cut at a character. */
struct rp_text {
    size_t size;
    char bytes[RP_TEXT_MAX + 1];
};

/* 42, 1.5, nil, true, :name, "text", [1, 2], {..} of 3, #<Order>. */
void rp_render_value(struct rp_text *text, VALUE value);

/* The values as (1, "two", #<Order>). */
void rp_render_values(struct rp_text *text, int count, const VALUE *values);

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
