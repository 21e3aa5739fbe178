/* Matchers as machine code: for this process (quern_matcher_compile) and as object files (quern_build). In: a recipe's rules,
 * and for object files the names of a model or none; out: code that gives a rule's number for a name. docs/matchers.md. Over
 * open names the code is the automaton of the rules whose answers depend on the name alone; where an answer needs more it says
 * MATCH_ASK. Over a model's names, a closed world, each name was matched beforehand, so that rules may ask for anything. */
#include <stdlib.h>
#include <string.h>
#include "codegen/kernel/provider.h"
#include "codegen/match/code.h"
#include "runtime/kernels.h"
#include "runtime/output.h"
#include "runtime/quern_matcher.h"
#include "runtime/recipe.h"

/* What the code generator makes: codegen/match/code.h. */
typedef int32_t match_function(const char *name, size_t size, int32_t *unknown);

/* ---- for this process ---- */

/* The rules over module paths alone, as code; NULL: beyond the budget. sets: then as sets of states.
 * Messages were given when the recipe was loaded. */
static struct match_code *make_open_code(struct session *session, const struct quern_recipe *r, bool sets)
{
    struct match_options options = {.names_only = true};
    struct recipe recipe = *r->recipe;
    struct diags unheard;
    diags_init(&unheard, session->arena);
    recipe.arena = session->arena;
    struct matcher *matcher = matcher_compile(&recipe, &options, &unheard);
    return matcher ? match_code_make(session->arena, matcher, recipe.megatron_layers, sets) : NULL;
}

/* One call of quern_matcher_compile. */
struct compile_call {
    struct quern_recipe *recipe;
    enum quern_matcher_kind kind;
};

/* Leaves the recipe without code, and the kind at TABLE, where code would not be faster. */
static enum quern_status compile_matcher(struct session *session, void *data)
{
    struct compile_call *call = data;
    struct match_code *code = make_open_code(session, call->recipe, false); /* the recipe's matcher is faster than sets */
    char *object = NULL;
    size_t size;
    if (!code || code->state_count > code->block_limit)
        return QUERN_OK; /* the strides of the table-driven matcher are faster than a walker */
    code->name = "quern.match";
    if (!kernel_target_check(session))
        return diags_status(session->diags);
    if (!match_compile_with(session->context->options.jit_path, code, kernel_target_of(session->context), KERNEL_OUTPUT_OBJECT, true, &object,
                            &size, session->diags))
        return diags_status(session->diags);
    arena_defer(session->arena, free, object);
    if (!kernel_load(object, size, &call->recipe->code, session->diags))
        return diags_status(session->diags);
    call->kind = QUERN_MATCHER_CODE;
    return QUERN_OK;
}

/* Unloaded first: code for rules is not kept beside a failure to make it anew. */
enum quern_status quern_matcher_compile(quern_recipe *recipe, enum quern_matcher_kind *kind)
{
    if (!recipe)
        return QUERN_USAGE;
    struct compile_call call = {recipe, QUERN_MATCHER_TABLE};
    kernel_unload(&recipe->code);
    enum quern_status status = context_enter(recipe->context, NULL, compile_matcher, &call);
    if (kind)
        *kind = call.kind;
    return status;
}

/* A data pointer becomes a function pointer by its bytes, as POSIX allows and C does not by a cast. */
bool recipe_match_compiled(const struct quern_recipe *r, const char *path, size_t size, struct match_outcome *outcome)
{
    match_function *function;
    if (!r->code.function)
        return false;
    memcpy(&function, &r->code.function, sizeof function);
    outcome->rule = function(path, size, &outcome->unknown);
    return outcome->rule != MATCH_ASK;
}

/* ---- object files ---- */

/* One call of quern_build. answers[i] is what number i stands for: the rules first, in order, then combinations of configs. */
struct build_call {
    struct quern_recipe *recipe;
    struct quern_model *model;
    const char *out;
    const struct quern_build_options *options;
    struct match_code *code;
    const char *prefix;
    struct quern_match *answers; /* by what the functions return */
    size_t answer_count, answer_capacity;
};

/* PREFIX and an end: functions and files are named alike. */
static const char *name_of(struct session *session, const struct build_call *b, const char *end)
{
    return arena_printf(session->arena, "%s%s", b->prefix, end);
}

