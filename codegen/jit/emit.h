/* The only place that builds LLVM IR: helpers of a few lines over the C API. Lowering code is written with these and
 * reads like the code it makes; loops open and close, so that no phi is seen outside. Names go on to LLVM's values. */
#ifndef QUERN_JIT_EMIT_H
#define QUERN_JIT_EMIT_H

#include <stdbool.h>
#include <stdint.h>
#include "codegen/jit/llvm_version.h"

typedef LLVMValueRef emit_value; /* an LLVM value; borrowed from the module */

struct emit {
    LLVMContextRef context; /* borrowed */
    LLVMModuleRef module;   /* borrowed */
    LLVMBuilderRef builder; /* owned; at the end of the open block */
    LLVMBuilderRef entry;   /* owned; in the entry block, for allocas */
    LLVMValueRef function;
    LLVMTypeRef i1, i8, i16, i32, i64, f16, f32, f64, pointer;
};

enum { EMIT_CARRIED = 160 };
/* A loop `for (index = from; index < to; index += step)` with values carried from turn to turn. */
struct emit_loop {
    LLVMBasicBlockRef head, exit;
    LLVMValueRef index, step;
    LLVMValueRef phi[EMIT_CARRIED];
    unsigned carried;
};
struct emit_branch {
    LLVMBasicBlockRef otherwise, end;
    bool has_else;
};

/* ---- modules ---- */
/* An empty module; its builders are closed by emit_close_module, the module is the caller's. */
static inline void emit_open_module(struct emit *e, LLVMContextRef c, const char *name)
{
    *e = (struct emit){.context = c, .module = LLVMModuleCreateWithNameInContext(name, c)};
    e->builder = LLVMCreateBuilderInContext(c);
    e->entry = LLVMCreateBuilderInContext(c);
    e->i1 = LLVMInt1TypeInContext(c);
    e->i8 = LLVMInt8TypeInContext(c);
    e->i16 = LLVMInt16TypeInContext(c);
    e->i32 = LLVMInt32TypeInContext(c);
    e->i64 = LLVMInt64TypeInContext(c);
    e->f16 = LLVMHalfTypeInContext(c);
    e->f32 = LLVMFloatTypeInContext(c);
    e->f64 = LLVMDoubleTypeInContext(c);
    e->pointer = LLVMPointerTypeInContext(c, 0);
}
static inline void emit_close_module(struct emit *e)
{
    LLVMDisposeBuilder(e->entry);
    LLVMDisposeBuilder(e->builder);
}

/* ---- types and constants ---- */
static inline LLVMTypeRef emit_vector(LLVMTypeRef element, unsigned lanes)
{
    return lanes == 1 ? element : LLVMVectorType(element, lanes);
}
static inline unsigned emit_lanes(emit_value v)
{
    LLVMTypeRef type = LLVMTypeOf(v);
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetVectorSize(type) : 1;
}
static inline LLVMTypeRef emit_with_lanes(emit_value v, LLVMTypeRef element)
{
    return emit_vector(element, emit_lanes(v));
}
static inline emit_value emit_i64(struct emit *e, int64_t value)
{
    return LLVMConstInt(e->i64, (uint64_t)value, true);
}
static inline emit_value emit_i32(struct emit *e, int64_t value)
{
    return LLVMConstInt(e->i32, (uint64_t)value, true);
}
static inline emit_value emit_null(LLVMTypeRef type)
{
    return LLVMConstNull(type);
}
/* The constant `value` in every lane. */
static inline emit_value emit_fill(LLVMValueRef value, unsigned lanes)
{
    LLVMValueRef all[64];
    for (unsigned i = 0; i < lanes; i++)
        all[i] = value;
    return lanes == 1 ? value : LLVMConstVector(all, lanes);
}
static inline emit_value emit_constant_bits(struct emit *e, LLVMTypeRef element, uint64_t bits, unsigned lanes)
{
    LLVMValueRef value = LLVMConstInt(LLVMGetTypeKind(element) == LLVMIntegerTypeKind ? element : e->i32, bits, false);
    if (LLVMGetTypeKind(element) == LLVMFloatTypeKind)
        value = LLVMConstBitCast(value, element);
    return emit_fill(value, lanes);
}
static inline emit_value emit_iota(struct emit *e, unsigned lanes)
{
    LLVMValueRef all[64];
    for (unsigned i = 0; i < lanes; i++)
        all[i] = emit_i32(e, i);
    return lanes == 1 ? all[0] : LLVMConstVector(all, lanes);
}

