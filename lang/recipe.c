/* Recipe: looking specs and slots up, and the recipe as text. In: a resolved recipe. Out: a spec or slot, or text that reads
 * back: every spec canonical, sets written out, derivations and imports gone, rules in first-match order. See recipe.h. */
#include "lang/resolve.h"
#include "lang/yaml_value.h"

#include <string.h>

/* ---- specs by name or expression ---- */

/* An expression alone: no files, no imports. */
static struct resolver *expression_resolver(struct arena *arena, struct recipe *recipe, struct diags *diags)
{
    struct resolver *r = ARENA_NEW(arena, struct resolver);
    *r = (struct resolver){.arena = arena, .diags = diags, .recipe = recipe};
    r->last_unit = &r->units;
    return r;
}

static const struct spec *parse_expression(struct resolver *r, struct unit *unit, const char *expression)
{
    size_t size = strlen(expression);
    if (size > SOURCE_SIZE_MAX) {
        diag_report_about(r->diags, DIAG_too_large, "<spec>", "a spec has at most %d bytes", SOURCE_SIZE_MAX);
        return NULL;
    }
    const char *copy = arena_copy(r->arena, expression, size);
    struct source *source = source_new(r->arena, "<spec>", copy, size);
    struct ast_spec *ast = ast_parse_spec(r->arena, source, (struct span){source, 0, (uint32_t)size}, copy, size, r->diags);
    return ast ? spec_resolve(r, unit, ast) : NULL;
}

const struct spec *spec_parse(struct arena *arena, const char *expression, struct diags *diags)
{
    return parse_expression(expression_resolver(arena, NULL, diags), NULL, expression);
}

const struct spec *recipe_find_spec(struct recipe *recipe, const char *expression, struct diags *diags)
{
    struct symbol *s = unit_find(recipe->unit, SPACE_SPEC, expression);
    if (s && s->spec)
        return s->spec;
    return parse_expression(expression_resolver(recipe->arena, recipe, diags), recipe->unit, expression);
}

/* ---- slots ---- */

static bool is_exact(const struct slot *s, int64_t index, const char *name)
{
    return (s->key == SLOT_KEY_INDEX && s->index == index) || (s->key == SLOT_KEY_NAME && name && !strcmp(s->name, name));
}

/* An exact key goes before `*`, wherever it stands; of several exact ones the last. */
const struct slot *config_find_slot(const struct config *config, bool module, enum slot_role role, int64_t index, const char *name)
{
    const struct slot *found = NULL;
    for (size_t i = 0; i < config->slot_count; i++) {
        const struct slot *s = &config->slots[i];
        if (s->module != module || s->role != role)
            continue;
        if (is_exact(s, index, name) || (s->key == SLOT_KEY_NONE && !found))
            found = s;
    }
    return found;
}

/* weight and bias have roles of their own outside of a module's boundary; every other state is by name. */
const struct slot *config_find_state(const struct config *config, bool module, const char *name, bool exact)
{
    enum slot_role role = module ? SLOT_STATE : !strcmp(name, "weight") ? SLOT_WEIGHT : !strcmp(name, "bias") ? SLOT_BIAS : SLOT_STATE;
    const struct slot *found = config_find_slot(config, module, role, -1, name);
    bool own = found && (found->key == SLOT_KEY_NAME || role != SLOT_STATE);
    return !exact || own ? found : NULL;
}

const struct spec *config_slot(const struct config *config, enum slot_role role, int64_t index, const char *name, bool *off)
{
    const struct slot *found = config_find_slot(config, false, role, index, name);
    *off = found && !found->spec;
    return found ? found->spec : NULL;
}

const struct ast_decl *recipe_schedule(const struct recipe *recipe, const char *name)
{
    for (const struct unit *u = recipe->unit; u; u = u->next)
        for (const struct symbol *s = u->symbols; s; s = s->next)
            if (s->space == SPACE_SCHEDULE && !strcmp(s->full_name, name))
                return s->decl;
    return NULL;
}

/* ---- text ---- */

/* Names with dots stand quoted: bare they would mean an import's. */
static void print_name(struct text *out, const char *name)
{
    if (strchr(name, '.'))
        text_quote(out, name, strlen(name));
    else
        ast_print_name(out, name);
}

static void print_key(struct text *out, const struct slot *s)
{
    switch (s->key) {
    case SLOT_KEY_NONE:
        break;
    case SLOT_KEY_INDEX:
        text_printf(out, "[%lld]", (long long)s->index);
        break;
    case SLOT_KEY_NAME:
        text_char(out, '[');
        text_quote(out, s->name, strlen(s->name));
        text_char(out, ']');
        break;
    }
}

