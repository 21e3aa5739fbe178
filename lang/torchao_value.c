/* One config of torchao's as specs: its fields by the rows of torchao.def, each value checked as the class's constructor or
 * config_from_dict would. See torchao.h. */
#include "lang/torchao.h"

#include <string.h>

/* ok turns false with the first message; unsaid is no error: the config is kept for the host, without specs. */
struct config_reading {
    struct yaml_reading *y;
    struct torchao_config *config;
    struct torchao_texts texts;
    const struct torchao_field *fields;
    size_t field_count;
    const struct torchao_field *unsaid; /* the first field whose value specs cannot say */
    struct span unsaid_span;
    bool ok;
};

/* ---- shapes ---- */

static bool refuse(struct yaml_reading *y, const struct yaml_node *node, const char *expected)
{
    if (node->kind == YAML_SEQUENCE || node->kind == YAML_MAPPING)
        diag_report(y->diags, DIAG_bad_torchao, node->span, "expected %s, saw %s", expected, yaml_kind_words[node->kind]);
    else
        diag_report(y->diags, DIAG_bad_torchao, node->span, "expected %s, saw `%s`", expected, node->text);
    return false;
}

const struct yaml_node *torchao_type(struct yaml_reading *y, const struct yaml_node *node, const char *what)
{
    static const char *const keys[] = {"_type", "_data"};
    if (node->kind != YAML_MAPPING) {
        refuse(y, node, what);
        return NULL;
    }
    for (int i = 0; i < 2; i++)
        if (!yaml_get(node, keys[i])) {
            diag_report(y->diags, DIAG_bad_torchao, node->span, "expected %s with `_type` and `_data`, `%s` is missing", what, keys[i]);
            return NULL;
        }
    const struct yaml_node *type = yaml_get(node, "_type");
    return yaml_expect(y, type, YAML_STRING, "the name of a class") ? type : NULL;
}

static const char *number_text(struct arena *arena, double number)
{
    struct text text = text_make(arena);
    text_number(&text, number);
    return text_string(&text);
}

/* What the specs leave out is said once, by the first field. */
static void leave_unsaid(struct config_reading *r, const struct torchao_field *field, const struct yaml_node *node)
{
    if (r->unsaid)
        return;
    r->unsaid = field;
    r->unsaid_span = node->span;
}

/* ---- granularities ---- */

/* A missing node is false without a message: its caller has said so. */
static bool read_size(struct yaml_reading *y, const struct yaml_node *node, const char *what, int64_t least, int64_t *value)
{
    if (!node || node->kind != YAML_INT || node->too_wide || node->integer < least)
        return node ? refuse(y, node, what) : false;
    *value = node->integer;
    return true;
}

/* PerRow reduces its dimension and PerAxis keeps it. Counted from the front, a reduced dimension depends on the rank. */
static bool row_text(struct text *out, int64_t dim)
{
    if (dim == -1) {
        text_add(out, "per token");
        return true;
    }
    if (dim > -2 || dim < -SPEC_BLOCK_DIMS_MAX)
        return false;
    text_add(out, "per block(-1");
    for (; dim < -1; dim++)
        text_add(out, ", 1");
    text_char(out, ')');
    return true;
}

static bool block_text(struct yaml_reading *y, struct text *out, const struct yaml_node *sizes)
{
    if (sizes->kind != YAML_SEQUENCE || !sizes->count || sizes->count > SPEC_BLOCK_DIMS_MAX)
        return refuse(y, sizes, "a list of 1 to 8 block sizes");
    text_add(out, "per block(");
    for (size_t i = 0; i < sizes->count; i++) {
        int64_t size = 0;
        if (!read_size(y, sizes->items[i], "a positive block size", 1, &size))
            return false;
        text_printf(out, i ? ", %lld" : "%lld", (long long)size);
    }
    text_char(out, ')');
    return true;
}

