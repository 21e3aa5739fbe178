/* Module descriptions: the JSON form. In: bytes; out: drafts. One module, op or boundary is in memory as JSON at a time; a
 * fault is said with its place, `modules[3].parameters[0].dtype`, and ends the reading. Keys that nothing reads are warnings.
 * docs/module-description.md. */
#include <inttypes.h>
#include <string.h>
#include "runtime/describe.h"
#include "runtime/json.h"
#include "runtime/report.h"

/* Bytes of one module's, op's or boundary's text; dimensions of one shape; unknown keys that are reported. */
enum { RECORD_MAX = 16 << 20, RANK_MAX = 1 << 16, UNKNOWN_MAX = 8 };

/* The records of describe_keys.def as C: the row says which member a key fills. Members that are not there stay as initialised. */
struct record_shape {
    int rank;
    const int64_t *dims;
};
struct record_module {
    const char *path, *metadata;
    const char *const *aliases, *const *classes, *const *bases, *const *tags;
    bool quantizer, stub, quantized_module;
    json_t *parameters, *buffers;
};
struct record_state {
    const char *name, *dtype, *tied;
    struct record_shape shape;
};
struct record_op {
    const char *owner, *type, *graph_name, *eager_name;
    json_t *inputs, *outputs;
};
struct record_value {
    const char *tensor, *state, *name, *dtype;
    int64_t index;
    struct record_shape shape;
};
struct record_boundary {
    const char *module;
    const char *const *inputs, *const *outputs;
};

enum record { RECORD_module, RECORD_state, RECORD_op, RECORD_value, RECORD_boundary };
enum kind { KIND_string, KIND_strings, KIND_flag, KIND_index, KIND_shape, KIND_object, KIND_list };
/* The rows, a record's together. */
static const struct key {
    enum record record;
    const char *name;
    enum kind kind;
    size_t offset;
} keys[] = {
#define KEY(record, key, kind, member) {RECORD_##record, key, KIND_##kind, offsetof(struct record_##record, member)},
#include "runtime/describe_keys.def"
#undef KEY
};
enum { KEY_COUNT = sizeof keys / sizeof *keys };
static const char *const wanted[] = {"a string", "an array of strings", "true or false", "an integer of 0 or more",
                                     "an array of sizes", "an object", "an array of objects"};

struct reading {
    struct drafting *d;
    bool format_seen;
    const char *unknown[UNKNOWN_MAX]; /* keys warned of */
    size_t unknown_count;
};

/* Where a value stands; printed only in messages. */
struct location {
    const struct location *outer;
    const char *name; /* NULL: an item */
    size_t index;
};

/* From the outermost inwards: modules[3].parameters[0].dtype. */
static void print_place(struct text *out, const struct location *place)
{
    if (place->outer)
        print_place(out, place->outer);
    if (!place->name)
        text_printf(out, "[%zu]", place->index);
    else
        text_printf(out, "%s%s", place->outer ? "." : "", place->name);
}

static const char *place_text(struct reading *r, const struct location *place)
{
    struct text text = text_make(r->d->scratch);
    print_place(&text, place);
    return text_string(&text);
}

#define REPORT(r, ...) REPORT_ABOUT((r)->d->diags, bad_description, (r)->d->subject, __VA_ARGS__)

/* A value in a few words; a string or a number as it stands. */
static const char *value_text(struct reading *r, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return name_shown(r->d->scratch, json_string_value(value));
    case JSON_INTEGER: return arena_printf(r->d->scratch, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL: return "a number with a fraction";
    case JSON_TRUE: return "true";
    case JSON_FALSE: return "false";
    case JSON_NULL: return "null";
    }
    return "nothing";
}

/* *expected X, saw Y*, at a place. */
static bool refuse(struct reading *r, const struct location *place, const char *expected, const json_t *saw)
{
    return REPORT(r, "%s: expected %s, saw %s", place_text(r, place), expected, value_text(r, saw));
}

/* ---- values ---- */

