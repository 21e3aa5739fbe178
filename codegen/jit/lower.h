/* Lowering of kernel IR to explicit vectors. An IR value becomes an array of parts, each a vector of a few lanes:
 *   E  chunk / lanes parts of `lanes`;  T  one scalar
 *   B  rows, stream: one scalar;  blocks: in_flight / lanes parts;  columns, across: as E
 * A schedule opens tiles: it says where each buffer's items of the tile lie, and lowers the regions over them. */
#ifndef QUERN_JIT_LOWER_H
#define QUERN_JIT_LOWER_H

#include "codegen/jit/emit.h"
#include "codegen/kernel/geometry.h"
#include "codegen/kernel/ir.h"

/* Parts of a value at most; ir_verify.c holds schedules to it. */
enum { LOWER_PARTS = 32 };

struct lowered {
    emit_value part[LOWER_PARTS];
    unsigned count; /* a lower rank seen from a higher one may have a single part for all */
};

struct lower {
    struct emit e;
    const struct kernel_ir *ir;
    struct lowered *values; /* by index of the IR value; arena */
    struct lowered *views;  /* values of lower rank as the open region sees them */
    emit_value *block_slots; /* blocks: stack arrays of the block values that elements use; by index; arena */
    emit_value args, begin, end;
    emit_value base[IR_BUFFER_COUNT]; /* the arguments' pointers */
    emit_value at[IR_BUFFER_COUNT];   /* where the open tile's items begin */
    emit_value slot[IR_BUFFER_COUNT]; /* stack memory for tiles that end early */
    emit_value extent[KERNEL_EXTENTS];
    emit_value guard;       /* i1: which of two twin regions runs, see lower_each */
    emit_value valid;       /* i64: items of the open tile that exist; NULL: not known to matter */
    emit_value sums;        /* stream: the state of `error`, see lower_sums.c */
};

struct lower_shape {
    unsigned parts, lanes;
};
struct lower_shape lower_shape_of(const struct lower *l, enum ir_rank rank);
static inline enum ir_rank lower_rank_in(const struct ir_region *r)
{
    return r->kind == IR_EACH ? IR_RANK_E : r->kind == IR_ONCE ? IR_RANK_B : IR_RANK_T;
}

/* ---- lower.c ---- */
/* Spreads the values of lower rank that region uses; before its loop. Values of blocks come later, tile by tile. */
void lower_views(struct lower *l, const struct ir_region *region);
/* The operations of region over the open tile. Reductions go into values[] of the reducing op, part by part. */
void lower_region(struct lower *l, const struct ir_region *region);
/* The running results of region's reductions as one list, for a loop to carry. */
unsigned lower_carry(struct lower *l, const struct ir_region *region, emit_value *carried);
void lower_uncarry(struct lower *l, const struct ir_region *region, emit_value *const carried);
void lower_start_reductions(struct lower *l, const struct ir_region *region);
bool lower_has_reductions(const struct ir_region *region);
emit_value lower_reduce(struct lower *l, enum ir_op op, emit_value a, emit_value b); /* a NULL: b */
/* All parts and lanes of a reduction to one scalar. */
emit_value lower_reduce_all(struct lower *l, const struct ir_value *v);
/* One `each` region by the schedule's function. A guarded one runs when its condition holds for every lane, and its
 * reductions are 0 otherwise. Twins, `each if` and behind it `each unless` of one condition, go as one region: the
 * schedule loops once and lower_body chooses tile by tile, so that loops and stages exist once. Gives the last region
 * that was taken. */
typedef void lower_loop(struct lower *l, const struct ir_region *region, void *user);
const struct ir_region *lower_each(struct lower *l, const struct ir_region *region, lower_loop *loop, void *user);
const struct ir_region *lower_twin(const struct ir_region *region); /* or NULL */
/* The operations of region, or of its twin, over the open tile; view (may be NULL) is called before either. */
void lower_body(struct lower *l, const struct ir_region *region, lower_loop *view, void *user);
LLVMTypeRef lower_type(struct lower *l, enum ir_type type);
static inline emit_value lower_extent(const struct lower *l, unsigned i)
{
    return l->extent[i];
}

/* ---- lower_ops.c ---- */
/* One part of a PLAIN operation. */
emit_value lower_plain(struct lower *l, const struct ir_value *v, emit_value *operands, unsigned lanes);

/* ---- lower_memory.c: loads, stores, codes in and out of bits ---- */
void lower_load(struct lower *l, const struct ir_value *v, struct lowered *result, struct lower_shape shape);
void lower_store(struct lower *l, enum ir_buffer buffer, const struct lowered *value, struct lower_shape shape);
void lower_unpack(struct lower *l, emit_value at, struct lowered *result, struct lower_shape shape);
void lower_pack(struct lower *l, emit_value at, const struct lowered *value, struct lower_shape shape);

/* ---- lower_stage.c: tiles that end early ---- */
struct lower_use {
    bool reads[IR_BUFFER_COUNT], writes[IR_BUFFER_COUNT];
};
void lower_find_use(const struct ir_region *region, struct lower_use *use);
/* A tile of `items` items of a buffer of which `valid` exist. full (i1): all do, and the tile is used in place;
 * otherwise its valid items are copied to the stack, zeros after them, and copied back when it closes. */
struct lower_stage {
    enum ir_buffer buffer;
    unsigned items;
    emit_value place, valid, full;
    emit_value shift;   /* codes: the first bit inside place's byte, i64; NULL: 0 */
    bool reads, writes, round_up; /* round_up: codes are written to the next multiple of their row unit */
};
emit_value lower_stage_open(struct lower *l, const struct lower_stage *s);
void lower_stage_close(struct lower *l, const struct lower_stage *s);

/* ---- the schedules ---- */
void lower_rows(struct lower *l);
void lower_blocks(struct lower *l);
void lower_columns(struct lower *l);
void lower_stream(struct lower *l);
/* Regions of kind IR_START. */
void lower_start(struct lower *l);

/* ---- lower_sums.c ---- */
void lower_sums_open(struct lower *l);
void lower_sums_add(struct lower *l, const struct lowered *x, const struct lowered *y, const struct lowered *saturated);
void lower_sums_close(struct lower *l);
/* Elements until the chunk of 4096 ends: i64. */
emit_value lower_sums_room(struct lower *l);
/* count elements were added; takes a full chunk into the totals. */
void lower_sums_advance(struct lower *l, emit_value count);

/* ---- lower_kernel.c ---- */
/* A module with the kernel's function; the module belongs to context. */
LLVMModuleRef lower_kernel(const struct kernel_ir *ir, LLVMContextRef context, struct arena *arena);

#endif
