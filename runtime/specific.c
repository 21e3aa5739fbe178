/* `match specific` over whole modules. In: a recipe whose rules are sorted by kind, and a model; out: a decision for each
 * tensor, and what torchao would do otherwise, counted by rule. The steps are specific.h's. */
#include "runtime/specific.h"

#include <stdlib.h>
#include <string.h>
#include "runtime/describe.h"
#include "runtime/json.h"

/* A module's tensors are order[begin..end). */
struct module_span {
    size_t begin, end;
};

/* Verdicts and applied are overwritten for each parameter. */
struct deciding {
    struct session *session;
    struct arena *arena; /* of what is kept */
    struct decisions *out;
    const struct recipe *recipe;
    struct scratch *scratch;
    size_t first[RULE_DEFAULT + 2]; /* rules of kind k are [first[k], first[k + 1]) */
    unsigned char *verdicts;
    int *applied; /* the rules that apply to one parameter under compat code */
    size_t applied_count;
};

/* ---- modules ---- */

/* A module's path, not terminated: a prefix of a tensor's name. */
struct path {
    const char *bytes;
    size_t size;
};

/* What is before the last dot; the root's is empty. */
static struct path module_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    return (struct path){name, dot ? (size_t)(dot - name) : 0};
}

/* The name within its module. */
static const char *parameter_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

static int compare_paths(struct path a, struct path b)
{
    int order = memcmp(a.bytes, b.bytes, a.size < b.size ? a.size : b.size);
    return order ? order : a.size < b.size ? -1 : a.size > b.size;
}

/* A tensor while tensors are sorted. */
struct placed {
    struct path module;
    size_t index;
};

static int compare_modules(const void *left, const void *right)
{
    const struct placed *a = left, *b = right;
    int order = compare_paths(a->module, b->module);
    return order ? order : a->index < b->index ? -1 : a->index > b->index;
}

/* A module's tensors stand together, in name order: module spans are runs of `order`. */
static void sort_by_module(struct arena *scratch, struct decisions *out)
{
    size_t count = out->model->count;
    struct placed *placed = ARENA_ARRAY(scratch, count + 1, struct placed);
    for (size_t i = 0; i < count; i++)
        placed[i] = (struct placed){module_of(out->model->tensors[i]->name), i};
    if (count)
        qsort(placed, count, sizeof *placed, compare_modules);
    for (size_t i = 0; i < count; i++)
        out->order[i] = placed[i].index;
}

static const char *name_at(const struct decisions *out, size_t place)
{
    return out->model->tensors[out->order[place]]->name;
}

