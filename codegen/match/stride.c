/* Strides. See stride.h. */
#include "codegen/match/stride.h"

#include <string.h>
#include "codegen/match/cut.h"

enum {
    PIECES_FIRST = 1 << 8, PIECES_MAX = 1 << 15, PIECES_SPREAD = 4, /* places; how many there are for each piece */
    STEPS_FIRST = 1 << 9, STEPS_LEAST = 1 << 15, STEPS_MAX = 1 << 18, STEPS_PER_STATE = 64, /* places; limits by the NFA's size */
    STEP_PLACES = 4, PLACE_BITS = 24, NUMBER_BITS = 16, /* of a step */
    TRACKED = 64                                        /* bytes of the last name */
};
/* What a known name goes through stands in one loop, what is rare elsewhere. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))
#define MIX 0x9e3779b97f4a7c15u
#define MIX_HIGH 0xc2b2ae3d27d4eb4fu

/* ---- the tables ---- */

static uint32_t count_steps(const struct nfa *nfa)
{
    uint32_t limit = STEPS_LEAST;
    while (limit < STEPS_MAX && limit / STEPS_PER_STATE < nfa->state_count)
        limit *= 2;
    return limit;
}

size_t strides_size(const struct nfa *nfa, unsigned parts)
{
    return PIECES_MAX * sizeof(struct piece) + parts * count_steps(nfa) * sizeof(uint64_t);
}

static void clear_steps(struct steps *s)
{
    memset(s->items, 0, ((size_t)s->mask + 1) * sizeof *s->items);
    s->missed = 0;
}

/* Numbers begin anew, so that no step knows them. */
static void clear_pieces(struct automata *r)
{
    memset(r->pieces.items, 0, ((size_t)r->pieces.mask + 1) * sizeof *r->pieces.items);
    r->pieces.shift = (uint32_t)__builtin_clzll(r->pieces.mask);
    r->pieces.count = 0;
    for (unsigned i = 0; i < r->count; i++)
        clear_steps(&r->parts[i].steps);
}

/* The steps are of states that are gone. Between names: asking for a start state may empty the tables again. */
NOINLINE void clear_states(struct automata *r)
{
    for (unsigned i = 0; i < r->count; i++) {
        const struct automaton *a = &r->parts[i];
        r->starts[i] = a->lazy ? lazy_start(a->lazy) : dfa_place(a->dfa, 0);
        clear_steps(&r->parts[i].steps);
    }
    r->known = r->emptied;
}

void strides_init(struct automata *r, const struct nfa *nfa, void *memory)
{
    uint32_t limit = count_steps(nfa);
    r->pieces = (struct pieces){.items = memory, .mask = PIECES_FIRST - 1};
    uint64_t *steps = (uint64_t *)(r->pieces.items + PIECES_MAX);
    for (unsigned i = 0; i < r->count; i++, steps += limit)
        r->parts[i].steps = (struct steps){.items = steps, .mask = STEPS_FIRST - 1, .limit = limit};
    r->known = r->emptied - 1; /* the start states are asked for with the first name */
    clear_pieces(r);
}

/* ---- pieces ---- */

static inline uint32_t place_of_piece(const struct pieces *pieces, const struct piece *p)
{
    words both = p->end + p->begin;
    return (uint32_t)((both[0] * MIX ^ both[1] * MIX_HIGH) >> pieces->shift);
}

/* Where it stands, or the free place where it would. */
static struct piece *find_piece(const struct pieces *pieces, const struct piece *p)
{
    uint32_t place = place_of_piece(pieces, p);
    while (!is_piece(&pieces->items[place], p) && number_of(&pieces->items[place]))
        place = (place + 1) & pieces->mask;
    return &pieces->items[place];
}

/* Of a piece that does not stand in its first place. */
NOINLINE uint32_t enter_piece(struct automata *r, const struct piece *p)
{
    struct pieces *pieces = &r->pieces;
    struct piece *place = find_piece(pieces, p);
    if (number_of(place))
        return number_of(place);
    if (PIECES_SPREAD * (pieces->count + 1) > pieces->mask + 1) {
        pieces->mask = pieces->mask + 1 < PIECES_MAX ? 2 * pieces->mask + 1 : pieces->mask;
        clear_pieces(r);
        place = find_piece(pieces, p);
    }
    *place = *p;
    place->begin[0] |= (uint64_t)++pieces->count << NUMBER_AT;
    return pieces->count;
}

static inline uint32_t number_piece(struct automata *r, const struct piece *p)
{
    const struct piece *place = &r->pieces.items[place_of_piece(&r->pieces, p)];
    return __builtin_expect(is_piece(place, p), 1) ? number_of(place) : enter_piece(r, p);
}

/* ---- one automaton ---- */

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

static inline uint32_t place_of(const struct steps *s, uint32_t state, uint32_t number)
{
    return ((uint32_t)(state * MIX >> 40) + number) & s->mask;
}

/* A step's other places are a quarter of the table apart. */
static inline uint64_t *step_at(const struct steps *s, uint32_t place, uint32_t turn)
{
    return &s->items[place ^ turn * (s->mask / STEP_PLACES + 1)];
}

