/* Codes: the right column of numerics.md §1.8, the special values of §1.5, and dequantization. */
#include "tests/oracle/oracle.h"

#include <math.h>
#include <string.h>

static bool is_exact_scale(const struct spec *spec)
{
    return spec->scale && spec->scale->specials == SPECIALS_E8M0;
}

/* x / s: one f32 division; by a power of two exact. */
static double divide(const struct oracle *oracle, struct oracle_block block, float x)
{
    if (!oracle->spec->scale)
        return x;
    if (is_exact_scale(oracle->spec))
        return (double)x / block.scale;
    return x / (float)block.scale;
}

/* clamp(rne(x / s) + z, qmin, qmax); NaN: z, the code of value 0 */
static int32_t int_code(const struct oracle *oracle, struct oracle_block block, float x, bool *clamped)
{
    if (isnan(x))
        return block.zero;
    double q = rint(divide(oracle, block, x)) + block.zero;
    *clamped = q < oracle->qmin || q > oracle->qmax;
    return q < oracle->qmin ? oracle->qmin : q > oracle->qmax ? oracle->qmax : (int32_t)q;
}

/* RNE of clamp(x / s, -fmax, fmax), or without a scale RNE with overflow to Inf: then Inf is the code of Inf and
 * nothing is clamped. A NaN in a format that has none is the code of +0 whatever its sign; in a format with one
 * it keeps its sign. nvfp4: a stored scale of 0 makes every code 0, before any division. */
static int32_t float_code(const struct oracle *oracle, struct oracle_block block, float x, bool *clamped)
{
    if (block.zero_scale)
        return 0;
    double v = divide(oracle, block, x);
    if (isnan(x))
        v = copysign(NAN, x);
    *clamped = oracle->spec->scale && fabs(v) > oracle_table_max(&oracle->codes);
    return (int32_t)oracle_encode(&oracle->codes, v, oracle->spec->scale != NULL);
}

/* The nearest value, ties to the lower code; distances in f64. NaN: the code of value 0, or of the value nearest to it. */
static int32_t codebook_code(const struct oracle *oracle, struct oracle_block block, float x, bool *clamped)
{
    const struct format *f = oracle->spec->format;
    double v = isnan(x) ? 0 : divide(oracle, block, x);
    int32_t best = 0;
    if (oracle->spec->scheme == SCHEME_absmean) /* ternary: clamp(rne(x / s), -1, 1) */
        v = rint(v);
    *clamped = v < (double)f->values[0] || v > (double)f->values[f->count - 1];
    for (unsigned i = 1; i < f->count; i++)
        if (v > ((double)f->values[i - 1] + (double)f->values[i]) / 2)
            best = (int32_t)i;
    return best;
}

int32_t oracle_code(const struct oracle *oracle, struct oracle_block block, float x, bool *saturated)
{
    bool clamped = false;
    int32_t code = 0;
    switch (oracle->spec->format->kind) {
    case FORMAT_KIND_INT:
        code = int_code(oracle, block, x, &clamped);
        break;
    case FORMAT_KIND_FLOAT:
        code = float_code(oracle, block, x, &clamped);
        break;
    case FORMAT_KIND_CODEBOOK:
        code = codebook_code(oracle, block, x, &clamped);
        break;
    }
    if (saturated)
        *saturated = clamped && isfinite(x);
    return code;
}

/* y = (q - z) · s in f32; by a power of two exact, then f32 (only overflow can round). A NaN code becomes the
 * quiet NaN of its sign: 7fc00000 or ffc00000 in f32, 7fc0, 7e00 and so on after the output's rounding. */
float oracle_widen(const struct oracle *oracle, struct oracle_block block, int32_t q)
{
    const struct format *f = oracle->spec->format;
    double value = 0;
    switch (f->kind) {
    case FORMAT_KIND_INT:
        value = q - block.zero;
        break;
    case FORMAT_KIND_FLOAT:
        value = oracle_decode(f, (unsigned)q);
        break;
    case FORMAT_KIND_CODEBOOK:
        value = f->values[q];
        break;
    }
    if (isnan(value) || isnan(block.scale))
        return copysignf(NAN, signbit(value) ? -1.0f : 1.0f);
    if (!oracle->spec->scale)
        return (float)value;
    if (is_exact_scale(oracle->spec))
        return (float)(value * block.scale);
    return (float)value * (float)block.scale;
}

struct oracle_block oracle_block_at(const struct oracle *oracle, const void *scale, const int32_t *zero, float second, int64_t i)
{
    int64_t b = oracle_block(oracle->spec, oracle->shape, oracle->rank, &oracle->storage, i);
    return oracle_block_read(oracle, scale, zero, second, b);
}

void oracle_quantize(const struct oracle *oracle, const void *x, const void *scale, const int32_t *zero, float second, void *codes)
{
    memset(codes, 0, (size_t)oracle->storage.code_bytes);
    for (int64_t i = 0; i < oracle->storage.elements; i++) {
        struct oracle_block block = oracle_block_at(oracle, scale, zero, second, i);
        int32_t q = oracle_code(oracle, block, oracle_load(oracle->dtype, x, i), NULL);
        oracle_put_code(oracle->spec, &oracle->storage, codes, i, q);
    }
}

void oracle_quantize_dynamic(const struct oracle *oracle, const void *x, float second, void *codes, void *scale, int32_t *zero)
{
    oracle_qparams(oracle, x, second, scale, zero);
    oracle_quantize(oracle, x, scale, zero, second, codes);
}

void oracle_dequantize(const struct oracle *oracle, const void *codes, const void *scale, const int32_t *zero, float second, void *y)
{
    for (int64_t i = 0; i < oracle->storage.elements; i++) {
        struct oracle_block block = oracle_block_at(oracle, scale, zero, second, i);
        int32_t q = oracle_get_code(oracle->spec, &oracle->storage, codes, i);
        oracle_store(oracle->dtype, y, i, oracle_widen(oracle, block, q));
    }
}
