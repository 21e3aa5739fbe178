/* The work of one piece: read floats, run kernels, write codes and scales at their places. In: a piece of a job; out: ranges of
 * files and the piece's result. Runs on any thread; touches nothing but its own buffer, its own results and disjoint ranges of
 * files. A failure is a value; the run stops behind the earliest. */
#include <math.h>
#include <string.h>
#include "runtime/floats.h"
#include "runtime/quantize.h"

/* A piece's memory, cut from the task's buffer; every part starts at a multiple of 64. */
struct buffers {
    void *raw;   /* as stored; the same as x unless it is f64 */
    void *x, *codes, *scale, *packed;
    int32_t *zero;
    size_t total;
};

/* memory NULL: only the total is wanted. */
static void take(struct buffers *b, void *memory, void **out, size_t size)
{
    *out = memory ? (char *)memory + b->total : NULL;
    b->total += (size + 63) / 64 * 64;
}

/* The same walk sizes the memory and cuts it, so that the two agree. */
static struct buffers cut_buffers(const struct job *job, const struct piece *piece, void *memory, bool observing)
{
    const struct kernel_storage *s = &piece->storage;
    struct buffers b = {0};
    size_t stored = dtype_rows[job->item->stored->dtype].bits / 8, read = dtype_rows[job->dtype].bits / 8;
    take(&b, memory, &b.raw, (size_t)s->elements * stored);
    b.x = b.raw;
    if (stored != read)
        take(&b, memory, &b.x, (size_t)s->elements * read);
    if (observing)
        return b;
    take(&b, memory, &b.codes, (size_t)s->code_bytes);
    take(&b, memory, &b.scale, (size_t)s->scale_count * s->scale_bytes);
    if (s->has_zero) {
        take(&b, memory, (void **)&b.zero, (size_t)s->scale_count * sizeof(int32_t));
        take(&b, memory, &b.packed, zeros_bytes(job->rows[PART_zero], &job->item->kernel_spec, s));
    }
    return b;
}

static size_t count_memory(const struct job *job, int64_t index, bool observing)
{
    struct piece piece;
    cut_piece(&job->cut, index, &piece);
    return cut_buffers(job, &piece, NULL, observing).total;
}

size_t observe_memory(const struct job *job, int64_t index)
{
    return count_memory(job, index, true);
}

size_t quantize_memory(const struct job *job, int64_t index)
{
    return count_memory(job, index, false);
}

/* ---- files ---- */

/* pread: tasks share the descriptor and no position. */
static bool read_bytes(const struct stored *t, void *bytes, size_t size, int64_t offset, struct failure *failure)
{
    int error = file_read_at(t->shard->file, bytes, size, t->offset + offset);
    if (error)
        fail_task(failure, DIAG_cannot_read, t->shard->path, "cannot read the data of a tensor: %s", file_reason(error));
    return !error;
}

/* pwrite into the range that the layout gave this part. */
static bool write_bytes(const struct job *job, const struct stored *t, const void *bytes, size_t size, int64_t offset, struct failure *failure)
{
    int error = size ? file_write_at(job->out->file, bytes, size, t->offset + offset) : 0;
    if (error)
        fail_task(failure, DIAG_cannot_write, job->out->name, "cannot write the data of a tensor: %s", file_reason(error));
    return !error;
}

/* Reads the piece's floats as the kernels want them. */
static bool read_floats(const struct job *job, const struct piece *piece, const struct buffers *b, struct failure *failure)
{
    const struct stored *t = job->item->stored;
    size_t size = dtype_rows[t->dtype].bits / 8;
    if (!read_bytes(t, b->raw, (size_t)piece->storage.elements * size, piece->first_element * (int64_t)size, failure))
        return false;
    if (t->dtype == DTYPE_f64)
        floats_widen(b->raw, t->dtype, b->x, piece->storage.elements);
    return true;
}

/* ---- the tasks ---- */

/* Only the largest finite magnitude, for the outer scale. */
void observe_piece(struct task *task, void *buffer, struct failure *failure)
{
    struct job *job = task->job;
    struct piece piece;
    cut_piece(&job->cut, task->piece, &piece);
    struct buffers b = cut_buffers(job, &piece, buffer, true);
    if (!read_floats(job, &piece, &b, failure))
        return;
    struct kernel_args args = {.x = b.x, .amax = &job->results[task->piece].amax};
    cut_run(&job->cut, task->piece, job->observe, args);
}

