/* Lazy DFA: the subset construction done while names are read, in a cache of bounded size. The engine behind the state
 * budget: linear in the name's length, whatever the patterns. One per thread and field. */
#ifndef QUERN_CODEGEN_MATCH_LAZY_H
#define QUERN_CODEGEN_MATCH_LAZY_H

#include "codegen/match/sets.h"

/* A state is the place of its record in the pool: a head, its NFA states, the labels with which a name may end there.
 * Names of one model leave most states by one symbol alone, which stands in the head; the others have a row. */
struct lazy_record {
    uint32_t hash, set_count, label_count;
    uint32_t symbol, next; /* the first symbol read here and where it led; symbol UINT32_MAX: none yet */
    uint32_t row;          /* place of the next states by symbol, 0 where not made yet; or 0 */
    uint32_t decided;      /* 1: rule and unknown hold what every name that ends here gets */
    int32_t rule, unknown;
};

struct lazy {
    struct stepper stepper;
    uint32_t *pool; /* word 0 is no state */
    size_t pool_words, used;
    uint32_t *slots;
    size_t slot_count, state_count;
    uint32_t start; /* 0: not made yet */
    bool full;      /* a row did not fit: the next name begins with an empty cache */
};

enum { LAZY_CACHE_WORDS = 7 << 20, LAZY_SLOTS = 1 << 18 };

size_t lazy_size(const struct nfa *nfa);
void lazy_init(struct lazy *lazy, const struct nfa *nfa, const struct background *background, const struct label_use *uses, void *memory);
/* Where the name ends. The record lasts until the next call. */
struct lazy_record *lazy_run(struct lazy *lazy, const char *bytes, size_t size);
static inline const uint32_t *lazy_labels(const struct lazy_record *record)
{
    return (const uint32_t *)(record + 1) + record->set_count;
}

#endif
