/* AMD Quark's QTensorConfig: its tables and the specs that do the same. In: the fields of a tensor's config. Out: the text of a
 * spec with the same result in Brevitas, or NULL where there is none: then the fields are kept as extra. See quark.h;
 * docs/quark.md. */
#include "lang/quark.h"

#include <string.h>

const struct quark_word_row quark_words[QUARK_WORD_COUNT] = {
#define QUARK_WORD(field, word) {#field, #word},
#include "lang/quark.def"
};
const char *const quark_number_fields[QUARK_NUMBER_COUNT] = {
#define QUARK_NUMBER(field) #field,
#include "lang/quark.def"
};
const struct quark_tensor_row quark_tensors[QUARK_TENSOR_COUNT] = {
#define QUARK_TENSOR(field, slot) {#field, #slot},
#include "lang/quark.def"
};
enum { IS_prepare = 0, IS_algorithm = 1 };
const struct quark_step_row quark_steps[QUARK_STEP_COUNT] = {
#define QUARK_STEP(class, step, list) {#class, #step, IS_##list},
#include "lang/quark.def"
};
/* The six classes, with or without the module that defines them. */
const char *quark_layers(struct arena *arena)
{
    static const char *const classes[] = {
#define QUARK_LAYER(class) #class,
#include "lang/quark.def"
    };
    struct text regex = text_make(arena);
    text_add(&regex, "torch\\.nn\\.(modules\\.[a-z]+\\.)?(");
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        text_printf(&regex, "%s%s", i ? "|" : "", classes[i]);
    text_char(&regex, ')');
    return text_string(&regex);
}

/* The dataclass's own defaults. */
struct quark_tensor quark_tensor_default(void)
{
    struct quark_tensor t = {QUARK_qscheme_per_tensor, QUARK_scale_type_float, QUARK_quant_type_int_quant, QUARK_param_type_stats, true, {0}, {0}};
    t.numbers[QUARK_bit_width] = 8;
    return t;
}

/* Weights: per tensor or channel; activations: per tensor. pof2 has no asymmetric weights and no floats.
 * The keys of Quark's table from config to Brevitas quantizer; a bias has one whatever its fields say. */
bool quark_is_mapped(const struct quark_tensor *t, enum quark_tensor_field field)
{
    bool tensor = t->qscheme == QUARK_qscheme_per_tensor, channel = t->qscheme == QUARK_qscheme_per_channel;
    bool pof2 = t->scale_type == QUARK_scale_type_pof2, mse = t->param_type == QUARK_param_type_mse;
    if (field == QUARK_bias)
        return true;
    if (!tensor && !(channel && field == QUARK_weight))
        return false;
    if (!pof2 && t->scale_type != QUARK_scale_type_float)
        return false;
    if (t->quant_type == QUARK_quant_type_float_quant)
        return t->symmetric && !pof2;
    return t->symmetric || !pof2 || (field != QUARK_weight && !mse);
}

/* mse tries T·i/20 for i = 2..20; activations' statistics are the 99.999th percentile of the magnitudes. */
static const char *range_text(const struct quark_tensor *t, bool weight)
{
    if (t->param_type == QUARK_param_type_mse)
        return " range mse(n = 20, from = 0.1)";
    return weight ? "" : " range percentile(p = 99.999)";
}

/* What no spec does: asymmetric weights divide by 2^b - 2, power-of-two ones are narrow and divide by 2^(b-1). */
static const char *int_text(struct arena *arena, const struct quark_tensor *t, bool weight, const char *per)
{
    long long bits = t->numbers[QUARK_bit_width];
    const char *range = range_text(t, weight);
    bool pof2 = t->scale_type == QUARK_scale_type_pof2;
    if (bits < 2 || bits > 16 || (weight && (pof2 || !t->symmetric)) || (pof2 && !t->symmetric))
        return NULL;
    if (weight)
        return arena_printf(arena, "int%lld symmetric narrow %s scale f32%s", bits, per, range);
    if (!t->symmetric)
        return arena_printf(arena, "uint%lld asymmetric %s scale f32 formula z_before%s static", bits, per, range);
    return arena_printf(arena, "int%lld symmetric power %s scale f32%s%s static", bits, per, pof2 ? " pow2 ceil" : "", range);
}

/* Every code is a number: e4m3 reaches 480. Activations have no percentile and no search. */
static const char *float_text(struct arena *arena, const struct quark_tensor *t, bool weight, const char *per)
{
    long long e = t->numbers[QUARK_exponent_bit_width], m = t->numbers[QUARK_mantissa_bit_width];
    if (e < 1 || e > 8 || m < 0 || m > 7 || t->numbers[QUARK_bit_width] != 1 + e + m)
        return NULL;
    return arena_printf(arena, "float(e = %lld, m = %lld) %s scale f32%s", e, m, per, weight ? range_text(t, true) : " static");
}

/* A bias has no scale of its own: it is the product of the input's and the weight's. */
const char *quark_spec_text(struct arena *arena, const struct quark_tensor *t, enum quark_tensor_field field)
{
    bool weight = field == QUARK_weight;
    const char *per = t->qscheme == QUARK_qscheme_per_channel ? "per channel(0)" : "per tensor";
    if (field == QUARK_bias || !quark_is_mapped(t, field))
        return NULL;
    return t->quant_type == QUARK_quant_type_float_quant ? float_text(arena, t, weight, per) : int_text(arena, t, weight, per);
}
