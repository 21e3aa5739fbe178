/* Lazy DFA: the subset construction done while names are read, in tables of bounded size. The engine behind the state
 * budget: linear in the name's length, whatever the patterns. One per thread and field. */
#ifndef QUERN_CODEGEN_MATCH_LAZY_H
#define QUERN_CODEGEN_MATCH_LAZY_H

#include "codegen/match/sets.h"
#include "codegen/match/walk.h"

/* What a state is, beside its row: the labels with which a name may end there, then its NFA states as the gaps between
 * them, seven bits a byte. */
struct lazy_record {
    uint32_t hash, size, label_count; /* size: bytes of the gaps */
    uint32_t state;
    int32_t unknown;                  /* of the outcome its row keeps */
};

/* Rows are as wide as ASCII has symbols. Characters beyond it whose symbol is none of those are stepped each time.
 * A row ends in the outcome of a name that ends there, rule + 2, or 0 where nothing was kept, and its record's place. */
struct lazy {
    struct walk_table table;
    struct stepper stepper;
    uint32_t columns;
    bool plain;
    uint32_t *rows;
    size_t row_words, row_used;
    char *records;
    size_t record_bytes, record_used;
    uint32_t *slots; /* states by the hash of their sets */
    size_t slot_count, slot_limit, state_count;
    uint32_t start;  /* 0: not made yet */
    uint32_t *set;   /* of the state at hand */
    unsigned char *gaps;
    unsigned *emptied; /* counts how often the tables were full and began anew: every state before is gone then */
};

/* How an outcome's rule is kept where 0 says that none is: -1 is 1. */
enum { OUTCOME_FIRST = 2 };

struct lazy_options {
    size_t cache; /* bytes of all rows; sets have half as many, or what four of the largest take */
    unsigned *emptied; /* borrowed; may be of several automata */
    bool plain;   /* a label's rule is the outcome wherever no earlier one's label holds, so that states know theirs from the begin */
};
enum { LAZY_CACHE = 24 << 20 };

/* Bytes of a lazy automaton's tables, which are touched only as far as they are used. */
size_t lazy_size(const struct nfa *nfa, size_t cache);
void lazy_init(struct lazy *lazy, const struct nfa *nfa, const struct background *background, const struct label_use *uses,
               const struct lazy_options *options, void *memory);
/* The state of the empty name. */
uint32_t lazy_start(struct lazy *lazy);
/* The next state by the character at *at, which moves on. */
uint32_t lazy_step(struct lazy *lazy, uint32_t state, const char *bytes, size_t size, size_t *at);
/* Where the name ends. */
uint32_t lazy_run(struct lazy *lazy, const char *bytes, size_t size);
static inline uint32_t *lazy_outcome(const struct lazy *lazy, uint32_t state)
{
    return lazy->rows + state + 1 + lazy->columns;
}
static inline struct lazy_record *lazy_record_of(const struct lazy *lazy, uint32_t state)
{
    return (struct lazy_record *)(lazy->records + lazy_outcome(lazy, state)[1]);
}
static inline const uint32_t *lazy_labels(const struct lazy_record *record)
{
    return (const uint32_t *)(record + 1);
}

#endif
