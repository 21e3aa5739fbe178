/* Diagnostics: collecting and printing. In: a code, a place, a text. Out: messages in the order reported, as text for people
 * (diag_json.c has the machines'). Errors beyond the limit are counted and dropped, so that a broken file costs memory for the
 * first hundred. See diag.h. */
#include "lang/diag.h"

#include <stdlib.h>
#include <string.h>

const struct diag_row diag_rows[DIAG_COUNT] = {
#define DIAG(name, code, severity, title, explanation) {#name, code, title, explanation, SEVERITY_##severity},
#include "lang/diags.def"
#undef DIAG
};

const char *const severity_names[] = {"note", "warning", "error"};
const char *const remark_names[] = {"note", "help"};

void diags_init(struct diags *diags, struct arena *arena)
{
    *diags = (struct diags){.arena = arena, .limit = DIAG_ERRORS_KEPT};
    diags->last = &diags->first;
}

static const char *format_string(struct arena *arena, const char *format, va_list args)
{
    struct text text = text_make(arena);
    text_vprintf(&text, format, args);
    return text_string(&text);
}

/* A dropped message is not linked, but its memory stays: notes and helps may still be added to it. */
static void append(struct diags *diags, struct diag *diag)
{
    unsigned *counter[] = {&diags->notes, &diags->warnings, &diags->errors};
    ++*counter[diag->severity];
    if (diag->severity == SEVERITY_ERROR && diags->errors > diags->limit)
        return;
    *diags->last = diag;
    diags->last = &diag->next;
}

static struct diag *new_diag(struct diags *diags, enum diag_code code, const char *format, va_list args)
{
    struct diag *diag = ARENA_NEW(diags->arena, struct diag);
    diag->code = code;
    diag->severity = diag_rows[code].severity;
    diag->text = format_string(diags->arena, format, args);
    return diag;
}

struct diag *diag_report(struct diags *diags, enum diag_code code, struct span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct diag *diag = new_diag(diags, code, format, args);
    va_end(args);
    diag->span = span;
    append(diags, diag);
    return diag;
}

struct diag *diag_report_about(struct diags *diags, enum diag_code code, const char *subject, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct diag *diag = new_diag(diags, code, format, args);
    va_end(args);
    diag->subject = subject ? arena_string(diags->arena, subject) : NULL;
    append(diags, diag);
    return diag;
}

static void add_remark(struct diags *diags, struct diag *diag, enum remark_kind kind, struct span span, const char *text)
{
    struct diag_remark **end = &diag->remarks;
    while (*end)
        end = &(*end)->next;
    *end = ARENA_NEW(diags->arena, struct diag_remark);
    **end = (struct diag_remark){.kind = kind, .span = span, .text = text};
}

void diag_note(struct diags *diags, struct diag *diag, struct span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_remark(diags, diag, REMARK_NOTE, span, format_string(diags->arena, format, args));
    va_end(args);
}

void diag_help(struct diags *diags, struct diag *diag, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_remark(diags, diag, REMARK_HELP, (struct span){0}, format_string(diags->arena, format, args));
    va_end(args);
}

int diag_find(const char *code)
{
    for (int i = 0; i < DIAG_COUNT; i++)
        if (!strcmp(diag_rows[i].code, code))
            return i;
    return -1;
}

enum { NEAREST_EDITS = 2, BAND = 2 * NEAREST_EDITS + 1, FAR = NEAREST_EDITS + 1 };

/* One row of the band, j = i - NEAREST_EDITS .. i + NEAREST_EDITS, from the two before; its least cell.
 * Cells hold distances of the first i characters of a to the first j of b, FAR for whatever is larger than NEAREST_EDITS. */
static unsigned fill_row(unsigned rows[3][BAND], const char *a, const char *b, size_t n, size_t i)
{
    unsigned *now = rows[i % 3], *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3], least = FAR;
    for (size_t k = 0; k < BAND; k++) {
        size_t j = i + k - NEAREST_EDITS; /* wraps below zero, which is beyond n */
        unsigned best = FAR;
        if (j == 0)
            best = i < FAR ? (unsigned)i : FAR;
        if (j > 0 && j <= n) {
            best = before[k] + (a[i - 1] != b[j - 1]);
            if (k + 1 < BAND && before[k + 1] + 1 < best)
                best = before[k + 1] + 1;
            if (k > 0 && now[k - 1] + 1 < best)
                best = now[k - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && earlier[k] + 1 < best)
                best = earlier[k] + 1;
        }
        now[k] = best < FAR ? best : FAR;
        least = now[k] < least ? now[k] : least;
    }
    return least;
}