/* Pieces begin at multiples of 32 rows, where packed words begin. */
static bool write_zeros(struct job *job, const struct piece *piece, const struct buffers *b, struct failure *failure)
{
    const struct part *part = job->rows[PART_zero];
    const struct spec *spec = &job->item->kernel_spec;
    struct kernel_storage before = piece->storage; /* what lies before the piece, for its offset */
    before.rows = piece->first_row;
    before.scale_count = piece->first_scale;
    zeros_store(part, spec, &piece->storage, b->zero, b->packed);
    return write_bytes(job, &job->parts[PART_zero], b->packed, zeros_bytes(part, spec, &piece->storage),
                       (int64_t)zeros_bytes(part, spec, &before), failure);
}

/* The parts that are no piece's but the tensor's. */
static bool write_small_parts(struct job *job, struct failure *failure)
{
    const struct stored *t = job->item->stored;
    if (job->parts[PART_second].name && !write_bytes(job, &job->parts[PART_second], &job->second, sizeof job->second, 0, failure))
        return false;
    return !job->parts[PART_shape].name ||
           write_bytes(job, &job->parts[PART_shape], t->shape, (size_t)t->rank * sizeof *t->shape, 0, failure);
}

/* Rows of codes and scales are contiguous in the file because pieces are runs of the first dimension. */
static bool write_piece(struct job *job, int64_t index, const struct piece *piece, const struct buffers *b, struct failure *failure)
{
    const struct kernel_storage *s = &piece->storage;
    return write_bytes(job, &job->parts[PART_codes], b->codes, (size_t)s->code_bytes, piece->first_row * s->code_row_bytes, failure) &&
           write_bytes(job, &job->parts[PART_scale], b->scale, (size_t)s->scale_count * s->scale_bytes,
                       piece->first_scale * s->scale_bytes, failure) &&
           (!s->has_zero || write_zeros(job, piece, b, failure)) && (index > 0 || write_small_parts(job, failure));
}

/* Read, quantize, measure while the piece is in cache, write. */
void quantize_piece(struct task *task, void *buffer, struct failure *failure)
{
    struct job *job = task->job;
    struct piece_result *result = &job->results[task->piece];
    struct piece piece;
    cut_piece(&job->cut, task->piece, &piece);
    struct buffers b = cut_buffers(job, &piece, buffer, false);
    if (!read_floats(job, &piece, &b, failure))
        return;
    count_specials(b.x, job->dtype, piece.storage.elements, &result->nan, &result->inf);
    struct kernel_args args = {.x = b.x, .codes = b.codes, .scale = b.scale, .zero = b.zero, .second = &job->second, .sums = &result->sums};
    cut_run(&job->cut, task->piece, job->quantize, args);
    if (job->error)
        cut_run(&job->cut, task->piece, job->error, args);
    write_piece(job, task->piece, &piece, &b, failure);
}

/* Bytes as they are. */
void copy_piece(struct task *task, void *buffer, struct failure *failure)
{
    struct job *job = task->job;
    int64_t offset = task->piece * COPY_BYTES;
    size_t size = (size_t)task->bytes;
    if (size && read_bytes(job->item->stored, buffer, size, offset, failure))
        write_bytes(job, &job->copy, buffer, size, offset, failure);
}

/* ---- figures ---- */

/* max_error is a maximum, the others are sums. */
void sums_add(struct kernel_sums *total, const struct kernel_sums *more)
{
    total->e2 += more->e2;
    total->x2 += more->x2;
    total->y2 += more->y2;
    total->xy += more->xy;
    total->max_error = more->max_error > total->max_error ? more->max_error : total->max_error;
    total->saturated += more->saturated;
    total->nan += more->nan;
    total->inf += more->inf;
}

/* SQNR = 10 log10(Σx² / Σe²); cosine = Σxy / sqrt(Σx² Σy²). A tensor of zeros that stays one is reproduced exactly: cosine 1. */
struct quern_error_stats stats_of_sums(const struct kernel_sums *s, int64_t elements)
{
    double norm = sqrt(s->x2) * sqrt(s->y2);
    return (struct quern_error_stats){
        .sqnr_db = s->e2 > 0 ? 10 * log10(s->x2 / s->e2) : INFINITY,
        .max_error = s->max_error,
        .cosine = norm > 0 ? s->xy / norm : s->x2 == s->y2 ? 1 : 0,
        .signal = s->x2,
        .noise = s->e2,
        .elements = elements,
        .saturated = s->saturated,
        .nan = s->nan,
        .inf = s->inf,
    };
}
