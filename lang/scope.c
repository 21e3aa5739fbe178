/* Scope: the names that stand in a file. In: declarations and imports. Out: the symbol that a name means. A name is looked up as
 * it is, then as `ns.rest` in the import `ns`; a name may hold dots itself when it was written as a string. Namespaces (enum
 * space) are separate tables by their hash. Names that are never used, and those that are missing, are reported with the nearest
 * one. */
#include "lang/resolve.h"

#include <string.h>

const char *const space_words[] = {"spec", "config", "set", "group", "schedule", "alias"};

enum { BUCKETS_MIN = 64 };

static const char *space_word(const struct symbol *s)
{
    return s->decl->kind == AST_DECL_format ? "format" : space_words[s->space];
}

struct unit *unit_new(struct resolver *r, const struct ast *ast, const char *prefix)
{
    struct unit *unit = ARENA_NEW(r->arena, struct unit);
    unit->ast = ast;
    unit->prefix = prefix;
    unit->arena = r->arena;
    unit->bucket_count = BUCKETS_MIN;
    unit->buckets = ARENA_ARRAY(r->arena, BUCKETS_MIN, struct entry *);
    unit->last_symbol = &unit->symbols;
    unit->last_import = &unit->imports;
    unit->aliases.find = unit_find_alias;
    return unit;
}

/* FNV-1a over the name and its namespace. */
static size_t hash_name(enum space space, const char *name)
{
    uint64_t hash = 14695981039346656037u ^ (uint64_t)space;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 1099511628211u;
    return (size_t)(hash ^ hash >> 32);
}

static struct entry *find_entry(const struct unit *unit, enum space space, const char *name)
{
    struct entry *e = unit->buckets[hash_name(space, name) & (unit->bucket_count - 1)];
    while (e && (e->symbol->space != space || strcmp(e->name, name)))
        e = e->next;
    return e;
}

static void grow_buckets(struct resolver *r, struct unit *unit)
{
    size_t count = 4 * unit->bucket_count;
    struct entry **buckets = ARENA_ARRAY(r->arena, count, struct entry *);
    for (size_t i = 0; i < unit->bucket_count; i++)
        for (struct entry *e = unit->buckets[i], *next; e; e = next) {
            struct entry **bucket = &buckets[hash_name(e->symbol->space, e->name) & (count - 1)];
            next = e->next;
            e->next = *bucket;
            *bucket = e;
        }
    unit->buckets = buckets;
    unit->bucket_count = count;
}

/* At most one entry for each bucket on average. */
static void add_entry(struct resolver *r, struct unit *unit, const char *name, struct symbol *symbol, struct span span)
{
    if (++unit->entry_count > unit->bucket_count)
        grow_buckets(r, unit);
    struct entry **bucket = &unit->buckets[hash_name(symbol->space, name) & (unit->bucket_count - 1)];
    struct entry *e = ARENA_NEW(r->arena, struct entry);
    *e = (struct entry){.next = *bucket, .name = name, .symbol = symbol, .span = span};
    *bucket = e;
}

static void report_duplicate(struct resolver *r, const struct symbol *symbol, struct span span, const struct entry *first)
{
    struct diag *d = diag_report(r->diags, DIAG_duplicate_name, span, "%s `%s` is defined twice", space_word(symbol), first->name);
    diag_note(r->diags, d, first->span, "first defined here");
}

static bool is_builtin(enum space space, const char *name)
{
    return space == SPACE_SPEC && (format_find(name) || preset_find(name));
}

void unit_declare(struct resolver *r, struct unit *unit, const struct ast_decl *decl, enum space space)
{
    struct symbol *s = ARENA_NEW(r->arena, struct symbol);
    *s = (struct symbol){.space = space, .name = decl->name.text, .decl = decl, .unit = unit};
    s->full_name = *unit->prefix ? arena_printf(r->arena, "%s%s", unit->prefix, s->name) : s->name;
    *unit->last_symbol = s;
    unit->last_symbol = &s->next;
    const struct entry *first = find_entry(unit, space, s->name);
    if (space == SPACE_ALIAS)
        s->alias = (struct ast_alias){decl->alias, &unit->aliases};
    if (first)
        report_duplicate(r, s, decl->name.span, first);
    else if (is_builtin(space, s->name))
        diag_report(r->diags, DIAG_builtin_name, decl->name.span, "`%s` is built in and cannot be redefined", s->name);
    else
        add_entry(r, unit, s->name, s, decl->name.span);
}

