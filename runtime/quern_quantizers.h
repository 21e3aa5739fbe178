/* quern_quantizers.h: the quantizers of a module description, initialised by a recipe's rules as FastForward's
 * QuantizationConfig.initialize does it. quern.h first; what is done otherwise than there: docs/fastforward.md. The library
 * knows quantizers by the description alone; making them is the host's. */
#ifndef QUERN_QUANTIZERS_H
#define QUERN_QUANTIZERS_H

#include "quern.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What happens to a quantizer that a rule selects though it is no stub any more. A stub is replaced whatever the policy. */
enum quern_overwrite {
    QUERN_OVERWRITE_RECIPE,  /* what the rule's config says (`extra {overwrite_policy: skip}`), else an error */
    QUERN_OVERWRITE_ERROR,   /* QUERN_INVALID, before any `make` */
    QUERN_OVERWRITE_SKIP,    /* it stays */
    QUERN_OVERWRITE_REPLACE  /* it is made anew */
};
/* What a factory did. The description follows: it says of each quantizer whether it is a stub now. */
enum quern_made {
    QUERN_MADE_QUANTIZER, /* there is a quantizer now, no stub */
    QUERN_MADE_STUB,      /* there is a stub now */
    QUERN_MADE_NOTHING,   /* the quantizer that was there stays */
    QUERN_MADE_STOP       /* ends the call with QUERN_CANCELLED */
};

/* A quantizer of the description that a rule selects; for `score`, one that a rule may select: `match` is not known then. */
struct quern_quantizer {
    const char *path;          /* its first path */
    const char *const *paths;  /* every path of it, `path` first, then NULL: a shared quantizer is replaced at all of them */
    bool stub;
    struct quern_match match;  /* the rule that selects it; quern_match_spec and quern_match_extra say what is asked for */
};
/* Callbacks run on the calling thread, one at a time, and may ask (quern_match_spec, quern_match_extra) but change neither
 * recipe nor model. */
struct quern_initialize_options {
    enum quern_overwrite overwrite;
    bool unsafe;               /* never ask `same`; nor is it asked where the rule's config says `safe: false` */
    /* How much a rule counts for a quantizer it selects; the highest wins, and of equals the one that first-match order puts
     * first, which in `match last` is the one added last. NULL: all count alike. Asked once for each rule and quantizer. */
    int (*score)(void *user, size_t rule, const struct quern_quantizer *quantizer);
    /* Is what stands at the path still the quantizer that was described? false: the call ends with Q1175. NULL: not asked. */
    bool (*same)(void *user, const struct quern_quantizer *quantizer);
    /* Called for each quantizer that a rule selects and its policy lets go on, in the description's order. Never NULL. */
    enum quern_made (*make)(void *user, const struct quern_quantizer *quantizer);
    void *user;
};
/* Matches every quantizer, then checks the policies of all of them, then calls `make`: an error of policy is found before
 * anything was made. A stop, or a quantizer that moved, leaves what was made before it. Rules that select no quantizer, and are
 * not `optional`, are warnings. What was made is no stub for the next call. The strings given to the callbacks live until the
 * call returns. QUERN_USAGE: the model has no module description, or `make` is NULL. One thread at a time. */
QUERN_API enum quern_status quern_quantizers_initialize(quern_recipe *recipe, quern_model *model, const struct quern_initialize_options *options);

#ifdef __cplusplus
}
#endif
#endif