static void print_slot(struct text *out, const struct slot *s)
{
    text_printf(out, "  %s%s", s->module ? "module " : "", slot_role_words[s->role]);
    print_key(out, s);
    text_char(out, ' ');
    if (s->spec)
        spec_print(out, s->spec);
    else
        text_add(out, "none");
    text_char(out, '\n');
}

static void print_config(struct text *out, const struct config *c)
{
    text_add(out, "\nconfig ");
    print_name(out, c->name);
    text_add(out, " {\n");
    for (size_t i = 0; i < c->slot_count; i++)
        print_slot(out, &c->slots[i]);
    if (c->schedule) {
        text_add(out, "  schedule ");
        print_name(out, c->schedule);
        text_char(out, '\n');
    }
    if (c->extra) {
        text_add(out, "  extra ");
        yaml_print_json(out, c->extra);
        text_char(out, '\n');
    }
    text_add(out, "}\n");
}

/* ---- values of schedules and steps ---- */

static void print_value(struct text *out, const struct ast_value *v)
{
    switch (v->kind) {
    case AST_VALUE_NUMBER:
        if (v->number.is_integer)
            text_printf(out, "%lld", (long long)v->number.integer);
        else
            text_double(out, v->number.value);
        break;
    case AST_VALUE_STRING:
        text_quote(out, v->string.bytes, v->string.size);
        break;
    case AST_VALUE_WORD:
        text_add(out, v->string.bytes);
        break;
    case AST_VALUE_LIST: /* no schedule and no step takes one, nor a spec */
    case AST_VALUE_SPEC:
        break;
    }
}

static void print_schedules(struct text *out, const struct recipe *recipe)
{
    for (const struct unit *u = recipe->unit; u; u = u->next)
        for (const struct symbol *s = u->symbols; s; s = s->next) {
            if (s->space != SPACE_SCHEDULE || !(u == recipe->unit || s->wanted))
                continue;
            text_add(out, "\nschedule ");
            print_name(out, s->full_name);
            text_add(out, " {\n");
            for (const struct ast_argument *a = s->decl->schedule; a; a = a->next) {
                text_printf(out, "  %s ", a->key.text);
                print_value(out, &a->value);
                text_char(out, '\n');
            }
            text_add(out, "}\n");
        }
}

/* ---- predicates ---- */

/* A copy whose sets are written out and whose numbers are plain; resolving has bounded its size and depth. */
static struct ast_predicate *write_out(struct arena *arena, const struct ast_predicate *p)
{
    if (p->kind == AST_SET && p->set_predicate)
        return write_out(arena, p->set_predicate);
    struct ast_predicate *copy = ARENA_NEW(arena, struct ast_predicate);
    *copy = *p;
    copy->parenthesised = false;
    copy->term.spelling = copy->other.spelling = NULL;
    copy->left = p->left ? write_out(arena, p->left) : NULL;
    copy->right = p->right ? write_out(arena, p->right) : NULL;
    return copy;
}

static void print_predicate(struct text *out, const struct ast_predicate *p)
{
    ast_print_predicate(out, write_out(out->arena, p));
}

static void print_step(struct text *out, const struct ast_step *step)
{
    text_printf(out, "  %s(", step->name.text);
    for (const struct ast_argument *a = step->arguments; a; a = a->next) {
        text_printf(out, "%s = ", a->key.text);
        print_value(out, &a->value);
        text_add(out, a->next ? ", " : "");
    }
    text_char(out, ')');
    if (step->where) {
        text_add(out, " where ");
        print_predicate(out, step->where);
    }
    text_char(out, '\n');
}

static void print_steps(struct text *out, const struct recipe *recipe, bool algorithm)
{
    bool open = false;
    for (size_t i = 0; i < recipe->step_count; i++) {
        if (recipe->steps[i].algorithm != algorithm)
            continue;
        if (!open)
            text_add(out, algorithm ? "\nalgorithm {\n" : "\nprepare {\n");
        open = true;
        print_step(out, recipe->steps[i].ast);
    }
    text_add(out, open ? "}\n" : "");
}

/* ---- rules, groups, expectations ---- */

static void print_target(struct text *out, enum ast_target_kind target, const char *name)
{
    text_add(out, " => ");
    switch (target) {
    case AST_TARGET_CONFIG:
        print_name(out, name);
        break;
    case AST_TARGET_SPEC:
        text_add(out, "spec ");
        print_name(out, name);
        break;
    case AST_TARGET_SKIP:
        text_add(out, "skip");
        break;
    }
    text_char(out, '\n');
}

static void print_rule(struct text *out, const struct rule *rule)
{
    text_add(out, "  ");
    if (rule->label) {
        print_name(out, rule->label);
        text_add(out, ": ");
    }
    text_add(out, rule->optional ? "optional " : "");
    print_predicate(out, rule->predicate);
    print_target(out, rule->target, rule->name);
}

