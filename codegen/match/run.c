/* Matching: reads the fields a decision asks for, once each. In: a matcher, a thread's scratch, a subject. Out: the first rule
 * whose predicate is true, and the first before it that is unknown. Rule: Kleene's logic over the rules in order; whatever is
 * taken as a short cut (decisions, kept outcomes, dropped labels) gives what evaluating all rules would. The matcher is only
 * read; all that changes is in the scratch, where bits and counts are 0 between calls. See match.h. */
#include <string.h>
#include "codegen/match/matcher.h"
#include "codegen/match/mpath.h"

/* Alignment of the places in a scratch. */
enum { SCRATCH_ALIGNMENT = 64 };

struct field_state {
    bool ran, known;
    uint32_t count; /* labels in the list, whose bits are set */
};
struct run {
    const struct matcher *m;
    const struct subject *s;
    char *scratch;
    bool complete;  /* every label, whatever cannot change the winner (verdicts) */
    bool consulted; /* something besides the primary field's labels was asked */
    struct field_state fields[FIELD_COUNT];
};
struct strings {
    const struct field *strings;
    size_t count;
    bool known;
};

/* The columns of fields.def. */
static struct strings find_strings(const struct subject *s, enum field_id field)
{
    switch (field) {
#define FIELD(name, place, number, present) case FIELD_##name: return (struct strings){place, number, (present) != NULL};
#include "codegen/match/fields.def"
#undef FIELD
    case FIELD_COUNT: break;
    }
    return (struct strings){0};
}

char *scratch_align(void *scratch)
{
    return (char *)(((uintptr_t)scratch + SCRATCH_ALIGNMENT - 1) & ~(uintptr_t)(SCRATCH_ALIGNMENT - 1));
}

size_t matcher_scratch_size(const struct matcher *m)
{
    return m->scratch_size + SCRATCH_ALIGNMENT;
}

enum { PART_SIZE = SCRATCH_ALIGNMENT - 1 };
/* What stands behind a struct in the scratch. */
#define BEHIND(type) ((sizeof(type) + PART_SIZE) & ~(size_t)PART_SIZE)

/* Of a field whose rules are not in parts. */
static struct lazy *lazy_of(const struct engine *e, char *scratch)
{
    return (struct lazy *)(scratch + e->parts[0].lazy_at);
}

static void init_automata(const struct matcher *m, char *scratch)
{
    const struct engine *e = &m->engines[m->primary];
    struct automata *automata = automata_of(m, scratch);
    automata->count = e->part_count;
    automata->otherwise = (uint32_t)m->otherwise + OUTCOME_FIRST;
    for (unsigned part = 0; part < e->part_count; part++) {
        struct lazy *lazy = e->dfa ? NULL : (struct lazy *)(scratch + e->parts[part].lazy_at);
        automata->parts[part] = (struct automaton){e->dfa, m->sure, lazy, e->dfa ? &e->dfa->table : &lazy->table, {0}};
    }
    strides_init(automata, e->nfa, scratch + m->strides_at);
}

/* emptied is shared by the parts: strides are stale as soon as any of them began anew. */
static void init_part(const struct matcher *m, enum field_id field, unsigned part, char *scratch)
{
    const struct engine *e = &m->engines[field];
    const struct part *p = &e->parts[part];
    struct lazy_options options = {.cache = m->cache, .emptied = &automata_of(m, scratch)->emptied, .plain = field == m->primary && m->plain};
    if (!e->dfa)
        lazy_init((struct lazy *)(scratch + p->lazy_at), e->nfa, p->background, e->uses, &options, scratch + p->lazy_at + BEHIND(struct lazy));
}

