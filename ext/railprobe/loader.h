/*
 * Declarations -> images on disk -> images in memory: the way from what is asked for to what is
 * there.
 *
 * The loader keeps every image that this process ever mapped. Those of the newest load are current;
 * the others are retiring until no tracer is on them, then retired. One loader serves one process;
 * its functions are not to be called at once from two threads (runtime.c holds the lock).
 */
#ifndef RAILPROBE_LOADER_H
#define RAILPROBE_LOADER_H

#include "arch.h"
#include "declaration.h"
#include "mapping.h"

#include <stdatomic.h>

enum {
    RP_PROBES_PER_IMAGE = 2000, /* readers take time that grows with the square of it */
    RP_ATTEMPTS_MAX = 16
};

/* Where a probe fires in one image. Never freed: a thread may be reading it at any time. */
struct rp_site {
    void *address;
    const volatile uint16_t *semaphore;
    struct rp_site *_Atomic next; /* the same probe's site in an older image */
};

enum rp_image_state { RP_IMAGE_CURRENT, RP_IMAGE_RETIRING, RP_IMAGE_RETIRED };

struct rp_image {
    struct rp_image *next;
    enum rp_image_state state;
    char *path;      /* of the file; NULL for a memory file, the last resort */
    uint32_t number; /* of the load that made it, from 1 */
    char digest[2 * RP_DIGEST_SIZE + 1];
    struct rp_mapping mapping;
    struct rp_site *sites; /* one for each probe, in the order of the image */
    bool wanted;           /* by the load that is going on */
};

/* A place where an image could not be put, and why. */
struct rp_attempt {
    char *path;
    enum rp_error error;
    int system_error; /* errno, or 0 */
};

struct rp_loader {
    struct rp_image *images; /* newest first */
    uint32_t loads;
    struct rp_attempt attempts[RP_ATTEMPTS_MAX]; /* of the last load */
    size_t attempt_count;
};

/* What to load, and where to put it. */
struct rp_load {
    const char *stem;                          /* "app" */
    const struct rp_declaration *declarations; /* sorted by provider; providers stay whole */
    size_t count;
    enum rp_site_kind site;
    const char *const *directories; /* absolute paths, tried in this order; then a memory file */
    size_t directory_count;
};

/*
 * Told of each declaration that has a place: number index of the load is probe number of image.
 */
typedef void rp_loader_place(void *context, size_t index, struct rp_image *image, uint32_t number);

/*
 * Builds the images of the load, keeps those that are mapped already and maps the others, then
 * tells place of every declaration. Images of earlier loads that are not part of this one start
 * retiring. An empty load (count 0) only retires.
 *
 * All or nothing: on an error what was loaded before stays as it was, and attempts tell what was
 * tried. Returns RP_OK; RP_NOWHERE; RP_MACHINE; RP_MEMORY; or what rp_image_build() returns.
 * O(bytes written) and a system call or twenty for each image.
 */
enum rp_error rp_loader_load(struct rp_loader *loader, const struct rp_load *load,
                             rp_loader_place *place, void *context);

/*
 * Retires those retiring images whose semaphores are all 0, and calls retired for each. True when
 * some are still waiting for their tracers.
 */
bool rp_loader_retire_idle(struct rp_loader *loader,
                           void (*retired)(void *context, struct rp_image *image), void *context);

/*
 * Writes to out what a tracer opens to attach to the image: its file, or /proc/PID/fd/N for a memory
 * file, with the pid of this process.
 */
void rp_image_path(const struct rp_image *image, char *out, size_t size);

/* Whether the site belongs to an image that is retired, and so will never fire again. O(images). */
bool rp_loader_is_retired(const struct rp_loader *loader, const struct rp_site *site);

/* Maps every image afresh whose sites ask for it; for a forked child, system calls only. */
void rp_loader_after_fork_in_child(struct rp_loader *loader);

#endif
