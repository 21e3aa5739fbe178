/* Specs: a base and what is changed, chain by chain, to a struct spec. In: the AST of a spec expression. Out: a checked spec, or
 * NULL after messages. Attributes written anywhere in the chain stay until the same kind is written again; defaults are computed
 * at the end from the format and scheme that came out. What a preset says that is the default anyway does not stay. carrier says
 * which preset an attribute came from: its scale and granularity belong to its format. */
#include "lang/resolve.h"

#include <string.h>

/* f32 and e8m0 hold scales; a tensor in them is no quantized tensor. */
static const struct format *element_format(struct resolver *r, const struct format *f, struct span span)
{
    bool scale_only = f && f->kind == FORMAT_KIND_FLOAT && (f->bits > 16 || f->specials == SPECIALS_E8M0);
    if (scale_only)
        diag_report(r->diags, DIAG_bad_format, span, "`%s` is a format of scales; tensors cannot be quantized to it", f->name);
    return scale_only ? NULL : f;
}

/* ---- bases ---- */

/* Says nothing: what a format alone means. */
static bool is_plain_default(const struct ast_attribute *a)
{
    if (a->kind == AST_SCHEME)
        return a->scheme == SCHEME_symmetric;
    if (a->kind == AST_GRANULARITY)
        return a->granularity.granularity == GRANULARITY_tensor;
    return a->kind == AST_SCALE && !strcmp(a->scale.format.text, "f32") && a->scale.pow2 == POW2_none &&
           !a->scale.last && !a->scale.second.text;
}

/* The chain of a preset's text, whose base is a built-in format. */
static struct chain parse_preset(struct resolver *r, const struct preset *preset)
{
    struct chain chain = {0};
    const char *name = arena_printf(r->arena, "preset %s", preset->word);
    size_t size = strlen(preset->text);
    struct source *source = source_new(r->arena, name, preset->text, size);
    struct span whole = {source, 0, (uint32_t)size};
    const struct ast_spec *ast = ast_parse_spec(r->arena, source, whole, preset->text, size, r->diags);
    if (!ast)
        return chain;
    chain.format = format_find(ast->base.text);
    for (const struct ast_attribute *a = ast->attributes; a; a = a->next)
        if (!is_plain_default(a)) {
            chain.written[a->kind] = a;
            chain.carrier[a->kind] = preset;
        }
    return chain;
}

/* Each preset is parsed once a resolver. */
static struct chain chain_of_preset(struct resolver *r, const struct preset *preset)
{
    if (!r->presets)
        r->presets = ARENA_ARRAY(r->arena, preset_count, struct chain *);
    struct chain **slot = &r->presets[preset - presets];
    if (!*slot) {
        *slot = ARENA_NEW(r->arena, struct chain);
        **slot = parse_preset(r, preset);
    }
    return **slot;
}

static struct chain chain_of_symbol(struct resolver *r, struct symbol *symbol, struct span use)
{
    resolve_spec_symbol(r, symbol, use);
    return symbol->chain ? *symbol->chain : (struct chain){0};
}

/* A file's own names cannot be built-in ones (scope.c), so the order of the look-ups does not matter. */
static struct chain chain_of_name(struct resolver *r, struct unit *unit, const struct ast_name *name)
{
    struct symbol *symbol = unit ? unit_find(unit, SPACE_SPEC, name->text) : NULL;
    const struct preset *preset = preset_find(name->text);
    struct chain chain = {0};
    if (symbol)
        chain = chain_of_symbol(r, symbol, name->span);
    else if (preset && preset->text)
        chain = chain_of_preset(r, preset);
    else if (preset)
        diag_report(r->diags, DIAG_no_preset, name->span, "preset `%s` is not available in this version", name->text);
    else if (format_find(name->text))
        chain.format = element_format(r, format_find(name->text), name->span);
    else
        report_unknown(r, unit, SPACE_SPEC, name);
    chain.format_span = name->span;
    return chain;
}

static struct chain chain_of_base(struct resolver *r, struct unit *unit, const struct ast_spec *ast)
{
    if (!ast->definition)
        return chain_of_name(r, unit, &ast->base);
    const struct format *f = format_define(r, unit, ast->definition, ast->base.span);
    return (struct chain){.format = element_format(r, f, ast->base.span), .format_span = ast->base.span};
}

/* ---- changes ---- */

