/* Proofs against enumeration: random recipes over a few characters, every name up to some length, every value of what else
 * a rule may ask. What is found must be there, what is proved absent must be absent, and the shortest must be the shortest.
 * The seed is printed; QUERN_SEED repeats a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "codegen/match/prove.h"
#include "tests/unit/match_bench.h"

enum { LENGTH_MAX = 6, ROUNDS = 100, TEXT_MAX = 4096, RULES_MAX = 6 };

static uint64_t seed;

static unsigned draw(unsigned limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((seed >> 33) % limit);
}

/* ---- random recipes ---- */

struct draft {
    char text[TEXT_MAX];
    size_t size;
};

static void put(struct draft *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct draft *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    d->size += (size_t)vsnprintf(d->text + d->size, sizeof d->text - d->size, format, args);
    va_end(args);
    assert_true(d->size < sizeof d->text);
}

static void put_glob(struct draft *d)
{
    static const char *const pieces[] = {"a", "b", ".", "*", "*", "?", "ab", "[ab]", "a.b"};
    for (unsigned n = 1 + draw(3); n; n--)
        put(d, "%s", pieces[draw(sizeof pieces / sizeof *pieces)]);
    put(d, "%s", draw(2) ? "*" : "");
}

static void put_regex(struct draft *d)
{
    static const char *const pieces[] = {"a", "b", "\\.", "(?s:.*)", "[^.]+", "(?:a|b\\.)", "a?", "b*", "\\b", "(?:ab){1,2}",
                                         "(?!a)", "(?=[^.]b?)", "(?<=a)", "(?<!\\.)", "(?!.*b)", "(?>a*)"};
    for (unsigned n = 1 + draw(3); n; n--)
        put(d, "%s", pieces[draw(sizeof pieces / sizeof *pieces)]);
    put(d, "%s", draw(3) ? "" : "$");
}

/* What a subject of this test may be asked, besides its name. */
enum family { NAMES, PARAMETERS, LAYERS, VALUES, FAMILY_COUNT };

static void put_value(struct draft *d)
{
    static const char *const values[] = {
        "dtype f32", "dtype bf16", "ndim == 1", "ndim < 2", "shape[0] % 2 == 0", "shape[0] in 2..3", "shape[-1] > 1", "shape[1] == shape[0]",
        "numel < 3", "numel == 4", "type \"A\"", "type \"B\"", "type re \"A|C\"", "isa \"A\"", "isa \"B\"", "tag \"t\"", "op \"o\"", "op \"p\"",
        "opname re \"o.*\"",
    };
    put(d, "%s", values[draw(sizeof values / sizeof *values)]);
}

static void put_layer(struct draft *d)
{
    static const char *const guards[] = {"layer < 3", "layer >= 2", "layer == 1", "layer != 2", "layer in 1..10", "layer in 10..12", "layer % 2 == 0",
                                         "layer % 3 != 1", "layer < 9223372036854775807", "layer == 9", "layer % 2 == layer % 4"};
    put(d, "%s", guards[draw(sizeof guards / sizeof *guards)]);
}

static void put_atom(struct draft *d, enum family family)
{
    static const char *const parameters[] = {"param glob", "param \"a\"", "role weight", "role state", "param under \"a\"", "param re \".*b\""};
    if (family == VALUES && draw(3)) {
        put_value(d);
    } else if (family == LAYERS && draw(3)) {
        put_layer(d);
    } else if (family == PARAMETERS && draw(2)) {
        unsigned which = draw(sizeof parameters / sizeof *parameters);
        put(d, "%s", parameters[which]);
        if (!which) {
            put(d, " \"");
            put_glob(d);
            put(d, "\"");
        }
    } else if (draw(3)) {
        put(d, "glob \"");
        put_glob(d);
        put(d, "\"");
    } else {
        put(d, "re \"");
        put_regex(d);
        put(d, "\"");
    }
}

