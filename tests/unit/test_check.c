/* What a recipe and a model say together (quern_check_model, plans), and what the handles promise: stages as text, kernels by
 * many threads, calls that make no sense. */
#define _GNU_SOURCE 1
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/models.h"

static const char names[] = "model.layers.0.self_attn.q_proj.weight\tBF16\t[128,128]\n"
                            "model.layers.0.self_attn.k_proj.weight\tBF16\t[128,128]\n"
                            "model.layers.0.self_attn.v_proj.weight\tBF16\t[128,128]\n"
                            "model.layers.0.mlp.up_proj.weight\tBF16\t[256,128]\n"
                            "model.norm.weight\tF32\t[128]\n";

/* check -m of a recipe over those names. */
static void check(struct place *place, const char *text, enum quern_status status, const char *expected)
{
    write_text(place, "m.names", names);
    quern_recipe *recipe = load_recipe(place, text);
    quern_model *model = open_model(place, "m.names");
    messages(place);
    enum quern_status said = quern_check_model(recipe, model);
    quern_model_close(model);
    quern_recipe_close(recipe);
    assert_string_equal(messages(place), expected);
    assert_int_equal(said, status);
}

static void test_rules(void **state)
{
    check(*state, "config c { weight int8 }\nmatch first { glob \"*_proj\" => c _ => skip }\n", QUERN_OK, "");
    check(*state, "config c { weight int8 }\nmatch first { name \"model.layers.0.mlp.up_prj\" => c _ => skip }\n", QUERN_INVALID,
          "r.qr:2:15: error[Q0830]: this rule matches nothing in the model\n"
          "    2 | match first { name \"model.layers.0.mlp.up_prj\" => c _ => skip }\n"
          "      |               ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
          "  help: the nearest module is 'model.layers.0.mlp.up_proj'\n");
    check(*state, "config c { weight int8 }\nmatch first { name \"model.layers.0\" => c _ => skip }\n", QUERN_INVALID,
          "r.qr:2:15: error[Q0830]: this rule matches nothing in the model\n"
          "    2 | match first { name \"model.layers.0\" => c _ => skip }\n"
          "      |               ^~~~~~~~~~~~~~~~~~~~~~~~~~\n"
          "  help: 'model.layers.0' holds other modules and no tensor of its own; `under` takes all below it\n");
    check(*state, "config c { weight int8 }\nmatch first { glob \"*vision*\" => c _ => skip }\n", QUERN_INVALID,
          "r.qr:2:15: error[Q0830]: this rule matches nothing in the model\n"
          "    2 | match first { glob \"*vision*\" => c _ => skip }\n"
          "      |               ^~~~~~~~~~~~~~~~~~~~\n"
          "  help: write `optional` before a rule that may match nothing\n");
    check(*state, "config c { weight int8 }\nmatch first { optional glob \"*vision*\" => c _ => c }\n", QUERN_OK, "");
    check(*state, "config c { weight int8 }\nmatch first { glob \"*proj\" => c name \"model.layers.0.mlp.up_proj\" => skip _ => skip }\n", QUERN_OK,
          "r.qr:2:33: warning[Q0831]: earlier rules take every tensor that this rule matches\n"
          "    2 | match first { glob \"*proj\" => c name \"model.layers.0.mlp.up_proj\" => skip _ => skip }\n"
          "      |                                 ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
          "r.qr:2:15: note: 'model.layers.0.mlp.up_proj.weight' goes here\n"
          "    2 | match first { glob \"*proj\" => c name \"model.layers.0.mlp.up_proj\" => skip _ => skip }\n"
          "      |               ^~~~~~~~~~~~~~~~~\n");
    /* each of these hides behind the one before: the passes over the tensors find them one by one */
    check(*state, "config c { weight int8 }\nmatch first {\n_ => c\noptional glob \"*up*\" => c\noptional glob \"*up*j\" => c\n}\n", QUERN_OK,
          "r.qr:4:1: warning[Q0831]: earlier rules take every tensor that this rule matches\n"
          "    4 | optional glob \"*up*\" => c\n"
          "      | ^~~~~~~~~~~~~~~~~~~~~~~~~\n"
          "r.qr:3:1: note: 'model.layers.0.mlp.up_proj.weight' goes here\n"
          "    3 | _ => c\n"
          "      | ^~~~~~\n"
          "r.qr:5:1: warning[Q0831]: earlier rules take every tensor that this rule matches\n"
          "    5 | optional glob \"*up*j\" => c\n"
          "      | ^~~~~~~~~~~~~~~~~~~~~~~~~~\n"
          "r.qr:3:1: note: 'model.layers.0.mlp.up_proj.weight' goes here\n"
          "    3 | _ => c\n"
          "      | ^~~~~~\n");
    check(*state, "config c { weight int8 }\nmatch first { type \"Linear\" => c _ => skip }\n", QUERN_OK,
          "r.qr:2:15: warning[Q0832]: this rule cannot be decided for 'model.layers.0.mlp.up_proj.weight': it asks for what is not known there\n"
          "    2 | match first { type \"Linear\" => c _ => skip }\n"
          "      |               ^~~~~~~~~~~~~~~~~~\n");
}

