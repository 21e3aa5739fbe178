/* Models: what tensors there are, from safetensors files, an index, a GGUF header, a module description or a list of names.
 * Only headers are read when a model is opened. Files of a checkpoint stay open until it is closed, so that what is read later
 * is what was checked. */
#ifndef QUERN_RUNTIME_MODEL_H
#define QUERN_RUNTIME_MODEL_H

#include "runtime/context.h"
#include "runtime/safetensors.h"

struct description; /* runtime/describe.h */
struct logical;     /* runtime/logical.h */

struct quern_model {
    struct quern_context *context;
    struct arena arena;
    const char *path;       /* as the user gave it */
    const char *directory;  /* of the files and of config.json; NULL for a list of names */
    bool whole_directory;   /* the path names the directory itself */
    struct shard **shards;  /* by file name */
    size_t shard_count;
    struct stored **tensors; /* by name, bytewise */
    size_t count;
    struct description *description; /* NULL: none */
    /* logical tensors, made when first asked for; runtime/logical.c */
    struct logical *logical;
    size_t logical_count;
    bool logical_made;
};

enum {
    MODEL_NAMES_MAX = 1 << 30,         /* bytes of a list of names, or of a module description: 2^31 would not fit an int */
    MODEL_CONFIG_MAX = 64 * 1024 * 1024 /* bytes of config.json: its tree is in memory as a whole */
};

/* Each reads one kind of model into m->shards; false after reporting. An index that is given by itself (not through its
 * directory) and none of whose files exist is a list of names. */
bool model_read_index(struct session *session, struct quern_model *m, const char *directory, const char *path);
bool model_read_names(struct session *session, struct quern_model *m, const char *path, const char *bytes, size_t size);
bool model_read_description(struct session *session, struct quern_model *m, const char *path, const char *bytes, size_t size);
/* A shard without a file, for models without data. */
struct shard *model_add_list(struct quern_model *m, const char *path);
/* A shard of m's arena with its header read; NULL after reporting. */
struct shard *model_add_shard(struct session *session, struct quern_model *m, const char *path);
/* Fills m->tensors from the shards, sorted; false when a name stands twice. */
bool model_sort(struct session *session, struct quern_model *m);
/* What rules decide about besides tensors: of a described model the modules that hold no other, then the ops under their
 * eager names, then under their graph names. */
size_t model_other_count(const struct quern_model *m);
/* index < model_other_count. */
struct quern_subject model_other_at(const struct quern_model *m, size_t index);
size_t model_find_index(const struct quern_model *m, const char *name); /* m->count: no such tensor */
const struct stored *model_find(const struct quern_model *m, const char *name); /* or NULL */
/* A model without tensors yet, closed by quern_model_close; NULL when memory is out (reported). */
struct quern_model *model_allocate(struct quern_context *context);
/* The public view of a stored tensor; its pointers are the model's. */
struct quern_tensor stored_tensor(const struct stored *t);
/* directory/name in the arena; a slash at the directory's end is not doubled. */
const char *path_join(struct arena *arena, const char *directory, const char *name);

#endif