static void put_rules(struct draft *d, enum family family, unsigned count)
{
    static const char *const targets[] = {"w", "v", "skip"};
    put(d, "config w { weight int8 }\nconfig v { weight int4 }\nmatch first {\n");
    for (unsigned i = 0; i < count; i++) {
        for (unsigned n = 1 + draw(2); n; n--) {
            put(d, "%s", draw(4) ? "" : "not ");
            put_atom(d, family);
            put(d, "%s", n == 1 ? "" : draw(2) ? " and " : " or ");
        }
        put(d, " => %s\n", targets[draw(3)]);
    }
    put(d, "%s}\n", draw(3) ? "" : "_ => w\n");
}

/* ---- all subjects ---- */

struct world {
    struct arena arena;
    struct subject *subjects;
    unsigned *lengths;
    bool *proper; /* segments joined by dots */
    size_t count, capacity;
};

static bool is_proper(const char *name, size_t size)
{
    char before = '.';
    for (size_t i = 0; i < size; before = name[i++])
        if (name[i] == '\n' || (name[i] == '.' && before == '.'))
            return false;
    return size && before != '.';
}

static void add_subject(struct world *w, const struct subject *s, const char *name, size_t size)
{
    if (w->count == w->capacity) {
        size_t capacity = w->capacity ? 2 * w->capacity : 1024;
        w->subjects = arena_grow(&w->arena, w->subjects, w->count, capacity, sizeof *w->subjects);
        w->lengths = arena_grow(&w->arena, w->lengths, w->count, capacity, sizeof *w->lengths);
        w->proper = arena_grow(&w->arena, w->proper, w->count, capacity, sizeof *w->proper);
        w->capacity = capacity;
    }
    w->subjects[w->count] = *s;
    w->lengths[w->count] = (unsigned)size;
    w->proper[w->count++] = is_proper(name, size);
}

static void add_names(struct world *w, char *name, size_t size, bool parameters)
{
    static const char letters[] = "abc.\n";
    const char *copy = arena_copy(&w->arena, name, size);
    struct subject s;
    subject_of_module(&s, copy, size, false);
    add_subject(w, &s, copy, size);
    if (parameters) {
        subject_of_parameter(&s, copy, size, -1, -1, NULL, false);
        add_subject(w, &s, copy, size);
    }
    for (size_t i = 0; i < sizeof letters - 1 && size < (parameters ? LENGTH_MAX - 1 : LENGTH_MAX); i++) {
        name[size] = letters[i];
        add_names(w, name, size + 1, parameters);
    }
}

static void add_layers(struct world *w)
{
    static const char *const paths[] = {"layers.%s", "h.%s", "a.layers.%s", "layers.%s.layers.2", "h.%s.layers.1", "layer.%s.h.3", "ab.%sblk.3",
                                          "xlayers.%s", "xh.%s", "layers.layers.%s.a", "blk.blk.%s", "block.%sb", "blocks.%s.h.1", "a.b%s", "h.h%s", "layers%s"};
    static const char *const numbers[] = {"0", "1", "2", "3", "4", "5", "9", "10", "11", "12", "13", "19", "20", "007", "010", "100", "9223372036854775806",
                                          "9223372036854775807", "9223372036854775808", "92233720368547758070", ""};
    for (size_t f = 0; f < sizeof paths / sizeof *paths; f++)
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
            char *name = arena_alloc(&w->arena, 64);
            struct subject s;
            size_t size = (size_t)snprintf(name, 64, paths[f], numbers[n]);
            subject_of_module(&s, name, size, false);
            add_subject(w, &s, name, size);
        }
}

static const struct field class_strings[] = {{"A", 1}, {"B", 1}, {"C", 1}, {"D", 1}};

