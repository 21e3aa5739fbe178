/* Floats in C, for tensors that no kernel touches: widening to f32, narrowing from it, comparing. IEEE 754 by bits, so that
 * neither the compiler nor the rounding mode of f16 instructions matters. Arrays do not overlap. */
#ifndef QUERN_RUNTIME_FLOATS_H
#define QUERN_RUNTIME_FLOATS_H

#include "codegen/kernel/kernel.h"

/* f64, f32, f16, bf16 to f32: exact, except that f64 is rounded to nearest even. */
void floats_widen(const void *in, int dtype, float *out, int64_t count);
/* f32 to f64, f32, f16, bf16, round to nearest even; NaN stays NaN. */
void floats_narrow(const float *in, int dtype, void *out, int64_t count);
/* f64, f32, f16 or bf16: what models store weights in. */
bool is_float(int dtype);
/* Adds what a row of chunks of 4096 elements gives: e = x - y over finite x, summed in the kernels' order (struct kernel_sums),
 * so that both paths report the same figures. sums->saturated stays: it is about codes. */
void floats_compare(const float *x, const float *y, int64_t count, struct kernel_sums *sums);
/* How many of count elements of f32, f16 or bf16 are NaN and infinite; added. */
void count_specials(const void *x, enum dtype dtype, int64_t count, int64_t *nan, int64_t *inf);

#endif
