/* Graph mode: patterns of ops annotated in the order of their configs. docs/coreai.md.
 *   order       module level (name, type, global), op level (name, type, neither), longer patterns, execution order; a
 *               pattern with an annotated op is passed over
 *   an input    what the producer's output has, else the op's own config
 *   an output   of the pattern's last op: off is off; else what the first annotated consumer's edge has, else the config
 *   shared ops  one spec for inputs and output (flatten, pools, mean, cat): the last input's that has one, else the config's
 *   a state     what an annotated user has, null included, else the op's own config
 *   modules     at last, module slots overwrite: types, then names, each in the order in which coreai_opt makes configs */
#include "runtime/ops.h"

#include <stdlib.h>
#include <string.h>
#include "runtime/report.h"

/* A pattern found: ops first, first + 1 … of the chain. */
struct match {
    uint32_t nodes[3], count;
    unsigned module_level, op_level;
};
/* The pass's state: an annotated node is not looked at again by a pattern. */
struct graph {
    struct quern_ops *o;
    bool *annotated;        /* by node */
    struct match *matches;
    size_t match_count, match_capacity;
    uint32_t *work;         /* tensors that wait to be pushed on */
    size_t work_count, work_capacity;
};

/* ---- levels ---- */

enum { MODULE_NAME, MODULE_TYPE, MODULE_GLOBAL, OP_NAME = 0, OP_TYPE, OP_DEFAULT };
/* Where a rule stands in coreai_opt's order: smaller is earlier. */
struct levels {
    unsigned module, op;
};

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* By the field that the atom looks at: paths are names, classes are types, all else is neither. */
static struct levels levels_of_atom(enum atom atom)
{
    struct levels l = {MODULE_GLOBAL, OP_DEFAULT};
    const char *field = atom_rows[atom].field;
    if (!strcmp(field, "module"))
        l.module = MODULE_NAME;
    else if (atom == ATOM_type || atom == ATOM_under_type || atom == ATOM_isa)
        l.module = MODULE_TYPE;
    else if (!strcmp(field, "op_name"))
        l.op = OP_NAME;
    else if (!strcmp(field, "op"))
        l.op = OP_TYPE;
    return l;
}

/* The most specific of what must hold, the least specific of what may. */
static struct levels levels_of(const struct ast_predicate *p)
{
    struct levels l = {MODULE_GLOBAL, OP_DEFAULT}, a, b;
    switch (p->kind) {
    case AST_ATOM:
        return levels_of_atom(p->atom);
    case AST_SET:
        return p->set_predicate ? levels_of(p->set_predicate) : l;
    case AST_AND:
        a = levels_of(p->left);
        b = levels_of(p->right);
        return (struct levels){least(a.module, b.module), least(a.op, b.op)};
    case AST_OR:
        a = levels_of(p->left);
        b = levels_of(p->right);
        return (struct levels){a.module > b.module ? a.module : b.module, a.op > b.op ? a.op : b.op};
    case AST_NOT: case AST_COMPARE: case AST_IN: case AST_ANY:
        break;
    }
    return l;
}

/* Of the rule that the op's first tensor gets; an op without one comes last. */
static struct levels levels_of_node(struct graph *g, const struct op_node *n)
{
    static const struct op_slot nothing = {.role = SLOT_INPUT, .tensor = OPS_NONE, .state = OPS_NONE};
    const struct op_slot *s = n->input_count ? &n->inputs[0] : n->output_count ? &n->outputs[0] : &nothing;
    const struct rule *rule = s == &nothing ? NULL : ops_rule(g->o, n, s);
    return rule ? levels_of(rule->predicate) : (struct levels){MODULE_GLOBAL, OP_DEFAULT};
}

/* ---- patterns ---- */

/* The op that alone takes the node's result; OPS_NONE: several do, or the model gives it out. */
static uint32_t only_user(const struct quern_ops *o, uint32_t node)
{
    const struct op_node *n = &o->nodes[node];
    const struct op_tensor *t = n->output_count == 1 ? &o->tensors[n->outputs[0].tensor] : NULL;
    return t && t->use_count == 1 && !t->returned ? t->uses[0].node : OPS_NONE;
}

static bool has_pattern(const struct quern_ops *o, uint32_t node, enum op_pattern pattern)
{
    return node != OPS_NONE && o->nodes[node].pattern == pattern;
}

