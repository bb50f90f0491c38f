/*
 * Times that are written as text.
 */
#include "time_text.h"

#include "check.h"

#include <stdlib.h>

/* From memory of exactly that size, so that a byte too far is found. */
static int64_t read(int64_t (*reader)(const char *, size_t), const char *text)
{
    size_t size = strlen(text);
    char *copy = malloc(size ? size : 1);
    if (!copy) {
        abort();
    }
    memcpy(copy, text, size);
    int64_t time = reader(copy, size);
    free(copy);
    return time;
}

static int64_t header(const char *text)
{
    return read(rp_time_text_header, text);
}

static int64_t iso8601(const char *text)
{
    return read(rp_time_text_iso8601, text);
}

static void a_header_may_be_in_any_unit(void)
{
    CHECK_EQ(header("t=1763726400.123"), 1763726400123000);
    CHECK_EQ(header("1763726400.123"), 1763726400123000);
    CHECK_EQ(header("t=1763726400"), 1763726400000000);
    CHECK_EQ(header("t=1763726400123"), 1763726400123000);
    CHECK_EQ(header("1763726400123.5"), 1763726400123500);
    CHECK_EQ(header("t=1763726400123456"), 1763726400123456);
    CHECK_EQ(header("t=1763726400123456789"), 1763726400123456);
    CHECK_EQ(header("t=1763726400.123456789123"), 1763726400123456);
    CHECK_EQ(header("0"), 0);
}

static void a_header_that_is_no_time_is_none(void)
{
    static const char *const bad[] = {"",
                                      "t=",
                                      "t",
                                      "=1763726400",
                                      "t=abc",
                                      "-5",
                                      "1763726400s",
                                      " 17",
                                      "t=1.2.3",
                                      "nan",
                                      "t=.5",
                                      "t= 1763726400",
                                      "17637264001234567890"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_EQ(header(bad[i]), -1);
    }
}

static void a_date_is_read_with_its_fraction_and_its_zone(void)
{
    CHECK_EQ(iso8601("2025-11-21T12:00:00Z"), 1763726400000000);
    CHECK_EQ(iso8601("2025-11-21T12:00:00.123456789Z"), 1763726400123456);
    CHECK_EQ(iso8601("2025-11-21T13:30:00.5+01:30"), 1763726400500000);
    CHECK_EQ(iso8601("2025-11-21T07:00:00-05:00"), 1763726400000000);
    CHECK_EQ(iso8601("2024-02-29T00:00:00Z"), 1709164800000000);
    CHECK_EQ(iso8601("1970-01-01T00:00:00Z"), 0);
}

static void what_is_no_date_is_none(void)
{
    static const char *const bad[] = {"",
                                      "2025-11-21",
                                      "2025-11-21T12:00:00",
                                      "2025-11-21T12:00:00Zx",
                                      "2025-11-21 12:00:00Z",
                                      "2025-1-21T12:00:00Z",
                                      "2025-11-21T12:00Z",
                                      "2025-11-21T12:00:00+01",
                                      "2025-11-21T12:00:00+1:00",
                                      "x025-11-21T12:00:00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_EQ(iso8601(bad[i]), -1);
    }
}

int main(void)
{
    RUN(a_header_may_be_in_any_unit);
    RUN(a_header_that_is_no_time_is_none);
    RUN(a_date_is_read_with_its_fraction_and_its_zone);
    RUN(what_is_no_date_is_none);
    return check_finish();
}
