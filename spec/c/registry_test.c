/*
 * registry.h: declaring, finding, removing, against a list that does the same the slow way; firing.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup
#include "registry.h"

#include "name.h"

#include "check.h"
#include "fault.h"
#include "samples.h"

FAULT_ALLOCATIONS

static struct rp_registry registry;

static enum rp_error declare(const char *provider, const char *name, uint32_t arguments,
                             struct rp_probe **probe)
{
    const struct rp_declaration declaration = sample(provider, name, arguments);
    return rp_registry_declare(&registry, &declaration, probe);
}

static void end(void)
{
    for (size_t i = 0; i < registry.capacity; i++) {
        rp_probe_free(registry.table[i]);
    }
    free(registry.table);
    registry = (struct rp_registry){0};
}

static void a_declaration_is_mangled_labelled_and_copied(void)
{
    struct rp_probe *probe = NULL;
    char provider[] = "stock";
    char name[] = "low?";
    CHECK_EQ(declare(provider, name, 11, &probe), RP_OK);
    memset(provider, '#', sizeof provider - 1);
    memset(name, '#', sizeof name - 1);
    REQUIRE(probe != NULL);
    CHECK_STR(probe->declaration.provider, "stock");
    CHECK_STR(probe->declaration.name, "low_p");
    CHECK_STR(probe->declaration.label, "stock:low?");
    CHECK_EQ(probe->declaration.argument_count, 11);
    CHECK_EQ(probe->slots, 12);
    for (uint32_t i = 0; i < 11; i++) {
        CHECK(probe->declaration.arguments[i].name != sample_arguments[i].name);
        CHECK_STR(probe->declaration.arguments[i].name, sample_arguments[i].name);
        CHECK_EQ(probe->declaration.arguments[i].type, sample_arguments[i].type);
    }
    CHECK(probe->is_declared && !probe->was_attached && !probe->image && !probe->owner);
    CHECK(!rp_probe_is_attached(probe));
    CHECK(rp_probe_size(probe) > sizeof *probe + 11 * sizeof(struct rp_argument));
    end();
}

static void the_same_again_is_the_same_probe(void)
{
    struct rp_probe *first = NULL;
    struct rp_probe *second = NULL;
    CHECK_EQ(declare("p", "n", 3, &first), RP_OK);
    CHECK_EQ(declare("p", "n", 3, &second), RP_OK);
    CHECK(first == second);
    CHECK_EQ(registry.count, 1);
    end();
}

static void other_arguments_are_refused(void)
{
    static const struct rp_argument renamed = {"SKU", RP_TYPE_STRING};
    static const struct rp_argument retyped = {"sku", RP_TYPE_SYMBOL};
    struct rp_probe *first = NULL;
    struct rp_probe *other = NULL;
    struct rp_declaration declaration = sample("p", "n", 1);
    CHECK_EQ(declare("p", "n", 1, &first), RP_OK);
    CHECK_EQ(declare("p", "n", 2, &other), RP_SIGNATURE);
    CHECK(other == first);
    CHECK_EQ(declare("p", "n", 0, &other), RP_SIGNATURE);
    declaration.arguments = &renamed;
    CHECK_EQ(rp_registry_declare(&registry, &declaration, &other), RP_SIGNATURE);
    declaration.arguments = &retyped;
    CHECK_EQ(rp_registry_declare(&registry, &declaration, &other), RP_SIGNATURE);
    CHECK(other == first);
    end();
}

static void names_that_clash_are_told_with_the_one_in_the_way(void)
{
    struct rp_probe *first = NULL;
    struct rp_probe *other = NULL;
    CHECK_EQ(declare("p", "paid?", 0, &first), RP_OK);
    CHECK_EQ(declare("p", "paid_p", 0, &other), RP_NAME_CLASH);
    CHECK(other == first);
    CHECK_EQ(declare("p", "plus", 0, &first), RP_OK);
    CHECK_EQ(declare("p", "+", 0, &other), RP_NAME_CLASH);
    CHECK_STR(other->declaration.label, "p:plus");
    CHECK_EQ(declare("a b", "n", 0, &first), RP_OK);
    CHECK_EQ(declare("a-b", "n", 0, &other), RP_NAME_CLASH);
    CHECK(other == first);
    CHECK_EQ(declare("q", "paid_p", 0, &other), RP_OK);
    end();
}

static void bad_declarations_leave_nothing(void)
{
    char text[RP_NAME_MAX + 2];
    struct rp_probe *probe = (struct rp_probe *)text;
    memset(text, 'x', sizeof text);
    text[RP_NAME_MAX + 1] = '\0';
    CHECK_EQ(declare("", "n", 0, &probe), RP_NAME_EMPTY);
    CHECK(probe == NULL);
    CHECK_EQ(declare("p", "", 0, &probe), RP_NAME_EMPTY);
    CHECK_EQ(declare("\xff", "n", 0, &probe), RP_NAME_INVALID);
    CHECK_EQ(declare("p", "\xff", 0, &probe), RP_NAME_INVALID);
    CHECK_EQ(declare("p", text, 0, &probe), RP_NAME_LONG);
    CHECK_EQ(declare("p", "n", 12, &probe), RP_ARGUMENTS);
    text[RP_PROVIDER_MAX + 1] = '\0';
    CHECK_EQ(declare(text, "n", 0, &probe), RP_NAME_LONG);
    CHECK_EQ(registry.count, 0);
    CHECK(rp_registry_find(&registry, "p", "n") == NULL);
    text[RP_PROVIDER_MAX] = '\0';
    CHECK_EQ(declare(text, "n", 0, &probe), RP_OK);
    CHECK(rp_registry_find(&registry, "\xff", "n") == NULL);
    CHECK(rp_registry_find(&registry, "p", "") == NULL);
    end();
}

static void a_probe_is_found_by_what_was_written(void)
{
    struct rp_probe *probe = NULL;
    CHECK(rp_registry_find(&registry, "p", "n?") == NULL);
    CHECK_EQ(declare("p", "n?", 0, &probe), RP_OK);
    CHECK(rp_registry_find(&registry, "p", "n?") == probe);
    CHECK(rp_registry_find(&registry, "p", "n") == NULL);
    CHECK(rp_registry_find(&registry, "q", "n?") == NULL);
    end();
}

static void what_is_removed_can_be_declared_anew(void)
{
    struct rp_probe *first = NULL;
    struct rp_probe *second = NULL;
    CHECK_EQ(declare("p", "n", 1, &first), RP_OK);
    rp_registry_remove(&registry, first);
    CHECK(!first->is_declared);
    CHECK_EQ(registry.count, 0);
    CHECK(rp_registry_find(&registry, "p", "n") == NULL);
    rp_registry_remove(&registry, first);
    CHECK_EQ(registry.count, 0);
    CHECK_EQ(declare("p", "n", 2, &second), RP_OK);
    CHECK(second != first);
    rp_registry_remove(&registry, first); /* not the one of that name any more */
    CHECK(rp_registry_find(&registry, "p", "n") == second);
    rp_probe_free(first);
    end();
}