static void test_groups(void **state)
{
    check(*state, "config c { weight int8 }\ngroup qk = \"{p}.q_proj\" \"{p}.k_proj\"\nmatch first { glob \"*_proj\" => c _ => skip }\n", QUERN_OK, "");
    check(*state, "config c { weight int8 }\ngroup qkv = \"{p}.q_proj\" \"{p}.k_proj\" \"{p}.v_proj\"\n"
                  "match first { glob \"*q_proj\" => c _ => skip }\n", QUERN_INVALID,
          "r.qr:2:7: error[Q0833]: group qkv: 'model.layers.0.self_attn.k_proj.weight' and 2 more do not get the same spec\n"
          "    2 | group qkv = \"{p}.q_proj\" \"{p}.k_proj\" \"{p}.v_proj\"\n"
          "      |       ^~~\n"
          "r.qr:3:35: note: 'model.layers.0.self_attn.k_proj.weight': skip\n"
          "    3 | match first { glob \"*q_proj\" => c _ => skip }\n"
          "      |                                   ^~~~~~~~~\n"
          "r.qr:3:15: note: 'model.layers.0.self_attn.q_proj.weight': int8 symmetric per tensor scale f32\n"
          "    3 | match first { glob \"*q_proj\" => c _ => skip }\n"
          "      |               ^~~~~~~~~~~~~~~~~~~\n"
          "r.qr:3:35: note: 'model.layers.0.self_attn.v_proj.weight': skip\n"
          "    3 | match first { glob \"*q_proj\" => c _ => skip }\n"
          "      |                                   ^~~~~~~~~\n");
}

static void test_shapes(void **state)
{
    check(*state, "config c { weight int4 per group(48) }\nmatch first { glob \"*mlp*\" => c _ => skip }\n", QUERN_INVALID,
          "model.layers.0.mlp.up_proj.weight: error[Q1001]: int4 symmetric per group(48) scale f32: the group does not divide the dimension; "
          "`ragged pad` allows a short last group\n"
          "r.qr:2:15: note: by this rule\n"
          "    2 | match first { glob \"*mlp*\" => c _ => skip }\n"
          "      |               ^~~~~~~~~~~~~~~~~\n");
}

