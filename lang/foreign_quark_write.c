/* A recipe as Quark's Config: one config for the six layer types, and its steps. In: a resolved recipe of one such rule. Out:
 * YAML of the fields. A spec is found among the QTensorConfigs there are by the reader's own function, so what is written reads
 * back. */
#include "lang/foreign_write.h"

#include <string.h>
#include "lang/foreign.h"
#include "lang/quark.h"
#include "lang/yaml_print.h"

/* ---- tensors ---- */

/* The width of a user's float from its canonical text; 0, 0: none. */
static void find_widths(struct quark_tensor *t, const struct spec *spec)
{
    const struct format *f = spec->format;
    t->numbers[QUARK_bit_width] = f->bits;
    t->given[QUARK_bit_width] = true;
    if (f->kind != FORMAT_KIND_FLOAT)
        return;
    t->numbers[QUARK_exponent_bit_width] = f->e;
    t->numbers[QUARK_mantissa_bit_width] = f->m;
    t->given[QUARK_exponent_bit_width] = t->given[QUARK_mantissa_bit_width] = true;
}

/* Whether the reader makes this spec of it. */
static bool does_same(struct arena *arena, const struct quark_tensor *t, enum quark_tensor_field field, const struct spec *spec)
{
    struct diags scratch;
    diags_init(&scratch, arena);
    const char *text = quark_spec_text(arena, t, field);
    const struct spec *made = text ? spec_parse(arena, text, &scratch) : NULL;
    return made && spec_same(made, spec);
}

/* Every combination of words that has a spec: 2 schemes, 2 scale types, 2 kinds, 2 ranges, 2 symmetries. */
static bool find_tensor(struct arena *arena, const struct spec *spec, enum quark_tensor_field field, struct quark_tensor *t)
{
    *t = quark_tensor_default();
    find_widths(t, spec);
    for (unsigned bits = 0; bits < 32; bits++) {
        t->qscheme = bits & 1 ? QUARK_qscheme_per_channel : QUARK_qscheme_per_tensor;
        t->scale_type = bits & 2 ? QUARK_scale_type_pof2 : QUARK_scale_type_float;
        t->quant_type = bits & 4 ? QUARK_quant_type_float_quant : QUARK_quant_type_int_quant;
        t->param_type = bits & 8 ? QUARK_param_type_mse : QUARK_param_type_stats;
        t->symmetric = !(bits & 16);
        if (does_same(arena, t, field, spec))
            return true;
    }
    return false;
}

static void print_tensor(struct text *out, const struct quark_tensor *t)
{
    const enum quark_word words[] = {t->qscheme, t->scale_type, t->quant_type, t->param_type};
    const char *separator = "{";
    for (int i = 0; i < 4; i++, separator = ", ")
        text_printf(out, "%s%s: %s", separator, quark_words[words[i]].field, quark_words[words[i]].word);
    text_printf(out, ", symmetric: %s", t->symmetric ? "true" : "false");
    for (int i = 0; i < QUARK_NUMBER_COUNT; i++)
        if (t->given[i])
            text_printf(out, ", %s: %lld", quark_number_fields[i], (long long)t->numbers[i]);
    text_char(out, '}');
}

/* The field a slot is, for every key and the op alone; -1: none. */
static int slot_field(const struct slot *slot)
{
    for (int f = 0; f < QUARK_TENSOR_COUNT; f++)
        if (!slot->module && slot->key == SLOT_KEY_NONE && !strcmp(slot_role_words[slot->role], quark_tensors[f].slot))
            return f;
    return -1;
}

static void print_slot(struct foreign_writing *w, const struct config *config, const struct slot *slot)
{
    int field = slot_field(slot);
    struct quark_tensor t;
    if (field < 0)
        foreign_refuse(w, config->span, "a slot of one input, output or state");
    else if (!slot->spec)
        text_printf(w->out, "  %s: null\n", quark_tensors[field].field);
    else if (!find_tensor(w->out->arena, slot->spec, (enum quark_tensor_field)field, &t)) {
        struct text spec = text_make(w->out->arena);
        spec_print(&spec, slot->spec);
        foreign_refuse(w, config->span, "the %s `%s` of `%s`", quark_tensors[field].slot, text_string(&spec), config->name);
    } else {
        text_printf(w->out, "  %s: ", quark_tensors[field].field);
        print_tensor(w->out, &t);
        text_char(w->out, '\n');
    }
}

