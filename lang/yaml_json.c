/* YAML values as JSON text and back, for payloads that a recipe only carries. In: nodes, or JSON text. Out: the other. What JSON
 * cannot hold has a spelling (yaml_value.h). jansson's values are not the arena's: the root is released by arena_close if an
 * allocation escapes, and every child hangs on the root before anything else is allocated. */
#include "lang/payload.h"
#include "lang/yaml_tree.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

/* ---- YAML to JSON ---- */

struct writer {
    struct arena *arena;
    struct diags *diags;
    json_t *root; /* owned */
    bool failed;
};

/* May run twice: early, and again from arena_close. */
static void release_root(void *resource)
{
    struct writer *w = resource;
    json_decref(w->root);
    w->root = NULL;
}

/* JSON has no infinities and no NaN; their YAML spellings stand for them. */
static json_t *convert_float(double value)
{
    if (isfinite(value))
        return json_real(value);
    return json_string(isnan(value) ? ".nan" : value < 0 ? "-.inf" : ".inf");
}

/* A null in its place after the message; the writer's `failed` discards the whole. */
static json_t *convert_integer(struct writer *w, const struct yaml_node *node)
{
    if (!node->too_wide)
        return json_integer(node->integer);
    diag_report(w->diags, DIAG_yaml_integer, node->span, "the integer `%s` does not fit 64 bits", node->text);
    w->failed = true;
    return json_null();
}

/* Collections come back empty. */
static json_t *convert_head(struct writer *w, const struct yaml_node *node)
{
    switch (node->kind) {
    case YAML_NULL: return json_null();
    case YAML_BOOL: return json_boolean(node->boolean);
    case YAML_INT: return convert_integer(w, node);
    case YAML_FLOAT: return convert_float(node->number);
    case YAML_TIMESTAMP:
    case YAML_STRING: return json_stringn(node->text, node->size);
    case YAML_SEQUENCE: return json_array();
    case YAML_MAPPING: return json_object();
    case YAML_KIND_COUNT: break;
    }
    return NULL;
}

/* Recursion is bounded by YAML_DEPTH_MAX. */
static void fill(struct writer *w, json_t *json, const struct yaml_node *node)
{
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *child = node->kind == YAML_MAPPING ? node->pairs[i].value : node->items[i];
        json_t *value = convert_head(w, child);
        int refused = node->kind == YAML_MAPPING
                          ? json_object_set_new(json, yaml_name(w->arena, node->pairs[i].key), value)
                          : json_array_append_new(json, value);
        if (refused)
            w->failed = true;
        else if (child->kind == YAML_SEQUENCE || child->kind == YAML_MAPPING)
            fill(w, value, child);
    }
}

/* Into memory of the arena: jansson says first how much it needs. */
static const char *dump(struct writer *w)
{
    json_t *value = json_array_get(w->root, 0);
    size_t flags = JSON_COMPACT | JSON_ENCODE_ANY, size = json_dumpb(value, NULL, 0, flags);
    char *text = arena_alloc(w->arena, size + 1);
    return json_dumpb(value, text, size, flags) == size ? text : NULL;
}

const char *yaml_to_json(struct arena *arena, const struct yaml_node *node, struct diags *diags)
{
    struct writer *w = ARENA_NEW(arena, struct writer);
    *w = (struct writer){.arena = arena, .diags = diags};
    unsigned errors = diags->errors;
    arena_defer(arena, release_root, w);
    w->root = json_array();
    struct yaml_node holder = {.kind = YAML_SEQUENCE, .items = (struct yaml_node *[]){(struct yaml_node *)node}, .count = 1};
    fill(w, w->root, &holder);
    const char *text = w->failed ? NULL : dump(w);
    release_root(w);
    if (!text && diags->errors == errors)
        diag_report(diags, DIAG_out_of_memory, node->span, "no memory left while keeping a payload");
    return text;
}

/* [-]digits[.digits][e[±]digits] with an exponent: what YAML 1.1 types otherwise, it types alike. */
static bool has_exponent(const struct yaml_node *node)
{
    const char *at = node->text + (*node->text == '-');
    size_t whole = strspn(at, "0123456789"), part = at[whole] == '.' ? 1 + strspn(at + whole + 1, "0123456789") : 0;
    const char *mark = at + whole + part;
    if (!whole || part == 1 || (*mark != 'e' && *mark != 'E'))
        return false;
    mark += 1 + (mark[1] == '-' || mark[1] == '+');
    size_t exponent = strspn(mark, "0123456789");
    return exponent && mark + exponent == node->text + node->size;
}

/* Recursion is bounded by YAML_DEPTH_MAX. */
void yaml_json_numbers(struct arena *arena, struct yaml_node *root)
{
    if (root->kind == YAML_STRING && !root->quoted && has_exponent(root))
        yaml_scalar(arena, root, true, "tag:yaml.org,2002:float");
    for (size_t i = 0; root->kind == YAML_SEQUENCE && i < root->count; i++)
        yaml_json_numbers(arena, root->items[i]);
    for (size_t i = 0; root->kind == YAML_MAPPING && i < root->count; i++)
        yaml_json_numbers(arena, root->pairs[i].value);
}

/* ---- flow collections inside a .qr text ---- */

