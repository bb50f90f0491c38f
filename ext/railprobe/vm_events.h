/*
 * The probes of the provider rubyvm: what the VM does, seen by hooks of its own that are there only while somebody
 * is attached.
 *
 *   gc__done               internal events of the collector, which no JIT compiler cares about; while they are
 *                          asked for, Ruby 3.1 takes 12 ns longer to make an object
 *   thread__start, _exit   events of threads; before Ruby 3.3 asking for them throws YJIT's code away, so
 *                          where it is on they don't fire there; nor does it tell of the end of a thread that
 *                          raises or is killed
 *   gvl__wait__done        gvl_events.h
 *
 * ctx is that of the work which has made the thread, from Ruby 3.2 on; the others can't ask for it where they are, and
 * have 0.
 *
 * Hooks are those of the main Ractor: collections that another one begins, and its threads, are not seen. A gap in
 * the argument count of gc__done tells of the former.
 *
 * Ruby's lock is held wherever this is called, by the main Ractor; nothing here raises.
 */
#ifndef RAILPROBE_VM_EVENTS_H
#define RAILPROBE_VM_EVENTS_H

#include <ruby.h>

/* Once, before the others; defines .vm_hooks of Native: the names of the hooks that are in place. */
void rp_vm_events_define(VALUE native);

/* Looks up the probes; after they were loaded. */
void rp_vm_events_use_probes(void);

/*
 * Adds the hooks of the probes that are wanted and removes those of the others. Takes no Ruby lock, so it may run between
 * two instructions of any thread. A hook is 60 bytes of Ruby's memory.
 */
void rp_vm_events_settle(void);

#endif
