/* quern_dequantize, and reading single tensors as floats. In: a checkpoint's logical tensors; out: a checkpoint of floats, or
 * floats in memory. Every tensor of the output is laid out first, so pieces may be written in any order. */
#include <string.h>
#include "runtime/checkpoint.h"
#include "runtime/config_file.h"
#include "runtime/floats.h"
#include "runtime/reading.h"
#include "runtime/report.h"

enum { MEMORY_DEFAULT = 1 << 30 }; /* bytes of buffers: some hundred pieces, whatever the model */

/* One tensor of the output. */
struct job {
    struct reading reading;
    struct stored stored; /* of the output */
    struct out_shard *out;
};
/* One call of quern_dequantize; jobs are in name order. */
struct run {
    struct session *session;
    struct quern_model *model;
    const struct quern_run_options *options;
    const char *out;
    int dtype; /* -1: the originals' */
    struct checkpoint *checkpoint;
    struct job *jobs;
    struct task *tasks;
    size_t task_count;
    struct quern_progress progress;
};

/* A task of the pool: its own buffer, its own range of the output file. */
static void write_piece(struct task *task, void *buffer, struct failure *failure)
{
    struct job *job = task->job;
    struct reading_buffers b = reading_cut(&job->reading, task->piece, buffer);
    int64_t first, count = reading_span(&job->reading, task->piece, &first);
    unsigned bits = dtype_rows[job->reading.dtype].bits;
    if (!reading_floats(&job->reading, task->piece, &b, failure))
        return;
    int error = file_write_at(job->out->file, b.out, (size_t)((count * bits + 7) / 8), job->stored.offset + first * bits / 8);
    if (error)
        fail_task(failure, DIAG_cannot_write, job->out->name, "cannot write the data of a tensor: %s", file_reason(error));
}

/* The output tensor has the original's name and shape, and the type asked for or else the original's. */
static bool make_job(struct run *run, size_t index)
{
    const struct logical *t = &run->model->logical[index];
    struct job *job = &run->jobs[index];
    if (!reading_open(run->session, t, run->dtype, &job->reading) || !reading_bind(run->session, &job->reading))
        return false;
    job->stored = (struct stored){.name = t->name, .dtype = job->reading.dtype, .rank = t->rank, .shape = t->shape,
                                  .shard = run->model->shards[t->shard]};
    if (!stored_size(job->stored.dtype, t->shape, t->rank, &job->stored.elements, &job->stored.bytes))
        return REPORT_ABOUT(run->session->diags, bad_part, t->name, "the tensor's bytes cannot be counted");
    job->out = &run->checkpoint->shards[t->shard];
    checkpoint_add(run->checkpoint, t->shard, &job->stored);
    run->task_count += (size_t)job->reading.pieces;
    return true;
}

/* In name order, so that progress and failures come in it too. */
static void make_tasks(struct run *run)
{
    size_t at = 0;
    run->tasks = ARENA_ARRAY(run->session->arena, run->task_count + 1, struct task);
    for (size_t i = 0; i < run->model->logical_count; i++)
        for (int64_t j = 0; j < run->jobs[i].reading.pieces; j++) {
            struct job *job = &run->jobs[i];
            int64_t first, count = reading_span(&job->reading, j, &first);
            run->tasks[at] = (struct task){.work = write_piece, .memory = reading_cut(&job->reading, j, NULL).total, .job = job, .piece = j,
                                           .bytes = count * dtype_rows[job->reading.dtype].bits / 8, .name = job->stored.name};
            run->progress.bytes_total += run->tasks[at++].bytes;
        }
}

/* On the calling thread; only the progress is told, there is nothing to report of a tensor. */
static bool task_finished(void *user, const struct task *task)
{
    struct run *run = user;
    run->progress.bytes_done += task->bytes;
    run->progress.tensor = task->name;
    return !run->options->progress || run->options->progress(run->options->user, &run->progress);
}

/* Everything that can be wrong with the checkpoint is found here, before the output exists. */
static bool prepare(struct run *run)
{
    if (!model_logical(run->session, run->model))
        return false;
    run->checkpoint = checkpoint_new(run->session, run->model);
    run->jobs = ARENA_ARRAY(run->session->arena, run->model->logical_count + 1, struct job);
    for (size_t i = 0; i < run->model->logical_count; i++)
        if (!make_job(run, i))
            return false;
    if (!checkpoint_lay_out(run->checkpoint, run->model->path))
        return false;
    make_tasks(run);
    return true;
}

/* A false without a message would be a bug of this library, and is reported as one. */
static enum quern_status failed(struct session *session)
{
    enum quern_status status = diags_status(session->diags);
    return status ? status : QUERN_INTERNAL;
}

