/* Initialising the quantizers of a described model by rules: match all, check policies, then make. In: a recipe, a description,
 * a host's callbacks; out: calls of `make`, and which quantizers are stubs now. FastForward's QuantizationConfig.initialize is
 * what it follows; quern_quantizers.h, docs/fastforward.md. */
#include "runtime/quern_quantizers.h"

#include <limits.h>
#include <string.h>
#include "runtime/describe.h"
#include "runtime/json.h"
#include "runtime/model.h"
#include "runtime/recipe.h"
#include "runtime/report.h"

struct policy { /* of a rule */
    enum quern_overwrite overwrite;
    bool safe;
};
struct selected { /* a quantizer and its winning rule */
    struct quern_module *module;
    struct quern_quantizer quantizer;
};
struct initializing {
    struct session *session;
    struct quern_recipe *recipe;
    struct quern_model *model;
    const struct quern_initialize_options *options;
    struct policy *policies;
    bool *used; /* by rule: it selects a quantizer */
    struct selected *selected;
    size_t count;
};

/* As FastForward spells its policies; QUERN_OVERWRITE_RECIPE is no word. */
static const char *const overwrite_words[] = {
    [QUERN_OVERWRITE_ERROR] = "error", [QUERN_OVERWRITE_SKIP] = "skip", [QUERN_OVERWRITE_REPLACE] = "overwrite",
};

/* ---- policies ---- */

/* A word that is none: an error, which is also what it amounts to. */
static struct policy read_policy(struct initializing *in, const struct config *config)
{
    struct policy policy = {QUERN_OVERWRITE_ERROR, true};
    struct json_hold *hold = json_keep(in->session->arena);
    hold->value = config->extra ? json_loads(config->extra, JSON_DECODE_ANY, NULL) : NULL;
    const json_t *word = json_object_get(hold->value, "overwrite_policy");
    int found = QUERN_OVERWRITE_ERROR;
    while (word && found <= QUERN_OVERWRITE_REPLACE && !(json_is_string(word) && !strcmp(json_string_value(word), overwrite_words[found])))
        found++;
    if (found > QUERN_OVERWRITE_REPLACE)
        diag_report(in->session->diags, DIAG_fastforward_refused, config->span, "expected error, skip or overwrite as `overwrite_policy` of `%s`",
                    config->name);
    else
        policy.overwrite = (enum quern_overwrite)found;
    policy.safe = !json_is_false(json_object_get(hold->value, "safe"));
    json_drop(hold);
    return policy;
}

/* A call's own policy beats the recipe's; `safe` is the recipe's alone. */
static void find_policies(struct initializing *in)
{
    const struct recipe *r = in->recipe->recipe;
    enum quern_overwrite asked = in->options->overwrite;
    in->policies = ARENA_ARRAY(in->session->arena, r->rule_count + 1, struct policy);
    for (size_t i = 0; i < r->rule_count; i++) {
        in->policies[i] = (struct policy){QUERN_OVERWRITE_ERROR, true};
        if (r->rules[i].target == AST_TARGET_CONFIG && r->rules[i].config)
            in->policies[i] = read_policy(in, r->rules[i].config);
        if (asked != QUERN_OVERWRITE_RECIPE)
            in->policies[i].overwrite = asked;
    }
}

/* ---- matching ---- */

/* The module's paths as C strings, then NULL: room for path_count and the end, and one for a module whose paths are not listed. */
static const char *const *copy_paths(struct arena *arena, const struct quern_module *m)
{
    const char **paths = ARENA_ARRAY(arena, m->path_count + 2, const char *);
    paths[0] = m->path;
    for (size_t i = 1; i < m->path_count; i++)
        paths[i] = arena_copy(arena, m->paths[i].bytes, m->paths[i].size);
    return paths;
}

/* The rule that selects the quantizer; -1: none. Rules stand in first-match order, so of equal scores the first stays. A rule
 * that cannot be decided counts as used: nothing says that it selects nothing. */
static int find_rule(struct initializing *in, const struct quern_quantizer *q, const unsigned char *verdicts, int *unknown)
{
    const struct quern_initialize_options *o = in->options;
    size_t count = in->recipe->recipe->rule_count;
    int best = -1, best_score = INT_MIN;
    *unknown = -1;
    for (size_t i = 0; i < count; i++) {
        /* Without scores the loop goes on only for the marks. */
        in->used[i] |= verdicts[i] != 0;
        *unknown = verdicts[i] == 2 && best < 0 && *unknown < 0 ? (int)i : *unknown;
        if (verdicts[i] != 1 || (best >= 0 && !o->score))
            continue;
        int score = o->score ? o->score(o->user, i, q) : 1;
        if (best < 0 || score > best_score) {
            best = (int)i;
            best_score = score;
        }
    }
    return best;
}