static inline uint64_t key_of(uint32_t state, uint32_t number)
{
    return ((uint64_t)state << NUMBER_BITS | number) << PLACE_BITS;
}

/* Where it leads; PLACE_BITS hold more when it is not in the place of this turn. */
static inline uint64_t find_step(const struct steps *s, uint32_t state, uint32_t number, uint32_t turn)
{
    return *step_at(s, place_of(s, state, number), turn) ^ key_of(state, number);
}

/* What is in its first place has the same places. */
static void bring_forward(struct steps *s, uint32_t state, uint32_t number, uint32_t turn)
{
    uint32_t place = place_of(s, state, number);
    uint64_t step = *step_at(s, place, turn);
    *step_at(s, place, turn) = *step_at(s, place, 0);
    *step_at(s, place, 0) = step;
}

/* In the first of its places that is free; else in place of what has the first. */
static void add_step(struct steps *s, uint32_t state, uint32_t number, uint32_t to)
{
    uint32_t place = place_of(s, state, number), turn = 0;
    while (turn < STEP_PLACES && *step_at(s, place, turn))
        turn++;
    *step_at(s, place, turn % STEP_PLACES) = key_of(state, number) | to;
}

/* What has no place any more is forgotten. */
static void grow_steps(struct steps *s)
{
    uint32_t half = s->mask + 1;
    memset(s->items + half, 0, half * sizeof *s->items);
    s->mask += half;
    s->missed = 0;
    for (uint32_t i = 0; i < half; i++) {
        uint64_t step = s->items[i];
        s->items[i] = 0;
        if (step)
            add_step(s, (uint32_t)(step >> (NUMBER_BITS + PLACE_BITS)), (uint32_t)(step >> PLACE_BITS) & ((1u << NUMBER_BITS) - 1),
                     (uint32_t)step & ((1u << PLACE_BITS) - 1));
    }
}

/* A step that is not in its first place; or else reads the piece and enters the step. When a lazy automaton's tables are emptied
 * meanwhile, whatever is known is of states that are gone. */
NOINLINE uint32_t read_piece(struct automata *r, unsigned part, uint32_t state, uint32_t number, const char *bytes, size_t size,
                             bool last)
{
    struct automaton *a = &r->parts[part];
    struct steps *s = &a->steps;
    unsigned emptied = r->emptied;
    for (uint32_t turn = 1; turn < STEP_PLACES; turn++) {
        uint64_t known = find_step(s, state, number, turn);
        if (known >> PLACE_BITS)
            continue;
        bring_forward(s, state, number, turn);
        return (uint32_t)known;
    }
    uint32_t to = read_bytes(a, state, bytes, 0, size);
    to = last ? outcome_of(a, to) : to;
    if (++s->missed > s->mask / 2 && s->mask + 1 < s->limit)
        grow_steps(s);
    if (r->emptied != emptied)
        clear_steps(s); /* the start states are asked for with the next name: that may empty tables again */
    else if (to && !(state >> PLACE_BITS) && !(to >> PLACE_BITS))
        add_step(s, state, number, to);
    return to;
}

/* ---- all of them ---- */

#define EACH_PART(i, count) _Pragma("GCC unroll 4") for (unsigned i = 0; i < (count); i++)

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
    EACH_PART(i, count) {
        uint32_t own = outcomes ? states[i] : outcome_of(&r->parts[i], states[i]);
        known &= own != 0;
        kept = first_outcome(kept, own);
    }
    return known ? kept : 0;
}

NOINLINE uint32_t read_plainly(const struct automata *r, const uint32_t *from, const char *bytes, size_t at, size_t size)
{
    uint32_t states[PARTS_MAX];
    for (unsigned i = 0; i < r->count; i++)
        states[i] = read_bytes(&r->parts[i], from[i], bytes, at, size);
    return join_outcomes(r, r->count, states, false);
}

/* Where the last name was cut and the states there: a name that begins like it is read from the last cut they share. */
struct track {
    const char *bytes;
    size_t size;
    unsigned emptied;  /* the automata's when the states were found; another: there is no name yet */
    uint64_t cuts; /* bit n: behind n bytes; bit 0 is the begin's */
    uint32_t states[TRACKED][PARTS_MAX];
};

static inline void add_cut(struct track *t, unsigned count, size_t at, const uint32_t *states)
{
    if (at >= TRACKED)
        return;
    t->cuts |= (uint64_t)1 << at;
    EACH_PART(i, count)
        t->states[at][i] = states[i];
}

NOINLINE struct cuts find_more_cuts(const char *bytes, size_t at, size_t size)
{
    return find_cuts(bytes, at, size);
}

/* The states leave their registers for that alone. */
ALWAYS_INLINE uint32_t leave(const struct automata *r, unsigned count, const uint32_t *states, const char *bytes, size_t at,
                             size_t size)
{
    uint32_t from[PARTS_MAX];
    EACH_PART(i, count)
        from[i] = states[i];
    return read_plainly(r, from, bytes, at, size);
}

