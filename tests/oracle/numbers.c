/* Number formats by table: numerics.md §1.1, §1.5. A format's values are listed once by its definition; rounding
 * is a search for the nearest one. f32, f16 and bf16 tensors are read and written here too. */
#include "tests/oracle/oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

uint32_t oracle_float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float oracle_bits_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* How many codes below the sign are finite numbers. */
static unsigned count_finite(const struct format *f)
{
    unsigned all = 1u << (f->e + f->m);
    switch (f->specials) {
    case SPECIALS_NONE: return all;                  /* every one */
    case SPECIALS_FNUZ: return all;                  /* NaN has the code of -0 */
    case SPECIALS_FN:   return all - 1;              /* all ones is NaN */
    case SPECIALS_E8M0: return all - 1;              /* 255 is NaN */
    case SPECIALS_IEEE: return all - (1u << f->m);   /* the top exponent is Inf and NaN */
    }
    return 0;
}

/* value = 2^(E - bias) · (1 + M/2^m);  E = 0: 2^(1 - bias) · M/2^m, but e8m0 has no E = 0 case */
static double value_of(const struct format *f, unsigned magnitude)
{
    int exponent = (int)(magnitude >> f->m);
    double fraction = (double)(magnitude & ((1u << f->m) - 1)) / (double)(1u << f->m);
    if (exponent == 0 && f->specials != SPECIALS_E8M0)
        return ldexp(fraction, 1 - f->bias);
    return ldexp(1 + fraction, exponent - f->bias);
}

void oracle_table_open(struct oracle_table *table, const struct format *format)
{
    table->format = format;
    table->count = count_finite(format);
    table->value = malloc(table->count * sizeof *table->value);
    for (unsigned code = 0; code < table->count; code++)
        table->value[code] = value_of(format, code);
}

void oracle_table_close(struct oracle_table *table)
{
    free(table->value);
    table->value = NULL;
}

double oracle_table_max(const struct oracle_table *table)
{
    return table->value[table->count - 1];
}

/* The largest code whose value is <= v (0 when there is none: e8m0 below 2^-127). */
static unsigned find_below(const struct oracle_table *table, double v)
{
    unsigned low = 0, high = table->count;
    while (high - low > 1) {
        unsigned middle = (low + high) / 2;
        if (table->value[middle] <= v)
            low = middle;
        else
            high = middle;
    }
    return low;
}

unsigned oracle_table_unlimited(const struct oracle_table *table, double v)
{
    v = fabs(v);
    unsigned below = find_below(table, v);
    double a = table->value[below], b;
    if (below + 1 < table->count)
        b = table->value[below + 1];
    else /* the next value of the same spacing */
        b = a + (a - table->value[below - 1]);
    double half = (a + b) / 2; /* exact: a and b differ by one step of at most 24 bits */
    if (v < half)
        return below;
    if (v > half)
        return below + 1;
    return below % 2 == 0 ? below : below + 1;
}

unsigned oracle_table_nearest(const struct oracle_table *table, double v)
{
    if (fabs(v) >= oracle_table_max(table))
        return table->count - 1;
    return oracle_table_unlimited(table, v);
}

static unsigned sign_mask(const struct format *f)
{
    return f->is_signed ? 1u << (f->e + f->m) : 0;
}

/* e4m3 7f, e5m2 7e, fnuz 80, bf16 7fc0, f16 7e00, e8m0 ff; with the sign except fnuz and e8m0. Without: +0. */
static unsigned nan_code(const struct format *f, unsigned sign)
{
    unsigned ones = (1u << (f->e + f->m)) - 1;
    switch (f->specials) {
    case SPECIALS_NONE: return 0;
    case SPECIALS_FNUZ: return sign_mask(f);
    case SPECIALS_FN:   return sign | ones;
    case SPECIALS_E8M0: return ones;
    case SPECIALS_IEEE: return sign | (ones - (1u << f->m) + 1) | 1u << (f->m - 1); /* Inf's code and the quiet bit */
    }
    return 0;
}

double oracle_decode(const struct format *f, unsigned code)
{
    unsigned sign = code & sign_mask(f), magnitude = code & ((1u << (f->e + f->m)) - 1);
    if (f->specials == SPECIALS_FNUZ && code == sign_mask(f))
        return NAN;
    if (magnitude < count_finite(f))
        return sign ? -value_of(f, magnitude) : value_of(f, magnitude);
    if (f->specials == SPECIALS_IEEE && magnitude == count_finite(f))
        return sign ? -INFINITY : INFINITY;
    return sign ? -NAN : NAN;
}

