/* The oracle: what every native spec computes, as slow and obvious C from numerics.md §1.5, §1.8 and §1.9.
 * It shares no code with lang/, codegen/ or runtime/: only the structs that describe a spec, a format and a
 * kernel's storage are theirs. Formats are tables of their values, found by search in exact double
 * arithmetic; elements find their block by multi-index; codes are packed bit by bit.
 * Compiled with -ffp-contract=off and called with round to nearest even and no flush to zero.
 *
 * Where numerics.md leaves a choice, the function that makes it says so at its definition:
 *   oracle_code       NaN in a format without a NaN code; Inf in bf16 and f16
 *   oracle_widen      which NaN a NaN code becomes
 *   oracle_error      precision of e, what counts as saturated
 *   add_lanes         in which pairs lanes are added
 *   oracle_put_code   signed codes in `byte` layout */
#ifndef QUERN_TESTS_ORACLE_H
#define QUERN_TESTS_ORACLE_H

#include "codegen/kernel/kernel.h"

/* A float format as a table: value[c] is what code c without its sign stands for, ascending, finite ones only. */
struct oracle_table {
    const struct format *format;
    unsigned count;
    double *value; /* owned */
};
void oracle_table_open(struct oracle_table *table, const struct format *format);
void oracle_table_close(struct oracle_table *table);
double oracle_table_max(const struct oracle_table *table);
/* The code nearest to |v|, ties to the even code, never beyond the largest; the sign is the caller's. v finite. */
unsigned oracle_table_nearest(const struct oracle_table *table, double v);
/* The same without the limit: count when v rounds to where the next value would stand (RNE overflow). */
unsigned oracle_table_unlimited(const struct oracle_table *table, double v);
/* What a code stands for; NaN and Inf as the format has them. */
double oracle_decode(const struct format *format, unsigned code);
/* v to a code of a float format, sign kept. saturate: the largest finite value instead of overflow (Inf, else NaN, else
 * the largest). Inf overflows like any large value; NaN takes the NaN code of numerics.md §1.5, else 0. */
unsigned oracle_encode(const struct oracle_table *table, double v, bool saturate);

/* The float of tensor element i, widened exactly, and back with one RNE rounding. */
float oracle_load(enum dtype dtype, const void *x, int64_t i);
void oracle_store(enum dtype dtype, void *x, int64_t i, float value);
uint32_t oracle_float_bits(float value);
float oracle_bits_float(uint32_t bits);

/* Codes in their buffers, by (row, column), numerics.md §1.7 and kernel.h. q: the integer, or the float's code. */
void oracle_put_code(const struct spec *spec, const struct kernel_storage *storage, void *codes, int64_t element, int32_t q);
int32_t oracle_get_code(const struct spec *spec, const struct kernel_storage *storage, const void *codes, int64_t element);

/* Sizes of the buffers, as kernel.h says. false when shape and spec do not go together. */
bool oracle_storage(const struct spec *spec, const int64_t *shape, int rank, struct kernel_storage *storage);
/* Which scale element i uses. */
int64_t oracle_block(const struct spec *spec, const int64_t *shape, int rank, const struct kernel_storage *storage, int64_t element);

/* A spec opened for a tensor: tables made, storage known. */
struct oracle {
    const struct spec *spec;
    enum dtype dtype;
    int rank;
    int64_t shape[KERNEL_RANK_MAX];
    struct kernel_storage storage;
    struct oracle_table codes, scales; /* floats only; scales: unless f32 or none */
    int32_t qmin, qmax;
};
bool oracle_open(struct oracle *oracle, const struct spec *spec, enum dtype dtype, const int64_t *shape, int rank);
void oracle_close(struct oracle *oracle);

/* A block's scale as used, s, nvfp4's d or mx's 2^E (int: 2^(E - (n - 2))), and its zero point. */
struct oracle_block {
    double scale;     /* exact for powers of two; else an f32 */
    bool zero_scale;  /* nvfp4: the stored scale is 0 */
    int32_t zero;
};
/* From the stored scale and zero point of block b. */
struct oracle_block oracle_block_read(const struct oracle *oracle, const void *scale, const int32_t *zero, float second, int64_t b);
/* The same of the block that element i is in. */
struct oracle_block oracle_block_at(const struct oracle *oracle, const void *scale, const int32_t *zero, float second, int64_t i);
/* x -> code; *saturated (may be NULL): the clamp changed it. */
int32_t oracle_code(const struct oracle *oracle, struct oracle_block block, float x, bool *saturated);
/* code -> y in f32. */
float oracle_widen(const struct oracle *oracle, struct oracle_block block, int32_t q);

/* Σ values as §1.9 orders it: 64 lanes by index mod 64 in chunks of 4096. */
double oracle_sum(const double *values, int64_t count);

/* The operations of kernel.h over whole buffers. */
float oracle_observe(enum dtype dtype, const void *x, int64_t count);
float oracle_second(float amax); /* nvfp4's g of a tensor */
void oracle_qparams(const struct oracle *oracle, const void *x, float second, void *scale, int32_t *zero);
void oracle_quantize(const struct oracle *oracle, const void *x, const void *scale, const int32_t *zero, float second, void *codes);
void oracle_quantize_dynamic(const struct oracle *oracle, const void *x, float second, void *codes, void *scale, int32_t *zero);
void oracle_dequantize(const struct oracle *oracle, const void *codes, const void *scale, const int32_t *zero, float second, void *y);
void oracle_error(const struct oracle *oracle, const void *x, const void *codes, const void *scale, const int32_t *zero,
                  float second, struct kernel_sums *sums);

#endif
