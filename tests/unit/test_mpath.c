/* mpath: what is read and refused, with the whole messages; aliases; modules at several places; limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/match_bench.h"

/* ---- names alone ---- */

static void open_query(struct bench *b, const char *aliases, const char *query)
{
    struct arena arena;
    arena_init(&arena, NULL);
    struct text recipe = text_make(&arena);
    text_printf(&recipe, "%sconfig w { weight int8 }\nmatch first {\n  mpath ", aliases);
    text_quote(&recipe, query, strlen(query));
    text_add(&recipe, " => w\n}\n");
    open_recipe(b, text_string(&recipe), NULL);
    arena_close(&arena);
}

/* The names of the list that the query takes, separated by blanks: of the matcher and of the one its text gives. */
static void check_names(const char *aliases, const char *query, const char *const *names, size_t count, const char *expected)
{
    struct bench b, back;
    open_query(&b, aliases, query);
    if (!b.matcher)
        fail_msg("%s: %s", query, messages(&b));
    read_back(&b, &back);
    const struct bench *both[] = {&b, &back};
    for (int k = 0; k < 2; k++) {
        struct text found = text_make(&b.arena);
        for (size_t i = 0; i < count; i++) {
            struct subject s;
            subject_of_module(&s, names[i], strlen(names[i]), false);
            if (matcher_match(both[k]->matcher, both[k]->scratch, &s).rule == 0)
                text_printf(&found, "%s%s", found.size ? " " : "", names[i]);
        }
        if (strcmp(text_string(&found), expected))
            fail_msg("%s: \"%s\", expected \"%s\"", query, text_string(&found), expected);
    }
    close_recipe(&back);
    close_recipe(&b);
}

