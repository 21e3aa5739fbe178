/* Messages of the .qr parser: "expected X, saw Y" in the words of the language, with the edit that probably helps. In: the
 * tokens that the LR(1) automaton would take at the fault, which are exact since the grammar is canonical LR(1). Out: one
 * message a fault; many tokens that one part of the grammar begins with are called by its name. */
#include "lang/qr.h"
#include "lang/qr_parse.h"

#include <string.h>

/* Bytes of the text shown; phrases of one message; words compared for a suggestion. */
enum { SHOWN_MAX = 40, PHRASES_MAX = 8, WORDS_MAX = 128 };

void qr_too_deep(struct qr_parse *parse, struct span span)
{
    if (!parse->stopped)
        diag_report(parse->diags, DIAG_too_large, parse->is_fragment ? parse->whole : span, "nested deeper than %d levels", AST_DEPTH_MAX);
    parse->stopped = true;
}

/* ---- what was expected ---- */

/* Parts of the grammar that messages call by one name: the group whose tokens begin it, how many of them make it
 * unmistakable, and the groups it swallows besides. */
struct phrase {
    enum qr_group group;
    unsigned least;
    const char *text;
    unsigned swallows; /* bits of groups */
};
static const struct phrase phrases[] = {
    {QR_ATOM, 10, "a predicate", 1u << QR_TERM | 1u << QR_CONTEXT},
    {QR_DECL, 10, "a declaration", 0},
    {QR_SLOT, 6, "a slot", 0},
    {QR_SLOT, 5, "a role", 0},
    {QR_ATTRIBUTE, 5, "an attribute", 0},
    {QR_COMPARISON, 3, "a comparison", 0},
};

struct expectation {
    const struct qr_token_info *tokens;
    size_t count;
    unsigned groups[QR_OTHER + 1]; /* tokens of each group */
    const char *shown[PHRASES_MAX];
    size_t shown_count;
};

/* Whether that token could stand at the fault. */
static bool expects(const struct expectation *e, const char *name)
{
    for (size_t i = 0; i < e->count; i++)
        if (!strcmp(e->tokens[i].name, name))
            return true;
    return false;
}

/* Adds a phrase once. */
static void show(struct expectation *e, const char *text)
{
    for (size_t i = 0; i < e->shown_count; i++)
        if (!strcmp(e->shown[i], text))
            return;
    if (e->shown_count < PHRASES_MAX)
        e->shown[e->shown_count++] = text;
}

/* Shows the phrases that the groups add up to; gives the groups they stand for. */
static unsigned show_phrases(struct expectation *e)
{
    unsigned covered = 0;
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        const struct phrase *p = &phrases[i];
        if (covered & 1u << p->group || e->groups[p->group] < p->least)
            continue;
        bool is_rule = p->group == QR_ATOM && expects(e, "optional");
        show(e, is_rule ? "a rule" : p->text);
        covered |= 1u << p->group | p->swallows;
    }
    return covered;
}

/* Tokens that a shown phrase, or a broader token, already stands for. */
static bool is_implied(const struct expectation *e, unsigned covered, const struct qr_token_info *token)
{
    static const char *const of_predicate[] = {"not", "_", "(", "an integer", "a name", "a string", "disabled", "optional", "use"};
    if (covered & 1u << token->group)
        return true;
    if (covered & 1u << QR_ATTRIBUTE && !strcmp(token->name, "("))
        return true;
    bool names = expects(e, "a name");
    if (token->group == QR_CONTEXT)
        return names || expects(e, "a decimal number");
    if (covered & 1u << QR_DECL && !strcmp(token->name, "the end"))
        return true;
    if (!strcmp(token->name, "a string") && names)
        return true;
    for (size_t i = 0; covered & 1u << QR_ATOM && i < sizeof of_predicate / sizeof *of_predicate; i++)
        if (!strcmp(token->name, of_predicate[i]))
            return true;
    return false;
}

/* The tokens that no phrase stands for, in their own words. */
static void show_tokens(struct qr_parse *parse, struct expectation *e, unsigned covered)
{
    for (size_t i = 0; i < e->count; i++) {
        const struct qr_token_info *token = &e->tokens[i];
        bool is_number = !strcmp(token->name, "a decimal number") || (!strcmp(token->name, "an integer") && expects(e, "a decimal number"));
        if (is_implied(e, covered, token))
            continue;
        if (is_number)
            show(e, "a number");
        else if (!strncmp(token->name, "a ", 2) || !strncmp(token->name, "an ", 3))
            show(e, token->name);
        else if (!strcmp(token->name, "the end"))
            show(e, "the end of the text");
        else
            show(e, arena_printf(parse->arena, "`%s`", token->name));
    }
}

