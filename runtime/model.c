/* Models: which kind a path is, and the tensors of all its files in name order. In: a path; out: shards with their tensors, or
 * one message that says what was expected. A directory is read as transformers reads it: an index first, else one file. See
 * model.h. */
#include "runtime/model.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "runtime/describe.h"
#include "runtime/gguf.h"
#include "runtime/json.h"
#include "runtime/report.h"

#define REPORT(s, code, subject, ...) REPORT_ABOUT((s)->diags, code, subject, __VA_ARGS__)

/* A directory may end in a slash. */
const char *path_join(struct arena *arena, const char *directory, const char *name)
{
    size_t size = strlen(directory);
    return arena_printf(arena, "%s%s%s", directory, size && directory[size - 1] == '/' ? "" : "/", name);
}

/* Kinds are told by endings, case and all. */
static bool ends_with(const char *string, const char *end)
{
    size_t n = strlen(string), m = strlen(end);
    return n >= m && !strcmp(string + n - m, end);
}

/* "." for a bare name: what lies beside the file is looked for there. */
static const char *cut_directory(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return ".";
    return slash == path ? "/" : arena_copy(arena, path, (size_t)(slash - path));
}

/* The list is copied, the shards stay where they are: tensors point to them. */
static struct shard *add_shard(struct quern_model *m)
{
    struct shard *shard = ARENA_NEW(&m->arena, struct shard);
    struct shard **shards = ARENA_ARRAY(&m->arena, m->shard_count + 1, struct shard *);
    if (m->shard_count)
        memcpy(shards, m->shards, m->shard_count * sizeof *shards);
    shard->index = m->shard_count;
    shards[m->shard_count++] = shard;
    m->shards = shards;
    return shard;
}

/* The file stays open until the model is closed: what is read later is what was checked now. */
struct shard *model_add_shard(struct session *session, struct quern_model *m, const char *path)
{
    struct shard *shard = add_shard(m);
    size_t index = shard->index;
    bool ok = safetensors_open(&m->arena, path, session->arena, shard, session->diags);
    shard->index = index;
    return ok ? shard : NULL;
}

/* Without a file, offset and data: such tensors are names, with a dtype and shape where the list says them. */
struct shard *model_add_list(struct quern_model *m, const char *path)
{
    struct shard *shard = add_shard(m);
    shard->path = arena_string(&m->arena, path);
    return shard;
}

static int compare_stored(const void *a, const void *b)
{
    return strcmp((*(struct stored *const *)a)->name, (*(struct stored *const *)b)->name);
}

/* By bytes, not by locale. */
bool model_sort(struct session *session, struct quern_model *m)
{
    for (size_t i = 0; i < m->shard_count; i++)
        m->count += m->shards[i]->count;
    m->tensors = ARENA_ARRAY(&m->arena, m->count + 1, struct stored *);
    size_t at = 0;
    for (size_t i = 0; i < m->shard_count; i++)
        for (size_t j = 0; j < m->shards[i]->count; j++)
            m->tensors[at++] = &m->shards[i]->tensors[j];
    qsort(m->tensors, m->count, sizeof *m->tensors, compare_stored);
    for (size_t i = 1; i < m->count; i++)
        if (!compare_stored(&m->tensors[i - 1], &m->tensors[i])) /* of one list; shards of an index were compared with it */
            return REPORT(session, duplicate_tensor, m->path, "tensor %s stands twice", name_shown(session->arena, m->tensors[i]->name));
    return true;
}

/* By binary search; models of a million tensors are asked a million times. */
size_t model_find_index(const struct quern_model *m, const char *name)
{
    struct stored wanted = {.name = name}, *key = &wanted;
    struct stored **found = m->count ? bsearch(&key, m->tensors, m->count, sizeof *m->tensors, compare_stored) : NULL;
    return found ? (size_t)(found - m->tensors) : m->count;
}

const struct stored *model_find(const struct quern_model *m, const char *name)
{
    size_t index = model_find_index(m, name);
    return index < m->count ? m->tensors[index] : NULL;
}

/* ---- kinds ---- */

/* The one .safetensors of a directory without an index: model.safetensors when it is there, else the only one. */
static const char *find_single(struct session *session, const char *directory)
{
    DIR *dir = opendir(directory);
    if (!dir) {
        REPORT(session, cannot_read, directory, "cannot read the directory: %s", file_reason(errno));
        return NULL;
    }
    char found[256] = "";
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.' && ends_with(entry->d_name, ".safetensors")) {
            bool usual = !strcmp(entry->d_name, "model.safetensors");
            if (usual || strcmp(found, "model.safetensors"))
                strcpy(found, entry->d_name);
            count++;
        }
    closedir(dir);
    if (count == 1 || !strcmp(found, "model.safetensors"))
        return path_join(session->arena, directory, found);
    if (count)
        REPORT(session, no_model, directory, "%u .safetensors files, no model.safetensors and no model.safetensors.index.json", count);
    else
        REPORT(session, no_model, directory, "no .safetensors file and no model.safetensors.index.json in this directory");
    return NULL;
}

