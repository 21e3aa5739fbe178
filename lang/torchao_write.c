/* Specs as one config of torchao's: the class and fields whose specs they are, found by trying every class of torchao.def with
 * the values that the specs themselves suggest. What is found is read back before it is taken. See torchao.h. */
#include "lang/torchao.h"

#include <string.h>

/* One attempt at a class: values are set field by field, and the whole is tested at the end. */
struct fitting {
    struct arena *arena;
    const struct spec *weight, *input; /* input NULL: none */
    struct torchao_texts texts;
    const struct torchao_field *fields;
    size_t field_count;
    const char *json[TORCHAO_FIELDS_MAX]; /* of each field's value */
};

/* ---- reading back ---- */

static const struct spec *parse_spec(struct arena *arena, const char *text)
{
    struct diags scratch;
    diags_init(&scratch, arena);
    return text ? spec_parse(arena, text, &scratch) : NULL;
}

static bool says(struct arena *arena, const char *text, const struct spec *spec)
{
    if (!text || !spec)
        return !text && !spec;
    const struct spec *made = parse_spec(arena, text);
    return made && spec_same(made, spec);
}

bool torchao_reads_as(struct arena *arena, const char *json, const struct spec *weight, const struct spec *input)
{
    struct diags scratch;
    struct torchao_config config;
    diags_init(&scratch, arena);
    struct yaml_reading y = {.arena = arena, .source = source_new(arena, "config", json, strlen(json)), .diags = &scratch};
    struct yaml_node *root = yaml_read(arena, y.source, &scratch)->root;
    if (root)
        yaml_json_numbers(arena, root);
    return root && torchao_read(&y, root, &config) && says(arena, config.weight, weight) && says(arena, config.input, input);
}

/* ---- values of fields, from the specs ---- */

/* {"_type":CLASS,"_version":1,"_data":{ARGUMENT:VALUE}} */
static const char *granularity_json(struct arena *arena, enum torchao_granularity_id id, const char *value)
{
    const struct torchao_granularity *row = &torchao_granularities[id];
    if (!row->argument)
        return arena_printf(arena, "{\"_type\":\"%s\",\"_version\":1,\"_data\":{}}", row->class);
    return arena_printf(arena, "{\"_type\":\"%s\",\"_version\":1,\"_data\":{\"%s\":%s}}", row->class, row->argument, value);
}

/* [1,128] */
static const char *sizes_json(struct arena *arena, const struct spec *spec)
{
    struct text text = text_make(arena);
    for (unsigned i = 0; i < spec->block_rank; i++)
        text_printf(&text, i ? ",%lld" : "[%lld", (long long)spec->block[i]);
    text_char(&text, ']');
    return text_string(&text);
}

/* A block of one whole dimension among ones is a row along it. */
static bool is_row(const struct spec *spec)
{
    bool row = spec->block_rank > 1 && spec->block[0] == -1;
    for (unsigned i = 1; i < spec->block_rank; i++)
        row &= spec->block[i] == 1;
    return row;
}

/* The class and the JSON of a spec's granularity. */
static enum torchao_granularity_id find_granularity(struct arena *arena, const struct spec *spec, const char **json)
{
    enum torchao_granularity_id id = TORCHAO_PER_tensor;
    const char *value = NULL;
    switch (spec->granularity) {
    case GRANULARITY_tensor:
        break;
    case GRANULARITY_channel:
        id = TORCHAO_PER_axis;
        value = arena_printf(arena, "%d", spec->axis);
        break;
    case GRANULARITY_token:
        id = TORCHAO_PER_row;
        value = "-1";
        break;
    case GRANULARITY_group:
        id = TORCHAO_PER_group;
        value = arena_printf(arena, "%lld", (long long)spec->group);
        break;
    case GRANULARITY_block:
        id = is_row(spec) ? TORCHAO_PER_row : TORCHAO_PER_block;
        value = is_row(spec) ? arena_printf(arena, "-%u", spec->block_rank) : sizes_json(arena, spec);
        break;
    }
    *json = granularity_json(arena, id, value);
    return id;
}

static const char *granularity_text(struct arena *arena, const struct spec *spec)
{
    struct text text = text_make(arena);
    spec_print_granularity(&text, spec);
    return text_string(&text);
}

/* Fields of the input are called so. */
static const struct spec *spec_of(const struct fitting *f, const struct torchao_field *field)
{
    return strncmp(field->name, "activation_", 11) ? f->weight : f->input;
}

static bool fit_granularity(struct fitting *f, size_t i)
{
    const char *listed = f->fields[i].argument, *json[2] = {NULL, NULL};
    bool pair = f->fields[i].kind != TORCHAO_GRANULARITY;
    const struct spec *specs[2] = {pair ? f->input : f->weight, f->weight};
    for (int side = 0; side < 2; side++) {
        if (!specs[side] || !torchao_lists(listed, torchao_granularities[find_granularity(f->arena, specs[side], &json[side])].class))
            return false;
        f->texts.text[i][side] = granularity_text(f->arena, specs[side]);
    }
    bool one = f->fields[i].kind != TORCHAO_ALIKE && !strcmp(json[0], json[1]);
    f->json[i] = one ? json[0] : arena_printf(f->arena, "[%s,%s]", json[0], json[1]);
    return true;
}

