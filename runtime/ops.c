/* Ops of a described model: preparing nodes, tensors and groups of tied states; listing what was decided. In: a linked
 * description and a recipe; out: rows in execution order. coreai_opt's registry of ops is lang/coreai_ops.def. See ops.h. */
#include "runtime/ops.h"

#include <string.h>
#include "runtime/report.h"

/* The ops that a mode looks at, and the pattern of graph mode that they are part of. */
static const struct {
    const char *type;
    bool eager;
    enum op_pattern pattern;
} registered[] = {
#define COREAI_OP(type, eager, graph) {type, eager, PATTERN_##graph},
#include "lang/coreai_ops.def"
#undef COREAI_OP
};
static const char *const reason_texts[] = {
#define OP_REASON(name, text) text,
#include "runtime/op_reasons.def"
#undef OP_REASON
};

/* ---- names to numbers ---- */

/* The tensor of that name, made when it is new; tensors may move. */
static uint32_t find_tensor(struct quern_ops *o, const char *name)
{
    bool found;
    uint32_t *at = yaml_table_at(&o->tensor_names, name, &found);
    if (found)
        return *at;
    *at = o->tensor_count;
    *ARENA_PUSH(&o->arena, o->tensors, o->tensor_count, o->tensor_capacity) =
        (struct op_tensor){.name = name, .dtype = -1, .rank = -1, .producer = OPS_NONE};
    return o->tensor_count - 1;
}

/* The state whose storage the others share; ties may be written in a circle. */
static const struct module_state *root_of(const struct quern_ops *o, const struct module_state *state)
{
    const struct module_state *least = state, *at = state;
    for (size_t steps = 0; at->tied_to && steps < o->all->state_count; steps++) {
        at = at->tied_to;
        least = at < least ? at : least;
        if (at == state)
            return least;
    }
    return at;
}

/* States are numbered by their roots; every state is entered, so that a group knows all of its names. */
static void list_states(struct quern_ops *o)
{
    for (size_t i = 0; i < o->all->state_count; i++) {
        const struct module_state *state = &o->all->states[i];
        bool found;
        uint32_t *at = yaml_table_at(&o->state_names, root_of(o, state)->full_name, &found);
        if (!found) {
            *at = o->state_count;
            *ARENA_PUSH(&o->arena, o->states, o->state_count, o->state_capacity) = (struct op_state){0};
        }
        struct op_state *group = &o->states[*at];
        *ARENA_PUSH(&o->arena, group->names, group->name_count, group->name_capacity) = state;
    }
}

/* ---- nodes ---- */

/* Norms and activations are part of graph patterns and have none of their own. false: the mode does not look at the op. */
static bool read_op_type(struct op_node *n, bool eager)
{
    for (size_t i = 0; i < sizeof registered / sizeof *registered; i++)
        if (!strcmp(registered[i].type, n->op->type)) {
            n->pattern = registered[i].pattern;
            return eager ? registered[i].eager : n->pattern != PATTERN_norm && n->pattern != PATTERN_activation;
        }
    return false;
}

/* The owner's path as it ran, cut at its dots. */
static void list_holders(struct quern_ops *o, struct op_node *n)
{
    const char *path = n->op->owner;
    size_t size = strlen(path), count = 2;
    for (size_t i = 0; i < size; i++)
        count += path[i] == '.';
    uint32_t *holders = ARENA_ARRAY(&o->arena, count, uint32_t);
    n->holders = holders;
    for (;;) {
        const struct quern_module *m = description_module(o->all, path, size);
        if (m)
            holders[n->holder_count++] = (uint32_t)(m - o->all->modules);
        if (!size)
            return;
        while (size && path[size - 1] != '.')
            size--;
        size -= size > 0;
    }
}

static enum slot_role role_of_state(const struct op_value *v)
{
    const char *name = v->name ? v->name : v->state_at->name;
    return !strcmp(name, "weight") ? SLOT_WEIGHT : !strcmp(name, "bias") ? SLOT_BIAS : SLOT_STATE;
}

/* What a value says of its tensor's type and shape, unless that is known already. */
static void know_tensor(struct op_tensor *t, const struct op_value *v)
{
    if (t->dtype < 0)
        t->dtype = v->dtype;
    if (t->rank < 0) {
        t->rank = v->rank;
        t->shape = v->shape;
    }
}

