/*
 * The table of all builtin probes as Ruby sees it, for lists, scripts and documents.
 */
#ifndef RAILPROBE_BUILTIN_TABLE_H
#define RAILPROBE_BUILTIN_TABLE_H

#include <ruby.h>

/*
 * Defines .builtin_probes of Native: a Hash for each, in the order of the table, with name, arguments (name =>
 * [type, meaning]), group, subject, source, needs, and what holds now: path (nil before they are loaded), attached,
 * left_out (by the file).
 */
void rp_builtin_table_define(VALUE native);

#endif
