/*
 * What comes and goes while the app runs, as Ruby sees it.
 */
#ifndef RAILPROBE_CHANGES_H
#define RAILPROBE_CHANGES_H

#include <ruby.h>

/*
 * Defines what Railprobe::Native has of the watcher, of the file that it follows, and of what has changed,
 * beside what railprobe.c defines there. Once, with Ruby's lock, when the classes of object.h are there.
 */
void rp_changes_define(VALUE railprobe);

#endif
