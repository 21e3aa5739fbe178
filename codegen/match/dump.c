/* Printing a matcher as text that reads back: rules, tests, predicates, decisions, automata. In: a compiled or read matcher.
 * Out: the format that the head of read.c gives. Numbers are given in the order of first use, so that equal matchers have equal
 * texts and a text that is read and printed again is the same bytes. */
#include "codegen/match/matcher.h"
#include "codegen/match/mpath.h"

#include <inttypes.h>
#include <string.h>

/* New numbers of what is printed; UINT32_MAX: not reached. */
struct dump {
    struct text *out;
    const struct matcher *m;
    uint32_t *tests, test_count, *preds, pred_count, *decisions, decision_count, *sets[FIELD_COUNT], set_count[FIELD_COUNT];
    uint32_t *order; /* decisions by new number */
};

static uint32_t *make_numbers(struct dump *d, size_t count)
{
    uint32_t *numbers = ARENA_ARRAY(d->out->arena, count + 1, uint32_t);
    memset(numbers, 0xff, (count + 1) * sizeof *numbers);
    return numbers;
}

static void print_quoted(struct dump *d, const char *before, const char *bytes, size_t size)
{
    text_add(d->out, before);
    text_quote(d->out, bytes, size);
}

/* ---- tests ---- */

static void print_term(struct text *out, const struct guard_term *t)
{
    switch (t->kind) {
    case AST_TERM_INTEGER: text_printf(out, "%" PRId64, t->integer); break;
    case AST_TERM_LAYER: text_add(out, "layer"); break;
    case AST_TERM_NDIM: text_add(out, "ndim"); break;
    case AST_TERM_NUMEL: text_add(out, "numel"); break;
    case AST_TERM_SHAPE: text_printf(out, "shape[%" PRId64 "]", t->integer); break;
    }
    if (t->modulus)
        text_printf(out, " %% %" PRId64, t->modulus);
}

static void print_guard(struct text *out, const struct guard *g)
{
    switch (g->kind) {
    case GUARD_DTYPE:
        text_printf(out, "dtype %s", dtype_rows[g->dtype].word);
        break;
    case GUARD_RANGE:
        print_term(out, &g->left);
        text_printf(out, " in %" PRId64 "..%" PRId64, g->low, g->high);
        break;
    case GUARD_COMPARE:
        print_term(out, &g->left);
        text_printf(out, " %s ", comparison_words[g->comparison]);
        print_term(out, &g->right);
        break;
    }
}

void matcher_print_test(struct text *out, const struct matcher *m, uint32_t test)
{
    const struct test *t = &m->program.tests[test];
    if (t->kind == TEST_GUARD)
        print_guard(out, t->guard);
    else if (t->kind == TEST_CHAIN) {
        text_add(out, "mpath ");
        text_quote(out, t->chain->text, t->chain->size);
    } else
        text_printf(out, "label %s %u", field_names[t->label->field], t->label->number);
}

static void print_test(struct dump *d, uint32_t test)
{
    if (d->tests[test] != UINT32_MAX)
        return;
    d->tests[test] = d->test_count++;
    text_printf(d->out, "test %u ", d->tests[test]);
    matcher_print_test(d->out, d->m, test);
    text_char(d->out, '\n');
}

/* ---- predicates: operands before what is made of them ---- */

/* Recursion is at most PRED_DEPTH_MAX deep. */
static void print_pred(struct dump *d, uint32_t pred)
{
    const struct pred *p = &d->m->program.preds[pred];
    if (d->preds[pred] != UINT32_MAX)
        return;
    if (p->kind == PRED_TEST)
        print_test(d, p->a);
    if (p->kind > PRED_TEST)
        print_pred(d, p->a);
    if (p->kind > PRED_NOT)
        print_pred(d, p->b);
    d->preds[pred] = d->pred_count++;
    text_printf(d->out, "pred %u ", d->preds[pred]);
    switch (p->kind) {
    case PRED_FALSE: text_add(d->out, "false"); break;
    case PRED_TRUE: text_add(d->out, "true"); break;
    case PRED_UNKNOWN: text_add(d->out, "unknown"); break;
    case PRED_TEST: text_printf(d->out, "test %u", d->tests[p->a]); break;
    case PRED_NOT: text_printf(d->out, "not %u", d->preds[p->a]); break;
    case PRED_AND: text_printf(d->out, "and %u %u", d->preds[p->a], d->preds[p->b]); break;
    case PRED_OR: text_printf(d->out, "or %u %u", d->preds[p->a], d->preds[p->b]); break;
    }
    text_char(d->out, '\n');
}

