/* Tokens of the .qr language: what the lexer's matches mean (docs/language.md), and the stream the grammar reads:
 * start tokens, `extra`'s YAML, braces a user forgot, limits. */
#define _GNU_SOURCE
#include "lang/qr.h"
#include "lang/qr_parse.h"
#include "lang/yaml_value.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int qr_lex_lex(QR_PARSE_STYPE *value, QR_PARSE_LTYPE *span, void *scanner);

/* Messages beyond the limit are counted and dropped, so there is nothing more to find. */
static bool is_stopped(struct qr_parse *parse)
{
    parse->stopped |= parse->diags->limit && parse->diags->errors >= parse->diags->limit;
    return parse->stopped;
}

/* ---- words ---- */

/* First and last byte and length tell the keywords apart well enough. */
static unsigned hash_word(const char *word, size_t size)
{
    return ((unsigned char)word[0] * 31u + (unsigned char)word[size - 1] * 7u + (unsigned)size * 3u) % QR_WORD_SLOTS;
}

/* Open addressing: each slot holds 1 + a keyword's index; fewer than half are used. */
static void fill_words(struct qr_parse *parse)
{
    struct qr_token_info info;
    int token;
    for (unsigned i = 0; qr_keyword(i, &info, &token); i++) {
        unsigned slot = hash_word(info.name, strlen(info.name));
        while (parse->words[slot])
            slot = (slot + 1) % QR_WORD_SLOTS;
        parse->words[slot] = (uint8_t)(i + 1);
    }
}

/* The keyword's token and its own text in *keyword; T_NAME when it is none. */
static int find_keyword(const struct qr_parse *parse, const char *word, size_t size, const char **keyword)
{
    struct qr_token_info info;
    int token;
    for (unsigned slot = hash_word(word, size); parse->words[slot]; slot = (slot + 1) % QR_WORD_SLOTS) {
        qr_keyword(parse->words[slot] - 1u, &info, &token);
        *keyword = info.name;
        if (strlen(info.name) == size && !memcmp(info.name, word, size))
            return token;
    }
    *keyword = NULL;
    return T_NAME;
}

/* Contextual words are names everywhere but in their place. */
bool qr_is_reserved(const char *word)
{
    struct qr_token_info info;
    int token;
    for (unsigned i = 0; qr_keyword(i, &info, &token); i++)
        if (info.group != QR_CONTEXT && !strcmp(info.name, word))
            return true;
    return false;
}

/* `extra` is one only where a config's slots stand. */
static bool is_in_config(const struct qr_parse *parse)
{
    return parse->block == T_CONFIG && (parse->is_fragment || parse->braces > 0);
}

/* A keyword or a name; both carry their text. */
int qr_word(struct qr_parse *parse, QR_PARSE_STYPE *value, const char *text, size_t size, struct span span)
{
    const char *keyword;
    int token = find_keyword(parse, text, size, &keyword);
    if (token == T_EXTRA && !is_in_config(parse))
        token = T_NAME;
    value->name = (struct ast_name){.text = keyword ? keyword : arena_copy(parse->arena, text, size), .span = span};
    return token;
}

/* ---- strings ---- */

/* text: with its quotes. Only `\"` and `\\` are escapes (docs/language.md). */
int qr_string(struct qr_parse *parse, QR_PARSE_STYPE *value, const char *text, size_t size, struct span span)
{
    char *bytes = arena_alloc(parse->arena, size), *end = bytes;
    for (size_t i = 1; i + 1 < size; i++) {
        bool escape = text[i] == '\\' && (text[i + 1] == '"' || text[i + 1] == '\\') && i + 2 < size;
        i += escape;
        *end++ = text[i];
    }
    value->string = (struct ast_string){bytes, (size_t)(end - bytes), span};
    if (memchr(text, '\n', size) || memchr(text, '\r', size))
        parse->long_string = span;
    return T_STRING;
}

/* The rest of the text is inside the string, so nothing more is read. */
void qr_open_string(struct qr_parse *parse, struct span span)
{
    struct diag *diag = diag_report(parse->diags, DIAG_open_string, span, "this string has no end");
    if (parse->long_string.source && !parse->is_fragment)
        diag_note(parse->diags, diag, parse->long_string, "this string holds a line break; a quote may be missing here");
    parse->stopped = true;
}

/* ---- numbers ---- */

