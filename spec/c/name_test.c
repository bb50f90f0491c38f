/*
 * name.h: the spelling of every kind of name, and what is no name at all.
 */
#include "name.h"

#include "check.h"

#include "samples.h"

#include <string.h>

static enum rp_error mangle(const char *text, char out[RP_NAME_MAX + 1])
{
    memset(out, '#', RP_NAME_MAX + 1);
    return rp_name_mangle(text, strlen(text), out);
}

static bool is_identifier(const char *text)
{
    static const char allowed[] = "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t size = strlen(text);
    return size && size <= RP_NAME_MAX && strspn(text, allowed) == size &&
           !(text[0] >= '0' && text[0] <= '9');
}

static void every_name_has_its_spelling(void)
{
    static const char *const spellings[][2] = {
        {"[]", "aref"},
        {"[]=", "aset"},
        {"+", "plus"},
        {"-", "minus"},
        {"*", "mul"},
        {"/", "div"},
        {"%", "mod"},
        {"**", "pow"},
        {"+@", "uplus"},
        {"-@", "uminus"},
        {"~", "inv"},
        {"!", "not"},
        {"==", "eq"},
        {"!=", "ne"},
        {"===", "eqq"},
        {"=~", "match"},
        {"!~", "nomatch"},
        {"<=>", "cmp"},
        {"<", "lt"},
        {"<=", "le"},
        {">", "gt"},
        {">=", "ge"},
        {"<<", "lshift"},
        {">>", "rshift"},
        {"&", "and"},
        {"|", "or"},
        {"^", "xor"},
        {"`", "backtick"},
        {"charge!", "charge_bang"},
        {"paid?", "paid_p"},
        {"name=", "name_set"},
        {"?", "_p"},
        {"=", "_set"},
        {"a?b", "a_b"},
        {"a!?", "a__p"},
        {"checkout.done", "checkout_done"},
        {"a-b c", "a_b_c"},
        {"a:b", "a_b"},
        {"1st", "_1st"},
        {"9?", "_9_p"},
        {"\x7f", "_"},
        {"\t", "_"},
        {"x", "x"},
        {"_", "_"},
        {"__done", "__done"},
        {"int", "int"},
        {"\xc3\xa9", "u00E9"},
        {"gr\xc3\xb6\xc3\x9f"
         "e?",
         "gru00F6u00DFe_p"},
        {"\xe2\x82\xac", "u20AC"},
        {"\xf0\x9f\x9a\x82", "u1F682"},
        {"\xc2\x80", "u0080"},
        {"\xe0\xa0\x80", "u0800"},
        {"\xed\x9f\xbf", "uD7FF"},
        {"\xee\x80\x80", "uE000"},
        {"\xf0\x90\x80\x80", "u10000"},
        {"\xf4\x8f\xbf\xbf", "u10FFFF"},
    };
    char out[RP_NAME_MAX + 1];
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        CHECK_EQ(mangle(spellings[i][0], out), RP_OK);
        CHECK_STR(out, spellings[i][1]);
        CHECK(is_identifier(out));
    }
}

static void what_is_not_utf8_is_no_name(void)
{
    static const char *const broken[] = {
        "\x80",             /* a continuation alone */
        "a\xbf",            /* likewise, later */
        "\xc3",             /* cut off */
        "\xe2\x82",         /* likewise */
        "\xf0\x9f\x9a",     /* likewise */
        "\xc3(",            /* no continuation */
        "\xe2\x28\xac",     /* likewise */
        "\xc0\xaf",         /* longer than needed */
        "\xc1\xbf",         /* likewise */
        "\xe0\x9f\xbf",     /* likewise */
        "\xf0\x8f\xbf\xbf", /* likewise */
        "\xed\xa0\x80",     /* a surrogate */
        "\xed\xbf\xbf",     /* likewise */
        "\xf4\x90\x80\x80", /* beyond Unicode */
        "\xf5\x80\x80\x80", /* likewise */
        "\xf8\x88\x80\x80\x80",
        "\xfe",
        "\xff",
        "\xff?", /* before a suffix */
    };
    char out[RP_NAME_MAX + 1];
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        CHECK_EQ(mangle(broken[i], out), RP_NAME_INVALID);
        CHECK_STR(out, "");
    }
}

