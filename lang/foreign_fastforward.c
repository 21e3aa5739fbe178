/* FastForward's rules as a file (`--from fastforward`): the calls of QuantizationConfig.add_rule as a list, which
 * docs/fastforward.md describes; FastForward itself has no text form. The rule added last wins, so the list is a
 * `match last`; a rule with a constant score above others goes behind them. Quantizers that a spec can say become configs
 * whose every slot has that spec; whatever else a rule says of its quantizer is kept for the host (`extra`). */
#include "lang/foreign.h"

#include <stdlib.h>
#include <string.h>
#include "lang/fastforward.h"
#include "lang/yaml_tree.h"

const char *const fastforward_classes[FASTFORWARD_CLASS_COUNT] = {"LinearQuantizer", "DynamicLinearQuantizer"};
const struct fastforward_kwarg fastforward_kwargs[FASTFORWARD_KWARG_COUNT] = {
#define KWARG(name, linear, dynamic) {#name, {linear, dynamic}},
#include "lang/fastforward.def"
#undef KWARG
};

struct list {
    struct yaml_reading *y;
    struct yaml_table specs;
    uint32_t spec_count;
    struct yaml_table bodies, names; /* configs by what they hold, as entries of `configs`; how often a name was wanted */
    const char **configs;
    size_t count, capacity;
    const struct yaml_node *policy, *safe; /* or NULL */
    bool one_sided; /* said already */
};
struct scored { /* a rule's place in the list */
    const struct yaml_node *rule;
    int64_t score;
    size_t order;
};
/* What a rule's factory and kwargs come to. */
struct made {
    bool skip, exact, slots; /* exact: the spec says it all */
    bool one_sided;
    const char *spec;        /* slots */
};

static const char *const policies[] = {"error", "skip", "overwrite"};

/* ---- specs ---- */

/* FastForward's own arithmetic: symmetric without clipping, else an offset in floats that is subtracted before rounding; eps is
 * torch.finfo(float32).eps. */
void fastforward_spec(struct text *out, const struct fastforward_quantizer *q)
{
    const char *name = arena_printf(out->arena, "int%lld", (long long)q->bits);
    text_printf(out, format_find(name) ? "int%lld " : "int(%lld) ", (long long)q->bits);
    text_add(out, q->symmetric ? "symmetric no_clip " : "asymmetric free ");
    switch (q->granularity) {
    case GRANULARITY_tensor: case GRANULARITY_token: text_add(out, "per tensor"); break;
    case GRANULARITY_channel: text_printf(out, "per channel(%lld)", (long long)q->dims[0]); break;
    case GRANULARITY_group: text_printf(out, "per group(%lld, %lld)", (long long)q->dims[0], (long long)q->dims[1]); break;
    case GRANULARITY_block: text_printf(out, "per block(%lld, %lld)", (long long)q->dims[0], (long long)q->dims[1]); break;
    }
    text_add(out, q->symmetric ? "" : " formula z_before eps 1.1920928955078125e-07");
    text_add(out, q->class == FASTFORWARD_DYNAMIC ? " dynamic" : " static");
}

/* ---- granularities: a class's name, or {class: arguments} ---- */

/* An integer, or a list of them; the number read, or -1. */
static int read_integers(const struct yaml_node *node, int64_t *values, int most)
{
    int count = 0;
    if (node && node->kind == YAML_INT && !node->too_wide)
        values[count++] = node->integer;
    for (size_t i = 0; node && node->kind == YAML_SEQUENCE && i < node->count; i++) {
        if (count == most || node->items[i]->kind != YAML_INT || node->items[i]->too_wide)
            return -1;
        values[count++] = node->items[i]->integer;
    }
    return count;
}

static const struct yaml_node *argument(const struct yaml_node *arguments, const char *name)
{
    return arguments && arguments->kind == YAML_MAPPING ? yaml_get(arguments, name) : arguments;
}

/* Tiles of a matrix; -1: the whole dimension. A tile of one row, or of one column, is a group.
 * A row's tile of c columns is a group of c along dimension 1, a column's of r rows one of r along dimension 0. */
static void set_tile(struct fastforward_quantizer *q, int64_t rows, int64_t columns)
{
    bool group = (rows == 1) != (columns == 1) && rows > 0 && columns > 0;
    q->granularity = group ? GRANULARITY_group : GRANULARITY_block;
    q->dims[0] = group && rows == 1 ? columns : rows;
    q->dims[1] = group ? rows == 1 : columns;
}

