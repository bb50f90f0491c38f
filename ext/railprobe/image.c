/*
 * Declarations -> the bytes of an ELF image.
 *
 *   0x0000  ELF header, program headers                     LOAD R
 *           .note.gnu.build-id   20 bytes from the content  (perf's key)
 *           .stapsdt.base        1 byte                     (gdb)
 *   page    .text      one site of 16 bytes for each probe  LOAD R-X
 *   page    .probes    one u16 for each semaphore           LOAD RW-, private
 *   then    .note.stapsdt   one note for each probe
 *           .symtab .strtab .shstrtab, section headers
 *
 * Virtual addresses are file offsets. The order of sections is part of the contract: bcc looks for
 * .probes behind .text and for the notes behind .probes. A page is the machine's largest.
 *
 * Start reading at rp_image_build().
 */
#include "image.h"

#include <elf.h>

enum {
    SEGMENTS = 5,
    BUILD_ID_SIZE = 20,
    NOTE_TYPE_STAPSDT = 3,
};

/* The sections, in the order in which they lie in the file and in the section table. */
enum section {
    NO_SECTION,
    BUILD_ID,
    BASE,
    TEXT,
    PROBES,
    NOTES,
    SYMTAB,
    STRTAB,
    SHSTRTAB,
    SECTIONS
};

static const struct {
    const char *name;
    uint32_t type;
    uint32_t flags;
    uint32_t alignment;
} section_facts[SECTIONS] = {
    [NO_SECTION] = {"", SHT_NULL, 0, 0},
    [BUILD_ID] = {".note.gnu.build-id", SHT_NOTE, SHF_ALLOC, 4},
    [BASE] = {".stapsdt.base", SHT_PROGBITS, SHF_ALLOC, 1},
    [TEXT] = {".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, RP_SITE_SIZE},
    [PROBES] = {".probes", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 2},
    [NOTES] = {".note.stapsdt", SHT_NOTE, 0, 4},
    [SYMTAB] = {".symtab", SHT_SYMTAB, 0, 8},
    [STRTAB] = {".strtab", SHT_STRTAB, 0, 1},
    [SHSTRTAB] = {".shstrtab", SHT_STRTAB, 0, 1},
};

struct note_header {
    uint32_t name_size;
    uint32_t descriptor_size;
    uint32_t type;
};

_Static_assert(sizeof(struct note_header) == 12, "a note header is three words");
_Static_assert(sizeof(Elf64_Ehdr) == 64 && sizeof(Elf64_Phdr) == 56 && sizeof(Elf64_Shdr) == 64,
               "ELF64 structs are written as they lie in memory");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "images are little-endian");

struct builder {
    const struct rp_declaration *declarations;
    size_t count;
    const struct rp_arch *arch;
    struct rp_layout *layout;
    struct rp_buffer *out;
    Elf64_Shdr sections[SECTIONS];
};

/* -- checks -- */

static enum rp_error check_name(const char *name, size_t most)
{
    size_t size = strlen(name);
    if (!size) {
        return RP_NAME_EMPTY;
    }
    if (size > most) {
        return RP_NAME_LONG;
    }
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i && c >= '0' && c <= '9')) {
            return RP_NAME_INVALID;
        }
    }
    return RP_OK;
}

static enum rp_error check_declaration(const struct rp_declaration *declaration, size_t count)
{
    enum rp_error error = check_name(declaration->provider, RP_PROVIDER_MAX);
    if (!error) {
        error = check_name(declaration->name, RP_NAME_MAX);
    }
    if (!error && rp_declaration_slots(declaration) > RP_SLOTS_MAX) {
        error = RP_ARGUMENTS;
    }
    if (!error && declaration->group > count) {
        error = RP_GROUP;
    }
    return error;
}

/* -- semaphores -- */

/* Numbers the semaphores in the order of the probes; those of one group get the same number. */
static enum rp_error number_semaphores(struct builder *builder)
{
    size_t count = builder->count;
    struct rp_layout *layout = builder->layout;
    uint32_t next = 0;
    uint32_t *of_group = calloc(count + 1, sizeof *of_group); /* number + 1; 0: not met yet */
    layout->semaphores = calloc(count, sizeof *layout->semaphores);
    if (!of_group || !layout->semaphores) {
        free(of_group);
        return RP_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t group = builder->declarations[i].group;
        if (group && of_group[group]) {
            layout->semaphores[i] = of_group[group] - 1;
            continue;
        }
        layout->semaphores[i] = next++;
        of_group[group] = next;
    }
    layout->semaphores_size = next * (uint32_t)sizeof(uint16_t);
    free(of_group);
    return RP_OK;
}

