/*
 * A file that is looked at now and then, for a change that is complete.
 */
#ifndef RAILPROBE_FILE_WATCH_H
#define RAILPROBE_FILE_WATCH_H

#include "error.h"

#include <stdbool.h>
#include <sys/stat.h>

struct rp_file_watch {
    char *path; /* owned; NULL: nothing is watched */
    struct stat status;
    bool is_settling; /* it was another at the look before: wait until it is left alone */
    bool has_changed; /* for the caller to take */
};

/* Watches path, which is copied, as it is now; NULL for none. Returns RP_OK or RP_MEMORY. */
enum rp_error rp_file_watch_set(struct rp_file_watch *file, const char *path);

/* Looks. True, and has_changed is set, when the file has changed and then stayed as it is since the
 * look before. A file that is away for a moment, as editors do it, has not changed yet. One stat(). */
bool rp_file_watch_look(struct rp_file_watch *file);

#endif
