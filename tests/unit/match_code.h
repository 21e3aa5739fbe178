/* Machine code of this build's own code generator, for the tests of the executions. Include after cmocka.h. */
#ifndef QUERN_TESTS_MATCH_CODE_H
#define QUERN_TESTS_MATCH_CODE_H

#include <stdio.h>
#include "tests/unit/match_load.h"

/* QUERN_BUILD, as `make check` sets it, or the working directory. */
static inline const char *generator_path(void)
{
    static char path[4096];
    const char *build = getenv("QUERN_BUILD");
    snprintf(path, sizeof path, "%s/.libs/libquern-jit.so.0", build ? build : ".");
    return path;
}

/* Fails the test when the code cannot be made; kernel_unload(&compiled.code) is the caller's. */
static inline struct compiled compile_code(struct arena *arena, struct match_code *code, uint32_t block_limit)
{
    struct diags diags;
    struct compiled compiled;
    diags_init(&diags, arena);
    if (!load_code(&compiled, generator_path(), code, block_limit, &diags))
        fail_msg("%s", diags.first->text);
    return compiled;
}

#endif
