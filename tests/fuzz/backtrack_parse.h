/* The oracle's patterns, as trees: a subset of Python's regexes and of globs. backtrack.h matches them.
 * Known: letters, `.`, \. \d \w, classes […] [^…] of those and of ranges, groups (?:…), alternatives, * + ? {m,n} and their lazy
 * forms, (?=…) (?!…) (?<=…) (?<!…), ^ $ \A \Z \b \B; of globs * ? […] [!…]. Whatever else a pattern holds makes it unknown. */
#ifndef QUERN_TESTS_FUZZ_BACKTRACK_PARSE_H
#define QUERN_TESTS_FUZZ_BACKTRACK_PARSE_H

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Of a pattern's tree; `a` and `b` are its parts. */
enum node_kind { NODE_EMPTY, NODE_CHAR, NODE_CAT, NODE_OR, NODE_REPEAT, NODE_LOOK, NODE_HERE };
struct chars { /* of ASCII, a bit each */
    uint64_t bits[2];
};
struct node {
    enum node_kind kind;
    const struct node *a, *b;
    unsigned min, max; /* REPEAT; max 255: any number */
    int width;         /* -1: not fixed */
    bool behind, negated;
    struct chars chars; /* CHAR */
    char c;             /* HERE: the letter of the condition */
};
enum { NODES_MAX = 256, ANY_NUMBER = 255 }; /* of a pattern of PATTERN_MAX bytes; stands for no upper bound */
/* One pattern: its nodes, the text being parsed, the name being matched. */
struct oracle {
    struct node nodes[NODES_MAX];
    unsigned count;
    const char *at, *end;
    bool unknown;
    const char *name; /* while it matches */
    size_t size;
    unsigned steps;
};

/* Beyond NODES_MAX the pattern is unknown, and node 0 is overwritten. */
static inline const struct node *oracle_node(struct oracle *o, struct node n)
{
    o->unknown |= o->count == NODES_MAX;
    o->nodes[o->unknown ? 0 : o->count++] = n;
    return &o->nodes[o->unknown ? 0 : o->count - 1];
}

/* Steps over the text if it stands here. */
static inline bool oracle_take(struct oracle *o, const char *text)
{
    size_t size = strlen(text);
    bool found = (size_t)(o->end - o->at) >= size && !memcmp(o->at, text, size);
    o->at += found ? size : 0;
    return found;
}

/* Both ends included. */
static inline void chars_add(struct chars *chars, int first, int last)
{
    for (int c = first; c <= last; c++)
        chars->bits[c >> 6] |= UINT64_C(1) << (c & 63);
}

/* No byte beyond ASCII is in a class. */
static inline bool chars_have(const struct chars *chars, char c)
{
    return (unsigned char)c < 128 && chars->bits[c >> 6] >> (c & 63) & 1;
}

static inline struct chars chars_not(struct chars chars)
{
    return (struct chars){{~chars.bits[0], ~chars.bits[1]}};
}

