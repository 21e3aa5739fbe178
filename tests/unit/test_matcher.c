/* quern_matcher_compile and quern_build, as a host calls them. What the code answers is test_match_code's. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "runtime/quern_matcher.h"
#include "tests/unit/models.h"

#define CONFIG "config w { weight int8 }\n"
static const char small[] = CONFIG "match first { layer in 2..3 => skip glob \"*.mlp.*\" => w dtype f32 => skip }";
static const char large[] = CONFIG "match first { re \".*(?<=a.{9})b.*\" => w _ => skip }";
static const char about_classes[] = CONFIG "match first { name \"a\" => w mpath \"**/[cls:Linear]\" => skip name \"b\" => w }";

static struct quern_match match_path(quern_recipe *recipe, const char *path)
{
    struct quern_match match;
    assert_int_equal(quern_match_module(recipe, path, strlen(path), &match), QUERN_OK);
    return match;
}

/* The same before, after, and after compiling again. */
static void check_kind(struct place *place, const char *text, enum quern_matcher_kind expected)
{
    static const char *const paths[] = {"a", "b", "layers.2.mlp.x", "layers.4.mlp.x", "x", "a12345678bb", "a123456789b", ""};
    enum { COUNT = sizeof paths / sizeof *paths };
    struct quern_match before[COUNT];
    enum quern_matcher_kind kind;
    quern_recipe *recipe = load_recipe(place, text);
    for (int i = 0; i < COUNT; i++)
        before[i] = match_path(recipe, paths[i]);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(quern_matcher_compile(recipe, round ? NULL : &kind), QUERN_OK);
        assert_int_equal(kind, expected);
        for (int i = 0; i < COUNT; i++) {
            struct quern_match after = match_path(recipe, paths[i]);
            assert_int_equal(after.rule, before[i].rule);
            assert_int_equal(after.unknown, before[i].unknown);
            assert_string_equal(after.config, before[i].config);
            assert_string_equal(after.origin, before[i].origin);
        }
    }
    quern_recipe_close(recipe);
}

static void test_kinds(void **state)
{
    check_kind(*state, small, QUERN_MATCHER_CODE);
    check_kind(*state, large, QUERN_MATCHER_TABLE);
    check_kind(*state, about_classes, QUERN_MATCHER_CODE);
}

/* Sixty rules `*aN_*bN_*`: no automaton within the budget. */
static const char *beyond_budget(char text[4096])
{
    strcpy(text, CONFIG "match first {\n");
    for (int i = 0; i < 60; i++)
        snprintf(text + strlen(text), 4096 - strlen(text), "glob \"*a%d_*b%d_*\" => w\n", i, i);
    return strcat(text, "}");
}

static void test_beyond_budget(void **state)
{
    char text[4096];
    check_kind(*state, beyond_budget(text), QUERN_MATCHER_TABLE);
}

/* ---- many threads ---- */

enum { THREADS = 8, ROUNDS = 20, PATHS = 400, PATH_SIZE = 48 };
struct matching {
    quern_recipe *recipe;
    char paths[PATHS][PATH_SIZE];
    int rules[PATHS];
};

/* Gives NULL when every path has its rule, one by one and all at once. */
static void *match_all(void *at)
{
    struct matching *m = at;
    struct quern_name names[PATHS];
    int rules[PATHS];
    bool same = true;
    for (int k = 0; k < ROUNDS * PATHS; k++) {
        struct quern_match match;
        int i = k % PATHS;
        names[i] = (struct quern_name){m->paths[i], strlen(m->paths[i])};
        same &= !quern_match_module(m->recipe, names[i].bytes, names[i].size, &match) && match.rule == m->rules[i];
    }
    same &= !quern_match_batch(m->recipe, names, PATHS, rules) && !memcmp(rules, m->rules, sizeof rules);
    return same ? NULL : m;
}

/* With states that are made on demand, a table and code; nothing was matched before the threads start. */
static void check_threads(struct place *place, const char *text, bool compiled)
{
    static struct matching m;
    pthread_t threads[THREADS];
    m.recipe = load_recipe(place, text);
    for (int i = 0; i < PATHS; i++) {
        snprintf(m.paths[i], PATH_SIZE, "layers.%d.a%d_.mlp.b%d_x", i % 7, i % 61, i % 59);
        m.rules[i] = match_path(m.recipe, m.paths[i]).rule;
    }
    quern_recipe_close(m.recipe);
    m.recipe = load_recipe(place, text);
    if (compiled)
        assert_int_equal(quern_matcher_compile(m.recipe, NULL), QUERN_OK);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, match_all, &m), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    quern_recipe_close(m.recipe);
}

static void test_threads(void **state)
{
    char text[4096];
    check_threads(*state, beyond_budget(text), false);
    check_threads(*state, small, false);
    check_threads(*state, small, true);
}

static void test_no_generator(void **state)
{
    struct place *place = *state;
    const struct quern_context_options options = {.jit_path = "/nonexistent/libquern-jit.so"};
    quern_context *context;
    quern_recipe *recipe;
    assert_int_equal(quern_context_create(&options, &context), QUERN_OK);
    assert_int_equal(quern_recipe_load_memory(context, "a.qr", small, strlen(small), &recipe), QUERN_OK);
    assert_int_equal(quern_matcher_compile(recipe, NULL), QUERN_IO);
    assert_non_null(strstr(quern_diagnostics_text(context, false), "error[Q0905]"));
    assert_int_equal(match_path(recipe, "layers.4.mlp.x").rule, 1);
    const char *targets[] = {"x86-64"};
    const struct quern_build_options build = {.targets = targets, .target_count = 1};
    assert_int_equal(quern_build(recipe, NULL, in(place, "out"), &build), QUERN_IO);
    assert_int_equal(count_entries(place->directory), 0);
    quern_recipe_close(recipe);
    quern_context_destroy(context);
}

static void test_usage(void **state)
{
    struct place *place = *state;
    const char *good[] = {"x86-64-v3"}, *bad[] = {"x86-64-v3", "z80"};
    quern_recipe *recipe = load_recipe(place, small);
    assert_int_equal(quern_matcher_compile(NULL, NULL), QUERN_USAGE);
    assert_int_equal(quern_build(recipe, NULL, "out", &(struct quern_build_options){0}), QUERN_USAGE);
    assert_int_equal(quern_build(recipe, NULL, "out", &(struct quern_build_options){.targets = bad, .target_count = 2}), QUERN_USAGE);
    assert_int_equal(quern_build(recipe, NULL, "out", &(struct quern_build_options){.targets = good, .target_count = 1, .prefix = "a-b"}), QUERN_USAGE);
    assert_int_equal(quern_build(recipe, NULL, NULL, &(struct quern_build_options){.targets = good, .target_count = 1}), QUERN_USAGE);
    quern_recipe_close(recipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kinds, place_open, place_close),
        cmocka_unit_test_setup_teardown(test_beyond_budget, place_open, place_close),
        cmocka_unit_test_setup_teardown(test_threads, place_open, place_close),
        cmocka_unit_test_setup_teardown(test_no_generator, place_open, place_close),
        cmocka_unit_test_setup_teardown(test_usage, place_open, place_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
