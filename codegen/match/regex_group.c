/* Regex parser: groups, look-arounds, inline flags. In: the tokens behind `(`. Out: the group's AST; a captured text is not kept,
 * since only the language matters. Rule: CPython 3.11 Lib/re/_parser.py (_parse, _parse_flags), its messages and positions. What is
 * no regular language (a backreference, a conditional group) is refused, after the rest was found to be what Python takes. */
#include "codegen/match/regex_parse.h"
#include "codegen/match/unicode.h"

/* ---- inline flags ---- */

static unsigned flag_of(struct token t)
{
    static const struct { char letter; unsigned flag; } flags[] = {
        {'i', FLAG_IGNORECASE}, {'L', FLAG_LOCALE}, {'m', FLAG_MULTILINE}, {'s', FLAG_DOTALL},
        {'x', FLAG_VERBOSE}, {'a', FLAG_ASCII}, {'t', FLAG_TEMPLATE}, {'u', FLAG_UNICODE},
    };
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (!t.end && !t.escaped && t.c == (uint32_t)flags[i].letter)
            return flags[i].flag;
    return 0;
}

static bool is_char(struct token t, uint32_t c)
{
    return !t.end && !t.escaped && t.c == c;
}

/* The token after a flag: NULL when it may stand; what Python says otherwise. */
static bool check_after_flag(struct parser *p, struct token t, const char *missing)
{
    size_t at = parser_tell(p);
    if (t.end)
        parser_fail(p, at, "%s", missing);
    else if (!flag_of(t))
        parser_fail(p, at - (t.escaped ? 2 : 1), "%s", !t.escaped && unicode_has(UNICODE_ALPHA, t.c) ? "unknown flag" : missing);
    return p->fault.kind == REGEX_FAULT_NONE;
}

/* Letters to turn on, the first one read; *t becomes the token after them.
 * Flags a, u and L exclude each other. */
static unsigned read_flags_on(struct parser *p, struct token *t)
{
    unsigned on = 0;
    for (;;) {
        unsigned flag = flag_of(*t);
        if (flag == FLAG_LOCALE)
            parser_fail(p, parser_tell(p), "bad inline flags: cannot use 'L' flag with a str pattern");
        on |= flag;
        if ((flag & FLAG_TYPES) && (on & FLAG_TYPES) != flag)
            parser_fail(p, parser_tell(p), "bad inline flags: flags 'a', 'u' and 'L' are incompatible");
        *t = parser_get(p);
        if (is_char(*t, ')') || is_char(*t, '-') || is_char(*t, ':') || !check_after_flag(p, *t, "missing -, : or )"))
            return on;
    }
}

static unsigned read_flags_off(struct parser *p, struct token *t)
{
    unsigned off = 0;
    *t = parser_get(p);
    if (!check_after_flag(p, *t, "missing flag"))
        return 0;
    for (;;) {
        unsigned flag = flag_of(*t);
        if (flag & FLAG_TYPES)
            parser_fail(p, parser_tell(p), "bad inline flags: cannot turn off flags 'a', 'u' and 'L'");
        off |= flag;
        *t = parser_get(p);
        if (is_char(*t, ':') || !check_after_flag(p, *t, "missing :"))
            return off;
    }
}

/* (?aimsux) changes *flags and global ones and gives true; (?aimsux-imsx: changes *inner alone.
 * Python's order: the letters, then `)` for global flags, `-` and `:` for the group's own. */
static bool read_flags(struct parser *p, struct token t, unsigned *flags, unsigned *inner)
{
    unsigned on = 0, off = 0;
    if (!is_char(t, '-'))
        on = read_flags_on(p, &t);
    if (p->fault.kind != REGEX_FAULT_NONE)
        return false;
    if (is_char(t, ')')) {
        p->global_flags |= on;
        *flags |= on;
        return true;
    }
    if (on & FLAG_TEMPLATE)
        parser_fail(p, parser_tell(p) - 1, "bad inline flags: cannot turn on global flag");
    if (is_char(t, '-') && p->fault.kind == REGEX_FAULT_NONE)
        off = read_flags_off(p, &t);
    if (off & FLAG_TEMPLATE)
        parser_fail(p, parser_tell(p) - 1, "bad inline flags: cannot turn off global flag");
    if (on & off)
        parser_fail(p, parser_tell(p) - 1, "bad inline flags: flag turned on and off");
    *inner = (((on & FLAG_TYPES) ? *flags & ~(unsigned)FLAG_TYPES : *flags) | on) & ~off;
    return false;
}

