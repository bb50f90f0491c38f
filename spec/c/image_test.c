/*
 * image.h: the bytes of an image, read back with nothing but elf.h, for both machines and both sites.
 */
// LINK: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup
// LINK: -Wl,--wrap=mmap -Wl,--wrap=mremap
#include "image.h"

#include "check.h"
#include "fault.h"
#include "samples.h"

FAULT_ALLOCATIONS
/* What large buffers are made of. */
FAULT_WRAP(&fault_allocation, void *, mmap,
           (void *at, size_t size, int protection, int flags, int fd, off_t offset),
           (at, size, protection, flags, fd, offset), MAP_FAILED, ENOMEM)
FAULT_REMAP(&fault_allocation)

static struct rp_buffer bytes;
static struct rp_layout layout;

static enum rp_error build_for(const struct rp_declaration *declarations, size_t count,
                               enum rp_machine machine, enum rp_site_kind site)
{
    rp_buffer_free(&bytes);
    rp_layout_free(&layout);
    return rp_image_build(declarations, count, machine, site, &bytes, &layout);
}

static enum rp_error build(const struct rp_declaration *declarations, size_t count)
{
    return build_for(declarations, count, RP_X86_64, RP_SITE_SAFE);
}

static void release(void)
{
    rp_buffer_free(&bytes);
    rp_layout_free(&layout);
}

/* The section header of that name, or one of type SHT_NULL. */
static Elf64_Shdr section(const char *name, unsigned *number)
{
    Elf64_Ehdr header;
    Elf64_Shdr names;
    Elf64_Shdr found = {0};
    memcpy(&header, bytes.bytes, sizeof header);
    const uint8_t *table = bytes.bytes + header.e_shoff;
    memcpy(&names, table + (size_t)header.e_shstrndx * sizeof names, sizeof names);
    for (unsigned i = 0; i < header.e_shnum; i++) {
        Elf64_Shdr candidate;
        memcpy(&candidate, table + i * sizeof candidate, sizeof candidate);
        if (strcmp((char *)bytes.bytes + names.sh_offset + candidate.sh_name, name) == 0) {
            found = candidate;
            *number = i;
        }
    }
    return found;
}

struct note {
    uint64_t location;
    uint64_t base;
    uint64_t semaphore;
    const char *provider;
    const char *name;
    const char *arguments;
};

/* The note that begins at *offset, which then is where the next one begins. */
static struct note read_note(uint64_t *offset)
{
    uint32_t header[3];
    struct note note;
    memcpy(header, bytes.bytes + *offset, sizeof header);
    const char *owner = (const char *)bytes.bytes + *offset + sizeof header;
    const char *descriptor = owner + (header[0] + 3) / 4 * 4;
    CHECK_STR(owner, "stapsdt");
    CHECK_EQ(header[2], 3);
    memcpy(&note.location, descriptor, 8);
    memcpy(&note.base, descriptor + 8, 8);
    memcpy(&note.semaphore, descriptor + 16, 8);
    note.provider = descriptor + 24;
    note.name = note.provider + strlen(note.provider) + 1;
    note.arguments = note.name + strlen(note.name) + 1;
    CHECK_EQ(header[1], note.arguments + strlen(note.arguments) + 1 - descriptor);
    *offset = (uint64_t)(descriptor - (const char *)bytes.bytes) + (header[1] + 3) / 4 * 4;
    return note;
}

static void nothing_declared_is_nothing_to_build(void)
{
    CHECK_EQ(build(NULL, 0), RP_NO_PROBES);
    release();
}

static void too_many_are_refused_before_anything_is_read(void)
{
    CHECK_EQ(build(NULL, UINT32_MAX / 1024 + 1), RP_SIZE);
    CHECK_EQ(build(NULL, SIZE_MAX), RP_SIZE);
    release();
}

