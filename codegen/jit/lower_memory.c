/* Loads and stores of a tile, and codes of 1 to 7 bits. In: l->at of each buffer. Out: parts of a value, or bytes. Layout lsb:
 * element j of a run is bits [j·n, j·n + n) of a little-endian bit stream. Tiles begin on a byte and hold a multiple of 8
 * codes, so that a tile is whole bytes. Codes are loaded zero extended; formula.c extends signs. */
#include "codegen/jit/lower.h"

static LLVMTypeRef int_type(struct lower *l, unsigned bits)
{
    return LLVMIntTypeInContext(l->e.context, bits);
}

/* ---- whole bytes ---- */

static emit_value part_address(struct lower *l, emit_value at, unsigned part, unsigned lanes, unsigned bits)
{
    return part ? emit_offset(&l->e, at, emit_i64(&l->e, (int64_t)part * lanes * bits / 8)) : at;
}

/* Buffers are aligned to their items at least (kernel_args); codes are bytes to LLVM whatever their width. */
static emit_value load_part(struct lower *l, enum ir_buffer buffer, emit_value at, unsigned lanes, const char *name)
{
    unsigned bits = ir_buffer_bits(l->ir, buffer), align = buffer == IR_BUFFER_codes ? 1 : bits / 8;
    if (bits == 32)
        return emit_load(&l->e, emit_vector(lower_type(l, ir_buffer_type(l->ir, buffer)), lanes), at, align, name);
    emit_value narrow = emit_load(&l->e, emit_vector(int_type(l, bits), lanes), at, align, name);
    return emit_cast(&l->e, LLVMZExt, narrow, l->e.i32);
}

/* A tensor's own item is the same for every lane. */
static void load_tensor_item(struct lower *l, const struct ir_value *v, struct lowered *result, struct lower_shape shape)
{
    emit_value item = load_part(l, v->buffer, l->base[v->buffer], 1, v->name);
    result->count = shape.parts;
    for (unsigned i = 0; i < shape.parts; i++)
        result->part[i] = emit_splat(&l->e, item, shape.lanes, v->name);
}

void lower_load(struct lower *l, const struct ir_value *v, struct lowered *result, struct lower_shape shape)
{
    unsigned bits = ir_buffer_bits(l->ir, v->buffer);
    if (ir_buffer_rows[v->buffer].rank == IR_RANK_T) {
        load_tensor_item(l, v, result, shape);
        return;
    }
    if (bits < 8) {
        lower_unpack(l, l->at[v->buffer], result, shape);
        return;
    }
    result->count = shape.parts;
    for (unsigned i = 0; i < shape.parts; i++)
        result->part[i] = load_part(l, v->buffer, part_address(l, l->at[v->buffer], i, shape.lanes, bits), shape.lanes, v->name);
}

static void store_part(struct lower *l, enum ir_buffer buffer, emit_value v, emit_value at)
{
    unsigned bits = ir_buffer_bits(l->ir, buffer), align = buffer == IR_BUFFER_codes ? 1 : bits / 8;
    emit_store(&l->e, bits == 32 ? v : emit_cast(&l->e, LLVMTrunc, v, int_type(l, bits)), at, align);
}

/* Four parts of at least two 128-bit lanes are narrowed together: lower_pack. */
static bool gathers(const struct lower *l, struct lower_shape shape)
{
    bool halves = l->ir->code_bits == 2 || l->ir->code_bits == 4;
    return shape.lanes >= 8 && shape.parts % 4 == 0 && (halves || shape.lanes == 8);
}

void lower_store(struct lower *l, enum ir_buffer buffer, const struct lowered *value, struct lower_shape shape)
{
    unsigned bits = ir_buffer_bits(l->ir, buffer);
    if (ir_buffer_rows[buffer].rank == IR_RANK_T) {
        store_part(l, buffer, emit_lane(&l->e, value->part[0], 0), l->base[buffer]);
        return;
    }
    if (bits < 8) {
        lower_pack(l, l->at[buffer], value, shape);
        return;
    }
    for (unsigned i = 0; i < shape.parts; i++)
        store_part(l, buffer, value->part[i], part_address(l, l->at[buffer], i, shape.lanes, bits));
}

/* ---- codes below 8 bits ----
 * Packing doubles what a lane holds: of lanes of w bits with b valid, two neighbours become one of 2w bits with 2b
 * valid, v | v >> (w - b) masked; where 2b <= w the lane is cut back to w. It ends when b is whole bytes, which are
 * then moved together. Unpacking goes the same steps backwards. */
struct packing {
    unsigned width, bits; /* of a lane: w and b */
};

/* Example, n = 3: (8, 3) (8, 6) (16, 12) (32, 24), which is 3 whole bytes of 4. */
static struct packing next_packing(struct packing p)
{
    struct packing next = {p.width * 2, p.bits * 2};
    if (next.bits <= p.width)
        next.width = p.width;
    return next;
}

