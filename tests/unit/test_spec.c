/* Specs as text: what spec_print writes reads back to an equal spec and the same text, for every combination of the
 * tables' rows that is accepted. Looking specs and slots up in a recipe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lang/recipe.h"

static const struct spec *parse(struct arena *arena, const char *expression)
{
    struct diags diags;
    diags_init(&diags, arena);
    const struct spec *spec = spec_parse(arena, expression, &diags);
    assert_true((spec == NULL) == (diags.errors > 0));
    return spec;
}

static const char *print(struct arena *arena, const struct spec *spec)
{
    struct text text = text_make(arena);
    spec_print(&text, spec);
    return text_string(&text);
}

/* 1 when the expression is accepted; then its text reads back. */
static unsigned check_expression(const char *expression)
{
    struct arena arena;
    arena_init(&arena, NULL);
    const struct spec *spec = parse(&arena, expression);
    if (spec) {
        const char *text = print(&arena, spec);
        const struct spec *again = parse(&arena, text);
        if (!again || !spec_same(spec, again))
            print_error("%s\n%s\n", expression, text);
        assert_non_null(again);
        assert_true(spec_same(spec, again));
        assert_string_equal(print(&arena, again), text);
    }
    arena_close(&arena);
    return spec != NULL;
}

static void test_presets_are_their_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < preset_count; i++) {
        struct arena arena;
        if (!presets[i].text)
            continue;
        arena_init(&arena, NULL);
        assert_string_equal(print(&arena, parse(&arena, presets[i].word)), presets[i].text);
        assert_string_equal(print(&arena, parse(&arena, presets[i].text)), presets[i].text);
        arena_close(&arena);
    }
}

static const char *const granularities[] = {"", "per tensor", "per channel(0)", "per channel(-1)", "per token", "per group(32)", "per group(16, 0)", "per block(128, -1)"};
static const char *const scales[] = {"", "scale f16", "scale bf16 rounded last", "scale fp8_e8m0", "scale fp8_e8m0 pow2 rceil", "scale f32 pow2 ceil", "scale fp8_e4m3 second f32", "scale uint6 second f16 super(8)"};
#define COUNT(array) (sizeof(array) / sizeof *(array))

static void test_formats_and_schemes(void **state)
{
    (void)state;
    unsigned accepted = 0;
    for (size_t f = 0; f < format_count; f++)
        for (int s = 0; s <= SCHEME_COUNT; s++)
            for (size_t g = 0; g < COUNT(granularities); g++) {
                char expression[200];
                const char *scheme = s == SCHEME_COUNT ? "" : s >= SCHEME_asymmetric ? "asymmetric" : "symmetric";
                snprintf(expression, sizeof expression, "%s %s %s %s", formats[f].name, scheme, s == SCHEME_COUNT ? "" : scheme_words[s], granularities[g]);
                accepted += check_expression(expression);
            }
    assert_true(accepted > 1000);
}

static void test_scales(void **state)
{
    static const char *const bases[] = {"int4", "uint4 asymmetric", "fp4_e2m1", "nf4", "codebook(-1, 0.3, 2)", "float(e = 3, m = 4)", "mxfp4"};
    (void)state;
    unsigned accepted = 0;
    for (size_t b = 0; b < COUNT(bases); b++)
        for (size_t g = 0; g < COUNT(granularities); g++)
            for (size_t s = 0; s < COUNT(scales); s++) {
                char expression[200];
                snprintf(expression, sizeof expression, "%s %s %s", bases[b], granularities[g], scales[s]);
                accepted += check_expression(expression);
            }
    assert_true(accepted > 200);
}

static void test_other_attributes(void **state)
{
    static const char *const attributes[] = {
#define RANGE(name, word) "range " word,
#define ROUNDING(name, word) "round " word,
#define OVERFLOW_MODE(name, word) "overflow " word,
#define LAYOUT(name, word) "pack " word,
#define FORMULA(name, word) "formula " word,
#define ZERO(name, word) "zero " word,
#include "lang/attributes.def"
        "dynamic", "static", "saturate", "compute input", "compute f32", "ragged pad", "ragged error", "eps 1e-10", "eps 3",
        "round stochastic(18446744073)", "range percentile(99.9)", "range mse(7, 0.25, 3)", "static(-0.1, none)", "static(none, 3e38)", "static(-1, 1)",
    };
    static const char *const bases[] = {"int8", "int4 asymmetric free per group(64)", "fp8_e5m2 per channel(0)", "bf16", "nf4"};
    (void)state;
    unsigned accepted = 0;
    for (size_t b = 0; b < COUNT(bases); b++)
        for (size_t i = 0; i < COUNT(attributes); i++)
            for (size_t j = 0; j < COUNT(attributes); j++) {
                char expression[200];
                snprintf(expression, sizeof expression, "%s %s %s", bases[b], attributes[i], attributes[j]);
                accepted += check_expression(expression);
            }
    assert_true(accepted > 1000);
}

