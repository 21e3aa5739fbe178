/* mpath: FastForward's queries over the tree of modules. A query is text (docs/language.md); it becomes a tree of
 * fragments, then the names it can take as one regular expression over the module path, and, where classes or tags are
 * asked for, a test that climbs from the module to the root. docs/language.md has the grammar and the meaning. */
#ifndef QUERN_CODEGEN_MATCH_MPATH_H
#define QUERN_CODEGEN_MATCH_MPATH_H

#include "codegen/match/program.h"

enum {
    MPATH_DEPTH_MAX = 256,       /* braces, ~ and aliases within each other */
    MPATH_FRAGMENTS_MAX = 65536, /* of one query with its aliases written out */
    MPATH_WAYS_MAX = 1 << 20     /* the items of a sequence times those at its head that may take nothing */
};

/* ---- tokens ---- */
enum mpath_token_kind {
#define MPATH_TOKEN(name, character) MPATH_##name,
#include "codegen/match/mpath_tokens.def"
#undef MPATH_TOKEN
    MPATH_TOKEN_COUNT
};
struct mpath_token {
    enum mpath_token_kind kind;
    uint32_t begin, end; /* code points of the query */
};
struct mpath_text {
    uint32_t *points;  /* code points of the query, which are its positions */
    uint32_t *offsets; /* of each in bytes; one more for the end */
    uint32_t count;
    struct mpath_token *tokens; /* the last one is EOL */
    size_t token_count;
};
/* The query's tokens; nothing is refused here. size is below 2^31. */
struct mpath_text mpath_split(struct arena *arena, const char *bytes, size_t size);

/* ---- fragments ---- */
enum mpath_kind {
    MPATH_NODE_NAME,     /* text: the child's name */
    MPATH_NODE_ONE,      /* any one module */
    MPATH_NODE_MANY,     /* any number of them, none too */
    MPATH_NODE_NOT,      /* one module that items[0] does not take; never under MANY or an odd number of these over it */
    MPATH_NODE_EITHER,   /* items: sequences */
    MPATH_NODE_SEQUENCE, /* items in order */
    MPATH_NODE_RE,       /* text: the regex of the child's name */
    MPATH_NODE_CLASS,    /* text: the spelling of a class */
    MPATH_NODE_TAGS      /* text: RAW, tags between commas */
};
struct mpath {
    enum mpath_kind kind;
    struct ast_string text, raw; /* RE, CLASS, TAGS: raw as it is written between `:` and `]` */
    const struct mpath *const *items;
    size_t count;
    uint32_t size, depth; /* fragments below and with it, aliases written out; levels */
    bool nullable;        /* may take no module at all */
    bool lone_quote;      /* raw has a quote that nothing closes */
};

/* What parsing needs; one for all the queries of a matcher, so that each alias is read once. */
struct mpath_parser {
    struct arena *arena;
    struct diags *diags;
    bool warn; /* also say where FastForward itself does otherwise */
    struct known_alias *aliases;
    size_t alias_count, alias_slots;
    unsigned depth;
};
/* The query as a SEQUENCE; NULL after messages. aliases NULL: none can be named. */
const struct mpath *mpath_parse(struct mpath_parser *parser, const struct ast_string *query, const struct ast_aliases *aliases);
/* Text that parses to an equal tree, with aliases written out. */
void mpath_print(struct text *out, const struct mpath *query);

/* ---- names ---- */
/* A RE's pattern as a regular expression of the pool; NULL after a message. */
typedef const struct regex *mpath_regex(void *user, struct regex_pool *pool, const struct ast_string *pattern);
/* The module paths the query can take, whatever classes and tags there are; NULL after messages. *exact: they are those it
 * takes, since it asks for nothing that a path cannot say. */
const struct regex *mpath_names(struct regex_pool *pool, const struct mpath *query, mpath_regex *parse, void *user, bool *exact);

/* ---- climbing ---- */
/* What a step of a chain asks of one module. */
struct chain_step {
    enum { CHAIN_TAKE, CHAIN_SPLIT, CHAIN_END } kind;
    uint32_t next, other;       /* the step after it; SPLIT: and another */
    const struct mpath *asked;  /* TAKE; NULL: nothing */
    bool never, negated;        /* TAKE: no module; the opposite */
    const struct label *label;  /* TAKE of a RE: its place among the labels of FIELD_chain */
};
/* A query as steps from the module up to the root. */
struct chain {
    const char *text; /* as mpath_print writes it */
    size_t size;
    struct chain_step *steps;
    uint32_t count, start;
    bool names; /* some step has a label */
};
/* Steps of a query that mpath_names took; labels of its regexes are made in program. NULL after messages. */
struct chain *chain_build(struct program *program, const struct mpath *query, mpath_regex *parse, void *user);
/* Bytes of memory chain_test needs, aligned to 8. */
size_t chain_size(const struct chain *chain);
/* The labels of FIELD_chain that a child's name has, as bits by number. */
typedef const uint64_t *chain_labels(void *user, const struct field *name);
/* Whether the module, at any of its paths, is one the query selects. Unknown: classes or tags that are not known decide. */
enum truth chain_test(const struct chain *chain, const struct subject *subject, void *memory, chain_labels *labels, void *user);

#endif
