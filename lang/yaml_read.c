/* The YAML form: a tree becomes an AST. language.md §3; docs/yaml.md has the shape of every key.
 * Recovery: a value of the wrong shape is reported and left out, the others are read. */
#include "lang/yaml_read.h"

#include <string.h>

/* ---- shapes ---- */

void yaml_report_shape(struct yaml_reading *y, const struct yaml_node *node, const char *what)
{
    if (!node->bad)
        diag_report(y->diags, DIAG_yaml_shape, node->span, "expected %s, saw %s", what, yaml_kind_words[node->kind]);
}

bool yaml_check_string(struct yaml_reading *y, const struct yaml_node *node)
{
    struct source decoded = {.name = node->text, .bytes = node->text, .size = node->size};
    struct diags scratch;
    diags_init(&scratch, y->arena);
    if (ast_check_text(&decoded, &scratch))
        return true;
    diag_report(y->diags, DIAG_bad_character, node->span, "in this string: %s", scratch.first->text);
    return false;
}

/* For strings what they hold is checked too. */
bool yaml_expect(struct yaml_reading *y, const struct yaml_node *node, enum yaml_kind kind, const char *what)
{
    if (node->kind == kind && !node->bad)
        return kind != YAML_STRING || yaml_check_string(y, node);
    yaml_report_shape(y, node, what);
    return false;
}

bool yaml_expect_name(struct yaml_reading *y, const struct yaml_node *node, const char *what)
{
    if (node->kind != YAML_SEQUENCE && node->kind != YAML_MAPPING && !node->bad)
        return yaml_check_string(y, node);
    yaml_report_shape(y, node, what);
    return false;
}

void yaml_help_nearest(struct yaml_reading *y, struct diag *diag, const char *word, const char *const *words, size_t count)
{
    const char *nearest = diag_nearest(word, words, count);
    if (nearest)
        diag_help(y->diags, diag, "did you mean `%s`?", nearest);
}

/* ---- pieces ---- */

struct ast_string yaml_string(const struct yaml_node *node)
{
    return (struct ast_string){node->text, node->size, node->span};
}

/* [A-Za-z_][A-Za-z0-9_-]*, with dots between such names */
static bool is_bare_name(const char *text)
{
    bool first = true;
    for (; *text; text++) {
        bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || *text == '_';
        bool later = (*text >= '0' && *text <= '9') || *text == '-' || *text == '.';
        if (!letter && (first || !later))
            return false;
        first = *text == '.';
    }
    return !first;
}

/* Quoted marks names that .qr must quote, as its own parser does. */
struct ast_name yaml_ast_name(struct yaml_reading *y, const struct yaml_node *node)
{
    const char *text = yaml_name(y->arena, node);
    return (struct ast_name){text, !is_bare_name(text), node->span};
}

/* Declarations keep the order of the text. */
static void append_decl(struct yaml_reading *y, struct ast_decl *decl)
{
    *y->end = decl;
    y->end = &decl->next;
}

struct ast_decl *yaml_add_decl(struct yaml_reading *y, enum ast_decl_kind kind, const struct yaml_node *name, struct span span)
{
    struct ast_decl *decl = ARENA_NEW(y->arena, struct ast_decl);
    decl->kind = kind;
    decl->span = span;
    if (name)
        decl->name = yaml_ast_name(y, name);
    append_decl(y, decl);
    return decl;
}

struct ast_decl *yaml_add_body(struct yaml_reading *y, enum ast_decl_kind kind, const struct yaml_pair *pair, const char *text)
{
    struct ast_decl *decl = ast_parse_body(y->arena, y->source, pair->value->span, kind, text, strlen(text), y->diags);
    if (!decl)
        return NULL;
    decl->kind = kind;
    decl->name = yaml_ast_name(y, pair->key);
    decl->span = span_join(pair->key->span, pair->value->span);
    append_decl(y, decl);
    return decl;
}

struct ast_predicate *yaml_predicate(struct yaml_reading *y, const struct yaml_node *node)
{
    if (!yaml_expect(y, node, YAML_STRING, "a predicate in the .qr spelling"))
        return NULL;
    return ast_parse_predicate(y->arena, y->source, node->span, node->text, node->size, y->diags);
}

/* ---- files of other systems ---- */

