/* The yardsticks of `quern bench`: passes over memory without arithmetic, which no kernel that moves as many bytes can beat by
 * much. Sizes are multiples of MOVER_CHUNK; buffers are aligned to 64 bytes and do not overlap. */
#ifndef QUERN_TOOL_MOVERS_H
#define QUERN_TOOL_MOVERS_H

#include <stddef.h>

enum { MOVER_CHUNK = 4096 }; /* bytes: a row of 1024 floats, the unit in which reads and writes are mixed */

/* Reads size bytes; the result depends on all of them. */
unsigned char mover_read(const void *from, size_t size);
/* Reads size bytes and, for each MOVER_CHUNK of them, writes per_chunk bytes (a multiple of 64). */
void mover_move(void *to, const void *from, size_t size, size_t per_chunk);
/* Writes size bytes and, for each MOVER_CHUNK of them, reads per_chunk bytes (a multiple of 64). */
void mover_spread(void *to, const void *from, size_t size, size_t per_chunk);

#endif
