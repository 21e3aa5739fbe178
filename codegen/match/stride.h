/* Strides: names are read up to 29 bytes at a time, each piece ending behind a number's dot (`model.layers.17.`) where it can,
 * through tables of what pieces did before. Names are made of few words and few numbers, so that a walk of fifty dependent
 * loads becomes one of three. The tables are caches of bounded size: what they lack is read byte by byte. One per thread, for
 * the primary field. */
#ifndef QUERN_CODEGEN_MATCH_STRIDE_H
#define QUERN_CODEGEN_MATCH_STRIDE_H

#include "codegen/match/dfa.h"
#include "codegen/match/lazy.h"
#include "codegen/match/match.h"

struct piece; /* cut.h */
/* Pieces by their bytes: open addressing. Each has a number. */
struct pieces {
    struct piece *items;
    uint32_t mask, count, shift; /* of a hash */
};
/* From a state, by a numbered piece, to a state, or by a name's last piece to its outcome: 24, 16 and 24 bits of a word. A state
 * and a piece have four places, and pieces numbered one after another stand so. */
struct steps {
    uint64_t *items;
    uint32_t mask, limit, missed; /* since the table was cleared */
};

/* One automaton as it is read. */
struct automaton {
    const struct dfa *dfa; /* NULL: lazy */
    const uint32_t *sure;  /* of dfa: the outcome as it is kept, by decision */
    struct lazy *lazy;
    const struct walk_table *table;
    struct steps steps;
};
/* What reads a name: one automaton, or several whose first rule counts. */
struct automata {
    unsigned count, emptied, known; /* emptied: how often a lazy automaton was; known: what it was when the steps were cleared */
    uint32_t starts[PARTS_MAX];     /* of that time */
    uint32_t otherwise; /* the outcome of a name that no label takes */
    struct pieces pieces;
    struct automaton parts[PARTS_MAX];
};

/* The caches are laid into memory of that size, which is touched only as far as they grow. */
size_t strides_size(const struct nfa *nfa, unsigned parts);
void strides_init(struct automata *automata, const struct nfa *nfa, void *memory);
/* The name's rule + OUTCOME_FIRST; 0: the automaton alone cannot tell, a rule before it is unknown, or it was not asked yet. */
uint32_t stride_run(struct automata *automata, const char *bytes, size_t size);
/* The rules of many names, each of which is read from where it differs from the one before. How many are not known: those have
 * -OUTCOME_FIRST. */
size_t stride_batch(struct automata *automata, const struct field *names, size_t count, int *rules);

#endif
