/*
 * A call of a traced method. Start reading at rp_call_traced().
 *
 *   entered            begun                       ended                  fired
 *      |--- our work ----|------ the original ------|--- our work --- trap --|
 *
 * duration is from begun to ended, less what probes inside took; overhead is our work, before and after,
 * and what probes inside took. The trap itself can only be counted for the calls around this one.
 */
#include "call.h"

#include "collector.h"
#include "common_pair.h"
#include "ctx.h"
#include "guard.h"
#include "header.h"
#include "measure.h"
#include "render.h"
#include "wrapper.h"

#include <ruby/debug.h>

#define HOT inline __attribute__((always_inline))

enum { STATUS_OK, STATUS_EXCEPTION, STATUS_UNWOUND };

/* A condition for which the clock is not read: that would take longer. */
enum { CHEAP_NS = 50 };

/* The helper types that take a reading before the original. */
enum { READ_BEFORE = 1u << RP_HELPER_ALLOCATIONS | 1u << RP_HELPER_GC | 1u << RP_HELPER_CPU };

static uint64_t clock_cost;

struct call {
    const struct rp_method *method;
    VALUE self;
    int argc;
    const VALUE *argv;
    int keywords;
    VALUE result;
    int interrupt;            /* for rb_jump_tag() once all has fired, or 0; see own_type.h */
    bool is_done;             /* the original has returned */
    struct rp_probe *own_end; /* what to fire at the end: NULL where nobody wants that */
    struct rp_probe *shared_end;
    struct rp_probe *raise;
    uintptr_t fiber;
    struct rp_mark mark;
    uint64_t entered;
    uint64_t begun;
    uint64_t cpu;
    uint64_t gc;
    size_t allocated;
};

void rp_call_init(void)
{
    clock_cost = rp_measure_clock_cost();
}

static bool has(const struct call *call, enum rp_helper helper)
{
    return call->method->helpers & 1u << helper;
}

/* The probe if there is anything to do for it, else NULL. */
static HOT struct rp_probe *if_wanted(struct rp_probe *probe)
{
    return probe && rp_probe_is_wanted(probe) ? probe : NULL;
}

static uint64_t pointer(const char *text)
{
    return (uint64_t)(uintptr_t)text;
}

/* What can be read of the call now; duration is -1 before its end. */
static struct rp_scene scene_of(const struct call *call, int64_t duration)
{
    return (struct rp_scene){.self = call->self,
                             .argc = call->argc,
                             .argv = call->argv,
                             .keywords = call->keywords,
                             .result = call->is_done ? call->result : Qundef,
                             .duration = duration};
}

/* The room that texts are copied to, for the slots of the same numbers. Only what is used is touched. */
struct texts {
    char bytes[RP_SLOTS_MAX][RP_TEXT_MAX + 1];
};

_Static_assert((int)RP_TEXT_MAX == (int)RP_STRING_MAX, "helper types share the room with captures");

/* What the probe of moment tells, and where the next of its arguments goes. */
struct told {
    enum rp_moment moment;
    int64_t duration; /* -1 before the end */
    VALUE exception;  /* nil where there is none */
    uint64_t *slots;
    size_t next;
};

/* What comes behind the arguments of our own types: those of the app's, and captures. */
static void append_asked(struct call *call, const struct told *told, struct texts *texts)
{
    const struct rp_method *method = call->method;
    const struct rp_captures *captures = &method->captures[told->moment];
    const struct rp_scene scene = scene_of(call, told->duration);
    size_t next = told->next;
    if (method->own) {
        const struct rp_own_scene own = {&scene, method->name, told->exception, call->fiber};
        next = rp_own_types_append(&method->own[told->moment], &own, texts->bytes, told->slots,
                                   next, &call->interrupt);
    }
    for (int i = 0; i < captures->count && next < RP_SLOTS_MAX; i++, next++) {
        told->slots[next] = rp_program_slot(captures->programs[i], &scene, texts->bytes[next],
                                            sizeof texts->bytes[next]);
    }
}

static __attribute__((noinline)) bool is_filtered(const struct call *call, int64_t duration)
{
    const struct rp_scene scene = scene_of(call, duration);
    return !rp_program_is_true(call->method->condition, &scene);
}

/* What every probe of a method carries, but for overhead_ns, which is known last. */
static HOT void fill_common(const struct call *call, uint64_t slots[RP_SLOTS_MAX])
{
    rp_slots_clear(slots);
    slots[1] = pointer(call->method->subject);
    slots[2] = rp_ctx_current(call->fiber);
}

/* -- entry -- */

/* Our work so far. Where there was none, the clock is not read for it. */
static uint64_t work_since(uint64_t start, bool is_idle)
{
    return is_idle ? 0 : rp_now_ns() - start;
}

