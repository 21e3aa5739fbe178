/* quantize, dequantize and verify on whole checkpoints: what is written, that it reads back as the kernels say, that threads and
 * memory change nothing, and that whatever goes wrong leaves nothing behind. */
#define _GNU_SOURCE 1
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "tests/unit/models.h"

/* ---- models ---- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* count floats of about ±2, of a few magnitudes. */
static float *make_floats(size_t count, uint32_t seed)
{
    float *x = malloc(count * sizeof *x + 1);
    for (size_t i = 0; i < count; i++)
        x[i] = ldexpf((float)next_random(&seed) / 8388608.0f - 1.0f, (int)(next_random(&seed) % 4) - 2);
    return x;
}

static uint16_t *as_bf16(const float *x, size_t count)
{
    uint16_t *y = malloc(count * sizeof *y + 1);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        y[i] = (uint16_t)(bits >> 16);
    }
    return y;
}

/* m/: a matrix of 64 × 96 and one of 32 × 64 in bf16, a vector, an integer tensor, an empty one, and files beside. */
static void write_model(struct place *place)
{
    float *a = make_floats(64 * 96, 1), *b = make_floats(32 * 64, 2);
    uint16_t *ah = as_bf16(a, 64 * 96), *bh = as_bf16(b, 32 * 64);
    int64_t ids[4] = {1, 2, 3, 4};
    struct entry entries[] = {
        {"model.a.weight", "BF16", {64, 96, -1}, ah, 64 * 96 * 2},
        {"model.b.weight", "BF16", {32, 64, -1}, bh, 32 * 64 * 2},
        {"model.b.bias", "BF16", {32, -1}, bh, 64},
        {"model.ids", "I64", {4, -1}, ids, 32},
        {"model.none.weight", "BF16", {0, 16, -1}, NULL, 0},
    };
    write_tensors(place, "m/model.safetensors", entries, 5);
    write_text(place, "m/config.json", "{\n  \"torch_dtype\": \"bfloat16\",\n  \"eps\": 1e-05\n}\n");
    write_text(place, "m/tokenizer.json", "{}");
    write_text(place, "m/notes.secret", "not copied");
    free(a), free(b), free(ah), free(bh);
}

/* ---- formats ---- */

static const struct {
    const char *spec, *format;
} formats[] = {
    {"int8 per channel(0) scale bf16", "pack-quantized"},
    {"int8 scale bf16", "pack-quantized"},
    {"int4 per group(32) scale bf16", "pack-quantized"},
    {"int4 asymmetric per group(32) scale bf16", "pack-quantized"},
    {"int3 asymmetric per channel(0) scale bf16", "pack-quantized"},
    {"int5 symmetric narrow per group(16) scale bf16", "pack-quantized"},
    {"int2 per group(16) scale f16", "pack-quantized"},
    {"uint4 asymmetric per group(32) scale bf16", "pack-quantized"},
    {"fp8_e4m3 scale f32", "float-quantized"},
    {"fp8_e4m3 per channel(0) scale bf16", "float-quantized"},
    {"nvfp4", "nvfp4-pack-quantized"},
    {"mxfp4", "mxfp4-pack-quantized"},
    {"mxfp8", "mxfp8-quantized"},
    {"bf16", "dense"},
    {"f16", "dense"},
    {"fp8_e5m2 per channel(0)", "quern"},
    {"int4 per channel(1)", "quern"},
    {"int4 asymmetric", "quern"},
    {"int8 per group(40) ragged pad", "quern"},
    {"mxfp8_e5m2", "quern"},
};

static void check_plan(struct place *place, const char *recipe, const char *format)
{
    quern_plan *plan = NULL;
    quern_recipe *r = load_recipe(place, recipe);
    quern_model *m = open_model(place, "m");
    if (quern_plan_create(r, m, &plan))
        fail_msg("%s", messages(place));
    struct quern_plan_row a = quern_plan_at(plan, 0), bias = quern_plan_at(plan, 1), ids = quern_plan_at(plan, 3);
    assert_string_equal(a.format, format);
    assert_string_equal(bias.reason, "no bias slot");
    assert_string_equal(ids.reason, "no state slot");
    assert_string_equal(quern_plan_at(plan, 4).reason, "no elements");
    quern_plan_close(plan);
    quern_model_close(m);
    quern_recipe_close(r);
}

