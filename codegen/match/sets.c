/* State sets: one step of the subset construction. In: a set of NFA states and a symbol. Out: the next set, ascending, without the
 * background and without idle states. Dropping keeps the outcome: a state whose rules all come behind one that is sure cannot
 * change the first match, and a state below another of its label adds nothing to what that one takes. Both are monotone: what is
 * dropped now could not have mattered later. See sets.h. */
#include "codegen/match/sets.h"

#include <stdlib.h>
#include <string.h>

/* Sets up to this size are sorted by insertion, larger ones through their bits. */
enum { INSERTION_MAX = 16 };

static size_t words_of(uint32_t count)
{
    return ((size_t)count + 63) / 64;
}

/* ---- the background ---- */

static uint32_t class_size(const struct nfa *nfa, uint32_t class)
{
    uint32_t size = 0;
    for (size_t w = 0; w < nfa->class_words; w++)
        size += (uint32_t)__builtin_popcountll(nfa->class_bits[class * nfa->class_words + w]);
    return size;
}

/* Entries of the tables of targets, over all symbols: 16 MB. Heads beyond it are listed in sets like other states. */
enum { TARGETS_MAX = 4 << 20 };

/* Whether the state keeps itself on every symbol (1), on all but newline (2), or not (0). */
static unsigned char find_member(const struct nfa *nfa, uint32_t state, uint32_t newline)
{
    for (uint32_t m = nfa->first_move[state]; m < nfa->first_move[state + 1]; m++) {
        uint32_t size = nfa->moves[m].target == state ? class_size(nfa, nfa->moves[m].symbols) : 0;
        if (size == nfa->alphabet->symbol_count)
            return 1;
        if (size && size + 1 == nfa->alphabet->symbol_count && !nfa_class_has(nfa, nfa->moves[m].symbols, newline))
            return 2;
    }
    return 0;
}

static bool is_background(const struct background *b, uint32_t state, unsigned mode)
{
    return b->member[state] == 1 || (b->member[state] == 2 && mode == 0);
}

/* Counts, or (targets set) enters, what each symbol leads to from the background. */
static void index_targets(struct background *b, const struct nfa *nfa, unsigned mode, uint32_t *counts)
{
    for (uint32_t i = b->start; i < b->start_end; i++) {
        uint32_t state = nfa->starts[i];
        if (!is_background(b, state, mode))
            continue;
        for (uint32_t m = nfa->first_move[state]; m < nfa->first_move[state + 1]; m++) {
            uint32_t target = nfa->moves[m].target;
            for (uint32_t s = 0; s < nfa->alphabet->symbol_count; s++)
                if (nfa_class_has(nfa, nfa->moves[m].symbols, s) && !is_background(b, target, mode || s == b->newline)) {
                    if (b->targets[mode])
                        b->targets[mode][b->first[mode][s] + counts[s]] = target;
                    counts[s]++;
                }
        }
    }
}

/* Counted first, then entered: `counts` serves for both. */
static void index_mode(struct background *b, struct arena *arena, const struct nfa *nfa, unsigned mode)
{
    uint32_t symbols = nfa->alphabet->symbol_count, sum = 0;
    uint32_t *counts = ARENA_ARRAY(arena, symbols, uint32_t);
    index_targets(b, nfa, mode, counts);
    b->first[mode] = ARENA_ARRAY(arena, symbols + 1, uint32_t);
    for (uint32_t s = 0; s < symbols; s++) {
        b->first[mode][s] = sum;
        sum += counts[s];
        counts[s] = 0;
    }
    b->first[mode][symbols] = sum;
    b->targets[mode] = ARENA_ARRAY(arena, sum, uint32_t);
    index_targets(b, nfa, mode, counts);
}

/* A class tells its symbols, or if they are most, those it lacks.
 * Over all moves of a set, symbols whose bit stays 0 are in the same classes: they lead to one set. Taking the smaller side of each
 * class keeps the number of steps small. */
static void add_special(const struct nfa *nfa, uint32_t class, uint64_t *bits)
{
    bool most = 2 * class_size(nfa, class) > nfa->alphabet->symbol_count;
    for (size_t w = 0; w < nfa->class_words; w++) {
        uint64_t own = nfa->class_bits[class * nfa->class_words + w];
        bits[w] |= most ? ~own : own;
    }
}

static void find_special(struct background *b, struct arena *arena, const struct nfa *nfa, unsigned mode)
{
    b->special[mode] = ARENA_ARRAY(arena, nfa->class_words, uint64_t);
    if (b->newline != UINT32_MAX)
        b->special[mode][b->newline / 64] |= (uint64_t)1 << b->newline % 64;
    for (uint32_t i = b->start; i < b->start_end; i++) {
        uint32_t state = nfa->starts[i];
        if (!is_background(b, state, mode))
            continue;
        for (uint32_t m = nfa->first_move[state]; m < nfa->first_move[state + 1]; m++)
            add_special(nfa, nfa->moves[m].symbols, b->special[mode]);
    }
}

