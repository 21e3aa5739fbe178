/* quern explain RECIPE NAME: the winning rule of a name, those it shadows, what its config gives each tensor, and with -m the
 * row of the plan; quern explain CODE: the long text of a diagnostic's code. JSON: {name, config, rules: [{verdict, predicate,
 * target, file, line, origin, cancelled_by}], slots, extra} and, of a model's parameter, the plan's members. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tool/tool.h"

static int explain_code(const char *code)
{
    const char *text = quern_explain_code(code);
    if (!text)
        return tool_usage("there is no diagnostic `%s`", code);
    printf("%s\n", text);
    return 0;
}

/* Of a rule with a verdict other than no: a later one is shadowed, an earlier one that says yes does not exist but under `match
 * specific`. */
static const char *verdict_word(const struct quern_match *match, size_t rule, unsigned char verdict)
{
    if ((int)rule == match->rule)
        return "wins";
    return verdict == 3 ? "cancelled" : verdict == 2 ? "unknown" : match->rule >= 0 && (int)rule > match->rule ? "shadowed" : "matches";
}

/* canceller: the rule that cancels this one, or NULL. */
static void print_rule(const struct quern_rule *rule, const char *word, const char *canceller)
{
    printf("%-9s %s => %s\n          %s:%u", word, rule->predicate, rule->target, rule->file, rule->line);
    if (strchr(rule->origin, ':') == NULL)
        printf(" (%s)", rule->origin);
    if (canceller)
        printf(", by %s", canceller);
    putchar('\n');
}

static json_t *json_rule(const struct quern_rule *rule, const char *word, const char *canceller)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:i, s:o, s:o}", "verdict", word, "predicate", tool_json_string(rule->predicate), "target",
                     tool_json_string(rule->target), "file", tool_json_string(rule->file), "line", (int)rule->line, "origin",
                     tool_json_string(rule->origin), "cancelled_by", tool_json_string(canceller));
}

/* What the winning rule's config gives each kind of tensor, and the host's payload. Without an index or a name: what any tensor
 * of that role gets. */
static enum quern_status explain_slots(struct tool *tool, quern_recipe *recipe, const struct quern_match *match, json_t *object)
{
    static const char *const roles[] = {"weight", "bias", "input", "output", "state"};
    json_t *slots = json_object();
    enum quern_status status = QUERN_OK;
    for (size_t i = 0; i < sizeof roles / sizeof *roles && !status; i++) {
        const char *spec;
        status = quern_match_spec(recipe, match, roles[i], -1, NULL, &spec);
        if (status || !spec)
            continue;
        json_object_set_new(slots, roles[i], json_string(spec));
        if (!tool->json)
            printf("%-9s %s\n", roles[i], spec);
    }
    const char *extra = quern_match_extra(recipe, match);
    if (extra && !tool->json)
        printf("extra     %s\n", extra);
    json_object_set_new(object, "slots", slots);
    json_object_set_new(object, "extra", extra ? json_loads(extra, JSON_DECODE_ANY, NULL) : json_null());
    return status;
}

/* Only what is known: a list of names has no sizes. */
static void print_tensor_plan(const struct quern_plan_row *row, const char *kernel)
{
    char before[16], after[16];
    if (row->spec)
        printf("spec      %s\nformat    %s, %s -> %s, %.2f bits a weight\n", row->spec, row->format,
               tool_bytes(before, (double)row->tensor.bytes), tool_bytes(after, (double)row->bytes_after), row->bits);
    else
        printf("%s%s\n", strncmp(row->reason, "error: ", 7) ? "copied    " : "", row->reason);
    if (row->group)
        printf("group     %s\n", row->group);
    if (kernel)
        printf("kernel    %s\n", kernel);
}

/* With a model: the tensor's row of the plan. */
static enum quern_status explain_plan(struct tool *tool, quern_recipe *recipe, quern_model *model, const char *name, json_t *object)
{
    quern_plan *plan;
    enum quern_status status = quern_plan_create(recipe, model, &plan);
    for (size_t i = 0; plan && i < quern_plan_count(plan); i++) {
        struct quern_plan_row row = quern_plan_at(plan, i);
        if (strcmp(row.tensor.name, name))
            continue;
        const char *kernel = quern_plan_kernel(plan, i);
        if (!tool->json)
            print_tensor_plan(&row, kernel);
        json_object_set_new(object, "spec", tool_json_string(row.spec));
        json_object_set_new(object, "reason", tool_json_string(row.reason));
        json_object_set_new(object, "format", tool_json_string(row.format));
        json_object_set_new(object, "group", tool_json_string(row.group));
        json_object_set_new(object, "kernel", tool_json_string(kernel));
        json_object_set_new(object, "bytes_before", json_integer(row.tensor.bytes));
        json_object_set_new(object, "bytes_after", json_integer(row.bytes_after));
    }
    quern_plan_close(plan);
    return status;
}

