/* The matcher on recipes: fields, guards, three-valued logic, engines, messages, text form. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/match_bench.h"

enum { REGEX_TEST_SIZE = 1 << 20 };

/* The winner, the unknown rule, and every rule's verdict as digits: `1 -1 010`. */
static const char *answer(struct bench *b, const struct subject *s, size_t rules)
{
    struct match_outcome o = matcher_match(b->matcher, b->scratch, s);
    unsigned char *verdicts = arena_alloc(&b->arena, rules + 1);
    matcher_verdicts(b->matcher, b->scratch, s, verdicts);
    for (size_t i = 0; i < rules; i++)
        verdicts[i] += '0';
    return arena_printf(&b->arena, "%d %d %s", o.rule, o.unknown, (char *)verdicts);
}

/* The same answer from every engine, and from the text read back. */
static void check(const char *recipe, const struct subject *s, const char *expected)
{
    static const struct match_options engines[] = {{0}, {.force_fallback = true}, {.state_budget = 3}};
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
        struct bench b, back;
        open_recipe(&b, recipe, &engines[i]);
        if (!b.matcher)
            fail_msg("%s", messages(&b));
        assert_string_equal(answer(&b, s, b.recipe->rule_count), expected);
        assert_string_equal(answer(read_back(&b, &back), s, b.recipe->rule_count), expected);
        close_recipe(&back);
        close_recipe(&b);
    }
}

static void check_module(const char *recipe, const char *path, const char *expected)
{
    struct subject s;
    subject_of_module(&s, path, strlen(path), false);
    check(recipe, &s, expected);
}

/* ---- subjects ---- */

static void check_layer(const char *path, int64_t layer, bool megatron)
{
    struct subject s;
    subject_of_module(&s, path, strlen(path), megatron);
    if (s.has_layer != (layer >= 0) || (s.has_layer && s.layer != layer))
        fail_msg("\"%s\": %d %" PRId64, path, s.has_layer, s.layer);
}

static void test_layers(void **state)
{
    (void)state;
    check_layer("model.layers.17.mlp", 17, false);
    check_layer("model.layers.17.mlp", 17, true);
    check_layer("layers.0", 0, false);
    check_layer("sublayers.4.x", 4, false); /* re.search finds it anywhere */
    check_layer("layers.x.layers.5", 5, false);
    check_layer("blk.3.attn_q", 3, false);
    check_layer("blk.3.attn_q", -1, true);
    check_layer("transformer.h.11.attn", 11, false);
    check_layer("visual.blocks.2.mlp", 2, false);
    check_layer("block.9", 9, false);
    check_layer("encoder.layer.23.output", 23, false);
    check_layer("xblk.3", -1, false);
    check_layer("h.1.layers.2", 2, false); /* `layers` goes first */
    check_layer("layers.9223372036854775807", INT64_MAX, false);
    check_layer("layers.9223372036854775808", -1, false);
    check_layer("layers.99999999999999999999999999", -1, false);
    check_layer("layers.", -1, false);
    check_layer("", -1, false);
    check_layer("lm_head", -1, false);
}

static void test_parameters(void **state)
{
    (void)state;
    struct subject s;
    int64_t shape[] = {4, 8};
    subject_of_parameter(&s, "model.layers.2.q_proj.weight", 28, DTYPE_bf16, 2, shape, false);
    assert_int_equal(s.module.size, 21);
    assert_memory_equal(s.param_name.bytes, "weight", 7);
    assert_memory_equal(s.role.bytes, "weight", 6);
    assert_int_equal(s.layer, 2);
    subject_of_parameter(&s, "bias", 4, -1, -1, NULL, false);
    assert_int_equal(s.module.size, 0);
    assert_non_null(s.module.bytes);
    assert_memory_equal(s.role.bytes, "bias", 4);
    subject_of_parameter(&s, "a.in_proj_weight", 16, -1, -1, NULL, false);
    assert_memory_equal(s.role.bytes, "state", 5);
}

/* ---- atoms ---- */