static void test_syntax(void **state)
{
    (void)state;
    static const char *const names[] = {"", "a", "b", "a.b", "a.b.c", "0", "00", "a-b", "a]b", "a[b", "\"]", "a\"b]/c\"d", "a/b", "é", "a.^"};
    static const struct { const char *query, *expected; } rows[] = {
        {"a", "a"}, {"/a/", "a"}, {" a\t/\n b ", "a.b"}, {"* *", "a b a.b a.b.c 0 00 a-b a]b a[b \"] a\"b]/c\"d a/b é a.^"},
        {"*", "a b 0 00 a-b a]b a[b \"] a\"b]/c\"d a/b é"}, {"**/b", "b a.b"}, {"a/**", "a a.b a.b.c a.^"}, {"0", "0"}, {"00", "00"}, {"é", "é"},
        {"[re:a-b]", "a-b"}, {"[ re : a]", ""}, {"[re:a.b]", "a-b a]b a[b a/b"}, {"[re:a\\]b]", "a]b"}, {"[re:a\\\\\\]b]", ""},
        {"[re:a[\\]\\]b]", "a]b"}, {"[re:a[[\\]b]", "a[b"}, {"[re:[^a\\]]", "b 0 é"}, {"[re:\"\\]]", "\"]"}, {"[re:\"]\"|b]", "b"},
        {"[re:a\"b]/c\"d]", "a\"b]/c\"d"}, {"a/~~b", "a.b"}, {"a/[re:\\^]", "a.^"}, {"*/[re:^b$]", "a.b"},
        {"{a,b}", "a b"}, {"{ a / b , {b,0} }", "b a.b 0"}, {"{a,**}/b", "b a.b"}, {"~a", "b 0 00 a-b a]b a[b \"] a\"b]/c\"d a/b é"},
        {"~*", ""}, {"~~**", "a b 0 00 a-b a]b a[b \"] a\"b]/c\"d a/b é"},
        {"~[re:a\\]b|d]", "a b 0 00 a-b a[b \"] a\"b]/c\"d a/b é"}, {"[re:\"]", ""}, {"{[re:x\"]/b,b}", "b"},
        {"[re:[\"\\]\\]*]", "\"]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_names("", rows[i].query, names, sizeof names / sizeof *names, rows[i].expected);
}

static void test_aliases(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "a.b", "a.b.b", "x.a.b", "x.x"};
    const char *aliases = "alias last = \"&first/b\"\nalias first = \"{a,**/a}\"\nalias one = \"b\"\n";
    check_names(aliases, "&last", names, 6, "a.b x.a.b");
    check_names(aliases, "& last/b", names, 6, "a.b.b");
    check_names(aliases, "**/~&one", names, 6, "a x.x");
    check_names(aliases, "&one", names, 6, "b");
}

/* ---- messages ---- */

static const struct { const char *aliases, *query, *expected; } messages_of[] = {
    {"", "[qtag:a\"b\"c\"d]",
     "a.qr:3:16: error[Q0407]: tags with a quote that has no other to pair with, beside further quotes or a backslash\n"
     "    3 |   mpath \"[qtag:a\\\"b\\\"c\\\"d]\" => w\n"
     "      |                ^~~~~~~~~~\n"},
    {"", "",
     "a.qr:3:10: error[Q0407]: expected a name, `*`, `**`, `~`, `{`, `&` or `[` at position 0, saw the end\n"
     "    3 |   mpath \"\" => w\n"
     "      |          ^\n"},
    {"", "layers.0",
     "a.qr:3:16: error[Q0407]: expected `/` or the end at position 6, saw `.`\n"
     "    3 |   mpath \"layers.0\" => w\n"
     "      |                ^\n"
     "  help: modules are separated by `/`; a name with other characters than letters, digits and `_` is written [re:…]\n"},
    {"", "a/q-proj",
     "a.qr:3:13: error[Q0407]: expected `/` or the end at position 3, saw `-`\n"
     "    3 |   mpath \"a/q-proj\" => w\n"
     "      |             ^\n"
     "  help: a name with other characters than letters, digits and `_` is written [re:…]\n"},
    {"", "a//b",
     "a.qr:3:12: error[Q0407]: expected a name, `*`, `**`, `~`, `{`, `&` or `[` at position 2, saw `/`\n"
     "    3 |   mpath \"a//b\" => w\n"
     "      |            ^\n"},
    {"", "{a,b",
     "a.qr:3:14: error[Q0407]: expected `,` or `}` at position 4, saw the end\n"
     "    3 |   mpath \"{a,b\" => w\n"
     "      |              ^\n"},
    {"", "{}",
     "a.qr:3:11: error[Q0407]: expected a name, `*`, `**`, `~`, `{`, `&` or `[` at position 1, saw `}`\n"
     "    3 |   mpath \"{}\" => w\n"
     "      |           ^\n"},
    {"", "***",
     "a.qr:3:12: error[Q0407]: expected `/` or the end at position 2, saw `*`\n"
     "    3 |   mpath \"***\" => w\n"
     "      |            ^\n"},
    {"", "[regx:x]",
     "a.qr:3:11: error[Q0407]: there is no extension named `regx`\n"
     "    3 |   mpath \"[regx:x]\" => w\n"
     "      |           ^~~~\n"
     "  help: did you mean `regex`?\n"},
    {"", "[re]",
     "a.qr:3:13: error[Q0407]: expected `:` at position 3, saw `]`\n"
     "    3 |   mpath \"[re]\" => w\n"
     "      |             ^\n"},
    {"", "[1:a]",
     "a.qr:3:11: error[Q0407]: expected the name of an extension at position 1, saw `1`\n"
     "    3 |   mpath \"[1:a]\" => w\n"
     "      |           ^\n"},
    {"", "[re:x",
     "a.qr:3:15: error[Q0407]: expected `]` at position 5, saw the end\n"
     "    3 |   mpath \"[re:x\" => w\n"
     "      |               ^\n"},
    {"", "**/[re:é(]",
     "a.qr:3:18: error[Q0401]: Python's re refuses this pattern: missing ), unterminated subpattern at position 1\n"
     "    3 |   mpath \"**/[re:é(]\" => w\n"
     "      |                  ^\n"},
    {"", "[re:[ab\\](]",
     "a.qr:3:19: error[Q0401]: Python's re refuses this pattern: missing ), unterminated subpattern at position 4\n"
     "    3 |   mpath \"[re:[ab\\](]\" => w\n"
     "      |                   ^\n"},
    {"", "[cls: torch.nn.Linear]",
     "a.qr:3:15: error[Q0407]: expected the dotted name of a class, saw ` torch.nn.Linear`\n"
     "    3 |   mpath \"[cls: torch.nn.Linear]\" => w\n"
     "      |               ^\n"
     "  help: as in [cls:torch.nn.Linear], without blanks\n"},
    {"", "[cls:torch..nn]",
     "a.qr:3:21: error[Q0407]: expected the dotted name of a class, saw `torch..nn`\n"
     "    3 |   mpath \"[cls:torch..nn]\" => w\n"
     "      |                     ^\n"
     "  help: as in [cls:torch.nn.Linear], without blanks\n"},
    {"", "~",
     "a.qr:3:11: error[Q0407]: expected a name, `*`, `**`, `~`, `{`, `&` or `[` at position 1, saw the end\n"
     "    3 |   mpath \"~\" => w\n"
     "      |           ^\n"},
    {"", "~{a,b}",
     "a.qr:3:10: error[Q0407]: `~` cannot stand before `{…}`\n"
     "    3 |   mpath \"~{a,b}\" => w\n"
     "      |          ^~~~~~\n"
     "  help: names can be refused together: ~[re:a|b]\n"},
    {"alias m = \"a/b\"\n", "~&m",
     "a.qr:4:10: error[Q0407]: `~` stands before one fragment, and this alias has several\n"
     "    4 |   mpath \"~&m\" => w\n"
     "      |          ^~~\n"},
    {"", "&nothing",
     "a.qr:3:11: error[Q0407]: there is no alias named `nothing`\n"
     "    3 |   mpath \"&nothing\" => w\n"
     "      |           ^~~~~~~\n"},
    {"", "&",
     "a.qr:3:11: error[Q0407]: expected the name of an alias at position 1, saw the end\n"
     "    3 |   mpath \"&\" => w\n"
     "      |           ^\n"},
    {"alias m = \"a//b\"\n", "{&m,&m}",
     "a.qr:1:14: error[Q0407]: expected a name, `*`, `**`, `~`, `{`, `&` or `[` at position 2, saw `/`\n"
     "    1 | alias m = \"a//b\"\n"
     "      |              ^\n"},
    {"", "a/{b,**}",
     "a.qr:3:12: warning[Q0406]: here each of these means what it says; FastForward drops or never leaves an alternative that may take no module\n"
     "    3 |   mpath \"a/{b,**}\" => w\n"
     "      |            ^~~~~~\n"},
    {"", "~*",
     "a.qr:3:10: warning[Q0406]: `~` before `*` or `**` takes no module at all\n"
     "    3 |   mpath \"~*\" => w\n"
     "      |          ^~\n"},
};

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof messages_of / sizeof *messages_of; i++) {
        struct bench b;
        open_query(&b, messages_of[i].aliases, messages_of[i].query);
        assert_string_equal(messages(&b), messages_of[i].expected);
        close_recipe(&b);
    }
}

