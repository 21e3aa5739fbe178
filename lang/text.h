/* Text: a growing byte string in an arena; how every stage prints. */
#ifndef QUERN_LANG_TEXT_H
#define QUERN_LANG_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include "lang/arena.h"

struct text {
    struct arena *arena; /* borrowed */
    char *bytes;         /* always NUL-terminated once something was added; may hold NULs */
    size_t size, capacity;
};

static inline struct text text_make(struct arena *arena)
{
    return (struct text){.arena = arena};
}
void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t size);
void text_char(struct text *text, char c);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *text, const char *format, va_list args);
/* string in double quotes as a .qr string: only `"` and `\` before `"`/`\` or at the end are escaped. */
void text_quote(struct text *text, const char *bytes, size_t size);
/* A double as the shortest decimal that reads back, always with a '.' or an exponent, independent of the
 * locale; inf, -inf and nan as those words. */
void text_double(struct text *text, double value);
const char *text_string(struct text *text); /* "" when nothing was added */

/* strcmp for qsort and bsearch of arrays of strings. */
int text_order(const void *a, const void *b);

#endif
