/*
 * What a fired probe costs at least: a loop in C that calls a site of an image and nothing else.
 *
 *   site IMAGE TEXT_OFFSET SEMAPHORE_PAGE SITE SEMAPHORE
 *
 * All four are offsets in the file, the first two of a page. It maps the image as the engine does, says
 * "ready", and for each number on standard input calls the site so many times, as soon as its semaphore is
 * up, and prints the ns of CPU time that this took.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef void site_function(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

static const struct timespec a_moment = {0, 1000 * 1000};

static int64_t cpu_time(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static uint8_t *map(int fd, long offset, size_t size, int protection)
{
    void *place = mmap(NULL, size, protection, MAP_PRIVATE, fd, (off_t)offset);
    if (place == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return place;
}

static void serve(site_function *site, const volatile uint16_t *semaphore)
{
    char line[32];
    while (fgets(line, sizeof line, stdin)) {
        long count = strtol(line, NULL, 10);
        while (!*semaphore) {
            nanosleep(&a_moment, NULL);
        }
        int64_t before = cpu_time();
        for (long i = 0; i < count; i++) {
            site((uint64_t)i, 0, 0, 0, 0, 0);
        }
        (void)printf("%" PRId64 "\n", cpu_time() - before);
        (void)fflush(stdout);
    }
}

int main(int count, char **arguments)
{
    struct stat status;
    if (count != 6) {
        (void)fputs("site IMAGE TEXT_OFFSET SEMAPHORE_PAGE SITE SEMAPHORE\n", stderr);
        return 2;
    }
    long text_offset = strtol(arguments[2], NULL, 10);
    long data_offset = strtol(arguments[3], NULL, 10);
    long site_offset = strtol(arguments[4], NULL, 10);
    long semaphore_offset = strtol(arguments[5], NULL, 10);
    int fd = open(arguments[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        perror(arguments[1]);
        return 1;
    }
    uint8_t *data =
        map(fd, data_offset, (size_t)(status.st_size - data_offset), PROT_READ | PROT_WRITE);
    uint8_t *text =
        map(fd, text_offset, (size_t)(data_offset - text_offset), PROT_READ | PROT_EXEC);
    uint8_t *address = text + (site_offset - text_offset);
    site_function *site;
    memcpy(&site, &address, sizeof site);
    (void)puts("ready");
    (void)fflush(stdout);
    serve(site, (const volatile uint16_t *)(void *)(data + (semaphore_offset - data_offset)));
    return 0;
}
