/* Pieces of the .qr spelling: names, numbers, specs, predicates. In: nodes of the AST. Out: text that parses to the same node. A
 * number keeps the user's spelling where .qr reads it as the same value; parentheses are put where the tree asks for them. */
#include "lang/qr_print.h"

#include <string.h>
#include "lang/qr.h"

/* ---- names ---- */

/* Length of the name at s, or 0. */
static size_t name_length(const char *s)
{
    size_t n = 0;
    while ((s[n] >= 'A' && s[n] <= 'Z') || (s[n] >= 'a' && s[n] <= 'z') || s[n] == '_' || (n > 0 && ((s[n] >= '0' && s[n] <= '9') || s[n] == '-')))
        n++;
    return n;
}

/* One name without a dot that no place reserves. */
static bool is_plain_name(const char *s)
{
    size_t n = name_length(s);
    return n > 0 && !s[n] && !qr_is_reserved(s);
}

/* `ns.name`, as the lexer reads it */
static bool is_dotted_name(const char *s)
{
    for (;;) {
        size_t n = name_length(s);
        if (n == 0)
            return false;
        if (!s[n])
            return true;
        if (s[n] != '.')
            return false;
        s += n + 1;
    }
}

/* A quoted name with a dot keeps its quotes: without them the dot would lead into a namespace. */
bool qr_name_is_bare(const struct ast_name *name)
{
    return is_plain_name(name->text) || (!name->quoted && strchr(name->text, '.') && is_dotted_name(name->text));
}

void qr_print_name(struct text *out, const struct ast_name *name)
{
    if (qr_name_is_bare(name))
        text_add(out, name->text);
    else
        text_quote(out, name->text, strlen(name->text));
}

void ast_print_name(struct text *out, const char *name)
{
    qr_print_name(out, &(struct ast_name){.text = name, .quoted = true});
}

/* ---- numbers ---- */

/* Underscores stand between digits, a point has digits on both sides: what qr_read_number leaves to the lexer. */
static bool is_well_formed(const char *s)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    for (size_t i = 0; s[i]; i++)
        if ((s[i] == '_' || s[i] == '.') && (i == 0 || !strchr(digits, s[i - 1]) || !s[i + 1] || !strchr(digits, s[i + 1])))
            return false;
    return true;
}

/* Whether the spelling, which may be YAML's, is this number in .qr too.
 * Two NaN are the same number here. */
static bool spells(struct arena *arena, const char *spelling, const struct ast_number *number)
{
    struct ast_number read;
    bool overflow;
    if (!spelling || !is_well_formed(spelling) || !qr_read_number(arena, spelling, strlen(spelling), &read, &overflow) || overflow)
        return false;
    if (read.is_integer != number->is_integer)
        return false;
    return number->is_integer ? read.integer == number->integer
                              : read.value == number->value || (read.value != read.value && number->value != number->value);
}

void qr_print_number(struct text *out, const struct ast_number *number)
{
    if (spells(out->arena, number->spelling, number))
        text_add(out, number->spelling);
    else if (number->is_integer)
        text_printf(out, "%lld", (long long)number->integer);
    else
        text_double(out, number->value);
}

void qr_print_integer(struct text *out, int64_t value, const char *spelling)
{
    qr_print_number(out, &(struct ast_number){.is_integer = true, .integer = value, .spelling = spelling});
}

/* ---- arguments ---- */

static void print_value(struct text *out, const struct ast_value *value)
{
    switch (value->kind) {
    case AST_VALUE_NUMBER:
        qr_print_number(out, &value->number);
        break;
    case AST_VALUE_STRING:
        text_quote(out, value->string.bytes, value->string.size);
        break;
    case AST_VALUE_WORD:
        text_add_bytes(out, value->string.bytes, value->string.size);
        break;
    case AST_VALUE_SPEC:
        ast_print_spec(out, value->spec);
        break;
    case AST_VALUE_LIST:
        text_char(out, '[');
        for (const struct ast_value *item = value->items; item; item = item->next) {
            print_value(out, item);
            text_add(out, item->next ? ", " : "");
        }
        text_char(out, ']');
        break;
    }
}

/* The reserved words that the grammar takes as keys stand bare. */
static void print_key(struct text *out, const struct ast_name *key)
{
    if (!strcmp(key->text, "bias"))
        text_add(out, key->text);
    else
        qr_print_name(out, key);
    text_add(out, " = ");
}