static void names_are_checked(void)
{
    char text[RP_NAME_MAX + 2];
    static const char *const bad[] = {"1a", "a-b", "a b", "\xc3\xa9", "a.b", "a\n"};
    struct rp_declaration declaration = sample("", "n", 0);
    CHECK_EQ(build(&declaration, 1), RP_NAME_EMPTY);
    declaration = sample("p", "", 0);
    CHECK_EQ(build(&declaration, 1), RP_NAME_EMPTY);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        declaration = sample(bad[i], "n", 0);
        CHECK_EQ(build(&declaration, 1), RP_NAME_INVALID);
        declaration = sample("p", bad[i], 0);
        CHECK_EQ(build(&declaration, 1), RP_NAME_INVALID);
    }
    memset(text, 'x', sizeof text);
    text[RP_NAME_MAX + 1] = '\0';
    declaration = sample("p", text, 0);
    CHECK_EQ(build(&declaration, 1), RP_NAME_LONG);
    text[RP_NAME_MAX] = '\0';
    CHECK_EQ(build(&declaration, 1), RP_OK);
    declaration = sample(text, "n", 0);
    CHECK_EQ(build(&declaration, 1), RP_NAME_LONG);
    text[RP_PROVIDER_MAX] = '\0';
    CHECK_EQ(build(&declaration, 1), RP_OK);
    release();
}

static void twelve_slots_and_no_thirteenth(void)
{
    struct rp_declaration declaration = sample("p", "n", 11); /* bytes is among them: 12 slots */
    CHECK_EQ(build(&declaration, 1), RP_OK);
    declaration = sample("p", "n", 12);
    CHECK_EQ(build(&declaration, 1), RP_ARGUMENTS);
    release();
}

static void a_group_is_at_most_its_bound(void)
{
    struct rp_declaration declarations[] = {sample("p", "a", 0), sample("p", "b", 0)};
    declarations[1].group = RP_GROUP_MAX;
    CHECK_EQ(build(declarations, 2), RP_OK);
    declarations[1].group = RP_GROUP_MAX + 1;
    CHECK_EQ(build(declarations, 2), RP_GROUP);
    release();
}

static void one_bad_declaration_among_many_is_found(void)
{
    struct rp_declaration declarations[] = {sample("p", "a", 0), sample("p", "b", 0),
                                            sample("p", "c!", 0)};
    CHECK_EQ(build(declarations, 3), RP_NAME_INVALID);
    CHECK_EQ(build(declarations, 2), RP_OK);
    release();
}

static void probes_of_a_group_share_a_semaphore(void)
{
    struct rp_declaration declarations[6];
    static const uint32_t groups[] = {0, 2, 0, 2, 5, 2};
    static const uint32_t numbers[] = {0, 1, 2, 1, 3, 1};
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < 6; i++) {
        declarations[i] = sample("p", names[i], 0);
        declarations[i].group = groups[i];
    }
    REQUIRE(build(declarations, 6) == RP_OK);
    CHECK_EQ(layout.semaphores_size, 4 * sizeof(uint16_t));
    CHECK_MEM(layout.semaphores, numbers, sizeof numbers);
    release();
}

/* The layout, the header, the sections and their order, as the contract has them. */
static void check_frame(enum rp_machine machine, enum rp_site_kind site, uint32_t count)
{
    static const char *const order[] = {
        "",         ".note.gnu.build-id", ".stapsdt.base", ".text",
        ".probes",  ".note.stapsdt",      ".symtab",       ".strtab",
        ".shstrtab"};
    const struct rp_arch *arch = rp_arch(machine);
    Elf64_Ehdr header;
    unsigned number = 0;
    memcpy(&header, bytes.bytes, sizeof header);
    CHECK_MEM(header.e_ident, ELFMAG, SELFMAG);
    CHECK_EQ(header.e_type, ET_DYN);
    CHECK_EQ(header.e_machine, arch->elf_machine);
    CHECK_EQ(header.e_shnum, sizeof order / sizeof *order);
    CHECK_EQ(header.e_shoff + header.e_shnum * sizeof(Elf64_Shdr), bytes.size);
    for (unsigned i = 1; i < header.e_shnum; i++) {
        Elf64_Shdr found = section(order[i], &number);
        CHECK_EQ(number, i);
        CHECK(found.sh_offset + found.sh_size <= header.e_shoff);
        CHECK_EQ(found.sh_addr, found.sh_flags & SHF_ALLOC ? found.sh_offset : 0);
    }
    CHECK_EQ(layout.machine, machine);
    CHECK_EQ(layout.site, site);
    CHECK_EQ(layout.count, count);
    CHECK_EQ(layout.file_size, bytes.size);
    CHECK_EQ(layout.text_offset, section(".text", &number).sh_offset);
    CHECK_EQ(layout.text_size, count * RP_SITE_SIZE);
    CHECK_EQ(layout.semaphores_offset, section(".probes", &number).sh_offset);
    CHECK_EQ(layout.text_offset % arch->page_size, 0);
    CHECK_EQ(layout.semaphores_offset % arch->page_size, 0);
}

