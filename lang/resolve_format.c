/* Format definitions: int(n), uint(n), float(e =, m =, …), codebook(v, …). docs/language.md.
 * A definition that has a built-in format's numbers is that format, so equal specs have equal texts. */
#include "lang/resolve.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A code has at most 16 bits: e is bf16's 8 at most, m f16's 10. A codebook's codes fit a byte. */
enum { INT_BITS_MAX = 16, FLOAT_E_MAX = 8, FLOAT_M_MAX = 10, CODE_BITS_MAX = 16, CODEBOOK_MAX = 256, BIAS_MIN = -127, BIAS_MAX = 255 };

/* Reports at span; the definition is faulty. */
static bool refuse(struct resolver *r, struct span span, const char *text)
{
    diag_report(r->diags, DIAG_bad_format, span, "%s", text);
    return false;
}

static bool is_int_in(const struct ast_value *v, int64_t low, int64_t high)
{
    return v->kind == AST_VALUE_NUMBER && v->number.is_integer && v->number.integer >= low && v->number.integer <= high;
}

static bool define_int(struct resolver *r, const struct ast_format *def, struct span span, struct format *f)
{
    const struct ast_argument *a = def->arguments;
    if (!a || a->next || a->key.text || !is_int_in(&a->value, 1, INT_BITS_MAX))
        return refuse(r, a ? a->value.span : span, "an integer format has 1 to 16 bits: `int(5)`");
    f->bits = (unsigned)a->value.number.integer;
    f->is_signed = def->is_signed;
    return true;
}

/* ---- floats ---- */

struct float_definition {
    bool has_e, has_m, has_bias, inf, nan;
    int e, m, bias;
};

/* `inf`, `nan`, `unsigned` alone, or the name of what a key gives. inf and nan are numbers to the lexer. */
static const char *argument_name(const struct ast_argument *a)
{
    if (a->key.text)
        return a->key.text;
    if (a->value.kind == AST_VALUE_NUMBER && !a->value.number.is_integer)
        return isnan(a->value.number.value) ? "nan" : a->value.number.value == HUGE_VAL ? "inf" : "";
    return a->value.kind == AST_VALUE_WORD ? a->value.string.bytes : "";
}

static bool read_int(struct resolver *r, const struct ast_argument *a, int low, int high, bool *has, int *value)
{
    if (!a->key.text || !is_int_in(&a->value, low, high))
        return refuse(r, a->value.span, arena_printf(r->arena, "`%s` of a float format is a number from %d to %d", argument_name(a), low, high));
    *has = true;
    *value = (int)a->value.number.integer;
    return true;
}

/* `inf`, `inf = true`, `inf = false` */
static bool read_flag(struct resolver *r, const struct ast_argument *a, bool *flag)
{
    const struct ast_value *v = &a->value;
    *flag = !a->key.text || (v->kind == AST_VALUE_WORD && !strcmp(v->string.bytes, "true"));
    if (*flag || (v->kind == AST_VALUE_WORD && !strcmp(v->string.bytes, "false")))
        return true;
    return refuse(r, v->span, arena_printf(r->arena, "`%s` of a float format is true or false", a->key.text));
}

static bool read_float_argument(struct resolver *r, const struct ast_argument *a, struct float_definition *d, struct format *f)
{
    const char *name = argument_name(a);
    bool is_unsigned;
    if (!strcmp(name, "e"))
        return read_int(r, a, 0, FLOAT_E_MAX, &d->has_e, &d->e);
    if (!strcmp(name, "m"))
        return read_int(r, a, 0, FLOAT_M_MAX, &d->has_m, &d->m);
    if (!strcmp(name, "bias"))
        return read_int(r, a, BIAS_MIN, BIAS_MAX, &d->has_bias, &d->bias);
    if (!strcmp(name, "inf"))
        return read_flag(r, a, &d->inf);
    if (!strcmp(name, "nan"))
        return read_flag(r, a, &d->nan);
    if (strcmp(name, "unsigned"))
        return refuse(r, a->key.text ? a->key.span : a->value.span, "a float format takes `e`, `m`, `bias`, `inf`, `nan` and `unsigned`");
    if (!read_flag(r, a, &is_unsigned))
        return false;
    f->is_signed = !is_unsigned;
    return true;
}

static const char *float_fault(const struct float_definition *d, const struct format *f)
{
    if (!d->has_e || !d->has_m)
        return "a float format needs both `e` and `m`: `float(e = 4, m = 3)`";
    if (f->bits < 1 || f->bits > CODE_BITS_MAX)
        return "a float format has 1 to 16 bits, its sign included";
    if (d->inf && (!d->e || !d->m))
        return "`inf` takes the top exponent for itself: it needs `e` and `m` of at least 1";
    return format_max(f) > 0 ? NULL : "this float format has no number but zero";
}

