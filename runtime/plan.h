/* Plans: what a recipe does to each tensor of a model, from headers alone. The pipeline executes exactly this: a job of
 * quantize.c is an item of a plan. */
#ifndef QUERN_RUNTIME_PLAN_H
#define QUERN_RUNTIME_PLAN_H

#include "runtime/consumer.h"
#include "runtime/model.h"
#include "runtime/recipe.h"

struct plan_item {
    const struct stored *stored;
    struct match_outcome outcome;
    const char *configs;           /* several apply ("a+b"): nothing can be quantized twice; or NULL */
    const struct spec *spec;       /* the recipe's; NULL: copied */
    const char *spec_text;         /* canonical */
    const char *reason;            /* why it is copied */
    const struct config *config;   /* that spec came from, or NULL */
    const struct consumer *consumer; /* NULL: copied, or a shape that is not known */
    struct spec kernel_spec;       /* spec with the consumer's layout */
    struct kernel_storage storage;
    int64_t bytes_after;           /* -1: unknown */
    const char *group;             /* the first group the tensor is in, or NULL */
    size_t shared;                 /* items that share a second-level scale name the first of them; else the item's own index */
};

/* Filled by plan_fill, then read-only; the recipe and the model outlive it. */
struct quern_plan {
    struct quern_context *context;
    struct arena arena;
    struct quern_recipe *recipe;
    struct quern_model *model;
    struct plan_item *items; /* one for each tensor, in name order */
    size_t count;
    struct decisions *decisions; /* of `match specific`, or NULL */
    struct quern_totals totals;
};

/* Fills plan->items and totals; what is wrong (a group that does not divide, a spec without a kernel) is reported and the
 * item left as copied, with that as its reason. false when anything was reported. */
bool plan_fill(struct session *session, struct quern_plan *plan);
/* Groups: reports members that resolve differently, and fills `shared`. */
bool plan_groups(struct session *session, struct quern_plan *plan);
/* The public form of an item; index < count. Strings are the plan's, the model's and the recipe's. */
struct quern_plan_row plan_row(const struct quern_plan *plan, size_t index);
/* What messages say of an item: its spec, or why it has none; and the place of its rule (source NULL: it has no rule). */
const char *item_says(const struct plan_item *item);
struct span item_rule_span(const struct quern_plan *plan, const struct plan_item *item);
/* By value: two specs of different names that say the same are one. */
bool items_alike(const struct plan_item *a, const struct plan_item *b);
struct placement item_placement(const struct plan_item *item);
/* The float type kernels read: f64 is narrowed first. -1: no float tensor. */
int kernel_dtype(int dtype);

#endif
