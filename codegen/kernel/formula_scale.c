/* Scales and zero points of a block. In: its statistics A or lo, hi, or a stored scale. Out: s as the elements use it, its
 * code and the zero point stored. With T the scale's format:
 *   ints     t = A / ((qmax - qmin) / 2), narrow A / qmax, asymmetric (hi - lo) / (qmax - qmin), lo <= 0 <= hi
 *   floats   t = A / fmax
 *   s = T(max(t, eps)), RNE, Inf becomes T's largest, 0 becomes 1; the rounded scale is the one that divides
 *   z = clamp(qmin - rne(lo / s), qmin, qmax); symmetric: 0, or the middle of an unsigned range
 *   mx       E = clamp(exponent(A) - emax, -127, 127), s = 2^E     (OCP Microscaling Formats 1.0, §6.3, floor)
 *   nvfp4    S = e4m3(min(g · A / fmax, 448)), d = S / g; S = 0 stays and gives codes of 0 */
#include "codegen/kernel/formula.h"

#include <math.h>

/* Only f32 has 23 mantissa bits among the rows. */
static bool is_f32(const struct format *format)
{
    return format->kind == FORMAT_KIND_FLOAT && format->m == 23;
}

/* g lives in the `start` region, before everything else. */
static struct ir_operand load_second(struct formula_builder *f)
{
    struct ir_region *open = f->b.region, *start = ARENA_NEW(f->b.ir->arena, struct ir_region);
    start->kind = IR_START;
    start->next = f->b.ir->first;
    f->b.ir->first = start;
    f->b.region = start;
    struct ir_operand g = ir_of(ir_load(&f->b, IR_BUFFER_second, "g"));
    f->b.region = open;
    return g;
}

/* nvfp4: d = s / g; a scale of 0 gives codes of 0, and no division by it. */
static void use_second(struct formula_builder *f)
{
    f->none = formula_two(f, IR_equal, "none", f->s, ir_float(0));
    f->nonzero = formula_put(f, IR_select, "nonzero", f->none, ir_int(0), ir_int(-1));
    f->s = formula_two(f, IR_div, "d", f->s, f->g);
}

/* mx: E = clamp(exponent(A) - emax, -127, 127), stored plus 127. The exponent field of a subnormal or zero A is 0,
 * which stands for -127. The least scale that `eps` allows has its own exponent. */
static void new_pow2(struct formula_builder *f)
{
    bool is_float = f->spec->format->kind == FORMAT_KIND_FLOAT;
    int least = f->spec->has_eps ? (int)(ir_float((float)f->spec->eps).bits >> 23) : 0;
    struct ir_operand field = formula_two(f, IR_ishr, "exponent", formula_one(f, IR_bits, "bits", f->A), ir_int(23));
    struct ir_operand e = formula_two(f, IR_isub, "E", field, ir_int(is_float ? format_emax(f->spec->format) : 0));
    e = formula_two(f, IR_imax, "E", formula_two(f, IR_imin, "E", e, ir_int(254)), ir_int(least));
    ir_store(&f->b, IR_BUFFER_scale, e);
    f->p = formula_cast(f, IR_decode, "p", f->spec->scale, formula_two(f, IR_isub, "minus", ir_int(254), e), ir_none);
}

/* The scale before it is rounded: steps between the extremes, or the format's largest value. */
static struct ir_operand exact_scale(struct formula_builder *f)
{
    const struct spec *spec = f->spec;
    if (spec->format->kind == FORMAT_KIND_FLOAT) {
        struct ir_operand t = formula_two(f, IR_div, "t", f->A, ir_float(f->fmax));
        return spec->second ? formula_two(f, IR_mul, "gt", f->g, t) : t;
    }
    float steps = (float)(f->qmax - f->qmin);
    if (spec_is_asymmetric(spec))
        return formula_two(f, IR_div, "t", formula_two(f, IR_sub, "span", f->hi, f->lo), ir_float(steps));
    return formula_two(f, IR_div, "t", f->A, ir_float(spec->scheme == SCHEME_narrow ? (float)f->qmax : steps / 2));
}

/* min with the largest finite value before rounding is the same as Inf -> largest after it. */
static struct ir_operand limit_scale(struct formula_builder *f, struct ir_operand t)
{
    bool is_small = f->spec->format->kind == FORMAT_KIND_FLOAT && f->fmax < 1;
    if (is_f32(f->spec->scale) && !spec_is_asymmetric(f->spec) && !is_small)
        return t; /* A / 1 or less: at most FLT_MAX */
    float most = (float)format_max(f->spec->scale);
    return formula_two(f, IR_min, "t", t, ir_float(most));
}

