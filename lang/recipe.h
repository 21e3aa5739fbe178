/* Recipe: a checked AST with every name resolved, every spec complete, imports spliced and the policy lowered to
 * one ordered first-match list. What codegen and runtime read. docs/language.md. */
#ifndef QUERN_LANG_RECIPE_H
#define QUERN_LANG_RECIPE_H

#include "lang/ast.h"

struct slot {
    bool module;
    enum slot_role role;
    enum slot_key_kind key;
    int64_t index;
    const char *name;
    const struct spec *spec; /* NULL: `none`, off */
    const char *spec_name;   /* how the recipe called it ("w4"), or NULL when inline */
};

struct config {
    const char *name;
    struct span span;
    struct slot *slots;
    size_t slot_count;
    const char *schedule; /* or NULL */
    const char *extra;    /* JSON text of the opaque payload, or NULL */
    bool is_null;
};

/* The order of `match specific`: torchao's kinds of keys. */
enum rule_kind {
    RULE_AS_WRITTEN, /* of every other policy */
    RULE_EXACT_PARAMETER, RULE_EXACT_MODULE, RULE_PARAMETER_REGEX, RULE_MODULE_REGEX,
    RULE_DEFAULT     /* `_`, or a condition on the module's class alone */
};
static inline bool rule_is_for_parameter(enum rule_kind kind)
{
    return kind == RULE_EXACT_PARAMETER || kind == RULE_PARAMETER_REGEX;
}

/* The kind a predicate has in that order; RULE_AS_WRITTEN: it has no place there. */
enum rule_kind rule_kind_of(const struct ast_predicate *predicate);

struct rule {
    struct span span;
    enum rule_kind kind;
    size_t order;                          /* as written, with those of a `use` in its place */
    const char *label;                     /* or NULL */
    const char *origin;                    /* "label" or "FILE:LINE": what `match` prints */
    const struct ast_predicate *predicate; /* every AST_SET has set_predicate */
    enum ast_target_kind target;
    const struct config *config;           /* CONFIG */
    const struct spec *spec;               /* SPEC */
    const char *name;                      /* of the config or spec; "skip" */
    bool optional;
};

struct recipe_group {
    const char *name;
    struct span span;
    struct ast_string *members;
    size_t count;
};
struct recipe_expect {
    const struct ast_expect *ast;
    const struct config *config; /* NULL: skip, none, or a quantity */
};
struct recipe_step {
    const struct ast_step *ast;
    bool algorithm; /* else prepare */
};
struct named_spec {
    const char *name;
    struct span span;
    const struct spec *spec;
};

struct recipe {
    struct arena *arena; /* borrowed */
    const char *name;    /* or NULL */
    int64_t version;
    const struct ast *ast;
    struct named_spec *specs;
    size_t spec_count;
    struct config **configs; /* pointers stay valid */
    size_t config_count;
    enum ast_policy policy;  /* as written; rules are in first-match order, which for `match specific` holds name by name:
                              * what a whole module decides is runtime/specific.h's */
    struct rule *rules;      /* enabled ones, first match wins */
    size_t rule_count;
    struct recipe_group *groups;
    size_t group_count;
    struct recipe_expect *expects;
    size_t expect_count;
    struct recipe_step *steps; /* of prepare and algorithm, in source order */
    size_t step_count;
    struct unit *unit;         /* the names, for recipe_find_spec and recipe_print (resolve.h) */
    bool megatron_layers;    /* layer number by `layers\.(\d+)` alone */
};

/* How imports are read: the resolver asks, the caller opens files (and refuses what is outside `root`). */
struct importer {
    /* The text of path relative to the file `from`; NULL after reporting to diags at span. */
    struct source *(*open)(void *user, const char *from, const char *path, struct span span, struct diags *diags);
    void *user;
};

/* Resolve with recovery. Never NULL; usable only when diags->errors is 0. importer NULL: imports are errors. */
struct recipe *recipe_resolve(struct arena *arena, const struct ast *ast, const struct importer *importer, struct diags *diags);
/* `emit --stage recipe`: the resolved recipe as .qr text with every spec spelled canonically and every set, derivation and
 * import expanded, rules in first-match order, under `match specific` where that was the policy; the same text for both
 * spellings; it reads back as a recipe with the same text. */
void recipe_print(struct text *out, const struct recipe *recipe);
/* The op's own slot or (module) that of the module's boundary: an exact key beats `*`; NULL: no opinion. A state is asked for
 * by its name, which may be that of another slot (weight, bias); exact: only under that name. */
const struct slot *config_find_slot(const struct config *config, bool module, enum slot_role role, int64_t index, const char *name);
const struct slot *config_find_state(const struct config *config, bool module, const char *name, bool exact);
/* The spec of an op's slot; NULL and *off = false when the config has no opinion. */
const struct spec *config_slot(const struct config *config, enum slot_role role, int64_t index, const char *name, bool *off);
/* What the rule does (NULL: no rule did anything), as text that is equal whenever the same is done, whatever it is called. */
void rule_print_action(struct text *out, const struct recipe *recipe, const struct rule *rule);
/* The declaration of a schedule that a config names. */
const struct ast_decl *recipe_schedule(const struct recipe *recipe, const char *name);
/* A named spec of the recipe, a preset, or a whole spec expression ("int4 per group(32)"); NULL with a diagnostic. */
const struct spec *recipe_find_spec(struct recipe *recipe, const char *expression, struct diags *diags);
/* The same without a recipe. */
const struct spec *spec_parse(struct arena *arena, const char *expression, struct diags *diags);

#endif
