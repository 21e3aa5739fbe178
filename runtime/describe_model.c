/* Models from module descriptions: the file, a checkpoint with a description beside it, and a host's builder. In: a linked
 * description; out: a model whose tensors are its states, or a checkpoint whose tensors know their modules. See describe.h,
 * quern_model.h. */
#include <string.h>
#include "runtime/describe.h"
#include "runtime/json.h"
#include "runtime/model.h"
#include "runtime/report.h"
#include "runtime/safetensors.h"

/* ---- models that are descriptions ---- */

/* Sizes that cannot be counted are unknown: no data is read. */
static void store_state(const struct module_state *s, struct shard *shard)
{
    struct stored *t = &shard->tensors[shard->count++];
    *t = (struct stored){.name = s->full_name, .dtype = s->dtype, .rank = s->rank, .shape = s->shape, .elements = -1, .bytes = -1,
                         .shard = shard, .module = s->module, .shares = s->tied_to ? s->tied_to->full_name : NULL};
    if (s->dtype < 0 || s->rank < 0 || !stored_size(s->dtype, s->shape, s->rank, &t->elements, &t->bytes))
        t->elements = t->bytes = -1;
}

/* The tensors of a linked description as the model's only shard. */
static void take_description(struct quern_model *m, const char *path, struct description *description)
{
    struct shard *shard = model_add_list(m, path);
    shard->tensors = ARENA_ARRAY(&m->arena, description->state_count + 1, struct stored);
    for (size_t i = 0; i < description->state_count; i++)
        store_state(&description->states[i], shard);
    m->description = description;
}

/* The description is the model's, messages and scratch are the call's. */
static struct drafting begin_draft(struct session *session, struct quern_model *m, const char *subject)
{
    return (struct drafting){&m->arena, session->arena, session->diags, subject, ARENA_NEW(&m->arena, struct description)};
}

bool model_read_description(struct session *session, struct quern_model *m, const char *path, const char *bytes, size_t size)
{
    struct drafting d = begin_draft(session, m, path);
    if (!description_read(&d, bytes, size))
        return false;
    take_description(m, path, d.description);
    return true;
}

/* ---- checkpoints with a description ---- */

/* Of a checkpoint's tensor, which may go by any of its module's paths; NULL after reporting. */
static const struct quern_module *find_module(struct drafting *d, const struct stored *t)
{
    const char *dot = strrchr(t->name, '.');
    const struct module_state *state = description_state(d->description, t->name);
    const struct quern_module *module = description_module(d->description, t->name, dot ? (size_t)(dot - t->name) : 0);
    if (!module)
        return REPORT_ABOUT(d->diags, description_differs, d->subject, "tensor %s belongs to no module of the description",
                            name_shown(d->scratch, t->name)), NULL;
    bool differs = state && state->rank >= 0 && t->rank >= 0 && (state->rank != t->rank ||
                   (t->rank && memcmp(state->shape, t->shape, (size_t)t->rank * sizeof *t->shape)));
    if (differs)
        REPORT_ABOUT(d->diags, description_differs, d->subject, "%s has another shape in the checkpoint",
                     name_shown(d->scratch, t->name));
    return differs ? NULL : module;
}

/* Nothing of the model changes before every tensor has found its module. */
static bool attach_all(struct drafting *d, struct quern_model *m)
{
    const struct quern_module **modules = ARENA_ARRAY(d->scratch, m->count + 1, const struct quern_module *);
    for (size_t i = 0; i < m->count; i++) {
        modules[i] = find_module(d, m->tensors[i]);
        if (!modules[i])
            return false;
    }
    for (size_t i = 0; i < m->count; i++)
        m->tensors[i]->module = modules[i];
    m->description = d->description;
    return true;
}

/* One call of quern_model_describe; also the name of a builder's model. */
struct describe_call {
    struct quern_model *model;
    const char *path;
};

/* A description that fits is the model's from here on; what it may hold is bounded as a list of names is. */
static enum quern_status describe_model(struct session *session, void *data)
{
    struct describe_call *call = data;
    struct quern_model *m = call->model;
    struct drafting d = begin_draft(session, m, arena_string(&m->arena, call->path));
    char *bytes;
    size_t size;
    int error = file_read_all(session->arena, call->path, false, MODEL_NAMES_MAX, &bytes, &size);
    if (error == FILE_TOO_LARGE)
        REPORT_ABOUT(session->diags, too_large, call->path, "a module description may hold %d bytes", MODEL_NAMES_MAX);
    else if (error)
        REPORT_ABOUT(session->diags, cannot_read, call->path, "cannot read the module description: %s", file_reason(error));
    else if (description_read(&d, bytes, size))
        attach_all(&d, m);
    return diags_status(session->diags);
}

enum quern_status quern_model_describe(quern_model *model, const char *path)
{
    if (!model || !path || model->description)
        return QUERN_USAGE;
    struct describe_call call = {model, path};
    return context_enter(model->context, &model->arena, describe_model, &call);
}

/* ---- building by calls ---- */