/* "a slot, `}` or a name" */
static const char *join_shown(struct qr_parse *parse, const struct expectation *e)
{
    struct text out = text_make(parse->arena);
    for (size_t i = 0; i < e->shown_count; i++)
        text_printf(&out, "%s%s", i == 0 ? "" : i + 1 < e->shown_count ? ", " : " or ", e->shown[i]);
    return text_string(&out);
}

/* ---- what was seen ---- */

/* The token at fault as written, cut at its first line break and at SHOWN_MAX. */
static const char *describe_seen(struct qr_parse *parse, bool at_end)
{
    if (at_end || parse->seen.span.end == parse->seen.span.begin)
        return parse->is_file ? "the end of the file" : "the end of the text";
    const char *bytes = parse->text + parse->seen.span.begin;
    size_t size = parse->seen.span.end - parse->seen.span.begin, shown = 0;
    while (shown < size && bytes[shown] != '\n' && bytes[shown] != '\r' && (shown < SHOWN_MAX || (bytes[shown] & 0xc0) == 0x80))
        shown++;
    return arena_printf(parse->arena, "`%.*s%s`", (int)shown, bytes, shown < size ? "…" : "");
}

/* ---- what may help ---- */

static bool is_word(const struct qr_token_info *token)
{
    return token->group < QR_COMPARISON && strcmp(token->name, "_");
}

/* The expected word nearest to one that is no keyword. */
static const char *find_expected(const struct expectation *e, const char *word)
{
    const char *words[WORDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < e->count && count < WORDS_MAX; i++)
        if (is_word(&e->tokens[i]))
            words[count++] = e->tokens[i].name;
    return diag_nearest(word, words, count);
}

/* The word before the fault may be a misspelt keyword that passed as a name: `golb "*"`. */
static const char *find_any_keyword(const char *word)
{
    const char *words[WORDS_MAX];
    struct qr_token_info info;
    int token;
    unsigned count = 0;
    for (unsigned i = 0; count < WORDS_MAX && qr_keyword(i, &info, &token); i++)
        if (info.group <= QR_TERM)
            words[count++] = info.name;
    return strlen(word) < 3 ? NULL : diag_nearest(word, words, count);
}

static bool seen_is(const struct qr_parse *parse, const char *text)
{
    struct span span = parse->seen.span;
    return span.end - span.begin == strlen(text) && !memcmp(parse->text + span.begin, text, strlen(text));
}

/* At most one help: the likeliest edit. */
static void add_help(struct qr_parse *parse, const struct expectation *e, struct diag *diag)
{
    const struct qr_seen *seen = &parse->seen, *before = &parse->before;
    const char *nearest = seen->token == T_NAME ? find_expected(e, seen->text) : NULL;
    if (nearest) {
        diag_help(parse->diags, diag, "did you mean `%s`?", nearest);
        return;
    }
    nearest = before->token == T_NAME ? find_any_keyword(before->text) : NULL;
    const struct qr_seen *reserved = seen->token == T_COLON ? before : seen;
    bool any_name = expects(e, "a name") && expects(e, "a string") && !e->groups[QR_ATOM];
    bool wants_name = seen->token == T_COLON || any_name;
    if (nearest)
        diag_help(parse->diags, diag, "did you mean `%s` instead of `%s`?", nearest, before->text);
    else if (wants_name && reserved->text && qr_is_reserved(reserved->text) && reserved->token > T_EXPECT)
        diag_help(parse->diags, diag, "`%s` is a reserved word; as a name it is written \"%s\"", reserved->text, reserved->text);
    else if (seen_is(parse, "'"))
        diag_help(parse->diags, diag, "strings stand in double quotes");
    else if (seen_is(parse, ";") || seen_is(parse, ","))
        diag_help(parse->diags, diag, "nothing separates declarations, slots and rules; leave it out");
}

/* One message for each token at fault: recovery may meet it again. */
void qr_syntax_error(struct qr_parse *parse, struct span span, bool at_end, const struct qr_token_info *expected, size_t count)
{
    parse->recovering = true;
    if (parse->stopped || parse->reported == parse->seen.span.begin + 1)
        return;
    parse->reported = parse->seen.span.begin + 1;
    struct expectation e = {.tokens = expected, .count = count};
    for (size_t i = 0; i < count; i++)
        e.groups[expected[i].group]++;
    show_tokens(parse, &e, show_phrases(&e));
    struct diag *diag = diag_report(parse->diags, DIAG_syntax, span, "expected %s, saw %s", join_shown(parse, &e), describe_seen(parse, at_end));
    add_help(parse, &e, diag);
    bool after_long = parse->long_string.source && (parse->long_string.begin == parse->before.span.begin || parse->long_string.begin == span.begin);
    if (after_long && !parse->is_fragment)
        diag_note(parse->diags, diag, parse->long_string, "this string holds a line break; a quote may be missing here");
}
