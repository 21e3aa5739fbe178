/* The YAML form: a tree becomes an AST. In: a source. Out: an AST with its comments; files of other systems go to their readers
 * (foreign.def). docs/yaml.md has the shape of every key. Recovery: a value of the wrong shape is reported and left out, the
 * others are read. */
#include "lang/foreign.h"

#include <string.h>

/* ---- shapes ---- */

void yaml_report_shape(struct yaml_reading *y, const struct yaml_node *node, const char *what)
{
    if (!node->bad)
        diag_report(y->diags, DIAG_yaml_shape, node->span, "expected %s, saw %s", what, yaml_kind_words[node->kind]);
}

/* Escapes of double quotes can make what no text may hold: NUL, bidirectional controls, malformed UTF-8. */
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
bool yaml_is_bare(const char *text)
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
    return (struct ast_name){text, !yaml_is_bare(text), node->span};
}

/* A declared name's dot is a letter like any other; elsewhere a bare one leads into an import. */
static struct ast_name declared_name(struct yaml_reading *y, const struct yaml_node *node)
{
    struct ast_name name = yaml_ast_name(y, node);
    name.quoted |= strchr(name.text, '.') != NULL;
    return name;
}

/* Keys that hold a NUL are no config's name. */
static bool is_config_key(struct yaml_reading *y, const char *name)
{
    const struct yaml_node *configs = y->configs;
    bool found, first = !y->config_keys.arena;
    y->config_keys.arena = y->arena;
    for (size_t i = 0; first && configs && configs->kind == YAML_MAPPING && i < configs->count; i++)
        if (yaml_is(configs->pairs[i].key, configs->pairs[i].key->text))
            *yaml_table_at(&y->config_keys, configs->pairs[i].key->text, &found) = 1;
    return *yaml_table_at(&y->config_keys, name, &found) == 1;
}

/* A bare dotted name that is a key of `configs` means that config, not an import's. */
struct ast_name yaml_config_name(struct yaml_reading *y, const struct yaml_node *node)
{
    struct ast_name name = yaml_ast_name(y, node);
    name.quoted |= strchr(name.text, '.') && is_config_key(y, name.text);
    return name;
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
        decl->name = declared_name(y, name);
    append_decl(y, decl);
    return decl;
}

struct ast_decl *yaml_add_body(struct yaml_reading *y, enum ast_decl_kind kind, const struct yaml_pair *pair, const char *text)
{
    struct ast_decl *decl = ast_parse_body(y->arena, y->source, pair->value->span, kind, text, strlen(text), y->diags);
    if (!decl)
        return NULL;
    decl->kind = kind;
    decl->name = declared_name(y, pair->key);
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
    if (!yaml_expect(y, root, YAML_MAPPING, "a mapping with keys such as `configs` and `matchers`"))
        return;
    y->configs = yaml_get(root, "configs");
    for (size_t i = 0; i < root->count; i++)
        read_key(y, &root->pairs[i]);
}

/* Duplicate keys are an error in Quern's own files and a warning in others', whose loaders keep the last. */
static struct ast *read_text(struct arena *arena, struct source *source, const struct foreign *system, struct diags *diags)
{
    struct yaml_reading y = {.arena = arena, .source = source, .diags = diags};
    y.ast = ARENA_NEW(arena, struct ast);
    *y.ast = (struct ast){.source = source, .spelling = SPELLING_YAML};
    y.end = &y.ast->decls;
    unsigned errors = diags->errors;
    bool is_yaml = !system || !system->parse;
    struct yaml_document *document = is_yaml ? yaml_read(arena, source, diags) : system->parse(arena, source, diags);
    struct yaml_node *root = document->root;
    if (root && !system)
        system = foreign_recognise(root);
    if (root && system && is_yaml && source->bytes[root->span.begin] == '{')
        yaml_json_numbers(arena, root);
    yaml_report_duplicates(document, system ? DIAG_yaml_duplicate_kept : DIAG_yaml_duplicate, diags);
    y.ast->foreign = root ? system : NULL;
    if (root && system)
        system->read(&y, root);
    else if (root && root->kind != YAML_NULL)
        read_root(&y, root);
    else if (diags->errors == errors)
        diag_report(diags, DIAG_empty, (struct span){source, 0, 0}, "the recipe is empty");
    y.ast->comments = is_yaml ? yaml_comments(arena, document) : NULL;
    return y.ast;
}

struct ast *ast_parse_yaml(struct arena *arena, struct source *source, struct diags *diags)
{
    return read_text(arena, source, NULL, diags);
}

struct ast *foreign_parse(struct arena *arena, struct source *source, const struct foreign *system, struct diags *diags)
{
    if (!system)
        return ast_parse(arena, source, diags);
    struct ast *nothing = ARENA_NEW(arena, struct ast);
    nothing->source = source;
    return ast_check_text(source, diags) ? read_text(arena, source, system, diags) : nothing;
}
