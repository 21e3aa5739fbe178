/* Actions: what a rule does to a layer, as one text that is the same whenever the same is done. In: a rule of a resolved recipe.
 * Out: text for `diff` and for messages: slots in one order, without those that change nothing, specs spelled canonically,
 * payloads with their keys sorted, schedules by their steps. It need not read back. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "lang/resolve.h"

/* The slot without key for the same role. */
static const struct slot *find_general(const struct config *config, const struct slot *slot)
{
    for (size_t i = 0; i < config->slot_count; i++) {
        const struct slot *s = &config->slots[i];
        if (s != slot && s->module == slot->module && s->role == slot->role && s->key == SLOT_KEY_NONE)
            return s;
    }
    return NULL;
}

/* What is written although it is the role's own timing (activations dynamic, the others static) is left out. */
static const char *print_spec(struct arena *arena, enum slot_role role, const struct spec *spec)
{
    struct text text = text_make(arena);
    enum timing own = role == SLOT_INPUT || role == SLOT_OUTPUT ? TIMING_dynamic : TIMING_static;
    struct spec plain;
    if (!spec)
        return "none";
    plain = *spec;
    plain.timing = spec->timing == own ? TIMING_default : spec->timing;
    spec_print(&text, &plain);
    return text_string(&text);
}

/* Off, where nothing else would turn it on; or what the slot for all of its role says too. */
static bool changes_nothing(struct arena *arena, const struct config *config, const struct slot *slot)
{
    const struct slot *general = slot->key == SLOT_KEY_NONE ? NULL : find_general(config, slot);
    if (!general)
        return !slot->spec;
    return !strcmp(print_spec(arena, slot->role, general->spec), print_spec(arena, slot->role, slot->spec));
}

static const char *print_slot(struct arena *arena, const struct slot *s)
{
    struct text text = text_make(arena);
    text_printf(&text, "%s%s", s->module ? "module " : "", slot_role_words[s->role]);
    if (s->key == SLOT_KEY_INDEX)
        text_printf(&text, "[%lld]", (long long)s->index);
    if (s->key == SLOT_KEY_NAME) {
        text_char(&text, '[');
        text_quote(&text, s->name, strlen(s->name));
        text_char(&text, ']');
    }
    text_printf(&text, " %s", print_spec(arena, s->role, s->spec));
    return text_string(&text);
}

/* The payload with its keys in order; as it stands when it is no JSON that jansson can hold.
 * jansson's numbers: two spellings of one double are the same payload. */
static const char *print_extra(struct arena *arena, const char *extra)
{
    json_t *value = json_loads(extra, JSON_DECODE_ANY, NULL);
    char *sorted = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
    const char *text = arena_printf(arena, "extra %s", sorted ? sorted : extra);
    free(sorted);
    json_decref(value);
    return text;
}

static const char *print_step(struct arena *arena, const struct ast_argument *a)
{
    bool number = a->value.kind == AST_VALUE_NUMBER;
    return number ? arena_printf(arena, "%s %lld", a->key.text, (long long)a->value.number.integer)
                  : arena_printf(arena, "%s none", a->key.text);
}

static void add_parts(struct text *out, const char **parts, size_t count, const char *between)
{
    if (count)
        qsort(parts, count, sizeof *parts, text_order);
    for (size_t i = 0; i < count; i++)
        text_printf(out, "%s%s", i ? between : "", parts[i]);
}

static const struct ast_argument *find_schedule(const struct recipe *recipe, const char *name)
{
    for (const struct unit *u = recipe->unit; u; u = u->next)
        for (const struct symbol *s = u->symbols; s; s = s->next)
            if (s->space == SPACE_SCHEDULE && !strcmp(s->full_name, name))
                return s->decl->schedule;
    return NULL;
}

static const char *print_schedule(struct arena *arena, const struct recipe *recipe, const char *name)
{
    struct text text = text_make(arena);
    const char **steps = NULL;
    size_t count = 0, capacity = 0;
    for (const struct ast_argument *a = find_schedule(recipe, name); a; a = a->next)
        *ARENA_PUSH(arena, steps, count, capacity) = print_step(arena, a);
    text_add(&text, "schedule ");
    add_parts(&text, steps, count, ", ");
    return text_string(&text);
}

static void print_config(struct text *out, const struct recipe *recipe, const struct config *config)
{
    const char **parts = ARENA_ARRAY(out->arena, config->slot_count + 2, const char *);
    size_t count = 0;
    for (size_t i = 0; i < config->slot_count; i++)
        if (!changes_nothing(out->arena, config, &config->slots[i]))
            parts[count++] = print_slot(out->arena, &config->slots[i]);
    if (config->extra || config->is_null)
        parts[count++] = print_extra(out->arena, config->extra ? config->extra : "null");
    if (config->schedule)
        parts[count++] = print_schedule(out->arena, recipe, config->schedule);
    add_parts(out, parts, count, "; ");
    text_add(out, count ? "" : "skip");
}

/* rule NULL: no rule took the name, which is as skipping it. */
void rule_print_action(struct text *out, const struct recipe *recipe, const struct rule *rule)
{
    bool config = rule && rule->target == AST_TARGET_CONFIG;
    if (config && rule_is_for_parameter(rule->kind))
        text_add(out, "the parameter as weight: ");
    if (config)
        print_config(out, recipe, rule->config);
    else if (rule && rule->target == AST_TARGET_SPEC)
        text_printf(out, "spec %s", print_spec(out->arena, SLOT_WEIGHT, rule->spec));
    else
        text_add(out, "skip");
}