/* ---- names ---- */

struct name {
    size_t begin, end; /* characters */
};

/* Up to terminator, which is taken. An escaped character counts as two. */
static struct name read_name(struct parser *p, uint32_t terminator, const char *terminator_word)
{
    struct name name = {parser_tell(p), 0};
    for (;;) {
        name.end = parser_tell(p);
        struct token t = parser_get(p);
        bool closes = is_char(t, terminator);
        if (!t.end && !closes)
            continue;
        if (name.end == name.begin)
            parser_fail(p, name.begin, "missing group name");
        else if (t.end)
            parser_fail(p, name.begin, "missing %s, unterminated name", terminator_word);
        return name;
    }
}

/* str.isidentifier. */
static bool is_identifier(const struct parser *p, struct name name)
{
    for (size_t i = name.begin; i < name.end; i++)
        if (!unicode_has(i == name.begin ? UNICODE_START : UNICODE_CONTINUE, p->text[i]))
            return false;
    return name.end > name.begin;
}

static bool check_name(struct parser *p, struct name name)
{
    if (p->fault.kind == REGEX_FAULT_NONE && !is_identifier(p, name))
        parser_fail(p, name.begin, "bad character in group name %s", parser_repr(p, name.begin, name.end));
    return p->fault.kind == REGEX_FAULT_NONE;
}

/* The group with that name, or 0.
 * Linear in the groups: a pattern of many named groups is quadratic in their number, and bounded by REGEX_SIZE_MAX. */
static size_t find_group(const struct parser *p, struct name name)
{
    for (size_t g = 1; g < p->group_count; g++) {
        size_t size = p->groups[g].name_end - p->groups[g].name_begin;
        bool same = size && size == name.end - name.begin;
        for (size_t i = 0; same && i < size; i++)
            same = p->text[p->groups[g].name_begin + i] == p->text[name.begin + i];
        if (same)
            return g;
    }
    return 0;
}

static void check_lookbehind_group(struct parser *p, uint64_t group)
{
    if (!p->lookbehind_groups || p->fault.kind != REGEX_FAULT_NONE)
        return;
    if (group >= p->group_count || !p->groups[group].closed)
        parser_fail(p, parser_tell(p), "cannot refer to an open group");
    else if (group >= p->lookbehind_groups)
        parser_fail(p, parser_tell(p), "cannot refer to group defined in the same lookbehind subpattern");
}

/* ---- what refers to a group: refused, when Python takes it ---- */

static const char backreference[] = "a backreference is not a regular language";
static const char conditional[] = "a conditional group is not a regular language";

void parser_reference(struct parser *p, uint64_t group, size_t begin, size_t end)
{
    check_lookbehind_group(p, group);
    parser_suspend(p, REGEX_FAULT_NOT_REGULAR, begin, end, backreference);
}

static void read_named_reference(struct parser *p, size_t start)
{
    struct name name = read_name(p, ')', ")");
    if (!check_name(p, name))
        return;
    size_t group = find_group(p, name);
    if (!group)
        parser_fail(p, name.begin, "unknown group name %s", parser_repr(p, name.begin, name.end));
    else if (!p->groups[group].closed)
        parser_fail(p, name.begin, "cannot refer to an open group");
    else
        parser_reference(p, group, start, parser_tell(p));
}

