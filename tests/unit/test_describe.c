/* Module descriptions by calls (quern_model.h) and the subjects of a described model (quern.h): what a host builds is what
 * the JSON form says. The JSON form's own cases: tests/data/modules. */
#include <stdio.h>
#include <string.h>
#include "runtime/quern_model.h"
#include "tests/unit/models.h"

static const char *const module_spellings[] = {"torch.nn.modules.module.Module", "torch.nn.Module", NULL};
static const char *const linear_spellings[] = {"torch.nn.modules.linear.Linear", "torch.nn.Linear", NULL};
static const char *const net_class[] = {"net.Net", NULL};
static const char *const stub_class[] = {"net.Stub", NULL};
static const char *const encoder_aliases[] = {"encoder", NULL};
static const char *const stub_tags[] = {"parameter/weight", "parameter", NULL};
static const char *const boundary_in[] = {"t0", NULL};
static const char *const boundary_out[] = {"t1", NULL};
static const int64_t square[] = {8, 8};

static const struct quern_module_info modules[] = {
    {.path = "", .classes = net_class, .bases = module_spellings},
    {.path = "enc", .aliases = encoder_aliases, .classes = net_class},
    {.path = "enc.fc1", .classes = linear_spellings, .bases = module_spellings, .quantized_module = true},
    {.path = "enc.fc1.weight_quantizer", .classes = stub_class, .tags = stub_tags, .stub = true, .metadata = "{\"shape\": [8, 8]}"},
    {.path = "head", .classes = linear_spellings, .bases = module_spellings},
};
static const struct quern_op_value op_inputs[] = {
    {.tensor = "t0", .index = 0, .dtype = "F32", .rank = 2, .shape = square},
    {.state = "encoder.fc1.weight", .name = "weight", .index = 1, .rank = -1},
};
static const struct quern_op_value op_output = {.tensor = "t1", .rank = -1};
static const struct quern_op_info linear_op = {.owner = "encoder.fc1", .type = "linear", .graph_name = "linear", .inputs = op_inputs,
                                               .outputs = &op_output, .input_count = 2, .output_count = 1};
static const struct quern_boundary_info boundary = {"encoder", boundary_in, boundary_out};

static quern_model_builder *new_builder(struct place *place)
{
    quern_model_builder *builder = NULL;
    assert_int_equal(quern_model_builder_new(place->context, "host", &builder), QUERN_OK);
    return builder;
}

static enum quern_status add_weight(quern_model_builder *builder, const char *dtype, const char *tied)
{
    struct quern_state_info info = {.tensor = {.name = "weight", .dtype = dtype, .rank = 2, .shape = square}, .tied = tied};
    return quern_model_builder_add_state(builder, &info);
}

static quern_model *build(struct place *place)
{
    quern_model_builder *builder = new_builder(place);
    quern_model *model = NULL;
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        assert_int_equal(quern_model_builder_add_module(builder, &modules[i]), QUERN_OK);
        if (modules[i].classes == linear_spellings)
            assert_int_equal(add_weight(builder, "BF16", i == 2 ? NULL : "enc.fc1.weight"), QUERN_OK);
    }
    assert_int_equal(quern_model_builder_add_op(builder, &linear_op), QUERN_OK);
    assert_int_equal(quern_model_builder_add_boundary(builder, &boundary), QUERN_OK);
    assert_int_equal(quern_model_builder_finish(builder, &model), QUERN_OK);
    return model;
}

/* The rule, or -1, that the subject of that name gets. */
static int match(quern_recipe *recipe, const quern_model *model, enum quern_subject_kind kind, const char *name)
{
    struct quern_subject subject;
    struct quern_match got;
    assert_true(quern_subject_find(model, kind, name, &subject));
    assert_int_equal(quern_match_subject(recipe, &subject, &got), QUERN_OK);
    return got.rule;
}