/* What the kernels make of the original and back, without any file between. */
static float *through_kernels(struct place *place, const char *spec, quern_model *original, const char *name, size_t count)
{
    struct quern_tensor t;
    quern_kernel *quantizer, *dequantizer;
    float *x = malloc(count * sizeof *x), amax = 0, second = 1;
    assert_int_equal(quern_model_logical(original, name, &t), QUERN_OK);
    assert_int_equal(quern_model_read_f32(original, name, x, count), QUERN_OK);
    for (size_t i = 0; i < count; i++)
        amax = fmaxf(amax, fabsf(x[i]));
    second = 2688 / amax;
    assert_int_equal(quern_kernel_get(place->context, spec, "quantize_dynamic", "f32", t.shape, t.rank, &quantizer), QUERN_OK);
    assert_int_equal(quern_kernel_get(place->context, spec, "dequantize", "f32", t.shape, t.rank, &dequantizer), QUERN_OK);
    struct quern_kernel_info info = quern_kernel_describe(quantizer);
    struct quern_buffers b = {.x = x, .codes = malloc(info.code_bytes + 1), .scale = malloc(info.scale_bytes + 1),
                              .zero = malloc(info.zero_bytes + 1), .second = &second};
    assert_int_equal(quern_kernel_run(quantizer, &b, 0, -1), QUERN_OK);
    assert_int_equal(quern_kernel_run(dequantizer, &b, 0, -1), QUERN_OK);
    quern_kernel_release(quantizer);
    quern_kernel_release(dequantizer);
    free(b.codes), free(b.scale), free(b.zero);
    return x;
}

static void check_reading(struct place *place, const char *spec, const char *out, const char *name, size_t count)
{
    quern_model *original = open_model(place, "m"), *quantized = open_model(place, out);
    float *expected = through_kernels(place, spec, original, name, count), *read = malloc(count * sizeof *read);
    if (quern_model_read_f32(quantized, name, read, count))
        fail_msg("%s", messages(place));
    if (memcmp(read, expected, count * sizeof *read))
        fail_msg("%s: %s reads back differently", spec, name);
    free(expected);
    free(read);
    quern_model_close(original);
    quern_model_close(quantized);
}

static void test_formats(void **state)
{
    struct place *place = *state;
    write_model(place);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        char out[32];
        snprintf(out, sizeof out, "out%zu", i);
        check_plan(place, weight_recipe(formats[i].spec), formats[i].format);
        if (quantize_model(place, weight_recipe(formats[i].spec), "m", out, NULL))
            fail_msg("%s: %s", formats[i].spec, messages(place));
        check_reading(place, formats[i].spec, out, "model.a.weight", 64 * 96);
        check_reading(place, formats[i].spec, out, "model.b.weight", 32 * 64);
        messages(place);
    }
}

/* ---- what is written ---- */