/* b and c may be OPS_NONE: a pattern of one op, or of two. */
static void add_match(struct graph *g, struct levels l, uint32_t a, uint32_t b, uint32_t c)
{
    struct match m = {{a, b, c}, 1 + (b != OPS_NONE) + (c != OPS_NONE), l.module, l.op};
    *ARENA_PUSH(&g->o->arena, g->matches, g->match_count, g->match_capacity) = m;
}

/* An op alone, and what coreai_opt fuses behind it: norm, norm and activation, activation. */
static void find_matches(struct graph *g, uint32_t node)
{
    struct quern_ops *o = g->o;
    enum op_pattern pattern = o->nodes[node].pattern;
    bool weighted = pattern == PATTERN_convolution || pattern == PATTERN_linear;
    if (!o->nodes[node].registered)
        return;
    struct levels l = levels_of_node(g, &o->nodes[node]);
    /* Only a result that nobody else sees can be fused with what takes it. */
    uint32_t next = weighted || pattern == PATTERN_nary ? only_user(o, node) : OPS_NONE;
    bool norm = weighted && has_pattern(o, next, PATTERN_norm);
    uint32_t after = norm ? only_user(o, next) : OPS_NONE;
    add_match(g, l, node, OPS_NONE, OPS_NONE);
    if (norm)
        add_match(g, l, node, next, OPS_NONE);
    if (norm && has_pattern(o, after, PATTERN_activation))
        add_match(g, l, node, next, after);
    if (has_pattern(o, next, PATTERN_activation))
        add_match(g, l, node, next, OPS_NONE);
}

/* Total: two matches that begin at one node differ in length, since what stands behind it is a norm or an activation. */
static int compare_matches(const void *left, const void *right)
{
    const struct match *a = left, *b = right;
    if (a->module_level != b->module_level)
        return a->module_level < b->module_level ? -1 : 1;
    if (a->op_level != b->op_level)
        return a->op_level < b->op_level ? -1 : 1;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return a->nodes[0] < b->nodes[0] ? -1 : 1;
}

/* ---- tensors ---- */

/* What the tensor's producer has as its output. */
static struct op_slot *producer_slot(const struct graph *g, uint32_t tensor)
{
    const struct op_tensor *t = &g->o->tensors[tensor];
    return t->producer == OPS_NONE ? NULL : &g->o->nodes[t->producer].outputs[t->output];
}

/* A spec of none keeps the other's reason: it says why there is none. */
static void take(struct op_slot *to, const struct op_slot *from, enum op_reason reason)
{
    to->spec = from->spec;
    to->rule = from->rule;
    to->reason = from->spec ? reason : from->reason;
}

/* An index that a config names must not be a state's. */
static void refuse_state_index(struct graph *g, const struct op_node *n, const struct op_slot *s)
{
    const struct rule *rule = ops_rule(g->o, n, s);
    const struct slot *slot = rule && rule->target == AST_TARGET_CONFIG ? config_find_slot(rule->config, false, SLOT_INPUT, s->index, NULL) : NULL;
    if (slot && slot->key == SLOT_KEY_INDEX)
        REPORT_ABOUT(g->o->diags, coreai_state_index, n->name, "Config is attempting to set op_input_spec idx %lld, which is the state `%s`",
                     (long long)s->index, s->value->state_at->full_name);
}

/* An annotated user's decision binds, null included: one storage has one quantizer. The op's own config is still looked up, for
 * a default axis that differs is an error. */
static void annotate_state(struct graph *g, const struct op_node *n, struct op_slot *s)
{
    const struct op_state *state = &g->o->states[s->state];
    bool exact;
    refuse_state_index(g, n, s);
    ops_look_up(g->o, n, s, &exact);
    for (uint32_t i = 0; i < state->use_count; i++) {
        struct op_node *user = &g->o->nodes[state->uses[i].node];
        if (!g->annotated[state->uses[i].node] || user == n)
            continue;
        const struct op_slot *decided = &user->inputs[state->uses[i].input];
        ops_check_axes(g->o, s, user->name, decided->spec, n->name, s->spec);
        take(s, decided, OP_REASON_first_user);
        return;
    }
}

/* The producer's spec wins, so that an edge has one quantizer; a key of its own for what cannot be quantized is warned of. */
static void annotate_input(struct graph *g, const struct op_node *n, struct op_slot *s)
{
    bool exact;
    struct op_slot asked = *s;
    const struct op_slot *made = s->state == OPS_NONE ? producer_slot(g, s->tensor) : NULL;
    ops_look_up(g->o, n, &asked, &exact);
    if (!ops_quantizable(g->o, s)) {
        ops_warn_named(g->o, n, &asked, exact);
        return;
    }
    if (s->state != OPS_NONE)
        annotate_state(g, n, s);
    else if (made && made->spec)
        take(s, made, OP_REASON_producer);
    else
        *s = asked;
}

