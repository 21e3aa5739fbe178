/* Regions over a tile: operands, views of lower ranks, reductions, guards. In: IR regions and, in l->at, the places of the
 * open tile. Out: LLVM IR at the builder's place, parts in l->values. No float instruction carries fast-math flags, so LLVM
 * neither contracts nor reorders: the IR's order of operations is the code's. See lower.h. */
#include "codegen/jit/lower.h"

LLVMTypeRef lower_type(struct lower *l, enum ir_type type)
{
    return type == IR_F32 ? l->e.f32 : type == IR_I32 ? l->e.i32 : l->e.i1;
}

struct lower_shape lower_shape_of(const struct lower *l, enum ir_rank rank)
{
    const struct ir_schedule *s = &l->ir->schedule;
    struct lower_shape scalar = {1, 1}, element = {s->chunk / s->lanes, s->lanes};
    if (rank == IR_RANK_T)
        return scalar;
    if (rank == IR_RANK_E)
        return element;
    switch (s->kind) {
    case IR_rows:
    case IR_stream:
    case IR_SCHEDULE_COUNT:
        return scalar;
    case IR_blocks:
        return (struct lower_shape){s->in_flight / s->lanes, s->lanes};
    case IR_columns:
    case IR_across:
        break;
    }
    return element;
}

/* ---- views ---- */

static bool is_lower(const struct ir_value *value, enum ir_rank rank)
{
    return value && value->rank < rank;
}

/* One part is enough where every lane of every part sees the same. */
static void view_value(struct lower *l, const struct ir_value *value, enum ir_rank rank)
{
    struct lowered *view = &l->views[value->index];
    struct lower_shape from = lower_shape_of(l, value->rank), to = lower_shape_of(l, rank);
    if (value->rank == IR_RANK_B && l->ir->schedule.kind == IR_blocks)
        return; /* each tile loads its own: blocks.c */
    if (from.parts == to.parts && from.lanes == to.lanes) {
        *view = l->values[value->index];
        return;
    }
    view->count = 1;
    view->part[0] = emit_splat(&l->e, l->values[value->index].part[0], to.lanes, value->name);
}

void lower_views(struct lower *l, const struct ir_region *region)
{
    enum ir_rank rank = lower_rank_in(region);
    const struct ir_region *twin = lower_twin(region);
    IR_EACH_VALUE(region, v)
        for (unsigned i = 0; i < ir_operand_count(v->op); i++)
            if (is_lower(v->operand[i].value, rank))
                view_value(l, v->operand[i].value, rank);
    if (twin)
        lower_views(l, twin);
}

/* A view of one part stands for all parts.
 * A constant fills all lanes. */
static emit_value operand_part(struct lower *l, struct ir_operand o, enum ir_rank rank, unsigned part, unsigned lanes)
{
    if (!o.value)
        return emit_constant_bits(&l->e, lower_type(l, o.type), o.bits, lanes);
    const struct lowered *from = is_lower(o.value, rank) ? &l->views[o.value->index] : &l->values[o.value->index];
    return from->part[part % from->count];
}

static struct lowered operand_all(struct lower *l, struct ir_operand o, enum ir_rank rank, struct lower_shape shape)
{
    struct lowered all = {.count = shape.parts};
    for (unsigned i = 0; i < shape.parts; i++)
        all.part[i] = operand_part(l, o, rank, i, shape.lanes);
    return all;
}

/* ---- operations ---- */

/* A later operand wins only when it is strictly better. No operand is NaN; the +0 that reductions begin with stays against -0. */
emit_value lower_reduce(struct lower *l, enum ir_op op, emit_value a, emit_value b)
{
    LLVMRealPredicate better = op == IR_reduce_max ? LLVMRealOGT : LLVMRealOLT;
    if (!a)
        return b;
    if (op == IR_reduce_imax)
        return emit_select(&l->e, emit_compare(&l->e, LLVMIntSGT, b, a, ""), b, a, "");
    return emit_select(&l->e, emit_compare_float(&l->e, better, b, a, ""), b, a, "");
}

