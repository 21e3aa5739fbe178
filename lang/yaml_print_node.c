/* The pieces of the YAML form out: numbers, specs, configs, rules, steps, expectations, each as one line of flow. */
#include "lang/yaml_print.h"

#include <string.h>
#include "lang/qr_print.h"
#include "lang/words.h"

/* ---- numbers, arguments, steps ---- */

/* Canonically, but as written where YAML reads a string (`64Ki`, `1e-5`), which is .qr text again. */
static void print_number(struct text *out, const struct ast_number *number)
{
    struct yaml_node node = {.text = number->spelling ? number->spelling : ""};
    node.size = strlen(node.text);
    yaml_scalar(out->arena, &node, true, NULL);
    if (node.size && node.kind == YAML_STRING)
        text_add(out, node.text);
    else if (number->is_integer)
        text_printf(out, "%lld", (long long)number->integer);
    else
        yaml_print_double(out, number->value);
}

/* Words and specs are .qr text; a string is .qr text too, with its quotes. */
static void print_value(struct text *out, const struct ast_value *value)
{
    struct text string = text_make(out->arena);
    switch (value->kind) {
    case AST_VALUE_NUMBER: print_number(out, &value->number); break;
    case AST_VALUE_STRING:
        text_quote(&string, value->string.bytes, value->string.size);
        yaml_print_string(out, text_string(&string), string.size);
        break;
    case AST_VALUE_WORD:
        if (!strcmp(value->string.bytes, "none"))
            text_add(out, "null");
        else if (!strcmp(value->string.bytes, "true") || !strcmp(value->string.bytes, "false"))
            text_add(out, value->string.bytes);
        else
            yaml_print_string(out, value->string.bytes, value->string.size);
        break;
    case AST_VALUE_LIST:
        text_char(out, '[');
        for (const struct ast_value *item = value->items; item; item = item->next) {
            text_add(out, item == value->items ? "" : ", ");
            print_value(out, item);
        }
        text_char(out, ']');
        break;
    case AST_VALUE_SPEC: YAML_PRINT_QR(out, ast_print_spec, value->spec); break;
    }
}

/* Positional values stand in a list, keyed ones in a mapping; steps and schedules have no mixture. */
void yaml_print_arguments(struct text *out, const struct ast_argument *arguments)
{
    bool keyed = !arguments || arguments->key.text;
    text_char(out, keyed ? '{' : '[');
    for (const struct ast_argument *a = arguments; a; a = a->next) {
        text_add(out, a == arguments ? "" : ", ");
        if (keyed && a->key.text) {
            YAML_PRINT_QR(out, qr_print_name, &a->key);
            text_add(out, ": ");
        }
        print_value(out, &a->value);
    }
    text_char(out, keyed ? '}' : ']');
}

void yaml_print_step(struct text *out, const struct ast_step *step)
{
    text_char(out, '{');
    YAML_PRINT_QR(out, qr_print_name, &step->name);
    text_add(out, ": ");
    yaml_print_arguments(out, step->arguments);
    if (step->where) {
        text_add(out, ", where: ");
        YAML_PRINT_QR(out, ast_print_predicate, step->where);
    }
    text_char(out, '}');
}

/* ---- formats and specs ---- */

/* A format's or base's place holds a name as it is, or a definition, told apart by the parenthesis. */
static void print_base(struct text *out, const struct ast_name *name, struct ast_format *definition)
{
    struct ast_spec alone = {.base = *name, .definition = definition};
    if (definition || strchr(name->text, '('))
        YAML_PRINT_QR(out, ast_print_spec, &alone);
    else
        yaml_print_string(out, name->text, strlen(name->text));
}

void yaml_print_format(struct text *out, const struct ast_format *format)
{
    print_base(out, &format->alias, format->alias.text ? NULL : (struct ast_format *)format);
}

static const char *strip(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) ? text : text + length;
}

/* The attribute as the .qr formatter prints it, keyword first. */
static const char *attribute_text(struct arena *arena, const struct ast_attribute *attribute)
{
    struct text text = text_make(arena);
    qr_print_attribute(&text, attribute);
    return text_string(&text);
}

