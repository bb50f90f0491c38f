/*
 * Times that are written as text. See time_text.h.
 */
#include "time_text.h"

#include <stdbool.h>
#include <time.h>

/* A text and how far it was read. */
struct reader {
    const char *at;
    const char *end;
};

static bool take(struct reader *reader, char c)
{
    bool is_there = reader->at < reader->end && *reader->at == c;
    reader->at += is_there;
    return is_there;
}

static bool is_digit(const struct reader *reader)
{
    return reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
}

/* Exactly so many digits; -1 for fewer. */
static int64_t take_number(struct reader *reader, int digits)
{
    int64_t number = 0;
    for (int i = 0; i < digits; i++) {
        if (!is_digit(reader)) {
            return -1;
        }
        number = number * 10 + (*reader->at++ - '0');
    }
    return number;
}

/* The digits behind a point as billionths; further ones are skipped. */
static int64_t take_fraction(struct reader *reader)
{
    int64_t fraction = 0;
    int64_t unit = 100000000;
    for (; is_digit(reader); reader->at++) {
        fraction += (*reader->at - '0') * unit;
        unit /= 10;
    }
    return fraction;
}

int64_t rp_time_text_header(const char *text, size_t size)
{
    struct reader reader = {text, text + size};
    int64_t whole = 0;
    int digits = 0;
    (void)(take(&reader, 't') && take(&reader, '='));
    for (; is_digit(&reader) && whole <= (INT64_MAX - 9) / 10; digits++) {
        whole = whole * 10 + (*reader.at++ - '0');
    }
    int64_t fraction = take(&reader, '.') ? take_fraction(&reader) : 0;
    if (!digits || reader.at != reader.end) {
        return -1;
    }
    /* From 1973 to 5138 in each unit. */
    if (whole < 100000000000) {
        return whole * 1000000 + fraction / 1000;
    }
    if (whole < 100000000000000) {
        return whole * 1000 + fraction / 1000000;
    }
    return whole < 100000000000000000 ? whole : whole / 1000;
}

/* The offset from UTC in seconds; false for what is none. */
static bool take_zone(struct reader *reader, int64_t *seconds)
{
    *seconds = 0;
    if (take(reader, 'Z')) {
        return true;
    }
    bool is_west = take(reader, '-');
    if (!is_west && !take(reader, '+')) {
        return false;
    }
    int64_t hours = take_number(reader, 2);
    bool has_colon = take(reader, ':');
    int64_t minutes = take_number(reader, 2);
    *seconds = (hours * 60 + minutes) * (is_west ? -60 : 60);
    return has_colon && hours >= 0 && minutes >= 0;
}

int64_t rp_time_text_iso8601(const char *text, size_t size)
{
    static const int digits[] = {4, 2, 2, 2, 2, 2};
    static const char behind[] = "--T::";
    struct reader reader = {text, text + size};
    int64_t parts[6];
    int64_t zone;
    for (int i = 0; i < 6; i++) {
        parts[i] = take_number(&reader, digits[i]);
        if (parts[i] < 0 || (i < 5 && !take(&reader, behind[i]))) {
            return -1;
        }
    }
    int64_t fraction = take(&reader, '.') ? take_fraction(&reader) : 0;
    if (!take_zone(&reader, &zone) || reader.at != reader.end) {
        return -1;
    }
    struct tm date = {.tm_year = (int)parts[0] - 1900,
                      .tm_mon = (int)parts[1] - 1,
                      .tm_mday = (int)parts[2],
                      .tm_hour = (int)parts[3],
                      .tm_min = (int)parts[4],
                      .tm_sec = (int)parts[5]};
    return ((int64_t)timegm(&date) - zone) * 1000000 + fraction / 1000;
}
