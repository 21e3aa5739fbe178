/* Contexts: entry, memory limit, diagnostics. In: a body to run with a session; out: its status, its messages in the context.
 * Failed allocations travel by longjmp from lang/arena.c to the nearest recovery point; see context.h and quern.h. */
#include "config.h"
#include "runtime/context.h"

#include <stdlib.h>
#include <string.h>
#include "runtime/kernels.h"

/* ---- memory ---- */

/* Takes size out of the limit before it asks, so that threads together never pass it. */
static void *allocate_counted(void *user, size_t size)
{
    struct quern_context *c = user;
    size_t before = atomic_fetch_add(&c->used, size), limit = c->options.memory_limit;
    void *memory = limit && (before > limit || size > limit - before) ? NULL : c->base.allocate(c->base.user, size);
    if (!memory)
        atomic_fetch_sub(&c->used, size);
    return memory;
}

/* Only the growth is counted. NULL, without an effect: the limit, or an allocator that cannot grow in place; the arena then
 * copies. */
static void *extend_counted(void *user, void *memory, size_t size, size_t larger)
{
    struct quern_context *c = user;
    size_t more = larger - size, before = atomic_fetch_add(&c->used, more), limit = c->options.memory_limit;
    bool fits = !limit || (before <= limit && more <= limit - before);
    memory = fits && c->base.extend ? c->base.extend(c->base.user, memory, size, larger) : NULL;
    if (!memory)
        atomic_fetch_sub(&c->used, more);
    return memory;
}

/* The size is the one asked for: the arena keeps it for each chunk. */
static void release_counted(void *user, void *memory, size_t size)
{
    struct quern_context *c = user;
    c->base.release(c->base.user, memory, size);
    atomic_fetch_sub(&c->used, size);
}

/* Handles come from here before they have an arena; running out is remembered without taking memory for it. */
void *context_reserve(struct quern_context *context, size_t size)
{
    void *memory = allocate_counted(context, size);
    if (memory)
        return memory;
    pthread_mutex_lock(&context->lock);
    context->exhausted = true;
    context->exhausted_count++;
    pthread_mutex_unlock(&context->lock);
    return NULL;
}

void *context_allocate(struct quern_context *context, size_t size)
{
    void *memory = context_reserve(context, size);
    return memory ? memset(memory, 0, size) : NULL;
}

void context_release(struct quern_context *context, void *memory, size_t size)
{
    if (memory)
        release_counted(context, memory, size);
}

/* ---- life ---- */

/* base is the host's allocator; everything in the library goes through the counting one around it. */
static void fill_context(struct quern_context *c, const struct quern_context_options *options, struct allocator base)
{
    /* Everything else is 0: no messages, no kernels, nothing used. */
    *c = (struct quern_context){.base = base};
    if (options)
        c->options = *options;
    c->allocator = (struct allocator){allocate_counted, release_counted, c, base.zeroed, extend_counted};
    pthread_mutex_init(&c->lock, NULL);
    arena_init(&c->arena, &c->allocator);
    arena_init(&c->messages, &c->allocator);
    diags_init(&c->diags, &c->messages);
}

/* The context itself is taken from the host's allocator and is not counted. */
enum quern_status quern_context_create(const struct quern_context_options *options, quern_context **context)
{
    struct allocator base = allocator_standard;
    if (!context || (options && !options->allocate != !options->release))
        return QUERN_USAGE;
    *context = NULL;
    if (options && options->allocate)
        base = (struct allocator){.allocate = options->allocate, .release = options->release, .user = options->user};
    struct quern_context *c = base.allocate(base.user, sizeof *c);
    if (!c)
        return QUERN_LIMIT;
    fill_context(c, options, base);
    enum quern_status status = kernel_table_open(c);
    if (status)
        quern_context_destroy(c);
    else
        *context = c;
    return status;
}

/* Handles opened from it must be closed first: their memory is counted here. */
void quern_context_destroy(quern_context *context)
{
    if (!context)
        return;
    kernel_table_close(context);
    arena_close(&context->messages);
    arena_close(&context->arena);
    pthread_mutex_destroy(&context->lock);
    struct allocator base = context->base;
    base.release(base.user, context, sizeof *context);
}

const char *quern_version(void)
{
    return PACKAGE_VERSION;
}

/* ---- entry ---- */

/* A copy of source among the context's messages; the last one copied is used again. */
static const struct source *keep_source(struct arena *arena, const struct source *from, const struct source **last_from,
                                        const struct source **last_copy)
{
    if (!from || from == *last_from)
        return from ? *last_copy : NULL;
    /* Messages of one call speak of few texts, mostly one after another of the same. */
    *last_from = from;
    *last_copy = source_new(arena, arena_string(arena, from->name), arena_copy(arena, from->bytes, from->size), from->size);
    return *last_copy;
}

