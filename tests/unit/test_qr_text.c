/* The .qr form as bytes: what decides the spelling, line ends, marks and limits, hostile texts, fragments, names. */
#include "tests/unit/qr_cases.h"

#include "lang/words.h"

struct bench {
    struct arena arena;
    struct diags diags;
};

static int open_bench(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    arena_init(&b->arena, NULL);
    *state = b;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *b = *state;
    arena_close(&b->arena);
    free(b);
    return 0;
}

static struct ast *parse_bytes(struct bench *b, const char *bytes, size_t size)
{
    diags_init(&b->diags, &b->arena);
    return ast_parse(&b->arena, source_new(&b->arena, "r.qr", arena_copy(&b->arena, bytes, size), size), &b->diags);
}

static const char *messages(struct bench *b)
{
    struct text out = text_make(&b->arena);
    add_messages(&out, &b->diags);
    return text_string(&out);
}

static unsigned count_decls(const struct ast *ast)
{
    unsigned count = 0;
    for (const struct ast_decl *d = ast->decls; d; d = d->next)
        count++;
    return count;
}

/* ---- which spelling ---- */

static void test_detect(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum spelling spelling;
    } cases[] = {
        {"spec a = int4", SPELLING_QR},           {"a: b", SPELLING_YAML},
        {"configs:\n  a: {}", SPELLING_YAML},     {"configs:", SPELLING_YAML},
        {"a:b", SPELLING_QR},                     {"---\nspec a = int4", SPELLING_YAML},
        {"- a", SPELLING_YAML},                   {"-a", SPELLING_QR},
        {"%YAML 1.1", SPELLING_YAML},             {"[a]", SPELLING_YAML},
        {"{a: b}", SPELLING_YAML},                {"'a'", SPELLING_YAML},
        {"\"a\" => b", SPELLING_YAML},            {"!!map", SPELLING_YAML},
        {"&a b", SPELLING_YAML},                  {"*a", SPELLING_YAML},
        {"? a", SPELLING_YAML},                   {"|", SPELLING_YAML},
        {"# a: b\n\n  # c\n spec a = int4", SPELLING_QR}, {"# spec\n a: b", SPELLING_YAML},
        {"\xef\xbb\xbf" "a: b", SPELLING_YAML},   {"\xef\xbb\xbf" "spec a = int4", SPELLING_QR},
        {"match { l: a => b }", SPELLING_QR},     {"set a = b\nc: d", SPELLING_QR},
        {"a b c :\td", SPELLING_YAML},            {"a # b: c", SPELLING_QR},
        {"a, b: c", SPELLING_QR},                 {"a\r\nb: c", SPELLING_QR},
        {"# a\rb: c", SPELLING_YAML},             {"", SPELLING_QR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (ast_detect(cases[i].text, strlen(cases[i].text)) != cases[i].spelling)
            fail_msg("%s", cases[i].text);
}

static void test_empty(void **state)
{
    struct bench *b = *state;
    static const char *const texts[] = {"", " \t\n\r\n", "# only a comment", "\xef\xbb\xbf", "\xef\xbb\xbf# c\r"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        parse_bytes(b, texts[i], strlen(texts[i]));
        assert_int_equal(b->diags.errors, 1);
        assert_int_equal(strncmp(messages(b), "r.qr:1:1: error[Q0002]: the recipe is empty\n", 44), 0);
    }
}

/* ---- line ends and marks ---- */

static void test_line_ends(void **state)
{
    struct bench *b = *state;
    static const char *const texts[] = {
        "spec a = int4\nspec b = int4\n",         "spec a = int4\r\nspec b = int4\r\n",
        "# c\rspec a = int4 # d\rspec b = int4",  "\xef\xbb\xbf# c\r\nspec a = int4\r\n\r\nspec b = int4",
        "spec a = int4 spec b = int4",            "spec a =\n\tint4\fspec b\n=\nint4",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ast *ast = parse_bytes(b, texts[i], strlen(texts[i]));
        assert_string_equal(messages(b), "");
        assert_int_equal(count_decls(ast), 2);
    }
}

static void test_places_after_line_ends(void **state)
{
    struct bench *b = *state;
    static const char text[] = "spec a = int4\r\n# x\rspec b int4";
    parse_bytes(b, text, sizeof text - 1);
    assert_string_equal(messages(b), "r.qr:3:8: error[Q0101]: expected `=`, saw `int4`\n"
                                     "    3 | spec b int4\n      |        ^~~~\n");
}

static void test_bad_text(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *message;
    } cases[] = {
#define CASE(bytes, message) {bytes, sizeof bytes - 1, message}
        CASE("spec a\x80", "r.qr:1:7: error[Q0003]: byte 0x80 is not part of a UTF-8 character"),
        CASE("# \xc0\xaf", "r.qr:1:3: error[Q0003]: byte 0xc0 is not part of a UTF-8 character"),
        CASE("# \xe0\x80\xaf", "r.qr:1:3: error[Q0003]: byte 0xe0 is not part of a UTF-8 character"),
        CASE("# \xed\xa0\x80", "r.qr:1:3: error[Q0003]: byte 0xed is not part of a UTF-8 character"),
        CASE("# \xf4\x90\x80\x80", "r.qr:1:3: error[Q0003]: byte 0xf4 is not part of a UTF-8 character"),
        CASE("# \xf0\x9f\x98", "r.qr:1:3: error[Q0003]: byte 0xf0 is not part of a UTF-8 character"),
        CASE("set a = glob \"x\0y\"", "r.qr:1:16: error[Q0004]: a NUL byte cannot stand in a recipe"),
        CASE("# a\0", "r.qr:1:4: error[Q0004]: a NUL byte cannot stand in a recipe"),
        CASE("# \xe2\x80\xae", "r.qr:1:3: error[Q0004]: the bidirectional control U+202E cannot stand in a recipe"),
        CASE("set a = glob \"\xe2\x81\xa6\"", "r.qr:1:15: error[Q0004]: the bidirectional control U+2066 cannot stand in a recipe"),
        CASE("configs: \xff", "r.qr:1:10: error[Q0003]: byte 0xff is not part of a UTF-8 character"),
#undef CASE
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        parse_bytes(b, cases[i].bytes, cases[i].size);
        assert_int_equal(b->diags.errors, 1);
        const char *text = messages(b);
        assert_int_equal(strncmp(text, cases[i].message, strlen(cases[i].message)), 0);
        assert_int_equal(text[strlen(cases[i].message)], '\n');
    }
}

