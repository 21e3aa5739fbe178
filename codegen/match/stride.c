/* Strides. See stride.h. */
#include "codegen/match/stride.h"

#include <string.h>

enum { WORD = 8, PIECE_MAX = 16, LENGTH_BITS = 5, LAST = 16 };
#define MIX 0x9e3779b97f4a7c15u
#define EACH_BYTE(value) (0x0101010101010101u * (uint64_t)(value))

/* Up to sixteen bytes, the first one lowest; zeros behind them. */
struct piece {
    uint64_t low, high;
    size_t length;
};

/* ---- the table ---- */

static uint32_t count_limit(const struct nfa *nfa)
{
    uint32_t limit = STRIDES_FIRST;
    while (limit < STRIDES_MAX && limit / 16 < nfa->state_count)
        limit *= 2;
    return limit;
}

size_t strides_size(const struct nfa *nfa)
{
    return count_limit(nfa) * sizeof(struct stride);
}

static void clear(struct strides *s, unsigned emptied)
{
    memset(s->items, 0, ((size_t)s->mask + 1) * sizeof *s->items);
    s->missed = 0;
    s->emptied = emptied;
}

void strides_init(struct strides *s, const struct nfa *nfa, void *memory)
{
    *s = (struct strides){.items = memory, .mask = STRIDES_FIRST - 1, .limit = count_limit(nfa)};
    clear(s, 0);
}

/* The one place of a piece read in a state. */
static inline struct stride *place_of(const struct strides *s, const struct piece *p, uint32_t state)
{
    return &s->items[((uint32_t)((p->low ^ p->high * MIX) * MIX >> 40) + state) & s->mask];
}

static inline bool holds(const struct stride *place, const struct piece *p, uint64_t from)
{
    return place->from == from && place->bytes[0] == p->low && place->bytes[1] == p->high;
}

/* ---- pieces ---- */

/* Eight bytes, the first one lowest. */
static inline uint64_t load_word(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, WORD);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap64(word);
}

/* The top bit of each byte that is a dot. */
static inline uint64_t find_dots(uint64_t word)
{
    uint64_t other = word ^ EACH_BYTE('.');
    return ~((other & EACH_BYTE(0x7f)) + EACH_BYTE(0x7f)) & ~other & EACH_BYTE(0x80);
}

/* Up to the last dot of sixteen bytes, that included; all of them when there is none. */
static inline size_t count_to_dot(uint64_t low, uint64_t high)
{
    uint64_t below = find_dots(low), above = find_dots(high);
    if (!(below | above))
        return PIECE_MAX;
    return (above ? 2 * WORD : WORD) - (size_t)__builtin_clzll(above ? above : below) / 8;
}

/* The piece at byte `at` of a name of at least sixteen bytes. */
static inline struct piece cut_piece(const char *bytes, size_t at, size_t size)
{
    size_t left = size - at, shift = left < PIECE_MAX ? PIECE_MAX - left : 0;
    const char *from = bytes + at - shift;
    unsigned __int128 both = (unsigned __int128)load_word(from + WORD) << 64 | load_word(from);
    both >>= 8 * shift;
    struct piece p = {(uint64_t)both, (uint64_t)(both >> 64), left};
    if (left <= PIECE_MAX)
        return p;
    p.length = count_to_dot(p.low, p.high);
    both &= ~(unsigned __int128)0 >> 8 * (PIECE_MAX - p.length);
    p.low = (uint64_t)both;
    p.high = (uint64_t)(both >> 64);
    return p;
}

/* ---- one automaton ---- */

static uint32_t start_of(const struct automaton *a)
{
    return a->lazy ? lazy_start(a->lazy) : dfa_place(a->dfa, 0);
}

static uint32_t read_bytes(const struct automaton *a, uint32_t state, const char *bytes, size_t at, size_t size)
{
    while ((at = walk_run(a->table, &state, bytes, at, size)) < size)
        state = a->lazy ? lazy_step(a->lazy, state, bytes, size, &at) : dfa_step(a->dfa, state, bytes, size, &at);
    return state;
}

/* What is kept of a name that ends here. */
static uint32_t outcome_of(const struct automaton *a, uint32_t state)
{
    if (a->dfa)
        return a->sure[a->table->next[state + a->dfa->class_count + 1]];
    return lazy_record_of(a->lazy, state)->unknown < 0 ? *lazy_outcome(a->lazy, state) : 0;
}

/* Reads a piece of ASCII that the table lacks and enters it. When the lazy tables are emptied meanwhile, whatever the
 * table knows is of states that are gone. */
static uint32_t read_piece(const struct automaton *a, uint32_t state, const char *bytes, const struct piece *p, uint64_t from)
{
    struct strides *s = a->strides;
    unsigned emptied = a->lazy ? a->lazy->emptied : 0;
    uint32_t to = read_bytes(a, state, bytes, 0, p->length);
    to = from & LAST ? outcome_of(a, to) : to;
    bool few = ++s->missed > s->mask && s->mask + 1 < s->limit;
    if (few)
        s->mask = 2 * s->mask + 1;
    if (few || (a->lazy && a->lazy->emptied != emptied))
        clear(s, a->lazy ? a->lazy->emptied : 0);
    if (to && (!a->lazy || a->lazy->emptied == emptied))
        *place_of(s, p, state) = (struct stride){{p->low, p->high}, from, to};
    return to;
}

