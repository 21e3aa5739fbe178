/* Compiling: recipe → predicates → NFAs → minimised automata with decision leaves. In: a resolved recipe. Out: an immutable
 * matcher in its arena, or NULL with diagnostics. One automaton for each string field that rules look at; the field with the
 * most labels is primary: its states end in decisions, the others' in label sets. Everything is determined by the recipe and the
 * options, so equal recipes give equal texts. See match.h, matcher.h. */
#include "codegen/match/matcher.h"
#include "codegen/match/mpath.h"

#include <string.h>

enum { TOTAL_WORK_FACTOR = 32 };

/* ---- labels ---- */

struct numbering {
    struct matcher *m;
    uint32_t rule;
    uint32_t *last; /* by test: the rule that looked at it last, + 1 */
    uint32_t *touched_count[FIELD_COUNT];
    size_t capacity[FIELD_COUNT];
    bool fill;
};

/* Numbers the label at its first use; rule is the first that looks at it. */
static void number_label(void *user, uint32_t test)
{
    struct numbering *n = user;
    const struct test *t = &n->m->program.tests[test];
    if (t->kind != TEST_LABEL || t->label->number != UINT32_MAX)
        return;
    struct engine *e = &n->m->engines[t->label->field];
    size_t count = e->label_count, *capacity = &n->capacity[t->label->field];
    t->label->number = e->label_count++;
    *ARENA_PUSH(n->m->arena, e->labels, count, *capacity) = t->label;
}

/* Called twice a rule and test: counting first, then (fill) entering. */
static void note_use(void *user, uint32_t test)
{
    struct numbering *n = user;
    const struct test *t = &n->m->program.tests[test];
    if (t->kind != TEST_LABEL)
        return;
    struct engine *e = &n->m->engines[t->label->field];
    uint32_t label = t->label->number;
    if (e->uses[label].first == NO_RULE)
        e->uses[label].first = n->rule;
    if (n->fill)
        e->touched[e->touched_first[label] + n->touched_count[t->label->field][label]] = n->rule;
    n->touched_count[t->label->field][label]++;
    if (!e->rule_count || e->rules[e->rule_count - 1] != n->rule)
        e->rules[e->rule_count++] = n->rule;
}

/* The rule matches whenever one of the labels on its `or` spine does.
 * The recursion follows the right operands, the loop the left ones; depth is at most PRED_DEPTH_MAX. */
static void note_sure(struct matcher *m, uint32_t pred, uint32_t rule)
{
    const struct pred *p = &m->program.preds[pred];
    while (p->kind == PRED_OR) {
        note_sure(m, p->b, rule);
        p = &m->program.preds[p->a];
    }
    if (p->kind != PRED_TEST || m->program.tests[p->a].kind != TEST_LABEL)
        return;
    const struct label *label = m->program.tests[p->a].label;
    uint32_t *sure = &m->engines[label->field].uses[label->number].sure;
    *sure = rule < *sure ? rule : *sure;
}

/* Every test of every rule, once a rule, in rule order. */
static void walk_rules(struct numbering *n, void (*visit)(void *, uint32_t))
{
    for (n->rule = 0; n->rule < n->m->rule_count; n->rule++)
        pred_visit_tests(&n->m->program, n->m->program.rules[n->rule], visit, n);
}

/* Counts to places: where each label's rules begin. */
static void place_touched(struct numbering *n, struct arena *arena)
{
    for (int f = 0; f < FIELD_COUNT; f++) {
        struct engine *e = &n->m->engines[f];
        uint32_t sum = 0;
        for (uint32_t l = 0; l < e->label_count; l++) {
            e->touched_first[l] = sum;
            sum += n->touched_count[f][l];
            n->touched_count[f][l] = 0;
        }
        e->touched_first[e->label_count] = sum;
        e->touched = ARENA_ARRAY(arena, sum, uint32_t);
        e->rule_count = 0;
    }
}

void matcher_number_labels(struct matcher *m)
{
    struct numbering n = {.m = m};
    walk_rules(&n, number_label);
    m->engines[FIELD_chain].labels = m->program.chain_labels; /* numbered as they were made */
    m->engines[FIELD_chain].label_count = (uint32_t)m->program.chain_label_count;
    for (int f = 0; f < FIELD_COUNT; f++) {
        struct engine *e = &m->engines[f];
        m->engine_count += e->label_count > 0 && f != FIELD_chain;
        e->uses = ARENA_ARRAY(m->arena, e->label_count, struct label_use);
        memset(e->uses, 0xff, e->label_count * sizeof *e->uses);
        e->touched_first = ARENA_ARRAY(m->arena, e->label_count + 1, uint32_t);
        e->rules = ARENA_ARRAY(m->arena, e->label_count ? m->rule_count : 0, uint32_t);
        n.touched_count[f] = ARENA_ARRAY(m->arena, e->label_count, uint32_t);
    }
    walk_rules(&n, note_use);
    place_touched(&n, m->arena);
    n.fill = true;
    walk_rules(&n, note_use);
    for (uint32_t i = 0; i < m->rule_count; i++)
        note_sure(m, m->program.rules[i], i);
}

