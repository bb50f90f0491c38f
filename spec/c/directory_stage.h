/*
 * What the tests of directories share: a directory, calls that fail, and other processes that come in between.
 */
#ifndef RAILPROBE_DIRECTORY_STAGE_H
#define RAILPROBE_DIRECTORY_STAGE_H

#include "directory.h"

#include "check.h"
#include "fault.h"
#include "scratch.h"

#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

FAULT_ALLOCATIONS
FAULT_CALL(ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size), -1, ENOSPC)
FAULT_CALL(int, fchmod, (int fd, mode_t mode), (fd, mode), -1, EPERM)
FAULT_CALL(int, renameat, (int from, const char *old, int to, const char *new),
           (from, old, to, new), -1, EROFS)
FAULT_CALL(ssize_t, pread, (int fd, void *bytes, size_t size, off_t at), (fd, bytes, size, at), -1,
           EIO)
FAULT_CALL(int, fstat, (int fd, struct stat *status), (fd, status), -1, EIO)

/* Nobody waits here for a lock that the test itself holds. */
static unsigned pauses;
static bool others_are_real;

int __real_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *time, struct timespec *rest)
{
    pauses++;
    return others_are_real ? __real_nanosleep(time, rest) : 0;
}

/* What another process does just before our next flock() or symlinkat(). */
static void (*before_flock)(int fd, int operation);
static bool flock_is_held; /* the file's lock, by that process */
static void (*after_symlink)(void);

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __wrap_flock(int fd, int operation)
{
    if (before_flock) {
        before_flock(fd, operation);
    }
    if (flock_is_held && (operation & LOCK_SH)) {
        errno = EWOULDBLOCK;
        return -1;
    }
    return __real_flock(fd, operation);
}

int __real_symlinkat(const char *target, int directory, const char *name);
int __wrap_symlinkat(const char *target, int directory, const char *name);
int __wrap_symlinkat(const char *target, int directory, const char *name)
{
    int result = __real_symlinkat(target, directory, name);
    if (after_symlink) {
        after_symlink();
    }
    return result;
}

static struct rp_directory directory = {-1};
static const uint8_t contents[] = "the bytes of an image";
enum { SIZE = sizeof contents };

static inline void begin(void)
{
    scratch_begin();
    CHECK_EQ(rp_directory_open(&directory, scratch), RP_OK);
}

static inline void end(void)
{
    rp_directory_close(&directory);
    CHECK_EQ(directory.fd, -1);
    scratch_end();
}

static inline enum rp_error take(const char *name, int *fd)
{
    return rp_directory_take(&directory, name, contents, SIZE, 0555, fd);
}

/* Takes the file and closes it again. */
static inline enum rp_error try(const char *name)
{
    int fd = -2;
    enum rp_error error = take(name, &fd);
    CHECK_EQ(fd >= 0, error == RP_OK);
    CHECK(fd >= -1);
    if (fd >= 0) {
        close(fd);
    }
    return error;
}

#endif
