/*
 * One directory that holds images. Start reading at rp_directory_take().
 *
 * Writers are kept apart by a flock on the directory itself, which ends with the process that holds
 * it. Where a file system knows no flock there is no lock, and two processes that start in the same
 * millisecond may each put the file there: the later one stays, both are valid.
 */
#include "directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEMPORARY_PREFIX ".railprobe-"

enum {
    OTHERS_MAY_WRITE = S_IWGRP | S_IWOTH,
    READ_SIZE = 1 << 16,
    LOCK_TRIES = 200,
    LOCK_PAUSE_NS = 10 * 1000 * 1000
};

static bool is_trusted_owner(uid_t owner)
{
    return owner == geteuid() || owner == 0;
}

static void close_keeping_errno(int fd)
{
    int saved = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = saved;
}

/* -- the directory -- */

static int open_directory(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* mkdir -p. What exists stays as it is; only the last failure counts, and open_directory() sees it.
 */
static void make_directories(const char *path)
{
    char part[PATH_MAX];
    size_t size = strlen(path);
    if (size >= sizeof part) {
        errno = ENAMETOOLONG;
        return;
    }
    memcpy(part, path, size + 1);
    for (size_t i = 1; i <= size; i++) {
        if (part[i] == '/' || part[i] == '\0') {
            part[i] = '\0';
            (void)mkdir(part, 0755);
            part[i] = path[i];
        }
    }
}

enum rp_error rp_directory_open(struct rp_directory *directory, const char *path)
{
    struct stat status;
    enum rp_error error = RP_OK;
    directory->fd = -1;
    int fd = open_directory(path);
    if (fd < 0 && errno == ENOENT) {
        make_directories(path);
        fd = open_directory(path);
    }
    if (fd < 0) {
        return errno == ELOOP || errno == ENOTDIR ? RP_DIRECTORY_TYPE : RP_DIRECTORY_MISSING;
    }
    if (fstat(fd, &status) != 0) {
        error = RP_DIRECTORY_MISSING;
    } else if (!is_trusted_owner(status.st_uid)) {
        error = RP_DIRECTORY_OWNER;
    } else if (status.st_mode & OTHERS_MAY_WRITE) {
        error = RP_DIRECTORY_MODE;
    }
    if (error) {
        errno = 0;
        close_keeping_errno(fd);
        return error;
    }
    directory->fd = fd;
    return RP_OK;
}

void rp_directory_close(struct rp_directory *directory)
{
    close_keeping_errno(directory->fd);
    directory->fd = -1;
}

/* Keeps other writers out until unlock(); RP_DIRECTORY_BUSY after two seconds of trying. */
static enum rp_error lock(int directory)
{
    const struct timespec pause = {0, LOCK_PAUSE_NS};
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(directory, LOCK_EX | LOCK_NB) == 0 || (errno != EWOULDBLOCK && errno != EINTR)) {
            return RP_OK;
        }
        nanosleep(&pause, NULL);
    }
    return RP_DIRECTORY_BUSY;
}

static void unlock(int directory)
{
    int saved = errno;
    (void)flock(directory, LOCK_UN);
    errno = saved;
}

/* -- a file that is there -- */

static enum rp_error compare(int fd, const uint8_t *bytes, size_t size)
{
    enum rp_error error = RP_OK;
    size_t done = 0;
    uint8_t *chunk = malloc(READ_SIZE);
    if (!chunk) {
        return RP_MEMORY;
    }
    while (!error && done < size) {
        ssize_t got = pread(fd, chunk, READ_SIZE, (off_t)done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        size_t most = size - done;
        if (got < 0) {
            error = RP_FILE_OPEN; /* what can't be read is not known to be wrong */
        } else if (!got || (size_t)got > most || memcmp(chunk, bytes + done, (size_t)got) != 0) {
            error = RP_FILE_CONTENT;
        } else {
            done += (size_t)got;
        }
    }
    free(chunk);
    return error;
}

static enum rp_error verify(int fd, const uint8_t *bytes, size_t size)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return RP_FILE_OPEN;
    }
    errno = 0;
    if (!S_ISREG(status.st_mode)) {
        return RP_FILE_TYPE;
    }
    if (!is_trusted_owner(status.st_uid)) {
        return RP_FILE_OWNER;
    }
    if (status.st_mode & OTHERS_MAY_WRITE) {
        return RP_FILE_MODE;
    }
    if (!status.st_nlink) { /* swept between our open and our lock: as if it had not been there */
        errno = ENOENT;
        return RP_FILE_OPEN;
    }
    return status.st_size < 0 || (size_t)status.st_size != size ? RP_FILE_CONTENT
                                                                : compare(fd, bytes, size);
}

/*
 * O_NONBLOCK: a FIFO in the place of the file must not hold us up. RP_DIRECTORY_BUSY when the file's
 * lock is not to be had: it may be about to be swept.
 */
static enum rp_error use(int directory, const char *name, const uint8_t *bytes, size_t size,
                         bool is_alone, int *fd)
{
    int file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        return errno == ELOOP || errno == ENXIO ? RP_FILE_TYPE : RP_FILE_OPEN;
    }
    bool is_held = flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    enum rp_error error = verify(file, bytes, size);
    if (!error && is_held && !is_alone) {
        error = RP_DIRECTORY_BUSY;
    }
    if (error) {
        close_keeping_errno(file);
        return error;
    }
    *fd = file;
    return RP_OK;
}

/* -- a new file -- */

