/* Claims: what a conjunction asks of labels and of free tests, and what it may still be when something of the name is known. In:
 * a claim and the status of its labels. Out: whether it can hold, whether it does. A predicate's truths are taken as if its
 * tests were independent, so it has no others than those found: `possible` may say yes too often, `certain` never, and a search
 * that prunes by the one and accepts by the other is sound both ways. Masks are sets of truths, a bit each. See prover.h. */
#include <string.h>
#include "codegen/match/prover.h"

enum { MAY_NO = 1 << TRUTH_NO, MAY_YES = 1 << TRUTH_YES, MAY_UNKNOWN = 1 << TRUTH_UNKNOWN, MAY_ANY = 7 };

/* ---- what a claim asks ---- */

/* The label, where it is about the string at hand; NULL: the test is free. */
static const struct label *label_read(const struct search *s, uint32_t test)
{
    const struct test *t = &s->prover->program->tests[test];
    return t->kind == TEST_LABEL && (s->reads >> t->label->field & 1) ? t->label : NULL;
}

static void note_test(struct search *s, uint32_t test, unsigned polarity)
{
    const struct label *label = label_read(s, test);
    if (!label) {
        bool listed = false;
        for (size_t i = 0; i < s->free_count && !listed; i++)
            listed = s->free_tests[i] == test;
        if (!listed)
            s->free_tests[s->free_count++] = test;
        return;
    }
    if (!s->polarity[label->number])
        s->labels[s->label_count++] = label->number;
    s->polarity[label->number] |= (unsigned char)polarity;
}

/* Each predicate once for each polarity: marks hold the stamp and, in its low bits, the polarities seen. */
static void note_pred(struct search *s, uint32_t pred, unsigned polarity)
{
    struct prover *p = s->prover;
    const struct pred *q = &p->program->preds[pred];
    uint32_t seen = p->marks[pred] / 4 == p->stamp ? p->marks[pred] % 4 : 0;
    if (q->kind < PRED_TEST || (seen & polarity) == polarity)
        return;
    p->marks[pred] = p->stamp * 4 + (seen | polarity);
    if (q->kind == PRED_TEST) {
        note_test(s, q->a, polarity);
        return;
    }
    note_pred(s, q->a, q->kind == PRED_NOT ? POLARITY_ASKS + POLARITY_FORBIDS - polarity : polarity);
    if (q->kind != PRED_NOT)
        note_pred(s, q->b, polarity);
}

/* Labels in a conjunction that shall hold. */
static void note_required(struct search *s, uint32_t pred)
{
    const struct pred *q = &s->prover->program->preds[pred];
    for (; q->kind == PRED_AND; q = &s->prover->program->preds[q->a])
        note_required(s, q->b);
    const struct label *label = q->kind == PRED_TEST ? label_read(s, q->a) : NULL;
    for (size_t i = 0; label && i < s->required_count; i++)
        if (s->required[i] == label->number)
            return;
    if (label)
        s->required[s->required_count++] = label->number;
}

/* Marks hold 4 · stamp + polarities. */
static void next_stamp(struct prover *p)
{
    if (++p->stamp == UINT32_MAX / 4) {
        memset(p->marks, 0, p->program->pred_count * sizeof *p->marks);
        p->stamp = 1;
    }
}

/* The claim's labels with their polarities, those that must hold, and its free tests. */
void claim_note(struct search *s)
{
    next_stamp(s->prover);
    for (size_t i = 0; i < s->claim->count; i++)
        if (s->claim->parts[i].holds)
            note_required(s, s->claim->parts[i].pred);
    for (size_t i = 0; i < s->claim->count; i++)
        note_pred(s, s->claim->parts[i].pred, s->claim->parts[i].holds ? POLARITY_ASKS : POLARITY_FORBIDS);
}

/* ---- what a claim may still be ---- */

/* Before the end: a label with states may still hold or not; without any it never will; universal, it holds whatever comes. */
static unsigned test_mask(const struct search *s, uint32_t test, bool ends)
{
    const struct label *label = label_read(s, test);
    if (!label)
        return s->prover->truths[test] == TRUTH_OPEN ? MAY_ANY : 1u << s->prover->truths[test];
    unsigned status = s->status[label->number];
    if (ends)
        return status & CAN_END ? MAY_YES : MAY_NO;
    return status & IS_UNIVERSAL ? MAY_YES : status & HAS_STATE ? MAY_YES | MAY_NO : MAY_NO;
}

static unsigned mask_not(unsigned a)
{
    return (a & MAY_UNKNOWN) | (a & MAY_NO ? MAY_YES : 0) | (a & MAY_YES ? MAY_NO : 0);
}

/* The truths of Kleene's `and` over all pairs of the two sets. */
static unsigned mask_and(unsigned a, unsigned b)
{
    unsigned mask = (a | b) & MAY_NO;
    mask |= a & b & MAY_YES;
    if (((a | b) & MAY_UNKNOWN) && (a & (MAY_YES | MAY_UNKNOWN)) && (b & (MAY_YES | MAY_UNKNOWN)))
        mask |= MAY_UNKNOWN;
    return mask;
}

/* `or` by De Morgan, which holds in Kleene's logic. */
static unsigned pred_mask(struct search *s, uint32_t pred, bool ends)
{
    struct prover *p = s->prover;
    const struct pred *q = &p->program->preds[pred];
    unsigned mask = 0;
    if (q->kind > PRED_TEST && p->marks[pred] == p->stamp * 4)
        return p->masks[pred];
    switch (q->kind) {
    case PRED_FALSE: return MAY_NO;
    case PRED_TRUE: return MAY_YES;
    case PRED_UNKNOWN: return MAY_UNKNOWN;
    case PRED_TEST: return test_mask(s, q->a, ends);
    case PRED_NOT: mask = mask_not(pred_mask(s, q->a, ends)); break;
    case PRED_AND: mask = mask_and(pred_mask(s, q->a, ends), pred_mask(s, q->b, ends)); break;
    case PRED_OR:
        mask = mask_not(mask_and(mask_not(pred_mask(s, q->a, ends)), mask_not(pred_mask(s, q->b, ends))));
        break;
    }
    p->marks[pred] = p->stamp * 4;
    p->masks[pred] = (unsigned char)mask;
    return mask;
}

/* A part that shall not hold is violated only when it is certainly true: unknown is not a match. */
bool claim_is_possible(struct search *s, bool ends)
{
    next_stamp(s->prover);
    for (size_t i = 0; i < s->claim->count; i++) {
        unsigned mask = pred_mask(s, s->claim->parts[i].pred, ends);
        if (s->claim->parts[i].holds ? !(mask & MAY_YES) : mask == MAY_YES)
            return false;
    }
    return true;
}

bool claim_is_certain(struct search *s)
{
    next_stamp(s->prover);
    for (size_t i = 0; i < s->claim->count; i++) {
        unsigned mask = pred_mask(s, s->claim->parts[i].pred, true);
        if (s->claim->parts[i].holds ? mask != MAY_YES : mask & MAY_YES)
            return false;
    }
    return true;
}