/* -- sections -- */

static void begin_section(struct builder *builder, enum section section, size_t alignment)
{
    rp_buffer_align(builder->out, alignment);
    builder->sections[section].sh_offset = builder->out->size;
}

static void end_section(struct builder *builder, enum section section)
{
    Elf64_Shdr *header = &builder->sections[section];
    header->sh_type = section_facts[section].type;
    header->sh_flags = section_facts[section].flags;
    header->sh_addralign = section_facts[section].alignment;
    header->sh_size = builder->out->size - header->sh_offset;
    header->sh_addr = header->sh_flags & SHF_ALLOC ? header->sh_offset : 0;
}

static void write_build_id(struct builder *builder)
{
    const struct note_header header = {sizeof ELF_NOTE_GNU, BUILD_ID_SIZE, NT_GNU_BUILD_ID};
    begin_section(builder, BUILD_ID, 4);
    rp_buffer_append(builder->out, &header, sizeof header);
    rp_buffer_append(builder->out, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU);
    rp_buffer_zero(builder->out, BUILD_ID_SIZE); /* sealed when the rest is there */
    end_section(builder, BUILD_ID);
    begin_section(builder, BASE, 1);
    rp_buffer_zero(builder->out, 1);
    end_section(builder, BASE);
}

static void write_text_and_semaphores(struct builder *builder)
{
    struct rp_layout *layout = builder->layout;
    begin_section(builder, TEXT, builder->arch->page_size);
    layout->text_offset = (uint32_t)builder->out->size;
    if (rp_buffer_reserve(builder->out, layout->text_size)) {
        rp_image_text(layout, builder->out->bytes + builder->out->size);
        builder->out->size += layout->text_size;
    }
    end_section(builder, TEXT);
    begin_section(builder, PROBES, builder->arch->page_size);
    layout->semaphores_offset = (uint32_t)builder->out->size;
    rp_buffer_zero(builder->out, layout->semaphores_size);
    end_section(builder, PROBES);
}

static void write_operands(struct builder *builder, const struct rp_declaration *declaration)
{
    uint32_t slot = 0;
    for (uint32_t i = 0; i < declaration->argument_count; i++) {
        const struct rp_type_facts *type = rp_type_facts(declaration->arguments[i].type);
        for (uint8_t part = 0; part < type->slots; part++, slot++) {
            rp_buffer_text(builder->out, slot ? " " : "");
            rp_buffer_text(builder->out, type->is_signed ? "-8@" : "8@");
            rp_buffer_text(builder->out, builder->arch->operands[slot]);
        }
    }
    rp_buffer_zero(builder->out, 1);
}

/* One stapsdt note. Its descriptor's size is exact, without the padding: bcc skips any other. */
static void write_note(struct builder *builder, size_t index)
{
    static const char owner[8] = "stapsdt";
    const struct rp_declaration *declaration = &builder->declarations[index];
    const struct rp_layout *layout = builder->layout;
    const uint64_t addresses[3] = {
        layout->text_offset + index * RP_SITE_SIZE,
        builder->sections[BASE].sh_addr,
        layout->semaphores_offset + layout->semaphores[index] * sizeof(uint16_t),
    };
    struct note_header header = {sizeof owner, 0, NOTE_TYPE_STAPSDT};
    size_t at = builder->out->size;
    rp_buffer_append(builder->out, &header, sizeof header);
    rp_buffer_append(builder->out, owner, sizeof owner);
    size_t descriptor = builder->out->size;
    rp_buffer_append(builder->out, addresses, sizeof addresses);
    rp_buffer_string(builder->out, declaration->provider);
    rp_buffer_string(builder->out, declaration->name);
    write_operands(builder, declaration);
    if (!builder->out->failed) {
        header.descriptor_size = (uint32_t)(builder->out->size - descriptor);
        memcpy(builder->out->bytes + at, &header, sizeof header);
    }
    rp_buffer_align(builder->out, 4);
}

