/* Match code of a matcher's automaton. See code.h. */
#include "codegen/match/code.h"

#include <string.h>

static struct guard_term fold_term(struct guard_term t)
{
    if (t.kind == AST_TERM_INTEGER && t.modulus)
        t = (struct guard_term){AST_TERM_INTEGER, guard_remainder(t.integer, t.modulus), 0};
    return t;
}

/* A test of the layer number keeps its guard; any other is asked for elsewhere. */
static struct decision fold_decision(const struct matcher *m, struct decision d, struct guard *guards, size_t *guard_count)
{
    if (d.kind != DECISION_TEST)
        return d;
    const struct test *test = &m->program.tests[d.test];
    if (test->kind != TEST_GUARD)
        return (struct decision){.kind = DECISION_SCAN, .rule = MATCH_ASK, .unknown = -1};
    struct guard guard = test->guard;
    guard.left = fold_term(guard.left);
    guard.right = fold_term(guard.right);
    d.test = (uint32_t)*guard_count;
    guards[(*guard_count)++] = guard;
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

struct match_code *match_code_make(struct arena *arena, const struct matcher *m, bool megatron_layers)
{
    struct match_code *code = ARENA_NEW(arena, struct match_code);
    code->megatron_layers = megatron_layers;
    code->block_limit = MATCH_CODE_STATES;
    fold_decisions(code, arena, m);
    code->root = m->root;
    if (m->primary == FIELD_COUNT)
        return code;
    if (!m->engines[m->primary].dfa)
        return NULL;
    copy_rows(code, arena, m->engines[m->primary].dfa);
    return code;
}

bool match_code_asks(const struct match_code *code)
{
    for (size_t i = 0; i < code->decision_count; i++)
        if (code->decisions[i].kind == DECISION_SCAN)
            return true;
    return false;
}
