/* YAML values: scalar types against PyYAML, merges, aliases, limits, every message whole. */
#include "tests/unit/yaml_helpers.h"

#include <math.h>
#include <stdio.h>

/* ---- scalars ---- */

static void unescape(char *text)
{
    char *to = text;
    for (; *text; text++)
        *to++ = *text == '\\' ? (*++text == 't' ? '\t' : '\\') : *text;
    *to = 0;
}

static void check_scalar_value(const struct yaml_node *node, const char *wrong, const char *value, const char *line)
{
    if (!strcmp(value, "error")) {
        if (!wrong)
            fail_msg("expected an error for %s", line);
        return;
    }
    char got[64] = "";
    if (node->kind == YAML_BOOL)
        snprintf(got, sizeof got, "%s", node->boolean ? "true" : "false");
    if (node->kind == YAML_INT && node->too_wide)
        snprintf(got, sizeof got, "wide");
    else if (node->kind == YAML_INT)
        snprintf(got, sizeof got, "%lld", (long long)node->integer);
    if (node->kind == YAML_FLOAT) {
        double expected = strtod(value, NULL);
        if (isnan(expected) ? !isnan(node->number) : memcmp(&expected, &node->number, sizeof expected))
            fail_msg("saw %a for %s", node->number, line);
        return;
    }
    if (wrong || strcmp(got, value))
        fail_msg("saw %s for %s", wrong ? wrong : got, line);
}

/* yaml_scalars.tsv holds what PyYAML says. */
static void types_scalars_as_pyyaml(void **state)
{
    struct bench *b = *state;
    static const char *const words[] = {"null", "bool", "int", "float", "timestamp", "str"};
    char path[4096], line[256];
    const char *folder = getenv("QUERN_SOURCE");
    snprintf(path, sizeof path, "%s/tests/unit/yaml_scalars.tsv", folder ? folder : ".");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    int rows = 0;
    for (; fgets(line, sizeof line, file); rows++) {
        char copy[256];
        strcpy(copy, line);
        char *kind = strchr(line, '\t'), *value = strchr(kind + 1, '\t');
        *kind++ = *value++ = 0;
        value[strcspn(value, "\n")] = 0;
        unescape(line);
        struct yaml_node node = {.text = line, .size = strlen(line)};
        const char *wrong = yaml_scalar(&b->arena, &node, true, NULL);
        if (!wrong && strcmp(words[node.kind], kind))
            fail_msg("saw %s for %s", words[node.kind], copy);
        check_scalar_value(&node, wrong, value, copy);
    }
    fclose(file);
    assert_true(rows > 2000);
}

/* ---- trees, shown as JSON ---- */

static const char *read_json(struct bench *b, const char *text)
{
    struct yaml_document *document = yaml_read(&b->arena, bench_source(b, text), &b->diags);
    yaml_report_duplicates(document, DIAG_yaml_duplicate, &b->diags);
    if (!document->root || b->diags.errors)
        return bench_messages(b);
    const char *json = yaml_to_json(&b->arena, document->root, &b->diags);
    return json ? json : bench_messages(b);
}

#define CHECK_JSON(text, expected) assert_string_equal(read_json(*state, text), expected)

static void reads_values(void **state)
{
    CHECK_JSON("a: 1\nb: [x, 'y', \"z\\n\", ~]\n", "{\"a\":1,\"b\":[\"x\",\"y\",\"z\\n\",null]}");
    CHECK_JSON("\xef\xbb\xbf" "a: no\r\nb: 1e3\r\nc: 1.0e+3", "{\"a\":false,\"b\":\"1e3\",\"c\":1000.0}");
    CHECK_JSON("{a: .inf, b: -.Inf, c: .nan, d: 2001-12-14}", "{\"a\":\".inf\",\"b\":\"-.inf\",\"c\":\".nan\",\"d\":\"2001-12-14\"}");
    CHECK_JSON("{!!str 1: !!str 2, !!int \"017\": !!float 3, x: !!bool \"YES\", y: !!null z, z: ! 5}",
               "{\"1\":\"2\",\"!!int 15\":3.0,\"x\":true,\"y\":null,\"z\":\"5\"}");
    CHECK_JSON("!!map {a: !!seq [1]}", "{\"a\":[1]}");
    CHECK_JSON("{1: a, \"1\": b, yes: c, \"!!int 1\": d, 1.5: e, ~: f, =: g}",
               "{\"!!int 1\":\"a\",\"1\":\"b\",\"!!bool true\":\"c\",\"!!str !!int 1\":\"d\",\"!!float 1.5\":\"e\","
               "\"!!null null\":\"f\",\"=\":\"g\"}");
}

