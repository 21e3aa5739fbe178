/* Every supported spec × dtype × operation × shape × kind of data: the kernel's bytes equal the oracle's.
 * One row a family of specs and a row a granularity; texts are built from them and read by the language itself. */
#include "tests/unit/kernels.h"

#include <stdio.h>
#include <string.h>

struct shape {
    int rank;
    int64_t size[KERNEL_RANK_MAX];
};
#define SHAPE(...) {sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), {__VA_ARGS__}}
#define SCALAR {0, {0}}
enum { SHAPES_MAX = 14 };

/* A granularity and the shapes it is tried on; rank -1 ends them. Sizes that divide and do not divide vectors, rows
 * shorter than one, single columns, empty tensors, more than a chunk of sums (4096), rank 8. */
struct grain {
    const char *text;
    bool thin; /* not for the formats that few use: other group sizes cover what it covers */
    struct shape shapes[SHAPES_MAX];
};
static const struct shape end_shape = {-1, {0}};
#define END {-1, {0}}

static const struct grain tensor_grain = {"per tensor", false,
    {SHAPE(31, 37), SCALAR, SHAPE(1), SHAPE(17), SHAPE(1, 257), SHAPE(129, 1), SHAPE(3, 5, 7), SHAPE(0), SHAPE(4, 0),
     SHAPE(0, 5), SHAPE(1, 2, 3, 1, 2, 2, 1, 5), SHAPE(64, 65), SHAPE(4099), END}};

static const struct grain row_grains[] = {
    {"per channel(0)", false,
     {SHAPE(16, 64), SHAPE(7), SHAPE(5, 33), SHAPE(2, 3, 5, 7), SHAPE(129, 1), SHAPE(1, 257), SHAPE(0, 3), SHAPE(3, 0),
      SHAPE(3, 1, 2, 1, 2, 2, 1, 5), SHAPE(3, 4100), END}},
    {"per channel(1)", false, {SHAPE(4, 6, 32), SHAPE(5, 33), SHAPE(3, 5, 7), SHAPE(67, 3), SHAPE(2, 0, 3), SHAPE(2, 3, 1, 2, 1, 2, 2, 3), SHAPE(8, 96), END}},
    {"per channel(-1)", false, {SHAPE(9, 64), SHAPE(5, 33), SHAPE(13), SHAPE(2, 3, 17), SHAPE(4, 1), SHAPE(1, 70), SHAPE(0, 4), SHAPE(300, 5), END}},
    {"per token", false, {SHAPE(11, 64), SHAPE(5, 33), SHAPE(19), SHAPE(2, 3, 17), SHAPE(6, 1), SHAPE(1, 4100), SHAPE(0, 4), SHAPE(3, 0), END}},
    {"per group(32)", false, {SHAPE(17, 64), SHAPE(32), SHAPE(2, 3, 96), SHAPE(1, 1056), SHAPE(0, 32), SHAPE(5, 0), SHAPE(1, 2, 1, 2, 1, 2, 1, 32), END}},
    {"per group(128)", true, {SHAPE(9, 256), SHAPE(128), SHAPE(2, 3, 128), END}},
    {"per group(16)", true, {SHAPE(9, 48), SHAPE(16), SHAPE(2, 3, 32), SHAPE(3, 272), END}},
    {"per group(7)", true, {SHAPE(9, 35), SHAPE(7), SHAPE(2, 3, 14), END}},
    {"per group(32, 0)", false, {SHAPE(64, 9), SHAPE(32), SHAPE(32, 40), SHAPE(96, 2, 3), SHAPE(0, 3), SHAPE(64, 0), END}},
    {"per group(4, 1)", false, {SHAPE(3, 8, 5), SHAPE(7, 12), SHAPE(2, 4, 33), END}},
    {"per group(32) ragged pad", false, {SHAPE(7, 97), SHAPE(3, 37), SHAPE(2, 5), SHAPE(1, 31), SHAPE(33), SHAPE(3, 64), END}},
    {"per group(5, 0) ragged pad", false, {SHAPE(13, 18), SHAPE(3, 70), SHAPE(11), END}},
};
enum { ROW_GRAINS = sizeof row_grains / sizeof *row_grains };

/* Presets that carry their granularity. */
static const struct grain mx_grain = {"", false, {SHAPE(17, 64), SHAPE(32), SHAPE(2, 3, 96), SHAPE(1, 1056), SHAPE(0, 32), SHAPE(5, 0),
    SHAPE(1, 2, 1, 2, 1, 2, 1, 32), SHAPE(131, 32), END}};
static const struct grain mx_ragged_grain = {"ragged pad", false, {SHAPE(7, 97), SHAPE(3, 37), SHAPE(2, 5), SHAPE(1, 31), SHAPE(33), END}};
static const struct grain plain_grain = {"", false, {SHAPE(31, 37), SCALAR, SHAPE(1), SHAPE(17), SHAPE(1, 257), SHAPE(129, 1), SHAPE(0), SHAPE(4, 0),
    SHAPE(1, 2, 3, 1, 2, 2, 1, 5), SHAPE(4099), END}};

