/* The printer of the YAML form from inside: what its files share. docs/language.md, docs/yaml.md. */
#ifndef QUERN_LANG_YAML_PRINT_H
#define QUERN_LANG_YAML_PRINT_H

#include "lang/ast.h"
#include "lang/yaml_value.h"

/* Every function appends one line's worth of YAML flow that reads back to an equal node. */
void yaml_print_arguments(struct text *out, const struct ast_argument *arguments); /* {key: value} */
void yaml_print_step(struct text *out, const struct ast_step *step);
void yaml_print_format(struct text *out, const struct ast_format *format);
void yaml_print_spec(struct text *out, const struct ast_spec *spec);
void yaml_print_config(struct text *out, const struct ast_decl *config);
void yaml_print_rule(struct text *out, const struct ast_rule *rule, bool with_label);
void yaml_print_expect(struct text *out, const struct ast_expect *expect);

/* The key of an attribute in a spec map. */
const char *yaml_spec_key(enum ast_attribute_kind kind);
/* Whether a JSON object is read as an opaque payload when it stands alone: it has other keys than a config's, and no
 * slot. */
bool yaml_is_opaque(struct arena *arena, const char *json);

/* The text that a printer of .qr pieces adds, as a YAML string. */
#define YAML_PRINT_QR(out, print, node)                            \
    do {                                                           \
        struct text qr = text_make((out)->arena);                  \
        print(&qr, node);                                          \
        yaml_print_string(out, text_string(&qr), qr.size);         \
    } while (0)

#endif
