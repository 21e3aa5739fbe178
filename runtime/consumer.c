/* Consumers: which format holds what, and what its parts look like. See consumer.h and consumers.def. */
#include "runtime/consumer.h"

#include <string.h>

/* ---- what a format holds (file-formats.md §2.2) ---- */

/* Built-in formats go by their name; a user's own by its numbers. */
static bool is_format(const struct format *format, const char *name)
{
    if (!format || !strcmp(format->name, name))
        return format;
    bool built_in = format >= formats && format < formats + format_count;
    return !built_in && format_same(format, format_find(name));
}

/* The scale types that loaders of compressed-tensors cast to the model's own. */
static bool has_float_scale(const struct spec *s)
{
    return is_format(s->scale, "f32") || is_format(s->scale, "f16") || is_format(s->scale, "bf16");
}

/* Axes count from the end when negative. */
static int normal_axis(int axis, int rank)
{
    return axis < 0 ? axis + rank : axis;
}

/* compressed-tensors packs the weight matrices of modules. */
static bool is_module_matrix(const struct placement *p)
{
    const char *dot = strrchr(p->name, '.');
    return p->rank == 2 && dot && dot > p->name && !strcmp(dot, ".weight");
}

/* Codes may be laid out by the consumer unless the recipe asks for a layout of its own. */
static bool has_layout(const struct placement *p, enum layout layout)
{
    return p->spec->layout == LAYOUT_lsb || p->spec->layout == layout;
}

/* One scale a row of a matrix, whichever way the recipe says it. */
static bool is_per_row(const struct placement *p)
{
    const struct spec *s = p->spec;
    return s->granularity == GRANULARITY_token || (s->granularity == GRANULARITY_channel && normal_axis(s->axis, p->rank) == 0);
}

/* Groups along the columns that divide them. */
static bool is_per_group(const struct placement *p, int64_t group)
{
    const struct spec *s = p->spec;
    return s->granularity == GRANULARITY_group && normal_axis(s->axis, p->rank) == 1 && (!group || s->group == group) &&
           p->shape[1] % s->group == 0;
}

/* Zero points that fit the codes' bits, one for each row or group. */
static bool has_plain_zero(const struct placement *p)
{
    if (!spec_is_asymmetric(p->spec))
        return p->spec->zero != ZERO_float;
    return p->spec->scheme == SCHEME_asymmetric && p->spec->zero == ZERO_int && p->spec->granularity != GRANULARITY_tensor;
}

/* bf16 and f16 are types of their own: the tensor keeps its name and changes its dtype. */
static bool holds_dense(const struct placement *p)
{
    return !p->spec->scale && (is_format(p->spec->format, "bf16") || is_format(p->spec->format, "f16"));
}

/* The default of integer weights at any width, int8 included, since compressed-tensors' int-quantized asks for
 * quantized inputs. Unsigned formats fit as well: their code is the signed one plus 2^(B-1), which is what is stored.
 * */
static bool holds_pack_quantized(const struct placement *p)
{
    const struct spec *s = p->spec;
    return is_module_matrix(p) && s->format->kind == FORMAT_KIND_INT && s->format->bits <= 8 && has_float_scale(s) && !s->second &&
           s->formula != FORMULA_minval && has_layout(p, LAYOUT_i32) && has_plain_zero(p) &&
           (s->granularity == GRANULARITY_tensor || is_per_row(p) || is_per_group(p, 0));
}

/* Only beside integer activations of 8 bits. */
static bool holds_int_quantized(const struct placement *p)
{
    const struct spec *input = config_input(p->config), *s = p->spec;
    return input && input->format->kind == FORMAT_KIND_INT && input->format->bits == 8 && s->format->is_signed &&
           s->format->bits == 8 && has_layout(p, LAYOUT_byte) &&
           (s->granularity == GRANULARITY_tensor || is_per_row(p)) && holds_pack_quantized(p);
}

/* Groups of 16 under one f32 factor of the whole tensor. */
static bool holds_nvfp4(const struct placement *p)
{
    const struct spec *s = p->spec;
    return is_module_matrix(p) && is_format(s->format, "fp4_e2m1") && is_format(s->scale, "fp8_e4m3") && is_format(s->second, "f32") &&
           !s->super && has_layout(p, LAYOUT_lsb) && is_per_group(p, 16);
}

/* OCP MX: groups of 32, a power of two each. */
static bool is_mx(const struct placement *p, const char *format)
{
    const struct spec *s = p->spec;
    return is_module_matrix(p) && is_format(s->format, format) && is_format(s->scale, "fp8_e8m0") && !s->second && is_per_group(p, 32);
}

static bool holds_mxfp4(const struct placement *p)
{
    return is_mx(p, "fp4_e2m1") && has_layout(p, LAYOUT_lsb);
}

static bool holds_mxfp8(const struct placement *p)
{
    return is_mx(p, "fp8_e4m3") && has_layout(p, LAYOUT_byte);
}

/* e4m3 alone: compressed-tensors has no e5m2. */
static bool holds_float_quantized(const struct placement *p)
{
    const struct spec *s = p->spec;
    return is_module_matrix(p) && is_format(s->format, "fp8_e4m3") && has_float_scale(s) && !s->second && has_layout(p, LAYOUT_byte) &&
           (s->granularity == GRANULARITY_tensor || is_per_row(p));
}

/* Whatever is left, of any shape; the last row. */
static bool holds_quern(const struct placement *p)
{
    (void)p;
    return true;
}