/* More than one unit of groups that start inside a byte. */
static const struct grain shifted_grain = {"", false, {SHAPE(33, 520), END}};

static const enum dtype dtypes[] = {DTYPE_f32, DTYPE_f16, DTYPE_bf16};
static const char *const scale_words[] = {"scale f32", "scale f16", "scale bf16"};

static bool is_wanted(const struct runner *runner, const char *text)
{
    return !runner->only || !strncmp(text, runner->only, strlen(runner->only));
}

/* One spec on every dtype and shape of its granularity. */
static void check_text(struct runner *runner, const char *text, const struct grain *grain, bool required)
{
    const char *message = NULL;
    if (!is_wanted(runner, text))
        return;
    const struct spec *spec = runner_spec(runner, text, &message);
    if (!spec) {
        runner->unsupported++;
        runner->failures += required;
        if (required)
            print_message("REFUSED %s: %s\n", text, message);
        return;
    }
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
        runner->lot++;
        for (const struct shape *shape = grain->shapes; shape->rank != end_shape.rank; shape++) {
            struct subject subject;
            if (!subject_open(runner, &subject, text, spec, dtypes[d], shape->size, shape->rank))
                continue;
            check_subject(runner, &subject, (unsigned)(shape - grain->shapes), required);
            subject_close(&subject);
            if (runner->quick)
                break;
        }
    }
}

/* The scale format is the next of the three, so that neighbouring formats and granularities differ in it. */
static void check_scales(struct runner *runner, const char *base, const struct grain *grain, const char *more, bool required)
{
    static unsigned next;
    char text[200];
    const char *scale = scale_words[next++ % (sizeof scale_words / sizeof *scale_words)];
    snprintf(text, sizeof text, "%s %s %s%s%s", base, grain->text, scale, *more ? " " : "", more);
    check_text(runner, text, grain, required);
}

static void check_grains(struct runner *runner, const char *base, bool common, bool required)
{
    check_scales(runner, base, &tensor_grain, "", required);
    for (size_t g = 0; g < ROW_GRAINS; g++)
        if (common || !row_grains[g].thin)
            check_scales(runner, base, &row_grains[g], "", required);
}

/* ---- the tests ---- */

static const char *const schemes[] = {"symmetric", "symmetric narrow", "asymmetric"};

static void check_int(struct runner *runner, const char *format, bool common, bool required)
{
    runner->rare = !common;
    for (size_t s = 0; s < 3; s++) {
        char base[64];
        if (format[0] == 'u' && !strcmp(schemes[s], "symmetric narrow"))
            continue;
        snprintf(base, sizeof base, "%s %s", format, schemes[s]);
        check_grains(runner, base, common, required);
    }
}

static void finish(struct runner *runner)
{
    int64_t failures = runner->failures, cases = runner->cases;
    bool only = runner->only != NULL;
    runner_close(runner);
    assert_int_equal(failures, 0);
    assert_true(cases > 0 || only);
}

static void test_signed(void **state)
{
    static const char *const formats_here[] = {"int8", "int4", "int2", "int3", "int5", "int6", "int7"};
    struct runner runner;
    (void)state;
    runner_open(&runner);
    for (size_t f = 0; f < sizeof formats_here / sizeof *formats_here; f++)
        check_int(&runner, formats_here[f], f < 3, true);
    finish(&runner);
}

static void test_unsigned(void **state)
{
    static const char *const formats_here[] = {"uint8", "uint4"};
    static const char *const rare[] = {"uint2", "uint3", "uint5", "uint6", "uint7"};
    struct runner runner;
    (void)state;
    runner_open(&runner);
    for (size_t f = 0; f < sizeof formats_here / sizeof *formats_here; f++)
        check_int(&runner, formats_here[f], false, false);
    for (size_t f = 0; f < sizeof rare / sizeof *rare; f++)
        for (size_t s = 0; s < 3; s += 2) {
            char base[64];
            snprintf(base, sizeof base, "%s %s", rare[f], schemes[s]);
            check_scales(&runner, base, &tensor_grain, "", false);
            check_scales(&runner, base, &row_grains[3], "", false);
            check_scales(&runner, base, &row_grains[4], "", false);
        }
    finish(&runner);
}

static void test_layouts(void **state)
{
    static const char *const bases[] = {"int2 symmetric", "int3 symmetric", "int4 symmetric", "int4 asymmetric", "int5 symmetric narrow",
                                        "int7 asymmetric", "int8 symmetric", "int8 asymmetric", "uint4 asymmetric"};
    struct runner runner;
    (void)state;
    runner_open(&runner);
    for (size_t b = 0; b < sizeof bases / sizeof *bases; b++) {
        check_scales(&runner, bases[b], &row_grains[0], "pack i32", bases[b][0] == 'i');
        check_scales(&runner, bases[b], &row_grains[4], "pack i32", bases[b][0] == 'i');
        check_scales(&runner, bases[b], &row_grains[10], "pack i32", bases[b][0] == 'i');
        check_scales(&runner, bases[b], &tensor_grain, "pack byte", bases[b][0] == 'i');
        check_scales(&runner, bases[b], &row_grains[4], "pack byte", bases[b][0] == 'i');
    }
    finish(&runner);
}

