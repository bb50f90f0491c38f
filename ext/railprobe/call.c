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

#include "header.h"
#include "measure.h"
#include "render.h"

#include <ruby/debug.h>

enum { STATUS_OK, STATUS_EXCEPTION, STATUS_UNWOUND };

/* A condition for which the clock is not read: that would take longer. */
enum { CHEAP_NS = 50 };

/* The helper types that take a reading before the original. */
enum { READ_BEFORE = 1u << RP_HELPER_ALLOCATIONS | 1u << RP_HELPER_GC | 1u << RP_HELPER_CPU };

static struct rp_common common;
static uint64_t clock_cost;
static ID id_total_time;
static VALUE sym_total_allocated_objects;
static __thread bool is_inside; /* this thread is calling a method for a call that is traced */

struct call {
    const struct rp_method *method;
    VALUE self;
    int argc;
    const VALUE *argv;
    int keywords;
    VALUE result;
    bool is_done; /* the original has returned */
    bool is_late; /* whether to fire is known only at the end, so there is no entry */
    uintptr_t fiber;
    struct rp_mark mark;
    uint64_t entered;
    uint64_t begun;
    uint64_t cpu;
    uint64_t gc;
    size_t allocated;
};

void rp_call_init(const struct rp_common *new_common)
{
    common = *new_common;
    clock_cost = rp_measure_clock_cost();
    id_total_time = rb_intern("total_time");
    sym_total_allocated_objects = ID2SYM(rb_intern("total_allocated_objects"));
    /* The first call makes a table: two Ractors that made it at once would not find the key. */
    (void)rb_gc_stat(sym_total_allocated_objects);
}

static bool has(const struct call *call, enum rp_helper helper)
{
    return call->method->helpers & 1u << helper;
}

static bool is_attached(struct rp_probe *probe)
{
    return probe && rp_probe_is_attached(probe);
}

static uint64_t pointer(const char *text)
{
    return (uint64_t)(uintptr_t)text;
}

static VALUE call_gc_time(VALUE unused)
{
    (void)unused;
    return rb_funcall(rb_mGC, id_total_time, 0);
}

/*
 * GC.total_time, ns; it is a C method that makes no object below 2**62. The one method that is called
 * here: somebody may have put another one in its place, or be tracing it.
 */
static uint64_t gc_time(void)
{
    int state = 0;
    VALUE before = rb_errinfo();
    is_inside = true;
    VALUE time = rb_protect(call_gc_time, Qnil, &state);
    is_inside = false;
    if (state) {
        rb_set_errinfo(RTEST(rb_obj_is_kind_of(before, rb_eException)) ? before : Qnil);
    }
    return FIXNUM_P(time) ? (uint64_t)FIX2LONG(time) : 0;
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

/* The room that the texts of captures are copied to. Only what is used is touched. */
struct capture_texts {
    char bytes[RP_SLOTS_MAX][RP_TEXT_MAX + 1];
};

static void append_captures(const struct call *call, enum rp_moment moment, int64_t duration,
                            struct capture_texts *texts, uint64_t *slots, size_t next)
{
    const struct rp_captures *captures = &call->method->captures[moment];
    const struct rp_scene scene = scene_of(call, duration);
    for (int i = 0; i < captures->count && next < RP_SLOTS_MAX; i++) {
        slots[next++] =
            rp_program_slot(captures->programs[i], &scene, texts->bytes[i], sizeof texts->bytes[i]);
    }
}

static bool is_filtered(const struct call *call, int64_t duration)
{
    const struct rp_scene scene = scene_of(call, duration);
    return !rp_program_is_true(call->method->condition, &scene);
}

/* -- entry -- */

/* Our work so far. Where there was none, the clock is not read for it. */
static uint64_t work_since(uint64_t start, bool is_idle)
{
    return is_idle ? 0 : rp_now_ns() - start;
}

static void fire_entry(struct call *call)
{
    struct rp_text arguments;
    struct rp_text stack;
    struct rp_header_texts headers;
    struct capture_texts texts;
    uint64_t slots[RP_SLOTS_MAX] = {0, pointer(call->method->subject), 0};
    size_t next = RP_ENTRY_COMMON;
    bool is_idle = !call->method->condition;
    if (is_attached(call->method->probes[RP_MOMENT_ENTRY])) {
        if (has(call, RP_HELPER_ARGS)) {
            rp_render_values(&arguments, call->argc, call->argv);
            slots[next++] = pointer(arguments.bytes);
        }
        if (has(call, RP_HELPER_STACK)) {
            rp_render_stack(&stack, call->method->frames);
            slots[next++] = pointer(stack.bytes);
        }
        if (has(call, RP_HELPER_HEADER)) {
            next = rp_header_read(call->argc, call->argv, call->method->headers, &headers, slots,
                                  next);
        }
        append_captures(call, RP_MOMENT_ENTRY, -1, &texts, slots, next);
        is_idle =
            is_idle && next == RP_ENTRY_COMMON && !call->method->captures[RP_MOMENT_ENTRY].count;
        slots[0] = work_since(call->entered, is_idle) + clock_cost;
        rp_probe_fire(call->method->probes[RP_MOMENT_ENTRY], slots);
        is_idle = false;
    }
    if (is_attached(common.entry)) {
        slots[0] = work_since(call->entered, is_idle) + clock_cost;
        rp_probe_fire(common.entry, slots);
    }
}

/* -- return -- */

/* How the original ended. */
struct end {
    uint64_t at;
    uint64_t nested; /* what probes inside took */
    uint64_t duration;
    uint64_t status;
    bool is_idle; /* nothing of ours was done since */
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
        slots[next++] = rb_gc_stat(sym_total_allocated_objects) - call->allocated;
        slots[next++] = UINT64_MAX; /* bytes: this VM does not tell */
    }
    if (has(call, RP_HELPER_GC)) {
        slots[next++] = gc_time() - call->gc;
    }
    if (has(call, RP_HELPER_CPU)) {
        slots[next++] = rp_clock_ns(CLOCK_THREAD_CPUTIME_ID) - call->cpu;
    }
    return next;
}

