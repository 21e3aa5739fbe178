/* quern_import and quern_export: recipes from and to the files of other systems. In: a file's text, or a recipe; out: the
 * other's text. Readers and writers are rows of lang/foreign.def; what each can say: docs/torchao.md, coreai.md, quark.md,
 * megatron.md, huggingface.md, llama-cpp.md. */
#include <string.h>
#include "lang/foreign.h"
#include "runtime/recipe.h"

/* One call of quern_import. */
struct import_call {
    const char *name, *text, *system, *qr;
    size_t size;
};

/* `quern import --from WORD`; NULL with *known false after a message. */
static const struct foreign *find_system(struct session *session, const char *word, bool *known)
{
    const struct foreign *system = word ? foreign_find(word) : NULL;
    *known = system || !word;
    if (*known)
        return system;
    const char *words[FOREIGN_COUNT];
    for (size_t i = 0; i < FOREIGN_COUNT; i++)
        words[i] = foreign_rows[i].word;
    struct diag *diag = diag_report_about(session->diags, DIAG_no_system, word, "there is no system of that name");
    const char *nearest = diag_nearest(word, words, FOREIGN_COUNT);
    if (nearest)
        diag_help(session->diags, diag, "did you mean `%s`?", nearest);
    return NULL;
}

/* Megatron-LM's files are recipes in Quern's own YAML form, which no key tells apart. */
static void report_own(struct session *session, const char *name, const struct ast *ast)
{
    struct diag *diag = diag_report_about(session->diags, DIAG_not_foreign, name, "this is no file of a system that is known");
    if (ast->spelling == SPELLING_YAML && ast->decls)
        diag_help(session->diags, diag, "it is a recipe as it stands: `fmt --to qr` translates it, `import --from megatron` reads it with Megatron-LM's rules");
}

/* The AST in the .qr spelling, once it is known to resolve. */
static enum quern_status import_text(struct session *session, void *data)
{
    struct import_call *call = data;
    bool known;
    const struct foreign *system = find_system(session, call->system, &known);
    if (!known)
        return QUERN_USAGE;
    if (call->size > SOURCE_SIZE_MAX) {
        diag_report_about(session->diags, DIAG_too_large, call->name, "a text may hold %d bytes", SOURCE_SIZE_MAX);
        return QUERN_LIMIT;
    }
    struct source *source = source_new(session->arena, call->name, arena_copy(session->arena, call->text, call->size), call->size);
    struct ast *ast = foreign_parse(session->arena, source, system, session->diags);
    if (!session->diags->errors && !ast->foreign)
        report_own(session, call->name, ast);
    struct recipe *recipe = session->diags->errors ? NULL : recipe_resolve(session->arena, ast, NULL, session->diags);
    if (!session->diags->errors)
        matcher_compile(recipe, NULL, session->diags); /* its patterns */
    if (session->diags->errors)
        return diags_status(session->diags);
    struct text text = text_make(session->arena);
    ast_format_qr(&text, ast);
    call->qr = arena_copy(&session->context->arena, text_string(&text), text.size);
    return QUERN_OK;
}

enum quern_status quern_import(quern_context *context, const char *name, const char *text, size_t size, const char *system, const char **qr)
{
    struct import_call call = {.name = name, .text = text ? text : "", .size = size, .system = system};
    if (!context || !name || (!text && size) || !qr)
        return QUERN_USAGE;
    enum quern_status status = context_enter(context, &context->arena, import_text, &call);
    *qr = call.qr;
    return status;
}

/* One call of quern_export. */
struct export_call {
    struct quern_recipe *recipe;
    const char *system, *text;
};

/* Under the recipe's lock: what is written is kept in its arena. */
static enum quern_status export_text(struct session *session, void *data)
{
    struct export_call *call = data;
    bool known;
    const struct foreign *system = find_system(session, call->system, &known);
    if (!known)
        return QUERN_USAGE;
    if (!system->write) {
        diag_report_about(session->diags, DIAG_no_system, call->system, "Quern reads %s and does not write it", system->what);
        return QUERN_USAGE;
    }
    struct text text = text_make(session->arena);
    if (system->write(&text, call->recipe->recipe, session->diags) && !session->diags->errors)
        call->text = arena_copy(&call->recipe->arena, text_string(&text), text.size);
    return diags_status(session->diags);
}

/* *text is NULL unless the whole recipe could be said. */
enum quern_status quern_export(quern_recipe *recipe, const char *system, const char **text)
{
    struct export_call call = {recipe, system, NULL};
    if (!recipe || !system || !text)
        return QUERN_USAGE;
    pthread_mutex_lock(&recipe->lock);
    enum quern_status status = context_enter(recipe->context, &recipe->arena, export_text, &call);
    pthread_mutex_unlock(&recipe->lock);
    *text = call.text;
    return status;
}
