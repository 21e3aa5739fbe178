/* quern_prove.h: what holds for every name there could be, without a model: rules that never win, recipes that do the same.
 * quern.h first. docs/proofs.md says what is exact and what the limits of a proof are. One thread at a time uses a recipe here. */
#ifndef QUERN_PROVE_H
#define QUERN_PROVE_H

#include "quern.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rules that never win are warnings, with the rules that cover them. notes: also which rules are taken in part by others before
 * them, a name that no rule takes, and what was not decided. Steps are bounded, so that it ends; beyond them a rule is
 * undecided, never called dead. `match specific`, which decides over whole modules, is left alone. The status is QUERN_OK
 * unless memory is out. */
QUERN_API enum quern_status quern_recipe_prove(quern_recipe *recipe, bool notes);
/* What a match does: the slots, payload and schedule of its config as canonical text, "skip" when it does nothing. Equal texts,
 * equal treatment; with `names` the config's name is part of it. Of several configs one after the other ("a+b") the last's.
 * *action is the recipe's. Texts are made for all rules on the first question. */
QUERN_API enum quern_status quern_match_action(quern_recipe *recipe, const struct quern_match *match, bool names, const char **action);
struct quern_difference {
    bool found;           /* false: every other member is 0 or NULL */
    bool parameter;       /* name is a parameter's full name, else a module's path */
    const char *name;     /* the shortest that is treated differently, `size` bytes; the first recipe's */
    size_t size;
    const char *typical;  /* a name as models have them that is treated differently, too, or NULL */
    const char *facts;    /* what else must hold there: ", dtype bf16, shape [64]", or "" */
    struct quern_match a, b; /* what each recipe does there */
};
/* Proves that two recipes treat every name alike (found is false then), or finds the shortest that they do not; a difference is
 * QUERN_OK. QUERN_LIMIT: neither within the limits, or `match specific` of different rules. Both belong to one context. What is
 * compared is quern_match_action's text, so spelling, names and order that change nothing do not differ. */
QUERN_API enum quern_status quern_recipe_diff(quern_recipe *a, quern_recipe *b, bool names, struct quern_difference *difference);

#ifdef __cplusplus
}
#endif
#endif
