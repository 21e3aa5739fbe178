/* Minimising: Hopcroft's partition refinement (An n log n algorithm for minimizing states in a finite automaton, 1971), then
 * canonical numbers and classes of symbols. In: a complete automaton with an outcome for each state. Out: the least one with the
 * same outcomes, the same for equal languages whatever it came from. O(symbols · states · log states). See dfa.h. */
#include <string.h>
#include "codegen/match/dfa.h"

/* Blocks are runs of `order`; position[s] is where state s stands; the first marked[b] of a block are marked. */
struct partition {
    uint32_t *order, *position, *block;
    uint32_t *first, *size, *marked; /* by block */
    uint32_t block_count;
    uint32_t *touched, touched_count;
    uint32_t *queue, queue_count; /* blocks still to split others by */
    bool *queued;
};

/* By symbol: the states that go to each state, as runs of `sources`. */
struct inverse {
    uint32_t *first, *sources;
};

/* A counting sort of all moves by (target, symbol). */
static struct inverse invert(const struct raw_dfa *raw, struct arena *arena)
{
    size_t n = raw->state_count, width = raw->alphabet->symbol_count;
    struct inverse inverse = {ARENA_ARRAY(arena, n * width + 1, uint32_t), ARENA_ARRAY(arena, n * width + 1, uint32_t)};
    for (size_t i = 0; i < n * width; i++)
        inverse.first[(size_t)raw->next[i] * width + i % width]++;
    uint32_t sum = 0;
    for (size_t i = 0; i <= n * width; i++) {
        sum += i < n * width ? inverse.first[i] : 0;
        inverse.first[i] = sum;
    }
    for (size_t i = n * width; i--;)
        inverse.sources[--inverse.first[(size_t)raw->next[i] * width + i % width]] = (uint32_t)(i / width);
    return inverse;
}

/* One block for each outcome. */
static void partition_init(struct partition *p, const struct raw_dfa *raw, struct arena *arena)
{
    uint32_t n = (uint32_t)raw->state_count, outcomes = 0;
    for (uint32_t s = 0; s < n; s++)
        outcomes = raw->outcome[s] >= outcomes ? raw->outcome[s] + 1 : outcomes;
    uint32_t *block_of = ARENA_ARRAY(arena, outcomes, uint32_t), **all[] = {&p->order, &p->position, &p->block, &p->first, &p->size,
                                                                             &p->marked, &p->touched, &p->queue};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        *all[i] = ARENA_ARRAY(arena, n + 1, uint32_t);
    p->queued = ARENA_ARRAY(arena, n + 1, bool);
    for (uint32_t s = 0; s < n; s++) {
        uint32_t *b = &block_of[raw->outcome[s]];
        *b = *b ? *b : ++p->block_count;
        p->block[s] = *b - 1;
        p->size[*b - 1]++;
    }
    for (uint32_t b = 1; b < p->block_count; b++)
        p->first[b] = p->first[b - 1] + p->size[b - 1];
    for (uint32_t s = 0; s < n; s++) {
        uint32_t b = p->block[s], at = p->first[b] + p->marked[b]++;
        p->order[at] = s;
        p->position[s] = at;
    }
    for (uint32_t b = 0; b < p->block_count; b++) {
        p->marked[b] = 0;
        p->queue[p->queue_count++] = b;
        p->queued[b] = true;
    }
}

/* Swaps the state to the end of its block's marked part: a block is never searched. */
static void mark(struct partition *p, uint32_t state)
{
    uint32_t b = p->block[state], to = p->first[b] + p->marked[b], at = p->position[state];
    if (at < to)
        return;
    if (!p->marked[b]++)
        p->touched[p->touched_count++] = b;
    uint32_t other = p->order[to];
    p->order[to] = state;
    p->order[at] = other;
    p->position[state] = to;
    p->position[other] = at;
}

static void enqueue(struct partition *p, uint32_t block)
{
    if (!p->queued[block])
        p->queue[p->queue_count++] = block;
    p->queued[block] = true;
}

/* Marked and unmarked states part; the smaller part gets the new number. */
static void split_touched(struct partition *p)
{
    while (p->touched_count) {
        uint32_t b = p->touched[--p->touched_count], marked = p->marked[b];
        p->marked[b] = 0;
        if (marked == p->size[b])
            continue;
        uint32_t fresh = p->block_count++;
        bool front = marked <= p->size[b] - marked;
        p->first[fresh] = front ? p->first[b] : p->first[b] + marked;
        p->size[fresh] = front ? marked : p->size[b] - marked;
        p->first[b] += front ? marked : 0;
        p->size[b] -= p->size[fresh];
        for (uint32_t i = 0; i < p->size[fresh]; i++)
            p->block[p->order[p->first[fresh] + i]] = fresh;
        enqueue(p, fresh); /* if b is still queued both are; else the smaller one is enough */
    }
}

