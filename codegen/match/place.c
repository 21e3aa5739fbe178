/* Places inside a pattern's source. In: an AST string with its span, bytes of its value. Out: where these bytes stand in the
 * file, so that a caret points at the character that is at fault. The source is read again as each kind of quoting in turn; the
 * first that spells the value is the one. Where none does (YAML's other escapes) the whole string is the place. */
#include "codegen/match/matcher.h"

#include <string.h>

enum quoting { QUOTED_QR, QUOTED_YAML_SINGLE, QUOTED_PLAIN, QUOTED_BRACKETS, QUOTING_COUNT };

/* How many source bytes stand for the byte at raw. */
static size_t unit_size(enum quoting quoting, const char *raw, size_t left)
{
    switch (quoting) {
    case QUOTED_QR:
        return left > 1 && raw[0] == '\\' && (raw[1] == '"' || raw[1] == '\\') ? 2 : 1;
    case QUOTED_YAML_SINGLE:
        return left > 1 && raw[0] == '\'' && raw[1] == '\'' ? 2 : 1;
    case QUOTED_BRACKETS: /* the regex of an mpath extension */
        return left > 1 && raw[0] == '\\' && (raw[1] == '[' || raw[1] == ']') ? 2 : 1;
    case QUOTED_PLAIN: case QUOTING_COUNT:
        break;
    }
    return 1;
}

/* What is asked of a walk: the places of two bytes of the pattern, or of all of them and the end. */
struct walk {
    size_t begin, end;
    uint32_t from, to;
    uint32_t *places; /* NULL: only those two */
};

static void note(struct walk *w, size_t byte, size_t place)
{
    if (byte == w->begin)
        w->from = (uint32_t)place;
    if (byte == w->end)
        w->to = (uint32_t)place;
    if (w->places)
        w->places[byte] = (uint32_t)place;
}

/* Walks source and pattern together, from raw on, which stands at `base` in the source; false: the source does not spell the
 * pattern in this way.
 * Each byte of the value comes from the last byte of its unit. */
static bool map(const struct ast_string *pattern, enum quoting quoting, const char *raw, size_t size, size_t base, struct walk *w)
{
    size_t at = 0;
    for (size_t i = 0; i < pattern->size; i++) {
        size_t unit = at < size ? unit_size(quoting, raw + at, size - at) : 0;
        if (!unit || raw[at + unit - 1] != pattern->bytes[i])
            return false;
        note(w, i, base + at);
        at += unit;
    }
    note(w, pattern->size, base + at);
    return at == size;
}

static bool find_places(const struct ast_string *pattern, struct walk *w)
{
    struct span whole = pattern->span;
    if (!whole.source || whole.end < whole.begin || whole.end > whole.source->size)
        return false;
    for (enum quoting q = QUOTED_QR; q < QUOTING_COUNT; q++) {
        size_t quote = q < QUOTED_PLAIN, base = whole.begin + quote;
        const char *raw = whole.source->bytes + base;
        if (whole.end - whole.begin < 2 * quote || (quote && raw[-1] != (q == QUOTED_QR ? '"' : '\'')))
            continue;
        if (map(pattern, q, raw, whole.end - whole.begin - 2 * quote, base, w))
            return true;
    }
    return false;
}

/* A span is one byte at least. */
struct span pattern_span(const struct ast_string *pattern, size_t begin, size_t end)
{
    struct walk w = {.begin = begin, .end = end};
    if (!find_places(pattern, &w))
        return pattern->span;
    return (struct span){pattern->span.source, w.from, w.to > w.from ? w.to : w.from + 1};
}

bool pattern_places(const struct ast_string *pattern, uint32_t *places)
{
    return find_places(pattern, &(struct walk){.places = places});
}

struct span places_span(const struct ast_string *pattern, const uint32_t *places, size_t begin, size_t end)
{
    uint32_t from = places[begin], to = places[end];
    return (struct span){pattern->span.source, from, to > from ? to : from + 1};
}
