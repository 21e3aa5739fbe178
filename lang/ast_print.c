/* AST text, printed from the rows of ast_fields.c. In: an AST of any spelling. Out: one line a node, children indented by two
 * blanks, fields as word=value; what is absent, false or empty is left out. Places are not printed. See ast_fields.h. */
#include "lang/ast_fields.h"

#include <string.h>
#include "lang/qr_print.h"

static const void *at(const void *node, uint16_t offset)
{
    return (const char *)node + offset;
}

/* Bytes that would break the line, or that a reader could not see, are escaped. */
static void print_quoted(struct text *out, const char *bytes, size_t size)
{
    static const char plain[] = "\"\\\n\r\t", letters[] = "\"\\nrt";
    text_char(out, '"');
    for (size_t i = 0; i < size; i++) {
        const char *found = bytes[i] ? strchr(plain, bytes[i]) : NULL;
        if (found)
            text_printf(out, "\\%c", letters[found - plain]);
        else if ((unsigned char)bytes[i] < ' ' || bytes[i] == 0x7f)
            text_printf(out, "\\x%02X", (unsigned char)bytes[i]);
        else
            text_char(out, bytes[i]);
    }
    text_char(out, '"');
}

/* `per`, `first` stand bare, `==` and `re prefix` in quotes. */
static void print_word(struct text *out, const char *word)
{
    struct ast_name name = {.text = word};
    size_t plain = strspn(word, "abcdefghijklmnopqrstuvwxyz_0123456789");
    if (!word[plain] || qr_name_is_bare(&name))
        text_add(out, word);
    else
        print_quoted(out, word, strlen(word));
}

/* Quotes are part of a name: `"a.b"` is one name, `a.b` leads into a namespace. */
static void print_name(struct text *out, const struct ast_name *name)
{
    if (qr_name_is_bare(name))
        text_add(out, name->text);
    else
        print_quoted(out, name->text, strlen(name->text));
}

static void print_label(struct text *out, const struct ast_field *f)
{
    text_printf(out, " %s=", f->word);
}

/* An integer that says nothing is left out, unless the row says ALWAYS or a bool says it was given. */
static void print_integer(struct text *out, const struct ast_field *f, const void *node)
{
    int64_t value = *(const int64_t *)at(node, f->offset);
    bool given = f->has == FIELD_NONE ? value || f->flags & FIELD_ALWAYS : *(const bool *)at(node, f->has);
    if (!given)
        return;
    print_label(out, f);
    qr_print_integer(out, value, f->extra == FIELD_NONE ? NULL : *(const char *const *)at(node, f->extra));
}

static void print_dims(struct text *out, const struct ast_field *f, const void *node)
{
    const int64_t *dims = at(node, f->offset);
    unsigned count = *(const unsigned *)at(node, f->extra);
    for (unsigned i = 0; i < count; i++) {
        if (i == 0)
            print_label(out, f);
        text_printf(out, "%s%lld", i ? "," : "", (long long)dims[i]);
    }
}

/* One field for each string, all with the row's word. */
static void print_strings(struct text *out, const struct ast_field *f, const void *node)
{
    const struct ast_string *strings = *(struct ast_string *const *)at(node, f->offset);
    size_t count = *(const size_t *)at(node, f->extra);
    for (size_t i = 0; i < count; i++) {
        print_label(out, f);
        print_quoted(out, strings[i].bytes, strings[i].size);
    }
}

/* A word that prints when it says something. */
static void print_member(struct text *out, const struct ast_field *f, int index)
{
    const char *word = word_of(f->set, index);
    if (!*word)
        return;
    print_label(out, f);
    print_word(out, word);
}

/* bytes NULL: absent */
static void print_text(struct text *out, const struct ast_field *f, const char *bytes, size_t size)
{
    if (!bytes)
        return;
    print_label(out, f);
    print_quoted(out, bytes, size);
}

static void print_field(struct text *out, const struct ast_field *f, const void *node)
{
    const void *value = at(node, f->offset);
    switch (f->type) {
    case FIELD_NAME:
        if (((const struct ast_name *)value)->text) {
            print_label(out, f);
            print_name(out, value);
        }
        break;
    case FIELD_STRING:
        print_text(out, f, ((const struct ast_string *)value)->bytes, ((const struct ast_string *)value)->size);
        break;
    case FIELD_STRINGS:
        print_strings(out, f, node);
        break;
    case FIELD_TEXT:
        print_text(out, f, *(const char *const *)value, *(const char *const *)value ? strlen(*(const char *const *)value) : 0);
        break;
    case FIELD_INTEGER:
        print_integer(out, f, node);
        break;
    case FIELD_DIMS:
        print_dims(out, f, node);
        break;
    case FIELD_NUMBER:
        if (f->has == FIELD_NONE || *(const bool *)at(node, f->has)) {
            print_label(out, f);
            qr_print_number(out, value);
        }
        break;
    case FIELD_FLAG:
        if (*(const bool *)value) {
            print_label(out, f);
            text_add(out, "true");
        }
        break;
    case FIELD_WORD:
        print_member(out, f, (int)*(const unsigned *)value);
        break;
    case FIELD_CHOICE:
        print_member(out, f, *(const bool *)value);
        break;
    case FIELD_EMBEDDED:
    case FIELD_NODE:
    case FIELD_LIST:
        break; /* on lines of their own */
    }
}

static void print_node(struct text *out, const struct ast_class *class, const void *node, unsigned level);

/* A row's children follow its line in the order of the fields. */
static void print_children(struct text *out, const struct ast_field *f, const void *node, unsigned level)
{
    if (f->type == FIELD_EMBEDDED) {
        print_node(out, f->child, at(node, f->offset), level);
        return;
    }
    const void *child = *(void *const *)at(node, f->offset);
    while (child) {
        print_node(out, f->child, child, level);
        child = f->type == FIELD_LIST ? *(void *const *)at(child, f->child->next) : NULL;
    }
}

/* Depth: declarations, rules, steps and specs add a few levels to AST_DEPTH_MAX. */
static void print_node(struct text *out, const struct ast_class *class, const void *node, unsigned level)
{
    unsigned kind = class->kind == FIELD_NONE ? 0 : *(const unsigned *)at(node, class->kind);
    const struct ast_node_row *row = &class->rows[kind];
    text_printf(out, "%*s%s", (int)(2 * level), "", row->word);
    for (const struct ast_field *f = row->fields; f->word || f->child; f++)
        print_field(out, f, node);
    text_char(out, '\n');
    for (const struct ast_field *f = row->fields; f->word || f->child; f++)
        if (f->child)
            print_children(out, f, node, level + 1);
}

void ast_print(struct text *out, const struct ast *ast)
{
    print_node(out, &ast_class_root, ast, 0);
}