/* Strings stay the JSON's: they are copied when the record is drafted. */
static bool read_strings(struct reading *r, const struct location *place, json_t *array, const char *const **strings)
{
    const char **items = ARENA_ARRAY(r->d->scratch, json_array_size(array) + 1, const char *);
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item) {
        if (!json_is_string(item))
            return refuse(r, &(struct location){place, NULL, i}, "a string", item);
        items[i] = json_string_value(item);
    }
    *strings = items;
    return true;
}

/* RANK_MAX comes first: the rank is an int everywhere else. */
static bool read_shape(struct reading *r, const struct location *place, json_t *array, struct record_shape *shape)
{
    int64_t *dims = ARENA_ARRAY(r->d->scratch, json_array_size(array) + 1, int64_t);
    size_t i;
    json_t *item;
    if (json_array_size(array) > RANK_MAX)
        return REPORT(r, "%s: a shape may have %d sizes", place_text(r, place), RANK_MAX);
    json_array_foreach(array, i, item) {
        if (!json_is_integer(item) || json_integer_value(item) < 0)
            return refuse(r, &(struct location){place, NULL, i}, "an integer of 0 or more", item);
        dims[i] = json_integer_value(item);
    }
    *shape = (struct record_shape){(int)i, dims};
    return true;
}

static const char *object_text(struct reading *r, json_t *object)
{
    struct json_hold hold = {object};
    struct text text = text_make(r->d->scratch);
    json_print(&text, &hold, JSON_COMPACT);
    return text_string(&text);
}

static bool has_kind(const json_t *value, enum kind kind)
{
    switch (kind) {
    case KIND_string: return json_is_string(value);
    case KIND_strings: case KIND_shape: case KIND_list: return json_is_array(value);
    case KIND_flag: return json_is_boolean(value);
    case KIND_index: return json_is_integer(value) && json_integer_value(value) >= 0;
    case KIND_object: return json_is_object(value);
    }
    return false;
}

/* Puts the value where the key's row says; strings and lists are borrowed from the JSON. */
static bool read_value(struct reading *r, const struct location *place, const struct key *key, json_t *value, void *record)
{
    void *member = (char *)record + key->offset;
    if (!has_kind(value, key->kind))
        return refuse(r, place, wanted[key->kind], value);
    switch (key->kind) {
    case KIND_string: *(const char **)member = json_string_value(value); return true;
    case KIND_strings: return read_strings(r, place, value, member);
    case KIND_flag: *(bool *)member = json_is_true(value); return true;
    case KIND_index: *(int64_t *)member = json_integer_value(value); return true;
    case KIND_shape: return read_shape(r, place, value, member);
    case KIND_object: *(const char **)member = object_text(r, value); return true;
    case KIND_list: *(json_t **)member = value; return true;
    }
    return false;
}

/* ---- records ---- */

/* Said once for each key, and for a few keys. */
static void warn_unknown(struct reading *r, const struct location *place, const char *name, const char *const *known, size_t count)
{
    for (size_t i = 0; i < r->unknown_count; i++)
        if (!strcmp(r->unknown[i], name))
            return;
    if (r->unknown_count == UNKNOWN_MAX)
        return;
    r->unknown[r->unknown_count++] = arena_string(r->d->scratch, name);
    const char *nearest = diag_nearest(name, known, count), *where = place ? place_text(r, place) : "the description";
    struct diag *diag = diag_report_about(r->d->diags, DIAG_description_key, r->d->subject, "%s: nothing reads the key %s", where,
                                          name_shown(r->d->scratch, name));
    if (nearest)
        diag_help(r->d->diags, diag, "did you mean \"%s\"?", nearest);
}

static const struct key *find_key(enum record record, const char *name)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (keys[i].record == record && !strcmp(keys[i].name, name))
            return &keys[i];
    return NULL;
}

/* Each key's value into the member of its row; a key without a row is a warning. */
static bool read_record(struct reading *r, const struct location *place, enum record kind, json_t *object, void *record)
{
    const char *known[KEY_COUNT], *name;
    size_t count = 0;
    json_t *value;
    if (!json_is_object(object))
        return refuse(r, place, "an object", object);
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (keys[i].record == kind)
            known[count++] = keys[i].name;
    json_object_foreach(object, name, value) {
        const struct key *key = find_key(kind, name);
        if (!key)
            warn_unknown(r, place, name, known, count);
        else if (!read_value(r, &(struct location){place, key->name, 0}, key, value, record))
            return false;
    }
    return true;
}

