/* Pieces: the parts of a tensor that are quantized or dequantized on their own, each a tensor itself with fewer steps of the
 * first dimension. How a tensor is cut depends on its shape and spec alone, never on threads or memory, so results do not
 * either. Also the stored spelling of zero points. */
#ifndef QUERN_RUNTIME_PIECE_H
#define QUERN_RUNTIME_PIECE_H

#include "runtime/consumer.h"
#include "runtime/kernels.h"

/* How a tensor is cut. */
struct cut {
    const struct spec *spec;  /* of the kernel */
    const int64_t *shape;
    int rank;
    int64_t step, count;      /* steps of dimension 0 in a piece, and pieces; rank 0 and whole tensors: one piece */
    struct kernel_storage whole;
};
/* One piece: where its data lies in the whole's. */
struct piece {
    int64_t shape[KERNEL_RANK_MAX];
    int64_t first_element, first_row, first_scale; /* counted in the whole tensor */
    struct kernel_storage storage;
};

/* shape and spec go together (the plan has checked), and outlive the cut. */
struct cut cut_make(const struct spec *spec, const int64_t *shape, int rank);
/* index in [0, cut->count). The pieces are disjoint and cover the tensor; only the last may be smaller. */
void cut_piece(const struct cut *cut, int64_t index, struct piece *piece);

/* A kernel bound to a shape; run with any buffers. */
struct bound {
    const struct kernel_code *code; /* NULL: not needed */
    struct kernel_args args;
    int64_t units;
};
/* The kernels of op for a cut's full pieces and its last one. false after reporting. */
bool cut_bind(struct session *session, const struct cut *cut, enum kernel_op op, enum dtype dtype, struct bound bound[2]);
/* Runs the one that fits the piece, all of its units, on the calling thread; args has the pointers, extents are filled here. */
void cut_run(const struct cut *cut, int64_t index, const struct bound bound[2], struct kernel_args args);

/* Zero points as a part stores them (i32; i8; or the codes' bits packed down the columns) and back. */
size_t zeros_bytes(const struct part *part, const struct spec *spec, const struct kernel_storage *storage);
void zeros_store(const struct part *part, const struct spec *spec, const struct kernel_storage *storage, const int32_t *zero, void *out);
void zeros_load(const struct part *part, const struct spec *spec, const struct kernel_storage *storage, const void *in, int32_t *zero);

#endif
