/* Pieces: cutting tensors, and the stored spelling of zero points. In: a spec and a shape; out: pieces whose codes, scales and
 * zero points are runs of the whole tensor's bytes. See piece.h. */
#include "runtime/piece.h"

#include <string.h>
#include "runtime/report.h"

/* A piece has about 2^20 elements: small enough to stay in the second-level cache, large enough that calls cost nothing.
 * Zero points packed down the columns end at a word's end every 32 rows. */
enum { PIECE_ELEMENTS = 1 << 20, PIECE_ROWS = 32 };

/* Do steps of dimension 0 not depend on each other? *multiple: how many belong together. */
static bool is_separable(const struct spec *spec, int rank, int64_t *multiple)
{
    int axis = spec->axis < 0 ? spec->axis + rank : spec->axis;
    *multiple = PIECE_ROWS;
    if (rank < 2)
        return false;
    if (!spec->scale)
        return true;
    switch (spec->granularity) {
    case GRANULARITY_tensor:
    case GRANULARITY_block:
        return false;
    case GRANULARITY_token:
        return true;
    case GRANULARITY_channel:
        return axis == 0;
    case GRANULARITY_group:
        if (axis == 0)
            return !__builtin_mul_overflow(spec->group, PIECE_ROWS, multiple);
        return true;
    }
    return false;
}

/* The step depends on the shape alone: about 2^20 elements, a whole number of groups, and of 32 rows. */
struct cut cut_make(const struct spec *spec, const int64_t *shape, int rank)
{
    struct cut cut = {.spec = spec, .shape = shape, .rank = rank, .step = rank ? shape[0] : 1, .count = 1};
    const char *reason;
    int64_t multiple;
    kernel_storage(spec, shape, rank, &cut.whole, &reason);
    if (!is_separable(spec, rank, &multiple) || cut.whole.elements <= PIECE_ELEMENTS)
        return cut;
    /* shape[0] is not 0: the tensor has more elements than a piece. */
    int64_t inner = cut.whole.elements / shape[0], step = PIECE_ELEMENTS / inner / multiple * multiple;
    cut.step = step < multiple ? multiple : step;
    cut.step = cut.step > shape[0] ? shape[0] : cut.step;
    cut.count = (shape[0] + cut.step - 1) / cut.step;
    return cut;
}

/* Offsets are the sizes of the tensor in front of the piece, by the same function that sizes tensors. */
void cut_piece(const struct cut *cut, int64_t index, struct piece *piece)
{
    struct piece before = {{0}, 0, 0, 0, {0}};
    const char *reason;
    memcpy(piece->shape, cut->shape, (size_t)cut->rank * sizeof *piece->shape);
    piece->first_element = piece->first_row = piece->first_scale = 0;
    if (cut->count > 1) {
        int64_t first = index * cut->step, left = cut->shape[0] - first;
        memcpy(before.shape, cut->shape, (size_t)cut->rank * sizeof *before.shape);
        before.shape[0] = first; /* what lies before is a tensor too: its sizes are the piece's offsets */
        piece->shape[0] = left < cut->step ? left : cut->step;
        if (first && kernel_storage(cut->spec, before.shape, cut->rank, &before.storage, &reason)) {
            piece->first_element = before.storage.elements;
            piece->first_row = before.storage.rows;
            piece->first_scale = before.storage.scale_count;
        }
    }
    kernel_storage(cut->spec, piece->shape, cut->rank, &piece->storage, &reason);
}

/* ---- kernels ---- */

/* All full pieces have one shape, so two bindings serve any number of pieces. */
static bool bind_one(struct session *session, const struct cut *cut, enum kernel_op op, enum dtype dtype, int64_t index, struct bound *bound)
{
    struct piece piece;
    cut_piece(cut, index, &piece);
    struct kernel_request request = kernel_request_make(session->context, op, cut->spec, dtype, piece.shape, cut->rank);
    bound->code = kernel_table_get(session, &request);
    bound->units = kernel_bind(&request, &bound->args);
    return bound->code != NULL;
}

/* Where there is one piece both bindings are the same. */
bool cut_bind(struct session *session, const struct cut *cut, enum kernel_op op, enum dtype dtype, struct bound bound[2])
{
    if (!bind_one(session, cut, op, dtype, 0, &bound[0]))
        return false;
    bound[1] = bound[0];
    return cut->count == 1 || bind_one(session, cut, op, dtype, cut->count - 1, &bound[1]);
}

