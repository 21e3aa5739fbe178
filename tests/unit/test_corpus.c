/* Every pattern of the corpus against the bits Python computed: with the minimised automaton, with the linear-time engine,
 * after the matcher's text was read back, and as machine code. tests/data/corpus/README says what the files hold. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <cmocka.h>
#include "tests/unit/match_helpers.h"
#include "tests/unit/match_code.h"

struct name {
    char *bytes;
    size_t size;
};
struct lines {
    struct name *items;
    size_t count;
};
struct tally {
    bool sampled; /* a third of the patterns as code: the others are elsewhere in the corpus too */
    unsigned patterns, bits, refused, unsupported;
};

/* ---- files ---- */

static char *read_file(const char *name, size_t *size)
{
    char path[4096];
    const char *root = getenv("QUERN_SOURCE");
    snprintf(path, sizeof path, "%s/tests/data/corpus/%s", root ? root : ".", name);
    gzFile file = gzopen(path, "rb");
    assert_non_null(file);
    size_t capacity = 1 << 16;
    char *bytes = malloc(capacity);
    *size = 0;
    for (int got; (got = gzread(file, bytes + *size, (unsigned)(capacity - *size - 1))) > 0;) {
        *size += (size_t)got;
        if (capacity - *size < 2)
            bytes = realloc(bytes, capacity *= 2);
    }
    gzclose(file);
    bytes[*size] = 0;
    return bytes;
}

/* Splits at the newlines, in place. */
static struct lines split_lines(char *bytes, size_t size)
{
    struct lines lines = {0};
    for (size_t i = 0; i < size; i++)
        lines.count += bytes[i] == '\n';
    lines.items = calloc(lines.count + 1, sizeof *lines.items);
    lines.count = 0;
    for (char *at = bytes, *end; at < bytes + size && (end = memchr(at, '\n', (size_t)(bytes + size - at))); at = end + 1) {
        *end = 0;
        lines.items[lines.count++] = (struct name){at, (size_t)(end - at)};
    }
    return lines;
}

/* The tab-separated columns of a line, in place. */
static unsigned split_columns(char *line, char **columns, unsigned most)
{
    unsigned count = 0;
    for (char *tab = line; tab && count < most; count++) {
        columns[count] = tab;
        tab = strchr(tab, '\t');
        if (tab)
            *tab++ = 0;
    }
    return count;
}

/* A JSON string as Python has it: a lone surrogate becomes the byte it escapes. */
static struct name from_json(const json_t *value)
{
    size_t size = json_string_length(value);
    char *bytes = malloc(size + 1);
    memcpy(bytes, json_string_value(value), size + 1);
    return (struct name){bytes, size};
}

static struct lines subjects_of(const char *line)
{
    json_error_t error;
    json_t *list = json_loads(line, JSON_ALLOW_NUL, &error);
    assert_non_null(list);
    struct lines names = {calloc(json_array_size(list), sizeof(struct name)), json_array_size(list)};
    for (size_t i = 0; i < names.count; i++)
        names.items[i] = from_json(json_array_get(list, i));
    json_decref(list);
    return names;
}

static int bit_of(const char *hex, size_t bit)
{
    size_t digits = strlen(hex), place = bit / 4;
    char c = place < digits ? hex[digits - 1 - place] : '0';
    return (c <= '9' ? c - '0' : c - 'a' + 10) >> bit % 4 & 1;
}

/* ---- checks ---- */

static void check_matcher(const struct matcher *m, struct arena *arena, const struct lines *subjects, const char *hex, const struct test_rule *rule)
{
    void *scratch = arena_alloc(arena, matcher_scratch_size(m));
    matcher_scratch_init(m, scratch);
    for (size_t i = 0; i < subjects->count; i++) {
        struct subject s;
        unsigned char verdict;
        subject_of_module(&s, subjects->items[i].bytes, subjects->items[i].size, false);
        int found = matcher_match(m, scratch, &s).rule == 0, expected = bit_of(hex, i);
        matcher_verdicts(m, scratch, &s, &verdict);
        if (found != expected || verdict != expected)
            fail_msg("%s \"%s\" on \"%s\": match %d, verdict %d, Python %d", atom_rows[rule->atom].words, rule->bytes,
                     subjects->items[i].bytes, found, verdict, expected);
    }
}

static const struct matcher *read_back(struct arena *arena, const struct matcher *m, struct diags *diags)
{
    struct text first = text_make(arena), second = text_make(arena);
    matcher_print(&first, m);
    struct matcher *back = matcher_read(arena, source_new(arena, "text", first.bytes, first.size), diags);
    if (!back)
        fail_msg("%s\n%s", diags->first->text, first.bytes);
    matcher_print(&second, back);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.bytes, second.bytes, first.size);
    return back;
}