/* The message with its places and remarks, in the order they were made. */
static void keep_diag(struct quern_context *c, const struct diag *diag, const struct source **from, const struct source **copy)
{
    struct span span = diag->span;
    span.source = keep_source(&c->messages, span.source, from, copy);
    struct diag *kept = diag->subject ? diag_report_about(&c->diags, diag->code, diag->subject, "%s", diag->text)
                                      : diag_report(&c->diags, diag->code, span, "%s", diag->text);
    for (const struct diag_remark *r = diag->remarks; r; r = r->next) {
        struct span place = r->span;
        place.source = keep_source(&c->messages, place.source, from, copy);
        if (r->kind == REMARK_HELP)
            diag_help(&c->diags, kept, "%s", r->text);
        else
            diag_note(&c->diags, kept, place, "%s", r->text);
    }
}

/* Messages beyond the limit were counted and not kept; the count is carried over. */
static void copy_diags(struct quern_context *c, const struct diags *diags)
{
    const struct source *from = NULL, *copy = NULL;
    for (const struct diag *d = diags->first; d; d = d->next)
        keep_diag(c, d, &from, &copy);
    if (diags->errors > diags->limit)
        c->diags.errors += diags->errors - diags->limit;
}

/* false: memory ran out on the way. With the lock. */
static bool try_copy(struct quern_context *c, const struct diags *diags)
{
    jmp_buf trap;
    if (setjmp(trap)) {
        c->messages.escape = NULL;
        return false;
    }
    c->messages.escape = &trap;
    copy_diags(c, diags);
    c->messages.escape = NULL;
    return true;
}

/* Copies a call's messages into the context; they outlive the recipe or model they speak of. */
static void keep_diags(struct quern_context *c, const struct diags *diags, bool exhausted)
{
    pthread_mutex_lock(&c->lock);
    bool copied = try_copy(c, diags);
    /* Said once, however many messages were lost. */
    if (exhausted || !copied) {
        c->exhausted = true;
        c->exhausted_count++;
    }
    pthread_mutex_unlock(&c->lock);
}

/* The recovery points that stood before, to be put back. */
struct trap {
    struct arena *arenas[2];
    jmp_buf *outer[2];
};

/* What ran stands in frames that longjmp drops; nothing here changes between setjmp and it. */
static bool run_trapped(struct trap *trap, session_body *body, struct session *session, void *call, enum quern_status *status)
{
    jmp_buf here;
    if (setjmp(here))
        return false;
    for (int i = 0; i < 2; i++)
        if (trap->arenas[i])
            trap->arenas[i]->escape = &here;
    *status = body(session, call);
    return true;
}

/* Two arenas share one recovery point: whichever runs dry, both get their old one back. */
bool session_try(struct session *session, struct arena *other, session_body *body, void *call, enum quern_status *status)
{
    struct trap trap = {{session->arena, other}, {session->arena->escape, other ? other->escape : NULL}};
    bool done = run_trapped(&trap, body, session, call, status);
    for (int i = 0; i < 2; i++)
        if (trap.arenas[i])
            trap.arenas[i]->escape = trap.outer[i];
    return done;
}

/* The nearest recovery point outside: the failure goes on as if it had not been stopped. */
void session_escape(struct session *session)
{
    longjmp(*session->arena->escape, 1);
}

/* Scratch memory, messages included, is gone when this returns; what outlives the call was copied. */
enum quern_status context_enter(struct quern_context *context, struct arena *handle, session_body *body, void *call)
{
    struct arena arena;
    struct diags diags;
    arena_init(&arena, &context->allocator);
    diags_init(&diags, &arena);
    struct session session = {context, &arena, &diags};
    enum quern_status status = QUERN_LIMIT;
    bool done = session_try(&session, handle, body, call, &status);
    keep_diags(context, &diags, !done);
    arena_close(&arena);
    return done ? status : QUERN_LIMIT;
}

/* ---- status ---- */

/* A code without a row is the user's fault: QUERN_INVALID. */
static const struct {
    enum diag_code code;
    enum quern_status status;
} statuses[] = {
    {DIAG_cannot_read, QUERN_IO},    {DIAG_cannot_write, QUERN_IO},     {DIAG_output_exists, QUERN_IO},
    {DIAG_output_busy, QUERN_IO},    {DIAG_output_is_input, QUERN_IO},  {DIAG_too_large, QUERN_LIMIT},
    {DIAG_out_of_memory, QUERN_LIMIT}, {DIAG_tensor_too_large, QUERN_LIMIT},
    {DIAG_diff_undecided, QUERN_LIMIT},
    {DIAG_kernel_target, QUERN_USAGE},
    {DIAG_kernel_provider, QUERN_IO}, {DIAG_kernel_memory, QUERN_LIMIT}, {DIAG_kernel_bug, QUERN_INTERNAL},
};

/* The first error decides: later ones often follow from it. */
enum quern_status diags_status(const struct diags *diags)
{
    const struct diag *d = diags->first;
    while (d && d->severity != SEVERITY_ERROR)
        d = d->next;
    for (size_t i = 0; d && i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].code == d->code)
            return statuses[i].status;
    return d ? QUERN_INVALID : QUERN_OK;
}

