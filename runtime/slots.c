/* What a match gives a layer's tensors: specs by slot, and the payload the recipe keeps for the host. In: a match of this
 * recipe; out: canonical text that quern_kernel_get reads back. docs/language.md, Configs; quern.h. */
#include <string.h>
#include "runtime/recipe.h"

/* One question whose answer may have to be printed. */
struct slot_call {
    struct quern_recipe *recipe;
    const struct spec *spec;
    const char *text;
};

/* Printed on the first question, under the recipe's lock; a host asks for few specs many times. */
static enum quern_status print_slot(struct session *session, void *at)
{
    (void)session;
    struct slot_call *call = at;
    struct quern_recipe *r = call->recipe;
    for (const struct spec_text *known = r->spec_texts; known && !call->text; known = known->next)
        call->text = known->spec == call->spec ? known->text : NULL;
    if (call->text)
        return QUERN_OK;
    struct text text = text_make(&r->arena);
    spec_print(&text, call->spec);
    struct spec_text *made = ARENA_NEW(&r->arena, struct spec_text);
    *made = (struct spec_text){r->spec_texts, call->spec, text_string(&text)};
    r->spec_texts = made;
    call->text = made->text;
    return QUERN_OK;
}

/* -1: no role of that name. */
static int find_role(const char *word)
{
    for (int i = 0; word && i < SLOT_ROLE_COUNT; i++)
        if (!strcmp(slot_role_words[i], word))
            return i;
    return -1;
}

/* A match without a rule, or of another recipe, has none. */
static const struct rule *matched_rule(const struct quern_recipe *recipe, const struct quern_match *match)
{
    return match->rule >= 0 && (size_t)match->rule < recipe->recipe->rule_count ? &recipe->recipe->rules[match->rule] : NULL;
}

/* Three answers: a spec, "none" where the config turns it off, NULL where it has no opinion or there is no rule. A `spec`
 * target gives its spec to every role. */
enum quern_status quern_match_spec(quern_recipe *recipe, const struct quern_match *match, const char *role, int64_t index,
                                   const char *name, const char **spec)
{
    if (!recipe || !match || !spec)
        return QUERN_USAGE;
    const struct rule *rule = matched_rule(recipe, match);
    int found = find_role(role);
    bool off = false;
    struct slot_call call = {.recipe = recipe};
    *spec = NULL;
    if (found < 0)
        return QUERN_USAGE;
    if (rule && rule->target == AST_TARGET_CONFIG)
        call.spec = config_slot(rule->config, (enum slot_role)found, index, name, &off);
    else if (rule && rule->target == AST_TARGET_SPEC)
        call.spec = rule->spec;
    if (!call.spec) {
        *spec = off ? "none" : NULL;
        return QUERN_OK;
    }
    pthread_mutex_lock(&recipe->lock);
    enum quern_status status = context_enter(recipe->context, &recipe->arena, print_slot, &call);
    pthread_mutex_unlock(&recipe->lock);
    *spec = call.text;
    return status;
}

const char *quern_match_extra(const quern_recipe *recipe, const struct quern_match *match)
{
    const struct rule *rule = recipe && match ? matched_rule(recipe, match) : NULL;
    return rule && rule->target == AST_TARGET_CONFIG ? rule->config->extra : NULL;
}
