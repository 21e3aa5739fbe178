/* Unicode: look-ups in the generated tables. See unicode.h. */
#include "codegen/match/unicode.h"

#include <string.h>

/* Code points low, low + step, …, high map to themselves plus delta. */
struct case_run {
    uint32_t low, high, step;
    int32_t delta;
};
struct case_extra {
    uint32_t lower, others[3];
};
struct character_name {
    const char *name;
    uint32_t code_point;
};
#include "codegen/match/unicode_data.inc"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const struct code_range ascii_word[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
static const struct code_range ascii_digit[] = {{'0', '9'}};
static const struct code_range ascii_space[] = {{'\t', '\r'}, {' ', ' '}};

struct table {
    const struct code_range *ranges;
    size_t count;
};
static const struct table unicode_sets[UNICODE_SET_COUNT] = {
    [UNICODE_WORD] = {word_ranges, COUNT(word_ranges)},
    [UNICODE_DIGIT] = {digit_ranges, COUNT(digit_ranges)},
    [UNICODE_SPACE] = {space_ranges, COUNT(space_ranges)},
    [UNICODE_ALPHA] = {alpha_ranges, COUNT(alpha_ranges)},
    [UNICODE_START] = {start_ranges, COUNT(start_ranges)},
    [UNICODE_CONTINUE] = {continue_ranges, COUNT(continue_ranges)},
};
static const struct table ascii_sets[] = {
    [UNICODE_WORD] = {ascii_word, COUNT(ascii_word)},
    [UNICODE_DIGIT] = {ascii_digit, COUNT(ascii_digit)},
    [UNICODE_SPACE] = {ascii_space, COUNT(ascii_space)},
};

const struct code_range *unicode_ranges(enum unicode_set set, size_t *count)
{
    *count = unicode_sets[set].count;
    return unicode_sets[set].ranges;
}

const struct code_range *ascii_ranges(enum unicode_set set, size_t *count)
{
    *count = ascii_sets[set].count;
    return ascii_sets[set].ranges;
}

bool unicode_has(enum unicode_set set, uint32_t c)
{
    return ranges_have(unicode_sets[set].ranges, unicode_sets[set].count, c);
}

static uint32_t map_case(const struct case_run *runs, size_t count, uint32_t c)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (runs[middle].high < c)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == count || c < runs[low].low || (c - runs[low].low) % runs[low].step)
        return c;
    return c + (uint32_t)runs[low].delta;
}

uint32_t unicode_lower(uint32_t c)
{
    return map_case(lower_runs, COUNT(lower_runs), c);
}

uint32_t unicode_upper(uint32_t c)
{
    return map_case(upper_runs, COUNT(upper_runs), c);
}

bool unicode_is_cased(uint32_t c)
{
    return unicode_lower(c) != c || unicode_upper(c) != c;
}

const uint32_t *unicode_extra_cases(uint32_t lower)
{
    for (size_t i = 0; i < COUNT(extra_cases); i++)
        if (extra_cases[i].lower == lower)
            return extra_cases[i].others;
    return NULL;
}

/* f^-1(R) = (R without what f moves) and what f moves into R. */
void unicode_add_uncased(struct charset *set, const struct code_range *ranges, size_t count)
{
    struct charset moved = charset_make(set->arena), kept = charset_make(set->arena);
    for (size_t i = 0; i < COUNT(lower_runs); i++)
        for (uint32_t c = lower_runs[i].low; c <= lower_runs[i].high; c += lower_runs[i].step) {
            charset_add(&moved, c, c);
            if (ranges_have(ranges, count, c + (uint32_t)lower_runs[i].delta))
                charset_add(set, c, c);
        }
    charset_add_outside(&kept, ranges, count);
    charset_add_ranges(&kept, moved.ranges, moved.count);
    charset_settle(&kept);
    charset_add_outside(set, kept.ranges, kept.count);
}

void unicode_add_upper_inside(struct charset *set, uint32_t low, uint32_t high)
{
    for (size_t i = 0; i < COUNT(upper_runs); i++)
        for (uint32_t c = upper_runs[i].low; c <= upper_runs[i].high; c += upper_runs[i].step) {
            uint32_t upper = c + (uint32_t)upper_runs[i].delta;
            if (upper >= low && upper <= high)
                charset_add(set, c, c);
        }
}

/* Without the locale, unlike strcasecmp. */
static bool same_name(const char *upper, const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 'a' + 'A') : name[i];
        if (upper[i] != c)
            return false;
    }
    return true;
}

int32_t unicode_find_name(const char *name, size_t size)
{
    for (size_t i = 0; i < COUNT(character_names); i++)
        if (strlen(character_names[i].name) == size && same_name(character_names[i].name, name, size))
            return (int32_t)character_names[i].code_point;
    return -1;
}
