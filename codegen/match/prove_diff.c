/* Whether two recipes treat every subject alike. A subject that they treat differently is taken by a rule of each (or by
 * none) with different actions, so every such pair is asked about; a pair cannot both win where one recipe holds the other's
 * predicate before its own, which leaves few pairs for recipes that are mostly alike. */
#include "codegen/match/prover.h"

#include <string.h>

struct difference {
    struct prover *p;
    enum subject_kind kind;
    const uint32_t *const *actions;
    size_t counts[RECIPES_MAX];
    uint32_t pair[RECIPES_MAX]; /* the rules asked about; the count: none */
    uint32_t *firsts[RECIPES_MAX]; /* by predicate: the first rule that is it, or UINT32_MAX */
    uint32_t *nexts;            /* by rule of the second recipe: it, or one behind it that is not left out */
    bool proper;
    struct witness *witness;    /* the shortest so far */
    bool found, open;
};

static uint32_t winner_of(const struct difference *d, const struct witness *w, size_t recipe)
{
    int rule = prover_winner(d->p, w, recipe).rule;
    return rule < 0 ? (uint32_t)d->counts[recipe] : (uint32_t)rule;
}

/* A rule that wins before the one asked about is left out from then on. */
static enum proof judge_pair(void *user, const struct witness *w, struct claim_part *part)
{
    struct difference *d = user;
    uint32_t winners[RECIPES_MAX];
    for (size_t r = 0; r < RECIPES_MAX; r++)
        winners[r] = winner_of(d, w, r);
    if (d->actions[0][winners[0]] != d->actions[1][winners[1]])
        return PROOF_YES;
    for (size_t r = 0; r < RECIPES_MAX; r++)
        if (winners[r] < d->pair[r]) {
            *part = (struct claim_part){d->p->rules[r][d->kind][winners[r]], false};
            return PROOF_NO;
        }
    return PROOF_OPEN;
}

static uint32_t pred_of(const struct difference *d, size_t recipe)
{
    return d->pair[recipe] < d->counts[recipe] ? d->p->rules[recipe][d->kind][d->pair[recipe]] : PRED(TRUE);
}

/* Only shorter names than the best so far are searched for. */
static void ask_pair(struct difference *d)
{
    struct claim claim = {0};
    struct witness w;
    uint32_t longest = d->found ? d->witness->length - 1 : UINT32_MAX;
    for (size_t r = 0; r < RECIPES_MAX; r++)
        if (d->pair[r] < d->counts[r])
            claim_add(d->p, &claim, pred_of(d, r), true);
    if (d->proper)
        claim_add(d->p, &claim, d->p->proper, true);
    enum proof found = prove_claim(d->p, &claim, d->kind, longest, judge_pair, d, &w);
    d->open |= found == PROOF_OPEN;
    if (found != PROOF_YES)
        return;
    d->found = true;
    *d->witness = w;
}

/* The first rule of the second recipe from k on that is not left out.
 * Path halving: a chain of rules that are left out is walked once. */
static uint32_t find_next(struct difference *d, uint32_t k)
{
    while (d->nexts[k] != k)
        k = d->nexts[k] = d->nexts[d->nexts[k]];
    return k;
}

/* A rule cannot win where its predicate stands before it in its own recipe, or before the other's winner in the other. So
 * rules of the second recipe are left out when they repeat one, and once the first recipe is past their predicate. */
static bool repeats(const struct difference *d, size_t recipe)
{
    uint32_t pred = pred_of(d, recipe);
    return d->pair[recipe] < d->counts[recipe] && (pred == PRED(FALSE) || d->firsts[recipe][pred] < d->pair[recipe]);
}

static void index_rules(struct difference *d)
{
    for (size_t r = 0; r < RECIPES_MAX; r++) {
        memset(d->firsts[r], 0xff, d->p->program->pred_count * sizeof *d->firsts[r]);
        for (uint32_t i = (uint32_t)d->counts[r]; i--;)
            d->firsts[r][d->p->rules[r][d->kind][i]] = i;
    }
    for (d->pair[1] = 0; d->pair[1] <= d->counts[1]; d->pair[1]++)
        d->nexts[d->pair[1]] = d->pair[1] + repeats(d, 1);
}

/* The last rule that can win at all: behind `_` none does. */
static uint32_t last_of(const struct difference *d, size_t recipe)
{
    uint32_t all = d->firsts[recipe][PRED(TRUE)];
    return all < d->counts[recipe] ? all : (uint32_t)d->counts[recipe];
}

/* firsts may only be compared by predicate: equal predicates of both recipes are one number, since both share a program. */
static void ask_kind(struct difference *d)
{
    index_rules(d);
    for (d->pair[0] = 0; d->pair[0] <= last_of(d, 0); d->pair[0]++) {
        bool rule = d->pair[0] < d->counts[0];
        uint32_t same = rule ? d->firsts[1][pred_of(d, 0)] : UINT32_MAX, last = same < last_of(d, 1) ? same : last_of(d, 1);
        if (repeats(d, 0))
            continue;
        for (uint32_t k = find_next(d, 0); k <= last && !(d->found && !d->witness->length); k = k < last ? find_next(d, k + 1) : last + 1) {
            d->pair[1] = k;
            if (d->actions[0][d->pair[0]] != d->actions[1][k])
                ask_pair(d);
        }
        if (same < d->counts[1])
            d->nexts[same] = same + 1;
    }
}

enum proof prove_differ(struct prover *p, const uint32_t *const *actions, struct witness *witness)
{
    struct difference d = {.p = p, .actions = actions, .witness = witness};
    if (!prover_ready(p))
        return PROOF_OPEN;
    for (size_t r = 0; r < RECIPES_MAX; r++) {
        d.counts[r] = p->recipes[r]->rule_count;
        d.firsts[r] = ARENA_ARRAY(p->arena, p->program->pred_count, uint32_t);
    }
    d.nexts = ARENA_ARRAY(p->arena, d.counts[1] + 2, uint32_t);
    for (int any = 0; any < 2 && !d.found && !(any && d.open); any++)
        for (int kind = 0; kind < KIND_COUNT && !d.found; kind++) {
            d.proper = !any;
            d.kind = (enum subject_kind)kind;
            if (p->kinds[kind])
                ask_kind(&d);
        }
    if (d.found)
        witness_find_typical(p, witness, judge_pair, &d);
    return d.found ? PROOF_YES : d.open ? PROOF_OPEN : PROOF_NO;
}
