/* safetensors: the reader. In: a header's text; out: tensors in the order of their data, metadata by key. What it checks, in
 * the order of the reference reader: 1 the length of the header, 2 its JSON and each record's members, 3 offsets without holes
 * or overlap, 4 sizes against dtypes and shapes, 5 the file's end. Names may stand once. See safetensors.h. */
#include "runtime/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/json.h"
#include "runtime/report.h"

/* What one header's reading carries around. */
struct reading {
    struct arena *arena;
    struct shard *shard;
    struct diags *diags;
    int64_t data; /* 8 + N */
};

#define REPORT(r, code, ...) REPORT_ABOUT((r)->diags, code, (r)->shard->path, __VA_ARGS__)
#define SHOWN(r, name) name_shown((r)->arena, name)

/* ---- one tensor's record ---- */

/* A member that must be an array of non-negative integers; *count of them. */
static const int64_t *read_integers(struct reading *r, const char *tensor, json_t *record, const char *key, size_t *count)
{
    json_t *array = json_object_get(record, key), *item;
    if (!json_is_array(array)) {
        REPORT(r, bad_header, "tensor %s: expected an array of integers as \"%s\"", SHOWN(r, tensor), key);
        return NULL;
    }
    *count = json_array_size(array);
    int64_t *values = ARENA_ARRAY(r->arena, *count + 1, int64_t);
    size_t i;
    json_array_foreach(array, i, item) {
        if (!json_is_integer(item) || json_integer_value(item) < 0) {
            REPORT(r, bad_header, "tensor %s: \"%s\" holds something other than non-negative integers", SHOWN(r, tensor), key);
            return NULL;
        }
        values[i] = json_integer_value(item);
    }
    return values;
}

/* The file's own spelling, case and all. */
static bool read_dtype(struct reading *r, struct stored *t, json_t *record)
{
    json_t *word = json_object_get(record, "dtype");
    if (!json_is_string(word))
        return REPORT(r, bad_header, "tensor %s: expected a string as \"dtype\"", SHOWN(r, t->name));
    int dtype = dtype_find_file_name(json_string_value(word));
    if (dtype < 0)
        return REPORT(r, bad_header, "tensor %s: unknown dtype %s", SHOWN(r, t->name),
                      SHOWN(r, json_string_value(word)));
    t->dtype = dtype;
    return true;
}

/* Unknown members of a record are ignored, as the reference does. */
static bool read_record(struct reading *r, const char *name, json_t *record)
{
    struct stored *t = ARENA_PUSH(r->arena, r->shard->tensors, r->shard->count, r->shard->capacity);
    *t = (struct stored){.name = name, .shard = r->shard};
    if (!read_dtype(r, t, record))
        return false;
    size_t rank, offsets;
    t->shape = read_integers(r, name, record, "shape", &rank);
    const int64_t *range = t->shape ? read_integers(r, name, record, "data_offsets", &offsets) : NULL;
    if (!range)
        return false;
    if (offsets != 2)
        return REPORT(r, bad_header, "tensor %s: expected two \"data_offsets\", saw %zu", SHOWN(r, name), offsets);
    if (range[1] < range[0])
        return REPORT(r, bad_offsets, "tensor %s: its data begins at %" PRId64 " and ends at %" PRId64, SHOWN(r, name),
                      range[0], range[1]);
    t->rank = (int)rank;
    t->offset = range[0];
    t->bytes = range[1] - range[0];
    return true;
}

/* ---- the header's members ---- */

/* Walked like the header itself: the values are copied one by one. */
static bool read_metadata(struct reading *r, struct json_walk *w)
{
    struct json_walk inner;
    json_walk_enter(w, &inner, r->arena);
    for (const char *key; (key = json_walk_key(&inner, r->arena));) {
        json_t *value = json_walk_value(&inner, '"');
        if (!value && !inner.error)
            return REPORT(r, bad_header, "\"__metadata__\": the value of %s is not a string", SHOWN(r, key));
        if (!value)
            break;
        struct metadata *m =
            ARENA_PUSH(r->arena, r->shard->metadata, r->shard->metadata_count, r->shard->metadata_capacity);
        *m = (struct metadata){key, arena_string(r->arena, json_string_value(value))};
    }
    json_walk_leave(w, &inner);
    return !w->error || REPORT(r, bad_header, "\"__metadata__\": %s", w->error);
}

/* The value of one member of the header. */
static bool read_member(struct reading *r, struct json_walk *w, const char *key, unsigned *metadata_seen)
{
    if (!strcmp(key, "__metadata__")) {
        if ((*metadata_seen)++)
            return REPORT(r, duplicate_tensor, "\"__metadata__\" stands twice in the header");
        return read_metadata(r, w);
    }
    json_t *record = json_walk_value(w, '{');
    if (record)
        return read_record(r, key, record);
    if (!w->error)
        return REPORT(r, bad_header, "tensor %s: expected an object with dtype, shape and data_offsets", SHOWN(r, key));
    return REPORT(r, bad_header, "tensor %s: %s", SHOWN(r, key), w->error);
}

