/* Builder of the .qr grammar: predicates. Chains of `and` and of `or` become balanced trees, in order and without
 * regard to parentheses inside a chain (both are associative), so that a tree's depth is what nesting asks for plus a
 * logarithm. See ast_build.c. */
#include "lang/qr.h"

#include <string.h>

static struct ast_predicate *make_predicate(struct qr_parse *parse, enum ast_predicate_kind kind, struct span span)
{
    struct ast_predicate *predicate = ARENA_NEW(parse->arena, struct ast_predicate);
    predicate->kind = kind;
    predicate->span = span;
    predicate->depth = 1;
    return predicate;
}

/* Sets the depth; a tree that is too deep is reported and reading stops, so nothing is built on top of it. */
static struct ast_predicate *close_predicate(struct qr_parse *parse, struct ast_predicate *p)
{
    unsigned left = p->left ? p->left->depth : 0, right = p->right ? p->right->depth : 0;
    p->depth = 1 + (left > right ? left : right);
    if (p->depth <= AST_DEPTH_MAX)
        return p;
    qr_too_deep(parse, p->span);
    return p->left;
}

/* ---- chains ---- */

/* chain NULL: a new one. Ended chains are used again, so a text has as many as it nests. */
struct qr_chain *qr_chain(struct qr_parse *parse, struct qr_chain *chain, struct ast_predicate *item)
{
    if (!chain) {
        chain = parse->free_chain ? parse->free_chain : ARENA_NEW(parse->arena, struct qr_chain);
        parse->free_chain = chain->next;
        chain->next = NULL;
        chain->count = 0;
    }
    *ARENA_PUSH(parse->arena, chain->items, chain->count, chain->capacity) = item;
    return chain;
}

static void free_chain(struct qr_parse *parse, struct qr_chain *chain)
{
    chain->next = parse->free_chain;
    parse->free_chain = chain;
}

/* Depth is at most AST_DEPTH_MAX. */
static struct qr_chain *add_leaves(struct qr_parse *parse, struct qr_chain *leaves, enum ast_predicate_kind kind, struct ast_predicate *item)
{
    if (item->kind != kind)
        return qr_chain(parse, leaves, item);
    leaves = add_leaves(parse, leaves, kind, item->left);
    return add_leaves(parse, leaves, kind, item->right);
}

/* The left half gets the odd one, so equal chains give equal trees. */
static struct ast_predicate *balance(struct qr_parse *parse, enum ast_predicate_kind kind, struct ast_predicate **items, size_t count)
{
    if (count == 1)
        return items[0];
    size_t half = (count + 1) / 2;
    struct ast_predicate *p = make_predicate(parse, kind, span_join(items[0]->span, items[count - 1]->span));
    p->left = balance(parse, kind, items, half);
    p->right = balance(parse, kind, items + half, count - half);
    return close_predicate(parse, p);
}

struct ast_predicate *qr_chain_end(struct qr_parse *parse, enum ast_predicate_kind kind, struct qr_chain *chain)
{
    struct ast_predicate *p = chain->items[0];
    if (chain->count > 1) {
        struct qr_chain *leaves = NULL;
        for (size_t i = 0; i < chain->count; i++)
            leaves = add_leaves(parse, leaves, kind, chain->items[i]);
        p = balance(parse, kind, leaves->items, leaves->count);
        free_chain(parse, leaves);
    }
    free_chain(parse, chain);
    return p;
}

struct ast_predicate *qr_not(struct qr_parse *parse, struct ast_predicate *operand, struct span span)
{
    struct ast_predicate *p = make_predicate(parse, AST_NOT, span);
    p->left = operand;
    return close_predicate(parse, p);
}

/* Parentheses leave no node, only a wider place. */
struct ast_predicate *qr_parentheses(struct ast_predicate *predicate, struct span span)
{
    predicate->parenthesised = true;
    predicate->span = span;
    return predicate;
}

/* ---- leaves ---- */

/* A bare name, or a string alone, is a set's. */
struct ast_predicate *qr_set_name(struct qr_parse *parse, struct ast_name name)
{
    struct ast_predicate *p = make_predicate(parse, AST_SET, name.span);
    p->set = name;
    return p;
}

/* _ */
struct ast_predicate *qr_any(struct qr_parse *parse, struct span span)
{
    return make_predicate(parse, AST_ANY, span);
}

/* The words of an atom, with one blank between. */
struct ast_name qr_words(struct qr_parse *parse, struct ast_name first, struct ast_name second)
{
    return (struct ast_name){.text = arena_printf(parse->arena, "%s %s", first.text, second.text), .span = span_join(first.span, second.span)};
}

