/* Fuzz target: a recipe of any text, in either spelling, resolved. What is accepted must print as a recipe that reads
 * back to the same text, and every spec of it likewise. Imports find the text itself. */
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "lang/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An import's text is the recipe's own: cycles of imports without files. */
static struct source *open_itself(void *user, const char *from, const char *path, struct span span, struct diags *diags)
{
    const struct source *whole = user;
    (void)from;
    (void)span;
    return source_new(diags->arena, arena_string(diags->arena, path), whole->bytes, whole->size);
}

/* NULL when there was an error */
static struct recipe *resolve(struct arena *arena, const char *bytes, size_t size, struct diags *diags)
{
    diags_init(diags, arena);
    struct source *source = source_new(arena, "fuzz", bytes, size);
    struct importer importer = {open_itself, source};
    struct recipe *recipe = recipe_resolve(arena, ast_parse(arena, source, diags), &importer, diags);
    return diags->errors ? NULL : recipe;
}

/* A spec's text is an equal spec. */
static void check_spec(struct arena *arena, const struct spec *spec)
{
    struct diags diags;
    diags_init(&diags, arena);
    struct text text = text_make(arena);
    spec_print(&text, spec);
    const struct spec *again = spec_parse(arena, text_string(&text), &diags);
    if (!again || !spec_same(spec, again))
        abort();
}

/* A recipe's text resolves to the same text. */
static void check(struct arena *arena, const char *bytes, size_t size)
{
    struct diags diags;
    struct recipe *recipe = resolve(arena, bytes, size, &diags);
    struct text messages = text_make(arena), first = text_make(arena), second = text_make(arena);
    for (const struct diag *d = diags.first; d; d = d->next)
        diag_print(&messages, d, false);
    if (!recipe)
        return;
    for (size_t i = 0; i < recipe->spec_count; i++)
        check_spec(arena, recipe->specs[i].spec);
    recipe_print(&first, recipe);
    recipe = resolve(arena, text_string(&first), first.size, &diags);
    if (!recipe)
        abort();
    recipe_print(&second, recipe);
    if (first.size != second.size || memcmp(first.bytes, second.bytes, first.size))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    jmp_buf escape;
    char *copy = malloc(size + 1); /* sources end in a NUL */
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    copy[size] = 0;
    arena_init(&arena, NULL);
    arena.escape = &escape;
    arena.limit = 1u << 28;
    if (!setjmp(escape))
        check(&arena, copy, size);
    arena_close(&arena);
    free(copy);
    return 0;
}
