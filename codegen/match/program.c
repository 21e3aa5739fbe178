/* Program: interning tests and predicates, restricting them. In: labels, guards, chains and their Boolean combinations. Out:
 * numbers of predicates; operands have smaller numbers than what is made of them, equal predicates are one. Rule: three-valued
 * logic of Kleene. Only rewrites that hold in it are made: `a or not a` is not true, since a may be unknown. */
#include <string.h>
#include "codegen/match/matcher.h"
#include "codegen/match/mpath.h"

const char *const field_names[FIELD_COUNT] = {
#define FIELD(name, strings, count, known) #name,
#include "codegen/match/fields.def"
#undef FIELD
};
const enum field_id atom_fields[ATOM_COUNT] = {
#define ATOM(name, words, yaml_type, field, language) FIELD_##field,
#include "lang/atoms.def"
#undef ATOM
};
const enum language atom_languages[ATOM_COUNT] = {
#define ATOM(name, words, yaml_type, field, language) LANGUAGE_##language,
#include "lang/atoms.def"
#undef ATOM
};

static uint32_t mix(uint32_t hash, uint64_t value)
{
    uint64_t h = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h ^ h >> 32);
}

/* ---- predicates ---- */

static uint32_t hash_pred(const struct pred *p)
{
    return mix(p->kind, (uint64_t)p->a << 32 | p->b);
}

static void grow_pred_slots(struct program *p)
{
    p->pred_slot_count = p->pred_slot_count ? 2 * p->pred_slot_count : 256;
    p->pred_slots = ARENA_ARRAY(p->arena, p->pred_slot_count, uint32_t);
    for (uint32_t i = 0; i < p->pred_count; i++) {
        size_t slot = hash_pred(&p->preds[i]) & (p->pred_slot_count - 1);
        while (p->pred_slots[slot])
            slot = (slot + 1) & (p->pred_slot_count - 1);
        p->pred_slots[slot] = i + 1;
    }
}

/* Walks over predicates recurse this far; whoever makes them holds it to PRED_DEPTH_MAX. */
static uint32_t depth_of(const struct program *p, const struct pred *pred)
{
    if (pred->kind < PRED_NOT)
        return 1;
    uint32_t a = p->preds[pred->a].depth, b = pred->kind == PRED_NOT ? 0 : p->preds[pred->b].depth;
    return 1 + (a > b ? a : b);
}

static uint32_t intern(struct program *p, enum pred_kind kind, uint32_t a, uint32_t b)
{
    struct pred pred = {.kind = kind, .a = a, .b = b};
    if (2 * (p->pred_count + 1) > p->pred_slot_count)
        grow_pred_slots(p);
    size_t slot = hash_pred(&pred) & (p->pred_slot_count - 1);
    for (; p->pred_slots[slot]; slot = (slot + 1) & (p->pred_slot_count - 1)) {
        const struct pred *old = &p->preds[p->pred_slots[slot] - 1];
        if (old->kind == kind && old->a == a && old->b == b)
            return p->pred_slots[slot] - 1;
    }
    pred.depth = depth_of(p, &pred);
    *ARENA_PUSH(p->arena, p->preds, p->pred_count, p->pred_capacity) = pred;
    p->pred_slots[slot] = (uint32_t)p->pred_count;
    return (uint32_t)p->pred_count - 1;
}

void program_init(struct program *p, struct arena *arena, struct arena *scratch)
{
    struct arena *temporary = arena_open_child(scratch);
    *p = (struct program){.arena = arena};
    for (int f = 0; f < FIELD_COUNT; f++)
        regex_pool_init(&p->pools[f], scratch, temporary);
    intern(p, PRED_FALSE, 0, 0);
    intern(p, PRED_TRUE, 0, 0);
    intern(p, PRED_UNKNOWN, 0, 0);
}

/* Constants are folded, double negation goes away. */
uint32_t pred_not(struct program *p, uint32_t a)
{
    switch (p->preds[a].kind) {
    case PRED_FALSE: return PRED(TRUE);
    case PRED_TRUE: return PRED(FALSE);
    case PRED_UNKNOWN: return a;
    case PRED_NOT: return p->preds[a].a;
    case PRED_TEST: case PRED_AND: case PRED_OR: break;
    }
    return intern(p, PRED_NOT, a, 0);
}

/* false and unknown is false: a false operand decides. */
uint32_t pred_and(struct program *p, uint32_t a, uint32_t b)
{
    if (a == PRED(FALSE) || b == PRED(FALSE))
        return PRED(FALSE);
    if (a == PRED(TRUE) || a == b)
        return b;
    return b == PRED(TRUE) ? a : intern(p, PRED_AND, a, b);
}