/* A scale in bf16 is what the weight's own dtype is read as. */
static bool fit_scale(struct fitting *f, size_t i)
{
    const struct format *scale = f->weight->scale;
    const struct torchao_dtype *row = scale ? torchao_find_dtype(f->fields[i].argument, NULL, scale->name) : NULL;
    if (!row)
        return false;
    f->texts.text[i][0] = arena_printf(f->arena, "scale %s", row->text);
    f->json[i] = strcmp(row->text, "bf16") ? arena_printf(f->arena, "{\"_type\":\"torch.dtype\",\"_data\":\"%s\"}", row->torch) : "null";
    return true;
}

static bool fit_dtype(struct fitting *f, size_t i)
{
    const struct spec *spec = spec_of(f, &f->fields[i]);
    const struct torchao_dtype *row = spec ? torchao_find_dtype(f->fields[i].argument, NULL, spec->format->name) : NULL;
    if (!row)
        return false;
    f->texts.text[i][0] = row->text;
    f->json[i] = arena_printf(f->arena, strncmp(row->torch, "fp6", 3) ? "{\"_type\":\"torch.dtype\",\"_data\":\"%s\"}" : "\"%s\"", row->torch);
    return true;
}

static void fit_bound(struct fitting *f, size_t i)
{
    struct text eps = text_make(f->arena), json = text_make(f->arena);
    bool bounded = f->input && f->input->has_eps;
    if (bounded) {
        text_add(&eps, "eps ");
        text_number(&eps, f->input->eps);
        text_double(&json, torchao_bound(f->input->eps, f->input->format));
    }
    f->texts.text[i][0] = text_string(&eps);
    f->json[i] = bounded ? text_string(&json) : "null";
}

static bool fit_field(struct fitting *f, size_t i);

/* Every member that has a text, until the rest fits as well. */
static bool fit_member(struct fitting *f, size_t i)
{
    const struct torchao_field *field = &f->fields[i];
    for (size_t m = 0; m < torchao_member_count; m++) {
        const struct torchao_member *row = &torchao_members[m];
        if (strcmp(row->set, field->argument) || !row->text)
            continue;
        f->texts.text[i][0] = row->text;
        bool plain = *field->fallback == '"';
        f->json[i] = !row->type ? row->name : plain ? arena_printf(f->arena, "\"%s\"", row->value)
                                                    : arena_printf(f->arena, "{\"_type\":\"%s\",\"_data\":\"%s\"}", row->type, row->name);
        if (fit_field(f, i + 1))
            return true;
    }
    return false;
}

/* ---- a class ---- */

static const char *print_config(struct fitting *f)
{
    const struct torchao_class *class = &torchao_classes[f->texts.config];
    struct text text = text_make(f->arena);
    text_printf(&text, "{\"_type\":\"%s\",\"_version\":%d,\"_data\":{", class->class, class->version);
    for (size_t i = 0; i < f->field_count; i++)
        text_printf(&text, "%s\"%s\":%s", i ? "," : "", f->fields[i].name, f->json[i]);
    text_add(&text, "}}");
    return text_string(&text);
}

static bool fits(struct fitting *f)
{
    const struct torchao_class *class = &torchao_classes[f->texts.config];
    return says(f->arena, torchao_expand(f->arena, class->weight, &f->texts), f->weight) &&
           says(f->arena, torchao_expand(f->arena, class->input, &f->texts), f->input) &&
           torchao_reads_as(f->arena, print_config(f), f->weight, f->input);
}

/* Fields from i on. Depth: a class's fields, at most TORCHAO_FIELDS_MAX; branches only at members, a handful for each class. */
static bool fit_field(struct fitting *f, size_t i)
{
    if (i == f->field_count)
        return fits(f);
    f->json[i] = f->fields[i].fallback;
    f->texts.text[i][0] = f->texts.text[i][1] = NULL;
    switch (f->fields[i].kind) {
    case TORCHAO_FREE:
    case TORCHAO_FIXED:
    case TORCHAO_NESTED:
        break;
    case TORCHAO_INTEGER:
        f->texts.text[i][0] = f->json[i] = arena_printf(f->arena, "%lld", (long long)f->weight->group);
        break;
    case TORCHAO_DTYPE:
        if (!fit_dtype(f, i))
            return false;
        break;
    case TORCHAO_SCALE:
        if (!fit_scale(f, i))
            return false;
        break;
    case TORCHAO_GRANULARITY:
    case TORCHAO_PAIR:
    case TORCHAO_ALIKE:
        if (!fit_granularity(f, i))
            return false;
        break;
    case TORCHAO_MEMBER:
    case TORCHAO_SWITCH:
        return fit_member(f, i);
    case TORCHAO_BOUND:
        fit_bound(f, i);
        break;
    }
    return fit_field(f, i + 1);
}

/* The first class of torchao.def that fits is taken, so its order is the order of preference. */
const char *torchao_config_json(struct arena *arena, const struct spec *weight, const struct spec *input)
{
    for (int id = 0; id < TORCHAO_ID_COUNT; id++) {
        struct fitting f = {.arena = arena, .weight = weight, .input = input, .texts.config = (enum torchao_id)id};
        f.fields = torchao_fields_of(f.texts.config, &f.field_count);
        if (torchao_classes[id].weight && !torchao_classes[id].input == !input && fit_field(&f, 0))
            return print_config(&f);
    }
    return NULL;
}
