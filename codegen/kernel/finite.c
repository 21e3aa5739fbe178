/* Pass `finite`: the largest |x| of a block is first taken over everything, as integers, where NaN and Inf show by
 * being the largest; only blocks in flight with one of them are gone over again with the test for every element.
 *
 *   each:             %a = bits of |x|,  %M = reduce_imax %a
 *   once:             %finite = iless %M, bits of inf
 *   each unless …:    the region as it was, giving %A
 *   once:             A = finite ? the float of M : %A
 *
 * The order of positive floats is that of their bits. The pass `fast` uses what %finite says of the elements. */
#include "codegen/kernel/pass.h"

static struct ir_region *insert_region(struct kernel_ir *ir, struct ir_region *before, enum ir_region_kind kind)
{
    struct ir_region *region = ARENA_NEW(ir->arena, struct ir_region), **at = &ir->first;
    region->kind = kind;
    while (*at && *at != before)
        at = &(*at)->next;
    region->next = *at;
    *at = region;
    return region;
}

/* A = reduce_max of select(finite x, abs x, 0) */
static struct ir_value *find_absmax(struct ir_region *region)
{
    IR_EACH_VALUE(region, v) {
        const struct ir_value *of = v->op == IR_reduce_max ? v->operand[0].value : NULL;
        if (of && of->op == IR_select && of->operand[1].value && of->operand[1].value->op == IR_abs)
            return v;
    }
    return NULL;
}

static struct ir_operand one(struct ir_builder *b, enum ir_op op, const char *name, struct ir_operand a, struct ir_operand c)
{
    return ir_of(ir_put(b, op, name, a, c, ir_none));
}

/* Loads of x as the region has them: the load, and for 16-bit x its decoding. */
static struct ir_operand copy_load(struct ir_builder *b, const struct ir_value *x)
{
    if (x->op == IR_load)
        return ir_of(ir_load(b, x->buffer, x->name));
    struct ir_operand bits = copy_load(b, x->operand[0].value);
    struct ir_value *value = ir_put(b, x->op, x->name, bits, ir_none, ir_none);
    value->format = x->format;
    return ir_of(value);
}

/* Regions that used A see the joined value; the old A stays the other arm of its select. */
static void split(struct kernel_ir *ir, struct ir_region *region, struct ir_value *A)
{
    struct ir_builder each = {.ir = ir, .region = insert_region(ir, region, IR_EACH)};
    struct ir_builder test = {.ir = ir, .region = insert_region(ir, region, IR_ONCE)};
    struct ir_builder join = {.ir = ir, .region = insert_region(ir, region->next, IR_ONCE)};
    const struct ir_value *abs = A->operand[0].value->operand[1].value;
    struct ir_operand x = copy_load(&each, abs->operand[0].value);
    struct ir_operand a = one(&each, IR_bits, "a", one(&each, IR_abs, "a", x, ir_none), ir_none);
    struct ir_operand M = one(&each, IR_reduce_imax, "M", a, ir_none);
    struct ir_operand finite = one(&test, IR_iless, "all_finite", M, ir_int(0x7f800000));
    region->guard = IR_UNLESS;
    region->condition = finite.value;
    struct ir_value *joined = ir_put(&join, IR_select, "A", finite, one(&join, IR_float, "M", M, ir_none), ir_none);
    ir_replace(ir, A, ir_of(joined));
    joined->operand[2] = ir_of(A);
    ir->finite = finite.value;
}

/* Asymmetric blocks have no such maximum and keep their test; so does W = 1, the reference. */
void pass_finite(struct kernel_ir *ir, const struct kernel_request *request)
{
    (void)request;
    struct ir_region *first = ir->first;
    while (first && first->kind != IR_EACH)
        first = first->next;
    struct ir_value *A = first && ir->schedule.lanes > 1 ? find_absmax(first) : NULL;
    if (A)
        split(ir, first, A);
}
