/* Recipes beyond a documented limit: each is refused with one message, at its place, in time and memory that follow the
 * size of the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lang/recipe.h"

static void expect_first(struct arena *arena, const struct diags *diags, const char *expected)
{
    struct text out = text_make(arena);
    if (diags->first)
        diag_print(&out, diags->first, false);
    assert_string_equal(text_string(&out), expected);
}

/* The first message of text, which is the arena's. */
static void expect(struct arena *arena, struct text *text, const char *expected)
{
    struct diags diags;
    diags_init(&diags, arena);
    struct source *source = source_new(arena, "a.qr", text_string(text), text->size);
    recipe_resolve(arena, ast_parse(arena, source, &diags), NULL, &diags);
    expect_first(arena, &diags, expected);
    arena_close(arena);
}

static struct text begin(struct arena *arena)
{
    arena_init(arena, NULL);
    return text_make(arena);
}

static void test_chains_of_specs(void **state)
{
    (void)state;
    struct arena arena;
    struct text text = begin(&arena);
    for (int i = 0; i < 300; i++)
        text_printf(&text, "spec s%d = s%d\n", i, i + 1);
    text_add(&text, "spec s300 = int8\nmatch first { _ => spec s0 }");
    expect(&arena, &text, "a.qr:128:13: error[Q0005]: a chain of more than 128 definitions leads here\n"
                          "  128 | spec s127 = s128\n      |             ^~~~\n");
}

/* Written backwards, each definition finds the next one resolved. */
static void test_long_chains_in_order(void **state)
{
    (void)state;
    struct arena arena;
    struct text text = begin(&arena);
    text_add(&text, "spec s0 = int8\n");
    for (int i = 1; i < 300; i++)
        text_printf(&text, "spec s%d = s%d\n", i, i - 1);
    text_add(&text, "match first { _ => spec s299 }");
    expect(&arena, &text, "");
}

static void test_slots_of_a_config(void **state)
{
    (void)state;
    struct arena arena;
    struct text text = begin(&arena);
    text_add(&text, "config c {\n");
    for (int i = 0; i < 4097; i++)
        text_printf(&text, "input[%d] none\n", i);
    text_add(&text, "}\nmatch first { _ => c }");
    expect(&arena, &text, "a.qr:1:8: error[Q0005]: a config has at most 4096 slots, a recipe 1048576\n"
                          "    1 | config c {\n      |        ^\n");
}

static void test_slots_of_all_configs(void **state)
{
    (void)state;
    struct arena arena;
    struct text text = begin(&arena);
    text_add(&text, "config c { ");
    for (int i = 0; i < 4000; i++)
        text_printf(&text, "input[%d] none ", i);
    text_add(&text, "}\n");
    for (int i = 0; i < 300; i++)
        text_printf(&text, "config c%d = c { }\n", i);
    text_add(&text, "match first { _ => c }");
    expect(&arena, &text, "a.qr:263:8: error[Q0005]: a config has at most 4096 slots, a recipe 1048576\n"
                          "  263 | config c261 = c { }\n      |        ^~~~\n");
}

static void test_levels_of_sets(void **state)
{
    (void)state;
    struct arena arena;
    struct text text = begin(&arena);
    text_add(&text, "set s0 = _\n");
    for (int i = 1; i < 100; i++)
        text_printf(&text, "set s%d = not not not not not not s%d\n", i, i - 1);
    text_add(&text, "match first { s99 => skip }");
    expect(&arena, &text, "a.qr:87:5: error[Q0005]: with its sets written out this has more than 512 levels\n"
                          "   87 | set s86 = not not not not not not s85\n      |     ^~~\n");
}

static void test_conditions_of_all_rules(void **state)
{
    (void)state;
    struct arena arena;
    struct text text = begin(&arena);
    text_add(&text, "set s0 = _ or _\n");
    for (int i = 1; i < 20; i++)
        text_printf(&text, "set s%d = s%d or s%d\n", i, i - 1, i - 1);
    text_add(&text, "match first {\n");
    for (int i = 0; i < 8; i++)
        text_add(&text, "s19 => skip\n");
    text_add(&text, "}");
    expect(&arena, &text, "a.qr:24:1: error[Q0005]: with their sets written out the rules have more than 4194304 conditions\n"
                          "   24 | s19 => skip\n      | ^~~\n");
}

