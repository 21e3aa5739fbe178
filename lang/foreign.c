/* Files of other systems: the table, whose file a text is, and what their readers build with. In: a tree of YAML. Out: the row
 * of its system. A file is recognised by keys that no other system has; what is built is the AST that the .qr parser would
 * build. See foreign.h. */
#include "lang/foreign.h"
#include "lang/torchao.h"

#include <string.h>

const struct foreign foreign_rows[FOREIGN_COUNT] = {
#define FOREIGN(name, word, what, is, read, write) {word, what, is, read, write, NULL},
#define FOREIGN_TEXT(name, word, what, parse, read, write) {word, what, NULL, read, write, parse},
#include "lang/foreign.def"
#undef FOREIGN
#undef FOREIGN_TEXT
};

const struct foreign *foreign_find(const char *word)
{
    for (size_t i = 0; i < FOREIGN_COUNT; i++)
        if (!strcmp(foreign_rows[i].word, word))
            return &foreign_rows[i];
    return NULL;
}

/* Quern's own keys decide against every other system. */
const struct foreign *foreign_recognise(const struct yaml_node *root)
{
    if (root->kind != YAML_MAPPING || yaml_get(root, "configs") || yaml_get(root, "matchers"))
        return NULL;
    for (size_t i = 0; i < FOREIGN_COUNT; i++)
        if (foreign_rows[i].is && foreign_rows[i].is(root))
            return &foreign_rows[i];
    return NULL;
}

/* ---- keys ---- */

/* A file of coreai_opt has `quantization_config` with its own keys, and perhaps shared specs. */
bool foreign_is_coreai(const struct yaml_node *root)
{
    static const char *const keys[] = {"global_config", "module_type_configs", "module_name_configs", "preserved_attributes", "execution_mode"};
    const struct yaml_node *config = yaml_get(root, "quantization_config");
    if (config && config->kind == YAML_MAPPING && !config->count)
        return true;
    for (size_t i = 0; config && i < sizeof keys / sizeof *keys; i++)
        if (yaml_get(config, keys[i]))
            return true;
    return yaml_get(root, "quantization_spec");
}

bool foreign_is_quark(const struct yaml_node *root)
{
    return yaml_get(root, "global_quant_config") || yaml_get(root, "pre_quant_opt_config");
}

/* ---- building ---- */

/* No file of another system has imports: the dot of a config's name is a letter. Labels may have bare dots. */
static struct ast_name make_name(struct yaml_reading *y, const char *name, bool is_label, struct span span)
{
    return (struct ast_name){arena_string(y->arena, name), !yaml_is_bare(name) || (!is_label && strchr(name, '.')), span};
}

struct ast_decl *foreign_declare(struct yaml_reading *y, enum ast_decl_kind kind, const char *name, struct span span, const char *body)
{
    struct ast_decl *decl = ast_parse_body(y->arena, y->source, span, kind, body, strlen(body), y->diags);
    if (!decl)
        return NULL;
    if (name)
        decl->name = make_name(y, name, false, span);
    *y->end = decl;
    y->end = &decl->next;
    return decl;
}

struct ast_decl *foreign_match(struct yaml_reading *y, struct span span)
{
    if (!y->match)
        y->match = yaml_add_decl(y, AST_DECL_match, NULL, span);
    return y->match;
}

/* last_rule makes appending constant: files of ten thousand rules are read in linear time. */
struct ast_rule *foreign_rule(struct yaml_reading *y, struct span span, const char *label, struct ast_predicate *predicate,
                              enum ast_target_kind target, const char *name)
{
    struct ast_rule **end = &foreign_match(y, span)->match.rules, *rule = ARENA_NEW(y->arena, struct ast_rule);
    *rule = (struct ast_rule){.span = span, .predicate = predicate, .target = target};
    if (label)
        rule->label = make_name(y, label, true, span);
    if (target != AST_TARGET_SKIP)
        rule->name = make_name(y, name, false, span);
    if (y->last_rule)
        end = &y->last_rule->next;
    return *end = y->last_rule = rule;
}

struct ast_predicate *foreign_any(struct yaml_reading *y, struct span span)
{
    struct ast_predicate *p = ARENA_NEW(y->arena, struct ast_predicate);
    *p = (struct ast_predicate){.kind = AST_ANY, .depth = 1, .span = span};
    return p;
}

struct ast_predicate *foreign_atom(struct yaml_reading *y, struct span span, enum atom atom, const char *bytes, size_t size)
{
    struct ast_predicate *p = foreign_any(y, span);
    p->kind = AST_ATOM;
    p->atom = atom;
    p->pattern = (struct ast_string){arena_copy(y->arena, bytes, size), size, span};
    return p;
}

struct ast_predicate *foreign_and(struct yaml_reading *y, struct ast_predicate *a, struct ast_predicate *b)
{
    struct ast_predicate *p = foreign_any(y, span_join(a->span, b->span));
    p->kind = AST_AND;
    p->left = a;
    p->right = b;
    p->depth = 1 + (b->depth > a->depth ? b->depth : a->depth);
    return p;
}
