/* Initialising quantizers by rules: order, policies, scores, `safe`, what the callbacks are told. The tree is that of
 * FastForward's own tests: two layers with a linear or convolution and an activation, twelve stubs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/quern_model.h"
#include "runtime/quern_quantizers.h"
#include "tests/unit/models.h"

enum { CALLS_MAX = 4096 };

struct host {
    quern_recipe *recipe;
    char calls[CALLS_MAX]; /* what was made: PATH=CONFIG, one a line */
    int (*score)(void *user, size_t rule, const struct quern_quantizer *quantizer);
    const char *moved;     /* this path is another module's now */
    enum quern_made made;
    unsigned left;         /* calls until it stops */
};

/* ---- the model ---- */

static const char *const roles[] = {"input", "weight", "bias", "output"};

static void add_quantizers(quern_model_builder *b, const char *layer, const char *which, const char *initialised)
{
    static const char *const tags[][3] = {{"activation/input"}, {"parameter/weight"}, {"parameter/bias"}, {"activation/output"}};
    for (int r = 0; r < 4; r++) {
        char path[64];
        if (!strchr(which, roles[r][0]))
            continue;
        snprintf(path, sizeof path, "%s.%s_quantizer", layer, roles[r]);
        bool stub = !initialised || strcmp(initialised, path) != 0;
        const char *const alias[] = {"layer2.tied", NULL}, *const none[] = {NULL};
        struct quern_module_info info = {.path = path, .tags = tags[r], .quantizer = true, .stub = stub, .classes = none, .bases = none,
                                         .aliases = !strcmp(path, "layer1.relu.input_quantizer") ? alias : NULL};
        assert_int_equal(quern_model_builder_add_module(b, &info), QUERN_OK);
    }
}

static void add_layer(quern_model_builder *b, const char *path)
{
    const char *const none[] = {NULL};
    assert_int_equal(quern_model_builder_add_module(b, &(struct quern_module_info){.path = path, .classes = none, .bases = none}), QUERN_OK);
}

static quern_model *make_model(struct place *place, const char *initialised)
{
    quern_model_builder *b;
    quern_model *model;
    assert_int_equal(quern_model_builder_new(place->context, "T1", &b), QUERN_OK);
    add_layer(b, "");
    add_layer(b, "layer1");
    add_layer(b, "layer1.linear");
    add_quantizers(b, "layer1.linear", "iwbo", initialised);
    add_layer(b, "layer1.relu");
    add_quantizers(b, "layer1.relu", "io", initialised);
    add_layer(b, "layer2");
    add_layer(b, "layer2.conv");
    add_quantizers(b, "layer2.conv", "iwbo", initialised);
    add_layer(b, "layer2.relu");
    add_quantizers(b, "layer2.relu", "io", initialised);
    assert_int_equal(quern_model_builder_finish(b, &model), QUERN_OK);
    return model;
}

/* ---- the host ---- */

static enum quern_made make(void *user, const struct quern_quantizer *q)
{
    struct host *host = user;
    size_t size = strlen(host->calls);
    const char *dot = strrchr(q->path, '.');
    snprintf(host->calls + size, CALLS_MAX - size, "%.*s.%c=%s%s\n", (int)(dot - q->path), q->path, dot[1], q->match.config,
             q->paths[1] ? " shared" : "");
    return host->left && !--host->left ? QUERN_MADE_STOP : host->made;
}

static bool is_same(void *user, const struct quern_quantizer *q)
{
    const struct host *host = user;
    return !host->moved || strcmp(host->moved, q->path) != 0;
}

static enum quern_status run(struct host *host, quern_model *model, enum quern_overwrite overwrite, bool unsafe)
{
    struct quern_initialize_options options = {.overwrite = overwrite, .unsafe = unsafe, .make = make, .same = is_same, .score = host->score, .user = host};
    host->calls[0] = 0;
    return quern_quantizers_initialize(host->recipe, model, &options);
}

#define CONFIGS "config A { weight int8 }\nconfig B { weight int4 extra {a: 3} }\nconfig S { weight int4 extra {overwrite_policy: skip, safe: false} }\n"

