/* Sharing: a trie of the patterns' items, then its terms from the ends to the root. In: the regexes of one part's labels. Out:
 * the terms with which the labels begin. A branch of the trie is a term that several labels go through; where they part, a fork
 * has an alternative for each way on. The union of the terms is the union of the labels' languages, each name with its labels.
 * See share.h. */
#include "codegen/match/share.h"

#include <string.h>

/* Larger repeats and alternatives make many states for each label that goes through them: they stay the label's own. */
enum { NO_BRANCH = UINT32_MAX, REPEAT_MAX = 16, ALTERNATIVES_MAX = 64 };

/* A node of the trie. A branch stands behind its parent, so terms are made from the last one to the first. */
struct branch {
    const struct regex *item; /* between the parent and here */
    uint32_t parent, child, sibling;
    uint32_t own; /* the first label that goes on alone from here, or NO_BRANCH */
    uint32_t term;
};
struct sharing {
    struct terms *t;
    struct arena *arena; /* of what follows */
    struct branch *branches;
    size_t count, capacity;
    uint32_t *slots; /* branch, by parent and item; 0: free */
    size_t slot_count;
    uint32_t *own_next, *own_from; /* by label: the next that leaves the same branch, the item it is alone from */
    uint32_t *alternatives;        /* of the branch at hand */
    size_t alternative_capacity;
};

/* ---- what is plain ---- */

/* budget: items over all alternatives of a node. */
static bool is_literal(const struct regex *n, size_t *budget)
{
    size_t count = n->kind == REGEX_CAT ? n->count : 1;
    if (*budget < count)
        return false;
    *budget -= count;
    for (size_t i = 0; i < count; i++)
        if ((n->kind == REGEX_CAT ? n->items[i] : n)->kind != REGEX_SET)
            return false;
    return true;
}

static bool is_plain(const struct regex *n)
{
    size_t budget = ALTERNATIVES_MAX;
    bool plain = true;
    if (n->kind == REGEX_REPEAT)
        return n->items[0]->kind == REGEX_SET && n->min <= REPEAT_MAX && (n->max == REGEX_UNBOUNDED || n->max <= REPEAT_MAX);
    if (n->kind != REGEX_OR)
        return n->kind == REGEX_SET;
    for (size_t i = 0; i < n->count; i++)
        plain = plain && is_literal(n->items[i], &budget);
    return plain;
}

static const struct regex *const *items_of(const struct regex *const *root, size_t *count)
{
    *count = (*root)->kind == REGEX_CAT ? (*root)->count : 1;
    return (*root)->kind == REGEX_CAT ? (*root)->items : root;
}

/* Items that may be shared: the plain ones at the front, up to the last of them that takes its characters and is done.
 * Not behind a repeat or what may be empty: there a term could end for one label and go on for another. */
static size_t count_shared(const struct regex *const *items, size_t count)
{
    size_t shared = 0;
    while (shared < count && is_plain(items[shared]))
        shared++;
    while (shared && (items[shared - 1]->nullable || items[shared - 1]->kind == REGEX_REPEAT))
        shared--;
    return shared;
}

/* ---- the trie ---- */

static size_t find_slot(const struct sharing *s, uint32_t parent, const struct regex *item)
{
    uint64_t h = ((uint64_t)parent << 32 | item->id) * 0x9e3779b97f4a7c15u;
    size_t slot = (size_t)(h >> 32) & (s->slot_count - 1);
    while (s->slots[slot] && (s->branches[s->slots[slot]].parent != parent || s->branches[s->slots[slot]].item != item))
        slot = (slot + 1) & (s->slot_count - 1);
    return slot;
}

static void grow_slots(struct sharing *s)
{
    arena_release(s->arena, s->slots, s->slot_count * sizeof *s->slots);
    s->slot_count = s->slot_count ? 2 * s->slot_count : 1024;
    s->slots = ARENA_ARRAY(s->arena, s->slot_count, uint32_t);
    for (uint32_t i = 1; i < s->count; i++)
        s->slots[find_slot(s, s->branches[i].parent, s->branches[i].item)] = i;
}

