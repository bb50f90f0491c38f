/*
 * What a C test is written with. A test is a function without arguments; main() runs each with RUN and
 * returns check_finish().
 *
 *   CHECK(condition)                 go on after a failure
 *   REQUIRE(condition)               leave the test after a failure
 *   CHECK_EQ(actual, expected)       integers and enums, compared as 64 bits
 *   CHECK_STR(actual, expected)      strings; NULL equals nothing
 *   CHECK_MEM(actual, expected, n)   n bytes; says where they differ
 *
 * The last line is "N passed, M failed", of tests; the exit code is 1 when one failed or none ran.
 */
#ifndef RAILPROBE_CHECK_H
#define RAILPROBE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static struct {
    const char *test;
    unsigned passed;
    unsigned failed;
    bool failing;
} check_state;

static inline void check_failed(const char *file, int line)
{
    check_state.failing = true;
    fprintf(stderr, "%s:%d: %s: ", file, line, check_state.test);
}

static inline bool check_true(bool ok, const char *text, const char *file, int line)
{
    if (!ok) {
        check_failed(file, line);
        fprintf(stderr, "%s is false\n", text);
    }
    return ok;
}

static inline void check_eq(unsigned long long actual, unsigned long long expected,
                            const char *text, const char *file, int line)
{
    if (actual != expected) {
        check_failed(file, line);
        fprintf(stderr, "%s is %lld (0x%llx), not %lld (0x%llx)\n", text, (long long)actual, actual,
                (long long)expected, expected);
    }
}

static inline void check_str(const char *actual, const char *expected, const char *text,
                             const char *file, int line)
{
    if (!actual || !expected || strcmp(actual, expected) != 0) {
        check_failed(file, line);
        fprintf(stderr, "%s is \"%s\", not \"%s\"\n", text, actual ? actual : "(NULL)",
                expected ? expected : "(NULL)");
    }
}

static inline void check_mem(const void *actual, const void *expected, size_t size,
                             const char *text, const char *file, int line)
{
    const unsigned char *have = actual;
    const unsigned char *want = expected;
    for (size_t i = 0; i < size; i++) {
        if (have[i] != want[i]) {
            check_failed(file, line);
            fprintf(stderr, "%s differs at byte %zu: 0x%02x, not 0x%02x\n", text, i, have[i],
                    want[i]);
            return;
        }
    }
}

static inline void check_run(void (*test)(void), const char *name)
{
    check_state.test = name;
    check_state.failing = false;
    test();
    if (check_state.failing) {
        check_state.failed++;
    } else {
        check_state.passed++;
    }
}

static inline int check_finish(void)
{
    printf("%u passed, %u failed\n", check_state.passed, check_state.failed);
    fflush(stdout); /* the leak check comes before stdio's own flush, and does not return */
    return check_state.failed || !check_state.passed;
}

#define CHECK(condition) ((void)check_true((condition), #condition, __FILE__, __LINE__))
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!check_true((condition), #condition, __FILE__, __LINE__)) {                            \
            return;                                                                                \
        }                                                                                          \
    } while (0)
#define CHECK_EQ(actual, expected)                                                                 \
    check_eq((unsigned long long)(actual), (unsigned long long)(expected), #actual, __FILE__,      \
             __LINE__)
#define CHECK_STR(actual, expected) check_str((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_MEM(actual, expected, size)                                                          \
    check_mem((actual), (expected), (size), #actual, __FILE__, __LINE__)
#define RUN(test) check_run((test), #test)

#endif
