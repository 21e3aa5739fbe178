/* Source: line table and places. See source.h. */
#include "lang/source.h"

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

struct source *source_new(struct arena *arena, const char *name, const char *bytes, size_t size)
{
    struct source *s = ARENA_NEW(arena, struct source);
    *s = (struct source){.name = name, .bytes = bytes, .size = size};
    index_lines(arena, s);
    return s;
}

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
    struct place place = {low + 1, 1};
    for (uint32_t i = s->lines[low]; i < offset && i < s->size; i++)
        place.column += ((unsigned char)s->bytes[i] & 0xc0) != 0x80;
    return place;
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
