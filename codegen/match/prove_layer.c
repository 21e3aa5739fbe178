/* Layer numbers as languages: the automaton of all names whose layer number a guard holds for. In: a guard over the layer
 * number, a kind of subject. Out: states and moves in the prover's NFA for a label without an expression. It finds the number as
 * subject.c does: the first `layers.` before a digit, else the first of the block words; and it tells numbers apart only as far
 * as the guard does, whatever digits follow: a comparison with constants changes its truth at their bounds alone, a remainder is
 * kept modulo the least common multiple. A number beyond 63 bits is no layer number. */
#include "codegen/match/prover.h"

#include <string.h>

/* subject.c's words, each with its dot. characters: all that reading can tell apart; every other symbol is OTHER. */
static const char *const block_words[] = {"h.", "blk.", "block.", "blocks.", "layer."};
enum { WORD_COUNT = sizeof block_words / sizeof *block_words, ALL_WORDS = (1 << WORD_COUNT) - 1 };
static const char layers_word[] = "layers.", characters[] = "0123456789layers.hbkoc";
enum { LAYERS_SIZE = sizeof layers_word - 1, CHARACTER_COUNT = sizeof characters - 1, OTHER = CHARACTER_COUNT, DIGITS = 20, MODULUS_MAX = 360 };
#define NUMBER_END ((unsigned __int128)1 << 63)

enum stage { STAGE_SEARCH, STAGE_BLOCK_DIGITS, STAGE_BLOCK, STAGE_LAYERS_DIGITS, STAGE_LAYERS };
/* What of the path was read, as far as it matters. */
struct place_read {
    enum stage stage;
    unsigned seen;  /* characters of `layers.` just read */
    unsigned words; /* bits: block words this segment may still be, `at` characters in */
    unsigned at;
    bool ready;     /* a block word and its dot were just read */
    uint32_t value;
};
struct value {
    unsigned __int128 number; /* one of those that are treated alike; NUMBER_END: beyond 63 bits */
    uint32_t rest;            /* modulo the guard's modulus */
    bool alike;               /* cells says all there is to know of the numbers that begin with it */
    unsigned char cells[DIGITS];
    uint32_t appended[10];    /* by digit: the value + 1, or 0 where not known yet */
};
struct machine_state {
    struct place_read place;
    uint32_t targets[CHARACTER_COUNT + 1];
    bool accepts, alive;
    uint32_t number;
};
struct machine {
    struct arena *arena;
    const struct layer_label *label;
    unsigned __int128 bounds[4]; /* where the guard's truth may change */
    size_t bound_count;
    uint32_t modulus;
    struct value *values;
    size_t value_count, value_capacity;
    struct machine_state *states;
    size_t state_count, state_capacity;
    uint32_t *slots;
    size_t slot_count;
};

/* ---- guards ---- */

static bool is_layer(const struct guard_term *t)
{
    return t->kind == AST_TERM_LAYER;
}

/* 1: no remainder; above MODULUS_MAX the guard is not exact here. */
static uint32_t modulus_of(const struct guard_term *t)
{
    int64_t m = t->modulus < 0 ? -t->modulus : t->modulus;
    return is_layer(t) && m ? m <= MODULUS_MAX ? (uint32_t)m : MODULUS_MAX + 1 : 1;
}

static uint32_t common_modulus(const struct guard *g)
{
    uint32_t a = modulus_of(&g->left), b = g->kind == GUARD_COMPARE ? modulus_of(&g->right) : 1, m = a;
    while (m % b && m <= MODULUS_MAX)
        m += a;
    return m;
}

/* layer and layer % n on two sides would need the number and its remainder together. */
bool layer_guard_is_exact(const struct guard *g)
{
    const struct guard_term *sides[] = {&g->left, &g->right};
    size_t count = g->kind == GUARD_COMPARE ? 2 : 1, plain = 0, reduced = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_layer(sides[i]) && (sides[i]->kind != AST_TERM_INTEGER || sides[i]->modulus))
            return false;
        plain += is_layer(sides[i]) && !sides[i]->modulus;
        reduced += is_layer(sides[i]) && sides[i]->modulus;
    }
    return !(plain && reduced) && common_modulus(g) <= MODULUS_MAX;
}

/* Bounds at or below 0 tell nothing apart: layer numbers are not negative. */
static void add_bound(struct machine *m, __int128 bound)
{
    if (bound > 0)
        m->bounds[m->bound_count++] = (unsigned __int128)bound;
}

