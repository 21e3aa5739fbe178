/* A recipe as torchao's FqnToConfig, in config_to_dict's JSON. Every rule becomes a key: those of one pattern for a parameter
 * and for a module the same one. What keys cannot say, or would say differently, is refused. docs/torchao.md. */
#include <stdlib.h>
#include <string.h>
#include "lang/foreign_json.h"
#include "lang/foreign_write.h"
#include "lang/torchao.h"

struct key {
    const struct rule *parameter, *module; /* one may be missing */
    const struct rule *rule;               /* the one that gives its place */
};

struct torchao_writing {
    struct foreign_writing w;
    struct arena *arena;
    enum rule_kind *kinds; /* of each rule */
    struct key *keys;
    size_t count, capacity;
    const struct rule *rest; /* the default, or NULL */
    json_t *root;            /* owned */
};

static void release_root(void *resource)
{
    struct torchao_writing *t = resource;
    json_decref(t->root);
    t->root = NULL;
}

/* ---- rules ---- */

static bool is_linear(struct arena *arena, const struct ast_predicate *p)
{
    struct text text = text_make(arena);
    ast_print_predicate(&text, p);
    return !strcmp(text_string(&text), TORCHAO_LINEAR);
}

/* Under another policy than `match specific` the order written must be that of the kinds, and nothing may cancel. */
static void check_order(struct torchao_writing *t)
{
    const struct recipe *r = t->w.recipe;
    for (size_t i = 0; i < r->rule_count; i++) {
        t->kinds[i] = rule_kind_of(r->rules[i].predicate);
        if (!t->kinds[i])
            foreign_refuse(&t->w, r->rules[i].span, "a rule that is not one of `param name`, `name`, `param re`, `re` and the default");
        else if (r->policy == AST_SPECIFIC_CODE || r->policy == AST_SPECIFIC_DOC)
            continue;
        else if (rule_is_for_parameter(t->kinds[i]))
            foreign_refuse(&t->w, r->rules[i].span, "a rule for parameters that cancels none of their module's: write `match specific`");
        else if (i && t->kinds[i] < t->kinds[i - 1])
            foreign_refuse(&t->w, r->rules[i].span, "a rule behind one that torchao asks later: write `match specific`");
    }
}

/* The documented reading is not what the code does as soon as two rules meet at a parameter. */
static void check_reading(struct torchao_writing *t)
{
    const struct rule *first = NULL;
    for (size_t i = 0; t->w.recipe->policy == AST_SPECIFIC_DOC && i < t->w.recipe->rule_count; i++) {
        const struct rule *rule = &t->w.recipe->rules[i];
        if (t->kinds[i] == RULE_PARAMETER_REGEX && first)
            foreign_refuse(&t->w, rule->span, "`compat doc` where a parameter may have two rules");
        if (rule_is_for_parameter(t->kinds[i]) && !first)
            first = rule;
    }
}

/* A `skip` behind everything says what torchao does anyway. */
static void take_default(struct torchao_writing *t, const struct rule *rule)
{
    if (!t->rest && rule->target != AST_TARGET_SKIP && is_linear(t->arena, rule->predicate))
        t->rest = rule;
    else if (rule->target != AST_TARGET_SKIP)
        foreign_refuse(&t->w, rule->span, "a default for other modules than torch.nn.Linear: write `" TORCHAO_LINEAR "`");
    else if (!t->rest && rule->predicate->kind != AST_ANY)
        foreign_refuse(&t->w, rule->span, "a default that skips some modules");
}

static bool same_target(const struct rule *a, const struct rule *b)
{
    return a->target == b->target && a->config == b->config && a->spec == b->spec;
}

static void add_key(struct torchao_writing *t, const struct rule *rule, enum rule_kind kind)
{
    const struct ast_string *pattern = &rule->predicate->pattern;
    bool exact = kind == RULE_EXACT_PARAMETER || kind == RULE_EXACT_MODULE;
    if (exact && (!strncmp(pattern->bytes, "re:", 3) || !strcmp(pattern->bytes, "_default")))
        foreign_refuse(&t->w, rule->span, "the name `%s`", pattern->bytes);
    if (strlen(pattern->bytes) != pattern->size)
        foreign_refuse(&t->w, rule->span, "a pattern with a NUL");
    struct key key = {.rule = rule};
    *(rule_is_for_parameter(kind) ? &key.parameter : &key.module) = rule;
    *ARENA_PUSH(t->arena, t->keys, t->count, t->capacity) = key;
}

