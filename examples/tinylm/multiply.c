/* multiply.c: y = x w in tiles that stay in registers.
 *
 * y[r][o] = sum over i of x[r][i] w[i][o], i ascending. Two widths: 4 floats, which every machine has, and 8 where the CPU has
 * AVX2. Products and sums are rounded one by one in both (-ffp-contract=off), so both give the same floats. */
#include "multiply.h"

#include <string.h>

#define INLINE __attribute__((always_inline))

enum {
    TILE_ROWS = 6,   /* of y in one tile */
    TILE_DEPTH = 256 /* inputs summed at a time: their part of w stays in the first cache */
};

/* Inlined always: a tile's addresses are constants once its loops are unrolled. */
static inline INLINE float *block_at(struct block block, int row, int column)
{
    return block.at + (long)row * block.stride + column;
}

static inline INLINE struct block block_move(struct block block, int row, int column)
{
    return (struct block){block_at(block, row, column), block.stride};
}

#define TILE_LANES 4
#define TILE_NAME baseline
#define TILE_TARGET
#include "tile.h"

#if defined __x86_64__
#define TILE_LANES 8
#define TILE_NAME avx2
#define TILE_TARGET __attribute__((target("avx2")))
#include "tile.h"
#endif

/* The CPU is asked once a part of the product, which costs nothing beside it. */
static void add_product(struct block y, struct block x, struct block w, int rows, int depth, int out)
{
#if defined __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        add_product_avx2(y, x, w, rows, depth, out);
        return;
    }
#endif
    add_product_baseline(y, x, w, rows, depth, out);
}

/* Parts of w go by in order, so every output is summed over `in` from 0 up. */
void multiply(struct block y, struct block x, struct block w, int rows, int in, int out)
{
    for (int r = 0; r < rows; r++)
        memset(block_at(y, r, 0), 0, (size_t)out * sizeof(float));
    for (int i = 0; i < in; i += TILE_DEPTH)
        add_product(y, block_move(x, 0, i), block_move(w, i, 0), rows, in - i < TILE_DEPTH ? in - i : TILE_DEPTH, out);
}
