/*
 * A configuration as Ruby sees it: what config.c has read, as plain Hashes and Arrays.
 */
#ifndef RAILPROBE_CONFIGURATION_H
#define RAILPROBE_CONFIGURATION_H

#include <ruby.h>

/* Defines Railprobe::Native.read_config, beside what railprobe.c defines there. */
void rp_configuration_define(VALUE railprobe);

#endif
