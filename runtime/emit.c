/* Stages as text: what each stage of the compiler makes of a recipe, and back. In: a recipe and a stage's name, or a stage's
 * text; out: text. A stage's text reads back to itself, which is what `quern emit -x` checks; stages that end in LLVM do not
 * read back. */
#include <stdlib.h>
#include <string.h>
#include "lang/foreign.h"
#include "lang/schema.h"
#include "runtime/json.h"
#include "runtime/kernels.h"
#include "runtime/recipe.h"

/* One call that prints a stage of a recipe. */
struct emit_call {
    struct quern_recipe *recipe;
    const struct quern_emit_options *options;
    const char *stage, *text;
    size_t size;
};
/* One call on a text without a recipe: reading a stage back, or formatting. */
struct reread_call {
    struct quern_context *context;
    struct source *source;
    const char *stage, *name, *text, *to, *again;
    size_t size;
};

/* Texts of stages live as long as the recipe. */
static struct text begin_text(struct emit_call *emit)
{
    return text_make(&emit->recipe->arena);
}

static bool finish_text(struct emit_call *emit, struct text *text)
{
    emit->text = text_string(text);
    emit->size = text->size;
    return true;
}

/* ---- printing ---- */

/* The AST with every place, as lang/ast.h prints it. */
static bool emit_ast(struct session *session, struct emit_call *emit)
{
    (void)session;
    struct text text = begin_text(emit);
    ast_print(&text, emit->recipe->ast);
    return finish_text(emit, &text);
}

/* Resolved: imports, names and policies are gone. */
static bool emit_recipe(struct session *session, struct emit_call *emit)
{
    (void)session;
    struct text text = begin_text(emit);
    recipe_print(&text, emit->recipe->recipe);
    return finish_text(emit, &text);
}

/* The table that matching walks, as text or as a graph. */
static bool emit_automaton(struct session *session, struct emit_call *emit)
{
    (void)session;
    struct text text = begin_text(emit);
    if (emit->options->graphviz)
        matcher_print_dot(&text, emit->recipe->matcher);
    else
        matcher_print(&text, emit->recipe->matcher);
    return finish_text(emit, &text);
}

/* The spec asked for, else the first one that a config gives a weight or a rule gives a tensor. */
static const struct spec *choose_spec(struct session *session, struct emit_call *emit)
{
    const struct recipe *recipe = emit->recipe->recipe;
    const char *reason;
    if (emit->options->spec)
        return recipe_find_spec(emit->recipe->recipe, emit->options->spec, session->diags);
    for (size_t i = 0; i < recipe->rule_count; i++) {
        const struct spec *spec = recipe_tensor_spec(&recipe->rules[i], "weight", &reason);
        if (spec)
            return spec;
    }
    if (recipe->spec_count)
        return recipe->specs[0].spec;
    diag_report_about(session->diags, DIAG_bad_kernel, NULL, "the recipe has no spec; name one");
    return NULL;
}

/* The emit options as a kernel request; 256 rows of 4096 unless a shape is given. */
static bool make_request(struct session *session, struct emit_call *emit, struct kernel_request *request)
{
    static const int64_t usual[] = {256, 4096};
    const struct quern_emit_options *o = emit->options;
    const char *op = o->op ? o->op : "quantize_dynamic", *dtype = o->dtype ? o->dtype : "f32", *reason;
    int op_found = kernel_op_find(op), dtype_found = dtype_find_word(dtype);
    const struct spec *spec = choose_spec(session, emit);
    if (!spec)
        return false;
    if (op_found < 0 || dtype_found < 0) {
        diag_report_about(session->diags, DIAG_bad_kernel, NULL, "there is no %s %s", op_found < 0 ? "operation" : "element type",
                          name_shown(session->arena, op_found < 0 ? op : dtype));
        return false;
    }
    *request = kernel_request_make(session->context, (enum kernel_op)op_found, spec, (enum dtype)dtype_found,
                                   o->shape ? o->shape : usual, o->shape ? o->rank : 2);
    struct kernel_storage storage;
    if (kernel_storage(spec, request->shape, request->rank, &storage, &reason) &&
        kernel_supports(request->op, spec, request->dtype, &reason))
        return true;
    diag_report_about(session->diags, DIAG_no_kernel, NULL, "%s", reason);
    return false;
}

/* What the formulas say, and what each pass makes of it: "formula", then the passes in their order. */
static const char *const kernel_stages[] = {
    "formula",
#define PASS(name, requires, keeps, gives) #name,
#include "codegen/kernel/passes.def"
#undef PASS
};

