/* Regex nodes: hash-consing and the canonical forms. In: nodes and items of one pool. Out: the one node of that form, with what
 * parsing and building ask of every node: lengths, whether it may be empty, what it looks at behind it, the code points it uses.
 * Rule: the language of re.fullmatch of Python 3.11; canonical forms keep it, and the order of alternatives where ATOMIC may see
 * it. */
#include "codegen/match/regex.h"

#include <string.h>

enum { SLOTS_FIRST = 256 };

static uint32_t mix(uint32_t hash, uint64_t value)
{
    uint64_t h = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h ^ h >> 32);
}

/* Lengths saturate at UINT64_MAX: nested repeats pass any number. */
static uint64_t add_sizes(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t multiply_sizes(uint64_t a, uint64_t b)
{
    return a && b > UINT64_MAX / a ? UINT64_MAX : a * b;
}

/* ---- sets ---- */

/* Chains hold as many sets as there are slots, on average one each. */
static void grow_sets(struct regex_pool *pool)
{
    size_t slots = pool->set_slots ? 2 * pool->set_slots : SLOTS_FIRST;
    pool->sets = ARENA_ARRAY(pool->arena, slots, struct regex_set *);
    pool->set_slots = slots;
    for (size_t i = 0; i < pool->set_count; i++) {
        struct regex_set *set = pool->set_list[i], **slot = &pool->sets[set->hash & (slots - 1)];
        set->chain = *slot;
        *slot = set;
    }
}

const struct regex_set *regex_set_intern(struct regex_pool *pool, const struct charset *set)
{
    uint32_t hash = 1;
    for (size_t i = 0; i < set->count; i++)
        hash = mix(hash, (uint64_t)set->ranges[i].low << 32 | set->ranges[i].high);
    if (pool->set_count >= pool->set_slots)
        grow_sets(pool);
    struct regex_set **slot = &pool->sets[hash & (pool->set_slots - 1)];
    for (struct regex_set *s = *slot; s; s = s->chain)
        if (s->hash == hash && s->count == set->count && (!s->count || !memcmp(s->ranges, set->ranges, s->count * sizeof *s->ranges)))
            return s;
    struct regex_set *made = ARENA_NEW(pool->arena, struct regex_set);
    struct code_range *ranges = arena_grow(pool->arena, set->ranges, set->count, set->count, sizeof *ranges);
    *made = (struct regex_set){ranges, set->count, (uint32_t)pool->set_count, hash, *slot};
    *slot = made;
    *ARENA_PUSH(pool->arena, pool->set_list, pool->set_count, pool->set_capacity) = made;
    return made;
}

/* Both settled: a range of a lies in one range of b or in none. */
static bool is_inside(const struct regex_set *a, const struct regex_set *b)
{
    for (size_t i = 0, k = 0; i < a->count; i++) {
        while (k < b->count && b->ranges[k].high < a->ranges[i].low)
            k++;
        if (k == b->count || b->ranges[k].low > a->ranges[i].low || b->ranges[k].high < a->ranges[i].high)
            return false;
    }
    return true;
}

enum { USED_RANGES_MAX = 64 };

/* The union. Beyond USED_RANGES_MAX ranges it is every code point: `used` is an upper bound, and stays small. */
static const struct regex_set *join_used(struct regex_pool *pool, const struct regex_set *a, const struct regex_set *b)
{
    if (is_inside(b, a))
        return a;
    if (is_inside(a, b) && b->count <= USED_RANGES_MAX)
        return b;
    struct charset joined = charset_make(pool->temporary);
    charset_add_ranges(&joined, a->ranges, a->count);
    charset_add_ranges(&joined, b->ranges, b->count);
    charset_settle(&joined);
    if (joined.count > USED_RANGES_MAX) {
        joined.ranges[0] = (struct code_range){0, CODE_POINT_MAX};
        joined.count = 1;
    }
    return regex_set_intern(pool, &joined);
}

static const struct regex_set *join_sets(struct regex_pool *pool, const struct regex_set *a, const struct regex_set *b)
{
    struct charset joined = charset_make(pool->temporary);
    charset_add_ranges(&joined, a->ranges, a->count);
    charset_add_ranges(&joined, b->ranges, b->count);
    charset_settle(&joined);
    return regex_set_intern(pool, &joined);
}

/* ---- nodes ---- */

/* By what makes two nodes the same; derived members follow from it. */
static uint32_t hash_node(const struct regex *n)
{
    uint32_t hash = mix(n->kind, n->assert);
    hash = mix(hash, (uint64_t)n->min << 32 | n->max);
    hash = mix(hash, (uint64_t)n->lazy | (uint64_t)n->behind << 1 | (uint64_t)n->negated << 2);
    hash = mix(hash, n->set ? n->set->id + 1 : 0);
    for (size_t i = 0; i < n->count; i++)
        hash = mix(hash, n->items[i]->id);
    return hash;
}

static bool same_node(const struct regex *a, const struct regex *b)
{
    return a->hash == b->hash && a->kind == b->kind && a->assert == b->assert && a->lazy == b->lazy && a->behind == b->behind &&
           a->negated == b->negated && a->min == b->min && a->max == b->max && a->set == b->set && a->count == b->count &&
           (!a->count || !memcmp(a->items, b->items, a->count * sizeof *a->items));
}

static void grow_nodes(struct regex_pool *pool)
{
    size_t slots = pool->node_slots ? 2 * pool->node_slots : SLOTS_FIRST;
    struct regex **old = pool->nodes;
    pool->nodes = ARENA_ARRAY(pool->arena, slots, struct regex *);
    for (size_t i = 0; i < pool->node_slots; i++)
        for (struct regex *n = old[i], *next; n; n = next) {
            next = n->chain;
            n->chain = pool->nodes[n->hash & (slots - 1)];
            pool->nodes[n->hash & (slots - 1)] = n;
        }
    pool->node_slots = slots;
}

/* The pool's node equal to the one described; its items are borrowed until it turns out to be new.
 * items are hash-consed before the node is: ids, and with them hashes, are those of the order of parsing, the same in every run. */
static const struct regex *intern(struct regex_pool *pool, struct regex n)
{
    n.hash = hash_node(&n);
    if (pool->node_count >= pool->node_slots)
        grow_nodes(pool);
    struct regex **slot = &pool->nodes[n.hash & (pool->node_slots - 1)];
    for (struct regex *r = *slot; r; r = r->chain)
        if (same_node(r, &n))
            return r;
    struct regex *made = ARENA_NEW(pool->arena, struct regex);
    *made = n;
    if (n.count)
        made->items = arena_grow(pool->arena, n.items, n.count, n.count, sizeof *n.items);
    made->id = (uint32_t)pool->node_count;
    *ARENA_PUSH(pool->arena, pool->node_list, pool->node_count, pool->node_capacity) = made;
    made->chain = *slot;
    return *slot = made;
}

static const struct regex_set *intern_empty_set(struct regex_pool *pool)
{
    struct charset none = charset_make(pool->temporary);
    return regex_set_intern(pool, &none);
}

void regex_pool_init(struct regex_pool *pool, struct arena *arena, struct arena *temporary)
{
    *pool = (struct regex_pool){.arena = arena, .temporary = temporary};
    const struct regex_set *none = intern_empty_set(pool);
    pool->never = intern(pool, (struct regex){.kind = REGEX_NEVER, .used = none});
    pool->empty = intern(pool, (struct regex){.kind = REGEX_EMPTY, .nullable = true, .used = none});
}

/* A set without a member is no unit: a lookbehind's width counts it, as Python's does. */
static const struct regex *of_interned(struct regex_pool *pool, const struct regex_set *set)
{
    return intern(pool, (struct regex){.kind = REGEX_SET, .set = set, .used = set, .shortest = 1, .longest = 1});
}

const struct regex *regex_of_set(struct regex_pool *pool, const struct charset *settled)
{
    return of_interned(pool, regex_set_intern(pool, settled));
}

/* Python's `.`: every code point, without DOTALL none but newline. */
const struct regex *regex_any(struct regex_pool *pool, bool newline_too)
{
    struct charset set = charset_make(pool->temporary);
    charset_add_outside(&set, &(struct code_range){'\n', '\n'}, newline_too ? 0 : 1);
    return regex_of_set(pool, &set);
}

const struct regex *regex_code_point(struct regex_pool *pool, uint32_t code_point)
{
    struct code_range only = {code_point, code_point};
    struct charset set = {.ranges = &only, .count = 1};
    return regex_of_set(pool, &set);
}

const struct regex *regex_literal(struct regex_pool *pool, const char *bytes, size_t size)
{
    const struct regex **items = ARENA_ARRAY(pool->temporary, size, const struct regex *);
    size_t count = 0;
    for (size_t at = 0; at < size;)
        items[count++] = regex_code_point(pool, utf8_next(bytes, size, &at));
    return regex_cat(pool, items, count);
}

/* ---- sequences and alternatives ---- */

/* The items with those of kind flattened into them, and units dropped. */
static size_t flatten(struct regex_pool *pool, enum regex_kind kind, const struct regex *unit, const struct regex *const *items,
                      size_t count, const struct regex ***flat)
{
    size_t total = 0, n = 0;
    for (size_t i = 0; i < count; i++)
        total += items[i]->kind == kind ? items[i]->count : 1;
    *flat = ARENA_ARRAY(pool->temporary, total, const struct regex *);
    for (size_t i = 0; i < count; i++) {
        bool inner = items[i]->kind == kind;
        for (size_t k = 0; k < (inner ? items[i]->count : 1); k++) {
            const struct regex *item = inner ? items[i]->items[k] : items[i];
            if (item != unit)
                (*flat)[n++] = item;
        }
    }
    return n;
}

/* A sequence with `never` in it is never; one of a single item is the item. anchored: what stands before the first item that must
 * take a character may look behind. */
const struct regex *regex_cat(struct regex_pool *pool, const struct regex *const *items, size_t count)
{
    const struct regex **flat;
    count = flatten(pool, REGEX_CAT, pool->empty, items, count, &flat);
    if (!count)
        return pool->empty;
    struct regex n = {.kind = REGEX_CAT, .items = flat, .count = count, .nullable = true, .used = flat[0]->used};
    for (size_t i = 0; i < count; i++) {
        if (flat[i] == pool->never)
            return pool->never;
        n.anchored |= n.nullable && flat[i]->anchored;
        n.behinds |= flat[i]->behinds;
        n.nullable &= flat[i]->nullable;
        n.shortest = add_sizes(n.shortest, flat[i]->shortest);
        n.longest = add_sizes(n.longest, flat[i]->longest);
        n.used = join_used(pool, n.used, flat[i]->used);
    }
    return count == 1 ? flat[0] : intern(pool, n);
}

/* Neighbouring sets become one set; an alternative written before adds nothing. Only neighbours merge: the order of alternatives
 * is what an atomic group prefers, and sets of one character cannot differ in it. */
static size_t merge_alternatives(struct regex_pool *pool, const struct regex **items, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept && items[i]->kind == REGEX_SET && items[kept - 1]->kind == REGEX_SET)
            items[kept - 1] = of_interned(pool, join_sets(pool, items[kept - 1]->set, items[i]->set));
        else if (!kept || items[kept - 1] != items[i])
            items[kept++] = items[i];
    }
    return kept;
}

