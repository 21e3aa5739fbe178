/* Arena: chunked bump allocation with an escape for failure. In: sizes. Out: zeroed memory that lives until the arena closes. Small
 * requests share a chunk; what is large has a chunk of its own, which can be given back or grown in place. Every product and sum of
 * sizes is checked before memory is asked for. Not thread-safe: an arena belongs to one compilation. See arena.h. */
#define _GNU_SOURCE /* mremap */
#include "lang/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* An arena of more than MUCH takes larger chunks. A request of OWN_SIZE or more has a chunk of its own. */
enum { CHUNK_SIZE = 64 * 1024, LARGE_CHUNK_SIZE = 512 * 1024, MUCH = 4 << 20, OWN_SIZE = 16 * 1024, ALIGNMENT = 16 };
enum { PAGES_SIZE = 128 * 1024 }; /* from here on the standard allocator asks the system */

/* Doubly linked, so that a chunk of its own leaves in constant time. */
struct arena_chunk {
    struct arena_chunk *next, *previous;
    size_t size, used; /* of data */
    _Alignas(ALIGNMENT) unsigned char data[];
};

struct arena_defer {
    struct arena_defer *next;
    void (*release)(void *);
    void *resource;
};

static void *allocate_standard(void *user, size_t size)
{
    (void)user;
    if (size < PAGES_SIZE)
        return calloc(1, size);
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

static void release_standard(void *user, void *memory, size_t size)
{
    (void)user;
    if (size < PAGES_SIZE)
        free(memory);
    else
        munmap(memory, size);
}

/* Pages move without a copy. */
static void *extend_standard(void *user, void *memory, size_t size, size_t larger)
{
    (void)user;
    void *pages = size < PAGES_SIZE ? MAP_FAILED : mremap(memory, size, larger, MREMAP_MAYMOVE);
    return pages == MAP_FAILED ? NULL : pages;
}

const struct allocator allocator_standard = {allocate_standard, release_standard, NULL, true, extend_standard};

void arena_init(struct arena *arena, const struct allocator *allocator)
{
    *arena = (struct arena){.allocator = allocator ? allocator : &allocator_standard};
}

static void drop_chunk(struct arena *arena, struct arena_chunk *chunk)
{
    size_t total = sizeof *chunk + chunk->size;
    if (chunk->next)
        chunk->next->previous = chunk->previous;
    *(chunk->previous ? &chunk->previous->next : &arena->chunk) = chunk->next;
    arena->used -= total;
    arena->allocator->release(arena->allocator->user, chunk, total);
}

void arena_close(struct arena *arena)
{
    for (struct arena_defer *d = arena->deferred; d; d = d->next)
        d->release(d->resource);
    while (arena->chunk)
        drop_chunk(arena, arena->chunk);
    arena->deferred = NULL;
}

/* Whatever was reached through pointers of the caller's frame stays as it is: longjmp runs no clean-up but that of arena_close. */
static _Noreturn void fail(struct arena *arena)
{
    if (arena->escape)
        longjmp(*arena->escape, 1);
    abort(); /* an entry without a recovery point: a bug of the caller, not of the input */
}

/* Size is rounded. A chunk of its own stands behind the current one, so that the current one's rest is kept. */
static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
    size_t usual = arena->used > MUCH ? LARGE_CHUNK_SIZE : CHUNK_SIZE, room = size >= OWN_SIZE ? size : usual;
    if (room > SIZE_MAX - sizeof(struct arena_chunk) - ALIGNMENT)
        fail(arena);
    size_t total = sizeof(struct arena_chunk) + room;
    if (arena->limit && (arena->used > arena->limit || total > arena->limit - arena->used))
        fail(arena);
    struct arena_chunk *chunk = arena->allocator->allocate(arena->allocator->user, total);
    if (!chunk)
        fail(arena);
    arena->used += total;
    struct arena_chunk *previous = room == size ? arena->chunk : NULL, **place = previous ? &previous->next : &arena->chunk;
    *chunk = (struct arena_chunk){.next = *place, .previous = previous, .size = room};
    *place = chunk;
    if (chunk->next)
        chunk->next->previous = chunk;
    return chunk;
}

static size_t round_up(size_t size)
{
    return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/* Shared chunks keep an unused rest of less than OWN_SIZE at most; arenas of zeroed allocators are never cleared by hand. */
void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT)
        fail(arena);
    size = round_up(size);
    struct arena_chunk *chunk = arena->chunk;
    if (!chunk || size >= OWN_SIZE || chunk->size - chunk->used < size)
        chunk = add_chunk(arena, size);
    void *memory = chunk->data + chunk->used;
    chunk->used += size;
    return arena->allocator->zeroed ? memory : memset(memory, 0, size);
}

/* The chunk of what was allocated with this size, or NULL: it shares one.
 * Which requests have one follows from the size alone, so callers give back with the size they asked with. */
static struct arena_chunk *find_own(void *memory, size_t size)
{
    return memory && round_up(size) >= OWN_SIZE ? (struct arena_chunk *)((unsigned char *)memory - offsetof(struct arena_chunk, data)) : NULL;
}

void arena_release(struct arena *arena, void *memory, size_t size)
{
    struct arena_chunk *chunk = find_own(memory, size);
    if (chunk)
        drop_chunk(arena, chunk);
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

/* The chunk with room for size bytes, where the allocator and the limit allow it; else NULL, and all is as before. */
static struct arena_chunk *extend_chunk(struct arena *arena, struct arena_chunk *chunk, size_t size)
{
    const struct allocator *allocator = arena->allocator;
    size_t more = size - chunk->size;
    if (!allocator->extend || !allocator->zeroed || (arena->limit && more > arena->limit - arena->used))
        return NULL;
    chunk = allocator->extend(allocator->user, chunk, sizeof *chunk + chunk->size, sizeof *chunk + size);
    if (!chunk)
        return NULL;
    arena->used += more;
    chunk->size = chunk->used = size;
    *(chunk->previous ? &chunk->previous->next : &arena->chunk) = chunk;
    if (chunk->next)
        chunk->next->previous = chunk;
    return chunk;
}

void *arena_regrow(struct arena *arena, void *old, size_t old_count, size_t new_count, size_t size)
{
    struct arena_chunk *chunk = new_count < PTRDIFF_MAX / size ? find_own(old, old_count * size) : NULL;
    chunk = chunk ? extend_chunk(arena, chunk, round_up(new_count * size)) : NULL;
    if (chunk)
        return chunk->data;
    void *memory = arena_grow(arena, old, old_count, new_count, size);
    arena_release(arena, old, old_count * size);
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

/* The format is run twice: once for its size. */
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

static void close_child(void *child)
{
    arena_close(child);
}

/* A limit of 0 would mean none, so that a full arena's child has the parent's own. */
struct arena *arena_open_child(struct arena *arena)
{
    struct arena *child = ARENA_NEW(arena, struct arena);
    arena_init(child, arena->allocator);
    child->escape = arena->escape;
    child->limit = arena->limit > arena->used ? arena->limit - arena->used : arena->limit;
    arena_defer(arena, close_child, child);
    return child;
}