/* The splitter's members are copied: the block itself may be split while it splits. */
static void refine(struct partition *p, const struct raw_dfa *raw, const struct inverse *inverse, struct arena *arena)
{
    size_t width = raw->alphabet->symbol_count;
    uint32_t *splitter = ARENA_ARRAY(arena, raw->state_count + 1, uint32_t);
    while (p->queue_count) {
        uint32_t b = p->queue[--p->queue_count], size = p->size[b];
        p->queued[b] = false;
        memcpy(splitter, p->order + p->first[b], size * sizeof *splitter);
        for (size_t symbol = 0; symbol < width; symbol++) {
            for (uint32_t i = 0; i < size; i++) {
                size_t row = (size_t)splitter[i] * width + symbol;
                for (uint32_t k = inverse->first[row]; k < inverse->first[row + 1]; k++)
                    mark(p, inverse->sources[k]);
            }
            split_touched(p);
        }
    }
}

/* ---- canonical form ---- */

/* Blocks in breadth-first order from the start, by ascending symbol; numbers[block] is its place. */
static uint32_t number_blocks(const struct partition *p, const struct raw_dfa *raw, uint32_t *numbers, uint32_t *members)
{
    size_t width = raw->alphabet->symbol_count;
    uint32_t count = 0;
    memset(numbers, 0xff, p->block_count * sizeof *numbers);
    numbers[p->block[0]] = count;
    members[count++] = 0;
    for (uint32_t i = 0; i < count; i++)
        for (size_t symbol = 0; symbol < width; symbol++) {
            uint32_t state = raw->next[(size_t)members[i] * width + symbol], b = p->block[state];
            if (numbers[b] == UINT32_MAX) {
                numbers[b] = count;
                members[count++] = state;
            }
        }
    return count;
}

/* Symbols that every state treats alike are one class. The class of each symbol; returns how many.
 * By hash first; equal hashes are compared column by column. */
static uint32_t merge_symbols(const struct raw_dfa *raw, const struct partition *p, const uint32_t *members, uint32_t count,
                              uint32_t *class, struct arena *arena)
{
    uint32_t width = raw->alphabet->symbol_count, classes = 0;
    uint64_t *hash = ARENA_ARRAY(arena, width, uint64_t);
    uint32_t *leader = ARENA_ARRAY(arena, width, uint32_t);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t s = 0; s < width; s++)
            hash[s] = (hash[s] ^ p->block[raw->next[(size_t)members[i] * width + s]]) * 0x9e3779b97f4a7c15u + (hash[s] >> 29);
    for (uint32_t s = 0; s < width; s++) {
        uint32_t k = 0;
        for (; k < classes; k++) {
            bool same = hash[leader[k]] == hash[s];
            for (uint32_t i = 0; same && i < count; i++) {
                const uint32_t *row = raw->next + (size_t)members[i] * width;
                same = p->block[row[s]] == p->block[row[leader[k]]];
            }
            if (same)
                break;
        }
        if (k == classes)
            leader[classes++] = s;
        class[s] = k;
    }
    return classes;
}

/* Neighbouring ranges whose symbols became one class are one range. */
static void copy_alphabet(struct dfa *dfa, const struct alphabet *a, const uint32_t *class, struct arena *arena)
{
    dfa->ranges = ARENA_ARRAY(arena, a->range_count, struct alphabet_range);
    for (size_t i = 0; i < a->range_count; i++) {
        struct alphabet_range r = {a->ranges[i].low, a->ranges[i].high, class[a->ranges[i].symbol]};
        if (dfa->range_count && dfa->ranges[dfa->range_count - 1].symbol == r.symbol)
            dfa->ranges[dfa->range_count - 1].high = r.high;
        else
            dfa->ranges[dfa->range_count++] = r;
    }
}

struct dfa *dfa_minimise(const struct raw_dfa *raw, struct arena *arena, struct arena *scratch)
{
    struct partition p = {0};
    struct inverse inverse = invert(raw, scratch);
    partition_init(&p, raw, scratch);
    refine(&p, raw, &inverse, scratch);
    uint32_t *numbers = ARENA_ARRAY(scratch, p.block_count, uint32_t), *members = ARENA_ARRAY(scratch, p.block_count, uint32_t);
    uint32_t width = raw->alphabet->symbol_count, *class = ARENA_ARRAY(scratch, width, uint32_t);
    struct dfa *dfa = ARENA_NEW(arena, struct dfa);
    dfa->state_count = number_blocks(&p, raw, numbers, members);
    dfa->class_count = merge_symbols(raw, &p, members, dfa->state_count, class, scratch);
    copy_alphabet(dfa, raw->alphabet, class, arena);
    dfa_make_rows(dfa, arena);
    dfa_index_bytes(dfa);
    for (uint32_t i = 0; i < dfa->state_count; i++) {
        for (uint32_t s = 0; s < width; s++)
            dfa_row(dfa, i)[class[s]] = dfa_place(dfa, numbers[p.block[raw->next[(size_t)members[i] * width + s]]]);
        *dfa_outcome(dfa, i) = raw->outcome[members[i]];
    }
    return dfa;
}
