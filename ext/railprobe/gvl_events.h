/*
 * gvl__wait__done: a thread has the lock of the VM again, which it had asked for. Ruby 3.2 or later; elsewhere the hook can't
 * be armed, and the probe never fires.
 *
 * A thread's name is what the system calls it; threads that share native threads (RUBY_MN_THREADS=1, Ractors from Ruby 3.3
 * on) have that of the native one.
 *
 * A forked child keeps a hook that was in place when it was forked, and it fires there as it should; but it is
 * never removed there. Ruby guards its list with a lock that another thread of the parent may have held
 * for reading just then, and who waits for such a lock in the child waits for ever. With nobody attached it
 * costs some 50 ns each time a thread gets the lock.
 */
#ifndef RAILPROBE_GVL_EVENTS_H
#define RAILPROBE_GVL_EVENTS_H

#include "registry.h"

#include <stdbool.h>

/*
 * Adds or removes the hook that fires the probe. Ruby's lock is held; what waits for it is not run, so this waits
 * for the hook in other threads at most. Nothing is raised.
 */
void rp_gvl_events_arm(struct rp_probe *probe, bool wanted);

/* Whether the hook is in place. */
bool rp_gvl_events_is_armed(void);

#endif
