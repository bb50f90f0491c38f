/*
 * Calls that fail on demand: the first time, the second, and so on, until what is tested gets through.
 *
 *   FAULT_ALLOCATIONS                    once in a file, with the line  // LINK: (see below)
 *   FAULT_REMAP(fault)                   mremap(), which FAULT_CALL can't do
 *   FAULT_CALL(type, name, parameters, arguments, failure, error)   the same for one system call
 *
 *   for (unsigned n = 1; fault_in(&fault_allocation, n); n++) { ...; fault_end(&fault_allocation); }
 *
 * The loop ends after the first round in which nothing failed. Both take -Wl,--wrap=NAME for each name; those of
 * FAULT_ALLOCATIONS are malloc, calloc, realloc, reallocarray and strdup.
 */
#ifndef RAILPROBE_FAULT_H
#define RAILPROBE_FAULT_H

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

/* Atomic for the watcher's thread, and so that the compiler does not take malloc() for blind to them. */
struct fault {
    atomic_uint countdown; /* to the call that fails; 0 for none */
    atomic_bool goes_on;   /* fail all calls after that one too */
    atomic_bool has_struck;
    bool is_over;
};

static struct fault fault_allocation __attribute__((unused));
static struct fault fault_system __attribute__((unused));

static inline bool fault_is_due(struct fault *fault)
{
    unsigned left = atomic_load(&fault->countdown);
    if (!left || (left > 1 && atomic_fetch_sub(&fault->countdown, 1))) {
        return false;
    }
    if (!atomic_load(&fault->goes_on)) {
        atomic_store(&fault->countdown, 0);
    }
    atomic_store(&fault->has_struck, true);
    return true;
}

/* The number'th call from here on fails. */
static inline void fault_begin(struct fault *fault, unsigned number)
{
    atomic_store(&fault->has_struck, false);
    atomic_store(&fault->countdown, number);
}

/* The number'th call from here on and every later one fail. */
static inline void fault_begin_for_good(struct fault *fault, unsigned number)
{
    atomic_store(&fault->goes_on, true);
    fault_begin(fault, number);
}

/* No call fails any more. True if one did. */
static inline bool fault_end(struct fault *fault)
{
    atomic_store(&fault->countdown, 0);
    atomic_store(&fault->goes_on, false);
    fault->is_over = !atomic_load(&fault->has_struck);
    return !fault->is_over;
}

/* The head of the loop above. */
static inline bool fault_in(struct fault *fault, unsigned number)
{
    if (number > 1 && fault->is_over) {
        return false;
    }
    fault_begin(fault, number);
    return true;
}

#define FAULT_WRAP(fault, type, name, parameters, arguments, failure, error)                       \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        if (fault_is_due(fault)) {                                                                 \
            errno = (error);                                                                       \
            return (failure);                                                                      \
        }                                                                                          \
        return __real_##name arguments;                                                            \
    }

#define FAULT_CALL(type, name, parameters, arguments, failure, error)                              \
    FAULT_WRAP(&fault_system, type, name, parameters, arguments, failure, error)

/* mremap() takes a fifth argument only where it is told of one. */
#define FAULT_REMAP(fault)                                                                         \
    void *__real_mremap(void *at, size_t size, size_t new_size, int flags, ...);                   \
    void *__wrap_mremap(void *at, size_t size, size_t new_size, int flags, ...);                   \
    void *__wrap_mremap(void *at, size_t size, size_t new_size, int flags, ...)                    \
    {                                                                                              \
        void *place = NULL;                                                                        \
        if (flags & MREMAP_FIXED) {                                                                \
            va_list rest;                                                                          \
            va_start(rest, flags);                                                                 \
            place = va_arg(rest, void *);                                                          \
            va_end(rest);                                                                          \
        }                                                                                          \
        if (fault_is_due(fault)) {                                                                 \
            errno = ENOMEM;                                                                        \
            return MAP_FAILED;                                                                     \
        }                                                                                          \
        return __real_mremap(at, size, new_size, flags, place);                                    \
    }

/* Both of a kind, since the compiler may write realloc(NULL, size) as malloc(size). */
#define FAULT_ALLOCATIONS                                                                          \
    FAULT_WRAP(&fault_allocation, void *, malloc, (size_t size), (size), NULL, ENOMEM)             \
    FAULT_WRAP(&fault_allocation, void *, calloc, (size_t count, size_t size), (count, size),      \
               NULL, ENOMEM)                                                                       \
    FAULT_WRAP(&fault_allocation, void *, realloc, (void *old, size_t size), (old, size), NULL,    \
               ENOMEM)                                                                             \
    FAULT_WRAP(&fault_allocation, void *, reallocarray, (void *old, size_t count, size_t size),    \
               (old, count, size), NULL, ENOMEM)                                                   \
    FAULT_WRAP(&fault_allocation, char *, strdup, (const char *text), (text), NULL, ENOMEM)

#endif
