/* Tokens of mpath. In: the bytes of a query. Out: tokens from left to right over code points, as FastForward's lexer gives them;
 * none is refused here, the parser does. Blanks are dropped, a string runs to the next quote anywhere in the query. Linear in
 * the query. mpath.h. */
#include "codegen/match/mpath.h"
#include "codegen/match/unicode.h"

struct splitter {
    struct arena *arena;
    struct mpath_text text;
    size_t capacity;
    bool quotes_known; /* there is no quote left that could close a string */
};

static void add_token(struct splitter *s, enum mpath_token_kind kind, uint32_t begin, uint32_t end)
{
    *ARENA_PUSH(s->arena, s->text.tokens, s->text.token_count, s->capacity) = (struct mpath_token){kind, begin, end};
}

/* The quote that closes the string whose quote stands at begin: the next one without a backslash before it. */
static uint32_t find_quote(const struct splitter *s, uint32_t begin)
{
    const uint32_t *points = s->text.points;
    for (uint32_t i = begin + 1; i < s->text.count; i++)
        if (points[i] == '"' && points[i - 1] != '\\')
            return i;
    return s->text.count;
}

/* A quote without another is two tokens of one character. */
static uint32_t add_string(struct splitter *s, uint32_t begin)
{
    uint32_t close = s->quotes_known ? s->text.count : find_quote(s, begin);
    if (close < s->text.count) {
        add_token(s, MPATH_STRING, begin, close + 1);
        return close + 1;
    }
    s->quotes_known = true; /* what follows has none either */
    add_token(s, MPATH_CHARACTER, begin, begin + 1);
    add_token(s, MPATH_STRING, begin, begin + 1);
    return begin + 1;
}

/* Behind a first character that was looked at, as far as the set goes. */
static uint32_t find_end(const struct splitter *s, uint32_t begin, enum unicode_set set)
{
    uint32_t end = begin + 1;
    while (end < s->text.count && unicode_has(set, s->text.points[end]))
        end++;
    return end;
}

static bool is_ellipsis(const struct splitter *s, uint32_t at)
{
    return at + 2 < s->text.count && s->text.points[at + 1] == '.' && s->text.points[at + 2] == '.';
}

/* The character's own token, or MPATH_TOKEN_COUNT. */
static enum mpath_token_kind token_of(uint32_t c)
{
    static const uint32_t characters[] = {
#define MPATH_TOKEN(name, character) character,
#include "codegen/match/mpath_tokens.def"
#undef MPATH_TOKEN
    };
    enum mpath_token_kind kind = 0;
    while (kind < MPATH_TOKEN_COUNT && (!c || characters[kind] != c))
        kind++;
    return kind;
}

/* Order of the tests is FastForward's: a digit of ASCII begins a number, which str.isdigit goes on with. */
static uint32_t add_next(struct splitter *s, uint32_t at)
{
    uint32_t c = s->text.points[at], end = at + 1;
    enum mpath_token_kind kind = token_of(c);
    if (c == '"')
        return add_string(s, at);
    if (kind == MPATH_PERIOD && is_ellipsis(s, at))
        kind = MPATH_ELLIPSIS;
    if (c >= '0' && c <= '9') {
        kind = MPATH_DIGIT;
        end = find_end(s, at, UNICODE_ISDIGIT);
    } else if (unicode_has(UNICODE_START, c)) {
        kind = MPATH_IDENTIFIER;
        end = find_end(s, at, UNICODE_CONTINUE);
    }
    add_token(s, kind == MPATH_TOKEN_COUNT ? MPATH_CHARACTER : kind, at, end);
    return end;
}

struct mpath_text mpath_split(struct arena *arena, const char *bytes, size_t size)
{
    struct splitter s = {.arena = arena};
    s.text.points = ARENA_ARRAY(arena, size + 1, uint32_t);
    s.text.offsets = ARENA_ARRAY(arena, size + 1, uint32_t);
    for (size_t at = 0; at < size;) {
        s.text.offsets[s.text.count] = (uint32_t)at;
        s.text.points[s.text.count++] = utf8_next(bytes, size, &at);
    }
    s.text.offsets[s.text.count] = (uint32_t)size;
    for (uint32_t at = 0; at < s.text.count;)
        at = unicode_has(UNICODE_SPACE, s.text.points[at]) ? at + 1 : add_next(&s, at);
    add_token(&s, MPATH_EOL, s.text.count, s.text.count);
    return s.text;
}
