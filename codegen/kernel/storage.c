/* Sizes of the buffers of a tensor under a spec (struct kernel_storage), and the shape as the schedules see it (struct
 * geometry). In: a spec and a shape of rank 0 to 8. Out: counts and bytes; every product is checked, so that nothing that
 * is laid out or indexed by them overflows 63 bits. Layouts: lsb, byte and i32 as struct kernel_storage says (kernel.h);
 * i32 is compressed-tensors' pack-quantized. */
#include "codegen/kernel/geometry.h"

#include <string.h>

/* Layout `byte` pads each code to whole bytes; lsb and i32 store the format's own bits. */
unsigned geometry_code_bits(const struct spec *spec)
{
    unsigned bits = spec->format->bits;
    return spec->layout == LAYOUT_byte ? (bits + 7) / 8 * 8 : bits;
}

unsigned geometry_code_unit(const struct spec *spec)
{
    return spec->layout == LAYOUT_i32 ? 4 : 1;
}

/* May lie outside [0, rank): axis_problem tells. */
static int axis_of(const struct spec *spec, int rank)
{
    return spec->axis < 0 ? spec->axis + rank : spec->axis;
}

/* a·b, or false when it does not fit 63 bits */
static bool multiply(int64_t *a, int64_t b)
{
    return !__builtin_mul_overflow(*a, b, a);
}

/* An empty dimension gives 0, whatever the others are, as long as the partial products fit. */
static bool product(const int64_t *shape, int count, int64_t *result)
{
    *result = 1;
    for (int i = 0; i < count; i++)
        if (shape[i] < 0 || !multiply(result, shape[i]))
            return false;
    return true;
}

/* Rows are padded to the unit, one by one: a row of no columns takes no bytes. */
static bool fill_codes(const struct spec *spec, const int64_t *shape, int rank, struct kernel_storage *s)
{
    int64_t unit = geometry_code_unit(spec) * 8, bits;
    s->columns = rank ? shape[rank - 1] : 1;
    if (s->columns < 0 || !product(shape, rank ? rank - 1 : 0, &s->rows))
        return false;
    s->elements = s->rows;
    bits = s->columns;
    if (!multiply(&s->elements, s->columns) || !multiply(&bits, geometry_code_bits(spec)) || bits > INT64_MAX - unit)
        return false;
    s->code_row_bytes = (bits + unit - 1) / unit * (unit / 8);
    s->code_bytes = s->code_row_bytes;
    int64_t four = s->elements; /* x takes up to 4 bytes an element */
    return multiply(&s->code_bytes, s->rows) && multiply(&four, 4);
}

/* The shapes that kernel.h lists; the group's dimension is rounded up, its short last group has a scale of its own. */
static void fill_scale_shape(const struct spec *spec, const int64_t *shape, int rank, struct kernel_storage *s)
{
    int axis = axis_of(spec, rank);
    s->scale_rank = spec->granularity == GRANULARITY_tensor ? 0 : spec->granularity == GRANULARITY_channel ? 1 : rank;
    for (int d = 0; d < s->scale_rank; d++)
        s->scale_shape[d] = shape[d];
    if (spec->granularity == GRANULARITY_channel)
        s->scale_shape[0] = shape[axis];
    if (spec->granularity == GRANULARITY_token && rank)
        s->scale_shape[rank - 1] = 1;
    if (spec->granularity == GRANULARITY_group)
        s->scale_shape[axis] = shape[axis] / spec->group + (shape[axis] % spec->group != 0);
}

/* Only channel and group have an axis. */
static const char *axis_problem(const struct spec *spec, const int64_t *shape, int rank)
{
    bool has_axis = spec->granularity == GRANULARITY_channel || spec->granularity == GRANULARITY_group;
    int axis = axis_of(spec, rank);
    if (has_axis && (axis < 0 || axis >= rank))
        return "the tensor has no such axis";
    if (spec->granularity != GRANULARITY_group)
        return NULL;
    if (spec->group < 1)
        return "a group of less than one element";
    if (shape[axis] % spec->group && !spec->ragged_pad)
        return "the group does not divide the dimension; `ragged pad` allows a short last group";
    return NULL;
}

/* *reason is set before each step that may fail; on success its text means nothing. */
bool kernel_storage(const struct spec *spec, const int64_t *shape, int rank, struct kernel_storage *s, const char **reason)
{
    memset(s, 0, sizeof *s);
    *reason = "the rank is not 0 to 8";
    if (rank < 0 || rank > KERNEL_RANK_MAX)
        return false;
    *reason = "the tensor is too large";
    if (!fill_codes(spec, shape, rank, s))
        return false;
    if (!spec->scale)
        return true;
    if ((*reason = axis_problem(spec, shape, rank)))
        return false;
    fill_scale_shape(spec, shape, rank, s);
    s->scale_bytes = (spec->scale->bits + 7) / 8;
    s->has_zero = spec->zero == ZERO_int;
    s->has_second = spec->second != NULL;
    *reason = "the tensor is too large";
    int64_t bytes;
    if (!product(s->scale_shape, s->scale_rank, &s->scale_count))
        return false;
    bytes = s->scale_count;
    return multiply(&bytes, 4);
}

/* before × length × inner elements around the axis; without one: 1 × elements × 1 */
static void fill_axis(struct geometry *g, const struct kernel_request *request)
{
    g->axis = axis_of(request->spec, request->rank);
    if (g->axis < 0 || g->axis >= request->rank)
        g->axis = request->rank ? request->rank - 1 : 0;
    g->before = g->length = g->inner = 1;
    for (int d = 0; d < request->rank; d++) { /* wraps only where another dimension is 0 */
        int64_t *part = d < g->axis ? &g->before : d == g->axis ? &g->length : &g->inner;
        *part = (int64_t)((uint64_t)*part * (uint64_t)request->shape[d]);
    }
}

/* shifted: only where a row holds more than one group can a group start inside a byte. */
struct geometry geometry_of(const struct kernel_request *request)
{
    const struct spec *spec = request->spec;
    struct kernel_storage s;
    const char *reason;
    kernel_storage(spec, request->shape, request->rank, &s, &reason);
    struct geometry g = {.rows = s.rows, .columns = s.columns, .elements = s.elements, .code_row_bytes = s.code_row_bytes,
                         .code_bits = geometry_code_bits(spec), .unit = geometry_code_unit(spec)};
    fill_axis(&g, request);
    g.collapse = request->op == KERNEL_observe || g.code_row_bytes * 8 == g.columns * g.code_bits;
    bool is_group = spec->scale && spec->granularity == GRANULARITY_group && spec->group > 0;
    g.groups_collapse = is_group && g.collapse && g.axis + 1 >= request->rank && g.columns % spec->group == 0;
    g.shifted = is_group && g.columns > spec->group && spec->group * g.code_bits % 8 != 0;
    return g;
}