static void test_module_atoms(void **state)
{
    (void)state;
    const char *recipe = RULES("name \"a.b\" => w\n under \"a\" => w\n contains \"zz\" => w\n glob \"*.[0-9]\" => w\n re \"x+\" => w\n"
                               "re prefix \"pre\" => w\n re search \"mid$\" => w\n _ => skip");
    check_module(recipe, "a.b", "0 -1 11000001");
    check_module(recipe, "a", "1 -1 01000001");
    check_module(recipe, "ab", "7 -1 00000001");
    check_module(recipe, "qzzq", "2 -1 00100001");
    check_module(recipe, "b.7", "3 -1 00010001");
    check_module(recipe, "xxx", "4 -1 00001001");
    check_module(recipe, "prefix", "5 -1 00000101");
    check_module(recipe, "amid", "6 -1 00000011");
    check_module(recipe, "amid\n", "6 -1 00000011");
    check_module(recipe, "", "7 -1 00000001");
}

static void test_other_fields(void **state)
{
    (void)state;
    struct subject s;
    const char *recipe = RULES("type \"torch.nn.Linear\" => w\n isa \"Base\" => w\n tag \"t1\" => w\n op \"linear\" => w\n"
                               "opname re \"add_[0-9]+\" => w\n param \"weight\" => w\n param glob \"*.q.*\" => w\n role bias => w\n"
                               "dtype bf16 => w\n type re \".*Conv.d\" => w");
    subject_of_module(&s, "m", 1, false);
    check(recipe, &s, "-1 0 2222222222");
    struct field types[] = {{"Linear", 6}, {"torch.nn.Linear", 15}}, bases[] = {{"Module", 6}, {"Base", 4}}, tags[] = {{"t0", 2}};
    s.types = types, s.type_count = 2;
    check(recipe, &s, "0 -1 1222222220");
    s.types = types, s.type_count = 1;
    check(recipe, &s, "-1 1 0222222220");
    s.bases = bases, s.base_count = 1;
    check(recipe, &s, "-1 2 0022222220");
    s.base_count = 2;
    check(recipe, &s, "1 -1 0122222220");
    s.base_count = 0, s.tags = tags, s.tag_count = 1, s.op = (struct field){"linear", 6};
    check(recipe, &s, "3 -1 0001222220");
    s.op = (struct field){"", 0}, s.op_name = (struct field){"add_12", 6};
    check(recipe, &s, "4 -1 0000122220");
    struct subject p;
    subject_of_parameter(&p, "x.q.bias", 8, DTYPE_f32, -1, NULL, false);
    check(recipe, &p, "6 0 2222201102");
    subject_of_parameter(&p, "x.k.weight", 10, DTYPE_bf16, -1, NULL, false);
    check(recipe, &p, "5 0 2222210012");
}

/* The holder's path is matched alone: `$` and \b see its end. A pattern that takes "" takes the root, which holds all. */
static void test_under_atoms(void **state)
{
    (void)state;
    struct subject s;
    const char *recipe = RULES("under re \"enc$\" => w\n under re \"dec\\.[0-9]\\b\" => w\n under re \"e?\" => w\n under type \"m.Enc\" => w");
    check_module(recipe, "enc", "0 -1 1012");
    check_module(recipe, "enc.fc1.x", "0 -1 1012");
    check_module(recipe, "encoder.fc1", "2 -1 0012");
    check_module(recipe, "dec.0.fc", "1 -1 0112");
    check_module(recipe, "dec.00.fc", "2 -1 0012");
    check_module(recipe, "", "2 -1 0012");
    struct field outer[] = {{"m.Linear", 8}, {"m.Enc", 5}};
    subject_of_module(&s, "enc.fc1", 7, false);
    s.outer_types = outer, s.outer_type_count = 2;
    check(RULES("under type \"m.Enc\" => w"), &s, "0 -1 1");
    s.outer_type_count = 1;
    check(RULES("under type \"m.Enc\" => w"), &s, "-1 -1 0");
}