/* Every value of everything for a few names. */
static void add_values(struct world *w)
{
    static const int64_t shapes[][2] = {{0, 0}, {1, 1}, {2, 2}, {3, 1}, {4, 1}, {1, 2}, {2, 1}, {1, 4}, {3, 3}, {5, 7}};
    static const int dtypes[] = {-1, DTYPE_f32, DTYPE_bf16, DTYPE_i8};
    static const struct field ops[] = {{NULL, 0}, {"o", 1}, {"p", 1}, {"q", 1}}, tags[] = {{"t", 1}, {"u", 1}};
    for (int round = 0; round < 3000; round++) {
        struct subject s;
        const char *name = (const char *[]){"a", "b", "a.b", "ab.a"}[draw(4)];
        if (draw(4)) {
            int rank = (int)draw(4) - 1;
            subject_of_parameter(&s, name, strlen(name), dtypes[draw(4)], rank > 2 ? 2 : rank, shapes[draw(10)], false);
        } else {
            subject_of_module(&s, name, strlen(name), false);
        }
        if (draw(2)) {
            s.types = class_strings + draw(4);
            s.type_count = 1;
        }
        if (draw(2)) {
            unsigned first = draw(4);
            s.bases = class_strings + first;
            s.base_count = draw(5 - first);
        }
        if (draw(2)) {
            s.tags = tags + draw(2);
            s.tag_count = draw(2);
        }
        s.op = ops[draw(4)];
        s.op_name = ops[draw(4)];
        add_subject(w, &s, name, strlen(name));
    }
}

/* ---- questions ---- */

struct answer {
    bool found;
    unsigned shortest, shortest_proper; /* UINT_MAX: none */
};

typedef bool question(struct bench *const *benches, const struct subject *s, const void *data);

static struct answer enumerate(const struct world *w, question *ask, struct bench *const *benches, const void *data)
{
    struct answer a = {false, UINT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < w->count; i++) {
        if (!ask(benches, &w->subjects[i], data))
            continue;
        a.found = true;
        a.shortest = w->lengths[i] < a.shortest ? w->lengths[i] : a.shortest;
        if (w->proper[i] && w->lengths[i] < a.shortest_proper)
            a.shortest_proper = w->lengths[i];
    }
    return a;
}

static int winner(struct bench *b, const struct subject *s)
{
    return matcher_match(b->matcher, b->scratch, s).rule;
}

static bool wins(struct bench *const *b, const struct subject *s, const void *data)
{
    return winner(b[0], s) == *(const int *)data;
}

static bool overlaps(struct bench *const *b, const struct subject *s, const void *data)
{
    const int *pair = data;
    unsigned char verdicts[RULES_MAX + 2];
    matcher_verdicts(b[0]->matcher, b[0]->scratch, s, verdicts);
    return verdicts[pair[0]] == 1 && verdicts[pair[1]] == 1;
}

/* The target's number: skip and no rule are one. */
static uint32_t action_of(const struct bench *b, int rule)
{
    const char *name = rule < 0 ? "skip" : b->recipe->rules[rule].name;
    return !strcmp(name, "w") ? 1 : !strcmp(name, "v") ? 2 : 0;
}

static bool differ(struct bench *const *b, const struct subject *s, const void *data)
{
    (void)data;
    return action_of(b[0], winner(b[0], s)) != action_of(b[1], winner(b[1], s));
}

static unsigned open_count, question_count;
static bool in_few_steps; /* most questions stay open then, and the rest must be right */

/* exact: the world holds every name up to its length, so that the shortest can be told. */
static void compare(const char *what, enum proof proof, const struct witness *w, struct answer a, bool exact, const struct draft *text)
{
    question_count++;
    open_count += proof == PROOF_OPEN;
    if (proof == PROOF_NO && a.found)
        fail_msg("%s: proved absent, but a name of %u characters shows it\n%s", what, a.shortest, text->text);
    if (!exact || in_few_steps || proof != PROOF_YES || w->length >= LENGTH_MAX)
        return;
    unsigned expected = a.shortest_proper != UINT32_MAX ? a.shortest_proper : a.shortest;
    if (is_proper(w->name, w->size) ? w->length != expected : !a.found || w->length > LENGTH_MAX)
        fail_msg("%s: `%s` has %u characters, the shortest %u\n%s", what, w->name, w->length, expected, text->text);
}

