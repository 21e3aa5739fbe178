/* Lazy DFA: states made when a name reaches them. In: an NFA, names. Out: the state in which a name ends, its row and its record.
 * Two arrays of bounded size, rows and records; a state is the place of its row. When either is full both are emptied and the set
 * at hand is entered anew: answers do not change, and since a step costs at most the NFA's moves, time is linear in the name
 * whatever the patterns. See lazy.h. */
#include "codegen/match/lazy.h"

#include <string.h>

/* STATES_LEAST: a cache of any size works. STATES_FIRST and STATES_PER_STATE: small NFAs have few sets, so that their tables are
 * small. STATES_MAX: rows of one automaton, at most. GAP_BYTES: 32 bits, seven a byte. RECORD_USUAL: bytes of records for each
 * row. */
enum {
    ROW_EXTRA = 3,              /* the 0 at the front; the outcome, the record's place */
    STATES_LEAST = 4, STATES_FIRST = 1 << 10, STATES_PER_STATE = 64, STATES_MAX = 1 << 17, /* rows for each NFA state */
    SLOTS_FIRST = 1 << 10,
    GAP_BYTES = 5,              /* of one NFA state, at most */
    RECORD_USUAL = 96,
    LARGEST_KEPT = 4            /* records of the largest possible set that fit at least */
};

/* ASCII symbols are the small numbers, so they are a prefix. */
static uint32_t count_columns(const struct nfa *nfa)
{
    uint32_t last = 0;
    for (int c = 0; c < 128; c++)
        last = nfa->alphabet->ascii[c] > last ? nfa->alphabet->ascii[c] : last;
    return last + 1;
}

