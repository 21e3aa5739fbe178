/* Match code for a closed world: the least acyclic automaton of sorted names, made as they come (Daciuk, Mihov, Watson and
 * Watson: Incremental construction of minimal acyclic finite-state automata, 2000). Bytes, not characters. See code.h. */
#include "codegen/match/code.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES = 256 };
#define NO_STATE UINT32_MAX

struct arc {
    unsigned char byte;
    uint32_t target;
};
/* A finished state: its arcs are not changed any more. */
struct state {
    size_t first;
    uint32_t count, outcome, hash;
};
/* The states along the name before, whose last arc may still change. */
struct open_state {
    struct arc *arcs;
    size_t count, capacity;
    uint32_t outcome;
};
struct closing {
    struct arena *arena;
    struct state *states;
    size_t state_count, state_capacity;
    struct arc *arcs;
    size_t arc_count, arc_capacity;
    uint32_t *slots; /* state + 1 */
    size_t slot_count;
    struct open_state *open; /* by depth */
    size_t depth, open_capacity;
    uint32_t outside;        /* the outcome of what is no name */
};

/* ---- finished states, each once ---- */

static uint32_t hash_open(const struct open_state *o)
{
    uint64_t h = o->outcome;
    for (size_t i = 0; i < o->count; i++)
        h = (h ^ (uint64_t)o->arcs[i].byte << 32 ^ o->arcs[i].target) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h ^ h >> 32);
}

static bool same_state(const struct closing *c, const struct state *s, const struct open_state *o)
{
    bool same = s->count == o->count && s->outcome == o->outcome;
    for (size_t i = 0; same && i < o->count; i++)
        same = c->arcs[s->first + i].byte == o->arcs[i].byte && c->arcs[s->first + i].target == o->arcs[i].target;
    return same;
}

static void grow_slots(struct closing *c)
{
    c->slot_count = c->slot_count ? 2 * c->slot_count : 1024;
    c->slots = ARENA_ARRAY(c->arena, c->slot_count, uint32_t);
    for (uint32_t i = 0; i < c->state_count; i++) {
        size_t slot = c->states[i].hash & (c->slot_count - 1);
        while (c->slots[slot])
            slot = (slot + 1) & (c->slot_count - 1);
        c->slots[slot] = i + 1;
    }
}

static uint32_t finish_state(struct closing *c, const struct open_state *o)
{
    if (2 * (c->state_count + 1) > c->slot_count)
        grow_slots(c);
    uint32_t hash = hash_open(o);
    size_t slot = hash & (c->slot_count - 1);
    for (; c->slots[slot]; slot = (slot + 1) & (c->slot_count - 1))
        if (c->states[c->slots[slot] - 1].hash == hash && same_state(c, &c->states[c->slots[slot] - 1], o))
            return c->slots[slot] - 1;
    struct state made = {c->arc_count, (uint32_t)o->count, o->outcome, hash};
    for (size_t i = 0; i < o->count; i++)
        *ARENA_PUSH(c->arena, c->arcs, c->arc_count, c->arc_capacity) = o->arcs[i];
    *ARENA_PUSH(c->arena, c->states, c->state_count, c->state_capacity) = made;
    return (c->slots[slot] = (uint32_t)c->state_count) - 1;
}

/* ---- names in order ---- */

/* States behind the common beginning get no more arcs: they are finished from the deepest up, equal ones shared. */
static void close_down_to(struct closing *c, size_t depth)
{
    for (; c->depth > depth; c->depth--) {
        uint32_t target = finish_state(c, &c->open[c->depth]);
        struct open_state *parent = &c->open[c->depth - 1];
        parent->arcs[parent->count - 1].target = target;
    }
}

/* The arrays of an open state are used again by the next one of that depth. */
static struct open_state *open_at(struct closing *c, size_t depth)
{
    if (depth >= c->open_capacity) {
        size_t capacity = 2 * depth + 64;
        c->open = arena_grow(c->arena, c->open, c->open_capacity, capacity, sizeof *c->open);
        c->open_capacity = capacity;
    }
    c->open[depth].count = 0;
    c->open[depth].outcome = c->outside;
    return &c->open[depth];
}

