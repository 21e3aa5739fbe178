/* Lowering for proofs: the rules of one recipe or two as predicates over one string, for each kind of subject. In: recipes that
 * the matcher took. Out: p->rules. A module's string is its path; a parameter's is its full name, and what is asked of its
 * module, its own name or its role is put in words of that name. What the kind of subject does not have is unknown; what is
 * independent of names stays a free test. A translated rule is true exactly when the rule certainly matches. */
#include "codegen/match/prover.h"

#include <string.h>

enum { TOTAL_WORK_FACTOR = 32 };

/* What is asked of a rule is whether it certainly matches, so its predicate is put in terms of what is certainly so and
 * certainly not so: two answers, each by predicate, or UINT32_MAX where not made yet. */
enum { SURELY_NOT, SURELY, ANSWERS };
struct translation {
    struct prover *p;
    enum subject_kind kind;
    bool megatron;
    uint32_t *tests; /* by test: its predicate, which may be unknown */
    uint32_t *memo[ANSWERS];
};

static struct regex_pool *pool_of(struct prover *p)
{
    return &p->program->pools[FIELD_module];
}

/* Patterns written here; they have no fault. */
static const struct regex *parse(struct prover *p, const char *pattern)
{
    return regex_parse(pool_of(p), pattern, strlen(pattern)).root;
}

/* The label's language in the one pool. Its patterns were parsed before, so they are without fault. */
static const struct regex *root_in_pool(struct prover *p, const struct label *label)
{
    struct diags ignored;
    struct label copy = *label;
    copy.field = FIELD_module;
    diags_init(&ignored, p->arena);
    return label_parse(&p->lowered, &copy, &ignored) ? copy.root : pool_of(p)->never;
}

uint32_t prover_number_label(struct prover *p, struct label *label)
{
    if (label->number == UINT32_MAX) {
        label->number = (uint32_t)p->label_count;
        *ARENA_PUSH(p->arena, p->labels, p->label_count, p->label_capacity) = label;
    }
    return label->number;
}

/* A test whether the string is in root's language; like labels are one.
 * All labels live in the field `module` of the prover's program when they are about the string at hand. */
static uint32_t ask(struct prover *p, enum field_id field, const struct regex *root, const struct label *like)
{
    static const struct pattern none = {0};
    uint32_t pred = pred_of_label(p->program, field, root, like ? like->patterns : &none, like ? like->pattern_count : 0,
                                  like ? like->span : (struct span){0});
    prover_number_label(p, p->program->tests[p->program->preds[pred].a].label);
    return pred;
}

/* ---- a parameter's name ---- */

/* Whether what the expression takes may depend on what follows. */
static bool looks_beyond(const struct regex *n)
{
    if (n->kind == REGEX_ASSERT || n->kind == REGEX_LOOK || n->kind == REGEX_ATOMIC)
        return true;
    bool found = false;
    for (size_t i = 0; i < n->count && !found; i++)
        found = looks_beyond(n->items[i]);
    return found;
}

/* Names whose module path is in root's language: the part before the last dot, empty when there is none. An expression that
 * looks beyond itself must see the end of the path as an end: as an operand of AND it is a language of its own. */
static const struct regex *in_path(struct prover *p, const struct regex *root)
{
    struct regex_pool *pool = pool_of(p);
    const struct regex *tail = parse(p, "[^.]*"), *dot = regex_code_point(pool, '.');
    const struct regex *all = regex_repeat(pool, regex_any(pool, true), 0, REGEX_UNBOUNDED, false);
    const struct regex *path = looks_beyond(root) ? regex_and(pool, (const struct regex *[]){root, all}, 2) : root;
    const struct regex *below = regex_cat(pool, (const struct regex *[]){path, dot, tail}, 3);
    if (!root->nullable)
        return below;
    const struct regex *none = regex_and(pool, (const struct regex *[]){root, pool->empty}, 2);
    const struct regex *top = regex_cat(pool, (const struct regex *[]){none, tail}, 2);
    return regex_or(pool, (const struct regex *[]){below, top}, 2);
}

/* Names whose last segment is these bytes. */
static const struct regex *named(struct prover *p, const char *bytes, size_t size)
{
    struct regex_pool *pool = pool_of(p);
    if (memchr(bytes, '.', size))
        return pool->never;
    return regex_cat(pool, (const struct regex *[]){parse(p, "(?s:(?:.*\\.)?)"), regex_literal(pool, bytes, size)}, 2);
}

