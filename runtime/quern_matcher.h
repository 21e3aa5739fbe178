/* quern_matcher.h: a recipe's rules as machine code, for this process or as object files. quern.h first. What code can and
 * cannot tell, and what a built matcher costs: docs/matchers.md. Both need libquern-jit; what they made does not. */
#ifndef QUERN_MATCHER_H
#define QUERN_MATCHER_H

#include "quern.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Compiles the rules over module paths to machine code for this machine; quern_match_module runs it from then on, with the same
 * answers. What the code cannot tell, and everything where *kind (NULL: not wanted) is QUERN_MATCHER_TABLE because the
 * automaton is too large to be faster as code, the matcher of the recipe answers as before. An earlier compilation is dropped
 * first, also when this one fails: then everything is the table's again. QUERN_IO: the code generator cannot be opened. No
 * thread may match meanwhile. */
enum quern_matcher_kind { QUERN_MATCHER_TABLE, QUERN_MATCHER_CODE };
QUERN_API enum quern_status quern_matcher_compile(quern_recipe *recipe, enum quern_matcher_kind *kind);

/* Strings are borrowed for the call. */
struct quern_build_options {
    const char *const *targets; /* "x86-64-v3" …: one object each; at least one. QUERN_USAGE: one that does not exist */
    size_t target_count;
    const char *prefix;         /* of files and functions, a C identifier; NULL: "rules" */
    enum quern_subject_kind subjects; /* with a model: what of it the names are; rules may ask for all that is known of those */
    bool overwrite;             /* replace an existing output, if it is a directory of a matcher */
};
/* Writes directory `out`, atomically: PREFIX.h and PREFIX.o (PREFIX-TARGET.o of several targets), the matcher for programs that
 * need nothing else: the functions are declared in the header, call nothing and use no memory but the stack. model NULL: for
 * every module path, which QUERN_INVALID says cannot be when the rules ask for more than a path; else for the model's names
 * alone, whatever the rules ask of them. `match specific` decides for the model that quern_recipe_use_model named. QUERN_IO:
 * `out` exists, or cannot be written. */
QUERN_API enum quern_status quern_build(quern_recipe *recipe, quern_model *model, const char *out, const struct quern_build_options *options);

#ifdef __cplusplus
}
#endif
#endif
