/* Module descriptions: linking. In: modules with listed paths, states, ops. Out: nodes with parents, every path through
 * every alias, the classes around each module, pointers for names. See describe.h.
 * A listed path is an edge from the module that its parent path leads to; a module's paths are its parents' paths with
 * the edge's name behind. Modules are visited when all that hold them have been; what is left over holds itself. */
#include <stdlib.h>
#include <string.h>
#include "runtime/describe.h"
#include "runtime/json.h"
#include "runtime/report.h"

/* Linking may take this many bytes for each drafted one: aliases of aliases multiply. */
enum { LINK_FACTOR = 64, LINK_LEAST = 1 << 20 };

/* A listed path: the module `child` is the member `name` of `parent`. */
struct edge {
    size_t parent, child, listed; /* listed: as in struct module_place */
    struct field name;
};

struct linking {
    struct drafting *d;
    struct description *all;
    struct module_place *listed; /* sorted by path */
    size_t listed_count;
    struct edge *by_parent, *by_child; /* the same edges in two orders */
    size_t edge_count;
    size_t *first_by_parent, *first_by_child; /* of each module; one more at the end */
    size_t budget;
};

#define REPORT(l, code, ...) REPORT_ABOUT((l)->d->diags, code, (l)->d->subject, __VA_ARGS__)
#define SHOWN(l, name) name_shown((l)->d->scratch, name)

/* Takes memory that linking needs beyond the draft; false when the description asks for too much of it. */
static bool spend(struct linking *l, size_t count, size_t size)
{
    size_t bytes;
    if (!__builtin_mul_overflow(count, size, &bytes) && bytes <= l->budget) {
        l->budget -= bytes;
        return true;
    }
    return REPORT(l, too_large, "aliases and nested classes make more than %d times the description's own size", LINK_FACTOR);
}

/* `modules[3].path` or `modules[3].aliases[0]` */
static const char *place_text(struct linking *l, size_t module, size_t listed)
{
    if (!listed)
        return arena_printf(l->d->scratch, "modules[%zu].path", module);
    return arena_printf(l->d->scratch, "modules[%zu].aliases[%zu]", module, listed - 1);
}

/* ---- listed paths ---- */

