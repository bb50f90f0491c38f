/*
 * The probes of the provider rubyvm. Start reading at rp_vm_events_settle().
 *
 * A collection is spread over pauses: marking and sweeping go on in steps, between which the app runs. Each pause
 * is enclosed by the events ENTER and EXIT, and the collection by START in its first one and END_SWEEP in its
 * last; gc__done is fired at the end of that one.
 */
#include "vm_events.h"

#include "ctx.h"
#include "gvl_events.h"
#include "measure.h"
#include "render.h"
#include "runtime.h"
#include "utf8.h"

#include <ruby/debug.h>
#include <ruby/version.h>
#include <string.h>

static struct {
    struct rp_probe *gc;
    struct rp_probe *thread_start;
    struct rp_probe *thread_exit;
    struct rp_probe *gvl;
} probes;

static bool is_gc_armed;
static bool are_threads_armed;
static uint64_t clock_cost_ns;

/* -- collections -- */

enum { CAUSES = 6, REASON_SIZE = 24 };

/* What GC.latest_gc_info calls them; the first of each stands for any other. */
static const char *const causes[CAUSES] = {"", "newobj", "malloc", "method", "capi", "stress"};
static const char *const majors[CAUSES] = {"", "nofree", "oldgen", "shady", "force", "oldmalloc"};
static VALUE cause_symbols[CAUSES];
static VALUE major_symbols[CAUSES];
static char reasons[CAUSES][CAUSES][REASON_SIZE];
static VALUE key_cause;
static VALUE key_major;

/* The collection in progress, if it began while we were looking. */
static struct {
    uint64_t entered_ns; /* the pause; 0 outside of one */
    uint64_t pauses_ns;
    uint64_t longest_ns;
    uint64_t hooks;
    bool has_begun;
    bool is_swept;
} collection;

/* Once; what the collector answers with later is interned here. */
static void name_reasons(void)
{
    key_cause = ID2SYM(rb_intern("gc_by"));
    key_major = ID2SYM(rb_intern("major_by"));
    (void)rb_gc_latest_gc_info(key_cause);
    for (int cause = 1; cause < CAUSES; cause++) {
        cause_symbols[cause] = ID2SYM(rb_intern(causes[cause]));
        major_symbols[cause] = ID2SYM(rb_intern(majors[cause]));
    }
    for (int cause = 0; cause < CAUSES; cause++) {
        for (int major = 0; major < CAUSES; major++) {
            snprintf(reasons[cause][major], REASON_SIZE, "%s%s%s", causes[cause],
                     causes[cause][0] && major ? " " : "", majors[major]);
        }
    }
}

static int index_of(VALUE symbol, const VALUE symbols[CAUSES])
{
    int index = CAUSES - 1;
    while (index && symbols[index] != symbol) {
        index--;
    }
    return index;
}

/* No Ruby object is made and no Ruby code is run: this is within the collector. */
static void fire_collection(uint64_t exited_ns)
{
    VALUE major = rb_gc_latest_gc_info(key_major);
    int cause = index_of(rb_gc_latest_gc_info(key_cause), cause_symbols);
    const char *reason = reasons[cause][index_of(major, major_symbols)];
    uint64_t slots[RP_SLOTS_MAX] = {
        [1] = (uint64_t)(uintptr_t)reason,
        [3] = collection.pauses_ns,
        [5] = !NIL_P(major),
        [6] = rb_gc_count(),
        [7] = collection.longest_ns,
    };
    slots[0] = rp_now_ns() - exited_ns + collection.hooks * clock_cost_ns;
    rp_probe_fire(probes.gc, slots);
    rp_limit_spend_clocked(rp_now_ns() - exited_ns + collection.hooks * clock_cost_ns);
}

static void leave_pause(void)
{
    uint64_t now = rp_now_ns();
    uint64_t pause = now - collection.entered_ns;
    if (collection.has_begun && collection.entered_ns) {
        collection.pauses_ns += pause;
        collection.longest_ns = pause > collection.longest_ns ? pause : collection.longest_ns;
    }
    collection.entered_ns = 0;
    if (collection.is_swept) {
        if (collection.has_begun) {
            fire_collection(now);
        }
        collection.has_begun = collection.is_swept = false;
    }
}

/* The hook. The collector runs in one thread at a time, so its state needs no lock. */
static void on_gc_event(rb_event_flag_t event, VALUE data, VALUE self, ID id, VALUE klass)
{
    collection.hooks++;
    switch (event) {
    case RUBY_INTERNAL_EVENT_GC_ENTER:
        collection.entered_ns = rp_now_ns();
        break;
    case RUBY_INTERNAL_EVENT_GC_START:
        collection.pauses_ns = collection.longest_ns = 0;
        collection.hooks = 2;
        collection.has_begun = collection.entered_ns != 0;
        break;
    case RUBY_INTERNAL_EVENT_GC_END_SWEEP:
        collection.is_swept = true;
        break;
    default:
        leave_pause();
    }
}

static void arm_gc(bool wanted)
{
    if (wanted) {
        collection.entered_ns = 0;
        collection.has_begun = collection.is_swept = false;
        rb_add_event_hook(on_gc_event,
                          RUBY_INTERNAL_EVENT_GC_ENTER | RUBY_INTERNAL_EVENT_GC_START |
                              RUBY_INTERNAL_EVENT_GC_END_SWEEP | RUBY_INTERNAL_EVENT_GC_EXIT,
                          Qnil);
    } else {
        (void)rb_remove_event_hook(on_gc_event);
    }
    is_gc_armed = wanted;
}

