/* compressed-tensors' QuantizationConfig: groups of targets with schemes, and a list of what is ignored. In: the mapping under
 * quantization_config. Out: a config for each group, rules in this order: ignored first; then exact names and `re:` patterns, those
 * without "re:" before those with, each by text; then class names by text. A target that stands in two groups has the later one's
 * scheme. What its models of pydantic raise is an error. docs/huggingface.md. */
#include "lang/foreign.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "lang/compressed.h"
#include "lang/yaml_tree.h"

struct target {
    const struct yaml_node *node;
    const char *group; /* the config's name */
};
struct compressed {
    struct yaml_reading *y;
    struct yaml_table seen; /* target text -> index */
    struct target *targets;
    size_t count, capacity;
};

#define REFUSE(c, node, ...) diag_report((c)->y->diags, DIAG_hf_refused, (node)->span, __VA_ARGS__)

/* A scalar's text, a collection's kind. */
static const char *shown(const struct yaml_node *node)
{
    return node->kind < YAML_SEQUENCE ? node->text : yaml_kind_words[node->kind];
}

/* Present and not null. */
static const struct yaml_node *given(const struct yaml_node *mapping, const char *key)
{
    const struct yaml_node *node = yaml_get(mapping, key);
    return node && node->kind != YAML_NULL ? node : NULL;
}

/* Schemes and arguments forbid other keys. */
static void check_keys(struct compressed *c, const struct yaml_node *mapping, const char *class, const char *const *words, size_t count)
{
    for (size_t i = 0; i < mapping->count; i++) {
        const struct yaml_node *key = mapping->pairs[i].key;
        size_t k = 0;
        while (k < count && !yaml_is(key, words[k]))
            k++;
        if (k < count)
            continue;
        struct diag *diag = REFUSE(c, key, "%s has no field `%s`", class, key->text);
        yaml_help_nearest(c->y, diag, key->text, words, count);
    }
}

/* ---- QuantizationArgs ---- */

static int64_t read_integer(struct compressed *c, const struct yaml_node *args, const char *key, int64_t fallback)
{
    const struct yaml_node *node = given(args, key);
    if (!node)
        return fallback;
    if (node->kind == YAML_INT && !node->too_wide)
        return node->integer;
    REFUSE(c, node, "`%s`: expected an integer, saw `%s`", key, shown(node));
    return fallback;
}

/* Words are compared in lower case. The index, or -1 after a message; fallback when the key is absent. */
static int read_word(struct compressed *c, const struct yaml_node *args, const char *key, const char *const *words, int count, int fallback)
{
    const struct yaml_node *node = given(args, key);
    if (!node)
        return fallback;
    for (int i = 0; i < count; i++)
        if (node->kind == YAML_STRING && !strcasecmp(node->text, words[i]))
            return i;
    struct diag *diag = REFUSE(c, node, "`%s` has no value `%s`", key, shown(node));
    yaml_help_nearest(c->y, diag, shown(node), words, (size_t)count);
    return -1;
}

/* [rows, columns], or "128x128" as old files have it. */
static bool read_block(struct compressed *c, const struct yaml_node *args, struct ct_args *a)
{
    const struct yaml_node *node = given(args, "block_structure");
    if (!node)
        return false;
    long long rows, columns;
    char rest;
    if (node->kind == YAML_SEQUENCE && node->count == 2 && node->items[0]->kind == YAML_INT && node->items[1]->kind == YAML_INT) {
        a->block[0] = node->items[0]->integer;
        a->block[1] = node->items[1]->integer;
    } else if (node->kind == YAML_STRING && sscanf(node->text, "%18lldx%18lld%c", &rows, &columns, &rest) == 2) {
        a->block[0] = rows;
        a->block[1] = columns;
    } else {
        REFUSE(c, node, "`block_structure`: expected [rows, columns], saw `%s`", shown(node));
    }
    return true;
}

static enum ct_dynamic read_dynamic(struct compressed *c, const struct yaml_node *args)
{
    const struct yaml_node *node = given(args, "dynamic");
    if (!node || (node->kind == YAML_BOOL && !node->boolean))
        return CT_STATIC;
    if (node->kind == YAML_STRING && !strcasecmp(node->text, "local"))
        return CT_LOCAL;
    if (node->kind != YAML_BOOL)
        REFUSE(c, node, "`dynamic`: expected true, false or \"local\", saw `%s`", shown(node));
    return CT_DYNAMIC;
}

