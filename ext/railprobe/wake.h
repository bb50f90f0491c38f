/*
 * From the watcher thread into Ruby: has a function called in whichever Ruby thread runs next.
 *
 * There is no Ruby thread of ours: a postponed job is requested from the native thread. A process
 * whose threads all sleep would run it much too late, so when a job has not run within a poll, the
 * watcher sends itself a real-time signal that Ruby traps with an empty block: Ruby's handler notes
 * it and wakes the VM. No thread of the app is interrupted by it.
 */
#ifndef RAILPROBE_WAKE_H
#define RAILPROBE_WAKE_H

#include <stdbool.h>

/* Prepares the job; once, with Ruby's lock. */
void rp_wake_init(void (*job)(void *));

/* Whether nobody in the process has a handler for the signal, and it is not ignored. */
bool rp_wake_is_free(int signal);

/* The signal to wake an idle VM with; 0 for none. */
void rp_wake_set_signal(int signal);
int rp_wake_signal(void);

/*
 * Requests the job; polls is how often in a row it was requested before. From the watcher thread,
 * which has every signal blocked and does not hold Ruby's lock. Async-signal-safe calls and one
 * atomic only.
 */
void rp_wake_request(void *context, unsigned polls);

#endif