void qr_print_arguments(struct text *out, const struct ast_argument *arguments)
{
    for (const struct ast_argument *a = arguments; a; a = a->next) {
        if (a->key.text)
            print_key(out, &a->key);
        print_value(out, &a->value);
        text_add(out, a->next ? ", " : "");
    }
}

/* ---- specs ---- */

void qr_print_definition(struct text *out, const struct ast_format *format)
{
    bool is_unsigned = format->kind == FORMAT_KIND_INT && !format->is_signed;
    text_printf(out, "%s(", is_unsigned ? "uint" : word_of(WORDS_format_kind, (int)format->kind));
    qr_print_arguments(out, format->arguments);
    text_char(out, ')');
}

static void print_format(struct text *out, const struct ast_name *name, const struct ast_format *definition)
{
    if (definition)
        qr_print_definition(out, definition);
    else
        qr_print_name(out, name);
}

/* per group(128, -1) */
static void print_granularity(struct text *out, const struct ast_granularity *g)
{
    text_printf(out, "per %s", word_of(WORDS_granularity, (int)g->granularity));
    if (!g->rank && !g->has_axis)
        return;
    text_char(out, '(');
    for (unsigned i = 0; i < g->rank; i++) {
        text_add(out, i ? ", " : "");
        qr_print_integer(out, g->dims[i], i ? NULL : g->spelling);
    }
    if (g->has_axis)
        text_printf(out, "%s%lld", g->rank ? ", " : "", (long long)g->axis);
    text_char(out, ')');
}

/* The parts of a scale in one order, whatever the source had. */
static void print_scale(struct text *out, const struct ast_scale *s)
{
    text_add(out, "scale ");
    print_format(out, &s->format, s->definition);
    if (s->pow2 != POW2_none)
        text_printf(out, " pow2 %s", word_of(WORDS_pow2, (int)s->pow2));
    if (s->rounded)
        text_printf(out, " rounded %s", word_of(WORDS_rounded, s->last));
    if (s->second.text) {
        text_add(out, " second ");
        qr_print_name(out, &s->second);
    }
    if (s->super)
        text_printf(out, " super(%lld)", (long long)s->super);
}

static void print_scheme(struct text *out, enum scheme scheme)
{
    bool is_symmetric = scheme < SCHEME_asymmetric;
    const char *word = word_of(is_symmetric ? WORDS_symmetric : WORDS_asymmetric, (int)scheme);
    text_printf(out, "%s%s%s", is_symmetric ? "symmetric" : "asymmetric", *word ? " " : "", word);
}

static void print_range(struct text *out, const struct ast_attribute *a)
{
    text_printf(out, "range %s", word_of(WORDS_range, (int)a->range.range));
    if (!a->range.arguments)
        return;
    text_char(out, '(');
    qr_print_arguments(out, a->range.arguments);
    text_char(out, ')');
}

static void print_bound(struct text *out, bool given, const struct ast_number *number)
{
    if (given)
        qr_print_number(out, number);
    else
        text_add(out, "none");
}

static void print_static(struct text *out, const struct ast_attribute *a)
{
    text_add(out, "static(");
    print_bound(out, a->bounds.has_low, &a->bounds.low);
    text_add(out, ", ");
    print_bound(out, a->bounds.has_high, &a->bounds.high);
    text_char(out, ')');
}

static void print_rounding(struct text *out, const struct ast_attribute *a)
{
    text_printf(out, "round %s", word_of(WORDS_rounding, (int)a->rounding.rounding));
    if (a->rounding.has_seed)
        text_printf(out, "(%llu)", (unsigned long long)a->rounding.seed);
}