/* What overflow becomes: Inf, else NaN, else the largest. */
static unsigned overflow_code(const struct oracle_table *table, unsigned sign)
{
    const struct format *f = table->format;
    if (f->specials == SPECIALS_IEEE)
        return sign | table->count;
    if (f->specials == SPECIALS_NONE)
        return sign | (table->count - 1);
    return nan_code(f, sign);
}

unsigned oracle_encode(const struct oracle_table *table, double v, bool saturate)
{
    const struct format *f = table->format;
    unsigned sign = signbit(v) ? sign_mask(f) : 0;
    if (isnan(v))
        return nan_code(f, sign);
    unsigned code;
    if (saturate)
        code = isinf(v) ? table->count - 1 : oracle_table_nearest(table, v);
    else
        code = isinf(v) ? table->count : oracle_table_unlimited(table, v);
    if (code >= table->count)
        return overflow_code(table, sign);
    if (code == 0 && f->specials == SPECIALS_FNUZ)
        return 0; /* no -0 */
    return sign | code;
}

static const struct format bf16_format = {
    .name = "bf16", .kind = FORMAT_KIND_FLOAT, .bits = 16, .is_signed = true, .e = 8, .m = 7, .bias = 127,
    .specials = SPECIALS_IEEE};
static const struct format f16_format = {
    .name = "f16", .kind = FORMAT_KIND_FLOAT, .bits = 16, .is_signed = true, .e = 5, .m = 10, .bias = 15,
    .specials = SPECIALS_IEEE};

/* A NaN widens to the quiet NaN of its sign; its payload means nothing to any formula. */
float oracle_load(enum dtype dtype, const void *x, int64_t i)
{
    uint16_t half;
    if (dtype == DTYPE_f32) {
        float value;
        memcpy(&value, (const char *)x + 4 * i, 4);
        return value;
    }
    memcpy(&half, (const char *)x + 2 * i, 2);
    return (float)oracle_decode(dtype == DTYPE_bf16 ? &bf16_format : &f16_format, half);
}

/* v = k · 2^step with k rounded to an integer, ties to even: the slow way to the nearest value of m mantissa bits.
 * Exact in double: a float has 24 bits. */
static double round_mantissa(double v, int m, int least)
{
    int exponent;
    frexp(v, &exponent); /* v = f · 2^exponent, 0.5 <= |f| < 1 */
    int step = exponent - 1 - m;
    if (step < least)
        step = least;
    double k = ldexp(v, -step), floor_k = floor(k), rest = k - floor_k;
    if (rest > 0.5 || (rest == 0.5 && fmod(floor_k, 2) != 0))
        floor_k += 1;
    return copysign(ldexp(floor_k, step), v);
}

/* The 16 bits of a value the format holds exactly. */
static uint16_t half_bits(const struct format *f, double v)
{
    unsigned sign = signbit(v) ? 0x8000 : 0;
    int exponent, least = 1 - f->bias;
    if (isnan(v))
        return (uint16_t)nan_code(f, sign);
    v = fabs(v);
    if (v >= ldexp(1, f->bias + 1))
        return (uint16_t)(sign | ((1u << f->e) - 1) << f->m);
    frexp(v, &exponent);
    if (v == 0 || exponent - 1 < least)
        return (uint16_t)(sign | (unsigned)ldexp(v, f->m - least));
    unsigned fraction = (unsigned)ldexp(v, f->m - (exponent - 1)) - (1u << f->m);
    return (uint16_t)(sign | (unsigned)(exponent - 1 + f->bias) << f->m | fraction);
}

void oracle_store(enum dtype dtype, void *x, int64_t i, float value)
{
    if (dtype == DTYPE_f32) {
        memcpy((char *)x + 4 * i, &value, 4);
        return;
    }
    const struct format *f = dtype == DTYPE_bf16 ? &bf16_format : &f16_format;
    double v = isfinite(value) ? round_mantissa(value, f->m, 1 - f->bias - f->m) : value;
    uint16_t half = half_bits(f, v);
    memcpy((char *)x + 2 * i, &half, 2);
}
