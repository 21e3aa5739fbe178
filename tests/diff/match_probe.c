/* Answers questions about patterns for the differential test. Each line of stdin is a JSON list [KIND, PATTERN, SUBJECT…] with KIND
 * an atom's YAML name; the answer is one line: a bit for each subject, or `ERR CODE MESSAGE`. With an argument the
 * linear-time engine answers. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/match_helpers.h"

static void answer(json_t *line, bool fallback)
{
    struct arena arena;
    struct diags diags;
    arena_init(&arena, NULL);
    diags_init(&diags, &arena);
    const char *kind = json_string_value(json_array_get(line, 0));
    json_t *pattern = json_array_get(line, 1);
    struct match_options options = {.force_fallback = fallback};
    struct test_rule rule = {find_atom(kind), json_string_value(pattern), json_string_length(pattern)};
    struct matcher *m = matcher_compile(make_recipe(&arena, &rule, 1), &options, &diags);
    if (!m) {
        printf("ERR %s ", diag_rows[diags.first->code].code);
        for (const char *c = diags.first->text; *c; c++)
            putchar(*c == '\n' ? ' ' : *c); /* an answer is one line */
        putchar('\n');
        arena_close(&arena);
        return;
    }
    void *scratch = arena_alloc(&arena, matcher_scratch_size(m));
    matcher_scratch_init(m, scratch);
    for (size_t i = 2; i < json_array_size(line); i++) {
        json_t *name = json_array_get(line, i);
        struct subject s;
        subject_of_module(&s, json_string_value(name), json_string_length(name), false);
        putchar(matcher_match(m, scratch, &s).rule == 0 ? '1' : '0');
    }
    putchar('\n');
    arena_close(&arena);
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t capacity = 0;
    (void)argv;
    while (getline(&line, &capacity, stdin) > 0) {
        json_error_t error;
        json_t *value = json_loads(line, JSON_ALLOW_NUL, &error);
        if (!value)
            printf("ERR JSON %s\n", error.text);
        else
            answer(value, argc > 1);
        json_decref(value);
    }
    free(line);
    return 0;
}
