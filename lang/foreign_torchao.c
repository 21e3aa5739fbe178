/* torchao's files: config_to_dict's JSON of an FqnToConfig or of one config, alone or in the `quantization_config` of Hugging
 * Face. In: the tree of the JSON. Out: one config for each different value, two rules for each key, under `match specific`.
 * Rule: quantize_ with FqnToConfig, torchao 0.19; what its loaders do otherwise is a warning. docs/torchao.md. */
#include "lang/torchao.h"

#include <stdlib.h>
#include <string.h>
#include "lang/yaml_tree.h"

/* A value's config, once it was read. */
struct named_config {
    const char *name; /* NULL: faulty */
    const struct torchao_class *class;
};

struct torchao_file {
    struct yaml_reading *y;
    struct yaml_table values, names; /* JSON -> index into configs; word -> how often it was given */
    struct named_config *configs;
    size_t count, capacity;
    bool told_scale;
};

/* ---- configs ---- */

/* The word of the class; from the second on with a number. */
static const char *new_name(struct torchao_file *file, const char *word)
{
    bool found;
    uint32_t *count = yaml_table_at(&file->names, word, &found);
    ++*count;
    return *count == 1 ? word : arena_printf(file->y->arena, "%s_%u", word, *count);
}

static const char *config_body(struct arena *arena, const struct torchao_config *config)
{
    struct text body = text_make(arena);
    text_add(&body, "{");
    if (config->weight)
        text_printf(&body, " weight %s", config->weight);
    if (config->input)
        text_printf(&body, " input %s", config->input);
    text_add(&body, " }");
    return text_string(&body);
}

static void note_scale(struct torchao_file *file, const struct torchao_config *config, struct span span)
{
    if (config->own_scale && !file->told_scale)
        diag_report(file->y->diags, DIAG_torchao_scale, span, "torchao keeps these scales in the dtype of the tensor they belong to; the specs say bf16");
    file->told_scale |= config->own_scale;
}

/* A config whose specs do not say everything keeps its JSON as extra. */
static struct named_config declare(struct torchao_file *file, const struct yaml_node *node, const char *json)
{
    struct torchao_config config;
    if (!torchao_read(file->y, node, &config))
        return (struct named_config){NULL, NULL};
    const char *name = new_name(file, config.class->word);
    struct ast_decl *decl = foreign_declare(file->y, AST_DECL_config, name, node->span, config_body(file->y->arena, &config));
    if (!decl)
        return (struct named_config){NULL, NULL};
    if (!config.whole) {
        decl->config.extra = json;
        decl->config.extra_span = node->span;
    }
    note_scale(file, &config, node->span);
    return (struct named_config){name, config.class};
}

/* Equal values share a config: files name few of them many times. */
static struct named_config config_of(struct torchao_file *file, const struct yaml_node *node)
{
    bool found;
    const char *json = yaml_to_json(file->y->arena, node, file->y->diags);
    if (!json)
        return (struct named_config){NULL, NULL};
    uint32_t *index = yaml_table_at(&file->values, json, &found);
    if (!found) {
        *index = (uint32_t)file->count;
        struct named_config config = declare(file, node, json);
        *ARENA_PUSH(file->y->arena, file->configs, file->count, file->capacity) = config;
    }
    return file->configs[*index];
}

/* ---- rules ---- */

/* torchao's default filter. */
static struct ast_predicate *is_linear(struct yaml_reading *y, struct span span)
{
    return ast_parse_predicate(y->arena, y->source, span, TORCHAO_LINEAR, strlen(TORCHAO_LINEAR), y->diags);
}

static void add_rule(struct yaml_reading *y, struct span span, const char *label, struct ast_predicate *predicate, const char *config)
{
    if (predicate)
        foreign_rule(y, span, label && *label ? label : NULL, predicate, config ? AST_TARGET_CONFIG : AST_TARGET_SKIP, config);
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), tail = strlen(end);
    return size >= tail && !strcmp(text + size - tail, end);
}

/* A key that can only mean a parameter, with a config whose handler takes none. */
static void check_handler(struct torchao_file *file, const struct yaml_node *key, const struct torchao_class *class)
{
    if (class && class->uses == TORCHAO_MODULE && (ends_with(key->text, "weight") || ends_with(key->text, "bias")))
        diag_report(file->y->diags, DIAG_torchao_parameter, key->span, "torchao applies %s to modules and not to a parameter", class->class);
}

