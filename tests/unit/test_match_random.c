/* Random rules over random subjects against the definition: atoms by direct comparison, predicates by Kleene's tables over the
 * AST, first match by trying the rules in order. Every engine and the text read back must agree, winner, unknown rule and
 * verdicts. The seed is printed; QUERN_SEED repeats a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "codegen/match/match.h"

enum { RULES_MAX = 12, ROUNDS = 400, SUBJECTS = 25 };

static uint64_t seed;

static unsigned draw(unsigned limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((seed >> 33) % limit);
}

/* ---- the definition ---- */

static bool glob_matches(const char *p, const char *s)
{
    if (*p == '*')
        return glob_matches(p + 1, s) || (*s && glob_matches(p, s + 1));
    if (!*p || !*s)
        return !*p && !*s;
    return (*p == '?' || *p == *s) && glob_matches(p + 1, s + 1);
}

static bool atom_matches(enum atom atom, const char *pattern, const char *name)
{
    size_t n = strlen(pattern);
    switch ((int)atom) {
    case ATOM_glob: case ATOM_param_glob: return glob_matches(pattern, name);
    case ATOM_contains: return strstr(name, pattern) != NULL;
    case ATOM_under: case ATOM_param_under: return !strncmp(name, pattern, n) && (!name[n] || name[n] == '.');
    default: return !strcmp(name, pattern);
    }
}

static int any_matches(enum atom atom, const char *pattern, const struct field *strings, size_t count)
{
    for (size_t i = 0; strings && i < count; i++)
        if (strings[i].bytes && atom_matches(atom, pattern, strings[i].bytes))
            return 1;
    return strings && (count != 1 || strings[0].bytes) ? 0 : 2;
}

static int atom_truth(const struct ast_predicate *p, const struct subject *s)
{
    const char *pattern = p->pattern.bytes;
    switch ((int)p->atom) {
    case ATOM_glob: case ATOM_contains: case ATOM_under: case ATOM_name: return any_matches(p->atom, pattern, &s->module, 1);
    case ATOM_param_glob: case ATOM_param_under: case ATOM_param_name: return any_matches(p->atom, pattern, &s->parameter, 1);
    case ATOM_param: return any_matches(p->atom, pattern, &s->param_name, 1);
    case ATOM_type: return any_matches(p->atom, pattern, s->types, s->type_count);
    case ATOM_isa: {
        int own = any_matches(p->atom, pattern, s->types, s->type_count), base = any_matches(p->atom, pattern, s->bases, s->base_count);
        return own == 1 || base == 1 ? 1 : base;
    }
    case ATOM_dtype: return s->dtype < 0 ? 2 : !strcmp(dtype_rows[s->dtype].word, pattern);
    default: return any_matches(p->atom, pattern, &s->role, 1);
    }
}

static int truth(const struct ast_predicate *p, const struct subject *s)
{
    int a, b;
    switch (p->kind) {
    case AST_NOT:
        a = truth(p->left, s);
        return a == 2 ? 2 : !a;
    case AST_AND:
        a = truth(p->left, s), b = truth(p->right, s);
        return !a || !b ? 0 : a == 2 || b == 2 ? 2 : 1;
    case AST_OR:
        a = truth(p->left, s), b = truth(p->right, s);
        return a == 1 || b == 1 ? 1 : a == 2 || b == 2 ? 2 : 0;
    case AST_ATOM:
        return atom_truth(p, s);
    case AST_COMPARE:
        if (p->term.kind == AST_TERM_LAYER)
            return !s->has_layer ? 2 : s->layer < p->other.integer;
        return s->rank < 0 ? 2 : s->rank < p->other.integer;
    case AST_IN:
        return s->rank < 1 ? 2 : s->shape[0] >= p->low && s->shape[0] <= p->high;
    case AST_SET: case AST_ANY:
        break;
    }
    return 1;
}

/* ---- random rules and subjects ---- */

static const char *pick_word(void)
{
    static const char *const words[] = {"a", "b", "ab", "layers", "layers.1", "q", "weight", "a.b", "0", "1", "."};
    return words[draw(sizeof words / sizeof *words)];
}

static const char *make_pattern(struct arena *arena, enum atom atom)
{
    struct text text = text_make(arena);
    if (atom == ATOM_role)
        return draw(2) ? "weight" : "state";
    if (atom == ATOM_dtype)
        return draw(2) ? "f32" : "bf16";
    for (unsigned i = 0, n = 1 + draw(3); i < n; i++) {
        if ((atom == ATOM_glob || atom == ATOM_param_glob) && draw(2))
            text_char(&text, draw(3) ? '*' : '?');
        text_add(&text, pick_word());
    }
    if ((atom == ATOM_glob || atom == ATOM_param_glob) && draw(2))
        text_char(&text, '*');
    return text_string(&text);
}