/* The spec on the edge to the first annotated consumer, in execution order; NULL: none has one. */
static const struct op_slot *find_consumer(struct graph *g, uint32_t tensor)
{
    const struct op_tensor *t = &g->o->tensors[tensor];
    for (uint32_t i = 0; i < t->use_count; i++) {
        const struct op_node *user = &g->o->nodes[t->uses[i].node];
        const struct op_slot *s = &user->inputs[t->uses[i].input];
        if (g->annotated[t->uses[i].node] && s->spec)
            return s;
    }
    return NULL;
}

/* ---- shared ops ---- */

/* Copied first: `from` may be one of the slots that are written. */
static void share(struct op_node *n, const struct op_slot *from)
{
    struct op_slot decided = *from;
    for (uint32_t i = 0; i < n->input_count; i++)
        if (n->inputs[i].state == OPS_NONE && n->inputs[i].reason != OP_REASON_not_float)
            take(&n->inputs[i], &decided, OP_REASON_shared);
    for (uint32_t i = 0; i < n->output_count; i++)
        if (n->outputs[i].reason != OP_REASON_not_float)
            take(&n->outputs[i], &decided, OP_REASON_shared);
}

/* The output's spec goes on through every shared op behind it that is not annotated. */
static void push_on(struct graph *g, uint32_t tensor)
{
    struct quern_ops *o = g->o;
    *ARENA_PUSH(&o->arena, g->work, g->work_count, g->work_capacity) = tensor;
    while (g->work_count) {
        uint32_t at = g->work[--g->work_count];
        const struct op_slot *from = producer_slot(g, at);
        for (uint32_t i = 0; from && from->spec && i < o->tensors[at].use_count; i++) {
            uint32_t user = o->tensors[at].uses[i].node;
            if (o->nodes[user].pattern != PATTERN_shared || g->annotated[user])
                continue;
            g->annotated[user] = true;
            share(&o->nodes[user], from);
            for (uint32_t k = 0; k < o->nodes[user].output_count; k++)
                *ARENA_PUSH(&o->arena, g->work, g->work_count, g->work_capacity) = o->nodes[user].outputs[k].tensor;
        }
    }
}

/* Consumers behind an unannotated shared op count as the tensor's own. `seen` ends the walk where shared ops stand in a circle. */
static const struct op_slot *find_consumer_beyond(struct graph *g, uint32_t tensor)
{
    struct quern_ops *o = g->o;
    const struct op_slot *found = NULL;
    size_t first = g->work_count, seen = 0;
    *ARENA_PUSH(&o->arena, g->work, g->work_count, g->work_capacity) = tensor;
    while (g->work_count > first && !found && seen++ < o->tensor_count) {
        uint32_t at = g->work[--g->work_count];
        found = find_consumer(g, at);
        for (uint32_t i = 0; !found && i < o->tensors[at].use_count; i++) {
            const struct op_node *user = &o->nodes[o->tensors[at].uses[i].node];
            if (user->pattern == PATTERN_shared && !g->annotated[o->tensors[at].uses[i].node] && user->output_count)
                *ARENA_PUSH(&o->arena, g->work, g->work_count, g->work_capacity) = user->outputs[0].tensor;
        }
    }
    g->work_count = first;
    return found;
}

/* The anchor's config says what the last op's result gets. */
static void annotate_output(struct graph *g, const struct op_node *anchor, struct op_node *last)
{
    bool exact;
    if (!last->output_count)
        return;
    struct op_slot *s = &last->outputs[0], asked = *s;
    ops_look_up(g->o, anchor, &asked, &exact);
    if (!ops_quantizable(g->o, s))
        return;
    /* Off is off: a consumer decides how, never whether. */
    const struct op_slot *consumer = asked.spec ? find_consumer_beyond(g, s->tensor) : NULL;
    if (consumer)
        take(s, consumer, OP_REASON_consumer);
    else
        *s = asked;
    push_on(g, s->tensor);
}