static void check_notes(const struct rp_declaration *declarations, uint32_t count)
{
    unsigned number = 0;
    const Elf64_Shdr notes = section(".note.stapsdt", &number);
    uint64_t at = notes.sh_offset;
    for (uint32_t i = 0; i < count; i++) {
        struct note note = read_note(&at);
        CHECK_STR(note.provider, declarations[i].provider);
        CHECK_STR(note.name, declarations[i].name);
        CHECK_EQ(note.location, layout.text_offset + i * RP_SITE_SIZE);
        CHECK_EQ(note.base, section(".stapsdt.base", &number).sh_addr);
        CHECK_EQ(note.semaphore, layout.semaphores_offset + 2 * layout.semaphores[i]);
    }
    CHECK_EQ(at, notes.sh_offset + notes.sh_size);
}

static void check_sites(enum rp_machine machine, enum rp_site_kind site, uint32_t count)
{
    const struct rp_arch *arch = rp_arch(machine);
    for (uint32_t i = 0; i < count; i++) {
        CHECK_MEM(bytes.bytes + layout.text_offset + i * RP_SITE_SIZE, arch->site[site],
                  RP_SITE_SIZE);
    }
    for (uint32_t i = 0; i < layout.semaphores_size; i++) {
        CHECK_EQ(bytes.bytes[layout.semaphores_offset + i], 0);
    }
}

static void every_machine_and_site_can_be_read_back(void)
{
    static const uint32_t counts[] = {1, 2, 300};
    for (int machine = 0; machine < RP_MACHINE_COUNT; machine++) {
        for (int site = 0; site < RP_SITE_KIND_COUNT; site++) {
            for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
                const struct rp_declaration *declarations = samples(counts[i], 7);
                REQUIRE(build_for(declarations, counts[i], (enum rp_machine)machine,
                                  (enum rp_site_kind)site) == RP_OK);
                check_frame((enum rp_machine)machine, (enum rp_site_kind)site, counts[i]);
                check_notes(declarations, counts[i]);
                check_sites((enum rp_machine)machine, (enum rp_site_kind)site, counts[i]);
            }
        }
    }
    release();
}

static void operands_tell_register_and_sign(void)
{
    const struct rp_declaration declaration = sample("p", "n", 11);
    unsigned number = 0;
    REQUIRE(build_for(&declaration, 1, RP_X86_64, RP_SITE_SAFE) == RP_OK);
    uint64_t at = section(".note.stapsdt", &number).sh_offset;
    CHECK_STR(read_note(&at).arguments,
              "8@%rdi -8@%rsi -8@%rdx 8@%rcx -8@%r8 8@%r9 8@8(%rsp) 8@16(%rsp) -8@24(%rsp) "
              "-8@32(%rsp) -8@40(%rsp) -8@48(%rsp)");
    REQUIRE(build_for(&declaration, 1, RP_AARCH64, RP_SITE_SAFE) == RP_OK);
    at = section(".note.stapsdt", &number).sh_offset;
    CHECK_STR(read_note(&at).arguments,
              "8@x0 -8@x1 -8@x2 8@x3 -8@x4 8@x5 8@x6 8@x7 -8@[sp] -8@[sp, 8] -8@[sp, 16] "
              "-8@[sp, 24]");
    const struct rp_declaration bare = sample("p", "n", 0);
    REQUIRE(build(&bare, 1) == RP_OK);
    at = section(".note.stapsdt", &number).sh_offset;
    CHECK_STR(read_note(&at).arguments, "");
    release();
}

static void symbols_name_the_sites(void)
{
    const struct rp_declaration declarations[] = {sample("order", "paid", 0),
                                                  sample("stock", "low__entry", 3)};
    unsigned number = 0;
    Elf64_Sym symbol;
    REQUIRE(build(declarations, 2) == RP_OK);
    const Elf64_Shdr symbols = section(".symtab", &number);
    const Elf64_Shdr strings = section(".strtab", &number);
    CHECK_EQ(symbols.sh_link, number);
    CHECK_EQ(symbols.sh_size, 3 * sizeof symbol);
    memcpy(&symbol, bytes.bytes + symbols.sh_offset + 2 * sizeof symbol, sizeof symbol);
    CHECK_STR((char *)bytes.bytes + strings.sh_offset + symbol.st_name, "stock:low__entry");
    CHECK_EQ(symbol.st_value, layout.text_offset + RP_SITE_SIZE);
    CHECK_EQ(symbol.st_size, rp_arch(RP_X86_64)->site_size[RP_SITE_SAFE]);
    release();
}