static const struct regex *any_named(struct prover *p, const struct label *label)
{
    const struct regex **items = ARENA_ARRAY(p->arena, label->pattern_count, const struct regex *);
    for (size_t i = 0; i < label->pattern_count; i++)
        items[i] = named(p, label->patterns[i].bytes, label->patterns[i].size);
    return regex_or(pool_of(p), items, label->pattern_count);
}

/* weight and bias by name, every other parameter is state. */
static const struct regex *with_role(struct prover *p, const struct pattern *role)
{
    const struct regex *weight = named(p, "weight", 6), *bias = named(p, "bias", 4);
    if (role->size == 6 && !memcmp(role->bytes, "weight", 6))
        return weight;
    if (role->size == 4 && !memcmp(role->bytes, "bias", 4))
        return bias;
    if (role->size == 5 && !memcmp(role->bytes, "state", 5))
        return regex_not(pool_of(p), regex_or(pool_of(p), (const struct regex *[]){weight, bias}, 2));
    return pool_of(p)->never;
}

static const struct regex *with_any_role(struct prover *p, const struct label *label)
{
    const struct regex **items = ARENA_ARRAY(p->arena, label->pattern_count, const struct regex *);
    for (size_t i = 0; i < label->pattern_count; i++)
        items[i] = with_role(p, &label->patterns[i]);
    return regex_or(pool_of(p), items, label->pattern_count);
}

/* ---- tests ---- */

static uint32_t translate_label(struct translation *t, const struct label *label)
{
    struct prover *p = t->p;
    bool module = t->kind == KIND_MODULE;
    switch (label->field) {
    case FIELD_module:
        return ask(p, FIELD_module, module ? label->root : in_path(p, label->root), label);
    case FIELD_parameter:
        return module ? PRED(UNKNOWN) : ask(p, FIELD_module, root_in_pool(p, label), label);
    case FIELD_param_name:
        return module ? PRED(UNKNOWN) : ask(p, FIELD_module, any_named(p, label), label);
    case FIELD_role:
        return module ? ask(p, FIELD_role, root_in_pool(p, label), label) : ask(p, FIELD_module, with_any_role(p, label), label);
    case FIELD_type: case FIELD_bases: case FIELD_outer_type: case FIELD_op: case FIELD_op_name: case FIELD_tag: case FIELD_dtype:
    case FIELD_chain: case FIELD_COUNT:
        break;
    }
    return ask(p, label->field, root_in_pool(p, label), label);
}

static bool is_about_layer(const struct guard *g)
{
    return g->kind != GUARD_DTYPE && (g->left.kind == AST_TERM_LAYER || (g->kind == GUARD_COMPARE && g->right.kind == AST_TERM_LAYER));
}

/* A test of the string, a free test, or unknown. */
static uint32_t translate_test(struct translation *t, uint32_t test)
{
    struct test copy = t->p->program->tests[test];
    if (t->tests[test] != UINT32_MAX)
        return t->tests[test];
    uint32_t pred = t->p->test_preds[test];
    if (copy.kind == TEST_LABEL)
        pred = translate_label(t, copy.label);
    else if (copy.kind == TEST_GUARD && t->kind == KIND_MODULE && !is_about_layer(copy.guard))
        pred = PRED(UNKNOWN);
    return t->tests[test] = pred;
}

/* A layer guard is surely false only where there is a layer number; without one it is unknown. */
static uint32_t sure_of_test(struct translation *t, uint32_t test, int answer)
{
    struct program *program = t->p->program;
    struct test copy = program->tests[test];
    if (copy.kind == TEST_GUARD && is_about_layer(copy.guard) && layer_guard_is_exact(copy.guard)) {
        uint32_t holds = layer_pred(t->p, copy.guard, t->kind, t->megatron);
        return answer ? holds : pred_and(program, layer_pred(t->p, NULL, t->kind, t->megatron), pred_not(program, holds));
    }
    uint32_t pred = translate_test(t, test);
    return pred == PRED(UNKNOWN) ? PRED(FALSE) : answer ? pred : pred_not(program, pred);
}