/* The same declaration may come in by several imports; two different ones of one name are a conflict. */
void unit_merge(struct resolver *r, struct unit *unit, const struct unit *from, struct span import)
{
    for (size_t i = 0; i < from->bucket_count; i++)
        for (const struct entry *e = from->buckets[i]; e; e = e->next) {
            const struct entry *first = find_entry(unit, e->symbol->space, e->name);
            if (first && first->symbol != e->symbol)
                report_duplicate(r, e->symbol, import, first);
            else if (!first)
                add_entry(r, unit, e->name, e->symbol, import);
        }
}

/* ---- looking up ---- */

static struct import *find_import(struct unit *unit, const char *name, size_t size)
{
    for (struct import *i = unit->imports; i; i = i->next)
        if (i->name && strlen(i->name) == size && !memcmp(i->name, name, size))
            return i;
    return NULL;
}

struct import *unit_find_import(struct unit *unit, const char *name)
{
    struct import *i = find_import(unit, name, strlen(name));
    if (i)
        i->used = true;
    return i;
}

/* `aliases` is a member of the unit it belongs to. */
const struct ast_alias *unit_find_alias(const struct ast_aliases *aliases, const char *name)
{
    const struct unit *unit = (const struct unit *)(const void *)((const char *)aliases - offsetof(struct unit, aliases));
    const struct entry *e = find_entry(unit, SPACE_ALIAS, name);
    return e ? &e->symbol->alias : NULL;
}

/* One look-up. Several ways lead to one rest of the name in one file, where import names hold dots too: it is looked for once. */
struct search {
    enum space space;
    struct missing {
        struct missing *next, *before; /* of its unit; of the search */
        struct unit *unit;
        const char *rest;
    } *last;
};

static bool is_missing(const struct unit *unit, const char *rest)
{
    const struct missing *m = unit->missing;
    while (m && m->rest != rest)
        m = m->next;
    return m != NULL;
}

static void add_missing(struct search *search, struct unit *unit, const char *rest)
{
    struct missing *m = unit->spare ? unit->spare : ARENA_NEW(unit->arena, struct missing);
    unit->spare = m->next;
    *m = (struct missing){unit->missing, search->last, unit, rest};
    unit->missing = search->last = m;
}

/* Imports make no cycles, so each dot goes one file deeper. */
static struct symbol *search_unit(struct search *search, struct unit *unit, const char *name)
{
    struct entry *e = find_entry(unit, search->space, name);
    const char *dot = e || is_missing(unit, name) ? NULL : strchr(name, '.');
    bool dotted = dot != NULL;
    for (; dot; dot = strchr(dot + 1, '.')) {
        struct import *import = find_import(unit, name, (size_t)(dot - name));
        struct symbol *s = import ? search_unit(search, import->unit, dot + 1) : NULL;
        if (s) {
            import->used = true;
            return s;
        }
    }
    if (dotted)
        add_missing(search, unit, name);
    if (e)
        e->symbol->used = true;
    return e ? e->symbol : NULL;
}

struct symbol *unit_find(struct unit *unit, enum space space, const char *name)
{
    struct search search = {.space = space};
    struct symbol *s = search_unit(&search, unit, name);
    for (struct missing *m = search.last; m; m = m->before) {
        m->unit->missing = NULL;
        m->next = m->unit->spare;
        m->unit->spare = m;
    }
    return s;
}

/* ---- messages ---- */

struct candidates {
    const char *names[NEAREST_MAX];
    size_t count;
};