/* ---- the tables ---- */

const struct consumer consumers[] = {
#define CONSUMER(name, word_, layout_, listed_) {CONSUMER_##name, word_, LAYOUT_##layout_, listed_, holds_##name},
#define PART(consumer, role, suffix, dtype, shape)
#include "runtime/consumers.def"
#undef CONSUMER
#undef PART
};
const size_t consumer_count = sizeof consumers / sizeof *consumers;

static const struct part parts[] = {
#define CONSUMER(name, word, layout, listed)
#define PART(consumer_, role_, suffix_, dtype_, shape_) \
    {CONSUMER_##consumer_, PART_##role_, suffix_, DTYPE_##dtype_, SHAPE_##shape_},
#include "runtime/consumers.def"
#undef CONSUMER
#undef PART
};

/* Parts of a consumer stand together, but nothing depends on it. */
const struct part *consumer_next_part(const struct consumer *consumer, const struct part *after)
{
    const struct part *end = parts + sizeof parts / sizeof *parts;
    for (const struct part *p = after ? after + 1 : parts; p < end; p++)
        if (p->consumer == consumer->id)
            return p;
    return NULL;
}

const struct consumer *consumer_find(const char *word)
{
    for (size_t i = 0; i < consumer_count; i++)
        if (!strcmp(consumers[i].word, word))
            return &consumers[i];
    return NULL;
}

/* Rows are in order of preference and the last holds everything, so this ends. */
const struct consumer *consumer_choose(const struct placement *p)
{
    const struct consumer *c = consumers;
    while (!c->holds(p))
        c++;
    return c;
}

/* The recipe's spec stays what reports print; only kernels see this one. */
struct spec consumer_spec(const struct consumer *consumer, const struct spec *spec)
{
    struct spec copy = *spec;
    if (consumer->layout != LAYOUT_spec)
        copy.layout = (enum layout)consumer->layout;
    return copy;
}

/* `input` alone and `input[0]` both answer here; an input that is off is none. */
const struct spec *config_input(const struct config *config)
{
    bool off = false;
    return config ? config_slot(config, SLOT_INPUT, 0, NULL, &off) : NULL;
}

/* ---- parts ---- */

/* `format` and `scale` stand for the type that files have for one code or scale of the spec. */
static int part_dtype(const struct part *part, const struct spec *spec)
{
    const struct format *format = part->dtype == DTYPE_format ? spec->format : part->dtype == DTYPE_scale ? spec->scale : NULL;
    return format ? (int)format->dtype : part->dtype;
}

/* What a tensor has follows from its spec: symmetric ones have no zero points, plain ones no scales. */
static bool has_part(const struct part *part, const struct kernel_storage *storage)
{
    switch (part->role) {
    case PART_codes:
    case PART_shape:
        return true;
    case PART_scale:
        return storage->scale_count > 0;
    case PART_zero:
        return storage->has_zero;
    case PART_second:
        return storage->has_second;
    }
    return false;
}

static void set_shape(struct stored *t, int rank, const int64_t *shape)
{
    t->rank = rank;
    t->shape = shape;
}

/* One size or two; the rank decides how many count. */
static int64_t *new_shape(struct arena *arena, int64_t first, int64_t second)
{
    int64_t *shape = ARENA_ARRAY(arena, 2, int64_t);
    shape[0] = first;
    shape[1] = second;
    return shape;
}

/* Shapes as file-formats.md §2.2's table gives them, out = rows, in = columns. */
static void shape_part(struct arena *arena, const struct part *part, const struct placement *p, const struct spec *spec,
                       const struct kernel_storage *s, struct stored *t)
{
    int64_t per_row = s->rows ? s->scale_count / s->rows : 0, bits = s->rows * spec->format->bits;
    switch (part->shape) {
    case SHAPE_same:
        set_shape(t, p->rank, p->shape);
        break;
    case SHAPE_rows:
        set_shape(t, 2, new_shape(arena, s->rows, s->code_row_bytes * 8 / dtype_rows[t->dtype].bits));
        break;
    case SHAPE_matrix:
        if (spec->granularity == GRANULARITY_tensor)
            set_shape(t, 1, new_shape(arena, 1, 0));
        else
            set_shape(t, 2, new_shape(arena, s->rows, per_row));
        break;
    case SHAPE_scales:
        set_shape(t, s->scale_rank, memcpy(ARENA_ARRAY(arena, KERNEL_RANK_MAX, int64_t), s->scale_shape, sizeof s->scale_shape));
        break;
    case SHAPE_packed:
        set_shape(t, 2, new_shape(arena, bits / 32 + (bits % 32 != 0), per_row));
        break;
    case SHAPE_one:
        set_shape(t, 1, new_shape(arena, 1, 0));
        break;
    case SHAPE_rank:
        set_shape(t, 1, new_shape(arena, p->rank, 0));
        break;
    }
}

/* The same function names parts for the writer and says what the reader must find. */
bool consumer_part(struct arena *arena, const struct part *part, const struct placement *p, const struct spec *spec,
                   const struct kernel_storage *storage, struct stored *stored)
{
    if (!has_part(part, storage))
        return false;
    *stored = (struct stored){.name = *part->suffix ? arena_printf(arena, "%s%s", p->name, part->suffix) : p->name,
                              .dtype = part_dtype(part, spec)};
    shape_part(arena, part, p, spec, storage, stored);
    return stored_size(stored->dtype, stored->shape, stored->rank, &stored->elements, &stored->bytes);
}
