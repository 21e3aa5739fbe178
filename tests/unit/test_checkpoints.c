/* Hostile data and hostile checkpoints, what verify says, and memory that runs out at every point. */
#define _GNU_SOURCE 1
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/unit/models.h"

static void read_weight(struct place *place, const char *out, const char *name, float *x, size_t count)
{
    quern_model *model = open_model(place, out);
    if (quern_model_read_f32(model, name, x, count))
        fail_msg("%s", messages(place));
    quern_model_close(model);
}

static void write_matrix(struct place *place, const char *dtype, int64_t rows, int64_t columns, const void *data, size_t bytes)
{
    struct entry entry = {"m.weight", dtype, {rows, columns, -1}, data, bytes};
    write_tensors(place, "m/model.safetensors", &entry, 1);
}

/* ---- 51-54: values ---- */

static void test_specials(void **state)
{
    struct place *place = *state;
    struct quern_run_options replace = {.overwrite = true};
    static const char *const specs[] = {"int4 per group(32) scale bf16", "int8 per channel(0) scale bf16", "int8 scale bf16", "mxfp8", "mxfp4", "nvfp4"};
    float x[64], y[64];
    for (int i = 0; i < 64; i++)
        x[i] = (float)(i - 20) / 16;
    x[3] = NAN;
    x[40] = INFINITY;
    x[41] = -INFINITY;
    write_matrix(place, "F32", 2, 32, x, sizeof x);
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        assert_int_equal(quantize_model(place, weight_recipe(specs[i]), "m", "out", &replace), QUERN_OK);
        assert_non_null(strstr(messages(place), "m.weight: warning[Q1002]: 1 NaN and 2 infinite elements\n"));
        read_weight(place, "out", "m.weight", y, 64);
        for (int j = 0; j < 64; j++)
            assert_true(j == 3 || (isfinite(y[j]) && fabsf(y[j]) < 4));
        assert_true(y[40] > 1 && y[41] < -1);
    }
}

static void test_uniform(void **state)
{
    struct place *place = *state;
    struct quern_run_options replace = {.overwrite = true};
    static const char *const specs[] = {"int4 per group(32) scale bf16", "int8 asymmetric per channel(0) scale bf16", "fp8_e4m3 scale f32", "mxfp4", "nvfp4"};
    static const float values[] = {0, -0.0f, 1e-45f, 1e38f, 3.4e38f};
    float x[64], y[64];
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
        for (size_t v = 0; v < 5; v++) {
            for (int j = 0; j < 64; j++)
                x[j] = v < 3 || j == 7 ? values[v] : 1;
            write_matrix(place, "F32", 2, 32, x, sizeof x);
            assert_int_equal(quantize_model(place, weight_recipe(specs[i]), "m", "out", &replace), QUERN_OK);
            messages(place);
            read_weight(place, "out", "m.weight", y, 64);
            for (int j = 0; j < 64; j++)
                assert_false(isnan(y[j]));
            assert_true(v > 0 || y[0] == 0);
        }
}

/* ---- 55, 56: shapes ---- */

static void test_shapes(void **state)
{
    struct place *place = *state;
    struct quern_run_options replace = {.overwrite = true, .measure = true};
    static const int64_t shapes[][2] = {{1, 32}, {32, 1}, {1, 1}, {7, 13}, {513, 3}, {0, 32}, {3, 0}, {33, 64}};
    float *x = malloc(8192 * sizeof *x), *y = malloc(8192 * sizeof *y);
    for (int i = 0; i < 8192; i++)
        x[i] = (float)((i * 37) % 101 - 50) / 8;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t count = (size_t)(shapes[i][0] * shapes[i][1]);
        write_matrix(place, "F32", shapes[i][0], shapes[i][1], x, count * 4);
        assert_int_equal(quantize_model(place, weight_recipe("int8 asymmetric per channel(0) scale f32"), "m", "out", &replace), QUERN_OK);
        read_weight(place, "out", "m.weight", y, count);
        for (size_t j = 0; j < count; j++)
            assert_true(fabsf(x[j] - y[j]) <= 0.05f);
    }
    free(x);
    free(y);
    messages(place);
    write_matrix(place, "F32", 2, 33, NULL, 2 * 33 * 4);
    assert_int_equal(quantize_model(place, weight_recipe("int4 per group(32)"), "m", "out2", NULL), QUERN_INVALID);
    assert_non_null(strstr(messages(place), "m.weight: error[Q1001]: int4 symmetric per group(32) scale f32: "));
    assert_false(exists(in(place, "out2")));
}

