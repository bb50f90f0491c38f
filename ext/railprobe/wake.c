/*
 * From the watcher thread into Ruby. See wake.h.
 */
#include "wake.h"

#include <pthread.h>
#include <ruby.h>
#include <ruby/debug.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static void (*job)(void *);
static atomic_int wake_signal;

#ifdef HAVE_RB_POSTPONED_JOB_PREREGISTER /* Ruby 3.3 */
static rb_postponed_job_handle_t handle;

static void request(void)
{
    if (handle != POSTPONED_JOB_HANDLE_INVALID) {
        rb_postponed_job_trigger(handle);
    }
}
#else
static void request(void)
{
    (void)rb_postponed_job_register_one(0, job, NULL);
}
#endif

void rp_wake_init(void (*new_job)(void *))
{
    job = new_job;
#ifdef HAVE_RB_POSTPONED_JOB_PREREGISTER
    handle = rb_postponed_job_preregister(0, job, NULL);
#endif
}

void rp_wake_set_signal(int signal)
{
    atomic_store(&wake_signal, signal);
}

int rp_wake_signal(void)
{
    return atomic_load(&wake_signal);
}

bool rp_wake_is_free(int signal)
{
    struct sigaction action;
    return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_DFL;
}

/* An app that gives all its signals back to the system would be ended by ours. */
static bool is_trapped(int signal)
{
    struct sigaction action;
    return sigaction(signal, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
           action.sa_handler != SIG_IGN;
}

/* Unblocked for the moment of the sending only: it is delivered to this thread before kill returns.
 */
static void signal_self(int signal)
{
    sigset_t set;
    sigset_t before;
    sigemptyset(&set);
    sigaddset(&set, signal);
    if (pthread_sigmask(SIG_UNBLOCK, &set, &before) == 0) {
        (void)pthread_kill(pthread_self(), signal);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
}

void rp_wake_request(void *context, unsigned polls)
{
    (void)context;
    request();
    int signal = rp_wake_signal();
    if (polls && signal && is_trapped(signal)) {
        signal_self(signal);
    }
}
