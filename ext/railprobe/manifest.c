/*
 * The manifest of an image, as JSON: one object with the image's facts and one line for each probe.
 * Callers: directory.c writes it beside the image, Ruby never needs it.
 */
#include "manifest.h"

/* How many characters stand in a JSON string as they are. */
static size_t plain_size(const char *text)
{
    size_t size = 0;
    while ((unsigned char)text[size] >= 0x20 && text[size] != '"' && text[size] != '\\') {
        size++;
    }
    return size;
}

/* A JSON string. Bytes that are not UTF-8 never come here: names were checked when declared. */
static void write_string(struct rp_buffer *json, const char *text)
{
    size_t size = plain_size(text);
    rp_buffer_append(json, "\"", 1);
    rp_buffer_append(json, text, size);
    while (text[size]) {
        unsigned character = (unsigned char)text[size];
        rp_buffer_printf(json, character < 0x20 ? "\\u%04x" : "\\%c", character);
        text += size + 1;
        size = plain_size(text);
        rp_buffer_append(json, text, size);
    }
    rp_buffer_append(json, "\"", 1);
}

static void write_member(struct rp_buffer *json, const char *key, const char *value)
{
    write_string(json, key);
    rp_buffer_text(json, ": ");
    write_string(json, value);
}

/* slot is the number that bpftrace's argN has; bytes takes two, the text and its length. */
static void write_arguments(struct rp_buffer *json, const struct rp_declaration *declaration,
                            const struct rp_arch *arch)
{
    uint32_t slot = 0;
    for (uint32_t i = 0; i < declaration->argument_count; i++) {
        const struct rp_argument *argument = &declaration->arguments[i];
        const struct rp_type_facts *type = rp_type_facts(argument->type);
        rp_buffer_text(json, i ? ", {" : "{");
        write_member(json, "name", argument->name);
        rp_buffer_text(json, ", ");
        write_member(json, "type", type->name);
        rp_buffer_printf(json, ", \"slot\": %u, \"slots\": %u, ", slot, (unsigned)type->slots);
        rp_buffer_text(json, "\"operands\": [");
        for (uint8_t part = 0; part < type->slots; part++, slot++) {
            rp_buffer_printf(json, "%s\"%s8@%s\"", part ? ", " : "", type->is_signed ? "-" : "",
                             arch->operands[slot]);
        }
        rp_buffer_text(json, "]");
        if (*type->unit) {
            rp_buffer_text(json, ", ");
            write_member(json, "unit", type->unit);
        }
        rp_buffer_text(json, argument->type == RP_TYPE_INTEGER ? ", \"saturates\": true}" : "}");
    }
}

enum rp_error rp_manifest_write(const struct rp_declaration *declarations,
                                const struct rp_layout *layout, const char *file,
                                struct rp_buffer *json)
{
    const struct rp_arch *arch = rp_arch(layout->machine);
    size_t arguments = 0; /* where those of the probe before begin, which most often are the same */
    size_t size = 0;
    char digest[2 * RP_DIGEST_SIZE + 1];
    rp_image_digest(layout, digest, sizeof digest);
    rp_buffer_text(json, "{");
    write_member(json, "image", file);
    rp_buffer_text(json, ", ");
    write_member(json, "digest", digest);
    rp_buffer_text(json, ", ");
    write_member(json, "machine", arch->name);
    rp_buffer_text(json, ", ");
    write_member(json, "site", layout->site == RP_SITE_FAST ? "fast" : "safe");
    rp_buffer_text(json, ", \"probes\": [");
    for (uint32_t i = 0; i < layout->count; i++) {
        const struct rp_declaration *declaration = &declarations[i];
        rp_buffer_text(json, i ? ",\n  {" : "\n  {");
        write_member(json, "provider", declaration->provider);
        rp_buffer_text(json, ", ");
        write_member(json, "probe", declaration->name);
        rp_buffer_text(json, ", ");
        write_member(json, "label", declaration->label);
        rp_buffer_printf(json, ", \"location\": %u, \"semaphore\": %u, \"arguments\": [",
                         layout->text_offset + i * RP_SITE_SIZE,
                         layout->semaphores_offset + layout->semaphores[i] * 2);
        if (i && rp_declaration_has_arguments_of(declaration, declaration - 1)) {
            rp_buffer_repeat(json, arguments, size);
        } else {
            arguments = json->size;
            write_arguments(json, declaration, arch);
            size = json->size - arguments;
        }
        rp_buffer_text(json, "]}");
    }
    rp_buffer_text(json, "\n]}\n");
    return rp_buffer_error(json);
}
