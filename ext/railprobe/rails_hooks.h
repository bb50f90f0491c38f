/*
 * All that hooks into Rails, made ready and defined in the right order.
 */
#ifndef RAILPROBE_RAILS_HOOKS_H
#define RAILPROBE_RAILS_HOOKS_H

#include <ruby.h>

/* Defines Railprobe::Listener, ::Hook, ::Reporter and what Native says of them. */
void rp_rails_hooks_define(VALUE railprobe);

/* After the builtin probes were loaded. */
void rp_rails_hooks_use_probes(void);

#endif