/* Whatever a rule that never wins matches is matched by a rule of its cover. */
static void check_cover(const struct world *w, struct bench *b, int rule, const struct cover *cover, const struct draft *text)
{
    unsigned char verdicts[RULES_MAX + 2];
    for (size_t i = 0; i < w->count; i++) {
        bool covered = false;
        matcher_verdicts(b->matcher, b->scratch, &w->subjects[i], verdicts);
        for (size_t k = 0; k < cover->count; k++)
            covered |= verdicts[cover->rules[k]] == 1;
        if (verdicts[rule] == 1 && !covered)
            fail_msg("rule %d: its cover of %zu rules leaves a name out\n%s", rule, cover->count, text->text);
    }
}

static void ask_all(struct world *w, const struct draft *texts, bool exact)
{
    struct bench first, second, *benches[] = {&first, &second};
    open_recipe(&first, texts[0].text, NULL);
    open_recipe(&second, texts[1].text, NULL);
    if (!first.matcher || !second.matcher)
        fail_msg("%s%s", messages(first.matcher ? &second : &first), texts[!first.matcher ? 0 : 1].text);
    struct witness witness = {0};
    struct cover cover;
    int rules = (int)first.recipe->rule_count;
    const struct prove_options few = {.steps = 1 + draw(300)};
    struct prover *p = prover_open(&first.arena, (const struct recipe *[]){first.recipe}, (const struct matcher *[]){first.matcher}, 1,
                                   in_few_steps ? &few : NULL);
    assert_non_null(p);
    for (int i = 0; i < rules; i++) {
        enum proof won = prove_wins(p, (uint32_t)i, &cover, &witness);
        compare("wins", won, &witness, enumerate(w, wins, benches, &i), false, &texts[0]);
        if (won == PROOF_NO)
            check_cover(w, &first, i, &cover, &texts[0]);
    }
    for (int i = 1; i < rules; i++) {
        int pair[] = {i - 1, i};
        enum proof proof = prove_overlap(p, (uint32_t)i - 1, (uint32_t)i, &witness);
        compare("overlap", proof, &witness, enumerate(w, overlaps, benches, pair), exact, &texts[0]);
    }
    int none = -1;
    enum proof unmatched = prove_unmatched(p, &witness);
    compare("unmatched", unmatched, &witness, enumerate(w, wins, benches, &none), exact, &texts[0]);
    uint32_t actions[2][RULES_MAX + 2];
    for (int r = 0; r < 2; r++)
        for (size_t i = 0; i <= benches[r]->recipe->rule_count; i++)
            actions[r][i] = action_of(benches[r], i < benches[r]->recipe->rule_count ? (int)i : -1);
    struct prover *both = prover_open(&first.arena, (const struct recipe *[]){first.recipe, second.recipe},
                                      (const struct matcher *[]){first.matcher, second.matcher}, 2, in_few_steps ? &few : NULL);
    enum proof different = prove_differ(both, (const uint32_t *const[]){actions[0], actions[1]}, &witness);
    compare("differ", different, &witness, enumerate(w, differ, benches, NULL), exact, &texts[0]);
    close_recipe(&second);
    close_recipe(&first);
}

static void ask_random(enum family family, void (*fill)(struct world *))
{
    struct world w = {0};
    arena_init(&w.arena, NULL);
    fill(&w);
    open_count = question_count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct draft texts[2] = {0};
        put_rules(&texts[0], family, 1 + draw(RULES_MAX));
        if (draw(2))
            put_rules(&texts[1], family, 1 + draw(RULES_MAX));
        else
            texts[1] = texts[0]; /* equal: must be proved so */
        ask_all(&w, texts, family == NAMES);
    }
    print_message("%u of %u questions open\n", open_count, question_count);
    assert_true(in_few_steps || open_count * 20 <= question_count);
    arena_close(&w.arena);
}

static void fill_names(struct world *w)
{
    char name[LENGTH_MAX + 1];
    add_names(w, name, 0, false);
}
static void fill_parameters(struct world *w)
{
    char name[LENGTH_MAX + 1];
    add_names(w, name, 0, true);
}

static void names_as_enumerated(void **state) { (void)state; ask_random(NAMES, fill_names); }
static void parameters_as_enumerated(void **state) { (void)state; ask_random(PARAMETERS, fill_parameters); }
static void layers_as_enumerated(void **state) { (void)state; ask_random(LAYERS, add_layers); }
static void values_as_enumerated(void **state) { (void)state; ask_random(VALUES, add_values); }

