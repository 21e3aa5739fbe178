/* NFA: the terms of a field's atoms closed under derivatives, as states over symbols. Conditions are gone: a state
 * whose term depends on the character before exists once for each context. Immutable once built. */
#ifndef QUERN_CODEGEN_MATCH_NFA_H
#define QUERN_CODEGEN_MATCH_NFA_H

#include "codegen/match/term.h"

/* Labels in parts that are automata of their own: see parts.h. Part 0 alone: no parts. */
enum { PARTS_MAX = 4 };

struct nfa {
    const struct alphabet *alphabet;
    uint32_t state_count, label_count, start_count;
    uint32_t *starts;      /* labels whose patterns begin alike, and are of one part, share one. Apart: by label, or UINT32_MAX */
    uint32_t part_starts[PARTS_MAX + 1]; /* where each part's begin; one more for the end */
    uint32_t *first_move;  /* by state; one more for the end */
    struct move *moves;    /* symbols: a class; target: a state */
    uint32_t *label;       /* by state: the one label, where a name may end; else the least that can still be reached */
    unsigned char *flags;  /* by state */
    uint32_t *group;       /* by state: states of one term */
    uint32_t *above;       /* by group: a group that takes whatever this one takes, or UINT32_MAX */
    uint32_t group_count;
    uint64_t *class_bits;
    size_t class_words, class_count;
};
enum { NFA_ENDS = 1, NFA_UNIVERSAL = 2 };

struct nfa_limits {
    uint64_t label_work, total_work; /* steps of construction for one label, for all */
    bool apart; /* each label's states are its own */
    const unsigned char *parts; /* of each label, below PARTS_MAX; NULL: one part */
};
/* Steps of construction for one label. Nested repeat counts pass it; patterns of names come nowhere near. */
enum { NFA_LABEL_WORK = 4 * 1000 * 1000 };

/* roots[i] is the language of label i. Returns NULL with *culprit = the label that passes its limit, or
 * UINT32_MAX when all together do. The result lives in
 * arena, everything else in scratch. */
struct nfa *nfa_build(struct arena *arena, struct arena *scratch, struct regex_pool *pool, const struct alphabet *alphabet,
                      const struct regex *const *roots, uint32_t label_count, const struct nfa_limits *limits, uint32_t *culprit);
static inline bool nfa_class_has(const struct nfa *nfa, uint32_t class, uint32_t symbol)
{
    return nfa->class_bits[class * nfa->class_words + symbol / 64] >> symbol % 64 & 1;
}

#endif
