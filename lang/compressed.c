/* compressed-tensors: specs as QuantizationArgs and back, and the format that stores them (its quantization/quant_args.py and the
 * compressors' own conditions). In: specs or arguments. Out: arguments, JSON, .qr text; NULL where there is none. No messages:
 * callers know the place. See compressed.h; docs/huggingface.md. */
#include "lang/compressed.h"

#include <inttypes.h>
#include <string.h>

const char *const ct_strategies[CT_STRATEGY_COUNT] = {"tensor", "channel", "group", "block", "token", "tensor_group", "attn_head"};

/* ---- what a format holds ---- */

/* Built-in formats go by their name; a user's own by its numbers. */
static bool is_format(const struct format *format, const char *name)
{
    if (!format || !strcmp(format->name, name))
        return format;
    bool built_in = format >= formats && format < formats + format_count;
    return !built_in && format_same(format, format_find(name));
}

/* The scale types that loaders cast to the model's own. */
static bool has_float_scale(const struct spec *s)
{
    return is_format(s->scale, "f32") || is_format(s->scale, "f16") || is_format(s->scale, "bf16");
}

/* Codes may be laid out by the format unless the recipe asks for a layout of its own. */
static bool has_layout(const struct spec *s, enum layout layout)
{
    return s->layout == LAYOUT_lsb || s->layout == layout;
}

/* Of a matrix: axes count from the end when negative. */
static bool is_axis(int axis, int wanted)
{
    return axis == wanted || axis == wanted - 2;
}

static bool is_per_row(const struct spec *s)
{
    return s->granularity == GRANULARITY_token || (s->granularity == GRANULARITY_channel && is_axis(s->axis, 0));
}

static bool is_per_group(const struct spec *s, int64_t group)
{
    return s->granularity == GRANULARITY_group && is_axis(s->axis, 1) && (!group || s->group == group);
}

/* Zero points that fit the codes' bits, one for each row or group. */
static bool has_plain_zero(const struct spec *s)
{
    if (!spec_is_asymmetric(s))
        return s->zero != ZERO_float;
    return s->scheme == SCHEME_asymmetric && s->zero == ZERO_int && s->granularity != GRANULARITY_tensor;
}

/* OCP MX: groups of 32, a power of two each. */
static bool is_mx(const struct spec *s, const char *format)
{
    return is_format(s->format, format) && is_format(s->scale, "fp8_e8m0") && !s->second && is_per_group(s, 32);
}

/* Integer weights at any width, int8 included. Unsigned formats fit as well: their code is the signed one plus 2^(B-1),
 * which is what is stored. */
static bool is_packed(const struct spec *s)
{
    return s->format->kind == FORMAT_KIND_INT && s->format->bits <= 8 && has_float_scale(s) && !s->second && s->formula != FORMULA_minval &&
           has_plain_zero(s) && (s->granularity == GRANULARITY_tensor || is_per_row(s) || is_per_group(s, 0));
}

/* int-quantized asks for integer activations of 8 bits beside. */
static bool is_int_quantized(const struct spec *s, const struct spec *input)
{
    return input && input->format->kind == FORMAT_KIND_INT && input->format->bits == 8 && s->format->is_signed && s->format->bits == 8 &&
           has_layout(s, LAYOUT_byte) && (s->granularity == GRANULARITY_tensor || is_per_row(s)) && is_packed(s) && has_layout(s, LAYOUT_i32);
}

/* e4m3 alone: there is no e5m2. NVFP4 is groups of 16 under one f32 factor of the whole tensor. */
const char *ct_format(const struct spec *s, const struct spec *input)
{
    bool matrix = s->granularity == GRANULARITY_tensor || is_per_row(s);
    if (is_int_quantized(s, input))
        return CT_INT_QUANTIZED;
    if (is_format(s->format, "fp4_e2m1") && is_format(s->scale, "fp8_e4m3") && is_format(s->second, "f32") && !s->super &&
        has_layout(s, LAYOUT_lsb) && is_per_group(s, 16))
        return CT_NVFP4;
    if (is_mx(s, "fp4_e2m1") && has_layout(s, LAYOUT_lsb))
        return CT_MXFP4;
    if (is_mx(s, "fp8_e4m3") && has_layout(s, LAYOUT_byte))
        return CT_MXFP8;
    if (is_format(s->format, "fp8_e4m3") && has_float_scale(s) && !s->second && has_layout(s, LAYOUT_byte) && matrix)
        return CT_FLOAT_QUANTIZED;
    return is_packed(s) && has_layout(s, LAYOUT_i32) ? CT_PACK_QUANTIZED : NULL;
}

/* ---- specs as arguments ---- */

