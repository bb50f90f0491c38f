/*
 * mapping.h: mapped, called, retired, mapped afresh in a child; and each of it when the kernel refuses.
 */
// LINK: -Wl,--wrap=mmap -Wl,--wrap=mprotect -Wl,--wrap=mremap
#include "mapping.h"

#include "check.h"
#include "fault.h"
#include "samples.h"
#include "scratch.h"

#include <sys/mman.h>

FAULT_CALL(void *, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset),
           (at, size, protection, flags, fd, offset), MAP_FAILED, ENOMEM)
FAULT_CALL(int, mprotect, (void *at, size_t size, int protection), (at, size, protection), -1,
           EACCES)

FAULT_REMAP(&fault_system)

enum { COUNT = 600 }; /* more than two pages of sites */

static struct rp_mapping mapping;
static struct rp_buffer image;
static struct rp_layout layout;

/* Writes the image of COUNT probes to scratch/image.so, and gives a descriptor of it. */
static int write_image(enum rp_site_kind site)
{
    scratch_begin();
    CHECK_EQ(rp_image_build(samples(COUNT, COUNT), COUNT, rp_arch_here(), site, &image, &layout),
             RP_OK);
    scratch_write("image.so", image.bytes, image.size, 0555);
    return open(scratch_path("image.so"), O_RDONLY | O_CLOEXEC);
}

static void begin(enum rp_site_kind site)
{
    CHECK_EQ(rp_mapping_open(&mapping, &layout, write_image(site)), RP_OK);
}

static void forget_image(void)
{
    rp_buffer_free(&image);
    rp_layout_free(&layout);
    scratch_end();
}

/* What a process never does, for addresses may be kept: a test keeps none. */
static void end(void)
{
    munmap(mapping.text, mapping.text_span + mapping.data_span);
    if (mapping.fd >= 0) {
        close(mapping.fd);
    }
    forget_image();
}

static void call_sites(void)
{
    for (uint32_t i = 0; i < COUNT; i++) {
        void (*site)(uint64_t, uint64_t, uint64_t);
        void *address = rp_mapping_site(&mapping, i);
        memcpy(&site, &address, sizeof site);
        site(i, 2, 3);
    }
}

/* Plain memory stands in for the kernel. */
static void attach(uint32_t number, uint16_t count)
{
    ((volatile uint16_t *)mapping.semaphores)[number] = count;
}

/* The permissions of the mapping that address is in, as "r-xp"; "" if there is none. */
static const char *permissions(const volatile void *address)
{
    static char found[8];
    char line[PATH_MAX + 256];
    FILE *maps = fopen("/proc/self/maps", "re");
    found[0] = '\0';
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long first = 0;
        unsigned long last = 0;
        char text[8];
        if (sscanf(line, "%lx-%lx %7s", &first, &last, text) == 3 &&
            (unsigned long)(uintptr_t)address >= first &&
            (unsigned long)(uintptr_t)address < last) {
            (void)snprintf(found, sizeof found, "%s", text);
        }
    }
    if (maps) {
        fclose(maps);
    }
    return found;
}

static void an_image_is_mapped_private_and_never_writable_and_executable(void)
{
    begin(RP_SITE_SAFE);
    CHECK_STR(permissions(mapping.text), "r-xp");
    CHECK_STR(permissions(mapping.text + mapping.text_span - 1), "r-xp");
    CHECK_STR(permissions(mapping.semaphores), "rw-p");
    CHECK_EQ(mappings_of("image.so"), 2);
    CHECK_MEM(mapping.text, image.bytes + layout.text_offset, layout.text_size);
    CHECK_EQ((uintptr_t)mapping.semaphores % 8, 0);
    CHECK_EQ(mapping.inode, scratch_status("image.so").st_ino);
    CHECK(mapping.layout.semaphores == NULL);
    call_sites();
    end();
}

static void sites_lie_in_the_order_of_the_image(void)
{
    begin(RP_SITE_SAFE);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint8_t *site = rp_mapping_site(&mapping, i);
        CHECK_EQ(site - mapping.text, i * RP_SITE_SIZE);
    }
    CHECK_EQ(rp_mapping_semaphore_count(&mapping), COUNT);
    end();
}