bool matcher_can_be_primary(enum field_id f)
{
    return f != FIELD_chain && f != FIELD_type && f != FIELD_bases && f != FIELD_tag && f != FIELD_outer_type;
}

/* The field with the most labels: its automaton's states carry the decisions. */
static enum field_id choose_primary(const struct matcher *m)
{
    enum field_id best = FIELD_COUNT;
    uint32_t most = 0;
    for (int f = 0; f < FIELD_COUNT; f++)
        if (m->engines[f].label_count > most && matcher_can_be_primary((enum field_id)f)) {
            most = m->engines[f].label_count;
            best = (enum field_id)f;
        }
    return best;
}

/* ---- automata ---- */

/* All of a field's labels in one NFA; which part each belongs to is chosen before. */
bool matcher_build_nfas(struct matcher *m, struct arena *scratch, struct label **culprit)
{
    struct nfa_limits limits = {.label_work = NFA_LABEL_WORK, .total_work = (uint64_t)NFA_LABEL_WORK * TOTAL_WORK_FACTOR};
    for (int f = 0; f < FIELD_COUNT; f++) {
        struct engine *e = &m->engines[f];
        if (!e->label_count)
            continue;
        const struct regex **roots = ARENA_ARRAY(scratch, e->label_count, const struct regex *);
        for (uint32_t l = 0; l < e->label_count; l++)
            roots[l] = e->labels[l]->root;
        alphabet_build(&e->alphabet, m->arena, &m->program.pools[f]);
        uint32_t label = 0;
        limits.parts = matcher_choose_parts(m, (enum field_id)f, scratch);
        e->nfa = nfa_build(m->arena, scratch, &m->program.pools[f], &e->alphabet, roots, e->label_count, &limits, &label);
        *culprit = label == UINT32_MAX ? NULL : e->labels[label];
        if (!e->nfa)
            return false;
        e->background = background_find(m->arena, e->nfa, e->uses, 0, PARTS_MAX - 1);
    }
    return true;
}

/* One field's DFA, or none when it passes the budget. The primary field's outcomes are decisions.
 * Label sets are kept besides the decisions: DECISION_SCAN names them, and verdicts of other fields are made of them. */
static void build_dfa(struct matcher *m, enum field_id field, const struct match_options *options, struct arena *scratch)
{
    struct engine *e = &m->engines[field];
    size_t states = options->state_budget ? options->state_budget : DFA_STATES;
    bool parts = e->nfa->part_starts[1] < e->nfa->start_count;
    states = parts && states > DFA_STATES_OF_PARTS ? DFA_STATES_OF_PARTS : states;
    struct dfa_limits limits = {states, DFA_CELLS, (uint64_t)states * DFA_WORK_PER_STATE};
    struct raw_dfa raw;
    struct label_sets sets;
    label_sets_init(&sets, scratch);
    if (!dfa_determinise(&raw, &sets, scratch, e->nfa, e->background, e->uses, &limits))
        return;
    if (field == m->primary) {
        const uint32_t *leaves = matcher_decide(m, &sets, scratch);
        for (size_t s = 0; s < raw.state_count; s++)
            raw.outcome[s] = leaves[raw.outcome[s]];
    }
    e->dfa = dfa_minimise(&raw, m->arena, scratch);
    e->sets = sets;
    e->sets.first = arena_grow(m->arena, sets.first, sets.count, sets.count, sizeof *sets.first);
    e->sets.labels = arena_grow(m->arena, sets.labels, sets.label_count, sets.label_count, sizeof *sets.labels);
}

/* ---- scratch of a thread ---- */

/* Places are 64 bytes apart: a line of the cache belongs to one of them. */
static size_t take(size_t *total, size_t size)
{
    size_t at = *total;
    *total += (size + 63) & ~(size_t)63;
    return at;
}

/* What the largest of the chains needs. */
static size_t measure_chains(const struct matcher *m)
{
    size_t most = 0;
    for (size_t i = 0; i < m->program.test_count; i++) {
        const struct test *t = &m->program.tests[i];
        size_t size = t->kind == TEST_CHAIN ? chain_size(t->chain) : 0;
        most = size > most ? size : most;
    }
    return most;
}

/* The order of the offsets is that in which matcher_scratch_init clears what stands between them. */
static void lay_out(struct matcher *m)
{
    size_t total = 0, simulation = 0;
    for (int f = 0; f < FIELD_COUNT; f++) {
        struct engine *e = &m->engines[f];
        if (!e->label_count)
            continue;
        e->bits_at = take(&total, (e->label_count + 63) / 64 * sizeof(uint64_t));
        e->list_at = take(&total, e->label_count * sizeof(uint32_t));
        for (unsigned part = 0; part < e->part_count; part++) {
            if (!e->dfa)
                e->parts[part].lazy_at = take(&total, sizeof(struct lazy) + 64 + lazy_size(e->nfa, m->cache));
        }
        size_t size = stepper_size(e->nfa) + 2 * sizeof(uint32_t) * (e->nfa->state_count + 1);
        simulation = size > simulation ? size : simulation;
    }
    m->automata_at = take(&total, sizeof(struct automata));
    if (m->primary != FIELD_COUNT)
        m->strides_at = take(&total, strides_size(m->engines[m->primary].nfa, m->engines[m->primary].part_count));
    m->memo_at = take(&total, 2 * sizeof(uint32_t) * m->program.pred_count + 64);
    m->candidates_at = take(&total, m->rule_words * sizeof(uint64_t));
    m->simulation_at = take(&total, simulation);
    m->chain_at = take(&total, measure_chains(m));
    m->scratch_size = total;
}

