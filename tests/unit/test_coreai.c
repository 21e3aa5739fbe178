/* Numbers of coreai_opt 0.2.0 that its own code gave, through kernels: per tensor specs as an import writes them.
 * Rows are named by their number; N1 to N13 are x = [-1, 0, .5, 3], N23 to N25 the rows of which results are listed and the
 * largest element. Rows about minval, static ranges, moving averages, global ranges and blocks of two dimensions need kernels
 * that there are none of; see tests/cases/coreai.yaml. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "runtime/quern.h"

#define EPS " eps 1.1920928955078125e-07"
#define X {-1, 0, 0.5f, 3}
#define R23 (500 / 448.0f)

enum { ELEMENTS_MAX = 16 };
struct row {
    const char *name, *spec;
    int64_t shape[2]; /* rank 2 */
    float x[ELEMENTS_MAX];
    float scale[2];   /* of the first blocks; the second 0: one block */
    int32_t zero;     /* stored, of an asymmetric spec */
    float y[ELEMENTS_MAX];
};

static const struct row rows[] = {
    {"N1", "int8 symmetric per tensor" EPS, {1, 4}, X, {0.0235294122f}, 0, {-0.988235f, 0, 0.494118f, 2.988235f}},
    {"N3", "int8 symmetric narrow per tensor" EPS, {1, 4}, X, {0.0236220472f}, 0, {-0.992126f, 0, 0.496063f, 3}},
    {"N4", "int8 asymmetric per tensor" EPS, {1, 4}, X, {0.0156862754f}, -64, {-1.003922f, 0, 0.501961f, 2.996078f}},
    {"N6", "uint8 symmetric per tensor" EPS, {1, 4}, X, {0.0235294122f}, 128, {-0.988235f, 0, 0.494118f, 2.988235f}},
    {"N7", "uint8 asymmetric per tensor" EPS, {1, 4}, X, {0.0156862754f}, 64, {-1.003922f, 0, 0.501961f, 2.996078f}},
    {"N8", "int4 symmetric per tensor" EPS, {1, 4}, X, {0.4f}, 0, {-0.8f, 0, 0.4f, 2.8f}},
    {"N8b", "int4 symmetric narrow per tensor" EPS, {1, 4}, X, {0.428571433f}, 0, {-0.857143f, 0, 0.428571f, 3}},
    {"N9", "int4 asymmetric per tensor" EPS, {1, 4}, X, {0.266666681f}, -4, {-1.066667f, 0, 0.533333f, 2.933333f}},
    {"N10", "uint4 symmetric per tensor" EPS, {1, 4}, X, {0.4f}, 8, {-0.8f, 0, 0.4f, 2.8f}},
    {"N11", "int2 symmetric per tensor" EPS, {1, 4}, X, {2}, 0, {0, 0, 0, 2}},
    {"N11b", "int2 symmetric narrow per tensor" EPS, {1, 4}, X, {3}, 0, {0, 0, 0, 3}},
    {"N12", "uint2 symmetric per tensor" EPS, {1, 4}, X, {2}, 2, {0, 0, 0, 2}},
    {"N13", "int2 asymmetric per tensor" EPS, {1, 4}, X, {1.33333337f}, -1, {-1.333333f, 0, 0, 2.666667f}},
    {"N14", "int8 asymmetric per tensor" EPS, {1, 3}, {-1, 0, 7}, {8 / 255.0f}, -96, {-1.003922f, 0, 6.996078f}},
    {"N15", "int8 asymmetric per tensor" EPS, {1, 2}, {2, 4}, {4 / 255.0f}, -128, {1.992157f, 4}},
    {"N16", "uint8 asymmetric per tensor" EPS, {1, 2}, {-2, -4}, {4 / 255.0f}, 255, {-1.992157f, -4}},
    {"N17", "int8 symmetric per tensor" EPS, {1, 2}, {0, 0}, {0x1p-23f}, 0, {0, 0}},
    {"N17b", "fp8_e4m3 per tensor" EPS, {1, 2}, {0, 0}, {0x1p-23f}, 0, {0, 0}},
    {"N17c", "fp4_e2m1 per tensor scale fp8_e8m0 pow2 floor eps 1.1754943508222875e-38", {1, 2}, {0, 0}, {0x1p-126f}, 0, {0, 0}},
    {"N18", "int8 symmetric per tensor" EPS, {1, 2}, {-1, 1}, {1 / 127.5f}, 0, {-0.9960785f, 0.9960785f}},
    {"N23", "fp8_e4m3 per tensor" EPS, {1, 6}, {10, 20, -30, 40, 50, 500}, {R23}, 0, {9 * R23, 18 * R23, -26 * R23, 36 * R23, 44 * R23, 500}},
    {"N24", "fp4_e2m1 per tensor scale fp8_e8m0 pow2 floor eps 1.1754943508222875e-38", {2, 5}, {10, 20, -30, 40, 50, 100, 200, 300, 400, 500}, {64}, 0,
     {0, 32, -32, 32, 64, 96, 192, 256, 384, 384}},
    {"N25", "fp8_e4m3 per tensor scale fp8_e8m0 pow2 floor eps 1.1754943508222875e-38", {1, 5}, {100, 200, 300, 400, 500}, {1}, 0,
     {96, 192, 288, 384, 448}},
    {"N26", "fp8_e5m2 per tensor scale fp8_e8m0 pow2 floor eps 1.1754943508222875e-38", {1, 2}, {3, -100}, {0x1p-9f}, 0, {3, -96}},
    {"N27", "fp4_e2m1 per group(4, 1) scale fp8_e8m0 pow2 floor eps 1.1754943508222875e-38", {1, 8},
     {0.1f, -0.2f, 0.3f, 0.4f, 5, 6, -7, 8}, {0x1p-4f, 2}, 0, {0.09375f, -0.1875f, 0.25f, 0.375f, 4, 6, -8, 8}},
    {"N28", "int8 symmetric per channel(0)" EPS, {2, 3}, {1, -2, 0.25f, 0.5f, 4, -3.9f}, {2 / 127.5f, 4 / 127.5f}, 0,
     {1.003922f, -1.992157f, 0.250980f, 0.501961f, 3.984314f, -3.890196f}},
    {"N29", "uint4 asymmetric per group(4, 1)" EPS, {1, 8}, {0, 1, 2, 3, -1, 0, 1, 2}, {0.2f, 0.2f}, 0, {0, 1, 2, 3, -1, 0, 1, 2}},
};