/* With no input that has a spec the output's decides, and inputs follow it. */
static void annotate_shared(struct graph *g, struct op_node *n)
{
    const struct op_slot *last = NULL;
    for (uint32_t i = 0; i < n->input_count; i++) {
        annotate_input(g, n, &n->inputs[i]);
        if (n->inputs[i].state == OPS_NONE && n->inputs[i].spec)
            last = &n->inputs[i];
    }
    if (!last) {
        annotate_output(g, n, n);
        last = n->output_count && n->outputs[0].spec ? &n->outputs[0] : NULL;
    }
    if (last)
        share(n, last);
    if (last && n->output_count)
        push_on(g, n->outputs[0].tensor);
}

/* Between the ops of a pattern there is no quantizer, and the anchor's config alone is asked. */
static void mark_fused(struct graph *g, const struct match *m)
{
    for (uint32_t i = 0; i < m->count; i++) {
        struct op_node *n = &g->o->nodes[m->nodes[i]];
        for (uint32_t k = 0; i && k < n->input_count; k++)
            n->inputs[k].reason = OP_REASON_fused;
        for (uint32_t k = 0; i + 1 < m->count && k < n->output_count; k++)
            n->outputs[k].reason = OP_REASON_fused;
    }
}

/* A pattern is taken whole or not at all. */
static void annotate(struct graph *g, const struct match *m)
{
    struct op_node *anchor = &g->o->nodes[m->nodes[0]], *last = &g->o->nodes[m->nodes[m->count - 1]];
    for (uint32_t i = 0; i < m->count; i++)
        if (g->annotated[m->nodes[i]])
            return;
    for (uint32_t i = 0; i < m->count; i++)
        g->annotated[m->nodes[i]] = true;
    if (anchor->pattern == PATTERN_shared) {
        annotate_shared(g, anchor);
        return;
    }
    mark_fused(g, m);
    for (uint32_t i = 0; i < anchor->input_count; i++)
        annotate_input(g, anchor, &anchor->inputs[i]);
    annotate_output(g, anchor, last);
}

/* ---- after the patterns ---- */

/* A consumer whose own edge has none reads what its producer quantized. */
static void follow_producers(struct graph *g)
{
    for (uint32_t i = 0; i < g->o->node_count; i++) {
        struct op_node *n = &g->o->nodes[i];
        for (uint32_t k = 0; k < n->input_count; k++) {
            struct op_slot *s = &n->inputs[k];
            const struct op_slot *made = s->state == OPS_NONE ? producer_slot(g, s->tensor) : NULL;
            if (!s->spec && made && made->spec)
                take(s, made, OP_REASON_producer);
        }
    }
}

/* One quantizer on both sides of a change of shape has one scale: the tensors around flatten are per tensor. */
static void flatten_scales(struct graph *g)
{
    for (uint32_t i = 0; i < g->o->node_count; i++) {
        struct op_node *n = &g->o->nodes[i];
        if (strcmp(n->op->type, "flatten") || !n->input_count || !n->output_count || n->inputs[0].tensor == OPS_NONE)
            continue;
        const struct spec *shared = n->outputs[0].spec;
        if (!shared || shared->granularity == GRANULARITY_tensor || n->outputs[0].reason != OP_REASON_shared)
            continue;
        struct spec *flat = ARENA_NEW(&g->o->arena, struct spec);
        *flat = *shared;
        flat->granularity = GRANULARITY_tensor;
        struct op_slot *made = producer_slot(g, n->inputs[0].tensor);
        if (made && made->spec == shared)
            made->spec = flat;
        n->inputs[0].spec = n->outputs[0].spec = flat;
        const struct op_tensor *t = &g->o->tensors[n->outputs[0].tensor];
        for (uint32_t k = 0; k < t->use_count; k++) {
            struct op_slot *read = &g->o->nodes[t->uses[k].node].inputs[t->uses[k].input];
            if (read->spec == shared && read->reason == OP_REASON_producer)
                read->spec = flat;
        }
    }
}

/* A pattern is passed over when an earlier one took a node of it: the order of matches is the priority. */
void ops_decide_graph(struct quern_ops *o)
{
    struct graph g = {.o = o, .annotated = ARENA_ARRAY(&o->arena, o->node_count, bool)};
    for (uint32_t i = 0; i < o->node_count; i++)
        find_matches(&g, i);
    if (g.match_count)
        qsort(g.matches, g.match_count, sizeof *g.matches, compare_matches);
    for (size_t i = 0; i < g.match_count; i++)
        annotate(&g, &g.matches[i]);
    ops_overwrite_by_modules(o);
    follow_producers(&g);
    flatten_scales(&g);
}
