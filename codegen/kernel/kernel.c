/* From a request to a kernel. In: (op, spec, dtype, shape, target). Out: whether there is such a kernel and why not, its
 * name and key, its IR after the passes. Rule: the numbers are formula.c's, the loops schedule.c's; what is decided here
 * is which specs are let in, and that two requests share code exactly when their keys are equal. */
#include "codegen/kernel/formula.h"
#include "codegen/kernel/geometry.h"
#include "codegen/kernel/pass.h"

#include <math.h>
#include <string.h>

/* 2688 = 448 · 6, the largest e4m3 scale times the largest e2m1 value: g brings amax there. An amax so small that g
 * overflows, and NaN, give 1. */
float kernel_second(float amax)
{
    float g = 2688.0f / amax;
    return amax == 0 || !isfinite(g) ? 1.0f : g;
}

/* ---- what there are kernels for: each answers with a reason, or NULL ---- */

/* What legalize.c and the packing of codes can do: ints of 2 to 8 bits; small floats with a mantissa bit (ties to even
 * need one) whose constants stay within f32's exponents, |bias| <= 60. */
static const char *format_reason(const struct spec *spec)
{
    const struct format *f = spec->format;
    switch (f->kind) {
    case FORMAT_KIND_INT:
        return f->bits >= 2 && f->bits <= 8 ? NULL : "integer formats have 2 to 8 bits here";
    case FORMAT_KIND_CODEBOOK:
        return "codebook formats have no kernel yet";
    case FORMAT_KIND_FLOAT:
        break;
    }
    if (!spec->scale)
        return f->bits == 16 && f->specials == SPECIALS_IEEE && (f->e == 8 || f->e == 5) ? NULL
                                                                                        : "only bf16 and f16 go without a scale";
    if (!formula_is_float(f) || f->bits > 8 || f->e < 1 || f->e > 5 || f->m < 1 || !f->is_signed)
        return "float formats have a sign, 1 to 5 exponent bits, a mantissa bit and at most 8 bits here";
    return f->bias >= -60 && f->bias <= 60 ? NULL : "the exponent bias lies outside -60 to 60";
}

/* By value, not by name: a spec may spell the format out. */
static bool is_format(const struct format *format, const char *name)
{
    const struct format *builtin = format_find(name);
    return builtin && format_same(format, builtin);
}

/* Scales: e8m0 by its exponent rule, e4m3 with a second level (nvfp4), else f32, f16, bf16 rounded to nearest even. */
static const char *scale_reason(const struct spec *spec)
{
    const struct format *s = spec->scale;
    bool is_int = spec->format->kind == FORMAT_KIND_INT;
    if (!s)
        return NULL;
    if (spec->scale_rounded_last)
        return "`rounded last` has no kernel yet";
    if (spec->super)
        return "`super` has no kernel yet";
    if (is_format(s, "fp8_e8m0")) {
        if (spec->pow2 != POW2_floor || spec->second)
            return "e8m0 scales are `pow2 floor` without a second level here";
        return !is_int || (spec->format->bits == 8 && spec->scheme == SCHEME_narrow) ? NULL : "e8m0 scales of integers are those of mxint8";
    }
    if (spec->pow2 != POW2_none)
        return "`pow2` goes with an e8m0 scale here";
    if (is_format(s, "fp8_e4m3"))
        return spec->second && is_format(spec->second, "f32") && !is_int ? NULL : "an e4m3 scale goes with a float format and `second f32`";
    if (spec->second)
        return "`second` goes with an e4m3 scale here";
    return is_format(s, "f32") || is_format(s, "f16") || is_format(s, "bf16") ? NULL : "this scale format has no kernel yet";
}

/* A zero point is stored only where the scale is a float and the codes are integers. */
static const char *scheme_reason(const struct spec *spec)
{
    bool is_int = spec->format->kind == FORMAT_KIND_INT, is_float_scale = spec->scale && !formula_is_mx(spec);
    if (spec->zero == ZERO_float)
        return "float zero points have no kernel yet";
    if (spec->zero == ZERO_int && !(is_int && is_float_scale))
        return "a zero point goes with an integer format and a float scale";
    if (spec->scheme == SCHEME_symmetric)
        return NULL;
    if (spec->scheme == SCHEME_narrow && is_int && spec->format->is_signed)
        return NULL;
    if (spec->scheme == SCHEME_asymmetric && is_int && is_float_scale && spec->zero == ZERO_int)
        return NULL;
    return "this scheme has no kernel yet";
}

