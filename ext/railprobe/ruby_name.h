/*
 * What Ruby takes as a name of a class or a method, and a guess at the name that was meant.
 */
#ifndef RAILPROBE_RUBY_NAME_H
#define RAILPROBE_RUBY_NAME_H

#include <stdbool.h>
#include <stddef.h>

enum { RP_RUBY_NAME_MAX = 255 }; /* bytes; longer ones are no names here */

/* Whether size bytes of text (UTF-8) are a class name: constants joined by "::". */
bool rp_ruby_name_is_class(const char *text, size_t size);

/* Whether they are a method name: an identifier, perhaps with ?, ! or = behind it, or an operator. */
bool rp_ruby_name_is_method(const char *text, size_t size);

/* Whether they are letters, digits and underscores (ASCII), no digit first. */
bool rp_ruby_name_is_identifier(const char *text, size_t size);

/*
 * Writes to out, of RP_RUBY_NAME_MAX + 1 bytes, the class name that text may have meant:
 * "Admin::Order" for "admin/order", "::Admin::Order" or "Admin.Order". False when there is no such
 * name.
 */
bool rp_ruby_name_guess_class(const char *text, size_t size, char *out);

/*
 * The same for a method as a list of methods takes it: "checkout" for ":checkout", "Order#checkout"
 * or "checkout()", ".import" for "self.import" or "Order.import".
 */
bool rp_ruby_name_guess_method(const char *text, size_t size, char *out);

#endif