/* False after reporting; an empty text: known, and no spec says it. */
static bool granularity_text(struct yaml_reading *y, struct text *out, enum torchao_granularity_id id, const struct yaml_node *node,
                             const struct yaml_node *value)
{
    int64_t number = id == TORCHAO_PER_row ? -1 : 0;
    if (!value && (id == TORCHAO_PER_axis || id == TORCHAO_PER_group || id == TORCHAO_PER_block)) {
        diag_report(y->diags, DIAG_bad_torchao, node->span, "%s needs its `%s`", torchao_granularities[id].class, torchao_granularities[id].argument);
        return false;
    }
    switch (id) {
    case TORCHAO_PER_tensor:
        text_add(out, "per tensor");
        return true;
    case TORCHAO_PER_token:
        text_add(out, "per token");
        return true;
    case TORCHAO_PER_row:
        if (value && !read_size(y, value, "a dimension", INT64_MIN, &number))
            return false;
        row_text(out, number);
        return true;
    case TORCHAO_PER_axis:
        if (!read_size(y, value, "a dimension", INT64_MIN, &number))
            return false;
        text_printf(out, "per channel(%lld)", (long long)number);
        return true;
    case TORCHAO_PER_group:
        if (!read_size(y, value, "a positive group size", 1, &number))
            return false;
        text_printf(out, "per group(%lld)", (long long)number);
        return true;
    case TORCHAO_PER_block:
        return block_text(y, out, value);
    case TORCHAO_PER_COUNT:
        break;
    }
    return false;
}

/* One of the classes listed. NULL after reporting. */
static const struct torchao_granularity *find_granularity(struct yaml_reading *y, const struct yaml_node *node, const char *listed)
{
    const struct yaml_node *type = torchao_type(y, node, "a granularity");
    for (size_t i = 0; type && i < TORCHAO_PER_COUNT; i++)
        if (yaml_is(type, torchao_granularities[i].class) && torchao_lists(listed, torchao_granularities[i].class))
            return &torchao_granularities[i];
    if (type)
        refuse(y, type, arena_printf(y->arena, "one of %s", listed));
    return NULL;
}

static bool check_keys(struct yaml_reading *y, const struct yaml_node *data, const struct torchao_granularity *row)
{
    if (data->kind != YAML_MAPPING)
        return refuse(y, data, "a mapping of the granularity's fields");
    for (size_t i = 0; i < data->count; i++)
        if (!row->argument || !yaml_is(data->pairs[i].key, row->argument))
            return refuse(y, data->pairs[i].key, row->argument ? arena_printf(y->arena, "`%s`", row->argument) : "no field");
    return true;
}

static const struct torchao_granularity *read_granularity(struct config_reading *r, const struct torchao_field *field,
                                                          const struct yaml_node *node, const char **text)
{
    const struct torchao_granularity *row = find_granularity(r->y, node, field->argument);
    const struct yaml_node *data = row ? yaml_get(node, "_data") : NULL;
    struct text out = text_make(r->y->arena);
    if (!row || !check_keys(r->y, data, row) ||
        !granularity_text(r->y, &out, (enum torchao_granularity_id)(row - torchao_granularities), node,
                          row->argument ? yaml_get(data, row->argument) : NULL))
        return NULL;
    *text = out.size ? text_string(&out) : NULL;
    if (!*text)
        leave_unsaid(r, field, node);
    return row;
}

/* A block granularity goes with 1x128 for the input and 128x128 for the weight alone. */
static bool check_alike(struct config_reading *r, const struct yaml_node *node, const struct torchao_granularity *const *rows, const char *const *texts)
{
    if (rows[0] != rows[1])
        return refuse(r->y, node, "two granularities of one class");
    if (rows[0] != &torchao_granularities[TORCHAO_PER_block])
        return true;
    return (!strcmp(texts[0], "per block(1, 128)") && !strcmp(texts[1], "per block(128, 128)")) ||
           refuse(r->y, node, "[PerBlock([1, 128]), PerBlock([128, 128])]");
}

static bool read_pair(struct config_reading *r, const struct torchao_field *field, const struct yaml_node *node, const char **texts)
{
    const struct torchao_granularity *rows[2];
    bool list = node->kind == YAML_SEQUENCE;
    if (list && node->count != 2)
        return refuse(r->y, node, "one granularity or two");
    for (int i = 0; i < 2; i++) {
        rows[i] = !list && i ? rows[0] : read_granularity(r, field, list ? node->items[i] : node, &texts[i]);
        if (!rows[i])
            return false;
    }
    texts[1] = list ? texts[1] : texts[0];
    return field->kind == TORCHAO_PAIR || !texts[0] || !texts[1] || check_alike(r, node, rows, texts);
}

/* ---- the other kinds of fields ---- */