static void find_bounds(struct machine *m, const struct guard *g)
{
    m->modulus = g ? common_modulus(g) : 1;
    add_bound(m, (__int128)NUMBER_END);
    if (!g || g->left.modulus || (g->kind == GUARD_COMPARE && g->right.modulus))
        return;
    const struct guard_term *constant = is_layer(&g->left) ? &g->right : &g->left;
    bool range = g->kind == GUARD_RANGE;
    if (!range && is_layer(constant))
        return; /* the number with itself */
    add_bound(m, range ? g->low : constant->integer);
    add_bound(m, (__int128)(range ? g->high : constant->integer) + 1);
}

/* ---- numbers ---- */

/* The number of bounds up to n.
 * Numbers of one cell are alike to the guard. */
static unsigned cell_of(const struct machine *m, unsigned __int128 n)
{
    unsigned cell = 0;
    for (size_t i = 0; i < m->bound_count; i++)
        cell += m->bounds[i] <= n;
    return cell;
}

/* The cells of all numbers that begin with n, by how many digits follow. False: they are not the same for one count.
 * With k more digits n becomes n·10^k to n·10^k + 10^k - 1. */
static bool find_cells(const struct machine *m, unsigned __int128 n, unsigned char cells[DIGITS])
{
    unsigned __int128 low = n, span = 1;
    for (int k = 0; k < DIGITS; k++) {
        unsigned cell = cell_of(m, low);
        cells[k] = (unsigned char)cell;
        if (cell != cell_of(m, low + span - 1))
            return false;
        low = low >= NUMBER_END ? low : low * 10;
        span = low >= NUMBER_END ? 1 : span * 10;
    }
    return true;
}

/* Values that continue alike, digit by digit, and have one remainder are one: the automaton is finite and small. */
static uint32_t intern_value(struct machine *m, unsigned __int128 number, uint32_t rest)
{
    struct value v = {.number = number > NUMBER_END ? NUMBER_END : number, .rest = rest};
    v.alike = find_cells(m, v.number, v.cells);
    for (uint32_t i = 0; i < m->value_count; i++) {
        const struct value *old = &m->values[i];
        bool same = old->number == v.number || (v.alike && old->alike && !memcmp(old->cells, v.cells, sizeof v.cells));
        if (same && old->rest == rest)
            return i;
    }
    *ARENA_PUSH(m->arena, m->values, m->value_count, m->value_capacity) = v;
    return (uint32_t)m->value_count - 1;
}

/* The value of one digit (before UINT32_MAX), or of a number with one more. */
static uint32_t append_digit(struct machine *m, uint32_t before, unsigned digit)
{
    if (before == UINT32_MAX)
        return intern_value(m, digit, digit % m->modulus);
    struct value v = m->values[before];
    if (!v.appended[digit])
        m->values[before].appended[digit] = v.appended[digit] = 1 + intern_value(m, v.number * 10 + digit, (v.rest * 10 + digit) % m->modulus);
    return v.appended[digit] - 1;
}

/* Whether a path may end here: the number is known and the guard holds for it. */
static bool accepts(const struct machine *m, const struct place_read *place)
{
    const struct guard *g = m->label->guard;
    if (place->stage == STAGE_SEARCH || m->values[place->value].number == NUMBER_END)
        return false;
    const struct value *v = &m->values[place->value];
    struct subject s = {.has_layer = true, .layer = m->modulus > 1 ? v->rest : (int64_t)v->number};
    return !g || guard_test(g, &s) == TRUTH_YES;
}

/* ---- reading ---- */

/* Block words are read at the beginning of a segment only, `layers.` anywhere. */
static void read_word(struct place_read *p, char c)
{
    unsigned left = 0;
    bool complete = false;
    for (int w = 0; w < WORD_COUNT; w++) {
        bool next = (p->words >> w & 1) && p->at < strlen(block_words[w]) && block_words[w][p->at] == c;
        left |= (unsigned)next << w;
        complete |= next && p->at + 1 == strlen(block_words[w]);
    }
    p->ready = c == '.' && complete;
    p->words = c == '.' ? ALL_WORDS : left;
    p->at = c == '.' || !left ? 0 : p->at + 1;
}

/* Behind a number of `layers.` nothing matters; behind one of a block word `layers.` alone does.
 * `layers.` is matched without backing up: only its first letter can begin it again. */
