/*
 * Declarations -> images on disk -> images in memory. Start reading at rp_loader_load().
 *
 * The bytes of an image decide its name, so processes with the same declarations share one file,
 * and the kernel sees one inode: attach once, and every process of the host that maps it is
 * attached.
 */
#include "loader.h"

#include "directory.h"
#include "manifest.h"
#include "memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DIGEST_DIGITS = 16, /* of the digest in a file's name; bytes are compared all the same */
    FILE_NAME_SIZE = 96,
    IMAGE_MODE = 0555,
    MANIFEST_MODE = 0444,
    LINKS_AHEAD = 16 /* links of parts of an earlier load that are looked for */
};

/* One part of a load on its way to becoming an image. */
struct part {
    const struct rp_load *load;
    size_t first; /* its declarations are load->declarations[first] and the count - 1 behind it */
    size_t count;
    struct rp_buffer *bytes; /* both lent for one part after the other */
    struct rp_buffer *json;
    struct rp_layout layout;
    char file[FILE_NAME_SIZE];
    struct rp_image *image;
};

/* -- attempts -- */

static void forget_attempts(struct rp_loader *loader)
{
    for (size_t i = 0; i < loader->attempt_count; i++) {
        free(loader->attempts[i].path);
    }
    loader->attempt_count = 0;
}

static void note_attempt(struct rp_loader *loader, const char *path, enum rp_error error)
{
    int saved = errno;
    if (loader->attempt_count < RP_ATTEMPTS_MAX) {
        struct rp_attempt *attempt = &loader->attempts[loader->attempt_count++];
        *attempt = (struct rp_attempt){strdup(path), error, saved};
    }
}

/* -- an image in memory -- */

static void free_image(struct rp_image *image)
{
    if (image) {
        free(image->path);
        free(image->sites);
        free(image->stubs);
        free(image->owners);
        free(image);
    }
}

static void fill_sites(struct rp_image *image, const struct rp_layout *layout)
{
    for (uint32_t i = 0; i < layout->count; i++) {
        image->sites[i].address = rp_mapping_site(&image->mapping, i);
        image->sites[i].semaphore = image->mapping.semaphores + layout->semaphores[i];
        atomic_init(&image->sites[i].next, NULL);
    }
}

/* Maps the part from fd, which it takes over in any case. path is copied; NULL is a memory file. */
static enum rp_error map_part(const struct rp_loader *loader, struct part *part, const char *path,
                              int fd)
{
    enum rp_error error = RP_MEMORY;
    struct rp_image *image = calloc(1, sizeof *image);
    if (image) {
        image->path = path ? strdup(path) : NULL;
        image->sites = calloc(part->count, sizeof *image->sites);
        image->owners = calloc((size_t)part->layout.stub_count + 1, sizeof *image->owners);
        if ((image->path || !path) && image->sites && image->owners) {
            error = rp_mapping_open(&image->mapping, &part->layout, fd);
        }
    }
    if (error) {
        int saved = errno;
        free_image(image);
        close(fd);
        errno = saved;
        return error;
    }
    if (part->layout.stub_count && loader->handler &&
        rp_mapping_set_handler(&image->mapping, loader->handler, image->owners)) {
        image->mapping.layout.stub_count = 0; /* its probes fire, its methods are not armed */
    }
    image->stem = part->load->stem;
    rp_image_digest(&part->layout, image->digest, sizeof image->digest);
    fill_sites(image, &part->layout);
    if (part->layout.stub_count) {
        image->stubs = part->layout.stubs;
        part->layout.stubs = NULL;
    }
    part->image = image;
    return RP_OK;
}

/* -- on disk -- */

/* Beside the image, for people: what can't be written there costs nothing but itself. */
static void write_manifest(const struct part *part, const struct rp_directory *directory)
{
    struct rp_buffer *json = part->json;
    char name[FILE_NAME_SIZE];
    int fd = -1;
    rp_buffer_clear(json);
    (void)snprintf(name, sizeof name, "%.*s.json", (int)(strlen(part->file) - strlen(".so")),
                   part->file);
    if (!rp_manifest_write(part->load->declarations + part->first, &part->layout, part->file,
                           json) &&
        !rp_directory_take(directory, name, json->bytes, json->size, MANIFEST_MODE, &fd)) {
        close(fd);
    }
}

static enum rp_error put_in_directory(const struct rp_loader *loader, struct part *part,
                                      const char *path)
{
    struct rp_directory directory;
    int fd = -1;
    enum rp_error error = rp_directory_open(&directory, path);
    if (error) {
        return error;
    }
    error = rp_directory_take(&directory, part->file, part->bytes->bytes, part->bytes->size,
                              IMAGE_MODE, &fd);
    if (!error) {
        struct rp_buffer file = {0};
        rp_buffer_printf(&file, "%s/%s", path, part->file);
        rp_buffer_zero(&file, 1);
        error = rp_buffer_error(&file);
        if (!error) {
            error = map_part(loader, part, (char *)file.bytes, fd);
        } else {
            close(fd);
        }
        rp_buffer_free(&file);
    }
    if (!error) {
        write_manifest(part, &directory);
    }
    int saved = errno;
    rp_directory_close(&directory);
    errno = saved;
    return error;
}

