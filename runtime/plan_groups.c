/* Plans: groups of tensors that are fused at run time. A group's members are patterns with one {p}; tensors whose module
 * paths fit members with the same {p}, and that have the same parameter name, form a set. All of a set get the same spec, and
 * a two-level scale's outer factor is shared. language.md §2.2. */
#include <stdlib.h>
#include <string.h>
#include "runtime/json.h"
#include "runtime/plan.h"

/* A tensor that fits a member; prefix is what {p} stands for. */
struct fit {
    const char *prefix, *parameter;
    size_t prefix_size, item;
};
struct grouping {
    struct session *session;
    struct quern_plan *plan;
    const struct recipe_group *group;
    struct fit *fits;
    size_t count, capacity;
};

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

/* Members times tensors: groups are few. */
static bool check_group(struct grouping *g)
{
    bool ok = true;
    for (size_t m = 0; m < g->group->count; m++)
        for (size_t i = 0; i < g->plan->count; i++)
            try_member(g, &g->group->members[m], i);
    if (g->count)
        qsort(g->fits, g->count, sizeof *g->fits, compare_fits);
    for (size_t begin = 0, end; begin < g->count; begin = end) {
        for (end = begin + 1; end < g->count && same_set(&g->fits[begin], &g->fits[end]);)
            end++;
        ok &= check_set(g, &g->fits[begin], end - begin);
    }
    return ok;
}

bool plan_groups(struct session *session, struct quern_plan *plan)
{
    const struct recipe *recipe = plan->recipe->recipe;
    bool ok = true;
    for (size_t i = 0; i < recipe->group_count; i++) {
        struct grouping g = {.session = session, .plan = plan, .group = &recipe->groups[i]};
        ok &= check_group(&g);
    }
    return ok;
}
