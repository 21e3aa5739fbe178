/* Reading a matcher's text back (matcher_print). The text, whose numbers all count from 0 in order:
 *   quern automaton 1 N rules
 *   label FIELD n ATOM "…" [or ATOM "…"]…            a language of names of that field
 *   test n label FIELD n | test n mpath "…" | test n GUARD
 *   pred n false|true|unknown|test n|not n|and n n|or n n
 *   rule n pred n "ORIGIN"                            first match wins
 *   name FIELD rule n "NAME"                          a rule that is a list of names
 *   primary FIELD | root n                            whose automaton ends in decisions; or the only decision
 *   set FIELD n label…
 *   decision n test n no n yes n unknown n | rule n unknown n | scan SET
 *   automaton FIELD lazy | automaton FIELD table S states C classes
 *     class n LOW[-HIGH]…                             code points, hexadecimal
 *     state n ends OUTCOME else n [CLASS[-CLASS]:n]…
 *   end */
#include <stdlib.h>
#include <string.h>
#include "codegen/match/mpath.h"
#include "codegen/match/read.h"

/* Printing and drawing recurse over decisions, and a text may make them deeper than a compiler would. */
enum { DECISION_DEPTH_MAX = 4096 };

/* ---- labels ---- */

/* The longest of the field's atoms that stands here. */
static enum atom read_atom(struct reader *r, enum field_id field)
{
    int best = -1;
    size_t begin, best_end = 0;
    reader_skip(r);
    begin = r->at;
    for (int a = 0; a < ATOM_COUNT; a++) {
        const char *words = atom_rows[a].words;
        size_t size = strlen(words);
        if (atom_fields[a] != field || r->source->size - begin < size + 1 || memcmp(r->source->bytes + begin, words, size) ||
            reader_is_word(r->source->bytes[begin + size]) || begin + size <= best_end)
            continue;
        best = a;
        best_end = begin + size;
    }
    if (best < 0)
        reader_fail(r, "an atom of that field");
    else
        r->at = best_end;
    return best < 0 ? ATOM_name : (enum atom)best;
}

/* Numbers are checked, not taken: they must be those that printing gives. */
static void read_label(struct reader *r)
{
    struct label *label = ARENA_NEW(r->m->arena, struct label);
    size_t begin = r->at, capacity = 0;
    label->field = reader_field(r);
    struct engine *e = &r->m->engines[label->field];
    size_t count = e->label_count;
    label->number = reader_number(r, count + 1);
    if (label->number != count)
        reader_fail(r, "the next number");
    do {
        struct pattern p = {.atom = read_atom(r, label->field)};
        p.bytes = reader_string(r, &p.size);
        *ARENA_PUSH(r->m->arena, label->patterns, label->pattern_count, capacity) = p;
    } while (reader_take(r, "or"));
    label->span = (struct span){r->source, (uint32_t)begin, (uint32_t)r->at};
    *ARENA_PUSH(r->m->arena, e->labels, count, r->label_capacity[label->field]) = label;
    e->label_count = (uint32_t)count;
    if (!r->failed && !label_parse(r->m, label, r->diags))
        r->failed = true;
}

/* ---- tests and predicates ---- */

static struct guard_term read_term(struct reader *r)
{
    struct guard_term t = {.kind = AST_TERM_INTEGER};
    if (reader_take(r, "layer")) {
        t.kind = AST_TERM_LAYER;
    } else if (reader_take(r, "ndim")) {
        t.kind = AST_TERM_NDIM;
    } else if (reader_take(r, "numel")) {
        t.kind = AST_TERM_NUMEL;
    } else if (reader_take(r, "shape")) {
        t.kind = AST_TERM_SHAPE;
        reader_expect(r, "[");
        t.integer = reader_integer(r);
        reader_expect(r, "]");
    } else {
        t.integer = reader_integer(r);
    }
    if (reader_take(r, "%") && (t.modulus = reader_integer(r)) < 1)
        reader_fail(r, "a modulus");
    return t;
}