/* Without a strategy the group size decides. */
static enum ct_strategy infer_strategy(int64_t group, bool has_group)
{
    return !has_group ? CT_tensor : group > 0 ? CT_group : CT_channel;
}

/* What validate_model_after raises. */
static void check_args(struct compressed *c, const struct yaml_node *node, const struct ct_args *a, bool has_group, bool has_block)
{
    bool group = a->strategy == CT_group || a->strategy == CT_tensor_group;
    bool dynamic = a->strategy == CT_token || a->strategy == CT_tensor || group;
    if (has_group && a->group < -1)
        REFUSE(c, node, "`group_size` is above 0, or -1 for a channel");
    if (a->strategy == CT_token && a->dynamic == CT_STATIC)
        REFUSE(c, node, "the strategy `token` is for `dynamic: true`");
    if (group && (!has_group || a->group <= 0))
        REFUSE(c, node, "the strategy `%s` needs a `group_size` above 0", ct_strategies[a->strategy]);
    if (has_group && a->group > 0 && !group)
        REFUSE(c, node, "a `group_size` is for the strategies `group` and `tensor_group`");
    if ((a->strategy == CT_block) != has_block)
        REFUSE(c, node, has_block ? "a `block_structure` is for the strategy `block`" : "the strategy `block` needs a `block_structure`");
    if (a->dynamic != CT_STATIC && !dynamic)
        REFUSE(c, node, "the strategy `%s` is never dynamic", ct_strategies[a->strategy]);
    if (a->dynamic == CT_LOCAL && a->strategy != CT_tensor_group)
        REFUSE(c, node, "`dynamic: local` is for the strategy `tensor_group`");
}

/* How GPTQ ordered columns changes nothing of the format, but `group` needs groups, and activations have no order. */
static void check_actorder(struct compressed *c, const struct yaml_node *node, const struct ct_args *a, bool activation)
{
    static const char *const words[] = {"group", "dynamic", "weight", "static"};
    const struct yaml_node *order = given(node, "actorder");
    bool none = !order || (order->kind == YAML_BOOL && !order->boolean);
    int word = none || order->kind == YAML_BOOL ? 0 : read_word(c, node, "actorder", words, 4, 0);
    if (!none && activation)
        REFUSE(c, order, "activations have no `actorder`");
    else if (!none && word >= 0 && word < 2 && a->strategy != CT_group && a->strategy != CT_tensor_group)
        REFUSE(c, order, "`actorder: group` needs the strategy `group` or `tensor_group`");
}

/* Defaults are QuantizationArgs'; false: some message was an error. */
static bool read_args(struct compressed *c, const struct yaml_node *node, bool activation, struct ct_args *a)
{
    static const char *const words[] = {"num_bits", "type", "symmetric", "strategy", "group_size", "block_structure", "dynamic", "actorder",
                                        "scale_dtype", "zp_dtype", "observer", "observer_kwargs"};
    static const char *const types[] = {"int", "float"};
    unsigned errors = c->y->diags->errors;
    const struct yaml_node *symmetric = given(node, "symmetric"), *scale = given(node, "scale_dtype"), *observer = given(node, "observer");
    check_keys(c, node, "QuantizationArgs", words, sizeof words / sizeof *words);
    *a = (struct ct_args){.bits = read_integer(c, node, "num_bits", 8), .group = read_integer(c, node, "group_size", 0)};
    a->is_float = read_word(c, node, "type", types, 2, 0) == 1;
    a->symmetric = !symmetric || yaml_truth(symmetric);
    a->dynamic = read_dynamic(c, node);
    a->scale = scale ? shown(scale) : NULL;
    a->observer = observer && a->dynamic != CT_DYNAMIC ? shown(observer) : NULL;
    bool has_group = given(node, "group_size"), has_block = read_block(c, node, a);
    int strategy = read_word(c, node, "strategy", ct_strategies, CT_STRATEGY_COUNT, (int)infer_strategy(a->group, has_group));
    a->strategy = strategy < 0 ? CT_tensor : (enum ct_strategy)strategy;
    if (strategy >= 0)
        check_args(c, node, a, has_group, has_block);
    check_actorder(c, node, a, activation);
    if (activation && (a->strategy == CT_channel || a->strategy == CT_block))
        REFUSE(c, node, "activations have no strategy `%s`", ct_strategies[a->strategy]);
    return c->y->diags->errors == errors;
}