static void open_host(struct place *place, struct host *host, const char *rules)
{
    char text[2048];
    snprintf(text, sizeof text, CONFIGS "expect { \"none\" => none }\nmatch last {\n%s\n}\n", rules);
    *host = (struct host){.recipe = load_recipe(place, text)};
    messages(place);
}

/* ---- tests ---- */

static void test_order(void **state)
{
    struct place *place = *state;
    struct host host;
    quern_model *model = make_model(place, NULL);
    open_host(place, &host, "mpath \"layer1/**\" => A\nmpath \"**/output_quantizer\" => B\nmpath \"layer1/linear\" => A\nmpath \"**/bias_quantizer\" => skip");
    assert_int_equal(run(&host, model, QUERN_OVERWRITE_RECIPE, false), QUERN_OK);
    assert_string_equal(host.calls, "layer1.linear.i=A\nlayer1.linear.w=A\nlayer1.linear.o=B\nlayer1.relu.i=A shared\nlayer1.relu.o=B\n"
                                    "layer2.conv.o=B\nlayer2.relu.o=B\n");
    assert_string_equal(messages(place), "r.qr:8:1: warning[Q1173]: this rule selects no quantizer of T1\n"
                                         "    8 | mpath \"layer1/linear\" => A\n      | ^~~~~~~~~~~~~~~~~~~~~~~~~~\n");
    quern_recipe_close(host.recipe);
    quern_model_close(model);
}

/* Two calls one after the other, as FastForward's own test does it. */
static void test_policies(void **state)
{
    struct place *place = *state;
    struct host host;
    quern_model *model = make_model(place, NULL);
    open_host(place, &host, "mpath \"layer1/*/[qtag:activation/output]\" => A");
    assert_int_equal(run(&host, model, QUERN_OVERWRITE_RECIPE, false), QUERN_OK);
    assert_string_equal(host.calls, "layer1.linear.o=A\nlayer1.relu.o=A\n");
    quern_recipe_close(host.recipe);
    open_host(place, &host, "mpath \"layer1/**\" => B");
    assert_int_equal(run(&host, model, QUERN_OVERWRITE_RECIPE, false), QUERN_INVALID);
    assert_string_equal(host.calls, "");
    assert_string_equal(messages(place), "layer1.linear.output_quantizer: error[Q1174]: the quantizer is initialised already\n"
                                         "r.qr:6:1: note: the rule that selects it\n"
                                         "    6 | mpath \"layer1/**\" => B\n      | ^~~~~~~~~~~~~~~~~~~~~~\n"
                                         "layer1.relu.output_quantizer: error[Q1174]: the quantizer is initialised already\n"
                                         "r.qr:6:1: note: the rule that selects it\n"
                                         "    6 | mpath \"layer1/**\" => B\n      | ^~~~~~~~~~~~~~~~~~~~~~\n");
    host.made = QUERN_MADE_NOTHING;
    assert_int_equal(run(&host, model, QUERN_OVERWRITE_SKIP, false), QUERN_OK);
    assert_string_equal(host.calls, "layer1.linear.i=B\nlayer1.linear.w=B\nlayer1.linear.b=B\nlayer1.relu.i=B shared\n");
    assert_int_equal(run(&host, model, QUERN_OVERWRITE_REPLACE, false), QUERN_OK);
    assert_string_equal(host.calls, "layer1.linear.i=B\nlayer1.linear.w=B\nlayer1.linear.b=B\nlayer1.linear.o=B\nlayer1.relu.i=B shared\nlayer1.relu.o=B\n");
    host.made = QUERN_MADE_STUB;
    assert_int_equal(run(&host, model, QUERN_OVERWRITE_REPLACE, false), QUERN_OK);
    assert_int_equal(run(&host, model, QUERN_OVERWRITE_ERROR, false), QUERN_OK);
    quern_recipe_close(host.recipe);
    open_host(place, &host, "mpath \"layer1/**\" => S");
    assert_int_equal(run(&host, model, QUERN_OVERWRITE_RECIPE, false), QUERN_OK);
    assert_int_equal(run(&host, model, QUERN_OVERWRITE_RECIPE, false), QUERN_OK);
    assert_string_equal(host.calls, "");
    quern_recipe_close(host.recipe);
    quern_model_close(model);
}

