/* The names a query can take, as one regular expression over the dotted path. In: a parsed query. Out: its regex; *exact says
 * whether it is the whole answer. A fragment that takes a module is a segment: characters without a dot, at least one. Each part
 * of a query has two forms: `first`, where it takes the path's first module, and `rest`, where a dot stands before each module
 * it takes; so that no dot is left over where parts take no module. Classes and tags are any segment here. mpath.h. */
#include "codegen/match/mpath.h"

struct names {
    struct regex_pool *pool;
    mpath_regex *parse;
    void *user;
    const struct regex *dot, *segment;
    bool failed, exact;
};
struct forms {
    const struct regex *first; /* never empty */
    const struct regex *rest;  /* may be empty where the part is nullable */
};

static const struct regex *cat(struct names *n, const struct regex *a, const struct regex *b)
{
    return regex_cat(n->pool, (const struct regex *[]){a, b}, 2);
}

static const struct regex *within_segment(struct names *n, const struct regex *item)
{
    return regex_and(n->pool, (const struct regex *[]){item, n->segment}, 2);
}

/* ---- conditions inside a segment ---- */

/* `^` holds at the beginning of the child's name, which is the path's or follows a dot. */
static enum regex_assert assert_of_segment(enum regex_assert condition)
{
    return condition == REGEX_ASSERT_begin ? REGEX_ASSERT_segment_begin
           : condition == REGEX_ASSERT_line_begin ? REGEX_ASSERT_segment_line_begin : condition;
}

static bool asks(const struct regex *n, bool (*what)(const struct regex *))
{
    bool found = what(n);
    for (size_t i = 0; i < n->count && !found; i++)
        found = asks(n->items[i], what);
    return found;
}

static bool is_begin(const struct regex *n)
{
    return n->kind == REGEX_ASSERT && assert_of_segment(n->assert) != n->assert;
}

static bool is_condition(const struct regex *n)
{
    return n->kind == REGEX_ASSERT || n->kind == REGEX_LOOK || n->kind == REGEX_ATOMIC;
}

static bool looks_behind(const struct regex *n)
{
    return n->kind == REGEX_LOOK && n->behind;
}

/* The parser bounds the depth of what it builds. */
static const struct regex *move_begins(struct regex_pool *pool, const struct regex *n)
{
    const struct regex **items = ARENA_ARRAY(pool->arena, n->count + 1, const struct regex *);
    if (!asks(n, is_begin))
        return n;
    for (size_t i = 0; i < n->count; i++)
        items[i] = move_begins(pool, n->items[i]);
    switch (n->kind) {
    case REGEX_NEVER: case REGEX_EMPTY: case REGEX_SET: break;
    case REGEX_ASSERT: return regex_of_assert(pool, assert_of_segment(n->assert));
    case REGEX_CAT: return regex_cat(pool, items, n->count);
    case REGEX_OR: return regex_or(pool, items, n->count);
    case REGEX_REPEAT: return regex_repeat(pool, items[0], n->min, n->max, n->lazy);
    case REGEX_LOOK: return regex_look(pool, items[0], n->behind, n->negated);
    case REGEX_ATOMIC: return regex_atomic(pool, items[0]);
    case REGEX_AND: return regex_and(pool, items, n->count);
    case REGEX_NOT: return regex_not(pool, items[0]);
    }
    return n;
}

static bool has_dot(const struct regex *n)
{
    return ranges_have(n->used->ranges, n->used->count, '.');
}

/* What looks behind sees more of the path than of the child's name: the chain alone decides. */
static const struct regex *make_re(struct names *n, const struct mpath *node, bool negated)
{
    const struct regex *root = n->parse(n->user, n->pool, &node->text);
    bool behind = root && asks(root, looks_behind);
    n->failed |= !root;
    n->exact &= !behind;
    if (!root || behind)
        return n->segment;
    root = move_begins(n->pool, root);
    if (negated)
        return within_segment(n, regex_not(n->pool, root));
    return asks(root, is_condition) || has_dot(root) || !root->shortest ? within_segment(n, root) : root;
}