/* ---- limits ---- */

static const char *repeat(struct bench *b, const char *head, const char *part, size_t count, const char *tail)
{
    struct text out = text_make(&b->arena);
    text_add(&out, head);
    for (size_t i = 0; i < count; i++)
        text_add(&out, part);
    text_add(&out, tail);
    return text_string(&out);
}

static void test_nesting(void **state)
{
    struct bench *b = *state;
    const char *deep[] = {
        repeat(b, "set a = ", "(", 1000000, ""), repeat(b, "set a = ", "not ", 1000000, "b"),
        repeat(b, "prepare { a(", "[", 1000000, ""), repeat(b, repeat(b, "set a = ", "not not (", 150, "b"), ")", 150, ""),
        repeat(b, "set a = ", "(((", 90, "b"),
    };
    for (size_t i = 0; i < sizeof deep / sizeof *deep; i++) {
        parse_bytes(b, deep[i], strlen(deep[i]));
        assert_int_equal(b->diags.errors, 1);
        assert_int_equal(b->diags.first->code, DIAG_too_large);
        assert_string_equal(b->diags.first->text, "nested deeper than 256 levels");
    }
}

static void test_long_chain(void **state)
{
    struct bench *b = *state;
    const char *text = repeat(b, "set a = b", " or c", 100000, "");
    struct ast *ast = parse_bytes(b, text, strlen(text));
    assert_string_equal(messages(b), "");
    assert_in_range(ast->decls->set->depth, 17, 19); /* a leaf and log2(100001) levels */
}

static void test_many_errors(void **state)
{
    struct bench *b = *state;
    const char *texts[] = {repeat(b, "", "spec = a\n", 100000, ""), repeat(b, "match {\n", "=> a\n", 100000, "}"),
                           repeat(b, "spec a = int4 ", "\x01 ", 100000, ""), repeat(b, "", ")", 1000000, "")};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        parse_bytes(b, texts[i], strlen(texts[i]));
        assert_in_range(b->diags.errors, 1, DIAG_ERRORS_KEPT);
    }
}

static void test_long_line(void **state)
{
    struct bench *b = *state;
    const char *text = repeat(b, "set a = glob \"", "x", 4000000, "\" golb");
    parse_bytes(b, text, strlen(text));
    assert_int_equal(b->diags.errors, 1);
    assert_in_range(strlen(messages(b)), 1, 1000);
}

