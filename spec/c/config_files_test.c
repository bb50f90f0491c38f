/*
 * Files that ship: the reference and the schema have every key of the table in the words of the table,
 * and every file of spec/fixtures/config/bad gives the messages in the .txt beside it.
 */
#include "check.h"
#include "config.h"
#include "files.h"
#include "yaml_reader.h"

#include <dirent.h>
#include <stdlib.h>

#define BAD "spec/fixtures/config/bad"

static const struct rp_node *child(const struct rp_node *mapping, const char *name)
{
    const struct rp_node *key = mapping && mapping->kind == RP_NODE_MAPPING ? mapping->first : NULL;
    while (key && strcmp(key->text, name) != 0) {
        key = key->next;
    }
    return key;
}

static const struct rp_node *value(const struct rp_node *mapping, const char *name)
{
    const struct rp_node *key = child(mapping, name);
    return key ? key->value : NULL;
}

/* The line above the key in the file is a comment, and the block of comments it ends has doc as a line. */
static bool is_documented(const struct rp_buffer *file, const struct rp_node *key, const char *doc)
{
    const char *text = (const char *)file->bytes;
    const char *at = text;
    char line[256];
    char wanted[256];
    (void)snprintf(wanted, sizeof wanted, "# %s", doc);
    for (uint32_t i = 1; i < key->place.line; i++) {
        at = strchr(at, '\n') + 1;
    }
    while (at > text) {
        const char *end = --at;
        while (at > text && at[-1] != '\n') {
            at--;
        }
        (void)snprintf(line, sizeof line, "%.*s", (int)(end - at), at);
        const char *words = line + strspn(line, " ");
        if (*words != '#') {
            return false;
        }
        if (strcmp(words, wanted) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether some mapping of section in the reference has the key, documented. */
static bool reference_has(const struct rp_buffer *file, const struct rp_node *root,
                          const struct rp_config_key *key)
{
    const struct rp_node *section = *key->section ? value(root, key->section) : root;
    if (section && section->kind == RP_NODE_SEQUENCE) {
        for (const struct rp_node *item = section->first; item; item = item->next) {
            const struct rp_node *found = child(item, key->name);
            if (found && is_documented(file, found, key->doc)) {
                return true;
            }
        }
        return false;
    }
    const struct rp_node *found = child(section, key->name);
    return found && is_documented(file, found, key->doc);
}

static void the_reference_has_every_key_with_its_documentation(void)
{
    struct rp_buffer file = {0};
    struct rp_arena arena = {0};
    struct rp_diagnostics errors = {0};
    struct rp_node *root;
    size_t count;
    const struct rp_config_key *keys = rp_config_keys(&count);
    REQUIRE(file_read("config/tracers.yml", &file));
    REQUIRE(rp_yaml_read((char *)file.bytes, file.size, RP_YAML_DEPTH_MAX, &arena, &errors,
                         &root) == RP_OK);
    CHECK(count > 20);
    CHECK_EQ(errors.total, 0);
    for (size_t i = 0; i < count; i++) {
        if (!reference_has(&file, root, &keys[i])) {
            fprintf(stderr, "config/tracers.yml lacks %s.%s\n", keys[i].section, keys[i].name);
            CHECK(!"every key is in the reference, with the line of the table above it");
        }
    }
    rp_diagnostics_free(&errors);
    rp_arena_free(&arena);
    rp_buffer_free(&file);
}

static void the_reference_is_right(void)
{
    struct rp_buffer file = {0};
    struct rp_buffer out = {0};
    struct rp_config config = {0};
    REQUIRE(file_read("config/tracers.yml", &file));
    CHECK_EQ(rp_config_read(&config, (char *)file.bytes, file.size, NULL), RP_OK);
    CHECK_EQ(rp_diagnostics_render(&config.errors, "config/tracers.yml", &out), RP_OK);
    CHECK_EQ(out.size, 0);
    CHECK_EQ(config.tracer_count, 3);
    CHECK_EQ(config.probe_count, 1);
    rp_config_free(&config);
    rp_buffer_free(&out);
    rp_buffer_free(&file);
}

/* JSON is YAML, so our own reader reads the schema. */
static void the_schema_has_the_same_keys_in_the_same_words(void)
{
    struct rp_buffer file = {0};
    struct rp_arena arena = {0};
    struct rp_diagnostics errors = {0};
    struct rp_node *root;
    size_t count;
    size_t found = 0;
    const struct rp_config_key *keys = rp_config_keys(&count);
    REQUIRE(file_read("config/tracers.schema.json", &file));
    REQUIRE(rp_yaml_read((char *)file.bytes, file.size, 20, &arena, &errors, &root) == RP_OK);
    CHECK_EQ(errors.total, 0);
    const struct rp_node *sections = value(root, "definitions");
    for (size_t i = 0; i < count; i++) {
        const struct rp_node *section = *keys[i].section ? value(sections, keys[i].section) : root;
        const struct rp_node *key = value(value(section, "properties"), keys[i].name);
        const struct rp_node *doc = value(key, "description");
        CHECK_STR(doc ? doc->text : NULL, keys[i].doc);
    }
    for (const struct rp_node *key = sections->first; key; key = key->next) {
        const struct rp_node *properties = value(key->value, "properties");
        found += properties ? properties->size : 0;
    }
    CHECK_EQ(found + value(root, "properties")->size, count);
    rp_diagnostics_free(&errors);
    rp_arena_free(&arena);
    rp_buffer_free(&file);
}

static int is_yaml(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".yml") == 0;
}

static void check_bad_file(const char *name)
{
    struct rp_buffer text = {0};
    struct rp_buffer golden = {0};
    struct rp_buffer out = {0};
    struct rp_config config = {0};
    char path[512];
    (void)snprintf(path, sizeof path, BAD "/%s", name);
    CHECK(file_read(path, &text));
    (void)snprintf(path, sizeof path, BAD "/%.*s.txt", (int)(strlen(name) - 4), name);
    CHECK(file_read(path, &golden));
    enum rp_error error = rp_config_read(&config, (char *)text.bytes, text.size, NULL);
    CHECK_EQ(error, RP_CONFIG);
    rp_buffer_free(&text); /* config keeps nothing of it */
    CHECK_EQ(rp_diagnostics_render(&config.errors, name, &out), RP_OK);
    rp_buffer_append(&out, "", 1);
    CHECK_STR((char *)out.bytes, (char *)golden.bytes);
    rp_config_free(&config);
    rp_buffer_free(&out);
    rp_buffer_free(&golden);
}

static void every_bad_file_gives_its_messages(void)
{
    struct dirent **entries;
    int count = scandir(BAD, &entries, is_yaml, alphasort);
    CHECK(count >= 80);
    for (int i = 0; i < count; i++) {
        check_bad_file(entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
}

int main(void)
{
    RUN(the_reference_has_every_key_with_its_documentation);
    RUN(the_reference_is_right);
    RUN(the_schema_has_the_same_keys_in_the_same_words);
    RUN(every_bad_file_gives_its_messages);
    return check_finish();
}