/* Code by turns as blocks, as the walker, and by sets of states. */
static void check_code(const struct recipe *recipe, struct arena *arena, const struct lines *subjects, const char *hex,
                       const struct test_rule *rule, unsigned turn)
{
    struct match_code *code = code_of(arena, recipe, false, turn % 3 == 2);
    if (!code)
        return; /* beyond the budget */
    struct compiled compiled = compile_code(arena, code, turn % 3 ? MATCH_CODE_STATES : 0);
    for (size_t i = 0; i < subjects->count; i++) {
        int32_t unknown, found = compiled.function(subjects->items[i].bytes, subjects->items[i].size, &unknown);
        if ((found == 0) != bit_of(hex, i) || found < -1 || unknown != -1)
            fail_msg("%s \"%s\" on \"%s\": code gives %d, Python %d", atom_rows[rule->atom].words, rule->bytes, subjects->items[i].bytes, found,
                     bit_of(hex, i));
    }
    kernel_unload(&compiled.code);
}

/* hex "ERR": Python refuses it, with that message when given. */
static void check_pattern(const char *type, struct name pattern, const char *hex, const char *message, const struct lines *subjects,
                          struct tally *tally)
{
    struct test_rule rule = {find_atom(type), pattern.bytes, pattern.size};
    tally->patterns++;
    for (int fallback = 0; fallback < 2; fallback++) {
        struct arena arena;
        struct diags diags;
        struct match_options options = {.force_fallback = fallback};
        arena_init(&arena, NULL);
        diags_init(&diags, &arena);
        const struct recipe *recipe = make_recipe(&arena, &rule, 1);
        struct matcher *m = matcher_compile(recipe, &options, &diags);
        if (!strcmp(hex, "ERR")) {
            assert_null(m);
            assert_string_equal(diag_rows[diags.first->code].code, "Q0401");
            if (message && !strstr(diags.first->text, message))
                fail_msg("\"%s\": \"%s\", Python says \"%s\"", pattern.bytes, diags.first->text, message);
            tally->refused += !fallback;
        } else if (!m) {
            const char *code = diag_rows[diags.first->code].code;
            if (strcmp(code, "Q0402"))
                fail_msg("\"%s\": %s %s", pattern.bytes, code, diags.first->text);
            tally->unsupported += !fallback;
        } else {
            check_matcher(m, &arena, subjects, hex, &rule);
            check_matcher(read_back(&arena, m, &diags), &arena, subjects, hex, &rule);
            if (!fallback && (!tally->sampled || tally->patterns % 3 == 0))
                check_code(recipe, &arena, subjects, hex, &rule, tally->patterns);
            tally->bits += fallback ? 0 : (unsigned)subjects->count;
        }
        arena_close(&arena);
    }
}

static void print_tally(const char *file, const struct tally *t)
{
    print_message("%s: %u patterns, %u bits agree; %u refused as Python does, %u not regular\n", file, t->patterns, t->bits,
                  t->refused, t->unsupported);
    assert_true(t->patterns > 100);
}

static void check_sample(const char *file, const char *const *types, unsigned first, unsigned count, bool kind_column, bool sampled)
{
    size_t size, sample_size;
    char *bytes = read_file(file, &size), *sample = read_file("names_sample.txt", &sample_size);
    struct lines lines = split_lines(bytes, size), subjects = split_lines(sample, sample_size);
    struct tally tally = {.sampled = sampled};
    for (size_t i = 0; i < lines.count; i++) {
        char *columns[8];
        if (lines.items[i].bytes[0] == '#')
            continue;
        unsigned n = split_columns(lines.items[i].bytes, columns, 8);
        assert_int_equal(n, first + count);
        struct name pattern = {columns[first - 1], strlen(columns[first - 1])};
        bool substring = kind_column && !strcmp(columns[0], "substr"), exact = kind_column && !strcmp(columns[0], "exact");
        for (unsigned k = 0; k < count; k++)
            check_pattern(substring ? "contains" : exact ? "name" : types[k], pattern, columns[first + k], NULL, &subjects, &tally);
    }
    print_tally(file, &tally);
    free(lines.items);
    free(subjects.items);
    free(bytes);
    free(sample);
}