/* Each record is read, used and let go: memory is bounded by the tensors, not by JSON's overhead. */
static bool read_members(struct reading *r, const char *header, size_t size)
{
    struct json_walk walk;
    unsigned metadata_seen = 0;
    bool ok = true;
    json_walk_open(&walk, r->arena, header, size);
    walk.value_limit = SAFETENSORS_RECORD_MAX;
    for (const char *key; ok && (key = json_walk_key(&walk, r->arena));)
        ok = read_member(r, &walk, key, &metadata_seen);
    json_walk_close(&walk);
    if (ok && walk.error)
        return REPORT(r, bad_header, "the header is not a JSON object: %s", walk.error);
    return ok;
}

/* ---- what must hold between records ---- */

/* Equal names are neighbours once sorted. */
static bool check_names(struct reading *r)
{
    size_t count = r->shard->count;
    const char **names = ARENA_ARRAY(r->arena, count + 1, const char *);
    for (size_t i = 0; i < count; i++)
        names[i] = r->shard->tensors[i].name;
    qsort(names, count, sizeof *names, text_order);
    for (size_t i = 1; i < count; i++)
        if (!strcmp(names[i - 1], names[i]))
            return REPORT(r, duplicate_tensor, "tensor %s stands twice in the header", SHOWN(r, names[i]));
    return true;
}

/* Tensors without bytes come first at their place, so that they neither overlap nor leave holes. */
static int compare_offsets(const void *a, const void *b)
{
    const struct stored *s = a, *t = b;
    if (s->offset != t->offset)
        return s->offset < t->offset ? -1 : 1;
    if (s->bytes != t->bytes)
        return s->bytes < t->bytes ? -1 : 1;
    return strcmp(s->name, t->name);
}

/* Each tensor starts where the one before ended: no holes, no overlap. */
static bool check_offsets(struct reading *r)
{
    struct stored *t = r->shard->tensors;
    if (r->shard->count)
        qsort(t, r->shard->count, sizeof *t, compare_offsets);
    int64_t end = 0;
    for (size_t i = 0; i < r->shard->count; i++) {
        if (t[i].offset != end)
            return REPORT(r, bad_offsets, "tensor %s: its data begins at %" PRId64 " where %" PRId64 " was expected: %s",
                          SHOWN(r, t[i].name), t[i].offset, end, t[i].offset < end ? "tensors overlap" : "there is a hole");
        end += t[i].bytes;
    }
    return true;
}

/* A size of 0 anywhere makes the tensor empty, whatever the others are, but not if their product overflows. */
bool stored_size(int dtype, const int64_t *shape, int rank, int64_t *elements, int64_t *bytes)
{
    int64_t count = 1, bits;
    bool overflow = false, empty = false;
    for (int i = 0; i < rank; i++) {
        overflow |= __builtin_mul_overflow(count, shape[i], &count);
        empty |= shape[i] == 0;
    }
    *elements = empty ? 0 : count;
    if (overflow || __builtin_mul_overflow(*elements, (int64_t)dtype_rows[dtype].bits, &bits) || bits % 8)
        return false;
    *bytes = bits / 8;
    return true;
}

/* Eight sizes at most: a shape of a megabyte is no message. */
static const char *print_shape(struct arena *arena, const int64_t *shape, int rank)
{
    struct text text = text_make(arena);
    for (int i = 0; i < rank && i < 8; i++)
        text_printf(&text, "%s%" PRId64, i ? "," : "", shape[i]);
    text_add(&text, rank > 8 ? ",…" : "");
    return text_string(&text);
}

/* Step 4: the product with checked arithmetic, whole bytes, and the span. */
static bool check_size(struct reading *r, struct stored *t)
{
    int64_t bytes;
    bool sized = stored_size(t->dtype, t->shape, t->rank, &t->elements, &bytes);
    if (sized && bytes == t->bytes)
        return true;
    const char *shape = print_shape(r->arena, t->shape, t->rank), *dtype = dtype_rows[t->dtype].file_name;
    if (!sized)
        return REPORT(r, bad_size, "tensor %s: [%s] of %s is no number of bytes that can be stored", SHOWN(r, t->name), shape, dtype);
    return REPORT(r, bad_size, "tensor %s: [%s] of %s takes %" PRId64 " bytes, its data_offsets span %" PRId64,
                  SHOWN(r, t->name), shape, dtype, bytes, t->bytes);
}

/* In the order of the data; the first fault is said. */
static bool check_sizes(struct reading *r)
{
    for (size_t i = 0; i < r->shard->count; i++)
        if (!check_size(r, &r->shard->tensors[i]))
            return false;
    return true;
}

