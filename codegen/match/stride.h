/* Strides: names are read up to sixteen bytes at a time, each piece ending behind a dot where it can, through a table of what
 * pieces did before. Names are made of few words, so that a walk of fifty dependent loads becomes one of four. The table is
 * a cache of bounded size: what it lacks is read byte by byte. One per thread, for the primary field. */
#ifndef QUERN_CODEGEN_MATCH_STRIDE_H
#define QUERN_CODEGEN_MATCH_STRIDE_H

#include "codegen/match/dfa.h"
#include "codegen/match/lazy.h"

/* From a state, by a piece of ASCII, to a state; by a name's last piece, to its outcome. */
struct stride {
    uint64_t bytes[2]; /* the piece, zeros behind it */
    uint64_t from;     /* the state, the piece's length and whether it is the last; 0: a free place */
    uint64_t to;
};
struct strides {
    struct stride *items; /* a power of two; a piece has one place */
    uint32_t mask, limit;
    uint32_t missed;      /* since the table was cleared */
    unsigned emptied;     /* the lazy automaton's when it was cleared: the states here are of that time */
};
enum { STRIDES_FIRST = 1 << 9, STRIDES_MAX = 1 << 16 };

/* One automaton as it is read. */
struct automaton {
    const struct dfa *dfa; /* NULL: lazy */
    const uint32_t *sure;  /* of dfa: the outcome as it is kept, by decision */
    struct lazy *lazy;
    const struct walk_table *table;
    struct strides *strides;
};
/* What reads a name: one automaton, or several whose first rule counts. */
struct automata {
    unsigned count;
    uint32_t otherwise; /* the outcome of a name that no label takes */
    struct automaton parts[PARTS_MAX];
};

/* Where the last name was cut and the states there: a name that begins like it is read from the last cut they share. */
enum { CUTS_MAX = 64 };
struct track {
    const char *bytes; /* borrowed; NULL: no name yet */
    size_t size;
    unsigned emptied;  /* the lazy automata, together, when the states were found */
    uint32_t count, at[CUTS_MAX], states[CUTS_MAX][PARTS_MAX]; /* the first is the begin */
};

size_t strides_size(const struct nfa *nfa);
void strides_init(struct strides *strides, const struct nfa *nfa, void *memory);
/* The name's rule + OUTCOME_FIRST; 0: the automaton alone cannot tell, a rule before it is unknown, or it was not asked yet. */
uint32_t stride_run(const struct automata *automata, const char *bytes, size_t size);
/* The same, read from where the name differs from the track's, which becomes this one. */
uint32_t stride_follow(const struct automata *automata, struct track *track, const char *bytes, size_t size);

#endif