void qr_print_attribute(struct text *out, const struct ast_attribute *a)
{
    switch (a->kind) {
    case AST_FORMAT:
        print_format(out, &a->format, a->definition);
        break;
    case AST_SCHEME:
        print_scheme(out, a->scheme);
        break;
    case AST_GRANULARITY:
        print_granularity(out, &a->granularity);
        break;
    case AST_SCALE:
        print_scale(out, &a->scale);
        break;
    case AST_ZERO:
        text_printf(out, "zero %s", word_of(WORDS_zero, (int)a->zero));
        break;
    case AST_FORMULA:
        text_printf(out, "formula %s", word_of(WORDS_formula, (int)a->formula));
        break;
    case AST_RANGE:
        print_range(out, a);
        break;
    case AST_STATIC:
        print_static(out, a);
        break;
    case AST_ROUNDING:
        print_rounding(out, a);
        break;
    case AST_OVERFLOW:
        text_printf(out, "%s%s", a->overflow == OVERFLOW_MODE_saturate ? "" : "overflow ", word_of(WORDS_overflow, (int)a->overflow));
        break;
    case AST_COMPUTE:
        text_printf(out, "compute %s", word_of(WORDS_compute, a->compute_input));
        break;
    case AST_TIMING:
        text_add(out, word_of(WORDS_timing, (int)a->timing));
        break;
    case AST_PACK:
        text_printf(out, "pack %s", word_of(WORDS_layout, (int)a->layout));
        break;
    case AST_RAGGED:
        text_printf(out, "ragged %s", word_of(WORDS_ragged, a->ragged_pad));
        break;
    case AST_EPS:
        text_add(out, "eps ");
        qr_print_number(out, &a->eps);
        break;
    case AST_ATTRIBUTE_COUNT:
        break;
    }
}

void ast_print_spec(struct text *out, const struct ast_spec *spec)
{
    print_format(out, &spec->base, spec->definition);
    text_add(out, spec->with && spec->attributes ? " with" : "");
    for (const struct ast_attribute *a = spec->attributes; a; a = a->next) {
        text_char(out, ' ');
        qr_print_attribute(out, a);
    }
}

/* ---- predicates ---- */

/* shape[-1] % 128 */
static void print_term(struct text *out, const struct ast_term *term)
{
    bool is_integer = term->kind == AST_TERM_INTEGER;
    if (is_integer)
        qr_print_integer(out, term->integer, term->modulus ? NULL : term->spelling);
    else
        text_add(out, word_of(WORDS_term, (int)term->kind));
    if (term->kind == AST_TERM_SHAPE)
        text_printf(out, "[%lld]", (long long)term->integer);
    if (!term->modulus)
        return;
    text_add(out, " % ");
    qr_print_integer(out, term->modulus, is_integer ? NULL : term->spelling);
}

static void print_comparison(struct text *out, const struct ast_predicate *p)
{
    print_term(out, &p->term);
    if (p->kind == AST_COMPARE) {
        text_printf(out, " %s ", word_of(WORDS_comparison, (int)p->comparison));
        print_term(out, &p->other);
        return;
    }
    text_add(out, " in ");
    qr_print_integer(out, p->low, p->low_spelling);
    text_add(out, "..");
    qr_print_integer(out, p->high, p->high_spelling);
}

/* role and dtype take a word, the others a string; a word that is none of the set (from YAML) is a string too. */
static void print_atom(struct text *out, const struct ast_predicate *p)
{
    text_printf(out, "%s ", word_of(WORDS_atom, (int)p->atom));
    enum word_set set = p->atom == ATOM_role ? WORDS_role : WORDS_dtype;
    bool is_word = (p->atom == ATOM_role || p->atom == ATOM_dtype) && word_find(set, p->pattern.bytes) >= 0;
    if (is_word)
        text_add(out, p->pattern.bytes);
    else
        text_quote(out, p->pattern.bytes, p->pattern.size);
}

/* How tightly each kind binds; an operand that binds less than its operator asks is put in parentheses.
 * `or` < `and` < `not` < the rest. */
static unsigned binding(const struct ast_predicate *p)
{
    return p->kind == AST_OR ? 0 : p->kind == AST_AND ? 1 : p->kind == AST_NOT ? 2 : 3;
}

/* Depth is at most AST_DEPTH_MAX. */
static void print_predicate(struct text *out, const struct ast_predicate *p, unsigned least)
{
    bool parentheses = binding(p) < least;
    text_add(out, parentheses ? "(" : "");
    switch (p->kind) {
    case AST_OR:
    case AST_AND:
        print_predicate(out, p->left, binding(p));
        text_add(out, p->kind == AST_OR ? " or " : " and ");
        print_predicate(out, p->right, binding(p));
        break;
    case AST_NOT:
        text_add(out, "not ");
        print_predicate(out, p->left, binding(p));
        break;
    case AST_ATOM:
        print_atom(out, p);
        break;
    case AST_COMPARE:
    case AST_IN:
        print_comparison(out, p);
        break;
    case AST_SET:
        qr_print_name(out, &p->set);
        break;
    case AST_ANY:
        text_char(out, '_');
        break;
    }
    text_add(out, parentheses ? ")" : "");
}

void ast_print_predicate(struct text *out, const struct ast_predicate *predicate)
{
    print_predicate(out, predicate, 0);
}
