/* Regex: the AST all languages of names share. Python's re, fnmatch's globs and the exact, prefix and substring
 * atoms all become it; it is closed under intersection and complement. Nodes are hash-consed in a pool: equal
 * languages written alike are one node, compared by address. */
#ifndef QUERN_CODEGEN_MATCH_REGEX_H
#define QUERN_CODEGEN_MATCH_REGEX_H

#include "codegen/match/charset.h"

enum regex_kind {
    REGEX_NEVER,  /* the empty language */
    REGEX_EMPTY,  /* the empty name */
    REGEX_SET,    /* one code point of set, which may have none */
    REGEX_CAT,    /* items in order */
    REGEX_OR,     /* items, the first one preferred (which matters to REGEX_ATOMIC alone) */
    REGEX_REPEAT, /* items[0], min to max times */
    REGEX_ASSERT, /* no character, when the condition holds */
    REGEX_LOOK,   /* items[0] matches ahead (behind) of here, or does not */
    REGEX_ATOMIC, /* items[0] as its first match alone: (?>…), x*+ */
    REGEX_AND,    /* every one of items */
    REGEX_NOT     /* whatever items[0] does not match */
};
enum regex_assert {
#define ASSERT(name, spelling) REGEX_ASSERT_##name,
#include "codegen/match/asserts.def"
#undef ASSERT
    REGEX_ASSERT_COUNT
};
#define REGEX_UNBOUNDED UINT32_MAX

/* An interned set of code points. */
struct regex_set {
    const struct code_range *ranges;
    size_t count;
    uint32_t id, hash;
    struct regex_set *chain;
};

struct regex {
    enum regex_kind kind;
    enum regex_assert assert; /* ASSERT */
    bool lazy;                /* REPEAT: the fewest first (which matters to ATOMIC alone) */
    bool behind, negated;     /* LOOK */
    bool nullable;            /* may match without taking a character, conditions aside */
    bool anchored;            /* what it matches first may depend on the character before */
    uint64_t behinds;         /* lookbehinds in it, each a bit; two may share one */
    uint32_t min, max;        /* REPEAT; max REGEX_UNBOUNDED: any number */
    uint64_t shortest, longest; /* code points it takes; saturating */
    const struct regex_set *set;
    const struct regex *const *items;
    size_t count;
    const struct regex_set *used; /* every code point some part of it may take */
    uint32_t id, hash;
    struct regex *chain;
};

/* Two arenas: nodes and sets live in `arena`, lists that a call needs in `temporary`, so that 10,000 patterns leave no more behind
 * than their nodes. Not thread-safe. */
struct regex_pool {
    struct arena *arena;     /* borrowed */
    struct arena *temporary; /* borrowed: what no node keeps; may be closed whenever no call is under way */
    struct regex **nodes;
    size_t node_slots, node_count, node_capacity;
    const struct regex **node_list; /* by id */
    struct regex_set **sets, **set_list; /* hash slots; by id */
    size_t set_slots, set_count, set_capacity;
    const struct regex *never, *empty;
};

/* Makes `never` and `empty`; both arenas outlive the pool. */
void regex_pool_init(struct regex_pool *pool, struct arena *arena, struct arena *temporary);
/* The canonical copy of a settled set; charsets of equal ranges give one address. */
const struct regex_set *regex_set_intern(struct regex_pool *pool, const struct charset *settled);
/* Each gives the canonical node: nested CAT and OR are flattened, units dropped. items are copied. */
const struct regex *regex_of_set(struct regex_pool *pool, const struct charset *settled);
const struct regex *regex_any(struct regex_pool *pool, bool newline_too);
const struct regex *regex_literal(struct regex_pool *pool, const char *bytes, size_t size);
const struct regex *regex_code_point(struct regex_pool *pool, uint32_t code_point);
const struct regex *regex_cat(struct regex_pool *pool, const struct regex *const *items, size_t count);
const struct regex *regex_or(struct regex_pool *pool, const struct regex *const *items, size_t count);
const struct regex *regex_repeat(struct regex_pool *pool, const struct regex *item, uint32_t min, uint32_t max, bool lazy);
/* Conditions take no character; a look's item is any node. atomic: what item matches first alone, as Python's re tries it. */
const struct regex *regex_of_assert(struct regex_pool *pool, enum regex_assert condition);
const struct regex *regex_look(struct regex_pool *pool, const struct regex *item, bool behind, bool negated);
const struct regex *regex_atomic(struct regex_pool *pool, const struct regex *item);
const struct regex *regex_and(struct regex_pool *pool, const struct regex *const *items, size_t count);
const struct regex *regex_not(struct regex_pool *pool, const struct regex *item);

/* Why a pattern cannot be used. */
enum regex_fault_kind {
    REGEX_FAULT_NONE,
    REGEX_FAULT_PYTHON,      /* message is Python's, with its position */
    REGEX_FAULT_NOT_REGULAR, /* a backreference or a conditional group */
    REGEX_FAULT_NAME,        /* \N{…} beyond the names Quern carries */
    REGEX_FAULT_LIMIT
};
struct regex_fault {
    enum regex_fault_kind kind;
    const char *message;
    size_t begin, end; /* bytes of the pattern */
};
struct regex_place {
    bool found;
    size_t begin, end; /* bytes of the pattern */
};
struct regex_pattern {
    const struct regex *root;          /* NULL: fault says why */
    struct regex_fault fault;
    struct regex_place atomic;         /* the first atomic group that is not exact */
};

enum {
    REGEX_SIZE_MAX = 1 << 20, /* bytes of a pattern */
    REGEX_DEPTH_MAX = 250,    /* nested groups */
};

/* A str pattern of Python 3.11's re; the AST of what re.fullmatch takes. */
struct regex_pattern regex_parse(struct regex_pool *pool, const char *bytes, size_t size);
/* What re.match and re.search take, as whole names: X.* and .*X.* with every character in `.`. */
const struct regex *regex_as_prefix(struct regex_pool *pool, const struct regex *root);
const struct regex *regex_as_search(struct regex_pool *pool, const struct regex *root);
/* fnmatch.fnmatchcase's language. */
const struct regex *regex_parse_glob(struct regex_pool *pool, const char *bytes, size_t size);
/* Whether an atomic group around item can be built exactly (see term.h). */
bool regex_is_exact_atomic(const struct regex *item);

#endif
