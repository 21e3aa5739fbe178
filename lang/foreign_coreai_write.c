/* Writing coreai_opt's YAML: a recipe whose rules have the shape that foreign_coreai_lower.c gives them. Rules are gathered into
 * entries (a scope with its op rules, its module's own rule and the rule for the rest), which are written in reverse, since
 * the entry defined last comes first there. Every spec is said in coreai_opt's fields, said again as .qr and compared: what
 * does not come back the same is refused. */
#include "lang/foreign_coreai.h"
#include "lang/foreign_write.h"
#include "lang/yaml_print.h"

#include <string.h>

enum level { LEVEL_NAMES, LEVEL_TYPES, LEVEL_GLOBAL };

/* What a rule is about. */
struct parts {
    enum level level;
    const char *key;        /* a pattern or a class; "" for the global level */
    bool itself;            /* the module alone */
    const char *op;         /* a pattern of op names or an op type; NULL: none */
    bool op_by_type;
    enum coreai_variant variant;
    bool graph, eager;      /* the transposed variant tells the mode */
};
/* The rules of one config: with its variants. */
struct written {
    const struct rule *rules[COREAI_VARIANTS];
};
struct written_op {
    const char *key;
    bool by_type;
    struct written config;
};
struct written_entry {
    enum level level;
    const char *key;
    struct written_op *ops;
    size_t op_count, op_capacity;
    struct written itself, rest;
};
struct coreai_writing {
    struct foreign_writing w;
    struct arena *arena;
    struct written_entry *entries;
    size_t count, capacity;
    bool graph, eager;
};

/* ---- predicates ---- */

static const char *escaped(struct arena *arena, const struct ast_string *name)
{
    struct text out = text_make(arena);
    foreign_escape_regex(&out, name->bytes, name->size);
    return text_string(&out);
}

static bool set_scope(struct parts *parts, enum level level, const char *key, bool itself)
{
    bool first = parts->level == LEVEL_GLOBAL;
    parts->level = level;
    parts->key = key;
    parts->itself = itself;
    return first;
}

static bool set_op(struct parts *parts, const char *key, bool by_type)
{
    bool first = !parts->op;
    parts->op = key;
    parts->op_by_type = by_type;
    return first;
}

/* A second scope or op is no such rule; neither is any other atom, but for those of a variant. */
static bool read_atom(struct arena *arena, struct parts *parts, const struct ast_predicate *p)
{
    switch ((int)p->atom) {
    case ATOM_under_re: return set_scope(parts, LEVEL_NAMES, p->pattern.bytes, false);
    case ATOM_re: return set_scope(parts, LEVEL_NAMES, p->pattern.bytes, true);
    case ATOM_under: return set_scope(parts, LEVEL_NAMES, escaped(arena, &p->pattern), false);
    case ATOM_under_type: return set_scope(parts, LEVEL_TYPES, p->pattern.bytes, false);
    case ATOM_type: return set_scope(parts, LEVEL_TYPES, p->pattern.bytes, true);
    case ATOM_opname_re: return set_op(parts, p->pattern.bytes, false);
    case ATOM_opname: return set_op(parts, escaped(arena, &p->pattern), false);
    case ATOM_op: return set_op(parts, p->pattern.bytes, true);
    default: return false;
    }
}

/* The predicate's text is compared with what the reader would write: only its own predicates of a variant are known. */
static bool read_variant(struct arena *arena, struct parts *parts, const struct ast_predicate *p)
{
    struct text text = text_make(arena);
    ast_print_predicate(&text, p);
    for (int v = COREAI_DEEP; v < COREAI_VARIANTS; v++)
        for (int graph = 0; graph < 2; graph++) {
            if (parts->variant != COREAI_PLAIN || strcmp(text_string(&text), coreai_variant_text((enum coreai_variant)v, !graph)))
                continue;
            parts->variant = (enum coreai_variant)v;
            parts->graph |= v == COREAI_TRANSPOSED && graph;
            parts->eager |= v == COREAI_TRANSPOSED && !graph;
            return true;
        }
    return false;
}

