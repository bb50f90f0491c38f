/*
 * The probes of Rails in this process. See rails.h.
 */
#include "rails.h"

#include "builtin.h"
#include "runtime.h"

#include <string.h>

static struct rp_probe *probes[RP_BUILTIN_COUNT];
static bool is_left_out[RP_BUILTIN_COUNT];
static struct rp_rails_settings settings = {.traceparent = true};

static bool is_in_groups(const char *name, uint32_t groups)
{
#define NAME(code, name) name,
    static const char *const names[] = {RP_CONFIG_GROUPS(NAME)};
#undef NAME
    for (int group = 0; group < RP_GROUP_COUNT; group++) {
        if (groups & 1u << group && strcmp(name, names[group]) == 0) {
            return true;
        }
    }
    return false;
}

/* rails=([except, redact, traceparent, headers]): bits as in config.h, and the env's names of headers. */
static VALUE native_m_set_rails(VALUE self, VALUE values)
{
    Check_Type(values, T_ARRAY);
    VALUE headers = rb_ary_entry(values, 3);
    Check_Type(headers, T_ARRAY);
    settings.except = NUM2UINT(rb_ary_entry(values, 0));
    settings.redact = NUM2UINT(rb_ary_entry(values, 1));
    settings.traceparent = RTEST(rb_ary_entry(values, 2));
    settings.headers = headers;
    for (int i = 0; i < RP_BUILTIN_COUNT; i++) {
        is_left_out[i] = is_in_groups(rp_builtin_facts((size_t)i)->group, settings.except);
    }
    return values;
}

void rp_rails_define(VALUE native)
{
    settings.headers = rb_ary_freeze(rb_ary_new());
    rb_global_variable(&settings.headers);
    rb_define_singleton_method(native, "rails=", native_m_set_rails, 1);
}

void rp_rails_use_probes(void)
{
    for (int i = 0; i < RP_BUILTIN_COUNT; i++) {
        const struct rp_declaration *declaration = &rp_builtin_facts((size_t)i)->declaration;
        probes[i] = rp_runtime_builtin(declaration->provider, declaration->name);
    }
}

const struct rp_rails_settings *rp_rails_settings(void)
{
    return &settings;
}

struct rp_probe *rp_rails_probe(enum rp_builtin probe)
{
    return probes[probe];
}

bool rp_rails_is_wanted(enum rp_builtin probe)
{
    return probes[probe] && !is_left_out[probe] && rp_probe_is_wanted(probes[probe]);
}

bool rp_rails_is_left_out(enum rp_builtin probe)
{
    return is_left_out[probe];
}

bool rp_rails_is_any_wanted(void)
{
    for (int i = 0; i < RP_BUILTIN_COUNT; i++) {
        if (rp_rails_is_wanted((enum rp_builtin)i)) {
            return true;
        }
    }
    return false;
}