/* IEC and SI suffixes. */
static const struct {
    const char *suffix;
    int64_t factor;
} suffixes[] = {
    {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {"T", 1000000000000},
    {"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", (int64_t)1 << 40},
};

/* The value of digits in base 10 or 16, underscores skipped; *end is the first other byte.
 * Negative numbers are built downwards, so that INT64_MIN is read. */
static bool read_digits(const char *s, int base, bool negative, int64_t *value, const char **end)
{
    bool fits = true;
    for (*value = 0;; s++) {
        const char *digit = *s ? strchr("0123456789abcdefABCDEF", *s) : NULL;
        int d = digit ? (int)(digit - "0123456789abcdefABCDEF") : 99;
        d = d > 15 && d < 22 ? d - 6 : d;
        if (*s == '_')
            continue;
        if (d >= base)
            break;
        fits = fits && !__builtin_mul_overflow(*value, (int64_t)base, value) &&
               !__builtin_add_overflow(*value, negative ? -(int64_t)d : (int64_t)d, value);
    }
    *end = s;
    return fits;
}

/* -0x1f, 1_000, 64Ki; false when a suffix is none */
static bool read_integer(const char *s, struct ast_number *number, bool *overflow)
{
    bool negative = *s == '-', is_hexadecimal = s[negative] == '0' && (s[negative + 1] | 32) == 'x';
    const char *end, *begin = s + negative + (is_hexadecimal ? 2 : 0);
    *overflow = !read_digits(begin, is_hexadecimal ? 16 : 10, negative, &number->integer, &end);
    if (end == begin)
        return false;
    bool known = !*end;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        if (strcmp(end, suffixes[i].suffix))
            continue;
        known = true;
        *overflow |= __builtin_mul_overflow(number->integer, suffixes[i].factor, &number->integer);
    }
    number->is_integer = true;
    number->value = (double)number->integer;
    return known;
}

/* strtod in the C locale, so that the decimal point is a point.
 * Digits that are not zero and a value that is: underflow, out of range as Inf is. */
static bool read_decimal(struct arena *arena, const char *text, struct ast_number *number, bool *overflow)
{
    char *plain = arena_string(arena, text), *to = plain, *end;
    for (const char *from = text; *from; from++)
        if (*from != '_')
            *to++ = *from;
    *to = 0;
    if (!*plain || strspn(plain, "0123456789.eE+-") != strlen(plain))
        return false;
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    number->value = c ? strtod_l(plain, &end, c) : strtod(plain, &end);
    if (c)
        freelocale(c);
    bool underflow = number->value == 0 && strpbrk(plain, "123456789") && strpbrk(plain, "123456789") < plain + strcspn(plain, "eE");
    *overflow = isinf(number->value) || underflow;
    return !*end && end != plain;
}

/* The lexer has seen to the form of underscores and points. */
bool qr_read_number(struct arena *arena, const char *text, size_t size, struct ast_number *number, bool *overflow)
{
    const char *s = arena_copy(arena, text, size);
    *number = (struct ast_number){.spelling = s};
    *overflow = false;
    bool negative = *s == '-';
    if (!strcmp(s + negative, "inf") || !strcmp(s, "nan")) {
        number->value = s[negative] == 'n' ? (double)NAN : negative ? -(double)INFINITY : (double)INFINITY;
        return true;
    }
    if (s[negative] < '0' || s[negative] > '9')
        return false;
    bool is_hexadecimal = s[negative] == '0' && (s[negative + 1] | 32) == 'x';
    if (is_hexadecimal || !strpbrk(s, ".eE"))
        return read_integer(s, number, overflow);
    return read_decimal(arena, s, number, overflow);
}

const char *qr_own_spelling(struct arena *arena, struct ast_number number)
{
    const char *canonical = arena_printf(arena, "%lld", (long long)number.integer);
    return number.spelling && strcmp(number.spelling, canonical) ? number.spelling : NULL;
}

/* Out of range: reported, and 1 is read. */
int qr_number(struct qr_parse *parse, QR_PARSE_STYPE *value, const char *text, size_t size, struct span span)
{
    bool overflow;
    qr_read_number(parse->arena, text, size, &value->number, &overflow);
    value->number.span = span;
    if (!overflow)
        return T_INTEGER;
    const char *bounds = value->number.is_integer ? "integers lie between -2^63 and 2^63 - 1" : "decimals lie within IEEE double";
    diag_report(parse->diags, DIAG_number_range, span, "`%.40s` is out of range: %s", text, bounds);
    value->number.integer = 1;
    value->number.value = 1;
    value->number.spelling = "1";
    return T_INTEGER;
}

