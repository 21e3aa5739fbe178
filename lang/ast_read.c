/* AST text, read back by the rows of ast_fields.c. The first fault is reported and ends the reading; the AST is empty
 * then. See ast_fields.h. */
#include "lang/ast_fields.h"

#include <string.h>
#include "lang/qr.h"

/* Beyond AST_DEPTH_MAX a text has at most these levels of declarations, rules, arguments and specs. */
enum { LEVELS_MAX = 2 * AST_DEPTH_MAX };

struct reader {
    struct arena *arena;
    struct source *source;
    struct diags *diags;
    size_t at; /* the next byte of the current line */
    bool failed;
};

static struct span span_here(const struct reader *r, size_t begin)
{
    return (struct span){r->source, (uint32_t)begin, (uint32_t)(r->at > begin ? r->at : begin + 1)};
}

/* The fault stands from begin to the reader's place. */
static struct diag *fail(struct reader *r, size_t begin, const char *text)
{
    struct diag *diag = r->failed ? NULL : diag_report(r->diags, DIAG_bad_ast_text, span_here(r, begin), "%s", text);
    r->failed = true;
    return diag;
}

/* ---- words and strings ---- */

static char peek(const struct reader *r)
{
    return r->at < r->source->size ? r->source->bytes[r->at] : '\n';
}

static bool ends_word(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '=' || c == '"' || c == '\0';
}

/* Up to a blank, `=`, a quote or the line's end; may be empty. */
static const char *read_word(struct reader *r)
{
    size_t begin = r->at;
    while (!ends_word(peek(r)))
        r->at++;
    return arena_copy(r->arena, r->source->bytes + begin, r->at - begin);
}