/* limit: a head that takes every name makes its rules sure at once, and all behind them idle. */
static void find_ends(struct background *b, struct arena *arena, const struct nfa *nfa, const struct label_use *uses, unsigned mode)
{
    b->ends[mode] = ARENA_ARRAY(arena, nfa->start_count, uint32_t);
    b->limit[mode] = NO_RULE;
    for (uint32_t i = b->start; i < b->start_end; i++) {
        uint32_t state = nfa->starts[i];
        if (!is_background(b, state, mode))
            continue;
        uint32_t label = nfa->label[state];
        if (nfa->flags[state] & NFA_ENDS)
            b->ends[mode][b->end_count[mode]++] = label;
        if (uses && (nfa->flags[state] & NFA_UNIVERSAL) && uses[label].sure < b->limit[mode])
            b->limit[mode] = uses[label].sure;
    }
}

struct background *background_find(struct arena *arena, const struct nfa *nfa, const struct label_use *uses, unsigned first, unsigned last)
{
    struct background *b = ARENA_NEW(arena, struct background);
    b->start = nfa->part_starts[first];
    b->start_end = nfa->part_starts[last + 1];
    uint64_t targets = 0;
    b->member = ARENA_ARRAY(arena, nfa->state_count + 1, unsigned char);
    b->newline = UINT32_MAX;
    uint32_t newline = nfa->alphabet->ascii['\n'];
    for (uint32_t i = b->start; i < b->start_end; i++) {
        uint32_t state = nfa->starts[i];
        unsigned char member = find_member(nfa, state, newline);
        for (uint32_t m = member ? nfa->first_move[state] : 0; member && m < nfa->first_move[state + 1]; m++)
            targets += nfa->moves[m].target == state ? 0 : class_size(nfa, nfa->moves[m].symbols);
        if (!member || targets > TARGETS_MAX)
            continue;
        b->member[state] = member;
        b->newline = member == 2 ? newline : b->newline;
    }
    for (unsigned mode = 0; mode < MODE_COUNT; mode++) {
        index_mode(b, arena, nfa, mode);
        find_ends(b, arena, nfa, uses, mode);
        find_special(b, arena, nfa, mode);
    }
    return b;
}

/* ---- steps ---- */

/* bits: a word for 64 states; summary: a bit for each such word; then marks and the set. */
size_t stepper_size(const struct nfa *nfa)
{
    size_t words = words_of(nfa->state_count + 1);
    return 8 * (words + words_of((uint32_t)words) + 1) + 4 * ((size_t)nfa->group_count + nfa->state_count + 3);
}

void stepper_init(struct stepper *s, const struct nfa *nfa, const struct background *background, const struct label_use *uses, void *memory)
{
    size_t words = words_of(nfa->state_count + 1);
    memset(memory, 0, stepper_size(nfa));
    *s = (struct stepper){.nfa = nfa, .background = background, .uses = uses, .bits = memory};
    s->summary = s->bits + words;
    s->marks = (uint32_t *)(s->summary + words_of((uint32_t)words) + 1);
    s->set = s->marks + nfa->group_count;
}

static void begin(struct stepper *s)
{
    s->count = 0;
    if (!++s->stamp) { /* the stamps wrapped around */
        memset(s->marks, 0, s->nfa->group_count * sizeof *s->marks);
        s->stamp = 1;
    }
}

/* limit falls as universal states are met; idle states are dropped at the end, once it is known. */
static void add(struct stepper *s, uint32_t state, unsigned mode, uint32_t *limit)
{
    uint64_t bit = (uint64_t)1 << state % 64;
    if ((s->bits[state / 64] & bit) || is_background(s->background, state, mode))
        return;
    s->bits[state / 64] |= bit;
    s->marks[s->nfa->group[state]] = s->stamp;
    s->set[s->count++] = state;
    if (s->uses && (s->nfa->flags[state] & NFA_UNIVERSAL) && s->uses[s->nfa->label[state]].sure < *limit)
        *limit = s->uses[s->nfa->label[state]].sure;
}

/* A state whose rules come after one that is sure, or whose names another state of the set takes as well.
 * marks say which groups are in the set, whatever the order they were added in. */
static bool is_idle(const struct stepper *s, uint32_t state, uint32_t limit)
{
    if (s->uses && s->uses[s->nfa->label[state]].first > limit)
        return true;
    for (uint32_t g = s->nfa->above[s->nfa->group[state]]; g != UINT32_MAX; g = s->nfa->above[g])
        if (s->marks[g] == s->stamp)
            return true;
    return false;
}

static int compare_labels(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Ascending, each once; returns how many. */
static uint32_t sort_labels(uint32_t *labels, uint32_t count)
{
    uint32_t kept = 0;
    if (count > 1)
        qsort(labels, count, sizeof *labels, compare_labels);
    for (uint32_t i = 0; i < count; i++)
        if (!kept || labels[kept - 1] != labels[i])
            labels[kept++] = labels[i];
    return kept;
}

static void sort_few(uint32_t *set, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint32_t state = set[i], k = i;
        for (; k && set[k - 1] > state; k--)
            set[k] = set[k - 1];
        set[k] = state;
    }
}