static void resolves_anchors_and_merges(void **state)
{
    CHECK_JSON("a: &x {p: 1, q: [2]}\nb: *x\nc: [*x, *x]\n",
               "{\"a\":{\"p\":1,\"q\":[2]},\"b\":{\"p\":1,\"q\":[2]},\"c\":[{\"p\":1,\"q\":[2]},{\"p\":1,\"q\":[2]}]}");
    /* PyYAML: merged pairs come first, the mapping's own win, the first mapping of a list wins */
    CHECK_JSON("a: &x {p: 1, q: 2}\nb: {q: 9, r: 3, <<: *x}\n", "{\"a\":{\"p\":1,\"q\":2},\"b\":{\"p\":1,\"q\":9,\"r\":3}}");
    CHECK_JSON("{<<: [{a: 1, b: 1}, {b: 2, c: 2}], d: 3}", "{\"b\":1,\"c\":2,\"a\":1,\"d\":3}");
    CHECK_JSON("{<<: {<<: {a: 1}, b: 2}, <<: {a: 5}}", "{\"a\":5,\"b\":2}");
    CHECK_JSON("{\"<<\": {a: 1}}", "{\"<<\":{\"a\":1}}");
    CHECK_JSON("{!!str <<: {a: 1}}", "{\"<<\":{\"a\":1}}");
}

/* As PyYAML and Python's json: the first place, the last value. Who reads says how grave that is. */
static void notes_duplicates(void **state)
{
    struct bench *b = *state;
    struct yaml_document *document =
        yaml_read(&b->arena, bench_source(b, "a: 1\nb: {<<: {c: 0}, c: 1, 1.0: x, 1: y}\na: 3\n\"a\": 4\n"), &b->diags);
    assert_string_equal(yaml_to_json(&b->arena, document->root, &b->diags), "{\"a\":4,\"b\":{\"c\":1,\"!!int 1\":\"y\"}}");
    yaml_report_duplicates(document, DIAG_yaml_duplicate_kept, &b->diags);
    assert_string_equal(bench_messages(b),
                        "r.yaml:2:31: warning[Q0621]: the key `1` stands twice in this mapping\n"
                        "    2 | b: {<<: {c: 0}, c: 1, 1.0: x, 1: y}\n"
                        "      |                               ^\n"
                        "r.yaml:2:23: note: the first one is here\n"
                        "    2 | b: {<<: {c: 0}, c: 1, 1.0: x, 1: y}\n"
                        "      |                       ^~~\n"
                        "r.yaml:3:1: warning[Q0621]: the key `a` stands twice in this mapping\n"
                        "    3 | a: 3\n"
                        "      | ^\n"
                        "r.yaml:1:1: note: the first one is here\n"
                        "    1 | a: 1\n"
                        "      | ^\n"
                        "r.yaml:4:1: warning[Q0621]: the key `a` stands twice in this mapping\n"
                        "    4 | \"a\": 4\n"
                        "      | ^~~\n"
                        "r.yaml:1:1: note: the first one is here\n"
                        "    1 | a: 1\n"
                        "      | ^\n");
}

