/* Sharing: patterns that begin alike are one until they part, so that 10,000 rules `*layers.N.*X` are one head, 61 places
 * and their ends. What a set of states lists is then the places, not the rules. */
#ifndef QUERN_CODEGEN_MATCH_SHARE_H
#define QUERN_CODEGEN_MATCH_SHARE_H

#include "codegen/match/term.h"

/* The terms with which the labels of one part begin; roots[i] is the language of label i. Only what is plain is shared: characters,
 * their repetitions and small alternatives; from the first condition, look-around or large repetition on a label is alone,
 * and so is whatever may be over before its end. Thus a term in which a name may end is of one label. The result lives
 * in the terms' arena. */
uint32_t *share_labels(struct terms *terms, const struct regex *const *roots, const unsigned char *parts, unsigned part,
                       uint32_t label_count, uint32_t *start_count);

#endif
