/* Pass `fast`: the codes of ordinary blocks, without a division per element and without what only special values
 * need. Blocks in flight of which one is not ordinary take a copy of the region as it was.
 *
 * Division, where the target has fma:
 *   r = 1 / s,  X = clamp(x, lo·s, hi·s),  q0 = X·r,  q = fma(fma(-q0, s, X), r, q0)
 * q is the IEEE quotient X / s for 2^-100 < s < 2^100 (P. Markstein, IBM J. R&D 34(1), 1990: r is rounded correctly). Clamping x instead of q changes nothing
 * that the rounding to a code sees: the bounds are codes, and lo·s and hi·s are off by one unit in the last place
 * at most, so anything beyond them still rounds to the bound. It also turns ±Inf into a finite number; a NaN stays.
 *
 * Bounds, where A of the block gave the scale and all its elements are finite (pass `finite`): |x| / s exceeds
 * A / t only by the rounding of t to the scale's format, a factor of 1 + 2^-8 at most (s then is no subnormal and not
 * the largest value):
 *   int symmetric    |q| <= (qmax - qmin)/2 · (1 + 2^-8), which rounds to qmin or more: only hi is left
 *   int narrow       |q| <= qmax · (1 + 2^-8), which rounds to qmax: no bound
 *   floats           |q| <= fmax · (1 + 2^-8), which rounds to fmax: no bound; with `second` it stays
 *                    (a subnormal e4m3 scale is off by more)
 * and there is no NaN to be told apart. */
#include "codegen/kernel/formula.h"
#include "codegen/kernel/pass.h"

/* c = clamp(q, lo, hi) or min(q, hi), with q = x / s or x · p. */
struct pattern {
    struct ir_region *region, *once;
    struct ir_value *quotient, *bound;
    struct ir_operand lo, hi; /* lo without a type: none */
    bool dynamic;             /* the scale comes from the block, whose elements are finite */
};

/* x·p is the quotient of a power-of-two scale. */
static bool is_quotient(const struct ir_value *v)
{
    return v && (v->op == IR_div || v->op == IR_mul) && ir_operand_rank(v->operand[0]) == IR_RANK_E;
}

/* The last region of a kernel that stores codes. */
static bool find_pattern(struct kernel_ir *ir, struct pattern *p)
{
    IR_EACH_REGION(ir, r) {
        if (r->kind == IR_ONCE)
            p->once = r;
        p->region = r->kind == IR_EACH ? r : p->region;
    }
    if (!p->once || !p->region || p->region->guard != IR_ALWAYS)
        return false;
    IR_EACH_VALUE(p->region, v) {
        bool bounds = v->op == IR_clamp || v->op == IR_min;
        if (!bounds || !is_quotient(v->operand[0].value))
            continue;
        p->bound = v;
        p->quotient = v->operand[0].value;
        p->hi = v->op == IR_clamp ? v->operand[2] : v->operand[1];
        p->lo = v->op == IR_clamp ? v->operand[1] : ir_none;
        return true;
    }
    return false;
}

static struct ir_operand two(struct ir_builder *b, enum ir_op op, const char *name, struct ir_operand x, struct ir_operand y)
{
    return ir_of(ir_put(b, op, name, x, y, ir_none));
}

/* An operand without a value holds always. */
static struct ir_operand both(struct ir_builder *b, const char *name, struct ir_operand x, struct ir_operand y)
{
    return !x.value ? y : !y.value ? x : two(b, IR_both, name, x, y);
}

/* A copy of the region behind it, with its own names. */
static void copy_region(struct kernel_ir *ir, struct ir_region *from)
{
    struct ir_region *to = ARENA_NEW(ir->arena, struct ir_region);
    *to = (struct ir_region){.next = from->next, .kind = from->kind, .guard = IR_UNLESS, .condition = from->condition};
    from->next = to;
    IR_EACH_VALUE(from, v) {
        struct ir_value *copy = ARENA_NEW(ir->arena, struct ir_value);
        struct ir_builder b = {.ir = ir, .region = to};
        *copy = *v;
        if (v->name)
            copy->name = ir_unique(ir, v->name);
        ir_insert(&b, copy);
    }
    struct ir_value *old = from->first;
    for (struct ir_value *new = to->first; new; new = new->next, old = old->next)
        for (struct ir_value *user = new->next; user; user = user->next)
            for (unsigned i = 0; i < ir_operand_count(user->op); i++)
                if (user->operand[i].value == old)
                    user->operand[i].value = new;
}

/* Which s are ordinary. A scale just rounded to f16 that is normal and not the largest is within the division's range
 * as well; one that was given may be anything. */
