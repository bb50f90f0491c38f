/*
 * runtime.h: the whole engine without Ruby: declared, loaded, attached, retired.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup
// LINK: -Wl,--wrap=pthread_create -Wl,--wrap=pthread_condattr_init -Wl,--wrap=pthread_atfork
#include "runtime_stage.h"

/* -- tests -- */

static void a_probe_is_declared_loaded_and_fired(void)
{
    static const uint64_t slots[RP_SLOTS_MAX] = {1, 2, 3};
    init();
    CHECK(!rp_runtime_is_watching());
    struct rp_probe *probe = declare("stock", "low?", 2);
    CHECK(rp_runtime_find("stock", "low?") == probe);
    rp_probe_fire(probe, slots);
    CHECK_EQ(load(), RP_OK);
    CHECK(rp_runtime_is_watching());
    CHECK(probe->image == newest());
    CHECK(!rp_probe_is_attached(probe));
    attach(site_of(probe), 1);
    CHECK(rp_probe_is_attached(probe));
    rp_probe_fire(probe, slots);
    CHECK_STR(scratch_target("app.so"), strrchr(newest()->path, '/') + 1);
}
RUN_APART(a_probe_is_declared_loaded_and_fired)

static void changes_are_told_once_with_their_probe(void)
{
    init();
    struct rp_probe *first = declare("p", "a", 0);
    struct rp_probe *second = declare("p", "b", 0);
    CHECK_EQ(load(), RP_OK);
    CHECK_EQ(look(), 0);
    attach(site_of(second), 1);
    CHECK(poll_comes());
    CHECK_EQ(look(), 1);
    CHECK(changes[0].probe == second && changes[0].attached);
    CHECK_EQ(look(), 0);
    attach(site_of(second), 2); /* another tracer on it is no change */
    CHECK(poll_comes());
    CHECK_EQ(look(), 0);
    attach(site_of(second), 0);
    attach(site_of(first), 1);
    CHECK(poll_comes());
    CHECK_EQ(look(), 2);
    CHECK(first->was_attached && !second->was_attached);
}
RUN_APART(changes_are_told_once_with_their_probe)

static bool is_retired(void *image)
{
    return ((struct rp_image *)image)->state == RP_IMAGE_RETIRED;
}

static void two_generations_fire_both(void)
{
    init();
    struct rp_probe *probe = declare("p", "a", 0);
    CHECK_EQ(load(), RP_OK);
    struct rp_image *old = probe->image;
    attach(site_of(probe), 1);
    (void)declare("p", "b", 0);
    CHECK_EQ(load(), RP_OK);
    struct rp_site *fresh = site_of(probe);
    CHECK(probe->image != old);
    CHECK_EQ(old->state, RP_IMAGE_RETIRING);
    CHECK(atomic_load(&fresh->next) == &old->sites[0]);
    CHECK(rp_probe_is_attached(probe)); /* by the tracer on the old one */
    attach(fresh, 1);
    attach(&old->sites[0], 0);
    CHECK(wait_until(is_retired, old)); /* at a poll, without anybody asking */
    CHECK(rp_probe_is_attached(probe));
    CHECK_EQ(mappings_of(old->path), 0);
    CHECK_EQ(*old->sites[0].semaphore, 0);
    (void)declare("p", "c", 0);
    CHECK_EQ(load(), RP_OK);
    for (struct rp_site *site = site_of(probe); site; site = atomic_load(&site->next)) {
        CHECK(site != &old->sites[0]); /* fell out with the next load */
    }
}
RUN_APART(two_generations_fire_both)

static size_t sites_of(struct rp_probe *probe)
{
    size_t count = 0;
    for (struct rp_site *site = site_of(probe); site; site = atomic_load(&site->next)) {
        count++;
    }
    return count;
}

static void going_to_and_fro_keeps_the_list_short(void)
{
    init();
    struct rp_probe *probe = declare("p", "a", 0);
    struct rp_probe *extra = NULL;
    for (int i = 0; i < 30; i++) {
        if (i % 2) {
            extra = declare("p", "b", 0);
        } else if (extra) {
            CHECK(rp_runtime_remove("p", "b") == extra);
            rp_runtime_free(extra);
        }
        CHECK_EQ(load(), RP_OK);
        CHECK(sites_of(probe) <= 2);
        CHECK(site_of(probe) && probe->image->state == RP_IMAGE_CURRENT);
        CHECK_EQ(mappings_of(scratch), 2);
    }
}
RUN_APART(going_to_and_fro_keeps_the_list_short)

