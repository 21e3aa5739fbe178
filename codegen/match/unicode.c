/* Unicode: look-ups in the generated tables (unicode_data.inc, written by unicode_tables.py from the Python that runs it). In: code
 * points. Out: the answers of str's methods and of re's case tables, Unicode 14 as Python 3.11 has it. Sets are sorted ranges: a
 * look-up is a binary search. */
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

/* What \w, \d and \s are under re.ASCII. */
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
    [UNICODE_ISDIGIT] = {isdigit_ranges, COUNT(isdigit_ranges)},
    [UNICODE_SPACE] = {space_ranges, COUNT(space_ranges)},
    [UNICODE_ALPHA] = {alpha_ranges, COUNT(alpha_ranges)},
    [UNICODE_START] = {start_ranges, COUNT(start_ranges)},
    [UNICODE_CONTINUE] = {continue_ranges, COUNT(continue_ranges)},
    [UNICODE_UNPRINTABLE] = {unprintable_ranges, COUNT(unprintable_ranges)},
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

/* Calls add for the members of a run inside low..high, moved by shift (0 or the run's delta). */
static void add_run(struct charset *set, const struct case_run *run, uint32_t low, uint32_t high, int32_t shift)
{
    uint32_t first = run->low, last = run->high < high ? run->high : high;
    if (low > first)
        first += (low - first + run->step - 1) / run->step * run->step;
    if (first > last)
        return;
    if (run->step == 1) {
        charset_add(set, first + (uint32_t)shift, last + (uint32_t)shift);
        return;
    }
    for (uint32_t c = first; c <= last; c += run->step)
        charset_add(set, c + (uint32_t)shift, c + (uint32_t)shift);
}

/* low..high without the code points that are not their own lower case. */
static void add_unmoved(struct charset *set, uint32_t low, uint32_t high)
{
    for (size_t i = 0; i < COUNT(moved_ranges) && low <= high; i++) {
        if (moved_ranges[i].high < low)
            continue;
        if (moved_ranges[i].low > high)
            break;
        if (moved_ranges[i].low > low)
            charset_add(set, low, moved_ranges[i].low - 1);
        low = moved_ranges[i].high + 1;
    }
    if (low <= high)
        charset_add(set, low, high);
}

void unicode_add_lower(struct charset *set, uint32_t low, uint32_t high)
{
    add_unmoved(set, low, high);
    for (size_t i = 0; i < COUNT(lower_runs); i++)
        add_run(set, &lower_runs[i], low, high, lower_runs[i].delta);
}

void unicode_add_extra_cases(struct charset *set)
{
    size_t count = set->count;
    for (size_t i = 0; i < COUNT(extra_cases); i++)
        for (int k = 0; k < 3 && extra_cases[i].others[k]; k++)
            if (ranges_have(set->ranges, count, extra_cases[i].lower))
                charset_add(set, extra_cases[i].others[k], extra_cases[i].others[k]);
    charset_settle(set);
}

/* Whether some member of a run lies in low..high. */
static bool any_moved(const struct case_run *runs, size_t count, uint32_t low, uint32_t high)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t first = runs[i].low;
        if (low > first)
            first += (low - first + runs[i].step - 1) / runs[i].step * runs[i].step;
        if (first <= runs[i].high && first <= high)
            return true;
    }
    return false;
}

/* _sre.unicode_iscased: the lower case or the upper case is another character. */
bool unicode_any_cased(uint32_t low, uint32_t high)
{
    return any_moved(lower_runs, COUNT(lower_runs), low, high) || any_moved(upper_runs, COUNT(upper_runs), low, high);
}

/* f^-1(R) = (R without what f moves) and what f moves into R: the runs' parts whose images are in R. */
void unicode_add_subjects(struct charset *set, const struct code_range *ranges, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        add_unmoved(set, ranges[k].low, ranges[k].high);
        for (size_t i = 0; i < COUNT(lower_runs); i++) {
            int64_t low = (int64_t)ranges[k].low - lower_runs[i].delta, high = (int64_t)ranges[k].high - lower_runs[i].delta;
            if (high >= (int64_t)lower_runs[i].low && low <= (int64_t)lower_runs[i].high)
                add_run(set, &lower_runs[i], low < 0 ? 0 : (uint32_t)low, (uint32_t)high, 0);
        }
    }
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

/* Linear over some thousand names; a pattern has few \N. */
int32_t unicode_find_name(const char *name, size_t size)
{
    for (size_t i = 0; i < COUNT(character_names); i++)
        if (strlen(character_names[i].name) == size && same_name(character_names[i].name, name, size))
            return (int32_t)character_names[i].code_point;
    return -1;
}
