/* Idle rules: those that win nowhere in a model. Which of them match at all, and what they match instead. docs/language.md,
 * Mistakes. They are compiled again without the rules that win, so that one pass over the tensors, and over a described model's
 * modules and ops, shows every idle rule that comes first among its like; those leave the list, and the pass is repeated until
 * nothing new is seen. */
#ifndef QUERN_RUNTIME_IDLE_H
#define QUERN_RUNTIME_IDLE_H

#include "runtime/plan.h"

struct idle_rule {
    const char *match;     /* a tensor, module or op the rule matches, or NULL: none was found */
    int winner;            /* the rule that takes it */
    const char *undecided; /* a tensor the rule could not be decided for, or NULL */
    bool unjudged;         /* there were too many rules and tensors to say that it matches nothing */
    const char *container; /* a module that only holds others and that the rule matches; looked for when it matches no tensor */
};

/* Of each rule of the plan's recipe; of those that win somewhere (wins[rule] > 0) nothing is said. containers: sorted paths.
 * The result is session's. */
struct idle_rule *idle_judge(struct session *session, const struct quern_plan *plan, const size_t *wins, const char *const *containers,
                             size_t container_count);

#endif
