/* Strings besides the name: classes, tags, ops, and a module's role. A field's labels are searched together, so what one
 * string can be at once is exact. A class or tag field is a set of strings: each label that shall hold gets a string of its
 * own, and no string may be in a label that shall not. docs/proofs.md. */
#include "codegen/match/prover.h"

#include <string.h>

enum { STRING_LENGTH_MAX = 256 };

struct fields_wanted {
    struct prover *p;
    const uint32_t *tests;
    size_t count;
};

/* truths: bits of the truths wanted. */
static bool is_of(const struct fields_wanted *w, size_t i, enum field_id field, unsigned truths)
{
    const struct test *t = &w->p->program->tests[w->tests[i]];
    return t->kind == TEST_LABEL && t->label->field == field && (truths >> w->p->truths[w->tests[i]] & 1);
}

static size_t count_of(const struct fields_wanted *w, enum field_id field, unsigned truths)
{
    size_t count = 0;
    for (size_t i = 0; i < w->count; i++)
        count += is_of(w, i, field, truths);
    return count;
}

static void add_parts(const struct fields_wanted *w, struct claim *claim, enum field_id field, unsigned truths, bool holds)
{
    for (size_t i = 0; i < w->count; i++)
        if (is_of(w, i, field, truths))
            claim_add(w->p, claim, w->p->test_preds[w->tests[i]], holds);
}

#define YES_BIT (1u << TRUTH_YES)
#define NO_BIT (1u << TRUTH_NO)
#define UNKNOWN_BIT (1u << TRUTH_UNKNOWN)

/* The shortest string, not empty if that can be, for which the claim holds.
 * STRING_LENGTH_MAX bounds the search; strings that read as names come first. */
static enum proof find_string(struct prover *p, struct claim *claim, struct field *found)
{
    uint32_t node;
    enum proof answer = PROOF_NO;
    p->strings.reads = (1u << FIELD_type) | (1u << FIELD_bases) | (1u << FIELD_outer_type) | (1u << FIELD_op) | (1u << FIELD_op_name) |
                       (1u << FIELD_tag) | (1u << FIELD_role) | (1u << FIELD_module);
    claim_add(p, claim, p->proper, true);
    for (int proper = 1; proper >= 0 && answer == PROOF_NO; proper--) {
        claim->count -= !proper;
        answer = search_run(&p->strings, claim, KIND_MODULE, STRING_LENGTH_MAX, NULL, NULL, &node);
    }
    if (answer == PROOF_YES)
        found->bytes = search_string(&p->strings, node, &found->size);
    return answer;
}

/* One string has the field, or the field is unknown and so is whatever was asked of it. */
static enum proof solve_single(struct fields_wanted *w, enum field_id field, struct field *found)
{
    struct claim claim = {0};
    size_t unknown = count_of(w, field, UNKNOWN_BIT), known = count_of(w, field, YES_BIT | NO_BIT);
    if (unknown && known)
        return PROOF_NO;
    if (!known)
        return PROOF_YES;
    add_parts(w, &claim, field, YES_BIT, true);
    add_parts(w, &claim, field, NO_BIT, false);
    if (field == FIELD_role)
        claim_add(w->p, &claim, w->p->module_role, true);
    return find_string(w->p, &claim, found);
}

static void add_forbidden(struct fields_wanted *w, struct claim *claim, enum field_id field, enum field_id other, unsigned other_truths)
{
    add_parts(w, claim, field, NO_BIT, false);
    if (other != FIELD_COUNT)
        add_parts(w, claim, other, other_truths, false);
}

/* A string for each label of `field` that shall hold, one for all if that can be, and none of it in what `field` or `other`
 * shall not hold for (other FIELD_COUNT: there is none). Without any, and when `some`, one string that is in no such label. YES
 * for each label apart is enough for the field: its strings are independent. */
