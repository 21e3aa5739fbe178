/* Comments of a YAML text: `#` outside scalars. libyaml drops them; the formatter puts them back. */
#include "lang/yaml_read.h"

#include <string.h>

static bool ends_line(char c)
{
    return c == '\n' || c == '\r';
}

/* Nothing but blanks, and perhaps the BOM, stands before it on its line. */
static bool is_own_line(const struct source *source, uint32_t at)
{
    while (at > 0 && (source->bytes[at - 1] == ' ' || source->bytes[at - 1] == '\t'))
        at--;
    return at == 0 || ends_line(source->bytes[at - 1]) || (at == 3 && (unsigned char)source->bytes[0] == 0xef);
}

/* YAML breaks lines at NEL, LS and PS too. */
static bool ends_comment(const char *at)
{
    return ends_line(*at) || !strncmp(at, "\xc2\x85", 2) || !strncmp(at, "\xe2\x80\xa8", 3) || !strncmp(at, "\xe2\x80\xa9", 3);
}

static struct ast_comment *read_comment(struct arena *arena, const struct source *source, uint32_t at)
{
    struct ast_comment *comment = ARENA_NEW(arena, struct ast_comment);
    uint32_t end = at;
    while (end < source->size && !ends_comment(source->bytes + end))
        end++;
    comment->span = (struct span){source, at, end};
    comment->own_line = is_own_line(source, at);
    return comment;
}

/* One walk over the text; scalars are jumped over, so their `#` is never seen. */
struct ast_comment *yaml_comments(struct arena *arena, const struct yaml_document *document)
{
    struct ast_comment *first = NULL, **end = &first;
    const struct source *source = document->source;
    size_t scalar = 0;
    for (uint32_t at = 0; at < source->size;) {
        while (scalar < document->scalar_count && document->scalars[scalar].end <= at)
            scalar++;
        if (scalar < document->scalar_count && document->scalars[scalar].begin <= at)
            at = document->scalars[scalar].end;
        else if (source->bytes[at] == '#') {
            *end = read_comment(arena, source, at);
            at = (*end)->span.end;
            end = &(*end)->next;
        } else
            at++;
    }
    return first;
}