/* Uses are added in execution order: the first user is uses[0]. */
static void add_use(struct quern_ops *o, struct op_slot *s, uint32_t node, uint32_t input)
{
    bool state = s->state != OPS_NONE;
    struct op_state *group = state ? &o->states[s->state] : NULL;
    struct op_tensor *t = state ? NULL : &o->tensors[s->tensor];
    struct op_use use = {node, input};
    if (group)
        *ARENA_PUSH(&o->arena, group->uses, group->use_count, group->use_capacity) = use;
    else
        *ARENA_PUSH(&o->arena, t->uses, t->use_count, t->use_capacity) = use;
}

/* Until the mode decides, a slot's reason is that its op is not registered. */
static struct op_slot make_slot(struct quern_ops *o, const struct op_value *v, enum slot_role role, uint32_t place)
{
    struct op_slot s = {.value = v, .role = role, .tensor = OPS_NONE, .state = OPS_NONE, .index = place, .reason = OP_REASON_unregistered};
    bool found;
    if (v->state_at) {
        s.role = role_of_state(v);
        s.state = *yaml_table_at(&o->state_names, root_of(o, v->state_at)->full_name, &found);
        return s;
    }
    s.tensor = find_tensor(o, v->tensor);
    know_tensor(&o->tensors[s.tensor], v);
    return s;
}

/* Linear: inputs are few, and bounded by DISTINCT_INPUTS_MAX. */
static bool is_listed_before(const struct op_node *n, const struct op_slot *s)
{
    for (uint32_t i = 0; i < n->input_count; i++)
        if (n->inputs[i].tensor == s->tensor && n->inputs[i].state == s->state)
            return true;
    return false;
}

enum { DISTINCT_INPUTS_MAX = 4096 }; /* beyond it an op's inputs count one by one in graph mode too */

/* Eager mode counts arguments, graph mode the distinct tensors among them. */
static void add_inputs(struct quern_ops *o, struct op_node *n, uint32_t node)
{
    n->inputs = ARENA_ARRAY(&o->arena, n->op->input_count + 1, struct op_slot);
    for (size_t i = 0; i < n->op->input_count; i++) {
        const struct op_value *v = &n->op->inputs[i];
        struct op_slot s = make_slot(o, v, SLOT_INPUT, n->input_count);
        if (o->eager)
            s.index = v->index >= 0 ? v->index : (int64_t)i;
        else if (n->op->input_count <= DISTINCT_INPUTS_MAX && is_listed_before(n, &s))
            continue;
        add_use(o, &s, node, n->input_count);
        n->inputs[n->input_count++] = s;
    }
}

/* The first op that gives a tensor out is its producer. */
static void add_outputs(struct quern_ops *o, struct op_node *n, uint32_t node)
{
    n->outputs = ARENA_ARRAY(&o->arena, n->op->output_count + 1, struct op_slot);
    for (size_t i = 0; i < n->op->output_count; i++) {
        struct op_slot s = make_slot(o, &n->op->outputs[i], SLOT_OUTPUT, (uint32_t)i);
        if (s.state != OPS_NONE)
            continue; /* written in place: a state has no output quantizer */
        struct op_tensor *t = &o->tensors[s.tensor];
        if (t->producer == OPS_NONE) {
            t->producer = node;
            t->output = n->output_count;
        }
        n->outputs[n->output_count++] = s;
    }
}

/* In execution order, which every later loop relies on. */
static void list_nodes(struct quern_ops *o)
{
    o->nodes = ARENA_ARRAY(&o->arena, o->all->op_count + 1, struct op_node);
    for (size_t i = 0; i < o->all->op_count; i++) {
        const struct module_op *op = &o->all->ops[i];
        struct op_node *n = &o->nodes[o->node_count];
        *n = (struct op_node){.op = op, .name = o->eager ? op->eager_name : op->graph_name};
        if (!n->name)
            continue;
        n->registered = read_op_type(n, o->eager);
        list_holders(o, n);
        add_inputs(o, n, o->node_count);
        add_outputs(o, n, o->node_count);
        o->node_count++;
    }
}

/* ---- modules ---- */

