/*
 * What the tests of the runtime share. There is one runtime in a process, so each test runs in a child.
 */
#ifndef RAILPROBE_RUNTIME_STAGE_H
#define RAILPROBE_RUNTIME_STAGE_H

#include "runtime.h"

#include "check.h"
#include "fault.h"
#include "samples.h"
#include "scratch.h"

#include <pthread.h>

FAULT_ALLOCATIONS
FAULT_CALL(int, pthread_create,
           (pthread_t * thread, const pthread_attr_t *attributes, void *(*body)(void *),
            void *context),
           (thread, attributes, body, context), EAGAIN, EAGAIN)
FAULT_CALL(int, pthread_condattr_init, (pthread_condattr_t * with), (with), ENOMEM, ENOMEM)
FAULT_CALL(int, pthread_atfork, (void (*before)(void), void (*parent)(void), void (*child)(void)),
           (before, parent, child), ENOMEM, ENOMEM)

static atomic_uint polls_with_change;

static inline void note_poll(void *context, unsigned polls)
{
    (void)context;
    (void)polls;
    atomic_fetch_add(&polls_with_change, 1);
}

static inline struct rp_probe *declare(const char *provider, const char *name, uint32_t arguments)
{
    struct rp_probe *probe = NULL;
    const struct rp_declaration declaration = sample(provider, name, arguments);
    CHECK_EQ(rp_runtime_declare(&declaration, &probe), RP_OK);
    return probe;
}

static inline enum rp_error load_as(enum rp_site_kind site)
{
    const char *const directories[] = {scratch};
    return rp_runtime_load(directories, 1, site);
}

static inline enum rp_error load(void)
{
    return load_as(RP_SITE_SAFE);
}

static inline struct rp_site *site_of(struct rp_probe *probe)
{
    return atomic_load(&probe->sites);
}

static inline void attach(const struct rp_site *site, uint16_t count)
{
    *(volatile uint16_t *)site->semaphore = count;
}

static inline const struct rp_image *newest(void)
{
    return rp_runtime_loader()->images;
}

/* -- each test in a process of its own -- */

static inline int run_test(void *context)
{
    void (*test)(void);
    memcpy(&test, context, sizeof test);
    scratch_begin();
    atomic_store(&polls_with_change, 0);
    test();
    rp_runtime_stop();
    scratch_end();
    return check_state.failing;
}

static inline void run_apart(void (*test)(void))
{
    CHECK_EQ(in_child(run_test, &test), 0);
}

#define RUN_APART(test)                                                                            \
    static void apart_##test(void)                                                                 \
    {                                                                                              \
        run_apart(test);                                                                           \
    }

static inline void init(void)
{
    CHECK_EQ(rp_runtime_init(5, note_poll), RP_OK);
}

/* -- changes -- */

static struct {
    struct rp_probe *probe;
    bool attached;
} changes[16];
static size_t change_count;

static inline void note_change(void *context, struct rp_probe *probe, bool attached)
{
    CHECK(context == &change_count);
    changes[change_count % 16].probe = probe;
    changes[change_count % 16].attached = attached;
    change_count++;
}

static inline size_t look(void)
{
    change_count = 0;
    rp_runtime_changes(note_change, &change_count);
    return change_count;
}

static inline bool has_poll(void *context)
{
    (void)context;
    return atomic_load(&polls_with_change) > 0;
}

static inline bool poll_comes(void)
{
    atomic_store(&polls_with_change, 0);
    return wait_until(has_poll, NULL);
}

#endif