/* Without a bias it is 2^(e-1) - 1. `inf` means IEEE's top exponent, Inf and NaN; `nan` alone the one NaN of e4m3fn. */
static bool define_float(struct resolver *r, const struct ast_format *def, struct span span, struct format *f)
{
    struct float_definition d = {0};
    f->is_signed = def->is_signed;
    for (const struct ast_argument *a = def->arguments; a; a = a->next)
        if (!read_float_argument(r, a, &d, f))
            return false;
    f->bits = (unsigned)(d.e + d.m + f->is_signed);
    f->e = d.e;
    f->m = d.m;
    f->bias = d.has_bias ? d.bias : d.e ? (1 << (d.e - 1)) - 1 : 0;
    f->specials = d.inf ? SPECIALS_IEEE : d.nan ? SPECIALS_FN : SPECIALS_NONE;
    const char *fault = float_fault(&d, f);
    return fault ? refuse(r, span, fault) : true;
}

/* ---- codebooks ---- */

static int compare_values(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static bool read_value(struct resolver *r, const struct ast_argument *a, float *value)
{
    if (a->key.text || a->value.kind != AST_VALUE_NUMBER)
        return refuse(r, a->key.text ? a->key.span : a->value.span, "a codebook holds numbers");
    double x = a->value.number.value;
    if (isnan(x) || fabs(x) > FLT_MAX)
        return refuse(r, a->value.span, "a codebook holds finite 32-bit numbers");
    *value = (float)x + 0.0f; /* -0 and 0 are one value */
    return true;
}

static bool refuse_twice(struct resolver *r, struct span span, float value)
{
    struct text text = text_make(r->arena);
    text_float(&text, value);
    text_add(&text, " stands twice in the codebook");
    return refuse(r, span, text_string(&text));
}

/* Values are sorted: a code is a value's place in ascending order. bits: the least that number them. */
static bool define_codebook(struct resolver *r, const struct ast_format *def, struct span span, struct format *f)
{
    float *values = ARENA_ARRAY(r->arena, CODEBOOK_MAX, float);
    for (const struct ast_argument *a = def->arguments; a; a = a->next) {
        if (f->count == CODEBOOK_MAX)
            return refuse(r, a->value.span, "a codebook holds at most 256 values");
        if (!read_value(r, a, &values[f->count++]))
            return false;
    }
    if (f->count < 2)
        return refuse(r, span, "a codebook holds at least two values");
    qsort(values, f->count, sizeof *values, compare_values);
    for (unsigned i = 1; i < f->count; i++)
        if (values[i] == values[i - 1])
            return refuse_twice(r, span, values[i]);
    f->values = values;
    f->is_signed = true;
    for (f->bits = 1; 1u << f->bits < f->count;)
        f->bits++;
    return true;
}

/* ---- both ---- */

static const struct format *find_same(const struct format *f)
{
    for (size_t i = 0; i < format_count; i++)
        if (format_same(&formats[i], f))
            return &formats[i];
    return NULL;
}

/* The name of a new one is its own definition, canonically written. */
const struct format *format_define(struct resolver *r, struct unit *unit, const struct ast_format *def, struct span span)
{
    if (def->alias.text)
        return format_of_name(r, unit, &def->alias);
    struct format *f = ARENA_NEW(r->arena, struct format);
    bool good = false;
    f->kind = def->kind;
    f->dtype = DTYPE_u8;
    switch (def->kind) {
    case FORMAT_KIND_INT:
        good = define_int(r, def, span, f);
        break;
    case FORMAT_KIND_FLOAT:
        good = define_float(r, def, span, f);
        break;
    case FORMAT_KIND_CODEBOOK:
        good = define_codebook(r, def, span, f);
        break;
    }
    if (!good)
        return NULL;
    const struct format *builtin = find_same(f);
    if (builtin)
        return builtin;
    struct text name = text_make(r->arena);
    format_print(&name, f);
    f->name = text_string(&name);
    return f;
}

const struct format *format_of_name(struct resolver *r, struct unit *unit, const struct ast_name *name)
{
    const struct format *builtin = format_find(name->text);
    struct symbol *symbol = unit ? unit_find(unit, SPACE_SPEC, name->text) : NULL;
    if (builtin)
        return builtin;
    if (symbol && symbol->decl->kind == AST_DECL_format) {
        resolve_spec_symbol(r, symbol, name->span);
        return symbol->chain ? symbol->chain->format : NULL;
    }
    if (symbol || preset_find(name->text))
        diag_report(r->diags, DIAG_wrong_kind, name->span, "`%s` is a %s; a format is expected here", name->text, symbol ? "spec" : "preset");
    else
        report_unknown(r, unit, SPACE_SPEC, name);
    return NULL;
}
