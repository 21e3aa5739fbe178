/* A matcher as machine code that is loaded and can be called, for tests and fuzz targets. */
#ifndef QUERN_TESTS_MATCH_LOAD_H
#define QUERN_TESTS_MATCH_LOAD_H

#include <stdlib.h>
#include <string.h>
#include "codegen/kernel/provider.h"
#include "codegen/match/code.h"

/* function is the code's own; it is valid until kernel_unload(&code). */
struct compiled {
    struct kernel_code code;
    int32_t (*function)(const char *name, size_t size, int32_t *unknown);
};

/* generator: as in match_compile_with. block_limit as in struct match_code: 0 gives the walker, MATCH_CODE_STATES code where it is
 * small. False: with a diagnostic. */
static inline bool load_code(struct compiled *compiled, const char *generator, struct match_code *code, uint32_t block_limit, struct diags *diags)
{
    char *object = NULL;
    size_t size;
    *compiled = (struct compiled){0};
    code->name = "test.match";
    code->block_limit = block_limit;
    bool loaded = match_compile_with(generator, code, kernel_target_host(), KERNEL_OUTPUT_OBJECT, true, &object, &size, diags) &&
                  kernel_load(object, size, &compiled->code, diags);
    free(object);
    memcpy(&compiled->function, &compiled->code.function, sizeof compiled->function);
    return loaded;
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