static void refuses_what_means_nothing(void **state)
{
    CHECK_JSON("a: 1\nb: 2\na: 3\n",
               "r.yaml:3:1: error[Q0603]: the key `a` stands twice in this mapping\n"
               "    3 | a: 3\n"
               "      | ^\n"
               "r.yaml:1:1: note: the first one is here\n"
               "    1 | a: 1\n"
               "      | ^\n");
    CHECK_JSON("a: *b\n",
               "r.yaml:1:4: error[Q0604]: the alias `*b` has no anchor\n"
               "    1 | a: *b\n"
               "      |    ^~\n"
               "  help: a pattern that begins with `*` needs quotes: \"*b…\"\n");
    CHECK_JSON("a: &b [*b]\n",
               "r.yaml:1:8: error[Q0604]: the alias `*b` stands inside what it names\n"
               "    1 | a: &b [*b]\n"
               "      |        ^~\n"
               "r.yaml:1:4: note: the anchor is here\n"
               "    1 | a: &b [*b]\n"
               "      |    ^~~~\n");
    CHECK_JSON("- &b 1\n- &b 2\n",
               "r.yaml:2:3: error[Q0604]: the anchor `&b` is defined twice\n"
               "    2 | - &b 2\n"
               "      |   ^~~~\n"
               "r.yaml:1:3: note: the first one is here\n"
               "    1 | - &b 1\n"
               "      |   ^~~~\n");
    CHECK_JSON("a: !!python/object:os.system x\n",
               "r.yaml:1:4: error[Q0605]: the tag `tag:yaml.org,2002:python/object:os.system` has no meaning in a recipe\n"
               "    1 | a: !!python/object:os.system x\n"
               "      |    ^~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
               "  help: tags a recipe may use: !!str !!int !!float !!bool !!null !!timestamp !!map !!seq\n");
    CHECK_JSON("!foo {a: 1}\n",
               "r.yaml:1:1: error[Q0605]: the tag `!foo` has no meaning in a recipe\n"
               "    1 | !foo {a: 1}\n"
               "      | ^~~~~~\n"
               "  help: tags a recipe may use: !!str !!int !!float !!bool !!null !!timestamp !!map !!seq\n");
    CHECK_JSON("a: !!int abc\n",
               "r.yaml:1:4: error[Q0606]: `abc` is not an integer\n"
               "    1 | a: !!int abc\n"
               "      |    ^~~~~~~~~\n");
    CHECK_JSON("a: =\n",
               "r.yaml:1:4: error[Q0606]: a plain `=` has no value in YAML; quote it\n"
               "    1 | a: =\n"
               "      |    ^\n");
    CHECK_JSON("{<<: 3}\n",
               "r.yaml:1:6: error[Q0607]: expected a mapping or a list of mappings after `<<`, saw an integer\n"
               "    1 | {<<: 3}\n"
               "      |      ^\n");
    CHECK_JSON("{[a]: 3}\n",
               "r.yaml:1:2: error[Q0608]: expected a scalar as key, saw a list\n"
               "    1 | {[a]: 3}\n"
               "      |  ^~~\n");
    CHECK_JSON("\"a\\0b\": 3\n",
               "r.yaml:1:1: error[Q0608]: a key cannot hold a NUL\n"
               "    1 | \"a\\0b\": 3\n"
               "      | ^~~~~~\n");
    CHECK_JSON("a: 9223372036854775808\n",
               "r.yaml:1:4: error[Q0609]: the integer `9223372036854775808` does not fit 64 bits\n"
               "    1 | a: 9223372036854775808\n"
               "      |    ^~~~~~~~~~~~~~~~~~~\n");
}

static void refuses_broken_syntax(void **state)
{
    CHECK_JSON("a: b\n---\nc: d\n",
               "r.yaml:2:1: error[Q0602]: a second YAML document begins here; a recipe is one\n"
               "    2 | ---\n"
               "      | ^~~\n");
    CHECK_JSON("a:\n\tb: c\n",
               "r.yaml:2:1: error[Q0601]: found character that cannot start any token\n"
               "    2 |  b: c\n"
               "      | ^\n"
               "r.yaml:2:1: note: while scanning for the next token\n"
               "    2 |  b: c\n"
               "      | ^\n"
               "  help: a tab cannot indent YAML; use blanks\n");
    CHECK_JSON("pattern: *.fc1\n",
               "r.yaml:1:11: error[Q0601]: did not find expected alphabetic or numeric character\n"
               "    1 | pattern: *.fc1\n"
               "      |           ^\n"
               "r.yaml:1:10: note: while scanning an alias\n"
               "    1 | pattern: *.fc1\n"
               "      |          ^\n"
               "  help: a pattern that begins with `*` needs quotes: \"*…\"\n");
    CHECK_JSON("a: @x\n",
               "r.yaml:1:4: error[Q0601]: found character that cannot start any token\n"
               "    1 | a: @x\n"
               "      |    ^\n"
               "r.yaml:1:4: note: while scanning for the next token\n"
               "    1 | a: @x\n"
               "      |    ^\n"
               "  help: a value that begins with `@` needs quotes\n");
    CHECK_JSON("é: [1, 2\n",
               "r.yaml:2:1: error[Q0601]: did not find expected ',' or ']'\n"
               "    2 | \n"
               "      | ^\n"
               "r.yaml:1:4: note: while parsing a flow sequence\n"
               "    1 | é: [1, 2\n"
               "      |    ^\n");
    CHECK_JSON("a: \x01\n",
               "r.yaml:1:4: error[Q0004]: the character U+0001 cannot stand in YAML\n"
               "    1 | a:  \n"
               "      |    ^\n");
}

