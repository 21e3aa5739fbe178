/* quern plan RECIPE -m MODEL: what each tensor of a model gets and what it will cost. Reads headers only. A table, then what
 * each spec and each reason for none comes to, then totals; JSON: {tensors: […], shares: […], totals: {…}} with the same figures.
 * A tensor that a rule cannot be carried out for is an error, and the others are shown. */
#define _GNU_SOURCE 1
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tool/tool.h"

static json_t *json_shape(const struct quern_tensor *tensor)
{
    json_t *shape = json_array();
    for (int i = 0; i < tensor->rank; i++)
        json_array_append_new(shape, json_integer(tensor->shape[i]));
    return shape;
}

/* A row of the plan; config and rule null where there is no rule. */
static json_t *json_row(const struct quern_plan_row *row)
{
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:f}", "tensor", tool_json_string(row->tensor.name),
                     "dtype", row->tensor.dtype, "shape", json_shape(&row->tensor), "config",
                     tool_json_string(row->match.rule < 0 ? NULL : row->match.config), "rule",
                     tool_json_string(row->match.rule < 0 ? NULL : row->match.origin), "spec", tool_json_string(row->spec),
                     "reason", tool_json_string(row->reason), "format", tool_json_string(row->format), "group", tool_json_string(row->group), "bytes_before",
                     (json_int_t)row->tensor.bytes, "bytes_after", (json_int_t)row->bytes_after, "bits", row->bits);
}

static json_t *json_totals(const struct quern_totals *t)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "tensors", (json_int_t)t->tensors, "quantized",
                     (json_int_t)t->quantized, "elements", (json_int_t)t->elements, "quantized_elements",
                     (json_int_t)t->quantized_elements, "bytes_before", (json_int_t)t->bytes_before, "bytes_after",
                     (json_int_t)t->bytes_after, "bits_per_weight", t->bits_per_weight);
}

/* What one spec, or one reason for none, comes to over the whole model. */
struct share {
    const char *what, *format;
    bool quantized;
    int64_t tensors, bytes_before, bytes_after;
};
/* All of them, in the order in which they first occur; found by their texts. */
struct shares {
    struct share *items;
    size_t count, capacity;
    json_t *places; /* WHAT, a line break, FORMAT: the item's index */
};

/* Doubling; NULL: no memory. */
static struct share *add_share(struct shares *shares, struct share share)
{
    if (shares->count == shares->capacity) {
        size_t capacity = shares->capacity ? 2 * shares->capacity : 16;
        struct share *items = realloc(shares->items, capacity * sizeof *items);
        if (!items)
            return NULL;
        shares->items = items;
        shares->capacity = capacity;
    }
    shares->items[shares->count] = share;
    return &shares->items[shares->count++];
}

/* NULL: no memory; the row is then left out of the shares, not of the table. */
static struct share *find_share(struct shares *shares, const struct quern_plan_row *row)
{
    struct share share = {.what = row->spec ? row->spec : row->reason, .format = row->format ? row->format : "", .quantized = row->spec != NULL};
    char *key;
    if (asprintf(&key, "%s\n%s", share.what, share.format) < 0)
        return NULL;
    json_t *place = json_object_get(shares->places, key);
    struct share *found = place ? &shares->items[json_integer_value(place)] : add_share(shares, share);
    if (found && !place)
        json_object_set_new_nocheck(shares->places, key, json_integer((json_int_t)shares->count - 1));
    free(key);
    return found;
}

static void free_shares(struct shares *shares)
{
    json_decref(shares->places);
    free(shares->items);
}

/* In the order in which they first occur. Tensors of unknown size are counted and add no bytes. */
static struct shares sum_shares(const quern_plan *plan)
{
    struct shares shares = {.places = json_object()};
    for (size_t i = 0; i < quern_plan_count(plan); i++) {
        struct quern_plan_row row = quern_plan_at(plan, i);
        struct share *share = find_share(&shares, &row);
        if (!share)
            continue;
        share->tensors++;
        share->bytes_before += row.tensor.bytes > 0 ? row.tensor.bytes : 0;
        share->bytes_after += row.tensor.bytes > 0 && row.bytes_after > 0 ? row.bytes_after : 0;
    }
    return shares;
}

/* As print_shares prints them. */
static json_t *json_shares(const quern_plan *plan)
{
    struct shares shares = sum_shares(plan);
    json_t *array = json_array();
    for (size_t i = 0; i < shares.count; i++) {
        const struct share *s = &shares.items[i];
        json_array_append_new(array, json_pack("{s:o, s:o, s:I, s:I, s:I}", s->quantized ? "spec" : "reason", tool_json_string(s->what), "format",
                                               tool_json_string(s->quantized ? s->format : NULL), "tensors", (json_int_t)s->tensors,
                                               "bytes_before", (json_int_t)s->bytes_before, "bytes_after", (json_int_t)s->bytes_after));
    }
    free_shares(&shares);
    return array;
}

