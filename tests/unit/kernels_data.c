/* Tensors that hit every rule of rounding and scaling: ties, both zeros, subnormals, Inf, NaN of many payloads, magnitudes at
 * both ends of the dtype. Each fill sets one element at a time; a fill is a function fill_NAME and a row of FILLS. */
#include "tests/unit/kernels.h"

#include <math.h>
#include <string.h>

#define FILL(name) #name,
const char *const fill_names[FILL_COUNT] = {FILLS};
#undef FILL

/* splitmix64 */
uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* What a fill works on: one element at a time. */
struct filler {
    const struct oracle *oracle;
    uint64_t *seed;
    void *x;
    int64_t i, count;
    double scale, odd; /* chosen once a tensor: a power of two; a number with a full mantissa */
};

/* In [0, 1), with 53 bits. */
static double uniform(struct filler *f)
{
    return (double)(next_random(f->seed) >> 11) * 0x1p-53;
}

/* Nearly uniform: n is small beside 2^64. */
static uint64_t below(struct filler *f, uint64_t n)
{
    return next_random(f->seed) % n;
}

/* Four uniforms: a bell of width 2 around 0. */
static double bell(struct filler *f)
{
    return uniform(f) + uniform(f) + uniform(f) + uniform(f) - 2;
}

/* Rounded to the dtype by the oracle. */
static void put(struct filler *f, double value)
{
    oracle_store(f->oracle->dtype, f->x, f->i, (float)value);
}

/* The bits as they are; of 16-bit dtypes the lower half. */
static void put_bits(struct filler *f, uint32_t bits)
{
    uint16_t half = (uint16_t)bits;
    if (f->oracle->dtype == DTYPE_f32)
        memcpy((char *)f->x + 4 * f->i, &bits, 4);
    else
        memcpy((char *)f->x + 2 * f->i, &half, 2);
}

static int mantissa_bits(const struct filler *f)
{
    return f->oracle->dtype == DTYPE_f32 ? 23 : f->oracle->dtype == DTYPE_f16 ? 10 : 7;
}

static uint32_t sign_bit(const struct filler *f)
{
    return f->oracle->dtype == DTYPE_f32 ? 0x80000000u : 0x8000u;
}

/* The exponent's ones. */
static uint32_t inf_bits(const struct filler *f)
{
    return (sign_bit(f) - 1) & ~((1u << mantissa_bits(f)) - 1);
}

static void fill_random(struct filler *f)
{
    put(f, bell(f) * f->scale);
}

/* Half the largest code's distance in units of the scale: what the block's scale divides A by. */
static double code_limit(const struct filler *f)
{
    if (f->oracle->codes.value)
        return oracle_table_max(&f->oracle->codes);
    return (f->oracle->qmax - f->oracle->qmin) / 2.0;
}

/* The middle of two neighbouring codes. */
static double tie(struct filler *f)
{
    const struct oracle_table *t = &f->oracle->codes;
    if (t->value) {
        uint64_t code = below(f, t->count - 1);
        return (t->value[code] + t->value[code + 1]) / 2;
    }
    return (double)below(f, (uint64_t)code_limit(f) + 2) + (below(f, 4) ? 0.5 : 0);
}

/* Every seventh element is the largest, so that most blocks get a power of two for a scale. bf16 and f16 targets have
 * no scale: ties of values near 1 all the same. */
static void fill_ties(struct filler *f)
{
    double v = f->i % 7 == 0 ? code_limit(f) : tie(f);
    double unit = f->oracle->spec->scale ? f->scale : 1;
    put(f, (below(f, 2) ? -v : v) * unit);
}

/* The scale that A = limit · odd gives, in the spec's own scale format. */
static double rounded_scale(const struct filler *f, double a)
{
    float s = (float)a / (float)code_limit(f);
    if (!f->oracle->scales.value || f->oracle->spec->second)
        return s;
    return oracle_decode(f->oracle->spec->scale, oracle_encode(&f->oracle->scales, s, true));
}

/* x whose quotient x / s lies within two units of a tie, for a scale with a full mantissa: a division that is off by
 * one unit anywhere rounds some of these to another code. */
