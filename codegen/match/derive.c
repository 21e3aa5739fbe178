/* Partial derivatives of terms: the symbols a term can take next and the terms that remain. In: a term and the context behind
 * what was read. Out: moves (a class of symbols, a term) and whether the name may end here. The language of a term is the union
 * over its moves of symbol · target, and the empty name where it ends; nothing else is needed of it. Conditions become
 * obligations: terms without a label that the rest of the name must match as well, so that `$`, \b and look-aheads are
 * intersections. See term.h. Sources: V. Antimirov, Partial derivatives of regular expressions and finite automaton
 * constructions, TCS 155, 1996; P. Caron, J.-M. Champarnaud and L. Mignot, Partial derivatives of an extended regular
 * expression, LATA 2011, for intersection and complement. */
#include "codegen/match/term.h"

#include <stdlib.h>
#include <string.h>
#include "codegen/match/unicode.h"

struct moves {
    struct move *items;
    size_t count, capacity;
    bool ends;
};
/* The terms still to be looked at, and what was found. */
struct closure {
    struct closure *next;
    struct terms *t;
    uint32_t context;
    uint32_t stamp;
    uint32_t *work;
    size_t work_count, work_capacity;
    uint32_t *basics; /* terms that take a symbol, end, or are opaque; obligations before them */
    size_t basic_count, basic_capacity;
    struct moves moves;
};

/* ---- obligations of conditions ---- */

/* outside: the code points in none of the ranges. */
static uint32_t term_of_set(struct terms *t, const struct code_range *ranges, size_t count, bool outside, uint32_t rest)
{
    struct charset set = charset_make(t->arena);
    if (outside)
        charset_add_outside(&set, ranges, count);
    else
        charset_add_ranges(&set, ranges, count);
    return term_cat(t, regex_of_set(t->pool, &set), rest);
}

static uint32_t newline_then(struct terms *t, uint32_t rest)
{
    return term_of_set(t, &(struct code_range){'\n', '\n'}, 1, false, rest);
}

/* The next character is a word character, or (is_word false) is none or there is no next. */
static uint32_t word_next(struct terms *t, bool ascii, bool is_word, bool end_too)
{
    size_t count;
    const struct code_range *ranges = ascii ? ascii_ranges(UNICODE_WORD, &count) : unicode_ranges(UNICODE_WORD, &count);
    uint32_t next = term_of_set(t, ranges, count, !is_word, TERM_ALL);
    return end_too ? term_union(t, TERM_EMPTY, next) : next;
}

/* \b and \B: whether exactly one side is a word character. Both fail on the empty name, as in _sre.
 * before is what was read, after what must come: they differ at an edge. The end of a name counts as no word character, but not
 * that of the empty name. */
static uint32_t word_edge(struct terms *t, bool ascii, bool edge, unsigned context)
{
    bool before = context & (ascii ? CONTEXT_ASCII_WORD : CONTEXT_WORD);
    bool after = edge != before;
    return word_next(t, ascii, after, !after && !(context & CONTEXT_BEGIN));
}

/* What the rest of the name must match where the condition stands; TERM_NONE: it does not hold. */
static uint32_t find_obligation(struct terms *t, enum regex_assert condition, unsigned context)
{
    switch (condition) {
    case REGEX_ASSERT_begin:
        return context & CONTEXT_BEGIN ? TERM_ALL : TERM_NONE;
    case REGEX_ASSERT_segment_begin:
        return context & (CONTEXT_BEGIN | CONTEXT_DOT) ? TERM_ALL : TERM_NONE;
    case REGEX_ASSERT_segment_line_begin:
        return context & (CONTEXT_BEGIN | CONTEXT_DOT | CONTEXT_NEWLINE) ? TERM_ALL : TERM_NONE;
    case REGEX_ASSERT_line_begin:
        return context & (CONTEXT_BEGIN | CONTEXT_NEWLINE) ? TERM_ALL : TERM_NONE;
    case REGEX_ASSERT_end:
        return TERM_EMPTY;
    case REGEX_ASSERT_end_or_newline:
        return term_union(t, TERM_EMPTY, newline_then(t, TERM_EMPTY));
    case REGEX_ASSERT_line_end:
        return term_union(t, TERM_EMPTY, newline_then(t, TERM_ALL));
    case REGEX_ASSERT_word:
    case REGEX_ASSERT_not_word:
        return word_edge(t, false, condition == REGEX_ASSERT_word, context);
    case REGEX_ASSERT_ascii_word:
    case REGEX_ASSERT_ascii_not_word:
        return word_edge(t, true, condition == REGEX_ASSERT_ascii_word, context);
    case REGEX_ASSERT_COUNT:
        break;
    }
    return TERM_NONE;
}

