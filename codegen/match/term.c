/* Terms: hash-consing and canonical forms. In: nodes of the field's pool, labels, other terms. Out: numbers of terms; equal forms
 * are one number, which is what makes the set of derivatives finite (Brzozowski 1964 for unions up to associativity, commutativity
 * and idempotence; Antimirov 1996 for the partial ones). Numbers below 3 are NONE, ALL and EMPTY. See term.h. */
#include "codegen/match/term.h"

#include <string.h>

/* Work is what limits are set on, so memory has to count in it. */
enum { SLOTS_FIRST = 1024, CLASSES_FIRST = 16, TERM_WORK = 16 }; /* a term's memory counts as that many steps */

static uint32_t mix(uint32_t hash, uint64_t value)
{
    uint64_t h = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h ^ h >> 32);
}

/* ---- classes ---- */

static uint32_t hash_bits(const struct terms *t, const uint64_t *bits)
{
    uint32_t hash = 7;
    for (size_t i = 0; i < t->classes.words; i++)
        hash = mix(hash, bits[i]);
    return hash;
}

static void grow_class_slots(struct terms *t)
{
    struct classes *c = &t->classes;
    c->slot_count = c->slot_count ? 2 * c->slot_count : SLOTS_FIRST;
    c->slots = ARENA_ARRAY(t->arena, c->slot_count, uint32_t);
    for (uint32_t i = 0; i < c->count; i++) {
        size_t slot = hash_bits(t, class_bits(c, i)) & (c->slot_count - 1);
        while (c->slots[slot])
            slot = (slot + 1) & (c->slot_count - 1);
        c->slots[slot] = i + 1;
    }
}

uint32_t class_intern(struct terms *t, const uint64_t *bits)
{
    struct classes *c = &t->classes;
    if (2 * (c->count + 1) > c->slot_count)
        grow_class_slots(t);
    size_t slot = hash_bits(t, bits) & (c->slot_count - 1);
    for (; c->slots[slot]; slot = (slot + 1) & (c->slot_count - 1))
        if (!memcmp(class_bits(c, c->slots[slot] - 1), bits, c->words * sizeof *bits))
            return c->slots[slot] - 1;
    if (c->count == c->capacity) {
        size_t capacity = c->capacity ? 2 * c->capacity : CLASSES_FIRST;
        c->bits = arena_grow(t->arena, c->bits, c->count * c->words, capacity * c->words, sizeof *bits);
        c->capacity = capacity;
    }
    memcpy(c->bits + c->count * c->words, bits, c->words * sizeof *bits);
    c->slots[slot] = (uint32_t)++c->count;
    return (uint32_t)c->count - 1;
}

/* The alphabet refines every set of the field, so a set is a union of symbols and a class is exact. */
uint32_t class_of_set(struct terms *t, const struct regex_set *set)
{
    if (set->id >= t->set_class_count) {
        size_t count = t->pool->set_count + 64;
        t->set_class = arena_grow(t->arena, t->set_class, t->set_class_count, count, sizeof *t->set_class);
        memset(t->set_class + t->set_class_count, 0xff, (count - t->set_class_count) * sizeof *t->set_class);
        t->set_class_count = count;
    }
    if (t->set_class[set->id] != UINT32_MAX)
        return t->set_class[set->id];
    uint64_t *bits = ARENA_ARRAY(t->arena, t->classes.words, uint64_t);
    const struct alphabet *a = t->alphabet;
    for (size_t k = 0; k < set->count; k++)
        for (size_t i = alphabet_find(a, set->ranges[k].low); i < a->range_count && a->ranges[i].low <= set->ranges[k].high; i++)
            bits[a->ranges[i].symbol / 64] |= (uint64_t)1 << a->ranges[i].symbol % 64;
    return t->set_class[set->id] = class_intern(t, bits);
}

/* An empty intersection is CLASS_NONE, interned at the start. */
uint32_t class_meet(struct terms *t, uint32_t a, uint32_t b)
{
    if (a == b || b == CLASS_ALL)
        return a;
    if (a == CLASS_ALL)
        return b;
    uint64_t *bits = ARENA_ARRAY(t->arena, t->classes.words, uint64_t);
    for (size_t i = 0; i < t->classes.words; i++)
        bits[i] = class_bits(&t->classes, a)[i] & class_bits(&t->classes, b)[i];
    return class_intern(t, bits);
}

uint32_t class_where(struct terms *t, const uint32_t *values, uint32_t value)
{
    uint64_t *bits = ARENA_ARRAY(t->arena, t->classes.words, uint64_t);
    for (uint32_t s = 0; s < t->alphabet->symbol_count; s++)
        if (values[s] == value)
            bits[s / 64] |= (uint64_t)1 << s % 64;
    return class_intern(t, bits);
}

