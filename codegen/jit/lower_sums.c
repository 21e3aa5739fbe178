/* The sums of `error`: struct kernel_sums, in the order that its comment gives.
 * x and y of a chunk of 4096 elements are collected in two stack arrays; a full chunk (the last one is filled up with
 * zeros) is added in 64 lanes of f64, lane i taking elements i, i + 64, …; then lanes are added as halves, and the
 * chunk's sums to the totals. Where x is not finite both arrays hold 0, which adds nothing. */
#include "codegen/jit/lower.h"

#include <stddef.h>

enum { SUMS_CHUNK = 4096, SUMS_LANES = 64, SUMS_GROUP = 8, SUMS_COUNT = 4 };

/* Offsets into the stack state: x, y (each with room for one tile past its end), lanes, then the fill level. */
enum {
    SUMS_X = 0,
    SUMS_Y = SUMS_X + (SUMS_CHUNK + 64) * 4,
    SUMS_LANE = SUMS_Y + (SUMS_CHUNK + 64) * 4,
    SUMS_FILL = SUMS_LANE + (SUMS_COUNT + 1) * SUMS_LANES * 8,
    SUMS_BYTES = SUMS_FILL + 64
};

static emit_value state_at(struct lower *l, unsigned offset)
{
    return emit_offset(&l->e, l->sums, emit_i64(&l->e, offset));
}

/* The sums' pointer is loaded again each time: no inner loop asks for it. */
static emit_value member(struct lower *l, size_t offset)
{
    emit_value sums = emit_load(&l->e, l->e.pointer, emit_offset(&l->e, l->args, emit_i64(&l->e, offsetof(struct kernel_args, sums))), 8, "sums");
    return emit_offset(&l->e, sums, emit_i64(&l->e, (int64_t)offset));
}

static emit_value fill_level(struct lower *l)
{
    return emit_load(&l->e, l->e.i64, state_at(l, SUMS_FILL), 8, "fill");
}

/* All members are 8 bytes, and 0.0 and 0 have the same bits. */
void lower_sums_open(struct lower *l)
{
    struct emit *e = &l->e;
    l->sums = emit_alloca(e, e->i8, SUMS_BYTES, "sums");
    emit_store(e, emit_i64(e, 0), state_at(l, SUMS_FILL), 8);
    for (size_t offset = 0; offset < sizeof(struct kernel_sums); offset += 8)
        emit_store(e, emit_i64(e, 0), member(l, offset), 8);
}

emit_value lower_sums_room(struct lower *l)
{
    return emit_sub(&l->e, emit_i64(&l->e, SUMS_CHUNK), fill_level(l));
}

/* ---- a tile ---- */

static void add_count(struct lower *l, emit_value count, size_t offset)
{
    emit_value at = member(l, offset), before = emit_load(&l->e, l->e.i64, at, 8, "");
    emit_store(&l->e, emit_add(&l->e, before, count), at, 8);
}

/* Lanes of part `part` that exist: first + iota < valid */
static emit_value exist(struct lower *l, unsigned part, unsigned lanes)
{
    struct emit *e = &l->e;
    emit_value valid = emit_splat(e, emit_resize(e, l->valid, e->i32), lanes, "valid");
    emit_value index = emit_add(e, emit_iota(e, lanes), emit_fill(emit_i32(e, part * lanes), lanes));
    return emit_compare(e, LLVMIntSLT, index, valid, "exist");
}

/* Values of elements that do not exist lie past the fill level: the next tile, or clear_from, overwrites them. */
static void put_values(struct lower *l, emit_value v, emit_value is_finite, unsigned base, unsigned first)
{
    struct emit *e = &l->e;
    emit_value to = emit_element(e, e->f32, state_at(l, base), emit_add(e, fill_level(l), emit_i64(e, first)));
    emit_store(e, emit_select(e, is_finite, v, emit_null(LLVMTypeOf(v)), ""), to, 4);
}

/* Counts of one part: of NaN, of Inf, of finite x that the clamp changed. */
struct counts {
    emit_value nan, inf, saturated;
};