/* Damerau-Levenshtein distance (optimal string alignment) up to NEAREST_EDITS, FAR beyond: the table's cells near its
 * diagonal alone, behind the text that both begin with.
 * O(length) for each candidate: five cells a row. */
static unsigned edit_distance(const char *a, size_t m, const char *b, size_t n)
{
    unsigned rows[3][BAND];
    if (m > n + NEAREST_EDITS || n > m + NEAREST_EDITS)
        return FAR;
    while (m && n && *a == *b)
        a++, b++, m--, n--;
    for (size_t k = 0; k < BAND; k++)
        rows[0][k] = k < NEAREST_EDITS || k - NEAREST_EDITS > n ? FAR : (unsigned)(k - NEAREST_EDITS);
    for (size_t i = 1; i <= m; i++)
        if (fill_row(rows, a, b, n, i) == FAR)
            return FAR;
    return rows[m % 3][n + NEAREST_EDITS - m];
}

/* Short words allow less: one edit of a word of one or two letters would suggest anything. The first of equals wins. */
const char *diag_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t length = strlen(word);
    const char *nearest = NULL;
    unsigned least = length < 3 ? 1 : length < 6 ? (unsigned)length / 3 : 2;
    for (size_t i = 0; i < count; i++) {
        if (!candidates[i])
            continue;
        unsigned distance = edit_distance(word, length, candidates[i], strlen(candidates[i]));
        if (distance <= least && (distance < least || !nearest)) {
            least = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

/* ---- printing ---- */

static const char *const colors[] = {"\033[36;1m", "\033[35;1m", "\033[31;1m"};

static void print_place(struct text *out, struct span span)
{
    struct place place = source_place(span.source, span.begin);
    text_printf(out, "%s:%u:%u: ", span.source->name, place.line, place.column);
}

enum { EXCERPT_MAX = 160 };

/* Bytes that would move the cursor or upset a terminal print as spaces, so that carets stay under their text. */
static void print_visible(struct text *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        text_char(out, (unsigned char)bytes[i] < ' ' || bytes[i] == 0x7f ? ' ' : bytes[i]);
}

static bool starts_character(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

/* The line around the span, at most EXCERPT_MAX bytes of it, and a caret line below.
 * Widths are those of code points; a tab prints as one blank, so that the caret stands under its text. */
static void print_excerpt(struct text *out, struct span span, const char *color)
{
    struct place place = source_place(span.source, span.begin);
    size_t size;
    const char *line = source_line(span.source, place.line, &size);
    size_t at = span.source->bytes + span.begin - line, first = 0;
    at = at > size ? size : at;
    if (at > EXCERPT_MAX / 2)
        for (first = at - EXCERPT_MAX / 2; first < at && !starts_character(line[first]);)
            first++;
    size_t shown = size - first > EXCERPT_MAX ? EXCERPT_MAX : size - first;
    text_printf(out, "%5u | ", place.line);
    print_visible(out, line + first, shown);
    text_add(out, "\n      | ");
    for (size_t i = first; i < at; i++)
        if (starts_character(line[i]))
            text_char(out, ' ');
    text_add(out, color);
    text_char(out, '^');
    size_t end = span.end - span.begin + at;
    for (size_t i = at + 1; i < end && i < first + shown; i++)
        if (starts_character(line[i]))
            text_char(out, '~');
    text_add(out, *color ? "\033[0m\n" : "\n");
}

static void print_remark(struct text *out, const struct diag_remark *remark, bool color)
{
    if (remark->span.source)
        print_place(out, remark->span);
    else
        text_add(out, "  ");
    text_printf(out, color ? "\033[36m%s\033[0m: %s\n" : "%s: %s\n", remark_names[remark->kind], remark->text);
    if (remark->span.source)
        print_excerpt(out, remark->span, color ? "\033[36m" : "");
}

void diag_print(struct text *out, const struct diag *diag, bool color)
{
    if (diag->span.source)
        print_place(out, diag->span);
    else if (diag->subject)
        text_printf(out, "%s: ", diag->subject);
    text_printf(out, color ? "%s%s[%s]\033[0m: %s\n" : "%s%s[%s]: %s\n", color ? colors[diag->severity] : "",
                severity_names[diag->severity], diag_rows[diag->code].code, diag->text);
    if (diag->span.source)
        print_excerpt(out, diag->span, color ? colors[diag->severity] : "");
    for (const struct diag_remark *r = diag->remarks; r; r = r->next)
        print_remark(out, r, color);
}
