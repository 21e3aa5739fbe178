/* quern_check_model: what only a recipe and a model together can say. In: a recipe, a model or none; out: diagnostics. Rules
 * without a match, rules that never win, rules that cannot be decided, groups, shapes, expectations. docs/language.md, Mistakes
 * and Expectations. The plan is filled as for quantizing, so that what is said is what would happen. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/check.h"
#include "runtime/idle.h"
#include "runtime/json.h"
#include "runtime/nearest.h"
#include "runtime/plan.h"
#include "runtime/report.h"
#include "runtime/specific.h"

/* Names offered as nearest are looked for among this many. */
enum { CANDIDATES_MAX = 20000 };

/* One check. Lists are in scratch memory, gone with the session. */
struct checking {
    struct session *session;
    struct quern_plan *plan;
    struct recipe *recipe;
    struct scratch *scratch;
    size_t *wins;                      /* of each rule, in tensors */
    struct idle_rule *idle;            /* of each rule that has none */
    const int *twins;                  /* of `match specific`, or NULL: specific_twins */
    const char **modules;              /* sorted, each once: module paths of the tensors */
    size_t module_count;
    const char **containers;           /* sorted, each once: their proper prefixes */
    size_t container_count;
    struct vocabulary vocabulary;      /* the model's words */
};

#define SHOWN(c, name) name_shown((c)->session->arena, name)

/* ---- module paths ---- */

/* Sorts, drops repetitions, and says how many are left. */
static size_t unique(const char **names, size_t count)
{
    size_t kept = 0;
    if (count)
        qsort(names, count, sizeof *names, text_order);
    for (size_t i = 0; i < count; i++)
        if (!kept || strcmp(names[kept - 1], names[i]))
            names[kept++] = names[i];
    return kept;
}

/* The path in front of the last dot; NULL for a name without one. */
static const char *cut_last(struct arena *arena, const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? arena_copy(arena, name, (size_t)(dot - name)) : NULL;
}

/* Sorted names share prefixes with the one before, so each prefix is met often: only new ones are kept. */
static void list_modules(struct checking *c)
{
    struct arena *arena = c->session->arena;
    size_t capacity = 0;
    c->modules = ARENA_ARRAY(arena, c->plan->count + 1, const char *);
    for (size_t i = 0; i < c->plan->count; i++) {
        const char *module = cut_last(arena, c->plan->items[i].stored->name);
        if (module && *module)
            c->modules[c->module_count++] = module;
    }
    c->module_count = unique(c->modules, c->module_count);
    for (size_t i = 0; i < c->module_count; i++) {
        size_t shared = 0; /* prefixes up to here were the module's before, too */
        const char *module = c->modules[i], *before = i ? c->modules[i - 1] : "";
        while (module[shared] && module[shared] == before[shared])
            shared++;
        for (const char *dot = strchr(module, '.'); dot; dot = strchr(dot + 1, '.'))
            if ((size_t)(dot - module) >= shared)
                *ARENA_PUSH(arena, c->containers, c->container_count, capacity) = arena_copy(arena, module, (size_t)(dot - module));
    }
    c->container_count = unique(c->containers, c->container_count);
}

/* ---- rules ---- */

/* One pass over the plan, which has matched every tensor already. */
static void count_wins(struct checking *c)
{
    for (size_t i = 0; i < c->plan->count; i++) {
        const struct plan_item *item = &c->plan->items[i];
        if (item->outcome.rule >= 0)
            c->wins[item->outcome.rule]++;
        for (size_t r = 0; item->configs && r + 1 < c->plan->decisions->items[i].rule_count; r++)
            c->wins[c->plan->decisions->items[i].rules[r]]++;
    }
}

/* Rules may be there for what a described model has besides tensors: modules without any, ops. */
static void count_other_wins(struct checking *c)
{
    for (size_t i = 0; i < model_other_count(c->plan->model); i++) {
        struct quern_subject other = model_other_at(c->plan->model, i);
        struct subject subject = subject_of_listed(c->plan->recipe, &other);
        struct match_outcome outcome = recipe_match(c->plan->recipe, c->scratch, &subject);
        if (outcome.rule >= 0)
            c->wins[outcome.rule]++;
    }
}

/* The path a predicate names when it is one atom that names one; NULL otherwise. */
static const char *lone_path(const struct ast_predicate *p)
{
    return p->kind == AST_ATOM && (p->atom == ATOM_name || p->atom == ATOM_under) ? p->pattern.bytes : NULL;
}

/* The most specific that applies: a container that the rule names, a path within two edits, a word within two edits, or the
 * word `optional`. */