uint32_t pred_or_plain(struct program *p, uint32_t a, uint32_t b)
{
    if (a == PRED(TRUE) || b == PRED(TRUE))
        return PRED(TRUE);
    if (a == PRED(FALSE) || a == b)
        return b;
    return b == PRED(FALSE) ? a : intern(p, PRED_OR, a, b);
}

/* The label a predicate asks about; NULL: it is not a single label. */
static struct label *label_of(const struct program *p, uint32_t pred)
{
    const struct pred *q = &p->preds[pred];
    return q->kind == PRED_TEST && p->tests[q->a].kind == TEST_LABEL ? p->tests[q->a].label : NULL;
}

/* `a or b` of two labels of one field is one label of the union: the automaton takes the work that a leaf would have. The place
 * for messages is the first one's. */
uint32_t pred_or(struct program *p, uint32_t a, uint32_t b)
{
    struct label *x = label_of(p, a), *y = label_of(p, b);
    if (a == b || !x || !y || x->field != y->field)
        return pred_or_plain(p, a, b);
    size_t count = x->pattern_count + y->pattern_count;
    struct pattern *patterns = arena_grow(p->arena, x->patterns, x->pattern_count, count, sizeof *patterns);
    memcpy(patterns + x->pattern_count, y->patterns, y->pattern_count * sizeof *patterns);
    const struct regex *root = regex_or(&p->pools[x->field], (const struct regex *[]){x->root, y->root}, 2);
    return pred_of_label(p, x->field, root, patterns, count, x->span);
}

/* `not a and not b` of two labels of one field is `not (a or b)`: also where a is unknown. */
uint32_t pred_and_nots(struct program *p, uint32_t a, uint32_t b)
{
    const struct pred *q = &p->preds[a], *r = &p->preds[b];
    struct label *x = q->kind == PRED_NOT ? label_of(p, q->a) : NULL, *y = r->kind == PRED_NOT ? label_of(p, r->a) : NULL;
    return x && y && x->field == y->field ? pred_not(p, pred_or(p, q->a, r->a)) : pred_and(p, a, b);
}

/* ---- tests ---- */

/* Regexes are hash-consed: labels of equal languages written alike have one root. */
static bool same_test(const struct test *a, const struct test *b)
{
    if (a->hash != b->hash || a->kind != b->kind)
        return false;
    switch (a->kind) {
    case TEST_GUARD: return guard_same(a->guard, b->guard);
    case TEST_CHAIN: return a->chain->size == b->chain->size && !memcmp(a->chain->text, b->chain->text, a->chain->size);
    case TEST_LABEL: break;
    }
    return a->label->field == b->label->field && a->label->root == b->label->root;
}

static void grow_test_slots(struct program *p)
{
    p->test_slot_count = p->test_slot_count ? 2 * p->test_slot_count : 256;
    p->test_slots = ARENA_ARRAY(p->arena, p->test_slot_count, uint32_t);
    for (uint32_t i = 0; i < p->test_count; i++) {
        size_t slot = p->tests[i].hash & (p->test_slot_count - 1);
        while (p->test_slots[slot])
            slot = (slot + 1) & (p->test_slot_count - 1);
        p->test_slots[slot] = i + 1;
    }
}

/* The predicate of an equal test; a new test keeps its label, its chain, a copy of its guard. */
static uint32_t intern_test(struct program *p, const struct test *test)
{
    if (2 * (p->test_count + 1) > p->test_slot_count)
        grow_test_slots(p);
    size_t slot = test->hash & (p->test_slot_count - 1);
    for (; p->test_slots[slot]; slot = (slot + 1) & (p->test_slot_count - 1))
        if (same_test(&p->tests[p->test_slots[slot] - 1], test))
            return intern(p, PRED_TEST, p->test_slots[slot] - 1, 0);
    struct test *made = ARENA_PUSH(p->arena, p->tests, p->test_count, p->test_capacity);
    *made = *test;
    if (test->guard)
        made->guard = arena_grow(p->arena, test->guard, 1, 1, sizeof *test->guard);
    p->test_slots[slot] = (uint32_t)p->test_count;
    return intern(p, PRED_TEST, (uint32_t)p->test_count - 1, 0);
}

