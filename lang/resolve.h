/* Resolving: from an AST to a recipe. What the files resolve_*.c share; others include lang/recipe.h.
 *
 *   scope.c           the names of a file and of what it imports
 *   resolve.c         the whole pass; imports
 *   resolve_format.c  format definitions
 *   resolve_spec.c    chains of specs -> struct spec
 *   spec_fill.c       values in range, defaults
 *   spec_check.c      attributes that contradict each other
 *   resolve_config.c  configs and their slots, schedules
 *   resolve_predicate.c  predicates and sets
 *   resolve_rules.c   rules, policies, expectations
 *   resolve_steps.c   prepare, algorithm, groups, aliases
 * Every function reports what is wrong and goes on with something usable. */
#ifndef QUERN_LANG_RESOLVE_H
#define QUERN_LANG_RESOLVE_H

#include "lang/recipe.h"

enum {
    RESOLVE_DEPTH_MAX = 128,      /* links of a chain of specs, configs, sets, aliases or imports */
    IMPORTS_MAX = 1000,           /* files of one recipe, and imports of one file */
    EXPANDED_NODES_MAX = 1 << 22, /* nodes of all predicates with their sets written out */
    EXPANDED_DEPTH_MAX = 512,     /* levels of one of them */
    NEAREST_MAX = 1000            /* names that are looked through for a suggestion */
};

/* The namespaces of docs/language.md. */
enum space { SPACE_SPEC, SPACE_CONFIG, SPACE_SET, SPACE_GROUP, SPACE_SCHEDULE, SPACE_ALIAS };

enum symbol_state { SYMBOL_NEW, SYMBOL_BUSY, SYMBOL_DONE };

/* One declaration that has a name. */
struct symbol {
    struct symbol *next;     /* of its unit, in source order */
    enum space space;
    const char *name;        /* as it is declared */
    const char *full_name;   /* as the recipe that is resolved calls it: `ns.name` when imported */
    const struct ast_decl *decl;
    struct unit *unit;       /* whose names its text uses */
    bool used, wanted;       /* wanted: a rule, an expectation or a config names it */
    enum symbol_state state;
    const struct chain *chain;   /* SPEC, `spec` and `format` alike */
    const struct spec *spec;     /* `spec`; NULL: faulty */
    struct config *config;       /* CONFIG */
    size_t nodes, levels;        /* SET: of its predicate with its sets written out */
    struct ast_alias alias;      /* ALIAS */
};

/* A name in a file's table; several names may lead to one symbol. */
struct entry {
    struct entry *next; /* of its bucket */
    const char *name;
    struct symbol *symbol;
    struct span span;   /* where the name came in: the declaration, or the import */
};

struct import {
    struct import *next;
    const char *name; /* NULL: without `as` */
    struct unit *unit;
    const struct ast_decl *decl;
    bool used;
};

/* One file. */
struct unit {
    struct unit *next;
    const struct ast *ast;
    const char *prefix;      /* "" or "ns." */
    struct entry **buckets;
    size_t bucket_count, entry_count;
    struct symbol *symbols, **last_symbol;
    struct import *imports, **last_import;
    unsigned import_count;   /* read so far, those that failed too */
    const struct ast_decl *recipe, *match; /* the declarations there is one of */
    bool loading;            /* its imports are being read */
    const struct ast_rule *spliced; /* the `use` that took its rules, or NULL */
    struct ast_aliases aliases;     /* its own names, for mpath queries */
    struct arena *arena;
    struct missing *missing, *spare; /* rests of the name being looked up that are not in it; to be used again (scope.c) */
};

struct resolver {
    struct arena *arena;
    struct diags *diags;
    const struct importer *importer;
    struct recipe *recipe;
    struct unit *units, **last_unit;
    size_t unit_count;
    unsigned import_depth;
    bool incomplete;         /* a syntax error may have lost declarations: names that are missing say nothing */
    struct symbol *stack[RESOLVE_DEPTH_MAX]; /* being resolved, outermost first */
    unsigned depth;
    size_t nodes;            /* of all predicates so far, sets written out */
    size_t slots;            /* of all configs so far, derived ones included */
    struct chain **presets;  /* of each row of presets[] that was used, its chain; or NULL */
    size_t group_capacity, step_capacity, expect_capacity;
};

