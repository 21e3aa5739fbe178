/* Proofs about one recipe: rules that never win, names that two rules share, names that no rule takes. In: a question. Out:
 * proved, a witness, or open. A claim starts with the rules asked about; a subject found for it that another rule takes adds
 * that rule to the claim, until nothing is found or the matchers agree. So only rules that matter are ever searched, and those
 * added are a cover. A witness is always shown to the matchers, which are another implementation than the search: YES needs both
 * to agree. See prove.h. */
#include "codegen/match/prover.h"

#include <stdlib.h>
#include <string.h>

/* ---- opening ---- */

struct prover *prover_open(struct arena *arena, const struct recipe *const *recipes, const struct matcher *const *matchers, size_t count,
                           const struct prove_options *options)
{
    struct prover *p = ARENA_NEW(arena, struct prover);
    p->arena = arena;
    p->temporary = arena_open_child(arena);
    p->recipe_count = count;
    p->step_limit = options && options->steps ? options->steps : STEPS;
    p->steps = options && options->total_steps ? options->total_steps : TOTAL_STEPS;
    for (size_t r = 0; r < count; r++) {
        p->recipes[r] = recipes[r];
        p->matchers[r] = matchers[r];
        p->scratches[r] = arena_alloc(arena, matcher_scratch_size(matchers[r]));
        matcher_scratch_init(matchers[r], p->scratches[r]);
    }
    return prover_lower(p) ? p : NULL;
}

/* Once: a prover whose automaton cannot be built stays without one. */
bool prover_ready(struct prover *p)
{
    if (p->nfa || p->failed)
        return p->nfa != NULL;
    p->failed = !prover_build(p);
    if (p->failed)
        return false;
    p->truths = ARENA_ARRAY(p->arena, p->program->test_count + 1, unsigned char);
    p->marks = ARENA_ARRAY(p->arena, p->program->pred_count + 1, uint32_t);
    p->masks = ARENA_ARRAY(p->arena, p->program->pred_count + 1, unsigned char);
    memset(p->truths, TRUTH_OPEN, p->program->test_count);
    prover_rank_symbols(p);
    search_init(&p->names, p, 1u << FIELD_module);
    search_init(&p->strings, p, 0);
    return true;
}

bool prover_exhausted(const struct prover *p)
{
    return !p->steps;
}

const char *prover_open_reason(const struct prover *p)
{
    return p->stopped ? arena_printf(p->arena, "is not decided within %llu steps", (unsigned long long)p->step_limit)
                      : "is not decided: it hangs on what the proofs do not treat exactly";
}

/* ---- asking ---- */

static enum proof solve_rest(void *user, struct search *search)
{
    struct witness *w = user;
    return free_solve(search, &w->subject);
}

static bool has_part(const struct claim *claim, const struct claim_part *part)
{
    for (size_t i = 0; i < claim->count; i++)
        if (claim->parts[i].pred == part->pred && claim->parts[i].holds == part->holds)
            return true;
    return false;
}

/* Ends: every round adds a part that was not there, and there are finitely many. */
enum proof prove_claim(struct prover *p, struct claim *claim, enum subject_kind kind, uint32_t longest, witness_judge *judge, void *user,
                       struct witness *w)
{
    for (;;) {
        struct claim_part part = {0};
        uint32_t node;
        *w = (struct witness){.parameter = kind == KIND_PARAMETER, .subject = {.dtype = -1, .rank = -1}};
        enum proof found = search_run(&p->names, claim, kind, longest, solve_rest, w, &node);
        if (found != PROOF_YES)
            return found;
        w->name = search_string(&p->names, node, &w->size);
        w->length = p->names.nodes[node].depth;
        found = judge(user, w, &part);
        if (found == PROOF_YES)
            w->facts = witness_facts(p->arena, w);
        if (found != PROOF_NO)
            return found;
        if (has_part(claim, &part)) /* the matcher sees the subject otherwise than the search does */
            return PROOF_OPEN;
        claim_add(p, claim, part.pred, part.holds);
    }
}

/* ---- rules that never win ---- */

struct contest {
    struct prover *p;
    enum subject_kind kind;
    uint32_t rule;
    struct cover *cover;
    size_t capacity;
};

