/* Logical tensors: the quern format, checking parts, and the list. In: stored tensors, config.json, metadata; out: one logical
 * tensor for each that the original had. Each stored tensor belongs to exactly one: `claimed` says which are taken. See
 * logical.h. */
#include "runtime/logical.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/floats.h"
#include "runtime/json.h"
#include "runtime/report.h"

#define REPORT(f, code, ...) REPORT_ABOUT((f)->session->diags, code, (f)->model->path, __VA_ARGS__)
#define SHOWN(f, name) name_shown((f)->session->arena, name)

/* ---- parts ---- */

/* Of the tensor with this suffix; NULL when the checkpoint has none. */
const struct stored *finding_part(const struct finding *f, const char *name, const char *suffix)
{
    return model_find(f->model, arena_printf(f->session->arena, "%s%s", name, suffix));
}

/* By its place in the model's sorted tensors. */
static void claim(struct finding *f, const struct stored *t)
{
    size_t low = 0, high = f->model->count;
    /* The last name that is not behind the tensor's: its own, which is there. */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(f->model->tensors[middle]->name, t->name) <= 0)
            low = middle;
        else
            high = middle;
    }
    f->claimed[low] = true;
}

/* "BF16 [4,64]", as messages name what was found and what was wanted. */
static const char *print_type(struct arena *arena, const struct stored *t)
{
    struct text text = text_make(arena);
    text_printf(&text, "%s [", dtype_rows[t->dtype].file_name);
    for (int i = 0; i < t->rank && i < KERNEL_RANK_MAX; i++)
        text_printf(&text, i ? ",%" PRId64 : "%" PRId64, t->shape[i]);
    text_add(&text, "]");
    return text_string(&text);
}

static bool same_type(const struct stored *a, const struct stored *b)
{
    return a->dtype == b->dtype && a->rank == b->rank && (a->rank == 0 || !memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape));
}

/* Scales of one per tensor are stored as [1] by some writers and as [] by others. */
static bool is_one(const struct stored *t)
{
    return t->elements == 1 && t->rank <= 1;
}

/* Exactly the dtype and shape that the writer would have given the part: off by one is an error, not a guess. */
static bool take_part(struct finding *f, struct logical *t, const struct part *part, const struct stored *wanted)
{
    const struct stored *found = model_find(f->model, wanted->name);
    if (!found)
        return REPORT(f, missing_part, "tensor %s: there is no %s, its %s", SHOWN(f, t->name), SHOWN(f, wanted->name), t->consumer->word);
    claim(f, found);
    if (!same_type(found, wanted) && !(is_one(found) && is_one(wanted) && found->dtype == wanted->dtype))
        return REPORT(f, bad_part, "tensor %s: %s is %s; %s wants %s", SHOWN(f, t->name), SHOWN(f, found->name),
                      print_type(f->session->arena, found), t->consumer->word, print_type(f->session->arena, wanted));
    t->parts[part->role] = found;
    t->rows[part->role] = part;
    return true;
}

/* consumer_part says which parts there must be; nothing is read yet but names and shapes. */
bool finding_add(struct finding *f, struct logical t)
{
    const char *reason;
    int64_t bytes;
    struct placement placement = {.name = t.name, .shape = t.shape, .rank = t.rank, .spec = t.spec};
    if (t.rank > KERNEL_RANK_MAX || !stored_size(DTYPE_f32, t.shape, t.rank, &t.elements, &bytes))
        return REPORT(f, bad_part, "tensor %s: its shape cannot be read", SHOWN(f, t.name));
    if (!kernel_storage(t.spec, t.shape, t.rank, &t.storage, &reason))
        return REPORT(f, bad_part, "tensor %s: %s", SHOWN(f, t.name), reason);
    for (const struct part *part = NULL; (part = consumer_next_part(t.consumer, part));) {
        struct stored wanted;
        if (consumer_part(f->session->arena, part, &placement, t.spec, &t.storage, &wanted) && !take_part(f, &t, part, &wanted))
            return false;
    }
    t.shard = t.parts[PART_codes]->shard->index;
    *ARENA_PUSH(&f->model->arena, f->model->logical, f->model->logical_count, f->capacity) = t;
    return true;
}

/* ---- the quern format: "quern:NAME" → {"spec", "dtype", "shape"}; docs/quern-format.md ---- */

/* As many sizes as a kernel takes; none negative. */
static bool read_shape(struct finding *f, json_t *array, struct logical *t)
{
    size_t i;
    json_t *item;
    if (!json_is_array(array) || json_array_size(array) > KERNEL_RANK_MAX)
        return false;
    int64_t *shape = ARENA_ARRAY(&f->model->arena, KERNEL_RANK_MAX, int64_t);
    json_array_foreach(array, i, item) {
        if (!json_is_integer(item) || json_integer_value(item) < 0)
            return false;
        shape[i] = json_integer_value(item);
    }
    t->rank = (int)json_array_size(array);
    t->shape = shape;
    return true;
}