/* ---- 57: tied tensors are two tensors that happen to be equal ---- */

static void test_tied(void **state)
{
    struct place *place = *state;
    float x[32 * 32], y[32 * 32], z[32 * 32];
    for (int i = 0; i < 32 * 32; i++)
        x[i] = (float)(i % 17) - 8;
    struct entry entries[] = {{"a.weight", "F32", {32, 32, -1}, x, sizeof x}, {"b.weight", "F32", {32, 32, -1}, x, sizeof x}};
    write_tensors(place, "m/model.safetensors", entries, 2);
    assert_int_equal(quantize_model(place, weight_recipe("mxfp4"), "m", "out", NULL), QUERN_OK);
    read_weight(place, "out", "a.weight", y, 32 * 32);
    read_weight(place, "out", "b.weight", z, 32 * 32);
    assert_memory_equal(y, z, sizeof y);
}

/* ---- 59: quantized twice ---- */

static void test_twice(void **state)
{
    struct place *place = *state;
    write_matrix(place, "F32", 32, 32, NULL, 4096);
    assert_int_equal(quantize_model(place, weight_recipe("mxfp4"), "m", "ct", NULL), QUERN_OK);
    assert_int_equal(quantize_model(place, weight_recipe("int4 per channel(1)"), "m", "own", NULL), QUERN_OK);
    messages(place);
    assert_int_equal(quantize_model(place, weight_recipe("mxfp4"), "ct", "x", NULL), QUERN_INVALID);
    assert_string_equal(messages(place), "DIR/ct/config.json: error[Q0819]: the model has a quantization_config: it is quantized already\n");
    unlink(in(place, "ct/config.json"));
    assert_int_equal(quantize_model(place, weight_recipe("mxfp4"), "ct", "x", NULL), QUERN_INVALID);
    assert_string_equal(messages(place), "DIR/ct: error[Q0819]: tensor 'm.weight_packed' belongs to a quantized one\n");
    unlink(in(place, "own/config.json"));
    assert_int_equal(quantize_model(place, weight_recipe("mxfp4"), "own", "x", NULL), QUERN_INVALID);
    assert_string_equal(messages(place), "DIR/own/model.safetensors: error[Q0819]: tensor 'm.weight' is quantized already\n");
    assert_false(exists(in(place, "x")));
}

/* ---- 58, 60: parts and config.json that do not fit ---- */

#define GROUP(weights, format) \
    "{\"quantization_config\":{\"quant_method\":\"compressed-tensors\",\"config_groups\":{\"group_0\":{\"targets\":[\"m\"]," \
    "\"format\":\"" format "\",\"weights\":{" weights "}}}}}"
#define FP8 "\"num_bits\":8,\"type\":\"float\",\"strategy\":\"channel\""
#define INT4 "\"num_bits\":4,\"type\":\"int\",\"strategy\":\"group\",\"group_size\":32"

static const int64_t pack_shape[] = {4, 64}, wrong_shape[] = {4, 65}, huge_shape[] = {INT64_MAX, 64}, negative_shape[] = {-4, 64};