/* Out of line, as all that needs room for texts: the trap finds what it needs of the stack in the cache. */
static __attribute__((noinline)) void fire_long_entry(struct call *call)
{
    struct rp_text arguments;
    struct rp_text stack;
    struct rp_header_texts headers;
    struct texts texts;
    uint64_t slots[RP_SLOTS_MAX];
    size_t next = RP_ENTRY_COMMON;
    fill_common(call, slots);
    if (has(call, RP_HELPER_ARGS)) {
        rp_render_values(&arguments, call->argc, call->argv);
        slots[next++] = pointer(arguments.bytes);
    }
    if (has(call, RP_HELPER_STACK)) {
        rp_render_stack(&stack, call->method->frames);
        slots[next++] = pointer(stack.bytes);
    }
    if (has(call, RP_HELPER_HEADER)) {
        next = rp_header_read(call->argc, call->argv, call->method->headers, &headers, slots, next);
    }
    const struct told told = {RP_MOMENT_ENTRY, -1, Qnil, slots, next};
    append_asked(call, &told, &texts);
    slots[0] = rp_now_ns() - call->entered + clock_cost;
    rp_probe_fire(call->method->probes[RP_MOMENT_ENTRY], slots);
}

static HOT void fire_entry(struct call *call, struct rp_probe *own, struct rp_probe *shared)
{
    uint64_t slots[RP_SLOTS_MAX];
    bool is_idle = !call->method->condition;
    fill_common(call, slots);
    if (own && RP_UNLIKELY(call->method->is_long[RP_MOMENT_ENTRY])) {
        fire_long_entry(call);
    } else if (RP_LIKELY(own)) {
        slots[0] = work_since(call->entered, is_idle) + clock_cost;
        rp_probe_fire(own, slots);
    }
    if (RP_UNLIKELY(shared)) {
        slots[0] = work_since(call->entered, is_idle && !own) + clock_cost;
        rp_probe_fire(shared, slots);
    }
}

/* -- return -- */

/* How the original ended. */
struct end {
    uint64_t at;
    uint64_t nested; /* what probes inside took */
    uint64_t duration;
    uint64_t status;
    VALUE exception; /* nil where there is none */
    bool is_idle;    /* nothing of ours was done since */
};

/* What the helper types append, in the order of the table. */
static size_t append_specifics(const struct call *call, struct rp_text *result, uint64_t *slots)
{
    size_t next = RP_RETURN_COMMON;
    if (has(call, RP_HELPER_RESULT)) {
        rp_render_value(result, call->is_done ? call->result : Qnil);
        if (!call->is_done) {
            result->bytes[0] = '\0';
        }
        slots[next++] = pointer(result->bytes);
    }
    if (has(call, RP_HELPER_ALLOCATIONS)) {
        slots[next++] = rp_collector_allocated() - call->allocated;
        slots[next++] = UINT64_MAX; /* bytes: this VM does not tell */
    }
    if (has(call, RP_HELPER_GC)) {
        slots[next++] = rp_collector_ns() - call->gc;
    }
    if (has(call, RP_HELPER_CPU)) {
        slots[next++] = rp_clock_ns(CLOCK_THREAD_CPUTIME_ID) - call->cpu;
    }
    return next;
}

static HOT void fill_return(const struct call *call, const struct end *end, uint64_t *slots)
{
    fill_common(call, slots);
    slots[3] = end->duration;
    slots[4] = end->status;
}

static __attribute__((noinline)) void fire_long_return(struct call *call, const struct end *end,
                                                       uint64_t before)
{
    struct rp_text result;
    struct texts texts;
    uint64_t slots[RP_SLOTS_MAX];
    fill_return(call, end, slots);
    size_t next = append_specifics(call, &result, slots);
    const struct told told = {RP_MOMENT_RETURN, (int64_t)end->duration, end->exception, slots,
                              next};
    append_asked(call, &told, &texts);
    slots[0] = before + rp_now_ns() - end->at;
    rp_probe_fire(call->method->probes[RP_MOMENT_RETURN], slots);
}

static HOT void fire_return(struct call *call, const struct end *end)
{
    struct rp_probe *own = call->own_end;
    struct rp_probe *shared = call->shared_end;
    uint64_t before = call->begun - call->entered + end->nested + clock_cost;
    uint64_t slots[RP_SLOTS_MAX];
    fill_return(call, end, slots);
    if (own && RP_UNLIKELY(call->method->is_long[RP_MOMENT_RETURN])) {
        fire_long_return(call, end, before);
    } else if (RP_LIKELY(own)) {
        slots[0] = before + work_since(end->at, end->is_idle);
        rp_probe_fire(own, slots);
    }
    if (RP_UNLIKELY(shared)) {
        slots[0] = before + work_since(end->at, end->is_idle && !own);
        rp_probe_fire(shared, slots);
    }
}