/* Foreign text: every member is checked, and the spec goes through the language's own parser. */
static bool read_description(struct finding *f, const char *text, struct json_hold *hold, struct logical *t)
{
    json_error_t error;
    hold->value = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    const char *spec = json_string_value(json_object_get(hold->value, "spec"));
    const char *dtype = json_string_value(json_object_get(hold->value, "dtype"));
    t->dtype = dtype ? dtype_find_file_name(dtype) : -1;
    if (!spec || t->dtype < 0 || !is_float(t->dtype) || !read_shape(f, json_object_get(hold->value, "shape"), t))
        return REPORT(f, bad_part, "tensor %s: its \"quern:\" metadata is not {\"spec\", \"dtype\", \"shape\"}", SHOWN(f, t->name));
    t->spec = spec_parse(&f->model->arena, spec, f->session->diags);
    return t->spec || REPORT(f, bad_part, "tensor %s: its spec cannot be read: %.160s", SHOWN(f, t->name), spec);
}

/* The metadata decides; whether config.json mentions the format does not matter. */
static bool find_own(struct finding *f)
{
    struct json_hold *hold = json_keep(f->session->arena);
    bool ok = true;
    for (size_t i = 0; ok && i < f->model->shard_count; i++) {
        const struct shard *shard = f->model->shards[i];
        for (size_t j = 0; ok && j < shard->metadata_count; j++) {
            if (strncmp(shard->metadata[j].key, "quern:", 6))
                continue;
            struct logical t = {.name = shard->metadata[j].key + 6, .consumer = consumer_find("quern")};
            ok = read_description(f, shard->metadata[j].value, hold, &t) && finding_add(f, t);
            json_drop(hold);
        }
    }
    return ok;
}

/* ---- the rest ---- */

/* By bytes. */
static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end);
}

/* Parts that nobody claimed mean that config.json and the tensors do not fit together. */
static bool check_stray(struct finding *f, const struct stored *t)
{
    /* What compressed-tensors' parts are called; a plain tensor of such a name is none of a model's. */
    static const char *const ends[] = {".weight_packed", ".weight_scale", ".weight_global_scale", ".weight_shape", ".weight_zero_point"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(t->name, ends[i]))
            return REPORT(f, missing_part, "tensor %s is part of a quantized one that config.json does not list", SHOWN(f, t->name));
    return true;
}

/* What no quantized tensor claimed is a tensor of its own. */
static bool add_plain(struct finding *f)
{
    struct quern_model *m = f->model;
    for (size_t i = 0; i < m->count; i++) {
        const struct stored *t = m->tensors[i];
        if (f->claimed[i])
            continue;
        if (!check_stray(f, t))
            return false;
        *ARENA_PUSH(&m->arena, m->logical, m->logical_count, f->capacity) =
            (struct logical){.name = t->name, .dtype = t->dtype, .rank = t->rank, .shape = t->shape, .elements = t->elements,
                             .shard = t->shard->index, .plain = t};
    }
    return true;
}

/* As the model's own tensors are sorted. */
static int compare_logical(const void *a, const void *b)
{
    return strcmp(((const struct logical *)a)->name, ((const struct logical *)b)->name);
}

/* A name that is both quantized and plain would depend on the reader. */
static bool sort_logical(struct finding *f)
{
    struct quern_model *m = f->model;
    if (m->logical_count)
        qsort(m->logical, m->logical_count, sizeof *m->logical, compare_logical);
    for (size_t i = 1; i < m->logical_count; i++)
        if (!compare_logical(&m->logical[i - 1], &m->logical[i]))
            return REPORT(f, duplicate_tensor, "tensor %s is stored both quantized and as it is", SHOWN(f, m->logical[i].name));
    return true;
}

/* Remembered once it succeeded; a failure is reported anew each time, since the messages may have been cleared. */
bool model_logical(struct session *session, struct quern_model *m)
{
    if (m->logical_made)
        return true;
    struct finding f = {session, m, ARENA_ARRAY(session->arena, m->count + 1, bool), 0};
    m->logical = NULL;
    m->logical_count = 0;
    if (!m->directory)
        return REPORT(&f, no_data, "this model has no data");
    m->logical_made = find_own(&f) && finding_compressed(&f) && add_plain(&f) && sort_logical(&f);
    return m->logical_made;
}

/* Tensors are in name order. */
const struct logical *logical_find(const struct quern_model *m, const char *name)
{
    struct logical wanted = {.name = name};
    return m->logical_count ? bsearch(&wanted, m->logical, m->logical_count, sizeof wanted, compare_logical) : NULL;
}
