/* Payloads of Transformer Engine and kitchen: checked against payloads.def. See payload.h.
 * Both parsers stop at the first fault; here every fault is reported at its own place. */
#include "lang/payload.h"

#include <string.h>

enum te_kind { TE_WORD, TE_FLAG, TE_PATH };
static const struct te_field {
    const char *name;
    enum te_kind kind;
    const char *words; /* WORD: those its library knows, blanks between */
} te_fields[] = {
#define TE_FIELD(name, kind, words) {#name, TE_##kind, words},
#include "lang/payloads.def"
};
enum { TE_FIELD_COUNT = sizeof te_fields / sizeof *te_fields };

enum kitchen_kind { KITCHEN_INDEX, KITCHEN_TEXT, KITCHEN_LIST };
static const struct kitchen_type {
    const char *name, *key;
    enum kitchen_kind kind;
} kitchen_types[] = {
#define KITCHEN(type, key, kind) {#type, #key, KITCHEN_##kind},
#include "lang/payloads.def"
};
enum { KITCHEN_COUNT = sizeof kitchen_types / sizeof *kitchen_types };

static const char te_key[] = "transformer_engine_config_type", kitchen_key[] = "kitchen_config_type";

/* ---- shapes ---- */

/* A scalar's text, a collection's kind. */
static const char *shown(const struct yaml_node *node)
{
    return node->kind == YAML_SEQUENCE || node->kind == YAML_MAPPING ? yaml_kind_words[node->kind] : node->text;
}

/* Present and not null. */
static const struct yaml_node *given(const struct yaml_node *mapping, const char *key)
{
    const struct yaml_node *node = yaml_get(mapping, key);
    return node && node->kind != YAML_NULL ? node : NULL;
}

/* Blank-separated; words are whole when a blank or an end is on either side. */
static bool is_word_of(const char *words, const char *word)
{
    size_t size = strlen(word);
    if (strchr(word, ' '))
        return false;
    for (const char *at = words; size && (at = strstr(at, word)); at += size)
        if ((at == words || at[-1] == ' ') && (at[size] == ' ' || !at[size]))
            return true;
    return false;
}

/* An unknown key is an error of both parsers. */
static void report_key(const struct yaml_node *key, const char *where, const char *const *words, size_t count, struct diags *diags)
{
    struct diag *diag = diag_report(diags, DIAG_payload_refused, key->span, "%s has no key `%s`", where, key->text);
    const char *nearest = diag_nearest(key->text, words, count);
    if (nearest)
        diag_help(diags, diag, "did you mean `%s`?", nearest);
}

/* ---- Transformer Engine ---- */

static const struct te_field *find_te_field(const struct yaml_node *key)
{
    for (size_t i = 0; i < TE_FIELD_COUNT; i++)
        if (yaml_is(key, te_fields[i].name))
            return &te_fields[i];
    return NULL;
}

/* What nobody looks at before the layer is built or first runs. */
static void check_te_value(const struct te_field *field, const struct yaml_node *value, struct diags *diags)
{
    switch (field->kind) {
    case TE_WORD:
        if (value->kind != YAML_NULL && !(value->kind == YAML_STRING && is_word_of(field->words, value->text)))
            diag_report(diags, DIAG_payload_late, value->span, "`%s`: expected one of %s, saw `%s`; it fails when the layer runs",
                        field->name, field->words, shown(value));
        break;
    case TE_FLAG:
        if (value->kind != YAML_BOOL)
            diag_report(diags, DIAG_payload_late, value->span, "`%s`: expected true or false, saw `%s`, which counts as %s",
                        field->name, shown(value), yaml_truth(value) ? "true" : "false");
        break;
    case TE_PATH:
        if (value->kind != YAML_NULL && !(value->kind == YAML_STRING && strchr(value->text, '.')))
            diag_report(diags, DIAG_payload_late, value->span, "`%s`: expected a dotted path, saw `%s`", field->name, shown(value));
        break;
    }
}

/* `delayed` is refused by name; fp8 and fp4 exclude each other; `custom` needs its factory. */
static void check_te_choice(const struct yaml_node *recipe, struct diags *diags)
{
    const struct yaml_node *fp8 = given(recipe, "fp8_quantization_recipe"), *fp4 = given(recipe, "fp4_quantization_recipe");
    const struct yaml_node *custom = fp8 && yaml_is(fp8, "custom") ? fp8 : fp4 && yaml_is(fp4, "custom") ? fp4 : NULL;
    if (fp8 && yaml_is(fp8, "delayed"))
        diag_report(diags, DIAG_payload_refused, fp8->span, "delayed scaling cannot be set for single layers");
    if (fp8 && fp4)
        diag_report(diags, DIAG_payload_refused, fp4->span, "fp8 and fp4 recipes exclude each other");
    if (custom && !given(recipe, "custom_recipe_factory"))
        diag_report(diags, DIAG_payload_refused, custom->span, "the recipe `custom` needs a `custom_recipe_factory`");
}

static void check_te_recipe(const struct yaml_node *recipe, const char *name, struct diags *diags)
{
    const char *words[TE_FIELD_COUNT];
    for (size_t i = 0; i < TE_FIELD_COUNT; i++)
        words[i] = te_fields[i].name;
    if (recipe->kind != YAML_MAPPING) {
        diag_report(diags, DIAG_payload_refused, recipe->span, "`%s`: expected a mapping, saw %s", name, yaml_kind_words[recipe->kind]);
        return;
    }
    const struct yaml_node *fp8 = given(recipe, "fp8_quantization_recipe");
    for (size_t i = 0; i < recipe->count; i++) {
        const struct yaml_pair *pair = &recipe->pairs[i];
        const struct te_field *field = find_te_field(pair->key);
        bool refused = yaml_is(pair->value, "delayed"), unread = yaml_is(pair->key, "fp8_format") && !fp8;
        if (!field)
            report_key(pair->key, name, words, TE_FIELD_COUNT, diags);
        else if (!refused && !unread)
            check_te_value(field, pair->value, diags);
    }
    check_te_choice(recipe, diags);
}