/* A member by its enum's envelope, by its plain string, or true and false. */
static const struct torchao_member *find_member(struct yaml_reading *y, const struct torchao_field *field, const struct yaml_node *node)
{
    const struct yaml_node *data = node->kind == YAML_MAPPING ? yaml_get(node, "_data") : NULL;
    const char *boolean = node->kind == YAML_BOOL ? node->boolean ? "true" : "false" : "";
    struct text names = text_make(y->arena);
    for (size_t i = 0; i < torchao_member_count; i++) {
        const struct torchao_member *m = &torchao_members[i];
        if (strcmp(m->set, field->argument))
            continue;
        if (!m->type ? !strcmp(m->name, boolean) : data ? yaml_is(data, m->name) && yaml_is(yaml_get(node, "_type"), m->type) : m->value && yaml_is(node, m->value))
            return m;
        text_printf(&names, "%s%s%s%s", names.size ? ", " : "", m->type ? m->type : "", m->type ? "." : "", m->name);
    }
    refuse(y, data && data->kind != YAML_MAPPING && data->kind != YAML_SEQUENCE ? data : node, arena_printf(y->arena, "one of %s", text_string(&names)));
    return NULL;
}

/* A member without a text is one that no spec says. */
static bool read_member(struct config_reading *r, size_t index, const struct yaml_node *node)
{
    const struct torchao_field *field = &r->fields[index];
    const struct torchao_member *member = NULL;
    if (node->kind != YAML_MAPPING || torchao_type(r->y, node, "a member of an enum"))
        member = find_member(r->y, field, node);
    if (!member)
        return false;
    r->texts.text[index][0] = r->texts.text[index][1] = member->text;
    r->texts.member[index] = member->name;
    if (!member->text)
        leave_unsaid(r, field, node);
    return true;
}

/* {"_type": "torch.dtype", "_data": "int4"}, or the plain string of one that torch does not have. */
static const struct torchao_dtype *read_dtype(struct config_reading *r, const struct torchao_field *field, const struct yaml_node *node)
{
    const struct yaml_node *name = node;
    if (node->kind == YAML_MAPPING) {
        const struct yaml_node *type = torchao_type(r->y, node, "a dtype");
        if (type && !yaml_is(type, "torch.dtype"))
            refuse(r->y, type, "`torch.dtype`");
        if (!type || !yaml_is(type, "torch.dtype"))
            return NULL;
        name = yaml_get(node, "_data");
    }
    const struct torchao_dtype *row = name->kind == YAML_STRING ? torchao_find_dtype(field->argument, name->text, NULL) : NULL;
    if (!row)
        refuse(r->y, name, arena_printf(r->y->arena, "one of %s", field->argument));
    return row;
}

static bool set_dtype(struct config_reading *r, size_t index, const struct yaml_node *node)
{
    bool scale = r->fields[index].kind == TORCHAO_SCALE;
    if (scale && node->kind == YAML_NULL) {
        r->config->own_scale = true;
        r->texts.text[index][0] = r->texts.text[index][1] = "scale bf16";
        return true;
    }
    const struct torchao_dtype *row = read_dtype(r, &r->fields[index], node);
    if (row)
        r->texts.text[index][0] = r->texts.text[index][1] = scale ? arena_printf(r->y->arena, "scale %s", row->text) : row->text;
    return row;
}

/* Its dtype's field stands before it in the table; when that is faulty there is nothing to measure by. */
static bool set_bound(struct config_reading *r, size_t index, const struct yaml_node *node)
{
    const struct format *format = NULL;
    r->texts.text[index][0] = "";
    if (node->kind == YAML_NULL)
        return true;
    for (size_t i = 0; i < r->field_count; i++)
        if (!strcmp(r->fields[i].name, r->fields[index].argument) && r->texts.text[i][0])
            format = format_find(r->texts.text[i][0]);
    if ((node->kind != YAML_INT && node->kind != YAML_FLOAT) || !(node->number > 0 && node->number < 1e38))
        return refuse(r->y, node, "null or a positive number");
    if (format)
        r->texts.text[index][0] = arena_printf(r->y->arena, "eps %s", number_text(r->y->arena, torchao_eps(node->number, format)));
    return format;
}

/* Compared as yaml_to_json prints, which is how torchao.def spells its fallbacks. */
static bool is_fallback(struct config_reading *r, const struct torchao_field *field, const struct yaml_node *node)
{
    const char *json = yaml_to_json(r->y->arena, node, r->y->diags);
    r->ok &= json != NULL;
    return !json || !strcmp(json, field->fallback);
}