static struct place_read read_character(struct machine *m, struct place_read p, char c)
{
    bool digit = c >= '0' && c <= '9';
    unsigned d = digit ? (unsigned)(c - '0') : 0;
    if (p.stage == STAGE_LAYERS || (p.stage == STAGE_LAYERS_DIGITS && !digit))
        return (struct place_read){.stage = STAGE_LAYERS, .value = p.value};
    if (digit && (p.seen == LAYERS_SIZE || p.stage == STAGE_LAYERS_DIGITS)) {
        uint32_t before = p.stage == STAGE_LAYERS_DIGITS ? p.value : UINT32_MAX;
        return (struct place_read){.stage = STAGE_LAYERS_DIGITS, .value = append_digit(m, before, d)};
    }
    bool begins = digit && p.stage == STAGE_SEARCH && p.ready;
    if (begins || (digit && p.stage == STAGE_BLOCK_DIGITS))
        return (struct place_read){.stage = STAGE_BLOCK_DIGITS, .value = append_digit(m, begins ? UINT32_MAX : p.value, d)};
    p.seen = p.seen < LAYERS_SIZE && c == layers_word[p.seen] ? p.seen + 1 : c == 'l';
    if (p.stage == STAGE_SEARCH)
        read_word(&p, c);
    else
        p.stage = STAGE_BLOCK;
    return p;
}

/* ---- states ---- */

static size_t find_slot(const struct machine *m, const struct place_read *p)
{
    uint64_t key = (uint64_t)p->value << 32 | (uint64_t)p->stage << 24 | p->seen << 16 | p->words << 8 | p->at << 4 | p->ready;
    size_t slot = (key + 1) * 0x9e3779b97f4a7c15u >> 32 & (m->slot_count - 1);
    for (; m->slots[slot]; slot = (slot + 1) & (m->slot_count - 1)) {
        const struct place_read *q = &m->states[m->slots[slot] - 1].place;
        if (q->value == p->value && q->stage == p->stage && q->seen == p->seen && q->words == p->words && q->at == p->at && q->ready == p->ready)
            break;
    }
    return slot;
}

static uint32_t add_state(struct machine *m, struct place_read place)
{
    if (2 * (m->state_count + 1) > m->slot_count) {
        m->slot_count = m->slot_count ? 2 * m->slot_count : 256;
        m->slots = ARENA_ARRAY(m->arena, m->slot_count, uint32_t);
        for (uint32_t i = 0; i < m->state_count; i++)
            m->slots[find_slot(m, &m->states[i].place)] = i + 1;
    }
    size_t slot = find_slot(m, &place);
    if (!m->slots[slot]) {
        bool ends = accepts(m, &place);
        *ARENA_PUSH(m->arena, m->states, m->state_count, m->state_capacity) = (struct machine_state){.place = place, .accepts = ends, .alive = ends};
        m->slots[slot] = (uint32_t)m->state_count;
    }
    return m->slots[slot] - 1;
}

/* The second loop runs until nothing changes; states are some hundreds. */
static void explore(struct machine *m)
{
    bool words_too = !m->label->megatron;
    add_state(m, (struct place_read){.words = words_too ? ALL_WORDS : 0});
    for (uint32_t s = 0; s < m->state_count; s++)
        for (int c = 0; c <= OTHER; c++) {
            struct place_read next = read_character(m, m->states[s].place, c == OTHER ? 0 : characters[c]);
            next.words = words_too ? next.words : 0;
            next.ready = words_too && next.ready;
            uint32_t target = add_state(m, next);
            m->states[s].targets[c] = target;
        }
    for (bool more = true; more;) { /* what can still accept, backwards */
        more = false;
        for (uint32_t s = (uint32_t)m->state_count; s--;)
            for (int c = 0; c <= OTHER && !m->states[s].alive; c++)
                more |= m->states[s].alive = m->states[m->states[s].targets[c]].alive;
    }
}

/* ---- entering them in the prover's automaton ---- */

struct extension {
    struct prover *p;
    uint64_t *characters; /* bits of symbols: by character, then of all others */
    struct move *moves;
    size_t move_count, move_capacity;
    uint32_t *first_move, *label;
    unsigned char *flags;
    size_t state_count, capacities[3];
    uint64_t *classes;
    size_t class_count, class_capacity;
};

