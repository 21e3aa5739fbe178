/* Proofs: what holds of a recipe for every name there could be, without a model. docs/proofs.md.
 * Each question is whether some subject makes a conjunction true: this rule takes it, those do not. The answer is searched
 * for among all names at once, by the automata of the predicates; a subject that is found is shown to the matchers before it
 * is believed, and one that cannot be made leaves the question open. */
#ifndef QUERN_CODEGEN_MATCH_PROVE_H
#define QUERN_CODEGEN_MATCH_PROVE_H

#include "codegen/match/match.h"

/* PROOF_NO: there is no such subject, proved. PROOF_YES: here is one. PROOF_OPEN: not decided within the steps, or it hangs
 * on what is not treated exactly. */
enum proof { PROOF_NO, PROOF_YES, PROOF_OPEN };

/* A subject that shows something; name and subject live in the prover's arena. */
struct witness {
    bool parameter;         /* name is a parameter's full name; else a module path */
    const char *name;
    size_t size;
    uint32_t length;        /* characters of name */
    struct subject subject; /* of the first recipe (the other may read another layer number from the name) */
    const char *typical;    /* a name as models have them that shows the same, or NULL: none is known */
    const char *facts;      /* ", dtype bf16, shape [64]": what else must hold, or "" */
};

struct prove_options {
    uint64_t steps;       /* of one question; 0: 4 million */
    uint64_t total_steps; /* of the prover; 0: 128 million */
};

struct prover;
/* For one recipe or two that are compared; everything is borrowed. NULL: the patterns need more than the limits of the
 * matcher, so nothing can be proved. */
struct prover *prover_open(struct arena *arena, const struct recipe *const *recipes, const struct matcher *const *matchers, size_t count,
                           const struct prove_options *options);
/* What recipe r (0 or 1) gives the witness's subject. */
struct match_outcome prover_winner(const struct prover *prover, const struct witness *witness, size_t r);
/* No steps are left: every further question stays open. */
bool prover_exhausted(const struct prover *prover);
/* Why the last question was left open, as the end of a sentence about it; in the prover's arena. */
const char *prover_open_reason(const struct prover *prover);

/* Whether the rule ever wins. PROOF_NO: cover lists rules, ascending, that together take whatever it matches; no rule of the
 * cover can be left out. An empty cover: it matches nothing. */
struct cover {
    uint32_t *rules;
    size_t count;
};
enum proof prove_wins(struct prover *prover, uint32_t rule, struct cover *cover, struct witness *witness);
/* Whether both rules match some subject: the shortest name that reads as one (identifiers and numbers joined by dots),
 * or when there is none the shortest of all; so below. */
enum proof prove_overlap(struct prover *prover, uint32_t a, uint32_t b, struct witness *witness);
/* Whether some subject gets no rule: the shortest name. */
enum proof prove_unmatched(struct prover *prover, struct witness *witness);
/* Whether some subject is treated differently by the two recipes: the shortest name. actions[r][i] says what rule i of
 * recipe r does, actions[r][rule_count] what is done when no rule wins; equal numbers are the same treatment. */
enum proof prove_differ(struct prover *prover, const uint32_t *const *actions, struct witness *witness);

#endif