struct quern_model_builder {
    struct quern_context *context;
    struct quern_model *model; /* owned; NULL once finished */
    bool failed;
};

/* What one call adds, and how. */
typedef bool build_step(struct drafting *d, struct session *session, struct quern_model *m, const void *info);
struct build_call {
    struct quern_model_builder *builder;
    build_step *step;
    const void *info;
};

static bool add_module(struct drafting *d, struct session *session, struct quern_model *m, const void *info)
{
    (void)session, (void)m;
    return draft_module(d, info);
}

static bool add_state(struct drafting *d, struct session *session, struct quern_model *m, const void *info)
{
    (void)session, (void)m;
    return draft_state(d, info);
}

static bool add_op(struct drafting *d, struct session *session, struct quern_model *m, const void *info)
{
    (void)session, (void)m;
    return draft_op(d, info);
}

static bool add_boundary(struct drafting *d, struct session *session, struct quern_model *m, const void *info)
{
    (void)session, (void)m;
    return draft_boundary(d, info);
}

/* From here on the model is as one that was read from a file. */
static bool finish(struct drafting *d, struct session *session, struct quern_model *m, const void *info)
{
    (void)info;
    if (!draft_link(d))
        return false;
    take_description(m, m->path, d->description);
    return model_sort(session, m);
}

/* The draft lives in the model's arena between calls; what goes through the session is gone after each. */
static enum quern_status build(struct session *session, void *data)
{
    struct build_call *call = data;
    struct quern_model *m = call->builder->model;
    if (!m->description)
        m->description = ARENA_NEW(&m->arena, struct description);
    struct drafting d = {&m->arena, session->arena, session->diags, m->path, m->description};
    return call->step(&d, session, m, call->info) ? QUERN_OK : diags_status(session->diags);
}

/* After a failed step the draft may be half a record: it takes no further one. */
static enum quern_status run_step(struct quern_model_builder *builder, build_step *step, const void *info)
{
    struct build_call call = {builder, step, info};
    if (builder->failed)
        return QUERN_USAGE;
    enum quern_status status = context_enter(builder->context, &builder->model->arena, build, &call);
    builder->failed = status != QUERN_OK;
    return status;
}

static enum quern_status copy_name(struct session *session, void *data)
{
    struct describe_call *call = data;
    (void)session;
    call->model->path = arena_string(&call->model->arena, call->path);
    return QUERN_OK;
}

/* The model exists from the beginning, without a tensor: the builder fills its description, and `finish` gives it away. */
enum quern_status quern_model_builder_new(quern_context *context, const char *name, quern_model_builder **builder)
{
    if (!context || !name || !builder)
        return QUERN_USAGE;
    *builder = NULL;
    struct quern_model_builder *b = context_allocate(context, sizeof *b);
    if (!b)
        return QUERN_LIMIT;
    b->context = context;
    b->model = model_allocate(context);
    struct describe_call call = {b->model, name};
    enum quern_status status = b->model ? context_enter(context, &b->model->arena, copy_name, &call) : QUERN_LIMIT;
    if (status)
        quern_model_builder_close(b);
    else
        *builder = b;
    return status;
}

/* Here and below, the pointers without which the record cannot be read; words and sizes are draft_*'s. */
enum quern_status quern_model_builder_add_module(quern_model_builder *builder, const struct quern_module_info *info)
{
    bool usable = builder && info && info->path;
    return usable ? run_step(builder, add_module, info) : QUERN_USAGE;
}

enum quern_status quern_model_builder_add_state(quern_model_builder *builder, const struct quern_state_info *info)
{
    bool usable = builder && info && info->tensor.name && (info->tensor.rank <= 0 || info->tensor.shape);
    return usable ? run_step(builder, add_state, info) : QUERN_USAGE;
}

enum quern_status quern_model_builder_add_op(quern_model_builder *builder, const struct quern_op_info *info)
{
    bool usable = builder && info && info->owner && info->type && (!info->input_count || info->inputs) && (!info->output_count || info->outputs);
    return usable ? run_step(builder, add_op, info) : QUERN_USAGE;
}

enum quern_status quern_model_builder_add_boundary(quern_model_builder *builder, const struct quern_boundary_info *info)
{
    bool usable = builder && info && info->module;
    return usable ? run_step(builder, add_boundary, info) : QUERN_USAGE;
}

/* The builder lets go of the model before it is closed. */
enum quern_status quern_model_builder_finish(quern_model_builder *builder, quern_model **model)
{
    if (!builder || !model)
        return QUERN_USAGE;
    *model = NULL;
    enum quern_status status = run_step(builder, finish, NULL);
    if (!status) {
        *model = builder->model;
        builder->model = NULL;
    }
    quern_model_builder_close(builder);
    return status;
}

/* The model is still the builder's unless it was finished. */
void quern_model_builder_close(quern_model_builder *builder)
{
    if (!builder)
        return;
    quern_model_close(builder->model);
    context_release(builder->context, builder, sizeof *builder);
}
