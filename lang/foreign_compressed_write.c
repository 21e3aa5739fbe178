/* A recipe as compressed-tensors' quantization_config.
 * There, ignored names come first, then exact names, then regular expressions by their text, then classes. Rules fit when they
 * stand in that order of kinds; regular expressions whose texts would sort differently are numbered by a comment of Python's re,
 * `(?#000001)`, six digits so that texts sort like numbers.
 * Targets of one group stand together, and no target stands twice, so readers that go through the groups agree. */
#include "lang/foreign_write.h"

#include <ctype.h>
#include <string.h>
#include "lang/compressed.h"
#include "lang/foreign.h"
#include "lang/foreign_json.h"
#include "lang/yaml_tree.h"

enum target_kind { TARGET_NAME, TARGET_REGEX, TARGET_CLASS };
struct target {
    enum target_kind kind;
    const char *text; /* a regular expression without "re:" */
    const struct rule *rule;
};
struct compressed {
    struct foreign_writing base;
    struct target *items;
    size_t count, capacity;
};

/* ---- targets ---- */

/* The class of `type re "(.*\.)?NAME"`, or NULL. */
static const char *class_of(struct arena *arena, const struct ast_predicate *p)
{
    static const char prefix[] = "(.*\\.)?";
    size_t skip = sizeof prefix - 1, size;
    if (p->kind != AST_ATOM || p->atom != ATOM_type_re || p->pattern.size <= skip || memcmp(p->pattern.bytes, prefix, skip))
        return NULL;
    struct ast_string rest = {.bytes = p->pattern.bytes + skip, .size = p->pattern.size - skip};
    const char *name = foreign_literal(arena, &rest, &size);
    return name && isupper((unsigned char)*name) && !strchr(name, '.') && strlen(name) == size ? name : NULL;
}

/* Global flags, `(?i)`, stand only at the beginning of an expression. */
static bool has_global_flags(const struct ast_string *regex)
{
    size_t flags = regex->size > 2 && !memcmp(regex->bytes, "(?", 2) ? strspn(regex->bytes + 2, "aiLmsux") : 0;
    return flags && regex->bytes[2 + flags] == ')';
}

/* BEFORE text BEHIND, the text escaped or not. */
static const char *regex_around(struct arena *arena, const char *before, const struct ast_string *s, bool escaped, const char *behind)
{
    struct text text = text_make(arena);
    text_add(&text, before);
    if (escaped)
        foreign_escape_regex(&text, s->bytes, s->size);
    else
        text_add_bytes(&text, s->bytes, s->size);
    text_add(&text, behind);
    return text_string(&text);
}

/* A glob as the expression Python's fnmatch.translate makes of it, stars and question marks; NULL: it has a set. */
static const char *glob_regex(struct arena *arena, const struct ast_string *glob)
{
    struct text text = text_make(arena);
    for (size_t i = 0; i < glob->size; i++) {
        bool literal = glob->bytes[i] == '[' && i + 2 < glob->size && glob->bytes[i + 2] == ']' && glob->bytes[i + 1] && strchr("*?[", glob->bytes[i + 1]);
        if (glob->bytes[i] == '[' && !literal)
            return NULL;
        if (glob->bytes[i] == '*' || glob->bytes[i] == '?')
            text_add(&text, glob->bytes[i] == '*' ? "(?s:.*)" : "(?s:.)");
        else
            foreign_escape_regex(&text, &glob->bytes[literal ? i + 1 : i], 1);
        i += literal ? 2 : 0;
    }
    text_add(&text, "\\Z");
    return text_string(&text);
}

/* What re.match takes when the atom holds; NULL: no expression does. */
static const char *atom_regex(struct arena *arena, const struct ast_predicate *p)
{
    const struct ast_string *s = &p->pattern;
    if (p->kind == AST_ANY)
        return "";
    if (memchr(s->bytes, 0, s->size))
        return NULL;
    if (p->atom == ATOM_glob)
        return glob_regex(arena, s);
    if (p->atom == ATOM_name)
        return regex_around(arena, "", s, true, "\\Z");
    if (p->atom == ATOM_contains)
        return regex_around(arena, "(?s:.*)", s, true, "");
    if (p->atom == ATOM_under)
        return regex_around(arena, "", s, true, "(?:\\.|\\Z)");
    if (p->atom == ATOM_re_prefix)
        return arena_string(arena, s->bytes);
    if (has_global_flags(s))
        return NULL;
    if (p->atom == ATOM_re)
        return regex_around(arena, "(?:", s, false, ")\\Z");
    return p->atom == ATOM_re_search ? regex_around(arena, "(?s:.*)(?:", s, false, ")") : NULL;
}

