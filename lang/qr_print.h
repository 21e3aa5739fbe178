/* Pieces of the .qr spelling that the formatter and the AST text share. */
#ifndef QUERN_LANG_QR_PRINT_H
#define QUERN_LANG_QR_PRINT_H

#include "lang/ast.h"

/* Bare where it can stand so and means the same, else in quotes. */
void qr_print_name(struct text *out, const struct ast_name *name);
bool qr_name_is_bare(const struct ast_name *name);
/* As written when that reads back to the same number in this language, else canonically. */
void qr_print_number(struct text *out, const struct ast_number *number);
void qr_print_integer(struct text *out, int64_t value, const char *spelling);
void qr_print_definition(struct text *out, const struct ast_format *format);
void qr_print_arguments(struct text *out, const struct ast_argument *arguments); /* without parentheses */
void qr_print_attribute(struct text *out, const struct ast_attribute *attribute);

#endif
