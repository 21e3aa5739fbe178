/* Recipes as handles: text → AST → recipe → matcher, and the scratch memory matching threads borrow. The automaton and the
 * recipe are read-only once loaded; what matching writes is in a scratch, one for each thread at a time. Texts that are printed
 * on demand are made under the lock, in the recipe's arena. */
#ifndef QUERN_RUNTIME_RECIPE_H
#define QUERN_RUNTIME_RECIPE_H

#include <stdatomic.h>
#include "codegen/kernel/kernel.h"
#include "codegen/match/match.h"
#include "runtime/context.h"

struct scratch;
struct decisions; /* runtime/specific.h */

struct quern_recipe {
    struct quern_context *context;
    struct arena arena;
    const struct ast *ast;
    struct recipe *recipe;
    struct matcher *matcher;
    struct kernel_code code; /* owned; of quern_matcher_compile, empty before */
    pthread_mutex_t lock;   /* of free and of texts */
    struct scratch *free;   /* owned: matcher scratches nobody uses now */
    struct scratch *home;   /* owned: one more, which only who set `away` may look at */
    atomic_bool away;
    struct quern_rule *rules; /* texts of rules, printed when first asked for */
    struct spec_text *spec_texts; /* the same of specs */
    const char **actions[2]; /* by rule, then of no rule: without and with names; made when first asked for */
    const struct decisions *decisions; /* of quern_recipe_use_model; NULL: names one by one */
};

/* A spec and its canonical text, of those printed so far; the newest first. */
struct spec_text {
    struct spec_text *next;
    const struct spec *spec;
    const char *text;
};

/* A matcher scratch for one thread until the session ends, however it ends; escapes when memory is out. */
struct scratch *recipe_borrow_for(struct session *session, struct quern_recipe *r);
/* The first rule that takes the subject and the first unknown one before it. The scratch was borrowed; linear in the names. */
struct match_outcome recipe_match(const struct quern_recipe *r, struct scratch *scratch, const struct subject *subject);
/* verdicts: rule_count bytes, each 0 no, 1 yes, 2 unknown. */
void recipe_verdicts(const struct quern_recipe *r, struct scratch *scratch, const struct subject *subject, unsigned char *verdicts);
/* A module path's outcome by compiled code; false: there is none, or it cannot tell. */
bool recipe_match_compiled(const struct quern_recipe *r, const char *path, size_t size, struct match_outcome *outcome);
/* The public form of an outcome. Strings are the recipe's; canceller is -1. */
extern const struct quern_match match_none; /* of no rule */
struct quern_match recipe_describe(const struct quern_recipe *r, struct match_outcome outcome);
/* What a tensor's rule gives the tensor itself: the spec, or NULL with the reason (static text). A rule for parameters
 * (RULE_EXACT_PARAMETER, RULE_PARAMETER_REGEX) gives its config's weight slot whatever the parameter is called. */
const struct spec *recipe_tensor_spec(const struct rule *rule, const char *name, const char **reason);
/* The answer to one subject, with a scratch of its own; the same with each rule's verdict. Any thread; QUERN_LIMIT: no memory. */
enum quern_status recipe_match_subject(struct quern_recipe *r, const struct subject *subject, struct quern_match *match);
enum quern_status recipe_judge_subject(struct quern_recipe *r, const struct subject *subject, unsigned char *verdicts);
/* What each rule does, then what is done without a rule; made when first asked for, in r->arena, by one thread at a time. */
const char *const *recipe_actions(struct quern_recipe *r, bool names);
/* What rules see of something that a model lists; its index is below the count. Pointers are the model's. */
struct subject subject_of_listed(const struct quern_recipe *r, const struct quern_subject *subject);
/* What rules see of a tensor: its name cut into module and parameter, dtype and shape where known, its module's description.
 * Pointers are the tensor's. */
struct subject subject_of_tensor(const struct quern_recipe *r, const struct quern_tensor *tensor);

#endif