static void print_groups(struct text *out, const struct recipe *recipe)
{
    for (size_t i = 0; i < recipe->group_count; i++) {
        const struct recipe_group *g = &recipe->groups[i];
        text_add(out, i ? "group " : "\ngroup ");
        print_name(out, g->name);
        text_add(out, " =");
        for (size_t j = 0; j < g->count; j++) {
            text_char(out, ' ');
            text_quote(out, g->members[j].bytes, g->members[j].size);
        }
        text_char(out, '\n');
    }
}

static void print_quantity(struct text *out, const struct ast_expect *e)
{
    static const char *const operators[] = {"==", "!=", "<", "<=", ">", ">="}; /* enum ast_comparison */
    text_printf(out, "%s %s ", e->quantity.text, operators[e->comparison]);
    text_number(out, e->value.value);
    text_char(out, '\n');
}

static void print_expect(struct text *out, const struct recipe_expect *expect)
{
    const struct ast_expect *e = expect->ast;
    text_add(out, e->kind == AST_EXPECT_PARAM ? "  param " : "  ");
    if (e->kind == AST_EXPECT_QUANTITY) {
        print_quantity(out, e);
        return;
    }
    text_quote(out, e->name.bytes, e->name.size);
    if (e->no_rule)
        text_add(out, " => none\n");
    else
        print_target(out, e->target, expect->config ? expect->config->name : NULL);
}

static void print_matching(struct text *out, const struct recipe *recipe)
{
    static const char *const policies[] = {"first", "first", "specific", "specific compat doc"};
    text_printf(out, "\nmatch %s {\n", policies[recipe->policy]);
    for (size_t i = 0; i < recipe->rule_count; i++)
        print_rule(out, &recipe->rules[i]);
    text_add(out, "}\n");
    text_add(out, recipe->expect_count ? "\nexpect {\n" : "");
    for (size_t i = 0; i < recipe->expect_count; i++)
        print_expect(out, &recipe->expects[i]);
    text_add(out, recipe->expect_count ? "}\n" : "");
}

/* ---- the whole ---- */

static void print_heading(struct text *out, const struct recipe *recipe)
{
    const struct ast_decl *decl = recipe->unit->recipe;
    if (!decl)
        return;
    text_add(out, "recipe ");
    text_quote(out, recipe->name, strlen(recipe->name));
    if (decl->recipe.has_version)
        text_printf(out, " version %lld", (long long)recipe->version);
    text_char(out, '\n');
}

/* Whether a file before its own has another alias of that name.
 * An imported alias that another one hides is not printed: its name would mean the other. */
static bool is_hidden(const struct recipe *recipe, const struct symbol *s)
{
    for (const struct unit *u = recipe->unit; u != s->unit; u = u->next) {
        const struct ast_alias *found = unit_find_alias(&u->aliases, s->name);
        if (found && found != &s->alias)
            return true;
    }
    return false;
}

bool recipe_shows_alias(const struct recipe *recipe, const struct symbol *s)
{
    return s->space == SPACE_ALIAS && (s->unit == recipe->unit || (s->used && !is_hidden(recipe, s)));
}

/* Queries keep their `&name`: the aliases of imports stand beside the file's own. */
static void print_aliases(struct text *out, const struct recipe *recipe)
{
    bool first = true;
    for (const struct unit *u = recipe->unit; u; u = u->next)
        for (const struct symbol *s = u->symbols; s; s = s->next) {
            if (!recipe_shows_alias(recipe, s))
                continue;
            text_add(out, first ? "\nalias " : "alias ");
            first = false;
            print_name(out, s->name);
            text_add(out, " = ");
            text_quote(out, s->decl->alias.bytes, s->decl->alias.size);
            text_char(out, '\n');
        }
}

static void print_specs(struct text *out, const struct recipe *recipe)
{
    for (size_t i = 0; i < recipe->spec_count; i++) {
        text_add(out, i ? "spec " : "\nspec ");
        print_name(out, recipe->specs[i].name);
        text_add(out, " = ");
        spec_print(out, recipe->specs[i].spec);
        text_char(out, '\n');
    }
}

static void print_blocks(struct text *out, const struct recipe *recipe)
{
    print_heading(out, recipe);
    print_specs(out, recipe);
    print_aliases(out, recipe);
    print_schedules(out, recipe);
    for (size_t i = 0; i < recipe->config_count; i++)
        print_config(out, recipe->configs[i]);
    print_groups(out, recipe);
    print_steps(out, recipe, false);
    print_steps(out, recipe, true);
    print_matching(out, recipe);
}

/* Blocks begin with an empty line, the first one apart. */
void recipe_print(struct text *out, const struct recipe *recipe)
{
    struct text blocks = text_make(out->arena);
    print_blocks(&blocks, recipe);
    size_t skip = blocks.size && blocks.bytes[0] == '\n';
    text_add_bytes(out, text_string(&blocks) + skip, blocks.size - skip);
}
