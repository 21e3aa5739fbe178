/* Pass `fold`: drops what nothing reads. Only the low code_bits of a stored code count, so an integer difference
 * that does not reach them goes away (the bias that `rne` takes off); then values without a use. In and out: machine ops;
 * the bytes a kernel writes are the same. */
#include "codegen/kernel/pass.h"

static unsigned count_uses(const struct kernel_ir *ir, const struct ir_value *value)
{
    unsigned uses = 0;
    IR_EACH_REGION(ir, r) {
        uses += r->condition == value;
        IR_EACH_VALUE(r, v)
            for (unsigned i = 0; i < ir_operand_count(v->op); i++)
                uses += v->operand[i].value == value;
    }
    return uses;
}

/* Bit i of the result depends on bits 0 to i of the operand alone. select's condition is no number. */
static bool passes_low_bits(enum ir_op op, unsigned operand)
{
    if (op == IR_select)
        return operand > 0;
    return op == IR_iadd || op == IR_isub || op == IR_iand || op == IR_ior;
}

/* (a & c) | (b & d) with c and d together all bits that are read: d may as well be what c leaves, which is one
 * operation where the target can choose bit by bit. */
static void fold_bit_choice(const struct kernel_ir *ir, struct ir_value *v, uint32_t mask)
{
    struct ir_value *a = v->operand[0].value, *b = v->operand[1].value;
    if (v->op != IR_ior || !a || !b || a->op != IR_iand || b->op != IR_iand || a->operand[1].value || b->operand[1].value)
        return;
    uint32_t c = a->operand[1].bits, d = b->operand[1].bits;
    if ((c & d) == 0 && ((c | d) & mask) == mask && count_uses(ir, b) == 1)
        b->operand[1].bits = ~c;
}

/* An operand of which only the bits of mask are read.
 * Only where this is the single use: another reader may want the high bits. A chain, so the recursion ends with it. */
static void fold_low_bits(const struct kernel_ir *ir, struct ir_operand *operand, uint32_t mask)
{
    struct ir_value *v = operand->value;
    while (v && v->op == IR_isub && !v->operand[1].value && !(v->operand[1].bits & mask)) {
        *operand = v->operand[0];
        v = operand->value;
    }
    if (!v || count_uses(ir, v) != 1)
        return;
    fold_bit_choice(ir, v, mask);
    for (unsigned i = 0; i < ir_operand_count(v->op); i++)
        if (passes_low_bits(v->op, i))
            fold_low_bits(ir, &v->operand[i], mask);
}

/* select(c, bits of t, 0) = bits of select(c, t, 0.0): a float operation takes the mask along. */
static void fold_selects(struct kernel_ir *ir)
{
    IR_EACH_REGION(ir, r)
        IR_EACH_VALUE(r, v) {
            const struct ir_value *bits = v->op == IR_select ? v->operand[1].value : NULL;
            if (!bits || bits->op != IR_bits || v->operand[2].value || v->operand[2].bits || v->operand[2].type != IR_I32)
                continue;
            struct ir_builder b = {.ir = ir, .region = r, .before = v};
            struct ir_operand t = ir_of(ir_put(&b, IR_select, "t", v->operand[0], bits->operand[0], ir_float(0)));
            v->op = IR_bits;
            v->operand[0] = t;
            v->operand[1] = v->operand[2] = ir_none;
        }
}

static void fold_stores(struct kernel_ir *ir)
{
    uint32_t mask = ((uint32_t)1 << ir->code_bits) - 1;
    IR_EACH_REGION(ir, r)
        IR_EACH_VALUE(r, v)
            if (v->op == IR_store && v->buffer == IR_BUFFER_codes)
                fold_low_bits(ir, &v->operand[0], mask);
}

/* A value read only by a removed one goes in the next turn. */
static bool remove_unused(struct kernel_ir *ir)
{
    bool removed = false;
    IR_EACH_REGION(ir, r)
        for (struct ir_value *v = r->first, *next; v; v = next) {
            next = v->next;
            if (v->type == IR_NONE || count_uses(ir, v))
                continue;
            ir_remove(r, v);
            removed = true;
        }
    return removed;
}

void pass_fold(struct kernel_ir *ir, const struct kernel_request *request)
{
    (void)request;
    fold_stores(ir);
    fold_selects(ir);
    while (remove_unused(ir))
        continue;
}
