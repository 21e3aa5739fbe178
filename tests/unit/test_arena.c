/* Arenas: what is large goes back at once, arrays grow in place or by a copy, and every chunk is released with its size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lang/arena.h"

enum { LARGE = 1 << 20 };

/* ---- an allocator that knows what is out; its memory is not zero ---- */

struct counting {
    size_t live, chunks;
};

static void *allocate_dirty(void *user, size_t size)
{
    struct counting *c = user;
    c->live += size;
    c->chunks++;
    return memset(malloc(size), 0xa5, size);
}

static void release_dirty(void *user, void *memory, size_t size)
{
    struct counting *c = user;
    c->live -= size;
    c->chunks--;
    free(memset(memory, 0x5a, size));
}

static struct allocator make_counting(struct counting *counting)
{
    return (struct allocator){.allocate = allocate_dirty, .release = release_dirty, .user = counting};
}

static bool is_zero(const unsigned char *bytes, size_t size)
{
    size_t i = 0;
    while (i < size && !bytes[i])
        i++;
    return i == size;
}

/* ---- tests ---- */

/* An array grows from a few bytes to megabytes among others; what it holds stays, what is new is zero. */
static void grow_among_others(const struct allocator *allocator)
{
    struct arena arena;
    uint32_t *numbers = NULL, *others = NULL;
    size_t count = 0, capacity = 0, other_count = 0, other_capacity = 0;
    arena_init(&arena, allocator);
    for (uint32_t i = 0; i < LARGE; i++) {
        *ARENA_PUSH(&arena, numbers, count, capacity) = i;
        if (i % 3 == 0)
            *ARENA_PUSH(&arena, others, other_count, other_capacity) = ~i;
        if (i % 4096 == 0)
            assert_true(is_zero((const unsigned char *)(numbers + count), (capacity - count) * sizeof *numbers));
    }
    for (uint32_t i = 0; i < LARGE; i++)
        assert_int_equal(numbers[i], i);
    for (uint32_t i = 0; i < other_count; i++)
        assert_int_equal(others[i], ~(3 * i));
    assert_true(arena.used < (capacity + other_capacity) * sizeof *numbers + (1 << 17));
    arena_close(&arena);
    assert_int_equal(arena.used, 0);
}

static void test_grow(void **state)
{
    (void)state;
    struct counting counting = {0};
    struct allocator allocator = make_counting(&counting);
    grow_among_others(NULL);
    grow_among_others(&allocator);
    assert_int_equal(counting.live, 0);
    assert_int_equal(counting.chunks, 0);
}

/* In any order; small memory stays. */
static void test_release(void **state)
{
    (void)state;
    struct counting counting = {0};
    struct allocator allocator = make_counting(&counting);
    struct arena arena;
    void *large[5];
    arena_init(&arena, &allocator);
    for (int i = 0; i < 5; i++) {
        large[i] = arena_alloc(&arena, LARGE + (size_t)i);
        assert_true(is_zero(large[i], LARGE + (size_t)i));
        memset(arena_alloc(&arena, 100), i, 100);
    }
    size_t chunks = counting.chunks;
    static const int order[] = {2, 0, 4, 1, 3};
    for (size_t i = 0; i < 5; i++) {
        arena_release(&arena, large[order[i]], LARGE + (size_t)order[i]);
        assert_int_equal(counting.chunks, chunks - 1 - i);
        assert_int_equal(counting.live, arena.used);
    }
    arena_release(&arena, arena_alloc(&arena, 8), 8);
    arena_release(&arena, NULL, LARGE);
    assert_int_equal(counting.chunks, chunks - 5);
    arena_close(&arena);
    assert_int_equal(counting.chunks, 0);
}

/* Whether an array that grows without end meets the arena's limit. */
static bool meets_limit(const struct allocator *allocator)
{
    struct arena arena;
    jmp_buf escape;
    arena_init(&arena, allocator);
    arena.limit = 4 * LARGE;
    arena.escape = &escape;
    bool escaped = setjmp(escape);
    if (!escaped) {
        struct arena *child = arena_open_child(&arena);
        char *bytes = NULL;
        size_t count = 0, capacity = 0;
        while (count < 8 * LARGE)
            *ARENA_PUSH(child, bytes, count, capacity) = 1;
    }
    arena_close(&arena);
    return escaped;
}

/* Whether pages move or bytes are copied. */
static void test_limit(void **state)
{
    (void)state;
    struct counting counting = {0};
    struct allocator allocator = make_counting(&counting);
    assert_true(meets_limit(NULL));
    assert_true(meets_limit(&allocator));
    assert_int_equal(counting.chunks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_release),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