static const struct {
    const char *config, *message;
    struct entry entries[4];
    size_t count;
} broken[] = {
    {GROUP(FP8, "float-quantized"), "DIR/b: error[Q0822]: tensor 'm.weight': there is no 'm.weight_scale', its float-quantized\n",
     {{"m.weight", "F8_E4M3", {4, 64, -1}, NULL, 256}}, 1},
    {GROUP(FP8, "float-quantized"),
     "DIR/b: error[Q0821]: config.json says that 'm.weight' is float-quantized, but there is no matrix m.weight\n",
     {{"m.weight_scale", "F32", {4, 1, -1}, NULL, 16}}, 1},
    {GROUP(FP8, "float-quantized"),
     "DIR/b: error[Q0823]: tensor 'm.weight': 'm.weight_scale' is F32 [3,1]; float-quantized wants F32 [4,1]\n",
     {{"m.weight", "F8_E4M3", {4, 64, -1}, NULL, 256}, {"m.weight_scale", "F32", {3, 1, -1}, NULL, 12}}, 2},
    {GROUP(FP8, "float-quantized"),
     "DIR/b: error[Q0823]: tensor 'm.weight': 'm.weight' is BF16 [4,64]; float-quantized wants F8_E4M3 [4,64]\n",
     {{"m.weight", "BF16", {4, 64, -1}, NULL, 512}, {"m.weight_scale", "F32", {4, 1, -1}, NULL, 16}}, 2},
    {GROUP(INT4, "pack-quantized"), "DIR/b: error[Q0822]: tensor 'm.weight': there is no m.weight_shape of two I64\n",
     {{"m.weight_packed", "I32", {4, 8, -1}, NULL, 128}, {"m.weight_scale", "F32", {4, 2, -1}, NULL, 32}}, 2},
    {GROUP(INT4, "pack-quantized"), "DIR/b: error[Q0823]: tensor 'm.weight': the group does not divide the dimension; `ragged pad` allows a short last group\n",
     {{"m.weight_packed", "I32", {4, 8, -1}, NULL, 128}, {"m.weight_scale", "F32", {4, 2, -1}, NULL, 32}, {"m.weight_shape", "I64", {2, -1}, wrong_shape, 16}}, 3},
    {GROUP(INT4, "pack-quantized"), "DIR/b: error[Q0823]: tensor 'm.weight': its shape cannot be read\n",
     {{"m.weight_packed", "I32", {4, 8, -1}, NULL, 128}, {"m.weight_scale", "F32", {4, 2, -1}, NULL, 32}, {"m.weight_shape", "I64", {2, -1}, huge_shape, 16}}, 3},
    {GROUP(INT4, "pack-quantized"), "DIR/b: error[Q0823]: tensor 'm.weight': its weight_shape has a negative size\n",
     {{"m.weight_packed", "I32", {4, 8, -1}, NULL, 128}, {"m.weight_scale", "F32", {4, 2, -1}, NULL, 32}, {"m.weight_shape", "I64", {2, -1}, negative_shape, 16}}, 3},
    {GROUP("\"num_bits\":4,\"type\":\"int\",\"strategy\":\"group\",\"group_size\":-1", "pack-quantized"),
     "DIR/b: error[Q0821]: config.json: the weights of group_0 are a kind that is not read by this version\n",
     {{"m.weight_packed", "I32", {4, 8, -1}, NULL, 128}, {"m.weight_scale", "F32", {4, 2, -1}, NULL, 32}, {"m.weight_shape", "I64", {2, -1}, pack_shape, 16}}, 3},
    {GROUP(INT4, "marlin-24"), "DIR/b: error[Q0821]: config.json: group_0: the format 'marlin-24' is not read by this version\n",
     {{"m.weight", "F32", {4, 64, -1}, NULL, 1024}}, 1},
    {"{\"quantization_config\":{\"quant_method\":\"gptq\"}}",
     "DIR/b: error[Q0821]: config.json: quant_method 'gptq' is not read by this version\n", {{"m.weight", "F32", {4, 64, -1}, NULL, 1024}}, 1},
    {"{}", "DIR/b: error[Q0822]: tensor 'm.weight_scale' is part of a quantized one that config.json does not list\n",
     {{"m.weight_scale", "F32", {4, 2, -1}, NULL, 32}}, 1},
    {"{", "DIR/b/config.json: error[Q0820]: line 1, column 1: string or '}' expected near end of file\n", {{"m.weight", "F32", {1, -1}, NULL, 4}}, 1},
    {"[]", "DIR/b/config.json: error[Q0820]: expected a JSON object\n", {{"m.weight", "F32", {1, -1}, NULL, 4}}, 1},
    {GROUP(FP8, "nvfp4-pack-quantized"),
     "DIR/b/model.safetensors: error[Q0823]: tensor 'm.weight': the second-level scale is not a positive number\n",
     {{"m.weight_packed", "U8", {4, 16, -1}, NULL, 64}, {"m.weight_scale", "F8_E4M3", {4, 2, -1}, NULL, 8}, {"m.weight_global_scale", "F32", {1, -1}, NULL, 4}}, 3},
};