static void help_unmatched(struct checking *c, size_t index, struct diag *diag)
{
    struct diags *diags = c->session->diags;
    const struct rule *rule = &c->recipe->rules[index];
    const char *container = c->idle[index].container, *path = lone_path(rule->predicate);
    size_t candidates = c->module_count < CANDIDATES_MAX ? c->module_count : CANDIDATES_MAX;
    const char *nearest = path ? diag_nearest(path, c->modules, candidates) : NULL;
    struct misspelling misspelt = {0};
    if (container)
        diag_help(diags, diag, "%s holds other modules and no tensor of its own; `under` takes all below it", SHOWN(c, container));
    else if (nearest)
        diag_help(diags, diag, "the nearest module is %s", SHOWN(c, nearest));
    else if (misspelling_find(&c->vocabulary, rule->predicate, &misspelt))
        diag_help(diags, diag, "no %s of the model has %s: did you mean %s?", misspelt.is_class ? "class" : "name", SHOWN(c, misspelt.word),
                  SHOWN(c, misspelt.nearest));
    else if (!c->recipe->ast->foreign)
        diag_help(diags, diag, "write `optional` before a rule that may match nothing");
}

/* In the file of another system a rule is a key, with a code of its own. */
static void report_unmatched(struct checking *c, size_t index)
{
    const struct rule *rule = &c->recipe->rules[index];
    struct diags *diags = c->session->diags;
    bool foreign = c->recipe->ast->foreign != NULL;
    struct diag *diag = diag_report(diags, foreign ? DIAG_key_unmatched : DIAG_rule_unmatched, rule->span, "this %s matches nothing in the model",
                                    foreign ? "key" : "rule");
    if (diags->errors <= DIAG_ERRORS_KEPT) /* later ones are counted only */
        help_unmatched(c, index, diag);
}

/* One note: the rule that takes the first of them. */
static void report_taken(struct checking *c, size_t index)
{
    const struct idle_rule *idle = &c->idle[index];
    struct diag *diag = diag_report(c->session->diags, DIAG_rule_taken, c->recipe->rules[index].span,
                                    "earlier rules take every tensor that this rule matches");
    if (idle->winner >= 0)
        diag_note(c->session->diags, diag, c->recipe->rules[idle->winner].span, "%s goes here", SHOWN(c, idle->match));
}

/* A rule that wins nowhere is an error when it matches nothing, and a warning when others come first each time. What
 * cannot be decided is neither, check_unknown speaks of it; of what is unjudged nothing is said. */
static void check_rule(struct checking *c, size_t index)
{
    const struct rule *rule = &c->recipe->rules[index];
    int twin = c->twins ? c->twins[index] : -1;
    if (c->wins[index] || rule->predicate->kind == AST_ANY) /* a closing `_` may be left with nothing */
        return;
    if (c->plan->decisions && c->plan->decisions->containers[index].count) /* said already */
        return;
    if (twin >= 0 && (c->wins[twin] || c->idle[twin].match || (size_t)twin < index)) /* one key of torchao's, said once */
        return;
    if (c->idle[index].match)
        report_taken(c, index);
    else if (!rule->optional && !c->idle[index].undecided && !c->idle[index].unjudged)
        report_unmatched(c, index);
}

/* Only for rules that win nowhere: one that wins for some tensors and is undecided for others works as its writer
 * meant. */
static void check_unknown(struct checking *c, size_t index)
{
    if (!c->wins[index] && c->idle[index].undecided)
        diag_report(c->session->diags, DIAG_rule_unknown, c->recipe->rules[index].span,
                    "this rule cannot be decided for %s: it asks for what is not known there", SHOWN(c, c->idle[index].undecided));
}

/* ---- expectations ---- */

/* A word of `expect` and what the plan makes it. */
struct quantity {
    const char *word;
    double value;
};

/* The six comparisons of `expect`, on doubles. */
static bool compare_numbers(double a, enum ast_comparison op, double b)
{
    switch (op) {
    case AST_EQ:
        return a == b;
    case AST_NE:
        return a != b;
    case AST_LT:
        return a < b;
    case AST_LE:
        return a <= b;
    case AST_GT:
        return a > b;
    case AST_GE:
        return a >= b;
    }
    return false;
}

/* bits_per_weight = 8 · bytes after / elements; size_ratio = bytes after / bytes before; bytes = bytes after;
 * quantized_fraction = quantized elements / elements; all over the whole model. */
static void expect_quantity(struct checking *c, const struct ast_expect *e)
{
    const struct quern_totals *t = &c->plan->totals;
    const struct quantity quantities[] = {
        {"bits_per_weight", t->bits_per_weight},
        {"size_ratio", t->bytes_before ? (double)t->bytes_after / (double)t->bytes_before : 1},
        {"bytes", (double)t->bytes_after},
        {"quantized_fraction", t->elements ? (double)t->quantized_elements / (double)t->elements : 0},
    };
    for (size_t i = 0; i < sizeof quantities / sizeof *quantities; i++)
        if (!strcmp(quantities[i].word, e->quantity.text) && !compare_numbers(quantities[i].value, e->comparison, e->value.value)) {
            struct text value = text_make(c->session->arena);
            text_number(&value, quantities[i].value);
            diag_report(c->session->diags, DIAG_expectation, e->span, "%s is %s", quantities[i].word, text_string(&value));
        }
}