static struct ir_operand scale_condition(struct ir_builder *once, const struct pattern *p, const struct spec *spec)
{
    struct ir_operand s = p->quotient->operand[1];
    bool is_f16 = p->dynamic && !spec->second && spec->scale->e == 5;
    if (p->quotient->op != IR_div)
        return ir_none;
    struct ir_operand above = two(once, IR_less, "above", ir_float(is_f16 ? 0x1p-14f : 0x1p-100f), s);
    struct ir_operand below = two(once, IR_less, "below", s, ir_float(is_f16 ? 65504.0f : 0x1p100f));
    return two(once, IR_both, "in_range", above, below);
}

/* lo·s, hi·s, or the bounds themselves. */
static struct ir_operand scaled(struct ir_builder *once, const struct pattern *p, const char *name, struct ir_operand bound, bool divides)
{
    return divides ? two(once, IR_mul, name, bound, p->quotient->operand[1]) : bound;
}

/* Drops the bounds that ordinary blocks do not reach. */
static void relax_bounds(struct pattern *p, const struct spec *spec)
{
    bool is_int = spec->format->kind == FORMAT_KIND_INT;
    if (!p->dynamic || spec_is_asymmetric(spec) || formula_is_mx(spec))
        return;
    p->lo = ir_none;
    if (is_int ? spec->scheme == SCHEME_narrow : !spec->second)
        p->hi = ir_none;
}

static struct ir_operand bounded(struct ir_builder *b, struct ir_operand x, struct ir_operand lo, struct ir_operand hi)
{
    if (hi.type == IR_NONE)
        return x;
    return lo.type == IR_NONE ? two(b, IR_min, "X", x, hi) : ir_of(ir_put(b, IR_clamp, "X", x, lo, hi));
}

/* r, x_lo and x_hi go into `once`: one division for a block. The clamp moves from q to X, so it goes from the region. */
static void replace_division(struct pattern *p, struct ir_builder *once)
{
    struct ir_builder b = {.ir = once->ir, .region = p->region, .before = p->quotient};
    struct ir_operand x = p->quotient->operand[0], s = p->quotient->operand[1], r = two(once, IR_div, "r", ir_float(1), s);
    struct ir_operand lo = p->lo.type == IR_NONE ? ir_none : scaled(once, p, "x_lo", p->lo, true);
    struct ir_operand hi = p->hi.type == IR_NONE ? ir_none : scaled(once, p, "x_hi", p->hi, true);
    struct ir_operand X = bounded(&b, x, lo, hi), q0 = two(&b, IR_mul, "q0", X, r);
    struct ir_operand minus = ir_of(ir_put(&b, IR_neg, "minus_q0", q0, ir_none, ir_none));
    struct ir_operand rest = ir_of(ir_put(&b, IR_fma, "rest", minus, s, X));
    ir_replace(b.ir, p->bound, ir_of(ir_put(&b, IR_fma, "q", rest, r, q0)));
    ir_remove(p->region, p->bound);
    ir_remove(p->region, p->quotient);
}

/* No element is NaN: what asks for it goes away. */
static void drop_specials(struct kernel_ir *ir, struct ir_region *region)
{
    for (struct ir_value *v = region->first, *next; v; v = next) {
        const struct ir_value *condition = v->op == IR_select ? v->operand[0].value : NULL;
        next = v->next;
        if (v->op == IR_encode)
            v->op = IR_encode_number;
        if (!condition || condition->op != IR_ordered)
            continue;
        ir_replace(ir, v, v->operand[1]);
        ir_remove(region, v);
    }
}

/* Without fma a static scale's division stays as it is; a dynamic one still loses its tests for NaN. W = 1 is the reference
 * that the fast form is compared with, so it is left alone. */
void pass_fast(struct kernel_ir *ir, const struct kernel_request *request)
{
    struct pattern p = {.dynamic = ir->finite != NULL};
    bool quantizes = ir->op == KERNEL_quantize || ir->op == KERNEL_quantize_dynamic;
    if (!quantizes || ir->schedule.lanes == 1 || !find_pattern(ir, &p))
        return;
    bool divides = p.quotient->op == IR_div && ir->target->fma;
    if (!divides && !p.dynamic)
        return;
    struct ir_builder once = {.ir = ir, .region = p.once};
    struct ir_operand finite = p.dynamic ? ir_of(ir->finite) : ir_none;
    p.region->condition = both(&once, "ordinary", finite, scale_condition(&once, &p, request->spec)).value;
    copy_region(ir, p.region);
    p.region->guard = IR_IF;
    if (divides)
        relax_bounds(&p, request->spec), replace_division(&p, &once);
    if (p.dynamic)
        drop_specials(ir, p.region);
}
