/*
 * What keeps our errors out of the app: everything that Rails or a wrapped method calls of ours runs in here.
 */
#ifndef RAILPROBE_GUARD_H
#define RAILPROBE_GUARD_H

#include <ruby.h>
#include <stdbool.h>
#include <stdint.h>

/* Once, before the others. */
void rp_guard_init(void);

/*
 * Whether the stack may end within what we do in a call. Ruby sees to 16 KiB for itself before it calls a function of
 * C; the largest of our frames takes as much (the texts of a probe), and a block or a collection may come behind it.
 * Without room nothing of ours may run: an overflow that only a guard page finds can't be rescued, and in a
 * collection it ends the process. O(1).
 */
bool rp_guard_lacks_room(void);

/*
 * Calls body(data). What it raises is dropped, counted and told to Railprobe::Runtime with name, which says
 * what failed; $! stays as it was. The end of the thread and a throw go on, as does what another thread has raised in
 * this one meanwhile. No Ruby object is allocated unless something is raised. Where there is no room for it the body
 * is left out, which counts as dropped, and nobody is told: that would take room too. False then.
 */
bool rp_guard_run(VALUE (*body)(VALUE), VALUE data, const char *name);

/*
 * Calls a method of Rails or of Ruby, within the body of rp_guard_run(). Qundef when it raised. Another
 * thread can't interrupt it; what one has raised meanwhile is raised when the body is done.
 */
VALUE rp_guard_ask(VALUE receiver, const char *method, int argc, const VALUE *argv);

/* How often something was dropped. */
uint64_t rp_guard_errors(void);

#endif
