/* Text: growing strings. In: bytes, formats, numbers. Out: bytes followed by a NUL in the text's arena. Capacity doubles, so
 * that what is added costs its own length on average. Numbers do not depend on the locale. See text.h. */
#include "lang/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` bytes and the NUL. */
static void reserve(struct text *text, size_t more)
{
    size_t need = text->size + more + 1;
    if (need <= text->capacity)
        return;
    size_t capacity = text->capacity ? text->capacity : 64;
    while (capacity < need)
        capacity *= 2;
    text->bytes = arena_grow(text->arena, text->bytes, text->size, capacity, 1);
    text->capacity = capacity;
}

void text_add_bytes(struct text *text, const char *bytes, size_t size)
{
    reserve(text, size);
    if (size)
        memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = 0;
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void text_char(struct text *text, char c)
{
    text_add_bytes(text, &c, 1);
}

void text_vprintf(struct text *text, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    if (size > 0) {
        reserve(text, (size_t)size);
        vsnprintf(text->bytes + text->size, (size_t)size + 1, format, again);
        text->size += (size_t)size;
    }
    va_end(again);
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_vprintf(text, format, args);
    va_end(args);
}

/* A backslash before anything else stays single: .qr strings hold regular expressions. */
void text_quote(struct text *text, const char *bytes, size_t size)
{
    text_char(text, '"');
    for (size_t i = 0; i < size; i++) {
        char next = i + 1 < size ? bytes[i + 1] : '"';
        if (bytes[i] == '"' || (bytes[i] == '\\' && (next == '"' || next == '\\')))
            text_char(text, '\\');
        text_char(text, bytes[i]);
    }
    text_char(text, '"');
}

/* snprintf writes the locale's decimal point; every other character of %g is the C locale's. */
static void write_c_locale(char *buffer)
{
    for (char *c = buffer; *c; c++)
        if (!strchr("0123456789+-einfa", *c))
            *c = '.';
}

/* The shortest of 1 to 17 significant digits that reads back to the same double: 17 always do. */
void text_double(struct text *text, double value)
{
    if (isnan(value) || isinf(value)) {
        text_add(text, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return;
    }
    char buffer[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(buffer, sizeof buffer, "%.*g", digits, value);
        if (strtod(buffer, NULL) == value) /* before the point is rewritten: strtod reads the same locale */
            break;
    }
    write_c_locale(buffer);
    text_add(text, buffer);
    if (!strpbrk(buffer, ".e"))
        text_add(text, ".0");
}

const char *text_string(struct text *text)
{
    return text->bytes ? text->bytes : "";
}

int text_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}
