/* Recipes: loading and matching. In: text, names, tensors; out: a matcher, outcomes, rules as text. Which rule wins is
 * codegen/match's; `match specific`, which decides over whole modules, is specific.c's. See recipe.h and quern.h. */
#include "runtime/recipe.h"

#include <string.h>
#include "lang/import.h"
#include "runtime/describe.h"
#include "runtime/specific.h"

/* Memory of one matching thread, beyond the arena: the matcher says how much it wants. */
struct scratch {
    struct scratch *next;
    size_t size; /* of this block */
    bool home;   /* the recipe's own, which its `away` guards */
    _Alignas(16) unsigned char bytes[];
};

/* ---- loading ---- */

struct load_call {
    struct quern_recipe *recipe;
    const char *path, *text; /* text NULL: read path */
    size_t size;
};

/* A copy of the caller's text: messages quote it later. */
static struct source *make_source(struct session *session, const struct load_call *load)
{
    struct arena *arena = &load->recipe->arena;
    if (!load->text)
        return source_read_file(arena, load->path, session->diags);
    if (load->size <= SOURCE_SIZE_MAX)
        return source_new(arena, arena_string(arena, load->path), arena_copy(arena, load->text, load->size), load->size);
    diag_report_about(session->diags, DIAG_too_large, load->path, "a recipe may hold %d bytes", SOURCE_SIZE_MAX);
    return NULL;
}

/* Each stage runs only on what the one before found whole; warnings do not stop it. */
static enum quern_status load_recipe(struct session *session, void *call)
{
    struct load_call *load = call;
    struct quern_recipe *r = load->recipe;
    struct source *source = make_source(session, load);
    if (!source)
        return diags_status(session->diags);
    r->ast = ast_parse(&r->arena, source, session->diags);
    /* Imports are looked for beside the file, or in the working directory for a text without one. */
    struct importer_directory *folder = ARENA_NEW(&r->arena, struct importer_directory);
    importer_directory_init(folder, &r->arena, load->text && !strchr(load->path, '/') ? "-" : load->path);
    if (!session->diags->errors)
        r->recipe = recipe_resolve(&r->arena, r->ast, &folder->importer, session->diags);
    if (!session->diags->errors)
        r->matcher = matcher_compile(r->recipe, NULL, session->diags);
    return diags_status(session->diags);
}

/* One handle, one arena: closing the recipe is freeing it. */
static enum quern_status load(struct quern_context *context, struct load_call call, struct quern_recipe **recipe)
{
    *recipe = NULL;
    struct quern_recipe *r = context_allocate(context, sizeof *r);
    if (!r)
        return QUERN_LIMIT;
    r->context = context;
    arena_init(&r->arena, &context->allocator);
    pthread_mutex_init(&r->lock, NULL);
    call.recipe = r;
    enum quern_status status = context_enter(context, &r->arena, load_recipe, &call);
    if (status)
        quern_recipe_close(r);
    else
        *recipe = r;
    return status;
}

enum quern_status quern_recipe_load_file(quern_context *context, const char *path, quern_recipe **recipe)
{
    if (!context || !path || !recipe)
        return QUERN_USAGE;
    return load(context, (struct load_call){.path = path}, recipe);
}

/* name is what messages call it; imports are looked for beside it when it has a folder, else in the working
 * directory. */
enum quern_status quern_recipe_load_memory(quern_context *context, const char *name, const char *text, size_t size, quern_recipe **recipe)
{
    if (!context || !name || (!text && size) || !recipe)
        return QUERN_USAGE;
    return load(context, (struct load_call){.path = name, .text = text ? text : "", .size = size}, recipe);
}

/* Scratches are the context's memory, not the arena's. */
void quern_recipe_close(quern_recipe *recipe)
{
    if (!recipe)
        return;
    struct quern_context *context = recipe->context;
    if (recipe->home)
        context_release(context, recipe->home, recipe->home->size);
    while (recipe->free) {
        struct scratch *scratch = recipe->free;
        recipe->free = scratch->next;
        context_release(context, scratch, scratch->size);
    }
    kernel_unload(&recipe->code);
    pthread_mutex_destroy(&recipe->lock);
    arena_close(&recipe->arena);
    context_release(context, recipe, sizeof *recipe);
}