/* A winner behind the rule contradicts the claim that the rule matches: the matcher and the search differ. */
static enum proof judge_win(void *user, const struct witness *w, struct claim_part *part)
{
    struct contest *c = user;
    int winner = prover_winner(c->p, w, 0).rule;
    if (winner < 0 || winner > (int)c->rule)
        return PROOF_OPEN;
    if (winner == (int)c->rule)
        return PROOF_YES;
    *part = (struct claim_part){c->p->rules[0][c->kind][winner], false};
    for (size_t i = 0; i < c->cover->count; i++)
        if (c->cover->rules[i] == (uint32_t)winner)
            return PROOF_NO;
    *ARENA_PUSH(c->p->arena, c->cover->rules, c->cover->count, c->capacity) = (uint32_t)winner;
    return PROOF_NO;
}

/* Whether the rules of the cover but one take whatever the rule matches. */
static bool is_cover(struct prover *p, uint32_t rule, const struct cover *cover, size_t without)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        struct claim claim = {0};
        struct witness w = {.subject = {.dtype = -1, .rank = -1}};
        uint32_t node;
        if (!p->kinds[kind])
            continue;
        claim_add(p, &claim, p->rules[0][kind][rule], true);
        for (size_t i = 0; i < cover->count; i++)
            if (i != without)
                claim_add(p, &claim, p->rules[0][kind][cover->rules[i]], false);
        if (search_run(&p->names, &claim, (enum subject_kind)kind, UINT32_MAX, solve_rest, &w, &node) != PROOF_NO)
            return false;
    }
    return true;
}

/* A name that the rule's first atom takes, if it is simple: no search is needed when the rule wins there. */
static bool guess_name(const struct pattern *pattern, struct text *name)
{
    bool glob = pattern->atom == ATOM_glob || pattern->atom == ATOM_param_glob;
    if (!glob && atom_languages[pattern->atom] != LANGUAGE_exact)
        return false;
    for (size_t i = 0; i < pattern->size; i++) {
        char c = pattern->bytes[i];
        if (glob && c == '[')
            return false;
        if (!glob || c != '*')
            text_char(name, glob && c == '?' ? 'a' : c);
    }
    return true;
}

/* A guess is only ever a shortcut to YES: its answer is the matcher's. */
static bool guess_wins(struct contest *c, struct witness *w)
{
    const struct program *program = c->p->program;
    struct claim_part ignored;
    const struct pred *q = &program->preds[c->p->rules[0][KIND_MODULE][c->rule]];
    while (q->kind == PRED_AND || q->kind == PRED_OR)
        q = &program->preds[q->a];
    const struct label *label = q->kind == PRED_TEST && program->tests[q->a].kind == TEST_LABEL ? program->tests[q->a].label : NULL;
    struct text name = text_make(c->p->arena);
    if (!label || label->field != FIELD_module || !label->pattern_count || !guess_name(&label->patterns[0], &name))
        return false;
    *w = (struct witness){.name = text_string(&name), .size = name.size, .facts = "", .subject = {.dtype = -1, .rank = -1}};
    c->kind = KIND_MODULE;
    struct cover none = {0}, *kept = c->cover;
    c->cover = &none;
    bool wins = judge_win(c, w, &ignored) == PROOF_YES;
    c->cover = kept;
    c->capacity = 0;
    return wins;
}