/* after: the stage to stop behind; NULL: all passes. */
static bool print_kernel(struct session *session, const struct kernel_request *request, const char *after, struct text *text)
{
    const struct kernel_ir *ir = kernel_build(session->arena, request, after, session->diags);
    if (ir)
        kernel_print(text, ir);
    return ir;
}

/* With `all` each stage's text follows a comment that names it; the last one alone reads back. */
static bool emit_kernel(struct session *session, struct emit_call *emit)
{
    struct kernel_request request;
    const char *after = emit->options->after;
    struct text text = begin_text(emit);
    if (!make_request(session, emit, &request))
        return false;
    if (!after || strcmp(after, "all"))
        return print_kernel(session, &request, after, &text) && finish_text(emit, &text);
    for (size_t i = 0; i < sizeof kernel_stages / sizeof *kernel_stages; i++) {
        text_printf(&text, "%s# after %s\n", i ? "\n" : "", kernel_stages[i]);
        if (!print_kernel(session, &request, kernel_stages[i], &text))
            return false;
    }
    return finish_text(emit, &text);
}

/* What the code generator makes: text for LLVM IR and assembly, bytes for an object. */
static bool emit_code(struct session *session, struct emit_call *emit, enum kernel_output output)
{
    struct kernel_request request;
    char *bytes = NULL;
    if (!make_request(session, emit, &request))
        return false;
    const struct kernel_ir *ir = kernel_build(session->arena, &request, NULL, session->diags);
    if (!ir || !kernel_compile_with(session->context->options.jit_path, ir, output, &bytes, &emit->size, session->diags))
        return false;
    arena_defer(session->arena, free, bytes);
    emit->text = arena_copy(&emit->recipe->arena, bytes, emit->size);
    return true;
}

static bool emit_llvm(struct session *session, struct emit_call *emit)
{
    return emit_code(session, emit, KERNEL_OUTPUT_LLVM);
}

static bool emit_asm(struct session *session, struct emit_call *emit)
{
    return emit_code(session, emit, KERNEL_OUTPUT_ASM);
}

static bool emit_object(struct session *session, struct emit_call *emit)
{
    return emit_code(session, emit, KERNEL_OUTPUT_OBJECT);
}

/* ---- reading back ---- */

static bool reread_ast(struct session *session, struct reread_call *call, struct text *out)
{
    const struct ast *ast = ast_read(session->arena, call->source, session->diags);
    if (!session->diags->errors)
        ast_print(out, ast);
    return !session->diags->errors;
}

/* The text of this stage has no imports left, so none are opened. */
static bool reread_recipe(struct session *session, struct reread_call *call, struct text *out)
{
    const struct ast *ast = ast_parse(session->arena, call->source, session->diags);
    const struct recipe *recipe = session->diags->errors ? NULL : recipe_resolve(session->arena, ast, NULL, session->diags);
    if (!session->diags->errors)
        recipe_print(out, recipe);
    return !session->diags->errors;
}

static bool reread_automaton(struct session *session, struct reread_call *call, struct text *out)
{
    const struct matcher *matcher = matcher_read(session->arena, call->source, session->diags);
    if (matcher)
        matcher_print(out, matcher);
    return matcher;
}

/* Text from elsewhere is verified before anything is done with it. */
static bool reread_kernel(struct session *session, struct reread_call *call, struct text *out)
{
    const struct kernel_ir *ir = kernel_read(session->arena, call->source, session->diags);
    if (!ir || !kernel_verify(ir, session->diags))
        return false;
    kernel_print(out, ir);
    return true;
}

/* ---- the stages ---- */

/* Pipeline order. */
static const struct stage {
    const char *name;
    bool (*emit)(struct session *, struct emit_call *);
    bool (*reread)(struct session *, struct reread_call *, struct text *); /* NULL: it does not read back */
} stages[] = {
    {"ast", emit_ast, reread_ast},
    {"recipe", emit_recipe, reread_recipe},
    {"automaton", emit_automaton, reread_automaton},
    {"kernel", emit_kernel, reread_kernel},
    {"llvm", emit_llvm, NULL},
    {"asm", emit_asm, NULL},
    {"obj", emit_object, NULL},
};

/* The table is the one list of stages; both messages name it whole. */
static const struct stage *find_stage(struct session *session, const char *name, bool reads)
{
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        if (!strcmp(stages[i].name, name) && (!reads || stages[i].reread))
            return &stages[i];
    diag_report_about(session->diags, DIAG_bad_kernel, NULL, reads ? "expected the stage ast, recipe, automaton or kernel, saw %s"
                                                                   : "expected the stage ast, recipe, automaton, kernel, llvm, asm or obj, saw %s",
                      name_shown(session->arena, name));
    return NULL;
}