static int read_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte after a backslash; -1 when it is no escape. */
static int read_escape(struct reader *r)
{
    static const char letters[] = "\"\\nrtx", bytes[] = "\"\\\n\r\t";
    char c = peek(r);
    const char *found = c ? strchr(letters, c) : NULL;
    if (!found || c == '\n')
        return -1;
    r->at++;
    if (c != 'x')
        return (unsigned char)bytes[found - letters];
    int high = read_digit(peek(r));
    r->at += high >= 0;
    int low = read_digit(peek(r));
    r->at += high >= 0 && low >= 0;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static struct ast_string read_quoted(struct reader *r)
{
    size_t begin = r->at++;
    struct text text = text_make(r->arena);
    while (peek(r) != '"' && !r->failed) {
        int byte = (unsigned char)peek(r);
        if (byte == '\n' || byte == '\r') {
            fail(r, begin, "this string has no end on its line");
            break;
        }
        r->at++;
        if (byte == '\\' && (byte = read_escape(r)) < 0)
            fail(r, r->at - 1, "this is no escape: \\\" \\\\ \\n \\r \\t and \\xHH are");
        text_char(&text, (char)byte);
    }
    r->at += !r->failed;
    return (struct ast_string){text_string(&text), text.size, span_here(r, begin)};
}

static struct ast_string read_string(struct reader *r)
{
    if (peek(r) == '"')
        return read_quoted(r);
    fail(r, r->at, "expected a string in double quotes");
    return (struct ast_string){"", 0, span_here(r, r->at)};
}

static const char *read_word_or_string(struct reader *r)
{
    return peek(r) == '"' ? read_quoted(r).bytes : read_word(r);
}

/* ---- fields ---- */

static void *at(void *node, uint16_t offset)
{
    return (char *)node + offset;
}

static struct ast_name read_name(struct reader *r)
{
    size_t begin = r->at;
    bool quoted = peek(r) == '"';
    struct ast_name name = {read_word_or_string(r), quoted, span_here(r, begin)};
    if (!*name.text && !quoted)
        fail(r, begin, "expected a name");
    return name;
}

static struct ast_number read_number(struct reader *r, bool integer)
{
    size_t begin = r->at;
    while (!ends_word(peek(r)) && peek(r) != ',')
        r->at++;
    struct ast_number number;
    bool overflow;
    bool good = qr_read_number(r->arena, r->source->bytes + begin, r->at - begin, &number, &overflow);
    if (!good || overflow || (integer && !number.is_integer))
        fail(r, begin, integer ? "expected an integer" : "expected a number");
    number.span = span_here(r, begin);
    return number;
}

static void read_integer(struct reader *r, const struct ast_field *f, void *node)
{
    struct ast_number number = read_number(r, true);
    *(int64_t *)at(node, f->offset) = number.integer;
    if (f->has != FIELD_NONE)
        *(bool *)at(node, f->has) = true;
    if (f->extra != FIELD_NONE)
        *(const char **)at(node, f->extra) = number.spelling;
}

/* 128,128 */
static void read_dims(struct reader *r, const struct ast_field *f, void *node)
{
    int64_t *dims = at(node, f->offset);
    unsigned *count = at(node, f->extra);
    size_t begin = r->at;
    for (*count = 0; !r->failed;) {
        if (*count == SPEC_BLOCK_DIMS_MAX) {
            fail(r, begin, "too many sizes");
            return;
        }
        dims[(*count)++] = read_number(r, true).integer;
        if (peek(r) != ',')
            return;
        r->at++;
    }
}

static void read_strings(struct reader *r, const struct ast_field *f, void *node)
{
    struct ast_string **strings = at(node, f->offset);
    size_t *count = at(node, f->extra);
    /* full at every power of two, from one on */
    if ((*count & (*count - 1)) == 0)
        *strings = arena_grow(r->arena, *strings, *count, *count ? 2 * *count : 1, sizeof **strings);
    (*strings)[(*count)++] = read_string(r);
}

/* The index of a word of the field's set; 0 after a message. */
static int read_member(struct reader *r, const struct ast_field *f)
{
    size_t begin = r->at;
    const char *word = read_word_or_string(r);
    int index = word_find(f->set, word);
    if (index >= 0)
        return index;
    const char *text = arena_printf(r->arena, "`%s` is not %s", word, word_lists[f->set].what);
    struct diag *diag = fail(r, begin, text);
    const char *nearest = diag_nearest(word, word_lists[f->set].words, word_lists[f->set].count);
    if (diag && nearest && *nearest)
        diag_help(r->diags, diag, "did you mean `%s`?", nearest);
    return 0;
}

static void read_flag(struct reader *r, bool *flag)
{
    size_t begin = r->at;
    *flag = !strcmp(read_word(r), "true");
    if (!*flag)
        fail(r, begin, "expected `true`; what is false is left out");
}

/* Types are the rows' own: the switch is the reader's half of print_field. */
static void read_value(struct reader *r, const struct ast_field *f, void *node)
{
    void *value = at(node, f->offset);
    switch (f->type) {
    case FIELD_NAME:
        *(struct ast_name *)value = read_name(r);
        break;
    case FIELD_STRING:
        *(struct ast_string *)value = read_string(r);
        break;
    case FIELD_STRINGS:
        read_strings(r, f, node);
        break;
    case FIELD_TEXT:
        *(const char **)value = read_string(r).bytes;
        break;
    case FIELD_INTEGER:
        read_integer(r, f, node);
        break;
    case FIELD_DIMS:
        read_dims(r, f, node);
        break;
    case FIELD_NUMBER:
        *(struct ast_number *)value = read_number(r, false);
        if (f->has != FIELD_NONE)
            *(bool *)at(node, f->has) = true;
        break;
    case FIELD_FLAG:
        read_flag(r, value);
        break;
    case FIELD_WORD:
        *(unsigned *)value = (unsigned)read_member(r, f);
        break;
    case FIELD_CHOICE:
        *(bool *)value = read_member(r, f) == 1;
        break;
    case FIELD_EMBEDDED:
    case FIELD_NODE:
    case FIELD_LIST:
        break; /* on lines of their own */
    }
}

enum { FIELDS_MAX = 16 };

/* The row's field of that word, or NULL. */
static const struct ast_field *find_field(const struct ast_node_row *row, const char *word)
{
    for (const struct ast_field *f = row->fields; f->word || f->child; f++)
        if (f->word && !strcmp(f->word, word))
            return f;
    return NULL;
}

static void fail_field(struct reader *r, size_t begin, const struct ast_node_row *row, const char *word)
{
    const char *words[FIELDS_MAX];
    size_t count = 0;
    for (const struct ast_field *f = row->fields; (f->word || f->child) && count < FIELDS_MAX; f++)
        if (f->word)
            words[count++] = f->word;
    struct diag *diag = fail(r, begin, arena_printf(r->arena, "`%s` has no field `%s`", row->word, word));
    const char *nearest = diag_nearest(word, words, count);
    if (diag && nearest)
        diag_help(r->diags, diag, "did you mean `%s`?", nearest);
}

/* ` word=value` up to the line's end */
static void read_fields(struct reader *r, const struct ast_node_row *row, void *node)
{
    uint32_t seen = 0;
    while (!r->failed && peek(r) == ' ') {
        size_t begin = ++r->at;
        const char *word = read_word(r);
        const struct ast_field *f = find_field(row, word);
        uint32_t bit = f ? 1u << (f - row->fields) : 0;
        if (!f)
            fail_field(r, begin, row, word);
        else if (seen & bit && f->type != FIELD_STRINGS)
            fail(r, begin, "this field is given twice");
        else if (peek(r) != '=')
            fail(r, begin, "expected `=` after the field's word");
        if (r->failed)
            return;
        seen |= bit;
        r->at++;
        read_value(r, f, node);
    }
    if (!r->failed && peek(r) != '\n' && peek(r) != '\r')
        fail(r, r->at, "expected a field or the end of the line");
    for (const struct ast_field *f = row->fields; !r->failed && (f->word || f->child); f++)
        if (f->word && f->flags & FIELD_REQUIRED && !(seen & 1u << (f - row->fields)))
            fail(r, r->at, arena_printf(r->arena, "`%s` needs its field `%s`", row->word, f->word));
}

/* ---- nodes ---- */

static void end_line(struct reader *r)
{
    r->at += peek(r) == '\r';
    r->at += r->at < r->source->size && peek(r) == '\n';
}

/* The level of the line at r->at, or -1 at the end of the text.
 * An odd number of blanks, or too many, is a level that nothing has. */
static int read_level(const struct reader *r)
{
    size_t blanks = 0;
    while (r->at + blanks < r->source->size && r->source->bytes[r->at + blanks] == ' ')
        blanks++;
    return r->at + blanks == r->source->size ? -1 : blanks > 4 * LEVELS_MAX ? 2 * LEVELS_MAX : (int)(blanks / 2 + (blanks & 1) * LEVELS_MAX);
}

/* The kind whose node is written so, or -1. */
static int find_row(const struct ast_class *class, const char *word)
{
    for (size_t i = 0; i < class->count; i++)
        if (!strcmp(class->rows[i].word, word))
            return (int)i;
    return -1;
}

static void read_node(struct reader *r, const struct ast_class *class, int kind, void *node, int level);

/* What the builder sets too: later stages count on the depth. */
static void close_predicate(struct reader *r, struct ast_predicate *p, size_t begin)
{
    unsigned left = p->left ? p->left->depth : 0, right = p->right ? p->right->depth : 0;
    p->depth = 1 + (left > right ? left : right);
    if (p->depth > AST_DEPTH_MAX)
        fail(r, begin, "a predicate has too many levels");
}

/* The child in the line at r->at goes into the first field that takes its word and is still free. */
static void read_child(struct reader *r, const struct ast_node_row *row, void *node, void **last, int level)
{
    r->at += 2 * (size_t)level;
    size_t begin = r->at;
    const char *word = read_word(r);
    for (const struct ast_field *f = row->fields; f->word || f->child; f++) {
        int kind = f->child ? find_row(f->child, word) : -1;
        void **previous = &last[f - row->fields];
        if (kind < 0 || (*previous && f->type != FIELD_LIST))
            continue;
        void *child = f->type == FIELD_EMBEDDED ? at(node, f->offset) : arena_alloc(r->arena, f->child->size);
        read_node(r, f->child, kind, child, level);
        if (f->type == FIELD_LIST && *previous)
            *(void **)at(*previous, f->child->next) = child;
        else if (f->type != FIELD_EMBEDDED)
            *(void **)at(node, f->offset) = child;
        *previous = child;
        return;
    }
    fail(r, begin, arena_printf(r->arena, "`%s` cannot stand below `%s`", word, row->word));
}

/* The rest of a node's line, and its children. */
static void read_node(struct reader *r, const struct ast_class *class, int kind, void *node, int level)
{
    void *last[FIELDS_MAX] = {NULL};
    const struct ast_node_row *row = &class->rows[kind];
    size_t begin = r->at;
    if (class->kind != FIELD_NONE)
        *(unsigned *)at(node, class->kind) = (unsigned)kind;
    read_fields(r, row, node);
    if (class->span != FIELD_NONE)
        *(struct span *)at(node, class->span) = span_here(r, begin - strlen(row->word));
    end_line(r);
    while (!r->failed && read_level(r) == level + 1 && level < LEVELS_MAX)
        read_child(r, row, node, last, level + 1);
    size_t here = r->at;
    r->at = begin;
    for (const struct ast_field *f = row->fields; !r->failed && (f->word || f->child); f++)
        if (f->child && f->flags & FIELD_REQUIRED && !last[f - row->fields])
            fail(r, begin - strlen(row->word), arena_printf(r->arena, "`%s` needs %s below it", row->word, f->child->what));
    const char *fault = !r->failed && row->fault ? row->fault(node) : NULL;
    if (fault)
        fail(r, begin - strlen(row->word), fault);
    if (!r->failed && class == &ast_class_predicate)
        close_predicate(r, node, begin);
    r->at = here;
}

struct ast *ast_read(struct arena *arena, struct source *source, struct diags *diags)
{
    struct reader r = {.arena = arena, .source = source, .diags = diags};
    struct ast *ast = ARENA_NEW(arena, struct ast);
    ast->source = source;
    if (strcmp(read_word(&r), "ast")) {
        fail(&r, 0, "expected `ast` on the first line");
        return ast;
    }
    read_node(&r, &ast_class_root, 0, ast, 0);
    if (!r.failed && r.at < source->size)
        fail(&r, r.at, "expected a node, indented by two blanks more than its parent at most");
    if (r.failed)
        ast->decls = NULL;
    return ast;
}
