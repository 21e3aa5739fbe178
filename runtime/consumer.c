/* Consumers: which format holds what, and what its parts look like. In: a tensor with its spec; out: a row, and parts as stored
 * tensors. Writer, reader and plan call the same functions, so that they cannot disagree. See consumer.h and consumers.def. */
#include "runtime/consumer.h"

#include <string.h>
#include "lang/compressed.h"

/* ---- what a format holds (lang/compressed.h) ---- */

/* compressed-tensors packs the weight matrices of modules. */
static bool is_module_matrix(const struct placement *p)
{
    const char *dot = strrchr(p->name, '.');
    return p->rank == 2 && dot && dot > p->name && !strcmp(dot, ".weight");
}

/* Groups along the columns have to divide them. */
static bool holds_compressed(const struct placement *p, const char *format)
{
    const struct spec *s = p->spec;
    const char *word = is_module_matrix(p) ? ct_format(s, config_input(p->config)) : NULL;
    return word && !strcmp(word, format) && (s->granularity != GRANULARITY_group || p->shape[1] % s->group == 0);
}

/* bf16 and f16 are types of their own: the tensor keeps its name and changes its dtype. */
static bool holds_dense(const struct placement *p)
{
    const struct format *f = p->spec->format;
    return !p->spec->scale && (format_same(f, format_find("bf16")) || format_same(f, format_find("f16")));
}

#define HOLDS(name, word)                                  \
    static bool holds_##name(const struct placement *p)    \
    {                                                      \
        return holds_compressed(p, word);                  \
    }
/* One predicate for each format of compressed-tensors; rows of consumers.def find them by name. */
HOLDS(int_quantized, CT_INT_QUANTIZED)
HOLDS(nvfp4, CT_NVFP4)
HOLDS(mxfp4, CT_MXFP4)
HOLDS(mxfp8, CT_MXFP8)
HOLDS(float_quantized, CT_FLOAT_QUANTIZED)
HOLDS(pack_quantized, CT_PACK_QUANTIZED)
#undef HOLDS

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

/* By the word that config.json and plans use. */
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

/* shape is borrowed: the tensor's own, or one in the arena. */
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

/* Shapes as compressed-tensors' compressors give them, out = rows, in = columns; consumers.def names each kind. */
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
