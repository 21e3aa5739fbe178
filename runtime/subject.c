/* Subjects of a model: parameters, modules, op occurrences, and what a recipe says of each. In: a model, a kind, an index or a
 * name; out: names and outcomes. Which kinds there are is quern.h's list, what ops are docs/coreai.md's. */
#include <string.h>
#include "runtime/describe.h"
#include "runtime/model.h"
#include "runtime/recipe.h"

/* A model without a description has parameters alone. */
size_t quern_subject_count(const quern_model *model, enum quern_subject_kind kind)
{
    const struct description *all = model->description;
    switch (kind) {
    case QUERN_PARAMETERS: return model->count;
    case QUERN_MODULES: return all ? all->module_count : 0;
    case QUERN_OPS_EAGER: case QUERN_OPS_GRAPH: return all ? all->op_count : 0;
    }
    return 0;
}

/* NULL: the op has no name of that kind. */
static const char *op_name(const struct module_op *op, enum quern_subject_kind kind)
{
    return kind == QUERN_OPS_GRAPH ? op->graph_name : op->eager_name;
}

/* Index past the count: a subject without a name. */
struct quern_subject quern_subject_at(const quern_model *model, enum quern_subject_kind kind, size_t index)
{
    struct quern_subject subject = {.kind = kind, .model = model, .index = index};
    if (index >= quern_subject_count(model, kind))
        return subject;
    switch (kind) {
    case QUERN_PARAMETERS:
        subject.name = model->tensors[index]->name;
        break;
    case QUERN_MODULES:
        subject.name = model->description->modules[index].path;
        break;
    case QUERN_OPS_EAGER:
    case QUERN_OPS_GRAPH: {
        const struct module_op *op = &model->description->ops[index];
        const char *name = op_name(op, kind);
        subject.name = name ? name : "";
        subject.owner = op->module->path;
        subject.op = op->type;
        break;
    }
    }
    return subject;
}

/* Every op counts twice: by its eager and by its graph name. */
size_t model_other_count(const struct quern_model *m)
{
    return m->description ? m->description->leaf_count + 2 * m->description->op_count : 0;
}

/* An op without a graph name is seen under its eager one twice. */
struct quern_subject model_other_at(const struct quern_model *m, size_t index)
{
    const struct description *all = m->description;
    if (index < all->leaf_count)
        return quern_subject_at(m, QUERN_MODULES, all->leaves[index]);
    index -= all->leaf_count;
    bool graph = index >= all->op_count && all->ops[index - all->op_count].graph_name;
    return quern_subject_at(m, graph ? QUERN_OPS_GRAPH : QUERN_OPS_EAGER, index % all->op_count);
}

/* Ops have no order but that of execution; their names are asked for one at a time. */
static size_t find_op(const struct description *all, enum quern_subject_kind kind, const char *name)
{
    size_t i = 0;
    while (i < all->op_count && (!op_name(&all->ops[i], kind) || strcmp(op_name(&all->ops[i], kind), name)))
        i++;
    return i;
}

/* The index in name order, or the count. */
static size_t find_tensor(const struct quern_model *m, const char *name)
{
    size_t low = 0, high = m->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, m->tensors[middle]->name);
        if (!order)
            return middle;
        *(order < 0 ? &high : &low) = order < 0 ? middle : middle + 1;
    }
    return m->count;
}

/* Under a further path of its module a parameter is found by its first name. */
static size_t find_parameter(const struct quern_model *m, const char *name)
{
    size_t index = find_tensor(m, name);
    const struct module_state *state = index < m->count || !m->description ? NULL : description_state(m->description, name);
    return state ? find_tensor(m, state->full_name) : index;
}

/* By any path; the count when there is none. */
static size_t find_module(const struct description *all, const char *path)
{
    const struct quern_module *module = description_module(all, path, strlen(path));
    return module ? (size_t)(module - all->modules) : all->module_count;
}

/* The index found is below the count, or it is the count, which stands for none. */
bool quern_subject_find(const quern_model *model, enum quern_subject_kind kind, const char *name, struct quern_subject *subject)
{
    size_t index = SIZE_MAX;
    if (!model || !name || !subject)
        return false;
    switch (kind) {
    case QUERN_PARAMETERS:
        index = find_parameter(model, name);
        break;
    case QUERN_MODULES:
        index = model->description ? find_module(model->description, name) : 0;
        break;
    case QUERN_OPS_EAGER:
    case QUERN_OPS_GRAPH:
        index = model->description ? find_op(model->description, kind, name) : 0;
        break;
    }
    *subject = quern_subject_at(model, kind, index);
    return index < quern_subject_count(model, kind);
}

/* Everything the description knows; the path is the first one. */
static void fill_module(struct subject *s, const struct quern_module *m, bool megatron_layers)
{
    subject_of_module(s, m->path, strlen(m->path), megatron_layers);
    module_fill_subject(m, s);
}

/* An op is seen as its owner is, with its type and name; which of its tensors is meant is not known. */
static void fill_op(struct subject *s, const struct module_op *op, const char *name, bool megatron_layers)
{
    fill_module(s, op->module, megatron_layers);
    s->role = (struct field){0};
    s->op = (struct field){op->type, strlen(op->type)};
    s->op_name = (struct field){name, name ? strlen(name) : 0};
}

/* A parameter goes through subject_of_tensor, so that it is seen alike from a checkpoint and from a list. */
struct subject subject_of_listed(const struct quern_recipe *r, const struct quern_subject *subject)
{
    const struct quern_model *m = subject->model;
    struct subject s = {0};
    switch (subject->kind) {
    case QUERN_PARAMETERS: {
        struct quern_tensor tensor = stored_tensor(m->tensors[subject->index]);
        return subject_of_tensor(r, &tensor);
    }
    case QUERN_MODULES:
        fill_module(&s, &m->description->modules[subject->index], r->recipe->megatron_layers);
        break;
    case QUERN_OPS_EAGER:
    case QUERN_OPS_GRAPH: {
        const struct module_op *op = &m->description->ops[subject->index];
        fill_op(&s, op, op_name(op, subject->kind), r->recipe->megatron_layers);
        break;
    }
    }
    return s;
}

/* A host may keep a subject of another model; an index beyond the count is refused. */
static bool is_listed(const struct quern_subject *subject)
{
    return subject && subject->model && subject->index < quern_subject_count(subject->model, subject->kind);
}

/* Modules and ops are matched as they are described; parameters may have been decided with their module. */
enum quern_status quern_match_subject(quern_recipe *recipe, const struct quern_subject *subject, struct quern_match *match)
{
    if (!recipe || !is_listed(subject) || !match)
        return QUERN_USAGE;
    if (subject->kind == QUERN_PARAMETERS) {
        struct quern_tensor tensor = stored_tensor(subject->model->tensors[subject->index]);
        return quern_match_tensor(recipe, &tensor, match); /* what was decided for whole modules comes first */
    }
    struct subject seen = subject_of_listed(recipe, subject);
    return recipe_match_subject(recipe, &seen, match);
}

/* As quern_match_subject, for every rule. */
enum quern_status quern_subject_verdicts(quern_recipe *recipe, const struct quern_subject *subject, unsigned char *verdicts)
{
    if (!recipe || !is_listed(subject) || !verdicts)
        return QUERN_USAGE;
    if (subject->kind == QUERN_PARAMETERS) {
        struct quern_tensor tensor = stored_tensor(subject->model->tensors[subject->index]);
        return quern_match_verdicts(recipe, &tensor, true, verdicts);
    }
    struct subject seen = subject_of_listed(recipe, subject);
    return recipe_judge_subject(recipe, &seen, verdicts);
}
