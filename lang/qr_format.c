/* Formatter, second half: the layout. In: the lines of qr_lines.c and the file's comments in order. Out: canonical text:
 * comments go between the lines or behind them, blank lines are kept one at a time, and neighbours are aligned. The same text
 * comes out when its own output goes in. No comment is lost. */
#include "lang/qr_format.h"

#include <string.h>

/* A line of output: a line of the AST or a comment on a line of its own. */
struct row {
    const struct qr_line *line;            /* NULL: a comment */
    const struct ast_comment *comment;     /* the comment, or the one behind the line */
    unsigned indent;
    bool blank;                            /* a blank line before it */
    size_t left, whole;                    /* widths; SIZE_MAX when it holds a line break */
    size_t column;                         /* of the right part, or 0 */
    size_t comment_column;                 /* of the comment behind the line */
};
struct qr_layout {
    struct arena *arena;
    const struct ast *ast;
    struct row *rows;
    size_t count, capacity;
    const struct ast_comment *comment; /* the next one to place */
};

/* ---- rows ---- */

/* Whether a blank line stands right before offset.
 * Two line breaks with nothing but blanks between. */
static bool has_blank_before(const struct ast *ast, uint32_t offset)
{
    const char *bytes = ast->source->bytes;
    unsigned breaks = 0;
    for (; offset > 0 && strchr(" \t\r\n", bytes[offset - 1]) && bytes[offset - 1]; offset--)
        breaks += bytes[offset - 1] == '\n' || (bytes[offset - 1] == '\r' && bytes[offset] != '\n');
    return breaks > 1 && offset > 0;
}

static void add_comment_row(struct qr_layout *layout, unsigned indent, bool blank)
{
    *ARENA_PUSH(layout->arena, layout->rows, layout->count, layout->capacity) =
        (struct row){.comment = layout->comment, .indent = indent, .blank = blank};
    layout->comment = layout->comment->next;
}

/* The comments that stand before line i, and those inside it, which move before it. *blank: whether the line still
 * wants a blank line before itself. */
static void add_comments_before(struct qr_layout *layout, const struct qr_line *line, bool *blank)
{
    unsigned indent = line->indent + (line->closes ? QR_INDENT : 0);
    bool gap = line->gap, moved = false;
    while (layout->comment && (layout->comment->span.begin < line->begin || layout->comment->span.begin < line->end)) {
        bool inside = layout->comment->span.begin >= line->begin;
        bool wants = inside ? !moved && *blank : has_blank_before(layout->ast, layout->comment->span.begin);
        add_comment_row(layout, indent, wants || gap);
        gap = false;
        moved |= inside;
    }
    *blank = (*blank && !moved) || gap;
}

/* A comment behind a line's text stands before the next line begins. */
static bool is_behind(const struct ast_comment *comment, const struct qr_line *next)
{
    return comment && !comment->own_line && (!next || comment->span.begin < next->begin);
}

/* next: the line after it, or NULL; a comment before that one may stand behind this one */
static void add_line_row(struct qr_layout *layout, const struct qr_line *line, const struct qr_line *next)
{
    bool blank = has_blank_before(layout->ast, line->begin);
    add_comments_before(layout, line, &blank);
    struct row *row = ARENA_PUSH(layout->arena, layout->rows, layout->count, layout->capacity);
    *row = (struct row){.line = line, .indent = line->indent, .blank = blank && !line->closes, .left = qr_text_width(line->left)};
    if (!is_behind(layout->comment, next))
        return;
    row->comment = layout->comment;
    layout->comment = layout->comment->next;
}

static void add_rows(struct qr_layout *layout, const struct qr_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        add_line_row(layout, &lines->items[i], i + 1 < lines->count ? &lines->items[i + 1] : NULL);
    while (layout->comment)
        add_comment_row(layout, 0, has_blank_before(layout->ast, layout->comment->span.begin));
    for (size_t i = 0; i < layout->count; i++)
        if (i == 0 || (layout->rows[i - 1].line && layout->rows[i - 1].line->opens))
            layout->rows[i].blank = false;
}

