/* Determinising: sets of NFA states, each once, until a limit. In: an NFA with its background. Out: rows over all symbols and for
 * each state the number of its label set; or false, and the lazy automaton takes over. Rabin and Scott's construction; only
 * symbols that the set may tell apart are stepped, all others share the first one's result. See dfa.h. */
#include "codegen/match/dfa.h"

#include <string.h>

/* ---- label sets ---- */

void label_sets_init(struct label_sets *sets, struct arena *arena)
{
    *sets = (struct label_sets){.labels = ARENA_ARRAY(arena, 8, uint32_t), .label_capacity = 8};
    *ARENA_PUSH(arena, sets->first, sets->count, sets->capacity) = 0;
    label_sets_add(sets, arena, NULL, 0);
}

uint32_t label_sets_add(struct label_sets *sets, struct arena *arena, const uint32_t *labels, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        *ARENA_PUSH(arena, sets->labels, sets->label_count, sets->label_capacity) = labels[i];
    *ARENA_PUSH(arena, sets->first, sets->count, sets->capacity) = (uint32_t)sets->label_count;
    return (uint32_t)sets->count - 2;
}

/* Labels of a set are ascending. */
bool label_sets_have(const struct label_sets *sets, uint32_t set, uint32_t label)
{
    uint32_t low = sets->first[set], high = sets->first[set + 1];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sets->labels[middle] == label)
            return true;
        if (sets->labels[middle] < label)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* ---- rows ---- */

/* Zeroed: column 0 of a row, and all of row 0, are `no state`. */
void dfa_make_rows(struct dfa *dfa, struct arena *arena)
{
    dfa->next = ARENA_ARRAY(arena, ((size_t)dfa->state_count + 1) * dfa_width(dfa), uint32_t);
}

/* Columns count from 1; bytes beyond ASCII stay 0 and stop the walk. */
void dfa_index_bytes(struct dfa *dfa)
{
    struct alphabet view = {.ranges = dfa->ranges, .range_count = dfa->range_count};
    dfa->table.next = dfa->next;
    for (uint32_t c = 0; c < 128; c++)
        dfa->table.classes[c] = alphabet_symbol(&view, c) + 1;
}

uint32_t dfa_step(const struct dfa *dfa, uint32_t state, const char *bytes, size_t size, size_t *at)
{
    struct alphabet view = {.ranges = dfa->ranges, .range_count = dfa->range_count};
    return dfa->next[state + 1 + alphabet_symbol(&view, utf8_next(bytes, size, at))];
}

/* ---- construction ---- */

struct subset {
    uint32_t first, count, hash;
};
struct construction {
    struct arena *arena;
    struct stepper stepper;
    struct subset *subsets;
    size_t count, capacity;
    uint32_t *members;
    size_t member_count, member_capacity;
    uint32_t *slots; /* subset + 1 */
    size_t slot_count;
    struct label_sets *sets;
    uint32_t *set_slots; /* label set + 1 */
    size_t set_slot_count;
    uint32_t *labels;
    uint64_t *special;
    size_t next_capacity;
};

static void grow_slots(struct construction *c)
{
    c->slot_count = c->slot_count ? 2 * c->slot_count : 256;
    c->slots = ARENA_ARRAY(c->arena, c->slot_count, uint32_t);
    for (uint32_t i = 0; i < c->count; i++) {
        size_t slot = c->subsets[i].hash & (c->slot_count - 1);
        while (c->slots[slot])
            slot = (slot + 1) & (c->slot_count - 1);
        c->slots[slot] = i + 1;
    }
}

/* The number of the stepper's set, a new one when it was not seen before. */
static uint32_t intern_subset(struct construction *c)
{
    const uint32_t *set = c->stepper.set;
    uint32_t count = c->stepper.count, hash = set_hash(set, count);
    if (2 * (c->count + 1) > c->slot_count)
        grow_slots(c);
    size_t slot = hash & (c->slot_count - 1);
    for (; c->slots[slot]; slot = (slot + 1) & (c->slot_count - 1)) {
        const struct subset *s = &c->subsets[c->slots[slot] - 1];
        if (s->hash == hash && s->count == count && (!count || !memcmp(c->members + s->first, set, count * sizeof *set)))
            return c->slots[slot] - 1;
    }
    *ARENA_PUSH(c->arena, c->subsets, c->count, c->capacity) = (struct subset){(uint32_t)c->member_count, count, hash};
    for (uint32_t i = 0; i < count; i++)
        *ARENA_PUSH(c->arena, c->members, c->member_count, c->member_capacity) = set[i];
    c->slots[slot] = (uint32_t)c->count;
    return (uint32_t)c->count - 1;
}