static void print_labels(struct dump *d)
{
    for (int f = 0; f < FIELD_chain; f++) /* a chain's labels are in its text */
        for (uint32_t l = 0; l < d->m->engines[f].label_count; l++) {
            const struct label *label = d->m->engines[f].labels[l];
            text_printf(d->out, "label %s %u", field_names[f], l);
            for (size_t i = 0; i < label->pattern_count; i++) {
                text_printf(d->out, "%s %s ", i ? "\n  or" : "", atom_rows[label->patterns[i].atom].words);
                text_quote(d->out, label->patterns[i].bytes, label->patterns[i].size);
            }
            text_char(d->out, '\n');
        }
}

static void print_rules(struct dump *d)
{
    for (uint32_t pred = 0; pred < PRED_TEST; pred++) /* the constants keep their numbers */
        print_pred(d, pred);
    for (size_t i = 0; i < d->m->rule_count; i++)
        print_pred(d, d->m->program.rules[i]);
    for (size_t i = 0; i < d->m->rule_count; i++) {
        text_printf(d->out, "rule %zu pred %u", i, d->preds[d->m->program.rules[i]]);
        print_quoted(d, " ", d->m->origins[i], strlen(d->m->origins[i]));
        text_char(d->out, '\n');
    }
    for (int t = 0; t < NAMES_COUNT; t++)
        for (size_t i = 0; i < d->m->names[t].count; i++) {
            const struct name_entry *e = &d->m->names[t].entries[i];
            text_printf(d->out, "name %s rule %u", field_names[d->m->names[t].field], e->rule);
            print_quoted(d, " ", e->bytes, e->size);
            text_char(d->out, '\n');
        }
}

/* ---- decisions and label sets, numbered as the states reach them ---- */

static uint32_t number_set(struct dump *d, enum field_id field, uint32_t set)
{
    uint32_t *number = &d->sets[field][set];
    if (*number != UINT32_MAX)
        return *number;
    const struct label_sets *sets = &d->m->engines[field].sets;
    *number = d->set_count[field]++;
    text_printf(d->out, "set %s %u", field_names[field], *number);
    for (uint32_t i = sets->first[set]; i < sets->first[set + 1]; i++)
        text_printf(d->out, " %u", sets->labels[i]);
    text_char(d->out, '\n');
    return *number;
}

/* As deep as a leaf's tests, or DECISION_DEPTH_MAX of a text that was read. */
static uint32_t print_decision(struct dump *d, uint32_t decision)
{
    const struct decision *n = &d->m->decisions[decision];
    if (d->decisions[decision] != UINT32_MAX)
        return d->decisions[decision];
    if (n->kind == DECISION_TEST)
        for (int t = 0; t < 3; t++)
            print_decision(d, n->next[t]);
    uint32_t set = n->kind == DECISION_SCAN && d->m->primary != FIELD_COUNT ? number_set(d, d->m->primary, n->set) : 0;
    uint32_t number = d->decisions[decision] = d->decision_count++;
    text_printf(d->out, "decision %u ", number);
    switch (n->kind) {
    case DECISION_TEST:
        text_printf(d->out, "test %u no %u yes %u unknown %u\n", d->tests[n->test], d->decisions[n->next[TRUTH_NO]],
                    d->decisions[n->next[TRUTH_YES]], d->decisions[n->next[TRUTH_UNKNOWN]]);
        break;
    case DECISION_DONE:
        text_printf(d->out, "rule %d unknown %d\n", n->rule, n->unknown);
        break;
    case DECISION_SCAN:
        text_printf(d->out, "scan %u\n", set);
        break;
    }
    return number;
}