/* Conjunctions in any order, sets seen through. As deep as the predicate, which resolving has bounded. */
static bool read_parts(struct arena *arena, struct parts *parts, const struct ast_predicate *p)
{
    while (p->kind == AST_SET && p->set_predicate)
        p = p->set_predicate;
    if (read_variant(arena, parts, p) || p->kind == AST_ANY)
        return true;
    if (p->kind == AST_AND)
        return read_parts(arena, parts, p->left) && read_parts(arena, parts, p->right);
    return p->kind == AST_ATOM && read_atom(arena, parts, p);
}

/* ---- entries ---- */

static bool is_full(const struct written *config)
{
    return config->rules[COREAI_PLAIN];
}

/* Rules of one entry stand together and end with the rule for the rest of its scope. Levels only rise: names, classes, default,
 * the order in which coreai_opt asks. */
static struct written_entry *find_entry(struct coreai_writing *c, const struct parts *parts, struct span span)
{
    struct written_entry *last = c->count ? &c->entries[c->count - 1] : NULL;
    if (last && last->level == parts->level && !strcmp(last->key, parts->key) && !is_full(&last->rest))
        return last;
    if (last && !is_full(&last->rest))
        foreign_refuse(&c->w, span, "the rules before this one: their scope has no rule for the rest of it");
    if (last && last->level > parts->level)
        foreign_refuse(&c->w, span, "a rule about names behind one about classes, or either behind the default");
    last = ARENA_PUSH(c->arena, c->entries, c->count, c->capacity);
    *last = (struct written_entry){.level = parts->level, .key = parts->key};
    return last;
}

/* Within an entry ops come first, names before types, then the module's own rule, then the rest. */
static struct written *find_config(struct coreai_writing *c, struct written_entry *e, const struct parts *parts, struct span span)
{
    struct written_op *last = e->op_count ? &e->ops[e->op_count - 1] : NULL;
    if (!parts->op)
        return parts->itself ? &e->itself : &e->rest;
    if (parts->itself || is_full(&e->itself))
        foreign_refuse(&c->w, span, "an op's rule at this place");
    if (last && last->by_type && !parts->op_by_type)
        foreign_refuse(&c->w, span, "an op's name behind an op's type");
    if (last && !is_full(&last->config) && !strcmp(last->key, parts->op))
        return &last->config;
    last = ARENA_PUSH(c->arena, e->ops, e->op_count, e->op_capacity);
    *last = (struct written_op){.key = parts->op, .by_type = parts->op_by_type};
    return &last->config;
}

static void gather(struct coreai_writing *c, const struct rule *rule)
{
    struct parts parts = {.level = LEVEL_GLOBAL, .key = ""};
    if (rule->target == AST_TARGET_SPEC || !read_parts(c->arena, &parts, rule->predicate)) {
        struct text text = text_make(c->arena);
        ast_print_predicate(&text, rule->predicate);
        foreign_refuse(&c->w, rule->span, "the rule `%s => %s`", text_string(&text), rule->name);
        return;
    }
    struct written *config = find_config(c, find_entry(c, &parts, rule->span), &parts, rule->span);
    c->graph |= parts.graph;
    c->eager |= parts.eager;
    if (config->rules[parts.variant])
        foreign_refuse(&c->w, rule->span, "a second rule for the same modules");
    config->rules[parts.variant] = rule;
}

/* ---- specs ---- */

static bool is_same(struct coreai_writing *c, const struct coreai_spec *said, bool activation, enum coreai_variant variant, const struct spec *spec)
{
    struct text text = text_make(c->arena);
    struct diags scratch;
    diags_init(&scratch, c->arena);
    coreai_spec_text(&text, said, activation, variant);
    const struct spec *again = spec_parse(c->arena, text_string(&text), &scratch);
    return again && spec && spec_same(again, spec);
}

