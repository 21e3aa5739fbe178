/* quern check: every diagnostic of a recipe, alone or against a model. */
#include <stdio.h>
#include "tool/tool.h"

static enum quern_status check_model(struct tool *tool, quern_recipe *recipe)
{
    quern_model *model;
    enum quern_status status = quern_model_open(tool->context, tool->values[OPTION_model], &model);
    if (status)
        return status;
    status = quern_check_model(recipe, model);
    quern_model_close(model);
    return status;
}

int command_check(struct tool *tool)
{
    quern_recipe *recipe;
    enum quern_status status = quern_recipe_load_file(tool->context, tool->arguments[0], &recipe);
    if (status)
        return tool_finish(tool, status);
    status = tool_has(tool, OPTION_model) ? check_model(tool, recipe) : quern_check_model(recipe, NULL);
    unsigned errors = quern_error_count(tool->context), warnings = quern_warning_count(tool->context);
    int code = tool_finish(tool, status);
    if (!tool_has(tool, OPTION_quiet) && !tool->json && !tool->sarif)
        printf("%s: %zu rules, %u errors, %u warnings\n", tool->arguments[0], quern_rule_count(recipe), errors, warnings);
    quern_recipe_close(recipe);
    return code;
}