static int compare_fields(const struct field *a, const struct field *b)
{
    int order = memcmp(a->bytes, b->bytes, a->size < b->size ? a->size : b->size);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* By path; then by module, so that a search finds the same one every time. */
static int compare_places(const void *a, const void *b)
{
    const struct module_place *p = a, *q = b;
    int order = compare_fields(&p->path, &q->path);
    if (!order)
        order = (p->module > q->module) - (p->module < q->module);
    return order ? order : (p->listed > q->listed) - (p->listed < q->listed);
}

/* Listed paths, with those of aliases; paths that follow from a container's alias are made later. */
static void list_places(struct linking *l)
{
    struct description *all = l->all;
    size_t count = 0, at = 0;
    for (size_t i = 0; i < all->module_count; i++)
        count += 1 + all->modules[i].alias_count;
    l->listed = ARENA_ARRAY(l->d->scratch, count + 1, struct module_place);
    for (size_t i = 0; i < all->module_count; i++) {
        const struct quern_module *m = &all->modules[i];
        l->listed[at++] = (struct module_place){{m->path, strlen(m->path)}, i, 0};
        for (size_t a = 0; a < m->alias_count; a++)
            l->listed[at++] = (struct module_place){m->aliases[a], i, a + 1};
    }
    l->listed_count = count;
    if (count)
        qsort(l->listed, count, sizeof *l->listed, compare_places);
}

static int find_listed(const void *key, const void *entry)
{
    return compare_fields(key, &((const struct module_place *)entry)->path);
}

/* ---- edges ---- */

/* Which module the path without its last name leads to; a module's own path must follow its parent's in the list. */
static bool make_edge(struct linking *l, const struct module_place *place, struct edge *edge)
{
    const char *dot = strrchr(place->path.bytes, '.');
    struct field parent = {place->path.bytes, dot ? (size_t)(dot - place->path.bytes) : 0};
    const struct module_place *found = bsearch(&parent, l->listed, l->listed_count, sizeof *found, find_listed);
    const char *where = place_text(l, place->module, place->listed);
    size_t skipped = dot ? parent.size + 1 : 0;
    if (found && (place->listed || found->module < place->module)) {
        *edge = (struct edge){found->module, place->module, place->listed, {place->path.bytes + skipped, place->path.size - skipped}};
        return true;
    }
    struct diag *diag = diag_report_about(l->d->diags, DIAG_description_paths, l->d->subject, found ? "%s: %s stands before its parent"
                                          : "%s: there is no module that holds %s", where, SHOWN(l, place->path.bytes));
    diag_help(l->d->diags, diag, "list every module, containers too, in the order of named_modules(): parents come first");
    return false;
}

/* Equal names of one parent become neighbours. */
static int compare_by_parent(const void *a, const void *b)
{
    const struct edge *e = a, *f = b;
    if (e->parent != f->parent)
        return e->parent < f->parent ? -1 : 1;
    int order = compare_fields(&e->name, &f->name);
    if (!order)
        order = (e->child > f->child) - (e->child < f->child);
    return order ? order : (e->listed > f->listed) - (e->listed < f->listed);
}

/* A module's own path first: it is listed as 0. */
static int compare_by_child(const void *a, const void *b)
{
    const struct edge *e = a, *f = b;
    if (e->child != f->child)
        return e->child < f->child ? -1 : 1;
    return (e->listed > f->listed) - (e->listed < f->listed);
}

/* A path given twice for one module is one edge; for two modules it is a fault. */
static bool merge_edges(struct linking *l)
{
    size_t kept = 0;
    qsort(l->by_parent, l->edge_count, sizeof *l->by_parent, compare_by_parent);
    for (size_t i = 0; i < l->edge_count; i++) {
        struct edge *e = &l->by_parent[i], *last = kept ? &l->by_parent[kept - 1] : NULL;
        bool same = last && last->parent == e->parent && !compare_fields(&last->name, &e->name);
        if (same && last->child != e->child)
            return REPORT(l, description_paths, "%s and %s are one path of two modules", place_text(l, last->child, last->listed),
                          place_text(l, e->child, e->listed));
        if (!same)
            l->by_parent[kept++] = *e;
    }
    l->edge_count = kept;
    return true;
}

/* The index of the first edge of each module, by the member at `offset`. */
static size_t *index_edges(struct linking *l, const struct edge *edges, size_t offset)
{
    size_t *first = ARENA_ARRAY(l->d->scratch, l->all->module_count + 1, size_t), at = 0;
    for (size_t i = 0; i <= l->all->module_count; i++) {
        while (at < l->edge_count && *(const size_t *)((const char *)&edges[at] + offset) < i)
            at++;
        first[i] = at;
    }
    return first;
}

/* The two orders hold the same edges: one to visit children, one to collect parents' paths. */
static bool make_edges(struct linking *l)
{
    l->by_parent = ARENA_ARRAY(l->d->scratch, l->listed_count + 1, struct edge);
    for (size_t i = 0; i < l->listed_count; i++)
        if (l->listed[i].path.size && !make_edge(l, &l->listed[i], &l->by_parent[l->edge_count++]))
            return false;
    if (!merge_edges(l))
        return false;
    l->by_child = ARENA_ARRAY(l->d->scratch, l->edge_count + 1, struct edge);
    memcpy(l->by_child, l->by_parent, l->edge_count * sizeof *l->by_child);
    qsort(l->by_child, l->edge_count, sizeof *l->by_child, compare_by_child);
    l->first_by_parent = index_edges(l, l->by_parent, offsetof(struct edge, parent));
    l->first_by_child = index_edges(l, l->by_child, offsetof(struct edge, child));
    return true;
}

/* ---- nodes ---- */

/* A module has a path for each path of each module that holds it. The root has one. */
static size_t count_paths(const struct linking *l, size_t module)
{
    size_t count = 0;
    for (size_t i = l->first_by_child[module]; i < l->first_by_child[module + 1]; i++)
        count += l->all->modules[l->by_child[i].parent].path_count;
    return module ? count : 1;
}

/* The parent's path, a dot, the name. */
static bool join_path(struct linking *l, const struct field *parent, const struct field *name, struct field *path)
{
    size_t dot = parent->size ? 1 : 0;
    if (!spend(l, 1, sizeof *path + sizeof(struct module_node) + sizeof(struct module_place) + parent->size + name->size + 2))
        return false;
    char *bytes = arena_alloc(l->d->arena, parent->size + dot + name->size + 1);
    memcpy(bytes, parent->bytes, parent->size);
    bytes[parent->size] = '.';
    memcpy(bytes + parent->size + dot, name->bytes, name->size);
    *path = (struct field){bytes, parent->size + dot + name->size};
    return true;
}

/* One node for each path. The module's own path comes first: its edge is the child's first. */
static bool make_nodes(struct linking *l, size_t module)
{
    struct quern_module *m = &l->all->modules[module];
    size_t count = count_paths(l, module), at = 0;
    if (!spend(l, count, sizeof(struct field)))
        return false;
    struct field *paths = ARENA_ARRAY(l->d->arena, count + 1, struct field);
    struct module_node *node = &m->node, shared = m->node;
    paths[0] = (struct field){m->path, 0}; /* the root's; others are joined below */
    node->name = paths[0];
    for (size_t i = l->first_by_child[module]; i < l->first_by_child[module + 1]; i++) {
        const struct edge *e = &l->by_child[i];
        const struct quern_module *parent = &l->all->modules[e->parent];
        const struct module_node *holder = &parent->node;
        for (size_t p = 0; p < parent->path_count; p++, holder = holder->alias) {
            if (at) {
                struct module_node *next = ARENA_NEW(l->d->arena, struct module_node);
                *next = shared;
                node->alias = next;
                node = next;
            }
            node->parent = holder;
            node->name = e->name;
            if (!join_path(l, &parent->paths[p], &e->name, &paths[at++]))
                return false;
        }
    }
    m->paths = paths;
    m->path_count = count;
    return true;
}

/* The module's own classes, then those of each module that holds it; unknown as soon as one of them is. */
static bool collect_classes(struct linking *l, size_t module)
{
    struct quern_module *m = &l->all->modules[module];
    size_t count = m->node.type_count;
    bool known = m->node.types != NULL;
    for (size_t i = l->first_by_child[module]; i < l->first_by_child[module + 1]; i++) {
        known &= l->all->modules[l->by_child[i].parent].outer_types != NULL;
        count += l->all->modules[l->by_child[i].parent].outer_type_count;
    }
    if (!known)
        return true;
    if (!spend(l, count, sizeof(struct field)))
        return false;
    struct field *types = ARENA_ARRAY(l->d->arena, count + 1, struct field);
    size_t at = m->node.type_count;
    memcpy(types, m->node.types, at * sizeof *types);
    for (size_t i = l->first_by_child[module]; i < l->first_by_child[module + 1]; i++) {
        const struct quern_module *parent = &l->all->modules[l->by_child[i].parent];
        memcpy(types + at, parent->outer_types, parent->outer_type_count * sizeof *types);
        at += parent->outer_type_count;
    }
    m->outer_types = types;
    m->outer_type_count = count;
    return true;
}

/* From the root outwards: each module after all that hold it. */
static bool visit_modules(struct linking *l)
{
    size_t count = l->all->module_count, done = 0, ready = 1;
    /* queue[0] is 0, the root: it is ready, since nothing holds it. pending counts edges that were not followed yet. */
    size_t *queue = ARENA_ARRAY(l->d->scratch, count + 1, size_t), *pending = ARENA_ARRAY(l->d->scratch, count + 1, size_t);
    for (size_t i = 0; i < l->edge_count; i++)
        pending[l->by_parent[i].child]++;
    for (; done < ready; done++) {
        size_t module = queue[done];
        if (!make_nodes(l, module) || !collect_classes(l, module))
            return false;
        for (size_t i = l->first_by_parent[module]; i < l->first_by_parent[module + 1]; i++)
            if (!--pending[l->by_parent[i].child])
                queue[ready++] = l->by_parent[i].child;
    }
    /* Whoever was not reached waits for itself, through others. */
    for (size_t i = 0; done < count && i < count; i++)
        if (pending[i])
            return REPORT(l, description_paths, "modules[%zu]: through its aliases %s holds itself", i, SHOWN(l, l->all->modules[i].path));
    return true;
}

/* What lookups search; places of one path cannot be two, since no two edges of a module have one name. */
static void sort_places(struct linking *l)
{
    struct description *all = l->all;
    size_t count = 0, at = 0;
    for (size_t i = 0; i < all->module_count; i++)
        count += all->modules[i].path_count;
    struct module_place *places = ARENA_ARRAY(l->d->arena, count + 1, struct module_place);
    for (size_t i = 0; i < all->module_count; i++)
        for (size_t p = 0; p < all->modules[i].path_count; p++)
            places[at++] = (struct module_place){all->modules[i].paths[p], i, p};
    qsort(places, count, sizeof *places, compare_places);
    all->places = places;
    all->place_count = count;
}

/* Rules decide about modules that hold no other as they do about tensors; see model_other_at. */
static void list_leaves(struct linking *l)
{
    size_t *leaves = ARENA_ARRAY(l->d->arena, l->all->module_count, size_t);
    for (size_t i = 0; i < l->all->module_count; i++)
        if (l->first_by_parent[i] == l->first_by_parent[i + 1])
            leaves[l->all->leaf_count++] = i;
    l->all->leaves = leaves;
}

/* ---- states ---- */

/* As description_state looks them up. */
static int compare_states(const void *a, const void *b)
{
    const struct module_state *s = *(const struct module_state *const *)a, *t = *(const struct module_state *const *)b;
    return s->owner != t->owner ? (s->owner > t->owner) - (s->owner < t->owner) : strcmp(s->name, t->name);
}

/* The full name has the module's first path. */
static bool name_state(struct linking *l, struct module_state *s)
{
    const struct quern_module *m = &l->all->modules[s->owner];
    s->module = m;
    if (!spend(l, 1, strlen(m->path) + strlen(s->name) + 2))
        return false;
    s->full_name = *m->path ? arena_printf(l->d->arena, "%s.%s", m->path, s->name) : s->name;
    return true;
}

/* Full names first, since the message about two equal ones shows one; equal names of one module are neighbours. */
static bool sort_states(struct linking *l)
{
    struct description *all = l->all;
    all->sorted = ARENA_ARRAY(l->d->arena, all->state_count + 1, const struct module_state *);
    for (size_t i = 0; i < all->state_count; i++) {
        if (!name_state(l, &all->states[i]))
            return false;
        all->sorted[i] = &all->states[i];
    }
    if (all->state_count)
        qsort(all->sorted, all->state_count, sizeof *all->sorted, compare_states);
    for (size_t i = 1; i < all->state_count; i++)
        if (!compare_states(&all->sorted[i - 1], &all->sorted[i]))
            return REPORT(l, duplicate_tensor, "modules[%zu]: %s stands twice", all->sorted[i]->owner, SHOWN(l, all->sorted[i]->full_name));
    return true;
}

/* A tie to itself is a fault; a circle of several is not: ops.c finds its root. */
static bool link_ties(struct linking *l)
{
    for (size_t i = 0; i < l->all->state_count; i++) {
        struct module_state *s = &l->all->states[i];
        s->tied_to = s->tied ? description_state(l->all, s->tied) : NULL;
        if (s->tied && (!s->tied_to || s->tied_to == s))
            return REPORT(l, description_name, "%s is tied to %s, which is no other parameter or buffer", SHOWN(l, s->full_name), SHOWN(l, s->tied));
    }
    return true;
}

/* ---- ops and boundaries ---- */

/* The values are const to all but this function. */
static bool link_values(struct linking *l, size_t op, const char *list, const struct op_value *values, size_t count)
{
    struct op_value *value = (struct op_value *)values; /* the description's own copies */
    for (size_t i = 0; i < count; i++) {
        value[i].state_at = value[i].state ? description_state(l->all, value[i].state) : NULL;
        if (value[i].state && !value[i].state_at)
            return REPORT(l, description_name, "ops[%zu].%s[%zu].state: there is no parameter or buffer %s", op, list, i,
                          SHOWN(l, value[i].state));
    }
    return true;
}

/* Owners and states by any path of their modules. */
static bool link_ops(struct linking *l)
{
    for (size_t i = 0; i < l->all->op_count; i++) {
        struct module_op *op = &l->all->ops[i];
        op->module = description_module(l->all, op->owner, strlen(op->owner));
        if (!op->module)
            return REPORT(l, description_name, "ops[%zu].owner: there is no module %s", i, SHOWN(l, op->owner));
        if (!link_values(l, i, "inputs", op->inputs, op->input_count) || !link_values(l, i, "outputs", op->outputs, op->output_count))
            return false;
    }
    return true;
}

/* Of several calls of one module all stay; who reads them takes the first. */
static bool link_boundaries(struct linking *l)
{
    for (size_t i = 0; i < l->all->boundary_count; i++) {
        struct module_boundary *b = &l->all->boundaries[i];
        b->module = description_module(l->all, b->path, strlen(b->path));
        if (!b->module)
            return REPORT(l, description_name, "boundaries[%zu].module: there is no module %s", i, SHOWN(l, b->path));
    }
    return true;
}

/* Paths before states, since full names need them; states before ops, since values name them. */
bool draft_link(struct drafting *d)
{
    struct linking l = {.d = d, .all = d->description};
    if (!l.all->module_count)
        return REPORT(&l, bad_description, "modules: expected at least one module, the root");
    if (__builtin_mul_overflow(l.all->drafted, (size_t)LINK_FACTOR, &l.budget) || __builtin_add_overflow(l.budget, (size_t)LINK_LEAST, &l.budget))
        l.budget = SIZE_MAX;
    list_places(&l);
    if (!make_edges(&l) || !visit_modules(&l))
        return false;
    sort_places(&l);
    list_leaves(&l);
    return sort_states(&l) && link_ties(&l) && link_ops(&l) && link_boundaries(&l);
}
