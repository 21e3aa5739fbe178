/* Module descriptions: drafting, and asking a linked one. In: the public records of quern_model.h, from JSON or a host; out:
 * copies in the description's arena. Words and sizes are checked here; what names other things is checked by draft_link. See
 * describe.h. */
#include "runtime/describe.h"

#include <stdlib.h>
#include <string.h>
#include "lang/format.h"
#include "runtime/json.h"
#include "runtime/report.h"

#define REPORT(d, ...) REPORT_ABOUT((d)->diags, bad_description, (d)->subject, __VA_ARGS__)
#define SHOWN(d, name) name_shown((d)->scratch, name)

/* ---- copies ---- */

/* Counts what was drafted. */
static const char *copy_string(struct drafting *d, const char *string)
{
    if (!string)
        return NULL;
    d->description->drafted += strlen(string) + 1;
    return arena_string(d->arena, string);
}

/* The list ends in NULL; so does one that is NULL itself. */
static size_t count_strings(const char *const *strings)
{
    size_t count = 0;
    while (strings && strings[count])
        count++;
    return count;
}

/* NULL stays NULL: unknown. */
static const struct field *copy_fields(struct drafting *d, const char *const *strings, size_t *count)
{
    *count = count_strings(strings);
    struct field *fields = ARENA_ARRAY(d->arena, *count + 1, struct field);
    for (size_t i = 0; i < *count; i++) {
        fields[i].bytes = copy_string(d, strings[i]);
        fields[i].size = strlen(strings[i]);
    }
    return strings ? fields : NULL;
}

/* A list that is NULL becomes an empty one. */
static const char *const *copy_strings(struct drafting *d, const char *const *strings, size_t *count)
{
    *count = count_strings(strings);
    const char **copies = ARENA_ARRAY(d->arena, *count + 1, const char *);
    for (size_t i = 0; i < *count; i++)
        copies[i] = copy_string(d, strings[i]);
    return copies;
}

/* ---- modules ---- */

/* Names joined by dots, none of them empty. */
static bool is_path(const char *path)
{
    size_t size = strlen(path);
    return size && path[0] != '.' && path[size - 1] != '.' && !strstr(path, "..");
}

/* The root is first and has the only path without a name; it has no alias, since every path begins below it. */
static bool check_paths(struct drafting *d, const struct quern_module_info *info)
{
    size_t index = d->description->module_count;
    if (!index && *info->path)
        return REPORT(d, "modules[0].path: expected \"\", the root, as the first module, saw %s", SHOWN(d, info->path));
    if (index && !is_path(info->path))
        return REPORT(d, "modules[%zu].path: expected names joined by dots, saw %s", index, SHOWN(d, info->path));
    for (size_t i = 0; info->aliases && info->aliases[i]; i++)
        if (!index || !is_path(info->aliases[i]))
            return REPORT(d, "modules[%zu].aliases[%zu]: expected %s, saw %s", index, i,
                          index ? "names joined by dots" : "no alias of the root", SHOWN(d, info->aliases[i]));
    return true;
}

/* The reader hands over what jansson printed; a host's text is read once to be sure of it. */
static bool check_metadata(struct drafting *d, const char *metadata)
{
    struct json_hold *hold = json_keep(d->scratch);
    json_error_t error;
    hold->value = metadata ? json_loads(metadata, 0, &error) : NULL;
    bool ok = !metadata || json_is_object(hold->value);
    json_drop(hold);
    return ok || REPORT(d, "modules[%zu].metadata: expected a JSON object, saw %s", d->description->module_count, SHOWN(d, metadata));
}

/* Tags that are not given are none; classes and bases that are not given are unknown, which rules tell apart. */
bool draft_module(struct drafting *d, const struct quern_module_info *info)
{
    struct description *all = d->description;
    static const char *const none[] = {NULL};
    if (!check_paths(d, info) || !check_metadata(d, info->metadata))
        return false;
    struct quern_module *m = ARENA_PUSH(d->arena, all->modules, all->module_count, all->module_capacity);
    *m = (struct quern_module){.path = copy_string(d, info->path), .metadata = copy_string(d, info->metadata),
                               .first_state = all->state_count};
    m->aliases = copy_fields(d, info->aliases, &m->alias_count);
    m->node.types = copy_fields(d, info->classes, &m->node.type_count);
    m->node.bases = copy_fields(d, info->bases, &m->node.base_count);
    m->node.tags = copy_fields(d, info->tags ? info->tags : none, &m->node.tag_count);
    m->node.quantizer = info->quantizer || info->stub;
    m->node.stub = info->stub;
    m->node.quantized_module = info->quantized_module;
    return true;
}

