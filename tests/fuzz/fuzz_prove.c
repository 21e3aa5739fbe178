/* Fuzz target: what the prover says of one recipe or two, against the oracle of backtrack.h and every short name. The input is lines
 * of rule_lines.h; an empty line ends the first recipe. A subject that is shown must show it, what is proved absent must be absent
 * from the names that are enumerated, and none of them may be shorter than the shortest. */
#define _GNU_SOURCE /* memmem */
#include <stdint.h>
#include "codegen/match/prove.h"
#include "tests/fuzz/rule_lines.h"

enum { SIDES = 2, VALUES = 8, NAMES_WITH_VALUES = 12 };

struct side {
    struct rule_lines lines;
    const struct recipe *recipe;
    const struct matcher *matcher;
    uint32_t actions[RULES_MAX + 1];
};
/* A subject and what each rule says of it. */
struct shown {
    struct subject subject;
    bool parameter, proper; /* proper: identifiers and numbers joined by dots */
    size_t size;            /* characters of its name */
    unsigned char verdicts[SIDES][RULES_MAX];
};
struct world {
    struct arena arena;
    struct side sides[SIDES];
    size_t side_count;
    struct shown *items;
    size_t count, capacity;
};
/* A claim about a subject. What the prover may claim of a subject: rule a wins, rules a and b both match, no rule matches, the
 * two recipes act otherwise. */
enum claim_kind { CLAIM_WINS, CLAIM_OVERLAPS, CLAIM_UNMATCHED, CLAIM_DIFFERS };
struct question {
    enum claim_kind kind;
    uint32_t a, b;     /* rules of the first side */
    size_t sides[SIDES]; /* DIFFERS */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- subjects ---- */

/* Segments of letters, digits and `_`; one that begins with a digit is a number. */
static bool is_proper(const struct field *name)
{
    bool begins = true, number = false, proper = true;
    for (size_t i = 0; i < name->size && proper; i++) {
        char c = name->bytes[i];
        proper = c == '.' ? !begins : begins || !number ? is_plain(c) : isdigit((unsigned char)c);
        number = begins ? isdigit((unsigned char)c) : number;
        begins = c == '.';
    }
    return proper && !begins;
}

/* False: the oracle does not know. */
static bool show(struct world *w, struct shown *shown, const struct field *name, bool parameter, const struct subject *known)
{
    struct subject *s = &shown->subject;
    if (parameter)
        subject_of_parameter(s, name->bytes, name->size, known->dtype, known->rank, known->shape, false);
    else
        subject_of_module(s, name->bytes, name->size, false);
    s->types = known->types, s->type_count = known->type_count;
    s->tags = known->tags, s->tag_count = known->tag_count;
    if (!parameter)
        s->role = known->role;
    shown->parameter = parameter;
    shown->proper = is_proper(name);
    shown->size = name->size;
    bool known_to_all = true;
    for (size_t i = 0; i < w->side_count; i++)
        known_to_all &= rule_lines_verdicts(&w->sides[i].lines, s, shown->verdicts[i]);
    return known_to_all;
}

/* Subjects the oracle does not know are left out: nothing is checked about them. */
static void add(struct world *w, const struct field *name, bool parameter, const struct subject *known)
{
    struct shown shown;
    if (show(w, &shown, name, parameter, known))
        *ARENA_PUSH(&w->arena, w->items, w->count, w->capacity) = shown;
}

/* Every short name; the first of them with values of whatever else a rule may ask. */
static void fill(struct world *w)
{
    static const struct field A = {"A", 1}, B = {"B", 1}, t = {"t", 1};
    static const int64_t shapes[][2] = {{2, 2}, {3, 1}, {4, 3}, {1, 4}};
    static const struct subject values[VALUES] = {
        {.dtype = -1, .rank = -1}, {.dtype = DTYPE_bf16, .rank = 2, .shape = shapes[0]}, {.dtype = DTYPE_f32, .rank = 1, .shape = shapes[1]},
        {.dtype = DTYPE_i8, .rank = 2, .shape = shapes[2], .types = &A, .type_count = 1}, {.dtype = DTYPE_f32, .rank = 0, .shape = shapes[0]},
        {.dtype = -1, .rank = -1, .tags = &t, .tag_count = 1, .role = {"weight", 6}},
        {.dtype = -1, .rank = -1, .types = &B, .type_count = 1, .role = {"bias", 4}},
        {.dtype = DTYPE_bf16, .rank = 2, .shape = shapes[3], .tags = &t, .types = &A, .type_count = 1},
    };
    size_t count;
    const struct field *names = rule_lines_names(&w->arena, &w->sides[0].lines, &count);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < (i < NAMES_WITH_VALUES || i + 3 > count ? VALUES : 1); k++) {
            add(w, &names[i], false, &values[k]);
            add(w, &names[i], true, &values[k]);
        }
}