/* A name that readers would take for something else is written as an expression. */
static bool is_plain_name(const struct ast_predicate *p)
{
    const char *text = p->kind == AST_ATOM && p->atom == ATOM_name ? p->pattern.bytes : NULL;
    bool class = text && isupper((unsigned char)*text) && !strchr(text, '.');
    return text && !class && !strstr(text, "re:") && strlen(text) == p->pattern.size;
}

static void add_target(struct compressed *c, const struct rule *rule, const struct ast_predicate *p)
{
    struct foreign_writing *w = &c->base;
    enum target_kind last = c->count && c->items[c->count - 1].rule->target == rule->target ? c->items[c->count - 1].kind : TARGET_NAME;
    const char *class = class_of(w->out->arena, p), *regex = class ? NULL : atom_regex(w->out->arena, p);
    bool config = rule->target == AST_TARGET_CONFIG;
    struct target target = {TARGET_CLASS, class, rule};
    if (!class && !regex) {
        foreign_refuse(w, p->span, "`%s` here", p->kind == AST_ATOM ? atom_rows[p->atom].words : "_");
        return;
    }
    if (!class && config && last == TARGET_CLASS) {
        foreign_refuse(w, p->span, "a name or a regular expression behind a class");
        return;
    }
    if (!class && is_plain_name(p) && (!config || last == TARGET_NAME))
        target = (struct target){TARGET_NAME, p->pattern.bytes, rule};
    else if (!class)
        target = (struct target){TARGET_REGEX, regex, rule};
    *ARENA_PUSH(w->out->arena, c->items, c->count, c->capacity) = target;
}

/* Ignored ones stand before all others. */
static void add_rule(struct compressed *c, const struct rule *rule, bool *seen_config)
{
    struct foreign_writing *w = &c->base;
    struct foreign_atoms atoms = {0};
    if (rule->target == AST_TARGET_SPEC)
        foreign_refuse(w, rule->span, "a `spec` target");
    if (rule->target == AST_TARGET_SKIP && *seen_config)
        foreign_refuse(w, rule->span, "`skip` behind a rule with a config");
    *seen_config |= rule->target != AST_TARGET_SKIP;
    if (!foreign_alternatives(w->out->arena, rule->predicate, &atoms))
        foreign_refuse(w, rule->predicate->span, "this predicate: its targets are names, regular expressions and classes");
    for (size_t i = 0; i < atoms.count; i++)
        add_target(c, rule, atoms.items[i]);
}

/* ---- schemes ---- */

static const char *scale_name(const struct spec *s)
{
    return s->scale ? s->scale->name : "f32";
}

/* NULL after a message: the reader's own function must make the same spec of it. */
static json_t *make_args(struct foreign_writing *w, const struct config *config, const struct slot *slot)
{
    static const char *const timings[] = {" static", " dynamic", ""};
    struct spec spec = *slot->spec;
    struct diags scratch;
    bool activation = slot->role != SLOT_WEIGHT;
    struct ct_args args = ct_args_of(&spec, activation);
    const char *scale = scale_name(&spec);
    diags_init(&scratch, w->out->arena);
    if (!args.scale && (!strcmp(scale, "f16") || !strcmp(scale, "bf16")))
        args.scale = *scale == 'f' ? "torch.float16" : "torch.bfloat16";
    const char *text = ct_spec_text(w->out->arena, &args, scale);
    const struct spec *same = text ? spec_parse(w->out->arena, arena_printf(w->out->arena, "%s%s", text, activation ? timings[args.dynamic] : ""), &scratch)
                                   : NULL;
    spec.layout = LAYOUT_lsb; /* the format's own */
    if (activation && spec.timing == TIMING_default && args.dynamic == CT_DYNAMIC)
        spec.timing = TIMING_dynamic;
    if (same && spec_same(same, &spec))
        return ct_args_json(&args);
    struct text said = text_make(w->out->arena);
    spec_print(&said, slot->spec);
    foreign_refuse(w, config->span, "the %s `%s` of `%s`", slot_role_words[slot->role], text_string(&said), config->name);
    return json_null();
}

static const struct spec *find_spec(const struct config *config, enum slot_role role)
{
    for (size_t i = 0; i < config->slot_count; i++)
        if (config->slots[i].role == role)
            return config->slots[i].spec;
    return NULL;
}

/* Blocks of e4m3 are stored as float-quantized too, though not by Quern. */
static const char *format_of(const struct config *config)
{
    const struct spec *weight = find_spec(config, SLOT_WEIGHT);
    bool block = weight && weight->granularity == GRANULARITY_block;
    return !weight ? NULL : block ? CT_FLOAT_QUANTIZED : ct_format(weight, find_spec(config, SLOT_INPUT));
}

