/* Rules: gathered over `use`, lowered from any policy to one first-match list. In: the root file's `match` block and those it
 * uses. Out: recipe->rules; the first whose predicate holds wins, whatever the policy was. docs/language.md has the policies;
 * torchao's is quantize_'s dispatch over FqnToConfig.
 *   first     as written          last  reversed
 *   specific  by kind: exact parameter, exact module, parameter regex, module regex, default; as written within each */
#include "lang/resolve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An enabled or disabled rule before it is lowered. */
struct gathered {
    const struct ast_rule *ast;
    struct unit *unit;
    const char *label; /* with the namespace of its file; NULL: none */
    enum rule_kind kind;
    size_t order;
};
struct gatherer {
    struct resolver *r;
    enum ast_policy policy;
    struct gathered *rules;
    size_t count, capacity;
};

/* ---- gathering ---- */

static void gather(struct gatherer *g, struct unit *unit);

static const char *policy_text(enum ast_policy policy)
{
    static const char *const texts[] = {"match first", "match last", "match specific", "match specific compat doc"};
    return texts[policy];
}

/* `use ns`: the rules of that file, once. */
static void splice(struct gatherer *g, struct unit *unit, const struct ast_rule *use)
{
    struct resolver *r = g->r;
    struct import *import = unit_find_import(unit, use->use.text);
    struct unit *from = import ? import->unit : NULL;
    if (!from) {
        if (!r->incomplete)
            diag_report(r->diags, DIAG_bad_use, use->use.span, "there is no import named `%s`", use->use.text);
    } else if (!from->match) {
        diag_report(r->diags, DIAG_bad_use, use->use.span, "`%s` has no rules", use->use.text);
    } else if (from->match->match.policy != g->policy) {
        struct diag *d = diag_report(r->diags, DIAG_bad_use, use->use.span, "the rules of `%s` are `%s`, these are `%s`", use->use.text,
                                     policy_text(from->match->match.policy), policy_text(g->policy));
        diag_note(r->diags, d, from->match->span, "the rules of `%s`", use->use.text);
    } else if (from->spliced) {
        struct diag *d = diag_report(r->diags, DIAG_bad_use, use->use.span, "the rules of `%s` are used twice", use->use.text);
        diag_note(r->diags, d, from->spliced->span, "first used here");
    } else {
        from->spliced = use;
        gather(g, from);
    }
}

/* A condition that the classes of modules decide alone, as torchao's `_default` asks for Linear. */
static bool is_about_class(const struct ast_predicate *p)
{
    switch (p->kind) {
    case AST_OR:
    case AST_AND:
        return is_about_class(p->left) && is_about_class(p->right);
    case AST_NOT:
        return is_about_class(p->left);
    case AST_ATOM:
        return p->atom == ATOM_type || p->atom == ATOM_type_re || p->atom == ATOM_isa;
    case AST_ANY:
        return true;
    case AST_COMPARE:
    case AST_IN:
    case AST_SET:
        return false;
    }
    return false;
}

/* RULE_AS_WRITTEN (0) stands for what `match specific` has no place for. */
enum rule_kind rule_kind_of(const struct ast_predicate *p)
{
    static const enum rule_kind kinds[ATOM_COUNT] = {
        [ATOM_param_name] = RULE_EXACT_PARAMETER, [ATOM_name] = RULE_EXACT_MODULE,
        [ATOM_param_re] = RULE_PARAMETER_REGEX, [ATOM_re] = RULE_MODULE_REGEX,
    };
    if (is_about_class(p))
        return RULE_DEFAULT;
    return p->kind == AST_ATOM ? kinds[p->atom] : RULE_AS_WRITTEN;
}

/* Disabled rules are kept until their labels and names are checked. */
static void gather_rule(struct gatherer *g, struct unit *unit, const struct ast_rule *ast)
{
    bool specific = g->policy == AST_SPECIFIC_CODE || g->policy == AST_SPECIFIC_DOC;
    struct gathered *rule = ARENA_PUSH(g->r->arena, g->rules, g->count, g->capacity);
    *rule = (struct gathered){.ast = ast, .unit = unit, .order = g->count};
    if (ast->label.text)
        rule->label = *unit->prefix ? arena_printf(g->r->arena, "%s%s", unit->prefix, ast->label.text) : ast->label.text;
    if (!specific || !ast->predicate || ast->disabled)
        return;
    rule->kind = rule_kind_of(ast->predicate);
    if (!rule->kind)
        diag_report(g->r->diags, DIAG_not_single, ast->predicate->span,
                    "a rule of `match specific` is one of `param name`, `name`, `param re`, `re`, `_` and conditions on the class");
}

/* Imports make no cycles, so this goes no deeper than they do. */
static void gather(struct gatherer *g, struct unit *unit)
{
    for (const struct ast_rule *rule = unit->match->match.rules; rule; rule = rule->next)
        if (rule->use.text)
            splice(g, unit, rule);
        else
            gather_rule(g, unit, rule);
}

/* ---- checks over the whole list ---- */

static int compare_labels(const void *left, const void *right)
{
    const struct gathered *a = *(const struct gathered *const *)left, *b = *(const struct gathered *const *)right;
    int order = strcmp(a->label, b->label);
    return order ? order : a->order < b->order ? -1 : 1;
}