/* The same with a tracer on each: both stay, none is doubled. */
static void going_to_and_fro_under_tracers(void)
{
    init();
    struct rp_probe *probe = declare("p", "a", 0);
    CHECK_EQ(load(), RP_OK);
    struct rp_site *first = site_of(probe);
    attach(first, 1);
    (void)declare("p", "b", 0);
    CHECK_EQ(load(), RP_OK);
    struct rp_site *second = site_of(probe);
    attach(second, 1);
    for (int i = 0; i < 5; i++) {
        rp_runtime_free(rp_runtime_remove("p", "b"));
        CHECK_EQ(load(), RP_OK);
        CHECK_EQ(sites_of(probe), 2);
        (void)declare("p", "b", 0);
        CHECK_EQ(load(), RP_OK);
        CHECK_EQ(sites_of(probe), 2);
    }
    (void)look();
    attach(first, 0);
    attach(second, 0);
    CHECK(poll_comes());
    CHECK_EQ(look(), 1);
}
RUN_APART(going_to_and_fro_under_tracers)

static void removed_probes_are_gone_with_the_next_load(void)
{
    init();
    (void)declare("p", "stays", 0);
    struct rp_probe *probe = declare("p", "goes", 0);
    CHECK_EQ(load(), RP_OK);
    struct rp_image *old = probe->image;
    CHECK(rp_runtime_remove("p", "none") == NULL);
    CHECK(rp_runtime_remove("p", "goes") == probe);
    CHECK(rp_runtime_find("p", "goes") == NULL);
    attach(site_of(probe), 1);
    CHECK(rp_probe_is_attached(probe)); /* until then */
    attach(site_of(probe), 0);
    CHECK_EQ(load(), RP_OK);
    CHECK_EQ(old->state, RP_IMAGE_RETIRED);
    CHECK(!rp_probe_is_attached(probe));
    rp_runtime_free(probe);
}
RUN_APART(removed_probes_are_gone_with_the_next_load)

static void a_freed_probe_is_declared_no_more(void)
{
    init();
    struct rp_probe *probe = declare("p", "n", 0);
    rp_runtime_free(probe);
    CHECK(rp_runtime_find("p", "n") == NULL);
    CHECK_EQ(load(), RP_OK);
    CHECK(newest() == NULL);
}
RUN_APART(a_freed_probe_is_declared_no_more)

static void unloading_waits_for_tracers_only(void)
{
    init();
    struct rp_probe *probes[100];
    for (int i = 0; i < 100; i++) {
        probes[i] = declare("p", samples(100, 100)[i].name, 0);
    }
    CHECK(rp_runtime_unload()); /* nothing to wait for */
    CHECK(rp_runtime_find("p", "n0000") == NULL);
    for (int i = 0; i < 100; i++) {
        rp_runtime_free(probes[i]);
        probes[i] = declare("p", samples(100, 100)[i].name, 0);
    }
    CHECK_EQ(load(), RP_OK);
    struct rp_image *image = probes[0]->image;
    struct rp_site *site = site_of(probes[42]);
    attach(site, 1);
    CHECK(!rp_runtime_unload());
    for (int i = 0; i < 100; i++) {
        CHECK(!probes[i]->is_declared && !probes[i]->image && !site_of(probes[i]));
        rp_runtime_free(probes[i]);
    }
    attach(site, 0);
    CHECK(wait_until(is_retired, image));
    CHECK_EQ(mappings_of(scratch), 0);
}
RUN_APART(unloading_waits_for_tracers_only)

static void collect(void *context, struct rp_probe *probe)
{
    (void)probe;
    ++*(unsigned *)context;
}

static void every_probe_is_visited(void)
{
    unsigned count = 0;
    init();
    rp_runtime_probes(collect, &count);
    CHECK_EQ(count, 0);
    for (int i = 0; i < 100; i++) {
        (void)declare("p", samples(100, 100)[i].name, 0);
    }
    rp_runtime_probes(collect, &count);
    CHECK_EQ(count, 100);
}
RUN_APART(every_probe_is_visited)