static void check_file(struct place *place, const char *name, const char *expected)
{
    size_t size;
    char *text = read_whole(in(place, name), &size);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void test_config(void **state)
{
    struct place *place = *state;
    write_model(place);
    const char *recipe = "config a { weight int4 per group(32) scale bf16 input int8 per token dynamic }\n"
                         "config b { weight nvfp4 }\n"
                         "match first { name \"model.a\" => a name \"model.b\" => b _ => skip }\n";
    assert_int_equal(quantize_model(place, recipe, "m", "out", NULL), QUERN_OK);
    assert_string_equal(messages(place), "");
    check_file(place, "out/config.json",
               "{\n  \"torch_dtype\": \"bfloat16\",\n  \"eps\": 1e-05,\n"
               "  \"quantization_config\": {\n    \"quant_method\": \"compressed-tensors\",\n    \"quantization_status\": \"compressed\",\n"
               "    \"format\": \"mixed-precision\",\n    \"config_groups\": {\n"
               "      \"group_000\": {\n        \"targets\": [\n          \"model.a\"\n        ],\n        \"format\": \"pack-quantized\",\n"
               "        \"weights\": {\n          \"num_bits\": 4,\n          \"type\": \"int\",\n          \"symmetric\": true,\n"
               "          \"strategy\": \"group\",\n          \"group_size\": 32,\n          \"dynamic\": false,\n          \"actorder\": null,\n"
               "          \"block_structure\": null,\n          \"observer\": \"minmax\",\n          \"observer_kwargs\": {}\n        },\n"
               "        \"input_activations\": {\n          \"num_bits\": 8,\n          \"type\": \"int\",\n          \"symmetric\": true,\n"
               "          \"strategy\": \"token\",\n          \"group_size\": null,\n          \"dynamic\": true,\n          \"actorder\": null,\n"
               "          \"block_structure\": null,\n          \"observer\": null,\n          \"observer_kwargs\": {}\n        },\n"
               "        \"output_activations\": null\n      },\n"
               "      \"group_001\": {\n        \"targets\": [\n          \"model.b\"\n        ],\n        \"format\": \"nvfp4-pack-quantized\",\n"
               "        \"weights\": {\n          \"num_bits\": 4,\n          \"type\": \"float\",\n          \"symmetric\": true,\n"
               "          \"strategy\": \"tensor_group\",\n          \"group_size\": 16,\n          \"dynamic\": false,\n          \"actorder\": null,\n"
               "          \"block_structure\": null,\n          \"observer\": \"minmax\",\n          \"observer_kwargs\": {},\n"
               "          \"scale_dtype\": \"torch.float8_e4m3fn\"\n        },\n"
               "        \"input_activations\": null,\n        \"output_activations\": null\n      }\n    },\n"
               "    \"ignore\": [\n      \"model.none\"\n    ],\n    \"kv_cache_scheme\": null,\n    \"global_compression_ratio\": null\n  }\n}\n");
    assert_int_equal(count_entries(in(place, "out")), 3);
    check_file(place, "out/tokenizer.json", "{}");
    quern_model *model = open_model(place, "out");
    assert_int_equal(quern_dequantize(model, in(place, "back"), NULL), QUERN_OK);
    quern_model_close(model);
    check_file(place, "back/config.json", "{\n  \"torch_dtype\": \"bfloat16\",\n  \"eps\": 1e-5\n}\n");
    model = open_model(place, "back");
    assert_int_equal(quern_model_count(model), 5);
    assert_string_equal(quern_model_at(model, 0).dtype, "BF16");
    quern_model_close(model);
}

/* int8 weights beside int8 inputs are int-quantized. */
/* A null member says nothing, and must not stand beside the new one. */
static void test_config_null(void **state)
{
    struct place *place = *state;
    size_t size;
    write_model(place);
    write_text(place, "m/config.json", "{\n  \"quantization_config\": null,\n  \"eps\": 1e-05\n}\n");
    assert_int_equal(quantize_model(place, weight_recipe("mxfp8"), "m", "out", NULL), QUERN_OK);
    char *text = read_whole(in(place, "out/config.json"), &size), *key = strstr(text, "\"quantization_config\": {");
    assert_non_null(key);
    assert_null(strstr(text, "null,\n  \"eps\""));
    assert_null(strstr(key + 1, "\"quantization_config\""));
    assert_non_null(strstr(text, "\"eps\": 1"));
    free(text);
}

static void test_int_quantized(void **state)
{
    struct place *place = *state;
    write_model(place);
    const char *recipe = "config c { weight int8 per channel(0) scale bf16 input int8 per token dynamic }\nmatch first { _ => c }\n";
    check_plan(place, recipe, "int-quantized");
    assert_int_equal(quantize_model(place, recipe, "m", "out", NULL), QUERN_OK);
    check_reading(place, "int8 per channel(0) scale bf16", "out", "model.a.weight", 64 * 96);
    quern_model *model = open_model(place, "out");
    struct quern_tensor t = quern_model_at(model, 0);
    assert_string_equal(t.name, "model.a.weight");
    assert_string_equal(t.dtype, "I8");
    quern_model_close(model);
}

static void test_warnings(void **state)
{
    struct place *place = *state;
    write_model(place);
    assert_int_equal(quantize_model(place, weight_recipe("int4 per channel(1)"), "m", "a", NULL), QUERN_OK);
    assert_string_equal(messages(place), "model.a.weight: warning[Q0825]: 2 tensors, this one first, go to the quern format, which only Quern reads\n");
    assert_int_equal(quantize_model(place, weight_recipe("int4 per group(32) scale f32"), "m", "b", NULL), QUERN_OK);
    assert_string_equal(messages(place), "model.a.weight: warning[Q0826]: 2 tensors, this one first, get f32 scales in a model of bf16\n"
                                         "  help: say `scale bf16`\n");
}

static void test_inputs(void **state)
{
    struct place *place = *state;
    write_model(place);
    assert_int_equal(quantize_model(place, "config c { weight int8 scale bf16 input int8 per tensor static(-8, 8) }\nmatch first { _ => c }\n", "m", "out", NULL),
                     QUERN_OK);
    assert_string_equal(messages(place), "c: warning[Q0828]: the input spec of this config has no form in quantization_config; it was left out\n");
}

/* ---- shards: one output file for each of the input ---- */

static void write_shards(struct place *place, const float *x)
{
    struct entry entries[] = {{"a.weight", "F32", {8, 32, -1}, x, 1024}, {"b.weight", "F32", {8, 32, -1}, x + 256, 1024},
                              {"c.bias", "F32", {32, -1}, x, 128}};
    write_tensors(place, "s/z.safetensors", &entries[0], 1);
    write_tensors(place, "s/y.safetensors", &entries[1], 2);
    write_text(place, "s/model.safetensors.index.json",
               "{\"weight_map\":{\"a.weight\":\"z.safetensors\",\"b.weight\":\"y.safetensors\",\"c.bias\":\"y.safetensors\"}}");
}

static void test_shards(void **state)
{
    struct place *place = *state;
    float *x = make_floats(512, 5), *y = malloc(2048);
    write_shards(place, x);
    assert_int_equal(quantize_model(place, weight_recipe("f16"), "s", "out", NULL), QUERN_OK);
    check_file(place, "out/model.safetensors.index.json",
               "{\n  \"metadata\": {\n    \"total_size\": 1152\n  },\n  \"weight_map\": {\n"
               "    \"a.weight\": \"model-00002-of-00002.safetensors\",\n    \"b.weight\": \"model-00001-of-00002.safetensors\",\n"
               "    \"c.bias\": \"model-00001-of-00002.safetensors\"\n  }\n}\n");
    assert_int_equal(count_entries(in(place, "out")), 3);
    quern_model *model = open_model(place, "out");
    struct quern_run_options options = {.dtype = "f32"};
    assert_int_equal(quern_dequantize(model, in(place, "back"), &options), QUERN_OK);
    quern_model_close(model);
    model = open_model(place, "back");
    assert_int_equal(quern_model_read_f32(model, "b.weight", y, 256), QUERN_OK);
    for (int i = 0; i < 256; i++)
        assert_true(fabsf(y[i] - x[256 + i]) <= fabsf(x[256 + i]) / 2048);
    assert_int_equal(quern_model_read_f32(model, "d.weight", y, 256), QUERN_INVALID);
    assert_string_equal(messages(place), "DIR/back: error[Q0827]: there is no tensor 'd.weight'\n");
    quern_model_close(model);
    free(x);
    free(y);
}

/* A derived name that the model already uses. */
static void test_name_taken(void **state)
{
    struct place *place = *state;
    struct entry entries[] = {{"a.weight", "F32", {8, 32, -1}, NULL, 1024}, {"a.weight.codes", "F32", {1, -1}, NULL, 4}};
    write_tensors(place, "m/model.safetensors", entries, 2);
    assert_int_equal(quantize_model(place, "config c { weight int4 per channel(1) }\nmatch first { name \"a\" => c _ => skip }\n", "m", "out", NULL),
                     QUERN_INVALID);
    assert_string_equal(messages(place), "DIR/m: error[Q0824]: two tensors of the output would be called 'a.weight.codes'\n");
    assert_int_equal(count_entries(place->directory), 1);
}

/* ---- threads and memory ---- */

/* A matrix of several pieces, in f32, and one whose scale needs all of it. */
static void write_large(struct place *place)
{
    size_t count = 3000 * 1024;
    float *x = make_floats(count, 3);
    struct entry entries[] = {
        {"a.weight", "F32", {3000, 1024, -1}, x, count * 4},
        {"b.weight", "F32", {3000, 1024, -1}, x, count * 4},
    };
    write_tensors(place, "m/model.safetensors", entries, 2);
    free(x);
}

static const char large_recipe[] = "config g { weight int3 asymmetric per group(64) scale f32 }\nconfig n { weight nvfp4 }\n"
                                   "match first { name \"a\" => g _ => n }\n";

static void test_threads(void **state)
{
    struct place *place = *state;
    struct quern_run_options one = {.threads = 1, .measure = true}, many = {.threads = 5}, tight = {.threads = 3, .memory_limit = 9 << 20};
    write_large(place);
    assert_int_equal(quantize_model(place, large_recipe, "m", "one", &one), QUERN_OK);
    assert_int_equal(quantize_model(place, large_recipe, "m", "many", &many), QUERN_OK);
    assert_int_equal(quantize_model(place, large_recipe, "m", "tight", &tight), QUERN_OK);
    assert_true(same_files(in(place, "one/model.safetensors"), in(place, "many/model.safetensors")));
    assert_true(same_files(in(place, "one/model.safetensors"), in(place, "tight/model.safetensors")));
    messages(place);
    check_reading(place, "int3 asymmetric per group(64) scale f32", "one", "a.weight", 3000 * 1024);
    check_reading(place, "nvfp4", "one", "b.weight", 3000 * 1024);
}

static void test_memory_limit(void **state)
{
    struct place *place = *state;
    struct quern_run_options tight = {.threads = 2, .memory_limit = 9 << 20};
    write_large(place);
    assert_int_equal(quantize_model(place, weight_recipe("int8 scale f32"), "m", "out", &tight), QUERN_LIMIT);
    assert_string_equal(messages(place), "a.weight: error[Q1003]: this tensor needs 15360064 bytes of buffers at once, the limit is 9437184\n");
    assert_int_equal(count_entries(place->directory), 1);
}

/* ---- the output appears whole or not at all ---- */

static bool stop(void *user, const struct quern_progress *progress)
{
    (void)user, (void)progress;
    return false;
}

static void test_cancelled(void **state)
{
    struct place *place = *state;
    struct quern_run_options options = {.progress = stop};
    write_model(place);
    for (options.threads = 1; options.threads <= 4; options.threads++)
        assert_int_equal(quantize_model(place, weight_recipe("mxfp4"), "m", "out", &options), QUERN_CANCELLED);
    assert_int_equal(count_entries(place->directory), 1);
}

static void test_existing(void **state)
{
    struct place *place = *state;
    struct quern_run_options replace = {.overwrite = true};
    const char *recipe = weight_recipe("mxfp4");
    write_model(place);
    write_text(place, "file", "precious");
    write_text(place, "folder/below/model.safetensors", "precious");
    assert_int_equal(quantize_model(place, recipe, "m", "out", NULL), QUERN_OK);
    assert_int_equal(quantize_model(place, recipe, "m", "out", NULL), QUERN_IO);
    assert_string_equal(messages(place), "DIR/out: error[Q0815]: the output exists already\n");
    assert_int_equal(quantize_model(place, weight_recipe("mxfp8"), "m", "out/", &replace), QUERN_OK);
    quern_model *model = open_model(place, "out");
    assert_string_equal(quern_model_at(model, 0).dtype, "F8_E4M3");
    quern_model_close(model);
    assert_int_equal(quantize_model(place, recipe, "m", "file", &replace), QUERN_IO);
    assert_string_equal(messages(place), "DIR/file: error[Q0815]: the output exists and is no directory of a checkpoint; it is not replaced\n");
    assert_int_equal(quantize_model(place, recipe, "m", "folder", &replace), QUERN_IO);
    assert_int_equal(quantize_model(place, recipe, "m", "m", &replace), QUERN_IO);
    messages(place);
    assert_int_equal(quantize_model(place, recipe, "m/model.safetensors", "m", &replace), QUERN_IO);
    assert_string_equal(messages(place), "DIR/m: error[Q0817]: the output is the model's own directory\n");
    assert_int_equal(quantize_model(place, recipe, "m", "nowhere/out", NULL), QUERN_IO);
    assert_string_equal(messages(place), "DIR/nowhere/out: error[Q0814]: cannot write beside the output: No such file or directory\n");
    assert_int_equal(quantize_model(place, recipe, "m", "m/..", NULL), QUERN_IO);
    assert_string_equal(messages(place), "DIR/m/..: error[Q0815]: the output needs a name of its own\n");
    assert_true(exists(in(place, "folder/below/model.safetensors")));
    assert_int_equal(count_entries(place->directory), 4);
}

/* A link is replaced itself: what it points to stays as it is. */
static void test_linked(void **state)
{
    struct place *place = *state;
    struct quern_run_options replace = {.overwrite = true};
    struct stat status;
    write_model(place);
    assert_int_equal(quantize_model(place, weight_recipe("mxfp4"), "m", "far", NULL), QUERN_OK);
    assert_int_equal(symlink("far", in(place, "out")), 0);
    assert_int_equal(symlink("far", in(place, ".out.tmp-data")), 0); /* as a dead run may leave one */
    assert_int_equal(quantize_model(place, weight_recipe("mxfp8"), "m", "out", &replace), QUERN_OK);
    assert_int_equal(lstat(in(place, "out"), &status), 0);
    assert_true(S_ISDIR(status.st_mode) && exists(in(place, "far/model.safetensors")));
    assert_int_equal(count_entries(place->directory), 3);
}

/* Makes a folder in the old output: it cannot be removed any more. */
static bool fill_old(void *user, const struct quern_progress *progress)
{
    (void)progress;
    mkdir(in(user, "out/folder"), 0777);
    return true;
}

static void test_left(void **state)
{
    struct place *place = *state;
    struct quern_run_options replace = {.overwrite = true, .progress = fill_old, .user = place};
    write_model(place);
    assert_int_equal(quantize_model(place, weight_recipe("mxfp4"), "m", "out", NULL), QUERN_OK);
    assert_int_equal(quantize_model(place, weight_recipe("mxfp8"), "m", "out", &replace), QUERN_OK);
    assert_string_equal(messages(place), "DIR/out: warning[Q0829]: the old output could not be removed and is DIR/.out.tmp-data now: "
                                         "Is a directory\n");
    assert_true(exists(in(place, "out/model.safetensors")) && !exists(in(place, "out/folder")));
}

/* A file system without an exchange, on which the second rename fails: stands before the C library's. */
static bool no_exchange;

int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags)
{
    if (no_exchange)
        return errno = EINVAL, -1;
    return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
}

