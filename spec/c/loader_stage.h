/*
 * What the tests of the loader share: one loader, and loads into a directory of the test's own.
 */
#ifndef RAILPROBE_LOADER_STAGE_H
#define RAILPROBE_LOADER_STAGE_H

#include "loader.h"

#include "check.h"
#include "fault.h"
#include "samples.h"
#include "scratch.h"

#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>

FAULT_ALLOCATIONS
FAULT_CALL(int, memfd_create, (const char *name, unsigned flags), (name, flags), -1, EMFILE)

static struct rp_loader loader;
static unsigned retired_count;

/* Where each declaration of the last load was put. */
static struct {
    struct rp_image *image;
    uint32_t number;
} placed[SAMPLES_MAX];
static size_t placed_count;

static inline void note_place(void *context, size_t index, struct rp_image *image, uint32_t number)
{
    CHECK(context == &placed_count);
    CHECK_EQ(index, placed_count);
    placed[index].image = image;
    placed[index].number = number;
    placed_count++;
}

static inline void count_retired(void *context, struct rp_image *image)
{
    CHECK(context == &retired_count);
    CHECK_EQ(image->state, RP_IMAGE_RETIRED);
    retired_count++;
}

static inline enum rp_error load_into(const struct rp_declaration *declarations, size_t count,
                                      const char *const *directories, size_t directory_count)
{
    const struct rp_load request = {.stem = "app",
                                    .declarations = declarations,
                                    .count = count,
                                    .site = RP_SITE_SAFE,
                                    .directories = directories,
                                    .directory_count = directory_count};
    placed_count = 0;
    return rp_loader_load(&loader, &request, note_place, &placed_count);
}

static inline enum rp_error load(const struct rp_declaration *declarations, size_t count)
{
    const char *const directories[] = {scratch};
    return load_into(declarations, count, directories, 1);
}

static inline bool retire(void)
{
    return rp_loader_retire_idle(&loader, count_retired, &retired_count);
}

static inline void begin(void)
{
    scratch_begin();
    retired_count = 0;
}

/* What a process never does: takes everything apart, so that what is lost on the way shows. */
static inline void end(void)
{
    for (struct rp_image *image = loader.images; image;) {
        struct rp_image *next = image->next;
        munmap(image->mapping.text, image->mapping.text_span + image->mapping.data_span);
        if (image->mapping.fd >= 0) {
            close(image->mapping.fd);
        }
        free(image->path);
        free(image->sites);
        free(image->stubs);
        free(image->owners);
        free(image);
        image = next;
    }
    for (size_t i = 0; i < loader.attempt_count; i++) {
        free(loader.attempts[i].path);
    }
    loader = (struct rp_loader){0};
    scratch_end();
}

static inline void attach(struct rp_image *image, uint32_t number, uint16_t count)
{
    ((volatile uint16_t *)image->mapping.semaphores)[number] = count;
}

static inline void call(const struct rp_site *site)
{
    void (*function)(void);
    memcpy(&function, &site->address, sizeof function);
    function();
}

static inline const char *file_of(const struct rp_image *image)
{
    return strrchr(image->path, '/') + 1;
}

#endif
