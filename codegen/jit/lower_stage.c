/* Tiles that end early. The valid items of a tile are copied to zeroed stack memory, the same code runs over it, and
 * what it wrote is copied back: so a tile is always whole, no store is masked, and nothing outside the buffers is
 * touched. Zeros are neutral: reductions include 0, and codes of missing elements are cut off bit by bit. */
#include "codegen/jit/lower.h"

void lower_find_use(const struct ir_region *region, struct lower_use *use)
{
    IR_EACH_VALUE(region, v) {
        use->reads[v->buffer] |= v->op == IR_load;
        use->writes[v->buffer] |= v->op == IR_store;
    }
    if (lower_twin(region))
        lower_find_use(lower_twin(region), use);
}

static unsigned bits_of(struct lower *l, const struct lower_stage *s)
{
    return ir_buffer_bits(l->ir, s->buffer);
}

/* Bytes of a whole tile, 8 more for a row's padding and the word that cut_codes reads, in whole lines of 64 bytes. */
static unsigned slot_bytes(struct lower *l, const struct lower_stage *s)
{
    return (s->items * bits_of(l, s) / 8 + 8 + 63) / 64 * 64;
}

/* One slot for each buffer of the kernel, as large as its first tile asks for: tiles of one buffer are of one size. */
static emit_value slot_of(struct lower *l, const struct lower_stage *s)
{
    if (!l->slot[s->buffer])
        l->slot[s->buffer] = emit_alloca(&l->e, l->e.i8, slot_bytes(l, s), "slot");
    return l->slot[s->buffer];
}

static void clear_slot(struct lower *l, const struct lower_stage *s)
{
    struct emit *e = &l->e;
    LLVMTypeRef piece = LLVMVectorType(e->i64, 2);
    struct emit_loop loop;
    emit_loop_open(e, &loop, emit_i64(e, 0), emit_i64(e, slot_bytes(l, s)), emit_i64(e, 16), NULL, 0, "clear");
    emit_store(e, emit_null(piece), emit_offset(e, slot_of(l, s), loop.index), 16);
    emit_loop_close(e, &loop, NULL);
}

/* (valid * bits + 7) / 8 */
static emit_value valid_bytes(struct lower *l, const struct lower_stage *s)
{
    struct emit *e = &l->e;
    emit_value bits = emit_mul(e, s->valid, emit_i64(e, bits_of(l, s)));
    return emit_shift_right(e, emit_add(e, bits, emit_i64(e, 7)), emit_i64(e, 3));
}

/* for (i = 0; i < bytes; i += size) to[i] = from[i], pieces of 4, 2 or 1 bytes
 * A piece is one item where items are whole bytes, so that neither side is read past its end. */
static void copy_bytes(struct lower *l, const struct lower_stage *s, emit_value to, emit_value from, emit_value bytes)
{
    struct emit *e = &l->e;
    unsigned bits = bits_of(l, s), size = bits % 8 || s->round_up ? 1 : bits / 8;
    LLVMTypeRef piece = size == 4 ? e->i32 : size == 2 ? e->i16 : e->i8;
    struct emit_loop loop;
    emit_loop_open(e, &loop, emit_i64(e, 0), bytes, emit_i64(e, size), NULL, 0, "copy");
    emit_value v = emit_load(e, piece, emit_offset(e, from, loop.index), 1, "");
    emit_store(e, v, emit_offset(e, to, loop.index), 1);
    emit_loop_close(e, &loop, NULL);
}

static emit_value load_byte(struct lower *l, emit_value place, emit_value i)
{
    emit_value b = emit_load(&l->e, l->e.i8, emit_offset(&l->e, place, i), 1, "");
    return emit_cast(&l->e, LLVMZExt, b, l->e.i64);
}

static void store_byte(struct lower *l, emit_value v, emit_value place, emit_value i)
{
    emit_store(&l->e, emit_resize(&l->e, v, l->e.i8), emit_offset(&l->e, place, i), 1);
}

