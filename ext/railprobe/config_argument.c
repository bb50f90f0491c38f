/*
 * The arguments of a tracer's probes: that no probe carries too many, and that no two have one name. In
 * the order in which a probe has them: those of every probe, of our helper types, of the user's own, captures.
 */
#include "config_reader.h"

#include <string.h>

static const uint32_t common_slots[] = {RP_ENTRY_COMMON, RP_RETURN_COMMON, RP_RAISE_COMMON};
static const char *const common_names[] = {"", "", "exception message"};

const struct rp_config_own_type *rp_config_own_type(const struct rp_config_reader *reader,
                                                    const struct rp_config_own_use *own)
{
    return own->index < reader->options->own_type_count ? &reader->options->own_types[own->index]
                                                        : NULL;
}

/* -- how many -- */

/* How many arguments the fullest probe of tracer carries, before captures. */
static uint32_t fixed_slots(const struct rp_config_reader *reader,
                            const struct rp_config_tracer *tracer)
{
    uint32_t slots[RP_MOMENT_COUNT] = {0};
    uint32_t most = 0;
    for (unsigned i = 0; i < RP_HELPER_COUNT; i++) {
        const struct rp_helper_facts *facts = rp_helper_facts((enum rp_helper)i);
        if (tracer->types.helpers & 1u << i) {
            uint32_t *slot = &slots[facts->moment];
            *slot = (*slot ? *slot : common_slots[facts->moment]) + facts->slots;
            *slot += i == RP_HELPER_HEADER ? reader->config->rails.header_count : 0;
        }
    }
    for (uint32_t i = 0; i < tracer->types.own_count; i++) {
        const struct rp_config_own_type *own = rp_config_own_type(reader, &tracer->types.own[i]);
        if (own) {
            uint32_t *slot = &slots[own->moment];
            *slot = (*slot ? *slot : common_slots[own->moment]) + own->slots;
        }
    }
    for (size_t i = 0; i < RP_MOMENT_COUNT; i++) {
        most = slots[i] > most ? slots[i] : most;
    }
    return most;
}

static void check_slots(struct rp_config_reader *reader, const struct rp_node *entry,
                        const struct rp_config_tracer *tracer)
{
    const struct rp_node *capture = rp_config_key_named(entry, "capture");
    const struct rp_node *types = rp_config_key_named(entry, "types");
    const struct rp_node *at = capture ? capture : types ? types : entry;
    uint32_t fixed = fixed_slots(reader, tracer);
    uint64_t slots = (uint64_t)fixed + tracer->capture_count;
    if (slots <= RP_SLOTS_MAX) {
        return;
    }
    rp_diagnostics_add(reader->errors, at->place,
                       "a probe of this tracer would carry %llu arguments, at most %d go into one",
                       (unsigned long long)slots, RP_SLOTS_MAX);
    if (fixed <= RP_SLOTS_MAX) {
        rp_diagnostics_hint(reader->errors, "its types need %u, which leaves room for %u captures",
                            fixed, RP_SLOTS_MAX - fixed);
    } else {
        rp_diagnostics_hint(reader->errors, "its types alone need %u; leave one out", fixed);
    }
}

/* -- their names -- */

/* Whether name, of size bytes, is among words that have a space between two. */
static bool is_among(const char *words, const char *name, size_t size)
{
    while (*words) {
        size_t length = strcspn(words, " ");
        if (length == size && memcmp(words, name, size) == 0) {
            return true;
        }
        words += length;
        words += *words == ' ';
    }
    return false;
}

/* Whether name is what a header is called as an argument: in lower case, with _ for -. */
static bool is_header(const struct rp_config_text *header, const char *name, size_t size)
{
    if (!header->bytes || header->size != size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        char letter = header->bytes[i];
        letter = letter == '-' ? '_' : letter;
        if ((letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter) != name[i]) {
            return false;
        }
    }
    return true;
}

/* An argument of a tracer, and where else its name is looked for: behind every other helper type. */
struct sought {
    const char *name;
    size_t size;
    uint32_t moments;   /* 1u << RP_MOMENT_... for each probe that would have it */
    uint32_t own_count; /* of the user's own types, those that come before */
};