/* Dimensions 0 and 1 of a matrix: some in blocks of a size, some one by one, the others whole. */
static bool read_blocks(const struct yaml_node *arguments, struct fastforward_quantizer *q)
{
    int64_t dims[2], sizes[2], apart[2], tile[2] = {-1, -1};
    if (!arguments || arguments->kind != YAML_MAPPING)
        return false;
    const struct yaml_node *strict = yaml_get(arguments, "strict_blocks");
    int count = read_integers(yaml_get(arguments, "block_dims"), dims, 2), size_count = read_integers(yaml_get(arguments, "block_sizes"), sizes, 2);
    int apart_count = read_integers(yaml_get(arguments, "per_channel_dims"), apart, 2);
    bool good = count > 0 && count == size_count && apart_count >= 0 && (!strict || yaml_truth(strict));
    for (int i = 0; good && i < apart_count; i++)
        if ((good = apart[i] == 0 || apart[i] == 1))
            tile[apart[i]] = 1;
    for (int i = 0; good && i < count; i++)
        if ((good = (dims[i] == 0 || dims[i] == 1) && sizes[i] > 0))
            tile[dims[i]] = sizes[i];
    set_tile(q, tile[0], tile[1]);
    return good;
}

/* False: a spec has no words for it. */
static bool read_granularity(const struct yaml_node *node, struct fastforward_quantizer *q)
{
    bool call = node && node->kind == YAML_MAPPING && node->count == 1;
    const struct yaml_node *name = call ? node->pairs[0].key : node, *arguments = call ? node->pairs[0].value : NULL;
    q->granularity = GRANULARITY_tensor;
    if (!node || node->kind == YAML_NULL || yaml_is(name, "PerTensor"))
        return true;
    if (yaml_is(name, "PerChannel")) {
        q->granularity = GRANULARITY_channel;
        q->dims[0] = 0;
        const struct yaml_node *axis = argument(arguments, "channel_dim");
        return !axis || axis->kind == YAML_NULL || read_integers(axis, q->dims, 1) == 1;
    }
    if (yaml_is(name, "PerBlock"))
        return read_blocks(arguments, q);
    int64_t tile[2];
    if (!yaml_is(name, "PerTile") || read_integers(argument(arguments, "tile_shape"), tile, 2) != 2 || tile[0] < 1 || tile[1] < 1)
        return false;
    set_tile(q, tile[0], tile[1]);
    return true;
}

/* ---- quantizers ---- */

/* Python raises TypeError for an argument that a class's __init__ does not have. */
static bool is_taken(struct list *l, const struct yaml_node *kwargs, enum fastforward_class class)
{
    bool good = true;
    for (size_t i = 0; i < kwargs->count; i++) {
        const struct yaml_node *key = kwargs->pairs[i].key;
        const char *names[FASTFORWARD_KWARG_COUNT];
        size_t count = 0, found = SIZE_MAX;
        for (size_t k = 0; k < FASTFORWARD_KWARG_COUNT; k++)
            if (fastforward_kwargs[k].taken[class]) {
                found = yaml_is(key, fastforward_kwargs[k].name) ? k : found;
                names[count++] = fastforward_kwargs[k].name;
            }
        if (found != SIZE_MAX)
            continue;
        struct diag *d = diag_report(l->y->diags, DIAG_fastforward_refused, key->span, "%s takes no argument `%s`", fastforward_classes[class], key->text);
        yaml_help_nearest(l->y, d, key->text, names, count);
        good = false;
    }
    return good;
}

/* A bool among the kwargs, as Python reads it. */
static bool flag(const struct yaml_node *kwargs, const char *name, bool fallback)
{
    const struct yaml_node *node = kwargs ? yaml_get(kwargs, name) : NULL;
    return node ? yaml_truth(node) : fallback;
}

static bool is_given(const struct yaml_node *kwargs, const char *name)
{
    const struct yaml_node *node = yaml_get(kwargs, name);
    return node && node->kind != YAML_NULL;
}

static void note_one_sided(struct list *l, const struct yaml_node *place)
{
    if (!l->one_sided)
        diag_report(l->y->diags, DIAG_one_sided, place->span,
                    "FastForward stores tensors without negative values unsigned here (`allow_one_sided`); the spec keeps the sign");
    l->one_sided = true;
}

