/* The YAML form out. In: an AST of either spelling. Out: sections in the order of decls.def, one line for every declaration,
 * rule, step and expectation, comments put back. Printing what was read prints the same text again. docs/yaml.md. */
#include "lang/yaml_print.h"

#include <stdlib.h>
#include <string.h>

/* ---- comments: each belongs to the line of one item ---- */

struct note {
    const struct ast_comment *comment;
    struct note *next;
};
struct notes {
    struct note *first, *last;
};
struct item {
    const void *node;
    struct span span;
    size_t order; /* of collection, so that sorting is stable */
    struct notes before, behind;
};
struct printer {
    struct text *out;
    const struct ast *ast;
    struct item *items; /* by place */
    size_t count, capacity, next; /* next: the item after the one printed last */
    struct notes head, tail; /* before the first item, after the last */
};

/* One line of the output, with where it stood. */
static void add_item(struct printer *p, const void *node, struct span span)
{
    struct item *item = ARENA_PUSH(p->out->arena, p->items, p->count, p->capacity);
    *item = (struct item){.node = node, .span = span, .order = p->count};
}

/* Blocks have a line for each of their parts and none of their own. */
static void collect_decl(struct printer *p, const struct ast_decl *decl)
{
    bool listed = decl->kind == AST_DECL_prepare || decl->kind == AST_DECL_algorithm;
    const struct ast_rule *rules = decl->kind == AST_DECL_match ? decl->match.rules : NULL;
    const struct ast_expect *expects = decl->kind == AST_DECL_expect ? decl->expects : NULL;
    for (const struct ast_rule *r = rules; r; r = r->next)
        add_item(p, r, r->span);
    for (const struct ast_expect *e = expects; e; e = e->next)
        add_item(p, e, e->span);
    for (const struct ast_step *s = listed ? decl->steps : NULL; s; s = s->next)
        add_item(p, s, s->span);
    if (!listed && decl->kind != AST_DECL_match && decl->kind != AST_DECL_expect)
        add_item(p, decl, decl->span);
}

/* By place; items that came through the same alias keep their order. */
static int compare_items(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->span.begin != y->span.begin)
        return x->span.begin < y->span.begin ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void append_note(struct arena *arena, struct notes *notes, const struct ast_comment *comment)
{
    struct note *note = ARENA_NEW(arena, struct note);
    note->comment = comment;
    *(notes->last ? &notes->last->next : &notes->first) = note;
    notes->last = note;
}

/* In column 1: it stands outside every section. */
static bool is_outer(const struct ast_comment *comment)
{
    return source_place(comment->span.source, comment->span.begin).column == 1;
}

/* Whether no line ends in source[from, to). */
static bool same_line(const struct source *source, uint32_t from, uint32_t to)
{
    while (from < to && source->bytes[from] != '\n' && source->bytes[from] != '\r')
        from++;
    return from >= to;
}

/* A comment inside an item or behind it on its line is the item's, any other the next item's. at: how many items
 * begin before the comment. */
static void attach(struct printer *p, const struct ast_comment *comment, size_t at)
{
    uint32_t place = comment->span.begin;
    struct item *item = at ? &p->items[at - 1] : NULL;
    bool inside = item && place < item->span.end;
    bool behind = item && !comment->own_line && (inside || same_line(p->ast->source, item->span.end, place));
    struct notes *notes = behind                        ? &item->behind
                          : inside                      ? &item->before
                          : at == p->count              ? &p->tail
                          : !at && is_outer(comment)    ? &p->head
                                                        : &p->items[at].before;
    append_note(p->out->arena, notes, comment);
}

/* Both lists are in the order of the source, so one walk pairs them. */
static void collect(struct printer *p)
{
    for (const struct ast_decl *d = p->ast->decls; d; d = d->next)
        collect_decl(p, d);
    if (p->count)
        qsort(p->items, p->count, sizeof *p->items, compare_items);
    size_t at = 0;
    for (const struct ast_comment *c = p->ast->comments; c; c = c->next) {
        while (at < p->count && p->items[at].span.begin <= c->span.begin)
            at++;
        attach(p, c, at);
    }
}

/* Items are mostly printed in their own order: the next one is tried first.
 * A binary search for the rest: declarations of one section may stand apart in the source. */
static struct item *find_item(struct printer *p, const void *node, struct span span)
{
    size_t low = 0, high = p->count;
    if (p->next < p->count && p->items[p->next].node == node)
        return &p->items[p->next++];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->items[middle].span.begin < span.begin)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < p->count && p->items[low].node != node)
        low++;
    p->next = low + 1;
    return low < p->count ? &p->items[low] : NULL;
}

static void print_comment(struct printer *p, const struct note *note)
{
    struct span span = note->comment->span;
    yaml_print_comment(p->out, span.source->bytes + span.begin, span.end - span.begin);
    text_char(p->out, '\n');
}

