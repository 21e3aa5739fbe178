/* Contradictions: every row of contradictions.def against a spec with its defaults. In: a filled spec and its chain. Out: a
 * message for each row that holds, at the attribute that was written last, with the other one's place. Rows are C conditions
 * over the locals of `evaluate`, so a new contradiction is a row. */
#include "lang/resolve.h"

struct contradiction {
    enum ast_attribute_kind first, second;
    const char *reason;
};
static const struct contradiction contradictions[] = {
#define CONTRADICTION(first, second, condition, reason) {AST_##first, AST_##second, reason},
#include "lang/contradictions.def"
#undef CONTRADICTION
};
enum { CONTRADICTION_COUNT = sizeof contradictions / sizeof *contradictions };

#define WRITTEN(kind) (chain->written[AST_##kind] != NULL)

/* holds[i]: whether row i does. The names that conditions use are the locals here. */
static void evaluate(const struct chain *chain, const struct spec *s, bool holds[CONTRADICTION_COUNT])
{
    bool plain = format_is_plain(s->format), asymmetric = spec_is_asymmetric(s);
    bool is_int = s->format->kind == FORMAT_KIND_INT, is_float = s->format->kind == FORMAT_KIND_FLOAT;
    bool is_codebook = s->format->kind == FORMAT_KIND_CODEBOOK;
    size_t i = 0;
#define CONTRADICTION(first, second, condition, reason) holds[i++] = (condition);
#include "lang/contradictions.def"
#undef CONTRADICTION
}

/* The attribute as the canonical text has it.
 * As the user would write it: defaults are shown the same way. */
static const char *describe(struct arena *arena, const struct spec *s, enum ast_attribute_kind kind)
{
    struct text out = text_make(arena);
    switch (kind) {
    case AST_FORMAT:
        format_print(&out, s->format);
        break;
    case AST_SCHEME:
        spec_print_scheme(&out, s);
        break;
    case AST_GRANULARITY:
        spec_print_granularity(&out, s);
        break;
    case AST_SCALE:
        spec_print_scale(&out, s);
        break;
    case AST_ZERO:
        text_printf(&out, "zero %s", zero_words[s->zero]);
        break;
    case AST_FORMULA:
        text_printf(&out, "formula %s", formula_words[s->formula]);
        break;
    case AST_RANGE:
        spec_print_range(&out, s);
        break;
    case AST_STATIC:
        spec_print_bounds(&out, s);
        break;
    case AST_ROUNDING:
        spec_print_rounding(&out, s);
        break;
    case AST_OVERFLOW:
        spec_print_overflow(&out, s);
        break;
    case AST_TIMING:
        text_add(&out, timing_words[s->timing]);
        break;
    case AST_PACK:
        text_printf(&out, "pack %s", layout_words[s->layout]);
        break;
    case AST_RAGGED:
        text_add(&out, "ragged pad");
        break;
    case AST_EPS:
        text_add(&out, "eps ");
        text_number(&out, s->eps);
        break;
    case AST_COMPUTE:
    case AST_ATTRIBUTE_COUNT:
        break;
    }
    return text_string(&out);
}

/* Where the attribute was written; the base when it is a default. */
static struct span place_of(const struct chain *chain, enum ast_attribute_kind kind)
{
    return chain->written[kind] ? chain->written[kind]->span : chain->format_span;
}

/* At the attribute that was written last, with a note at the other one. */
static void report(struct resolver *r, const struct chain *chain, const struct spec *s, const struct contradiction *c)
{
    const char *a = describe(r->arena, s, c->first), *b = describe(r->arena, s, c->second);
    struct span at = place_of(chain, c->first), other = place_of(chain, c->second);
    if (c->first == c->second) {
        diag_report(r->diags, DIAG_contradiction, at, "`%s` contradicts itself: %s", a, c->reason);
        return;
    }
    bool swap = at.source == other.source ? other.begin > at.begin : !chain->carrier[c->second] && chain->carrier[c->first];
    struct diag *d = diag_report(r->diags, DIAG_contradiction, swap ? other : at, "`%s` contradicts `%s`: %s", a, b, c->reason);
    bool written = (swap ? c->first : c->second) == AST_FORMAT || chain->written[swap ? c->first : c->second];
    diag_note(r->diags, d, swap ? at : other, written ? "`%s` comes from here" : "`%s` is the default", swap ? a : b);
}

bool spec_check(struct resolver *r, const struct chain *chain, const struct spec *spec)
{
    bool holds[CONTRADICTION_COUNT], good = true;
    evaluate(chain, spec, holds);
    for (size_t i = 0; i < CONTRADICTION_COUNT; i++) {
        if (holds[i])
            report(r, chain, spec, &contradictions[i]);
        good &= !holds[i];
    }
    return good;
}