static void make_quantizer(struct list *l, const struct yaml_node *place, enum fastforward_class class, const struct yaml_node *kwargs, struct made *made)
{
    const struct yaml_node *bits = kwargs ? yaml_get(kwargs, "num_bits") : NULL;
    struct fastforward_quantizer q = {.class = class, .symmetric = flag(kwargs, "symmetric", class == FASTFORWARD_LINEAR)};
    struct text spec = text_make(l->y->arena);
    if (kwargs && !is_taken(l, kwargs, class))
        return;
    if (!bits || bits->kind != YAML_INT || bits->too_wide || bits->integer < 1) {
        diag_report(l->y->diags, DIAG_fastforward_refused, bits ? bits->span : place->span, "expected `num_bits`, an integer above 0, saw %s",
                    bits ? yaml_kind_words[bits->kind] : "nothing");
        return;
    }
    q.bits = bits->integer;
    bool one_sided = q.symmetric && flag(kwargs, "allow_one_sided", true);
    if (q.bits > 16 || !read_granularity(yaml_get(kwargs, "granularity"), &q) || is_given(kwargs, "parameter_inference_fn"))
        return; /* the host's alone */
    fastforward_spec(&spec, &q);
    *made = (struct made){.slots = true, .spec = text_string(&spec)};
    made->exact = !one_sided && !is_given(kwargs, "quantized_dtype") && !is_given(kwargs, "param_dtype") && !is_given(kwargs, "device");
    made->one_sided = one_sided;
}

/* The class a factory's name ends in, whatever it was imported as; FASTFORWARD_CLASS_COUNT: none of those. */
static enum fastforward_class class_of(const struct yaml_node *factory)
{
    const char *dot = strrchr(factory->text, '.'), *last = dot ? dot + 1 : factory->text;
    enum fastforward_class class = 0;
    while (class < FASTFORWARD_CLASS_COUNT && strcmp(fastforward_classes[class], last))
        class++;
    return class;
}

/* A name is the host's, but for the quantizers there are and the names of Quern's own formats and presets. */
static void make_named(struct list *l, const struct yaml_node *factory, const struct yaml_node *kwargs, struct made *made)
{
    enum fastforward_class class = class_of(factory);
    bool own = !yaml_is_bare(factory->text) || format_find(factory->text) || preset_find(factory->text);
    made->skip = yaml_is(factory, "skip");
    if (class < FASTFORWARD_CLASS_COUNT) {
        make_quantizer(l, factory, class, kwargs, made);
    } else if (own && !made->skip) {
        *made = (struct made){.slots = true, .exact = true, .spec = factory->text};
        if (kwargs)
            diag_report(l->y->diags, DIAG_fastforward_refused, kwargs->span, "a spec takes no `kwargs`");
    }
}

/* ---- configs ---- */

/* What the host is told besides the spec; "" when there is nothing. */
static const char *make_extra(struct list *l, const struct yaml_node *factory, const struct yaml_node *kwargs, const struct made *made)
{
    struct yaml_reading *y = l->y;
    struct text out = text_make(y->arena);
    const struct { const char *key; const struct yaml_node *node; } members[] = {
        {"factory", made->exact ? NULL : factory->kind == YAML_MAPPING ? NULL : factory},
        {"kwargs", made->exact ? NULL : factory->kind == YAML_MAPPING ? factory : kwargs},
        {"overwrite_policy", l->policy && !yaml_is(l->policy, policies[0]) ? l->policy : NULL},
        {"safe", l->safe && !yaml_truth(l->safe) ? l->safe : NULL},
    };
    if (!made->exact && factory->kind == YAML_MAPPING)
        text_printf(&out, "\"factory\": \"%s\"", fastforward_classes[FASTFORWARD_LINEAR]);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const char *json = members[i].node ? yaml_to_json(y->arena, members[i].node, y->diags) : NULL;
        if (json)
            text_printf(&out, "%s\"%s\": %s", out.size ? ", " : "", members[i].key, json);
    }
    return out.size ? arena_printf(y->arena, "{%s}", out.bytes) : "";
}

/* What the factory is called, with a number where another config has that name. */
static const char *make_name(struct list *l, const struct yaml_node *factory)
{
    bool found, spec = factory->kind == YAML_MAPPING || !yaml_is_bare(factory->text);
    const char *dot = spec ? NULL : strrchr(factory->text, '.');
    const char *name = factory->kind == YAML_MAPPING ? fastforward_classes[FASTFORWARD_LINEAR] : spec ? "quantizer" : dot ? dot + 1 : factory->text;
    uint32_t *count = yaml_table_at(&l->names, name, &found);
    uint32_t number = ++*count;
    while (number > 1) {
        const char *numbered = arena_printf(l->y->arena, "%s_%u", name, number++);
        uint32_t *taken = yaml_table_at(&l->names, numbered, &found);
        if (!found) {
            *taken = 1;
            return numbered;
        }
    }
    return name;
}