static struct ast_predicate *make_leaf(struct arena *arena, struct ast_predicate *p)
{
    static const enum atom atoms[] = {ATOM_glob, ATOM_glob, ATOM_contains, ATOM_under, ATOM_name, ATOM_param_glob, ATOM_param_under,
                                      ATOM_param_name, ATOM_param, ATOM_type, ATOM_isa, ATOM_dtype, ATOM_role};
    unsigned kind = draw(8);
    p->kind = kind == 0 ? AST_COMPARE : kind == 1 ? AST_IN : kind == 2 && !draw(3) ? AST_ANY : AST_ATOM;
    p->comparison = AST_LT;
    p->term.kind = p->kind == AST_IN ? AST_TERM_SHAPE : draw(2) ? AST_TERM_LAYER : AST_TERM_NDIM;
    p->other = (struct ast_term){.kind = AST_TERM_INTEGER, .integer = draw(3)};
    p->low = draw(3), p->high = p->low + draw(3);
    p->atom = atoms[draw(sizeof atoms / sizeof *atoms)];
    p->pattern.bytes = make_pattern(arena, p->atom);
    p->pattern.size = strlen(p->pattern.bytes);
    return p;
}

static struct ast_predicate *make_predicate(struct arena *arena, unsigned depth)
{
    struct ast_predicate *p = ARENA_NEW(arena, struct ast_predicate);
    if (!depth || !draw(3))
        return make_leaf(arena, p);
    unsigned kind = draw(5);
    p->kind = kind == 0 ? AST_NOT : kind < 3 ? AST_AND : AST_OR;
    p->left = make_predicate(arena, depth - 1);
    p->right = p->kind == AST_NOT ? NULL : make_predicate(arena, depth - 1);
    return p;
}

static struct field field_of(const char *text)
{
    return (struct field){text, strlen(text)};
}

static void make_subject(struct arena *arena, struct subject *s)
{
    struct text text = text_make(arena);
    int64_t *shape = ARENA_ARRAY(arena, 1, int64_t);
    struct field *classes = ARENA_ARRAY(arena, 4, struct field);
    for (unsigned i = 0, n = 1 + draw(4); i < n; i++) {
        text_add(&text, i ? "." : "");
        text_add(&text, pick_word());
    }
    *shape = draw(5);
    for (int i = 0; i < 4; i++)
        classes[i] = field_of(pick_word());
    if (draw(2))
        subject_of_module(s, text.bytes, text.size, false);
    else
        subject_of_parameter(s, text.bytes, text.size, (int)draw(3) == 0 ? -1 : draw(2) ? DTYPE_f32 : DTYPE_bf16, (int)draw(3) - 1, shape, false);
    s->module.bytes = s->module.bytes ? arena_copy(arena, s->module.bytes, s->module.size) : NULL;
    if (!draw(8))
        s->module.bytes = NULL;
    if (draw(2))
        s->types = classes, s->type_count = draw(3);
    if (draw(2))
        s->bases = classes + 2, s->base_count = draw(3);
}

/* ---- comparison ---- */

static void check_subject(const struct recipe *r, const struct matcher *m, void *scratch, const struct subject *s, const char *engine)
{
    unsigned char verdicts[RULES_MAX];
    struct match_outcome expected = {-1, -1}, found = matcher_match(m, scratch, s);
    matcher_verdicts(m, scratch, s, verdicts);
    for (size_t i = 0; i < r->rule_count; i++) {
        int value = truth(r->rules[i].predicate, s);
        if (verdicts[i] != value)
            fail_msg("%s: module \"%s\": verdict of rule %zu is %d, not %d", engine, s->module.bytes, i, verdicts[i], value);
        if (expected.rule < 0 && value == 2 && expected.unknown < 0)
            expected.unknown = (int)i;
        if (expected.rule < 0 && value == 1)
            expected.rule = (int)i;
    }
    if (found.rule != expected.rule || found.unknown != expected.unknown)
        fail_msg("%s: module \"%s\": %d %d, not %d %d", engine, s->module.bytes, found.rule, found.unknown, expected.rule, expected.unknown);
}