static enum rp_error write_all(int fd, const uint8_t *bytes, size_t size)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur < size) {
        errno = EFBIG; /* writing on would be a SIGXFSZ, which ends the process */
        return RP_FILE_LIMIT;
    }
    for (size_t done = 0; done < size;) {
        ssize_t put = write(fd, bytes + done, size - done);
        if (put < 0 && errno != EINTR) {
            return RP_FILE_WRITE;
        }
        done += put < 0 ? 0 : (size_t)put;
    }
    return RP_OK;
}

static void temporary_name(char *out, size_t size, const char *name)
{
    (void)snprintf(out, size, TEMPORARY_PREFIX "%ld-%s", (long)getpid(), name);
}

/* The directory is locked. The file appears under its name only when it is complete. */
static enum rp_error create(int directory, const char *name, const uint8_t *bytes, size_t size,
                            unsigned mode)
{
    char temporary[NAME_MAX + 1];
    temporary_name(temporary, sizeof temporary, name);
    (void)unlinkat(directory, temporary, 0); /* of an earlier process with our pid */
    int fd =
        openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return RP_FILE_WRITE;
    }
    enum rp_error error = write_all(fd, bytes, size);
    if (!error && (fchmod(fd, mode) != 0 || renameat(directory, temporary, directory, name) != 0)) {
        error = RP_FILE_WRITE;
    }
    if (error) {
        int saved = errno;
        (void)unlinkat(directory, temporary, 0);
        errno = saved;
    }
    close_keeping_errno(fd);
    return error;
}

/* Whether what use() refused may be replaced: nothing there, or a file of ours that is not right.
 */
static bool is_replaceable(enum rp_error error)
{
    return (error == RP_FILE_OPEN && errno == ENOENT) || error == RP_FILE_CONTENT ||
           error == RP_FILE_MODE;
}

enum rp_error rp_directory_take(const struct rp_directory *directory, const char *name,
                                const uint8_t *bytes, size_t size, unsigned mode, int *fd)
{
    *fd = -1;
    enum rp_error error = use(directory->fd, name, bytes, size, false, fd);
    if (error != RP_DIRECTORY_BUSY && !is_replaceable(error)) {
        return error;
    }
    error = lock(directory->fd);
    if (error) {
        return error;
    }
    /* No sweep now: who else keeps the file locked is no hindrance. */
    error = use(directory->fd, name, bytes, size, true, fd);
    if (error && is_replaceable(error)) {
        error = create(directory->fd, name, bytes, size, mode);
        if (!error) {
            error = use(directory->fd, name, bytes, size, true, fd);
        }
    }
    unlock(directory->fd);
    return error;
}

/* -- links -- */

/* The directory is locked. */
static enum rp_error replace_link(int directory, const char *name, const char *target)
{
    char temporary[NAME_MAX + 1];
    temporary_name(temporary, sizeof temporary, name);
    (void)unlinkat(directory, temporary, 0);
    if (symlinkat(target, directory, temporary) != 0) {
        return RP_FILE_WRITE;
    }
    if (renameat(directory, temporary, directory, name) != 0) {
        int saved = errno;
        (void)unlinkat(directory, temporary, 0);
        errno = saved;
        return RP_FILE_WRITE;
    }
    return RP_OK;
}

enum rp_error rp_directory_link(const struct rp_directory *directory, const char *name,
                                const char *target)
{
    char there[NAME_MAX + 1];
    ssize_t size = readlinkat(directory->fd, name, there, sizeof there);
    if (size >= 0 && (size_t)size == strlen(target) && memcmp(there, target, (size_t)size) == 0) {
        return RP_OK;
    }
    enum rp_error error = lock(directory->fd); /* against a sweep of the temporary name */
    if (!error) {
        error = replace_link(directory->fd, name, target);
        unlock(directory->fd);
    }
    return error;
}

void rp_directory_unlink(const struct rp_directory *directory, const char *name)
{
    struct stat status;
    if (fstatat(directory->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(status.st_mode)) {
        (void)unlinkat(directory->fd, name, 0);
    }
}

/* -- stale files -- */

/* STEM-HEXDIGITS.so */
static bool is_image_of(const char *name, const char *stem)
{
    size_t size = strlen(stem);
    if (strncmp(name, stem, size) != 0) {
        return false;
    }
    const char *dash = name + size;
    size_t digits = *dash == '-' ? strspn(dash + 1, "0123456789abcdef") : 0;
    return digits && strcmp(dash + 1 + digits, ".so") == 0;
}

/* An exclusive lock is to be had only where no process holds the shared one of an open image. */
static void remove_if_unused(int directory, const char *name)
{
    struct stat status;
    char manifest[NAME_MAX + 1];
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
        !(status.st_mode & S_ISVTX) && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        int stem = (int)strlen(name) - (int)strlen("so");
        (void)snprintf(manifest, sizeof manifest, "%.*sjson", stem, name);
        (void)unlinkat(directory, name, 0);
        (void)unlinkat(directory, manifest, 0);
    }
    close(fd);
}

void rp_directory_sweep(const struct rp_directory *directory, const char *stem,
                        bool (*keep)(void *context, const char *name), void *context)
{
    /* A descriptor of its own, by a path that needs no name: closedir() closes it. */
    int fd = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (!entries) {
        close_keeping_errno(fd);
        return;
    }
    if (flock(directory->fd, LOCK_EX | LOCK_NB) == 0) {
        for (struct dirent *entry; (entry = readdir(entries));) {
            if (strncmp(entry->d_name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0) {
                (void)unlinkat(directory->fd, entry->d_name,
                               0); /* its writer would hold the lock */
            } else if (is_image_of(entry->d_name, stem) && !keep(context, entry->d_name)) {
                remove_if_unused(directory->fd, entry->d_name);
            }
        }
        unlock(directory->fd);
    }
    closedir(entries);
}
