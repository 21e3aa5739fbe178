/* YAML mappings: duplicate keys and the merge key `<<`.
 * In: pairs as written. Out: pairs in the order and with the values PyYAML's SafeLoader gives a dict: merged
 * pairs come first, of several the later value wins at the first one's position, the mapping's own keys win over
 * all. A key written twice in one mapping keeps the first position and the last value, and is noted in the document. */
#include "lang/yaml_tree.h"

#include <string.h>

/* ---- hash table ---- */

static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a, then a finaliser: low bits index the table */
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    hash ^= hash >> 32;
    return hash * 0x9e3779b97f4a7c15u >> 16;
}

/* The entry of name or the free one where it belongs: linear probing, never full. */
static struct yaml_entry *find_entry(const struct yaml_table *table, const char *name)
{
    size_t mask = table->capacity - 1, i = hash_name(name) & mask;
    while (table->entries[i].name && strcmp(table->entries[i].name, name))
        i = (i + 1) & mask;
    return &table->entries[i];
}

/* Twice the room; the old table stays in the arena, so all of them together are less than twice the last. */
static void enlarge(struct yaml_table *table)
{
    struct yaml_table larger = {.arena = table->arena, .capacity = table->capacity ? 2 * table->capacity : 16};
    larger.entries = ARENA_ARRAY(table->arena, larger.capacity, struct yaml_entry);
    for (size_t i = 0; i < table->capacity; i++)
        if (table->entries[i].name)
            *find_entry(&larger, table->entries[i].name) = table->entries[i];
    larger.count = table->count;
    *table = larger;
}

uint32_t *yaml_table_at(struct yaml_table *table, const char *name, bool *found)
{
    if (2 * (table->count + 1) > table->capacity)
        enlarge(table);
    struct yaml_entry *entry = find_entry(table, name);
    *found = entry->name;
    if (!entry->name) {
        entry->name = name;
        table->count++;
    }
    return &entry->value;
}

/* ---- merging ---- */

struct merge {
    struct arena *arena;
    struct yaml_document *document;
    struct diags *diags;
    struct yaml_table seen; /* key -> index into pairs */
    struct yaml_pair *pairs;
    size_t count, capacity;
    int64_t *budget;
};

/* Keys weigh one each; a shared child weighs every time it is reached.
 * Sums stay far below 2^32: the budget bounds what aliases add, the text's size the rest. */
void yaml_measure(struct yaml_node *node)
{
    node->weight = 1;
    node->height = 1;
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *child = node->kind == YAML_MAPPING ? node->pairs[i].value : node->items[i];
        node->weight += child->weight + (node->kind == YAML_MAPPING);
        if (child->height + 1 > node->height)
            node->height = child->height + 1;
    }
}

void yaml_report_budget(struct diags *diags, struct span span)
{
    diag_report(diags, DIAG_too_large, span, "aliases and merges add more than %d nodes to the text",
                YAML_ALIAS_NODES_MAX);
}

/* A pair that came through `<<`: the later value, the first position. */
static void add_merged(struct merge *m, const struct yaml_pair *pair)
{
    bool found;
    uint32_t *index = yaml_table_at(&m->seen, yaml_name(m->arena, pair->key), &found);
    if (found) {
        m->pairs[*index].value = pair->value;
        return;
    }
    *index = (uint32_t)m->count;
    *ARENA_PUSH(m->arena, m->pairs, m->count, m->capacity) = (struct yaml_pair){pair->key, pair->value, true};
}

/* A pair as written: it wins over a merged one and over an earlier one of its own, and keeps that one's position. */
static void add_own(struct merge *m, const struct yaml_pair *pair)
{
    bool found;
    uint32_t *index = yaml_table_at(&m->seen, yaml_name(m->arena, pair->key), &found);
    if (!found) {
        *index = (uint32_t)m->count;
        *ARENA_PUSH(m->arena, m->pairs, m->count, m->capacity) = *pair;
        return;
    }
    struct yaml_pair *before = &m->pairs[*index];
    struct yaml_document *d = m->document;
    if (before->merged) {
        *before = *pair;
        return;
    }
    *ARENA_PUSH(m->arena, d->duplicates, d->duplicate_count, d->duplicate_capacity) = (struct yaml_duplicate){before->key, pair->key};
    before->value = pair->value;
}

/* Every pair is charged with what its value adds to the unfolded tree. */
static bool merge_mapping(struct merge *m, const struct yaml_node *mapping, struct span span)
{
    for (size_t i = 0; i < mapping->count; i++) {
        *m->budget -= 1 + (int64_t)mapping->pairs[i].value->weight;
        if (*m->budget < 0) {
            yaml_report_budget(m->diags, span);
            return false;
        }
        add_merged(m, &mapping->pairs[i]);
    }
    return true;
}

static bool report_merge(struct merge *m, const struct yaml_node *value)
{
    if (!value->bad)
        diag_report(m->diags, DIAG_yaml_merge, value->span,
                    "expected a mapping or a list of mappings after `<<`, saw %s", yaml_kind_words[value->kind]);
    return true;
}

/* Of a list the first mapping wins: PyYAML takes them from the last to the first. */
static bool merge_value(struct merge *m, const struct yaml_node *value)
{
    if (value->kind == YAML_MAPPING)
        return merge_mapping(m, value, value->span);
    if (value->kind != YAML_SEQUENCE)
        return report_merge(m, value);
    for (size_t i = value->count; i-- > 0;) {
        const struct yaml_node *item = value->items[i];
        if (item->kind == YAML_MAPPING ? !merge_mapping(m, item, value->span) : !report_merge(m, item))
            return false;
    }
    return true;
}

/* Only plain `<<`: quoted or tagged it is a string. */
static bool is_merge_key(const struct yaml_node *key)
{
    return key->kind == YAML_STRING && !key->quoted && key->size == 2 && !memcmp(key->text, "<<", 2);
}

/* The mapping's own array is replaced: pairs are the dict's. */
bool yaml_merge(struct arena *arena, struct yaml_node *mapping, struct yaml_document *document, struct diags *diags, int64_t *budget)
{
    struct merge m = {.arena = arena, .document = document, .diags = diags, .seen.arena = arena, .budget = budget};
    for (size_t i = 0; i < mapping->count; i++)
        if (is_merge_key(mapping->pairs[i].key) && !merge_value(&m, mapping->pairs[i].value))
            return false;
    for (size_t i = 0; i < mapping->count; i++)
        if (!is_merge_key(mapping->pairs[i].key))
            add_own(&m, &mapping->pairs[i]);
    mapping->pairs = m.pairs;
    mapping->count = m.count;
    return true;
}

void yaml_report_duplicates(const struct yaml_document *document, enum diag_code code, struct diags *diags)
{
    for (size_t i = 0; i < document->duplicate_count; i++) {
        const struct yaml_duplicate *d = &document->duplicates[i];
        struct diag *diag = diag_report(diags, code, d->again->span, "the key `%s` stands twice in this mapping", d->again->text);
        diag_note(diags, diag, d->first->span, "the first one is here");
    }
}
