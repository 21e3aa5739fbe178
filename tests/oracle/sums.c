/* Sums of numerics.md §1.9 and the operation `error`. */
#include "tests/oracle/oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 64, CHUNK = 4096 };

/* Lanes are added as halves: lane i + lane i + 32, then i + 16, ... */
static double add_lanes(double *lane)
{
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            lane[i] += lane[i + width];
    return lane[0];
}

double oracle_sum(const double *values, int64_t count)
{
    double total = 0;
    for (int64_t chunk = 0; chunk < count; chunk += CHUNK) {
        double lane[LANES] = {0};
        for (int64_t i = chunk; i < count && i < chunk + CHUNK; i++)
            lane[(i - chunk) % LANES] += values[i];
        total += add_lanes(lane);
    }
    return total;
}

/* One term per element and sum; 0 where x is not finite. */
struct terms {
    double *e2, *x2, *y2, *xy; /* owned */
};

static void fill_terms(struct terms *terms, int64_t i, float x, float y, struct kernel_sums *sums)
{
    double e = (double)x - (double)y;
    terms->e2[i] = e * e;
    terms->x2[i] = (double)x * (double)x;
    terms->y2[i] = (double)y * (double)y;
    terms->xy[i] = (double)x * (double)y;
    if (fabs(e) > sums->max_error)
        sums->max_error = fabs(e);
}

/* e = x - y in f64 from the f32 values of both (y before any rounding to x's dtype), every product rounded to
 * f64, then added. saturated: see oracle_code; a block of nvfp4 whose scale is 0 divides nothing and clamps nothing. */
void oracle_error(const struct oracle *oracle, const void *x, const void *codes, const void *scale, const int32_t *zero,
                  float second, struct kernel_sums *sums)
{
    int64_t n = oracle->storage.elements;
    double *memory = calloc((size_t)(4 * n + 1), sizeof *memory);
    struct terms terms = {memory, memory + n, memory + 2 * n, memory + 3 * n};
    memset(sums, 0, sizeof *sums);
    for (int64_t i = 0; i < n; i++) {
        struct oracle_block block = oracle_block_at(oracle, scale, zero, second, i);
        float v = oracle_load(oracle->dtype, x, i);
        bool saturated;
        sums->nan += isnan(v) != 0;
        sums->inf += isinf(v) != 0;
        oracle_code(oracle, block, v, &saturated);
        sums->saturated += saturated;
        if (isfinite(v))
            fill_terms(&terms, i, v, oracle_widen(oracle, block, oracle_get_code(oracle->spec, &oracle->storage, codes, i)), sums);
    }
    sums->e2 = oracle_sum(terms.e2, n);
    sums->x2 = oracle_sum(terms.x2, n);
    sums->y2 = oracle_sum(terms.y2, n);
    sums->xy = oracle_sum(terms.xy, n);
    free(memory);
}