static bool set_integer(struct config_reading *r, size_t index, const struct yaml_node *node)
{
    int64_t value = 0;
    if (!read_size(r->y, node, "a positive integer", 1, &value))
        return false;
    r->texts.text[index][0] = r->texts.text[index][1] = arena_printf(r->y->arena, "%lld", (long long)value);
    return true;
}

/* Checked like any config; its specs are nobody's. As deep as the YAML tree: YAML_DEPTH_MAX. */
static bool read_nested(struct config_reading *r, const struct yaml_node *node)
{
    struct torchao_config inner;
    return node->kind == YAML_NULL || torchao_read(r->y, node, &inner);
}

/* By kind. */
static bool read_field(struct config_reading *r, size_t index, const struct yaml_node *node)
{
    const struct torchao_field *field = &r->fields[index];
    const char **texts = r->texts.text[index];
    switch (field->kind) {
    case TORCHAO_FREE:
        r->config->whole &= is_fallback(r, field, node);
        return true;
    case TORCHAO_FIXED:
        if (!is_fallback(r, field, node))
            leave_unsaid(r, field, node);
        return true;
    case TORCHAO_INTEGER:
        return set_integer(r, index, node);
    case TORCHAO_DTYPE:
    case TORCHAO_SCALE:
        return set_dtype(r, index, node);
    case TORCHAO_GRANULARITY:
        return read_granularity(r, field, node, &texts[0]) && ((texts[1] = texts[0]), true);
    case TORCHAO_PAIR:
    case TORCHAO_ALIKE:
        return read_pair(r, field, node, texts);
    case TORCHAO_MEMBER:
    case TORCHAO_SWITCH:
        return read_member(r, index, node);
    case TORCHAO_BOUND:
        return set_bound(r, index, node);
    case TORCHAO_NESTED:
        return read_nested(r, node);
    }
    return false;
}

/* ---- a whole config ---- */

/* The default of a field that is not there, as the class's constructor has it; null stands for a granularity's, too. */
static const struct yaml_node *fallback_of(struct config_reading *r, const struct torchao_field *field)
{
    struct source *source = source_new(r->y->arena, field->name, field->fallback, strlen(field->fallback));
    return yaml_read(r->y->arena, source, r->y->diags)->root;
}

static void report_unknown(struct config_reading *r, const struct yaml_node *key)
{
    const char *words[TORCHAO_FIELDS_MAX];
    for (size_t i = 0; i < r->field_count; i++)
        words[i] = r->fields[i].name;
    struct diag *diag = diag_report(r->y->diags, DIAG_bad_torchao, key->span, "%s has no field `%s`", r->config->class->class, key->text);
    yaml_help_nearest(r->y, diag, key->text, words, r->field_count);
    r->ok = false;
}

static void read_fields(struct config_reading *r, const struct yaml_node *data)
{
    for (size_t i = 0; i < data->count; i++) {
        bool known = yaml_is(data->pairs[i].key, "version");
        for (size_t f = 0; f < r->field_count; f++)
            known |= yaml_is(data->pairs[i].key, r->fields[f].name);
        if (!known)
            report_unknown(r, data->pairs[i].key);
    }
    for (size_t f = 0; f < r->field_count; f++) {
        const struct torchao_field *field = &r->fields[f];
        const struct yaml_node *node = yaml_get(data, field->name);
        bool granularity = field->kind == TORCHAO_GRANULARITY || field->kind == TORCHAO_ALIKE;
        if (!node || (granularity && node->kind == YAML_NULL))
            node = fallback_of(r, field);
        r->ok &= node && read_field(r, f, node);
    }
}

/* A name that is no field would give the last one; torchao.def names only fields there are. */
static size_t field_index(const struct config_reading *r, const char *name)
{
    size_t i = 0;
    while (i + 1 < r->field_count && strcmp(r->fields[i].name, name))
        i++;
    return i;
}

/* What the constructor or the handler asks of two fields together. */
static const struct torchao_require requires[] = {
#define REQUIRE(config, field, member, other, wanted) {TORCHAO_ID_##config, field, member, other, wanted},
#include "lang/torchao.def"
};

