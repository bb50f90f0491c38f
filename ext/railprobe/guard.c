/*
 * What keeps our errors out of the app. See guard.h.
 *
 * Without a call of Ruby no interrupt is looked at, so only rp_guard_ask() can meet one: Timeout, Thread#raise. These
 * are the app's, and wait until our work is done.
 */
#include "guard.h"

#include "object.h"

#include <stdatomic.h>
#include <stdbool.h>

enum { ROOM = 32 * 1024 };

static atomic_uint_fast64_t errors;
static __thread bool
    has_postponed; /* another thread has raised in this one during rp_guard_ask() */
static VALUE mask; /* {Object => :never}, for Thread.handle_interrupt */
static ID id_hook_failed;
static ID
    id_postponed; /* where the fiber keeps what was raised; no name that Ruby code can write */

void rp_guard_init(void)
{
    id_hook_failed = rb_intern("hook_failed");
    id_postponed = rb_intern("railprobe postponed");
    mask = rb_hash_new();
    rb_hash_aset(mask, rb_cObject, ID2SYM(rb_intern("never")));
    rb_obj_freeze(mask);
    rb_global_variable(&mask);
}

/* Ruby is asked from the end of the room, of which nothing is touched; its use behind keeps it there till then. */
__attribute__((noinline)) bool rp_guard_lacks_room(void)
{
    char room[ROOM];
    int is_short = ruby_stack_check();
    __asm__ volatile("" : : "r"(room) : "memory");
    return is_short;
}

static VALUE drop(VALUE name, VALUE error)
{
    atomic_fetch_add(&errors, 1);
    rp_object_notify(id_hook_failed, Qnil, rb_utf8_str_new_cstr((const char *)name), error);
    return Qnil;
}

bool rp_guard_run(VALUE (*body)(VALUE), VALUE data, const char *name)
{
    if (rp_guard_lacks_room()) {
        atomic_fetch_add(&errors, 1);
        return false;
    }
    (void)rb_rescue2(body, data, drop, (VALUE)name, rb_eException, (VALUE)0);
    if (has_postponed) {
        VALUE error = rb_thread_local_aref(rb_thread_current(), id_postponed);
        rb_thread_local_aset(rb_thread_current(), id_postponed, Qnil);
        has_postponed = false;
        rb_exc_raise(error);
    }
    return true;
}

struct question {
    VALUE receiver;
    ID method;
    int argc;
    const VALUE *argv;
    VALUE answer;
    VALUE error;
};

static VALUE call(VALUE argument)
{
    struct question *question = (struct question *)argument;
    question->answer =
        rb_funcallv(question->receiver, question->method, question->argc, question->argv);
    return Qnil;
}

static VALUE keep(VALUE argument, VALUE error)
{
    ((struct question *)argument)->error = error;
    return Qnil;
}

static VALUE call_guarded(RB_BLOCK_CALL_FUNC_ARGLIST(unused, argument))
{
    (void)unused;
    (void)argc;
    (void)argv;
    (void)blockarg;
    return rb_rescue2(call, argument, keep, argument, rb_eException, (VALUE)0);
}

static VALUE call_masked(VALUE argument)
{
    return rb_block_call(rb_cThread, rb_intern("handle_interrupt"), 1, &mask, call_guarded,
                         argument);
}

static VALUE postpone(VALUE unused, VALUE error)
{
    (void)unused;
    rb_thread_local_aset(rb_thread_current(), id_postponed, error);
    has_postponed = true;
    return Qnil;
}

VALUE rp_guard_ask(VALUE receiver, const char *method, int argc, const VALUE *argv)
{
    struct question question = {.receiver = receiver,
                                .method = rb_intern(method),
                                .argc = argc,
                                .argv = argv,
                                .answer = Qundef,
                                .error = Qnil};
    (void)rb_rescue2(call_masked, (VALUE)&question, postpone, Qnil, rb_eException, (VALUE)0);
    if (!NIL_P(question.error)) {
        (void)drop((VALUE)method, question.error);
    }
    return question.answer;
}

uint64_t rp_guard_errors(void)
{
    return atomic_load(&errors);
}