/* Module paths alone, as a batch: names that share their begin, some longer than a stride. */
static void check_batch(struct arena *arena, const struct matcher *m, void *scratch, const struct subject *subjects, const char *engine)
{
    enum { COPIES = 4 };
    static const char *const heads[COPIES] = {"", "model.layers.1.mlp.experts.0.", "model.layers.1.mlp.experts.\xe2\x82\xac.", "a.b.a.b.a.b.a.b.a.b."};
    struct field paths[SUBJECTS * COPIES];
    int rules[SUBJECTS * COPIES];
    size_t count = 0;
    for (int i = 0; i < SUBJECTS; i++)
        for (int k = 0; k < COPIES && subjects[i].module.bytes; k++) {
            const char *path = arena_printf(arena, "%s%.*s", heads[k], (int)subjects[i].module.size, subjects[i].module.bytes);
            paths[count++] = field_of(path);
        }
    matcher_match_batch(m, scratch, paths, count, false, rules);
    for (size_t i = 0; i < count; i++) {
        struct subject s;
        int rule;
        subject_of_module(&s, paths[i].bytes, paths[i].size, false);
        struct match_outcome one = matcher_match(m, scratch, &s);
        if (rules[i] != one.rule)
            fail_msg("%s: batch: \"%s\": %d, not %d", engine, paths[i].bytes, rules[i], one.rule);
        if (matcher_match_path(m, scratch, paths[i].bytes, paths[i].size, &rule))
            assert_int_equal(rule, one.rule);
    }
}

/* Memory that was used before. */
static void *make_scratch(struct arena *arena, const struct matcher *m)
{
    void *scratch = arena_alloc(arena, matcher_scratch_size(m));
    memset(scratch, 0xa5, matcher_scratch_size(m));
    matcher_scratch_init(m, scratch);
    return scratch;
}

static void check_engine(struct arena *arena, const struct recipe *r, const struct match_options *options, const struct subject *subjects)
{
    struct diags diags;
    diags_init(&diags, arena);
    struct matcher *m = matcher_compile(r, options, &diags);
    assert_non_null(m);
    struct text text = text_make(arena), again = text_make(arena);
    matcher_print(&text, m);
    struct matcher *back = matcher_read(arena, source_new(arena, "text", text.bytes, text.size), &diags);
    if (!back)
        fail_msg("%s\n%s", diags.first->text, text.bytes);
    matcher_print(&again, back);
    assert_string_equal(text.bytes, again.bytes);
    for (int k = 0; k < 2; k++) {
        const struct matcher *one = k ? back : m;
        void *scratch = make_scratch(arena, one);
        const char *engine = options->force_fallback ? "linear" : k ? "read" : "table";
        for (int i = 0; i < SUBJECTS; i++)
            check_subject(r, one, scratch, &subjects[i], engine);
        check_batch(arena, one, scratch, subjects, engine);
    }
}

static void test_random(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct arena arena;
        arena_init(&arena, NULL);
        struct recipe r = {.arena = &arena, .rule_count = 1 + draw(RULES_MAX), .rules = ARENA_ARRAY(&arena, RULES_MAX, struct rule)};
        struct subject subjects[SUBJECTS];
        for (size_t i = 0; i < r.rule_count; i++)
            r.rules[i] = (struct rule){.predicate = make_predicate(&arena, draw(4)), .origin = "r"};
        for (int i = 0; i < SUBJECTS; i++)
            make_subject(&arena, &subjects[i]);
        check_engine(&arena, &r, &(struct match_options){0}, subjects);
        check_engine(&arena, &r, &(struct match_options){.force_fallback = true}, subjects);
        check_engine(&arena, &r, &(struct match_options){.force_fallback = true, .cache = 1}, subjects);
        check_engine(&arena, &r, &(struct match_options){.state_budget = 4}, subjects);
        arena_close(&arena);
    }
}

/* ---- rules in parts, names in batches; tables that are emptied meanwhile ---- */

enum { LAYERS = 12, EXPERTS = 24, PLAIN_RULES = 320, NAMES = LAYERS * EXPERTS * 2 };

/* Rules over layers, over experts and over both: automata in parts. */
static struct matcher *compile_plain(struct arena *arena, size_t cache)
{
    struct recipe r = {.arena = arena, .rule_count = PLAIN_RULES, .rules = ARENA_ARRAY(arena, PLAIN_RULES, struct rule)};
    struct diags diags;
    diags_init(&diags, arena);
    for (unsigned i = 0; i < PLAIN_RULES; i++) {
        struct ast_predicate *p = ARENA_NEW(arena, struct ast_predicate);
        unsigned kind = i % 4;
        p->kind = AST_ATOM;
        p->atom = ATOM_glob;
        p->pattern.bytes = kind == 0   ? arena_printf(arena, "*layers.%u.mlp.experts.%u.*", i % LAYERS, i % 29)
                           : kind == 1 ? arena_printf(arena, "*experts.%u.down_proj*", i)
                           : kind == 2 ? arena_printf(arena, "*layers.%u.*down_proj", i / 8)
                                       : arena_printf(arena, "*layers.%u.*up*", i / 16);
        p->pattern.size = strlen(p->pattern.bytes);
        r.rules[i] = (struct rule){.predicate = p, .origin = "r"};
    }
    return matcher_compile(&r, &(struct match_options){.force_fallback = true, .cache = cache}, &diags);
}

