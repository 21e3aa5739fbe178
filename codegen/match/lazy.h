/* Lazy DFA: the subset construction done while names are read, in a cache of bounded size. The engine behind the state
 * budget: linear in the name's length, whatever the patterns. One per thread and field. */
#ifndef QUERN_CODEGEN_MATCH_LAZY_H
#define QUERN_CODEGEN_MATCH_LAZY_H

#include "codegen/match/sets.h"

/* A state is the offset of its record in the pool: a head, the next states by symbol (0: not made yet), its NFA states,
 * the labels with which a name may end there. */
struct lazy_record {
    uint32_t hash, set_count, label_count;
    uint32_t decided;      /* 1: rule and unknown hold what every name that ends here gets */
    int32_t rule, unknown;
};

struct lazy {
    struct stepper stepper;
    uint32_t *pool; /* word 0 is no state */
    size_t pool_words, used;
    uint32_t *slots;
    size_t slot_count, state_count;
    uint32_t start; /* 0: the cache was flushed */
};

enum { LAZY_CACHE_WORDS = 4 << 20 };

size_t lazy_size(const struct nfa *nfa);
void lazy_init(struct lazy *lazy, const struct nfa *nfa, const struct label_use *uses, void *memory);
/* Where the name ends. The record lasts until the next call. */
struct lazy_record *lazy_run(struct lazy *lazy, const char *bytes, size_t size);
const uint32_t *lazy_labels(const struct lazy *lazy, const struct lazy_record *record);

#endif
