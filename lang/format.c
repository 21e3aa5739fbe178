/* Number formats: the tables and what follows from a row. In: formats.def and dtypes.def. Out: rows, and from a row its range and
 * largest value. Formats' sources: IEEE 754 (bf16's range is f32's), OCP 8-bit Floating Point (e4m3, e5m2), OCP Microscaling (e8m0,
 * e3m2, e2m3, e2m1), arXiv 2206.02915 (fnuz), QLoRA (nf4). See format.h. */
#include "lang/format.h"

#include <math.h>
#include <string.h>

const struct dtype_row dtype_rows[DTYPE_COUNT] = {
#define DTYPE(name, word, file_name, bits) {word, file_name, bits},
#include "lang/dtypes.def"
#undef DTYPE
};

int dtype_find_word(const char *word)
{
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (!strcmp(dtype_rows[i].word, word))
            return i;
    return -1;
}

int dtype_find_file_name(const char *name)
{
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (!strcmp(dtype_rows[i].file_name, name))
            return i;
    return -1;
}

#define FORMAT_INT(name, word, is_signed, bits)
#define FORMAT_FLOAT(name, word, e, m, bias, specials, dtype)
#define FORMAT_CODEBOOK(name, word, bits, count, ...) static const float values_##name[count] = {__VA_ARGS__};
#include "lang/formats.def"
#undef FORMAT_INT
#undef FORMAT_FLOAT
#undef FORMAT_CODEBOOK

#define FORMAT_INT(id, word, is_signed_, bits_) \
    {.name = word, .kind = FORMAT_KIND_INT, .bits = bits_, .is_signed = is_signed_, .dtype = DTYPE_u8},
#define FORMAT_FLOAT(id, word, e_, m_, bias_, specials_, dtype_)                                              \
    {.name = word, .kind = FORMAT_KIND_FLOAT, .bits = (SPECIALS_##specials_ != SPECIALS_E8M0) + (e_) + (m_),  \
     .is_signed = SPECIALS_##specials_ != SPECIALS_E8M0, .e = e_, .m = m_, .bias = bias_,                     \
     .specials = SPECIALS_##specials_, .dtype = DTYPE_##dtype_},
#define FORMAT_CODEBOOK(id, word, bits_, count_, ...) \
    {.name = word, .kind = FORMAT_KIND_CODEBOOK, .bits = bits_, .is_signed = true, .values = values_##id, \
     .count = count_, .dtype = DTYPE_u8},
const struct format formats[] = {
#include "lang/formats.def"
};
#undef FORMAT_INT
#undef FORMAT_FLOAT
#undef FORMAT_CODEBOOK
const size_t format_count = sizeof formats / sizeof *formats;

const struct format *format_find(const char *name)
{
    for (size_t i = 0; i < format_count; i++)
        if (!strcmp(formats[i].name, name))
            return &formats[i];
    return NULL;
}

int32_t format_qmin(const struct format *f)
{
    return f->is_signed ? -(int32_t)(1u << (f->bits - 1)) : 0;
}

/* A signed n-bit code has n - 1 bits of magnitude. */
int32_t format_qmax(const struct format *f)
{
    return (int32_t)(1u << (f->bits - f->is_signed)) - 1;
}

/* The largest finite code below the sign: all ones, less what the specials take away.
 * FN and E8M0 take the code of all ones for NaN, IEEE the whole top exponent; FNUZ has its NaN at -0 and NONE none at all. */
static unsigned largest_code(const struct format *f)
{
    unsigned ones = (1u << (f->e + f->m)) - 1;
    switch (f->specials) {
    case SPECIALS_NONE:
    case SPECIALS_FNUZ:
        return ones;
    case SPECIALS_FN:
    case SPECIALS_E8M0:
        return ones - 1;
    case SPECIALS_IEEE:
        return ones - (1u << f->m);
    }
    return 0;
}

/* value = 2^(E - bias) · (1 + M / 2^m), or 2^(1 - bias) · M / 2^m when E = 0 (E8M0 has no E = 0 case) */
double format_max(const struct format *f)
{
    if (f->kind == FORMAT_KIND_INT)
        return format_qmax(f);
    if (f->kind == FORMAT_KIND_CODEBOOK)
        return fmax(fabs((double)f->values[0]), fabs((double)f->values[f->count - 1]));
    unsigned code = largest_code(f), fraction = code & ((1u << f->m) - 1);
    int exponent = (int)(code >> f->m);
    if (exponent == 0 && f->specials != SPECIALS_E8M0)
        return ldexp(fraction, 1 - f->bias - f->m);
    return ldexp((double)((1u << f->m) + fraction), exponent - f->bias - f->m);
}

int format_emax(const struct format *f)
{
    return ilogb(format_max(f));
}

static bool same_values(const struct format *a, const struct format *b)
{
    return a->count == b->count && !memcmp(a->values, b->values, a->count * sizeof *a->values);
}

/* Names, and for ints and floats dtypes, do not count: they say how a code is called or stored. */
bool format_same(const struct format *a, const struct format *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind || a->bits != b->bits || a->is_signed != b->is_signed)
        return false;
    if (a->kind == FORMAT_KIND_CODEBOOK)
        return same_values(a, b);
    return a->kind == FORMAT_KIND_INT ||
           (a->e == b->e && a->m == b->m && a->bias == b->bias && a->specials == b->specials);
}