/* With the variants that the rules have; one that the spec does not need says the same as the plain one. */
static bool is_alike(struct coreai_writing *c, const struct coreai_spec *said, bool activation, const struct spec *const specs[COREAI_VARIANTS])
{
    for (int v = COREAI_PLAIN; v < COREAI_VARIANTS; v++) {
        enum coreai_variant variant = coreai_spec_varies(said, (enum coreai_variant)v) ? (enum coreai_variant)v : COREAI_PLAIN;
        if (!specs[v] && variant != COREAI_PLAIN)
            return false;
        if (specs[v] && !is_same(c, said, activation, variant, specs[v]))
            return false;
    }
    return true;
}

/* What the fields of coreai_opt would be; is_alike judges. */
static struct coreai_spec propose(const struct spec *s, bool axis)
{
    struct coreai_spec said = {.format = s->format->name ? s->format->name : "", .scheme = spec_is_asymmetric(s) ? "asymmetric" : "symmetric",
                               .minval = s->formula == FORMULA_minval, .e8m0 = s->scale && s->scale->e == 8 && !s->scale->m,
                               .has_axis = axis, .granularity = s->granularity, .axis = s->axis, .rank = s->block_rank,
                               .has_low = s->has_low, .has_high = s->has_high, .low = s->low, .high = s->high};
    static const char *const ranges[RANGE_COUNT] = {[RANGE_moving_average] = " range moving_average", [RANGE_global_minmax] = " range global_minmax"};
    said.range_of_state = said.range_of_activation = ranges[s->range] ? ranges[s->range] : "";
    if (s->scheme == SCHEME_narrow)
        said.scheme = "symmetric narrow";
    memcpy(said.dims, s->block, sizeof said.dims);
    if (s->granularity == GRANULARITY_group)
        said.dims[0] = s->group;
    if (s->granularity == GRANULARITY_block)
        said.has_axis = false;
    return said;
}

static void print_granularity(struct text *out, const struct coreai_spec *s)
{
    text_add(out, ", granularity: {type: ");
    text_add(out, s->granularity == GRANULARITY_channel ? "per_channel" : "per_block");
    if (s->has_axis)
        text_printf(out, ", axis: %lld", (long long)s->axis);
    if (s->granularity == GRANULARITY_group)
        text_printf(out, ", block_size: %lld", (long long)s->dims[0]);
    for (unsigned i = 0; s->granularity == GRANULARITY_block && i < s->rank; i++)
        text_printf(out, i ? ", %lld" : ", block_size: [%lld", (long long)s->dims[i]);
    text_add(out, s->granularity == GRANULARITY_block ? "]}" : "}");
}

static void print_end(struct text *out, bool has, double end)
{
    if (has)
        yaml_print_double(out, end);
    else
        text_add(out, "null");
}

static void print_said(struct text *out, const struct coreai_spec *s)
{
    text_printf(out, "{dtype: %s", coreai_dtype_word(s->format));
    if (strcmp(s->scheme, "symmetric"))
        text_printf(out, ", qscheme: %s", coreai_scheme_word(s->scheme));
    text_add(out, s->minval ? ", qformulation: minval" : "");
    if (s->granularity != GRANULARITY_tensor)
        print_granularity(out, s);
    text_printf(out, ", qparam_calculator_cls: %s", *s->range_of_state ? s->range_of_state + strlen(" range ") : "static");
    if (s->has_low || s->has_high) {
        text_add(out, ", float_range: [");
        print_end(out, s->has_low, s->low);
        text_add(out, ", ");
        print_end(out, s->has_high, s->high);
        text_char(out, ']');
    }
    text_add(out, s->e8m0 ? ", scale_dtype: float8_e8m0fnu}" : "}");
}

/* The axis is written where it may be, and left out where the variants ask for that. */
static void print_spec(struct coreai_writing *c, bool activation, const struct spec *const specs[COREAI_VARIANTS], const struct config *config)
{
    for (int axis = 1; axis >= 0; axis--) {
        struct coreai_spec said = propose(specs[COREAI_PLAIN], axis);
        bool known = coreai_dtype_word(said.format) && (said.granularity != GRANULARITY_group || said.axis == 0 || said.axis == 1);
        if (!known || !is_alike(c, &said, activation, specs))
            continue;
        print_said(c->w.out, &said);
        return;
    }
    struct text text = text_make(c->arena);
    spec_print(&text, specs[COREAI_PLAIN]);
    foreign_refuse(&c->w, config->span, "the spec `%s` in `%s`", text_string(&text), config->name);
}

