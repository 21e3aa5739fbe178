/* State sets: one step of the subset construction, for the eager automaton and for the lazy one. A set is an ascending
 * array of NFA states from which everything that cannot change the outcome is dropped. States that are in every set, the
 * heads of `.*X`, are not listed at all: they are the background, and what they lead to is kept by symbol. */
#ifndef QUERN_CODEGEN_MATCH_SETS_H
#define QUERN_CODEGEN_MATCH_SETS_H

#include "codegen/match/nfa.h"

#define NO_RULE UINT32_MAX

/* Which rules a label bears on: what can be dropped once a rule is sure to match. */
struct label_use {
    uint32_t first; /* the first rule that looks at the label */
    uint32_t sure;  /* the first rule that matches whenever the label does, or NO_RULE */
};

/* The background: start states that stay whatever is read (mode 0), or whatever but a newline (mode 1: one was read, so
 * only the others are left). A set in mode 1 ends in the number after the last state. */
enum { MODE_COUNT = 2 };
struct background {
    uint32_t start, start_end;     /* the automaton's own of nfa->starts: those of one part, or all */
    unsigned char *member;         /* by state: 0 no, 1 always, 2 in mode 0 alone */
    uint32_t *first[MODE_COUNT];   /* by symbol: where its targets begin; one more for the end */
    uint32_t *targets[MODE_COUNT];
    uint32_t *ends[MODE_COUNT], end_count[MODE_COUNT]; /* labels with which a name may always end */
    uint32_t limit[MODE_COUNT];    /* the first rule that is sure from the start */
    uint32_t newline;              /* the symbol that changes the mode, or UINT32_MAX */
    uint64_t *special[MODE_COUNT]; /* bits: symbols that the background may tell from the others */
};
/* Of the parts first to last. */
struct background *background_find(struct arena *arena, const struct nfa *nfa, const struct label_use *uses, unsigned first, unsigned last);

struct stepper {
    const struct nfa *nfa;
    const struct background *background;
    const struct label_use *uses; /* by label; NULL: nothing may be dropped for a rule's sake */
    uint64_t *bits, *summary;     /* of states; all zero between steps */
    uint32_t *marks, stamp;       /* by group */
    uint32_t *set;                /* the result */
    uint32_t count;
    uint64_t work;
};

/* Bytes a stepper's arrays take. memory is aligned to 8. */
size_t stepper_size(const struct nfa *nfa);
void stepper_init(struct stepper *stepper, const struct nfa *nfa, const struct background *background, const struct label_use *uses,
                  void *memory);
/* stepper->set = the start, or what set becomes by the symbol. set may not be stepper->set. */
void stepper_start(struct stepper *stepper);
void stepper_step(struct stepper *stepper, const uint32_t *set, uint32_t count, uint32_t symbol);
/* Bits of the symbols the set may tell from the others; all the rest lead to one set. words: nfa->class_words. */
void stepper_special(const struct stepper *stepper, const uint32_t *set, uint32_t count, uint64_t *bits);
/* The labels with which a name may end in the set, ascending, those that can still matter; returns how many. */
uint32_t stepper_labels(const struct stepper *stepper, const uint32_t *set, uint32_t count, uint32_t *labels);
uint32_t set_hash(const uint32_t *set, uint32_t count);

#endif
