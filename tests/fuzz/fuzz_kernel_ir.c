/* Fuzz target: kernel IR text of any bytes. What is read and verified is printed, and the print must read and print
 * the same. */
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include "codegen/kernel/ir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct kernel_ir *read_text(struct arena *arena, struct diags *diags, const char *bytes, size_t size)
{
    diags_init(diags, arena);
    return kernel_read(arena, source_new(arena, "fuzz", bytes, size), diags);
}

/* What was printed is read without an error, and prints the same. */
static void check_again(struct arena *arena, const struct kernel_ir *ir)
{
    struct diags diags;
    struct text once = text_make(arena), twice = text_make(arena);
    kernel_print(&once, ir);
    const struct kernel_ir *again = read_text(arena, &diags, text_string(&once), once.size);
    if (!again)
        __builtin_trap();
    kernel_print(&twice, again);
    if (strcmp(text_string(&once), text_string(&twice)))
        __builtin_trap();
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
        struct kernel_ir *ir = read_text(&arena, &diags, arena_copy(&arena, (const char *)data, size), size);
        struct text text = text_make(&arena);
        for (const struct diag *d = diags.first; d; d = d->next)
            diag_print(&text, d, false);
        if (ir)
            check_again(&arena, ir);
        else if (!diags.errors)
            __builtin_trap();
    }
    arena_close(&arena);
    return 0;
}
