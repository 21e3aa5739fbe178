/* What a recipe says about the tensors of ops and about modules' boundaries. In: an op, one of its tensors; out: a spec, the
 * rule that gave it, the reason. Which of several answers counts is the modes'. See ops.h. */
#include "runtime/ops.h"

#include <string.h>
#include "runtime/report.h"

/* ---- matching ---- */

const struct config *ops_module_config(const struct quern_ops *o, uint32_t module)
{
    int rule = o->module_rules[module];
    const struct rule *r = rule < 0 ? NULL : &o->recipe->recipe->rules[rule];
    return r && r->target == AST_TARGET_CONFIG ? r->config : NULL;
}

static struct field make_field(const char *string)
{
    return (struct field){string, string ? strlen(string) : 0};
}

/* weight and bias by the name at the op. */
static const char *state_name(const struct op_slot *s)
{
    return s->value->name ? s->value->name : s->value->state_at->name;
}

/* An op's tensor is seen as the op's owner, with the op, the tensor's role, type and shape; a state with its name as well. */
const struct rule *ops_rule(struct quern_ops *o, const struct op_node *n, const struct op_slot *s)
{
    const struct quern_module *m = n->op->module;
    struct subject subject;
    subject_of_module(&subject, m->path, strlen(m->path), o->recipe->recipe->megatron_layers);
    module_fill_subject(m, &subject);
    subject.role = make_field(slot_role_words[s->role]);
    subject.op = make_field(n->op->type);
    subject.op_name = make_field(n->name);
    if (s->state != OPS_NONE) {
        const struct module_state *state = s->value->state_at;
        subject.param_name = make_field(state->name);
        subject.parameter = make_field(state->full_name);
        subject.dtype = state->dtype;
        subject.rank = state->rank;
        subject.shape = state->shape;
    } else {
        const struct op_tensor *t = &o->tensors[s->tensor];
        subject.dtype = t->dtype;
        subject.rank = t->rank;
        subject.shape = t->shape;
    }
    int rule = recipe_match(o->recipe, o->scratch, &subject).rule;
    return rule < 0 ? NULL : &o->recipe->recipe->rules[rule];
}

/* ---- slots ---- */

/* A state is asked for under every name it has anywhere (eager) or under its own (graph), then under `*`. */
static const struct slot *find_state_slot(const struct quern_ops *o, const struct config *c, const struct op_slot *s, bool *exact)
{
    const struct op_state *state = &o->states[s->state];
    const struct slot *found = NULL;
    *exact = true;
    for (uint32_t i = 0; o->eager && i < state->name_count && !found; i++)
        found = config_find_state(c, false, state->names[i]->name, true);
    if (!found)
        found = config_find_state(c, false, state_name(s), true);
    if (found)
        return found;
    *exact = false;
    return config_find_state(c, false, state_name(s), false);
}

/* *exact: by its index, not by `*`. */
static const struct slot *find_slot(const struct quern_ops *o, const struct config *c, const struct op_slot *s, bool *exact)
{
    if (s->state != OPS_NONE)
        return find_state_slot(o, c, s, exact);
    const struct slot *found = config_find_slot(c, false, s->role, s->index, NULL);
    *exact = found && found->key != SLOT_KEY_NONE;
    return found;
}

/* A skip turns everything off; a `spec` target gives its spec to every tensor. */
void ops_look_up(struct quern_ops *o, const struct op_node *n, struct op_slot *s, bool *exact)
{
    const struct rule *rule = ops_rule(o, n, s);
    *exact = false;
    s->rule = rule;
    s->spec = NULL;
    s->reason = rule ? OP_REASON_off : OP_REASON_no_rule;
    if (!rule || rule->target == AST_TARGET_SKIP)
        return;
    if (rule->target == AST_TARGET_SPEC) {
        s->spec = rule->spec;
        s->reason = OP_REASON_rule;
        return;
    }
    const struct slot *slot = find_slot(o, rule->config, s, exact);
    s->spec = slot ? slot->spec : NULL;
    s->reason = s->spec ? OP_REASON_rule : slot ? OP_REASON_off : OP_REASON_no_opinion;
}

/* A configured position wins over `*`; *several: more than one position is configured, with different slots. */
const struct slot *ops_boundary_slot(const struct config *c, enum slot_role role, const int64_t *indices, size_t count, bool *several)
{
    const struct slot *first = NULL, *every = NULL;
    *several = false;
    for (size_t i = 0; i < count; i++) {
        const struct slot *found = config_find_slot(c, true, role, indices[i], NULL);
        if (found && found->key == SLOT_KEY_NONE)
            every = found;
        else if (found) {
            *several |= first && first != found;
            first = first ? first : found;
        }
    }
    return first ? first : every;
}