/* ---- matching ---- */

/* Reserved, not cleared: a bounded cache of lazy states takes a page when it is first written. */
static struct scratch *make_scratch(struct quern_recipe *r)
{
    size_t size = sizeof(struct scratch) + matcher_scratch_size(r->matcher);
    struct scratch *scratch = context_reserve(r->context, size);
    if (scratch) {
        *scratch = (struct scratch){.size = size};
        matcher_scratch_init(r->matcher, scratch->bytes);
    }
    return scratch;
}

/* The first scratch stays with the recipe: one thread alone gets it without the lock. */
static struct scratch *borrow_home(struct quern_recipe *r)
{
    if (!r->home) {
        r->home = make_scratch(r);
        if (r->home)
            r->home->home = true;
        else
            atomic_store(&r->away, false);
    }
    return r->home;
}

/* A scratch is taken from those given back, or made: at most as many as threads match at once. NULL when memory is out. */
static struct scratch *borrow_scratch(struct quern_recipe *r)
{
    /* Whoever changes `away` from false owns the home scratch until it is given back. */
    if (!atomic_exchange_explicit(&r->away, true, memory_order_acquire))
        return borrow_home(r);
    pthread_mutex_lock(&r->lock);
    struct scratch *scratch = r->free;
    if (scratch)
        r->free = scratch->next;
    pthread_mutex_unlock(&r->lock);
    return scratch ? scratch : make_scratch(r);
}

/* The release pairs with the acquire in borrow_scratch: the next thread sees what this one wrote in the home scratch. */
static void give_back(struct quern_recipe *r, struct scratch *scratch)
{
    if (scratch->home) {
        atomic_store_explicit(&r->away, false, memory_order_release);
        return;
    }
    pthread_mutex_lock(&r->lock);
    scratch->next = r->free;
    r->free = scratch;
    pthread_mutex_unlock(&r->lock);
}

/* A scratch on loan to a session. */
struct loan {
    struct quern_recipe *recipe;
    struct scratch *scratch;
};

/* Also when the session ends in an escape. */
static void end_loan(void *resource)
{
    struct loan *loan = resource;
    if (loan->scratch)
        give_back(loan->recipe, loan->scratch);
}

/* The giving back is arranged before there is anything to give: the session's end does it. */
struct scratch *recipe_borrow_for(struct session *session, struct quern_recipe *r)
{
    struct loan *loan = ARENA_NEW(session->arena, struct loan);
    loan->recipe = r;
    arena_defer(session->arena, end_loan, loan);
    loan->scratch = borrow_scratch(r);
    if (!loan->scratch)
        session_escape(session);
    return loan->scratch;
}

/* Compiled code knows paths alone; a subject may have more. */
struct match_outcome recipe_match(const struct quern_recipe *r, struct scratch *scratch, const struct subject *subject)
{
    return matcher_match(r->matcher, scratch->bytes, subject);
}

void recipe_verdicts(const struct quern_recipe *r, struct scratch *scratch, const struct subject *subject, unsigned char *verdicts)
{
    matcher_verdicts(r->matcher, scratch->bytes, subject, verdicts);
}

const struct quern_match match_none = {.rule = -1, .config = "-", .origin = "-", .unknown = -1, .canceller = -1};

struct quern_match recipe_describe(const struct quern_recipe *r, struct match_outcome outcome)
{
    struct quern_match match = match_none;
    match.rule = outcome.rule;
    match.unknown = outcome.unknown;
    if (outcome.rule >= 0) {
        match.config = r->recipe->rules[outcome.rule].name;
        match.origin = r->recipe->rules[outcome.rule].origin;
    }
    return match;
}

struct subject subject_of_tensor(const struct quern_recipe *r, const struct quern_tensor *tensor)
{
    struct subject subject;
    int dtype = tensor->dtype && *tensor->dtype ? dtype_find_file_name(tensor->dtype) : -1;
    subject_of_parameter(&subject, tensor->name, strlen(tensor->name), dtype, tensor->rank, tensor->shape, r->recipe->megatron_layers);
    if (tensor->module)
        module_fill_subject(tensor->module, &subject);
    return subject;
}

