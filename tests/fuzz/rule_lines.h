/* What the differential targets share: rules as lines of text, each a recipe's rule and what the oracle of backtrack.h has for it.
 *   line:   [target] {["!"] guard} how pattern
 *   target: 0 skip, 1 and 2 a config each; 1 when left out
 *   guard:  a letter of guards.def; `!`: not
 *   how:    f, m, s: fullmatch, match, search of a regex; g: a glob; _: every name, without a pattern */
#ifndef QUERN_TESTS_FUZZ_RULE_LINES_H
#define QUERN_TESTS_FUZZ_RULE_LINES_H

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include "codegen/match/program.h"
#include "tests/fuzz/backtrack.h"

enum { RULES_MAX = 8, PATTERN_MAX = 48, ASKED_MAX = 3, TARGETS = 3, TARGET_SKIP = 0 };
/* A line, and the oracle's tree of its pattern. */
struct rule_line {
    struct oracle oracle;
    const struct node *root;
    const char *pattern;
    size_t size;
    char how;
    unsigned target;
    struct {
        unsigned guard; /* row of guards.def */
        bool negated;
    } asked[ASKED_MAX];
    unsigned asked_count;
};
struct rule_lines {
    struct rule_line items[RULES_MAX];
    size_t count;
};

static const char guard_letters[] = {
#define GUARD(letter, text, known, holds) letter,
#include "tests/fuzz/guards.def"
#undef GUARD
};
static const char *const guard_texts[] = {
#define GUARD(letter, text, known, holds) text,
#include "tests/fuzz/guards.def"
#undef GUARD
};
enum { GUARDS = sizeof guard_letters }; /* rows of guards.def */

/* ---- reading ---- */

/* False: something the oracle does not know. */
static inline bool line_read(struct rule_line *line, const char *at, const char *end)
{
    line->target = 1;
    line->asked_count = 0;
    if (at < end && *at >= '0' && *at < '0' + TARGETS)
        line->target = (unsigned)(*at++ - '0');
    for (; at < end && !strchr("fmsg_", *at); line->asked_count++) {
        bool negated = *at == '!';
        const char *letter = (at += negated) < end ? memchr(guard_letters, *at++, GUARDS) : NULL;
        if (!letter || line->asked_count == ASKED_MAX)
            return false;
        line->asked[line->asked_count].guard = (unsigned)(letter - guard_letters);
        line->asked[line->asked_count].negated = negated;
    }
    if (at >= end || !*at || end - at > PATTERN_MAX)
        return false;
    line->how = *at++;
    line->pattern = at;
    line->size = (size_t)(end - at);
    line->root = oracle_parse(&line->oracle, line->how, at, line->size);
    return line->root != NULL && (line->how != '_' || !line->size);
}

/* What stands behind the last rule there may be is left out. */
static inline bool rule_lines_read(struct rule_lines *lines, const char *at, const char *end)
{
    for (lines->count = 0; at < end && lines->count < RULES_MAX; lines->count++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;
        if (!line_read(&lines->items[lines->count], at, stop))
            return false;
        at = stop + 1;
    }
    return lines->count > 0;
}

static inline void line_print(struct text *out, const struct rule_line *l)
{
    static const char *const targets[TARGETS] = {"skip", "w", "v"};
    const char *atom = l->how == 'g' ? "glob" : l->how == 'f' ? "re" : l->how == 'm' ? "re prefix" : "re search";
    if (l->how != '_')
        text_printf(out, "%s \"%.*s\"", atom, (int)l->size, l->pattern);
    else if (!l->asked_count)
        text_char(out, '_');
    for (unsigned i = 0; i < l->asked_count; i++)
        text_printf(out, "%s%s%s", i || l->how != '_' ? " and " : "", l->asked[i].negated ? "not " : "", guard_texts[l->asked[i].guard]);
    text_printf(out, " => %s\n", targets[l->target]);
}

/* The lines as a recipe. Its warnings are dropped; what the oracle knows, the front end takes: an error stops the target. */
static inline struct recipe *rule_lines_recipe(struct arena *arena, const struct rule_lines *lines)
{
    struct diags diags;
    struct text text = text_make(arena);
    diags_init(&diags, arena);
    text_add(&text, "config w { weight int8 }\nconfig v { weight int4 }\nmatch first {\n");
    for (const struct rule_line *l = lines->items; l < lines->items + lines->count; l++)
        line_print(&text, l);
    text_add(&text, "}\n");
    struct ast *ast = ast_parse_qr(arena, source_new(arena, "lines", text_string(&text), text.size), &diags);
    struct recipe *recipe = recipe_resolve(arena, ast, NULL, &diags);
    if (diags.errors)
        abort();
    return recipe;
}

/* ---- names ---- */

/* Every name over the patterns' first letters, a dot and a newline up to some length, the shortest first, and names with layer
 * numbers; names[*count] in the arena. */
