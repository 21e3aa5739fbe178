/* quern_prove.h: what holds for every name there could be, without a model: rules that never win, recipes that do the same.
 * docs/proofs.md says what is exact. */
#ifndef QUERN_PROVE_H
#define QUERN_PROVE_H

#include "quern.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rules that never win are warnings. notes: also which rules are taken in part by others before them, a name that no rule takes,
 * and what was not decided. */
QUERN_API enum quern_status quern_recipe_prove(quern_recipe *recipe, bool notes);
/* What a match does: the slots, payload and schedule of its config as canonical text, "skip" when it does nothing. Equal texts,
 * equal treatment; with `names` the config's name is part of it. *action is the recipe's. */
QUERN_API enum quern_status quern_match_action(quern_recipe *recipe, const struct quern_match *match, bool names, const char **action);
struct quern_difference {
    bool found;
    bool parameter;       /* name is a parameter's full name, else a module's path */
    const char *name;     /* the shortest that is treated differently, `size` bytes; the first recipe's */
    size_t size;
    const char *typical;  /* a name as models have them that is treated differently, too, or NULL */
    const char *facts;    /* what else must hold there: ", dtype bf16, shape [64]", or "" */
    struct quern_match a, b;
};
/* Proves that two recipes treat every name alike (found is false then), or finds the shortest that they do not. QUERN_LIMIT:
 * neither within the limits. Both belong to one context. */
QUERN_API enum quern_status quern_recipe_diff(quern_recipe *a, quern_recipe *b, bool names, struct quern_difference *difference);

#ifdef __cplusplus
}
#endif
#endif
