/* Buffers that end, or begin, at a page nobody may touch: a kernel that reads or writes one byte too far stops the test. */
#include "tests/unit/kernels.h"

#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, MARGIN = 64, FILLER = 0xa5 }; /* MARGIN: bytes beside a buffer that are known */

/* The whole is inaccessible first; what lies between the outer pages is then opened. */
void fence_open(struct fence *fence, size_t size)
{
    fence->size = (size + 2 * MARGIN + PAGE - 1) / PAGE * PAGE;
    fence->map = mmap(NULL, fence->size + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(fence->map, MAP_FAILED);
    assert_int_equal(mprotect(fence->map + PAGE, fence->size, PROT_READ | PROT_WRITE), 0);
}

void fence_close(struct fence *fence)
{
    munmap(fence->map, fence->size + 2 * PAGE);
}

static char *lowest(const struct fence *fence)
{
    return fence->map + PAGE;
}

static char *highest(const struct fence *fence)
{
    return fence->map + PAGE + fence->size;
}

/* EDGE_END: the last element ends at the page, up to its alignment. EDGE_BEGIN: the first begins there. */
void *fence_place(struct fence *fence, enum edge edge, size_t bytes, size_t alignment, const void *content)
{
    char *at = lowest(fence);
    assert_true(bytes + 2 * MARGIN <= fence->size);
    if (edge == EDGE_END)
        at = highest(fence) - (bytes + alignment - 1) / alignment * alignment;
    if (edge == EDGE_ODD)
        at += MARGIN + alignment; /* aligned to its elements and no better */
    char *from = at - MARGIN < lowest(fence) ? lowest(fence) : at - MARGIN;
    char *to = at + bytes + MARGIN > highest(fence) ? highest(fence) : at + bytes + MARGIN;
    memset(from, FILLER, (size_t)(to - from));
    if (content && bytes)
        memcpy(at, content, bytes);
    fence->at = at;
    fence->bytes = bytes;
    return at;
}

/* Within the accessible pages: beyond them a write would not have returned. */
bool fence_intact(const struct fence *fence)
{
    const char *end = fence->at + fence->bytes;
    for (const char *p = fence->at - MARGIN; p < end + MARGIN; p++) {
        bool outside = p < fence->at || p >= end;
        if (outside && p >= lowest(fence) && p < highest(fence) && (unsigned char)*p != FILLER)
            return false;
    }
    return true;
}
