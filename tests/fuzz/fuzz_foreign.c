/* Fuzz target: a file of another system, of any bytes. The first byte says whose (`?`: by its keys). What is read without an
 * error is printed as .qr, which must read as the same recipe, and written for every system; what a system's writer takes,
 * its reader must take. */
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include "lang/foreign.h"
#include "lang/foreign_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* NULL when there was an error. */
static struct recipe *resolve(struct arena *arena, const struct ast *ast, struct diags *diags)
{
    struct recipe *recipe = diags->errors ? NULL : recipe_resolve(arena, ast, NULL, diags);
    struct text messages = text_make(arena);
    for (const struct diag *d = diags->first; d; d = d->next)
        diag_print(&messages, d, false);
    return diags->errors ? NULL : recipe;
}

/* system NULL: by the file's own keys. */
static struct recipe *read_as(struct arena *arena, const struct foreign *system, const char *bytes, size_t size)
{
    struct diags diags;
    diags_init(&diags, arena);
    return resolve(arena, foreign_parse(arena, source_new(arena, "fuzz", bytes, size), system, &diags), &diags);
}

/* The import as .qr text gives the same resolved recipe. */
static void check_import(struct arena *arena, const struct recipe *recipe)
{
    struct diags diags;
    struct text qr = text_make(arena), first = text_make(arena), second = text_make(arena);
    diags_init(&diags, arena);
    ast_format_qr(&qr, recipe->ast);
    const struct recipe *again = resolve(arena, ast_parse_qr(arena, source_new(arena, "again", text_string(&qr), qr.size), &diags), &diags);
    if (!again)
        __builtin_trap();
    recipe_print(&first, recipe);
    recipe_print(&second, again);
    if (strcmp(text_string(&first), text_string(&second)))
        __builtin_trap();
}

/* A system that can be written and not read is not asked. */
static void check_export(struct arena *arena, const struct recipe *recipe, const struct foreign *system)
{
    struct diags diags;
    struct text text = text_make(arena);
    diags_init(&diags, arena);
    if (!system->write || !system->write(&text, recipe, &diags) || diags.errors || !system->read)
        return;
    if (!read_as(arena, system, text_string(&text), text.size))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    jmp_buf escape;
    const struct foreign *system = size && *data < FOREIGN_COUNT + '0' && *data >= '0' ? &foreign_rows[*data - '0'] : NULL;
    if (!size)
        return 0;
    arena_init(&arena, NULL);
    arena.escape = &escape;
    arena.limit = 1u << 28;
    if (!setjmp(escape)) {
        const char *bytes = arena_copy(&arena, (const char *)data + 1, size - 1);
        const struct recipe *recipe = read_as(&arena, system, bytes, size - 1);
        if (recipe)
            check_import(&arena, recipe);
        for (size_t i = 0; recipe && foreign_rule_count(recipe) && i < FOREIGN_COUNT; i++) /* some systems have no file that says nothing */
            check_export(&arena, recipe, &foreign_rows[i]);
    }
    arena_close(&arena);
    return 0;
}
