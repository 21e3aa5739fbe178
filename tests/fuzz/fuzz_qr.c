/* Fuzz target: the .qr form. Any bytes are parsed and their messages printed. The AST's text reads back to the same
 * bytes; what parsed without an error formats to a text with the same AST, whose own formatting is itself. */
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "lang/ast.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes that are no text have no AST but an empty one. */
static struct ast *parse(struct arena *arena, const char *bytes, size_t size, struct diags *diags)
{
    struct source *source = source_new(arena, "fuzz.qr", arena_copy(arena, bytes, size), size);
    diags_init(diags, arena);
    struct ast *nothing = ARENA_NEW(arena, struct ast);
    nothing->source = source;
    return ast_check_text(source, diags) ? ast_parse_qr(arena, source, diags) : nothing;
}

static void print_messages(struct arena *arena, const struct diags *diags)
{
    struct text text = text_make(arena);
    for (const struct diag *d = diags->first; d; d = d->next)
        diag_print(&text, d, false);
}

static struct text print_ast(struct arena *arena, const struct ast *ast)
{
    struct text text = text_make(arena);
    ast_print(&text, ast);
    return text;
}

static struct text format(struct arena *arena, const struct ast *ast)
{
    struct text text = text_make(arena);
    ast_format_qr(&text, ast);
    text_string(&text);
    return text;
}

/* Byte for byte. */
static void require_same(struct text a, struct text b)
{
    if (a.size != b.size || (a.size && memcmp(a.bytes, b.bytes, a.size)))
        abort();
}

/* The AST's text reads back to itself, errors or not. */
static void check_reading(struct arena *arena, struct text text)
{
    struct diags diags;
    diags_init(&diags, arena);
    struct ast *read = ast_read(arena, source_new(arena, "fuzz.ast", text.bytes, text.size), &diags);
    print_messages(arena, &diags);
    require_same(text, print_ast(arena, read));
}

/* The layout parses, means the same, and is its own layout. */
static void check_formatting(struct arena *arena, const struct ast *ast, struct text text)
{
    struct diags diags;
    struct text once = format(arena, ast);
    struct ast *again = parse(arena, once.bytes ? once.bytes : "", once.size, &diags);
    if (diags.errors)
        abort();
    require_same(text, print_ast(arena, again));
    require_same(once, format(arena, again));
}

/* The same bytes as the texts that stand within YAML. */
static void parse_fragments(struct arena *arena, const char *bytes, size_t size)
{
    struct diags diags;
    diags_init(&diags, arena);
    struct source *source = source_new(arena, "fuzz.yaml", "- text", 6);
    struct span span = {source, 2, 6};
    ast_parse_spec(arena, source, span, bytes, size, &diags);
    ast_parse_predicate(arena, source, span, bytes, size, &diags);
    ast_parse_body(arena, source, span, (enum ast_decl_kind)(size % AST_DECL_COUNT), bytes, size, &diags);
    print_messages(arena, &diags);
}

/* The bytes as an AST text. */
static void read_ast(struct arena *arena, const char *bytes, size_t size)
{
    struct diags diags;
    diags_init(&diags, arena);
    struct ast *ast = ast_read(arena, source_new(arena, "fuzz.ast", arena_copy(arena, bytes, size), size), &diags);
    print_messages(arena, &diags);
    if (!diags.errors)
        check_reading(arena, print_ast(arena, ast));
}

static void check(struct arena *arena, const char *bytes, size_t size)
{
    struct diags diags;
    struct ast *ast = parse(arena, bytes, size, &diags);
    print_messages(arena, &diags);
    struct text text = print_ast(arena, ast);
    check_reading(arena, text);
    if (!diags.errors)
        check_formatting(arena, ast, text);
    parse_fragments(arena, bytes, size);
    if (size > 3 && !memcmp(bytes, "ast", 3))
        read_ast(arena, bytes, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    jmp_buf escape;
    arena_init(&arena, NULL);
    arena.escape = &escape;
    arena.limit = 1u << 29;
    if (!setjmp(escape))
        check(&arena, (const char *)data, size);
    arena_close(&arena);
    return 0;
}