/* With a model a module is seen through its weight, whose shape and type the rules may ask for; without one, as it is
 * described, or by its path alone. */
static struct match_outcome expected_outcome(struct checking *c, const struct ast_expect *e)
{
    struct subject subject;
    struct quern_subject module;
    const char *name = e->name.bytes;
    if (e->kind == AST_EXPECT_MODULE)
        name = arena_printf(c->session->arena, "%s.weight", name);
    const struct stored *stored = c->plan->model ? model_find(c->plan->model, name) : NULL;
    const struct decision *decision = stored && c->plan->decisions ? specific_find(c->plan->decisions, name) : NULL;
    if (decision)
        return decision->outcome;
    if (stored) {
        struct quern_tensor tensor = stored_tensor(stored);
        subject = subject_of_tensor(c->plan->recipe, &tensor);
    } else if (e->kind == AST_EXPECT_MODULE && quern_subject_find(c->plan->model, QUERN_MODULES, e->name.bytes, &module))
        subject = subject_of_listed(c->plan->recipe, &module);
    else if (e->kind == AST_EXPECT_MODULE)
        subject_of_module(&subject, e->name.bytes, e->name.size, c->recipe->megatron_layers);
    else
        subject_of_parameter(&subject, e->name.bytes, e->name.size, -1, -1, NULL, c->recipe->megatron_layers);
    return recipe_match(c->plan->recipe, c->scratch, &subject);
}

/* `none` wants no rule at all, `skip` a rule that skips, a config that very config. */
static void expect_name(struct checking *c, const struct recipe_expect *expect)
{
    const struct ast_expect *e = expect->ast;
    struct match_outcome outcome = expected_outcome(c, e);
    const struct rule *rule = outcome.rule < 0 ? NULL : &c->recipe->rules[outcome.rule];
    bool ok = e->no_rule ? !rule : rule && rule->target == e->target && (e->target == AST_TARGET_SKIP || rule->config == expect->config);
    if (ok)
        return;
    struct quern_match match = recipe_describe(c->plan->recipe, outcome);
    struct diag *diag = diag_report(c->session->diags, DIAG_expectation, e->span, "%s gets %s", SHOWN(c, e->name.bytes),
                                    rule ? SHOWN(c, match.config) : "no rule");
    if (rule)
        diag_note(c->session->diags, diag, rule->span, "by this rule");
}

/* Quantities need sizes: they are left out when the model is a list of bare names or the plan has errors. */
static void check_expectations(struct checking *c, bool quantities)
{
    for (size_t i = 0; i < c->recipe->expect_count; i++)
        if (c->recipe->expects[i].ast->kind != AST_EXPECT_QUANTITY)
            expect_name(c, &c->recipe->expects[i]);
        else if (quantities)
            expect_quantity(c, c->recipe->expects[i].ast);
}

/* ---- the whole ---- */

/* The order of messages: tensors in name order, groups, then rules and expectations as written. */
static void check_tensors(struct checking *c)
{
    bool ok = plan_fill(c->session, c->plan);
    list_modules(c);
    if (c->plan->decisions)
        specific_report_faults(c->session, c->plan->decisions, c->containers, c->container_count);
    c->twins = specific_twins(c->session->arena, c->recipe);
    count_wins(c);
    count_other_wins(c);
    c->idle = idle_judge(c->session, c->plan, c->wins, c->containers, c->container_count);
    for (size_t i = 0; i < c->recipe->rule_count; i++) {
        check_rule(c, i);
        check_unknown(c, i);
    }
    check_plan_tensors(c->session, c->plan);
    bool sized = ok && c->plan->totals.elements > 0;
    check_expectations(c, sized);
}

/* Without a model: what names alone show. */
static void check_names(struct checking *c)
{
    specific_warn_names(c->session, c->recipe);
    check_expectations(c, false);
}

/* matcher_lint first: its warnings are about patterns alone, and stand before those about the model. */
static enum quern_status check(struct session *session, void *data)
{
    struct quern_plan *plan = data;
    struct checking c = {.session = session, .plan = plan, .recipe = plan->recipe->recipe};
    size_t rules = c.recipe->rule_count + 1;
    c.wins = ARENA_ARRAY(session->arena, rules, size_t);
    c.vocabulary = (struct vocabulary){.arena = session->arena, .model = plan->model};
    c.scratch = recipe_borrow_for(session, plan->recipe);
    matcher_lint(c.recipe, session->diags);
    if (plan->model)
        check_tensors(&c);
    else
        check_names(&c);
    return diags_status(session->diags);
}

/* The plan is on the stack and closed here; a context without the memory for it says QUERN_LIMIT. */
enum quern_status quern_check_model(quern_recipe *recipe, quern_model *model)
{
    if (!recipe)
        return QUERN_USAGE;
    struct quern_plan plan = {.context = recipe->context, .recipe = recipe, .model = model};
    arena_init(&plan.arena, &recipe->context->allocator);
    enum quern_status status = context_enter(recipe->context, &plan.arena, check, &plan);
    arena_close(&plan.arena);
    return status;
}
