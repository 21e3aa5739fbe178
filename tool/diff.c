/* quern diff A B: whether two recipes do the same to every layer there could be, proved, or the shortest name on which they
 * differ; with -m the tensors of a model that change. Exit status: 0 alike, 1 they differ, 4 not decided. docs/proofs.md.
 *   JSON  {"alike": true}, or {"alike": false, name, typical, kind, facts, a, b}; with -m {"alike", "tensors": [{tensor, a, b}]};
 *         a and b: {config, rule, action} */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "runtime/quern_prove.h"
#include "tool/tool.h"

/* One run of the command. */
struct comparison {
    struct tool *tool;
    quern_recipe *recipes[2];
    quern_model *model;
    json_t *rows;     /* of tensors that change */
    size_t changed;
};

/* --names: configs of other names differ, even when they do the same. */
static bool by_names(const struct comparison *c)
{
    return tool_has(c->tool, OPTION_names);
}

/* One side of a difference. */
struct side {
    const char *config, *origin, *action;
};

/* config and origin NULL: no rule; the action is there all the same. */
static enum quern_status describe(struct comparison *c, int recipe, const struct quern_match *match, struct side *side)
{
    bool rule = match->rule >= 0;
    *side = (struct side){rule ? match->config : NULL, rule ? match->origin : NULL, NULL};
    return quern_match_action(c->recipes[recipe], match, false, &side->action);
}

static json_t *json_side(const struct side *side)
{
    return json_pack("{s:o, s:o, s:o}", "config", tool_json_string(side->config), "rule", tool_json_string(side->origin), "action",
                     tool_json_string(side->action));
}

/* `RECIPE: CONFIG, by RULE: ACTION`. */
static void print_side(struct comparison *c, int recipe, const struct side *side)
{
    printf("  %s: ", c->tool->arguments[recipe]);
    if (side->config)
        printf("%s, by %s: ", side->config, side->origin);
    else
        printf("no rule: ");
    printf("%s\n", side->action);
}

/* A name in quotes; what would move the cursor is written as its code. */
static void print_name(const char *name, size_t size)
{
    putchar('\'');
    for (size_t i = 0; i < size; i++)
        if (iscntrl((unsigned char)name[i]))
            printf("\\x%02x", (unsigned char)name[i]);
        else
            putchar(name[i]);
    putchar('\'');
}

/* ---- every name ---- */

/* The exit status of a difference is that of a faulty recipe: scripts ask for 0. */
static enum quern_status print_difference(struct comparison *c, const struct quern_difference *d)
{
    struct side sides[2];
    enum quern_status status = describe(c, 0, &d->a, &sides[0]);
    if (!status)
        status = describe(c, 1, &d->b, &sides[1]);
    if (status)
        return status;
    if (c->tool->json) {
        tool_print_json(json_pack("{s:b, s:o, s:o, s:s, s:s, s:o, s:o}", "alike", 0, "name", tool_json_string(d->name), "typical",
                                  tool_json_string(d->typical), "kind", d->parameter ? "parameter" : "module", "facts", d->facts + (*d->facts ? 2 : 0), "a", json_side(&sides[0]), "b",
                                  json_side(&sides[1])));
    } else {
        printf("they differ on %s ", d->parameter ? "parameter" : "module");
        print_name(d->name, d->size);
        printf("%s", d->facts);
        if (d->typical && strcmp(d->typical, d->name))
            printf(", as on '%s'", d->typical);
        putchar('\n');
        print_side(c, 0, &sides[0]);
        print_side(c, 1, &sides[1]);
    }
    return QUERN_INVALID;
}

/* Alike is said in one line: a proof has nothing to show. */
static enum quern_status compare_all(struct comparison *c)
{
    struct quern_difference difference;
    enum quern_status status = quern_recipe_diff(c->recipes[0], c->recipes[1], by_names(c), &difference);
    if (status)
        return status;
    if (difference.found)
        return print_difference(c, &difference);
    if (c->tool->json)
        tool_print_json(json_pack("{s:b}", "alike", 1));
    else if (!tool_has(c->tool, OPTION_quiet))
        printf("%s and %s do the same to every name\n", c->tool->arguments[0], c->tool->arguments[1]);
    return QUERN_OK;
}

/* ---- one model ---- */

/* Printed at once as text, gathered for JSON. */
static void add_change(struct comparison *c, const struct quern_tensor *tensor, const struct side sides[2])
{
    c->changed++;
    if (c->tool->json) {
        json_array_append_new(c->rows, json_pack("{s:o, s:o, s:o}", "tensor", tool_json_string(tensor->name), "a", json_side(&sides[0]), "b",
                                                 json_side(&sides[1])));
        return;
    }
    print_name(tensor->name, strlen(tensor->name));
    putchar('\n');
    print_side(c, 0, &sides[0]);
    print_side(c, 1, &sides[1]);
}

/* Several configs one after the other ("a+b") are compared by name. */
static bool is_changed(const struct quern_match matches[2], const char *const actions[2])
{
    /* An action is one config's text: "a+b" is more than the last's. */
    bool several = strchr(matches[0].config, '+') || strchr(matches[1].config, '+');
    return strcmp(actions[0], actions[1]) || (several && strcmp(matches[0].config, matches[1].config));
}

/* Actions are compared with the names' rule, and shown without it. */
static enum quern_status compare_tensor(struct comparison *c, const struct quern_tensor *tensor)
{
    struct quern_match matches[2];
    struct side sides[2];
    const char *actions[2];
    enum quern_status status = QUERN_OK;
    for (int r = 0; r < 2 && !status; r++) {
        status = quern_match_tensor(c->recipes[r], tensor, &matches[r]);
        if (!status)
            status = quern_match_action(c->recipes[r], &matches[r], by_names(c), &actions[r]);
        if (!status)
            status = describe(c, r, &matches[r], &sides[r]);
    }
    if (!status && is_changed(matches, actions))
        add_change(c, tensor, sides);
    return status;
}

/* Both recipes decide for the same model, one tensor at a time. */
static enum quern_status compare_tensors(struct comparison *c)
{
    enum quern_status status = QUERN_OK;
    size_t count = quern_model_count(c->model);
    c->rows = c->tool->json ? json_array() : NULL;
    for (int r = 0; r < 2 && !status; r++)
        status = quern_recipe_use_model(c->recipes[r], c->model);
    for (size_t i = 0; i < count && !status; i++) {
        struct quern_tensor tensor = quern_model_at(c->model, i);
        status = compare_tensor(c, &tensor);
    }
    if (status) {
        json_decref(c->rows);
        return status;
    }
    if (c->tool->json)
        tool_print_json(json_pack("{s:b, s:o}", "alike", !c->changed, "tensors", c->rows));
    else if (!tool_has(c->tool, OPTION_quiet))
        printf("%zu of %zu tensors change\n", c->changed, count);
    return c->changed ? QUERN_INVALID : QUERN_OK;
}

/* A status of INVALID is the answer "they differ"; faults have messages besides. */
int command_diff(struct tool *tool)
{
    struct comparison c = {.tool = tool};
    enum quern_status status = QUERN_OK;
    for (int r = 0; r < 2 && !status; r++)
        status = quern_recipe_load_file(tool->context, tool->arguments[r], &c.recipes[r]);
    if (!status)
        status = tool_open_model(tool, &c.model);
    if (!status)
        status = c.model ? compare_tensors(&c) : compare_all(&c);
    int code = tool_finish(tool, status);
    for (int r = 0; r < 2; r++)
        if (c.recipes[r])
            quern_recipe_close(c.recipes[r]);
    if (c.model)
        quern_model_close(c.model);
    return code;
}