/* Only what must be 0 is cleared: tables of lazy automata are touched as they are used. */
void matcher_scratch_init(const struct matcher *m, void *memory)
{
    char *scratch = scratch_align(memory);
    *automata_of(m, scratch) = (struct automata){0};
    memset(scratch + m->memo_at, 0, m->candidates_at - m->memo_at);
    memset(scratch + m->chain_at, 0, m->scratch_size - m->chain_at);
    for (int f = 0; f < FIELD_COUNT; f++) {
        const struct engine *e = &m->engines[f];
        memset(scratch + e->bits_at, 0, (e->label_count + 63) / 64 * sizeof(uint64_t));
        for (unsigned part = 0; part < e->part_count; part++)
            init_part(m, (enum field_id)f, part, scratch);
    }
    if (m->primary != FIELD_COUNT)
        init_automata(m, scratch);
}

/* ---- labels of a field ---- */

static uint64_t *bits_of(const struct run *r, enum field_id field)
{
    return (uint64_t *)(r->scratch + r->m->engines[field].bits_at);
}

static uint32_t *list_of(const struct run *r, enum field_id field)
{
    return (uint32_t *)(r->scratch + r->m->engines[field].list_at);
}

static void add_labels(struct run *r, enum field_id field, const uint32_t *labels, uint32_t count)
{
    uint64_t *bits = bits_of(r, field);
    uint32_t *list = list_of(r, field);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bit = (uint64_t)1 << labels[i] % 64;
        if (!(bits[labels[i] / 64] & bit))
            list[r->fields[field].count++] = labels[i];
        bits[labels[i] / 64] |= bit;
    }
}

/* Every label, by stepping through the NFA: no memory, no pruning.
 * Nothing is dropped for a rule's sake (uses NULL), so that verdicts see every label. */
static void simulate(struct run *r, enum field_id field, const struct field *string)
{
    const struct nfa *nfa = r->m->engines[field].nfa;
    struct stepper stepper;
    char *memory = r->scratch + r->m->simulation_at;
    uint32_t *set = (uint32_t *)(memory + stepper_size(nfa));
    stepper_init(&stepper, nfa, r->m->engines[field].background, NULL, memory);
    stepper_start(&stepper);
    for (size_t i = 0; i < string->size;) {
        uint32_t count = stepper.count, symbol = alphabet_next(nfa->alphabet, string->bytes, string->size, &i);
        memcpy(set, stepper.set, count * sizeof *set);
        stepper_step(&stepper, set, count, symbol);
    }
    uint32_t count = stepper_labels(&stepper, stepper.set, stepper.count, set);
    add_labels(r, field, set, count);
}

/* The primary field's DFA has decisions for outcomes and no labels: where they are wanted of it, it is simulated. */
static void read_string(struct run *r, enum field_id field, const struct field *string)
{
    const struct engine *e = &r->m->engines[field];
    if (r->complete) {
        simulate(r, field, string);
    } else if (e->dfa && field != r->m->primary) {
        uint32_t set = dfa_run(e->dfa, string->bytes, string->size);
        add_labels(r, field, e->sets.labels + e->sets.first[set], e->sets.first[set + 1] - e->sets.first[set]);
    } else if (!e->dfa) {
        for (unsigned part = 0; part < e->part_count; part++) {
            struct lazy *lazy = (struct lazy *)(r->scratch + e->parts[part].lazy_at);
            const struct lazy_record *record = lazy_record_of(lazy, lazy_run(lazy, string->bytes, string->size));
            add_labels(r, field, lazy_labels(record), record->label_count);
        }
    }
}

/* The labels of one child's name, in place of those of the one before. */
static const uint64_t *label_child(void *user, const struct field *name)
{
    struct run *r = user;
    uint64_t *bits = bits_of(r, FIELD_chain);
    memset(bits, 0, (r->m->engines[FIELD_chain].label_count + 63) / 64 * sizeof *bits);
    r->fields[FIELD_chain].count = 0;
    read_string(r, FIELD_chain, name);
    return bits;
}

