/* Floats in C: conversions by bits, and the sums of struct kernel_sums (codegen/kernel/kernel.h). In: arrays of floats; out:
 * arrays or sums. See floats.h. */
#include "runtime/floats.h"

#include <math.h>
#include <string.h>

bool is_float(int dtype)
{
    return dtype == DTYPE_f64 || dtype == DTYPE_f32 || dtype == DTYPE_f16 || dtype == DTYPE_bf16;
}

/* Here and below by memcpy: C has no other way to look at a float's bits. */
static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* f16: exponent E, fraction F; E = 0: F · 2^-24, E = 31: Inf or NaN, else (1 + F/1024) · 2^(E - 15). */
static float widen_f16(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3ff;
    if (exponent == 0) {
        float value = (float)fraction * 0x1p-24f;
        return sign ? -value : value;
    }
    if (exponent == 31)
        return float_of_bits(sign | 0x7f800000 | fraction << 13);
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* Adding half of the last kept place less the tie bit rounds to nearest even; a carry moves into the exponent. */
static uint16_t narrow_bf16(float value)
{
    uint32_t bits = bits_of_float(value);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)((bits >> 16 & 0x8000) | 0x7fc0);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Three ranges: Inf and NaN, normal halves by integer rounding, subnormal ones by the adder. */
static uint16_t narrow_f16(float value)
{
    uint32_t bits = bits_of_float(value), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return (uint16_t)(sign | 0x7e00);
    if (magnitude >= 0x477ff000) /* 65520 and above round to Inf */
        return (uint16_t)(sign | 0x7c00);
    if (magnitude < 0x38800000) /* below 2^-14: a multiple of 2^-24; adding 0.5 leaves it in the last places of a float near 0.5 */
        return (uint16_t)(sign | (bits_of_float(float_of_bits(magnitude) + 0.5f) & 0x7ff));
    return (uint16_t)(sign | ((magnitude - (112u << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13));
}

/* bf16 is the upper half of an f32. */
void floats_widen(const void *in, int dtype, float *out, int64_t count)
{
    const uint16_t *half = in;
    if (dtype == DTYPE_f32)
        memcpy(out, in, (size_t)count * sizeof *out);
    for (int64_t i = 0; dtype == DTYPE_f64 && i < count; i++)
        out[i] = (float)((const double *)in)[i];
    for (int64_t i = 0; dtype == DTYPE_bf16 && i < count; i++)
        out[i] = float_of_bits((uint32_t)half[i] << 16);
    for (int64_t i = 0; dtype == DTYPE_f16 && i < count; i++)
        out[i] = widen_f16(half[i]);
}

/* f64 from f32 is exact. */
void floats_narrow(const float *in, int dtype, void *out, int64_t count)
{
    uint16_t *half = out;
    if (dtype == DTYPE_f32)
        memcpy(out, in, (size_t)count * sizeof *in);
    for (int64_t i = 0; dtype == DTYPE_f64 && i < count; i++)
        ((double *)out)[i] = in[i];
    for (int64_t i = 0; dtype == DTYPE_bf16 && i < count; i++)
        half[i] = narrow_bf16(in[i]);
    for (int64_t i = 0; dtype == DTYPE_f16 && i < count; i++)
        half[i] = narrow_f16(in[i]);
}

/* ---- comparing ---- */

enum { LANES = 64, CHUNK = 4096 }; /* the kernels' own, for any vector width: part of what a figure means */
enum { SUM_e2, SUM_x2, SUM_y2, SUM_xy, SUMS };

/* Lanes pairwise: 64 to 32 to … 1. */
static double add_lanes(double *lane)
{
    for (int width = LANES / 2; width; width /= 2)
        for (int i = 0; i < width; i++)
            lane[i] += lane[i + width];
    return lane[0];
}

/* Lane i takes element i mod 64 of a chunk. Elements that are not finite are counted and left out of the sums. */
static void compare_one(float x, float y, double lane[SUMS][LANES], int i, struct kernel_sums *sums)
{
    double e = (double)x - (double)y;
    if (!isfinite(x)) {
        sums->nan += isnan(x) != 0;
        sums->inf += isinf(x) != 0;
        return;
    }
    lane[SUM_e2][i] += e * e;
    lane[SUM_x2][i] += (double)x * x;
    lane[SUM_y2][i] += (double)y * y;
    lane[SUM_xy][i] += (double)x * y;
    sums->max_error = fabs(e) > sums->max_error ? fabs(e) : sums->max_error;
}

/* Chunks in order, lanes within a chunk: the order of additions is fixed, so the sums are the same everywhere. */
void floats_compare(const float *x, const float *y, int64_t count, struct kernel_sums *sums)
{
    for (int64_t begin = 0; begin < count; begin += CHUNK) {
        double lane[SUMS][LANES] = {{0}};
        int64_t end = count - begin < CHUNK ? count : begin + CHUNK;
        for (int64_t i = begin; i < end; i++)
            compare_one(x[i], y[i], lane, (int)((i - begin) % LANES), sums);
        sums->e2 += add_lanes(lane[SUM_e2]);
        sums->x2 += add_lanes(lane[SUM_x2]);
        sums->y2 += add_lanes(lane[SUM_y2]);
        sums->xy += add_lanes(lane[SUM_xy]);
    }
}

/* ---- NaN and Inf: the exponent's ones and nothing below, or something ---- */

/* Both counts in one branch-free pass. */
static void count_16(const uint16_t *x, uint16_t exponent, int64_t count, int64_t *nan, int64_t *inf)
{
    int64_t special = 0, infinite = 0;
    for (int64_t i = 0; i < count; i++) {
        special += (x[i] & exponent) == exponent;
        infinite += (x[i] & 0x7fff) == exponent;
    }
    *nan += special - infinite;
    *inf += infinite;
}

/* As count_16. */
static void count_32(const uint32_t *x, int64_t count, int64_t *nan, int64_t *inf)
{
    int64_t special = 0, infinite = 0;
    for (int64_t i = 0; i < count; i++) {
        special += (x[i] & 0x7f800000) == 0x7f800000;
        infinite += (x[i] & 0x7fffffff) == 0x7f800000;
    }
    *nan += special - infinite;
    *inf += infinite;
}

void count_specials(const void *x, enum dtype dtype, int64_t count, int64_t *nan, int64_t *inf)
{
    if (dtype == DTYPE_f32)
        count_32(x, count, nan, inf);
    else
        count_16(x, dtype == DTYPE_bf16 ? 0x7f80 : 0x7c00, count, nan, inf);
}