static void write_notes(struct builder *builder)
{
    begin_section(builder, NOTES, 4);
    for (size_t i = 0; i < builder->count; i++) {
        write_note(builder, i);
    }
    end_section(builder, NOTES);
}

/* provider:probe for each site, so that stacks and `uprobe:FILE:symbol` have a name for it. */
static void write_symbols(struct builder *builder)
{
    uint32_t name = 1;
    begin_section(builder, SYMTAB, 8);
    rp_buffer_zero(builder->out, sizeof(Elf64_Sym));
    for (size_t i = 0; i < builder->count; i++) {
        const struct rp_declaration *declaration = &builder->declarations[i];
        const Elf64_Sym symbol = {
            .st_name = name,
            .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
            .st_shndx = TEXT,
            .st_value = builder->layout->text_offset + i * RP_SITE_SIZE,
            .st_size = builder->arch->site_size[builder->layout->site],
        };
        rp_buffer_append(builder->out, &symbol, sizeof symbol);
        name += (uint32_t)(strlen(declaration->provider) + strlen(declaration->name) + 2);
    }
    end_section(builder, SYMTAB);
    builder->sections[SYMTAB].sh_link = STRTAB;
    builder->sections[SYMTAB].sh_info = 1; /* the first symbol that is not local */
    builder->sections[SYMTAB].sh_entsize = sizeof(Elf64_Sym);
    begin_section(builder, STRTAB, 1);
    rp_buffer_zero(builder->out, 1);
    for (size_t i = 0; i < builder->count; i++) {
        rp_buffer_text(builder->out, builder->declarations[i].provider);
        rp_buffer_text(builder->out, ":");
        rp_buffer_string(builder->out, builder->declarations[i].name);
    }
    end_section(builder, STRTAB);
}

static void write_section_headers(struct builder *builder)
{
    begin_section(builder, SHSTRTAB, 1);
    for (int i = 0; i < SECTIONS; i++) {
        builder->sections[i].sh_name =
            (uint32_t)(builder->out->size - builder->sections[SHSTRTAB].sh_offset);
        rp_buffer_string(builder->out, section_facts[i].name);
    }
    end_section(builder, SHSTRTAB);
    rp_buffer_align(builder->out, 8);
    rp_buffer_append(builder->out, builder->sections, sizeof builder->sections);
}

/* -- headers -- */

static Elf64_Phdr segment(uint32_t type, uint32_t flags, uint64_t offset, uint64_t size,
                          uint64_t alignment)
{
    return (Elf64_Phdr){.p_type = type,
                        .p_flags = flags,
                        .p_offset = offset,
                        .p_vaddr = offset,
                        .p_paddr = offset,
                        .p_filesz = size,
                        .p_memsz = size,
                        .p_align = alignment};
}

/* Fills the space left at offset 0, now that everything has its place. The buffer has not failed.
 */
static void write_headers(struct builder *builder)
{
    const struct rp_layout *layout = builder->layout;
    const Elf64_Shdr *sections = builder->sections;
    uint64_t page = builder->arch->page_size;
    const Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_DYN,
        .e_machine = builder->arch->elf_machine,
        .e_version = EV_CURRENT,
        .e_phoff = sizeof(Elf64_Ehdr),
        .e_shoff = builder->out->size - sizeof builder->sections,
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = SEGMENTS,
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = SECTIONS,
        .e_shstrndx = SHSTRTAB,
    };
    const Elf64_Phdr segments[SEGMENTS] = {
        segment(PT_LOAD, PF_R, 0, sections[BASE].sh_offset + sections[BASE].sh_size, page),
        segment(PT_LOAD, PF_R | PF_X, layout->text_offset, layout->text_size, page),
        segment(PT_LOAD, PF_R | PF_W, layout->semaphores_offset, layout->semaphores_size, page),
        segment(PT_NOTE, PF_R, sections[BUILD_ID].sh_offset, sections[BUILD_ID].sh_size, 4),
        segment(PT_GNU_STACK, PF_R | PF_W, 0, 0, 16),
    };
    memcpy(builder->out->bytes, &header, sizeof header);
    memcpy(builder->out->bytes + sizeof header, segments, sizeof segments);
}

