/*
 * The probes of this process, by name.
 *
 * A probe is one allocation: the struct, its arguments, then all its strings. The table is hashed
 * by the mangled pair, which is what must be unique.
 */
#include "registry.h"

#include "measure.h"
#include "name.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

/* -- firing -- */

/* Two Ractors may be at it: the meter of one of them stays. */
struct rp_meter *rp_probe_make_meter(struct rp_probe *probe)
{
    struct rp_meter *there = NULL;
    struct rp_meter *meter = calloc(1, sizeof *meter);
    if (meter && !atomic_compare_exchange_strong(&probe->meter, &there, meter)) {
        free(meter);
        meter = there;
    }
    return meter;
}

static void trip(struct rp_probe *probe, struct rp_meter *meter)
{
    const uint32_t pause = atomic_load(&rp_limits.pause);
    const uint64_t until = rp_now_ns() + (uint64_t)pause * 1000000000;
    atomic_store(&meter->rate, atomic_load(&rp_limits.rate));
    atomic_store(&meter->pause, pause);
    atomic_store(&meter->until, until);
    if (!atomic_exchange(&probe->is_tripped, true)) {
        atomic_fetch_add(&meter->trips, 1);
        rp_limit_note_trip(until);
    }
}

/* What is tripped stays so, however long ago its firings were. */
bool rp_probe_look(struct rp_probe *probe, uint64_t number)
{
    struct rp_meter *meter = rp_probe_meter(probe);
    if (!number && meter) {
        number = rp_meter_count(meter);
    }
    if (!number) {
        return true;
    }
    if (rp_probe_is_tripped(probe)) {
        return false;
    }
    bool keeps = rp_meter_look(meter, number);
    if (!keeps) {
        trip(probe, meter);
    }
    return keeps;
}

void rp_sites_fire(const struct rp_site *site, const uint64_t slots[RP_SLOTS_MAX])
{
    for (; site; site = atomic_load_explicit(&site->next, memory_order_acquire)) {
        rp_site_fire(site, slots);
    }
}

/* -- the table -- */

static size_t hash(const char *provider, const char *name)
{
    uint64_t value = 0xcbf29ce484222325; /* FNV-1a */
    for (const char *c = provider; *c; c++) {
        value = (value ^ (unsigned char)*c) * 0x100000001b3;
    }
    value = (value ^ ':') * 0x100000001b3;
    for (const char *c = name; *c; c++) {
        value = (value ^ (unsigned char)*c) * 0x100000001b3;
    }
    return (size_t)(value ^ value >> 32);
}

/* The slot that holds the mangled pair, or the free one where it would go. The table is never full.
 */
static struct rp_probe **slot_of(const struct rp_registry *registry, const char *provider,
                                 const char *name)
{
    size_t mask = registry->capacity - 1;
    size_t at = hash(provider, name) & mask;
    while (registry->table[at]) {
        const struct rp_declaration *declaration = &registry->table[at]->declaration;
        if (strcmp(declaration->name, name) == 0 && strcmp(declaration->provider, provider) == 0) {
            break;
        }
        at = (at + 1) & mask;
    }
    return &registry->table[at];
}

/* Room for one more at three quarters full at most. */
static bool make_room(struct rp_registry *registry)
{
    if (4 * (registry->count + 1) <= 3 * registry->capacity) {
        return true;
    }
    struct rp_registry larger = {.capacity = registry->capacity ? 2 * registry->capacity
                                                                : (size_t)FIRST_CAPACITY,
                                 .count = registry->count};
    larger.table = calloc(larger.capacity, sizeof *larger.table);
    if (!larger.table) {
        return false;
    }
    for (size_t i = 0; i < registry->capacity; i++) {
        struct rp_probe *probe = registry->table[i];
        if (probe) {
            *slot_of(&larger, probe->declaration.provider, probe->declaration.name) = probe;
        }
    }
    free(registry->table);
    *registry = larger;
    return true;
}

/* -- a probe -- */