/* value: the member that the key fills. */
static bool require(struct reading *r, const struct location *place, const char *value, const char *key)
{
    return value || REPORT(r, "%s: expected the key \"%s\"", place_text(r, place), key);
}

/* A parameter or buffer of the module drafted last. */
static bool read_state(struct reading *r, const struct location *place, json_t *object, bool buffer)
{
    struct record_state s = {.shape.rank = -1};
    if (!read_record(r, place, RECORD_state, object, &s) || !require(r, place, s.name, "name"))
        return false;
    struct quern_state_info info = {.tensor = {.name = s.name, .dtype = s.dtype, .rank = s.shape.rank, .shape = s.shape.dims},
                                    .tied = s.tied, .buffer = buffer};
    return draft_state(r->d, &info);
}

static bool read_states(struct reading *r, const struct location *place, json_t *array, bool buffer)
{
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item)
        if (!read_state(r, &(struct location){place, NULL, i}, item, buffer))
            return false;
    return true;
}

/* The module before its states: they are drafted into the module added last. */
static bool read_module(struct reading *r, const struct location *place, json_t *object)
{
    struct record_module m = {0};
    if (!read_record(r, place, RECORD_module, object, &m) || !require(r, place, m.path, "path"))
        return false;
    struct quern_module_info info = {.path = m.path, .aliases = m.aliases, .classes = m.classes, .bases = m.bases, .tags = m.tags,
                                     .quantizer = m.quantizer, .stub = m.stub, .quantized_module = m.quantized_module, .metadata = m.metadata};
    return draft_module(r->d, &info) && read_states(r, &(struct location){place, "parameters", 0}, m.parameters, false) &&
           read_states(r, &(struct location){place, "buffers", 0}, m.buffers, true);
}

/* An op's inputs or outputs, in order. */
static bool read_values(struct reading *r, const struct location *place, json_t *array, const struct quern_op_value **values, size_t *count)
{
    struct quern_op_value *items = ARENA_ARRAY(r->d->scratch, json_array_size(array) + 1, struct quern_op_value);
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item) {
        struct record_value v = {.index = -1, .shape.rank = -1};
        if (!read_record(r, &(struct location){place, NULL, i}, RECORD_value, item, &v))
            return false;
        items[i] = (struct quern_op_value){.tensor = v.tensor, .state = v.state, .name = v.name, .index = v.index, .dtype = v.dtype,
                                           .rank = v.shape.rank, .shape = v.shape.dims};
    }
    *values = items;
    *count = json_array_size(array);
    return true;
}

/* As struct quern_op_info has it: an op of a file and one of a host go the same way. */
static bool read_op(struct reading *r, const struct location *place, json_t *object)
{
    struct record_op op = {0};
    struct quern_op_info info = {0};
    if (!read_record(r, place, RECORD_op, object, &op) || !require(r, place, op.owner, "owner") || !require(r, place, op.type, "type"))
        return false;
    info = (struct quern_op_info){.owner = op.owner, .type = op.type, .graph_name = op.graph_name, .eager_name = op.eager_name};
    return read_values(r, &(struct location){place, "inputs", 0}, op.inputs, &info.inputs, &info.input_count) &&
           read_values(r, &(struct location){place, "outputs", 0}, op.outputs, &info.outputs, &info.output_count) && draft_op(r->d, &info);
}

static bool read_boundary(struct reading *r, const struct location *place, json_t *object)
{
    struct record_boundary b = {0};
    if (!read_record(r, place, RECORD_boundary, object, &b) || !require(r, place, b.module, "module"))
        return false;
    struct quern_boundary_info info = {.module = b.module, .inputs = b.inputs, .outputs = b.outputs};
    return draft_boundary(r->d, &info);
}