static void fill_near_ties(struct filler *f)
{
    double a = code_limit(f) * f->odd;
    float v = (float)(f->i % 7 == 0 ? a : tie(f) * (f->oracle->spec->scale ? rounded_scale(f, a) : 1));
    for (uint64_t steps = f->i % 7 ? below(f, 3) : 0; steps > 0; steps--)
        v = nextafterf(v, below(f, 2) ? INFINITY : 0);
    put(f, below(f, 2) ? -v : v);
}

/* A quarter of them within the three smallest. */
static void fill_subnormal(struct filler *f)
{
    uint32_t fraction = (uint32_t)below(f, 1u << mantissa_bits(f));
    put_bits(f, (below(f, 2) ? sign_bit(f) : 0) | (below(f, 4) ? fraction : fraction & 3));
}

/* A sixth are no zeros, so that blocks get a scale. */
static void fill_signed_zeros(struct filler *f)
{
    if (below(f, 6) == 0)
        put(f, bell(f));
    else
        put_bits(f, below(f, 2) ? sign_bit(f) : 0);
}

/* Inf, or NaN of any payload, of either sign. */
static void put_special(struct filler *f)
{
    uint32_t payload = 1 + (uint32_t)below(f, (1u << mantissa_bits(f)) - 1);
    uint32_t bits = inf_bits(f) | (below(f, 2) ? payload : 0);
    put_bits(f, bits | (below(f, 2) ? sign_bit(f) : 0));
}

static void fill_specials(struct filler *f)
{
    if (below(f, 4) == 0)
        put_special(f);
    else
        put(f, bell(f) * f->scale);
}

/* Long runs of Inf and NaN alone: blocks without a finite element. */
static void fill_all_special(struct filler *f)
{
    if (f->i / 48 % 2 == 0)
        put_special(f);
    else
        put(f, bell(f));
}

/* All of one sign: which, by the number of elements. */
static void fill_zero(struct filler *f)
{
    put_bits(f, f->count % 2 ? 0 : sign_bit(f));
}

/* Scales become subnormal or 0. */
static void fill_tiny(struct filler *f)
{
    put(f, bell(f) * (f->oracle->dtype == DTYPE_f16 ? 0x1p-22 : 1e-37));
}

/* Near the largest finite value: sums of squares overflow f32. */
static void fill_huge(struct filler *f)
{
    put(f, bell(f) * (f->oracle->dtype == DTYPE_f16 ? 32000.0 : 1.6e38));
}

/* One element is so large that all others round to 0 in its block. */
static void fill_outlier(struct filler *f)
{
    put(f, f->i == f->count * 2 / 3 ? (f->oracle->dtype == DTYPE_f16 ? 65000.0 : 1e38) : bell(f) * f->scale);
}

static void fill_bits(struct filler *f)
{
    put_bits(f, (uint32_t)next_random(f->seed));
}

/* Ranges that do not have 0 inside: asymmetric schemes move it in. */
static void fill_positive(struct filler *f)
{
    put(f, (1 + uniform(f)) * f->scale);
}

static void fill_negative(struct filler *f)
{
    put(f, -(1 + uniform(f)) * f->scale);
}

/* Blocks whose range is empty but for 0. */
static void fill_constant(struct filler *f)
{
    put(f, f->count % 2 ? -0.7 : 3.3);
}

/* scale and odd are drawn once a tensor: all of its elements share them. */
void fill_tensor(enum fill fill, const struct oracle *oracle, uint64_t *seed, void *x)
{
    static void (*const functions[FILL_COUNT])(struct filler *) = {
#define FILL(name) fill_##name,
        FILLS
#undef FILL
    };
    struct filler filler = {.oracle = oracle, .seed = seed, .x = x, .count = oracle->storage.elements};
    filler.scale = ldexp(1, (int)below(&filler, 17) - 8);
    filler.odd = (1 + uniform(&filler)) * filler.scale;
    for (filler.i = 0; filler.i < filler.count; filler.i++)
        functions[fill](&filler);
}
