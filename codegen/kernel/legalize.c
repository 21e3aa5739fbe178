/* Pass `legalize`: every formula op becomes machine ops that each target has, with the same bits on all of them.
 * In: IR with clamp, finite, rne, encode, decode. Out: the same values by adds, shifts and selects.
 * f32 x is sign, exponent field (8 bits, bias 127), 23 bits; a small float of e, m and bias has the same shape, so that
 * its code is cut from, or put into, an f32's bits. Sources of the formats: IEEE 754 (f16), OCP FP8 and MX (e4m3fn, e5m2,
 * e3m2, e2m3, e2m1, e8m0), the fnuz formats of arXiv 2206.02915. Each formula is exact for all inputs the op's row allows. */
#include "codegen/kernel/pass.h"

#include <math.h>

enum { F32_SIGN = INT32_MIN, F32_MAGNITUDE = INT32_MAX, F32_EXPONENT = 0x7f800000, F32_QUIET = 0x7fc00000 };

struct legalizer {
    struct ir_builder b;
    const struct format *format; /* of the op at hand */
};

static struct ir_operand put(struct legalizer *l, enum ir_op op, const char *name, struct ir_operand a, struct ir_operand b)
{
    return ir_of(ir_put(&l->b, op, name, a, b, ir_none));
}

static struct ir_operand put_one(struct legalizer *l, enum ir_op op, const char *name, struct ir_operand a)
{
    return put(l, op, name, a, ir_none);
}

static struct ir_operand choose(struct legalizer *l, struct ir_operand condition, struct ir_operand a, struct ir_operand b)
{
    return ir_of(ir_put(&l->b, IR_select, "choice", condition, a, b));
}

/* max(min(a, hi), lo) */
static struct ir_operand lower_clamp(struct legalizer *l, const struct ir_value *v)
{
    struct ir_operand t = put(l, IR_min, "t", v->operand[0], v->operand[2]);
    return put(l, IR_max, "c", t, v->operand[1]);
}

/* |a| < inf */
static struct ir_operand lower_finite(struct legalizer *l, const struct ir_value *v)
{
    return put(l, IR_less, "finite", put_one(l, IR_abs, "a", v->operand[0]), ir_float(INFINITY));
}

/* a + 1.5·2^23 has a's nearest integer in its low bits: adding rounds to even at that place. */
static struct ir_operand lower_rne(struct legalizer *l, const struct ir_value *v)
{
    struct ir_operand t = put(l, IR_add, "t", v->operand[0], ir_float(0x1.8p23f));
    return put(l, IR_isub, "k", put_one(l, IR_bits, "b", t), ir_int(0x4b400000));
}

/* Also the number of codes without a sign: magnitudes are [0, sign_bit). */
static int32_t sign_bit(const struct format *f)
{
    return 1 << (f->e + f->m);
}

/* The sign bit of a float at the place it has in a code. */
static struct ir_operand code_sign(struct legalizer *l, struct ir_operand x)
{
    struct ir_operand top = put(l, IR_ishr, "sign", put_one(l, IR_bits, "b", x), ir_int(31 - l->format->e - l->format->m));
    return put(l, IR_iand, "sign", top, ir_int(sign_bit(l->format)));
}

/* code where a is a number, else the format's NaN. */
static struct ir_operand unless_nan(struct legalizer *l, const struct ir_value *v, struct ir_operand code, struct ir_operand nan)
{
    if (v->op == IR_encode_number)
        return code;
    return choose(l, put_one(l, IR_ordered, "number", v->operand[0]), code, nan);
}

/* bf16: (b + 7fff + bit 16 of b) >> 16 is RNE, also into Inf; a NaN is 7fc0 with its sign. */
static struct ir_operand encode_bf16(struct legalizer *l, const struct ir_value *v)
{
    struct ir_operand b = put_one(l, IR_bits, "b", v->operand[0]), high = put(l, IR_ishr, "high", b, ir_int(16));
    struct ir_operand odd = put(l, IR_iand, "odd", high, ir_int(1));
    struct ir_operand up = put(l, IR_iadd, "up", put(l, IR_iadd, "up", b, ir_int(0x7fff)), odd);
    struct ir_operand nan = put(l, IR_ior, "nan", code_sign(l, v->operand[1]), ir_int(0x7fc0));
    return unless_nan(l, v, put(l, IR_ishr, "k", up, ir_int(16)), nan);
}

/* The CPU's conversion keeps a NaN's payload; its code here is always 7e00 with the sign. */
static struct ir_operand encode_f16(struct legalizer *l, const struct ir_value *v)
{
    struct ir_operand k = put_one(l, IR_narrow_f16, "k", v->operand[0]);
    struct ir_operand nan = put(l, IR_ior, "nan", code_sign(l, v->operand[1]), ir_int(0x7e00));
    return unless_nan(l, v, k, nan);
}

