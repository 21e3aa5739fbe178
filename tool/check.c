/* quern check RECIPE [-m MODEL]: every diagnostic of a recipe, alone (then with what is proved for every name; -v: with notes)
 * or against a model. The messages are the result: JSON and SARIF go to stdout, and are there when there is nothing to say. */
#include <stdio.h>
#include "runtime/quern_prove.h"
#include "tool/tool.h"

/* With a model the proofs are left out: its own names show which rules never win. The summary is for people: -q, JSON and SARIF
 * go without. */
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
