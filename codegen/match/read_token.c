/* Tokens of a matcher's text. In: bytes of any origin, followed by a NUL (struct source). Out: words, numbers, strings. After
 * the first fault nothing is taken any more, so that loops over `take` end. See read.h. */
#include "codegen/match/read.h"

#include <string.h>


/* Only the first fault is reported. */
void reader_fail(struct reader *r, const char *expected)
{
    uint32_t at = (uint32_t)r->at, end = at < r->source->size ? at + 1 : at;
    if (!r->failed)
        diag_report(r->diags, DIAG_bad_automaton, (struct span){r->source, at, end}, "expected %s", expected);
    r->failed = true;
}

void reader_skip(struct reader *r)
{
    while (r->at < r->source->size && strchr(" \n\r\t", r->source->bytes[r->at]) && r->source->bytes[r->at])
        r->at++;
}

bool reader_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

size_t reader_word(struct reader *r)
{
    size_t size = 0;
    reader_skip(r);
    while (r->at + size < r->source->size && reader_is_word(r->source->bytes[r->at + size]))
        size++;
    return size;
}

/* Takes the word, or the sign, when it comes next.
 * A word is taken as a whole: `rule` is not the beginning of `rules`. */
bool reader_take(struct reader *r, const char *word)
{
    size_t size = strlen(word), found = reader_word(r);
    bool same = !r->failed && (reader_is_word(word[0]) ? found == size : r->source->size - r->at >= size) &&
                !memcmp(r->source->bytes + r->at, word, size);
    r->at += same ? size : 0;
    return same;
}

void reader_expect(struct reader *r, const char *word)
{
    if (!reader_take(r, word))
        reader_fail(r, word);
}

/* limit itself is too large. The loop ends before value can wrap. */
static uint64_t read_digits(struct reader *r, uint64_t limit)
{
    uint64_t value = 0;
    size_t size = reader_word(r), i = 0;
    for (; i < size && r->source->bytes[r->at + i] >= '0' && r->source->bytes[r->at + i] <= '9' && value < limit / 10 + 1; i++)
        value = 10 * value + (uint64_t)(r->source->bytes[r->at + i] - '0');
    if (!i || i < size || value >= limit) {
        reader_fail(r, "a number in range");
        return 0;
    }
    r->at += i;
    return value;
}

uint32_t reader_number(struct reader *r, uint64_t limit)
{
    return (uint32_t)read_digits(r, limit);
}

/* -1 or a number below limit. */
int reader_optional(struct reader *r, uint64_t limit)
{
    if (!reader_take(r, "-"))
        return (int)reader_number(r, limit);
    if (reader_number(r, 2) != 1)
        reader_fail(r, "-1");
    return -1;
}

/* INT64_MIN has a magnitude of its own. */
int64_t reader_integer(struct reader *r)
{
    bool negative = reader_take(r, "-");
    uint64_t value = read_digits(r, (uint64_t)INT64_MAX + 1 + negative);
    return negative ? (int64_t)(0 - value) : (int64_t)value;
}

uint32_t reader_hexadecimal(struct reader *r)
{
    size_t size = reader_word(r);
    uint32_t value = 0;
    bool good = size && size <= 6;
    for (size_t i = 0; good && i < size; i++) {
        char c = r->source->bytes[r->at + i];
        good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        value = 16 * value + (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (!good || value > CODE_POINT_MAX)
        reader_fail(r, "a code point");
    r->at += r->failed ? 0 : size;
    return value;
}

/* "…" as text_quote writes it. */
const char *reader_string(struct reader *r, size_t *size)
{
    struct text text = text_make(r->m->arena);
    reader_skip(r);
    *size = 0;
    if (!reader_take(r, "\"")) {
        reader_fail(r, "a string");
        return "";
    }
    const char *bytes = r->source->bytes;
    for (; r->at < r->source->size && bytes[r->at] != '"'; r->at++) {
        bool escape = bytes[r->at] == '\\' && (bytes[r->at + 1] == '"' || bytes[r->at + 1] == '\\') && r->at + 1 < r->source->size;
        r->at += escape;
        text_char(&text, bytes[r->at]);
    }
    if (r->at == r->source->size)
        reader_fail(r, "the string's end");
    r->at += !r->failed;
    *size = text.size;
    return text_string(&text);
}

enum field_id reader_field(struct reader *r)
{
    for (int f = 0; f < FIELD_COUNT; f++)
        if (f != FIELD_dtype && f != FIELD_chain && reader_take(r, field_names[f]))
            return (enum field_id)f;
    reader_fail(r, "a field");
    return FIELD_module;
}