/* ---- what the context says ---- */

/* Said from static memory: making a message would need what there is none of. */
static const char exhausted_text[] = "error[Q0006]: no memory left\n";
static const char exhausted_json[] =
    "[\n  {\n    \"code\": \"Q0006\",\n    \"severity\": \"error\",\n    \"title\": \"no memory left\",\n"
    "    \"message\": \"no memory left\",\n    \"remarks\": []\n  }\n]";
static const char exhausted_sarif[] =
    "{\n  \"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n  \"version\": \"2.1.0\",\n  \"runs\": [\n    {\n"
    "      \"tool\": {\n        \"driver\": {\n          \"name\": \"quern\",\n          \"version\": \"" PACKAGE_VERSION "\",\n"
    "          \"rules\": [\n            {\n              \"id\": \"Q0006\"\n            }\n          ]\n        }\n      },\n"
    "      \"columnKind\": \"unicodeCodePoints\",\n      \"results\": [\n        {\n          \"ruleId\": \"Q0006\",\n"
    "          \"ruleIndex\": 0,\n          \"level\": \"error\",\n          \"message\": {\n"
    "            \"text\": \"no memory left\"\n          }\n        }\n      ]\n    }\n  ]\n}";

/* Memory that ran out counts as an error although no message could be made of it. */
unsigned quern_error_count(const quern_context *context)
{
    return context->diags.errors + context->exhausted_count;
}

unsigned quern_warning_count(const quern_context *context)
{
    return context->diags.warnings;
}

/* How print_messages prints them. */
enum message_form { MESSAGES_TEXT, MESSAGES_JSON, MESSAGES_SARIF };
static const char *const exhausted_forms[] = {exhausted_text, exhausted_json, exhausted_sarif};

/* The printed text joins the messages: it dies with them. */
static const char *print_messages(struct quern_context *c, bool color, enum message_form form)
{
    jmp_buf trap;
    c->messages.escape = &trap;
    if (setjmp(trap)) {
        c->messages.escape = NULL;
        return exhausted_forms[form];
    }
    if (form != MESSAGES_TEXT)
        return form == MESSAGES_JSON ? diags_json(&c->diags) : diags_sarif(&c->diags, quern_version());
    struct text out = text_make(&c->messages);
    for (const struct diag *d = c->diags.first; d; d = d->next)
        diag_print(&out, d, color);
    if (c->diags.errors > c->diags.limit)
        text_printf(&out, "%u more errors are not shown\n", c->diags.errors - c->diags.limit);
    if (c->exhausted)
        text_add(&out, exhausted_text);
    return text_string(&out);
}

/* One string for all; the lock keeps a message of another thread from tearing it. */
const char *quern_diagnostics_text(quern_context *context, bool color)
{
    pthread_mutex_lock(&context->lock);
    const char *text = print_messages(context, color, MESSAGES_TEXT);
    context->messages.escape = NULL;
    pthread_mutex_unlock(&context->lock);
    return text;
}

/* An array that a program can read; when memory ran out it has that one message, since no other is sure to be whole. */
const char *quern_diagnostics_json(quern_context *context)
{
    pthread_mutex_lock(&context->lock);
    const char *text = context->exhausted ? exhausted_json : print_messages(context, false, MESSAGES_JSON);
    context->messages.escape = NULL;
    pthread_mutex_unlock(&context->lock);
    return text;
}

/* As JSON is: without memory a log with that one result. */
const char *quern_diagnostics_sarif(quern_context *context)
{
    pthread_mutex_lock(&context->lock);
    const char *text = context->exhausted ? exhausted_sarif : print_messages(context, false, MESSAGES_SARIF);
    context->messages.escape = NULL;
    pthread_mutex_unlock(&context->lock);
    return text;
}

/* Strings handed out before are gone with the messages. */
void quern_diagnostics_clear(quern_context *context)
{
    pthread_mutex_lock(&context->lock);
    arena_close(&context->messages);
    diags_init(&context->diags, &context->messages);
    context->exhausted = false;
    context->exhausted_count = 0;
    pthread_mutex_unlock(&context->lock);
}

/* For hosts that show one line. */
const char *quern_context_error(const quern_context *context)
{
    const char *text = context->exhausted ? "no memory left" : "";
    for (const struct diag *d = context->diags.first; d && !context->exhausted; d = d->next)
        text = d->severity == SEVERITY_ERROR ? d->text : text;
    return text;
}

/* The rows of diags.def as pages; diag_find knows their order. */
const char *quern_explain_code(const char *code)
{
    static const char *const pages[DIAG_COUNT] = {
#define DIAG(name, code, severity, title, explanation) code ": " title "\n\n" explanation,
#include "lang/diags.def"
#undef DIAG
    };
    int found = diag_find(code);
    return found < 0 ? NULL : pages[found];
}
