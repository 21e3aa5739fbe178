/* Guards: comparisons of the numbers a subject has, and its dtype. In: a guard of the program and a subject. Out: one of three
 * truths: a guard about what is not known of the subject is unknown, whatever the other side says. Rule: integers of 64 bits, the
 * remainder Python's. docs/language.md has the grammar. */
#include "codegen/match/program.h"

const char *const comparison_words[] = {
    [AST_EQ] = "==", [AST_NE] = "!=", [AST_LT] = "<", [AST_LE] = "<=", [AST_GT] = ">", [AST_GE] = ">=",
};

static bool same_term(const struct guard_term *a, const struct guard_term *b)
{
    return a->kind == b->kind && a->integer == b->integer && a->modulus == b->modulus;
}

/* Members that a kind does not use are 0, so all may be compared. */
bool guard_same(const struct guard *a, const struct guard *b)
{
    return a->kind == b->kind && a->comparison == b->comparison && same_term(&a->left, &b->left) && same_term(&a->right, &b->right) &&
           a->low == b->low && a->high == b->high && a->dtype == b->dtype;
}

/* The number of elements; false: unknown, or beyond 63 bits.
 * The empty product is 1: a scalar has one element. */
static bool count_elements(const struct subject *s, int64_t *value)
{
    bool known = s->rank >= 0;
    *value = 1;
    for (int i = 0; known && i < s->rank; i++)
        known = !__builtin_mul_overflow(*value, s->shape[i], value);
    return known;
}

/* Indexes below 0 count from the end; beyond the rank nothing is known, and the guard is unknown. */
static bool find_dimension(const struct subject *s, int64_t index, int64_t *value)
{
    index += index < 0 ? s->rank : 0;
    if (s->rank < 0 || index < 0 || index >= s->rank)
        return false;
    *value = s->shape[index];
    return true;
}

/* INT64_MIN % -1 traps on x86, so that -1 is apart. modulus is not 0. */
int64_t guard_remainder(int64_t value, int64_t modulus)
{
    if (modulus == -1)
        return 0;
    int64_t rest = value % modulus;
    return rest && (rest < 0) != (modulus < 0) ? rest + modulus : rest;
}

/* *value means nothing where false is returned. */
static bool find_value(const struct guard_term *t, const struct subject *s, int64_t *value)
{
    bool known = true;
    switch (t->kind) {
    case AST_TERM_INTEGER: *value = t->integer; break;
    case AST_TERM_LAYER: *value = s->layer; known = s->has_layer; break;
    case AST_TERM_NDIM: *value = s->rank; known = s->rank >= 0; break;
    case AST_TERM_NUMEL: known = count_elements(s, value); break;
    case AST_TERM_SHAPE: known = find_dimension(s, t->integer, value); break;
    }
    if (known && t->modulus)
        *value = guard_remainder(*value, t->modulus);
    return known;
}

static bool compare(int64_t a, enum ast_comparison comparison, int64_t b)
{
    switch (comparison) {
    case AST_EQ: return a == b;
    case AST_NE: return a != b;
    case AST_LT: return a < b;
    case AST_LE: return a <= b;
    case AST_GT: return a > b;
    case AST_GE: return a >= b;
    }
    return false;
}

enum truth guard_test(const struct guard *g, const struct subject *s)
{
    int64_t left = 0, right = 0;
    switch (g->kind) {
    case GUARD_DTYPE:
        return s->dtype < 0 ? TRUTH_UNKNOWN : s->dtype == g->dtype ? TRUTH_YES : TRUTH_NO;
    case GUARD_RANGE:
        if (!find_value(&g->left, s, &left))
            return TRUTH_UNKNOWN;
        return left >= g->low && left <= g->high ? TRUTH_YES : TRUTH_NO;
    case GUARD_COMPARE:
        if (!find_value(&g->left, s, &left) || !find_value(&g->right, s, &right))
            return TRUTH_UNKNOWN;
        return compare(left, g->comparison, right) ? TRUTH_YES : TRUTH_NO;
    }
    return TRUTH_UNKNOWN;
}
