/* Charset: a set of code points as sorted, disjoint, non-touching ranges. Python's str: 0 to 0x10FFFF with the
 * surrogates, so that a byte that is not UTF-8 has its place (U+DC80 + byte - 0x80). */
#ifndef QUERN_CODEGEN_MATCH_CHARSET_H
#define QUERN_CODEGEN_MATCH_CHARSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lang/arena.h"

enum { CODE_POINT_MAX = 0x10ffff };

struct code_range {
    uint32_t low, high; /* both included */
};

struct charset {
    struct arena *arena; /* borrowed */
    struct code_range *ranges;
    size_t count, capacity;
};

static inline struct charset charset_make(struct arena *arena)
{
    return (struct charset){.arena = arena};
}
/* Adds low..high; the set is sorted and merged again by charset_settle. */
void charset_add(struct charset *set, uint32_t low, uint32_t high);
void charset_add_ranges(struct charset *set, const struct code_range *ranges, size_t count);
/* Adds everything that is in none of the ranges, which are sorted and disjoint. */
void charset_add_outside(struct charset *set, const struct code_range *ranges, size_t count);
void charset_settle(struct charset *set);
void charset_negate(struct charset *set); /* of a settled set */
bool ranges_have(const struct code_range *ranges, size_t count, uint32_t code_point);

/* One code point of text that starts at *at, which moves on; a byte that is not UTF-8 is U+DC00 + byte. */
uint32_t utf8_next(const char *bytes, size_t size, size_t *at);
/* The UTF-8 of a code point (surrogates too) in buffer of 4; returns how many bytes. */
size_t utf8_put(char *buffer, uint32_t code_point);

#endif