static const struct regex *make_segment(struct names *n, const struct mpath *node, bool negated)
{
    switch (node->kind) {
    case MPATH_NODE_NAME: {
        const struct regex *name = regex_literal(n->pool, node->text.bytes, node->text.size);
        return negated ? within_segment(n, regex_not(n->pool, name)) : name;
    }
    case MPATH_NODE_RE: return make_re(n, node, negated);
    case MPATH_NODE_NOT: return make_segment(n, node->items[0], !negated);
    case MPATH_NODE_ONE: case MPATH_NODE_MANY: return negated ? n->pool->never : n->segment;
    case MPATH_NODE_CLASS: case MPATH_NODE_TAGS: n->exact = false; return n->segment;
    case MPATH_NODE_EITHER: case MPATH_NODE_SEQUENCE: break;
    }
    return n->pool->never;
}

/* ---- parts ---- */

static struct forms make_forms(struct names *n, const struct mpath *node);

static struct forms make_many(struct names *n)
{
    const struct regex *rest = regex_repeat(n->pool, cat(n, n->dot, n->segment), 0, REGEX_UNBOUNDED, false);
    return (struct forms){cat(n, n->segment, rest), rest};
}

/* Both forms of every item; *rests behind *firsts. */
static void make_items(struct names *n, const struct mpath *node, const struct regex ***firsts, const struct regex ***rests)
{
    *firsts = ARENA_ARRAY(n->pool->arena, 2 * node->count, const struct regex *);
    *rests = *firsts + node->count;
    for (size_t i = 0; i < node->count; i++) {
        struct forms one = make_forms(n, node->items[i]);
        (*firsts)[i] = one.first;
        (*rests)[i] = one.rest;
    }
}

/* Forms of alternatives are alternatives of forms. */
static struct forms make_either(struct names *n, const struct mpath *node)
{
    const struct regex **firsts, **rests;
    make_items(n, node, &firsts, &rests);
    return (struct forms){regex_or(n->pool, firsts, node->count), regex_or(n->pool, rests, node->count)};
}

/* What stands behind items that take nothing may come first; the parser bounds how often that is.
 * A way for each item that may be the first to take a module: all before it are nullable. MPATH_WAYS_MAX bounds their sizes. */
static struct forms make_sequence(struct names *n, const struct mpath *node)
{
    const struct regex **firsts, **rests, **ways = ARENA_ARRAY(n->pool->arena, node->count, const struct regex *);
    size_t count = 0;
    make_items(n, node, &firsts, &rests);
    const struct regex *rest = regex_cat(n->pool, rests, node->count);
    do {
        const struct regex *skipped = rests[count];
        rests[count] = firsts[count];
        ways[count] = regex_cat(n->pool, rests + count, node->count - count);
        rests[count] = skipped;
    } while (node->items[count++]->nullable && count < node->count);
    return (struct forms){regex_or(n->pool, ways, count), rest};
}

static struct forms make_forms(struct names *n, const struct mpath *node)
{
    const struct regex *segment;
    switch (node->kind) {
    case MPATH_NODE_MANY: return make_many(n);
    case MPATH_NODE_EITHER: return make_either(n, node);
    case MPATH_NODE_SEQUENCE: return make_sequence(n, node);
    case MPATH_NODE_NAME: case MPATH_NODE_ONE: case MPATH_NODE_NOT: case MPATH_NODE_RE: case MPATH_NODE_CLASS: case MPATH_NODE_TAGS:
        break;
    }
    segment = make_segment(n, node, false);
    return (struct forms){segment, cat(n, n->dot, segment)};
}

const struct regex *mpath_names(struct regex_pool *pool, const struct mpath *query, mpath_regex *parse, void *user, bool *exact)
{
    struct charset dot = charset_make(pool->arena);
    struct names n = {.pool = pool, .parse = parse, .user = user, .exact = true, .dot = regex_code_point(pool, '.')};
    charset_add_outside(&dot, &(struct code_range){'.', '.'}, 1);
    n.segment = regex_repeat(pool, regex_of_set(pool, &dot), 1, REGEX_UNBOUNDED, false);
    const struct regex *root = make_forms(&n, query).first;
    *exact = n.exact;
    return n.failed ? NULL : root;
}