/* Counts and bytes first, so that they stand in columns whatever the specs are. */
static void print_shares(const quern_plan *plan)
{
    struct shares shares = sum_shares(plan);
    for (size_t i = 0; i < shares.count; i++) {
        const struct share *s = &shares.items[i];
        char before[16], after[16];
        printf("%6lld tensors %9s -> %9s  %s%s%s\n", (long long)s->tensors, tool_bytes(before, (double)s->bytes_before),
               tool_bytes(after, (double)s->bytes_after), s->what, s->quantized ? ", " : "", s->quantized ? s->format : "");
    }
    free_shares(&shares);
}

/* One object, in memory as a whole: a plan has a few hundred bytes a tensor. */
static bool print_json(const quern_plan *plan)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < quern_plan_count(plan); i++) {
        struct quern_plan_row row = quern_plan_at(plan, i);
        json_array_append_new(rows, json_row(&row));
    }
    struct quern_totals totals = quern_plan_totals(plan);
    return tool_print_json(json_pack("{s:o, s:o, s:o}", "tensors", rows, "shares", json_shares(plan), "totals", json_totals(&totals)));
}

/* FILE:LINE without the folder, so that the columns stay in sight. */
static const char *short_origin(const char *origin)
{
    const char *slash = strrchr(origin, '/');
    return slash && strchr(slash, ':') ? slash + 1 : origin;
}

/* Of names up to 60 bytes: a longer one pushes its line aside. */
static int widest_name(const quern_plan *plan)
{
    size_t widest = strlen("TENSOR");
    for (size_t i = 0; i < quern_plan_count(plan); i++) {
        size_t size = strlen(quern_plan_at(plan, i).tensor.name);
        widest = size > widest && size <= 60 ? size : widest;
    }
    return (int)widest;
}

/* The shape is cut where the column's buffer ends. */
static void print_row(const struct quern_plan_row *row, int width)
{
    char before[16], after[16], shape[64] = "";
    size_t used = 0;
    for (int i = 0; i < row->tensor.rank && used < sizeof shape; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, i ? ",%lld" : "%lld", (long long)row->tensor.shape[i]);
    printf("%-*s %-5s %-13s %9s %9s %6.2f  %-12s %-16s %s%s%s\n", width, row->tensor.name, row->tensor.dtype, shape,
           tool_bytes(before, (double)row->tensor.bytes), tool_bytes(after, (double)row->bytes_after), row->bits,
           row->match.config, short_origin(row->match.origin), row->spec ? row->spec : row->reason, row->group ? ", group " : "", row->group ? row->group : "");
}

static void print_totals(const struct quern_totals *t)
{
    char before[16], after[16];
    printf("%lld of %lld tensors quantized (%lld of %lld elements), %s -> %s, %.2f bits a weight\n", (long long)t->quantized,
           (long long)t->tensors, (long long)t->quantized_elements, (long long)t->elements,
           tool_bytes(before, (double)t->bytes_before), tool_bytes(after, (double)t->bytes_after), t->bits_per_weight);
}

static void print_text(const quern_plan *plan)
{
    int width = widest_name(plan);
    printf("%-*s %-5s %-13s %9s %9s %6s  %-12s %-16s %s\n", width, "TENSOR", "DTYPE", "SHAPE", "BEFORE", "AFTER", "BITS", "CONFIG", "RULE", "SPEC");
    for (size_t i = 0; i < quern_plan_count(plan); i++) {
        struct quern_plan_row row = quern_plan_at(plan, i);
        print_row(&row, width);
    }
    print_shares(plan);
    struct quern_totals totals = quern_plan_totals(plan);
    print_totals(&totals);
}

/* An invalid plan is printed as far as it goes; its status stays. */
static enum quern_status print_plan(struct tool *tool, quern_recipe *recipe, quern_model *model)
{
    quern_plan *plan;
    enum quern_status status = quern_plan_create(recipe, model, &plan);
    if (plan && tool->json)
        print_json(plan);
    else if (plan)
        print_text(plan);
    quern_plan_close(plan);
    return status;
}

/* The recipe is loaded first: what is wrong with it is said whatever the model. */
int command_plan(struct tool *tool)
{
    quern_recipe *recipe;
    quern_model *model;
    if (!tool_has(tool, OPTION_model))
        return tool_usage("plan needs a model: quern plan RECIPE -m MODEL");
    enum quern_status status = quern_recipe_load_file(tool->context, tool->arguments[0], &recipe);
    if (status)
        return tool_finish(tool, status);
    status = tool_open_model(tool, &model);
    if (!status) {
        status = tool_has(tool, OPTION_ops) ? tool_plan_ops(tool, recipe, model) : print_plan(tool, recipe, model);
        quern_model_close(model);
    }
    int code = tool_finish(tool, status);
    quern_recipe_close(recipe);
    return code;
}
