/* NFA: closing terms under derivatives, dropping what cannot end, numbering. In: a regex for each label. Out: states over symbols;
 * a name has label L exactly when a run from a start ends in a state of L that may end. A state is a term in the
 * context that it can tell, so conditions cost states only where they are used. Work is bounded for each label and for all
 * (struct nfa_limits): the culprit of an explosion can be named. See nfa.h. */
#include "codegen/match/nfa.h"

#include <stdlib.h>
#include <string.h>
#include "codegen/match/share.h"

/* States found so far, in the order found: a term after a context (0 where it does not matter). Their moves stand in that order. */
struct found {
    uint32_t term, context;
    uint32_t first_move;
    bool ends, alive;
};
struct builder {
    struct arena *arena, *scratch; /* for the NFA; for all else */
    struct terms terms;
    struct found *states;
    size_t state_count, state_capacity;
    struct move *moves;
    size_t move_count, move_capacity;
    uint32_t *slots; /* state number + 1 */
    size_t slot_count;
    unsigned contexts[CONTEXT_COUNT]; /* that symbols leave behind */
    uint32_t context_class[CONTEXT_COUNT];
    size_t context_count;
};

static size_t find_slot(const struct builder *b, uint32_t term, uint32_t context)
{
    uint64_t h = (((uint64_t)context << 32 | term) + 1) * 0x9e3779b97f4a7c15u;
    size_t slot = (size_t)(h >> 32) & (b->slot_count - 1);
    while (b->slots[slot] && (b->states[b->slots[slot] - 1].term != term || b->states[b->slots[slot] - 1].context != context))
        slot = (slot + 1) & (b->slot_count - 1);
    return slot;
}

static void grow_slots(struct builder *b)
{
    arena_release(b->scratch, b->slots, b->slot_count * sizeof *b->slots);
    b->slot_count = b->slot_count ? 2 * b->slot_count : 1024;
    b->slots = ARENA_ARRAY(b->scratch, b->slot_count, uint32_t);
    for (uint32_t i = 0; i < b->state_count; i++)
        b->slots[find_slot(b, b->states[i].term, b->states[i].context)] = i + 1;
}

/* The context is reduced first: two contexts that the term cannot tell apart are one state. */
static uint32_t add_state(struct builder *b, uint32_t term, uint32_t context)
{
    context = context_seen(&b->terms, context, term);
    if (4 * (b->state_count + 1) > 3 * b->slot_count)
        grow_slots(b);
    size_t slot = find_slot(b, term, context);
    if (!b->slots[slot]) {
        *ARENA_PUSH(b->scratch, b->states, b->state_count, b->state_capacity) = (struct found){.term = term, .context = context};
        b->slots[slot] = (uint32_t)b->state_count;
    }
    return b->slots[slot] - 1;
}

/* Which of the bits' combinations occur, and the symbols that leave each. */
static void find_contexts(struct builder *b)
{
    const struct alphabet *a = b->terms.alphabet;
    uint64_t *bits = ARENA_ARRAY(b->scratch, b->terms.classes.words, uint64_t);
    for (unsigned context = 0; context < CONTEXT_COUNT; context++) {
        bool any = false;
        memset(bits, 0, b->terms.classes.words * sizeof *bits);
        for (uint32_t s = 0; s < a->symbol_count; s++)
            if (a->context[s] == context) {
                bits[s / 64] |= (uint64_t)1 << s % 64;
                any = true;
            }
        if (!any)
            continue;
        b->contexts[b->context_count] = context;
        b->context_class[b->context_count++] = class_intern(&b->terms, bits);
    }
}

static void add_move(struct builder *b, uint32_t symbols, uint32_t state)
{
    *ARENA_PUSH(b->scratch, b->moves, b->move_count, b->move_capacity) = (struct move){symbols, state};
}

