/*
 * The one runtime object of a process: registry, loader and watcher, one lock, and what fork needs.
 *
 * Every function may be called from any thread, with or without Ruby's lock, unless it says
 * otherwise.
 */
#ifndef RAILPROBE_RUNTIME_H
#define RAILPROBE_RUNTIME_H

#include "breaker.h"
#include "loader.h"
#include "registry.h"

#include <sys/types.h>

/*
 * Prepares the runtime, once in a process. changed is called from the watcher thread at each poll
 * at which tracers have come or gone since rp_runtime_changes(), with the number of such polls
 * before.
 *
 * Returns RP_OK; RP_THREAD; RP_FORK_HANDLER.
 */
enum rp_error rp_runtime_init(unsigned interval_ms, void (*changed)(void *context, unsigned polls));

/* What the entry stubs of images loaded from now on jump to; see struct rp_loader. */
void rp_runtime_set_handler(void (*handler)(void));

/*
 * Loads the builtin image, whose probes depend on nothing but the version of this library. Once loaded
 * it stays: further calls only look whether its file is still there. Returns what rp_loader_load() does.
 */
enum rp_error rp_runtime_load_builtin(const char *const *directories, size_t count,
                                      enum rp_site_kind site);

/* A probe of the builtin image; NULL before it is loaded. */
struct rp_probe *rp_runtime_builtin(const char *provider, const char *name);

/* The entry stub of the probe's group in its current image; NULL if there is none. */
void *rp_runtime_stub(struct rp_probe *probe);

/* Makes method the one that the probe's entry stub leads to, in every image that the probe is in. */
void rp_runtime_set_method(struct rp_probe *probe, const void *method);

/*
 * Has the watcher look at the file at each poll, and call changed once it has been written and then
 * left alone for a poll. NULL for none. Returns RP_OK or RP_MEMORY.
 */
enum rp_error rp_runtime_watch_file(const char *path);

/* Whether the file was written since the last call, or since it was first watched. */
bool rp_runtime_take_file_change(void);

/* Puts limits in force; see rp_breaker_set(). What there is to arm again is a change. */
void rp_runtime_set_limits(const struct rp_limits *limits);

/* See rp_breaker_trips() and rp_breaker_new_trips(). teller is called under the lock: it must not call back. */
void rp_runtime_trips(rp_breaker_teller *teller, void *context);
void rp_runtime_new_trips(rp_breaker_teller *teller, void *context);

/* Has the watcher call changed without a change: at once, or at the next poll. */
void rp_runtime_nudge(bool at_once);

/* See rp_registry_declare(). The caller sets the owner of a probe that has none yet. */
enum rp_error rp_runtime_declare(const struct rp_declaration *declaration, struct rp_probe **probe);

/* See rp_registry_find(). */
struct rp_probe *rp_runtime_find(const char *provider, const char *name);

/* Removes the probe of that name: it is gone with the next load. Gives it, or NULL. */
struct rp_probe *rp_runtime_remove(const char *provider, const char *name);

/*
 * Loads everything declared; see rp_loader_load(). With nothing declared everything retires.
 *
 * Returns what rp_loader_load() does, or RP_THREAD: all is loaded, but nobody watches.
 */
enum rp_error rp_runtime_load(const char *const *directories, size_t count, enum rp_site_kind site);

/* Removes every declaration and loads that. True when everything is retired at once. */
bool rp_runtime_unload(void);

/*
 * Takes note of what tracers have done, and calls changed for each probe that has become attached
 * or is so no more. changed is called under the lock: it must not call back.
 */
void rp_runtime_changes(void (*changed)(void *context, struct rp_probe *probe, bool attached),
                        void *context);

/* Calls visit for each probe, in no order, under the lock: it must not call back. */
void rp_runtime_probes(void (*visit)(void *context, struct rp_probe *probe), void *context);

/*
 * The loader, to look at: images are never freed, so its list may be walked without the lock;
 * attempts stay until the next load.
 */
const struct rp_loader *rp_runtime_loader(void);

/* The probe's owner is gone: takes it out of the registry, if it still is in there, and frees it.
 */
void rp_runtime_free(struct rp_probe *probe);

/*
 * The number of this process, as known since it began or was forked. For what fires: the system call takes longer
 * than a firing on a virtual machine that traps it.
 */
pid_t rp_runtime_process(void);

/* Ends the watcher thread for good: after it nobody calls changed any more. */
void rp_runtime_stop(void);

/* Whether the watcher thread runs. */
bool rp_runtime_is_watching(void);

/* Whether the kernel has the call that makes the fast site fast (syscall 336 answers ENXIO). */
bool rp_runtime_has_fast_site(void);

#endif