static void test_isa_knows_types(void **state)
{
    (void)state;
    struct subject s;
    struct field type = {"Linear", 6};
    subject_of_module(&s, "m", 1, false);
    s.types = &type, s.type_count = 1; /* bases unknown: the class itself is enough, its absence proves nothing */
    check(RULES("isa \"Linear\" => w"), &s, "0 -1 1");
    check(RULES("isa \"Module\" => w"), &s, "-1 0 2");
}

/* ---- guards and logic ---- */

static void test_guards(void **state)
{
    (void)state;
    struct subject s;
    int64_t shape[] = {256, 100}, huge[] = {INT64_MAX, 2};
    const char *recipe = RULES("shape[0] % 128 == 0 and shape[-1] % 3 == 1 => w\n ndim == 3 => w\n numel > 1M => w\n shape[2] == 1 => w\n"
                               "layer in 2..4 => w\n layer % 2 == 1 => w\n shape[0] > shape[1] => w");
    subject_of_parameter(&s, "layers.3.w", 10, -1, 2, shape, false);
    check(recipe, &s, "0 -1 1002111");
    shape[1] = 101;
    check(recipe, &s, "4 3 0002111");
    shape[0] = 1 << 20;
    check(recipe, &s, "2 -1 0012111");
    subject_of_parameter(&s, "w", 1, -1, -1, NULL, false);
    check(recipe, &s, "-1 0 2222222");
    subject_of_parameter(&s, "layers.7.w", 10, -1, 2, huge, false); /* more elements than 63 bits: unknown */
    check(recipe, &s, "5 2 0022011");
    subject_of_parameter(&s, "layers.7.w", 10, -1, 0, NULL, false);
    check(recipe, &s, "5 0 2002012");
}

static void test_three_values(void **state)
{
    (void)state;
    const char *recipe = RULES("dtype bf16 and glob \"a*\" => w\n dtype bf16 or glob \"*b\" => w\n not dtype bf16 => w\n"
                               "not (dtype bf16 and glob \"a*\") => w\n (dtype bf16 or layer == 1) and name \"q\" => w\n _ => skip");
    check_module(recipe, "xb", "1 -1 012101");
    check_module(recipe, "a", "5 0 222201");
    check_module(recipe, "c", "3 1 022101");
    check_module(recipe, "q", "3 1 022121");
}

/* A class is not known by the path, but the path alone may say no. */
static void test_mpath_classes_are_unknown(void **state)
{
    (void)state;
    check_module(RULES("mpath \"**/x/[cls:T]\" => w\n mpath \"x/y\" => w\n _ => skip"), "x.y", "1 0 211");
    check_module(RULES("mpath \"**/x/[cls:T]\" => w\n mpath \"x/y\" => w\n _ => skip"), "y.x", "2 -1 001");
}

static void test_sets_are_shared(void **state)
{
    (void)state;
    /* every set names the one before twice: 2^16 paths, one walk */
    struct text text = text_make(NULL);
    struct arena arena;
    arena_init(&arena, NULL);
    text.arena = &arena;
    text_add(&text, "config w { weight int8 }\nset s0 = glob \"a*\" and layer > 1\n");
    for (int i = 1; i < 17; i++)
        text_printf(&text, "set s%d = (s%d and ndim == %d) or (s%d and not ndim == %d)\n", i, i - 1, i, i - 1, i + 1);
    text_add(&text, "match first { s16 => w }\n");
    check_module(text_string(&text), "a.layers.3", "-1 0 2");
    check_module(text_string(&text), "b.layers.3", "-1 -1 0");
    arena_close(&arena);
}

static void test_no_strings(void **state)
{
    (void)state;
    check_module(RULES("layer > 3 => w\n _ => skip"), "layers.5", "0 -1 11");
    check_module(RULES("layer > 3 => w\n _ => skip"), "x", "1 0 21");
    check_module("match first { }", "x", "-1 -1 ");
    check_module(RULES("1 == 1 => w"), "x", "0 -1 1");
    check_module(RULES("5 % 3 == 1 => w"), "x", "-1 -1 0");
}