/* From the states at byte `at` to the end: the outcome. With a track, the cuts on the way are entered in it. count is that of
 * the parts, a constant, so that states stay in registers. */
ALWAYS_INLINE uint32_t read_pieces(struct automata *r, unsigned count, const uint32_t *from, const char *bytes, size_t at,
                                   size_t size, struct track *track)
{
    struct cuts cuts = find_cuts(bytes, at, size);
    uint32_t states[PARTS_MAX];
    EACH_PART(i, count)
        states[i] = from[i];
    while (__builtin_expect(cuts.ends != 0, 1)) {
        size_t end = cuts.from + (unsigned)__builtin_ctzll(cuts.ends) + 1;
        if (__builtin_expect(end - at > PIECE_MAX, 0))
            end = at + cut_early(cuts.dots >> (at - cuts.from));
        else
            cuts.ends &= cuts.ends - 1;
        struct piece p = cut_piece(bytes, at, end, end == size);
        uint32_t number = number_piece(r, &p);
        EACH_PART(i, count) {
            uint64_t known = find_step(&r->parts[i].steps, states[i], number, 0);
            bool found = __builtin_expect(!(known >> PLACE_BITS), 1);
            states[i] = found ? (uint32_t)known : read_piece(r, i, states[i], number, bytes + at, end - at, end == size);
        }
        if (end == size)
            return join_outcomes(r, count, states, true);
        at = end;
        if (track)
            add_cut(track, count, at, states);
        if (__builtin_expect(!cuts.ends, 0))
            cuts = find_more_cuts(bytes, at, size);
    }
    return leave(r, count, states, bytes, at, size);
}

uint32_t stride_run(struct automata *r, const char *bytes, size_t size)
{
    if (r->known != r->emptied)
        clear_states(r);
    if (size < BLOCK)
        return read_plainly(r, r->starts, bytes, 0, size);
    switch (r->count) {
    case 1: return read_pieces(r, 1, r->starts, bytes, 0, size, NULL);
    case 2: return read_pieces(r, 2, r->starts, bytes, 0, size, NULL);
    case 3: return read_pieces(r, 3, r->starts, bytes, 0, size, NULL);
    default: return read_pieces(r, PARTS_MAX, r->starts, bytes, 0, size, NULL);
    }
}

/* ---- names one after another ---- */

static inline uint32_t find_differences(const char *a, const char *b)
{
    return 0xffff ^ mask_of((block)(load_block(a) == load_block(b)));
}

/* How far two names of at least a block are alike; size: the shorter one's. */
static inline size_t count_common(const char *a, const char *b, size_t size)
{
    size_t last = size - BLOCK;
    for (size_t at = 0; at < last; at += BLOCK) {
        uint32_t differ = find_differences(a + at, b + at);
        if (differ)
            return at + (unsigned)__builtin_ctz(differ);
    }
    return last + (unsigned)__builtin_ctz(find_differences(a + last, b + last) | 1u << BLOCK);
}

/* The last cut behind at most `common` bytes; later ones are dropped. */
static inline size_t last_cut(struct track *t, size_t common)
{
    if (common < TRACKED - 1)
        t->cuts &= ((uint64_t)2 << common) - 1;
    return (unsigned)__builtin_clzll(t->cuts) ^ (TRACKED - 1);
}

NOINLINE void begin_track(struct automata *r, struct track *t)
{
    if (r->known != r->emptied)
        clear_states(r);
    memcpy(t->states[0], r->starts, sizeof r->starts);
    t->cuts = 1;
    t->emptied = r->emptied;
}

/* Where the name is read from: behind the last cut that it shares with the track's, at least the begin. */
static inline size_t keep_shared(struct automata *r, struct track *t, const char *bytes, size_t size)
{
    size_t common = 0;
    if (__builtin_expect(r->emptied != t->emptied, 0))
        begin_track(r, t);
    else
        common = count_common(t->bytes, bytes, size < t->size ? size : t->size);
    t->bytes = bytes;
    t->size = size;
    return last_cut(t, common - (common == size)); /* the last piece is not empty */
}

ALWAYS_INLINE size_t read_names(struct automata *r, unsigned count, const struct field *names, size_t name_count, int *rules)
{
    struct track t;
    size_t unknown = 0;
    t.emptied = r->emptied - 1;
    for (size_t i = 0; i < name_count; i++) {
        const char *bytes = names[i].bytes;
        size_t size = names[i].size;
        uint32_t outcome;
        if (size < BLOCK) {
            outcome = stride_run(r, bytes, size);
        } else {
            size_t at = keep_shared(r, &t, bytes, size);
            outcome = read_pieces(r, count, t.states[at], bytes, at, size, &t);
        }
        unknown += !outcome;
        rules[i] = (int)(outcome - OUTCOME_FIRST);
    }
    return unknown;
}

size_t stride_batch(struct automata *r, const struct field *names, size_t count, int *rules)
{
    switch (r->count) {
    case 1: return read_names(r, 1, names, count, rules);
    case 2: return read_names(r, 2, names, count, rules);
    case 3: return read_names(r, 3, names, count, rules);
    default: return read_names(r, PARTS_MAX, names, count, rules);
    }
}
