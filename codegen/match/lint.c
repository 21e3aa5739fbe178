/* Lints of patterns: what is legal and seldom meant. In: a resolved recipe; out: warnings at the place inside the pattern. A
 * lint is a row of `lints`: the languages whose patterns it reads and what finds it. Patterns are read as text: a lint that is
 * not sure says nothing. */
#include "codegen/match/program.h"
#include "codegen/match/matcher.h"

#include <string.h>

struct finding {
    size_t begin, end; /* bytes of the pattern */
    size_t digits;     /* where the layer's number begins; it ends where what follows it stands */
};

/* ---- a layer's number that longer ones begin with ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* \w of ASCII. */
static bool is_word(char c)
{
    return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* How long the name of a list of layers with its dot is at `at`, `\.` included where dots are escaped; 0: none stands there. */
static size_t read_list_name(const struct ast_string *p, size_t at, bool escaped)
{
    static const char *const names[] = {"layers", "layer", "blocks", "block", "blk", "h"};
    if (at && is_word(p->bytes[at - 1]))
        return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size = strlen(names[i]);
        if (p->size - at < size || memcmp(p->bytes + at, names[i], size))
            continue;
        size += escaped && at + size < p->size && p->bytes[at + size] == '\\';
        if (at + size < p->size && p->bytes[at + size] == '.')
            return size + 1;
    }
    return 0;
}

/* Whether anything at all may follow the number that ends at `at`: `*`, `.*`, or the end where the rest of the name is free. */
static bool is_open(const struct ast_string *p, enum language language, size_t at)
{
    const char *rest = p->bytes + at;
    size_t size = p->size - at;
    switch (language) {
    case LANGUAGE_glob:
        return size && *rest == '*';
    case LANGUAGE_contains:
        return !size;
    case LANGUAGE_re_full: case LANGUAGE_under_re:
        return size > 1 && !memcmp(rest, ".*", 2);
    case LANGUAGE_re_match: case LANGUAGE_re_search:
        return !size || (size > 1 && !memcmp(rest, ".*", 2));
    case LANGUAGE_exact: case LANGUAGE_under: case LANGUAGE_mpath: case LANGUAGE_COUNT:
        break;
    }
    return false;
}

/* `layers.1*` takes layers 10 to 19, too. Nothing begins with layer 0. */
static bool find_open_number(const struct ast_string *p, enum language language, struct finding *found)
{
    bool escaped = language != LANGUAGE_glob && language != LANGUAGE_contains;
    for (size_t at = 0; at < p->size; at++) {
        size_t name = read_list_name(p, at, escaped), end = at + name;
        while (name && end < p->size && is_digit(p->bytes[end]))
            end++;
        if (!name || end == at + name || p->bytes[at + name] == '0' || !is_open(p, language, end))
            continue;
        *found = (struct finding){at, end, at + name};
        return true;
    }
    return false;
}

static void report_open_number(struct diags *diags, const struct ast_string *p, const struct finding *f)
{
    int size = (int)(f->end - f->digits);
    const char *digits = p->bytes + f->digits;
    struct diag *d = diag_report(diags, DIAG_open_number, pattern_span(p, f->begin, f->end), "this takes layers %.*s0 to %.*s9 as well as %.*s",
                                 size, digits, size, digits, size, digits);
    diag_help(diags, d, "end the number with a dot, or say `layer == %.*s`", size, digits);
}

/* ---- a dot that takes any character ---- */

/* Behind the set that opens at `at`. */
static size_t skip_set(const struct ast_string *p, size_t at)
{
    at += at + 1 < p->size && p->bytes[at + 1] == '^' ? 2 : 1;
    at += at < p->size && p->bytes[at] == ']';
    while (at < p->size && p->bytes[at] != ']')
        at += p->bytes[at] == '\\' ? 2 : 1;
    return at + 1;
}

/* `model.layers`: a dot without quantifier between the words of a name.
 * A quantified dot, one in a set and an escaped one mean what they say. */
static bool find_any_dot(const struct ast_string *p, enum language language, struct finding *found)
{
    (void)language;
    for (size_t at = 0; at + 1 < p->size;) {
        if (p->bytes[at] == '.' && at && is_word(p->bytes[at - 1]) && (is_word(p->bytes[at + 1]) || memchr("\\([", p->bytes[at + 1], 3))) {
            *found = (struct finding){at, at + 1, 0};
            return true;
        }
        at = p->bytes[at] == '[' ? skip_set(p, at) : at + (p->bytes[at] == '\\' ? 2 : 1);
    }
    return false;
}

static void report_any_dot(struct diags *diags, const struct ast_string *p, const struct finding *f)
{
    struct diag *d = diag_report(diags, DIAG_any_dot, pattern_span(p, f->begin, f->end), "this `.` takes any character, not a dot alone");
    diag_help(diags, d, "write `\\.` for a dot");
}

/* ---- the table and the walk ---- */

#define L(language) (1u << LANGUAGE_##language)
static const struct {
    unsigned languages;
    bool (*find)(const struct ast_string *, enum language, struct finding *);
    void (*report)(struct diags *, const struct ast_string *, const struct finding *);
} lints[] = {
    {L(glob) | L(contains) | L(re_full) | L(re_match) | L(re_search) | L(under_re), find_open_number, report_open_number},
    {L(re_full) | L(re_match) | L(re_search) | L(under_re), find_any_dot, report_any_dot},
};
#undef L

struct walk {
    struct diags *diags;
    const struct ast_predicate **sets; /* looked at already: a set is named by many rules */
    size_t set_count, set_capacity;
};

/* The first finding of each lint in a pattern is reported. */
static void lint_atom(struct walk *w, const struct ast_predicate *p)
{
    enum language language = atom_languages[p->atom];
    struct finding found;
    for (size_t i = 0; i < sizeof lints / sizeof *lints; i++)
        if (lints[i].languages >> language & 1 && lints[i].find(&p->pattern, language, &found))
            lints[i].report(w->diags, &p->pattern, &found);
}

/* Predicates are at most AST_DEPTH_MAX deep. */
static void lint_predicate(struct walk *w, const struct ast_predicate *p)
{
    switch (p->kind) {
    case AST_OR: case AST_AND:
        lint_predicate(w, p->left);
        lint_predicate(w, p->right);
        return;
    case AST_NOT:
        lint_predicate(w, p->left);
        return;
    case AST_ATOM:
        lint_atom(w, p);
        return;
    case AST_SET:
        for (size_t i = 0; i < w->set_count; i++)
            if (w->sets[i] == p->set_predicate)
                return;
        *ARENA_PUSH(w->diags->arena, w->sets, w->set_count, w->set_capacity) = p->set_predicate;
        lint_predicate(w, p->set_predicate);
        return;
    case AST_COMPARE: case AST_IN: case AST_ANY:
        return;
    }
}

void matcher_lint(const struct recipe *recipe, struct diags *diags)
{
    struct walk w = {.diags = diags};
    for (size_t i = 0; i < recipe->rule_count; i++)
        lint_predicate(&w, recipe->rules[i].predicate);
}
