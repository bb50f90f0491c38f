/*
 * Images, and the places that took none, as Ruby sees them.
 */
#include "loader_report.h"

#include "runtime.h"

#include <limits.h>

static void set(VALUE hash, const char *key, VALUE value)
{
    rb_hash_aset(hash, ID2SYM(rb_intern(key)), value);
}

static VALUE facts_of(const struct rp_image *image)
{
    const struct rp_layout *layout = &image->mapping.layout;
    VALUE facts = rb_hash_new();
    char path[PATH_MAX];
    rp_image_path(image, path, sizeof path);
    set(facts, "path", rb_str_new_cstr(path));
    set(facts, "state",
        ID2SYM(rb_intern(image->state == RP_IMAGE_CURRENT ? "current" : "retiring")));
    set(facts, "generation", UINT2NUM(image->number));
    set(facts, "probes", UINT2NUM(layout->count));
    set(facts, "attached", UINT2NUM(rp_mapping_attached(&image->mapping)));
    set(facts, "site", ID2SYM(rb_intern(layout->site == RP_SITE_FAST ? "fast" : "safe")));
    set(facts, "bytes", UINT2NUM(layout->file_size));
    set(facts, "in_memory", image->path ? Qfalse : Qtrue);
    return facts;
}

/* Newest first. Those that are retired are kept for good, one for each edit of the file. */
static VALUE native_m_images(VALUE self)
{
    VALUE images = rb_ary_new();
    (void)self;
    for (const struct rp_image *image = rp_runtime_loader()->images; image; image = image->next) {
        if (image->state != RP_IMAGE_RETIRED) {
            rb_ary_push(images, facts_of(image));
        }
    }
    return images;
}

static VALUE native_m_retired_images(VALUE self)
{
    size_t count = 0;
    (void)self;
    for (const struct rp_image *image = rp_runtime_loader()->images; image; image = image->next) {
        count += image->state == RP_IMAGE_RETIRED;
    }
    return SIZET2NUM(count);
}

/* [path, why, what the system said or nil] of each place that did not take an image. */
static VALUE native_m_attempts(VALUE self)
{
    const struct rp_loader *loader = rp_runtime_loader();
    VALUE attempts = rb_ary_new();
    for (size_t i = 0; i < loader->attempt_count; i++) {
        const struct rp_attempt *attempt = &loader->attempts[i];
        const char *system = attempt->system_error ? strerror(attempt->system_error) : NULL;
        rb_ary_push(attempts,
                    rb_ary_new_from_args(3, rb_str_new_cstr(attempt->path ? attempt->path : "?"),
                                         rb_str_new_cstr(rp_error_message(attempt->error)),
                                         system ? rb_str_new_cstr(system) : Qnil));
    }
    return attempts;
}

void rp_loader_report_define(VALUE railprobe)
{
    VALUE native = rb_define_module_under(railprobe, "Native");
    rb_define_singleton_method(native, "images", native_m_images, 0);
    rb_define_singleton_method(native, "retired_images", native_m_retired_images, 0);
    rb_define_singleton_method(native, "attempts", native_m_attempts, 0);
}