/* Rounding and overflow matter to every op but dequantize, range and eps only to the one that makes scales. */
static const char *attribute_reason(enum kernel_op op, const struct spec *spec)
{
    if (spec->granularity == GRANULARITY_block)
        return "`per block` has no kernel yet";
    if (!spec->scale && spec->granularity != GRANULARITY_tensor)
        return "a format without a scale has no granularity";
    if (spec->formula != FORMULA_divide)
        return "only `formula divide` has a kernel yet";
    if (spec->compute_input)
        return "`compute input` has no kernel yet";
    if (op != KERNEL_dequantize && spec->rounding != ROUNDING_even)
        return "only `round even` has a kernel yet";
    if (op != KERNEL_dequantize && spec->overflow != (spec->scale ? OVERFLOW_MODE_saturate : OVERFLOW_MODE_inf))
        return "this overflow mode has no kernel yet";
    if (spec->layout != LAYOUT_lsb && spec->layout != LAYOUT_byte && spec->layout != LAYOUT_i32)
        return "this layout has no kernel yet";
    if (spec->layout == LAYOUT_i32 && spec->format->bits > 8)
        return "`pack i32` goes with codes of at most 8 bits";
    if (op != KERNEL_quantize_dynamic || !spec->scale)
        return NULL;
    if (spec->range != RANGE_minmax && spec->range != RANGE_absmax)
        return "this range has no kernel yet";
    if (spec->has_low || spec->has_high)
        return "static ranges have no kernel yet";
    return spec->has_eps && spec->second ? "`eps` goes with one level of scales here" : NULL;
}

bool kernel_supports(enum kernel_op op, const struct spec *spec, enum dtype dtype, const char **reason)
{
    *reason = NULL;
    if (dtype != DTYPE_f32 && dtype != DTYPE_f16 && dtype != DTYPE_bf16)
        *reason = "kernels read and write f32, f16 and bf16";
    else if (op == KERNEL_observe)
        return true;
    if (!*reason)
        *reason = format_reason(spec);
    if (!*reason)
        *reason = scale_reason(spec);
    if (!*reason)
        *reason = scheme_reason(spec);
    if (!*reason)
        *reason = attribute_reason(op, spec);
    return *reason == NULL;
}

/* ---- names ---- */

/* A negative axis is written m1, m2, …: `-` is no letter of a symbol. */
static void add_granularity(struct text *out, const struct spec *spec)
{
    static const char letters[] = {'t', 'c', 'k', 'g', 'b'}; /* tensor, channel, token, group, block */
    text_printf(out, "_%c", letters[spec->granularity]);
    if (spec->granularity == GRANULARITY_group)
        text_printf(out, "%lld", (long long)spec->group);
    if (spec->granularity == GRANULARITY_channel || (spec->granularity == GRANULARITY_group && spec->axis != -1))
        text_printf(out, spec->axis < 0 ? "m%d" : "%d", spec->axis < 0 ? -spec->axis : spec->axis);
}

static void add_format(struct text *out, const struct format *f)
{
    if (f->kind == FORMAT_KIND_INT)
        text_printf(out, "%s%u", f->is_signed ? "int" : "uint", f->bits);
    else if (f->name && format_find(f->name))
        text_add(out, f->name);
    else
        text_printf(out, "e%dm%d", f->e, f->m);
}

/* quern.int4_sym_g128_f16.quantize.bf16: what a profiler shows; not unique. */
static const char *name_kernel(struct arena *arena, const struct kernel_request *request)
{
    struct text out = text_make(arena);
    const struct spec *spec = request->spec;
    text_add(&out, "quern.");
    if (request->op != KERNEL_observe) {
        add_format(&out, spec->format);
        if (spec->format->kind == FORMAT_KIND_INT)
            text_add(&out, spec_is_asymmetric(spec) ? "_asym" : spec->scheme == SCHEME_narrow ? "_narrow" : "_sym");
        if (spec->scale) {
            add_granularity(&out, spec);
            text_char(&out, '_');
            add_format(&out, spec->scale);
        }
        text_char(&out, '.');
    }
    text_printf(&out, "%s.%s", kernel_op_words[request->op], dtype_rows[request->dtype].word);
    return text_string(&out);
}