static void test_expectations(void **state)
{
    const char *recipe = "config c { weight int8 scale bf16 }\nmatch first { glob \"*_proj\" => c _ => skip }\n"
                         "expect { \"model.layers.0.mlp.up_proj\" => c \"model.norm\" => skip bits_per_weight < 8.1 bytes < 100000 }\n";
    check(*state, recipe, QUERN_OK, "");
    check(*state, "config c { weight int8 scale bf16 }\nmatch first { glob \"*_proj\" => c }\n"
                  "expect {\n\"model.norm\" => skip\n\"model.layers.0.mlp.up_proj\" => none\nbits_per_weight < 8\n}\n", QUERN_INVALID,
          "r.qr:4:1: error[Q0834]: 'model.norm' gets no rule\n"
          "    4 | \"model.norm\" => skip\n"
          "      | ^~~~~~~~~~~~~~~~~~~~\n"
          "r.qr:5:1: error[Q0834]: 'model.layers.0.mlp.up_proj' gets 'c'\n"
          "    5 | \"model.layers.0.mlp.up_proj\" => none\n"
          "      | ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
          "r.qr:2:15: note: by this rule\n"
          "    2 | match first { glob \"*_proj\" => c }\n"
          "      |               ^~~~~~~~~~~~~~~~~~\n"
          "r.qr:6:1: error[Q0834]: bits_per_weight is 8.044461778471138\n"
          "    6 | bits_per_weight < 8\n"
          "      | ^~~~~~~~~~~~~~~~~~~\n");
}

/* A plan's row names the rule that cancels the module's, as a match does. */
static void test_plan_specific(void **state)
{
    struct place *place = *state;
    quern_plan *plan;
    write_text(place, "m.names", "l1.bias\tBF16\t[32]\nl1.weight\tBF16\t[32,32]\n");
    quern_recipe *recipe = load_recipe(place, "config a { weight mxfp8 }\n"
                                              "match specific { param name \"l1.bias\" => a name \"l1\" => a }\n");
    quern_model *model = open_model(place, "m.names");
    assert_int_equal(quern_plan_create(recipe, model, &plan), QUERN_OK);
    struct quern_match bias = quern_plan_at(plan, 0).match, weight = quern_plan_at(plan, 1).match;
    assert_true(bias.rule == 0 && bias.canceller == 0); /* of the whole module */
    assert_true(weight.rule == -1 && weight.canceller == 0);
    quern_plan_close(plan);
    quern_model_close(model);
    quern_recipe_close(recipe);
}

static void test_plan(void **state)
{
    struct place *place = *state;
    quern_plan *plan;
    write_text(place, "m.names", "a.weight\nb.weight\tBF16\t[4,32]\nc.weight\tI32\t[4]\n");
    quern_recipe *recipe = load_recipe(place, "config c { weight mxfp4 }\nmatch first { _ => c }\n");
    quern_model *model = open_model(place, "m.names");
    assert_int_equal(quern_plan_create(recipe, model, &plan), QUERN_OK);
    struct quern_plan_row a = quern_plan_at(plan, 0), b = quern_plan_at(plan, 1), c = quern_plan_at(plan, 2);
    struct quern_totals totals = quern_plan_totals(plan);
    assert_string_equal(a.spec, "fp4_e2m1 per group(32) scale fp8_e8m0 pow2 floor");
    assert_string_equal(a.format, "unknown");
    assert_int_equal(a.bytes_after, -1);
    assert_string_equal(b.format, "mxfp4-pack-quantized");
    assert_int_equal(b.bytes_after, 4 * 16 + 4);
    assert_true(b.bits == 4.25);
    assert_null(c.spec);
    assert_string_equal(c.reason, "not a float tensor");
    assert_int_equal(totals.tensors, 3);
    assert_int_equal(totals.quantized, 2);
    assert_int_equal(totals.bytes_before, 4 * 32 * 2 + 16);
    assert_int_equal(quern_quantize(recipe, model, in(place, "out"), NULL), QUERN_INVALID);
    assert_string_equal(messages(place), "DIR/m.names: error[Q0818]: this model has no data to quantize\n");
    quern_plan_close(plan);
    quern_model_close(model);
    quern_recipe_close(recipe);
}

/* ---- members of a group share nvfp4's outer scale, from the largest of them ---- */

