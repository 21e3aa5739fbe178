/* The formatter from inside: lines made from the AST (qr_lines.c), laid out with the comments (qr_format.c). */
#ifndef QUERN_LANG_QR_FORMAT_H
#define QUERN_LANG_QR_FORMAT_H

#include "lang/ast.h"

/* One line of canonical text. It may hold line breaks of its own (strings, `extra`, wrapped predicates). */
struct qr_line {
    const char *left, *right; /* right: from the aligned `=`, `{` or `=>` on, or NULL */
    unsigned indent;
    unsigned group;           /* lines of one group, 0 apart, align their right parts */
    bool opens, closes;       /* a block's first and last line */
    bool gap;                 /* a blank line before it, whatever the source has */
    uint32_t begin, end;      /* its text in the source, or only where it begins */
};
struct qr_lines {
    struct arena *arena;
    const struct ast *ast;
    const struct ast_comment *comment; /* the first one not yet passed by a declaration */
    struct qr_line *items;
    size_t count, capacity;
    unsigned groups;
};

enum { QR_WIDTH = 100, QR_ALIGN_MAX = 60, QR_INDENT = 2 };

void qr_lines_make(struct qr_lines *lines);
size_t qr_text_width(const char *text); /* in code points; SIZE_MAX when it holds a line break */

#endif
