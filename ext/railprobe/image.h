/*
 * Declarations -> the bytes of an ELF image. Pure: no system call, the same bytes for the same
 * input.
 */
#ifndef RAILPROBE_IMAGE_H
#define RAILPROBE_IMAGE_H

#include "arch.h"
#include "buffer.h"
#include "declaration.h"
#include "error.h"

enum { RP_DIGEST_SIZE = 16 };

/* Where things are in an image; virtual addresses are file offsets. */
struct rp_layout {
    enum rp_machine machine;
    enum rp_site_kind site;
    uint32_t count; /* probes; site number i is at text_offset + i * RP_SITE_SIZE */
    uint32_t text_offset;
    uint32_t text_size;
    uint32_t semaphores_offset;
    uint32_t semaphores_size; /* 2 bytes for each semaphore */
    uint32_t file_size;
    uint32_t *semaphores; /* per probe: the number of its semaphore. Owned; rp_layout_free() */
    uint8_t digest[RP_DIGEST_SIZE]; /* of everything else in the file */
};

/*
 * Builds the image of count declarations into bytes, which must be empty, and tells in layout where
 * things are.
 *
 * Probe i of the image is declarations[i]. The caller has made names that are C identifiers and
 * pairs of provider and name that are unique; rp_registry does both.
 *
 * Returns RP_OK; RP_NO_PROBES; RP_ARGUMENTS; RP_NAME_EMPTY; RP_NAME_LONG; RP_NAME_INVALID;
 * RP_GROUP (a group above count); RP_SIZE; RP_MEMORY. The caller frees bytes and layout, on an
 * error too. O(bytes written).
 */
enum rp_error rp_image_build(const struct rp_declaration *declarations, size_t count,
                             enum rp_machine machine, enum rp_site_kind site,
                             struct rp_buffer *bytes, struct rp_layout *layout);

/* Writes the text of the image, layout->text_size bytes, to out: what the file has at text_offset.
 */
void rp_image_text(const struct rp_layout *layout, uint8_t *out);

/* The digest of the image as hexadecimal digits and a NUL, at most size - 1 of them. */
void rp_image_digest(const struct rp_layout *layout, char *out, size_t size);

void rp_layout_free(struct rp_layout *layout);

#endif