/* Every rule's own config and origin come first. */
static void add_rules(struct session *session, struct build_call *b)
{
    for (size_t i = 0; i < b->recipe->recipe->rule_count; i++)
        *ARENA_PUSH(session->arena, b->answers, b->answer_count, b->answer_capacity) =
            recipe_describe(b->recipe, (struct match_outcome){(int)i, -1});
}

/* The number of an answer: the rule's, unless several configs apply together. */
static int number_answer(struct session *session, struct build_call *b, const struct quern_match *match)
{
    if (match->rule < 0 || !strcmp(b->answers[match->rule].config, match->config))
        return match->rule;
    for (size_t i = b->recipe->recipe->rule_count; i < b->answer_count; i++)
        if (b->answers[i].rule == match->rule && !strcmp(b->answers[i].config, match->config))
            return (int)i;
    *ARENA_PUSH(session->arena, b->answers, b->answer_count, b->answer_capacity) = *match;
    return (int)b->answer_count - 1;
}

/* Each name of the model with its outcome; outcomes are few, so that they are looked for one by one from the last. */
static bool make_closed_code(struct session *session, struct build_call *b)
{
    size_t count = quern_subject_count(b->model, b->options->subjects), outcome_count = 0, outcome_capacity = 0;
    struct match_name *names = ARENA_ARRAY(session->arena, count, struct match_name);
    struct match_outcome *outcomes = NULL;
    for (size_t i = 0; i < count; i++) {
        struct quern_subject subject = quern_subject_at(b->model, b->options->subjects, i);
        struct quern_match match;
        if (quern_match_subject(b->recipe, &subject, &match))
            return false;
        struct match_outcome outcome = {number_answer(session, b, &match), match.unknown};
        size_t at = outcome_count;
        while (at && (outcomes[at - 1].rule != outcome.rule || outcomes[at - 1].unknown != outcome.unknown))
            at--;
        if (!at) {
            *ARENA_PUSH(session->arena, outcomes, outcome_count, outcome_capacity) = outcome;
            at = outcome_count;
        }
        names[i] = (struct match_name){subject.name, strlen(subject.name), (uint32_t)at - 1};
    }
    b->code = match_code_of_names(session->arena, names, count, outcomes, outcome_count);
    return true;
}

/* Over every module path; false, said, when the rules ask for more than a path tells. */
static bool make_code(struct session *session, struct build_call *b)
{
    if (b->model)
        return make_closed_code(session, b);
    b->code = make_open_code(session, b->recipe, true);
    if (b->code && !match_code_asks(b->code))
        return true;
    struct diag *d = diag_report_about(session->diags, DIAG_no_build, NULL, "%s",
                                       b->code ? "the rules ask for more than a name can tell (module classes, or very many conditions at once)"
                                               : "the patterns of these rules are too large for a matcher of every name there may be");
    diag_help(session->diags, d, "name a model with -m: for its names there is always a matcher");
    return false;
}

/* The texts of an answer are tables beside the code, indexed by its number; "-" stands for numbers below 0. */
static void name_functions(struct session *session, struct build_call *b)
{
    const char **configs = ARENA_ARRAY(session->arena, b->answer_count, const char *);
    const char **origins = ARENA_ARRAY(session->arena, b->answer_count, const char *);
    for (size_t i = 0; i < b->answer_count; i++) {
        configs[i] = b->answers[i].config;
        origins[i] = b->answers[i].origin;
    }
    b->code->name = name_of(session, b, "_match_unknown");
    b->code->plain_name = name_of(session, b, "_match");
    b->code->text_count = 2;
    b->code->texts[0] = (struct match_texts){name_of(session, b, "_config_name"), configs, (uint32_t)b->answer_count, "-"};
    b->code->texts[1] = (struct match_texts){name_of(session, b, "_rule_origin"), origins, (uint32_t)b->answer_count, "-"};
}

/* For the header's reader, who may not have the recipe. */
static const char *kind_of_names(const struct build_call *b)
{
    static const char *const words[] = {
        [QUERN_PARAMETERS] = "a parameter of the model it was built for", [QUERN_MODULES] = "the path of a module of the model it was built for",
        [QUERN_OPS_EAGER] = "an op of the model it was built for", [QUERN_OPS_GRAPH] = "an op of the model it was built for",
    };
    return b->model ? words[b->options->subjects] : "any module path (model.layers.0.mlp.up_proj), without a parameter's name";
}

