/* Checkpoints being written: one output file for each file of the input, laid out before any data is there. The order of calls
 * is that of this header: new, add and describe, lay_out, create, data by file_write_at, finish. */
#ifndef QUERN_RUNTIME_CHECKPOINT_H
#define QUERN_RUNTIME_CHECKPOINT_H

#include "runtime/output.h"

/* One output file; header and length are known from checkpoint_lay_out on, file from checkpoint_create on. */
struct out_shard {
    const char *name;        /* model.safetensors or model-0000i-of-0000N.safetensors */
    struct stored **tensors;
    size_t count, capacity;
    struct metadata *metadata;
    size_t metadata_count, metadata_capacity;
    struct text header;
    int64_t length;
    struct file *file;
};
struct checkpoint {
    struct session *session;
    struct out_shard *shards; /* as many as the input has, in its order */
    size_t count;
    struct stored **tensors;  /* of all shards, by name; filled by checkpoint_lay_out */
    size_t tensor_count;
};

/* In the session's arena. Every file begins with the metadata {"format": "pt"}. */
struct checkpoint *checkpoint_new(struct session *session, const struct quern_model *input);
/* Keeps tensor: its offset is filled by checkpoint_lay_out. */
void checkpoint_add(struct checkpoint *c, size_t shard, struct stored *tensor);
/* One more pair of the file's `__metadata__`; key and value are borrowed. */
void checkpoint_describe(struct checkpoint *c, size_t shard, const char *key, const char *value);
/* Offsets and headers; false when two tensors share a name or a header is too large. */
bool checkpoint_lay_out(struct checkpoint *c, const char *path);
/* Makes the files in out with their full length and their headers. false after reporting: no space, no permission. */
bool checkpoint_create(struct checkpoint *c, struct output *out);
/* Closes the files, once all data is written, and writes the index when there are several. false after reporting. */
bool checkpoint_finish(struct checkpoint *c, struct output *out);
/* Copies the small files that belong to a model (tokenizer, generation settings), config.json apart. The input has a directory. */
bool checkpoint_copy_files(struct session *session, const struct quern_model *input, struct output *out);

#endif
