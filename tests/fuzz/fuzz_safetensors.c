/* Fuzz target: a safetensors header of any bytes, in a file that has as many bytes behind the header as the input's first byte
 * says. Nothing is expected but an end. */
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include "runtime/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct diags diags;
    struct shard shard;
    jmp_buf escape;
    unsigned char tail = size ? data[0] : 0; /* bytes of data behind the header */
    arena_init(&arena, NULL);
    arena.escape = &escape;
    arena.limit = 1u << 28;
    if (!setjmp(escape)) {
        diags_init(&diags, &arena);
        size_t header = size ? size - 1 : 0;
        safetensors_parse(&arena, "fuzz", (const char *)data + (size > 0), header, 8 + (int64_t)header + tail, &shard, &diags);
        struct text text = text_make(&arena);
        for (const struct diag *d = diags.first; d; d = d->next)
            diag_print(&text, d, false);
    }
    arena_close(&arena);
    return 0;
}