/* A term that begins with a set, as nearly all do, has that one move. */
static struct derivative derive(struct builder *b, uint32_t state, struct move *only)
{
    uint32_t term = b->states[state].term;
    const struct regex *node = b->terms.items[term].kind == TERM_CAT ? term_node(&b->terms, term) : NULL;
    if (!node || node->kind != REGEX_SET)
        return term_derive_once(&b->terms, term, b->states[state].context);
    *only = (struct move){class_of_set(&b->terms, node->set), b->terms.items[term].b};
    return (struct derivative){.moves = only, .count = 1};
}

/* A move to a term with lookbehinds: to one state for each context its symbols leave. */
static void add_moves_behind(struct builder *b, uint32_t context, uint32_t symbols, uint32_t target)
{
    struct terms *t = &b->terms;
    uint32_t count = t->alphabet->symbol_count, *after = ARENA_ARRAY(b->scratch, count, uint32_t);
    for (uint32_t s = 0; s < count; s++) {
        bool taken = class_bits(&t->classes, symbols)[s / 64] >> s % 64 & 1;
        after[s] = taken && !t->exhausted ? context_after(t, context, s, target) : UINT32_MAX;
        t->exhausted |= t->work > t->work_limit;
    }
    for (uint32_t s = 0; s < count; s++) {
        uint32_t found = after[s];
        if (found == UINT32_MAX)
            continue;
        add_move(b, class_where(t, after, found), add_state(b, target, found));
        for (uint32_t k = s; k < count; k++)
            after[k] = after[k] == found ? UINT32_MAX : after[k];
    }
}

/* A move from this context; to an anchored term, one for each context the symbols leave. */
static void add_moves(struct builder *b, uint32_t context, uint32_t symbols, uint32_t target)
{
    if (term_behinds(&b->terms, target)) {
        add_moves_behind(b, context, symbols, target);
        return;
    }
    if (!b->terms.items[target].anchored) {
        add_move(b, symbols, add_state(b, target, 0));
        return;
    }
    for (size_t k = 0; k < b->context_count; k++) {
        uint32_t own = class_meet(&b->terms, symbols, b->context_class[k]);
        if (own != CLASS_NONE)
            add_move(b, own, add_state(b, target, b->contexts[k]));
    }
}

/* The moves of one state. A fork that is not plain is a state for each of its alternatives. */
static void explore(struct builder *b, uint32_t state)
{
    struct move only;
    struct derivative d = derive(b, state, &only);
    uint32_t first = (uint32_t)b->move_count;
    for (uint32_t m = 0; m < d.count; m++) {
        const struct term *target = &b->terms.items[d.moves[m].target];
        struct fork fork = target->kind == TERM_FORK ? b->terms.forks[target->a] : (struct fork){.plain = true};
        uint32_t context = b->states[state].context;
        if (fork.plain)
            add_moves(b, context, d.moves[m].symbols, d.moves[m].target);
        for (uint32_t i = 0; !fork.plain && i < fork.count; i++)
            add_moves(b, context, d.moves[m].symbols, b->terms.alternatives[fork.first + i]);
    }
    b->states[state].ends = d.ends;
    b->states[state].first_move = first;
    b->terms.work += b->move_count - first;
}

/* Behind the state's last move, once all are explored. */
static uint32_t move_end(const struct builder *b, uint32_t state)
{
    return state + 1 < b->state_count ? b->states[state + 1].first_move : (uint32_t)b->move_count;
}

/* The terms with which labels begin when nothing is shared, by label. */
static uint32_t *list_labels(struct terms *t, const struct regex *const *roots, uint32_t label_count, uint32_t *start_count)
{
    uint32_t *starts = ARENA_ARRAY(t->arena, label_count, uint32_t);
    for (uint32_t label = 0; label < label_count; label++)
        starts[label] = term_cat(t, roots[label], term_of_label(t, label));
    *start_count = label_count;
    return starts;
}

/* Every state, each label's within its share of work; what is shared counts for its least label. False: *culprit went
 * beyond it.
 * States are explored in the order found, and a state's moves are a run of b->moves: no list of them is needed. */
