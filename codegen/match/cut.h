/* Cuts: a name as pieces of at most PIECE_MAX bytes of ASCII, each ending behind a number's dot (`model.layers.17.`) where it can,
 * and a piece as the key of a table. How a name is cut changes how fast it is read, never what is read. Inline, since it is most of
 * the time that a known name takes. Names have at least BLOCK bytes: a block at a name's end begins before the bytes that are
 * wanted, and nothing beyond the name is read. */
#ifndef QUERN_CODEGEN_MATCH_CUT_H
#define QUERN_CODEGEN_MATCH_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BLOCK = 16, WINDOW = 64, PIECE_MAX = 29 };

/* ---- blocks ---- */

typedef unsigned char block __attribute__((vector_size(BLOCK)));
typedef uint64_t words __attribute__((vector_size(BLOCK)));

static inline block load_block(const char *bytes)
{
    block b;
    memcpy(&b, bytes, sizeof b);
    return b;
}

/* The first byte lowest. */
static inline words words_of(block b)
{
    words w = (words)b;
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? w : (words){__builtin_bswap64(w[0]), __builtin_bswap64(w[1])};
}

/* The top bit of each byte, the first one lowest: elsewhere than on x86 by a product that moves eight bits beside each other. */
static inline uint32_t mask_of(block b)
{
#ifdef __SSE2__
    return (uint32_t)_mm_movemask_epi8((__m128i)b);
#else
    words w = words_of(b) >> 7 & 0x0101010101010101u;
    return (uint32_t)(w[0] * 0x0102040810204080u >> 56 | w[1] * 0x0102040810204080u >> 56 << 8);
#endif
}

static inline uint32_t find_byte(block b, char byte)
{
    return mask_of((block)(b == (unsigned char)byte));
}

static inline uint32_t find_digits(block b)
{
    typedef signed char numbers __attribute__((vector_size(BLOCK)));
    return mask_of((block)((numbers)(b + (unsigned char)(0x80 - '0')) < (signed char)(10 - 0x80)));
}

/* What bytes are, a bit each. */
struct marks {
    uint64_t dots, digits;
};

static inline struct marks mark_block(block b)
{
    return (struct marks){find_byte(b, '.'), find_digits(b)};
}

static inline struct marks join_marks(struct marks a, struct marks b, size_t shift)
{
    return (struct marks){a.dots | b.dots << shift, a.digits | b.digits << shift};
}

static inline struct marks mark_two(const char *bytes, block *all)
{
    block a = load_block(bytes), b = load_block(bytes + BLOCK);
    *all |= a | b;
    return join_marks(mark_block(a), mark_block(b), BLOCK);
}

/* ---- where a name is cut ---- */

/* Behind each number's dot and at the name's end. */
struct cuts {
    uint64_t ends, dots; /* bit n: byte from + n; of at most WINDOW bytes */
    size_t from;
};

/* From byte `at` on, as far as the window reaches: its last byte is an end, too. No ends: characters beyond ASCII are near, and the
 * name is to be read by characters. Three cases, so that no block passes the name's end. */
static inline __attribute__((always_inline)) struct cuts find_cuts(const char *bytes, size_t at, size_t size)
{
    size_t left = size - at, from = at, last;
    block all = {0};
    struct marks m;
    if (__builtin_expect(left <= 2 * BLOCK && size >= 2 * BLOCK, 1)) {
        from = size - 2 * BLOCK;
        m = mark_two(bytes + from, &all);
        last = 2 * BLOCK - 1;
    } else if (left > 2 * BLOCK) {
        size_t second = left < WINDOW ? left - 2 * BLOCK : 2 * BLOCK;
        m = join_marks(mark_two(bytes + at, &all), mark_two(bytes + at + second, &all), second);
        last = second + 2 * BLOCK - 1;
    } else {
        block first = load_block(bytes), second = load_block(bytes + size - BLOCK);
        from = 0;
        all = first | second;
        m = join_marks(mark_block(first), mark_block(second), size - BLOCK);
        last = size - 1;
    }
    uint64_t ends = ((m.dots & m.digits << 1) | (uint64_t)1 << last) & ~(uint64_t)0 << (at - from);
    return (struct cuts){__builtin_expect(mask_of(all), 0) ? 0 : ends, m.dots, from};
}

/* The length of a piece that would be too long: up to its last dot that is near enough. Bit 0 of dots is the piece's first byte. */
static inline size_t cut_early(uint64_t dots)
{
    uint32_t reach = (uint32_t)dots & (((uint32_t)1 << PIECE_MAX) - 1);
    return reach ? 32 - (size_t)__builtin_clz(reach) : PIECE_MAX;
}

/* ---- pieces ---- */

/* `end` is the 16 bytes in which the piece ends, 0 where they are not its own; a piece that ends before the name's byte 16 keeps
 * its place among the name's first 16. `begin` is the first 13 bytes of a longer piece, else 0: 29 bytes together. In the three
 * bytes that are left of begin are the length, whether the piece ends its name, where it ends when that is before byte 16, and a
 * number, not 0, by which tables know it. Two pieces with the same key, number aside, are the same bytes. All 0: no piece. */
struct piece {
    words end, begin; /* begin: the second word first */
};
enum { KIND_AT = 40, LAST_BIT = 5, EARLY_AT = 46, NUMBER_AT = 50 }; /* in begin[0] */

/* In the middle those of a block that are kept. */
static const char ones[3 * BLOCK] = {[BLOCK] = -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};

/* The piece of bytes at..end, without a number. */
static inline struct piece cut_piece(const char *bytes, size_t at, size_t end, bool last)
{
    size_t length = end - at;
    uint64_t kind = (length | (size_t)last << LAST_BIT) << KIND_AT;
    struct piece p;
    if (__builtin_expect(end < BLOCK, 0)) {
        p.end = words_of(load_block(bytes) & load_block(ones + BLOCK - at) & load_block(ones + 2 * BLOCK - end));
        kind |= (uint64_t)end << EARLY_AT;
    } else {
        p.end = words_of(load_block(bytes + end - BLOCK) & load_block(ones + (length < BLOCK ? length : BLOCK)));
    }
    p.begin = (words){kind};
    if (__builtin_expect(length > BLOCK, 0)) {
        words begin = words_of(load_block(bytes + at));
        p.begin |= (words){begin[1], begin[0]} & (words){((uint64_t)1 << KIND_AT) - 1, ~(uint64_t)0};
    }
    return p;
}

static inline bool is_piece(const struct piece *a, const struct piece *b)
{
    words number = {~(uint64_t)0 << NUMBER_AT, 0};
    block end = (block)((block)a->end == (block)b->end), begin = (block)((block)a->begin == (block)b->begin);
    return mask_of(end & (begin | (block)number)) == 0xffff;
}

static inline uint32_t number_of(const struct piece *p)
{
    return (uint32_t)(p->begin[0] >> NUMBER_AT);
}

#endif
