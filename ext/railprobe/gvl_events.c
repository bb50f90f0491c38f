/*
 * gvl__wait__done. See gvl_events.h.
 */
#include "gvl_events.h"

#ifdef HAVE_RB_INTERNAL_THREAD_ADD_EVENT_HOOK /* Ruby 3.2 */

#include "measure.h"
#include "utf8.h"

#include <pthread.h>
#include <ruby.h>
#include <ruby/thread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NAME_SIZE = 16 }; /* of prctl(2), with its NUL */

static struct {
    rb_internal_thread_event_hook_t *hook;
    struct rp_probe *probe;
    pid_t owner; /* the process that has added it */
    bool is_prepared;
    uint64_t armed_ns;
    atomic_int waiting;
} gvl;

static __thread enum { PLACE_UNKNOWN, PLACE_MAIN, PLACE_OTHER } place;

/* -- when a thread has asked for the lock; 0 when it has not -- */

#ifdef HAVE_RB_INTERNAL_THREAD_SPECIFIC_KEY_CREATE /* Ruby 3.3 */

/* It may be another thread that asks in its name, so it is kept with the Ruby thread. */
static rb_internal_thread_specific_key_t key;

static VALUE make_key(VALUE unused)
{
    key = rb_internal_thread_specific_key_create();
    return Qtrue;
}

/* Ruby makes no first key while there are Ractors, and eight in all. */
static bool prepare_asked(void)
{
    int state = 0;
    VALUE before = rb_errinfo();
    rb_protect(make_key, Qnil, &state);
    if (state) {
        rb_set_errinfo(before);
    }
    return !state;
}

static void set_asked(const rb_internal_thread_event_data_t *data, uint64_t ns)
{
    rb_internal_thread_specific_set(data->thread, key, (void *)(uintptr_t)ns);
}

static uint64_t take_asked(const rb_internal_thread_event_data_t *data)
{
    uint64_t ns = (uintptr_t)rb_internal_thread_specific_get(data->thread, key);
    set_asked(data, 0);
    return ns;
}

#else

static __thread uint64_t asked_ns;

static bool prepare_asked(void)
{
    return true;
}

static void set_asked(const rb_internal_thread_event_data_t *data, uint64_t ns)
{
    (void)data;
    asked_ns = ns;
}

static uint64_t take_asked(const rb_internal_thread_event_data_t *data)
{
    uint64_t ns = asked_ns;
    set_asked(data, 0);
    return ns;
}

#endif

/* -- firing -- */

/* The size of the text without the half of a character that it may end in. */
static size_t whole_size(const char *text, size_t size)
{
    size_t last = size;
    uint32_t character;
    while (last && size - last < 3 && (text[--last] & 0xc0) == 0x80) {
    }
    return size && !rp_utf8_read(text + last, size - last, &character) ? last : size;
}

/* What the system calls this thread: its name, or the file and line of its block; 15 bytes of it at most. */
static void read_name(char name[NAME_SIZE])
{
    if (!place) {
        place = syscall(SYS_gettid) == getpid() ? PLACE_MAIN : PLACE_OTHER;
    }
    memset(name, 0, NAME_SIZE);
    if (place == PLACE_MAIN) {
        memcpy(name, "main", sizeof "main");
    } else if (prctl(PR_GET_NAME, name) == 0) {
        name[whole_size(name, strlen(name))] = 0;
    }
}

static void fire(uint64_t now, uint64_t since, int waiting)
{
    char name[NAME_SIZE];
    read_name(name);
    uint64_t slots[RP_SLOTS_MAX] = {
        [1] = (uint64_t)(uintptr_t)name,
        [3] = now - since,
        [5] = (uint64_t)(waiting > 0 ? waiting : 0),
    };
    slots[0] = rp_now_ns() - now;
    rp_probe_fire(gvl.probe, slots);
    rp_limit_spend_clocked(rp_now_ns() - now);
}

/*
 * Called by Ruby's scheduler, with its own lock held and, for READY, without the VM's: no Ruby call, no allocation of
 * ours, nothing that waits. What was asked before the hook was armed was not counted.
 */
static void on_gvl_event(rb_event_flag_t event, const rb_internal_thread_event_data_t *data,
                         void *unused)
{
    (void)unused;
    if (event & RUBY_INTERNAL_THREAD_EVENT_READY) {
        if (rp_probe_is_wanted(gvl.probe)) {
            atomic_fetch_add_explicit(&gvl.waiting, 1, memory_order_relaxed);
            set_asked(data, rp_now_ns());
        }
        return;
    }
    uint64_t since = take_asked(data);
    if (since > gvl.armed_ns) {
        int waiting = atomic_fetch_sub_explicit(&gvl.waiting, 1, memory_order_relaxed) - 1;
        if (rp_probe_is_wanted(gvl.probe)) {
            fire(rp_now_ns(), since, waiting);
        }
    }
}

/* The child has one thread, and that one has the lock. */
static void after_fork_in_child(void)
{
    atomic_store(&gvl.waiting, 0);
    place = PLACE_UNKNOWN;
}

static bool prepare(void)
{
    if (!gvl.is_prepared) {
        gvl.is_prepared = prepare_asked() && pthread_atfork(NULL, NULL, after_fork_in_child) == 0;
    }
    return gvl.is_prepared;
}

void rp_gvl_events_arm(struct rp_probe *probe, bool wanted)
{
    gvl.probe = probe;
    if (wanted && !gvl.hook && rp_probe_meter(probe) && prepare()) {
        gvl.armed_ns = rp_now_ns();
        atomic_store(&gvl.waiting, 0);
        gvl.owner = getpid();
        gvl.hook = rb_internal_thread_add_event_hook(
            on_gvl_event, RUBY_INTERNAL_THREAD_EVENT_READY | RUBY_INTERNAL_THREAD_EVENT_RESUMED,
            NULL);
    } else if (!wanted && gvl.hook && gvl.owner == getpid()) {
        rb_internal_thread_remove_event_hook(gvl.hook);
        gvl.hook = NULL;
    }
}

bool rp_gvl_events_is_armed(void)
{
    return gvl.hook;
}

#else

void rp_gvl_events_arm(struct rp_probe *probe, bool wanted)
{
    (void)probe;
    (void)wanted;
}

bool rp_gvl_events_is_armed(void)
{
    return false;
}

#endif