int rename(const char *from, const char *to)
{
    size_t size = strlen(from), end = strlen(".tmp-data");
    if (no_exchange && size > end && !strcmp(from + size - end, ".tmp-data"))
        return errno = EIO, -1;
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static void test_restored(void **state)
{
    struct place *place = *state;
    struct quern_run_options replace = {.overwrite = true};
    write_model(place);
    assert_int_equal(quantize_model(place, weight_recipe("mxfp4"), "m", "out", NULL), QUERN_OK);
    no_exchange = true;
    enum quern_status status = quantize_model(place, weight_recipe("mxfp8"), "m", "out", &replace);
    no_exchange = false;
    assert_int_equal(status, QUERN_IO);
    assert_string_equal(messages(place), "DIR/out: error[Q0814]: cannot put the output in its place: Input/output error\n");
    assert_true(exists(in(place, "out/model.safetensors")));
    assert_int_equal(count_entries(place->directory), 2);
}

/* What a dead run left goes away; what a living one holds is left alone. */
static void test_locks(void **state)
{
    struct place *place = *state;
    const char *recipe = weight_recipe("mxfp4");
    write_model(place);
    write_text(place, ".out.tmp-data/model.safetensors", "half");
    write_text(place, ".out.tmp-lock", "");
    int lock = open(in(place, ".out.tmp-lock"), O_RDWR);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    assert_int_equal(quantize_model(place, recipe, "m", "out", NULL), QUERN_IO);
    assert_string_equal(messages(place), "DIR/out: error[Q0816]: another run is writing this output\n");
    assert_true(exists(in(place, ".out.tmp-data/model.safetensors")));
    close(lock);
    assert_int_equal(quantize_model(place, recipe, "m", "out", NULL), QUERN_OK);
    assert_int_equal(count_entries(place->directory), 2);
}

/* A disk that is full: here, a file that may not grow. */
static void test_no_space(void **state)
{
    struct place *place = *state;
    struct rlimit old, small = {4096, RLIM_INFINITY};
    write_model(place);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_FSIZE, &small);
    enum quern_status status = quantize_model(place, weight_recipe("mxfp8"), "m", "out", NULL);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(status, QUERN_IO);
    assert_string_equal(messages(place), "DIR/out: error[Q0814]: cannot write model.safetensors: File too large\n");
    assert_int_equal(count_entries(place->directory), 1);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, place_open, place_close)
    const struct CMUnitTest tests[] = {
        CASE(test_formats), CASE(test_config), CASE(test_config_null), CASE(test_int_quantized), CASE(test_warnings), CASE(test_inputs), CASE(test_shards), CASE(test_name_taken), CASE(test_threads), CASE(test_memory_limit),
        CASE(test_cancelled), CASE(test_existing), CASE(test_linked), CASE(test_left), CASE(test_restored),
        CASE(test_locks), CASE(test_no_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