static bool class_inside(const struct terms *t, uint32_t a, uint32_t b)
{
    for (size_t i = 0; i < t->classes.words; i++)
        if (class_bits(&t->classes, a)[i] & ~class_bits(&t->classes, b)[i])
            return false;
    return true;
}

/* ---- interning ---- */

static uint32_t hash_term(const struct term *t)
{
    return mix(t->kind, (uint64_t)t->a << 32 | t->b);
}

static void grow_slots(struct terms *t)
{
    arena_release(t->arena, t->slots, t->slot_count * sizeof *t->slots);
    t->slot_count = t->slot_count ? 2 * t->slot_count : SLOTS_FIRST;
    t->slots = ARENA_ARRAY(t->arena, t->slot_count, uint32_t);
    for (uint32_t i = 0; i < t->count; i++) {
        size_t slot = hash_term(&t->items[i]) & (t->slot_count - 1);
        while (t->slots[slot])
            slot = (slot + 1) & (t->slot_count - 1);
        t->slots[slot] = i + 1;
    }
}

/* Which lookbehinds can still be asked about: contexts are kept as far as these bits only. */
static uint64_t find_behinds(const struct terms *t, const struct term *term)
{
    uint64_t behinds = 0;
    switch (term->kind) {
    case TERM_NONE: case TERM_ALL: case TERM_EMPTY: case TERM_LABEL:
        break;
    case TERM_CAT:
        return t->pool->node_list[term->a]->behinds | term_behinds(t, term->b);
    case TERM_AFTER: case TERM_UNION: case TERM_BOTH:
        return term_behinds(t, term->a) | term_behinds(t, term->b);
    case TERM_NOT:
        return term_behinds(t, term->a);
    case TERM_FORK:
        for (uint32_t i = 0; i < t->forks[term->a].count; i++)
            behinds |= term_behinds(t, t->alternatives[t->forks[term->a].first + i]);
    }
    return behinds;
}

/* label, anchored, universal and above follow from kind, a and b: they are no part of the key. */
static uint32_t intern(struct terms *t, struct term term)
{
    if (4 * (t->count + 1) > 3 * t->slot_count)
        grow_slots(t);
    size_t slot = hash_term(&term) & (t->slot_count - 1);
    for (; t->slots[slot]; slot = (slot + 1) & (t->slot_count - 1)) {
        const struct term *old = &t->items[t->slots[slot] - 1];
        if (old->kind == term.kind && old->a == term.a && old->b == term.b)
            return t->slots[slot] - 1;
    }
    if (t->behinds) {
        size_t count = t->count;
        *ARENA_PUSH(t->arena, t->behinds, count, t->behind_capacity) = find_behinds(t, &term);
    }
    *ARENA_PUSH(t->arena, t->items, t->count, t->capacity) = term;
    t->slots[slot] = (uint32_t)t->count;
    t->work += TERM_WORK;
    return (uint32_t)t->count - 1;
}

/* work_limit is the caller's to set. */
void terms_init(struct terms *t, struct arena *arena, struct regex_pool *pool, const struct alphabet *alphabet)
{
    *t = (struct terms){.arena = arena, .pool = pool, .alphabet = alphabet, .work_limit = UINT64_MAX};
    t->classes.words = (alphabet->symbol_count + 63) / 64;
    uint64_t *bits = ARENA_ARRAY(arena, t->classes.words, uint64_t);
    for (uint32_t s = 0; s < alphabet->symbol_count; s++)
        bits[s / 64] |= (uint64_t)1 << s % 64;
    class_intern(t, bits);
    memset(bits, 0, t->classes.words * sizeof *bits);
    class_intern(t, bits);
    intern(t, (struct term){.kind = TERM_NONE, .label = TERM_NO_LABEL});
    intern(t, (struct term){.kind = TERM_ALL, .label = TERM_NO_LABEL, .universal = true});
    intern(t, (struct term){.kind = TERM_EMPTY, .label = TERM_NO_LABEL});
    contexts_init(t);
}

void terms_settle(struct terms *t)
{
    arena_release(t->arena, t->slots, t->slot_count * sizeof *t->slots);
    arena_release(t->arena, t->stamps, t->stamp_count * sizeof *t->stamps);
    t->slots = t->stamps = NULL;
    t->slot_count = t->stamp_count = 0;
}

uint32_t term_of_label(struct terms *t, uint32_t label)
{
    return intern(t, (struct term){.kind = TERM_LABEL, .a = label, .label = label});
}

