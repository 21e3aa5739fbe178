/* Quark's Config as a file of its fields: one config for six layer types, steps before and after. In: the mapping of a Config.
 * Out: config `global`, a rule for its layer types, prepare and algorithm. What Quark's verify_config raises is an error
 * (quark_refused), what fails later, when the model is quantized or runs, a warning (quark_late); a tensor that no spec
 * describes is kept as extra. docs/quark.md. */
#include "lang/foreign.h"

#include <string.h>
#include "lang/quark.h"

struct quark {
    struct yaml_reading *y;
    const struct yaml_node *nodes[QUARK_TENSOR_COUNT]; /* of global_quant_config; NULL: none */
    struct quark_tensor tensors[QUARK_TENSOR_COUNT];
};

#define REFUSE(q, node, ...) diag_report((q)->y->diags, DIAG_quark_refused, (node)->span, __VA_ARGS__)
#define WARN(q, node, ...) diag_report((q)->y->diags, DIAG_quark_late, (node)->span, __VA_ARGS__)
#define IGNORED(q, node, ...) diag_report((q)->y->diags, DIAG_foreign_ignored, (node)->span, __VA_ARGS__)

static bool is_given(const struct yaml_node *node)
{
    return node && node->kind != YAML_NULL;
}

/* A dataclass takes no other keyword. */
static void refuse_key(struct quark *q, const struct yaml_node *key, const char *class, const char *const *words, size_t count)
{
    struct diag *diag = REFUSE(q, key, "%s has no field `%s`", class, key->text);
    yaml_help_nearest(q->y, diag, key->text, words, count);
}

static bool expect_mapping(struct quark *q, const struct yaml_node *node, const char *what)
{
    if (node->kind != YAML_MAPPING)
        REFUSE(q, node, "`%s`: expected a mapping, saw %s", what, yaml_kind_words[node->kind]);
    return node->kind == YAML_MAPPING;
}

/* ---- one tensor ---- */

/* The enum's word of that field, or -1 after a message. */
static int find_word(struct quark *q, const struct yaml_pair *pair)
{
    const char *words[QUARK_WORD_COUNT];
    size_t count = 0;
    for (int i = 0; i < QUARK_WORD_COUNT; i++) {
        if (!yaml_is(pair->key, quark_words[i].field))
            continue;
        if (yaml_is(pair->value, quark_words[i].word))
            return i;
        words[count++] = quark_words[i].word;
    }
    struct diag *diag = REFUSE(q, pair->value, "`%s` has no value `%s`", pair->key->text,
                               pair->value->kind < YAML_SEQUENCE ? pair->value->text : yaml_kind_words[pair->value->kind]);
    if (pair->value->kind == YAML_STRING)
        yaml_help_nearest(q->y, diag, pair->value->text, words, count);
    return -1;
}

/* A word's row says which field it belongs to. */
static void set_word(struct quark_tensor *t, int word)
{
    const char *field = quark_words[word].field;
    enum quark_word *fields[] = {&t->qscheme, &t->scale_type, &t->quant_type, &t->param_type};
    for (int i = 0; i < 4; i++)
        if (!strcmp(quark_words[*fields[i]].field, field))
            *fields[i] = (enum quark_word)word;
}

/* A field that is null is as one that is absent. */
static void read_number(struct quark *q, struct quark_tensor *t, int number, const struct yaml_node *value)
{
    t->given[number] = is_given(value);
    if (!t->given[number])
        return;
    if (value->kind != YAML_INT || value->too_wide)
        REFUSE(q, value, "`%s`: expected an integer, saw `%s`", quark_number_fields[number],
               value->kind < YAML_SEQUENCE ? value->text : yaml_kind_words[value->kind]);
    else
        t->numbers[number] = value->integer;
}

static void read_field(struct quark *q, struct quark_tensor *t, const struct yaml_pair *pair)
{
    const char *words[QUARK_WORD_COUNT + QUARK_NUMBER_COUNT + 1];
    size_t count = 0;
    words[count++] = "symmetric";
    if (yaml_is(pair->key, "symmetric")) {
        t->symmetric = yaml_truth(pair->value);
        return;
    }
    for (int i = 0; i < QUARK_NUMBER_COUNT; i++) {
        if (yaml_is(pair->key, quark_number_fields[i])) {
            read_number(q, t, i, pair->value);
            return;
        }
        words[count++] = quark_number_fields[i];
    }
    for (int i = 0; i < QUARK_WORD_COUNT; i++) {
        int word = yaml_is(pair->key, quark_words[i].field) ? find_word(q, pair) : -2;
        if (word >= 0)
            set_word(t, word);
        if (word >= -1)
            return;
        words[count++] = quark_words[i].field;
    }
    refuse_key(q, pair->key, "QTensorConfig", words, count);
}