static void fire_return(const struct call *call, const struct end *end)
{
    struct rp_text result;
    struct capture_texts texts;
    uint64_t before = call->begun - call->entered + end->nested + clock_cost;
    uint64_t slots[RP_SLOTS_MAX] = {0, pointer(call->method->subject), 0, end->duration,
                                    end->status};
    bool is_idle = end->is_idle;
    if (is_attached(call->method->probes[RP_MOMENT_RETURN])) {
        size_t next = append_specifics(call, &result, slots);
        append_captures(call, RP_MOMENT_RETURN, (int64_t)end->duration, &texts, slots, next);
        is_idle =
            is_idle && next == RP_RETURN_COMMON && !call->method->captures[RP_MOMENT_RETURN].count;
        slots[0] = before + work_since(end->at, is_idle);
        rp_probe_fire(call->method->probes[RP_MOMENT_RETURN], slots);
        is_idle = false;
    }
    if (is_attached(common.returned)) {
        slots[0] = before + work_since(end->at, is_idle);
        rp_probe_fire(common.returned, slots);
    }
}

static void fire_raise(const struct call *call, const struct end *end, VALUE exception)
{
    struct rp_text name;
    struct rp_text message;
    struct capture_texts texts;
    uint64_t slots[RP_SLOTS_MAX] = {0, pointer(call->method->subject), 0, pointer(name.bytes),
                                    pointer(message.bytes)};
    rp_render_class(&name, exception);
    rp_render_message(&message, exception);
    append_captures(call, RP_MOMENT_RAISE, (int64_t)end->duration, &texts, slots,
                    RP_RAISE_COMMON + 2);
    slots[0] = call->begun - call->entered + rp_now_ns() - end->at + clock_cost;
    rp_probe_fire(call->method->probes[RP_MOMENT_RAISE], slots);
}

/* -- the call -- */

/* What is read only for some helper types, right before the original. False when that is nothing. */
static bool read_before(struct call *call)
{
    if (has(call, RP_HELPER_GC)) {
        call->gc = gc_time(); /* before the objects: Ruby's method caches are objects too */
    }
    if (has(call, RP_HELPER_ALLOCATIONS)) {
        call->allocated = rb_gc_stat(sym_total_allocated_objects);
    }
    if (has(call, RP_HELPER_CPU)) {
        call->cpu = rp_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    }
    return call->method->helpers & READ_BEFORE;
}

/* Where nothing was done since the call was entered, the clock is not read again. */
static void begin(struct call *call)
{
    bool is_idle = true;
    call->fiber = (uintptr_t)rb_fiber_current();
    call->mark = rp_measure_mark(call->fiber);
    if (!call->is_late &&
        (is_attached(call->method->probes[RP_MOMENT_ENTRY]) || is_attached(common.entry))) {
        fire_entry(call);
        is_idle = false;
    }
    is_idle = !read_before(call) && is_idle;
    call->begun = is_idle ? call->entered : rp_now_ns();
}