/* ---- automata ---- */

static void print_classes(struct dump *d, const struct dfa *dfa)
{
    for (uint32_t c = 0; c < dfa->class_count; c++) {
        text_printf(d->out, "class %u", c);
        for (size_t i = 0; i < dfa->range_count; i++)
            if (dfa->ranges[i].symbol == c)
                text_printf(d->out, dfa->ranges[i].low == dfa->ranges[i].high ? " %x" : " %x-%x", dfa->ranges[i].low, dfa->ranges[i].high);
        text_char(d->out, '\n');
    }
}

/* The state most classes lead to, the least of them. */
static uint32_t find_default(const struct dfa *dfa, const uint32_t *row, uint32_t *counts)
{
    uint32_t best = dfa_number(dfa, row[0]);
    for (uint32_t c = 0; c < dfa->class_count; c++) {
        uint32_t to = dfa_number(dfa, row[c]);
        counts[to]++;
        if (counts[to] > counts[best] || (counts[to] == counts[best] && to < best))
            best = to;
    }
    for (uint32_t c = 0; c < dfa->class_count; c++)
        counts[dfa_number(dfa, row[c])] = 0;
    return best;
}

/* The usual target is said once, so that a state's line is short; runs of classes that go to one state are one entry. */
static void print_state(struct dump *d, const struct dfa *dfa, uint32_t state, uint32_t outcome, uint32_t *counts)
{
    const uint32_t *row = dfa_row(dfa, state);
    uint32_t other = find_default(dfa, row, counts);
    text_printf(d->out, "state %u ends %u else %u", state, outcome, other);
    for (uint32_t c = 0; c < dfa->class_count; c++) {
        uint32_t first = c;
        if (dfa_number(dfa, row[c]) == other)
            continue;
        while (c + 1 < dfa->class_count && row[c + 1] == row[c])
            c++;
        text_printf(d->out, first == c ? " %u" : " %u-%u", first, c);
        text_printf(d->out, ":%u", dfa_number(dfa, row[c]));
    }
    text_char(d->out, '\n');
}

static void print_dfa(struct dump *d, enum field_id field, const struct engine *e)
{
    const struct dfa *dfa = e->dfa;
    uint32_t *counts = ARENA_ARRAY(d->out->arena, dfa->state_count, uint32_t);
    uint32_t *outcomes = ARENA_ARRAY(d->out->arena, dfa->state_count, uint32_t);
    for (uint32_t s = 0; s < dfa->state_count; s++) {
        uint32_t outcome = *dfa_outcome(dfa, s);
        outcomes[s] = field == d->m->primary ? print_decision(d, outcome) : number_set(d, field, outcome);
    }
    text_printf(d->out, "automaton %s table %u states %u classes\n", field_names[field], dfa->state_count, dfa->class_count);
    print_classes(d, dfa);
    for (uint32_t s = 0; s < dfa->state_count; s++)
        print_state(d, dfa, s, outcomes[s], counts);
}

void matcher_print(struct text *out, const struct matcher *m)
{
    struct dump d = {.out = out, .m = m};
    d.tests = make_numbers(&d, m->program.test_count);
    d.preds = make_numbers(&d, m->program.pred_count);
    d.decisions = make_numbers(&d, m->decision_count);
    for (int f = 0; f < FIELD_COUNT; f++)
        d.sets[f] = make_numbers(&d, m->engines[f].sets.count);
    text_printf(out, "quern automaton 1 %zu rules\n", m->rule_count);
    print_labels(&d);
    print_rules(&d);
    if (m->primary == FIELD_COUNT)
        text_printf(out, "root %u\n", print_decision(&d, m->root));
    else
        text_printf(out, "primary %s\n", field_names[m->primary]);
    for (int f = 0; f < FIELD_chain; f++) {
        const struct engine *e = &m->engines[f];
        if (e->label_count && e->dfa)
            print_dfa(&d, (enum field_id)f, e);
        else if (e->label_count)
            text_printf(out, "automaton %s lazy\n", field_names[f]);
    }
    text_add(out, "end\n");
}
