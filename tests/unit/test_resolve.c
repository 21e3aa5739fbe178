/* Resolving: recipes with the messages and the recipe text they must give, whole, from tests/unit/resolve/ *.cases:
 *   === TITLE            begins a case; the recipe `a.qr` follows
 *   +++ NAME             begins another file, which imports can read
 *   +++ same.yaml        one that must give the same recipe text as a.qr
 *   ---                  begins what must come out: every message, then, unless there was an error, the recipe text
 * Where there is no error the recipe text must also read back to itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lang/recipe.h"

enum { FILES_MAX = 8, CASES_MAX = 512 };

struct file {
    const char *name;
    struct text text;
};
struct test_case {
    const char *place, *title;
    struct file files[FILES_MAX];
    size_t file_count;
    struct text expected;
};

static struct source *open_file(void *user, const char *from, const char *path, struct span span, struct diags *diags)
{
    struct test_case *c = user;
    (void)from;
    for (size_t i = 0; i < c->file_count; i++)
        if (!strcmp(c->files[i].name, path))
            return source_new(diags->arena, c->files[i].name, text_string(&c->files[i].text), c->files[i].text.size);
    diag_report(diags, DIAG_bad_import, span, "`%s` cannot be imported: No such file", path);
    return NULL;
}

/* Messages, and the recipe text when there was no error. */
static const char *resolve_text(struct arena *arena, struct test_case *c, const char *name, const char *bytes, size_t size, bool only_text)
{
    struct diags diags;
    diags_init(&diags, arena);
    struct importer importer = {open_file, c};
    struct ast *ast = ast_parse(arena, source_new(arena, name, bytes, size), &diags);
    struct recipe *recipe = recipe_resolve(arena, ast, &importer, &diags);
    struct text out = text_make(arena);
    for (const struct diag *d = diags.first; d && !only_text; d = d->next)
        diag_print(&out, d, false);
    if (!diags.errors)
        recipe_print(&out, recipe);
    else if (only_text)
        text_add(&out, "errors\n");
    return text_string(&out);
}

static void check_case(void **state)
{
    struct test_case *c = *state;
    struct arena arena;
    arena_init(&arena, NULL);
    const struct text *first = &c->files[0].text;
    const char *got = resolve_text(&arena, c, "a.qr", first->bytes, first->size, false);
    if (strcmp(got, text_string(&c->expected)))
        print_error("%s: %s\n--- expected\n%s--- got\n%s", c->place, c->title, text_string(&c->expected), got);
    assert_string_equal(got, text_string(&c->expected));
    const char *text = resolve_text(&arena, c, "a.qr", first->bytes, first->size, true);
    if (strcmp(text, "errors\n"))
        assert_string_equal(resolve_text(&arena, c, "again.qr", text, strlen(text), true), text);
    for (size_t i = 1; i < c->file_count; i++)
        if (!strcmp(c->files[i].name, "same.yaml"))
            assert_string_equal(resolve_text(&arena, c, "same.yaml", text_string(&c->files[i].text), c->files[i].text.size, true), text);
    arena_close(&arena);
}

/* ---- reading the cases ---- */

struct reader {
    struct arena *arena;
    struct test_case *cases;
    size_t count;
    struct text *into;
};

static void begin_file(struct reader *r, const char *name)
{
    struct test_case *c = &r->cases[r->count - 1];
    assert_true(c->file_count < FILES_MAX);
    struct file *f = &c->files[c->file_count++];
    *f = (struct file){arena_string(r->arena, name), text_make(r->arena)};
    text_add(&f->text, "");
    r->into = &f->text;
}

static void read_line(struct reader *r, char *line, const char *place)
{
    size_t end = strcspn(line, "\n");
    if (!strncmp(line, "=== ", 4)) {
        line[end] = 0;
        assert_true(r->count < CASES_MAX);
        r->cases[r->count++] = (struct test_case){.place = place, .title = arena_string(r->arena, line + 4), .expected = text_make(r->arena)};
        begin_file(r, "a.qr");
    } else if (!strncmp(line, "+++ ", 4)) {
        line[end] = 0;
        begin_file(r, line + 4);
    } else if (!strcmp(line, "---\n")) {
        r->into = &r->cases[r->count - 1].expected;
    } else if (r->into) {
        text_add(r->into, line);
    }
}

static void read_cases(struct reader *r, const char *name)
{
    const char *source = getenv("QUERN_SOURCE");
    const char *path = arena_printf(r->arena, "%s/tests/unit/resolve/%s.cases", source ? source : ".", name);
    FILE *in = fopen(path, "r");
    if (!in) {
        print_error("cannot open %s\n", path);
        exit(1);
    }
    char *line = NULL;
    size_t capacity = 0;
    r->into = NULL;
    while (getline(&line, &capacity, in) > 0)
        read_line(r, line, path);
    free(line);
    fclose(in);
}

int main(void)
{
    static const char *const files[] = {"names", "specs", "formats", "configs", "rules", "imports", "text"};
    struct arena arena;
    arena_init(&arena, NULL);
    struct reader r = {.arena = &arena, .cases = ARENA_ARRAY(&arena, CASES_MAX, struct test_case)};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        read_cases(&r, files[i]);
    struct CMUnitTest *tests = ARENA_ARRAY(&arena, r.count, struct CMUnitTest);
    for (size_t i = 0; i < r.count; i++)
        tests[i] = (struct CMUnitTest){.name = r.cases[i].title, .test_func = check_case, .initial_state = &r.cases[i]};
    int failed = _cmocka_run_group_tests("resolve", tests, r.count, NULL, NULL);
    arena_close(&arena);
    return failed;
}
