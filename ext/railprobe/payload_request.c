/*
 * Readers of what tells of requests, actions and views. See payload.h.
 */
#include "payload.h"

#include "collector.h"
#include "guard.h"
#include "rails.h"
#include "time_text.h"

#include <ruby/encoding.h>
#include <string.h>

/* -- requests -- */

/* The names in a Rack env that are looked up. */
#define ENV_KEYS(XX)                                                                               \
    XX(METHOD, "REQUEST_METHOD")                                                                   \
    XX(SCRIPT, "SCRIPT_NAME")                                                                      \
    XX(PATH, "PATH_INFO")                                                                          \
    XX(ORIGINAL_METHOD, "action_dispatch.original_request_method")                                 \
    XX(ORIGINAL_PATH, "action_dispatch.original_path")                                             \
    XX(ID, "action_dispatch.request_id")                                                           \
    XX(START, "HTTP_X_REQUEST_START")                                                              \
    XX(QUEUE_START, "HTTP_X_QUEUE_START")

#define CODE(code, name) ENV_##code,
enum env_key { ENV_KEYS(CODE) ENV_KEY_COUNT };
#undef CODE

static VALUE env_keys[ENV_KEY_COUNT];

void rp_request_init(void)
{
#define NAME(code, name) name,
    static const char *const names[] = {ENV_KEYS(NAME)};
#undef NAME
    for (int i = 0; i < ENV_KEY_COUNT; i++) {
        env_keys[i] = rb_obj_freeze(rb_utf8_str_new_cstr(names[i]));
        rb_global_variable(&env_keys[i]);
    }
}

VALUE rp_request_env(VALUE request)
{
    VALUE env = rp_payload_variable(request, "@env");
    return RB_TYPE_P(env, T_HASH) ? env : Qnil;
}

static VALUE env_text(VALUE env, enum env_key key)
{
    VALUE value = NIL_P(env) ? Qnil : rb_hash_lookup2(env, env_keys[key], Qnil);
    return RB_TYPE_P(value, T_STRING) ? value : Qnil;
}

/* An app for errors, which answers in the place of one that failed, is asked with a path of its own: GET /404. */
static VALUE original_text(VALUE env, enum env_key original, enum env_key key)
{
    VALUE text = env_text(env, original);
    return NIL_P(text) ? env_text(env, key) : text;
}

void rp_read_request_subject(struct rp_firing *firing, VALUE request)
{
    struct rp_text *text = rp_put_text(firing);
    VALUE env = rp_request_env(request);
    rp_render_text(text, original_text(env, ENV_ORIGINAL_METHOD, ENV_METHOD));
    if (!rp_rails_redacts(RP_REDACT_PATH)) {
        rp_render_more(text, " ", 1);
        rp_render_more_text(text, env_text(env, ENV_SCRIPT));
        rp_render_more_text(text, original_text(env, ENV_ORIGINAL_PATH, ENV_PATH));
    }
}

VALUE rp_request_id(VALUE request)
{
    return env_text(rp_request_env(request), ENV_ID);
}

void rp_read_request_id(struct rp_firing *firing, VALUE request)
{
    rp_read_text(firing, rp_request_id(request));
}

int64_t rp_request_waited_us(VALUE payload)
{
    VALUE env = rp_request_env(rp_payload_get(payload, "request"));
    VALUE header = env_text(env, ENV_START);
    if (NIL_P(header)) {
        header = env_text(env, ENV_QUEUE_START);
    }
    if (NIL_P(header)) {
        return -1;
    }
    int64_t since = rp_time_text_header(RSTRING_PTR(header), (size_t)RSTRING_LEN(header));
    int64_t now = rp_payload_now_us();
    RB_GC_GUARD(header);
    /* The clocks of two hosts differ: a request that comes before it was sent has not waited. */
    return since < 0 ? -1 : since < now ? now - since : 0;
}

void rp_read_header(struct rp_firing *firing, VALUE request)
{
    VALUE headers = rp_rails_settings()->headers;
    VALUE env = rp_request_env(request);
    long number = (long)firing->header_count++;
    VALUE value = Qnil;
    if (number < RARRAY_LEN(headers) && !NIL_P(env)) {
        value = rb_hash_lookup2(env, RARRAY_AREF(headers, number), Qnil);
    }
    rp_read_text(firing, value);
}

