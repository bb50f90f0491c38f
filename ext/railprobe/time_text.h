/*
 * Times that are written as text, in headers and in jobs.
 */
#ifndef RAILPROBE_TIME_TEXT_H
#define RAILPROBE_TIME_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * The time of a header like X-Request-Start, us since 1970; -1 for what is none. Written as "t=", which may be
 * missing, and a decimal number; whether that is s, ms, us or ns is told by its size.
 */
int64_t rp_time_text_header(const char *text, size_t size);

/*
 * The time that "2026-11-21T12:59:00.123456789Z" says (ISO 8601, with or without a fraction, Z or an offset as
 * +01:00), us since 1970; -1 for what is none.
 */
int64_t rp_time_text_iso8601(const char *text, size_t size);

#endif
