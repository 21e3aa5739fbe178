/* Specs in the YAML form: `{format: int4, scheme: symmetric, granularity: {group: 128}, scale: f16}`. In: a node. Out: the same
 * AST that the .qr spelling gives. Each value becomes the .qr text of its attribute and is parsed alone, so that words and
 * limits stand in one place and a message stands at the value. */
#include "lang/yaml_print.h"
#include "lang/yaml_read.h"

#include <string.h>

static const char *const spec_keys[AST_ATTRIBUTE_COUNT] = {
    [AST_FORMAT] = "format",   [AST_SCHEME] = "scheme",     [AST_GRANULARITY] = "granularity", [AST_SCALE] = "scale",
    [AST_ZERO] = "zero",       [AST_FORMULA] = "formula",   [AST_RANGE] = "range",             [AST_STATIC] = "static",
    [AST_ROUNDING] = "round",  [AST_OVERFLOW] = "overflow", [AST_COMPUTE] = "compute",         [AST_TIMING] = "timing",
    [AST_PACK] = "pack",       [AST_RAGGED] = "ragged",     [AST_EPS] = "eps",
};

const char *yaml_spec_key(enum ast_attribute_kind kind)
{
    return spec_keys[kind];
}

bool yaml_is_spec_map(const struct yaml_node *node)
{
    return node->kind == YAML_MAPPING && (yaml_get(node, "format") || yaml_get(node, "base"));
}

/* ---- the text of one attribute ---- */

/* {symmetric: narrow}: the words in a row */
static bool print_scheme(struct yaml_reading *y, struct text *out, const struct yaml_node *node)
{
    if (node->kind != YAML_MAPPING)
        return yaml_call(y, out, node, "a scheme");
    if (node->count != 1) {
        yaml_report_shape(y, node, "one scheme");
        return false;
    }
    bool good = yaml_call_value(y, out, node->pairs[0].key);
    text_char(out, ' ');
    return yaml_call_value(y, out, node->pairs[0].value) && good;
}

/* {format: fp8_e8m0, pow2: floor, rounded: last, second: f32, super: 8} */
static bool print_scale(struct yaml_reading *y, struct text *out, const struct yaml_node *node)
{
    if (node->kind != YAML_MAPPING)
        return yaml_call(y, out, node, "a scale");
    const struct yaml_node *format = yaml_get(node, "format");
    if (!format) {
        diag_report(y->diags, DIAG_yaml_shape, node->span, "expected a scale with a `format`, saw none");
        return false;
    }
    bool good = yaml_call_value(y, out, format);
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        bool super = yaml_is(pair->key, "super");
        if (yaml_is(pair->key, "format"))
            continue;
        text_char(out, ' ');
        good &= yaml_call_value(y, out, pair->key);
        text_add(out, super ? "(" : " ");
        good &= yaml_call_value(y, out, pair->value);
        text_add(out, super ? ")" : "");
    }
    return good;
}

/* [lo, hi] with null for an open end */
static bool print_static(struct yaml_reading *y, struct text *out, const struct yaml_node *node)
{
    if (node->kind != YAML_SEQUENCE || node->count != 2) {
        yaml_report_shape(y, node, "a list of two ends");
        return false;
    }
    text_char(out, '(');
    bool good = yaml_call_value(y, out, node->items[0]);
    text_add(out, ", ");
    good &= yaml_call_value(y, out, node->items[1]);
    text_char(out, ')');
    return good;
}

/* The keyword stands in the key, so the value is what follows it in the .qr spelling. */
static bool print_attribute(struct yaml_reading *y, struct text *out, enum ast_attribute_kind kind, const struct yaml_node *node)
{
    switch (kind) {
    case AST_SCHEME: return print_scheme(y, out, node);
    case AST_GRANULARITY: text_add(out, "per "); return yaml_call(y, out, node, "a granularity");
    case AST_SCALE: text_add(out, "scale "); return print_scale(y, out, node);
    case AST_STATIC: text_add(out, "static"); return print_static(y, out, node);
    case AST_OVERFLOW: text_add(out, yaml_is(node, "saturate") ? "" : "overflow "); break;
    case AST_TIMING: break;
    case AST_FORMAT: break;
    case AST_ZERO: case AST_FORMULA: case AST_RANGE: case AST_ROUNDING: case AST_COMPUTE: case AST_PACK: case AST_RAGGED:
    case AST_EPS: text_printf(out, "%s ", spec_keys[kind]); break;
    case AST_ATTRIBUTE_COUNT: return false;
    }
    return yaml_call(y, out, node, "a word or a word with arguments");
}