static void attached_semaphores_are_counted(void)
{
    begin(RP_SITE_SAFE);
    CHECK_EQ(rp_mapping_attached(&mapping), 0);
    attach(0, 1);
    attach(COUNT - 1, 65535);
    CHECK_EQ(rp_mapping_attached(&mapping), 2);
    attach(0, 0);
    CHECK_EQ(rp_mapping_attached(&mapping), 1);
    end();
}

static void what_the_file_holds_is_not_written_to(void)
{
    uint8_t semaphore[2];
    begin(RP_SITE_SAFE);
    attach(0, 3);
    CHECK_EQ(pread(mapping.fd, semaphore, 2, layout.semaphores_offset), 2);
    CHECK_EQ(semaphore[0], 0);
    end();
}

static void what_can_not_be_mapped_leaves_nothing_mapped(void)
{
    for (unsigned n = 1; n == 1 || !fault_system.is_over; n++) {
        int fd = write_image(RP_SITE_SAFE);
        const unsigned before = mappings_of("");
        fault_begin(&fault_system, n);
        enum rp_error error = rp_mapping_open(&mapping, &layout, fd);
        const int reason = errno;
        if (fault_end(&fault_system)) {
            CHECK_EQ(error, RP_MAP);
            CHECK_EQ(reason, ENOMEM);
            CHECK_EQ(mapping.fd, -1);
            CHECK_EQ(mappings_of("image.so"), 0);
            CHECK(mappings_of("") <= before);
            CHECK_EQ(close(fd), 0); /* still the caller's */
            forget_image();
        } else {
            CHECK_EQ(error, RP_OK);
            end();
        }
    }
    int closed = write_image(RP_SITE_SAFE);
    close(closed);
    CHECK_EQ(rp_mapping_open(&mapping, &layout, closed), RP_MAP);
    CHECK_EQ(errno, EBADF);
    forget_image();
}

static void a_retired_image_is_gone_and_can_be_called(void)
{
    begin(RP_SITE_SAFE);
    const int fd = mapping.fd;
    const uint8_t *text = mapping.text;
    attach(3, 1); /* not what it is meant for, but no count may stay */
    CHECK_EQ(rp_mapping_retire(&mapping), RP_OK);
    CHECK_EQ(mappings_of("image.so"), 0);
    CHECK_EQ(rp_mapping_attached(&mapping), 0);
    CHECK(mapping.text == text);
    CHECK_EQ(mapping.fd, -1);
    CHECK_EQ(fcntl(fd, F_GETFD), -1);
    CHECK_STR(permissions(mapping.text), "r-xp");
    CHECK_STR(permissions(mapping.semaphores), "rw-p");
    CHECK_MEM(mapping.text, image.bytes + layout.text_offset, layout.text_size);
    call_sites();
    end();
}

static void a_retirement_that_fails_can_be_tried_again(void)
{
    begin(RP_SITE_SAFE);
    unsigned failures = 0;
    for (unsigned n = 1; fault_in(&fault_system, n); n++) {
        const unsigned before = mappings_of("");
        enum rp_error error = rp_mapping_retire(&mapping);
        bool failed = fault_end(&fault_system);
        CHECK_EQ(error, failed ? RP_MAP : RP_OK);
        CHECK_EQ(mapping.fd < 0, !failed);
        CHECK(mappings_of("") <= before + 1); /* the text may be apart from the data */
        failures += failed;
        CHECK_EQ(rp_mapping_attached(&mapping), 0);
        call_sites();
    }
    CHECK_EQ(failures, 5);
    CHECK_EQ(mappings_of("image.so"), 0);
    end();
}

static void a_descriptor_that_is_now_something_else_is_left_open(void)
{
    begin(RP_SITE_SAFE);
    const int fd = mapping.fd;
    scratch_write("other", "", 0, 0600);
    int other = open(scratch_path("other"), O_RDONLY | O_CLOEXEC);
    CHECK_EQ(dup2(other, fd), fd);
    CHECK_EQ(rp_mapping_retire(&mapping), RP_OK);
    CHECK_EQ(fcntl(fd, F_GETFD), 0);
    close(fd);
    close(other);
    end();
}