static void test_subjects(void **state)
{
    struct place *place = *state;
    quern_model *model = build(place);
    quern_recipe *recipe = load_recipe(place, "config c { weight int8 }\nmatch first {\n"
                                              "  op \"linear\" and opname \"linear\" => c\n"
                                              "  name \"encoder.fc1\" and type \"torch.nn.Linear\" => c\n"
                                              "  tag \"parameter\" and role weight => c\n"
                                              "  isa \"torch.nn.Module\" => c\n}\n");
    unsigned char verdicts[4];
    struct quern_subject op;
    assert_int_equal(match(recipe, model, QUERN_OPS_GRAPH, "linear"), 0);
    assert_int_equal(match(recipe, model, QUERN_PARAMETERS, "enc.fc1.weight"), 1);
    assert_int_equal(match(recipe, model, QUERN_PARAMETERS, "encoder.fc1.weight"), 1);
    assert_int_equal(match(recipe, model, QUERN_MODULES, "encoder.fc1.weight_quantizer"), 2);
    assert_int_equal(match(recipe, model, QUERN_MODULES, ""), 3);
    assert_int_equal(match(recipe, model, QUERN_MODULES, "enc"), -1);
    assert_true(quern_subject_find(model, QUERN_OPS_GRAPH, "linear", &op));
    assert_string_equal(op.owner, "enc.fc1");
    assert_string_equal(op.op, "linear");
    assert_int_equal(quern_subject_verdicts(recipe, &op, verdicts), QUERN_OK);
    assert_memory_equal(verdicts, ((unsigned char[]){1, 1, 0, 1}), 4);
    quern_recipe_close(recipe);
    quern_model_close(model);
}

static void test_lists(void **state)
{
    struct place *place = *state;
    quern_model *model = build(place);
    struct quern_subject subject;
    assert_int_equal(quern_subject_count(model, QUERN_PARAMETERS), 2);
    assert_int_equal(quern_subject_count(model, QUERN_MODULES), 5);
    assert_int_equal(quern_subject_count(model, QUERN_OPS_EAGER), 1);
    assert_string_equal(quern_subject_at(model, QUERN_PARAMETERS, 1).name, "head.weight");
    assert_string_equal(quern_subject_at(model, QUERN_MODULES, 4).name, "head");
    assert_string_equal(quern_subject_at(model, QUERN_OPS_EAGER, 0).name, ""); /* it has a graph name alone */
    assert_null(quern_subject_at(model, QUERN_MODULES, 5).name);
    assert_false(quern_subject_find(model, QUERN_OPS_EAGER, "linear", &subject));
    assert_false(quern_subject_find(model, QUERN_MODULES, "tail", &subject));
    struct quern_tensor tensor = quern_model_at(model, 0);
    assert_string_equal(tensor.dtype, "BF16");
    assert_int_equal(tensor.bytes, 128);
    assert_non_null(tensor.module);
    quern_model_close(model);
    write_text(place, "m.names", "a.weight\n");
    model = open_model(place, "m.names");
    assert_int_equal(quern_subject_count(model, QUERN_PARAMETERS), 1);
    assert_int_equal(quern_subject_count(model, QUERN_MODULES), 0);
    assert_false(quern_subject_find(model, QUERN_MODULES, "a", &subject));
    assert_null(quern_model_at(model, 0).module);
    quern_model_close(model);
}

/* A fault is said once and ends the building. */
static void test_faults(void **state)
{
    struct place *place = *state;
    quern_model *model = NULL;
    quern_model_builder *builder = new_builder(place);
    assert_int_equal(add_weight(builder, "F32", NULL), QUERN_INVALID);
    assert_string_equal(messages(place), "host: error[Q0840]: a parameter or buffer stands before the first module\n");
    assert_int_equal(quern_model_builder_add_module(builder, &modules[0]), QUERN_USAGE);
    quern_model_builder_close(builder);

    builder = new_builder(place);
    assert_int_equal(quern_model_builder_add_module(builder, &modules[0]), QUERN_OK);
    assert_int_equal(add_weight(builder, "F31", NULL), QUERN_INVALID);
    assert_string_equal(messages(place), "host: error[Q0840]: modules[0].parameters[0].dtype: expected a dtype such as BF16, saw 'F31'\n");
    assert_int_equal(quern_model_builder_finish(builder, &model), QUERN_USAGE);
    assert_null(model);

    builder = new_builder(place);
    struct quern_module_info root = {.path = "", .metadata = "[]"};
    assert_int_equal(quern_model_builder_add_module(builder, &root), QUERN_INVALID);
    assert_string_equal(messages(place), "host: error[Q0840]: modules[0].metadata: expected a JSON object, saw '[]'\n");
    quern_model_builder_close(builder);

    builder = new_builder(place);
    assert_int_equal(quern_model_builder_add_module(builder, &modules[0]), QUERN_OK);
    assert_int_equal(quern_model_builder_add_op(builder, &linear_op), QUERN_OK);
    assert_int_equal(quern_model_builder_finish(builder, &model), QUERN_INVALID);
    assert_string_equal(messages(place), "host: error[Q0842]: ops[0].owner: there is no module 'encoder.fc1'\n");
}