/* Copies text to *at, which then stands behind it, and gives the copy. */
static const char *put(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

/* The name as the end of the label, which it is unless it was mangled: it needs no copy then. */
static const char *name_in_label(const struct rp_declaration *declaration)
{
    size_t label = strlen(declaration->label);
    size_t name = strlen(declaration->name);
    const char *end = declaration->label + (label > name ? label - name : 0);
    return strcmp(end, declaration->name) == 0 ? end : NULL;
}

static size_t strings_size(const struct rp_declaration *declaration)
{
    size_t size = strlen(declaration->provider) + strlen(declaration->label) + 2;
    if (!name_in_label(declaration)) {
        size += strlen(declaration->name) + 1;
    }
    for (uint32_t i = 0; i < declaration->argument_count; i++) {
        size += strlen(declaration->arguments[i].name) + 1;
    }
    return size;
}

size_t rp_probe_size(const struct rp_probe *probe)
{
    const struct rp_declaration *declaration = &probe->declaration;
    const struct rp_meter *meter = atomic_load(&probe->meter);
    return sizeof *probe + declaration->argument_count * sizeof *declaration->arguments +
           strings_size(declaration) + (meter ? sizeof *meter : 0);
}

/* Sizes are bounded by RP_SLOTS_MAX and by what the caller's strings already take in memory. */
static struct rp_probe *make_probe(const struct rp_declaration *declaration)
{
    size_t arguments_size = declaration->argument_count * sizeof *declaration->arguments;
    struct rp_probe *probe = calloc(1, sizeof *probe + arguments_size + strings_size(declaration));
    if (!probe) {
        return NULL;
    }
    struct rp_argument *arguments = (struct rp_argument *)(void *)(probe + 1);
    char *strings = (char *)arguments + arguments_size;
    probe->declaration = *declaration;
    probe->declaration.provider = put(&strings, declaration->provider);
    probe->declaration.label = put(&strings, declaration->label);
    probe->declaration.name = name_in_label(&probe->declaration);
    if (!probe->declaration.name) {
        probe->declaration.name = put(&strings, declaration->name);
    }
    probe->declaration.arguments = arguments;
    for (uint32_t i = 0; i < declaration->argument_count; i++) {
        arguments[i].name = put(&strings, declaration->arguments[i].name);
        arguments[i].type = declaration->arguments[i].type;
    }
    probe->slots = (uint8_t)rp_declaration_slots(declaration);
    probe->is_declared = true;
    return probe;
}

void rp_probe_free(struct rp_probe *probe)
{
    if (probe) {
        free(atomic_load(&probe->meter));
    }
    free(probe);
}

/* -- declaring, finding, removing -- */

static enum rp_error add(struct rp_registry *registry, const struct rp_declaration *mangled,
                         struct rp_probe **probe)
{
    if (!make_room(registry)) {
        return RP_MEMORY;
    }
    struct rp_probe **slot = slot_of(registry, mangled->provider, mangled->name);
    if (*slot) {
        *probe = *slot;
        if (strcmp((*slot)->declaration.label, mangled->label) != 0) {
            return RP_NAME_CLASH;
        }
        return rp_declaration_has_arguments_of(&(*slot)->declaration, mangled) ? RP_OK
                                                                               : RP_SIGNATURE;
    }
    *slot = make_probe(mangled);
    *probe = *slot;
    registry->count += *slot != NULL;
    return *slot ? RP_OK : RP_MEMORY;
}

enum rp_error rp_registry_declare(struct rp_registry *registry,
                                  const struct rp_declaration *declaration, struct rp_probe **probe)
{
    char provider[RP_NAME_MAX + 1];
    char name[RP_NAME_MAX + 1];
    struct rp_buffer label = {0};
    struct rp_declaration mangled = *declaration;
    *probe = NULL;
    enum rp_error error =
        rp_name_mangle(declaration->provider, strlen(declaration->provider), provider);
    if (!error && strlen(provider) > RP_PROVIDER_MAX) {
        error = RP_NAME_LONG;
    }
    if (!error) {
        error = rp_name_mangle(declaration->name, strlen(declaration->name), name);
    }
    if (!error && rp_declaration_slots(declaration) > RP_SLOTS_MAX) {
        error = RP_ARGUMENTS;
    }
    if (!error) {
        rp_buffer_text(&label, declaration->provider);
        rp_buffer_text(&label, ":");
        rp_buffer_string(&label, declaration->name);
        error = rp_buffer_error(&label);
    }
    if (!error) {
        mangled.provider = provider;
        mangled.name = name;
        mangled.label = (const char *)label.bytes;
        error = add(registry, &mangled, probe);
    }
    rp_buffer_free(&label);
    return error;
}

/* Whether the probe goes by these names: as it was declared, or as readers see it. */
static bool is_named(const struct rp_probe *probe, const char *provider, const char *name)
{
    const struct rp_declaration *declaration = &probe->declaration;
    size_t size = strlen(provider);
    bool is_label = strncmp(declaration->label, provider, size) == 0 &&
                    declaration->label[size] == ':' &&
                    strcmp(declaration->label + size + 1, name) == 0;
    return is_label ||
           (strcmp(declaration->provider, provider) == 0 && strcmp(declaration->name, name) == 0);
}

struct rp_probe *rp_registry_find(const struct rp_registry *registry, const char *provider,
                                  const char *name)
{
    char mangled_provider[RP_NAME_MAX + 1];
    char mangled_name[RP_NAME_MAX + 1];
    if (!registry->count || rp_name_mangle(provider, strlen(provider), mangled_provider) ||
        rp_name_mangle(name, strlen(name), mangled_name)) {
        return NULL;
    }
    struct rp_probe *probe = *slot_of(registry, mangled_provider, mangled_name);
    return probe && is_named(probe, provider, name) ? probe : NULL;
}

void rp_registry_remove(struct rp_registry *registry, struct rp_probe *probe)
{
    size_t mask = registry->capacity - 1;
    struct rp_probe **slot =
        slot_of(registry, probe->declaration.provider, probe->declaration.name);
    if (*slot != probe) {
        return;
    }
    *slot = NULL;
    registry->count--;
    probe->is_declared = false;
    /* Those behind it may have been put there because it was in the way: put them anew. */
    for (size_t at = ((size_t)(slot - registry->table) + 1) & mask; registry->table[at];
         at = (at + 1) & mask) {
        struct rp_probe *moved = registry->table[at];
        registry->table[at] = NULL;
        *slot_of(registry, moved->declaration.provider, moved->declaration.name) = moved;
    }
}

static int compare(const void *left, const void *right)
{
    const struct rp_declaration *a = &(*(struct rp_probe *const *)left)->declaration;
    const struct rp_declaration *b = &(*(struct rp_probe *const *)right)->declaration;
    int order = strcmp(a->provider, b->provider);
    return order ? order : strcmp(a->name, b->name);
}

struct rp_probe **rp_registry_sorted(const struct rp_registry *registry)
{
    size_t count = 0;
    struct rp_probe **probes = calloc(registry->count + 1, sizeof *probes);
    for (size_t i = 0; probes && i < registry->capacity; i++) {
        if (registry->table[i]) {
            probes[count++] = registry->table[i];
        }
    }
    if (count > 1) {
        qsort(probes, count, sizeof *probes, compare);
    }
    return probes;
}
