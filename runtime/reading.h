/* Reading logical tensors piece by piece: codes and scales as kernels want them, or floats. After reading_bind a reading is
 * read-only: any thread may read any piece with buffers of its own. */
#ifndef QUERN_RUNTIME_READING_H
#define QUERN_RUNTIME_READING_H

#include "runtime/logical.h"
#include "runtime/parallel.h"
#include "runtime/piece.h"

/* A logical tensor opened for reading as `dtype`. */
struct reading {
    const struct logical *t;
    int dtype;               /* what comes out; for a plain tensor of another kind than float: its own */
    int64_t pieces;
    struct cut cut;          /* quantized */
    enum dtype kernel_dtype; /* quantized: what the kernel writes; f64 is widened from f32 */
    struct bound *dequantize; /* [2]; NULL until reading_bind */
    float second;
};
/* One piece's memory, cut from a buffer. codes, scale, zero: as kernels read them; packed: zero points as stored; raw: floats
 * before the last conversion; out: the result. */
struct reading_buffers {
    void *codes, *scale, *packed, *raw, *out;
    int32_t *zero;
    size_t total;
};

/* dtype -1: the tensor's own. Reads the second-level scale. false after reporting. */
bool reading_open(struct session *session, const struct logical *t, int dtype, struct reading *r);
/* Gets the kernels that dequantize; nothing to do for plain tensors. */
bool reading_bind(struct session *session, struct reading *r);
/* The elements of a piece and the first of them. */
int64_t reading_span(const struct reading *r, int64_t piece, int64_t *first);
/* One piece's buffers at memory, `total` bytes from there; memory NULL: only the total. */
struct reading_buffers reading_cut(const struct reading *r, int64_t piece, void *memory);
/* Codes, scales and zero points of a piece into the buffers; the tensor is quantized. false: failure is set. */
bool reading_load(const struct reading *r, int64_t piece, const struct reading_buffers *b, struct failure *failure);
/* The piece as reading_span's elements of r->dtype in b->out. false: failure is set. */
bool reading_floats(const struct reading *r, int64_t piece, const struct reading_buffers *b, struct failure *failure);

#endif