static void grow_set_slots(struct construction *c)
{
    c->set_slot_count = c->set_slot_count ? 2 * c->set_slot_count : 256;
    c->set_slots = ARENA_ARRAY(c->arena, c->set_slot_count, uint32_t);
    for (uint32_t i = 0; i + 1 < c->sets->count; i++) {
        uint32_t first = c->sets->first[i];
        size_t slot = set_hash(c->sets->labels + first, c->sets->first[i + 1] - first) & (c->set_slot_count - 1);
        while (c->set_slots[slot])
            slot = (slot + 1) & (c->set_slot_count - 1);
        c->set_slots[slot] = i + 1;
    }
}

/* States with equal label sets have equal outcomes, which lets them merge. */
static uint32_t intern_labels(struct construction *c, uint32_t count)
{
    if (2 * (c->sets->count + 1) > c->set_slot_count)
        grow_set_slots(c);
    size_t slot = set_hash(c->labels, count) & (c->set_slot_count - 1);
    for (; c->set_slots[slot]; slot = (slot + 1) & (c->set_slot_count - 1)) {
        uint32_t set = c->set_slots[slot] - 1, first = c->sets->first[set];
        if (c->sets->first[set + 1] - first == count && (!count || !memcmp(c->sets->labels + first, c->labels, count * sizeof *c->labels)))
            return set;
    }
    uint32_t set = label_sets_add(c->sets, c->arena, c->labels, count);
    c->set_slots[slot] = set + 1;
    return set;
}

static void grow_rows(struct construction *c, struct raw_dfa *raw)
{
    size_t width = raw->alphabet->symbol_count, capacity = c->next_capacity ? 2 * c->next_capacity : 64;
    raw->next = arena_grow(c->arena, raw->next, c->next_capacity * width, capacity * width, sizeof *raw->next);
    raw->outcome = arena_grow(c->arena, raw->outcome, c->next_capacity, capacity, sizeof *raw->outcome);
    c->next_capacity = capacity;
}

/* The row of one state. Its set is read through the index, for the array may move. */
static void fill_row(struct construction *c, struct raw_dfa *raw, uint32_t state)
{
    uint32_t width = raw->alphabet->symbol_count, *row = raw->next + (size_t)state * width, other = UINT32_MAX;
    struct subset s = c->subsets[state];
    raw->outcome[state] = intern_labels(c, stepper_labels(&c->stepper, c->members + s.first, s.count, c->labels));
    stepper_special(&c->stepper, c->members + s.first, s.count, c->special);
    for (uint32_t symbol = 0; symbol < width; symbol++) {
        bool special = c->special[symbol / 64] >> symbol % 64 & 1;
        if (!special && other != UINT32_MAX) {
            row[symbol] = other;
            continue;
        }
        stepper_step(&c->stepper, c->members + s.first, s.count, symbol);
        row[symbol] = intern_subset(c);
        other = special ? other : row[symbol];
    }
}

/* The limits are looked at before each row, so that the last row may pass them by its own new states alone. */
bool dfa_determinise(struct raw_dfa *raw, struct label_sets *sets, struct arena *arena, const struct nfa *nfa,
                     const struct background *background, const struct label_use *uses,
                     const struct dfa_limits *limits)
{
    struct construction c = {.arena = arena, .sets = sets, .members = ARENA_ARRAY(arena, 64, uint32_t), .member_capacity = 64};
    *raw = (struct raw_dfa){.alphabet = nfa->alphabet};
    c.labels = ARENA_ARRAY(arena, nfa->state_count + 1, uint32_t);
    c.special = ARENA_ARRAY(arena, nfa->class_words, uint64_t);
    stepper_init(&c.stepper, nfa, background, uses, arena_alloc(arena, stepper_size(nfa)));
    stepper_start(&c.stepper);
    intern_subset(&c);
    for (uint32_t state = 0; state < c.count; state++) {
        bool large = c.count > limits->states || (size_t)c.count * nfa->alphabet->symbol_count > limits->cells;
        if (large || c.stepper.work > limits->work || c.member_count > limits->work)
            return false;
        if (state == c.next_capacity)
            grow_rows(&c, raw);
        fill_row(&c, raw, state);
    }
    raw->state_count = c.count;
    return true;
}
