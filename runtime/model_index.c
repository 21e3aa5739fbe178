/* Models: sharded checkpoints. model.safetensors.index.json says which file holds each tensor: {"metadata": {"total_size": n},
 * "weight_map": {tensor: file}}, as transformers writes it. It is believed in nothing: file names may not leave the directory,
 * and every claim is compared with the files' own headers. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "runtime/json.h"
#include "runtime/model.h"
#include "runtime/report.h"

/* One member of weight_map. */
struct mapping {
    const char *tensor, *file;
};
/* An index being read. */
struct index {
    struct session *session;
    struct quern_model *model;
    const char *path, *directory;
    struct mapping *map; /* sorted by tensor once read */
    size_t count, capacity;
    bool has_map, has_total;
    json_int_t total;
};

#define REPORT(x, code, ...) REPORT_ABOUT((x)->session->diags, code, (x)->path, __VA_ARGS__)
#define SHOWN(x, name) name_shown((x)->session->arena, name)

/* ---- the text ---- */

/* A run of tensors in one file shares the file's name in memory. */
static bool read_map(struct index *x, struct json_walk *w)
{
    struct json_walk inner;
    const char *last = "";
    json_walk_enter(w, &inner, x->session->arena);
    for (const char *key; (key = json_walk_key(&inner, x->session->arena));) {
        json_t *value = json_walk_value(&inner, '"');
        if (!value && !inner.error)
            return REPORT(x, bad_index, "\"weight_map\": the file of %s is not a string", SHOWN(x, key));
        if (!value)
            break;
        const char *file = json_string_value(value);
        last = strcmp(last, file) ? arena_string(x->session->arena, file) : last; /* runs of one shard share its name */
        *ARENA_PUSH(x->session->arena, x->map, x->count, x->capacity) = (struct mapping){key, last};
    }
    json_walk_leave(w, &inner);
    x->has_map = true;
    return true;
}

/* Some writers have it as a float. */
static void read_total(struct index *x, json_t *metadata)
{
    json_t *total = json_object_get(metadata, "total_size");
    x->has_total = json_is_integer(total) || json_is_real(total);
    x->total = json_is_real(total) ? (json_int_t)json_real_value(total) : json_integer_value(total);
}

/* Members other than these two are somebody else's and are stepped over. */
static bool read_text(struct index *x, const char *bytes, size_t size)
{
    struct json_walk walk;
    bool ok = true;
    json_walk_open(&walk, x->session->arena, bytes, size);
    for (const char *key; ok && (key = json_walk_key(&walk, x->session->arena));) {
        if (!strcmp(key, "weight_map")) {
            ok = !x->has_map ? read_map(x, &walk) : REPORT(x, bad_index, "\"weight_map\" stands twice");
        } else {
            json_t *value = json_walk_value(&walk, 0);
            if (value && !strcmp(key, "metadata"))
                read_total(x, value);
        }
    }
    json_walk_close(&walk);
    if (ok && walk.error)
        return REPORT(x, bad_index, "the index is not a JSON object: %s", walk.error);
    if (ok && !x->has_map)
        return REPORT(x, bad_index, "there is no \"weight_map\"");
    return ok;
}

/* By bytes, as the stored tensors are sorted, so that one pass compares the two. */
static int compare_mappings(const void *a, const void *b)
{
    return strcmp(((const struct mapping *)a)->tensor, ((const struct mapping *)b)->tensor);
}

/* Also finds keys that stand twice, which jansson would let the last win. */
static bool sort_map(struct index *x)
{
    if (x->count)
        qsort(x->map, x->count, sizeof *x->map, compare_mappings);
    for (size_t i = 1; i < x->count; i++)
        if (!compare_mappings(&x->map[i - 1], &x->map[i]))
            return REPORT(x, duplicate_tensor, "\"weight_map\": tensor %s stands twice", SHOWN(x, x->map[i].tensor));
    return true;
}

/* ---- the files ---- */

/* Neither a way out of the directory nor a hidden file. Backslashes are refused for the sake of other systems. */
static bool is_plain_name(const char *file)
{
    return *file && *file != '.' && !strchr(file, '/') && !strchr(file, '\\');
}

/* Does path, links followed, lie directly in directory? */
static bool lies_in(const char *path, const char *directory)
{
    char *real = realpath(path, NULL), *base = realpath(directory, NULL);
    size_t size = base ? strlen(base) : 0;
    /* A directory's path has no slash at its end but the root's. */
    size -= size == 1; /* "/" */
    bool inside = real && base && !strncmp(real, base, size) && real[size] == '/' && !strchr(real + size + 1, '/');
    free(real);
    free(base);
    return inside;
}

/* A link may point within the directory, or into ../../blobs beside snapshots/REVISION, as the Hub's cache has it. */
static bool check_file(struct index *x, const char *file, const char *path)
{
    const char *blobs = path_join(x->session->arena, x->directory, "../../blobs");
    if (!is_plain_name(file))
        return REPORT(x, index_path, "\"weight_map\": %s is not the name of a file beside the index", SHOWN(x, file));
    char *real = realpath(path, NULL);
    free(real);
    if (real && !lies_in(path, x->directory) && !lies_in(path, blobs))
        return REPORT(x, index_path, "\"weight_map\": %s is a link that leaves the directory", SHOWN(x, file));
    return true;
}

