/* trigram.h: the byte trigram model that tinylm is measured against. */
#ifndef TINYLM_TRIGRAM_H
#define TINYLM_TRIGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRIGRAM_SYMBOLS = 128 }; /* ASCII */

/* What followed one context: how many bytes, and how many different ones. */
struct trigram_context { uint32_t total, kinds; };

/* Counts of runs of three bytes, and what follows from them. 8 MB: allocated, never on the stack. */
struct trigram {
    uint32_t triple[TRIGRAM_SYMBOLS][TRIGRAM_SYMBOLS][TRIGRAM_SYMBOLS];
    uint32_t pair[TRIGRAM_SYMBOLS][TRIGRAM_SYMBOLS];
    uint32_t single[TRIGRAM_SYMBOLS];
    struct trigram_context after_pair[TRIGRAM_SYMBOLS][TRIGRAM_SYMBOLS];
    struct trigram_context after_single[TRIGRAM_SYMBOLS];
    struct trigram_context start;
};

/* Reads the counts that ngram.py wrote: {"counts": {"abc": n, …}}. NULL: `why` (at least 200 bytes) says what is wrong.
 * The result is the caller's to free(). */
struct trigram *trigram_read(const char *path, char *why);

/* The probability of text[at], given the (up to two) bytes before it. */
double trigram_probability(const struct trigram *trigram, const uint8_t *text, size_t at);

#endif