/* Linear: a machine has few classes. */
static uint32_t extension_class(struct extension *x, const uint64_t *bits)
{
    size_t words = x->p->nfa->class_words;
    for (size_t i = 0; i < x->class_count; i++)
        if (!memcmp(x->classes + i * words, bits, words * sizeof *bits))
            return (uint32_t)(x->p->nfa->class_count + i);
    if (x->class_count == x->class_capacity) {
        x->class_capacity = x->class_capacity ? 2 * x->class_capacity : 64;
        x->classes = arena_grow(x->p->arena, x->classes, x->class_count * words, x->class_capacity * words, sizeof *bits);
    }
    memcpy(x->classes + x->class_count * words, bits, words * sizeof *bits);
    return (uint32_t)(x->p->nfa->class_count + x->class_count++);
}

static void find_characters(struct extension *x)
{
    size_t words = x->p->nfa->class_words;
    x->characters = ARENA_ARRAY(x->p->arena, (OTHER + 1) * words, uint64_t);
    for (uint32_t s = 0; s < x->p->alphabet.symbol_count; s++)
        x->characters[OTHER * words + s / 64] |= (uint64_t)1 << s % 64;
    for (int c = 0; c < CHARACTER_COUNT; c++) {
        uint32_t s = x->p->alphabet.ascii[(unsigned char)characters[c]];
        x->characters[c * words + s / 64] |= (uint64_t)1 << s % 64;
        x->characters[OTHER * words + s / 64] &= ~((uint64_t)1 << s % 64);
    }
}

static void begin_state(struct extension *x, uint32_t label, unsigned char flags)
{
    size_t count = x->state_count;
    *ARENA_PUSH(x->p->arena, x->first_move, count, x->capacities[0]) = (uint32_t)x->move_count;
    count = x->state_count;
    *ARENA_PUSH(x->p->arena, x->label, count, x->capacities[1]) = label;
    *ARENA_PUSH(x->p->arena, x->flags, x->state_count, x->capacities[2]) = flags;
}

static void add_move(struct extension *x, const uint64_t *bits, uint32_t target)
{
    uint32_t class = extension_class(x, bits);
    *ARENA_PUSH(x->p->arena, x->moves, x->move_count, x->move_capacity) = (struct move){class, target};
}

/* A state's moves to those that are alive, one for each target. */
static void add_moves(struct extension *x, const struct machine *m, const struct machine_state *s, uint32_t base)
{
    size_t words = x->p->nfa->class_words;
    uint64_t *bits = ARENA_ARRAY(x->p->arena, words, uint64_t);
    for (int c = 0; c <= OTHER; c++) {
        bool first = m->states[s->targets[c]].alive;
        for (int k = 0; k < c && first; k++)
            first = s->targets[k] != s->targets[c];
        if (!first)
            continue;
        memset(bits, 0, words * sizeof *bits);
        for (int k = c; k <= OTHER; k++)
            for (size_t w = 0; w < words && s->targets[k] == s->targets[c]; w++)
                bits[w] |= x->characters[k * words + w];
        add_move(x, bits, base + m->states[s->targets[c]].number);
    }
}

/* A parameter's path ends at the last dot: from a state that accepts, a dot also leads to the rest of the name. */
static uint32_t add_tail(struct extension *x, uint32_t label, uint32_t tail)
{
    size_t words = x->p->nfa->class_words;
    uint64_t *bits = ARENA_ARRAY(x->p->arena, words, uint64_t);
    const uint64_t *dot = x->characters + (size_t)(strchr(characters, '.') - characters) * words;
    for (uint32_t s = 0; s < x->p->alphabet.symbol_count; s++)
        bits[s / 64] |= (uint64_t)1 << s % 64;
    for (size_t w = 0; w < words; w++)
        bits[w] &= ~dot[w];
    begin_state(x, label, NFA_ENDS);
    add_move(x, bits, tail);
    return tail;
}