/* A key means the parameter and the module of that name alike; a file does not say which one there is.
 * The parameter's rule goes first, as torchao asks for parameters before modules. */
static void add_key(struct torchao_file *file, const struct yaml_node *key, const char *config)
{
    struct yaml_reading *y = file->y;
    bool regex = !strncmp(key->text, "re:", 3);
    const char *pattern = key->text + (regex ? 3 : 0), *label = arena_printf(y->arena, "%s (parameter)", key->text);
    size_t size = key->size - (regex ? 3 : 0);
    add_rule(y, key->span, label, foreign_atom(y, key->span, regex ? ATOM_param_re : ATOM_param_name, pattern, size), config);
    add_rule(y, key->span, key->text, foreign_atom(y, key->span, regex ? ATOM_re : ATOM_name, pattern, size), config);
}

static void read_pair(struct torchao_file *file, const struct yaml_pair *pair)
{
    struct named_config config = {NULL, NULL};
    if (!yaml_expect(file->y, pair->key, YAML_STRING, "a name, `re:` and a regex, or `_default`"))
        return;
    bool is_default = yaml_is(pair->key, "_default"), skip = pair->value->kind == YAML_NULL;
    if (!skip)
        config = config_of(file, pair->value);
    if (!skip && !config.name)
        return;
    check_handler(file, pair->key, config.class);
    if (!is_default)
        add_key(file, pair->key, config.name);
    else if (!skip)
        add_rule(file->y, pair->key->span, "_default", is_linear(file->y, pair->key->span), config.name);
}

/* ---- the dictionary that stands twice ---- */

static int compare_keys(const void *left, const void *right)
{
    const struct yaml_pair *a = *(const struct yaml_pair *const *)left, *b = *(const struct yaml_pair *const *)right;
    size_t least = a->key->size < b->key->size ? a->key->size : b->key->size;
    int order = memcmp(a->key->text, b->key->text, least);
    return order ? order : a->key->size < b->key->size ? -1 : a->key->size > b->key->size;
}

static const struct yaml_pair **sort_pairs(struct arena *arena, const struct yaml_node *mapping)
{
    const struct yaml_pair **pairs = ARENA_ARRAY(arena, mapping->count + 1, const struct yaml_pair *);
    for (size_t i = 0; i < mapping->count; i++)
        pairs[i] = &mapping->pairs[i];
    if (mapping->count)
        qsort(pairs, mapping->count, sizeof *pairs, compare_keys);
    return pairs;
}

/* As Python compares two dictionaries: the order of keys says nothing at the top. */
static bool same_values(struct yaml_reading *y, const struct yaml_node *a, const struct yaml_node *b)
{
    const struct yaml_pair **x = sort_pairs(y->arena, a), **z = sort_pairs(y->arena, b);
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = !compare_keys(&x[i], &z[i]);
        const char *left = same ? yaml_to_json(y->arena, x[i]->value, y->diags) : NULL;
        const char *right = left ? yaml_to_json(y->arena, z[i]->value, y->diags) : NULL;
        same = right && !strcmp(left, right);
    }
    return same;
}

/* The one that is not empty. NULL after reporting, and for a file without either. */
static const struct yaml_node *choose_dictionary(struct yaml_reading *y, const struct yaml_node *data)
{
    static const char *const names[] = {"fqn_to_config", "module_fqn_to_config"};
    const struct yaml_node *dictionaries[2] = {NULL, NULL};
    for (size_t i = 0; i < data->count; i++) {
        const struct yaml_pair *pair = &data->pairs[i];
        int which = yaml_is(pair->key, names[0]) ? 0 : yaml_is(pair->key, names[1]) ? 1 : -1;
        if (which < 0 && !yaml_is(pair->key, "version")) {
            struct diag *diag = diag_report(y->diags, DIAG_bad_torchao, pair->key->span, "FqnToConfig has no field `%s`", pair->key->text);
            yaml_help_nearest(y, diag, pair->key->text, names, 2);
        } else if (which >= 0 && yaml_expect(y, pair->value, YAML_MAPPING, "a mapping of names to configs") && pair->value->count) {
            dictionaries[which] = pair->value;
        }
    }
    if (dictionaries[0] && dictionaries[1] && !same_values(y, dictionaries[0], dictionaries[1])) {
        struct diag *diag = diag_report(y->diags, DIAG_bad_torchao, dictionaries[1]->span, "`fqn_to_config` and `module_fqn_to_config` are not equal");
        diag_note(y->diags, diag, dictionaries[0]->span, "the other one");
        return NULL;
    }
    return dictionaries[0] ? dictionaries[0] : dictionaries[1];
}

