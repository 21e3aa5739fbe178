/* Schedule `rows`: one block at a time, tiles of `chunk` elements along its runs. In: extents ROWS of extents.def, units
 * [begin, end). A block's statistics are vectors until its end, then one scalar; the second region finds the block in the
 * cache when it is short. Codes of a block begin at bit code_bit of the row: on a byte unless the schedule is shifted. */
#include "codegen/jit/lower.h"

#define ROWS(name) lower_extent(l, EXTENT_ROWS_##name)

/* The block at hand. */
struct rows_block {
    emit_value row, block; /* indexes */
    emit_value length;     /* elements of a run */
    emit_value x, code_byte, code_bit; /* first element; codes: bytes to the row, bits to the block in it */
};

static emit_value bits_value(struct lower *l)
{
    return emit_i64(&l->e, l->ir->code_bits);
}

/* One tile: elements i to i + chunk of the run that begins at element x and bit `bit` of code byte `byte`.
 * A shifted tile is never used in place: its codes pass through the stack with their bits moved. */
static void lower_tile(struct lower *l, const struct ir_region *r, const struct lower_use *use, emit_value x, emit_value byte,
                       emit_value bit, emit_value rest)
{
    struct emit *e = &l->e;
    unsigned chunk = l->ir->schedule.chunk;
    emit_value full = emit_compare(e, LLVMIntSGE, rest, emit_i64(e, chunk), "full");
    emit_value x_at = emit_mul(e, x, emit_i64(e, ir_buffer_bits(l->ir, IR_BUFFER_x) / 8));
    emit_value code_at = emit_add(e, byte, emit_shift_right(e, bit, emit_i64(e, 3)));
    bool shifted = l->ir->schedule.shifted;
    struct lower_stage stages[] = {
        {.buffer = IR_BUFFER_x, .place = emit_offset(e, l->base[IR_BUFFER_x], x_at), .full = full},
        {.buffer = IR_BUFFER_codes, .place = emit_offset(e, l->base[IR_BUFFER_codes], code_at),
         .full = shifted ? emit_null(e->i1) : full, .shift = shifted ? emit_and(e, bit, emit_i64(e, 7)) : NULL}};
    for (unsigned i = 0; i < 2; i++) {
        struct lower_stage *s = &stages[i];
        s->items = chunk;
        s->valid = emit_least(e, rest, emit_i64(e, chunk));
        s->reads = use->reads[s->buffer];
        s->writes = use->writes[s->buffer];
        if (s->reads || s->writes)
            l->at[s->buffer] = lower_stage_open(l, s);
    }
    lower_body(l, r, NULL, NULL);
    for (unsigned i = 0; i < 2; i++)
        lower_stage_close(l, &stages[i]);
}

/* The last word of a padded code row is cleared before the row's codes are written. */
static void clear_padding(struct lower *l, const struct rows_block *b, emit_value byte)
{
    struct emit *e = &l->e;
    struct emit_branch padded;
    emit_value is_first = emit_compare(e, LLVMIntEQ, b->block, emit_i64(e, 0), "");
    emit_value has_pad = emit_compare(e, LLVMIntSGT, ROWS(pad), emit_i64(e, 0), "");
    emit_when_open(e, &padded, emit_and(e, is_first, has_pad), "padded");
    emit_value last = emit_add(e, byte, emit_sub(e, ROWS(pad), emit_i64(e, 4)));
    emit_store(e, emit_i32(e, 0), emit_offset(e, l->base[IR_BUFFER_codes], last), 1);
    emit_when_close(e, &padded);
}

/* Reductions are carried by the loop; so are they by the loops of lower_runs around it. */
static void lower_run(struct lower *l, const struct ir_region *r, const struct lower_use *use, const struct rows_block *b,
                      emit_value x, emit_value byte)
{
    struct emit *e = &l->e;
    emit_value carried[EMIT_CARRIED];
    unsigned count = lower_carry(l, r, carried);
    struct emit_loop loop;
    if (use->writes[IR_BUFFER_codes] && l->ir->code_unit > 1)
        clear_padding(l, b, byte);
    emit_loop_open(e, &loop, emit_i64(e, 0), b->length, emit_i64(e, l->ir->schedule.chunk), carried, count, "tiles");
    lower_uncarry(l, r, carried);
    emit_value bit = emit_add(e, b->code_bit, emit_mul(e, loop.index, bits_value(l)));
    lower_tile(l, r, use, emit_add(e, x, loop.index), byte, bit, emit_sub(e, b->length, loop.index));
    lower_carry(l, r, carried);
    emit_loop_close(e, &loop, carried);
    lower_uncarry(l, r, carried);
}

