/* Pass `reciprocal`: x / s without a division per element, where the target has fma and s is in range.
 *
 *   r = 1 / s,  X = clamp(x, lo·s, hi·s),  q0 = X·r,  q = fma(fma(-q0, s, X), r, q0)
 *
 * q is the IEEE quotient X / s for 2^-100 < s < 2^100 (kernels.md §2). Clamping x instead of q changes nothing
 * that the rounding to a code sees: the bounds are codes, and lo·s and hi·s are off by one unit in the last place
 * at most, so anything beyond them still rounds to the bound. It also turns ±Inf into a finite number; a NaN stays.
 * Blocks whose scale is out of range take the same region with the division. */
#include "codegen/kernel/pass.h"

/* The pattern: c = clamp(x / s, lo, hi). */
struct division {
    struct ir_region *region, *once;
    struct ir_value *div, *clamp;
};

static bool is_block_value(struct ir_operand operand)
{
    return ir_operand_rank(operand) != IR_RANK_E;
}

static bool find_division(struct kernel_ir *ir, struct division *d)
{
    IR_EACH_REGION(ir, r) {
        if (r->kind == IR_ONCE)
            d->once = r;
        if (r->kind != IR_EACH || !d->once)
            continue;
        d->region = r;
        IR_EACH_VALUE(r, v) {
            const struct ir_value *of = v->op == IR_clamp ? v->operand[0].value : NULL;
            if (!of || of->op != IR_div || !is_block_value(of->operand[1]))
                continue;
            d->clamp = v;
            d->div = v->operand[0].value;
            return true;
        }
    }
    return false;
}

static struct ir_operand two(struct ir_builder *b, enum ir_op op, const char *name, struct ir_operand x, struct ir_operand y)
{
    return ir_of(ir_put(b, op, name, x, y, ir_none));
}

/* A copy of the region behind it, with its own names, for the blocks out of range. */
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

/* A scale that was just rounded to f16 lies in [2^-24, 65504]. */
static bool is_always_in_range(const struct kernel_request *request)
{
    const struct spec *spec = request->spec;
    return request->op == KERNEL_quantize_dynamic && !spec->second && spec->scale && spec->scale->e == 5 && spec->scale->m == 10;
}

static void guard_region(struct division *d, struct ir_builder *once, struct ir_operand s)
{
    struct ir_operand above = two(once, IR_less, "above", ir_float(0x1p-100f), s);
    struct ir_operand below = two(once, IR_less, "below", s, ir_float(0x1p100f));
    d->region->condition = two(once, IR_both, "in_range", above, below).value;
    copy_region(once->ir, d->region);
    d->region->guard = IR_IF;
}

static void replace_division(struct division *d, struct ir_builder *once)
{
    struct ir_builder b = {.ir = once->ir, .region = d->region, .before = d->div};
    struct ir_operand x = d->div->operand[0], s = d->div->operand[1];
    struct ir_operand r = two(once, IR_div, "r", ir_float(1), s);
    struct ir_operand lo = two(once, IR_mul, "x_lo", d->clamp->operand[1], s);
    struct ir_operand hi = two(once, IR_mul, "x_hi", d->clamp->operand[2], s);
    struct ir_operand X = ir_of(ir_put(&b, IR_clamp, "X", x, lo, hi)), q0 = two(&b, IR_mul, "q0", X, r);
    struct ir_operand minus = ir_of(ir_put(&b, IR_neg, "minus_q0", q0, ir_none, ir_none));
    struct ir_operand rest = ir_of(ir_put(&b, IR_fma, "rest", minus, s, X));
    ir_replace(b.ir, d->clamp, ir_of(ir_put(&b, IR_fma, "q", rest, r, q0)));
    ir_remove(d->region, d->clamp);
    ir_remove(d->region, d->div);
}

void pass_reciprocal(struct kernel_ir *ir, const struct kernel_request *request)
{
    struct division d = {0};
    bool quantizes = ir->op == KERNEL_quantize || ir->op == KERNEL_quantize_dynamic;
    if (!quantizes || !ir->target->fma || ir->schedule.lanes == 1 || !find_division(ir, &d))
        return;
    struct ir_builder once = {.ir = ir, .region = d.once};
    if (!is_always_in_range(request))
        guard_region(&d, &once, d.div->operand[1]);
    replace_division(&d, &once);
}
