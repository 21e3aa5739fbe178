/* The extents of a call. In: a request. Out: args->extent, the trip counts and strides of the schedule that the same request
 * chooses (extents.def says what each means), and the number of work units, pieces that may run in any order. Offsets of x
 * are in elements, of codes in bytes (stream: bits), of scales in items. */
#include "codegen/kernel/geometry.h"
#include "codegen/kernel/pass.h"

#include <string.h>

/* UNIT_ELEMENTS: elements of a work unit where the loop nest leaves the choice; a multiple of every chunk, so that units
 * without a scale end on whole bytes. STRIP_DEPTH: rows of a piece of a column whose scale is given; any number is right. */
enum { UNIT_ELEMENTS = 16384, STRIP_DEPTH = 32 };

#define ROWS(name) e[EXTENT_ROWS_##name]
#define COLUMNS(name) e[EXTENT_COLUMNS_##name]
#define STREAM(name) e[EXTENT_STREAM_##name]

/* b is 0 for a tensor without elements alone. */
static int64_t ceil_divide(int64_t a, int64_t b)
{
    return b ? a / b + (a % b != 0) : 0;
}

/* Wraps: a tensor of no elements may have dimensions whose product fits nowhere, and its strides are never used. */
static int64_t times(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Blocks of `block` elements, one after the other over the whole tensor. Where a block may start inside a byte, a unit is a
 * multiple of 8 of them: units end on whole bytes, whatever the block's bits. */
static int64_t bind_run(int64_t *e, const struct geometry *g, int64_t block, int64_t blocks, int64_t scale)
{
    ROWS(blocks) = blocks;
    ROWS(block) = block;
    ROWS(length) = g->elements;
    int64_t unit = block ? UNIT_ELEMENTS / block + 1 : UNIT_ELEMENTS;
    ROWS(unit) = least(g->shifted ? ceil_divide(unit, 8) * 8 : unit, blocks);
    ROWS(units) = ceil_divide(blocks, ROWS(unit));
    ROWS(scale) = scale;
    return ROWS(units);
}

/* A row of codes is a run of its own: rows end inside a byte or a word. */
static int64_t bind_each_row(int64_t *e, const struct geometry *g, int64_t scales)
{
    ROWS(blocks) = ROWS(unit) = ROWS(units) = 1;
    ROWS(block) = ROWS(length) = ROWS(x) = g->columns;
    ROWS(codes) = g->code_row_bytes;
    ROWS(scales) = scales;
    return g->rows;
}

/* One block over all rows. */
static int64_t bind_all_rows(int64_t *e, const struct geometry *g)
{
    bind_each_row(e, g, 0);
    ROWS(inner) = g->rows;
    ROWS(inner_x) = g->columns;
    ROWS(inner_codes) = g->code_row_bytes;
    return 1;
}

/* whole: the tensor's statistics are one block, so it is one unit. */
static int64_t bind_tensor(int64_t *e, const struct geometry *g, bool whole)
{
    if (!g->collapse)
        return whole ? bind_all_rows(e, g) : bind_each_row(e, g, 0);
    int64_t block = whole ? g->elements : least(g->elements, UNIT_ELEMENTS);
    return bind_run(e, g, block, whole ? 1 : ceil_divide(g->elements, block), 0);
}

/* Channel c of an axis that is not the last: `before` times `inner` elements, inner being whole rows. */
static int64_t bind_channel(int64_t *e, const struct geometry *g)
{
    if (g->before == 1 && g->collapse)
        return bind_run(e, g, g->inner, g->length, 1);
    int64_t inner_rows = g->columns ? g->inner / g->columns : 0;
    ROWS(blocks) = ROWS(unit) = ROWS(units) = ROWS(scales) = 1;
    ROWS(x) = g->inner;
    ROWS(codes) = times(inner_rows, g->code_row_bytes);
    ROWS(outer) = g->before;
    ROWS(outer_x) = times(g->length, g->inner);
    ROWS(outer_codes) = times(g->length, ROWS(codes));
    ROWS(inner) = g->collapse ? 1 : inner_rows;
    ROWS(inner_x) = g->columns;
    ROWS(inner_codes) = g->code_row_bytes;
    ROWS(block) = ROWS(length) = g->collapse ? g->inner : g->columns;
    return g->length;
}

/* Groups along rows. Units are whole rows where rows do not end on their own bytes. */
static int64_t bind_group(int64_t *e, const struct geometry *g, int64_t n)
{
    if (g->groups_collapse)
        return bind_run(e, g, n, g->elements / n, 1);
    ROWS(blocks) = ROWS(scales) = ceil_divide(g->columns, n);
    ROWS(block) = n;
    ROWS(length) = ROWS(x) = g->columns;
    ROWS(codes) = g->code_row_bytes;
    ROWS(scale) = 1;
    ROWS(unit) = g->shifted || !g->collapse ? ROWS(blocks) : least(UNIT_ELEMENTS / n + 1, ROWS(blocks));
    ROWS(units) = ceil_divide(ROWS(blocks), ROWS(unit));
    return g->rows * ROWS(units);
}

static int64_t bind_rows(int64_t *e, const struct kernel_request *request, const struct geometry *g)
{
    const struct spec *spec = request->spec;
    ROWS(outer) = ROWS(inner) = 1;
    bool is_dynamic = request->op == KERNEL_quantize_dynamic && spec->scale;
    ROWS(pad) = g->unit > 1 && !g->collapse ? g->code_row_bytes : 0;
    if (!spec->scale || request->op == KERNEL_observe)
        return bind_tensor(e, g, false);
    switch (spec->granularity) {
    case GRANULARITY_channel:
        return bind_channel(e, g);
    case GRANULARITY_token:
        return g->collapse ? bind_run(e, g, g->columns, g->rows, 1) : bind_each_row(e, g, 1);
    case GRANULARITY_group:
        return bind_group(e, g, spec->group);
    case GRANULARITY_tensor:
    case GRANULARITY_block:
        break;
    }
    return bind_tensor(e, g, is_dynamic);
}

/* The strip of lanes below the axis: whole rows taken together where code rows have no padding. */
static void bind_lanes(int64_t *e, const struct geometry *g, int64_t inner, int64_t chunk)
{
    int64_t inner_rows = g->columns ? inner / g->columns : 0;
    COLUMNS(lanes) = g->collapse ? inner : g->columns;
    COLUMNS(rows) = g->collapse ? 1 : inner_rows;
    COLUMNS(x_step) = inner;
    COLUMNS(x_row) = COLUMNS(scale_row) = g->columns;
    COLUMNS(codes_step) = times(inner_rows, g->code_row_bytes);
    COLUMNS(codes_row) = g->code_row_bytes;
    COLUMNS(strips) = ceil_divide(COLUMNS(lanes), chunk);
}

static int64_t bind_columns(int64_t *e, const struct kernel_request *request, const struct geometry *g, int64_t chunk)
{
    if (request->spec->granularity == GRANULARITY_channel) { /* of the last axis: depth = rows; one block, or pieces */
        bool is_dynamic = request->op == KERNEL_quantize_dynamic;
        struct geometry rows = *g;
        rows.collapse = true; /* a step is one row */
        bind_lanes(e, &rows, g->columns, chunk);
        COLUMNS(depth) = g->rows;
        COLUMNS(block) = is_dynamic ? g->rows : least(g->rows, STRIP_DEPTH);
        COLUMNS(blocks) = is_dynamic ? 1 : ceil_divide(g->rows, COLUMNS(block));
        return COLUMNS(blocks) * COLUMNS(strips);
    }
    int64_t n = request->spec->group;
    bind_lanes(e, g, g->inner, chunk);
    COLUMNS(depth) = g->length;
    COLUMNS(block) = n;
    COLUMNS(blocks) = ceil_divide(g->length, n);
    COLUMNS(x) = times(g->length, g->inner);
    COLUMNS(codes) = times(g->length, COLUMNS(codes_step));
    COLUMNS(scale) = g->inner;
    COLUMNS(scales) = times(COLUMNS(blocks), g->inner);
    return g->before * COLUMNS(blocks) * COLUMNS(rows) * COLUMNS(strips);
}

/* Channel c lies at [outer][c][inner rows]: blocks are channels, rows its rows; x needs no stride, it is visited in order. */
static void bind_stream_channel(int64_t *e, const struct geometry *g, int64_t inner_rows)
{
    STREAM(outer) = g->before;
    STREAM(blocks) = g->length;
    STREAM(rows) = inner_rows;
    STREAM(codes_block) = times(inner_rows, STREAM(codes_row));
    STREAM(codes) = times(g->length, STREAM(codes_block));
    STREAM(scale) = 1;
}

/* Groups of the last axis: a run is a group, the last one of a row may be short. */
static void bind_stream_group(int64_t *e, const struct geometry *g, int64_t n)
{
    STREAM(outer) = g->rows;
    STREAM(blocks) = STREAM(scales) = ceil_divide(g->columns, n);
    STREAM(rows) = 1;
    STREAM(run) = STREAM(run_block) = n;
    STREAM(codes) = STREAM(codes_row);
    STREAM(codes_block) = times(n, g->code_bits);
    STREAM(scale) = 1;
}

/* Groups along another axis: a block is n steps down, a run one row of lanes, each with a scale of its own. */
static void bind_across_group(int64_t *e, const struct geometry *g, int64_t n, int64_t inner_rows)
{
    STREAM(outer) = g->before;
    STREAM(blocks) = ceil_divide(g->length, n);
    STREAM(step) = STREAM(step_block) = n;
    STREAM(depth) = g->length;
    STREAM(rows) = inner_rows;
    STREAM(codes_step) = times(inner_rows, STREAM(codes_row));
    STREAM(codes_block) = times(n, STREAM(codes_step));
    STREAM(codes) = times(g->length, STREAM(codes_step));
    STREAM(scale) = g->inner;
    STREAM(scales) = times(STREAM(blocks), g->inner);
    STREAM(scale_row) = g->columns;
}

/* Runs are rows, or parts of them; without blocks and padding the whole tensor is one. */
static int64_t bind_stream(int64_t *e, const struct kernel_request *request, const struct geometry *g, bool across)
{
    const struct spec *spec = request->spec;
    int64_t inner_rows = g->columns ? g->inner / g->columns : 0;
    STREAM(outer) = STREAM(blocks) = STREAM(step) = STREAM(depth) = 1;
    STREAM(rows) = g->rows;
    STREAM(run) = STREAM(length) = g->columns;
    STREAM(codes_row) = g->code_row_bytes * 8;
    bool has_axis = spec->scale && (spec->granularity == GRANULARITY_channel || spec->granularity == GRANULARITY_group);
    if (spec->scale && spec->granularity == GRANULARITY_token)
        STREAM(scale_row) = 1;
    else if (!has_axis && g->collapse)
        STREAM(rows) = 1, STREAM(run) = STREAM(length) = g->elements;
    else if (has_axis && spec->granularity == GRANULARITY_channel && !across)
        bind_stream_channel(e, g, inner_rows);
    else if (has_axis && spec->granularity == GRANULARITY_group)
        across ? bind_across_group(e, g, spec->group, inner_rows) : bind_stream_group(e, g, spec->group);
    return 1;
}

int64_t kernel_bind(const struct kernel_request *given, struct kernel_args *args)
{
    struct kernel_request request = *given;
    if (!request.target)
        request.target = kernel_target_host();
    struct geometry g = geometry_of(&request);
    struct ir_schedule schedule = schedule_choose(&request);
    memset(args->extent, 0, sizeof args->extent);
    switch (schedule.kind) {
    case IR_rows:
    case IR_blocks:
        return bind_rows(args->extent, &request, &g);
    case IR_columns:
        return bind_columns(args->extent, &request, &g, schedule.chunk);
    case IR_stream:
    case IR_across:
        return bind_stream(args->extent, &request, &g, schedule.kind == IR_across);
    case IR_SCHEDULE_COUNT:
        break;
    }
    return 0;
}
