/* Recipes of Megatron-LM as Megatron-LM reads them (`--from megatron`). In: the tree of its YAML. Out: ordered glob rules over
 * configs whose payloads are opaque. Quern's own YAML form is the same text with stricter rules; here what the reference lets
 * pass is a warning, what it raises an error. docs/megatron.md has both, side by side. */
#include "lang/foreign.h"

#include <string.h>
#include "lang/yaml_tree.h"

struct megatron {
    struct yaml_reading *y;
    struct yaml_table configs; /* the names of the payloads there are */
};

/* ---- payloads ---- */

/* Whether Quern's own form reads the payload without an error: its keys may be slots, as `export` writes them.
 * Tried on diagnostics and declarations of its own: nothing of the trial stays. */
static bool is_native(struct yaml_reading *y, const struct yaml_pair *configs)
{
    struct yaml_reading trial = *y;
    struct ast_decl *decls = NULL;
    struct diags scratch;
    diags_init(&scratch, y->arena);
    trial.diags = &scratch;
    trial.end = &decls;
    yaml_read_configs(&trial, configs);
    return !scratch.errors;
}

/* A mapping of slots is a config of specs; any other payload is the host's. */
static void read_config(struct megatron *m, const struct yaml_pair *pair)
{
    struct yaml_node one = {.kind = YAML_MAPPING, .span = pair->value->span, .count = 1, .pairs = (struct yaml_pair *)pair};
    struct yaml_pair configs = {pair->key, &one, false};
    enum yaml_kind kind = pair->value->kind;
    bool found;
    if (!yaml_check_string(m->y, pair->key))
        return;
    yaml_table_at(&m->configs, yaml_name(m->y->arena, pair->key), &found);
    if (kind == YAML_MAPPING && is_native(m->y, &configs)) {
        yaml_read_configs(m->y, &configs);
        return;
    }
    yaml_add_opaque(m->y, pair);
    if (kind != YAML_MAPPING && kind != YAML_NULL && !pair->value->bad)
        diag_report(m->y->diags, DIAG_payload_late, pair->value->span, "expected a mapping as payload, saw %s; it is kept as null",
                    yaml_kind_words[kind]);
}

static void read_configs(struct megatron *m, const struct yaml_node *configs)
{
    if (!configs || configs->kind == YAML_NULL)
        return;
    if (configs->kind != YAML_MAPPING) {
        diag_report(m->y->diags, DIAG_megatron_refused, configs->span, "expected a mapping of payloads, saw %s", yaml_kind_words[configs->kind]);
        return;
    }
    for (size_t i = 0; i < configs->count; i++)
        read_config(m, &configs->pairs[i]);
}

/* ---- matchers ---- */

/* Present and not null, as `matcher.get(key) is not None`; NULL after the message. */
static const struct yaml_node *get_needed(struct megatron *m, const struct yaml_pair *matcher, const char *key)
{
    const struct yaml_node *node = yaml_get(matcher->value, key);
    if (node && node->kind != YAML_NULL)
        return node;
    diag_report(m->y->diags, DIAG_megatron_refused, matcher->key->span, "the matcher `%s` has no `%s`", matcher->key->text, key);
    return NULL;
}

static void warn_unknown_keys(struct megatron *m, const struct yaml_pair *matcher)
{
    static const char *const keys[] = {"config", "type", "pattern", "enabled"};
    for (size_t i = 0; i < matcher->value->count; i++) {
        const struct yaml_node *key = matcher->value->pairs[i].key;
        size_t k = 0;
        while (k < 4 && !yaml_is(key, keys[k]))
            k++;
        if (k < 4)
            continue;
        struct diag *diag = diag_report(m->y->diags, DIAG_foreign_ignored, key->span, "the key `%s` of the matcher `%s` has no effect",
                                        key->text, matcher->key->text);
        yaml_help_nearest(m->y, diag, key->text, keys, 4);
    }
}

