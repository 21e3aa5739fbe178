/* The regex parser's state, shared by its files: regex_parse.c (sequences), regex_group.c (groups and flags),
 * regex_escape.c (escapes and sets). The shape follows CPython's re/_parser.py, whose messages and positions users know. */
#ifndef QUERN_CODEGEN_MATCH_REGEX_PARSE_H
#define QUERN_CODEGEN_MATCH_REGEX_PARSE_H

#include "codegen/match/regex.h"

enum { /* inline flags */
    FLAG_TEMPLATE = 1, FLAG_IGNORECASE = 2, FLAG_LOCALE = 4, FLAG_MULTILINE = 8, FLAG_DOTALL = 16, FLAG_UNICODE = 32,
    FLAG_VERBOSE = 64, FLAG_ASCII = 256, FLAG_TYPES = FLAG_ASCII | FLAG_LOCALE | FLAG_UNICODE
};

/* The next token: a character, or a backslash and the character after it. */
struct token {
    bool end, escaped;
    uint32_t c; /* the character; the one after the backslash */
};

struct group {
    uint32_t name_begin, name_end; /* code points; equal: no name */
    bool closed;
};

struct parser {
    struct regex_pool *pool;
    uint32_t *text;    /* the pattern's code points */
    size_t *offsets;   /* the byte each one starts at; one more for the end */
    size_t size, index; /* of text; index stands after `next` */
    struct token next;
    unsigned global_flags, depth;
    struct group *groups; /* [0] is the whole pattern */
    size_t group_count, group_capacity;
    size_t lookbehind_groups; /* groups before the lookbehind being read; 0: in none */
    struct regex_fault fault;   /* the first */
    struct regex_fault pending; /* what is only wrong when nothing else is */
    uint64_t conditional;       /* the first group a conditional names by number, and where */
    size_t conditional_begin;
    struct regex_pattern *pattern;
};

/* What stands last in a sequence decides whether a quantifier may follow. */
enum item_kind { ITEM_PLAIN, ITEM_CONDITION, ITEM_REPEAT };
struct sequence {
    const struct regex **items;
    size_t count, capacity;
    enum item_kind last;
};

/* ---- tokens; positions count code points ---- */
struct token parser_get(struct parser *p);
bool parser_take(struct parser *p, uint32_t c); /* an unescaped c */
size_t parser_tell(const struct parser *p);
/* Records the first fault (`MESSAGE at position N`) at begin, and ends the text so that every loop stops. */
void parser_fail(struct parser *p, size_t begin, const char *format, ...) __attribute__((format(printf, 3, 4)));
void parser_suspend(struct parser *p, enum regex_fault_kind kind, size_t begin, size_t end, const char *message);
/* Characters begin..end as UTF-8. */
const char *parser_slice(struct parser *p, size_t begin, size_t end);
const char *parser_repr(struct parser *p, size_t begin, size_t end); /* as Python's %r */

/* ---- parts ---- */
const struct regex *parser_alternatives(struct parser *p, unsigned flags, bool nested);
/* Items up to `|`, `)` or the end. flags changes when global ones are set. first: nothing was read before it. */
const struct regex *parser_sequence(struct parser *p, unsigned *flags, bool first, bool nested);
void sequence_add(struct parser *p, struct sequence *s, const struct regex *item, enum item_kind kind);
/* After `(`, at position start. first: nothing was read before it in the whole pattern. */
void parser_group(struct parser *p, struct sequence *s, unsigned *flags, size_t start, bool first, bool nested);
/* A reference to a closed group: refused once the rest is known to be what Python takes. */
void parser_reference(struct parser *p, uint64_t group, size_t begin, size_t end);
/* After `[`. */
const struct regex *parser_set(struct parser *p, unsigned flags);
/* An escape outside a set; NULL after a fault, or when it is a condition, which it adds itself. */
void parser_escape(struct parser *p, struct sequence *s, struct token escape, unsigned flags);
/* One character under IGNORECASE or not, negated or not. */
const struct regex *parser_literal(struct parser *p, uint32_t c, bool negated, unsigned flags);

#endif
