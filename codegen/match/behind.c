/* Contexts: what terms may ask about the text already read. A lookbehind (?<=X) of width w holds at a position when the
 * text that starts w characters before it is in X.*, so a run of X.* starts at every character; after w characters the
 * term that is left says what the rest of the name must match (lookahead inside X makes it more than yes or no).
 * A context is the runs of the last w characters and the bits of the character before. Those of a literal are as many
 * as the states of Knuth, Morris and Pratt. Work counts like that of derivatives. See term.h. */
#include "codegen/match/term.h"

#include <string.h>

/* ---- interning ---- */

static uint32_t hash_context(unsigned bits, const struct look_run *runs, uint32_t count)
{
    uint64_t h = bits + 1;
    for (uint32_t i = 0; i < count; i++) {
        h = (h ^ runs[i].look->id) * 0x9e3779b97f4a7c15u;
        h = (h ^ h >> 32 ^ (uint64_t)runs[i].taken << 32 ^ runs[i].rest) * 0x9e3779b97f4a7c15u;
    }
    return (uint32_t)(h ^ h >> 32);
}

static bool same_runs(const struct look_run *a, const struct look_run *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (a[i].look != b[i].look || a[i].taken != b[i].taken || a[i].rest != b[i].rest)
            return false;
    return true;
}

static void grow_slots(struct terms *t)
{
    t->context_slot_count = t->context_slot_count ? 2 * t->context_slot_count : 256;
    t->context_slots = ARENA_ARRAY(t->arena, t->context_slot_count, uint32_t);
    for (uint32_t i = 0; i < t->context_count; i++) {
        size_t slot = t->contexts[i].hash & (t->context_slot_count - 1);
        while (t->context_slots[slot])
            slot = (slot + 1) & (t->context_slot_count - 1);
        t->context_slots[slot] = i + 1;
    }
}

/* The number of the context; runs are copied. */
static uint32_t intern(struct terms *t, unsigned bits, const struct look_run *runs, uint32_t count)
{
    if (2 * (t->context_count + 1) > t->context_slot_count)
        grow_slots(t);
    uint32_t hash = hash_context(bits, runs, count);
    size_t slot = hash & (t->context_slot_count - 1);
    for (; t->context_slots[slot]; slot = (slot + 1) & (t->context_slot_count - 1)) {
        const struct context *c = &t->contexts[t->context_slots[slot] - 1];
        if (c->bits == bits && c->count == count && same_runs(c->runs, runs, count))
            return t->context_slots[slot] - 1;
    }
    struct context made = {bits, count, hash, count ? ARENA_ARRAY(t->arena, count, struct look_run) : NULL};
    if (count)
        memcpy(made.runs, runs, count * sizeof *runs);
    *ARENA_PUSH(t->arena, t->contexts, t->context_count, t->context_capacity) = made;
    t->context_slots[slot] = (uint32_t)t->context_count;
    t->work += count;
    return (uint32_t)t->context_count - 1;
}

void contexts_init(struct terms *t)
{
    for (unsigned bits = 0; bits < CONTEXT_COUNT; bits++)
        intern(t, bits, NULL, 0);
}

/* ---- the lookbehinds of a field ---- */

/* As regex_look sets it. */
static unsigned bit_of(const struct regex *look)
{
    return look->id % 64;
}

/* A lookbehind of width 0 looks at no character: expand_look treats it as a look-ahead. */
static void collect(struct terms *t, const struct regex *n, bool *seen)
{
    if (!n->behinds)
        return;
    const struct regex *item = n->kind == REGEX_LOOK && n->behind && n->items[0]->longest ? n->items[0] : NULL;
    if (item && !seen[item->id]) {
        struct looks *looks = &t->looks[bit_of(item)];
        *ARENA_PUSH(t->arena, looks->items, looks->count, looks->capacity) = item;
        seen[item->id] = true;
        t->look_count++;
    }
    for (size_t i = 0; i < n->count; i++)
        collect(t, n->items[i], seen);
}

