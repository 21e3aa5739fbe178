/* Spec: how one tensor is quantized; one point of the space of numerics.md §1. */
#ifndef QUERN_LANG_SPEC_H
#define QUERN_LANG_SPEC_H

#include "lang/format.h"
#include "lang/text.h"

enum scheme {
#define SCHEME(name, word, asymmetric) SCHEME_##name,
#include "lang/attributes.def"
    SCHEME_COUNT
};
enum granularity {
#define GRANULARITY(name, word) GRANULARITY_##name,
#include "lang/attributes.def"
    GRANULARITY_COUNT
};
enum pow2 {
#define POW2(name, word) POW2_##name,
#include "lang/attributes.def"
    POW2_COUNT
};
enum zero {
#define ZERO(name, word) ZERO_##name,
#include "lang/attributes.def"
    ZERO_COUNT
};
enum formula {
#define FORMULA(name, word) FORMULA_##name,
#include "lang/attributes.def"
    FORMULA_COUNT
};
enum range {
#define RANGE(name, word) RANGE_##name,
#include "lang/attributes.def"
    RANGE_COUNT
};
enum rounding {
#define ROUNDING(name, word) ROUNDING_##name,
#include "lang/attributes.def"
    ROUNDING_COUNT
};
enum overflow_mode {
#define OVERFLOW_MODE(name, word) OVERFLOW_MODE_##name,
#include "lang/attributes.def"
    OVERFLOW_MODE_COUNT
};
enum layout {
#define LAYOUT(name, word) LAYOUT_##name,
#include "lang/attributes.def"
    LAYOUT_COUNT
};
enum timing {
#define TIMING(name, word) TIMING_##name,
#include "lang/attributes.def"
    TIMING_COUNT
};

enum { SPEC_BLOCK_DIMS_MAX = 8, SPEC_RANGE_ARGS_MAX = 4 };

/* A resolved spec: every field has its value, defaults included. Formats are borrowed from formats[] or
 * from the recipe's arena and live as long as the recipe. */
struct spec {
    const struct format *format;
    enum scheme scheme;           /* floats and codebooks: symmetric */
    enum granularity granularity;
    int axis;                     /* channel, group: may be negative (from the end); group's default -1 */
    int64_t group;                /* group: elements, >= 1 */
    unsigned block_rank;          /* block */
    int64_t block[SPEC_BLOCK_DIMS_MAX]; /* -1: the whole dimension */
    const struct format *scale;   /* NULL: no scale (bf16, f16) */
    enum pow2 pow2;
    bool scale_rounded_last;      /* `scale … rounded last` */
    const struct format *second;  /* second-level scale's format (f32 for nvfp4, f16 for K-quants), or NULL */
    int64_t super;                /* blocks under one second-level scale; 0: the whole tensor */
    enum zero zero;
    enum formula formula;
    enum range range;
    unsigned range_arg_count;
    double range_args[SPEC_RANGE_ARGS_MAX];
    bool has_low, has_high;       /* static(lo, hi): which ends are given */
    double low, high;
    enum rounding rounding;
    uint64_t seed;                /* stochastic */
    enum overflow_mode overflow;
    bool compute_input;           /* compute input */
    enum timing timing;
    enum layout layout;
    bool ragged_pad;              /* ragged pad */
    bool has_eps;
    double eps;
};

/* The canonical text: attributes in the order of language.md §2.3, defaults that say nothing left out, a user
 * format spelled out. Equal specs have equal texts; it is the key of kernels, caches, dumps and reports.
 * `quern` reads it back as a spec expression. */
void spec_print(struct text *out, const struct spec *spec);
bool spec_same(const struct spec *a, const struct spec *b);
static inline bool spec_is_asymmetric(const struct spec *spec)
{
    return spec->scheme >= SCHEME_asymmetric;
}
/* The integer range of the codes: [qmin, qmax] of the format, qmin = -qmax when narrow. */
void spec_code_range(const struct spec *spec, int32_t *qmin, int32_t *qmax);
const char *spec_layout_word(enum layout layout);

#endif
