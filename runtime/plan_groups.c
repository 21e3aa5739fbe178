/* Plans: groups of tensors that are fused at run time. In: a filled plan and the recipe's groups; out: items' `group` and
 * `shared`, and messages. A group's members are patterns with one {p}; tensors whose module paths fit members with the same
 * {p}, and that have the same parameter name, form a set. All of a set get the same spec, and a two-level scale's outer factor
 * is shared. docs/language.md, Groups. */
#include <stdlib.h>
#include <string.h>
#include "runtime/json.h"
#include "runtime/plan.h"

/* A tensor that fits a member; prefix is what {p} stands for. */
struct fit {
    const char *prefix, *parameter;
    size_t prefix_size, item;
};
/* The tensors by the last segment of their module paths: lists of indices plus one, several segments in a list perhaps. */
struct leaves {
    uint32_t *first, *next; /* by bucket; by tensor */
    size_t mask;
};
/* One group, with the tensors that fit it. */
struct grouping {
    struct session *session;
    struct quern_plan *plan;
    const struct leaves *leaves;
    const struct recipe_group *group;
    struct fit *fits;
    size_t count, capacity;
};

/* FNV-1a of what stands behind the last dot before end. */
static size_t hash_leaf(const char *begin, const char *end)
{
    uint64_t hash = 0xcbf29ce484222325u;
    while (end > begin && end[-1] != '.')
        hash = (hash ^ (unsigned char)*--end) * 0x100000001b3u;
    return (size_t)(hash ^ hash >> 32);
}

static void list_leaves(struct session *session, const struct quern_plan *plan, struct leaves *leaves)
{
    size_t buckets = 64;
    while (buckets < plan->count && buckets < 1 << 20)
        buckets *= 2;
    *leaves = (struct leaves){ARENA_ARRAY(session->arena, buckets, uint32_t), ARENA_ARRAY(session->arena, plan->count + 1, uint32_t), buckets - 1};
    for (size_t i = plan->count; i--;) {
        const char *name = plan->items[i].stored->name, *dot = strrchr(name, '.');
        uint32_t *first = &leaves->first[hash_leaf(name, dot ? dot : name) & leaves->mask];
        leaves->next[i] = *first;
        *first = (uint32_t)i + 1;
    }
}

static bool ends_in(const char *bytes, size_t size, const char *end, size_t end_size)
{
    return size >= end_size && !memcmp(bytes + size - end_size, end, end_size);
}

/* Adds item to the fits when its module path is member with something in the place of {p}. */
static void try_member(struct grouping *g, const struct ast_string *member, size_t item)
{
    const char *name = g->plan->items[item].stored->name, *dot = strrchr(name, '.');
    const char *hole = strstr(member->bytes, "{p}");
    if (!hole || !dot)
        return;
    size_t path = (size_t)(dot - name), before = (size_t)(hole - member->bytes), after = strlen(hole + 3);
    if (path <= before + after || memcmp(name, member->bytes, before) || !ends_in(name, path, hole + 3, after))
        return;
    *ARENA_PUSH(g->session->arena, g->fits, g->count, g->capacity) =
        (struct fit){name + before, dot + 1, path - before - after, item};
}

/* By what {p} stands for, then by parameter, so that a set stands together. */
static int compare_fits(const void *a, const void *b)
{
    const struct fit *f = a, *g = b;
    size_t size = f->prefix_size < g->prefix_size ? f->prefix_size : g->prefix_size;
    int order = memcmp(f->prefix, g->prefix, size);
    if (!order && f->prefix_size != g->prefix_size)
        order = f->prefix_size < g->prefix_size ? -1 : 1;
    if (!order)
        order = strcmp(f->parameter, g->parameter);
    return order ? order : f->item < g->item ? -1 : f->item > g->item;
}

/* What compare_fits sorts by, without the item. */
static bool same_set(const struct fit *f, const struct fit *g)
{
    return f->prefix_size == g->prefix_size && !memcmp(f->prefix, g->prefix, f->prefix_size) && !strcmp(f->parameter, g->parameter);
}

/* At the group's declaration, with a note at the rule of each member. */
static bool report_set(struct grouping *g, const struct fit *set, size_t count)
{
    struct quern_plan *plan = g->plan;
    struct arena *arena = g->session->arena;
    struct diag *diag = diag_report(g->session->diags, DIAG_group_differs, g->group->span, "group %s: %s and %zu more do not get the same spec",
                                    g->group->name, name_shown(arena, plan->items[set->item].stored->name), count - 1);
    for (size_t i = 0; i < count && i < 8; i++) {
        const struct plan_item *item = &plan->items[set[i].item];
        diag_note(g->session->diags, diag, item_rule_span(plan, item), "%s: %s", name_shown(arena, item->stored->name), item_says(item));
    }
    return false;
}

/* The others against the first. */
static bool check_set(struct grouping *g, const struct fit *set, size_t count)
{
    struct plan_item *items = g->plan->items, *first = &items[set->item];
    for (size_t i = 0; i < count; i++)
        if (!items[set[i].item].group)
            items[set[i].item].group = g->group->name;
    for (size_t i = 1; i < count; i++) {
        struct plan_item *item = &items[set[i].item];
        if (!items_alike(item, first))
            return report_set(g, set, count);
        if (item->shared == set[i].item) /* a member of several groups stays with the first */
            item->shared = first->shared;
    }
    return true;
}

/* A member that ends in a whole segment is compared with the tensors of that segment alone. */
static void list_fits(struct grouping *g, const struct ast_string *member)
{
    const char *end = member->bytes + member->size, *dot = strrchr(member->bytes, '.');
    if (!dot || strstr(dot, "{p}"))
        for (size_t i = 0; i < g->plan->count; i++)
            try_member(g, member, i);
    else
        for (size_t i = g->leaves->first[hash_leaf(member->bytes, end) & g->leaves->mask]; i; i = g->leaves->next[i - 1])
            try_member(g, member, i - 1);
}

static bool check_group(struct grouping *g)
{
    bool ok = true;
    for (size_t m = 0; m < g->group->count; m++)
        list_fits(g, &g->group->members[m]);
    if (g->count)
        qsort(g->fits, g->count, sizeof *g->fits, compare_fits);
    for (size_t begin = 0, end; begin < g->count; begin = end) {
        for (end = begin + 1; end < g->count && same_set(&g->fits[begin], &g->fits[end]);)
            end++;
        ok &= check_set(g, &g->fits[begin], end - begin);
    }
    return ok;
}

/* In the recipe's order: of a tensor in several groups the first counts. */
bool plan_groups(struct session *session, struct quern_plan *plan)
{
    const struct recipe *recipe = plan->recipe->recipe;
    struct leaves leaves;
    bool ok = true;
    if (recipe->group_count)
        list_leaves(session, plan, &leaves);
    for (size_t i = 0; i < recipe->group_count; i++) {
        struct grouping g = {.session = session, .plan = plan, .leaves = &leaves, .group = &recipe->groups[i]};
        ok &= check_group(&g);
    }
    return ok;
}
