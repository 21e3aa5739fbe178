/* What the writers of other systems' files share: refusing what has no words there, and predicates as lists of patterns. */
#ifndef QUERN_LANG_FOREIGN_WRITE_H
#define QUERN_LANG_FOREIGN_WRITE_H

#include "lang/recipe.h"

struct foreign_writing {
    struct text *out;
    const struct recipe *recipe;
    struct diags *diags;
    const char *system; /* for messages: "Megatron-LM" */
    bool refused;       /* something was */
};

/* Q1103: `system has no words for WHAT`. */
void foreign_refuse(struct foreign_writing *w, struct span span, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Groups, expectations and QAT schedules, and steps unless the system has those. */
void foreign_refuse_extras(struct foreign_writing *w, bool steps);
/* The rules a file needs: those from the last one that is no skip on are left out, since no rule says the same. */
size_t foreign_rule_count(const struct recipe *recipe);

/* A predicate as alternatives of one atom each, sets looked through; false where `and`, `not` or a comparison stands. */
struct foreign_atoms {
    const struct ast_predicate **items; /* atoms, and AST_ANY */
    size_t count, capacity;
};
bool foreign_alternatives(struct arena *arena, const struct ast_predicate *predicate, struct foreign_atoms *atoms);
/* The text that a regular expression stands for when it is literal text alone; NULL: it is not. */
const char *foreign_literal(struct arena *arena, const struct ast_string *regex, size_t *size);
/* The text as a pattern that matches it alone. */
void foreign_escape_regex(struct text *out, const char *bytes, size_t size);
/* An atom on module paths as fnmatch patterns, one or two; false: it is none. */
bool foreign_globs(struct arena *arena, const struct ast_predicate *atom, struct ast_string globs[2], size_t *count);

#endif
