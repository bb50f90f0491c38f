/*
 * config.c and the files below it: what a configuration says, where each thing stands, what is refused,
 * and what is left when memory runs out. The messages themselves are in config_files_test.c.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc
#include "check.h"
#include "config.h"
#include "files.h"

#include <stdlib.h>
#include <time.h>

/* Allocations that still succeed; volatile, as the compiler takes malloc() for one that reads no variable. */
static volatile long allowed = -1;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *bytes, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *bytes, size_t size);

static bool may_allocate(void)
{
    if (allowed > 0) {
        allowed--;
        return true;
    }
    return allowed != 0;
}

void *__wrap_malloc(size_t size) { return may_allocate() ? __real_malloc(size) : NULL; }

void *__wrap_calloc(size_t count, size_t size)
{
    return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *bytes, size_t size)
{
    return may_allocate() ? __real_realloc(bytes, size) : NULL;
}

static const char example[] = "version: 1\n"
                              "site: fast\n"
                              "reload: false\n"
                              "directory: /run/app\n"
                              "rails:\n"
                              "  except: [view, cable]\n"
                              "  headers: [X-Request-Start, traceparent]\n"
                              "  redact: [sql, key]\n"
                              "  traceparent: false\n"
                              "limits: {rate: 1_000, cpu: 0, pause: 60, string: 4096, frames: 8}\n"
                              "tracers:\n"
                              "  - class: Admin::Order\n"
                              "    methods: [checkout, refund!, .import, \"[]=\"]\n"
                              "    types: [latency, allocations, queries]\n"
                              "    capture: {id: \"self.id\", größe: 1}\n"
                              "  - class: \"Search::*\"\n"
                              "    methods: \"*\"\n"
                              "    except: [to_s]\n"
                              "    if: duration > 50ms\n"
                              "    provider: search\n"
                              "defaults: {types: [entry, gc]}\n"
                              "probes:\n"
                              "  - probe: inventory:reserved\n"
                              "    args: {sku: string, payload: bytes}\n"
                              "  - probe: inventory:sold\n";

static enum rp_error read_text(struct rp_config *config, const char *text)
{
    return rp_config_read(config, text, strlen(text), NULL);
}

/* The first error of text, as "line:column message"; "" when there is none. */
static const char *first_error(const char *text)
{
    static char shown[1024];
    struct rp_config config;
    shown[0] = '\0';
    if (read_text(&config, text) == RP_CONFIG) {
        const struct rp_diagnostic *item = &config.errors.items[0];
        (void)snprintf(shown, sizeof shown, "%u:%u %s", item->place.line, item->place.column,
                       item->message);
    }
    rp_config_free(&config);
    return shown;
}

static void an_empty_file_declares_nothing_and_is_right(void)
{
    static const char *const texts[] = {
        "",     "\n\n",         "# nothing\n",        "---\n",
        "{}",   "\xef\xbb\xbf", "tracers:\nrails:\n", "version: 1\n...\n",
        "--- ", "probes: []\n", "limits: {}\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct rp_config config;
        CHECK_EQ(read_text(&config, texts[i]), RP_OK);
        CHECK_EQ(config.tracer_count + config.probe_count, 0);
        CHECK(config.reload && config.rails.on && config.rails.traceparent && !config.site_fast);
        CHECK_EQ(config.limits.rate, 100000);
        CHECK_EQ(config.limits.string, 1024);
        CHECK_EQ(config.defaults.helpers, 1u << RP_HELPER_LATENCY);
        CHECK(config.directory.bytes == NULL);
        rp_config_free(&config);
    }
}

static const struct rp_config_own_type own_types[] = {{"queries", RP_MOMENT_RETURN, 2}};
static const struct rp_config_options with_own = {own_types, 1, false};

/* The example without what is wrong in it: a captured argument whose name is not ASCII. */
static enum rp_error read_example(struct rp_config *config, char *text)
{
    (void)snprintf(text, sizeof example, "%s", example);
    char *name = strstr(text, "größe");
    memcpy(name, "groesse", 7);
    return rp_config_read(config, text, strlen(text), &with_own);
}