/* ---- claims ---- */

static uint32_t action_of(const struct world *w, const struct shown *shown, size_t side)
{
    const struct side *s = &w->sides[side];
    int rule = first_of(shown->verdicts[side], s->lines.count).rule;
    return s->actions[rule < 0 ? (int)s->lines.count : rule];
}

/* Of a subject in the enumeration, by the oracle's verdicts alone. */
static bool holds(const struct world *w, const struct question *q, const struct shown *shown)
{
    const unsigned char *verdicts = shown->verdicts[0];
    int first = first_of(verdicts, w->sides[0].lines.count).rule;
    switch (q->kind) {
    case CLAIM_WINS: return first == (int)q->a;
    case CLAIM_OVERLAPS: return verdicts[q->a] == TRUTH_YES && verdicts[q->b] == TRUTH_YES;
    case CLAIM_UNMATCHED: return first < 0;
    case CLAIM_DIFFERS: return action_of(w, shown, q->sides[0]) != action_of(w, shown, q->sides[1]);
    }
    return false;
}

static void check_name(struct world *w, const struct question *q, const struct witness *witness, const struct field *name, struct shown *shown)
{
    bool known = show(w, shown, name, witness->parameter, &witness->subject);
    if (known && !holds(w, q, shown))
        abort();
}

/* Whether the one is a subject to be found before the other: the kinds are asked one after the other. */
static bool comes_before(const struct shown *a, const struct shown *b)
{
    return a->parameter == b->parameter && (a->proper != b->proper ? a->proper : a->size < b->size);
}

/* Yes: what is shown shows it. No: nothing enumerated does. Either way nothing enumerated is shorter than what was found. Open:
 * nothing is claimed. */
static void check(struct world *w, const struct question *q, enum proof proof, const struct witness *witness)
{
    struct shown found = {0};
    if (proof == PROOF_YES)
        check_name(w, q, witness, &(struct field){witness->name, witness->size}, &found);
    if (proof == PROOF_YES && q->kind != CLAIM_WINS && witness->typical)
        check_name(w, q, witness, &(struct field){witness->typical, strlen(witness->typical)}, &(struct shown){0});
    found.size = witness->length;
    for (size_t i = 0; i < w->count && proof != PROOF_OPEN; i++)
        if (holds(w, q, &w->items[i]) && (proof == PROOF_NO || (q->kind != CLAIM_WINS && comes_before(&w->items[i], &found))))
            abort();
}

/* Whatever a rule that never wins takes is taken by a rule of its cover. */
static void check_cover(const struct world *w, uint32_t rule, const struct cover *cover)
{
    for (size_t i = 0; i < w->count; i++) {
        const unsigned char *verdicts = w->items[i].verdicts[0];
        bool covered = verdicts[rule] != TRUTH_YES;
        for (size_t k = 0; k < cover->count; k++)
            covered |= cover->rules[k] < rule && verdicts[cover->rules[k]] == TRUTH_YES;
        if (!covered)
            abort();
    }
}

/* ---- questions ---- */

