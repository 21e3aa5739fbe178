/* Schedule `blocks`: in_flight blocks of `group` contiguous elements at once. extents.def, ROWS. A batch is
 *   1. tile by tile, each block's partial results to the stack, then transposed so that one vector has them all;
 *   2. the `once` regions on vectors of blocks: one division for in_flight scales;
 *   3. tile by tile again, from the first cache, with each block's values spread from the stack.
 * A tile of `chunk` elements holds several whole blocks or a part of one. */
#include "codegen/jit/lower.h"

#define ROWS(name) lower_extent(l, EXTENT_ROWS_##name)

/* The transposition's stack array: `lanes` partial results a block. */
struct partial {
    emit_value memory; /* NULL: not needed */
};
enum { PARTIALS = 4 }; /* reductions of one region */

struct batch {
    emit_value at[IR_BUFFER_COUNT]; /* where the batch's items begin */
    struct partial partials[PARTIALS]; /* by reduction of a region, in text order; regions share them */
};

static unsigned batch_elements(const struct lower *l)
{
    return l->ir->schedule.group * l->ir->schedule.in_flight;
}

/* Blocks a tile touches: several, or one. */
static unsigned tile_blocks(const struct lower *l)
{
    const struct ir_schedule *s = &l->ir->schedule;
    return s->chunk > s->group ? s->chunk / s->group : 1;
}

/* Index of the first block of tile i: i·(chunk / group), or i / (group / chunk). */
static emit_value first_block(struct lower *l, emit_value tile)
{
    const struct ir_schedule *s = &l->ir->schedule;
    if (s->chunk >= s->group)
        return emit_mul(&l->e, tile, emit_i64(&l->e, s->chunk / s->group));
    return emit_divide(&l->e, tile, emit_i64(&l->e, s->group / s->chunk));
}

/* chunk is a multiple of 8, so every tile of codes begins on a byte. */
static void place_tile(struct lower *l, const struct batch *b, emit_value tile)
{
    struct emit *e = &l->e;
    unsigned chunk = l->ir->schedule.chunk;
    for (unsigned i = IR_BUFFER_x; i <= IR_BUFFER_codes; i++) {
        unsigned bytes = chunk * ir_buffer_bits(l->ir, (enum ir_buffer)i) / 8;
        if (b->at[i])
            l->at[i] = emit_offset(e, b->at[i], emit_mul(e, tile, emit_i64(e, bytes)));
    }
}

/* ---- 1. reductions ---- */

/* Parts of one block within a tile, and where its vector of partial results is. */
static void keep_partial(struct lower *l, const struct ir_value *v, const struct partial *p, emit_value first, unsigned block)
{
    struct emit *e = &l->e;
    struct lowered *r = &l->values[v->index];
    unsigned lanes = l->ir->schedule.lanes, parts = r->count / tile_blocks(l);
    emit_value all = r->part[block * parts];
    for (unsigned i = 1; i < parts; i++)
        all = lower_reduce(l, v->op, all, r->part[block * parts + i]);
    LLVMTypeRef vector = emit_vector(lower_type(l, v->type), lanes);
    emit_value to = emit_element(e, vector, p->memory, emit_add(e, first, emit_i64(e, block)));
    if (l->ir->schedule.group > l->ir->schedule.chunk)
        all = lower_reduce(l, v->op, emit_load(e, vector, to, 4 * lanes, ""), all);
    emit_store(e, all, to, 4 * lanes);
}

/* A block longer than a tile is added to tile by tile. */
static void clear_partials(struct lower *l, const struct partial *p)
{
    unsigned lanes = l->ir->schedule.lanes;
    LLVMTypeRef vector = emit_vector(l->e.i32, lanes);
    for (unsigned i = 0; p->memory && l->ir->schedule.group > l->ir->schedule.chunk && i < l->ir->schedule.in_flight; i++)
        emit_store(&l->e, emit_null(vector), emit_element(&l->e, vector, p->memory, emit_i64(&l->e, i)), 4 * lanes);
}

/* Halves of a and b brought together: at the first granules (below a 128-bit lane) by unpacking within those lanes,
 * then whole lanes; after log2(lanes) steps lane i is block i. */