void qr_bad_number(struct qr_parse *parse, QR_PARSE_STYPE *value, const char *text, struct span span)
{
    struct diag *diag = diag_report(parse->diags, DIAG_bad_number, span, "`%.40s` is not a number", text);
    if (strchr(text, '.'))
        diag_help(parse->diags, diag, "a decimal point has digits on both sides: `0.5`, `1.0`");
    else if (strpbrk(text, "kKmMgGtT"))
        diag_help(parse->diags, diag, "the suffixes of integers are k M G T and Ki Mi Gi Ti");
    value->number = (struct ast_number){.is_integer = true, .integer = 1, .value = 1, .spelling = "1", .span = span};
}

/* ---- the rest ---- */

/* Comments of a fragment are YAML's own. */
void qr_comment(struct qr_parse *parse, struct span span)
{
    if (parse->is_fragment)
        return;
    struct ast_comment *comment = ARENA_NEW(parse->arena, struct ast_comment);
    uint32_t at = span.begin;
    const char *bytes = parse->source->bytes;
    while (at > 0 && (bytes[at - 1] == ' ' || bytes[at - 1] == '\t'))
        at--;
    bool after_bom = at == 3 && !memcmp(bytes, "\xef\xbb\xbf", 3);
    comment->own_line = at == 0 || after_bom || bytes[at - 1] == '\n' || bytes[at - 1] == '\r';
    comment->span = span;
    parse->comments = comment_list_add(parse->comments, comment);
}

/* The scanner goes on behind it, so the limit on errors is looked at here too. */
void qr_control(struct qr_parse *parse, const char *text, struct span span)
{
    if (is_stopped(parse))
        return;
    diag_report(parse->diags, DIAG_bad_character, span, "the control character 0x%02x cannot stand here", (unsigned char)text[0]);
}

/* ---- the stream ---- */

/* The flow collection after `extra`, read as YAML up to its closing brace; the scanner goes on behind it.
 * The lexer is opened anew behind it: YAML's tokens are not .qr's. */
static int read_flow(struct qr_parse *parse, QR_PARSE_STYPE *value, struct span *span)
{
    struct source *source = parse->is_fragment ? source_new(parse->arena, parse->source->name, parse->text, parse->size) : parse->source;
    uint32_t begin = parse->offset - 1, end = yaml_flow_end(source, begin);
    struct span flow = {source, begin, end ? end : begin + 1};
    if (!end) {
        diag_report(parse->diags, DIAG_open_block, parse->is_fragment ? parse->whole : flow, "the mapping after `extra` is not closed");
        parse->stopped = true;
        return T_END;
    }
    const char *json = yaml_flow_json(parse->arena, source, flow, parse->diags);
    json = json ? json : "{}";
    *span = (struct span){parse->source, begin, end};
    value->string = (struct ast_string){json, strlen(json), parse->is_fragment ? parse->whole : *span};
    qr_scan_end(parse);
    parse->offset = end;
    qr_scan_begin(parse);
    return T_FLOW;
}

static bool starts_declaration(int token)
{
    switch (token) {
    case T_RECIPE:
    case T_IMPORT:
    case T_FORMAT:
    case T_CONFIG:
    case T_SET:
    case T_ALIAS:
    case T_PREPARE:
    case T_ALGORITHM:
    case T_MATCH:
    case T_EXPECT:
        return true;
    }
    return false; /* group, schedule and spec stand inside blocks too */
}

static bool is_declaration(int token)
{
    return starts_declaration(token) || token == T_SPEC || token == T_SCHEDULE || token == T_GROUP;
}

/* blanks: whether they may stand before it */
static bool is_first_on_line(const struct qr_parse *parse, uint32_t at, bool blanks)
{
    while (at > 0 && blanks && (parse->text[at - 1] == ' ' || parse->text[at - 1] == '\t'))
        at--;
    return at == 0 || parse->text[at - 1] == '\n' || parse->text[at - 1] == '\r';
}

/* A declaration's keyword inside a block: one that cannot stand there, or any at the very beginning of a line.
 * A brace that is missing then costs one message, not the rest of the file. */
static bool cuts_block(const struct qr_parse *parse, int token, struct span span)
{
    if (parse->is_fragment || parse->depth)
        return false;
    return starts_declaration(token) || (is_declaration(token) && is_first_on_line(parse, span.begin, false));
}

static void track_brackets(struct qr_parse *parse, int token, struct span span)
{
    bool opens = token == T_LPAREN || token == T_LBRACKET, closes = token == T_RPAREN || token == T_RBRACKET;
    parse->level = parse->braces;
    parse->braces += token == T_LBRACE;
    parse->braces -= token == T_RBRACE && parse->braces > 0;
    parse->depth += opens;
    parse->depth -= closes && parse->depth > 0;
    if (token == T_LBRACE)
        parse->opening = span;
    if (parse->depth > AST_DEPTH_MAX)
        qr_too_deep(parse, span);
}