/* `not` swaps the two answers, `and` and `or` swap under SURELY_NOT; unknown is neither. Recursion is as deep as predicates are. */
static uint32_t sure(struct translation *t, uint32_t pred, int answer)
{
    struct program *program = t->p->program;
    struct pred q = program->preds[pred];
    uint32_t made = PRED(FALSE);
    if (t->memo[answer][pred] != UINT32_MAX)
        return t->memo[answer][pred];
    switch (q.kind) {
    case PRED_FALSE: made = answer ? PRED(FALSE) : PRED(TRUE); break;
    case PRED_TRUE: made = answer ? PRED(TRUE) : PRED(FALSE); break;
    case PRED_UNKNOWN: break;
    case PRED_TEST: made = sure_of_test(t, q.a, answer); break;
    case PRED_NOT: made = sure(t, q.a, !answer); break;
    case PRED_AND: case PRED_OR: {
        uint32_t a = sure(t, q.a, answer), b = sure(t, q.b, answer);
        made = (q.kind == PRED_AND) == answer ? pred_and(program, a, b) : pred_or_plain(program, a, b);
        break;
    }
    }
    return t->memo[answer][pred] = made;
}

/* ---- rules ---- */

/* Lists of names were taken out of the predicates: they come back as labels.
 * Entries of a rule stand together, in rule order. */
static void restore_names(struct prover *p, uint32_t *rules)
{
    struct matcher *m = &p->lowered;
    for (int table = 0; table < NAMES_COUNT; table++) {
        const struct names *names = &m->names[table];
        enum atom atom = table == NAMES_MODULE ? ATOM_name : ATOM_param_name;
        for (size_t i = 0, end; i < names->count; i = end) {
            for (end = i; end < names->count && names->entries[end].rule == names->entries[i].rule;)
                end++;
            struct label label = {.field = names->field, .pattern_count = end - i, .patterns = ARENA_ARRAY(p->arena, end - i, struct pattern)};
            for (size_t k = i; k < end; k++)
                label.patterns[k - i] = (struct pattern){atom, names->entries[k].bytes, names->entries[k].size};
            rules[names->entries[i].rule] = pred_of_label(p->program, names->field, root_in_pool(p, &label), label.patterns, end - i, label.span);
        }
    }
}

static uint32_t *lower_rules(struct prover *p, size_t r)
{
    struct matcher *m = &p->lowered;
    struct diags ignored;
    diags_init(&ignored, p->arena);
    m->rule_count = p->recipes[r]->rule_count;
    if (!matcher_lower(m, p->recipes[r], &ignored))
        return NULL;
    restore_names(p, p->program->rules);
    return p->program->rules;
}

struct survey {
    struct prover *p;
    bool parameter, layer;
};

/* What the rules look at. */
static void survey_test(void *user, uint32_t test)
{
    struct survey *s = user;
    const struct test *t = &s->p->program->tests[test];
    bool guard = t->kind == TEST_GUARD, layer = guard && is_about_layer(t->guard);
    if (t->kind == TEST_CHAIN)
        return;
    s->layer |= layer;
    s->parameter |= guard ? !layer || !layer_guard_is_exact(t->guard)
                          : t->label->field == FIELD_parameter || t->label->field == FIELD_param_name || t->label->field == FIELD_role;
}

static uint32_t *make_memo(struct prover *p, size_t count)
{
    uint32_t *memo = ARENA_ARRAY(p->arena, count + 1, uint32_t);
    memset(memo, 0xff, count * sizeof *memo);
    return memo;
}

static void translate_rules(struct prover *p, size_t r, enum subject_kind kind, const uint32_t *written)
{
    size_t count = p->recipes[r]->rule_count, preds = p->program->pred_count;
    struct translation t = {p, kind, p->recipes[r]->megatron_layers, make_memo(p, p->program->test_count), {make_memo(p, preds), make_memo(p, preds)}};
    p->rules[r][kind] = ARENA_ARRAY(p->arena, count, uint32_t);
    for (size_t i = 0; i < count; i++)
        p->rules[r][kind][i] = sure(&t, written[i], SURELY);
}

static void index_tests(struct prover *p)
{
    const struct program *program = p->program;
    p->test_preds = ARENA_ARRAY(p->arena, program->test_count + 1, uint32_t);
    for (uint32_t i = 0; i < program->pred_count; i++)
        if (program->preds[i].kind == PRED_TEST)
            p->test_preds[program->preds[i].a] = i;
}

