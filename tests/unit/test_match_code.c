/* Matchers as machine code, blocks, walker and sets of states, against the table-driven matcher: rule and unknown rule on every name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "tests/unit/match_bench.h"
#include "tests/unit/match_code.h"

enum { FORMS = 3, SETS = 2, RANDOM_NAMES = 4000, RANDOM_SIZE = 40 };
static const uint32_t block_limits[FORMS] = {MATCH_CODE_STATES, 0, 0};
static const char *const forms[FORMS] = {"code", "the walker", "sets"};
static uint64_t seed;

static unsigned draw(unsigned limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((seed >> 33) % limit);
}

static const char *const names[] = {
    "", "a", "model.layers.0.mlp", "model.layers.7.mlp.up_proj", "model.layers.12.attn", "layers.", "layers.x.layers.3", "layers.007",
    "xlayers.5", "layers.9223372036854775807", "layers.9223372036854775808", "layers.99999999999999999999", "h.3", "h.3.layers.4", "a.h.12.b",
    "blk.6.attn_q", "xblk.3", "block.1", "blocks.2.mlp", "a.layer.23", "layer.x.layer.9", "h.h.8", "blk", "blk.", ".blk.4", "h.99999999999999999999",
    "a\nb", "\xc3\xa9", "\xc3\xa9t\xc3\xa9.layers.3", "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x98\x80", "\xff", "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xc0\x80",
    "\xf4\x90\x80\x80", "a\xe2\x82\xac" "b", "a\xe2\x82" "b", "visual.layers.2.proj", "layers.2.proj", "proj.layers.2", "abcabc", "caab",
};

/* Words and bytes that the rules below look at, in any order. */
static size_t make_name(char *name)
{
    static const char *const words[] = {"layers.", "h.", "blk.", ".", "1", "7", "23", "mlp", "proj", "a", "b", "c", "\xc3\xa9", "\xe2\x82\xac", "\xe2", "visual", "weight", "\n"};
    size_t size = 0;
    for (unsigned n = draw(8); n--;) {
        const char *word = words[draw(sizeof words / sizeof *words)];
        memcpy(name + size, word, strlen(word));
        size += strlen(word);
    }
    return size;
}

static void check_name(const struct bench *b, const struct compiled *compiled, const char *name, size_t size, bool megatron, const char *recipe)
{
    struct subject s;
    subject_of_module(&s, name, size, megatron);
    struct match_outcome expected = matcher_match(b->matcher, b->scratch, &s);
    char *exact = malloc(size ? size : 1); /* no byte behind it may be read */
    memcpy(exact, name, size);
    for (int form = 0; form < FORMS; form++) {
        int32_t unknown = -7, rule = compiled[form].function(exact, size, &unknown);
        if (rule != MATCH_ASK && (rule != expected.rule || unknown != expected.unknown))
            fail_msg("%s\n\"%.*s\": %s gives %d, unknown %d; the table %d, unknown %d", recipe, (int)size, name, forms[form], rule,
                     unknown, expected.rule, expected.unknown);
    }
    free(exact);
}

