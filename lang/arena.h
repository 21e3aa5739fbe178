/* Arena: the memory of one compilation. AST, IR, strings and diagnostics are allocated here and die
 * together in arena_close; nothing is freed one by one.
 * Failure: an allocation that cannot be had does not return. It jumps to the recovery point that the
 * public entry set with arena_escape; library code above the entry therefore never tests for NULL.
 * Resources that are not memory (files, LLVM handles) are registered with arena_defer and released,
 * latest first, by arena_close. */
#ifndef QUERN_LANG_ARENA_H
#define QUERN_LANG_ARENA_H

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

/* Where the arena's chunks come from; a NULL allocator means malloc and free. */
struct allocator {
    void *(*allocate)(void *user, size_t size); /* NULL when there is none left */
    void (*release)(void *user, void *memory, size_t size);
    void *user;
};

extern const struct allocator allocator_standard; /* malloc and free */

struct arena_chunk;
struct arena_defer;

struct arena {
    const struct allocator *allocator; /* borrowed */
    struct arena_chunk *chunk;         /* owned; newest first */
    struct arena_defer *deferred;      /* lives in the arena itself; newest first */
    size_t used, limit;                /* bytes taken from the allocator, and the most it may take (0: any) */
    jmp_buf *escape;                   /* where a failed allocation goes; NULL: abort */
};

/* Fills *arena; takes no memory yet. */
void arena_init(struct arena *arena, const struct allocator *allocator);
/* Runs the deferred releases, latest first, then gives every chunk back. The arena may be used again. */
void arena_close(struct arena *arena);

/* size bytes of zeroed memory aligned to 16. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
/* count * size bytes, with the product checked. */
void *arena_array(struct arena *arena, size_t count, size_t size);
/* A larger copy of old (old_count items) with room for new_count items; the old memory is abandoned. */
void *arena_grow(struct arena *arena, const void *old, size_t old_count, size_t new_count, size_t size);
char *arena_copy(struct arena *arena, const char *bytes, size_t size); /* adds a NUL */
char *arena_string(struct arena *arena, const char *string);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_defer(struct arena *arena, void (*release)(void *), void *resource);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_array((arena), (count), sizeof(type)))
/* Appends a slot to a growing array of the arena and gives its address; capacity doubles. */
#define ARENA_PUSH(arena, items, count, capacity)                                                       \
    ((count) == (capacity)                                                                              \
         ? ((items) = arena_grow((arena), (items), (count), (capacity) ? 2 * (capacity) : 8, sizeof *(items)), \
            (capacity) = (capacity) ? 2 * (capacity) : 8)                                               \
         : 0,                                                                                           \
     &(items)[(count)++])

#endif