/* ---- closure ---- */

/* Stamps make each term of a closure be looked at once, so that x** and the like end. */
static void push(struct closure *c, uint32_t term)
{
    struct terms *t = c->t;
    if (term == TERM_NONE)
        return;
    if (term >= t->stamp_count) {
        t->stamps = arena_regrow(t->arena, t->stamps, t->stamp_count, 2 * (size_t)term + 1024, sizeof *t->stamps);
        t->stamp_count = 2 * (size_t)term + 1024;
    }
    if (t->stamps[term] == c->stamp)
        return;
    t->stamps[term] = c->stamp;
    t->work++;
    *ARENA_PUSH(t->arena, c->work, c->work_count, c->work_capacity) = term;
}

/* term with the obligations that stood before the term it came from. */
static void push_bound(struct closure *c, uint32_t obligations, uint32_t term)
{
    push(c, term_both(c->t, obligations, term));
}

/* x{m,n}·rest = x·x{m-1,n-1}·rest, and rest where m is 0. Unbounded x* leads to itself: no new node is made. */
static void expand_repeat(struct closure *c, uint32_t bound, const struct regex *n, uint32_t self, uint32_t rest)
{
    struct terms *t = c->t;
    uint32_t again = self;
    if (n->max != REGEX_UNBOUNDED || n->min) {
        uint32_t min = n->min ? n->min - 1 : 0, max = n->max == REGEX_UNBOUNDED ? n->max : n->max - 1;
        again = term_cat(t, regex_repeat(t->pool, n->items[0], min, max, n->lazy), rest);
    }
    if (!n->min)
        push_bound(c, bound, rest);
    push_bound(c, bound, term_cat(t, n->items[0], again));
}

static void expand_look(struct closure *c, uint32_t bound, const struct regex *n, uint32_t rest)
{
    const struct regex *item = n->items[0];
    uint32_t holds = n->behind && item->longest ? context_holds(c->t, c->context, item) : term_ending_anyhow(c->t, item);
    push_bound(c, bound, term_both(c->t, n->negated ? term_not(c->t, holds) : holds, rest));
}

/* (A & B)·rest, with the items as languages of their own.
 * The items end where the intersection ends, not where the name does: their `$` sees an end of their own (term_after). */
static uint32_t join_items(struct terms *t, const struct regex *n)
{
    uint32_t all = TERM_ALL;
    for (size_t i = 0; i < n->count; i++)
        all = term_both(t, term_cat(t, n->items[i], TERM_EMPTY), all);
    return all;
}

