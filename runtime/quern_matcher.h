/* quern_matcher.h: a recipe's rules as machine code, for this process or as object files. docs/matchers.md. */
#ifndef QUERN_MATCHER_H
#define QUERN_MATCHER_H

#include "quern.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Compiles the rules over module paths to machine code for this machine; quern_match_module runs it from then on, with the same
 * answers. What the code cannot tell, and everything where *kind (NULL: not wanted) is QUERN_MATCHER_TABLE because the automaton
 * is too large to be faster as code, the matcher of the recipe answers as before. No thread may match meanwhile. */
enum quern_matcher_kind { QUERN_MATCHER_TABLE, QUERN_MATCHER_CODE };
QUERN_API enum quern_status quern_matcher_compile(quern_recipe *recipe, enum quern_matcher_kind *kind);

struct quern_build_options {
    const char *const *targets; /* "x86-64-v3" …: one object each */
    size_t target_count;
    const char *prefix;         /* of files and functions, a C identifier; NULL: "rules" */
    enum quern_subject_kind subjects; /* with a model: what of it the names are */
    bool overwrite;             /* replace an existing output */
};
/* Writes directory `out`, atomically: PREFIX.h and PREFIX.o (PREFIX-TARGET.o of several targets), the matcher for programs that
 * need nothing else. model NULL: for every module path; else for the model's names alone, whatever the rules ask of them. */
QUERN_API enum quern_status quern_build(quern_recipe *recipe, quern_model *model, const char *out, const struct quern_build_options *options);

#ifdef __cplusplus
}
#endif
#endif
