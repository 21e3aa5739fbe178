/* PLAIN operations: one part of each becomes a few instructions. In: operands as LLVM values of equal lanes. Out: one value of
 * the same lanes. Rule: the rows of ir_ops.def; IEEE f32 without fast-math flags, integers wrap. The C expression stands above
 * its IR where it is not plain from the op's name; operands a, b, c in order. */
#include "codegen/jit/lower.h"

typedef emit_value lower_function(struct lower *l, emit_value *o, const char *name);

#define BINARY(op, opcode)                                                            \
    static emit_value lower_##op(struct lower *l, emit_value *o, const char *name)    \
    {                                                                                 \
        return emit_binary(&l->e, opcode, o[0], o[1], name);                          \
    }
BINARY(add, LLVMFAdd)
BINARY(sub, LLVMFSub)
BINARY(mul, LLVMFMul)
BINARY(div, LLVMFDiv)
BINARY(iadd, LLVMAdd)
BINARY(isub, LLVMSub)
BINARY(iand, LLVMAnd)
BINARY(ior, LLVMOr)
BINARY(ishl, LLVMShl)
BINARY(ishr, LLVMLShr)
BINARY(isar, LLVMAShr)
BINARY(both, LLVMAnd)
BINARY(either, LLVMOr)
#undef BINARY

static emit_value lower_abs(struct lower *l, emit_value *o, const char *name)
{
    return emit_abs_float(&l->e, o[0], name);
}

static emit_value lower_neg(struct lower *l, emit_value *o, const char *name)
{
    return emit_neg_float(&l->e, o[0], name);
}

static emit_value lower_fma(struct lower *l, emit_value *o, const char *name)
{
    return emit_fma(&l->e, o[0], o[1], o[2], name);
}

/* b < a ? b : a, which is minps */
static emit_value lower_min(struct lower *l, emit_value *o, const char *name)
{
    return emit_select(&l->e, emit_compare_float(&l->e, LLVMRealOLT, o[1], o[0], ""), o[1], o[0], name);
}

/* b > a ? b : a */
static emit_value lower_max(struct lower *l, emit_value *o, const char *name)
{
    return emit_select(&l->e, emit_compare_float(&l->e, LLVMRealOGT, o[1], o[0], ""), o[1], o[0], name);
}

static emit_value lower_ordered(struct lower *l, emit_value *o, const char *name)
{
    return emit_compare_float(&l->e, LLVMRealORD, o[0], o[0], name);
}

static emit_value lower_equal(struct lower *l, emit_value *o, const char *name)
{
    return emit_compare_float(&l->e, LLVMRealOEQ, o[0], o[1], name);
}

static emit_value lower_less(struct lower *l, emit_value *o, const char *name)
{
    return emit_compare_float(&l->e, LLVMRealOLT, o[0], o[1], name);
}

static emit_value lower_iequal(struct lower *l, emit_value *o, const char *name)
{
    return emit_compare(&l->e, LLVMIntEQ, o[0], o[1], name);
}

static emit_value lower_iless(struct lower *l, emit_value *o, const char *name)
{
    return emit_compare(&l->e, LLVMIntSLT, o[0], o[1], name);
}

static emit_value lower_imin(struct lower *l, emit_value *o, const char *name)
{
    return emit_select(&l->e, emit_compare(&l->e, LLVMIntSLT, o[1], o[0], ""), o[1], o[0], name);
}

static emit_value lower_imax(struct lower *l, emit_value *o, const char *name)
{
    return emit_select(&l->e, emit_compare(&l->e, LLVMIntSGT, o[1], o[0], ""), o[1], o[0], name);
}

static emit_value lower_select(struct lower *l, emit_value *o, const char *name)
{
    return emit_select(&l->e, o[0], o[1], o[2], name);
}

/* Bit casts make no instruction and LLVM folds them: no name to give. */
static emit_value lower_float(struct lower *l, emit_value *o, const char *name)
{
    (void)name;
    return emit_cast(&l->e, LLVMBitCast, o[0], l->e.f32);
}

static emit_value lower_bits(struct lower *l, emit_value *o, const char *name)
{
    (void)name;
    return emit_cast(&l->e, LLVMBitCast, o[0], l->e.i32);
}

static emit_value lower_to_float(struct lower *l, emit_value *o, const char *name)
{
    (void)name;
    return emit_cast(&l->e, LLVMSIToFP, o[0], l->e.f32);
}

/* (uint16_t)(_Float16)a, by the target's conversion */
static emit_value lower_narrow_f16(struct lower *l, emit_value *o, const char *name)
{
    (void)name;
    emit_value half = emit_cast(&l->e, LLVMFPTrunc, o[0], l->e.f16);
    return emit_cast(&l->e, LLVMZExt, emit_cast(&l->e, LLVMBitCast, half, l->e.i16), l->e.i32);
}

static emit_value lower_widen_f16(struct lower *l, emit_value *o, const char *name)
{
    (void)name;
    emit_value half = emit_cast(&l->e, LLVMBitCast, emit_cast(&l->e, LLVMTrunc, o[0], l->e.i16), l->e.f16);
    return emit_cast(&l->e, LLVMFPExt, half, l->e.f32);
}

/* Every PLAIN machine op of ir_ops.def; other rows stay NULL. */
#define ROW_PLAIN_MACHINE(name) [IR_##name] = lower_##name,
#define ROW_PLAIN_FORMULA(name)
#define ROW_FORMAT_FORMULA(name)
#define ROW_LOAD_MACHINE(name)
#define ROW_STORE_MACHINE(name)
#define ROW_REDUCE_MACHINE(name)
#define ROW_SUMS_MACHINE(name)
static lower_function *const lower_functions[IR_OP_COUNT] = {
#define IR_OP(name, word, result, operands, shape, level) ROW_##shape##_##level(name)
#include "codegen/kernel/ir_ops.def"
#undef IR_OP
};

emit_value lower_plain(struct lower *l, const struct ir_value *v, emit_value *operands, unsigned lanes)
{
    (void)lanes;
    return lower_functions[v->op](l, operands, v->name ? v->name : "");
}
