/* Module descriptions: what is known of a model besides the names of its tensors: its modules in order, their paths, classes,
 * tags and states, the ops that ran and the tensors at module boundaries. docs/module-description.md. A description is drafted
 * module by module, by the reader of JSON or by a host's calls, and then linked: paths through aliased containers are made,
 * names become pointers, and every name is looked up. Until it is linked nothing may be asked of it. */
#ifndef QUERN_RUNTIME_DESCRIBE_H
#define QUERN_RUNTIME_DESCRIBE_H

#include "codegen/match/match.h"
#include "runtime/context.h"
#include "runtime/quern_model.h"

/* A module object. Everything but the first line and the flags is known once the description is linked. */
struct quern_module {
    struct module_node node;    /* under the first path; node.alias leads to the others, in the order of paths */
    const char *path;           /* "" is the root */
    const char *metadata;       /* JSON text, or NULL */
    const struct field *aliases; /* as drafted: further paths, without those that follow from a container's */
    size_t alias_count;
    const struct field *paths;  /* every path, `path` first */
    size_t path_count;
    const struct field *outer_types; /* classes of the module and of all that hold it; NULL: one of them is not known */
    size_t outer_type_count;
    size_t first_state, state_count; /* of description->states: parameters and buffers, as drafted */
};

/* A parameter or a buffer. */
struct module_state {
    const struct quern_module *module;
    const char *name;      /* within the module */
    const char *full_name; /* with the module's first path */
    const char *tied;      /* as drafted: the full name of the state whose storage this one shares, or NULL */
    const struct module_state *tied_to;
    size_t owner;          /* the module's index */
    int dtype, rank;       /* -1: unknown */
    const int64_t *shape;
    bool buffer;
};

/* A tensor that goes into an op or comes out of it: an activation by its name, or a state. */
struct op_value {
    const char *tensor;    /* or NULL */
    const char *state, *name; /* the state's full name as drafted, and its name at this op; or NULL */
    const struct module_state *state_at;
    int64_t index;         /* position among the op's inputs or outputs; -1: not given */
    int dtype, rank;       /* -1: unknown */
    const int64_t *shape;
};

/* One execution of an op, in execution order. */
struct module_op {
    const struct quern_module *module;
    const char *owner;                   /* the module's path as drafted */
    const char *type;                    /* linear, conv2d, add … */
    const char *graph_name, *eager_name; /* or NULL */
    const struct op_value *inputs, *outputs;
    size_t input_count, output_count;
};

/* The tensors that a module's forward takes and returns, by name, in order. */
struct module_boundary {
    const struct quern_module *module;
    const char *path; /* as drafted */
    const char *const *inputs, *const *outputs;
    size_t input_count, output_count;
};

/* One path of a module. */
struct module_place {
    struct field path;
    size_t module;
    size_t listed; /* 0: the module's own path; n: its nth alias */
};

struct description {
    struct quern_module *modules; /* in order; modules[0] is the root */
    struct module_state *states;
    struct module_op *ops;
    struct module_boundary *boundaries;
    size_t module_count, state_count, op_count, boundary_count;
    size_t module_capacity, state_capacity, op_capacity, boundary_capacity;
    const struct module_place *places; /* every path of every module, bytewise */
    size_t place_count;
    const struct module_state **sorted; /* the states by module and name */
    const size_t *leaves; /* the modules that hold no other, in order */
    size_t leaf_count;
    size_t drafted; /* bytes of the drafted names: what linking may take is measured by it */
};

/* Drafting one description: where it is kept and where faults go. Messages name the place as the JSON form has it:
 * `modules[3].parameters[0].dtype`. */
struct drafting {
    struct arena *arena, *scratch;
    struct diags *diags;
    const char *subject; /* the file, or what the host calls the model */
    struct description *description;
};

/* Each copies what it is given and is false after reporting. Parameters and buffers belong to the module added last.
 * The members of the public structures are described in quern_model.h. */
bool draft_module(struct drafting *d, const struct quern_module_info *info);
bool draft_state(struct drafting *d, const struct quern_state_info *info);
bool draft_op(struct drafting *d, const struct quern_op_info *info);
bool draft_boundary(struct drafting *d, const struct quern_boundary_info *info);
/* Resolves paths and names; once, after the last draft. Time is that of sorting; paths and classes that aliases multiply take
 * at most 64 times the drafted names' bytes, and 1 MiB (Q0005 beyond). false after reporting: the description is then of no
 * use. */
bool draft_link(struct drafting *d);

/* By any of its paths; NULL: there is none. */
const struct quern_module *description_module(const struct description *description, const char *path, size_t size);
/* full_name: a path of the module, a dot, the state's name. NULL: there is none. Binary search, as above. */
const struct module_state *description_state(const struct description *description, const char *full_name);
/* Fills in what is known of a module: paths, node, classes, tags, role of a quantizer. */
void module_fill_subject(const struct quern_module *module, struct subject *subject);

/* Reads the JSON form, bytes[0..size) the whole text, and links it. false after reporting, with the fault's place. Memory holds
 * one record as JSON at a time, of at most 16 MiB. */
bool description_read(struct drafting *d, const char *bytes, size_t size);
/* Does the text begin as a JSON object with a member? */
bool description_looks_like(const char *bytes, size_t size);

#endif
