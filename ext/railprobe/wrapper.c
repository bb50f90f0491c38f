/*
 * A method put in front of another one. See wrapper.h.
 */
#include "wrapper.h"

#include <ruby/ractor.h>

static VALUE module_methods; /* of Module itself, by name */

void rp_wrapper_init(void)
{
    module_methods = rb_hash_new();
    rb_global_variable(&module_methods);
}

VALUE rp_wrapper_ask(VALUE target, const char *question, VALUE name)
{
    VALUE key = ID2SYM(rb_intern(question));
    VALUE method = rb_hash_lookup(module_methods, key);
    if (NIL_P(method)) {
        method = rb_funcall(rb_cModule, rb_intern("instance_method"), 1, key);
        rb_hash_aset(module_methods, key, method);
    }
    return rb_funcall(method, rb_intern("bind_call"), 2, target, name);
}

VALUE rp_wrapper_prepend(VALUE target)
{
    VALUE module = rb_module_new();
    rb_prepend_module(target, module);
    return module;
}

void rp_wrapper_define(VALUE module, VALUE target, ID name, VALUE (*function)(ANYARGS))
{
    VALUE symbol = ID2SYM(name);
    bool is_private = RTEST(rp_wrapper_ask(target, "private_method_defined?", symbol));
    bool is_protected = RTEST(rp_wrapper_ask(target, "protected_method_defined?", symbol));
    rb_ext_ractor_safe(true);
    rb_define_method_id(module, name, function, -1);
    if (is_private || is_protected) {
        rp_wrapper_ask(module, is_private ? "private" : "protected", symbol);
    }
}

/* Ruby would warn of an initialize that is removed; it is the wrapper's. */
void rp_wrapper_remove(VALUE module, ID name)
{
    rp_wrapper_ask(module, "remove_method", ID2SYM(name));
}

VALUE rp_wrapper_call(VALUE original, int argc, const VALUE *argv, VALUE self)
{
    VALUE bound = rb_funcall(original, rb_intern("bind"), 1, self);
    VALUE block = rb_block_given_p() ? rb_block_proc() : Qnil;
    return rb_funcall_with_block_kw(bound, rb_intern("call"), argc, argv, block,
                                    rb_keyword_given_p());
}