static void fill_masks(int *low, int *high, unsigned lanes, unsigned step)
{
    for (unsigned i = 0; i < lanes; i++) {
        unsigned lane = i % 4, base = i - lane, from_b = lane & step ? lanes : 0;
        if (step == 1) { /* a0 b0 a1 b1 | a2 b2 a3 b3 */
            low[i] = (int)(base + lane / 2 + from_b);
            high[i] = low[i] + 2;
        } else if (step == 2) { /* a0 a1 b0 b1 | a2 a3 b2 b3 */
            low[i] = (int)(base + lane % 2 + from_b);
            high[i] = low[i] + 2;
        } else if (step == 4) { /* first half of the lanes of a, then of b */
            low[i] = (int)(i % (lanes / 2) + (i < lanes / 2 ? 0 : lanes));
            high[i] = low[i] + (int)lanes / 2;
        } else { /* even lanes of a, then of b */
            unsigned pair = i % (lanes / 2) / 4;
            low[i] = (int)(pair * 8 + lane + (i < lanes / 2 ? 0 : lanes));
            high[i] = low[i] + 4;
        }
    }
}

/* A pair of vectors becomes one in which each half holds one of the two blocks, half as many partial results of each. */
static emit_value fold_pair(struct lower *l, enum ir_op op, emit_value a, emit_value b, unsigned step)
{
    int low[16], high[16];
    unsigned lanes = emit_lanes(a);
    fill_masks(low, high, lanes, step);
    return lower_reduce(l, op, emit_shuffle(&l->e, a, b, low, lanes), emit_shuffle(&l->e, a, b, high, lanes));
}

/* `lanes` vectors of partial results to one vector of results. */
static emit_value transpose_reduce(struct lower *l, enum ir_op op, emit_value *v, unsigned lanes)
{
    for (unsigned step = 1, count = lanes; count > 1; step *= 2, count /= 2)
        for (unsigned i = 0; i < count / 2; i++)
            v[i] = fold_pair(l, op, v[2 * i], v[2 * i + 1], step);
    return v[0];
}

/* The 0 that every reduction has among its elements comes in here, once a block. */
static void finish_reduction(struct lower *l, const struct ir_value *v, const struct partial *p)
{
    struct emit *e = &l->e;
    unsigned lanes = l->ir->schedule.lanes, parts = l->ir->schedule.in_flight / lanes;
    LLVMTypeRef vector = emit_vector(lower_type(l, v->type), lanes);
    struct lowered *r = &l->values[v->index];
    r->count = parts;
    for (unsigned part = 0; part < parts; part++) {
        emit_value all[16];
        for (unsigned i = 0; i < lanes; i++)
            all[i] = emit_load(e, vector, emit_element(e, vector, p->memory, emit_i64(e, part * lanes + i)), 4 * lanes, "");
        r->part[part] = lower_reduce(l, v->op, emit_null(vector), transpose_reduce(l, v->op, all, lanes));
    }
}

/* ---- 3. block values for elements ---- */

static bool is_block_value(const struct ir_value *v)
{
    return v && v->rank == IR_RANK_B;
}

/* In the entry block, one for the kernel: batches reuse it. */
static emit_value block_slot(struct lower *l, const struct ir_value *v)
{
    emit_value *slot = &l->block_slots[v->index];
    if (!*slot)
        *slot = emit_alloca(&l->e, l->e.i32, l->ir->schedule.in_flight, v->name);
    return *slot;
}

static void store_block_value(struct lower *l, const struct ir_value *v)
{
    struct lowered *r = &l->values[v->index];
    unsigned lanes = l->ir->schedule.lanes;
    for (unsigned i = 0; i < r->count; i++)
        emit_store(&l->e, r->part[i], emit_element(&l->e, l->e.i32, block_slot(l, v), emit_i64(&l->e, i * lanes)), 4 * lanes);
}

/* Part p of a tile lies in block first + p·lanes / group. */
static void view_block_value(struct lower *l, const struct ir_value *v, emit_value first)
{
    struct emit *e = &l->e;
    unsigned blocks = tile_blocks(l), lanes = l->ir->schedule.lanes, parts = l->ir->schedule.chunk / lanes;
    struct lowered *view = &l->views[v->index];
    emit_value spread[LOWER_PARTS];
    for (unsigned i = 0; i < blocks; i++) {
        emit_value at = emit_element(e, e->i32, block_slot(l, v), emit_add(e, first, emit_i64(e, i)));
        spread[i] = emit_splat(e, emit_load(e, lower_type(l, v->type), at, 4, v->name), lanes, v->name);
    }
    view->count = parts;
    for (unsigned p = 0; p < parts; p++)
        view->part[p] = spread[p / (parts / blocks)];
}

