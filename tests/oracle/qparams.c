/* Scales and zero points: the middle column of numerics.md §1.8, and reading them back.
 * All in f32, each operation rounded once; statistics use finite elements only (§1.5). */
#include "tests/oracle/oracle.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_float(const struct format *format)
{
    return format->kind == FORMAT_KIND_FLOAT;
}

static bool is_pow2_scale(const struct spec *spec)
{
    return spec->scale && spec->scale->specials == SPECIALS_E8M0 && is_float(spec->scale);
}

static bool is_f32(const struct format *format)
{
    return is_float(format) && format->m == 23;
}

/* [-2^(n-1), 2^(n-1) - 1] or [0, 2^n - 1]; a narrow signed range starts at -qmax. */
static void fill_range(struct oracle *oracle)
{
    const struct spec *spec = oracle->spec;
    int n = (int)spec->format->bits;
    if (spec->format->is_signed) {
        oracle->qmin = -(1 << (n - 1));
        oracle->qmax = (1 << (n - 1)) - 1;
        if (spec->scheme == SCHEME_narrow)
            oracle->qmin = -oracle->qmax;
    } else {
        oracle->qmin = 0;
        oracle->qmax = (1 << n) - 1;
    }
}

bool oracle_open(struct oracle *oracle, const struct spec *spec, enum dtype dtype, const int64_t *shape, int rank)
{
    memset(oracle, 0, sizeof *oracle);
    oracle->spec = spec;
    oracle->dtype = dtype;
    oracle->rank = rank;
    if (rank > 0)
        memcpy(oracle->shape, shape, (size_t)rank * sizeof *shape);
    if (!oracle_storage(spec, shape, rank, &oracle->storage))
        return false;
    if (is_float(spec->format))
        oracle_table_open(&oracle->codes, spec->format);
    else
        fill_range(oracle);
    if (spec->scale && !is_f32(spec->scale))
        oracle_table_open(&oracle->scales, spec->scale);
    return true;
}

void oracle_close(struct oracle *oracle)
{
    oracle_table_close(&oracle->codes);
    oracle_table_close(&oracle->scales);
}

float oracle_observe(enum dtype dtype, const void *x, int64_t count)
{
    float amax = 0;
    for (int64_t i = 0; i < count; i++) {
        float v = oracle_load(dtype, x, i);
        if (isfinite(v) && fabsf(v) > amax)
            amax = fabsf(v);
    }
    return amax;
}

/* g = 2688 / amax; amax = 0 or g not finite -> 1 */
float oracle_second(float amax)
{
    float g = amax == 0 ? 1 : 2688.0f / amax;
    return isfinite(g) ? g : 1;
}

/* What a block's scale is made of. */
struct statistics {
    float low, high, amax; /* of finite elements; 0 when there is none */
    bool any;
    double *magnitudes;    /* |x| by index in the block, 0 where not finite; owned; absmean only */
    int64_t size, count;   /* elements; finite ones */
};

static void add_element(struct statistics *s, float v, bool keep)
{
    if (keep)
        s->magnitudes[s->size++] = isfinite(v) ? fabs((double)v) : 0;
    if (!isfinite(v))
        return;
    if (!s->any || v < s->low)
        s->low = v;
    if (!s->any || v > s->high)
        s->high = v;
    if (fabsf(v) > s->amax)
        s->amax = fabsf(v);
    s->any = true;
    s->count++;
}

/* E = clamp(exponent(A) - emax, -127, 127); exponent is floor(log2 A), -127 for subnormal or zero A.
 * emax is the exponent of the largest code; 0 for integers, whose codes are fractions q / 2^(n-2). */
static int pow2_exponent(const struct oracle *oracle, float amax)
{
    int exponent = -127, emax = 0;
    if (amax >= 0x1p-126f) {
        frexp(amax, &exponent);
        exponent -= 1;
    }
    if (is_float(oracle->spec->format)) {
        frexp(oracle_table_max(&oracle->codes), &emax);
        emax -= 1;
    }
    int e = exponent - emax, least = oracle->spec->has_eps ? ilogbf((float)oracle->spec->eps) : -127;
    least = least < -127 ? -127 : least;
    return e < least ? least : e > 127 ? 127 : e;
}

/* The scale before eps. */
static float bare_scale(const struct oracle *oracle, const struct statistics *s, float second)
{
    const struct spec *spec = oracle->spec;
    if (spec->format->kind == FORMAT_KIND_CODEBOOK) {
        if (spec->scheme != SCHEME_absmean)
            return s->amax;
        float mean = s->count ? (float)(oracle_sum(s->magnitudes, s->size) / (double)s->count) : 0;
        return mean > 0x1p-126f ? mean : 0x1p-126f;
    }
    if (is_float(spec->format)) {
        float t = s->amax / (float)oracle_table_max(&oracle->codes);
        if (!spec->second)
            return t;
        float most = (float)oracle_table_max(&oracle->scales), scaled = second * t;
        return scaled < most ? scaled : most;
    }
    float steps = (float)(oracle->qmax - oracle->qmin);
    if (spec_is_asymmetric(spec))
        return ((s->high > 0 ? s->high : 0) - (s->low < 0 ? s->low : 0)) / steps;
    if (spec->scheme == SCHEME_narrow)
        return s->amax / (float)oracle->qmax;
    return s->amax / (steps / 2);
}

