/*
 * Readers of what tells of a request to somebody else's server. See payload.h.
 *
 * The payload is the Net::HTTP object, the argument a Net::HTTPGenericRequest, the result a Net::HTTPResponse.
 */
#include "payload.h"

#include "rails.h"

#include <string.h>

void rp_read_http_host(struct rp_firing *firing, VALUE http)
{
    rp_read_text(firing, rp_payload_variable(http, "@address"));
}

void rp_read_http_method(struct rp_firing *firing, VALUE http)
{
    (void)http;
    rp_read_text(firing, rp_payload_variable(firing->argument, "@method"));
}

void rp_read_http_path(struct rp_firing *firing, VALUE http)
{
    VALUE path = rp_payload_variable(firing->argument, "@path");
    struct rp_text *text = rp_put_text(firing);
    (void)http;
    if (RB_TYPE_P(path, T_STRING) && !rp_rails_redacts(RP_REDACT_PATH)) {
        const char *bytes = RSTRING_PTR(path);
        const char *query = memchr(bytes, '?', (size_t)RSTRING_LEN(path));
        rp_render_more(text, bytes, query ? (size_t)(query - bytes) : (size_t)RSTRING_LEN(path));
    }
    RB_GC_GUARD(path);
}

void rp_read_http_port(struct rp_firing *firing, VALUE http)
{
    rp_read_integer(firing, rp_payload_variable(http, "@port"));
}

/* Three digits, as the server sent them. */
void rp_read_http_status(struct rp_firing *firing, VALUE http)
{
    VALUE code = rp_payload_variable(firing->result, "@code");
    uint64_t status = UINT64_MAX;
    (void)http;
    if (RB_TYPE_P(code, T_STRING) && RSTRING_LEN(code) == 3) {
        const char *digits = RSTRING_PTR(code);
        status = 0;
        for (int i = 0; i < 3; i++) {
            status = status * 10 + (uint64_t)(digits[i] - '0');
        }
    }
    rp_put(firing, status);
}