/* The automaton is read-only, the scratch is this thread's. */
enum quern_status recipe_match_subject(struct quern_recipe *r, const struct subject *subject, struct quern_match *match)
{
    struct scratch *scratch = borrow_scratch(r);
    if (!scratch)
        return QUERN_LIMIT;
    *match = recipe_describe(r, recipe_match(r, scratch, subject));
    give_back(r, scratch);
    return QUERN_OK;
}

/* From the fastest: machine code, the table over paths alone, the whole matcher. Each answers as the last would. */
enum quern_status quern_match_module(quern_recipe *recipe, const char *path, size_t size, struct quern_match *match)
{
    struct subject subject;
    struct match_outcome outcome;
    if (!recipe || !path || !match)
        return QUERN_USAGE;
    if (recipe_match_compiled(recipe, path, size, &outcome)) {
        *match = recipe_describe(recipe, outcome);
        return QUERN_OK;
    }
    struct scratch *scratch = borrow_scratch(recipe);
    if (!scratch)
        return QUERN_LIMIT;
    outcome = (struct match_outcome){-1, -1};
    if (!matcher_match_path(recipe->matcher, scratch->bytes, path, size, &outcome.rule)) {
        subject_of_module(&subject, path, size, recipe->recipe->megatron_layers);
        outcome = recipe_match(recipe, scratch, &subject);
    }
    *match = recipe_describe(recipe, outcome);
    give_back(recipe, scratch);
    return QUERN_OK;
}

/* The batch's own views of names stand on the stack: PATHS at a time. */
enum quern_status quern_match_batch(quern_recipe *recipe, const struct quern_name *names, size_t count, int *rules)
{
    enum { PATHS = 256 };
    if (!recipe || (count && (!names || !rules)))
        return QUERN_USAGE;
    struct scratch *scratch = borrow_scratch(recipe);
    if (!scratch)
        return QUERN_LIMIT;
    for (size_t done = 0, n; done < count; done += n) {
        struct field paths[PATHS];
        n = count - done < PATHS ? count - done : PATHS;
        for (size_t i = 0; i < n; i++)
            paths[i] = (struct field){names[done + i].bytes, names[done + i].size};
        matcher_match_batch(recipe->matcher, scratch->bytes, paths, n, recipe->recipe->megatron_layers, rules + done);
    }
    give_back(recipe, scratch);
    return QUERN_OK;
}

/* dtype and shape may be unknown; rules that need them are undecided then. */
enum quern_status quern_match_tensor(quern_recipe *recipe, const struct quern_tensor *tensor, struct quern_match *match)
{
    if (!recipe || !tensor || !tensor->name || !match)
        return QUERN_USAGE;
    const struct decision *decision = recipe->decisions ? specific_find(recipe->decisions, tensor->name) : NULL;
    if (decision) {
        *match = specific_describe(recipe->decisions, decision);
        return QUERN_OK;
    }
    struct subject subject = subject_of_tensor(recipe, tensor);
    return recipe_match_subject(recipe, &subject, match);
}

enum quern_status recipe_judge_subject(struct quern_recipe *r, const struct subject *subject, unsigned char *verdicts)
{
    struct scratch *scratch = borrow_scratch(r);
    if (!scratch)
        return QUERN_LIMIT;
    recipe_verdicts(r, scratch, subject, verdicts);
    give_back(r, scratch);
    return QUERN_OK;
}

/* One call of quern_recipe_use_model. */
struct use_call {
    struct quern_recipe *recipe;
    quern_model *model;
};

/* Decisions of a model used before stay in the arena until the recipe is closed. */
static enum quern_status use_model(struct session *session, void *data)
{
    struct use_call *call = data;
    call->recipe->decisions = NULL;
    if (call->model)
        call->recipe->decisions = specific_decide(session, &call->recipe->arena, call->recipe, call->model);
    else
        specific_warn_names(session, call->recipe->recipe);
    return QUERN_OK;
}

enum quern_status quern_recipe_use_model(quern_recipe *recipe, quern_model *model)
{
    struct use_call call = {recipe, model};
    return recipe ? context_enter(recipe->context, &recipe->arena, use_model, &call) : QUERN_USAGE;
}