/* (?(1)…): int() also takes blanks, a sign, underscores and any decimal digit; the plain spelling is enough here. */
static uint64_t read_group_number(struct parser *p, struct name name)
{
    uint64_t group = 0;
    for (size_t i = name.begin; i < name.end; i++) {
        if (p->text[i] < '0' || p->text[i] > '9') {
            parser_fail(p, name.begin, "bad character in group name %s", parser_repr(p, name.begin, name.end));
            return 0;
        }
        group = 10 * group + (p->text[i] - '0');
        group = group > INT32_MAX ? INT32_MAX : group;
    }
    if (!group)
        parser_fail(p, name.begin, "bad group number");
    else if (group >= INT32_MAX / 2)
        parser_fail(p, name.begin, "invalid group reference %s", parser_slice(p, name.begin, name.end));
    return group;
}

/* The branches are read for their faults and dropped. Both may be empty. */
static void read_conditional(struct parser *p, unsigned flags, size_t start)
{
    struct name name = read_name(p, ')', ")");
    if (p->fault.kind != REGEX_FAULT_NONE)
        return;
    bool named = is_identifier(p, name);
    uint64_t group = named ? find_group(p, name) : read_group_number(p, name);
    if (named && !group)
        parser_fail(p, name.begin, "unknown group name %s", parser_repr(p, name.begin, name.end));
    if (group > p->conditional) {
        p->conditional = group;
        p->conditional_begin = name.begin;
    }
    check_lookbehind_group(p, group);
    parser_sequence(p, &flags, false, true);
    if (parser_take(p, '|')) {
        parser_sequence(p, &flags, false, true);
        if (is_char(p->next, '|'))
            parser_fail(p, parser_tell(p), "conditional backref with more than two branches");
    }
    if (!parser_take(p, ')'))
        parser_fail(p, start, "missing ), unterminated subpattern");
    parser_suspend(p, REGEX_FAULT_NOT_REGULAR, start, parser_tell(p), conditional);
}

/* ---- groups ---- */

static void close_group(struct parser *p, size_t start)
{
    if (!parser_take(p, ')'))
        parser_fail(p, start, "missing ), unterminated subpattern");
}

static const struct regex *read_body(struct parser *p, unsigned flags, size_t start)
{
    const struct regex *body = parser_alternatives(p, flags, true);
    close_group(p, start);
    return body;
}

/* Python measures a lookbehind by getwidth: least and greatest length must be equal. Groups opened inside may not be referred to
 * within it. */
static void read_look(struct parser *p, struct sequence *s, bool behind, bool negated, unsigned flags, size_t start)
{
    size_t outer = p->lookbehind_groups;
    if (behind && !outer)
        p->lookbehind_groups = p->group_count;
    const struct regex *body = read_body(p, flags, start);
    p->lookbehind_groups = outer;
    if (p->fault.kind != REGEX_FAULT_NONE)
        return;
    if (behind && (body->shortest != body->longest || body->shortest >= REGEX_UNBOUNDED))
        parser_suspend(p, REGEX_FAULT_PYTHON, start, parser_tell(p), "look-behind requires fixed-width pattern");
    sequence_add(p, s, regex_look(p->pool, body, behind, negated), ITEM_PLAIN);
}

static void read_atomic(struct parser *p, struct sequence *s, unsigned flags, size_t start)
{
    const struct regex *body = read_body(p, flags, start);
    if (!regex_is_exact_atomic(body) && !p->pattern->atomic.found)
        p->pattern->atomic = (struct regex_place){true, p->offsets[start], p->offsets[parser_tell(p)]};
    sequence_add(p, s, regex_atomic(p->pool, body), ITEM_PLAIN);
}

/* Group numbers are given at the opening parenthesis; a group is closed once its body was read. */
static void read_capture(struct parser *p, struct sequence *s, struct name name, unsigned flags, size_t start)
{
    size_t group = p->group_count, before = find_group(p, name);
    if (name.end > name.begin && before)
        parser_fail(p, name.begin, "redefinition of group name %s as group %zu; was group %zu",
                    parser_repr(p, name.begin, name.end), group, before);
    struct group opened = {(uint32_t)name.begin, (uint32_t)name.end, false};
    *ARENA_PUSH(p->pool->temporary, p->groups, p->group_count, p->group_capacity) = opened;
    sequence_add(p, s, read_body(p, flags, start), ITEM_PLAIN);
    p->groups[group].closed = true;
}