/* The states whose bits are set, in order; found through the words that hold any.
 * One summary bit is 64 states, one summary word 4096. */
static void sort_many(struct stepper *s)
{
    uint32_t count = s->count, n = 0;
    for (uint32_t i = 0; i < count; i++)
        s->summary[s->set[i] / 4096] |= (uint64_t)1 << s->set[i] / 64 % 64;
    for (size_t top = 0; n < count; top++)
        for (uint64_t words = s->summary[top]; words; words &= words - 1) {
            size_t word = top * 64 + (size_t)__builtin_ctzll(words);
            for (uint64_t bits = s->bits[word]; bits; bits &= bits - 1)
                s->set[n++] = (uint32_t)(word * 64 + (size_t)__builtin_ctzll(bits));
        }
    for (uint32_t i = 0; i < count; i++)
        s->summary[s->set[i] / 4096] = 0;
}

/* Bits are cleared through the set's own members, so that a step costs nothing for states it does not touch. */
static void finish(struct stepper *s, unsigned mode, uint32_t limit)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t state = s->set[i];
        if (is_idle(s, state, limit))
            s->bits[state / 64] &= ~((uint64_t)1 << state % 64);
        else
            s->set[kept++] = state;
    }
    s->count = kept;
    if (kept <= INSERTION_MAX)
        sort_few(s->set, kept);
    else
        sort_many(s);
    for (uint32_t i = 0; i < kept; i++)
        s->bits[s->set[i] / 64] = 0;
    if (mode)
        s->set[s->count++] = s->nfa->state_count;
}

static uint32_t first_limit(const struct stepper *s, unsigned mode)
{
    return s->uses ? s->background->limit[mode] : NO_RULE;
}

void stepper_start(struct stepper *s)
{
    uint32_t limit = first_limit(s, 0);
    begin(s);
    for (uint32_t i = s->background->start; i < s->background->start_end; i++)
        add(s, s->nfa->starts[i], 0, &limit);
    finish(s, 0, limit);
}

/* The set's mode; *count becomes that of its states. */
static unsigned split_mode(const struct nfa *nfa, const uint32_t *set, uint32_t *count)
{
    bool after_newline = *count && set[*count - 1] == nfa->state_count;
    *count -= after_newline;
    return after_newline;
}

void stepper_step(struct stepper *s, const uint32_t *set, uint32_t count, uint32_t symbol)
{
    const struct nfa *nfa = s->nfa;
    const struct background *b = s->background;
    unsigned mode = split_mode(nfa, set, &count), next_mode = mode || symbol == b->newline;
    uint32_t limit = first_limit(s, next_mode);
    begin(s);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t m = nfa->first_move[set[i]]; m < nfa->first_move[set[i] + 1]; m++)
            if (nfa_class_has(nfa, nfa->moves[m].symbols, symbol))
                add(s, nfa->moves[m].target, next_mode, &limit);
        s->work += nfa->first_move[set[i] + 1] - nfa->first_move[set[i]];
    }
    for (uint32_t i = b->first[mode][symbol]; i < b->first[mode][symbol + 1]; i++)
        add(s, b->targets[mode][i], next_mode, &limit);
    s->work += s->count + 1;
    finish(s, next_mode, limit);
}

void stepper_special(const struct stepper *s, const uint32_t *set, uint32_t count, uint64_t *bits)
{
    unsigned mode = split_mode(s->nfa, set, &count);
    memcpy(bits, s->background->special[mode], s->nfa->class_words * sizeof *bits);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t m = s->nfa->first_move[set[i]]; m < s->nfa->first_move[set[i] + 1]; m++)
            add_special(s->nfa, s->nfa->moves[m].symbols, bits);
}

/* Labels behind the first sure rule are left out: equal outcomes then are equal lists. */
uint32_t stepper_labels(const struct stepper *s, const uint32_t *set, uint32_t count, uint32_t *labels)
{
    unsigned mode = split_mode(s->nfa, set, &count);
    uint32_t n = 0, kept = 0, limit = first_limit(s, mode);
    for (uint32_t i = 0; i < s->background->end_count[mode]; i++)
        labels[n++] = s->background->ends[mode][i];
    for (uint32_t i = 0; i < count; i++)
        if (s->nfa->flags[set[i]] & NFA_ENDS)
            labels[n++] = s->nfa->label[set[i]];
    for (uint32_t i = 0; s->uses && i < n; i++)
        limit = s->uses[labels[i]].sure < limit ? s->uses[labels[i]].sure : limit;
    for (uint32_t i = 0; i < n; i++)
        if (!(s->uses && s->uses[labels[i]].first > limit))
            labels[kept++] = labels[i];
    return sort_labels(labels, kept);
}

uint32_t set_hash(const uint32_t *set, uint32_t count)
{
    uint64_t hash = count;
    for (uint32_t i = 0; i < count; i++)
        hash = (hash ^ set[i]) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash ^ hash >> 32);
}