/* Every rule that says yes, cannot say, or was cancelled; in first-match order. */
static void explain_rules(struct tool *tool, quern_recipe *recipe, const struct quern_match *match, const unsigned char *verdicts, json_t *rules)
{
    for (size_t i = 0; i < quern_rule_count(recipe); i++) {
        if (!verdicts[i])
            continue;
        struct quern_rule rule = quern_rule_at(recipe, i);
        const char *word = verdict_word(match, i, verdicts[i]);
        const char *canceller = verdicts[i] == 3 ? quern_rule_at(recipe, (size_t)match->canceller).origin : NULL;
        if (!tool->json)
            print_rule(&rule, word, canceller);
        json_array_append_new(rules, json_rule(&rule, word, canceller));
    }
}

/* What a name stands for: something the model has, or a parameter or module path of which the name alone is known. */
struct named {
    struct quern_subject subject;
    struct quern_tensor tensor;
    bool listed, parameter;
    const char *word;
};

/* verdicts NULL: there was no memory for them, and none are shown. */
static enum quern_status match_named(quern_recipe *recipe, const struct named *named, struct quern_match *match, unsigned char *verdicts)
{
    const char *name = named->tensor.name;
    enum quern_status status = named->listed      ? quern_match_subject(recipe, &named->subject, match)
                               : named->parameter ? quern_match_tensor(recipe, &named->tensor, match)
                                                  : quern_match_module(recipe, name, strlen(name), match);
    if (status || !verdicts)
        return status;
    return named->listed ? quern_subject_verdicts(recipe, &named->subject, verdicts)
                         : quern_match_verdicts(recipe, &named->tensor, named->parameter, verdicts);
}

/* Text is printed as it is found, JSON when all is there. */
static enum quern_status explain_named(struct tool *tool, quern_recipe *recipe, quern_model *model, const struct named *named)
{
    struct quern_match match;
    const char *name = named->tensor.name;
    unsigned char *verdicts = calloc(quern_rule_count(recipe) + 1, 1);
    json_t *object = json_object(), *rules = json_array();
    enum quern_status status = match_named(recipe, named, &match, verdicts);
    if (!status && !tool->json)
        printf("%s (%s): %s\n", name, named->word, match.rule < 0 ? "no rule" : match.config);
    if (!status && verdicts)
        explain_rules(tool, recipe, &match, verdicts, rules);
    if (!status)
        status = explain_slots(tool, recipe, &match, object);
    json_object_set_new(object, "name", tool_json_string(name));
    json_object_set_new(object, "config", tool_json_string(status || match.rule < 0 ? NULL : match.config));
    json_object_set_new(object, "rules", rules);
    bool matched = !status;
    if (matched && named->listed && named->parameter)
        status = explain_plan(tool, recipe, model, named->subject.name, object);
    if (matched && tool->json)
        tool_print_json(json_incref(object));
    json_decref(object);
    free(verdicts);
    return status;
}

/* Without --subjects a name that is no parameter of the model is a module's, of the model or any. */
static int explain_name(struct tool *tool, quern_recipe *recipe, quern_model *model, const char *name)
{
    struct named named = {.tensor = {.name = name, .dtype = "", .rank = -1, .bytes = -1}};
    enum quern_subject_kind kind;
    if (!tool_subject_kind(tool, &kind))
        return QUERN_USAGE;
    /* What the model lists is matched with all that it knows of it; any other name by its text. */
    named.listed = quern_subject_find(model, kind, name, &named.subject);
    if (!named.listed && tool_has(tool, OPTION_subjects))
        return tool_usage("the model has no %s `%s`", kind == QUERN_PARAMETERS ? "parameter" : kind == QUERN_MODULES ? "module" : "op", name);
    named.parameter = kind == QUERN_PARAMETERS && (named.listed || tool_has(tool, OPTION_param));
    if (!named.listed && !named.parameter)
        named.listed = quern_subject_find(model, QUERN_MODULES, name, &named.subject);
    named.word = named.parameter ? "parameter" : named.listed && named.subject.op ? named.subject.op : "module";
    return tool_finish(tool, explain_named(tool, recipe, model, &named));
}

/* One argument is a code, two are a recipe and a name. */
int command_explain(struct tool *tool)
{
    quern_recipe *recipe;
    quern_model *model;
    if (tool->argument_count == 1)
        return explain_code(tool->arguments[0]);
    enum quern_status status = quern_recipe_load_file(tool->context, tool->arguments[0], &recipe);
    if (status)
        return tool_finish(tool, status);
    status = tool_open_model(tool, &model);
    if (!status)
        status = quern_recipe_use_model(recipe, model);
    int code = status ? tool_finish(tool, status) : explain_name(tool, recipe, model, tool->arguments[1]);
    if (model)
        quern_model_close(model);
    quern_recipe_close(recipe);
    return code;
}