/* Each module's own rule, and what its forward takes and returns; the root's results leave the model. */
static void match_modules(struct quern_ops *o)
{
    o->module_rules = ARENA_ARRAY(&o->arena, o->all->module_count, int);
    o->boundaries = ARENA_ARRAY(&o->arena, o->all->module_count, const struct module_boundary *);
    for (size_t i = 0; i < o->all->module_count; i++) {
        const struct quern_module *m = &o->all->modules[i];
        struct subject subject;
        subject_of_module(&subject, m->path, strlen(m->path), o->recipe->recipe->megatron_layers);
        module_fill_subject(m, &subject);
        o->module_rules[i] = recipe_match(o->recipe, o->scratch, &subject).rule;
    }
    for (size_t i = o->all->boundary_count; i--;) /* of several calls the first counts */
        o->boundaries[o->all->boundaries[i].module - o->all->modules] = &o->all->boundaries[i];
    const struct module_boundary *root = o->boundaries[0];
    for (size_t i = 0; root && i < root->output_count; i++) {
        uint32_t tensor = find_tensor(o, root->outputs[i]); /* may move the tensors */
        o->tensors[tensor].returned = true;
    }
}

/* ---- blocks and schedules ---- */

/* How many elements of dimension i one scale takes; 0: all. */
static int64_t block_size(const struct spec *spec, int i, int rank)
{
    int axis = spec->axis < 0 ? spec->axis + rank : spec->axis;
    if (spec->granularity == GRANULARITY_group)
        return i == axis ? spec->group : 1;
    if (spec->granularity == GRANULARITY_block)
        return (unsigned)i < spec->block_rank && spec->block[i] > 0 ? spec->block[i] : 0;
    return 0;
}

/* coreai_opt quantizes nothing whose block does not divide. */
static void drop_ragged(struct quern_ops *o, const struct op_node *n, struct op_slot *s)
{
    const struct module_state *state = s->state == OPS_NONE ? NULL : s->value->state_at;
    int rank = state ? state->rank : o->tensors[s->tensor].rank;
    const int64_t *shape = state ? state->shape : o->tensors[s->tensor].shape;
    for (int i = 0; s->spec && !s->spec->ragged_pad && i < rank; i++) {
        int64_t size = block_size(s->spec, i, rank);
        if (!size || shape[i] % size == 0)
            continue;
        const char *name = state ? state->full_name : o->tensors[s->tensor].name;
        REPORT_ABOUT(o->diags, coreai_block, name, "%lld elements of dimension %d are no whole number of blocks of %lld; `%s` does not quantize it",
                     (long long)shape[i], i, (long long)size, n->name);
        s->spec = NULL;
        s->reason = OP_REASON_ragged;
    }
}

/* Schedules belong to configs, and through them to modules. */
static const char *schedule_of(const struct quern_ops *o, uint32_t module)
{
    const struct config *c = ops_module_config(o, module);
    return c ? c->schedule : NULL;
}

static uint32_t owner_of(const struct op_node *n)
{
    return n->holders[0];
}

/* Eager: the module that holds the quantizer. Graph: the first consumer's, whoever asked for it. */
static void schedule(struct quern_ops *o, struct op_node *n, struct op_slot *s)
{
    uint32_t module = owner_of(n);
    if (s->state != OPS_NONE) {
        const struct op_state *state = &o->states[s->state];
        module = o->eager ? (uint32_t)state->names[0]->owner : owner_of(&o->nodes[state->uses[0].node]);
        for (uint32_t i = 1; o->eager && i < state->name_count; i++)
            if (schedule_of(o, (uint32_t)state->names[i]->owner) != schedule_of(o, module) && s->value->state_at == state->names[0])
                REPORT_ABOUT(o->diags, coreai_schedules, state->names[i]->full_name, "tied to `%s`, whose module has another schedule; that one counts",
                             state->names[0]->full_name);
    } else if (!o->eager && s->role == SLOT_OUTPUT && o->tensors[s->tensor].use_count) {
        module = owner_of(&o->nodes[o->tensors[s->tensor].uses[0].node]);
    }
    s->schedule = s->spec ? schedule_of(o, module) : NULL;
}

/* After the modes: blocks that do not divide, then schedules of what is left. */
static void settle(struct quern_ops *o)
{
    for (uint32_t i = 0; i < o->node_count; i++) {
        struct op_node *n = &o->nodes[i];
        for (uint32_t k = 0; k < n->input_count; k++) {
            drop_ragged(o, n, &n->inputs[k]);
            schedule(o, n, &n->inputs[k]);
        }
        for (uint32_t k = 0; k < n->output_count; k++) {
            drop_ragged(o, n, &n->outputs[k]);
            schedule(o, n, &n->outputs[k]);
        }
    }
}

