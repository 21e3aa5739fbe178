/* Leaves: what is left of the rules once the primary field's labels are known, as a shared decision DAG in which every path asks
 * each test once. In: a label set. Out: a decision. The candidates, with the labels put in, are a list of (rule, predicate); the
 * first test of the first predicate is asked, and each of its three truths put into the whole list (Shannon expansion, in three
 * values). Equal lists are one cell, so equal remainders are one decision. A leaf too large for that scans its rules in order. */
#include <string.h>
#include "codegen/match/matcher.h"

/* Expansion is exponential at worst: with more than LEAF_RULES_MAX candidates or LEAF_DECISIONS_MAX decisions a leaf is scanned
 * instead. DECISIONS_MAX: of all leaves together. */
enum { LEAF_RULES_MAX = 64, LEAF_DECISIONS_MAX = 256, DECISIONS_MAX = 1 << 16 };

/* The rules still in question, in order: a hash-consed list. 0 is the end. */
struct cell {
    uint32_t rule, pred, next;
};
struct known_decision { /* of a list and the unknown rule before it */
    uint32_t list, decision;
    int unknown;
};
struct leaves {
    struct matcher *m;
    struct program *p;
    struct arena *scratch;
    struct cell *cells;
    size_t cell_count, cell_capacity;
    uint32_t *cell_slots;
    size_t cell_slot_count;
    struct known_decision *known;
    size_t known_count, known_capacity;
    uint32_t *known_slots, *decision_slots;
    size_t known_slot_count, decision_slot_count, decision_capacity;
    size_t limit; /* decisions this leaf may reach */
    bool failed;
    const struct label_sets *sets;
    uint32_t set; /* the label set at hand */
    uint32_t test; /* the test being put in, and its value */
    enum truth truth;
    uint64_t *bits; /* candidate rules of a leaf */
    uint32_t *base_rules; /* rules that may match with no label */
    size_t base_count;
};

static uint32_t mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a * 0x9e3779b97f4a7c15u ^ b) * 0xbf58476d1ce4e5b9u;
    return (uint32_t)(h ^ h >> 32);
}

/* ---- hash-consing ---- */

static uint32_t hash_cell(const struct cell *c)
{
    return mix((uint64_t)c->rule << 32 | c->pred, c->next);
}

static void grow_cells(struct leaves *l)
{
    l->cell_slot_count = l->cell_slot_count ? 2 * l->cell_slot_count : 256;
    l->cell_slots = ARENA_ARRAY(l->scratch, l->cell_slot_count, uint32_t);
    for (uint32_t i = 1; i < l->cell_count; i++) {
        size_t slot = hash_cell(&l->cells[i]) & (l->cell_slot_count - 1);
        while (l->cell_slots[slot])
            slot = (slot + 1) & (l->cell_slot_count - 1);
        l->cell_slots[slot] = i;
    }
}

/* Cell 0 is the end of lists. */
static uint32_t cons(struct leaves *l, uint32_t rule, uint32_t pred, uint32_t next)
{
    struct cell c = {rule, pred, next};
    if (!l->cell_count)
        *ARENA_PUSH(l->scratch, l->cells, l->cell_count, l->cell_capacity) = (struct cell){0};
    if (2 * (l->cell_count + 1) > l->cell_slot_count)
        grow_cells(l);
    size_t slot = hash_cell(&c) & (l->cell_slot_count - 1);
    for (; l->cell_slots[slot]; slot = (slot + 1) & (l->cell_slot_count - 1)) {
        const struct cell *old = &l->cells[l->cell_slots[slot]];
        if (old->rule == rule && old->pred == pred && old->next == next)
            return l->cell_slots[slot];
    }
    *ARENA_PUSH(l->scratch, l->cells, l->cell_count, l->cell_capacity) = c;
    return l->cell_slots[slot] = (uint32_t)l->cell_count - 1;
}

static uint32_t hash_decision(const struct decision *d)
{
    uint32_t hash = mix((uint64_t)d->kind << 32 | d->test, (uint64_t)(uint32_t)d->rule << 32 | (uint32_t)d->unknown);
    hash = mix(hash, (uint64_t)d->next[0] << 32 | d->next[1]);
    return mix(hash, (uint64_t)d->next[2] << 32 | d->set);
}

static void grow_decisions(struct leaves *l)
{
    l->decision_slot_count = l->decision_slot_count ? 2 * l->decision_slot_count : 256;
    l->decision_slots = ARENA_ARRAY(l->scratch, l->decision_slot_count, uint32_t);
    for (uint32_t i = 0; i < l->m->decision_count; i++) {
        size_t slot = hash_decision(&l->m->decisions[i]) & (l->decision_slot_count - 1);
        while (l->decision_slots[slot])
            slot = (slot + 1) & (l->decision_slot_count - 1);
        l->decision_slots[slot] = i + 1;
    }
}

