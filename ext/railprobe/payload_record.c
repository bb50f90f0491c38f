/*
 * Readers of what tells of queries, records, transactions, connection pools and caches. See payload.h.
 */
#include "payload.h"

#include "fingerprint.h"
#include "rails.h"
#include "runtime.h"

enum { PID_SHIFT = 40 };

/* -- queries -- */

/* What Rails calls a query without a name. */
void rp_read_sql_name(struct rp_firing *firing, VALUE name)
{
    if (NIL_P(name)) {
        rp_put_word(firing, "SQL");
    } else {
        rp_read_text(firing, name);
    }
}

void rp_read_sql(struct rp_firing *firing, VALUE sql)
{
    rp_read_text(firing, rp_rails_redacts(RP_REDACT_SQL) ? Qnil : sql);
}

void rp_read_fingerprint(struct rp_firing *firing, VALUE sql)
{
    if (RB_TYPE_P(sql, T_STRING)) {
        rp_put(firing, rp_fingerprint(RSTRING_PTR(sql), (size_t)RSTRING_LEN(sql)));
    } else {
        rp_put(firing, UINT64_MAX);
    }
}

/* -- connections and databases -- */

/* The object's id beside the pid: it stays when the collector moves the object, and no other process has it. */
void rp_read_connection(struct rp_firing *firing, VALUE connection)
{
    VALUE id = NIL_P(connection) ? Qnil : rb_obj_id(connection);
    rp_put(firing, FIXNUM_P(id)
                       ? (uint64_t)rp_runtime_process() << PID_SHIFT | (uint64_t)FIX2LONG(id)
                       : UINT64_MAX);
}

/* The name of a pool's database in config/database.yml. */
static VALUE name_of(VALUE pool)
{
    return rp_payload_variable(rp_payload_variable(pool, "@db_config"), "@name");
}

void rp_read_database(struct rp_firing *firing, VALUE connection)
{
    rp_read_text(firing, name_of(rp_payload_variable(connection, "@pool")));
}

/* Connections of the pool that somebody holds. */
static uint64_t busy_of(VALUE pool)
{
    VALUE connections = rp_payload_variable(pool, "@connections");
    uint64_t busy = 0;
    if (!RB_TYPE_P(connections, T_ARRAY)) {
        return UINT64_MAX;
    }
    for (long i = 0; i < RARRAY_LEN(connections); i++) {
        busy += !NIL_P(rp_payload_variable(RARRAY_AREF(connections, i), "@owner"));
    }
    return busy;
}

void rp_read_pool_name(struct rp_firing *firing, VALUE pool)
{
    rp_read_text(firing, name_of(pool));
}

/* Rails 8.1 has another name for it. */
void rp_read_pool_size(struct rp_firing *firing, VALUE pool)
{
    VALUE size = rp_payload_variable(pool, "@size");
    rp_read_integer(firing, NIL_P(size) ? rp_payload_variable(pool, "@max_connections") : size);
}

void rp_read_pool_busy(struct rp_firing *firing, VALUE pool)
{
    rp_put(firing, busy_of(pool));
}

void rp_read_pool_waiting(struct rp_firing *firing, VALUE pool)
{
    VALUE queue = rp_payload_variable(pool, "@available");
    rp_read_integer(firing, rp_payload_variable(queue, "@num_waiting"));
}

/* -- caches -- */

void rp_read_cache_key(struct rp_firing *firing, VALUE key)
{
    struct rp_text *text = rp_put_text(firing);
    if (!rp_rails_redacts(RP_REDACT_KEY)) {
        rp_render_more_key(text, key);
    }
}

static int put_key(VALUE key, VALUE value, VALUE argument)
{
    struct rp_text *text = (struct rp_text *)argument;
    (void)value;
    rp_render_more(text, ", ", text->size ? 2 : 0);
    rp_render_more_key(text, key);
    return text->is_cut ? ST_STOP : ST_CONTINUE;
}

/* The keys of a read or a deletion are an Array, those of a write the Hash that is written. */
void rp_read_cache_keys(struct rp_firing *firing, VALUE keys)
{
    struct rp_text *text = rp_put_text(firing);
    if (rp_rails_redacts(RP_REDACT_KEY)) {
        return;
    }
    if (RB_TYPE_P(keys, T_HASH)) {
        rb_hash_foreach(keys, put_key, (VALUE)text);
    } else if (RB_TYPE_P(keys, T_ARRAY)) {
        for (long i = 0; i < RARRAY_LEN(keys); i++) {
            if (put_key(RARRAY_AREF(keys, i), Qnil, (VALUE)text) == ST_STOP) {
                break;
            }
        }
    }
}
