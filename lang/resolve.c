/* Resolve: an AST and its imports to a checked recipe. In: an AST, an importer. Out: a recipe without names: every spec
 * computed, rules in first-match order. First every file is read and its names are entered, then each name is resolved, depth
 * first, then the rules. A fault is reported where it stands and resolution goes on with something usable, so that one run shows
 * all faults. See resolve.h for the stages, recipe.h for the result. */
#include "lang/resolve.h"

#include <string.h>
#include "lang/foreign.h"

static struct unit *load_unit(struct resolver *r, const struct ast *ast, const char *prefix);

/* ---- imports ---- */

/* Files are told apart by the names the importer gives them. */
static struct unit *find_unit(struct resolver *r, const char *source_name)
{
    for (struct unit *u = r->units; u; u = u->next)
        if (u->ast->source && !strcmp(u->ast->source->name, source_name))
            return u;
    return NULL;
}

/* The files that are being read, from the one that comes again. */
static void report_import_cycle(struct resolver *r, const struct unit *again, struct span span)
{
    struct text path = text_make(r->arena);
    for (const struct unit *u = again; u; u = u->next)
        if (u->loading)
            text_printf(&path, "%s -> ", u->ast->source->name);
    diag_report(r->diags, DIAG_import_cycle, span, "`%s` imports itself: %s%s", again->ast->source->name, text_string(&path), again->ast->source->name);
}

/* Depth bounds the recursion of load_unit, the count of files its time. incomplete: a name that is missing may stand in what was
 * lost. */
static struct unit *parse_unit(struct resolver *r, struct source *source, const char *prefix, struct span span)
{
    if (r->unit_count > IMPORTS_MAX || r->import_depth == RESOLVE_DEPTH_MAX) {
        if (r->unit_count == IMPORTS_MAX + 1 || r->import_depth == RESOLVE_DEPTH_MAX)
            diag_report(r->diags, DIAG_too_large, span, "a recipe imports at most %d files, %d deep", IMPORTS_MAX, RESOLVE_DEPTH_MAX);
        r->unit_count++;
        return NULL;
    }
    unsigned errors = r->diags->errors;
    const struct ast *ast = ast_parse(r->arena, source, r->diags);
    r->incomplete |= r->diags->errors > errors;
    r->import_depth++;
    struct unit *unit = load_unit(r, ast, prefix);
    r->import_depth--;
    return unit;
}

/* A file that two imports name is one unit; its prefix is that of the first. */
static struct unit *open_unit(struct resolver *r, const struct unit *from, const struct ast_decl *decl)
{
    const struct ast_string *path = &decl->import.path;
    if (!r->importer) {
        diag_report(r->diags, DIAG_bad_import, path->span, "`%s` cannot be read: imports are not available here", path->bytes);
        return NULL;
    }
    struct source *source = r->importer->open(r->importer->user, from->ast->source->name, path->bytes, path->span, r->diags);
    if (!source)
        return NULL;
    struct unit *unit = find_unit(r, source->name);
    if (unit && unit->loading) {
        report_import_cycle(r, unit, path->span);
        return NULL;
    }
    if (unit)
        return unit;
    const char *prefix = from->prefix;
    if (decl->import.as.text)
        prefix = arena_printf(r->arena, "%s%s.", prefix, decl->import.as.text);
    return parse_unit(r, source, prefix, path->span);
}

/* False: too many, which is said once. */
static bool count_import(struct resolver *r, struct unit *unit, const struct ast_decl *decl)
{
    if (unit->import_count++ == IMPORTS_MAX)
        diag_report(r->diags, DIAG_too_large, decl->import.path.span, "a file has at most %d imports", IMPORTS_MAX);
    return unit->import_count <= IMPORTS_MAX;
}

static void load_import(struct resolver *r, struct unit *unit, const struct ast_decl *decl)
{
    struct unit *from = count_import(r, unit, decl) ? open_unit(r, unit, decl) : NULL;
    if (!from) {
        r->incomplete = true;
        return;
    }
    for (const struct import *i = unit->imports; i; i = i->next)
        if (i->name && decl->import.as.text && !strcmp(i->name, decl->import.as.text)) {
            struct diag *d = diag_report(r->diags, DIAG_duplicate_name, decl->import.as.span, "import `%s` is defined twice", i->name);
            diag_note(r->diags, d, i->decl->import.as.span, "first defined here");
            return;
        }
    struct import *import = ARENA_NEW(r->arena, struct import);
    *import = (struct import){.name = decl->import.as.text, .unit = from, .decl = decl};
    *unit->last_import = import;
    unit->last_import = &import->next;
}

/* ---- declarations ---- */

/* recipe and match, of which a file has one. */
static void declare_single(struct resolver *r, const struct ast_decl **slot, const struct ast_decl *decl, const char *what)
{
    if (!*slot) {
        *slot = decl;
        return;
    }
    struct diag *d = diag_report(r->diags, DIAG_second_block, decl->span, "a recipe has one `%s`", what);
    diag_note(r->diags, d, (*slot)->span, "the first one");
}

