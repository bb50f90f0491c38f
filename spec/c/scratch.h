/*
 * What the tests of files and memory need: a directory of their own, and looks at this process.
 */
#ifndef RAILPROBE_SCRATCH_H
#define RAILPROBE_SCRATCH_H

#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Somebody who is neither us nor root. */
enum { SCRATCH_STRANGER = 65533 };

/* -- a directory -- */

static char scratch[128]; /* its path, from scratch_begin() to scratch_end() */

/* Before the first file; ends the program where there is no place for it. */
static inline void scratch_begin(void)
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(scratch, sizeof scratch, "%s/railprobe-c-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(scratch)) {
        perror(scratch);
        exit(2);
    }
}

static inline int scratch_remove_entry(const char *path, const struct stat *status, int type,
                                       struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static inline void scratch_end(void)
{
    (void)nftw(scratch, scratch_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* scratch/name; the newest 8 of these stay valid. */
static inline const char *scratch_path(const char *name)
{
    static char paths[8][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 8];
    (void)snprintf(path, PATH_MAX, "%s%s%s", scratch, *name ? "/" : "", name);
    return path;
}

/* A new directory of that name, and its path. */
static inline const char *scratch_directory(const char *name, mode_t mode)
{
    const char *path = scratch_path(name);
    CHECK(mkdir(path, 0700) == 0 && chmod(path, mode) == 0);
    return path;
}

static inline void scratch_write(const char *name, const void *bytes, size_t size, mode_t mode)
{
    const char *path = scratch_path(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && fchmod(fd, mode) == 0);
    close(fd);
}

static inline struct stat scratch_status(const char *name)
{
    struct stat status = {0};
    (void)lstat(scratch_path(name), &status);
    return status;
}

static inline bool scratch_has(const char *name)
{
    return scratch_status(name).st_ino != 0;
}

/* Where a symbolic link points to; "" if it is none. */
static inline const char *scratch_target(const char *name)
{
    static char target[PATH_MAX];
    ssize_t size = readlink(scratch_path(name), target, sizeof target - 1);
    target[size < 0 ? 0 : size] = '\0';
    return target;
}

/* How many entries of a directory begin with prefix. */
static inline unsigned scratch_count(const char *name, const char *prefix)
{
    unsigned count = 0;
    DIR *entries = opendir(scratch_path(name));
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        bool is_dots = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        count += !is_dots && strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    }
    if (entries) {
        closedir(entries);
    }
    return count;
}

/* -- this process -- */

static inline unsigned open_files(void)
{
    unsigned count = 0;
    DIR *entries = opendir("/proc/self/fd");
    while (entries && readdir(entries)) {
        count++;
    }
    if (entries) {
        closedir(entries);
    }
    return count;
}

/* How many lines of /proc/self/maps have text in them. */
static inline unsigned mappings_of(const char *text)
{
    char line[PATH_MAX + 256];
    unsigned count = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps)) {
        count += strstr(line, text) != NULL;
    }
    if (maps) {
        fclose(maps);
    }
    return count;
}

/* What a forked child that runs body ends with: body's result, or 128 and the signal. */
static inline int in_child(int (*body)(void *context), void *context)
{
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        _exit(body(context));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Looks at condition every millisecond, for 20 seconds at most. */
static inline bool wait_until(bool (*condition)(void *context), void *context)
{
    const struct timespec pause = {0, 1000 * 1000};
    for (int i = 0; i < 20 * 1000; i++) {
        if (condition(context)) {
            return true;
        }
        nanosleep(&pause, NULL);
    }
    return condition(context);
}

/* Whether files can be given to others here; says so on standard error if not. */
static inline bool is_root(void)
{
    if (geteuid() != 0) {
        fprintf(stderr, "%s: not all is tested, that takes root\n", check_state.test);
    }
    return geteuid() == 0;
}

#endif
