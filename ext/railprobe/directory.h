/*
 * One directory that holds images: what may be used of what is there, and how something new gets
 * there.
 *
 * Whoever can write an image could run code in the app, so nothing is trusted by its name: a
 * directory is ours or root's and closed to others, a file too, it is a regular file reached
 * without a symbolic link, and its bytes are those we would have written. A valid file is used and
 * never touched.
 *
 * Every open image file carries a shared flock. It is how other processes know that it is in use.
 */
#ifndef RAILPROBE_DIRECTORY_H
#define RAILPROBE_DIRECTORY_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rp_directory {
    int fd;
};

/*
 * Opens the directory at path, which is absolute and has no slash at its end, and makes it (and its
 * parents, mode 0755) if it is missing.
 *
 * Returns RP_OK; RP_DIRECTORY_MISSING, RP_DIRECTORY_TYPE, RP_DIRECTORY_OWNER, RP_DIRECTORY_MODE.
 * The caller closes it with rp_directory_close().
 */
enum rp_error rp_directory_open(struct rp_directory *directory, const char *path);

void rp_directory_close(struct rp_directory *directory);

/*
 * Gives a descriptor, open for reading and share-locked, of the file of that name with just these
 * bytes: the one that is there, or a new one, complete from the moment it has its name, with mode.
 * Processes that come at once all get the same file. An own file with wrong bytes or a loose mode
 * is replaced; anything else that is in the way is left alone and refused.
 *
 * Returns RP_OK; RP_FILE_TYPE, RP_FILE_OWNER, RP_FILE_OPEN, RP_FILE_WRITE, RP_FILE_LIMIT,
 * RP_DIRECTORY_BUSY, RP_MEMORY. The caller closes *fd, which is -1 on an error. O(size).
 */
enum rp_error rp_directory_take(const struct rp_directory *directory, const char *name,
                                const uint8_t *bytes, size_t size, unsigned mode, int *fd);

/*
 * Makes name a symbolic link to target, in one step. One that is right already is left alone.
 *
 * Returns RP_OK, RP_FILE_WRITE or RP_DIRECTORY_BUSY.
 */
enum rp_error rp_directory_link(const struct rp_directory *directory, const char *name,
                                const char *target);

/* Removes the link of that name; anything but a symbolic link stays. */
void rp_directory_unlink(const struct rp_directory *directory, const char *name);

/*
 * Removes the images of stem ("app": app-DIGEST.so, app2-DIGEST.so...) that no process has open,
 * with their manifests, and what a crash left half-written. Kept are those for which keep says so,
 * those of other owners, and those with the sticky bit (put there ahead of time, for good).
 */
void rp_directory_sweep(const struct rp_directory *directory, const char *stem,
                        bool (*keep)(void *context, const char *name), void *context);

#endif