static void settings_are_read(void)
{
    static char text[sizeof example];
    struct rp_config config;
    REQUIRE(read_example(&config, text) == RP_OK);
    memset(text, 'x', sizeof text); /* nothing is kept of the file */
    CHECK(config.site_fast);
    CHECK(!config.reload);
    CHECK_STR(config.directory.bytes, "/run/app");
    CHECK(config.rails.on && !config.rails.traceparent);
    CHECK_EQ(config.rails.except, 1u << RP_GROUP_VIEW | 1u << RP_GROUP_CABLE);
    CHECK_EQ(config.rails.redact, 1u << RP_REDACT_SQL | 1u << RP_REDACT_KEY);
    CHECK_EQ(config.rails.header_count, 2);
    CHECK_STR(config.rails.headers[1].bytes, "traceparent");
    CHECK_EQ(config.limits.rate, 1000);
    CHECK_EQ(config.limits.cpu, 0);
    CHECK_EQ(config.limits.pause, 60);
    CHECK_EQ(config.limits.string, 4096);
    CHECK_EQ(config.limits.frames, 8);
    rp_config_free(&config);
}

static void tracers_are_read_in_order(void)
{
    static char text[sizeof example];
    struct rp_config config;
    REQUIRE(read_example(&config, text) == RP_OK);
    REQUIRE(config.tracer_count == 2);
    const struct rp_config_tracer *order = &config.tracers[0];
    const struct rp_config_tracer *search = &config.tracers[1];
    CHECK_STR(order->class_name.bytes, "Admin::Order");
    CHECK(!order->is_namespace && !order->all_methods);
    REQUIRE(order->method_count == 4);
    CHECK_STR(order->methods[1].name.bytes, "refund!");
    CHECK_STR(order->methods[2].name.bytes, "import");
    CHECK(order->methods[2].on_class && !order->methods[1].on_class);
    CHECK_STR(order->methods[3].name.bytes, "[]=");
    CHECK_EQ(order->types.helpers, 1u << RP_HELPER_LATENCY | 1u << RP_HELPER_ALLOCATIONS);
    REQUIRE(order->types.own_count == 1);
    CHECK_STR(order->types.own[0].name.bytes, "queries");
    CHECK_EQ(order->types.own[0].index, 0);
    REQUIRE(order->capture_count == 2);
    CHECK_STR(order->captures[0].name, "id");
    CHECK_STR(order->captures[1].expression.bytes, "1");
    CHECK(order->condition.bytes == NULL && order->provider.bytes == NULL);
    CHECK_STR(search->class_name.bytes, "Search");
    CHECK(search->is_namespace && search->all_methods);
    REQUIRE(search->except_count == 1);
    CHECK_STR(search->except[0].name.bytes, "to_s");
    CHECK_STR(search->provider.bytes, "search");
    /* defaults hold although they come later in the file */
    CHECK_EQ(search->types.helpers, 1u << RP_HELPER_ENTRY | 1u << RP_HELPER_GC);
    rp_config_free(&config);
}

static void probes_are_read_with_their_arguments_in_order(void)
{
    static char text[sizeof example];
    struct rp_config config;
    REQUIRE(read_example(&config, text) == RP_OK);
    REQUIRE(config.probe_count == 2);
    const struct rp_config_probe *reserved = &config.probes[0];
    CHECK_STR(reserved->label.bytes, "inventory:reserved");
    CHECK_STR(reserved->provider, "inventory");
    CHECK_STR(reserved->name, "reserved");
    REQUIRE(reserved->argument_count == 2);
    CHECK_STR(reserved->arguments[1].name, "payload");
    CHECK_EQ(reserved->arguments[1].type, RP_TYPE_BYTES);
    CHECK_EQ(config.probes[1].argument_count, 0);
    rp_config_free(&config);
}

static void check_place(const struct rp_config_text *text, uint32_t line, uint32_t column)
{
    CHECK_EQ(text->place.line, line);
    CHECK_EQ(text->place.column, column);
}

static void every_place_is_that_of_the_first_character(void)
{
    static char text[sizeof example];
    struct rp_config config;
    REQUIRE(read_example(&config, text) == RP_OK);
    const struct rp_config_tracer *order = &config.tracers[0];
    check_place(&order->class_name, 12, 12);
    check_place(&order->methods[2].name, 13, 35); /* behind the dot */
    check_place(&order->methods[3].name, 13, 44); /* behind the quote */
    check_place(&order->captures[0].expression, 15, 20);
    check_place(&config.tracers[1].condition, 19, 9);
    check_place(&config.probes[0].label, 23, 12);
    CHECK_EQ(order->place.line, 12);
    CHECK_EQ(order->place.column, 5);
    rp_config_free(&config);
}