/* ---- fragments ---- */

static void test_fragments(void **state)
{
    struct bench *b = *state;
    diags_init(&b->diags, &b->arena);
    struct source *source = source_new(&b->arena, "r.yaml", "a: 'the text stands here'", 25);
    struct span span = {source, 3, 25};
    struct ast_spec *spec = ast_parse_spec(&b->arena, source, span, "int4 per group(3)", 17, &b->diags);
    assert_non_null(spec);
    assert_int_equal(spec->attributes->span.begin, 3);
    assert_int_equal(spec->attributes->span.end, 25);
    struct ast_predicate *predicate = ast_parse_predicate(&b->arena, source, span, "glob \"a\" and b", 14, &b->diags);
    assert_non_null(predicate);
    assert_int_equal(predicate->right->set.span.begin, 3);
    assert_null(ast_parse_spec(&b->arena, source, span, "int4 per grup(3)", 16, &b->diags));
    assert_null(ast_parse_predicate(&b->arena, source, span, "glob", 4, &b->diags));
    assert_string_equal(messages(b),
        "r.yaml:1:4: error[Q0105]: expected `tensor`, `channel`, `token`, `group` or `block` after `per`, saw `grup`\n"
        "    1 | a: 'the text stands here'\n      |    ^~~~~~~~~~~~~~~~~~~~~~\n  help: did you mean `group`?\n"
        "r.yaml:1:4: error[Q0101]: expected a string, saw the end of the text\n"
        "    1 | a: 'the text stands here'\n      |    ^~~~~~~~~~~~~~~~~~~~~~\n");
}

static void test_bodies(void **state)
{
    struct bench *b = *state;
    static const struct {
        enum ast_decl_kind kind;
        const char *text;
    } cases[] = {
        {AST_DECL_recipe, "\"a\" version 2"}, {AST_DECL_import, "\"a.qr\" as b"}, {AST_DECL_format, "float(e = 3, m = 4)"},
        {AST_DECL_format, "= fp8_e4m3"}, {AST_DECL_spec, "int4 per tensor"}, {AST_DECL_spec, "= int4"},
        {AST_DECL_config, "weight int4 extra {a: [b]} input none"}, {AST_DECL_config, "{ weight int4 }"},
        {AST_DECL_config, "= a { weight int4 }"}, {AST_DECL_config, "none"}, {AST_DECL_config, ""},
        {AST_DECL_set, "glob \"a\""}, {AST_DECL_alias, "\"a\""}, {AST_DECL_group, "\"a\" \"b\""},
        {AST_DECL_schedule, "enable_observer 3"}, {AST_DECL_schedule, "{ enable_observer 3 }"},
        {AST_DECL_prepare, "equalize()"}, {AST_DECL_algorithm, "{ gptq }"}, {AST_DECL_match, "a => b use c"},
        {AST_DECL_expect, "\"a\" => b"},
    };
    struct source *source = source_new(&b->arena, "r.yaml", "- x", 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        diags_init(&b->diags, &b->arena);
        struct ast_decl *decl = ast_parse_body(&b->arena, source, (struct span){source, 2, 3}, cases[i].kind, cases[i].text,
                                               strlen(cases[i].text), &b->diags);
        assert_string_equal(messages(b), "");
        assert_non_null(decl);
        assert_int_equal(decl->kind, cases[i].kind);
    }
}

/* ---- names and words ---- */

static void test_names(void **state)
{
    struct bench *b = *state;
    static const char *const names[][2] = {
        {"a", "a"}, {"_a-9", "_a-9"}, {"_", "\"_\""}, {"9a", "\"9a\""}, {"", "\"\""}, {"a b", "\"a b\""}, {"a.b", "\"a.b\""},
        {"skip", "\"skip\""}, {"weight", "\"weight\""}, {"first", "first"}, {"inf", "inf"}, {"extra", "\"extra\""},
        {"a\"b", "\"a\\\"b\""}, {"a\\", "\"a\\\\\""}, {"ä", "\"ä\""},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct text out = text_make(&b->arena);
        ast_print_name(&out, names[i][0]);
        assert_string_equal(text_string(&out), names[i][1]);
    }
}