static void test_floats(void **state)
{
    static const char *const formats_here[] = {"fp8_e4m3", "fp8_e5m2"};
    static const char *const others[] = {"fp8_e4m3fnuz", "fp8_e5m2fnuz", "fp8_e3m4", "fp6_e3m2", "fp6_e2m3", "fp4_e2m1",
                                         "float(e = 1, m = 6)", "float(e = 3, m = 2, bias = 40)", "float(e = 5, m = 1, inf = true, nan = true)"};
    struct runner runner;
    (void)state;
    runner_open(&runner);
    for (size_t f = 0; f < sizeof formats_here / sizeof *formats_here; f++)
        check_grains(&runner, formats_here[f], true, true);
    for (size_t f = 0; f < sizeof others / sizeof *others; f++) {
        check_scales(&runner, others[f], &tensor_grain, "", false);
        check_scales(&runner, others[f], &row_grains[4], "", false);
    }
    finish(&runner);
}

static void test_blocks(void **state)
{
    static const char *const block_presets[] = {"mxfp8", "mxfp4", "mxfp8_e5m2", "mxfp6_e3m2", "mxfp6_e2m3", "mxint8", "nvfp4"};
    static const char *const required[] = {"mxfp8", "mxfp4", "nvfp4"};
    struct runner runner;
    (void)state;
    runner_open(&runner);
    for (size_t p = 0; p < sizeof block_presets / sizeof *block_presets; p++) {
        bool must = false;
        char text[64];
        for (size_t r = 0; r < sizeof required / sizeof *required; r++)
            must |= !strcmp(block_presets[p], required[r]);
        snprintf(text, sizeof text, "%s ragged pad", block_presets[p]);
        check_text(&runner, block_presets[p], &mx_grain, must);
        check_text(&runner, text, &mx_ragged_grain, must);
    }
    finish(&runner);
}

/* What the tables allow beyond the presets: a user's own floats, shared exponents and two-level scales on other
 * formats and granularities. */
static void test_combinations(void **state)
{
    static const char *const any_shape[] = {
        "float(e = 5, m = 1)", "float(e = 1, m = 3)", "float(e = 4, m = 3, bias = 60)", "float(e = 4, m = 3, bias = -60)",
        "float(e = 3, m = 3, nan = true)", "float(e = 3, m = 2, inf = true, nan = true)", "fp8_e4m3b11fnuz",
        "fp8_e4m3 scale fp8_e8m0 pow2 floor", "fp4_e2m1 per token scale fp8_e8m0 pow2 floor", "mxint8 per tensor",
        "fp4_e2m1 per tensor scale fp8_e4m3 second f32", "fp8_e5m2 per token scale fp8_e4m3 second f32",
        "int1", "uint1 asymmetric", "int8 eps 0.01", "uint4 asymmetric eps 0.5", "fp8_e4m3 per token scale f16 eps 0.001",
        "fp4_e2m1 per token scale fp8_e8m0 pow2 floor eps 0.01"};
    static const char *const grouped[] = {
        "float(e = 3, m = 2) per group(8) scale fp8_e8m0 pow2 floor", "fp6_e2m3 per group(16) scale fp8_e4m3 second f32",
        "fp4_e2m1 per group(16, 0) scale fp8_e4m3 second f32 ragged pad", "fp8_e4m3 per group(32, 0) scale fp8_e8m0 pow2 floor ragged pad",
        "fp4_e2m1 per group(64) scale fp8_e8m0 pow2 floor ragged pad", "int4 per group(1)"};
    static const char *const shifted[] = {"int3 per group(4)", "int4 per group(5)", "int4 per group(5) pack i32"};
    struct runner runner;
    (void)state;
    runner_open(&runner);
    for (size_t i = 0; i < sizeof any_shape / sizeof *any_shape; i++)
        check_text(&runner, any_shape[i], &plain_grain, false);
    for (size_t i = 0; i < sizeof grouped / sizeof *grouped; i++)
        check_text(&runner, grouped[i], &mx_grain, false);
    for (size_t i = 0; i < sizeof shifted / sizeof *shifted; i++)
        check_text(&runner, shifted[i], &shifted_grain, true);
    finish(&runner);
}

static void test_plain(void **state)
{
    struct runner runner;
    (void)state;
    runner_open(&runner);
    check_text(&runner, "bf16", &plain_grain, true);
    check_text(&runner, "f16", &plain_grain, true);
    finish(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain),  cmocka_unit_test(test_blocks),  cmocka_unit_test(test_floats), cmocka_unit_test(test_combinations),
                                       cmocka_unit_test(test_signed), cmocka_unit_test(test_layouts), cmocka_unit_test(test_unsigned)};
    return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