struct kept {
    struct text *out;
    const struct config *config;
    bool foreign; /* a key that is no field of QLayerConfig, or one that a slot is as well */
};

static bool check_kept(void *user, const char *key)
{
    struct kept *kept = user;
    bool known = false;
    for (int f = 0; f < QUARK_TENSOR_COUNT; f++)
        known |= !strcmp(key, quark_tensors[f].field);
    for (size_t i = 0; i < kept->config->slot_count; i++) {
        int field = slot_field(&kept->config->slots[i]);
        known &= field < 0 || strcmp(key, quark_tensors[field].field) != 0;
    }
    kept->foreign |= !known;
    return true;
}

/* The payload of an import: whole fields, merged in by YAML. */
static void print_kept(struct foreign_writing *w, const struct config *config)
{
    struct kept kept = {w->out, config, false};
    if (!config->extra)
        return;
    yaml_json_keys(w->out->arena, config->extra, check_kept, &kept);
    if (kept.foreign) {
        foreign_refuse(w, config->span, "the extra payload of `%s`", config->name);
        return;
    }
    text_add(w->out, "  <<: ");
    yaml_print_json(w->out, config->extra);
    text_char(w->out, '\n');
}

static void print_config(struct foreign_writing *w, const struct config *config)
{
    text_printf(w->out, "global_quant_config:%s\n", config->slot_count || config->extra ? "" : " {}");
    for (size_t i = 0; i < config->slot_count; i++)
        print_slot(w, config, &config->slots[i]);
    print_kept(w, config);
}

/* ---- steps ---- */

static void print_step(struct foreign_writing *w, const struct ast_step *step)
{
    int class = 0;
    while (class < QUARK_STEP_COUNT && strcmp(step->name.text, quark_steps[class].step))
        class++;
    if (class == QUARK_STEP_COUNT || step->where) {
        foreign_refuse(w, step->span, step->where ? "a step for some layers" : "the step `%s`", step->name.text);
        return;
    }
    text_printf(w->out, "  - %s: ", quark_steps[class].class);
    yaml_print_arguments(w->out, step->arguments);
    text_char(w->out, '\n');
}

/* Absent, the first list would be one Preprocess. */
static void print_steps(struct foreign_writing *w, bool algorithm)
{
    size_t count = 0;
    for (size_t i = 0; i < w->recipe->step_count; i++)
        count += w->recipe->steps[i].algorithm == algorithm;
    text_printf(w->out, "%s:%s\n", algorithm ? "algo_config" : "pre_quant_opt_config", count ? "" : " []");
    for (size_t i = 0; i < w->recipe->step_count; i++)
        if (w->recipe->steps[i].algorithm == algorithm)
            print_step(w, w->recipe->steps[i].ast);
}

/* ---- the whole ---- */

static bool is_layers(struct arena *arena, const struct ast_predicate *p)
{
    const char *layers = quark_layers(arena);
    while (p->kind == AST_SET)
        p = p->set_predicate;
    return p->kind == AST_ATOM && p->atom == ATOM_type_re && p->pattern.size == strlen(layers) && !strcmp(p->pattern.bytes, layers);
}

bool foreign_write_quark(struct text *out, const struct recipe *recipe, struct diags *diags)
{
    struct foreign_writing w = {out, recipe, diags, "Quark", false};
    size_t count = foreign_rule_count(recipe);
    foreign_refuse_extras(&w, true);
    for (size_t i = 1; i < count; i++)
        foreign_refuse(&w, recipe->rules[i].span, "a second rule");
    const struct rule *rule = recipe->rules;
    if (!count)
        foreign_refuse(&w, (struct span){recipe->ast->source, 0, 0}, "a recipe without a rule for its six layer types");
    else if (rule->target != AST_TARGET_CONFIG || !is_layers(out->arena, rule->predicate))
        foreign_refuse(&w, rule->span, "this rule: its one config is for `type re \"%s\"`", quark_layers(out->arena));
    else
        print_config(&w, rule->config);
    print_steps(&w, false);
    print_steps(&w, true);
    text_add(out, "backend: layerwise\n");
    return !w.refused;
}