/* A value used twice is stored twice; LLVM drops the second. The twin's uses count: which of them runs is not known yet. */
static void store_block_values(struct lower *l, const struct ir_region *r)
{
    IR_EACH_VALUE(r, v)
        for (unsigned i = 0; i < ir_operand_count(v->op); i++)
            if (is_block_value(v->operand[i].value))
                store_block_value(l, v->operand[i].value);
    if (lower_twin(r))
        store_block_values(l, lower_twin(r));
}

/* user: the index of the open tile's first block
 * The views of the last tile are of other blocks: first all are forgotten, then each is loaded once. */
static void view_block_values(struct lower *l, const struct ir_region *r, void *user)
{
    IR_EACH_VALUE(r, v)
        for (unsigned i = 0; i < ir_operand_count(v->op); i++)
            if (is_block_value(v->operand[i].value))
                l->views[v->operand[i].value->index].count = 0;
    IR_EACH_VALUE(r, v)
        for (unsigned i = 0; i < ir_operand_count(v->op); i++) {
            const struct ir_value *of = v->operand[i].value;
            if (is_block_value(of) && !l->views[of->index].count)
                view_block_value(l, of, user);
        }
}

/* ---- a batch ---- */

/* Every part begins without a result: 0 comes in when the blocks are brought together. */
static void start_tile(struct lower *l, const struct ir_region *r)
{
    struct lower_shape shape = lower_shape_of(l, IR_RANK_E);
    IR_EACH_VALUE(r, v)
        if (ir_op_rows[v->op].shape == IR_REDUCE)
            l->values[v->index] = (struct lowered){.count = shape.parts};
}

/* partials are taken in the order of the region's reductions, as find_partials counted them. */
static void keep_partials(struct lower *l, const struct ir_region *r, const struct partial *partials, emit_value first)
{
    IR_EACH_VALUE(r, v) {
        if (ir_op_rows[v->op].shape != IR_REDUCE)
            continue;
        for (unsigned block = 0; block < tile_blocks(l); block++)
            keep_partial(l, v, partials, first, block);
        partials++;
    }
}

/* Steps 1 and 3 of the head: a region with reductions leaves them as vectors of blocks, one without them writes codes. */
static void loop_batch(struct lower *l, const struct ir_region *r, void *user)
{
    struct emit *e = &l->e;
    const struct batch *b = user;
    const struct partial *p = b->partials;
    struct emit_loop tiles;
    lower_views(l, r);
    store_block_values(l, r);
    for (unsigned i = 0; lower_has_reductions(r) && i < PARTIALS; i++)
        clear_partials(l, &p[i]);
    emit_value count = emit_i64(e, batch_elements(l) / l->ir->schedule.chunk);
    emit_loop_open(e, &tiles, emit_i64(e, 0), count, emit_i64(e, 1), NULL, 0, "tiles");
    emit_value first = first_block(l, tiles.index);
    place_tile(l, b, tiles.index);
    start_tile(l, r);
    lower_body(l, r, view_block_values, first);
    keep_partials(l, r, p, first);
    emit_loop_close(e, &tiles, NULL);
    IR_EACH_VALUE(r, v)
        if (ir_op_rows[v->op].shape == IR_REDUCE)
            finish_reduction(l, v, p++);
}

/* `start` has run before the units. */
static void lower_regions(struct lower *l, struct batch *b)
{
    for (const struct ir_region *r = l->ir->first; r; r = r->next)
        if (r->kind == IR_ONCE) {
            lower_views(l, r);
            lower_region(l, r);
        } else if (r->kind == IR_EACH) {
            r = lower_each(l, r, loop_batch, b);
        }
}

/* How far the batch at hand goes.
 * full: every block of the batch exists and is whole; only then are the buffers used in place. */
struct span_of_batch {
    emit_value row, block;        /* first block */
    emit_value elements, blocks;  /* that exist */
    emit_value full;
};

/* Codes of a batch begin on a byte: 8 elements or more to a block, whatever the width. */
static struct lower_stage stage_for(struct lower *l, enum ir_buffer buffer, const struct span_of_batch *s)
{
    struct emit *e = &l->e;
    emit_value first = emit_mul(e, s->block, ROWS(block)), index, bytes;
    bool element = ir_buffer_rows[buffer].rank == IR_RANK_E;
    unsigned bits = ir_buffer_bits(l->ir, buffer);
    if (buffer == IR_BUFFER_codes) {
        index = emit_mul(e, first, emit_i64(e, bits));
        bytes = emit_add(e, emit_mul(e, s->row, ROWS(codes)), emit_shift_right(e, index, emit_i64(e, 3)));
    } else {
        index = element ? emit_add(e, emit_mul(e, s->row, ROWS(x)), first)
                        : emit_add(e, emit_mul(e, s->row, ROWS(scales)), emit_mul(e, s->block, ROWS(scale)));
        bytes = emit_mul(e, index, emit_i64(e, bits / 8));
    }
    return (struct lower_stage){.buffer = buffer, .items = element ? batch_elements(l) : l->ir->schedule.in_flight,
                                .place = emit_offset(e, l->base[buffer], bytes), .full = s->full,
                                .valid = element ? s->elements : s->blocks};
}

