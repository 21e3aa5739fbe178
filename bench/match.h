/* bench_match: Quern's matcher next to other engines, on the same rules and the same names. Rules are made in two spellings
 * that mean the same language, so that every engine answers the same question: which is the first rule that matches the name? */
#ifndef QUERN_BENCH_MATCH_H
#define QUERN_BENCH_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "runtime/quern.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A rule in both spellings: an atom of a .qr recipe, and the same language as a regex that is searched for. */
struct rule {
    char *atom, *regex;
};
struct rules {
    struct rule *items;
    size_t count;
};
/* Rules owned by the caller; freed with rules_free. The same count and family give the same rules on every machine. */
enum family {
    FAMILY_MIXED,  /* globs, regexes and exact names, as people write them */
    FAMILY_TWO,    /* *a*b* */
    FAMILY_THREE,  /* *a*b*c* */
    FAMILY_WORST   /* *abc*def*zz*, every chunk a piece of a name; few rules match */
};
/* count rules of the family, owned by the caller; freed with rules_free. The same count and family give the same rules on every
 * machine. Allocation failures end the program, here and below. */
struct rules rules_make(enum family family, size_t count);
void rules_print(const struct rules *rules, FILE *out); /* a recipe of them, all to one config */
void rules_free(struct rules *rules);

/* Names as module paths are matched: parameters' full names, which are longer and more alike than modules'. */
struct names {
    struct quern_name *items;
    size_t count;
    char *text; /* what the items point into */
};
/* The first `count` parameters, in model order, of mixture-of-experts models of DeepSeek-V3's shape that stand side by side: 61
 * layers of 256 experts. Owned by the caller; freed with names_free. */
struct names names_make(size_t count);
/* Every thousand names in random order, their text too: few names begin like the one before them. */
void names_shuffle(struct names *names);
void names_free(struct names *names);

/* An engine. Answers are indices of the first rule that matches, -1 for none. */
struct engine {
    const char *name;  /* in tables, and behind --without */
    bool peer; /* not Quern */
    void *(*open)(const struct rules *rules); /* the rules, borrowed, made usable; NULL: the engine refuses them */
    void (*match)(void *self, const struct quern_name *names, size_t count, int *answers); /* answers[0..count) */
    void (*close)(void *self);
};
#define ENGINE(name) extern const struct engine name##_engine;
#include "bench/match_engines.def"
#undef ENGINE

#ifdef __cplusplus
}
#endif
#endif
