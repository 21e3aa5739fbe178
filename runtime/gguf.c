/* GGUF: the header's reader. In: bytes of a file or of memory; out: tensors with shapes and places. Every length is compared
 * with what is left of the source before it is believed, and every count with how many the source could hold. See gguf.h. */
#include "runtime/gguf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/json.h"
#include "runtime/report.h"

/* Headers are read in pieces of BUFFER_SIZE; RANK_MAX is ggml's GGML_MAX_DIMS. */
enum { BUFFER_SIZE = 1 << 16, RANK_MAX = 4 };

/* A row of ggml_types.def. */
struct type_row {
    const char *name, *dtype;
    int32_t id;
    int64_t block, bytes;
};
static const struct type_row type_rows[] = {
#define GGML(name, id, block, bytes, dtype) {#name, dtype, id, block, bytes},
#include "runtime/ggml_types.def"
#undef GGML
};

/* The kinds of values, by id; bytes of one, 0: it has a length of its own. */
enum { VALUE_UINT32 = 4, VALUE_STRING = 8, VALUE_ARRAY = 9 };
static const unsigned char value_bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
enum { VALUE_COUNT = sizeof value_bytes };

/* A header being read. */
struct reading {
    struct arena *arena, *scratch;
    struct diags *diags;
    struct shard *shard;
    const struct gguf_source *source;
    int64_t at;                /* in the source */
    char *buffer;              /* source bytes [buffered_at, buffered_at + buffered) */
    int64_t buffered_at, buffered;
    int64_t alignment;
    const char **keys;
    size_t key_count, key_capacity;
    const char *place;         /* what is being read, for messages */
};

#define REPORT(r, ...) REPORT_ABOUT((r)->diags, bad_gguf, (r)->shard->path, __VA_ARGS__)
#define SHOWN(r, name) name_shown((r)->scratch, name)

/* ---- bytes ---- */

/* Never negative: `at` moves over bytes that are there. */
static int64_t left(const struct reading *r)
{
    return r->source->size - r->at;
}

static bool refuse_end(struct reading *r)
{
    return REPORT(r, "the file ends within %s", r->place);
}

/* Refills the buffer at the place; the caller has made sure that there are bytes left. */
static bool fill(struct reading *r)
{
    r->buffered_at = r->at;
    r->buffered = left(r) < BUFFER_SIZE ? left(r) : BUFFER_SIZE;
    int error = file_read_at(r->source->file, r->buffer, (size_t)r->buffered, r->at);
    return !error || REPORT_ABOUT(r->diags, cannot_read, r->shard->path, "cannot read the header: %s", file_reason(error));
}

/* Invariant of the loop: the buffer holds `at`, or is filled from there. Memory needs no buffer. */
static bool read_bytes(struct reading *r, void *bytes, int64_t size)
{
    if (size > left(r))
        return refuse_end(r);
    for (int64_t done = 0; done < size;) {
        if (r->source->file && (r->at < r->buffered_at || r->at >= r->buffered_at + r->buffered) && !fill(r))
            return false;
        const char *from = r->source->file ? r->buffer + (r->at - r->buffered_at) : r->source->bytes + r->at;
        int64_t have = r->source->file ? r->buffered_at + r->buffered - r->at : left(r);
        int64_t n = have < size - done ? have : size - done;
        memcpy((char *)bytes + done, from, (size_t)n);
        done += n;
        r->at += n;
    }
    return true;
}

/* What is not wanted is not read: a vocabulary of megabytes costs its lengths. */
static bool skip_bytes(struct reading *r, uint64_t size)
{
    if (size > (uint64_t)left(r))
        return refuse_end(r);
    r->at += (int64_t)size;
    return true;
}

/* Little-endian, whatever this machine is. */
static bool read_number(struct reading *r, int bytes, uint64_t *value)
{
    unsigned char raw[8];
    *value = 0;
    if (!read_bytes(r, raw, bytes))
        return false;
    for (int i = bytes; i-- > 0;)
        *value = *value << 8 | raw[i];
    return true;
}