static void read_tensor(struct quark *q, int field, const struct yaml_node *node)
{
    q->tensors[field] = quark_tensor_default();
    if (!is_given(node) || !expect_mapping(q, node, quark_tensors[field].field))
        return;
    q->nodes[field] = node;
    for (size_t i = 0; i < node->count; i++)
        read_field(q, &q->tensors[field], &node->pairs[i]);
}

/* ---- verify_config ---- */

/* Widths: 1 sign + e + m bits. */
static void check_float(struct quark *q, const struct quark_tensor *t, const struct yaml_node *node)
{
    bool widths = t->given[QUARK_exponent_bit_width] && t->given[QUARK_mantissa_bit_width];
    int64_t e = t->numbers[QUARK_exponent_bit_width], m = t->numbers[QUARK_mantissa_bit_width];
    if (!widths)
        REFUSE(q, node, "float_quant needs `exponent_bit_width` and `mantissa_bit_width`");
    else if (!e)
        WARN(q, node, "a float without exponent bits fails in Brevitas when the model is quantized");
    else if (t->numbers[QUARK_bit_width] - 1 - e != m)
        WARN(q, node, "`bit_width` is not 1 + exponent + mantissa: it fails in Brevitas when the model is quantized");
    if (!t->symmetric)
        REFUSE(q, node, "float_quant is symmetric");
}

static void check_bias(struct quark *q, const struct quark_tensor *t, const struct yaml_node *node)
{
    int64_t bits = t->numbers[QUARK_bit_width];
    bool set[] = {t->qscheme != QUARK_qscheme_per_tensor, !t->symmetric, t->scale_type != QUARK_scale_type_float, t->param_type != QUARK_param_type_stats,
                  t->given[QUARK_exponent_bit_width] || t->given[QUARK_mantissa_bit_width]};
    static const char *const what[] = {"qscheme", "symmetric", "scale_type", "param_type", "exponent_bit_width` and `mantissa_bit_width"};
    const struct quark_tensor *input = &q->tensors[QUARK_input_tensors], *weight = &q->tensors[QUARK_weight];
    if (!q->nodes[QUARK_input_tensors])
        REFUSE(q, node, "a bias needs `input_tensors`: its scale is the product of theirs and the weight's");
    else if (!q->nodes[QUARK_weight] || weight->quant_type != QUARK_quant_type_int_quant || input->quant_type != QUARK_quant_type_int_quant)
        WARN(q, node, "a bias beside inputs or weights that are no integers fails when the model runs");
    if (t->quant_type == QUARK_quant_type_float_quant)
        REFUSE(q, node, "a bias is no float_quant");
    for (int i = 0; i < 5; i++)
        if (set[i])
            IGNORED(q, node, "`%s` of a bias has no effect", what[i]);
    if (bits != 8 && bits != 16 && bits != 24 && bits != 32)
        WARN(q, node, "a bias has 8, 16, 24 or 32 bits: Quark fails when the model is quantized");
}

static void check_tensor(struct quark *q, int field)
{
    const struct quark_tensor *t = &q->tensors[field];
    const struct yaml_node *node = q->nodes[field];
    bool is_float = t->quant_type == QUARK_quant_type_float_quant;
    if (!node)
        return;
    if (is_float && field != QUARK_bias)
        check_float(q, t, node);
    if (field == QUARK_bias)
        check_bias(q, t, node);
    else if (!quark_is_mapped(t, (enum quark_tensor_field)field) && !(is_float && !t->symmetric))
        WARN(q, node, "Quark has no quantizer for this `%s`: it fails when the model is quantized", quark_tensors[field].field);
    else if (is_float && field != QUARK_weight && t->param_type == QUARK_param_type_mse)
        IGNORED(q, node, "`param_type: mse` of a float activation has no effect");
}

/* ---- the config ---- */

