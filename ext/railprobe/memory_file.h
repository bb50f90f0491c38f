/*
 * A file in memory: where an image goes when no directory takes it.
 *
 * It lives as long as a process has it open or mapped. Newer tracers find it by an explicit
 * /proc/PID/fd/N only, so it is the last resort.
 */
#ifndef RAILPROBE_MEMORY_FILE_H
#define RAILPROBE_MEMORY_FILE_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Makes a file in memory of that name with these bytes, sealed against any change.
 *
 * Returns RP_OK; RP_MEMFD; RP_FILE_LIMIT. The caller closes *fd, which is -1 on an error. O(size).
 */
enum rp_error rp_memory_file_make(const char *name, const uint8_t *bytes, size_t size, int *fd);

#endif
