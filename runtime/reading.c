/* Reading logical tensors. In: a logical tensor, a dtype; out: pieces of codes, or of floats. Plain tensors are cut by
 * elements, quantized ones as they were written. See reading.h. */
#include "runtime/reading.h"

#include <math.h>
#include <string.h>
#include "runtime/floats.h"
#include "runtime/json.h"
#include "runtime/report.h"

enum { PLAIN_ELEMENTS = 1 << 20 }; /* as many as a quantized piece has */

/* A factor of 0 or NaN would make every value NaN; the file is at fault then. */
static bool read_second(struct session *session, struct reading *r)
{
    const struct stored *t = r->t->parts[PART_second];
    r->second = 1;
    if (!t)
        return true;
    int error = file_read_at(t->shard->file, &r->second, sizeof r->second, t->offset);
    if (error)
        return REPORT_ABOUT(session->diags, cannot_read, t->shard->path, "cannot read the data of a tensor: %s", file_reason(error));
    return (isfinite(r->second) && r->second > 0) ||
           REPORT_ABOUT(session->diags, bad_part, t->shard->path, "tensor %s: the second-level scale is not a positive number",
                        name_shown(session->arena, r->t->name));
}

/* Plain tensors that are no floats come out in their own type. */
bool reading_open(struct session *session, const struct logical *t, int dtype, struct reading *r)
{
    *r = (struct reading){.t = t, .dtype = dtype < 0 ? t->dtype : dtype};
    if (t->plain) {
        r->dtype = is_float(t->dtype) ? r->dtype : t->dtype;
        r->pieces = t->elements / PLAIN_ELEMENTS + (t->elements % PLAIN_ELEMENTS != 0);
        return true;
    }
    r->cut = cut_make(t->spec, t->shape, t->rank);
    r->pieces = t->elements ? r->cut.count : 0;
    r->kernel_dtype = r->dtype == DTYPE_f64 ? DTYPE_f32 : (enum dtype)r->dtype;
    return read_second(session, r);
}

/* Kernels are asked for before anything is written. */
bool reading_bind(struct session *session, struct reading *r)
{
    const char *reason;
    if (r->t->plain || !r->pieces)
        return true;
    if (!kernel_supports(KERNEL_dequantize, r->t->spec, r->kernel_dtype, &reason))
        return REPORT_ABOUT(session->diags, no_kernel, r->t->name, "%s", reason);
    r->dequantize = ARENA_ARRAY(session->arena, 2, struct bound);
    return cut_bind(session, &r->cut, KERNEL_dequantize, r->kernel_dtype, r->dequantize);
}

/* Where a piece's floats lie in the tensor, for any storage. */
int64_t reading_span(const struct reading *r, int64_t index, int64_t *first)
{
    struct piece piece;
    if (r->t->plain) {
        *first = index * PLAIN_ELEMENTS;
        int64_t left = r->t->elements - *first;
        return left < PLAIN_ELEMENTS ? left : PLAIN_ELEMENTS;
    }
    cut_piece(&r->cut, index, &piece);
    *first = piece.first_element;
    return piece.storage.elements;
}

/* ---- memory ---- */

/* Every part begins at a multiple of 64, a cache line. */
static void *take(struct reading_buffers *b, void *memory, int64_t size)
{
    void *at = memory ? (char *)memory + b->total : NULL;
    b->total += ((size_t)size + 63) / 64 * 64;
    return at;
}

/* bits of count elements; dtypes below a byte never come here as floats, and plain copies are whole bytes. */
static int64_t bytes_of(int dtype, int64_t count)
{
    return (count * dtype_rows[dtype].bits + 7) / 8;
}

