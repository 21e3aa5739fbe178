/* A recipe as ModelOpt's quantization_config: skips by glob, then one algorithm for every Linear, or one for each named layer.
 * A config's algorithm is found by the reader's own table, so what is written reads back. */
#include "lang/foreign_write.h"

#include <string.h>
#include "lang/foreign.h"
#include "lang/foreign_json.h"
#include "lang/modelopt.h"

/* A row's config with that group size, as the resolver makes it. */
static const struct config *make_config(struct arena *arena, const struct modelopt_row *row, int64_t group)
{
    struct diags scratch;
    diags_init(&scratch, arena);
    const char *text = arena_printf(arena, "config c %s", modelopt_body(arena, row, group));
    struct source *source = source_new(arena, row->algo, text, strlen(text));
    struct recipe *recipe = recipe_resolve(arena, ast_parse_qr(arena, source, &scratch), NULL, &scratch);
    return recipe->config_count == 1 ? recipe->configs[0] : NULL;
}

/* Rows of modelopt.def have no slots by index or name, so the kind of the key tells. */
static bool same_slots(const struct config *a, const struct config *b)
{
    bool same = a->slot_count == b->slot_count && !a->extra;
    for (size_t i = 0; same && i < a->slot_count; i++) {
        const struct slot *s = &a->slots[i], *t = &b->slots[i];
        same = s->role == t->role && s->key == t->key && s->module == t->module && s->spec && t->spec && spec_same(s->spec, t->spec);
    }
    return same;
}

/* {quant_algo, group_size}; a null after a message. Algorithms with more than specs say are none of a recipe's. */
static json_t *make_layer(struct foreign_writing *w, const struct config *config)
{
    int64_t group = 0;
    for (size_t i = 0; i < config->slot_count; i++)
        if (config->slots[i].spec && config->slots[i].spec->granularity == GRANULARITY_group)
            group = config->slots[i].spec->group;
    for (size_t i = 0; i < modelopt_count; i++) {
        const struct modelopt_row *row = &modelopt_rows[i];
        const struct config *made = row->rest || (row->group && group < 1) ? NULL : make_config(w->out->arena, row, group);
        if (!made || !same_slots(config, made))
            continue;
        json_t *layer = json_pack("{s:s}", "quant_algo", row->algo);
        if (row->group)
            json_object_set_new(layer, "group_size", json_integer(group));
        return layer;
    }
    foreign_refuse(w, config->span, "the config `%s`", config->name);
    return json_null();
}

static void add_skips(struct foreign_writing *w, const struct rule *rule, json_t *ignore)
{
    struct foreign_atoms atoms = {0};
    if (!foreign_alternatives(w->out->arena, rule->predicate, &atoms))
        foreign_refuse(w, rule->predicate->span, "this predicate: what it ignores are globs on module paths");
    for (size_t i = 0; i < atoms.count; i++) {
        struct ast_string globs[2];
        size_t count;
        if (!foreign_globs(w->out->arena, atoms.items[i], globs, &count)) {
            foreign_refuse(w, atoms.items[i]->span, "`%s` here: what it ignores are globs on module paths", atom_rows[atoms.items[i]->atom].words);
            continue;
        }
        for (size_t g = 0; g < count; g++)
            json_array_append_new(ignore, json_stringn(globs[g].bytes, globs[g].size));
    }
}

/* The predicate that foreign_class makes of `Linear`. */
static bool is_linear(const struct ast_predicate *p)
{
    while (p->kind == AST_SET)
        p = p->set_predicate;
    return p->kind == AST_ATOM && p->atom == ATOM_type_re && !strcmp(p->pattern.bytes, "(.*\\.)?Linear");
}

/* Exact names; the first rule of a name decides. */
static void add_layers(struct foreign_writing *w, const struct rule *rule, json_t *layers)
{
    struct foreign_atoms atoms = {0};
    bool good = foreign_alternatives(w->out->arena, rule->predicate, &atoms);
    for (size_t i = 0; i < atoms.count; i++) {
        const struct ast_predicate *p = atoms.items[i];
        good &= p->kind == AST_ATOM && p->atom == ATOM_name;
        if (good && !json_object_getn(layers, p->pattern.bytes, p->pattern.size))
            json_object_setn_new(layers, p->pattern.bytes, p->pattern.size, make_layer(w, rule->config));
    }
    if (!good)
        foreign_refuse(w, rule->predicate->span, "this predicate: an algorithm is for `type re \"(.*\\.)?Linear\"`, the last rule, or for names");
}

/* Where `quantized_layers` has begun, no skip and no default may follow: the file asks `ignore` first, and a mixed one has no
 * default. */
static void add_rule(struct foreign_writing *w, const struct rule *rule, bool last, json_t *config)
{
    json_t *layers = json_object_get(config, "quantized_layers");
    if (rule->target == AST_TARGET_SKIP && !layers)
        add_skips(w, rule, json_object_get(config, "ignore"));
    else if (rule->target != AST_TARGET_CONFIG)
        foreign_refuse(w, rule->span, rule->target == AST_TARGET_SKIP ? "`skip` behind a rule with a config" : "a `spec` target");
    else if (last && !layers && is_linear(rule->predicate)) {
        json_t *layer = make_layer(w, rule->config);
        json_object_update(config, layer);
        json_decref(layer);
    } else {
        if (!layers)
            json_object_update_new(config, json_pack("{s:s, s:{}}", "quant_algo", "MIXED_PRECISION", "quantized_layers"));
        add_layers(w, rule, json_object_get(config, "quantized_layers"));
    }
}

bool foreign_write_modelopt(struct text *out, const struct recipe *recipe, struct diags *diags)
{
    struct foreign_writing w = {out, recipe, diags, "ModelOpt", false};
    size_t count = foreign_rule_count(recipe);
    json_t *config;
    struct foreign_json *json = foreign_json_open(out->arena, &config);
    json_object_update_new(config, json_pack("{s:s, s:[]}", "quant_method", "modelopt", "ignore"));
    foreign_refuse_extras(&w, false);
    for (size_t i = 0; i < count; i++)
        add_rule(&w, &recipe->rules[i], i + 1 == count, config);
    if (!count)
        foreign_refuse(&w, (struct span){recipe->ast->source, 0, 0}, "a recipe without a rule");
    foreign_json_close(json, out);
    return !w.refused;
}