/* bound holds the obligations before the term; it goes along to every successor. */
static void expand_cat(struct closure *c, uint32_t bound, uint32_t term)
{
    struct terms *t = c->t;
    const struct regex *n = term_node(t, term);
    uint32_t rest = t->items[term].b;
    switch (n->kind) {
    case REGEX_NEVER: case REGEX_EMPTY: case REGEX_CAT: case REGEX_SET:
        break; /* not heads of a term, but for SET, which is basic */
    case REGEX_OR:
        for (size_t i = 0; i < n->count; i++)
            push_bound(c, bound, term_cat(t, n->items[i], rest));
        break;
    case REGEX_REPEAT:
        expand_repeat(c, bound, n, term, rest);
        break;
    case REGEX_ASSERT:
        push_bound(c, bound, term_both(t, find_obligation(t, n->assert, t->contexts[c->context].bits), rest));
        break;
    case REGEX_LOOK:
        expand_look(c, bound, n, rest);
        break;
    case REGEX_ATOMIC:
        push_bound(c, bound, term_atomic(t, n->items[0], rest));
        break;
    case REGEX_AND:
        push_bound(c, bound, term_after(t, join_items(t, n), rest));
        break;
    case REGEX_NOT:
        push_bound(c, bound, term_after(t, term_not(t, term_cat(t, n->items[0], TERM_EMPTY)), rest));
        break;
    }
}

static void add_basic(struct closure *c, uint32_t term)
{
    *ARENA_PUSH(c->t->arena, c->basics, c->basic_count, c->basic_capacity) = term;
}

/* (a and obligations as one, base): base has no obligation before it. */
static uint32_t split_bound(struct terms *t, uint32_t term, uint32_t *bound)
{
    *bound = TERM_ALL;
    while (t->items[term].kind == TERM_BOTH) {
        *bound = term_both(t, t->items[term].a, *bound);
        term = t->items[term].b;
    }
    return term;
}

static void expand(struct closure *c, uint32_t term)
{
    uint32_t bound, base = split_bound(c->t, term, &bound);
    const struct term *item = &c->t->items[base];
    switch (item->kind) {
    case TERM_UNION: {
        uint32_t a = item->a, b = item->b;
        push_bound(c, bound, a);
        push_bound(c, bound, b);
        break;
    }
    case TERM_FORK: {
        struct fork fork = c->t->forks[item->a];
        for (uint32_t i = 0; i < fork.count; i++)
            push_bound(c, bound, c->t->alternatives[fork.first + i]);
        break;
    }
    case TERM_CAT:
        if (term_node(c->t, base)->kind == REGEX_SET)
            add_basic(c, term);
        else
            expand_cat(c, bound, base);
        break;
    case TERM_ALL: case TERM_EMPTY: case TERM_LABEL: case TERM_AFTER: case TERM_NOT:
        add_basic(c, term);
        break;
    case TERM_NONE: case TERM_BOTH:
        break;
    }
}

/* ---- moves of the basics ---- */

static void add_move(struct terms *t, struct moves *moves, uint32_t symbols, uint32_t target)
{
    if (symbols != CLASS_NONE && target != TERM_NONE)
        *ARENA_PUSH(t->arena, moves->items, moves->count, moves->capacity) = (struct move){symbols, target};
    t->work++;
}

static void add_derivative(struct terms *t, struct moves *moves, uint32_t term, uint32_t context)
{
    struct derivative d = *term_derive(t, term, context);
    moves->ends |= d.ends;
    for (uint32_t m = 0; m < d.count; m++)
        add_move(t, moves, d.moves[m].symbols, d.moves[m].target);
}

/* The symbols on which the complement of a does alike, and what is left of it. Symbol by symbol the union of the targets, then
 * the complement of that: determinises a's first step, since a complement of a union is no union of complements. Symbols of one
 * target are one move. */
static void derive_not(struct terms *t, struct moves *found, uint32_t a, uint32_t context)
{
    struct derivative inner = *term_derive(t, a, context);
    found->ends |= !inner.ends;
    uint32_t *targets = ARENA_ARRAY(t->arena, t->alphabet->symbol_count, uint32_t);
    for (uint32_t s = 0; s < t->alphabet->symbol_count; s++) {
        targets[s] = TERM_NONE;
        for (uint32_t m = 0; m < inner.count; m++)
            if (class_bits(&t->classes, inner.moves[m].symbols)[s / 64] >> s % 64 & 1)
                targets[s] = term_union(t, targets[s], inner.moves[m].target);
        t->work += inner.count;
    }
    for (uint32_t s = 0; s < t->alphabet->symbol_count; s++) {
        if (targets[s] == UINT32_MAX)
            continue;
        uint32_t target = targets[s];
        add_move(t, found, class_where(t, targets, target), term_not(t, target));
        for (uint32_t k = s; k < t->alphabet->symbol_count; k++)
            targets[k] = targets[k] == target ? UINT32_MAX : targets[k];
    }
}

