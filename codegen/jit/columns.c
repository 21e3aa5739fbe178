/* Schedule `columns`: every lane is a block that runs down the rows. extents.def, COLUMNS. A strip of `chunk` lanes
 * goes down once for its statistics and once more, from the cache, for its codes. */
#include "codegen/jit/lower.h"

#define COLUMNS(name) lower_extent(l, EXTENT_COLUMNS_##name)

/* The strip at hand: its first element, code byte and scale; lanes that exist; steps down. */
struct strip {
    emit_value x, codes, scale, lanes, depth, full;
};

/* Opens tiles of the strip for the buffers that a region uses, `items` = chunk.
 * step NULL: block items (scale, zero) alone are used. Stages stand in an array by buffer; those of unused ones neither read
 * nor write. */
static void open_buffers(struct lower *l, struct lower_stage *stages, const struct lower_use *use, const struct strip *s,
                         emit_value step)
{
    struct emit *e = &l->e;
    emit_value x = s->x, codes = s->codes;
    if (step) {
        x = emit_add(e, x, emit_mul(e, step, COLUMNS(x_step)));
        codes = emit_add(e, codes, emit_mul(e, step, COLUMNS(codes_step)));
    }
    for (unsigned i = 0; i <= IR_BUFFER_zero; i++) {
        enum ir_buffer buffer = (enum ir_buffer)i;
        emit_value bytes = emit_i64(e, ir_buffer_bits(l->ir, buffer) / 8);
        emit_value item = buffer == IR_BUFFER_x ? emit_mul(e, x, bytes) : buffer == IR_BUFFER_codes ? codes : emit_mul(e, s->scale, bytes);
        stages[i] = (struct lower_stage){.buffer = buffer, .items = l->ir->schedule.chunk, .valid = s->lanes, .full = s->full,
                                         .place = emit_offset(e, l->base[i], item), .reads = use->reads[i], .writes = use->writes[i],
                                         .round_up = buffer == IR_BUFFER_codes && l->ir->code_unit > 1};
        if (use->reads[i] || use->writes[i])
            l->at[i] = lower_stage_open(l, &stages[i]);
    }
}

static void close_buffers(struct lower *l, const struct lower_stage *stages)
{
    for (unsigned i = 0; i <= IR_BUFFER_zero; i++)
        lower_stage_close(l, &stages[i]);
}

static void lower_once(struct lower *l, const struct ir_region *r, const struct strip *s)
{
    struct lower_stage stages[IR_BUFFER_zero + 1];
    struct lower_use use = {0};
    lower_find_use(r, &use);
    open_buffers(l, stages, &use, s, NULL);
    lower_views(l, r);
    lower_region(l, r);
    close_buffers(l, stages);
}

/* Each step down opens and closes the tile's buffers: rows are not adjacent. */
static void loop_strip(struct lower *l, const struct ir_region *r, void *user)
{
    const struct strip *s = user;
    struct emit *e = &l->e;
    struct lower_stage stages[IR_BUFFER_zero + 1];
    struct lower_use use = {0};
    struct emit_loop down;
    emit_value carried[EMIT_CARRIED];
    lower_find_use(r, &use);
    lower_views(l, r);
    lower_start_reductions(l, r);
    unsigned count = lower_carry(l, r, carried);
    emit_loop_open(e, &down, emit_i64(e, 0), s->depth, emit_i64(e, 1), carried, count, "down");
    lower_uncarry(l, r, carried);
    open_buffers(l, stages, &use, s, down.index);
    lower_body(l, r, NULL, NULL);
    close_buffers(l, stages);
    lower_carry(l, r, carried);
    emit_loop_close(e, &down, carried);
    lower_uncarry(l, r, carried);
}

/* A strip has all steps of its block: its statistics need no other unit's. */
static void lower_strip(struct lower *l, struct strip *s)
{
    for (const struct ir_region *r = l->ir->first; r; r = r->next)
        if (r->kind == IR_ONCE)
            lower_once(l, r, s);
        else if (r->kind == IR_EACH)
            r = lower_each(l, r, loop_strip, s);
}

/* unit -> ((outer·blocks + block)·rows + row)·strips + strip */
static struct strip find_strip(struct lower *l, emit_value unit)
{
    struct emit *e = &l->e;
    emit_value chunk = emit_i64(e, l->ir->schedule.chunk), bits = emit_i64(e, l->ir->code_bits);
    emit_value first = emit_mul(e, emit_rest(e, unit, COLUMNS(strips)), chunk), rest = emit_divide(e, unit, COLUMNS(strips));
    emit_value row = emit_rest(e, rest, COLUMNS(rows));
    rest = emit_divide(e, rest, COLUMNS(rows));
    emit_value block = emit_rest(e, rest, COLUMNS(blocks)), outer = emit_divide(e, rest, COLUMNS(blocks));
    emit_value top = emit_mul(e, block, COLUMNS(block)); /* steps above the block */
    struct strip s = {.lanes = emit_least(e, chunk, emit_sub(e, COLUMNS(lanes), first)),
                      .depth = emit_least(e, COLUMNS(block), emit_sub(e, COLUMNS(depth), top))};
    s.full = emit_compare(e, LLVMIntEQ, s.lanes, chunk, "full");
    s.x = emit_add(e, emit_mul(e, outer, COLUMNS(x)), emit_mul(e, top, COLUMNS(x_step)));
    s.x = emit_add(e, emit_add(e, s.x, emit_mul(e, row, COLUMNS(x_row))), first);
    s.codes = emit_add(e, emit_mul(e, outer, COLUMNS(codes)), emit_mul(e, top, COLUMNS(codes_step)));
    s.codes = emit_add(e, emit_add(e, s.codes, emit_mul(e, row, COLUMNS(codes_row))),
                       emit_shift_right(e, emit_mul(e, first, bits), emit_i64(e, 3)));
    s.scale = emit_add(e, emit_mul(e, outer, COLUMNS(scales)), emit_mul(e, block, COLUMNS(scale)));
    s.scale = emit_add(e, emit_add(e, s.scale, emit_mul(e, row, COLUMNS(scale_row))), first);
    return s;
}

void lower_columns(struct lower *l)
{
    struct emit *e = &l->e;
    struct emit_loop units;
    lower_start(l);
    emit_loop_open(e, &units, l->begin, l->end, emit_i64(e, 1), NULL, 0, "units");
    struct strip s = find_strip(l, units.index);
    lower_strip(l, &s);
    emit_loop_close(e, &units, NULL);
    emit_return(e);
}
