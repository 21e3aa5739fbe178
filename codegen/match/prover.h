/* The prover's insides, shared by prove*.c: predicates over one name, the automaton of all their labels, and the search. */
#ifndef QUERN_CODEGEN_MATCH_PROVER_H
#define QUERN_CODEGEN_MATCH_PROVER_H

#include "codegen/match/matcher.h"
#include "codegen/match/prove.h"

/* A subject is a parameter (its full name is the string everything is about) or a module (its path is). */
enum subject_kind { KIND_PARAMETER, KIND_MODULE, KIND_COUNT };
enum { RECIPES_MAX = 2, STEPS = 4000 * 1000, TOTAL_STEPS = 128 * 1000 * 1000 };

/* One conjunct: the predicate is certainly true, or it is not. */
struct claim_part {
    uint32_t pred;
    bool holds;
};
struct claim {
    struct claim_part *parts;
    size_t count, capacity;
};

/* A set of NFA states that stand for a beginning of a name; see prove_search.c. */
struct search_node {
    size_t first;         /* in members: those that must be equal, then those of labels that only forbid */
    uint32_t equal, count;
    uint32_t parent, symbol, depth, chain;
    uint32_t least, next; /* symbols of a string through here, at least; the node behind it in the queue */
};
/* What is known of a label where a set of states stands. */
enum { HAS_STATE = 1, CAN_END = 2, IS_UNIVERSAL = 4 };
/* How a label bears on a claim. */
enum polarity { POLARITY_ASKS = 1, POLARITY_FORBIDS = 2 };
struct search {
    struct prover *prover;
    struct arena *arena;
    unsigned reads;              /* bits of fields: their labels are about the string at hand, other tests are free */
    enum subject_kind kind;
    const struct claim *claim;
    uint32_t longest;            /* symbols of a name */
    struct search_node *nodes;
    size_t node_count, node_capacity;
    uint32_t *members;
    size_t member_count, member_capacity;
    uint32_t *slots;             /* node + 1, by the part that must be equal */
    size_t slot_count, slot_capacity;
    uint32_t *labels;            /* of the claim */
    size_t label_count;
    uint32_t *required;          /* labels that must hold for the claim to */
    size_t required_count;
    uint32_t *nearest;           /* by label: how far the nearest state of the set at hand is from the end */
    uint32_t *queue;             /* node + 1, by the least it can lead to */
    size_t queue_size, queue_count, queue_capacity;
    uint32_t *free_tests;        /* of the claim */
    size_t free_count;
    unsigned char *polarity;     /* by label */
    unsigned char *status;       /* by label: of the set at hand */
    uint32_t *state_marks, *group_marks, *class_marks, stamp;
    uint32_t *set, set_count;    /* the set being made */
    uint32_t *runs;              /* states of one label, to be followed one by one */
    uint64_t *blocks;            /* of symbols that the set treats alike */
    uint32_t *block_symbols, block_count;
    uint64_t steps;              /* left */
    bool open;                   /* something could not be decided on the way */
};

struct prover {
    struct arena *arena;
    struct arena *temporary;     /* of free_solve */
    struct matcher lowered;      /* carries the program; no automaton of its own */
    struct program *program;
    const struct recipe *recipes[RECIPES_MAX];
    const struct matcher *matchers[RECIPES_MAX];
    void *scratches[RECIPES_MAX];
    size_t recipe_count;
    uint32_t *rules[RECIPES_MAX][KIND_COUNT]; /* predicates over the name of such a subject, by rule */
    bool kinds[KIND_COUNT];      /* that differ for these rules; modules always do */
    uint32_t *test_preds;        /* by test: the predicate that is it */
    uint32_t proper;             /* predicate: identifiers and numbers, joined by dots */
    uint32_t module_role;        /* predicate: a role that a module, a quantizer, can have */
    struct label **labels;       /* by number */
    size_t label_count, label_capacity;
    struct alphabet alphabet;
    struct layer_label *layers;
    struct nfa *nfa;             /* NULL: not built yet */
    bool failed;                 /* it cannot be */
    uint32_t *distances;         /* by state: symbols to the end of a name, at least */
    uint32_t *code_points;       /* by symbol: the one that looks best in a name */
    uint32_t *ranks;             /* by symbol: smaller looks better */
    struct search names, strings;
    unsigned char *truths;       /* by test: what free tests are taken to be; TRUTH_OPEN: anything */
    uint32_t *marks, stamp;      /* by predicate */
    unsigned char *masks;        /* by predicate: bits of what it may be */
    uint64_t step_limit, steps;  /* of one question; left of all */
    bool stopped;                /* a search of the question at hand ran out of them */
};
enum { TRUTH_OPEN = 3 };

