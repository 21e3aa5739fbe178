/* Predicates: the conditions of rules, and the words the whole AST is made of. docs/language.md. */
#ifndef QUERN_LANG_PREDICATE_H
#define QUERN_LANG_PREDICATE_H

#include "lang/source.h"

/* A decoded string and where it stands (with its quotes). bytes is NUL-terminated and may hold NULs. */
struct ast_string {
    const char *bytes;
    size_t size;
    struct span span;
};
/* A name, `ns.name` included, or a string standing for one. text NULL: absent. */
struct ast_name {
    const char *text;
    bool quoted; /* written as a string: may hold anything */
    struct span span;
};
/* The aliases that an mpath query may name, and the text of one of them with those that it may name itself. */
struct ast_aliases;
struct ast_alias {
    struct ast_string query;
    const struct ast_aliases *aliases;
};
struct ast_aliases {
    const struct ast_alias *(*find)(const struct ast_aliases *aliases, const char *name); /* NULL: none of that name */
};

/* An integer keeps its exact value; everything else is a double (inf, nan included). */
struct ast_number {
    bool is_integer;
    int64_t integer;
    double value; /* always set */
    const char *spelling; /* as written (`64Ki`), for the formatter */
    struct span span;
};

enum atom {
#define ATOM(name, words, yaml_type, field, language) ATOM_##name,
#include "lang/atoms.def"
#undef ATOM
    ATOM_COUNT
};
struct atom_row {
    const char *name, *words, *yaml_type, *field, *language;
};
extern const struct atom_row atom_rows[ATOM_COUNT];

/* The most levels a predicate, a value or a text of the AST may have; beyond it: Q0005. Long chains of `and` or `or`
 * are built as balanced trees, so only parentheses and `not` come near it. */
enum { AST_DEPTH_MAX = 256 };

enum ast_predicate_kind {
    AST_OR, AST_AND, AST_NOT, /* children: left (NOT: only it), right */
    AST_ATOM,                 /* atom, pattern */
    AST_COMPARE, AST_IN,
    AST_SET,                  /* a set's name */
    AST_ANY                   /* _ */
};
enum ast_term_kind { AST_TERM_INTEGER, AST_TERM_LAYER, AST_TERM_NDIM, AST_TERM_NUMEL, AST_TERM_SHAPE };
struct ast_term {
    enum ast_term_kind kind;
    int64_t integer;      /* INTEGER: the value; SHAPE: the index (negative counts from the end) */
    int64_t modulus;      /* 0: no `%` */
    const char *spelling; /* of integer or modulus as written (`100M`), or NULL */
    struct span span;
};
enum ast_comparison { AST_EQ, AST_NE, AST_LT, AST_LE, AST_GT, AST_GE };
struct ast_predicate {
    enum ast_predicate_kind kind;
    bool parenthesised; /* in the source; the formatter adds only what precedence needs */
    unsigned depth;     /* levels of the tree from here down, at most AST_DEPTH_MAX */
    struct span span;
    struct ast_predicate *left, *right;
    enum atom atom;
    struct ast_string pattern;
    struct ast_term term, other; /* COMPARE: term op other; IN: term in low..high */
    enum ast_comparison comparison;
    int64_t low, high;
    const char *low_spelling, *high_spelling; /* as written, or NULL */
    struct ast_name set;
    const struct ast_predicate *set_predicate; /* filled by resolve.c */
    const struct ast_aliases *aliases;         /* of an mpath atom; likewise */
};

#endif