/* By sorting: linear search would be quadratic in the rules. */
static void check_labels(struct gatherer *g)
{
    struct gathered **labelled = ARENA_ARRAY(g->r->arena, g->count + 1, struct gathered *);
    size_t count = 0;
    for (size_t i = 0; i < g->count; i++)
        if (g->rules[i].label)
            labelled[count++] = &g->rules[i];
    qsort(labelled, count, sizeof *labelled, compare_labels);
    for (size_t i = 1; i < count; i++)
        if (!strcmp(labelled[i - 1]->label, labelled[i]->label)) {
            struct diag *d = diag_report(g->r->diags, DIAG_duplicate_label, labelled[i]->ast->label.span, "label `%s` stands at two rules", labelled[i]->label);
            diag_note(g->r->diags, d, labelled[i - 1]->ast->label.span, "first used here");
        }
}

/* ---- lowering ---- */

/* qsort is not stable: `order` decides within a kind. */
static int compare_kinds(const void *left, const void *right)
{
    const struct gathered *a = left, *b = right;
    if (a->kind != b->kind)
        return (int)a->kind - (int)b->kind;
    return a->order < b->order ? -1 : a->order > b->order;
}

static void reverse(struct gathered *rules, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct gathered rule = rules[i];
        rules[i] = rules[count - 1 - i];
        rules[count - 1 - i] = rule;
    }
}

static void order_rules(struct gatherer *g)
{
    switch (g->policy) {
    case AST_FIRST:
        break;
    case AST_LAST:
        reverse(g->rules, g->count);
        break;
    case AST_SPECIFIC_CODE:
    case AST_SPECIFIC_DOC:
        if (g->count)
            qsort(g->rules, g->count, sizeof *g->rules, compare_kinds);
        break;
    }
}

/* A disabled rule's names are looked up, so that they count as used; a missing one is a warning. */
static void check_disabled(struct resolver *r, struct unit *unit, const struct ast_rule *rule)
{
    enum space space = rule->target == AST_TARGET_SPEC ? SPACE_SPEC : SPACE_CONFIG;
    touch_sets(unit, rule->predicate);
    if (rule->target == AST_TARGET_SKIP || !rule->name.text || unit_find(unit, space, rule->name.text) || r->incomplete)
        return;
    if (space == SPACE_CONFIG || !(preset_find(rule->name.text) || format_find(rule->name.text)))
        diag_report(r->diags, DIAG_disabled_unknown, rule->name.span, "there is no %s named `%s`; the rule is disabled", space_words[space], rule->name.text);
}

static void aim(struct resolver *r, struct unit *unit, const struct ast_rule *ast, struct rule *rule)
{
    struct symbol *symbol;
    switch (ast->target) {
    case AST_TARGET_SKIP:
        rule->name = "skip";
        break;
    case AST_TARGET_CONFIG:
        rule->config = config_of_name(r, unit, &ast->name);
        rule->name = rule->config ? rule->config->name : ast->name.text;
        break;
    case AST_TARGET_SPEC:
        rule->spec = spec_of_name(r, unit, &ast->name, &symbol);
        rule->name = symbol ? symbol->full_name : ast->name.text;
        if (symbol)
            symbol->wanted = true;
        break;
    }
}

/* What `explain` and dumps call the rule. */
static const char *origin_of(struct resolver *r, const struct gathered *g)
{
    if (g->label)
        return g->label;
    const struct source *source = g->ast->span.source;
    return arena_printf(r->arena, "%s:%u", source ? source->name : "-", source ? source_place(source, g->ast->span.begin).line : 0);
}

static void lower_rule(struct resolver *r, const struct gathered *g)
{
    const struct ast_rule *ast = g->ast;
    if (ast->disabled) {
        check_disabled(r, g->unit, ast);
        return;
    }
    struct rule *rule = &r->recipe->rules[r->recipe->rule_count++];
    resolve_predicate(r, g->unit, ast->predicate);
    *rule = (struct rule){.span = ast->span, .kind = g->kind, .order = g->order, .label = g->label, .origin = origin_of(r, g), .predicate = ast->predicate,
                          .target = ast->target, .optional = ast->optional};
    aim(r, g->unit, ast, rule);
}

void resolve_rules(struct resolver *r, struct unit *root)
{
    if (!root->match)
        return;
    struct gatherer g = {.r = r, .policy = root->match->match.policy};
    gather(&g, root);
    check_labels(&g);
    order_rules(&g);
    r->recipe->policy = g.policy;
    r->recipe->rules = ARENA_ARRAY(r->arena, g.count + 1, struct rule);
    for (size_t i = 0; i < g.count; i++)
        lower_rule(r, &g.rules[i]);
}

/* ---- expectations ---- */

/* keep: of the root file; an import's own expectations are checked for their names alone. */
void resolve_expects(struct resolver *r, struct unit *unit, const struct ast_expect *expects, bool keep)
{
    struct recipe *recipe = r->recipe;
    for (const struct ast_expect *e = expects; e; e = e->next) {
        const struct config *config = NULL;
        if (e->kind == AST_EXPECT_QUANTITY && !isfinite(e->value.value))
            diag_report(r->diags, DIAG_bad_expect, e->value.span, "`%s` is compared with a finite number", e->quantity.text);
        if (e->kind != AST_EXPECT_QUANTITY && e->target == AST_TARGET_CONFIG && !e->no_rule)
            config = config_of_name(r, unit, &e->config);
        if (!keep)
            continue;
        struct recipe_expect *kept = ARENA_PUSH(r->arena, recipe->expects, recipe->expect_count, r->expect_capacity);
        *kept = (struct recipe_expect){e, config};
    }
}