/* The scale before it is rounded to its format: at least eps. */
static float exact_scale(const struct oracle *oracle, const struct statistics *s, float second)
{
    float scale = bare_scale(oracle, s, second), eps = (float)oracle->spec->eps;
    return oracle->spec->has_eps && scale < eps ? eps : scale;
}

/* Rounded to its format: 0 becomes 1 (nvfp4's stays), Inf the largest finite value. Writes it, gives its value. */
static float store_scale(const struct oracle *oracle, float s, void *scale, int64_t block)
{
    const struct spec *spec = oracle->spec;
    if (is_f32(spec->scale)) {
        s = s == 0 ? 1 : isinf(s) ? FLT_MAX : s;
        memcpy((char *)scale + 4 * block, &s, 4);
        return s;
    }
    unsigned code = oracle_encode(&oracle->scales, s, true);
    if (code == 0 && !spec->second)
        code = oracle_encode(&oracle->scales, 1, true);
    for (unsigned i = 0; i < oracle->storage.scale_bytes; i++)
        ((uint8_t *)scale)[block * oracle->storage.scale_bytes + i] = (uint8_t)(code >> 8 * i);
    return (float)oracle_decode(spec->scale, code);
}

static void finish_block(const struct oracle *oracle, const struct statistics *s, float second, void *scale, int32_t *zero, int64_t block)
{
    const struct spec *spec = oracle->spec;
    if (is_pow2_scale(spec)) {
        ((uint8_t *)scale)[block] = (uint8_t)(pow2_exponent(oracle, s->amax) + 127);
        return;
    }
    float used = store_scale(oracle, exact_scale(oracle, s, second), scale, block);
    if (!oracle->storage.has_zero)
        return;
    if (!spec_is_asymmetric(spec)) {
        zero[block] = spec->format->is_signed ? 0 : 1 << (spec->format->bits - 1);
        return;
    }
    /* z = clamp(qmin - rne(min(lo,0) / s), qmin, qmax) */
    double z = (double)oracle->qmin - rint((double)((s->low < 0 ? s->low : 0) / used));
    zero[block] = z < oracle->qmin ? oracle->qmin : z > oracle->qmax ? oracle->qmax : (int32_t)z;
}

void oracle_qparams(const struct oracle *oracle, const void *x, float second, void *scale, int32_t *zero)
{
    const struct kernel_storage *storage = &oracle->storage;
    if (storage->scale_count == 0)
        return;
    bool keep = oracle->spec->scheme == SCHEME_absmean;
    struct statistics *all = calloc((size_t)storage->scale_count, sizeof *all);
    for (int64_t b = 0; keep && b < storage->scale_count; b++)
        all[b].magnitudes = malloc((size_t)(storage->elements + 1) * sizeof(double));
    for (int64_t i = 0; i < storage->elements; i++) {
        int64_t b = oracle_block(oracle->spec, oracle->shape, oracle->rank, storage, i);
        add_element(&all[b], oracle_load(oracle->dtype, x, i), keep);
    }
    for (int64_t b = 0; b < storage->scale_count; b++) {
        finish_block(oracle, &all[b], second, scale, zero, b);
        free(all[b].magnitudes);
    }
    free(all);
}

static float read_scale(const struct oracle *oracle, const void *scale, int64_t b)
{
    unsigned code = 0;
    if (is_f32(oracle->spec->scale))
        return oracle_load(DTYPE_f32, scale, b);
    for (unsigned i = 0; i < oracle->storage.scale_bytes; i++)
        code |= (unsigned)((const uint8_t *)scale)[b * oracle->storage.scale_bytes + i] << 8 * i;
    return (float)oracle_decode(oracle->spec->scale, code);
}

struct oracle_block oracle_block_read(const struct oracle *oracle, const void *scale, const int32_t *zero, float second, int64_t b)
{
    const struct spec *spec = oracle->spec;
    struct oracle_block block = {.scale = 1};
    if (spec->scale) {
        float s = read_scale(oracle, scale, b);
        block.zero_scale = spec->second && s == 0;
        block.scale = spec->second ? s / second : s; /* d = s / g, one f32 division */
        if (is_pow2_scale(spec) && !is_float(spec->format))
            block.scale = ldexp(s, -(int)(spec->format->bits - 2));
    }
    if (oracle->storage.has_zero)
        block.zero = zero[b];
    else if (spec->format->kind == FORMAT_KIND_INT && !spec->format->is_signed)
        block.zero = 1 << (spec->format->bits - 1);
    return block;
}