/* ---- limits ---- */

static char *repeat(struct bench *b, const char *head, const char *part, size_t times, const char *tail)
{
    struct text out = text_make(&b->arena);
    text_add(&out, head);
    for (size_t i = 0; i < times; i++)
        text_add(&out, part);
    text_add(&out, tail);
    return out.bytes;
}

static void check_first(struct bench *b, const char *text, const char *message)
{
    yaml_read(&b->arena, bench_source(b, text), &b->diags);
    if (!message) {
        assert_string_equal(bench_messages(b), "");
        return;
    }
    assert_non_null(b->diags.first);
    assert_string_equal(b->diags.first->text, message);
    assert_int_equal(b->diags.errors, 1);
}

static void limits_depth(void **state)
{
    static const char deeper[] = "collections nest deeper than 256";
    check_first(*state, repeat(*state, "", "[", 1000000, ""), deeper);
    check_first(*state, repeat(*state, "", "{", 1000000, ""), deeper);
    check_first(*state, repeat(*state, "", "{a: ", 1000000, ""), deeper);
    check_first(*state, repeat(*state, "", "- ", 1000000, ""), deeper);
    check_first(*state, repeat(*state, "", "? ", 1000000, ""), deeper);
    check_first(*state, repeat(*state, repeat(*state, "", "[", 256, ""), "]", 256, ""), NULL);
    check_first(*state, repeat(*state, repeat(*state, "", "[", 257, ""), "]", 257, ""), deeper);
}

static void limits_aliases(void **state)
{
    struct bench *b = *state;
    struct text laughs = text_make(&b->arena);
    text_add(&laughs, "l0: &l0 [lol]\n");
    for (int i = 1; i < 12; i++)
        text_printf(&laughs, "l%d: &l%d [*l%d, *l%d, *l%d, *l%d, *l%d, *l%d, *l%d, *l%d, *l%d]\n", i, i, i - 1, i - 1, i - 1, i - 1,
                    i - 1, i - 1, i - 1, i - 1, i - 1);
    static const char many[] = "aliases and merges add more than 1000000 nodes to the text";
    check_first(b, laughs.bytes, many);
    /* a chain of aliases, each one collection deeper */
    struct text chain = text_make(&b->arena);
    text_add(&chain, "l0: &l0 [lol]\n");
    for (int i = 1; i < 300; i++)
        text_printf(&chain, "l%d: &l%d [*l%d]\n", i, i, i - 1);
    check_first(b, chain.bytes, "collections nest deeper than 256");
    check_first(b, repeat(b, "a: &a {k: 1}\nb:\n  <<: [", "*a, ", 100000, "*a]\n"), NULL);
    /* every mapping takes over all the pairs before it */
    struct text merges = text_make(&b->arena);
    text_add(&merges, "m0: &m0 {k0: 0}\n");
    for (int i = 1; i < 20000; i++)
        text_printf(&merges, "m%d: &m%d {<<: *m%d, k%d: 0}\n", i, i, i - 1, i);
    check_first(b, merges.bytes, many);
    check_first(b, repeat(b, "", "%TAG !a! !b\n", 100000, "---\na: 1\n"), "more than 64 YAML directives");
    check_first(b, repeat(b, "a: 1\n...\n", "%TAG !a! !b\n", 100000, "---\na: 1\n"), "more than 64 YAML directives");
}

/* ---- flow collections of .qr texts, printing ---- */

static const char *flow(struct bench *b, const char *text)
{
    struct source *source = bench_source(b, text);
    uint32_t begin = (uint32_t)strcspn(text, "{["), end = yaml_flow_end(source, begin);
    if (!end)
        return "open";
    const char *json = yaml_flow_json(&b->arena, source, (struct span){source, begin, end}, &b->diags);
    if (!json)
        return bench_messages(b);
    struct text out = text_make(&b->arena);
    text_printf(&out, "%s|", json);
    yaml_print_json(&out, json);
    text_printf(&out, "|%s", text + end);
    return text_string(&out);
}