/* isa is about classes too: what matches a spelling of the class matches, though the bases are not known. */
static void read_field(struct run *r, enum field_id field)
{
    struct strings strings = find_strings(r->s, field);
    struct field_state *state = &r->fields[field];
    *state = (struct field_state){.ran = true, .known = strings.known};
    for (size_t i = 0; strings.known && i < strings.count; i++)
        read_string(r, field, &strings.strings[i]);
    for (size_t i = 0; field == FIELD_bases && r->s->types && i < r->s->type_count; i++)
        read_string(r, field, &r->s->types[i]);
}

/* Through the lists, so that it costs what was found, not what there is. */
static void clear(struct run *r)
{
    for (int f = 0; f < FIELD_COUNT; f++) {
        if (!r->m->engines[f].label_count)
            continue;
        uint64_t *bits = bits_of(r, (enum field_id)f);
        const uint32_t *list = list_of(r, (enum field_id)f);
        for (uint32_t i = 0; i < r->fields[f].count; i++)
            bits[list[i] / 64] = 0;
        r->fields[f] = (struct field_state){0};
    }
}

/* ---- tests and predicates ---- */

/* A field is read when a test of it is asked first. */
static enum truth test_truth(struct run *r, uint32_t test)
{
    const struct test *t = &r->m->program.tests[test];
    if (t->kind == TEST_GUARD) {
        r->consulted = true;
        return guard_test(t->guard, r->s);
    }
    if (t->kind == TEST_CHAIN) {
        r->consulted = true;
        return chain_test(t->chain, r->s, r->scratch + r->m->chain_at, label_child, r);
    }
    enum field_id field = t->label->field;
    r->consulted |= field != r->m->primary;
    if (!r->fields[field].ran)
        read_field(r, field);
    if (bits_of(r, field)[t->label->number / 64] >> t->label->number % 64 & 1)
        return TRUTH_YES;
    return r->fields[field].known ? TRUTH_NO : TRUTH_UNKNOWN;
}

/* Values of shared predicates are kept for the subject at hand: a stamp and a value each, behind the stamp's counter. A side
 * that decides alone leaves the other unasked; consulted then says of less, which is right: the outcome did not hang on it. */
static enum truth pred_truth(struct run *r, uint32_t pred)
{
    const struct pred *p = &r->m->program.preds[pred];
    uint32_t *memo = (uint32_t *)(r->scratch + r->m->memo_at), *own = memo + 2 + 2 * (size_t)pred;
    enum truth truth = TRUTH_NO;
    switch (p->kind) {
    case PRED_FALSE: return TRUTH_NO;
    case PRED_TRUE: return TRUTH_YES;
    case PRED_UNKNOWN: return TRUTH_UNKNOWN;
    case PRED_TEST: return test_truth(r, p->a);
    case PRED_NOT: case PRED_AND: case PRED_OR: break;
    }
    if (own[0] == memo[0])
        return (enum truth)own[1];
    truth = pred_truth(r, p->a);
    if (p->kind == PRED_NOT)
        truth = truth_not(truth);
    else if (p->kind == PRED_AND)
        truth = truth == TRUTH_NO ? truth : truth_and(truth, pred_truth(r, p->b));
    else
        truth = truth == TRUTH_YES ? truth : truth_or(truth, pred_truth(r, p->b));
    own[0] = memo[0];
    own[1] = truth;
    return truth;
}

/* A stamp that wraps around would make old values look new. */
static void begin_predicates(struct run *r)
{
    uint32_t *memo = (uint32_t *)(r->scratch + r->m->memo_at);
    if (!++memo[0]) {
        memset(memo, 0, 2 * sizeof *memo * (r->m->program.pred_count + 1));
        memo[0] = 1;
    }
}

/* ---- scanning ---- */

static void add_candidates(uint64_t *bits, const uint32_t *rules, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        bits[rules[i] / 64] |= (uint64_t)1 << rules[i] % 64;
}