/* prove_lower.c: recipes to predicates over names; false: a pattern is refused. Then the automaton of all labels; false: it
 * needs more than the limits of the matcher. */
bool prover_lower(struct prover *prover);
bool prover_build(struct prover *prover);
/* A label's number in the prover's own automaton, made when new. */
uint32_t prover_number_label(struct prover *prover, struct label *label);

/* prove_layer.c */
/* A label without an expression, whose language is the names with a layer number for which the guard holds. */
struct layer_label {
    const struct guard *guard; /* NULL: any number */
    enum subject_kind kind;
    bool megatron;
    uint32_t pred;
    struct layer_label *next;
};
/* Whether the guard is one over the layer number alone that can be an automaton. */
bool layer_guard_is_exact(const struct guard *guard);
uint32_t layer_pred(struct prover *prover, const struct guard *guard, enum subject_kind kind, bool megatron);
/* The characters that the automata tell apart become symbols of their own; before the alphabet is built. */
void layer_intern_characters(struct regex_pool *pool);
/* Adds the automata to the prover's. */
void layer_finish(struct prover *prover);

/* prove_search.c */
void search_init(struct search *search, struct prover *prover, unsigned reads);
/* The shortest string, of at most `longest` symbols, that the claim can be made true with; *node is where it ends. solve finds
 * the free tests (NULL: none) and says NO to go on. */
typedef enum proof search_solve(void *user, struct search *search);
enum proof search_run(struct search *search, const struct claim *claim, enum subject_kind kind, uint32_t longest, search_solve *solve, void *user,
                      uint32_t *node);
/* The string that leads to the node, in the arena. */
const char *search_string(const struct search *search, uint32_t node, size_t *size);
/* prove_claim.c: fills the search's lists of labels and free tests. */
void claim_note(struct search *search);
/* Whether the claim can still hold, and whether it holds already, where the name ends and free tests are as in truths. */
bool claim_is_possible(struct search *search, bool ends);
bool claim_is_certain(struct search *search);
static inline void claim_add(struct prover *prover, struct claim *claim, uint32_t pred, bool holds)
{
    *ARENA_PUSH(prover->arena, claim->parts, claim->count, claim->capacity) = (struct claim_part){pred, holds};
}

/* prove_free.c: values for the free tests of the search at hand that make its claim true. YES: *subject has them. */
enum proof free_solve(struct search *search, struct subject *subject);
/* prove_numbers.c: dtype and shape so that the tests come out as in truths. */
enum proof numbers_solve(struct prover *prover, const uint32_t *tests, size_t count, struct subject *subject);
/* prove_strings.c: types, tags, ops likewise. */
enum proof strings_solve(struct prover *prover, const uint32_t *tests, size_t count, struct subject *subject);

/* What a found subject means for the question at hand: YES: it answers it. NO: part is added to the claim and the search
 * goes on. */
typedef enum proof witness_judge(void *user, const struct witness *witness, struct claim_part *part);
/* prove_witness.c */
void prover_rank_symbols(struct prover *prover);
/* The subject of a name for recipe r, with what `known` says beyond the name. */
struct subject witness_subject(const struct prover *prover, const struct witness *witness, size_t recipe);
const char *witness_facts(struct arena *arena, const struct witness *witness);

/* Fills witness->typical: a name of prove_names.def that the judge takes for an answer as well. */
void witness_find_typical(struct prover *prover, struct witness *witness, witness_judge *judge, void *user);

/* prove.c: builds the automaton when it is needed first; false: it cannot be. */
bool prover_ready(struct prover *prover);
/* Asks until the judge is content. Adds to the claim. */
enum proof prove_claim(struct prover *prover, struct claim *claim, enum subject_kind kind, uint32_t longest, witness_judge *judge, void *user,
                       struct witness *witness);


#endif
