/* What the fuzz targets of patterns share: the input is a pattern, a NUL, and names separated by NULs. The minimised automaton,
 * the linear-time engine, the verdicts and the text read back must agree on every name. */
#ifndef QUERN_TESTS_FUZZ_MATCH_H
#define QUERN_TESTS_FUZZ_MATCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "tests/unit/match_helpers.h"

/* The caller frees it. */
static inline void *open_scratch(const struct matcher *m)
{
    void *scratch = malloc(matcher_scratch_size(m)); /* not the arena's, which would clear all of it */
    if (!scratch)
        abort();
    matcher_scratch_init(m, scratch);
    return scratch;
}

/* On every name: the same rule, and a verdict of yes exactly where the only rule wins. */
static inline void compare_engines(const struct matcher *a, const struct matcher *b, const char *names, size_t size)
{
    void *first = open_scratch(a), *second = open_scratch(b);
    for (size_t at = 0, end; at <= size; at = end + 1) {
        const char *nul = at < size ? memchr(names + at, 0, size - at) : NULL;
        struct subject s;
        unsigned char verdict;
        end = nul ? (size_t)(nul - names) : size;
        subject_of_module(&s, names + at, end - at, false);
        int x = matcher_match(a, first, &s).rule, y = matcher_match(b, second, &s).rule;
        matcher_verdicts(a, first, &s, &verdict);
        if (x != y || (verdict == 1) != (x == 0))
            abort();
    }
    free(first);
    free(second);
}

/* The matcher's text read back, which must print the same text. */
static inline struct matcher *read_again(struct arena *arena, const struct matcher *m, struct diags *diags)
{
    struct text first = text_make(arena), second = text_make(arena);
    matcher_print(&first, m);
    struct matcher *back = matcher_read(arena, source_new(arena, "text", text_string(&first), first.size), diags);
    if (!back)
        abort();
    matcher_print(&second, back);
    if (first.size != second.size || memcmp(first.bytes, second.bytes, first.size))
        abort();
    return back;
}

/* The pattern as each of the atoms. A budget of 600 states makes larger automata fall back; force_fallback is the linear-time
 * engine. What is refused must have a message. */
static inline void fuzz_pattern(const uint8_t *data, size_t size, const enum atom *atoms, size_t atom_count)
{
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t pattern = nul ? (size_t)(nul - data) : size, names = nul ? size - pattern - 1 : 0;
    for (size_t i = 0; i < atom_count; i++) {
        struct arena arena;
        struct diags diags;
        struct match_options table = {.state_budget = 600}, linear = {.force_fallback = true};
        arena_init(&arena, NULL);
        diags_init(&diags, &arena);
        struct test_rule rule = {atoms[i], (const char *)data, pattern};
        const struct recipe *recipe = make_recipe(&arena, &rule, 1);
        struct matcher *m = matcher_compile(recipe, &table, &diags);
        struct text messages = text_make(&arena);
        for (const struct diag *d = diags.first; d; d = d->next)
            diag_print(&messages, d, false);
        if (m) {
            const char *bytes = (const char *)data + pattern + (nul != NULL);
            compare_engines(m, matcher_compile(recipe, &linear, &diags), bytes, names);
            compare_engines(m, read_again(&arena, m, &diags), bytes, names);
        } else if (!diags.errors) {
            abort();
        }
        arena_close(&arena);
    }
}

#endif