/* The largest layout is that of quantized f64: codes, f32 from the kernel, f64 from it. */
struct reading_buffers reading_cut(const struct reading *r, int64_t index, void *memory)
{
    struct reading_buffers b = {0};
    struct piece piece;
    int64_t first, count = reading_span(r, index, &first);
    /* What the bytes are before the last conversion: as stored, or as the kernel writes them. */
    int from = r->t->plain ? r->t->dtype : (int)r->kernel_dtype;
    b.out = take(&b, memory, bytes_of(r->dtype, count));
    b.raw = from == r->dtype ? b.out : take(&b, memory, bytes_of(from, count));
    if (from != r->dtype && r->t->plain) /* through f32 */
        b.codes = take(&b, memory, bytes_of(DTYPE_f32, count));
    if (r->t->plain)
        return b;
    cut_piece(&r->cut, index, &piece);
    const struct kernel_storage *s = &piece.storage;
    b.codes = take(&b, memory, s->code_bytes);
    b.scale = take(&b, memory, s->scale_count * s->scale_bytes);
    if (s->has_zero) {
        b.zero = take(&b, memory, s->scale_count * (int64_t)sizeof(int32_t));
        b.packed = take(&b, memory, (int64_t)zeros_bytes(r->t->rows[PART_zero], r->t->spec, s));
    }
    return b;
}

/* ---- data ---- */

/* At the tensor's own place in its file; nothing of size 0 is read. */
static bool read_bytes(const struct stored *t, void *bytes, int64_t size, int64_t offset, struct failure *failure)
{
    int error = size ? file_read_at(t->shard->file, bytes, (size_t)size, t->offset + offset) : 0;
    if (error)
        fail_task(failure, DIAG_cannot_read, t->shard->path, "cannot read the data of a tensor: %s", file_reason(error));
    return !error;
}

/* Their place is behind those of the rows before, by the function that sizes them. */
static bool load_zeros(const struct reading *r, const struct piece *piece, const struct reading_buffers *b, struct failure *failure)
{
    const struct part *part = r->t->rows[PART_zero];
    struct kernel_storage before = piece->storage;
    before.rows = piece->first_row;
    before.scale_count = piece->first_scale;
    if (!read_bytes(r->t->parts[PART_zero], b->packed, (int64_t)zeros_bytes(part, r->t->spec, &piece->storage),
                    (int64_t)zeros_bytes(part, r->t->spec, &before), failure))
        return false;
    zeros_load(part, r->t->spec, &piece->storage, b->packed, b->zero);
    return true;
}

/* Zero points are unpacked here: kernels see one i32 a scale. */
bool reading_load(const struct reading *r, int64_t index, const struct reading_buffers *b, struct failure *failure)
{
    struct piece piece;
    cut_piece(&r->cut, index, &piece);
    const struct kernel_storage *s = &piece.storage;
    return read_bytes(r->t->parts[PART_codes], b->codes, s->code_bytes, piece.first_row * s->code_row_bytes, failure) &&
           (!s->scale_count || read_bytes(r->t->parts[PART_scale], b->scale, s->scale_count * s->scale_bytes,
                                          piece.first_scale * s->scale_bytes, failure)) &&
           (!s->has_zero || load_zeros(r, &piece, b, failure));
}

/* Plain floats of one type as another. */
static bool convert_plain(const struct reading *r, int64_t index, const struct reading_buffers *b, struct failure *failure)
{
    int64_t first, count = reading_span(r, index, &first);
    if (!read_bytes(r->t->plain, b->raw, bytes_of(r->t->dtype, count), bytes_of(r->t->dtype, first), failure))
        return false;
    if (r->t->dtype == r->dtype)
        return true;
    floats_widen(b->raw, r->t->dtype, b->codes, count);
    floats_narrow(b->codes, r->dtype, b->out, count);
    return true;
}

/* One rounding: in the kernel, or here for plain tensors. */
bool reading_floats(const struct reading *r, int64_t index, const struct reading_buffers *b, struct failure *failure)
{
    int64_t first;
    if (r->t->plain)
        return convert_plain(r, index, b, failure);
    if (!reading_load(r, index, b, failure))
        return false;
    struct kernel_args args = {.x = b->raw, .codes = b->codes, .scale = b->scale, .zero = b->zero, .second = &r->second};
    cut_run(&r->cut, index, r->dequantize, args);
    if (b->raw != b->out)
        floats_narrow(b->raw, r->dtype, b->out, reading_span(r, index, &first));
    return true;
}