/* ---- sequences ---- */

static bool is_star(const struct regex *n)
{
    return n->kind == REGEX_REPEAT && !n->min && n->max == REGEX_UNBOUNDED && n->items[0]->kind == REGEX_SET;
}

/* The nearest C*X that takes whatever rest takes and whose C has every symbol of node: it takes node·rest as well.
 * Along the chain of rest's own: each `above` takes more than the one below it, so the first that fits is the nearest. */
static uint32_t find_above(struct terms *t, const struct regex *node, uint32_t rest)
{
    uint32_t used = class_of_set(t, node->used), up = rest;
    for (; up != TERM_NONE; up = t->items[up].above) {
        const struct regex *n = t->items[up].kind == TERM_CAT ? term_node(t, up) : NULL;
        if (n && is_star(n) && class_inside(t, used, class_of_set(t, n->items[0]->set)))
            break;
    }
    return up;
}

/* .*.*X is .*X, and .* before EMPTY or ALL is ALL. universal: from .* with its label behind it every rest of a name is taken. */
static uint32_t cat_one(struct terms *t, const struct regex *node, uint32_t rest)
{
    if (node->kind == REGEX_SET && !node->set->count)
        return TERM_NONE;
    struct term term = {.kind = TERM_CAT, .a = node->id, .b = rest, .label = t->items[rest].label};
    term.anchored = node->anchored || (node->nullable && t->items[rest].anchored);
    bool star = is_star(node) && class_of_set(t, node->items[0]->set) == CLASS_ALL;
    if (star && (rest == TERM_EMPTY || rest == TERM_ALL))
        return TERM_ALL;
    if (star && t->items[rest].kind == TERM_CAT && t->items[rest].a == node->id)
        return rest;
    term.universal = star && (t->items[rest].kind == TERM_LABEL);
    term.above = find_above(t, node, rest);
    return intern(t, term);
}

/* A sequence is unrolled from its end: the head of a CAT term is never a CAT node, and equal tails of patterns are shared. */
uint32_t term_cat(struct terms *t, const struct regex *node, uint32_t rest)
{
    if (node == t->pool->never || rest == TERM_NONE)
        return TERM_NONE;
    if (node == t->pool->empty)
        return rest;
    if (node->kind != REGEX_CAT)
        return cat_one(t, node, rest);
    for (size_t i = node->count; i-- && rest != TERM_NONE;)
        rest = cat_one(t, node->items[i], rest);
    return rest;
}

/* A term followed by another; where the first is no single node (an intersection, a complement). */
uint32_t term_after(struct terms *t, uint32_t first, uint32_t rest)
{
    if (first == TERM_NONE || rest == TERM_NONE)
        return TERM_NONE;
    if (first == TERM_EMPTY)
        return rest;
    struct term term = {.kind = TERM_AFTER, .a = first, .b = rest, .label = t->items[rest].label};
    term.anchored = t->items[first].anchored || t->items[rest].anchored;
    return intern(t, term);
}

/* ---- Boolean terms ---- */

/* Unions are right-leaning lists in ascending order, without repeats.
 * Associativity, commutativity and idempotence are in the form, so that a complement has finitely many derivatives. */
uint32_t term_union(struct terms *t, uint32_t a, uint32_t b)
{
    if (a == b || b == TERM_NONE)
        return a;
    if (a == TERM_NONE)
        return b;
    if (a == TERM_ALL || b == TERM_ALL)
        return TERM_ALL;
    if (t->items[a].kind == TERM_UNION) {
        uint32_t first = t->items[a].a, rest = t->items[a].b;
        return term_union(t, first, term_union(t, rest, b));
    }
    uint32_t head = t->items[b].kind == TERM_UNION ? t->items[b].a : b;
    if (a == head)
        return b;
    if (a > head) {
        if (t->items[b].kind != TERM_UNION)
            return term_union(t, b, a);
        uint32_t rest = t->items[b].b;
        return term_union(t, head, term_union(t, a, rest));
    }
    uint32_t label = t->items[a].label == t->items[b].label ? t->items[a].label : TERM_NO_LABEL;
    return intern(t, (struct term){.kind = TERM_UNION, .a = a, .b = b, .label = label,
                                   .anchored = t->items[a].anchored || t->items[b].anchored});
}

/* Obligations stand before the term they bind, in ascending order, without repeats.
 * a has no label: the label of the whole is b's. */
