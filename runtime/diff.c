/* quern_recipe_diff: whether two recipes do the same to every layer there could be. What is done is compared as text
 * (lang/action.c), so recipes of any spelling and origin compare. docs/proofs.md. */
#include <string.h>
#include "codegen/match/prove.h"
#include "runtime/quern_prove.h"
#include "runtime/recipe.h"

/* ---- actions ---- */

/* The text of each rule's action, and behind the last that of no rule; made once, kept with the recipe. */
const char *const *recipe_actions(struct quern_recipe *r, bool names)
{
    size_t count = r->recipe->rule_count;
    if (r->actions[names])
        return r->actions[names];
    const char **actions = ARENA_ARRAY(&r->arena, count + 1, const char *);
    for (size_t i = 0; i <= count; i++) {
        struct text text = text_make(&r->arena);
        const struct rule *rule = i < count ? &r->recipe->rules[i] : NULL;
        if (names)
            text_printf(&text, "%s: ", rule ? rule->name : "skip");
        rule_print_action(&text, r->recipe, rule);
        actions[i] = text_string(&text);
    }
    return r->actions[names] = actions;
}

/* What recipe_actions is asked under the recipe's lock. */
struct action_call {
    struct quern_recipe *recipe;
    bool names;
};

static enum quern_status make_actions(struct session *session, void *at)
{
    struct action_call *call = at;
    (void)session;
    recipe_actions(call->recipe, call->names);
    return QUERN_OK;
}

/* The lock is the recipe's: another thread may ask for the same texts. A match of another recipe is taken for none. */
enum quern_status quern_match_action(quern_recipe *recipe, const struct quern_match *match, bool names, const char **action)
{
    struct action_call call = {recipe, names};
    if (!recipe || !match || !action)
        return QUERN_USAGE;
    size_t count = recipe->recipe->rule_count;
    pthread_mutex_lock(&recipe->lock);
    enum quern_status status = context_enter(recipe->context, &recipe->arena, make_actions, &call);
    pthread_mutex_unlock(&recipe->lock);
    if (!status)
        *action = recipe->actions[names][match->rule >= 0 && (size_t)match->rule < count ? (size_t)match->rule : count];
    return status;
}

/* ---- comparing ---- */

/* One call of quern_recipe_diff. */
struct diff_call {
    struct quern_recipe *recipes[2];
    bool names;
    struct quern_difference *difference;
};

/* Texts seen so far; those of two recipes are few, and looked through. */
struct numbered {
    const char **texts;
    size_t count, capacity;
};

static uint32_t number_text(struct arena *arena, struct numbered *n, const char *text)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (!strcmp(n->texts[i], text))
            return i;
    *ARENA_PUSH(arena, n->texts, n->count, n->capacity) = text;
    return (uint32_t)n->count - 1;
}

/* The actions of both recipes as numbers: equal texts, equal numbers. */
static void number_actions(struct arena *arena, const struct diff_call *call, uint32_t *numbers[2])
{
    struct numbered texts = {0};
    for (int r = 0; r < 2; r++) {
        const char *const *actions = recipe_actions(call->recipes[r], call->names);
        size_t count = call->recipes[r]->recipe->rule_count + 1;
        numbers[r] = ARENA_ARRAY(arena, count, uint32_t);
        for (size_t i = 0; i < count; i++)
            numbers[r][i] = number_text(arena, &texts, actions[i]);
    }
}

/* Both readings. */
static bool is_specific(const struct recipe *recipe)
{
    return recipe->policy == AST_SPECIFIC_CODE || recipe->policy == AST_SPECIFIC_DOC;
}

/* Predicates are compared by their canonical text. */
static const char *print_rule(struct arena *arena, const struct rule *rule)
{
    struct text text = text_make(arena);
    ast_print_predicate(&text, rule->predicate);
    return text_string(&text);
}

/* `match specific` decides over whole modules. One name may show a difference; alike are only recipes with the same rules. */
static bool have_same_rules(struct arena *arena, const struct diff_call *call, uint32_t *const numbers[2])
{
    const struct recipe *a = call->recipes[0]->recipe, *b = call->recipes[1]->recipe;
    bool same = a->policy == b->policy && a->rule_count == b->rule_count;
    for (size_t i = 0; same && i < a->rule_count; i++)
        same = numbers[0][i] == numbers[1][i] && a->rules[i].kind == b->rules[i].kind &&
               !strcmp(print_rule(arena, &a->rules[i]), print_rule(arena, &b->rules[i]));
    return same;
}

/* With the same rules nothing needs to be proved. `match specific` may show a difference by a name, and never its absence. */
static enum proof ask(struct session *session, const struct diff_call *call, struct prover **prover, struct witness *w)
{
    uint32_t *numbers[2];
    const struct recipe *recipes[] = {call->recipes[0]->recipe, call->recipes[1]->recipe};
    const struct matcher *matchers[] = {call->recipes[0]->matcher, call->recipes[1]->matcher};
    number_actions(session->arena, call, numbers);
    bool specific = is_specific(recipes[0]) || is_specific(recipes[1]);
    if (specific && have_same_rules(session->arena, call, numbers))
        return PROOF_NO;
    *prover = prover_open(session->arena, recipes, matchers, 2, NULL);
    enum proof found = *prover ? prove_differ(*prover, (const uint32_t *const[]){numbers[0], numbers[1]}, w) : PROOF_OPEN;
    return specific && found == PROOF_NO ? PROOF_OPEN : found;
}

/* What is shown lives with the first recipe, whose witness it is. */
static enum quern_status compare(struct session *session, void *at)
{
    struct diff_call *call = at;
    struct quern_difference *d = call->difference;
    struct prover *prover = NULL;
    struct witness w;
    enum proof found = ask(session, call, &prover, &w);
    if (found == PROOF_OPEN)
        diag_report_about(session->diags, DIAG_diff_undecided, call->recipes[0]->ast->source->name,
                          "whether it does the same as %s %s", call->recipes[1]->ast->source->name,
                          prover ? prover_open_reason(prover) : "is not decided: the patterns are too large to be proved anything of");
    if (found != PROOF_YES)
        return diags_status(session->diags);
    struct arena *arena = &call->recipes[0]->arena;
    *d = (struct quern_difference){.found = true, .parameter = w.parameter, .name = arena_copy(arena, w.name, w.size), .size = w.size,
                                   .facts = arena_string(arena, w.facts),
                                   .typical = w.typical ? arena_string(arena, w.typical) : NULL};
    d->a = recipe_describe(call->recipes[0], prover_winner(prover, &w, 0));
    d->b = recipe_describe(call->recipes[1], prover_winner(prover, &w, 1));
    return QUERN_OK;
}

/* Each recipe's texts are made under a recovery point of its own arena; comparing then allocates in the first one's alone. */
enum quern_status quern_recipe_diff(quern_recipe *a, quern_recipe *b, bool names, struct quern_difference *difference)
{
    struct diff_call call = {{a, b}, names, difference};
    if (!a || !b || !difference || a->context != b->context)
        return QUERN_USAGE;
    *difference = (struct quern_difference){0};
    struct action_call second = {b, names};
    enum quern_status status = context_enter(b->context, &b->arena, make_actions, &second);
    return status ? status : context_enter(a->context, &a->arena, compare, &call);
}