static void check_te(const struct yaml_node *payload, struct diags *diags)
{
    static const char *const keys[] = {te_key, "training_recipe", "evaluation_recipe"};
    const struct yaml_node *type = yaml_get(payload, te_key);
    if (!type || !yaml_get(payload, keys[1]))
        diag_report(diags, DIAG_payload_refused, payload->span, "a payload of Transformer Engine needs the key `%s`", type ? keys[1] : te_key);
    if (type && !yaml_is(type, "TEQuantizationParams"))
        diag_report(diags, DIAG_payload_refused, type->span, "expected `TEQuantizationParams`, saw `%s`", shown(type));
    for (size_t i = 0; i < payload->count; i++) {
        const struct yaml_pair *pair = &payload->pairs[i];
        if (yaml_is(pair->key, keys[1]) || yaml_is(pair->key, keys[2]))
            check_te_recipe(pair->value, pair->key->text, diags);
        else if (!yaml_is(pair->key, te_key))
            report_key(pair->key, "a payload of Transformer Engine", keys, 3, diags);
    }
}

/* ---- kitchen ---- */

static void check_kitchen(const struct yaml_node *payload, bool inner, struct diags *diags);

/* Items of a compound are payloads of the other types. */
static void check_kitchen_list(const struct yaml_node *list, struct diags *diags)
{
    if (list->kind != YAML_SEQUENCE) {
        diag_report(diags, DIAG_payload_refused, list->span, "`configs`: expected a list, saw %s", yaml_kind_words[list->kind]);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml_node *item = list->items[i];
        if (item->kind == YAML_MAPPING)
            check_kitchen(item, true, diags);
        else
            diag_report(diags, DIAG_payload_refused, item->span, "expected a kitchen payload, saw %s", yaml_kind_words[item->kind]);
    }
}

/* Python's True is the int 1. */
static void check_kitchen_value(const struct kitchen_type *type, const struct yaml_node *value, struct diags *diags)
{
    bool positive = value->kind == YAML_INT && (value->too_wide ? value->text[0] != '-' : value->integer > 0);
    switch (type->kind) {
    case KITCHEN_INDEX:
        if (!positive && !(value->kind == YAML_BOOL && value->boolean))
            diag_report(diags, DIAG_payload_refused, value->span, "`%s`: expected a positive integer, saw `%s`", type->key, shown(value));
        break;
    case KITCHEN_TEXT:
        if (value->kind != YAML_STRING)
            diag_report(diags, DIAG_payload_refused, value->span, "`%s`: expected a string, saw `%s`", type->key, shown(value));
        break;
    case KITCHEN_LIST:
        check_kitchen_list(value, diags);
        break;
    }
}

/* NULL after the message. */
static const struct kitchen_type *find_kitchen_type(const struct yaml_node *type, struct diags *diags)
{
    const char *words[KITCHEN_COUNT];
    for (size_t i = 0; i < KITCHEN_COUNT; i++) {
        if (yaml_is(type, kitchen_types[i].name))
            return &kitchen_types[i];
        words[i] = kitchen_types[i].name;
    }
    struct diag *diag = diag_report(diags, DIAG_payload_refused, type->span, "kitchen has no config type `%s`", shown(type));
    const char *nearest = diag_nearest(shown(type), words, KITCHEN_COUNT);
    if (nearest)
        diag_help(diags, diag, "did you mean `%s`?", nearest);
    return NULL;
}

/* inner: an item of a compound, which may not be one itself. Depth: two. */
static void check_kitchen(const struct yaml_node *payload, bool inner, struct diags *diags)
{
    const struct yaml_node *said = yaml_get(payload, kitchen_key);
    if (!said) {
        diag_report(diags, DIAG_payload_refused, payload->span, "a kitchen payload needs the key `%s`", kitchen_key);
        return;
    }
    const struct kitchen_type *type = find_kitchen_type(said, diags);
    if (!type)
        return;
    if (inner && type->kind == KITCHEN_LIST) {
        diag_report(diags, DIAG_payload_refused, said->span, "a compound cannot hold a compound");
        return;
    }
    const char *keys[] = {kitchen_key, type->key};
    const struct yaml_node *value = yaml_get(payload, type->key);
    if (!value)
        diag_report(diags, DIAG_payload_refused, payload->span, "`%s` needs the key `%s`", type->name, type->key);
    for (size_t i = 0; i < payload->count; i++)
        if (!yaml_is(payload->pairs[i].key, keys[0]) && !yaml_is(payload->pairs[i].key, keys[1]))
            report_key(payload->pairs[i].key, type->name, keys, 2, diags);
    if (value)
        check_kitchen_value(type, value, diags);
}

/* ---- whose it is ---- */

void payload_check(const struct yaml_node *payload, struct diags *diags)
{
    bool alone = payload->kind == YAML_MAPPING && payload->count == 1; /* a host may have such a key among its own */
    if (yaml_get(payload, te_key) || yaml_get(payload, "training_recipe") || yaml_get(payload, "evaluation_recipe"))
        check_te(payload, diags);
    else if (yaml_get(payload, kitchen_key) || (alone && (yaml_get(payload, "recipe_idx") || yaml_get(payload, "recipe_name"))))
        check_kitchen(payload, false, diags);
}