/* ---- configs ---- */

static const struct config *config_of(const struct rule *rule)
{
    return rule && rule->target == AST_TARGET_CONFIG ? rule->config : NULL;
}

/* The slots of the variants' configs with the same key go with it: one entry in the file stands for all of them. */
static void print_slot(struct coreai_writing *c, const struct written *written, const struct slot *slot)
{
    const struct spec *specs[COREAI_VARIANTS] = {slot->spec};
    struct text *out = c->w.out;
    bool state = slot->role == SLOT_WEIGHT || slot->role == SLOT_BIAS || slot->role == SLOT_STATE;
    const char *name = slot->role == SLOT_STATE ? slot->name : state ? slot_role_words[slot->role] : NULL;
    for (int v = COREAI_DEEP; v < COREAI_VARIANTS; v++) {
        const struct config *other = config_of(written->rules[v]);
        const struct slot *same = other ? config_find_slot(other, slot->module, slot->role, slot->index, slot->name) : NULL;
        specs[v] = same ? same->spec : NULL;
    }
    if (slot->key == SLOT_KEY_INDEX)
        text_printf(out, "%lld: ", (long long)slot->index);
    else if (name)
        yaml_print_quoted(out, name, strlen(name));
    else
        text_add(out, "\"*\"");
    text_add(out, slot->key == SLOT_KEY_INDEX ? "" : ": ");
    if (slot->key == SLOT_KEY_NAME && !state)
        foreign_refuse(&c->w, config_of(written->rules[COREAI_PLAIN])->span, "inputs and outputs by name");
    if (slot->spec)
        print_spec(c, !state, specs, config_of(written->rules[COREAI_PLAIN]));
    else
        text_add(out, "null");
}

static bool belongs(const struct slot *slot, const struct coreai_map *map)
{
    bool state = slot->role == SLOT_WEIGHT || slot->role == SLOT_BIAS;
    return slot->module == map->module && (state ? SLOT_STATE : slot->role) == map->role;
}

/* `*` of states takes in weight and bias there. */
static void print_bounds(struct coreai_writing *c, const struct config *config)
{
    for (int role = SLOT_WEIGHT; role <= SLOT_BIAS; role++)
        if (!config_find_slot(config, false, (enum slot_role)role, -1, NULL))
            text_printf(c->w.out, ", %s: null", slot_role_words[role]);
}

static void print_map(struct coreai_writing *c, const struct written *written, const struct coreai_map *map)
{
    const struct config *config = config_of(written->rules[COREAI_PLAIN]);
    bool any = false, every = false;
    for (size_t i = 0; config && i < config->slot_count; i++) {
        const struct slot *slot = &config->slots[i];
        if (!belongs(slot, map))
            continue;
        text_printf(c->w.out, any ? ", " : "%s: {", map->key);
        print_slot(c, written, slot);
        any = true;
        every |= slot->role == SLOT_STATE && slot->key == SLOT_KEY_NONE && !slot->module;
    }
    if (every)
        print_bounds(c, config);
    if (any)
        text_char(c->w.out, '}');
    else if (!map->module)
        text_printf(c->w.out, "%s: null", map->key);
}

/* As the recipe declares it. */
static void print_schedule(struct coreai_writing *c, const char *name)
{
    const struct ast_decl *decl = recipe_schedule(c->w.recipe, name);
    text_add(c->w.out, ", qat_schedule: {");
    for (const struct ast_argument *a = decl ? decl->schedule : NULL; a; a = a->next) {
        text_printf(c->w.out, "%s: ", a->key.text);
        if (a->value.kind == AST_VALUE_NUMBER)
            text_printf(c->w.out, "%lld", (long long)a->value.number.integer);
        else
            text_add(c->w.out, "null");
        text_add(c->w.out, a->next ? ", " : "");
    }
    text_char(c->w.out, '}');
}

