/* Words: the spelling of every closed set of the language, indexed by the set's enum. The parsers look words up
 * here, the printers print them from here, messages list and suggest them. docs/language.md. */
#ifndef QUERN_LANG_WORDS_H
#define QUERN_LANG_WORDS_H

#include "lang/diag.h"

/* SET(name, what): what a member is called in messages */
#define WORD_SETS(SET)                                              \
    SET(scheme, "a scheme")           /* enum scheme, by its name: asymmetric_free */ \
    SET(symmetric, "a symmetric scheme")   /* enum scheme: the word after `symmetric` */ \
    SET(asymmetric, "an asymmetric scheme") /* enum scheme: the word after `asymmetric` */ \
    SET(granularity, "a granularity")                               \
    SET(pow2, "a power-of-two rounding")                            \
    SET(rounded, "when the scale is rounded") /* 0 first, 1 last */ \
    SET(zero, "a kind of zero point")                               \
    SET(formula, "a formula")                                       \
    SET(range, "a range estimator")                                 \
    SET(rounding, "a rounding")                                     \
    SET(overflow, "an overflow mode")                               \
    SET(compute, "an arithmetic")     /* 0 f32, 1 input */          \
    SET(timing, "a timing")                                         \
    SET(layout, "a layout")                                         \
    SET(ragged, "a remainder rule")   /* 0 error, 1 pad */          \
    SET(dtype, "an element type")                                   \
    SET(role, "a role")               /* enum slot_role */          \
    SET(atom, "an atom")              /* enum atom, by its words */ \
    SET(comparison, "a comparison")   /* enum ast_comparison */     \
    SET(term, "a term")               /* enum ast_term_kind */      \
    SET(policy, "a policy")           /* enum ast_policy, by its name: specific_code */ \
    SET(winner, "a policy")           /* the word after `match`: 0 first, 1 last, 2 specific */ \
    SET(compat, "a compatibility")    /* 0 code, 1 doc */           \
    SET(format_kind, "a kind of format") /* int, float, codebook: enum format_kind; 3 uint */ \
    SET(target, "a target")           /* enum ast_target_kind */    \
    SET(spelling, "a spelling")       /* enum spelling */           \
    SET(slot_key, "a kind of key")    /* enum slot_key_kind */      \
    SET(quantity, "a quantity")       /* of expect */               \
    SET(schedule, "a step of a schedule")                           \
    SET(decl, "a declaration")        /* enum ast_decl_kind */

enum word_set {
#define SET(name, what) WORDS_##name,
    WORD_SETS(SET)
#undef SET
    WORD_SET_COUNT
};
struct word_list {
    const char *what;
    const char *const *words; /* "" where a member has no word of its own */
    size_t count;
};
extern const struct word_list word_lists[WORD_SET_COUNT];

/* The member's index, or -1. */
int word_find(enum word_set set, const char *word);
/* "" when index is none of the set's. */
const char *word_of(enum word_set set, int index);
/* The same with a message when there is none: "expected `floor`, … or `rceil` after `pow2`, saw `flor`", with the
 * nearest word as help. after: NULL, or what stands before. */
int word_expect(enum word_set set, const char *word, const char *after, struct span span, struct diags *diags);

#endif
