/* The oracle of patterns: a backtracking matcher by the definitions, for a subset of Python's syntax over ASCII names. It shares
 * nothing with the automata. Known to it: letters and `.`, groups (?:…), alternatives, * + ? {m,n} and their lazy forms,
 * (?=…) (?!…) (?<=…) (?<!…), ^ $ \A \Z \b \B. Whatever else a pattern holds makes it unknown. */
#ifndef QUERN_TESTS_FUZZ_BACKTRACK_H
#define QUERN_TESTS_FUZZ_BACKTRACK_H

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum node_kind { NODE_EMPTY, NODE_CHAR, NODE_CAT, NODE_OR, NODE_REPEAT, NODE_LOOK, NODE_HERE };
struct node {
    enum node_kind kind;
    const struct node *a, *b;
    unsigned min, max; /* REPEAT; max 255: any number */
    int width;         /* -1: not fixed */
    bool behind, negated;
    char c; /* CHAR: `.` is any; HERE: the letter of the condition */
};
enum { NODES_MAX = 256, STEPS_MAX = 200000, ANY_NUMBER = 255 };
struct oracle {
    struct node nodes[NODES_MAX];
    unsigned count;
    const char *at, *end;
    bool unknown;
    const char *name; /* while it matches */
    size_t size;
    unsigned steps;
};
/* What is still to be matched behind a node. */
struct rest {
    const struct node *node;
    unsigned taken; /* REPEAT: rounds */
    size_t since;   /* REPEAT: where the last began */
    const struct rest *next;
};

static inline const struct node *oracle_node(struct oracle *o, struct node n)
{
    o->unknown |= o->count == NODES_MAX;
    o->nodes[o->unknown ? 0 : o->count++] = n;
    return &o->nodes[o->unknown ? 0 : o->count - 1];
}

static inline bool oracle_take(struct oracle *o, const char *text)
{
    size_t size = strlen(text);
    bool found = (size_t)(o->end - o->at) >= size && !memcmp(o->at, text, size);
    o->at += found ? size : 0;
    return found;
}

static inline const struct node *oracle_alternatives(struct oracle *o, unsigned depth);

static inline const struct node *oracle_group(struct oracle *o, unsigned depth)
{
    bool look = true, behind = false, negated = false;
    if (oracle_take(o, "?:"))
        look = false;
    else if (oracle_take(o, "?<=") || oracle_take(o, "?<!"))
        behind = true;
    else if (!oracle_take(o, "?=") && !oracle_take(o, "?!"))
        o->unknown = true;
    negated = o->at[-1] == '!';
    const struct node *body = oracle_alternatives(o, depth + 1);
    o->unknown |= !oracle_take(o, ")") || (look && behind && body->width < 0);
    return look ? oracle_node(o, (struct node){.kind = NODE_LOOK, .a = body, .behind = behind, .negated = negated}) : body;
}

static inline const struct node *oracle_atom(struct oracle *o, unsigned depth)
{
    char c = *o->at++;
    if (c == '(')
        return oracle_group(o, depth);
    if (c == '\\' && o->at < o->end && strchr("AZbB", *o->at) && *o->at)
        return oracle_node(o, (struct node){.kind = NODE_HERE, .c = *o->at++});
    if (c == '^' || c == '$')
        return oracle_node(o, (struct node){.kind = NODE_HERE, .c = c});
    o->unknown |= !isalnum((unsigned char)c) && c != '.' && c != '_';
    return oracle_node(o, (struct node){.kind = NODE_CHAR, .c = c, .width = 1});
}

/* The bounds of a quantifier, if there is one. */
static inline bool oracle_quantifier(struct oracle *o, unsigned *min, unsigned *max)
{
    static const struct { const char *text; unsigned min, max; } quantifiers[] = {
        {"*", 0, ANY_NUMBER}, {"+", 1, ANY_NUMBER}, {"?", 0, 1}, {"{2}", 2, 2}, {"{1,3}", 1, 3}, {"{,2}", 0, 2}, {"{2,}", 2, ANY_NUMBER},
    };
    for (size_t i = 0; i < sizeof quantifiers / sizeof *quantifiers; i++)
        if (oracle_take(o, quantifiers[i].text)) {
            *min = quantifiers[i].min;
            *max = quantifiers[i].max;
            oracle_take(o, "?");
            return true;
        }
    return false;
}

