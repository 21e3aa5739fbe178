/* Schedules `stream` and `across`: the tensor in row-major order, tile by tile, whatever block the elements are in;
 * for sums whose order is fixed (`error`, struct kernel_sums). extents.def, STREAM. A tile ends where its run, or the
 * chunk of 4096 elements that is being added up, ends. */
#include "codegen/jit/lower.h"

#define STREAM(name) lower_extent(l, EXTENT_STREAM_##name)

struct run {
    emit_value bits, scale;  /* where its codes (bits) and its scale (items) are */
    emit_value x, length;    /* first element; elements */
};

/* place counts items of whole bytes; stage_codes sets its own. */
static struct lower_stage stage_at(struct lower *l, enum ir_buffer buffer, emit_value item, emit_value valid, emit_value full)
{
    struct emit *e = &l->e;
    emit_value bytes = emit_mul(e, item, emit_i64(e, ir_buffer_bits(l->ir, buffer) / 8));
    return (struct lower_stage){.buffer = buffer, .items = l->ir->schedule.chunk, .valid = valid, .full = full, .reads = true,
                                .place = emit_offset(e, l->base[buffer], bytes)};
}

/* Tiles begin anywhere in a row, so codes below 8 bits may begin inside a byte: such a tile is shifted through the stack. */
static struct lower_stage stage_codes(struct lower *l, emit_value bit, emit_value valid, emit_value full)
{
    struct emit *e = &l->e;
    struct lower_stage s = stage_at(l, IR_BUFFER_codes, emit_i64(e, 0), valid, full);
    s.place = emit_offset(e, l->base[IR_BUFFER_codes], emit_shift_right(e, bit, emit_i64(e, 3)));
    if (l->ir->code_bits % 8) {
        s.shift = emit_and(e, bit, emit_i64(e, 7));
        s.full = emit_and(e, full, emit_compare(e, LLVMIntEQ, s.shift, emit_i64(e, 0), ""));
    }
    return s;
}

/* `error` writes no buffer, so that its stages need no closing. */
static void open_if_read(struct lower *l, const struct lower_use *use, const struct lower_stage *s)
{
    if (use->reads[s->buffer])
        l->at[s->buffer] = lower_stage_open(l, s);
}

/* `once`: one block's scale for a run, or one a lane for a tile of `valid` lanes. */
static void lower_scales(struct lower *l, emit_value scale, emit_value valid, emit_value full)
{
    IR_EACH_REGION(l->ir, r) {
        struct lower_use use = {0};
        lower_find_use(r, &use);
        if (r->kind != IR_ONCE)
            continue;
        for (unsigned i = IR_BUFFER_scale; i <= IR_BUFFER_zero; i++) {
            struct lower_stage s = stage_at(l, (enum ir_buffer)i, scale, valid, full);
            if (l->ir->schedule.kind == IR_across)
                open_if_read(l, &use, &s);
            else
                l->at[i] = s.place;
        }
        lower_views(l, r);
        lower_region(l, r);
    }
}

/* Elements `offset` to offset + count of the run.
 * l->valid tells lower_sums.c which lanes count. */
static void lower_tile(struct lower *l, const struct run *run, emit_value offset, emit_value count)
{
    struct emit *e = &l->e;
    emit_value full = emit_compare(e, LLVMIntEQ, count, emit_i64(e, l->ir->schedule.chunk), "full");
    emit_value bit = emit_add(e, run->bits, emit_mul(e, offset, emit_i64(e, l->ir->code_bits)));
    struct lower_stage x = stage_at(l, IR_BUFFER_x, emit_add(e, run->x, offset), count, full);
    struct lower_stage codes = stage_codes(l, bit, count, full);
    if (l->ir->schedule.kind == IR_across)
        lower_scales(l, emit_add(e, run->scale, offset), count, full);
    l->valid = count;
    IR_EACH_REGION(l->ir, r) {
        struct lower_use use = {0};
        lower_find_use(r, &use);
        if (r->kind != IR_EACH)
            continue;
        open_if_read(l, &use, &x);
        open_if_read(l, &use, &codes);
        lower_views(l, r);
        lower_region(l, r);
    }
    lower_sums_advance(l, count);
}

/* offset is carried: tiles have different lengths. */
static void lower_run(struct lower *l, const struct run *run)
{
    struct emit *e = &l->e;
    struct emit_loop tiles;
    emit_value offset = emit_i64(e, 0);
    if (l->ir->schedule.kind == IR_stream)
        lower_scales(l, run->scale, NULL, NULL);
    /* a turn goes on by its own count, so the index is the offset as well */
    emit_loop_open(e, &tiles, offset, run->length, emit_i64(e, 0), &offset, 1, "tiles");
    emit_value count = emit_least(e, emit_i64(e, l->ir->schedule.chunk), emit_sub(e, run->length, offset));
    count = emit_least(e, count, lower_sums_room(l));
    lower_tile(l, run, offset, count);
    offset = emit_add(e, offset, count);
    tiles.step = count;
    emit_loop_close(e, &tiles, &offset);
}

/* Sum of index·extent over the levels. */
static emit_value weigh(struct lower *l, const emit_value *index, const unsigned *extents, unsigned count)
{
    emit_value sum = emit_i64(&l->e, 0);
    for (unsigned i = 0; i < count; i++)
        sum = emit_add(&l->e, sum, emit_mul(&l->e, index[i], lower_extent(l, extents[i])));
    return sum;
}

/* A block's own length: the last one of an axis may be short. */
static emit_value shorter(struct lower *l, emit_value most, emit_value length, emit_value block, emit_value stride)
{
    return emit_least(&l->e, most, emit_sub(&l->e, length, emit_mul(&l->e, block, stride)));
}

/* for outer, block, step, row: run. x is carried: elements are visited in row-major order, each once. */
void lower_stream(struct lower *l)
{
    static const unsigned code_strides[] = {EXTENT_STREAM_codes, EXTENT_STREAM_codes_block, EXTENT_STREAM_codes_step,
                                            EXTENT_STREAM_codes_row};
    static const unsigned scale_strides[] = {EXTENT_STREAM_scales, EXTENT_STREAM_scale};
    struct emit *e = &l->e;
    struct emit_loop loops[4];
    emit_value zero = emit_i64(e, 0), one = emit_i64(e, 1), index[4], x = zero;
    lower_start(l);
    lower_sums_open(l);
    emit_loop_open(e, &loops[0], zero, STREAM(outer), one, &x, 1, "outer");
    emit_loop_open(e, &loops[1], zero, STREAM(blocks), one, &x, 1, "blocks");
    emit_value steps = shorter(l, STREAM(step), STREAM(depth), loops[1].index, STREAM(step_block));
    emit_loop_open(e, &loops[2], zero, steps, one, &x, 1, "steps");
    emit_loop_open(e, &loops[3], zero, STREAM(rows), one, &x, 1, "rows");
    for (unsigned i = 0; i < 4; i++)
        index[i] = loops[i].index;
    struct run run = {.x = x, .bits = weigh(l, index, code_strides, 4), .scale = weigh(l, index, scale_strides, 2)};
    run.scale = emit_add(e, run.scale, emit_mul(e, index[3], STREAM(scale_row)));
    run.length = shorter(l, STREAM(run), STREAM(length), loops[1].index, STREAM(run_block));
    lower_run(l, &run);
    x = emit_add(e, x, run.length);
    for (unsigned i = 4; i-- > 0;)
        emit_loop_close(e, &loops[i], &x);
    lower_sums_close(l);
    emit_return(e);
}