/* All operands are read before the result is written: a reduction's result is also its operand of the next tile. */
static void lower_value(struct lower *l, const struct ir_value *v, enum ir_rank rank)
{
    struct lower_shape shape = lower_shape_of(l, rank);
    struct lowered all[IR_OPERANDS], *result = &l->values[v->index];
    for (unsigned i = 0; i < ir_operand_count(v->op); i++)
        all[i] = operand_all(l, v->operand[i], rank, shape);
    switch (ir_op_rows[v->op].shape) {
    case IR_LOAD:
        lower_load(l, v, result, shape);
        return;
    case IR_STORE:
        lower_store(l, v->buffer, &all[0], shape);
        return;
    case IR_SUMS:
        lower_sums_add(l, &all[0], &all[1], &all[2]);
        return;
    case IR_REDUCE:
        for (unsigned i = 0; i < shape.parts; i++)
            result->part[i] = lower_reduce(l, v->op, result->part[i], all[0].part[i]);
        return;
    case IR_PLAIN:
    case IR_FORMAT:
        break;
    }
    result->count = shape.parts;
    for (unsigned i = 0; i < shape.parts; i++) {
        emit_value o[IR_OPERANDS] = {all[0].part[i], all[1].part[i], all[2].part[i]};
        result->part[i] = lower_plain(l, v, o, shape.lanes);
    }
}

void lower_region(struct lower *l, const struct ir_region *region)
{
    IR_EACH_VALUE(region, v)
        lower_value(l, v, lower_rank_in(region));
}

void lower_start(struct lower *l)
{
    IR_EACH_REGION(l->ir, r)
        if (r->kind == IR_START)
            lower_region(l, r);
}

/* ---- reductions ---- */

static bool is_reduction(const struct ir_value *v)
{
    return ir_op_rows[v->op].shape == IR_REDUCE;
}

bool lower_has_reductions(const struct ir_region *region)
{
    IR_EACH_VALUE(region, v)
        if (is_reduction(v))
            return true;
    return false;
}

/* Every reduction has 0 among its elements. */
void lower_start_reductions(struct lower *l, const struct ir_region *region)
{
    struct lower_shape shape = lower_shape_of(l, IR_RANK_E);
    IR_EACH_VALUE(region, v) {
        struct lowered *result = &l->values[v->index];
        if (!is_reduction(v))
            continue;
        result->count = shape.parts;
        for (unsigned i = 0; i < shape.parts; i++)
            result->part[i] = emit_null(emit_vector(lower_type(l, v->type), shape.lanes));
    }
}

/* Carry and uncarry walk the same reductions in the same order; at most IR_REDUCTIONS_MAX · LOWER_PARTS = 128 of EMIT_CARRIED. */
unsigned lower_carry(struct lower *l, const struct ir_region *region, emit_value *carried)
{
    unsigned count = 0;
    IR_EACH_VALUE(region, v)
        for (unsigned i = 0; is_reduction(v) && i < l->values[v->index].count; i++)
            carried[count++] = l->values[v->index].part[i];
    return count;
}

void lower_uncarry(struct lower *l, const struct ir_region *region, emit_value *const carried)
{
    unsigned count = 0;
    IR_EACH_VALUE(region, v)
        for (unsigned i = 0; is_reduction(v) && i < l->values[v->index].count; i++)
            l->values[v->index].part[i] = carried[count++];
}

/* Parts pairwise, then halves of the last vector. */
emit_value lower_reduce_all(struct lower *l, const struct ir_value *v)
{
    const struct lowered *r = &l->values[v->index];
    emit_value all = r->part[0];
    for (unsigned i = 1; i < r->count; i++)
        all = lower_reduce(l, v->op, all, r->part[i]);
    for (unsigned lanes = emit_lanes(all); lanes > 1; lanes /= 2)
        all = lower_reduce(l, v->op, emit_slice(&l->e, all, 0, lanes / 2), emit_slice(&l->e, all, lanes / 2, lanes / 2));
    return all;
}

/* ---- guards ---- */

/* Whether the condition holds for every lane.
 * Lanes of blocks that do not exist are computed from zeros, and may well hold false: the slower twin then runs, with the
 * same bits. */