/* ---- alignment ---- */

/* Long left parts neither move their neighbours nor are moved. */
static bool is_aligned(const struct row *row)
{
    return row->line && row->line->right && row->line->group && row->left <= QR_ALIGN_MAX;
}

/* Rows of one group share a column. The group of a block spans it; that of declarations ends at a blank line. */
static void align_right_parts(struct qr_layout *layout)
{
    for (size_t first = 0, last; first < layout->count; first = last) {
        const struct qr_line *line = layout->rows[first].line;
        unsigned group = line ? line->group : 0;
        size_t widest = 0;
        for (last = first; last < layout->count; last++) {
            const struct row *row = &layout->rows[last];
            if (last > first && ((row->line && row->line->group != group) || !group || (row->blank && group <= AST_DECL_COUNT)))
                break;
            if (is_aligned(row) && row->left > widest)
                widest = row->left;
        }
        for (size_t i = first; i < last; i++)
            if (is_aligned(&layout->rows[i]))
                layout->rows[i].column = widest + 1;
    }
}

/* whole is the width of a line with its columns, for comments behind it. */
static void measure_rows(struct qr_layout *layout)
{
    for (size_t i = 0; i < layout->count; i++) {
        struct row *row = &layout->rows[i];
        if (!row->line)
            continue;
        size_t right = row->line->right ? qr_text_width(row->line->right) : 0;
        size_t column = row->column ? row->column : row->left + 1;
        row->whole = row->left == SIZE_MAX || right == SIZE_MAX ? SIZE_MAX
                     : row->indent + (row->line->right ? column + right : row->left);
    }
}

static bool has_aligned_comment(const struct row *row)
{
    return row->line && row->comment && row->whole <= QR_WIDTH && !row->line->opens && !row->line->closes;
}

/* Comments behind neighbouring lines share a column. */
static void align_comments(struct qr_layout *layout)
{
    for (size_t first = 0, last; first < layout->count; first = last) {
        size_t widest = 0;
        for (last = first; last < layout->count && has_aligned_comment(&layout->rows[last]); last++) {
            if (last > first && layout->rows[last].blank)
                break;
            if (layout->rows[last].whole > widest)
                widest = layout->rows[last].whole;
        }
        for (size_t i = first; i < last; i++)
            layout->rows[i].comment_column = widest + 2;
        last += last == first;
    }
}

/* ---- printing ---- */

static void print_blanks(struct text *out, size_t count)
{
    text_printf(out, "%*s", (int)count, "");
}

/* Without the blanks that end its line. */
static void print_comment(struct text *out, const struct ast_comment *comment)
{
    const char *bytes = comment->span.source->bytes + comment->span.begin;
    size_t size = comment->span.end - comment->span.begin;
    while (size > 0 && (bytes[size - 1] == ' ' || bytes[size - 1] == '\t' || bytes[size - 1] == '\f'))
        size--;
    text_add_bytes(out, bytes, size);
}

static void print_row(struct text *out, const struct row *row)
{
    if (row->blank)
        text_char(out, '\n');
    print_blanks(out, row->indent);
    if (row->line) {
        text_add(out, row->line->left);
        if (row->line->right) {
            print_blanks(out, row->column ? row->column - row->left : 1);
            text_add(out, row->line->right);
        }
        if (row->comment)
            print_blanks(out, row->comment_column ? row->comment_column - row->whole : 2);
    }
    if (row->comment)
        print_comment(out, row->comment);
    text_char(out, '\n');
}

void ast_format_qr(struct text *out, const struct ast *ast)
{
    struct qr_lines lines = {.arena = out->arena, .ast = ast, .comment = ast->comments};
    qr_lines_make(&lines);
    struct qr_layout layout = {.arena = out->arena, .ast = ast, .comment = ast->comments};
    add_rows(&layout, &lines);
    align_right_parts(&layout);
    measure_rows(&layout);
    align_comments(&layout);
    for (size_t i = 0; i < layout.count; i++)
        print_row(out, &layout.rows[i]);
}