/* As the definition says: by the NFA, without any table of states or pieces. */
static int first_rule(const struct matcher *m, void *scratch, const struct field *path)
{
    unsigned char verdicts[PLAIN_RULES];
    struct subject s;
    int rule = 0;
    subject_of_module(&s, path->bytes, path->size, false);
    matcher_verdicts(m, scratch, &s, verdicts);
    while (rule < PLAIN_RULES && verdicts[rule] != 1)
        rule++;
    return rule < PLAIN_RULES ? rule : -1;
}

/* Twice: with tables that lack everything, and with what they hold then. */
static void check_names(struct arena *arena, const struct field *paths, size_t count)
{
    static const size_t caches[] = {0, 1, 2048, 16384};
    int *expected = ARENA_ARRAY(arena, count, int), *rules = ARENA_ARRAY(arena, count, int);
    for (size_t c = 0; c < sizeof caches / sizeof *caches; c++) {
        struct matcher *m = compile_plain(arena, caches[c]);
        void *scratch = make_scratch(arena, m);
        for (size_t i = 0; i < count && !c; i++)
            expected[i] = first_rule(m, scratch, &paths[i]);
        for (int pass = 0; pass < 2; pass++) {
            matcher_match_batch(m, scratch, paths, count, false, rules);
            for (size_t i = 0; i < count; i++) {
                int one = -1;
                if (rules[i] != expected[i])
                    fail_msg("cache %zu: batch: \"%.*s\": %d, not %d", caches[c], (int)paths[i].size, paths[i].bytes, rules[i], expected[i]);
                if (matcher_match_path(m, scratch, paths[i].bytes, paths[i].size, &one) && one != expected[i])
                    fail_msg("cache %zu: \"%.*s\": %d, not %d", caches[c], (int)paths[i].size, paths[i].bytes, one, expected[i]);
            }
        }
    }
}

static void test_model_order(void **state)
{
    struct arena arena;
    struct field paths[NAMES];
    (void)state;
    arena_init(&arena, NULL);
    for (unsigned i = 0; i < NAMES; i++)
        paths[i] = field_of(arena_printf(&arena, "model.layers.%u.mlp.experts.%u.%s", i / EXPERTS / 2, i / 2 % EXPERTS, i % 2 ? "up_proj" : "down_proj"));
    check_names(&arena, paths, NAMES);
    arena_close(&arena);
}

/* Segments of every length, numbers in and between them, NUL, characters beyond ASCII. */
static struct field draw_name(struct arena *arena)
{
    static const struct field words[] = {{"layers", 6}, {"mlp.experts", 11}, {"down_proj", 9}, {"up", 2}, {"a", 1}, {"", 0}, {"a\0", 2}, {"\0", 1}, {"\0\0b", 3},
                                         {"w1", 2}, {"1w", 2}, {"\xe2\x82\xac", 3}, {"a_word_that_is_longer_than_a_piece_may_be", 41}, {"fifteen_or_more", 15}};
    enum { WORDS = sizeof words / sizeof *words, SEGMENTS = 9, NAME_MAX_SIZE = SEGMENTS * 64 };
    char *name = arena_alloc(arena, NAME_MAX_SIZE);
    size_t size = 0;
    for (unsigned left = draw(SEGMENTS + 1); left > 0; left--) {
        const struct field *word = &words[draw(3) ? draw(3) : draw(WORDS)];
        size += (size_t)snprintf(name + size, NAME_MAX_SIZE - size, "%s", size && draw(8) ? "." : "");
        if (draw(3))
            size += (size_t)snprintf(name + size, NAME_MAX_SIZE - size, "%u", draw(2) ? draw(3) : draw(EXPERTS));
        else
            memcpy(name + size, word->bytes, word->size), size += word->size;
    }
    return (struct field){name, size};
}

/* Half of them begin like the one before. */
static void test_names(void **state)
{
    enum { DRAWN = 8000 };
    struct arena arena;
    struct field paths[DRAWN];
    (void)state;
    arena_init(&arena, NULL);
    for (unsigned i = 0; i < DRAWN; i++) {
        paths[i] = draw_name(&arena);
        if (i && draw(2)) {
            size_t kept = draw((unsigned)paths[i - 1].size + 1);
            char *joined = arena_alloc(&arena, kept + paths[i].size + 1);
            memcpy(joined, paths[i - 1].bytes, kept);
            memcpy(joined + kept, paths[i].bytes, paths[i].size);
            paths[i] = (struct field){joined, (kept + paths[i].size) % 200};
        }
    }
    check_names(&arena, paths, DRAWN);
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_model_order), cmocka_unit_test(test_names)};
    const char *given = getenv("QUERN_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
