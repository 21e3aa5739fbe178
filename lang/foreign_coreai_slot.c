/* Maps from keys to specs in a coreai_opt config: input and output keys are indices or "*", state keys names or "*".
 * A key that is absent means the library's default, null no entry at all; null as a spec is off. */
#include "lang/foreign_coreai.h"

#include <string.h>

const struct coreai_map coreai_maps[COREAI_MAPS] = {
#define COREAI_MAP(key, role, module, only, preset) {key, role, module, only, preset},
#include "lang/coreai.def"
};

struct map_reading {
    struct coreai *c;
    struct coreai_slots *slots;
    const struct coreai_map *map;
    struct yaml_table seen; /* keys as they count there */
};

/* Entries keep the order of the file; foreign_coreai_lower.c gives them their rules. The pointer is good until the next call. */
static struct coreai_slot *add_slot(struct map_reading *m, const struct coreai_slot *slot)
{
    struct coreai_slot *added = ARENA_PUSH(m->c->y->arena, m->slots->items, m->slots->count, m->slots->capacity);
    *added = *slot;
    return added;
}

/* ---- keys ---- */

static bool is_digits(const struct yaml_node *key)
{
    for (size_t i = 0; i < key->size; i++)
        if (key->text[i] < '0' || key->text[i] > '9')
            return false;
    return key->size;
}

/* Indices beyond these name nothing: no op has as many tensors. */
enum { INDEX_MAX = 1 << 20 };

static bool read_index(struct map_reading *m, struct coreai_slot *slot, const struct yaml_node *key, bool *inert)
{
    if (!coreai_integer(m->c, key, "a key of inputs or outputs", &slot->index))
        return false;
    slot->key = SLOT_KEY_INDEX;
    *inert = slot->index < 0 || slot->index > INDEX_MAX;
    if (*inert)
        diag_report(m->c->y->diags, DIAG_coreai_inert, key->span, "no tensor has the index %lld", (long long)slot->index);
    bool graph_output = !m->c->eager && m->map->role == SLOT_OUTPUT && !m->map->module && slot->index;
    if (graph_output)
        diag_report(m->c->y->diags, DIAG_coreai_index, key->span, "op_output_spec supports setting for '*' or 0 only in graph mode");
    return !graph_output;
}

/* Named inputs and outputs stand in coreai_opt's schema; its quantizers refuse them, or never look at them. */
static bool read_name(struct map_reading *m, const struct yaml_node *key, bool *inert)
{
    *inert = m->c->eager && m->map->module;
    if (*inert)
        diag_report(m->c->y->diags, DIAG_coreai_inert, key->span, "`%s`: a module's tensors have indices only", key->text);
    else
        diag_report(m->c->y->diags, DIAG_coreai_index, key->span, "`%s`: only integer indices or '*' are supported in %s", key->text, m->map->key);
    return *inert;
}

/* weight and bias are slots of their own at op level. */
static bool read_state(struct map_reading *m, struct coreai_slot *slot, const struct yaml_node *key)
{
    if (!yaml_expect(m->c->y, key, YAML_STRING, "a state's name or \"*\""))
        return false;
    if (!m->map->module && yaml_is(key, slot_role_words[SLOT_WEIGHT]))
        slot->role = SLOT_WEIGHT;
    else if (!m->map->module && yaml_is(key, slot_role_words[SLOT_BIAS]))
        slot->role = SLOT_BIAS;
    else {
        slot->key = SLOT_KEY_NAME;
        slot->name = key->text;
    }
    return true;
}

/* *inert: the entry can never be looked at. */
static bool read_slot_key(struct map_reading *m, struct coreai_slot *slot, const struct yaml_node *key, bool *inert)
{
    *inert = false;
    if (yaml_is(key, "*"))
        return true;
    if (m->map->role == SLOT_STATE)
        return read_state(m, slot, key);
    if (key->kind == YAML_STRING && !is_digits(key))
        return yaml_check_string(m->c->y, key) && read_name(m, key, inert);
    return read_index(m, slot, key, inert);
}

/* Keys `1` and `"1"` are one index after the library's conversion; YAML's own check of keys sees two. */
static bool check_collision(struct map_reading *m, const struct coreai_slot *slot, const struct yaml_node *key)
{
    bool found;
    if (slot->key != SLOT_KEY_INDEX)
        return true;
    yaml_table_at(&m->seen, arena_printf(m->c->y->arena, "%lld", (long long)slot->index), &found);
    if (found)
        coreai_refuse(m->c, key->span, "Key collision detected: a second key converts to %lld", (long long)slot->index);
    return !found;
}

/* ---- maps ---- */

/* An entry that can never be looked at is checked like the others and then left out. */
static void read_pair(struct map_reading *m, const struct yaml_pair *pair)
{
    struct coreai_slot slot = {.module = m->map->module, .role = m->map->role};
    bool inert;
    if (!read_slot_key(m, &slot, pair->key, &inert) || !check_collision(m, &slot, pair->key))
        return;
    if (pair->value->kind != YAML_NULL)
        slot.spec = coreai_read_spec(m->c, pair->value);
    if (slot.spec && slot.role != SLOT_STATE && slot.role != SLOT_WEIGHT && slot.role != SLOT_BIAS &&
        coreai_spec_varies(slot.spec, COREAI_TRANSPOSED))
        diag_report(m->c->y->diags, DIAG_coreai_axis, pair->value->span, "an activation has no default axis");
    if (!inert && (slot.spec || pair->value->kind == YAML_NULL))
        add_slot(m, &slot);
}

/* `*` of op_state_spec takes weight and bias as well, unless they have entries of their own. */
static void spread_states(struct map_reading *m, size_t first)
{
    bool has[SLOT_ROLE_COUNT] = {false};
    const struct coreai_slot *every = NULL;
    size_t count = m->slots->count;
    for (size_t i = first; i < count; i++) {
        const struct coreai_slot *s = &m->slots->items[i];
        has[s->role] |= s->role != SLOT_STATE;
        every = s->role == SLOT_STATE && s->key == SLOT_KEY_NONE ? s : every;
    }
    if (!every)
        return;
    struct coreai_slot slot = *every;
    for (slot.role = SLOT_WEIGHT; slot.role <= SLOT_BIAS; slot.role++)
        if (!has[slot.role])
            add_slot(m, &slot);
}

/* A preset, not a spec: the default's own spec is declared once for the whole file. */
static void add_default(struct map_reading *m)
{
    struct coreai_slot slot = {.role = m->map->role, .preset = m->map->preset};
    if (!m->map->preset)
        return;
    if (slot.role == SLOT_STATE)
        slot.role = SLOT_WEIGHT;
    add_slot(m, &slot);
}

void coreai_read_map(struct coreai *c, struct coreai_slots *slots, const struct coreai_map *map, const struct yaml_node *node)
{
    struct map_reading m = {.c = c, .slots = slots, .map = map, .seen = {.arena = c->y->arena}};
    size_t first = slots->count;
    if (!node)
        add_default(&m);
    if (!node || node->kind == YAML_NULL || !yaml_expect(c->y, node, YAML_MAPPING, "a mapping from keys to specs, or null"))
        return;
    for (size_t i = 0; i < node->count; i++)
        read_pair(&m, &node->pairs[i]);
    if (map->role == SLOT_STATE && !map->module)
        spread_states(&m, first);
}
