/* DFA: the subset construction under a budget, minimised, as one dense table with classes of symbols. */
#ifndef QUERN_CODEGEN_MATCH_DFA_H
#define QUERN_CODEGEN_MATCH_DFA_H

#include "codegen/match/sets.h"

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

/* As executed. A state is the offset of its row in `next`; a row holds the next state for each class, then its outcome. */
struct dfa {
    uint32_t state_count, class_count, start;
    uint32_t *next;
    uint32_t ascii[128]; /* the class of each ASCII character */
    struct alphabet_range *ranges; /* of all code points: the class stands in `symbol` */
    size_t range_count;
};

struct dfa_limits {
    size_t states, cells; /* of the table before minimisation */
    uint64_t work;        /* steps of the construction */
};
enum { DFA_STATES = 65536, DFA_CELLS = 1 << 22, DFA_WORK_PER_STATE = 64 };

/* False: a limit was passed. Outcomes are numbers of label sets. */
bool dfa_determinise(struct raw_dfa *raw, struct label_sets *sets, struct arena *arena, const struct nfa *nfa,
                     const struct background *background, const struct label_use *uses, const struct dfa_limits *limits);
/* The least automaton with the same outcomes: states numbered breadth first, classes by their least code point. */
struct dfa *dfa_minimise(const struct raw_dfa *raw, struct arena *arena, struct arena *scratch);
/* The outcome of a name. */
static inline uint32_t dfa_run(const struct dfa *dfa, const char *bytes, size_t size)
{
    uint32_t state = dfa->start;
    for (size_t i = 0; i < size;) {
        unsigned char c = (unsigned char)bytes[i];
        if (c < 0x80) {
            state = dfa->next[state + dfa->ascii[c]];
            i++;
        } else {
            struct alphabet view = {.ranges = dfa->ranges, .range_count = dfa->range_count};
            state = dfa->next[state + alphabet_symbol(&view, utf8_next(bytes, size, &i))];
        }
    }
    return dfa->next[state + dfa->class_count];
}

void label_sets_init(struct label_sets *sets, struct arena *arena);
uint32_t label_sets_add(struct label_sets *sets, struct arena *arena, const uint32_t *labels, uint32_t count);
bool label_sets_have(const struct label_sets *sets, uint32_t set, uint32_t label);

#endif
