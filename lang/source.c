/* Source: line table and places. In: the bytes of a text. Out: line and column of an offset in O(log lines + SOURCE_BLOCK),
 * whatever the length of a line: a file of one line of megabytes costs no more. See source.h. */
#include "lang/source.h"

/* bytes[size] is the NUL behind the text. */
static bool ends_line(const struct source *s, size_t i)
{
    return s->bytes[i] == '\n' || (s->bytes[i] == '\r' && s->bytes[i + 1] != '\n');
}

/* A \r\n pair ends one line at its \n, a lone \r or \n ends one too. */
static void index_lines(struct arena *arena, struct source *s)
{
    uint32_t count = 1;
    for (size_t i = 0; i < s->size; i++)
        count += ends_line(s, i);
    s->lines = ARENA_ARRAY(arena, count, uint32_t);
    for (size_t i = 0; i < s->size; i++)
        if (ends_line(s, i))
            s->lines[++s->line_count] = (uint32_t)i + 1;
    s->line_count++;
}

static bool continues(const struct source *s, uint32_t i)
{
    return ((unsigned char)s->bytes[i] & 0xc0) == 0x80;
}

/* How many bytes before each block's begin continue a character. */
static void index_columns(struct arena *arena, struct source *s)
{
    uint32_t count = 0;
    s->continued = ARENA_ARRAY(arena, s->size / SOURCE_BLOCK + 1, uint32_t);
    for (uint32_t i = 0; i < s->size; i++) {
        if (i % SOURCE_BLOCK == 0)
            s->continued[i / SOURCE_BLOCK] = count;
        count += continues(s, i);
    }
    if (s->size % SOURCE_BLOCK == 0)
        s->continued[s->size / SOURCE_BLOCK] = count;
}

/* Of the bytes before offset those that continue a character. */
static uint32_t continued_before(const struct source *s, uint32_t offset)
{
    uint32_t block = offset / SOURCE_BLOCK, count = s->continued[block];
    for (uint32_t i = block * SOURCE_BLOCK; i < offset; i++)
        count += continues(s, i);
    return count;
}

struct source *source_new(struct arena *arena, const char *name, const char *bytes, size_t size)
{
    struct source *s = ARENA_NEW(arena, struct source);
    *s = (struct source){.name = name, .bytes = bytes, .size = size};
    index_lines(arena, s);
    index_columns(arena, s);
    return s;
}

/* Columns count code points: bytes, less those that continue one. */
struct place source_place(const struct source *s, uint32_t offset)
{
    uint32_t low = 0, high = s->line_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (s->lines[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    uint32_t begin = s->lines[low], end = offset < s->size ? offset : (uint32_t)s->size;
    uint32_t length = end > begin ? end - begin - (continued_before(s, end) - continued_before(s, begin)) : 0;
    return (struct place){low + 1, 1 + length};
}

const char *source_line(const struct source *s, uint32_t line, size_t *size)
{
    uint32_t begin = s->lines[line - 1];
    size_t end = begin;
    while (end < s->size && s->bytes[end] != '\n' && s->bytes[end] != '\r')
        end++;
    *size = end - begin;
    return s->bytes + begin;
}