static void check_required(struct config_reading *r, const struct yaml_node *node)
{
    for (size_t i = 0; i < sizeof requires / sizeof *requires; i++) {
        const struct torchao_require *row = &requires[i];
        if (row->config != r->texts.config)
            continue;
        size_t a = field_index(r, row->field), b = field_index(r, row->other);
        unsigned errors = r->y->diags->errors;
        if (!row->member && strcmp(r->texts.text[a][0], r->texts.text[b][0]))
            diag_report(r->y->diags, DIAG_bad_torchao, node->span, "%s and %s have to be the same", row->field, row->other);
        if (row->member && !strcmp(r->texts.member[a], row->member) && strcmp(r->texts.member[b], row->wanted))
            diag_report(r->y->diags, DIAG_bad_torchao, node->span, "%s %s goes with %s %s alone", row->field, row->member, row->other, row->wanted);
        r->ok &= r->y->diags->errors == errors;
    }
}

static const struct {
    enum torchao_id config;
    int version;
} removed[] = {
#define REMOVED(config, version) {TORCHAO_ID_##config, version},
#include "lang/torchao.def"
};

/* No `_version` is version 1. torchao warns about another one and hands it to the class. */
static bool check_version(struct yaml_reading *y, const struct yaml_node *node, const struct torchao_class *class)
{
    const struct yaml_node *version = yaml_get(node, "_version");
    int64_t number = 1;
    if (version && !read_size(y, version, "a version", INT64_MIN, &number))
        return false;
    for (size_t i = 0; i < sizeof removed / sizeof *removed; i++)
        if (class == &torchao_classes[removed[i].config] && number == removed[i].version)
            return refuse(y, version ? version : node, arena_printf(y->arena, "version %d of %s: torchao has removed version %lld", class->version, class->class, (long long)number));
    if (number != class->version)
        diag_report(y->diags, DIAG_torchao_version, version ? version->span : node->span, "%s is version %d, this says %lld",
                    class->class, class->version, (long long)number);
    return true;
}

static const struct torchao_class *find_class(struct yaml_reading *y, const struct yaml_node *type)
{
    const char *words[TORCHAO_ID_COUNT];
    for (size_t i = 0; i < TORCHAO_ID_COUNT; i++) {
        words[i] = torchao_classes[i].class;
        if (yaml_is(type, words[i]) && torchao_classes[i].uses != TORCHAO_UNREADABLE)
            return &torchao_classes[i];
        if (yaml_is(type, words[i])) {
            diag_report(y->diags, DIAG_no_torchao_class, type->span, "torchao does not read %s from a file", type->text);
            return NULL;
        }
    }
    if (yaml_is(type, "FqnToConfig")) {
        diag_report(y->diags, DIAG_no_torchao_class, type->span, "torchao applies no FqnToConfig that stands in another");
        return NULL;
    }
    struct diag *diag = diag_report(y->diags, DIAG_no_torchao_class, type->span, "torchao has no config class `%s`", type->text);
    yaml_help_nearest(y, diag, type->text, words, TORCHAO_ID_COUNT);
    return NULL;
}

/* The specs, or a warning that there are none. */
static void finish(struct config_reading *r, const struct yaml_node *node)
{
    struct torchao_config *config = r->config;
    if (!r->unsaid) {
        config->weight = torchao_expand(r->y->arena, config->class->weight, &r->texts);
        config->input = torchao_expand(r->y->arena, config->class->input, &r->texts);
    }
    if (config->weight)
        return;
    config->whole = config->own_scale = false;
    config->input = NULL;
    if (r->unsaid)
        diag_report(r->y->diags, DIAG_no_torchao_spec, r->unsaid_span, "no spec says this `%s` of %s; the config is kept for the host alone",
                    r->unsaid->name, config->class->class);
    else
        diag_report(r->y->diags, DIAG_no_torchao_spec, node->span, "no spec says what %s does; it is kept for the host alone", config->class->class);
}

bool torchao_read(struct yaml_reading *y, const struct yaml_node *node, struct torchao_config *config)
{
    *config = (struct torchao_config){.whole = true};
    const struct yaml_node *type = torchao_type(y, node, "a config");
    config->class = type ? find_class(y, type) : NULL;
    if (!config->class || !check_version(y, node, config->class))
        return false;
    struct config_reading r = {.y = y, .config = config, .ok = true};
    const struct yaml_node *data = yaml_get(node, "_data");
    r.texts.config = (enum torchao_id)(config->class - torchao_classes);
    r.fields = torchao_fields_of(r.texts.config, &r.field_count);
    if (data->kind != YAML_MAPPING)
        return refuse(y, data, "a mapping of the config's fields");
    read_fields(&r, data);
    if (r.ok)
        check_required(&r, node);
    if (r.ok)
        finish(&r, node);
    return r.ok;
}
