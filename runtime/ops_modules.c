/* Graph mode, the module slots: they overwrite what the ops' configs gave, types before names, so that names win, and
 * within a level in the order in which coreai_opt makes configs, so that the outermost module wins.
 *   inputs    numbered by the pairs of an op inside and a tensor from outside, in execution order
 *   outputs   numbered by the ops inside whose result is used outside
 *   states    the first owner with an opinion decides for every user */
#define _GNU_SOURCE 1 /* qsort_r */
#include "runtime/ops.h"

#include <stdlib.h>
#include <string.h>

/* The ops inside one module with slots of its own. */
struct scope {
    uint32_t module;
    bool named;         /* by a rule about names */
    uint32_t *nodes;    /* in execution order */
    uint32_t count, capacity;
};
struct scopes {
    struct quern_ops *o;
    struct scope *items; /* by module, count 0 and nodes NULL where there are no slots */
};

/* The module has one: has_slots was asked. */
static const struct rule *rule_of(const struct quern_ops *o, uint32_t module)
{
    return &o->recipe->recipe->rules[o->module_rules[module]];
}

static bool has_slots(const struct quern_ops *o, uint32_t module)
{
    const struct config *c = ops_module_config(o, module);
    for (size_t i = 0; c && i < c->slot_count; i++)
        if (c->slots[i].module)
            return true;
    return false;
}

/* A condition on the path, anywhere but under a `not`, makes a rule one about names. */
static bool is_named(const struct ast_predicate *p)
{
    if (p->kind == AST_ATOM)
        return !strcmp(atom_rows[p->atom].field, "module");
    if (p->kind == AST_AND || p->kind == AST_OR)
        return is_named(p->left) || is_named(p->right);
    return p->kind == AST_SET && p->set_predicate && is_named(p->set_predicate);
}

/* slot NULL: the module has no opinion. */
static void overwrite(const struct quern_ops *o, struct op_slot *s, const struct slot *slot, uint32_t module)
{
    if (!slot || s->reason == OP_REASON_not_float)
        return;
    s->spec = slot->spec;
    s->rule = rule_of(o, module);
    s->reason = slot->spec ? OP_REASON_boundary : OP_REASON_off;
}

/* Comes the tensor from outside the module? */
static bool is_external(const struct quern_ops *o, const struct op_slot *s, uint32_t module)
{
    if (s->state != OPS_NONE)
        return false;
    uint32_t producer = o->tensors[s->tensor].producer;
    return producer == OPS_NONE || !ops_inside(&o->nodes[producer], module);
}

/* Is the op's result used outside the module, the model's caller included? */
static bool is_used_outside(const struct quern_ops *o, const struct op_node *n, uint32_t module)
{
    const struct op_tensor *t = n->output_count ? &o->tensors[n->outputs[0].tensor] : NULL;
    for (uint32_t i = 0; t && i < t->use_count; i++)
        if (!ops_inside(&o->nodes[t->uses[i].node], module))
            return true;
    return t && (t->returned || !t->use_count);
}

/* Positions count pairs, so one tensor that two ops inside read has two numbers. */
static void apply_scope(struct quern_ops *o, const struct scope *scope)
{
    const struct config *c = ops_module_config(o, scope->module);
    int64_t input = 0, output = 0;
    for (uint32_t i = 0; i < scope->count; i++) {
        struct op_node *n = &o->nodes[scope->nodes[i]];
        for (uint32_t k = 0; k < n->input_count; k++)
            if (is_external(o, &n->inputs[k], scope->module))
                overwrite(o, &n->inputs[k], config_find_slot(c, true, SLOT_INPUT, input++, NULL), scope->module);
        if (is_used_outside(o, n, scope->module))
            overwrite(o, &n->outputs[0], config_find_slot(c, true, SLOT_OUTPUT, output++, NULL), scope->module);
    }
}

static void apply_states(struct quern_ops *o)
{
    for (uint32_t i = 0; i < o->state_count; i++) {
        uint32_t module;
        const struct op_state *state = &o->states[i];
        const struct slot *slot = ops_module_state(o, state, &module);
        for (uint32_t k = 0; slot && k < state->use_count; k++) {
            struct op_slot *s = &o->nodes[state->uses[k].node].inputs[state->uses[k].input];
            overwrite(o, s, slot, module);
            if (s->reason == OP_REASON_boundary)
                s->reason = OP_REASON_module_state;
        }
    }
}

/* In the order in which they apply. */
static int compare_scopes(const void *left, const void *right, void *user)
{
    const struct scope *a = left, *b = right;
    if (a->named != b->named)
        return a->named ? 1 : -1;
    return ops_compare_modules(user, a->module, b->module);
}

/* Nodes are visited in execution order, so each scope's are in it too. */
static void list_scopes(struct scopes *s)
{
    struct quern_ops *o = s->o;
    for (uint32_t m = 0; m < o->all->module_count; m++) {
        s->items[m].module = m;
        s->items[m].named = o->module_rules[m] >= 0 && is_named(rule_of(o, m)->predicate);
    }
    for (uint32_t i = 0; i < o->node_count; i++)
        for (uint32_t k = 0; k < o->nodes[i].holder_count; k++) {
            struct scope *scope = &s->items[o->nodes[i].holders[k]];
            if (has_slots(o, scope->module))
                *ARENA_PUSH(&o->arena, scope->nodes, scope->count, scope->capacity) = i;
        }
}

void ops_overwrite_by_modules(struct quern_ops *o)
{
    struct scopes s = {o, ARENA_ARRAY(&o->arena, o->all->module_count, struct scope)};
    list_scopes(&s);
    qsort_r(s.items, o->all->module_count, sizeof *s.items, compare_scopes, o);
    for (size_t i = 0; i < o->all->module_count; i++)
        apply_scope(o, &s.items[i]);
    apply_states(o);
}