static int compare_rules(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Drops what is not needed, the last rules first.
 * Each rule costs a search, so large covers stay as they are found: REDUCED_MAX. */
static void reduce_cover(struct prover *p, uint32_t rule, struct cover *cover)
{
    enum { REDUCED_MAX = 64 };
    if (cover->count > 1)
        qsort(cover->rules, cover->count, sizeof *cover->rules, compare_rules);
    for (size_t i = cover->count; i-- && cover->count > 1 && cover->count <= REDUCED_MAX;)
        if (is_cover(p, rule, cover, i)) {
            memmove(cover->rules + i, cover->rules + i + 1, (cover->count - i - 1) * sizeof *cover->rules);
            cover->count--;
        }
}

enum proof prove_wins(struct prover *p, uint32_t rule, struct cover *cover, struct witness *witness)
{
    struct contest c = {.p = p, .rule = rule, .cover = cover};
    *cover = (struct cover){0};
    p->stopped = false;
    if (guess_wins(&c, witness))
        return PROOF_YES;
    bool open = !prover_ready(p);
    for (int kind = KIND_COUNT; kind-- && !open;) {
        struct claim claim = {0};
        c.kind = (enum subject_kind)kind;
        if (!p->kinds[kind])
            continue;
        claim_add(p, &claim, p->rules[0][kind][rule], true);
        enum proof wins = prove_claim(p, &claim, c.kind, UINT32_MAX, judge_win, &c, witness);
        if (wins == PROOF_YES)
            return wins;
        open |= wins == PROOF_OPEN;
    }
    if (!open)
        reduce_cover(p, rule, cover);
    return open ? PROOF_OPEN : PROOF_NO;
}

/* ---- the shortest name ---- */

typedef void claim_fill(void *user, struct claim *claim, enum subject_kind kind);
/* Asks for names that read as such first; then, unless that was left open, for any; parameters first, then modules. fill makes
 * the claim. */
static enum proof ask_shortest(struct prover *p, claim_fill *fill, witness_judge *judge, void *user, struct witness *w)
{
    bool open = false;
    p->stopped = false;
    if (!prover_ready(p))
        return PROOF_OPEN;
    for (int any = 0; any < 2 && !open; any++)
        for (int kind = 0; kind < KIND_COUNT; kind++) {
            struct claim claim = {0};
            if (!p->kinds[kind])
                continue;
            fill(user, &claim, (enum subject_kind)kind);
            if (!any)
                claim_add(p, &claim, p->proper, true);
            enum proof found = prove_claim(p, &claim, (enum subject_kind)kind, UINT32_MAX, judge, user, w);
            if (found == PROOF_YES) {
                witness_find_typical(p, w, judge, user);
                return found;
            }
            open |= found == PROOF_OPEN;
        }
    return open ? PROOF_OPEN : PROOF_NO;
}

struct pair {
    struct prover *p;
    uint32_t a, b;
};

static void fill_pair(void *user, struct claim *claim, enum subject_kind kind)
{
    struct pair *pair = user;
    claim_add(pair->p, claim, pair->p->rules[0][kind][pair->a], true);
    claim_add(pair->p, claim, pair->p->rules[0][kind][pair->b], true);
}

/* Verdicts, not the winner: overlap asks what matches, whoever wins. */
static enum proof judge_pair(void *user, const struct witness *w, struct claim_part *part)
{
    struct pair *pair = user;
    struct prover *p = pair->p;
    struct subject s = witness_subject(p, w, 0);
    unsigned char *verdicts = ARENA_ARRAY(p->arena, p->recipes[0]->rule_count, unsigned char);
    matcher_verdicts(p->matchers[0], p->scratches[0], &s, verdicts);
    (void)part;
    return verdicts[pair->a] == TRUTH_YES && verdicts[pair->b] == TRUTH_YES ? PROOF_YES : PROOF_OPEN;
}

enum proof prove_overlap(struct prover *p, uint32_t a, uint32_t b, struct witness *witness)
{
    struct pair pair = {p, a, b};
    return ask_shortest(p, fill_pair, judge_pair, &pair, witness);
}

struct gap {
    struct prover *p;
    enum subject_kind kind;
};

static void fill_gap(void *user, struct claim *claim, enum subject_kind kind)
{
    struct gap *gap = user;
    gap->kind = kind;
    (void)claim;
}

static enum proof judge_gap(void *user, const struct witness *w, struct claim_part *part)
{
    struct gap *gap = user;
    int winner = prover_winner(gap->p, w, 0).rule;
    if (winner < 0)
        return PROOF_YES;
    *part = (struct claim_part){gap->p->rules[0][gap->kind][winner], false};
    return PROOF_NO;
}

enum proof prove_unmatched(struct prover *p, struct witness *witness)
{
    struct gap gap = {.p = p};
    return ask_shortest(p, fill_gap, judge_gap, &gap, witness);
}
