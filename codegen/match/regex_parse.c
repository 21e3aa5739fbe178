/* Regex parser: tokens, sequences, quantifiers. In: the bytes of a str pattern. Out: its AST, or Python's own message and position.
 * Rule: CPython 3.11 Lib/re/_parser.py, function by function (_parse_sub, _parse, getwidth), so that a pattern is refused where
 * Python refuses it, in its words; positions are counted in code points as there. Recursion is bounded by REGEX_DEPTH_MAX. */
#include "codegen/match/regex_parse.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include "codegen/match/unicode.h"
#include "lang/text.h"

/* ---- faults ---- */

/* Every loop ends at `end`, so a fault needs no further test where nothing is built of what follows. */
static void stop(struct parser *p)
{
    p->index = p->size + 1;
    p->next = (struct token){.end = true};
}

/* Python adds line and column when the pattern has a newline. */
static void print_position(struct parser *p, struct text *out, size_t begin)
{
    size_t line = 1, line_begin = 0;
    bool many = false;
    for (size_t i = 0; i < p->size; i++) {
        many |= p->text[i] == '\n';
        if (p->text[i] == '\n' && i < begin) {
            line++;
            line_begin = i + 1;
        }
    }
    text_printf(out, " at position %zu", begin);
    if (many)
        text_printf(out, " (line %zu, column %zu)", line, begin - line_begin + 1);
}

void parser_fail(struct parser *p, size_t begin, const char *format, ...)
{
    if (p->fault.kind == REGEX_FAULT_NONE) {
        struct text text = text_make(p->pool->arena);
        va_list args;
        va_start(args, format);
        text_vprintf(&text, format, args);
        va_end(args);
        print_position(p, &text, begin);
        size_t end = begin < p->size ? begin + 1 : p->size;
        p->fault = (struct regex_fault){REGEX_FAULT_PYTHON, text_string(&text), p->offsets[begin], p->offsets[end]};
    }
    stop(p);
}

/* Python gives no position. */
static void fail_plain(struct parser *p, const char *message)
{
    if (p->fault.kind == REGEX_FAULT_NONE)
        p->fault = (struct regex_fault){REGEX_FAULT_PYTHON, message, 0, p->offsets[p->size]};
    stop(p);
}

static void __attribute__((format(printf, 2, 3))) report_limit(struct parser *p, const char *format, ...)
{
    if (p->fault.kind == REGEX_FAULT_NONE) {
        struct text text = text_make(p->pool->arena);
        va_list args;
        va_start(args, format);
        text_vprintf(&text, format, args);
        va_end(args);
        p->fault = (struct regex_fault){REGEX_FAULT_LIMIT, text_string(&text), 0, p->offsets[p->size]};
    }
    stop(p);
}

/* Python finds some faults only after the whole pattern is read (a lookbehind's width), and refusals of ours must not hide one of
 * its own: both wait. Python's go before ours. */
void parser_suspend(struct parser *p, enum regex_fault_kind kind, size_t begin, size_t end, const char *message)
{
    if (p->pending.kind == REGEX_FAULT_NONE || (kind == REGEX_FAULT_PYTHON && p->pending.kind != kind))
        p->pending = (struct regex_fault){kind, message, p->offsets[begin], p->offsets[end]};
}

const char *parser_slice(struct parser *p, size_t begin, size_t end)
{
    struct text text = text_make(p->pool->arena);
    for (size_t i = begin; i < end; i++) {
        char buffer[4];
        text_add_bytes(&text, buffer, utf8_put(buffer, p->text[i]));
    }
    return text_string(&text);
}