uint32_t pred_of_guard(struct program *p, const struct guard *guard)
{
    uint32_t hash = mix(guard->kind, (uint64_t)guard->left.kind << 8 | guard->comparison);
    hash = mix(hash, (uint64_t)guard->left.integer);
    hash = mix(hash, (uint64_t)guard->right.integer);
    hash = mix(hash, (uint64_t)guard->low ^ (uint64_t)guard->high << 1 ^ (uint64_t)guard->dtype);
    return intern_test(p, &(struct test){.kind = TEST_GUARD, .guard = guard, .hash = hash});
}

uint32_t pred_of_chain(struct program *p, const struct chain *chain)
{
    uint32_t hash = TEST_CHAIN;
    for (size_t i = 0; i < chain->size; i++)
        hash = mix(hash, (unsigned char)chain->text[i]);
    return intern_test(p, &(struct test){.kind = TEST_CHAIN, .chain = chain, .hash = hash});
}

uint32_t pred_of_label(struct program *p, enum field_id field, const struct regex *root, const struct pattern *patterns,
                       size_t pattern_count, struct span span)
{
    struct label *label = ARENA_NEW(p->arena, struct label);
    struct pattern *copy = arena_grow(p->arena, patterns, pattern_count, pattern_count, sizeof *copy);
    *label = (struct label){field, root, copy, pattern_count, span, UINT32_MAX};
    return intern_test(p, &(struct test){.kind = TEST_LABEL, .label = label, .hash = mix(field, (uint64_t)(uintptr_t)root >> 4)});
}

/* ---- walks; each predicate is looked at once ---- */

/* Marks of earlier walks are stale by their number. */
static void begin_walk(struct program *p)
{
    if (p->mark_count < p->pred_count) {
        size_t count = 2 * p->pred_count + 64;
        p->marks = arena_grow(p->arena, p->marks, p->mark_count, count, sizeof *p->marks);
        p->memo = arena_grow(p->arena, p->memo, p->mark_count, count, sizeof *p->memo);
        p->mark_count = count;
    }
    p->mark++;
}

struct restriction {
    struct program *p;
    pred_known *known;
    void *user;
    uint32_t limit; /* predicates that existed before: only those are remembered */
};

/* Recursion is at most PRED_DEPTH_MAX deep. Results may be new predicates; marks were made for those that existed before. */
static uint32_t restrict_pred(struct restriction *r, uint32_t pred)
{
    struct program *p = r->p;
    struct pred q = p->preds[pred];
    if (q.kind < PRED_TEST)
        return pred;
    if (p->marks[pred] == p->mark)
        return p->memo[pred];
    uint32_t result = pred;
    switch (q.kind) {
    case PRED_FALSE: case PRED_TRUE: case PRED_UNKNOWN: break;
    case PRED_TEST:
        result = r->known(r->user, q.a);
        result = result == UINT32_MAX ? pred : result;
        break;
    case PRED_NOT:
        result = pred_not(p, restrict_pred(r, q.a));
        break;
    case PRED_AND: case PRED_OR: {
        uint32_t a = restrict_pred(r, q.a), b = restrict_pred(r, q.b);
        result = a == q.a && b == q.b ? pred : q.kind == PRED_AND ? pred_and(p, a, b) : pred_or_plain(p, a, b);
        break;
    }
    }
    p->marks[pred] = p->mark;
    p->memo[pred] = result;
    return result;
}

uint32_t pred_restrict(struct program *p, uint32_t pred, pred_known *known, void *user)
{
    begin_walk(p);
    struct restriction r = {p, known, user, (uint32_t)p->pred_count};
    return restrict_pred(&r, pred);
}

static void visit_pred(struct program *p, uint32_t pred, void (*visit)(void *, uint32_t), void *user)
{
    struct pred q = p->preds[pred];
    if (q.kind < PRED_TEST || p->marks[pred] == p->mark)
        return;
    p->marks[pred] = p->mark;
    if (q.kind == PRED_TEST)
        visit(user, q.a);
    else
        visit_pred(p, q.a, visit, user);
    if (q.kind == PRED_AND || q.kind == PRED_OR)
        visit_pred(p, q.b, visit, user);
}

void pred_visit_tests(struct program *p, uint32_t pred, void (*visit)(void *user, uint32_t test), void *user)
{
    begin_walk(p);
    visit_pred(p, pred, visit, user);
}

/* The left-most test, so that tests are asked in the order they are written where a leaf leaves the choice. */
uint32_t pred_first_test(const struct program *p, uint32_t pred)
{
    while (p->preds[pred].kind != PRED_TEST) {
        bool constant = p->preds[p->preds[pred].a].kind < PRED_TEST; /* unknown: then the other side holds a test */
        pred = constant ? p->preds[pred].b : p->preds[pred].a;
    }
    return p->preds[pred].a;
}