static __attribute__((noinline)) void fire_raise(struct call *call, const struct end *end)
{
    struct rp_text name;
    struct rp_text message;
    struct texts texts;
    uint64_t slots[RP_SLOTS_MAX];
    fill_common(call, slots);
    slots[3] = pointer(name.bytes);
    slots[4] = pointer(message.bytes);
    rp_render_class(&name, end->exception);
    rp_render_message(&message, end->exception);
    const struct told told = {RP_MOMENT_RAISE, (int64_t)end->duration, end->exception, slots,
                              RP_RAISE_COMMON};
    append_asked(call, &told, &texts);
    slots[0] = call->begun - call->entered + rp_now_ns() - end->at + clock_cost;
    rp_probe_fire(call->method->probes[RP_MOMENT_RAISE], slots);
}

/* -- the call -- */

/* What is read only for some helper types, right before the original. */
static __attribute__((noinline)) void read_before(struct call *call)
{
    if (has(call, RP_HELPER_GC)) {
        call->gc = rp_collector_ns(); /* before the objects: Ruby's method caches are objects too */
    }
    if (has(call, RP_HELPER_ALLOCATIONS)) {
        call->allocated = rp_collector_allocated();
    }
    if (has(call, RP_HELPER_CPU)) {
        call->cpu = rp_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    }
}

/*
 * Finds out what is wanted, and fires what there is to fire. False when nothing is, and nothing will be: who
 * comes later hears of the calls that begin later; so too for what the block of a helper type calls. Where nothing
 * was done since the call was entered, the clock is not read again.
 */
static HOT bool begin(struct call *call)
{
    const struct rp_method *method = call->method;
    struct rp_probe *own = method->is_late ? NULL : if_wanted(method->probes[RP_MOMENT_ENTRY]);
    struct rp_probe *shared = NULL;
    call->own_end = if_wanted(method->probes[RP_MOMENT_RETURN]);
    call->shared_end = NULL;
    call->raise = if_wanted(method->probes[RP_MOMENT_RAISE]);
    if (RP_UNLIKELY(rp_common_pair_is_attached())) {
        shared = method->is_late ? NULL : if_wanted(rp_common_pair.entry);
        call->shared_end = if_wanted(rp_common_pair.returned);
    }
    call->begun = call->entered;
    if (RP_UNLIKELY(!own && !shared && !call->own_end && !call->shared_end && !call->raise)) {
        return false;
    }
    call->fiber = (uintptr_t)rb_fiber_current();
    struct rp_place *place = rp_measure_place(call->fiber);
    if (RP_UNLIKELY(place->is_asking)) {
        return false;
    }
    call->mark = rp_measure_mark(place);
    rp_measure_open(place);
    if (own || RP_UNLIKELY(shared)) {
        fire_entry(call, own, shared);
        call->begun = rp_now_ns();
    }
    if (RP_UNLIKELY(method->helpers & READ_BEFORE)) {
        read_before(call);
        call->begun = rp_now_ns();
    }
    return true;
}

/* Now; it has a duration and a status. */
static HOT struct end end_of(const struct call *call, VALUE exception, uint64_t nested)
{
    const uint64_t now = rp_now_ns();
    const uint64_t took = now - call->begun;
    return (struct end){.at = now,
                        .nested = nested,
                        .duration = took > nested ? took - nested : 0,
                        .status = call->is_done      ? STATUS_OK
                                  : NIL_P(exception) ? STATUS_UNWOUND
                                                     : STATUS_EXCEPTION,
                        .exception = exception,
                        .is_idle = !call->method->is_late};
}

/* True when that took a while, as firing does. */
static HOT bool fire_end(struct call *call, struct end *end)
{
    if (RP_UNLIKELY(call->method->is_late) && is_filtered(call, (int64_t)end->duration)) {
        return rp_program_cost_ns(call->method->condition) > CHEAP_NS;
    }
    if (!NIL_P(end->exception) && call->raise) {
        fire_raise(call, end);
        end->is_idle = false;
    }
    if (call->own_end || call->shared_end) {
        fire_return(call, end);
    }
    return true;
}

/* Whether the end may take longer than a firing, or less: so it has to be timed. */
static HOT bool is_uneven(const struct call *call)
{
    return call->method->is_late || call->method->is_long[RP_MOMENT_RETURN] || call->raise;
}

/* Fires what there is to fire at the end, and adds what that took. */
static __attribute__((noinline)) void finish_timed(struct call *call, struct end *end,
                                                   struct rp_place *place)
{
    if (fire_end(call, end)) {
        uint64_t took = rp_now_ns() - end->at;
        if (is_uneven(call)) {
            place = rp_measure_place(call->fiber); /* GC.total_time and blocks may let others run */
        } else {
            rp_measure_learn(place, took);
        }
        rp_measure_add(place, took);
    }
}

