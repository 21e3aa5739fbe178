/* quern emit RECIPE --stage STAGE: a stage of compilation as text (obj: an ELF object). With -x the input is that stage's text,
 * read and printed again: the same bytes come out when the text was the compiler's own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tool/tool.h"

/* To -o, or to standard output. */
static int write_bytes(struct tool *tool, const char *bytes, size_t size)
{
    const char *path = tool->values[OPTION_output];
    FILE *file = path && strcmp(path, "-") ? fopen(path, "wb") : stdout;
    if (!file)
        return tool_system_error(path);
    bool done = fwrite(bytes, 1, size, file) == size;
    if (file != stdout)
        done = !fclose(file) && done;
    return done ? 0 : tool_system_error(path ? path : "standard output");
}

/* Diagnostics come before the text, so that a terminal shows both in order. */
static int reread(struct tool *tool)
{
    size_t size;
    const char *path = tool->arguments[0], *again;
    char *text = tool_read_file(path, &size);
    if (!text)
        return tool_system_error(path);
    enum quern_status status = quern_stage_reread(tool->context, tool->values[OPTION_reread], path, text, size, &again);
    int code = tool_finish(tool, status);
    if (!status)
        code = write_bytes(tool, again, strlen(again));
    free(text);
    return code;
}

/* Eight sizes: the rank that kernels have at most. */
static int emit_stage(struct tool *tool, quern_recipe *recipe)
{
    int64_t shape[8];
    struct quern_emit_options options = {.spec = tool->values[OPTION_spec], .op = tool->values[OPTION_op],
                                         .dtype = tool->values[OPTION_dtype], .after = tool->values[OPTION_after], .graphviz = tool->dot};
    if (tool->dot && strcmp(tool->values[OPTION_stage], "automaton"))
        return tool_usage("expected --stage automaton with --format dot, saw `%s`", tool->values[OPTION_stage]);
    if (tool_has(tool, OPTION_print_after_all))
        options.after = "all";
    if (tool_has(tool, OPTION_shape)) {
        options.rank = tool_parse_shape(tool->values[OPTION_shape], shape, 8);
        options.shape = shape;
        if (options.rank < 0)
            return tool_usage("expected up to 8 sizes with commas between them after --shape, saw `%s`", tool->values[OPTION_shape]);
    }
    const char *text;
    size_t size;
    enum quern_status status = quern_recipe_emit(recipe, tool->values[OPTION_stage], &options, &text, &size);
    int code = tool_finish(tool, status);
    return status ? code : write_bytes(tool, text, size);
}

/* -x needs no recipe: the text is all there is. */
int command_emit(struct tool *tool)
{
    quern_recipe *recipe;
    if (tool_has(tool, OPTION_reread))
        return reread(tool);
    if (!tool_has(tool, OPTION_stage))
        return tool_usage("emit needs --stage ast, recipe, automaton, kernel, llvm, asm or obj");
    enum quern_status status = quern_recipe_load_file(tool->context, tool->arguments[0], &recipe);
    if (status)
        return tool_finish(tool, status);
    int code = emit_stage(tool, recipe);
    quern_recipe_close(recipe);
    return code;
}
