/* Elements: statistics, quantize, dequantize, error. In: a spec. Out: regions of kernel IR, formula ops and machine ops mixed,
 * for any schedule. All in IEEE f32, round to nearest even, true division; 16-bit x is widened exactly. The letters:
 * x element, A lo hi statistics, s scale, z zero point, q = x / s, c clamped, k code, y dequantized.
 *   ints    k = clamp(rne(x / s) + z, qmin, qmax),  y = (k - z) · s
 *   floats  k = RNE of clamp(x / s, -fmax, fmax), y = value(k) · s; mx (OCP Microscaling Formats 1.0): x · 2^-E and value · 2^E
 *   bf16, f16 without a scale: RNE, overflow to Inf
 * NaN gives the format's NaN code or, where it has none, the code of 0; ±Inf the largest code of its sign.
 * A block's scale is in formula_scale.c; the oracle of the tests has the same formulas in plain C. */
#include "codegen/kernel/formula.h"

#include <float.h>
#include <math.h>

bool formula_is_float(const struct format *format)
{
    return format->kind == FORMAT_KIND_FLOAT && format->specials != SPECIALS_E8M0 && format->bits <= 16;
}

/* bf16, f16: no scale */
static bool is_plain(const struct spec *spec)
{
    return spec->scale == NULL;
}

bool formula_is_mx(const struct spec *spec)
{
    return spec->scale && spec->scale->kind == FORMAT_KIND_FLOAT && spec->scale->specials == SPECIALS_E8M0;
}

/* compressed-tensors stores a signed code plus 2^(n-1). */
int32_t formula_offset(const struct spec *spec)
{
    bool is_signed_int = spec->format->kind == FORMAT_KIND_INT && spec->format->is_signed;
    return spec->layout == LAYOUT_i32 && is_signed_int ? 1 << (spec->format->bits - 1) : 0;
}

static void open_region(struct formula_builder *f, enum ir_region_kind kind)
{
    f->b.region = ir_region(f->b.ir, kind);
}

/* b: encode's sign operand; ir_none for decode. */
struct ir_operand formula_cast(struct formula_builder *f, enum ir_op op, const char *name, const struct format *format,
                               struct ir_operand a, struct ir_operand b)
{
    struct ir_value *value = ir_put(&f->b, op, name, a, b, ir_none);
    value->format = format;
    return ir_of(value);
}

static const struct format *dtype_format(enum dtype dtype)
{
    return format_find(dtype == DTYPE_bf16 ? "bf16" : "f16");
}

static struct ir_operand load_x(struct formula_builder *f)
{
    enum dtype dtype = f->b.ir->x;
    struct ir_operand x = ir_of(ir_load(&f->b, IR_BUFFER_x, dtype == DTYPE_f32 ? "x" : "h"));
    return dtype == DTYPE_f32 ? x : formula_cast(f, IR_decode, "x", dtype_format(dtype), x, ir_none);
}

/* RNE to a 16-bit float, overflow to Inf. */
static struct ir_operand encode_plain(struct formula_builder *f, const struct format *format, struct ir_operand y)
{
    return formula_cast(f, IR_encode, "k", format, y, y);
}

static void store_x(struct formula_builder *f, struct ir_operand y)
{
    enum dtype dtype = f->b.ir->x;
    ir_store(&f->b, IR_BUFFER_x, dtype == DTYPE_f32 ? y : encode_plain(f, dtype_format(dtype), y));
}

/* A = max |x|, or lo and hi with 0 among them, over the finite elements. */
static void add_statistics(struct formula_builder *f, bool asymmetric)
{
    open_region(f, IR_EACH);
    struct ir_operand x = load_x(f);
    if (asymmetric) {
        struct ir_operand is_finite = formula_one(f, IR_finite, "finite", x);
        struct ir_operand v = formula_put(f, IR_select, "v", is_finite, x, ir_float(0));
        f->lo = formula_one(f, IR_reduce_min, "lo", v);
        f->hi = formula_one(f, IR_reduce_max, "hi", v);
        return;
    }
    struct ir_operand a = formula_one(f, IR_abs, "a", x), is_finite = formula_one(f, IR_finite, "finite", x);
    struct ir_operand v = formula_put(f, IR_select, "v", is_finite, a, ir_float(0));
    f->A = formula_one(f, IR_reduce_max, "A", v);
}

