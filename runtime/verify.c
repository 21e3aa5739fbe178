/* quern_verify. In: a quantized model and its original; out: the error of each tensor, by the `error` kernel where there are
 * codes and by floats.c where there are none. Formulas: stats_of_sums in quantize_task.c. */
#include <string.h>
#include "runtime/floats.h"
#include "runtime/json.h"
#include "runtime/quantize.h"
#include "runtime/reading.h"
#include "runtime/report.h"

enum { MEMORY_DEFAULT = 1 << 30 }; /* bytes of buffers, as quantize has it */

/* One pair of tensors. */
struct check {
    struct reading codes;           /* of the quantized model */
    const struct stored *original;
    struct bound *error;            /* [2]; NULL: plain against plain */
    enum dtype dtype;               /* of x for the kernel */
    struct kernel_sums *sums;       /* one a piece */
    int64_t left;
    const char *spec_text;
};
/* One call of quern_verify. */
struct verification {
    struct session *session;
    struct quern_model *quantized, *original;
    const struct quern_run_options *options;
    struct check *checks;           /* one for each logical tensor, in name order */
    struct task *tasks;
    size_t task_count, reported;
    struct quern_progress progress;
};

/* ---- the tasks ---- */

/* Of a plain tensor: originals that are quantized themselves have no such name. */
static bool read_original(const struct check *c, int64_t first, int64_t count, void *bytes, struct failure *failure)
{
    int64_t size = dtype_rows[c->original->dtype].bits / 8;
    int error = file_read_at(c->original->shard->file, bytes, (size_t)(count * size), c->original->offset + first * size);
    if (error)
        fail_task(failure, DIAG_cannot_read, c->original->shard->path, "cannot read the data of a tensor: %s", file_reason(error));
    return !error;
}

/* The original's piece behind the reading's own buffers (8 bytes an element at most), and f32 of it behind that; 128 for
 * alignment. */
static size_t check_memory(const struct check *c, int64_t piece)
{
    int64_t first, count = reading_span(&c->codes, piece, &first);
    return reading_cut(&c->codes, piece, NULL).total + (size_t)count * 12 + 128;
}

/* With codes the kernel compares what it dequantizes itself, saturation included; without, both sides are widened. */
static void check_piece(struct task *task, void *buffer, struct failure *failure)
{
    struct check *c = task->job;
    struct reading_buffers b = reading_cut(&c->codes, task->piece, buffer);
    int64_t first, count = reading_span(&c->codes, task->piece, &first);
    /* Behind the reading's own buffers, as check_memory counted them. */
    char *raw = (char *)buffer + b.total, *wide = raw + ((size_t)count * 8 + 63) / 64 * 64;
    if (!read_original(c, first, count, raw, failure))
        return;
    bool same = !c->error || c->original->dtype == (int)c->dtype;
    if (!same || !c->error)
        floats_widen(raw, c->original->dtype, (float *)(void *)wide, count);
    if (!c->error) {
        if (reading_floats(&c->codes, task->piece, &b, failure))
            floats_compare((float *)(void *)wide, b.out, count, &c->sums[task->piece]);
    } else if (reading_load(&c->codes, task->piece, &b, failure)) {
        struct kernel_args args = {.x = same ? raw : wide, .codes = b.codes, .scale = b.scale, .zero = b.zero, .second = &c->codes.second,
                                   .sums = &c->sums[task->piece]};
        cut_run(&c->codes.cut, task->piece, c->error, args);
    }
}

/* ---- pairing ---- */

/* Messages name the tensor of the quantized model. */
static bool refuse(struct verification *v, const struct logical *t, const char *what)
{
    return REPORT_ABOUT(v->session->diags, models_differ, v->quantized->path, "tensor %s %s", name_shown(v->session->arena, t->name), what);
}

/* The same name, the same shape; floats against floats. */
static bool pair(struct verification *v, const struct logical *t, struct check *c)
{
    c->original = model_find(v->original, t->name);
    if (!c->original)
        return refuse(v, t, "is not in the original");
    if (c->original->rank != t->rank || (t->rank && memcmp(c->original->shape, t->shape, (size_t)t->rank * sizeof *t->shape)))
        return refuse(v, t, "has another shape in the original");
    if (is_float(c->original->dtype))
        return !t->plain || is_float(t->dtype) || refuse(v, t, "is no float tensor, but one in the original");
    return (t->plain && t->dtype == c->original->dtype) || refuse(v, t, "is no float tensor in the original");
}

/* In the quantized model's arena: rows are told to the host until the call ends. */
static const char *print_spec(struct verification *v, const struct spec *spec)
{
    struct text text = text_make(&v->quantized->arena);
    spec_print(&text, spec);
    return text_string(&text);
}