static void test_values_of_a_codebook(void **state)
{
    (void)state;
    struct arena arena;
    struct text text = begin(&arena);
    text_add(&text, "format c = codebook(");
    for (int i = 0; i < 257; i++)
        text_printf(&text, "%s%d", i ? "\n, " : "", i);
    text_add(&text, ")\nspec s = c\nmatch first { _ => spec s }");
    expect(&arena, &text, "a.qr:257:3: error[Q0301]: a codebook holds at most 256 values\n  257 | , 256)\n      |   ^~~\n");
}

static void test_full_codebooks(void **state)
{
    (void)state;
    struct arena arena;
    struct diags diags;
    struct text text = begin(&arena);
    text_add(&text, "codebook(0");
    for (int i = 1; i < 256; i++)
        text_printf(&text, ", %d", i);
    text_add(&text, ")");
    diags_init(&diags, &arena);
    const struct spec *spec = spec_parse(&arena, text_string(&text), &diags);
    assert_non_null(spec);
    assert_int_equal(spec->format->bits, 8);
    assert_int_equal(spec->format->count, 256);
    arena_close(&arena);
}

/* Each file imports the next one as `a` and as `"a.a"`. */
static struct source *open_next(void *user, const char *from, const char *path, struct span span, struct diags *diags)
{
    (void)user, (void)from, (void)span;
    int next = atoi(path) + 1;
    const char *text = next > 60 ? "spec w = int8\n" : arena_printf(diags->arena, "import \"%d\" as a\nimport \"%d\" as \"a.a\"\n", next, next);
    return source_new(diags->arena, path, text, strlen(text));
}

/* 2^60 ways lead to the last file. */
static void test_ways_to_a_missing_name(void **state)
{
    (void)state;
    struct arena arena;
    struct text text = begin(&arena), name = text_make(&arena);
    struct diags diags;
    struct importer importer = {open_next, NULL};
    for (int i = 0; i < 90; i++)
        text_add(&name, "a.");
    text_printf(&text, "import \"0\" as a\nmatch first { _ => spec\n%sx }", text_string(&name));
    diags_init(&diags, &arena);
    recipe_resolve(&arena, ast_parse(&arena, source_new(&arena, "a.qr", text_string(&text), text.size), &diags), &importer, &diags);
    assert_int_equal(diags.errors, 1);
    assert_int_equal(diags.first->code, DIAG_unknown_name);
    arena_close(&arena);
}

static void test_imports_without_an_importer(void **state)
{
    (void)state;
    struct arena arena;
    struct text text = begin(&arena);
    text_add(&text, "import \"lib.qr\"");
    expect(&arena, &text, "a.qr:1:8: error[Q0701]: `lib.qr` cannot be read: imports are not available here\n"
                          "    1 | import \"lib.qr\"\n      |        ^~~~~~~~\n");
}

static void test_expressions_too_long(void **state)
{
    (void)state;
    struct arena arena;
    struct diags diags;
    begin(&arena);
    diags_init(&diags, &arena);
    char *expression = malloc((size_t)SOURCE_SIZE_MAX + 2);
    assert_non_null(expression);
    memset(expression, ' ', (size_t)SOURCE_SIZE_MAX + 1);
    expression[SOURCE_SIZE_MAX + 1] = 0;
    assert_null(spec_parse(&arena, expression, &diags));
    free(expression);
    expect_first(&arena, &diags, "<spec>: error[Q0005]: a spec has at most 268435456 bytes\n");
    arena_close(&arena);
}

/* Many errors cost no more than the ones that are kept. */
static void test_many_unknown_names(void **state)
{
    (void)state;
    struct arena arena;
    struct text text = begin(&arena);
    for (int i = 0; i < 20000; i++)
        text_printf(&text, "config c%d { weight s%d }\n", i, i);
    expect(&arena, &text, "a.qr:1:20: error[Q0202]: there is no spec named `s0`\n    1 | config c0 { weight s0 }\n      |                    ^~\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chains_of_specs), cmocka_unit_test(test_long_chains_in_order), cmocka_unit_test(test_slots_of_a_config),
        cmocka_unit_test(test_slots_of_all_configs), cmocka_unit_test(test_levels_of_sets), cmocka_unit_test(test_conditions_of_all_rules),
        cmocka_unit_test(test_values_of_a_codebook), cmocka_unit_test(test_full_codebooks), cmocka_unit_test(test_imports_without_an_importer), cmocka_unit_test(test_ways_to_a_missing_name),
        cmocka_unit_test(test_expressions_too_long), cmocka_unit_test(test_many_unknown_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
