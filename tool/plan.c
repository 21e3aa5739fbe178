/* quern plan: what each tensor of a model gets and what it will cost. Reads headers only. */
#include <stdio.h>
#include <string.h>
#include "tool/tool.h"

static json_t *json_shape(const struct quern_tensor *tensor)
{
    json_t *shape = json_array();
    for (int i = 0; i < tensor->rank; i++)
        json_array_append_new(shape, json_integer(tensor->shape[i]));
    return shape;
}

static json_t *json_row(const struct quern_plan_row *row)
{
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:f}", "tensor", tool_json_string(row->tensor.name),
                     "dtype", row->tensor.dtype, "shape", json_shape(&row->tensor), "config",
                     tool_json_string(row->match.rule < 0 ? NULL : row->match.config), "rule",
                     tool_json_string(row->match.rule < 0 ? NULL : row->match.origin), "spec", tool_json_string(row->spec),
                     "reason", tool_json_string(row->reason), "format", tool_json_string(row->format), "bytes_before",
                     (json_int_t)row->tensor.bytes, "bytes_after", (json_int_t)row->bytes_after, "bits", row->bits);
}

static json_t *json_totals(const struct quern_totals *t)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "tensors", (json_int_t)t->tensors, "quantized",
                     (json_int_t)t->quantized, "elements", (json_int_t)t->elements, "quantized_elements",
                     (json_int_t)t->quantized_elements, "bytes_before", (json_int_t)t->bytes_before, "bytes_after",
                     (json_int_t)t->bytes_after, "bits_per_weight", t->bits_per_weight);
}

static bool print_json(const quern_plan *plan)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < quern_plan_count(plan); i++) {
        struct quern_plan_row row = quern_plan_at(plan, i);
        json_array_append_new(rows, json_row(&row));
    }
    struct quern_totals totals = quern_plan_totals(plan);
    return tool_print_json(json_pack("{s:o, s:o}", "tensors", rows, "totals", json_totals(&totals)));
}

static int widest_name(const quern_plan *plan)
{
    size_t widest = strlen("TENSOR");
    for (size_t i = 0; i < quern_plan_count(plan); i++) {
        size_t size = strlen(quern_plan_at(plan, i).tensor.name);
        widest = size > widest && size <= 60 ? size : widest;
    }
    return (int)widest;
}

static void print_row(const struct quern_plan_row *row, int width)
{
    char before[16], after[16], shape[64] = "";
    size_t used = 0;
    for (int i = 0; i < row->tensor.rank && used < sizeof shape; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, i ? ",%lld" : "%lld", (long long)row->tensor.shape[i]);
    printf("%-*s %-5s %-13s %9s %9s %6.2f  %-12s %s\n", width, row->tensor.name, row->tensor.dtype, shape,
           tool_bytes(before, (double)row->tensor.bytes), tool_bytes(after, (double)row->bytes_after), row->bits,
           row->match.config, row->spec ? row->spec : row->reason);
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
    printf("%-*s %-5s %-13s %9s %9s %6s  %-12s %s\n", width, "TENSOR", "DTYPE", "SHAPE", "BEFORE", "AFTER", "BITS", "CONFIG", "SPEC");
    for (size_t i = 0; i < quern_plan_count(plan); i++) {
        struct quern_plan_row row = quern_plan_at(plan, i);
        print_row(&row, width);
    }
    struct quern_totals totals = quern_plan_totals(plan);
    print_totals(&totals);
}

static enum quern_status print_plan(struct tool *tool, quern_recipe *recipe, quern_model *model)
{
    quern_plan *plan;
    enum quern_status status = quern_plan_create(recipe, model, &plan);
    if (status)
        return status;
    if (tool->json)
        print_json(plan);
    else
        print_text(plan);
    quern_plan_close(plan);
    return QUERN_OK;
}

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
        status = print_plan(tool, recipe, model);
        quern_model_close(model);
    }
    int code = tool_finish(tool, status);
    quern_recipe_close(recipe);
    return code;
}