static void test_shared_scale(void **state)
{
    struct place *place = *state;
    float small[32], large[32], g[2];
    for (int i = 0; i < 32; i++) {
        small[i] = (float)(i - 16) / 16;
        large[i] = 8 * small[i];
    }
    struct entry entries[] = {{"x.k_proj.weight", "F32", {2, 16, -1}, small, 128}, {"x.v_proj.weight", "F32", {2, 16, -1}, large, 128}};
    write_tensors(place, "m/model.safetensors", entries, 2);
    quern_recipe *recipe = load_recipe(place, "config c { weight nvfp4 }\ngroup kv = \"{p}.k_proj\" \"{p}.v_proj\"\nmatch first { _ => c }\n");
    quern_model *model = open_model(place, "m");
    assert_int_equal(quern_quantize(recipe, model, in(place, "out"), NULL), QUERN_OK);
    quern_model_close(model);
    model = open_model(place, "out");
    static const char *const scales[] = {"x.k_proj.weight_global_scale", "x.v_proj.weight_global_scale"};
    quern_model_close(model);
    size_t size;
    char *bytes = read_whole(in(place, "out/model.safetensors"), &size);
    for (int i = 0; i < 2; i++) { /* F32 comes first, in name order: the two scales are the first data */
        uint64_t header;
        memcpy(&header, bytes, 8);
        memcpy(&g[i], bytes + 8 + header + 4 * (size_t)i, 4);
        assert_non_null(strstr(bytes + 8, scales[i]));
    }
    assert_true(g[0] == 2688.0f / 8 && g[1] == g[0]);
    free(bytes);
    quern_recipe_close(recipe);
}

/* ---- kernels by many threads ---- */

static void *get_kernel(void *data)
{
    struct place *place = data;
    static const int64_t shape[] = {4, 64};
    quern_kernel *kernel = NULL;
    float x[256];
    unsigned char codes[256], scale[64];
    for (int i = 0; i < 256; i++)
        x[i] = (float)i;
    if (quern_kernel_get(place->context, "int8 per channel(0) scale f32", "quantize_dynamic", "f32", shape, 2, &kernel))
        return NULL;
    struct quern_buffers buffers = {.x = x, .codes = codes, .scale = scale};
    bool ok = quern_kernel_run(kernel, &buffers, 0, -1) == QUERN_OK && codes[255] == 127;
    quern_kernel_release(kernel);
    return ok ? data : NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[16];
    for (int i = 0; i < 16; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_kernel, *state), 0);
    for (int i = 0; i < 16; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_non_null(result);
    }
}