/* d(a·b) = d(a)·b, and d(b) where a may end. The context is that of the name, not of a alone. */
static void derive_after(struct terms *t, struct moves *found, uint32_t a, uint32_t rest, uint32_t context)
{
    struct derivative inner = *term_derive(t, a, context);
    for (uint32_t m = 0; m < inner.count; m++)
        add_move(t, found, inner.moves[m].symbols, term_after(t, inner.moves[m].target, rest));
    if (inner.ends)
        add_derivative(t, found, rest, context);
}

/* Adds to *found. */
static void derive_base(struct terms *t, struct moves *found, uint32_t base, uint32_t context)
{
    struct term item = t->items[base];
    switch (item.kind) {
    case TERM_ALL:
        found->ends = true;
        add_move(t, found, CLASS_ALL, TERM_ALL);
        break;
    case TERM_EMPTY: case TERM_LABEL:
        found->ends = true;
        break;
    case TERM_CAT:
        add_move(t, found, class_of_set(t, term_node(t, base)->set), item.b);
        break;
    case TERM_AFTER:
        derive_after(t, found, item.a, item.b, context);
        break;
    case TERM_NOT:
        derive_not(t, found, item.a, context);
        break;
    case TERM_NONE: case TERM_UNION: case TERM_BOTH: case TERM_FORK:
        break;
    }
}

/* a & b of moves: every pair that shares a symbol.
 * d(a & b) pairs the moves whose classes meet; quadratic, which is why work is counted. */
static struct moves meet(struct terms *t, const struct derivative *a, const struct moves *b)
{
    struct moves found = {.ends = a->ends && b->ends};
    for (size_t i = 0; i < a->count && !t->exhausted; i++)
        for (size_t k = 0; k < b->count; k++) {
            uint32_t symbols = class_meet(t, a->moves[i].symbols, b->items[k].symbols);
            if (symbols != CLASS_NONE)
                add_move(t, &found, symbols, term_both(t, a->moves[i].target, b->items[k].target));
        }
    return found;
}

/* Without obligations the moves go straight into the closure's. */
static void derive_basic(struct closure *c, uint32_t term)
{
    struct terms *t = c->t;
    uint32_t bound, base = split_bound(t, term, &bound);
    struct moves found = {0};
    derive_base(t, bound == TERM_ALL ? &c->moves : &found, base, c->context);
    while (bound != TERM_ALL) {
        bool more = t->items[bound].kind == TERM_BOTH;
        uint32_t obligation = more ? t->items[bound].a : bound;
        bound = more ? t->items[bound].b : TERM_ALL;
        struct derivative other = *term_derive(t, obligation, c->context);
        found = meet(t, &other, &found);
    }
    c->moves.ends |= found.ends;
    for (size_t i = 0; i < found.count; i++)
        add_move(t, &c->moves, found.items[i].symbols, found.items[i].target);
}

static int compare_moves(const void *a, const void *b)
{
    const struct move *x = a, *y = b;
    if (x->target != y->target)
        return x->target < y->target ? -1 : 1;
    return (x->symbols > y->symbols) - (x->symbols < y->symbols);
}

/* By target, then class: equal derivatives are equal arrays. */
static void sort_moves(struct moves *moves)
{
    size_t kept = 0;
    if (moves->count > 1)
        qsort(moves->items, moves->count, sizeof *moves->items, compare_moves);
    for (size_t i = 0; i < moves->count; i++)
        if (!kept || compare_moves(&moves->items[kept - 1], &moves->items[i]))
            moves->items[kept++] = moves->items[i];
    moves->count = kept;
}

/* ---- closing ---- */

