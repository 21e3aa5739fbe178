/* Arena: chunked bump allocation with an escape for failure. See arena.h. */
#include "lang/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An arena of more than MUCH takes larger chunks: what malloc maps apart goes back to the system when it is freed. */
enum { CHUNK_SIZE = 64 * 1024, LARGE_CHUNK_SIZE = 512 * 1024, MUCH = 4 << 20, ALIGNMENT = 16 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size, used; /* of data */
    _Alignas(ALIGNMENT) unsigned char data[];
};

struct arena_defer {
    struct arena_defer *next;
    void (*release)(void *);
    void *resource;
};

static void *allocate_malloc(void *user, size_t size)
{
    (void)user;
    return malloc(size);
}

static void release_free(void *user, void *memory, size_t size)
{
    (void)user, (void)size;
    free(memory);
}

const struct allocator allocator_standard = {allocate_malloc, release_free, NULL};

void arena_init(struct arena *arena, const struct allocator *allocator)
{
    *arena = (struct arena){.allocator = allocator ? allocator : &allocator_standard};
}

void arena_close(struct arena *arena)
{
    for (struct arena_defer *d = arena->deferred; d; d = d->next)
        d->release(d->resource);
    while (arena->chunk) {
        struct arena_chunk *chunk = arena->chunk;
        arena->chunk = chunk->next;
        arena->allocator->release(arena->allocator->user, chunk, sizeof *chunk + chunk->size);
    }
    arena->deferred = NULL;
    arena->used = 0;
}

static _Noreturn void fail(struct arena *arena)
{
    if (arena->escape)
        longjmp(*arena->escape, 1);
    abort(); /* an entry without a recovery point: a bug of the caller, not of the input */
}

/* A large request gets a chunk of its own behind the current one, so that the current one's rest is kept. */
static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
    size_t usual = arena->used > MUCH ? LARGE_CHUNK_SIZE : CHUNK_SIZE, room = size > usual / 4 ? size : usual;
    if (room > SIZE_MAX - sizeof(struct arena_chunk) - ALIGNMENT)
        fail(arena);
    size_t total = sizeof(struct arena_chunk) + room;
    if (arena->limit && (arena->used > arena->limit || total > arena->limit - arena->used))
        fail(arena);
    struct arena_chunk *chunk = arena->allocator->allocate(arena->allocator->user, total);
    if (!chunk)
        fail(arena);
    arena->used += total;
    chunk->size = room;
    chunk->used = 0;
    if (room == size && arena->chunk) {
        chunk->next = arena->chunk->next;
        arena->chunk->next = chunk;
    } else {
        chunk->next = arena->chunk;
        arena->chunk = chunk;
    }
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT)
        fail(arena);
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct arena_chunk *chunk = arena->chunk;
    if (!chunk || chunk->size - chunk->used < size)
        chunk = add_chunk(arena, size);
    void *memory = chunk->data + chunk->used;
    chunk->used += size;
    return memset(memory, 0, size);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        fail(arena);
    return arena_alloc(arena, count * size);
}

void *arena_grow(struct arena *arena, const void *old, size_t old_count, size_t new_count, size_t size)
{
    void *memory = arena_array(arena, new_count, size);
    if (old_count)
        memcpy(memory, old, old_count * size);
    return memory;
}

char *arena_copy(struct arena *arena, const char *bytes, size_t size)
{
    if (size == SIZE_MAX)
        fail(arena);
    char *copy = arena_alloc(arena, size + 1);
    if (size)
        memcpy(copy, bytes, size);
    return copy;
}

char *arena_string(struct arena *arena, const char *string)
{
    return arena_copy(arena, string, strlen(string));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *string = arena_alloc(arena, (size_t)(size > 0 ? size : 0) + 1);
    vsnprintf(string, (size_t)(size > 0 ? size : 0) + 1, format, again);
    va_end(again);
    return string;
}

void arena_defer(struct arena *arena, void (*release)(void *), void *resource)
{
    struct arena_defer *d = ARENA_NEW(arena, struct arena_defer);
    *d = (struct arena_defer){arena->deferred, release, resource};
    arena->deferred = d;
}