static void test_kernel_calls(void **state)
{
    struct place *place = *state;
    int64_t shape[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    quern_kernel *kernel = NULL;
    assert_int_equal(quern_kernel_get(place->context, "int8", "quantise", "f32", shape, 2, &kernel), QUERN_USAGE);
    assert_string_equal(messages(place), "error[Q1005]: there is no operation 'quantise'\n");
    assert_int_equal(quern_kernel_get(place->context, "int8", "quantize", "i8", shape, 2, &kernel), QUERN_USAGE);
    assert_string_equal(messages(place), "error[Q1005]: expected f32, f16 or bf16 as the float type, saw 'i8'\n");
    assert_int_equal(quern_kernel_get(place->context, "int8", "quantize", "f32", shape, 9, &kernel), QUERN_USAGE);
    assert_string_equal(messages(place), "error[Q1005]: expected a rank of 0 to 8, saw 9\n");
    assert_int_equal(quern_kernel_get(place->context, "int8 per channel(5)", "quantize", "f32", shape, 2, &kernel), QUERN_INVALID);
    messages(place);
    assert_null(kernel);
    assert_int_equal(quern_kernel_get(place->context, "int8", "quantize", "f32", shape, 2, &kernel), QUERN_OK);
    assert_int_equal(quern_kernel_run(kernel, &(struct quern_buffers){0}, 0, -1), QUERN_USAGE);
    quern_kernel_release(kernel);
}

/* A machine that is narrower than this one: every target is too wide for it. */
static bool narrow;
struct kernel_target;
bool __real_kernel_target_runs(const struct kernel_target *target);
bool __wrap_kernel_target_runs(const struct kernel_target *target);

bool __wrap_kernel_target_runs(const struct kernel_target *target)
{
    return !narrow && __real_kernel_target_runs(target);
}

/* Printed for every target, run for none that would end in an illegal instruction. */
static void test_target(void **state)
{
    (void)state;
    struct quern_context_options options = {.target = "x86-64-v4"};
    quern_context *context;
    quern_kernel *kernel = NULL;
    assert_int_equal(quern_context_create(&options, &context), QUERN_OK);
    narrow = true;
    enum quern_status status = quern_kernel_get(context, "int8", "quantize", "f32", (int64_t[]){1, 1}, 2, &kernel);
    narrow = false;
    assert_int_equal(status, QUERN_USAGE);
    assert_string_equal(quern_diagnostics_text(context, false), "error[Q0910]: this machine cannot run code for x86-64-v4\n");
    quern_context_destroy(context);
}

/* `error` adds up a whole tensor. */
static void test_error_units(void **state)
{
    struct place *place = *state;
    static const int64_t shape[] = {4, 64};
    quern_kernel *kernel;
    float x[256] = {1};
    unsigned char codes[256] = {0}, scale[64] = {0};
    struct quern_sums sums;
    struct quern_buffers buffers = {.x = x, .codes = codes, .scale = scale, .sums = &sums};
    assert_int_equal(quern_kernel_get(place->context, "int8 per channel(0) scale f32", "error", "f32", shape, 2, &kernel), QUERN_OK);
    int64_t units = quern_kernel_describe(kernel).units;
    assert_true(units > 0);
    assert_int_equal(quern_kernel_run(kernel, &buffers, 0, units - 1), QUERN_USAGE);
    assert_int_equal(quern_kernel_run(kernel, &buffers, units, units), QUERN_USAGE);
    assert_int_equal(quern_kernel_run(kernel, &buffers, 0, units), QUERN_OK);
    quern_kernel_release(kernel);
}

/* ---- stages ---- */

static void test_stages(void **state)
{
    struct place *place = *state;
    static const char *const stages[] = {"ast", "recipe", "automaton", "kernel"};
    quern_recipe *recipe = load_recipe(place, "config c { weight int4 per group(32) }\nmatch first { glob \"*proj\" => c _ => skip }\n");
    for (int i = 0; i < 4; i++) {
        const char *text, *again;
        size_t size;
        if (quern_recipe_emit(recipe, stages[i], NULL, &text, &size) ||
            quern_stage_reread(place->context, stages[i], "stage", text, size, &again))
            fail_msg("%s: %s", stages[i], messages(place));
        assert_string_equal(text, again);
    }
    const char *text = NULL;
    size_t size = 0;
    assert_int_equal(quern_recipe_emit(recipe, "tokens", NULL, &text, &size), QUERN_USAGE);
    assert_string_equal(messages(place), "error[Q1005]: expected the stage ast, recipe, automaton, kernel, llvm, asm or obj, saw 'tokens'\n");
    assert_int_equal(quern_stage_reread(place->context, "llvm", "x", "", 0, &text), QUERN_USAGE);
    assert_string_equal(messages(place), "error[Q1005]: expected the stage ast, recipe, automaton or kernel, saw 'llvm'\n");
    quern_recipe_close(recipe);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, place_open, place_close)
    const struct CMUnitTest tests[] = {
        CASE(test_rules), CASE(test_groups), CASE(test_shapes), CASE(test_expectations), CASE(test_plan), CASE(test_plan_specific),
        CASE(test_shared_scale),
        CASE(test_threads), CASE(test_kernel_calls), CASE(test_target), CASE(test_error_units), CASE(test_stages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