static void the_order_depends_on_the_names_only(void)
{
    static const char *const names[][2] = {{"b", "a"}, {"a", "z"}, {"a", "b"},
                                           {"B", "a"}, {"a", "B"}, {"ab", "a"}};
    static const char *const sorted[] = {"B:a", "a:B", "a:b", "a:z", "ab:a", "b:a"};
    for (int round = 0; round < 6; round++) {
        struct rp_probe *probe = NULL;
        for (int i = 0; i < 6; i++) {
            CHECK_EQ(declare(names[(i + round) % 6][0], names[(i + round) % 6][1], 0, &probe),
                     RP_OK);
        }
        struct rp_probe **probes = rp_registry_sorted(&registry);
        REQUIRE(probes != NULL);
        for (int i = 0; i < 6; i++) {
            CHECK_STR(probes[i]->declaration.label, sorted[i]);
        }
        free(probes);
        end();
    }
    struct rp_probe **none = rp_registry_sorted(&registry);
    CHECK(none != NULL);
    free(none);
}

/* -- against an oracle -- */

enum { ORACLE_MAX = 400, ROUNDS = 12000 };

static struct {
    char provider[4];
    char name[4];
    char pair[2 * RP_NAME_MAX + 2];
    uint32_t arguments;
    struct rp_probe *probe; /* NULL: not declared */
} oracle[ORACLE_MAX];
static size_t oracle_count;

/* Names of few characters, so that many are the same once mangled. */
static void random_name(uint64_t *state, char out[4])
{
    static const char characters[] = "ab?!+-_p";
    size_t size = 1 + sample_random(state) % 3;
    for (size_t i = 0; i < size; i++) {
        out[i] = characters[sample_random(state) % (sizeof characters - 1)];
    }
    out[size] = '\0';
}

static void mangle_pair(const char *provider, const char *name, char out[2 * RP_NAME_MAX + 2])
{
    char mangled[2][RP_NAME_MAX + 1];
    CHECK_EQ(rp_name_mangle(provider, strlen(provider), mangled[0]), RP_OK);
    CHECK_EQ(rp_name_mangle(name, strlen(name), mangled[1]), RP_OK);
    (void)snprintf(out, 2 * RP_NAME_MAX + 2, "%s:%s", mangled[0], mangled[1]);
}

