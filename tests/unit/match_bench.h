/* A recipe's text, resolved and compiled, for the tests of the matcher. Include after cmocka.h. */
#ifndef QUERN_TESTS_MATCH_BENCH_H
#define QUERN_TESTS_MATCH_BENCH_H

#include "codegen/match/match.h"

/* A recipe with these rules and the config w. */
#define RULES(text) "config w { weight int8 }\nmatch first {\n" text "\n}\n"

struct bench { /* one compilation */
    struct arena arena;
    struct diags diags;
    struct recipe *recipe;
    struct matcher *matcher;
    void *scratch;
};

/* options NULL: the usual. matcher NULL: an error, which messages() shows. The scratch holds rubbish first, so that a matcher
 * that relies on zeros is found. */
static inline void open_recipe(struct bench *b, const char *text, const struct match_options *options)
{
    arena_init(&b->arena, NULL);
    diags_init(&b->diags, &b->arena);
    struct ast *ast = ast_parse(&b->arena, source_new(&b->arena, "a.qr", arena_string(&b->arena, text), strlen(text)), &b->diags);
    b->recipe = recipe_resolve(&b->arena, ast, NULL, &b->diags);
    b->matcher = b->diags.errors ? NULL : matcher_compile(b->recipe, options, &b->diags);
    if (!b->matcher)
        return;
    b->scratch = arena_alloc(&b->arena, matcher_scratch_size(b->matcher));
    memset(b->scratch, 0xa5, matcher_scratch_size(b->matcher));
    matcher_scratch_init(b->matcher, b->scratch);
}

static inline void close_recipe(struct bench *b)
{
    arena_close(&b->arena);
}

static inline const char *messages(struct bench *b)
{
    struct text out = text_make(&b->arena);
    for (const struct diag *d = b->diags.first; d; d = d->next)
        if (strcmp(diag_rows[d->code].code, "Q0311")) /* what has no effect yet is another test's matter */
            diag_print(&out, d, false);
    return text_string(&out);
}

/* The matcher's own text, read into another bench; it prints the same text, or the test fails. The caller closes *back. */
static inline struct bench *read_back(struct bench *b, struct bench *back)
{
    struct text first = text_make(&b->arena), second = text_make(&b->arena);
    matcher_print(&first, b->matcher);
    arena_init(&back->arena, NULL);
    diags_init(&back->diags, &back->arena);
    back->matcher = matcher_read(&back->arena, source_new(&back->arena, "text", first.bytes, first.size), &back->diags);
    if (!back->matcher)
        fail_msg("%s\n%s", messages(back), first.bytes);
    matcher_print(&second, back->matcher);
    assert_string_equal(first.bytes, second.bytes);
    back->scratch = arena_alloc(&back->arena, matcher_scratch_size(back->matcher));
    matcher_scratch_init(back->matcher, back->scratch);
    return back;
}

#endif