/* As the next group, which owns it before anything else is allocated. Gives its targets. */
static json_t *add_scheme(struct foreign_writing *w, json_t *groups, const struct config *config)
{
    static const char *const keys[SLOT_ROLE_COUNT] = {[SLOT_WEIGHT] = "weights", [SLOT_INPUT] = "input_activations", [SLOT_OUTPUT] = "output_activations"};
    const char *format = format_of(config), *name = arena_printf(w->out->arena, "group_%03zu", json_object_size(groups));
    json_t *scheme = json_pack("{s:[], s:o, s:n, s:n, s:n}", "targets", "format", format ? json_string(format) : json_null(), "weights",
                               "input_activations", "output_activations");
    json_object_set_new(groups, name, scheme);
    if (config->extra)
        foreign_refuse(w, config->span, "the extra payload of `%s`", config->name);
    for (size_t i = 0; i < config->slot_count; i++) {
        const struct slot *slot = &config->slots[i];
        if (!keys[slot->role] || slot->module || slot->key != SLOT_KEY_NONE)
            foreign_refuse(w, config->span, "a slot of `%s` that is no weight, input or output", config->name);
        else if (slot->spec)
            json_object_set_new(scheme, keys[slot->role], make_args(w, config, slot));
    }
    return json_object_get(scheme, "targets");
}

/* ---- the whole ---- */

/* Whether the texts of regular expressions are in ascending order as they stand.
 * Byte order of UTF-8 is code point order, which is Python's order of strings. */
static bool is_sorted(const struct compressed *c)
{
    const char *last = NULL;
    for (size_t i = 0; i < c->count; i++) {
        const struct target *t = &c->items[i];
        if (t->kind != TARGET_REGEX || t->rule->target == AST_TARGET_SKIP)
            continue;
        if (last && strcmp(last, t->text) > 0)
            return false;
        last = t->text;
    }
    return true;
}

/* One group for each run of rules with one config; a target that stands twice keeps its first place. */
static void print_targets(struct compressed *c, json_t *config)
{
    struct arena *arena = c->base.out->arena;
    json_t *groups = json_object_get(config, "config_groups"), *targets = json_object_get(config, "ignore");
    struct yaml_table seen = {.arena = arena};
    const struct config *last = NULL;
    bool numbered = !is_sorted(c), found;
    for (size_t i = 0; i < c->count; i++) {
        const struct target *t = &c->items[i];
        const char *text = t->kind != TARGET_REGEX ? t->text : arena_printf(arena, "re:%s", t->text);
        yaml_table_at(&seen, arena_printf(arena, "%d%s", t->rule->target == AST_TARGET_SKIP, text), &found);
        if (found)
            continue;
        if (t->rule->config && t->rule->config != last) {
            last = t->rule->config;
            targets = add_scheme(&c->base, groups, last);
        }
        bool is_numbered = numbered && t->kind == TARGET_REGEX && t->rule->config;
        struct ast_string regex = {.bytes = t->text, .size = strlen(t->text)};
        if (is_numbered && has_global_flags(&regex))
            foreign_refuse(&c->base, t->rule->span, "this order: an expression with flags cannot be numbered");
        if (is_numbered)
            text = arena_printf(arena, "re:(?#%06zu)%s", i, t->text);
        json_array_append_new(targets, json_string(text));
    }
}

/* `mixed-precision` where groups differ. */
static const char *common_format(json_t *groups)
{
    const char *key, *format = NULL;
    json_t *group;
    json_object_foreach(groups, key, group) {
        const char *word = json_string_value(json_object_get(group, "format"));
        if (format && word && strcmp(format, word))
            return "mixed-precision";
        format = word ? word : format;
    }
    return format ? format : "dense";
}

bool foreign_write_compressed(struct text *out, const struct recipe *recipe, struct diags *diags)
{
    struct compressed c = {.base = {out, recipe, diags, "compressed-tensors", false}};
    size_t count = foreign_rule_count(recipe);
    bool seen_config = false;
    json_t *config;
    foreign_refuse_extras(&c.base, false);
    for (size_t i = 0; i < count; i++)
        add_rule(&c, &recipe->rules[i], &seen_config);
    struct foreign_json *json = foreign_json_open(out->arena, &config);
    json_object_update_new(config, json_pack("{s:s, s:n, s:{}, s:[]}", "quant_method", "compressed-tensors", "format", "config_groups", "ignore"));
    print_targets(&c, config);
    json_object_set_new(config, "format", json_string(common_format(json_object_get(config, "config_groups"))));
    foreign_json_close(json, out);
    return !c.base.refused;
}