static void test_broken(void **state)
{
    struct place *place = *state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        write_text(place, "b/config.json", broken[i].config);
        write_tensors(place, "b/model.safetensors", broken[i].entries, broken[i].count);
        quern_model *model = open_model(place, "b");
        assert_int_not_equal(quern_dequantize(model, in(place, "out"), NULL), QUERN_OK);
        assert_string_equal(messages(place), broken[i].message);
        quern_model_close(model);
        assert_int_equal(count_entries(place->directory), 1);
    }
}

/* ---- verify ---- */

static void count_row(void *user, const struct quern_plan_row *row, const struct quern_error_stats *stats)
{
    double *seen = user;
    seen[0]++;
    assert_int_equal(row->match.canceller, -1);
    if (row->spec) {
        assert_string_equal(row->tensor.name, "m.weight");
        assert_non_null(stats);
        seen[1] = stats->sqnr_db;
        seen[2] = stats->max_error;
    } else {
        assert_null(stats);
    }
}

static void test_verify(void **state)
{
    struct place *place = *state;
    float x[64 * 64];
    for (int i = 0; i < 64 * 64; i++)
        x[i] = sinf((float)i);
    struct entry entries[] = {{"m.weight", "F32", {64, 64, -1}, x, sizeof x}, {"n.bias", "F32", {64, -1}, x, 256}};
    write_tensors(place, "m/model.safetensors", entries, 2);
    double quantized[3] = {0}, verified[3] = {0};
    struct quern_run_options options = {.measure = true, .report = count_row, .report_user = quantized};
    assert_int_equal(quantize_model(place, weight_recipe("int4 asymmetric per group(32) scale f32"), "m", "out", &options), QUERN_OK);
    quern_model *a = open_model(place, "out"), *b = open_model(place, "m");
    options.report_user = verified;
    assert_int_equal(quern_verify(a, b, &options), QUERN_OK);
    assert_memory_equal(quantized, verified, sizeof quantized);
    assert_true(quantized[0] == 2 && quantized[1] > 20 && quantized[1] < 40 && quantized[2] < 0.1);
    quern_model_close(a);
    quern_model_close(b);
    write_tensors(place, "other/model.safetensors", entries, 1);
    a = open_model(place, "out"), b = open_model(place, "other");
    assert_int_equal(quern_verify(a, b, NULL), QUERN_INVALID);
    assert_string_equal(messages(place), "DIR/out: error[Q1004]: tensor 'n.bias' is not in the original\n");
    assert_int_equal(quern_verify(b, a, NULL), QUERN_INVALID);
    assert_string_equal(messages(place), "DIR/other: error[Q1004]: there is no tensor 'm.weight_packed'; the original has it\n");
    quern_model_close(b);
    entries[0].shape[0] = 32, entries[0].bytes /= 2;
    write_tensors(place, "third/model.safetensors", entries, 2);
    b = open_model(place, "third");
    assert_int_equal(quern_verify(a, b, NULL), QUERN_INVALID);
    assert_string_equal(messages(place), "DIR/out: error[Q1004]: tensor 'm.weight' has another shape in the original\n");
    quern_model_close(a);
    quern_model_close(b);
}

