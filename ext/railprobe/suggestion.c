/*
 * The edit distance that counts a swap of neighbours as one (optimal string alignment), row by row.
 */
#include "suggestion.h"

#include <string.h>

enum { WORD_MAX = 48 };

/* Not tolower(): it would ask the locale. */
static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_size; j++) {
        above[j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t differs = lower(a[i - 1]) != lower(b[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + differs);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1])) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b_size];
}

void rp_suggestion_offer(struct rp_suggestion *suggestion, const char *word)
{
    size_t size = strlen(word);
    if (suggestion->size == 0 || suggestion->size > WORD_MAX || size > WORD_MAX) {
        return;
    }
    size_t allowed = size <= 4 ? 1 : size <= 8 ? 2 : 3;
    size_t found = distance(suggestion->text, suggestion->size, word, size);
    /* As many slips as letters would make any two short words alike. */
    if (found <= allowed && found < size && found < suggestion->size &&
        (!suggestion->best || found < suggestion->distance)) {
        suggestion->best = word;
        suggestion->distance = found;
    }
}