/* What no spec describes, for the host: the fields as they are. */
static void keep_rest(struct quark *q, struct ast_decl *config, const struct yaml_node *layer, const bool *kept)
{
    struct yaml_node rest = {.kind = YAML_MAPPING, .span = layer->span};
    size_t capacity = 0;
    for (size_t i = 0; i < layer->count; i++)
        for (int f = 0; f < QUARK_TENSOR_COUNT; f++)
            if (kept[f] && layer->pairs[i].value == q->nodes[f] && yaml_is(layer->pairs[i].key, quark_tensors[f].field))
                *ARENA_PUSH(q->y->arena, rest.pairs, rest.count, capacity) = layer->pairs[i];
    if (!rest.count)
        return;
    config->config.extra = yaml_to_json(q->y->arena, &rest, q->y->diags);
    config->config.extra_span = layer->span;
}

static void add_config(struct quark *q, const struct yaml_node *layer)
{
    struct text body = text_make(q->y->arena);
    bool kept[QUARK_TENSOR_COUNT] = {false};
    text_char(&body, '{');
    for (int f = 0; f < QUARK_TENSOR_COUNT; f++) {
        const char *spec = q->nodes[f] ? quark_spec_text(q->y->arena, &q->tensors[f], (enum quark_tensor_field)f) : NULL;
        kept[f] = q->nodes[f] && !spec;
        if (spec)
            text_printf(&body, " %s %s", quark_tensors[f].slot, spec);
        else if (kept[f])
            diag_report(q->y->diags, DIAG_foreign_kept, q->nodes[f]->span, "no spec does what this `%s` does; it is kept as extra", quark_tensors[f].field);
    }
    text_add(&body, " }");
    struct ast_decl *config = foreign_declare(q->y, AST_DECL_config, "global", layer->span, text_string(&body));
    if (!config)
        return;
    keep_rest(q, config, layer, kept);
    const char *classes = quark_layers(q->y->arena);
    struct ast_predicate *layers = foreign_atom(q->y, layer->span, ATOM_type_re, classes, strlen(classes));
    foreign_rule(q->y, layer->span, "layers", layers, AST_TARGET_CONFIG, "global");
}

/* Tensors are read before any is checked: a bias asks for the others. */
static void read_layer(struct quark *q, const struct yaml_node *layer)
{
    const char *fields[QUARK_TENSOR_COUNT];
    if (!expect_mapping(q, layer, "global_quant_config"))
        return;
    for (int f = 0; f < QUARK_TENSOR_COUNT; f++) {
        fields[f] = quark_tensors[f].field;
        read_tensor(q, f, yaml_get(layer, fields[f]));
    }
    for (size_t i = 0; i < layer->count; i++) {
        int f = 0;
        while (f < QUARK_TENSOR_COUNT && !yaml_is(layer->pairs[i].key, fields[f]))
            f++;
        if (f == QUARK_TENSOR_COUNT)
            refuse_key(q, layer->pairs[i].key, "QLayerConfig", fields, QUARK_TENSOR_COUNT);
    }
    for (int f = 0; f < QUARK_TENSOR_COUNT; f++)
        check_tensor(q, f);
    if (!q->y->diags->errors)
        add_config(q, layer);
}

/* ---- the whole ---- */

void foreign_read_quark(struct yaml_reading *y, const struct yaml_node *root)
{
    static const char *const keys[] = {"global_quant_config", "pre_quant_opt_config", "algo_config", "backend"};
    struct quark q = {.y = y};
    if (!expect_mapping(&q, root, "Config"))
        return;
    const struct yaml_node *layer = yaml_get(root, keys[0]), *backend = yaml_get(root, keys[3]);
    for (size_t i = 0; i < root->count; i++) {
        int k = 0;
        while (k < 4 && !yaml_is(root->pairs[i].key, keys[k]))
            k++;
        if (k == 4)
            refuse_key(&q, root->pairs[i].key, "Config", keys, 4);
    }
    if (!layer)
        REFUSE(&q, root, "Config needs `global_quant_config`");
    if (backend && !yaml_is(backend, "layerwise"))
        REFUSE(&q, backend, "the only backend is `layerwise`");
    foreign_read_quark_steps(y, yaml_get(root, keys[1]), false, true);
    if (layer)
        read_layer(&q, layer);
    foreign_read_quark_steps(y, yaml_get(root, keys[2]), true, q.nodes[QUARK_input_tensors] != NULL);
}
