/*
 * The one runtime object of a process.
 *
 * The lock order is runtime, then watcher. The watcher calls in here holding no lock of its own.
 */
#include "runtime.h"

#include "buffer.h"
#include "watcher.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SYSCALL_UPROBE = 336 }; /* x86_64, Linux 6.18; never try 335, it kills the caller */

static struct {
    pthread_mutex_t lock;
    struct rp_registry registry;
    struct rp_loader loader;
    struct rp_watcher watcher;
} runtime = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void lock(void)
{
    pthread_mutex_lock(&runtime.lock);
}

static void unlock(void)
{
    pthread_mutex_unlock(&runtime.lock);
}

/* -- fork -- */

static void before_fork(void)
{
    lock();
    rp_watcher_before_fork(&runtime.watcher);
}

static void after_fork_in_parent(void)
{
    rp_watcher_after_fork_in_parent(&runtime.watcher);
    unlock();
}

/* The images first: from here on the child may call a site. */
static void after_fork_in_child(void)
{
    rp_loader_after_fork_in_child(&runtime.loader);
    rp_watcher_after_fork_in_child(&runtime.watcher);
    unlock();
}

/* -- retiring -- */

static void retired(void *context, struct rp_image *image)
{
    (void)context;
    rp_watcher_unwatch(&runtime.watcher, image->mapping.semaphores);
}

/* At each poll. Someone may hold the lock for as long as a load takes: the next poll will do then.
 */
static void tick(void *context)
{
    (void)context;
    if (pthread_mutex_trylock(&runtime.lock) == 0) {
        (void)rp_loader_retire_idle(&runtime.loader, retired, NULL);
        unlock();
    }
}

enum rp_error rp_runtime_init(unsigned interval_ms, void (*changed)(void *context, unsigned polls))
{
    runtime.watcher = (struct rp_watcher){
        .interval_ms = interval_ms, .changed = changed, .tick = tick, .context = NULL};
    enum rp_error error = rp_watcher_init(&runtime.watcher);
    if (!error && pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) != 0) {
        error = RP_FORK_HANDLER;
    }
    return error;
}

/* -- declarations -- */

enum rp_error rp_runtime_declare(const struct rp_declaration *declaration, struct rp_probe **probe)
{
    lock();
    enum rp_error error = rp_registry_declare(&runtime.registry, declaration, probe);
    unlock();
    return error;
}

struct rp_probe *rp_runtime_find(const char *provider, const char *name)
{
    lock();
    struct rp_probe *probe = rp_registry_find(&runtime.registry, provider, name);
    unlock();
    return probe;
}

struct rp_probe *rp_runtime_remove(const char *provider, const char *name)
{
    lock();
    struct rp_probe *probe = rp_registry_find(&runtime.registry, provider, name);
    if (probe) {
        rp_registry_remove(&runtime.registry, probe);
    }
    unlock();
    return probe;
}

void rp_runtime_free(struct rp_probe *probe)
{
    lock();
    if (probe->is_declared) {
        rp_registry_remove(&runtime.registry, probe);
    }
    unlock();
    rp_probe_free(probe);
}

/* -- loading -- */

/* The site in the new image goes to the front; those in images that are gone fall out. */
static void publish(struct rp_probe *probe, struct rp_image *image, struct rp_site *site)
{
    struct rp_site *_Atomic *at = &probe->sites;
    bool is_there = false;
    for (struct rp_site *old; (old = atomic_load(at));) {
        is_there |= old == site;
        if (rp_loader_is_retired(&runtime.loader, old)) {
            atomic_store(at, atomic_load(&old->next));
        } else {
            at = &old->next;
        }
    }
    if (!is_there) {
        atomic_store(&site->next, atomic_load(&probe->sites));
        atomic_store_explicit(&probe->sites, site, memory_order_release);
    }
    probe->image = image;
}

static void place(void *context, size_t index, struct rp_image *image, uint32_t number)
{
    struct rp_probe *const *probes = context;
    publish(probes[index], image, &image->sites[number]);
}