static void count_part(struct lower *l, struct counts *c, emit_value x, emit_value is_finite, emit_value saturated, emit_value here)
{
    struct emit *e = &l->e;
    emit_value inf = emit_constant_bits(e, e->f32, 0x7f800000, emit_lanes(x));
    emit_value is_nan = emit_compare_float(e, LLVMRealUNO, x, x, "nan");
    emit_value is_inf = emit_compare_float(e, LLVMRealOEQ, emit_abs_float(e, x, "a"), inf, "inf");
    c->nan = emit_add(e, c->nan, emit_count(e, emit_and(e, is_nan, here)));
    c->inf = emit_add(e, c->inf, emit_count(e, emit_and(e, is_inf, here)));
    c->saturated = emit_add(e, c->saturated, emit_count(e, emit_and(e, emit_and(e, saturated, is_finite), here)));
}

/* Reads l->valid. y of an element whose x is not finite is dropped as well: e, x², y² and xy are over finite x. */
void lower_sums_add(struct lower *l, const struct lowered *x, const struct lowered *y, const struct lowered *saturated)
{
    struct emit *e = &l->e;
    struct counts c = {emit_i64(e, 0), emit_i64(e, 0), emit_i64(e, 0)};
    for (unsigned i = 0; i < x->count; i++) {
        emit_value v = x->part[i];
        unsigned lanes = emit_lanes(v);
        emit_value inf = emit_constant_bits(e, e->f32, 0x7f800000, lanes);
        emit_value is_finite = emit_compare_float(e, LLVMRealOLT, emit_abs_float(e, v, "a"), inf, "finite");
        count_part(l, &c, v, is_finite, saturated->part[i], exist(l, i, lanes));
        put_values(l, v, is_finite, SUMS_X, i * lanes);
        put_values(l, y->part[i], is_finite, SUMS_Y, i * lanes);
    }
    add_count(l, c.nan, offsetof(struct kernel_sums, nan));
    add_count(l, c.inf, offsetof(struct kernel_sums, inf));
    add_count(l, c.saturated, offsetof(struct kernel_sums, saturated));
}

/* ---- a chunk ---- */

struct lane_sums {
    emit_value sum[SUMS_COUNT + 1]; /* e2, x2, y2, xy, max |e| */
};

static emit_value larger(struct emit *e, emit_value a, emit_value b)
{
    return emit_select(e, emit_compare_float(e, LLVMRealOGT, b, a, ""), b, a, "");
}

/* Two roundings, product and sum: the order of operations is part of the result, and no fma is used. */
static emit_value add_product(struct emit *e, emit_value sum, emit_value a, emit_value b)
{
    return emit_binary(e, LLVMFAdd, sum, emit_binary(e, LLVMFMul, a, b, ""), "");
}

/* Elements index to index + 8 of the chunk, in eight lanes; an f64 holds every f32 exactly. */
static void add_elements(struct lower *l, emit_value index, emit_value *sum)
{
    struct emit *e = &l->e;
    LLVMTypeRef vector = LLVMVectorType(e->f32, SUMS_GROUP);
    emit_value x = emit_load(e, vector, emit_element(e, e->f32, state_at(l, SUMS_X), index), 4, "x");
    emit_value y = emit_load(e, vector, emit_element(e, e->f32, state_at(l, SUMS_Y), index), 4, "y");
    x = emit_cast(e, LLVMFPExt, x, e->f64);
    y = emit_cast(e, LLVMFPExt, y, e->f64);
    emit_value error = emit_binary(e, LLVMFSub, x, y, "e");
    sum[0] = add_product(e, sum[0], error, error);
    sum[1] = add_product(e, sum[1], x, x);
    sum[2] = add_product(e, sum[2], y, y);
    sum[3] = add_product(e, sum[3], x, y);
    sum[4] = larger(e, sum[4], emit_abs_float(e, error, "a"));
}