/* Rules that may match with no label at all.
 * `always`: what remains of the rule may still be true or unknown. */
static uint32_t know_no_label(void *user, uint32_t test)
{
    const struct matcher *m = user;
    return m->program.tests[test].kind == TEST_LABEL ? PRED(FALSE) : UINT32_MAX;
}

static void find_always(struct matcher *m)
{
    m->always = ARENA_ARRAY(m->arena, m->rule_words, uint64_t);
    for (size_t i = 0; i < m->rule_count; i++)
        if (pred_restrict(&m->program, m->program.rules[i], know_no_label, m) != PRED(FALSE))
            m->always[i / 64] |= (uint64_t)1 << i % 64;
}

/* Of use to strides: an outcome that is one number. */
static void find_sure(struct matcher *m)
{
    m->sure = ARENA_ARRAY(m->arena, m->decision_count, uint32_t);
    for (size_t d = 0; d < m->decision_count; d++)
        m->sure[d] = m->decisions[d].kind == DECISION_DONE && m->decisions[d].unknown < 0 ? (uint32_t)(m->decisions[d].rule + OUTCOME_FIRST) : 0;
}

/* One automaton, or for many plain rules a lazy one for each part that has labels. */
static void find_parts(struct matcher *m)
{
    for (int f = 0; f < FIELD_COUNT; f++) {
        struct engine *e = &m->engines[f];
        if (!e->label_count)
            continue;
        for (unsigned part = 0; part < PARTS_MAX && !e->dfa; part++)
            if (e->nfa->part_starts[part] < e->nfa->part_starts[part + 1])
                e->parts[e->part_count++].background = background_find(m->arena, e->nfa, e->uses, part, part);
        e->part_count = e->part_count ? e->part_count : 1;
        if (e->part_count == 1)
            e->parts[0].background = e->background;
    }
}

/* roots point into the scratch of the compilation and are not used again. */
void matcher_finish(struct matcher *m)
{
    m->cache = m->cache ? m->cache : LAZY_CACHE;
    find_parts(m);
    find_always(m);
    find_sure(m);
    lay_out(m);
    for (int f = 0; f < FIELD_COUNT; f++)
        for (uint32_t l = 0; l < m->engines[f].label_count; l++)
            m->engines[f].labels[l]->root = NULL;
}

/* ---- entry ---- */

static void report_culprit(struct diags *diags, const struct label *culprit)
{
    struct span span = culprit ? culprit->span : (struct span){0};
    struct diag *d = diag_report(diags, DIAG_too_large, span, "%s more than %d million steps to build",
                                 culprit ? "this pattern takes" : "the patterns together take",
                                 NFA_LABEL_WORK / 1000000 * (culprit ? 1 : TOTAL_WORK_FACTOR));
    diag_help(diags, d, "repeat counts multiply when they are nested");
}

/* Automata and decisions of a lowered recipe.
 * state_budget and force_fallback change nothing but which of the automata answers. */
static bool build(struct matcher *m, const struct match_options *options, struct arena *scratch, struct diags *diags)
{
    struct label *culprit = NULL;
    matcher_number_labels(m);
    m->primary = choose_primary(m);
    matcher_find_plain(m);
    if (!matcher_build_nfas(m, scratch, &culprit)) {
        report_culprit(diags, culprit);
        return false;
    }
    for (int f = 0; f < FIELD_COUNT && !options->force_fallback; f++)
        if (m->engines[f].label_count)
            build_dfa(m, (enum field_id)f, options, scratch);
    if (m->primary == FIELD_COUNT)
        m->root = matcher_decide(m, NULL, scratch)[0];
    matcher_finish(m);
    return true;
}

struct matcher *matcher_compile(const struct recipe *recipe, const struct match_options *options, struct diags *diags)
{
    static const struct match_options standard = {0};
    struct matcher *m = ARENA_NEW(recipe->arena, struct matcher);
    options = options ? options : &standard;
    *m = (struct matcher){.arena = recipe->arena, .rule_count = recipe->rule_count, .names_only = options->names_only, .cache = options->cache};
    m->rule_words = (m->rule_count + 63) / 64;
    const char **origins = ARENA_ARRAY(m->arena, m->rule_count, const char *);
    for (size_t i = 0; i < m->rule_count; i++)
        origins[i] = recipe->rules[i].origin ? recipe->rules[i].origin : "";
    m->origins = origins;
    struct arena *scratch = arena_open_child(m->arena);
    program_init(&m->program, m->arena, scratch);
    struct matcher *done = matcher_lower(m, recipe, diags) && build(m, options, scratch, diags) ? m : NULL;
    arena_close(scratch);
    return done;
}
