/* What a rule that matches nothing may have meant: a word of one of its patterns that no name of the model has, and the nearest
 * that one has. Words are runs of letters, digits and `_` in patterns, names and classes. docs/language.md, Mistakes. */
#ifndef QUERN_RUNTIME_NEAREST_H
#define QUERN_RUNTIME_NEAREST_H

#include "lang/predicate.h"
#include "runtime/model.h"

/* Words of names or of classes, each once; listed when first asked for. */
struct word_pool {
    const char **words;
    size_t count;
    bool listed, full; /* full: there are more than are looked through */
};
struct misspelling {
    const char *word, *nearest;
    bool is_class; /* of a class, not of a name */
};
/* A model's words; its pools are made when first asked for, in the arena. */
struct vocabulary {
    struct arena *arena;
    const struct quern_model *model;
    struct word_pool names, classes;
};

/* The first misspelt word of the predicate's atoms, none below a `not`. False: there is none, or nothing is near it. */
bool misspelling_find(struct vocabulary *vocabulary, const struct ast_predicate *predicate, struct misspelling *found);

#endif