/* Two lists as one, in the order of the source. */
static void print_comments(struct printer *p, const struct note *a, const struct note *b, const char *indent)
{
    while (a || b) {
        bool first = !b || (a && a->comment->span.begin < b->comment->span.begin);
        text_add(p->out, indent);
        print_comment(p, first ? a : b);
        *(first ? &a : &b) = (first ? a : b)->next;
    }
}

/* Comments in column 1 before a section's first item stand before the section's key. */
static void print_outer(struct printer *p, const struct item *item)
{
    for (const struct note *n = item ? item->before.first : NULL; n && is_outer(n->comment); n = n->next)
        print_comment(p, n);
}

/* One comment fits behind the line; more stand before it. */
static bool is_single(const struct notes *notes)
{
    return notes->first && notes->first == notes->last;
}

/* The comments before an item, then its indentation. first: print_outer has printed those in column 1. */
static void open_line(struct printer *p, const struct item *item, bool first, const char *indent)
{
    const struct note *note = item ? item->before.first : NULL;
    while (first && note && is_outer(note->comment))
        note = note->next;
    print_comments(p, note, item && !is_single(&item->behind) ? item->behind.first : NULL, indent);
    text_add(p->out, indent);
}

/* The comment behind it, or the end of the line alone. */
static void close_line(struct printer *p, const struct item *item)
{
    if (item && is_single(&item->behind)) {
        text_add(p->out, "  ");
        print_comment(p, item->behind.first);
    } else
        text_char(p->out, '\n');
}

/* ---- declarations with a name: `  name: body` ---- */

static void print_group(struct text *out, const struct ast_decl *group)
{
    text_char(out, '[');
    for (size_t i = 0; i < group->group.count; i++) {
        text_add(out, i ? ", " : "");
        yaml_print_quoted(out, group->group.members[i].bytes, group->group.members[i].size);
    }
    text_char(out, ']');
}

static void print_body(struct text *out, const struct ast_decl *decl)
{
    switch (decl->kind) {
    case AST_DECL_format: yaml_print_format(out, &decl->format); break;
    case AST_DECL_spec: yaml_print_spec(out, decl->spec); break;
    case AST_DECL_config: yaml_print_config(out, decl); break;
    case AST_DECL_set: YAML_PRINT_QR(out, ast_print_predicate, decl->set); break;
    case AST_DECL_alias: yaml_print_quoted(out, decl->alias.bytes, decl->alias.size); break;
    case AST_DECL_group: print_group(out, decl); break;
    case AST_DECL_schedule: yaml_print_arguments(out, decl->schedule); break;
    case AST_DECL_recipe: case AST_DECL_import: case AST_DECL_prepare: case AST_DECL_algorithm: case AST_DECL_match:
    case AST_DECL_expect: case AST_DECL_COUNT: break;
    }
}

static void print_named(struct printer *p, const struct ast_decl *decl, bool first)
{
    struct item *item = find_item(p, decl, decl->span);
    open_line(p, item, first, "  ");
    yaml_print_name(p->out, decl->name.text);
    text_add(p->out, ": ");
    print_body(p->out, decl);
    close_line(p, item);
}

/* ---- the others ---- */

static void print_recipe(struct printer *p, const struct ast_decl *decl, bool first)
{
    struct item *item = find_item(p, decl, decl->span);
    (void)first; /* a recipe's line is its own section */
    open_line(p, item, true, "");
    text_add(p->out, decl->recipe.has_version ? "recipe: {name: " : "recipe: ");
    yaml_print_string(p->out, decl->name.text, strlen(decl->name.text));
    if (decl->recipe.has_version)
        text_printf(p->out, ", version: %lld}", (long long)decl->recipe.version);
    close_line(p, item);
}

static void print_import(struct printer *p, const struct ast_decl *decl, bool first)
{
    struct item *item = find_item(p, decl, decl->span);
    bool named = decl->import.as.text;
    open_line(p, item, first, "  ");
    text_add(p->out, named ? "- {path: " : "- ");
    yaml_print_string(p->out, decl->import.path.bytes, decl->import.path.size);
    if (named) {
        text_add(p->out, ", as: ");
        yaml_print_string(p->out, decl->import.as.text, strlen(decl->import.as.text));
        text_char(p->out, '}');
    }
    close_line(p, item);
}

static void print_steps(struct printer *p, const struct ast_decl *decl, bool first)
{
    for (const struct ast_step *step = decl->steps; step; step = step->next) {
        struct item *item = find_item(p, step, step->span);
        open_line(p, item, first && step == decl->steps, "  ");
        text_add(p->out, "- ");
        yaml_print_step(p->out, step);
        close_line(p, item);
    }
}

static void print_expects(struct printer *p, const struct ast_decl *decl, bool first)
{
    for (const struct ast_expect *expect = decl->expects; expect; expect = expect->next) {
        struct item *item = find_item(p, expect, expect->span);
        open_line(p, item, first && expect == decl->expects, "  ");
        text_add(p->out, "- ");
        yaml_print_expect(p->out, expect);
        close_line(p, item);
    }
}

