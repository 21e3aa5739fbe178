/* A spec from what its chain says: values checked, defaults computed. In: a chain (resolve.h). Out: a whole spec, or false after
 * messages at the values' places. The grammar has checked words and counts; here are ranges and what one value asks of another
 * attribute. */
#include "lang/resolve.h"

#include <float.h>
#include <math.h>
#include <string.h>

static bool refuse(struct resolver *r, struct span span, const char *text)
{
    diag_report(r->diags, DIAG_bad_value, span, "%s", text);
    return false;
}

/* The parser has checked how many numbers there are and their ranges. */
static void fill_granularity(const struct ast_granularity *g, struct spec *s)
{
    s->granularity = g->granularity;
    switch (s->granularity) {
    case GRANULARITY_tensor:
    case GRANULARITY_token:
        break;
    case GRANULARITY_group:
        s->group = g->dims[0];
        s->axis = g->has_axis ? (int)g->axis : -1;
        break;
    case GRANULARITY_channel:
        s->axis = (int)g->axis;
        break;
    case GRANULARITY_block:
        s->block_rank = g->rank;
        memcpy(s->block, g->dims, g->rank * sizeof *g->dims);
        break;
    }
}

/* An e8m0 scale without a mode rounds down to a power of two (OCP).
 * OCP Microscaling Formats 1.0, §6.3. */
static bool fill_scale(struct resolver *r, const struct chain *chain, struct spec *s)
{
    const struct ast_attribute *a = chain->written[AST_SCALE];
    struct unit *unit = chain->unit[AST_SCALE];
    s->scale = a->scale.definition ? format_define(r, unit, a->scale.definition, a->span) : format_of_name(r, unit, &a->scale.format);
    s->second = a->scale.second.text ? format_of_name(r, unit, &a->scale.second) : NULL;
    if (!s->scale || (a->scale.second.text && !s->second))
        return false;
    s->pow2 = a->scale.pow2;
    if (s->pow2 == POW2_none && s->scale->specials == SPECIALS_E8M0 && s->scale->kind == FORMAT_KIND_FLOAT)
        s->pow2 = POW2_floor;
    s->scale_rounded_last = a->scale.rounded && a->scale.last;
    s->super = a->scale.super;
    return true;
}

/* ---- ranges ---- */

/* The index of value among space separated words, or -1. */
static int word_index(const char *words, const char *value)
{
    size_t size = strlen(value);
    for (int i = 0; *words; i++) {
        size_t length = strcspn(words, " ");
        if (length == size && !memcmp(words, value, size))
            return i;
        words += length + strspn(words + length, " ");
    }
    return -1;
}

/* The row says type, bounds and words (attributes.def). */
static bool read_argument(struct resolver *r, const struct range_argument *row, const struct ast_value *v, double *value)
{
    if (row->words) {
        int index = v->kind == AST_VALUE_WORD ? word_index(row->words, v->string.bytes) : -1;
        *value = index;
        return index >= 0 || refuse(r, v->span, arena_printf(r->arena, "`%s` of range %s is one of: %s", row->name, range_words[row->range], row->words));
    }
    *value = v->number.value;
    if (v->kind == AST_VALUE_NUMBER && (v->number.is_integer || !row->integer) && *value >= row->minimum && *value <= row->maximum)
        return true;
    struct text text = text_make(r->arena);
    text_printf(&text, "`%s` of range %s is %s from ", row->name, range_words[row->range], row->integer ? "a whole number" : "a number");
    text_number(&text, row->minimum);
    text_add(&text, " to ");
    text_number(&text, row->maximum);
    return refuse(r, v->span, text_string(&text));
}

/* The first of the range's rows; *count of them follow each other. */
static const struct range_argument *rows_of(enum range range, unsigned *count)
{
    const struct range_argument *first = NULL;
    *count = 0;
    for (size_t i = 0; i < range_argument_count; i++)
        if (range_arguments[i].range == range) {
            first = first ? first : &range_arguments[i];
            ++*count;
        }
    return first;
}

/* The row a named argument means; positional ones take the rows in order. -1 after a message. */
static int row_index(struct resolver *r, const struct ast_argument *a, enum range range, unsigned position)
{
    unsigned count;
    const struct range_argument *rows = rows_of(range, &count);
    for (unsigned i = 0; i < count; i++)
        if (a->key.text ? !strcmp(rows[i].name, a->key.text) : i == position)
            return (int)i;
    if (!count)
        refuse(r, a->value.span, arena_printf(r->arena, "range %s takes no argument", range_words[range]));
    else if (a->key.text)
        refuse(r, a->key.span, arena_printf(r->arena, "range %s has no argument `%s`", range_words[range], a->key.text));
    else
        refuse(r, a->value.span, arena_printf(r->arena, "range %s takes at most %u argument%s", range_words[range], count, count == 1 ? "" : "s"));
    return -1;
}

