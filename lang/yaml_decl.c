/* The declarations of the YAML form apart from configs, sets and matchers. In: the pairs of yaml_keys.def. Out: declarations of
 * the AST. docs/yaml.md has the shape of each. Bodies become .qr text and go through the .qr parser, so that every word and
 * limit stands in one place. */
#include "lang/yaml_read.h"

#include <string.h>

/* Every pair of a mapping; null is an empty one. */
static void read_each(struct yaml_reading *y, const struct yaml_node *map, const char *what,
                      void (*read)(struct yaml_reading *y, const struct yaml_pair *pair))
{
    if (map->kind == YAML_NULL && !map->bad)
        return;
    if (!yaml_expect(y, map, YAML_MAPPING, what))
        return;
    for (size_t i = 0; i < map->count; i++)
        if (yaml_check_string(y, map->pairs[i].key))
            read(y, &map->pairs[i]);
}

/* An unknown key in a mapping with a fixed set of them would change what is meant: an error. */
static void check_keys(struct yaml_reading *y, const struct yaml_node *map, const char *what, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_node *key = map->pairs[i].key;
        bool known = false;
        for (size_t k = 0; k < count; k++)
            known |= yaml_is(key, keys[k]);
        if (known)
            continue;
        struct diag *diag = diag_report(y->diags, DIAG_yaml_attribute, key->span, "%s has no key `%s`", what, key->text);
        yaml_help_nearest(y, diag, key->text, keys, count);
    }
}

/* ---- recipe, import ---- */

/* `recipe: NAME` or `recipe: {name: NAME, version: N}` */
void yaml_read_recipe(struct yaml_reading *y, const struct yaml_pair *pair)
{
    static const char *const keys[] = {"name", "version"};
    const struct yaml_node *value = pair->value, *name = value, *version = NULL;
    if (value->kind == YAML_MAPPING) {
        check_keys(y, value, "`recipe`", keys, 2);
        name = yaml_get(value, "name");
        version = yaml_get(value, "version");
    }
    if (!name || name->kind == YAML_NULL) {
        yaml_report_shape(y, value, "a recipe's name, or a mapping with `name` and `version`");
        return;
    }
    if (!yaml_expect_name(y, name, "a recipe's name"))
        return;
    struct ast_decl *recipe = yaml_add_decl(y, AST_DECL_recipe, name, span_join(pair->key->span, value->span));
    recipe->name = (struct ast_name){name->text, true, name->span};
    if (!version || !yaml_expect(y, version, YAML_INT, "an integer as version"))
        return;
    if (version->too_wide)
        diag_report(y->diags, DIAG_yaml_integer, version->span, "the integer `%s` does not fit 64 bits", version->text);
    recipe->recipe.has_version = true;
    recipe->recipe.version = version->integer;
}

/* A path, or {path: …, as: …}. */
static void read_import(struct yaml_reading *y, const struct yaml_node *value)
{
    static const char *const keys[] = {"path", "as"};
    const struct yaml_node *path = value, *as = NULL;
    if (value->kind == YAML_MAPPING) {
        check_keys(y, value, "`import`", keys, 2);
        path = yaml_get(value, "path");
        as = yaml_get(value, "as");
    }
    if (!path)
        yaml_report_shape(y, value, "a path, or a mapping with `path` and `as`");
    if (!path || !yaml_expect(y, path, YAML_STRING, "a path"))
        return;
    if (as && !yaml_expect(y, as, YAML_STRING, "a name"))
        return;
    struct ast_decl *import = yaml_add_decl(y, AST_DECL_import, NULL, value->span);
    import->import.path = yaml_string(path);
    if (as)
        import->import.as = yaml_ast_name(y, as);
}

/* One import or a list of them. */
void yaml_read_imports(struct yaml_reading *y, const struct yaml_pair *pair)
{
    const struct yaml_node *value = pair->value;
    if (value->kind != YAML_SEQUENCE) {
        read_import(y, value);
        return;
    }
    for (size_t i = 0; i < value->count; i++)
        read_import(y, value->items[i]);
}

/* ---- formats, specs, aliases, groups, schedules ---- */