/* Two-character signs first. */
static struct guard read_guard(struct reader *r)
{
    struct guard g = {.kind = GUARD_COMPARE};
    if (reader_take(r, "dtype")) {
        g.kind = GUARD_DTYPE;
        for (g.dtype = 0; g.dtype < DTYPE_COUNT && !reader_take(r, dtype_rows[g.dtype].word);)
            g.dtype++;
        if (g.dtype == DTYPE_COUNT)
            reader_fail(r, "an element type");
        return g;
    }
    g.left = read_term(r);
    if (reader_take(r, "in")) {
        g.kind = GUARD_RANGE;
        g.low = reader_integer(r);
        reader_expect(r, "..");
        g.high = reader_integer(r);
        return g;
    }
    static const enum ast_comparison longest_first[] = {AST_EQ, AST_NE, AST_LE, AST_GE, AST_LT, AST_GT};
    for (size_t i = 0; i < sizeof longest_first / sizeof *longest_first; i++)
        if (reader_take(r, comparison_words[longest_first[i]])) {
            g.comparison = longest_first[i];
            g.right = read_term(r);
            return g;
        }
    reader_fail(r, "a comparison");
    return g;
}

static const struct chain *read_chain(struct reader *r)
{
    uint32_t begin = (uint32_t)r->at;
    struct ast_string text = {0};
    text.bytes = reader_string(r, &text.size);
    text.span = (struct span){r->source, begin, (uint32_t)r->at};
    const struct chain *chain = r->failed ? NULL : chain_parse(r->m, &text, r->diags);
    if (!chain)
        reader_fail(r, "a query");
    return chain;
}

static void read_test(struct reader *r)
{
    struct program *p = &r->m->program;
    struct test t = {.kind = TEST_GUARD};
    if (reader_number(r, p->test_count + 1) != p->test_count)
        reader_fail(r, "the next number");
    if (reader_take(r, "label")) {
        t.kind = TEST_LABEL;
        enum field_id field = reader_field(r);
        uint32_t number = reader_number(r, r->m->engines[field].label_count);
        t.label = r->failed ? NULL : r->m->engines[field].labels[number];
    } else if (reader_take(r, "mpath")) {
        t.kind = TEST_CHAIN;
        t.chain = read_chain(r);
    } else {
        struct guard *guard = ARENA_NEW(p->arena, struct guard);
        *guard = read_guard(r);
        t.guard = guard;
    }
    *ARENA_PUSH(p->arena, p->tests, p->test_count, p->test_capacity) = t;
}

/* The three constants are there before (program_init): their lines are checked against them. */
static void read_pred(struct reader *r)
{
    struct program *p = &r->m->program;
    uint32_t number = reader_number(r, p->pred_count + 1), depth = 0;
    static const char *const words[] = {"false", "true", "unknown", "test", "not", "and", "or"};
    struct pred q = {.kind = PRED_FALSE};
    while (q.kind <= PRED_OR && !reader_take(r, words[q.kind]))
        q.kind++;
    if (q.kind > PRED_OR || (q.kind < PRED_TEST ? number != q.kind : number != p->pred_count)) {
        reader_fail(r, "a predicate");
        return;
    }
    if (q.kind < PRED_TEST)
        return;
    q.a = reader_number(r, q.kind == PRED_TEST ? p->test_count : p->pred_count);
    q.b = q.kind > PRED_NOT ? reader_number(r, p->pred_count) : 0;
    if (q.kind > PRED_TEST)
        depth = p->preds[q.a].depth > p->preds[q.b].depth ? p->preds[q.a].depth : p->preds[q.b].depth;
    q.depth = depth + 1;
    if (q.depth > PRED_DEPTH_MAX)
        reader_fail(r, "a predicate of less depth");
    *ARENA_PUSH(p->arena, p->preds, p->pred_count, p->pred_capacity) = q;
}

/* ---- rules ---- */

/* Decisions may test what rules ask, nothing else: that is what is printed again. Operands stand before what is made of them. */
static void mark_asked(struct reader *r)
{
    const struct program *p = &r->m->program;
    bool *held = ARENA_ARRAY(r->m->arena, p->pred_count + 1, bool);
    r->asked = ARENA_ARRAY(r->m->arena, p->test_count + 1, bool);
    for (size_t i = 0; i < p->rule_count && !r->failed; i++)
        held[p->rules[i]] = true;
    for (size_t i = p->pred_count; i-- > PRED_TEST;) {
        const struct pred *q = &p->preds[i];
        if (held[i] && q->kind == PRED_TEST)
            r->asked[q->a] = true;
        if (held[i] && q->kind > PRED_TEST)
            held[q->a] = true;
        if (held[i] && q->kind > PRED_NOT)
            held[q->b] = true;
    }
}