/* The preset whose own scale or granularity is still in force, or NULL. */
static const struct preset *carrier_of(const struct chain *chain)
{
    return chain->carrier[AST_SCALE] ? chain->carrier[AST_SCALE] : chain->carrier[AST_GRANULARITY];
}

/* A preset without scale and granularity of its own gives its attributes to any format. */
static void replace_format(struct resolver *r, struct unit *unit, struct chain *chain, const struct ast_attribute *a)
{
    const struct preset *carrier = carrier_of(chain);
    if (carrier) {
        struct diag *d = diag_report(r->diags, DIAG_preset_format, a->span, "the format of preset `%s` cannot be replaced: its scale and granularity belong to it", carrier->word);
        diag_help(r->diags, d, "name the format as the base and write the attributes of `%s`: %s", carrier->word, carrier->text);
        return;
    }
    const struct format *f = a->definition ? format_define(r, unit, a->definition, a->span) : format_of_name(r, unit, &a->format);
    chain->format = element_format(r, f, a->span);
    chain->format_span = a->span;
}

static void report_twice(struct resolver *r, const struct ast_attribute *a, const struct ast_attribute *first)
{
    struct diag *d = diag_report(r->diags, DIAG_attribute_twice, a->span, "the same attribute is written twice in one spec");
    diag_note(r->diags, d, first->span, "first written here");
}

static void apply_changes(struct resolver *r, struct unit *unit, struct chain *chain, const struct ast_spec *ast)
{
    const struct ast_attribute *here[AST_ATTRIBUTE_COUNT] = {0};
    for (const struct ast_attribute *a = ast->attributes; a; a = a->next) {
        if (here[a->kind]) {
            report_twice(r, a, here[a->kind]);
            continue;
        }
        here[a->kind] = a;
        if (a->kind == AST_FORMAT) {
            replace_format(r, unit, chain, a);
            continue;
        }
        chain->written[a->kind] = a;
        chain->unit[a->kind] = unit;
        chain->carrier[a->kind] = NULL;
    }
}

static const struct spec *finish(struct resolver *r, const struct chain *chain)
{
    struct spec *spec = ARENA_NEW(r->arena, struct spec);
    if (!chain->format || !spec_fill(r, chain, spec) || !spec_check(r, chain, spec))
        return NULL;
    return spec;
}

/* ---- entries ---- */

/* Errors that are already reported leave a chain without format, which stays silent. */
static struct chain chain_resolve(struct resolver *r, struct unit *unit, const struct ast_spec *ast)
{
    struct chain chain = chain_of_base(r, unit, ast);
    unsigned errors = r->diags->errors;
    apply_changes(r, unit, &chain, ast);
    if (r->diags->errors > errors)
        chain.format = NULL;
    return chain;
}

const struct spec *spec_resolve(struct resolver *r, struct unit *unit, const struct ast_spec *ast)
{
    if (!ast)
        return NULL;
    struct chain chain = chain_resolve(r, unit, ast);
    return finish(r, &chain);
}

/* A declared spec's is the one computed with the declaration, so that its faults are reported once. */
const struct spec *spec_of_name(struct resolver *r, struct unit *unit, const struct ast_name *name, struct symbol **symbol)
{
    *symbol = unit ? unit_find(unit, SPACE_SPEC, name->text) : NULL;
    struct chain chain = chain_of_name(r, unit, name);
    if (*symbol && (*symbol)->decl->kind == AST_DECL_spec)
        return (*symbol)->spec;
    return finish(r, &chain);
}

/* A format is a chain that says nothing else. */
static struct chain chain_of_decl(struct resolver *r, struct symbol *s)
{
    if (s->decl->kind != AST_DECL_format)
        return s->decl->spec ? chain_resolve(r, s->unit, s->decl->spec) : (struct chain){0};
    const struct format *f = format_define(r, s->unit, &s->decl->format, s->decl->span);
    return (struct chain){.format = f, .format_span = s->decl->name.span};
}

void resolve_spec_symbol(struct resolver *r, struct symbol *s, struct span use)
{
    if (s->state == SYMBOL_DONE || !symbol_enter(r, s, use))
        return;
    struct chain *chain = ARENA_NEW(r->arena, struct chain);
    *chain = chain_of_decl(r, s);
    if (s->decl->kind == AST_DECL_spec)
        s->spec = finish(r, chain);
    s->chain = chain;
    if (!s->spec && s->decl->kind == AST_DECL_spec)
        chain->format = NULL;
    symbol_leave(r);
}
