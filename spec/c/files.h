/*
 * Files for C tests, which run in the project's directory.
 */
#ifndef RAILPROBE_FILES_H
#define RAILPROBE_FILES_H

#include "buffer.h"

#include <stdio.h>

/* Appends the bytes of the file at path and a NUL that .size does not count. False when it can't be read. */
static inline bool file_read(const char *path, struct rp_buffer *out)
{
    char bytes[4096];
    size_t size;
    FILE *file = fopen(path, "rb");
    if (!file) {
        return false;
    }
    while ((size = fread(bytes, 1, sizeof bytes, file)) > 0) {
        rp_buffer_append(out, bytes, size);
    }
    bool failed = ferror(file) || !rp_buffer_reserve(out, 1);
    (void)fclose(file);
    if (!failed) {
        out->bytes[out->size] = 0;
    }
    return !failed;
}

#endif
