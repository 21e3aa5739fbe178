/* Parsing mpath: FastForward's grammar, read with its tokens and refused where it refuses, at its positions.
 *   query    = ["/"] selector
 *   selector = fragment {"/" fragment} ["/" at the very end]
 *   fragment = name | "*" | "**" | "~" fragment | "{" selector {"," selector} "}" | "&" alias | "[" tag ":" RAW "]"
 * mpath.h; docs/language.md. */
#include "codegen/match/mpath.h"

#include <string.h>
#include "codegen/match/matcher.h"
#include "codegen/match/unicode.h"

struct known_alias { /* a slot of the parser's table */
    const struct ast_alias *alias;
    const struct mpath *query; /* NULL: being read, or faulty */
    bool done;
};
struct reading {
    struct mpath_parser *p;
    const struct ast_string *query;
    const struct ast_aliases *aliases;
    struct mpath_text text;
    uint32_t *places; /* in the source, of the query's bytes; NULL: not looked for yet, or not to be told */
    bool placed;
    size_t at; /* token */
    bool failed;
};
struct items {
    const struct mpath **items;
    size_t count, capacity;
};

/* ---- messages ---- */

/* Places are looked for at the first message only. */
static struct span place(struct reading *r, uint32_t begin, uint32_t end)
{
    if (!r->placed) {
        r->places = ARENA_ARRAY(r->p->arena, r->query->size + 1, uint32_t);
        r->places = pattern_places(r->query, r->places) ? r->places : NULL;
        r->placed = true;
    }
    return r->places ? places_span(r->query, r->places, r->text.offsets[begin], r->text.offsets[end]) : r->query->span;
}

/* The first fault ends the reading: what follows it means nothing. */
static struct diag *fault(struct reading *r, enum diag_code code, uint32_t begin, uint32_t end, const char *message)
{
    struct diag *d = r->failed ? NULL : diag_report(r->p->diags, code, place(r, begin, end), "%s", message);
    r->failed = true;
    return d;
}

static const char *spell(const struct reading *r, const struct mpath_token *t)
{
    if (t->kind == MPATH_EOL)
        return "the end";
    size_t begin = r->text.offsets[t->begin], end = r->text.offsets[t->end];
    return arena_printf(r->p->arena, "`%.*s`", (int)(end - begin), r->query->bytes + begin);
}

static const struct mpath_token *next(const struct reading *r)
{
    return &r->text.tokens[r->at];
}

/* name: a module's name, written otherwise, may be what was meant. */
static void expected(struct reading *r, const char *what, bool name)
{
    const struct mpath_token *t = next(r);
    struct diag *d = fault(r, DIAG_bad_mpath, t->begin, t->end,
                           arena_printf(r->p->arena, "expected %s at position %u, saw %s", what, t->begin, spell(r, t)));
    if (d && name && t->kind == MPATH_PERIOD)
        diag_help(r->p->diags, d, "modules are separated by `/`; a name with other characters than letters, digits and `_` is written [re:…]");
    else if (d && name && (t->kind == MPATH_CHARACTER || t->kind == MPATH_IDENTIFIER || t->kind == MPATH_DIGIT || t->kind == MPATH_STRING))
        diag_help(r->p->diags, d, "a name with other characters than letters, digits and `_` is written [re:…]");
}

static bool take(struct reading *r, enum mpath_token_kind kind)
{
    bool found = !r->failed && next(r)->kind == kind;
    r->at += found;
    return found;
}

/* ---- nodes ---- */

/* A copy of the node with what its items say of it; NULL where it is too large.
 * size counts aliases each time they stand somewhere, so that doubling aliases are refused before they are written out. */
static const struct mpath *make(struct reading *r, struct mpath n)
{
    uint64_t size = 1;
    bool all = n.kind == MPATH_NODE_MANY || n.kind == MPATH_NODE_SEQUENCE;
    n.nullable = all;
    for (size_t i = 0; i < n.count; i++) {
        size += n.items[i]->size;
        n.depth = n.items[i]->depth > n.depth ? n.items[i]->depth : n.depth;
        n.nullable = n.kind == MPATH_NODE_SEQUENCE ? n.nullable && n.items[i]->nullable : n.nullable || n.items[i]->nullable;
    }
    n.nullable &= n.kind != MPATH_NODE_NOT;
    n.depth++;
    n.size = size > MPATH_FRAGMENTS_MAX ? MPATH_FRAGMENTS_MAX : (uint32_t)size;
    if (size > MPATH_FRAGMENTS_MAX || n.depth > MPATH_DEPTH_MAX) {
        fault(r, DIAG_too_large, 0, r->text.count,
              size > MPATH_FRAGMENTS_MAX ? arena_printf(r->p->arena, "with its aliases the query has more than %d fragments", MPATH_FRAGMENTS_MAX)
                                         : arena_printf(r->p->arena, "the query is nested deeper than %d", MPATH_DEPTH_MAX));
        return NULL;
    }
    struct mpath *made = ARENA_NEW(r->p->arena, struct mpath);
    *made = n;
    return made;
}

