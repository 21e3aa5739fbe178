/* The matcher's insides, shared by compile.c, leaf.c, run.c and the dump. */
#ifndef QUERN_CODEGEN_MATCH_MATCHER_H
#define QUERN_CODEGEN_MATCH_MATCHER_H

#include "codegen/match/program.h"
#include "codegen/match/stride.h"

/* What a state of the primary field's automaton leads to: a decision over the other tests. */
enum decision_kind {
    DECISION_TEST, /* go on by the test's truth */
    DECISION_DONE, /* rule and unknown are the outcome */
    DECISION_SCAN  /* the rules one by one, given the labels of set */
};
struct decision {
    enum decision_kind kind;
    uint32_t test, next[3]; /* TEST: by enum truth */
    int rule, unknown;      /* DONE */
    uint32_t set;           /* SCAN */
};

/* Exact names of one field, when there are many: rules that are nothing but lists of names leave the automaton. */
struct name_entry {
    const char *bytes;
    size_t size;
    uint32_t hash, rule;
};
struct names {
    enum field_id field;
    struct name_entry *entries; /* in rule order */
    size_t count, capacity;
    uint32_t *slots;            /* entry + 1; open addressing */
    size_t slot_count;
};
enum { NAMES_MODULE, NAMES_PARAMETER, NAMES_COUNT, NAMES_LEAST = 128 };

/* A lazy automaton of its own over some of the labels. */
struct part {
    struct background *background;
    size_t lazy_at; /* its place in a thread's scratch */
};

struct engine {
    uint32_t label_count;
    struct label **labels;       /* by number */
    struct label_use *uses;      /* by label */
    struct alphabet alphabet;
    struct nfa *nfa;             /* NULL: no label */
    struct background *background; /* of all parts */
    struct part parts[PARTS_MAX];
    unsigned part_count;
    struct dfa *dfa;             /* NULL: beyond the budget */
    struct label_sets sets;      /* the DFA's outcomes, unless it is the primary one */
    uint32_t *touched_first, *touched; /* by label: the rules that look at it, ascending */
    uint32_t *rules, rule_count; /* that look at the field, ascending */
    size_t bits_at, list_at;     /* places in a thread's scratch */
};

struct matcher {
    struct arena *arena;
    struct program program;
    size_t rule_count;
    bool names_only;             /* as in struct match_options */
    const char *const *origins;  /* by rule */
    uint32_t *rule_names;        /* by rule: its table of names, or NAMES_COUNT */
    struct names names[NAMES_COUNT];
    struct engine engines[FIELD_COUNT];
    enum field_id primary;       /* FIELD_COUNT: no string is looked at */
    unsigned engine_count;       /* fields with labels */
    bool plain;                  /* every rule is labels of the primary field, or what follows: see parts.c */
    int otherwise;               /* plain: the rule that takes every name, or -1; none after it can win */
    struct decision *decisions;
    size_t decision_count;
    uint32_t *sure;              /* by decision: its rule + OUTCOME_FIRST where nothing is asked or unknown, else 0 */
    uint32_t root;               /* the decision when no string is looked at */
    uint64_t *always;            /* bits: rules that may match with no label */
    size_t rule_words;
    size_t cache;                /* bytes of rows of each lazy automaton */
    size_t scratch_size, automata_at, strides_at, memo_at, candidates_at, simulation_at, chain_at;
};

/* lower.c: rules to predicates, labels and names. False after diagnostics. */
bool matcher_lower(struct matcher *matcher, const struct recipe *recipe, struct diags *diags);
bool label_parse(struct matcher *matcher, struct label *label, struct diags *diags);
const struct chain *chain_parse(struct matcher *matcher, const struct ast_string *text, struct diags *diags);
/* Enters every name in the slots. */
void names_index(struct names *names, struct arena *arena);
/* The entries with this name, one after the other in rule order: *at is 0 before the first call. NULL: no more. */
const struct name_entry *names_find(const struct names *names, const struct field *field, size_t *at);
/* dump.c: a test as the text form has it, without its number. */
void matcher_print_test(struct text *out, const struct matcher *matcher, uint32_t test);
/* compile.c: numbers labels, finds what each bears on. Shared with the reader. */
void matcher_number_labels(struct matcher *matcher);
/* Alphabets and NFAs of every field; false: *culprit names the label that cannot be built (NULL: all together). */
bool matcher_build_nfas(struct matcher *matcher, struct arena *scratch, struct label **culprit);
/* Finds the rules that may match with no label and the decisions that are sure, lays out a thread's scratch: the last step. */
void matcher_finish(struct matcher *matcher);
/* leaf.c: decisions for every label set of the primary field, by set; scratch takes what is not kept. */
uint32_t *matcher_decide(struct matcher *matcher, const struct label_sets *sets, struct arena *scratch);
/* Where in the pattern's source bytes begin..end stand; the whole string when they cannot be told. */
struct span pattern_span(const struct ast_string *pattern, size_t begin, size_t end);
/* The same for many places: where each byte of the pattern stands, and its end (size + 1); false: that cannot be told. */
bool pattern_places(const struct ast_string *pattern, uint32_t *places);
struct span places_span(const struct ast_string *pattern, const uint32_t *places, size_t begin, size_t end);

/* run.c: aligned for what stands in it. */
char *scratch_align(void *scratch);
/* The primary field's automata, in an aligned scratch. */
static inline struct automata *automata_of(const struct matcher *matcher, char *scratch)
{
    return (struct automata *)(scratch + matcher->automata_at);
}
/* parts.c: whether every rule is plain, and what takes every name. */
void matcher_find_plain(struct matcher *matcher);
/* compile.c: only a field of one string. Of several, each has an end of its own, and a state's decision speaks for one. */
bool matcher_can_be_primary(enum field_id field);
/* The part of each label of a field. */
unsigned char *matcher_choose_parts(const struct matcher *matcher, enum field_id field, struct arena *scratch);

#endif