/* The entry that mangles to the same pair, or the last free one. */
static size_t oracle_find(const char *provider, const char *name)
{
    char pair[2 * RP_NAME_MAX + 2];
    mangle_pair(provider, name, pair);
    size_t free_entry = oracle_count;
    for (size_t i = 0; i < oracle_count; i++) {
        if (!oracle[i].probe) {
            free_entry = i;
        } else if (strcmp(oracle[i].pair, pair) == 0) {
            return i;
        }
    }
    return free_entry;
}

static bool is_taken(size_t entry)
{
    return entry < oracle_count && oracle[entry].probe;
}

static enum rp_error oracle_declare(const char *provider, const char *name, uint32_t arguments)
{
    size_t entry = oracle_find(provider, name);
    if (!is_taken(entry)) {
        return RP_OK;
    }
    if (strcmp(oracle[entry].provider, provider) || strcmp(oracle[entry].name, name)) {
        return RP_NAME_CLASH;
    }
    return oracle[entry].arguments == arguments ? RP_OK : RP_SIGNATURE;
}

static void random_declare(const char *provider, const char *name, uint32_t arguments)
{
    struct rp_probe *probe = NULL;
    size_t entry = oracle_find(provider, name);
    struct rp_probe *known = is_taken(entry) ? oracle[entry].probe : NULL;
    enum rp_error expected = oracle_declare(provider, name, arguments);
    CHECK_EQ(declare(provider, name, arguments, &probe), expected);
    CHECK(!known || probe == known);
    if (!known && entry < ORACLE_MAX) {
        (void)snprintf(oracle[entry].provider, sizeof oracle[entry].provider, "%s", provider);
        (void)snprintf(oracle[entry].name, sizeof oracle[entry].name, "%s", name);
        mangle_pair(provider, name, oracle[entry].pair);
        oracle[entry].arguments = arguments;
        oracle[entry].probe = probe;
        oracle_count += entry == oracle_count;
    }
}

/* A probe is found by the names it was declared with, and by those that readers see. */
static bool goes_by(size_t entry, const char *provider, const char *name)
{
    char given[2 * RP_NAME_MAX + 2];
    (void)snprintf(given, sizeof given, "%s:%s", provider, name);
    return strcmp(oracle[entry].pair, given) == 0 ||
           (strcmp(oracle[entry].provider, provider) == 0 && strcmp(oracle[entry].name, name) == 0);
}

static void random_remove(const char *provider, const char *name)
{
    size_t entry = oracle_find(provider, name);
    struct rp_probe *found = rp_registry_find(&registry, provider, name);
    bool is_known = is_taken(entry) && goes_by(entry, provider, name);
    CHECK(found == (is_known ? oracle[entry].probe : NULL));
    if (found) {
        rp_registry_remove(&registry, found);
        rp_probe_free(found);
        oracle[entry].probe = NULL;
    }
}

static void at_random_it_does_what_a_list_does(void)
{
    uint64_t state = 23;
    size_t most = 0;
    for (int round = 0; round < ROUNDS && !check_state.failing; round++) {
        char provider[4];
        char name[4];
        random_name(&state, provider);
        random_name(&state, name);
        provider[1] = '\0';
        bool is_growing = round / 2000 % 2 == 0;
        if (sample_random(&state) % 4 < (is_growing ? 3u : 1u) && oracle_count < ORACLE_MAX) {
            random_declare(provider, name, sample_random(&state) % 8 == 0);
        } else {
            random_remove(provider, name);
        }
        size_t count = 0;
        for (size_t i = 0; i < oracle_count; i++) {
            count += oracle[i].probe != NULL;
        }
        CHECK_EQ(registry.count, count);
        most = count > most ? count : most;
    }
    for (size_t i = 0; i < oracle_count && !check_state.failing; i++) {
        if (oracle[i].probe) {
            CHECK(rp_registry_find(&registry, oracle[i].provider, oracle[i].name) ==
                  oracle[i].probe);
        }
    }
    CHECK(most > 150);
    end();
}

static void thousands_are_found_again(void)
{
    struct rp_probe *probe = NULL;
    const struct rp_declaration *declarations = samples(SAMPLES_MAX, 100);
    for (uint32_t i = 0; i < SAMPLES_MAX; i++) {
        REQUIRE(rp_registry_declare(&registry, &declarations[i], &probe) == RP_OK);
    }
    CHECK_EQ(registry.count, SAMPLES_MAX);
    CHECK(registry.capacity >= SAMPLES_MAX * 4 / 3 && registry.capacity <= SAMPLES_MAX * 4);
    for (uint32_t i = 0; i < SAMPLES_MAX; i++) {
        probe = rp_registry_find(&registry, declarations[i].provider, declarations[i].name);
        REQUIRE(probe != NULL);
        CHECK_STR(probe->declaration.name, declarations[i].name);
    }
    end();
}

