/* Reading recipe files and importing beside them: what is read, and every refusal with its whole message. The files
 * lie in a directory of the test's own, which is the working directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lang/import.h"

static char directory[] = "/tmp/quern-import-XXXXXX";

static void write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(directory) || chdir(directory))
        return -1;
    write_file("outside.qr", "spec w = int8\n");
    if (mkdir("top", 0700) || mkdir("top/sub", 0700) || mkfifo("top/pipe", 0600))
        return -1;
    write_file("top/lib.qr", "config k { weight int8 }\n");
    write_file("top/sub/deep.qr", "import \"../lib.qr\"\n");
    int failed = symlink("../outside.qr", "top/leads_out.qr") | symlink("..", "top/up") | symlink("lib.qr", "top/leads_in.qr") |
                 symlink("loop.qr", "top/loop.qr") | symlink(".", "top/here");
    return failed ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return chdir("/") | system(command);
}

/* Every message, then "read" when there was no error. */
static const char *resolve_file(struct arena *arena, const char *path, const char *text)
{
    struct diags diags;
    diags_init(&diags, arena);
    if (text)
        write_file(path, text);
    struct source *source = source_read_file(arena, path, &diags);
    struct importer_directory importer;
    importer_directory_init(&importer, arena, path);
    if (source)
        recipe_resolve(arena, ast_parse(arena, source, &diags), &importer.importer, &diags);
    struct text out = text_make(arena);
    for (const struct diag *d = diags.first; d; d = d->next)
        diag_print(&out, d, false);
    text_add(&out, diags.errors ? "" : "read");
    return text_string(&out);
}

static void expect(const char *path, const char *text, const char *expected)
{
    struct arena arena;
    arena_init(&arena, NULL);
    assert_string_equal(resolve_file(&arena, path, text), expected);
    arena_close(&arena);
}

/* A recipe that imports `path`, and what is said about it. */
static void expect_import(const char *path, const char *code, const char *fault)
{
    char text[300], expected[600], carets[100] = "";
    snprintf(text, sizeof text, "import \"%s\"", path);
    memset(carets, '~', strlen(path) + 1);
    snprintf(expected, sizeof expected, "top/a.qr:1:8: error[%s]: `%s` cannot be imported: %s\n    1 | %s\n      |        ^%s\n",
             code, path, fault, text, carets);
    expect("top/a.qr", text, expected);
}

static void test_imports_beside(void **state)
{
    (void)state;
    expect("top/a.qr", "import \"lib.qr\"\nmatch first { _ => k }", "read");
    expect("top/a.qr", "import \"sub/deep.qr\"\nmatch first { _ => k }", "read");
    expect("top/a.qr", "import \"./sub/..//lib.qr\"\nmatch first { _ => k }", "read");
    expect("top/a.qr", "import \"leads_in.qr\"\nimport \"lib.qr\"\nmatch first { _ => k }", "read");
    expect("top/a.qr", "import \"here/here/lib.qr\"\nimport \"lib.qr\"\nmatch first { _ => k }", "read");
}

static void test_imports_in_working_directory(void **state)
{
    (void)state;
    expect("b.qr", "import \"top/lib.qr\"\nmatch first { _ => k }", "read");
    expect("./b.qr", "import \"top/lib.qr\"\nmatch first { _ => k }", "read");
}

static void test_imports_outside(void **state)
{
    (void)state;
    expect_import("../outside.qr", "Q0702", "it leads out of the recipe's directory");
    expect_import("sub/../../outside.qr", "Q0702", "it leads out of the recipe's directory");
    expect_import("leads_out.qr", "Q0702", "it leads out of the recipe's directory");
    expect_import("up/outside.qr", "Q0702", "it leads out of the recipe's directory");
    expect_import("/etc/passwd", "Q0702", "the path is absolute");
}

static void test_imports_of_no_file(void **state)
{
    (void)state;
    expect_import("", "Q0701", "the path is empty");
    expect_import("missing.qr", "Q0701", "No such file or directory");
    expect_import("loop.qr", "Q0701", "Too many levels of symbolic links");
    expect_import("sub", "Q0701", "it is not a regular file");
    expect_import("pipe", "Q0701", "it is not a regular file");
    expect_import("lib.qr/x", "Q0701", "Not a directory");
}