/* A skip selects nothing, as no rule does. */
static void match_quantizer(struct initializing *in, struct quern_module *m, struct scratch *scratch, unsigned char *verdicts)
{
    struct subject s;
    struct match_outcome outcome;
    struct selected *at = &in->selected[in->count];
    subject_of_module(&s, m->path, strlen(m->path), in->recipe->recipe->megatron_layers);
    module_fill_subject(m, &s);
    recipe_verdicts(in->recipe, scratch, &s, verdicts);
    *at = (struct selected){m, {.path = m->path, .paths = copy_paths(in->session->arena, m), .stub = m->node.stub, .match = match_none}};
    outcome.rule = find_rule(in, &at->quantizer, verdicts, &outcome.unknown);
    if (outcome.rule < 0 || in->recipe->recipe->rules[outcome.rule].target == AST_TARGET_SKIP)
        return;
    at->quantizer.match = recipe_describe(in->recipe, outcome);
    in->count++;
}

/* In the description's order, which is the order of `make`. */
static void match_all(struct initializing *in)
{
    const struct description *all = in->model->description;
    size_t rules = in->recipe->recipe->rule_count;
    struct scratch *scratch = recipe_borrow_for(in->session, in->recipe);
    unsigned char *verdicts = ARENA_ARRAY(in->session->arena, rules + 1, unsigned char);
    in->used = ARENA_ARRAY(in->session->arena, rules + 1, bool);
    in->selected = ARENA_ARRAY(in->session->arena, all->module_count + 1, struct selected);
    for (size_t i = 0; i < all->module_count; i++)
        if (all->modules[i].node.quantizer)
            match_quantizer(in, &all->modules[i], scratch, verdicts);
}

/* `optional` says that a rule may select nothing. */
static void warn_unused(struct initializing *in)
{
    const struct recipe *r = in->recipe->recipe;
    for (size_t i = 0; i < r->rule_count; i++)
        if (!in->used[i] && !r->rules[i].optional)
            diag_report(in->session->diags, DIAG_no_quantizer, r->rules[i].span, "this rule selects no quantizer of %s", in->model->path);
}

/* ---- initialising ---- */

/* What stays leaves the list; what must not be replaced is an error each. */
static void check_policies(struct initializing *in)
{
    size_t kept = 0;
    for (size_t i = 0; i < in->count; i++) {
        const struct quern_quantizer *q = &in->selected[i].quantizer;
        const struct rule *rule = &in->recipe->recipe->rules[q->match.rule];
        enum quern_overwrite overwrite = q->stub ? QUERN_OVERWRITE_REPLACE : in->policies[q->match.rule].overwrite;
        if (overwrite == QUERN_OVERWRITE_ERROR) {
            struct diag *d = diag_report_about(in->session->diags, DIAG_overwrite, q->path, "the quantizer is initialised already");
            diag_note(in->session->diags, d, rule->span, "the rule that selects it");
        }
        if (overwrite == QUERN_OVERWRITE_REPLACE)
            in->selected[kept++] = in->selected[i];
    }
    in->count = kept;
}

/* Whether what was described still stands where it stood. */
static bool is_same(struct initializing *in, const struct quern_quantizer *q)
{
    const struct quern_initialize_options *o = in->options;
    if (o->unsafe || !o->same || !in->policies[q->match.rule].safe || o->same(o->user, q))
        return true;
    return REPORT_ABOUT(in->session->diags, quantizer_moved, q->path, "another module stands where the quantizer stood when it was matched");
}

/* What was made before a stop or a fault stays made. */
static enum quern_status make_all(struct initializing *in)
{
    for (size_t i = 0; i < in->count; i++) {
        struct selected *at = &in->selected[i];
        if (!is_same(in, &at->quantizer))
            return QUERN_INVALID;
        switch (in->options->make(in->options->user, &at->quantizer)) {
        case QUERN_MADE_QUANTIZER: at->module->node.stub = false; break;
        case QUERN_MADE_STUB: at->module->node.stub = true; break;
        case QUERN_MADE_NOTHING: break;
        case QUERN_MADE_STOP: return QUERN_CANCELLED;
        }
    }
    return QUERN_OK;
}

/* Errors of any step end it before the first `make`: nothing is half initialised by a bad recipe. */
static enum quern_status initialize(struct session *session, void *data)
{
    struct initializing *in = data;
    in->session = session;
    find_policies(in);
    match_all(in);
    warn_unused(in);
    check_policies(in);
    return session->diags->errors ? diags_status(session->diags) : make_all(in);
}

enum quern_status quern_quantizers_initialize(quern_recipe *recipe, quern_model *model, const struct quern_initialize_options *options)
{
    if (!recipe || !model || !model->description || !options || !options->make)
        return QUERN_USAGE;
    struct initializing in = {.recipe = recipe, .model = model, .options = options};
    return context_enter(recipe->context, NULL, initialize, &in);
}