/* All that a program needs besides the object; it includes nothing of Quern's. */
static const char *print_header(struct session *session, const struct build_call *b)
{
    struct text text = text_make(session->arena);
    const char *p = b->prefix;
    text_printf(&text, "/* Made by `quern build`; changes are lost. A name is %s.\n", kind_of_names(b));
    text_printf(&text, " * The functions are safe from any thread, use no memory but the stack, and call nothing. */\n");
    text_printf(&text, "#ifndef %s_H\n#define %s_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n", p, p);
    text_printf(&text, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    text_printf(&text, "/* %s_ANSWERS: numbers from 0 on; the first %zu are the rules in first-match order. */\n", p, b->recipe->recipe->rule_count);
    text_printf(&text, "enum { %s_ANSWERS = %zu, %s_NO_RULE = %d", p, b->answer_count, p, MATCH_NO_RULE);
    if (b->model)
        text_printf(&text, ", %s_OUTSIDE = %d /* none of the model's names */", p, MATCH_OUTSIDE);
    text_printf(&text, " };\n\n/* The answer to the name of `size` bytes, a number from 0 on or one of the above. */\n");
    text_printf(&text, "int32_t %s(const char *name, size_t size);\n", b->code->plain_name);
    text_printf(&text, "/* The same; *unknown: the first rule passed over because a field it needs is not known, or -1. */\n");
    text_printf(&text, "int32_t %s(const char *name, size_t size, int32_t *unknown);\n", b->code->name);
    text_printf(&text, "/* Texts of an answer: its config's name (`skip`; `-` without a rule), and its rule's label or FILE:LINE. */\n");
    for (size_t i = 0; i < b->code->text_count; i++)
        text_printf(&text, "const char *%s(int32_t answer);\n", b->code->texts[i].name);
    text_printf(&text, "\n#ifdef __cplusplus\n}\n#endif\n#endif\n");
    return text_string(&text);
}

/* One object for each target; a single one has no target in its name. */
static bool write_object(struct session *session, struct build_call *b, struct output *out, const char *target)
{
    char *object = NULL;
    size_t size;
    const char *middle = b->options->target_count > 1 ? arena_printf(session->arena, "-%s", target) : "";
    if (!match_compile_with(session->context->options.jit_path, b->code, kernel_target_find(target), KERNEL_OUTPUT_OBJECT, false, &object, &size,
                            session->diags))
        return false;
    arena_defer(session->arena, free, object);
    return output_write(out, arena_printf(session->arena, "%s%s.o", b->prefix, middle), object, size);
}

/* Nothing is in place before the header, the last file, is written: output_commit renames the whole directory. */
static enum quern_status build(struct session *session, void *data)
{
    struct build_call *b = data;
    const struct quern_build_options *o = b->options;
    struct output *out = output_open(session, b->out, &output_matcher, o->overwrite, b->model);
    add_rules(session, b);
    if (!out || !make_code(session, b))
        return diags_status(session->diags);
    name_functions(session, b);
    for (size_t i = 0; i < o->target_count; i++)
        if (!write_object(session, b, out, o->targets[i]))
            return diags_status(session->diags);
    const char *header = print_header(session, b);
    if (!output_write(out, name_of(session, b, ".h"), header, strlen(header)) || !output_commit(out))
        return diags_status(session->diags);
    return QUERN_OK;
}

/* ASCII alone: it becomes part of names in C and in the object's symbol table. */
static bool is_identifier(const char *word)
{
    bool starts = (*word >= 'a' && *word <= 'z') || (*word >= 'A' && *word <= 'Z') || *word == '_';
    return starts && word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == '\0';
}

/* Arguments are checked before the lock on the output is taken. */
enum quern_status quern_build(quern_recipe *recipe, quern_model *model, const char *out, const struct quern_build_options *options)
{
    struct build_call call = {.recipe = recipe, .model = model, .out = out, .options = options};
    if (!recipe || !out || !options || !options->target_count || !is_identifier(options->prefix ? options->prefix : "rules"))
        return QUERN_USAGE;
    for (size_t i = 0; i < options->target_count; i++)
        if (!kernel_target_find(options->targets[i]))
            return QUERN_USAGE;
    call.prefix = options->prefix ? options->prefix : "rules";
    return context_enter(recipe->context, NULL, build, &call);
}