static void an_expression_tells_whether_its_columns_are_those_of_the_file(void)
{
    static const struct {
        const char *written;
        bool verbatim;
        uint32_t column;
    } cases[] = {{"args.0 + 1", true, 9},         {"\"args.0\"", true, 10},
                 {"'args.0'", true, 10},          {"\"größe\"", true, 10},
                 {"'it''s'", false, 9},           {"\"\\x61\"", false, 9},
                 {"args.0\n      + 1", false, 9}, {"|\n      args.0", false, 9}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        struct rp_config config;
        (void)snprintf(text, sizeof text, "tracers:\n  - class: A\n    methods: [b]\n    if: %s\n",
                       cases[i].written);
        CHECK_EQ(read_text(&config, text), RP_OK);
        REQUIRE(config.tracer_count == 1);
        CHECK_EQ(config.tracers[0].condition.verbatim, cases[i].verbatim);
        check_place(&config.tracers[0].condition, 4, cases[i].column);
        rp_config_free(&config);
    }
}

static void columns_count_characters(void)
{
    CHECK_STR(first_error("tracers:\n  - {class: Größe, methods: [größer-als]}\n"),
              "2:30 \"größer-als\" is not the name of a method");
    CHECK_STR(first_error("\xef\xbb\xbfzebra: 1\n"),
              "1:1 unknown key \"zebra\" at the top of the file");
    CHECK_STR(first_error("version: 1\r\rzebra: 1"),
              "3:1 unknown key \"zebra\" at the top of the file");
    CHECK_STR(first_error("\r\n\r\nzebra: 1"), "3:1 unknown key \"zebra\" at the top of the file");
}

static void what_is_right_beside_an_error_is_kept(void)
{
    struct rp_config config;
    CHECK_EQ(read_text(&config, "reload: false\n"
                                "limits: {cpu: 900, pause: 5}\n"
                                "tracers:\n"
                                "  - {class: Order, methods: [a-b]}\n"
                                "  - {class: Cart, methods: [add]}\n"
                                "  - {class: Cart, methods: [add]}\n"
                                "  - {class: Item, methods: \"*\"}\n"
                                "  - {class: Item, methods: [sell]}\n"
                                "  - {class: Line, methods: [total, <%= more %>]}\n"
                                "  - {class: Gift, methods: [wrap], types: &anchor [gc]}\n"
                                "probes:\n"
                                "  - probe: rails:mine\n"
                                "  - probe: mine:first\n"),
             RP_CONFIG);
    CHECK_EQ(config.errors.total, 7);
    CHECK(!config.reload);
    CHECK_EQ(config.limits.cpu, 10);
    CHECK_EQ(config.limits.pause, 5);
    REQUIRE(config.tracer_count == 2);
    CHECK_STR(config.tracers[0].class_name.bytes, "Cart");
    CHECK_STR(config.tracers[1].class_name.bytes, "Item");
    REQUIRE(config.probe_count == 1);
    CHECK_STR(config.probes[0].provider, "mine");
    rp_config_free(&config);
}

static void own_helper_types_are_taken_when_declared_or_when_nobody_can_know(void)
{
    static const char text[] = "tracers: [{class: A, methods: [b], types: [queries, pixels]}]";
    static const char slip[] = "tracers: [{class: A, methods: [b], types: [latncy]}]";
    const struct rp_config_options any = {own_types, 1, true};
    struct rp_config config;
    CHECK_EQ(rp_config_read(&config, text, strlen(text), &with_own), RP_CONFIG);
    CHECK_EQ(config.errors.total, 1);
    rp_config_free(&config);
    CHECK_EQ(rp_config_read(&config, text, strlen(text), &any), RP_OK);
    REQUIRE(config.tracer_count == 1);
    REQUIRE(config.tracers[0].types.own_count == 2);
    CHECK_EQ(config.tracers[0].types.own[0].index, 0);
    CHECK_EQ(config.tracers[0].types.own[1].index, UINT32_MAX);
    CHECK_EQ(config.tracers[0].types.helpers, 0);
    rp_config_free(&config);
    CHECK_EQ(rp_config_read(&config, slip, strlen(slip), &any), RP_CONFIG);
    rp_config_free(&config);
}

