/* ModelOpt's configurations: hf_quant_config.json, and what config.json holds of it. In: the YAML tree of the JSON. Out:
 * declarations and rules in the reading's syntax tree, and messages. One algorithm for every Linear that the list of wildcards
 * does not exclude, or, with MIXED_PRECISION, one for each layer named. docs/huggingface.md. */
#include "lang/foreign.h"

#include <string.h>
#include "lang/modelopt.h"
#include "lang/yaml_tree.h"

const struct modelopt_row modelopt_rows[] = {
#define MODELOPT(algo, group, body, rest) {algo, group, body, rest},
#include "lang/modelopt.def"
};
const size_t modelopt_count = sizeof modelopt_rows / sizeof *modelopt_rows;

const char *modelopt_body(struct arena *arena, const struct modelopt_row *row, int64_t group)
{
    struct text body = text_make(arena);
    const char *at = row->body, *mark;
    for (; (mark = strstr(at, "GROUP")); at = mark + 5) {
        text_add_bytes(&body, at, (size_t)(mark - at));
        text_printf(&body, "%lld", (long long)group);
    }
    text_add(&body, at);
    return text_string(&body);
}

struct modelopt {
    struct yaml_reading *y;
    struct yaml_table configs; /* those declared */
};

#define REFUSE(m, node, ...) diag_report((m)->y->diags, DIAG_hf_refused, (node)->span, __VA_ARGS__)

static const struct yaml_node *given(const struct yaml_node *mapping, const char *key)
{
    const struct yaml_node *node = yaml_get(mapping, key);
    return node && node->kind != YAML_NULL ? node : NULL;
}

/* NULL after a message. */
static const struct modelopt_row *find_row(struct modelopt *m, const struct yaml_node *algo)
{
    const char **words = ARENA_ARRAY(m->y->arena, modelopt_count, const char *);
    for (size_t i = 0; i < modelopt_count; i++) {
        words[i] = modelopt_rows[i].algo;
        if (algo->kind == YAML_STRING && !strcasecmp(algo->text, words[i]))
            return &modelopt_rows[i];
    }
    struct diag *diag = REFUSE(m, algo, "`quant_algo` has no value `%s`", algo->kind < YAML_SEQUENCE ? algo->text : yaml_kind_words[algo->kind]);
    if (algo->kind == YAML_STRING)
        yaml_help_nearest(m->y, diag, algo->text, words, modelopt_count);
    return NULL;
}

/* The config of an algorithm and a group size, declared when first asked for; NULL after a message. */
static const char *find_config(struct modelopt *m, const struct yaml_node *layer)
{
    const struct yaml_node *algo = given(layer, "quant_algo"), *size = given(layer, "group_size");
    const struct modelopt_row *row = algo ? find_row(m, algo) : NULL;
    bool found;
    if (!algo)
        REFUSE(m, layer, "there is no `quant_algo`");
    if (!row)
        return NULL;
    if (size && (size->kind != YAML_INT || size->too_wide || (row->group && size->integer < 1))) {
        REFUSE(m, size, "`group_size`: expected an integer above 0, saw `%s`", size->kind < YAML_SEQUENCE ? size->text : yaml_kind_words[size->kind]);
        return NULL;
    }
    int64_t group = size && row->group ? size->integer : row->group;
    const char *name = group == row->group ? row->algo : arena_printf(m->y->arena, "%s-g%lld", row->algo, (long long)group);
    yaml_table_at(&m->configs, name, &found);
    if (!found && row->rest)
        diag_report(m->y->diags, DIAG_foreign_dropped, algo->span, "no spec says %s that `%s` has", row->rest, row->algo);
    if (!found)
        foreign_declare(m->y, AST_DECL_config, name, algo->span, modelopt_body(m->y->arena, row, group));
    return name;
}

/* fnmatch patterns on module paths. */
static void add_excluded(struct modelopt *m, const struct yaml_node *list)
{
    if (list->kind != YAML_SEQUENCE)
        REFUSE(m, list, "expected a list of patterns, saw %s", yaml_kind_words[list->kind]);
    for (size_t i = 0; list->kind == YAML_SEQUENCE && i < list->count; i++) {
        const struct yaml_node *item = list->items[i];
        if (item->kind != YAML_STRING)
            REFUSE(m, item, "expected a pattern, saw %s", yaml_kind_words[item->kind]);
        else if (yaml_check_string(m->y, item))
            foreign_rule(m->y, item->span, NULL, foreign_atom(m->y, item->span, ATOM_glob, item->text, item->size), AST_TARGET_SKIP, NULL);
    }
}

static void add_layers(struct modelopt *m, const struct yaml_node *layers)
{
    if (layers->kind != YAML_MAPPING) {
        REFUSE(m, layers, "`quantized_layers`: expected a mapping, saw %s", yaml_kind_words[layers->kind]);
        return;
    }
    for (size_t i = 0; i < layers->count; i++) {
        const struct yaml_pair *pair = &layers->pairs[i];
        const char *config = pair->value->kind == YAML_MAPPING ? find_config(m, pair->value) : NULL;
        if (pair->value->kind != YAML_MAPPING)
            REFUSE(m, pair->value, "a layer: expected a mapping, saw %s", yaml_kind_words[pair->value->kind]);
        if (config && yaml_check_string(m->y, pair->key))
            foreign_rule(m->y, pair->key->span, NULL, foreign_atom(m->y, pair->key->span, ATOM_name, pair->key->text, pair->key->size),
                         AST_TARGET_CONFIG, config);
    }
}

/* The older file says `quantization`, `exclude_modules` and kv_cache_quant_algo; config.json `ignore` and kv_cache_scheme. */
void foreign_read_modelopt(struct yaml_reading *y, const struct yaml_node *root)
{
    struct modelopt m = {.y = y, .configs.arena = y->arena};
    const struct yaml_node *inner = yaml_get(root, "quantization"), *config = inner ? inner : root;
    const struct yaml_node *excluded = given(config, inner ? "exclude_modules" : "ignore");
    const struct yaml_node *cache = given(config, inner ? "kv_cache_quant_algo" : "kv_cache_scheme"), *algo = given(config, "quant_algo");
    if (config->kind != YAML_MAPPING) {
        REFUSE(&m, config, "`quantization`: expected a mapping, saw %s", yaml_kind_words[config->kind]);
        return;
    }
    bool mixed = algo && algo->kind == YAML_STRING && !strcasecmp(algo->text, "MIXED_PRECISION");
    const struct yaml_node *layers = mixed ? given(config, "quantized_layers") : NULL;
    foreign_match(y, config->span);
    if (excluded)
        add_excluded(&m, excluded);
    if (mixed && !layers)
        REFUSE(&m, algo, "`MIXED_PRECISION` needs `quantized_layers`");
    if (layers)
        add_layers(&m, layers);
    const char *name = mixed ? NULL : find_config(&m, config);
    if (name)
        foreign_rule(y, algo->span, NULL, foreign_class(y, algo->span, "Linear"), AST_TARGET_CONFIG, name);
    if (cache)
        diag_report(y->diags, DIAG_foreign_dropped, cache->span, "a recipe says nothing about the key-value cache; this is left out");
}