/* ---- keys ---- */

static bool is_exact(const struct key *key)
{
    enum atom atom = key->rule->predicate->atom;
    return atom == ATOM_name || atom == ATOM_param_name;
}

/* Equal keys side by side, the parameter's first. */
static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    if (is_exact(a) != is_exact(b))
        return is_exact(a) ? -1 : 1;
    int order = strcmp(a->rule->predicate->pattern.bytes, b->rule->predicate->pattern.bytes);
    return order ? order : a->rule < b->rule ? -1 : a->rule > b->rule;
}

/* As written, in one file or several. */
static int compare_places(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    return a->rule->order < b->rule->order ? -1 : a->rule->order > b->rule->order;
}

static void join_keys(struct torchao_writing *t)
{
    size_t kept = 0;
    if (t->count)
        qsort(t->keys, t->count, sizeof *t->keys, compare_keys);
    for (size_t i = 0; i < t->count; i++) {
        struct key *last = kept ? &t->keys[kept - 1] : NULL, *key = &t->keys[i];
        bool same = last && is_exact(last) == is_exact(key) && !strcmp(last->rule->predicate->pattern.bytes, key->rule->predicate->pattern.bytes);
        if (!same) {
            t->keys[kept++] = *key;
        } else if (last->module || key->parameter) {
            foreign_refuse(&t->w, key->rule->span, "two rules of one pattern");
        } else {
            if (!same_target(last->rule, key->rule))
                foreign_refuse(&t->w, key->rule->span, "another target for the module than for the parameter of one pattern");
            last->module = key->module;
        }
    }
    t->count = kept;
    if (t->count)
        qsort(t->keys, t->count, sizeof *t->keys, compare_places);
}

/* One dictionary has one order for both kinds of regexes. */
static void check_places(struct torchao_writing *t)
{
    const struct rule *parameter = NULL, *module = NULL;
    for (size_t i = 0; i < t->count; i++) {
        const struct key *key = &t->keys[i];
        if (is_exact(key))
            continue;
        if ((parameter && key->parameter && key->parameter < parameter) || (module && key->module && key->module < module))
            foreign_refuse(&t->w, key->rule->span, "regexes in one order for parameters and in another for modules");
        parameter = key->parameter ? key->parameter : parameter;
        module = key->module ? key->module : module;
    }
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), tail = strlen(end);
    return size >= tail && !strcmp(text + size - tail, end);
}

/* A key means both; that says more than a lone rule, unless what it names can only be the one. */
static void warn_half(struct torchao_writing *t, const struct key *key)
{
    const char *pattern = key->rule->predicate->pattern.bytes;
    bool parameter = ends_with(pattern, "weight") || ends_with(pattern, "bias");
    if (!is_exact(key) && (key->parameter ? !key->module && !parameter : true) && !(key->parameter && key->module))
        diag_report(t->w.diags, DIAG_torchao_half, key->rule->span, "torchao reads this regex for modules and for parameters, and the rule is for %s alone",
                    key->parameter ? "parameters" : "modules");
}

/* ---- configs ---- */

/* The weight's and the input's specs; anything else a config may say is refused. */
static bool read_slots(struct torchao_writing *t, const struct config *config, const struct spec **weight, const struct spec **input)
{
    bool ok = !config->is_null;
    for (size_t i = 0; i < config->slot_count; i++) {
        const struct slot *s = &config->slots[i];
        bool whole = !s->module && s->key == SLOT_KEY_NONE && s->spec;
        if (whole && s->role == SLOT_WEIGHT)
            *weight = s->spec;
        else if (whole && s->role == SLOT_INPUT)
            *input = s->spec;
        else
            ok = false;
    }
    if (!ok)
        foreign_refuse(&t->w, config->span, "the config `%s`: it may say a weight and an input", config->name);
    return ok;
}