static void lower_batch(struct lower *l, const struct lower_use *use, struct batch *b, const struct span_of_batch *span)
{
    struct lower_stage stages[IR_BUFFER_zero + 1];
    for (unsigned i = 0; i <= IR_BUFFER_zero; i++) {
        b->at[i] = NULL;
        if (!use->reads[i] && !use->writes[i])
            continue;
        stages[i] = stage_for(l, (enum ir_buffer)i, span);
        stages[i].reads = use->reads[i];
        stages[i].writes = use->writes[i];
        b->at[i] = l->at[i] = lower_stage_open(l, &stages[i]);
    }
    lower_regions(l, b);
    for (unsigned i = 0; i <= IR_BUFFER_zero; i++)
        if (b->at[i])
            lower_stage_close(l, &stages[i]);
}

/* A unit of whole rows begins by clearing the last word of a padded code row. */
static void clear_padding(struct lower *l, emit_value row)
{
    struct emit *e = &l->e;
    struct emit_branch padded;
    emit_when_open(e, &padded, emit_compare(e, LLVMIntSGT, ROWS(pad), emit_i64(e, 0), ""), "padded");
    emit_value end = emit_add(e, emit_mul(e, row, ROWS(codes)), ROWS(pad));
    emit_store(e, emit_i32(e, 0), emit_offset(e, l->base[IR_BUFFER_codes], emit_sub(e, end, emit_i64(e, 4))), 1);
    emit_when_close(e, &padded);
}

/* Regions share the arrays: one region's results are taken before the next one runs. 32 bits hold an f32 and an i32. */
static void find_partials(struct lower *l, struct batch *b)
{
    IR_EACH_REGION(l->ir, r) {
        struct partial *p = b->partials;
        IR_EACH_VALUE(r, v)
            if (ir_op_rows[v->op].shape == IR_REDUCE && !(p++)->memory)
                p[-1].memory = emit_alloca(&l->e, l->e.f32, l->ir->schedule.in_flight * l->ir->schedule.lanes, "partial");
    }
}

/* for (unit = begin; unit < end; unit++) for (block = first; block < end of the unit; block += in_flight) batch. The last
 * batch of a row or unit ends early and goes through stages. */
void lower_blocks(struct lower *l)
{
    struct emit *e = &l->e;
    struct emit_loop units, batches;
    struct lower_use use = {0};
    struct batch batch = {0};
    IR_EACH_REGION(l->ir, r)
        lower_find_use(r, &use);
    find_partials(l, &batch);
    lower_start(l);
    emit_loop_open(e, &units, l->begin, l->end, emit_i64(e, 1), NULL, 0, "units");
    struct span_of_batch s = {.row = emit_divide(e, units.index, ROWS(units))};
    emit_value first = emit_mul(e, emit_rest(e, units.index, ROWS(units)), ROWS(unit));
    emit_value end = emit_least(e, emit_add(e, first, ROWS(unit)), ROWS(blocks));
    if (use.writes[IR_BUFFER_codes] && l->ir->code_unit > 1)
        clear_padding(l, s.row);
    emit_loop_open(e, &batches, first, end, emit_i64(e, l->ir->schedule.in_flight), NULL, 0, "batches");
    s.block = batches.index;
    s.blocks = emit_least(e, emit_sub(e, end, s.block), emit_i64(e, l->ir->schedule.in_flight));
    s.elements = emit_least(e, emit_mul(e, s.blocks, ROWS(block)), emit_sub(e, ROWS(length), emit_mul(e, s.block, ROWS(block))));
    s.full = emit_compare(e, LLVMIntEQ, s.elements, emit_i64(e, batch_elements(l)), "full");
    lower_batch(l, &use, &batch, &s);
    emit_loop_close(e, &batches, NULL);
    emit_loop_close(e, &units, NULL);
    emit_return(e);
}
