/*
 * ctx: the number of the request or the job in progress.
 *
 * It follows the work, not the thread: into enumerators and fibers, from Ruby 3.2 on also into the threads and fibers
 * that the work makes. On 3.1 a fiber that has no number takes the one of its thread, unless two fibers of
 * this have one; other threads have none. Once the work has ended nobody has its number any more.
 *
 * Ruby's lock is held; nothing here raises.
 */
#ifndef RAILPROBE_CTX_H
#define RAILPROBE_CTX_H

#include <ruby.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What this thread was told last of a fiber. See ctx.c. */
struct rp_ctx_told {
    uintptr_t fiber;
    uint64_t ended;
    size_t collections;
    uint64_t number;
};
extern __thread struct rp_ctx_told rp_ctx_told;
extern atomic_uint_fast64_t rp_ctx_begun; /* how many units of work have begun, and ended, in all */
extern atomic_uint_fast64_t rp_ctx_ended;

/* Once, before the others. */
void rp_ctx_init(void);

/*
 * A unit of work begins in this fiber. Gives its number: the pid above 40 bits that count, so it is the
 * host's only one, but for other pid namespaces. *outer is the number that the fiber had before; 0 is none.
 */
uint64_t rp_ctx_begin(uint64_t *outer);

/* The unit of work has ended, in this fiber or in any other. */
void rp_ctx_end(uint64_t number, uint64_t outer);

/* The unit of work goes on, and nobody will hear of its end: it has no number any more. */
void rp_ctx_forget(uint64_t number);

uint64_t rp_ctx_ask(uintptr_t fiber);

/*
 * The number of what the fiber, which is the current one, is doing; 0 for none. No allocation. A nanosecond where no
 * unit of work is in progress, a few in one.
 */
static inline uint64_t rp_ctx_current(uintptr_t fiber)
{
    uint64_t ended = atomic_load_explicit(&rp_ctx_ended, memory_order_relaxed);
    if (atomic_load_explicit(&rp_ctx_begun, memory_order_relaxed) == ended) {
        return 0;
    }
    bool is_told = rp_ctx_told.fiber == fiber && rp_ctx_told.ended == ended &&
                   rp_ctx_told.collections == rb_gc_count();
    return is_told ? rp_ctx_told.number : rp_ctx_ask(fiber);
}

/* Adds a query to those of a unit of work, and gives how many it has had. O(1). */
uint64_t rp_ctx_count_query(uint64_t number);
uint64_t rp_ctx_queries(uint64_t number);

#endif