static const struct mpath *make_list(struct reading *r, enum mpath_kind kind, const struct items *items)
{
    return make(r, (struct mpath){.kind = kind, .items = items->items, .count = items->count});
}

/* begin to the end of the token before the one at hand. */
static void warn(struct reading *r, uint32_t begin, const char *message)
{
    if (r->p->warn && !r->failed)
        diag_report(r->p->diags, DIAG_mpath, place(r, begin, r->text.tokens[r->at - 1].end), "%s", message);
}

/* ---- fragments ---- */

static const struct mpath *read_fragment(struct reading *r);
static const struct mpath *read_selector(struct reading *r);

static struct ast_string cut(struct reading *r, uint32_t begin, uint32_t end)
{
    size_t from = r->text.offsets[begin], to = r->text.offsets[end];
    return (struct ast_string){arena_copy(r->p->arena, r->query->bytes + from, to - from), to - from, place(r, begin, end)};
}

static const struct mpath *read_name(struct reading *r)
{
    const struct mpath_token *t = next(r);
    r->at++;
    return make(r, (struct mpath){.kind = MPATH_NODE_NAME, .text = cut(r, t->begin, t->end)});
}

static const struct mpath *read_star(struct reading *r)
{
    r->at++;
    return make(r, (struct mpath){.kind = take(r, MPATH_STAR) ? MPATH_NODE_MANY : MPATH_NODE_ONE});
}

/* What ~ stands before, without the sequence of one that an alias is. */
static const struct mpath *find_single(struct reading *r, const struct mpath *n, uint32_t begin, uint32_t end)
{
    while (n && n->kind == MPATH_NODE_SEQUENCE && n->count == 1)
        n = n->items[0];
    if (n && n->kind == MPATH_NODE_SEQUENCE)
        fault(r, DIAG_bad_mpath, begin, end, "`~` stands before one fragment, and this alias has several");
    else if (n && n->kind == MPATH_NODE_EITHER) {
        struct diag *d = fault(r, DIAG_bad_mpath, begin, end, "`~` cannot stand before `{…}`");
        if (d)
            diag_help(r->p->diags, d, "names can be refused together: ~[re:a|b]");
    }
    return r->failed ? NULL : n;
}

/* ~ takes exactly one module, whatever it stands before; twice is not at all. */
static const struct mpath *read_not(struct reading *r)
{
    uint32_t begin = next(r)->begin;
    r->at++;
    const struct mpath *n = read_fragment(r);
    n = find_single(r, n, begin, r->text.tokens[r->at - 1].end);
    if (!n)
        return NULL;
    if (n->kind == MPATH_NODE_NOT)
        return n->items[0];
    if (n->kind == MPATH_NODE_MANY)
        n = make(r, (struct mpath){.kind = MPATH_NODE_ONE});
    if (n->kind == MPATH_NODE_ONE)
        warn(r, begin, "`~` before `*` or `**` takes no module at all");
    struct items items = {0};
    *ARENA_PUSH(r->p->arena, items.items, items.count, items.capacity) = n;
    return make_list(r, MPATH_NODE_NOT, &items);
}

static const struct mpath *read_either(struct reading *r)
{
    struct items items = {0};
    uint32_t begin = next(r)->begin;
    bool nullable = false;
    do {
        r->at++; /* `{` or `,` */
        const struct mpath *selector = read_selector(r);
        if (!selector)
            return NULL;
        nullable |= selector->nullable;
        *ARENA_PUSH(r->p->arena, items.items, items.count, items.capacity) = selector;
    } while (next(r)->kind == MPATH_COMMA);
    if (!take(r, MPATH_RIGHT_BRACE)) {
        expected(r, "`,` or `}`", true);
        return NULL;
    }
    if (nullable)
        warn(r, begin, "here each of these means what it says; FastForward drops or never leaves an alternative that may take no module");
    return make_list(r, MPATH_NODE_EITHER, &items);
}

