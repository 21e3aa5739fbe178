/* Numbers: a dtype and a shape that make the guards come out as they shall. A dimension's guards change their truth at the
 * constants alone, and between two of them repeat with the moduli, so finitely many values stand for all. The number of
 * elements and guards between two dimensions hang on several of them: those are found by trial, and when trial fails the
 * answer is open. */
#include "codegen/match/prover.h"

#include <string.h>

/* RANK_LIMIT: ranks tried. CANDIDATES_MAX: values kept for a dimension. COMMON_MAX: of the moduli's least common multiple.
 * TRIALS_MAX: shapes tried for guards over several dimensions. */
enum { RANK_LIMIT = 12, CANDIDATES_MAX = 48, COMMON_MAX = 1 << 12, TRIALS_MAX = 20000, ANY_INDEX = INT32_MAX };

struct dimensions {
    struct prover *p;
    const uint32_t *tests; /* of rank and shape, with a truth */
    size_t count;
    int rank;
    int64_t shape[RANK_LIMIT], candidates[RANK_LIMIT][CANDIDATES_MAX];
    size_t candidate_count[RANK_LIMIT];
};

static const struct guard *guard_of(const struct prover *p, uint32_t test)
{
    const struct test *t = &p->program->tests[test];
    return t->kind == TEST_GUARD ? t->guard : NULL;
}

static bool mentions(const struct guard *g, enum ast_term_kind kind)
{
    return g->kind != GUARD_DTYPE && (g->left.kind == kind || (g->kind == GUARD_COMPARE && g->right.kind == kind));
}

/* ---- dtype ---- */

static bool dtype_suits(const struct prover *p, const uint32_t *tests, size_t count, int dtype)
{
    struct subject s = {.dtype = dtype};
    for (size_t i = 0; i < count; i++) {
        const struct guard *g = guard_of(p, tests[i]);
        if (g && g->kind == GUARD_DTYPE && guard_test(g, &s) != (enum truth)p->truths[tests[i]])
            return false;
    }
    return true;
}

/* The plainest first: unknown, then in the order of the table. */
static bool solve_dtype(const struct prover *p, const uint32_t *tests, size_t count, struct subject *subject)
{
    for (int dtype = -1; dtype < DTYPE_COUNT; dtype++)
        if (dtype_suits(p, tests, count, dtype)) {
            subject->dtype = dtype;
            return true;
        }
    return false;
}

/* ---- one number ---- */

static bool is_term_of(const struct guard_term *t, enum ast_term_kind kind, int64_t index)
{
    return t->kind == kind && (kind != AST_TERM_SHAPE || index == ANY_INDEX || t->integer == index);
}

/* Whether the guard is about this number and constants alone: dimension `index` of `rank`, or numel. */
static bool is_about(const struct guard *g, enum ast_term_kind kind, int64_t index, int rank)
{
    if (g->kind == GUARD_DTYPE)
        return false;
    const struct guard_term *sides[] = {&g->left, &g->right};
    bool found = false;
    for (int i = 0; i < (g->kind == GUARD_COMPARE ? 2 : 1); i++) {
        bool own = is_term_of(sides[i], kind, index) || (kind == AST_TERM_SHAPE && is_term_of(sides[i], kind, index - rank));
        if (!own && sides[i]->kind != AST_TERM_INTEGER)
            return false;
        found |= own;
    }
    return found;
}

/* Every guard about the number alone comes out right for this value.
 * For SHAPE every dimension holds the value, so that guards counting from either end
 * see it; is_about picks those of this dimension. */
static bool value_suits(const struct dimensions *d, enum ast_term_kind kind, int64_t index, int64_t value)
{
    int64_t shape[RANK_LIMIT];
    for (int i = 0; i < d->rank; i++)
        shape[i] = kind == AST_TERM_NUMEL ? (i ? 1 : value) : value;
    struct subject s = {.rank = kind == AST_TERM_NUMEL && !d->rank ? 1 : d->rank, .shape = kind == AST_TERM_NUMEL && !d->rank ? &value : shape};
    for (size_t i = 0; i < d->count; i++) {
        const struct guard *g = guard_of(d->p, d->tests[i]);
        if (is_about(g, kind, index, d->rank) && guard_test(g, &s) != (enum truth)d->p->truths[d->tests[i]])
            return false;
    }
    return true;
}

