/* A kernel's function: `void NAME(const struct kernel_args *args)`. In: checked IR (IR_CHECKED). Out: an LLVM module with this one
 * definition. Arguments are read once at its entry; those that a kernel does not use are dead loads that LLVM drops. */
#include "codegen/jit/lower.h"

#include <stddef.h>
#include <string.h>

static void add_attribute(struct emit *e, const char *key, const char *value)
{
    LLVMAttributeRef a = LLVMCreateStringAttribute(e->context, key, (unsigned)strlen(key), value, (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(e->function, LLVMAttributeFunctionIndex, a);
}

/* nounwind: no unwind tables. Vectors as wide as the registers are meant. */
static void open_function(struct lower *l)
{
    struct emit *e = &l->e;
    LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(e->context), &e->pointer, 1, false);
    e->function = LLVMAddFunction(e->module, l->ir->name, type);
    unsigned nounwind = LLVMGetEnumAttributeKindForName("nounwind", 8);
    LLVMAddAttributeAtIndex(e->function, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(e->context, nounwind, 0));
    add_attribute(e, "min-legal-vector-width", "512");
    add_attribute(e, "prefer-vector-width", "512");
    emit_open_body(e);
    l->args = LLVMGetParam(e->function, 0);
}

static emit_value load_argument(struct lower *l, LLVMTypeRef type, size_t offset, const char *name)
{
    return emit_load(&l->e, type, emit_offset(&l->e, l->args, emit_i64(&l->e, (int64_t)offset)), 8, name);
}

/* Buffers of the same names as in struct kernel_args. */
static const size_t buffer_offsets[IR_BUFFER_COUNT] = {
#define BUFFER(name, rank) offsetof(struct kernel_args, name),
#include "codegen/kernel/buffers.def"
#undef BUFFER
};

/* Extents are 8 bytes each; which of them mean something the schedule says (extents.def). */
static void load_arguments(struct lower *l)
{
    for (unsigned i = 0; i < IR_BUFFER_COUNT; i++)
        l->base[i] = load_argument(l, l->e.pointer, buffer_offsets[i], ir_buffer_rows[i].word);
    for (unsigned i = 0; i < KERNEL_EXTENTS; i++)
        l->extent[i] = load_argument(l, l->e.i64, offsetof(struct kernel_args, extent) + 8 * i, "extent");
    l->begin = load_argument(l, l->e.i64, offsetof(struct kernel_args, begin), "begin");
    l->end = load_argument(l, l->e.i64, offsetof(struct kernel_args, end), "end");
}

static void lower_schedule(struct lower *l)
{
    switch (l->ir->schedule.kind) {
    case IR_rows:
        lower_rows(l);
        break;
    case IR_blocks:
        lower_blocks(l);
        break;
    case IR_columns:
        lower_columns(l);
        break;
    case IR_stream:
    case IR_across:
        lower_stream(l);
        break;
    case IR_SCHEDULE_COUNT:
        break;
    }
}

LLVMModuleRef lower_kernel(const struct kernel_ir *ir, LLVMContextRef context, struct arena *arena)
{
    struct lower l = {.ir = ir};
    emit_open_module(&l.e, context, ir->name);
    l.values = ARENA_ARRAY(arena, ir->count + 1, struct lowered);
    l.views = ARENA_ARRAY(arena, ir->count + 1, struct lowered);
    l.block_slots = ARENA_ARRAY(arena, ir->count + 1, emit_value);
    open_function(&l);
    load_arguments(&l);
    lower_schedule(&l);
    emit_close_module(&l.e);
    return l.e.module;
}
