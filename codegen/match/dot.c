/* A matcher as a Graphviz digraph (`emit --stage automaton --format dot`): the states of each automaton, edges labelled by
 * the characters that take them, and the decisions in which the states of the primary field end. For people: it does not
 * read back; the text form does. */
#include "codegen/match/matcher.h"

#include <inttypes.h>
#include <string.h>

struct dot {
    struct text *out;
    const struct matcher *m;
    uint32_t *counts; /* by state: classes that lead there */
    bool *printed;    /* by decision */
};

/* ---- labels ---- */

/* Inside double quotes of the DOT language. */
static void print_escaped(struct text *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '"' || c == '\\')
            text_char(out, '\\');
        if (c < ' ' || c == 0x7f)
            text_printf(out, "\\\\x%02x", c);
        else
            text_char(out, (char)c);
    }
}

static void print_code_point(struct text *out, uint32_t c)
{
    char utf8[4];
    if (c > ' ' && c != 0x7f && (c < 0x80 || c >= 0xa0) && (c < 0xd800 || c > 0xdfff))
        print_escaped(out, utf8, utf8_put(utf8, c));
    else
        text_printf(out, "U+%04" PRIX32, c);
}

/* The characters of the classes that lead from row to the state, as ranges. */
static void print_characters(struct text *out, const struct dfa *dfa, const uint32_t *row, uint32_t target)
{
    bool first = true;
    for (size_t i = 0; i < dfa->range_count; i++) {
        const struct alphabet_range *r = &dfa->ranges[i];
        uint32_t high = r->high;
        if (dfa_number(dfa, row[r->symbol]) != target)
            continue;
        while (i + 1 < dfa->range_count && dfa_number(dfa, row[dfa->ranges[i + 1].symbol]) == target)
            high = dfa->ranges[++i].high;
        text_add(out, first ? "" : " ");
        first = false;
        print_code_point(out, r->low);
        if (high > r->low) {
            text_char(out, '-');
            print_code_point(out, high);
        }
    }
}

/* ---- decisions ---- */

static void print_rule_node(struct dot *d, uint32_t number, const struct decision *n)
{
    text_printf(d->out, "  d%" PRIu32 " [shape=box, label=\"", number);
    if (n->kind == DECISION_SCAN)
        text_add(d->out, "rules in order");
    else if (n->rule < 0)
        text_add(d->out, "no rule");
    else {
        text_printf(d->out, "rule %d\\n", n->rule);
        print_escaped(d->out, d->m->origins[n->rule], strlen(d->m->origins[n->rule]));
    }
    if (n->kind == DECISION_DONE && n->unknown >= 0)
        text_printf(d->out, "\\nrule %d unknown", n->unknown);
    text_add(d->out, "\"];\n");
}

/* Decisions are no deeper than the tests of a leaf, which are bounded. */
static void print_decision_node(struct dot *d, uint32_t number)
{
    static const char *const answers[] = {"no", "yes", "unknown"};
    const struct decision *n = &d->m->decisions[number];
    if (d->printed[number])
        return;
    d->printed[number] = true;
    if (n->kind != DECISION_TEST) {
        print_rule_node(d, number, n);
        return;
    }
    struct text test = text_make(d->out->arena);
    matcher_print_test(&test, d->m, n->test);
    text_printf(d->out, "  d%" PRIu32 " [shape=diamond, label=\"", number);
    print_escaped(d->out, text_string(&test), test.size);
    text_add(d->out, "\"];\n");
    for (int t = 0; t < 3; t++) {
        text_printf(d->out, "  d%" PRIu32 " -> d%" PRIu32 " [label=\"%s\"];\n", number, n->next[t], answers[t]);
        print_decision_node(d, n->next[t]);
    }
}

/* ---- automata ---- */

/* The state that most classes lead to: its edge says "else". */
static uint32_t count_targets(struct dot *d, const struct dfa *dfa, const uint32_t *row)
{
    uint32_t best = dfa_number(dfa, row[0]);
    for (uint32_t c = 0; c < dfa->class_count; c++) {
        uint32_t to = dfa_number(dfa, row[c]);
        d->counts[to]++;
        if (d->counts[to] > d->counts[best] || (d->counts[to] == d->counts[best] && to < best))
            best = to;
    }
    return best;
}

/* One edge for each pair of states; counts are back at 0 when all are printed. */
static void print_edges(struct dot *d, const char *field, const struct dfa *dfa, uint32_t state)
{
    const uint32_t *row = dfa_row(dfa, state);
    uint32_t other = count_targets(d, dfa, row);
    for (uint32_t c = 0; c < dfa->class_count; c++) {
        uint32_t to = dfa_number(dfa, row[c]);
        if (!d->counts[to])
            continue;
        d->counts[to] = 0;
        text_printf(d->out, "  %s%" PRIu32 " -> %s%" PRIu32 " [label=\"", field, state, field, to);
        if (to == other)
            text_add(d->out, "else\", style=dotted];\n");
        else {
            print_characters(d->out, dfa, row, to);
            text_add(d->out, "\"];\n");
        }
    }
}

/* A field that is no primary one ends in the labels that hold. */
static void print_end(struct dot *d, enum field_id field, uint32_t state, uint32_t outcome)
{
    const char *name = field_names[field];
    const struct label_sets *sets = &d->m->engines[field].sets;
    if (field == d->m->primary) {
        text_printf(d->out, "  %s%" PRIu32 " -> d%" PRIu32 " [style=dashed];\n", name, state, outcome);
        return;
    }
    text_printf(d->out, "  %s%" PRIu32 " [xlabel=\"", name, state);
    for (uint32_t i = sets->first[outcome]; i < sets->first[outcome + 1]; i++)
        text_printf(d->out, i > sets->first[outcome] ? " %" PRIu32 : "labels %" PRIu32, sets->labels[i]);
    text_add(d->out, "\"];\n");
}

static void print_dfa(struct dot *d, enum field_id field, const struct dfa *dfa)
{
    const char *name = field_names[field];
    d->counts = ARENA_ARRAY(d->out->arena, dfa->state_count, uint32_t);
    text_printf(d->out, "  %s [shape=plaintext];\n  %s -> %s0;\n", name, name, name);
    for (uint32_t s = 0; s < dfa->state_count; s++) {
        text_printf(d->out, "  %s%" PRIu32 " [label=\"%" PRIu32 "\"];\n", name, s, s);
        print_edges(d, name, dfa, s);
        print_end(d, field, s, *dfa_outcome(dfa, s));
        if (field == d->m->primary)
            print_decision_node(d, *dfa_outcome(dfa, s));
    }
}

void matcher_print_dot(struct text *out, const struct matcher *m)
{
    struct dot d = {.out = out, .m = m, .printed = ARENA_ARRAY(out->arena, m->decision_count + 1, bool)};
    text_add(out, "digraph automaton {\n  rankdir=LR;\n  node [shape=circle];\n");
    if (m->primary == FIELD_COUNT)
        print_decision_node(&d, m->root);
    for (int f = 0; f < FIELD_chain; f++)
        if (m->engines[f].label_count && m->engines[f].dfa)
            print_dfa(&d, (enum field_id)f, m->engines[f].dfa);
        else if (m->engines[f].label_count)
            text_printf(out, "  %s [shape=plaintext, label=\"%s: states are made while names are read\"];\n", field_names[f], field_names[f]);
    text_add(out, "}\n");
}