static struct prover *open_prover(struct world *w, size_t count, size_t first, size_t second)
{
    static const struct prove_options options = {.steps = 200 * 1000, .total_steps = 2 * 1000 * 1000};
    const struct side *a = &w->sides[first], *b = &w->sides[second];
    return prover_open(&w->arena, (const struct recipe *[]){a->recipe, b->recipe}, (const struct matcher *[]){a->matcher, b->matcher}, count,
                       &options);
}

/* Of one recipe: every rule, neighbours for overlaps, totality. */
static void ask_one(struct world *w)
{
    struct prover *p = open_prover(w, 1, 0, 0);
    uint32_t count = (uint32_t)w->sides[0].lines.count;
    for (uint32_t i = 0; p && i < count; i++) {
        struct witness witness = {0};
        struct cover cover;
        enum proof wins = prove_wins(p, i, &cover, &witness);
        check(w, &(struct question){CLAIM_WINS, i, i, {0}}, wins, &witness);
        if (wins == PROOF_NO)
            check_cover(w, i, &cover);
    }
    for (uint32_t i = 1; p && i < count; i++) {
        struct witness witness = {0};
        enum proof overlaps = prove_overlap(p, i - 1, i, &witness);
        check(w, &(struct question){CLAIM_OVERLAPS, i - 1, i, {0}}, overlaps, &witness);
    }
    struct witness witness = {0};
    enum proof unmatched = p ? prove_unmatched(p, &witness) : PROOF_OPEN;
    check(w, &(struct question){.kind = CLAIM_UNMATCHED}, unmatched, &witness);
}

static enum proof ask_two(struct world *w, size_t first, size_t second, struct witness *witness)
{
    struct prover *p = open_prover(w, 2, first, second);
    const uint32_t *const actions[] = {w->sides[first].actions, w->sides[second].actions};
    enum proof differs = p ? prove_differ(p, actions, witness) : PROOF_OPEN;
    check(w, &(struct question){CLAIM_DIFFERS, 0, 0, {first, second}}, differs, witness);
    return differs;
}

/* The same in either order, and no recipe differs from itself. */
static void ask_pairs(struct world *w)
{
    struct witness ab = {0}, ba = {0}, aa = {0};
    if (ask_two(w, 0, 0, &aa) == PROOF_YES)
        abort();
    if (w->side_count < SIDES)
        return;
    enum proof one = ask_two(w, 0, 1, &ab), other = ask_two(w, 1, 0, &ba);
    if (one != PROOF_OPEN && other != PROOF_OPEN && one != other)
        abort();
    if (one == PROOF_YES && other == PROOF_YES && (ab.parameter != ba.parameter || ab.length != ba.length))
        abort();
}

/* ---- entry ---- */

/* False: beyond the limits of the matcher. */
static bool open_side(struct world *w, struct side *side)
{
    struct diags diags;
    diags_init(&diags, &w->arena);
    side->recipe = rule_lines_recipe(&w->arena, &side->lines);
    side->matcher = matcher_compile(side->recipe, NULL, &diags);
    for (size_t i = 0; i < side->lines.count; i++)
        side->actions[i] = side->lines.items[i].target;
    side->actions[side->lines.count] = TARGET_SKIP;
    return side->matcher;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *w = calloc(1, sizeof *w);
    const char *bytes = (const char *)data, *end = bytes + size, *gap = size ? memmem(bytes, size, "\n\n", 2) : NULL;
    if (!w)
        return 0;
    arena_init(&w->arena, NULL);
    w->side_count = gap ? 2 : 1;
    bool good = rule_lines_read(&w->sides[0].lines, bytes, gap ? gap : end) && (!gap || rule_lines_read(&w->sides[1].lines, gap + 2, end));
    for (size_t i = 0; i < w->side_count && good; i++)
        good = open_side(w, &w->sides[i]);
    if (good) {
        fill(w);
        ask_one(w);
        ask_pairs(w);
    }
    arena_close(&w->arena);
    free(w);
    return 0;
}