/* -- threads -- */

static VALUE name_method; /* Thread#name and Thread.list, whatever a class has in their place */
static VALUE list_method;

struct thread_event {
    VALUE thread;
    rb_event_flag_t event;
    uint64_t seen_ns;
};

static VALUE fire_thread(VALUE data)
{
    const struct thread_event *event = (const struct thread_event *)data;
    struct rp_text name = {0};
    VALUE string = rb_funcall(name_method, rb_intern("bind_call"), 1, event->thread);
    long threads = RARRAY_LEN(rb_funcall(list_method, rb_intern("call"), 0));
    if (RB_TYPE_P(string, T_STRING)) {
        size_t size = (size_t)RSTRING_LEN(string);
        name.size = rp_utf8_cut(RSTRING_PTR(string), size, rp_limit_string(RP_TEXT_MAX));
        memcpy(name.bytes, RSTRING_PTR(string), name.size);
        RB_GC_GUARD(string);
    }
    bool has_started = event->event == RUBY_EVENT_THREAD_BEGIN;
    uint64_t slots[RP_SLOTS_MAX] = {
        [1] = (uint64_t)(uintptr_t)name.bytes,
        [2] = rp_ctx_current((uintptr_t)rb_fiber_current()),
        [3] = (uint64_t)(has_started ? threads : threads - 1),
    };
    slots[0] = rp_now_ns() - event->seen_ns + clock_cost_ns;
    rp_probe_fire(has_started ? probes.thread_start : probes.thread_exit, slots);
    rp_limit_spend_clocked(rp_now_ns() - event->seen_ns);
    return Qnil;
}

/* The hook: in the thread itself, as its first and its last. Out of memory is the app's to find out. */
static void on_thread_event(rb_event_flag_t event, VALUE data, VALUE self, ID id, VALUE klass)
{
    struct rp_probe *probe =
        event == RUBY_EVENT_THREAD_BEGIN ? probes.thread_start : probes.thread_exit;
    if (rp_probe_is_wanted(probe)) {
        int state = 0;
        VALUE before = rb_errinfo();
        struct thread_event seen = {self, event, rp_now_ns()};
        rb_protect(fire_thread, (VALUE)&seen, &state);
        if (state) {
            rb_set_errinfo(before);
        }
    }
}

/*
 * Before Ruby 3.3 any event of TracePoint's, these too, has it throw all compiled code away. YJIT is on from the start
 * there, or never.
 */
static bool may_arm_threads;

static VALUE costs_compiled_code(void)
{
#if RUBY_API_VERSION_MAJOR * 100 + RUBY_API_VERSION_MINOR >= 303
    return Qfalse;
#else
    return rb_eval_string("defined?(RubyVM::YJIT.enabled?) && RubyVM::YJIT.enabled?");
#endif
}

static void arm_threads(bool wanted)
{
    if (!wanted) {
        (void)rb_remove_event_hook(on_thread_event);
    } else if (may_arm_threads) {
        rb_add_event_hook(on_thread_event, RUBY_EVENT_THREAD_BEGIN | RUBY_EVENT_THREAD_END, Qnil);
    } else {
        return;
    }
    are_threads_armed = wanted;
}

/* -- arming -- */

static bool is_wanted(struct rp_probe *probe)
{
    return probe && rp_probe_is_wanted(probe);
}

void rp_vm_events_settle(void)
{
    bool wants_gc = is_wanted(probes.gc);
    bool wants_threads = is_wanted(probes.thread_start) || is_wanted(probes.thread_exit);
    bool wants_gvl = is_wanted(probes.gvl);
    if (wants_gc != is_gc_armed) {
        arm_gc(wants_gc);
    }
    if (wants_threads != are_threads_armed) {
        arm_threads(wants_threads);
    }
    if (wants_gvl != rp_gvl_events_is_armed()) {
        rp_gvl_events_arm(probes.gvl, wants_gvl);
    }
}

void rp_vm_events_use_probes(void)
{
    probes.gc = rp_runtime_builtin("rubyvm", "gc__done");
    probes.thread_start = rp_runtime_builtin("rubyvm", "thread__start");
    probes.thread_exit = rp_runtime_builtin("rubyvm", "thread__exit");
    probes.gvl = rp_runtime_builtin("rubyvm", "gvl__wait__done");
}

static VALUE native_m_vm_hooks(VALUE self)
{
    const struct {
        const char *name;
        bool is_armed;
    } hooks[] = {
        {"gc", is_gc_armed}, {"threads", are_threads_armed}, {"gvl", rp_gvl_events_is_armed()}};
    VALUE names = rb_ary_new();
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
        if (hooks[i].is_armed) {
            rb_ary_push(names, rb_str_new_cstr(hooks[i].name));
        }
    }
    return names;
}

void rp_vm_events_define(VALUE native)
{
    name_reasons();
    clock_cost_ns = rp_measure_clock_cost();
    may_arm_threads = !RTEST(costs_compiled_code());
    name_method =
        rb_funcall(rb_cThread, rb_intern("instance_method"), 1, ID2SYM(rb_intern("name")));
    rb_global_variable(&name_method);
    list_method = rb_funcall(rb_cThread, rb_intern("method"), 1, ID2SYM(rb_intern("list")));
    rb_global_variable(&list_method);
    rb_define_singleton_method(native, "vm_hooks", native_m_vm_hooks, 0);
}
