/*
 * Railprobe::Hook: what is put around a method of Rails or of Ruby where there is no event.
 *
 *   ConnectionPool#checkout       pool__checkout__start, __done
 *   Net::HTTP#request             http__start, __done; once, also where it starts the connection and calls itself
 *   Rails::Rack::Logger#call_app  the status of the answer, of which request.action_dispatch tells nothing
 *
 * Each is armed only while a probe of it is wanted, as traced methods are (wrapper.h).
 */
#ifndef RAILPROBE_HOOK_H
#define RAILPROBE_HOOK_H

#include <ruby.h>

/* Defines the class, and .hooks of Native: all of them. */
void rp_hook_define(VALUE railprobe, VALUE native);

#endif
