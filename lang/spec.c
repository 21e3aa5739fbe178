/* Spec: words, defaults and the canonical text. In: the tables of attributes.def and presets.def, a struct spec. Out: its text, the
 * same for equal specs and only for them: it is the key of kernels, dumps and reports. What is the default is left out, and every
 * default depends on what is printed before it, so that reading the text gives the same spec. */
#include "lang/spec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the words of attributes.def, one table a set ---- */

#define SCHEME(name, word, asymmetric) word,
const char *const scheme_words[] = {
#include "lang/attributes.def"
};
#define GRANULARITY(name, word) word,
const char *const granularity_words[] = {
#include "lang/attributes.def"
};
#define POW2(name, word) word,
const char *const pow2_words[] = {
#include "lang/attributes.def"
};
#define ZERO(name, word) word,
const char *const zero_words[] = {
#include "lang/attributes.def"
};
#define FORMULA(name, word) word,
const char *const formula_words[] = {
#include "lang/attributes.def"
};
#define RANGE(name, word) word,
const char *const range_words[] = {
#include "lang/attributes.def"
};
#define ROUNDING(name, word) word,
const char *const rounding_words[] = {
#include "lang/attributes.def"
};
#define OVERFLOW_MODE(name, word) word,
const char *const overflow_mode_words[] = {
#include "lang/attributes.def"
};
#define LAYOUT(name, word) word,
const char *const layout_words[] = {
#include "lang/attributes.def"
};
#define TIMING(name, word) word,
const char *const timing_words[] = {
#include "lang/attributes.def"
};

#define KIND_integer true
#define KIND_real false
#define RANGE_ARGUMENT(range, name, kind, required, minimum, maximum, fallback, words) \
    {RANGE_##range, #name, KIND_##kind, required, minimum, maximum, fallback, words},
const struct range_argument range_arguments[] = {
#include "lang/attributes.def"
};
const size_t range_argument_count = sizeof range_arguments / sizeof *range_arguments;

const struct preset presets[] = {
#define PRESET(word, text) {word, text},
#define SYSTEM_PRESET(word) {word, NULL},
#include "lang/presets.def"
#undef PRESET
};
const size_t preset_count = sizeof presets / sizeof *presets;

const struct preset *preset_find(const char *word)
{
    for (size_t i = 0; i < preset_count; i++)
        if (!strcmp(presets[i].word, word))
            return &presets[i];
    return NULL;
}

/* ---- defaults ---- */

bool format_is_plain(const struct format *f)
{
    return f->kind == FORMAT_KIND_FLOAT && (f->dtype == DTYPE_bf16 || f->dtype == DTYPE_f16 || f->dtype == DTYPE_f32);
}

/* An asymmetric scheme has a zero point. */
enum zero spec_default_zero(const struct spec *spec)
{
    return spec_is_asymmetric(spec) ? ZERO_int : ZERO_none;
}

/* Plain floats overflow to Inf as a cast does; codes saturate. */
enum overflow_mode spec_default_overflow(const struct spec *spec)
{
    return format_is_plain(spec->format) ? OVERFLOW_MODE_inf : OVERFLOW_MODE_saturate;
}

/* per tensor, symmetric, minmax, round to even, lsb: the enums' first members. */
struct spec spec_default(const struct format *format)
{
    struct spec spec = {.format = format, .axis = -1};
    if (!format_is_plain(format))
        spec.scale = format_find("f32");
    spec.zero = spec_default_zero(&spec);
    spec.overflow = spec_default_overflow(&spec);
    return spec;
}

/* narrow: [-qmax, qmax], so that negation stays inside. */
void spec_code_range(const struct spec *spec, int32_t *qmin, int32_t *qmax)
{
    *qmax = format_qmax(spec->format);
    *qmin = spec->scheme == SCHEME_narrow ? -*qmax : format_qmin(spec->format);
}

/* ---- canonical text ---- */

/* Below 1e15 every integer is exact and prints without an exponent; -0 is 0. */
void text_number(struct text *out, double value)
{
    if (value == trunc(value) && fabs(value) < 1e15)
        text_printf(out, "%.0f", value == 0 ? 0.0 : value);
    else
        text_double(out, value);
}

/* The usual bias is left out: 2^(e-1) - 1. */
static void print_float_format(struct text *out, const struct format *f)
{
    int usual = f->e ? (1 << (f->e - 1)) - 1 : 0;
    text_printf(out, "float(e = %d, m = %d", f->e, f->m);
    if (f->bias != usual)
        text_printf(out, ", bias = %d", f->bias);
    if (f->specials == SPECIALS_IEEE)
        text_add(out, ", inf = true");
    if (f->specials == SPECIALS_IEEE || f->specials == SPECIALS_FN)
        text_add(out, ", nan = true");
    text_add(out, f->is_signed ? ")" : ", unsigned)");
}

/* Nine digits always tell two 32-bit floats apart. */
void text_float(struct text *out, float value)
{
    char buffer[40];
    double shortest = value;
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(buffer, sizeof buffer, "%.*g", digits, (double)value);
        shortest = strtod(buffer, NULL);
        if ((float)shortest == value)
            break;
    }
    text_number(out, shortest);
}