/* A name, told from a definition by the parenthesis, or a call such as {float: {e: 4, m: 3}}. */
static void read_format(struct yaml_reading *y, const struct yaml_pair *pair)
{
    struct text text = text_make(y->arena);
    bool name = pair->value->kind == YAML_STRING && !strchr(pair->value->text, '(');
    if (name)
        ast_print_name(&text, pair->value->text);
    if (name ? yaml_check_string(y, pair->value) : yaml_call(y, &text, pair->value, "a format: a name or a definition such as `{float: {e: 4, m: 3}}`"))
        yaml_add_body(y, AST_DECL_format, pair, text_string(&text));
}

void yaml_read_formats(struct yaml_reading *y, const struct yaml_pair *pair)
{
    read_each(y, pair->value, "a mapping of formats", read_format);
}

static void read_spec(struct yaml_reading *y, const struct yaml_pair *pair)
{
    struct ast_spec *spec = yaml_spec(y, pair->value);
    if (spec)
        yaml_add_decl(y, AST_DECL_spec, pair->key, span_join(pair->key->span, pair->value->span))->spec = spec;
}

void yaml_read_specs(struct yaml_reading *y, const struct yaml_pair *pair)
{
    read_each(y, pair->value, "a mapping of specs", read_spec);
}

static void read_alias(struct yaml_reading *y, const struct yaml_pair *pair)
{
    if (yaml_expect(y, pair->value, YAML_STRING, "an mpath query"))
        yaml_add_decl(y, AST_DECL_alias, pair->key, span_join(pair->key->span, pair->value->span))->alias = yaml_string(pair->value);
}

void yaml_read_aliases(struct yaml_reading *y, const struct yaml_pair *pair)
{
    read_each(y, pair->value, "a mapping of aliases", read_alias);
}

/* A list of patterns; what they may hold is checked when names are resolved. */
static void read_group(struct yaml_reading *y, const struct yaml_pair *pair)
{
    const struct yaml_node *list = pair->value;
    if (!yaml_expect(y, list, YAML_SEQUENCE, "a list of patterns"))
        return;
    struct ast_string *members = ARENA_ARRAY(y->arena, list->count ? list->count : 1, struct ast_string);
    for (size_t i = 0; i < list->count; i++) {
        if (!yaml_expect(y, list->items[i], YAML_STRING, "a pattern"))
            return;
        members[i] = yaml_string(list->items[i]);
    }
    struct ast_decl *group = yaml_add_decl(y, AST_DECL_group, pair->key, span_join(pair->key->span, list->span));
    group->group.members = members;
    group->group.count = list->count;
}

void yaml_read_groups(struct yaml_reading *y, const struct yaml_pair *pair)
{
    read_each(y, pair->value, "a mapping of groups", read_group);
}

/* {enable_observer: 0, disable_observer: null}: each pair a step */
static void read_schedule(struct yaml_reading *y, const struct yaml_pair *pair)
{
    struct text text = text_make(y->arena);
    bool good = true, is_text = pair->value->kind == YAML_STRING;
    if (is_text)
        good = yaml_call_value(y, &text, pair->value);
    else if (!yaml_expect(y, pair->value, YAML_MAPPING, "a mapping of steps"))
        return;
    for (size_t i = 0; !is_text && i < pair->value->count; i++) {
        good &= yaml_call_value(y, &text, pair->value->pairs[i].key);
        text_char(&text, ' ');
        good &= yaml_call_value(y, &text, pair->value->pairs[i].value);
        text_char(&text, '\n');
    }
    if (good)
        yaml_add_body(y, AST_DECL_schedule, pair, text_string(&text));
}

void yaml_read_schedules(struct yaml_reading *y, const struct yaml_pair *pair)
{
    read_each(y, pair->value, "a mapping of schedules", read_schedule);
}

/* ---- prepare, algorithm ---- */

/* `NAME(arguments) where …` as text, or {NAME: arguments, where: …} */
static bool print_step(struct yaml_reading *y, struct text *out, const struct yaml_node *node)
{
    const struct yaml_node *where = yaml_get(node, "where");
    if (node->kind != YAML_MAPPING)
        return yaml_call(y, out, node, "a step");
    if (node->count != (where ? 2u : 1u)) {
        yaml_report_shape(y, node, "a step: one name with its arguments, and perhaps `where`");
        return false;
    }
    const struct yaml_pair *call = &node->pairs[yaml_is(node->pairs[0].key, "where")];
    bool good = yaml_call_pair(y, out, call);
    if (where) {
        good &= yaml_expect(y, where, YAML_STRING, "a predicate in the .qr spelling");
        text_printf(out, " where %s", where->text);
    }
    return good;
}