/* eps is applied before rounding. The stored code is decoded again, so that s is what a reader of the file sees. */
static void new_rounded(struct formula_builder *f)
{
    const struct format *format = f->spec->scale;
    struct ir_operand t = limit_scale(f, exact_scale(f));
    if (f->spec->has_eps)
        t = formula_two(f, IR_max, "t", t, ir_float((float)f->spec->eps));
    if (is_f32(format)) {
        struct ir_operand is_zero = formula_two(f, IR_equal, "none", t, ir_float(0));
        f->s = formula_put(f, IR_select, "s", is_zero, ir_float(1), t);
        ir_store(&f->b, IR_BUFFER_scale, f->s);
        return;
    }
    struct ir_operand code = formula_cast(f, IR_encode, "S", format, t, t);
    if (!f->spec->second) { /* 0 becomes 1: exponent field = bias */
        struct ir_operand is_zero = formula_two(f, IR_iequal, "none", code, ir_int(0));
        code = formula_put(f, IR_select, "S", is_zero, ir_int((int64_t)format->bias << format->m), code);
    }
    ir_store(&f->b, IR_BUFFER_scale, code);
    f->s = formula_cast(f, IR_decode, "s", format, code, ir_none);
}

/* z = clamp(qmin - rne(lo / s), qmin, qmax) = qmin - rne(clamp(lo / s, qmin - qmax, 0)) */
static void new_zero(struct formula_builder *f)
{
    if (spec_is_asymmetric(f->spec)) {
        struct ir_operand q = formula_two(f, IR_div, "low", f->lo, f->s);
        q = formula_put(f, IR_clamp, "low", q, ir_float((float)(f->qmin - f->qmax)), ir_float(0));
        f->z = formula_two(f, IR_isub, "z", ir_int(f->qmin), formula_one(f, IR_rne, "steps", q));
    }
    if (f->spec->zero == ZERO_int)
        ir_store(&f->b, IR_BUFFER_zero, f->z);
}

/* z of a symmetric scheme: 0, or the middle of an unsigned range. */
static struct ir_operand fixed_zero(const struct formula_builder *f)
{
    const struct format *format = f->spec->format;
    bool is_unsigned = format->kind == FORMAT_KIND_INT && !format->is_signed;
    return ir_int(is_unsigned ? 1 << (format->bits - 1) : 0);
}

void formula_new_scale(struct formula_builder *f)
{
    f->z = fixed_zero(f);
    if (formula_is_mx(f->spec)) {
        new_pow2(f);
        return;
    }
    if (f->spec->second)
        f->g = load_second(f);
    new_rounded(f);
    new_zero(f);
    if (f->spec->second)
        use_second(f);
}

void formula_given_scale(struct formula_builder *f)
{
    const struct format *format = f->spec->scale;
    struct ir_operand code = ir_of(ir_load(&f->b, IR_BUFFER_scale, is_f32(format) ? "s" : "S"));
    f->z = f->spec->zero == ZERO_int ? ir_of(ir_load(&f->b, IR_BUFFER_zero, "z")) : fixed_zero(f);
    f->s = is_f32(format) ? code : formula_cast(f, IR_decode, "s", format, code, ir_none);
    if (formula_is_mx(f->spec))
        f->p = formula_cast(f, IR_decode, "p", format, formula_two(f, IR_isub, "minus", ir_int(254), code), ir_none);
    if (f->spec->second) {
        f->g = load_second(f);
        use_second(f);
    }
}

/* floats: ±fmax; ints: qmin - z and qmax - z */
void formula_bounds(struct formula_builder *f)
{
    int32_t offset = formula_offset(f->spec);
    f->zs = f->z;
    if (f->z.value && offset)
        f->zs = formula_two(f, IR_iadd, "zs", f->z, ir_int(offset));
    else
        f->zs.bits += (uint32_t)offset;
    if (f->spec->format->kind == FORMAT_KIND_FLOAT) {
        f->code_lo = ir_float(-f->fmax);
        f->code_hi = ir_float(f->fmax);
    } else if (!f->z.value) {
        f->code_lo = ir_float((float)(f->qmin - (int32_t)f->z.bits));
        f->code_hi = ir_float((float)(f->qmax - (int32_t)f->z.bits));
    } else {
        f->code_lo = formula_one(f, IR_to_float, "least", formula_two(f, IR_isub, "below", ir_int(f->qmin), f->z));
        f->code_hi = formula_one(f, IR_to_float, "most", formula_two(f, IR_isub, "above", ir_int(f->qmax), f->z));
    }
}