static void test_import_cycles(void **state)
{
    (void)state;
    write_file("top/c.qr", "import \"here/a.qr\"");
    expect("top/a.qr", "import \"c.qr\"",
           "top/c.qr:1:8: error[Q0703]: `top/a.qr` imports itself: top/a.qr -> top/c.qr -> top/a.qr\n"
           "    1 | import \"here/a.qr\"\n      |        ^~~~~~~~~~~\n");
}

static void test_import_too_large(void **state)
{
    (void)state;
    write_file("top/huge.qr", "");
    assert_int_equal(truncate("top/huge.qr", (off_t)SOURCE_SIZE_MAX + 1), 0);
    expect("top/a.qr", "import \"huge.qr\"",
           "top/a.qr:1:8: error[Q0005]: `huge.qr`: a recipe has at most 256 MiB\n    1 | import \"huge.qr\"\n      |        ^~~~~~~~~\n");
    expect("top/huge.qr", NULL, "top/huge.qr: error[Q0005]: a recipe has at most 256 MiB\n");
}

/* A chain of files one deeper than the limit. */
static void test_imports_too_deep(void **state)
{
    (void)state;
    char name[40], text[60];
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "top/d%d.qr", i);
        snprintf(text, sizeof text, "import \"d%d.qr\"", i + 1);
        write_file(name, text);
    }
    expect("top/d0.qr", NULL,
           "top/d128.qr:1:8: error[Q0005]: a recipe imports at most 1000 files, 128 deep\n"
           "    1 | import \"d129.qr\"\n      |        ^~~~~~~~~\n");
}

/* path imports the files from begin to before end; before_it is what stands on its first line. */
static void write_imports(const char *path, const char *before_it, int begin, int end)
{
    char name[40];
    FILE *out = fopen(path, "w");
    fprintf(out, "%s\n", before_it);
    for (int i = begin; i < end; i++) {
        snprintf(name, sizeof name, "top/m%d.qr", i);
        write_file(name, "set s = _");
        fprintf(out, "import \"m%d.qr\" as m%d\n", i, i);
    }
    fclose(out);
}

static void test_too_many_imports(void **state)
{
    (void)state;
    write_imports("top/many.qr", "# one file", 0, 1005);
    expect("top/many.qr", NULL,
           "top/many.qr:1002:8: error[Q0005]: a file has at most 1000 imports\n"
           " 1002 | import \"m1000.qr\" as m1000\n      |        ^~~~~~~~~~\n");
    write_imports("top/half.qr", "# the first half", 0, 600);
    write_imports("top/many.qr", "import \"half.qr\" as half", 600, 1005);
    expect("top/many.qr", NULL,
           "top/many.qr:401:8: error[Q0005]: a recipe imports at most 1000 files, 128 deep\n"
           "  401 | import \"m999.qr\" as m999\n      |        ^~~~~~~~~\n");
}

static void test_files_that_cannot_be_read(void **state)
{
    (void)state;
    expect("nowhere.qr", NULL, "nowhere.qr: error[Q0001]: cannot be read: No such file or directory\n");
    expect("top", NULL, "top: error[Q0001]: cannot be read: it is a directory\n");
    expect("/dev/zero", NULL, "/dev/zero: error[Q0001]: cannot be read: it is a device\n");
    expect("/dev/null", NULL, "/dev/null: error[Q0001]: cannot be read: it is a device\n");
}

/* Standard input is a pipe with the text. */
static void test_standard_input(void **state)
{
    static const char text[] = "import \"top/lib.qr\" match first { _ => k }";
    (void)state;
    int ends[2], input = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, sizeof text - 1), sizeof text - 1);
    close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    expect("-", NULL, "read");
    dup2(input, STDIN_FILENO);
    close(input);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_imports_beside), cmocka_unit_test(test_imports_in_working_directory),
        cmocka_unit_test(test_imports_outside), cmocka_unit_test(test_imports_of_no_file), cmocka_unit_test(test_import_cycles),
        cmocka_unit_test(test_import_too_large), cmocka_unit_test(test_imports_too_deep), cmocka_unit_test(test_too_many_imports),
        cmocka_unit_test(test_files_that_cannot_be_read), cmocka_unit_test(test_standard_input),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
