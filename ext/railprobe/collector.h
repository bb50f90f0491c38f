/*
 * What Ruby's collector tells of itself: how long it took, and how many objects were made. Ruby's lock is held.
 */
#ifndef RAILPROBE_COLLECTOR_H
#define RAILPROBE_COLLECTOR_H

#include <ruby.h>
#include <stdint.h>

/* Once, before the others. */
void rp_collector_init(void);

/* Objects that this process has allocated so far, by GC.stat. No allocation. */
uint64_t rp_collector_allocated(void);

/* The time that this process has spent in garbage collection so far, ns, by GC.total_time. */
uint64_t rp_collector_ns(void);

#endif
