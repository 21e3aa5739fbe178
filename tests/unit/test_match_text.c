/* The matcher's text form, and compiling and reading it with every allocation failing once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/match_bench.h"

/* ---- memory ---- */

struct counting {
    unsigned calls, fail_at, live;
};

static void *allocate_counted(void *user, size_t size)
{
    struct counting *c = user;
    void *memory = ++c->calls == c->fail_at ? NULL : malloc(size);
    c->live += memory != NULL;
    return memory;
}

static void release_counted(void *user, void *memory, size_t size)
{
    struct counting *c = user;
    (void)size;
    c->live -= memory != NULL;
    free(memory);
}

/* Compiles, prints and reads back; false: an allocation failed and was escaped from. */
static bool compile_with(struct counting *counting, const struct recipe *recipe)
{
    struct allocator allocator = {.allocate = allocate_counted, .release = release_counted, .user = counting};
    struct arena arena;
    struct diags diags;
    jmp_buf escape;
    arena_init(&arena, &allocator);
    bool escaped = setjmp(escape);
    if (!escaped) {
        arena.escape = &escape;
        diags_init(&diags, &arena);
        struct recipe own = *recipe;
        own.arena = &arena;
        struct text text = text_make(&arena);
        matcher_print(&text, matcher_compile(&own, NULL, &diags));
        assert_non_null(matcher_read(&arena, source_new(&arena, "t", text.bytes, text.size), &diags));
    }
    arena_close(&arena);
    return !escaped;
}

/* Every allocation fails once: nothing is lost, nothing crashes. */
static void test_memory(void **state)
{
    (void)state;
    struct bench b;
    open_recipe(&b, RULES("glob \"*a*b*c*d*\" and layer > 2 => w\n re \"(?i)\\w+x{3,40}\" => w\n type re \"a.*\" => w\n param glob \"*q*\" => w"), NULL);
    unsigned fail_at = 1;
    for (bool done = false; !done; fail_at++) {
        struct counting counting = {.fail_at = fail_at};
        done = compile_with(&counting, b.recipe);
        assert_int_equal(counting.live, 0);
    }
    assert_true(fail_at > 10);
    close_recipe(&b);
}

/* ---- the text form ---- */

static void test_text(void **state)
{
    (void)state;
    struct bench b;
    open_recipe(&b, RULES("L: glob \"*a\" and layer > 2 => w\n not name \"b\" and ndim in 1..2 => w"), NULL);
    struct text out = text_make(&b.arena);
    matcher_print(&out, b.matcher);
    assert_string_equal(text_string(&out),
        "quern automaton 1 2 rules\n"
        "label module 0 glob \"*a\"\n"
        "label module 1 name \"b\"\n"
        "pred 0 false\npred 1 true\npred 2 unknown\n"
        "test 0 label module 0\npred 3 test 0\n"
        "test 1 layer > 2\npred 4 test 1\npred 5 and 3 4\n"
        "test 2 label module 1\npred 6 test 2\npred 7 not 6\n"
        "test 3 ndim in 1..2\npred 8 test 3\npred 9 and 7 8\n"
        "rule 0 pred 5 \"L\"\nrule 1 pred 9 \"a.qr:4\"\n"
        "primary module\n"
        "decision 0 rule -1 unknown -1\ndecision 1 rule 1 unknown -1\ndecision 2 rule -1 unknown 1\n"
        "decision 3 test 3 no 0 yes 1 unknown 2\n"
        "decision 4 rule 0 unknown -1\n"
        "decision 5 rule -1 unknown 0\ndecision 6 rule 1 unknown 0\n"
        "decision 7 test 3 no 5 yes 6 unknown 5\n"
        "decision 8 test 1 no 3 yes 4 unknown 7\n"
        "automaton module table 4 states 3 classes\n"
        "class 0 0-60 63-10ffff\nclass 1 61\nclass 2 62\n"
        "state 0 ends 3 else 1 1:2 2:3\n"
        "state 1 ends 3 else 1 1:2\n"
        "state 2 ends 8 else 1 1:2\n"
        "state 3 ends 0 else 1 1:2\n"
        "end\n");
    close_recipe(&b);
}

static void check_bad_text(const char *text, const char *message)
{
    struct bench b;
    arena_init(&b.arena, NULL);
    diags_init(&b.diags, &b.arena);
    assert_null(matcher_read(&b.arena, source_new(&b.arena, "t", arena_string(&b.arena, text), strlen(text)), &b.diags));
    assert_int_equal(b.diags.errors, 1);
    assert_string_equal(b.diags.first->text, message);
    close_recipe(&b);
}

static void test_bad_text(void **state)
{
    (void)state;
    static const char head[] = "quern automaton 1 1 rules\nlabel module 0 name \"a\"\npred 0 false\npred 1 true\npred 2 unknown\n"
                               "test 0 label module 0\npred 3 test 0\nrule 0 pred 3 \"r\"\nprimary module\n";
    char text[1024];
    check_bad_text("", "expected quern");
    check_bad_text("quern automaton 2 1 rules", "expected 1");
    check_bad_text("quern automaton 1 99999999 rules", "expected a number in range");
    check_bad_text("quern automaton 1 0 rules label module 1 name \"a\"", "expected a number in range");
    check_bad_text("quern automaton 1 0 rules label module 0 type \"a\"", "expected an atom of that field");
    check_bad_text("quern automaton 1 0 rules label module 0 re \"(\" end", "Python's re refuses this pattern: missing ), unterminated subpattern at position 0");
    check_bad_text("quern automaton 1 0 rules test 0 layer ~ 3", "expected a comparison");
    check_bad_text("quern automaton 1 0 rules pred 3 not 3", "expected a number in range");
    check_bad_text("quern automaton 1 1 rules rule 0 pred 7 \"x\"", "expected a number in range");
    check_bad_text("quern automaton 1 0 rules end", "expected a root");
    check_bad_text("quern automaton 1 0 rules primary type", "expected a field of one string, with labels");
    check_bad_text("quern automaton 1 0 rules test 0 layer % -2 == 1", "expected a modulus");
    check_bad_text("quern automaton 1 0 rules label outer_type 0 under type \"a\" primary outer_type", "expected a field of one string, with labels");
    snprintf(text, sizeof text, "%sdecision 0 rule -0 unknown -1", head);
    check_bad_text(text, "expected -1");
    snprintf(text, sizeof text, "%sdecision 0 test 0 no 0 yes 0 unknown 0", head);
    check_bad_text(text, "expected a number in range");
    snprintf(text, sizeof text, "%sdecision 0 rule 1 unknown -1", head);
    check_bad_text(text, "expected a number in range");
    snprintf(text, sizeof text, "%sdecision 0 rule 0 unknown -1 automaton module table 1 states 1 classes class 0 0-7f state 0 ends 0 else 0 end", head);
    check_bad_text(text, "expected classes that hold every code point once");
    snprintf(text, sizeof text, "%sdecision 0 rule 0 unknown -1 automaton module table 1 states 1 classes class 0 0-10ffff state 0 ends 1 else 0 end", head);
    check_bad_text(text, "expected a number in range");
    snprintf(text, sizeof text, "%sautomaton module table 999 states 999 classes", head);
    check_bad_text(text, "expected a number in range");
    snprintf(text, sizeof text, "%sautomaton module lazy end x", head);
    check_bad_text(text, "expected nothing after the end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory), cmocka_unit_test(test_text), cmocka_unit_test(test_bad_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
