/* Files of other systems: recognised by their keys, read as an AST with their system's meaning, written from a recipe. One row of
 * foreign.def and one file foreign_NAME.c each; the meaning of each system's file is in docs/, one page a system. */
#ifndef QUERN_LANG_FOREIGN_H
#define QUERN_LANG_FOREIGN_H

#include "lang/recipe.h"
#include "lang/yaml_read.h"

/* What the system's file means, as declarations and rules of y->ast, with the places of the file; what it cannot mean is
 * reported. */
typedef void foreign_read(struct yaml_reading *y, const struct yaml_node *root);
/* A text that is not YAML as a tree; the document's root is NULL when there is nothing in it. */
typedef struct yaml_document *foreign_parser(struct arena *arena, struct source *source, struct diags *diags);
/* The recipe as such a file. False after reporting everything that cannot be said there. */
typedef bool foreign_write(struct text *out, const struct recipe *recipe, struct diags *diags);

struct foreign {
    const char *word, *what;
    bool (*is)(const struct yaml_node *root);
    foreign_read *read;
    foreign_write *write;
    foreign_parser *parse; /* NULL: YAML */
};
enum {
    FOREIGN_COUNT = 0
#define FOREIGN(name, word, what, is, read, write) +1
#define FOREIGN_TEXT(name, word, what, parse, read, write) +1
#include "lang/foreign.def"
#undef FOREIGN
#undef FOREIGN_TEXT
};
extern const struct foreign foreign_rows[FOREIGN_COUNT];

const struct foreign *foreign_find(const char *word); /* NULL: no such system */
/* Whose file this is; NULL: none of theirs. */
const struct foreign *foreign_recognise(const struct yaml_node *root);
/* The text as a file of that system; NULL: of the one it is recognised as, else Quern's own. */
struct ast *foreign_parse(struct arena *arena, struct source *source, const struct foreign *system, struct diags *diags);

/* ---- building, for readers ---- */
/* `KIND name BODY` (name NULL: `KIND BODY`) with the place of span: body is .qr text ("{ weight int4 per group(32) }", "= int8 per channel(0)").
 * NULL after a message. */
struct ast_decl *foreign_declare(struct yaml_reading *y, enum ast_decl_kind kind, const char *name, struct span span, const char *body);
/* The match declaration, made when first asked for. */
struct ast_decl *foreign_match(struct yaml_reading *y, struct span span);
/* A rule behind those there are. label NULL: none; name: of the config or spec. */
struct ast_rule *foreign_rule(struct yaml_reading *y, struct span span, const char *label, struct ast_predicate *predicate,
                              enum ast_target_kind target, const char *name);
struct ast_predicate *foreign_any(struct yaml_reading *y, struct span span); /* _ */
/* One atom; bytes are copied. */
struct ast_predicate *foreign_atom(struct yaml_reading *y, struct span span, enum atom atom, const char *bytes, size_t size);
struct ast_predicate *foreign_and(struct yaml_reading *y, struct ast_predicate *a, struct ast_predicate *b);
/* A class by its last name alone, as Hugging Face's configurations have it: `type re "(.*\.)?NAME"`. */
struct ast_predicate *foreign_class(struct yaml_reading *y, struct span span, const char *name);

/* ---- one file each ---- */
bool foreign_is_torchao(const struct yaml_node *root);
bool foreign_is_coreai(const struct yaml_node *root);
foreign_read foreign_read_coreai;
foreign_write foreign_write_coreai;
bool foreign_is_quark(const struct yaml_node *root);
bool foreign_is_hugging_face(const struct yaml_node *root);
foreign_read foreign_read_megatron, foreign_read_quark, foreign_read_hugging_face;
foreign_parser foreign_parse_llama;
foreign_read foreign_read_llama;
foreign_write foreign_write_llama;
/* The mapping under quantization_config. */
foreign_read foreign_read_compressed, foreign_read_modelopt;
foreign_write foreign_write_megatron, foreign_write_quark, foreign_write_compressed, foreign_write_modelopt;
/* pre_quant_opt_config or algo_config (NULL: absent) as prepare or algorithm; has_input: activations are quantized. */
void foreign_read_quark_steps(struct yaml_reading *y, const struct yaml_node *list, bool algorithm, bool has_input);
bool foreign_is_fastforward(const struct yaml_node *root);
foreign_read foreign_read_fastforward;
foreign_write foreign_write_fastforward;

#endif
