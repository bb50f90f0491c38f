/*
 * The number of the request or the job in progress. See ctx.h.
 *
 * A fiber's number is kept by Ruby: in the fiber's storage, which fibers and threads made there inherit, or before
 * Ruby 3.2 in a fiber-local. Asking Ruby takes some 30 ns, so each thread remembers what it was told last:
 * right for as long as the fiber is the same, no unit of work has ended, and no collection has run that might have
 * given the fiber's address to another one.
 */
#include "ctx.h"

#include "runtime.h"

#include <ruby.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { UNITS = 4096, COUNT_BITS = 40 };

/* The units of work in progress, at their number modulo UNITS. */
static struct {
    uint64_t number;
    uint64_t queries;
} units[UNITS];
static uint64_t last;
static atomic_uint_fast64_t forgotten; /* how many nobody will hear of any more */

__thread struct rp_ctx_told rp_ctx_told;
atomic_uint_fast64_t rp_ctx_begun;
atomic_uint_fast64_t rp_ctx_ended;

static VALUE storage_get; /* Fiber.[] and Fiber.[]= as Methods; nil before Ruby 3.2 */
static VALUE storage_set;
static VALUE key;
static ID id_key;

/* Before Ruby 3.2: the fiber of this thread that began a unit of work last. */
static __thread struct {
    uintptr_t fiber;
    uint64_t number;
    unsigned others;    /* units in progress of further fibers */
    uint64_t forgotten; /* when others was 0 for the last time */
} in_thread;

void rp_ctx_init(void)
{
    VALUE fiber = rb_path2class("Fiber");
    id_key = rb_intern("railprobe_ctx");
    key = ID2SYM(id_key);
    storage_get = storage_set = Qnil;
    if (rb_respond_to(fiber, rb_intern("[]="))) {
        storage_get = rb_obj_method(fiber, ID2SYM(rb_intern("[]")));
        storage_set = rb_obj_method(fiber, ID2SYM(rb_intern("[]=")));
    }
    rb_global_variable(&storage_get);
    rb_global_variable(&storage_set);
}

/* -- what the fiber has -- */

static uint64_t get(void)
{
    VALUE number = NIL_P(storage_get) ? rb_thread_local_aref(rb_thread_current(), id_key)
                                      : rb_method_call(1, &key, storage_get);
    return FIXNUM_P(number) ? (uint64_t)FIX2LONG(number) : 0;
}

static void set(uint64_t number)
{
    VALUE value = number ? LONG2FIX((long)number) : Qnil;
    if (NIL_P(storage_set)) {
        rb_thread_local_aset(rb_thread_current(), id_key, value);
    } else {
        const VALUE arguments[] = {key, value};
        rb_method_call(2, arguments, storage_set);
    }
}

static bool is_in_progress(uint64_t number)
{
    return number && units[number % UNITS].number == number;
}

/* -- the fallback before Ruby 3.2 -- */

static void note_begin(uintptr_t fiber, uint64_t number)
{
    uint64_t now = atomic_load(&forgotten);
    if (in_thread.forgotten != now) { /* those of before are never going to end */
        in_thread.forgotten = now;
        in_thread.others = 0;
    }
    if (in_thread.fiber != fiber && is_in_progress(in_thread.number)) {
        in_thread.others++;
    }
    in_thread.fiber = fiber;
    in_thread.number = number;
}

static void note_end(uintptr_t fiber, uint64_t number, uint64_t outer)
{
    if (in_thread.number == number) {
        in_thread.number = in_thread.fiber == fiber ? outer : 0;
    } else if (in_thread.others) {
        in_thread.others--;
    }
}

/* -- units of work -- */

static void remember(uintptr_t fiber, uint64_t number)
{
    rp_ctx_told = (struct rp_ctx_told){.fiber = fiber,
                                       .ended = atomic_load(&rp_ctx_ended),
                                       .collections = rb_gc_count(),
                                       .number = number};
}

/* Once for each number, or the count of those in progress would never be 0 again. */
static void close_unit(uint64_t number)
{
    if (is_in_progress(number)) {
        units[number % UNITS].number = 0;
        atomic_fetch_add(&rp_ctx_ended, 1);
    }
}

/* The place of a unit that is still in progress is passed over, if any other is free. */
static uint64_t next_number(void)
{
    uint64_t process = (uint64_t)rp_runtime_process() << COUNT_BITS;
    for (int i = 0; i < UNITS; i++) {
        uint64_t next = process | (++last & ((UINT64_C(1) << COUNT_BITS) - 1));
        if (!units[next % UNITS].number || i == UNITS - 1) {
            return next;
        }
    }
    return process | last;
}

uint64_t rp_ctx_begin(uint64_t *outer)
{
    uintptr_t fiber = (uintptr_t)rb_fiber_current();
    uint64_t number = next_number();
    *outer = rp_ctx_current(fiber);
    set(number);
    note_begin(fiber, number);
    close_unit(units[number % UNITS].number);
    units[number % UNITS].number = number;
    units[number % UNITS].queries = 0;
    atomic_fetch_add(&rp_ctx_begun, 1);
    remember(fiber, number);
    return number;
}

void rp_ctx_end(uint64_t number, uint64_t outer)
{
    uintptr_t fiber = (uintptr_t)rb_fiber_current();
    close_unit(number);
    if (get() == number) {
        set(outer);
    }
    note_end(fiber, number, outer);
}

void rp_ctx_forget(uint64_t number)
{
    close_unit(number);
    atomic_fetch_add(&forgotten, 1);
}

uint64_t rp_ctx_ask(uintptr_t fiber)
{
    uint64_t number = get();
    if (!number && NIL_P(storage_get) && !in_thread.others) {
        number = in_thread.number;
    }
    remember(fiber, is_in_progress(number) ? number : 0);
    return rp_ctx_told.number;
}

uint64_t rp_ctx_count_query(uint64_t number)
{
    return is_in_progress(number) ? ++units[number % UNITS].queries : 0;
}

uint64_t rp_ctx_queries(uint64_t number)
{
    return is_in_progress(number) ? units[number % UNITS].queries : 0;
}
