/* Steps of prepare and algorithm, groups, aliases: checked and kept. In: declarations. Out: recipe->steps and groups; what is
 * wrong is reported at its place. Which steps there are, and the type and range of each field, are rows of steps.def. */
#include "lang/resolve.h"

#include <string.h>

/* ---- steps ---- */

struct step_row {
    enum ast_decl_kind decl;
    const char *name;
};
static const struct step_row step_rows[] = {
#define STEP(decl, name) {AST_DECL_##decl, #name},
#include "lang/steps.def"
};
enum { STEP_COUNT = sizeof step_rows / sizeof *step_rows };

enum field_kind { FIELD_boolean, FIELD_integer, FIELD_real };
struct field_row {
    const char *step, *name;
    enum field_kind kind;
    double minimum, maximum;
};
static const struct field_row field_rows[] = {
#define STEP_FIELD(step, field, kind, minimum, maximum) {#step, #field, FIELD_##kind, minimum, maximum},
#include "lang/steps.def"
};
enum { FIELD_COUNT = sizeof field_rows / sizeof *field_rows };

static bool find_step(const struct ast_step *step, enum ast_decl_kind decl)
{
    for (size_t i = 0; i < STEP_COUNT; i++)
        if (step_rows[i].decl == decl && !strcmp(step_rows[i].name, step->name.text))
            return true;
    return false;
}

static void report_step(struct resolver *r, const struct ast_step *step, enum ast_decl_kind decl)
{
    const char *names[STEP_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < STEP_COUNT; i++)
        if (step_rows[i].decl == decl)
            names[count++] = step_rows[i].name;
    struct diag *d = diag_report(r->diags, DIAG_bad_step, step->name.span, "there is no step named `%s`", step->name.text);
    const char *nearest = diag_nearest(step->name.text, names, count);
    if (nearest)
        diag_help(r->diags, d, "did you mean `%s`?", nearest);
}

static const struct field_row *find_field(const char *step, const char *name)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (!strcmp(field_rows[i].step, step) && !strcmp(field_rows[i].name, name))
            return &field_rows[i];
    return NULL;
}

