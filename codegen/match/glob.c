/* Globs: fnmatch.fnmatchcase of Python 3.11 as regex AST. In: the bytes of a pattern; none is refused. Out: the regex of the names
 * it takes. Rule: CPython's fnmatch.translate and what re makes of its result. `*` takes any characters, newlines too, `?` any one,
 * `[…]` a set, and an unclosed `[` stands for itself; there is no escape. */
#include "codegen/match/regex.h"

#include <string.h>

struct glob {
    struct regex_pool *pool;
    const uint32_t *text;
    size_t size;
    const struct regex **items;
    size_t count, capacity;
};

/* A piece of a set: hyphens between two pieces make ranges, all other characters stand for themselves. */
struct chunk {
    uint32_t *text;
    size_t size;
};
struct chunks {
    struct chunk *items;
    size_t count, capacity;
};

static void add_item(struct glob *g, const struct regex *item)
{
    *ARENA_PUSH(g->pool->temporary, g->items, g->count, g->capacity) = item;
}

/* The `]` that closes the set whose inside starts at i, or size: one directly after `[` or `[!` is a member. */
static size_t find_close(const struct glob *g, size_t i)
{
    if (i < g->size && g->text[i] == '!')
        i++;
    if (i < g->size && g->text[i] == ']')
        i++;
    while (i < g->size && g->text[i] != ']')
        i++;
    return i;
}

/* a, then b, then one hyphen when asked for. */
static struct chunk join_text(struct glob *g, const uint32_t *a, size_t a_size, const uint32_t *b, size_t b_size, bool hyphen)
{
    struct chunk chunk = {ARENA_ARRAY(g->pool->temporary, a_size + b_size + 1, uint32_t), a_size + b_size + hyphen};
    if (a_size)
        memcpy(chunk.text, a, a_size * sizeof *a);
    if (b_size)
        memcpy(chunk.text + a_size, b, b_size * sizeof *b);
    chunk.text[a_size + b_size] = '-';
    return chunk;
}

/* A hyphen makes a range unless it is the first or last member, or closes the range before it.
 * The pieces are translate's `chunks`: the next hyphen is looked for from three characters on, so that a-b-c is the range a-b, a
 * hyphen and c. */
static void split_ranges(struct glob *g, struct chunks *c, size_t i, size_t end)
{
    size_t k = i + (g->text[i] == '!' ? 2 : 1);
    for (;;) {
        while (k < end && g->text[k] != '-')
            k++;
        if (k >= end)
            break;
        *ARENA_PUSH(g->pool->temporary, c->items, c->count, c->capacity) = join_text(g, g->text + i, k - i, NULL, 0, false);
        i = k + 1;
        k += 3;
    }
    if (i < end) {
        *ARENA_PUSH(g->pool->temporary, c->items, c->count, c->capacity) = join_text(g, g->text + i, end - i, NULL, 0, false);
    } else {
        struct chunk *last = &c->items[c->count - 1];
        *last = join_text(g, last->text, last->size, NULL, 0, true);
    }
}

/* Ranges that run backwards vanish with both their ends.
 * From the last to the first, as translate does: a merged piece may make a range with the one before it. */
static void drop_empty_ranges(struct glob *g, struct chunks *c)
{
    for (size_t k = c->count - 1; k > 0; k--) {
        struct chunk *low = &c->items[k - 1], *high = &c->items[k];
        if (!low->size || !high->size || low->text[low->size - 1] <= high->text[0])
            continue;
        *low = join_text(g, low->text, low->size - 1, high->text + 1, high->size - 1, false);
        memmove(high, high + 1, (c->count - k - 1) * sizeof *high);
        c->count--;
    }
}

/* Members of the chunks; the `!` that now stands first negates. False: nothing is left.
 * translate escapes what re would take otherwise in a set, so that members are characters and nothing else. */
static bool collect_members(const struct chunks *c, struct charset *set, bool *negated)
{
    bool any = false;
    uint32_t low = 0;
    for (size_t k = 0; k < c->count; k++)
        for (size_t i = 0; i < c->items[k].size; i++) {
            uint32_t ch = c->items[k].text[i];
            if (!k && !i && ch == '!') {
                any = *negated = true;
                continue;
            }
            any = true;
            charset_add(set, k && !i && low <= ch ? low : ch, ch);
            low = ch;
        }
    return any;
}

/* The inside of a set from i to the `]` at end. */
static const struct regex *make_set(struct glob *g, size_t i, size_t end)
{
    struct chunks chunks = {0};
    struct charset set = charset_make(g->pool->temporary);
    bool negated = false;
    split_ranges(g, &chunks, i, end);
    drop_empty_ranges(g, &chunks);
    if (!collect_members(&chunks, &set, &negated))
        return g->pool->never;
    charset_settle(&set);
    if (negated)
        charset_negate(&set);
    return regex_of_set(g->pool, &set);
}

/* Neighbouring stars are one, as in translate. */
const struct regex *regex_parse_glob(struct regex_pool *pool, const char *bytes, size_t size)
{
    uint32_t *text = ARENA_ARRAY(pool->temporary, size + 1, uint32_t);
    struct glob g = {.pool = pool, .text = text};
    for (size_t at = 0; at < size;)
        text[g.size++] = utf8_next(bytes, size, &at);
    const struct regex *any = regex_any(pool, true), *all = regex_repeat(pool, any, 0, REGEX_UNBOUNDED, false);
    for (size_t i = 0; i < g.size;) {
        uint32_t c = text[i++];
        size_t close = c == '[' ? find_close(&g, i) : g.size;
        if (c == '*') {
            if (!g.count || g.items[g.count - 1] != all)
                add_item(&g, all);
        } else if (c == '?') {
            add_item(&g, any);
        } else if (close < g.size) {
            add_item(&g, make_set(&g, i, close));
            i = close + 1;
        } else {
            add_item(&g, regex_code_point(pool, c));
        }
    }
    return regex_cat(pool, g.items, g.count);
}