static void reads_flow_collections(void **state)
{
    struct bench *b = *state;
    assert_string_equal(flow(b, "extra {a: 1, b: [x, \"}\", 'it''s }', c\"] # }\n} rest \"\\."), "{\"a\":1,\"b\":[\"x\",\"}\",\"it's }\",\"c\\\"\"]}|"
                        "{a: 1, b: [x, \"}\", \"it's }\", \"c\\\"\"]}| rest \"\\.");
    assert_string_equal(flow(b, "{a: 1, # }\n b#c: !!str \"}\", \"k\\\"}\":2} }"),
                        "{\"a\":1,\"b#c\":\"}\",\"k\\\"}\":2}|{a: 1, \"b#c\": \"}\", \"k\\\"}\": 2}| }");
    assert_string_equal(flow(b, "{a: yes, 1: 1.0e+20, b: 0.1, \"1e3\": \"yes\", c: [], d: {}}"),
                        "{\"a\":true,\"!!int 1\":1e20,\"b\":0.10000000000000001,\"1e3\":\"yes\",\"c\":[],\"d\":{}}|"
                        "{a: true, 1: 1.0e+20, b: 0.1, 1e3: \"yes\", c: [], d: {}}|");
    assert_string_equal(flow(b, "{a: [1, 2}"), "open");
    assert_string_equal(flow(b, "{a: \"}"), "open");
    assert_string_equal(flow(b, "x {a: [1, 2}}"),
                        "r.yaml:1:12: error[Q0601]: did not find expected ',' or ']'\n"
                        "    1 | x {a: [1, 2}}\n"
                        "      |            ^\n"
                        "r.yaml:1:7: note: while parsing a flow sequence\n"
                        "    1 | x {a: [1, 2}}\n"
                        "      |       ^\n");
}

/* Every name and every string reads back from its YAML spelling. */
static void prints_what_reads_back(void **state)
{
    struct bench *b = *state;
    static const char *const names[] = {
        "a", "", "a b", "1", "!!int 1", "!!str !!int 1", "!!str !!str !!int 1", "!!str x", "!!int 01", "!!int x", "!!x", "!!bool true",
        "!!bool yes", "!!null null", "!!float 1.5", "!!float .inf", "!!float .nan", "!!int 99999999999999999999", "!!timestamp 2001-12-14",
        "yes", "null", "~", "1:30", "<<", "=", "...", "---", "-", "a:", "a: b", "a #b", "\"q\"", "'q'", "\\d+", "*fc1*", "é", "\xe2\x80\xa8",
        "\xef\xbb\xbf", "tab\t\n\r\x01\x7f", "\xf0\x9f\x98\x80", "%a", "@a", "`a", "&a", "!a", "|", ">", "{a}", "[a]", "a,b", "0o17", "1_000",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct text out = text_make(&b->arena);
        text_add(&out, "{k: [v, ");
        yaml_print_name(&out, names[i]);
        text_add(&out, "]}");
        struct yaml_document *document = yaml_read(&b->arena, bench_source(b, out.bytes), &b->diags);
        assert_string_equal(bench_messages(b), "");
        const struct yaml_node *node = yaml_get(document->root, "k")->items[1];
        assert_string_equal(yaml_name(&b->arena, node), names[i]);
    }
}

static void tells_truth_as_python(void **state)
{
    static const char *const truths[] = {"true", "yes", "On", "1", "[0]", "\"false\"", "\"no\"", "y", "n", "tRUE", ".nan", "-1", "{a: 0}", "2001-12-14"};
    static const char *const lies[] = {"false", "no", "OFF", "0", "0.0", "-0.0", "null", "~", "\"\"", "[]", "{}", "0x0", "0b0"};
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof truths / sizeof *truths; i++)
        assert_true(yaml_truth(yaml_read(&b->arena, bench_source(b, truths[i]), &b->diags)->root));
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        assert_false(yaml_truth(yaml_read(&b->arena, bench_source(b, lies[i]), &b->diags)->root));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(types_scalars_as_pyyaml), BENCH_TEST(reads_values), BENCH_TEST(resolves_anchors_and_merges),
        BENCH_TEST(notes_duplicates), BENCH_TEST(refuses_what_means_nothing), BENCH_TEST(refuses_broken_syntax), BENCH_TEST(limits_depth),
        BENCH_TEST(limits_aliases), BENCH_TEST(reads_flow_collections), BENCH_TEST(prints_what_reads_back),
        BENCH_TEST(tells_truth_as_python),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