static void report_field(struct resolver *r, const char *step, const struct ast_argument *a)
{
    const char *names[FIELD_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (!strcmp(field_rows[i].step, step))
            names[count++] = field_rows[i].name;
    struct span span = a->key.text ? a->key.span : a->value.span;
    struct diag *d = a->key.text ? diag_report(r->diags, DIAG_bad_step, span, "step `%s` has no field `%s`", step, a->key.text)
                                 : diag_report(r->diags, DIAG_bad_step, span, "the fields of step `%s` have names", step);
    const char *nearest = a->key.text ? diag_nearest(a->key.text, names, count) : NULL;
    if (nearest)
        diag_help(r->diags, d, "did you mean `%s`?", nearest);
}

static bool is_boolean(const struct ast_value *v)
{
    return v->kind == AST_VALUE_WORD && (!strcmp(v->string.bytes, "true") || !strcmp(v->string.bytes, "false"));
}

/* Both bounds are allowed. */
static bool field_holds(const struct field_row *row, const struct ast_value *v)
{
    if (row->kind == FIELD_boolean)
        return is_boolean(v);
    return v->kind == AST_VALUE_NUMBER && (row->kind == FIELD_real || v->number.is_integer) &&
           v->number.value >= row->minimum && v->number.value <= row->maximum;
}

static void report_field_value(struct resolver *r, const struct field_row *row, struct span span)
{
    struct text text = text_make(r->arena);
    text_printf(&text, "`%s` of step `%s` is ", row->name, row->step);
    if (row->kind == FIELD_boolean) {
        text_add(&text, "true or false");
    } else {
        text_add(&text, row->kind == FIELD_integer ? "a whole number from " : "a number from ");
        text_number(&text, row->minimum);
        text_add(&text, " to ");
        text_number(&text, row->maximum);
    }
    diag_report(r->diags, DIAG_bad_step, span, "%s", text_string(&text));
}

/* The parser has refused names given twice. */
static void check_fields(struct resolver *r, const struct ast_step *step)
{
    for (const struct ast_argument *a = step->arguments; a; a = a->next) {
        const struct field_row *row = a->key.text ? find_field(step->name.text, a->key.text) : NULL;
        if (!row)
            report_field(r, step->name.text, a);
        else if (!field_holds(row, &a->value))
            report_field_value(r, row, a->value.span);
    }
}

static void keep_step(struct resolver *r, const struct ast_step *step, bool algorithm)
{
    struct recipe *recipe = r->recipe;
    struct recipe_step *kept = ARENA_PUSH(r->arena, recipe->steps, recipe->step_count, r->step_capacity);
    *kept = (struct recipe_step){.ast = step, .algorithm = algorithm};
}

void resolve_steps(struct resolver *r, struct unit *unit, const struct ast_decl *decl, bool keep)
{
    unsigned errors = r->diags->errors;
    for (const struct ast_step *step = decl->steps; step; step = step->next) {
        if (find_step(step, decl->kind))
            check_fields(r, step);
        else
            report_step(r, step, decl->kind);
        resolve_predicate(r, unit, step->where);
        if (keep)
            keep_step(r, step, decl->kind == AST_DECL_algorithm);
    }
    if (keep && r->diags->errors == errors)
        diag_report(r->diags, DIAG_no_effect, decl->span, "the steps of `%s` are checked and kept, but have no effect yet",
                    decl->kind == AST_DECL_algorithm ? "algorithm" : "prepare");
}

/* ---- groups ---- */

static unsigned count_holes(const struct ast_string *member)
{
    unsigned count = 0;
    for (size_t i = 0; i + 3 <= member->size; i++)
        count += !memcmp(member->bytes + i, "{p}", 3);
    return count;
}

/* {p} stands once in every member: it is what the members of one group share. */
void resolve_group(struct resolver *r, const struct symbol *symbol)
{
    const struct ast_decl *decl = symbol->decl;
    for (size_t i = 0; i < decl->group.count; i++)
        if (count_holes(&decl->group.members[i]) != 1)
            diag_report(r->diags, DIAG_bad_group, decl->group.members[i].span, "`{p}` stands exactly once in each member of a group");
    if (decl->group.count < 2)
        diag_report(r->diags, DIAG_bad_group, decl->name.span, "a group has at least two members");
    struct recipe *recipe = r->recipe;
    struct recipe_group *g = ARENA_PUSH(r->arena, recipe->groups, recipe->group_count, r->group_capacity);
    *g = (struct recipe_group){symbol->full_name, decl->name.span, decl->group.members, decl->group.count};
}

/* ---- aliases ---- */

static bool in_name(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (unsigned char)c >= 0x80;
}

/* Each `&name` in an mpath query that is an alias's name; blanks may stand between. The query is not parsed here: `&` begins
 * nothing but an alias in mpath, but for text inside brackets, where a match only counts an alias as used. */
void use_aliases(struct resolver *r, struct unit *unit, const struct ast_string *query)
{
    const char *end = query->bytes + query->size;
    for (const char *c = query->bytes; c < end && (c = memchr(c, '&', (size_t)(end - c)));) {
        size_t size = 0;
        for (c++; c < end && (*c == ' ' || (*c >= '\t' && *c <= '\r'));)
            c++;
        while (c + size < end && in_name(c[size]))
            size++;
        struct symbol *s = size ? unit_find(unit, SPACE_ALIAS, arena_copy(r->arena, c, size)) : NULL;
        if (s)
            resolve_alias_symbol(r, s, query->span);
        c += size;
    }
}

void resolve_alias_symbol(struct resolver *r, struct symbol *symbol, struct span use)
{
    if (symbol->state == SYMBOL_DONE || !symbol_enter(r, symbol, use))
        return;
    use_aliases(r, symbol->unit, &symbol->decl->alias);
    symbol_leave(r);
}