static void safe_sites_are_not_mapped_afresh(void)
{
    begin(RP_SITE_SAFE);
    attach(1, 1);
    rp_mapping_renew(&mapping);
    CHECK_EQ(rp_mapping_attached(&mapping), 1); /* the kernel's count is right as it is */
    end();
}

/* What fork leaves behind: counts of the parent's, and a call where the nop was. */
static void spoil(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    attach(0, 1);
    attach(COUNT - 1, 7);
    CHECK_EQ(mprotect(mapping.text, page, PROT_READ | PROT_WRITE), 0);
    mapping.text[0] = 0x0b;
    CHECK_EQ(mprotect(mapping.text, page, PROT_READ | PROT_EXEC), 0);
}

static void fast_sites_are_mapped_afresh(void)
{
    begin(RP_SITE_FAST);
    const int fd = mapping.fd;
    spoil();
    rp_mapping_renew(&mapping);
    CHECK_EQ(rp_mapping_attached(&mapping), 0);
    CHECK_MEM(mapping.text, image.bytes + layout.text_offset, layout.text_size);
    CHECK_EQ(mappings_of("image.so"), 2);
    CHECK_STR(permissions(mapping.text), "r-xp");
    CHECK_STR(permissions(mapping.semaphores), "rw-p");
    CHECK_EQ(mapping.fd, fd);
    call_sites();
    CHECK_EQ(rp_mapping_retire(&mapping), RP_OK);
    rp_mapping_renew(&mapping); /* nothing to do any more */
    call_sites();
    end();
}

static int renew_and_call(void *context)
{
    (void)context;
    spoil();
    rp_mapping_renew(&mapping);
    call_sites();
    return rp_mapping_attached(&mapping) == 0 && mappings_of("image.so") == 2 ? 0 : 1;
}

static void a_child_maps_afresh_and_the_parent_keeps_its_own(void)
{
    begin(RP_SITE_FAST);
    attach(5, 1);
    CHECK_EQ(in_child(renew_and_call, NULL), 0);
    CHECK_EQ(rp_mapping_attached(&mapping), 1);
    call_sites();
    end();
}

static void without_its_file_a_child_has_a_retired_image(void)
{
    begin(RP_SITE_FAST);
    spoil();
    close(mapping.fd);
    rp_mapping_renew(&mapping);
    CHECK_EQ(mapping.fd, -1);
    CHECK_EQ(mappings_of("image.so"), 0);
    CHECK_EQ(rp_mapping_attached(&mapping), 0);
    call_sites();
    CHECK_EQ(rp_mapping_retire(&mapping), RP_OK);
    end();
}

/* Whatever fails: no count invites to a call where there is no text. */
static void a_renewal_that_fails_leaves_no_count(void)
{
    for (unsigned for_good = 0; for_good < 2; for_good++) {
        for (unsigned n = 1; n < 8; n++) {
            begin(RP_SITE_FAST);
            spoil();
            (for_good ? fault_begin_for_good : fault_begin)(&fault_system, n);
            rp_mapping_renew(&mapping);
            (void)fault_end(&fault_system);
            CHECK_EQ(rp_mapping_attached(&mapping), 0);
            if (*permissions(mapping.text) == 'r' && mapping.text[0] != 0x0b) {
                call_sites();
            }
            end();
        }
    }
}

int main(void)
{
    RUN(an_image_is_mapped_private_and_never_writable_and_executable);
    RUN(sites_lie_in_the_order_of_the_image);
    RUN(attached_semaphores_are_counted);
    RUN(what_the_file_holds_is_not_written_to);
    RUN(what_can_not_be_mapped_leaves_nothing_mapped);
    RUN(a_retired_image_is_gone_and_can_be_called);
    RUN(a_retirement_that_fails_can_be_tried_again);
    RUN(a_descriptor_that_is_now_something_else_is_left_open);
    RUN(safe_sites_are_not_mapped_afresh);
    RUN(fast_sites_are_mapped_afresh);
    RUN(a_child_maps_afresh_and_the_parent_keeps_its_own);
    RUN(without_its_file_a_child_has_a_retired_image);
    RUN(a_renewal_that_fails_leaves_no_count);
    return check_finish();
}
