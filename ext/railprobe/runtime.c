/*
 * The one runtime object of a process.
 *
 * The lock order is runtime, then watcher. The watcher calls in here holding no lock of its own.
 */
#include "runtime.h"

#include "buffer.h"
#include "builtin.h"
#include "file_watch.h"
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
    struct rp_registry builtin;
    struct rp_file_watch file;
    struct rp_loader loader;
    struct rp_watcher watcher;
    struct rp_breaker breaker;
    _Atomic pid_t process;
} runtime = {.lock = PTHREAD_MUTEX_INITIALIZER,
             .breaker = {.registries = {&runtime.registry, &runtime.builtin}}};

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
    atomic_store(&runtime.process, getpid());
    rp_watcher_after_fork_in_child(&runtime.watcher);
    if (rp_breaker_after_fork_in_child(&runtime.breaker)) {
        rp_watcher_nudge(&runtime.watcher, false);
    }
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
        bool is_news = rp_file_watch_look(&runtime.file);
        if (rp_breaker_look(&runtime.breaker) || is_news) {
            rp_watcher_nudge(&runtime.watcher, true);
        }
        unlock();
    }
}

/* -- limits -- */

/* From whichever thread fires, wherever it is: it must not wait. The breaker's next look notices as well. */
static void tripped(void)
{
    rp_watcher_nudge_unless_busy(&runtime.watcher);
}

void rp_runtime_set_limits(const struct rp_limits *limits)
{
    lock();
    if (rp_breaker_set(&runtime.breaker, limits)) {
        rp_watcher_nudge(&runtime.watcher, true);
    }
    unlock();
}

void rp_runtime_trips(rp_breaker_teller *teller, void *context)
{
    lock();
    rp_breaker_trips(&runtime.breaker, teller, context);
    unlock();
}

void rp_runtime_new_trips(rp_breaker_teller *teller, void *context)
{
    lock();
    rp_breaker_new_trips(&runtime.breaker, teller, context);
    unlock();
}

enum rp_error rp_runtime_init(unsigned interval_ms, void (*changed)(void *context, unsigned polls))
{
    runtime.watcher = (struct rp_watcher){
        .interval_ms = interval_ms, .changed = changed, .tick = tick, .context = NULL};
    enum rp_error error = rp_watcher_init(&runtime.watcher);
    atomic_store(&runtime.process, getpid());
    if (!error) {
        atomic_store(&rp_limits.tripped, tripped);
    }
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
    struct rp_probe *probe = probes[index];
    publish(probe, image, &image->sites[number]);
    if (probe->method && image->stubs && image->stubs[number] != RP_NO_STUB) {
        image->owners[image->stubs[number]] = (void *)(uintptr_t)probe->method;
    }
}

static bool has_groups(const struct rp_declaration *declarations, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (declarations[i].group) {
            return true;
        }
    }
    return false;
}

static int compare_groups(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* Groups are numbered as methods come and go; an image wants them from 1 on. O(n log n). */
static enum rp_error renumber_groups(struct rp_declaration *declarations, size_t count)
{
    size_t distinct = 0;
    uint32_t *groups = calloc(count + 1, sizeof *groups);
    if (!groups) {
        return RP_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        groups[i] = declarations[i].group;
    }
    qsort(groups, count, sizeof *groups, compare_groups);
    for (size_t i = 0; i < count; i++) {
        if (groups[i] && (!distinct || groups[distinct - 1] != groups[i])) {
            groups[distinct++] = groups[i];
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (declarations[i].group) {
            const uint32_t *found =
                bsearch(&declarations[i].group, groups, distinct, sizeof *groups, compare_groups);
            declarations[i].group = (uint32_t)(found - groups) + 1;
        }
    }
    free(groups);
    return RP_OK;
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
static enum rp_error load(const struct rp_registry *registry, const char *stem,
                          const char *const *directories, size_t count, enum rp_site_kind site)
{
    size_t probe_count = registry->count;
    struct rp_probe **probes = rp_registry_sorted(registry);
    struct rp_buffer declarations = {0};
    for (size_t i = 0; i < probe_count && probes; i++) {
        rp_buffer_append(&declarations, &probes[i]->declaration, sizeof probes[i]->declaration);
    }
    enum rp_error error = probes ? rp_buffer_error(&declarations) : RP_MEMORY;
    if (!error && has_groups((const void *)declarations.bytes, probe_count)) {
        error = renumber_groups((void *)declarations.bytes, probe_count);
    }
    if (!error) {
        const struct rp_load request = {.stem = stem,
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
    enum rp_error error = load(&runtime.registry, "app", directories, count, site);
    unlock();
    return error;
}

void rp_runtime_set_handler(void (*handler)(void))
{
    lock();
    runtime.loader.handler = handler;
    unlock();
}

enum rp_error rp_runtime_load_builtin(const char *const *directories, size_t count,
                                      enum rp_site_kind site)
{
    lock();
    enum rp_error error = rp_builtin_declare(&runtime.builtin);
    if (!error) {
        error = load(&runtime.builtin, "builtin", directories, count, site);
    }
    unlock();
    return error;
}

struct rp_probe *rp_runtime_builtin(const char *provider, const char *name)
{
    lock();
    struct rp_probe *probe = rp_registry_find(&runtime.builtin, provider, name);
    unlock();
    return probe;
}

/* The number of the site's stub in its image, or RP_NO_STUB. */
static uint32_t stub_number(const struct rp_site *site, struct rp_image **image)
{
    for (*image = runtime.loader.images; *image; *image = (*image)->next) {
        if (site >= (*image)->sites && site < (*image)->sites + (*image)->mapping.layout.count) {
            uint32_t number =
                (*image)->stubs ? (*image)->stubs[site - (*image)->sites] : RP_NO_STUB;
            return number < (*image)->mapping.layout.stub_count ? number : RP_NO_STUB;
        }
    }
    return RP_NO_STUB;
}

void *rp_runtime_stub(struct rp_probe *probe)
{
    void *stub = NULL;
    struct rp_image *image = NULL;
    lock();
    struct rp_site *site = atomic_load(&probe->sites);
    for (; site && !stub; site = atomic_load(&site->next)) {
        uint32_t number = stub_number(site, &image);
        if (image == probe->image && number != RP_NO_STUB) {
            stub = rp_mapping_stub(&image->mapping, number);
        }
    }
    unlock();
    return stub;
}

void rp_runtime_set_method(struct rp_probe *probe, const void *method)
{
    struct rp_image *image = NULL;
    lock();
    probe->method = method;
    struct rp_site *site = atomic_load(&probe->sites);
    for (; site; site = atomic_load(&site->next)) {
        uint32_t number = stub_number(site, &image);
        if (number != RP_NO_STUB) {
            image->owners[number] = (void *)(uintptr_t)method;
        }
    }
    unlock();
}

enum rp_error rp_runtime_watch_file(const char *path)
{
    lock();
    enum rp_error error = rp_file_watch_set(&runtime.file, path);
    unlock();
    return error;
}

bool rp_runtime_take_file_change(void)
{
    lock();
    bool changed = runtime.file.has_changed;
    runtime.file.has_changed = false;
    unlock();
    return changed;
}

void rp_runtime_nudge(bool at_once)
{
    rp_watcher_nudge(&runtime.watcher, at_once);
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
    (void)load(&runtime.registry, "app", NULL, 0, RP_SITE_SAFE);
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

pid_t rp_runtime_process(void)
{
    return atomic_load_explicit(&runtime.process, memory_order_relaxed);
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