static void few_steps_as_enumerated(void **state)
{
    (void)state;
    in_few_steps = true;
    ask_random(NAMES, fill_names);
    ask_random(VALUES, add_values);
    in_few_steps = false;
}

/* ---- pairs ---- */

struct pair_case {
    const char *a, *b;
    const char *name, *facts; /* on which they differ; NULL: they are alike */
};
/* 32 free tests, more than can be tried: an end where none helps must be left all the same. */
#define CLASS(name) "mpath \"**/[cls:" name "]\" or "
#define CLASSES(name) CLASS(name "a") CLASS(name "b") CLASS(name "c") CLASS(name "d") CLASS(name "e") CLASS(name "f") CLASS(name "g") CLASS(name "h")
#define MANY_CLASSES CLASSES("A") CLASSES("B") CLASSES("C") CLASSES("D")
static const struct pair_case pair_cases[] = {
    {"glob \"*.mlp.*\" => w", "re \"(?s:.*)\\.mlp\\.(?s:.*)\" => w", NULL, NULL},
    {"glob \"*.mlp.*\" => w", "re \".*\\.mlp\\..*\" => w", ".mlp.\n", ""},
    {"layer in 0..3 => w", "layer < 4 => w", NULL, NULL},
    {"layer in 0..3 => w", "not layer > 3 => w", NULL, NULL},
    {"layer in 0..3 and re \"layers\\.[0-9]+\" => w", "re \"layers\\.0*[0-3]\" => w", NULL, NULL},
    {"layer in 0..3 and re \"layers\\.[0-9]+\" => w", "re \"layers\\.[0-3]\" => w", "layers.00", ""},
    {"layer in 0..3 and re \"layers\\.\\d+\" => w", "re \"layers\\.0*[0-3]\" => w", "layers.1\u0660", ""}, /* a digit of Unicode */
    {"layer % 3 == 1 => w", "not (layer % 3 == 0 or layer % 3 == 2) => w", NULL, NULL},
    {"layer % 3 == 1 => w", "layer % 3 == 1 and layer != 31 => w", "h.31", ""},
    {"layer < 10 => w", "layer < 11 => w", "h.10", ""},
    {"layer == layer => w", "layer >= 0 => w", NULL, NULL},
    {"glob \"a*\" => w\nglob \"b*\" => v", "glob \"b*\" => v\nglob \"a*\" => w", NULL, NULL},
    {"glob \"a*\" => w\nglob \"*b\" => v", "glob \"*b\" => v\nglob \"a*\" => w", "ab", ""},
    {"glob \"*a\" or glob \"*b\" => w", "glob \"*b\" => w\nglob \"*a\" => w", NULL, NULL},
    {"glob \"*[ab]\" => w", "glob \"*a\" => w\nglob \"*b\" => w", NULL, NULL},
    {"_ => w", "glob \"*\" => w", NULL, NULL},
    {"_ => w", "glob \"x*\" => skip\n_ => w", "x", ""},
    {"_ => skip", "name \"a\" => skip", NULL, NULL},
    {"under \"a.b\" => w", "name \"a.b\" => w\nglob \"a.b.*\" => w", NULL, NULL},
    {"param \"weight\" => w", "param glob \"*.weight\" or param name \"weight\" => w", NULL, NULL},
    {"role weight => w", "param \"weight\" => w", "a", ", role weight"}, /* a quantizer */
    {"role weight and param re \"(?s:.*)\" => w", "param \"weight\" => w", NULL, NULL},
    {"param \"weight\" => w", "param glob \"*weight\" => w", "wweight", ""},
    {"role state => w", "not (role weight or role bias) => w", "a", ", role input"},
    {"role state => w", "name \"\" and not name \"\" => w\nnot (role weight or role bias or role input or role output) => w", NULL, NULL},
    {"shape[0] % 128 == 0 => w", "shape[0] % 64 == 0 => w", "a", ", shape [64, 4096]"},
    {"shape[0] % 7 == 5 => w", "_ => skip", "a", ", shape [5, 4096]"},
    {"ndim == 1 and shape[0] % 7 == 5 and numel % 9 == 8 => w", "_ => skip", "a", ", shape [26]"},
    {"glob \"a\" => w\nglob \"b\" => w", "glob \"a\" => w\nglob \"b\" => v", "b", ""},
    {"shape[0] % 6 == 0 => w", "shape[0] % 2 == 0 and shape[0] % 3 == 0 => w", NULL, NULL},
    {"ndim == 2 => w\nndim != 2 => v", "ndim != 2 => v\nndim == 2 => w", NULL, NULL},
    {"ndim == 2 and shape[1] == 7 => w", "ndim == 2 and shape[-1] == 7 => w", NULL, NULL},
    {"dtype bf16 => w\n_ => v", "not dtype bf16 => v\n_ => w", "a", ""},
    {"dtype bf16 => w", "dtype bf16 and not dtype f16 => w", NULL, NULL},
    {"type \"a.B\" => w", "type re \"a\\.B\" => w", NULL, NULL},
    {"isa \"B\" => w", "type \"B\" or isa \"B\" => w", NULL, NULL},
    {"op \"add\" => w\nop \"mul\" => v", "op \"mul\" => v\nop \"add\" => w", NULL, NULL},
    {"tag \"a\" => w\ntag \"b\" => v", "tag \"b\" => v\ntag \"a\" => w", "a", ", tag a and b"},
    {"ndim > 8 and ndim % 2 == 0 and not ndim == 10 => w", "_ => skip", "a", ", shape [4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096]"},
    {"ndim % 4 == 0 and ndim > 8 => w", "_ => skip", "a", ", shape [4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096]"},
    {MANY_CLASSES "name \"y\" => w", MANY_CLASSES "name \"zz\" => w", "y", ""},
    {"mpath \"**/mlp\" => w", "re \"(?:[^.]+\\.)*mlp\" => w", NULL, NULL},
    {"re \"(?!a).*b\" => w", "re \".*b\" and not re prefix \"a\" => w", NULL, NULL},
    {"re \".*(?<=a)b\" => w", "re \".*ab\" => w", NULL, NULL},
};