static emit_value constant_like(emit_value v, LLVMTypeRef element, uint64_t value)
{
    return emit_fill(LLVMConstInt(element, value, false), emit_lanes(v));
}

static emit_value mask_bits(struct lower *l, emit_value v, unsigned width, unsigned bits)
{
    return emit_and(&l->e, v, constant_like(v, int_type(l, width), ((uint64_t)1 << bits) - 1));
}

/* v | v >> (w - b); where the two would overlap each is masked first. */
static emit_value join_neighbours(struct lower *l, emit_value v, struct packing p)
{
    LLVMTypeRef wide = int_type(l, p.width * 2);
    uint64_t low = ((uint64_t)1 << p.bits) - 1;
    v = emit_bitcast(&l->e, v, emit_vector(wide, emit_lanes(v) / 2));
    emit_value high = emit_shift_right(&l->e, v, constant_like(v, wide, p.width - p.bits));
    if (2 * p.bits <= p.width)
        v = mask_bits(l, emit_or(&l->e, v, high), p.width * 2, p.bits * 2);
    else
        v = emit_or(&l->e, emit_and(&l->e, v, constant_like(v, wide, low)),
                    emit_and(&l->e, high, constant_like(v, wide, low << p.bits)));
    return emit_resize(&l->e, v, int_type(l, next_packing(p).width));
}

/* The inverse of join_neighbours, for the same p. */
static emit_value split_neighbours(struct lower *l, emit_value v, struct packing p)
{
    LLVMTypeRef wide = int_type(l, p.width * 2);
    uint64_t low = ((uint64_t)1 << p.bits) - 1;
    v = emit_resize(&l->e, v, wide);
    emit_value high = emit_shift_left(&l->e, v, constant_like(v, wide, p.width - p.bits));
    if (2 * p.bits <= p.width)
        v = emit_and(&l->e, emit_or(&l->e, v, high), constant_like(v, wide, low | low << p.width));
    else
        v = emit_or(&l->e, emit_and(&l->e, v, constant_like(v, wide, low)),
                    emit_and(&l->e, high, constant_like(v, wide, low << p.width)));
    return emit_bitcast(&l->e, v, emit_vector(int_type(l, p.width), emit_lanes(v) * 2));
}

/* lane i of bytes: the kept bytes of each lane, one after the other (or back, with zeros between) */
static emit_value move_bytes(struct lower *l, emit_value bytes, struct packing p, bool pack)
{
    unsigned keep = p.bits / 8, of = p.width / 8, lanes = emit_lanes(bytes), count = pack ? lanes / of * keep : lanes / keep * of;
    int mask[128];
    for (unsigned i = 0; i < count; i++)
        mask[i] = pack ? (int)(i / keep * of + i % keep) : i % of < keep ? (int)(i / of * keep + i % of) : (int)lanes;
    return emit_shuffle(&l->e, bytes, emit_null(LLVMTypeOf(bytes)), mask, count);
}

/* Scalars: one i64 holds eight codes. */
static void pack_scalars(struct lower *l, emit_value at, const struct lowered *value, unsigned bits)
{
    for (unsigned first = 0; first < value->count; first += 8) {
        emit_value all = emit_i64(&l->e, 0);
        for (unsigned i = 0; i < 8; i++) {
            emit_value k = emit_cast(&l->e, LLVMZExt, mask_bits(l, value->part[first + i], 32, bits), l->e.i64);
            all = emit_or(&l->e, all, emit_shift_left(&l->e, k, emit_i64(&l->e, i * bits)));
        }
        for (unsigned byte = 0; byte < bits; byte++) {
            emit_value b = emit_shift_right(&l->e, all, emit_i64(&l->e, 8 * byte));
            emit_store(&l->e, emit_resize(&l->e, b, l->e.i8), emit_offset(&l->e, at, emit_i64(&l->e, first / 8 * bits + byte)), 1);
        }
    }
}

static void unpack_scalars(struct lower *l, emit_value at, struct lowered *result, unsigned bits)
{
    for (unsigned first = 0; first < result->count; first += 8) {
        emit_value all = emit_i64(&l->e, 0);
        for (unsigned byte = 0; byte < bits; byte++) {
            emit_value from = emit_offset(&l->e, at, emit_i64(&l->e, first / 8 * bits + byte));
            emit_value b = emit_cast(&l->e, LLVMZExt, emit_load(&l->e, l->e.i8, from, 1, ""), l->e.i64);
            all = emit_or(&l->e, all, emit_shift_left(&l->e, b, emit_i64(&l->e, 8 * byte)));
        }
        for (unsigned i = 0; i < 8; i++) {
            emit_value k = emit_shift_right(&l->e, all, emit_i64(&l->e, i * bits));
            result->part[first + i] = mask_bits(l, emit_resize(&l->e, k, l->e.i32), 32, bits);
        }
    }
}