static void test_many_guards(void **state)
{
    (void)state;
    /* more open rules in one leaf than a decision DAG takes: the leaf scans */
    struct arena arena;
    arena_init(&arena, NULL);
    struct text text = text_make(&arena);
    text_add(&text, "config w { weight int8 }\nmatch first {\n");
    for (int i = 0; i < 200; i++)
        text_printf(&text, "glob \"*a*\" and shape[0] == %d and layer != %d => w\n", i, i % 7);
    text_add(&text, "}");
    struct subject s;
    int64_t shape[] = {150};
    char expected[256];
    memset(expected, '0', sizeof expected);
    subject_of_parameter(&s, "layers.2.a.w", 12, -1, 1, shape, false);
    snprintf(expected, sizeof expected, "150 -1 %0200d", 0);
    expected[strlen("150 -1 ") + 150] = '1';
    check(text_string(&text), &s, expected);
    arena_close(&arena);
}

/* ---- names in a table ---- */

static void test_many_names(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL);
    struct text text = text_make(&arena);
    text_add(&text, "config w { weight int8 }\nset pair = name \"p.0\" or name \"p.1\"\nmatch first {\nlayer == 3 => w\nname \"n.7\" => w\n");
    for (int i = 0; i < 300; i++)
        text_printf(&text, "name \"n.%d\" => w\n", i);
    text_add(&text, "pair => w\n glob \"n.*\" => w\n}");
    struct subject s;
    struct bench b;
    open_recipe(&b, text_string(&text), NULL);
    struct { const char *name; int rule, unknown; } cases[] = {{"n.7", 1, 0}, {"n.8", 10, 0}, {"n.299", 301, 0}, {"n.300", 303, 0},
                                                               {"p.1", 302, 0}, {"q", -1, 0}, {"n.8.layers.3", 0, -1}};
    struct bench back;
    read_back(&b, &back);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        subject_of_module(&s, cases[i].name, strlen(cases[i].name), false);
        struct match_outcome o = matcher_match(b.matcher, b.scratch, &s), again = matcher_match(back.matcher, back.scratch, &s);
        assert_int_equal(o.rule, cases[i].rule);
        assert_int_equal(o.unknown, cases[i].unknown);
        assert_memory_equal(&o, &again, sizeof o);
    }
    unsigned char verdicts[304];
    subject_of_module(&s, "n.7", 3, false);
    matcher_verdicts(b.matcher, b.scratch, &s, verdicts);
    assert_int_equal(verdicts[0], 2);
    assert_int_equal(verdicts[1] + verdicts[9] + verdicts[303], 3);
    assert_int_equal(verdicts[10], 0);
    memset(&s, 0, sizeof s); /* no module at all */
    s.rank = s.dtype = -1;
    assert_int_equal(matcher_match(b.matcher, b.scratch, &s).unknown, 0);
    close_recipe(&back);
    close_recipe(&b);
    arena_close(&arena);
}

static void test_parameter_primary(void **state)
{
    (void)state;
    struct subject s;
    const char *recipe = RULES("param re \".*q.*\" => w\n glob \"x*\" => w\n param re search \"k\" => w\n param name \"a.b\" => w");
    subject_of_parameter(&s, "x.v.w", 5, -1, -1, NULL, false);
    check(recipe, &s, "1 -1 0100");
    subject_of_parameter(&s, "a.b", 3, -1, -1, NULL, false);
    check(recipe, &s, "3 -1 0001");
    subject_of_module(&s, "x.q", 3, false);
    check(recipe, &s, "1 0 2122");
}

/* ---- bytes ---- */

static void check_bytes(const char *recipe, const char *bytes, size_t size, const char *expected)
{
    struct subject s;
    subject_of_module(&s, bytes, size, false);
    check(recipe, &s, expected);
}