/* ---- the whole ---- */

typedef bool read_item(struct reading *r, const struct location *place, json_t *object);
/* The arrays of the file, each read item by item. */
static const struct section {
    const char *key;
    read_item *read;
} sections[] = {{"modules", read_module}, {"ops", read_op}, {"boundaries", read_boundary}};
enum { SECTION_COUNT = sizeof sections / sizeof *sections };

/* An array, item by item. */
static bool read_section(struct reading *r, struct json_walk *w, const struct section *section)
{
    struct json_walk items;
    struct location name = {NULL, section->key, 0};
    json_walk_enter_array(w, &items, r->d->scratch);
    items.value_limit = RECORD_MAX;
    for (size_t i = 0; json_walk_item(&items); i++) {
        json_t *item = json_walk_value(&items, 0);
        if (item && !section->read(r, &(struct location){&name, NULL, i}, item))
            return false;
        if (!item)
            break;
    }
    json_walk_leave(w, &items);
    return !w->error || REPORT(r, "%s: %s", section->key, w->error);
}

/* format and version, or a key that nothing reads. */
static bool read_word(struct reading *r, struct json_walk *w, const char *key)
{
    static const char *const known[] = {"format", "version", "modules", "ops", "boundaries"};
    struct location place = {NULL, key, 0};
    json_t *value = json_walk_value(w, 0);
    if (!value)
        return REPORT(r, "%s: %s", key, w->error);
    if (!strcmp(key, "version"))
        return (json_is_integer(value) && json_integer_value(value) == 1) || refuse(r, &place, "1", value);
    if (strcmp(key, "format")) {
        warn_unknown(r, NULL, key, known, sizeof known / sizeof *known);
        return true;
    }
    r->format_seen = true;
    if (json_is_string(value) && !strcmp(json_string_value(value), "quern-modules"))
        return true;
    return refuse(r, &place, "\"quern-modules\"", value);
}

/* A file of something else is told apart before its keys are found fault with. */
static bool read_member(struct reading *r, struct json_walk *w, const char *key, unsigned *seen)
{
    for (size_t i = 0; i < SECTION_COUNT; i++)
        if (!strcmp(key, sections[i].key)) {
            if (*seen >> i & 1)
                return REPORT(r, "\"%s\" stands twice", key);
            *seen |= 1u << i;
            return read_section(r, w, &sections[i]);
        }
    if (!r->format_seen && strcmp(key, "format") && strcmp(key, "version"))
        return REPORT_ABOUT(r->d->diags, model_kind, r->d->subject, "a JSON file that is no module description: expected \"format\": "
                            "\"quern-modules\", saw the key %s", name_shown(r->d->scratch, key));
    return read_word(r, w, key);
}

/* The walk ends at the first fault, of JSON or of a record; which sections were seen is a bit each. Names are looked up when
 * all of them are there: draft_link. */
bool description_read(struct drafting *d, const char *bytes, size_t size)
{
    struct reading r = {.d = d};
    struct json_walk walk;
    unsigned seen = 0;
    bool ok = true;
    json_walk_open(&walk, d->scratch, bytes, size);
    for (const char *key; ok && (key = json_walk_key(&walk, d->scratch));)
        ok = read_member(&r, &walk, key, &seen);
    json_walk_close(&walk);
    if (!ok)
        return false;
    if (walk.error)
        return REPORT(&r, "the file is not a JSON object: %s", walk.error);
    if (!r.format_seen)
        return REPORT(&r, "expected the key \"format\" with \"quern-modules\"");
    return draft_link(d);
}

/* A list of names has a name in its first line, and no name of a model begins so. */
bool description_looks_like(const char *bytes, size_t size)
{
    static const char blanks[] = " \t\r\n";
    size_t at = 0;
    while (at < size && bytes[at] && strchr(blanks, bytes[at]))
        at++;
    if (at == size || bytes[at++] != '{')
        return false;
    while (at < size && bytes[at] && strchr(blanks, bytes[at]))
        at++;
    return at < size && (bytes[at] == '"' || bytes[at] == '}');
}