/* ---- places ---- */

static struct match_outcome match_node(struct bench *b, const char *path, const struct field *paths, size_t count, const struct module_node *node)
{
    struct subject s;
    subject_of_module(&s, path, strlen(path), false);
    s.paths = paths;
    s.path_count = count;
    s.node = node;
    return matcher_match(b->matcher, b->scratch, &s);
}

/* A module at two places is selected at either: with the parents it has there, or by the path alone. */
static void test_places(void **state)
{
    (void)state;
    static const struct field linear[] = {{"torch.nn.Linear", 15}, {"torch.nn.modules.linear.Linear", 30}}, box[] = {{"Box", 3}}, none[1];
    static const struct field paths[] = {{"a.l", 3}, {"b.l", 3}};
    struct module_node root = {0}, a = {.parent = &root, .name = {"a", 1}, .types = none, .bases = none, .tags = none}, b = a;
    b.name = (struct field){"b", 1}, b.types = box, b.type_count = 1;
    struct module_node other = {.parent = &b, .name = {"l", 1}, .types = linear, .type_count = 2, .bases = none, .tags = none}, l = other;
    l.parent = &a, l.alias = &other;
    static const struct { const char *query; int known, alone; } rows[] = { /* 1 yes, 0 no, 2 unknown; alone: the other node is not known */
        {"a/*", 1, 1}, {"b/*", 1, 1}, {"c/*", 0, 0}, {"b/[cls:Linear]", 1, 1}, {"[cls:Box]/[cls:nn.Linear]", 1, 2}, {"[cls:Box]/~[cls:Linear]", 0, 0},
        {"b/[cls:inear]", 0, 0}, {"[cls:Linear]", 0, 0}, {"~[cls:Box]/[cls:Linear]", 1, 1}, {"**/[qtag:p]", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int alone = 0; alone < 2; alone++) {
            struct bench bench;
            open_query(&bench, "", rows[i].query);
            l.alias = alone ? NULL : &other;
            struct match_outcome found = match_node(&bench, "a.l", paths, 2, &l);
            int expected = alone ? rows[i].alone : rows[i].known;
            if (found.rule != (expected == 1 ? 0 : -1) || found.unknown != (expected == 2 ? 0 : -1))
                fail_msg("%s (%d): %d %d", rows[i].query, alone, found.rule, found.unknown);
            assert_int_equal(match_node(&bench, "", NULL, 0, &root).rule, -1);
            close_recipe(&bench);
        }
}

/* ---- limits ---- */

static void check_limit(const char *begin, const char *unit, size_t count, const char *end, bool good)
{
    struct bench b;
    struct arena arena;
    arena_init(&arena, NULL);
    struct text query = text_make(&arena);
    text_add(&query, begin);
    for (size_t i = 0; i < count; i++)
        text_add(&query, unit);
    text_add(&query, end);
    open_query(&b, "", text_string(&query));
    if (!b.matcher == good)
        fail_msg("%s%s…: %.300s", begin, unit, messages(&b));
    close_recipe(&b);
    arena_close(&arena);
}

static void test_limits(void **state)
{
    (void)state;
    check_limit("", "~", 100000, "a", false);
    check_limit("", "{", 100000, "a", false);
    check_limit("", "~", 100, "a", true);
    check_limit("a", "/**/a", 1000, "", true);
    check_limit("{a", ",ab", 20000, "}", true);
    check_limit("[cls:X]", "/**/*", 20000, "", true);
    check_limit("**", "/**", 40000, "/a", true);
    check_limit("{**,a}", "/{**,a}", 20000, "", false);
    check_limit("a", "/a", 70000, "", false);
    check_limit("[re:", "\"", 20000, "x]", true);
    check_limit("[re:", "\\", 20001, "x]", false);
    check_limit("", "[", 500000, "", false);
}

/* Each alias names the one before twice: it is read once, and refused once it is too large written out. */
static void test_doubling(void **state)
{
    (void)state;
    struct bench b;
    struct arena arena;
    arena_init(&arena, NULL);
    struct text aliases = text_make(&arena);
    text_add(&aliases, "alias a0 = \"*\"\n");
    for (int i = 1; i < 60; i++)
        text_printf(&aliases, "alias a%d = \"&a%d/&a%d\"\n", i, i - 1, i - 1);
    open_query(&b, text_string(&aliases), "&a59");
    assert_null(b.matcher);
    assert_non_null(strstr(messages(&b), "with its aliases the query has more than 65536 fragments"));
    close_recipe(&b);
    open_query(&b, text_string(&aliases), "&a5");
    assert_non_null(b.matcher);
    close_recipe(&b);
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syntax), cmocka_unit_test(test_aliases), cmocka_unit_test(test_messages), cmocka_unit_test(test_places),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_doubling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
