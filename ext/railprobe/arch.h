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
#include <string.h>

enum rp_machine { RP_X86_64, RP_AARCH64, RP_MACHINE_COUNT };

/*
 * The kinds of site.
 *
 *   safe  nop1, nop10, ret: a breakpoint to today's kernels, the pair that newer ones look for
 *   fast  nop5, ret: Linux 6.18 turns it into a call, 2.2 times cheaper; a forked child then needs its
 *         text mapped afresh (mapping.h), else its first call is a SIGSEGV
 */
enum rp_site_kind { RP_SITE_SAFE, RP_SITE_FAST, RP_SITE_KIND_COUNT };

enum {
    RP_SITE_SIZE = 16, /* every site starts on a multiple of it, so none crosses a page */
    RP_STUB_SIZE = 32  /* of an entry stub, likewise */
};

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

/*
 * The code of an entry stub at address: it puts number in the register of the C ABI's fourth argument,
 * the word at slots + 8 in that of the fifth, and jumps to the word at slots. Addresses are those of
 * the image; slots is a multiple of 8, and less than 2 GiB away.
 *   x86_64   endbr64; mov ecx, number; mov r8, [rip + context]; jmp [rip + handler]
 *   aarch64  bti c; movz, movk w3, number; adrp x16; ldr x4, [x16, context]; ldr x16, [x16]; br x16
 */
static inline void rp_arch_stub(enum rp_machine machine, uint32_t number, uint32_t address,
                                uint32_t slots, uint8_t out[RP_STUB_SIZE])
{
    if (machine == RP_X86_64) {
        static const uint8_t code[RP_STUB_SIZE] = {
            0xf3, 0x0f, 0x1e, 0xfa,                /* 0: endbr64 */
            0xb9, 0,    0,    0,    0,             /* 4: mov ecx, imm32 */
            0x4c, 0x8b, 0x05, 0,    0,    0,    0, /* 9: mov r8, [rip + disp32] */
            0xff, 0x25, 0,    0,    0,    0,       /* 16: jmp [rip + disp32] */
            0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc};
        const uint32_t context = slots + 8 - (address + 16);
        const uint32_t handler = slots - (address + 22);
        memcpy(out, code, sizeof code);
        memcpy(out + 5, &number, sizeof number);
        memcpy(out + 12, &context, sizeof context);
        memcpy(out + 18, &handler, sizeof handler);
        return;
    }
    const uint32_t pages = (slots >> 12) - ((address + 12) >> 12);
    const uint32_t offset = (slots & 0xfff) / 8;
    const uint32_t code[RP_STUB_SIZE / sizeof(uint32_t)] = {
        0xd503245f,
        0x52800003 | (number & 0xffff) << 5,
        0x72a00003 | (number >> 16) << 5,
        0x90000010 | (pages & 3) << 29 | (pages >> 2 & 0x7ffff) << 5,
        0xf9400204 | (offset + 1) << 10,
        0xf9400210 | offset << 10,
        0xd61f0200,
        0xd4200000,
    };
    memcpy(out, code, sizeof code);
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