static size_t round_up(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

/* ---- sizes ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t state_limit(const struct nfa *nfa, size_t cache)
{
    size_t room = STATES_LEAST + cache / 4 / (count_columns(nfa) + ROW_EXTRA);
    return least(least(room, STATES_MAX), STATES_FIRST + STATES_PER_STATE * (size_t)nfa->state_count);
}

static size_t row_words(const struct nfa *nfa, size_t cache)
{
    return (state_limit(nfa, cache) + 1) * (count_columns(nfa) + ROW_EXTRA);
}

static size_t gap_bytes(const struct nfa *nfa)
{
    return GAP_BYTES * ((size_t)nfa->state_count + 1);
}

/* Of count NFA states, each of which may bear a label as may each start. */
static size_t record_size(const struct nfa *nfa, uint32_t count, size_t gaps)
{
    return round_up(sizeof(struct lazy_record) + 4 * ((size_t)count + nfa->start_count) + gaps);
}

/* Four of the largest sets always fit: emptying then makes room for the one that did not. */
static size_t record_bytes(const struct nfa *nfa, size_t cache)
{
    size_t largest = LARGEST_KEPT * record_size(nfa, nfa->state_count + 1, gap_bytes(nfa)) + 8;
    size_t usual = least(cache / 2, state_limit(nfa, cache) * RECORD_USUAL);
    return round_up(largest > usual ? largest : usual);
}

/* A power of two, twice the states that there can be. */
static size_t slot_limit(const struct nfa *nfa, size_t cache)
{
    size_t slots = SLOTS_FIRST;
    while (slots < 2 * state_limit(nfa, cache))
        slots *= 2;
    return slots;
}

size_t lazy_size(const struct nfa *nfa, size_t cache)
{
    return round_up(stepper_size(nfa)) + round_up(4 * row_words(nfa, cache)) + record_bytes(nfa, cache) + 4 * slot_limit(nfa, cache) +
           round_up(4 * ((size_t)nfa->state_count + 1)) + round_up(gap_bytes(nfa));
}

static char *take(char **at, size_t size)
{
    char *taken = *at;
    *at += round_up(size);
    return taken;
}

/* Row 0 is no state's, record 0 no record. */
static void empty(struct lazy *l)
{
    l->row_used = l->columns + ROW_EXTRA;
    l->record_used = 8;
    l->state_count = 0;
    l->start = 0;
    l->slot_count = SLOTS_FIRST;
    memset(l->slots, 0, l->slot_count * sizeof *l->slots);
}

void lazy_init(struct lazy *l, const struct nfa *nfa, const struct background *background, const struct label_use *uses, const struct lazy_options *options,
               void *memory)
{
    char *at = memory;
    size_t cache = options->cache;
    *l = (struct lazy){.plain = options->plain, .emptied = options->emptied, .columns = count_columns(nfa), .row_words = row_words(nfa, cache),
                       .record_bytes = record_bytes(nfa, cache), .slot_limit = slot_limit(nfa, cache)};
    stepper_init(&l->stepper, nfa, background, uses, take(&at, stepper_size(nfa)));
    l->rows = (uint32_t *)take(&at, 4 * l->row_words);
    l->records = take(&at, l->record_bytes);
    l->slots = (uint32_t *)take(&at, 4 * l->slot_limit);
    l->set = (uint32_t *)take(&at, 4 * ((size_t)nfa->state_count + 1));
    l->gaps = (unsigned char *)take(&at, gap_bytes(nfa));
    l->table.next = l->rows;
    for (int c = 0; c < 128; c++)
        l->table.classes[c] = nfa->alphabet->ascii[c] + 1;
    empty(l);
}

/* ---- sets as gaps ---- */

/* LEB128 of the differences: sets of thousands of states take little more than a byte for each. */
static size_t write_gaps(unsigned char *gaps, const uint32_t *set, uint32_t count)
{
    unsigned char *at = gaps;
    for (uint32_t i = 0, last = 0; i < count; last = set[i++]) {
        uint32_t gap = set[i] - last;
        for (; gap >= 0x80; gap >>= 7)
            *at++ = (unsigned char)(gap | 0x80);
        *at++ = (unsigned char)gap;
    }
    return (size_t)(at - gaps);
}

static uint32_t read_gaps(const unsigned char *gaps, size_t size, uint32_t *set)
{
    uint32_t count = 0, state = 0;
    for (const unsigned char *end = gaps + size; gaps < end;) {
        unsigned char byte = *gaps++;
        uint32_t gap = byte & 0x7f;
        for (int shift = 7; byte & 0x80; shift += 7) {
            byte = *gaps++;
            gap |= (uint32_t)(byte & 0x7f) << shift;
        }
        set[count++] = state += gap;
    }
    return count;
}

static const unsigned char *gaps_of(const struct lazy_record *record)
{
    return (const unsigned char *)(lazy_labels(record) + record->label_count);
}

static uint32_t hash_gaps(const unsigned char *gaps, size_t size)
{
    uint64_t hash = size, word = 0;
    for (; size >= 8; gaps += 8, size -= 8) {
        memcpy(&word, gaps, 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    word = 0;
    memcpy(&word, gaps, size);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash ^ hash >> 32);
}

/* ---- states ---- */

static void grow_slots(struct lazy *l)
{
    l->slot_count *= 2;
    memset(l->slots, 0, l->slot_count * sizeof *l->slots);
    for (uint32_t state = l->columns + ROW_EXTRA; state < l->row_used; state += l->columns + ROW_EXTRA) {
        size_t slot = lazy_record_of(l, state)->hash & (l->slot_count - 1);
        while (l->slots[slot])
            slot = (slot + 1) & (l->slot_count - 1);
        l->slots[slot] = state;
    }
}

/* The first rule that one of the labels makes match; none: -1, kept as 1. */
static uint32_t first_rule(const struct lazy *l, const struct lazy_record *r)
{
    uint32_t first = NO_RULE;
    for (uint32_t i = 0; i < r->label_count; i++) {
        uint32_t rule = l->stepper.uses[lazy_labels(r)[i]].first;
        first = rule < first ? rule : first;
    }
    return first == NO_RULE ? OUTCOME_FIRST - 1 : first + OUTCOME_FIRST;
}

/* A new state for the stepper's set, whose gaps are l->gaps; there is room. */
static uint32_t add_state(struct lazy *l, uint32_t hash, size_t size)
{
    const struct stepper *s = &l->stepper;
    uint32_t state = (uint32_t)l->row_used, width = l->columns + ROW_EXTRA;
    memset(l->rows + state, 0, width * sizeof *l->rows);
    lazy_outcome(l, state)[1] = (uint32_t)l->record_used;
    struct lazy_record *r = lazy_record_of(l, state);
    *r = (struct lazy_record){.hash = hash, .size = (uint32_t)size, .state = state, .unknown = -1};
    r->label_count = stepper_labels(s, s->set, s->count, (uint32_t *)(r + 1));
    memcpy((uint32_t *)(r + 1) + r->label_count, l->gaps, size);
    *lazy_outcome(l, state) = l->plain ? first_rule(l, r) : 0;
    l->row_used += width;
    l->record_used += round_up(sizeof *r + 4 * (size_t)r->label_count + size);
    l->state_count++;
    return state;
}

static uint32_t *find_slot(struct lazy *l, uint32_t hash, size_t size)
{
    size_t slot = hash & (l->slot_count - 1);
    for (; l->slots[slot]; slot = (slot + 1) & (l->slot_count - 1)) {
        const struct lazy_record *r = lazy_record_of(l, l->slots[slot]);
        if (r->hash == hash && r->size == size && !memcmp(gaps_of(r), l->gaps, size))
            break;
    }
    return &l->slots[slot];
}

/* The state of the stepper's set. */
static uint32_t intern(struct lazy *l)
{
    const struct stepper *s = &l->stepper;
    size_t size = write_gaps(l->gaps, s->set, s->count);
    uint32_t hash = hash_gaps(l->gaps, size), *slot = find_slot(l, hash, size);
    if (*slot)
        return *slot;
    size_t needed = record_size(s->nfa, s->count, size);
    bool full = l->columns + ROW_EXTRA > l->row_words - l->row_used || needed > l->record_bytes - l->record_used;
    bool crowded = 2 * (l->state_count + 1) > l->slot_count && l->slot_count < l->slot_limit;
    if (full) {
        empty(l);
        ++*l->emptied;
    } else if (crowded) {
        grow_slots(l);
    }
    if (full || crowded)
        slot = find_slot(l, hash, size);
    return *slot = add_state(l, hash, size);
}

uint32_t lazy_start(struct lazy *l)
{
    if (l->start)
        return l->start;
    stepper_start(&l->stepper);
    return l->start = intern(l);
}

uint32_t lazy_step(struct lazy *l, uint32_t state, const char *bytes, size_t size, size_t *at)
{
    const struct lazy_record *r = lazy_record_of(l, state);
    uint32_t symbol = alphabet_next(l->stepper.nfa->alphabet, bytes, size, at), *next = l->rows + state + 1 + symbol;
    unsigned emptied = *l->emptied;
    if (symbol < l->columns && *next)
        return *next;
    stepper_step(&l->stepper, l->set, read_gaps(gaps_of(r), r->size, l->set), symbol);
    uint32_t to = intern(l);
    if (symbol < l->columns && *l->emptied == emptied)
        *next = to;
    return to;
}

uint32_t lazy_run(struct lazy *l, const char *bytes, size_t size)
{
    uint32_t state = lazy_start(l);
    for (size_t at = 0; (at = walk_run(&l->table, &state, bytes, at, size)) < size;)
        state = lazy_step(l, state, bytes, size, &at);
    return state;
}
