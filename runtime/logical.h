/* Logical tensors: what a checkpoint means, whatever its storage. A tensor stored plainly is itself; the parts of a quantized
 * one are one tensor under its original name. Found by config.json's quantization_config (compressed-tensors) and by the quern
 * format's metadata (docs/quern-format.md); every part's dtype and shape is checked against what tensor and spec demand. */
#ifndef QUERN_RUNTIME_LOGICAL_H
#define QUERN_RUNTIME_LOGICAL_H

#include "runtime/consumer.h"
#include "runtime/model.h"

/* Pointers are the model's. */
struct logical {
    const char *name;
    int dtype;                    /* the original's, or the float type the model says it has; f32 when nothing says so */
    int rank;
    const int64_t *shape;
    int64_t elements;
    size_t shard;                 /* of its codes, or of the tensor itself */
    const struct stored *plain;   /* stored as it is; NULL: quantized */
    const struct consumer *consumer;
    const struct spec *spec;      /* with the consumer's layout */
    const struct stored *parts[PART_ROLES]; /* by role; NULL: none */
    const struct part *rows[PART_ROLES];
    struct kernel_storage storage;
};

/* Fills m->logical, in name order; once, and remembered. false after reporting. */
bool model_logical(struct session *session, struct quern_model *m);
const struct logical *logical_find(const struct quern_model *m, const char *name); /* or NULL */

/* What finding them carries around; logical.c and logical_ct.c. */
struct finding {
    struct session *session;
    struct quern_model *model;
    bool *claimed; /* of model->tensors: belongs to a quantized tensor */
    size_t capacity;
};
/* Adds a quantized tensor of which everything but the parts is known (name, dtype, shape, consumer, spec): finds, checks and
 * claims them. false after reporting. */
bool finding_add(struct finding *f, struct logical tensor);
/* compressed-tensors: all modules of quantization_config. */
bool finding_compressed(struct finding *f);
/* name and suffix joined; NULL: the checkpoint has no such tensor. */
const struct stored *finding_part(const struct finding *f, const char *name, const char *suffix);

#endif