/* ---- operations: one LLVM instruction each ---- */
static inline emit_value emit_binary(struct emit *e, LLVMOpcode op, emit_value a, emit_value b, const char *name)
{
    return LLVMBuildBinOp(e->builder, op, a, b, name);
}
static inline emit_value emit_add(struct emit *e, emit_value a, emit_value b)
{
    return LLVMBuildAdd(e->builder, a, b, "");
}
static inline emit_value emit_sub(struct emit *e, emit_value a, emit_value b)
{
    return LLVMBuildSub(e->builder, a, b, "");
}
static inline emit_value emit_mul(struct emit *e, emit_value a, emit_value b)
{
    return LLVMBuildMul(e->builder, a, b, "");
}
static inline emit_value emit_and(struct emit *e, emit_value a, emit_value b)
{
    return LLVMBuildAnd(e->builder, a, b, "");
}
static inline emit_value emit_or(struct emit *e, emit_value a, emit_value b)
{
    return LLVMBuildOr(e->builder, a, b, "");
}
static inline emit_value emit_shift_left(struct emit *e, emit_value a, emit_value by)
{
    return LLVMBuildShl(e->builder, a, by, "");
}
static inline emit_value emit_shift_right(struct emit *e, emit_value a, emit_value by)
{
    return LLVMBuildLShr(e->builder, a, by, "");
}
/* Division and remainder are unsigned: no index or extent is negative. */
static inline emit_value emit_divide(struct emit *e, emit_value a, emit_value b)
{
    return LLVMBuildUDiv(e->builder, a, b, "");
}
static inline emit_value emit_rest(struct emit *e, emit_value a, emit_value b)
{
    return LLVMBuildURem(e->builder, a, b, "");
}
static inline emit_value emit_neg_float(struct emit *e, emit_value a, const char *name)
{
    return LLVMBuildFNeg(e->builder, a, name);
}
static inline emit_value emit_compare(struct emit *e, LLVMIntPredicate p, emit_value a, emit_value b, const char *name)
{
    return LLVMBuildICmp(e->builder, p, a, b, name);
}
static inline emit_value emit_compare_float(struct emit *e, LLVMRealPredicate p, emit_value a, emit_value b, const char *name)
{
    return LLVMBuildFCmp(e->builder, p, a, b, name);
}
static inline emit_value emit_select(struct emit *e, emit_value c, emit_value a, emit_value b, const char *name)
{
    return LLVMBuildSelect(e->builder, c, a, b, name);
}
/* Signed. */
static inline emit_value emit_least(struct emit *e, emit_value a, emit_value b)
{
    return emit_select(e, emit_compare(e, LLVMIntSLT, a, b, ""), a, b, "");
}
static inline emit_value emit_cast(struct emit *e, LLVMOpcode op, emit_value a, LLVMTypeRef element)
{
    return LLVMBuildCast(e->builder, op, a, emit_with_lanes(a, element), "");
}
static inline emit_value emit_bitcast(struct emit *e, emit_value a, LLVMTypeRef type)
{
    return LLVMBuildBitCast(e->builder, a, type, "");
}
/* The low bits of each lane, or the lanes widened with zeros. */
static inline emit_value emit_resize(struct emit *e, emit_value a, LLVMTypeRef element)
{
    unsigned from = LLVMGetIntTypeWidth(LLVMGetTypeKind(LLVMTypeOf(a)) == LLVMVectorTypeKind ? LLVMGetElementType(LLVMTypeOf(a))
                                                                                               : LLVMTypeOf(a));
    unsigned to = LLVMGetIntTypeWidth(element);
    return from == to ? a : emit_cast(e, from > to ? LLVMTrunc : LLVMZExt, a, element);
}

