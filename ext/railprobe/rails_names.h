/*
 * What the key rails of the file names: groups of probes, and strings to redact.
 */
#ifndef RAILPROBE_RAILS_NAMES_H
#define RAILPROBE_RAILS_NAMES_H

/*
 * The groups of Rails probes that "rails: except:" names: code, name, which is also how the names
 * of its probes begin.
 */
#define RP_CONFIG_GROUPS(XX)                                                                       \
    XX(REQUEST, "request")                                                                         \
    XX(ACTION, "action")                                                                           \
    XX(SQL, "sql")                                                                                 \
    XX(INSTANTIATE, "instantiate")                                                                 \
    XX(TRANSACTION, "transaction")                                                                 \
    XX(POOL, "pool")                                                                               \
    XX(VIEW, "view")                                                                               \
    XX(CACHE, "cache")                                                                             \
    XX(JOB, "job")                                                                                 \
    XX(MAIL, "mail")                                                                               \
    XX(CABLE, "cable")                                                                             \
    XX(STORAGE, "storage")                                                                         \
    XX(HTTP, "http")                                                                               \
    XX(ERROR, "error")                                                                             \
    XX(EVENT, "event")                                                                             \
    XX(DEPRECATION, "deprecation")                                                                 \
    XX(TRACE, "trace")

/* What "rails: redact:" names: the strings that the Rails probes then carry empty. */
#define RP_CONFIG_REDACTIONS(XX)                                                                   \
    XX(SQL, "sql")                                                                                 \
    XX(PATH, "path")                                                                               \
    XX(KEY, "key")

#define RP_CONFIG_GROUP_CODE(code, name) RP_GROUP_##code,
enum rp_config_group { RP_CONFIG_GROUPS(RP_CONFIG_GROUP_CODE) RP_GROUP_COUNT };
#undef RP_CONFIG_GROUP_CODE

#define RP_CONFIG_REDACT_CODE(code, name) RP_REDACT_##code,
enum rp_config_redaction { RP_CONFIG_REDACTIONS(RP_CONFIG_REDACT_CODE) RP_REDACT_COUNT };
#undef RP_CONFIG_REDACT_CODE

#endif