static void check(const char *text, bool megatron, bool asks)
{
    struct bench b;
    struct compiled compiled[FORMS];
    open_recipe(&b, text, NULL);
    if (!b.matcher)
        fail_msg("%s", messages(&b));
    for (int form = 0; form < FORMS; form++) {
        struct match_code *code = code_of(&b.arena, b.recipe, megatron, form == SETS && !asks);
        assert_non_null(code);
        assert_int_equal(match_code_asks(code), asks);
        compiled[form] = compile_code(&b.arena, code, block_limits[form]);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_name(&b, compiled, names[i], strlen(names[i]), megatron, text);
    for (int i = 0; i < RANDOM_NAMES; i++) {
        char name[8 * RANDOM_SIZE];
        check_name(&b, compiled, name, make_name(name), megatron, text);
    }
    for (int form = 0; form < FORMS; form++)
        kernel_unload(&compiled[form].code);
    close_recipe(&b);
}

static void test_strings(void **state)
{
    (void)state;
    check(RULES("_ => w"), false, false);
    check(RULES("name \"a\" => w\n glob \"*.mlp*\" => w\n contains \"proj\" => skip"), false, false);
    check(RULES("re \"(?!.*visual).*proj\" => w\n re search \"(?<=a)b\" => w\n re search \"\\bc\" => w"), false, false);
    check(RULES("re \".\" => w\n re \"..\" => w\n re search \"\\u00e9\" => w\n re search \"\\W\\Z\" => w\n re \"(?s).*\" => w"), false, false);
    check(RULES("re \"[\\u0100-\\u20ff]*\" => w\n re search \"[^\\x00-\\x7f]$\" => w\n glob \"*[!a-z]\" => w"), false, false);
}

static void test_layers(void **state)
{
    (void)state;
    check(RULES("layer == 3 => w\n layer in 5..7 => w\n layer != 12 => w"), false, false);
    check(RULES("layer == 3 => w\n layer in 5..7 => w\n layer != 12 => w"), true, false);
    check(RULES("layer % 4 == 3 and glob \"*mlp*\" => w\n layer % 1 == 0 and contains \"b\" => w\n not layer >= 2 => w\n layer < 9 => w"), false, false);
    check(RULES("layer % 5 in 1..2 => w\n layer > 9223372036854775806 => w\n layer <= 23 and contains \"a\" => w\n 7 == layer => w"), false, false);
    check(RULES("layer == layer % 7 and contains \"proj\" => w\n layer % 3 < layer % 2 => w"), false, false);
}

/* Fields that no name has: the rule is passed over as unknown. */
static void test_unknown(void **state)
{
    (void)state;
    check(RULES("dtype f32 => w\n name \"a\" => w\n type \"x\" and contains \"b\" => w\n _ => skip"), false, false);
    check(RULES("not param \"weight\" => w\n role weight or contains \"mlp\" => w\n numel > 4 and layer == 7 => w"), false, false);
    check(RULES("shape[0] % 4 == 0 or layer == 1 => w\n ndim == 2 and layer in 5..9 => w\n tag \"x\" => w"), false, false);
    check(RULES("contains \"a\" => w\n mpath \"**/[cls:torch.nn.Linear]\" => w\n contains \"b\" => w"), false, true);
}

/* Every byte string of up to three bytes from those that begin, continue and break characters. */
static void test_bytes(void **state)
{
    (void)state;
    static const unsigned char bytes[] = {0, 'a', 0x7f, 0x80, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xa0, 0xed, 0x9f, 0xef, 0xf0, 0x90, 0xf4, 0x8f, 0xf5, 0xff};
    const char *text = RULES("re \".\" => w\n re \"..\" => w\n re \"...\" => w\n re \"a.*\" => w\n re search \"\\w\" => w");
    enum { COUNT = sizeof bytes };
    struct bench b;
    struct compiled compiled[FORMS];
    open_recipe(&b, text, NULL);
    for (int form = 0; form < FORMS; form++)
        compiled[form] = compile_code(&b.arena, code_of(&b.arena, b.recipe, false, form == SETS), block_limits[form]);
    for (unsigned i = 0; i < COUNT * COUNT * COUNT * 4; i++) {
        char name[4] = {(char)bytes[i % COUNT], (char)bytes[i / COUNT % COUNT], (char)bytes[i / COUNT / COUNT % COUNT], (char)bytes[3]};
        check_name(&b, compiled, name, 1 + i / (COUNT * COUNT * COUNT), false, text);
    }
    for (int form = 0; form < FORMS; form++)
        kernel_unload(&compiled[form].code);
    close_recipe(&b);
}

/* ---- closed worlds ---- */

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void test_closed(void **state)
{
    (void)state;
    enum { COUNT = 700 };
    struct arena arena;
    char *sorted[COUNT];
    struct match_name list[COUNT];
    const struct match_outcome outcomes[] = {{-1, -1}, {0, -1}, {5, 2}};
    struct compiled compiled[SETS];
    arena_init(&arena, NULL);
    for (int i = 0; i < COUNT; i++) {
        char name[8 * RANDOM_SIZE];
        size_t size = make_name(name);
        sorted[i] = arena_copy(&arena, name, size);
        list[i] = (struct match_name){sorted[i], size, (uint32_t)(size % 3)};
    }
    struct match_code *code = match_code_of_names(&arena, list, COUNT, outcomes, 3);
    qsort(sorted, COUNT, sizeof *sorted, compare_strings);
    for (int form = 0; form < SETS; form++)
        compiled[form] = compile_code(&arena, code, block_limits[form]);
    for (int i = 0; i < 20 * COUNT; i++) {
        char name[8 * RANDOM_SIZE], *key = name;
        size_t size = i < COUNT ? strlen(strcpy(name, sorted[i])) : make_name(name);
        name[size] = 0;
        bool inside = bsearch(&key, sorted, COUNT, sizeof *sorted, compare_strings);
        for (int form = 0; form < SETS; form++) {
            int32_t unknown = -7, rule = compiled[form].function(name, size, &unknown);
            assert_int_equal(rule, inside ? outcomes[size % 3].rule : MATCH_OUTSIDE);
            assert_int_equal(unknown, inside ? outcomes[size % 3].unknown : -1);
        }
    }
    for (int form = 0; form < SETS; form++)
        kernel_unload(&compiled[form].code);
    arena_close(&arena);
}

/* No name at all; names of every byte. */
static void test_closed_edges(void **state)
{
    (void)state;
    struct arena arena;
    char bytes[256];
    int32_t unknown;
    const struct match_outcome outcome = {4, -1};
    struct match_name list[257] = {{"", 0, 0}};
    arena_init(&arena, NULL);
    struct compiled none = compile_code(&arena, match_code_of_names(&arena, NULL, 0, NULL, 0), 0);
    assert_int_equal(none.function("", 0, &unknown), MATCH_OUTSIDE);
    assert_int_equal(none.function("a", 1, &unknown), MATCH_OUTSIDE);
    for (int i = 0; i < 256; i++) {
        bytes[i] = (char)i;
        list[1 + i] = (struct match_name){&bytes[i], 1, 0};
    }
    for (int form = 0; form < SETS; form++) {
        struct compiled all = compile_code(&arena, match_code_of_names(&arena, list, 257, &outcome, 1), block_limits[form]);
        for (int i = 0; i < 256; i++)
            assert_int_equal(all.function(&(char){(char)i}, 1, &unknown), 4);
        assert_int_equal(all.function("", 0, &unknown), 4);
        assert_int_equal(all.function("aa", 2, &unknown), MATCH_OUTSIDE);
        kernel_unload(&all.code);
    }
    kernel_unload(&none.code);
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings), cmocka_unit_test(test_layers), cmocka_unit_test(test_unknown), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_closed), cmocka_unit_test(test_closed_edges),
    };
    const char *given = getenv("QUERN_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("QUERN_SEED=%llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