static bool explore_all(struct builder *b, uint32_t label_count, const struct nfa_limits *limits, uint32_t *culprit)
{
    uint64_t *spent = ARENA_ARRAY(b->scratch, label_count, uint64_t);
    for (uint32_t state = 0; state < b->state_count; state++) {
        uint32_t label = b->terms.items[b->states[state].term].label;
        uint64_t before = b->terms.work, limit = before + limits->label_work - spent[label];
        b->terms.work_limit = limit < limits->total_work ? limit : limits->total_work;
        explore(b, state);
        spent[label] += b->terms.work - before;
        *culprit = b->terms.work > limits->total_work ? UINT32_MAX : label;
        if (b->terms.exhausted || b->terms.work > b->terms.work_limit)
            return false;
    }
    return true;
}

/* ---- what can still end ---- */

/* Marks every state from which a label is reached: backwards over the moves. */
static void mark_alive(struct builder *b)
{
    uint32_t n = (uint32_t)b->state_count, count = 0;
    struct arena *own = arena_open_child(b->scratch);
    uint32_t *first = ARENA_ARRAY(own, n + 1, uint32_t), *sources = ARENA_ARRAY(own, b->move_count + 1, uint32_t);
    uint32_t *work = ARENA_ARRAY(own, n + 1, uint32_t);
    for (size_t m = 0; m < b->move_count; m++)
        first[b->moves[m].target]++;
    for (uint32_t s = 0, sum = 0; s <= n; s++) {
        sum += s < n ? first[s] : 0;
        first[s] = sum;
    }
    for (uint32_t s = 0; s < n; s++)
        for (uint32_t m = b->states[s].first_move; m < move_end(b, s); m++)
            sources[--first[b->moves[m].target]] = s;
    for (uint32_t s = 0; s < n; s++)
        if (b->states[s].ends)
            b->states[work[count++] = s].alive = true;
    while (count) {
        uint32_t s = work[--count];
        for (uint32_t i = first[s]; i < first[s + 1]; i++)
            if (!b->states[sources[i]].alive)
                b->states[work[count++] = sources[i]].alive = true;
    }
    arena_close(own);
}

/* ---- the result ---- */

/* above is carried over to groups; terms that are no state (or dead) are passed over on the way up. */
static void number_groups(struct nfa *nfa, struct builder *b, const uint32_t *numbers)
{
    uint32_t *group = ARENA_ARRAY(b->scratch, b->terms.count, uint32_t);
    memset(group, 0xff, b->terms.count * sizeof *group);
    for (size_t s = 0; s < b->state_count; s++) {
        if (!b->states[s].alive)
            continue;
        uint32_t *g = &group[b->states[s].term];
        *g = *g == UINT32_MAX ? nfa->group_count++ : *g;
        nfa->group[numbers[s]] = *g;
    }
    nfa->above = ARENA_ARRAY(b->arena, nfa->group_count, uint32_t);
    for (uint32_t term = 0; term < b->terms.count; term++) {
        if (group[term] == UINT32_MAX)
            continue;
        uint32_t above = b->terms.items[term].above;
        while (above != TERM_NONE && group[above] == UINT32_MAX)
            above = b->terms.items[above].above;
        nfa->above[group[term]] = above == TERM_NONE ? UINT32_MAX : group[above];
    }
}

/* Moves to dead states go: a set of states never lists what cannot end. */
static void copy_moves(struct nfa *nfa, const struct builder *b, const uint32_t *numbers)
{
    uint32_t count = 0;
    for (uint32_t s = 0; s < b->state_count; s++) {
        const struct found *f = &b->states[s];
        if (!f->alive)
            continue;
        nfa->first_move[numbers[s]] = count;
        for (uint32_t m = f->first_move; m < move_end(b, s); m++)
            if (b->states[b->moves[m].target].alive)
                nfa->moves[count++] = (struct move){b->moves[m].symbols, numbers[b->moves[m].target]};
        const struct term *term = &b->terms.items[f->term];
        nfa->label[numbers[s]] = term->label;
        nfa->flags[numbers[s]] = (unsigned char)((f->ends ? NFA_ENDS : 0) | (term->universal ? NFA_UNIVERSAL : 0));
    }
    nfa->first_move[nfa->state_count] = count;
}