static enum rp_error put_in_memory(const struct rp_loader *loader, struct part *part)
{
    int fd = -1;
    enum rp_error error =
        rp_memory_file_make(part->file, part->bytes->bytes, part->bytes->size, &fd);
    return error ? error : map_part(loader, part, NULL, fd);
}

/* -- one part -- */

/* Whether new processes that open the image's path get the file that is mapped here. */
static bool is_reachable(const struct rp_image *image)
{
    struct stat status;
    if (!image->path) {
        return true;
    }
    return stat(image->path, &status) == 0 && status.st_dev == image->mapping.device &&
           status.st_ino == image->mapping.inode;
}

static struct rp_image *find_image(const struct rp_loader *loader, const struct part *part)
{
    char digest[2 * RP_DIGEST_SIZE + 1];
    rp_image_digest(&part->layout, digest, sizeof digest);
    for (struct rp_image *image = loader->images; image; image = image->next) {
        if (image->state != RP_IMAGE_RETIRED && strcmp(image->digest, digest) == 0 &&
            strcmp(image->stem, part->load->stem) == 0 && is_reachable(image)) {
            return image;
        }
    }
    return NULL;
}

static void name_file(struct part *part)
{
    char digest[DIGEST_DIGITS + 1];
    rp_image_digest(&part->layout, digest, sizeof digest);
    (void)snprintf(part->file, sizeof part->file, "%s-%s.so", part->load->stem, digest);
}

static enum rp_error place_part(struct rp_loader *loader, struct part *part)
{
    const struct rp_load *load = part->load;
    enum rp_error error = RP_NOWHERE;
    for (size_t i = 0; i < load->directory_count && error; i++) {
        errno = 0;
        error = put_in_directory(loader, part, load->directories[i]);
        if (error) {
            note_attempt(loader, load->directories[i], error);
        }
    }
    if (error) {
        errno = 0;
        error = put_in_memory(loader, part);
        if (error) {
            note_attempt(loader, "memory", error);
            error = RP_NOWHERE;
        }
    }
    return error;
}

static enum rp_error load_part(struct rp_loader *loader, struct part *part)
{
    rp_buffer_clear(part->bytes);
    enum rp_error error =
        rp_image_build(part->load->declarations + part->first, part->count, rp_arch_here(),
                       part->load->site, part->bytes, &part->layout);
    if (!error) {
        part->image = find_image(loader, part);
        if (!part->image) {
            name_file(part);
            error = place_part(loader, part);
            if (!error) {
                part->image->number = loader->loads + 1;
                part->image->next = loader->images;
                part->image->state = RP_IMAGE_RETIRING; /* current when the whole load is there */
                loader->images = part->image;
            }
        }
    }
    rp_layout_free(&part->layout);
    return error;
}

/* -- the whole load -- */

/* Where the provider that begins at first ends. */
static size_t provider_end(const struct rp_load *load, size_t first)
{
    size_t end = first;
    while (end < load->count &&
           strcmp(load->declarations[end].provider, load->declarations[first].provider) == 0) {
        end++;
    }
    return end;
}

/* Whole providers together, as many as fit; one that is larger than an image has one of its own. */
static size_t part_end(const struct rp_load *load, size_t first)
{
    size_t end = provider_end(load, first);
    while (end < load->count) {
        size_t next = provider_end(load, end);
        if (next - first > RP_PROBES_PER_IMAGE) {
            break;
        }
        end = next;
    }
    return end;
}

static bool is_in_use(void *context, const char *name)
{
    const struct rp_loader *loader = context;
    for (const struct rp_image *image = loader->images; image; image = image->next) {
        const char *file = image->path ? strrchr(image->path, '/') : NULL;
        if (image->state != RP_IMAGE_RETIRED && file && strcmp(file + 1, name) == 0) {
            return true;
        }
    }
    return false;
}

/* app.so, app2.so...: the stable link of a part. */
static void name_link(char *out, const char *stem, uint32_t number)
{
    char digits[16] = "";
    if (number > 1) {
        (void)snprintf(digits, sizeof digits, "%u", number);
    }
    (void)snprintf(out, FILE_NAME_SIZE, "%s%s.so", stem, digits);
}

/* The name of the part's file if it is in the directory at path, else NULL. */
static const char *file_in(const struct part *part, const char *path)
{
    const char *image = part->image->path;
    size_t size = strlen(path);
    bool inside = image && strncmp(image, path, size) == 0 && image[size] == '/' &&
                  !strchr(image + size + 1, '/');
    return inside ? image + size + 1 : NULL;
}

static bool has_part(const char *path, const struct part *parts, uint32_t count)
{
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        any |= file_in(&parts[i], path) != NULL;
    }
    return any;
}

/* Makes the links of the parts that are in the directory, and removes those of parts that are no
 * more. */
