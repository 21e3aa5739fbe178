/* Passes over memory at the width of the machine's vectors: GCC's vector types, compiled once for each x86-64 level, chosen
 * when the program is loaded. See movers.h. */
#include "tool/movers.h"

#include <stdint.h>
#include <string.h>

typedef uint64_t lanes __attribute__((vector_size(64)));
enum { LANES = sizeof(lanes), STREAMS = 8 }; /* bytes of a vector; independent sums, so that loads do not wait for one another */

/* The loops are written for 64 bytes; narrower machines split each vector. */
#ifdef __SANITIZE_THREAD__ /* which is asked before it is there when a width is chosen */
#define EVERY_WIDTH
#else
#define EVERY_WIDTH __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

EVERY_WIDTH
/* All streams in one byte at the end: a result that depends on every load. */
unsigned char mover_read(const void *from, size_t size)
{
    lanes sums[STREAMS] = {0};
    const lanes *in = from;
    for (size_t i = 0; i < size / LANES; i += STREAMS)
        for (size_t j = 0; j < STREAMS; j++)
            sums[j] |= in[i + j];
    uint64_t all = 0;
    for (size_t j = 0; j < STREAMS; j++)
        for (size_t k = 0; k < 8; k++)
            all |= sums[j][k];
    return (unsigned char)(all ^ all >> 8 ^ all >> 32);
}

/* `reads` vectors become one, so that the loads cannot be left out. */
EVERY_WIDTH
void mover_move(void *to, const void *from, size_t size, size_t per_chunk)
{
    size_t writes = per_chunk / LANES, reads = MOVER_CHUNK / LANES / (writes ? writes : 1);
    const lanes *in = from;
    lanes *out = to;
    for (size_t chunk = 0; chunk < size / MOVER_CHUNK; chunk++, in += MOVER_CHUNK / LANES)
        for (size_t i = 0; i < writes; i++) {
            lanes all = in[i * reads];
            for (size_t j = 1; j < reads; j++)
                all |= in[i * reads + j];
            *out++ = all;
        }
}

/* Each vector that is read is written as many times as the expansion asks for. */
EVERY_WIDTH
void mover_spread(void *to, const void *from, size_t size, size_t per_chunk)
{
    size_t reads = per_chunk / LANES, writes = MOVER_CHUNK / LANES / (reads ? reads : 1);
    const lanes *in = from;
    lanes *out = to;
    for (size_t chunk = 0; chunk < size / MOVER_CHUNK; chunk++, out += MOVER_CHUNK / LANES)
        for (size_t i = 0; i < reads; i++) {
            lanes value = *in++;
            for (size_t j = 0; j < writes; j++)
                out[i * writes + j] = value;
        }
}