const struct regex *regex_or(struct regex_pool *pool, const struct regex *const *items, size_t count)
{
    const struct regex **flat;
    count = flatten(pool, REGEX_OR, pool->never, items, count, &flat);
    count = merge_alternatives(pool, flat, count);
    if (count < 2)
        return count ? flat[0] : pool->never;
    struct regex n = {.kind = REGEX_OR, .items = flat, .count = count, .shortest = UINT64_MAX, .used = flat[0]->used};
    for (size_t i = 0; i < count; i++) {
        n.anchored |= flat[i]->anchored;
        n.behinds |= flat[i]->behinds;
        n.nullable |= flat[i]->nullable;
        n.shortest = flat[i]->shortest < n.shortest ? flat[i]->shortest : n.shortest;
        n.longest = flat[i]->longest > n.longest ? flat[i]->longest : n.longest;
        n.used = join_used(pool, n.used, flat[i]->used);
    }
    return intern(pool, n);
}

/* x{0} is empty though x may be impossible. An empty item repeated is empty; longest 0 times unbounded stays 0. */
const struct regex *regex_repeat(struct regex_pool *pool, const struct regex *item, uint32_t min, uint32_t max, bool lazy)
{
    if (!max || item == pool->empty)
        return pool->empty;
    if (item == pool->never)
        return min ? item : pool->empty;
    if (min == 1 && max == 1)
        return item;
    struct regex n = {.kind = REGEX_REPEAT, .items = &item, .count = 1, .min = min, .max = max, .lazy = lazy};
    n.nullable = !min || item->nullable;
    n.anchored = item->anchored;
    n.behinds = item->behinds;
    n.shortest = multiply_sizes(item->shortest, min);
    n.longest = multiply_sizes(item->longest, max == REGEX_UNBOUNDED ? UINT64_MAX : max);
    n.used = item->used;
    return intern(pool, n);
}

