/* quern_quantize. In: a recipe, a model with data, a place; out: a checkpoint there, or nothing.
 *   plan → jobs → laid-out files → observe (two-level scales) → quantize and copy → commit
 * Every byte's place is known before data is read, so pieces may be done in any order and the result is the same. */
#include "runtime/quantize.h"

#include <math.h>
#include <string.h>
#include "runtime/report.h"

enum { MEMORY_DEFAULT = 1 << 30 }; /* bytes of buffers: some hundred pieces, whatever the model */

/* ---- jobs ---- */

/* Names that only quantized checkpoints use. */
static bool is_quantized_name(const char *name)
{
    static const char *const ends[] = {".weight_packed", ".weight_scale", ".weight_scale_inv", ".weight_zero_point", ".qweight"};
    size_t size = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (size >= strlen(ends[i]) && !strcmp(name + size - strlen(ends[i]), ends[i]))
            return true;
    return false;
}

/* Three ways to see it: config.json, the quern format's metadata, and names that only quantized checkpoints have. */
static bool check_input(struct session *session, const struct quern_model *m, const struct config_file *config)
{
    if (!m->directory)
        return REPORT_ABOUT(session->diags, no_data, m->path, "this model has no data to quantize");
    if (config_quantization(config))
        return REPORT_ABOUT(session->diags, already_quantized, config->path, "the model has a quantization_config: it is quantized already");
    for (size_t i = 0; i < m->shard_count; i++)
        for (size_t j = 0; j < m->shards[i]->metadata_count; j++)
            if (!strncmp(m->shards[i]->metadata[j].key, "quern:", 6))
                return REPORT_ABOUT(session->diags, already_quantized, m->shards[i]->path, "tensor %s is quantized already",
                                    name_shown(session->arena, m->shards[i]->metadata[j].key + 6));
    for (size_t i = 0; i < m->count; i++)
        if (is_quantized_name(m->tensors[i]->name))
            return REPORT_ABOUT(session->diags, already_quantized, m->path, "tensor %s belongs to a quantized one",
                                name_shown(session->arena, m->tensors[i]->name));
    return true;
}

/* Laid out in the file that has the original tensor. */
static void add_part(struct run *run, struct job *job, const struct part *part, const struct placement *placement)
{
    struct stored *t = &job->parts[part->role];
    if (!consumer_part(run->session->arena, part, placement, &job->item->kernel_spec, &job->item->storage, t)) {
        t->name = NULL;
        return;
    }
    t->shard = job->item->stored->shard;
    job->rows[part->role] = part;
    checkpoint_add(run->checkpoint, t->shard->index, t);
}

/* What the quern format keeps beside the codes: the spec, the original dtype and shape. docs/quern-format.md */
static void describe_own(struct run *run, const struct plan_item *item)
{
    struct arena *arena = run->session->arena;
    struct json_hold *hold = json_keep(arena);
    json_t *shape = json_array();
    for (int i = 0; i < item->stored->rank; i++)
        json_array_append_new(shape, json_integer(item->stored->shape[i]));
    hold->value = json_pack("{s:s, s:s, s:o}", "spec", item->spec_text, "dtype", dtype_rows[item->stored->dtype].file_name, "shape", shape);
    struct text text = text_make(arena);
    json_print(&text, hold, JSON_COMPACT);
    json_drop(hold);
    checkpoint_describe(run->checkpoint, item->stored->shard->index, arena_printf(arena, "quern:%s", item->stored->name), text_string(&text));
}