/* The states from which names begin, in order; in their labels' order when each label has its own. ends[part]: how many there
 * are up to that part's. */
static struct nfa *finish(struct builder *b, const uint32_t *starts, const uint32_t *ends, uint32_t label_count, bool apart)
{
    struct nfa *nfa = ARENA_NEW(b->arena, struct nfa);
    *nfa = (struct nfa){.alphabet = b->terms.alphabet, .label_count = label_count};
    uint32_t *numbers = ARENA_ARRAY(b->scratch, b->state_count + 1, uint32_t);
    for (size_t s = 0; s < b->state_count; s++)
        numbers[s] = b->states[s].alive ? nfa->state_count++ : UINT32_MAX;
    nfa->starts = ARENA_ARRAY(b->arena, ends[PARTS_MAX - 1], uint32_t);
    for (uint32_t i = 0, part = 0; part < PARTS_MAX; nfa->part_starts[++part] = nfa->start_count)
        for (; i < ends[part]; i++) {
            uint32_t start = starts[i] == UINT32_MAX ? UINT32_MAX : numbers[starts[i]];
            if (apart || start != UINT32_MAX)
                nfa->starts[nfa->start_count++] = start;
        }
    nfa->first_move = ARENA_ARRAY(b->arena, nfa->state_count + 1, uint32_t);
    nfa->moves = ARENA_ARRAY(b->arena, b->move_count, struct move);
    nfa->label = ARENA_ARRAY(b->arena, nfa->state_count, uint32_t);
    nfa->flags = ARENA_ARRAY(b->arena, nfa->state_count, unsigned char);
    nfa->group = ARENA_ARRAY(b->arena, nfa->state_count, uint32_t);
    copy_moves(nfa, b, numbers);
    number_groups(nfa, b, numbers);
    const struct classes *c = &b->terms.classes;
    nfa->class_words = c->words;
    nfa->class_count = c->count;
    nfa->class_bits = arena_grow(b->arena, c->bits, c->count * c->words, c->count * c->words, sizeof *c->bits);
    return nfa;
}

/* Where every part's names begin, one part after the other; states, or UINT32_MAX for a label that matches nothing. */
static uint32_t *begin(struct builder *b, const struct regex *const *roots, uint32_t label_count, const struct nfa_limits *limits, uint32_t *ends)
{
    uint32_t *starts = NULL;
    size_t start_count = 0, capacity = 0;
    for (unsigned part = 0; part < PARTS_MAX; part++) {
        uint32_t count = 0, *terms = NULL;
        if (!limits->apart)
            terms = share_labels(&b->terms, roots, limits->parts, part, label_count, &count);
        else if (!part)
            terms = list_labels(&b->terms, roots, label_count, &count);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t start = terms[i] == TERM_NONE ? UINT32_MAX : add_state(b, terms[i], CONTEXT_BEGIN);
            *ARENA_PUSH(b->scratch, starts, start_count, capacity) = start;
        }
        ends[part] = (uint32_t)start_count;
    }
    return starts;
}

struct nfa *nfa_build(struct arena *arena, struct arena *scratch, struct regex_pool *pool, const struct alphabet *alphabet,
                      const struct regex *const *roots, uint32_t label_count, const struct nfa_limits *limits, uint32_t *culprit)
{
    struct builder b = {.arena = arena, .scratch = arena_open_child(scratch)};
    terms_init(&b.terms, b.scratch, pool, alphabet);
    find_contexts(&b);
    contexts_look(&b.terms, roots, label_count);
    uint32_t ends[PARTS_MAX], *starts = begin(&b, roots, label_count, limits, ends);
    if (!explore_all(&b, label_count, limits, culprit))
        return NULL;
    arena_release(b.scratch, b.slots, b.slot_count * sizeof *b.slots);
    terms_settle(&b.terms);
    mark_alive(&b);
    struct nfa *nfa = finish(&b, starts, ends, label_count, limits->apart);
    arena_close(b.scratch);
    return nfa;
}
