/* quern import FILE, quern export RECIPE --to SYSTEM, quern schema: recipes from and to the files of other systems, and the
 * YAML form's schema. What a system cannot say is an error that lists all of it; nothing is printed then, nor with warnings
 * under --strict. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tool/tool.h"

/* The text is read here and not by the library, so that `-` works and --from decides whose file it is. */
int command_import(struct tool *tool)
{
    size_t size;
    const char *path = tool->arguments[0], *qr = NULL;
    char *text = tool_read_file(path, &size);
    if (!text)
        return tool_system_error(path);
    enum quern_status status = quern_import(tool->context, strcmp(path, "-") ? path : "<stdin>", text, size,
                                            tool->values[OPTION_from], &qr);
    int code = tool_finish(tool, status);
    if (!status && !code)
        fputs(qr, stdout);
    free(text);
    return code;
}

/* Warnings are printed, and under --strict the text is kept back. */
int command_export(struct tool *tool)
{
    quern_recipe *recipe;
    const char *text = NULL;
    if (!tool_has(tool, OPTION_to))
        return tool_usage("export needs a system: quern export RECIPE --to SYSTEM");
    enum quern_status status = quern_recipe_load_file(tool->context, tool->arguments[0], &recipe);
    if (status)
        return tool_finish(tool, status);
    status = quern_export(recipe, tool->values[OPTION_to], &text);
    int code = tool_finish(tool, status);
    if (!status && !code)
        fputs(text, stdout);
    quern_recipe_close(recipe);
    return code;
}

int command_schema(struct tool *tool)
{
    const char *schema = quern_yaml_schema(tool->context);
    if (schema)
        fputs(schema, stdout);
    return tool_finish(tool, schema ? QUERN_OK : QUERN_LIMIT);
}