/* Of rules one by one, whichever wins; what `match specific` cancels is marked afterwards. */
enum quern_status quern_match_verdicts(quern_recipe *recipe, const struct quern_tensor *tensor, bool parameter, unsigned char *verdicts)
{
    if (!recipe || !tensor || !tensor->name || !verdicts)
        return QUERN_USAGE;
    struct subject subject;
    if (parameter)
        subject = subject_of_tensor(recipe, tensor);
    else
        subject_of_module(&subject, tensor->name, strlen(tensor->name), recipe->recipe->megatron_layers);
    enum quern_status status = recipe_judge_subject(recipe, &subject, verdicts);
    if (!status && parameter && recipe->decisions)
        specific_cancel(recipe->decisions, tensor->name, verdicts);
    return status;
}

/* ---- rules ---- */

size_t quern_rule_count(const quern_recipe *recipe)
{
    return recipe->recipe->rule_count;
}

/* As the recipe would write it. */
static const char *print_target(struct arena *arena, const struct rule *rule)
{
    struct text text = text_make(arena);
    if (rule->target == AST_TARGET_SPEC)
        text_add(&text, "spec ");
    if (rule->target == AST_TARGET_SKIP)
        text_add(&text, "skip");
    else
        ast_print_name(&text, rule->name);
    return text_string(&text);
}

/* One question of quern_rule_at. */
struct rule_call {
    struct quern_recipe *recipe;
    size_t index;
};

/* The array is made on the first question, a rule's texts on the first about it. */
static enum quern_status print_rule(struct session *session, void *call)
{
    (void)session;
    struct rule_call *at = call;
    struct quern_recipe *r = at->recipe;
    const struct rule *rule = &r->recipe->rules[at->index];
    if (!r->rules)
        r->rules = ARENA_ARRAY(&r->arena, r->recipe->rule_count, struct quern_rule);
    struct text predicate = text_make(&r->arena);
    ast_print_predicate(&predicate, rule->predicate);
    bool placed = rule->span.source != NULL;
    r->rules[at->index] = (struct quern_rule){
        .origin = rule->origin, .predicate = text_string(&predicate), .target = print_target(&r->arena, rule),
        .file = placed ? rule->span.source->name : "", .line = placed ? source_place(rule->span.source, rule->span.begin).line : 0,
        .optional = rule->optional};
    return QUERN_OK;
}

/* The texts are printed on the first question, under the lock: the arena is not the matching threads'. */
struct quern_rule quern_rule_at(quern_recipe *recipe, size_t index)
{
    struct quern_rule rule = {"-", "", "", "", 0, false};
    struct rule_call call = {recipe, index};
    if (index >= recipe->recipe->rule_count)
        return rule;
    pthread_mutex_lock(&recipe->lock);
    if ((recipe->rules && recipe->rules[index].predicate) || !context_enter(recipe->context, &recipe->arena, print_rule, &call))
        rule = recipe->rules[index];
    pthread_mutex_unlock(&recipe->lock);
    return rule;
}

/* ---- what a rule gives a tensor ---- */

/* By the parameter's name: weight and bias have slots of their own, all else is state["name"] or state (docs/language.md,
 * Configs). What the config says of the module's own states comes first. */
const struct spec *recipe_tensor_spec(const struct rule *rule, const char *name, const char **reason)
{
    const char *dot = strrchr(name, '.'), *parameter = dot ? dot + 1 : name;
    bool off = false;
    *reason = "skip";
    if (rule->target == AST_TARGET_SPEC)
        return rule->spec;
    if (rule->target == AST_TARGET_SKIP)
        return NULL;
    const struct slot *boundary = config_find_state(rule->config, true, parameter, false); /* over the op's */
    if (boundary) {
        *reason = "off";
        return boundary->spec;
    }
    enum slot_role role = rule_is_for_parameter(rule->kind) || !strcmp(parameter, "weight") ? SLOT_WEIGHT : !strcmp(parameter, "bias") ? SLOT_BIAS : SLOT_STATE;
    const struct spec *spec = config_slot(rule->config, role, 0, role == SLOT_STATE ? parameter : NULL, &off);
    *reason = off ? "off" : role == SLOT_WEIGHT ? "no weight slot" : role == SLOT_BIAS ? "no bias slot" : "no state slot";
    return spec;
}
