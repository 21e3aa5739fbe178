/* Fuzz target: a module description of any bytes; what could be read is asked for by each of its names. */
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/describe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A linked description finds itself: each module by each of its paths, each state by its name; every node but the root's has a
 * parent. */
static void ask(const struct description *all)
{
    for (size_t i = 0; i < all->place_count; i++)
        if (description_module(all, all->places[i].path.bytes, all->places[i].path.size) != &all->modules[all->places[i].module])
            abort();
    for (size_t i = 0; i < all->state_count; i++)
        if (description_state(all, all->states[i].full_name) != &all->states[i])
            abort();
    for (size_t i = 0; i < all->module_count; i++) {
        const struct module_node *node = &all->modules[i].node;
        for (size_t p = 0; p < all->modules[i].path_count; p++, node = node->alias)
            if ((node->parent == NULL) != (i == 0))
                abort();
        if (node)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct diags diags;
    struct description description = {0};
    jmp_buf escape;
    arena_init(&arena, NULL);
    arena.escape = &escape;
    arena.limit = 1u << 28;
    if (!setjmp(escape)) {
        diags_init(&diags, &arena);
        struct drafting drafting = {&arena, &arena, &diags, "fuzz", &description};
        if (description_looks_like((const char *)data, size) && description_read(&drafting, (const char *)data, size))
            ask(&description);
        struct text text = text_make(&arena);
        for (const struct diag *d = diags.first; d; d = d->next)
            diag_print(&text, d, false);
    }
    arena_close(&arena);
    return 0;
}
