/* What a host asks of a match: the spec of each of a layer's tensors, and the payload kept for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "runtime/quern.h"

static const char recipe_text[] =
    "spec act = int8 asymmetric per token dynamic\n"
    "config a { weight int4 per group(32) scale f16  bias none  input act  input[1] fp8  output[\"y\"] act extra {k: [1, x]} }\n"
    "config b { }\n"
    "match first { glob \"a*\" => a  glob \"b*\" => b  glob \"s*\" => skip  glob \"w*\" => spec act }\n";

struct host {
    quern_context *context;
    quern_recipe *recipe;
};

static int open_host(void **state)
{
    static struct host host;
    *state = &host;
    return quern_context_create(NULL, &host.context) ||
           quern_recipe_load_memory(host.context, "test.qr", recipe_text, strlen(recipe_text), &host.recipe);
}

static int close_host(void **state)
{
    struct host *host = *state;
    quern_recipe_close(host->recipe);
    quern_context_destroy(host->context);
    return 0;
}

static const char *spec_of(struct host *host, const char *module, const char *role, int64_t index, const char *name)
{
    struct quern_match match;
    const char *spec = "unset";
    assert_int_equal(quern_match_module(host->recipe, module, strlen(module), &match), QUERN_OK);
    assert_int_equal(quern_match_spec(host->recipe, &match, role, index, name, &spec), QUERN_OK);
    return spec;
}

static void slots_answer(void **state)
{
    struct host *h = *state;
    assert_string_equal(spec_of(h, "a", "weight", -1, NULL), "int4 symmetric per group(32) scale f16");
    assert_string_equal(spec_of(h, "a", "bias", -1, NULL), "none");
    assert_string_equal(spec_of(h, "a", "input", 0, NULL), "int8 asymmetric per token scale f32 dynamic");
    assert_string_equal(spec_of(h, "a", "input", 1, NULL), "fp8_e4m3 per tensor scale f32");
    assert_string_equal(spec_of(h, "a", "output", -1, "y"), "int8 asymmetric per token scale f32 dynamic");
    assert_null(spec_of(h, "a", "output", -1, "z"));
    assert_null(spec_of(h, "a", "state", -1, "cache"));
    assert_ptr_equal(spec_of(h, "a", "input", 0, NULL), spec_of(h, "a1", "input", 7, NULL));
}

static void other_targets_answer(void **state)
{
    struct host *h = *state;
    assert_null(spec_of(h, "b", "weight", -1, NULL));
    assert_null(spec_of(h, "s", "weight", -1, NULL));
    assert_null(spec_of(h, "nothing", "weight", -1, NULL));
    assert_string_equal(spec_of(h, "w", "weight", -1, NULL), "int8 asymmetric per token scale f32 dynamic");
}

static void roles_are_checked(void **state)
{
    struct host *h = *state;
    struct quern_match match;
    const char *spec;
    quern_match_module(h->recipe, "a", 1, &match);
    assert_int_equal(quern_match_spec(h->recipe, &match, "wait", -1, NULL, &spec), QUERN_USAGE);
    assert_null(spec);
    assert_int_equal(quern_match_spec(NULL, &match, "weight", -1, NULL, &spec), QUERN_USAGE);
    assert_int_equal(quern_match_spec(h->recipe, NULL, "weight", -1, NULL, &spec), QUERN_USAGE);
    assert_int_equal(quern_match_spec(h->recipe, &match, "weight", -1, NULL, NULL), QUERN_USAGE);
    assert_null(quern_match_extra(NULL, &match));
    assert_null(quern_match_extra(h->recipe, NULL));
}

static void payloads_answer(void **state)
{
    struct host *h = *state;
    struct quern_match match;
    quern_match_module(h->recipe, "a", 1, &match);
    assert_string_equal(quern_match_extra(h->recipe, &match), "{\"k\":[1,\"x\"]}");
    quern_match_module(h->recipe, "b", 1, &match);
    assert_null(quern_match_extra(h->recipe, &match));
    quern_match_module(h->recipe, "nothing", 7, &match);
    assert_null(quern_match_extra(h->recipe, &match));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_answer),
        cmocka_unit_test(other_targets_answer),
        cmocka_unit_test(roles_are_checked),
        cmocka_unit_test(payloads_answer),
    };
    return cmocka_run_group_tests(tests, open_host, close_host);
}
