/* Plans: header-only dry runs. In: a recipe, a model; out: for each tensor its rule, its spec, where it goes and how large it
 * becomes. Steps, each on what the one before found:
 *   match   the rule, by the automaton or by what was decided for whole modules
 *   decide  the spec that the rule gives the tensor, unless the tensor is no float or has no elements
 *   place   the first consumer that holds spec and shape, the kernel's own layout, the bytes of all parts
 *   groups  members that must be alike (plan_groups.c)
 * A tensor that fails a step is copied, with the reason; one that fails `place` is an error of the recipe. See plan.h. */
#include "runtime/plan.h"

#include <string.h>
#include "runtime/json.h"
#include "runtime/report.h"
#include "runtime/specific.h"

enum { TEXT_CACHE = 256 }; /* slots of a direct-mapped cache by address; a miss prints again */

/* Recently printed specs: models have many tensors and few specs. */
struct planning {
    struct session *session;
    struct quern_plan *plan;
    struct scratch *scratch;
    const struct spec *cached[TEXT_CACHE];
    const char *texts[TEXT_CACHE];
};

/* Kernels read three types; f64 is rounded to f32 before them. */
int kernel_dtype(int dtype)
{
    switch (dtype) {
    case DTYPE_f32:
    case DTYPE_f64:
        return DTYPE_f32;
    case DTYPE_f16:
    case DTYPE_bf16:
        return dtype;
    }
    return -1;
}

const char *item_says(const struct plan_item *item)
{
    return item->spec ? item->spec_text : item->reason;
}

/* An empty span is printed as no place. */
struct span item_rule_span(const struct quern_plan *plan, const struct plan_item *item)
{
    return item->outcome.rule < 0 ? (struct span){0} : plan->recipe->recipe->rules[item->outcome.rule].span;
}

bool items_alike(const struct plan_item *a, const struct plan_item *b)
{
    return !a->spec == !b->spec && (!a->spec || spec_same(a->spec, b->spec));
}

struct placement item_placement(const struct plan_item *item)
{
    return (struct placement){.name = item->stored->name, .shape = item->stored->shape, .rank = item->stored->rank,
                              .spec = item->spec, .config = item->config};
}

/* The cache is by address: a config's spec is one object however many tensors get it. */
static const char *print_spec(struct planning *p, const struct spec *spec)
{
    size_t slot = ((uintptr_t)spec >> 4) % TEXT_CACHE;
    if (p->cached[slot] != spec) {
        struct text text = text_make(&p->plan->arena);
        spec_print(&text, spec);
        p->cached[slot] = spec;
        p->texts[slot] = text_string(&text);
    }
    return p->texts[slot];
}

/* NULL: one rule; else why there is nothing to quantize by. */
static const char *match_item(struct planning *p, struct plan_item *item)
{
    struct quern_plan *plan = p->plan;
    if (plan->decisions) {
        const struct decision *decision = &plan->decisions->items[item - plan->items];
        item->outcome = decision->outcome;
        item->configs = decision->configs;
        return decision->configs ? "several configs, one after the other" : decision->outcome.rule < 0 && decision->canceller >= 0 ? "cancelled by a rule for another parameter" :
               decision->outcome.rule < 0 ? "no rule" : NULL;
    }
    struct quern_tensor tensor = stored_tensor(item->stored);
    struct subject subject = subject_of_tensor(plan->recipe, &tensor);
    item->outcome = recipe_match(plan->recipe, p->scratch, &subject);
    return item->outcome.rule < 0 ? "no rule" : NULL;
}

/* The rule's answer and what the tensor itself allows. */
static void decide(struct planning *p, struct plan_item *item)
{
    const struct stored *t = item->stored;
    item->reason = match_item(p, item);
    item->bytes_after = t->bytes;
    if (item->reason)
        return;
    const struct rule *rule = &p->plan->recipe->recipe->rules[item->outcome.rule];
    const struct spec *spec = recipe_tensor_spec(rule, t->name, &item->reason);
    if (!spec)
        return;
    /* A type that is not known may be a float: lists of names are planned as if it were. */
    bool is_float = t->dtype < 0 ? !t->blocks : kernel_dtype(t->dtype) >= 0;
    item->reason = !is_float ? "not a float tensor" : t->elements == 0 ? "no elements" : NULL;
    if (item->reason)
        return;
    item->spec = spec;
    item->config = rule->target == AST_TARGET_CONFIG ? rule->config : NULL;
    item->spec_text = print_spec(p, spec);
}

