/* State sets. See sets.h. */
#include "codegen/match/sets.h"

#include <string.h>

enum { INSERTION_MAX = 16 };

static size_t words_of(uint32_t count)
{
    return ((size_t)count + 63) / 64;
}

size_t stepper_size(const struct nfa *nfa)
{
    size_t words = words_of(nfa->state_count);
    return 8 * (words + words_of((uint32_t)words) + 1) + 4 * ((size_t)nfa->group_count + nfa->state_count + 2);
}

void stepper_init(struct stepper *s, const struct nfa *nfa, const struct label_use *uses, void *memory)
{
    size_t words = words_of(nfa->state_count);
    memset(memory, 0, stepper_size(nfa));
    *s = (struct stepper){.nfa = nfa, .uses = uses, .bits = memory};
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

static void add(struct stepper *s, uint32_t state, uint32_t *limit)
{
    uint64_t bit = (uint64_t)1 << state % 64;
    if (s->bits[state / 64] & bit)
        return;
    s->bits[state / 64] |= bit;
    s->marks[s->nfa->group[state]] = s->stamp;
    s->set[s->count++] = state;
    if (s->uses && (s->nfa->flags[state] & NFA_UNIVERSAL) && s->uses[s->nfa->label[state]].sure < *limit)
        *limit = s->uses[s->nfa->label[state]].sure;
}

/* A state whose rules come after one that is sure, or whose names another state of the set takes as well. */
static bool is_idle(const struct stepper *s, uint32_t state, uint32_t limit)
{
    if (s->uses && s->uses[s->nfa->label[state]].first > limit)
        return true;
    for (uint32_t g = s->nfa->above[s->nfa->group[state]]; g != UINT32_MAX; g = s->nfa->above[g])
        if (s->marks[g] == s->stamp)
            return true;
    return false;
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

/* The states whose bits are set, in order; found through the words that hold any. */
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

static void finish(struct stepper *s, uint32_t limit)
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
}

void stepper_start(struct stepper *s)
{
    uint32_t limit = NO_RULE;
    begin(s);
    for (uint32_t l = 0; l < s->nfa->label_count; l++)
        if (s->nfa->starts[l] != UINT32_MAX)
            add(s, s->nfa->starts[l], &limit);
    finish(s, limit);
}

void stepper_step(struct stepper *s, const uint32_t *set, uint32_t count, uint32_t symbol)
{
    const struct nfa *nfa = s->nfa;
    uint32_t limit = NO_RULE;
    begin(s);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t m = nfa->first_move[set[i]]; m < nfa->first_move[set[i] + 1]; m++)
            if (nfa_class_has(nfa, nfa->moves[m].symbols, symbol))
                add(s, nfa->moves[m].target, &limit);
    s->work += count + s->count;
    finish(s, limit);
}

uint32_t stepper_labels(const struct stepper *s, const uint32_t *set, uint32_t count, uint32_t *labels)
{
    uint32_t n = 0, limit = NO_RULE, kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (s->nfa->flags[set[i]] & NFA_ENDS) {
            labels[n++] = s->nfa->label[set[i]];
            if (s->uses && s->uses[labels[n - 1]].sure < limit)
                limit = s->uses[labels[n - 1]].sure;
        }
    if (n <= INSERTION_MAX || s->nfa->label_count > 1)
        sort_few(labels, n); /* states are numbered label by label, so this is one pass */
    for (uint32_t i = 0; i < n; i++)
        if ((!kept || labels[kept - 1] != labels[i]) && !(s->uses && s->uses[labels[i]].first > limit))
            labels[kept++] = labels[i];
    return kept;
}

uint32_t set_hash(const uint32_t *set, uint32_t count)
{
    uint64_t hash = count;
    for (uint32_t i = 0; i < count; i++)
        hash = (hash ^ set[i]) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash ^ hash >> 32);
}
