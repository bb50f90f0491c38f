/*
 * In front of the C library: the same random bytes in every process, from the first on. Ruby takes the seed of its
 * hashes from them, and so how long the look-ups of a process take.
 *
 *   cc -shared -fPIC -o entropy.so entropy.c; LD_PRELOAD=entropy.so ruby ...
 */
#include <stdint.h>
#include <sys/random.h>
#include <unistd.h>

static uint64_t state = 1;

static void fill(unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U; /* Knuth's */
        bytes[i] = (unsigned char)(state >> 56);
    }
}

int getentropy(void *bytes, size_t size)
{
    fill(bytes, size);
    return 0;
}

ssize_t getrandom(void *bytes, size_t size, unsigned flags)
{
    (void)flags;
    fill(bytes, size);
    return (ssize_t)size;
}