/* A description that does not fit leaves the model as it was: the right one can follow. */
static void test_again(void **state)
{
    struct place *place = *state;
    struct entry entries[] = {{"a.weight", "F32", {2, -1}, NULL, 8}, {"b.weight", "F32", {2, -1}, NULL, 8}};
    write_tensors(place, "m/model.safetensors", entries, 2);
    write_text(place, "a.json", "{\"format\": \"quern-modules\", \"modules\": [{\"path\": \"\"}, {\"path\": \"a\"}]}");
    write_text(place, "ab.json", "{\"format\": \"quern-modules\", \"modules\": [{\"path\": \"\"}, {\"path\": \"a\"}, {\"path\": \"b\"}]}");
    quern_model *model = open_model(place, "m");
    assert_int_equal(quern_model_describe(model, in(place, "a.json")), QUERN_INVALID);
    assert_string_equal(messages(place), "DIR/a.json: error[Q0844]: tensor 'b.weight' belongs to no module of the description\n");
    assert_null(quern_model_at(model, 0).module);
    assert_int_equal(quern_model_describe(model, in(place, "ab.json")), QUERN_OK);
    assert_non_null(quern_model_at(model, 0).module);
    assert_non_null(quern_model_at(model, 1).module);
    quern_model_close(model);
}

static void test_usage(void **state)
{
    struct place *place = *state;
    quern_model *model = NULL;
    quern_model_builder *builder = new_builder(place);
    struct quern_state_info shapeless = {.tensor = {.name = "w", .rank = 2}};
    struct quern_op_info valueless = {.owner = "", .type = "add", .input_count = 1};
    assert_int_equal(quern_model_builder_new(place->context, NULL, &builder), QUERN_USAGE);
    assert_int_equal(quern_model_builder_add_module(builder, &(struct quern_module_info){.path = NULL}), QUERN_USAGE);
    assert_int_equal(quern_model_builder_add_state(builder, &shapeless), QUERN_USAGE);
    assert_int_equal(quern_model_builder_add_op(builder, &valueless), QUERN_USAGE);
    assert_int_equal(quern_model_builder_add_boundary(builder, NULL), QUERN_USAGE);
    assert_int_equal(quern_model_builder_add_module(builder, &modules[0]), QUERN_OK); /* nothing of it was taken */
    assert_int_equal(quern_model_builder_finish(builder, &model), QUERN_OK);
    assert_int_equal(quern_model_describe(model, in(place, "none.json")), QUERN_USAGE);
    struct quern_match got;
    struct quern_subject beyond = quern_subject_at(model, QUERN_MODULES, 7);
    quern_recipe *recipe = load_recipe(place, "config c { weight int8 }\nmatch first { _ => c }\n");
    assert_int_equal(quern_match_subject(recipe, &beyond, &got), QUERN_USAGE);
    quern_recipe_close(recipe);
    quern_model_close(model);
    quern_model_builder_close(NULL);
}

/* Under every limit the building ends with a model or with QUERN_LIMIT and its message, and nothing is lost. */
static void test_memory(void **state)
{
    (void)state;
    bool built = false;
    for (size_t limit = 1 << 10; !built; limit += 1 << 10) {
        struct quern_context_options options = {.memory_limit = limit};
        quern_context *context = NULL;
        quern_model_builder *builder = NULL;
        quern_model *model = NULL;
        assert_true(limit < 1 << 22);
        if (quern_context_create(&options, &context))
            continue;
        enum quern_status status = quern_model_builder_new(context, "host", &builder);
        for (size_t i = 0; !status && i < sizeof modules / sizeof *modules; i++)
            status = quern_model_builder_add_module(builder, &modules[i]);
        if (status)
            quern_model_builder_close(builder);
        else
            status = quern_model_builder_finish(builder, &model);
        assert_true(!status || (status == QUERN_LIMIT && quern_error_count(context)));
        built = !status;
        quern_model_close(model);
        quern_context_destroy(context);
    }
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, place_open, place_close)
    const struct CMUnitTest tests[] = {
        CASE(test_subjects), CASE(test_lists), CASE(test_faults), CASE(test_again), CASE(test_usage), CASE(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