/* ---- aliases ---- */

static size_t find_alias(const struct mpath_parser *p, const struct ast_alias *alias)
{
    size_t slot = ((uintptr_t)alias >> 4) * 0x9e3779b97f4a7c15u >> 32 & (p->alias_slots - 1);
    while (p->aliases[slot].alias && p->aliases[slot].alias != alias)
        slot = (slot + 1) & (p->alias_slots - 1);
    return slot;
}

static struct known_alias *know_alias(struct mpath_parser *p, const struct ast_alias *alias)
{
    if (2 * (p->alias_count + 1) > p->alias_slots) {
        struct known_alias *old = p->aliases;
        size_t slots = p->alias_slots;
        p->alias_slots = slots ? 2 * slots : 16;
        p->aliases = ARENA_ARRAY(p->arena, p->alias_slots, struct known_alias);
        for (size_t i = 0; i < slots; i++)
            if (old[i].alias)
                p->aliases[find_alias(p, old[i].alias)] = old[i];
    }
    struct known_alias *known = &p->aliases[find_alias(p, alias)];
    p->alias_count += !known->alias;
    known->alias = alias;
    return known;
}

/* Each alias is read once; its faults stand at its own text. A slot may move while its query is read: it is looked up again. An
 * alias that names itself meets its own slot before it is done, and the depth ends that. */
static const struct mpath *read_alias(struct reading *r)
{
    r->at++;
    const struct mpath_token *t = next(r);
    if (!take(r, MPATH_IDENTIFIER)) {
        expected(r, "the name of an alias", false);
        return NULL;
    }
    const char *name = cut(r, t->begin, t->end).bytes;
    const struct ast_alias *alias = r->aliases ? r->aliases->find(r->aliases, name) : NULL;
    if (!alias) {
        fault(r, DIAG_bad_mpath, t->begin, t->end, arena_printf(r->p->arena, "there is no alias named `%s`", name));
        return NULL;
    }
    bool seen = know_alias(r->p, alias)->done || r->p->depth > MPATH_DEPTH_MAX;
    if (!seen) {
        const struct mpath *query = mpath_parse(r->p, &alias->query, alias->aliases);
        *know_alias(r->p, alias) = (struct known_alias){alias, query, true};
    }
    const struct mpath *query = know_alias(r->p, alias)->query;
    if (r->p->depth > MPATH_DEPTH_MAX)
        fault(r, DIAG_too_large, t->begin, t->end, arena_printf(r->p->arena, "aliases are nested deeper than %d", MPATH_DEPTH_MAX));
    r->failed |= !query;
    return query;
}

/* ---- extensions ---- */

/* `\[` and `\]` stand for the bracket; every other backslash stays. */
static struct ast_string unescape(struct mpath_parser *p, const struct ast_string *raw)
{
    char *bytes = ARENA_ARRAY(p->arena, raw->size + 1, char);
    size_t size = 0;
    for (size_t i = 0; i < raw->size; i++) {
        bool escaped = raw->bytes[i] == '\\' && i + 1 < raw->size && (raw->bytes[i + 1] == '[' || raw->bytes[i + 1] == ']');
        i += escaped;
        bytes[size++] = raw->bytes[i];
    }
    return (struct ast_string){bytes, size, raw->span};
}

/* A dotted name, as it would be looked up. */
static bool is_class(const struct mpath_text *text, uint32_t begin, uint32_t end, uint32_t *bad)
{
    bool start = true;
    for (uint32_t i = begin; i < end; i++) {
        *bad = i;
        if (text->points[i] == '.' && !start)
            start = true;
        else if (unicode_has(start ? UNICODE_START : UNICODE_CONTINUE, text->points[i]))
            start = false;
        else
            return false;
    }
    *bad = end;
    return !start;
}

/* Whether a quote of begin..end has no other to pair with. */
static bool has_lone_quote(const struct reading *r, uint32_t begin, uint32_t end, size_t *quotes)
{
    bool lone = false;
    *quotes = 0;
    for (uint32_t i = begin; i < end; i++)
        *quotes += r->text.points[i] == '"';
    for (size_t t = r->at; *quotes && t-- > 0 && r->text.tokens[t].begin >= begin;)
        lone |= r->text.tokens[t].kind == MPATH_CHARACTER && r->text.points[r->text.tokens[t].begin] == '"';
    return lone;
}

