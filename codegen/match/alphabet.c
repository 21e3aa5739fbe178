/* Alphabet: the coarsest partition of the code points that refines every set. In: the sets of a field's patterns and what their
 * conditions ask of the character before. Out: symbols, and for each the context it leaves behind. Partition refinement: cells
 * start as one and are split by each set in turn; two code points are in one cell exactly when no set tells them apart. Time is
 * the sum over the sets of the intervals in each. */
#include "codegen/match/alphabet.h"

#include <stdlib.h>
#include <string.h>
#include "codegen/match/unicode.h"

/* Elementary intervals [starts[i], starts[i + 1]) and the cell each belongs to so far. */
struct partition {
    uint32_t *starts, *cell;
    size_t count;
    uint32_t cell_count;
    uint32_t *members, *hits, *fresh; /* by cell: intervals in it, of those in the set at hand, its new cell */
    uint32_t *split, split_count;     /* the cells the set at hand divides */
};

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Boundaries of all ranges: between two of them no set changes. */
static void find_starts(struct partition *p, struct arena *arena, const struct regex_set *const *sets, size_t count)
{
    size_t total = 1, n = 0;
    for (size_t i = 0; i < count; i++)
        total += 2 * sets[i]->count;
    p->starts = ARENA_ARRAY(arena, total + 1, uint32_t);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sets[i]->count; k++) {
            p->starts[n++] = sets[i]->ranges[k].low;
            p->starts[n++] = sets[i]->ranges[k].high + 1;
        }
    p->starts[n++] = 0;
    qsort(p->starts, n, sizeof *p->starts, compare_numbers);
    for (size_t i = 0; i < n; i++)
        if (p->starts[i] <= CODE_POINT_MAX && (!p->count || p->starts[p->count - 1] != p->starts[i]))
            p->starts[p->count++] = p->starts[i];
    p->starts[p->count] = CODE_POINT_MAX + 1;
}

static size_t find_interval(const struct partition *p, uint32_t start)
{
    size_t low = 0, high = p->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->starts[middle] < start)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Splits every cell into what is in the set and what is not; a cell wholly inside stays. hits counts, by cell, its intervals
 * inside the set; all are 0 again at the end, so that the next set costs its own intervals alone. */
static void refine(struct partition *p, const struct regex_set *set)
{
    for (size_t k = 0; k < set->count; k++)
        for (size_t i = find_interval(p, set->ranges[k].low); p->starts[i] <= set->ranges[k].high; i++)
            p->hits[p->cell[i]]++;
    uint32_t cells = p->cell_count;
    for (size_t k = 0; k < set->count; k++)
        for (size_t i = find_interval(p, set->ranges[k].low); p->starts[i] <= set->ranges[k].high; i++) {
            uint32_t cell = p->cell[i];
            if (cell >= cells || p->hits[cell] == p->members[cell])
                continue;
            if (p->fresh[cell] == UINT32_MAX) {
                p->split[p->split_count++] = cell;
                p->fresh[cell] = p->cell_count;
                p->members[p->cell_count++] = p->hits[cell];
            }
            p->cell[i] = p->fresh[cell];
        }
    for (size_t k = 0; k < set->count; k++)
        for (size_t i = find_interval(p, set->ranges[k].low); p->starts[i] <= set->ranges[k].high; i++)
            p->hits[p->cell[i]] = 0;
    for (uint32_t i = 0; i < p->split_count; i++) {
        uint32_t c = p->split[i];
        p->members[c] -= p->members[p->fresh[c]];
        p->fresh[c] = UINT32_MAX;
        p->hits[c] = 0;
    }
    p->split_count = 0;
}

/* Symbols are numbered by first appearance, which makes ASCII symbols the small ones; neighbouring ranges of one symbol are one. */
static void fill(struct alphabet *a, struct arena *arena, const struct partition *p)
{
    uint32_t *symbol = ARENA_ARRAY(arena, p->cell_count, uint32_t);
    memset(symbol, 0xff, p->cell_count * sizeof *symbol);
    a->ranges = ARENA_ARRAY(arena, p->count, struct alphabet_range);
    for (size_t i = 0; i < p->count; i++) {
        if (symbol[p->cell[i]] == UINT32_MAX)
            symbol[p->cell[i]] = a->symbol_count++;
        uint32_t s = symbol[p->cell[i]], high = p->starts[i + 1] - 1;
        if (a->range_count && a->ranges[a->range_count - 1].symbol == s)
            a->ranges[a->range_count - 1].high = high;
        else
            a->ranges[a->range_count++] = (struct alphabet_range){p->starts[i], high, s};
    }
    for (uint32_t c = 0; c < 128; c++)
        a->ascii[c] = alphabet_symbol(a, c);
    a->context = ARENA_ARRAY(arena, a->symbol_count, unsigned char);
}