/* most: a limit of the caller's. Strings with a NUL inside are refused, since names are compared as C strings. */
static bool read_string(struct reading *r, struct arena *arena, uint64_t most, const char **string)
{
    uint64_t size;
    if (!read_number(r, 8, &size))
        return false;
    if (size > most)
        return REPORT(r, "%s: a string of %" PRIu64 " bytes; at most %" PRIu64 " are read", r->place, size, most);
    if (size > (uint64_t)left(r))
        return refuse_end(r);
    char *bytes = arena_alloc(arena, (size_t)size + 1);
    if (!read_bytes(r, bytes, (int64_t)size))
        return false;
    *string = bytes;
    return !memchr(bytes, 0, (size_t)size) || REPORT(r, "%s: a NUL character in a string", r->place);
}

/* ---- pairs ---- */

/* The length alone is looked at. */
static bool skip_string(struct reading *r)
{
    uint64_t size;
    if (!read_number(r, 8, &size))
        return false;
    if (size > GGUF_STRING_MAX)
        return REPORT(r, "%s: a string of %" PRIu64 " bytes; at most %d are read", r->place, size, GGUF_STRING_MAX);
    return skip_bytes(r, size);
}

/* The specification allows arrays of arrays; no reader does. */
static bool skip_array(struct reading *r)
{
    uint64_t type, count;
    if (!read_number(r, 4, &type) || !read_number(r, 8, &count))
        return false;
    if (type >= VALUE_COUNT || type == VALUE_ARRAY)
        return REPORT(r, "%s: an array of type %" PRIu64 ", which arrays cannot hold", r->place, type);
    if (count > GGUF_STRING_MAX)
        return REPORT(r, "%s: an array of %" PRIu64 " elements; at most %d are read", r->place, count, GGUF_STRING_MAX);
    if (type != VALUE_STRING)
        return skip_bytes(r, count * value_bytes[type]);
    for (uint64_t i = 0; i < count; i++)
        if (!skip_string(r))
            return false;
    return true;
}

/* As the reference: a power of two of type u32. Padding with it never passes 63 bits: see pad. */
static bool read_alignment(struct reading *r, uint64_t type)
{
    uint64_t value;
    if (type != VALUE_UINT32)
        return REPORT(r, "general.alignment has type %" PRIu64 "; expected a u32 (4)", type);
    if (!read_number(r, 4, &value))
        return false;
    if (!value || value & (value - 1))
        return REPORT(r, "general.alignment is %" PRIu64 "; expected a power of two", value);
    r->alignment = (int64_t)value;
    return true;
}

/* Keys are kept, so that one that stands twice is found; values are stepped over, the alignment apart. */
static bool read_pair(struct reading *r)
{
    const char *key;
    uint64_t type;
    r->place = "the list of keys";
    if (!read_string(r, r->scratch, GGUF_STRING_MAX, &key))
        return false;
    if (!*key)
        return REPORT(r, "a key without a name");
    *ARENA_PUSH(r->scratch, r->keys, r->key_count, r->key_capacity) = key;
    r->place = SHOWN(r, key);
    if (!read_number(r, 4, &type))
        return false;
    if (!strcmp(key, "general.alignment"))
        return read_alignment(r, type);
    if (type >= VALUE_COUNT)
        return REPORT(r, "%s: a value of type %" PRIu64 ", which does not exist", r->place, type);
    return type == VALUE_ARRAY ? skip_array(r) : type == VALUE_STRING ? skip_string(r) : skip_bytes(r, value_bytes[type]);
}

/* Neighbours once sorted. */
static bool check_keys(struct reading *r)
{
    if (r->key_count)
        qsort(r->keys, r->key_count, sizeof *r->keys, text_order);
    for (size_t i = 1; i < r->key_count; i++)
        if (!strcmp(r->keys[i - 1], r->keys[i]))
            return REPORT(r, "the key %s stands twice", SHOWN(r, r->keys[i]));
    return true;
}

/* ---- tensors ---- */

