/* Fuzz target: a GGUF file of any bytes, read from memory. Nothing is expected but an end: memory is bounded by the arena's
 * limit, messages are printed. */
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include "runtime/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct diags diags;
    struct shard shard = {0};
    jmp_buf escape;
    arena_init(&arena, NULL);
    arena.escape = &escape;
    arena.limit = 1u << 28;
    if (!setjmp(escape)) {
        diags_init(&diags, &arena);
        gguf_parse(&arena, &arena, "fuzz", &(struct gguf_source){.bytes = (const char *)data, .size = (int64_t)size}, &shard, &diags);
        struct text text = text_make(&arena);
        for (const struct diag *d = diags.first; d; d = d->next)
            diag_print(&text, d, false);
    }
    arena_close(&arena);
    return 0;
}