/* Closures keep their arrays: as many are made as derivatives ask for each other. */
static struct closure *open_closure(struct terms *t)
{
    struct closure *c = t->closures ? t->closures : ARENA_NEW(t->arena, struct closure);
    t->closures = c->next;
    c->t = t;
    return c;
}

static void rest_closure(struct terms *t, struct closure *c)
{
    c->next = t->closures;
    t->closures = c;
}

/* What it gives is in the closure.
 * work_limit is looked at in every round: a derivative that is cut short is not used, since `exhausted` ends the construction. */
static struct derivative derive(struct closure *c, uint32_t term, uint32_t context)
{
    struct terms *t = c->t;
    c->context = context;
    c->stamp = ++t->stamp;
    c->work_count = c->basic_count = c->moves.count = 0;
    c->moves.ends = false;
    push(c, term);
    while (c->work_count && !t->exhausted) {
        expand(c, c->work[--c->work_count]);
        t->exhausted |= t->work > t->work_limit;
    }
    for (size_t i = 0; i < c->basic_count && !t->exhausted; i++) {
        derive_basic(c, c->basics[i]);
        t->exhausted |= t->work > t->work_limit;
    }
    sort_moves(&c->moves);
    return (struct derivative){term, context, c->moves.ends, c->moves.items, (uint32_t)c->moves.count};
}

/* ---- memory of derivatives ---- */

static uint32_t hash_key(uint32_t term, uint32_t context)
{
    uint64_t h = (((uint64_t)context << 32 | term) + 1) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32);
}

static void grow_slots(struct terms *t)
{
    t->derivative_slot_count = t->derivative_slot_count ? 2 * t->derivative_slot_count : 1024;
    t->derivative_slots = ARENA_ARRAY(t->arena, t->derivative_slot_count, uint32_t);
    for (uint32_t i = 0; i < t->derivative_count; i++) {
        size_t slot = hash_key(t->derivatives[i].term, t->derivatives[i].context) & (t->derivative_slot_count - 1);
        while (t->derivative_slots[slot])
            slot = (slot + 1) & (t->derivative_slot_count - 1);
        t->derivative_slots[slot] = i + 1;
    }
}

/* The derivative's slot: its number + 1 when it is known, else where it would be entered. */
static uint32_t *find_slot(struct terms *t, uint32_t term, uint32_t context)
{
    if (2 * (t->derivative_count + 1) > t->derivative_slot_count)
        grow_slots(t);
    size_t slot = hash_key(term, context) & (t->derivative_slot_count - 1);
    for (; t->derivative_slots[slot]; slot = (slot + 1) & (t->derivative_slot_count - 1)) {
        const struct derivative *d = &t->derivatives[t->derivative_slots[slot] - 1];
        if (d->term == term && d->context == context)
            break;
    }
    return &t->derivative_slots[slot];
}

/* By what the term can tell of the context: two contexts it cannot tell apart share an entry. */
const struct derivative *term_derive(struct terms *t, uint32_t term, uint32_t context)
{
    context = context_seen(t, context, term);
    uint32_t *slot = find_slot(t, term, context);
    if (*slot)
        return &t->derivatives[*slot - 1];
    struct closure *c = open_closure(t);
    struct derivative made = derive(c, term, context);
    made.moves = arena_grow(t->arena, made.moves, made.count, made.count, sizeof *made.moves);
    rest_closure(t, c);
    slot = find_slot(t, term, context);
    *ARENA_PUSH(t->arena, t->derivatives, t->derivative_count, t->derivative_capacity) = made;
    *slot = (uint32_t)t->derivative_count;
    return &t->derivatives[t->derivative_count - 1];
}

struct derivative term_derive_once(struct terms *t, uint32_t term, uint32_t context)
{
    context = context_seen(t, context, term);
    uint32_t *slot = find_slot(t, term, context);
    t->once = t->once ? t->once : open_closure(t);
    return *slot ? t->derivatives[*slot - 1] : derive(t->once, term, context);
}
