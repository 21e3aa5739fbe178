/* Consumers: the on-disk formats of quantized tensors as a table. A format is its row in consumers.def and one predicate;
 * everything that writes or reads a checkpoint goes by the row. compressed-tensors' formats: its compressors by the same names;
 * the quern format: docs/quern-format.md. */
#ifndef QUERN_RUNTIME_CONSUMER_H
#define QUERN_RUNTIME_CONSUMER_H

#include "codegen/kernel/kernel.h"
#include "lang/recipe.h"
#include "runtime/safetensors.h"

enum consumer_id {
#define CONSUMER(name, word, layout, listed) CONSUMER_##name,
#define PART(consumer, role, suffix, dtype, shape)
#include "runtime/consumers.def"
#undef CONSUMER
#undef PART
};
enum part_role { PART_codes, PART_scale, PART_zero, PART_second, PART_shape };
enum { PART_ROLES = 5 };
enum part_shape { SHAPE_same, SHAPE_rows, SHAPE_matrix, SHAPE_scales, SHAPE_packed, SHAPE_one, SHAPE_rank };
enum { DTYPE_format = -1, DTYPE_scale = -2, LAYOUT_spec = -1 }; /* beside enum dtype and enum layout */

/* A tensor with its spec, as a consumer sees it. */
struct placement {
    const char *name;            /* the tensor's own */
    const int64_t *shape;
    int rank;
    const struct spec *spec;     /* the recipe's */
    const struct config *config; /* that the spec came from; NULL: a `spec` target */
};
/* A row PART of consumers.def. */
struct part {
    enum consumer_id consumer;
    enum part_role role;
    const char *suffix;
    int dtype; /* enum dtype, DTYPE_format or DTYPE_scale */
    enum part_shape shape;
};
/* A row CONSUMER of consumers.def. */
struct consumer {
    enum consumer_id id;
    const char *word;
    int layout; /* enum layout or LAYOUT_spec */
    bool listed;
    bool (*holds)(const struct placement *p);
};
extern const struct consumer consumers[];
extern const size_t consumer_count;
/* Its parts in the table's order; NULL behind the last. */
const struct part *consumer_next_part(const struct consumer *consumer, const struct part *after);
const struct consumer *consumer_find(const char *word); /* or NULL */

/* The first row that holds it; never NULL. */
const struct consumer *consumer_choose(const struct placement *p);
/* spec with the codes' layout that the consumer wants; what kernels are compiled for. Everything else is the recipe's. */
struct spec consumer_spec(const struct consumer *consumer, const struct spec *spec);
/* The part as a stored tensor: name, dtype, shape, elements, bytes; offset and shard are the caller's. false when the tensor
 * has no such part (no zero point, no second scale) or its size overflows. spec: of the kernel; storage: of spec and the
 * tensor's shape. */
bool consumer_part(struct arena *arena, const struct part *part, const struct placement *p, const struct spec *spec,
                   const struct kernel_storage *storage, struct stored *stored);
/* The input slot of a config that takes every input; NULL: none or off, or no config. */
const struct spec *config_input(const struct config *config);

#endif
