/* quern quantize RECIPE MODEL -o OUT, dequantize MODEL -o OUT, verify QUANTIZED MODEL: whole checkpoints, with a report. OUT
 * appears complete or not at all. */
#include <stdio.h>
#include "tool/report.h"

/* tool_run_options says nothing itself. */
static int bad_run_options(void)
{
    return tool_usage("expected a positive count after -j and --memory-limit (suffixes k M G T Ki Mi Gi Ti)");
}

/* The model's description (--modules) is part of what rules see. */
static enum quern_status quantize(struct tool *tool, quern_recipe *recipe, const struct quern_run_options *options)
{
    quern_model *model;
    enum quern_status status = tool_open_path(tool, tool->arguments[1], &model);
    if (status)
        return status;
    status = quern_quantize(recipe, model, tool->values[OPTION_output], options);
    quern_model_close(model);
    return status;
}

/* Messages come before the totals, so that the last line is the result. */
int command_quantize(struct tool *tool)
{
    quern_recipe *recipe;
    struct quern_run_options options;
    struct report report = {.tool = tool};
    if (!tool_has(tool, OPTION_output))
        return tool_usage("quantize needs an output: quern quantize RECIPE MODEL -o OUT");
    if (!tool_run_options(tool, &options))
        return bad_run_options();
    options.measure = !tool_has(tool, OPTION_no_measure);
    options.report = report_tensor;
    options.report_user = &report;
    enum quern_status status = quern_recipe_load_file(tool->context, tool->arguments[0], &recipe);
    if (status)
        return tool_finish(tool, status);
    status = quantize(tool, recipe, &options);
    int code = tool_finish(tool, status);
    report_finish(&report, status);
    quern_recipe_close(recipe);
    return code;
}

/* No report: floats have no error of their own. */
int command_dequantize(struct tool *tool)
{
    quern_model *model;
    struct quern_run_options options;
    if (!tool_has(tool, OPTION_output))
        return tool_usage("dequantize needs an output: quern dequantize MODEL -o OUT");
    if (!tool_run_options(tool, &options))
        return bad_run_options();
    options.dtype = tool->values[OPTION_dtype];
    enum quern_status status = quern_model_open(tool->context, tool->arguments[0], &model);
    if (status)
        return tool_finish(tool, status);
    status = quern_dequantize(model, tool->values[OPTION_output], &options);
    int code = tool_finish(tool, status);
    quern_model_close(model);
    return code;
}

/* Both models are opened by their paths; descriptions have no say. */
int command_verify(struct tool *tool)
{
    quern_model *quantized, *original;
    struct quern_run_options options;
    struct report report = {.tool = tool};
    if (!tool_run_options(tool, &options))
        return bad_run_options();
    options.report = report_tensor;
    options.report_user = &report;
    enum quern_status status = quern_model_open(tool->context, tool->arguments[0], &quantized);
    if (status)
        return tool_finish(tool, status);
    status = quern_model_open(tool->context, tool->arguments[1], &original);
    if (!status) {
        status = quern_verify(quantized, original, &options);
        quern_model_close(original);
    }
    int code = tool_finish(tool, status);
    report_finish(&report, status);
    quern_model_close(quantized);
    return code;
}
