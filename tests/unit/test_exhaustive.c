/* Every bf16 and f16 number through every elementwise format, every code of every format back, on every target. */
#include "tests/unit/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALL_HALVES = 65536 };

static void *allocate(int64_t bytes)
{
    return calloc(1, (size_t)bytes + 1);
}

/* Every 16-bit pattern once, in the order (17 i + 3) mod 65536, so that neighbours differ. As f32: the pattern is the
 * upper half of the bits, the lower half is random in every other one. */
static void fill_patterns(struct runner *runner, enum dtype dtype, void *x)
{
    for (int64_t i = 0; i < ALL_HALVES; i++) {
        uint16_t half = (uint16_t)(17 * i + 3);
        uint32_t wide = (uint32_t)half << 16 | (i % 2 ? (uint32_t)next_random(&runner->seed) & 0xffff : 0);
        if (dtype == DTYPE_f32)
            memcpy((char *)x + 4 * i, &wide, 4);
        else
            memcpy((char *)x + 2 * i, &half, 2);
    }
}

static void check_everywhere(struct runner *runner, const struct subject *subject, enum kernel_op op, const struct sample *sample)
{
    for (unsigned v = 0; v < runner->variant_count; v++)
        check_op(runner, subject, op, &runner->variants[v], sample);
}

/* ---- quantize ---- */

static const float tensor_scales[] = {1, 0.0123f, 0x1p-20f, 300, 0x1.8p-130f, 3e38f, 0x1p-101f, 0x1.4p101f};

static void check_given(struct runner *runner, const struct subject *subject, const void *x, float scale, int32_t zero)
{
    const struct oracle *oracle = &subject->oracle;
    void *codes = allocate(oracle->storage.code_bytes);
    struct sample sample = {.name = "given scale", .x = x, .codes = codes, .scale = &scale, .zero = &zero};
    oracle_quantize(oracle, x, &scale, &zero, 1, codes);
    check_everywhere(runner, subject, KERNEL_quantize, &sample);
    oracle_error(oracle, x, codes, &scale, &zero, 1, &sample.sums);
    check_everywhere(runner, subject, KERNEL_error, &sample);
    free(codes);
}

static void check_dynamic(struct runner *runner, const struct subject *subject, const void *x)
{
    const struct oracle *oracle = &subject->oracle;
    char *codes = allocate(oracle->storage.code_bytes), *scale = allocate(oracle->storage.scale_count * 4);
    int32_t *zero = allocate(oracle->storage.scale_count * 4);
    float amax = oracle_observe(subject->dtype, x, oracle->storage.elements), second = oracle_second(amax);
    struct sample sample = {.name = "dynamic", .x = x, .codes = codes, .scale = scale, .zero = zero, .second = second, .amax = amax};
    oracle_quantize_dynamic(oracle, x, second, codes, scale, zero);
    check_everywhere(runner, subject, KERNEL_observe, &sample);
    check_everywhere(runner, subject, KERNEL_quantize_dynamic, &sample);
    free(codes);
    free(scale);
    free(zero);
}

static const enum dtype dtypes[] = {DTYPE_f16, DTYPE_bf16, DTYPE_f32};

/* x in every dtype through a spec on `shape` of 65536 elements; given scales only where there is one for the tensor. */
static void check_inputs(struct runner *runner, const char *text, const int64_t *shape, bool required)
{
    const char *message = NULL;
    const struct spec *spec = runner->only && strncmp(text, runner->only, strlen(runner->only)) ? NULL : runner_spec(runner, text, &message);
    if (!spec && message && required)
        fail_msg("%s: %s", text, message);
    for (size_t d = 0; spec && d < 3; d++) {
        struct subject subject;
        void *x = allocate(4 * ALL_HALVES);
        if (subject_open(runner, &subject, text, spec, dtypes[d], shape, 2)) {
            bool given = spec->granularity == GRANULARITY_tensor;
            size_t scales = !spec->scale || runner->quick ? 1 : sizeof tensor_scales / sizeof *tensor_scales;
            fill_patterns(runner, dtypes[d], x);
            if (subject_supported(runner, &subject, KERNEL_quantize_dynamic, required))
                check_dynamic(runner, &subject, x);
            if (given && subject_supported(runner, &subject, KERNEL_quantize, required))
                for (size_t s = 0; s < scales; s++)
                    check_given(runner, &subject, x, tensor_scales[s], (int32_t)s - 3 + spec->format->is_signed * 2);
            subject_close(&subject);
        }
        free(x);
    }
}

static void finish(struct runner *runner)
{
    int64_t failures = runner->failures;
    bool done = runner->cases > 0 || runner->only;
    runner_close(runner);
    assert_int_equal(failures, 0);
    assert_true(done);
}

static void test_every_half(void **state)
{
    static const char *const required[] = {
        "bf16", "f16", "fp8_e4m3", "fp8_e5m2", "int8", "int8 symmetric narrow", "int8 asymmetric", "int4", "int4 asymmetric",
        "int2", "int3", "int5", "int6", "int7"};
    static const char *const others[] = {"uint8", "uint8 asymmetric", "uint4", "fp8_e4m3fnuz", "fp8_e5m2fnuz", "fp6_e3m2", "fp6_e2m3", "fp4_e2m1"};
    static const int64_t shape[] = {256, 256};
    struct runner runner;
    (void)state;
    runner_open(&runner);
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        check_inputs(&runner, required[i], shape, true);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        check_inputs(&runner, others[i], shape, false);
    finish(&runner);
}

