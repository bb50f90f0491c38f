/*
 * A file that is looked at now and then. See file_watch.h.
 */
#include "file_watch.h"

#include <stdlib.h>
#include <string.h>

enum rp_error rp_file_watch_set(struct rp_file_watch *file, const char *path)
{
    struct rp_file_watch next = {.path = path ? strdup(path) : NULL};
    if (path && !next.path) {
        return RP_MEMORY;
    }
    if (path) {
        (void)stat(path, &next.status);
    }
    free(file->path);
    *file = next;
    return RP_OK;
}

static bool is_same(const struct stat *one, const struct stat *other)
{
    return one->st_ino == other->st_ino && one->st_size == other->st_size &&
           one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == other->st_mtim.tv_nsec;
}

bool rp_file_watch_look(struct rp_file_watch *file)
{
    struct stat now;
    if (!file->path || stat(file->path, &now) != 0) {
        return false;
    }
    bool same = is_same(&now, &file->status);
    bool is_complete = same && file->is_settling;
    file->has_changed |= is_complete;
    file->is_settling = !same;
    file->status = now;
    return is_complete;
}