static bool is_fqn_to_config(const struct yaml_node *type)
{
    return yaml_is(type, "FqnToConfig") || yaml_is(type, "ModuleFqnToConfig") || yaml_is(type, "AOPerModuleConfig");
}

/* FqnToConfig's older names have the same fields. */
static void read_dictionary(struct torchao_file *file, const struct yaml_node *node)
{
    const struct yaml_node *data = yaml_get(node, "_data"), *version = yaml_get(node, "_version");
    if (!yaml_expect(file->y, data, YAML_MAPPING, "FqnToConfig's fields"))
        return;
    if (version && !(version->kind == YAML_INT && version->integer == 1))
        diag_report(file->y->diags, DIAG_torchao_version, version->span, "FqnToConfig is version 1, this says %s", version->kind == YAML_INT ? version->text : "something else");
    const struct yaml_node *dictionary = choose_dictionary(file->y, data);
    for (size_t i = 0; dictionary && i < dictionary->count; i++) /* configs stand before the rules that name them */
        if (dictionary->pairs[i].value->kind != YAML_NULL)
            config_of(file, dictionary->pairs[i].value);
    foreign_match(file->y, node->span)->match.policy = AST_SPECIFIC_CODE;
    for (size_t i = 0; dictionary && i < dictionary->count; i++)
        read_pair(file, &dictionary->pairs[i]);
}

/* ---- files ---- */

/* config.json, its inner mapping, or the config itself. */
static const struct yaml_node *find_method(const struct yaml_node *root)
{
    const struct yaml_node *inner = yaml_get(root, "quantization_config"), *at = inner && inner->kind == YAML_MAPPING ? inner : root;
    const struct yaml_node *method = yaml_get(at, "quant_method");
    return method && yaml_is(method, "torchao") ? at : NULL;
}

bool foreign_is_torchao(const struct yaml_node *root)
{
    return (yaml_get(root, "_type") && yaml_get(root, "_data")) || find_method(root);
}

/* What Hugging Face says beside the config. */
static void check_envelope(struct yaml_reading *y, const struct yaml_node *method)
{
    const struct yaml_node *left_out = yaml_get(method, "modules_to_not_convert");
    if (left_out && left_out->kind != YAML_NULL && !(left_out->kind == YAML_SEQUENCE && !left_out->count))
        diag_report(y->diags, DIAG_torchao_loader, left_out->span, "`modules_to_not_convert` is transformers' own and is not read: write rules that skip these modules");
}

/* NULL after reporting. */
static const struct yaml_node *open_envelope(struct yaml_reading *y, const struct yaml_node *root)
{
    const struct yaml_node *method = find_method(root);
    if (!method)
        return root;
    const struct yaml_node *type = yaml_get(method, "quant_type"), *inner = type && type->kind == YAML_MAPPING ? yaml_get(type, "default") : NULL;
    check_envelope(y, method);
    if (!inner)
        diag_report(y->diags, DIAG_bad_torchao, type ? type->span : method->span, "expected a `quant_type` with the config under `default`, saw %s",
                    type ? yaml_kind_words[type->kind] : "none");
    return inner;
}

/* One config takes every Linear. */
static void read_plain(struct torchao_file *file, const struct yaml_node *node)
{
    struct named_config config = config_of(file, node);
    foreign_match(file->y, node->span)->match.policy = AST_SPECIFIC_CODE;
    if (config.name)
        add_rule(file->y, node->span, NULL, is_linear(file->y, node->span), config.name);
}

void foreign_read_torchao(struct yaml_reading *y, const struct yaml_node *root)
{
    struct torchao_file file = {.y = y, .values.arena = y->arena, .names.arena = y->arena};
    const struct yaml_node *node = yaml_expect(y, root, YAML_MAPPING, "a torchao configuration") ? open_envelope(y, root) : NULL;
    const struct yaml_node *type = node ? torchao_type(y, node, "a config") : NULL;
    if (!type)
        return;
    if (!is_fqn_to_config(type))
        read_plain(&file, node);
    else
        read_dictionary(&file, node);
    if (is_fqn_to_config(type) && node != root)
        diag_report(y->diags, DIAG_torchao_loader, type->span, "transformers looks these keys up in its own way: exact names, then the first regex, then `_default`, module by module");
}
