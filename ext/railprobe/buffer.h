/*
 * Bytes that grow.
 *
 * Many bytes are a mapping of their own: freed, they go back to the kernel. malloc() would keep as
 * much for a next time, which never comes.
 *
 * An append that can't be done marks the buffer failed and writes nothing; every later append is
 * then ignored, so a writer appends at will and asks rp_buffer_error() once, at the end. Sizes are
 * checked for overflow. Who declares a buffer frees it with rp_buffer_free(); a zeroed struct is an
 * empty one.
 */
#ifndef RAILPROBE_BUFFER_H
#define RAILPROBE_BUFFER_H

#include "error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* From this capacity on. Capacities double, so all above it are whole pages. */
enum { RP_BUFFER_MAPPED = 1 << 16 };

struct rp_buffer {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    bool failed;
};

/* RP_OK, or RP_MEMORY when any append so far could not be done. */
static inline enum rp_error rp_buffer_error(const struct rp_buffer *buffer)
{
    return buffer->failed ? RP_MEMORY : RP_OK;
}

static inline void rp_buffer_free(struct rp_buffer *buffer)
{
    if (buffer->capacity >= RP_BUFFER_MAPPED) {
        (void)munmap(buffer->bytes, buffer->capacity);
    } else {
        free(buffer->bytes);
    }
    *buffer = (struct rp_buffer){0};
}

/* Empties the buffer and keeps its memory, for the next use. */
static inline void rp_buffer_clear(struct rp_buffer *buffer)
{
    buffer->size = 0;
    buffer->failed = false;
}

/* The bytes with a larger capacity; NULL when there is no memory, and nothing has changed then. */
static inline uint8_t *rp_buffer_enlarged(const struct rp_buffer *buffer, size_t capacity)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void *bytes;
    if (capacity < RP_BUFFER_MAPPED) {
        return realloc(buffer->bytes, capacity);
    }
    if (buffer->capacity >= RP_BUFFER_MAPPED) {
        bytes = mremap(buffer->bytes, buffer->capacity, capacity, MREMAP_MAYMOVE);
    } else {
        bytes = mmap(NULL, capacity, PROT_READ | PROT_WRITE, flags, -1, 0);
        if (bytes != MAP_FAILED && buffer->bytes) {
            memcpy(bytes, buffer->bytes, buffer->size);
            free(buffer->bytes);
        }
    }
    return bytes == MAP_FAILED ? NULL : bytes;
}

/* Makes room for more bytes behind the end. False when there is no memory (the buffer is then
 * failed). */
static inline bool rp_buffer_reserve(struct rp_buffer *buffer, size_t more)
{
    if (buffer->failed) {
        return false;
    }
    if (more <= buffer->capacity - buffer->size) {
        return true;
    }
    size_t capacity = buffer->capacity ? buffer->capacity : 256;
    while (capacity - buffer->size < more) {
        if (capacity > SIZE_MAX / 2) {
            buffer->failed = true;
            return false;
        }
        capacity *= 2;
    }
    uint8_t *bytes = rp_buffer_enlarged(buffer, capacity);
    if (!bytes) {
        buffer->failed = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

static inline void rp_buffer_append(struct rp_buffer *buffer, const void *bytes, size_t size)
{
    if (size && rp_buffer_reserve(buffer, size)) {
        memcpy(buffer->bytes + buffer->size, bytes, size);
        buffer->size += size;
    }
}

/* What it has already at that offset, once more. */
static inline void rp_buffer_repeat(struct rp_buffer *buffer, size_t offset, size_t size)
{
    if (rp_buffer_reserve(buffer, size)) {
        rp_buffer_append(buffer, buffer->bytes + offset, size);
    }
}

static inline void rp_buffer_zero(struct rp_buffer *buffer, size_t size)
{
    if (size && rp_buffer_reserve(buffer, size)) {
        memset(buffer->bytes + buffer->size, 0, size);
        buffer->size += size;
    }
}

/* Zero bytes up to the next multiple of alignment, which is a power of two. */
static inline void rp_buffer_align(struct rp_buffer *buffer, size_t alignment)
{
    rp_buffer_zero(buffer, (alignment - buffer->size % alignment) % alignment);
}

/* The characters of text, without its NUL. */
static inline void rp_buffer_text(struct rp_buffer *buffer, const char *text)
{
    rp_buffer_append(buffer, text, strlen(text));
}

/* The characters of text and its NUL. */
static inline void rp_buffer_string(struct rp_buffer *buffer, const char *text)
{
    rp_buffer_append(buffer, text, strlen(text) + 1);
}

/* As printf, without the NUL. */
__attribute__((format(printf, 2, 3))) static inline void rp_buffer_printf(struct rp_buffer *buffer,
                                                                          const char *format, ...)
{
    va_list arguments;
    size_t room = buffer->failed ? 0 : buffer->capacity - buffer->size;
    char *end = room ? (char *)buffer->bytes + buffer->size : NULL;
    va_start(arguments, format);
    int size = vsnprintf(end, room, format, arguments);
    va_end(arguments);
    if (size < 0 || !rp_buffer_reserve(buffer, (size_t)size + 1)) {
        buffer->failed = true;
        return;
    }
    if ((size_t)size >= room) {
        va_start(arguments, format);
        (void)vsnprintf((char *)buffer->bytes + buffer->size, (size_t)size + 1, format, arguments);
        va_end(arguments);
    }
    buffer->size += (size_t)size;
}

#endif
