/* Unicode: what Python 3.11 (Unicode 14) says of code points; the tables behind \w \d \s, IGNORECASE, group names
 * and \N{...}. Written by unicode_tables.py. */
#ifndef QUERN_CODEGEN_MATCH_UNICODE_H
#define QUERN_CODEGEN_MATCH_UNICODE_H

#include "codegen/match/charset.h"

/* The sets of str methods: isalnum() or `_`; isdecimal(); isdigit(); isspace(); isalpha(); isidentifier() alone and after a
 * letter; not isprintable(). */
enum unicode_set { UNICODE_WORD, UNICODE_DIGIT, UNICODE_ISDIGIT, UNICODE_SPACE, UNICODE_ALPHA, UNICODE_START, UNICODE_CONTINUE,
                   UNICODE_UNPRINTABLE, UNICODE_SET_COUNT };
const struct code_range *unicode_ranges(enum unicode_set set, size_t *count);
/* The same under re.ASCII; for WORD, DIGIT and SPACE. */
const struct code_range *ascii_ranges(enum unicode_set set, size_t *count);
bool unicode_has(enum unicode_set set, uint32_t code_point);

/* Adds the lower case of every code point of low..high. */
void unicode_add_lower(struct charset *set, uint32_t low, uint32_t high);
/* Adds, for every member of the settled set, the other lower-case code points with its upper case (re._casefix). */
void unicode_add_extra_cases(struct charset *set);
bool unicode_any_cased(uint32_t low, uint32_t high);
/* Adds every code point whose lower case is in ranges: the inverse image of ranges. */
void unicode_add_subjects(struct charset *set, const struct code_range *ranges, size_t count);
/* Adds every code point that is not its own upper case and whose upper case is in low..high. */
void unicode_add_upper_inside(struct charset *set, uint32_t low, uint32_t high);

/* The code point of a character name (U+0020 to U+052F; case is folded), or -1. */
int32_t unicode_find_name(const char *name, size_t size);

#endif