static void test_every_half_in_blocks(void **state)
{
    static const char *const required[] = {"mxfp8", "mxfp4", "nvfp4", "int4 per group(32) scale f16", "int4 asymmetric per group(16) scale bf16",
                                           "int8 per token", "fp8_e4m3 per group(32) scale bf16"};
    static const char *const others[] = {"mxfp8_e5m2", "mxfp6_e3m2", "mxfp6_e2m3", "mxint8"};
    static const int64_t shape[] = {2048, 32};
    struct runner runner;
    (void)state;
    runner_open(&runner);
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        check_inputs(&runner, required[i], shape, true);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        check_inputs(&runner, others[i], shape, false);
    finish(&runner);
}

/* ---- dequantize ---- */

/* Scale of row r: f32 a list of exponents from the least subnormal to the largest; narrower formats every code that is a
 * finite number and not negative, in steps that fit the rows. */
static void put_scale(const struct oracle *oracle, void *scale, int64_t i, int64_t row, int64_t rows)
{
    const struct oracle_table *table = &oracle->scales;
    if (!table->value) {
        float s = ldexpf(1 + (float)row / (float)(3 * rows), (int)(row * 277 / rows) - 149);
        memcpy((char *)scale + 4 * i, &s, 4);
        return;
    }
    unsigned code = (unsigned)((uint64_t)row * table->count / (uint64_t)rows);
    memcpy((char *)scale + oracle->storage.scale_bytes * i, &code, oracle->storage.scale_bytes);
}

/* Every code in every row. */
static void put_codes(const struct subject *subject, char *codes)
{
    const struct oracle *oracle = &subject->oracle;
    uint32_t count = 1u << subject->spec->format->bits;
    bool is_signed = subject->spec->format->kind == FORMAT_KIND_INT && subject->spec->format->is_signed;
    for (int64_t i = 0; i < oracle->storage.elements; i++) {
        int32_t code = (int32_t)((uint64_t)(i % oracle->storage.columns) % count);
        oracle_put_code(subject->spec, &oracle->storage, codes, i, is_signed ? code - (int32_t)(count / 2) : code);
    }
}

static void check_codes(struct runner *runner, const struct subject *subject, int64_t rows, float second)
{
    const struct oracle *oracle = &subject->oracle;
    const struct kernel_storage *storage = &oracle->storage;
    char *codes = allocate(storage->code_bytes), *scale = allocate(storage->scale_count * 4), *y = allocate(storage->elements * 4);
    int32_t *zero = allocate(storage->scale_count * 4);
    struct sample sample = {.name = "every code", .codes = codes, .scale = scale, .zero = zero, .second = second, .y = y};
    put_codes(subject, codes);
    for (int64_t b = 0; b < storage->scale_count; b++) {
        put_scale(oracle, scale, b, storage->scale_count == 1 ? 0 : b * rows / storage->scale_count, rows);
        zero[b] = (int32_t)(next_random(&runner->seed) % 16) - (subject->spec->format->is_signed ? 8 : 0);
    }
    oracle_dequantize(oracle, codes, scale, zero, second, y);
    check_everywhere(runner, subject, KERNEL_dequantize, &sample);
    free(codes);
    free(scale);
    free(zero);
    free(y);
}

/* Rows of 64 columns at least, so that groups of 32 and 16 divide them. */
static void check_outputs(struct runner *runner, const char *text, bool required)
{
    static const float seconds[] = {1, 2688.0f / 0.37f, 0x1p100f, 0x1p-100f};
    const char *message = NULL;
    const struct spec *spec = runner->only && strncmp(text, runner->only, strlen(runner->only)) ? NULL : runner_spec(runner, text, &message);
    if (!spec && message && required)
        fail_msg("%s: %s", text, message);
    for (size_t d = 0; spec && d < 3; d++) {
        struct subject subject;
        int64_t count = 1 << spec->format->bits, rows = spec->scale ? 256 : 2;
        int64_t shape[] = {rows, count < 64 ? 64 : count};
        if (!subject_open(runner, &subject, text, spec, dtypes[d], shape, 2))
            continue;
        if (subject_supported(runner, &subject, KERNEL_dequantize, required))
            for (size_t s = 0; s < (spec->second ? 4 : 1); s++)
                check_codes(runner, &subject, rows, seconds[s]);
        subject_close(&subject);
    }
}

static void test_every_code(void **state)
{
    static const char *const required[] = {
        "bf16", "f16", "fp8_e4m3 per token", "fp8_e5m2 per token scale f16", "fp8_e4m3 per group(32) scale bf16", "mxfp8", "mxfp4", "nvfp4",
        "int8 per token", "int8 asymmetric per token scale f16", "int4 per group(32) scale f16", "int4 asymmetric per group(16) scale bf16",
        "int2 per token", "int3 per token scale bf16", "int5 per token", "int6 asymmetric per token", "int7 per token scale f16"};
    static const char *const others[] = {"uint8 asymmetric per token", "uint4 per group(32)", "fp8_e4m3fnuz per token", "fp8_e5m2fnuz per token",
                                         "fp6_e3m2 per token", "fp6_e2m3 per token", "fp4_e2m1 per token", "mxfp8_e5m2", "mxfp6_e3m2", "mxfp6_e2m3", "mxint8"};
    struct runner runner;
    (void)state;
    runner_open(&runner);
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        check_outputs(&runner, required[i], true);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        check_outputs(&runner, others[i], false);
    finish(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_half), cmocka_unit_test(test_every_half_in_blocks),
                                       cmocka_unit_test(test_every_code)};
    return cmocka_run_group_tests_name("exhaustive", tests, NULL, NULL);
}
