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

/* One of the two cannot win where the other does: its predicate stands earlier in the other's recipe. */
static bool is_excluded(const struct difference *d)
{
    for (size_t r = 0; r < RECIPES_MAX; r++) {
        uint32_t pred = pred_of(d, r);
        bool rule = d->pair[r] < d->counts[r];
        if (rule && (pred == PRED(FALSE) || pred == PRED(UNKNOWN) || d->firsts[1 - r][pred] < d->pair[1 - r] || d->firsts[r][pred] < d->pair[r]))
            return true;
        if (d->firsts[r][PRED(TRUE)] < d->pair[r])
            return true;
    }
    return false;
}

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

static void index_rules(struct difference *d)
{
    for (size_t r = 0; r < RECIPES_MAX; r++) {
        memset(d->firsts[r], 0xff, d->p->program->pred_count * sizeof *d->firsts[r]);
        for (uint32_t i = (uint32_t)d->counts[r]; i--;)
            d->firsts[r][d->p->rules[r][d->kind][i]] = i;
    }
}

static void ask_kind(struct difference *d)
{
    index_rules(d);
    for (d->pair[0] = 0; d->pair[0] <= d->counts[0]; d->pair[0]++)
        for (d->pair[1] = 0; d->pair[1] <= d->counts[1]; d->pair[1]++) {
            bool alike = d->actions[0][d->pair[0]] == d->actions[1][d->pair[1]];
            if (!alike && !is_excluded(d) && !(d->found && !d->witness->length))
                ask_pair(d);
        }
}

enum proof prove_differ(struct prover *p, const uint32_t *const *actions, struct witness *witness)
{
    struct difference d = {.p = p, .actions = actions, .witness = witness};
    for (size_t r = 0; r < RECIPES_MAX; r++) {
        d.counts[r] = p->recipes[r]->rule_count;
        d.firsts[r] = ARENA_ARRAY(p->arena, p->program->pred_count, uint32_t);
    }
    for (int any = 0; any < 2 && !d.found; any++)
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