/* slot[i] = place[i] >> shift | place[i + 1] << (8 - shift), never reading past the byte of the last valid bit */
static void copy_shifted_in(struct lower *l, const struct lower_stage *s, emit_value slot)
{
    struct emit *e = &l->e;
    emit_value bits = emit_add(e, emit_mul(e, s->valid, emit_i64(e, bits_of(l, s))), s->shift);
    emit_value last = emit_sub(e, emit_shift_right(e, emit_add(e, bits, emit_i64(e, 7)), emit_i64(e, 3)), emit_i64(e, 1));
    struct emit_loop loop;
    emit_loop_open(e, &loop, emit_i64(e, 0), valid_bytes(l, s), emit_i64(e, 1), NULL, 0, "shift");
    emit_value low = load_byte(l, s->place, loop.index);
    emit_value high = load_byte(l, s->place, emit_least(e, emit_add(e, loop.index, emit_i64(e, 1)), last));
    emit_value both = emit_shift_right(e, emit_or(e, low, emit_shift_left(e, high, emit_i64(e, 8))), s->shift);
    store_byte(l, both, slot, loop.index);
    emit_loop_close(e, &loop, NULL);
}

/* carry = place[0] below shift; for each byte: both = slot[i] << shift | carry; place[i] = both; carry = both >> 8;
 * what then still carries valid bits is one more byte */
static void copy_shifted_out(struct lower *l, const struct lower_stage *s, emit_value slot)
{
    struct emit *e = &l->e;
    emit_value one = emit_i64(e, 1), bytes = valid_bytes(l, s);
    emit_value below = emit_sub(e, emit_shift_left(e, one, s->shift), one);
    emit_value carry = emit_and(e, load_byte(l, s->place, emit_i64(e, 0)), below);
    struct emit_loop loop;
    emit_loop_open(e, &loop, emit_i64(e, 0), bytes, one, &carry, 1, "shift");
    emit_value both = emit_or(e, emit_shift_left(e, load_byte(l, slot, loop.index), s->shift), carry);
    store_byte(l, both, s->place, loop.index);
    carry = emit_shift_right(e, both, emit_i64(e, 8));
    emit_loop_close(e, &loop, &carry);
    emit_value bits = emit_add(e, emit_mul(e, s->valid, emit_i64(e, bits_of(l, s))), s->shift);
    emit_value more = emit_compare(e, LLVMIntSGT, bits, emit_shift_left(e, bytes, emit_i64(e, 3)), "");
    struct emit_branch rest;
    emit_when_open(e, &rest, more, "rest");
    store_byte(l, carry, s->place, bytes);
    emit_when_close(e, &rest);
}

/* A tile that is only written needs no zeros: the region writes the whole slot. */
emit_value lower_stage_open(struct lower *l, const struct lower_stage *s)
{
    struct emit *e = &l->e;
    emit_value slot = slot_of(l, s);
    if (s->reads) {
        struct emit_branch early;
        emit_when_open(e, &early, emit_compare(e, LLVMIntEQ, s->full, emit_null(e->i1), ""), "early");
        clear_slot(l, s);
        if (s->shift)
            copy_shifted_in(l, s, slot);
        else
            copy_bytes(l, s, slot, s->place, valid_bytes(l, s));
        emit_when_close(e, &early);
    }
    return emit_select(e, s->full, s->place, slot, "place");
}

/* Bits after the last valid code become 0. */
static void cut_codes(struct lower *l, const struct lower_stage *s, emit_value slot)
{
    struct emit *e = &l->e;
    emit_value bits = emit_mul(e, s->valid, emit_i64(e, bits_of(l, s))), whole = emit_shift_right(e, bits, emit_i64(e, 3));
    emit_value rest = emit_and(e, bits, emit_i64(e, 7));
    emit_value below = emit_sub(e, emit_shift_left(e, emit_i64(e, 1), rest), emit_i64(e, 1));
    emit_value last = emit_load(e, e->i32, emit_offset(e, slot, whole), 1, "last");
    emit_store(e, emit_and(e, last, emit_resize(e, below, e->i32)), emit_offset(e, slot, whole), 1);
}

void lower_stage_close(struct lower *l, const struct lower_stage *s)
{
    struct emit *e = &l->e;
    emit_value slot = slot_of(l, s), bytes;
    struct emit_branch early;
    if (!s->writes)
        return;
    emit_when_open(e, &early, emit_compare(e, LLVMIntEQ, s->full, emit_null(e->i1), ""), "early");
    if (s->buffer == IR_BUFFER_codes && (bits_of(l, s) < 8 || s->round_up))
        cut_codes(l, s, slot);
    bytes = valid_bytes(l, s);
    if (s->round_up) /* to the row unit of 4 bytes */
        bytes = emit_and(e, emit_add(e, bytes, emit_i64(e, 3)), emit_i64(e, -4));
    if (s->shift)
        copy_shifted_out(l, s, slot);
    else
        copy_bytes(l, s, s->place, slot, bytes);
    emit_when_close(e, &early);
}