void alphabet_of_sets(struct alphabet *a, struct arena *arena, const struct regex_set *const *sets, size_t count)
{
    *a = (struct alphabet){0};
    struct partition p = {0};
    find_starts(&p, arena, sets, count);
    p.cell = ARENA_ARRAY(arena, p.count, uint32_t);
    p.members = ARENA_ARRAY(arena, p.count + 1, uint32_t);
    p.hits = ARENA_ARRAY(arena, p.count + 1, uint32_t);
    p.split = ARENA_ARRAY(arena, p.count + 1, uint32_t);
    p.fresh = ARENA_ARRAY(arena, p.count + 1, uint32_t);
    memset(p.fresh, 0xff, (p.count + 1) * sizeof *p.fresh);
    p.members[0] = (uint32_t)p.count;
    p.cell_count = 1;
    for (size_t i = 0; i < count; i++)
        refine(&p, sets[i]);
    fill(a, arena, &p);
}

/* Ranges cover all code points, so there always is one. */
size_t alphabet_find(const struct alphabet *a, uint32_t c)
{
    size_t low = 0, high = a->range_count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (a->ranges[middle].high < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t alphabet_symbol(const struct alphabet *a, uint32_t c)
{
    return a->ranges[alphabet_find(a, c)].symbol;
}

/* ---- what conditions ask ---- */

/* \A asks for the beginning, which is no character: nothing to tell apart. Conditions at the end look at newline ahead of them, so
 * newline must be a symbol of its own. */
static unsigned find_contexts(const struct regex_pool *pool)
{
    static const unsigned asked[REGEX_ASSERT_COUNT] = {
        [REGEX_ASSERT_begin] = 0,
        [REGEX_ASSERT_segment_begin] = CONTEXT_DOT,
        [REGEX_ASSERT_segment_line_begin] = CONTEXT_DOT | CONTEXT_NEWLINE,
        [REGEX_ASSERT_end] = 0,
        [REGEX_ASSERT_end_or_newline] = CONTEXT_NEWLINE,
        [REGEX_ASSERT_line_begin] = CONTEXT_NEWLINE,
        [REGEX_ASSERT_line_end] = CONTEXT_NEWLINE,
        [REGEX_ASSERT_word] = CONTEXT_WORD,
        [REGEX_ASSERT_not_word] = CONTEXT_WORD,
        [REGEX_ASSERT_ascii_word] = CONTEXT_ASCII_WORD,
        [REGEX_ASSERT_ascii_not_word] = CONTEXT_ASCII_WORD,
    };
    unsigned contexts = 0;
    for (size_t i = 0; i < pool->node_slots; i++)
        for (const struct regex *n = pool->nodes[i]; n; n = n->chain)
            if (n->kind == REGEX_ASSERT)
                contexts |= asked[n->assert];
    return contexts;
}

static const struct code_range newline_range[] = {{'\n', '\n'}}, dot_range[] = {{'.', '.'}};

/* A range's symbols are alike, so its first code point speaks for it. */
static void mark_context(struct alphabet *a, unsigned bit, const struct code_range *ranges, size_t count)
{
    for (size_t i = 0; i < a->range_count; i++)
        if (ranges_have(ranges, count, a->ranges[i].low))
            a->context[a->ranges[i].symbol] |= (unsigned char)bit;
}

/* Only sets that a node has: the pool also interned those of `used`, which would split for nothing. */
void alphabet_build(struct alphabet *a, struct arena *arena, const struct regex_pool *pool)
{
    size_t word_count, ascii_count, count = 0;
    const struct code_range *word = unicode_ranges(UNICODE_WORD, &word_count), *ascii = ascii_ranges(UNICODE_WORD, &ascii_count);
    const struct { unsigned bit; struct regex_set set; } asked[] = {
        {CONTEXT_NEWLINE, {.ranges = newline_range, .count = 1}},
        {CONTEXT_WORD, {.ranges = word, .count = word_count}},
        {CONTEXT_ASCII_WORD, {.ranges = ascii, .count = ascii_count}},
        {CONTEXT_DOT, {.ranges = dot_range, .count = 1}},
    };
    enum { ASKED = sizeof asked / sizeof *asked };
    unsigned contexts = find_contexts(pool);
    const struct regex_set **sets = ARENA_ARRAY(arena, pool->set_count + ASKED, const struct regex_set *);
    bool *used = ARENA_ARRAY(arena, pool->set_count, bool);
    for (size_t i = 0; i < pool->node_slots; i++)
        for (const struct regex *n = pool->nodes[i]; n; n = n->chain)
            if (n->kind == REGEX_SET)
                used[n->set->id] = true;
    for (size_t i = 0; i < pool->set_count; i++)
        if (used[i])
            sets[count++] = pool->set_list[i];
    for (size_t i = 0; i < ASKED; i++)
        if (contexts & asked[i].bit)
            sets[count++] = &asked[i].set;
    alphabet_of_sets(a, arena, sets, count);
    for (size_t i = 0; i < ASKED; i++)
        if (contexts & asked[i].bit)
            mark_context(a, asked[i].bit, asked[i].set.ranges, asked[i].set.count);
}
