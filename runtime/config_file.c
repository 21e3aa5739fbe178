/* config.json: reading it, and writing it back with or without quantization_config. In: the old text, a plan; out: the new
 * text. A group is written for each different treatment, its modules by exact name, so that no reader's matching can go wrong.
 * See config_file.h. */
#include "runtime/config_file.h"

#include <errno.h>
#include <string.h>
#include "lang/compressed.h"
#include "runtime/report.h"

/* A model without config.json is fine; one that is unreadable or no JSON object is an error, for it would be lost. */
bool config_read(struct session *session, const struct quern_model *model, struct config_file *config)
{
    json_error_t error;
    char *text = NULL;
    *config = (struct config_file){.json = json_keep(session->arena)};
    if (!model->directory)
        return true;
    config->path = path_join(session->arena, model->directory, "config.json");
    int failed = file_read_all(session->arena, config->path, true, MODEL_CONFIG_MAX, &text, &config->size);
    if (failed == ENOENT)
        return true;
    if (failed)
        return REPORT_ABOUT(session->diags, cannot_read, config->path, "cannot read the file: %s", file_reason(failed));
    config->text = text;
    config->json->value = json_loadb(text, config->size, 0, &error);
    if (!config->json->value)
        return REPORT_ABOUT(session->diags, bad_config, config->path, "line %d, column %d: %.120s", error.line, error.column, error.text);
    return json_is_object(config->json->value) || REPORT_ABOUT(session->diags, bad_config, config->path, "expected a JSON object");
}

/* A null there means the same as nothing. */
json_t *config_quantization(const struct config_file *config)
{
    static const char *const keys[] = {"quantization_config", "compression_config"};
    for (int i = 0; i < 2; i++) {
        json_t *found = json_object_get(config->json->value, keys[i]);
        if (found && !json_is_null(found))
            return found;
    }
    return NULL;
}

/* ---- one quantization_config ---- */

/* A group: the modules with one spec, one format and one input spec. */
struct config_group {
    const struct plan_item *item; /* the first of them */
    json_t *targets;              /* borrowed from the group's object */
};
/* The config being made; `groups` are looked through from the last, for neighbours are alike. */
struct writing {
    struct session *session;
    const struct quern_plan *plan;
    struct config_group *groups;
    size_t count, capacity;
    json_t *config_groups, *ignore; /* borrowed from the root */
    bool mixed;
    size_t own; /* tensors in the quern format */
};

/* The tensor's name without its last segment. */
static json_t *module_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? json_stringn(name, (size_t)(dot - name)) : json_string("");
}

/* One QuantizationArgs of compressed-tensors, as lang/compressed.h has it. */
static json_t *make_args(const struct spec *spec, bool activation)
{
    struct ct_args args = ct_args_of(spec, activation);
    return ct_args_json(&args);
}

/* Inputs that compressed-tensors quantizes as they come, without calibration: int or e4m3 per token or tensor, MX groups. */
static json_t *make_input(struct writing *w, const struct plan_item *item)
{
    const struct spec *input = config_input(item->config);
    if (!input)
        return json_null();
    bool integer = input->format->kind == FORMAT_KIND_INT && input->format->is_signed && input->format->bits <= 8;
    bool e4m3 = input->format->dtype == DTYPE_f8_e4m3, known = integer || e4m3;
    known = known && input->timing != TIMING_static && !input->has_low && !input->has_high;
    bool mx = input->granularity == GRANULARITY_group && input->group == 32 && input->scale && input->scale->dtype == DTYPE_f8_e8m0;
    if (known && input->granularity == GRANULARITY_token)
        return make_args(input, true);
    if (known && input->granularity == GRANULARITY_tensor)
        return make_args(input, true);
    if (mx && !integer)
        return make_args(input, true);
    REPORT_ABOUT(w->session->diags, input_dropped, item->config->name, "the input spec of this config has no form in quantization_config; it was left out");
    return json_null();
}

/* Specs are compared by value: two configs that say the same share a group. */
static bool same_group(const struct plan_item *a, const struct plan_item *b)
{
    const struct spec *s = config_input(a->config), *t = config_input(b->config);
    return a->consumer == b->consumer && spec_same(a->spec, b->spec) && (s == t || (s && t && spec_same(s, t)));
}

/* Names are zero-padded and targets disjoint: readers sort the groups, and their order decides. The first tensor of a group
 * speaks for it: consumer, spec and input spec are the same in all. */
static json_t *find_targets(struct writing *w, const struct plan_item *item)
{
    char name[32];
    for (size_t i = w->count; i-- > 0;)
        if (same_group(w->groups[i].item, item))
            return w->groups[i].targets;
    w->mixed |= w->count && w->groups[0].item->consumer != item->consumer;
    json_t *targets = json_array();
    snprintf(name, sizeof name, "group_%03zu", w->count);
    json_object_set_new(w->config_groups, name,
                        json_pack("{s:o, s:s, s:o, s:o, s:n}", "targets", targets, "format", item->consumer->word, "weights",
                                  make_args(item->spec, false), "input_activations", make_input(w, item),
                                  "output_activations"));
    *ARENA_PUSH(w->session->arena, w->groups, w->count, w->capacity) = (struct config_group){item, targets};
    return targets;
}