/* NULL: removed from ggml, or newer than the table. */
static const struct type_row *find_type(uint64_t id)
{
    for (size_t i = 0; i < sizeof type_rows / sizeof *type_rows; i++)
        if ((uint64_t)type_rows[i].id == id)
            return &type_rows[i];
    return NULL;
}

/* Innermost first in the file, last here. */
static bool read_shape(struct reading *r, struct stored *t)
{
    uint64_t rank, dim;
    if (!read_number(r, 4, &rank))
        return false;
    if (rank > RANK_MAX)
        return REPORT(r, "tensor %s: %" PRIu64 " dimensions; at most %d are read", SHOWN(r, t->name), rank, RANK_MAX);
    int64_t *shape = ARENA_ARRAY(r->arena, (size_t)rank + 1, int64_t);
    t->elements = 1;
    for (size_t i = (size_t)rank; i-- > 0;) {
        if (!read_number(r, 8, &dim))
            return false;
        shape[i] = (int64_t)dim;
        if (shape[i] < 0)
            return REPORT(r, "tensor %s: a dimension of %" PRId64, SHOWN(r, t->name), shape[i]);
        if (__builtin_mul_overflow(t->elements, shape[i], &t->elements))
            return REPORT(r, "tensor %s: more than 2^63 elements", SHOWN(r, t->name));
    }
    t->rank = (int)rank;
    t->shape = shape;
    return true;
}

/* The type, and the bytes it takes for the shape. */
static bool read_type(struct reading *r, struct stored *t)
{
    uint64_t id;
    if (!read_number(r, 4, &id))
        return false;
    const struct type_row *type = find_type(id);
    if (!type)
        return REPORT(r, "tensor %s: type %" PRId32 ", which does not exist or was removed", SHOWN(r, t->name), (int32_t)id);
    int64_t inner = t->rank ? t->shape[t->rank - 1] : 1;
    if (inner % type->block)
        return REPORT(r, "tensor %s: rows of %" PRId64 " elements are no whole number of %s blocks of %" PRId64, SHOWN(r, t->name), inner,
                      type->name, type->block);
    if (__builtin_mul_overflow(t->elements / type->block, type->bytes, &t->bytes))
        return REPORT(r, "tensor %s: more than 2^63 bytes", SHOWN(r, t->name));
    t->dtype = *type->dtype ? dtype_find_file_name(type->dtype) : -1;
    t->blocks = *type->dtype ? NULL : type->name;
    return true;
}

/* The offset counts from the data's beginning until place_data. */
static bool read_tensor(struct reading *r)
{
    uint64_t offset;
    struct stored *t = ARENA_PUSH(r->arena, r->shard->tensors, r->shard->count, r->shard->capacity);
    *t = (struct stored){.name = "", .dtype = -1, .shard = r->shard};
    r->place = "the list of tensors";
    if (!read_string(r, r->arena, GGUF_NAME_MAX, &t->name) || !read_shape(r, t) || !read_type(r, t) || !read_number(r, 8, &offset))
        return false;
    t->offset = (int64_t)offset;
    return true;
}

/* 0 when it would not fit 63 bits. */
static int64_t pad(int64_t size, int64_t alignment)
{
    int64_t padded;
    return __builtin_add_overflow(size, alignment - 1, &padded) ? 0 : padded / alignment * alignment;
}

/* Data lies in the order of the records, each padded, without gaps; all of it is there. */
static bool place_data(struct reading *r)
{
    int64_t data = pad(r->at, r->alignment), end = 0;
    for (size_t i = 0; i < r->shard->count; i++) {
        struct stored *t = &r->shard->tensors[i];
        if (t->offset != end)
            return REPORT(r, "tensor %s: its data begins at %" PRIu64 " where %" PRId64 " was expected", SHOWN(r, t->name),
                          (uint64_t)t->offset, end);
        /* pad's 0 means an overflow unless there was nothing to pad. */
        int64_t padded = pad(t->bytes, r->alignment);
        if ((t->bytes && !padded) || __builtin_add_overflow(end, padded, &end))
            return REPORT(r, "tensor %s: data beyond 2^63 bytes", SHOWN(r, t->name));
        t->offset += data;
    }
    if (r->shard->count && (!data || data > r->source->size || end > r->source->size - data))
        return REPORT(r, "the tensors take %" PRId64 " bytes behind the header's %" PRId64 ", the file holds %" PRId64 ": it was cut short",
                      end, data, r->source->size);
    return true;
}

