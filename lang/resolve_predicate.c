/* Predicates: sets by name, aliases in mpath queries. docs/language.md.
 * A set may stand in many predicates and in other sets, so written out they can be exponentially larger than the text:
 * nodes and levels of the written-out form are counted and limited. */
#include "lang/resolve.h"

struct extent {
    size_t nodes, levels;
};

static struct extent join(struct extent a, struct extent b)
{
    size_t nodes = a.nodes + b.nodes + 1;
    return (struct extent){nodes > EXPANDED_NODES_MAX ? EXPANDED_NODES_MAX + 1 : nodes,
                           (a.levels > b.levels ? a.levels : b.levels) + 1};
}

/* ---- sets ---- */

/* The set's own node is shared, not copied: written out it would stand here. */
static struct extent use_set(struct resolver *r, struct unit *unit, struct ast_predicate *p)
{
    struct symbol *s = unit_find(unit, SPACE_SET, p->set.text);
    if (!s) {
        report_unknown(r, unit, SPACE_SET, &p->set);
        return (struct extent){1, 1};
    }
    resolve_set_symbol(r, s, p->set.span);
    p->set_predicate = s->state == SYMBOL_DONE ? s->decl->set : NULL;
    return (struct extent){s->nodes, s->levels};
}

/* The parser bounds the depth of what it builds.
 * Each atom keeps the aliases of its file, since a set's query means its own file's names. */
static struct extent walk(struct resolver *r, struct unit *unit, struct ast_predicate *p)
{
    struct extent leaf = {1, 1};
    if (!p)
        return leaf;
    switch (p->kind) {
    case AST_OR:
    case AST_AND:
        leaf = walk(r, unit, p->left);
        return join(leaf, walk(r, unit, p->right));
    case AST_NOT:
        return join(leaf, walk(r, unit, p->left));
    case AST_SET:
        return use_set(r, unit, p);
    case AST_ATOM:
        p->aliases = &unit->aliases;
        if (p->atom == ATOM_mpath)
            use_aliases(r, unit, &p->pattern);
        return leaf;
    case AST_COMPARE:
    case AST_IN:
    case AST_ANY:
        return leaf;
    }
    return leaf;
}

static void check_extent(struct resolver *r, struct extent e, struct span span)
{
    if (e.nodes > EXPANDED_NODES_MAX || e.levels > EXPANDED_DEPTH_MAX)
        diag_report(r->diags, DIAG_too_large, span, "with its sets written out this has more than %d %s",
                    e.levels > EXPANDED_DEPTH_MAX ? EXPANDED_DEPTH_MAX : EXPANDED_NODES_MAX,
                    e.levels > EXPANDED_DEPTH_MAX ? "levels" : "conditions");
}

/* A set beyond a limit counts as one node where it is used, so that it is reported once. */
void resolve_set_symbol(struct resolver *r, struct symbol *symbol, struct span use)
{
    if (symbol->state == SYMBOL_DONE || !symbol_enter(r, symbol, use))
        return;
    struct extent e = walk(r, symbol->unit, symbol->decl->set);
    check_extent(r, e, symbol->decl->name.span);
    bool good = e.nodes <= EXPANDED_NODES_MAX && e.levels <= EXPANDED_DEPTH_MAX;
    symbol->nodes = good ? e.nodes : 1;
    symbol->levels = good ? e.levels : 1;
    symbol_leave(r);
}

/* The sum over all rules is limited as well: each may use the same large set. */
void resolve_predicate(struct resolver *r, struct unit *unit, struct ast_predicate *predicate)
{
    if (!predicate)
        return;
    struct extent e = walk(r, unit, predicate);
    check_extent(r, e, predicate->span);
    bool within = r->nodes <= EXPANDED_NODES_MAX;
    r->nodes += e.nodes;
    if (within && r->nodes > EXPANDED_NODES_MAX && e.nodes <= EXPANDED_NODES_MAX)
        diag_report(r->diags, DIAG_too_large, predicate->span, "with their sets written out the rules have more than %d conditions", EXPANDED_NODES_MAX);
}

void touch_sets(struct unit *unit, const struct ast_predicate *p)
{
    for (; p; p = p->left) { /* every kind but `or` and `and` has no right side */
        if (p->kind == AST_SET)
            unit_find(unit, SPACE_SET, p->set.text);
        touch_sets(unit, p->right);
    }
}
