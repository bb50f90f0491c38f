/*
 * config.c and the files below it: what a configuration says, where each thing stands, and what is kept
 * beside an error. The messages are in config_files_test.c, bounds and faults in config_faults_test.c.
 */
#include "check.h"
#include "config.h"

static const char example[] = "version: 1\n"
                              "site: fast\n"
                              "reload: false\n"
                              "directory: /run/app\n"
                              "rails:\n"
                              "  except: [view, cable]\n"
                              "  headers: [X-Request-Start, traceparent]\n"
                              "  redact: [sql, key]\n"
                              "  traceparent: false\n"
                              "limits: {rate: 1_000, cpu: 0, pause: 60, string: 512, frames: 8}\n"
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
                              "defaults: {types: [result, gc]}\n"
                              "probes:\n"
                              "  - probe: inventory:reserved\n"
                              "    args: {sku: string, payload: bytes}\n"
                              "  - probe: inventory:sold\n";

static enum rp_error read_text(struct rp_config *config, const char *text)
{
    return rp_config_read(config, text, strlen(text), NULL);
}

/* The first error, as "line:column message"; "" when there is none. */
static const char *first_item(const struct rp_config *config)
{
    static char shown[1024];
    shown[0] = '\0';
    if (config->errors.total) {
        const struct rp_diagnostic *item = &config->errors.items[0];
        (void)snprintf(shown, sizeof shown, "%u:%u %s", item->place.line, item->place.column,
                       item->message);
    }
    return shown;
}

/* That of text. */
static const char *first_error(const char *text)
{
    struct rp_config config;
    (void)read_text(&config, text);
    const char *shown = first_item(&config);
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

static const struct rp_config_own_type own_types[] = {
    {"queries", RP_MOMENT_RETURN, 2, "count rows"}};
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
    CHECK_EQ(config.limits.string, 512);
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
    CHECK_EQ(search->types.helpers, 1u << RP_HELPER_RESULT | 1u << RP_HELPER_GC);
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
    CHECK_EQ(order->methods_place.line, 13);
    CHECK_EQ(order->methods_place.column, 14);
    rp_config_free(&config);
}

