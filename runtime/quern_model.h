/* quern_model.h: module descriptions by calls, for hosts that hold the model in memory. quern.h first; the JSON form, what each
 * member means and what must hold between records: docs/module-description.md. */
#ifndef QUERN_MODEL_H
#define QUERN_MODEL_H

#include "quern.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A model without data, made module by module: the root first, containers too, parents before children; a parameter or
 * buffer belongs to the module added last. Everything is copied. Faults are diagnostics of the context, about `name`, and
 * end the building: the builder refuses every further call with QUERN_USAGE. One thread at a time uses a builder.
 * Lists of strings end in NULL; a list that is NULL is not known, except that there are then no aliases and no tags. */
typedef struct quern_model_builder quern_model_builder;

/* A module object. path is never NULL. */
struct quern_module_info {
    const char *path;                        /* "" first, then "enc", "enc.fc1" … */
    const char *const *aliases;              /* further paths of the same object; those below an aliased container follow */
    const char *const *classes, *const *bases; /* every spelling of the exact class, of each base */
    const char *const *tags;
    bool quantizer, stub, quantized_module;  /* as FastForward has it: a stub is a quantizer, too */
    const char *metadata;                    /* a JSON object, or NULL */
};
/* A parameter or a buffer. Of `tensor` name, dtype ("" or NULL: unknown), rank (-1: unknown) and shape (row-major) are read. */
struct quern_state_info {
    struct quern_tensor tensor; /* name: within the module, without dots */
    const char *tied;           /* full name of the state whose storage it shares, or NULL */
    bool buffer;
};
/* A tensor at an op: either an activation or a state; the other is NULL. */
struct quern_op_value {
    const char *tensor;       /* an activation's name; else state, a parameter's or buffer's full name */
    const char *state, *name; /* name: as the op calls it (weight, bias) */
    int64_t index;            /* position among the op's inputs or outputs; -1: not given */
    const char *dtype;        /* NULL: unknown */
    int rank;                 /* -1: unknown */
    const int64_t *shape;
};
/* One execution of an op. Ops are added in the order in which they ran, and may stand between modules: names are looked up at
 * the end. */
struct quern_op_info {
    const char *owner, *type, *graph_name, *eager_name; /* owner: a path; type: linear, conv2d …; names: in that mode, or NULL */
    const struct quern_op_value *inputs, *outputs;
    size_t input_count, output_count;
};
/* What a module's forward takes and returns: names of activations, in order. */
struct quern_boundary_info { const char *module; const char *const *inputs, *const *outputs; };
/* name: what messages call the model. QUERN_LIMIT: no memory. */
QUERN_API enum quern_status quern_model_builder_new(quern_context *context, const char *name, quern_model_builder **builder);
/* QUERN_INVALID: the record is at fault; QUERN_USAGE: a pointer that must be there is NULL, which does not end the building. */
QUERN_API enum quern_status quern_model_builder_add_module(quern_model_builder *builder, const struct quern_module_info *info);
QUERN_API enum quern_status quern_model_builder_add_state(quern_model_builder *builder, const struct quern_state_info *info);
QUERN_API enum quern_status quern_model_builder_add_op(quern_model_builder *builder, const struct quern_op_info *info);
QUERN_API enum quern_status quern_model_builder_add_boundary(quern_model_builder *builder, const struct quern_boundary_info *info);
/* Looks up every name, makes the model and closes the builder, also on failure (but not when an argument is NULL). The model
 * has parameters and buffers without data: it can be matched, planned and checked, not quantized. It is closed by
 * quern_model_close. */
QUERN_API enum quern_status quern_model_builder_finish(quern_model_builder *builder, quern_model **model);
/* Gives up a building; NULL: nothing is done. */
QUERN_API void quern_model_builder_close(quern_model_builder *builder);

#ifdef __cplusplus
}
#endif
#endif