/* Kernels are bound once and run by any thread: args is a copy, its pointers are the task's. */
void cut_run(const struct cut *cut, int64_t index, const struct bound bound[2], struct kernel_args args)
{
    const struct bound *b = &bound[index == cut->count - 1];
    memcpy(args.extent, b->args.extent, sizeof args.extent);
    args.begin = 0;
    args.end = b->units;
    kernel_run(b->code, &args);
}

/* ---- zero points ---- */

/* compressed-tensors stores zp + 2^(B-1) of signed codes; unsigned ones are that already. */
static int32_t zero_offset(const struct spec *spec)
{
    return spec->format->is_signed ? 1 << (spec->format->bits - 1) : 0;
}

/* Rows and columns of the zero points as a matrix, and the words that a column's rows pack into. */
struct zeros {
    int64_t rows, columns, words;
};

/* Only packed zero points care where a row ends. */
static struct zeros measure_zeros(const struct part *part, const struct spec *spec, const struct kernel_storage *s)
{
    if (part->shape != SHAPE_packed)
        return (struct zeros){s->scale_count, 1, 0};
    return (struct zeros){s->rows, s->rows ? s->scale_count / s->rows : 0, (s->rows * spec->format->bits + 31) / 32};
}

size_t zeros_bytes(const struct part *part, const struct spec *spec, const struct kernel_storage *storage)
{
    struct zeros z = measure_zeros(part, spec, storage);
    if (part->shape == SHAPE_packed)
        return (size_t)(z.words * z.columns) * 4;
    return (size_t)z.rows * (part->dtype == DTYPE_i8 ? 1 : 4);
}

/* Row i's B bits stand at bits [i·B, i·B + B) of its column's stream of 32-bit words, which may cross a word. */
static void pack_zeros(const struct spec *spec, struct zeros z, const int32_t *zero, uint32_t *out)
{
    unsigned bits = spec->format->bits;
    memset(out, 0, (size_t)(z.words * z.columns) * 4);
    for (int64_t i = 0; i < z.rows; i++) {
        uint32_t *low = out + i * bits / 32 * z.columns;
        /* Row i of every column begins at the same bit, in words that stand a row of columns apart. */
        unsigned shift = (unsigned)(i * bits % 32);
        for (int64_t j = 0; j < z.columns; j++) {
            uint32_t u = (uint32_t)(zero[i * z.columns + j] + zero_offset(spec)) & ((1u << bits) - 1);
            low[j] |= u << shift;
            if (shift + bits > 32)
                low[z.columns + j] |= u >> (32 - shift);
        }
    }
}

/* The inverse of pack_zeros, term by term. */
static void unpack_zeros(const struct spec *spec, struct zeros z, const uint32_t *in, int32_t *zero)
{
    unsigned bits = spec->format->bits;
    for (int64_t i = 0; i < z.rows; i++) {
        const uint32_t *low = in + i * bits / 32 * z.columns;
        unsigned shift = (unsigned)(i * bits % 32);
        for (int64_t j = 0; j < z.columns; j++) {
            uint32_t u = low[j] >> shift;
            if (shift + bits > 32)
                u |= low[z.columns + j] << (32 - shift);
            zero[i * z.columns + j] = (int32_t)(u & ((1u << bits) - 1)) - zero_offset(spec);
        }
    }
}

/* Three spellings: packed down the columns (compressed-tensors' pack-quantized), one i8 each (int-quantized), i32 as kernels
 * have them (the quern format). */
void zeros_store(const struct part *part, const struct spec *spec, const struct kernel_storage *storage, const int32_t *zero, void *out)
{
    struct zeros z = measure_zeros(part, spec, storage);
    if (part->shape == SHAPE_packed)
        pack_zeros(spec, z, zero, out);
    else if (part->dtype != DTYPE_i8)
        memcpy(out, zero, (size_t)z.rows * sizeof *zero);
    else
        for (int64_t i = 0; i < z.rows; i++)
            ((int8_t *)out)[i] = (int8_t)zero[i];
}

/* The same three. */
void zeros_load(const struct part *part, const struct spec *spec, const struct kernel_storage *storage, const void *in, int32_t *zero)
{
    struct zeros z = measure_zeros(part, spec, storage);
    if (part->shape == SHAPE_packed)
        unpack_zeros(spec, z, in, zero);
    else if (part->dtype != DTYPE_i8)
        memcpy(zero, in, (size_t)z.rows * sizeof *zero);
    else
        for (int64_t i = 0; i < z.rows; i++)
            zero[i] = ((const int8_t *)in)[i];
}