/* Rule 0 is the one added last; the first one counts most for weights. */
static int count_weights(void *user, size_t rule, const struct quern_quantizer *quantizer)
{
    (void)user;
    assert_true(quantizer->match.rule == -1 && quantizer->match.canceller == -1);
    return rule == 1 && strstr(quantizer->path, "weight") ? 2 : 1;
}

static void test_scores(void **state)
{
    struct place *place = *state;
    struct host host;
    quern_model *model = make_model(place, NULL);
    open_host(place, &host, "mpath \"**\" => A\nmpath \"layer1/linear/**\" => B");
    host.made = QUERN_MADE_NOTHING;
    host.score = count_weights;
    assert_int_equal(run(&host, model, QUERN_OVERWRITE_RECIPE, false), QUERN_OK);
    assert_string_equal(host.calls, "layer1.linear.i=B\nlayer1.linear.w=A\nlayer1.linear.b=B\nlayer1.linear.o=B\nlayer1.relu.i=A shared\n"
                                    "layer1.relu.o=A\nlayer2.conv.i=A\nlayer2.conv.w=A\nlayer2.conv.b=A\nlayer2.conv.o=A\nlayer2.relu.i=A\n"
                                    "layer2.relu.o=A\n");
    host.left = 2;
    assert_int_equal(run(&host, model, QUERN_OVERWRITE_RECIPE, false), QUERN_CANCELLED);
    assert_string_equal(host.calls, "layer1.linear.i=B\nlayer1.linear.w=A\n");
    quern_recipe_close(host.recipe);
    quern_model_close(model);
}

static void test_safe(void **state)
{
    struct place *place = *state;
    struct host host;
    quern_model *model = make_model(place, NULL);
    open_host(place, &host, "mpath \"layer2/relu/*\" => A");
    host.moved = "layer2.relu.output_quantizer";
    assert_int_equal(run(&host, model, QUERN_OVERWRITE_REPLACE, false), QUERN_INVALID);
    assert_string_equal(host.calls, "layer2.relu.i=A\n");
    assert_string_equal(messages(place), "layer2.relu.output_quantizer: error[Q1175]: another module stands where the quantizer stood when it was "
                                         "matched\n");
    assert_int_equal(run(&host, model, QUERN_OVERWRITE_REPLACE, true), QUERN_OK);
    assert_string_equal(host.calls, "layer2.relu.i=A\nlayer2.relu.o=A\n");
    quern_recipe_close(host.recipe);
    open_host(place, &host, "mpath \"layer2/relu/*\" => S");
    host.moved = "layer2.relu.output_quantizer";
    assert_int_equal(run(&host, model, QUERN_OVERWRITE_REPLACE, false), QUERN_OK);
    quern_recipe_close(host.recipe);
    quern_model_close(model);
}

static void test_misuse(void **state)
{
    struct place *place = *state;
    struct host host;
    quern_model *names;
    write_text(place, "names.txt", "a.weight\n");
    names = open_model(place, "names.txt");
    open_host(place, &host, "mpath \"**\" => A");
    assert_int_equal(run(&host, names, QUERN_OVERWRITE_RECIPE, false), QUERN_USAGE);
    assert_int_equal(quern_quantizers_initialize(host.recipe, names, NULL), QUERN_USAGE);
    quern_model_close(names);
    quern_recipe_close(host.recipe);
}

static void test_bad_policy(void **state)
{
    struct place *place = *state;
    quern_model *model = make_model(place, "layer1.relu.output_quantizer");
    struct host host = {.recipe = load_recipe(place, "config A { extra {overwrite_policy: keep} }\nmatch last { mpath \"**\" => A }\n")};
    messages(place);
    assert_int_equal(run(&host, model, QUERN_OVERWRITE_RECIPE, false), QUERN_INVALID);
    assert_non_null(strstr(messages(place), "r.qr:1:8: error[Q1171]: expected error, skip or overwrite as `overwrite_policy` of `A`\n"));
    quern_recipe_close(host.recipe);
    quern_model_close(model);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, place_open, place_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_order), CASE(test_policies), CASE(test_scores), CASE(test_safe), CASE(test_misuse), CASE(test_bad_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