/* The module's slot for the state: under any name the state has (eager), or under its name in this module. */
static const struct slot *find_module_state(const struct quern_ops *o, const struct config *c, const struct op_state *state, uint32_t own)
{
    const struct slot *found = NULL;
    for (uint32_t i = 0; i < state->name_count && !found && o->eager; i++)
        found = config_find_state(c, true, state->names[i]->name, true);
    if (!found)
        found = config_find_state(c, true, state->names[own]->name, true);
    return found ? found : config_find_state(c, true, "", false);
}

/* One config that several owners share is asked once where the answer does not depend on the owner. */
const struct slot *ops_module_state(const struct quern_ops *o, const struct op_state *state, uint32_t *module)
{
    const struct slot *best = NULL, *last_slot = NULL;
    const struct config *last = NULL;
    for (uint32_t i = 0; i < state->name_count; i++) {
        uint32_t owner = (uint32_t)state->names[i]->owner;
        const struct config *c = ops_module_config(o, owner);
        if (!c)
            continue;
        if (c != last || !o->eager) /* every name was tried */
            last_slot = find_module_state(o, c, state, i);
        last = c;
        if (!last_slot || (best && ops_compare_modules(o, owner, *module) >= 0))
            continue;
        best = last_slot;
        *module = owner;
    }
    return best;
}

/* ---- modules ---- */

/* Both modules have a rule: only such are compared. */
int ops_compare_modules(const struct quern_ops *o, uint32_t a, uint32_t b)
{
    unsigned left = (unsigned)o->module_rules[a], right = (unsigned)o->module_rules[b];
    if (left != right)
        return left < right ? -1 : 1;
    return a == b ? 0 : a > b ? -1 : 1;
}

bool ops_inside(const struct op_node *n, uint32_t module)
{
    for (uint32_t i = 0; i < n->holder_count; i++)
        if (n->holders[i] == module)
            return true;
    return false;
}

/* ---- what is said ---- */

void ops_warn_named(struct quern_ops *o, const struct op_node *n, const struct op_slot *asked, bool exact)
{
    if (exact && asked->spec)
        REPORT_ABOUT(o->diags, coreai_not_float, n->name, "`%s` names a tensor that cannot be quantized", asked->rule->name);
}

void ops_check_axes(struct quern_ops *o, const struct op_slot *s, const char *first, const struct spec *a, const char *second, const struct spec *b)
{
    struct spec other = b ? *b : (struct spec){0};
    if (!a || !b || a->granularity != GRANULARITY_channel || b->granularity != GRANULARITY_channel || a->axis == b->axis)
        return;
    other.axis = a->axis;
    if (spec_same(a, &other))
        REPORT_ABOUT(o->diags, coreai_axis, s->value->state_at->full_name, "Conflicting default axes: `%s` and `%s`", first, second);
}

/* ---- tensors ---- */

/* Unknown types count as floats. */
static bool is_float(int dtype, bool eager)
{
    if (dtype < 0)
        return true;
    switch ((enum dtype)dtype) {
    case DTYPE_f16: case DTYPE_bf16: case DTYPE_f32: case DTYPE_f64:
        return true;
    case DTYPE_f8_e5m2: case DTYPE_f8_e4m3: case DTYPE_f8_e8m0: case DTYPE_f8_e4m3fnuz: case DTYPE_f8_e5m2fnuz:
    case DTYPE_f4: case DTYPE_f6_e2m3: case DTYPE_f6_e3m2:
        return !eager;
    case DTYPE_bool: case DTYPE_u8: case DTYPE_i8: case DTYPE_i16: case DTYPE_u16: case DTYPE_i32: case DTYPE_u32:
    case DTYPE_c64: case DTYPE_i64: case DTYPE_u64: case DTYPE_COUNT:
        break;
    }
    return false;
}

/* coreai_opt quantizes floats; eager mode leaves out tensors of one element and the small floats, graph mode does not. */
bool ops_quantizable(struct quern_ops *o, struct op_slot *s)
{
    const struct module_state *state = s->state == OPS_NONE ? NULL : s->value->state_at;
    const struct op_tensor *t = state ? NULL : &o->tensors[s->tensor];
    int dtype = state ? state->dtype : t->dtype, rank = state ? state->rank : t->rank;
    const int64_t *shape = state ? state->shape : t->shape;
    bool one = rank >= 0;
    for (int i = 0; i < rank; i++)
        one &= shape[i] == 1;
    if (!is_float(dtype, o->eager))
        s->reason = OP_REASON_not_float;
    else if (one && o->eager)
        s->reason = OP_REASON_one_element;
    else
        return true;
    return false;
}
