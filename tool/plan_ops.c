/* quern plan RECIPE -m MODEL --ops=eager|graph: what each tensor of each op gets, in the execution mode that is asked for.
 * docs/coreai.md says how it is decided, and what the words of BY mean. */
#include <stdio.h>
#include <string.h>
#include "tool/tool.h"

static json_t *json_row(const struct quern_op_row *row)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "op", tool_json_string(row->op), "type",
                     tool_json_string(row->type), "owner", tool_json_string(row->owner), "slot", tool_json_string(row->slot),
                     "tensor", tool_json_string(row->tensor), "spec", tool_json_string(row->spec), "config",
                     tool_json_string(row->config), "rule", tool_json_string(row->origin), "schedule",
                     tool_json_string(row->schedule), "reason", row->reason);
}

/* All rows, in execution order. */
static void print_json(const quern_ops *ops)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < quern_ops_count(ops); i++) {
        struct quern_op_row row = quern_ops_at(ops, i);
        json_array_append_new(rows, json_row(&row));
    }
    tool_print_json(json_pack("{s:o}", "ops", rows));
}

enum { COLUMNS = 5, WIDEST = 40 }; /* longer names push their line aside */

/* The last column, the spec, is printed as long as it is. */
static void fill_columns(const struct quern_op_row *row, const char *texts[COLUMNS])
{
    texts[0] = row->op;
    texts[1] = row->slot;
    texts[2] = row->tensor;
    texts[3] = row->config ? row->config : "-";
    texts[4] = *row->reason ? row->reason : "rule";
}

static void measure(const char *const texts[COLUMNS], int widths[COLUMNS])
{
    for (int i = 0; i < COLUMNS; i++) {
        size_t size = strlen(texts[i]);
        widths[i] = (int)size > widths[i] && size <= WIDEST ? (int)size : widths[i];
    }
}

static void print_columns(const char *const texts[COLUMNS], const int widths[COLUMNS], const char *last)
{
    for (int i = 0; i < COLUMNS; i++)
        printf("%-*s ", widths[i], texts[i]);
    fputs(last, stdout);
}

/* Two passes: widths, then lines. */
static void print_text(const quern_ops *ops)
{
    static const char *const heads[COLUMNS] = {"OP", "SLOT", "TENSOR", "CONFIG", "BY"};
    const char *texts[COLUMNS];
    int widths[COLUMNS] = {0};
    measure(heads, widths);
    for (size_t i = 0; i < quern_ops_count(ops); i++) {
        struct quern_op_row row = quern_ops_at(ops, i);
        fill_columns(&row, texts);
        measure(texts, widths);
    }
    print_columns(heads, widths, "SPEC\n");
    for (size_t i = 0; i < quern_ops_count(ops); i++) {
        struct quern_op_row row = quern_ops_at(ops, i);
        fill_columns(&row, texts);
        print_columns(texts, widths, row.spec ? row.spec : "none");
        if (row.schedule)
            printf(" (schedule %s)", row.schedule);
        putchar('\n');
    }
}

/* The mode is an argument of --ops, and no other option's. */
enum quern_status tool_plan_ops(struct tool *tool, quern_recipe *recipe, quern_model *model)
{
    const char *mode = tool->values[OPTION_ops];
    quern_ops *ops;
    bool eager = !strcmp(mode, "eager");
    if (!eager && strcmp(mode, "graph")) {
        tool_usage("expected --ops=eager or --ops=graph, saw `%s`", mode);
        return QUERN_USAGE;
    }
    enum quern_status status = quern_ops_resolve(recipe, model, eager ? QUERN_OPS_EAGER : QUERN_OPS_GRAPH, &ops);
    if (status)
        return status;
    if (tool->json)
        print_json(ops);
    else
        print_text(ops);
    quern_ops_close(ops);
    return QUERN_OK;
}