/* A file that is cut between opening and reading. */
static void test_cut(void **state)
{
    struct place *place = *state;
    write_matrix(place, "F32", 32, 32, NULL, 4096);
    quern_recipe *recipe = load_recipe(place, weight_recipe("mxfp4"));
    quern_model *model = open_model(place, "m");
    assert_int_equal(truncate(in(place, "m/model.safetensors"), 1000), 0);
    assert_int_equal(quern_quantize(recipe, model, in(place, "out"), NULL), QUERN_IO);
    assert_string_equal(messages(place), "DIR/m/model.safetensors: error[Q0001]: cannot read the data of a tensor: the file became shorter while it was read\n");
    assert_int_equal(count_entries(place->directory), 1);
    quern_model_close(model);
    quern_recipe_close(recipe);
}

/* ---- memory runs out at the n-th allocation, for every n ---- */

struct budget {
    size_t left, live;
};

static void *spend(void *user, size_t size)
{
    struct budget *budget = user;
    if (!budget->left)
        return NULL;
    budget->left--;
    budget->live++;
    return malloc(size);
}

static void refund(void *user, void *memory, size_t size)
{
    (void)size;
    ((struct budget *)user)->live--;
    free(memory);
}

static enum quern_status whole_path(struct place *place, quern_context *context)
{
    const char *text = weight_recipe("int4 per group(32) scale f32");
    quern_recipe *recipe = NULL;
    quern_model *model = NULL, *back = NULL;
    enum quern_status status = quern_recipe_load_memory(context, "r.qr", text, strlen(text), &recipe);
    if (!status)
        status = quern_model_open(context, in(place, "m"), &model);
    if (!status)
        status = quern_quantize(recipe, model, in(place, "out"), &(struct quern_run_options){.threads = 1, .measure = true});
    if (!status)
        status = quern_model_open(context, in(place, "out"), &back);
    if (!status)
        status = quern_dequantize(back, in(place, "back"), &(struct quern_run_options){.threads = 1});
    quern_model_close(back);
    quern_model_close(model);
    quern_recipe_close(recipe);
    return status;
}

static void remove_output(struct place *place, const char *name)
{
    char path[256];
    static const char *const files[] = {"model.safetensors", "config.json", ""};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", in(place, name), files[i]);
        remove(path);
    }
}

static void test_memory(void **state)
{
    struct place *place = *state;
    write_matrix(place, "F32", 32, 32, NULL, 4096);
    struct budget budget = {0, 0};
    struct quern_context_options options = {.allocate = spend, .release = refund, .user = &budget};
    enum quern_status status = QUERN_LIMIT;
    char jit[4096];
    if (getenv("QUERN_BUILD")) {
        snprintf(jit, sizeof jit, "%s/.libs/libquern-jit.so", getenv("QUERN_BUILD"));
        options.jit_path = jit;
    }
    for (size_t n = 0; status; n++) {
        quern_context *context = NULL;
        budget.left = n;
        status = quern_context_create(&options, &context);
        if (!status)
            status = whole_path(place, context);
        if (status && context)
            assert_non_null(strstr(quern_diagnostics_text(context, false), "Q0006"));
        if (status && context)
            assert_true(strstr(quern_diagnostics_sarif(context), "\"runs\"") && strstr(quern_diagnostics_sarif(context), "Q0006"));
        quern_context_destroy(context);
        assert_true(status == QUERN_OK || status == QUERN_LIMIT);
        assert_int_equal(budget.live, 0);
        remove_output(place, "out");
    }
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, place_open, place_close)
    const struct CMUnitTest tests[] = {
        CASE(test_specials), CASE(test_uniform), CASE(test_shapes), CASE(test_tied), CASE(test_twice), CASE(test_broken),
        CASE(test_verify), CASE(test_cut), CASE(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