/* The rule is named beside the reason: the tensor is where it hurts, the recipe where it is mended. */
static bool refuse(struct planning *p, struct plan_item *item, const char *reason)
{
    const char *text = item->spec_text;
    const struct rule *rule = &p->plan->recipe->recipe->rules[item->outcome.rule];
    struct diag *diag = diag_report_about(p->session->diags, DIAG_no_kernel, item->stored->name, "%s: %s", text, reason);
    diag_note(p->session->diags, diag, rule->span, "by this rule");
    item->spec = NULL;
    item->reason = arena_printf(&p->plan->arena, "error: %s", reason);
    item->bytes_after = item->stored->bytes;
    return false;
}

/* Exactly the tensors that will be written, padding of packed rows and shapes included. */
static bool sum_parts(struct planning *p, struct plan_item *item)
{
    struct placement placement = item_placement(item);
    struct stored part_stored;
    item->bytes_after = 0;
    for (const struct part *part = NULL; (part = consumer_next_part(item->consumer, part));)
        if (consumer_part(p->session->arena, part, &placement, &item->kernel_spec, &item->storage, &part_stored))
            item->bytes_after += part_stored.bytes;
    return true;
}

/* Where the spec's tensor goes and how large it becomes. Shape and spec are checked first without a consumer, so that its
 * predicate may divide and multiply sizes; then with the consumer's layout, which may pad rows, and the kernel must exist.
 * false: reported. */
static bool place(struct planning *p, struct plan_item *item)
{
    const struct stored *t = item->stored;
    const char *reason = NULL;
    item->bytes_after = -1;
    if (t->rank < 0)
        return true;
    if (t->rank > KERNEL_RANK_MAX)
        return refuse(p, item, "the tensor has more than 8 dimensions");
    struct placement placement = item_placement(item);
    struct kernel_storage plain; /* the shape must go with the spec before a consumer looks at it */
    if (!kernel_storage(item->spec, t->shape, t->rank, &plain, &reason))
        return refuse(p, item, reason);
    item->consumer = consumer_choose(&placement);
    item->kernel_spec = consumer_spec(item->consumer, item->spec);
    int dtype = t->dtype < 0 ? DTYPE_f32 : kernel_dtype(t->dtype);
    if (!kernel_storage(&item->kernel_spec, t->shape, t->rank, &item->storage, &reason) ||
        !kernel_supports(KERNEL_quantize_dynamic, &item->kernel_spec, (enum dtype)dtype, &reason))
        return refuse(p, item, reason);
    return sum_parts(p, item);
}

/* Tensors whose size is not known, or whose storage is another's, are counted and add nothing. */
static void count_item(struct quern_totals *totals, const struct plan_item *item)
{
    const struct stored *t = item->stored;
    totals->tensors++;
    totals->quantized += item->spec != NULL;
    if (t->bytes < 0 || t->shares)
        return;
    totals->elements += t->elements;
    totals->quantized_elements += item->spec ? t->elements : 0;
    totals->bytes_before += t->bytes;
    totals->bytes_after += item->bytes_after;
}