/* tensor; {group: 128}; {block: [1, 128]} */
static void print_granularity(struct text *out, const struct ast_granularity *g)
{
    unsigned count = g->rank + g->has_axis;
    const char *word = word_of(WORDS_granularity, (int)g->granularity);
    if (!count) {
        text_add(out, word);
        return;
    }
    text_printf(out, "{%s: %s", word, count > 1 ? "[" : "");
    for (unsigned i = 0; i < g->rank; i++) {
        struct ast_number dim = {.is_integer = true, .integer = g->dims[i], .value = (double)g->dims[i]};
        dim.spelling = i ? NULL : g->spelling;
        text_add(out, i ? ", " : "");
        print_number(out, &dim);
    }
    if (g->has_axis)
        text_printf(out, "%s%lld", g->rank ? ", " : "", (long long)g->axis);
    text_add(out, count > 1 ? "]}" : "}");
}

/* static(lo, none) as [lo, null] */
static void print_bounds(struct text *out, const struct ast_attribute *attribute)
{
    text_char(out, '[');
    if (attribute->bounds.has_low)
        print_number(out, &attribute->bounds.low);
    text_add(out, attribute->bounds.has_low ? ", " : "null, ");
    if (attribute->bounds.has_high)
        print_number(out, &attribute->bounds.high);
    text_add(out, attribute->bounds.has_high ? "]" : "null]");
}

/* `, key: value`; what no mapping or list says better is the .qr text without its keyword. */
static void print_attribute(struct text *out, const struct ast_attribute *attribute)
{
    const char *key = yaml_spec_key(attribute->kind), *text = attribute_text(out->arena, attribute);
    text_printf(out, ", %s: ", key);
    text = strip(text, arena_printf(out->arena, "%s ", key));
    if (attribute->kind == AST_GRANULARITY)
        print_granularity(out, &attribute->granularity);
    else if (attribute->kind == AST_STATIC)
        print_bounds(out, attribute);
    else if (attribute->kind == AST_EPS)
        print_number(out, &attribute->eps);
    else
        yaml_print_string(out, text, strlen(text));
}

/* A mapping has a key once; resolving refuses such specs, printing does not. */
static bool says_twice(const struct ast_spec *spec)
{
    unsigned seen = 0;
    for (const struct ast_attribute *a = spec->attributes; a; a = a->next) {
        if (seen & 1u << a->kind || (a->kind == AST_FORMAT && a != spec->attributes))
            return true;
        seen |= 1u << a->kind;
    }
    return false;
}

/* A name alone stays a word. `base` is named when the spec changes it with `with` or by a new format. */
void yaml_print_spec(struct text *out, const struct ast_spec *spec)
{
    const struct ast_attribute *format = spec->attributes && spec->attributes->kind == AST_FORMAT ? spec->attributes : NULL;
    if (!spec->attributes || says_twice(spec)) {
        YAML_PRINT_QR(out, ast_print_spec, spec);
        return;
    }
    text_add(out, format || spec->with ? "{base: " : "{format: ");
    print_base(out, &spec->base, spec->definition);
    if (format) {
        text_add(out, ", format: ");
        print_base(out, &format->format, format->definition);
    }
    for (const struct ast_attribute *a = format ? format->next : spec->attributes; a; a = a->next)
        print_attribute(out, a);
    text_char(out, '}');
}

/* ---- configs ---- */

static void print_slot_value(struct text *out, const struct ast_slot *slot)
{
    if (slot->none)
        text_add(out, "none");
    else
        yaml_print_spec(out, slot->spec);
}

static bool same_role(const struct ast_slot *a, const struct ast_slot *b)
{
    return a->module == b->module && a->role == b->role;
}

/* Resolving refuses such pairs; a mapping cannot even hold them. */
static bool same_slot(const struct ast_slot *a, const struct ast_slot *b)
{
    return same_role(a, b) && a->key == b->key && a->index == b->index && a->name.size == b->name.size &&
           (!a->name.size || !memcmp(a->name.bytes, b->name.bytes, a->name.size));
}

