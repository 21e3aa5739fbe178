/* Source: one text with a name, and places in it. Offsets are bytes; lines and columns count from 1 and
 * columns count code points (a malformed byte is one). */
#ifndef QUERN_LANG_SOURCE_H
#define QUERN_LANG_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lang/arena.h"

/* The most a recipe text may hold; offsets fit 32 bits. Beyond it: diagnostic Q0005 (a limit, exit code 4). */
enum { SOURCE_SIZE_MAX = 256 * 1024 * 1024 };
enum { SOURCE_BLOCK = 256 };

struct source {
    const char *name;  /* as the user gave it; "<stdin>" for "-" */
    const char *bytes; /* followed by a NUL that is not counted */
    size_t size;
    uint32_t *lines; /* offset of each line's first byte; made on first use */
    uint32_t line_count;
    uint32_t *continued; /* for each SOURCE_BLOCK bytes: how many before them continue a character */
};

/* Half open [begin, end) in source; source NULL: no place. */
struct span {
    const struct source *source;
    uint32_t begin, end;
};

struct place {
    uint32_t line, column;
};

/* Keeps name and bytes (both borrowed until the arena closes). */
struct source *source_new(struct arena *arena, const char *name, const char *bytes, size_t size);
struct place source_place(const struct source *source, uint32_t offset); /* however long the line */
/* The text of a line without its end (\n, \r\n or \r). */
const char *source_line(const struct source *source, uint32_t line, size_t *size);
static inline struct span span_join(struct span a, struct span b)
{
    return (struct span){a.source, a.begin, b.end > a.end ? b.end : a.end};
}

#endif
