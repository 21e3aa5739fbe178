/* Places inside a pattern's source: through the escapes of .qr and YAML strings. */
#include "codegen/match/matcher.h"

#include <string.h>

enum quoting { QUOTED_QR, QUOTED_YAML_SINGLE, QUOTED_PLAIN, QUOTING_COUNT };

/* How many source bytes stand for the byte at raw. */
static size_t unit_size(enum quoting quoting, const char *raw, size_t left)
{
    switch (quoting) {
    case QUOTED_QR:
        return left > 1 && raw[0] == '\\' && (raw[1] == '"' || raw[1] == '\\') ? 2 : 1;
    case QUOTED_YAML_SINGLE:
        return left > 1 && raw[0] == '\'' && raw[1] == '\'' ? 2 : 1;
    case QUOTED_PLAIN: case QUOTING_COUNT:
        break;
    }
    return 1;
}

/* Walks source and pattern together; false: the source does not spell the pattern in this way. */
static bool map(const struct ast_string *pattern, enum quoting quoting, const char *raw, size_t size, size_t target, size_t *offset)
{
    size_t at = 0;
    for (size_t i = 0; i <= pattern->size; i++) {
        if (i == target)
            *offset = at;
        if (i == pattern->size)
            return at == size;
        size_t unit = at < size ? unit_size(quoting, raw + at, size - at) : 0;
        if (!unit || raw[at + unit - 1] != pattern->bytes[i])
            return false;
        at += unit;
    }
    return false;
}

struct span pattern_span(const struct ast_string *pattern, size_t begin, size_t end)
{
    struct span whole = pattern->span;
    if (!whole.source || whole.end < whole.begin || whole.end > whole.source->size)
        return whole;
    for (enum quoting q = QUOTED_QR; q < QUOTING_COUNT; q++) {
        size_t quote = q == QUOTED_PLAIN ? 0 : 1, from, to;
        const char *raw = whole.source->bytes + whole.begin + quote;
        if (whole.end - whole.begin < 2 * quote)
            continue;
        size_t size = whole.end - whole.begin - 2 * quote;
        if (quote && raw[-1] != (q == QUOTED_QR ? '"' : '\''))
            continue;
        if (!map(pattern, q, raw, size, begin, &from) || !map(pattern, q, raw, size, end, &to))
            continue;
        uint32_t base = whole.begin + (uint32_t)quote;
        return (struct span){whole.source, base + (uint32_t)from, base + (uint32_t)(to > from ? to : from + 1)};
    }
    return whole;
}
