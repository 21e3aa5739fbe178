/* `match specific` over whole modules: what a module's parameters decide together, as torchao's FqnToConfig does.
 * docs/torchao.md. One name alone gets the first rule by kind. In a module any rule that matches a parameter, even a `skip`,
 * cancels the module's own rules and the default for all its parameters; an exact module rule comes before parameter regexes:
 *   1  exact parameter rules, each for its parameter; a skip shields it from step 3
 *   2  none: the exact module rule
 *   3  parameter regexes. compat code: all that match apply in order and a skip among them does nothing;
 *      compat doc: the first alone, and none beside an exact rule
 *   4  neither: the first module regex          5  nor that: the default */
#ifndef QUERN_RUNTIME_SPECIFIC_H
#define QUERN_RUNTIME_SPECIFIC_H

#include "runtime/model.h"
#include "runtime/recipe.h"

/* What one tensor gets. Buffers get nothing: torchao does not look at them. */
struct decision {
    struct match_outcome outcome; /* rule: whose config stays, the last that applies, or a skip; -1: none */
    const char *configs;          /* "a+b": several apply one after the other. NULL: the rule's alone */
    const int *rules;             /* those, outcome.rule the last of them */
    size_t rule_count;
    int canceller;                /* the rule of the module's first parameter that has one: the module's rules do not count; -1 */
};

/* Something to be said once for many: how often, and the first name it is true of. */
struct finding {
    size_t count;
    const char *name;
    const char *code; /* of differences: the configs under compat code */
};

/* The whole model decided once; read-only afterwards, so that any thread may ask. */
struct decisions {
    const struct quern_recipe *recipe;
    const struct quern_model *model;
    struct decision *items;      /* of model->tensors */
    size_t *order;               /* indices of tensors, by module path and then by name */
    struct finding *differences; /* of each rule: parameters that it takes under compat doc and not alone under compat code */
    struct finding *containers;  /* of each rule: modules without a weight that it gives a config */
    struct finding *unseen;      /* of each rule: parameters that torchao never looks at */
    struct finding removed;      /* modules of several parameters with an exact skip */
};

/* Decides every tensor of the model; NULL when the policy is not `match specific`. Memory is the arena's; the model must live
 * as long. Time: one match a tensor, and every rule's verdict for the parameters of modules whose own rules are cancelled. */
struct decisions *specific_decide(struct session *session, struct arena *arena, struct quern_recipe *recipe, const struct quern_model *model);
const struct decision *specific_find(const struct decisions *decisions, const char *name); /* or NULL */
/* The public form; strings are the recipe's or the decisions' arena's. */
struct quern_match specific_describe(const struct decisions *decisions, const struct decision *decision);
/* Verdicts on a parameter: 1 becomes 3 for the rules of its module that do not count. */
void specific_cancel(const struct decisions *decisions, const char *name, unsigned char *verdicts);
/* Q1111: parameters for which the two readings differ. */
void specific_report_differences(struct session *session, const struct decisions *decisions);
/* What torchao refuses or does wrong and this recipe does not: Q1113 to Q1115. containers: paths of modules that hold
 * others, where there is no description. */
void specific_report_faults(struct session *session, struct decisions *decisions, const char *const *containers, size_t count);
/* Q0506, without a model: that rules for parameters cancel rules for modules cannot be seen from names. */
void specific_warn_names(struct session *session, const struct recipe *recipe);
/* Of each rule the one that is written with the same pattern for a module instead of a parameter or the other way round, or
 * -1: a key of torchao's means both. NULL when the policy is not `match specific`. */
const int *specific_twins(struct arena *arena, const struct recipe *recipe);

#endif