static void refuse_spec(struct torchao_writing *t, const struct rule *rule, const struct spec *weight, const struct spec *input)
{
    struct text text = text_make(t->arena);
    if (weight)
        spec_print(&text, weight);
    if (input) {
        text_add(&text, "` with the input `");
        spec_print(&text, input);
    }
    foreign_refuse(&t->w, rule->span, "the weight `%s`: no class of its configs does that", text_string(&text));
}

/* A config that a file brought along is written as it was, as long as its specs are. */
static const char *config_text(struct torchao_writing *t, const struct rule *rule)
{
    const struct spec *weight = rule->spec, *input = NULL;
    const struct config *config = rule->config;
    if (config && !read_slots(t, config, &weight, &input))
        return NULL;
    if (config && config->extra) {
        if (torchao_reads_as(t->arena, config->extra, weight, input))
            return config->extra;
        foreign_refuse(&t->w, config->span, "the payload of `%s`", config->name);
        return NULL;
    }
    const char *json = weight ? torchao_config_json(t->arena, weight, input) : NULL;
    if (!json)
        refuse_spec(t, rule, weight, input);
    return json;
}

/* null where the rule skips or was refused. A new reference. */
static json_t *value_of(struct torchao_writing *t, const struct rule *rule)
{
    const char *text = rule->target == AST_TARGET_SKIP ? NULL : config_text(t, rule);
    return text ? json_loads(text, 0, NULL) : json_null();
}

/* ---- the file ---- */

/* A spec is for the selected tensor alone, which a rule for modules does not say in torchao. */
static void check_target(struct torchao_writing *t, const struct key *key)
{
    if (key->module && key->module->target == AST_TARGET_SPEC)
        foreign_refuse(&t->w, key->module->span, "`spec` for all tensors of a module");
}

static const char *key_text(struct torchao_writing *t, const struct key *key)
{
    return arena_printf(t->arena, is_exact(key) ? "%s" : "re:%s", key->rule->predicate->pattern.bytes);
}

static void fill(struct torchao_writing *t, json_t *dictionary)
{
    for (size_t i = 0; i < t->count; i++) {
        const char *key = key_text(t, &t->keys[i]); /* before there is a value to lose */
        check_target(t, &t->keys[i]);
        warn_half(t, &t->keys[i]);
        json_object_set_new(dictionary, key, value_of(t, t->keys[i].rule));
    }
    if (t->rest)
        json_object_set_new(dictionary, "_default", value_of(t, t->rest));
}

/* A default alone is a config of its own. */
static void build(struct torchao_writing *t)
{
    if (!t->count && t->rest) {
        json_array_append_new(t->root, value_of(t, t->rest));
        return;
    }
    json_t *dictionary = json_object();
    json_array_append_new(t->root, json_pack("{s:s, s:i, s:{s:o, s:O}}", "_type", "FqnToConfig", "_version", 1, "_data", "fqn_to_config",
                                             dictionary, "module_fqn_to_config", dictionary));
    fill(t, dictionary);
}

bool foreign_write_torchao(struct text *out, const struct recipe *recipe, struct diags *diags)
{
    struct torchao_writing *t = ARENA_NEW(diags->arena, struct torchao_writing);
    *t = (struct torchao_writing){.w = {out, recipe, diags, "torchao", false}, .arena = diags->arena};
    t->kinds = ARENA_ARRAY(t->arena, recipe->rule_count + 1, enum rule_kind);
    arena_defer(t->arena, release_root, t);
    t->root = json_array();
    foreign_refuse_extras(&t->w, false);
    check_order(t);
    check_reading(t);
    for (size_t i = 0; i < recipe->rule_count; i++)
        if (t->kinds[i] == RULE_DEFAULT)
            take_default(t, &recipe->rules[i]);
        else if (t->kinds[i])
            add_key(t, &recipe->rules[i], t->kinds[i]);
    join_keys(t);
    check_places(t);
    build(t);
    if (!t->w.refused)
        foreign_json_print(out, json_array_get(t->root, 0));
    release_root(t);
    return !t->w.refused;
}
