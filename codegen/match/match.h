/* Matcher: a recipe's ordered rules as one decision automaton. README.md has the parts. */
#ifndef QUERN_CODEGEN_MATCH_H
#define QUERN_CODEGEN_MATCH_H

#include "lang/recipe.h"

/* A string field of a subject; bytes NULL: the subject does not have it. */
struct field {
    const char *bytes;
    size_t size;
};

/* A module as a description gives it; the chain of parents is what `mpath` walks. Everything is borrowed. */
struct module_node {
    const struct module_node *parent; /* NULL: the root, whose name is not part of any path */
    struct field name;                /* within the parent */
    const struct field *types, *bases, *tags; /* every spelling; NULL: unknown. bases are without the class itself */
    size_t type_count, base_count, tag_count;
    const struct module_node *alias;  /* the same module under its next path; NULL: none. The first path's node is the head */
    bool quantizer, stub, quantized_module; /* FastForward's kinds of modules */
};

/* What a rule sees. Everything is borrowed. A zeroed subject has no field at all except rank 0:
 * use subject_of_module or subject_of_parameter, then fill in what else is known. */
struct subject {
    struct field module;     /* model.layers.0.mlp.up_proj */
    const struct field *paths; /* every path of the module, `module` first; NULL: that one alone */
    size_t path_count;
    const struct module_node *node; /* the module; NULL: names alone are known, and they are cut at the dots */
    struct field param_name; /* weight */
    struct field parameter;  /* the full name: module "." param_name */
    const struct field *types, *bases, *tags; /* every spelling; NULL: unknown (count says how many) */
    size_t type_count, base_count, tag_count;
    const struct field *outer_types; /* every spelling of the classes of the module and of all that hold it; NULL: unknown */
    size_t outer_type_count;
    struct field op, op_name, role;
    bool has_layer;
    int64_t layer;
    int dtype; /* enum dtype, or -1: unknown */
    int rank;  /* -1: unknown */
    const int64_t *shape;
};

/* A module path alone (`quern match` without -m): every other field unknown, the layer number read from it. */
void subject_of_module(struct subject *s, const char *path, size_t size, bool megatron_layers);
/* A parameter's full name: module path and parameter are cut at the last '.', role by the name
 * (weight, bias, else state); dtype -1 and rank -1 where unknown. */
void subject_of_parameter(struct subject *s, const char *name, size_t size, int dtype, int rank, const int64_t *shape, bool megatron_layers);

struct matcher;
struct match_options {
    size_t state_budget;  /* states of one DFA; 0: 65536 */
    size_t cache;         /* bytes of rows of each lazy automaton; 0: 24 MB. Fewer: the same answers, states made again more often */
    bool names_only;      /* module paths alone are matched: whatever else a rule asks is unknown, and no table of names is kept */
    bool force_fallback;  /* never determinise: the linear-time engine answers (tests) */
};
struct match_outcome {
    int rule;    /* index into recipe->rules, or -1: no rule */
    int unknown; /* the first rule before the winner that ended unknown, or -1 */
};

/* Compiles into recipe->arena; pattern errors (Python's reasons, with the place in the pattern) go to diags, then NULL.
 * The matcher is immutable: any number of threads may use it, each with its own scratch. */
struct matcher *matcher_compile(const struct recipe *recipe, const struct match_options *options, struct diags *diags);
/* Bytes of scratch one thread needs (cache of the fallback engine); initialise with matcher_scratch_init, whatever the bytes are. */
size_t matcher_scratch_size(const struct matcher *matcher);
void matcher_scratch_init(const struct matcher *matcher, void *scratch);
struct match_outcome matcher_match(const struct matcher *matcher, void *scratch, const struct subject *subject);
/* Many module paths at once, each as subject_of_module makes it; rules[i]: the rule of paths[i], or -1. A path is not read
 * again where it begins like the one before it, and several are read at once. */
void matcher_match_batch(const struct matcher *matcher, void *scratch, const struct field *paths, size_t count, bool megatron_layers, int *rules);
/* A module path's rule, or -1, when its outcome is plain: no guard, no other field, nothing unknown, known from before. Else false:
 * ask matcher_match. */
bool matcher_match_path(const struct matcher *matcher, void *scratch, const char *path, size_t size, int *rule);
/* For explain: every rule's own verdict on the subject, whoever wins: 0 no, 1 yes, 2 unknown. */
void matcher_verdicts(const struct matcher *matcher, void *scratch, const struct subject *subject, unsigned char *verdicts);

/* Warnings about patterns that are legal and seldom meant (docs/language.md); patterns themselves are known to be good. */
void matcher_lint(const struct recipe *recipe, struct diags *diags);

/* `emit --stage automaton`: text that reads back to the same bytes. */
void matcher_print(struct text *out, const struct matcher *matcher);
/* The same for Graphviz; it does not read back. */
void matcher_print_dot(struct text *out, const struct matcher *matcher);
/* NULL with diagnostics on malformed text. The result matches like the original but knows rules by index and label only. */
struct matcher *matcher_read(struct arena *arena, struct source *source, struct diags *diags);

#endif