static bool has_map(const struct config *config, const struct coreai_map *map)
{
    for (size_t i = 0; config && i < config->slot_count; i++)
        if (belongs(&config->slots[i], map))
            return true;
    return false;
}

/* The fields of one config, without braces. The module's own maps come from the rule that has them. */
static void print_fields(struct coreai_writing *c, const struct written *written, const struct written *itself)
{
    bool first = true;
    for (size_t i = 0; i < COREAI_MAPS; i++) {
        const struct written *from = coreai_maps[i].module && itself && is_full(itself) ? itself : written;
        if (coreai_maps[i].module && (from == written || !has_map(config_of(from->rules[COREAI_PLAIN]), &coreai_maps[i])))
            continue;
        text_add(c->w.out, first ? "" : ", ");
        print_map(c, from, &coreai_maps[i]);
        first = false;
    }
}

static bool is_sound(struct coreai_writing *c, const struct written *written, bool module)
{
    for (int v = 0; v < COREAI_VARIANTS; v++) {
        const struct config *config = config_of(written->rules[v]);
        if (config && config->extra)
            foreign_refuse(&c->w, config->span, "the payload of `%s`", config->name);
        for (size_t i = 0; config && i < config->slot_count && !module; i++)
            if (config->slots[i].module)
                foreign_refuse(&c->w, config->span, "module slots of `%s` for what is inside a module", config->name);
    }
    return config_of(written->rules[COREAI_PLAIN]);
}

/* coreai_opt has one schedule for a module entry, and none for an op's. schedule NULL: there must be none. */
static void check_schedule(struct coreai_writing *c, const struct written *written, const char *schedule)
{
    for (int v = 0; v < COREAI_VARIANTS; v++) {
        const struct config *config = config_of(written->rules[v]);
        if (!config || (config->schedule && schedule ? !strcmp(config->schedule, schedule) : config->schedule == schedule))
            continue;
        if (config->schedule)
            foreign_refuse(&c->w, config->span, "the schedule of `%s` beside rules of its scope without it", config->name);
        else
            foreign_refuse(&c->w, config->span, "`%s` without the schedule of its scope", config->name);
    }
}

/* A module's own rule differs from that for what is inside by its module slots alone. */
static void check_itself(struct coreai_writing *c, const struct written_entry *e)
{
    const struct config *own = config_of(e->itself.rules[COREAI_PLAIN]), *rest = config_of(e->rest.rules[COREAI_PLAIN]);
    size_t alike = 0, count = 0, rest_count = rest ? rest->slot_count : 0;
    if (!is_full(&e->itself))
        return;
    for (size_t i = 0; own && i < own->slot_count; i++) {
        const struct slot *s = &own->slots[i];
        const struct slot *other = rest ? config_find_slot(rest, false, s->role, s->index, s->name) : NULL;
        count += !s->module;
        alike += !s->module && other && other->key == s->key && (s->spec && other->spec ? spec_same(s->spec, other->spec) : s->spec == other->spec);
    }
    if (!own || alike != count || count != rest_count)
        foreign_refuse(&c->w, e->itself.rules[COREAI_PLAIN]->span, "a rule for a module that differs from the rule for what is inside it");
}

static void print_ops(struct coreai_writing *c, const struct written_entry *e, bool by_type)
{
    bool any = false;
    for (size_t i = e->op_count; i--;) {
        const struct written_op *op = &e->ops[i];
        if (op->by_type != by_type)
            continue;
        text_add(c->w.out, any ? ", " : by_type ? ", op_type_config: {" : ", op_name_config: {");
        yaml_print_quoted(c->w.out, op->key, strlen(op->key));
        bool some = is_sound(c, &op->config, false);
        check_schedule(c, &op->config, NULL);
        text_add(c->w.out, some ? ": {" : ": null");
        if (some) {
            print_fields(c, &op->config, NULL);
            text_char(c->w.out, '}');
        }
        any = true;
    }
    text_add(c->w.out, any ? "}" : "");
}