/* config.json loses its quantization_config; the other small files are copied. */
static enum quern_status dequantize(struct session *session, void *data)
{
    struct run *run = data;
    struct config_file config;
    size_t limit = run->options->memory_limit;
    run->session = session;
    if (!prepare(run) || !config_read(session, run->model, &config))
        return failed(session);
    struct output *out = output_open(session, run->out, &output_checkpoint, run->options->overwrite, run->model);
    if (!out || !checkpoint_create(run->checkpoint, out))
        return failed(session);
    struct parallel parallel = {run->options->threads, limit ? limit : MEMORY_DEFAULT, task_finished, run};
    enum quern_status status = parallel_run(session, &parallel, run->tasks, run->task_count);
    if (status)
        return status;
    bool ok = checkpoint_finish(run->checkpoint, out) && config_write_plain(session, &config, out) &&
              checkpoint_copy_files(session, run->model, out) && output_commit(out);
    return ok ? QUERN_OK : failed(session);
}

/* An integer type cannot stand for every float: only the four float types are taken. */
enum quern_status quern_dequantize(quern_model *model, const char *out, const struct quern_run_options *options)
{
    static const struct quern_run_options usual;
    if (!model || !out)
        return QUERN_USAGE;
    struct run run = {.model = model, .options = options ? options : &usual, .out = out, .dtype = -1};
    if (run.options->dtype) {
        run.dtype = dtype_find_word(run.options->dtype);
        if (!is_float(run.dtype))
            return QUERN_USAGE;
    }
    return context_enter(model->context, &model->arena, dequantize, &run);
}

/* ---- single tensors ---- */

/* One call about a single tensor. */
struct read_call {
    struct quern_model *model;
    const char *name;
    float *out;
    size_t count;
    struct quern_tensor *tensor;
};

/* The logical tensors are found on the first call and kept with the model. */
static const struct logical *find(struct session *session, struct read_call *call)
{
    if (!model_logical(session, call->model))
        return NULL;
    const struct logical *t = logical_find(call->model, call->name);
    if (!t)
        REPORT_ABOUT(session->diags, no_tensor, call->model->path, "there is no tensor %s", name_shown(session->arena, call->name));
    return t;
}

/* One piece at a time in scratch memory of its own, so that a large tensor costs the caller's floats and little more.
 * */
static bool read_pieces(struct session *session, const struct reading *r, float *out)
{
    struct failure failure = {0};
    for (int64_t i = 0; i < r->pieces && !failure.set; i++) {
        int64_t first, count = reading_span(r, i, &first);
        struct arena arena; /* a piece's memory */
        arena_init(&arena, session->arena->allocator);
        arena.escape = session->arena->escape;
        struct reading_buffers b = reading_cut(r, i, arena_alloc(&arena, reading_cut(r, i, NULL).total + 1));
        if (reading_floats(r, i, &b, &failure))
            memcpy(out + first, b.out, (size_t)count * sizeof *out);
        arena_close(&arena);
    }
    return !failure.set || report_failed(diag_report_about(session->diags, failure.code, failure.subject, "%s", failure.text));
}

/* The count must be the tensor's own: a wrong one means that the caller has another model in mind. */
static enum quern_status read_tensor(struct session *session, void *data)
{
    struct read_call *call = data;
    struct reading r;
    const struct logical *t = find(session, call);
    if (!t)
        return failed(session);
    if ((size_t)t->elements != call->count || !is_float(t->dtype))
        return REPORT_ABOUT(session->diags, no_tensor, call->model->path, "tensor %s has %lld elements of %s; %zu floats were asked for",
                            name_shown(session->arena, t->name), (long long)t->elements, dtype_rows[t->dtype].file_name, call->count),
               QUERN_INVALID;
    if (!reading_open(session, t, DTYPE_f32, &r) || !reading_bind(session, &r) || !read_pieces(session, &r, call->out))
        return failed(session);
    return QUERN_OK;
}

enum quern_status quern_model_read_f32(quern_model *model, const char *name, float *out, size_t count)
{
    if (!model || !name || (!out && count))
        return QUERN_USAGE;
    struct read_call call = {.model = model, .name = name, .out = out, .count = count};
    return context_enter(model->context, &model->arena, read_tensor, &call);
}

/* bytes are those stored, all parts together. */
static enum quern_status describe_tensor(struct session *session, void *data)
{
    struct read_call *call = data;
    const struct logical *t = find(session, call);
    if (!t)
        return failed(session);
    *call->tensor = (struct quern_tensor){.name = t->name, .dtype = dtype_rows[t->dtype].file_name, .rank = t->rank, .shape = t->shape,
                                          .file = call->model->shards[t->shard]->path};
    for (int role = 0; role < PART_ROLES; role++)
        call->tensor->bytes += t->parts[role] ? t->parts[role]->bytes : 0;
    call->tensor->bytes += t->plain ? t->plain->bytes : 0;
    return QUERN_OK;
}

enum quern_status quern_model_logical(quern_model *model, const char *name, struct quern_tensor *tensor)
{
    if (!model || !name || !tensor)
        return QUERN_USAGE;
    struct read_call call = {.model = model, .name = name, .tensor = tensor};
    return context_enter(model->context, &model->arena, describe_tensor, &call);
}