/* A block that a declaration or the end of the text cuts off: reported, and closed before that token. */
static int close_block(struct qr_parse *parse, int token, struct span span)
{
    const char *word = parse->source->bytes + span.begin;
    if (token == T_END)
        diag_report(parse->diags, DIAG_open_block, parse->opening, "this block is not closed");
    else
        diag_report(parse->diags, DIAG_open_block, span, "expected `}` before `%.*s`: the block before it is not closed",
                    (int)(span.end - span.begin), word);
    parse->queue[parse->queued++] = token;
    parse->depth = 0;
    return T_RBRACE;
}

/* A queued token, or the text's next one with `extra`, unclosed blocks and brackets seen to.
 * Nesting is counted here, before the grammar: its stack is bounded by AST_DEPTH_MAX. */
static int read_token(struct qr_parse *parse, QR_PARSE_STYPE *value, struct span *span)
{
    if (parse->queued) {
        *span = parse->queued_span;
        value->name = parse->queued_name;
        parse->level = parse->braces;
        return parse->queue[--parse->queued];
    }
    int token = is_stopped(parse) ? T_END : qr_lex_lex(value, span, parse->scanner);
    if (token == T_LBRACE && parse->seen.token == T_EXTRA)
        return read_flow(parse, value, span);
    if (parse->braces && (cuts_block(parse, token, *span) || (token == T_END && !is_stopped(parse)))) {
        parse->queued_span = *span;
        parse->queued_name = value->name;
        token = close_block(parse, token, *span);
    }
    track_brackets(parse, token, *span);
    return token;
}

/* ---- recovery ---- */

/* Where reading can go on after an error at brace level `level`: at the block's end, or at the beginning of a line in it;
 * outside blocks at a declaration. */
static bool is_sync_point(const struct qr_parse *parse, int token, struct span span, unsigned level)
{
    if (parse->level != level)
        return false;
    if (level == 0)
        return is_declaration(token);
    return token == T_RBRACE || is_first_on_line(parse, span.begin, true);
}

/* Skips from the token at fault to a sync point. That token is kept for the next call; SYNC is said before it.
 * Each call gets on by one token at least (`synced`), so that recovery ends. */
static int synchronise(struct qr_parse *parse, int token, QR_PARSE_STYPE *value, struct span *span)
{
    unsigned level = parse->level;
    bool again = parse->synced == span->begin + 1;
    while (token != T_END && (again || !is_sync_point(parse, token, *span, level))) {
        token = read_token(parse, value, span);
        again = false;
    }
    parse->depth = 0;
    parse->recovering = false;
    if (token == T_END)
        return token;
    parse->repeats = token;
    parse->synced = span->begin + 1;
    return T_SYNC;
}

/* The next token with its true place; parse->seen is the one before it. */
static int next_token(struct qr_parse *parse, QR_PARSE_STYPE *value, struct span *span)
{
    if (parse->repeats || parse->recovering) {
        *value = *parse->value;
        *span = parse->seen.span;
    }
    if (parse->repeats) {
        int token = parse->repeats;
        parse->repeats = 0;
        return token;
    }
    if (parse->recovering)
        return synchronise(parse, parse->seen.token, value, span);
    return read_token(parse, value, span);
}

int qr_parse_lex(QR_PARSE_STYPE *value, QR_PARSE_LTYPE *span, struct qr_parse *parse);

/* What bison calls. Every span of a fragment is the fragment's. */
int qr_parse_lex(QR_PARSE_STYPE *value, QR_PARSE_LTYPE *span, struct qr_parse *parse)
{
    if (!parse->value) {
        fill_words(parse);
        parse->value = ARENA_NEW(parse->arena, QR_PARSE_STYPE);
    }
    *span = (struct span){parse->source, parse->offset, parse->offset};
    int token = next_token(parse, value, span);
    bool is_word = token == T_NAME || (token >= T_RECIPE && token <= T_NAN);
    parse->before = parse->seen;
    parse->seen = (struct qr_seen){token, *span, is_word ? value->name.text : NULL};
    *parse->value = *value;
    if (!parse->braces && is_declaration(token))
        parse->block = token;
    if (!parse->is_fragment)
        return token;
    *span = parse->whole;
    if (is_word)
        value->name.span = *span;
    else if (token == T_STRING)
        value->string.span = *span;
    else if (token == T_INTEGER || token == T_DECIMAL)
        value->number.span = *span;
    return token;
}