/* The reading's own type is set to the original's, for the kernel takes both in one. */
static bool open_check(struct verification *v, size_t index)
{
    const struct logical *t = &v->quantized->logical[index];
    struct check *c = &v->checks[index];
    bool ok = true;
    if (!pair(v, t, c) || !reading_open(v->session, t, t->plain ? DTYPE_f32 : -1, &c->codes))
        return false;
    if (!is_float(c->original->dtype))
        c->codes.pieces = 0; /* integers and the like were copied */
    if (t->spec) {
        c->spec_text = print_spec(v, t->spec);
        c->dtype = (enum dtype)kernel_dtype(c->original->dtype);
        c->codes.kernel_dtype = c->dtype;
        c->codes.dtype = c->dtype;
        c->error = ARENA_ARRAY(v->session->arena, 2, struct bound);
        ok = !c->codes.pieces || cut_bind(v->session, &c->codes.cut, KERNEL_error, c->dtype, c->error);
    }
    c->sums = ARENA_ARRAY(v->session->arena, (size_t)c->codes.pieces + 1, struct kernel_sums);
    c->left = c->codes.pieces;
    v->task_count += (size_t)c->left;
    return ok;
}

/* In name order, as reports are. */
static void make_tasks(struct verification *v)
{
    size_t at = 0;
    v->tasks = ARENA_ARRAY(v->session->arena, v->task_count + 1, struct task);
    for (size_t i = 0; i < v->quantized->logical_count; i++)
        for (int64_t j = 0; j < v->checks[i].codes.pieces; j++) {
            struct check *c = &v->checks[i];
            int64_t first, count = reading_span(&c->codes, j, &first);
            v->tasks[at] = (struct task){.work = check_piece, .memory = check_memory(c, j), .job = c, .piece = j, .name = c->original->name,
                                         .bytes = count * dtype_rows[c->original->dtype].bits / 8};
            v->progress.bytes_total += v->tasks[at++].bytes;
        }
}

/* ---- what the caller hears ---- */

/* The spec and the bytes are what the quantized file has; the recipe that made it is not known. */
static struct quern_plan_row make_row(const struct check *c)
{
    const struct logical *t = c->codes.t;
    int64_t bytes = t->plain ? t->plain->bytes : 0;
    for (int role = 0; role < PART_ROLES; role++)
        bytes += t->parts[role] ? t->parts[role]->bytes : 0;
    return (struct quern_plan_row){.tensor = stored_tensor(c->original), .match = match_none, .spec = c->spec_text,
                                   .reason = c->spec_text ? NULL : "not quantized", .format = c->spec_text ? t->consumer->word : NULL,
                                   .bytes_after = bytes, .bits = t->elements ? 8.0 * (double)bytes / (double)t->elements : 0};
}

/* A tensor that is stored as it was has nothing to say. */
static void report_done(struct verification *v)
{
    while (v->reported < v->quantized->logical_count && !v->checks[v->reported].left) {
        const struct check *c = &v->checks[v->reported++];
        struct quern_plan_row row = make_row(c);
        struct kernel_sums sums = {0};
        for (int64_t i = 0; i < c->codes.pieces; i++)
            sums_add(&sums, &c->sums[i]);
        struct quern_error_stats stats = stats_of_sums(&sums, c->original->elements);
        bool copied = c->codes.t->plain && c->codes.t->dtype == c->original->dtype && sums.max_error == 0;
        if (v->options->report)
            v->options->report(v->options->report_user, &row, copied ? NULL : &stats);
    }
}

static bool task_finished(void *user, const struct task *task)
{
    struct verification *v = user;
    ((struct check *)task->job)->left--;
    v->progress.bytes_done += task->bytes;
    v->progress.tensor = task->name;
    report_done(v);
    return !v->options->progress || v->options->progress(v->options->user, &v->progress);
}

/* Both directions: what one model has, the other must have. */
static bool prepare(struct verification *v)
{
    if (!v->original->directory)
        return REPORT_ABOUT(v->session->diags, no_data, v->original->path, "this model has no data");
    if (!model_logical(v->session, v->quantized))
        return false;
    for (size_t i = 0; i < v->original->count; i++)
        if (!logical_find(v->quantized, v->original->tensors[i]->name))
            return REPORT_ABOUT(v->session->diags, models_differ, v->quantized->path, "there is no tensor %s; the original has it",
                                name_shown(v->session->arena, v->original->tensors[i]->name));
    v->checks = ARENA_ARRAY(v->session->arena, v->quantized->logical_count + 1, struct check);
    for (size_t i = 0; i < v->quantized->logical_count; i++)
        if (!open_check(v, i))
            return false;
    make_tasks(v);
    return true;
}

/* Tensors without elements have no task: they are reported before the first runs. */
static enum quern_status verify(struct session *session, void *data)
{
    struct verification *v = data;
    size_t limit = v->options->memory_limit;
    v->session = session;
    if (!prepare(v)) {
        enum quern_status status = diags_status(session->diags);
        return status ? status : QUERN_INTERNAL;
    }
    report_done(v);
    struct parallel parallel = {v->options->threads, limit ? limit : MEMORY_DEFAULT, task_finished, v};
    return parallel_run(session, &parallel, v->tasks, v->task_count);
}

/* Two handles of one context or of two; they are only read. */
enum quern_status quern_verify(quern_model *quantized, quern_model *original, const struct quern_run_options *options)
{
    static const struct quern_run_options usual;
    if (!quantized || !original || quantized == original)
        return QUERN_USAGE;
    struct verification v = {.quantized = quantized, .original = original, .options = options ? options : &usual};
    return context_enter(quantized->context, &quantized->arena, verify, &v);
}