static VALUE call_original(VALUE argument)
{
    struct call *call = (struct call *)argument;
    call->result = rb_call_super_kw(call->argc, call->argv, call->keywords);
    call->is_done = true;
    return call->result;
}

/* True when that took a while, as firing does. */
static bool fire_end(const struct call *call, VALUE exception, uint64_t ended)
{
    uint64_t nested = rp_measure_since(call->fiber, call->mark);
    uint64_t took = ended - call->begun;
    struct end end = {.at = ended,
                      .nested = nested,
                      .duration = took > nested ? took - nested : 0,
                      .status = call->is_done      ? STATUS_OK
                                : NIL_P(exception) ? STATUS_UNWOUND
                                                   : STATUS_EXCEPTION,
                      .is_idle = !call->is_late};
    if (call->is_late && is_filtered(call, (int64_t)end.duration)) {
        return rp_program_cost_ns(call->method->condition) > CHEAP_NS;
    }
    if (!NIL_P(exception) && is_attached(call->method->probes[RP_MOMENT_RAISE])) {
        fire_raise(call, &end, exception);
        end.is_idle = false;
    }
    if (is_attached(call->method->probes[RP_MOMENT_RETURN]) || is_attached(common.returned)) {
        fire_return(call, &end);
    }
    return true;
}

/* Whether there is anything to fire at the end, so that the clock need not be read for nothing. */
static bool is_end_attached(const struct call *call)
{
    const struct rp_method *method = call->method;
    return is_attached(method->probes[RP_MOMENT_RETURN]) || is_attached(common.returned) ||
           (!call->is_done && is_attached(method->probes[RP_MOMENT_RAISE]));
}

/*
 * However the original ended: rb_errinfo() is an exception, or nil for break, throw and Thread#kill. The
 * time of a cheap condition that was false counts as the app's.
 */
static VALUE finish(VALUE argument)
{
    const struct call *call = (const struct call *)argument;
    uint64_t work = call->begun - call->entered;
    if (is_end_attached(call)) {
        uint64_t ended = rp_now_ns();
        VALUE exception = call->is_done ? Qnil : rb_errinfo();
        if (!call->is_done && !RTEST(rb_obj_is_kind_of(exception, rb_eException))) {
            exception = Qnil;
        }
        if (fire_end(call, exception, ended)) {
            work += rp_now_ns() - ended;
        }
    }
    if (work) {
        rp_measure_add(call->fiber, work);
    }
    return Qnil;
}

/*
 * The method under another name: an alias made while the wrapper was there leads to the wrapper, and
 * super from it would not find the method it stands for.
 */
static VALUE call_through_alias(const struct rp_method *method, int argc, const VALUE *argv,
                                VALUE self)
{
    VALUE original = method->original;
    if (!NIL_P(method->aliases)) {
        original = rb_hash_lookup2(method->aliases, ID2SYM(rb_frame_callee()), original);
    }
    VALUE bound = rb_funcall(original, rb_intern("bind"), 1, self);
    VALUE block = rb_block_given_p() ? rb_block_proc() : Qnil;
    return rb_funcall_with_block_kw(bound, rb_intern("call"), argc, argv, block,
                                    rb_keyword_given_p());
}

VALUE rp_call_traced(int argc, VALUE *argv, VALUE self, uint32_t number, void *const *owners)
{
    struct call call = {.entered = rp_now_ns(),
                        .method = owners[number],
                        .self = self,
                        .argc = argc,
                        .argv = argv,
                        .keywords = rb_keyword_given_p(),
                        .result = Qnil};
    if (ruby_stack_check()) {
        /* super does not look, and an overflow that only a guard page finds can't be rescued. */
        rb_raise(rb_eSysStackError, "stack level too deep");
    }
    if (rb_frame_callee() != call.method->name) {
        return call_through_alias(call.method, argc, argv, self);
    }
    if (is_inside) {
        return rb_call_super_kw(argc, argv, call.keywords);
    }
    const struct rp_program *condition = call.method->condition;
    call.is_late = condition && rp_program_reads_return(condition);
    if (condition && !call.is_late && is_filtered(&call, -1)) {
        return rb_call_super_kw(argc, argv, call.keywords);
    }
    begin(&call);
    return rb_ensure(call_original, (VALUE)&call, finish, (VALUE)&call);
}
