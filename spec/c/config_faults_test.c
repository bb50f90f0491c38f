/*
 * config.c and the files below it where things go wrong: bounds, mutations, memory that runs out; and
 * how long it all takes.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray
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
void *__real_reallocarray(void *bytes, size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *bytes, size_t size);
void *__wrap_reallocarray(void *bytes, size_t count, size_t size);

static bool may_allocate(void)
{
    if (allowed > 0) {
        allowed--;
        return true;
    }
    return allowed != 0;
}

void *__wrap_malloc(size_t size)
{
    return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *bytes, size_t size)
{
    return may_allocate() ? __real_realloc(bytes, size) : NULL;
}

void *__wrap_reallocarray(void *bytes, size_t count, size_t size)
{
    return may_allocate() ? __real_reallocarray(bytes, count, size) : NULL;
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
    char *text = out.failed ? NULL : memcpy(malloc(out.size), out.bytes, out.size);
    rp_buffer_free(&out);
    return text;
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
    enum rp_error error = rp_config_read(&config, copy, size, NULL);
    free(copy);
    CHECK(error == RP_OK || error == RP_CONFIG);
    CHECK((error == RP_OK) == (config.errors.total == 0));
    CHECK_EQ(rp_diagnostics_render(&config.errors, "t.yml", &out), RP_OK);
    rp_buffer_free(&out);
    rp_config_free(&config);
}

static void a_file_cut_anywhere_is_read_or_refused(void)
{
    struct rp_buffer file = {0};
    REQUIRE(file_read("config/tracers.yml", &file));
    for (size_t size = 0; size < file.size; size++) {
        read_mutant((char *)file.bytes, size);
    }
    rp_buffer_free(&file);
}

static void a_file_with_any_bytes_changed_is_read_or_refused(void)
{
    static const char letters[] = "\n \t:-[]{}\"'*&!|>%@#,?<a1\0\xff";
    struct rp_buffer file = {0};
    struct rp_buffer mutant = {0};
    uint32_t state = 23;
    REQUIRE(file_read("config/tracers.yml", &file));
    for (int i = 0; i < 5000; i++) {
        mutant.size = 0;
        rp_buffer_append(&mutant, file.bytes, file.size);
        REQUIRE(rp_buffer_error(&mutant) == RP_OK);
        for (uint32_t j = next_random(&state) % 6; j < 6; j++) {
            mutant.bytes[next_random(&state) % mutant.size] =
                (uint8_t)letters[next_random(&state) % (sizeof letters - 1)];
        }
        read_mutant((char *)mutant.bytes, mutant.size);
    }
    rp_buffer_free(&mutant);
    rp_buffer_free(&file);
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
        error = rp_config_read(&config, text, size, NULL);
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
    static const char wrong[] = "zebra: 1\ntracers: [{class: a, methods: [b, c-d]}, {class: A}]\n";
    struct rp_buffer file = {0};
    size_t size;
    REQUIRE(file_read("config/tracers.yml", &file));
    check_without_memory((char *)file.bytes, file.size, RP_OK);
    check_without_memory(wrong, strlen(wrong), RP_CONFIG);
    char *large = repeat("tracers:\n", "- {class: A#, methods: [b, c-d]}\n", 1000, &size);
    REQUIRE(large != NULL);
    check_without_memory(large, size, RP_CONFIG);
    free(large);
    rp_buffer_free(&file);
}

int main(void)
{
    RUN(the_bounds_are_errors_of_their_own);
    RUN(a_hundred_errors_are_kept_and_the_rest_is_counted);
    RUN(fifty_thousand_tracers_are_read_fast);
    RUN(a_file_cut_anywhere_is_read_or_refused);
    RUN(a_file_with_any_bytes_changed_is_read_or_refused);
    RUN(memory_that_runs_out_anywhere_is_an_error_and_leaves_nothing);
    return check_finish();
}
