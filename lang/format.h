/* Number formats: what a code of n bits stands for. formats.def has the rows and their meaning. */
#ifndef QUERN_LANG_FORMAT_H
#define QUERN_LANG_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype {
#define DTYPE(name, word, file_name, bits) DTYPE_##name,
#include "lang/dtypes.def"
#undef DTYPE
    DTYPE_COUNT
};

struct dtype_row {
    const char *word, *file_name;
    unsigned bits;
};
extern const struct dtype_row dtype_rows[DTYPE_COUNT];
int dtype_find_word(const char *word);      /* enum dtype or -1 */
int dtype_find_file_name(const char *name); /* enum dtype or -1 */

enum format_kind { FORMAT_KIND_INT, FORMAT_KIND_FLOAT, FORMAT_KIND_CODEBOOK };
enum specials { SPECIALS_NONE, SPECIALS_IEEE, SPECIALS_FN, SPECIALS_FNUZ, SPECIALS_E8M0 };

/* One format. A user's `format NAME = …` fills one of its own; built-in ones are in formats[]. */
struct format {
    const char *name;
    enum format_kind kind;
    unsigned bits;               /* of one code, 1..16 (f32: 32, as a scale only) */
    bool is_signed;              /* ints and floats */
    int e, m, bias;              /* floats */
    enum specials specials;      /* floats */
    const float *values;         /* codebooks: ascending, borrowed */
    unsigned count;              /* codebooks */
    enum dtype dtype;            /* floats: how a file stores one code when it has a type for it, else u8 */
};
extern const struct format formats[];
extern const size_t format_count;

const struct format *format_find(const char *name); /* a built-in one, or NULL */
/* ints: [qmin, qmax] without `narrow`. */
int32_t format_qmin(const struct format *format);
int32_t format_qmax(const struct format *format);
/* floats: the largest finite value, and floor(log2) of it (OCP's emax). */
double format_max(const struct format *format);
int format_emax(const struct format *format);
bool format_same(const struct format *a, const struct format *b); /* the same numbers under whatever name */

#endif
