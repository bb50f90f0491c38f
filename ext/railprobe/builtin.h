/*
 * The builtin image: the probes that depend on nothing but the version of this library.
 */
#ifndef RAILPROBE_BUILTIN_H
#define RAILPROBE_BUILTIN_H

#include "error.h"
#include "registry.h"

/* Declares them all; again is fine. Returns RP_OK or RP_MEMORY. */
enum rp_error rp_builtin_declare(struct rp_registry *registry);

#endif
