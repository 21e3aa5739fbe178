/* Match code of a matcher's automaton. In: a matcher compiled with names_only, whose tests are labels of the module path, guards
 * of the layer number, and chains. Out: what the code generator takes (code.h). Constants are folded, so that generated code
 * never divides by anything but a positive modulus. */
#include "codegen/match/code.h"

#include <string.h>

static struct guard_term fold_term(struct guard_term t)
{
    if (t.kind == AST_TERM_INTEGER && t.modulus)
        t = (struct guard_term){AST_TERM_INTEGER, guard_remainder(t.integer, t.modulus), 0};
    return t;
}

static struct guard fold_guard(struct guard guard)
{
    guard.left = fold_term(guard.left);
    guard.right = fold_term(guard.right);
    return guard;
}

/* A test of the layer number keeps its guard; any other is asked for elsewhere.
 * Each test has a guard of its own here, even where two decisions ask the same. */
static struct decision fold_decision(const struct matcher *m, struct decision d, struct guard *guards, size_t *guard_count)
{
    if (d.kind != DECISION_TEST)
        return d;
    const struct test *test = &m->program.tests[d.test];
    if (test->kind != TEST_GUARD)
        return (struct decision){.kind = DECISION_SCAN, .rule = MATCH_ASK, .unknown = -1};
    d.test = (uint32_t)*guard_count;
    guards[(*guard_count)++] = fold_guard(*test->guard);
    return d;
}

static void fold_decisions(struct match_code *code, struct arena *arena, const struct matcher *m)
{
    struct decision *decisions = ARENA_ARRAY(arena, m->decision_count, struct decision);
    struct guard *guards = ARENA_ARRAY(arena, m->decision_count, struct guard);
    for (size_t i = 0; i < m->decision_count; i++)
        decisions[i] = fold_decision(m, m->decisions[i], guards, &code->guard_count);
    code->decisions = decisions;
    code->decision_count = m->decision_count;
    code->guards = guards;
}

/* Rows by number, in place of rows by offset. */
static void copy_rows(struct match_code *code, struct arena *arena, const struct dfa *dfa)
{
    uint32_t states = dfa->state_count, classes = dfa->class_count;
    uint32_t *next = ARENA_ARRAY(arena, (size_t)states * classes, uint32_t), *decision = ARENA_ARRAY(arena, states, uint32_t);
    unsigned char *class_of = ARENA_ARRAY(arena, 128, unsigned char);
    for (uint32_t s = 0; s < states; s++) {
        for (uint32_t c = 0; c < classes; c++)
            next[(size_t)s * classes + c] = dfa_number(dfa, dfa_row(dfa, s)[c]);
        decision[s] = *dfa_outcome(dfa, s);
    }
    for (int c = 0; c < 128; c++)
        class_of[c] = (unsigned char)(dfa->table.classes[c] - 1);
    code->state_count = states;
    code->class_count = classes;
    code->next = next;
    code->decision = decision;
    code->class_of = class_of;
    code->ranges = dfa->ranges;
    code->range_count = dfa->range_count;
}

/* ---- beyond the budget ---- */

/* Tests and operations, in the order of the predicates; by_label: the predicate that asks for each label. */
static void list_preds(struct match_code *code, struct match_sets *sets, struct arena *arena, const struct program *p, uint32_t *by_label)
{
    struct match_op *ops = ARENA_ARRAY(arena, p->pred_count, struct match_op);
    struct match_test *tests = ARENA_ARRAY(arena, p->pred_count, struct match_test);
    struct guard *guards = ARENA_ARRAY(arena, p->pred_count, struct guard);
    for (uint32_t i = 0; i < p->pred_count; i++) {
        const struct pred *pred = &p->preds[i];
        const struct test *test = pred->kind == PRED_TEST ? &p->tests[pred->a] : NULL;
        if (test && test->kind == TEST_LABEL && test->label->number != UINT32_MAX) {
            by_label[test->label->number] = i;
        } else if (test && test->kind == TEST_GUARD) {
            tests[sets->test_count++] = (struct match_test){(uint32_t)code->guard_count, i};
            guards[code->guard_count++] = fold_guard(*test->guard);
        } else if (pred->kind == PRED_NOT || pred->kind == PRED_AND || pred->kind == PRED_OR) {
            ops[sets->op_count++] = (struct match_op){pred->kind, pred->a, pred->kind == PRED_NOT ? pred->a : pred->b, i};
        }
        sets->asks |= test && test->kind == TEST_CHAIN;
    }
    sets->ops = ops;
    sets->tests = tests;
    code->guards = guards;
}

/* A label that no predicate asks has by_label 0, which is FALSE: entering it changes nothing that is read. */
static void list_ends(struct match_sets *sets, struct arena *arena, const uint32_t *by_label)
{
    struct match_end *ends = ARENA_ARRAY(arena, sets->nfa->state_count, struct match_end);
    for (uint32_t s = 0; s < sets->nfa->state_count; s++)
        if (sets->nfa->flags[s] & NFA_ENDS)
            ends[sets->end_count++] = (struct match_end){s, by_label[sets->nfa->label[s]]};
    sets->ends = ends;
}

/* Two sets of a bit for each state, and a byte for each predicate. */
static struct match_code *make_sets(struct arena *arena, const struct matcher *m, struct match_code *code)
{
    const struct engine *e = &m->engines[m->primary];
    struct match_sets *sets = ARENA_NEW(arena, struct match_sets);
    if (e->nfa->state_count / 4 + m->program.pred_count > MATCH_STACK_MAX)
        return NULL;
    *sets = (struct match_sets){.nfa = e->nfa, .pred_count = (uint32_t)m->program.pred_count, .rules = m->program.rules,
                                .rule_count = m->rule_count};
    uint32_t *by_label = ARENA_ARRAY(arena, e->label_count, uint32_t);
    unsigned char *class_of = ARENA_ARRAY(arena, 128, unsigned char);
    code->guard_count = 0;
    list_preds(code, sets, arena, &m->program, by_label);
    list_ends(sets, arena, by_label);
    for (int c = 0; c < 128; c++)
        class_of[c] = (unsigned char)e->alphabet.ascii[c];
    code->class_of = class_of;
    code->ranges = e->alphabet.ranges;
    code->range_count = e->alphabet.range_count;
    code->sets = sets;
    return code;
}

/* ---- entry ---- */

struct match_code *match_code_make(struct arena *arena, const struct matcher *m, bool megatron_layers, bool sets)
{
    struct match_code *code = ARENA_NEW(arena, struct match_code);
    code->megatron_layers = megatron_layers;
    code->block_limit = MATCH_CODE_STATES;
    fold_decisions(code, arena, m);
    code->root = m->root;
    if (m->primary == FIELD_COUNT)
        return code;
    if (!m->engines[m->primary].dfa)
        return sets ? make_sets(arena, m, code) : NULL;
    copy_rows(code, arena, m->engines[m->primary].dfa);
    return code;
}

bool match_code_asks(const struct match_code *code)
{
    if (code->sets)
        return code->sets->asks;
    for (size_t i = 0; i < code->decision_count; i++)
        if (code->decisions[i].kind == DECISION_SCAN)
            return true;
    return false;
}