struct coded {
    uint8_t codes[64], scale[64];
    int32_t zero[16];
    float y[ELEMENTS_MAX];
};

static void run(quern_context *context, const struct row *row, const char *op, struct coded *coded, float *x)
{
    quern_kernel *kernel;
    if (quern_kernel_get(context, row->spec, op, "f32", row->shape, 2, &kernel))
        fail_msg("%s: %s", row->name, quern_context_error(context));
    struct quern_buffers buffers = {.x = x, .codes = coded->codes, .scale = coded->scale, .zero = coded->zero};
    assert_int_equal(quern_kernel_run(kernel, &buffers, 0, -1), QUERN_OK);
    quern_kernel_release(kernel);
}

/* e8m0 codes are exponents plus 127. */
static float scale_at(const struct coded *coded, const struct row *row, int i)
{
    float scale;
    if (strstr(row->spec, "fp8_e8m0"))
        return ldexpf(1, coded->scale[i] - 127);
    memcpy(&scale, coded->scale + 4 * i, sizeof scale);
    return scale;
}

static void check_row(quern_context *context, const struct row *row)
{
    struct coded coded = {.y = {0}};
    float x[ELEMENTS_MAX];
    memcpy(x, row->x, sizeof x);
    run(context, row, "quantize_dynamic", &coded, x);
    run(context, row, "dequantize", &coded, coded.y);
    for (int i = 0; i < 2 && row->scale[i] != 0; i++)
        if (scale_at(&coded, row, i) != row->scale[i])
            fail_msg("%s: scale %.9g, not %.9g", row->name, (double)scale_at(&coded, row, i), (double)row->scale[i]);
    if (strstr(row->spec, "asymmetric") && coded.zero[0] != row->zero)
        fail_msg("%s: zero point %d, not %d", row->name, (int)coded.zero[0], (int)row->zero);
    for (int64_t i = 0; i < row->shape[0] * row->shape[1]; i++)
        if (fabsf(coded.y[i] - row->y[i]) > 1e-6f * fmaxf(1, fabsf(row->y[i])))
            fail_msg("%s: element %d is %.9g, not %.9g", row->name, (int)i, (double)coded.y[i], (double)row->y[i]);
}

static void test_numbers(void **state)
{
    (void)state;
    quern_context *context;
    assert_int_equal(quern_context_create(NULL, &context), QUERN_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(context, &rows[i]);
    quern_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
