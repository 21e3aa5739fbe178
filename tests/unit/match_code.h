/* A matcher as machine code, for the tests of its executions. Include after cmocka.h. */
#ifndef QUERN_TESTS_MATCH_CODE_H
#define QUERN_TESTS_MATCH_CODE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "codegen/kernel/provider.h"
#include "codegen/match/code.h"

struct compiled {
    struct kernel_code code;
    int32_t (*function)(const char *name, size_t size, int32_t *unknown);
};

static inline const char *generator_path(void)
{
    static char path[4096];
    const char *build = getenv("QUERN_BUILD");
    snprintf(path, sizeof path, "%s/.libs/libquern-jit.so.0", build ? build : ".");
    return path;
}

/* block_limit as in struct match_code: 0 gives the walker, MATCH_CODE_STATES code where it is small. */
static inline struct compiled compile_code(struct arena *arena, struct match_code *code, uint32_t block_limit)
{
    struct diags diags;
    struct compiled compiled = {0};
    char *object = NULL;
    size_t size;
    diags_init(&diags, arena);
    code->name = "test.match";
    code->block_limit = block_limit;
    if (!match_compile_with(generator_path(), code, kernel_target_host(), KERNEL_OUTPUT_OBJECT, true, &object, &size, &diags) ||
        !kernel_load(object, size, &compiled.code, &diags))
        fail_msg("%s", diags.first->text);
    free(object);
    memcpy(&compiled.function, &compiled.code.function, sizeof compiled.function);
    return compiled;
}

/* The rules over module paths alone, as code; NULL where they are beyond the budget. sets: as if all were. */
static inline struct match_code *code_of(struct arena *arena, const struct recipe *recipe, bool megatron_layers, bool sets)
{
    struct match_options options = {.names_only = true, .force_fallback = sets};
    struct recipe copy = *recipe;
    struct diags diags;
    copy.arena = arena;
    diags_init(&diags, arena);
    struct matcher *m = matcher_compile(&copy, &options, &diags);
    return m ? match_code_make(arena, m, megatron_layers, options.force_fallback) : NULL;
}

#endif