uint32_t term_both(struct terms *t, uint32_t a, uint32_t b)
{
    if (a == TERM_NONE || b == TERM_NONE)
        return TERM_NONE;
    if (a == TERM_ALL || a == b)
        return b;
    if (b == TERM_ALL)
        return a;
    if (t->items[a].kind == TERM_BOTH) {
        uint32_t first = t->items[a].a, rest = t->items[a].b;
        return term_both(t, first, term_both(t, rest, b));
    }
    if (t->items[b].kind == TERM_BOTH && t->items[b].a <= a) {
        uint32_t first = t->items[b].a, rest = t->items[b].b;
        return first == a ? b : term_both(t, first, term_both(t, a, rest));
    }
    return intern(t, (struct term){.kind = TERM_BOTH, .a = a, .b = b, .label = t->items[b].label, .above = b,
                                   .anchored = t->items[a].anchored || t->items[b].anchored});
}

/* De Morgan's laws are not applied: forms are finitely many without them. */
uint32_t term_not(struct terms *t, uint32_t a)
{
    if (a == TERM_NONE || a == TERM_ALL)
        return a == TERM_NONE ? TERM_ALL : TERM_NONE;
    if (t->items[a].kind == TERM_NOT)
        return t->items[a].a;
    return intern(t, (struct term){.kind = TERM_NOT, .a = a, .label = TERM_NO_LABEL, .anchored = t->items[a].anchored});
}

/* Not searched for: the trie of share.c makes each fork once, and its number makes it unlike all others. */
uint32_t term_fork(struct terms *t, const uint32_t *alternatives, size_t count, bool plain)
{
    if (count <= 1)
        return count ? alternatives[0] : TERM_NONE;
    struct fork fork = {(uint32_t)t->alternative_count, (uint32_t)count, plain};
    struct term term = {.kind = TERM_FORK, .a = (uint32_t)t->fork_count, .label = TERM_NO_LABEL};
    for (size_t i = 0; i < count; i++) {
        const struct term *way = &t->items[alternatives[i]];
        term.label = way->label < term.label ? way->label : term.label;
        term.anchored |= way->anchored;
        *ARENA_PUSH(t->arena, t->alternatives, t->alternative_count, t->alternative_capacity) = alternatives[i];
    }
    *ARENA_PUSH(t->arena, t->forks, t->fork_count, t->fork_capacity) = fork;
    return intern(t, term);
}

uint32_t term_ending_anyhow(struct terms *t, const struct regex *node)
{
    return term_cat(t, node, TERM_ALL);
}

/* ---- atomic groups: exact where the first match is the only one of its length, or the longest or shortest run ---- */

/* x{m,n}+ with x of one length: the rounds end where x no longer matches, or at n of them.
 * Greedy: stop where no further x can be matched, which is the negative lookahead of x. Lazy: the first match has min rounds. */
static uint32_t atomic_repeat(struct terms *t, const struct regex *n, uint32_t rest)
{
    const struct regex *item = n->items[0];
    if (n->lazy)
        return term_cat(t, regex_repeat(t->pool, item, n->min, n->min, false), rest);
    uint32_t no_more = term_not(t, term_ending_anyhow(t, item));
    uint32_t stopped = term_both(t, no_more, rest);
    if (n->max == REGEX_UNBOUNDED || n->max == n->min)
        return term_cat(t, n, n->max == n->min ? rest : stopped);
    uint32_t fewer = term_cat(t, regex_repeat(t->pool, item, n->min, n->max - 1, false), stopped);
    return term_union(t, fewer, term_cat(t, regex_repeat(t->pool, item, n->max, n->max, false), rest));
}

/* (?>A|B|…): B only where A cannot match at all. */
static uint32_t atomic_alternatives(struct terms *t, const struct regex *n, uint32_t rest)
{
    uint32_t found = TERM_NONE, none_before = TERM_ALL;
    for (size_t i = 0; i < n->count; i++) {
        found = term_union(t, found, term_both(t, none_before, term_atomic(t, n->items[i], rest)));
        none_before = term_both(t, term_not(t, term_ending_anyhow(t, n->items[i])), none_before);
    }
    return found;
}

uint32_t term_atomic(struct terms *t, const struct regex *n, uint32_t rest)
{
    if (n->shortest == n->longest)
        return term_cat(t, n, rest);
    if (n->kind == REGEX_REPEAT)
        return atomic_repeat(t, n, rest);
    if (n->kind == REGEX_OR)
        return atomic_alternatives(t, n, rest);
    if (n->kind == REGEX_ATOMIC)
        return term_atomic(t, n->items[0], rest);
    if (n->kind != REGEX_CAT)
        return term_cat(t, n, rest);
    rest = term_atomic(t, n->items[n->count - 1], rest);
    for (size_t i = n->count - 1; i--;)
        rest = term_cat(t, n->items[i], rest);
    return rest;
}
