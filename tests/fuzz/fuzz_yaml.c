/* Fuzz target: a recipe of any bytes, in either spelling. What is read without an error is printed in the YAML form, and
 * the print must read without an error, be the same recipe and print the same. */
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include "lang/recipe.h"
#include "lang/yaml_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ast *parse(struct arena *arena, struct diags *diags, const char *bytes, size_t size)
{
    diags_init(diags, arena);
    return ast_parse(arena, source_new(arena, "fuzz", bytes, size), diags);
}

/* The recipe's own text; NULL when it has errors. */
static const char *resolve(struct arena *arena, const struct ast *ast)
{
    struct diags diags;
    struct text out = text_make(arena);
    diags_init(&diags, arena);
    const struct recipe *recipe = recipe_resolve(arena, ast, NULL, &diags);
    if (diags.errors)
        return NULL;
    recipe_print(&out, recipe);
    return text_string(&out);
}

/* Through YAML and back, the recipe is the same and so is the YAML. */
static void check_again(struct arena *arena, const struct ast *ast)
{
    struct diags diags;
    struct text once = text_make(arena), twice = text_make(arena);
    const char *recipe = resolve(arena, ast);
    if (!recipe && ast->spelling == SPELLING_QR)
        return; /* what is declared twice cannot be said in YAML */
    ast_format_yaml(&once, ast);
    const struct ast *again = parse(arena, &diags, text_string(&once), once.size);
    if (diags.errors && ast->decls)
        __builtin_trap();
    if (diags.errors)
        return;
    const char *translated = resolve(arena, again);
    if (recipe && (!translated || strcmp(recipe, translated)))
        __builtin_trap();
    ast_format_yaml(&twice, again);
    if (strcmp(text_string(&once), text_string(&twice)))
        __builtin_trap();
}

/* A value in flow form on its own, as configs keep payloads. */
static void read_flow(struct arena *arena, struct diags *diags, const char *bytes, size_t size)
{
    struct source *source = source_new(arena, "fuzz", bytes, size);
    uint32_t end = size ? yaml_flow_end(source, 0) : 0;
    const char *json = end ? yaml_flow_json(arena, source, (struct span){source, 0, end}, diags) : NULL;
    struct text out = text_make(arena);
    if (json)
        yaml_print_json(&out, json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct diags diags;
    jmp_buf escape;
    arena_init(&arena, NULL);
    arena.escape = &escape;
    arena.limit = 1u << 28;
    if (!setjmp(escape)) {
        const char *bytes = arena_copy(&arena, (const char *)data, size);
        const struct ast *ast = parse(&arena, &diags, bytes, size);
        struct text text = text_make(&arena);
        for (const struct diag *d = diags.first; d; d = d->next)
            diag_print(&text, d, false);
        if (!diags.errors)
            check_again(&arena, ast);
        read_flow(&arena, &diags, bytes, size);
    }
    arena_close(&arena);
    return 0;
}
