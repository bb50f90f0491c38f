/*
 * Tokens of SQL as one hash, in which repeated elements of a list count once; only fingerprint.c uses it, and
 * says which tokens there are.
 *
 * There is a frame for each open parenthesis, and one for the text around them:
 *
 *   IN ( 1 , 2 ) AND     group     hash of the elements that count
 *      |   |   |         element   hash of the tokens since the last separator
 *      open|   close     last      hash of the element before: the same one again does not count
 *       separate
 *
 * A closed group is a token of the frame below. One that is a row, after VALUES and a row, is none.
 */
#ifndef RAILPROBE_SHAPE_H
#define RAILPROBE_SHAPE_H

#include "fingerprint.h"

#include <stdbool.h>

/* What tokens are folded in as; that of a word or a name is a hash. */
enum rp_shape_token {
    RP_SHAPE_VALUE = 1,
    RP_SHAPE_NAME,
    RP_SHAPE_WORD,
    RP_SHAPE_GROUP,
    RP_SHAPE_COMMA,
    RP_SHAPE_OR,
    RP_SHAPE_CHARACTER = 0x100, /* plus the character */
};

/* Where a frame is in the rows behind VALUES. */
enum rp_shape_rows {
    RP_SHAPE_ROWS_NONE,
    RP_SHAPE_ROWS_EXPECTED, /* behind VALUES */
    RP_SHAPE_ROWS_READ,     /* behind a row */
    RP_SHAPE_ROWS_NEXT,     /* behind a row and a comma */
};

struct rp_shape_frame {
    uint64_t group;
    uint64_t element;
    uint64_t last;
    uint64_t separator; /* in front of the element */
    enum rp_shape_rows rows;
    bool is_row;
    bool is_left_out;
};

struct rp_shape {
    struct rp_shape_frame *top;
    unsigned too_deep; /* open parentheses that have no frame */
    bool is_ending;    /* there was a semicolon, and nothing since */
    struct rp_shape_frame frames[RP_FINGERPRINT_DEPTH_MAX];
};

static const struct rp_shape_frame rp_shape_empty = {.group = 0x6c62272e07bb0142ULL,
                                                     .element = 0x62b821756295c58dULL};

static inline uint64_t rp_shape_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
    return hash ^ hash >> 32;
}

/* Frames are written when they are opened, not here. */
static inline void rp_shape_begin(struct rp_shape *shape)
{
    shape->frames[0] = rp_shape_empty;
    shape->top = shape->frames;
    shape->too_deep = 0;
    shape->is_ending = false;
}

/* An element without tokens does not count, so a list may be cut anywhere. */
static inline void rp_shape_end_element(struct rp_shape_frame *frame)
{
    if (frame->element != frame->last && frame->element != rp_shape_empty.element) {
        frame->group = rp_shape_mix(frame->group, frame->separator ^ frame->element);
        frame->last = frame->element;
    }
    frame->element = rp_shape_empty.element;
}

/* Folds in what was held back until it was known that more follows. */
static inline void rp_shape_flush(struct rp_shape *shape)
{
    struct rp_shape_frame *frame = shape->top;
    if (shape->is_ending) {
        shape->is_ending = false;
        frame->element = rp_shape_mix(frame->element, RP_SHAPE_CHARACTER + ';');
    }
    if (frame->rows == RP_SHAPE_ROWS_NEXT) {
        rp_shape_end_element(frame);
        frame->separator = RP_SHAPE_COMMA;
    }
    frame->rows = RP_SHAPE_ROWS_NONE;
}

static inline void rp_shape_fold(struct rp_shape *shape, uint64_t token)
{
    if (shape->is_ending || shape->top->rows) {
        rp_shape_flush(shape);
    }
    shape->top->element = rp_shape_mix(shape->top->element, token);
}

/* What was folded in last is the word VALUES. */
static inline void rp_shape_expect_rows(struct rp_shape *shape)
{
    shape->top->rows = RP_SHAPE_ROWS_EXPECTED;
}

/* A semicolon counts when more follows. */
static inline void rp_shape_end_statement(struct rp_shape *shape)
{
    shape->is_ending = true;
}

static inline void rp_shape_separate(struct rp_shape *shape, enum rp_shape_token separator)
{
    struct rp_shape_frame *frame = shape->top;
    if (frame->rows == RP_SHAPE_ROWS_READ && separator == RP_SHAPE_COMMA) {
        frame->rows = RP_SHAPE_ROWS_NEXT;
        return;
    }
    rp_shape_flush(shape);
    rp_shape_end_element(frame);
    frame->separator = separator;
}

static inline void rp_shape_open(struct rp_shape *shape, unsigned char parenthesis)
{
    struct rp_shape_frame *outer = shape->top;
    if (outer == shape->frames + RP_FINGERPRINT_DEPTH_MAX - 1) {
        shape->too_deep++;
        rp_shape_fold(shape, RP_SHAPE_CHARACTER + parenthesis);
        return;
    }
    bool is_left_out = outer->rows == RP_SHAPE_ROWS_NEXT;
    bool is_row = is_left_out || outer->rows == RP_SHAPE_ROWS_EXPECTED;
    if (!is_row) {
        rp_shape_flush(shape);
    }
    shape->top = outer + 1;
    *shape->top = rp_shape_empty;
    shape->top->separator = RP_SHAPE_CHARACTER + parenthesis;
    shape->top->is_row = is_row;
    shape->top->is_left_out = is_left_out;
}

static inline void rp_shape_pop(struct rp_shape *shape)
{
    struct rp_shape_frame *frame = shape->top--;
    rp_shape_end_element(frame);
    if (frame->is_row) {
        shape->top->rows = RP_SHAPE_ROWS_READ;
    }
    if (!frame->is_left_out) {
        uint64_t element = rp_shape_mix(shape->top->element, RP_SHAPE_GROUP);
        shape->top->element = rp_shape_mix(element, frame->group);
    }
}

static inline void rp_shape_close(struct rp_shape *shape, unsigned char parenthesis)
{
    if (shape->too_deep || shape->top == shape->frames) {
        shape->too_deep -= shape->too_deep > 0;
        rp_shape_fold(shape, RP_SHAPE_CHARACTER + parenthesis);
        return;
    }
    rp_shape_flush(shape);
    rp_shape_pop(shape);
}

/* The hash; 0 if there was nothing that counts. What is open is closed. */
static inline uint64_t rp_shape_finish(struct rp_shape *shape)
{
    while (shape->top > shape->frames) {
        rp_shape_pop(shape);
    }
    rp_shape_end_element(shape->frames);
    uint64_t hash = shape->frames[0].group;
    if (hash == rp_shape_empty.group) {
        return 0;
    }
    hash = rp_shape_mix(rp_shape_mix(hash, 0), 0);
    return hash ? hash : 1;
}

#endif
