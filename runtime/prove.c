/* quern_recipe_prove: what the proofs say of one recipe, as messages. In: a recipe; out: warnings about rules that never win,
 * and notes. What is proved and within which limits: codegen/match/prove.h, docs/proofs.md. */
#include <string.h>
#include "codegen/match/prove.h"
#include "runtime/json.h"
#include "runtime/quern_prove.h"
#include "runtime/recipe.h"

enum { COVER_SHOWN = 4 }; /* of the rules that together take another's names */

struct proving {
    struct session *session;
    struct quern_recipe *r;
    struct recipe *recipe;
    struct prover *prover;
    const char *const *actions;
    bool *alive; /* by rule: shown to win somewhere */
    bool notes;
};

/* Rules stand in matching order, which `match last` reads from the end of the text. */
static bool goes_backwards(const struct proving *p)
{
    return p->recipe->policy == AST_LAST;
}

/* The shortest name, what else must hold, and a name as models have them where that is another. */
static const char *shown(struct proving *p, const struct witness *w)
{
    struct arena *arena = p->session->arena;
    bool other = w->typical && strcmp(w->typical, w->name);
    return arena_printf(arena, "%s%s%s%s", name_shown(arena, w->name), w->facts, other ? ", as on " : "", other ? name_shown(arena, w->typical) : "");
}

/* An empty cover: no name matches at all. */
static void report_dead(struct proving *p, const struct rule *rule, const struct cover *cover)
{
    struct diags *diags = p->session->diags;
    if (!cover->count) {
        struct diag *empty = diag_report(diags, DIAG_rule_dead, rule->span, "this rule never wins: there is no name that it matches");
        diag_help(diags, empty, "its conditions exclude each other");
        return;
    }
    struct diag *d = diag_report(diags, DIAG_rule_dead, rule->span, "this rule never wins: %s rules take every name that it matches",
                                 goes_backwards(p) ? "later" : "earlier");
    for (size_t i = 0; i < cover->count && i < COVER_SHOWN; i++)
        diag_note(diags, d, p->recipe->rules[cover->rules[i]].span, cover->count == 1 ? "this rule takes them all" : "this rule takes some of them");
    if (cover->count > COVER_SHOWN)
        diag_note(diags, d, (struct span){0}, "and %zu more rules the others", cover->count - COVER_SHOWN);
    diag_help(diags, d, goes_backwards(p) ? "delete the rule, or move it behind %s" : "delete the rule, or move it before %s",
              cover->count == 1 ? "the one that takes its names" : "those that take its names");
}

/* A rule that is meant to take what is left is no news. */
static bool takes_all(const struct rule *rule)
{
    const struct ast_predicate *p = rule->predicate;
    return p->kind == AST_ANY || (p->kind == AST_ATOM && p->atom == ATOM_glob && !strcmp(p->pattern.bytes, "*"));
}

/* The first rule before this one that does something else with some of its names. */
static void report_shadow(struct proving *p, uint32_t index)
{
    const struct rule *rule = &p->recipe->rules[index];
    struct witness w;
    for (uint32_t i = 0; i < index && !takes_all(rule) && !prover_exhausted(p->prover); i++) {
        if (!strcmp(p->actions[i], p->actions[index]) || prove_overlap(p->prover, i, index, &w) != PROOF_YES)
            continue;
        struct diag *d = diag_report(p->session->diags, DIAG_rule_shadowed, rule->span, "some of the names that this rule matches go to %s one: %s",
                                     goes_backwards(p) ? "a later" : "an earlier", shown(p, &w));
        diag_note(p->session->diags, d, p->recipe->rules[i].span, "the first that does");
        return;
    }
}

/* What is not decided is said only where notes are wanted: it is no fault of the recipe. */
static void prove_rule(struct proving *p, uint32_t index)
{
    const struct rule *rule = &p->recipe->rules[index];
    struct cover cover;
    struct witness w;
    switch (prove_wins(p->prover, index, &cover, &w)) {
    case PROOF_NO:
        report_dead(p, rule, &cover);
        break;
    case PROOF_YES:
        p->alive[index] = true;
        break;
    case PROOF_OPEN:
        if (p->notes)
            diag_report(p->session->diags, DIAG_rule_undecided, rule->span, "whether this rule can win %s", prover_open_reason(p->prover));
        break;
    }
}

/* The rest of the recipe's names, if there is any. */
static void prove_total(struct proving *p)
{
    struct witness w;
    if (prove_unmatched(p->prover, &w) != PROOF_YES)
        return;
    struct diag *d = diag_report_about(p->session->diags, DIAG_not_total, p->r->ast->source->name, "no rule takes %s %s", w.parameter ? "parameter" : "module",
                                       shown(p, &w));
    diag_help(p->session->diags, d, "a last rule `_ => skip` says that such layers stay as they are");
}

struct prove_call {
    struct quern_recipe *recipe;
    bool notes;
};

/* Rules that never win come first: what they need is not spent on notes. `match specific` decides over whole modules, of which one name says nothing: it is left alone. */
static enum quern_status prove(struct session *session, void *at)
{
    struct prove_call *call = at;
    struct quern_recipe *r = call->recipe;
    struct proving p = {.session = session, .r = r, .recipe = r->recipe, .notes = call->notes};
    if (r->recipe->policy == AST_SPECIFIC_CODE || r->recipe->policy == AST_SPECIFIC_DOC)
        return QUERN_OK;
    p.actions = recipe_actions(r, false);
    p.alive = ARENA_ARRAY(session->arena, r->recipe->rule_count + 1, bool);
    p.prover = prover_open(session->arena, (const struct recipe *[]){r->recipe}, (const struct matcher *[]){r->matcher}, 1, NULL);
    for (uint32_t i = 0; p.prover && i < r->recipe->rule_count; i++)
        prove_rule(&p, i);
    if (p.prover && p.notes && r->recipe->rule_count)
        prove_total(&p);
    for (uint32_t i = 0; p.prover && p.notes && i < r->recipe->rule_count; i++)
        if (p.alive[i])
            report_shadow(&p, i);
    return diags_status(session->diags);
}

enum quern_status quern_recipe_prove(quern_recipe *recipe, bool notes)
{
    struct prove_call call = {recipe, notes};
    return recipe ? context_enter(recipe->context, &recipe->arena, prove, &call) : QUERN_USAGE;
}
