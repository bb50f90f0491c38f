/*
 * Fuzzes the configuration reader: any bytes give a configuration or errors that can be rendered.
 *
 *   rake fuzz SECONDS=300
 */
#include "config.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* What callers rely on. */
static void check_config(const struct rp_config *config)
{
    for (uint32_t i = 0; i < config->tracer_count; i++) {
        const struct rp_config_tracer *tracer = &config->tracers[i];
        require(tracer->class_name.size == strlen(tracer->class_name.bytes));
        require(tracer->all_methods == (tracer->method_count == 0));
        require(tracer->types.helpers || tracer->types.own_count);
        require(tracer->capture_count <= RP_SLOTS_MAX);
        for (uint32_t j = 0; j < tracer->method_count; j++) {
            require(tracer->methods[j].name.size == strlen(tracer->methods[j].name.bytes));
        }
        for (uint32_t j = 0; j < tracer->capture_count; j++) {
            require(tracer->captures[j].expression.size > 0);
        }
    }
    for (uint32_t i = 0; i < config->probe_count; i++) {
        const struct rp_declaration declaration = {.arguments = config->probes[i].arguments,
                                                   .argument_count =
                                                       config->probes[i].argument_count};
        require(rp_declaration_slots(&declaration) <= RP_SLOTS_MAX);
        require(strlen(config->probes[i].provider) <= RP_NAME_MAX);
        require(strlen(config->probes[i].name) <= RP_NAME_MAX);
    }
}

/* Messages are UTF-8 without anything that a terminal obeys. */
static void check_messages(const struct rp_buffer *out)
{
    size_t i = 0;
    while (i < out->size) {
        uint32_t code = 0;
        size_t length = rp_utf8_read((const char *)out->bytes + i, out->size - i, &code);
        require(length > 0);
        require(code == '\n' || code == '\t' || code >= 0x20);
        require(!(code >= 0x7f && code < 0xa0));
        i += length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rp_config_own_type own[] = {{"queries", RP_MOMENT_RETURN, 2, "count rows"}};
    /* A byte of the input decides, so that both ways are reached. */
    const struct rp_config_options options = {own, 1, size > 0 && data[size - 1] & 1};
    struct rp_config config = {0};
    struct rp_buffer out = {0};
    char *text = malloc(size ? size : 1); /* its end is watched */
    require(text != NULL);
    if (size) {
        memcpy(text, data, size);
    }
    enum rp_error error = rp_config_read(&config, text, size, &options);
    free(text);
    require(error == RP_OK || error == RP_CONFIG);
    require((error == RP_OK) == (config.errors.total == 0));
    check_config(&config);
    require(rp_diagnostics_render(&config.errors, "tracers.yml", &out) == RP_OK);
    check_messages(&out);
    rp_buffer_free(&out);
    rp_config_free(&config);
    return 0;
}