static emit_value test_condition(struct lower *l, const struct ir_region *region)
{
    const struct lowered *c = &l->values[region->condition->index];
    emit_value all = c->part[0];
    for (unsigned i = 1; i < c->count; i++)
        all = emit_and(&l->e, all, c->part[i]);
    unsigned lanes = emit_lanes(all);
    if (lanes > 1) { /* every lane: no lane is false */
        LLVMTypeRef bits = LLVMIntTypeInContext(l->e.context, lanes);
        all = emit_compare(&l->e, LLVMIntEQ, emit_bitcast(&l->e, all, bits), LLVMConstAllOnes(bits), "");
    }
    return region->guard == IR_IF ? all : emit_compare(&l->e, LLVMIntEQ, all, emit_null(l->e.i1), "");
}

/* Reductions would have to join after the branch; regions with them stay apart. */
const struct ir_region *lower_twin(const struct ir_region *r)
{
    const struct ir_region *next = r->next;
    bool is_pair = r->guard == IR_IF && next && next->guard == IR_UNLESS && next->condition == r->condition;
    return is_pair && !lower_has_reductions(r) && !lower_has_reductions(next) ? next : NULL;
}

void lower_body(struct lower *l, const struct ir_region *region, lower_loop *view, void *user)
{
    const struct ir_region *twin = lower_twin(region);
    struct emit_branch branch;
    if (twin)
        emit_when_open(&l->e, &branch, l->guard, "ordinary");
    if (view)
        view(l, region, user);
    lower_region(l, region);
    if (!twin)
        return;
    emit_when_else(&l->e, &branch);
    if (view)
        view(l, twin, user);
    lower_region(l, twin);
    emit_when_close(&l->e, &branch);
}

/* Where the results of a guarded region's reductions are kept over the branch. */
static emit_value result_slot(struct lower *l, const struct ir_value *v, struct lower_shape shape)
{
    return emit_alloca(&l->e, lower_type(l, v->type), shape.parts * shape.lanes, v->name);
}

static emit_value result_part(struct lower *l, const struct ir_value *v, emit_value slot, unsigned part, unsigned lanes)
{
    return emit_element(&l->e, emit_vector(lower_type(l, v->type), lanes), slot, emit_i64(&l->e, part));
}

/* ZERO: makes the slots and clears them; STORE: the results to their slots; LOAD: the slots to the results. */
enum result_move { RESULT_ZERO, RESULT_STORE, RESULT_LOAD };
static void move_results(struct lower *l, const struct ir_region *r, emit_value *slots, enum result_move move)
{
    struct lower_shape shape = lower_shape_of(l, IR_RANK_B);
    unsigned n = 0;
    IR_EACH_VALUE(r, v) {
        if (!is_reduction(v))
            continue;
        LLVMTypeRef type = emit_vector(lower_type(l, v->type), shape.lanes);
        struct lowered *result = &l->values[v->index];
        if (move == RESULT_ZERO)
            slots[n] = result_slot(l, v, shape);
        for (unsigned i = 0; i < shape.parts; i++) {
            emit_value at = result_part(l, v, slots[n], i, shape.lanes);
            if (move == RESULT_LOAD)
                result->part[i] = emit_load(&l->e, type, at, 4, v->name);
            else
                emit_store(&l->e, move == RESULT_ZERO ? emit_null(type) : result->part[i], at, 4);
        }
        result->count = shape.parts;
        n++;
    }
}

/* Results of a guarded region pass through memory: it may have run or not, and no phi is seen here. */
const struct ir_region *lower_each(struct lower *l, const struct ir_region *region, lower_loop *loop, void *user)
{
    emit_value slots[8];
    struct emit_branch branch;
    if (region->guard == IR_ALWAYS) {
        loop(l, region, user);
        return region;
    }
    l->guard = test_condition(l, region);
    if (lower_twin(region)) {
        loop(l, region, user);
        return region->next;
    }
    move_results(l, region, slots, RESULT_ZERO);
    emit_when_open(&l->e, &branch, l->guard, "guarded");
    loop(l, region, user);
    move_results(l, region, slots, RESULT_STORE);
    emit_when_close(&l->e, &branch);
    move_results(l, region, slots, RESULT_LOAD);
    return region;
}
