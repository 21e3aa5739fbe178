/* Terms: what is still to be matched, as hash-consed expressions, and their partial derivatives. The language of
 * every atom of a field is a term that ends in that atom's label; reading a symbol turns it into a set of terms, and
 * those terms are the positions of the automaton (Antimirov's construction). Intersection, complement and look-ahead
 * are terms too, so the construction is closed under them. */
#ifndef QUERN_CODEGEN_MATCH_TERM_H
#define QUERN_CODEGEN_MATCH_TERM_H

#include "codegen/match/alphabet.h"

enum term_kind {
    TERM_NONE,  /* nothing */
    TERM_ALL,   /* every name */
    TERM_EMPTY, /* the empty name */
    TERM_LABEL, /* the empty name, with label a */
    TERM_CAT,   /* the node whose id is a, then b */
    TERM_AFTER, /* term a, then b */
    TERM_UNION, /* a or b */
    TERM_BOTH,  /* a, which has no label, and b */
    TERM_NOT,   /* not a */
    TERM_FORK   /* one of the terms of fork a: several labels' */
};
#define TERM_NO_LABEL UINT32_MAX

/* There are as many as the patterns have characters: small. */
struct term {
    enum term_kind kind : 8;
    bool anchored : 1;  /* its first symbols may depend on the one before */
    bool universal : 1; /* every name from here on, with its label */
    uint32_t a, b;
    uint32_t label; /* the least, where there are several */
    uint32_t above; /* a term of the same labels that takes whatever this one takes; TERM_NONE: none known */
};

/* Sets of symbols, hash-consed; class 0 is every symbol, class 1 none. */
struct classes {
    uint64_t *bits; /* words of each class in turn */
    size_t words, count, capacity;
    uint32_t *slots;
    size_t slot_count;
};
enum { CLASS_ALL, CLASS_NONE };

struct move {
    uint32_t symbols, target; /* a class; a term or a state */
};
/* A lookbehind that began `taken` characters ago; the rest of the name must match the term `rest` for it to hold. */
struct look_run {
    const struct regex *look; /* the lookbehind's item */
    uint32_t taken, rest;
};
/* What was read, as far as terms can ask. Numbers below CONTEXT_COUNT are those bits without runs. */
struct context {
    unsigned bits;
    uint32_t count, hash;
    struct look_run *runs; /* in the order of terms->looks, the latest first */
};
/* The items of the field's lookbehinds that take characters. */
struct looks {
    const struct regex **items;
    size_t count, capacity;
};

struct closure; /* of derive.c */
/* What a term does from here: moves, and whether the name may end. */
struct derivative {
    uint32_t term, context;
    bool ends;
    struct move *moves;
    uint32_t count;
};

/* What several labels share goes on in several ways. plain: as one state; else each alternative is a state. */
struct fork {
    uint32_t first, count; /* in terms->alternatives */
    bool plain;
};

struct terms {
    struct arena *arena; /* borrowed; everything here is scratch of one compilation */
    struct regex_pool *pool;
    const struct alphabet *alphabet;
    struct classes classes;
    uint32_t *set_class; /* class of each interned set, or UINT32_MAX */
    size_t set_class_count;
    struct term *items;
    size_t count, capacity;
    uint32_t *slots;
    size_t slot_count;
    struct fork *forks;
    size_t fork_count, fork_capacity;
    uint32_t *alternatives;
    size_t alternative_count, alternative_capacity;
    uint64_t *behinds; /* by term: lookbehinds in it, as in struct regex; NULL: the field has none */
    size_t behind_capacity;
    uint32_t *stamps;    /* by term: the closure that saw it last */
    size_t stamp_count;
    uint32_t stamp;
    struct closure *closures; /* at rest */
    struct closure *once;     /* of term_derive_once */
    struct derivative *derivatives; /* that other derivatives asked for */
    size_t derivative_count, derivative_capacity;
    uint32_t *derivative_slots;
    size_t derivative_slot_count;
    struct context *contexts;
    size_t context_count, context_capacity;
    uint32_t *context_slots;
    size_t context_slot_count;
    struct looks looks[64]; /* by bit, as in struct regex */
    size_t look_count;      /* of all */
    uint64_t work, work_limit; /* steps taken; beyond the limit `exhausted` is set and derivatives are empty */
    bool exhausted;
};

/* The arena and all that is borrowed outlive terms. work starts at 0, without a limit. */
void terms_init(struct terms *terms, struct arena *arena, struct regex_pool *pool, const struct alphabet *alphabet);
/* Gives back what finds terms again: none is made any more. */
void terms_settle(struct terms *terms);
/* Constructors: canonical numbers. rest is what follows; a term with a label is never the first operand of term_after, term_both
 * or term_not. */
uint32_t term_of_label(struct terms *terms, uint32_t label);
uint32_t term_cat(struct terms *terms, const struct regex *node, uint32_t rest);
uint32_t term_after(struct terms *terms, uint32_t first, uint32_t rest);
uint32_t term_union(struct terms *terms, uint32_t a, uint32_t b);
uint32_t term_both(struct terms *terms, uint32_t unlabelled, uint32_t b);
uint32_t term_not(struct terms *terms, uint32_t a);
/* Nothing, the one alternative, or a fork. No alternative of a plain fork can end. */
uint32_t term_fork(struct terms *terms, const uint32_t *alternatives, size_t count, bool plain);
uint32_t term_ending_anyhow(struct terms *terms, const struct regex *node); /* node.* without label */
/* A name in an atomic group's item by its first match alone, then rest (regex_is_exact_atomic holds). */
uint32_t term_atomic(struct terms *terms, const struct regex *item, uint32_t rest);

/* Classes are numbers; class_bits gives `words` words, bit s for symbol s, valid until the next class is made. */
uint32_t class_of_set(struct terms *terms, const struct regex_set *set);
uint32_t class_intern(struct terms *terms, const uint64_t *bits);
uint32_t class_meet(struct terms *terms, uint32_t a, uint32_t b);
static inline const uint64_t *class_bits(const struct classes *classes, uint32_t class)
{
    return classes->bits + class * classes->words;
}

/* Of a term in this context, remembered. The pointer lasts until the next call. */
const struct derivative *term_derive(struct terms *terms, uint32_t term, uint32_t context);
/* The same for who asks once: not remembered, moves last until the next call of this one. */
struct derivative term_derive_once(struct terms *terms, uint32_t term, uint32_t context);
static inline const struct regex *term_node(const struct terms *terms, uint32_t term)
{
    return terms->pool->node_list[terms->items[term].a];
}
/* What it becomes may depend on the text before by these lookbehinds. */
static inline uint64_t term_behinds(const struct terms *terms, uint32_t term)
{
    return terms->behinds ? terms->behinds[term] : 0;
}

/* behind.c: contexts. contexts_look comes before terms with the lookbehinds of these roots are made. */
void contexts_init(struct terms *terms);
void contexts_look(struct terms *terms, const struct regex *const *roots, size_t count);
/* The context as far as the term can tell; as every context here, equal ones are one number. */
uint32_t context_seen(struct terms *terms, uint32_t context, uint32_t term);
/* The context behind the symbol, for a term whose lookbehinds the first context has. */
uint32_t context_after(struct terms *terms, uint32_t context, uint32_t symbol, uint32_t term);
/* What the rest of the name must match for the lookbehind of this item to hold here. */
uint32_t context_holds(const struct terms *terms, uint32_t context, const struct regex *look);
/* The class of the symbols whose value it is. */
uint32_t class_where(struct terms *terms, const uint32_t *values, uint32_t value);

#endif
