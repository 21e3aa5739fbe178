/* Ops: what each tensor of each executed op gets, as coreai_opt's two execution modes decide it. docs/coreai.md. An op
 * occurrence is matched as its owner with the op's type and name; the config it gets, or those of the modules around it, say
 * what happens to its tensors. ops.c prepares and lists, ops_eager.c and ops_graph.c decide. Nodes, tensors and groups of tied
 * states are numbered by uint32_t, and refer to each other by number: arrays may move as they grow. OPS_NONE stands for none. */
#ifndef QUERN_RUNTIME_OPS_H
#define QUERN_RUNTIME_OPS_H

#include "lang/yaml_tree.h"
#include "runtime/describe.h"
#include "runtime/model.h"
#include "runtime/recipe.h"

enum op_reason {
#define OP_REASON(name, text) OP_REASON_##name,
#include "runtime/op_reasons.def"
#undef OP_REASON
};
/* How a graph pattern uses an op. */
enum op_pattern {
    PATTERN_none, PATTERN_convolution, PATTERN_linear, PATTERN_embedding, PATTERN_nary, PATTERN_binary, PATTERN_shared,
    PATTERN_activation, PATTERN_norm
};
enum { OPS_NONE = UINT32_MAX };

/* One tensor at one op: an argument or a result. */
struct op_slot {
    const struct op_value *value;
    enum slot_role role;
    int64_t index;         /* inputs and outputs: as the mode counts them */
    uint32_t tensor;       /* an activation; OPS_NONE: a state */
    uint32_t state;        /* its group of tied states; OPS_NONE: an activation */
    enum op_reason reason;
    const struct spec *spec; /* NULL: none */
    const struct rule *rule; /* that said so, or NULL */
    const char *schedule;
};
/* One op of the mode's; an op without a name in the mode is left out. */
struct op_node {
    const struct module_op *op;
    const char *name;       /* in the mode */
    enum op_pattern pattern;
    bool registered;        /* the mode looks at it */
    const uint32_t *holders; /* modules: the owner first, then those around it, the root last */
    uint32_t holder_count;
    struct op_slot *inputs, *outputs;
    uint32_t input_count, output_count;
};
/* An input of a node. */
struct op_use {
    uint32_t node, input;
};
/* An activation: one name, whoever makes or uses it. */
struct op_tensor {
    const char *name;
    int dtype, rank;
    const int64_t *shape;
    bool returned;             /* by the model */
    uint32_t producer, output; /* OPS_NONE: an input of the model */
    struct op_use *uses;       /* in execution order */
    uint32_t use_count, use_capacity;
};
/* Tied states: one tensor under several names. */
struct op_state {
    const struct module_state **names; /* in module order */
    uint32_t name_count, name_capacity;
    struct op_use *uses;
    uint32_t use_count, use_capacity;
};

/* Everything is made by one call of quern_ops_resolve and read-only afterwards; scratch and diags are that call's. */
struct quern_ops {
    struct quern_context *context;
    struct arena arena;
    struct quern_recipe *recipe;
    struct quern_model *model;
    bool eager;
    const struct description *all;
    struct scratch *scratch;
    struct diags *diags;        /* of the call that resolves */
    struct op_node *nodes;
    uint32_t node_count;
    struct op_tensor *tensors;
    uint32_t tensor_count, tensor_capacity;
    struct op_state *states;
    uint32_t state_count, state_capacity;
    struct yaml_table tensor_names, state_names;
    const struct module_boundary **boundaries; /* by module; NULL: none */
    int *module_rules;          /* by module: its rule, -1: none */
    struct quern_op_row *rows;
    size_t row_count;
};

/* ---- ops_look.c: what the recipe says ---- */
/* The module's config; NULL: skip, or no rule. */
const struct config *ops_module_config(const struct quern_ops *o, uint32_t module);
/* The rule for one tensor of the op; NULL: none. */
const struct rule *ops_rule(struct quern_ops *o, const struct op_node *n, const struct op_slot *s);
/* What the rule's own config gives the tensor: spec and reason. *exact: a key of its own, not `*`. */
void ops_look_up(struct quern_ops *o, const struct op_node *n, struct op_slot *s, bool *exact);
/* The module's slot for a tensor at these positions of its boundary: the lowest that is configured, else `*`. NULL: no opinion. */
const struct slot *ops_boundary_slot(const struct config *c, enum slot_role role, const int64_t *indices, size_t count, bool *several);
/* What the modules that own the state say of it, the first in coreai_opt's order that has an opinion, and which that is. */
const struct slot *ops_module_state(const struct quern_ops *o, const struct op_state *state, uint32_t *module);
/* Whether a quantizer can stand there; else sets the reason. */
bool ops_quantizable(struct quern_ops *o, struct op_slot *s);
/* Module a before module b in that order: by rule, then the one that comes later in the model. */
int ops_compare_modules(const struct quern_ops *o, uint32_t a, uint32_t b);
/* A key of its own for a tensor that cannot be quantized is a warning. */
void ops_warn_named(struct quern_ops *o, const struct op_node *n, const struct op_slot *asked, bool exact);
/* Two users of a state whose specs are alike but for the channel, which their default axes give: an error. */
void ops_check_axes(struct quern_ops *o, const struct op_slot *s, const char *first, const struct spec *a, const char *second, const struct spec *b);
/* Is the op inside the module? */
bool ops_inside(const struct op_node *n, uint32_t module);

/* Fill spec, rule and reason of every slot; schedules and blocks come after them, in ops.c. */
void ops_decide_eager(struct quern_ops *o);
void ops_decide_graph(struct quern_ops *o);
/* ops_modules.c: what the modules' own slots change in graph mode. */
void ops_overwrite_by_modules(struct quern_ops *o);

#endif