static void compare_pair(const struct pair_case *c)
{
    struct bench first, second, *benches[] = {&first, &second};
    const char *const texts[] = {c->a, c->b};
    uint32_t actions[2][RULES_MAX];
    for (int r = 0; r < 2; r++) {
        struct draft text = {0};
        put(&text, "config w { weight int8 }\nconfig v { weight int4 }\nmatch first {\n%s\n}\n", texts[r]);
        open_recipe(benches[r], text.text, NULL);
        if (!benches[r]->matcher)
            fail_msg("%s", messages(benches[r]));
        for (size_t i = 0; i <= benches[r]->recipe->rule_count; i++)
            actions[r][i] = action_of(benches[r], i < benches[r]->recipe->rule_count ? (int)i : -1);
    }
    struct prover *p = prover_open(&first.arena, (const struct recipe *[]){first.recipe, second.recipe},
                                   (const struct matcher *[]){first.matcher, second.matcher}, 2, NULL);
    struct witness w = {.name = "", .facts = ""};
    enum proof found = prove_differ(p, (const uint32_t *const[]){actions[0], actions[1]}, &w);
    if (found != (c->name ? PROOF_YES : PROOF_NO))
        fail_msg("%s\n  and %s\n  answer %d, %s%s", c->a, c->b, found, w.name, w.facts);
    if (c->name) {
        assert_string_equal(w.name, c->name);
        assert_string_equal(w.facts, c->facts);
    }
    close_recipe(&second);
    close_recipe(&first);
}

static void pairs_as_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pair_cases / sizeof *pair_cases; i++)
        compare_pair(&pair_cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_as_enumerated),
        cmocka_unit_test(parameters_as_enumerated),
        cmocka_unit_test(layers_as_enumerated),
        cmocka_unit_test(values_as_enumerated),
        cmocka_unit_test(few_steps_as_enumerated),
        cmocka_unit_test(pairs_as_known),
    };
    const char *given = getenv("QUERN_SEED");
    seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