/* ---- lanes ---- */
/* Lane i of the result is lane mask[i] of a followed by b. */
static inline emit_value emit_shuffle(struct emit *e, emit_value a, emit_value b, const int *mask, unsigned lanes)
{
    LLVMValueRef all[128];
    for (unsigned i = 0; i < lanes; i++)
        all[i] = mask[i] < 0 ? LLVMGetPoison(e->i32) : LLVMConstInt(e->i32, (unsigned)mask[i], false);
    return LLVMBuildShuffleVector(e->builder, a, b, LLVMConstVector(all, lanes), "");
}
/* A vector of one lane is a scalar here. */
static inline emit_value emit_lane(struct emit *e, emit_value v, unsigned i)
{
    return emit_lanes(v) == 1 ? v : LLVMBuildExtractElement(e->builder, v, LLVMConstInt(e->i32, i, false), "");
}
/* The scalar in every lane; as it is when there is one. */
static inline emit_value emit_splat(struct emit *e, emit_value scalar, unsigned lanes, const char *name)
{
    if (lanes == 1)
        return scalar;
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), lanes);
    emit_value one = LLVMBuildInsertElement(e->builder, LLVMGetPoison(type), scalar, LLVMConstInt(e->i32, 0, false), "");
    LLVMValueRef all = LLVMConstNull(LLVMVectorType(e->i32, lanes));
    return LLVMBuildShuffleVector(e->builder, one, LLVMGetPoison(type), all, name);
}
static inline emit_value emit_insert(struct emit *e, emit_value v, emit_value scalar, unsigned i)
{
    return LLVMBuildInsertElement(e->builder, v, scalar, LLVMConstInt(e->i32, i, false), "");
}
/* a's lanes, then b's. */
static inline emit_value emit_concat(struct emit *e, emit_value a, emit_value b)
{
    int mask[128];
    unsigned lanes = 2 * emit_lanes(a);
    for (unsigned i = 0; i < lanes; i++)
        mask[i] = (int)i;
    return emit_shuffle(e, a, b, mask, lanes);
}
static inline emit_value emit_slice(struct emit *e, emit_value v, unsigned first, unsigned lanes)
{
    int mask[64];
    for (unsigned i = 0; i < lanes; i++)
        mask[i] = (int)(first + i);
    if (lanes == emit_lanes(v))
        return v;
    return lanes == 1 ? emit_lane(e, v, first) : emit_shuffle(e, v, LLVMGetPoison(LLVMTypeOf(v)), mask, lanes);
}

/* ---- intrinsics that every target has as instructions ---- */
static inline emit_value emit_intrinsic(struct emit *e, const char *intrinsic, emit_value *args, unsigned count, const char *name)
{
    LLVMTypeRef type = LLVMTypeOf(args[0]);
    unsigned id = LLVMLookupIntrinsicID(intrinsic, __builtin_strlen(intrinsic));
    LLVMValueRef f = LLVMGetIntrinsicDeclaration(e->module, id, &type, 1);
    return LLVMBuildCall2(e->builder, LLVMIntrinsicGetType(e->context, id, &type, 1), f, args, count, name);
}
static inline emit_value emit_fma(struct emit *e, emit_value a, emit_value b, emit_value c, const char *name)
{
    LLVMValueRef args[] = {a, b, c};
    return emit_intrinsic(e, "llvm.fma", args, 3, name);
}
static inline emit_value emit_abs_float(struct emit *e, emit_value a, const char *name)
{
    return emit_intrinsic(e, "llvm.fabs", &a, 1, name);
}
/* Lanes that are true, as an i64. */
static inline emit_value emit_count(struct emit *e, emit_value bools)
{
    unsigned lanes = emit_lanes(bools);
    emit_value bits = lanes == 1 ? bools : emit_bitcast(e, bools, LLVMIntTypeInContext(e->context, lanes));
    emit_value wide = LLVMBuildZExt(e->builder, bits, e->i64, "");
    return lanes == 1 ? wide : emit_intrinsic(e, "llvm.ctpop", &wide, 1, "");
}