/* -- firing -- */

static uint64_t received[2][RP_SLOTS_MAX];
static unsigned hits[2];

#define RECEIVER(number)                                                                           \
    static void receive_##number(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,       \
                                 uint64_t f, uint64_t g, uint64_t h, uint64_t i, uint64_t j,       \
                                 uint64_t k, uint64_t l)                                           \
    {                                                                                              \
        const uint64_t slots[] = {a, b, c, d, e, f, g, h, i, j, k, l};                             \
        memcpy(received[number], slots, sizeof slots);                                             \
        hits[number]++;                                                                            \
    }
RECEIVER(0)
RECEIVER(1)

typedef void receiver(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                      uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

static void every_attached_site_gets_all_slots(void)
{
    static const uint64_t slots[RP_SLOTS_MAX] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, UINT64_MAX};
    receiver *const receivers[] = {receive_0, receive_1};
    volatile uint16_t semaphores[2] = {0, 0};
    struct rp_site sites[2] = {{.semaphore = &semaphores[0]}, {.semaphore = &semaphores[1]}};
    struct rp_probe *probe = NULL;
    memcpy(&sites[0].address, &receivers[0], sizeof receivers[0]);
    memcpy(&sites[1].address, &receivers[1], sizeof receivers[1]);
    CHECK_EQ(declare("p", "n", 0, &probe), RP_OK);
    rp_probe_fire(probe, slots); /* without a site yet */
    atomic_store(&sites[0].next, &sites[1]);
    atomic_store(&probe->sites, &sites[0]);
    for (unsigned up = 0; up < 4; up++) {
        semaphores[0] = up & 1;
        semaphores[1] = up & 2 ? 65535 : 0;
        memset(received, 0, sizeof received);
        hits[0] = hits[1] = 0;
        CHECK_EQ(rp_probe_is_attached(probe), up != 0);
        rp_probe_fire(probe, slots);
        for (unsigned i = 0; i < 2; i++) {
            const bool is_up = (up >> i & 1) != 0;
            CHECK_EQ(hits[i], is_up);
            CHECK_EQ(memcmp(received[i], slots, sizeof slots) == 0, is_up);
        }
    }
    end();
}

static void without_memory_nothing_is_half_declared(void)
{
    unsigned failures = 0;
    struct rp_probe *probe = NULL;
    for (unsigned n = 1; fault_in(&fault_allocation, n); n++) {
        enum rp_error error = declare("p", "n", 5, &probe);
        bool failed = fault_end(&fault_allocation);
        CHECK_EQ(error, failed ? RP_MEMORY : RP_OK);
        CHECK_EQ(probe == NULL, failed);
        CHECK_EQ(registry.count, !failed);
        failures += failed;
        end();
    }
    CHECK_EQ(failures, 3);
    CHECK_EQ(declare("p", "n", 5, &probe), RP_OK);
    fault_begin(&fault_allocation, 1);
    CHECK(rp_registry_sorted(&registry) == NULL);
    CHECK(fault_end(&fault_allocation));
    for (unsigned i = 0; registry.count < 48; i++) { /* three quarters of the first table */
        char name[16];
        (void)snprintf(name, sizeof name, "n%u", i);
        CHECK_EQ(declare("p", name, 0, &probe), RP_OK);
    }
    fault_begin(&fault_allocation, 2);
    CHECK_EQ(declare("p", "more", 0, &probe), RP_MEMORY);
    CHECK(fault_end(&fault_allocation));
    CHECK_EQ(registry.count, 48);
    CHECK(rp_registry_find(&registry, "p", "n7") != NULL);
    end();
}

int main(void)
{
    RUN(a_declaration_is_mangled_labelled_and_copied);
    RUN(the_same_again_is_the_same_probe);
    RUN(other_arguments_are_refused);
    RUN(names_that_clash_are_told_with_the_one_in_the_way);
    RUN(bad_declarations_leave_nothing);
    RUN(a_probe_is_found_by_what_was_written);
    RUN(what_is_removed_can_be_declared_anew);
    RUN(the_order_depends_on_the_names_only);
    RUN(at_random_it_does_what_a_list_does);
    RUN(thousands_are_found_again);
    RUN(every_attached_site_gets_all_slots);
    RUN(without_memory_nothing_is_half_declared);
    return check_finish();
}