static void add_machine(struct extension *x, struct machine *m)
{
    bool parameter = m->label->kind == KIND_PARAMETER;
    uint32_t base = (uint32_t)(x->p->nfa->state_count + x->state_count), count = 0;
    struct program *program = x->p->program;
    uint32_t label = program->tests[program->preds[m->label->pred].a].label->number;
    const uint64_t *dot = x->characters + (size_t)(strchr(characters, '.') - characters) * x->p->nfa->class_words;
    for (uint32_t s = 0; s < m->state_count; s++)
        m->states[s].number = m->states[s].alive ? count++ : 0;
    for (uint32_t s = 0; s < m->state_count; s++) {
        const struct machine_state *state = &m->states[s];
        if (!state->alive)
            continue;
        bool ends = state->accepts && !parameter;
        begin_state(x, label, (unsigned char)(ends ? NFA_ENDS | (state->place.stage == STAGE_LAYERS ? NFA_UNIVERSAL : 0) : 0));
        add_moves(x, m, state, base);
        if (state->accepts && parameter)
            add_move(x, dot, base + count);
    }
    if (count && parameter)
        add_tail(x, label, base + count);
    x->p->nfa->starts[label] = m->states[0].alive ? base : UINT32_MAX;
}

/* The prover's automaton with the new states behind its own, each a group by itself.
 * Labels of layers have no state in the NFA before: their root is never. */
static void append(struct extension *x)
{
    struct nfa *n = x->p->nfa;
    struct arena *arena = x->p->arena;
    uint32_t old = n->state_count, added = (uint32_t)x->state_count, first = n->first_move[old];
    n->moves = arena_grow(arena, n->moves, first, first + x->move_count, sizeof *n->moves);
    n->first_move = arena_grow(arena, n->first_move, old, old + added + 1, sizeof *n->first_move);
    n->label = arena_grow(arena, n->label, old, old + added, sizeof *n->label);
    n->flags = arena_grow(arena, n->flags, old, old + added, sizeof *n->flags);
    n->group = arena_grow(arena, n->group, old, old + added, sizeof *n->group);
    n->above = arena_grow(arena, n->above, n->group_count, n->group_count + added, sizeof *n->above);
    n->class_bits = arena_grow(arena, n->class_bits, n->class_count * n->class_words, (n->class_count + x->class_count) * n->class_words, sizeof *n->class_bits);
    if (x->move_count)
        memcpy(n->moves + first, x->moves, x->move_count * sizeof *n->moves);
    if (x->class_count)
        memcpy(n->class_bits + n->class_count * n->class_words, x->classes, x->class_count * n->class_words * sizeof *n->class_bits);
    for (uint32_t s = 0; s < added; s++) {
        n->first_move[old + s] = first + x->first_move[s];
        n->label[old + s] = x->label[s];
        n->flags[old + s] = x->flags[s];
        n->group[old + s] = n->group_count + s;
        n->above[n->group_count + s] = UINT32_MAX;
    }
    n->first_move[old + added] = first + (uint32_t)x->move_count;
    n->state_count += added;
    n->group_count += added;
    n->class_count += x->class_count;
}

/* The memory of a machine is given back before the next is built. */
void layer_finish(struct prover *p)
{
    struct extension x = {.p = p};
    if (!p->layers)
        return;
    struct arena *scratch = arena_open_child(p->arena);
    find_characters(&x);
    for (const struct layer_label *l = p->layers; l; l = l->next) {
        struct machine m = {.arena = scratch, .label = l};
        find_bounds(&m, l->guard);
        explore(&m);
        add_machine(&x, &m);
        arena_close(scratch);
    }
    append(&x);
}

/* ---- labels ---- */

void layer_intern_characters(struct regex_pool *pool)
{
    for (int c = 0; c < CHARACTER_COUNT; c++)
        regex_code_point(pool, (unsigned char)characters[c]);
}

/* A label without an expression: the address of an empty one tells it from the others. */
uint32_t layer_pred(struct prover *p, const struct guard *guard, enum subject_kind kind, bool megatron)
{
    static const struct pattern none = {0};
    for (const struct layer_label *l = p->layers; l; l = l->next)
        if (l->kind == kind && l->megatron == megatron && (l->guard && guard ? guard_same(l->guard, guard) : l->guard == guard))
            return l->pred;
    struct regex *identity = ARENA_NEW(p->arena, struct regex);
    struct layer_label *made = ARENA_NEW(p->arena, struct layer_label);
    *identity = *p->program->pools[FIELD_module].never;
    struct guard *copy = guard ? ARENA_NEW(p->arena, struct guard) : NULL;
    if (copy)
        *copy = *guard;
    uint32_t pred = pred_of_label(p->program, FIELD_module, identity, &none, 0, (struct span){0});
    prover_number_label(p, p->program->tests[p->program->preds[pred].a].label);
    *made = (struct layer_label){copy, kind, megatron, pred, p->layers};
    p->layers = made;
    return pred;
}
