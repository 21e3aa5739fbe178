/* safetensors: the container of Hugging Face checkpoints, read and written (the format's own description in its repository).
 *   u64 little-endian N | N bytes of JSON | data; offsets count from byte 8 + N.
 * The reader enforces what the reference reader does, in its order, and refuses duplicate names as well; it reads a header
 * only: data comes by file_read_at through the offsets given here. A tensor's name is a label, never a path. */
#ifndef QUERN_RUNTIME_SAFETENSORS_H
#define QUERN_RUNTIME_SAFETENSORS_H

#include "lang/diag.h"
#include "lang/format.h"
#include "runtime/file.h"

enum {
    SAFETENSORS_HEADER_MAX = 100000000, /* decimal, as the reference reader */
    SAFETENSORS_RECORD_MAX = 1 << 20,   /* bytes of one tensor's JSON record: what jansson may have in memory at once */
    SAFETENSORS_ALIGNMENT = 8           /* the writer pads the header to it */
};

struct quern_module; /* runtime/describe.h */

/* One tensor of a file. */
struct stored {
    const char *name;
    int dtype;            /* enum dtype; -1: unknown (a list of names), or one that only its file has: see blocks */
    const char *blocks;   /* a type that no format of the language is, by its own name (Q4_K); else NULL */
    int rank;             /* -1: unknown */
    const int64_t *shape;
    int64_t elements;     /* -1: unknown */
    int64_t offset, bytes;    /* offset: from the start of the file; bytes -1: unknown */
    const struct shard *shard; /* where it lies */
    const struct quern_module *module; /* what a description says of its module; NULL: nothing */
    const char *shares;   /* the tensor whose storage this is; NULL: its own */
};
/* One pair of a file's `__metadata__`. */
struct metadata {
    const char *key, *value;
};
/* One safetensors file, or the list that stands for one. */
struct shard {
    const char *path;
    size_t index;           /* in its model */
    struct file *file; /* NULL when only a header was parsed */
    struct stored *tensors; /* in the order of their data */
    size_t count, capacity;
    struct metadata *metadata; /* sorted by key */
    size_t metadata_count, metadata_capacity;
};

/* Reads the header of path into shard, whose strings are arena's; the file stays open, closed with arena. scratch holds the
 * header's text meanwhile. Time and memory are those of the header, at most 100 MB. false after reporting. */
bool safetensors_open(struct arena *arena, const char *path, struct arena *scratch, struct shard *shard, struct diags *diags);
/* The same on bytes: the header's text and the length of the whole file, 8 bytes and data included. shard->file stays NULL. */
bool safetensors_parse(struct arena *arena, const char *path, const char *header, size_t size, int64_t file_size,
                       struct shard *shard, struct diags *diags);
/* By binary search: metadata is sorted by key. */
const char *metadata_find(const struct metadata *metadata, size_t count, const char *key); /* or NULL */

/* bits of dtype times the product of shape, in bytes. false: it overflows 63 bits or is no whole number of bytes. */
bool stored_size(int dtype, const int64_t *shape, int rank, int64_t *elements, int64_t *bytes);

/* Orders tensors as the reference writer does (largest element type first, then by name) and fills their offsets, which count
 * from the start of the file. metadata in the order in which it shall stand; tensors have bytes and a dtype of dtypes.def.
 * header: the complete first 8 + N bytes; length: of the whole file. false when the header passes its limit. */
bool safetensors_layout(struct arena *arena, struct stored **tensors, size_t count, const struct metadata *metadata,
                        size_t metadata_count, struct text *header, int64_t *length);

#endif
