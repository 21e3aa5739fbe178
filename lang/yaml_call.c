/* .qr text from YAML values: a word with arguments. The .qr parser then reads it, so that every word has one table.
 * Strings stand for .qr text; numbers are respelled; null is `none`. */
#include "lang/yaml_read.h"

#include <math.h>

/* The items of a list with commas between; *good turns false after a message. */
static void print_bracketed(struct yaml_reading *y, struct text *out, const struct yaml_node *list, bool *good)
{
    for (size_t i = 0; i < list->count; i++) {
        text_add(out, i ? ", " : "");
        *good &= yaml_call_value(y, out, list->items[i]);
    }
}

/* A list inside arguments keeps its brackets: `x = [1, 2]`. */
static bool print_list(struct yaml_reading *y, struct text *out, const struct yaml_node *list)
{
    bool good = true;
    text_char(out, '[');
    print_bracketed(y, out, list, &good);
    text_char(out, ']');
    return good;
}

/* Decimal whatever the source's base: .qr has no octal and no sexagesimals. */
static bool print_integer(struct yaml_reading *y, struct text *out, const struct yaml_node *node)
{
    if (node->too_wide)
        diag_report(y->diags, DIAG_yaml_integer, node->span, "the integer `%s` does not fit 64 bits", node->text);
    else
        text_printf(out, "%lld", (long long)node->integer);
    return !node->too_wide;
}

/* Recursion is bounded by YAML_DEPTH_MAX. */
bool yaml_call_value(struct yaml_reading *y, struct text *out, const struct yaml_node *node)
{
    if (node->bad)
        return false;
    switch (node->kind) {
    case YAML_NULL: text_add(out, "none"); return true;
    case YAML_BOOL: text_add(out, node->boolean ? "true" : "false"); return true;
    case YAML_INT: return print_integer(y, out, node);
    case YAML_FLOAT: (isfinite(node->number) ? yaml_print_double : text_double)(out, node->number); return true;
    case YAML_TIMESTAMP:
    case YAML_STRING: text_add_bytes(out, node->text, node->size); return yaml_check_string(y, node);
    case YAML_SEQUENCE: return print_list(y, out, node);
    case YAML_MAPPING:
    case YAML_KIND_COUNT: break;
    }
    yaml_report_shape(y, node, "a number, a word or a list");
    return false;
}

/* `key = value, …` */
static bool print_named(struct yaml_reading *y, struct text *out, const struct yaml_node *arguments)
{
    bool good = true;
    for (size_t i = 0; i < arguments->count; i++) {
        const struct yaml_pair *pair = &arguments->pairs[i];
        text_add(out, i ? ", " : "");
        good &= yaml_call_value(y, out, pair->key);
        text_add(out, " = ");
        good &= yaml_call_value(y, out, pair->value);
    }
    return good;
}

/* Null and empty collections: no arguments and no parentheses. */
bool yaml_call_pair(struct yaml_reading *y, struct text *out, const struct yaml_pair *pair)
{
    const struct yaml_node *arguments = pair->value;
    bool collection = arguments->kind == YAML_MAPPING || arguments->kind == YAML_SEQUENCE;
    bool good = yaml_call_value(y, out, pair->key) && !arguments->bad;
    if (arguments->kind == YAML_NULL || (collection && !arguments->count))
        return good;
    text_char(out, '(');
    if (arguments->kind == YAML_MAPPING)
        good &= print_named(y, out, arguments);
    else if (arguments->kind == YAML_SEQUENCE)
        print_bracketed(y, out, arguments, &good);
    else
        good &= yaml_call_value(y, out, arguments);
    text_char(out, ')');
    return good;
}

/* A scalar is .qr text already; a mapping of one pair is a word and its arguments. */
bool yaml_call(struct yaml_reading *y, struct text *out, const struct yaml_node *node, const char *what)
{
    if (node->kind == YAML_MAPPING && node->count == 1)
        return yaml_call_pair(y, out, &node->pairs[0]);
    if (node->kind != YAML_MAPPING && node->kind != YAML_SEQUENCE)
        return yaml_call_value(y, out, node);
    yaml_report_shape(y, node, what);
    return false;
}