/* ---- conditions and the Boolean closure ---- */

/* Conditions at the end look at what follows alone: they become obligations whatever was read before. */
const struct regex *regex_of_assert(struct regex_pool *pool, enum regex_assert condition)
{
    bool anchored = condition != REGEX_ASSERT_end && condition != REGEX_ASSERT_end_or_newline && condition != REGEX_ASSERT_line_end;
    return intern(pool, (struct regex){.kind = REGEX_ASSERT, .assert = condition, .nullable = true, .anchored = anchored,
                                       .used = pool->empty->used});
}

/* Lookbehinds are told apart by id modulo 64: bits that two share cost states, not correctness (behind.c). */
const struct regex *regex_look(struct regex_pool *pool, const struct regex *item, bool behind, bool negated)
{
    uint64_t own = behind ? (uint64_t)1 << item->id % 64 : 0;
    return intern(pool, (struct regex){.kind = REGEX_LOOK, .items = &item, .count = 1, .behind = behind, .negated = negated,
                                       .nullable = true, .anchored = behind || item->anchored, .behinds = item->behinds | own,
                                       .used = pool->empty->used});
}

const struct regex *regex_atomic(struct regex_pool *pool, const struct regex *item)
{
    if (item->kind == REGEX_SET || item->kind == REGEX_ATOMIC || item == pool->empty || item == pool->never)
        return item;
    return intern(pool, (struct regex){.kind = REGEX_ATOMIC, .items = &item, .count = 1, .nullable = item->nullable,
                                       .anchored = item->anchored, .behinds = item->behinds, .shortest = item->shortest,
                                       .longest = item->longest,
                                       .used = item->used});
}