/*
 * The clock is not read for nothing. The time of a cheap condition that was false counts as the app's. What is
 * needed behind the trap is looked up before it: there each look takes several times as long, and so does the
 * clock. In most calls nothing is needed: no other call is open, so what the firing took is of no use but to the
 * limit of CPU time, and for that one in RP_MEASURE_SAMPLED is timed.
 */
static HOT void finish(struct call *call, VALUE exception)
{
    struct rp_place *place = rp_measure_place(call->fiber);
    uint64_t nested = rp_measure_since(place, call->mark);
    bool is_alone = rp_measure_close(place, call->mark);
    rp_measure_add(place, call->begun - call->entered);
    rp_limit_spend_clocked(rp_measure_take(place) + RP_WRAPPER_NS);
    if (!call->own_end && !call->shared_end && (NIL_P(exception) || !call->raise)) {
        return;
    }
    struct end end = end_of(call, exception, nested);
    if (call->method->is_span && !rp_expression_spans(call->method->span, (int64_t)end.duration)) {
        return;
    }
    if (RP_UNLIKELY(!is_alone || is_uneven(call) || rp_measure_is_sampled(place))) {
        finish_timed(call, &end, place);
    } else {
        rp_measure_add(place, place->firing_ns);
        fire_end(call, &end);
    }
}

/* What blocks of helper types have kept for the app. */
static HOT void let_through(struct call *call)
{
    if (RP_UNLIKELY(call->interrupt)) {
        int interrupt = call->interrupt;
        call->interrupt = 0;
        rb_jump_tag(interrupt);
    }
}

/* Fires as soon as the original has returned: behind a trap each frame that is left costs 7 ns. */
static VALUE call_original(VALUE argument)
{
    struct call *call = (struct call *)argument;
    let_through(call);
    call->result = rb_call_super_kw(call->argc, call->argv, call->keywords);
    call->is_done = true;
    finish(call, Qnil);
    let_through(call);
    return call->result;
}

/* However else the original ended: rb_errinfo() is an exception, or nil for break, throw and Thread#kill. */
static VALUE unwind(VALUE argument)
{
    struct call *call = (struct call *)argument;
    if (!call->is_done) {
        VALUE exception = rb_errinfo();
        finish(call, RTEST(rb_obj_is_kind_of(exception, rb_eException)) ? exception : Qnil);
        let_through(call);
    }
    return Qnil;
}

/*
 * The method under another name: an alias made while the wrapper was there leads to the wrapper, and
 * super from it would not find the method it stands for.
 */
static __attribute__((noinline)) VALUE call_through_alias(const struct rp_method *method, int argc,
                                                          const VALUE *argv, VALUE self)
{
    VALUE original = method->original;
    if (!NIL_P(method->aliases)) {
        original = rb_hash_lookup2(method->aliases, ID2SYM(rb_frame_callee()), original);
    }
    return rp_wrapper_call(original, argc, argv, self);
}

/* The room is for texts; a short probe takes less than Ruby keeps back. */
static HOT bool lacks_room(const struct rp_method *method)
{
    bool has_texts = method->is_long[RP_MOMENT_ENTRY] || method->is_long[RP_MOMENT_RETURN] ||
                     method->probes[RP_MOMENT_RAISE];
    return has_texts ? rp_guard_lacks_room() : ruby_stack_check();
}

VALUE rp_call_traced(int argc, VALUE *argv, VALUE self, uint32_t number, void *const *owners)
{
    struct call call; /* no initialiser: it would clear all of it, in the time of reading a clock */
    call.entered = rp_now_ns();
    call.method = owners[number];
    call.self = self;
    call.argc = argc;
    call.argv = argv;
    call.keywords = rb_keyword_given_p();
    call.result = Qnil;
    call.interrupt = 0;
    call.is_done = false;
    if (RP_UNLIKELY(lacks_room(call.method))) { /* super does not look */
        rb_raise(rb_eSysStackError, "stack level too deep");
    }
    if (RP_UNLIKELY(rb_frame_callee() != call.method->name)) {
        return call_through_alias(call.method, argc, argv, self);
    }
    if (RP_UNLIKELY(call.method->condition) && !call.method->is_late && is_filtered(&call, -1)) {
        rp_limit_spend(RP_WRAPPER_NS);
        return rb_call_super_kw(argc, argv, call.keywords);
    }
    if (!begin(&call)) {
        return rb_call_super_kw(argc, argv, call.keywords);
    }
    return rb_ensure(call_original, (VALUE)&call, unwind, (VALUE)&call);
}
