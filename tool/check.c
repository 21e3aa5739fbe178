/* quern check: every diagnostic of a recipe, alone or against a model. */
#include <stdio.h>
#include "runtime/quern_prove.h"
#include "tool/tool.h"

int command_check(struct tool *tool)
{
    quern_recipe *recipe;
    quern_model *model;
    enum quern_status status = quern_recipe_load_file(tool->context, tool->arguments[0], &recipe);
    if (status)
        return tool_finish(tool, status);
    status = tool_open_model(tool, &model);
    if (!status && !model)
        status = quern_recipe_prove(recipe, tool_has(tool, OPTION_verbose));
    if (!status)
        status = quern_check_model(recipe, model);
    unsigned errors = quern_error_count(tool->context), warnings = quern_warning_count(tool->context);
    int code = tool_finish(tool, status);
    if (!tool_has(tool, OPTION_quiet) && !tool->json && !tool->sarif && status != QUERN_USAGE)
        printf("%s: %zu rules, %u errors, %u warnings\n", tool->arguments[0], quern_rule_count(recipe), errors, warnings);
    if (model)
        quern_model_close(model);
    quern_recipe_close(recipe);
    return code;
}