/* Names that mean something else as keys of a slot map. */
static bool is_odd_key(const struct ast_slot *slot)
{
    const char *name = slot->key == SLOT_KEY_NAME ? slot->name.bytes : "";
    return !strcmp(name, "*") || !strcmp(name, "format") || !strcmp(name, "base");
}

enum { SLOTS_IN_MAPPINGS_MAX = 256 }; /* the check below is quadratic */

/* Whether mappings can hold the slots in their order: those of one role together, module slots last, no key twice. */
static bool slots_fit_mappings(const struct ast_slot *slots)
{
    size_t count = 0;
    for (const struct ast_slot *a = slots; a; a = a->next) {
        if (++count > SLOTS_IN_MAPPINGS_MAX)
            return false;
        bool left = false;
        for (const struct ast_slot *b = a->next; b; b = b->next) {
            if (same_slot(a, b) || (left && same_role(a, b)) || (a->module && !b->module))
                return false;
            left |= !same_role(a, b);
        }
        if (is_odd_key(a))
            return false;
    }
    return true;
}

static void print_slot_key(struct text *out, const struct ast_slot *slot)
{
    switch (slot->key) {
    case SLOT_KEY_NONE: text_add(out, "\"*\""); break;
    case SLOT_KEY_INDEX: text_printf(out, "%lld", (long long)slot->index); break;
    case SLOT_KEY_NAME: yaml_print_string(out, slot->name.bytes, slot->name.size); break;
    }
}

/* The slots of one role from `slot` on; the first one of another role comes back. */
static const struct ast_slot *print_role(struct text *out, const struct ast_slot *slot)
{
    const struct ast_slot *first = slot;
    text_printf(out, "%s: ", slot_role_words[slot->role]);
    if (slot->key == SLOT_KEY_NONE && !(slot->next && same_role(slot, slot->next))) {
        print_slot_value(out, slot);
        return slot->next;
    }
    text_char(out, '{');
    for (; slot && same_role(first, slot); slot = slot->next) {
        text_add(out, slot == first ? "" : ", ");
        print_slot_key(out, slot);
        text_add(out, ": ");
        print_slot_value(out, slot);
    }
    text_char(out, '}');
    return slot;
}

/* Roles in order; those of the module share one mapping at the end. Gives the next separator. */
static const char *print_slots(struct text *out, const struct ast_slot *slot, const char *separator)
{
    bool in_module = false;
    while (slot) {
        text_add(out, separator);
        if (slot->module && !in_module)
            text_add(out, "module: {");
        in_module = slot->module;
        slot = print_role(out, slot);
        separator = ", ";
    }
    text_add(out, in_module ? "}" : "");
    return separator;
}

static void print_qr_slot(struct text *out, const struct ast_slot *slot)
{
    text_printf(out, " %s%s", slot->module ? "module " : "", slot_role_words[slot->role]);
    if (slot->key == SLOT_KEY_INDEX)
        text_printf(out, "[%lld]", (long long)slot->index);
    if (slot->key == SLOT_KEY_NAME) {
        text_char(out, '[');
        text_quote(out, slot->name.bytes, slot->name.size);
        text_char(out, ']');
    }
    text_char(out, ' ');
    if (slot->none)
        text_add(out, "none");
    else
        ast_print_spec(out, slot->spec);
}

/* The body in the .qr spelling, for slots that no mapping holds in their order. */
static void print_qr_config(struct text *out, const struct ast_decl *config)
{
    if (config->config.base.text) {
        text_add(out, "= ");
        ast_print_name(out, config->config.base.text);
        text_char(out, ' ');
    }
    text_char(out, '{');
    for (const struct ast_slot *slot = config->config.slots; slot; slot = slot->next)
        print_qr_slot(out, slot);
    if (config->config.schedule.text) {
        text_add(out, " schedule ");
        ast_print_name(out, config->config.schedule.text);
    }
    if (config->config.extra) {
        text_add(out, " extra ");
        yaml_print_json(out, config->config.extra);
    }
    text_add(out, " }");
}