/* Any float of 1 <= m < 23: with e = max(exponent(a), emin) and M = 2^(e + 23 - m), adding M rounds a to a multiple k of
 * 2^(e - m), and k stands in the low bits of the sum, M having none. The code is ((e - emin) << m) + k: at emin k is
 * the subnormal; above, k carries the leading one, which is the step from one exponent to the next. With p = 2^e,
 *   code = low bits of  bits(a + M) + (bits(p) >> (23 - m)) - C,  C = (emin + 127) << m,
 * and C goes into M: M + D units, D = -C modulo the code's range, rounds alike, D being even. Ties to even k are ties
 * to the even code, which m = 0 would not have. */
static struct ir_operand encode_magnitude(struct legalizer *l, struct ir_operand a)
{
    const struct format *f = l->format;
    int32_t emin = 1 - f->bias, C = (emin + 127) * (1 << f->m), D = -C & (sign_bit(f) - 1);
    struct ir_operand p = put(l, IR_max, "p", a, ir_float(ldexpf(1, emin)));
    p = put(l, IR_iand, "p", put_one(l, IR_bits, "p", p), ir_int(F32_EXPONENT));
    struct ir_operand e = put(l, IR_ishr, "e", p, ir_int(23 - f->m)), sum;
    if (l->b.ir->target->fma) { /* a + p·2^(23-m)·(1 + D·2^-23), rounded once */
        float K = ldexpf(1 + ldexpf((float)D, -23), 23 - f->m);
        sum = ir_of(ir_put(&l->b, IR_fma, "sum", put_one(l, IR_float, "p", p), ir_float(K), a));
    } else {
        struct ir_operand M = put(l, IR_iadd, "M", p, ir_int(((23 - f->m) << 23) + D));
        sum = put(l, IR_add, "sum", a, put_one(l, IR_float, "M", M));
    }
    struct ir_operand k = put(l, IR_iadd, "k", put_one(l, IR_bits, "sum", sum), e);
    return put(l, IR_iand, "k", k, ir_int(sign_bit(f) - 1));
}

/* |a|; for a format with Inf at most 2^(emax + 1), which is where RNE has become Inf. */
static struct ir_operand magnitude_of(struct legalizer *l, const struct ir_value *v)
{
    struct ir_operand a = v->operand[0];
    if (a.value != v->operand[1].value)
        return a; /* is one, and bounded */
    a = put_one(l, IR_abs, "a", a);
    if (l->format->specials == SPECIALS_IEEE)
        a = put(l, IR_min, "a", a, ir_float(ldexpf(1, format_emax(l->format) + 1)));
    return a;
}

/* The sign, and the code of NaN: the format's own, with the sign where it has two; formats without one take 0's code. */
static struct ir_operand encode_small(struct legalizer *l, const struct ir_value *v)
{
    const struct format *f = l->format;
    struct ir_operand k = encode_magnitude(l, magnitude_of(l, v)), code;
    int32_t ones = sign_bit(f) - 1;
    struct ir_operand sign = f->is_signed ? code_sign(l, v->operand[1]) : ir_int(0);
    switch (f->specials) {
    case SPECIALS_FN: /* all ones */
        return put(l, IR_ior, "code", unless_nan(l, v, k, ir_int(ones)), sign);
    case SPECIALS_IEEE: /* Inf's code and the quiet bit */
        return put(l, IR_ior, "code", unless_nan(l, v, k, ir_int(ones - (1 << f->m) + 1 + (1 << f->m >> 1))), sign);
    case SPECIALS_FNUZ: /* the code of -0; there is no -0 */
        code = choose(l, put(l, IR_iequal, "none", k, ir_int(0)), k, put(l, IR_ior, "code", k, sign));
        return unless_nan(l, v, code, ir_int(sign_bit(f)));
    case SPECIALS_NONE: /* there is no NaN: 0 */
    case SPECIALS_E8M0:
        break;
    }
    return unless_nan(l, v, put(l, IR_ior, "code", k, sign), ir_int(0));
}

/* bf16 is an f32's upper half; f16 has an instruction where the target has one, and is a small float like others elsewhere. */
static struct ir_operand lower_encode(struct legalizer *l, const struct ir_value *v)
{
    if (l->format->e == 8)
        return encode_bf16(l, v);
    if (l->format->e == 5 && l->format->m == 10 && l->b.ir->target->f16)
        return encode_f16(l, v);
    return encode_small(l, v);
}

/* 2^(code - 127): the code is the exponent field, but 0 is the subnormal 2^-127 and 255 NaN. */
static struct ir_operand decode_e8m0(struct legalizer *l, struct ir_operand k)
{
    struct ir_operand b = put(l, IR_ishl, "b", k, ir_int(23));
    b = choose(l, put(l, IR_iequal, "least", k, ir_int(0)), ir_int(0x00400000), b);
    b = choose(l, put(l, IR_iequal, "nan", k, ir_int(255)), ir_int(F32_QUIET), b);
    return put_one(l, IR_float, "s", b);
}

