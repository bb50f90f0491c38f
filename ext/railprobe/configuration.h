/*
 * A configuration as Ruby sees it: what config.c has read, as plain Hashes and Arrays; and what is said of it.
 */
#ifndef RAILPROBE_CONFIGURATION_H
#define RAILPROBE_CONFIGURATION_H

#include <ruby.h>

/* Defines Railprobe::Native.read_config, .suggest and .render, beside what railprobe.c defines there. */
void rp_configuration_define(VALUE railprobe);

#endif