/* Arithmetic only: what is read, what is written and where. */
static void make_job(struct run *run, size_t index)
{
    struct job *job = &run->jobs[index];
    const struct plan_item *item = &run->plan->items[index];
    *job = (struct job){.run = run, .item = item, .out = &run->checkpoint->shards[item->stored->shard->index], .second = 1};
    if (!item->spec) {
        job->copy = *item->stored;
        checkpoint_add(run->checkpoint, item->stored->shard->index, &job->copy);
        return;
    }
    struct placement placement = item_placement(item);
    for (const struct part *part = NULL; (part = consumer_next_part(item->consumer, part));)
        add_part(run, job, part, &placement);
    if (item->consumer->id == CONSUMER_quern)
        describe_own(run, item);
    job->cut = cut_make(&item->kernel_spec, item->stored->shape, item->stored->rank);
    job->dtype = (enum dtype)kernel_dtype(item->stored->dtype);
    job->results = ARENA_ARRAY(run->session->arena, (size_t)job->cut.count, struct piece_result);
}

/* Two bindings: full pieces and the last one. */
static struct bound *bind(struct run *run, struct job *job, enum kernel_op op, bool *ok)
{
    struct bound *bound = ARENA_ARRAY(run->session->arena, 2, struct bound);
    *ok = *ok && cut_bind(run->session, &job->cut, op, job->dtype, bound);
    return bound;
}

/* Compiles what the run needs, each kernel once, before anything is written. */
static bool bind_kernels(struct run *run)
{
    bool ok = true;
    for (size_t i = 0; ok && i < run->plan->count; i++) {
        struct job *job = &run->jobs[i];
        if (!job->item->spec)
            continue;
        if (job->item->storage.has_second)
            job->observe = bind(run, job, KERNEL_observe, &ok);
        job->quantize = bind(run, job, KERNEL_quantize_dynamic, &ok);
        if (run->options->measure)
            job->error = bind(run, job, KERNEL_error, &ok);
    }
    return ok;
}

/* ---- tasks ---- */

/* Copies are cut by bytes, quantized tensors by pieces. */
static int64_t job_tasks(const struct job *job)
{
    if (job->item->spec)
        return job->cut.count;
    return job->item->stored->bytes / COPY_BYTES + (job->item->stored->bytes % COPY_BYTES != 0);
}

/* Of input, which is what progress counts. */
static int64_t piece_bytes(const struct job *job, int64_t index)
{
    struct piece piece;
    cut_piece(&job->cut, index, &piece);
    return piece.storage.elements * (dtype_rows[job->item->stored->dtype].bits / 8);
}

/* A task knows its memory before it runs, which is what the limit is kept by. */
static void fill_task(struct task *task, struct job *job, int64_t index, bool observing)
{
    int64_t left = job->item->stored->bytes - index * COPY_BYTES;
    *task = (struct task){.job = job, .piece = index, .name = job->item->stored->name};
    if (job->item->spec) {
        task->work = observing ? observe_piece : quantize_piece;
        task->memory = observing ? observe_memory(job, index) : quantize_memory(job, index);
        task->bytes = piece_bytes(job, index);
    } else {
        task->work = copy_piece;
        task->bytes = left < COPY_BYTES ? left : COPY_BYTES;
        task->memory = (size_t)task->bytes;
    }
}

/* In name order: failures are reported by the first of them. */
static struct task *make_tasks(struct run *run, bool observing, size_t *count)
{
    size_t total = 0, at = 0;
    for (size_t i = 0; i < run->plan->count; i++)
        if (!observing || run->jobs[i].observe)
            total += (size_t)job_tasks(&run->jobs[i]);
    struct task *tasks = ARENA_ARRAY(run->session->arena, total + 1, struct task);
    for (size_t i = 0; i < run->plan->count; i++) {
        struct job *job = &run->jobs[i];
        int64_t pieces = !observing || job->observe ? job_tasks(job) : 0;
        job->left = pieces;
        for (int64_t j = 0; j < pieces; j++) {
            fill_task(&tasks[at], job, j, observing);
            run->progress.bytes_total += tasks[at++].bytes;
        }
    }
    *count = total;
    return tasks;
}

/* ---- what the caller hears ---- */

/* Piece by piece in order, whichever thread was first: the same sum every time. */
static struct quern_error_stats job_stats(const struct job *job)
{
    struct kernel_sums sums = {0};
    for (int64_t i = 0; i < job->cut.count; i++)
        sums_add(&sums, &job->results[i].sums);
    return stats_of_sums(&sums, job->item->stored->elements);
}