static void the_same_input_gives_the_same_bytes(void)
{
    struct rp_buffer first = {0};
    char digest[2 * RP_DIGEST_SIZE + 1];
    char other[2 * RP_DIGEST_SIZE + 1];
    REQUIRE(build(samples(50, 10), 50) == RP_OK);
    rp_buffer_append(&first, bytes.bytes, bytes.size);
    rp_image_digest(&layout, digest, sizeof digest);
    CHECK_EQ(strspn(digest, "0123456789abcdef"), 2 * RP_DIGEST_SIZE);
    REQUIRE(build(samples(50, 10), 50) == RP_OK);
    REQUIRE(bytes.size == first.size);
    CHECK_MEM(bytes.bytes, first.bytes, first.size);
    REQUIRE(build(samples(49, 10), 49) == RP_OK);
    rp_image_digest(&layout, other, sizeof other);
    CHECK(strcmp(digest, other) != 0);
    rp_buffer_free(&first);
    release();
}

static void the_build_id_is_the_digest_and_the_size(void)
{
    const struct rp_declaration declaration = sample("p", "n", 1);
    unsigned number = 0;
    REQUIRE(build(&declaration, 1) == RP_OK);
    const Elf64_Shdr note = section(".note.gnu.build-id", &number);
    const uint8_t *id = bytes.bytes + note.sh_offset + note.sh_size - 20;
    CHECK_MEM(id, layout.digest, RP_DIGEST_SIZE);
    CHECK_MEM(id + RP_DIGEST_SIZE, &layout.file_size, sizeof layout.file_size);
    release();
}

static void the_text_can_be_had_without_the_file(void)
{
    uint8_t text[300 * RP_SITE_SIZE];
    REQUIRE(build_for(samples(300, 300), 300, RP_X86_64, RP_SITE_FAST) == RP_OK);
    rp_image_text(&layout, text);
    CHECK_MEM(bytes.bytes + layout.text_offset, text, sizeof text);
    release();
}

static void a_digest_is_cut_to_the_room_there_is(void)
{
    char text[8];
    const struct rp_layout known = {.digest = {0xab, 0xcd, 0xef}};
    memset(text, '#', sizeof text);
    rp_image_digest(&known, text, 0);
    CHECK_EQ(text[0], '#');
    rp_image_digest(&known, text, 1);
    CHECK_STR(text, "");
    rp_image_digest(&known, text, 6);
    CHECK_STR(text, "abcde");
    CHECK_EQ(text[6], '#');
}

static void without_memory_there_is_an_error_and_nothing_is_lost(void)
{
    const struct rp_declaration *declarations = samples(1000, 10);
    unsigned failures = 0;
    for (unsigned n = 1; fault_in(&fault_allocation, n); n++) {
        enum rp_error error = build(declarations, 1000);
        bool failed = fault_end(&fault_allocation);
        CHECK_EQ(error, failed ? RP_MEMORY : RP_OK);
        failures += failed;
        release();
    }
    CHECK(failures > 6);
}

int main(void)
{
    RUN(nothing_declared_is_nothing_to_build);
    RUN(too_many_are_refused_before_anything_is_read);
    RUN(names_are_checked);
    RUN(twelve_slots_and_no_thirteenth);
    RUN(a_group_is_at_most_its_bound);
    RUN(one_bad_declaration_among_many_is_found);
    RUN(probes_of_a_group_share_a_semaphore);
    RUN(every_machine_and_site_can_be_read_back);
    RUN(operands_tell_register_and_sign);
    RUN(symbols_name_the_sites);
    RUN(the_same_input_gives_the_same_bytes);
    RUN(the_build_id_is_the_digest_and_the_size);
    RUN(the_text_can_be_had_without_the_file);
    RUN(a_digest_is_cut_to_the_room_there_is);
    RUN(without_memory_there_is_an_error_and_nothing_is_lost);
    return check_finish();
}
