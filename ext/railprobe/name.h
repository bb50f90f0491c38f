/*
 * Ruby names -> probe names: C identifiers of at most 63 bytes, the only ones that every reader takes.
 *
 * The spelling is fixed: charge! -> charge_bang, paid? -> paid_p, name= -> name_set, [] -> aref,
 * []= -> aset, an operator -> its word, a character beyond ASCII -> uXXXX, any other -> an
 * underscore. The manifest keeps what was written, so the way back is a look-up.
 */
#ifndef RAILPROBE_NAME_H
#define RAILPROBE_NAME_H

#include "declaration.h"
#include "error.h"

/*
 * Mangles text of size bytes into out, with a NUL.
 *
 * Returns RP_OK; RP_NAME_EMPTY; RP_NAME_LONG (more than RP_NAME_MAX bytes once mangled);
 * RP_NAME_INVALID (not UTF-8, or a NUL). On an error out is "". A name that is an identifier comes
 * out as it went in. O(size).
 */
enum rp_error rp_name_mangle(const char *text, size_t size, char out[RP_NAME_MAX + 1]);

#endif