/* Every word of every set of attributes is read, and printed as it was. */
static void test_attribute_words(void **state)
{
    struct bench *b = *state;
    static const struct {
        enum word_set set;
        const char *before;
    } sets[] = {
        {WORDS_symmetric, "symmetric"}, {WORDS_asymmetric, "asymmetric"}, {WORDS_pow2, "scale f32 pow2"}, {WORDS_zero, "zero"},
        {WORDS_formula, "formula"}, {WORDS_range, "range"}, {WORDS_rounding, "round"}, {WORDS_compute, "compute"},
        {WORDS_layout, "pack"}, {WORDS_ragged, "ragged"},
    };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (size_t j = 0; j < word_lists[sets[i].set].count; j++) {
            const char *word = word_lists[sets[i].set].words[j];
            const char *text = arena_printf(&b->arena, "int4 %s%s%s", sets[i].before, *word ? " " : "", word);
            if (!*word && sets[i].set != WORDS_symmetric && sets[i].set != WORDS_asymmetric)
                continue;
            diags_init(&b->diags, &b->arena);
            struct source *source = source_new(&b->arena, "r", text, strlen(text));
            struct ast_spec *spec = ast_parse_spec(&b->arena, source, (struct span){source, 0, 0}, text, strlen(text), &b->diags);
            assert_string_equal(messages(b), "");
            struct text out = text_make(&b->arena);
            ast_print_spec(&out, spec);
            assert_string_equal(text_string(&out), text);
        }
}

/* So is every atom, and every word of role and dtype. */
static void test_atom_words(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < ATOM_COUNT; i++) {
        bool is_word = i == ATOM_role || i == ATOM_dtype;
        size_t count = i == ATOM_role ? SLOT_ROLE_COUNT : i == ATOM_dtype ? DTYPE_COUNT : 1;
        for (size_t j = 0; j < count; j++) {
            const char *pattern = i == ATOM_role ? slot_role_words[j] : i == ATOM_dtype ? dtype_rows[j].word : "p.*";
            const char *text = arena_printf(&b->arena, is_word ? "%s %s" : "%s \"%s\"", atom_rows[i].words, pattern);
            diags_init(&b->diags, &b->arena);
            struct source *source = source_new(&b->arena, "r", text, strlen(text));
            struct ast_predicate *p = ast_parse_predicate(&b->arena, source, (struct span){source, 0, 0}, text, strlen(text), &b->diags);
            assert_string_equal(messages(b), "");
            assert_int_equal(p->atom, i);
            struct text out = text_make(&b->arena);
            ast_print_predicate(&out, p);
            assert_string_equal(text_string(&out), text);
        }
    }
}

/* ---- files ---- */

static void check_recipe(struct bench *b, const char *name)
{
    const char *root = getenv("QUERN_SOURCE");
    FILE *file = fopen(arena_printf(&b->arena, "%s/tests/recipes/%s", root ? root : ".", name), "rb");
    assert_non_null(file);
    static char bytes[65536];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    struct text once = text_make(&b->arena), twice = text_make(&b->arena), first = text_make(&b->arena), second = text_make(&b->arena);
    struct ast *ast = parse_bytes(b, bytes, size);
    assert_int_equal(b->diags.errors, 0);
    ast_format_qr(&once, ast);
    ast->spelling = SPELLING_QR;
    ast_print(&first, ast);
    ast = parse_bytes(b, text_string(&once), once.size);
    assert_string_equal(messages(b), "");
    ast_format_qr(&twice, ast);
    ast_print(&second, ast);
    assert_string_equal(text_string(&twice), text_string(&once));
    assert_string_equal(text_string(&second), text_string(&first));
}

static void test_recipes(void **state)
{
    static const char *const names[] = {"01-megatron.yaml", "02-first.qr", "03-last.qr", "05-guards.qr", "language.qr"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_recipe(*state, names[i]);
}

#define BENCH_TEST(function) cmocka_unit_test_setup_teardown(function, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detect),
        BENCH_TEST(test_empty),
        BENCH_TEST(test_line_ends),
        BENCH_TEST(test_places_after_line_ends),
        BENCH_TEST(test_bad_text),
        BENCH_TEST(test_nesting),
        BENCH_TEST(test_long_chain),
        BENCH_TEST(test_many_errors),
        BENCH_TEST(test_long_line),
        BENCH_TEST(test_fragments),
        BENCH_TEST(test_bodies),
        BENCH_TEST(test_names),
        BENCH_TEST(test_attribute_words),
        BENCH_TEST(test_atom_words),
        BENCH_TEST(test_recipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