/* Bits of |value|: the code's fields at f32's places with the bias changed; subnormals count steps of 2^(emin - m),
 * which is what (M | k) - M is for M = 2^(23 + emin - m). */
static struct ir_operand decode_magnitude(struct legalizer *l, struct ir_operand magnitude)
{
    const struct format *f = l->format;
    struct ir_operand fields = put(l, IR_ishl, "fields", magnitude, ir_int(23 - f->m));
    struct ir_operand normal = put(l, IR_iadd, "normal", fields, ir_int((127 - f->bias) * (1 << 23)));
    struct ir_operand M = ir_float(ldexpf(1, 23 + 1 - f->bias - f->m));
    struct ir_operand with = put(l, IR_ior, "steps", magnitude, ir_int(M.bits));
    struct ir_operand steps = put(l, IR_sub, "steps", put_one(l, IR_float, "steps", with), M);
    struct ir_operand is_small = put(l, IR_iless, "small", magnitude, ir_int((int64_t)1 << f->m));
    return choose(l, is_small, put_one(l, IR_bits, "steps", steps), normal);
}

/* Codes that are no finite number. */
static struct ir_operand decode_specials(struct legalizer *l, struct ir_operand magnitude, struct ir_operand bits)
{
    const struct format *f = l->format;
    int32_t ones = sign_bit(f) - 1, inf = ones - (1 << f->m) + 1;
    switch (f->specials) {
    case SPECIALS_FN:
        return choose(l, put(l, IR_iequal, "nan", magnitude, ir_int(ones)), ir_int(F32_QUIET), bits);
    case SPECIALS_IEEE:
        bits = choose(l, put(l, IR_iless, "special", ir_int(inf - 1), magnitude), ir_int(F32_EXPONENT), bits);
        return choose(l, put(l, IR_iless, "nan", ir_int(inf), magnitude), ir_int(F32_QUIET), bits);
    case SPECIALS_FNUZ: /* by the whole code: decode_small */
    case SPECIALS_NONE:
    case SPECIALS_E8M0:
        break;
    }
    return bits;
}

/* fnuz has its NaN at the code of -0, which the sign's or would have made -0. */
static struct ir_operand decode_small(struct legalizer *l, struct ir_operand k)
{
    const struct format *f = l->format;
    struct ir_operand magnitude = put(l, IR_iand, "magnitude", k, ir_int(sign_bit(f) - 1));
    struct ir_operand bits = decode_specials(l, magnitude, decode_magnitude(l, magnitude));
    if (f->is_signed) {
        struct ir_operand top = put(l, IR_ishl, "top", k, ir_int(31 - f->e - f->m));
        bits = put(l, IR_ior, "bits", bits, put(l, IR_iand, "sign", top, ir_int(F32_SIGN)));
    }
    if (f->specials == SPECIALS_FNUZ)
        bits = choose(l, put(l, IR_iequal, "nan", k, ir_int(sign_bit(f))), ir_int(F32_QUIET), bits);
    return put_one(l, IR_float, "v", bits);
}

/* bf16's bits are an f32's upper half: NaN payloads pass unchanged. */
static struct ir_operand lower_decode(struct legalizer *l, const struct ir_value *v)
{
    const struct format *f = l->format;
    if (f->specials == SPECIALS_E8M0)
        return decode_e8m0(l, v->operand[0]);
    if (f->e == 8)
        return put_one(l, IR_float, "v", put(l, IR_ishl, "b", v->operand[0], ir_int(16)));
    if (f->e == 5 && f->m == 10 && l->b.ir->target->f16)
        return put_one(l, IR_widen_f16, "v", v->operand[0]);
    return decode_small(l, v->operand[0]);
}

typedef struct ir_operand lower_formula(struct legalizer *l, const struct ir_value *v);

/* The lowering of a formula op, NULL for machine ops. */
static lower_formula *const lowerings[IR_OP_COUNT] = {
    [IR_clamp] = lower_clamp, [IR_finite] = lower_finite, [IR_rne] = lower_rne,
    [IR_encode] = lower_encode,
    [IR_encode_number] = lower_encode, [IR_decode] = lower_decode};

/* The last op of the formula takes over the name. */
static void legalize_value(struct kernel_ir *ir, struct ir_region *region, struct ir_value *v)
{
    struct legalizer l = {.b = {.ir = ir, .region = region, .before = v}, .format = v->format};
    struct ir_operand result = lowerings[v->op](&l, v);
    const char *name = v->name;
    ir_replace(ir, v, result);
    ir_remove(region, v);
    result.value->name = name;
}

void pass_legalize(struct kernel_ir *ir, const struct kernel_request *request)
{
    (void)request;
    IR_EACH_REGION(ir, r)
        for (struct ir_value *v = r->first, *next; v; v = next) {
            next = v->next;
            if (ir_op_rows[v->op].level == IR_LEVEL_FORMULA)
                legalize_value(ir, r, v);
        }
}