/* ---- memory ---- */
/* In the entry block, so once a call whatever loop asks; aligned for every vector. */
static inline emit_value emit_alloca(struct emit *e, LLVMTypeRef element, unsigned count, const char *name)
{
    emit_value slot = LLVMBuildAlloca(e->entry, LLVMArrayType(element, count), name);
    LLVMSetAlignment(slot, 64);
    return slot;
}
static inline emit_value emit_offset(struct emit *e, emit_value pointer, emit_value bytes)
{
    return LLVMBuildGEP2(e->builder, e->i8, pointer, &bytes, 1, "");
}
static inline emit_value emit_element(struct emit *e, LLVMTypeRef type, emit_value pointer, emit_value index)
{
    return LLVMBuildGEP2(e->builder, type, pointer, &index, 1, "");
}
/* align: bytes the address is known to be a multiple of. */
static inline emit_value emit_load(struct emit *e, LLVMTypeRef type, emit_value pointer, unsigned align, const char *name)
{
    emit_value v = LLVMBuildLoad2(e->builder, type, pointer, name);
    LLVMSetAlignment(v, align);
    return v;
}
static inline void emit_store(struct emit *e, emit_value v, emit_value pointer, unsigned align)
{
    LLVMSetAlignment(LLVMBuildStore(e->builder, v, pointer), align);
}

/* ---- control flow ---- */
static inline LLVMBasicBlockRef emit_block(struct emit *e, const char *name)
{
    return LLVMAppendBasicBlockInContext(e->context, e->function, name);
}
static inline LLVMBasicBlockRef emit_here(struct emit *e)
{
    return LLVMGetInsertBlock(e->builder);
}
static inline void emit_at(struct emit *e, LLVMBasicBlockRef block)
{
    LLVMPositionBuilderAtEnd(e->builder, block);
}
/* Allocas go before the entry block's jump, all else into the body. */
static inline void emit_open_body(struct emit *e)
{
    LLVMBasicBlockRef entry = emit_block(e, "entry"), body = emit_block(e, "body");
    emit_at(e, entry);
    LLVMPositionBuilderBefore(e->entry, LLVMBuildBr(e->builder, body));
    emit_at(e, body);
}
/* carried[] are the values of the first turn; inside the loop they are this turn's. */
static inline void emit_loop_open(struct emit *e, struct emit_loop *l, emit_value from, emit_value to, emit_value step,
                                  emit_value *carried, unsigned count, const char *name)
{
    LLVMBasicBlockRef before = emit_here(e), body = emit_block(e, name);
    l->head = emit_block(e, name);
    l->exit = emit_block(e, name);
    LLVMMoveBasicBlockBefore(l->head, body);
    LLVMBuildBr(e->builder, l->head);
    emit_at(e, l->head);
    l->step = step;
    l->carried = count;
    l->index = LLVMBuildPhi(e->builder, LLVMTypeOf(from), "i");
    LLVMAddIncoming(l->index, &from, &before, 1);
    for (unsigned i = 0; i < count; i++) {
        l->phi[i] = LLVMBuildPhi(e->builder, LLVMTypeOf(carried[i]), "carried");
        LLVMAddIncoming(l->phi[i], &carried[i], &before, 1);
        carried[i] = l->phi[i];
    }
    LLVMBuildCondBr(e->builder, LLVMBuildICmp(e->builder, LLVMIntSLT, l->index, to, ""), body, l->exit);
    emit_at(e, body);
}
/* carried[] are the values for the next turn; after the loop they are the last turn's. */
static inline void emit_loop_close(struct emit *e, struct emit_loop *l, emit_value *carried)
{
    LLVMBasicBlockRef last = emit_here(e);
    emit_value next = LLVMBuildAdd(e->builder, l->index, l->step, "next");
    LLVMAddIncoming(l->index, &next, &last, 1);
    for (unsigned i = 0; i < l->carried; i++) {
        LLVMAddIncoming(l->phi[i], &carried[i], &last, 1);
        carried[i] = l->phi[i];
    }
    LLVMBuildBr(e->builder, l->head);
    LLVMMoveBasicBlockAfter(l->exit, last);
    emit_at(e, l->exit);
}
/* if (condition) … [else …]; whatever is defined in a branch is not used behind it. */
static inline void emit_when_open(struct emit *e, struct emit_branch *b, emit_value condition, const char *name)
{
    LLVMBasicBlockRef then = emit_block(e, name);
    *b = (struct emit_branch){emit_block(e, "else"), emit_block(e, "end"), false};
    LLVMBuildCondBr(e->builder, condition, then, b->otherwise);
    emit_at(e, then);
}
static inline void emit_when_else(struct emit *e, struct emit_branch *b)
{
    LLVMBuildBr(e->builder, b->end);
    LLVMMoveBasicBlockAfter(b->otherwise, emit_here(e));
    emit_at(e, b->otherwise);
    b->has_else = true;
}
static inline void emit_when_close(struct emit *e, struct emit_branch *b)
{
    if (!b->has_else)
        emit_when_else(e, b);
    LLVMBuildBr(e->builder, b->end);
    LLVMMoveBasicBlockAfter(b->end, emit_here(e));
    emit_at(e, b->end);
}
static inline void emit_return(struct emit *e)
{
    LLVMBuildRetVoid(e->builder);
}
static inline void emit_give(struct emit *e, emit_value v)
{
    LLVMBuildRet(e->builder, v);
}
static inline void emit_jump(struct emit *e, LLVMBasicBlockRef to)
{
    LLVMBuildBr(e->builder, to);
}
/* Goes on in `then` when the condition holds, else in `otherwise`. */
static inline void emit_jump_if(struct emit *e, emit_value condition, LLVMBasicBlockRef then, LLVMBasicBlockRef otherwise)
{
    LLVMBuildCondBr(e->builder, condition, then, otherwise);
}
static inline emit_value emit_switch(struct emit *e, emit_value v, LLVMBasicBlockRef otherwise, unsigned cases)
{
    return LLVMBuildSwitch(e->builder, v, otherwise, cases);
}
static inline void emit_case(emit_value of, LLVMTypeRef type, uint64_t value, LLVMBasicBlockRef to)
{
    LLVMAddCase(of, LLVMConstInt(type, value, false), to);
}

