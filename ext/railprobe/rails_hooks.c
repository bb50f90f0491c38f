/*
 * All that hooks into Rails, made ready and defined in the right order. See rails_hooks.h.
 */
#include "rails_hooks.h"

#include "ctx.h"
#include "firing.h"
#include "guard.h"
#include "hook.h"
#include "notifications.h"
#include "rails.h"
#include "reporter.h"
#include "wrapper.h"

void rp_rails_hooks_define(VALUE railprobe)
{
    VALUE native = rb_define_module_under(railprobe, "Native");
    rp_wrapper_init();
    rp_ctx_init();
    rp_guard_init();
    rp_request_init();
    rp_events_init();
    rp_firing_init();
    rp_rails_define(native);
    rp_notifications_define(railprobe, native);
    rp_hook_define(railprobe, native);
    rp_reporter_define(railprobe, native);
}

void rp_rails_hooks_use_probes(void)
{
    rp_rails_use_probes();
}
