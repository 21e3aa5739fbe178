/* Configs in the YAML form. In: the mapping under `configs`. Out: config declarations. A payload whose keys are all slots is a
 * config of specs; any other is opaque and kept as JSON; in a mixture the keys that are no slots are kept. docs/yaml.md. */
#include "lang/payload.h"
#include "lang/yaml_print.h"
#include "lang/yaml_read.h"

#include <string.h>

/* The keys a config of specs has: the slots first, in the order of enum slot_role. */
static const char *const config_keys[] = {"weight", "bias", "input", "output", "state", "module", "base", "schedule", "extra"};
enum { KEY_MODULE = SLOT_ROLE_COUNT, KEY_BASE, KEY_SCHEDULE, KEY_EXTRA, CONFIG_KEY_COUNT };

/* The index in config_keys, or -1. */
static int find_key(const struct yaml_node *key)
{
    for (int i = 0; i < CONFIG_KEY_COUNT; i++)
        if (yaml_is(key, config_keys[i]))
            return i;
    return -1;
}

/* ---- slots ---- */

struct slot_place {
    struct ast_slot **end;
    bool module;
    enum slot_role role;
};

/* One slot with the place's role; the caller adds its key. A faulty spec leaves the list as it was. */
static void read_slot(struct yaml_reading *y, struct slot_place *place, const struct yaml_node *key, const struct yaml_node *node)
{
    struct ast_slot *slot = ARENA_NEW(y->arena, struct ast_slot);
    slot->span = span_join(key->span, node->span);
    slot->module = place->module;
    slot->role = place->role;
    slot->none = node->kind == YAML_NULL || yaml_is(node, "none");
    slot->spec = slot->none ? NULL : yaml_spec(y, node);
    if (node->bad || (!slot->none && !slot->spec))
        return;
    *place->end = slot;
    place->end = &slot->next;
}

/* The key inside a slot map: an index, a name, or "*" for every one. */
static bool set_key(struct yaml_reading *y, struct ast_slot *slot, const struct yaml_node *key)
{
    if (yaml_is(key, "*"))
        return true;
    if (key->kind == YAML_STRING) {
        slot->key = SLOT_KEY_NAME;
        slot->name = yaml_string(key);
        return yaml_check_string(y, key);
    }
    slot->key = SLOT_KEY_INDEX;
    slot->index = key->integer;
    if (key->kind == YAML_INT && !key->too_wide && key->integer >= 0)
        return true;
    diag_report(y->diags, DIAG_yaml_shape, key->span, "expected an index from 0, a name or \"*\", saw `%s`", key->text);
    return false;
}

/* {0: SPEC, x: SPEC, "*": SPEC}: each pair a slot of the same role.
 * A slot whose key is faulty is taken off the list again. */
static void read_slot_map(struct yaml_reading *y, struct slot_place *place, const struct yaml_node *map)
{
    for (size_t i = 0; i < map->count; i++) {
        struct ast_slot **before = place->end;
        read_slot(y, place, map->pairs[i].key, map->pairs[i].value);
        if (*before && !set_key(y, *before, map->pairs[i].key)) {
            *before = NULL;
            place->end = before;
        }
    }
}

/* Weights and biases are single; the others may have a mapping, which a `format` tells from a spec. */
static void read_role(struct yaml_reading *y, struct slot_place *place, int role, const struct yaml_pair *pair)
{
    place->role = (enum slot_role)role;
    bool keyed = role == SLOT_INPUT || role == SLOT_OUTPUT || role == SLOT_STATE;
    if (keyed && pair->value->kind == YAML_MAPPING && !yaml_is_spec_map(pair->value))
        read_slot_map(y, place, pair->value);
    else
        read_slot(y, place, pair->key, pair->value);
}

/* The same slots one level down. Unknown ones are errors: a module has no opaque payload. */
static void read_module(struct yaml_reading *y, struct slot_place *place, const struct yaml_node *map)
{
    if (!yaml_expect(y, map, YAML_MAPPING, "a mapping of slots"))
        return;
    place->module = true;
    for (size_t i = 0; i < map->count; i++) {
        int role = find_key(map->pairs[i].key);
        if (role >= 0 && role < SLOT_ROLE_COUNT) {
            read_role(y, place, role, &map->pairs[i]);
            continue;
        }
        struct diag *diag = diag_report(y->diags, DIAG_yaml_attribute, map->pairs[i].key->span, "a module has no slot `%s`",
                                        map->pairs[i].key->text);
        yaml_help_nearest(y, diag, map->pairs[i].key->text, config_keys, SLOT_ROLE_COUNT);
    }
    place->module = false;
}

/* ---- payloads ---- */

/* How many keys of a payload are slots, are native without being slots, and are neither. */
struct census {
    size_t slots, native, unknown;
};

static void add_key(struct census *census, const struct yaml_node *node)
{
    int key = find_key(node);
    ++*(key < 0 ? &census->unknown : key <= KEY_MODULE ? &census->slots : &census->native);
}

static struct census count_keys(const struct yaml_node *payload)
{
    struct census census = {0};
    for (size_t i = 0; i < payload->count; i++)
        add_key(&census, payload->pairs[i].key);
    return census;
}

static bool count_key(void *user, const char *key)
{
    struct yaml_node node = {.kind = YAML_STRING, .text = key, .size = strlen(key)};
    add_key(user, &node);
    return true;
}

