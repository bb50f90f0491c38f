/*
 * "did you mean ...?": of the words that would have been right, the one most like what was written.
 */
#ifndef RAILPROBE_SUGGESTION_H
#define RAILPROBE_SUGGESTION_H

#include <stddef.h>

/* Begin with {text, size}; offer every right word; then .best is the nearest, or NULL when none is
 * near. */
struct rp_suggestion {
    const char *text;
    size_t size;
    const char *best; /* one of the words offered; not owned */
    size_t distance;
};

/*
 * Offers a word. It is taken when it is nearer than the best so far, and so near that a slip
 * explains it: one letter wrong, missing, too many or swapped with its neighbour in a short word,
 * up to three in a long one; letters in the wrong case cost nothing. Words over 48 bytes are never
 * near.
 */
void rp_suggestion_offer(struct rp_suggestion *suggestion, const char *word);

#endif