static void test_differences(void **state)
{
    static const char *const different[] = {
        "int8", "int4", "int8 symmetric narrow", "int8 per channel(0)", "int8 per channel(1)", "int8 per token", "int8 per group(32)",
        "int8 per group(64)", "int8 per group(32, 0)", "int8 per block(2)", "int8 per block(2, 2)", "int8 scale f16", "int8 scale f16 rounded last",
        "int8 scale fp8_e8m0", "int8 scale fp8_e8m0 pow2 ceil", "int8 per group(32) scale fp8_e4m3 second f32",
        "int8 per group(32) scale fp8_e4m3 second f16", "int8 per group(32) scale fp8_e4m3 second f16 super(8)", "int8 asymmetric",
        "int8 asymmetric free zero float", "int8 formula reciprocal", "int8 range mse", "int8 range mse(50)", "int8 static(-1, 1)",
        "int8 static(-1, 2)", "int8 static(-1, none)", "int8 static(none, 1)", "int8 round away", "int8 round stochastic(1)", "int8 round stochastic(2)",
        "fp8_e5m2", "fp8_e5m2 overflow inf", "int8 compute input", "int8 dynamic", "int8 pack msb", "int8 per group(32) ragged pad", "int8 eps 0.1",
        "int8 eps 0.2", "codebook(1, 2)", "codebook(1, 3)", "float(e = 3, m = 4)", "float(e = 3, m = 4, bias = 4)", "float(e = 3, m = 4, nan)",
    };
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL);
    for (size_t i = 0; i < COUNT(different); i++)
        for (size_t j = 0; j < COUNT(different); j++) {
            const struct spec *a = parse(&arena, different[i]), *b = parse(&arena, different[j]);
            assert_true(spec_same(a, b) == (i == j));
            assert_true(!strcmp(print(&arena, a), print(&arena, b)) == (i == j));
        }
    arena_close(&arena);
}

static void check_codes(struct arena *arena, const char *expression, int32_t low, int32_t high)
{
    int32_t qmin, qmax;
    spec_code_range(parse(arena, expression), &qmin, &qmax);
    assert_int_equal(qmin, low);
    assert_int_equal(qmax, high);
}

static void test_code_range(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL);
    check_codes(&arena, "int8", -128, 127);
    check_codes(&arena, "int8 symmetric narrow", -127, 127);
    check_codes(&arena, "uint4", 0, 15);
    check_codes(&arena, "int1", -1, 0);
    check_codes(&arena, "int16 asymmetric", -32768, 32767);
    arena_close(&arena);
}

static void test_lookup(void **state)
{
    static const char text[] = "spec w4 = int4 per group(32)  spec \"a b\" = int2\n"
                               "config c { weight w4 bias none input int8 input[1] none input[\"x\"] int3 module output int8 }\n"
                               "match first { _ => c }";
    (void)state;
    struct arena arena;
    struct diags diags;
    bool off;
    arena_init(&arena, NULL);
    diags_init(&diags, &arena);
    struct ast *ast = ast_parse(&arena, source_new(&arena, "a.qr", text, sizeof text - 1), &diags);
    struct recipe *recipe = recipe_resolve(&arena, ast, NULL, &diags);
    assert_int_equal(diags.errors, 0);
    assert_string_equal(print(&arena, recipe_find_spec(recipe, "w4", &diags)), "int4 symmetric per group(32) scale f32");
    assert_string_equal(print(&arena, recipe_find_spec(recipe, "w4 with int8 scale f16", &diags)), "int8 symmetric per group(32) scale f16");
    assert_string_equal(print(&arena, recipe_find_spec(recipe, "a b", &diags)), "int2 symmetric per tensor scale f32");
    assert_string_equal(print(&arena, recipe_find_spec(recipe, "fp8", &diags)), "fp8_e4m3 per tensor scale f32");
    assert_int_equal(diags.errors, 0);
    assert_null(recipe_find_spec(recipe, "w5", &diags));
    assert_int_equal(diags.errors, 1);
    const struct config *c = recipe->configs[0];
    assert_string_equal(c->slots[0].spec_name, "w4");
    assert_non_null(config_slot(c, SLOT_WEIGHT, 0, NULL, &off));
    assert_true(!config_slot(c, SLOT_BIAS, 0, NULL, &off) && off);
    assert_string_equal(print(&arena, config_slot(c, SLOT_INPUT, 0, NULL, &off)), "int8 symmetric per tensor scale f32");
    assert_true(!config_slot(c, SLOT_INPUT, 1, NULL, &off) && off);
    assert_string_equal(print(&arena, config_slot(c, SLOT_INPUT, 5, "x", &off)), "int3 symmetric per tensor scale f32");
    assert_true(!config_slot(c, SLOT_OUTPUT, 0, NULL, &off) && !off);
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presets_are_their_text), cmocka_unit_test(test_formats_and_schemes), cmocka_unit_test(test_scales),
        cmocka_unit_test(test_other_attributes), cmocka_unit_test(test_differences), cmocka_unit_test(test_code_range),
        cmocka_unit_test(test_lookup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