static void add_name(struct closing *c, const struct match_name *name, size_t common)
{
    close_down_to(c, common);
    for (size_t i = common; i < name->size; i++) {
        open_at(c, i + 1);
        struct open_state *from = &c->open[i];
        *ARENA_PUSH(c->arena, from->arcs, from->count, from->capacity) = (struct arc){(unsigned char)name->bytes[i], NO_STATE};
    }
    c->depth = name->size;
    c->open[c->depth].outcome = name->outcome;
}

/* Equal names by outcome: the first one counts. */
static int compare_names(const void *a, const void *b)
{
    const struct match_name *x = a, *y = b;
    size_t size = x->size < y->size ? x->size : y->size;
    int order = size ? memcmp(x->bytes, y->bytes, size) : 0;
    if (!order)
        order = (x->size > y->size) - (x->size < y->size);
    return order ? order : (x->outcome > y->outcome) - (x->outcome < y->outcome);
}

/* Bytes that two names begin with. */
static size_t count_common(const struct match_name *a, const struct match_name *b)
{
    size_t i = 0;
    while (i < a->size && i < b->size && a->bytes[i] == b->bytes[i])
        i++;
    return i;
}

/* The start state, once every name is in. */
static uint32_t add_names(struct closing *c, struct match_name *names, size_t count)
{
    if (count)
        qsort(names, count, sizeof *names, compare_names);
    open_at(c, 0);
    for (size_t i = 0; i < count; i++) {
        size_t common = i ? count_common(&names[i - 1], &names[i]) : 0;
        if (!i || common < names[i].size || names[i - 1].size != names[i].size)
            add_name(c, &names[i], common);
    }
    close_down_to(c, 0);
    return finish_state(c, &c->open[0]);
}

/* ---- the table ---- */

/* Bytes that no state tells apart are one class; 0: bytes of no name.
 * When all 256 bytes occur the last one takes class 0, which no other byte has then. */
static unsigned char *find_classes(const struct closing *c, uint32_t *class_count)
{
    unsigned char *class_of = ARENA_ARRAY(c->arena, BYTES, unsigned char);
    *class_count = 1;
    for (size_t i = 0; i < c->arc_count; i++)
        if (!class_of[c->arcs[i].byte] && *class_count < BYTES)
            class_of[c->arcs[i].byte] = (unsigned char)(*class_count)++;
    return class_of;
}

/* The last finished state is the start: it becomes 0, and the one that no name leaves is the last.
 * Complete: what leaves the names goes to the sink, which keeps itself on every byte. */
static void fill_table(const struct closing *c, struct match_code *code)
{
    uint32_t states = (uint32_t)c->state_count + 1, classes = code->class_count, sink = states - 1;
    uint32_t *next = ARENA_ARRAY(c->arena, (size_t)states * classes, uint32_t), *decision = ARENA_ARRAY(c->arena, states, uint32_t);
    for (size_t i = 0; i < (size_t)states * classes; i++)
        next[i] = sink;
    for (uint32_t s = 0; s < sink; s++) {
        const struct state *from = &c->states[sink - 1 - s];
        for (uint32_t i = 0; i < from->count; i++)
            next[(size_t)s * classes + code->class_of[c->arcs[from->first + i].byte]] = sink - 1 - c->arcs[from->first + i].target;
        decision[s] = from->outcome;
    }
    decision[sink] = c->outside;
    code->state_count = states;
    code->next = next;
    code->decision = decision;
}

struct match_code *match_code_of_names(struct arena *arena, struct match_name *names, size_t count, const struct match_outcome *outcomes,
                                       size_t outcome_count)
{
    struct match_code *code = ARENA_NEW(arena, struct match_code);
    struct closing c = {.arena = arena, .outside = (uint32_t)outcome_count};
    struct decision *decisions = ARENA_ARRAY(arena, outcome_count + 1, struct decision);
    for (size_t i = 0; i < outcome_count; i++)
        decisions[i] = (struct decision){.kind = DECISION_DONE, .rule = outcomes[i].rule, .unknown = outcomes[i].unknown};
    decisions[outcome_count] = (struct decision){.kind = DECISION_DONE, .rule = MATCH_OUTSIDE, .unknown = -1};
    add_names(&c, names, count);
    code->class_of = find_classes(&c, &code->class_count);
    fill_table(&c, code);
    code->decisions = decisions;
    code->block_limit = MATCH_CODE_STATES;
    code->decision_count = outcome_count + 1;
    return code;
}