static void arguments_of_a_probe_are_counted_with_those_of_own_types(void)
{
    const struct rp_config_own_type wide[] = {{"wide", RP_MOMENT_RETURN, 7}};
    const struct rp_config_options options = {wide, 1, false};
    static const char full[] = "tracers: [{class: A, methods: [b], types: [latency, wide, stack]}]";
    static const char over[] =
        "tracers: [{class: A, methods: [b], types: [wide], capture: {a: '1'}}]";
    struct rp_config config;
    CHECK_EQ(rp_config_read(&config, full, strlen(full), &options), RP_OK);
    rp_config_free(&config);
    CHECK_EQ(rp_config_read(&config, over, strlen(over), &options), RP_CONFIG);
    rp_config_free(&config);
}

/* before, count times each with its number, as one text that the caller frees. */
static char *repeat(const char *before, const char *each, uint32_t count, size_t *size)
{
    struct rp_buffer out = {0};
    rp_buffer_text(&out, before);
    for (uint32_t i = 0; i < count; i++) {
        char digits[16];
        const char *mark = strchr(each, '#');
        (void)snprintf(digits, sizeof digits, "%u", i);
        rp_buffer_append(&out, each, (size_t)(mark - each));
        rp_buffer_text(&out, digits);
        rp_buffer_text(&out, mark + 1);
    }
    rp_buffer_string(&out, "");
    *size = out.size - 1;
    return (char *)out.bytes;
}