static const struct mpath *make_extension(struct reading *r, enum mpath_kind kind, uint32_t begin, uint32_t end)
{
    uint32_t bad;
    size_t quotes;
    struct mpath n = {.kind = kind, .raw = cut(r, begin, end), .lone_quote = has_lone_quote(r, begin, end, &quotes)};
    n.text = kind == MPATH_NODE_RE ? unescape(r->p, &n.raw) : n.raw;
    if (kind == MPATH_NODE_CLASS && !is_class(&r->text, begin, end, &bad)) {
        struct diag *d = fault(r, DIAG_bad_mpath, bad, bad < end ? bad + 1 : bad,
                               arena_printf(r->p->arena, "expected the dotted name of a class, saw `%s`", n.raw.bytes));
        if (d)
            diag_help(r->p->diags, d, "as in [cls:torch.nn.Linear], without blanks");
        return NULL;
    }
    const char *quote = n.lone_quote ? memchr(n.raw.bytes, '"', n.raw.size) : NULL;
    if (kind == MPATH_NODE_TAGS && quote && (quotes > 1 || (quote > n.raw.bytes && quote[-1] == '\\'))) {
        fault(r, DIAG_bad_mpath, begin, end, "tags with a quote that has no other to pair with, beside further quotes or a backslash");
        return NULL;
    }
    return make(r, n);
}

/* The `]` that ends the extension: `\` takes the next token with it. Gives its position.
 * Brackets inside strings do not count: a string is one token. */
static bool find_bracket(struct reading *r, uint32_t *end)
{
    for (; next(r)->kind != MPATH_EOL; r->at++) {
        if (next(r)->kind == MPATH_RIGHT_BRACKET) {
            *end = next(r)->begin;
            r->at++;
            return true;
        }
        r->at += next(r)->kind == MPATH_BACK_SLASH && r->text.tokens[r->at + 1].kind != MPATH_EOL;
    }
    expected(r, "`]`", false);
    return false;
}

static const struct mpath *read_extension(struct reading *r)
{
    static const struct { const char *tag; enum mpath_kind kind; } extensions[] = {
#define MPATH_EXTENSION(tag, kind) {tag, kind},
#include "codegen/match/mpath_extensions.def"
#undef MPATH_EXTENSION
    };
    enum { COUNT = sizeof extensions / sizeof *extensions };
    const char *tags[COUNT];
    r->at++;
    const struct mpath_token *t = next(r);
    if (!take(r, MPATH_IDENTIFIER) || !take(r, MPATH_COLON)) {
        expected(r, next(r) == t ? "the name of an extension" : "`:`", false);
        return NULL;
    }
    uint32_t begin = r->text.tokens[r->at - 1].end, end;
    if (!find_bracket(r, &end))
        return NULL;
    const char *tag = cut(r, t->begin, t->end).bytes;
    for (size_t i = 0; i < COUNT; i++) {
        if (!strcmp(extensions[i].tag, tag))
            return make_extension(r, extensions[i].kind, begin, end);
        tags[i] = extensions[i].tag;
    }
    struct diag *d = fault(r, DIAG_bad_mpath, t->begin, t->end, arena_printf(r->p->arena, "there is no extension named `%s`", tag));
    const char *nearest = diag_nearest(tag, tags, COUNT);
    if (d && nearest)
        diag_help(r->p->diags, d, "did you mean `%s`?", nearest);
    return NULL;
}

/* ---- queries ---- */