static enum proof solve_set(struct fields_wanted *w, enum field_id field, enum field_id other, unsigned other_truths, bool some,
                            const struct field **strings, size_t *count)
{
    struct field *made = ARENA_ARRAY(w->p->arena, w->count + 1, struct field);
    enum proof answer = PROOF_YES;
    struct claim together = {0};
    *strings = made;
    *count = 0;
    add_parts(w, &together, field, YES_BIT, true);
    add_forbidden(w, &together, field, other, other_truths);
    if (count_of(w, field, YES_BIT) && find_string(w->p, &together, made) == PROOF_YES) {
        *count = 1;
        return PROOF_YES;
    }
    for (size_t i = 0; i <= w->count && answer == PROOF_YES; i++) {
        struct claim claim = {0};
        if (i < w->count ? !is_of(w, i, field, YES_BIT) : *count || !some)
            continue;
        if (i < w->count)
            claim_add(w->p, &claim, w->p->test_preds[w->tests[i]], true);
        add_forbidden(w, &claim, field, other, other_truths);
        answer = find_string(w->p, &claim, &made[*count]);
        *count += answer == PROOF_YES;
    }
    return answer;
}

static enum proof solve_plain_set(struct fields_wanted *w, enum field_id field, bool some, const struct field **strings, size_t *count)
{
    size_t unknown = count_of(w, field, UNKNOWN_BIT), known = count_of(w, field, YES_BIT | NO_BIT);
    if (unknown && known)
        return PROOF_NO;
    return known ? solve_set(w, field, FIELD_COUNT, 0, some, strings, count) : PROOF_YES;
}

/* `isa` is about the class too, and holds for a class that is known though its bases are not: then the spellings that
 * `isa` asks for are the class's own. */
static enum proof solve_classes(struct fields_wanted *w, struct subject *s)
{
    size_t type_unknown = count_of(w, FIELD_type, UNKNOWN_BIT), type_known = count_of(w, FIELD_type, YES_BIT | NO_BIT);
    size_t isa_yes = count_of(w, FIELD_bases, YES_BIT), isa_no = count_of(w, FIELD_bases, NO_BIT), isa_unknown = count_of(w, FIELD_bases, UNKNOWN_BIT);
    const struct field *own = NULL;
    size_t own_count = 0;
    enum proof answer = PROOF_YES;
    if ((type_unknown && type_known) || (isa_unknown && isa_no) || (type_unknown && isa_yes && isa_unknown))
        return PROOF_NO;
    if (isa_yes && isa_unknown) {
        answer = solve_set(w, FIELD_bases, FIELD_type, NO_BIT, false, &own, &own_count);
        if (answer == PROOF_YES)
            answer = PROOF_OPEN; /* several spellings of one class: no witness is made of it */
    } else if (isa_yes + isa_no) {
        answer = solve_set(w, FIELD_bases, FIELD_COUNT, 0, false, &s->bases, &s->base_count);
    }
    if (answer == PROOF_YES && type_known)
        answer = solve_set(w, FIELD_type, FIELD_bases, NO_BIT | UNKNOWN_BIT, true, &s->types, &s->type_count);
    return answer;
}

/* Classes and tags along a chain of modules are not made up; a subject that is a name alone leaves them unknown. */
static enum proof solve_chains(const struct fields_wanted *w)
{
    bool open = false;
    for (size_t i = 0; i < w->count; i++)
        open |= w->p->program->tests[w->tests[i]].kind == TEST_CHAIN && w->p->truths[w->tests[i]] != TRUTH_UNKNOWN;
    return open ? PROOF_OPEN : PROOF_YES;
}

/* NO of any field decides; else OPEN of any. */
enum proof strings_solve(struct prover *p, const uint32_t *tests, size_t count, struct subject *s)
{
    struct fields_wanted w = {p, tests, count};
    s->types = s->bases = s->tags = s->outer_types = NULL;
    s->type_count = s->base_count = s->tag_count = s->outer_type_count = 0;
    s->op = s->op_name = s->role = (struct field){0};
    enum proof answers[] = {
        solve_chains(&w),
        solve_classes(&w, s),
        solve_plain_set(&w, FIELD_outer_type, true, &s->outer_types, &s->outer_type_count),
        solve_plain_set(&w, FIELD_tag, false, &s->tags, &s->tag_count),
        solve_single(&w, FIELD_op, &s->op),
        solve_single(&w, FIELD_op_name, &s->op_name),
        solve_single(&w, FIELD_role, &s->role),
    };
    enum proof all = PROOF_YES;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        all = answers[i] == PROOF_NO || all == PROOF_NO ? PROOF_NO : answers[i] == PROOF_OPEN ? PROOF_OPEN : all;
    return all;
}
