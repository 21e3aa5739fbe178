/* Spec: how one tensor is quantized; one value of each attribute of attributes.def. */
#ifndef QUERN_LANG_SPEC_H
#define QUERN_LANG_SPEC_H

#include "lang/format.h"
#include "lang/text.h"

enum scheme {
#define SCHEME(name, word, asymmetric) SCHEME_##name,
#include "lang/attributes.def"
};
enum granularity {
#define GRANULARITY(name, word) GRANULARITY_##name,
#include "lang/attributes.def"
};
enum pow2 {
#define POW2(name, word) POW2_##name,
#include "lang/attributes.def"
};
enum zero {
#define ZERO(name, word) ZERO_##name,
#include "lang/attributes.def"
};
enum formula {
#define FORMULA(name, word) FORMULA_##name,
#include "lang/attributes.def"
};
enum range {
#define RANGE(name, word) RANGE_##name,
#include "lang/attributes.def"
};
enum rounding {
#define ROUNDING(name, word) ROUNDING_##name,
#include "lang/attributes.def"
};
enum overflow_mode {
#define OVERFLOW_MODE(name, word) OVERFLOW_MODE_##name,
#include "lang/attributes.def"
};
enum layout {
#define LAYOUT(name, word) LAYOUT_##name,
#include "lang/attributes.def"
};
enum timing {
#define TIMING(name, word) TIMING_##name,
#include "lang/attributes.def"
};
/* How many each has; apart, so that a switch over an enum names its members alone. */
enum {
    SCHEME_COUNT = 0
#define SCHEME(name, word, asymmetric) +1
#include "lang/attributes.def"
    ,
    GRANULARITY_COUNT = 0
#define GRANULARITY(name, word) +1
#include "lang/attributes.def"
    ,
    POW2_COUNT = 0
#define POW2(name, word) +1
#include "lang/attributes.def"
    ,
    ZERO_COUNT = 0
#define ZERO(name, word) +1
#include "lang/attributes.def"
    ,
    FORMULA_COUNT = 0
#define FORMULA(name, word) +1
#include "lang/attributes.def"
    ,
    RANGE_COUNT = 0
#define RANGE(name, word) +1
#include "lang/attributes.def"
    ,
    ROUNDING_COUNT = 0
#define ROUNDING(name, word) +1
#include "lang/attributes.def"
    ,
    OVERFLOW_MODE_COUNT = 0
#define OVERFLOW_MODE(name, word) +1
#include "lang/attributes.def"
    ,
    LAYOUT_COUNT = 0
#define LAYOUT(name, word) +1
#include "lang/attributes.def"
    ,
    TIMING_COUNT = 0
#define TIMING(name, word) +1
#include "lang/attributes.def"
    ,
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

/* The words of attributes.def, indexed by the enums above. */
extern const char *const scheme_words[SCHEME_COUNT]; /* what follows `symmetric` or `asymmetric` */
extern const char *const granularity_words[GRANULARITY_COUNT];
extern const char *const pow2_words[POW2_COUNT];
extern const char *const zero_words[ZERO_COUNT];
extern const char *const formula_words[FORMULA_COUNT];
extern const char *const range_words[RANGE_COUNT];
extern const char *const rounding_words[ROUNDING_COUNT];
extern const char *const overflow_mode_words[OVERFLOW_MODE_COUNT];
extern const char *const layout_words[LAYOUT_COUNT];
extern const char *const timing_words[TIMING_COUNT];

/* One argument of `range NAME(…)`: minimum and maximum are both allowed; words: the names of 0, 1, … (NULL: a number). */
struct range_argument {
    enum range range;
    const char *name;
    bool integer, required;
    double minimum, maximum, fallback;
    const char *words;
};
extern const struct range_argument range_arguments[];
extern const size_t range_argument_count;

/* The rows of presets.def: specs by name. */
struct preset {
    const char *word, *text; /* text NULL: another system's, known by name */
};
extern const struct preset presets[];
extern const size_t preset_count;
const struct preset *preset_find(const char *word); /* or NULL */

/* bf16, f16, f32: stored as they are, without a scale. */
bool format_is_plain(const struct format *format);
/* The name of a format in canonical texts: a built-in one's own, else the definition (`float(e = 3, m = 4)`). */
void format_print(struct text *out, const struct format *format);
/* A number as the language writes it: integers without a point, else the shortest decimal that reads back. */
void text_number(struct text *out, double value);
void text_float(struct text *out, float value); /* the shortest that reads back as a 32-bit float */

/* What a format alone means when nothing else is said (docs/language.md's defaults). */
struct spec spec_default(const struct format *format);
/* Gives zero and overflow the default that goes with the format and scheme. */
enum zero spec_default_zero(const struct spec *spec);
enum overflow_mode spec_default_overflow(const struct spec *spec);

/* The canonical text: FORMAT [scheme] [granularity] [scale] and then what is not the default, in the order of
 * docs/language.md. The scheme is left out for floats, everything but the format for bf16 and f16; a user format is
 * spelled out. Equal specs have equal texts; it is the key of kernels, caches, dumps and reports.
 * `quern` reads it back as a spec expression. */
void spec_print(struct text *out, const struct spec *spec);
/* One attribute as spec_print writes it, whether it is the default or not. */
void spec_print_scheme(struct text *out, const struct spec *spec);
void spec_print_granularity(struct text *out, const struct spec *spec);
void spec_print_scale(struct text *out, const struct spec *spec);
void spec_print_range(struct text *out, const struct spec *spec);
void spec_print_bounds(struct text *out, const struct spec *spec);
void spec_print_rounding(struct text *out, const struct spec *spec);
void spec_print_overflow(struct text *out, const struct spec *spec);
bool spec_same(const struct spec *a, const struct spec *b);
static inline bool spec_is_asymmetric(const struct spec *spec)
{
    return spec->scheme >= SCHEME_asymmetric;
}
/* The integer range of the codes: [qmin, qmax] of the format, qmin = -qmax when narrow. */
void spec_code_range(const struct spec *spec, int32_t *qmin, int32_t *qmax);

#endif
