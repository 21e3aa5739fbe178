/* Arena: the memory of one compilation. AST, IR, strings and diagnostics are allocated here and die
 * together in arena_close. What is large has a chunk of its own and can go before, as an array that has grown does.
 * Failure: an allocation that cannot be had does not return. It jumps to the recovery point that the
 * public entry set with arena_escape; library code above the entry therefore never tests for NULL.
 * Resources that are not memory (files, LLVM handles) are registered with arena_defer and released,
 * latest first, by arena_close. */
#ifndef QUERN_LANG_ARENA_H
#define QUERN_LANG_ARENA_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the arena's chunks come from; a NULL allocator means the standard one. */
struct allocator {
    void *(*allocate)(void *user, size_t size); /* NULL when there is none left */
    void (*release)(void *user, void *memory, size_t size);
    void *user;
    bool zeroed; /* what allocate gives is zero: then pages that nobody writes are never there */
    /* The same bytes, maybe elsewhere, with room for more; NULL: not so, and memory stays. May be NULL itself. */
    void *(*extend)(void *user, void *memory, size_t size, size_t larger);
};

/* calloc and free; from 128 KB on, pages of the system, which go back to it when they are released. */
extern const struct allocator allocator_standard;

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
/* A larger copy of old (old_count items) with room for new_count items; old stays. */
void *arena_grow(struct arena *arena, const void *old, size_t old_count, size_t new_count, size_t size);
/* The same for an array of this arena that was made for old_count items: old is released. */
void *arena_regrow(struct arena *arena, void *old, size_t old_count, size_t new_count, size_t size);
/* Gives back memory that this arena made for this size, when it is large; else it stays until arena_close. NULL: nothing. */
void arena_release(struct arena *arena, void *memory, size_t size);
char *arena_copy(struct arena *arena, const char *bytes, size_t size); /* adds a NUL */
char *arena_string(struct arena *arena, const char *string);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_defer(struct arena *arena, void (*release)(void *), void *resource);
/* A second arena for what is not kept: it fails as the first does, and is closed with it, or before by arena_close. */
struct arena *arena_open_child(struct arena *arena);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_array((arena), (count), sizeof(type)))
/* Appends a slot to a growing array of the arena and gives its address; capacity doubles, and the old array is released:
 * no pointer into it may be left. */
#define ARENA_PUSH(arena, items, count, capacity)                                                       \
    ((count) == (capacity)                                                                              \
         ? ((items) = arena_regrow((arena), (items), (count), (capacity) ? 2 * (capacity) : 8, sizeof *(items)), \
            (capacity) = (capacity) ? 2 * (capacity) : 8)                                               \
         : 0,                                                                                           \
     &(items)[(count)++])

#endif