static inline const struct node *oracle_sequence(struct oracle *o, unsigned depth)
{
    const struct node *all = oracle_node(o, (struct node){.kind = NODE_EMPTY});
    while (o->at < o->end && *o->at != '|' && *o->at != ')' && !o->unknown) {
        unsigned min, max;
        const struct node *n = oracle_atom(o, depth);
        if (oracle_quantifier(o, &min, &max)) {
            o->unknown |= n->kind == NODE_HERE; /* Python refuses ^* and the like */
            int width = n->width >= 0 && (min == max || !n->width) ? n->width * (int)min : -1;
            n = oracle_node(o, (struct node){.kind = NODE_REPEAT, .a = n, .min = min, .max = max, .width = width});
        }
        int width = all->width < 0 || n->width < 0 ? -1 : all->width + n->width;
        all = oracle_node(o, (struct node){.kind = NODE_CAT, .a = all, .b = n, .width = width});
    }
    return all;
}

static inline const struct node *oracle_alternatives(struct oracle *o, unsigned depth)
{
    o->unknown |= depth > 16;
    const struct node *n = oracle_sequence(o, depth);
    while (!o->unknown && oracle_take(o, "|")) {
        const struct node *other = oracle_sequence(o, depth);
        n = oracle_node(o, (struct node){.kind = NODE_OR, .a = n, .b = other, .width = n->width == other->width ? n->width : -1});
    }
    return n;
}

/* NULL: the pattern is not of the subset. */
static inline const struct node *oracle_parse(struct oracle *o, const char *bytes, size_t size)
{
    *o = (struct oracle){.at = bytes, .end = bytes + size};
    const struct node *root = oracle_alternatives(o, 0);
    return o->unknown || o->at < o->end ? NULL : root;
}

static inline bool oracle_is_word(const struct oracle *o, size_t at)
{
    return at < o->size && (isalnum((unsigned char)o->name[at]) || o->name[at] == '_');
}

static inline bool oracle_holds(const struct oracle *o, char condition, size_t at)
{
    bool edge = (at && oracle_is_word(o, at - 1)) != oracle_is_word(o, at);
    switch (condition) {
    case '^': case 'A': return !at;
    case 'Z': return at == o->size;
    case '$': return at == o->size || (at + 1 == o->size && o->name[at] == '\n');
    case 'b': return o->size && edge;
    default: return o->size && !edge;
    }
}

static inline bool oracle_run(struct oracle *o, const struct node *n, size_t at, const struct rest *rest);

/* One more round, or what comes after. */
static inline bool oracle_rounds(struct oracle *o, const struct node *n, unsigned taken, size_t at, const struct rest *rest)
{
    struct rest again = {n, taken + 1, at, rest};
    if ((n->max == ANY_NUMBER || taken < n->max) && oracle_run(o, n->a, at, &again))
        return true;
    return taken >= n->min && oracle_run(o, NULL, at, rest);
}

static inline bool oracle_look(struct oracle *o, const struct node *n, size_t at)
{
    size_t width = n->behind ? (size_t)n->a->width : 0;
    return (at >= width && oracle_run(o, n->a, at - width, NULL)) != n->negated;
}

/* Whether n and then the rest match at the place; without a rest, whether n does, up to anywhere. */
static inline bool oracle_run(struct oracle *o, const struct node *n, size_t at, const struct rest *rest)
{
    if (++o->steps > STEPS_MAX)
        return false;
    if (!n && !rest)
        return true;
    if (!n && !rest->taken)
        return rest->node ? oracle_run(o, rest->node, at, rest->next) : at == o->size;
    if (!n && at == rest->since && rest->taken >= rest->node->min)
        return oracle_run(o, NULL, at, rest->next); /* an empty round is the last */
    if (!n)
        return oracle_rounds(o, rest->node, rest->taken, at, rest->next);
    switch (n->kind) {
    case NODE_EMPTY: return oracle_run(o, NULL, at, rest);
    case NODE_CHAR:
        return at < o->size && (n->c == '.' ? o->name[at] != '\n' : o->name[at] == n->c) && oracle_run(o, NULL, at + 1, rest);
    case NODE_CAT: return oracle_run(o, n->a, at, &(struct rest){.node = n->b, .next = rest});
    case NODE_OR: return oracle_run(o, n->a, at, rest) || oracle_run(o, n->b, at, rest);
    case NODE_REPEAT: return oracle_rounds(o, n, 0, at, rest);
    case NODE_LOOK: return oracle_look(o, n, at) && oracle_run(o, NULL, at, rest);
    case NODE_HERE: return oracle_holds(o, n->c, at) && oracle_run(o, NULL, at, rest);
    }
    return false;
}

/* Whether the pattern takes the name: 'f' as a whole, 'm' at its start, 's' anywhere. -1: it took too long. */
static inline int oracle_match(struct oracle *o, const struct node *root, char how, const char *name, size_t size)
{
    struct rest whole = {0};
    bool found = false;
    o->name = name;
    o->size = size;
    o->steps = 0;
    for (size_t at = 0; at <= (how == 's' ? size : 0) && !found; at++)
        found = oracle_run(o, root, at, how == 'f' ? &whole : NULL);
    return o->steps > STEPS_MAX ? -1 : found;
}

#endif