/*
 * 128 bits in the manner of FNV-1a, but eight bytes at a time: byte by byte it takes a quarter of a
 * load. It names contents and need not resist an attacker: bytes are compared in full before an
 * image is used. Two last rounds carry the end of the file to all bits.
 */
static void digest(const uint8_t *bytes, size_t size, uint8_t out[RP_DIGEST_SIZE])
{
    __extension__ typedef unsigned __int128 uint128;
    const uint128 prime = ((uint128)1 << 88) + 0x13b;
    uint128 hash = ((uint128)0x6c62272e07bb0142 << 64) + 0x62b821756295c58d;
    uint64_t word;
    for (; size >= sizeof word; bytes += sizeof word, size -= sizeof word) {
        memcpy(&word, bytes, sizeof word);
        hash = (hash ^ word ^ hash >> 64) * prime;
    }
    word = size;
    memcpy((uint8_t *)&word + 1, bytes, size);
    for (int i = 0; i < 2; i++) {
        hash = (hash ^ word ^ hash >> 64) * prime;
    }
    for (int i = RP_DIGEST_SIZE - 1; i >= 0; i--, hash >>= 8) {
        out[i] = (uint8_t)hash;
    }
}

/* The build id is the digest and the file's size. */
static void seal(struct builder *builder)
{
    struct rp_layout *layout = builder->layout;
    const Elf64_Shdr *section = &builder->sections[BUILD_ID];
    uint8_t *id = builder->out->bytes + section->sh_offset + section->sh_size - BUILD_ID_SIZE;
    layout->file_size = (uint32_t)builder->out->size;
    digest(builder->out->bytes, builder->out->size, layout->digest);
    memcpy(id, layout->digest, RP_DIGEST_SIZE);
    memcpy(id + RP_DIGEST_SIZE, &layout->file_size, sizeof layout->file_size);
}

/* -- the whole -- */

enum rp_error rp_image_build(const struct rp_declaration *declarations, size_t count,
                             enum rp_machine machine, enum rp_site_kind site,
                             struct rp_buffer *bytes, struct rp_layout *layout)
{
    /* A probe takes a few hundred bytes at most, so with this bound only long names can pass 4 GiB.
     */
    const size_t most = UINT32_MAX / 1024;
    *layout = (struct rp_layout){.machine = machine, .site = site};
    if (!count || count > most) {
        return count ? RP_SIZE : RP_NO_PROBES;
    }
    layout->count = (uint32_t)count;
    layout->text_size = (uint32_t)count * RP_SITE_SIZE;
    struct builder builder = {.declarations = declarations,
                              .count = count,
                              .arch = rp_arch(machine),
                              .layout = layout,
                              .out = bytes};
    enum rp_error error = RP_OK;
    for (size_t i = 0; i < count && !error; i++) {
        error = check_declaration(&declarations[i], count);
    }
    if (!error) {
        error = number_semaphores(&builder);
    }
    if (error) {
        return error;
    }
    rp_buffer_zero(bytes, sizeof(Elf64_Ehdr) + SEGMENTS * sizeof(Elf64_Phdr));
    write_build_id(&builder);
    write_text_and_semaphores(&builder);
    write_notes(&builder);
    write_symbols(&builder);
    write_section_headers(&builder);
    if (bytes->failed) {
        return RP_MEMORY;
    }
    if (bytes->size > UINT32_MAX) {
        return RP_SIZE;
    }
    write_headers(&builder);
    seal(&builder);
    return RP_OK;
}

void rp_image_text(const struct rp_layout *layout, uint8_t *out)
{
    const uint8_t *site = rp_arch(layout->machine)->site[layout->site];
    for (uint32_t i = 0; i < layout->count; i++) {
        memcpy(out + (size_t)i * RP_SITE_SIZE, site, RP_SITE_SIZE);
    }
}

void rp_image_digest(const struct rp_layout *layout, char *out, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    size_t length = 0;
    for (; length + 1 < size && length < 2 * RP_DIGEST_SIZE; length++) {
        uint8_t byte = layout->digest[length / 2];
        out[length] = digits[length % 2 ? byte & 15 : byte >> 4];
    }
    if (size) {
        out[length] = '\0';
    }
}

void rp_layout_free(struct rp_layout *layout)
{
    free(layout->semaphores);
    layout->semaphores = NULL;
}