/* behinds stays NULL for fields without lookbehinds, which then pay nothing. */
void contexts_look(struct terms *t, const struct regex *const *roots, size_t count)
{
    bool *seen = NULL;
    for (size_t i = 0; i < count; i++) {
        if (roots[i]->behinds && !seen) {
            seen = ARENA_ARRAY(t->arena, t->pool->node_count, bool);
            t->behinds = ARENA_ARRAY(t->arena, t->count, uint64_t);
            t->behind_capacity = t->count;
        }
        collect(t, roots[i], seen);
    }
}

/* ---- reading contexts ---- */

/* Contexts below CONTEXT_COUNT are numbered by their bits (contexts_init), so bits alone are a context number. */
uint32_t context_seen(struct terms *t, uint32_t context, uint32_t term)
{
    uint64_t behinds = term_behinds(t, term);
    const struct context *c = &t->contexts[context];
    if (!behinds)
        return t->items[term].anchored ? c->bits : 0;
    struct look_run *kept = ARENA_ARRAY(t->arena, c->count, struct look_run);
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->count; i++)
        if (behinds >> bit_of(c->runs[i].look) & 1)
            kept[count++] = c->runs[i];
    return count == c->count ? context : intern(t, c->bits, kept, count);
}

/* A run is found only when it took exactly the lookbehind's width: shorter ones have begun later. */
uint32_t context_holds(const struct terms *t, uint32_t context, const struct regex *look)
{
    const struct context *c = &t->contexts[context];
    for (uint32_t i = 0; i < c->count; i++)
        if (c->runs[i].look == look && c->runs[i].taken == look->longest)
            return c->runs[i].rest;
    return TERM_NONE;
}

/* ---- one character on ---- */

/* What is left of a term after the symbol.
 * Runs are deterministic: all targets of the symbol as one union, so that a context has one run for each beginning. */
static uint32_t advance(struct terms *t, uint32_t term, uint32_t context, uint32_t symbol)
{
    struct derivative d = *term_derive(t, term, context);
    uint32_t left = TERM_NONE;
    for (uint32_t m = 0; m < d.count; m++)
        if (class_bits(&t->classes, d.moves[m].symbols)[symbol / 64] >> symbol % 64 & 1)
            left = term_union(t, left, d.moves[m].target);
    t->work += d.count + 1;
    return left;
}

/* The runs of one lookbehind behind the symbol; returns how many there are in all.
 * A run that has its full width is answered and leaves; one that cannot match any more is dropped. */
static uint32_t step(struct terms *t, const struct regex *look, uint32_t context, uint32_t symbol, struct look_run *runs, uint32_t count)
{
    struct context from = t->contexts[context];
    uint32_t rest = advance(t, term_ending_anyhow(t, look), context, symbol);
    if (rest != TERM_NONE)
        runs[count++] = (struct look_run){look, 1, rest};
    for (uint32_t i = 0; i < from.count; i++) {
        if (from.runs[i].look != look || from.runs[i].taken == look->longest)
            continue;
        rest = advance(t, from.runs[i].rest, context, symbol);
        if (rest != TERM_NONE)
            runs[count++] = (struct look_run){look, from.runs[i].taken + 1, rest};
    }
    return count;
}

/* Only lookbehinds that `term` may still ask about are followed. */
uint32_t context_after(struct terms *t, uint32_t context, uint32_t symbol, uint32_t term)
{
    struct look_run *runs = ARENA_ARRAY(t->arena, t->contexts[context].count + t->look_count, struct look_run);
    uint32_t count = 0;
    for (uint64_t left = term_behinds(t, term); left && !t->exhausted; left &= left - 1) {
        const struct looks *looks = &t->looks[__builtin_ctzll(left)];
        for (size_t i = 0; i < looks->count && !t->exhausted; i++)
            count = step(t, looks->items[i], context, symbol, runs, count);
    }
    return intern(t, t->alphabet->context[symbol], runs, count);
}