static emit_value lane_at(struct lower *l, unsigned sum, emit_value lane)
{
    emit_value base = state_at(l, SUMS_LANE + sum * SUMS_LANES * 8);
    return emit_element(&l->e, l->e.f64, base, lane);
}

/* for each eight lanes: for each 64 elements of the chunk: add */
static void add_lanes(struct lower *l)
{
    struct emit *e = &l->e;
    struct emit_loop groups, rows;
    emit_value sum[SUMS_COUNT + 1];
    emit_loop_open(e, &groups, emit_i64(e, 0), emit_i64(e, SUMS_LANES), emit_i64(e, SUMS_GROUP), NULL, 0, "lanes");
    for (unsigned i = 0; i <= SUMS_COUNT; i++)
        sum[i] = emit_null(LLVMVectorType(e->f64, SUMS_GROUP));
    emit_loop_open(e, &rows, groups.index, emit_i64(e, SUMS_CHUNK), emit_i64(e, SUMS_LANES), sum, SUMS_COUNT + 1, "elements");
    add_elements(l, rows.index, sum);
    emit_loop_close(e, &rows, sum);
    for (unsigned i = 0; i <= SUMS_COUNT; i++)
        emit_store(e, sum[i], lane_at(l, i, groups.index), 8);
    emit_loop_close(e, &groups, NULL);
}

/* for (h = 32; h > 0; h /= 2) for (i = 0; i < h; i++) lane[i] += lane[i + h]; then into the total */
static void add_total(struct lower *l, unsigned sum)
{
    struct emit *e = &l->e;
    emit_value all = emit_load(e, LLVMVectorType(e->f64, SUMS_LANES), lane_at(l, sum, emit_i64(e, 0)), 8, "lanes");
    emit_value at = member(l, 8 * sum), before = emit_load(e, e->f64, at, 8, "total");
    for (unsigned h = SUMS_LANES / 2; h > 0; h /= 2) {
        emit_value low = emit_slice(e, all, 0, h), high = emit_slice(e, all, h, h);
        all = sum == SUMS_COUNT ? larger(e, low, high) : emit_binary(e, LLVMFAdd, low, high, "");
    }
    emit_store(e, sum == SUMS_COUNT ? larger(e, before, all) : emit_binary(e, LLVMFAdd, before, all, ""), at, 8);
}

/* Chunks are added in the order of the elements, one thread a tensor: the same bits on every machine. */
static void add_chunk(struct lower *l)
{
    add_lanes(l);
    for (unsigned i = 0; i <= SUMS_COUNT; i++)
        add_total(l, i);
}

/* lower_sums_room has bounded count, so the level meets 4096 exactly. */
void lower_sums_advance(struct lower *l, emit_value count)
{
    struct emit *e = &l->e;
    emit_value fill = emit_add(e, fill_level(l), count);
    emit_store(e, fill, state_at(l, SUMS_FILL), 8);
    struct emit_branch full;
    emit_when_open(e, &full, emit_compare(e, LLVMIntEQ, fill, emit_i64(e, SUMS_CHUNK), ""), "chunk");
    add_chunk(l);
    emit_store(e, emit_i64(e, 0), state_at(l, SUMS_FILL), 8);
    emit_when_close(e, &full);
}

static void clear_from(struct lower *l, unsigned base)
{
    struct emit *e = &l->e;
    struct emit_loop rest;
    emit_loop_open(e, &rest, fill_level(l), emit_i64(e, SUMS_CHUNK), emit_i64(e, 1), NULL, 0, "clear");
    emit_store(e, emit_null(e->f32), emit_element(e, e->f32, state_at(l, base), rest.index), 4);
    emit_loop_close(e, &rest, NULL);
}

/* The last chunk is short. */
void lower_sums_close(struct lower *l)
{
    struct emit *e = &l->e;
    struct emit_branch some;
    emit_when_open(e, &some, emit_compare(e, LLVMIntSGT, fill_level(l), emit_i64(e, 0), ""), "last");
    clear_from(l, SUMS_X);
    clear_from(l, SUMS_Y);
    add_chunk(l);
    emit_when_close(e, &some);
}
