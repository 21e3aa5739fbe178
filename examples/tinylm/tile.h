/* tile.h: add_product for one vector width; multiply.c includes it once per width.
 *
 * In: TILE_LANES, the floats of a vector; TILE_NAME, the function's name; TILE_TARGET, its attributes.
 * The tile of y is TILE_ROWS rows of two vectors, TILE_ROWS + 3 registers in pairs with those of x and w: it fits in 16. */

#define TILE_JOIN(a, b) a##_##b
#define TILE_SUFFIX(a, b) TILE_JOIN(a, b)
#define TILE(name) TILE_SUFFIX(name, TILE_NAME)

typedef float TILE(lanes) __attribute__((vector_size(TILE_LANES * sizeof(float)), aligned(4), may_alias));

/* Two vectors of outputs side by side: an input is loaded once for both. */
struct TILE(pair) {
    TILE(lanes) low, high;
};

/* y += x w for up to TILE_ROWS rows and one pair of vectors of outputs; w is packed. */
TILE_TARGET static inline INLINE void TILE(add_tile)(struct block y, struct block x, const struct TILE(pair) *w, int rows, int depth)
{
    struct TILE(pair) sum[TILE_ROWS];

#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
        sum[r] = *(struct TILE(pair) *)block_at(y, r, 0);
    for (int i = 0; i < depth; i++) {
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) {
            float factor = *block_at(x, r, i);
            sum[r].low += factor * w[i].low;
            sum[r].high += factor * w[i].high;
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
        *(struct TILE(pair) *)block_at(y, r, 0) = sum[r];
}

/* y[rows][out] += x[rows][depth] w[depth][out], depth <= TILE_DEPTH, out a multiple of two vectors. */
TILE_TARGET static void TILE(add_product)(struct block y, struct block x, struct block w, int rows, int depth, int out)
{
    struct TILE(pair) packed[TILE_DEPTH];

    for (int o = 0; o < out; o += 2 * TILE_LANES) {
        int r = 0;
        for (int i = 0; i < depth; i++)
            packed[i] = *(struct TILE(pair) *)block_at(w, i, o);
        for (; r + TILE_ROWS <= rows; r += TILE_ROWS)
            TILE(add_tile)(block_move(y, r, o), block_move(x, r, 0), packed, TILE_ROWS, depth);
        for (; r < rows; r++)
            TILE(add_tile)(block_move(y, r, o), block_move(x, r, 0), packed, 1, depth);
    }
}

#undef TILE_JOIN
#undef TILE_SUFFIX
#undef TILE
#undef TILE_LANES
#undef TILE_NAME
#undef TILE_TARGET