/* Each item is parsed alone, so that its messages stand at it. */
static void read_steps(struct yaml_reading *y, const struct yaml_pair *pair, enum ast_decl_kind kind)
{
    const struct yaml_node *list = pair->value;
    if (!yaml_expect(y, list, YAML_SEQUENCE, "a list of steps"))
        return;
    struct ast_decl *decl = yaml_add_decl(y, kind, NULL, span_join(pair->key->span, list->span));
    struct ast_step **end = &decl->steps;
    for (size_t i = 0; i < list->count; i++) {
        struct text text = text_make(y->arena);
        if (!print_step(y, &text, list->items[i]))
            continue;
        struct ast_decl *part = ast_parse_body(y->arena, y->source, list->items[i]->span, kind, text_string(&text), text.size, y->diags);
        *end = part ? part->steps : NULL;
        while (*end)
            end = &(*end)->next;
    }
}

void yaml_read_prepare(struct yaml_reading *y, const struct yaml_pair *pair)
{
    read_steps(y, pair, AST_DECL_prepare);
}

void yaml_read_algorithm(struct yaml_reading *y, const struct yaml_pair *pair)
{
    read_steps(y, pair, AST_DECL_algorithm);
}

/* ---- expect ---- */

/* `config: skip`, `config: none` (no rule), a config's key, or {name: KEY} for one called `skip` or `none`. */
static bool read_expected(struct yaml_reading *y, struct ast_expect *expect, const struct yaml_node *config)
{
    const struct yaml_node *name = config->kind == YAML_MAPPING && config->count == 1 ? yaml_get(config, "name") : NULL;
    expect->no_rule = config->kind == YAML_NULL || yaml_is(config, "none");
    expect->target = yaml_is(config, "skip") ? AST_TARGET_SKIP : AST_TARGET_CONFIG;
    if (expect->no_rule || expect->target == AST_TARGET_SKIP)
        return !config->bad;
    config = name ? name : config;
    expect->config = yaml_expect_name(y, config, "a config's key, `skip` or `none`") ? yaml_ast_name(y, config) : (struct ast_name){0};
    return expect->config.text;
}

/* {module: PATH, config: KEY} or {param: NAME, config: KEY} */
static struct ast_expect *read_expect_map(struct yaml_reading *y, const struct yaml_node *map)
{
    static const char *const keys[] = {"module", "param", "config"};
    const struct yaml_node *module = yaml_get(map, "module"), *param = yaml_get(map, "param"), *config = yaml_get(map, "config");
    check_keys(y, map, "an expectation", keys, 3);
    if (!config || !module == !param) {
        diag_report(y->diags, DIAG_yaml_shape, map->span, "expected an expectation with `config` and one of `module` and `param`");
        return NULL;
    }
    const struct yaml_node *path = module ? module : param;
    struct ast_expect *expect = ARENA_NEW(y->arena, struct ast_expect);
    *expect = (struct ast_expect){.kind = module ? AST_EXPECT_MODULE : AST_EXPECT_PARAM, .span = map->span, .name = yaml_string(path)};
    bool good = yaml_expect(y, path, YAML_STRING, module ? "a module path" : "a parameter's name");
    return read_expected(y, expect, config) && good ? expect : NULL;
}

/* A mapping, or the text of an expectation in the .qr spelling. */
static struct ast_expect *read_expect(struct yaml_reading *y, const struct yaml_node *node)
{
    if (node->kind == YAML_MAPPING && !node->bad)
        return read_expect_map(y, node);
    if (!yaml_expect(y, node, YAML_STRING, "an expectation: a mapping, or .qr text"))
        return NULL;
    struct ast_decl *part = ast_parse_body(y->arena, y->source, node->span, AST_DECL_expect, node->text, node->size, y->diags);
    return part ? part->expects : NULL;
}

void yaml_read_expects(struct yaml_reading *y, const struct yaml_pair *pair)
{
    const struct yaml_node *list = pair->value;
    if (!yaml_expect(y, list, YAML_SEQUENCE, "a list of expectations"))
        return;
    struct ast_expect **end = &yaml_add_decl(y, AST_DECL_expect, NULL, span_join(pair->key->span, list->span))->expects;
    for (size_t i = 0; i < list->count; i++)
        for (*end = read_expect(y, list->items[i]); *end;)
            end = &(*end)->next;
}