static void the_bounds_are_errors_of_their_own(void)
{
    static const struct {
        const char *before, *each, *message;
        uint32_t count;
    } cases[] = {
        {"tracers:\n", "- {class: A#, methods: [b]}\n", "more than 50000 tracers", 50001},
        {"probes:\n", "- {probe: \"a:b#\"}\n", "more than 50000 probes", 50001},
        {"version: [", "#,", "more than 2000000 values in one file", 2000000},
        {"# ", "# 678901234567\n# ", "the file has", 1200000},
        {"version: ", "[[[[[[[[#", "more than 8 lists and mappings inside each other", 1000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rp_config config;
        size_t size;
        char *text = repeat(cases[i].before, cases[i].each, cases[i].count, &size);
        REQUIRE(text != NULL);
        CHECK_EQ(rp_config_read(&config, text, size, NULL), RP_CONFIG);
        const struct rp_diagnostic *last = &config.errors.items[config.errors.count - 1];
        CHECK(strncmp(last->message, cases[i].message, strlen(cases[i].message)) == 0);
        CHECK(config.tracer_count == (i == 0 ? 50000 : 0));
        rp_config_free(&config);
        free(text);
    }
}

static void a_hundred_errors_are_kept_and_the_rest_is_counted(void)
{
    struct rp_config config;
    struct rp_buffer out = {0};
    size_t size;
    char *text = repeat("", "zebra#: 1\n", 250, &size);
    REQUIRE(text != NULL);
    CHECK_EQ(rp_config_read(&config, text, size, NULL), RP_CONFIG);
    CHECK_EQ(config.errors.count, RP_DIAGNOSTICS_MAX);
    CHECK_EQ(config.errors.total, 250);
    CHECK_EQ(rp_diagnostics_render(&config.errors, "t.yml", &out), RP_OK);
    rp_buffer_append(&out, "", 1);
    CHECK(strstr((char *)out.bytes, "t.yml: and 150 more errors\n") != NULL);
    rp_buffer_free(&out);
    rp_config_free(&config);
    free(text);
}

static void fifty_thousand_tracers_are_read_fast(void)
{
    struct rp_config config;
    struct timespec begin, end;
    size_t size;
    char *text = repeat("tracers:\n",
                        "  - class: Shop::Order#\n    methods: [checkout, refund!, .import]\n"
                        "    types: [latency, allocations]\n    capture: {id: \"self.id\"}\n",
                        50000, &size);
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    CHECK_EQ(rp_config_read(&config, text, size, NULL), RP_OK);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds =
        (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    CHECK_EQ(config.tracer_count, 50000);
    CHECK(seconds < 10); /* sanitized on a busy machine; anything quadratic takes minutes */
    rp_config_free(&config);
    free(text);
}

/* A small generator of its own, so that a failure can be repeated anywhere. */
static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void read_mutant(const char *text, size_t size)
{
    struct rp_config config;
    struct rp_buffer out = {0};
    char *copy = malloc(size ? size : 1);
    REQUIRE(copy != NULL);
    memcpy(copy, text, size);
    enum rp_error error = rp_config_read(&config, copy, size, &with_own);
    free(copy);
    CHECK(error == RP_OK || error == RP_CONFIG);
    CHECK((error == RP_OK) == (config.errors.total == 0));
    CHECK_EQ(rp_diagnostics_render(&config.errors, "t.yml", &out), RP_OK);
    rp_buffer_free(&out);
    rp_config_free(&config);
}

static void a_file_cut_anywhere_is_read_or_refused(void)
{
    for (size_t size = 0; size < sizeof example; size++) {
        read_mutant(example, size);
    }
}

static void a_file_with_any_bytes_changed_is_read_or_refused(void)
{
    static const char letters[] = "\n \t:-[]{}\"'*&!|>%@#,?<a1\0\xff";
    uint32_t state = 23;
    for (int i = 0; i < 5000; i++) {
        char text[sizeof example];
        memcpy(text, example, sizeof text);
        for (uint32_t j = next_random(&state) % 6; j < 6; j++) {
            text[next_random(&state) % (sizeof text - 1)] =
                letters[next_random(&state) % (sizeof letters - 1)];
        }
        read_mutant(text, sizeof text - 1);
    }
}

/* Reads text with ever more allocations allowed, until one reading gets all it needs. */
static void check_without_memory(const char *text, size_t size, enum rp_error expected)
{
    long needed = 0;
    enum rp_error error = RP_MEMORY;
    while (error == RP_MEMORY && needed < 100000) {
        struct rp_config config;
        struct rp_buffer out = {0};
        allowed = needed++;
        error = rp_config_read(&config, text, size, &with_own);
        if (error == RP_MEMORY) {
            CHECK(config.tracers == NULL && config.arena.chunks == NULL &&
                  config.errors.total == 0);
        } else if (allowed == 0) {
            CHECK_EQ(rp_diagnostics_render(&config.errors, "t.yml", &out),
                     expected == RP_OK ? RP_OK : RP_MEMORY);
        }
        allowed = -1;
        rp_buffer_free(&out);
        rp_config_free(&config);
    }
    CHECK_EQ(error, expected);
    CHECK(needed > 3);
}

static void memory_that_runs_out_anywhere_is_an_error_and_leaves_nothing(void)
{
    static char text[sizeof example];
    struct rp_config config;
    size_t size;
    REQUIRE(read_example(&config, text) == RP_OK);
    rp_config_free(&config);
    check_without_memory(text, strlen(text), RP_OK);
    check_without_memory(example, strlen(example), RP_CONFIG);
    char *large = repeat("tracers:\n", "- {class: A#, methods: [b, c-d]}\n", 1000, &size);
    REQUIRE(large != NULL);
    check_without_memory(large, size, RP_CONFIG);
    free(large);
}

int main(void)
{
    RUN(an_empty_file_declares_nothing_and_is_right);
    RUN(settings_are_read);
    RUN(tracers_are_read_in_order);
    RUN(probes_are_read_with_their_arguments_in_order);
    RUN(every_place_is_that_of_the_first_character);
    RUN(an_expression_tells_whether_its_columns_are_those_of_the_file);
    RUN(columns_count_characters);
    RUN(what_is_right_beside_an_error_is_kept);
    RUN(own_helper_types_are_taken_when_declared_or_when_nobody_can_know);
    RUN(arguments_of_a_probe_are_counted_with_those_of_own_types);
    RUN(the_bounds_are_errors_of_their_own);
    RUN(a_hundred_errors_are_kept_and_the_rest_is_counted);
    RUN(fifty_thousand_tracers_are_read_fast);
    RUN(a_file_cut_anywhere_is_read_or_refused);
    RUN(a_file_with_any_bytes_changed_is_read_or_refused);
    RUN(memory_that_runs_out_anywhere_is_an_error_and_leaves_nothing);
    return check_finish();
}