/* repr: single quotes unless only they occur; printable characters as they are. */
const char *parser_repr(struct parser *p, size_t begin, size_t end)
{
    bool single = false, both = false;
    for (size_t i = begin; i < end; i++) {
        single |= p->text[i] == '\'';
        both |= p->text[i] == '"';
    }
    char quote = single && !both ? '"' : '\'';
    struct text text = text_make(p->pool->arena);
    text_char(&text, quote);
    for (size_t i = begin; i < end; i++) {
        uint32_t c = p->text[i];
        char buffer[4];
        if (c == '\n' || c == '\t' || c == '\r')
            text_printf(&text, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else if (c == '\\' || c == (uint32_t)quote)
            text_printf(&text, "\\%c", (char)c);
        else if (unicode_has(UNICODE_UNPRINTABLE, c))
            text_printf(&text, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
        else
            text_add_bytes(&text, buffer, utf8_put(buffer, c));
    }
    text_char(&text, quote);
    return text_string(&text);
}

/* ---- tokens ---- */

/* A backslash and what follows it are one token, as in _parser.Tokenizer. */
static void read_token(struct parser *p)
{
    if (p->index >= p->size) {
        p->next = (struct token){.end = true};
        return;
    }
    uint32_t c = p->text[p->index++];
    p->next = (struct token){.c = c};
    if (c != '\\')
        return;
    if (p->index >= p->size) {
        parser_fail(p, p->size - 1, "bad escape (end of pattern)");
        return;
    }
    p->next = (struct token){.escaped = true, .c = p->text[p->index++]};
}

struct token parser_get(struct parser *p)
{
    struct token token = p->next;
    read_token(p);
    return token;
}

bool parser_take(struct parser *p, uint32_t c)
{
    if (p->next.end || p->next.escaped || p->next.c != c)
        return false;
    read_token(p);
    return true;
}

size_t parser_tell(const struct parser *p)
{
    size_t index = p->index > p->size ? p->size : p->index;
    return index - (p->next.end ? 0 : p->next.escaped ? 2 : 1);
}

/* Back to the character at index, as if it had not been read. */
static void seek(struct parser *p, size_t index)
{
    p->index = index;
    read_token(p);
}

/* ---- quantifiers ---- */

struct quantifier {
    uint32_t min, max;
};

/* Digits as a number, UINT32_MAX when it is that large. None: absent.
 * Saturates at UINT32_MAX, which is Python's MAXREPEAT and refused. */
static uint32_t read_number(struct parser *p, uint32_t absent)
{
    uint64_t value = 0;
    bool any = false;
    while (!p->next.end && !p->next.escaped && p->next.c >= '0' && p->next.c <= '9') {
        any = true;
        value = 10 * value + (parser_get(p).c - '0');
        value = value > UINT32_MAX ? UINT32_MAX : value;
    }
    return any ? (uint32_t)value : absent;
}

/* After `{` at position here - 1. False: the brace is a character of its own.
 * Only {m}, {m,}, {,n}, {m,n} and {,} repeat; whatever else begins as one is read again behind the brace, as text. */
static bool read_braces(struct parser *p, size_t here, struct quantifier *q)
{
    if (!p->next.end && !p->next.escaped && p->next.c == '}')
        return false;
    size_t begin = parser_tell(p);
    q->min = read_number(p, 0);
    bool has_low = parser_tell(p) > begin, has_high = has_low;
    q->max = has_low ? q->min : REGEX_UNBOUNDED;
    if (parser_take(p, ',')) {
        begin = parser_tell(p);
        q->max = read_number(p, REGEX_UNBOUNDED);
        has_high = parser_tell(p) > begin;
    }
    if (!parser_take(p, '}')) {
        if (p->fault.kind == REGEX_FAULT_NONE)
            seek(p, here);
        return false;
    }
    if ((has_low && q->min == UINT32_MAX) || (has_high && q->max == UINT32_MAX))
        fail_plain(p, "the repetition number is too large");
    else if (has_high && q->max < q->min)
        parser_fail(p, here, "min repeat greater than max repeat");
    return true;
}

/* x*+ and the like: each round and the whole keep their first match. */
static const struct regex *make_possessive(struct parser *p, const struct regex *item, struct quantifier q, size_t begin)
{
    const struct regex *repeat = regex_repeat(p->pool, item, q.min, q.max, false);
    if (!regex_is_exact_atomic(repeat) && !p->pattern->atomic.found)
        p->pattern->atomic = (struct regex_place){true, p->offsets[begin], p->offsets[parser_tell(p)]};
    return regex_atomic(p->pool, repeat);
}

/* The last item repeated; here is the position after the quantifier's first character.
 * Order of the tests and their messages: _parser._parse's. */
static void repeat_last(struct parser *p, struct sequence *s, struct quantifier q, size_t here)
{
    if (p->fault.kind != REGEX_FAULT_NONE)
        return;
    if (!s->count || s->last == ITEM_CONDITION) {
        parser_fail(p, here - 1, "nothing to repeat");
        return;
    }
    if (s->last == ITEM_REPEAT) {
        parser_fail(p, here - 1, "multiple repeat");
        return;
    }
    if (p->global_flags & FLAG_TEMPLATE)
        parser_suspend(p, REGEX_FAULT_PYTHON, here - 1, here, "internal: unsupported template operator");
    const struct regex **last = &s->items[s->count - 1];
    if (parser_take(p, '?'))
        *last = regex_repeat(p->pool, *last, q.min, q.max, true);
    else if (parser_take(p, '+'))
        *last = make_possessive(p, *last, q, here - 1);
    else
        *last = regex_repeat(p->pool, *last, q.min, q.max, false);
    s->last = ITEM_REPEAT;
}

/* A quantifier, or the brace that turned out to be none. */
static void read_quantifier(struct parser *p, struct sequence *s, uint32_t c, unsigned flags)
{
    size_t here = parser_tell(p);
    struct quantifier q = {c == '+', c == '?' ? 1 : REGEX_UNBOUNDED};
    if (c == '{' && !read_braces(p, here, &q))
        sequence_add(p, s, parser_literal(p, '{', false, flags), ITEM_PLAIN);
    else
        repeat_last(p, s, q, here);
}

/* ---- sequences ---- */

void sequence_add(struct parser *p, struct sequence *s, const struct regex *item, enum item_kind kind)
{
    *ARENA_PUSH(p->pool->temporary, s->items, s->count, s->capacity) = item;
    s->last = kind;
}

static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* (?x): blanks and comments between items. True when it was one.
 * An escaped blank or `#` is a character. */
static bool skip_verbose(struct parser *p, struct token this)
{
    if (this.escaped)
        return false;
    if (is_space(this.c))
        return true;
    if (this.c != '#')
        return false;
    struct token t;
    do
        t = parser_get(p);
    while (!t.end && (t.escaped || t.c != '\n'));
    return true;
}

static const struct regex *begin_condition(struct parser *p, unsigned flags)
{
    return regex_of_assert(p->pool, flags & FLAG_MULTILINE ? REGEX_ASSERT_line_begin : REGEX_ASSERT_begin);
}

static const struct regex *end_condition(struct parser *p, unsigned flags)
{
    return regex_of_assert(p->pool, flags & FLAG_MULTILINE ? REGEX_ASSERT_line_end : REGEX_ASSERT_end_or_newline);
}

static void read_item(struct parser *p, struct sequence *s, struct token this, unsigned *flags, bool first, bool nested)
{
    if (this.escaped)
        parser_escape(p, s, this, *flags);
    else if (this.c == '[')
        sequence_add(p, s, parser_set(p, *flags), ITEM_PLAIN);
    else if (this.c == '*' || this.c == '+' || this.c == '?' || this.c == '{')
        read_quantifier(p, s, this.c, *flags);
    else if (this.c == '.')
        sequence_add(p, s, regex_any(p->pool, *flags & FLAG_DOTALL), ITEM_PLAIN);
    else if (this.c == '(')
        parser_group(p, s, flags, parser_tell(p) - 1, first && !s->count, nested);
    else if (this.c == '^')
        sequence_add(p, s, begin_condition(p, *flags), ITEM_CONDITION);
    else if (this.c == '$')
        sequence_add(p, s, end_condition(p, *flags), ITEM_CONDITION);
    else
        sequence_add(p, s, parser_literal(p, this.c, false, *flags), ITEM_PLAIN);
}

const struct regex *parser_sequence(struct parser *p, unsigned *flags, bool first, bool nested)
{
    struct sequence s = {0};
    while (!p->next.end && (p->next.escaped || (p->next.c != '|' && p->next.c != ')'))) {
        struct token this = parser_get(p);
        if (!((*flags & FLAG_VERBOSE) && skip_verbose(p, this)) && p->fault.kind == REGEX_FAULT_NONE)
            read_item(p, &s, this, flags, first, nested);
    }
    return regex_cat(p->pool, s.items, s.count);
}

/* flags are the group's own: a global flag inside changes them for the alternatives that follow. */
const struct regex *parser_alternatives(struct parser *p, unsigned flags, bool nested)
{
    if (++p->depth > REGEX_DEPTH_MAX) {
        report_limit(p, "groups are nested deeper than %d", REGEX_DEPTH_MAX);
        return p->pool->empty;
    }
    struct sequence s = {0};
    do
        sequence_add(p, &s, parser_sequence(p, &flags, !nested && !s.count, nested), ITEM_PLAIN);
    while (parser_take(p, '|'));
    p->depth--;
    return regex_or(p->pool, s.items, s.count);
}

/* ---- the whole pattern ---- */

static void decode(struct parser *p, const char *bytes, size_t size)
{
    p->text = ARENA_ARRAY(p->pool->temporary, size + 1, uint32_t);
    p->offsets = ARENA_ARRAY(p->pool->temporary, size + 2, size_t);
    for (size_t at = 0; at < size;) {
        p->offsets[p->size] = at;
        p->text[p->size++] = utf8_next(bytes, size, &at);
    }
    p->offsets[p->size] = size;
    p->offsets[p->size + 1] = size;
}

/* In the order in which re.compile would find them. */
static void check_whole(struct parser *p)
{
    unsigned types = p->global_flags & FLAG_TYPES;
    if (p->fault.kind != REGEX_FAULT_NONE)
        return;
    if (types == (FLAG_ASCII | FLAG_UNICODE))
        fail_plain(p, "ASCII and UNICODE flags are incompatible");
    else if (!p->next.end)
        parser_fail(p, parser_tell(p), "unbalanced parenthesis");
    else if (p->conditional >= p->group_count)
        parser_fail(p, p->conditional_begin, "invalid group reference %" PRIu64, p->conditional);
    else
        p->fault = p->pending;
}

/* Nothing of `temporary` is kept by the result; the messages are in the pool's arena. */
struct regex_pattern regex_parse(struct regex_pool *pool, const char *bytes, size_t size)
{
    struct regex_pattern pattern = {0};
    struct parser p = {.pool = pool, .pattern = &pattern};
    if (size > REGEX_SIZE_MAX) {
        const char *message = arena_printf(pool->arena, "the pattern is longer than %d bytes", REGEX_SIZE_MAX);
        pattern.fault = (struct regex_fault){REGEX_FAULT_LIMIT, message, 0, size};
        return pattern;
    }
    decode(&p, bytes, size);
    *ARENA_PUSH(pool->temporary, p.groups, p.group_count, p.group_capacity) = (struct group){0};
    read_token(&p);
    const struct regex *root = parser_alternatives(&p, 0, false);
    check_whole(&p);
    pattern.fault = p.fault;
    pattern.root = p.fault.kind == REGEX_FAULT_NONE ? root : NULL;
    return pattern;
}