/* Whether the labels can be the keys of a mapping: all there and all different. */
static bool labels_are_keys(struct arena *arena, const struct ast_rule *rules)
{
    size_t count = 0, filled = 0;
    for (const struct ast_rule *r = rules; r; r = r->next, count++)
        if (!r->label.text)
            return false;
    const char **labels = ARENA_ARRAY(arena, count + 1, const char *);
    for (const struct ast_rule *r = rules; r; r = r->next)
        labels[filled++] = r->label.text;
    qsort(labels, count, sizeof *labels, text_order);
    for (size_t i = 1; i < count; i++)
        if (!strcmp(labels[i - 1], labels[i]))
            return false;
    return true;
}

/* A mapping by label when that is possible, else a list. */
static void print_rules(struct printer *p, const struct ast_decl *decl, bool first)
{
    bool keyed = labels_are_keys(p->out->arena, decl->match.rules);
    for (const struct ast_rule *rule = decl->match.rules; rule; rule = rule->next) {
        struct item *item = find_item(p, rule, rule->span);
        open_line(p, item, first && rule == decl->match.rules, "  ");
        if (keyed) {
            yaml_print_name(p->out, rule->label.text);
            text_add(p->out, ": ");
        } else
            text_add(p->out, "- ");
        yaml_print_rule(p->out, rule, !keyed);
        close_line(p, item);
    }
}

/* ---- sections ---- */

static const char *const policy_texts[] = {
    [AST_FIRST] = "first", [AST_LAST] = "last", [AST_SPECIFIC_CODE] = "specific compat code", [AST_SPECIFIC_DOC] = "specific compat doc",
};

struct section {
    const char *key, *empty; /* empty: what stands for no item at all */
    void (*print)(struct printer *p, const struct ast_decl *decl, bool first);
};
static const struct section sections[AST_DECL_COUNT] = {
    [AST_DECL_recipe] = {NULL, "", print_recipe},
    [AST_DECL_import] = {"import", "[]", print_import},
    [AST_DECL_format] = {"formats", "{}", print_named},
    [AST_DECL_spec] = {"specs", "{}", print_named},
    [AST_DECL_config] = {"configs", "{}", print_named},
    [AST_DECL_set] = {"sets", "{}", print_named},
    [AST_DECL_alias] = {"aliases", "{}", print_named},
    [AST_DECL_group] = {"groups", "{}", print_named},
    [AST_DECL_schedule] = {"schedules", "{}", print_named},
    [AST_DECL_prepare] = {"prepare", "[]", print_steps},
    [AST_DECL_algorithm] = {"algorithm", "[]", print_steps},
    [AST_DECL_match] = {"matchers", "{}", print_rules},
    [AST_DECL_expect] = {"expect", "[]", print_expects},
};

static const struct ast_decl *next_of(const struct ast_decl *decl, enum ast_decl_kind kind)
{
    while (decl && decl->kind != kind)
        decl = decl->next;
    return decl;
}

/* The first line of a section: its own comments go before the key. */
static struct item *first_item(struct printer *p, const struct ast_decl *decl)
{
    if (decl->kind == AST_DECL_match)
        return decl->match.rules ? find_item(p, decl->match.rules, decl->match.rules->span) : NULL;
    if (decl->kind == AST_DECL_prepare || decl->kind == AST_DECL_algorithm)
        return decl->steps ? find_item(p, decl->steps, decl->steps->span) : NULL;
    if (decl->kind == AST_DECL_expect)
        return decl->expects ? find_item(p, decl->expects, decl->expects->span) : NULL;
    return find_item(p, decl, decl->span);
}

/* An empty block still has its key: it says that there is one. */
static bool has_items(const struct ast_decl *decl)
{
    if (decl->kind == AST_DECL_match)
        return decl->match.rules;
    if (decl->kind == AST_DECL_prepare || decl->kind == AST_DECL_algorithm)
        return decl->steps;
    return decl->kind != AST_DECL_expect || decl->expects;
}

static void print_section(struct printer *p, enum ast_decl_kind kind)
{
    const struct ast_decl *decl = next_of(p->ast->decls, kind);
    if (!decl)
        return;
    size_t next = p->next;
    print_outer(p, first_item(p, decl));
    p->next = next;
    if (kind == AST_DECL_match && decl->match.policy != AST_FIRST)
        text_printf(p->out, "policy: %s\n", policy_texts[decl->match.policy]);
    if (sections[kind].key)
        text_printf(p->out, "%s:%s%s\n", sections[kind].key, has_items(decl) ? "" : " ", has_items(decl) ? "" : sections[kind].empty);
    for (bool first = true; decl; decl = next_of(decl->next, kind), first = false)
        sections[kind].print(p, decl, first);
}

/* Comments that come before everything in column 1 (titles, licences) stay on top whatever is reordered. */
void ast_format_yaml(struct text *out, const struct ast *ast)
{
    struct printer p = {.out = out, .ast = ast};
    collect(&p);
    print_comments(&p, p.head.first, NULL, "");
    for (int kind = 0; kind < AST_DECL_COUNT; kind++)
        print_section(&p, (enum ast_decl_kind)kind);
    print_comments(&p, p.tail.first, NULL, "");
}