/* ---- scope.c ---- */
extern const char *const space_words[]; /* what a member of the namespace is called in messages */
struct unit *unit_new(struct resolver *r, const struct ast *ast, const char *prefix);
/* Enters the declaration under its name; a second one is reported. */
void unit_declare(struct resolver *r, struct unit *unit, const struct ast_decl *decl, enum space space);
/* Enters every name of `from`, which `import` (without `as`) makes visible. */
void unit_merge(struct resolver *r, struct unit *unit, const struct unit *from, struct span import);
/* The symbol that `name` means in the unit, marked as used; NULL when there is none. */
struct symbol *unit_find(struct unit *unit, enum space space, const char *name);
/* The alias that `name` means in the unit; NULL: none. */
const struct ast_alias *unit_find_alias(const struct ast_aliases *aliases, const char *name);
struct import *unit_find_import(struct unit *unit, const char *name);
/* There is no such name: Q0202 with the nearest one. unit NULL: built-in names alone. */
void report_unknown(struct resolver *r, struct unit *unit, enum space space, const struct ast_name *name);
/* Marks the symbol as being resolved. False, after a message, when it is already or the chain is too long. */
bool symbol_enter(struct resolver *r, struct symbol *symbol, struct span use);
void symbol_leave(struct resolver *r);
void warn_unused(struct resolver *r, struct unit *unit);

/* ---- recipe.c ---- */
/* Whether the symbol is an alias to print with the recipe: its own file's, and those of imports that are used and not hidden. */
bool recipe_shows_alias(const struct recipe *recipe, const struct symbol *symbol);

/* ---- resolve_format.c ---- */
/* A built-in format when it has the same numbers; NULL when the definition is faulty. */
const struct format *format_define(struct resolver *r, struct unit *unit, const struct ast_format *definition, struct span span);
/* The format that a name means; NULL after a message. */
const struct format *format_of_name(struct resolver *r, struct unit *unit, const struct ast_name *name);

/* ---- resolve_spec.c, spec_fill.c, spec_check.c ---- */
/* What a spec's text and the texts it derives from say, before defaults. */
struct chain {
    const struct format *format; /* NULL: faulty */
    struct span format_span;     /* where the format was named */
    const struct ast_attribute *written[AST_ATTRIBUTE_COUNT]; /* the last of each kind; NULL: not said */
    struct unit *unit[AST_ATTRIBUTE_COUNT];                   /* whose names it uses */
    const struct preset *carrier[AST_ATTRIBUTE_COUNT];        /* the preset that said it, or NULL */
};
/* A faulty spec is NULL, after messages. */
const struct spec *spec_resolve(struct resolver *r, struct unit *unit, const struct ast_spec *ast);
/* The spec that a name means: a declaration's, a preset's, a format's. NULL after a message. */
const struct spec *spec_of_name(struct resolver *r, struct unit *unit, const struct ast_name *name, struct symbol **symbol);
void resolve_spec_symbol(struct resolver *r, struct symbol *symbol, struct span use);
/* Fills *spec from what was said; false after messages about values out of range. */
bool spec_fill(struct resolver *r, const struct chain *chain, struct spec *spec);
/* Reports every pair that contradicts each other; false when there is one. */
bool spec_check(struct resolver *r, const struct chain *chain, const struct spec *spec);

/* ---- resolve_config.c ---- */
void resolve_config_symbol(struct resolver *r, struct symbol *symbol, struct span use);
void resolve_schedule(struct resolver *r, const struct symbol *symbol);
const struct config *config_of_name(struct resolver *r, struct unit *unit, const struct ast_name *name);

/* ---- resolve_predicate.c ---- */
void resolve_set_symbol(struct resolver *r, struct symbol *symbol, struct span use);
/* Fills set_predicate everywhere below; NULL is allowed. */
void resolve_predicate(struct resolver *r, struct unit *unit, struct ast_predicate *predicate);
/* Counts its sets as used without resolving anything: of a disabled rule. */
void touch_sets(struct unit *unit, const struct ast_predicate *predicate);

/* ---- resolve_rules.c ---- */
/* The rules of the file and of what it uses, in first-match order. */
void resolve_rules(struct resolver *r, struct unit *root);
void resolve_expects(struct resolver *r, struct unit *unit, const struct ast_expect *expects, bool keep);

/* ---- resolve_steps.c ---- */
void resolve_steps(struct resolver *r, struct unit *unit, const struct ast_decl *decl, bool keep);
void resolve_group(struct resolver *r, const struct symbol *symbol);
/* Resolves the aliases that an mpath query names; faults of the query itself are the matcher's to find. */
void use_aliases(struct resolver *r, struct unit *unit, const struct ast_string *query);
void resolve_alias_symbol(struct resolver *r, struct symbol *symbol, struct span use);

#endif
