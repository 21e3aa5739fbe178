/* A recipe as one of Megatron-LM: configs become payloads, rules ordered glob matchers. In: a resolved recipe. Out: YAML, or
 * messages for what its one kind of matcher cannot say. A payload is the config's `extra` as it is, or its slots as Quern's own
 * YAML form has them, which Megatron-LM hands to its consumer unread. docs/megatron.md. */
#include "lang/foreign_write.h"

#include <string.h>
#include "lang/foreign.h"
#include "lang/yaml_print.h"
#include "lang/yaml_tree.h"

struct megatron_writing {
    struct foreign_writing base;
    struct yaml_table labels; /* those that rules have, and those that were made */
};

/* ---- payloads ---- */

static void print_key(struct text *out, const struct slot *slot)
{
    switch (slot->key) {
    case SLOT_KEY_NONE: text_add(out, "\"*\""); break;
    case SLOT_KEY_INDEX: text_printf(out, "%lld", (long long)slot->index); break;
    case SLOT_KEY_NAME: yaml_print_quoted(out, slot->name, strlen(slot->name)); break;
    }
}

static void print_slot_spec(struct text *out, const struct slot *slot)
{
    struct text spec = text_make(out->arena);
    if (slot->spec)
        spec_print(&spec, slot->spec);
    else
        text_add(&spec, "none");
    yaml_print_string(out, text_string(&spec), spec.size);
}

/* Slots come sorted: those of one role stand together. Weights and biases have no keys. */
static void print_slots(struct text *out, const struct config *config, bool module)
{
    const char *separator = "";
    for (size_t i = 0; i < config->slot_count; i++) {
        const struct slot *slot = &config->slots[i];
        bool first = !i || slot[-1].role != slot->role || slot[-1].module != slot->module;
        bool last = i + 1 == config->slot_count || slot[1].role != slot->role || slot[1].module != slot->module;
        bool keyed = slot->role != SLOT_WEIGHT && slot->role != SLOT_BIAS;
        if (slot->module != module)
            continue;
        text_add(out, separator);
        if (first)
            text_printf(out, "%s: %s", slot_role_words[slot->role], keyed ? "{" : "");
        if (keyed) {
            print_key(out, slot);
            text_add(out, ": ");
        }
        print_slot_spec(out, slot);
        text_add(out, keyed && last ? "}" : "");
        separator = ", ";
    }
}

static bool has_module_slot(const struct config *config)
{
    for (size_t i = 0; i < config->slot_count; i++)
        if (config->slots[i].module)
            return true;
    return false;
}

static void print_payload(struct text *out, const struct config *config)
{
    bool module = has_module_slot(config), slots = config->slot_count;
    if (config->is_null) {
        text_add(out, "null");
        return;
    }
    if (config->extra && !slots && yaml_is_opaque(out->arena, config->extra)) {
        yaml_print_json(out, config->extra);
        return;
    }
    text_char(out, '{');
    print_slots(out, config, false);
    if (module) {
        text_add(out, config->slots[0].module ? "module: {" : ", module: {");
        print_slots(out, config, true);
        text_char(out, '}');
    }
    if (config->extra) {
        text_add(out, slots ? ", extra: " : "extra: ");
        yaml_print_json(out, config->extra);
    }
    text_char(out, '}');
}

static void print_configs(struct foreign_writing *w)
{
    text_add(w->out, w->recipe->config_count ? "configs:\n" : "configs: {}\n");
    for (size_t i = 0; i < w->recipe->config_count; i++) {
        text_add(w->out, "  ");
        yaml_print_name(w->out, w->recipe->configs[i]->name);
        text_add(w->out, ": ");
        print_payload(w->out, w->recipe->configs[i]);
        text_char(w->out, '\n');
    }
}

/* ---- matchers ---- */

/* The rule's label, or its number; a second pattern of one rule gets a number of its own behind. A key that stands twice
 * would lose a matcher, so what is made up is told apart from every label by strokes. */
static const char *make_label(struct megatron_writing *m, const struct rule *rule, size_t part)
{
    struct arena *arena = m->base.out->arena;
    size_t number = (size_t)(rule - m->base.recipe->rules) + 1;
    const char *label = rule->label ? rule->label : arena_printf(arena, "rule %zu", number);
    bool found = rule->label && !part;
    if (found)
        return label;
    if (part)
        label = arena_printf(arena, "%s, %zu", label, part + 1);
    for (yaml_table_at(&m->labels, label, &found); found; yaml_table_at(&m->labels, label, &found))
        label = arena_printf(arena, "%s'", label);
    return label;
}

static void print_matcher(struct megatron_writing *m, const struct rule *rule, const struct ast_string *glob, size_t part)
{
    struct foreign_writing *w = &m->base;
    text_add(w->out, "  ");
    yaml_print_name(w->out, make_label(m, rule, part));
    text_add(w->out, ": {type: glob, pattern: ");
    yaml_print_quoted(w->out, glob->bytes, glob->size);
    text_add(w->out, ", config: ");
    yaml_print_name(w->out, rule->name);
    text_add(w->out, ", enabled: True}\n");
}

/* Alternatives stand one after the other: the first that matches gives the same config. */
static void print_rule(struct megatron_writing *m, const struct rule *rule)
{
    struct foreign_writing *w = &m->base;
    struct foreign_atoms atoms = {0};
    size_t part = 0;
    if (rule->target != AST_TARGET_CONFIG)
        foreign_refuse(w, rule->span, rule->target == AST_TARGET_SKIP ? "`skip` before another rule" : "a `spec` target");
    if (!foreign_alternatives(w->out->arena, rule->predicate, &atoms))
        foreign_refuse(w, rule->predicate->span, "this predicate: its matchers are globs on module paths");
    for (size_t i = 0; i < atoms.count; i++) {
        struct ast_string globs[2];
        size_t count;
        if (!foreign_globs(w->out->arena, atoms.items[i], globs, &count)) {
            foreign_refuse(w, atoms.items[i]->span, "`%s` here: its matchers are globs on module paths", atom_rows[atoms.items[i]->atom].words);
            continue;
        }
        for (size_t g = 0; g < count && !w->refused; g++)
            print_matcher(m, rule, &globs[g], part++);
    }
}

/* A config called `skip` cannot be told from skipping when Quern reads the file as its own. */
bool foreign_write_megatron(struct text *out, const struct recipe *recipe, struct diags *diags)
{
    struct megatron_writing m = {{out, recipe, diags, "Megatron-LM", false}, {.arena = out->arena}};
    size_t count = foreign_rule_count(recipe);
    bool found;
    for (size_t i = 0; i < count; i++)
        if (recipe->rules[i].label)
            yaml_table_at(&m.labels, recipe->rules[i].label, &found);
    foreign_refuse_extras(&m.base, false);
    print_configs(&m.base);
    text_add(out, count ? "matchers:\n" : "matchers: {}\n");
    for (size_t i = 0; i < count; i++)
        print_rule(&m, &recipe->rules[i]);
    return !m.base.refused;
}
