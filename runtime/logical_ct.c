/* Logical tensors of compressed-tensors checkpoints. In: quantization_config of config.json; out: modules and their specs.
 * Reads what Quern writes, and checkpoints of others as far as their formats are in consumers.def: exact module names as
 * targets, and the target "Linear" for every module that has quantized parts. What its words mean: lang/compressed.h. */
#include <string.h>
#include "lang/compressed.h"
#include "runtime/config_file.h"
#include "runtime/logical.h"
#include "runtime/report.h"

/* One entry of config_groups. */
struct ct_group {
    const char *key;
    const struct consumer *consumer;
    json_t *weights;
};

#define REPORT(f, code, ...) REPORT_ABOUT((f)->session->diags, code, (f)->model->path, __VA_ARGS__)
#define SHOWN(f, name) name_shown((f)->session->arena, name)

/* "" stands for a member that is missing or no string. */
static const char *text_of(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* ---- specs ---- */

/* The scale's format is that of the stored scales. */
static const char *scale_text(const struct finding *f, const char *name)
{
    const struct stored *scale = finding_part(f, name, "_scale");
    if (!scale || (scale->dtype != DTYPE_f32 && scale->dtype != DTYPE_f16 && scale->dtype != DTYPE_bf16))
        return "f32";
    return dtype_rows[scale->dtype].word;
}

/* The words of one QuantizationArgs that decide how the weights were stored; false: no strategy that has a name. */
static bool read_args(json_t *w, struct ct_args *args)
{
    const char *strategy = text_of(w, "strategy");
    int found = 0;
    while (found < CT_STRATEGY_COUNT && strcmp(strategy, ct_strategies[found]))
        found++;
    *args = (struct ct_args){.bits = json_integer_value(json_object_get(w, "num_bits")), .is_float = strcmp(text_of(w, "type"), "int") != 0,
                             .symmetric = !json_is_false(json_object_get(w, "symmetric")), .strategy = (enum ct_strategy)found,
                             .group = json_integer_value(json_object_get(w, "group_size"))};
    return found < CT_STRATEGY_COUNT;
}

/* The format says more than the arguments of old files do. NULL: the group says something that this version does not read. */
static const char *spec_text(struct finding *f, const struct ct_group *group, const char *name)
{
    struct ct_args args;
    bool matrix = read_args(group->weights, &args) && args.strategy != CT_block && args.strategy != CT_token;
    switch (group->consumer->id) {
    case CONSUMER_nvfp4:
        return "nvfp4";
    case CONSUMER_mxfp4:
        return "mxfp4";
    case CONSUMER_mxfp8:
        return "mxfp8";
    case CONSUMER_float_quantized:
        return matrix && args.is_float && args.bits == 8 ? ct_spec_text(f->session->arena, &args, scale_text(f, name)) : NULL;
    case CONSUMER_int_quantized:
    case CONSUMER_pack_quantized:
        return matrix && !args.is_float && args.bits <= 8 ? ct_spec_text(f->session->arena, &args, scale_text(f, name)) : NULL;
    case CONSUMER_dense:
    case CONSUMER_quern:
        break;
    }
    return NULL;
}

/* ---- shapes ---- */

/* The original shape, as weight_shape says it: two sizes. */
static bool read_shape_part(struct finding *f, const char *name, int64_t *shape)
{
    const struct stored *t = finding_part(f, name, "_shape");
    if (!t || t->dtype != DTYPE_i64 || t->elements != 2)
        return REPORT(f, missing_part, "tensor %s: there is no %s_shape of two I64", SHOWN(f, name), name);
    int error = file_read_at(t->shard->file, shape, 2 * sizeof *shape, t->offset);
    if (error)
        return REPORT_ABOUT(f->session->diags, cannot_read, t->shard->path, "cannot read the data of a tensor: %s", file_reason(error));
    return (shape[0] >= 0 && shape[1] >= 0) || REPORT(f, bad_part, "tensor %s: its weight_shape has a negative size", SHOWN(f, name));
}

/* Codes of the tensor's own shape, or two to a byte, or packed with the shape beside. */
static bool find_shape(struct finding *f, const struct ct_group *group, struct logical *t)
{
    const struct part *codes_part = consumer_next_part(group->consumer, NULL);
    const struct stored *codes = finding_part(f, t->name, codes_part->suffix);
    int64_t *shape = ARENA_ARRAY(&f->model->arena, 2, int64_t);
    if (!codes || codes->rank != 2)
        return REPORT(f, config_differs, "config.json says that %s is %s, but there is no matrix %s%s", SHOWN(f, t->name), group->consumer->word,
                      t->name, codes_part->suffix);
    t->rank = 2;
    t->shape = shape;
    shape[0] = codes->shape[0];
    shape[1] = codes->shape[1];
    if (codes_part->shape == SHAPE_same)
        return true;
    if (group->consumer->id == CONSUMER_pack_quantized)
        return read_shape_part(f, t->name, shape);
    return !__builtin_mul_overflow(shape[1], 2, &shape[1]) || REPORT(f, bad_part, "tensor %s: its shape cannot be read", SHOWN(f, t->name));
}

/* ---- modules ---- */

/* The spec as the language would write it, so that one parser and one kernel path serve every source of checkpoints. */
static bool add_module(struct finding *f, const struct ct_group *group, const char *name, int dtype)
{
    struct logical t = {.name = name, .consumer = group->consumer, .dtype = dtype};
    if (!find_shape(f, group, &t))
        return false;
    const char *text = spec_text(f, group, name);
    const struct spec *spec = text ? spec_parse(&f->model->arena, text, f->session->diags) : NULL;
    if (!spec)
        return REPORT(f, config_differs, "config.json: the weights of %s are a kind that is not read by this version", group->key);
    struct spec *kernel = ARENA_NEW(&f->model->arena, struct spec);
    *kernel = consumer_spec(group->consumer, spec);
    t.spec = kernel;
    return finding_add(f, t);
}

/* The target "Linear": each module with scales that no other target has taken. */
static bool add_all(struct finding *f, const struct ct_group *group, int dtype)
{
    for (size_t i = 0; i < f->model->count; i++) {
        const char *name = f->model->tensors[i]->name, *end = strstr(name, ".weight_scale");
        if (!end || strcmp(end, ".weight_scale") || f->claimed[i])
            continue;
        if (!add_module(f, group, arena_copy(&f->model->arena, name, (size_t)(end - name) + 7), dtype))
            return false;
    }
    return true;
}

/* Targets in the order of the file; "Linear" takes what none before it took. A target nobody can find is an error, since its
 * weights would silently be missing. */
static bool add_group(struct finding *f, const struct ct_group *group, json_t *targets, int dtype)
{
    size_t i;
    json_t *target;
    json_array_foreach(targets, i, target) {
        const char *module = json_string_value(target);
        if (!module)
            return REPORT(f, bad_config, "config.json: %s: a target is not a string", group->key);
        if (!strcmp(module, "Linear") ? !add_all(f, group, dtype)
                                      : !add_module(f, group, arena_printf(&f->model->arena, "%s.weight", module), dtype))
            return false;
    }
    return true;
}

/* config.json's torch_dtype or dtype. */
static int model_dtype(json_t *config)
{
    static const struct {
        const char *word;
        int dtype;
    } words[] = {{"bfloat16", DTYPE_bf16}, {"float16", DTYPE_f16}, {"float32", DTYPE_f32}, {"float64", DTYPE_f64}};
    const char *said = *text_of(config, "dtype") ? text_of(config, "dtype") : text_of(config, "torch_dtype");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i].word, said))
            return words[i].dtype;
    return DTYPE_f32;
}

/* A group's own format beats the checkpoint's: a mixed checkpoint has no other way to say it. */
bool finding_compressed(struct finding *f)
{
    struct config_file config;
    const char *key;
    json_t *entry;
    if (!config_read(f->session, f->model, &config))
        return false;
    json_t *root = config_quantization(&config);
    if (!root || !strcmp(text_of(root, "quant_method"), "quern"))
        return true;
    if (strcmp(text_of(root, "quant_method"), "compressed-tensors"))
        return REPORT(f, config_differs, "config.json: quant_method %s is not read by this version", SHOWN(f, text_of(root, "quant_method")));
    json_object_foreach(json_object_get(root, "config_groups"), key, entry) {
        const char *word = *text_of(entry, "format") ? text_of(entry, "format") : text_of(root, "format");
        struct ct_group group = {key, consumer_find(word), json_object_get(entry, "weights")};
        if (!group.consumer || !group.consumer->listed)
            return REPORT(f, config_differs, "config.json: %s: the format %s is not read by this version", key, SHOWN(f, word));
        if (!add_group(f, &group, json_object_get(entry, "targets"), model_dtype(config.json->value)))
            return false;
    }
    return true;
}