static void add_candidate(struct dimensions *d, int dim, int64_t value)
{
    for (size_t i = 0; i < d->candidate_count[dim]; i++)
        if (d->candidates[dim][i] == value)
            return;
    if (d->candidate_count[dim] < CANDIDATES_MAX)
        d->candidates[dim][d->candidate_count[dim]++] = value;
}

/* The least common multiple of the moduli in all guards; beyond COMMON_MAX: false. */
static bool find_period(const struct dimensions *d, int64_t *period)
{
    *period = 1;
    for (size_t i = 0; i < d->count; i++) {
        const struct guard *g = guard_of(d->p, d->tests[i]);
        int64_t moduli[] = {g->left.modulus, g->kind == GUARD_COMPARE ? g->right.modulus : 0};
        for (int k = 0; k < 2; k++) {
            int64_t m = moduli[k] < 0 ? -moduli[k] : moduli[k], base = *period;
            while (m && *period % m && *period <= COMMON_MAX)
                *period += base;
            if (m > COMMON_MAX || *period > COMMON_MAX)
                return false;
        }
    }
    return true;
}

/* Tries the first period of values from each constant of any guard on; that is all there is to try. False: none suits. A guard's
 * truth over one number changes at its constants and repeats with the period, so that every combination of truths occurs within
 * one period behind some constant. */
static bool find_values(struct dimensions *d, enum ast_term_kind kind, int dim, int64_t period)
{
    bool found = false;
    for (size_t i = 0; i <= d->count; i++) {
        const struct guard *g = i ? guard_of(d->p, d->tests[i - 1]) : NULL;
        int64_t bounds[] = {0, 0, 0, 0};
        if (g && g->kind == GUARD_RANGE) {
            bounds[0] = g->low;
            bounds[1] = g->high;
        }
        if (g && g->kind == GUARD_COMPARE) {
            bounds[2] = g->left.kind == AST_TERM_INTEGER ? g->left.integer : 0;
            bounds[3] = g->right.kind == AST_TERM_INTEGER ? g->right.integer : 0;
        }
        for (int b = 0; b < 4; b++)
            for (int64_t v = 0, value; v <= period; v++)
                if (!__builtin_add_overflow(bounds[b], v, &value) && value >= 0 && value_suits(d, kind, dim, value)) {
                    found = true;
                    add_candidate(d, kind == AST_TERM_NUMEL ? 0 : dim, value);
                }
    }
    return found;
}

/* ---- shapes ---- */

static bool shape_suits(const struct dimensions *d)
{
    struct subject s = {.rank = d->rank, .shape = d->shape};
    for (size_t i = 0; i < d->count; i++)
        if (guard_test(guard_of(d->p, d->tests[i]), &s) != (enum truth)d->p->truths[d->tests[i]])
            return false;
    return true;
}

/* Every choice of candidates, the first dimension fastest, until one suits.
 * An odometer over the candidates. */
static bool try_shapes(struct dimensions *d)
{
    size_t at[RANK_LIMIT] = {0};
    for (int trial = 0; trial < TRIALS_MAX; trial++) {
        int i = 0;
        for (int k = 0; k < d->rank; k++)
            d->shape[k] = d->candidates[k][at[k]];
        if (shape_suits(d))
            return true;
        while (i < d->rank && ++at[i] == d->candidate_count[i])
            at[i++] = 0;
        if (i >= d->rank)
            return false;
    }
    return false;
}

/* A known shape has no number of elements where it passes 63 bits: left open. */
static bool wants_unknown_numel(const struct dimensions *d)
{
    bool found = false;
    for (size_t i = 0; i < d->count; i++)
        found |= mentions(guard_of(d->p, d->tests[i]), AST_TERM_NUMEL) && d->p->truths[d->tests[i]] == TRUTH_UNKNOWN;
    return found;
}

/* NO is certain where every guard is about one dimension; numel and guards between dimensions leave it open. */
static enum proof solve_rank(struct dimensions *d, int rank, bool tied)
{
    static const int64_t plain[] = {4096, 1, 128, 64, 3};
    int64_t period;
    d->rank = rank;
    if (!find_period(d, &period))
        return PROOF_OPEN;
    memset(d->candidate_count, 0, sizeof d->candidate_count);
    for (int dim = 0; dim < rank; dim++) {
        size_t kept = 0;
        for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
            add_candidate(d, dim, plain[tied && i < 2 ? 1 - i : i]);
        if (!dim && tied && !find_values(d, AST_TERM_NUMEL, 0, period) && !wants_unknown_numel(d))
            return PROOF_NO;
        for (size_t i = 0; i < d->candidate_count[dim]; i++)
            if (value_suits(d, AST_TERM_SHAPE, dim, d->candidates[dim][i]))
                d->candidates[dim][kept++] = d->candidates[dim][i];
        d->candidate_count[dim] = kept;
        if (!find_values(d, AST_TERM_SHAPE, dim, period) && !kept)
            return PROOF_NO;
    }
    return try_shapes(d) ? PROOF_YES : tied && rank > 0 ? PROOF_OPEN : PROOF_NO;
}

