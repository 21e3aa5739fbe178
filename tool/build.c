/* quern build RECIPE -o DIR: the recipe's matcher as object files and a header, for programs that link it and nothing else.
 * With -m for the model's names alone. docs/matchers.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/quern_matcher.h"
#include "tool/tool.h"

enum { TARGETS_MAX = 16 }; /* more than there are */

/* "a,b" cut in place; the number of words, empty ones left out, or -1: too many. */
static int split(char *list, const char **words)
{
    int count = 0;
    for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
        if (count == TARGETS_MAX)
            return -1;
        words[count++] = word;
    }
    return count;
}

/* A model is said to the recipe first: `match specific` decides over its modules. */
static enum quern_status build(struct tool *tool, quern_recipe *recipe, quern_model *model, const struct quern_build_options *options)
{
    enum quern_status status = model ? quern_recipe_use_model(recipe, model) : QUERN_OK;
    if (!status)
        status = quern_build(recipe, model, tool->values[OPTION_output], options);
    if (status == QUERN_USAGE)
        tool_usage("expected targets from x86-64, x86-64-v2, x86-64-v3, x86-64-v4 after --target and a C identifier after --prefix");
    return status;
}

/* Without --target the least of them, which every machine runs. */
int command_build(struct tool *tool)
{
    const char *targets[TARGETS_MAX] = {"x86-64"};
    char *list = tool_has(tool, OPTION_target) ? strdup(tool->values[OPTION_target]) : NULL;
    int count = list ? split(list, targets) : 1;
    struct quern_build_options options = {.targets = targets, .target_count = count > 0 ? (size_t)count : 0,
                                          .prefix = tool->values[OPTION_prefix], .overwrite = tool_has(tool, OPTION_force)};
    quern_recipe *recipe = NULL;
    quern_model *model = NULL;
    enum quern_status status = QUERN_USAGE;
    if (!tool_has(tool, OPTION_output))
        tool_usage("build needs -o DIR");
    else if (tool_subject_kind(tool, &options.subjects))
        status = quern_recipe_load_file(tool->context, tool->arguments[0], &recipe);
    if (!status)
        status = tool_open_model(tool, &model);
    if (!status)
        status = build(tool, recipe, model, &options);
    int code = tool_finish(tool, status);
    quern_model_close(model);
    quern_recipe_close(recipe);
    free(list);
    return code;
}