static void print_codebook(struct text *out, const struct format *f)
{
    text_add(out, "codebook(");
    for (unsigned i = 0; i < f->count; i++) {
        text_add(out, i ? ", " : "");
        text_float(out, f->values[i]);
    }
    text_char(out, ')');
}

void format_print(struct text *out, const struct format *f)
{
    const struct format *builtin = f->name ? format_find(f->name) : NULL;
    if (builtin && format_same(builtin, f)) {
        text_add(out, f->name);
        return;
    }
    switch (f->kind) {
    case FORMAT_KIND_INT:
        text_printf(out, "%s(%u)", f->is_signed ? "int" : "uint", f->bits);
        break;
    case FORMAT_KIND_FLOAT:
        print_float_format(out, f);
        break;
    case FORMAT_KIND_CODEBOOK:
        print_codebook(out, f);
        break;
    }
}

void spec_print_scheme(struct text *out, const struct spec *s)
{
    text_add(out, spec_is_asymmetric(s) ? "asymmetric" : "symmetric");
    if (*scheme_words[s->scheme])
        text_printf(out, " %s", scheme_words[s->scheme]);
}

void spec_print_granularity(struct text *out, const struct spec *s)
{
    text_printf(out, "per %s", granularity_words[s->granularity]);
    switch (s->granularity) {
    case GRANULARITY_tensor:
    case GRANULARITY_token:
        break;
    case GRANULARITY_channel:
        text_printf(out, "(%d)", s->axis);
        break;
    case GRANULARITY_group:
        text_printf(out, s->axis == -1 ? "(%lld)" : "(%lld, %d)", (long long)s->group, s->axis);
        break;
    case GRANULARITY_block:
        for (unsigned i = 0; i < s->block_rank; i++)
            text_printf(out, "%s%lld", i ? ", " : "(", (long long)s->block[i]);
        text_char(out, ')');
        break;
    }
}

void spec_print_scale(struct text *out, const struct spec *s)
{
    text_add(out, "scale ");
    format_print(out, s->scale);
    if (s->pow2 != POW2_none)
        text_printf(out, " pow2 %s", pow2_words[s->pow2]);
    if (s->scale_rounded_last)
        text_add(out, " rounded last");
    if (s->second) {
        text_add(out, " second ");
        format_print(out, s->second);
    }
    if (s->super)
        text_printf(out, " super(%lld)", (long long)s->super);
}

/* The index-th of space separated words. */
static void print_word(struct text *out, const char *words, int index)
{
    while (index-- && strchr(words, ' '))
        words = strchr(words, ' ') + 1;
    text_add_bytes(out, words, strcspn(words, " "));
}

/* `range NAME`, and the arguments that are not the default, by name. */
void spec_print_range(struct text *out, const struct spec *s)
{
    unsigned index = 0, written = 0;
    text_printf(out, "range %s", range_words[s->range]);
    for (size_t i = 0; i < range_argument_count; i++) {
        const struct range_argument *a = &range_arguments[i];
        if (a->range != s->range || index >= s->range_arg_count)
            continue;
        double value = s->range_args[index++];
        if (value == a->fallback && !a->required)
            continue;
        text_printf(out, "%s%s = ", written++ ? ", " : "(", a->name);
        if (a->words)
            print_word(out, a->words, (int)value);
        else
            text_number(out, value);
    }
    text_add(out, written ? ")" : "");
}

void spec_print_bounds(struct text *out, const struct spec *s)
{
    text_add(out, "static(");
    if (s->has_low)
        text_number(out, s->low);
    text_add(out, s->has_low ? ", " : "none, ");
    if (s->has_high)
        text_number(out, s->high);
    text_add(out, s->has_high ? ")" : "none)");
}

