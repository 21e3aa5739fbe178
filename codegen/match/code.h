/* Match code: what a matcher does with a name, as data that the code generator takes. One automaton over the name's characters
 * or bytes, and decisions at its states that ask for nothing but the layer number, which is read from the name as
 * well. docs/matchers.md. */
#ifndef QUERN_CODEGEN_MATCH_CODE_H
#define QUERN_CODEGEN_MATCH_CODE_H

#include "codegen/match/matcher.h" /* decisions, guards, alphabets */

/* What is returned in place of a rule. */
enum {
    MATCH_NO_RULE = -1,
    MATCH_ASK = -2,  /* the name alone does not tell: the table-driven matcher does */
    MATCH_OUTSIDE = -2 /* closed.c: none of the names the code was made for */
};
enum { MATCH_CODE_STATES = 500 };

/* A function of the object that gives a text by its number; `otherwise` for any other number. */
struct match_texts {
    const char *name;
    const char *const *texts;
    uint32_t count;
    const char *otherwise;
};

/* Beyond the budget: the NFA's states as a set of bits that every character moves on, then the rules' predicates over the labels of
 * the states that end. Linear in the name, and exact. Predicates are numbered so that operands come first. */
struct match_op {
    enum pred_kind kind; /* NOT (b is a), AND, OR */
    uint32_t a, b, result;
};
struct match_test {
    uint32_t guard, result; /* a number of guards; a predicate */
};
struct match_end {
    uint32_t state, result;
};
struct match_sets {
    const struct nfa *nfa;
    uint32_t pred_count;
    const uint32_t *rules; /* the predicate of each */
    size_t rule_count;
    const struct match_op *ops;
    size_t op_count;
    const struct match_test *tests;
    size_t test_count;
    const struct match_end *ends;
    size_t end_count;
    bool asks; /* some test is not of the name */
};
/* Bytes of stack such a matcher may take. */
enum { MATCH_STACK_MAX = 64 << 10 };

struct match_code {
    const struct match_sets *sets;       /* NULL: the automaton below */
    uint32_t state_count, class_count;   /* no state: decision `root` is the answer to every name */
    uint32_t root;
    const uint32_t *next;                /* rows of class_count: numbers of states; 0 is the start */
    const uint32_t *decision;            /* by state */
    uint32_t block_limit;                /* up to so many states become blocks of code; more are a table. MATCH_CODE_STATES */
    const unsigned char *class_of;       /* of bytes below 128, or of all when there is no range */
    const struct alphabet_range *ranges; /* of all code points, their class in `symbol`; NULL: bytes are matched, not characters */
    size_t range_count;
    const struct decision *decisions;    /* TEST: a number of guards; SCAN: MATCH_ASK */
    size_t decision_count;
    const struct guard *guards;          /* of the layer number and constants, constants without modulus */
    size_t guard_count;
    bool megatron_layers;
    const char *name;                    /* int32_t NAME(const char *, size_t, int32_t *unknown) */
    const char *plain_name;              /* the same without the last parameter; NULL: not wanted */
    struct match_texts texts[2];
    size_t text_count;                   /* functions `const char *NAME(int32_t)` */
};

/* The code of a matcher compiled with names_only, which it borrows from. NULL: its automaton is beyond the budget, and sets are not
 * wanted or would take too much stack. */
struct match_code *match_code_make(struct arena *arena, const struct matcher *matcher, bool megatron_layers, bool sets);
/* Whether some name's answer is MATCH_ASK. */
bool match_code_asks(const struct match_code *code);

/* A name and its outcome's number. */
struct match_name {
    const char *bytes;
    size_t size;
    uint32_t outcome;
};
/* The code that knows these names alone, which it sorts: the least automaton whose states end in outcomes[i], or in MATCH_OUTSIDE.
 * A name given twice has its first outcome. */
struct match_code *match_code_of_names(struct arena *arena, struct match_name *names, size_t count, const struct match_outcome *outcomes,
                                       size_t outcome_count);

#endif