static emit_value join_parts(struct lower *l, const struct lowered *value)
{
    emit_value all[LOWER_PARTS];
    for (unsigned i = 0; i < value->count; i++)
        all[i] = value->part[i];
    for (unsigned count = value->count; count > 1; count /= 2)
        for (unsigned i = 0; i < count / 2; i++)
            all[i] = emit_concat(&l->e, all[2 * i], all[2 * i + 1]);
    return all[0];
}

/* Low bytes of four parts in one shuffle each: within every 128-bit lane, part p's four bytes go to dword p; the four
 * are disjoint and or'ed. Dword p of lane i so holds codes of part p, which order_units puts in order. */
static emit_value gather_four(struct lower *l, const emit_value *parts)
{
    unsigned bytes = 4 * emit_lanes(parts[0]);
    emit_value all = NULL;
    for (unsigned p = 0; p < 4; p++) {
        int mask[64];
        for (unsigned i = 0; i < bytes; i++) {
            unsigned at = i % 16;
            mask[i] = at / 4 == p ? (int)(i - at + at % 4 * 4) : (int)bytes; /* bytes: a zero */
        }
        emit_value v = emit_bitcast(&l->e, parts[p], emit_vector(l->e.i8, bytes));
        v = emit_shuffle(&l->e, v, emit_null(LLVMTypeOf(v)), mask, bytes);
        all = all ? emit_or(&l->e, all, v) : v;
    }
    return all;
}

/* Units of `size` bytes, four codes each: from (lane, part) to (part, lane), for every four parts of `lanes` codes. */
static emit_value order_units(struct lower *l, emit_value bytes, unsigned lanes, unsigned size)
{
    int mask[64];
    unsigned count = emit_lanes(bytes), across = lanes / 4;
    for (unsigned i = 0; i < count; i++) {
        unsigned unit = i / size % lanes, first = i / size - unit;
        mask[i] = (int)((first + unit % across * 4 + unit / across) * size + i % size);
    }
    return emit_shuffle(&l->e, bytes, emit_null(LLVMTypeOf(bytes)), mask, count);
}

/* The codes' low bytes, one after the other; ordered: in order, not as gathered. */
static emit_value narrow_to_bytes(struct lower *l, const struct lowered *value, struct lower_shape shape, bool gather)
{
    struct lowered bytes = {.count = gather ? shape.parts / 4 : shape.parts};
    for (unsigned i = 0; i < bytes.count; i++)
        bytes.part[i] = gather ? gather_four(l, &value->part[4 * i]) : emit_cast(&l->e, LLVMTrunc, value->part[i], l->e.i8);
    return join_parts(l, &bytes);
}

/* Gathered codes are put in order when they are fewest: packed, if four of them are whole bytes. */
void lower_pack(struct lower *l, emit_value at, const struct lowered *value, struct lower_shape shape)
{
    unsigned n = l->ir->code_bits;
    struct packing p = {8, n};
    bool gather = gathers(l, shape);
    if (shape.lanes == 1) {
        pack_scalars(l, at, value, p.bits);
        return;
    }
    emit_value v = narrow_to_bytes(l, value, shape, gather);
    if (n < 8)
        v = mask_bits(l, v, 8, n);
    if (gather && n % 2)
        v = order_units(l, v, shape.lanes, 4);
    while (p.bits % 8) {
        v = join_neighbours(l, v, p);
        p = next_packing(p);
    }
    v = emit_bitcast(&l->e, v, emit_vector(l->e.i8, emit_lanes(v) * p.width / 8));
    if (p.bits < p.width)
        v = move_bytes(l, v, p, true);
    if (gather && n % 2 == 0)
        v = order_units(l, v, shape.lanes, n / 2);
    emit_store(&l->e, v, at, 1);
}

/* The steps of packing are listed first, then gone through backwards. */
void lower_unpack(struct lower *l, emit_value at, struct lowered *result, struct lower_shape shape)
{
    struct packing steps[8] = {{8, l->ir->code_bits}};
    unsigned last = 0, items = shape.parts * shape.lanes;
    result->count = shape.parts;
    if (shape.lanes == 1) {
        unpack_scalars(l, at, result, l->ir->code_bits);
        return;
    }
    for (; steps[last].bits % 8; last++)
        steps[last + 1] = next_packing(steps[last]);
    emit_value v = emit_load(&l->e, emit_vector(l->e.i8, items * l->ir->code_bits / 8), at, 1, "codes");
    if (steps[last].bits < steps[last].width)
        v = move_bytes(l, v, steps[last], false);
    unsigned lanes = emit_lanes(v) * 8 / steps[last].width;
    v = emit_bitcast(&l->e, v, emit_vector(int_type(l, steps[last].width), lanes));
    while (last-- > 0)
        v = split_neighbours(l, v, steps[last]);
    for (unsigned i = 0; i < shape.parts; i++)
        result->part[i] = emit_cast(&l->e, LLVMZExt, emit_slice(&l->e, v, i * shape.lanes, shape.lanes), l->e.i32);
}