/* ---- groups ---- */

/* The scales of floats and ints are the model's unless scale_dtype says so. */
static const char *scale_word(const struct ct_args *a)
{
    return !a->scale || !strcmp(a->scale, "torch.float32") ? "f32" : !strcmp(a->scale, "torch.float16") ? "f16" : !strcmp(a->scale, "torch.bfloat16") ? "bf16" : "f32";
}

/* One slot of the body; what no spec does is left for extra. */
static void add_slot(struct compressed *c, struct text *body, const struct yaml_node *scheme, const char *key, const char *slot, struct yaml_node *rest)
{
    static const char *const timings[] = {" static", " dynamic", ""};
    const struct yaml_node *node = given(scheme, key);
    bool activation = strcmp(slot, "weight") != 0;
    struct ct_args args;
    if (!node)
        return;
    if (node->kind != YAML_MAPPING) {
        REFUSE(c, node, "`%s`: expected a mapping, saw %s", key, yaml_kind_words[node->kind]);
        return;
    }
    if (!read_args(c, node, activation, &args))
        return;
    const char *spec = ct_spec_text(c->y->arena, &args, scale_word(&args));
    if (spec) {
        text_printf(body, " %s %s%s", slot, spec, activation ? timings[args.dynamic] : "");
        return;
    }
    diag_report(c->y->diags, DIAG_foreign_kept, node->span, "no spec does what these `%s` do; they are kept as extra", key);
    for (size_t i = 0; i < scheme->count; i++)
        if (yaml_is(scheme->pairs[i].key, key))
            rest->pairs[rest->count++] = scheme->pairs[i];
}

static void add_scheme(struct compressed *c, const struct yaml_pair *pair)
{
    static const char *const words[] = {"targets", "weights", "input_activations", "output_activations", "format"};
    static const char *const formats_[] = {"dense", "sparse-bitmask", "sparse-24-bitmask", "int-quantized", "float-quantized", "naive-quantized",
                                           "pack-quantized", "marlin-24", "nvfp4-pack-quantized", "mxfp4-pack-quantized", "mxfp8-quantized"};
    const struct yaml_node *scheme = pair->value;
    struct yaml_node rest = {.kind = YAML_MAPPING, .span = scheme->span, .pairs = ARENA_ARRAY(c->y->arena, 3, struct yaml_pair)};
    struct text body = text_make(c->y->arena);
    check_keys(c, scheme, "QuantizationScheme", words, 5);
    read_word(c, scheme, "format", formats_, sizeof formats_ / sizeof *formats_, 0);
    text_char(&body, '{');
    add_slot(c, &body, scheme, "weights", "weight", &rest);
    add_slot(c, &body, scheme, "input_activations", "input", &rest);
    add_slot(c, &body, scheme, "output_activations", "output", &rest);
    text_add(&body, " }");
    struct ast_decl *config = foreign_declare(c->y, AST_DECL_config, yaml_name(c->y->arena, pair->key), pair->key->span, text_string(&body));
    if (config && rest.count) {
        config->config.extra = yaml_to_json(c->y->arena, &rest, c->y->diags);
        config->config.extra_span = scheme->span;
    }
}

/* A scheme by name, in any case. */
static void add_preset(struct compressed *c, const struct yaml_pair *pair)
{
    static const struct {
        const char *name, *body;
    } presets_[] = {
#define CT_PRESET(name, body) {name, body},
#include "lang/compressed.def"
    };
    enum { COUNT = sizeof presets_ / sizeof *presets_ };
    const char *words[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        words[i] = presets_[i].name;
        if (strcasecmp(pair->key->text, presets_[i].name))
            continue;
        foreign_declare(c->y, AST_DECL_config, yaml_name(c->y->arena, pair->key), pair->key->span, presets_[i].body);
        return;
    }
    struct diag *diag = REFUSE(c, pair->key, "there is no scheme `%s`", pair->key->text);
    yaml_help_nearest(c->y, diag, pair->key->text, words, COUNT);
}

static bool is_string_list(struct compressed *c, const struct yaml_node *list, const char *what)
{
    bool good = list->kind == YAML_SEQUENCE;
    if (!good)
        REFUSE(c, list, "`%s`: expected a list of strings, saw %s", what, yaml_kind_words[list->kind]);
    for (size_t i = 0; good && i < list->count; i++)
        if (list->items[i]->kind != YAML_STRING) {
            REFUSE(c, list->items[i], "`%s`: expected a string, saw `%s`", what, shown(list->items[i]));
            good = false;
        }
    return good;
}