static bool same_decision(const struct decision *a, const struct decision *b)
{
    return a->kind == b->kind && a->test == b->test && !memcmp(a->next, b->next, sizeof a->next) && a->rule == b->rule &&
           a->unknown == b->unknown && a->set == b->set;
}

/* A test whose outcomes are all the same is not asked. */
static uint32_t intern(struct leaves *l, struct decision d)
{
    struct matcher *m = l->m;
    if (d.kind == DECISION_TEST && d.next[0] == d.next[1] && d.next[1] == d.next[2])
        return d.next[0];
    if (2 * (m->decision_count + 1) > l->decision_slot_count)
        grow_decisions(l);
    size_t slot = hash_decision(&d) & (l->decision_slot_count - 1);
    for (; l->decision_slots[slot]; slot = (slot + 1) & (l->decision_slot_count - 1))
        if (same_decision(&m->decisions[l->decision_slots[slot] - 1], &d))
            return l->decision_slots[slot] - 1;
    *ARENA_PUSH(m->arena, m->decisions, m->decision_count, l->decision_capacity) = d;
    l->decision_slots[slot] = (uint32_t)m->decision_count;
    return (uint32_t)m->decision_count - 1;
}

static void grow_known(struct leaves *l)
{
    l->known_slot_count = l->known_slot_count ? 2 * l->known_slot_count : 256;
    l->known_slots = ARENA_ARRAY(l->scratch, l->known_slot_count, uint32_t);
    for (uint32_t i = 0; i < l->known_count; i++) {
        size_t slot = mix(l->known[i].list, (uint32_t)l->known[i].unknown) & (l->known_slot_count - 1);
        while (l->known_slots[slot])
            slot = (slot + 1) & (l->known_slot_count - 1);
        l->known_slots[slot] = i + 1;
    }
}

/* Where the decision of a list is kept; 0 there: not made yet. */
static uint32_t *find_known(struct leaves *l, uint32_t list, int unknown)
{
    if (2 * (l->known_count + 1) > l->known_slot_count)
        grow_known(l);
    size_t slot = mix(list, (uint32_t)unknown) & (l->known_slot_count - 1);
    for (; l->known_slots[slot]; slot = (slot + 1) & (l->known_slot_count - 1)) {
        const struct known_decision *k = &l->known[l->known_slots[slot] - 1];
        if (k->list == list && k->unknown == unknown)
            break;
    }
    return &l->known_slots[slot];
}

/* ---- decisions ---- */

static uint32_t know_test(void *user, uint32_t test)
{
    const struct leaves *l = user;
    static const uint32_t constants[] = {[TRUTH_NO] = PRED(FALSE), [TRUTH_YES] = PRED(TRUE), [TRUTH_UNKNOWN] = PRED(UNKNOWN)};
    return test == l->test ? constants[l->truth] : UINT32_MAX;
}

/* The list with the test's value put in, without rules that cannot match and what stands behind one that does.
 * Each truth removes the test from every predicate, so that recursion is no deeper than there are tests in the list. */
static uint32_t restrict_list(struct leaves *l, uint32_t list, uint32_t test, enum truth truth)
{
    uint32_t rules[LEAF_RULES_MAX], preds[LEAF_RULES_MAX], result = 0;
    size_t count = 0;
    l->test = test;
    l->truth = truth;
    for (; list; list = l->cells[list].next) {
        uint32_t pred = pred_restrict(l->p, l->cells[list].pred, know_test, l);
        if (pred == PRED(FALSE))
            continue;
        rules[count] = l->cells[list].rule;
        preds[count++] = pred;
        if (pred == PRED(TRUE))
            break;
    }
    while (count--)
        result = cons(l, rules[count], preds[count], result);
    return result;
}

/* Rules whose predicate is unknown are passed over and the first of them remembered: match_outcome.unknown. A list that begins
 * with a certain rule, or is empty, is done. */