/* What stands for itself in every language of patterns. */
static inline bool is_plain(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* What stands behind a backslash. */
static inline void oracle_escape(struct oracle *o, struct chars *chars)
{
    char c = o->at < o->end ? *o->at++ : 0;
    o->unknown |= !strchr(".dw", c) || !c;
    if (c == '.')
        chars_add(chars, '.', '.');
    for (int k = 0; k < 128 && c != '.'; k++)
        if (isdigit(k) || (c == 'w' && is_plain((char)k)))
            chars_add(chars, k, k);
}

/* A class, behind its bracket. */
static inline struct chars oracle_class(struct oracle *o, const char *negation, bool escapes)
{
    struct chars chars = {{0}};
    bool negated = oracle_take(o, negation), some = false;
    for (; o->at < o->end && *o->at != ']' && !o->unknown; some = true) {
        char first = *o->at++, last = first;
        if (first == '\\' && escapes) {
            oracle_escape(o, &chars);
            continue;
        }
        if (oracle_take(o, "-"))
            last = o->at < o->end ? *o->at++ : 0;
        o->unknown |= (!is_plain(first) && first != '.') || !is_plain(last == '.' ? 'a' : last) || first > last;
        if (!o->unknown)
            chars_add(&chars, first, last);
    }
    o->unknown |= !some || !oracle_take(o, "]");
    return negated ? chars_not(chars) : chars;
}

static inline const struct node *oracle_chars(struct oracle *o, struct chars chars)
{
    return oracle_node(o, (struct node){.kind = NODE_CHAR, .chars = chars, .width = 1});
}

static inline const struct node *oracle_alternatives(struct oracle *o, unsigned depth);

/* Behind the parenthesis. Groups that capture are unknown, as are lookbehinds without a width. */
static inline const struct node *oracle_group(struct oracle *o, unsigned depth)
{
    bool look = true, behind = false, negated = false;
    if (oracle_take(o, "?:"))
        look = false;
    else if (oracle_take(o, "?<=") || oracle_take(o, "?<!"))
        behind = true;
    else if (!oracle_take(o, "?=") && !oracle_take(o, "?!"))
        o->unknown = true;
    negated = o->at[-1] == '!';
    const struct node *body = oracle_alternatives(o, depth + 1);
    o->unknown |= !oracle_take(o, ")") || (look && behind && body->width < 0);
    return look ? oracle_node(o, (struct node){.kind = NODE_LOOK, .a = body, .behind = behind, .negated = negated}) : body;
}

/* `.` is all but a line end. */
static inline const struct node *oracle_atom(struct oracle *o, unsigned depth)
{
    char c = *o->at++;
    if (c == '(')
        return oracle_group(o, depth);
    if (c == '\\' && o->at < o->end && strchr("AZbB", *o->at) && *o->at)
        return oracle_node(o, (struct node){.kind = NODE_HERE, .c = *o->at++});
    if (c == '^' || c == '$')
        return oracle_node(o, (struct node){.kind = NODE_HERE, .c = c});
    struct chars chars = {{0}};
    if (c == '[')
        return oracle_chars(o, oracle_class(o, "^", true));
    if (c == '\\')
        oracle_escape(o, &chars);
    else if (c == '.')
        chars_add(&chars, '\n', '\n');
    else if (is_plain(c))
        chars_add(&chars, c, c);
    else
        o->unknown = true;
    return oracle_chars(o, c == '.' ? chars_not(chars) : chars);
}

/* The bounds of a quantifier, if there is one. */
static inline bool oracle_quantifier(struct oracle *o, unsigned *min, unsigned *max)
{
    static const struct { const char *text; unsigned min, max; } quantifiers[] = {
        {"*", 0, ANY_NUMBER}, {"+", 1, ANY_NUMBER}, {"?", 0, 1}, {"{2}", 2, 2}, {"{1,3}", 1, 3}, {"{,2}", 0, 2}, {"{2,}", 2, ANY_NUMBER},
    };
    for (size_t i = 0; i < sizeof quantifiers / sizeof *quantifiers; i++)
        if (oracle_take(o, quantifiers[i].text)) {
            *min = quantifiers[i].min;
            *max = quantifiers[i].max;
            oracle_take(o, "?");
            return true;
        }
    return false;
}

/* A chain of CAT nodes from the left; widths add up while they are fixed. */
static inline const struct node *oracle_sequence(struct oracle *o, unsigned depth)
{
    const struct node *all = oracle_node(o, (struct node){.kind = NODE_EMPTY});
    while (o->at < o->end && *o->at != '|' && *o->at != ')' && !o->unknown) {
        unsigned min, max;
        const struct node *n = oracle_atom(o, depth);
        if (oracle_quantifier(o, &min, &max)) {
            o->unknown |= n->kind == NODE_HERE; /* Python refuses ^* and the like */
            int width = n->width >= 0 && (min == max || !n->width) ? n->width * (int)min : -1;
            n = oracle_node(o, (struct node){.kind = NODE_REPEAT, .a = n, .min = min, .max = max, .width = width});
        }
        int width = all->width < 0 || n->width < 0 ? -1 : all->width + n->width;
        all = oracle_node(o, (struct node){.kind = NODE_CAT, .a = all, .b = n, .width = width});
    }
    return all;
}

/* depth: of groups within groups. */
static inline const struct node *oracle_alternatives(struct oracle *o, unsigned depth)
{
    o->unknown |= depth > 16;
    const struct node *n = oracle_sequence(o, depth);
    while (!o->unknown && oracle_take(o, "|")) {
        const struct node *other = oracle_sequence(o, depth);
        n = oracle_node(o, (struct node){.kind = NODE_OR, .a = n, .b = other, .width = n->width == other->width ? n->width : -1});
    }
    return n;
}

/* fnmatch's language: `*` and `?` take any character, dots and line ends included. */
static inline const struct node *oracle_glob(struct oracle *o)
{
    const struct node *all = oracle_node(o, (struct node){.kind = NODE_EMPTY});
    while (o->at < o->end && !o->unknown) {
        char c = *o->at++;
        struct chars chars = {{0}};
        if (c == '[')
            chars = oracle_class(o, "!", false);
        else if (c == '*' || c == '?')
            chars = chars_not(chars);
        else if (is_plain(c) || c == '.')
            chars_add(&chars, c, c);
        else
            o->unknown = true;
        const struct node *n = oracle_chars(o, chars);
        if (c == '*')
            n = oracle_node(o, (struct node){.kind = NODE_REPEAT, .a = n, .max = ANY_NUMBER});
        all = oracle_node(o, (struct node){.kind = NODE_CAT, .a = all, .b = n});
    }
    return all;
}

/* A regex, or a glob where `how` is 'g'. NULL: the pattern is not of the subset. */
static inline const struct node *oracle_parse(struct oracle *o, char how, const char *bytes, size_t size)
{
    *o = (struct oracle){.at = bytes, .end = bytes + size};
    const struct node *root = how == 'g' ? oracle_glob(o) : oracle_alternatives(o, 0);
    return o->unknown || o->at < o->end ? NULL : root;
}

#endif
