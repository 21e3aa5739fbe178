/* Checkpoints being written: layout, files, index, and the small files beside. In: tensors with dtypes and shapes; out: a
 * directory that transformers and vLLM load, once data is in its files. The invariant of the whole pipeline: every byte's place
 * follows from names, dtypes and shapes, so neither threads nor memory can move one. See checkpoint.h. */
#include "runtime/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/json.h"
#include "runtime/report.h"

/* Bytes of one small file, which is in memory as a whole; tokenizers are a few MB. */
enum { SMALL_FILE_MAX = 256 * 1024 * 1024 };

/* Output files are numbered in the order of the input's files; a single one has the usual name. */
struct checkpoint *checkpoint_new(struct session *session, const struct quern_model *input)
{
    struct checkpoint *c = ARENA_NEW(session->arena, struct checkpoint);
    c->session = session;
    c->count = input->shard_count;
    c->shards = ARENA_ARRAY(session->arena, c->count + 1, struct out_shard);
    for (size_t i = 0; i < c->count; i++) {
        c->shards[i].name = c->count == 1 ? "model.safetensors"
                                          : arena_printf(session->arena, "model-%05zu-of-%05zu.safetensors", i + 1, c->count);
        checkpoint_describe(c, i, "format", "pt"); /* transformers refuses files without it */
    }
    return c;
}

/* Tensors are kept by address: their offsets are filled in later, when the whole file is known. */
void checkpoint_add(struct checkpoint *c, size_t shard, struct stored *tensor)
{
    struct out_shard *s = &c->shards[shard];
    *ARENA_PUSH(c->session->arena, s->tensors, s->count, s->capacity) = tensor;
    c->tensor_count++;
}

void checkpoint_describe(struct checkpoint *c, size_t shard, const char *key, const char *value)
{
    struct out_shard *s = &c->shards[shard];
    *ARENA_PUSH(c->session->arena, s->metadata, s->metadata_count, s->metadata_capacity) = (struct metadata){key, value};
}

/* By bytes: files do not depend on the order of calls. */
static int compare_metadata(const void *a, const void *b)
{
    return strcmp(((const struct metadata *)a)->key, ((const struct metadata *)b)->key);
}

/* As the reference writers sort them. */
static int compare_names(const void *a, const void *b)
{
    return strcmp((*(struct stored *const *)a)->name, (*(struct stored *const *)b)->name);
}

/* Across all files, since readers merge them. Leaves the tensors sorted by name for the index. */
static bool check_names(struct checkpoint *c, const char *path)
{
    size_t at = 0;
    c->tensors = ARENA_ARRAY(c->session->arena, c->tensor_count + 1, struct stored *);
    for (size_t i = 0; i < c->count; i++)
        for (size_t j = 0; j < c->shards[i].count; j++)
            c->tensors[at++] = c->shards[i].tensors[j];
    qsort(c->tensors, c->tensor_count, sizeof *c->tensors, compare_names);
    for (size_t i = 1; i < c->tensor_count; i++)
        if (!compare_names(&c->tensors[i - 1], &c->tensors[i]))
            return REPORT_ABOUT(c->session->diags, name_taken, path, "two tensors of the output would be called %s",
                                name_shown(c->session->arena, c->tensors[i]->name));
    return true;
}

/* Purely arithmetic: no file exists yet when this says that a model cannot be written. */
bool checkpoint_lay_out(struct checkpoint *c, const char *path)
{
    for (size_t i = 0; i < c->count; i++) {
        struct out_shard *s = &c->shards[i];
        qsort(s->metadata, s->metadata_count, sizeof *s->metadata, compare_metadata);
        if (!safetensors_layout(c->session->arena, s->tensors, s->count, s->metadata, s->metadata_count, &s->header, &s->length))
            return REPORT_ABOUT(c->session->diags, too_large, path, "the header of %s would pass %d bytes", s->name, SAFETENSORS_HEADER_MAX);
    }
    return check_names(c, path);
}