static void read_rules(struct reader *r)
{
    struct matcher *m = r->m;
    const char **origins = ARENA_ARRAY(m->arena, m->rule_count, const char *);
    m->program.rules = ARENA_ARRAY(m->arena, m->rule_count, uint32_t);
    m->program.rule_count = m->rule_count;
    m->rule_names = ARENA_ARRAY(m->arena, m->rule_count, uint32_t);
    for (size_t i = 0; i < m->rule_count && !r->failed; i++) {
        size_t size;
        reader_expect(r, "rule");
        if (reader_number(r, m->rule_count) != i)
            reader_fail(r, "the next number");
        reader_expect(r, "pred");
        m->program.rules[i] = reader_number(r, m->program.pred_count);
        origins[i] = reader_string(r, &size);
        m->rule_names[i] = NAMES_COUNT;
    }
    m->origins = origins;
    mark_asked(r);
}

static void read_name(struct reader *r)
{
    struct matcher *m = r->m;
    enum field_id field = reader_field(r);
    int table = field == FIELD_module ? NAMES_MODULE : NAMES_PARAMETER;
    struct names *names = &m->names[table];
    struct name_entry e = {0};
    if (field != FIELD_module && field != FIELD_parameter)
        reader_fail(r, "module or parameter");
    reader_expect(r, "rule");
    e.rule = reader_number(r, m->rule_count);
    e.bytes = reader_string(r, &e.size);
    if (r->failed)
        return;
    if (names->count && names->entries[names->count - 1].rule > e.rule)
        reader_fail(r, "names in rule order");
    m->rule_names[e.rule] = (uint32_t)table;
    names->field = field;
    *ARENA_PUSH(m->arena, names->entries, names->count, names->capacity) = e;
}

/* ---- outcomes ---- */

/* first[] always holds one entry more than there are sets. */
static void read_set(struct reader *r)
{
    enum field_id field = reader_field(r);
    struct engine *e = &r->m->engines[field];
    uint32_t last = 0;
    if (r->failed)
        return;
    if (!e->sets.count)
        *ARENA_PUSH(r->m->arena, e->sets.first, e->sets.count, e->sets.capacity) = 0;
    if (reader_number(r, e->sets.count) != e->sets.count - 1)
        reader_fail(r, "the next number");
    while (!r->failed && reader_word(r) && r->source->bytes[r->at] >= '0' && r->source->bytes[r->at] <= '9') {
        uint32_t label = reader_number(r, e->label_count);
        if (e->sets.label_count > e->sets.first[e->sets.count - 1] && label <= last)
            reader_fail(r, "ascending labels");
        *ARENA_PUSH(r->m->arena, e->sets.labels, e->sets.label_count, e->sets.label_capacity) = last = label;
    }
    *ARENA_PUSH(r->m->arena, e->sets.first, e->sets.count, e->sets.capacity) = (uint32_t)e->sets.label_count;
}

static size_t count_sets(const struct engine *e)
{
    return e->sets.count ? e->sets.count - 1 : 0;
}

