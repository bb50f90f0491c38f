/*
 * Railprobe::Listener: what ActiveSupport::Notifications tells of an event, while somebody wants its probes.
 *
 * One listener for each event of the table (events.c), subscribed by lib/railprobe/rails. It has start and finish,
 * and no block: a block that is subscribed between the start and the finish of an event would take, up to Rails 7.0,
 * the time that another subscriber has put on their common stack.
 */
#ifndef RAILPROBE_NOTIFICATIONS_H
#define RAILPROBE_NOTIFICATIONS_H

#include <ruby.h>

/* Defines the class, and .listeners of Native: all of them. */
void rp_notifications_define(VALUE railprobe, VALUE native);

#endif
