/* The .qr form in cases: tests/unit/qr/errors.cases (a text and its messages), format.cases (a text and its canonical
 * layout; the layout is its own, and keeps the AST), ast.cases (a text and its AST's text, which reads back), and
 * read.cases (a faulty AST text and its message). */
#include "tests/unit/qr_cases.h"

static struct ast *parse(struct arena *arena, const char *text, size_t size, struct diags *diags)
{
    diags_init(diags, arena);
    return ast_parse(arena, source_new(arena, "r.qr", arena_copy(arena, text, size), size), diags);
}

static const char *print_ast(struct arena *arena, const struct ast *ast)
{
    struct text out = text_make(arena);
    ast_print(&out, ast);
    return text_string(&out);
}

static const char *format(struct arena *arena, const struct ast *ast)
{
    struct text out = text_make(arena);
    ast_format_qr(&out, ast);
    return text_string(&out);
}

static void check_errors(void **state)
{
    struct text_case *c = *state;
    struct arena arena;
    struct diags diags;
    arena_init(&arena, NULL);
    /* the line break that ends a case belongs to the file of cases */
    parse(&arena, text_string(&c->input), c->input.size - 1, &diags);
    struct text out = text_make(&arena);
    add_messages(&out, &diags);
    assert_string_equal(text_string(&out), text_string(&c->expected));
    arena_close(&arena);
}

static void check_format(void **state)
{
    struct text_case *c = *state;
    struct arena arena;
    struct diags diags;
    arena_init(&arena, NULL);
    struct ast *ast = parse(&arena, text_string(&c->input), c->input.size, &diags);
    struct text messages = text_make(&arena);
    add_messages(&messages, &diags);
    assert_string_equal(text_string(&messages), "");
    const char *once = format(&arena, ast);
    assert_string_equal(once, text_string(&c->expected));
    struct ast *again = parse(&arena, once, strlen(once), &diags);
    assert_int_equal(diags.errors, 0);
    assert_string_equal(format(&arena, again), once);
    ast->spelling = SPELLING_QR; /* the layout's; all else is the same */
    assert_string_equal(print_ast(&arena, again), print_ast(&arena, ast));
    arena_close(&arena);
}

static const char *read_back(struct arena *arena, const char *text, size_t size)
{
    struct diags diags;
    diags_init(&diags, arena);
    struct ast *ast = ast_read(arena, source_new(arena, "r.ast", text, size), &diags);
    struct text out = text_make(arena);
    add_messages(&out, &diags);
    if (!diags.errors)
        ast_print(&out, ast);
    return text_string(&out);
}

static void check_ast(void **state)
{
    struct text_case *c = *state;
    struct arena arena;
    struct diags diags;
    arena_init(&arena, NULL);
    const char *text = print_ast(&arena, parse(&arena, text_string(&c->input), c->input.size, &diags));
    assert_int_equal(diags.errors, 0);
    assert_string_equal(text, text_string(&c->expected));
    assert_string_equal(read_back(&arena, text, strlen(text)), text);
    arena_close(&arena);
}

static void check_read(void **state)
{
    struct text_case *c = *state;
    struct arena arena;
    arena_init(&arena, NULL);
    assert_string_equal(read_back(&arena, text_string(&c->input), c->input.size), text_string(&c->expected));
    arena_close(&arena);
}

int main(void)
{
    int failed = run_cases("errors.cases", check_errors);
    failed += run_cases("format.cases", check_format);
    failed += run_cases("ast.cases", check_ast);
    failed += run_cases("read.cases", check_read);
    return failed != 0;
}