static void test_odd_bytes(void **state)
{
    (void)state;
    const char *recipe = RULES("re \"a.b\" => w\n re \"a..b\" => w\n re \"a...b\" => w\n glob \"n?l\" => w\n re \"\\W\" => w\n re \"[^\\udce2]\" => w");
    check_bytes(recipe, "a\xe2\x82\xac" "b", 5, "0 -1 100000"); /* one character */
    check_bytes(recipe, "a\xe2\x82" "b", 4, "1 -1 010000");     /* cut off: two bytes, two escapes */
    check_bytes(recipe, "a\xed\xa0\x80" "b", 5, "2 -1 001000"); /* an encoded surrogate is three */
    check_bytes(recipe, "a\xff" "b", 3, "0 -1 100000");
    check_bytes(recipe, "a\xc0\x80" "b", 4, "1 -1 010000");     /* overlong */
    check_bytes(recipe, "n\0l", 3, "3 -1 000100");
    check_bytes(recipe, "n\nl", 3, "3 -1 000100");
    check_bytes(recipe, "\xe2", 1, "4 -1 000010");
    check_bytes(recipe, "\xe3", 1, "4 -1 000011");
}

/* ---- look-around ---- */

/* The winner's place says which pattern took the name; Python 3.11 gave the answers. */
static void test_look_around(void **state)
{
    (void)state;
    static const struct {
        const char *atom, *pattern, *names[3]; /* one that it takes, two that it does not */
    } rows[] = {
        {"re", "(?!.*visual).*proj", {"a.proj", "visual.proj", "proj.a"}},
        {"re", "layers\\.(?!29)\\d+", {"layers.2", "layers.29", "layers.291"}},
        {"re", "a(?=b).*c", {"abc", "ac", "bc"}},
        {"re", "(?=.*a)(?=.*b)(?!.*c).*", {"ba", "a", "abc"}},
        {"re", "(?:(?!ab).)*", {"ba", "ab", "cab"}},
        {"re", "(?i:(?!K).)b", {"xb", "kb", "\u212a" "b"}},
        {"re prefix", "a(?!b)", {"ac", "ab", "ba"}},
        {"re search", "a(?=\\b|_)", {"ba_", "ab", "b"}},
        {"re search", "(?=a\\Z)", {"ba", "ab", "a\n"}},
        {"re search", "(?=a$)", {"a\n", "ab", "a\nb"}},
        {"re search", "(?<=layers\\.)1", {"layers.1", "layers1", "layers.21"}},
        {"re search", "(?<!\\d)1(?!\\d)", {"a1b", "21", "12"}},
        {"re", "(?:a|(?<!a)b)*", {"baaa", "ab", "bab"}},
        {"re", "(?:a|(?<=a)b)*", {"aba", "bb", "abb"}},
        {"re search", "(?<=^ab)c", {"abc", "aabc", "ac"}},
        {"re search", "(?<=\\bab)c", {"x.abc", "xabc", "ac"}},
        {"re search", "(?m)(?<=^)b$", {"a\nb", "ab", "bc"}},
        {"re search", "(?<=a(?=bc))b", {"abc", "abd", "bc"}},
        {"re search", "(?<=a(?!bc))b", {"abd", "abc", "b"}},
        {"re search", "(?<=(?<!a)b)c", {"bc", "abc", "c"}},
        {"re search", "(?<!(?<=a)b)c", {"bbc", "abc", "b"}},
        {"re", "(?=.*(?<=b)c).*d", {"bcd", "cd", "bc"}},
        {"re", ".*(?<!(?=x)...)y", {"zxxy", "xzzy", "y."}},
        {"re search", "(?<=\\A)a|(?<=)b", {"ab", "ca", ""}},
        {"re search", "(?<=aaa)b", {"aaaab", "aab", "aaca"}},
        {"re", "(?:..(?<!bb))*", {"abba", "bb", "aabb"}},
        {"re search", "(?<=\u00e9.)x", {"\u00e9\u65e5x", "\u00e9x", "e.x"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int n = 0; n < 3; n++) {
            char recipe[256];
            snprintf(recipe, sizeof recipe, RULES("%s \"%s\" => w"), rows[i].atom, rows[i].pattern);
            check_module(recipe, rows[i].names[n], n ? "-1 -1 0" : "0 -1 1");
        }
}

/* ---- messages ---- */

static void check_messages(const char *recipe, const char *expected)
{
    struct bench b;
    open_recipe(&b, recipe, NULL);
    assert_string_equal(messages(&b), expected);
    if (strstr(expected, "error"))
        assert_null(b.matcher);
    close_recipe(&b);
}

static void test_messages(void **state)
{
    (void)state;
    check_messages(RULES("re \"a[b\" => w"), "a.qr:3:6: error[Q0401]: Python's re refuses this pattern: unterminated character set at position 1\n"
                                            "    3 | re \"a[b\" => w\n      |      ^\n");
    check_messages(RULES("re \"\\\"(?P<x\" => w"), /* the escape before does not move the caret */
                   "a.qr:3:11: error[Q0401]: Python's re refuses this pattern: missing >, unterminated name at position 5\n"
                   "    3 | re \"\\\"(?P<x\" => w\n      |           ^\n");
    check_messages(RULES("re \"(a)b\\1\" => w"), "a.qr:3:9: error[Q0402]: a backreference is not a regular language\n"
                                                "    3 | re \"(a)b\\1\" => w\n      |         ^~\n");
    check_messages(RULES("re \"(a)?(?(1)b|c)\" => w"), "a.qr:3:9: error[Q0402]: a conditional group is not a regular language\n"
                                                       "    3 | re \"(a)?(?(1)b|c)\" => w\n      |         ^~~~~~~~~\n");
    check_messages(RULES("re \"(?<=a|bc)d\" => w"),
                   "a.qr:3:5: error[Q0401]: Python's re refuses this pattern: look-behind requires fixed-width pattern\n"
                   "    3 | re \"(?<=a|bc)d\" => w\n      |     ^~~~~~~~~\n");
    check_messages(RULES("re \"(?=(a))\\1\" => w"), "a.qr:3:12: error[Q0402]: a backreference is not a regular language\n"
                                                    "    3 | re \"(?=(a))\\1\" => w\n      |            ^~\n");
    check_messages(RULES("re \"(?!(?>a*b)c)\" => w"),
                   "a.qr:3:8: error[Q0404]: this atomic group or possessive quantifier is not an exact regular language here\n"
                   "    3 | re \"(?!(?>a*b)c)\" => w\n      |        ^~~~~~~\n");
    check_messages(RULES("re \"(?>a*b)c\" => w"),
                   "a.qr:3:5: error[Q0404]: this atomic group or possessive quantifier is not an exact regular language here\n"
                   "    3 | re \"(?>a*b)c\" => w\n      |     ^~~~~~~\n");
    check_messages(RULES("re \"\\N{SNOWMAN}\" => w"), "a.qr:3:5: error[Q0405]: \\N{…} knows the characters U+0020 to U+052F only\n"
                                                     "    3 | re \"\\N{SNOWMAN}\" => w\n      |     ^~~~~~~~~~~\n"
                                                     "  help: write the character itself, or \\uXXXX\n");
}

static void test_limits(void **state)
{
    (void)state;
    check_messages(RULES("re \"(?:a{1000}){1000}\" => w"), "a.qr:3:4: error[Q0005]: this pattern takes more than 4 million steps to build\n"
                                                           "    3 | re \"(?:a{1000}){1000}\" => w\n      |    ^~~~~~~~~~~~~~~~~~~\n"
                                                           "  help: repeat counts multiply when they are nested\n");
    check_messages(RULES("re search \"(?<=a.{30})b\" => w"), "a.qr:3:11: error[Q0005]: this pattern takes more than 4 million steps to build\n"
                                                             "    3 | re search \"(?<=a.{30})b\" => w\n      |           ^~~~~~~~~~~~~~\n"
                                                             "  help: repeat counts multiply when they are nested\n");
    char deep[1200];
    snprintf(deep, sizeof deep, "match first { re \"%0300da%0300d\" => skip }", 0, 0);
    for (char *c = deep, *middle = strstr(deep, "0a0"); *c; c++)
        *c = *c == '0' ? (c <= middle ? '(' : ')') : *c;
    struct bench b;
    open_recipe(&b, deep, NULL);
    assert_null(b.matcher);
    assert_string_equal(b.diags.first->text, "groups are nested deeper than 250");
    close_recipe(&b);
    char *wide = malloc(2 * REGEX_TEST_SIZE);
    memset(wide, 'a', 2 * REGEX_TEST_SIZE);
    struct ast_predicate p = {.kind = AST_ATOM, .atom = ATOM_glob, .pattern = {.bytes = wide, .size = 2 * REGEX_TEST_SIZE}};
    arena_init(&b.arena, NULL);
    diags_init(&b.diags, &b.arena);
    struct rule rule = {.predicate = &p};
    assert_null(matcher_compile(&(struct recipe){.arena = &b.arena, .rules = &rule, .rule_count = 1}, NULL, &b.diags));
    assert_string_equal(b.diags.first->text, "the pattern is longer than 1048576 bytes");
    close_recipe(&b);
    free(wide);
}

/* Thirty-two rules that each exclude something first, as most look-around in the wild does: no name may cost more for it. */
static void test_leading_exclusions(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL);
    struct text text = text_make(&arena);
    text_add(&text, "config w { weight int8 }\nmatch first {\n");
    for (int i = 0; i < 32; i++)
        text_printf(&text, "re \"(?!.*head%d_).*proj%d_.*(?<!bias)\" => w\n", i, i);
    text_add(&text, "}");
    struct subject s;
    struct bench b;
    open_recipe(&b, text_string(&text), NULL);
    assert_non_null(b.matcher);
    assert_true(matcher_scratch_size(b.matcher) < 64 << 20);
    static const struct { const char *name; int rule; } rows[] = {
        {"proj31_x", 31}, {"proj7_proj3_x", 3}, {"head3_proj7_proj3_x", 7}, {"proj7_proj3_bias", -1}, {"proj9_head9_x", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        subject_of_module(&s, rows[i].name, strlen(rows[i].name), false);
        assert_int_equal(matcher_match(b.matcher, b.scratch, &s).rule, rows[i].rule);
    }
    close_recipe(&b);
    arena_close(&arena);
}

/* Families whose deterministic automata are exponential: the answers stay, the memory too. */
static void test_worst_families(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL);
    struct text text = text_make(&arena), name = text_make(&arena);
    text_add(&text, "config w { weight int8 }\nmatch first {\n");
    for (int i = 0; i < 60; i++)
        text_printf(&text, "glob \"*a%d_*b%d_*\" => w\n", i, i);
    text_add(&text, "re \".*x.{20}\" => w }");
    for (int i = 59; i >= 0; i--)
        text_printf(&name, "a%d_", i);
    text_add(&name, "b59_b31_");
    struct subject s;
    struct bench b;
    open_recipe(&b, text_string(&text), NULL);
    assert_non_null(b.matcher);
    assert_true(matcher_scratch_size(b.matcher) < 64 << 20);
    subject_of_module(&s, name.bytes, name.size, false);
    assert_int_equal(matcher_match(b.matcher, b.scratch, &s).rule, 31);
    subject_of_module(&s, "x01234567890123456789", 21, false);
    assert_int_equal(matcher_match(b.matcher, b.scratch, &s).rule, 60);
    close_recipe(&b);
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers), cmocka_unit_test(test_parameters), cmocka_unit_test(test_module_atoms),
        cmocka_unit_test(test_other_fields), cmocka_unit_test(test_under_atoms), cmocka_unit_test(test_isa_knows_types),
        cmocka_unit_test(test_guards),
        cmocka_unit_test(test_three_values), cmocka_unit_test(test_mpath_classes_are_unknown), cmocka_unit_test(test_sets_are_shared),
        cmocka_unit_test(test_no_strings), cmocka_unit_test(test_many_guards), cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_parameter_primary), cmocka_unit_test(test_odd_bytes), cmocka_unit_test(test_look_around),
        cmocka_unit_test(test_messages), cmocka_unit_test(test_limits), cmocka_unit_test(test_leading_exclusions),
        cmocka_unit_test(test_worst_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
