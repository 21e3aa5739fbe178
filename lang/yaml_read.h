/* The reader of the YAML form from inside: what its files share. docs/language.md, docs/yaml.md. */
#ifndef QUERN_LANG_YAML_READ_H
#define QUERN_LANG_YAML_READ_H

#include "lang/ast.h"
#include "lang/yaml_tree.h"

struct yaml_reading {
    struct arena *arena;
    struct source *source;
    struct diags *diags;
    struct ast *ast;
    struct ast_decl **end; /* where the next declaration goes */
    const struct yaml_node *configs; /* the value of `configs`, or NULL */
    struct yaml_table config_keys;   /* of `configs`, once a dotted name was looked for */
    bool warned_skip; /* of a config called `skip` */
    struct ast_decl *match; /* the one of `matchers` and `policy`, once one of them was read */
    struct ast_rule *last_rule; /* of a file of another system (foreign.h) */
};

/* ---- shapes: each reports "expected WHAT, saw …" once and gives false or NULL ---- */
bool yaml_expect(struct yaml_reading *y, const struct yaml_node *node, enum yaml_kind kind, const char *what);
bool yaml_expect_name(struct yaml_reading *y, const struct yaml_node *node, const char *what);
void yaml_report_shape(struct yaml_reading *y, const struct yaml_node *node, const char *what);
/* A decoded string may hold what a text may not: NUL and bidirectional controls. */
bool yaml_check_string(struct yaml_reading *y, const struct yaml_node *node);
/* "did you mean" when a candidate is near. */
void yaml_help_nearest(struct yaml_reading *y, struct diag *diag, const char *word, const char *const *words, size_t count);

struct ast_string yaml_string(const struct yaml_node *node);
bool yaml_is_bare(const char *text); /* a name that .qr need not quote */
struct ast_name yaml_ast_name(struct yaml_reading *y, const struct yaml_node *node);
/* Where a config is named: a dot leads into an import unless `configs` has that very key. */
struct ast_name yaml_config_name(struct yaml_reading *y, const struct yaml_node *node);
struct ast_decl *yaml_add_decl(struct yaml_reading *y, enum ast_decl_kind kind, const struct yaml_node *name, struct span span);
/* The declaration whose body is text; its name and span come from the pair. NULL after a message. */
struct ast_decl *yaml_add_body(struct yaml_reading *y, enum ast_decl_kind kind, const struct yaml_pair *pair, const char *text);
/* A config whose payload is kept for the host whatever its keys are; anything but a mapping is a null payload. */
struct ast_decl *yaml_add_opaque(struct yaml_reading *y, const struct yaml_pair *pair);
/* Python's truth of a matcher's `enabled`, false when it is absent; both surprises are warnings. */
bool yaml_enabled(struct yaml_reading *y, const char *name, struct span span, const struct yaml_node *body);
struct ast_predicate *yaml_predicate(struct yaml_reading *y, const struct yaml_node *node);

/* ---- .qr text from YAML values (yaml_call.c) ---- */
/* `word`, `{word: argument}`, `{word: [a, b]}` or `{word: {key: value}}` as WORD(arguments). False after a message. */
bool yaml_call(struct yaml_reading *y, struct text *out, const struct yaml_node *node, const char *what);
bool yaml_call_pair(struct yaml_reading *y, struct text *out, const struct yaml_pair *pair);
bool yaml_call_value(struct yaml_reading *y, struct text *out, const struct yaml_node *node);

/* ---- specs (yaml_spec.c) ---- */
bool yaml_is_spec_map(const struct yaml_node *node);
struct ast_spec *yaml_spec(struct yaml_reading *y, const struct yaml_node *node);

/* ---- top-level keys: one row of yaml_keys.def each ---- */
#define KEY(key, function) void yaml_read_##function(struct yaml_reading *y, const struct yaml_pair *pair);
#include "lang/yaml_keys.def"
#undef KEY

/* ---- comments (yaml_comment.c) ---- */
struct ast_comment *yaml_comments(struct arena *arena, const struct yaml_document *document);

#endif
