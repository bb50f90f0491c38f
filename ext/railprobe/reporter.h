/*
 * Railprobe::Reporter: what Rails.error and Rails.event tell their subscribers.
 *
 * It is subscribed while error__reported or event is wanted; where there is no way back (Rails.error up to Rails
 * 7.0) it stays, and does nothing while they are not.
 */
#ifndef RAILPROBE_REPORTER_H
#define RAILPROBE_REPORTER_H

#include <ruby.h>

/* Defines the class and its one object, .reporter of Native. */
void rp_reporter_define(VALUE railprobe, VALUE native);

#endif