/* `\\` in a regular expression: one backslash, and rarely what was meant (docs/language.md). */
static void check_backslashes(struct qr_parse *parse, struct ast_string pattern)
{
    const char *written = parse->source->bytes + pattern.span.begin;
    size_t size = parse->is_fragment ? 0 : pattern.span.end - pattern.span.begin;
    for (size_t i = 0; i + 1 < size; i++) {
        if (written[i] != '\\')
            continue;
        i++;
        if (written[i] != '\\')
            continue;
        uint32_t at = pattern.span.begin + (uint32_t)i - 1;
        struct diag *diag = diag_report(parse->diags, DIAG_double_backslash, (struct span){parse->source, at, at + 2},
                                        "`\\\\` is one backslash here: a regular expression in a .qr string needs no doubling");
        diag_help(parse->diags, diag, "write `\\.` for a dot and `\\d` for a digit");
        return;
    }
}

/* words: `param re search`, as in atoms.def */
struct ast_predicate *qr_atom(struct qr_parse *parse, struct ast_name words, struct ast_string pattern, struct span span)
{
    struct ast_predicate *p = make_predicate(parse, AST_ATOM, span);
    int atom = word_find(WORDS_atom, words.text);
    if (atom < 0) {
        /* only the word after `re` is free */
        struct diag *diag = diag_report(parse->diags, DIAG_unknown_word, words.span, "expected `prefix`, `search` or a string after `re`, saw `%s`", words.text);
        const char *nearest = diag_nearest(words.text, word_lists[WORDS_atom].words, word_lists[WORDS_atom].count);
        if (nearest)
            diag_help(parse->diags, diag, "did you mean `%s`?", nearest);
        p->kind = AST_ANY;
        return p;
    }
    p->atom = (enum atom)atom;
    p->pattern = pattern;
    if (!strncmp(atom_rows[atom].language, "re_", 3))
        check_backslashes(parse, pattern);
    return p;
}

/* An atom whose pattern is a word of a closed set: role, dtype. */
struct ast_predicate *qr_atom_word(struct qr_parse *parse, enum atom atom, struct ast_name word, struct span span)
{
    struct ast_predicate *p = make_predicate(parse, AST_ATOM, span);
    p->atom = atom;
    p->pattern = (struct ast_string){word.text, strlen(word.text), word.span};
    enum word_set set = atom == ATOM_role ? WORDS_role : WORDS_dtype;
    word_expect(set, word.text, atom == ATOM_role ? "`role`" : "`dtype`", word.span, parse->diags);
    return p;
}

/* ---- comparisons ---- */

/* integer: the value of an INTEGER, the index of a SHAPE, else nothing */
struct ast_term qr_term(struct qr_parse *parse, enum ast_term_kind kind, struct ast_number integer, struct span span)
{
    return (struct ast_term){.kind = kind, .integer = integer.integer, 
                             .spelling = kind == AST_TERM_INTEGER ? qr_own_spelling(parse->arena, integer) : NULL, .span = span};
}

/* layer % 2. One spelling is kept: the divisor's, or the integer's of a term that is one. */
struct ast_term qr_term_modulus(struct qr_parse *parse, struct ast_term term, struct ast_number modulus, struct span span)
{
    if (modulus.integer < 1) {
        diag_report(parse->diags, DIAG_number_range, modulus.span, "a divisor is at least 1, saw %s", modulus.spelling);
        modulus.integer = 1;
    }
    term.modulus = modulus.integer;
    term.spelling = term.kind == AST_TERM_INTEGER ? NULL : qr_own_spelling(parse->arena, modulus);
    term.span = span;
    return term;
}

struct ast_predicate *qr_compare(struct qr_parse *parse, struct ast_term left, int comparison, struct ast_term right, struct span span)
{
    struct ast_predicate *p = make_predicate(parse, AST_COMPARE, span);
    p->term = left;
    p->other = right;
    p->comparison = (enum ast_comparison)comparison;
    return p;
}

/* layer in 0..3, both ends included. An empty range is a warning: it says nothing, but it is no contradiction. */
struct ast_predicate *qr_in(struct qr_parse *parse, struct ast_term term, struct ast_number low, struct ast_number high, struct span span)
{
    if (low.integer > high.integer)
        diag_report(parse->diags, DIAG_empty_range, span_join(low.span, high.span), "nothing lies in %s..%s", low.spelling, high.spelling);
    struct ast_predicate *p = make_predicate(parse, AST_IN, span);
    p->term = term;
    p->low = low.integer;
    p->high = high.integer;
    p->low_spelling = qr_own_spelling(parse->arena, low);
    p->high_spelling = qr_own_spelling(parse->arena, high);
    return p;
}
