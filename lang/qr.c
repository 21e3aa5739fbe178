/* The .qr parser's entries: whole files, and the fragments that YAML values hold. In: a source, or a text within one. Out: an
 * AST whose faults were reported, or for fragments NULL after any. One grammar with a start token for each entry. See
 * docs/language.md. */
#include "lang/qr.h"
#include "lang/qr_parse.h"

#include <string.h>

/* Delivers first and then second (0: none) before the text's tokens, and parses.
 * The queue is taken from its end. */
static void run(struct qr_parse *parse, int first, int second)
{
    if (second)
        parse->queue[parse->queued++] = second;
    parse->queue[parse->queued++] = first;
    parse->queued_span = parse->whole;
    qr_scan_begin(parse);
    qr_parse_parse(parse);
    qr_scan_end(parse);
}

struct ast *ast_parse_qr(struct arena *arena, struct source *source, struct diags *diags)
{
    bool bom = source->size >= 3 && !memcmp(source->bytes, "\xef\xbb\xbf", 3);
    struct qr_parse *parse = ARENA_NEW(arena, struct qr_parse);
    *parse = (struct qr_parse){.arena = arena, .source = source, .diags = diags, .is_file = true, .text = source->bytes,
                               .size = source->size, .offset = bom ? 3 : 0, .whole = {source, 0, 0}};
    run(parse, T_START_RECIPE, 0);
    struct ast *ast = ARENA_NEW(arena, struct ast);
    *ast = (struct ast){.source = source, .spelling = SPELLING_QR, .decls = parse->decls.first, .comments = parse->comments.first};
    return ast;
}

/* A fragment that is the whole source keeps its places; within a YAML text only the scalar's place is known. */
static bool is_whole(const struct source *source, const char *text, size_t size)
{
    return source->size == size && !memcmp(source->bytes, text, size);
}

/* NULL after any error */
static struct qr_parse *parse_fragment(struct arena *arena, struct source *source, struct span span, const char *text, size_t size,
                                       struct diags *diags, int first, int second)
{
    unsigned errors = diags->errors;
    struct qr_parse *parse = ARENA_NEW(arena, struct qr_parse);
    *parse = (struct qr_parse){.arena = arena, .source = source, .diags = diags, .text = arena_copy(arena, text, size),
                               .size = size, .is_fragment = !is_whole(source, text, size), .whole = span};
    run(parse, first, second);
    return diags->errors == errors ? parse : NULL;
}

struct ast_spec *ast_parse_spec(struct arena *arena, struct source *source, struct span span, const char *text, size_t size, struct diags *diags)
{
    struct qr_parse *parse = parse_fragment(arena, source, span, text, size, diags, T_START_SPEC, 0);
    return parse ? parse->spec : NULL;
}

struct ast_predicate *ast_parse_predicate(struct arena *arena, struct source *source, struct span span, const char *text, size_t size, struct diags *diags)
{
    struct qr_parse *parse = parse_fragment(arena, source, span, text, size, diags, T_START_PREDICATE, 0);
    return parse ? parse->predicate : NULL;
}

/* The YAML form has the keyword as a key: it is delivered before the text, whose tokens are the rest of the declaration. */
struct ast_decl *ast_parse_body(struct arena *arena, struct source *source, struct span span, enum ast_decl_kind kind, const char *text, size_t size, struct diags *diags)
{
    static const int keywords[AST_DECL_COUNT] = {
        [AST_DECL_recipe] = T_RECIPE,     [AST_DECL_import] = T_IMPORT, [AST_DECL_format] = T_FORMAT,
        [AST_DECL_spec] = T_SPEC,         [AST_DECL_config] = T_CONFIG, [AST_DECL_set] = T_SET,
        [AST_DECL_alias] = T_ALIAS,       [AST_DECL_group] = T_GROUP,   [AST_DECL_schedule] = T_SCHEDULE,
        [AST_DECL_prepare] = T_PREPARE,   [AST_DECL_algorithm] = T_ALGORITHM, [AST_DECL_match] = T_MATCH,
        [AST_DECL_expect] = T_EXPECT,
    };
    struct qr_parse *parse = parse_fragment(arena, source, span, text, size, diags, T_START_BODY, keywords[kind]);
    if (!parse || !parse->decl)
        return NULL;
    parse->decl->kind = kind;
    parse->decl->span = span;
    return parse->decl;
}