/* Rules that may match: with no label, with those found, or about a field that is not known. */
static uint64_t *find_candidates(struct run *r)
{
    const struct matcher *m = r->m;
    uint64_t *bits = (uint64_t *)(r->scratch + m->candidates_at);
    if (m->rule_words)
        memcpy(bits, m->always, m->rule_words * sizeof *bits);
    for (int f = 0; f < FIELD_COUNT; f++) {
        const struct engine *e = &m->engines[f];
        if (!e->label_count || f == FIELD_chain)
            continue;
        if (!r->fields[f].ran)
            read_field(r, (enum field_id)f);
        if (!r->fields[f].known)
            add_candidates(bits, e->rules, e->rule_count);
        const uint32_t *list = list_of(r, (enum field_id)f);
        for (uint32_t i = 0; i < r->fields[f].count; i++)
            add_candidates(bits, e->touched + e->touched_first[list[i]], e->touched_first[list[i] + 1] - e->touched_first[list[i]]);
    }
    return bits;
}

/* Candidates ascend, so the first that is true wins. */
static struct match_outcome scan(struct run *r)
{
    struct match_outcome outcome = {-1, -1};
    const uint64_t *candidates = find_candidates(r);
    begin_predicates(r);
    for (size_t w = 0; w < r->m->rule_words; w++)
        for (uint64_t bits = candidates[w]; bits; bits &= bits - 1) {
            int rule = (int)(w * 64) + __builtin_ctzll(bits);
            enum truth truth = pred_truth(r, r->m->program.rules[rule]);
            if (truth == TRUTH_YES) {
                outcome.rule = rule;
                return outcome;
            }
            if (truth == TRUTH_UNKNOWN && outcome.unknown < 0)
                outcome.unknown = rule;
        }
    return outcome;
}

/* ---- decisions ---- */

/* A scan begins with the labels that the decision stands for. */
static struct match_outcome follow(struct run *r, uint32_t decision)
{
    const struct matcher *m = r->m;
    const struct decision *d = &m->decisions[decision];
    while (d->kind == DECISION_TEST)
        d = &m->decisions[d->next[test_truth(r, d->test)]];
    if (d->kind == DECISION_DONE)
        return (struct match_outcome){d->rule, d->unknown};
    if (m->primary != FIELD_COUNT) {
        const struct label_sets *sets = &m->engines[m->primary].sets;
        r->fields[m->primary] = (struct field_state){.ran = true, .known = true};
        add_labels(r, m->primary, sets->labels + sets->first[d->set], sets->first[d->set + 1] - sets->first[d->set]);
    }
    return scan(r);
}

/* What the lazy automaton's end state has decided before, or decides now when nothing but its labels was asked. */
static struct match_outcome run_lazily(struct run *r, const struct field *string)
{
    const struct matcher *m = r->m;
    uint32_t sure = stride_run(automata_of(m, r->scratch), string->bytes, string->size);
    if (sure)
        return (struct match_outcome){(int)sure - OUTCOME_FIRST, -1};
    struct lazy *lazy = lazy_of(&m->engines[m->primary], r->scratch);
    uint32_t state = lazy_run(lazy, string->bytes, string->size), *kept = lazy_outcome(lazy, state);
    struct lazy_record *record = lazy_record_of(lazy, state);
    if (*kept)
        return (struct match_outcome){(int)*kept - OUTCOME_FIRST, record->unknown};
    r->fields[m->primary] = (struct field_state){.ran = true, .known = true};
    add_labels(r, m->primary, lazy_labels(record), record->label_count);
    struct match_outcome outcome = scan(r);
    if (m->engine_count == 1 && !r->consulted) {
        *kept = (uint32_t)(outcome.rule + OUTCOME_FIRST);
        record->unknown = outcome.unknown;
    }
    return outcome;
}

/* The first rule that any of the field's strings names, or -1. */
static int find_named(const struct names *names, const struct strings *strings)
{
    int rule = -1;
    for (size_t i = 0; i < strings->count; i++) {
        size_t at = 0;
        const struct name_entry *found = names_find(names, &strings->strings[i], &at);
        if (found && (rule < 0 || (int)found->rule < rule))
            rule = (int)found->rule;
    }
    return rule;
}

