/*
 * manifest.h: the JSON beside an image, to the letter.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup
#include "manifest.h"

#include "check.h"
#include "fault.h"
#include "samples.h"

FAULT_ALLOCATIONS

static struct rp_buffer json;

/* The manifest of count declarations in json, with a NUL behind it. */
static enum rp_error write(const struct rp_declaration *declarations, size_t count,
                           enum rp_machine machine, enum rp_site_kind site)
{
    struct rp_buffer bytes = {0};
    struct rp_layout layout;
    rp_buffer_free(&json);
    CHECK_EQ(rp_image_build(declarations, count, machine, site, &bytes, &layout), RP_OK);
    memset(layout.digest, 0x5a, sizeof layout.digest);
    enum rp_error error = rp_manifest_write(declarations, &layout, "app-5a.so", &json);
    rp_buffer_zero(&json, 1);
    rp_buffer_free(&bytes);
    rp_layout_free(&layout);
    return error;
}

static void it_says_what_is_where(void)
{
    struct rp_declaration declarations[] = {sample("order", "paid_p", 0),
                                            sample("stock", "low", 1)};
    declarations[0].label = "order:paid?";
    declarations[1].label = "stock:low";
    REQUIRE(write(declarations, 2, RP_X86_64, RP_SITE_SAFE) == RP_OK);
    CHECK_STR(
        (char *)json.bytes,
        "{\"image\": \"app-5a.so\", \"digest\": \"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\", "
        "\"machine\": \"x86_64\", \"site\": \"safe\", \"probes\": [\n"
        "  {\"provider\": \"order\", \"probe\": \"paid_p\", \"label\": \"order:paid?\", "
        "\"location\": 4096, \"semaphore\": 8192, \"arguments\": []},\n"
        "  {\"provider\": \"stock\", \"probe\": \"low\", \"label\": \"stock:low\", "
        "\"location\": 4112, \"semaphore\": 8194, \"arguments\": [{\"name\": \"sku\", "
        "\"type\": \"string\", \"slot\": 0, \"slots\": 1, \"operands\": [\"8@%rdi\"]}]}\n]}\n");
    rp_buffer_free(&json);
}

static bool says(const char *text)
{
    return strstr((char *)json.bytes, text) != NULL;
}

static void it_tells_types_slots_and_units(void)
{
    const struct rp_declaration declaration = sample("p", "n", 11);
    REQUIRE(write(&declaration, 1, RP_AARCH64, RP_SITE_FAST) == RP_OK);
    CHECK(says("\"machine\": \"aarch64\", \"site\": \"fast\""));
    CHECK(says("{\"name\": \"quantity\", \"type\": \"integer\", \"slot\": 1, \"slots\": 1, "
               "\"operands\": [\"-8@x1\"], \"saturates\": true}"));
    CHECK(says("{\"name\": \"paid\", \"type\": \"boolean\", \"slot\": 2, \"slots\": 1, "
               "\"operands\": [\"-8@x2\"]}"));
    CHECK(says("\"operands\": [\"8@x3\"], \"unit\": \"IEEE 754 bits\"}"));
    CHECK(says("\"operands\": [\"-8@x4\"], \"unit\": \"ns\"}"));
    CHECK(says("{\"name\": \"payload\", \"type\": \"bytes\", \"slot\": 6, \"slots\": 2, "
               "\"operands\": [\"8@x6\", \"8@x7\"], \"unit\": \"bytes\"}"));
    CHECK(says("{\"name\": \"a\", \"type\": \"integer\", \"slot\": 8, "));
    rp_buffer_free(&json);
}

static void text_is_escaped(void)
{
    const struct rp_argument argument = {"\"\\\x01\n\xc3\xa9/", RP_TYPE_INTEGER};
    struct rp_declaration declaration = sample("p", "n", 1);
    declaration.arguments = &argument;
    declaration.label = "p:\"";
    REQUIRE(write(&declaration, 1, RP_X86_64, RP_SITE_SAFE) == RP_OK);
    CHECK(says("\"label\": \"p:\\\"\""));
    CHECK(says("\"name\": \"\\\"\\\\\\u0001\\u000a\xc3\xa9/\""));
    rp_buffer_free(&json);
}

static void probes_of_a_group_show_the_same_semaphore(void)
{
    struct rp_declaration declarations[] = {sample("p", "a", 0), sample("p", "b", 0)};
    declarations[0].group = declarations[1].group = 1;
    REQUIRE(write(declarations, 2, RP_X86_64, RP_SITE_SAFE) == RP_OK);
    CHECK(says("\"location\": 4096, \"semaphore\": 8192"));
    CHECK(says("\"location\": 4112, \"semaphore\": 8192"));
    rp_buffer_free(&json);
}

static void without_memory_there_is_an_error(void)
{
    const struct rp_declaration *declarations = samples(20, 5);
    struct rp_buffer bytes = {0};
    struct rp_layout layout;
    unsigned failures = 0;
    REQUIRE(rp_image_build(declarations, 20, RP_X86_64, RP_SITE_SAFE, &bytes, &layout) == RP_OK);
    for (unsigned n = 1; fault_in(&fault_allocation, n); n++) {
        struct rp_buffer out = {0};
        enum rp_error error = rp_manifest_write(declarations, &layout, "app.so", &out);
        bool failed = fault_end(&fault_allocation);
        CHECK_EQ(error, failed ? RP_MEMORY : RP_OK);
        failures += failed;
        rp_buffer_free(&out);
    }
    CHECK(failures > 2);
    rp_buffer_free(&bytes);
    rp_layout_free(&layout);
}

int main(void)
{
    RUN(it_says_what_is_where);
    RUN(it_tells_types_slots_and_units);
    RUN(text_is_escaped);
    RUN(probes_of_a_group_show_the_same_semaphore);
    RUN(without_memory_there_is_an_error);
    return check_finish();
}
