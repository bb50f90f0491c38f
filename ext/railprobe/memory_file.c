/*
 * A file in memory. See memory_file.h.
 */
#include "memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static int create(const char *name)
{
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
#ifdef MFD_NOEXEC_SEAL
    /* Maps executable all the same, and is what a kernel with vm.memfd_noexec=2 grants without a word. */
    int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);
    if (fd >= 0 || errno != EINVAL) {
        return fd;
    }
#endif
    return memfd_create(name, flags);
}

enum rp_error rp_memory_file_make(const char *name, const uint8_t *bytes, size_t size, int *made)
{
    struct rlimit limit;
    *made = -1;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < size) {
        errno = EFBIG; /* the limit holds for memory files too, and going over it is a SIGXFSZ */
        return RP_FILE_LIMIT;
    }
    int fd = create(name);
    if (fd < 0) {
        return RP_MEMFD;
    }
    for (size_t done = 0; done < size;) {
        ssize_t put = write(fd, bytes + done, size - done);
        if (put < 0 && errno != EINTR) {
            int saved = errno;
            close(fd);
            errno = saved;
            return RP_MEMFD;
        }
        done += put < 0 ? 0 : (size_t)put;
    }
    (void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    *made = fd;
    return RP_OK;
}
