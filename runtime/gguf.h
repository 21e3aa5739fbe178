/* GGUF: llama.cpp's container, its header read (ggml's gguf.md and gguf.cpp).
 *   "GGUF" | u32 version | i64 tensors | i64 pairs | pairs | tensor records | padding | data
 * The reader enforces what the reference reader does. No data is read: it must only be there. */
#ifndef QUERN_RUNTIME_GGUF_H
#define QUERN_RUNTIME_GGUF_H

#include "runtime/safetensors.h"

enum {
    GGUF_NAME_MAX = 63,        /* bytes of a tensor's name: ggml's GGML_MAX_NAME is 64 with the NUL */
    GGUF_STRING_MAX = 1 << 30, /* bytes of any string; also elements of an array: the reference reader's limit */
    GGUF_ALIGNMENT = 32        /* unless general.alignment says otherwise */
};

/* Where the bytes come from: a file, or memory when `file` is NULL. */
struct gguf_source {
    const struct file *file;
    const char *bytes;
    int64_t size;
};

/* Fills shard->tensors: shapes row-major (the file's order reversed), offsets from the start of the file, block types by
 * name. shard->file stays NULL: nothing reads data through it. scratch holds keys meanwhile. Memory and time are bounded by
 * the source's size, whatever its counts say. false after reporting. */
bool gguf_parse(struct arena *arena, struct arena *scratch, const char *path, const struct gguf_source *source, struct shard *shard,
                struct diags *diags);
/* The same on a file, which is closed again. */
bool gguf_open(struct arena *arena, struct arena *scratch, const char *path, struct shard *shard, struct diags *diags);

#endif