static uint32_t add_branch(struct sharing *s, uint32_t parent, const struct regex *item)
{
    *ARENA_PUSH(s->arena, s->branches, s->count, s->capacity) =
        (struct branch){item, parent, NO_BRANCH, NO_BRANCH, NO_BRANCH, TERM_NONE};
    return (uint32_t)s->count - 1;
}

static uint32_t enter_item(struct sharing *s, uint32_t parent, const struct regex *item)
{
    if (2 * (s->count + 1) > s->slot_count)
        grow_slots(s);
    size_t slot = find_slot(s, parent, item);
    if (s->slots[slot])
        return s->slots[slot];
    uint32_t made = add_branch(s, parent, item);
    s->branches[made].sibling = s->branches[parent].child;
    s->branches[parent].child = made;
    s->t->work++;
    return s->slots[slot] = made;
}

static void enter_label(struct sharing *s, const struct regex *const *root, uint32_t label)
{
    size_t count, shared;
    const struct regex *const *items = items_of(root, &count);
    uint32_t branch = 0;
    shared = count_shared(items, count);
    for (size_t i = 0; i < shared; i++)
        branch = enter_item(s, branch, items[i]);
    s->own_from[label] = (uint32_t)shared;
    s->own_next[label] = s->branches[branch].own;
    s->branches[branch].own = label;
}

/* ---- terms ---- */

static uint32_t term_of_own(struct sharing *s, const struct regex *const *root, uint32_t label)
{
    size_t count;
    const struct regex *const *items = items_of(root, &count);
    uint32_t term = term_of_label(s->t, label);
    while (count > s->own_from[label])
        term = term_cat(s->t, items[--count], term);
    return term;
}

static bool is_star(const struct regex *n)
{
    return n->kind == REGEX_REPEAT && !n->min && n->max == REGEX_UNBOUNDED;
}

static void add_alternative(struct sharing *s, size_t *count, uint32_t term)
{
    if (term != TERM_NONE)
        *ARENA_PUSH(s->arena, s->alternatives, *count, s->alternative_capacity) = term;
}

/* star: repetitions only, or all else only. */
static size_t add_children(struct sharing *s, size_t count, uint32_t branch, bool star)
{
    for (uint32_t c = s->branches[branch].child; c != NO_BRANCH; c = s->branches[c].sibling)
        if (is_star(s->branches[c].item) == star)
            add_alternative(s, &count, term_cat(s->t, s->branches[c].item, s->branches[c].term));
    return count;
}

/* Labels that go on alone and repetitions are states of their own; all other ways on are one. Returns how many. */
static size_t list_alternatives(struct sharing *s, const struct regex *const *roots, uint32_t branch)
{
    size_t count = add_children(s, 0, branch, false);
    uint32_t plain = term_fork(s->t, s->alternatives, count, true);
    count = 0;
    add_alternative(s, &count, plain);
    count = add_children(s, count, branch, true);
    for (uint32_t label = s->branches[branch].own; label != NO_BRANCH; label = s->own_next[label])
        add_alternative(s, &count, term_of_own(s, &roots[label], label));
    return count;
}

/* Parents have smaller numbers than their children: from the last branch down every child's term is made first. */
uint32_t *share_labels(struct terms *terms, const struct regex *const *roots, const unsigned char *parts, unsigned part,
                       uint32_t label_count, uint32_t *start_count)
{
    struct sharing s = {.t = terms, .arena = arena_open_child(terms->arena)};
    s.own_next = ARENA_ARRAY(s.arena, label_count, uint32_t);
    s.own_from = ARENA_ARRAY(s.arena, label_count, uint32_t);
    add_branch(&s, NO_BRANCH, NULL);
    for (uint32_t label = 0; label < label_count; label++)
        if ((parts ? parts[label] : 0) == part)
            enter_label(&s, &roots[label], label);
    for (uint32_t branch = (uint32_t)s.count; --branch;) {
        size_t count = list_alternatives(&s, roots, branch);
        s.branches[branch].term = term_fork(terms, s.alternatives, count, false);
    }
    *start_count = (uint32_t)list_alternatives(&s, roots, 0);
    uint32_t *starts = arena_grow(terms->arena, s.alternatives, *start_count, *start_count, sizeof *starts);
    arena_close(s.arena);
    return starts;
}