static uint32_t decide(struct leaves *l, uint32_t list, int unknown)
{
    for (; list && l->cells[list].pred == PRED(UNKNOWN); list = l->cells[list].next)
        unknown = unknown < 0 ? (int)l->cells[list].rule : unknown;
    if (!list || l->cells[list].pred == PRED(TRUE))
        return intern(l, (struct decision){.kind = DECISION_DONE, .rule = list ? (int)l->cells[list].rule : -1, .unknown = unknown});
    uint32_t slot = *find_known(l, list, unknown);
    if (slot)
        return l->known[slot - 1].decision;
    if (l->failed || !l->limit-- || l->m->decision_count > DECISIONS_MAX) {
        l->failed = true;
        return 0;
    }
    struct decision d = {.kind = DECISION_TEST, .test = pred_first_test(l->p, l->cells[list].pred), .rule = -1, .unknown = -1};
    for (enum truth t = TRUTH_NO; t <= TRUTH_UNKNOWN; t++)
        d.next[t] = decide(l, restrict_list(l, list, d.test, t), unknown);
    if (l->failed)
        return 0;
    uint32_t made = intern(l, d), *at = find_known(l, list, unknown);
    *ARENA_PUSH(l->scratch, l->known, l->known_count, l->known_capacity) = (struct known_decision){list, made, unknown};
    *at = (uint32_t)l->known_count;
    return made;
}

/* ---- leaves ---- */

/* The primary field's labels are known: those of the set hold. */
static uint32_t know_labels(void *user, uint32_t test)
{
    const struct leaves *l = user;
    const struct test *t = &l->p->tests[test];
    if (t->kind != TEST_LABEL || t->label->field != l->m->primary)
        return UINT32_MAX;
    return l->sets && label_sets_have(l->sets, l->set, t->label->number) ? PRED(TRUE) : PRED(FALSE);
}

/* Bits of the rules in question: those that may match anyway, those the set's labels touch. */
static void mark_candidates(struct leaves *l)
{
    for (size_t i = 0; i < l->base_count; i++)
        l->bits[l->base_rules[i] / 64] |= (uint64_t)1 << l->base_rules[i] % 64;
    if (!l->sets)
        return;
    const struct engine *e = &l->m->engines[l->m->primary];
    for (uint32_t i = l->sets->first[l->set]; i < l->sets->first[l->set + 1]; i++)
        for (uint32_t k = e->touched_first[l->sets->labels[i]]; k < e->touched_first[l->sets->labels[i] + 1]; k++)
            l->bits[e->touched[k] / 64] |= (uint64_t)1 << e->touched[k] % 64;
}

/* A rule that is certain ends the list: nothing behind it can win. */
static uint32_t make_leaf(struct leaves *l)
{
    uint32_t rules[LEAF_RULES_MAX], preds[LEAF_RULES_MAX], list = 0;
    size_t count = 0;
    bool sure = false, large = false;
    mark_candidates(l);
    for (size_t w = 0; w < l->m->rule_words; w++) {
        for (uint64_t bits = l->bits[w]; bits && !sure && !large; bits &= bits - 1) {
            uint32_t rule = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(bits));
            uint32_t pred = pred_restrict(l->p, l->p->rules[rule], know_labels, l);
            if (pred == PRED(FALSE))
                continue;
            sure = pred == PRED(TRUE);
            large = count == LEAF_RULES_MAX;
            if (large)
                continue;
            rules[count] = rule;
            preds[count++] = pred;
        }
        l->bits[w] = 0;
    }
    while (count)
        count--, list = cons(l, rules[count], preds[count], list);
    l->limit = LEAF_DECISIONS_MAX;
    l->failed = large;
    uint32_t decision = large ? 0 : decide(l, list, -1);
    return l->failed ? intern(l, (struct decision){.kind = DECISION_SCAN, .rule = -1, .unknown = -1, .set = l->set}) : decision;
}

/* Rules that may match when no label of the primary field holds. */
static void find_base(struct leaves *l)
{
    const struct label_sets *sets = l->sets;
    l->sets = NULL;
    l->base_rules = ARENA_ARRAY(l->scratch, l->m->rule_count, uint32_t);
    for (uint32_t i = 0; i < l->m->rule_count; i++)
        if (pred_restrict(l->p, l->p->rules[i], know_labels, l) != PRED(FALSE))
            l->base_rules[l->base_count++] = i;
    l->sets = sets;
}

/* sets NULL: no string is looked at, and there is one leaf for all subjects. */
uint32_t *matcher_decide(struct matcher *m, const struct label_sets *sets, struct arena *scratch)
{
    struct leaves l = {.m = m, .p = &m->program, .scratch = scratch, .sets = sets};
    size_t count = sets ? sets->count - 1 : 1;
    uint32_t *leaves = ARENA_ARRAY(scratch, count, uint32_t);
    l.bits = ARENA_ARRAY(scratch, m->rule_words, uint64_t);
    find_base(&l);
    for (uint32_t s = 0; s < count; s++) {
        l.set = s;
        leaves[s] = make_leaf(&l);
    }
    return leaves;
}