static const struct mpath *read_fragment(struct reading *r)
{
    const struct mpath *n = NULL;
    if (++r->p->depth > MPATH_DEPTH_MAX) {
        fault(r, DIAG_too_large, next(r)->begin, next(r)->end, arena_printf(r->p->arena, "the query is nested deeper than %d", MPATH_DEPTH_MAX));
    } else {
        switch (next(r)->kind) {
        case MPATH_IDENTIFIER: case MPATH_DIGIT: n = read_name(r); break;
        case MPATH_STAR: n = read_star(r); break;
        case MPATH_TILDE: n = read_not(r); break;
        case MPATH_LEFT_BRACE: n = read_either(r); break;
        case MPATH_AMPERSAND: n = read_alias(r); break;
        case MPATH_LEFT_BRACKET: n = read_extension(r); break;
        case MPATH_LEFT_PAREN: case MPATH_RIGHT_PAREN: case MPATH_RIGHT_BRACKET: case MPATH_RIGHT_BRACE: case MPATH_COLON:
        case MPATH_COMMA: case MPATH_FORWARD_SLASH: case MPATH_BACK_SLASH: case MPATH_PERIOD: case MPATH_ELLIPSIS: case MPATH_STRING:
        case MPATH_CHARACTER: case MPATH_EOL: case MPATH_TOKEN_COUNT:
            expected(r, "a name, `*`, `**`, `~`, `{`, `&` or `[`", true);
        }
    }
    r->p->depth--;
    return r->failed ? NULL : n;
}

/* Another `**` behind one says nothing. */
static const struct mpath *read_selector(struct reading *r)
{
    struct items items = {0};
    uint64_t heads = 0;
    do {
        const struct mpath *n = read_fragment(r);
        if (!n)
            return NULL;
        if (n->kind == MPATH_NODE_MANY && items.count && items.items[items.count - 1]->kind == MPATH_NODE_MANY)
            continue;
        heads += n->nullable && heads == items.count;
        *ARENA_PUSH(r->p->arena, items.items, items.count, items.capacity) = n;
    } while (take(r, MPATH_FORWARD_SLASH) && next(r)->kind != MPATH_EOL);
    if (heads * items.count > MPATH_WAYS_MAX)
        fault(r, DIAG_too_large, 0, r->text.count, "too many fragments that may take no module stand in a row");
    return r->failed ? NULL : make_list(r, MPATH_NODE_SEQUENCE, &items);
}

const struct mpath *mpath_parse(struct mpath_parser *p, const struct ast_string *query, const struct ast_aliases *aliases)
{
    struct reading r = {.p = p, .query = query, .aliases = aliases};
    r.text = mpath_split(p->arena, query->bytes, query->size);
    take(&r, MPATH_FORWARD_SLASH);
    const struct mpath *selector = read_selector(&r);
    if (selector && !take(&r, MPATH_EOL))
        expected(&r, "`/` or the end", true);
    return r.failed ? NULL : selector;
}

/* ---- printing ---- */

/* A quote without another would pair with one further on: the printed text has an even number of them, the last one in a
 * comment of the regex or in the tag said twice. */
static void print_extension(struct text *out, const char *tag, const struct mpath *n)
{
    text_printf(out, "[%s:", tag);
    text_add_bytes(out, n->raw.bytes, n->raw.size);
    if (n->lone_quote && n->kind == MPATH_NODE_RE) {
        text_add(out, "(?#\")");
    } else if (n->lone_quote) {
        const char *quote = memchr(n->raw.bytes, '"', n->raw.size), *begin = quote, *end = quote;
        while (begin > n->raw.bytes && begin[-1] != ',')
            begin--;
        while (end < n->raw.bytes + n->raw.size && *end != ',')
            end++;
        text_char(out, ',');
        text_add_bytes(out, begin, (size_t)(end - begin));
    }
    text_char(out, ']');
}

static void print_items(struct text *out, const struct mpath *n, const char *between)
{
    for (size_t i = 0; i < n->count; i++) {
        text_add(out, i ? between : "");
        mpath_print(out, n->items[i]);
    }
}

/* As deep as the query is nested, MPATH_DEPTH_MAX. */
void mpath_print(struct text *out, const struct mpath *n)
{
    switch (n->kind) {
    case MPATH_NODE_NAME: text_add_bytes(out, n->text.bytes, n->text.size); break;
    case MPATH_NODE_ONE: text_char(out, '*'); break;
    case MPATH_NODE_MANY: text_add(out, "**"); break;
    case MPATH_NODE_NOT: text_char(out, '~'); print_items(out, n, ""); break;
    case MPATH_NODE_EITHER: text_char(out, '{'); print_items(out, n, ","); text_char(out, '}'); break;
    case MPATH_NODE_SEQUENCE: print_items(out, n, "/"); break;
    case MPATH_NODE_RE: print_extension(out, "re", n); break;
    case MPATH_NODE_CLASS: print_extension(out, "cls", n); break;
    case MPATH_NODE_TAGS: print_extension(out, "qtag", n); break;
    }
}