/* ---- rows ---- */

static const char *slot_text(struct quern_ops *o, const struct op_slot *s)
{
    if (s->role == SLOT_WEIGHT || s->role == SLOT_BIAS)
        return slot_role_words[s->role];
    if (s->role == SLOT_STATE)
        return arena_printf(&o->arena, "state[\"%s\"]", s->value->name ? s->value->name : s->value->state_at->name);
    return arena_printf(&o->arena, "%s[%lld]", slot_role_words[s->role], (long long)s->index);
}

static const char *spec_text(struct quern_ops *o, const struct spec *spec)
{
    struct text text = text_make(&o->arena);
    if (spec)
        spec_print(&text, spec);
    return spec ? text_string(&text) : NULL;
}

static void add_row(struct quern_ops *o, const struct op_node *n, const struct op_slot *s)
{
    o->rows[o->row_count++] = (struct quern_op_row){
        .op = n->name, .type = n->op->type, .owner = n->op->module->path, .slot = slot_text(o, s),
        .tensor = s->state != OPS_NONE ? s->value->state_at->full_name : o->tensors[s->tensor].name,
        .spec = spec_text(o, s->spec), .config = s->rule ? s->rule->name : NULL, .origin = s->rule ? s->rule->origin : NULL,
        .schedule = s->schedule, .reason = reason_texts[s->reason]};
}

/* Each op's inputs before its outputs. */
static void list_rows(struct quern_ops *o)
{
    size_t count = 0;
    for (uint32_t i = 0; i < o->node_count; i++)
        count += o->nodes[i].input_count + o->nodes[i].output_count;
    o->rows = ARENA_ARRAY(&o->arena, count + 1, struct quern_op_row);
    for (uint32_t i = 0; i < o->node_count; i++) {
        const struct op_node *n = &o->nodes[i];
        for (uint32_t k = 0; k < n->input_count; k++)
            add_row(o, n, &n->inputs[k]);
        for (uint32_t k = 0; k < n->output_count; k++)
            add_row(o, n, &n->outputs[k]);
    }
}

/* ---- entry ---- */

/* More ops than numbers, or none of the mode: the same message, since no description in use comes near the first. */
static enum quern_status resolve(struct session *session, void *call)
{
    struct quern_ops *o = call;
    o->all = o->model->description;
    o->diags = session->diags;
    if (o->all && o->all->op_count < OPS_NONE) {
        o->scratch = recipe_borrow_for(session, o->recipe);
        list_states(o);
        list_nodes(o);
    }
    if (!o->node_count) {
        REPORT_ABOUT(session->diags, coreai_no_ops, o->model->path, "no op of %s mode is described there", o->eager ? "eager" : "graph");
        return diags_status(session->diags);
    }
    match_modules(o);
    if (o->eager)
        ops_decide_eager(o);
    else
        ops_decide_graph(o);
    settle(o);
    list_rows(o);
    return diags_status(session->diags);
}

/* All of it in one session, with the handle's arena: rows outlive it, scratch and messages do not. */
enum quern_status quern_ops_resolve(quern_recipe *recipe, quern_model *model, enum quern_subject_kind kind, quern_ops **ops)
{
    if (!recipe || !model || !ops || (kind != QUERN_OPS_EAGER && kind != QUERN_OPS_GRAPH))
        return QUERN_USAGE;
    *ops = NULL;
    struct quern_ops *o = context_allocate(recipe->context, sizeof *o);
    if (!o)
        return QUERN_LIMIT;
    o->context = recipe->context;
    o->recipe = recipe;
    o->model = model;
    o->eager = kind == QUERN_OPS_EAGER;
    arena_init(&o->arena, &o->context->allocator);
    o->tensor_names.arena = o->state_names.arena = &o->arena;
    enum quern_status status = context_enter(o->context, &o->arena, resolve, o);
    if (status)
        quern_ops_close(o);
    else
        *ops = o;
    return status;
}

void quern_ops_close(quern_ops *ops)
{
    if (!ops)
        return;
    struct quern_context *context = ops->context;
    arena_close(&ops->arena);
    context_release(context, ops, sizeof *ops);
}

size_t quern_ops_count(const quern_ops *ops)
{
    return ops->row_count;
}

struct quern_op_row quern_ops_at(const quern_ops *ops, size_t index)
{
    return ops->rows[index];
}
