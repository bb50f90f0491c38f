/*
 * An image in memory: text and semaphores, both private mappings of the file.
 *
 * A mapping is never undone while the process lives, since method tables and compiled code may
 * point into it; it can only be retired. Text is never mapped anew without the semaphores (their
 * count would leak), and nothing is ever writable and executable at once.
 */
#ifndef RAILPROBE_MAPPING_H
#define RAILPROBE_MAPPING_H

#include "error.h"
#include "image.h"

#include <sys/types.h>

struct rp_mapping {
    struct rp_layout layout; /* owned, without the table of semaphores */
    uint8_t *text;
    volatile uint16_t *semaphores;
    size_t text_span; /* from text to the semaphores; a number of pages */
    size_t data_span; /* of the semaphores, likewise */
    int fd;           /* of the file, with its lock; -1 once retired */
    dev_t device;
    ino_t inode;
};

/*
 * Maps the image behind fd, whose bytes the caller has verified and whose layout it gives. Takes fd
 * over on success.
 *
 * Returns RP_OK or RP_MAP (errno: EPERM on a noexec mount, EACCES by policy, ENOMEM...).
 */
enum rp_error rp_mapping_open(struct rp_mapping *mapping, const struct rp_layout *layout, int fd);

static inline void *rp_mapping_site(const struct rp_mapping *mapping, uint32_t index)
{
    return mapping->text + (size_t)index * RP_SITE_SIZE;
}

static inline uint32_t rp_mapping_semaphore_count(const struct rp_mapping *mapping)
{
    return mapping->layout.semaphores_size / (uint32_t)sizeof(uint16_t);
}

/* How many semaphores are up. O(semaphores). */
uint32_t rp_mapping_attached(const struct rp_mapping *mapping);

/*
 * Replaces the mapping in place by anonymous memory with the same text and with semaphores of 0:
 * sites stay callable, no reader finds the image in this process any more, and the file is let go.
 * Meant for an image whose semaphores are 0; a tracer that is on it sees no more of this process.
 *
 * Returns RP_OK or RP_MAP (nothing has then changed that a caller could see; try again).
 */
enum rp_error rp_mapping_retire(struct rp_mapping *mapping);

/*
 * In a forked child, for sites of kind fast: maps the file afresh over itself, so that no site
 * calls a trampoline that fork left behind. Where the file is lost the child's mapping is retired
 * instead. Safe in a fork handler: system calls only.
 */
void rp_mapping_renew(struct rp_mapping *mapping);

#endif