static void print_entry(struct coreai_writing *c, const struct written_entry *e)
{
    const struct config *own = config_of(e->itself.rules[COREAI_PLAIN]), *rest = config_of(e->rest.rules[COREAI_PLAIN]);
    is_sound(c, &e->itself, true);
    is_sound(c, &e->rest, false);
    check_itself(c, e);
    check_schedule(c, &e->itself, rest ? rest->schedule : NULL);
    check_schedule(c, &e->rest, rest ? rest->schedule : NULL);
    if (!own && !rest && !e->op_count) {
        text_add(c->w.out, "null\n");
        return;
    }
    text_char(c->w.out, '{');
    print_fields(c, &e->rest, &e->itself);
    print_ops(c, e, true);
    print_ops(c, e, false);
    if (rest && rest->schedule)
        print_schedule(c, rest->schedule);
    text_add(c->w.out, "}\n");
}

/* ---- the whole ---- */

static void print_level(struct coreai_writing *c, enum level level, const char *head)
{
    bool any = false;
    for (size_t i = c->count; i--;) {
        const struct written_entry *e = &c->entries[i];
        if (e->level != level)
            continue;
        text_add(c->w.out, any ? "" : head);
        any = true;
        if (level != LEVEL_GLOBAL) {
            text_add(c->w.out, "    ");
            yaml_print_quoted(c->w.out, e->key, strlen(e->key));
            text_add(c->w.out, ": ");
        }
        print_entry(c, e);
    }
    if (!any && level == LEVEL_GLOBAL)
        text_add(c->w.out, "  global_config: null\n");
}

static void refuse_extras(struct foreign_writing *w)
{
    const struct recipe *r = w->recipe;
    for (size_t i = 0; i < r->group_count; i++)
        foreign_refuse(w, r->groups[i].span, "the group `%s`", r->groups[i].name);
    for (size_t i = 0; i < r->expect_count; i++)
        foreign_refuse(w, r->expects[i].ast->span, "expectations");
    for (size_t i = 0; i < r->step_count; i++)
        foreign_refuse(w, r->steps[i].ast->span, "the step `%s`", r->steps[i].ast->name.text);
}

/* Graph mode takes no output but 0. */
static bool needs_eager(const struct recipe *recipe)
{
    for (size_t i = 0; i < recipe->config_count; i++)
        for (size_t k = 0; k < recipe->configs[i]->slot_count; k++) {
            const struct slot *s = &recipe->configs[i]->slots[k];
            if (!s->module && s->role == SLOT_OUTPUT && s->key == SLOT_KEY_INDEX && s->index)
                return true;
        }
    return false;
}

bool foreign_write_coreai(struct text *out, const struct recipe *recipe, struct diags *diags)
{
    struct coreai_writing c = {.w = {out, recipe, diags, "coreai_opt", false}, .arena = out->arena};
    refuse_extras(&c.w);
    for (size_t i = 0; i < recipe->rule_count; i++)
        gather(&c, &recipe->rules[i]);
    if (c.count && !is_full(&c.entries[c.count - 1].rest))
        foreign_refuse(&c.w, recipe->rules[recipe->rule_count - 1].span, "this rule's scope without a rule for the rest of it");
    if (c.graph && (c.eager || needs_eager(recipe)))
        foreign_refuse(&c.w, recipe->rules[0].span, "rules of graph mode beside rules of eager mode");
    text_add(out, "quantization_config:\n");
    text_add(out, c.eager || needs_eager(recipe) ? "  execution_mode: eager\n" : "");
    print_level(&c, LEVEL_GLOBAL, "  global_config: ");
    print_level(&c, LEVEL_TYPES, "  module_type_configs:\n");
    print_level(&c, LEVEL_NAMES, "  module_name_configs:\n");
    return !c.w.refused;
}