/* Where scanning stands: quotes open a string only at the beginning of a token, `#` a comment only after a blank. */
struct flow {
    const char *text;
    uint32_t at, end;
    unsigned depth;
    bool in_plain;
};

/* To behind the closing quote. f->at may end beyond f->end when there is none. */
static void skip_quoted(struct flow *f)
{
    char quote = f->text[f->at++];
    for (; f->at < f->end && f->text[f->at] != quote; f->at++)
        f->at += quote == '"' && f->text[f->at] == '\\';
    f->at++; /* `''` inside single quotes is two strings in a row */
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_comment(struct flow *f)
{
    while (f->at < f->end && f->text[f->at] != '\n' && f->text[f->at] != '\r')
        f->at++;
}

/* A tag, an anchor or an alias: the token after it may be a quoted string. */
static void skip_property(struct flow *f)
{
    while (f->at < f->end && !is_blank(f->text[f->at]) && !strchr(",[]{}", f->text[f->at]))
        f->at++;
}

/* One character, or one whole token of those that may hide a bracket. */
static void step_flow(struct flow *f)
{
    char c = f->text[f->at], next = f->at + 1 < f->end ? f->text[f->at + 1] : ' ';
    bool indicator = c && strchr(",[]{}", c);
    bool colon = c == ':' && (!f->in_plain || is_blank(next) || strchr(",[]{}", next));
    if (c == '#' && is_blank(f->text[f->at - 1])) {
        skip_comment(f);
        return;
    }
    if (!f->in_plain && (c == '"' || c == '\'')) {
        skip_quoted(f);
        return;
    }
    if (!f->in_plain && (c == '!' || c == '&' || c == '*')) {
        skip_property(f);
        return;
    }
    f->depth += c == '{' || c == '[';
    f->depth -= c == '}' || c == ']';
    f->in_plain = !indicator && !colon && (f->in_plain || !is_blank(c));
    f->at++;
}

/* Linear: each character is looked at once. */
uint32_t yaml_flow_end(const struct source *source, uint32_t begin)
{
    struct flow f = {.text = source->bytes, .at = begin, .end = (uint32_t)source->size};
    if (begin >= f.end || (f.text[begin] != '{' && f.text[begin] != '['))
        return 0;
    do
        step_flow(&f);
    while (f.depth && f.at < f.end);
    return f.depth || f.at > f.end ? 0 : f.at;
}

const char *yaml_flow_json(struct arena *arena, struct source *source, struct span span, struct diags *diags)
{
    unsigned errors = diags->errors;
    struct yaml_node *root = yaml_read_span(arena, source, span, diags);
    if (!root || diags->errors != errors)
        return NULL;
    payload_check(root, diags);
    return yaml_to_json(arena, root, diags);
}

/* ---- JSON to YAML ---- */

struct loaded {
    json_t *root; /* owned; NULL: not JSON */
};

/* May run twice: early, and again from arena_close. */
static void release_loaded(void *resource)
{
    struct loaded *loaded = resource;
    json_decref(loaded->root);
    loaded->root = NULL;
}

static void print_value(struct text *out, json_t *value);

static void print_object(struct text *out, json_t *object)
{
    const char *key, *separator = "";
    json_t *value;
    text_char(out, '{');
    json_object_foreach(object, key, value) {
        text_add(out, separator);
        yaml_print_name(out, key);
        text_add(out, ": ");
        print_value(out, value);
        separator = ", ";
    }
    text_char(out, '}');
}

static void print_array(struct text *out, json_t *array)
{
    size_t i;
    json_t *value;
    text_char(out, '[');
    json_array_foreach(array, i, value) {
        text_add(out, i ? ", " : "");
        print_value(out, value);
    }
    text_char(out, ']');
}

/* Recursion is bounded by the depth that jansson reads. */
static void print_value(struct text *out, json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: print_object(out, value); break;
    case JSON_ARRAY: print_array(out, value); break;
    case JSON_STRING: yaml_print_string(out, json_string_value(value), json_string_length(value)); break;
    case JSON_INTEGER: text_printf(out, "%lld", (long long)json_integer_value(value)); break;
    case JSON_REAL: yaml_print_double(out, json_real_value(value)); break;
    case JSON_TRUE: text_add(out, "true"); break;
    case JSON_FALSE: text_add(out, "false"); break;
    case JSON_NULL: text_add(out, "null"); break;
    }
}

/* Released by the caller, or by arena_close when an allocation escapes in between. */
static struct loaded *load(struct arena *arena, const char *json)
{
    struct loaded *loaded = ARENA_NEW(arena, struct loaded);
    arena_defer(arena, release_loaded, loaded);
    loaded->root = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    return loaded;
}

void yaml_print_json(struct text *out, const char *json)
{
    struct loaded *loaded = load(out->arena, json);
    if (loaded->root)
        print_value(out, loaded->root);
    release_loaded(loaded);
}

void yaml_json_keys(struct arena *arena, const char *json, bool (*each)(void *user, const char *key), void *user)
{
    struct loaded *loaded = load(arena, json);
    const char *key;
    json_t *value;
    json_object_foreach(loaded->root, key, value)
        if (!each(user, key))
            break;
    release_loaded(loaded);
}