/* A dangling config raises when it is hit and hides the module from later matchers: the nearest meaning is `skip`. */
static void add_rule(struct megatron *m, const struct yaml_pair *matcher, const struct yaml_node *pattern, const struct yaml_node *config)
{
    struct yaml_reading *y = m->y;
    const char *label = yaml_name(y->arena, matcher->key), *name = yaml_name(y->arena, config);
    struct ast_predicate *predicate = foreign_atom(y, pattern->span, ATOM_glob, pattern->text, pattern->size);
    bool found;
    if (!name) {
        diag_report(y->diags, DIAG_megatron_refused, config->span, "`config`: expected a key of `configs`, saw %s", yaml_kind_words[config->kind]);
        return;
    }
    uint32_t *entry = yaml_table_at(&m->configs, name, &found);
    if (!found)
        *entry = 1; /* known to be missing */
    if (*entry)
        diag_report(y->diags, DIAG_megatron_dangling, config->span, "there is no config `%s`: modules that hit this matcher are skipped", config->text);
    foreign_rule(y, span_join(matcher->key->span, matcher->value->span), label, predicate, *entry ? AST_TARGET_SKIP : AST_TARGET_CONFIG, name);
}

/* An enabled matcher needs `type: glob`, a string as pattern, and a config. All faults are reported. */
static void read_enabled(struct megatron *m, const struct yaml_pair *matcher)
{
    const struct yaml_node *type = get_needed(m, matcher, "type"), *pattern = get_needed(m, matcher, "pattern"),
                           *config = get_needed(m, matcher, "config");
    if (type && !yaml_is(type, "glob"))
        diag_report(m->y->diags, DIAG_megatron_refused, type->span, "the matcher `%s`: its `type` is not `glob`, the only one there is",
                    matcher->key->text);
    if (pattern && pattern->kind != YAML_STRING)
        diag_report(m->y->diags, DIAG_megatron_refused, pattern->span, "`pattern`: expected a string, saw %s", yaml_kind_words[pattern->kind]);
    else if (pattern && config && yaml_is(type, "glob") && yaml_check_string(m->y, pattern) && yaml_check_string(m->y, matcher->key))
        add_rule(m, matcher, pattern, config);
}

/* A disabled matcher is as if absent, whatever else it says. */
static void read_matcher(struct megatron *m, const struct yaml_pair *matcher)
{
    if (matcher->value->kind != YAML_MAPPING) {
        diag_report(m->y->diags, DIAG_megatron_refused, matcher->key->span, "the matcher `%s`: expected a mapping, saw %s", matcher->key->text,
                    yaml_kind_words[matcher->value->kind]);
        return;
    }
    warn_unknown_keys(m, matcher);
    if (yaml_enabled(m->y, matcher->key->text, matcher->key->span, matcher->value))
        read_enabled(m, matcher);
}

/* ---- the whole ---- */

static void warn_unknown_roots(struct megatron *m, const struct yaml_node *root)
{
    static const char *const keys[] = {"configs", "matchers"};
    for (size_t i = 0; i < root->count; i++) {
        const struct yaml_node *key = root->pairs[i].key;
        if (yaml_is(key, keys[0]) || yaml_is(key, keys[1]))
            continue;
        struct diag *diag = diag_report(m->y->diags, DIAG_foreign_ignored, key->span, "the top-level key `%s` has no effect", key->text);
        yaml_help_nearest(m->y, diag, key->text, keys, 2);
    }
}

void foreign_read_megatron(struct yaml_reading *y, const struct yaml_node *root)
{
    struct megatron m = {.y = y, .configs.arena = y->arena};
    if (root->kind != YAML_MAPPING) {
        diag_report(y->diags, DIAG_megatron_refused, root->span, "expected a mapping with `configs` and `matchers`, saw %s", yaml_kind_words[root->kind]);
        return;
    }
    warn_unknown_roots(&m, root);
    read_configs(&m, yaml_get(root, "configs"));
    const struct yaml_node *matchers = yaml_get(root, "matchers");
    foreign_match(y, root->span);
    if (!matchers || matchers->kind == YAML_NULL)
        return;
    if (matchers->kind != YAML_MAPPING) {
        diag_report(y->diags, DIAG_megatron_refused, matchers->span, "expected a mapping of matchers, saw %s", yaml_kind_words[matchers->kind]);
        return;
    }
    for (size_t i = 0; i < matchers->count; i++)
        read_matcher(&m, &matchers->pairs[i]);
}