static inline struct field *rule_lines_names(struct arena *arena, const struct rule_lines *lines, size_t *count)
{
    enum { LETTERS_MAX = 3, SHORT_MAX = 400 };
    static const char *const layered[] = {"layers.3", "h.0", "a.layers.12.b", "layers.x.blk.11", "layers.", "xh.1", "layers.2.layers.3",
                                          "block.1", "blocks.2.a", "layer.3"};
    enum { LAYERED = sizeof layered / sizeof *layered };
    struct field *names = ARENA_ARRAY(arena, SHORT_MAX + LAYERED, struct field);
    char letters[LETTERS_MAX + 3] = ".\n";
    size_t letter_count = 2, done = 0;
    for (const struct rule_line *l = lines->items; l < lines->items + lines->count; l++)
        for (size_t i = 0; i < l->size && letter_count < LETTERS_MAX + 2; i++)
            if (is_plain(l->pattern[i]) && !strchr(letters, l->pattern[i]))
                letters[letter_count++] = l->pattern[i];
    names[0] = (struct field){"", 0};
    for (*count = 1; *count + letter_count <= SHORT_MAX; done++)
        for (size_t i = 0; i < letter_count; i++) {
            char *name = arena_copy(arena, names[done].bytes, names[done].size + 1); /* the NUL becomes the letter */
            name[names[done].size] = letters[i];
            names[(*count)++] = (struct field){name, names[done].size + 1};
        }
    for (size_t i = 0; i < LAYERED; i++)
        names[(*count)++] = (struct field){layered[i], strlen(layered[i])};
    return names;
}

/* ---- the oracle's answers ---- */

static inline bool field_is(const struct field *f, const char *text)
{
    return f->size == strlen(text) && !memcmp(f->bytes, text, f->size);
}

/* Of a list; an empty one has none. */
static inline bool field_any(const struct field *f, size_t count, const char *text)
{
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any |= field_is(&f[i], text);
    return any;
}

/* -1: none. What counts as a layer number, by expressions and the C library's own matcher. */
static inline int64_t layer_of(const char *path)
{
    static const char *const forms[] = {"layers\\.([0-9]+)", "(^|\\.)(h|blk|blocks?|layer)\\.([0-9]+)"};
    static regex_t compiled[2];
    static bool ready;
    for (int i = 0; i < 2 && !ready; i++)
        if (regcomp(&compiled[i], forms[i], REG_EXTENDED))
            abort();
    ready = true;
    for (int i = 0; i < 2; i++) {
        regmatch_t groups[4];
        if (regexec(&compiled[i], path, 4, groups, 0))
            continue;
        errno = 0;
        long long value = strtoll(path + groups[i ? 3 : 1].rm_so, NULL, 10);
        return errno ? -1 : value;
    }
    return -1;
}

/* By definition: guards.def says when a guard is known, and when it holds. */
static inline enum truth guard_truth(unsigned row, const struct subject *s, int64_t layer)
{
    switch (guard_letters[row]) {
#define GUARD(letter, text, known, holds) case letter: return !(known) ? TRUTH_UNKNOWN : (holds) ? TRUTH_YES : TRUTH_NO;
#include "tests/fuzz/guards.def"
#undef GUARD
    }
    return TRUTH_UNKNOWN;
}

/* The name as a string; false: not of ASCII, or longer than any the targets look at. */
static inline bool name_string(char *string, size_t limit, const struct field *name)
{
    bool known = name->size < limit;
    for (size_t i = 0; i < name->size && known; i++)
        known = name->bytes[i] && !(name->bytes[i] & 0x80);
    if (known)
        memcpy(string, name->bytes, name->size);
    string[known ? name->size : 0] = 0;
    return known;
}

/* What each rule says of the subject. False: the oracle does not know, or it took too long. */
static inline bool rule_lines_verdicts(struct rule_lines *lines, const struct subject *s, unsigned char *verdicts)
{
    char path[256];
    if (!name_string(path, sizeof path, &s->module))
        return false;
    int64_t layer = layer_of(path);
    for (size_t i = 0; i < lines->count; i++) {
        struct rule_line *l = &lines->items[i];
        int found = oracle_match(&l->oracle, l->root, l->how, s->module.bytes, s->module.size);
        enum truth all = found ? TRUTH_YES : TRUTH_NO;
        if (found < 0)
            return false;
        for (unsigned k = 0; k < l->asked_count; k++) {
            enum truth one = guard_truth(l->asked[k].guard, s, layer);
            all = truth_and(all, l->asked[k].negated ? truth_not(one) : one);
        }
        verdicts[i] = (unsigned char)all;
    }
    return true;
}

/* The first rule that takes the subject, and the first unknown one before it. */
static inline struct match_outcome first_of(const unsigned char *verdicts, size_t count)
{
    struct match_outcome outcome = {-1, -1};
    for (size_t i = 0; i < count && outcome.rule < 0; i++) {
        if (verdicts[i] == TRUTH_YES)
            outcome.rule = (int)i;
        else if (verdicts[i] == TRUTH_UNKNOWN && outcome.unknown < 0)
            outcome.unknown = (int)i;
    }
    return outcome;
}

#endif
