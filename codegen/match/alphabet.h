/* Alphabet: code points that every set of a field's patterns treats alike are one symbol, so an automaton's rows are
 * as narrow as its patterns allow and a `\w` costs one entry, not the states of its UTF-8. */
#ifndef QUERN_CODEGEN_MATCH_ALPHABET_H
#define QUERN_CODEGEN_MATCH_ALPHABET_H

#include "codegen/match/regex.h"

/* What a condition can ask about the character before: a bit set, of what the patterns ask alone. */
enum { CONTEXT_BEGIN = 1, CONTEXT_NEWLINE = 2, CONTEXT_WORD = 4, CONTEXT_ASCII_WORD = 8, CONTEXT_DOT = 16, CONTEXT_COUNT = 32 };

struct alphabet_range {
    uint32_t low, high, symbol;
};
/* Immutable once built; any number of threads read it. */
struct alphabet {
    uint32_t ascii[128];           /* the symbol of each ASCII character */
    struct alphabet_range *ranges; /* of all code points, ascending */
    size_t range_count;
    uint32_t symbol_count;
    unsigned char *context;        /* of each symbol, once it has been read */
};

/* Symbols for every set of the pool and the conditions its nodes ask. Symbols are numbered by their least code point. */
void alphabet_build(struct alphabet *alphabet, struct arena *arena, const struct regex_pool *pool);
/* Symbols for these sets alone; no context. */
void alphabet_of_sets(struct alphabet *alphabet, struct arena *arena, const struct regex_set *const *sets, size_t count);
/* The place of the range that holds the code point. */
size_t alphabet_find(const struct alphabet *alphabet, uint32_t code_point);
uint32_t alphabet_symbol(const struct alphabet *alphabet, uint32_t code_point);
/* The symbol of the character at *at of a name, which moves on. */
static inline uint32_t alphabet_next(const struct alphabet *alphabet, const char *bytes, size_t size, size_t *at)
{
    unsigned char c = (unsigned char)bytes[*at];
    if (c < 0x80)
        return ++*at, alphabet->ascii[c];
    return alphabet_symbol(alphabet, utf8_next(bytes, size, at));
}

#endif
