/* What the tests of the YAML form share: one arena and one list of messages a test, texts in, texts out. */
#ifndef QUERN_TESTS_YAML_HELPERS_H
#define QUERN_TESTS_YAML_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lang/ast.h"
#include "lang/yaml_value.h"

/* A test's own arena; its state. */
struct bench {
    struct arena arena;
    struct diags diags;
};

static inline int open_bench(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    arena_init(&b->arena, NULL);
    diags_init(&b->diags, &b->arena);
    *state = b;
    return 0;
}

static inline int close_bench(void **state)
{
    struct bench *b = *state;
    arena_close(&b->arena);
    free(b);
    return 0;
}

/* Begins a new list of messages. */
static inline struct source *bench_source(struct bench *b, const char *text)
{
    diags_init(&b->diags, &b->arena);
    return source_new(&b->arena, "r.yaml", arena_string(&b->arena, text), strlen(text));
}

/* Every message since the last source, as a terminal shows it. */
static inline const char *bench_messages(struct bench *b)
{
    struct text out = text_make(&b->arena);
    for (const struct diag *d = b->diags.first; d; d = d->next)
        diag_print(&out, d, false);
    return text_string(&out);
}

#define BENCH_TEST(function) cmocka_unit_test_setup_teardown(function, open_bench, close_bench)

#endif