/* ---- states ---- */

/* "" and NULL: unknown. Both spellings are taken, safetensors' BF16 and the language's bf16. */
static bool read_dtype(const char *word, int *dtype)
{
    *dtype = -1;
    if (!word || !*word)
        return true;
    /* The file's spelling first: the two sets of words do not meet. */
    *dtype = dtype_find_file_name(word);
    if (*dtype < 0)
        *dtype = dtype_find_word(word);
    return *dtype >= 0;
}

/* Never NULL, so that a rank of 0 is a shape. */
static const int64_t *copy_shape(struct drafting *d, int rank, const int64_t *shape)
{
    int64_t *copy = ARENA_ARRAY(d->arena, rank > 0 ? (size_t)rank : 1, int64_t);
    if (rank > 0)
        memcpy(copy, shape, (size_t)rank * sizeof *shape);
    return copy;
}

static bool is_shape(int rank, const int64_t *shape)
{
    bool ok = true;
    for (int i = 0; i < rank; i++)
        ok &= shape[i] >= 0;
    return ok;
}

/* How the JSON form names the next state of the module added last. */
static const char *state_place(struct drafting *d, bool buffer)
{
    const struct description *all = d->description;
    const struct quern_module *m = &all->modules[all->module_count - 1];
    size_t before = 0;
    for (size_t i = 0; i < m->state_count; i++)
        before += all->states[m->first_state + i].buffer == buffer;
    return arena_printf(d->scratch, "modules[%zu].%s[%zu]", all->module_count - 1, buffer ? "buffers" : "parameters", before);
}

/* A dot in a name would make it another module's. */
static bool check_state(struct drafting *d, const struct quern_state_info *info, int *dtype)
{
    const struct quern_tensor *t = &info->tensor;
    if (!*t->name || strchr(t->name, '.'))
        return REPORT(d, "%s.name: expected a name without dots, saw %s", state_place(d, info->buffer), SHOWN(d, t->name));
    if (!read_dtype(t->dtype, dtype))
        return REPORT(d, "%s.dtype: expected a dtype such as BF16, saw %s", state_place(d, info->buffer), SHOWN(d, t->dtype));
    if (!is_shape(t->rank, t->shape))
        return REPORT(d, "%s.shape: expected sizes of 0 or more", state_place(d, info->buffer));
    return true;
}

/* States of one module stand together, since they are added to the last one. */
bool draft_state(struct drafting *d, const struct quern_state_info *info)
{
    struct description *all = d->description;
    const struct quern_tensor *t = &info->tensor;
    int dtype;
    if (!all->module_count)
        return REPORT(d, "a parameter or buffer stands before the first module");
    if (!check_state(d, info, &dtype))
        return false;
    struct module_state *s = ARENA_PUSH(d->arena, all->states, all->state_count, all->state_capacity);
    *s = (struct module_state){.name = copy_string(d, t->name), .tied = copy_string(d, info->tied), .owner = all->module_count - 1,
                               .dtype = dtype, .rank = t->rank < 0 ? -1 : t->rank, .buffer = info->buffer};
    s->shape = copy_shape(d, t->rank, t->shape);
    all->modules[s->owner].state_count++;
    return true;
}

/* ---- ops and boundaries ---- */

/* Exactly one of the two names: a value is an activation or a state. */
static bool copy_value(struct drafting *d, const char *list, size_t index, const struct quern_op_value *from, struct op_value *to)
{
    size_t op = d->description->op_count;
    *to = (struct op_value){.tensor = copy_string(d, from->tensor), .state = copy_string(d, from->state), .name = copy_string(d, from->name),
                            .index = from->index < 0 ? -1 : from->index, .rank = from->rank < 0 ? -1 : from->rank};
    if (!from->tensor == !from->state)
        return REPORT(d, "ops[%zu].%s[%zu]: expected either \"tensor\" or \"state\"", op, list, index);
    if (!read_dtype(from->dtype, &to->dtype))
        return REPORT(d, "ops[%zu].%s[%zu].dtype: expected a dtype such as BF16, saw %s", op, list, index, SHOWN(d, from->dtype));
    if (!is_shape(from->rank, from->shape))
        return REPORT(d, "ops[%zu].%s[%zu].shape: expected sizes of 0 or more", op, list, index);
    to->shape = copy_shape(d, from->rank, from->shape);
    return true;
}