/* The reader's own rule, asked before printing, so that the payload reads back as it was. */
bool yaml_is_opaque(struct arena *arena, const char *json)
{
    struct census census = {0};
    yaml_json_keys(arena, json, count_key, &census);
    return census.unknown && !census.slots;
}

/* The node as JSON text in the declaration; nothing there reads it, so a known schema is checked here. */
static void keep_extra(struct yaml_reading *y, struct ast_decl *config, const struct yaml_node *node)
{
    payload_check(node, y->diags);
    config->config.extra = yaml_to_json(y->arena, node, y->diags);
    config->config.extra_span = node->span;
}

/* A slot's name with one letter wrong would be kept without a word. Short words are near to too much. */
static void warn_near_slot(struct yaml_reading *y, const struct yaml_node *key, bool opaque)
{
    const char *nearest = key->kind == YAML_STRING ? diag_nearest(key->text, config_keys, CONFIG_KEY_COUNT) : NULL;
    if (!nearest || (opaque && strlen(nearest) < 5))
        return;
    struct diag *diag = diag_report(y->diags, DIAG_yaml_near_slot, key->span, "`%s` is no slot; it is kept as extra", key->text);
    diag_help(y->diags, diag, "did you mean `%s`?", nearest);
}

/* The keys that are no slots, and those of an `extra` mapping, as one object. */
static void keep_unknown(struct yaml_reading *y, struct ast_decl *config, const struct yaml_node *payload)
{
    const struct yaml_node *extra = yaml_get(payload, "extra");
    struct yaml_node kept = {.kind = YAML_MAPPING, .span = payload->span};
    size_t capacity = 0;
    for (size_t i = 0; extra && extra->kind == YAML_MAPPING && i < extra->count; i++)
        *ARENA_PUSH(y->arena, kept.pairs, kept.count, capacity) = extra->pairs[i];
    for (size_t i = 0; i < payload->count; i++)
        if (find_key(payload->pairs[i].key) < 0) {
            warn_near_slot(y, payload->pairs[i].key, false);
            *ARENA_PUSH(y->arena, kept.pairs, kept.count, capacity) = payload->pairs[i];
        }
    if (extra || kept.count)
        keep_extra(y, config, &kept);
}

/* A key of a config of specs; any other is left to keep_unknown. */
static void read_native_key(struct yaml_reading *y, struct ast_decl *config, struct slot_place *place, const struct yaml_pair *pair)
{
    int key = find_key(pair->key);
    if (key < 0)
        return;
    if (key < SLOT_ROLE_COUNT)
        read_role(y, place, key, pair);
    else if (key == KEY_MODULE)
        read_module(y, place, pair->value);
    else if (key == KEY_EXTRA)
        yaml_expect(y, pair->value, YAML_MAPPING, "a mapping for the host");
    else if (yaml_expect_name(y, pair->value, key == KEY_BASE ? "a config's name" : "a schedule's name"))
        *(key == KEY_BASE ? &config->config.base : &config->config.schedule) = yaml_config_name(y, pair->value);
}

/* The rule of docs/language.md: no slot and some other key is opaque, everything else a config of specs. */
static void read_payload(struct yaml_reading *y, struct ast_decl *config, const struct yaml_node *payload)
{
    struct census census = count_keys(payload);
    struct slot_place place = {.end = &config->config.slots};
    if (!census.slots && census.unknown) {
        for (size_t i = 0; i < payload->count; i++)
            warn_near_slot(y, payload->pairs[i].key, true);
        keep_extra(y, config, payload);
        return;
    }
    for (size_t i = 0; i < payload->count; i++)
        read_native_key(y, config, &place, &payload->pairs[i]);
    keep_unknown(y, config, payload);
}

/* A string is the declaration's body in the .qr spelling. */
static void read_config(struct yaml_reading *y, const struct yaml_pair *pair)
{
    const struct yaml_node *payload = pair->value;
    if (payload->kind == YAML_STRING && !payload->bad) {
        if (yaml_check_string(y, payload))
            yaml_add_body(y, AST_DECL_config, pair, payload->text);
        return;
    }
    if (payload->bad || (payload->kind != YAML_NULL && payload->kind != YAML_MAPPING)) {
        yaml_report_shape(y, payload, "a mapping, null or .qr text as payload");
        return;
    }
    struct ast_decl *config = yaml_add_decl(y, AST_DECL_config, pair->key, span_join(pair->key->span, payload->span));
    config->config.is_null = payload->kind == YAML_NULL;
    if (payload->kind == YAML_MAPPING)
        read_payload(y, config, payload);
}

struct ast_decl *yaml_add_opaque(struct yaml_reading *y, const struct yaml_pair *pair)
{
    struct ast_decl *config = yaml_add_decl(y, AST_DECL_config, pair->key, span_join(pair->key->span, pair->value->span));
    config->config.is_null = pair->value->kind != YAML_MAPPING;
    if (!config->config.is_null)
        keep_extra(y, config, pair->value);
    return config;
}

void yaml_read_configs(struct yaml_reading *y, const struct yaml_pair *pair)
{
    if (pair->value->kind == YAML_NULL || !yaml_expect(y, pair->value, YAML_MAPPING, "a mapping of configs"))
        return;
    for (size_t i = 0; i < pair->value->count; i++)
        if (yaml_check_string(y, pair->value->pairs[i].key))
            read_config(y, &pair->value->pairs[i]);
}