void spec_print_rounding(struct text *out, const struct spec *s)
{
    text_printf(out, "round %s", rounding_words[s->rounding]);
    if (s->rounding == ROUNDING_stochastic)
        text_printf(out, "(%llu)", (unsigned long long)s->seed);
}

void spec_print_overflow(struct text *out, const struct spec *s)
{
    text_printf(out, s->overflow == OVERFLOW_MODE_saturate ? "%s" : "overflow %s", overflow_mode_words[s->overflow]);
}

/* A blank and the attribute. */
static void print_next(struct text *out, void (*print)(struct text *, const struct spec *), const struct spec *s)
{
    text_char(out, ' ');
    print(out, s);
}

/* Zero point, formula, range, rounding and overflow, where they are not the default. */
static void print_values(struct text *out, const struct spec *s)
{
    if (s->zero != spec_default_zero(s))
        text_printf(out, " zero %s", zero_words[s->zero]);
    if (s->formula != FORMULA_divide)
        text_printf(out, " formula %s", formula_words[s->formula]);
    if (s->range != RANGE_minmax)
        print_next(out, spec_print_range, s);
    if (s->has_low || s->has_high)
        print_next(out, spec_print_bounds, s);
    if (s->rounding != ROUNDING_even)
        print_next(out, spec_print_rounding, s);
    if (s->overflow != spec_default_overflow(s))
        print_next(out, spec_print_overflow, s);
}

/* Codes of ints and codebooks have a scheme that is always said; floats say theirs only when it is not symmetric. */
void spec_print(struct text *out, const struct spec *s)
{
    format_print(out, s->format);
    if (s->format->kind != FORMAT_KIND_FLOAT || s->scheme != SCHEME_symmetric)
        print_next(out, spec_print_scheme, s);
    if (s->scale) {
        print_next(out, spec_print_granularity, s);
        print_next(out, spec_print_scale, s);
    }
    print_values(out, s);
    if (s->compute_input)
        text_add(out, " compute input");
    if (s->timing != TIMING_default)
        text_printf(out, " %s", timing_words[s->timing]);
    if (s->layout != LAYOUT_lsb)
        text_printf(out, " pack %s", layout_words[s->layout]);
    if (s->ragged_pad)
        text_add(out, " ragged pad");
    if (s->has_eps) {
        text_add(out, " eps ");
        text_number(out, s->eps);
    }
}

/* ---- equality ---- */

static bool same_optional_format(const struct format *a, const struct format *b)
{
    return a == b || (a && b && format_same(a, b));
}

static bool same_granularity(const struct spec *a, const struct spec *b)
{
    if (a->granularity != b->granularity)
        return false;
    switch (a->granularity) {
    case GRANULARITY_tensor:
    case GRANULARITY_token:
        return true;
    case GRANULARITY_channel:
        return a->axis == b->axis;
    case GRANULARITY_group:
        return a->axis == b->axis && a->group == b->group;
    case GRANULARITY_block:
        return a->block_rank == b->block_rank && !memcmp(a->block, b->block, a->block_rank * sizeof *a->block);
    }
    return false;
}

static bool same_scale(const struct spec *a, const struct spec *b)
{
    return same_optional_format(a->scale, b->scale) && same_optional_format(a->second, b->second) && a->pow2 == b->pow2 &&
           a->scale_rounded_last == b->scale_rounded_last && a->super == b->super;
}

static bool same_range(const struct spec *a, const struct spec *b)
{
    if (a->range != b->range || a->range_arg_count != b->range_arg_count || a->has_low != b->has_low ||
        a->has_high != b->has_high || (a->has_low && a->low != b->low) || (a->has_high && a->high != b->high))
        return false;
    for (unsigned i = 0; i < a->range_arg_count; i++)
        if (a->range_args[i] != b->range_args[i])
            return false;
    return true;
}

/* As the texts, without making them. */
bool spec_same(const struct spec *a, const struct spec *b)
{
    return format_same(a->format, b->format) && a->scheme == b->scheme && same_granularity(a, b) && same_scale(a, b) &&
           a->zero == b->zero && a->formula == b->formula && same_range(a, b) && a->rounding == b->rounding &&
           (a->rounding != ROUNDING_stochastic || a->seed == b->seed) && a->overflow == b->overflow &&
           a->compute_input == b->compute_input && a->timing == b->timing && a->layout == b->layout &&
           a->ragged_pad == b->ragged_pad && a->has_eps == b->has_eps && (!a->has_eps || a->eps == b->eps);
}