/* What `ndim % n` of two guards repeats together; INT32_MAX: more than that. */
static int64_t common_period(int64_t a, int64_t b)
{
    int64_t x = a, y = b;
    while (y) {
        int64_t rest = x % y;
        x = y;
        y = rest;
    }
    return a < INT32_MAX && a / x < INT32_MAX / b ? a / x * b : INT32_MAX;
}

/* Beyond the dimensions and constants that guards name truth repeats with the moduli's period: ranks so far tell all. */
static int largest_rank(const struct dimensions *d)
{
    int64_t rank = 0, period = 1;
    for (size_t i = 0; i < d->count; i++) {
        const struct guard *g = guard_of(d->p, d->tests[i]);
        const struct guard_term *terms[] = {&g->left, &g->right};
        bool ndim = mentions(g, AST_TERM_NDIM);
        for (int k = 0; k < (g->kind == GUARD_COMPARE ? 2 : 1); k++) {
            int64_t n = terms[k]->integer < 0 ? -(terms[k]->integer + 1) : terms[k]->integer;
            int64_t least = terms[k]->kind == AST_TERM_SHAPE || (ndim && terms[k]->kind == AST_TERM_INTEGER) ? n : 0;
            rank = least > rank && least < INT32_MAX ? least : rank;
            int64_t modulus = terms[k]->modulus, size = modulus < 0 ? -(modulus + 1) : modulus;
            if (ndim && modulus)
                period = size < INT32_MAX ? common_period(period, size + (modulus < 0)) : INT32_MAX;
        }
        if (ndim && g->kind == GUARD_RANGE && g->high < INT32_MAX)
            rank = g->high > rank ? g->high : rank;
    }
    return rank + 1 + period < INT32_MAX ? (int)(rank + 1 + period) : INT32_MAX;
}

/* Ranks in the order in which they look plain; -1: the shape is unknown. A guard between a dimension and the layer number is
 * left open. */
static enum proof solve_shape(struct dimensions *d, struct subject *subject)
{
    static const int order[] = {2, 1, 3, 4, 0, -1, 5, 6, 7, 8, 9, 10, 11, RANK_LIMIT};
    int largest = largest_rank(d);
    bool tied = false, open = largest > RANK_LIMIT, layered = false;
    for (size_t i = 0; i < d->count; i++) {
        const struct guard *g = guard_of(d->p, d->tests[i]);
        layered |= mentions(g, AST_TERM_LAYER);
        tied |= mentions(g, AST_TERM_NUMEL) || (g->kind == GUARD_COMPARE && g->left.kind != AST_TERM_INTEGER && g->right.kind != AST_TERM_INTEGER);
    }
    for (size_t i = 0; d->count && !layered && i < sizeof order / sizeof *order; i++) {
        enum proof found = order[i] <= largest ? solve_rank(d, order[i], tied) : PROOF_NO;
        open |= found == PROOF_OPEN;
        if (found != PROOF_YES)
            continue;
        int64_t *shape = ARENA_ARRAY(d->p->arena, RANK_LIMIT, int64_t);
        memcpy(shape, d->shape, sizeof d->shape);
        subject->rank = d->rank;
        subject->shape = shape;
        return PROOF_YES;
    }
    return !d->count ? PROOF_YES : open || layered ? PROOF_OPEN : PROOF_NO;
}

enum proof numbers_solve(struct prover *p, const uint32_t *tests, size_t count, struct subject *subject)
{
    struct dimensions d = {.p = p};
    uint32_t *shaped = ARENA_ARRAY(p->arena, count + 1, uint32_t);
    for (size_t i = 0; i < count; i++)
        if (guard_of(p, tests[i]) && guard_of(p, tests[i])->kind != GUARD_DTYPE)
            shaped[d.count++] = tests[i];
    d.tests = shaped;
    subject->dtype = subject->rank = -1;
    if (!solve_dtype(p, tests, count, subject))
        return PROOF_NO;
    return solve_shape(&d, subject);
}
