/*
 * Where text is cut: at a character, and never far from where it has to be.
 */
#include "utf8.h"

#include "check.h"

#include <string.h>

static void what_fits_stays_whole(void)
{
    CHECK_EQ(rp_utf8_cut("abc", 3, 3), 3);
    CHECK_EQ(rp_utf8_cut("abc", 3, 100), 3);
    CHECK_EQ(rp_utf8_cut("", 0, 0), 0);
}

static void no_half_of_a_character_is_left(void)
{
    static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"; /* 1, 2, 3, 4, 1 bytes */
    static const size_t ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
    for (size_t most = 0; most < sizeof ends / sizeof *ends; most++) {
        CHECK_EQ(rp_utf8_cut(text, sizeof text - 1, most), ends[most]);
    }
}

static void what_is_no_text_loses_three_bytes_at_most(void)
{
    char bytes[64];
    memset(bytes, 0x80, sizeof bytes);
    CHECK_EQ(rp_utf8_cut(bytes, sizeof bytes, 40), 37);
    CHECK_EQ(rp_utf8_cut(bytes, sizeof bytes, 2), 0);
}

int main(void)
{
    RUN(what_fits_stays_whole);
    RUN(no_half_of_a_character_is_left);
    RUN(what_is_no_text_loses_three_bytes_at_most);
    return check_finish();
}