/* A JSON string without its quotes, when there is one; the columns hold JSON. */
static struct name column_text(const char *column)
{
    json_error_t error;
    json_t *value = json_loads(column, JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
    struct name text = value ? from_json(value) : (struct name){strdup(column), strlen(column)};
    json_decref(value);
    return text;
}

static void check_adversarial(const char *file, const char *const *types, unsigned count)
{
    size_t size;
    char *bytes = read_file(file, &size);
    struct lines lines = split_lines(bytes, size), subjects = {0};
    struct tally tally = {0};
    for (size_t i = 0; i < lines.count; i++) {
        char *columns[8];
        if (lines.items[i].bytes[0] == '#')
            continue;
        if (!subjects.items) {
            subjects = subjects_of(lines.items[i].bytes);
            continue;
        }
        unsigned n = split_columns(lines.items[i].bytes, columns, 8);
        struct name pattern = column_text(columns[0]), message = {0};
        bool refused = !strcmp(columns[1], "ERR");
        if (refused)
            message = column_text(columns[n - 1]);
        for (unsigned k = 0; k < count; k++)
            check_pattern(types[k], pattern, columns[refused ? 1 : 1 + k], message.bytes, &subjects, &tally);
        free(pattern.bytes);
        free(message.bytes);
    }
    print_tally(file, &tally);
    for (size_t i = 0; i < subjects.count; i++)
        free(subjects.items[i].bytes);
    free(subjects.items);
    free(lines.items);
    free(bytes);
}

static void test_globs(void **state)
{
    (void)state;
    check_sample("corpus_glob.tsv.gz", (const char *const[]){"glob"}, 2, 1, true, false);
}

static void test_regexes(void **state)
{
    (void)state;
    check_sample("corpus_re.tsv.gz", (const char *const[]){"regex", "regex_prefix", "regex_search"}, 2, 3, false, false);
}

static void test_cross(void **state)
{
    (void)state;
    check_sample("corpus_cross.tsv.gz", (const char *const[]){"glob", "regex", "regex_search"}, 1, 3, false, true);
}

static void test_adversarial_globs(void **state)
{
    (void)state;
    check_adversarial("adv_glob.tsv", (const char *const[]){"glob"}, 1);
}

static void test_adversarial_regexes(void **state)
{
    (void)state;
    check_adversarial("adv_re.tsv", (const char *const[]){"regex", "regex_prefix", "regex_search"}, 3);
}

/* ---- ordered rules ---- */

static void check_first(const char *rules_file, const char *expected_file, bool fallback)
{
    size_t sizes[3];
    char *bytes[3] = {read_file(rules_file, &sizes[0]), read_file("names20k.txt.gz", &sizes[1]), read_file(expected_file, &sizes[2])};
    struct lines rules = split_lines(bytes[0], sizes[0]), names = split_lines(bytes[1], sizes[1]), expected = split_lines(bytes[2], sizes[2]);
    struct arena arena;
    struct diags diags;
    struct match_options options = {.force_fallback = fallback};
    arena_init(&arena, NULL);
    diags_init(&diags, &arena);
    struct test_rule *made = calloc(rules.count, sizeof *made);
    for (size_t i = 0; i < rules.count; i++) {
        char *columns[2];
        assert_int_equal(split_columns(rules.items[i].bytes, columns, 2), 2);
        const char *type = !strcmp(columns[0], "glob") ? "glob" : !strcmp(columns[0], "re") ? "regex_prefix" : "name";
        made[i] = (struct test_rule){find_atom(type), columns[1], strlen(columns[1])};
    }
    struct matcher *m = matcher_compile(make_recipe(&arena, made, rules.count), &options, &diags);
    assert_non_null(m);
    void *scratch = arena_alloc(&arena, matcher_scratch_size(m));
    matcher_scratch_init(m, scratch);
    assert_int_equal(names.count, expected.count);
    for (size_t i = 0; i < names.count; i++) {
        struct subject s;
        subject_of_module(&s, names.items[i].bytes, names.items[i].size, false);
        struct match_outcome found = matcher_match(m, scratch, &s);
        if (found.rule != atoi(expected.items[i].bytes))
            fail_msg("%s: \"%s\": rule %d, Python %s", rules_file, names.items[i].bytes, found.rule, expected.items[i].bytes);
        assert_int_equal(found.unknown, -1);
    }
    struct field *paths = calloc(names.count, sizeof *paths);
    int *rules_of = calloc(names.count, sizeof *rules_of);
    for (size_t i = 0; i < names.count; i++)
        paths[i] = (struct field){names.items[i].bytes, names.items[i].size};
    matcher_match_batch(m, scratch, paths, names.count, false, rules_of);
    for (size_t i = 0; i < names.count; i++)
        if (rules_of[i] != atoi(expected.items[i].bytes))
            fail_msg("%s: batch: \"%s\": rule %d, Python %s", rules_file, names.items[i].bytes, rules_of[i], expected.items[i].bytes);
    free(paths);
    free(rules_of);
    print_message("%s: %zu rules, %zu names agree%s\n", rules_file, rules.count, names.count, fallback ? " (linear-time engine)" : "");
    arena_close(&arena);
    free(made);
    for (int i = 0; i < 3; i++)
        free(bytes[i]);
    free(rules.items);
    free(names.items);
    free(expected.items);
}

static void test_first_match(void **state)
{
    (void)state;
    static const char *const sets[] = {"10", "100", "1000", "sub1000", "exact44k"};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (int fallback = 0; fallback < 2; fallback++) {
            char rules[64], expected[64];
            snprintf(rules, sizeof rules, "rules_%s.tsv.gz", sets[i]);
            snprintf(expected, sizeof expected, "first_%s.txt.gz", sets[i]);
            check_first(rules, expected, fallback);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_globs), cmocka_unit_test(test_regexes), cmocka_unit_test(test_cross),
        cmocka_unit_test(test_adversarial_globs), cmocka_unit_test(test_adversarial_regexes), cmocka_unit_test(test_first_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