void rp_read_request_status(struct rp_firing *firing, VALUE request)
{
    (void)request;
    rp_put(firing, firing->open ? (uint64_t)firing->open->http_status : UINT64_MAX);
}

/* -- actions -- */

void rp_read_action_subject(struct rp_firing *firing, VALUE payload)
{
    struct rp_text *text = rp_put_text(firing);
    rp_render_text(text, rp_payload_get(payload, "controller"));
    rp_render_more(text, "#", 1);
    rp_render_more_text(text, rp_payload_get(payload, "action"));
}

/*
 * From Rails 7.1 on the request knows its filtered path by now. Before, the path of the payload is what the client sent;
 * without a query there is nothing to filter in it, else Rails is asked.
 */
static VALUE filtered_path(VALUE payload)
{
    VALUE path = rp_payload_get(payload, "path");
    VALUE request = rp_payload_get(payload, "request");
    VALUE filtered = rp_payload_variable(request, "@filtered_path");
    if (RB_TYPE_P(filtered, T_STRING)) {
        return filtered;
    }
    if (RB_TYPE_P(path, T_STRING) && !memchr(RSTRING_PTR(path), '?', (size_t)RSTRING_LEN(path))) {
        return path;
    }
    return NIL_P(request) ? Qnil : rp_guard_ask(request, "filtered_path", 0, NULL);
}

void rp_read_action_path(struct rp_firing *firing, VALUE payload)
{
    rp_read_text(firing, rp_rails_redacts(RP_REDACT_PATH) ? Qnil : filtered_path(payload));
}

/* Rails 6.1 gives none for an action that raised; what it is going to be follows from the exception's class. */
void rp_read_action_status(struct rp_firing *firing, VALUE payload)
{
    VALUE status = rp_payload_get(payload, "status");
    VALUE exception = rp_payload_get(payload, "exception");
    if (NIL_P(status) && RB_TYPE_P(exception, T_ARRAY)) {
        VALUE name = rb_ary_entry(exception, 0);
        status = rp_guard_ask(rb_path2class("ActionDispatch::ExceptionWrapper"),
                              "status_code_for_exception", 1, &name);
    }
    rp_read_integer(firing, status);
}

/* Those that Rails has counted (7.2 on), or our own count, if we have heard all queries since the start. */
void rp_read_queries(struct rp_firing *firing, VALUE payload)
{
    VALUE all = rp_payload_get(payload, "queries_count");
    VALUE cached = rp_payload_get(payload, "cached_queries_count");
    if (FIXNUM_P(all) && FIXNUM_P(cached)) {
        rp_put(firing, (uint64_t)(FIX2LONG(all) - FIX2LONG(cached)));
    } else {
        rp_put(firing, firing->queries);
    }
}

void rp_read_allocations(struct rp_firing *firing, VALUE payload)
{
    (void)payload;
    rp_put(firing, firing->open ? rp_collector_allocated() - firing->open->allocated : UINT64_MAX);
}

void rp_read_gc_ns(struct rp_firing *firing, VALUE payload)
{
    (void)payload;
    rp_put(firing, firing->open ? rp_collector_ns() - firing->open->gc_ns : UINT64_MAX);
}

/* -- views -- */

/* From /srv/app/views/orders/index.html.erb what is between the last /views/ and the first dot: orders/index. */
void rp_read_view_subject(struct rp_firing *firing, VALUE identifier)
{
    static const char folder[] = "/views/";
    struct rp_text *text = rp_put_text(firing);
    if (!RB_TYPE_P(identifier, T_STRING)) {
        return;
    }
    const char *begin = RSTRING_PTR(identifier);
    const char *end = begin + RSTRING_LEN(identifier);
    const char *found = begin;
    while ((found = memmem(found, (size_t)(end - found), folder, sizeof folder - 1))) {
        found += sizeof folder - 1;
        begin = found;
    }
    const char *file = memrchr(begin, '/', (size_t)(end - begin));
    file = file ? file : begin;
    const char *dot = memchr(file, '.', (size_t)(end - file));
    rp_render_more(text, begin, (size_t)((dot ? dot : end) - begin));
    RB_GC_GUARD(identifier);
}