/* Each file once, in the order of their names; the model's shards are in that order. *found: how many of them exist. */
static bool list_files(struct index *x, const char **paths, size_t *count, size_t *found)
{
    const char **files = ARENA_ARRAY(x->session->arena, x->count + 1, const char *);
    struct stat status;
    *count = *found = 0;
    for (size_t i = 0; i < x->count; i++)
        files[i] = x->map[i].file;
    /* Shards are numbered in this order, which a writer's names have too. */
    qsort(files, x->count, sizeof *files, text_order);
    for (size_t i = 0; i < x->count; i++) {
        if (i && !strcmp(files[i - 1], files[i]))
            continue;
        const char *path = path_join(&x->model->arena, x->directory, files[i]);
        if (!check_file(x, files[i], path))
            return false;
        *found += !stat(path, &status);
        paths[(*count)++] = path;
    }
    return true;
}

/* A file that the map names and that is not there is reported by its opening. */
static bool open_shards(struct index *x, const char **paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!model_add_shard(x->session, x->model, paths[i]))
            return false;
    return true;
}

/* An index that came without its shards is a list of names. */
static void take_names(struct index *x)
{
    struct shard *shard = model_add_list(x->model, x->path);
    shard->tensors = ARENA_ARRAY(&x->model->arena, x->count + 1, struct stored);
    for (size_t i = 0; i < x->count; i++)
        shard->tensors[shard->count++] = (struct stored){.name = arena_string(&x->model->arena, x->map[i].tensor), .dtype = -1, .rank = -1,
                                                         .elements = -1, .bytes = -1, .shard = shard};
    x->model->directory = NULL;
}

/* ---- claims against headers ---- */

/* Messages name files as the index does. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Here names may stand twice, in two shards; compare_lists says so. */
static int compare_stored(const void *a, const void *b)
{
    return strcmp((*(struct stored *const *)a)->name, (*(struct stored *const *)b)->name);
}

/* Every tensor of every header by name; neighbours with equal names are in two shards. */
static struct stored **sort_stored(struct index *x, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < x->model->shard_count; i++)
        *count += x->model->shards[i]->count;
    struct stored **all = ARENA_ARRAY(x->session->arena, *count + 1, struct stored *);
    size_t at = 0;
    for (size_t i = 0; i < x->model->shard_count; i++)
        for (size_t j = 0; j < x->model->shards[i]->count; j++)
            all[at++] = &x->model->shards[i]->tensors[j];
    qsort(all, *count, sizeof *all, compare_stored);
    return all;
}

/* Both lists are sorted: one pass finds what is missing on either side and what lies elsewhere. */
static bool compare_lists(struct index *x, struct stored **all, size_t count)
{
    size_t i = 0, j = 0;
    while (i < x->count || j < count) {
        int order = i == x->count ? 1 : j == count ? -1 : strcmp(x->map[i].tensor, all[j]->name);
        if (order < 0)
            return REPORT(x, index_differs, "\"weight_map\": tensor %s is not in %s", SHOWN(x, x->map[i].tensor), SHOWN(x, x->map[i].file));
        if (order > 0)
            return REPORT(x, index_differs, "tensor %s of %s is not in \"weight_map\"", SHOWN(x, all[j]->name),
                          base_name(all[j]->shard->path));
        if (j + 1 < count && !strcmp(all[j]->name, all[j + 1]->name))
            return REPORT(x, duplicate_tensor, "tensor %s is in two files: %s and %s", SHOWN(x, all[j]->name),
                          base_name(all[j]->shard->path), base_name(all[j + 1]->shard->path));
        if (strcmp(x->map[i].file, base_name(all[j]->shard->path)))
            return REPORT(x, index_differs, "\"weight_map\": tensor %s is not in %s but in %s", SHOWN(x, all[j]->name),
                          SHOWN(x, x->map[i].file), base_name(all[j]->shard->path));
        i++, j++;
    }
    return true;
}

/* A warning: nothing here depends on the number. */
static void compare_total(struct index *x, struct stored **all, size_t count)
{
    int64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += all[i]->bytes;
    if (x->has_total && x->total != total)
        REPORT(x, index_total, "\"total_size\" says %" JSON_INTEGER_FORMAT " bytes, the tensors take %" PRId64, x->total, total);
}

/* Once the lists agree, each tensor is in one file and in the file the map says. */
static bool check_claims(struct index *x)
{
    size_t count;
    struct stored **all = sort_stored(x, &count);
    if (!compare_lists(x, all, count))
        return false;
    compare_total(x, all, count);
    return true;
}

/* A list of names only when it came alone: a directory's index without its shards is a broken checkpoint. */
static bool read_shards(struct index *x)
{
    const char **paths = ARENA_ARRAY(x->session->arena, x->count + 1, const char *);
    size_t count, found;
    if (!list_files(x, paths, &count, &found))
        return false;
    if (!count || found || x->model->whole_directory)
        return open_shards(x, paths, count) && check_claims(x);
    take_names(x);
    return true;
}

/* The order of checks: the text, its names, the files, and then every claim against the headers. */
bool model_read_index(struct session *session, struct quern_model *m, const char *directory, const char *path)
{
    struct index x = {.session = session, .model = m, .path = path, .directory = directory};
    char *bytes;
    size_t size;
    int error = file_read_all(session->arena, path, true, SAFETENSORS_HEADER_MAX, &bytes, &size);
    if (error == FILE_TOO_LARGE)
        return REPORT(&x, too_large, "an index may hold %d bytes", SAFETENSORS_HEADER_MAX);
    if (error)
        return REPORT(&x, cannot_read, "cannot read the index: %s", file_reason(error));
    return read_text(&x, bytes, size) && sort_map(&x) && read_shards(&x);
}