/* All of them: one of an earlier load may be back, or could not be watched then. */
static enum rp_error watch_images(void)
{
    enum rp_error error = RP_OK;
    for (struct rp_image *image = runtime.loader.images; image; image = image->next) {
        if (image->state == RP_IMAGE_CURRENT) {
            enum rp_error failure = rp_watcher_watch(&runtime.watcher, image->mapping.semaphores,
                                                     rp_mapping_semaphore_count(&image->mapping));
            error = failure ? failure : error;
        }
    }
    return error;
}

/* The lock is held. */
static enum rp_error load(const char *const *directories, size_t count, enum rp_site_kind site)
{
    size_t probe_count = runtime.registry.count;
    struct rp_probe **probes = rp_registry_sorted(&runtime.registry);
    struct rp_buffer declarations = {0};
    for (size_t i = 0; i < probe_count && probes; i++) {
        rp_buffer_append(&declarations, &probes[i]->declaration, sizeof probes[i]->declaration);
    }
    enum rp_error error = probes ? rp_buffer_error(&declarations) : RP_MEMORY;
    if (!error) {
        const struct rp_load request = {.stem = "app",
                                        .declarations = (const void *)declarations.bytes,
                                        .count = probe_count,
                                        .site = site,
                                        .directories = directories,
                                        .directory_count = count};
        error = rp_loader_load(&runtime.loader, &request, place, probes);
    }
    if (!error) {
        error = watch_images();
    }
    (void)rp_loader_retire_idle(&runtime.loader, retired, NULL);
    rp_buffer_free(&declarations);
    free(probes);
    return error;
}

enum rp_error rp_runtime_load(const char *const *directories, size_t count, enum rp_site_kind site)
{
    lock();
    enum rp_error error = load(directories, count, site);
    unlock();
    return error;
}

bool rp_runtime_unload(void)
{
    lock();
    for (size_t i = 0; i < runtime.registry.capacity;) {
        struct rp_probe *probe = runtime.registry.table[i];
        if (!probe) {
            i++; /* removing moves others up: look at the same place again */
            continue;
        }
        rp_registry_remove(&runtime.registry, probe);
        atomic_store(&probe->sites, NULL);
        probe->image = NULL;
    }
    (void)load(NULL, 0, RP_SITE_SAFE);
    bool waiting = rp_loader_retire_idle(&runtime.loader, retired, NULL);
    unlock();
    return !waiting;
}

/* -- looking -- */

void rp_runtime_changes(void (*changed)(void *context, struct rp_probe *probe, bool attached),
                        void *context)
{
    (void)rp_watcher_take(&runtime.watcher); /* first: what comes after it is a change again */
    lock();
    for (size_t i = 0; i < runtime.registry.capacity; i++) {
        struct rp_probe *probe = runtime.registry.table[i];
        bool attached = probe && rp_probe_is_attached(probe);
        if (probe && attached != probe->was_attached) {
            probe->was_attached = attached;
            changed(context, probe, attached);
        }
    }
    unlock();
}

void rp_runtime_probes(void (*visit)(void *context, struct rp_probe *probe), void *context)
{
    lock();
    for (size_t i = 0; i < runtime.registry.capacity; i++) {
        if (runtime.registry.table[i]) {
            visit(context, runtime.registry.table[i]);
        }
    }
    unlock();
}

const struct rp_loader *rp_runtime_loader(void)
{
    return &runtime.loader;
}

void rp_runtime_stop(void)
{
    rp_watcher_stop(&runtime.watcher);
}

bool rp_runtime_is_watching(void)
{
    return runtime.watcher.is_running;
}

bool rp_runtime_has_fast_site(void)
{
#ifdef __x86_64__
    int saved = errno;
    bool has = syscall(SYSCALL_UPROBE) == -1 && errno == ENXIO;
    errno = saved;
    return has;
#else
    return false;
#endif
}