/* The config of that body; made when it is the first. */
static const char *find_config(struct list *l, const struct yaml_node *factory, const struct made *made, const char *extra)
{
    struct text body = text_make(l->y->arena);
    static const char *const roles[] = {"weight", "bias", "input", "output"};
    bool found;
    text_char(&body, '{');
    for (size_t i = 0; made->slots && i < 4; i++)
        text_printf(&body, " %s %s", roles[i], made->spec);
    text_printf(&body, "%s%s }", *extra ? " extra " : "", extra);
    uint32_t *number = yaml_table_at(&l->bodies, text_string(&body), &found);
    if (!found) {
        *number = (uint32_t)l->count;
        *ARENA_PUSH(l->y->arena, l->configs, l->count, l->capacity) = make_name(l, factory);
        foreign_declare(l->y, AST_DECL_config, l->configs[*number], factory->span, text_string(&body));
    }
    return l->configs[*number];
}

/* The spec declared with that text; declared when it is the first. */
static const char *find_spec(struct list *l, const struct yaml_node *spec)
{
    bool found;
    uint32_t *number = yaml_table_at(&l->specs, spec->text, &found);
    if (!found)
        *number = ++l->spec_count;
    const char *name = arena_printf(l->y->arena, "spec_%u", *number);
    if (!found)
        foreign_declare(l->y, AST_DECL_spec, name, spec->span, arena_printf(l->y->arena, "= %s", spec->text));
    return name;
}

/* ---- rules ---- */

static void warn_keys(struct list *l, const struct yaml_node *mapping, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < mapping->count; i++) {
        const struct yaml_node *key = mapping->pairs[i].key;
        size_t k = 0;
        while (k < count && !yaml_is(key, keys[k]))
            k++;
        if (k < count)
            continue;
        struct diag *d = diag_report(l->y->diags, DIAG_foreign_ignored, key->span, "the key `%s` has no effect", key->text);
        yaml_help_nearest(l->y, d, key->text, keys, count);
    }
}

/* The value of a key with its kind; NULL when it is absent or, after a message, of another kind. */
static const struct yaml_node *get(struct list *l, const struct yaml_node *mapping, const char *key, enum yaml_kind kind, bool *good)
{
    const struct yaml_node *node = yaml_get(mapping, key);
    if (!node || node->kind == YAML_NULL)
        return NULL;
    const char *what = arena_printf(l->y->arena, "%s as `%s`", yaml_kind_words[kind], key);
    if (yaml_expect(l->y, node, kind, what))
        return node;
    *good = false;
    return NULL;
}

struct parts { /* of a rule; those that may be absent are NULL */
    const struct yaml_node *rule, *query, *factory, *kwargs, *spec, *label;
};

/* A spec is parsed for its faults here, where its place is known. */
static struct made make(struct list *l, const struct parts *p)
{
    struct made made = {0};
    if (p->factory && p->factory->kind == YAML_MAPPING)
        make_quantizer(l, p->factory, FASTFORWARD_LINEAR, p->factory, &made);
    else if (p->factory)
        make_named(l, p->factory, p->kwargs, &made);
    if (p->spec)
        made = (struct made){.slots = true, .spec = p->spec->text, .exact = !p->factory};
    if (made.one_sided)
        note_one_sided(l, p->factory);
    if (made.slots) /* once: it stands in every slot */
        ast_parse_spec(l->y->arena, l->y->source, (p->spec ? p->spec : p->factory)->span, made.spec, strlen(made.spec), l->y->diags);
    return made;
}

/* A spec alone is for the quantizer's own tensor; a config holds what must be said besides. */
static void add_rule(struct list *l, struct parts p)
{
    unsigned errors = l->y->diags->errors;
    struct made made = make(l, &p);
    const struct yaml_node *what = p.factory ? p.factory : p.spec;
    if (l->y->diags->errors > errors)
        return;
    const char *extra = made.skip ? "" : make_extra(l, what, p.kwargs, &made), *name = "skip";
    enum ast_target_kind target = made.skip ? AST_TARGET_SKIP : p.factory || *extra ? AST_TARGET_CONFIG : AST_TARGET_SPEC;
    if (target == AST_TARGET_CONFIG)
        name = find_config(l, what, &made, extra);
    if (target == AST_TARGET_SPEC)
        name = find_spec(l, what);
    struct ast_predicate *predicate = foreign_atom(l->y, p.query->span, ATOM_mpath, p.query->text, p.query->size);
    foreign_rule(l->y, p.rule->span, p.label ? p.label->text : NULL, predicate, target, name);
}

