/*
 * What lies beside an image for people and programs to read: probe -> names, types, units, as JSON.
 */
#ifndef RAILPROBE_MANIFEST_H
#define RAILPROBE_MANIFEST_H

#include "image.h"

/*
 * Appends the manifest of an image to json. declarations are those it was built from; file is the
 * image's name in its directory. Deterministic.
 *
 * Returns RP_OK or RP_MEMORY.
 */
enum rp_error rp_manifest_write(const struct rp_declaration *declarations,
                                const struct rp_layout *layout, const char *file,
                                struct rp_buffer *json);

#endif