/* Matrices named `weight` that consumers would otherwise take for quantized: exact module names, in name order. */
static bool is_ignored(const struct plan_item *item)
{
    const char *dot = strrchr(item->stored->name, '.');
    return dot && !strcmp(dot, ".weight") && item->stored->rank >= 2;
}

/* Either a target, or ignored, or none of a reader's business (vectors, buffers, embeddings that are not named
 * weight). */
static void add_item(struct writing *w, const struct plan_item *item)
{
    if (item->spec && item->consumer->listed)
        json_array_append_new(find_targets(w, item), module_name(item->stored->name));
    else if (is_ignored(item))
        json_array_append_new(w->ignore, module_name(item->stored->name));
    w->own += item->spec && item->consumer->id == CONSUMER_quern;
}

/* NULL when no tensor needs a reader's attention. `format` of the whole is that of the only group's kind, else mixed-precision. */
static json_t *make_config(struct writing *w, struct json_hold *hold)
{
    hold->value = json_pack("{s:s, s:s, s:s, s:{}, s:[], s:n, s:n}", "quant_method", "compressed-tensors", "quantization_status",
                            "compressed", "format", "mixed-precision", "config_groups", "ignore", "kv_cache_scheme",
                            "global_compression_ratio");
    w->config_groups = json_object_get(hold->value, "config_groups");
    w->ignore = json_object_get(hold->value, "ignore");
    for (size_t i = 0; i < w->plan->count; i++)
        add_item(w, &w->plan->items[i]);
    if (w->count && !w->mixed)
        json_object_set_new(hold->value, "format", json_string(w->groups[0].item->consumer->word));
    if (!w->count) {
        json_drop(hold);
        hold->value = w->own ? json_pack("{s:s, s:s}", "quant_method", "quern", "format", "quern") : NULL;
    }
    return hold->value;
}

/* ---- the file ---- */

/* The value, its lines indented as a member of the top-level object. */
static void add_value(struct text *text, const struct json_hold *hold)
{
    struct text value = text_make(text->arena);
    json_print(&value, hold, JSON_INDENT(2));
    for (size_t i = 0; i < value.size; i++) {
        text_char(text, value.bytes[i]);
        if (value.bytes[i] == '\n')
            text_add(text, "  ");
    }
}

/* The old text byte for byte with one member more before its closing brace, the last of the text: numbers keep their spelling. */
static void add_member(struct text *text, const struct config_file *config, const struct json_hold *value)
{
    size_t end = 1;
    bool empty = !config->text || !json_object_size(config->json->value);
    for (size_t i = 1; config->text && i < config->size; i++)
        end = config->text[i] == '}' ? i : end;
    while (config->text && end > 1 && strchr(" \t\r\n", config->text[end - 1]))
        end--;
    if (config->text)
        text_add_bytes(text, config->text, end);
    else
        text_add(text, "{");
    text_add(text, empty ? "\n  \"quantization_config\": " : ",\n  \"quantization_config\": ");
    add_value(text, value);
    text_add(text, "\n}\n");
}

/* Numbers with 15 digits, as they were most likely written; with 17 when that would change one. */
static void print_object(struct session *session, struct text *text, const struct json_hold *object)
{
    struct json_hold *again = json_keep(session->arena);
    size_t begin = text->size;
    json_print(text, object, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    again->value = json_loadb(text->bytes + begin, text->size - begin, 0, NULL);
    if (!json_equal(again->value, object->value)) {
        text->size = begin;
        json_print(text, object, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    }
    json_drop(again);
}

/* A member of that name, null or there would be no plan, gives way: a second one would leave it to the reader which counts. */
static void replace_member(struct session *session, struct text *text, const struct config_file *config,
                           const struct json_hold *value)
{
    json_object_set(config->json->value, "quantization_config", value->value);
    print_object(session, text, config->json);
    text_char(text, '\n');
}

/* Nothing quantized and no old file: no config.json. */
bool config_write(struct session *session, const struct config_file *config, const struct quern_plan *plan, struct output *out)
{
    struct writing w = {.session = session, .plan = plan};
    struct json_hold *value = json_keep(session->arena);
    struct text text = text_make(session->arena);
    bool made = make_config(&w, value) != NULL;
    if (made && json_object_get(config->json->value, "quantization_config"))
        replace_member(session, &text, config, value);
    else if (made)
        add_member(&text, config, value);
    else if (config->text)
        text_add_bytes(&text, config->text, config->size);
    json_drop(value);
    return !text.size || output_write(out, "config.json", text.bytes, text.size);
}

/* For dequantized models. A file that held nothing but quantization_config is not written at all. */
bool config_write_plain(struct session *session, const struct config_file *config, struct output *out)
{
    struct text text = text_make(session->arena);
    if (!config->text)
        return true;
    if (!config_quantization(config))
        return output_write(out, "config.json", config->text, config->size);
    json_object_del(config->json->value, "quantization_config");
    json_object_del(config->json->value, "compression_config");
    if (!json_object_size(config->json->value))
        return true;
    print_object(session, &text, config->json);
    text_char(&text, '\n');
    return output_write(out, "config.json", text.bytes, text.size);
}