/* One pass in name order; matching is a walk of the automaton, placing is arithmetic. */
bool plan_fill(struct session *session, struct quern_plan *plan)
{
    struct planning *p = ARENA_NEW(session->arena, struct planning);
    bool ok = true;
    p->session = session;
    p->plan = plan;
    p->scratch = recipe_borrow_for(session, plan->recipe);
    plan->count = plan->model->count;
    plan->decisions = specific_decide(session, &plan->arena, plan->recipe, plan->model);
    if (plan->decisions)
        specific_report_differences(session, plan->decisions);
    plan->items = ARENA_ARRAY(&plan->arena, plan->count + 1, struct plan_item);
    for (size_t i = 0; i < plan->count; i++) {
        struct plan_item *item = &plan->items[i];
        item->stored = plan->model->tensors[i];
        item->shared = i;
        decide(p, item);
        ok &= !item->spec || place(p, item);
        count_item(&plan->totals, item);
    }
    /* Of all elements, scales and copies included: what a checkpoint's size divided by its weights gives. */
    struct quern_totals *totals = &plan->totals;
    totals->bits_per_weight = totals->elements ? 8.0 * (double)totals->bytes_after / (double)totals->elements : 0;
    return plan_groups(session, plan) && ok;
}

/* Strings live as long as the plan, the model and the recipe. */
struct quern_plan_row plan_row(const struct quern_plan *plan, size_t index)
{
    const struct plan_item *item = &plan->items[index];
    int64_t elements = item->stored->elements;
    struct quern_match match = plan->decisions ? specific_describe(plan->decisions, &plan->decisions->items[index])
                                               : recipe_describe(plan->recipe, item->outcome);
    return (struct quern_plan_row){
        .tensor = stored_tensor(item->stored),
        .match = match,
        .spec = item->spec ? item->spec_text : NULL,
        .reason = item->reason,
        .group = item->group,
        .format = !item->spec ? NULL : item->consumer ? item->consumer->word : "unknown",
        .bytes_after = item->bytes_after,
        .bits = elements > 0 ? 8.0 * (double)item->bytes_after / (double)elements : 0,
    };
}

static enum quern_status create_plan(struct session *session, void *call)
{
    if (plan_fill(session, call))
        return QUERN_OK;
    return diags_status(session->diags);
}

/* An invalid plan is given out: its rows say what is wrong with which tensor. */
enum quern_status quern_plan_create(quern_recipe *recipe, quern_model *model, quern_plan **plan)
{
    if (!recipe || !model || !plan)
        return QUERN_USAGE;
    *plan = NULL;
    struct quern_plan *p = context_allocate(recipe->context, sizeof *p);
    if (!p)
        return QUERN_LIMIT;
    p->context = recipe->context;
    p->recipe = recipe;
    p->model = model;
    arena_init(&p->arena, &p->context->allocator);
    enum quern_status status = context_enter(p->context, &p->arena, create_plan, p);
    if (status && status != QUERN_INVALID)
        quern_plan_close(p);
    else
        *plan = p;
    return status;
}

void quern_plan_close(quern_plan *plan)
{
    if (!plan)
        return;
    struct quern_context *context = plan->context;
    arena_close(&plan->arena);
    context_release(context, plan, sizeof *plan);
}

size_t quern_plan_count(const quern_plan *plan)
{
    return plan->count;
}

struct quern_plan_row quern_plan_at(const quern_plan *plan, size_t index)
{
    return plan_row(plan, index);
}

struct quern_totals quern_plan_totals(const quern_plan *plan)
{
    return plan->totals;
}

/* One question of quern_plan_kernel. */
struct kernel_call {
    struct quern_plan *plan;
    const struct plan_item *item;
    const char *key;
};

/* No code is made: the key says which code it would be, on this machine. */
static enum quern_status find_key(struct session *session, void *data)
{
    (void)session;
    struct kernel_call *call = data;
    const struct stored *t = call->item->stored;
    struct kernel_request request = {.op = KERNEL_quantize_dynamic, .spec = &call->item->kernel_spec, .dtype = (enum dtype)kernel_dtype(t->dtype),
                                     .shape = t->shape, .rank = t->rank};
    call->key = kernel_key(&call->plan->arena, &request);
    return QUERN_OK;
}

const char *quern_plan_kernel(quern_plan *plan, size_t index)
{
    struct kernel_call call = {plan, &plan->items[index], NULL};
    if (!call.item->spec || !call.item->consumer || kernel_dtype(call.item->stored->dtype) < 0)
        return NULL;
    return context_enter(plan->context, &plan->arena, find_key, &call) ? NULL : call.key;
}