static void declare(struct resolver *r, struct unit *unit, const struct ast_decl *decl)
{
    switch (decl->kind) {
    case AST_DECL_import:
        load_import(r, unit, decl);
        return;
    case AST_DECL_recipe:
        declare_single(r, &unit->recipe, decl, "recipe");
        return;
    case AST_DECL_match:
        declare_single(r, &unit->match, decl, "match");
        return;
    case AST_DECL_format:
    case AST_DECL_spec:
        unit_declare(r, unit, decl, SPACE_SPEC);
        return;
    case AST_DECL_config:
        unit_declare(r, unit, decl, SPACE_CONFIG);
        return;
    case AST_DECL_set:
        unit_declare(r, unit, decl, SPACE_SET);
        return;
    case AST_DECL_alias:
        unit_declare(r, unit, decl, SPACE_ALIAS);
        return;
    case AST_DECL_group:
        unit_declare(r, unit, decl, SPACE_GROUP);
        return;
    case AST_DECL_schedule:
        unit_declare(r, unit, decl, SPACE_SCHEDULE);
        return;
    case AST_DECL_prepare:
    case AST_DECL_algorithm:
    case AST_DECL_expect:
    case AST_DECL_COUNT:
        return;
    }
}

/* Imports without `as` are merged after the file's own names, so that a conflict is reported at the import. */
static struct unit *load_unit(struct resolver *r, const struct ast *ast, const char *prefix)
{
    struct unit *unit = unit_new(r, ast, prefix);
    *r->last_unit = unit;
    r->last_unit = &unit->next;
    r->unit_count++;
    unit->loading = true;
    for (const struct ast_decl *d = ast->decls; d; d = d->next)
        declare(r, unit, d);
    for (const struct import *i = unit->imports; i; i = i->next)
        if (!i->name)
            unit_merge(r, unit, i->unit, i->decl->span);
    unit->loading = false;
    return unit;
}

/* ---- names ---- */

/* Groups and schedules name nothing else, so they cannot make a cycle. */
static void resolve_symbol(struct resolver *r, struct symbol *s)
{
    struct span place = s->decl->name.span;
    switch (s->space) {
    case SPACE_SPEC:
        resolve_spec_symbol(r, s, place);
        return;
    case SPACE_CONFIG:
        resolve_config_symbol(r, s, place);
        return;
    case SPACE_SET:
        resolve_set_symbol(r, s, place);
        return;
    case SPACE_GROUP:
        resolve_group(r, s);
        return;
    case SPACE_SCHEDULE:
        resolve_schedule(r, s);
        return;
    case SPACE_ALIAS:
        resolve_alias_symbol(r, s, place);
        return;
    }
}

/* Steps and expectations hold in the file that is resolved; an import's are checked alone. */
static void resolve_unnamed(struct resolver *r, struct unit *unit, bool root)
{
    for (const struct ast_decl *d = unit->ast->decls; d; d = d->next)
        if (d->kind == AST_DECL_prepare || d->kind == AST_DECL_algorithm)
            resolve_steps(r, unit, d, root);
        else if (d->kind == AST_DECL_expect)
            resolve_expects(r, unit, d->expects, root);
}

/* ---- the result ---- */

/* Everything of the file itself, and what it takes from imports. */
static bool belongs(const struct resolver *r, const struct symbol *s)
{
    return s->unit == r->units || s->wanted;
}

static void collect_specs(struct resolver *r)
{
    struct recipe *recipe = r->recipe;
    size_t capacity = 0;
    for (const struct unit *u = r->units; u; u = u->next)
        for (const struct symbol *s = u->symbols; s; s = s->next)
            if (s->spec && belongs(r, s))
                *ARENA_PUSH(r->arena, recipe->specs, recipe->spec_count, capacity) =
                    (struct named_spec){s->full_name, s->decl->name.span, s->spec};
}

static void collect_configs(struct resolver *r)
{
    struct recipe *recipe = r->recipe;
    size_t capacity = 0;
    for (const struct unit *u = r->units; u; u = u->next)
        for (const struct symbol *s = u->symbols; s; s = s->next)
            if (s->config && belongs(r, s))
                *ARENA_PUSH(r->arena, recipe->configs, recipe->config_count, capacity) = s->config;
}

static void resolve_units(struct resolver *r)
{
    struct unit *root = r->units;
    for (struct unit *u = root; u; u = u->next)
        for (struct symbol *s = u->symbols; s; s = s->next)
            resolve_symbol(r, s);
    resolve_rules(r, root);
    for (struct unit *u = root; u; u = u->next)
        resolve_unnamed(r, u, u == root);
    collect_specs(r);
    collect_configs(r);
}

static void name_recipe(struct recipe *recipe, const struct ast_decl *decl)
{
    if (!decl)
        return;
    recipe->name = decl->name.text;
    recipe->version = decl->recipe.has_version ? decl->recipe.version : 0;
}

struct recipe *recipe_resolve(struct arena *arena, const struct ast *ast, const struct importer *importer, struct diags *diags)
{
    struct resolver *r = ARENA_NEW(arena, struct resolver);
    *r = (struct resolver){.arena = arena, .diags = diags, .importer = importer, .recipe = ARENA_NEW(arena, struct recipe)};
    r->last_unit = &r->units;
    r->incomplete = diags->errors > 0;
    r->recipe->arena = arena;
    r->recipe->ast = ast;
    r->recipe->megatron_layers = ast->foreign && ast->foreign == foreign_find("megatron");
    r->recipe->unit = load_unit(r, ast, "");
    name_recipe(r->recipe, r->recipe->unit->recipe);
    resolve_units(r);
    if (!diags->errors && r->recipe->unit->match)
        warn_unused(r, r->recipe->unit);
    return r->recipe;
}