/* The data ends exactly where the file does; offsets become absolute. */
static bool check_end(struct reading *r, int64_t file_size)
{
    struct shard *s = r->shard;
    int64_t end = s->count ? s->tensors[s->count - 1].offset + s->tensors[s->count - 1].bytes : 0;
    int64_t have = file_size - r->data;
    if (end > have)
        return REPORT(r, bad_length, "the tensors take %" PRId64 " bytes, the file holds %" PRId64 ": it was cut short", end, have);
    if (end < have)
        return REPORT(r, bad_length, "%" PRId64 " bytes follow the last tensor's data", have - end);
    for (size_t i = 0; i < s->count; i++)
        s->tensors[i].offset += r->data;
    return true;
}

/* Byte order, for the search and for what stands twice. */
static int compare_metadata(const void *a, const void *b)
{
    return strcmp(((const struct metadata *)a)->key, ((const struct metadata *)b)->key);
}

/* jansson would let the last of two equal keys win. */
static bool sort_metadata(struct reading *r)
{
    struct shard *s = r->shard;
    if (s->metadata_count)
        qsort(s->metadata, s->metadata_count, sizeof *s->metadata, compare_metadata);
    for (size_t i = 1; i < s->metadata_count; i++)
        if (!strcmp(s->metadata[i - 1].key, s->metadata[i].key))
            return REPORT(r, duplicate_tensor, "\"__metadata__\": %s stands twice", SHOWN(r, s->metadata[i].key));
    return true;
}

/* One check after the other, each on what the one before made sure of; the first failure is the message. The work is linear but
 * for two sorts, by name and by offset; no allocation is larger than the header gives reason for. */
bool safetensors_parse(struct arena *arena, const char *path, const char *header, size_t size, int64_t file_size,
                       struct shard *shard, struct diags *diags)
{
    *shard = (struct shard){.path = path};
    struct reading r = {arena, shard, diags, 8 + (int64_t)size};
    return read_members(&r, header, size) && sort_metadata(&r) && check_names(&r) && check_offsets(&r) &&
           check_sizes(&r) && check_end(&r, file_size);
}

/* Keys are sorted. */
const char *metadata_find(const struct metadata *metadata, size_t count, const char *key)
{
    struct metadata wanted = {key, NULL};
    const struct metadata *m = count ? bsearch(&wanted, metadata, count, sizeof wanted, compare_metadata) : NULL;
    return m ? m->value : NULL;
}

/* ---- files ---- */

/* Step 1. Nothing is allocated before the announced length is known to be real. */
static bool read_length(struct reading *r, const struct file *file, uint64_t *length)
{
    unsigned char bytes[8];
    if (file->size < 8)
        return REPORT(r, not_safetensors, "the file holds %" PRId64 " bytes; a safetensors file starts with 8 bytes of length",
                      file->size);
    int error = file_read_at(file, bytes, 8, 0);
    if (error)
        return REPORT(r, cannot_read, "cannot read the header: %s", file_reason(error));
    *length = 0;
    for (int i = 7; i >= 0; i--)
        *length = *length << 8 | bytes[i];
    if (*length > SAFETENSORS_HEADER_MAX)
        return REPORT(r, not_safetensors, "a header of %" PRIu64 " bytes is announced; at most %d are read", *length,
                      SAFETENSORS_HEADER_MAX);
    if ((int64_t)*length > file->size - 8)
        return REPORT(r, not_safetensors, "a header of %" PRIu64 " bytes is announced in a file of %" PRId64, *length, file->size);
    return true;
}

/* What safetensors_open does once the length is known; header is scratch memory. */
static bool read_header(struct reading *r, const struct file *file, uint64_t length, struct arena *scratch)
{
    char *header = arena_alloc(scratch, (size_t)length + 1);
    int error = file_read_at(file, header, (size_t)length, 8);
    if (error)
        return REPORT(r, cannot_read, "cannot read the header: %s", file_reason(error));
    return safetensors_parse(r->arena, r->shard->path, header, (size_t)length, file->size, r->shard, r->diags);
}

/* The file is opened into the arena before anything is read, so that a failure on the way closes it. */
bool safetensors_open(struct arena *arena, const char *path, struct arena *scratch, struct shard *shard, struct diags *diags)
{
    *shard = (struct shard){.path = arena_string(arena, path)};
    struct reading r = {arena, shard, diags, 0};
    struct file *file = NULL;
    uint64_t length;
    int error = file_open(arena, path, &file);
    if (error)
        return REPORT(&r, cannot_read, "cannot open the file: %s", file_reason(error));
    bool ok = read_length(&r, file, &length) && read_header(&r, file, length, scratch);
    shard->file = file;
    return ok;
}
