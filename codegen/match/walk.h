/* Walk: the loop in which a name is read, over the one table format of the eager automaton and the lazy one.
 * A state is the place of its row; a row holds 0, the next state for each class, then what the automaton keeps of the
 * state. 0 is no state: the walk stops there and its owner says how it goes on. */
#ifndef QUERN_CODEGEN_MATCH_WALK_H
#define QUERN_CODEGEN_MATCH_WALK_H

#include <stddef.h>
#include <stdint.h>

struct walk_table {
    const uint32_t *next;
    uint32_t classes[256]; /* column of each byte; 0: part of a character beyond ASCII */
};

/* From *state at byte `at` on; where it stopped: at size, or at a byte without a next state. */
static inline size_t walk_run(const struct walk_table *table, uint32_t *state, const char *bytes, size_t at, size_t size)
{
    uint32_t here = *state;
    for (uint32_t next; at < size && (next = table->next[here + table->classes[(unsigned char)bytes[at]]]); at++)
        here = next;
    *state = here;
    return at;
}

#endif