/* config_to_dict's envelope. */
static bool is_torchao(const struct yaml_node *root)
{
    return yaml_get(root, "_type") && yaml_get(root, "_data");
}

/* A file of coreai_opt has `quantization_config` with its own keys, and perhaps shared specs. */
static bool is_coreai(const struct yaml_node *root)
{
    static const char *const keys[] = {"global_config", "module_type_configs", "module_name_configs", "execution_mode"};
    const struct yaml_node *config = yaml_get(root, "quantization_config");
    for (size_t i = 0; config && i < sizeof keys / sizeof *keys; i++)
        if (yaml_get(config, keys[i]))
            return true;
    return yaml_get(root, "quantization_spec");
}

static bool is_quark(const struct yaml_node *root)
{
    return yaml_get(root, "global_quant_config") || yaml_get(root, "pre_quant_opt_config");
}

/* config.json of a model, or the inner mapping alone. Asked last: coreai_opt shares the first key. */
static bool is_hugging_face(const struct yaml_node *root)
{
    return yaml_get(root, "quantization_config") || yaml_get(root, "quant_method");
}

static const struct {
    bool (*is)(const struct yaml_node *root);
    const char *what;
} foreign[] = {
    {is_torchao, "a torchao configuration"},
    {is_coreai, "a coreai_opt configuration"},
    {is_quark, "a Quark configuration"},
    {is_hugging_face, "a Hugging Face `quantization_config`"},
};

/* One clear message instead of many about unknown keys. */
static bool report_foreign(struct yaml_reading *y, const struct yaml_node *root)
{
    if (yaml_get(root, "configs") || yaml_get(root, "matchers"))
        return false;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (!foreign[i].is(root))
            continue;
        const struct yaml_node *type = yaml_get(root, "_type");
        const char *name = type && type->kind == YAML_STRING ? arena_printf(y->arena, " (`%s`)", type->text) : "";
        struct span span = root->pairs[0].key->span;
        diag_report(y->diags, DIAG_yaml_foreign, span, "this is %s%s; Quern does not read it yet", foreign[i].what, name);
        return true;
    }
    return false;
}

/* ---- the whole ---- */

static const struct {
    const char *key;
    void (*read)(struct yaml_reading *y, const struct yaml_pair *pair);
} keys[] = {
#define KEY(key, function) {#key, yaml_read_##function},
#include "lang/yaml_keys.def"
#undef KEY
};
enum { KEY_COUNT = sizeof keys / sizeof *keys };

static void report_unknown_key(struct yaml_reading *y, const struct yaml_node *key)
{
    const char *words[KEY_COUNT];
    for (size_t i = 0; i < KEY_COUNT; i++)
        words[i] = keys[i].key;
    struct diag *diag = diag_report(y->diags, DIAG_yaml_unknown_key, key->span, "the top-level key `%s` is not read", key->text);
    yaml_help_nearest(y, diag, key->text, words, KEY_COUNT);
}

/* Dispatch by yaml_keys.def. */
static void read_key(struct yaml_reading *y, const struct yaml_pair *pair)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (yaml_is(pair->key, keys[i].key)) {
            keys[i].read(y, pair);
            return;
        }
    report_unknown_key(y, pair->key);
}

static void read_root(struct yaml_reading *y, const struct yaml_node *root)
{
    if (!yaml_expect(y, root, YAML_MAPPING, "a mapping with keys such as `configs` and `matchers`") || report_foreign(y, root))
        return;
    y->configs = yaml_get(root, "configs");
    for (size_t i = 0; i < root->count; i++)
        read_key(y, &root->pairs[i]);
}

struct ast *ast_parse_yaml(struct arena *arena, struct source *source, struct diags *diags)
{
    struct yaml_reading y = {.arena = arena, .source = source, .diags = diags};
    y.ast = ARENA_NEW(arena, struct ast);
    *y.ast = (struct ast){.source = source, .spelling = SPELLING_YAML};
    y.end = &y.ast->decls;
    unsigned errors = diags->errors;
    struct yaml_document *document = yaml_read(arena, source, diags);
    const struct yaml_node *root = document->root;
    if (root && root->kind != YAML_NULL)
        read_root(&y, root);
    else if (diags->errors == errors)
        diag_report(diags, DIAG_empty, (struct span){source, 0, 0}, "the recipe is empty");
    y.ast->comments = yaml_comments(arena, document);
    return y.ast;
}
