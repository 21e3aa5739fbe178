/* Where things lie: sizes of the buffers, element -> block by multi-index, codes bit by bit.
 * numerics.md §1.7 and the comment of struct kernel_storage. */
#include "tests/oracle/oracle.h"

#include <string.h>

static bool is_scaled_by_axis(const struct spec *spec)
{
    return spec->granularity == GRANULARITY_channel || spec->granularity == GRANULARITY_group;
}

/* The axis counted from the front, or -1 when the tensor has no such axis. */
static int find_axis(const struct spec *spec, int rank)
{
    int axis = spec->axis < 0 ? spec->axis + rank : spec->axis;
    return axis >= 0 && axis < rank ? axis : -1;
}

static unsigned scale_width(const struct format *format)
{
    return (format->bits + 7) / 8;
}

static bool fill_scales(const struct spec *spec, const int64_t *shape, int rank, struct kernel_storage *storage)
{
    int axis = find_axis(spec, rank);
    storage->scale_count = 1;
    switch (spec->granularity) {
    case GRANULARITY_tensor:
        break;
    case GRANULARITY_channel:
        if (axis < 0)
            return false;
        storage->scale_rank = 1;
        storage->scale_shape[0] = shape[axis];
        break;
    case GRANULARITY_token:
        storage->scale_rank = rank;
        for (int d = 0; d < rank; d++)
            storage->scale_shape[d] = d == rank - 1 ? 1 : shape[d];
        break;
    case GRANULARITY_group:
        if (axis < 0 || (shape[axis] % spec->group != 0 && !spec->ragged_pad))
            return false;
        storage->scale_rank = rank;
        for (int d = 0; d < rank; d++)
            storage->scale_shape[d] = d == axis ? (shape[d] + spec->group - 1) / spec->group : shape[d];
        break;
    case GRANULARITY_block:
        return false;
    }
    for (int d = 0; d < storage->scale_rank; d++)
        storage->scale_count *= storage->scale_shape[d];
    return true;
}

/* Bits of one code in its row: `byte` gives each whole bytes. */
static unsigned code_width(const struct spec *spec)
{
    unsigned bits = spec->format->bits;
    return spec->layout == LAYOUT_byte ? (bits + 7) / 8 * 8 : bits;
}

bool oracle_storage(const struct spec *spec, const int64_t *shape, int rank, struct kernel_storage *storage)
{
    memset(storage, 0, sizeof *storage);
    storage->columns = rank == 0 ? 1 : shape[rank - 1];
    storage->rows = 1;
    for (int d = 0; d + 1 < rank; d++)
        storage->rows *= shape[d];
    storage->elements = storage->rows * storage->columns;
    int64_t unit = spec->layout == LAYOUT_i32 ? 32 : 8, bits = storage->columns * code_width(spec);
    storage->code_row_bytes = (bits + unit - 1) / unit * (unit / 8);
    storage->code_bytes = storage->rows * storage->code_row_bytes;
    if (!spec->scale)
        return spec->granularity == GRANULARITY_tensor;
    storage->scale_bytes = scale_width(spec->scale);
    storage->has_zero = spec->zero == ZERO_int;
    storage->has_second = spec->second != NULL;
    return fill_scales(spec, shape, rank, storage);
}

int64_t oracle_block(const struct spec *spec, const int64_t *shape, int rank, const struct kernel_storage *storage, int64_t element)
{
    int64_t index[KERNEL_RANK_MAX], block = 0;
    for (int d = rank - 1; d >= 0; d--) {
        index[d] = element % shape[d];
        element /= shape[d];
    }
    if (is_scaled_by_axis(spec) && spec->granularity == GRANULARITY_channel)
        return index[find_axis(spec, rank)];
    if (spec->granularity == GRANULARITY_tensor)
        return 0;
    if (spec->granularity == GRANULARITY_token && rank > 0)
        index[rank - 1] = 0;
    if (spec->granularity == GRANULARITY_group)
        index[find_axis(spec, rank)] /= spec->group;
    for (int d = 0; d < rank; d++)
        block = block * storage->scale_shape[d] + index[d];
    return block;
}

/* i32 stores signed integers plus 2^(n-1). */
static uint32_t code_offset(const struct spec *spec)
{
    bool is_signed_int = spec->format->kind == FORMAT_KIND_INT && spec->format->is_signed;
    return spec->layout == LAYOUT_i32 && is_signed_int ? 1u << (spec->format->bits - 1) : 0;
}

/* The first bit of an element's code, counted from the start of the buffer. */
static int64_t first_bit(const struct spec *spec, const struct kernel_storage *storage, int64_t element)
{
    int64_t row = element / storage->columns, column = element % storage->columns;
    return row * storage->code_row_bytes * 8 + column * code_width(spec);
}

/* lsb: two's complement in n bits. byte: the same in 8 (or 16) bits, so signed codes extend their sign and the
 * buffer is an array of int8. The buffer must be zero before the first code is put. */
void oracle_put_code(const struct spec *spec, const struct kernel_storage *storage, void *codes, int64_t element, int32_t q)
{
    int64_t bit = first_bit(spec, storage, element);
    uint32_t u = (uint32_t)q + code_offset(spec);
    for (unsigned i = 0; i < code_width(spec); i++, bit++)
        ((uint8_t *)codes)[bit / 8] |= (uint8_t)((u >> i & 1) << bit % 8);
}

int32_t oracle_get_code(const struct spec *spec, const struct kernel_storage *storage, const void *codes, int64_t element)
{
    int64_t bit = first_bit(spec, storage, element);
    unsigned bits = spec->format->bits;
    uint32_t u = 0;
    for (unsigned i = 0; i < bits; i++, bit++)
        u |= (uint32_t)(((const uint8_t *)codes)[bit / 8] >> bit % 8 & 1) << i;
    if (spec->format->kind != FORMAT_KIND_INT || !spec->format->is_signed)
        return (int32_t)u;
    if (spec->layout == LAYOUT_i32)
        return (int32_t)u - (int32_t)code_offset(spec);
    return u >> (bits - 1) ? (int32_t)u - (1 << bits) : (int32_t)u;
}