static void skip_comment(struct parser *p, size_t start)
{
    for (;;) {
        struct token t = parser_get(p);
        if (t.end)
            parser_fail(p, start, "missing ), unterminated comment");
        if (t.end || is_char(t, ')'))
            return;
    }
}

/* A token as Python's messages show it. */
static const char *show(struct parser *p, struct token t)
{
    size_t end = parser_tell(p);
    return parser_slice(p, end - (t.escaped ? 2 : 1), end);
}

/* After (?P */
static void read_python_extension(struct parser *p, struct sequence *s, unsigned flags, size_t start)
{
    if (parser_take(p, '<')) {
        struct name name = read_name(p, '>', ">");
        if (check_name(p, name))
            read_capture(p, s, name, flags, start);
        return;
    }
    if (parser_take(p, '=')) {
        read_named_reference(p, start);
        sequence_add(p, s, p->pool->empty, ITEM_PLAIN);
        return;
    }
    struct token t = parser_get(p);
    if (t.end)
        parser_fail(p, parser_tell(p), "unexpected end of pattern");
    else
        parser_fail(p, parser_tell(p) - (t.escaped ? 4 : 3), "unknown extension ?P%s", show(p, t));
}

/* After (?< */
static void read_behind(struct parser *p, struct sequence *s, unsigned flags, size_t start)
{
    struct token t = parser_get(p);
    if (t.end)
        parser_fail(p, parser_tell(p), "unexpected end of pattern");
    else if (is_char(t, '=') || is_char(t, '!'))
        read_look(p, s, true, t.c == '!', flags, start);
    else
        parser_fail(p, parser_tell(p) - (t.escaped ? 4 : 3), "unknown extension ?<%s", show(p, t));
}

/* (?flags) and (?flags:…); t is the first letter or `-`.
 * Global flags stand at the very start alone since Python 3.11. */
static void read_flagged(struct parser *p, struct sequence *s, struct token t, unsigned *flags, size_t start, bool first)
{
    unsigned inner = *flags, outer = *flags;
    if (!read_flags(p, t, &outer, &inner)) {
        if (p->fault.kind == REGEX_FAULT_NONE)
            sequence_add(p, s, read_body(p, inner, start), ITEM_PLAIN);
        return;
    }
    if (!first)
        parser_fail(p, start, "global flags not at the start of the expression");
    *flags = outer;
}

void parser_group(struct parser *p, struct sequence *s, unsigned *flags, size_t start, bool first, bool nested)
{
    (void)nested;
    if (!parser_take(p, '?')) {
        read_capture(p, s, (struct name){0, 0}, *flags, start);
        return;
    }
    struct token t = parser_get(p);
    if (t.end)
        parser_fail(p, parser_tell(p), "unexpected end of pattern");
    else if (is_char(t, 'P'))
        read_python_extension(p, s, *flags, start);
    else if (is_char(t, ':'))
        sequence_add(p, s, read_body(p, *flags, start), ITEM_PLAIN);
    else if (is_char(t, '#'))
        skip_comment(p, start);
    else if (is_char(t, '=') || is_char(t, '!'))
        read_look(p, s, false, t.c == '!', *flags, start);
    else if (is_char(t, '<'))
        read_behind(p, s, *flags, start);
    else if (is_char(t, '(')) {
        read_conditional(p, *flags, start);
        sequence_add(p, s, p->pool->empty, ITEM_PLAIN);
    } else if (is_char(t, '>'))
        read_atomic(p, s, *flags, start);
    else if (is_char(t, '-') || flag_of(t))
        read_flagged(p, s, t, flags, start, first);
    else
        parser_fail(p, parser_tell(p) - (t.escaped ? 3 : 2), "unknown extension ?%s", show(p, t));
}
