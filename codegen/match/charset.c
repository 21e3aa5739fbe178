/* Charset: sets of code points as ranges, and UTF-8. In: ranges in any order, bytes of any kind. Out: settled sets (sorted,
 * disjoint, not touching), code points. Rule: UTF-8 is RFC 3629's; a byte that begins no valid sequence becomes the lone
 * surrogate U+DC00 + byte, as Python's error handler `surrogateescape` (PEP 383) has it, so that every byte string is a name and
 * no two of them are the same one. Sequences of surrogates, overlong ones and those beyond U+10FFFF are invalid. */
#include "codegen/match/charset.h"

#include <stdlib.h>

void charset_add(struct charset *set, uint32_t low, uint32_t high)
{
    *ARENA_PUSH(set->arena, set->ranges, set->count, set->capacity) = (struct code_range){low, high};
}

void charset_add_ranges(struct charset *set, const struct code_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        charset_add(set, ranges[i].low, ranges[i].high);
}

void charset_add_outside(struct charset *set, const struct code_range *ranges, size_t count)
{
    uint32_t low = 0;
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].low > low)
            charset_add(set, low, ranges[i].low - 1);
        low = ranges[i].high + 1;
    }
    if (low <= CODE_POINT_MAX)
        charset_add(set, low, CODE_POINT_MAX);
}

static int compare_ranges(const void *a, const void *b)
{
    const struct code_range *x = a, *y = b;
    return (x->low > y->low) - (x->low < y->low);
}

/* Touching ranges merge too, so that equal sets have equal ranges and can be interned. */
void charset_settle(struct charset *set)
{
    if (set->count < 2)
        return;
    qsort(set->ranges, set->count, sizeof *set->ranges, compare_ranges);
    size_t last = 0;
    for (size_t i = 1; i < set->count; i++) {
        struct code_range r = set->ranges[i];
        if (r.low > set->ranges[last].high + 1)
            set->ranges[++last] = r;
        else if (r.high > set->ranges[last].high)
            set->ranges[last].high = r.high;
    }
    set->count = last + 1;
}

/* Within 0 to CODE_POINT_MAX, surrogates included. */
void charset_negate(struct charset *set)
{
    struct charset outside = charset_make(set->arena);
    charset_add_outside(&outside, set->ranges, set->count);
    *set = outside;
}

bool ranges_have(const struct code_range *ranges, size_t count, uint32_t code_point)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges[middle].high < code_point)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && ranges[low].low <= code_point;
}

/* Bytes of the sequence the lead byte opens, and the least code point it may stand for; 0: not a lead byte. */
static unsigned sequence_length(unsigned char lead, uint32_t *least)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    *least = lowest[length];
    return length;
}

/* c is wrong wherever good is false, and is not used then. The check of size - *at comes before any byte behind the first. */
uint32_t utf8_next(const char *bytes, size_t size, size_t *at)
{
    const unsigned char *s = (const unsigned char *)bytes + *at;
    uint32_t least, c = s[0];
    unsigned length = sequence_length(s[0], &least);
    if (length == 1)
        return ++*at, c;
    bool good = length && length <= size - *at;
    c &= 0x7fu >> length;
    for (unsigned i = 1; good && i < length; i++) {
        good = (s[i] & 0xc0) == 0x80;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (!good || c < least || c > CODE_POINT_MAX || (c >= 0xd800 && c < 0xe000))
        return ++*at, 0xdc00u + s[0];
    *at += length;
    return c;
}

/* The lead byte: 0xf00 >> length has `length` ones from bit 7 down. */
size_t utf8_put(char *buffer, uint32_t c)
{
    if (c < 0x80)
        return buffer[0] = (char)c, 1;
    unsigned length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (unsigned i = length - 1; i; i--, c >>= 6)
        buffer[i] = (char)(0x80 | (c & 0x3f));
    buffer[0] = (char)((0xf00u >> length & 0xff) | c);
    return length;
}
