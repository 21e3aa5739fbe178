/* Regex parser: escapes, character sets, IGNORECASE. In: the tokens behind `\` or `[`. Out: sets of code points and conditions.
 * Rule: CPython 3.11 Lib/re/_parser.py (_class_escape, _escape, the set branch of _parse) and _compiler.py (_compile,
 * _optimize_charset, which decide what IGNORECASE compares). A set here is the set of subject characters that match, so that case
 * is gone after parsing: {c : lower(c) in folded set}. */
#include "codegen/match/regex_parse.h"
#include "codegen/match/unicode.h"

/* ---- escapes of one character ---- */

static bool is_octal(struct token t)
{
    return !t.end && !t.escaped && t.c >= '0' && t.c <= '7';
}

static bool is_digit(struct token t)
{
    return !t.end && !t.escaped && t.c >= '0' && t.c <= '9';
}

static int hex_value(uint32_t c)
{
    return c >= '0' && c <= '9' ? (int)c - '0' : c >= 'a' && c <= 'f' ? (int)c - 'a' + 10 : c >= 'A' && c <= 'F' ? (int)c - 'A' + 10 : -1;
}

/* ASCII: Python reserves these after a backslash, and no others. */
static bool is_letter(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Exactly `digits` hexadecimal digits after \x, \u or \U at begin.
 * The message shows what was read of the escape. */
static bool read_hexadecimal(struct parser *p, size_t begin, int digits, uint32_t *c)
{
    uint64_t value = 0;
    int n = 0;
    for (; n < digits && !p->next.end && !p->next.escaped && hex_value(p->next.c) >= 0; n++)
        value = 16 * value + (uint64_t)hex_value(parser_get(p).c);
    if (n < digits)
        parser_fail(p, begin, "incomplete escape %s", parser_slice(p, begin, parser_tell(p)));
    else if (value > CODE_POINT_MAX)
        parser_fail(p, begin, "bad escape %s", parser_slice(p, begin, parser_tell(p)));
    *c = (uint32_t)value;
    return p->fault.kind == REGEX_FAULT_NONE;
}

/* \N{NAME} at begin. Control characters have no name, and Python's are more than Quern carries. */
static bool read_named(struct parser *p, size_t begin, uint32_t *c)
{
    if (!parser_take(p, '{')) {
        parser_fail(p, parser_tell(p), "missing {");
        return false;
    }
    size_t name = parser_tell(p), end;
    struct token t;
    do {
        end = parser_tell(p);
        t = parser_get(p);
    } while (!t.end && (t.escaped || t.c != '}'));
    if (end == name)
        parser_fail(p, name, "missing character name");
    else if (t.end)
        parser_fail(p, name, "missing }, unterminated name");
    if (p->fault.kind != REGEX_FAULT_NONE)
        return false;
    const char *text = parser_slice(p, name, end);
    int32_t found = unicode_find_name(text, end - name);
    if (found < 0)
        parser_suspend(p, REGEX_FAULT_NAME, begin, end + 1, "\\N{…} knows the characters U+0020 to U+052F only");
    *c = found < 0 ? 'x' : (uint32_t)found;
    return true;
}

/* \x, \u, \U, \N, or an octal or plain escape common to both places; begin is the backslash.
 * A letter or digit without a meaning is an error, any other character stands for itself. */
static bool read_character(struct parser *p, struct token escape, size_t begin, uint32_t *c)
{
    static const struct { char letter, value; } plain[] = {
        {'a', '\a'}, {'f', '\f'}, {'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'v', '\v'}, {'\\', '\\'},
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (escape.c == (uint32_t)plain[i].letter)
            return *c = (uint32_t)plain[i].value, true;
    if (escape.c == 'x' || escape.c == 'u' || escape.c == 'U')
        return read_hexadecimal(p, begin, escape.c == 'x' ? 2 : escape.c == 'u' ? 4 : 8, c);
    if (escape.c == 'N')
        return read_named(p, begin, c);
    if (is_letter(escape.c) || (escape.c >= '0' && escape.c <= '9')) {
        parser_fail(p, begin, "bad escape %s", parser_slice(p, begin, parser_tell(p)));
        return false;
    }
    *c = escape.c;
    return true;
}

/* first and up to two more octal digits; of a set, or after \0. */
static uint32_t read_octal(struct parser *p, uint32_t first)
{
    uint32_t value = first - '0';
    for (int n = 0; n < 2 && is_octal(p->next); n++)
        value = 8 * value + (parser_get(p).c - '0');
    return value;
}

/* Only three-digit escapes can pass 0377. */
static bool check_octal(struct parser *p, size_t begin, uint32_t value)
{
    if (value > 0377)
        parser_fail(p, begin, "octal escape value %s outside of range 0-0o377", parser_slice(p, begin, parser_tell(p)));
    return value <= 0377;
}

/* ---- escapes outside sets ---- */

/* \A and \Z do not depend on flags; \b and \B follow ASCII. */
static bool find_condition(uint32_t letter, unsigned flags, enum regex_assert *condition)
{
    bool ascii = flags & FLAG_ASCII;
    switch (letter) {
    case 'A': *condition = REGEX_ASSERT_begin; return true;
    case 'Z': *condition = REGEX_ASSERT_end; return true;
    case 'b': *condition = ascii ? REGEX_ASSERT_ascii_word : REGEX_ASSERT_word; return true;
    case 'B': *condition = ascii ? REGEX_ASSERT_ascii_not_word : REGEX_ASSERT_not_word; return true;
    }
    return false;
}

/* \1 to \99, or three octal digits. */
static void read_numbered(struct parser *p, struct sequence *s, uint32_t first, size_t begin, unsigned flags)
{
    uint64_t group = first - '0';
    if (is_digit(p->next)) {
        uint32_t second = parser_get(p).c;
        group = 10 * group + (second - '0');
        if (first <= '7' && second <= '7' && is_octal(p->next)) {
            uint32_t value = 64 * (first - '0') + 8 * (second - '0') + (parser_get(p).c - '0');
            if (check_octal(p, begin, value))
                sequence_add(p, s, parser_literal(p, value, false, flags), ITEM_PLAIN);
            return;
        }
    }
    if (group >= p->group_count)
        parser_fail(p, begin + 1, "invalid group reference %u", (unsigned)group);
    else if (!p->groups[group].closed)
        parser_fail(p, begin, "cannot refer to an open group");
    else
        parser_reference(p, group, begin, parser_tell(p));
    sequence_add(p, s, p->pool->empty, ITEM_PLAIN);
}

/* \d \D \s \S \w \W; false: none of them.
 * Upper-case letters are the complements. */
static bool read_category(uint32_t letter, unsigned flags, struct charset *set)
{
    static const struct { char letter; enum unicode_set set; } categories[] = {
        {'d', UNICODE_DIGIT}, {'s', UNICODE_SPACE}, {'w', UNICODE_WORD},
    };
    for (size_t i = 0; i < sizeof categories / sizeof *categories; i++) {
        if ((letter | 0x20) != (uint32_t)categories[i].letter || !is_letter(letter))
            continue;
        size_t count;
        const struct code_range *ranges = flags & FLAG_ASCII ? ascii_ranges(categories[i].set, &count) : unicode_ranges(categories[i].set, &count);
        if (letter & 0x20)
            charset_add_ranges(set, ranges, count);
        else
            charset_add_outside(set, ranges, count);
        return true;
    }
    return false;
}

void parser_escape(struct parser *p, struct sequence *s, struct token escape, unsigned flags)
{
    size_t begin = parser_tell(p) - 2;
    enum regex_assert condition;
    struct charset set = charset_make(p->pool->temporary);
    uint32_t c;
    if (find_condition(escape.c, flags, &condition))
        sequence_add(p, s, regex_of_assert(p->pool, condition), ITEM_CONDITION);
    else if (read_category(escape.c, flags, &set))
        sequence_add(p, s, regex_of_set(p->pool, &set), ITEM_PLAIN);
    else if (escape.c == '0')
        sequence_add(p, s, parser_literal(p, read_octal(p, '0'), false, flags), ITEM_PLAIN);
    else if (escape.c >= '1' && escape.c <= '9')
        read_numbered(p, s, escape.c, begin, flags);
    else if (read_character(p, escape, begin, &c))
        sequence_add(p, s, parser_literal(p, c, false, flags), ITEM_PLAIN);
}

/* ---- IGNORECASE: _compiler.py's _compile and _optimize_charset ---- */

static bool any_cased(uint32_t low, uint32_t high, unsigned flags)
{
    if (!(flags & FLAG_ASCII))
        return unicode_any_cased(low, high);
    return (low <= 'Z' && high >= 'A') || (low <= 'z' && high >= 'a');
}

/* The lower case of each of low..high: what the subject's lower case is compared with.
 * ASCII letters alone move under re.ASCII. */
static void add_lower(struct charset *set, uint32_t low, uint32_t high, unsigned flags)
{
    if (!(flags & FLAG_ASCII)) {
        unicode_add_lower(set, low, high);
        return;
    }
    for (uint32_t c = low; c <= high && c <= 'Z'; c++)
        if (c >= 'A')
            charset_add(set, c + 0x20, c + 0x20);
    if (low < 'A')
        charset_add(set, low, high < 'A' ? high : 'A' - 1);
    if (high > 'Z')
        charset_add(set, low > 'Z' ? low : 'Z' + 1, high);
}

/* {c : lower(c) is in tested}, tested settled. */
static struct charset find_subjects(struct charset *tested, unsigned flags)
{
    struct charset set = charset_make(tested->arena);
    if (!(flags & FLAG_ASCII)) {
        unicode_add_subjects(&set, tested->ranges, tested->count);
    } else {
        struct charset outside = charset_make(tested->arena);
        charset_add_outside(&outside, tested->ranges, tested->count);
        charset_add(&outside, 'A', 'Z');
        charset_settle(&outside);
        charset_add_outside(&set, outside.ranges, outside.count);
        for (uint32_t c = 'A'; c <= 'Z'; c++)
            if (ranges_have(tested->ranges, tested->count, c + 0x20))
                charset_add(&set, c, c);
    }
    charset_settle(&set);
    return set;
}

/* A character without case is compared as it is: _compile emits LITERAL for it, not LITERAL_IGNORE. */
const struct regex *parser_literal(struct parser *p, uint32_t c, bool negated, unsigned flags)
{
    struct charset set = charset_make(p->pool->temporary);
    if ((flags & FLAG_IGNORECASE) && any_cased(c, c, flags)) {
        add_lower(&set, c, c, flags);
        if (!(flags & FLAG_ASCII))
            unicode_add_extra_cases(&set);
        set = find_subjects(&set, flags);
    } else {
        charset_add(&set, c, c);
    }
    if (negated)
        charset_negate(&set);
    return regex_of_set(p->pool, &set);
}

/* ---- sets ---- */

struct set_reader {
    struct charset plain, folded; /* without and with IGNORECASE */
    size_t items;
    bool cased, single, negated;
    uint32_t only; /* single: the one literal */
};

/* A range under IGNORECASE: in the basic plane by folding; beyond it the range and what its upper cases reach. */
static void add_folded_range(struct set_reader *r, uint32_t low, uint32_t high, unsigned flags)
{
    if (low <= 0xffff) {
        add_lower(&r->folded, low, high > 0xffff ? 0xffff : high, flags);
        r->cased |= any_cased(low, high > 0xffff ? 0xffff : high, flags);
    }
    if (high > 0xffff) {
        r->cased = true;
        charset_add(&r->folded, low, high);
        unicode_add_upper_inside(&r->folded, low, high);
    }
}

/* single: the set is one literal, which _parse treats as if it stood outside of brackets. */
static void add_range(struct set_reader *r, uint32_t low, uint32_t high, unsigned flags)
{
    r->single = low == high && !r->items;
    r->only = low;
    r->items++;
    charset_add(&r->plain, low, high);
    if (!(flags & FLAG_IGNORECASE))
        return;
    if (low != high || low <= 0xffff) {
        add_folded_range(r, low, high, flags);
    } else { /* the literal as written, compared with the subject's lower case */
        r->cased = true;
        charset_add(&r->folded, low, low);
    }
}

/* One end of a range, or a category. Gives false for a category, which it adds. */
static bool read_member(struct parser *p, struct set_reader *r, struct token t, size_t begin, unsigned flags, uint32_t *c)
{
    *c = t.c;
    if (!t.escaped)
        return true;
    if (read_category(t.c, flags, &r->plain)) {
        read_category(t.c, flags, &r->folded);
        return false;
    }
    if (t.c == 'b')
        return *c = '\b', true;
    if (t.c >= '0' && t.c <= '7') {
        *c = read_octal(p, t.c);
        check_octal(p, begin, *c);
        return true;
    }
    read_character(p, t, begin, c);
    return true;
}

static void fail_unterminated(struct parser *p, size_t here)
{
    parser_fail(p, here, "unterminated character set");
}

/* After LOW and `-`: the upper end. literal: LOW was a character. True when the set is closed by `]`. */
static bool read_range(struct parser *p, struct set_reader *r, struct token low_token, size_t begin, bool literal, uint32_t low, unsigned flags, size_t here)
{
    size_t that_begin = parser_tell(p);
    struct token that = parser_get(p);
    if (that.end) {
        fail_unterminated(p, here);
        return true;
    }
    if (!that.escaped && that.c == ']') {
        if (literal)
            add_range(r, low, low, flags);
        add_range(r, '-', '-', flags);
        r->single = false;
        return true;
    }
    uint32_t high;
    bool high_literal = read_member(p, r, that, that_begin, flags, &high);
    size_t low_end = begin + (low_token.escaped ? 2 : 1), high_end = that_begin + (that.escaped ? 2 : 1);
    if (p->fault.kind == REGEX_FAULT_NONE && (!literal || !high_literal || high < low)) {
        const char *a = parser_slice(p, begin, low_end), *b = parser_slice(p, that_begin, high_end);
        size_t back = (low_end - begin) + 1 + (high_end - that_begin);
        parser_fail(p, parser_tell(p) - back, "bad character range %s-%s", a, b);
    }
    if (p->fault.kind != REGEX_FAULT_NONE)
        return true;
    add_range(r, low, high, flags);
    r->single = false;
    return false;
}

/* Negation comes between folding and the test, as in the compiled charset: [^k] under IGNORECASE is what lower(c) is not in. */
static const struct regex *finish_set(struct parser *p, struct set_reader *r, unsigned flags)
{
    if (r->single && r->items == 1)
        return parser_literal(p, r->only, r->negated, flags);
    struct charset *set = r->cased ? &r->folded : &r->plain;
    charset_settle(set);
    if (r->cased && !(flags & FLAG_ASCII))
        unicode_add_extra_cases(set);
    if (r->negated)
        charset_negate(set);
    struct charset subjects = r->cased ? find_subjects(set, flags) : *set;
    return regex_of_set(p->pool, &subjects);
}

/* A `]` that stands first is a member. Python warns of nested sets and takes them literally. */
const struct regex *parser_set(struct parser *p, unsigned flags)
{
    struct set_reader r = {.plain = charset_make(p->pool->temporary), .folded = charset_make(p->pool->temporary)};
    size_t here = parser_tell(p) - 1;
    r.negated = parser_take(p, '^');
    bool any = false;
    while (p->fault.kind == REGEX_FAULT_NONE) {
        size_t begin = parser_tell(p);
        struct token this = parser_get(p);
        if (this.end) {
            fail_unterminated(p, here);
            break;
        }
        if (!this.escaped && this.c == ']' && any)
            break;
        uint32_t c;
        bool literal = read_member(p, &r, this, begin, flags, &c);
        any = true;
        if (parser_take(p, '-')) {
            if (read_range(p, &r, this, begin, literal, c, flags, here))
                break;
        } else if (literal) {
            add_range(&r, c, c, flags);
        } else {
            r.items++;
            r.single = false;
        }
    }
    return finish_set(p, &r, flags);
}
