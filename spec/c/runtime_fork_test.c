/*
 * runtime.h: what fork leaves to a child: images, a watcher, and no lock.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup
// LINK: -Wl,--wrap=pthread_create -Wl,--wrap=pthread_condattr_init -Wl,--wrap=pthread_atfork
#include "runtime_stage.h"

/* -- fork -- */

static struct rp_probe *forked_probe;

static int live_in_child(void *site_kind)
{
    static const uint64_t slots[RP_SLOTS_MAX];
    const bool is_fast = *(enum rp_site_kind *)site_kind == RP_SITE_FAST;
    if (!rp_runtime_is_watching()) {
        return 10;
    }
    /* Fast sites are mapped afresh: the kernel, not the parent's memory, says who is attached. */
    if (rp_probe_is_attached(forked_probe) == is_fast) {
        return 11;
    }
    attach(site_of(forked_probe), 3);
    if (!poll_comes()) {
        return 12;
    }
    rp_probe_fire(forked_probe, slots);
    attach(site_of(forked_probe), 0);
    (void)declare("p", "of_the_child", 0);
    if (load_as(*(enum rp_site_kind *)site_kind) != RP_OK || mappings_of(scratch) != 2 ||
        newest() != forked_probe->image) {
        return 13;
    }
    rp_runtime_stop();
    return rp_runtime_is_watching() ? 14 : 0;
}

static void fork_with(enum rp_site_kind site)
{
    init();
    forked_probe = declare("p", "n", 0);
    CHECK_EQ(load_as(site), RP_OK);
    attach(site_of(forked_probe), 1);
    CHECK(poll_comes());
    CHECK_EQ(look(), 1);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(in_child(live_in_child, &site), 0);
    }
    CHECK_EQ(*site_of(forked_probe)->semaphore, 1);
    CHECK(rp_runtime_is_watching());
    CHECK_EQ(look(), 0);
    CHECK_EQ(mappings_of(scratch), 2);
}

static void a_child_goes_on_with_safe_sites(void)
{
    fork_with(RP_SITE_SAFE);
}
RUN_APART(a_child_goes_on_with_safe_sites)

static void a_child_goes_on_with_fast_sites(void)
{
    fork_with(RP_SITE_FAST);
}
RUN_APART(a_child_goes_on_with_fast_sites)

/*
 * AddressSanitizer's allocator has a lock that fork knows nothing of. So other threads allocate under the
 * runtime's lock only, and are past their start, which allocates too, before anybody forks.
 */
static atomic_bool is_over;
static atomic_uint rounds;

static bool has_begun(void *counter)
{
    return atomic_load((atomic_uint *)counter) > 0;
}

static bool watcher_has_begun(struct rp_probe *probe)
{
    attach(site_of(probe), 1);
    bool has_begun_to_poll = poll_comes();
    (void)look();
    attach(site_of(probe), 0);
    (void)look();
    return has_begun_to_poll;
}

static void *load_for_ever(void *unused)
{
    (void)unused;
    for (unsigned i = 0; !atomic_load(&is_over); i++) {
        if (load_as(i % 2 ? RP_SITE_SAFE : RP_SITE_FAST) != RP_OK) {
            return "it failed";
        }
        atomic_fetch_add(&rounds, 1);
    }
    return NULL;
}

static int use_everything(void *unused)
{
    (void)unused;
    struct rp_probe *probe = declare("r", "n", 0);
    if (load() != RP_OK || rp_runtime_find("r", "n") != probe || !rp_runtime_is_watching()) {
        return 1;
    }
    (void)look();
    rp_runtime_stop();
    return check_state.failing;
}

/* A child that got a lock held by another thread would wait for ever: the test would not end. */
static void no_child_is_born_with_a_lock_held(void)
{
    pthread_t thread;
    void *failure = NULL;
    init();
    struct rp_probe *probe = declare("p", "n", 0);
    CHECK_EQ(load(), RP_OK);
    CHECK(watcher_has_begun(probe));
    REQUIRE(pthread_create(&thread, NULL, load_for_ever, NULL) == 0);
    CHECK(wait_until(has_begun, &rounds));
    for (int i = 0; i < 30; i++) {
        CHECK_EQ(in_child(use_everything, NULL), 0);
    }
    atomic_store(&is_over, true);
    CHECK_EQ(pthread_join(thread, &failure), 0);
    CHECK(failure == NULL);
}
RUN_APART(no_child_is_born_with_a_lock_held)

static int fork_again(void *unused)
{
    return watcher_has_begun(unused) ? in_child(use_everything, NULL) : 9;
}

static void a_daemon_has_a_watcher_too(void)
{
    init();
    struct rp_probe *probe = declare("p", "n", 0);
    CHECK_EQ(load(), RP_OK);
    CHECK(watcher_has_begun(probe));
    CHECK_EQ(in_child(fork_again, probe), 0);
}
RUN_APART(a_daemon_has_a_watcher_too)

static int is_watching(void *unused)
{
    (void)unused;
    return rp_runtime_is_watching();
}

static void a_stopped_watcher_stays_stopped_in_a_child(void)
{
    init();
    (void)declare("p", "n", 0);
    CHECK_EQ(load(), RP_OK);
    rp_runtime_stop();
    CHECK(!rp_runtime_is_watching());
    CHECK_EQ(in_child(is_watching, NULL), 0);
    rp_runtime_stop();
}
RUN_APART(a_stopped_watcher_stays_stopped_in_a_child)

int main(void)
{
    RUN(apart_a_child_goes_on_with_safe_sites);
    RUN(apart_a_child_goes_on_with_fast_sites);
    RUN(apart_no_child_is_born_with_a_lock_held);
    RUN(apart_a_daemon_has_a_watcher_too);
    RUN(apart_a_stopped_watcher_stays_stopped_in_a_child);
    return check_finish();
}