/* An intersection is no longer than its shortest item may be; nullable when all items are. */
const struct regex *regex_and(struct regex_pool *pool, const struct regex *const *items, size_t count)
{
    struct regex n = {.kind = REGEX_AND, .items = items, .count = count, .nullable = true, .longest = UINT64_MAX, .used = items[0]->used};
    for (size_t i = 0; i < count; i++) {
        n.anchored |= items[i]->anchored;
        n.behinds |= items[i]->behinds;
        n.nullable &= items[i]->nullable;
        n.shortest = items[i]->shortest > n.shortest ? items[i]->shortest : n.shortest;
        n.longest = items[i]->longest < n.longest ? items[i]->longest : n.longest;
        n.used = join_used(pool, n.used, items[i]->used);
    }
    return count == 1 ? items[0] : intern(pool, n);
}

/* The complement may have any length and use any code point. */
const struct regex *regex_not(struct regex_pool *pool, const struct regex *item)
{
    if (item->kind == REGEX_NOT)
        return item->items[0];
    return intern(pool, (struct regex){.kind = REGEX_NOT, .items = &item, .count = 1, .nullable = true, .anchored = item->anchored,
                                       .behinds = item->behinds, .longest = UINT64_MAX, .used = regex_any(pool, true)->set});
}

const struct regex *regex_as_prefix(struct regex_pool *pool, const struct regex *root)
{
    const struct regex *all = regex_repeat(pool, regex_any(pool, true), 0, REGEX_UNBOUNDED, false);
    return regex_cat(pool, (const struct regex *[]){root, all}, 2);
}

const struct regex *regex_as_search(struct regex_pool *pool, const struct regex *root)
{
    const struct regex *all = regex_repeat(pool, regex_any(pool, true), 0, REGEX_UNBOUNDED, false);
    return regex_cat(pool, (const struct regex *[]){all, root, all}, 3);
}

/* ---- atomic groups ---- */

enum { ATOMIC_ALTERNATIVES_MAX = 64 }; /* each excludes all before it: quadratic */

/* Of one length: at most one prefix of any name is in it, so the first match is the only one. */
static bool has_one_length(const struct regex *n)
{
    return n->shortest == n->longest && n->longest != UINT64_MAX;
}

/* A repeat keeps as many rounds as match: exact where each round has one length, since then the rounds are the only way to cut the
 * text. A sequence: where all but the last item have one length. Alternatives: each exact, with those before it excluded. */
bool regex_is_exact_atomic(const struct regex *n)
{
    if (has_one_length(n))
        return true;
    switch (n->kind) {
    case REGEX_REPEAT:
        return n->items[0]->shortest && has_one_length(n->items[0]);
    case REGEX_CAT:
        for (size_t i = 0; i + 1 < n->count; i++)
            if (!has_one_length(n->items[i]))
                return false;
        return regex_is_exact_atomic(n->items[n->count - 1]);
    case REGEX_OR:
        if (n->count > ATOMIC_ALTERNATIVES_MAX)
            return false;
        for (size_t i = 0; i < n->count; i++)
            if (!regex_is_exact_atomic(n->items[i]))
                return false;
        return true;
    case REGEX_ATOMIC:
        return regex_is_exact_atomic(n->items[0]);
    case REGEX_NEVER: case REGEX_EMPTY: case REGEX_SET: case REGEX_ASSERT: case REGEX_LOOK:
        return true;
    case REGEX_AND: case REGEX_NOT:
        return false;
    }
    return false;
}