static int compare_tensors(const void *a, const void *b)
{
    return strcmp((*(const struct stored *const *)a)->name, (*(const struct stored *const *)b)->name);
}

/* The order of the tensors, which is that of their data, is kept: pointers are sorted. */
static bool check_names(struct reading *r)
{
    size_t count = r->shard->count;
    const struct stored **sorted = ARENA_ARRAY(r->scratch, count + 1, const struct stored *);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &r->shard->tensors[i];
    qsort(sorted, count, sizeof *sorted, compare_tensors);
    for (size_t i = 1; i < count; i++)
        if (!compare_tensors(&sorted[i - 1], &sorted[i]))
            return REPORT_ABOUT(r->diags, duplicate_tensor, r->shard->path, "tensor %s stands twice", SHOWN(r, sorted[i]->name));
    return true;
}

/* ---- the whole ---- */

/* Versions 2 and 3 differ in nothing that is read here; 1 had shorter lengths. */
static bool read_version(struct reading *r)
{
    char magic[4];
    uint64_t version;
    r->place = "its first 24 bytes";
    if (!read_bytes(r, magic, 4) || !read_number(r, 4, &version))
        return false;
    if (memcmp(magic, "GGUF", 4))
        return REPORT(r, "the file does not begin with GGUF");
    if (!(version & 0xffff))
        return REPORT(r, "a big-endian file; only little-endian ones are read");
    return version == 2 || version == 3 || REPORT(r, "version %" PRIu64 "; versions 2 and 3 are read", version);
}

/* A count is believed when the file could hold as many: each takes at least `least` bytes. */
static bool read_count(struct reading *r, const char *what, int64_t least, uint64_t *count)
{
    if (!read_number(r, 8, count))
        return false;
    /* Lists grow as records are read: a count alone allocates nothing. */
    return *count <= (uint64_t)(r->source->size / least) ||
           REPORT(r, "%" PRIu64 " %s are announced in a file of %" PRId64 " bytes", *count, what, r->source->size);
}

/* What pairs and tensor records take at least: lengths, one byte of a key, types, one byte of a value; no byte of a name. */
bool gguf_parse(struct arena *arena, struct arena *scratch, const char *path, const struct gguf_source *source, struct shard *shard,
                struct diags *diags)
{
    enum { PAIR_LEAST = 8 + 1 + 4 + 1, TENSOR_LEAST = 8 + 4 + 4 + 8 };
    struct reading r = {.arena = arena, .scratch = scratch, .diags = diags, .shard = shard, .source = source, .alignment = GGUF_ALIGNMENT};
    uint64_t tensors, pairs;
    shard->path = path;
    r.buffer = source->file ? arena_alloc(scratch, BUFFER_SIZE) : NULL;
    if (!read_version(&r) || !read_count(&r, "tensors", TENSOR_LEAST, &tensors) || !read_count(&r, "keys", PAIR_LEAST, &pairs))
        return false;
    for (uint64_t i = 0; i < pairs; i++)
        if (!read_pair(&r))
            return false;
    if (!check_keys(&r))
        return false;
    for (uint64_t i = 0; i < tensors; i++)
        if (!read_tensor(&r))
            return false;
    return check_names(&r) && place_data(&r);
}

bool gguf_open(struct arena *arena, struct arena *scratch, const char *path, struct shard *shard, struct diags *diags)
{
    struct file *file = NULL;
    shard->path = arena_string(arena, path);
    int error = file_open(scratch, path, &file);
    if (error)
        return REPORT_ABOUT(diags, cannot_read, path, "cannot open the file: %s", file_reason(error));
    bool ok = gguf_parse(arena, scratch, shard->path, &(struct gguf_source){.file = file, .size = file->size}, shard, diags);
    file_close(file);
    return ok;
}