/* ---- reading ---- */

static struct ast_spec *parse_text(struct yaml_reading *y, struct span span, struct text *text)
{
    return ast_parse_spec(y->arena, y->source, span, text_string(text), text->size, y->diags);
}

/* The attribute alone, behind a base that is dropped.
 * A value that holds more than its attribute (`per tensor scale f16`) is refused. */
static struct ast_attribute *read_attribute(struct yaml_reading *y, enum ast_attribute_kind kind, const struct yaml_node *node)
{
    struct text text = text_make(y->arena);
    text_add(&text, "int8 ");
    if (!print_attribute(y, &text, kind, node))
        return NULL;
    struct ast_spec *spec = parse_text(y, node->span, &text);
    struct ast_attribute *attribute = spec ? spec->attributes : NULL;
    if (!attribute || (attribute->kind == kind && !attribute->next))
        return attribute;
    diag_report(y->diags, DIAG_yaml_shape, node->span, "expected one value of `%s`, saw `%s`", spec_keys[kind],
                text_string(&text) + strlen("int8 "));
    return NULL;
}

/* A name that may hold anything, or a definition such as `float(e = 3, m = 4)`. */
static bool print_base(struct yaml_reading *y, struct text *out, const struct yaml_node *node)
{
    if (node->kind == YAML_MAPPING)
        return yaml_call(y, out, node, "a format");
    if (!yaml_expect(y, node, YAML_STRING, "a format's name"))
        return false;
    if (strchr(node->text, '('))
        text_add_bytes(out, node->text, node->size);
    else
        ast_print_name(out, node->text);
    return true;
}

/* The base, and the format that replaces its own when both are given. */
static struct ast_spec *read_head(struct yaml_reading *y, const struct yaml_node *map)
{
    const struct yaml_node *base = yaml_get(map, "base"), *format = yaml_get(map, "format");
    struct text text = text_make(y->arena);
    if (!base && !format) {
        diag_report(y->diags, DIAG_yaml_shape, map->span, "expected a spec with a `format` or a `base`, saw neither");
        return NULL;
    }
    bool good = !base || print_base(y, &text, base);
    text_add(&text, base && format ? " with " : "");
    good &= !format || print_base(y, &text, format);
    return good ? parse_text(y, base ? base->span : format->span, &text) : NULL;
}

static int find_attribute(const struct yaml_node *key)
{
    for (int i = 0; i < AST_ATTRIBUTE_COUNT; i++)
        if (yaml_is(key, spec_keys[i]))
            return i;
    return -1;
}

static void report_attribute(struct yaml_reading *y, const struct yaml_node *key)
{
    struct diag *diag = diag_report(y->diags, DIAG_yaml_attribute, key->span, "a spec has no attribute `%s`", key->text);
    yaml_help_nearest(y, diag, key->text, spec_keys, AST_ATTRIBUTE_COUNT);
}

/* Attributes in the order of the mapping. A faulty head is reported, and the attributes are checked all the same. */
static struct ast_spec *read_map(struct yaml_reading *y, const struct yaml_node *map)
{
    struct ast_spec *spec = read_head(y, map);
    struct ast_attribute **end = spec ? &spec->attributes : NULL;
    while (end && *end)
        end = &(*end)->next;
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_pair *pair = &map->pairs[i];
        int kind = find_attribute(pair->key);
        if (yaml_is(pair->key, "base") || kind == AST_FORMAT)
            continue;
        if (kind < 0) {
            report_attribute(y, pair->key);
            continue;
        }
        struct ast_attribute *attribute = read_attribute(y, (enum ast_attribute_kind)kind, pair->value);
        if (attribute && end) {
            *end = attribute;
            end = &attribute->next;
        }
    }
    if (spec) {
        spec->span = map->span;
        spec->with = spec->with || (yaml_get(map, "base") && spec->attributes);
    }
    return spec;
}

struct ast_spec *yaml_spec(struct yaml_reading *y, const struct yaml_node *node)
{
    if (node->kind == YAML_MAPPING && !node->bad)
        return read_map(y, node);
    if (!yaml_expect(y, node, YAML_STRING, "a spec: a mapping with a `format`, or .qr text"))
        return NULL;
    return ast_parse_spec(y->arena, y->source, node->span, node->text, node->size, y->diags);
}