/* A stage that fails without a message is taken for a fault of its input. */
static enum quern_status emit_stage(struct session *session, void *call)
{
    struct emit_call *emit = call;
    const struct stage *stage = find_stage(session, emit->stage, false);
    if (!stage)
        return QUERN_USAGE;
    if (stage->emit(session, emit))
        return QUERN_OK;
    enum quern_status status = diags_status(session->diags);
    return status ? status : QUERN_INVALID;
}

/* Texts stay in the recipe's arena: emitting is for people and tests, not for loops. */
enum quern_status quern_recipe_emit(quern_recipe *recipe, const char *stage, const struct quern_emit_options *options,
                                    const char **text, size_t *size)
{
    static const struct quern_emit_options none;
    struct emit_call call = {.recipe = recipe, .options = options ? options : &none, .stage = stage};
    if (!recipe || !stage || !text || !size)
        return QUERN_USAGE;
    enum quern_status status = context_enter(recipe->context, &recipe->arena, emit_stage, &call);
    *text = call.text;
    *size = call.size;
    return status;
}

/* A copy: sources end in a NUL that the caller's bytes need not have. */
static struct source *make_source(struct session *session, const struct reread_call *call)
{
    if (call->size <= SOURCE_SIZE_MAX)
        return source_new(session->arena, strcmp(call->name, "-") ? call->name : "<stdin>",
                          arena_copy(session->arena, call->text, call->size), call->size);
    diag_report_about(session->diags, DIAG_too_large, call->name, "a text may hold %d bytes", SOURCE_SIZE_MAX);
    return NULL;
}

/* What was printed in scratch memory outlives the call in the context's. */
static enum quern_status keep_text(struct session *session, struct reread_call *call, struct text *text, bool ok)
{
    if (ok)
        call->again = arena_copy(&session->context->arena, text_string(text), text->size);
    enum quern_status status = diags_status(session->diags);
    return ok ? QUERN_OK : status ? status : QUERN_INVALID;
}

/* `quern emit -x`: the text is read, verified, and printed by the stage's own printer. */
static enum quern_status reread_stage(struct session *session, void *data)
{
    struct reread_call *call = data;
    const struct stage *stage = find_stage(session, call->stage, true);
    if (!stage)
        return QUERN_USAGE;
    struct text text = text_make(session->arena);
    call->source = make_source(session, call);
    return keep_text(session, call, &text, call->source && stage->reread(session, call, &text));
}

enum quern_status quern_stage_reread(quern_context *context, const char *stage, const char *name, const char *text, size_t size,
                                     const char **again)
{
    struct reread_call call = {.context = context, .stage = stage, .name = name, .text = text, .size = size};
    if (!context || !stage || !name || (!text && size) || !again)
        return QUERN_USAGE;
    enum quern_status status = context_enter(context, &context->arena, reread_stage, &call);
    *again = call.again;
    return status;
}

/* Syntax alone: names that mean nothing are kept as they stand. */
static enum quern_status format_text(struct session *session, void *data)
{
    struct reread_call *call = data;
    struct text text = text_make(session->arena);
    call->source = make_source(session, call);
    const struct ast *ast = call->source ? ast_parse(session->arena, call->source, session->diags) : NULL;
    if (!ast || session->diags->errors)
        return keep_text(session, call, &text, false);
    if (ast->foreign && !call->to) {
        diag_report_about(session->diags, DIAG_foreign_layout, ast->source->name, "this is %s", ast->foreign->what);
        return keep_text(session, call, &text, false);
    }
    bool yaml = call->to ? !strcmp(call->to, "yaml") : ast->spelling == SPELLING_YAML;
    if (yaml)
        ast_format_yaml(&text, ast);
    else
        ast_format_qr(&text, ast);
    return keep_text(session, call, &text, true);
}

enum quern_status quern_format(quern_context *context, const char *name, const char *text, size_t size, const char *to,
                               const char **formatted)
{
    struct reread_call call = {.context = context, .name = name, .text = text, .size = size, .to = to};
    if (!context || !name || (!text && size) || !formatted || (to && strcmp(to, "qr") && strcmp(to, "yaml")))
        return QUERN_USAGE;
    enum quern_status status = context_enter(context, &context->arena, format_text, &call);
    *formatted = call.again;
    return status;
}

/* The text is printed anew at each call: editors ask once. */
static enum quern_status print_schema(struct session *session, void *data)
{
    *(const char **)data = schema_print(&session->context->arena);
    return QUERN_OK;
}

const char *quern_yaml_schema(quern_context *context)
{
    const char *text = NULL;
    return context && !context_enter(context, &context->arena, print_schema, &text) ? text : NULL;
}
