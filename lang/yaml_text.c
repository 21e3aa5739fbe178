/* YAML text out: names, strings and numbers in the spelling that PyYAML's SafeLoader reads back as the same value. In: decoded
 * bytes and doubles. Out: text on one line. Plain style only for what the resolver, asked here again, leaves a string;
 * everything else stands in double quotes. */
#include "lang/yaml_value.h"

#include <math.h>
#include <string.h>

/* ---- numbers ---- */

void yaml_print_double(struct text *out, double value)
{
    if (isnan(value) || isinf(value)) {
        text_add(out, isnan(value) ? ".nan" : value < 0 ? "-.inf" : ".inf");
        return;
    }
    struct text plain = text_make(out->arena);
    text_double(&plain, value);
    const char *number = text_string(&plain), *exponent = strchr(number, 'e');
    size_t mantissa = exponent ? (size_t)(exponent - number) : strlen(number);
    text_add_bytes(out, number, mantissa);
    if (!memchr(number, '.', mantissa))
        text_add(out, ".0"); /* YAML 1.1 floats have a point, and a sign in the exponent */
    if (exponent)
        text_printf(out, "e%s%s", exponent[1] == '-' || exponent[1] == '+' ? "" : "+", exponent + 1);
}

/* ---- names ---- */

/* Integral floats are spelled as the integer they equal. */
static const char *name_float(struct arena *arena, double value)
{
    struct text text = text_make(arena);
    if (value == floor(value) && fabs(value) < 9007199254740992.0)
        text_printf(&text, "!!int %lld", (long long)value);
    else {
        text_add(&text, "!!float ");
        yaml_print_double(&text, value);
    }
    return text_string(&text);
}

/* The type and the canonical value; NULL for strings and collections. */
static const char *name_typed(struct arena *arena, const struct yaml_node *node)
{
    switch (node->kind) {
    case YAML_NULL: return "!!null null";
    case YAML_BOOL: return node->boolean ? "!!bool true" : "!!bool false";
    case YAML_INT:
        if (node->too_wide)
            return arena_printf(arena, "!!int %s", node->text);
        return arena_printf(arena, "!!int %lld", (long long)node->integer);
    case YAML_FLOAT: return name_float(arena, node->number);
    case YAML_TIMESTAMP: return arena_printf(arena, "!!timestamp %s", node->text);
    case YAML_STRING:
    case YAML_SEQUENCE:
    case YAML_MAPPING:
    case YAML_KIND_COUNT: break;
    }
    return NULL;
}

/* The value's text when the name is one that name_typed gives, else NULL.
 * The text of a typed name is typed again: only what gives the very name counts, so that `!!int x` stays a string. */
static const char *typed_value(struct arena *arena, const char *name)
{
    const char *blank = strncmp(name, "!!", 2) ? NULL : strchr(name, ' ');
    if (!blank)
        return NULL;
    struct yaml_node node = {.text = blank + 1, .size = strlen(blank + 1)};
    const char *typed = yaml_scalar(arena, &node, true, NULL) ? NULL : name_typed(arena, &node);
    return typed && !strcmp(typed, name) ? blank + 1 : NULL;
}

/* Whether a string would be taken for a typed name: it is one, behind any number of `!!str `. */
static bool looks_typed(struct arena *arena, const char *string)
{
    while (!strncmp(string, "!!str ", 6))
        string += 6;
    return typed_value(arena, string);
}

const char *yaml_name(struct arena *arena, const struct yaml_node *node)
{
    if (node->kind != YAML_STRING)
        return name_typed(arena, node);
    return looks_typed(arena, node->text) ? arena_printf(arena, "!!str %s", node->text) : node->text;
}

void yaml_print_name(struct text *out, const char *name)
{
    const char *value = typed_value(out->arena, name);
    if (value)
        text_add(out, value);
    else if (!strncmp(name, "!!str ", 6) && looks_typed(out->arena, name))
        yaml_print_string(out, name + 6, strlen(name + 6));
    else
        yaml_print_string(out, name, strlen(name));
}

/* ---- strings ---- */

/* Fewer than YAML allows: none that any context gives a meaning. */
static bool is_plain_character(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           (!first && strchr("-+/", c) && c);
}

/* Safe characters that the resolver leaves a string. */
static bool is_plain(struct arena *arena, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!is_plain_character(bytes[i], i == 0))
            return false;
    if (size == 3 && !memcmp(bytes, "...", 3)) /* ends a document */
        return false;
    struct yaml_node node = {.text = arena_copy(arena, bytes, size), .size = size};
    return size && !yaml_scalar(arena, &node, true, NULL) && node.kind == YAML_STRING;
}

/* What YAML refuses raw, breaks lines at, or what would make the text read differently from what it says. */
static bool needs_escape(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff || c == 0xfffe || c == 0xffff;
}

/* One character of well-formed UTF-8; a malformed byte stands for itself. */
static size_t decode(const char *bytes, size_t size, uint32_t *code)
{
    unsigned char first = (unsigned char)bytes[0];
    size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length > size)
        length = 1;
    *code = length == 1 ? first : first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++)
        *code = *code << 6 | ((unsigned char)bytes[i] & 0x3f);
    return length;
}

/* The short escapes everyone knows, numbers for the rest. */
static void print_escape(struct text *out, uint32_t c)
{
    if (c == '\n' || c == '\t' || c == '\r')
        text_add(out, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
    else
        text_printf(out, c < 0x100 ? "\\x%02X" : "\\u%04X", (unsigned)c);
}

void yaml_print_quoted(struct text *out, const char *bytes, size_t size)
{
    text_char(out, '"');
    for (size_t i = 0, length; i < size; i += length) {
        uint32_t c;
        length = decode(bytes + i, size - i, &c);
        if (c == '"' || c == '\\')
            text_char(out, '\\');
        if (needs_escape(c))
            print_escape(out, c);
        else
            text_add_bytes(out, bytes + i, length);
    }
    text_char(out, '"');
}

void yaml_print_string(struct text *out, const char *bytes, size_t size)
{
    if (is_plain(out->arena, bytes, size))
        text_add_bytes(out, bytes, size);
    else
        yaml_print_quoted(out, bytes, size);
}

/* YAML has no escapes in comments: what it refuses becomes U+FFFD. */
void yaml_print_comment(struct text *out, const char *bytes, size_t size)
{
    for (size_t i = 0, length; i < size; i += length) {
        uint32_t c;
        length = decode(bytes + i, size - i, &c);
        if (needs_escape(c) && c != '\t')
            text_add(out, "\xef\xbf\xbd");
        else
            text_add_bytes(out, bytes + i, length);
    }
}
