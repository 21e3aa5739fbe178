/* Eager mode: ops as they run. docs/coreai.md.
 *   tentative   each argument and result of an intercepted op: the op's own config
 *   a state     decided once for the whole model, by the first op that uses it: an owning module's module state, else that
 *               op's config, even when it says off
 *   boundaries  where the very tensor entered (left) a module that is running, the module's input (output) slots replace
 *               what the op says, the innermost module first */
#include "runtime/ops.h"

#include <string.h>
#include "runtime/report.h"

/* What the first user decided for a group of states. */
struct decision {
    const char *user; /* NULL: nobody yet */
    struct op_slot slot;
};
struct eager {
    struct quern_ops *o;
    struct decision *states; /* by group */
};

/* Intercepted: registered, or inside a module with slots of its own; and at least one tensor can be quantized. */
static bool is_intercepted(struct quern_ops *o, struct op_node *n)
{
    bool looked_at = n->registered, any = false;
    for (uint32_t i = 0; i < n->holder_count && !looked_at; i++) {
        const struct config *c = ops_module_config(o, n->holders[i]);
        for (size_t k = 0; c && k < c->slot_count; k++)
            looked_at |= c->slots[k].module;
    }
    for (uint32_t i = 0; i < n->input_count && looked_at; i++) {
        struct op_slot probe = n->inputs[i];
        any |= ops_quantizable(o, &probe);
    }
    return looked_at && any;
}

/* The op's own config; none for one that is not registered. What cannot be quantized is off, with a word when it was named. */
static void look_up(struct quern_ops *o, const struct op_node *n, struct op_slot *s)
{
    struct op_slot asked = *s;
    bool exact = false;
    if (n->registered)
        ops_look_up(o, n, &asked, &exact);
    if (ops_quantizable(o, s)) {
        *s = asked;
        return;
    }
    ops_warn_named(o, n, &asked, exact);
}

/* ---- states ---- */

/* An owner's module slot wins over the op's config, off included. */
static void decide_by_module(struct quern_ops *o, struct op_slot *s)
{
    uint32_t module;
    const struct slot *slot = ops_module_state(o, &o->states[s->state], &module);
    if (!slot)
        return;
    s->spec = slot->spec;
    s->rule = &o->recipe->recipe->rules[o->module_rules[module]];
    s->reason = slot->spec ? OP_REASON_module_state : OP_REASON_off;
}

/* A later user takes what was decided; with another default axis of its own it cannot. */
static void follow_first(struct eager *e, const struct op_node *n, struct op_slot *s)
{
    const struct decision *d = &e->states[s->state];
    struct op_slot asked = *s;
    bool exact, by_module = d->slot.reason == OP_REASON_module_state;
    if (n->registered && !by_module) {
        ops_look_up(e->o, n, &asked, &exact);
        ops_check_axes(e->o, s, d->user, d->slot.spec, n->name, asked.spec);
    }
    s->spec = d->slot.spec;
    s->rule = d->slot.rule;
    s->reason = s->spec && !by_module ? OP_REASON_first_user : d->slot.reason;
}

/* The first user decides for all, in execution order. What cannot be quantized at all is decided as well: no module slot
 * changes it. */
static void decide_state(struct eager *e, const struct op_node *n, struct op_slot *s)
{
    struct decision *d = &e->states[s->state];
    if (d->user) {
        follow_first(e, n, s);
        return;
    }
    look_up(e->o, n, s);
    if (s->reason != OP_REASON_not_float && s->reason != OP_REASON_one_element)
        decide_by_module(e->o, s);
    *d = (struct decision){n->name, *s};
}

/* ---- boundaries ---- */

/* The positions of a tensor in a list of names. */
static size_t find_positions(const char *tensor, const char *const *names, size_t count, int64_t *positions)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        if (!strcmp(names[i], tensor))
            positions[found++] = (int64_t)i;
    return found;
}

/* False: the module has no opinion. */
static bool ask_boundary(struct quern_ops *o, struct op_slot *s, uint32_t module)
{
    const struct module_boundary *b = o->boundaries[module];
    const struct config *c = ops_module_config(o, module);
    bool input = s->role == SLOT_INPUT, several;
    if (!b || !c)
        return false;
    size_t listed = input ? b->input_count : b->output_count;
    int64_t *positions = ARENA_ARRAY(&o->arena, listed + 1, int64_t);
    size_t count = find_positions(o->tensors[s->tensor].name, input ? b->inputs : b->outputs, listed, positions);
    /* A tensor that is not at the boundary has no position, and no slot is found. */
    const struct slot *slot = ops_boundary_slot(c, s->role, positions, count, &several);
    if (!slot)
        return false;
    if (several)
        REPORT_ABOUT(o->diags, coreai_several, o->tensors[s->tensor].name, "stands at several positions of `%s` that are configured; the first counts", b->path);
    s->spec = slot->spec;
    s->rule = &o->recipe->recipe->rules[o->module_rules[module]];
    s->reason = slot->spec ? OP_REASON_boundary : OP_REASON_off;
    return true;
}

/* The innermost module that has an opinion decides: the ones around it are not asked. */
static void override(struct quern_ops *o, const struct op_node *n, struct op_slot *s)
{
    bool done = s->state != OPS_NONE || s->reason == OP_REASON_not_float || s->reason == OP_REASON_one_element;
    for (uint32_t i = 0; i < n->holder_count && !done; i++)
        done = ask_boundary(o, s, n->holders[i]);
}

/* ---- the pass ---- */

/* States and activations first, so that a boundary sees what the op itself wanted. */
static void visit(struct eager *e, struct op_node *n)
{
    for (uint32_t i = 0; i < n->input_count; i++)
        if (n->inputs[i].state != OPS_NONE)
            decide_state(e, n, &n->inputs[i]);
        else
            look_up(e->o, n, &n->inputs[i]);
    for (uint32_t i = 0; i < n->output_count; i++)
        look_up(e->o, n, &n->outputs[i]);
    for (uint32_t i = 0; i < n->input_count; i++)
        override(e->o, n, &n->inputs[i]);
    for (uint32_t i = 0; i < n->output_count; i++)
        override(e->o, n, &n->outputs[i]);
}

void ops_decide_eager(struct quern_ops *o)
{
    struct eager e = {o, ARENA_ARRAY(&o->arena, o->state_count + 1, struct decision)};
    for (uint32_t i = 0; i < o->node_count; i++)
        if (is_intercepted(o, &o->nodes[i]))
            visit(&e, &o->nodes[i]);
}