static void a_nul_is_in_no_name(void)
{
    char out[RP_NAME_MAX + 1];
    CHECK_EQ(rp_name_mangle("\0", 1, out), RP_NAME_INVALID);
    CHECK_EQ(rp_name_mangle("a\0b", 3, out), RP_NAME_INVALID);
    CHECK_EQ(rp_name_mangle("a\0?", 3, out), RP_NAME_INVALID);
    CHECK_STR(out, "");
}

static void an_empty_name_is_none(void)
{
    char out[RP_NAME_MAX + 1];
    CHECK_EQ(mangle("", out), RP_NAME_EMPTY);
    CHECK_STR(out, "");
}

static void only_the_given_bytes_are_read(void)
{
    char out[RP_NAME_MAX + 1];
    CHECK_EQ(rp_name_mangle("paid?!", 4, out), RP_OK);
    CHECK_STR(out, "paid");
    CHECK_EQ(rp_name_mangle("<=>", 2, out), RP_OK);
    CHECK_STR(out, "le");
    char last[] = {'\xe2', '\x82'}; /* behind it is nothing that may be read */
    CHECK_EQ(rp_name_mangle(last, sizeof last, out), RP_NAME_INVALID);
}

static void at_most_63_bytes_once_mangled(void)
{
    char out[RP_NAME_MAX + 1];
    char text[RP_NAME_MAX + 2];
    memset(text, 'n', sizeof text);
    CHECK_EQ(rp_name_mangle(text, 63, out), RP_OK);
    CHECK_EQ(strlen(out), 63);
    CHECK_EQ(rp_name_mangle(text, 64, out), RP_NAME_LONG);
    CHECK_STR(out, "");
    text[61] = '?';
    CHECK_EQ(rp_name_mangle(text, 62, out), RP_OK);
    CHECK_EQ(strlen(out), 63);
    text[62] = '?';
    text[61] = 'n';
    CHECK_EQ(rp_name_mangle(text, 63, out), RP_NAME_LONG);
    text[0] = '1'; /* an underscore comes before it */
    CHECK_EQ(rp_name_mangle(text, 62, out), RP_OK);
    text[62] = 'n';
    CHECK_EQ(rp_name_mangle(text, 63, out), RP_NAME_LONG);
    memcpy(text + 57, "\xf0\x9f\x9a\x82", 4);
    text[0] = 'n';
    CHECK_EQ(rp_name_mangle(text, 61, out), RP_OK);
    CHECK_EQ(strlen(out), 63);
    CHECK_EQ(rp_name_mangle(text, 62, out), RP_NAME_LONG);
    text[62] = '\xff'; /* what is no text at all is told before what is too long */
    CHECK_EQ(rp_name_mangle(text, 63, out), RP_NAME_INVALID);
}

static void bytes_at_random_give_an_identifier_or_an_error(void)
{
    uint64_t state = 1;
    char out[RP_NAME_MAX + 1];
    for (int round = 0; round < 20000; round++) {
        char text[80];
        size_t size = sample_random(&state) % sizeof text;
        bool any = sample_random(&state) % 2;
        for (size_t i = 0; i < size; i++) {
            text[i] = (char)(any ? sample_random(&state) % 256 : 32 + sample_random(&state) % 95);
        }
        memset(out, '#', sizeof out);
        enum rp_error error = rp_name_mangle(text, size, out);
        REQUIRE(memchr(out, '\0', sizeof out) != NULL);
        REQUIRE(error ? !*out : is_identifier(out));
        REQUIRE(any || error != RP_NAME_INVALID);
    }
}

static void every_error_has_words(void)
{
    for (int error = 0; error < RP_ERROR_COUNT; error++) {
        CHECK(strlen(rp_error_message((enum rp_error)error)) > 5);
    }
    CHECK_STR(rp_error_message(RP_ERROR_COUNT), "unknown error");
    CHECK_STR(rp_error_message((enum rp_error)1000), "unknown error");
}

int main(void)
{
    RUN(every_name_has_its_spelling);
    RUN(what_is_not_utf8_is_no_name);
    RUN(a_nul_is_in_no_name);
    RUN(an_empty_name_is_none);
    RUN(only_the_given_bytes_are_read);
    RUN(at_most_63_bytes_once_mangled);
    RUN(bytes_at_random_give_an_identifier_or_an_error);
    RUN(every_error_has_words);
    return check_finish();
}