static void read_rule(struct list *l, const struct yaml_node *rule)
{
    static const char *const keys[] = {"query", "factory", "kwargs", "spec", "score", "label"};
    bool good = true;
    warn_keys(l, rule, keys, sizeof keys / sizeof *keys);
    const struct yaml_node *query = get(l, rule, "query", YAML_STRING, &good), *kwargs = get(l, rule, "kwargs", YAML_MAPPING, &good);
    const struct yaml_node *label = get(l, rule, "label", YAML_STRING, &good), *spec = get(l, rule, "spec", YAML_STRING, &good);
    const struct yaml_node *factory = yaml_get(rule, "factory");
    if (!query && good)
        diag_report(l->y->diags, DIAG_fastforward_refused, rule->span, "a rule has a `query`");
    if (!factory && !spec)
        diag_report(l->y->diags, DIAG_fastforward_refused, rule->span, "a rule has a `factory`: a quantizer's name, a spec, or `skip`");
    else if (factory && factory->kind != YAML_MAPPING)
        good &= yaml_expect(l->y, factory, YAML_STRING, "a name, a spec or the arguments of LinearQuantizer");
    else if (kwargs && factory)
        diag_report(l->y->diags, DIAG_fastforward_refused, kwargs->span, "`factory` holds the arguments already");
    if (good && query && (factory || spec))
        add_rule(l, (struct parts){rule, query, factory, kwargs, spec, label});
}

/* Equal scores keep the order of the list. */
static int compare_scores(const void *left, const void *right)
{
    const struct scored *a = left, *b = right;
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

/* In ascending order of their scores: the last one wins. */
static void read_rules(struct list *l, const struct yaml_node *rules)
{
    struct scored *order = ARENA_ARRAY(l->y->arena, rules->count + 1, struct scored);
    size_t count = 0;
    for (size_t i = 0; i < rules->count; i++) {
        bool good = true;
        if (!yaml_expect(l->y, rules->items[i], YAML_MAPPING, "a rule, a mapping with `query` and `factory`"))
            continue;
        const struct yaml_node *score = get(l, rules->items[i], "score", YAML_INT, &good);
        order[count] = (struct scored){rules->items[i], score && !score->too_wide ? score->integer : 1, count};
        count += good;
    }
    if (count)
        qsort(order, count, sizeof *order, compare_scores);
    for (size_t i = 0; i < count; i++)
        read_rule(l, order[i].rule);
}

/* ---- the whole ---- */

bool foreign_is_fastforward(const struct yaml_node *root)
{
    const struct yaml_node *rules = yaml_get(root, "rules");
    bool list = rules && rules->kind == YAML_SEQUENCE;
    return list && (!rules->count || (rules->items[0]->kind == YAML_MAPPING && yaml_get(rules->items[0], "query")));
}

/* FastForward notices a misspelt policy only when it meets a quantizer that is none of its stubs. */
static void read_policy(struct list *l, const struct yaml_node *root, bool *good)
{
    l->policy = get(l, root, "overwrite_policy", YAML_STRING, good);
    l->safe = get(l, root, "safe", YAML_BOOL, good);
    for (size_t i = 0; l->policy && i < sizeof policies / sizeof *policies; i++)
        if (yaml_is(l->policy, policies[i]))
            return;
    if (!l->policy)
        return;
    struct diag *d = diag_report(l->y->diags, DIAG_fastforward_refused, l->policy->span, "expected error, skip or overwrite as `overwrite_policy`, saw `%s`",
                                 l->policy->text);
    yaml_help_nearest(l->y, d, l->policy->text, policies, sizeof policies / sizeof *policies);
}

void foreign_read_fastforward(struct yaml_reading *y, const struct yaml_node *root)
{
    static const char *const keys[] = {"rules", "aliases", "overwrite_policy", "safe"};
    struct list l = {.y = y, .bodies.arena = y->arena, .names.arena = y->arena, .specs.arena = y->arena};
    bool good = true;
    if (!yaml_expect(y, root, YAML_MAPPING, "a mapping with `rules`"))
        return;
    warn_keys(&l, root, keys, sizeof keys / sizeof *keys);
    const struct yaml_node *rules = get(&l, root, "rules", YAML_SEQUENCE, &good);
    read_policy(&l, root, &good);
    for (size_t i = 0; i < root->count; i++)
        if (yaml_is(root->pairs[i].key, "aliases"))
            yaml_read_aliases(y, &root->pairs[i]);
    if (!rules && good)
        diag_report(y->diags, DIAG_fastforward_refused, root->span, "a rule list has `rules`");
    if (!rules)
        return;
    foreign_match(y, rules->span)->match.policy = AST_LAST;
    read_rules(&l, rules);
}