/* observe does not look at the spec, so that its kernels are shared by all. */
static const char *print_spec(struct arena *arena, const struct kernel_request *request)
{
    struct text out = text_make(arena);
    if (request->op != KERNEL_observe)
        spec_print(&out, request->spec);
    return text_string(&out);
}

static struct kernel_request with_target(const struct kernel_request *given)
{
    struct kernel_request request = *given;
    if (!request.target)
        request.target = kernel_target_host();
    return request;
}

/* All that the passes read: op, spec text, dtype, target and the schedule, which stands for the shape. */
const char *kernel_key(struct arena *arena, const struct kernel_request *given)
{
    struct kernel_request request = with_target(given);
    struct ir_schedule s = schedule_choose(&request);
    return arena_printf(arena, "%s|%s|%s|%s|%s %u %u %u %u%s%s", kernel_op_words[request.op], print_spec(arena, &request),
                        dtype_rows[request.dtype].word, request.target->name, ir_schedule_words[s.kind], s.lanes, s.chunk,
                        s.group, s.in_flight, s.nested ? " nested" : "", s.shifted ? " shifted" : "");
}

/* ---- building ---- */

/* A scale takes whole bytes. observe has neither codes nor scale; 8 and 1 are what the verifier lets pass. */
static void fill_header(struct kernel_ir *ir, const struct kernel_request *request)
{
    const struct spec *spec = request->spec;
    bool has_codes = request->op != KERNEL_observe;
    ir->name = name_kernel(ir->arena, request);
    ir->spec = print_spec(ir->arena, request);
    ir->op = request->op;
    ir->x = request->dtype;
    ir->target = request->target;
    ir->code_bits = has_codes ? geometry_code_bits(spec) : 8;
    ir->code_unit = has_codes ? geometry_code_unit(spec) : 1;
    ir->scale_bits = has_codes && spec->scale ? (spec->scale->bits + 7) / 8 * 8 : 0;
}

static void write_formula(struct kernel_ir *ir, const struct kernel_request *request)
{
    struct formula_builder f = {.b = {.ir = ir}, .spec = request->spec};
    if (request->op != KERNEL_observe && f.spec->format->kind == FORMAT_KIND_INT)
        spec_code_range(f.spec, &f.qmin, &f.qmax);
    else if (request->op != KERNEL_observe)
        f.fmax = (float)format_max(f.spec->format);
    switch (request->op) {
    case KERNEL_observe:
        formula_observe(&f);
        break;
    case KERNEL_quantize:
    case KERNEL_quantize_dynamic:
        formula_quantize(&f, request->op == KERNEL_quantize_dynamic);
        break;
    case KERNEL_dequantize:
        formula_dequantize(&f);
        break;
    case KERNEL_error:
        formula_error(&f);
        break;
    case KERNEL_OP_COUNT:
        break;
    }
}

/* The shape of an observe kernel is free: it sees a run of elements. */
static bool check_request(struct arena *arena, const struct kernel_request *request, struct diags *diags)
{
    struct kernel_storage storage;
    const char *reason, *name = name_kernel(arena, request);
    if (!kernel_supports(request->op, request->spec, request->dtype, &reason)) {
        diag_report_about(diags, DIAG_kernel_unsupported, name, "%s", reason);
        return false;
    }
    if (request->op != KERNEL_observe && !kernel_storage(request->spec, request->shape, request->rank, &storage, &reason)) {
        diag_report_about(diags, DIAG_kernel_shape, name, "%s", reason);
        return false;
    }
    return true;
}

struct kernel_ir *kernel_build(struct arena *arena, const struct kernel_request *given, const char *after, struct diags *diags)
{
    struct kernel_request request = with_target(given);
    if (!check_request(arena, &request, diags))
        return NULL;
    struct kernel_ir *ir = ir_new(arena);
    fill_header(ir, &request);
    write_formula(ir, &request);
    return pass_run(ir, &request, after, diags) ? ir : NULL;
}