/* One target has one scheme: the later group's. */
static void add_targets(struct compressed *c, const struct yaml_node *targets, const char *group)
{
    size_t count = is_string_list(c, targets, "targets") ? targets->count : 0;
    for (size_t i = 0; i < count; i++) {
        bool found;
        if (!yaml_check_string(c->y, targets->items[i]))
            continue;
        uint32_t *index = yaml_table_at(&c->seen, targets->items[i]->text, &found);
        if (!found) {
            *index = (uint32_t)c->count;
            (void)ARENA_PUSH(c->y->arena, c->targets, c->count, c->capacity);
        }
        c->targets[*index] = (struct target){targets->items[i], group};
    }
}

static void read_group(struct compressed *c, const struct yaml_pair *pair)
{
    const char *name = yaml_name(c->y->arena, pair->key);
    if (!yaml_check_string(c->y, pair->key))
        return;
    if (pair->value->kind == YAML_SEQUENCE) {
        add_preset(c, pair);
        add_targets(c, pair->value, name);
        return;
    }
    if (pair->value->kind != YAML_MAPPING) {
        REFUSE(c, pair->value, "a group: expected a scheme or a list of targets, saw %s", yaml_kind_words[pair->value->kind]);
        return;
    }
    add_scheme(c, pair);
    if (given(pair->value, "targets"))
        add_targets(c, given(pair->value, "targets"), name);
    else
        REFUSE(c, pair->key, "the group `%s` has no `targets`", pair->key->text);
}

/* ---- rules ---- */

/* A name without dots that begins with a capital is a class; every other one a module's. */
static bool is_class(const char *target)
{
    return isupper((unsigned char)target[0]) && !strchr(target, '.');
}

static struct ast_predicate *target_predicate(struct compressed *c, const struct yaml_node *target)
{
    if (!strncmp(target->text, "re:", 3))
        return foreign_atom(c->y, target->span, ATOM_re_prefix, target->text + 3, target->size - 3);
    if (is_class(target->text))
        return foreign_class(c->y, target->span, target->text);
    return foreign_atom(c->y, target->span, ATOM_name, target->text, target->size);
}

/* Classes last; then what holds no "re:"; then by text. */
static int compare_targets(const void *left, const void *right)
{
    const char *a = ((const struct target *)left)->node->text, *b = ((const struct target *)right)->node->text;
    if (is_class(a) != is_class(b))
        return is_class(a) - is_class(b);
    bool re_a = strstr(a, "re:"), re_b = strstr(b, "re:");
    return re_a != re_b ? re_a - re_b : strcmp(a, b);
}

static void add_ignored(struct compressed *c, const struct yaml_node *ignore)
{
    size_t count = is_string_list(c, ignore, "ignore") ? ignore->count : 0;
    for (size_t i = 0; i < count; i++)
        if (yaml_check_string(c->y, ignore->items[i]))
            foreign_rule(c->y, ignore->items[i]->span, NULL, target_predicate(c, ignore->items[i]), AST_TARGET_SKIP, NULL);
}

void foreign_read_compressed(struct yaml_reading *y, const struct yaml_node *config)
{
    struct compressed c = {.y = y, .seen.arena = y->arena};
    const struct yaml_node *groups = yaml_get(config, "config_groups"), *ignore = given(config, "ignore"), *cache = given(config, "kv_cache_scheme");
    if (!groups || groups->kind != YAML_MAPPING) {
        REFUSE(&c, groups ? groups : config, "`config_groups`: expected a mapping of groups");
        return;
    }
    for (size_t i = 0; i < groups->count; i++)
        read_group(&c, &groups->pairs[i]);
    foreign_match(y, groups->span);
    if (ignore)
        add_ignored(&c, ignore);
    if (c.count)
        qsort(c.targets, c.count, sizeof *c.targets, compare_targets);
    for (size_t i = 0; i < c.count; i++)
        foreign_rule(y, c.targets[i].node->span, NULL, target_predicate(&c, c.targets[i].node), AST_TARGET_CONFIG, c.targets[i].group);
    if (cache)
        diag_report(y->diags, DIAG_foreign_dropped, cache->span, "a recipe says nothing about the key-value cache; `kv_cache_scheme` is left out");
}
