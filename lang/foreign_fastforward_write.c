/* A recipe as a FastForward rule list: rules from the last to the first, since there the one added last wins. A predicate is
 * said as an mpath query, a config as the quantizer for every tensor it may meet. docs/fastforward.md. */
#include "lang/fastforward.h"

#include <string.h>
#include "lang/foreign.h"
#include "lang/foreign_write.h"
#include "lang/resolve.h"

struct writing {
    struct foreign_writing base;
    const char *policy, *safe;      /* what every rule's config says, "" when nothing */
    const struct rule *first;       /* the one that said so first; NULL: none yet */
};

/* ---- queries ---- */

/* Names that stand in a query as they are: identifiers, and digits alone. All others go into `[re:]`. */
static bool is_fragment(const char *bytes, size_t size)
{
    bool digits = true, name = size > 0 && (bytes[0] < '0' || bytes[0] > '9');
    for (size_t i = 0; i < size; i++) {
        char c = bytes[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_', digit = c >= '0' && c <= '9';
        digits &= digit;
        name &= letter || digit;
    }
    return size && (digits || name);
}

/* A child's name that is none of mpath's, as a regex; its brackets are escaped twice. */
static void print_odd(struct text *out, const char *bytes, size_t size)
{
    struct text regex = text_make(out->arena);
    foreign_escape_regex(&regex, bytes, size);
    text_add(out, "[re:");
    for (size_t i = 0; i < regex.size; i++) {
        bool bracket = i + 1 < regex.size && regex.bytes[i] == '\\' && (regex.bytes[i + 1] == '[' || regex.bytes[i + 1] == ']');
        if (bracket) { /* `\]` is a bare bracket there: a set of the one character says it */
            text_add(out, regex.bytes[++i] == '[' ? "[[\\]" : "\\]");
        } else {
            text_char(out, regex.bytes[i]);
        }
    }
    text_char(out, ']');
}

/* The path's children; false: there is none, one without a name, or one with a sign that means something to mpath. */
static bool print_path(struct text *out, const struct ast_string *path)
{
    for (size_t at = 0, end; at <= path->size; at = end + 1) {
        const char *dot = memchr(path->bytes + at, '.', path->size - at);
        end = dot ? (size_t)(dot - path->bytes) : path->size;
        bool sign = memchr(path->bytes + at, '"', end - at) || memchr(path->bytes + at, '\\', end - at);
        if (end == at || sign)
            return false;
        text_add(out, at ? "/" : "");
        if (is_fragment(path->bytes + at, end - at))
            text_add_bytes(out, path->bytes + at, end - at);
        else
            print_odd(out, path->bytes + at, end - at);
    }
    return true;
}

static bool is_any(const struct ast_predicate *atom)
{
    return atom->kind == AST_ANY || (atom->atom == ATOM_glob && atom->pattern.size == 1 && atom->pattern.bytes[0] == '*');
}

static bool print_query(struct text *out, const struct ast_predicate *atom)
{
    if (is_any(atom)) {
        text_add(out, "**");
        return true;
    }
    if (atom->atom == ATOM_mpath) {
        text_add_bytes(out, atom->pattern.bytes, atom->pattern.size);
        return true;
    }
    if (atom->atom == ATOM_name)
        return print_path(out, &atom->pattern);
    if (atom->atom != ATOM_under || !print_path(out, &atom->pattern))
        return false;
    text_add(out, "/**");
    return true;
}

/* ---- quantizers ---- */

/* The arguments that make this spec; false: none do. */
static bool find_quantizer(const struct spec *spec, struct fastforward_quantizer *q, struct diags *diags)
{
    bool group = spec->granularity == GRANULARITY_group, whole = spec->granularity == GRANULARITY_block && spec->block[0] < 0 && spec->block[1] < 0;
    struct text wanted = text_make(diags->arena), text = text_make(diags->arena), made = text_make(diags->arena);
    *q = (struct fastforward_quantizer){.class = spec->timing == TIMING_dynamic ? FASTFORWARD_DYNAMIC : FASTFORWARD_LINEAR,
                                        .bits = spec->format->bits, .symmetric = spec->scheme == SCHEME_no_clip, .granularity = spec->granularity,
                                        .dims = {group ? spec->group : spec->granularity == GRANULARITY_channel ? spec->axis : spec->block[0],
                                                 group ? spec->axis : spec->block[1]}};
    if (spec->format->kind != FORMAT_KIND_INT || q->bits > 16 || (group && q->dims[1] != 0 && q->dims[1] != 1) || whole) /* a PerBlock has a size */
        return false;
    fastforward_spec(&text, q);
    const struct spec *again = spec_parse(diags->arena, text_string(&text), diags);
    spec_print(&wanted, spec);
    if (again)
        spec_print(&made, again);
    return again && !strcmp(text_string(&wanted), text_string(&made));
}

static void print_granularity(struct text *out, const struct fastforward_quantizer *q)
{
    int64_t rows = q->dims[0], columns = q->dims[1];
    switch (q->granularity) {
    case GRANULARITY_tensor: case GRANULARITY_token:
        return;
    case GRANULARITY_channel:
        text_printf(out, ", granularity: {PerChannel: %lld}", (long long)q->dims[0]);
        return;
    case GRANULARITY_group:
        text_printf(out, ", granularity: {PerBlock: {block_dims: [%lld], block_sizes: [%lld], per_channel_dims: [%lld]}}", (long long)q->dims[1],
                    (long long)q->dims[0], (long long)(1 - q->dims[1]));
        return;
    case GRANULARITY_block:
        break;
    }
    text_add(out, ", granularity: {PerBlock: {block_dims: [");
    text_printf(out, rows < 0 ? "1], block_sizes: [%lld]}}" : columns < 0 ? "0], block_sizes: [%lld]}}" : "0, 1], block_sizes: [%lld, %lld]}}",
                (long long)(rows < 0 ? columns : rows), (long long)columns);
}

/* In arguments where FastForward has them, else as Quern's own text. */
static void print_spec(struct writing *w, const struct spec *spec)
{
    struct text *out = w->base.out, text = text_make(out->arena);
    struct fastforward_quantizer q;
    struct diags scratch;
    diags_init(&scratch, w->base.diags->arena);
    if (!find_quantizer(spec, &q, &scratch)) {
        spec_print(&text, spec);
        text_add(out, "factory: ");
        yaml_print_quoted(out, text_string(&text), text.size);
        return;
    }
    text_printf(out, "factory: %s, kwargs: {num_bits: %lld, symmetric: %s", fastforward_classes[q.class], (long long)q.bits,
                q.symmetric ? "true, allow_one_sided: false" : "false");
    print_granularity(out, &q);
    text_char(out, '}');
}

/* ---- configs ---- */

/* The spec of every tensor a quantizer may be for: one for all of them. NULL: the config has no slots; *good is false where
 * they differ or say more. */
static const struct spec *find_spec(const struct config *config, bool *good)
{
    const struct spec *spec = config->slot_count ? config->slots[0].spec : NULL;
    unsigned roles = 0;
    for (size_t i = 0; i < config->slot_count; i++) {
        const struct slot *slot = &config->slots[i];
        struct arena arena;
        arena_init(&arena, NULL);
        struct text first = text_make(&arena), text = text_make(&arena);
        *good &= !slot->module && slot->key == SLOT_KEY_NONE && slot->role != SLOT_STATE && slot->spec != NULL && spec != NULL;
        if (*good) {
            spec_print(&first, spec);
            spec_print(&text, slot->spec);
            *good = !strcmp(text_string(&first), text_string(&text));
        }
        arena_close(&arena);
        roles |= 1u << slot->role;
    }
    *good &= !roles || roles == (1u << SLOT_WEIGHT | 1u << SLOT_BIAS | 1u << SLOT_INPUT | 1u << SLOT_OUTPUT);
    return *good ? spec : NULL;
}

/* A member of the payload as it is written in YAML; "" when it is absent. */
static const char *member(struct writing *w, const struct yaml_node *extra, const char *key)
{
    struct text out = text_make(w->base.out->arena);
    const struct yaml_node *node = extra ? yaml_get(extra, key) : NULL;
    const char *json = node ? yaml_to_json(out.arena, node, w->base.diags) : NULL;
    if (json && node->kind == YAML_STRING)
        yaml_print_quoted(&out, node->text, node->size);
    else if (json && (node->kind == YAML_MAPPING || node->kind == YAML_SEQUENCE))
        yaml_print_json(&out, json);
    else if (json)
        text_add(&out, json);
    return text_string(&out);
}

/* The policy stands once in the file. */
static void check_policy(struct writing *w, const struct rule *rule, const struct yaml_node *extra)
{
    const char *policy = member(w, extra, "overwrite_policy"), *safe = member(w, extra, "safe");
    if (w->first && (strcmp(policy, w->policy) || strcmp(safe, w->safe)))
        foreign_refuse(&w->base, rule->span, "another overwrite policy than that of `%s`", w->first->name);
    if (w->first)
        return;
    w->first = rule;
    w->policy = policy;
    w->safe = safe;
}

/* Other members of a payload would be lost: the file has no place for them. */
static bool is_known(const struct yaml_node *extra)
{
    static const char *const keys[] = {"factory", "kwargs", "overwrite_policy", "safe"};
    for (size_t i = 0; extra && i < extra->count; i++) {
        size_t k = 0;
        while (k < 4 && !yaml_is(extra->pairs[i].key, keys[k]))
            k++;
        if (k == 4)
            return false;
    }
    return true;
}

/* The payload is JSON, which YAML's reader takes. */
static const struct yaml_node *read_extra(struct writing *w, const struct config *config)
{
    struct arena *arena = w->base.out->arena;
    if (!config->extra)
        return NULL;
    struct yaml_document *document = yaml_read(arena, source_new(arena, config->name, config->extra, strlen(config->extra)), w->base.diags);
    return document->root && document->root->kind == YAML_MAPPING ? document->root : NULL;
}

static void print_config(struct writing *w, const struct rule *rule)
{
    struct text *out = w->base.out, text = text_make(out->arena);
    bool good = true;
    const struct spec *spec = find_spec(rule->config, &good);
    const struct yaml_node *extra = read_extra(w, rule->config);
    const char *factory = member(w, extra, "factory"), *kwargs = member(w, extra, "kwargs");
    if (!good || !is_known(extra) || (!spec && !*factory)) {
        foreign_refuse(&w->base, rule->config->span, good ? "the config `%s`, which names no `factory`" : "the slots of the config `%s`: a quantizer has one spec",
                       rule->config->name);
        return;
    }
    check_policy(w, rule, extra);
    if (!*factory) {
        print_spec(w, spec);
        return;
    }
    text_printf(out, "factory: %s%s%s", factory, *kwargs ? ", kwargs: " : "", kwargs);
    if (!spec)
        return;
    spec_print(&text, spec);
    text_add(out, ", spec: ");
    yaml_print_quoted(out, text_string(&text), text.size);
}

/* ---- rules ---- */

static void print_predicate(struct writing *w, const struct rule *rule)
{
    struct foreign_atoms atoms = {0};
    struct text query = text_make(w->base.out->arena);
    if (!foreign_alternatives(query.arena, rule->predicate, &atoms)) {
        foreign_refuse(&w->base, rule->predicate->span, "this predicate: its rules are mpath queries");
        return;
    }
    text_add(&query, atoms.count > 1 ? "{" : "");
    for (size_t i = 0; i < atoms.count; i++) {
        text_add(&query, i ? ", " : "");
        if (is_any(atoms.items[i]))
            diag_report(w->base.diags, DIAG_root_left, atoms.items[i]->span, "FastForward's `**` never takes the model itself");
        if (!print_query(&query, atoms.items[i]))
            foreign_refuse(&w->base, atoms.items[i]->span, "`%s` here: its rules are mpath queries", atom_rows[atoms.items[i]->atom].words);
    }
    text_add(&query, atoms.count > 1 ? "}" : "");
    yaml_print_quoted(w->base.out, text_string(&query), query.size);
}

static void print_rule(struct writing *w, const struct rule *rule)
{
    struct text *out = w->base.out, spec = text_make(out->arena);
    text_add(out, "  - {query: ");
    print_predicate(w, rule);
    text_add(out, ", ");
    switch (rule->target) {
    case AST_TARGET_SKIP: text_add(out, "factory: skip"); break;
    case AST_TARGET_SPEC:
        check_policy(w, rule, NULL);
        spec_print(&spec, rule->spec);
        text_add(out, "spec: ");
        yaml_print_quoted(out, text_string(&spec), spec.size);
        break;
    case AST_TARGET_CONFIG: print_config(w, rule); break;
    }
    if (rule->label) {
        text_add(out, ", label: ");
        yaml_print_quoted(out, rule->label, strlen(rule->label));
    }
    text_add(out, "}\n");
}

/* Queries keep their references. */
static void print_aliases(struct text *out, const struct recipe *recipe)
{
    bool first = true;
    for (const struct unit *u = recipe->unit; u; u = u->next)
        for (const struct symbol *s = u->symbols; s; s = s->next) {
            if (!recipe_shows_alias(recipe, s))
                continue;
            text_add(out, first ? "aliases:\n  " : "  ");
            yaml_print_name(out, s->name);
            text_add(out, ": ");
            yaml_print_quoted(out, s->decl->alias.bytes, s->decl->alias.size);
            text_char(out, '\n');
            first = false;
        }
}

bool foreign_write_fastforward(struct text *out, const struct recipe *recipe, struct diags *diags)
{
    struct text rules = text_make(out->arena);
    struct writing w = {.base = {&rules, recipe, diags, "FastForward", false}, .policy = "", .safe = ""};
    foreign_refuse_extras(&w.base, false);
    for (size_t i = foreign_rule_count(recipe); i-- > 0;)
        print_rule(&w, &recipe->rules[i]);
    print_aliases(out, recipe);
    if (*w.policy)
        text_printf(out, "overwrite_policy: %s\n", w.policy);
    if (*w.safe)
        text_printf(out, "safe: %s\n", w.safe);
    text_add(out, rules.size ? "rules:\n" : "rules: []\n");
    text_add(out, text_string(&rules));
    return !w.base.refused;
}