static void print_map(struct text *out, const struct ast_decl *config)
{
    const char *separator = "";
    text_char(out, '{');
    if (config->config.base.text) {
        text_add(out, "base: ");
        yaml_print_name(out, config->config.base.text);
        separator = ", ";
    }
    separator = print_slots(out, config->config.slots, separator);
    if (config->config.schedule.text) {
        text_printf(out, "%sschedule: ", separator);
        yaml_print_name(out, config->config.schedule.text);
        separator = ", ";
    }
    if (config->config.extra) {
        text_printf(out, "%sextra: ", separator);
        yaml_print_json(out, config->config.extra);
    }
    text_char(out, '}');
}

/* Payloads as they came when they read back as opaque, then mappings, then .qr text. */
void yaml_print_config(struct text *out, const struct ast_decl *config)
{
    bool only_extra = config->config.extra && !config->config.base.text && !config->config.slots && !config->config.schedule.text;
    if (config->config.is_null)
        text_add(out, "null");
    else if (only_extra && yaml_is_opaque(out->arena, config->config.extra))
        yaml_print_json(out, config->config.extra);
    else if (slots_fit_mappings(config->config.slots))
        print_map(out, config);
    else
        YAML_PRINT_QR(out, print_qr_config, config);
}

/* ---- rules and expectations ---- */

/* `config: skip` skips and `config: none` expects no rule, so configs called so are written {name: skip}. */
static void print_config_name(struct text *out, const char *name)
{
    bool odd = !strcmp(name, "skip") || !strcmp(name, "none");
    text_add(out, odd ? "{name: " : "");
    yaml_print_name(out, name);
    text_add(out, odd ? "}" : "");
}

static void print_target(struct text *out, const struct ast_rule *rule)
{
    switch (rule->target) {
    case AST_TARGET_SKIP: text_add(out, "config: skip"); break;
    case AST_TARGET_CONFIG:
        text_add(out, "config: ");
        print_config_name(out, rule->name.text);
        break;
    case AST_TARGET_SPEC:
        text_add(out, "spec: ");
        yaml_print_name(out, rule->name.text);
        break;
    }
}

/* A single atom is a type and its pattern, anything else an expression. */
static void print_pattern(struct text *out, const struct ast_predicate *predicate)
{
    if (predicate->kind == AST_ATOM) {
        text_printf(out, "type: %s, pattern: ", atom_rows[predicate->atom].yaml_type);
        yaml_print_quoted(out, predicate->pattern.bytes, predicate->pattern.size);
        return;
    }
    struct text text = text_make(out->arena);
    ast_print_predicate(&text, predicate);
    text_add(out, "type: expr, pattern: ");
    yaml_print_quoted(out, text_string(&text), text.size);
}

void yaml_print_rule(struct text *out, const struct ast_rule *rule, bool with_label)
{
    text_char(out, '{');
    if (with_label && rule->label.text) {
        text_add(out, "label: ");
        yaml_print_name(out, rule->label.text);
        text_add(out, ", ");
    }
    if (rule->use.text) {
        text_add(out, "use: ");
        yaml_print_name(out, rule->use.text);
    } else {
        print_target(out, rule);
        text_add(out, ", ");
        print_pattern(out, rule->predicate);
    }
    text_printf(out, "%s, enabled: %s}", rule->optional ? ", optional: True" : "", rule->disabled ? "False" : "True");
}

void yaml_print_expect(struct text *out, const struct ast_expect *expect)
{
    if (expect->kind == AST_EXPECT_QUANTITY) {
        struct text text = text_make(out->arena);
        text_printf(&text, "%s %s ", expect->quantity.text, word_of(WORDS_comparison, (int)expect->comparison));
        qr_print_number(&text, &expect->value);
        yaml_print_string(out, text_string(&text), text.size);
        return;
    }
    text_add(out, expect->kind == AST_EXPECT_MODULE ? "{module: " : "{param: ");
    yaml_print_quoted(out, expect->name.bytes, expect->name.size);
    text_add(out, ", config: ");
    if (expect->no_rule || expect->target == AST_TARGET_SKIP)
        text_add(out, expect->no_rule ? "none" : "skip");
    else
        print_config_name(out, expect->config.text);
    text_char(out, '}');
}