/* amax is a running maximum over blocks: 0 at the start, so that a tensor without finite elements gives 0. */
void formula_observe(struct formula_builder *f)
{
    open_region(f, IR_START);
    ir_store(&f->b, IR_BUFFER_amax, ir_float(0));
    add_statistics(f, false);
    open_region(f, IR_ONCE);
    struct ir_operand before = ir_of(ir_load(&f->b, IR_BUFFER_amax, "before"));
    ir_store(&f->b, IR_BUFFER_amax, formula_two(f, IR_max, "amax", before, f->A));
}

/* q = x / s; mx: x · 2^-E, which is the same number, and for integers · 2^(n-2). */
static struct ir_operand divide_by_scale(struct formula_builder *f, struct ir_operand x)
{
    if (!formula_is_mx(f->spec))
        return formula_two(f, IR_div, "q", x, f->s);
    struct ir_operand q = formula_two(f, IR_mul, "q", x, f->p);
    if (f->spec->format->kind == FORMAT_KIND_FLOAT)
        return q;
    return formula_two(f, IR_mul, "q", q, ir_float(ldexpf(1, (int)f->spec->format->bits - 2)));
}

/* A constant 0 is not worth an operation; a value always counts. */
static bool is_nonzero(struct ir_operand operand)
{
    return operand.value || operand.bits;
}

/* clamp(rne(q) + z, qmin, qmax) = rne(clamp(q, qmin - z, qmax - z)) + z; NaN: z. zs = z + the layout's offset. */
static struct ir_operand int_code(struct formula_builder *f, struct ir_operand x)
{
    struct ir_operand q = divide_by_scale(f, x);
    struct ir_operand c = formula_put(f, IR_clamp, "c", q, f->code_lo, f->code_hi);
    struct ir_operand k = formula_one(f, IR_rne, "k", c);
    k = formula_put(f, IR_select, "code", formula_one(f, IR_ordered, "number", c), k, ir_int(0));
    return is_nonzero(f->zs) ? formula_two(f, IR_iadd, "code", k, f->zs) : k;
}

/* RNE of min(|x| / s, fmax) with the sign of x; NaN: the format's */
static struct ir_operand float_code(struct formula_builder *f, struct ir_operand x)
{
    struct ir_operand q = divide_by_scale(f, formula_one(f, IR_abs, "a", x));
    struct ir_operand c = formula_two(f, IR_min, "c", q, f->code_hi);
    struct ir_operand k = formula_cast(f, IR_encode, "k", f->spec->format, c, x);
    return f->nonzero.value ? formula_two(f, IR_iand, "code", k, f->nonzero) : k;
}

/* x is loaded a second time, not kept from the statistics: element values end with their region. */
static void quantize_elements(struct formula_builder *f)
{
    open_region(f, IR_EACH);
    struct ir_operand x = load_x(f), k;
    if (is_plain(f->spec))
        k = encode_plain(f, f->spec->format, x);
    else if (f->spec->format->kind == FORMAT_KIND_INT)
        k = int_code(f, x);
    else
        k = float_code(f, x);
    ir_store(&f->b, IR_BUFFER_codes, k);
}

/* Without a scale there is one region; else statistics (dynamic only), once, codes. */
void formula_quantize(struct formula_builder *f, bool dynamic)
{
    if (!is_plain(f->spec)) {
        if (dynamic)
            add_statistics(f, spec_is_asymmetric(f->spec));
        open_region(f, IR_ONCE);
        dynamic ? formula_new_scale(f) : formula_given_scale(f);
        formula_bounds(f);
    }
    quantize_elements(f);
}

/* The integer of a stored code: sign extended from n bits, or without its offset. */
static struct ir_operand load_int(struct formula_builder *f)
{
    const struct format *format = f->spec->format;
    struct ir_operand k = ir_of(ir_load(&f->b, IR_BUFFER_codes, "k"));
    int32_t offset = formula_offset(f->spec), shift = 32 - (int32_t)format->bits;
    if (offset)
        return formula_two(f, IR_isub, "k", k, ir_int(offset));
    if (!format->is_signed) /* a byte may hold more than the code */
        return f->b.ir->code_bits > format->bits ? formula_two(f, IR_iand, "k", k, ir_int((1 << format->bits) - 1)) : k;
    k = formula_two(f, IR_ishl, "top", k, ir_int(shift));
    return formula_two(f, IR_isar, "k", k, ir_int(shift));
}