/* A rule of exact names that comes before the outcome's takes its place. */
static void apply_names(const struct names *names, const struct subject *s, struct match_outcome *outcome)
{
    struct strings strings = find_strings(s, names->field);
    int rule = strings.known ? find_named(names, &strings) : -1;
    int unknown = strings.known ? -1 : (int)names->entries[0].rule;
    if (rule >= 0 && (outcome->rule < 0 || rule < outcome->rule))
        outcome->rule = rule;
    if (unknown >= 0 && (outcome->unknown < 0 || unknown < outcome->unknown))
        outcome->unknown = unknown;
    if (outcome->rule >= 0 && outcome->unknown > outcome->rule)
        outcome->unknown = -1;
}

/* Whatever needs more than the primary field's automaton. decision UINT32_MAX: it gave none.
 * clear leaves the scratch as matcher_scratch_init made it, but for caches. */
static struct match_outcome match_otherwise(const struct matcher *m, char *scratch, const struct subject *subject, const struct strings *primary,
                                            uint32_t decision)
{
    struct run r = {.m = m, .s = subject, .scratch = scratch};
    struct match_outcome outcome;
    if (decision != UINT32_MAX || m->primary == FIELD_COUNT)
        outcome = follow(&r, decision != UINT32_MAX ? decision : m->root);
    else if (!primary->known || primary->count != 1) {
        r.complete = primary->known; /* the labels of several strings together, whatever one of them alone decides */
        outcome = scan(&r);
    }
    else
        outcome = run_lazily(&r, primary->strings);
    clear(&r);
    return outcome;
}

struct match_outcome matcher_match(const struct matcher *m, void *scratch, const struct subject *subject)
{
    struct match_outcome outcome;
    struct strings primary = m->primary == FIELD_COUNT ? (struct strings){0} : find_strings(subject, m->primary);
    const struct dfa *dfa = primary.known && primary.count == 1 ? m->engines[m->primary].dfa : NULL;
    uint32_t decision = dfa ? dfa_run(dfa, primary.strings->bytes, primary.strings->size) : m->root;
    if (dfa && m->decisions[decision].kind == DECISION_DONE)
        outcome = (struct match_outcome){m->decisions[decision].rule, m->decisions[decision].unknown};
    else
        outcome = match_otherwise(m, scratch_align(scratch), subject, &primary, dfa ? decision : UINT32_MAX);
    for (int t = 0; t < NAMES_COUNT; t++)
        if (m->names[t].count)
            apply_names(&m->names[t], subject, &outcome);
    return outcome;
}

/* ---- verdicts ---- */

static void judge_names(const struct matcher *m, const struct names *names, const struct subject *s, unsigned char *verdicts)
{
    struct strings strings = find_strings(s, names->field);
    for (size_t i = 0; i < names->count && !strings.known; i++)
        verdicts[names->entries[i].rule] = TRUTH_UNKNOWN;
    for (size_t i = 0; names->count && strings.known && i < strings.count; i++) {
        size_t at = 0;
        for (const struct name_entry *e; (e = names_find(names, &strings.strings[i], &at));)
            verdicts[e->rule] = TRUTH_YES;
    }
    (void)m;
}

/* complete: nothing pruned, no cache used; slow, and for explain alone. */
void matcher_verdicts(const struct matcher *m, void *scratch, const struct subject *subject, unsigned char *verdicts)
{
    struct run r = {.m = m, .s = subject, .scratch = scratch_align(scratch), .complete = true};
    begin_predicates(&r);
    for (size_t i = 0; i < m->rule_count; i++)
        verdicts[i] = (unsigned char)pred_truth(&r, m->program.rules[i]);
    clear(&r);
    for (int t = 0; t < NAMES_COUNT; t++)
        judge_names(m, &m->names[t], subject, verdicts);
}