/* next[] are numbers of decisions read before: the graph has no cycle. */
static void read_decision(struct reader *r)
{
    struct matcher *m = r->m;
    struct decision d = {.kind = DECISION_DONE, .rule = -1, .unknown = -1};
    static const char *const words[] = {"no", "yes", "unknown"};
    uint32_t depth = 0;
    if (reader_number(r, m->decision_count + 1) != m->decision_count)
        reader_fail(r, "the next number");
    if (reader_take(r, "test")) {
        d.kind = DECISION_TEST;
        d.test = reader_number(r, m->program.test_count);
        if (!r->failed && !r->asked[d.test])
            reader_fail(r, "a test that a rule asks");
        for (int t = 0; t < 3; t++) {
            reader_expect(r, words[t]);
            d.next[t] = reader_number(r, m->decision_count);
            if (!r->failed && r->depths[d.next[t]] >= depth)
                depth = r->depths[d.next[t]] + 1;
        }
    } else if (reader_take(r, "scan")) {
        d.kind = DECISION_SCAN;
        d.set = reader_number(r, m->primary == FIELD_COUNT ? 1 : count_sets(&m->engines[m->primary]));
    } else {
        reader_expect(r, "rule");
        d.rule = reader_optional(r, m->rule_count);
        reader_expect(r, "unknown");
        d.unknown = reader_optional(r, m->rule_count);
    }
    if (depth > DECISION_DEPTH_MAX)
        reader_fail(r, "a decision of less depth");
    *ARENA_PUSH(m->arena, r->depths, r->depth_count, r->depth_capacity) = depth;
    *ARENA_PUSH(m->arena, m->decisions, m->decision_count, r->decision_capacity) = d;
}

/* ---- automata ---- */

static int compare_ranges(const void *a, const void *b)
{
    const struct alphabet_range *x = a, *y = b;
    return (x->low > y->low) - (x->low < y->low);
}

/* Every code point is in exactly one class. */
static void read_classes(struct reader *r, struct dfa *dfa)
{
    size_t capacity = 0;
    for (uint32_t c = 0; c < dfa->class_count && !r->failed; c++) {
        reader_expect(r, "class");
        if (reader_number(r, dfa->class_count) != c)
            reader_fail(r, "the next number");
        while (!r->failed && reader_word(r) && !(reader_word(r) == 5 && (!memcmp(r->source->bytes + r->at, "class", 5) ||
                                                                      !memcmp(r->source->bytes + r->at, "state", 5)))) {
            struct alphabet_range range = {.low = reader_hexadecimal(r), .symbol = c};
            range.high = reader_take(r, "-") ? reader_hexadecimal(r) : range.low;
            *ARENA_PUSH(r->m->arena, dfa->ranges, dfa->range_count, capacity) = range;
        }
    }
    if (dfa->range_count)
        qsort(dfa->ranges, dfa->range_count, sizeof *dfa->ranges, compare_ranges);
    uint32_t next = 0;
    for (size_t i = 0; i < dfa->range_count && !r->failed; i++) {
        if (dfa->ranges[i].low != next || dfa->ranges[i].high < next)
            reader_fail(r, "classes that hold every code point once");
        next = dfa->ranges[i].high + 1;
    }
    if (next != CODE_POINT_MAX + 1)
        reader_fail(r, "classes that hold every code point once");
}

/* A range of classes the wrong way round enters nothing. */
static void read_state(struct reader *r, struct dfa *dfa, uint32_t state, uint64_t outcomes)
{
    uint32_t *row = dfa_row(dfa, state);
    reader_expect(r, "state");
    if (reader_number(r, dfa->state_count) != state)
        reader_fail(r, "the next number");
    reader_expect(r, "ends");
    *dfa_outcome(dfa, state) = reader_number(r, outcomes);
    reader_expect(r, "else");
    uint32_t other = dfa_place(dfa, reader_number(r, dfa->state_count));
    for (uint32_t c = 0; c < dfa->class_count; c++)
        row[c] = other;
    while (!r->failed && reader_word(r) && r->source->bytes[r->at] >= '0' && r->source->bytes[r->at] <= '9') {
        uint32_t first = reader_number(r, dfa->class_count), last = reader_take(r, "-") ? reader_number(r, dfa->class_count) : first;
        reader_expect(r, ":");
        uint32_t to = dfa_place(dfa, reader_number(r, dfa->state_count));
        for (uint32_t c = first; c <= last && !r->failed; c++)
            row[c] = to;
    }
}