/* Does the module hold a tensor itself? */
static bool holds_tensors(const struct decisions *out, struct path module)
{
    size_t low = 0, high = out->model->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare_paths(module, module_of(name_at(out, middle)));
        if (!order)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* ---- deciding ---- */

/* Counted, and the first of them named. */
static void find(struct finding *finding, const char *name)
{
    if (!finding->count++)
        finding->name = name;
}

static bool is_skip(const struct deciding *d, int rule)
{
    return d->recipe->rules[rule].target == AST_TARGET_SKIP;
}

/* The first rule of the kind from `from` on that says yes, or -1. */
static int next_match(const struct deciding *d, enum rule_kind kind, int from)
{
    for (size_t i = (size_t)from > d->first[kind] ? (size_t)from : d->first[kind]; i < d->first[kind + 1]; i++)
        if (d->verdicts[i] == 1)
            return (int)i;
    return -1;
}

/* "a+b": in the order in which torchao applies them. */
static const char *join_configs(struct arena *arena, const struct deciding *d)
{
    struct text text = text_make(arena);
    for (size_t i = 0; i < d->applied_count; i++)
        text_printf(&text, i ? "+%s" : "%s", d->recipe->rules[d->applied[i]].name);
    return text_string(&text);
}

/* d->applied: an exact rule, then every regex with a config. Returns the first regex that says skip, or -1. */
static int list_applied(struct deciding *d, int exact)
{
    int skip = -1;
    d->applied_count = 0;
    if (exact >= 0)
        d->applied[d->applied_count++] = exact;
    for (int r = -1; (r = next_match(d, RULE_PARAMETER_REGEX, r + 1)) >= 0;)
        if (!is_skip(d, r))
            d->applied[d->applied_count++] = r;
        else if (skip < 0)
            skip = r;
    return skip;
}

/* torchao looks at parameters that `dir` lists, and those are never digits first (entries of ParameterList). */
static void note_unseen(struct deciding *d, int rule, const char *name)
{
    char first = *parameter_of(name);
    if (first >= '0' && first <= '9')
        find(&d->out->unseen[rule], name);
}

/* The readings agree when code applies that rule alone, or nothing where the documented rule is a skip. */
static void note_difference(struct deciding *d, int documented, const char *name)
{
    struct finding *finding = &d->out->differences[documented];
    if (is_skip(d, documented) ? !d->applied_count : d->applied_count == 1)
        return;
    if (!finding->count)
        finding->code = join_configs(d->arena, d);
    find(finding, name);
}

/* torchao knows a module by its first path, and no buffers. */
static struct subject see(const struct deciding *d, const struct stored *t)
{
    struct quern_tensor tensor = stored_tensor(t);
    struct subject subject = subject_of_tensor(d->out->recipe, &tensor);
    subject.paths = NULL;
    subject.path_count = 0;
    return subject;
}

/* Only a description tells; a checkpoint alone has parameters. */
static bool is_buffer(const struct deciding *d, const char *name)
{
    const struct description *all = d->out->model->description;
    const struct module_state *state = all ? description_state(all, name) : NULL;
    return state && state->buffer;
}

/* Steps 1 and 3 for one parameter, whose verdicts are there. */
static struct decision decide_parameter(struct deciding *d, const char *name)
{
    int exact = next_match(d, RULE_EXACT_PARAMETER, 0);
    if (exact >= 0 && is_skip(d, exact))
        return (struct decision){.outcome = {exact, -1}};
    /* What the documentation says: the exact rule, else the first regex. */
    int regex = next_match(d, RULE_PARAMETER_REGEX, 0), documented = exact >= 0 ? exact : regex;
    if (documented < 0)
        return (struct decision){.outcome = {-1, -1}};
    int skip = list_applied(d, exact);
    note_unseen(d, documented, name);
    note_difference(d, documented, name);
    if (d->recipe->policy == AST_SPECIFIC_DOC)
        return (struct decision){.outcome = {documented, -1}};
    if (!d->applied_count)
        return (struct decision){.outcome = {skip, -1}};
    struct decision decision = {.outcome = {d->applied[d->applied_count - 1], -1}};
    if (d->applied_count > 1) {
        decision.configs = join_configs(d->arena, d);
        int *rules = ARENA_ARRAY(d->arena, d->applied_count, int);
        memcpy(rules, d->applied, d->applied_count * sizeof *rules);
        decision.rules = rules;
        decision.rule_count = d->applied_count;
    }
    return decision;
}

/* A module whose own rules the canceller cancels. */
static void decide_by_parameter(struct deciding *d, struct module_span span, int canceller)
{
    size_t removed = 0;
    for (size_t i = span.begin; i < span.end; i++) {
        const struct stored *t = d->out->model->tensors[d->out->order[i]];
        struct subject subject = see(d, t);
        if (is_buffer(d, t->name))
            continue;
        recipe_verdicts(d->out->recipe, d->scratch, &subject, d->verdicts);
        struct decision decision = decide_parameter(d, t->name);
        decision.canceller = canceller;
        int rule = decision.outcome.rule;
        removed += rule >= 0 && d->recipe->rules[rule].kind == RULE_EXACT_PARAMETER && is_skip(d, rule);
        d->out->items[d->out->order[i]] = decision;
    }
    if (removed > 1)
        find(&d->out->removed, name_at(d->out, span.begin));
}

/* torchao's configs ask a module for its weight and fail without one. */
static void note_container(struct deciding *d, struct module_span span)
{
    int rule = d->out->items[d->out->order[span.begin]].outcome.rule;
    if (rule < 0 || is_skip(d, rule) || d->recipe->rules[rule].kind == RULE_DEFAULT)
        return;
    for (size_t i = span.begin; i < span.end; i++)
        if (!strcmp(parameter_of(name_at(d->out, i)), "weight"))
            return;
    struct path module = module_of(name_at(d->out, span.begin));
    find(&d->out->containers[rule], arena_copy(d->arena, module.bytes, module.size));
}

/* The first match by kind is the answer as long as no parameter has one of its own: an exact parameter rule always shows, and
 * a parameter regex behind the exact module rule counts only when some parameter has an exact rule. */
static void decide_module(struct deciding *d, struct module_span span)
{
    int canceller = -1;
    for (size_t i = span.begin; i < span.end; i++) {
        const struct stored *t = d->out->model->tensors[d->out->order[i]];
        struct subject subject = see(d, t);
        struct match_outcome outcome = {-1, -1};
        if (!is_buffer(d, t->name))
            outcome = recipe_match(d->out->recipe, d->scratch, &subject);
        d->out->items[d->out->order[i]] = (struct decision){.outcome = outcome, .canceller = -1};
        /* Any parameter's rule cancels for the whole module, so the first one found speaks for all. */
        if (canceller < 0 && outcome.rule >= 0 && rule_is_for_parameter(d->recipe->rules[outcome.rule].kind))
            canceller = outcome.rule;
    }
    if (canceller >= 0)
        decide_by_parameter(d, span, canceller);
    else
        note_container(d, span);
}

/* Rules are sorted by kind when the recipe is resolved. */
static void count_kinds(struct deciding *d)
{
    size_t at = 0;
    for (int kind = 0; kind <= RULE_DEFAULT; kind++) {
        d->first[kind] = at;
        while (at < d->recipe->rule_count && d->recipe->rules[at].kind == (enum rule_kind)kind)
            at++;
    }
    d->first[RULE_DEFAULT + 1] = at;
}

static bool is_specific(const struct recipe *recipe)
{
    return recipe->policy == AST_SPECIFIC_CODE || recipe->policy == AST_SPECIFIC_DOC;
}

/* One place more than there are rules and tensors, so that none is an array of nothing. */
static struct decisions *make_decisions(struct arena *arena, const struct quern_recipe *recipe, const struct quern_model *model)
{
    struct decisions *out = ARENA_NEW(arena, struct decisions);
    size_t rules = recipe->recipe->rule_count + 1;
    *out = (struct decisions){
        .recipe = recipe, .model = model, .items = ARENA_ARRAY(arena, model->count + 1, struct decision),
        .order = ARENA_ARRAY(arena, model->count + 1, size_t), .differences = ARENA_ARRAY(arena, rules, struct finding),
        .containers = ARENA_ARRAY(arena, rules, struct finding), .unseen = ARENA_ARRAY(arena, rules, struct finding)};
    return out;
}

/* Module by module, in the order of their paths: parameters of one stand together, so a module is decided in one pass over
 * them. */
struct decisions *specific_decide(struct session *session, struct arena *arena, struct quern_recipe *recipe, const struct quern_model *model)
{
    if (!is_specific(recipe->recipe))
        return NULL;
    struct deciding d = {.session = session, .arena = arena, .recipe = recipe->recipe};
    d.out = make_decisions(arena, recipe, model);
    d.scratch = recipe_borrow_for(session, recipe);
    d.verdicts = ARENA_ARRAY(session->arena, d.recipe->rule_count + 1, unsigned char);
    d.applied = ARENA_ARRAY(session->arena, d.recipe->rule_count + 1, int);
    count_kinds(&d);
    sort_by_module(session->arena, d.out);
    struct module_span span = {0, 0};
    for (; span.begin < model->count; span.begin = span.end) {
        while (span.end < model->count && !compare_paths(module_of(name_at(d.out, span.begin)), module_of(name_at(d.out, span.end))))
            span.end++;
        decide_module(&d, span);
    }
    return d.out;
}

/* ---- asking ---- */

const struct decision *specific_find(const struct decisions *decisions, const char *name)
{
    size_t index = model_find_index(decisions->model, name);
    return index < decisions->model->count ? &decisions->items[index] : NULL;
}

struct quern_match specific_describe(const struct decisions *decisions, const struct decision *decision)
{
    struct quern_match match = recipe_describe(decisions->recipe, decision->outcome);
    if (decision->configs)
        match.config = decision->configs;
    match.canceller = decision->canceller;
    return match;
}

void specific_cancel(const struct decisions *decisions, const char *name, unsigned char *verdicts)
{
    const struct decision *decision = specific_find(decisions, name);
    const struct recipe *recipe = decisions->recipe->recipe;
    for (size_t i = 0; decision && decision->canceller >= 0 && i < recipe->rule_count; i++)
        if (verdicts[i] == 1 && !rule_is_for_parameter(recipe->rules[i].kind))
            verdicts[i] = 3;
}

/* ---- reporting ---- */

/* " and 3 more", behind the first name. */
static const char *others(struct arena *arena, size_t count)
{
    return count < 2 ? "" : arena_printf(arena, " and %zu more", count - 1);
}

/* At the rule of the documented reading. */
void specific_report_differences(struct session *session, const struct decisions *decisions)
{
    const struct recipe *recipe = decisions->recipe->recipe;
    bool doc = recipe->policy == AST_SPECIFIC_DOC;
    for (size_t i = 0; i < recipe->rule_count; i++) {
        const struct finding *f = &decisions->differences[i];
        if (!f->count)
            continue;
        struct diag *diag = diag_report(session->diags, DIAG_readings_differ, recipe->rules[i].span, "%s%s: torchao gives %s, its documentation says %s",
                                        name_shown(session->arena, f->name), others(session->arena, f->count), f->code, recipe->rules[i].name);
        diag_help(session->diags, diag, "this recipe takes %s; `match specific compat %s` takes the other", doc ? "what is documented" : "what torchao does",
                  doc ? "code" : "doc");
    }
}

static void report_finding(struct session *session, const struct rule *rule, const struct finding *f, enum diag_code code, const char *what)
{
    if (f->count)
        diag_report(session->diags, code, rule->span, "%s%s: %s", *f->name ? name_shown(session->arena, f->name) : "the model itself",
                    others(session->arena, f->count), what);
}

/* A module that holds no tensor, by its path: what its kind of rules gives it. */
static void find_container(struct decisions *decisions, struct scratch *scratch, const char *path)
{
    const struct recipe *recipe = decisions->recipe->recipe;
    struct path module = {path, strlen(path)};
    struct subject subject;
    if (holds_tensors(decisions, module))
        return;
    subject_of_module(&subject, path, module.size, recipe->megatron_layers);
    int rule = recipe_match(decisions->recipe, scratch, &subject).rule;
    if (rule >= 0 && recipe->rules[rule].kind != RULE_DEFAULT && recipe->rules[rule].target != AST_TARGET_SKIP)
        find(&decisions->containers[rule], path);
}

/* With a description its modules are asked; without one the root and the containers that names show. */
void specific_report_faults(struct session *session, struct decisions *decisions, const char *const *containers, size_t count)
{
    const struct recipe *recipe = decisions->recipe->recipe;
    const struct description *all = decisions->model->description;
    struct scratch *scratch = recipe_borrow_for(session, (struct quern_recipe *)decisions->recipe);
    if (!all)
        find_container(decisions, scratch, "");
    for (size_t i = 0; i < (all ? all->module_count : count); i++)
        find_container(decisions, scratch, all ? all->modules[i].path : containers[i]);
    for (size_t i = 0; i < recipe->rule_count; i++) {
        const struct rule *rule = &recipe->rules[i];
        report_finding(session, rule, &decisions->containers[i], DIAG_container_matched, "torchao stops at a module without a weight of its own");
        report_finding(session, rule, &decisions->unseen[i], DIAG_parameter_unseen, "torchao looks at no parameter whose name begins with a digit");
    }
    if (decisions->removed.count)
        diag_report_about(session->diags, DIAG_parameters_removed, name_shown(session->arena, decisions->removed.name),
                          "several parameters of this module%s have an exact `skip`: torchao fails or leaves out the wrong one",
                          others(session->arena, decisions->removed.count));
}

/* Once, at the first rule for a parameter, with the first for a module: more says no more. */
void specific_warn_names(struct session *session, const struct recipe *recipe)
{
    const struct rule *parameter = NULL, *module = NULL;
    for (size_t i = 0; is_specific(recipe) && i < recipe->rule_count; i++) {
        const struct rule **first = rule_is_for_parameter(recipe->rules[i].kind) ? &parameter : &module;
        *first = *first ? *first : &recipe->rules[i];
    }
    if (!parameter || !module)
        return;
    struct diag *d = diag_report(session->diags, DIAG_cancellation, parameter->span, "a rule for a parameter cancels its module's rules, which only a model can show");
    diag_note(session->diags, d, module->span, "the first rule for a module");
}

/* ---- twins ---- */

/* Twins become neighbours: their patterns are equal and their kinds follow one another. */
static int compare_patterns(const void *left, const void *right)
{
    const struct rule *a = *(const struct rule *const *)left, *b = *(const struct rule *const *)right;
    const struct ast_string *x = &a->predicate->pattern, *y = &b->predicate->pattern;
    int order = compare_paths((struct path){x->bytes, x->size}, (struct path){y->bytes, y->size});
    return order ? order : (int)a->kind - (int)b->kind;
}

/* Exact with exact, regex with regex. RULE_EXACT_PARAMETER is followed by its module kind, and so is RULE_PARAMETER_REGEX. */
static bool are_twins(const struct rule *a, const struct rule *b)
{
    const struct ast_string *x = &a->predicate->pattern, *y = &b->predicate->pattern;
    return x->size == y->size && !memcmp(x->bytes, y->bytes, x->size) && rule_is_for_parameter(a->kind) && (int)b->kind == (int)a->kind + 1;
}

/* Sorted by pattern and then by kind; a pattern that stands twice for one kind has its nearest as the twin. */
const int *specific_twins(struct arena *arena, const struct recipe *recipe)
{
    if (!is_specific(recipe))
        return NULL;
    int *twins = ARENA_ARRAY(arena, recipe->rule_count + 1, int);
    const struct rule **order = ARENA_ARRAY(arena, recipe->rule_count + 1, const struct rule *);
    size_t count = 0;
    for (size_t i = 0; i < recipe->rule_count; i++) {
        twins[i] = -1;
        if (recipe->rules[i].kind != RULE_DEFAULT)
            order[count++] = &recipe->rules[i];
    }
    if (count)
        qsort(order, count, sizeof *order, compare_patterns);
    for (size_t i = 1; i < count; i++)
        if (are_twins(order[i - 1], order[i])) {
            twins[order[i - 1] - recipe->rules] = (int)(order[i] - recipe->rules);
            twins[order[i] - recipe->rules] = (int)(order[i - 1] - recipe->rules);
        }
    return twins;
}
