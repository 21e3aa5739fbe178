/* DFA: the subset construction under a budget, minimised, as one dense table with classes of symbols. */
#ifndef QUERN_CODEGEN_MATCH_DFA_H
#define QUERN_CODEGEN_MATCH_DFA_H

#include "codegen/match/sets.h"
#include "codegen/match/walk.h"

/* Sets of labels with which names end; set 0 is the empty one. */
struct label_sets {
    uint32_t *first; /* by set; one more for the end */
    uint32_t *labels;
    size_t count, capacity, label_count, label_capacity;
};

/* As determinised: states in the order found, state 0 the start; rows of alphabet->symbol_count. */
struct raw_dfa {
    const struct alphabet *alphabet;
    uint32_t *next, *outcome;
    size_t state_count;
};

/* As executed: rows of walk.h, of DFA_EXTRA words more than classes, the outcome last. Row 0 is no state's. */
struct dfa {
    struct walk_table table;
    uint32_t state_count, class_count;
    uint32_t *next;
    struct alphabet_range *ranges; /* of all code points: the class stands in `symbol` */
    size_t range_count;
};
enum { DFA_EXTRA = 2 };

/* Rows for the automaton's states and classes. */
void dfa_make_rows(struct dfa *dfa, struct arena *arena);
/* The table of bytes, from the ranges: the last step. */
void dfa_index_bytes(struct dfa *dfa);
static inline uint32_t dfa_width(const struct dfa *dfa)
{
    return dfa->class_count + DFA_EXTRA;
}
/* State `number`'s columns, one a class. The value in one is what dfa_place gives for the next state. */
static inline uint32_t *dfa_row(const struct dfa *dfa, uint32_t number)
{
    return dfa->next + (size_t)(number + 1) * dfa_width(dfa) + 1;
}
static inline uint32_t dfa_place(const struct dfa *dfa, uint32_t number)
{
    return (number + 1) * dfa_width(dfa);
}
static inline uint32_t dfa_number(const struct dfa *dfa, uint32_t place)
{
    return place / dfa_width(dfa) - 1;
}
static inline uint32_t *dfa_outcome(const struct dfa *dfa, uint32_t number)
{
    return dfa_row(dfa, number) + dfa->class_count;
}

struct dfa_limits {
    size_t states, cells; /* of the table before minimisation */
    uint64_t work;        /* steps of the construction */
};
/* Rules that come in parts multiply each other's states: the attempt ends early. */
enum { DFA_STATES = 65536, DFA_STATES_OF_PARTS = 8192, DFA_CELLS = 1 << 22, DFA_WORK_PER_STATE = 64 };

/* False: a limit was passed. Outcomes are numbers of label sets. */
bool dfa_determinise(struct raw_dfa *raw, struct label_sets *sets, struct arena *arena, const struct nfa *nfa,
                     const struct background *background, const struct label_use *uses, const struct dfa_limits *limits);
/* The least automaton with the same outcomes: states numbered breadth first, classes by their least code point. */
struct dfa *dfa_minimise(const struct raw_dfa *raw, struct arena *arena, struct arena *scratch);
/* The next state by the character at *at, which moves on, whatever it is. */
uint32_t dfa_step(const struct dfa *dfa, uint32_t state, const char *bytes, size_t size, size_t *at);
/* The outcome of a name. */
static inline uint32_t dfa_run(const struct dfa *dfa, const char *bytes, size_t size)
{
    uint32_t state = dfa_place(dfa, 0);
    for (size_t at = 0; (at = walk_run(&dfa->table, &state, bytes, at, size)) < size;)
        state = dfa_step(dfa, state, bytes, size, &at);
    return dfa->next[state + dfa->class_count + 1];
}

void label_sets_init(struct label_sets *sets, struct arena *arena);
uint32_t label_sets_add(struct label_sets *sets, struct arena *arena, const uint32_t *labels, uint32_t count);
bool label_sets_have(const struct label_sets *sets, uint32_t set, uint32_t label);

#endif