static bool copy_values(struct drafting *d, const char *list, const struct quern_op_value *from, size_t count, const struct op_value **to)
{
    struct op_value *copies = ARENA_ARRAY(d->arena, count + 1, struct op_value);
    for (size_t i = 0; i < count; i++)
        if (!copy_value(d, list, i, &from[i], &copies[i]))
            return false;
    *to = copies;
    return true;
}

/* The values before the op is kept: a fault in one leaves no half op behind. */
bool draft_op(struct drafting *d, const struct quern_op_info *info)
{
    struct description *all = d->description;
    struct module_op op = {.owner = copy_string(d, info->owner), .type = copy_string(d, info->type),
                           .graph_name = copy_string(d, info->graph_name), .eager_name = copy_string(d, info->eager_name),
                           .input_count = info->input_count, .output_count = info->output_count};
    if (!*info->type)
        return REPORT(d, "ops[%zu].type: expected the op's type such as linear, saw ''", all->op_count);
    if (!copy_values(d, "inputs", info->inputs, info->input_count, &op.inputs) ||
        !copy_values(d, "outputs", info->outputs, info->output_count, &op.outputs))
        return false;
    *ARENA_PUSH(d->arena, all->ops, all->op_count, all->op_capacity) = op;
    return true;
}

bool draft_boundary(struct drafting *d, const struct quern_boundary_info *info)
{
    struct description *all = d->description;
    struct module_boundary *b = ARENA_PUSH(d->arena, all->boundaries, all->boundary_count, all->boundary_capacity);
    *b = (struct module_boundary){.path = copy_string(d, info->module)};
    b->inputs = copy_strings(d, info->inputs, &b->input_count);
    b->outputs = copy_strings(d, info->outputs, &b->output_count);
    return true;
}

/* ---- answers ---- */

/* A prefix comes before what it begins: the order of linking's sort. */
static int compare_bytes(const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

static int find_place(const void *key, const void *entry)
{
    const struct field *path = key;
    const struct module_place *place = entry;
    return compare_bytes(path->bytes, path->size, place->path.bytes, place->path.size);
}

const struct quern_module *description_module(const struct description *all, const char *path, size_t size)
{
    struct field key = {path, size};
    const struct module_place *place = bsearch(&key, all->places, all->place_count, sizeof *place, find_place);
    return place ? &all->modules[place->module] : NULL;
}

static int find_state(const void *key, const void *entry)
{
    const struct module_state *wanted = key, *state = *(const struct module_state *const *)entry;
    return wanted->owner != state->owner ? (wanted->owner > state->owner) - (wanted->owner < state->owner)
                                         : strcmp(wanted->name, state->name);
}

/* States are sorted by module and then by name; a path leads to the module first, so every alias finds its states. */
const struct module_state *description_state(const struct description *all, const char *full_name)
{
    const char *dot = strrchr(full_name, '.');
    const struct quern_module *m = description_module(all, full_name, dot ? (size_t)(dot - full_name) : 0);
    if (!m || !all->state_count)
        return NULL;
    struct module_state key = {.owner = (size_t)(m - all->modules), .name = dot ? dot + 1 : full_name};
    const struct module_state **found = bsearch(&key, all->sorted, all->state_count, sizeof *all->sorted, find_state);
    return found ? *found : NULL;
}

/* FastForward's predefined tags say what a quantizer's tensor is to its layer. */
static void fill_role(const struct module_node *node, struct subject *s)
{
    static const struct {
        const char *tag, *role;
    } roles[] = {{"parameter/weight", "weight"}, {"parameter/bias", "bias"}, {"activation/input", "input"}, {"activation/output", "output"}};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        for (size_t t = 0; t < node->tag_count; t++)
            if (!strcmp(node->tags[t].bytes, roles[i].tag) && !s->role.bytes)
                s->role = (struct field){roles[i].role, strlen(roles[i].role)};
}

/* Further paths are given only where there are any: a subject with one path is matched without the list. */
void module_fill_subject(const struct quern_module *m, struct subject *s)
{
    const struct module_node *node = &m->node;
    s->node = node;
    s->paths = m->path_count > 1 ? m->paths : NULL;
    s->path_count = s->paths ? m->path_count : 0;
    s->types = node->types;
    s->type_count = node->type_count;
    s->bases = node->bases;
    s->base_count = node->base_count;
    s->tags = node->tags;
    s->tag_count = node->tag_count;
    s->outer_types = m->outer_types;
    s->outer_type_count = m->outer_type_count;
    if (node->quantizer && !s->param_name.bytes)
        fill_role(node, s);
}
