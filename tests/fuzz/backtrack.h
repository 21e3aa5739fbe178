/* The oracle of patterns: a backtracking matcher by the definitions, over ASCII names, of the subset that backtrack_parse.h
 * knows. It shares nothing with the automata. What a node means is what Python's `re` documents of it; a match is a proof that
 * each part matches somewhere, found by trying. */
#ifndef QUERN_TESTS_FUZZ_BACKTRACK_H
#define QUERN_TESTS_FUZZ_BACKTRACK_H

#include "tests/fuzz/backtrack_parse.h"

enum { STEPS_MAX = 200000 }; /* backtracking is exponential: beyond them the oracle does not know */

/* What is still to be matched behind a node: a list on the stack of the calls that wait for it. */
struct rest {
    const struct node *node;
    unsigned taken; /* REPEAT: rounds */
    size_t since;   /* REPEAT: where the last began */
    const struct rest *next;
};

/* \w over ASCII; the end of the name is none. */
static inline bool oracle_is_word(const struct oracle *o, size_t at)
{
    return at < o->size && is_plain(o->name[at]);
}

/* ^ and \A, \Z, $ (also before a last line end), \b and \B. \B needs a name with a character, as Python before 3.14 has it. */
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

/* Lookbehind has a fixed width, so there is one place where its body may begin; it ends here since nothing may follow it. */
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
        return at < o->size && chars_have(&n->chars, o->name[at]) && oracle_run(o, NULL, at + 1, rest);
    case NODE_CAT: return oracle_run(o, n->a, at, &(struct rest){.node = n->b, .next = rest});
    case NODE_OR: return oracle_run(o, n->a, at, rest) || oracle_run(o, n->b, at, rest);
    case NODE_REPEAT: return oracle_rounds(o, n, 0, at, rest);
    case NODE_LOOK: return oracle_look(o, n, at) && oracle_run(o, NULL, at, rest);
    case NODE_HERE: return oracle_holds(o, n->c, at) && oracle_run(o, NULL, at, rest);
    }
    return false;
}

/* Whether the pattern takes the name: 'f' and 'g' as a whole, 'm' and '_' at its start, 's' anywhere. -1: it took too long. */
static inline int oracle_match(struct oracle *o, const struct node *root, char how, const char *name, size_t size)
{
    struct rest whole = {0};
    bool found = false;
    o->name = name;
    o->size = size;
    o->steps = 0;
    for (size_t at = 0; at <= (how == 's' ? size : 0) && !found; at++)
        found = oracle_run(o, root, at, how == 'f' || how == 'g' ? &whole : NULL);
    return o->steps > STEPS_MAX ? -1 : found;
}

#endif