/* Tensors that are done, in name order. */
static void report_done(struct run *run)
{
    while (run->reported < run->plan->count && !run->jobs[run->reported].left) {
        struct job *job = &run->jobs[run->reported];
        struct quern_plan_row row = plan_row(run->plan, run->reported++);
        struct quern_error_stats stats = {0};
        if (job->error)
            stats = job_stats(job);
        if (run->options->report)
            run->options->report(run->options->report_user, &row, job->error ? &stats : NULL);
    }
}

/* On the calling thread, one task at a time. */
static bool task_finished(void *user, const struct task *task)
{
    struct run *run = user;
    struct job *job = task->job;
    job->left--;
    run->progress.bytes_done += task->bytes;
    run->progress.tensor = task->name;
    if (run->phase_writing)
        report_done(run);
    return !run->options->progress || run->options->progress(run->options->user, &run->progress);
}

/* Buffers share the limit; 1 GiB unless the caller says otherwise. */
static enum quern_status run_tasks(struct run *run, struct task *tasks, size_t count)
{
    size_t limit = run->options->memory_limit;
    struct parallel parallel = {run->options->threads, limit ? limit : MEMORY_DEFAULT, task_finished, run};
    return parallel_run(run->session, &parallel, tasks, count);
}

/* ---- two-level scales ---- */

/* One g for a tensor and those that share it, from the largest amax: loaders fuse such tensors and keep one g. amax is finite, and
 * 0 where a tensor has no finite element. */
static void choose_seconds(struct run *run)
{
    struct quern_plan *plan = run->plan;
    float *amax = ARENA_ARRAY(run->session->arena, plan->count + 1, float);
    for (size_t i = 0; i < plan->count; i++)
        for (int64_t j = 0; run->jobs[i].observe && j < run->jobs[i].cut.count; j++)
            amax[plan->items[i].shared] = fmaxf(amax[plan->items[i].shared], run->jobs[i].results[j].amax);
    for (size_t i = 0; i < plan->count; i++)
        if (run->jobs[i].observe)
            run->jobs[i].second = kernel_second(amax[plan->items[i].shared]);
}

/* ---- the whole ---- */

/* One message a tensor: such weights are a defect of the model more often than not. */
static void warn_specials(struct run *run)
{
    for (size_t i = 0; i < run->plan->count; i++) {
        const struct job *job = &run->jobs[i];
        int64_t nan = 0, inf = 0;
        for (int64_t j = 0; job->item->spec && j < job->cut.count; j++) {
            nan += job->results[j].nan;
            inf += job->results[j].inf;
        }
        if (nan || inf)
            diag_report_about(run->session->diags, DIAG_not_finite, job->item->stored->name, "%lld NaN and %lld infinite elements",
                              (long long)nan, (long long)inf);
    }
}

/* One message for all tensors of a kind, with the first of them. */
static void warn_formats(struct run *run)
{
    const struct plan_item *own = NULL, *cast = NULL;
    size_t owns = 0, casts = 0;
    for (size_t i = 0; i < run->plan->count; i++) {
        const struct plan_item *item = &run->plan->items[i];
        bool is_own = item->spec && item->consumer->id == CONSUMER_quern;
        bool is_cast = item->spec && item->consumer->listed && dtype_rows[item->spec->scale->dtype].bits >= 16 &&
                       (int)item->spec->scale->dtype != item->stored->dtype;
        own = is_own && !owns++ ? item : own;
        cast = is_cast && !casts++ ? item : cast;
    }
    if (own)
        diag_report_about(run->session->diags, DIAG_own_format, own->stored->name,
                          "%zu tensor%s, this one first, go%s to the quern format, which only Quern reads", owns, owns > 1 ? "s" : "",
                          owns > 1 ? "" : "es");
    if (!cast)
        return;
    const char *scale = cast->spec->scale->name, *model = dtype_rows[cast->stored->dtype].word;
    struct diag *diag = diag_report_about(run->session->diags, DIAG_scale_dtype, cast->stored->name,
                                          "%zu tensor%s, this one first, get %s scales in a model of %s", casts, casts > 1 ? "s" : "", scale, model);
    if (format_find(model))
        diag_help(run->session->diags, diag, "say `scale %s`", model);
}