static bool is_in(const struct sought *sought, enum rp_moment moment)
{
    return sought->moments & 1u << moment;
}

/* The helper type that has an argument of that name already, or NULL. */
static const char *type_with(const struct rp_config_reader *reader,
                             const struct rp_config_tracer *tracer, const struct sought *sought)
{
    const struct rp_config_rails *rails = &reader->config->rails;
    for (unsigned i = 0; i < RP_HELPER_COUNT; i++) {
        const struct rp_helper_facts *facts = rp_helper_facts((enum rp_helper)i);
        bool has = is_among(facts->arguments, sought->name, sought->size);
        for (uint32_t h = 0; i == RP_HELPER_HEADER && h < rails->header_count; h++) {
            has = has || is_header(&rails->headers[h], sought->name, sought->size);
        }
        if (has && tracer->types.helpers & 1u << i && is_in(sought, facts->moment)) {
            return facts->name;
        }
    }
    for (uint32_t i = 0; i < sought->own_count; i++) {
        const struct rp_config_own_type *own = rp_config_own_type(reader, &tracer->types.own[i]);
        if (own && is_in(sought, own->moment) &&
            is_among(own->arguments, sought->name, sought->size)) {
            return own->name;
        }
    }
    for (unsigned moment = 0; moment < RP_MOMENT_COUNT; moment++) {
        if (is_in(sought, (enum rp_moment)moment) &&
            is_among(common_names[moment], sought->name, sought->size)) {
            return rp_helper_facts(RP_HELPER_EXCEPTION)->name;
        }
    }
    return NULL;
}

static void refuse_name(struct rp_config_reader *reader, struct rp_place place,
                        const struct sought *sought, const char *type)
{
    rp_diagnostics_add(reader->errors, place, "the argument %s is there already",
                       rp_quote(sought->name, sought->size).text);
    rp_diagnostics_hint(reader->errors, "the type %s has it; name this one otherwise", type);
}

static void check_own_names(struct rp_config_reader *reader, const struct rp_config_tracer *tracer)
{
    for (uint32_t i = 0; i < tracer->types.own_count; i++) {
        const struct rp_config_own_use *use = &tracer->types.own[i];
        const struct rp_config_own_type *own = rp_config_own_type(reader, use);
        const char *name = own ? own->arguments : "";
        while (*name) {
            struct sought sought = {name, strcspn(name, " "), 1u << own->moment, i};
            const char *type = type_with(reader, tracer, &sought);
            if (type) {
                refuse_name(reader, use->name.place, &sought, type);
            }
            name += sought.size;
            name += *name == ' ';
        }
    }
}

/* The probes that tracer has: 1u << RP_MOMENT_... for each. */
static uint32_t moments_of(const struct rp_config_reader *reader,
                           const struct rp_config_tracer *tracer)
{
    uint32_t moments = 0;
    for (unsigned i = 0; i < RP_HELPER_COUNT; i++) {
        if (tracer->types.helpers & 1u << i) {
            moments |= 1u << rp_helper_facts((enum rp_helper)i)->moment;
        }
    }
    for (uint32_t i = 0; i < tracer->types.own_count; i++) {
        const struct rp_config_own_type *own = rp_config_own_type(reader, &tracer->types.own[i]);
        moments |= own ? 1u << own->moment : 0;
    }
    return moments;
}

static void check_capture_names(struct rp_config_reader *reader, const struct rp_node *entry,
                                const struct rp_config_tracer *tracer)
{
    const struct rp_node *capture = rp_config_key_named(entry, "capture");
    for (uint32_t i = 0; i < tracer->capture_count && tracer->captures[i].name; i++) {
        const char *name = tracer->captures[i].name;
        struct sought sought = {name, strlen(name), moments_of(reader, tracer),
                                tracer->types.own_count};
        const char *type = type_with(reader, tracer, &sought);
        if (type) {
            refuse_name(reader, rp_config_key_named(capture->value, name)->place, &sought, type);
        }
    }
}

void rp_config_check_arguments(struct rp_config_reader *reader, const struct rp_node *entry,
                               const struct rp_config_tracer *tracer)
{
    check_slots(reader, entry, tracer);
    check_own_names(reader, tracer);
    check_capture_names(reader, entry, tracer);
}