static void refusals_are_passed_on(void)
{
    struct rp_probe *probe = NULL;
    struct rp_declaration declaration = sample("p", "n", 12);
    init();
    CHECK_EQ(rp_runtime_declare(&declaration, &probe), RP_ARGUMENTS);
    declaration = sample("p", "", 0);
    CHECK_EQ(rp_runtime_declare(&declaration, &probe), RP_NAME_EMPTY);
    (void)declare("p", "n", 1);
    declaration = sample("p", "n", 2);
    CHECK_EQ(rp_runtime_declare(&declaration, &probe), RP_SIGNATURE);
}
RUN_APART(refusals_are_passed_on)

static void without_a_thread_all_is_loaded_and_the_next_load_tries_again(void)
{
    init();
    struct rp_probe *probe = declare("p", "n", 0);
    fault_begin(&fault_system, 1);
    CHECK_EQ(load(), RP_THREAD);
    CHECK(fault_end(&fault_system));
    CHECK(!rp_runtime_is_watching());
    REQUIRE(site_of(probe) != NULL);
    attach(site_of(probe), 1);
    CHECK_EQ(look(), 1);
    CHECK_EQ(load(), RP_OK);
    CHECK(rp_runtime_is_watching());
    attach(site_of(probe), 0);
    CHECK(poll_comes());
}
RUN_APART(without_a_thread_all_is_loaded_and_the_next_load_tries_again)

static void without_memory_a_load_can_be_done_again(void)
{
    init();
    struct rp_probe *probe = declare("p", "n", 0);
    for (unsigned n = 1; fault_in(&fault_allocation, n); n++) {
        enum rp_error error = load();
        bool failed = fault_end(&fault_allocation);
        CHECK(error == RP_OK || (failed && (error == RP_MEMORY || error == RP_NOWHERE)));
        CHECK_EQ(load(), RP_OK);
        attach(site_of(probe), 1);
        CHECK(poll_comes()); /* whatever failed: in the end it is watched */
        (void)look();
        attach(site_of(probe), 0);
        (void)look();
        char name[16];
        (void)snprintf(name, sizeof name, "m%u", n);
        (void)declare("p", name, 0); /* something new to load */
    }
}
RUN_APART(without_memory_a_load_can_be_done_again)

static void what_can_not_be_prepared_is_told(void)
{
    fault_begin(&fault_system, 1);
    CHECK_EQ(rp_runtime_init(5, note_poll), RP_THREAD);
    fault_begin(&fault_system, 2);
    CHECK_EQ(rp_runtime_init(5, note_poll), RP_FORK_HANDLER);
    CHECK(fault_end(&fault_system));
}
RUN_APART(what_can_not_be_prepared_is_told)

static void the_kernel_is_asked_for_the_fast_site(void)
{
    errno = 42;
    const bool has = rp_runtime_has_fast_site();
    CHECK_EQ(errno, 42);
    CHECK_EQ(rp_runtime_has_fast_site(), has);
}
RUN_APART(the_kernel_is_asked_for_the_fast_site)

int main(void)
{
    RUN(apart_a_probe_is_declared_loaded_and_fired);
    RUN(apart_changes_are_told_once_with_their_probe);
    RUN(apart_two_generations_fire_both);
    RUN(apart_going_to_and_fro_keeps_the_list_short);
    RUN(apart_going_to_and_fro_under_tracers);
    RUN(apart_removed_probes_are_gone_with_the_next_load);
    RUN(apart_a_freed_probe_is_declared_no_more);
    RUN(apart_unloading_waits_for_tracers_only);
    RUN(apart_every_probe_is_visited);
    RUN(apart_refusals_are_passed_on);
    RUN(apart_without_a_thread_all_is_loaded_and_the_next_load_tries_again);
    RUN(apart_without_memory_a_load_can_be_done_again);
    RUN(apart_what_can_not_be_prepared_is_told);
    RUN(apart_the_kernel_is_asked_for_the_fast_site);
    return check_finish();
}