/* Two-level scales make groups `tensor_group`. */
static enum ct_strategy strategy_of(const struct spec *s, bool activation)
{
    switch (s->granularity) {
    case GRANULARITY_tensor: return CT_tensor;
    case GRANULARITY_channel: return CT_channel;
    case GRANULARITY_token: return activation ? CT_token : CT_channel;
    case GRANULARITY_group: return s->second ? CT_tensor_group : CT_group;
    case GRANULARITY_block: return CT_block;
    }
    return CT_tensor;
}

/* Only groups have scales of a type that is not the model's. */
static const char *scale_dtype(const struct spec *s)
{
    if (s->granularity != GRANULARITY_group || !s->scale)
        return NULL;
    return s->scale->dtype == DTYPE_f8_e8m0 ? "torch.uint8" : s->scale->dtype == DTYPE_f8_e4m3 ? "torch.float8_e4m3fn" : NULL;
}

struct ct_args ct_args_of(const struct spec *s, bool activation)
{
    struct ct_args args = {.bits = s->format->bits, .is_float = s->format->kind != FORMAT_KIND_INT, .symmetric = !spec_is_asymmetric(s),
                           .strategy = strategy_of(s, activation), .group = s->group, .block = {s->block[0], s->block[1]},
                           .scale = scale_dtype(s)};
    args.dynamic = !activation || s->timing == TIMING_static                         ? CT_STATIC
                   : s->timing == TIMING_default && args.strategy == CT_tensor_group ? CT_LOCAL
                                                                                     : CT_DYNAMIC;
    args.observer = args.dynamic == CT_DYNAMIC ? NULL : s->range == RANGE_mse ? "mse" : "minmax";
    return args;
}

/* An unknown key makes loading fail, so only old ones stand here: scale_dtype where it is not the model's. */
json_t *ct_args_json(const struct ct_args *a)
{
    bool group = a->strategy == CT_group || a->strategy == CT_tensor_group;
    json_t *block = a->strategy == CT_block ? json_pack("[I, I]", (json_int_t)a->block[0], (json_int_t)a->block[1]) : json_null();
    json_t *args = json_pack("{s:I, s:s, s:b, s:s, s:o, s:o, s:n, s:o, s:o, s:{}}", "num_bits", (json_int_t)a->bits, "type",
                             a->is_float ? "float" : "int", "symmetric", a->symmetric, "strategy", ct_strategies[a->strategy], "group_size",
                             group ? json_integer(a->group) : json_null(), "dynamic",
                             a->dynamic == CT_LOCAL ? json_string("local") : json_boolean(a->dynamic == CT_DYNAMIC), "actorder",
                             "block_structure", block, "observer", a->observer ? json_string(a->observer) : json_null(), "observer_kwargs");
    if (a->scale)
        json_object_set_new(args, "scale_dtype", json_string(a->scale));
    return args;
}

/* ---- arguments as specs ---- */

/* `per …`; NULL: none. */
static const char *per_text(struct arena *arena, const struct ct_args *a)
{
    switch (a->strategy) {
    case CT_tensor: return "per tensor";
    case CT_channel: return "per channel(0)";
    case CT_group:
    case CT_tensor_group: return a->group > 0 ? arena_printf(arena, "per group(%" PRId64 ")", a->group) : NULL;
    case CT_block: return arena_printf(arena, "per block(%" PRId64 ", %" PRId64 ")", a->block[0], a->block[1]);
    case CT_token: return "per token";
    case CT_attn_head:
    case CT_STRATEGY_COUNT: break;
    }
    return NULL;
}

/* Floats of 4 and 8 bits with the scales of MX (32) and NVFP4 (16), or plain ones.
 * Asymmetric floats do not exist there. */
static const char *float_text(struct arena *arena, const struct ct_args *a, const char *per, const char *scale)
{
    bool mx = a->strategy == CT_group && a->group == 32 && (!a->scale || !strcmp(a->scale, "torch.uint8"));
    if (!a->symmetric)
        return NULL;
    if (a->bits == 4)
        return a->strategy == CT_tensor_group && a->group == 16 ? "nvfp4" : mx ? "mxfp4" : NULL;
    if (a->bits != 8 || a->strategy == CT_tensor_group)
        return NULL;
    return mx && a->scale ? "mxfp8" : arena_printf(arena, "fp8_e4m3 %s scale %s", per, scale);
}

const char *ct_spec_text(struct arena *arena, const struct ct_args *a, const char *scale)
{
    const char *per = per_text(arena, a), *text = NULL;
    if (per && a->is_float)
        text = float_text(arena, a, per, scale);
    else if (per && a->bits >= 1 && a->bits <= 16 && a->strategy != CT_tensor_group)
        text = arena_printf(arena, "int%" PRId64 " %s %s scale %s", a->bits, a->symmetric ? "symmetric" : "asymmetric", per, scale);
    if (text && a->observer && strstr(a->observer, "mse"))
        text = arena_printf(arena, "%s range mse", text);
    return text;
}