static void link_parts(const struct rp_directory *directory, const char *path,
                       const struct part *parts, uint32_t count)
{
    char link[FILE_NAME_SIZE];
    for (uint32_t i = 0; i < count; i++) {
        const char *file = file_in(&parts[i], path);
        if (file) {
            name_link(link, parts[i].load->stem, i + 1);
            (void)rp_directory_link(directory, link, file);
        }
    }
    for (uint32_t number = count + 1; number <= count + LINKS_AHEAD; number++) {
        name_link(link, parts[0].load->stem, number);
        rp_directory_unlink(directory, link);
    }
}

/* In each directory that has a part: the links, and no unused files. The others are not even
 * opened, which would make them. */
static void tidy(struct rp_loader *loader, const struct rp_load *load, const struct part *parts,
                 uint32_t count)
{
    for (size_t i = 0; i < load->directory_count; i++) {
        struct rp_directory directory;
        if (has_part(load->directories[i], parts, count) &&
            !rp_directory_open(&directory, load->directories[i])) {
            link_parts(&directory, load->directories[i], parts, count);
            rp_directory_sweep(&directory, load->stem, is_in_use, loader);
            rp_directory_close(&directory);
        }
    }
}

static void settle(struct rp_loader *loader, const char *stem)
{
    for (struct rp_image *image = loader->images; image; image = image->next) {
        if (image->state != RP_IMAGE_RETIRED && strcmp(image->stem, stem) == 0) {
            image->state = image->wanted ? RP_IMAGE_CURRENT : RP_IMAGE_RETIRING;
        }
    }
    loader->loads++;
}

static size_t count_parts(const struct rp_load *load)
{
    size_t parts = 0;
    for (size_t first = 0; first < load->count; first = part_end(load, first)) {
        parts++;
    }
    return parts;
}

/* Builds and maps every part; the images that make up the load are then wanted. */
static enum rp_error load_parts(struct rp_loader *loader, const struct rp_load *load,
                                struct part *parts, size_t count)
{
    enum rp_error error = RP_OK;
    struct rp_buffer bytes = {0};
    struct rp_buffer json = {0};
    size_t first = 0;
    for (struct rp_image *image = loader->images; image; image = image->next) {
        image->wanted = false;
    }
    for (size_t i = 0; i < count && !error; i++) {
        size_t end = part_end(load, first);
        parts[i] = (struct part){
            .load = load, .first = first, .count = end - first, .bytes = &bytes, .json = &json};
        first = end;
        error = load_part(loader, &parts[i]);
        if (!error) {
            parts[i].image->wanted = true;
        }
    }
    rp_buffer_free(&bytes);
    rp_buffer_free(&json);
    return error;
}

enum rp_error rp_loader_load(struct rp_loader *loader, const struct rp_load *load,
                             rp_loader_place *place, void *context)
{
    size_t count = count_parts(load);
    struct part *parts = calloc(count + 1, sizeof *parts);
    enum rp_error error = RP_OK;
    forget_attempts(loader);
    if (rp_arch_here() == RP_MACHINE_COUNT) {
        error = RP_MACHINE;
    } else if (!parts) {
        error = RP_MEMORY;
    } else {
        error = load_parts(loader, load, parts, count);
    }
    if (!error) {
        settle(loader, load->stem);
        for (size_t i = 0; i < count; i++) {
            for (uint32_t number = 0; number < parts[i].count; number++) {
                place(context, parts[i].first + number, parts[i].image, number);
            }
        }
        tidy(loader, load, parts, (uint32_t)count);
    }
    free(parts);
    return error;
}

bool rp_loader_retire_idle(struct rp_loader *loader,
                           void (*retired)(void *context, struct rp_image *image), void *context)
{
    bool waiting = false;
    for (struct rp_image *image = loader->images; image; image = image->next) {
        if (image->state != RP_IMAGE_RETIRING) {
            continue;
        }
        if (rp_mapping_attached(&image->mapping) || rp_mapping_retire(&image->mapping)) {
            waiting = true;
            continue;
        }
        image->state = RP_IMAGE_RETIRED;
        retired(context, image);
    }
    return waiting;
}

void rp_image_path(const struct rp_image *image, char *out, size_t size)
{
    if (image->path) {
        (void)snprintf(out, size, "%s", image->path);
    } else {
        (void)snprintf(out, size, "/proc/%ld/fd/%d", (long)getpid(), image->mapping.fd);
    }
}

bool rp_loader_is_retired(const struct rp_loader *loader, const struct rp_site *site)
{
    for (const struct rp_image *image = loader->images; image; image = image->next) {
        if (site >= image->sites && site < image->sites + image->mapping.layout.count) {
            return image->state == RP_IMAGE_RETIRED;
        }
    }
    return true;
}

void rp_loader_after_fork_in_child(struct rp_loader *loader)
{
    for (struct rp_image *image = loader->images; image; image = image->next) {
        if (image->state != RP_IMAGE_RETIRED) {
            rp_mapping_renew(&image->mapping);
        }
    }
}
