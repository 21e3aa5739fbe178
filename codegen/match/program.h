/* Program: the rules as predicates over tests. A test asks whether a string field of the subject is in a language (its
 * label) or what a guard says; predicates are hash-consed and three-valued (Kleene). */
#ifndef QUERN_CODEGEN_MATCH_PROGRAM_H
#define QUERN_CODEGEN_MATCH_PROGRAM_H

#include "codegen/match/match.h"
#include "codegen/match/regex.h"

enum field_id {
#define FIELD(name, strings, count, known) FIELD_##name,
#include "codegen/match/fields.def"
#undef FIELD
    FIELD_COUNT
};
enum language {
#define LANGUAGE(name) LANGUAGE_##name,
#include "codegen/match/languages.def"
#undef LANGUAGE
    LANGUAGE_COUNT
};
extern const char *const field_names[FIELD_COUNT];
extern const enum field_id atom_fields[ATOM_COUNT];
extern const enum language atom_languages[ATOM_COUNT];

enum truth { TRUTH_NO, TRUTH_YES, TRUTH_UNKNOWN };

/* ---- guards ---- */
struct guard_term {
    enum ast_term_kind kind;
    int64_t integer, modulus; /* as in struct ast_term */
};
enum guard_kind { GUARD_COMPARE, GUARD_RANGE, GUARD_DTYPE };
struct guard {
    enum guard_kind kind;
    enum ast_comparison comparison; /* COMPARE: left comparison right */
    struct guard_term left, right;
    int64_t low, high;              /* RANGE: left in low..high */
    int dtype;                      /* DTYPE */
};
enum truth guard_test(const struct guard *guard, const struct subject *subject);
/* Python's remainder: it has the sign of the modulus. */
int64_t guard_remainder(int64_t value, int64_t modulus);
bool guard_same(const struct guard *a, const struct guard *b);
extern const char *const comparison_words[];

/* ---- labels ---- */
struct pattern {
    enum atom atom;
    const char *bytes;
    size_t size;
};
/* A union of atoms of one field. */
struct label {
    enum field_id field;
    const struct regex *root; /* while the matcher is built */
    struct pattern *patterns;
    size_t pattern_count;
    struct span span;         /* of the first atom */
    uint32_t number;          /* within its field, once numbered; UINT32_MAX before */
};

enum test_kind { TEST_LABEL, TEST_GUARD, TEST_CHAIN };
struct test {
    enum test_kind kind;
    uint32_t hash;
    struct label *label;
    const struct guard *guard;
    const struct chain *chain;
};

/* ---- predicates ---- */
enum pred_kind { PRED_FALSE, PRED_TRUE, PRED_UNKNOWN, PRED_TEST, PRED_NOT, PRED_AND, PRED_OR };
/* Their numbers: the three constants come first. */
#define PRED(constant) ((uint32_t)PRED_##constant)
struct pred {
    enum pred_kind kind;
    uint32_t a, b; /* TEST: the test; else operands */
    uint32_t depth;
};
enum { PRED_DEPTH_MAX = 1000 };

struct program {
    struct arena *arena;
    struct regex_pool pools[FIELD_COUNT];
    struct test *tests;
    size_t test_count, test_capacity;
    struct pred *preds;
    size_t pred_count, pred_capacity;
    uint32_t *test_slots, *pred_slots;
    size_t test_slot_count, pred_slot_count;
    uint32_t *rules; /* the predicate of each */
    size_t rule_count;
    struct label **chain_labels; /* of FIELD_chain, by number */
    size_t chain_label_count, chain_label_capacity;
    uint32_t *marks, *memo; /* by predicate: of the walk at hand */
    size_t mark_count;
    uint32_t mark;
};

/* Regexes live in scratch; nothing of them is needed once the automata are built. */
void program_init(struct program *program, struct arena *arena, struct arena *scratch);
uint32_t pred_of_guard(struct program *program, const struct guard *guard);
uint32_t pred_of_label(struct program *program, enum field_id field, const struct regex *root, const struct pattern *patterns,
                       size_t pattern_count, struct span span);
/* chain is kept, its text tells it from others. */
uint32_t pred_of_chain(struct program *program, const struct chain *chain);
uint32_t pred_not(struct program *program, uint32_t a);
uint32_t pred_and(struct program *program, uint32_t a, uint32_t b);
/* Two labels of one field become one: their union; so do those of two nots. */
uint32_t pred_or(struct program *program, uint32_t a, uint32_t b);
uint32_t pred_and_nots(struct program *program, uint32_t a, uint32_t b);
/* Without that, for a program whose labels are fixed. */
uint32_t pred_or_plain(struct program *program, uint32_t a, uint32_t b);

/* What a test is known to be. Gives a constant's number, or UINT32_MAX where it stays a test. */
typedef uint32_t pred_known(void *user, uint32_t test);
/* pred with what is known put in. */
uint32_t pred_restrict(struct program *program, uint32_t pred, pred_known *known, void *user);
/* Calls visit for every test below pred, once each. */
void pred_visit_tests(struct program *program, uint32_t pred, void (*visit)(void *user, uint32_t test), void *user);
/* The test that stands first in pred, which is no constant. */
uint32_t pred_first_test(const struct program *program, uint32_t pred);

static inline enum truth truth_not(enum truth a)
{
    return a == TRUTH_UNKNOWN ? a : a == TRUTH_NO ? TRUTH_YES : TRUTH_NO;
}
static inline enum truth truth_and(enum truth a, enum truth b)
{
    return a == TRUTH_NO || b == TRUTH_NO ? TRUTH_NO : a == TRUTH_UNKNOWN || b == TRUTH_UNKNOWN ? TRUTH_UNKNOWN : TRUTH_YES;
}
static inline enum truth truth_or(enum truth a, enum truth b)
{
    return a == TRUTH_YES || b == TRUTH_YES ? TRUTH_YES : a == TRUTH_UNKNOWN || b == TRUTH_UNKNOWN ? TRUTH_UNKNOWN : TRUTH_NO;
}

#endif
