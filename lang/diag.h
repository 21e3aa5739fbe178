/* Diagnostics: the one module that words and prints what went wrong in a user's input.
 * Every message has a stable code (diags.def), a severity, a span, and may have notes (related places)
 * and helps (edits). Messages say *expected X, saw Y* in the user's own spelling. */
#ifndef QUERN_LANG_DIAG_H
#define QUERN_LANG_DIAG_H

#include "lang/source.h"
#include "lang/text.h"

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

enum diag_code {
#define DIAG(name, code, severity, title, explanation) DIAG_##name,
#include "lang/diags.def"
#undef DIAG
    DIAG_COUNT
};

struct diag_row {
    const char *name, *code, *title, *explanation;
    enum severity severity;
};
extern const struct diag_row diag_rows[DIAG_COUNT];

extern const char *const severity_names[]; /* by enum severity: SARIF's levels too */

enum remark_kind { REMARK_NOTE, REMARK_HELP };
extern const char *const remark_names[];

struct diag_remark {
    struct diag_remark *next;
    enum remark_kind kind;
    struct span span; /* source NULL: none */
    const char *text;
};

struct diag {
    struct diag *next;
    enum diag_code code;
    enum severity severity;
    struct span span; /* source NULL: about no place in a text */
    const char *subject; /* what it is about when there is no place: a file, a tensor; or NULL */
    const char *text;
    struct diag_remark *remarks; /* in the order they were added */
};

/* The messages of one run, in the order reported. */
struct diags {
    struct arena *arena; /* borrowed */
    struct diag *first, **last;
    unsigned errors, warnings, notes;
    unsigned limit; /* errors kept; later ones are counted only. 0: 100 */
};

enum { DIAG_ERRORS_KEPT = 100 };

void diags_init(struct diags *diags, struct arena *arena);
/* Appends a message of the code's own severity. Never NULL: a dropped one is returned all the same. */
struct diag *diag_report(struct diags *diags, enum diag_code code, struct span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same about something that has no place in a text: `subject: error[Q0801]: …`. */
struct diag *diag_report_about(struct diags *diags, enum diag_code code, const char *subject, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diag_note(struct diags *diags, struct diag *diag, struct span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diag_help(struct diags *diags, struct diag *diag, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The candidate nearest to word within two edits (Damerau-Levenshtein, at most a third of its length), or NULL. */
const char *diag_nearest(const char *word, const char *const *candidates, size_t count);
int diag_find(const char *code); /* an enum diag_code, or -1 */

/* FILE:LINE:COLUMN: error[Q0101]: text, the line, carets, remarks. ANSI colours when color. */
void diag_print(struct text *out, const struct diag *diag, bool color);
/* Every message as one JSON array of objects {code, severity, title, message, file, line, column, end_line,
 * end_column, subject, remarks: [{kind, message, file, line, column}]}; the string is the arena's. */
const char *diags_json(const struct diags *diags);
/* The same as a SARIF 2.1.0 log of one run; version: of the program. */
const char *diags_sarif(const struct diags *diags, const char *version);

#endif