/* Takes the disk space first, so that a disk that is too small is found before hours of work. */
bool checkpoint_create(struct checkpoint *c, struct output *out)
{
    for (size_t i = 0; i < c->count; i++) {
        struct out_shard *s = &c->shards[i];
        s->file = output_create(out, s->name);
        int error = s->file ? file_reserve(s->file, s->length) : 0;
        if (s->file && !error)
            error = file_write_at(s->file, s->header.bytes, s->header.size, 0);
        if (error)
            return REPORT_ABOUT(c->session->diags, cannot_write, out->path, "cannot write %s: %s", s->name, file_reason(error));
        if (!s->file)
            return false;
    }
    return true;
}

/* As json.dumps(…, indent=2, sort_keys=True) would write it. */
static bool write_index(struct checkpoint *c, struct output *out)
{
    struct text text = text_make(c->session->arena);
    struct json_hold *hold = json_keep(c->session->arena);
    int64_t total = 0;
    for (size_t i = 0; i < c->tensor_count; i++)
        total += c->tensors[i]->bytes;
    text_printf(&text, "{\n  \"metadata\": {\n    \"total_size\": %" PRId64 "\n  },\n  \"weight_map\": {", total);
    for (size_t i = 0; i < c->tensor_count; i++) {
        text_add(&text, i ? ",\n    " : "\n    ");
        json_print_string(&text, hold, c->tensors[i]->name);
        text_printf(&text, ": \"%s\"", c->shards[c->tensors[i]->shard->index].name);
    }
    text_add(&text, "\n  }\n}\n");
    return output_write(out, "model.safetensors.index.json", text.bytes, text.size);
}

/* Every file is on the disk before the directory gets its name. */
bool checkpoint_finish(struct checkpoint *c, struct output *out)
{
    for (size_t i = 0; i < c->count; i++)
        if (!output_finish(out, c->shards[i].file))
            return false;
    return c->count == 1 || write_index(c, out);
}

/* ---- small files ---- */

/* What Hugging Face repositories keep beside weights and a loader opens by name; patterns of fnmatch(3). */
static const char *const small_files[] = {
    "LICENSE*",           "README*",           "USE_POLICY*",     "added_tokens.json", "chat_template.*", "generation_config.json",
    "merges.txt",         "preprocessor_config.json", "processor_config.json", "sentencepiece*", "special_tokens_map.json",
    "spiece.model",       "tokenizer*",        "vocab.*",
};

/* Weights of other formats, subfolders and whatever else lies beside a model stay where they are. */
static bool is_small_file(const char *name)
{
    for (size_t i = 0; i < sizeof small_files / sizeof *small_files; i++)
        if (!fnmatch(small_files[i], name, 0))
            return true;
    return false;
}

/* Folders and the like under such a name are passed over. Links are followed: in the Hub's cache every file is one. */
static bool copy_file(struct session *session, const char *directory, const char *name, struct output *out)
{
    char *bytes;
    size_t size;
    const char *path = path_join(session->arena, directory, name);
    int error = file_read_all(session->arena, path, true, SMALL_FILE_MAX, &bytes, &size);
    if (error == FILE_IRREGULAR)
        return true;
    if (error)
        return REPORT_ABOUT(session->diags, cannot_read, path, "cannot read the file: %s", file_reason(error));
    return output_write(out, name, bytes, size);
}

/* For arena_defer. */
static void close_directory(void *resource)
{
    closedir(resource);
}

/* The order of a directory's entries does not matter: each is copied under its own name. */
bool checkpoint_copy_files(struct session *session, const struct quern_model *input, struct output *out)
{
    DIR *dir = opendir(input->directory);
    if (!dir)
        return REPORT_ABOUT(session->diags, cannot_read, input->directory, "cannot read the directory: %s", file_reason(errno));
    const char **names = NULL;
    size_t count = 0, capacity = 0;
    arena_defer(session->arena, close_directory, dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (is_small_file(entry->d_name))
            *ARENA_PUSH(session->arena, names, count, capacity) = arena_string(session->arena, entry->d_name);
    for (size_t i = 0; i < count; i++)
        if (!copy_file(session, input->directory, names[i], out))
            return false;
    return true;
}
