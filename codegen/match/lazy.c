/* Lazy DFA. See lazy.h. */
#include "codegen/match/lazy.h"

#include <string.h>

enum { HEAD_WORDS = sizeof(struct lazy_record) / 4, CACHED_STATES = 4096, LARGEST_KEPT = 3 };

/* Words of the largest record: every NFA state in it, each with a label of its own. */
static size_t largest_record(const struct nfa *nfa)
{
    return HEAD_WORDS + nfa->alphabet->symbol_count + 2 * ((size_t)nfa->state_count + 1);
}

/* Room for many records of a usual size and for some of the largest. */
static size_t pool_size(const struct nfa *nfa)
{
    size_t largest = largest_record(nfa), words = CACHED_STATES * largest;
    words = words > LAZY_CACHE_WORDS ? LAZY_CACHE_WORDS : words;
    return (words < LARGEST_KEPT * largest ? LARGEST_KEPT * largest : words) + 2;
}

static size_t round_up(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

/* A power of two: no more slots than records can need. */
static size_t count_slots(size_t pool_words)
{
    size_t slots = LAZY_SLOTS;
    while (slots > 1024 && slots / 4 > pool_words / HEAD_WORDS)
        slots /= 2;
    return slots;
}

size_t lazy_size(const struct nfa *nfa)
{
    return round_up(stepper_size(nfa)) + round_up(4 * pool_size(nfa)) + 4 * count_slots(pool_size(nfa));
}

static void flush(struct lazy *l)
{
    l->used = 1;
    l->state_count = 0;
    l->start = 0;
    l->full = false;
    memset(l->slots, 0, l->slot_count * sizeof *l->slots);
}

void lazy_init(struct lazy *l, const struct nfa *nfa, const struct background *background, const struct label_use *uses, void *memory)
{
    char *at = memory;
    *l = (struct lazy){.pool_words = pool_size(nfa), .slot_count = count_slots(pool_size(nfa))};
    stepper_init(&l->stepper, nfa, background, uses, at);
    l->pool = (uint32_t *)(at + round_up(stepper_size(nfa)));
    l->slots = (uint32_t *)((char *)l->pool + round_up(4 * l->pool_words));
    flush(l);
}

static struct lazy_record *record_at(const struct lazy *l, uint32_t state)
{
    return (struct lazy_record *)(l->pool + state);
}

static uint32_t *set_of(const struct lazy *l, uint32_t state)
{
    return (uint32_t *)(record_at(l, state) + 1);
}

/* A new record for the stepper's set; the pool has room. */
static uint32_t add_record(struct lazy *l, uint32_t hash)
{
    const struct stepper *s = &l->stepper;
    uint32_t state = (uint32_t)l->used;
    struct lazy_record *r = record_at(l, state);
    *r = (struct lazy_record){.hash = hash, .set_count = s->count, .symbol = UINT32_MAX};
    memcpy(set_of(l, state), s->set, s->count * sizeof(uint32_t));
    r->label_count = stepper_labels(s, s->set, s->count, set_of(l, state) + s->count);
    l->used += HEAD_WORDS + s->count + r->label_count;
    l->state_count++;
    return state;
}

/* The state of the stepper's set. *flushed: every state known before is gone. */
static uint32_t intern(struct lazy *l, bool *flushed)
{
    const struct stepper *s = &l->stepper;
    uint32_t hash = set_hash(s->set, s->count);
    size_t slot = hash & (l->slot_count - 1);
    for (; l->slots[slot]; slot = (slot + 1) & (l->slot_count - 1)) {
        uint32_t state = l->slots[slot];
        const struct lazy_record *r = record_at(l, state);
        if (r->hash == hash && r->set_count == s->count && !memcmp(set_of(l, state), s->set, s->count * sizeof(uint32_t)))
            return state;
    }
    size_t labels = s->count + s->nfa->label_count, needed = HEAD_WORDS + s->count + labels;
    if (needed > l->pool_words - l->used || 2 * (l->state_count + 1) > l->slot_count) {
        flush(l);
        *flushed = true;
        slot = hash & (l->slot_count - 1);
    }
    return l->slots[slot] = add_record(l, hash);
}

static uint32_t start_of(struct lazy *l)
{
    bool flushed = false;
    if (l->full)
        flush(l);
    if (l->start)
        return l->start;
    stepper_start(&l->stepper);
    return l->start = intern(l, &flushed);
}

/* The row of a state that more than one symbol leaves; NULL: no room. */
static uint32_t *row_of(struct lazy *l, uint32_t state)
{
    struct lazy_record *r = record_at(l, state);
    uint32_t width = l->stepper.nfa->alphabet->symbol_count;
    if (!r->row && l->pool_words - l->used < width) {
        l->full = true;
        return NULL;
    }
    if (!r->row) {
        r->row = (uint32_t)l->used;
        l->used += width;
        memset(l->pool + r->row, 0, width * sizeof(uint32_t));
    }
    return l->pool + r->row;
}

static uint32_t make_next(struct lazy *l, uint32_t state, uint32_t symbol)
{
    bool flushed = false;
    stepper_step(&l->stepper, set_of(l, state), record_at(l, state)->set_count, symbol);
    uint32_t next = intern(l, &flushed);
    struct lazy_record *r = record_at(l, state);
    if (flushed)
        return next;
    if (r->symbol == UINT32_MAX) {
        r->symbol = symbol;
        r->next = next;
        return next;
    }
    uint32_t *row = row_of(l, state);
    if (row)
        row[symbol] = next;
    return next;
}

struct lazy_record *lazy_run(struct lazy *l, const char *bytes, size_t size)
{
    const struct alphabet *a = l->stepper.nfa->alphabet;
    uint32_t state = start_of(l);
    for (size_t i = 0; i < size;) {
        uint32_t symbol = alphabet_next(a, bytes, size, &i), next = 0;
        const struct lazy_record *r = record_at(l, state);
        if (r->symbol == symbol)
            next = r->next;
        else if (r->row)
            next = l->pool[r->row + symbol];
        state = next ? next : make_next(l, state, symbol);
    }
    return record_at(l, state);
}