/* An index wins over single files, as in transformers. */
static bool read_directory(struct session *session, struct quern_model *m, const char *path)
{
    struct stat status;
    m->directory = arena_string(&m->arena, path);
    m->whole_directory = true;
    const char *index = path_join(session->arena, path, "model.safetensors.index.json");
    if (!stat(index, &status))
        return model_read_index(session, m, m->directory, index);
    const char *single = find_single(session, path);
    return single && model_add_shard(session, m, single);
}

/* The first bytes say GGUF whatever the file is called. */
static bool is_gguf(struct session *session, const char *path)
{
    struct file *file = NULL;
    char magic[4];
    if (ends_with(path, ".gguf"))
        return true;
    bool found = !file_open(session->arena, path, &file) && file->size >= 4 && !file_read_at(file, magic, 4, 0) &&
                 !memcmp(magic, "GGUF", 4);
    if (file)
        file_close(file);
    return found;
}

/* Standard input may be either. */
static bool read_text(struct session *session, struct quern_model *m, const char *path)
{
    char *bytes;
    size_t size;
    int error = file_read_all(session->arena, path, false, MODEL_NAMES_MAX, &bytes, &size);
    if (error == FILE_TOO_LARGE)
        return REPORT(session, too_large, path, "a list of names or a module description may hold %d bytes", MODEL_NAMES_MAX);
    if (error)
        return REPORT(session, cannot_read, path, "cannot read the model: %s", file_reason(error));
    if (description_looks_like(bytes, size) || ends_with(path, ".json"))
        return model_read_description(session, m, path, bytes, size);
    return model_read_names(session, m, path, bytes, size);
}

/* The name decides, except that GGUF and module descriptions are known by their first bytes; anything else is a list of names.
 * Devices and sockets are refused before they are opened: a terminal would be waited for. */
static bool read_kind(struct session *session, struct quern_model *m, const char *path)
{
    struct stat status;
    if (strcmp(path, "-") && stat(path, &status))
        return REPORT(session, cannot_read, path, "cannot open the model: %s", file_reason(errno));
    if (strcmp(path, "-") && (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode) || S_ISSOCK(status.st_mode)))
        return REPORT(session, cannot_read, path, "cannot read the model: it is a device or a socket");
    if (strcmp(path, "-") && S_ISDIR(status.st_mode))
        return read_directory(session, m, path);
    if (ends_with(path, ".index.json")) {
        m->directory = cut_directory(&m->arena, path);
        return model_read_index(session, m, m->directory, path);
    }
    if (ends_with(path, ".safetensors")) {
        m->directory = cut_directory(&m->arena, path);
        return model_add_shard(session, m, path);
    }
    if (strcmp(path, "-") && is_gguf(session, path))
        return gguf_open(&m->arena, session->arena, path, model_add_list(m, path), session->diags);
    return read_text(session, m, path);
}

static enum quern_status open_model(struct session *session, void *call)
{
    struct quern_model *m = call;
    if (read_kind(session, m, m->path) && model_sort(session, m))
        return QUERN_OK;
    return diags_status(session->diags);
}

/* One call of quern_model_open. */
struct open_call {
    struct quern_model *model;
    const char *path;
};

static enum quern_status open_path(struct session *session, void *call)
{
    struct open_call *open = call;
    open->model->path = arena_string(&open->model->arena, open->path);
    return open_model(session, open->model);
}

struct quern_model *model_allocate(struct quern_context *context)
{
    struct quern_model *m = context_allocate(context, sizeof *m);
    if (!m)
        return NULL;
    m->context = context;
    arena_init(&m->arena, &context->allocator);
    return m;
}

/* Headers only; no tensor data is touched. */
enum quern_status quern_model_open(quern_context *context, const char *path, quern_model **model)
{
    if (!context || !path || !model)
        return QUERN_USAGE;
    *model = NULL;
    struct quern_model *m = model_allocate(context);
    if (!m)
        return QUERN_LIMIT;
    struct open_call call = {m, path};
    enum quern_status status = context_enter(context, &m->arena, open_path, &call);
    if (status)
        quern_model_close(m);
    else
        *model = m;
    return status;
}

void quern_model_close(quern_model *model)
{
    if (!model)
        return;
    struct quern_context *context = model->context;
    arena_close(&model->arena);
    context_release(context, model, sizeof *model);
}

size_t quern_model_count(const quern_model *model)
{
    return model->count;
}

/* The public view: strings and shapes belong to the model. */
struct quern_tensor stored_tensor(const struct stored *t)
{
    const char *dtype = t->blocks ? t->blocks : t->dtype < 0 ? "" : dtype_rows[t->dtype].file_name;
    return (struct quern_tensor){.name = t->name, .dtype = dtype, .rank = t->rank, .shape = t->shape, .bytes = t->bytes,
                                 .file = t->shard->path, .module = t->module};
}

struct quern_tensor quern_model_at(const quern_model *model, size_t index)
{
    return stored_tensor(model->tensors[index]);
}
