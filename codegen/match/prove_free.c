/* Free tests: what is independent of a subject's name. In: a search that stands at an end, its claim's free tests open. Out:
 * values for them with which the claim holds, and a subject that has these values. Values are tried until the claim holds, each
 * test YES, NO, then UNKNOWN; what was tried must be possible together (prove_numbers.c, prove_strings.c), which is asked at
 * every level, so that what cannot be is not extended. */
#include "codegen/match/prover.h"

/* Subjects made for one end of a search; beyond it the answer is open. */
enum { ATTEMPTS_MAX = 4096 };

struct attempt {
    struct search *search;
    struct subject *subject;
    uint32_t *tests; /* those with a value */
    size_t count;
    unsigned left;   /* attempts */
};

/* Whether what was tried so far is possible together. */
static enum proof solve_tests(struct attempt *a)
{
    struct prover *p = a->search->prover;
    if (!a->left)
        return PROOF_OPEN;
    a->left--;
    enum proof numbers = numbers_solve(p, a->tests, a->count, a->subject);
    enum proof strings = numbers == PROOF_NO ? PROOF_NO : strings_solve(p, a->tests, a->count, a->subject);
    return strings == PROOF_YES ? numbers : strings;
}

static enum proof try_values(struct attempt *a, size_t at)
{
    static const unsigned char values[] = {TRUTH_YES, TRUTH_NO, TRUTH_UNKNOWN};
    struct search *s = a->search;
    enum proof answer = claim_is_possible(s, true) ? solve_tests(a) : PROOF_NO;
    if (answer == PROOF_NO || claim_is_certain(s) || at == s->free_count)
        return answer == PROOF_NO || claim_is_certain(s) ? answer : PROOF_NO;
    if (!a->left)
        return PROOF_OPEN;
    bool open = false;
    uint32_t test = s->free_tests[at];
    a->tests[a->count++] = test;
    for (size_t i = 0; i < sizeof values && answer != PROOF_NO; i++) {
        s->prover->truths[test] = values[i];
        enum proof found = try_values(a, at + 1);
        if (found == PROOF_YES)
            return found;
        open |= found == PROOF_OPEN;
    }
    s->prover->truths[test] = TRUTH_OPEN;
    a->count--;
    return open ? PROOF_OPEN : PROOF_NO;
}

/* All memory of attempts is in `temporary`, given back unless the subject needs it. */
enum proof free_solve(struct search *s, struct subject *subject)
{
    struct prover *p = s->prover;
    struct arena *own = p->arena;
    struct attempt a = {.search = s, .subject = subject, .left = ATTEMPTS_MAX};
    p->arena = p->temporary;
    a.tests = ARENA_ARRAY(p->arena, s->free_count + 1, uint32_t);
    enum proof answer = try_values(&a, 0);
    p->arena = own;
    if (answer == PROOF_YES)
        p->temporary = arena_open_child(own); /* the subject keeps the old one */
    else
        arena_close(p->temporary);
    for (size_t i = 0; i < s->free_count; i++)
        p->truths[s->free_tests[i]] = TRUTH_OPEN;
    return answer;
}
