/* quern match RECIPE [FILE]: NAME, CONFIG and RULE for each name, as a stream. Without -m a line is a module path, with it a
 * parameter of the model (its dtype and shape are then known to the rules). Without FILE everything of the model is matched:
 * parameters, or the modules or ops of its description (--subjects); or the quantizers that the rules would initialise. Without
 * a rule CONFIG and RULE are `-`, in JSON null. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/quern_quantizers.h"
#include "tool/match_stream.h"

/* Names are bytes, of any kind but line ends. */
static void print_match(const char *name, size_t size, const struct quern_match *match)
{
    fwrite(name, 1, size, stdout);
    printf("\t%s\t%s\n", match->config, match->origin);
}

/* {"name", "config", "origin", "rule"}; rule: its number in first-match order, -1 for none. */
static json_t *json_match(const char *name, const struct quern_match *match)
{
    return json_pack("{s:o, s:o, s:o, s:i}", "name", tool_json_string(name), "config",
                     tool_json_string(match->rule < 0 ? NULL : match->config), "origin",
                     tool_json_string(match->rule < 0 ? NULL : match->origin), "rule", match->rule);
}

/* One answer; JSON answers are one object a line, so that they stream too. */
void tool_answer_match(struct tool *tool, const char *name, size_t size, const struct quern_match *match)
{
    if (!tool->json) {
        print_match(name, size, match);
        return;
    }
    json_t *object = json_match(name, match);
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

/* A parameter of the model, or one that it does not have: its name alone is known then. */
static enum quern_status match_parameter(struct tool *tool, quern_recipe *recipe, quern_model *model, char *line, size_t size)
{
    struct quern_match match;
    struct quern_subject subject;
    line[size] = 0;
    enum quern_status status = quern_subject_find(model, QUERN_PARAMETERS, line, &subject)
                                   ? quern_match_subject(recipe, &subject, &match)
                                   : quern_match_tensor(recipe, &(struct quern_tensor){.name = line, .dtype = "", .rank = -1, .bytes = -1}, &match);
    if (!status)
        tool_answer_match(tool, line, size, &match);
    return status;
}

/* Line by line: rules may need what only the model knows, so there is no batch of names. */
static enum quern_status match_parameters(struct tool *tool, quern_recipe *recipe, quern_model *model, FILE *file)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    enum quern_status status = QUERN_OK;
    while (!status && (size = getline(&line, &capacity, file)) >= 0) {
        if (size && line[size - 1] == '\n')
            size--;
        if (size && line[size - 1] == '\r')
            size--;
        const char *tab = memchr(line, '\t', (size_t)size);
        status = match_parameter(tool, recipe, model, line, tab ? (size_t)(tab - line) : (size_t)size);
    }
    free(line);
    return ferror(file) ? QUERN_IO : status;
}

/* In the model's order. */
static enum quern_status match_model(struct tool *tool, quern_recipe *recipe, quern_model *model, enum quern_subject_kind kind)
{
    enum quern_status status = QUERN_OK;
    for (size_t i = 0; !status && i < quern_subject_count(model, kind); i++) {
        struct quern_subject subject = quern_subject_at(model, kind, i);
        struct quern_match match;
        status = quern_match_subject(recipe, &subject, &match);
        if (!status)
            tool_answer_match(tool, subject.name, strlen(subject.name), &match);
    }
    return status;
}

/* Nothing is made: the description stays as it was. */
static enum quern_made list_quantizer(void *user, const struct quern_quantizer *quantizer)
{
    tool_answer_match(user, quantizer->path, strlen(quantizer->path), &quantizer->match);
    return QUERN_MADE_NOTHING;
}

/* What FastForward would initialise: nothing is printed when a policy forbids one of them. */
static int match_quantizers(struct tool *tool, quern_recipe *recipe, quern_model *model)
{
    struct quern_initialize_options options = {.make = list_quantizer, .user = tool};
    if (!model || !quern_subject_count(model, QUERN_MODULES))
        return tool_usage("quantizers are modules of a module description: -m MODEL, or --modules FILE beside it");
    return tool_finish(tool, quern_quantizers_initialize(recipe, model, &options));
}

/* What is matched follows from -m, --subjects and FILE; the combinations that mean nothing are refused. */
static int match_names(struct tool *tool, quern_recipe *recipe, quern_model *model)
{
    enum quern_subject_kind kind;
    const char *subjects = tool->values[OPTION_subjects];
    if (subjects && !strcmp(subjects, "quantizers") && tool->argument_count < 2)
        return match_quantizers(tool, recipe, model);
    if (!tool_subject_kind(tool, &kind))
        return QUERN_USAGE;
    if (model && tool->argument_count < 2)
        return tool_finish(tool, match_model(tool, recipe, model, kind));
    if (kind != QUERN_PARAMETERS)
        return tool_usage("--subjects lists what MODEL has: give no FILE with it");
    const char *path = tool->argument_count < 2 ? "-" : tool->arguments[1];
    FILE *file = strcmp(path, "-") ? fopen(path, "rb") : stdin;
    if (!file)
        return tool_system_error(path);
    enum quern_status status = model ? match_parameters(tool, recipe, model, file) : match_stream(tool, recipe, fileno(file));
    int code = status == QUERN_IO ? tool_system_error(path) : tool_finish(tool, status);
    if (file != stdin)
        fclose(file);
    return code;
}

/* Without a model the recipe is told so: it warns when names alone cannot show what it says. */
int command_match(struct tool *tool)
{
    quern_recipe *recipe;
    quern_model *model = NULL;
    enum quern_status status = quern_recipe_load_file(tool->context, tool->arguments[0], &recipe);
    if (status)
        return tool_finish(tool, status);
    status = tool_open_model(tool, &model);
    if (!status)
        status = quern_recipe_use_model(recipe, model);
    int code = status ? tool_finish(tool, status) : match_names(tool, recipe, model);
    if (model)
        quern_model_close(model);
    quern_recipe_close(recipe);
    return code;
}