/* Sizes are bounded before memory is taken: DFA_CELLS is that of a table before minimisation. */
static void read_table(struct reader *r, enum field_id field)
{
    struct engine *e = &r->m->engines[field];
    struct dfa *dfa = ARENA_NEW(r->m->arena, struct dfa);
    uint64_t outcomes = field == r->m->primary ? r->m->decision_count : count_sets(e);
    dfa->state_count = reader_number(r, r->source->size);
    reader_expect(r, "states");
    dfa->class_count = reader_number(r, r->source->size);
    reader_expect(r, "classes");
    if (!dfa->state_count || !dfa->class_count || (uint64_t)dfa->state_count * (dfa->class_count + 1) > 2 * (uint64_t)DFA_CELLS)
        reader_fail(r, "a table of a size that is possible");
    if (r->failed)
        return;
    read_classes(r, dfa);
    dfa_make_rows(dfa, r->m->arena);
    for (uint32_t s = 0; s < dfa->state_count && !r->failed; s++)
        read_state(r, dfa, s, outcomes);
    if (!r->failed)
        dfa_index_bytes(dfa);
    e->dfa = dfa;
}

static void read_automaton(struct reader *r)
{
    enum field_id field = reader_field(r);
    struct engine *e = &r->m->engines[field];
    if (!e->label_count || e->dfa)
        reader_fail(r, "a field with labels, once");
    if (r->failed || reader_take(r, "lazy"))
        return;
    reader_expect(r, "table");
    read_table(r, field);
}

/* ---- the whole ---- */

static void read_head(struct reader *r)
{
    reader_expect(r, "quern");
    reader_expect(r, "automaton");
    reader_expect(r, "1");
    r->m->rule_count = reader_number(r, r->source->size);
    r->m->rule_words = (r->m->rule_count + 63) / 64;
    reader_expect(r, "rules");
    while (reader_take(r, "label"))
        read_label(r);
    for (;;) {
        if (reader_take(r, "test"))
            read_test(r);
        else if (reader_take(r, "pred"))
            read_pred(r);
        else
            break;
    }
    read_rules(r);
    while (!r->failed && reader_take(r, "name"))
        read_name(r);
}

static void read_tail(struct reader *r)
{
    r->m->primary = FIELD_COUNT;
    if (reader_take(r, "primary"))
        r->m->primary = reader_field(r);
    if (r->m->primary != FIELD_COUNT && (!matcher_can_be_primary(r->m->primary) || !r->m->engines[r->m->primary].label_count))
        reader_fail(r, "a field of one string, with labels");
    while (!r->failed && !reader_take(r, "end")) {
        if (reader_take(r, "set"))
            read_set(r);
        else if (reader_take(r, "decision"))
            read_decision(r);
        else if (reader_take(r, "automaton"))
            read_automaton(r);
        else if (r->m->primary == FIELD_COUNT && reader_take(r, "root"))
            r->m->root = reader_number(r, r->m->decision_count);
        else
            reader_fail(r, "set, decision, automaton or end");
    }
    reader_skip(r);
    if (!r->failed && r->at < r->source->size)
        reader_fail(r, "nothing after the end");
    if (!r->failed && r->m->primary == FIELD_COUNT && !r->m->decision_count)
        reader_fail(r, "a root");
}

/* What the text does not hold is made again from it: indexes, and the NFAs that verdicts and lazy fields need. */
static bool finish_reading(struct matcher *m, struct arena *scratch, struct diags *diags)
{
    struct label *culprit;
    for (int t = 0; t < NAMES_COUNT; t++)
        if (m->names[t].count)
            names_index(&m->names[t], m->arena);
    matcher_number_labels(m);
    matcher_find_plain(m);
    if (!matcher_build_nfas(m, scratch, &culprit)) {
        diag_report(diags, DIAG_too_large, culprit ? culprit->span : (struct span){0}, "the automaton's patterns take too many steps to build");
        return false;
    }
    matcher_finish(m);
    return true;
}

struct matcher *matcher_read(struct arena *arena, struct source *source, struct diags *diags)
{
    struct matcher *m = ARENA_NEW(arena, struct matcher);
    struct reader r = {.m = m, .source = source, .diags = diags};
    m->arena = arena;
    struct arena *scratch = arena_open_child(arena);
    program_init(&m->program, arena, scratch);
    read_head(&r);
    if (!r.failed)
        read_tail(&r);
    bool built = !r.failed && finish_reading(m, scratch, diags);
    arena_close(scratch);
    return built ? m : NULL;
}