/* apart: the search must know each label's states, so nothing is shared. */
static bool build_nfa(struct prover *p)
{
    struct nfa_limits limits = {.label_work = NFA_LABEL_WORK, .total_work = (uint64_t)NFA_LABEL_WORK * TOTAL_WORK_FACTOR, .apart = true};
    const struct regex **roots = ARENA_ARRAY(p->arena, p->label_count, const struct regex *);
    struct arena *scratch = arena_open_child(p->arena);
    uint32_t culprit;
    for (size_t l = 0; l < p->label_count; l++) /* layer numbers are no expressions: their automata come later */
        roots[l] = p->labels[l]->root->kind == REGEX_NEVER ? pool_of(p)->never : p->labels[l]->root;
    alphabet_build(&p->alphabet, p->arena, pool_of(p));
    p->nfa = nfa_build(p->arena, scratch, pool_of(p), &p->alphabet, roots, (uint32_t)p->label_count, &limits, &culprit);
    arena_close(scratch);
    return p->nfa != NULL;
}

/* Modules are asked about always; parameters only where some rule looks at what they alone have. */
bool prover_lower(struct prover *p)
{
    struct survey survey = {.p = p};
    uint32_t *written[RECIPES_MAX];
    p->lowered = (struct matcher){.arena = p->arena};
    p->program = &p->lowered.program;
    program_init(p->program, p->arena, p->arena);
    for (size_t r = 0; r < p->recipe_count; r++) {
        written[r] = lower_rules(p, r);
        for (size_t i = 0; written[r] && i < p->recipes[r]->rule_count; i++)
            pred_visit_tests(p->program, written[r][i], survey_test, &survey);
        if (!written[r])
            return false;
    }
    p->kinds[KIND_MODULE] = true;
    p->kinds[KIND_PARAMETER] = survey.parameter;
    if (survey.layer)
        layer_intern_characters(pool_of(p));
    for (int kind = 0; kind < KIND_COUNT; kind++)
        for (size_t r = 0; r < p->recipe_count && p->kinds[kind]; r++) {
            index_tests(p); /* which the translation before has added to */
            translate_rules(p, r, (enum subject_kind)kind, written[r]);
        }
    p->proper = ask(p, FIELD_module, parse(p, "(?:[A-Za-z_][A-Za-z_0-9]*|[0-9]+)(?:\\.(?:[A-Za-z_][A-Za-z_0-9]*|[0-9]+))*"), NULL);
    p->module_role = ask(p, FIELD_role, parse(p, "weight|bias|input|output"), NULL);
    index_tests(p);
    return true;
}

/* How many symbols a state is from the end of a name, at least: breadth first, backwards over the moves. */
static void measure_states(struct prover *p, struct arena *scratch)
{
    const struct nfa *nfa = p->nfa;
    uint32_t n = nfa->state_count, moves = nfa->first_move[n], count = 0;
    uint32_t *first = ARENA_ARRAY(scratch, n + 2, uint32_t), *sources = ARENA_ARRAY(scratch, moves + 1, uint32_t), *work = ARENA_ARRAY(scratch, n + 1, uint32_t);
    p->distances = ARENA_ARRAY(p->arena, n + 1, uint32_t);
    memset(p->distances, 0xff, n * sizeof *p->distances);
    for (uint32_t m = 0; m < moves; m++)
        first[nfa->moves[m].target + 1]++;
    for (uint32_t s = 0; s < n; s++)
        first[s + 1] += first[s];
    for (uint32_t s = 0; s < n; s++)
        for (uint32_t m = nfa->first_move[s]; m < nfa->first_move[s + 1]; m++)
            sources[first[nfa->moves[m].target]++] = s;
    for (uint32_t s = 0; s < n; s++)
        if (nfa->flags[s] & NFA_ENDS)
            p->distances[work[count++] = s] = 0;
    for (uint32_t at = 0; at < count; at++)
        for (uint32_t i = work[at] ? first[work[at] - 1] : 0; i < first[work[at]]; i++)
            if (p->distances[sources[i]] == UINT32_MAX)
                p->distances[work[count++] = sources[i]] = p->distances[work[at]] + 1;
}

bool prover_build(struct prover *p)
{
    if (!build_nfa(p))
        return false;
    layer_finish(p);
    struct arena *scratch = arena_open_child(p->arena);
    measure_states(p, scratch);
    arena_close(scratch);
    return true;
}