/* ---- all of them ---- */

/* Of two outcomes as they are kept the first; 1 is no rule. */
static inline uint32_t first_outcome(uint32_t a, uint32_t b)
{
    return a - OUTCOME_FIRST < b - OUTCOME_FIRST ? a : b;
}

/* The outcome of all parts' outcomes, or of their states when the name ends there; 0: one is not known. */
static inline uint32_t join_outcomes(const struct automata *r, unsigned count, const uint32_t *states, bool outcomes)
{
    uint32_t kept = r->otherwise;
    bool known = true;
    for (unsigned i = 0; i < count; i++) {
        uint32_t own = outcomes ? states[i] : outcome_of(&r->parts[i], states[i]);
        known &= own != 0;
        kept = first_outcome(kept, own);
    }
    return known ? kept : 0;
}

static uint32_t read_plainly(const struct automata *r, uint32_t *states, const char *bytes, size_t at, size_t size)
{
    for (unsigned i = 0; i < r->count; i++)
        states[i] = read_bytes(&r->parts[i], states[i], bytes, at, size);
    return join_outcomes(r, r->count, states, false);
}

/* The tables are of the lazy automata's states: those of states that are gone are cleared. How often that was, together. */
static unsigned check_emptied(const struct automata *r)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < r->count; i++) {
        const struct automaton *a = &r->parts[i];
        unsigned emptied = a->lazy ? a->lazy->emptied : 0;
        if (a->strides->emptied != emptied)
            clear(a->strides, emptied);
        sum += emptied;
    }
    return sum;
}

static void start_all(const struct automata *r, uint32_t *states)
{
    for (unsigned i = 0; i < r->count; i++)
        states[i] = start_of(&r->parts[i]);
    check_emptied(r);
}

static inline void add_cut(struct track *t, unsigned count, size_t at, const uint32_t *states)
{
    if (t->count == CUTS_MAX)
        return;
    t->at[t->count] = (uint32_t)at;
    for (unsigned i = 0; i < count; i++)
        t->states[t->count][i] = states[i];
    t->count++;
}

/* From the states at byte `at` to the end: the outcome. With a track, the cuts on the way are entered in it. count is that of
 * the parts, as a constant where that helps. */
static inline __attribute__((always_inline)) uint32_t read_pieces(const struct automata *r, unsigned count, uint32_t *states, const char *bytes,
                                                                  size_t at, size_t size, struct track *track)
{
    for (;;) {
        struct piece p = cut_piece(bytes, at, size);
        bool last = at + p.length == size;
        uint64_t kind = (p.length - 1) | (last ? LAST : 0);
        if (__builtin_expect(((p.low | p.high) & EACH_BYTE(0x80)) != 0, 0))
            return read_plainly(r, states, bytes, at, size);
        for (unsigned i = 0; i < count; i++) {
            uint64_t from = (uint64_t)states[i] << LENGTH_BITS | kind;
            const struct stride *known = place_of(r->parts[i].strides, &p, states[i]);
            states[i] = __builtin_expect(holds(known, &p, from), 1) ? (uint32_t)known->to : read_piece(&r->parts[i], states[i], bytes + at, &p, from);
        }
        if (last)
            return join_outcomes(r, count, states, true);
        at += p.length;
        if (track)
            add_cut(track, count, at, states);
    }
}

uint32_t stride_run(const struct automata *r, const char *bytes, size_t size)
{
    uint32_t states[PARTS_MAX];
    start_all(r, states);
    if (size < PIECE_MAX)
        return read_plainly(r, states, bytes, 0, size);
    return r->count == 1 ? read_pieces(r, 1, states, bytes, 0, size, NULL) : read_pieces(r, r->count, states, bytes, 0, size, NULL);
}

/* How far two names are alike. */
static size_t count_common(const char *a, const char *b, size_t size)
{
    size_t at = 0;
    for (; at + WORD <= size; at += WORD) {
        uint64_t differ = load_word(a + at) ^ load_word(b + at);
        if (differ)
            return at + (size_t)__builtin_ctzll(differ) / 8;
    }
    while (at < size && a[at] == b[at])
        at++;
    return at;
}

/* The cuts that the name shares with the track's; at least the begin. */
static void keep_shared(const struct automata *r, struct track *t, const char *bytes, size_t size)
{
    unsigned emptied = check_emptied(r);
    if (!t->bytes || emptied != t->emptied) {
        uint32_t states[PARTS_MAX];
        start_all(r, states);
        t->count = 0;
        add_cut(t, r->count, 0, states);
    } else {
        size_t common = count_common(t->bytes, bytes, size < t->size ? size : t->size);
        common -= common == size; /* the last piece is not empty */
        while (t->at[t->count - 1] > common)
            t->count--;
    }
    t->emptied = check_emptied(r);
    t->bytes = bytes;
    t->size = size;
}

uint32_t stride_follow(const struct automata *r, struct track *t, const char *bytes, size_t size)
{
    uint32_t states[PARTS_MAX];
    if (size < PIECE_MAX)
        return stride_run(r, bytes, size);
    keep_shared(r, t, bytes, size);
    memcpy(states, t->states[t->count - 1], sizeof states);
    size_t at = t->at[t->count - 1];
    return r->count == 1 ? read_pieces(r, 1, states, bytes, at, size, t) : read_pieces(r, r->count, states, bytes, at, size, t);
}