/* for (outer) for (inner) run: the runs of a channel of a middle axis, or the padded rows of a whole tensor. */
static void lower_runs(struct lower *l, const struct ir_region *r, const struct lower_use *use, const struct rows_block *b)
{
    struct emit *e = &l->e;
    struct emit_loop outer, inner;
    emit_value carried[EMIT_CARRIED];
    unsigned count = lower_carry(l, r, carried);
    emit_loop_open(e, &outer, emit_i64(e, 0), ROWS(outer), emit_i64(e, 1), carried, count, "outer");
    emit_loop_open(e, &inner, emit_i64(e, 0), ROWS(inner), emit_i64(e, 1), carried, count, "inner");
    lower_uncarry(l, r, carried);
    emit_value x = emit_add(e, b->x, emit_mul(e, outer.index, ROWS(outer_x)));
    x = emit_add(e, x, emit_mul(e, inner.index, ROWS(inner_x)));
    emit_value byte = emit_add(e, b->code_byte, emit_mul(e, outer.index, ROWS(outer_codes)));
    byte = emit_add(e, byte, emit_mul(e, inner.index, ROWS(inner_codes)));
    lower_run(l, r, use, b, x, byte);
    lower_carry(l, r, carried);
    emit_loop_close(e, &inner, carried);
    emit_loop_close(e, &outer, carried);
    lower_uncarry(l, r, carried);
}

/* Accumulators begin at 0 and are reduced to one scalar behind the runs, the value that the `once` regions see. */
static void loop_block(struct lower *l, const struct ir_region *r, void *user)
{
    const struct rows_block *b = user;
    struct lower_use use = {0};
    lower_find_use(r, &use);
    lower_views(l, r);
    lower_start_reductions(l, r);
    if (l->ir->schedule.nested)
        lower_runs(l, r, &use, b);
    else
        lower_run(l, r, &use, b, b->x, b->code_byte);
    IR_EACH_VALUE(r, v)
        if (ir_op_rows[v->op].shape == IR_REDUCE)
            l->values[v->index] = (struct lowered){.part = {lower_reduce_all(l, v)}, .count = 1};
}

/* Items of scale and zero are addressed one by one: a scalar is never staged. */
static void lower_once(struct lower *l, const struct ir_region *r, const struct rows_block *b)
{
    struct emit *e = &l->e;
    emit_value i = emit_add(e, emit_mul(e, b->row, ROWS(scales)), emit_mul(e, b->block, ROWS(scale)));
    emit_value scale_at = emit_mul(e, i, emit_i64(e, l->ir->scale_bits / 8));
    l->at[IR_BUFFER_scale] = emit_offset(e, l->base[IR_BUFFER_scale], scale_at);
    l->at[IR_BUFFER_zero] = emit_offset(e, l->base[IR_BUFFER_zero], emit_mul(e, i, emit_i64(e, 4)));
    lower_views(l, r);
    lower_region(l, r);
}

/* The last block of a row may be short: length bounds its tiles. */
static void lower_block(struct lower *l, emit_value row, emit_value block)
{
    struct emit *e = &l->e;
    emit_value first = emit_mul(e, block, ROWS(block));
    struct rows_block b = {.row = row, .block = block, .length = emit_least(e, ROWS(block), emit_sub(e, ROWS(length), first))};
    b.x = emit_add(e, emit_mul(e, row, ROWS(x)), first);
    b.code_byte = emit_mul(e, row, ROWS(codes));
    b.code_bit = emit_mul(e, first, bits_value(l));
    for (const struct ir_region *r = l->ir->first; r; r = r->next)
        if (r->kind == IR_ONCE)
            lower_once(l, r, &b);
        else if (r->kind == IR_EACH)
            r = lower_each(l, r, loop_block, &b);
}

/* for (unit = begin; unit < end; unit++) for (block = first; block < end of the unit; block++) block. */
void lower_rows(struct lower *l)
{
    struct emit *e = &l->e;
    struct emit_loop units, blocks;
    lower_start(l);
    emit_loop_open(e, &units, l->begin, l->end, emit_i64(e, 1), NULL, 0, "units");
    emit_value row = emit_divide(e, units.index, ROWS(units));
    emit_value first = emit_mul(e, emit_rest(e, units.index, ROWS(units)), ROWS(unit));
    emit_value end = emit_least(e, emit_add(e, first, ROWS(unit)), ROWS(blocks));
    emit_loop_open(e, &blocks, first, end, emit_i64(e, 1), NULL, 0, "blocks");
    lower_block(l, row, blocks.index);
    emit_loop_close(e, &blocks, NULL);
    emit_loop_close(e, &units, NULL);
    emit_return(e);
}
