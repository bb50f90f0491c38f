/*
 * What differs from one CPU to the next: the machine code of a site and the operand of each
 * argument.
 *
 * Both machines can be written on either, so both are tested everywhere.
 */
#ifndef RAILPROBE_ARCH_H
#define RAILPROBE_ARCH_H

#include "declaration.h"

#include <elf.h>

enum rp_machine { RP_X86_64, RP_AARCH64, RP_MACHINE_COUNT };

/*
 * The kinds of site.
 *
 *   safe  nop1, nop10, ret: a breakpoint to today's kernels, the pair that newer ones look for
 *   fast  nop5, ret: Linux 6.18 turns it into a call, 2.2 times cheaper; a forked child then needs its
 *         text mapped afresh (mapping.h), else its first call is a SIGSEGV
 */
enum rp_site_kind { RP_SITE_SAFE, RP_SITE_FAST, RP_SITE_KIND_COUNT };

enum { RP_SITE_SIZE = 16 }; /* every site starts on a multiple of it, so none crosses a page */

struct rp_arch {
    const char *name;
    uint16_t elf_machine;
    uint32_t page_size; /* the largest page a kernel for this CPU may use */
    uint8_t site_size[RP_SITE_KIND_COUNT];
    uint8_t site[RP_SITE_KIND_COUNT][RP_SITE_SIZE];
    const char
        *operands[RP_SLOTS_MAX]; /* of the C ABI, at the first instruction of a called leaf */
};

/* The facts of a machine, which is one of enum rp_machine. Static storage. */
static inline const struct rp_arch *rp_arch(enum rp_machine machine)
{
    static const struct rp_arch archs[RP_MACHINE_COUNT] = {
        [RP_X86_64] = {.name = "x86_64",
                       .elf_machine = EM_X86_64,
                       .page_size = 0x1000,
                       .site_size = {[RP_SITE_SAFE] = 12, [RP_SITE_FAST] = 6},
                       .site = {[RP_SITE_SAFE] = {0x90, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00,
                                                  0x00, 0x00, 0x00, 0xc3, 0xcc, 0xcc, 0xcc, 0xcc},
                                [RP_SITE_FAST] = {0x0f, 0x1f, 0x44, 0x00, 0x00, 0xc3, 0xcc, 0xcc,
                                                  0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc}},
                       .operands = {"%rdi", "%rsi", "%rdx", "%rcx", "%r8", "%r9", "8(%rsp)",
                                    "16(%rsp)", "24(%rsp)", "32(%rsp)", "40(%rsp)", "48(%rsp)"}},
        /* nop; ret; brk #0 twice. There is no faster site here: fast is safe. */
        [RP_AARCH64] = {.name = "aarch64",
                        .elf_machine = EM_AARCH64,
                        .page_size = 0x10000,
                        .site_size = {[RP_SITE_SAFE] = 8, [RP_SITE_FAST] = 8},
                        .site = {[RP_SITE_SAFE] = {0x1f, 0x20, 0x03, 0xd5, 0xc0, 0x03, 0x5f, 0xd6,
                                                   0x00, 0x00, 0x20, 0xd4, 0x00, 0x00, 0x20, 0xd4},
                                 [RP_SITE_FAST] = {0x1f, 0x20, 0x03, 0xd5, 0xc0, 0x03, 0x5f, 0xd6,
                                                   0x00, 0x00, 0x20, 0xd4, 0x00, 0x00, 0x20, 0xd4}},
                        .operands = {"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "[sp]",
                                     "[sp, 8]", "[sp, 16]", "[sp, 24]"}},
    };
    return &archs[machine];
}

/* The machine this is compiled for, or RP_MACHINE_COUNT where no site can be written. */
static inline enum rp_machine rp_arch_here(void)
{
#if defined(__x86_64__) && defined(__LP64__)
    return RP_X86_64;
#elif defined(__aarch64__) && defined(__LP64__) && !defined(__AARCH64EB__)
    return RP_AARCH64;
#else
    return RP_MACHINE_COUNT;
#endif
}

#endif