/* Two-level scales need the largest element of all tensors of a group before any of them is quantized: those are read
 * twice. */
static enum quern_status run_phases(struct run *run)
{
    enum quern_status status = run_tasks(run, run->observing, run->observing_count);
    if (status)
        return status;
    choose_seconds(run);
    run->phase_writing = true;
    for (size_t i = 0; i < run->plan->count; i++)
        run->jobs[i].left = job_tasks(&run->jobs[i]);
    report_done(run);
    return run_tasks(run, run->writing, run->writing_count);
}

/* A false without a message would be a bug of this library, and is reported as one. */
static enum quern_status failed(struct run *run)
{
    enum quern_status status = diags_status(run->session->diags);
    return status ? status : QUERN_INTERNAL;
}

/* All that can be refused is refused here: no output exists yet, no kernel is missing later. */
static bool prepare(struct run *run)
{
    struct quern_plan *plan = run->plan;
    run->checkpoint = checkpoint_new(run->session, plan->model);
    run->jobs = ARENA_ARRAY(run->session->arena, plan->count + 1, struct job);
    for (size_t i = 0; i < plan->count; i++)
        make_job(run, i);
    if (!checkpoint_lay_out(run->checkpoint, plan->model->path) || !bind_kernels(run))
        return false;
    run->observing = make_tasks(run, true, &run->observing_count);
    run->writing = make_tasks(run, false, &run->writing_count);
    warn_formats(run);
    return true;
}

struct quantize_call {
    struct quern_plan *plan;
    const char *out;
    const struct quern_run_options *options;
};

/* torchao can apply several configs to one parameter; a plan shows that, and no checkpoint can hold it. */
static bool check_once(struct session *session, const struct quern_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->items[i].configs)
            return REPORT_ABOUT(session->diags, quantized_twice, plan->items[i].stored->name,
                                "the configs %s apply one after the other: what is quantized cannot be quantized again", plan->items[i].configs);
    return true;
}

/* Every return between output_open and output_commit leaves nothing behind: the session's end cleans up. */
static enum quern_status quantize(struct session *session, void *data)
{
    struct quantize_call *call = data;
    struct run *run = ARENA_NEW(session->arena, struct run);
    struct config_file config;
    struct quern_model *m = call->plan->model;
    *run = (struct run){.session = session, .plan = call->plan, .options = call->options};
    if (!config_read(session, m, &config) || !check_input(session, m, &config) || !plan_fill(session, call->plan) ||
        !check_once(session, call->plan) || !prepare(run))
        return failed(run);
    struct output *out = output_open(session, call->out, &output_checkpoint, call->options->overwrite, m);
    if (!out || !checkpoint_create(run->checkpoint, out))
        return failed(run);
    enum quern_status status = run_phases(run);
    if (status)
        return status;
    warn_specials(run);
    bool ok = checkpoint_finish(run->checkpoint, out) && config_write(session, &config, call->plan, out) &&
              checkpoint_copy_files(session, m, out) && output_commit(out);
    return ok ? QUERN_OK : failed(run);
}

/* The plan lives on the stack, in an arena with the same recovery point as the session's. */
enum quern_status quern_quantize(quern_recipe *recipe, quern_model *model, const char *out, const struct quern_run_options *options)
{
    static const struct quern_run_options usual;
    if (!recipe || !model || !out)
        return QUERN_USAGE;
    struct quern_plan plan = {.context = recipe->context, .recipe = recipe, .model = model};
    struct quantize_call call = {&plan, out, options ? options : &usual};
    arena_init(&plan.arena, &recipe->context->allocator);
    enum quern_status status = context_enter(recipe->context, &plan.arena, quantize, &call);
    arena_close(&plan.arena);
    return status;
}
