/* Recipes made of single atoms, for the tests of the matcher. */
#ifndef QUERN_TESTS_MATCH_HELPERS_H
#define QUERN_TESTS_MATCH_HELPERS_H

#include <string.h>
#include "codegen/match/match.h"

/* An atom and its pattern; bytes may hold anything, a NUL too. */
struct test_rule {
    int atom; /* enum atom */
    const char *bytes;
    size_t size;
};

/* The atom of a YAML type name, or -1. */
static inline int find_atom(const char *yaml_type)
{
    for (int a = 0; a < ATOM_COUNT; a++)
        if (!strcmp(atom_rows[a].yaml_type, yaml_type))
            return a;
    return -1;
}

/* As the parser would have it, with the pattern as its source. */
static inline const struct ast_predicate *make_atom(struct arena *arena, const struct test_rule *rule)
{
    struct ast_predicate *p = ARENA_NEW(arena, struct ast_predicate);
    struct source *source = source_new(arena, "pattern", arena_copy(arena, rule->bytes, rule->size), rule->size);
    p->kind = AST_ATOM;
    p->atom = (enum atom)rule->atom;
    p->pattern = (struct ast_string){source->bytes, rule->size, {source, 0, (uint32_t)rule->size}};
    p->span = p->pattern.span;
    return p;
}

/* First match over the rules, all to `skip`: which rule wins is all that is asked. */
static inline struct recipe *make_recipe(struct arena *arena, const struct test_rule *rules, size_t count)
{
    struct recipe *r = ARENA_NEW(arena, struct recipe);
    *r = (struct recipe){.arena = arena, .rule_count = count, .rules = ARENA_ARRAY(arena, count, struct rule)};
    for (size_t i = 0; i < count; i++)
        r->rules[i] = (struct rule){.predicate = make_atom(arena, &rules[i]), .origin = "rule", .name = "skip"};
    return r;
}

#endif