static void add_candidate(struct candidates *c, const char *name)
{
    if (c->count < NEAREST_MAX)
        c->names[c->count++] = name;
}

/* The unit's names in source order, then those behind each namespace.
 * NEAREST_MAX bounds what a misspelt name costs. */
static void collect(struct resolver *r, struct unit *unit, enum space space, struct candidates *c)
{
    for (const struct symbol *s = unit ? unit->symbols : NULL; s && c->count < NEAREST_MAX; s = s->next)
        if (s->space == space)
            add_candidate(c, s->name);
    for (const struct import *i = unit ? unit->imports : NULL; i; i = i->next)
        for (const struct symbol *s = i->unit->symbols; s && c->count < NEAREST_MAX; s = s->next)
            if (s->space == space)
                add_candidate(c, i->name ? arena_printf(r->arena, "%s.%s", i->name, s->name) : s->name);
    if (space != SPACE_SPEC)
        return;
    for (size_t i = 0; i < preset_count; i++)
        add_candidate(c, presets[i].word);
    for (size_t i = 0; i < format_count; i++)
        add_candidate(c, formats[i].name);
}

void report_unknown(struct resolver *r, struct unit *unit, enum space space, const struct ast_name *name)
{
    if (r->incomplete)
        return;
    struct diag *d = diag_report(r->diags, DIAG_unknown_name, name->span, "there is no %s named `%s`", space_words[space], name->text);
    if (r->diags->errors > r->diags->limit)
        return;
    struct candidates *c = ARENA_NEW(r->arena, struct candidates);
    collect(r, unit, space, c);
    const char *nearest = diag_nearest(name->text, c->names, c->count);
    if (nearest)
        diag_help(r->diags, d, "did you mean `%s`?", nearest);
    else if (space == SPACE_CONFIG && unit && unit_find(unit, SPACE_SPEC, name->text))
        diag_help(r->diags, d, "`%s` is a spec: write `spec %s`", name->text, name->text);
}

/* `a -> b -> a`, from where the cycle begins. */
static void report_cycle(struct resolver *r, const struct symbol *symbol, struct span use)
{
    struct text path = text_make(r->arena);
    unsigned first = 0;
    while (r->stack[first] != symbol)
        first++;
    for (unsigned i = first; i < r->depth; i++)
        text_printf(&path, "%s -> ", r->stack[i]->full_name);
    text_add(&path, symbol->full_name);
    struct diag *d = diag_report(r->diags, DIAG_name_cycle, use, "%s `%s` is defined by itself: %s", space_word(symbol), symbol->name, text_string(&path));
    for (unsigned i = first; i < r->depth; i++)
        diag_note(r->diags, d, r->stack[i]->decl->name.span, "`%s` is defined here", r->stack[i]->name);
}

/* The stack is what a cycle's message shows. */
bool symbol_enter(struct resolver *r, struct symbol *symbol, struct span use)
{
    if (symbol->state == SYMBOL_BUSY) {
        report_cycle(r, symbol, use);
        return false;
    }
    if (r->depth == RESOLVE_DEPTH_MAX) {
        diag_report(r->diags, DIAG_too_large, use, "a chain of more than %d definitions leads here", RESOLVE_DEPTH_MAX);
        return false;
    }
    symbol->state = SYMBOL_BUSY;
    r->stack[r->depth++] = symbol;
    return true;
}

void symbol_leave(struct resolver *r)
{
    r->stack[--r->depth]->state = SYMBOL_DONE;
}

/* Groups act without being named. */
void warn_unused(struct resolver *r, struct unit *unit)
{
    for (const struct symbol *s = unit->symbols; s; s = s->next)
        if (!s->used && s->space != SPACE_GROUP)
            diag_report(r->diags, DIAG_unused_name, s->decl->name.span, "%s `%s` is never used", space_word(s), s->name);
    for (const struct import *i = unit->imports; i; i = i->next)
        if (i->name && !i->used)
            diag_report(r->diags, DIAG_unused_name, i->decl->import.as.span, "import `%s` is never used", i->name);
}