/* A NaN becomes 7fc00000 with its sign. */
static struct ir_operand quiet_nan(struct formula_builder *f, struct ir_operand v)
{
    struct ir_operand sign = formula_two(f, IR_iand, "sign", formula_one(f, IR_bits, "bits", v), ir_int(0x80000000));
    struct ir_operand nan = formula_one(f, IR_float, "nan", formula_two(f, IR_ior, "quiet", sign, ir_int(0x7fc00000)));
    return formula_put(f, IR_select, "y", formula_one(f, IR_ordered, "number", v), v, nan);
}

/* y = (k - z) · s, in mx integers (k / 2^(n-2)) · 2^E; floats: value · s */
static struct ir_operand load_value(struct formula_builder *f)
{
    const struct format *format = f->spec->format;
    struct ir_operand v;
    if (format->kind == FORMAT_KIND_INT) {
        v = load_int(f);
        if (is_nonzero(f->z))
            v = formula_two(f, IR_isub, "kz", v, f->z);
        v = formula_one(f, IR_to_float, "v", v);
        if (formula_is_mx(f->spec))
            v = formula_two(f, IR_mul, "v", v, ir_float(ldexpf(1, 2 - (int)format->bits)));
    } else {
        v = formula_cast(f, IR_decode, "v", format, ir_of(ir_load(&f->b, IR_BUFFER_codes, "k")), ir_none);
    }
    return is_plain(f->spec) ? quiet_nan(f, v) : formula_two(f, IR_mul, "y", v, f->s);
}

static void scale_once(struct formula_builder *f)
{
    if (is_plain(f->spec))
        return;
    open_region(f, IR_ONCE);
    formula_given_scale(f);
}

void formula_dequantize(struct formula_builder *f)
{
    scale_once(f);
    open_region(f, IR_EACH);
    store_x(f, load_value(f));
}

/* Whether the clamp changes x: rne(q) + z outside [qmin, qmax], floats |q| > fmax. */
static struct ir_operand is_saturated(struct formula_builder *f, struct ir_operand x)
{
    if (is_plain(f->spec))
        return formula_two(f, IR_less, "saturated", x, x); /* never */
    struct ir_operand q = divide_by_scale(f, x);
    if (f->spec->format->kind == FORMAT_KIND_FLOAT)
        return formula_two(f, IR_less, "saturated", ir_float(f->fmax), formula_one(f, IR_abs, "a", q));
    /* one past either bound is as far as rne need see */
    struct ir_operand c = formula_put(f, IR_clamp, "c", q, f->code_lo, f->code_hi);
    struct ir_operand k = formula_one(f, IR_rne, "k", c);
    if (is_nonzero(f->z))
        k = formula_two(f, IR_iadd, "k", k, f->z);
    struct ir_operand below = formula_two(f, IR_iless, "below", k, ir_int(f->qmin));
    struct ir_operand above = formula_two(f, IR_iless, "above", ir_int(f->qmax), k);
    return formula_two(f, IR_either, "saturated", below, above);
}

/* The bounds are one step wider than the codes, so that a clamped code shows that x was beyond. y is computed with the
 * scale as stored, saturation with a divisor that no block of scale 0 exceeds: FLT_MAX makes its |q| at most 1. */
void formula_error(struct formula_builder *f)
{
    scale_once(f);
    if (!is_plain(f->spec) && f->spec->format->kind == FORMAT_KIND_INT) {
        f->qmin -= 1, f->qmax += 1;
        formula_bounds(f);
        f->qmin += 1, f->qmax -= 1;
    }
    struct ir_operand d = f->s;
    if (f->spec->second) /* a block whose scale is 0 divides nothing and clamps nothing */
        d = formula_put(f, IR_select, "divisor", f->none, ir_float(FLT_MAX), f->s);
    open_region(f, IR_EACH);
    struct ir_operand x = load_x(f), y = load_value(f);
    f->s = d;
    formula_put(f, IR_sums, NULL, x, y, is_saturated(f, x));
}