/* Positions and names may be mixed; an argument's place is its row. */
static bool fill_range(struct resolver *r, const struct ast_attribute *attribute, struct spec *s)
{
    bool given[SPEC_RANGE_ARGS_MAX] = {false};
    unsigned count, position = 0;
    s->range = attribute->range.range;
    const struct range_argument *rows = rows_of(s->range, &count);
    for (unsigned i = 0; i < count; i++)
        s->range_args[i] = rows[i].fallback;
    s->range_arg_count = count;
    for (const struct ast_argument *a = attribute->range.arguments; a; a = a->next, position++) {
        int i = row_index(r, a, s->range, position);
        if (i < 0 || !read_argument(r, &rows[i], &a->value, &s->range_args[i]))
            return false;
        if (given[i])
            return refuse(r, a->value.span, arena_printf(r->arena, "`%s` is given twice", rows[i].name));
        given[i] = true;
    }
    for (unsigned i = 0; i < count; i++)
        if (rows[i].required && !given[i])
            return refuse(r, attribute->span, arena_printf(r->arena, "range %s needs `%s`", range_words[s->range], rows[i].name));
    return true;
}

static bool is_bound(double x)
{
    return fabs(x) <= FLT_MAX; /* false for NaN */
}

static bool fill_bounds(struct resolver *r, const struct ast_attribute *a, struct spec *s)
{
    s->has_low = a->bounds.has_low;
    s->has_high = a->bounds.has_high;
    s->low = s->has_low ? a->bounds.low.value : 0;
    s->high = s->has_high ? a->bounds.high.value : 0;
    if (!is_bound(s->low) || !is_bound(s->high))
        return refuse(r, a->span, "the ends of `static(low, high)` are finite 32-bit numbers or `none`");
    if (!s->has_low && !s->has_high)
        return refuse(r, a->span, "`static(none, none)` gives neither end of the range");
    if (s->has_low && s->has_high && s->low >= s->high)
        return refuse(r, a->span, "the low end of `static(low, high)` must lie below its high end");
    return true;
}

static bool fill_rounding(struct resolver *r, const struct ast_attribute *a, struct spec *s)
{
    s->rounding = a->rounding.rounding;
    s->seed = s->rounding == ROUNDING_stochastic ? a->rounding.seed : 0;
    if (s->rounding == ROUNDING_stochastic && !a->rounding.has_seed)
        return refuse(r, a->span, "`round stochastic` needs a seed: `round stochastic(0)`");
    return true;
}

static bool fill_eps(struct resolver *r, const struct ast_attribute *a, struct spec *s)
{
    s->has_eps = true;
    s->eps = a->eps.value;
    return (is_bound(s->eps) && s->eps > 0) || refuse(r, a->span, "`eps` is a finite number above 0");
}

/* ---- the whole ---- */

/* Attributes whose value needs no look at the rest. */
static void fill_words(const struct chain *chain, struct spec *s)
{
    const struct ast_attribute *const *w = chain->written;
    s->zero = w[AST_ZERO] ? w[AST_ZERO]->zero : spec_default_zero(s);
    s->overflow = w[AST_OVERFLOW] ? w[AST_OVERFLOW]->overflow : spec_default_overflow(s);
    s->formula = w[AST_FORMULA] ? w[AST_FORMULA]->formula : FORMULA_divide;
    s->compute_input = w[AST_COMPUTE] && w[AST_COMPUTE]->compute_input;
    s->timing = w[AST_TIMING] ? w[AST_TIMING]->timing : TIMING_default;
    s->layout = w[AST_PACK] ? w[AST_PACK]->layout : LAYOUT_lsb;
    s->ragged_pad = w[AST_RAGGED] && w[AST_RAGGED]->ragged_pad;
}

/* Scheme and format first: other defaults depend on them. All faults of a spec are reported, not the first alone. */
bool spec_fill(struct resolver *r, const struct chain *chain, struct spec *s)
{
    const struct ast_attribute *const *w = chain->written;
    *s = spec_default(chain->format);
    s->scheme = w[AST_SCHEME] ? w[AST_SCHEME]->scheme : SCHEME_symmetric;
    fill_words(chain, s);
    if (w[AST_GRANULARITY])
        fill_granularity(&w[AST_GRANULARITY]->granularity, s);
    bool good = !w[AST_SCALE] || fill_scale(r, chain, s);
    good &= !w[AST_RANGE] || fill_range(r, w[AST_RANGE], s);
    good &= !w[AST_STATIC] || fill_bounds(r, w[AST_STATIC], s);
    good &= !w[AST_ROUNDING] || fill_rounding(r, w[AST_ROUNDING], s);
    good &= !w[AST_EPS] || fill_eps(r, w[AST_EPS], s);
    return good;
}