static void an_expression_tells_whether_its_columns_are_those_of_the_file(void)
{
    static const struct {
        const char *written;
        bool verbatim;
        uint32_t column;
    } cases[] = {{"args.0 > 1", true, 9},          {"\"args.0\"", true, 10},
                 {"'args.0'", true, 10},           {"\"a == 'größe'\"", true, 10},
                 {"'a == ''s'''", false, 9},       {"\"\\x61\"", false, 9},
                 {"args.0\n      == 1", false, 9}, {"|\n      args.0", false, 9}};
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

static void expressions_are_refused_where_they_are_wrong(void)
{
    static const struct {
        const char *written;
        const char *message;
    } cases[] = {
        {"if: duration >", "4:19 "},
        {"if: \"'größe' == a + 1\"", "4:23 "},
        {"if: \"\\x61 + 1\"", "4:9 "},
        {"if: 50ms", "4:9 "},
        {"capture: {a: result, b: x.to_s}", "4:31 \"to_s\" is a method"},
        {"types: [latency, stack]\n    if: a == 1 && result == 2",
         "5:19 this is known when the call ends, too late for the types entry, args, stack and"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "tracers:\n  - class: A\n    methods: [b]\n    %s\n",
                       cases[i].written);
        const char *error = first_error(text);
        if (strncmp(error, cases[i].message, strlen(cases[i].message)) != 0) {
            fprintf(stderr, "%s: %s\n", cases[i].written, error);
            CHECK(!"the message");
        }
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
    const struct rp_config_own_type wide[] = {{"wide", RP_MOMENT_RETURN, 7, ""}};
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

static void no_two_arguments_of_a_probe_have_one_name(void)
{
    const struct rp_config_own_type own[] = {{"depth", RP_MOMENT_RETURN, 2, "size wait"},
                                             {"pool", RP_MOMENT_RETURN, 2, "busy size"},
                                             {"queue", RP_MOMENT_ENTRY, 1, "size"},
                                             {"lost", RP_MOMENT_RAISE, 1, "error"}};
    const struct rp_config_options options = {own, 4, false};
    static const struct {
        const char *written;
        const char *message; /* NULL: none */
        const char *hint;
    } cases[] = {
        {"types: [depth, queue, lost, allocations]", NULL, NULL},
        {"types: [depth, latency, pool]", "4:29 the argument \"size\" is there already",
         "the type depth"},
        {"types: [depth], capture: {busy: '1'}", NULL, NULL},
        {"types: [pool], capture: {busy: '1'}", "4:30 the argument \"busy\" is there already",
         "the type pool"},
        {"types: [gc], capture: {gc_n: '1', gc_ns: '1'}",
         "4:39 the argument \"gc_ns\" is there already", "the type gc has"},
        {"types: [allocations], capture: {bytes: '1'}",
         "4:37 the argument \"bytes\" is there already", "the type allocations"},
        {"types: [cpu], capture: {bytes: '1', message: '1', stack: '1'}", NULL, NULL},
        {"types: [exception], capture: {message: '1'}",
         "4:35 the argument \"message\" is there already", "the type exception"},
        {"types: [lost], capture: {exception: '1'}",
         "4:30 the argument \"exception\" is there already", "the type exception"},
        {"types: [header], capture: {x_request_start: '1'}",
         "4:32 the argument \"x_request_start\" is there already", "the type header"},
        {"types: [header], capture: {span_id: '1'}",
         "4:32 the argument \"span_id\" is there already", "the type header"},
        {"types: [args], capture: {x_request_start: '1'}", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        struct rp_config config;
        (void)snprintf(text, sizeof text,
                       "rails: {headers: [X-Request-Start]}\ntracers:\n- {class: A, methods: [b],\n"
                       "    %s}\n",
                       cases[i].written);
        CHECK_EQ(rp_config_read(&config, text, strlen(text), &options),
                 cases[i].message ? RP_CONFIG : RP_OK);
        CHECK_EQ(config.errors.total, cases[i].message != NULL);
        if (cases[i].message && config.errors.total) {
            CHECK_STR(first_item(&config), cases[i].message);
            CHECK(strncmp(config.errors.items[0].hint, cases[i].hint, strlen(cases[i].hint)) == 0);
        }
        rp_config_free(&config);
    }
}

static void a_condition_of_the_end_is_too_late_for_an_own_type_of_the_entry(void)
{
    const struct rp_config_own_type own[] = {{"depth", RP_MOMENT_RETURN, 1, "size"},
                                             {"queue", RP_MOMENT_ENTRY, 1, "length"}};
    const struct rp_config_options options = {own, 2, false};
    static const char *const types[] = {"depth", "depth, queue"};
    for (size_t i = 0; i < 2; i++) {
        char text[256];
        struct rp_config config;
        (void)snprintf(text, sizeof text,
                       "tracers: [{class: A, methods: [b], if: duration > 1s, types: [%s]}]",
                       types[i]);
        CHECK_EQ(rp_config_read(&config, text, strlen(text), &options), i ? RP_CONFIG : RP_OK);
        rp_config_free(&config);
    }
}

static void an_own_helper_type_counts_once_and_so_many_go_into_a_list(void)
{
    char text[1024] = "tracers: [{class: A, methods: [b], types: [queries, queries, pixels";
    const struct rp_config_options any = {own_types, 1, true};
    struct rp_config config;
    size_t size = strlen(text);
    for (int i = 0; i < 32; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, ", own_type_%d", i);
    }
    (void)snprintf(text + size, sizeof text - size, "]}]");
    CHECK_EQ(rp_config_read(&config, text, strlen(text), &any), RP_CONFIG);
    CHECK_EQ(config.errors.total, 3);
    CHECK_STR(config.errors.items[0].message, "\"queries\" is in \"types\" twice");
    CHECK_STR(config.errors.items[2].message, "more than 32 helper types of your own");
    rp_config_free(&config);
}

int main(void)
{
    RUN(an_empty_file_declares_nothing_and_is_right);
    RUN(settings_are_read);
    RUN(tracers_are_read_in_order);
    RUN(probes_are_read_with_their_arguments_in_order);
    RUN(every_place_is_that_of_the_first_character);
    RUN(an_expression_tells_whether_its_columns_are_those_of_the_file);
    RUN(expressions_are_refused_where_they_are_wrong);
    RUN(columns_count_characters);
    RUN(what_is_right_beside_an_error_is_kept);
    RUN(own_helper_types_are_taken_when_declared_or_when_nobody_can_know);
    RUN(an_own_helper_type_counts_once_and_so_many_go_into_a_list);
    RUN(arguments_of_a_probe_are_counted_with_those_of_own_types);
    RUN(no_two_arguments_of_a_probe_have_one_name);
    RUN(a_condition_of_the_end_is_too_late_for_an_own_type_of_the_entry);
    return check_finish();
}
