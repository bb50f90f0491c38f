/*
 * Limits and what went over them, as Ruby sees it.
 */
#ifndef RAILPROBE_BREAKER_REPORT_H
#define RAILPROBE_BREAKER_REPORT_H

#include <ruby.h>

/*
 * Defines Railprobe::Native.limits=, .limits and .new_trips, beside what railprobe.c defines there. Ruby's
 * lock is held wherever they are called.
 */
void rp_breaker_report_define(VALUE railprobe);

#endif
