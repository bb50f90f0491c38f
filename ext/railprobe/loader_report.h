/*
 * Images, and the places that took none, as Ruby sees them.
 */
#ifndef RAILPROBE_LOADER_REPORT_H
#define RAILPROBE_LOADER_REPORT_H

#include <ruby.h>

/*
 * Defines Railprobe::Native.images, .retired_images and .attempts, beside what railprobe.c defines there.
 * Ruby's lock is held wherever they are called. O(images that this process ever mapped).
 */
void rp_loader_report_define(VALUE railprobe);

#endif
