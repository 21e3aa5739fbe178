/* Cases in text files: `=== TITLE`, the input, `---`, what must come out, whole. A case's test is named by its title. */
#ifndef QUERN_TESTS_QR_CASES_H
#define QUERN_TESTS_QR_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lang/ast.h"

enum { CASES_MAX = 256 }; /* of a file; one more is read and no more */
/* Both texts are the arena's. */
struct text_case {
    const char *title;
    struct text input, expected;
};

/* Reads the cases of tests/unit/qr/NAME into the arena; the run fails when there are none. */
static inline size_t read_cases(struct arena *arena, const char *name, struct text_case *cases)
{
    const char *root = getenv("QUERN_SOURCE");
    const char *path = arena_printf(arena, "%s/tests/unit/qr/%s", root ? root : ".", name);
    FILE *file = fopen(path, "rb");
    size_t count = 0;
    char line[8192];
    struct text *into = NULL;
    while (file && fgets(line, sizeof line, file) && count <= CASES_MAX) {
        if (!strncmp(line, "=== ", 4)) {
            line[strcspn(line, "\n")] = 0;
            cases[count++] = (struct text_case){arena_string(arena, line + 4), text_make(arena), text_make(arena)};
            into = &cases[count - 1].input;
        } else if (!strcmp(line, "---\n") && into) {
            into = &cases[count - 1].expected;
        } else if (into) {
            text_add(into, line);
        }
    }
    if (file)
        fclose(file);
    if (!count)
        fprintf(stderr, "no cases in %s\n", path);
    return count;
}

/* As a terminal without colours shows them. */
static inline void add_messages(struct text *out, const struct diags *diags)
{
    for (const struct diag *d = diags->first; d; d = d->next)
        diag_print(out, d, false);
}

/* One cmocka test for each case. */
static inline int run_cases(const char *name, void (*test)(void **))
{
    struct arena arena;
    arena_init(&arena, NULL);
    struct text_case *cases = ARENA_ARRAY(&arena, CASES_MAX + 1, struct text_case);
    struct CMUnitTest *tests = ARENA_ARRAY(&arena, CASES_MAX + 1, struct CMUnitTest);
    size_t count = read_cases(&arena, name, cases);
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){cases[i].title, test, NULL, NULL, &cases[i]};
    int failed = count ? _cmocka_run_group_tests(name, tests, count, NULL, NULL) : 1;
    arena_close(&arena);
    return failed;
}

#endif
