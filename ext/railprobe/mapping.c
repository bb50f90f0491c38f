/*
 * An image in memory. See mapping.h for what must never be done.
 */
#include "mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t pages(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size + page - 1) / page * page;
}

/* Both parts over a reservation, semaphores first: with text last, every count is right at once. */
static bool map_parts(const struct rp_mapping *mapping, int fd)
{
    const struct rp_layout *layout = &mapping->layout;
    void *data = mmap((void *)mapping->semaphores, mapping->data_span, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_FIXED, fd, (off_t)layout->semaphores_offset);
    if (data == MAP_FAILED) {
        return false;
    }
    void *text = mmap(mapping->text, pages(layout->text_size), PROT_READ | PROT_EXEC,
                      MAP_PRIVATE | MAP_FIXED, fd, (off_t)layout->text_offset);
    return text != MAP_FAILED;
}

enum rp_error rp_mapping_open(struct rp_mapping *mapping, const struct rp_layout *layout, int fd)
{
    struct stat status;
    *mapping = (struct rp_mapping){.layout = *layout, .fd = -1};
    mapping->layout.semaphores = NULL;
    mapping->text_span = layout->semaphores_offset - layout->text_offset;
    mapping->data_span = pages(layout->semaphores_size);
    if (fstat(fd, &status) != 0) {
        return RP_MAP;
    }
    size_t span = mapping->text_span + mapping->data_span;
    uint8_t *base = mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        return RP_MAP;
    }
    mapping->text = base;
    mapping->semaphores = (volatile uint16_t *)(void *)(base + mapping->text_span);
    if (!map_parts(mapping, fd)) {
        int saved = errno;
        munmap(base, span); /* nobody has been told of it yet */
        errno = saved;
        return RP_MAP;
    }
    mapping->fd = fd;
    mapping->device = status.st_dev;
    mapping->inode = status.st_ino;
    return RP_OK;
}

uint32_t rp_mapping_attached(const struct rp_mapping *mapping)
{
    uint32_t attached = 0;
    for (uint32_t i = 0; i < rp_mapping_semaphore_count(mapping); i++) {
        attached += mapping->semaphores[i] != 0;
    }
    return attached;
}

/* Moves anonymous memory over the mapping at place, in one step; contents NULL means zeros. */
static bool overlay(void *place, size_t span, const struct rp_layout *contents)
{
    const int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    void *copy = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED) {
        return false;
    }
    if (contents) {
        rp_image_text(contents, copy);
    }
    bool done = (!contents || mprotect(copy, span, PROT_READ | PROT_EXEC) == 0) &&
                mremap(copy, span, span, flags, place) != MAP_FAILED;
    if (!done) {
        int saved = errno;
        munmap(copy, span);
        errno = saved;
    }
    return done;
}

/* Puts anonymous memory with the image's text and no count in the mapping's place. */
static bool replace(const struct rp_mapping *mapping)
{
    return overlay(mapping->text, pages(mapping->layout.text_size), &mapping->layout) &&
           overlay((void *)mapping->semaphores, mapping->data_span, NULL);
}

/* Whether the descriptor is still the image: an app that closes all descriptors closes ours too. */
static bool owns_file(const struct rp_mapping *mapping)
{
    struct stat status;
    return mapping->fd >= 0 && fstat(mapping->fd, &status) == 0 &&
           status.st_dev == mapping->device && status.st_ino == mapping->inode;
}

static void let_go(struct rp_mapping *mapping)
{
    if (owns_file(mapping)) {
        close(mapping->fd);
    }
    mapping->fd = -1;
}

enum rp_error rp_mapping_retire(struct rp_mapping *mapping)
{
    if (!replace(mapping)) {
        return RP_MAP;
    }
    let_go(mapping);
    return RP_OK;
}

void rp_mapping_renew(struct rp_mapping *mapping)
{
    if (mapping->layout.site != RP_SITE_FAST || mapping->fd < 0) {
        return;
    }
    bool known = owns_file(mapping);
    /* No text at all while the counts are set anew: fresh semaphores under old text would leak. */
    (void)mmap(mapping->text, pages(mapping->layout.text_size), PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (known && map_parts(mapping, mapping->fd)) {
        return;
    }
    if (!replace(mapping)) {
        /* No memory for two pages: there is no text to call, so no count may invite to a call. */
        memset((void *)mapping->semaphores, 0, mapping->layout.semaphores_size);
    }
    let_go(mapping);
}