/* ---- functions, variables, constant data ---- */
/* Opens a function's body; the parameters are emit_parameter's. */
static inline emit_value emit_function_open(struct emit *e, const char *name, LLVMTypeRef result, LLVMTypeRef *parameters, unsigned count,
                                            bool internal)
{
    unsigned nounwind = LLVMGetEnumAttributeKindForName("nounwind", 8);
    e->function = LLVMAddFunction(e->module, name, LLVMFunctionType(result, parameters, count, false));
    LLVMAddAttributeAtIndex(e->function, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(e->context, nounwind, 0));
    LLVMSetLinkage(e->function, internal ? LLVMInternalLinkage : LLVMExternalLinkage);
    emit_open_body(e);
    return e->function;
}
static inline emit_value emit_parameter(struct emit *e, unsigned i, const char *name)
{
    emit_value v = LLVMGetParam(e->function, i);
    LLVMSetValueName2(v, name, __builtin_strlen(name));
    return v;
}
static inline emit_value emit_call(struct emit *e, emit_value function, emit_value *args, unsigned count, const char *name)
{
    return LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(function), function, args, count, name);
}
/* A local variable, read and written with emit_get and emit_set; the pipeline of matchers makes registers of them. */
static inline emit_value emit_variable(struct emit *e, LLVMTypeRef type, emit_value first, const char *name)
{
    emit_value slot = LLVMBuildAlloca(e->entry, type, name);
    LLVMBuildStore(e->builder, first, slot);
    return slot;
}
static inline emit_value emit_get(struct emit *e, emit_value variable)
{
    return LLVMBuildLoad2(e->builder, LLVMGetAllocatedType(variable), variable, "");
}
static inline void emit_set(struct emit *e, emit_value variable, emit_value v)
{
    LLVMBuildStore(e->builder, v, variable);
}
/* Bytes of the object, which nothing writes. */
static inline emit_value emit_data(struct emit *e, const void *bytes, size_t size, unsigned align, const char *name)
{
    LLVMValueRef value = LLVMConstStringInContext(e->context, bytes, (unsigned)size, true);
    emit_value data = LLVMAddGlobal(e->module, LLVMTypeOf(value), name);
    LLVMSetInitializer(data, value);
    LLVMSetGlobalConstant(data, true);
    LLVMSetLinkage(data, LLVMPrivateLinkage);
    LLVMSetUnnamedAddress(data, LLVMGlobalUnnamedAddr);
    LLVMSetAlignment(data, align);
    return data;
}

#endif
